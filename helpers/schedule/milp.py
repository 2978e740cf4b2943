"""The same problem as a mixed-integer program: a judge, and the story of why it is slow.

Both programs cut the window into slots that divide all durations and steps (`suspend` shows
that nothing is lost). With c_t the emissions of 1 W in slot t, both minimise the emissions.

**Tight** (ours). Every slot is in one state, and states follow each other: before, starting,
working, saving, suspended, ending, after. With v_t = 1 where a start-up begins (a_t the first,
b_t a resume), q_t where a stop begins, f_t where the end begins, u_t work, o_t suspended, and
S, V, E the slots of start-up, saving and end:

    u_t - u_{t-1} = v_{t-S} - q_t - f_t,        o_t - o_{t-1} = q_{t-V} - b_t
    v_{t-S+1} + ... + v_t + u_t + q_{t-V+1} + ... + q_t + f_{t-E+1} + ... + f_t + o_t <= 1

These rows describe paths in a network of states, and no large constant is in them. What makes
the program hard is the order of the phases alone: x_{t,p} works on phase p, x_{t,p+1} <= C_{t,p},
d_p C_{t,p} <= x_{0,p} + ... + x_{t-1,p}. The dynamic program keeps the work done in its state
and has no such rows left.

**Big-M** (published [1]_). Integers count the progress of work and start-up; two binaries a
phase and slot compare progress with the phase's borders through a constant M of twice the
number of slots, so that fractions satisfy nearly everything and the relaxation says nearly
nothing. It knows start-up and work only, and allows at most 5 starts.

A solver that is stopped by its time limit has an incumbent and a *bound*; PuLP calls both an
optimum and such an incumbent 'Optimal'. `Solution` tells them apart.

References
----------
.. [1] https://github.com/Quacck/carbs, ``src/scheduling/suspend_phases_scheduling_policy.py``,
   V. Opitz, master's thesis, Hasso Plattner Institute, 2024.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.extras import extra
from helpers.phases.model import PhaseModel, Profile
from helpers.phases.suspension import Suspension
from helpers.schedule.intervals import Schedule, check_window
from helpers.schedule.suspend import grid
from helpers.timeline import Times

if TYPE_CHECKING:
    import pulp

__all__ = ["PUBLISHED_STARTS", "Program", "Solution", "big_m_program", "solve", "tight_program"]

Status = Literal["optimal", "feasible", "unknown", "infeasible"]
"""What a solver proved; see `Solution`."""

PUBLISHED_STARTS = 5
"""Most starts that the published program allows."""


@dataclass(frozen=True, eq=False)
class Program:
    """A mixed-integer program and what is needed to read a schedule from it.

    Parameters
    ----------
    formulation : {"tight", "big-M"}
        Which one.
    problem : pulp.LpProblem
        The program; its objective is in g CO2e.
    slots : _Slots
        The grid.
    starting, working : list of variable
        Whether a slot is the first of a start-up (tight) or belongs to one (big-M), and
        whether it works.
    """

    formulation: Literal["tight", "big-M"]
    problem: pulp.LpProblem
    slots: _Slots
    starting: list
    working: list

    def schedule(self) -> Schedule:
        """Read the schedule from the values of the variables."""
        starting, working = (
            np.array([variable.value() or 0.0 for variable in variables]) > 0.5
            for variables in (self.starting, self.working)
        )
        startup = self.slots.startup.size
        if self.formulation == "tight":
            begins = np.flatnonzero(starting)
        else:
            begins = np.flatnonzero(np.diff(working.astype(int), prepend=0) > 0) - startup
        borders = np.append(begins, self.slots.count)
        work = [working[low:high].sum() for low, high in pairwise(borders)]
        slot_s = self.slots.slot_s
        return Schedule.from_work(
            self.slots.job,
            self.slots.release_s + slot_s * begins,
            slot_s * np.array(work, dtype=np.float64),
            self.slots.suspension,
        )


@dataclass(frozen=True, slots=True)
class Solution:
    """What a solver found, and what it proved.

    Parameters
    ----------
    status : {"optimal", "feasible", "unknown", "infeasible"}
        "optimal": proved. "feasible": stopped with a schedule that may not be optimal.
        "unknown": stopped without one.
    objective_g : float
        Emissions of the schedule [g CO2e]; NaN without one.
    bound_g : float
        No schedule emits less [g CO2e]; -inf where the solver gave none.
    seconds : float
        Wall time of the solver [s].
    schedule : Schedule or None
        The schedule.
    formulation, solver : str
        Which program, which solver.
    variables, constraints : int
        Size of the program.
    """

    status: Status
    objective_g: float
    bound_g: float
    seconds: float
    schedule: Schedule | None
    formulation: str
    solver: str
    variables: int
    constraints: int

    @property
    def gap(self) -> float:
        """Share of the emissions that the bound leaves open; NaN without a schedule."""
        if self.status == "optimal":
            return 0.0
        return (self.objective_g - self.bound_g) / abs(self.objective_g)


def solve(
    program: Program,
    *,
    solver: Literal["cbc", "highs"] = "highs",
    time_limit_s: float | None = None,
) -> Solution:
    """Solve a program.

    Parameters
    ----------
    program : Program
        Made by `tight_program` or `big_m_program`.
    solver : {"cbc", "highs"}
        CBC, as PuLP brings it along, or HiGHS; one thread each, no gap allowed.
    time_limit_s : float, optional
        When to stop [s].

    Returns
    -------
    Solution
        Status, objective, bound, time and schedule.

    Raises
    ------
    ValueError
        If `solver` is unknown.
    """
    solvers = {"cbc": _solve_cbc, "highs": _solve_highs}
    if solver not in solvers:
        raise ValueError(f"solver(={solver!r}) must be one of {', '.join(map(repr, solvers))}.")
    problem = program.problem
    begin_s = time.perf_counter()
    status, objective_g, bound_g = solvers[solver](problem, time_limit_s)
    seconds = time.perf_counter() - begin_s
    return Solution(
        status=status,
        objective_g=objective_g,
        bound_g=bound_g,
        seconds=seconds,
        schedule=program.schedule() if status in ("optimal", "feasible") else None,
        formulation=program.formulation,
        solver=solver,
        variables=problem.numVariables(),
        constraints=problem.numConstraints(),
    )


def _solve_cbc(problem: pulp.LpProblem, time_limit_s: float | None) -> tuple[Status, float, float]:
    """Run CBC and read its own summary, since PuLP drops the bound and blurs the status."""
    pulp = extra("pulp")

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "cbc.log"
        command = pulp.COIN_CMD(
            path=pulp.PULP_CBC_CMD.pulp_cbc_path,
            msg=False,
            timeLimit=time_limit_s,
            gapRel=0.0,
            gapAbs=0.0,
            logPath=str(log),
        )
        command.tmpDir = folder
        problem.solve(command)
        text = log.read_text(encoding="utf-8")
    numbers = {
        name: [float(value) for value in re.findall(rf"^{name}:\s+(\S+)", text, re.MULTILINE)]
        for name in ("Objective value", "Lower bound")
    }
    objective_g = math.nan
    bound_g = numbers["Lower bound"][-1] if numbers["Lower bound"] else -math.inf
    if numbers["Objective value"]:
        objective_g = float(pulp.value(problem.objective))  # the summary has fewer digits
    if "Result - Optimal solution found" in text:
        return "optimal", objective_g, objective_g
    if "infeasible" in text and "Result - Stopped" not in text:
        return "infeasible", math.nan, math.inf
    return ("feasible" if numbers["Objective value"] else "unknown"), objective_g, bound_g


def _solve_highs(
    problem: pulp.LpProblem, time_limit_s: float | None
) -> tuple[Status, float, float]:
    """Run HiGHS and ask it itself, for the same reason."""
    highspy, pulp = extra("highspy"), extra("pulp")

    problem.solve(
        pulp.HiGHS(msg=False, timeLimit=time_limit_s, gapRel=0.0, gapAbs=1e-12, threads=1)
    )
    model = problem.solverModel
    status, info = model.getModelStatus(), model.getInfo()
    if status == highspy.HighsModelStatus.kOptimal:
        return "optimal", info.objective_function_value, info.mip_dual_bound
    if status == highspy.HighsModelStatus.kInfeasible:
        return "infeasible", math.nan, math.inf
    if info.primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible):
        return "feasible", info.objective_function_value, info.mip_dual_bound
    return "unknown", math.nan, info.mip_dual_bound


@dataclass(frozen=True, eq=False)
class _Slots:
    """A problem cut into slots."""

    job: PhaseModel
    suspension: Suspension
    release_s: float
    slot_s: float
    price: NDArray[np.float64]  # emissions of 1 W in each slot [g CO2e]
    startup: NDArray[np.float64]  # power in each slot of the parts [W] ...
    end: NDArray[np.float64]
    save: NDArray[np.float64]
    work: list[tuple[int, float]]  # ... and slots and power of each work phase

    @property
    def count(self) -> int:
        """Number of slots."""
        return self.price.size

    @classmethod
    def of(
        cls,
        job: PhaseModel,
        intensity: Intensity,
        release: Times,
        deadline: Times,
        suspension: Suspension,
    ) -> _Slots:
        """Return the slots of a job in its window."""
        release_s, _ = check_window(job, intensity, release, deadline)
        chosen = grid(job, intensity, release, deadline, suspension=suspension)
        if chosen.slots * max(1, len(job.work_profile.phases)) > 1_000_000:
            raise ValueError(
                f"{chosen.slots:,} slots of {chosen.slot_s:g} s are too many for a mixed-integer "
                "program: use best_schedule(), or round durations."
            )
        edges_s = release_s + chosen.slot_s * np.arange(chosen.slots + 1)
        edges_s = np.minimum(edges_s, intensity.edges_s[-1])
        return cls(
            job=job,
            suspension=suspension,
            release_s=release_s,
            slot_s=chosen.slot_s,
            price=np.asarray(intensity.integral(edges_s[:-1], edges_s[1:])) / JOULES_PER_KWH,
            startup=_power_of_slots(job.startup_profile, chosen.slot_s),
            end=_power_of_slots(job.end_profile, chosen.slot_s),
            save=_power_of_slots(suspension.save_profile, chosen.slot_s),
            work=[
                (round(phase.duration_s / chosen.slot_s), phase.power_w)
                for phase in job.work_profile.phases
            ],
        )

    def cost_from(self, power_w: NDArray, t: int) -> float:
        """Emissions [g CO2e], inside the window, of a part that begins at slot t."""
        price = self.price[t : t + power_w.size]
        return float((power_w[: price.size] * price).sum())


def _power_of_slots(profile: Profile, slot_s: float) -> NDArray[np.float64]:
    counts = [round(phase.duration_s / slot_s) for phase in profile.phases]
    return np.repeat(profile.power_w, counts)


def tight_program(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    suspension: Suspension | None = None,
) -> Program:
    """Write a problem as our own mixed-integer program, with all rules of `Suspension`.

    Parameters
    ----------
    job, intensity, release, deadline, suspension
        As in `suspend.best_schedule`.

    Returns
    -------
    Program
        To be solved by `solve`.

    Raises
    ------
    ValueError
        If the job does not fit into the window, the intensity does not cover it, or there are
        too many slots.
    """
    pulp = extra("pulp")

    slots = _Slots.of(job, intensity, release, deadline, suspension or Suspension())
    n, rules = slots.count, slots.suspension
    startup, end, save = slots.startup.size, slots.end.size, slots.save.size
    problem = pulp.LpProblem("tight", pulp.LpMinimize)
    binaries = _Binaries(problem)
    first = binaries("first", n, last=n - startup - end)
    resume = binaries("resume", n, last=n - startup - end)
    stop = binaries("stop", n, last=n - save - startup - end)
    finish = binaries("finish", n + 1, last=n - end)
    on_phase = [binaries(f"work{p}", n, last=n - end - 1) for p in range(len(slots.work))]
    suspended = [problem.add_variable(f"suspended_{t}", 0, 1) for t in range(n)]
    working = [pulp.lpSum(x[t] for x in on_phase) for t in range(n)]
    begun = [first[t] + resume[t] for t in range(n)]
    problem += _emissions(slots, begun, stop, finish, suspended, on_phase)
    problem += pulp.lpSum(first) == 1
    problem += pulp.lpSum(finish) == 1
    problem += pulp.lpSum(resume) == pulp.lpSum(stop)
    if rules.most_resumes is not None:
        problem += pulp.lpSum(resume) <= rules.most_resumes
    for t in range(n + 1):
        before = working[t - 1] if t > 0 else 0
        now = working[t] if t < n else 0
        arrives = begun[t - startup] if startup <= t < n + startup else 0
        halt = stop[t] if t < n else 0
        problem += now - before == arrives - halt - finish[t]
        problem += finish[t] <= before + (arrives if end else 0)
    for t in range(n):
        rests = suspended[t - 1] if t > 0 else 0
        problem += suspended[t] - rests == (stop[t - save] if t >= save else 0) - resume[t]
        busy = _latest(begun, t, startup) + _latest(stop, t, save) + _latest(finish, t, end)
        problem += busy + working[t] + suspended[t] <= 1
    _order_phases(problem, slots, on_phase, stop, binaries)
    _last_long_enough(problem, slots, begun, stop)
    return Program("tight", problem, slots, begun, working)


def _emissions(
    slots: _Slots, begun: list, stop: list, finish: list, suspended: list, on_phase: list[list]
) -> pulp.LpAffineExpression:
    """Emissions [g CO2e] of the tight program."""
    pulp = extra("pulp")

    idle_w = slots.suspension.suspended_power_w
    terms = [v * slots.cost_from(slots.startup, t) for t, v in enumerate(begun)]
    terms += [v * slots.cost_from(slots.save, t) for t, v in enumerate(stop)]
    terms += [v * slots.cost_from(slots.end, t) for t, v in enumerate(finish)]
    terms += [v * (idle_w * price) for v, price in zip(suspended, slots.price, strict=True)]
    for x, (_, power_w) in zip(on_phase, slots.work, strict=True):
        terms += [v * (power_w * price) for v, price in zip(x, slots.price, strict=True)]
    return pulp.lpSum(terms)


class _Binaries:
    """Makes binary variables; those after `last` are fixed to 0."""

    def __init__(self, problem: pulp.LpProblem) -> None:
        self._variable = problem.add_variable

    def __call__(self, name: str, count: int, *, last: int | None = None) -> list:
        last = count - 1 if last is None else last
        return [
            self._variable(f"{name}_{t}", 0, 1 if t <= last else 0, "Integer") for t in range(count)
        ]


def _latest(variables: list, t: int, count: int) -> pulp.LpAffineExpression:
    """Sum of the `count` variables up to t."""
    return sum(variables[max(0, t - count + 1) : t + 1]) if count else 0


def _order_phases(
    problem: pulp.LpProblem, slots: _Slots, on_phase: list[list], stop: list, binaries: _Binaries
) -> None:
    """Do every phase whole, after the one before it, and stop only where work is kept."""
    pulp = extra("pulp")

    n, marked = slots.count, slots.suspension.keep == "checkpoints"
    kept: list[list] = [[] for _ in range(n)]
    phases = slots.job.work_profile.phases
    for p, (x, (length, _)) in enumerate(zip(on_phase, slots.work, strict=True)):
        problem += pulp.lpSum(x) == length
        is_last = p == len(on_phase) - 1
        if is_last and not marked:
            continue
        complete = binaries(f"complete{p}", n)
        done = 0
        for t in range(n):
            problem += length * complete[t] <= done
            done += x[t]
            if t > 0:
                problem += complete[t - 1] <= complete[t]
            if not is_last:
                problem += on_phase[p + 1][t] <= complete[t]
        if marked and phases[p].checkpoint:
            here = binaries(f"kept{p}", n)
            begun = 0
            for t in range(n):
                problem += here[t] <= complete[t]
                if not is_last:
                    problem += begun <= slots.work[p + 1][0] * (1 - here[t])
                    begun += on_phase[p + 1][t]
                kept[t].append(here[t])
    if marked:
        for t in range(n):
            problem += stop[t] <= pulp.lpSum(kept[t])


def _last_long_enough(problem: pulp.LpProblem, slots: _Slots, begun: list, stop: list) -> None:
    """Let no run stop before it has lasted `least_run_s`."""
    least = slots.suspension.least_run_s / slots.slot_s - slots.save.size
    count = max(1, math.ceil(least - slots.startup.size - 1e-9))  # of work slots, at least
    for t in range(slots.count):
        high = t - slots.startup.size
        if high >= 0:
            problem += sum(begun[max(0, high - count + 1) : high + 1]) + stop[t] <= 1


def big_m_program(
    job: PhaseModel, intensity: Intensity, release: Times, deadline: Times
) -> Program:
    """Write a problem as the published mixed-integer program.

    Parameters
    ----------
    job, intensity, release, deadline
        As in `suspend.best_schedule`. Suspension is free but for the start-up, anywhere, at
        most four times (five starts).

    Returns
    -------
    Program
        To be solved by `solve`.

    Raises
    ------
    ValueError
        If the job has end phases, which the published program does not know, or as
        `tight_program`.
    """
    pulp = extra("pulp")

    if job.end_profile.phases:
        raise ValueError(
            f"job {job.name!r} has end phases, which the published program does not know: move "
            "them into the work, or use tight_program()."
        )
    slots = _Slots.of(job, intensity, release, deadline, Suspension())
    n, startup = slots.count, slots.startup.size
    work = sum(length for length, _ in slots.work)
    problem = pulp.LpProblem("big_m", pulp.LpMinimize)
    binaries = _Binaries(problem)
    starting, started, working = (binaries(name, n) for name in ("starting", "started", "working"))
    worked = [problem.add_variable(f"worked_{t}", 0, work, "Integer") for t in range(n)]
    warmed = [problem.add_variable(f"warmed_{t}", 0, startup, "Integer") for t in range(n)]
    large = 2 * n
    cost = []
    rows: list = [worked[0] == working[0]]
    rows += [worked[t] == worked[t - 1] + working[t] for t in range(1, n)]
    startups = [
        (round(phase.duration_s / slots.slot_s), phase.power_w)
        for phase in job.startup_profile.phases
    ]
    if startup:
        rows.append(warmed[0] == starting[0])
        rows += [warmed[t] <= large * starting[t] for t in range(n)]
        for t in range(1, n):
            rows.append(warmed[t] - warmed[t - 1] - 1 >= -large * (1 - starting[t]))
            rows.append(warmed[t] - warmed[t - 1] - 1 <= large * (1 - starting[t]))
        for t in range(startup - 1, n):
            rows.append(_latest(starting, t, startup) >= startup * started[t])
    for name, state, progress, phases in (
        ("startup", starting, warmed, startups),
        ("work", working, worked, slots.work),
    ):
        cost += _phases_by_big_m(rows, name, state, progress, phases, slots, binaries)
    rows.append(pulp.lpSum(working[:startup]) == 0)
    rows.append(pulp.lpSum(working) == work)
    for t in range(n - 1):
        rows.append(started[t] >= working[t + 1] - working[t])
        rows.append(started[t] + working[t] <= 1)
        rows.append(starting[t] + working[t] <= 1)
    rows.append(pulp.lpSum(started) <= PUBLISHED_STARTS)
    problem += pulp.lpSum(cost)
    for row in rows:
        problem += row
    return Program("big-M", problem, slots, starting, working)


def _phases_by_big_m(
    rows: list,
    name: str,
    state: list,
    progress: list,
    phases: Iterable[tuple[int, float]],
    slots: _Slots,
    binaries: Callable[..., list],
) -> list:
    """Rows that find the active phase in every slot; returns the terms of the cost."""
    large, low, cost = 2 * slots.count, 0, []
    for p, (length, power_w) in enumerate(phases):
        high = low + length + 1  # the phase is active while low < progress < high
        above, below, active = (
            binaries(f"{name}{p}_{what}", slots.count) for what in ("above", "below", "active")
        )
        for t in range(slots.count):
            rows.append(progress[t] - low <= large * above[t])
            rows.append(low - progress[t] <= large * (1 - above[t]))
            rows.append(high - progress[t] <= large * below[t])
            rows.append(progress[t] - high <= large * (1 - below[t]))
            rows.append(active[t] >= above[t] + below[t] + state[t] - 2)
            rows += [active[t] <= variable for variable in (above[t], below[t], state[t])]
            cost.append(active[t] * (power_w * slots.price[t]))
        low += length
    return cost
