"""The work of a study: a part of a log, with the jobs around it, and the weeks it is laid on.

A `Stretch` is a part of a log: the jobs that count, those before them that fill the machine, those
after them that keep up the competition.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.cluster import replay
from helpers.cluster.metrics import lengths
from helpers.decide import Fifo
from helpers.jobs.table import JobLog
from helpers.work import Cluster, NodePower, Workload

__all__ = ["Sized", "Stretch", "in_turn", "spread_weeks"]

DAY_S = 86400.0
_HOUR_S = 3600.0


@dataclass(frozen=True, eq=False)
class Stretch:
    """Jobs of a stretch of time, and which of them count.

    Parameters
    ----------
    work : Workload
        All jobs that are replayed, those before and after the stretch, too.
    first_s, last_s : float
        Jobs submitted from the one on and before the other count [s since second 0].

    Raises
    ------
    ValueError
        If no job counts.
    """

    work: Workload
    first_s: float
    last_s: float

    def __post_init__(self) -> None:
        if not self.counted.any():
            raise ValueError(
                f"no job is submitted from {self.first_s:g} s on and before {self.last_s:g} s: "
                "nothing would be counted; choose another stretch of the log."
            )

    @classmethod
    def from_log(
        cls,
        log: JobLog,
        first_day: float,
        *,
        days: float = 7.0,
        warm_days: float = 3.0,
        late_days: float = 1.0,
        queues: Sequence[tuple[float, float]] = (),
        **workload: Any,
    ) -> "Stretch":
        """Return a stretch of a log, with the jobs around it.

        Parameters
        ----------
        log : JobLog
            Any log.
        first_day, days : float
            Where the jobs that count begin, and how many days of them [days].
        warm_days, late_days : float
            Days of jobs that are replayed before and after [days].
        queues : sequence of (float, float)
            Longest wait by what a job asks for: largest requested time and longest wait [s], the
            smallest first. In place of ``longest_wait_s``, one wait for all.
        **workload
            As for `Workload.from_log`: ``power_w``, ``longest_wait_s``, ``errors``, ...

        Raises
        ------
        ValueError
            If the last queue does not take all jobs, or as `Workload.from_log`.
        """
        part = log.window((first_day - warm_days) * DAY_S, (first_day + days + late_days) * DAY_S)
        if queues and "longest_wait_s" in workload:
            raise ValueError("queues and longest_wait_s both say how long jobs wait: give one.")
        if queues:
            workload["longest_wait_s"] = cls._waits_s(part, queues)
        return cls(
            Workload.from_log(part, **workload), first_day * DAY_S, (first_day + days) * DAY_S
        )

    @staticmethod
    def _waits_s(part: JobLog, queues: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
        """Return the longest wait of each job by what it asks for [s]."""
        asked_s = part.jobs["requested_s"].to_numpy(np.float64)
        largest_s, waits_s = (np.array(column, dtype=float) for column in zip(*queues, strict=True))
        if not np.isposinf(largest_s[-1]) or (np.diff(largest_s) <= 0).any():
            raise ValueError(f"queues(={list(queues)}) must grow, and the last one take all: inf.")
        # A job that does not say what it asks for is in the last queue: it may ask for anything.
        return waits_s[np.searchsorted(largest_s, np.where(np.isnan(asked_s), np.inf, asked_s))]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which jobs count, shape (n,)."""
        submit_s = self.work.jobs["submit_s"].to_numpy()
        return (submit_s >= self.first_s) & (submit_s < self.last_s)

    @property
    def window(self) -> tuple[float, float]:
        """The window of all measures [s since second 0]."""
        return self.first_s, self.last_s

    def cluster(self, load: float, cores_per_node: int, power: NodePower) -> Cluster:
        """Return the smallest cluster that the counted jobs load no more than so.

        Parameters
        ----------
        load : float
            What the counted jobs need over what the cluster has in the stretch, in core-seconds.
        cores_per_node : int
            Cores of a node.
        power : NodePower
            What a node draws.
        """
        cores = self._needed / (self.last_s - self.first_s) / load
        return Cluster(int(np.ceil(cores / cores_per_node)), cores_per_node, power)

    def load_of(self, cluster: Cluster) -> float:
        """Return what the counted jobs need over what a cluster has in the stretch."""
        return float(self._needed / (self.last_s - self.first_s) / cluster.cores)

    def demand(self) -> pd.Series:
        """Return the cores that jobs would hold if each started at once, by time [days]."""
        endless = Cluster(int(self.work.jobs["processors"].sum()))
        held = lengths(replay(self.work, endless, Fifo()))["cores"]
        return held.set_axis(held.index / DAY_S)

    def made_of(self, longer_than_s: float) -> dict[str, float]:
        """Return how many jobs there are, how many count, and the share of core-hours in long ones.

        Parameters
        ----------
        longer_than_s : float
            Run time above which a job is long [s].

        Returns
        -------
        dict
            ``jobs``, ``counted`` and ``long`` [%].
        """
        jobs = self.work.jobs
        core_h, long = jobs["run_s"] * jobs["processors"] / _HOUR_S, jobs["run_s"] > longer_than_s
        share = 100 * core_h[long].sum() / core_h.sum()
        return {"jobs": len(jobs), "counted": int(self.counted.sum()), "long": share}

    @property
    def _needed(self) -> Any:
        """What the counted jobs need [core-seconds]."""
        own = self.work.jobs[self.counted]
        return (own["run_s"] * own["processors"]).sum()

    def origin(self, date: str, time_zone: str) -> pd.Timestamp:
        """Return the instant of second 0 when the stretch begins on a date.

        The hour of the day is kept, by the clock of the grid: who submits at nine does so there.

        Raises
        ------
        ValueError
            If the work does not say when its second 0 was.
        """
        if self.work.epoch is None:
            raise ValueError("work(epoch=None) does not tell the hour of the day: give its epoch.")
        local = self.work.epoch.tz_localize(None)
        local = pd.Timestamp(date) + (local - local.normalize())
        return local.tz_localize(time_zone) - pd.Timedelta(self.first_s, unit="s")


@dataclass(frozen=True)
class Sized:
    """Machines whose size makes the load: the same jobs, fewer nodes.

    Parameters
    ----------
    cores_per_node : int
        Cores of a node.
    power : NodePower
        What a node draws.
    """

    cores_per_node: int
    power: NodePower

    def __call__(self, load: float, stretch: Stretch) -> Cluster:
        """Return the cluster on which the counted jobs of a stretch are such a load."""
        return stretch.cluster(load, self.cores_per_node, self.power)


def spread_weeks(first: str, count: int, *, over_days: int = 336) -> list[str]:
    """Return `count` dates from `first` on, whole weeks apart, spread over so many days."""
    step = pd.Timedelta(weeks=over_days // 7 // count)
    return [str((pd.Timestamp(first) + i * step).date()) for i in range(count)]


def in_turn(
    dates: Iterable[str], keys: Sequence[Hashable], *, since: str, every_days: int
) -> dict[str, Hashable]:
    """Return which of some stretches each date gets: they change every so many days, in turn."""
    gone = {date: (pd.Timestamp(date) - pd.Timestamp(since)).days // every_days for date in dates}
    return {date: keys[periods % len(keys)] for date, periods in gone.items()}
