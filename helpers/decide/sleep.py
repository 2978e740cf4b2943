"""Sleeping nodes: switch off what stands idle, switch on what is wanted.

`SleepIdle` goes around another policy, which decides on jobs as before.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from helpers.decide.view import Job, Policy, View

__all__ = ["SleepIdle"]


class SleepIdle(Policy):
    """Switch nodes off that have been idle for a while, and on again when jobs wait for them.

    Parameters
    ----------
    policy : Policy
        What decides on jobs. If it has a method ``wanted_cores(view)``, that says how many
        cores jobs wait for now; otherwise all jobs that wait count. A policy that holds jobs
        on purpose must have it, or nodes would wait for jobs that wait for clean power.
    idle_s : float, optional
        How long a node must have been idle [s]; by default the time that a switch off and on
        pays for (`NodePower.break_even_s`).
    spare : int
        Idle nodes that always stay on.

    Notes
    -----
    With the break-even time as threshold, the energy of idling and switching is at most twice
    that of who knows the future, for each idle time of each node [1]_.

    References
    ----------
    .. [1] A. R. Karlin, M. S. Manasse, L. A. McGeoch, S. Owicki, "Competitive randomized
       algorithms for nonuniform problems", Algorithmica 11, 1994 (the deterministic bound is the
       ski-rental rule it starts from).
    """

    def __init__(self, policy: Policy, idle_s: float | None = None, spare: int = 0) -> None:
        if idle_s is not None and not idle_s >= 0:
            raise ValueError(f"idle_s(={idle_s}) must be >= 0.")
        if isinstance(spare, bool) or not isinstance(spare, int) or spare < 0:
            raise ValueError(f"spare(={spare!r}) must be a whole number >= 0.")
        self.policy, self.idle_s, self.spare = policy, idle_s, spare
        self.clairvoyant = policy.clairvoyant
        self.name = f"{policy.name or type(policy).__name__}, nodes sleep"

    def begin(self, view: View) -> None:
        """Begin with all nodes idle since now."""
        self.policy.begin(view)
        power = view.cluster.power
        self._wait_s = power.break_even_s if self.idle_s is None else self.idle_s
        self._idle_since_s = np.full(view.cluster.nodes, view.now_s)
        self._was_idle = np.ones(view.cluster.nodes, dtype=bool)

    def decide(self, view: View) -> None:
        """Decide on jobs, then on nodes."""
        self.policy.decide(view)
        states = view.node_states()
        idle = states == "idle"
        self._idle_since_s[idle & ~self._was_idle] = view.now_s
        self._was_idle = idle
        missing = self._wanted(view) - view.free_cores
        missing -= len(view.booting) * view.cluster.cores_per_node
        if missing > 0:
            off = np.flatnonzero(states == "off")
            needed = math.ceil(missing / view.cluster.cores_per_node)
            if off.size:
                view.switch_on(off[:needed])
            return
        self._switch_off(view, idle, -missing // view.cluster.cores_per_node)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Let the policy inside change it."""
        self.policy.amend(job, change)

    def reconsider(self) -> None:
        """Let the policy inside reconsider."""
        self.policy.reconsider()

    def _wanted(self, view: View) -> int:
        wanted = getattr(self.policy, "wanted_cores", None)
        if wanted is not None:
            return wanted(view)
        waiting = (*view.queue.values(), *view.suspended.values())
        return sum(job.processors for job in waiting)

    def _switch_off(self, view: View, idle: np.ndarray, surplus: int) -> None:
        """Switch off what has been idle for long, `surplus` nodes at most: the rest is waited for."""
        if not self._wait_s < np.inf:
            return
        nodes = np.flatnonzero(idle)
        due_s = self._idle_since_s[nodes] + self._wait_s
        # The highest-numbered go first: jobs are placed on the lowest-numbered.
        ripe = nodes[due_s <= view.now_s][self._kept(nodes, due_s, view.now_s) :]
        ripe = ripe[max(0, ripe.size - surplus) :]
        if ripe.size:
            view.switch_off(ripe)
            self._was_idle[ripe] = False
        later_s = due_s[due_s > view.now_s]
        if later_s.size:
            view.wake_at(float(later_s.min()))

    def _kept(self, nodes: np.ndarray, due_s: np.ndarray, now_s: float) -> int:
        """Return how many of the nodes that are due stay on as spare."""
        return max(0, self.spare - int((due_s > now_s).sum()))
