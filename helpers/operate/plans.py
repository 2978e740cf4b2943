"""Plans: when a job runs, where it pauses, and the last moment at which it may still wait.

A plan is all that is needed to carry a job out, and to say afterwards whether it was carried out:
the job's phases, the window, the runs, the resources asked for, the expected grams. It is made by
`make_plan`, written as JSON (`schema.json` says how), and known by an id that is a hash of what it
says: the same plan has the same id everywhere, and a plan that was changed by hand has another.

**The last moment.** A plan is a wish; the deadline is a promise. A job whose kept work is k must
have started by

    last(k) = deadline - margin - stretch x (start-up + work after k + end),

with `stretch` an upper quantile of the run time over the expected one, never the median. Whatever
else fails, a job that starts by then meets its deadline, so this is what the scheduler is told as
the job's begin time while it waits.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml

from helpers.carbon.signal import Intensity
from helpers.files import write_whole
from helpers.operate.rules import Resources, Rules
from helpers.phases.files import SCHEMA, tree_of
from helpers.phases.model import PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule.intervals import Schedule, charge, check
from helpers.schedule.start import best_start
from helpers.schedule.suspend import best_schedule
from helpers.schema import Place
from helpers.timeline import Times, epoch_seconds, utc_times

__all__ = [
    "FORMAT",
    "Expected",
    "Plan",
    "Span",
    "make_plan",
    "priced",
    "read_plan",
    "write_plan",
]

FORMAT = "clean-hours-plan/1"
"""What the first line of a plan says it is; another number is another format."""

_CELLS = 20_000_000
"""States of the exact method that are solved in about a second."""


@dataclass(frozen=True, slots=True)
class Span:
    """A number with the interval in which it is expected; None where none is known.

    Parameters
    ----------
    expected, low, high : float or None
        The number, and the ends of its interval.
    """

    expected: float | None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        known = [x for x in (self.low, self.expected, self.high) if x is not None]
        if not all(math.isfinite(x) for x in known) or known != sorted(known):
            raise ValueError(
                f"an interval must be finite and in order, not low={self.low}, "
                f"expected={self.expected}, high={self.high}."
            )


@dataclass(frozen=True, slots=True)
class Expected:
    """What a plan is expected to cost.

    Parameters
    ----------
    emissions_g : Span
        Emissions of the plan [g CO2e].
    at_once_g : float or None
        Emissions if the job ran at the release, without a pause [g CO2e].
    wait_s : Span
        Wait in the queue once a run may start [s].
    cost : float or None
        Price of the resources for the time the plan runs, in the centre's currency.
    """

    emissions_g: Span
    at_once_g: float | None
    wait_s: Span = field(default_factory=lambda: Span(None))
    cost: float | None = None

    @property
    def saving(self) -> float:
        """Share of the emissions saved against running at once; 0 where none are known."""
        if not self.at_once_g or self.emissions_g.expected is None:
            return 0.0
        return 1.0 - self.emissions_g.expected / self.at_once_g


@dataclass(frozen=True, eq=False)
class Plan:
    """How one job is to be carried out.

    Parameters
    ----------
    job : PhaseModel
        Its phases.
    release_s, deadline_s : float
        Window, epoch seconds [s].
    schedule : Schedule
        The runs.
    expected : Expected
        What it is expected to cost.
    intensity : str
        Which carbon intensity was used, in words.
    zone : str
        Grid zone.
    suspension : Suspension
        What a pause costs and keeps.
    stretch : float
        Upper quantile of the run time over the expected run time, >= 1.
    margin_s : float
        Time kept free before the deadline for what the scheduler takes [s], >= 0.
    resources : Resources, optional
        What is asked of the centre.

    Raises
    ------
    ValueError
        If the schedule breaks a rule (see `helpers.schedule.intervals.check`), or starts after
        its last moment.
    """

    job: PhaseModel
    release_s: float
    deadline_s: float
    schedule: Schedule
    expected: Expected
    intensity: str
    zone: str
    suspension: Suspension = field(default_factory=Suspension)
    stretch: float = 1.0
    margin_s: float = 0.0
    resources: Resources | None = None

    def __post_init__(self) -> None:
        _check_reserve(self.stretch, self.margin_s)
        check(
            self.schedule,
            self.job,
            release=self.release_s,
            deadline=self.deadline_s,
            suspension=self.suspension,
        )
        for start_s, kept_s in zip(self.schedule.start_s, self.schedule.work_from_s, strict=True):
            if start_s > self.last_moment_s(float(kept_s)) + 1e-3:
                raise ValueError(
                    f"the run at {iso(start_s)} starts after {iso(self.last_moment_s(kept_s))}, the "
                    "last moment at which the deadline is sure to be met: move the deadline, or "
                    "plan again with make_plan()."
                )

    def last_moment_s(self, kept_s: float = 0.0) -> float:
        """Return the last epoch second [s] at which a run may start with `kept_s` of work kept."""
        left_s = self.job.attempt(kept_s).duration_s
        return self.deadline_s - self.margin_s - self.stretch * left_s

    def kept_s(self, checkpoints: int) -> float:
        """Return the work [s] that is kept once so many checkpoints are done."""
        marks_s = self.job.work_profile.checkpoints_s
        done = min(checkpoints, marks_s.size)
        return float(marks_s[done - 1]) if done else 0.0

    @cached_property
    def id(self) -> str:
        """Sixteen hexadecimal digits: a hash of all that the plan says."""
        text = json.dumps(self._tree(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]

    def to_json(self) -> str:
        """Return the plan as JSON, which `read_plan` reads and `schema.json` describes."""
        return json.dumps({"format": FORMAT, "id": self.id, **self._tree()}, indent=2) + "\n"

    def to_frame(self, time_zone: str = "UTC") -> pd.DataFrame:
        """Return one row a run: start, stop, work before and after (see `Schedule.to_frame`)."""
        return self.schedule.to_frame(time_zone)

    def _tree(self) -> dict[str, Any]:
        """Return all that the plan says, as JSON knows it."""
        suspension = self.suspension
        runs = zip(
            self.schedule.start_s,
            self.schedule.stop_s,
            self.schedule.work_from_s,
            self.schedule.work_to_s,
            strict=True,
        )
        job: dict[str, Any] = {"name": self.job.name}
        for part in ("startup", "work", "end"):
            if getattr(self.job, part):
                job[part] = tree_of(getattr(self.job, part))
        return {
            "job": job,
            "suspension": {
                "save": tree_of(suspension.save),
                "suspended_power_w": float(suspension.suspended_power_w),
                "keep": suspension.keep,
                "most_resumes": suspension.most_resumes,
                "least_run_s": float(suspension.least_run_s),
            },
            "release_s": float(self.release_s),
            "deadline_s": float(self.deadline_s),
            "last_moment_s": float(self.last_moment_s()),
            "stretch": float(self.stretch),
            "margin_s": float(self.margin_s),
            "runs": [
                dict(
                    zip(
                        ("start_s", "stop_s", "work_from_s", "work_to_s"),
                        map(float, run),
                        strict=True,
                    )
                )
                for run in runs
            ],
            "resources": asdict(self.resources) if self.resources else None,
            "expected": {
                "emissions_g": asdict(self.expected.emissions_g),
                "at_once_g": self.expected.at_once_g,
                "wait_s": asdict(self.expected.wait_s),
                "cost": self.expected.cost,
            },
            "intensity": self.intensity,
            "zone": self.zone,
        }


def _check_reserve(stretch: float, margin_s: float) -> None:
    if not (math.isfinite(stretch) and stretch >= 1):
        raise ValueError(f"stretch(={stretch}) must be finite and >= 1.")
    if not (math.isfinite(margin_s) and margin_s >= 0):
        raise ValueError(f"margin_s(={margin_s}) must be finite and >= 0.")


def iso(seconds: float) -> str:
    """Return an epoch second [s] as a UTC time stamp of whole seconds."""
    return utc_times(math.floor(seconds))[0].strftime("%Y-%m-%dT%H:%M:%SZ")


def _resolution_s(job: PhaseModel, window_s: float, keep: str) -> float:
    """Return the finest of the usual resolutions [s] that is solved in about a second."""
    for step_s in (60.0, 120.0, 300.0, 600.0, 900.0, 1800.0):
        rows = job.work_profile.duration_s / step_s
        if keep == "checkpoints":
            rows = max(1, job.work_profile.checkpoints_s.size)
        if rows * window_s / step_s <= _CELLS:
            return step_s
    return 3600.0


def make_plan(
    job: PhaseModel,
    intensity: Intensity | None,
    release: Times,
    deadline: Times,
    *,
    suspension: Suspension | None = None,
    stretch: float = 1.0,
    margin_s: float = 0.0,
    resources: Resources | None = None,
    rules: Rules | None = None,
    source: str | None = None,
    zone: str | None = None,
    past: Intensity | None = None,
    resolution_s: float | None = None,
) -> Plan:
    """Plan one job: the runs with the least emissions that surely meet the deadline.

    Parameters
    ----------
    job : PhaseModel
        Its phases.
    intensity : Intensity or None
        What is expected of the grid, over the window; None when nothing is known, and the job
        then runs at once.
    release, deadline : instant
        Earliest start and latest finish.
    suspension : Suspension, optional
        What a pause costs and when it is allowed; a job that is not to be paused says
        ``Suspension(most_resumes=0)``, which is the default.
    stretch, margin_s : float
        Upper quantile of the run time over the expected one, and time for the scheduler [s].
    resources : Resources, optional
        What is asked of the centre.
    rules : Rules, optional
        The centre's rules, for the price and to refuse what breaks them.
    source : str, optional
        Which intensity this is, in words; by default its own `source`.
    zone : str, optional
        Grid zone; by default that of the intensity.
    past : Intensity, optional
        What the grid really did in years before: from the same hours of the weeks around the same
        day of the year comes the interval (0.1 to 0.9) in which emissions are expected.
    resolution_s : float, optional
        Starts and stops of a job that may pause are multiples of this [s] from the release; by
        default the finest that takes about a second to solve.

    Raises
    ------
    ValueError
        If the job, `stretch` times as long, does not fit into the window less the margin, the
        intensity does not cover it, or the request breaks rules of the centre.
    """
    _check_reserve(stretch, margin_s)
    suspension = Suspension(most_resumes=0) if suspension is None else suspension
    release_s, deadline_s = float(epoch_seconds(release)), float(epoch_seconds(deadline))
    if resources is not None and rules is not None and (broken := rules.broken(resources)):
        raise ValueError("the centre refuses this request: " + "; ".join(broken) + ".")
    surely_s = _surely_s(job, release_s, deadline_s, stretch, margin_s)
    at_once = Schedule.from_work(job, release_s, job.work_profile.duration_s)
    if intensity is None:  # there is no reason to wait
        schedule, expected = at_once, Expected(Span(None), None)
    else:
        step_s = resolution_s or _resolution_s(job, surely_s - release_s, suspension.keep)
        schedule = (
            best_start(job, intensity, release_s, surely_s)
            if suspension.most_resumes == 0
            else best_schedule(
                job, intensity, release_s, surely_s, suspension=suspension, resolution_s=step_s
            )
        )
        expected = Expected(
            _span_of(schedule, job, suspension, intensity, past),
            charge(at_once, job, intensity).emissions_g,
        )
    if rules is not None and resources is not None:
        cost = rules.cost(replace(resources, wall_s=schedule.running_s))
        expected = replace(expected, cost=None if math.isnan(cost) else cost)
    return Plan(
        job=job,
        release_s=release_s,
        deadline_s=deadline_s,
        schedule=schedule,
        expected=expected,
        intensity=source or (intensity.source if intensity else "none is known"),
        zone=zone or (intensity.zone if intensity else ""),
        suspension=suspension,
        stretch=stretch,
        margin_s=margin_s,
        resources=resources,
    )


def _surely_s(
    job: PhaseModel, release_s: float, deadline_s: float, stretch: float, margin_s: float
) -> float:
    """Return by when a job of its expected length has to end, so that a longer one is in time."""
    reserve_s = margin_s + (stretch - 1.0) * job.duration_s
    surely_s = deadline_s - reserve_s
    if surely_s - release_s < job.duration_s:
        raise ValueError(
            f"job {job.name!r} takes up to {stretch * job.duration_s:g} s, and {margin_s:g} s are "
            f"kept free, but from {iso(release_s)} to {iso(deadline_s)} there are only "
            f"{deadline_s - release_s:g} s: move the deadline to "
            f"{iso(release_s + job.duration_s + reserve_s + 1)} or later."
        )
    return surely_s


def priced(plan: Plan, *, per_core_h: float | None = None, per_kwh: float | None = None) -> Plan:
    """Return a plan with its price, of which other prices may be a part already.

    Parameters
    ----------
    plan : Plan
        The plan.
    per_core_h : float, optional
        Price of a core hour, for a plan whose rules knew none.
    per_kwh : float, optional
        Price of the energy that its runs draw.

    Raises
    ------
    ValueError
        If a price is no finite number >= 0.
    """
    cost = plan.expected.cost
    for price in (per_core_h, per_kwh):
        if price is not None and not (math.isfinite(price) and price >= 0):
            raise ValueError(f"a price (={price}) must be finite and >= 0.")
    if per_core_h is not None and cost is None and plan.resources is not None:
        cost = per_core_h * replace(plan.resources, wall_s=plan.schedule.running_s).core_hours
    if per_kwh is not None:
        window_s = [plan.release_s - 1.0, plan.deadline_s + 86400.0]  # energy asks for no grid
        flat = Intensity(np.array(window_s), np.zeros(1), "average", plan.zone, "none")
        energy_j = charge(plan.schedule, plan.job, flat, plan.suspension).energy_j
        cost = (cost or 0.0) + per_kwh * energy_j / 3.6e6
    return (
        plan
        if cost == plan.expected.cost
        else replace(plan, expected=replace(plan.expected, cost=cost))
    )


_WEEK_S = 7 * 86400.0
_WEEKS_AROUND = 4
_LEVELS = (0.1, 0.9)


def _span_of(
    schedule: Schedule,
    job: PhaseModel,
    suspension: Suspension,
    intensity: Intensity,
    past: Intensity | None,
) -> Span:
    """Emissions of a schedule, and the interval of what the same hours emitted in past years."""
    expected_g = charge(schedule, job, intensity, suspension).emissions_g
    if past is None:
        return Span(expected_g)
    found = []
    year = round(365.25 * 86400.0 / _WEEK_S)  # whole weeks: the same day of the week
    latest = int((schedule.stop_s[-1] - past.edges_s[0]) // _WEEK_S)
    for weeks in range(1, latest + 1):
        away = min(weeks % year, year - weeks % year)
        shift_s = weeks * _WEEK_S
        inside = (
            schedule.start_s[0] - shift_s >= past.edges_s[0]
            and schedule.stop_s[-1] - shift_s <= past.edges_s[-1]
        )
        if away <= _WEEKS_AROUND and inside:
            moved = replace(
                schedule, start_s=schedule.start_s - shift_s, stop_s=schedule.stop_s - shift_s
            )
            found.append(charge(moved, job, past, suspension).emissions_g)
    if len(found) < 5:
        return Span(expected_g)
    low_g, high_g = np.quantile(found, _LEVELS)
    return Span(expected_g, min(expected_g, float(low_g)), max(expected_g, float(high_g)))


# --- files -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    start_s: float
    stop_s: float
    work_from_s: float
    work_to_s: float


@dataclass(frozen=True)
class _File:
    """What a file of a plan says; the format is read first."""

    at: Place
    format: Literal["clean-hours-plan/1"]
    id: Place
    job: PhaseModel
    suspension: Suspension
    release_s: float
    deadline_s: float
    last_moment_s: float  # for people: it follows from the rest
    stretch: float
    margin_s: float
    runs: tuple[_Run, ...]
    resources: Resources | None
    expected: Expected
    intensity: str
    zone: str

    def plan(self) -> Plan:
        """Return the plan, checked."""
        start_s, stop_s, from_s, to_s = (
            np.array([getattr(run, item.name) for run in self.runs]) for item in fields(_Run)
        )
        return Plan(
            job=self.job,
            release_s=self.release_s,
            deadline_s=self.deadline_s,
            schedule=Schedule(start_s, stop_s, from_s, to_s),
            expected=self.expected,
            intensity=self.intensity,
            zone=self.zone,
            suspension=self.suspension,
            stretch=self.stretch,
            margin_s=self.margin_s,
            resources=self.resources,
        )


def write_plan(plan: Plan, path: str | os.PathLike) -> None:
    """Write a plan as JSON, whole or not at all.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written.
    """
    write_whole(path, plan.to_json())


def read_plan(path: str | os.PathLike) -> Plan:
    """Read a plan.

    Raises
    ------
    ValueError
        With file, line and path, if it is no plan, a value is out of range, a rule is broken, or
        it was changed after it was made, so that its id is no longer its own.
    FileNotFoundError
        If there is no such file.
    """
    file = Path(path).name
    try:  # JSON is read as the YAML that it also is: its nodes know their lines
        node = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: no JSON: {error}") from None
    if node is None:
        raise ValueError(f"{file}: empty: write a plan with write_plan().")
    said = SCHEMA.read(Place(node, file), _File)
    plan = said.at.build(said.plan)
    if said.id.value(str, "sixteen hexadecimal digits") != plan.id:
        raise said.id.error(
            f"{said.id.node.value!r} is not the id of what this plan says, {plan.id!r}: it was "
            "changed by hand; make it again."
        )
    return plan
