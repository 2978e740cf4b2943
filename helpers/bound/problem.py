"""The problem that is bounded: jobs that take nodes, the nodes there are, and all starts that can be best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.extras import compiled
from helpers.phases.model import Phase, PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule.intervals import check_window
from helpers.schedule.suspend import PricedJob
from helpers.timeline import (
    Duration,
    StepFunction,
    Times,
    duration_seconds,
    epoch_seconds,
    utc_times,
)
from helpers.work.workload import Workload

__all__ = ["CapacityJob", "Instance", "jobs_of_table", "jobs_of_workload"]

_MOST_STARTS = 60_000_000
"""Most starts that can be best, of all jobs together: about a gigabyte."""


@dataclass(frozen=True)
class CapacityJob:
    """A job that takes nodes while it runs.

    Parameters
    ----------
    model : PhaseModel
        Its phases; powers are those of the whole job, on all its nodes together [W].
    nodes : int
        Nodes (or cores) it takes while it runs, >= 1; a suspended job takes none.
    release_s, deadline_s : float or instant
        Earliest start and latest finish, epoch seconds [s] or a tz-aware time stamp.
    suspension : Suspension, optional
        Rules of suspending it; None: it is not interrupted.

    Raises
    ------
    ValueError
        If `nodes` is no whole number >= 1.
    """

    model: PhaseModel
    nodes: int
    release_s: float
    deadline_s: float
    suspension: Suspension | None = None

    def __post_init__(self) -> None:
        if isinstance(self.nodes, bool) or self.nodes != int(self.nodes) or self.nodes < 1:
            raise ValueError(
                f"job {self.model.name!r}: nodes(={self.nodes!r}) must be a whole number >= 1."
            )
        object.__setattr__(self, "nodes", int(self.nodes))
        object.__setattr__(self, "release_s", float(epoch_seconds(self.release_s)))
        object.__setattr__(self, "deadline_s", float(epoch_seconds(self.deadline_s)))


def jobs_of_table(
    jobs: pd.DataFrame,
    *,
    start: Times,
    power_w: float,
    longest_wait: Duration,
) -> list[CapacityJob]:
    """Make jobs of constant power from a jobs table, none interrupted.

    Parameters
    ----------
    jobs : DataFrame
        Columns ``submit_s``, ``run_s`` and ``processors`` of a jobs table, all known and > 0
        (submissions may be 0).
    start : instant
        When second 0 of the table is. A log of another year is moved by it.
    power_w : float
        Power of a busy processor [W].
    longest_wait : duration
        How long a job may wait: its deadline is submission + longest wait + run time.

    Returns
    -------
    list of CapacityJob
        One a row; jobs with equal run time and processors share one model.

    Raises
    ------
    ValueError
        If a value is missing, or a run time or number of processors is not > 0.
    """
    start_s, wait_s = float(epoch_seconds(start)), duration_seconds(longest_wait)
    values = {
        name: jobs[name].to_numpy(np.float64, na_value=np.nan)
        for name in ("submit_s", "run_s", "processors")
    }
    for name, column in values.items():
        bad = ~np.isfinite(column) if name == "submit_s" else ~(column > 0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise ValueError(
                f"{name}[{row}] = {column[row]} must be known{'' if name == 'submit_s' else ' and > 0'} "
                f"({int(bad.sum())} such jobs): leave these jobs out, and say so."
            )
    models: dict[tuple[float, float], PhaseModel] = {}
    result = []
    for submit_s, run_s, processors in zip(*values.values(), strict=True):
        key = (run_s, processors)
        if key not in models:
            work = Phase("run", run_s, power_w * processors)
            models[key] = PhaseModel(f"{processors:g} x {run_s:g} s", (), (work,))
        release_s = start_s + submit_s
        result.append(CapacityJob(models[key], processors, release_s, release_s + wait_s + run_s))
    return result


def jobs_of_workload(work: Workload, *, suspend: bool = False) -> list[CapacityJob]:
    """Make jobs of a workload, each to be finished by submission + longest wait + length.

    Parameters
    ----------
    work : Workload
        The jobs; their second 0 must be known.
    suspend : bool
        Whether plans may suspend them, by the workload's rules.

    Raises
    ------
    ValueError
        If second 0 is not known, or a job may wait for ever.
    """
    origin_s, wait_s = work.origin_s(), work.jobs["longest_wait_s"].to_numpy()
    endless = ~np.isfinite(wait_s)
    if endless.any():
        raise ValueError(
            f"job {work.label(int(np.argmax(endless)))} has no longest_wait_s ({endless.sum()} "
            "such jobs): a bound needs to know by when each must be done; set it in the workload."
        )
    release_s = origin_s + work.jobs["submit_s"].to_numpy()
    deadline_s = release_s + wait_s + work.length_s
    rules, cores = work.suspension if suspend else None, work.jobs["processors"].to_numpy()
    return [
        CapacityJob(work.model_of(row), cores[row], release_s[row], deadline_s[row], rules)
        for row in range(len(work))
    ]


@dataclass(frozen=True, eq=False)
class Elastic:
    """A job that may be suspended."""

    number: int
    nodes: int
    problem: PricedJob
    worst_g: float  # no schedule emits more


@dataclass(frozen=True, eq=False)
class Starts:
    """Starts that can be best, of all jobs that are not interrupted.

    Jobs with equal phases and nodes form a group and share their starts. Times are seconds
    after the origin.
    """

    numbers: NDArray[np.int64]  # of the jobs, by group, then release
    first_job: NDArray[np.int64]  # of each group
    first: NDArray[np.int64]  # start of each group
    start_s: NDArray[np.float64]
    emissions_g: NDArray[np.float64]
    length_s: NDArray[np.float64]  # of each group
    nodes: NDArray[np.float64]
    powers_w: NDArray[np.float64]  # sum over the phases of each group
    phases: NDArray[np.int64]
    low: NDArray[np.int64]  # first start of each job ...
    high: NDArray[np.int64]  # ... and its last
    release_s: NDArray[np.float64]
    last_s: NDArray[np.float64]  # latest start

    @property
    def group(self) -> NDArray[np.int64]:
        """Group of each job."""
        return np.repeat(np.arange(self.nodes.size), np.diff(self.first_job))


@dataclass(frozen=True, eq=False)
class Instance:
    """Jobs, capacity and intensity on common steps; times are seconds after `origin_s`."""

    jobs: list[CapacityJob]
    intensity: Intensity  # with those steps
    origin_s: float
    edges_s: NDArray[np.float64]
    steepest_g: float  # by 1 W in 1 s, at most
    nodes: NDArray[np.float64]  # capacity on each step
    table: Starts
    elastic: list[Elastic]

    @property
    def capacity(self) -> StepFunction:
        """Capacity of the cluster in epoch seconds."""
        return StepFunction(self.edges_s + self.origin_s, self.nodes)

    @property
    def length_s(self) -> NDArray[np.float64]:
        """Length of each step [s]."""
        return np.diff(self.edges_s)

    @classmethod
    def of(
        cls,
        jobs: list[CapacityJob],
        capacity: float | StepFunction,
        intensity: Intensity,
        slot_s: float | None,
        resolution_s: float | None,
    ) -> Instance:
        """Lay jobs, nodes and intensity on one axis; raise if a count shows that no plan exists."""
        for job in jobs:
            check_window(job.model, intensity, job.release_s, job.deadline_s)
        origin_s = min(job.release_s for job in jobs)
        stop_s = max(job.deadline_s for job in jobs)
        steps = _capacity(capacity, origin_s, stop_s)
        part = intensity.window(origin_s, stop_s)
        inside = (steps.edges_s > origin_s) & (steps.edges_s < stop_s)
        edges_s = _split(np.union1d(part.edges_s, steps.edges_s[inside]), slot_s)
        value = np.asarray(part.at(edges_s[:-1]))
        fine = Intensity(edges_s, value, part.kind, part.zone, part.source)
        rate = value / JOULES_PER_KWH
        instance = cls(
            jobs=jobs,
            intensity=fine,
            origin_s=origin_s,
            edges_s=edges_s - origin_s,
            steepest_g=float(np.abs(rate).max()),
            nodes=np.asarray(steps.at(edges_s[:-1])),
            table=_table(jobs, origin_s, edges_s - origin_s, rate),
            elastic=_elastic(jobs, fine, resolution_s),
        )
        instance.check_feasible()
        return instance

    def check_feasible(self) -> None:
        """Raise if a simple count shows that no plan can exist."""
        table, group = self.table, self.table.group
        most = self.nodes.max()
        for number, job in enumerate(self.jobs):
            if job.nodes > most:
                raise ValueError(
                    f"job {number} ({job.model.name!r}) takes {job.nodes} nodes, but there are at "
                    f"most {most:g}: leave it out, or give {job.nodes} nodes or more."
                )
        must_s = table.release_s + table.length_s[group]  # it runs from its latest start on
        held = must_s > table.last_s
        times_s = np.concatenate([self.edges_s[:-1], table.last_s[held]])
        taken = np.zeros(times_s.size)
        for sign, at_s in ((1, table.last_s[held]), (-1, must_s[held])):
            o = np.argsort(at_s)
            begun = np.append(0.0, np.cumsum(table.nodes[group][held][o]))
            taken += sign * begun[np.searchsorted(at_s[o], times_s, side="right")]
        limit = self.nodes[np.searchsorted(self.edges_s[1:-1], times_s, side="right")]
        over = np.flatnonzero(taken > limit)
        if over.size:
            i = int(over[np.argmax(taken[over] - limit[over])])
            raise ValueError(
                f"no plan exists: at {instant(self.origin_s + times_s[i])} jobs that can wait no longer "
                f"take {taken[i]:g} nodes of {limit[i]:g}: let jobs wait longer, or give more nodes."
            )
        needed = float((table.nodes * table.length_s)[group].sum())
        needed += sum(e.nodes * self.jobs[e.number].model.duration_s for e in self.elastic)
        there = float((self.nodes * self.length_s).sum())
        if needed > there * (1 + 1e-9):
            raise ValueError(
                f"no plan exists: jobs take {needed:g} node-seconds, but from "
                f"{instant(self.origin_s)} to {instant(self.origin_s + self.edges_s[-1])} there are only "
                f"{there:g}: give {needed / there:.3g} times as many nodes or more, or longer windows."
            )


def _capacity(capacity: float | StepFunction, origin_s: float, stop_s: float) -> StepFunction:
    if isinstance(capacity, StepFunction):
        steps = capacity
    else:
        window = np.array([origin_s, stop_s])
        steps = StepFunction(window, np.array([capacity], dtype=np.float64), "the capacity")
    if steps.edges_s[0] > origin_s or steps.edges_s[-1] < stop_s:
        raise ValueError(
            f"the capacity is known from {instant(steps.edges_s[0])} to {instant(steps.edges_s[-1])}, but "
            f"jobs may run from {instant(origin_s)} to {instant(stop_s)}: give more steps."
        )
    if steps.values.min() < 0:
        raise ValueError(f"capacity holds {steps.values.min():g} nodes: it must be >= 0.")
    return replace(steps, values=np.floor(steps.values + 1e-9))


def _split(edges_s: NDArray, slot_s: float | None) -> NDArray[np.float64]:
    """Cut steps into equal pieces no longer than `slot_s`."""
    if slot_s is None:
        return edges_s
    pieces = np.ceil(np.diff(edges_s) / duration_seconds(slot_s) - 1e-9).astype(np.int64)
    place = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    inner_s = np.repeat(edges_s[:-1], pieces) + place * np.repeat(np.diff(edges_s) / pieces, pieces)
    return np.append(inner_s, edges_s[-1])


def _elastic(
    jobs: list[CapacityJob], intensity: Intensity, resolution_s: float | None
) -> list[Elastic]:
    result = []
    for number, job in enumerate(jobs):
        if job.suspension is None:
            continue
        model, rules = job.model, job.suspension
        parts = (model.startup_profile, model.work_profile, model.end_profile, rules.save_profile)
        peak_w = max(float(part.power_w.max()) for part in parts if part.phases)
        window = intensity.window(job.release_s, job.deadline_s)
        dirty = np.maximum(window.intensity_g_per_kwh, 0.0) * np.diff(window.edges_s)
        problem = PricedJob(
            model,
            intensity,
            job.release_s,
            job.deadline_s,
            suspension=rules,
            resolution_s=resolution_s,
        )
        worst_g = max(peak_w, rules.suspended_power_w) * float(dirty.sum()) / JOULES_PER_KWH
        result.append(Elastic(number, job.nodes, problem, worst_g))
    return result


def _table(jobs: list[CapacityJob], origin_s: float, edges_s: NDArray, rate: NDArray) -> Starts:
    """Find the starts that can be best, and what each emits."""
    groups: dict[tuple, list[int]] = {}
    for number, job in enumerate(jobs):
        if job.suspension is None:
            profile = job.model.profile
            key = (job.nodes, profile.edges_s.tobytes(), profile.power_w.tobytes())
            groups.setdefault(key, []).append(number)
    profiles = [jobs[members[0]].model.profile for members in groups.values()]
    sizes = [profile.edges_s.size for profile in profiles]
    first_border = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
    borders_s = np.concatenate([p.edges_s for p in profiles] or [np.empty(0)])
    powers_w = np.concatenate([np.append(p.power_w, 0.0) for p in profiles] or [np.empty(0)])
    numbers = [
        number
        for members in groups.values()
        for number in sorted(members, key=lambda number: jobs[number].release_s)
    ]
    counts = [len(members) for members in groups.values()]
    first_job = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
    release_s = np.array([jobs[number].release_s for number in numbers]) - origin_s
    deadline_s = np.array([jobs[number].deadline_s for number in numbers]) - origin_s
    length_s = np.array([p.duration_s for p in profiles])
    last_s = np.maximum(deadline_s - np.repeat(length_s, counts), release_s)
    start_s, first, low, high = compiled(_meetings)(
        edges_s, first_border, borders_s, first_job, release_s, last_s, _MOST_STARTS
    )
    if start_s.size > _MOST_STARTS:
        raise ValueError(
            f"more than {_MOST_STARTS:,} starts could be best: give fewer jobs at once, shorter "
            "windows, fewer phases or a longer slot_s."
        )
    return Starts(
        numbers=np.array(numbers, dtype=np.int64),
        first_job=first_job,
        first=first,
        start_s=start_s,
        emissions_g=compiled(_emissions)(
            start_s, first, edges_s, rate, first_border, borders_s, powers_w
        ),
        length_s=length_s,
        nodes=np.array([key[0] for key in groups], dtype=np.float64),
        powers_w=np.array([p.power_w.sum() for p in profiles]),
        phases=np.array([p.power_w.size for p in profiles], dtype=np.int64),
        low=low,
        high=high,
        release_s=release_s,
        last_s=last_s,
    )


def _meetings(
    edges: Any,
    first_border: Any,
    borders: Any,
    first_job: Any,
    release: Any,
    last: Any,
    most: Any,
) -> Any:
    """Starts at which a border meets a step inside a window, and the ends of the windows.

    Returns
    -------
    tuple of ndarray
        Starts in order by group, first start of each group, first and last start of each job.
        Where there would be more than `most` starts, only their number is right.
    """
    groups = first_border.size - 1
    room = np.zeros(groups + 1, np.int64)
    for g in range(groups):
        lowest, highest = release[first_job[g]], last[first_job[g] : first_job[g + 1]].max()
        count = 2 * (first_job[g + 1] - first_job[g])
        for k in range(first_border[g], first_border[g + 1]):
            below = np.searchsorted(edges, lowest + borders[k], side="right")
            count += max(0, np.searchsorted(edges, highest + borders[k]) - below)
        room[g + 1] = count
    first, kept = np.zeros(groups + 1, np.int64), 0
    low, high = np.zeros(release.size, np.int64), np.zeros(release.size, np.int64)
    if room.sum() > most:
        return np.empty(room.sum()), first, low, high
    starts = np.empty(room.sum())
    for g in range(groups):
        lowest, highest = release[first_job[g]], last[first_job[g] : first_job[g + 1]].max()
        found, n = np.empty(room[g + 1]), 0
        for j in range(first_job[g], first_job[g + 1]):
            found[n], found[n + 1] = release[j], last[j]
            n += 2
        for k in range(first_border[g], first_border[g + 1]):
            below = np.searchsorted(edges, lowest + borders[k], side="right")
            for i in range(below, np.searchsorted(edges, highest + borders[k])):
                found[n] = min(max(edges[i] - borders[k], lowest), highest)
                n += 1
        found = np.sort(found[:n])
        next_job, reach = first_job[g], -np.inf
        for k in range(n):
            if k > 0 and found[k] == found[k - 1]:
                continue
            while next_job < first_job[g + 1] and release[next_job] <= found[k]:
                reach = max(reach, last[next_job])
                next_job += 1
            if found[k] <= reach:
                starts[kept] = found[k]
                kept += 1
        first[g + 1] = kept
        mine = starts[first[g] : kept]
        for j in range(first_job[g], first_job[g + 1]):
            low[j] = first[g] + np.searchsorted(mine, release[j])
            high[j] = first[g] + np.searchsorted(mine, last[j])
    return starts[:kept].copy(), first, low, high


def _emissions(
    starts: Any,
    first: Any,
    edges: Any,
    rate: Any,
    first_border: Any,
    borders: Any,
    powers: Any,
) -> Any:
    """Emissions [g] of every start: power times integral of the rate, phase by phase."""
    emitted = np.zeros(edges.size)
    for i in range(rate.size):
        emitted[i + 1] = emitted[i] + rate[i] * (edges[i + 1] - edges[i])
    result = np.zeros(starts.size)
    for g in range(first.size - 1):
        low, high = first_border[g], first_border[g + 1]
        at = np.zeros(high - low, np.int64)  # step in which each border lies
        for n in range(first[g], first[g + 1]):
            before = 0.0
            for k in range(low, high):
                time = starts[n] + borders[k]
                i = at[k - low]
                while i + 1 < rate.size and edges[i + 1] <= time:
                    i += 1
                at[k - low] = i
                after = emitted[i] + rate[i] * (min(time, edges[-1]) - edges[i])
                if k > low:
                    result[n] += powers[k - 1] * (after - before)
                before = after
    return result


def instant(seconds: float) -> str:
    """Return an epoch second [s] as a time stamp in UTC."""
    return utc_times(seconds)[0].isoformat().replace("+00:00", "Z")
