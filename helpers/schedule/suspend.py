"""The best schedule of a job that may be suspended and resumed: exact, by dynamic programming.

**Problem.** Split the work of a job into runs between a release and a deadline so that its
emissions are least, when every run repeats the start-up, every stop may have to save, a
suspended job may draw power, and rules say where, how often and how soon it may stop
(`Suspension`). A job that does not stop is one of the possibilities.

**Why a grid loses nothing.** Let g divide all durations (phases of start-up, work, saving and
end, the least run) and all distances of intensity steps and deadline from the release. For a
fixed number of runs a schedule is given by when run i would have begun the first second of
the work, y_i, and by the work done when it stops, w_i. Its emissions are sums of p C(y_i + e),
p C(y_i + w_i) and p C(y_i + w_{i-1}) with phase borders e, powers p, and the integral C of the
intensity, which is piecewise linear. So emissions are linear on each cell into which the
space of (y, w) is cut by y_i + e = E, y_i + w_i + c = E, w_i = e and the like, with intensity
steps E. Also the rules are such: y_{i+1} - y_i >= start-up + saving, w_i - w_{i-1} >= least.
The cells are bounded, so a least value lies in a corner of one. With -w for w, every row of
the system that defines a corner has one entry, or two of opposite sign: such matrices are
totally unimodular, so corners of cells with multiples of g on the right-hand side are
multiples of g. Hence **some optimal schedule starts and stops at multiples of g only**.

(The rules leave w_i = w_{i-1} out: every run works for a slot at least. Without that run the
job would emit no more, so long as no intensity is negative and a suspended job draws no more
than one that starts or saves.)

**States.** Work positions x_0 < ... < x_K at which a stop is allowed: multiples of the slot,
or checkpoints. A run that is at x_k at the time base + d slot + x_k lies on *diagonal* d;
while it runs, d does not change. For row k and diagonal d let

    On(k, d)   least emissions of all until the work reaches x_k in a run on d,
    Off(k, d)  least emissions with x_k done and the job ready to begin a run on d,
    Z(k, d)    emissions of the work from x_0 to x_k, done without a stop on d.

**Recursion**, with D = (start-up + saving) / slot:

    On(k, d)  = Z(k, d) + min over j < k of Off(j, d) + startup(j, d) - Z(j, d)
    Off(k, d) = min over d' <= d - D of On(k, d') + save(k, d') + suspended(d' to d)

Both minima are running ones, so every state costs O(1). The start-up needs no state of its
own: it is one number, startup(j, d), from the integral C. A least run length delays when a
row j enters the first minimum; a limit on resumes adds one copy of On a resume. Time is
O(slots x work slots); memory is O(slots), plus one byte a state when the schedule itself is
wanted and not only its emissions.

**Coarser grids.** With `resolution_s` larger than g, durations stay exact and every cost is an
exact integral; only starts and stops are confined to the coarser grid. The result is a
feasible schedule, optimal among those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.phases.model import PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule._compile import compiled
from helpers.schedule.intervals import TIME_TOLERANCE_S, Schedule, check_window
from helpers.timeline import Times, epoch_seconds

__all__ = [
    "MAX_CELLS",
    "Grid",
    "PlannedRun",
    "PricedJob",
    "Progress",
    "best_schedule",
    "best_schedules",
    "break_even_ratio",
    "grid",
    "least_emissions_g",
    "plan",
]

MAX_CELLS = 1_000_000_000
"""Most states a problem may have: about a gigabyte and some seconds."""

_TICK_S = 1e-6  # times are compared to a microsecond, finer than a float64 epoch holds
_TIE = 1e-12  # share of the largest possible emissions below which two values are equal
_UNIT = 2.0**-53  # relative error of one rounding
_NICE_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14400)


Running = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""What it costs to run from `now_s` up to each of some times after it [g CO2e]."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid on which a problem is solved.

    Parameters
    ----------
    slot_s : float
        Length of a slot [s].
    slots : int
        Slots in the window.
    rows : int
        Pieces of work between which the job may stop: slots of work, or checkpoints.
    cells : int
        States: rows x diagonals (x resumes + 1, where they are limited).
    exact : bool
        Whether the slot divides all durations and steps, so that no other schedule is better.
    """

    slot_s: float
    slots: int
    rows: int
    cells: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come when the rest of it is planned.

    Parameters
    ----------
    work_s : float
        Work done and kept [s].
    starts : int
        How often it was started so far, >= 0.
    run_start_s : float, optional
        Epoch second [s] at which the run under way began, its start-up being over by now; None
        when the job does not run.
    may_stop : bool
        Whether the run under way may be stopped at once (it has done some work, and it stands
        where work is kept). The least run length is checked besides.
    """

    work_s: float = 0.0
    starts: int = 0
    run_start_s: float | None = None
    may_stop: bool = False


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One planned run.

    Parameters
    ----------
    start_s : float
        Epoch second [s] at which it begins, or at which the run under way goes on.
    work_from_s, work_to_s : float
        Work done before and after it [s].
    continued : bool
        Whether it goes on with the run under way, without a start-up.
    """

    start_s: float
    work_from_s: float
    work_to_s: float
    continued: bool


def best_schedule(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
) -> Schedule:
    """Return the schedule with the least emissions, suspended where that pays.

    Parameters
    ----------
    job : PhaseModel
        The job.
    intensity : Intensity
        Carbon intensity over the window.
    release, deadline : instant
        Earliest start and latest finish.
    suspension : Suspension, optional
        What a stop costs and when it is allowed; by default anywhere and for free, apart
        from the start-up at the resume.
    resolution_s : float, optional
        Confine starts and stops to multiples of this [s] from the release; by default the
        greatest common divisor of all durations and steps, which loses nothing.

    Returns
    -------
    Schedule
        An optimal schedule. Among equals, one with few resumes, then an early one.

    Raises
    ------
    ValueError
        If the job does not fit into the window, the intensity does not cover it, or the grid
        has more than `MAX_CELLS` states.
    """
    suspension = suspension or Suspension()
    check_window(job, intensity, release, deadline)
    runs = plan(
        job,
        intensity,
        release,
        deadline,
        progress=Progress(),
        suspension=suspension,
        resolution_s=resolution_s,
    )
    return Schedule.from_work(
        job,
        [run.start_s for run in runs],
        [run.work_to_s - run.work_from_s for run in runs],
        suspension,
    )


def least_emissions_g(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
) -> float:
    """Return the emissions [g CO2e] of `best_schedule`, in memory for a few rows of slots.

    Parameters and errors are those of `best_schedule`; see there.
    """
    release_s, deadline_s = check_window(job, intensity, release, deadline)
    problem = _Problem.of(
        job, intensity, release_s, deadline_s, Progress(), suspension or Suspension(), resolution_s
    )
    return float(problem.solve(keep=False)[0].min())


def best_schedules(
    jobs: Sequence[PhaseModel],
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
    workers: int = 2,
) -> list[Schedule]:
    """Solve many jobs, each on its own, on several cores.

    Parameters
    ----------
    jobs : sequence of PhaseModel, length n
        The jobs.
    intensity : Intensity
        Carbon intensity over all windows.
    release, deadline : instants, shape () or (n,)
        Earliest start and latest finish of each job.
    suspension, resolution_s
        As in `best_schedule`, for all jobs.
    workers : int
        Threads, >= 1; the hot loop runs in them side by side.

    Returns
    -------
    list of Schedule
        In the order of `jobs`.

    Raises
    ------
    ValueError
        What `best_schedule` raises for the first job that has no schedule.
    """
    shape = (len(jobs),)
    release_s, deadline_s = epoch_seconds(release), epoch_seconds(deadline)
    for name, given_s in (("release", release_s), ("deadline", deadline_s)):
        if given_s.shape not in ((), (1,), shape):
            raise ValueError(
                f"{name} has shape {given_s.shape}, but there are {len(jobs)} jobs: give one for "
                "all, or one a job."
            )
    windows = zip(
        jobs, np.broadcast_to(release_s, shape), np.broadcast_to(deadline_s, shape), strict=True
    )

    def solve(window: tuple[PhaseModel, float, float]) -> Schedule:
        job, release_s, deadline_s = window
        return best_schedule(
            job,
            intensity,
            release_s,
            deadline_s,
            suspension=suspension,
            resolution_s=resolution_s,
        )

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(solve, windows))


class PricedJob:
    """One job that may be suspended, solved again and again while running has a price.

    The price is any step function of time: what a second of running (start-up, work, saving,
    end; not suspension) costs besides its emissions, e.g. the worth of the nodes it holds.

    Parameters
    ----------
    job, intensity, release, deadline, suspension, resolution_s
        As in `best_schedule`. The grid is the exact one for prices that change where the
        intensity does.

    Attributes
    ----------
    exact : bool
        Whether no schedule off the grid is better, for such prices.
    slot_s : float
        Slot of the grid [s].

    Raises
    ------
    ValueError
        As `best_schedule`.
    """

    def __init__(
        self,
        job: PhaseModel,
        intensity: Intensity,
        release: Times,
        deadline: Times,
        *,
        suspension: Suspension | None = None,
        resolution_s: float | None = None,
    ) -> None:
        release_s, deadline_s = check_window(job, intensity, release, deadline)
        self._job, self._suspension = job, suspension or Suspension()
        arguments = (job, intensity, release_s, deadline_s, Progress(), self._suspension)
        self._problem = _Problem.of(*arguments, resolution_s)
        chosen = _grid(*arguments, resolution_s)
        self.exact, self.slot_s = chosen.exact, chosen.slot_s

    def best(self, edges_s: NDArray, cumulative_g: NDArray) -> tuple[float, Schedule]:
        """Return the least emissions plus price of running, and a schedule that attains them.

        Parameters
        ----------
        edges_s : ndarray, shape (n + 1,)
            Epoch seconds [s] at which the price changes, covering the window.
        cumulative_g : ndarray, shape (n + 1,)
            What running from the first edge up to each edge would cost [g CO2e].

        Returns
        -------
        tuple of float and Schedule
            Cost [g CO2e], off by `rounding_g` at most, and the schedule.
        """
        after_s = edges_s - self._problem.now_s
        cost_g, runs = self._problem.best(lambda times_s: np.interp(times_s, after_s, cumulative_g))
        work_s = [run.work_to_s - run.work_from_s for run in runs]
        starts_s = [run.start_s for run in runs]
        return cost_g, Schedule.from_work(self._job, starts_s, work_s, self._suspension)

    def rounding_g(self, highest_g: float, total_g: float, prices: int) -> float:
        """Bound the error [g CO2e] of `best`.

        Parameters
        ----------
        highest_g : float
            Highest price of a second of running [g CO2e/s].
        total_g : float
            Price of running through all of `edges_s` [g CO2e].
        prices : int
            Number of those edges.

        Returns
        -------
        float
            What the cost may be off by.

        Notes
        -----
        A schedule is a sum of differences of two cumulative costs, at most `terms` of them;
        each cumulative cost is a sum of at most `steps` products, so that its relative error is
        below (steps + 8) roundings of 2^-53. Times are rounded to a microsecond, and every
        resume carries the cost by which ties are broken.
        """
        problem, job = self._problem, self._job
        often = (job.startup_profile, self._suspension.save_profile)  # at every resume
        once = (job.work_profile, job.end_profile)
        peak_w = max(float(p.power_w.max()) for p in (*often, *once) if p.phases)
        peak_w += self._suspension.suspended_power_w
        rows = problem.row_s.size
        terms = 2 * (rows + 1) * (3 + sum(len(p.phases) for p in often))
        terms += 2 * sum(len(p.phases) for p in once)
        steps = problem.edges_s.size + prices + terms + 8
        largest_g = peak_w * problem.steepest_g * problem.edges_s[-1] + total_g
        moved_g = _TICK_S * (peak_w * problem.steepest_g + highest_g)
        return terms * (2 * steps * _UNIT * largest_g + moved_g) + (rows + 1) * problem.tie_g


def break_even_ratio(
    job: PhaseModel,
    moved_s: float,
    *,
    pause_s: float = 0.0,
    suspension: Suspension | None = None,
) -> float:
    """Return how many times as high the intensity must be for one more resume to pay.

    Parameters
    ----------
    job : PhaseModel
        The job.
    moved_s : float
        Work that the pause moves from high to low intensity [s], > 0.
    pause_s : float
        How long the job is suspended [s].
    suspension : Suspension, optional
        What a stop costs.

    Returns
    -------
    float
        Least ratio of high to low intensity; inf where no ratio is high enough.

    Raises
    ------
    ValueError
        If `moved_s` is not > 0 or `pause_s` is negative.

    Notes
    -----
    With mean power of work p, energy of start-up E and of saving F, suspended power q, and the
    work moved w, a pause of length d from the high intensity H to the low one L saves
    ``p w (H - L)`` and costs ``E L`` (the start-up, at the end of the pause) and ``(F + q d) H``.
    It pays if

        H / L > (p w + E) / (p w - F - q d),

    so for free saving and suspension if the swing (H - L) / L exceeds E / (p w): the energy of
    a start-up over the energy of the work moved.
    """
    if not (moved_s > 0 and pause_s >= 0):
        raise ValueError(f"moved_s(={moved_s}) must be > 0 s and pause_s(={pause_s}) >= 0 s.")
    suspension = suspension or Suspension()
    moved_j = job.work_profile.mean_power_w * moved_s
    left_j = moved_j - suspension.save_profile.energy_j - suspension.suspended_power_w * pause_s
    return (moved_j + job.startup_profile.energy_j) / left_j if left_j > 0 else math.inf


def grid(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
) -> Grid:
    """Return the grid on which `best_schedule` would solve a problem.

    Parameters are those of `best_schedule`; the grid is told also when it is too large.

    Raises
    ------
    ValueError
        If the job does not fit into the window, or the intensity does not cover it.
    """
    release_s, deadline_s = check_window(job, intensity, release, deadline)
    return _grid(
        job, intensity, release_s, deadline_s, Progress(), suspension or Suspension(), resolution_s
    )


def plan(
    job: PhaseModel,
    intensity: Intensity,
    now: Times,
    deadline: Times,
    *,
    progress: Progress,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
) -> list[PlannedRun]:
    """Plan what is left of a job that may have been started already.

    Parameters
    ----------
    job : PhaseModel
        The whole job.
    intensity : Intensity
        Carbon intensity from now to the deadline, known or forecast.
    now, deadline : instant
        When the plan begins, and latest finish.
    progress : Progress
        What was done so far.
    suspension, resolution_s
        As in `best_schedule`.

    Returns
    -------
    list of PlannedRun
        The runs to come, with the least emissions from now on.

    Raises
    ------
    ValueError
        If what is left cannot be done by the deadline, the intensity does not cover the time
        up to it, or the grid has more than `MAX_CELLS` states.
    """
    now_s, deadline_s = float(epoch_seconds(now)), float(epoch_seconds(deadline))
    suspension = suspension or Suspension()
    arguments = (job, intensity, now_s, deadline_s, progress)
    if suspension.most_resumes is not None:
        free = replace(suspension, most_resumes=None)
        runs = _Problem.of(*arguments, free, resolution_s).best_runs()
        if progress.starts + sum(not run.continued for run in runs) - 1 <= suspension.most_resumes:
            return runs
    return _Problem.of(*arguments, suspension, resolution_s).best_runs()


def _exact_slot_s(
    job: PhaseModel,
    intensity: Intensity,
    now_s: float,
    deadline_s: float,
    progress: Progress,
    suspension: Suspension,
) -> float:
    """Greatest common divisor [s] of all durations and of all distances from `now_s`."""
    inside = (intensity.edges_s > now_s) & (intensity.edges_s < deadline_s)
    times_s = [
        intensity.edges_s[inside] - now_s,
        [deadline_s - now_s, suspension.least_run_s, progress.work_s],
        *(
            [phase.duration_s for phase in profile.phases]
            for profile in (
                job.startup_profile,
                job.work_profile,
                job.end_profile,
                suspension.save_profile,
            )
        ),
    ]
    ticks = np.rint(np.concatenate(times_s) / _TICK_S).astype(np.int64)
    return float(np.gcd.reduce(ticks)) * _TICK_S


def _rows(
    job: PhaseModel, suspension: Suspension, slot_s: float, done_s: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Work positions between which a run is not stopped [s], and whether it may stop there."""
    whole_s = job.work_profile.duration_s
    if suspension.keep == "checkpoints":
        marks = job.work_profile.checkpoints_s
        inner = marks[(marks > done_s + _TICK_S) & (marks < whole_s - _TICK_S)]
        at_end = marks.size > 0 and marks[-1] >= whole_s - _TICK_S
    else:
        count = math.ceil((whole_s - done_s) / slot_s - _TICK_S)
        inner = done_s + slot_s * np.arange(1, count)
        at_end = True
    left = whole_s - done_s > _TICK_S
    row_s = np.concatenate([[done_s], inner, [whole_s] if left else []])
    allowed = np.ones(row_s.size, dtype=bool)
    allowed[0] = False
    if left:  # once all work is done a stop makes sense only before end phases
        allowed[-1] = at_end and job.end_profile.duration_s > 0
    return row_s, allowed


def _grid(
    job: PhaseModel,
    intensity: Intensity,
    now_s: float,
    deadline_s: float,
    progress: Progress,
    suspension: Suspension,
    resolution_s: float | None,
) -> Grid:
    exact_s = _exact_slot_s(job, intensity, now_s, deadline_s, progress, suspension)
    if resolution_s is not None and not (np.isfinite(resolution_s) and resolution_s >= _TICK_S):
        raise ValueError(f"resolution_s(={resolution_s}) must be finite and > 0 s.")
    slot_s = exact_s if resolution_s is None else float(resolution_s)
    work_s = job.work_profile.duration_s - progress.work_s
    if suspension.keep == "checkpoints":
        rows = _rows(job, suspension, slot_s, progress.work_s)[0].size - 1
    else:
        rows = math.ceil(work_s / slot_s - _TICK_S)
    startup_s = job.startup_profile.duration_s if progress.run_start_s is None else 0.0
    diagonals = deadline_s - now_s - startup_s - job.end_profile.duration_s
    most = suspension.most_resumes
    layers = 1 if most is None else min(most, rows) + 1
    return Grid(
        slot_s=slot_s,
        slots=math.floor((deadline_s - now_s) / slot_s + _TICK_S),
        rows=rows,
        cells=(rows + 2) * (math.floor(diagonals / slot_s + _TICK_S) + 1) * layers,
        exact=abs(exact_s / slot_s - round(exact_s / slot_s)) < _TICK_S,
    )


def _check_size(chosen: Grid, *arguments) -> None:
    if chosen.cells <= MAX_CELLS:
        return
    coarser = (_grid(*arguments, float(slot_s)) for slot_s in _NICE_S if slot_s > chosen.slot_s)
    fitting = next((grid for grid in coarser if grid.cells <= MAX_CELLS / 10), None)
    remedy = "shorten the window"
    if fitting is not None:
        remedy = (
            f"pass resolution_s, e.g. resolution_s={fitting.slot_s:g} ({fitting.slots:,} x "
            f"{fitting.rows:,} slots), or round durations"
        )
    raise ValueError(
        f"a slot of {chosen.slot_s:g} s"
        + (", the greatest common divisor of all durations and steps," if chosen.exact else "")
        + f" makes {chosen.slots:,} slots x {chosen.rows:,} pieces of work, {chosen.cells:,} "
        f"states, more than MAX_CELLS = {MAX_CELLS:,}: {remedy}."
    )


@dataclass(frozen=True, eq=False)
class _Problem:
    """A problem on its grid; the names are those of the module's docstring.

    Times are seconds after `now_s`. Array index q stands for the diagonal
    d = q - offset[-1]; at row k its place in time is q - offset[-1] + offset[k] slots.
    """

    job: PhaseModel
    suspension: Suspension
    progress: Progress
    slot_s: float
    now_s: float
    base_s: float  # when the work would have begun on diagonal 0
    slack: int  # highest diagonal
    row_s: NDArray[np.float64]  # work positions, counted from the work done so far
    allowed: NDArray[np.bool_]  # whether a run may stop at a row
    edges_s: NDArray[np.float64]  # steps of the intensity ...
    cumulative_g: NDArray[np.float64]  # ... and emissions of 1 W from `now_s` up to each
    steepest_g: float  # emissions of 1 W s at the highest intensity

    @classmethod
    def of(
        cls,
        job: PhaseModel,
        intensity: Intensity,
        now_s: float,
        deadline_s: float,
        progress: Progress,
        suspension: Suspension,
        resolution_s: float | None,
    ) -> _Problem:
        arguments = (job, intensity, now_s, deadline_s, progress, suspension)
        base_s = job.startup_profile.duration_s if progress.run_start_s is None else 0.0
        needed_s = base_s + job.work_profile.duration_s - progress.work_s
        needed_s += job.end_profile.duration_s
        spare_s = deadline_s - now_s - needed_s
        if spare_s < -TIME_TOLERANCE_S:
            raise ValueError(
                f"job {job.name!r} still needs {needed_s:g} s, but only {deadline_s - now_s:g} s "
                f"are left: move the deadline by {-spare_s:g} s or more."
            )
        most = suspension.most_resumes
        if most is not None and progress.run_start_s is None and progress.starts > most:
            raise ValueError(
                f"job {job.name!r} was started {progress.starts} times and stopped, but "
                f"most_resumes = {most} allows no further start: it must not be stopped."
            )
        chosen = _grid(*arguments, resolution_s)
        _check_size(chosen, *arguments)
        row_s, allowed = _rows(job, suspension, chosen.slot_s, progress.work_s)
        allowed[0] = progress.run_start_s is not None and progress.may_stop
        first = np.searchsorted(intensity.edges_s, now_s, side="right") - 1
        last = np.searchsorted(intensity.edges_s, deadline_s, side="left")
        inner_s = intensity.edges_s[first + 1 : last] - now_s
        edges_s = np.concatenate([[0.0], inner_s, [deadline_s - now_s]])
        value = intensity.intensity_g_per_kwh[first:last] / JOULES_PER_KWH
        return cls(
            job=job,
            suspension=suspension,
            progress=progress,
            slot_s=chosen.slot_s,
            now_s=now_s,
            base_s=base_s,
            slack=max(0, math.floor(spare_s / chosen.slot_s + _TICK_S)),
            row_s=row_s - progress.work_s,
            allowed=allowed,
            edges_s=edges_s,
            cumulative_g=np.concatenate([[0.0], np.cumsum(value * np.diff(edges_s))]),
            steepest_g=float(np.abs(value).max()),
        )

    @cached_property
    def tie_g(self) -> float:
        """Difference below which emissions are equal, added to each resume [g CO2e]."""
        return _TIE * self.steepest_g * (self.job.energy_j + self.job.startup_profile.energy_j)

    def emitted_g(
        self, edges_s: Sequence[float], power_w: Sequence[float], times_s: NDArray
    ) -> NDArray[np.float64]:
        """Emissions [g CO2e] of a power profile begun at each of some times."""
        total = np.zeros(times_s.shape)
        if len(power_w):
            before = np.interp(times_s, self.edges_s, self.cumulative_g)
        for edge_s, power in zip(edges_s[1:], power_w, strict=True):
            after = np.interp(times_s + edge_s, self.edges_s, self.cumulative_g)
            total += power * (after - before)
            before = after
        return total

    @cached_property
    def offset(self) -> NDArray[np.int64]:
        """Whole slots in the work position of each row."""
        return np.floor(self.row_s / self.slot_s + _TICK_S).astype(np.int64)

    @property
    def remainder_s(self) -> NDArray[np.float64]:
        """What is left of the work position of each row [s]."""
        return self.row_s - self.slot_s * self.offset

    @cached_property
    def shift(self) -> int:
        """Fewest diagonals from a stop to the next start."""
        overhead_s = self.job.startup_profile.duration_s + self.suspension.save_profile.duration_s
        return math.ceil(overhead_s / self.slot_s - _TICK_S)

    @cached_property
    def mature(self) -> NDArray[np.int64]:
        """First row at which a run may be stopped: the first run, then the one begun at row k."""
        startup_s = self.job.startup_profile.duration_s
        least_s = self.suspension.least_run_s - self.suspension.save_profile.duration_s - _TICK_S
        rows = np.arange(self.row_s.size)
        later = np.searchsorted(self.row_s, self.row_s + (least_s - startup_s))
        if self.progress.run_start_s is None:
            first = max(1, int(later[0]))
        else:
            lasted_s = self.now_s - self.progress.run_start_s
            first = int(np.searchsorted(self.row_s, least_s - lasted_s))
        return np.maximum.accumulate([first, *np.maximum(later, rows + 1)])

    def times_s(self, remainder_s: float) -> NDArray[np.float64]:
        """When the work is at a row that lies `remainder_s` after a slot, by place in time."""
        width = int(self.offset[-1]) + self.slack + 1
        return self.base_s + remainder_s + self.slot_s * np.arange(width)

    def work_costs(self) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Emissions [g CO2e] of the work between rows by kind and place in time; kind of each.

        And of each kind, how long after a slot it begins, and how long it lasts [s].
        """
        work, done_s = self.job.work_profile, self.progress.work_s
        first = np.searchsorted(work.edges_s, done_s + self.row_s[:-1] + _TICK_S, "right") - 1
        last = np.searchsorted(work.edges_s, done_s + self.row_s[1:] - _TICK_S, "left")
        ticks = np.rint(np.stack([self.remainder_s[:-1], np.diff(self.row_s)]) / _TICK_S)
        several = np.where(last - first > 1, np.arange(first.size), -1)  # each its own kind
        keys = np.column_stack([*ticks, work.power_w[first], several])
        _, examples, kind_of = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        kinds: dict[tuple, int] = {}  # pieces of several phases may still be alike: epochs
        costs, place = [], np.empty(examples.size, dtype=np.int64)
        for i, k in enumerate(examples.tolist()):
            inner_s = work.edges_s[first[k] + 1 : last[k]] - (done_s + self.row_s[k])
            edges_s = (0.0, *np.round(inner_s, 6).tolist(), ticks[1, k] * _TICK_S)
            kind = (ticks[0, k], edges_s, tuple(work.power_w[first[k] : last[k]].tolist()))
            if kind not in kinds:
                kinds[kind] = len(costs)
                costs.append(self.emitted_g(*kind[1:], self.times_s(self.remainder_s[k])))
            place[i] = kinds[kind]
        width = int(self.offset[-1]) + self.slack + 1
        spans_s = np.array([(rest * _TICK_S, edges_s[-1]) for rest, edges_s, _ in kinds])
        return np.reshape(costs, (-1, width)), place[kind_of.reshape(-1)], spans_s.reshape(-1, 2)

    def stop_costs(self) -> tuple[NDArray, NDArray, NDArray]:
        """Emissions [g CO2e] of a stop and of a start by kind and place in time; kind of rows.

        While suspended the job draws power from the end of saving to the next start: what that
        emits up to the start is counted there, what it emits up to the stop is taken off here.
        """
        save, startup = self.suspension.save_profile, self.job.startup_profile
        remainder_s, kind_of = np.unique(np.round(self.remainder_s, 6), return_inverse=True)
        stop, start = [], []
        for rest_s in remainder_s.tolist():
            times_s = self.times_s(rest_s)
            begins_s, saved_s = times_s - startup.duration_s, times_s + save.duration_s
            stop.append(
                self.emitted_g(save.edges_s, save.power_w, times_s) - self.suspended_g(saved_s)
            )
            start.append(
                self.emitted_g(startup.edges_s, startup.power_w, begins_s)
                + self.suspended_g(begins_s)
                + self.tie_g
            )
        return np.stack(stop), np.stack(start), kind_of.astype(np.int64)

    def suspended_g(self, times_s: NDArray) -> NDArray[np.float64]:
        """Emissions [g CO2e] of the suspended job from `now_s` up to each of some times."""
        power_w = self.suspension.suspended_power_w
        return power_w * np.interp(times_s, self.edges_s, self.cumulative_g)

    def first_starts(self) -> NDArray[np.float64]:
        """Emissions [g CO2e] up to the first row by diagonal, of the run under way or a start."""
        width, below = int(self.offset[-1]) + self.slack + 1, int(self.offset[-1])
        first = np.full(width, np.inf)
        if self.progress.run_start_s is not None:
            first[below] = 0.0  # goes on at once
            return first
        startup = self.job.startup_profile
        begins_s = self.slot_s * np.arange(self.slack + 1)
        first[below:] = self.emitted_g(startup.edges_s, startup.power_w, begins_s)
        if self.progress.starts:
            first[below:] += self.suspended_g(begins_s)
        return first

    @property
    def layers(self) -> int:
        """How many more resumes are told apart, plus one; 1 also where there is no limit."""
        most = self.suspension.most_resumes
        if most is None:
            return 1
        under_way = self.progress.run_start_s is not None
        used = self.progress.starts - (1 if under_way else 0)
        return 1 + max(0, min(most - used, self.row_s.size - 1))

    def solve(
        self, *, keep: bool, running_g: Running | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Return the least emissions [g CO2e] by layer and diagonal, and the marks to trace them.

        Marks are empty unless `keep`. `running_g` tells what running costs besides.
        """
        tables, last = self.tables
        if running_g is not None:
            tables, last = self.priced(tables, last, running_g)
        shape = (self.layers, self.row_s.size + 1, tables.first.size) if keep else (0, 0, 0)
        tables = tables._replace(marks=np.zeros(shape, dtype=np.uint8))
        return compiled(_fill)(tables) + last, tables.marks

    @cached_property
    def tables(self) -> tuple[_Tables, NDArray[np.float64]]:
        """What `_fill` works on, without marks; emissions [g CO2e] of the end by diagonal."""
        work, work_of, _ = self.work_costs()
        stop, start, stop_of = self.stop_costs()
        first, mature, rows = self.first_starts(), self.mature, self.row_s.size
        tables = _Tables(
            first=first,
            work=work,
            work_of=work_of,
            stop=stop,
            start=start,
            stop_of=stop_of,
            offset=self.offset,
            shift=self.shift,
            allowed=self.allowed,
            mature=mature,
            ring=int((np.minimum(mature, rows) - np.arange(rows + 1)).max()) + 1,
            layers=self.layers,
            limited=self.suspension.most_resumes is not None,
            marks=np.zeros((0, 0, 0), dtype=np.uint8),
        )
        end = self.job.end_profile
        return tables, self.emitted_g(end.edges_s, end.power_w, self.times_s(self.remainder_s[-1]))

    @cached_property
    def spans_s(self) -> NDArray[np.float64]:
        """Begin after a slot, and length, of each kind of work [s]."""
        return self.work_costs()[2]

    def priced(
        self, tables: _Tables, last: NDArray[np.float64], running_g: Running
    ) -> tuple[_Tables, NDArray[np.float64]]:
        """Add to all emissions what it costs to run so long."""
        save_s = self.suspension.save_profile.duration_s
        startup_s, end_s = self.job.startup_profile.duration_s, self.job.end_profile.duration_s

        def cost_g(rest_s: float, length_s: float) -> NDArray[np.float64]:
            if length_s == 0:
                return np.zeros(last.size)
            times_s = self.times_s(rest_s)
            return running_g(times_s + length_s) - running_g(times_s)

        known = {span: cost_g(*span) for span in set(map(tuple, self.spans_s.tolist()))}
        rests_s = np.unique(np.round(self.remainder_s, 6)).tolist()
        first = tables.first.copy()
        if self.progress.run_start_s is None:
            begins_s = self.slot_s * np.arange(self.slack + 1)
            first[int(self.offset[-1]) :] += running_g(begins_s + startup_s) - running_g(begins_s)
        return tables._replace(
            first=first,
            work=tables.work
            + np.reshape(
                [known[span] for span in map(tuple, self.spans_s.tolist())], (-1, last.size)
            ),
            stop=tables.stop + np.stack([cost_g(rest_s, save_s) for rest_s in rests_s]),
            start=tables.start
            + np.stack([cost_g(rest_s - startup_s, startup_s) for rest_s in rests_s]),
        ), last + cost_g(float(self.remainder_s[-1]), end_s)

    def best_runs(self, running_g: Running | None = None) -> list[PlannedRun]:
        """Return the runs of an optimal schedule, traced back from its last state."""
        return self.best(running_g)[1]

    def best(self, running_g: Running | None = None) -> tuple[float, list[PlannedRun]]:
        """Return the least cost [g CO2e], and the runs of an optimal schedule."""
        values, marks = self.solve(keep=True, running_g=running_g)
        good = values <= values.min() + self.tie_g / 2  # no further resume
        layer = int(np.flatnonzero(good.any(axis=1))[0])
        place = int(np.flatnonzero(good[layer])[0])
        limited = self.suspension.most_resumes is not None
        to, starts, runs = self.row_s.size - 1, self.row_s.size + 1, []
        while True:
            start = int(np.flatnonzero(marks[layer, :starts, place] & _STARTED)[-1])
            row = max(start - 1, 0)
            runs.append(self._run(row, to, place, continued=start == 0))
            if start == 0:
                return float(values.min()), runs[::-1]
            layer -= limited
            place = int(np.flatnonzero(marks[layer, row, : place + 1] & _STOPPED)[-1]) - self.shift
            to, starts = row, int(np.searchsorted(self.mature, row, side="right"))

    def _run(self, row: int, to: int, place: int, *, continued: bool) -> PlannedRun:
        continued = continued and self.progress.run_start_s is not None
        diagonal = place - int(self.offset[-1])
        begin_s = self.base_s + self.slot_s * diagonal + self.row_s[row]
        if not continued:
            begin_s -= self.job.startup_profile.duration_s
        done_s = self.progress.work_s
        return PlannedRun(
            start_s=self.now_s + float(begin_s),
            work_from_s=done_s + float(self.row_s[row]),
            work_to_s=done_s + float(self.row_s[to]),
            continued=continued,
        )


_STARTED, _STOPPED = 1, 2
"""Marks: the best run here began at this row; the best stop before here came at this place."""


class _Tables(NamedTuple):
    """What `_fill` works on; a kind is one of a few rows of emissions that many rows share."""

    first: NDArray[np.float64]  # emissions of the first start, by diagonal
    work: NDArray[np.float64]  # emissions of the work after a row, by kind and place in time
    work_of: NDArray[np.int64]  # kind of each row
    stop: NDArray[np.float64]  # emissions of a stop, by kind and place in time
    start: NDArray[np.float64]  # emissions of a start, by kind and place in time
    stop_of: NDArray[np.int64]  # kind of each row
    offset: NDArray[np.int64]  # as in `_Problem`, like the next three
    shift: int
    allowed: NDArray[np.bool_]
    mature: NDArray[np.int64]
    ring: int  # rows of starts that wait at once until their runs may be stopped
    layers: int  # copies of the states ...
    limited: bool  # ... and whether a resume leads from one to the next
    marks: NDArray[np.uint8]  # (layers, rows + 1, diagonals) to note decisions in, or size 0


def _fill(t):
    """Fill the states row by row and return the least emissions by layer and diagonal."""
    rows, width, last = t.offset.size, t.first.size, t.offset[-1]
    keep = t.marks.size > 0
    best = np.full((t.layers, width), np.inf)  # of all starts that count by now, less `done`
    done = np.zeros(width)  # emissions of the work up to this row, without a stop: Z
    starts = np.full((t.ring, t.layers, width), np.inf)
    starts[0, 0] = t.first
    merged = 0
    for k in range(rows + 1):
        if 0 < k < rows:
            low = last - t.offset[k - 1]
            done[low:] += t.work[t.work_of[k - 1], : width - low]
        while merged <= rows and (k == rows or (merged <= k and t.mature[merged] <= k)):
            if merged == 0 or t.allowed[merged - 1]:
                low = last - t.offset[max(merged - 1, 0)]
                for r in range(t.layers):
                    old, new = best[r], starts[merged % t.ring, r]
                    if keep:
                        mark = t.marks[r, merged]
                        for q in range(low, width):
                            mark[q] |= new[q] < old[q]
                    for q in range(low, width):
                        old[q] = min(old[q], new[q])
            merged += 1
        if k == rows or not t.allowed[k]:
            continue
        low = last - t.offset[k]
        stop, start = t.stop[t.stop_of[k]], t.start[t.stop_of[k]]
        here = starts[(k + 1) % t.ring]
        here[:] = np.inf
        for r in range(t.layers - 1 if t.limited else 1):
            old, new = best[r], here[r + t.limited]
            off = np.inf
            for q in range(low + t.shift, width):
                p = q - t.shift
                value = old[p] + done[p] + stop[p - low]
                if value < off:
                    off = value
                    if keep:
                        t.marks[r, k, q] |= 2
                new[q] = off + (start[q - low] - done[q])
    return best + done
