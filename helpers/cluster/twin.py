"""The compiled twin of the engine, for policies that only start jobs in an order and backfill.

`replay` takes it silently for `Fifo`, `ShortestJobFirst`, `Priority` and count-based `Easy` and
`Conservative` without a depth, where nobody asks for a record. It gives what the engine gives, to
the bit: the same starts, cores and number of decisions; the engine judges it in tests.

**Growth.** Waiting jobs lie in a tree over their fixed ranks that knows, for each stretch of the
line, the fewest processors and the shortest planned time in it. Who comes next, and who may
backfill next, is found by a descent. A job costs O(log n) to wait and to leave, and a search
passes only stretches that may hold a job that fits: in practice n log n, however many wait
(`helpers.cluster._backfilled`). Conservative backfilling has a loop of its own
(`helpers.cluster._conserved`), which costs what the rule asks for: in proportion to the jobs on a
machine that keeps up, and the square of those that wait at once, with a small factor; see
`helpers.decide.Conservative`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.cluster._backfilled import backfilled
from helpers.cluster._conserved import conserved
from helpers.cluster._machine import DECISIONS
from helpers.cluster.tables import OUTCOMES, coded
from helpers.decide.backfill import Conservative, Easy
from helpers.decide.fifo import Fifo, InOrder, Priority, ShortestJobFirst
from helpers.decide.order import by_planned_time, by_requested_time, by_submission
from helpers.decide.view import Policy
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
        on = conserved(jobs, cluster.cores, kill_at_request)
    else:
        on = backfilled(jobs, cluster.cores, easy, kill_at_request)
    job, start_s, stop_s, killed = on.job, on.start_s, on.stop_s, on.killed
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
    return Twin(runs, on.first_core, on.taken, int(on.tally[DECISIONS]))


def _done_s(start_s: NDArray, stop_s: NDArray, startup_s: NDArray, run_s: NDArray) -> NDArray:
    """Return the work that killed jobs had done [s], as the engine reckons it."""
    return np.minimum(np.maximum(0.0, stop_s - start_s - startup_s), run_s)
