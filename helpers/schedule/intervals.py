"""When a job runs: schedules, one checker for all of them, one account of what they cost.

A schedule is a list of *runs*. A run begins with all start-up phases, goes on with the work
not done yet, and ends either in a *stop*, after the phases that save its state, or, once all
work is done, with the end phases. Between two runs the job is *suspended*.

Everything here is continuous in time and knows no slots, so that it judges schedules of any
origin: of the exact methods, of a mixed-integer program, of a simulator, of a log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity, check_intensity
from helpers.phases.model import PhaseModel, Profile
from helpers.phases.suspension import Suspension
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds, utc_times

__all__ = [
    "SEGMENT_PARTS",
    "TIME_TOLERANCE_S",
    "Certificate",
    "Charge",
    "Schedule",
    "Segments",
    "charge",
    "charge_segments",
    "check",
    "check_window",
    "check_windows",
    "cut_profile",
    "join_segments",
    "latest_finish_s",
    "segments",
]

TIME_TOLERANCE_S = 1e-5
"""Differences of times below this are rounding [s]: a float64 holds epochs to 2.4e-7 s."""

EXACT_GAP = 1e-9
"""Share of the emissions up to which two values are equal but for rounding."""

SEGMENT_PARTS = ("startup", "work", "end", "save", "suspended", "beyond")
"""What a job may be doing: a part of its model, saving, suspended, or (published mode) past
the end of its profile."""

_STARTUP, _WORK, _END, _SAVE, _SUSPENDED, _BEYOND = range(len(SEGMENT_PARTS))


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is proven of a schedule: how far it is, at most, from the best one.

    Parameters
    ----------
    emissions_g : float
        Emissions of the schedule [g CO2e]; with a price of running, its cost.
    lower_g : float
        No schedule that keeps the rules emits less [g CO2e].
    method : str
        How it was proven: "grid" (all durations are multiples of its slot), "best start" (no
        pause can pay, or none is allowed), "event points", or "relaxation" (a lower bound only).

    Examples
    --------
    >>> print(Certificate(1002.0, 1000.0, "relaxation"))
    at most 0.2 % above the best
    """

    emissions_g: float
    lower_g: float
    method: str

    @property
    def gap_g(self) -> float:
        """By how much the schedule may exceed the best one, at most [g CO2e]."""
        return max(0.0, self.emissions_g - self.lower_g)

    @property
    def gap(self) -> float:
        """The same as a share of the schedule's emissions; inf where nothing was proven."""
        if self.gap_g == 0:
            return 0.0
        return self.gap_g / abs(self.emissions_g) if self.emissions_g else np.inf

    @property
    def exact(self) -> bool:
        """Whether no schedule is better, up to the rounding of floating-point numbers."""
        return self.gap <= EXACT_GAP

    def __str__(self) -> str:
        return "exact" if self.exact else f"at most {100 * self.gap:.2g} % above the best"


@dataclass(frozen=True, eq=False)
class Schedule:
    """When a job runs, and which part of its work each run does.

    A schedule that was made for a job and a signal knows both, so that what it emits, and
    what starting at once would have, is asked of it. Pictures are made by `figures.schedule`:
    schedules know no plots.

    Parameters
    ----------
    start_s, stop_s : array_like, shape (n,)
        Epoch seconds [s] or tz-aware time stamps at which each run begins (with start-up) and
        is over (after saving, or after the end phases).
    work_from_s, work_to_s : array_like, shape (n,)
        Seconds of work [s] that are done before and after each run.
    job : PhaseModel, optional
        The job it runs.
    suspension : Suspension, optional
        What a stop costs and keeps.
    intensity : Intensity, optional
        The signal it was made for; `on` gives it another one.
    release_s, deadline_s : float, optional
        Window it was made for, epoch seconds [s]. "At once" means at the release.
    certificate : Certificate, optional
        What is proven of it; None for schedules that claim nothing.

    Raises
    ------
    ValueError
        If the first four do not have the same length, there is no run, or a value is not
        finite. Whether the schedule is a good one is for `check` to say.
    """

    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    work_from_s: NDArray[np.float64]
    work_to_s: NDArray[np.float64]
    job: PhaseModel | None = None
    suspension: Suspension | None = None
    intensity: Intensity | None = None
    release_s: float | None = None
    deadline_s: float | None = None
    certificate: Certificate | None = None

    def __post_init__(self) -> None:
        for name in ("start_s", "stop_s", "work_from_s", "work_to_s"):
            values = getattr(self, name)
            values = epoch_seconds(values) if name in ("start_s", "stop_s") else values
            values = np.array(values, dtype=np.float64)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
            if values.ndim != 1 or not values.size or values.shape != self.start_s.shape:
                raise ValueError(
                    f"{name} has shape {values.shape}, but a schedule has n >= 1 runs and one "
                    f"value a run, like start_s with {self.start_s.shape}."
                )
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds {values[~np.isfinite(values)][0]}, not a time.")

    @classmethod
    def known(
        cls,
        start_s: NDArray[np.float64],
        stop_s: NDArray[np.float64],
        work_from_s: NDArray[np.float64],
        work_to_s: NDArray[np.float64],
        **made_from: Any,
    ) -> Self:
        """Make a schedule of new arrays that are known to be right, without looking at them.

        For solvers: of a job of an hour, checking took as long as solving.
        """
        schedule = object.__new__(cls)
        runs = {
            "start_s": start_s,
            "stop_s": stop_s,
            "work_from_s": work_from_s,
            "work_to_s": work_to_s,
        }
        for values in runs.values():
            values.flags.writeable = False
        schedule.__dict__.update(runs, **made_from)
        return schedule

    @classmethod
    def from_work(
        cls,
        job: PhaseModel,
        start: Times,
        work_s: ArrayLike,
        suspension: Suspension | None = None,
    ) -> Self:
        """Make a schedule from the start of each run and the work it does.

        Parameters
        ----------
        job : PhaseModel
            Its start-up, saving and end phases give each run its length.
        start : instants, shape (n,)
            When each run begins.
        work_s : array_like, shape (n,)
            Work done by each run [s].
        suspension : Suspension, optional
            What a stop costs and keeps; by default nothing is lost and saving is free.
        """
        suspension = suspension or Suspension()
        start_s = np.atleast_1d(epoch_seconds(start))
        work_s = np.broadcast_to(np.asarray(work_s, dtype=np.float64), start_s.shape)
        work_from_s, work_to_s, done_s = [], [], 0.0
        for amount_s in work_s:
            work_from_s.append(done_s)
            work_to_s.append(done_s + amount_s)
            done_s = suspension.kept_s(job, done_s + amount_s)
        tails_s = np.full(start_s.shape, suspension.save_profile.duration_s)
        tails_s[-1] = job.end_profile.duration_s
        stop_s = start_s + job.startup_profile.duration_s + work_s + tails_s
        return cls(
            start_s,
            stop_s,
            np.array(work_from_s),
            np.array(work_to_s),
            job=job,
            suspension=suspension,
        )

    @classmethod
    def from_intervals(
        cls, job: PhaseModel, start: Times, stop: Times, suspension: Suspension | None = None
    ) -> Self:
        """Make a schedule from the start and stop of each run.

        The work of a run is what its length leaves after start-up and saving (or the end
        phases, in the last run).

        Raises
        ------
        ValueError
            If a run is too short for its start-up and saving.
        """
        suspension = suspension or Suspension()
        start_s = np.atleast_1d(epoch_seconds(start))
        tails_s = np.full(start_s.shape, suspension.save_profile.duration_s)
        tails_s[-1] = job.end_profile.duration_s
        overhead_s = job.startup_profile.duration_s + tails_s
        work_s = np.atleast_1d(epoch_seconds(stop)) - start_s - overhead_s
        short = np.flatnonzero(work_s < -TIME_TOLERANCE_S)
        if short.size:
            i = int(short[0])
            raise ValueError(
                f"run {i} lasts {work_s[i] + overhead_s[i]:g} s, but start-up and saving (or the "
                f"end phases) of job {job.name!r} take {overhead_s[i]:g} s: make it longer."
            )
        return cls.from_work(job, start_s, np.maximum(work_s, 0.0), suspension)

    @property
    def resumes(self) -> int:
        """How often the job is resumed: one less than the number of runs."""
        return self.start_s.size - 1

    @property
    def running_s(self) -> float:
        """Seconds in which the job runs [s]."""
        return float((self.stop_s - self.start_s).sum())

    @property
    def start(self) -> pd.Timestamp:
        """When the first run begins, UTC."""
        return utc_times(self.start_s[0])[0]

    @property
    def end(self) -> pd.Timestamp:
        """When the last run is over, UTC."""
        return utc_times(self.stop_s[-1])[0]

    def on(
        self, intensity: Intensity, release: Times | None = None, deadline: Times | None = None
    ) -> Self:
        """Return the same runs on another signal (and window), without a certificate."""
        return replace(
            self,
            intensity=intensity,
            release_s=self.release_s if release is None else float(epoch_seconds(release)),
            deadline_s=self.deadline_s if deadline is None else float(epoch_seconds(deadline)),
            certificate=None,
        )

    @cached_property
    def cost(self) -> Charge:
        """What the schedule costs on its signal, as `charge` tells it.

        Raises
        ------
        ValueError
            If the schedule knows no job or no signal.
        """
        job, intensity = self._known()
        return charge(self, job, intensity, self.suspension)

    @property
    def emissions_g(self) -> float:
        """Emissions of the schedule on its signal [g CO2e]."""
        return self.cost.emissions_g

    @cached_property
    def at_once_g(self) -> float:
        """What the job would have emitted if started at the release, without a stop [g CO2e]."""
        job, intensity = self._known()
        if self.release_s is None:
            raise ValueError(
                "the schedule knows no release, so 'at once' names no instant: say when the job "
                "could have started by schedule.on(intensity, release)."
            )
        at_once = Schedule.from_work(job, self.release_s, job.work_profile.duration_s)
        return charge(at_once, job, intensity).emissions_g

    @property
    def saving(self) -> float:
        """Share of the emissions of starting at once that the schedule saves; 0.25 is 25 %.

        Negative where starting at once would have been better; NaN where that emits nothing, or
        less than nothing at a negative marginal intensity: then there is no share.
        """
        return 1.0 - self.emissions_g / self.at_once_g if self.at_once_g > 0 else np.nan

    def _known(self) -> tuple[PhaseModel, Intensity]:
        if self.job is None or self.intensity is None:
            missing = "job" if self.job is None else "signal"
            raise ValueError(
                f"the schedule knows no {missing}, so it cannot say what it emits: make it by "
                "Schedule.from_work(job, ...).on(intensity, release), or use charge()."
            )
        return self.job, self.intensity

    def to_frame(self, time_zone: str = "UTC") -> pd.DataFrame:
        """Return one row a run: start and stop by a clock, work done before and after."""
        return pd.DataFrame(
            {
                "start": utc_times(self.start_s).tz_convert(time_zone),
                "stop": utc_times(self.stop_s).tz_convert(time_zone),
                "work_from_s": self.work_from_s,
                "work_to_s": self.work_to_s,
            }
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("start_s", "stop_s", "work_from_s", "work_to_s")
        )

    __hash__ = None  # type: ignore[assignment]  # equal by value, and arrays have no hash

    def __repr__(self) -> str:
        runs = ", ".join(
            f"{_at(a)} to {_at(b)}" for a, b in zip(self.start_s, self.stop_s, strict=True)
        )
        return f"Schedule({runs})"

    def __str__(self) -> str:
        if self.job is None or self.intensity is None or self.release_s is None:
            return repr(self)
        runs = "; ".join(
            f"{_at(a)} to {_at(b)}" for a, b in zip(self.start_s, self.stop_s, strict=True)
        )
        proven = "" if self.certificate is None else f" ({self.certificate})"
        share = "" if np.isnan(self.saving) else f", saving {100 * self.saving:.3g} %"
        return (
            f"{self.job.name}: {runs}: {self.emissions_g:.4g} g CO2e{proven}, at once "
            f"{self.at_once_g:.4g} g{share}"
        )


def _instant_s(name: str, instant: Times) -> float:
    seconds = epoch_seconds(instant)
    if seconds.ndim:
        raise ValueError(
            f"{name} holds {seconds.size} instants, but one job has one window: use best_starts() "
            "or best_schedules() for many."
        )
    return float(seconds)


def latest_finish_s(
    job: PhaseModel,
    release: Times,
    deadline: Times | None,
    start_within: Duration | None,
    end_within: Duration | None,
) -> float:
    """Return the deadline in epoch seconds [s], in whichever of three ways it was given.

    Parameters
    ----------
    job : PhaseModel
        The job.
    release : instant
        Earliest start.
    deadline : instant, optional
        Latest finish.
    start_within : duration, optional
        Latest start, counted from the release: the job may wait so long in all, and a job that
        is not suspended has finished its own length later.
    end_within : duration, optional
        Latest finish, counted from the release.

    Raises
    ------
    ValueError
        If not exactly one of the last three is given.
    """
    given = {"deadline": deadline, "start_within": start_within, "end_within": end_within}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValueError(
            f"give exactly one of deadline, start_within and end_within, not "
            f"{' and '.join(named) or 'none'}: start_within='24h' is the latest start, "
            "end_within='24h' the latest finish, both counted from the release."
        )
    if deadline is not None:
        return _instant_s("deadline", deadline)
    release_s = _instant_s("release", release)
    if end_within is not None:
        return release_s + duration_seconds(end_within)
    assert start_within is not None  # for the type checker: one of the three is given
    return release_s + duration_seconds(start_within) + job.duration_s


def check_window(
    job: PhaseModel, intensity: Intensity | None, release: Times, deadline: Times
) -> tuple[float, float]:
    """Check that a job fits into its window and the intensity covers it.

    Parameters
    ----------
    job : PhaseModel
        The job.
    intensity : Intensity or None
        What must cover the window; None when there is none to ask.
    release, deadline : instant
        Earliest start and latest finish.

    Returns
    -------
    tuple of float
        Release and deadline in epoch seconds [s].

    Raises
    ------
    ValueError
        If the window is shorter than the uninterrupted job, or leaves the coverage.
    """
    release_s, deadline_s = _instant_s("release", release), _instant_s("deadline", deadline)
    if deadline_s - release_s < job.duration_s - TIME_TOLERANCE_S:
        parts = [
            f"{name} {profile.duration_s:g} s"
            for name, profile in (
                ("start-up", job.startup_profile),
                ("work", job.work_profile),
                ("end", job.end_profile),
            )
        ]
        raise ValueError(
            f"job {job.name!r} needs {job.duration_s:g} s ({', '.join(parts)}), but from "
            f"{_at(release_s)} to the deadline {_at(deadline_s)} there are only "
            f"{deadline_s - release_s:g} s: move the deadline to "
            f"{_at(release_s + job.duration_s)} or later, or shorten the job."
        )
    if intensity is not None:
        check_intensity(intensity)
        first_s, last_s = intensity.edges_s[[0, -1]]
        if release_s < first_s or deadline_s > last_s:
            raise ValueError(
                f"the window from {_at(release_s)} to {_at(deadline_s)} leaves the intensity of "
                f"{intensity.zone}, which covers {_at(first_s)} to {_at(last_s)}: nothing is "
                "extrapolated; load a longer period or move the window."
            )
    return release_s, deadline_s


def check_windows(
    jobs: Sequence[PhaseModel], intensity: Intensity, release_s: NDArray, deadline_s: NDArray
) -> None:
    """Raise what `check_window` raises for the first of many jobs that breaks a rule."""
    check_intensity(intensity)
    length_s = np.array([job.duration_s for job in jobs])
    bad = (
        (deadline_s - release_s < length_s)
        | (release_s < intensity.edges_s[0])
        | (deadline_s > intensity.edges_s[-1])
    )
    for i in np.flatnonzero(bad).tolist():
        check_window(jobs[i], intensity, release_s[i], deadline_s[i])


def check(
    schedule: Schedule,
    job: PhaseModel,
    *,
    release: Times | None = None,
    deadline: Times | None = None,
    suspension: Suspension | None = None,
) -> None:
    """Check that a schedule runs a job, all of it and once, by the rules.

    Parameters
    ----------
    schedule : Schedule
        A schedule of any origin.
    job : PhaseModel
        The job it runs.
    release, deadline : instant, optional
        Earliest start and latest finish; not checked when left out.
    suspension : Suspension, optional
        What a stop costs, keeps, and when it is allowed.

    Raises
    ------
    ValueError
        With every rule that is broken: runs in order and apart; each as long as its start-up,
        its work and its saving (or the end phases) together; work taken up where the stop
        before left it, all done in the end; window, number of resumes and least run kept.
    """
    suspension = suspension or Suspension()
    broken = [
        *_broken_times(schedule, release, deadline),
        *_broken_runs(schedule, job, suspension),
        *_broken_work(schedule, job, suspension),
    ]
    if broken:
        raise ValueError(
            f"the schedule of job {job.name!r} breaks {len(broken)} rule(s): "
            + "; ".join(broken)
            + ". Build schedules with Schedule.from_work() to get lengths right."
        )


def _broken_times(
    schedule: Schedule, release: Times | None, deadline: Times | None
) -> Iterator[str]:
    start_s, stop_s = schedule.start_s, schedule.stop_s
    for i in np.flatnonzero(start_s[1:] < stop_s[:-1] - TIME_TOLERANCE_S):
        yield (
            f"run {i + 1} starts at {_at(start_s[i + 1])}, before run {i} stops at {_at(stop_s[i])}"
        )
    if release is not None and start_s[0] < float(epoch_seconds(release)) - TIME_TOLERANCE_S:
        yield (
            f"the first run starts at {_at(start_s[0])}, before the release at "
            f"{_at(float(epoch_seconds(release)))}"
        )
    if deadline is not None and stop_s[-1] > float(epoch_seconds(deadline)) + TIME_TOLERANCE_S:
        yield (
            f"the last run stops at {_at(stop_s[-1])}, after the deadline at "
            f"{_at(float(epoch_seconds(deadline)))}"
        )


def _broken_runs(schedule: Schedule, job: PhaseModel, suspension: Suspension) -> Iterator[str]:
    startup_s, save_s = job.startup_profile.duration_s, suspension.save_profile.duration_s
    tail_s = np.full(schedule.start_s.shape, save_s)
    tail_s[-1] = job.end_profile.duration_s
    length_s = schedule.stop_s - schedule.start_s
    needed_s = startup_s + (schedule.work_to_s - schedule.work_from_s) + tail_s
    for i in np.flatnonzero(np.abs(length_s - needed_s) > TIME_TOLERANCE_S):
        last = i == schedule.resumes
        yield (
            f"run {i} lasts {length_s[i]:g} s, but start-up ({startup_s:g} s), its work and "
            f"{'the end phases' if last else 'saving'} ({tail_s[i]:g} s) take {needed_s[i]:g} s"
        )
    for i in np.flatnonzero(length_s[:-1] < suspension.least_run_s - TIME_TOLERANCE_S):
        yield (
            f"run {i} is stopped after {length_s[i]:g} s, before least_run_s = "
            f"{suspension.least_run_s:g} s"
        )
    most = suspension.most_resumes
    if most is not None and schedule.resumes > most:
        yield f"it resumes {schedule.resumes} times, more than most_resumes = {most}"


def _broken_work(schedule: Schedule, job: PhaseModel, suspension: Suspension) -> Iterator[str]:
    whole_s, expected_s = job.work_profile.duration_s, 0.0
    for i, (begin_s, end_s) in enumerate(
        zip(schedule.work_from_s, schedule.work_to_s, strict=True)
    ):
        if abs(begin_s - expected_s) > TIME_TOLERANCE_S:
            yield f"run {i} goes on from {begin_s:g} s of work, but {expected_s:g} s are kept"
        ends_only = i == schedule.resumes and job.end_profile.duration_s > 0
        if end_s < begin_s or (end_s - begin_s <= TIME_TOLERANCE_S and not ends_only):
            yield f"run {i} does no work ({begin_s:g} to {end_s:g} s)"
        expected_s = suspension.kept_s(job, end_s)
    if abs(schedule.work_to_s[-1] - whole_s) > TIME_TOLERANCE_S:
        yield f"{schedule.work_to_s[-1]:g} of {whole_s:g} s of work are done in the end"


@dataclass(frozen=True, eq=False)
class Segments:
    """What a schedule draws: constant power from one instant to the next, in order of time.

    Parameters
    ----------
    start_s, duration_s, power_w : ndarray of float, shape (n,)
        Epoch second [s], length [s] and power [W] of each segment.
    run : ndarray of int, shape (n,)
        Number of its run; of the run before, where the job is suspended.
    part : ndarray of int, shape (n,)
        Place in `SEGMENT_PARTS`.
    phase : ndarray of int, shape (n,)
        Place of its phase among those of its part.
    profiles : dict of str to Profile
        Phases of each part, for their names.
    """

    start_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    run: NDArray[np.int64]
    part: NDArray[np.int64]
    phase: NDArray[np.int64]
    profiles: dict[str, Profile] = field(repr=False)

    @staticmethod
    def code(part: str) -> int:
        """Return the number of a part, as `part` holds it."""
        return SEGMENT_PARTS.index(part)

    def to_frame(self, time_zone: str = "UTC") -> pd.DataFrame:
        """Return one row a segment: run, part, phase, start, stop (by a clock), power."""
        names = {part: profile.names for part, profile in self.profiles.items()}
        parts = [SEGMENT_PARTS[code] for code in self.part]
        phases = [
            names[part][i] if names.get(part) else part
            for part, i in zip(parts, self.phase, strict=True)
        ]
        return pd.DataFrame(
            {
                "run": self.run,
                "part": parts,
                "phase": phases,
                "start": utc_times(self.start_s).tz_convert(time_zone),
                "stop": utc_times(self.start_s + self.duration_s).tz_convert(time_zone),
                "duration_s": self.duration_s,
                "power_w": self.power_w,
            }
        )


def segments(schedule: Schedule, job: PhaseModel, suspension: Suspension | None = None) -> Segments:
    """Write out what a schedule draws, phase by phase, suspended times included.

    Parameters
    ----------
    schedule : Schedule
        A schedule that passes `check`.
    job : PhaseModel
        The job it runs.
    suspension : Suspension, optional
        What a stop costs.

    Returns
    -------
    Segments
        In order of time.
    """
    suspension = suspension or Suspension()
    startup, work, end = job.startup_profile, job.work_profile, job.end_profile
    pieces: list[tuple] = []
    for i in range(schedule.start_s.size):
        run = (
            (_STARTUP, startup, 0.0, startup.duration_s),
            (_WORK, work, schedule.work_from_s[i], schedule.work_to_s[i]),
            (_END, end, 0.0, end.duration_s)
            if i == schedule.resumes
            else (_SAVE, suspension.save_profile, 0.0, suspension.save_profile.duration_s),
        )
        clock_s = schedule.start_s[i]
        for part, profile, low_s, high_s in run:
            pieces.append(cut_profile(profile, low_s, high_s, clock_s, i, part))
            clock_s += high_s - low_s
        if i < schedule.resumes:
            gap_s = schedule.start_s[i + 1] - clock_s
            power_w = suspension.suspended_power_w
            pieces.append(([clock_s], [gap_s], [power_w], [i], [_SUSPENDED], [0]))
    profiles = {"startup": startup, "work": work, "end": end, "save": suspension.save_profile}
    return join_segments(pieces, profiles)


def cut_profile(
    profile: Profile, low_s: float, high_s: float, clock_s: float, run: int, part: int
) -> tuple[NDArray, ...]:
    """Cut a profile from `low_s` to `high_s` [s] and run the piece from `clock_s` on.

    Returns
    -------
    tuple of ndarray
        The first six fields of `Segments`; `run` and `part` are those given.
    """
    first = int(np.searchsorted(profile.edges_s, low_s, side="right")) - 1
    last = min(int(np.searchsorted(profile.edges_s, high_s, side="left")), len(profile.phases))
    edges_s = np.clip(profile.edges_s[first : last + 1], low_s, high_s)
    phase = np.arange(first, max(first, last))
    return (
        clock_s + (edges_s[:-1] - low_s),
        np.diff(edges_s),
        profile.power_w[first:last],
        np.full(phase.size, run),
        np.full(phase.size, part),
        phase,
    )


def join_segments(pieces: Sequence[tuple], profiles: dict[str, Profile]) -> Segments:
    """Join pieces, each the first six fields of `Segments`, and drop those of no length."""
    start_s, duration_s, power_w, run, part, phase = map(np.concatenate, zip(*pieces, strict=True))
    real = duration_s > 0
    return Segments(
        start_s[real],
        duration_s[real],
        power_w[real],
        run[real].astype(np.int64),
        part[real].astype(np.int64),
        phase[real].astype(np.int64),
        profiles,
    )


@dataclass(frozen=True, eq=False)
class Charge:
    """What a schedule costs.

    Parameters
    ----------
    energy_j : float
        Energy of all segments [J].
    emissions_g : float
        Emissions of all segments [g CO2e].
    resumes : int
        How often the job is resumed.
    lost_work_s : float
        Work that is done more than once [s].
    segments : Segments
        What was charged.
    segment_emissions_g : ndarray of float
        Emissions of each segment [g CO2e].
    """

    energy_j: float
    emissions_g: float
    resumes: int
    lost_work_s: float
    segments: Segments = field(repr=False)
    segment_emissions_g: NDArray[np.float64] = field(repr=False)

    def split(self) -> pd.DataFrame:
        """Return duration [s], energy [J] and emissions [g CO2e] of each part and phase.

        Returns
        -------
        DataFrame
            Indexed by ``part`` and ``phase`` in order of first appearance, columns
            ``duration_s, energy_j, emissions_g``. Sums are those of the whole.
        """
        frame = self.segments.to_frame()[["part", "phase", "duration_s"]]
        frame["energy_j"] = self.segments.power_w * self.segments.duration_s
        frame["emissions_g"] = self.segment_emissions_g
        return frame.groupby(["part", "phase"], sort=False).sum()


def charge(
    schedule: Schedule,
    job: PhaseModel,
    intensity: Intensity,
    suspension: Suspension | None = None,
) -> Charge:
    """Charge a schedule: exact energy and emissions of all it runs, in continuous time.

    Parameters
    ----------
    schedule : Schedule
        A schedule that passes `check`.
    job : PhaseModel
        The job it runs.
    intensity : Intensity
        Carbon intensity over the schedule.
    suspension : Suspension, optional
        What a stop costs.

    Returns
    -------
    Charge
        Energy, emissions, resumes, and their split.

    Raises
    ------
    ValueError
        If the schedule does not end where the work of the job does (it is that of another job,
        or unfinished), or leaves the coverage of the intensity.
    """
    reached_s, work_s = float(schedule.work_to_s.max()), job.work_profile.duration_s
    if abs(reached_s - work_s) > max(TIME_TOLERANCE_S, 1e-9 * work_s):
        raise ValueError(
            f"the schedule ends at {reached_s:g} s of work, but job {job.name!r} has {work_s:g} s: "
            "charge the job that it was made for; check() says all that is wrong with a schedule."
        )
    drawn = segments(schedule, job, suspension)
    done_s = float((schedule.work_to_s - schedule.work_from_s).sum())
    lost_s = max(0.0, done_s - job.work_profile.duration_s)
    return charge_segments(drawn, schedule, intensity, lost_s if lost_s > TIME_TOLERANCE_S else 0.0)


def charge_segments(
    drawn: Segments, schedule: Schedule, intensity: Intensity, lost_work_s: float
) -> Charge:
    """Charge what a schedule draws: exact integrals of the intensity over its segments."""
    start_s, stop_s = drawn.start_s, drawn.start_s + drawn.duration_s
    last_s = intensity.edges_s[-1]
    if last_s < stop_s[-1] <= last_s + TIME_TOLERANCE_S:  # rounded up to beyond the last step
        start_s, stop_s = np.minimum(start_s, last_s), np.minimum(stop_s, last_s)
    integral = intensity.integral(start_s, stop_s)
    emissions_g = drawn.power_w * integral / JOULES_PER_KWH
    return Charge(
        energy_j=float((drawn.power_w * drawn.duration_s).sum()),
        emissions_g=float(emissions_g.sum()),
        resumes=schedule.resumes,
        lost_work_s=lost_work_s,
        segments=drawn,
        segment_emissions_g=emissions_g,
    )


def _at(seconds: float) -> str:
    return utc_times(seconds)[0].isoformat().replace("+00:00", "Z")
