"""The compiled twin of conservative backfilling: see `helpers.cluster.twin`."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

import numpy as np

from helpers.decide._places import (
    PARTS,
    advanced,
    cleared,
    given,
    made,
    needed,
    placed,
    rebooked,
    roomier,
)
from helpers.decide.backfill import LATE_S
from helpers.schedule._compile import compiled

__all__ = ["conserved"]


def conserved(jobs: Any, cores: int, kill: bool) -> tuple[Any, ...]:
    """Replay jobs under count-based conservative backfilling.

    Parameters
    ----------
    jobs : tuple of arrays
        `helpers.cluster.twin.Jobs`.
    cores : int
        Those of the cluster.
    kill : bool
        Whether jobs are killed at the time they asked for.

    Returns
    -------
    tuple
        What `helpers.cluster.twin.run` takes apart.
    """
    plan = made(float(jobs.submit_s[0]), cores)
    return compiled(_conserved, *PARTS, _joins, _taken)(jobs, cores, kill, plan, LATE_S)


# numba compiles all below; each function calls only those above it.


def _joins(line, waiting, rank, i):  # type: ignore[no-untyped-def]
    """Put a job into its place in the line."""
    k = waiting
    while k > 0 and rank[line[k - 1]] > rank[i]:
        line[k] = line[k - 1]
        k -= 1
    line[k] = i


def _taken(is_free, low, taken, first, stop):  # type: ignore[no-untyped-def]
    """Take the lowest-numbered free cores, none of which lies below `low`; return the next."""
    c = low
    for k in range(first, stop):
        while not is_free[c]:
            c += 1
        is_free[c], taken[k] = False, c
        c += 1
    return c


def _conserved(jobs, cores, kill, plan, late_s):  # type: ignore[no-untyped-def]
    n = jobs.submit_s.size
    job, killed = np.empty(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    start_s, stop_s = np.empty(n), np.empty(n)
    first_core, run_of = np.zeros(n + 1, dtype=np.int64), np.full(n, -1)
    taken = np.empty(jobs.processors.sum(), dtype=np.int32)
    is_free = np.ones(cores, dtype=np.bool_)
    # Places of those that wait and of those that run, by job; who waits, in order.
    from_s, until_s, steps = np.full(n, np.inf), np.empty(n), np.zeros((n, 2), dtype=np.int64)
    line, waiting, next_s = np.empty(n + 1, dtype=np.int64), np.int64(0), np.inf
    # Wake-ups name no job, but are pairs as the others: one kind of heap is compiled once.
    ends, lates, untils, wakes = [(np.inf, -1)], [(np.inf, -1)], [(np.inf, -1)], [(np.inf, -1)]
    low, runs, arrived, ended, decisions = 0, 0, 0, 0, 0

    while ended < n:
        # -- what happens at the next instant: ends, then arrivals, then wake-ups
        now_s = min(ends[0][0], lates[0][0], wakes[0][0])
        if arrived < n:
            now_s = min(now_s, jobs.submit_s[arrived])
        happened, freed, came = False, False, arrived
        plan = roomier(plan, np.int64(2))
        advanced(plan, now_s)
        while ends[0][0] == now_s:
            i = heappop(ends)[1]
            r = run_of[i]
            for k in range(first_core[r], first_core[r + 1]):
                is_free[taken[k]] = True
            low = min(low, taken[first_core[r]])
            given(plan, now_s, until_s[i], jobs.processors[i])
            run_of[i] = -1
            ended += 1
            happened = freed = True
        while arrived < n and jobs.submit_s[arrived] == now_s:
            arrived += 1
            happened = True
        while lates[0][0] == now_s:
            i = heappop(lates)[1]
            if run_of[i] >= 0:
                happened = True
        while wakes[0][0] == now_s:
            heappop(wakes)
            happened = True
        if not happened:
            continue
        decisions += 1

        # -- late jobs are expected to run on, and then all is booked anew
        late = False
        while untils[0][0] <= now_s:
            expected_s, i = heappop(untils)
            if run_of[i] < 0 or until_s[i] != expected_s:
                continue
            end_s, step_s = start_s[run_of[i]] + jobs.planned_s[i], late_s
            while end_s + step_s <= now_s:
                step_s *= 2
            until_s[i] = end_s + step_s
            heappush(untils, (until_s[i], i))
            late = True
        if late:
            cleared(plan, now_s, cores)
            plan = roomier(plan, 2 * cores)
            for expected_s, i in untils:
                if i >= 0 and run_of[i] >= 0 and until_s[i] == expected_s:
                    given(plan, now_s, expected_s, -jobs.processors[i])
            for k in range(waiting):
                from_s[line[k]] = np.inf
        if late or freed:
            plan = roomier(plan, waiting + 3)
            next_s = rebooked(
                plan, line, waiting, jobs.processors, jobs.planned_s, from_s, until_s, steps
            )
        for i in range(came, arrived):
            _joins(line, waiting, jobs.rank, i)
            waiting += 1
            plan = needed(roomier(plan, np.int64(2)), jobs.processors[i])
            placed(plan, i, jobs.processors[i], jobs.planned_s[i], from_s, until_s, steps)
            next_s = min(next_s, from_s[i])

        # -- those whose time has come start on the lowest-numbered free cores, in order
        if next_s <= now_s:
            left, next_s = np.int64(0), np.inf
            for place in range(waiting):
                i = line[place]
                if from_s[i] > now_s:
                    line[left] = i
                    left += 1
                    next_s = min(next_s, from_s[i])
                    continue
                r = runs
                first_core[r + 1] = first_core[r] + jobs.processors[i]
                low = _taken(is_free, low, taken, first_core[r], first_core[r + 1])
                run_of[i], job[r], start_s[r] = r, i, now_s
                end_s, limit_s = now_s + jobs.length_s[i], now_s + jobs.requested_s[i]
                if kill and end_s > limit_s:
                    end_s, killed[r] = limit_s, True
                stop_s[r] = end_s
                heappush(ends, (end_s, i))
                heappush(untils, (until_s[i], i))
                expected_s = now_s + jobs.planned_s[i]
                if now_s < expected_s and expected_s < end_s:
                    heappush(lates, (expected_s, i))
                runs += 1
            waiting = left

        # -- ask again when the next place begins, and when a job that runs is late
        if next_s < np.inf:
            heappush(wakes, (next_s, -1))
        if waiting:
            while run_of[untils[0][1]] < 0 or until_s[untils[0][1]] != untils[0][0]:
                if untils[0][1] < 0:
                    break
                heappop(untils)
            if untils[0][0] < np.inf:
                heappush(wakes, (max(untils[0][0], np.nextafter(now_s, np.inf)), -1))
    return job, start_s, stop_s, killed, first_core, taken, decisions
