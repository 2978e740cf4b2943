"""Plans made anew: a run was missed, or what is expected of the grid has changed.

A plan is a hash of what it says and is never changed. A *revision* is another plan, of what is left
of the job after so many checkpoints; who carries it out counts checkpoints from there. While a job
waits nothing is lost by planning it anew, so this is when it is done; a running job follows the
plan it started with.

A revision is taken where the plan in force can no longer be followed, or where, by what is now
expected, it emits less by at least `WORTH`: a new plan for every breath of a forecast would only
unsettle the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.operate.plans import Plan, make_plan
from helpers.phases.model import PhaseModel, flatten
from helpers.schedule.intervals import Schedule, charge

__all__ = ["WORTH", "Revision", "left_after", "revise"]

WORTH = 0.01
"""Share of its emissions that a revision has to save [1]."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A plan of what is left of a job.

    Parameters
    ----------
    plan : Plan
        The plan.
    checkpoints : int
        Checkpoints that were done before; those of `plan` are counted from there.
    """

    plan: Plan
    checkpoints: int = 0


def left_after(job: PhaseModel, checkpoints: int) -> PhaseModel:
    """Return what is left of a job after so many checkpoints.

    Raises
    ------
    ValueError
        If it has not so many, or nothing is left of its work.
    """
    if not checkpoints:
        return job
    phases = flatten(job.work)
    done = list(accumulate(int(phase.checkpoint) for phase in phases))
    if checkpoints not in done[:-1]:
        raise ValueError(
            f"checkpoints(={checkpoints}) must be less than all {done[-1] if done else 0} of "
            f"{job.name!r}, with work after it."
        )
    return PhaseModel(job.name, job.startup, phases[done.index(checkpoints) + 1 :], job.end)


def revise(
    force: Revision, checkpoints: int, intensity: Intensity, from_s: float
) -> Revision | None:
    """Return a better plan for what is left of a job that waits; None if there is none.

    Parameters
    ----------
    force : Revision
        What is carried out now.
    checkpoints : int
        Checkpoints done by now, all told.
    intensity : Intensity
        What is now expected of the grid.
    from_s : float
        When it may start again [s].
    """
    plan = force.plan
    try:
        left = left_after(plan.job, checkpoints - force.checkpoints)
        made = make_plan(
            left,
            intensity,
            from_s,
            plan.deadline_s,
            suspension=plan.suspension,
            stretch=plan.stretch,
            margin_s=plan.margin_s,
            resources=plan.resources,
            zone=plan.zone,
        )
    except ValueError:  # it no longer fits, or nobody knows the grid so far ahead
        return None
    rest = _rest(plan, plan.kept_s(checkpoints - force.checkpoints), from_s)
    if rest is not None:
        before_g = charge(rest, left, intensity, plan.suspension).emissions_g
        after_g = made.expected.emissions_g.expected
        assert after_g is not None
        if after_g > (1.0 - WORTH) * before_g:
            return None
    return Revision(made, checkpoints)


def _rest(plan: Plan, kept_s: float, from_s: float) -> Schedule | None:
    """The runs of a plan that are still to come, if they go on from what is kept; else None."""
    schedule = plan.schedule
    coming = np.flatnonzero(schedule.start_s >= from_s)
    if not coming.size or abs(schedule.work_from_s[coming[0]] - kept_s) > 1e-6:
        return None
    runs = slice(int(coming[0]), None)
    return Schedule(
        schedule.start_s[runs],
        schedule.stop_s[runs],
        schedule.work_from_s[runs] - kept_s,
        schedule.work_to_s[runs] - kept_s,
    )
