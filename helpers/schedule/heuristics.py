"""Simple schedules to compare with: as soon as possible, cheapest slots, below a threshold.

All but the first are carried out by one controller, `follow`, which asks a rule once a step
whether the job should run, pays for every start-up and every stop, and lets the job run on
when it could otherwise miss its deadline. What a rule does not know (the cost of a start-up,
say) it is charged for all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.phases.model import PhaseModel, Phases, flatten
from helpers.phases.suspension import Suspension
from helpers.schedule.intervals import TIME_TOLERANCE_S, Schedule, check_window
from helpers.schedule.suspend import best_schedule
from helpers.timeline import Times

__all__ = [
    "Moment",
    "as_soon_as_possible",
    "below_threshold",
    "cheapest_slots",
    "follow",
    "on_rounded_durations",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a rule is told when it is asked.

    Parameters
    ----------
    now_s : float
        Epoch second [s].
    work_s : float
        Work done and kept so far [s].
    run_start_s : float, optional
        When the run under way began, epoch second [s]; None when the job does not run.
    starts : int
        How often it was started.
    """

    now_s: float
    work_s: float = 0.0
    run_start_s: float | None = None
    starts: int = 0

    @property
    def running(self) -> bool:
        """Whether the job runs."""
        return self.run_start_s is not None


def as_soon_as_possible(job: PhaseModel, release: Times, deadline: Times) -> Schedule:
    """Return the schedule that starts at the release and never stops.

    Raises
    ------
    ValueError
        If the job does not fit into the window.
    """
    release_s, deadline_s = check_window(job, None, release, deadline)
    schedule = Schedule.from_work(job, release_s, job.work_profile.duration_s)
    return replace(schedule, release_s=release_s, deadline_s=deadline_s)


def cheapest_slots(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    step_s: float,
    suspension: Suspension | None = None,
) -> Schedule:
    """Want to run in the slots of least intensity, as many as the job needs without a stop.

    The rule knows neither phases nor the cost of a resume [1]_; the controller pays for both.
    With constant power and no start-up this is the optimum.

    Parameters
    ----------
    job : PhaseModel
        The job.
    intensity : Intensity
        Carbon intensity over the window.
    release, deadline : instant
        Earliest start and latest finish.
    step_s : float
        Length of a slot [s], from the release on.
    suspension : Suspension, optional
        What a stop costs and when it is allowed.

    Returns
    -------
    Schedule
        What the controller makes of it.

    Raises
    ------
    ValueError
        If the job does not fit into the window, the intensity does not cover it, or `step_s`
        is not > 0.

    References
    ----------
    .. [1] P. Wiesner, I. Behnke, D. Scheinert, K. Gontarska, L. Thamsen, "Let's Wait Awhile:
       How Temporal Workload Shifting Can Reduce Carbon Emissions in the Cloud", Middleware
       2021.
    """
    release_s, deadline_s = check_window(job, intensity, release, deadline)
    _check_step(step_s)
    count = math.floor((deadline_s - release_s + TIME_TOLERANCE_S) / step_s)
    starts_s = release_s + step_s * np.arange(count)
    stops_s = np.minimum(starts_s + step_s, deadline_s)
    order = np.argsort(intensity.mean(starts_s, stops_s), kind="stable")
    wanted = np.zeros(count + 1, dtype=bool)
    wanted[order[: math.ceil((job.duration_s - TIME_TOLERANCE_S) / step_s)]] = True

    def wants(moment: Moment) -> bool:
        """Return whether this slot is among the cheapest."""
        return bool(wanted[int((moment.now_s - release_s + TIME_TOLERANCE_S) // step_s)])

    plan = follow(job, release_s, deadline_s, wants, step_s=step_s, suspension=suspension)
    return plan.on(intensity)


def on_rounded_durations(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    step_s: float,
    suspension: Suspension | None = None,
) -> Schedule:
    """Plan with all phases rounded up to whole steps, and run the job by that plan.

    What is done where measured durations have no common divisor that a program could use.
    Each run begins when it was planned to, and does its planned share of the work.

    Parameters
    ----------
    job, intensity, release, deadline
        As in `cheapest_slots`. Rounded up, the job must still fit into the window.
    step_s : float
        What durations are rounded up to multiples of [s].
    suspension : Suspension, optional
        What a stop costs and when it is allowed.

    Returns
    -------
    Schedule
        Runs of the job as it is; those that were planned longer are over earlier.

    Raises
    ------
    ValueError
        As `cheapest_slots`.
    """
    _check_step(step_s)
    rules = suspension or Suspension()

    def up(phases: Phases) -> Phases:
        """Return phases with durations of whole steps."""
        return tuple(
            replace(phase, duration_s=step_s * math.ceil(phase.duration_s / step_s - 1e-9))
            for phase in flatten(phases)
        )

    rounded = replace(job, startup=up(job.startup), work=up(job.work), end=up(job.end))
    planned = best_schedule(
        rounded, intensity, release, deadline, suspension=replace(rules, save=up(rules.save))
    )
    # the same place in the same phase, not the same share of the whole
    done_s = np.interp(planned.work_to_s, rounded.work_profile.edges_s, job.work_profile.edges_s)
    schedule = Schedule.from_work(job, planned.start_s, np.diff(done_s, prepend=0.0), rules)
    return schedule.on(intensity, planned.release_s, planned.deadline_s)


def below_threshold(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    threshold_g_per_kwh: float,
    step_s: float,
    suspension: Suspension | None = None,
) -> Schedule:
    """Run whenever the intensity is at or below a threshold, and when the deadline presses.

    Parameters
    ----------
    job, intensity, release, deadline, step_s, suspension
        As in `cheapest_slots`; only the intensity of the present is looked at.
    threshold_g_per_kwh : float
        Highest intensity at which the job wants to run [g CO2e/kWh].

    Returns
    -------
    Schedule
        What the controller makes of it.

    Raises
    ------
    ValueError
        As `cheapest_slots`.
    """
    release_s, deadline_s = check_window(job, intensity, release, deadline)

    def wants(moment: Moment) -> bool:
        """Return whether it is clean enough now."""
        return bool(intensity.at(moment.now_s) <= threshold_g_per_kwh)

    plan = follow(job, release_s, deadline_s, wants, step_s=step_s, suspension=suspension)
    return plan.on(intensity)


def follow(
    job: PhaseModel,
    release: Times,
    deadline: Times,
    wants: Callable[[Moment], bool],
    *,
    step_s: float,
    least_pause_s: float | None = None,
    suspension: Suspension | None = None,
) -> Schedule:
    """Carry out a rule that says, step by step, whether a job should run.

    A suspended job asks at the release and then once a step. A running one asks after its
    start-up and a first step of work, and then once a step of work (at each checkpoint, where
    only checkpoints are kept), for the last time before the end phases. It is started, or not stopped, against the rule's wish where it
    could otherwise not finish in time, and where `suspension` forbids the stop.

    Parameters
    ----------
    job : PhaseModel
        The job.
    release, deadline : instant
        Earliest start and latest finish.
    wants : callable
        The rule: told a `Moment`, returns whether the job should run in the step that begins.
        It must not look into the future.
    step_s : float
        Length of a step [s].
    least_pause_s : float, optional
        Least time from the end of work to the next start-up [s], in which the rule is not
        asked; by default a step. With 0 a rule may resume as soon as the state is saved.
    suspension : Suspension, optional
        What a stop costs and when it is allowed.

    Returns
    -------
    Schedule
        A schedule that passes `check`.

    Raises
    ------
    ValueError
        If the job does not fit into the window, or `step_s` is not > 0.
    """
    release_s, deadline_s = check_window(job, None, release, deadline)
    _check_step(step_s)
    pause_s = step_s if least_pause_s is None else least_pause_s
    walk = _Walk(job, suspension or Suspension(), deadline_s, step_s, pause_s)
    moment, finished = Moment(release_s), False
    starts_s, works_s = [], []
    while not finished:
        if not (walk.must_start(moment) or wants(moment)):
            moment = replace(moment, now_s=moment.now_s + step_s)
            continue
        starts_s.append(moment.now_s)
        begin_s = moment.work_s
        moment = walk.started(moment)
        while not finished:
            worked = moment.work_s > begin_s and walk.may_stop(moment)
            if worked and not wants(moment):
                break
            finished = moment.work_s >= walk.whole_s
            moment = walk.worked(moment)
        works_s.append(moment.work_s - begin_s)
        moment = walk.stopped(moment)
    schedule = Schedule.from_work(job, starts_s, works_s, suspension)
    return replace(schedule, release_s=release_s, deadline_s=deadline_s)


def _check_step(step_s: float) -> None:
    if not (np.isfinite(step_s) and step_s > 0):
        raise ValueError(f"step_s(={step_s}) must be finite and > 0 s.")


@dataclass(frozen=True)
class _Walk:
    """The moves of a job under way, and which of them are left to choose."""

    job: PhaseModel
    suspension: Suspension
    deadline_s: float
    step_s: float
    pause_s: float

    @property
    def whole_s(self) -> float:
        """All the work of the job [s]."""
        return self.job.work_profile.duration_s

    def latest_start_s(self, work_s: float) -> float:
        """Latest start [s] from which what is left can be done without a stop."""
        rest_s = self.job.duration_s - work_s
        return self.deadline_s - rest_s + TIME_TOLERANCE_S

    def must_start(self, moment: Moment) -> bool:
        """Return whether waiting for another step would miss the deadline."""
        return moment.now_s + self.step_s > self.latest_start_s(moment.work_s)

    def may_stop(self, moment: Moment) -> bool:
        """Whether a stop is allowed, keeps all work, and leaves time to finish."""
        rules = self.suspension
        if moment.work_s >= self.whole_s and not self.job.end_profile.phases:
            return False
        if moment.run_start_s is None:  # nothing runs that could be stopped
            return False
        saved_s = moment.now_s + rules.save_profile.duration_s
        kept = rules.kept_s(self.job, moment.work_s) >= moment.work_s - TIME_TOLERANCE_S
        lasted = saved_s - moment.run_start_s >= rules.least_run_s - TIME_TOLERANCE_S
        left = rules.most_resumes is None or moment.starts <= rules.most_resumes
        again_s = self.stopped(moment).now_s
        return kept and lasted and left and again_s <= self.latest_start_s(moment.work_s)

    def started(self, moment: Moment) -> Moment:
        """Return the moment after a start-up."""
        now_s = moment.now_s + self.job.startup_profile.duration_s
        return Moment(now_s, moment.work_s, moment.now_s, moment.starts + 1)

    def worked(self, moment: Moment) -> Moment:
        """One step of work, or all up to the next checkpoint where only those are kept."""
        to_s = min(moment.work_s + self.step_s, self.whole_s)
        if self.suspension.keep == "checkpoints":
            marks_s = self.job.work_profile.checkpoints_s
            later_s = marks_s[marks_s > moment.work_s + TIME_TOLERANCE_S]
            to_s = float(later_s[0]) if later_s.size else self.whole_s
        if to_s > self.whole_s - TIME_TOLERANCE_S:
            to_s = self.whole_s
        return replace(moment, now_s=moment.now_s + to_s - moment.work_s, work_s=to_s)

    def stopped(self, moment: Moment) -> Moment:
        """The next moment at which a job stopped now may be asked again."""
        pause_s = max(self.pause_s, self.suspension.save_profile.duration_s)
        return replace(moment, now_s=moment.now_s + pause_s, run_start_s=None)
