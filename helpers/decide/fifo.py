"""In strict order: the first job that waits starts when it fits, and nobody overtakes it.

First in first out, shortest job first, and priorities with ageing differ in their order alone.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from helpers.decide.order import (
    Order,
    by_priority,
    by_requested_time,
    by_submission,
)
from helpers.decide.view import Job, Policy, View

__all__ = ["Fifo", "InOrder", "Priority", "ShortestJobFirst"]


class InOrder(Policy):
    """Start jobs one after the other in an order, each as soon as it fits.

    Parameters
    ----------
    order : callable
        Place of each job (see `helpers.decide.order`).
    name : str
        Its name in results.
    """

    def __init__(self, order: Order, name: str) -> None:
        self.order, self.name = order, name

    def begin(self, view: View) -> None:
        """Begin with nobody waiting."""
        self._line: list[tuple[float, int, Job]] = []  # a heap

    def decide(self, view: View) -> None:
        """Start jobs from the head of the line for as long as they fit."""
        line = self._line
        for job in view.arrived:
            heappush(line, (self.order(job), job.number, job))
        while line and line[0][2].processors <= view.free_cores:
            view.start(heappop(line)[2])

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits: see `Policy.amend`."""
        change()
        self._line = [(self.order(j), j.number, j) for *_, j in self._line]
        heapify(self._line)


class Fifo(InOrder):
    """First in, first out: as soon as possible, in order of submission. The baseline."""

    def __init__(self) -> None:
        super().__init__(by_submission, "FIFO")


class ShortestJobFirst(InOrder):
    """The shortest job first, by the time asked for; it is not preempted by shorter ones."""

    def __init__(self) -> None:
        super().__init__(by_requested_time, "shortest job first")


class Priority(InOrder):
    """The job of highest priority first; priorities grow while jobs wait.

    Parameters
    ----------
    ageing_per_h : float
        How much the priority of a waiting job grows in an hour [1/h], >= 0.
    """

    def __init__(self, ageing_per_h: float = 0.0) -> None:
        super().__init__(by_priority(ageing_per_h), f"priority, ageing {ageing_per_h:g}/h")
        self.ageing_per_h = ageing_per_h
