"""What runs where in the compiled twins, and who is next in time: see `helpers.cluster.twin`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.extras import lean

__all__ = [
    "ARRIVED",
    "DECISIONS",
    "ENDED",
    "FREE",
    "PARTS",
    "WAITING",
    "Heap",
    "Machine",
    "heap",
    "joined",
    "machine",
    "next_s",
    "overdue",
    "popped",
    "pushed",
    "roomier_heap",
    "started",
    "stopped",
]

RUNS, LOW, FREE, ARRIVED, ENDED, WAITING, DECISIONS = range(7)
"""What `Machine.tally` counts: runs, a core below which none is free, free cores, jobs that have
arrived, that have ended and that wait, decisions."""


class Heap(NamedTuple):
    """Instants with jobs, the earliest at place 1, of several the job with the lowest number.

    Attributes
    ----------
    time_s : ndarray
        Infinite at place 1 when there are none [s].
    who : ndarray of int
        Place 0 counts.
    """

    time_s: NDArray[np.float64]
    who: NDArray[np.int64]


class Machine(NamedTuple):
    """What runs, and has run.

    Attributes
    ----------
    job, start_s, stop_s, killed : ndarray
        Of each run: see `helpers.cluster.Replay.runs`.
    first_core, taken : ndarray of int
        Cores of each run.
    run_of : ndarray of int
        Run of each job, -1 for one that does not run.
    is_free : ndarray of bool
        Of each core.
    ends, lates : Heap
        When jobs that run end, and when they are later than planned.
    tally : ndarray of int
        See `RUNS`.
    """

    job: NDArray[np.int64]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    killed: NDArray[np.bool_]
    first_core: NDArray[np.int64]
    taken: NDArray[np.int32]
    run_of: NDArray[np.int64]
    is_free: NDArray[np.bool_]
    ends: Heap
    lates: Heap
    tally: NDArray[np.int64]


def heap(most: int) -> Heap:
    """Return an empty heap with room."""
    return Heap(np.full(most + 2, np.inf), np.zeros(most + 2, dtype=np.int64))


def roomier_heap(full: Heap) -> Heap:
    """Return a copy with more room."""
    larger, size = heap(2 * full.who.size), full.who.size
    larger.time_s[:size], larger.who[:size] = full
    return larger


def machine(jobs: Any, cores: int) -> Machine:
    """Return a machine on which nothing has run yet."""
    n = jobs.submit_s.size
    tally = np.zeros(7, dtype=np.int64)
    tally[FREE] = cores
    return Machine(
        job=np.empty(n, dtype=np.int64),
        start_s=np.empty(n),
        stop_s=np.empty(n),
        killed=np.zeros(n, dtype=np.bool_),
        first_core=np.zeros(n + 1, dtype=np.int64),
        taken=np.empty(jobs.processors.sum(), dtype=np.int32),
        run_of=np.full(n, -1),
        is_free=np.ones(cores, dtype=np.bool_),
        # Each job that runs has a core of its own.
        ends=heap(min(n, cores)),
        lates=heap(min(n, cores)),
        tally=tally,
    )


# numba compiles all below; each function calls only those above it.


@lean
def pushed(heap, time_s, i):  # type: ignore[no-untyped-def]
    """Put in an instant of a job."""
    heap.who[0] += 1
    k = heap.who[0]
    while k > 1:
        up = k >> 1
        if heap.time_s[up] < time_s or (heap.time_s[up] == time_s and heap.who[up] < i):
            break
        heap.time_s[k], heap.who[k] = heap.time_s[up], heap.who[up]
        k = up
    heap.time_s[k], heap.who[k] = time_s, i


@lean
def popped(heap):  # type: ignore[no-untyped-def]
    """Take out the earliest instant and return its job."""
    n, least = heap.who[0], heap.who[1]
    time_s, i, k = heap.time_s[n], heap.who[n], 1
    heap.who[0] = n = n - 1
    while 2 * k <= n:
        down = 2 * k
        if down < n and (
            heap.time_s[down + 1] < heap.time_s[down]
            or (heap.time_s[down + 1] == heap.time_s[down] and heap.who[down + 1] < heap.who[down])
        ):
            down += 1
        if time_s < heap.time_s[down] or (time_s == heap.time_s[down] and i < heap.who[down]):
            break
        heap.time_s[k], heap.who[k] = heap.time_s[down], heap.who[down]
        k = down
    heap.time_s[k], heap.who[k] = time_s, i
    if n == 0:
        heap.time_s[1] = np.inf
    return least


@lean
def next_s(machine, jobs):  # type: ignore[no-untyped-def]
    """Return when a job ends, is late or arrives next [s]."""
    time_s = min(machine.ends.time_s[1], machine.lates.time_s[1])
    if machine.tally[ARRIVED] < jobs.submit_s.size:
        time_s = min(time_s, jobs.submit_s[machine.tally[ARRIVED]])
    return time_s


@lean
def stopped(machine, jobs):  # type: ignore[no-untyped-def]
    """Let the job end that ends next, and return it."""
    i, tally = popped(machine.ends), machine.tally
    r = machine.run_of[i]
    for k in range(machine.first_core[r], machine.first_core[r + 1]):
        machine.is_free[machine.taken[k]] = True
    tally[LOW] = min(tally[LOW], machine.taken[machine.first_core[r]])
    tally[FREE] += jobs.processors[i]
    tally[ENDED] += 1
    machine.run_of[i] = -1
    return i


@lean
def overdue(machine, now_s):  # type: ignore[no-untyped-def]
    """Tell whether jobs that run are late from now on."""
    late = False
    while machine.lates.time_s[1] == now_s:
        late |= machine.run_of[popped(machine.lates)] >= 0
    return late


@lean
def started(machine, jobs, i, now_s, kill):  # type: ignore[no-untyped-def]
    """Start a job on the lowest-numbered free cores."""
    tally = machine.tally
    r, c = tally[RUNS], tally[LOW]
    first, stop = machine.first_core[r], machine.first_core[r] + jobs.processors[i]
    for k in range(first, stop):
        while not machine.is_free[c]:
            c += 1
        machine.is_free[c], machine.taken[k] = False, c
        c += 1
    tally[LOW], machine.first_core[r + 1] = c, stop
    tally[FREE] -= jobs.processors[i]
    machine.run_of[i], machine.job[r], machine.start_s[r] = r, i, now_s
    end_s, limit_s = now_s + jobs.length_s[i], now_s + jobs.requested_s[i]
    if kill and end_s > limit_s:
        end_s, machine.killed[r] = limit_s, True
    machine.stop_s[r] = end_s
    pushed(machine.ends, end_s, i)
    late_s = now_s + jobs.planned_s[i]
    if now_s < late_s and late_s < end_s:
        pushed(machine.lates, late_s, i)
    tally[RUNS] = r + 1


@lean
def joined(line, waiting, rank, i):  # type: ignore[no-untyped-def]
    """Put a job into its place in a line."""
    k = waiting
    while k > 0 and rank[line[k - 1]] > rank[i]:
        line[k] = line[k - 1]
        k -= 1
    line[k] = i


PARTS = (pushed, popped, next_s, stopped, overdue, started, joined)
"""What a loop over a machine is compiled with, each after those it calls."""
