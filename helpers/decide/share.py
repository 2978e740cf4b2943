"""Sharing time: jobs take turns, and who waits preempts who has had a turn.

A *turn* is counted in work: start-up and the cost of switching do not use it up, or a job whose
start-up is longer than its turn would never get on. What is preempted saves its state as the
workload's `Suspension` says; with ``keep="checkpoints"`` the work since the last one is lost.
A job that kept nothing of its turn gets one twice as long the next time, so that a turn shorter
than the way to a checkpoint delays a job but does not keep it from its end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from helpers.decide.order import Line
from helpers.decide.view import Job, Policy, View

__all__ = ["MultiLevelFeedback", "RoundRobin"]

Transition = float | Callable[[Job], float]
"""Cost of switching to a job that is resumed [s]: a number, or a function of the job."""


class RoundRobin(Policy):
    """Preemptive round-robin: turns of equal length, in a ring.

    The job at the head of the ring starts when it fits. If it does not, jobs that have had
    their turn are suspended, the longest turn first, as soon as so many have had it that the head
    fits; they go to the end of the ring. While nobody waits, nobody is suspended.

    Parameters
    ----------
    quantum_s : float
        Length of a turn in work [s].
    transition_s : float or callable
        Time in which a resumed job holds its cores and draws power before it starts up [s]; a
        function is called with the job.
    """

    def __init__(self, quantum_s: float, transition_s: Transition = 0.0) -> None:
        self._turns_s: tuple[float, ...] = (_positive("quantum_s", quantum_s),)
        self.transition_s = transition_s
        self.name = f"round-robin, {quantum_s:g} s"

    def begin(self, view: View) -> None:
        """Begin with an empty ring."""
        self._entered = 0
        self._key: dict[int, tuple[int, int]] = {}  # level, place in the ring, of those that wait
        self._level: dict[int, int] = {}
        self._longer: dict[int, tuple[float, float]] = {}  # factor of the turn, work kept before it
        self._turn_from_s: dict[int, float] = {}  # when the turn of a running job began to count
        self._ends_s: dict[int, float] = {}  # ... and when it is over
        self._line = Line(self._place)
        self._next_boost_s = np.inf

    def _place(self, job: Job) -> float:
        level, entered = self._key[job.number]
        return level * 1e15 + entered

    def decide(self, view: View) -> None:
        """Take turns."""
        for job in view.ended:
            for known in (self._turn_from_s, self._ends_s, self._level, self._longer):
                known.pop(job.number, None)
        for job in view.arrived:
            self._enter(job)
        for job in view.suspended.values():
            if job.number not in self._key:
                self._enter(job)
        self._boost(view)
        self._demote(view)
        self._launch(view)
        while self._line.jobs and self._make_room(view):
            pass  # whoever is next in line may have the turn of another
        self._ask_again(view)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits; it keeps its place in the ring."""
        if job.number in self._key:
            self._line.amend(job, change)
        else:
            change()  # suspended since the last decision: not in the ring yet

    def _enter(self, job: Job) -> None:
        self._entered += 1
        factor, kept_s = self._longer.get(job.number, (1.0, -1.0))
        self._longer[job.number] = (1.0 if job.kept_s > kept_s else 2 * factor, job.kept_s)
        self._key[job.number] = (self._level.setdefault(job.number, 0), self._entered)
        self._line.add(job)

    def _launch(self, view: View) -> None:
        line = self._line
        while line.jobs and line.jobs[0].processors <= view.free_cores:
            job = line.pop()
            del self._key[job.number]
            if job.state == "queued":
                cost_s = 0.0
                view.start(job)
            else:
                cost = self.transition_s
                cost_s = float(cost(job) if callable(cost) else cost)
                view.resume(job, transition_s=cost_s)
            self._set_turn(job.number, view.now_s + cost_s + job.startup_s)

    def _set_turn(self, number: int, from_s: float) -> None:
        """Let the turn of a running job count from a time on, at its present level."""
        turn_s = self._turns_s[self._level[number]] * self._longer[number][0]
        self._turn_from_s[number], self._ends_s[number] = from_s, from_s + turn_s

    def _yielding(self, view: View, head: Job) -> list[int]:
        """Return the jobs that must make room for the head of the line, by number."""
        now_s = view.now_s
        return [number for number, end_s in self._ends_s.items() if end_s <= now_s]

    def _make_room(self, view: View) -> bool:
        """Suspend who has had a turn, if that lets the head of the line start; tell whether."""
        head = self._line.jobs[0]
        running = view.running.values()
        coming = view.free_cores + sum(j.processors for j in running if j.state == "saving")
        if coming >= head.processors:
            return False
        due = [view.running[n] for n in self._yielding(view, head) if n in view.running]
        yielding = [job for job in due if view.may_suspend(job)]
        yielding.sort(key=lambda j: (-self._level[j.number], self._turn_from_s[j.number], j.number))
        chosen = []
        for job in yielding:
            chosen.append(job)
            coming += job.processors
            if coming >= head.processors:
                break
        else:
            return False
        for job in chosen:
            view.suspend(job)
            del self._turn_from_s[job.number], self._ends_s[job.number]
            if job.state == "suspended":
                self._enter(job)
        self._launch(view)
        return True

    def _demote(self, view: View) -> None:
        """Where there are levels, lower those whose turn is over."""

    def _boost(self, view: View) -> None:
        """Where there are levels, raise all now and then."""

    def _ask_again(self, view: View) -> None:
        if not self._line.jobs and len(self._turns_s) == 1:
            return
        now_s, running = view.now_s, view.running
        turns = (t for number, t in self._ends_s.items() if t > now_s and number in running)
        coming = min(turns, default=np.inf)
        if self._line.jobs:
            coming = min(coming, self._next_boost_s)
        if coming < np.inf:
            view.wake_at(coming)


class MultiLevelFeedback(RoundRobin):
    """Multi-level feedback queue: who has worked little comes first.

    A job enters at the top. When it has had the turn of its level it sinks by one; at the
    bottom it takes turns like in `RoundRobin`. Jobs of a higher level preempt those of lower
    ones at once. Now and then all rise to the top again, so that nobody starves.

    Parameters
    ----------
    turns_s : sequence of float
        Length of a turn at each level [s], top first; usually growing.
    boost_s : float
        How often all rise to the top [s]; inf for never.
    transition_s : float or callable
        As in `RoundRobin`.

    Notes
    -----
    The rules are those of F. J. Corbató et al., "An experimental time-sharing system" (AFIPS
    1962), with the boost of later textbooks; processors are those of a cluster instead of one.
    """

    def __init__(
        self,
        turns_s: Sequence[float] = (3600.0, 4 * 3600.0, 16 * 3600.0),
        boost_s: float = 7 * 86400.0,
        transition_s: Transition = 0.0,
    ) -> None:
        if not len(turns_s):
            raise ValueError("turns_s(=()) must name the turn of at least one level.")
        self._turns_s = tuple(_positive(f"turns_s[{i}]", t) for i, t in enumerate(turns_s))
        if not boost_s > 0:
            raise ValueError(f"boost_s(={boost_s}) must be > 0; inf for never.")
        self.boost_s, self.transition_s = float(boost_s), transition_s
        self.name = f"multi-level feedback, {len(turns_s)} levels"

    def begin(self, view: View) -> None:
        """Begin with nobody waiting."""
        super().begin(view)
        self._next_boost_s = view.now_s + self.boost_s

    def _yielding(self, view: View, head: Job) -> list[int]:
        now_s, level, wanted = view.now_s, self._level, self._key[head.number][0]
        return [
            number
            for number, end_s in self._ends_s.items()
            if level[number] > wanted or (level[number] == wanted and end_s <= now_s)
        ]

    def _demote(self, view: View) -> None:
        bottom, now_s = len(self._turns_s) - 1, view.now_s
        for number in [n for n, end_s in self._ends_s.items() if end_s <= now_s]:
            if number not in view.running:
                continue
            while self._level[number] < bottom and self._ends_s[number] <= now_s:
                self._level[number] += 1
                self._set_turn(number, self._ends_s[number])

    def _boost(self, view: View) -> None:
        if view.now_s < self._next_boost_s:
            return
        late = view.now_s - self._next_boost_s
        self._next_boost_s += self.boost_s * (1 + late // self.boost_s)
        self._level = dict.fromkeys(self._level, 0)
        for number, from_s in self._turn_from_s.items():
            self._set_turn(number, from_s)
        waiting = list(self._line.jobs)
        for job in waiting:
            self._line.discard(job)
        for job in waiting:
            self._key[job.number] = (0, self._key[job.number][1])
            self._line.add(job)


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}(={value}) must be finite and > 0.")
    return float(value)
