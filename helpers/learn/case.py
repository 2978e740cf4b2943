"""What is played: a week of jobs on a machine in a grid, and what waiting was really worth in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Intensity
from helpers.decide.view import Job, View
from helpers.work.nodes import Cluster
from helpers.work.workload import Workload

__all__ = ["Case", "Ledger"]

_HOUR_S, _J_PER_KWH = 3600.0, 3.6e6


@dataclass(frozen=True, eq=False)
class Case:
    """One week to play.

    Parameters
    ----------
    work : Workload
        The jobs.
    cluster : Cluster
        The machine.
    intensity : Intensity
        What is observed as time goes by, and what is paid for.
    origin : Timestamp
        When second 0 of the work is.
    counted : ndarray of bool, optional, shape (n,)
        Jobs that count; all by default.
    forecaster : callable, optional
        What is forecast at an epoch second (`helpers.carbon.expected`).
    lengths_s : mapping, optional
        From job id to quantiles of its run time [s] (`helpers.learn.observation.LEVELS`).
    name : str
        What it is called.
    """

    work: Workload
    cluster: Cluster
    intensity: Intensity
    origin: pd.Timestamp
    counted: NDArray[np.bool_] | None = None
    forecaster: Callable[[float], Intensity] | None = field(default=None, repr=False)
    lengths_s: Mapping[Hashable, Sequence[float]] | None = field(default=None, repr=False)
    name: str = ""


class Ledger:
    """What each job emits by what has happened so far, if it runs on uninterrupted from now on.

    That sum falls when waiting for cleaner hours was right and rises when it was not; over a job's
    life its changes add up to what was saved against a start at submission. It is the reward of a
    learner, and it knows the future: nothing of it may be observed.

    Parameters
    ----------
    case : Case
        What is played.
    end_s : callable
        When the present run of a job will really end [s].

    Notes
    -----
    A job draws its mean power, while it saves, too; emissions by phases are the judge's business
    (`helpers.cluster.account`). Where jobs draw constant power both are the same.
    """

    def __init__(self, case: Case, end_s: Callable[[Job], float]) -> None:
        work, curve = case.work, case.intensity
        self._end_s = end_s
        jobs = work.jobs
        self._left_s = work.startup_s + jobs["run_s"].to_numpy() + work.end_s
        self._power_w = work.work_power_w
        counted = case.counted
        self.counted = np.ones(len(work), dtype=bool) if counted is None else counted
        self._edges_s = curve.edges_s - work.origin_s(case.origin)
        hourly = curve.intensity_g_per_kwh * np.diff(curve.edges_s)
        self._burnt = np.append(0.0, np.cumsum(hourly))
        submit_s = jobs["submit_s"].to_numpy()
        grams = self._grams(submit_s, submit_s + self._left_s, self._power_w)
        self.at_submission_g = grams
        self.at_once_g = float(grams[self.counted].sum())
        self.jobs = int(self.counted.sum())
        span_s = np.array([submit_s[0], submit_s[-1] + _HOUR_S])  # while jobs come
        burnt = np.interp(span_s, self._edges_s, self._burnt)
        self.mean_g = float((burnt[1] - burnt[0]) / (span_s[1] - span_s[0]))
        self._past_g = np.zeros(len(work))  # of runs that are over, and of parts under a cap
        self._from_s = np.full(len(work), -np.inf)  # since when the present run is not in them
        self._saved_s: dict[int, float] = {}  # left, start-up included, while a state is saved

    def potential_g(self, jobs: Sequence[Job], now_s: ArrayLike) -> NDArray[np.float64]:
        """Return what each job emits if it runs on, or starts now, uninterrupted [g CO2e].

        Parameters
        ----------
        jobs : sequence of Job, length n
            Jobs in any state.
        now_s : array_like of float, shape () or (n,)
            The present of those that do not run [s].
        """
        if not jobs:
            return np.zeros(0)
        numbers = [job.number for job in jobs]
        runs = [job.state in ("running", "ended") for job in jobs]
        ends_s = [self._end_s(job) if run else 0.0 for job, run in zip(jobs, runs, strict=True)]
        given = [(job.run_start_s, job.kept_s, job.cap_w) for job in jobs]
        run_start_s, kept_s, cap_w = np.array(given).T
        left_s, from_s = self._left_s[numbers] - kept_s, self._from_s[numbers]
        for place, job in enumerate(jobs):
            if job.state == "saving":  # what it keeps is written down when it is saved
                left_s[place] = self._saved_s[job.number]
        low_s = np.maximum(np.where(runs, run_start_s, now_s), from_s)
        high_s = np.where(runs, ends_s, low_s + left_s)
        drawn_w = np.minimum(self._power_w[numbers], cap_w)
        return self._past_g[numbers] + self._grams(low_s, high_s, drawn_w)

    def started_g(self, numbers: Sequence[int], start_s: NDArray) -> NDArray[np.float64]:
        """Return what jobs emit that start once and run through [g CO2e].

        Parameters
        ----------
        numbers : sequence of int, length n
            Jobs, by number.
        start_s : ndarray of float, shape (..., n)
            When they start [s].
        """
        left_s = self._left_s[numbers]
        return self._grams(start_s, start_s + left_s, self._power_w[numbers])

    def percent_an_hour(self, price_kwh: float) -> float:
        """Return what an hour of mean delay is worth, in percent of what is emitted at once [%/h].

        Parameters
        ----------
        price_kwh : float
            What an hour of one job's delay is worth [kWh at the mean intensity of the case].
        """
        return 100.0 * self.jobs * price_kwh * self.mean_g / self.at_once_g

    def changed(self, view: View, job: Job, stops: bool) -> None:
        """Write down what a running job has emitted before it is suspended or capped."""
        number, until_s = job.number, view.now_s + (view.saving_s if stops else 0.0)
        drawn_w = min(self._power_w[number], job.cap_w)
        since_s = max(self._from_s[number], job.run_start_s)
        self._past_g[number] += self._grams(since_s, until_s, drawn_w)
        self._from_s[number] = until_s
        if stops:
            self._saved_s[number] = job.startup_s + self._end_s(job) - view.now_s

    def _grams(
        self, low_s: NDArray | float, high_s: NDArray | float, power_w: NDArray | float
    ) -> Any:
        """Return what a power emits between two times [g CO2e]."""
        low, high = (np.interp(time_s, self._edges_s, self._burnt) for time_s in (low_s, high_s))
        return (high - low) * power_w / _J_PER_KWH
