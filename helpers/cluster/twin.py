"""The compiled twin of the engine, for policies that only start jobs in an order and backfill.

`replay` takes it silently for `Fifo`, `ShortestJobFirst`, `Priority` and count-based `Easy` and
`Conservative` without a depth, where nobody asks for a record. It gives what the engine gives, to the bit: the same starts, cores
and number of decisions; the engine judges it in tests.

**Growth.** Waiting jobs lie in a tree over their fixed ranks that knows, for each stretch of the
line, the fewest processors and the shortest planned time in it. Who comes next, and who may
backfill next, is found by a descent. A job costs O(log n) to wait and to leave, and a search
passes only stretches that may hold a job that fits: in practice n log n, however many wait.
Conservative backfilling has a loop of its own (`helpers.cluster._conserved`), which costs what the
rule asks for: see `helpers.decide.Conservative`.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.cluster._conserved import conserved
from helpers.cluster.tables import OUTCOMES, coded
from helpers.decide.backfill import Conservative, Easy
from helpers.decide.fifo import Fifo, InOrder, Priority, ShortestJobFirst
from helpers.decide.order import by_planned_time, by_requested_time, by_submission
from helpers.decide.view import Policy
from helpers.schedule._compile import compiled
from helpers.work.nodes import Cluster
from helpers.work.workload import Workload

__all__ = ["Twin", "has_twin", "run"]

_IN_ORDER = (Fifo, InOrder, Priority, ShortestJobFirst)


class Twin(NamedTuple):
    """What the twin found: as the engine writes it down.

    Attributes
    ----------
    runs : DataFrame
        See `Replay.runs`.
    first_core : ndarray of int, shape (runs + 1,)
    cores : ndarray of int
        See `Replay`.
    decisions : int
        How often a policy would have been asked.
    """

    runs: pd.DataFrame
    first_core: NDArray[np.int64]
    cores: NDArray[np.int32]
    decisions: int


class Jobs(NamedTuple):
    """What the kernel reads of each job, in order of submission, shape (n,) each."""

    submit_s: NDArray[np.float64]
    processors: NDArray[np.int64]
    planned_s: NDArray[np.float64]
    requested_s: NDArray[np.float64]
    length_s: NDArray[np.float64]  # true length, start-up and end included
    rank: NDArray[np.int64]  # place in the line among all jobs
    back_rank: NDArray[np.int64]  # place among those that try to backfill


def has_twin(policy: Policy) -> bool:
    """Tell whether a policy decides by nothing but orders that are known beforehand."""
    if isinstance(policy, InOrder) and type(policy) in _IN_ORDER:
        return _order_of(policy) is not None
    if not isinstance(policy, Easy | Conservative) or type(policy) not in (Easy, Conservative):
        return False
    if policy.hosts or policy.depth is not None:
        return False
    back = policy.backfill_order if isinstance(policy, Easy) else None
    return policy.order in _KEYS and (back is None or back in _KEYS)


_KEYS: dict[Callable, Callable[[Workload], NDArray]] = {
    by_submission: lambda work: work.jobs["submit_s"].to_numpy(),
    by_requested_time: lambda work: work.jobs["requested_s"].to_numpy(),
    by_planned_time: lambda work: work.planned_s,
}
"""The orders whose keys can be had for all jobs at once."""


def _order_of(policy: InOrder) -> Callable[[Workload], NDArray] | None:
    if isinstance(policy, Priority):

        def keys(work: Workload) -> NDArray:
            """Return what jobs are ordered by, as `helpers.decide.order.by_priority` does."""
            submit_s, priority = work.jobs["submit_s"], work.jobs["priority"]
            return (policy.ageing_per_h * submit_s / 3600.0 - priority).to_numpy()

        return keys
    return _KEYS.get(policy.order)


def _ranks(keys: NDArray) -> NDArray[np.int64]:
    """Return the place of each job by its key; equal keys keep the order of submission."""
    ranks = np.empty(keys.size, dtype=np.int64)
    ranks[np.argsort(keys, kind="stable")] = np.arange(keys.size)
    return ranks


def run(work: Workload, cluster: Cluster, policy: Any, *, kill_at_request: bool) -> Twin:
    """Replay a workload under a policy that `has_twin`.

    Parameters
    ----------
    work, cluster, policy, kill_at_request
        As for `helpers.cluster.replay`.
    """
    table, easy = work.jobs, isinstance(policy, Easy)
    order = _order_of(policy) if isinstance(policy, InOrder) else _KEYS[policy.order]
    assert order is not None, "ask has_twin first"
    rank = _ranks(order(work))
    back = policy.backfill_order if easy else None
    jobs = Jobs(
        table["submit_s"].to_numpy(),
        table["processors"].to_numpy(),
        work.planned_s,
        table["requested_s"].to_numpy(),
        work.startup_s + table["run_s"].to_numpy() + work.end_s,
        rank,
        rank if back is None else _ranks(_KEYS[back](work)),
    )
    if isinstance(policy, Conservative):
        found = conserved(jobs, cluster.cores, kill_at_request)
    else:
        found = compiled(_replayed)(jobs, cluster.cores, easy, kill_at_request)
    job, start_s, stop_s, killed, first_core, cores, decisions = found
    run_s = table["run_s"].to_numpy()[job]
    done_s = np.where(killed, _done_s(start_s, stop_s, work.startup_s[job], run_s), run_s)
    zero = np.zeros(job.size)
    outcome = np.where(killed, OUTCOMES.index("timeout"), OUTCOMES.index("completed"))
    runs = pd.DataFrame(
        {
            "job": job,
            "start_s": start_s,
            "stop_s": stop_s,
            "transition_s": zero,
            "save_s": zero.copy(),
            "work_from_s": zero.copy(),
            "work_to_s": done_s,
            "kept_s": done_s.copy(),
            "outcome": coded(outcome, OUTCOMES),
        }
    )
    return Twin(runs, first_core, cores, decisions)


def _done_s(start_s: NDArray, stop_s: NDArray, startup_s: NDArray, run_s: NDArray) -> NDArray:
    """Return the work that killed jobs had done [s], as the engine reckons it."""
    return np.minimum(np.maximum(0.0, stop_s - start_s - startup_s), run_s)


# One function, because numba keeps no machine code of functions that are handed others. Its parts:
# the tree of those that wait, what happens at an instant, the head of the line, who backfills.
def _replayed(jobs: Jobs, cores: int, easy: bool, kill: bool) -> tuple[Any, ...]:
    n = jobs.submit_s.size
    size = 1
    while size < n:
        size *= 2
    # Trees over ranks: [i] is the least of [2 i] and [2 i + 1]; a job that does not wait needs
    # more processors than there are. The line's tells who is first, the other who may backfill.
    line = np.full(2 * size, cores + 1)
    need = np.full(2 * size, cores + 1)
    short_s = np.full(2 * size, np.inf)
    of_rank, of_back = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    for i in range(n):
        of_rank[jobs.rank[i]], of_back[jobs.back_rank[i]] = i, i
    job, killed = np.empty(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    start_s, stop_s = np.empty(n), np.empty(n)
    first_core, run_of = np.zeros(n + 1, dtype=np.int64), np.empty(n, dtype=np.int64)
    taken = np.empty(jobs.processors.sum(), dtype=np.int32)
    is_free = np.ones(cores, dtype=np.bool_)
    release_s, release = np.empty(cores + 1), np.empty(cores + 1, dtype=np.int64)
    ends, lates = [(np.inf, -1)], [(np.inf, -1)]
    free, low, held, runs, arrived, ended, decisions = cores, 0, 0, 0, 0, 0, 0

    while ended < n:
        # -- what happens at the next instant: ends, then arrivals, then jobs that become late
        now_s = min(ends[0][0], lates[0][0])
        if arrived < n:
            now_s = min(now_s, jobs.submit_s[arrived])
        over = ended == n
        happened = False
        while ends[0][0] == now_s:
            i = heappop(ends)[1]
            r = run_of[i]
            for k in range(first_core[r], first_core[r + 1]):
                is_free[taken[k]] = True
            low = min(low, taken[first_core[r]])
            free += jobs.processors[i]
            expected_s = start_s[r] + jobs.planned_s[i]
            k = np.searchsorted(release_s[:held], expected_s)
            while release[k] != i:
                k += 1
            for m in range(k, held - 1):
                release_s[m], release[m] = release_s[m + 1], release[m + 1]
            held -= 1
            ended += 1
            happened = True
        while arrived < n and jobs.submit_s[arrived] == now_s:
            i = arrived
            k = size + jobs.rank[i]
            line[k] = jobs.processors[i]
            while k > 1:
                k //= 2
                line[k] = min(line[2 * k], line[2 * k + 1])
            k = size + jobs.back_rank[i]
            need[k], short_s[k] = jobs.processors[i], jobs.planned_s[i]
            while k > 1:
                k //= 2
                need[k] = min(need[2 * k], need[2 * k + 1])
                short_s[k] = min(short_s[2 * k], short_s[2 * k + 1])
            arrived += 1
            happened = True
        while lates[0][0] == now_s:
            i = heappop(lates)[1]
            if stop_s[run_of[i]] > now_s:
                happened = True
        if not happened or over:
            continue
        decisions += 1

        # -- the head of the line for as long as it fits, then who may backfill behind it
        window_s, extra, place = -1.0, 0, -1
        head = -1
        while line[1] <= cores:
            if head < 0:
                k = 1
                while k < size:
                    k = 2 * k if line[2 * k] <= cores else 2 * k + 1
                i = of_rank[k - size]
                if jobs.processors[i] > free:
                    if not easy or not free:
                        break
                    head = i
                    # The shadow time, and what is free then beside the head.
                    count, time_s = free, now_s
                    for m in range(held):
                        if count >= jobs.processors[i] and release_s[m] > time_s:
                            break
                        count += jobs.processors[release[m]]
                        time_s = max(now_s, release_s[m])
                    window_s, extra = time_s - now_s, count - jobs.processors[i]
                    continue
            else:
                # The next of the line after `place` that fits now and ends in time, or fits
                # beside the head. A stretch may look as if it held one and hold none: climb on.
                k, small = place + size if place >= 0 else 1, min(free, extra)
                down = place < 0
                found = False
                while True:
                    if down:
                        fits = need[k] <= small or (need[k] <= free and short_s[k] <= window_s)
                        if fits and k >= size:
                            found = True
                            break
                        if fits:
                            k = 2 * k
                            continue
                    while k & 1:
                        k //= 2
                    if k == 0:
                        break
                    k, down = k + 1, True
                if not found:
                    break
                place = k - size
                i = of_back[place]
                if i == head:
                    continue
                if jobs.planned_s[i] > window_s:
                    extra -= jobs.processors[i]
            # -- start it on the lowest-numbered free cores
            r, need_cores = runs, jobs.processors[i]
            k, c = first_core[r], low
            while k < first_core[r] + need_cores:
                if is_free[c]:
                    is_free[c] = False
                    taken[k] = c
                    k += 1
                c += 1
            low = c
            first_core[r + 1] = k
            free -= need_cores
            run_of[i], job[r], start_s[r] = r, i, now_s
            end_s, limit_s = now_s + jobs.length_s[i], now_s + jobs.requested_s[i]
            if kill and end_s > limit_s:
                end_s, killed[r] = limit_s, True
            stop_s[r] = end_s
            heappush(ends, (end_s, i))
            expected_s = now_s + jobs.planned_s[i]
            if now_s < expected_s and expected_s < end_s:
                heappush(lates, (expected_s, i))
            m = held
            while m > 0 and (
                release_s[m - 1] > expected_s
                or (release_s[m - 1] == expected_s and release[m - 1] > i)
            ):
                release_s[m], release[m] = release_s[m - 1], release[m - 1]
                m -= 1
            release_s[m], release[m] = expected_s, i
            held += 1
            runs += 1
            k = size + jobs.rank[i]
            line[k] = cores + 1
            while k > 1:
                k //= 2
                line[k] = min(line[2 * k], line[2 * k + 1])
            k = size + jobs.back_rank[i]
            need[k], short_s[k] = cores + 1, np.inf
            while k > 1:
                k //= 2
                need[k] = min(need[2 * k], need[2 * k + 1])
                short_s[k] = min(short_s[2 * k], short_s[2 * k + 1])
            if head >= 0 and not free:
                break
    return job, start_s, stop_s, killed, first_core, taken, decisions
