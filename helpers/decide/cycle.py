"""Deciding only so often, as real schedulers do, around another policy.

Slurm looks at its queue once a minute or so, not whenever something happens. Starts are then
batches: what came, ended or became clean since the last cycle is acted on at the next one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from helpers.decide.view import Job, Policy, View

__all__ = ["InCycles"]

SHORTEST_S = 0.001
"""Shorter cycles are refused [s]: multiples would be lost in the rounding of times."""


class InCycles(Policy):
    """Ask another policy at whole multiples of a cycle only.

    Parameters
    ----------
    policy : Policy
        What decides.
    cycle_s : float
        Length of the cycle [s], at least `SHORTEST_S`; the first begins at second 0.

    Raises
    ------
    ValueError
        If `cycle_s` is shorter or not finite.

    Notes
    -----
    A start comes up to a cycle later than the policy inside would have it: a job that became urgent
    meanwhile waits so much longer than its user accepts, and a reservation is kept to within a
    cycle. Slurm's own cycle is `SchedulerParameters`' ``sched_interval`` [1]_.

    References
    ----------
    .. [1] SchedMD, *slurm.conf*, https://slurm.schedmd.com/slurm.conf.html
    """

    def __init__(self, policy: Policy, cycle_s: float) -> None:
        if not SHORTEST_S <= cycle_s < math.inf:
            raise ValueError(
                f"cycle_s(={cycle_s}) must be at least {SHORTEST_S} s and finite; leave InCycles out "
                "for decisions whenever something happens."
            )
        self.policy, self.cycle_s = policy, float(cycle_s)
        self.clairvoyant = policy.clairvoyant
        self.name = f"{policy.name or type(policy).__name__}, every {cycle_s:g} s"

    def begin(self, view: View) -> None:
        """Begin with nothing kept back."""
        self._kept: dict[str, list[Job]] = {"arrived": [], "ended": [], "late": []}
        self.policy.begin(view)

    def decide(self, view: View) -> None:
        """Let the policy decide in a cycle on all that happened since the last one."""
        # Rounding, not flooring: the product is what the wake-up asked for, to the bit.
        due_s = self.cycle_s * round(view.now_s / self.cycle_s)
        if due_s != view.now_s:
            for name, jobs in self._kept.items():
                jobs.extend(getattr(view, name))
            if due_s < view.now_s:
                due_s = self.cycle_s * (round(view.now_s / self.cycle_s) + 1)
            view.wake_at(due_s)
            return
        for name, jobs in self._kept.items():
            getattr(view, name)[:0] = jobs
            jobs.clear()
        self.policy.decide(view)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Let the policy inside change it, or change it at once if that does not know it yet."""
        if any(job is kept for kept in self._kept["arrived"]):
            change()
        else:
            self.policy.amend(job, change)

    def reconsider(self) -> None:
        """Let the policy inside reconsider."""
        self.policy.reconsider()

    def wanted_cores(self, view: View) -> int:
        """Return the cores that jobs wait for now, as the policy inside says."""
        wanted = getattr(self.policy, "wanted_cores", None)
        if wanted is not None:
            return wanted(view)
        waiting = (*view.queue.values(), *view.suspended.values())
        return sum(job.processors for job in waiting)
