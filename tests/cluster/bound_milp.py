"""The cluster's problem as a mixed-integer program: a judge for small cases.

Time is cut into slots that divide all durations, steps and windows. A binary x_{j,k} chooses
schedule k of job j; every job has one schedule, and no slot takes more nodes than there are:

    min sum c_{j,k} x_{j,k},   sum over k of x_{j,k} = 1,
    sum over j, k that run in slot t of n_j x_{j,k} <= C_t.

With all starts of uninterrupted jobs as schedules this is the time-indexed program [1]_. Nothing
is lost by the slots: once it is settled which job follows which, emissions are linear in the
starts between multiples of the slot, and rows of the form s_i - s_j <= c with such c have
corners at multiples of it.

References
----------
.. [1] J. P. Sousa and L. A. Wolsey, "A time indexed formulation of non-preemptive single machine
   scheduling problems", Mathematical Programming 54, 1992.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from helpers.bound.problem import CapacityJob
from helpers.carbon.signal import Intensity
from helpers.schedule.intervals import Schedule, charge
from helpers.timeline import StepFunction

if TYPE_CHECKING:
    import pulp

__all__ = ["CapacityProgram", "choice_program", "time_indexed_program"]

_ROUNDING = 1e-6  # share of a slot within which a time lies on the grid


@dataclass(frozen=True, eq=False)
class CapacityProgram:
    """A program for `helpers.schedule.milp.solve`; its solution holds one schedule a job.

    Parameters
    ----------
    problem : pulp.LpProblem
        The program; its objective is in g CO2e.
    choices : list of list of Schedule
        Schedules of each job ...
    variables : list of list of variable
        ... and the binary of each.
    formulation : str
        Name of the program.
    """

    problem: pulp.LpProblem
    choices: list[list[Schedule]]
    variables: list[list]
    formulation: str = "time-indexed"

    def schedule(self) -> list[Schedule]:
        """Read the schedule of each job from the values of the variables."""
        chosen = [
            int(np.argmax([variable.value() or 0.0 for variable in row])) for row in self.variables
        ]
        return [row[k] for row, k in zip(self.choices, chosen, strict=True)]


def time_indexed_program(
    jobs: Sequence[CapacityJob], capacity: float | StepFunction, intensity: Intensity, slot_s: float
) -> CapacityProgram:
    """Write the problem of uninterrupted jobs as a time-indexed program.

    Parameters
    ----------
    jobs : sequence of CapacityJob
        Jobs without suspension.
    capacity : float or StepFunction
        Nodes there are.
    intensity : Intensity
        Carbon intensity over all windows.
    slot_s : float
        Slot [s]; it must divide all durations and distances of times.

    Returns
    -------
    CapacityProgram
        To be solved by `helpers.schedule.milp.solve`.

    Raises
    ------
    ValueError
        If a job may be suspended, or a time does not lie on the grid.
    """
    choices = []
    for job in jobs:
        if job.suspension is not None:
            raise ValueError(
                f"job {job.model.name!r} may be suspended: write out its schedules and pass them "
                "to choice_program()."
            )
        last_s = job.deadline_s - job.model.duration_s
        starts_s = np.arange(job.release_s, last_s + _ROUNDING * slot_s, slot_s)
        work_s = job.model.work_profile.duration_s
        choices.append([Schedule.from_work(job.model, start_s, work_s) for start_s in starts_s])
    return choice_program(jobs, choices, capacity, intensity, slot_s)


def choice_program(
    jobs: Sequence[CapacityJob],
    choices: list[list[Schedule]],
    capacity: float | StepFunction,
    intensity: Intensity,
    slot_s: float,
) -> CapacityProgram:
    """Write the choice of one schedule a job, within the capacity, as a program.

    Parameters
    ----------
    jobs : sequence of CapacityJob
        The jobs.
    choices : list of list of Schedule
        Schedules that each job may have, with starts and stops on the grid.
    capacity, intensity, slot_s
        As in `time_indexed_program`.

    Returns
    -------
    CapacityProgram
        To be solved by `helpers.schedule.milp.solve`.

    Raises
    ------
    ValueError
        If a time does not lie on the grid.
    """
    import pulp

    origin_s = min(job.release_s for job in jobs)
    slots = round((max(job.deadline_s for job in jobs) - origin_s) / slot_s)
    change_s = capacity.edges_s if isinstance(capacity, StepFunction) else np.array([origin_s])
    _on_grid(change_s[(change_s >= origin_s)], origin_s, slot_s)
    problem = pulp.LpProblem("cluster", pulp.LpMinimize)
    used: list[list] = [[] for _ in range(slots)]
    cost, variables = [], []
    for j, (job, schedules) in enumerate(zip(jobs, choices, strict=True)):
        row = [problem.add_variable(f"x_{j}_{k}", 0, 1, "Integer") for k in range(len(schedules))]
        for variable, schedule in zip(row, schedules, strict=True):
            emissions_g = charge(schedule, job.model, intensity, job.suspension).emissions_g
            cost.append(emissions_g * variable)
            begin, end = (
                _on_grid(times_s, origin_s, slot_s)
                for times_s in (schedule.start_s, schedule.stop_s)
            )
            for low, high in zip(begin.tolist(), end.tolist(), strict=True):
                for t in range(low, high):
                    used[t].append(job.nodes * variable)
        problem += pulp.lpSum(row) == 1
        variables.append(row)
    for t, terms in enumerate(used):
        at_s = origin_s + slot_s * t
        nodes = capacity.at(at_s) if isinstance(capacity, StepFunction) else capacity
        if terms:
            problem += pulp.lpSum(terms) <= float(nodes)
    problem.setObjective(pulp.lpSum(cost))
    return CapacityProgram(problem, choices, variables)


def _on_grid(times_s: NDArray, origin_s: float, slot_s: float) -> NDArray[np.int64]:
    """Slots of some times [s]."""
    place = (times_s - origin_s) / slot_s
    off = np.abs(place - np.rint(place)) > _ROUNDING
    if off.any():
        raise ValueError(
            f"a time lies {times_s[off][0] - origin_s:g} s after the first release, which is no "
            f"multiple of slot_s(={slot_s:g}): give a slot that divides all times."
        )
    return np.rint(place).astype(np.int64)
