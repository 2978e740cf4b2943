"""The compiled twin of orders and of EASY backfilling: see `helpers.cluster.twin`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.cluster import _machine
from helpers.cluster._machine import (
    ARRIVED,
    DECISIONS,
    ENDED,
    FREE,
    Machine,
    machine,
    next_s,
    overdue,
    started,
    stopped,
)
from helpers.extras import compiled, lean

__all__ = ["backfilled"]


class Trees(NamedTuple):
    """Who waits: trees over ranks, in which [k] is the least of [2 k] and [2 k + 1].

    A job that does not wait needs more processors than there are.

    Attributes
    ----------
    line : ndarray of int
        Processors, by ranks in the line: it tells who is first.
    need, short_s : ndarray
        Processors and planned times, by ranks of backfilling: they tell who may backfill.
    of_rank, of_back : ndarray of int
        Jobs by either rank.
    """

    line: NDArray[np.int64]
    need: NDArray[np.int64]
    short_s: NDArray[np.float64]
    of_rank: NDArray[np.int64]
    of_back: NDArray[np.int64]


class Releases(NamedTuple):
    """When jobs that run are expected to end, in order of time and then of their numbers.

    Attributes
    ----------
    time_s : ndarray
        When [s].
    job : ndarray of int
        Which; the last place counts.
    """

    time_s: NDArray[np.float64]
    job: NDArray[np.int64]


def backfilled(jobs: Any, cores: int, easy: bool, kill: bool) -> Machine:
    """Replay jobs in an order, with EASY backfilling or without.

    Parameters
    ----------
    jobs : helpers.cluster.twin.Jobs
        The jobs.
    cores : int
        Those of the cluster.
    easy : bool
        Whether jobs behind the head backfill.
    kill : bool
        Whether jobs are killed at the time they asked for.

    Returns
    -------
    Machine
        What has run.
    """
    n, size = jobs.submit_s.size, 1
    while size < n:
        size *= 2
    of_rank, of_back = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    of_rank[jobs.rank] = of_back[jobs.back_rank] = np.arange(n)
    none = np.full(2 * size, cores + 1)
    trees = Trees(none, none.copy(), np.full(2 * size, np.inf), of_rank, of_back)
    releases = Releases(np.empty(cores + 1), np.zeros(cores + 1, dtype=np.int64))
    on = machine(jobs, cores)
    loop = compiled(_backfilled, *_machine.PARTS, *_PARTS)
    loop(jobs, easy, kill, trees, releases, on)
    return on


# numba compiles all below; each function calls only those above it.


@lean
def _lowered(tree, k, value):  # type: ignore[no-untyped-def]
    """Change a leaf of a tree, and what it is the least of."""
    tree[k] = value
    while k > 1:
        k >>= 1
        tree[k] = min(tree[2 * k], tree[2 * k + 1])


@lean
def _waits(trees, jobs, i, need, short_s):  # type: ignore[no-untyped-def]
    """Let a job wait with what it needs, or wait no longer."""
    size = trees.line.size >> 1
    _lowered(trees.line, size + jobs.rank[i], need)
    _lowered(trees.need, size + jobs.back_rank[i], need)
    _lowered(trees.short_s, size + jobs.back_rank[i], short_s)


@lean
def _head(trees, cores):  # type: ignore[no-untyped-def]
    """Return the first job of the line; -1 without any."""
    line, k = trees.line, 1
    if line[1] > cores:
        return np.int64(-1)
    while 2 * k < line.size:
        k = 2 * k if line[2 * k] <= cores else 2 * k + 1
    return trees.of_rank[k - (line.size >> 1)]


@lean
def _next_to_fit(trees, place, free, extra, window_s):  # type: ignore[no-untyped-def]
    """Return the next place behind another whose job fits now, and in time or beside the head.

    A stretch may look as if it held one and hold none: climb on. Return -1 without any.
    """
    need, short_s, size = trees.need, trees.short_s, trees.need.size >> 1
    small, k, down = min(free, extra), place + size, False
    if place < 0:
        k, down = 1, True
    while True:
        if down and (need[k] <= small or (need[k] <= free and short_s[k] <= window_s)):
            if k >= size:
                return k - size
            k = 2 * k
            continue
        while k & 1:
            k >>= 1
        if k == 0:
            return np.int64(-1)
        k, down = k + 1, True


@lean
def _expected(releases, expected_s, i):  # type: ignore[no-untyped-def]
    """Put in when a job is expected to end."""
    time_s, job = releases.time_s, releases.job
    m = job[-1]
    while m > 0 and (
        time_s[m - 1] > expected_s or (time_s[m - 1] == expected_s and job[m - 1] > i)
    ):
        time_s[m], job[m] = time_s[m - 1], job[m - 1]
        m -= 1
    job[-1] += 1
    time_s[m], job[m] = expected_s, i


@lean
def _released(releases, expected_s, i):  # type: ignore[no-untyped-def]
    """Take out when a job was expected to end."""
    time_s, job = releases.time_s, releases.job
    low, high = 0, job[-1]
    while low < high:
        middle = (low + high) >> 1
        if time_s[middle] < expected_s:
            low = middle + 1
        else:
            high = middle
    while job[low] != i:
        low += 1
    job[-1] -= 1
    for m in range(low, job[-1]):
        time_s[m], job[m] = time_s[m + 1], job[m + 1]


@lean
def _reserved(releases, jobs, free, need, now_s):  # type: ignore[no-untyped-def]
    """Return the window until the shadow time [s], and what is free then beside the head."""
    count, shadow_s = free, now_s
    for m in range(releases.job[-1]):
        if count >= need and releases.time_s[m] > shadow_s:
            break
        count += jobs.processors[releases.job[m]]
        shadow_s = max(now_s, releases.time_s[m])
    return shadow_s - now_s, count - need


@lean
def _begun(jobs, trees, releases, on, i, now_s, kill):  # type: ignore[no-untyped-def]
    """Start a job that waits."""
    started(on, jobs, i, now_s, kill)
    _expected(releases, now_s + jobs.planned_s[i], i)
    _waits(trees, jobs, i, on.is_free.size + 1, np.inf)


@lean
def _served(jobs, easy, kill, trees, releases, on, now_s):  # type: ignore[no-untyped-def]
    """Start the head of the line for as long as it fits, then who may backfill behind it."""
    tally = on.tally
    head = _head(trees, on.is_free.size)
    while head >= 0 and jobs.processors[head] <= tally[FREE]:
        _begun(jobs, trees, releases, on, head, now_s, kill)
        head = _head(trees, on.is_free.size)
    if head < 0 or not easy or not tally[FREE]:
        return
    place, need = np.int64(-1), jobs.processors[head]
    window_s, extra = _reserved(releases, jobs, tally[FREE], need, now_s)
    while tally[FREE]:
        place = _next_to_fit(trees, place, tally[FREE], extra, window_s)
        if place < 0:
            return
        i = trees.of_back[place]
        if i == head:
            continue
        if jobs.planned_s[i] > window_s:
            extra -= jobs.processors[i]
        _begun(jobs, trees, releases, on, i, now_s, kill)


@lean
def _backfilled(jobs, easy, kill, trees, releases, on):  # type: ignore[no-untyped-def]
    n, tally = jobs.submit_s.size, on.tally
    while tally[ENDED] < n:
        # What happens at the next instant: ends, then arrivals, then jobs that become late.
        now_s, happened = next_s(on, jobs), False
        while on.ends.time_s[1] == now_s:
            r = on.run_of[on.ends.who[1]]
            i = stopped(on, jobs)
            _released(releases, on.start_s[r] + jobs.planned_s[i], i)
            happened = True
        while tally[ARRIVED] < n and jobs.submit_s[tally[ARRIVED]] == now_s:
            i = tally[ARRIVED]
            _waits(trees, jobs, i, jobs.processors[i], jobs.planned_s[i])
            tally[ARRIVED] += 1
            happened = True
        happened |= overdue(on, now_s)
        if happened:
            tally[DECISIONS] += 1
            _served(jobs, easy, kill, trees, releases, on, now_s)


_PARTS = (
    _lowered,
    _waits,
    _head,
    _next_to_fit,
    _expected,
    _released,
    _reserved,
    _begun,
    _served,
)
