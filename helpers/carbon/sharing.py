"""A node's idle power, shared out over the jobs that run on it.

No rule is right; each is a choice, and it stands in the rows that it makes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.uses import Uses, bad_cell, checked
from helpers.timeline import Times, check_increasing, epoch_seconds, utc_times

__all__ = ["Node", "share_idle"]

Idle = Literal["time", "core", "reserved", "marginal"]
_ITEMS = {
    "time": "shared by time",
    "core": "shared by core",
    "reserved": "by reserved cores",
    "marginal": "left to the node",
}


@dataclass(frozen=True)
class Node:
    """A node that draws idle power over some time, whoever runs on it.

    Parameters
    ----------
    name : str
        Which node; no job may have this name.
    idle_w : float
        Power when nothing runs [W], >= 0.
    start, stop : instant
        When the node is on: tz-aware times or epoch seconds [s].
    cores : float
        How many cores (or other units) jobs may reserve.

    Raises
    ------
    ValueError
        If a number is out of range, or times have no zone or are out of order.
    """

    name: str
    idle_w: float
    start: Times
    stop: Times
    cores: float = 1.0

    def __post_init__(self) -> None:
        checked(f"node {self.name!r}: idle_w", self.idle_w, unit=" W")
        checked(f"node {self.name!r}: cores", self.cores, above=True)
        check_increasing(np.array(self.window_s), "start and stop of the node")

    @property
    def window_s(self) -> tuple[float, float]:
        """Epoch seconds of start and stop [s]."""
        return float(epoch_seconds(self.start)), float(epoch_seconds(self.stop))


def share_idle(
    jobs: pd.DataFrame, node: Node, *, by: Idle, rest: Literal["node", "jobs"] = "node"
) -> pd.DataFrame:
    """Share a node's idle power out over the jobs that run on it.

    Parameters
    ----------
    jobs : DataFrame
        Columns ``job``, ``start``, ``stop``, ``power_w``: power *above idle* [W]; and ``cores``
        reserved, where `by` counts them.
    node : Node
        Whose idle power it is; all jobs lie in its time.
    by : {"time", "core", "reserved", "marginal"}
        ``"time"``: at each instant equally over the jobs that run. ``"core"``: over the jobs
        that run, by their cores. ``"reserved"``: each job bears its cores of all of the node's.
        ``"marginal"``: no job bears any.
    rest : {"node", "jobs"}
        Who bears the idle power that `by` leaves over, of empty nodes for example: the node, or
        all its jobs by their time (``"time"``) or core-time.

    Returns
    -------
    DataFrame
        Columns ``job, item, start, stop, power_w, share``, for `account`. ``item`` says by which
        choice; a row whose job is the node's name is charged to no job. In each instant the
        shares of the idle power sum to 1, so that all rows sum to the node's total.

    Raises
    ------
    ValueError
        If a column is missing, a job leaves the node's time, has its name or no cores, more
        cores are reserved than there are, or `by` and `rest` contradict.
    """
    if by not in get_args(Idle) or rest not in ("node", "jobs"):
        raise ValueError(
            f"by={by!r}, rest={rest!r}: by is one of {get_args(Idle)}, rest 'node' or 'jobs'."
        )
    if rest == "jobs" and (by == "marginal" or not len(jobs)):
        raise ValueError("rest='jobs' needs jobs, and by= other than 'marginal'; use rest='node'.")
    counted = () if by in ("time", "marginal") else ("cores",)
    used = Uses.of(jobs, "", "job", "power_w", *counted)
    window_s = np.array(node.window_s)
    used.check_covered(window_s, f"the time of node {node.name}")
    if node.name in used.job:
        raise ValueError(f"column 'job' holds the node's name {node.name!r}; rename one of them.")
    edges_s, use, interval, share, left = _idle_shares(used, node, by)
    item = f"idle power of {node.name}, {_ITEMS[by]}"
    pieces = [_own_rows(used), _idle_rows(used.job[use], item, edges_s, interval, node, share)]
    over = np.flatnonzero(left > 0)
    if rest == "node":
        label = f"idle power of {node.name}, not shared"
        names = np.full(over.size, node.name, dtype=object)
        pieces.append(_idle_rows(names, label, edges_s, over, node, left[over]))
    else:
        time_s = used.stop_s - used.start_s
        weight = time_s if by == "time" else time_s * used.known_cores
        spread = np.outer(left[over], weight / math.fsum(weight)).ravel()
        names, where = np.tile(used.job, over.size), np.repeat(over, used.job.size)
        label = f"idle power of {node.name} left over, {_ITEMS[by]}"
        pieces.append(_idle_rows(names, label, edges_s, where, node, spread))
    return pd.concat([piece for piece in pieces if len(piece)], ignore_index=True)


def _own_rows(used: Uses) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "job": used.job,
            "item": "power above idle",
            "start": utc_times(used.start_s),
            "stop": utc_times(used.stop_s),
            "power_w": used.power_w,
            "share": 1.0,
        }
    )


def _idle_rows(
    job: NDArray, item: str, edges_s: NDArray, interval: NDArray, node: Node, share: NDArray
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "job": job,
            "item": item,
            "start": utc_times(edges_s[interval]),
            "stop": utc_times(edges_s[interval + 1]),
            "power_w": float(node.idle_w),
            "share": share,
        }
    )


def _idle_shares(
    used: Uses, node: Node, by: Idle
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Cut the node's time where jobs come and go; share of each job, and what is left over."""
    if by == "marginal":
        none = np.empty(0, dtype=np.int64)
        return np.array(node.window_s), none, none, np.empty(0), np.ones(1)
    edges_s = np.unique(np.concatenate([used.start_s, used.stop_s, node.window_s]))
    first = np.searchsorted(edges_s, used.start_s)
    count = np.searchsorted(edges_s, used.stop_s) - first
    use = np.repeat(np.arange(count.size), count)
    interval = np.arange(use.size) - np.repeat(np.cumsum(count) - count, count) + first[use]
    weight = np.ones(count.size) if by == "time" else used.known_cores
    total = np.bincount(interval, weight[use], minlength=edges_s.size - 1)
    if by != "time":
        for row in np.flatnonzero(weight == 0).tolist():
            raise bad_cell(
                "uses", used.index[row], "cores", 0, "must be > 0 to bear a share by cores."
            )
        full = np.flatnonzero(total > node.cores * (1 + 1e-12))
        if full.size:
            raise ValueError(
                f"column 'cores': jobs reserve {total[full[0]]:g} cores at "
                f"{utc_times(edges_s[full[0]])[0].isoformat()}, more than the {node.cores:g} of "
                f"{node.name}; correct times or cores."
            )
    if by == "reserved":
        return edges_s, use, interval, weight[use] / node.cores, 1 - total / node.cores
    return edges_s, use, interval, weight[use] / total[interval], (total == 0).astype(float)
