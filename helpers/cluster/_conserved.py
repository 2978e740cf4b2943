"""The compiled twin of conservative backfilling: see `helpers.cluster.twin`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.cluster import _machine
from helpers.cluster._machine import (
    ARRIVED,
    DECISIONS,
    ENDED,
    WAITING,
    Heap,
    Machine,
    heap,
    joined,
    machine,
    next_s,
    overdue,
    popped,
    pushed,
    roomier_heap,
    started,
    stopped,
)
from helpers.decide import _places
from helpers.decide._places import (
    advanced,
    cleared,
    given,
    made,
    needed,
    placed,
    rebooked,
    room,
    roomier,
)
from helpers.decide.backfill import LATE_S
from helpers.extras import compiled, lean

__all__ = ["conserved"]


class Places(NamedTuple):
    """Who waits, and the places of those that wait and of those that run.

    Attributes
    ----------
    line : ndarray of int
        Jobs that wait, in order.
    from_s, until_s : ndarray
        By job; `from_s` is infinite without a place [s].
    steps : ndarray of int
        See `helpers.decide._places.placed`.
    first_s : ndarray, shape (1,)
        When the first place of those that wait begins [s].
    stops : Heap
        When the places of jobs that run are over, and of some that ran.
    """

    line: NDArray[np.int64]
    from_s: NDArray[np.float64]
    until_s: NDArray[np.float64]
    steps: NDArray[np.int64]
    first_s: NDArray[np.float64]
    stops: Heap


def conserved(jobs: Any, cores: int, kill: bool) -> Machine:
    """Replay jobs under count-based conservative backfilling.

    Parameters
    ----------
    jobs : helpers.cluster.twin.Jobs
        The jobs.
    cores : int
        Those of the cluster.
    kill : bool
        Whether jobs are killed at the time they asked for.

    Returns
    -------
    Machine
        What has run.
    """
    n, on = jobs.submit_s.size, machine(jobs, cores)
    line, steps = np.empty(n + 1, dtype=np.int64), np.zeros((n, 2), dtype=np.int64)
    places = Places(line, np.full(n, np.inf), np.empty(n), steps, np.full(1, np.inf), heap(n))
    plan, wakes = made(float(jobs.submit_s[0]), cores), heap(64)
    for need in np.unique(jobs.processors).tolist():
        plan = needed(plan, need)
    loop = compiled(_conserved, *_places.PARTS, *_machine.PARTS, *_PARTS)
    while steps_short := loop(jobs, kill, LATE_S, plan, on, places, wakes):
        plan, wakes = roomier(plan, steps_short), roomier_heap(wakes)
    return on


# numba compiles all below; each function calls only those above it.


@lean
def _freed(jobs, plan, on, places, now_s):  # type: ignore[no-untyped-def]
    """Give back the cores of jobs that end now; tell whether there are any."""
    freed = False
    while on.ends.time_s[1] == now_s:
        i = stopped(on, jobs)
        given(plan, now_s, places.until_s[i], jobs.processors[i])
        freed = True
    return freed


@lean
def _told(jobs, on, wakes, now_s):  # type: ignore[no-untyped-def]
    """Tell whether jobs arrive now, are late from now on, or somebody asked for now."""
    told, tally = False, on.tally
    while tally[ARRIVED] < jobs.submit_s.size and jobs.submit_s[tally[ARRIVED]] == now_s:
        tally[ARRIVED] += 1
        told = True
    told |= overdue(on, now_s)
    while wakes.time_s[1] == now_s:
        popped(wakes)
        told = True
    return told


@lean
def _runs_on(on, places, i, until_s):  # type: ignore[no-untyped-def]
    """Tell whether a place is that of a job that runs."""
    return on.run_of[i] >= 0 and places.until_s[i] == until_s


@lean
def _extended(jobs, on, places, now_s, late_s):  # type: ignore[no-untyped-def]
    """Expect late jobs to run on; tell whether there are any."""
    late, stops = False, places.stops
    while stops.time_s[1] <= now_s:
        until_s = stops.time_s[1]
        i = popped(stops)
        if not _runs_on(on, places, i, until_s):
            continue
        end_s, step_s = on.start_s[on.run_of[i]] + jobs.planned_s[i], late_s
        while end_s + step_s <= now_s:
            step_s *= 2
        places.until_s[i] = end_s + step_s
        pushed(stops, places.until_s[i], i)
        late = True
    return late


@lean
def _anew(jobs, plan, on, places, now_s):  # type: ignore[no-untyped-def]
    """Forget all places but those of jobs that run."""
    stops = places.stops
    cleared(plan, now_s, on.is_free.size)
    for k in range(1, stops.who[0] + 1):
        i = stops.who[k]
        if _runs_on(on, places, i, stops.time_s[k]):
            given(plan, now_s, stops.time_s[k], -jobs.processors[i])
    for k in range(on.tally[WAITING]):
        places.from_s[places.line[k]] = np.inf


@lean
def _launched(jobs, on, places, now_s, kill):  # type: ignore[no-untyped-def]
    """Start those whose time has come, in order."""
    line, from_s, left, first_s = places.line, places.from_s, 0, np.inf
    for k in range(on.tally[WAITING]):
        i = line[k]
        if from_s[i] > now_s:
            line[left] = i
            left += 1
            first_s = min(first_s, from_s[i])
            continue
        started(on, jobs, i, now_s, kill)
        pushed(places.stops, places.until_s[i], i)
    on.tally[WAITING], places.first_s[0] = left, first_s


@lean
def _asked_again(on, places, wakes, now_s):  # type: ignore[no-untyped-def]
    """Ask again when the next place begins, and when a job that runs is late."""
    stops, first_s = places.stops, places.first_s[0]
    if first_s < np.inf:
        pushed(wakes, first_s, np.int64(-1))
    if not on.tally[WAITING]:
        return
    while stops.who[0] and not _runs_on(on, places, stops.who[1], stops.time_s[1]):
        popped(stops)
    if stops.who[0]:
        pushed(wakes, max(stops.time_s[1], np.nextafter(now_s, np.inf)), np.int64(-1))


@lean
def _short(jobs, plan, on, wakes, now_s):  # type: ignore[no-untyped-def]
    """Return for how many steps there must be room now, or 0 where there is room enough."""
    came = on.tally[ARRIVED]
    while came < jobs.submit_s.size and jobs.submit_s[came] == now_s:
        came += 1
    steps = on.tally[WAITING] + came - on.tally[ARRIVED] + 2 * on.is_free.size + 2
    return steps if room(plan) < steps or wakes.who[0] + 3 > wakes.who.size else 0


@lean
def _reserved(jobs, plan, on, places, came):  # type: ignore[no-untyped-def]
    """Give the jobs that have arrived their first places."""
    line, tally = places.line, on.tally
    for i in range(came, tally[ARRIVED]):
        joined(line, tally[WAITING], jobs.rank, i)
        tally[WAITING] += 1
        need, left_s = jobs.processors[i], jobs.planned_s[i]
        placed(plan, i, need, left_s, places.from_s, places.until_s, places.steps)
        places.first_s[0] = min(places.first_s[0], places.from_s[i])


@lean
def _conserved(jobs, kill, late_s, plan, on, places, wakes):  # type: ignore[no-untyped-def]
    """Replay until all is done, or there must be room: see `_short`."""
    tally, its = on.tally, (places.from_s, places.until_s, places.steps)
    while tally[ENDED] < jobs.submit_s.size:
        now_s, came = min(next_s(on, jobs), wakes.time_s[1]), tally[ARRIVED]
        steps = _short(jobs, plan, on, wakes, now_s)
        if steps:
            return steps
        advanced(plan, now_s)
        freed = _freed(jobs, plan, on, places, now_s)
        if not (_told(jobs, on, wakes, now_s) or freed):
            continue
        tally[DECISIONS] += 1
        late = _extended(jobs, on, places, now_s, late_s)
        if late:
            _anew(jobs, plan, on, places, now_s)
        if late or freed:
            asked = jobs.processors, jobs.planned_s
            line = places.line[: tally[WAITING]]
            places.first_s[0] = rebooked(plan, line, *asked, *its)
        _reserved(jobs, plan, on, places, came)
        if places.first_s[0] <= now_s:
            _launched(jobs, on, places, now_s, kill)
        _asked_again(on, places, wakes, now_s)
    return 0


_PARTS = (_freed, _told, _runs_on, _extended, _anew, _launched, _asked_again, _short, _reserved)
