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
    gate : Gate
        While it says dirty, jobs run under the cap.
    share : float
        The cap, as a share of a job's mean power, in (0, 1).
    clean_share : float
        The cap while it is clean; 1 for none. With a share below 1 in both jobs always run slower.

    Notes
    -----
    A job that has waited as long as its user accepts is capped like the others: its longest wait is
    about time in which it does not run. The workload must say how a cap slows it down
    (`helpers.phases.Throttle`).
    """

    def __init__(self, policy: Policy, gate: Gate, share: float, clean_share: float = 1.0) -> None:
        if not isinstance(gate, Gate):
            raise TypeError(f"gate(={gate!r}) must be a Gate, such as Below(300.0).")
        if not 0 < share < 1:
            raise ValueError(f"share(={share}) must lie between 0 and 1, both excluded.")
        if not share <= clean_share <= 1:
            raise ValueError(f"clean_share(={clean_share}) must lie in share(={share}) to 1.")
        self.policy, self.gate, self.share, self.clean_share = policy, gate, share, clean_share
        self.clairvoyant = policy.clairvoyant
        inner = policy.name or type(policy).__name__
        self.name = f"{inner}, capped to {100 * share:g} % above {gate.name}"

    def begin(self, view: View) -> None:
        """Begin without a cap."""
        self.policy.begin(view)
        self.gate.begin(view)

    def decide(self, view: View) -> None:
        """Decide on jobs, then on their power."""
        self.policy.decide(view)
        share = self.clean_share if self.gate.is_clean(view) else self.share
        for job in view.running.values():
            wanted_w = job.power_w * share if share < 1 else float("inf")
            if job.state == "running" and job.power_w > 0 and job.cap_w != wanted_w:
                view.cap(job, wanted_w)
        if view.running:
            view.wake_at(view.next_step_s)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Let the policy inside change it."""
        self.policy.amend(job, change)

    def reconsider(self) -> None:
        """Ask the gate, and let the policy inside reconsider."""
        self.gate.reconsider()
        self.policy.reconsider()

    def wanted_cores(self, view: View) -> int:
        """Return the cores that jobs wait for now, as the policy inside says."""
        wanted = getattr(self.policy, "wanted_cores", None)
        if wanted is not None:
            return wanted(view)
        waiting = (*view.queue.values(), *view.suspended.values())
        return sum(job.processors for job in waiting)
