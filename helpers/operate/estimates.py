"""How fast a job really is, by the checkpoints it has reached, and by when it must go on.

A plan knows a job's expected run time and an upper quantile of it. What the job says while it runs
is better: the time between two checkpoints of one run, over the work between them, is its *pace*.
A job slower than its plan allows for has to start earlier than the plan says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from helpers.operate.job import Event
from helpers.operate.plans import Plan
from helpers.phases.model import PhaseModel

__all__ = ["last_moment_s", "left_s", "pace"]

_LEAST_INTERVALS = 3
"""Fewer say more about the machine's moment than about the job."""


def pace(job: PhaseModel, events: Sequence[Event]) -> float:
    """Return how long a job's work takes over how long it was expected to take [1].

    The median over the intervals between two checkpoints of one run: a job that was suspended, or a
    node that stood still, makes one interval long and not the job slow. NaN with fewer than three.

    Parameters
    ----------
    job : PhaseModel
        What was expected.
    events : sequence of Event
        What the job said, in order.
    """
    marks_s = job.work_profile.checkpoints_s
    ratios: list[float] = []
    done, before_s = 0, math.nan
    for event in events:
        if event.event != "checkpoint":
            before_s = math.nan  # a start: its first interval holds the start-up, too
            continue
        done += 1
        if 1 < done <= marks_s.size and not math.isnan(before_s):
            planned_s = float(marks_s[done - 1] - marks_s[done - 2])
            ratios.append((event.time_s - before_s) / planned_s)
        before_s = event.time_s
    return median(ratios) if len(ratios) >= _LEAST_INTERVALS else math.nan


def left_s(plan: Plan, events: Sequence[Event]) -> float:
    """Return how long a job still runs once it goes on [s], start-up and end included.

    At its measured pace where one is known, else as expected.
    """
    measured = pace(plan.job, events)
    done = sum(event.event == "checkpoint" for event in events)
    expected_s = plan.job.attempt(plan.kept_s(done)).duration_s
    return expected_s if math.isnan(measured) else measured * expected_s


def last_moment_s(plan: Plan, events: Sequence[Event]) -> float:
    """Return the last epoch second [s] at which a job may go on, by what it said so far.

    That of `Plan.last_moment_s`, or an earlier one where the job's pace is above the plan's
    `stretch`: then even the upper quantile that the plan counted with was too short.
    """
    done = sum(event.event == "checkpoint" for event in events)
    kept_s = plan.kept_s(done)
    measured = pace(plan.job, events)
    if math.isnan(measured) or measured <= plan.stretch:
        return plan.last_moment_s(kept_s)
    return plan.deadline_s - plan.margin_s - measured * plan.job.attempt(kept_s).duration_s
