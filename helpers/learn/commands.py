"""EASY under orders: jobs wait, run, or run capped, as somebody else wants it.

What a learner may do is said here once, for training and for use: which jobs may start, which shall
stop, and which shall run slower. It is carried out by carbon-aware EASY (`helpers.decide.carbon`)
with its gates taken out and orders put in, so that whatever is ordered

* no job is held for longer than its user accepts, and none that does not say for how long,
* a job that was promised a time starts by that time,
* a job is stopped only where the workload allows it and where no promise suffers.

Limits on waiting are so kept by construction; a learner cannot trade them for grams.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop
from typing import NamedTuple

import numpy as np

from helpers.decide.carbon import Below, CarbonEasy, latest_s
from helpers.decide.order import launch
from helpers.decide.view import Job, View

__all__ = ["CAPPED", "RUN", "WAIT", "Commanded", "Orders"]

WAIT, RUN, CAPPED = range(3)
"""What is wanted of a job until the next orders: of one that waits, to be held, to start, to start
under the cap; of one that runs, to be suspended, to run without a cap, under it."""


class Orders(NamedTuple):
    """What is wanted until the next orders.

    Attributes
    ----------
    of_job : mapping of int to int
        `WAIT`, `RUN` or `CAPPED` for some jobs, by number.
    waiting, running : int
        The same for all others that wait, those that come included, and that run.
    cores : float
        Cores that may be in use at most by jobs that start, urgent ones aside.
    """

    of_job: dict[int, int]
    waiting: int = RUN
    running: int = RUN
    cores: float = np.inf


class Commanded(CarbonEasy):
    """EASY that does as it is told; see the module.

    Parameters
    ----------
    pauses : bool
        Whether running jobs may be suspended.
    cap_share : float, optional
        The cap, as a share of a job's mean power, in (0, 1); without, no job is capped.
    backfill : bool
        False: first in, first out, of the jobs that are not held.
    name : str
        Its name in results.

    Attributes
    ----------
    orders : Orders
        What is wanted; see `command`.
    before_change : callable or None
        Called with the view, a job, and whether it is about to be suspended, or capped.

    Raises
    ------
    ValueError
        If `cap_share` is out of range.
    """

    def __init__(
        self,
        *,
        pauses: bool = False,
        cap_share: float | None = None,
        backfill: bool = True,
        name: str = "commanded EASY",
    ) -> None:
        # The gate is never asked: orders take its place.
        super().__init__(Below(0.0))
        if cap_share is not None and not 0 < cap_share < 1:
            raise ValueError(
                f"cap_share(={cap_share}) must lie between 0 and 1, both excluded, or be None."
            )
        self.pauses, self.cap_share, self.backfill = pauses, cap_share, backfill
        self.name = name
        self.before_change: Callable[[View, Job, bool], None] | None = None

    def begin(self, view: View) -> None:
        """Begin with nobody waiting, and every job wanted to run."""
        super().begin(view)
        self.orders = Orders({})
        self._carried_out: Orders | None = None
        self._ordered_s = self._since_s = np.inf

    def command(self, view: View, orders: Orders) -> None:
        """Give orders that stand until the next."""
        if orders.running != WAIT:
            self._since_s = np.inf
        elif self.orders.running != WAIT:
            # A job that starts while all others are to stop had a reason to: it runs on.
            self._since_s = view.now_s
        self.orders, self._ordered_s = orders, view.now_s

    def decide(self, view: View) -> None:
        """Do what was ordered; ask again when a job becomes urgent or the intensity steps."""
        for job in view.arrived:
            self._hold(job)
        self._take_up_suspended(view)
        if self.pauses:
            self._stop(view)
            self._take_up_suspended(view)
        self._release(view)
        self.start_jobs(view)
        if self.cap_share is not None:
            self._cap(view)
        self._seen.intersection_update(view.suspended)
        self._ask_again(view)

    def may_wait(self, job: Job, now_s: float) -> bool:
        """Tell whether a job that waits may be held on."""
        return self.may_be_held(job) and now_s < latest_s(job) < np.inf

    def may_stop(self, view: View, job: Job, since_s: float) -> bool:
        """Tell whether a running job may be suspended, wanted so since a time [s]."""
        left_s, saving_s = job.expected_end_s - view.now_s, view.saving_s
        return (
            self.pauses
            and job.run_start_s < since_s
            and left_s >= max(self.least_left_s, saving_s)
            and latest_s(job) - job.run_start_s > saving_s
            and view.may_suspend(job)
        )

    def start_jobs(self, view: View) -> None:
        """Start jobs of the line, with backfilling or without."""
        if self.backfill:
            super().start_jobs(view)
            return
        line = self.line
        while line.jobs and line.jobs[0].processors <= view.free_cores:
            launch(view, line.pop())

    def _stop(self, view: View) -> None:
        of_job, others = self.orders.of_job, self.orders.running
        for job in list(view.running.values()):
            told = job.number in of_job
            since_s = self._ordered_s if told else self._since_s
            if of_job.get(job.number, others) == WAIT and self.may_stop(view, job, since_s):
                self._tell(view, job, True)
                view.suspend(job)

    def _release(self, view: View) -> None:
        """Move jobs between those held and the line."""
        of_job, others, now_s = self.orders.of_job, self.orders.waiting, view.now_s
        for job in list(self.line.jobs):
            if of_job.get(job.number, others) == WAIT and self.may_wait(job, now_s):
                self.line.discard(job)
                self._hold(job)
        quota = self.orders.cores < np.inf
        if not (quota or self.pauses) and self.orders is self._carried_out:
            self._release_few(view)
            return
        self._carried_out = self.orders
        room = np.inf
        if quota:
            in_use = view.cluster.cores - view.free_cores
            room = self.orders.cores - in_use - int(self.line.processors.sum())
        for number, job in sorted(self._held.items()) if quota else list(self._held.items()):
            if now_s < latest_s(job) < np.inf:
                if of_job.get(number, others) == WAIT or job.processors > room:
                    continue
                room -= job.processors
            self.line.add(self._held.pop(number))
        if not self._held:
            self._urgent.clear()

    def _release_few(self, view: View) -> None:
        """Release what may go since the orders were carried out: who came, who became urgent."""
        of_job, others, now_s, held = (
            self.orders.of_job,
            self.orders.waiting,
            view.now_s,
            self._held,
        )
        for job in view.arrived:
            wanted = of_job.get(job.number, others) == WAIT and job.longest_wait_s < np.inf
            if not wanted and job.number in held:
                self.line.add(held.pop(job.number))
        while self._urgent and self._urgent[0][0] <= now_s:
            number = heappop(self._urgent)[1]
            if number in held:
                self.line.add(held.pop(number))
        if not held:
            self._urgent.clear()

    def _cap(self, view: View) -> None:
        orders = self.orders
        for job in view.running.values():
            if job.state != "running" or not job.power_w > 0:
                continue
            wanted = orders.of_job.get(job.number, WAIT)
            if wanted == WAIT:  # it was not to run, or nothing was said: as the others
                came = job.run_start_s >= self._ordered_s and orders.waiting == CAPPED
                wanted = CAPPED if came else orders.running
            cap_w = job.power_w * self.cap_share if wanted == CAPPED else np.inf  # type: ignore[operator]
            if job.cap_w != cap_w:
                self._tell(view, job, False)
                view.cap(job, cap_w)

    def _tell(self, view: View, job: Job, stops: bool) -> None:
        if self.before_change is not None:
            self.before_change(view, job, stops)

    def _ask_again(self, view: View) -> None:
        super()._ask_again(view)
        if view.running and (self.pauses or self.cap_share is not None):
            view.wake_at(view.next_step_s)
