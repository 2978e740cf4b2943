"""Slowing down while the grid is dirty, around another policy.

Waiting and slowing down can be combined: the policy inside decides which jobs start, this one under
which power they run.
"""

from __future__ import annotations

from collections.abc import Callable

from helpers.decide.carbon import Gate
from helpers.decide.view import Job, Policy, View

__all__ = ["CapWhenDirty"]


class CapWhenDirty(Policy):
    """Cap the power of running jobs while a gate says dirty, lift the cap when it is clean.

    Parameters
    ----------
    policy : Policy
        What decides on jobs.
    gate : Gate or None
        While it says dirty, jobs run under the cap; None: they always do.
    share : float
        The cap, as a share of a job's mean power, in (0, 1).

    Notes
    -----
    A job that has waited as long as its user accepts is capped like the others: its longest wait is
    about time in which it does not run. The workload must say how a cap slows it down
    (`helpers.phases.Throttle`).
    """

    def __init__(self, policy: Policy, gate: Gate | None, share: float) -> None:
        if gate is not None and not isinstance(gate, Gate):
            raise TypeError(f"gate(={gate!r}) must be None or a Gate, such as Below(300.0).")
        if not 0 < share < 1:
            raise ValueError(f"share(={share}) must lie between 0 and 1, both excluded.")
        self.policy, self.gate, self.share = policy, gate, share
        self.clairvoyant = policy.clairvoyant
        inner = policy.name or type(policy).__name__
        when = "always" if gate is None else f"above {gate.name}"
        self.name = f"{inner}, capped to {100 * share:g} %, {when}"

    def begin(self, view: View) -> None:
        """Begin without a cap."""
        self.policy.begin(view)
        if self.gate is not None:
            self.gate.begin(view)

    def decide(self, view: View) -> None:
        """Decide on jobs, then on their power."""
        self.policy.decide(view)
        clean = self.gate is not None and self.gate.is_clean(view)
        for job in view.running.values():
            wanted_w = float("inf") if clean else job.power_w * self.share
            if job.state == "running" and job.power_w > 0 and job.cap_w != wanted_w:
                view.cap(job, wanted_w)
        if self.gate is not None and view.running:
            view.wake_at(view.next_step_s)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Let the policy inside change it."""
        self.policy.amend(job, change)

    def reconsider(self) -> None:
        """Ask the gate, and let the policy inside reconsider."""
        if self.gate is not None:
            self.gate.reconsider()
        self.policy.reconsider()

    def wanted_cores(self, view: View) -> int:
        """Return the cores that jobs wait for now, as the policy inside says."""
        wanted = getattr(self.policy, "wanted_cores", None)
        if wanted is not None:
            return wanted(view)
        waiting = (*view.queue.values(), *view.suspended.values())
        return sum(job.processors for job in waiting)
