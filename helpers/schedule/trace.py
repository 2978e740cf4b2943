"""Many jobs as plain arrays, how long they may wait, and what a policy made of them.

Policies on endless capacity (`helpers.schedule.policies`) decide about a `helpers.work.Workload`,
or about a `Trace`: for each job when it was submitted, how long it runs, what it draws and how long
it may be kept waiting. The longest wait comes from a queue (`Queue`) or from a deadline. A
`TraceOutcome` is what came of it, job by job.

A workload has one second 0 and its jobs in order of submission. A trace keeps the order given and
has instants of its own: jobs laid on several grids by their clocks, which are changed at different
times, stand at the same place in each, so that they can be compared in pairs.

Units of time are seconds throughout; a log in hours is converted when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Forecasts, Intensity
from helpers.phases.model import Phase, PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule.intervals import TIME_TOLERANCE_S, Schedule
from helpers.timeline import Times, epoch_seconds, utc_times
from helpers.work.workload import Workload

__all__ = [
    "GAIA_QUEUES",
    "Queue",
    "Trace",
    "TraceOutcome",
    "reach",
]

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Queue:
    """A class of jobs by length.

    Parameters
    ----------
    name : str
        Its name.
    below_s : float
        Jobs shorter than this belong here [s], unless an earlier queue takes them.
    longest_wait_s : float
        Longest wait of its jobs [s], >= 0.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    name: str
    below_s: float
    longest_wait_s: float

    def __post_init__(self) -> None:
        if not self.below_s > 0:
            raise ValueError(f"queue {self.name!r}: below_s(={self.below_s}) must be > 0 s.")
        if not 0 <= self.longest_wait_s < np.inf:
            raise ValueError(
                f"queue {self.name!r}: longest_wait_s(={self.longest_wait_s}) must be finite and >= 0 s."
            )


GAIA_QUEUES = (Queue("short", 2 * 3600.0, 6 * 3600.0), Queue("long", np.inf, 24 * 3600.0))
"""Two queues, jobs under and over 2 h, which wait at most 6 h and 24 h, as published with GAIA
(W. A. Hanafy et al., "Going Green for Less Green", ASPLOS 2024): the defaults of its program,
https://github.com/umassos/GAIA, ``src/task.py`` and ``src/run.py``."""


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """Jobs as plain arrays, one entry a job, in any order.

    Parameters
    ----------
    submit_s : instants, shape (n,)
        Submission: epoch seconds [s] or tz-aware time stamps. Earliest start.
    length_s : array_like, shape (n,) or ()
        Run time without a stop [s], > 0.
    power_w : array_like, shape (n,) or ()
        Mean power while running [W], >= 0.
    longest_wait_s : array_like, shape (n,) or ()
        Longest wait [s], >= 0: a job ends by submission + longest wait + length.
    queue : array_like of int, shape (n,) or ()
        Class of the job; jobs of a class share a mean length.
    processors : array_like, shape (n,) or ()
        What it takes of a reservation, > 0.
    job_id : array_like, shape (n,), optional
        Names for messages; by default numbers from 0.
    models : sequence of PhaseModel, length n, optional
        Phases of each job; by default its power is constant.

    Raises
    ------
    ValueError
        If lengths differ or a value is out of range; the message names the job.
    """

    submit_s: NDArray[np.float64]
    length_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    longest_wait_s: NDArray[np.float64]
    # what these hold while the trace is made, and arrays afterwards
    queue: NDArray[np.int64] = 0  # type: ignore[assignment]
    processors: NDArray[np.float64] = 1.0  # type: ignore[assignment]
    job_id: NDArray = None  # type: ignore[assignment]
    models: tuple[PhaseModel, ...] | None = None

    def __post_init__(self) -> None:
        submit_s = np.atleast_1d(epoch_seconds(self.submit_s))
        count = submit_s.size
        names = np.arange(count) if self.job_id is None else np.array(self.job_id)
        self._keep("submit_s", submit_s, count)
        self._keep("job_id", names, count)
        for name in ("length_s", "power_w", "longest_wait_s", "processors"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            self._keep(
                name, np.broadcast_to(values, (count,)) if not values.ndim else values, count
            )
        queue = np.asarray(self.queue, dtype=np.int64)
        self._keep("queue", np.broadcast_to(queue, (count,)) if not queue.ndim else queue, count)
        for name, positive in (
            ("length_s", True),
            ("power_w", False),
            ("longest_wait_s", False),
            ("processors", True),
        ):
            self._check(name, positive)
        if self.models is not None:
            object.__setattr__(self, "models", tuple(self.models))
            if len(self.models) != count:
                raise ValueError(f"{len(self.models)} models for {count} jobs: give one a job.")

    def _keep(self, name: str, values: NDArray, count: int) -> None:
        if values.shape != (count,):
            raise ValueError(f"{name} has shape {values.shape}, but there are {count} jobs.")
        values = np.array(values)
        values.flags.writeable = False
        object.__setattr__(self, name, values)

    def _check(self, name: str, positive: bool) -> None:
        values = getattr(self, name)
        good = np.isfinite(values) & (values > 0 if positive else values >= 0)
        if not good.all():
            i = int(np.flatnonzero(~good)[0])
            raise ValueError(
                f"job {self.job_id[i]}: {name}(={values[i]}) must be finite and "
                f"{'> 0' if positive else '>= 0'} ({int((~good).sum())} such jobs); correct it or "
                "leave such jobs out."
            )

    @classmethod
    def of(cls, work: Workload | Self) -> Self:
        """Return a workload as plain arrays in epoch time; a trace as it is.

        Jobs of one queue share a mean length; powers are those of whole jobs.

        Raises
        ------
        ValueError
            If the workload's second 0 is not known, or a job may wait for ever.
        TypeError
            If it is neither.
        """
        if isinstance(work, cls):
            return work
        if not isinstance(work, Workload):
            raise TypeError(
                f"work of type {type(work).__name__} is no Workload: make one of a log by "
                "Workload.from_log()."
            )
        jobs, length_s = work.jobs, work.length_s
        made: dict[tuple[int, float, float], PhaseModel] = {}
        models = None
        if work.models:
            factor, run_s = work.power_factor, jobs["run_s"].to_numpy()
            keys = list(zip(jobs["model"].tolist(), run_s.tolist(), factor.tolist(), strict=True))
            for row, key in enumerate(keys):
                if key[0] >= 0 and key not in made:  # one object may stand for many jobs
                    made[key] = work.model_of(row)
            models = [made[key] if key[0] >= 0 else work.model_of(r) for r, key in enumerate(keys)]
        power_w = (
            work.work_power_w
            if models is None
            else np.array([model.profile.mean_power_w for model in models])
        )
        return cls(
            work.origin_s() + jobs["submit_s"].to_numpy(),
            length_s,
            power_w,
            jobs["longest_wait_s"].to_numpy(),
            jobs["queue"].cat.codes.to_numpy().astype(np.int64),
            jobs["processors"].to_numpy(),
            jobs["job_id"].to_numpy(),
            None if models is None else tuple(models),
        )

    @classmethod
    def by_length(
        cls,
        submit: Times,
        length_s: ArrayLike,
        power_w: ArrayLike,
        *,
        queues: Sequence[Queue] = GAIA_QUEUES,
        processors: ArrayLike = 1.0,
        job_id: ArrayLike | None = None,
        models: Iterable[PhaseModel] | None = None,
    ) -> Self:
        """Make a trace in which the length of a job decides its queue, and so its longest wait.

        Parameters
        ----------
        submit, length_s, power_w, processors, job_id, models
            As in `Trace`.
        queues : sequence of Queue
            In increasing order of length; the first that takes a job has it.

        Raises
        ------
        ValueError
            As `Trace`, or if a job is too long for every queue.
        """
        submit_s = np.atleast_1d(epoch_seconds(submit))
        length_s = np.asarray(length_s, dtype=np.float64)
        length_s = np.broadcast_to(length_s, submit_s.shape) if not length_s.ndim else length_s
        if not queues:
            raise ValueError("queues(=()) must hold at least one Queue.")
        below_s = np.array([queue.below_s for queue in queues])
        queue = np.searchsorted(below_s, length_s, side="right")
        if (np.diff(below_s) <= 0).any():
            raise ValueError(f"below_s of the queues must increase, not {below_s.tolist()}.")
        if (queue == below_s.size).any():
            longest_s = length_s[queue == below_s.size].max()
            raise ValueError(
                f"a job of {longest_s:g} s is too long for every queue (below {below_s[-1]:g} s); "
                "give the last queue below_s = inf."
            )
        longest_wait_s = np.array([queue.longest_wait_s for queue in queues])[queue]
        jobs: list[Any] = [submit_s, length_s, power_w, longest_wait_s, queue, processors, job_id]
        jobs.append(None if models is None else tuple(models))
        return cls(*jobs)

    @classmethod
    def of_models(
        cls,
        submit: Times,
        models: Iterable[PhaseModel],
        *,
        longest_wait_s: ArrayLike | None = None,
        queues: Sequence[Queue] = GAIA_QUEUES,
    ) -> Self:
        """Make a trace of jobs with phases; lengths and mean powers are those of the models.

        Parameters
        ----------
        submit : instants, shape (n,)
            Submission.
        models : iterable of PhaseModel, length n
            One a job; the same object may stand in many places.
        longest_wait_s : array_like, optional
            Longest wait [s]; by default that of the queue.
        queues : sequence of Queue
            As in `by_length`.
        """
        if isinstance(models, PhaseModel):
            raise ValueError("models must hold one PhaseModel a job: write [model] * n.")
        models = tuple(models)
        flat = {id(model): model.profile for model in models}
        length_s = np.array([flat[id(model)].duration_s for model in models])
        power_w = np.array([flat[id(model)].mean_power_w for model in models])
        if longest_wait_s is None:
            return cls.by_length(submit, length_s, power_w, queues=queues, models=models)
        waits_s: Any = longest_wait_s  # an array once the trace is made, as are submissions
        submitted: Any = submit
        return cls(submitted, length_s, power_w, waits_s, models=models)

    def __len__(self) -> int:
        return self.submit_s.size

    def __repr__(self) -> str:
        shape = "phases" if self.models else "constant power"
        return f"Trace({len(self):,} jobs of {shape}, {self.length_s.sum() / 3600:,.0f} job-hours)"

    @property
    def deadline_s(self) -> NDArray[np.float64]:
        """Latest finish of each job, epoch seconds [s]."""
        return self.submit_s + self.longest_wait_s + self.length_s

    @property
    def energy_kwh(self) -> NDArray[np.float64]:
        """Energy of each job when it is never stopped [kWh]."""
        return self.power_w * self.length_s / 3.6e6

    @cached_property
    def mean_length_s(self) -> NDArray[np.float64]:
        """Mean length of the queue of each job [s]: what is known of a job before it ran."""
        _, place = np.unique(self.queue, return_inverse=True)
        return (np.bincount(place, self.length_s) / np.bincount(place))[place]

    @cached_property
    def profiles(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Phases of all jobs in a row: first entry of each job, borders [s], powers [W].

        Shapes (n + 1,), (m,), (m,). A job has one border more than phases, counted from its
        start; the power after the last one is 0.
        """
        if self.models is None:
            first, zero = 2 * np.arange(len(self) + 1), np.zeros(len(self))
            return (
                first,
                np.stack([zero, self.length_s], axis=1).ravel(),
                np.stack([self.power_w, zero], axis=1).ravel(),
            )
        flat = {id(model): model.profile for model in self.models}  # one object may stand often
        profiles = [flat[id(model)] for model in self.models]
        powers_w = {key: np.append(profile.power_w, 0.0) for key, profile in flat.items()}
        return (
            np.cumsum([0, *(profile.edges_s.size for profile in profiles)]),
            np.concatenate([profile.edges_s for profile in profiles]),
            np.concatenate([powers_w[id(model)] for model in self.models]),
        )

    def model(self, i: int) -> PhaseModel:
        """Return job `i` as phases; a single one if its power is constant."""
        if self.models is not None:
            return self.models[i]
        phase = Phase("work", float(self.length_s[i]), float(self.power_w[i]))
        return PhaseModel(str(self.job_id[i]), (), (phase,))

    def select(self, which: ArrayLike) -> Self:
        """Return the jobs at these places, or where a mask is True, in that order."""
        places = np.arange(len(self))[np.asarray(which)]
        names = (
            "submit_s",
            "length_s",
            "power_w",
            "longest_wait_s",
            "queue",
            "processors",
            "job_id",
        )
        models = None if self.models is None else tuple(self.models[i] for i in places)
        return replace(self, models=models, **{name: getattr(self, name)[places] for name in names})

    def with_waits(self, longest_wait_s: ArrayLike) -> Self:
        """Return the same jobs with other longest waits [s]."""
        return replace(self, longest_wait_s=np.asarray(longest_wait_s, dtype=np.float64))

    def with_deadlines(self, deadline: Times) -> Self:
        """Return the same jobs, each to be finished by its deadline.

        Raises
        ------
        ValueError
            If a job does not fit between its submission and its deadline.
        """
        spare_s = epoch_seconds(deadline) - self.submit_s - self.length_s
        late = np.flatnonzero(spare_s < -TIME_TOLERANCE_S)
        if late.size:
            i = int(late[0])
            raise ValueError(
                f"job {self.job_id[i]}, submitted {_at(self.submit_s[i])}, runs {self.length_s[i]:g} "
                f"s and misses its deadline by {-spare_s[i]:g} s ({late.size} such jobs); move the "
                "deadline or leave such jobs out."
            )
        return self.with_waits(np.maximum(spare_s, 0.0))

    def drop_uncovered(
        self, intensity: Intensity, forecast: Intensity | Forecasts | None = None
    ) -> Self:
        """Return the jobs about which every policy can decide without extrapolation.

        Those are the jobs whose window (longest wait and then the true or the mean length,
        whichever is longer, and a day at least) is covered by the intensity and the forecast.
        How many were dropped is the difference in `len`.
        """
        first_s, last_s = intensity.edges_s[[0, -1]]
        kept = self
        while len(kept):
            window_s = kept.longest_wait_s + np.maximum(kept.length_s, kept.mean_length_s)
            stop_s = kept.submit_s + np.maximum(window_s, _DAY_S)
            good = (kept.submit_s >= first_s) & (stop_s <= last_s)
            if forecast is not None:
                begin_s, end_s = reach(forecast, kept.submit_s)
                good &= (kept.submit_s >= begin_s) & (stop_s <= end_s)
            if good.all():
                break
            kept = kept.select(good)  # the mean lengths may change, so look again
        return kept


def reach(
    forecast: Intensity | Forecasts, now_s: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return from when to when [s] is told what is expected at each instant `now_s` [s].

    Of `Forecasts` it is the newest issued by then; where there is none, the span is empty.
    """
    if isinstance(forecast, Intensity):
        first_s, last_s = forecast.edges_s[[0, -1]]
        return np.full(now_s.shape, first_s), np.full(now_s.shape, last_s)
    row = np.searchsorted(forecast.issued_s, now_s, side="right") - 1
    issued_s = np.where(row < 0, np.inf, forecast.issued_s[np.maximum(row, 0)])
    return issued_s + forecast.lead_edges_s[0], np.where(
        row < 0, -np.inf, issued_s + forecast.lead_edges_s[-1]
    )


@dataclass(frozen=True, eq=False, repr=False)
class TraceOutcome:
    """What a policy made of a trace, job by job.

    Parameters
    ----------
    trace : Trace
        The jobs.
    policy : str
        What decided.
    run_start_s, run_stop_s : ndarray of float, shape (m,)
        When each run begins and is over, epoch seconds [s], job after job, in order of time.
    first_run : ndarray of int, shape (n + 1,)
        The runs of job i are `first_run[i]` to before `first_run[i + 1]`.
    emissions_g, energy_kwh : ndarray of float, shape (n,)
        What each job emits [g CO2e] and uses [kWh], all its runs and pauses together.
    suspension : Suspension, optional
        What a stop costs.
    reserved : ndarray of bool, shape (n,), optional
        Whether the job ran on the reservation, where there is one.
    """

    trace: Trace
    policy: str
    run_start_s: NDArray[np.float64]
    run_stop_s: NDArray[np.float64]
    first_run: NDArray[np.int64]
    emissions_g: NDArray[np.float64]
    energy_kwh: NDArray[np.float64]
    suspension: Suspension | None = field(default=None)
    reserved: NDArray[np.bool_] | None = field(default=None)

    @property
    def start_s(self) -> NDArray[np.float64]:
        """First start of each job, epoch seconds [s]."""
        return self.run_start_s[self.first_run[:-1]]

    @property
    def end_s(self) -> NDArray[np.float64]:
        """When each job is finished, epoch seconds [s]."""
        return self.run_stop_s[self.first_run[1:] - 1]

    @property
    def delay_s(self) -> NDArray[np.float64]:
        """How much later each *job* finishes than if it had run at once [s].

        Its wait before the start and all its pauses. One number a job, however many runs it
        was cut into: a mean over runs would count the short ones as if they were jobs.
        """
        return self.end_s - self.trace.submit_s - self.trace.length_s

    @property
    def resumes(self) -> NDArray[np.int64]:
        """How often each job is resumed."""
        return np.diff(self.first_run) - 1

    def schedule(self, i: int) -> Schedule:
        """Return the schedule of job `i`, for `check`, `charge` and figures."""
        runs = slice(self.first_run[i], self.first_run[i + 1])
        return Schedule.from_intervals(
            self.trace.model(i), self.run_start_s[runs], self.run_stop_s[runs], self.suspension
        )

    def to_frame(self, time_zone: str = "UTC") -> pd.DataFrame:
        """Return one row a job: start and end by a clock, delay, resumes, energy, emissions."""
        return pd.DataFrame(
            {
                "job_id": self.trace.job_id,
                "start": utc_times(self.start_s).tz_convert(time_zone),
                "end": utc_times(self.end_s).tz_convert(time_zone),
                "delay_s": self.delay_s,
                "resumes": self.resumes,
                "energy_kwh": self.energy_kwh,
                "emissions_g": self.emissions_g,
            }
        )

    def __repr__(self) -> str:
        delay = f", mean delay {self.delay_s.mean() / 3600:.2f} h" if len(self.trace) else ""
        return (
            f"TraceOutcome({self.policy}, {len(self.trace):,} jobs, "
            f"{self.emissions_g.sum() / 1000:,.3f} kg{delay})"
        )


def _at(seconds: float) -> str:
    return utc_times(seconds)[0].isoformat().replace("+00:00", "Z")
