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

**Durations without a common divisor.** Measured durations divide nothing, and a grid of a
millisecond has 10^10 states. But the corners above are few. A corner is a tree of tight rows
on the ladder y_1 - w_1 - y_2 - w_2 - ..., and each tree has an *anchor*, a variable that is
given alone: the release, the deadline, a border of the first start, of the end or inside of
the work at a step, or a fixed place of a stop. From there a chain runs to one side: a run on
diagonal y stops where a border c of stopping meets a step, at w = E - c - y, and the next one
starts where a border s of starting meets one, at y' = E' + s - w; or the pause between them
is as short as can be, y' = y + start-up + saving. So the *event points* are sums of
differences of steps, borders and overheads, as many as the steps times the pauses, whatever
the divisor. Two things make them fewer still. Only convex kinks cut a cell: power falls where
the intensity rises, or rises where it falls. And a *relaxation* on a grid of slot h, with all
durations cut to its multiples and all powers and intensities lowered to their least in a
cell, is a lower bound of every schedule; of those with a pause, too, so that most jobs for
which none pays are done with one sweep over all starts and one such bound. For the others the
emissions are *guessed* to be a little above the bound, which bounds the pauses and rules out all
states through which the relaxed emissions are higher. The recursion above is filled on the
points that are left (`_events`). If the best schedule there emits no more than was guessed, no
better one was left out; else the guess is raised, or the relaxation refined.

**Certificates.** Every schedule says how far it is from the best one at most. It is exact on a
grid that divides all durations, on all event points, and where the relaxation comes up to
it. Elsewhere (a `resolution_s` that was asked for; a problem too large; a least run, a
negative intensity or a suspended power above that of start-up or saving, on no grid) it is
the best schedule found, and the relaxation says how much better another could be.

**Coarser grids.** With `resolution_s` larger than g, durations stay exact and every cost is an
exact integral; only starts and stops are confined to the coarser grid. The result is a
feasible schedule, optimal among those.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity
from helpers.phases.model import PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule import _events, _grid
from helpers.schedule._grid import TICKS_PER_S
from helpers.schedule.intervals import (
    TIME_TOLERANCE_S,
    Certificate,
    Schedule,
    check_window,
    check_windows,
    latest_finish_s,
)
from helpers.timeline import Duration, Times, epoch_seconds

__all__ = [
    "MAX_CELLS",
    "Grid",
    "Plan",
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
"""Most states of a grid that is filled: about a gigabyte and some seconds."""

_SMALL = 2_000_000  # states that a grid fills faster than event points are found
_TIE = 1e-12  # share of the largest possible emissions below which two values are equal
_UNIT = 2.0**-53  # relative error of one rounding
_TICK_S = 1 / TICKS_PER_S


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid on which a problem would be solved.

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


@dataclass(frozen=True)
class Plan:
    """The runs to come, in order; iterating and indexing give them one by one.

    Parameters
    ----------
    runs : tuple of PlannedRun
        The runs.
    emissions_g : float
        What they emit from now on [g CO2e].
    """

    runs: tuple[PlannedRun, ...]
    emissions_g: float
    _certified: Callable[[], Certificate] = field(repr=False, compare=False)

    @cached_property
    def certificate(self) -> Certificate:
        """What is proven of the plan; found when it is asked for, since most plans are made anew."""
        return self._certified()

    def __iter__(self) -> Iterator[PlannedRun]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, place: int) -> PlannedRun:
        return self.runs[place]


# Eight parameters: a problem has a job, a signal, a window and rules; the window is said in one of
# three ways (`latest_finish_s`), of which a caller names one.
def best_schedule(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times | None = None,
    *,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
    start_within: Duration | None = None,
    end_within: Duration | None = None,
) -> Schedule:
    """Return the schedule with the least emissions, suspended where that pays.

    Parameters
    ----------
    job : PhaseModel
        The job; its durations may be any, also measured ones.
    intensity : Intensity
        Carbon intensity over the window.
    release : instant
        Earliest start.
    deadline : instant, optional
        Latest finish.
    suspension : Suspension, optional
        What a stop costs and when it is allowed; by default anywhere and for free, apart
        from the start-up at the resume.
    resolution_s : float, optional
        Confine starts and stops to multiples of this [s] from the release; by default they
        are free.  One that makes over `MAX_CELLS` states is coarsened, with a warning.
    start_within, end_within : duration, optional
        In place of a deadline, counted from the release: how long the job may wait in all, so
        that one that does not stop starts by then; or when it must be over.

    Returns
    -------
    Schedule
        The best schedule. Among equals, one with few resumes, then an early one. Its
        `certificate` says whether it is proven the best, or how far from it at most.

    Raises
    ------
    ValueError
        If the job does not fit into the window, the intensity does not cover it, or not
        exactly one of the three limits is given.
    """
    # Eight parameters: job, curve and window; the others, by name alone, are what a stop costs, how
    # fine to look, and the two further ways to say a window.
    deadline_s = latest_finish_s(job, release, deadline, start_within, end_within)
    release_s, deadline_s = check_window(job, intensity, release, deadline_s)
    rules = suspension or Suspension()
    question = _Question(job, intensity, release_s, deadline_s, Progress(), rules, resolution_s)
    return question.schedule(question.solved())


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

    Parameters and errors are those of `best_schedule`; see there. Where its certificate is not
    exact though no resolution was asked for, a `RuntimeWarning` says so.
    """
    release_s, deadline_s = check_window(job, intensity, release, deadline)
    rules = suspension or Suspension()
    question = _Question(job, intensity, release_s, deadline_s, Progress(), rules, resolution_s)
    found = question.solved(keep=False)
    if resolution_s is None and not question.certificate(found).exact:
        warnings.warn(
            f"the least emissions of job {job.name!r} are not proven: what was found is "
            f"{question.certificate(found)}; best_schedule() gives both.",
            RuntimeWarning,
            stacklevel=2,
        )
    return found.emissions_g


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
    """Solve many jobs, each on its own, on several cores and with little set-up.

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
        Threads, >= 1; the hot loops run in them side by side.

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
    rules = suspension or Suspension()
    release_s, deadline_s = np.broadcast_to(release_s, shape), np.broadcast_to(deadline_s, shape)
    check_windows(jobs, intensity, release_s, deadline_s)

    def solve(window: tuple[PhaseModel, float, float]) -> Schedule:
        """Return the best schedule of one job in its window."""
        job, release_s, deadline_s = window
        question = _Question(job, intensity, release_s, deadline_s, Progress(), rules, resolution_s)
        return question.schedule(question.solved())

    windows = zip(jobs, release_s.tolist(), deadline_s.tolist(), strict=True)
    if workers == 1:
        return [solve(window) for window in windows]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(solve, windows, chunksize=1))


class PricedJob:
    """One job that may be suspended, solved again and again while running has a price.

    The price is any step function of time: what a second of running (start-up, work, saving,
    end; not suspension) costs besides its emissions, e.g. the worth of the nodes it holds.

    Parameters
    ----------
    job, intensity, release, deadline, suspension, resolution_s
        As in `best_schedule`. Without a resolution, a grid that divides all durations is used
        where it is not too large, else one that is coarser.

    Attributes
    ----------
    exact : bool
        Whether no schedule off the grid is better, for prices that change where the intensity
        does.
    slot_s : float
        Slot of the grid [s].
    coarsened : bool
        Whether the grid is coarser than the exact one though no resolution was asked for: then
        `lower_g` is a bound of what any schedule costs, and the cost of `best` is not.

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
        rules = suspension or Suspension()
        question = _Question(job, intensity, release_s, deadline_s, Progress(), rules, resolution_s)
        self._question = question
        chosen = question.grid()
        self.coarsened = resolution_s is None and chosen.cells > MAX_CELLS / 10
        if self.coarsened:  # many prices are to come
            slot = _events.lattice_slot(question.problem, MAX_CELLS / 1000)
            self._question = replace(question, resolution_s=slot * _TICK_S)
            chosen = self._question.grid()
        self.exact, self.slot_s = chosen.exact, chosen.slot_s
        inside = (intensity.edges_s > release_s) & (intensity.edges_s < deadline_s)
        self._rows, self._steps = chosen.rows + 1, int(inside.sum()) + 2

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
            Cost [g CO2e], off by `rounding_g` at most, and the schedule, the best on the grid.
        """
        found = self._question.solved(price=(edges_s, cumulative_g))
        return found.emissions_g, self._question.schedule(found, certified=False)

    def lower_g(self, edges_s: NDArray, cumulative_g: NDArray) -> float:
        """Return what no schedule costs less than [g CO2e], on the grid or off it.

        Parameters are those of `best`. Where the grid is exact it is the cost of `best`;
        otherwise a relaxation bounds it.
        """
        cost_g = self._question.solved(keep=False, price=(edges_s, cumulative_g)).emissions_g
        if self.exact:
            return cost_g
        price = self._question.ticked(edges_s, cumulative_g)
        return _events.lower_g(self._question.raw, cost_g, price=price)

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
        job, rules = self._question.job, self._question.suspension
        problem = self._question.problem
        often = (job.startup_profile, rules.save_profile)  # at every resume
        once = (job.work_profile, job.end_profile)
        peak_w = max(float(p.power_w.max()) for p in (*often, *once) if p.phases)
        peak_w += rules.suspended_power_w
        steepest_g = float(np.abs(problem.value).max()) * TICKS_PER_S
        terms = 2 * (self._rows + 1) * (3 + sum(len(p.phases) for p in often))
        terms += 2 * sum(len(p.phases) for p in once)
        steps = self._steps + prices + terms + 8
        largest_g = peak_w * steepest_g * problem.horizon * _TICK_S + total_g
        moved_g = _TICK_S * (peak_w * steepest_g + highest_g)
        tie_g = (self._rows + 1) * problem.tie_g
        return terms * (2 * steps * _UNIT * largest_g + moved_g) + tie_g


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
    """Return the grid that divides all durations of a problem, or the one asked for.

    Parameters are those of `best_schedule`; the grid is told also when it is too large to be
    filled, and event points are used in its place.

    Raises
    ------
    ValueError
        If the job does not fit into the window, or the intensity does not cover it.
    """
    release_s, deadline_s = check_window(job, intensity, release, deadline)
    rules = suspension or Suspension()
    return _Question(job, intensity, release_s, deadline_s, Progress(), rules, resolution_s).grid()


def plan(
    job: PhaseModel,
    intensity: Intensity,
    now: Times,
    deadline: Times,
    *,
    progress: Progress,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
) -> Plan:
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
    Plan
        The runs to come, with the least emissions from now on, and their certificate.

    Raises
    ------
    ValueError
        If what is left cannot be done by the deadline, or the intensity does not cover the
        time up to it.
    """
    now_s, deadline_s = float(epoch_seconds(now)), float(epoch_seconds(deadline))
    rules = suspension or Suspension()
    question = _Question(job, intensity, now_s, deadline_s, progress, rules, resolution_s)
    question.check()
    found = question.solved()
    return Plan(
        tuple(question.planned(found)), found.emissions_g, lambda: question.certificate(found)
    )


@dataclass(frozen=True, eq=False)
class _Question:
    """A job, a signal, a window and rules: what a schedule is asked for."""

    job: PhaseModel
    intensity: Intensity
    now_s: float
    deadline_s: float
    progress: Progress
    suspension: Suspension
    resolution_s: float | None

    def __post_init__(self) -> None:
        resolution_s = self.resolution_s
        if resolution_s is not None and not (np.isfinite(resolution_s) and resolution_s >= _TICK_S):
            raise ValueError(f"resolution_s(={resolution_s}) must be finite and > 0 s.")

    def check(self) -> None:
        """Check that what is left can still be done, by a job that may be started again."""
        job, progress, most = self.job, self.progress, self.suspension.most_resumes
        needed_s = 0.0 if progress.run_start_s is not None else job.startup_profile.duration_s
        needed_s += job.work_profile.duration_s - progress.work_s + job.end_profile.duration_s
        spare_s = self.deadline_s - self.now_s - needed_s
        if spare_s < -TIME_TOLERANCE_S:
            raise ValueError(
                f"job {job.name!r} still needs {needed_s:g} s, but only "
                f"{self.deadline_s - self.now_s:g} s are left: move the deadline by "
                f"{-spare_s:g} s or more."
            )
        if most is not None and progress.run_start_s is None and progress.starts > most:
            raise ValueError(
                f"job {job.name!r} was started {progress.starts} times and stopped, but "
                f"most_resumes = {most} allows no further start: it must not be stopped."
            )

    @cached_property
    def raw(self) -> _grid.Raw:
        """The numbers of the problem, as the loops take them."""
        job, rules, progress = self.job, self.suspension, self.progress
        startup, work, end = job.startup_profile, job.work_profile, job.end_profile
        save, run_start_s = rules.save_profile, progress.run_start_s
        most = -1
        if rules.most_resumes is not None:
            most = max(0, rules.most_resumes - progress.starts + (run_start_s is not None))
        return _grid.Raw(
            edges_s=self.intensity.edges_s,
            value_g_per_kwh=self.intensity.intensity_g_per_kwh,
            now_s=self.now_s,
            deadline_s=self.deadline_s,
            startup_s=startup.edges_s,
            startup_w=startup.power_w,
            work_s=work.edges_s,
            work_w=work.power_w,
            end_s=end.edges_s,
            end_w=end.power_w,
            save_s=save.edges_s,
            save_w=save.power_w,
            marks_s=work.checkpoints_s,
            only_marks=rules.keep == "checkpoints",
            suspended_w=float(rules.suspended_power_w),
            least_run_s=float(rules.least_run_s),
            most=int(most),
            done_s=float(progress.work_s),
            lasted_s=-1.0 if run_start_s is None else max(0.0, self.now_s - run_start_s),
            may_stop=bool(progress.may_stop),
            waited=progress.starts > 0 and run_start_s is None,
            tie_j=_TIE * (job.energy_j + startup.energy_j),
        )

    @cached_property
    def problem(self) -> _events.Problem:
        """The problem in whole microseconds."""
        return _events.problem(self.raw)

    @property
    def regular(self) -> bool:
        """Whether a run without work can never pay."""
        if self.intensity.kind == "average" and not self.suspension.suspended_power_w:
            return True
        return _events.regular(self.problem)

    def grid(self) -> Grid:
        """Return the grid asked for, or the one that divides all durations."""
        measured = _grid.solve(self.raw, -1, keep=False)
        if self.resolution_s is None:
            return Grid(
                measured.slot * _TICK_S, measured.slots, measured.rows, measured.cells, True
            )
        slot, problem = self.slot, self.problem
        rows = 0 if problem.anywhere else problem.stops.size + 1
        return Grid(
            slot_s=float(self.resolution_s),
            slots=problem.horizon // slot,
            rows=rows or -(-int(problem.work.border[-1]) // slot),
            cells=_events.lattice_states(problem, slot),
            exact=measured.slot % slot == 0,
        )

    @property
    def slot(self) -> int:
        """The resolution that was asked for, in microseconds."""
        return max(1, round(float(self.resolution_s or 0.0) * TICKS_PER_S))

    def ticked(self, edges_s: NDArray, cumulative_g: NDArray) -> _events.Price:
        """Write a price in microseconds after `now_s`."""
        ticks = np.rint((edges_s - self.now_s) * TICKS_PER_S).astype(np.int64)
        return _events.Price(ticks, np.asarray(cumulative_g, dtype=np.float64))

    def solved(
        self, *, keep: bool = True, price: tuple[NDArray, NDArray] | None = None
    ) -> _events.Found:
        """Return the best schedule that can be found, and what is proven of it at no cost."""
        rules = self.suspension
        if rules.most_resumes and rules.most_resumes > 0 and keep and price is None:
            # without the limit there are fewer states, and often no more resumes
            free = replace(self, suspension=replace(rules, most_resumes=None)).solved()
            if free.start.size - 1 <= self.raw.most:
                return free
        if self.resolution_s is not None:
            return self._on_lattice(price)
        found = self._on_grid(_SMALL if price is None else MAX_CELLS, keep, price)
        if found is not None:
            return found
        if price is None:
            found = _events.proven(self.raw)
        found = found or self._on_grid(MAX_CELLS, keep, price)
        return found or _events.solve(self.raw)

    def _on_grid(
        self, most_cells: int, keep: bool, price: tuple[NDArray, NDArray] | None
    ) -> _events.Found | None:
        answer = _grid.solve(self.raw, most_cells, keep=keep, price=price)
        if not answer.solved:
            return None
        lower_g = answer.least_g
        stays = self.suspension.keep == "checkpoints" or self.suspension.least_run_s > 0
        under_way = self.progress.run_start_s is not None
        at_once = under_way and not self.progress.may_stop
        if price is None and not stays and (at_once or not self.regular):
            lower_g = _grid.solve(self.raw, most_cells, keep=False, idle_runs=True).least_g
        return _events.Found(
            answer.start, answer.work_from, answer.work_to, answer.least_g, lower_g, "grid"
        )

    def _on_lattice(self, price: tuple[NDArray, NDArray] | None) -> _events.Found:
        """Solve with starts and stops on the resolution that was asked for."""
        ticked = None if price is None else self.ticked(*price)
        states, slot = _events.lattice_states(self.problem, self.slot), self.slot
        if states > MAX_CELLS:
            slot = _events.lattice_slot(self.problem, MAX_CELLS / 10)
            warnings.warn(
                f"resolution_s(={self.resolution_s:g}) makes {states:,} states, more than "
                f"MAX_CELLS = {MAX_CELLS:,}: starts and stops are multiples of "
                f"{slot * _TICK_S:.3g} s instead, and the certificate says what that may cost. "
                "Leave resolution_s out, so that they are free.",
                stacklevel=4,
            )
        return _events.on_lattice(self.raw, slot, *(() if ticked is None else (ticked,)))

    def certificate(self, found: _events.Found) -> Certificate:
        """Return what is proven of a schedule, with a bound where nothing is yet."""
        if found.lower_g is not None:
            return Certificate(found.emissions_g, found.lower_g, found.method)
        free = replace(self, resolution_s=None)
        exact = free._on_grid(_SMALL, False, None)
        if exact is not None and exact.lower_g is not None:
            lower_g = min(exact.lower_g, found.emissions_g)
        else:
            lower_g = _events.lower_g(self.raw, found.emissions_g)
        return Certificate(found.emissions_g, lower_g, found.method)

    def schedule(self, found: _events.Found, *, certified: bool = True) -> Schedule:
        """Return the schedule of a job that was not started yet."""
        work_from_s, work_to_s = found.work_from / TICKS_PER_S, found.work_to / TICKS_PER_S
        work_to_s[-1] = self.job.work_profile.duration_s  # which may be known more finely
        start_s = self.now_s + found.start / TICKS_PER_S
        stop_s = start_s + self.job.startup_profile.duration_s + (work_to_s - work_from_s)
        stop_s[:-1] += self.suspension.save_profile.duration_s
        stop_s[-1] += self.job.end_profile.duration_s
        return Schedule.known(
            start_s,
            stop_s,
            work_from_s,
            work_to_s,
            job=self.job,
            suspension=self.suspension,
            intensity=self.intensity,
            release_s=self.now_s,
            deadline_s=self.deadline_s,
            certificate=self.certificate(found) if certified else None,
        )

    def planned(self, found: _events.Found) -> Iterator[PlannedRun]:
        """Return the runs to come."""
        under_way, done_s = self.progress.run_start_s is not None, self.progress.work_s
        for i, (start, work_from, work_to) in enumerate(
            zip(found.start.tolist(), found.work_from.tolist(), found.work_to.tolist(), strict=True)
        ):
            yield PlannedRun(
                start_s=self.now_s + start / TICKS_PER_S,
                work_from_s=done_s + work_from / TICKS_PER_S,
                work_to_s=done_s + work_to / TICKS_PER_S,
                continued=under_way and i == 0,
            )
