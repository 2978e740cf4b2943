"""Best-effort jobs as filler: they run on what nobody else wants, and leave at once.

Clusters let users submit jobs that may be stopped at any moment; the reward is that they start
where no other job can. `Filler` backfills all other jobs by EASY's counting rule as if best-effort
jobs did not exist, stops those of them that stand in the way, the last started first, and starts
them again on whatever cores are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpers.decide.backfill import reserve
from helpers.decide.order import Line, by_submission, launch
from helpers.decide.view import Job, Policy, View
from helpers.work.nodes import Cluster

__all__ = ["Filler"]


@dataclass
class _Others:
    """The present as it would be without best-effort jobs: what `reserve` looks at."""

    now_s: float
    free_cores: int
    releases: list[tuple[float, int, int]]
    booting: list[tuple[int, float]]
    running: dict[int, Job]
    cluster: Cluster

    def free(self) -> NDArray[np.bool_]:
        """Refuse: cores are counted here, not named."""
        raise NotImplementedError("best-effort jobs are counted, not placed: hosts=False.")


class Filler(Policy):
    """EASY backfilling, with best-effort jobs on what is left.

    A best-effort job that must leave stops at once and keeps its work up to its last
    checkpoint, none if it has none; it then waits at its place in the line of best-effort jobs,
    which start first fit.

    Its cost grows as that of `Easy` by the engine: a decision passes over the line in arrays.
    """

    name = "EASY, best-effort as filler"

    def begin(self, view: View) -> None:
        """Begin with nobody waiting."""
        self._line, self._fillers = Line(by_submission), Line(by_submission)
        self._guests: dict[int, Job] = {}  # best-effort jobs that run, in order of start

    def decide(self, view: View) -> None:
        """Serve the others, then fill."""
        for job in view.ended:
            self._guests.pop(job.number, None)
        for job in view.arrived:
            (self._fillers if job.best_effort else self._line).add(job)
        line = self._line
        while line.jobs and line.jobs[0].processors <= self._without_guests(view):
            self._start(view, line.pop())
        if len(line) > 1:
            self._backfill(view)
        self._fill(view)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits: see `Policy.amend`."""
        (self._fillers if job.best_effort else self._line).amend(job, change)

    def wanted_cores(self, view: View) -> int:
        """Return the cores that jobs wait for; best-effort jobs where nobody else is served.

        Nodes are not kept on for best-effort jobs beside others, but where they are alone
        somebody must wake a node, or they would wait for ever.
        """
        others = int(self._line.processors.sum())
        if others or view.running or not self._fillers.jobs:
            return others
        return self._fillers.jobs[0].processors

    def _without_guests(self, view: View) -> int:
        return view.free_cores + sum(j.processors for j in self._leaving(view))

    def _leaving(self, view: View) -> list[Job]:
        """Return best-effort jobs that could leave now, the last started first."""
        return [job for job in reversed(self._guests.values()) if view.may_suspend(job)]

    def _start(self, view: View, job: Job) -> None:
        """Start a job; stop best-effort jobs until it fits."""
        for guest in self._leaving(view):
            if view.free_cores >= job.processors:
                break
            view.suspend(guest, save=False)
            del self._guests[guest.number]
            self._fillers.add(guest)
        launch(view, job)

    def _backfill(self, view: View) -> None:
        line = self._line
        releases = sorted(self._releases(view))
        others = _Others(
            view.now_s,
            self._without_guests(view),
            releases,
            view.booting,
            view.running,
            view.cluster,
        )
        kept = reserve(others, line.jobs[0].processors)
        extra, window_s = kept.extra, kept.time_s - view.now_s
        # Starting a job takes from what guests could leave, whether they leave or not.
        room, processors, left_s = others.free_cores, line.processors, line.left_s
        fits = (processors <= room) & ((left_s <= window_s) | (processors <= extra))
        fits[0] = False
        started = []
        for place in np.flatnonzero(fits).tolist():
            if not room:  # most of a long line fits until one of it has started
                break
            job = line.jobs[place]
            short = job.left_s <= window_s
            if job.processors <= room and (short or job.processors <= extra):
                self._start(view, job)
                started.append(place)
                room -= job.processors
                extra -= 0 if short else job.processors
        for place in reversed(started):
            line.pop(place)

    def _releases(self, view: View) -> Iterator[tuple[float, int, int]]:
        """Yield when cores come back to the others: guests leave as soon as they may."""
        for end_s, number, processors in view.releases:
            guest = self._guests.get(number)
            if guest is None:
                yield end_s, number, processors
            elif not view.may_suspend(guest):  # else its cores count as free already
                yield min(end_s, view.suspendable_s(guest)), number, processors

    def _fill(self, view: View) -> None:
        for job in self._fillers.jobs.copy():
            if not view.free_cores:
                break
            if job.processors <= view.free_cores:
                self._fillers.discard(job)
                launch(view, job)
                self._guests[job.number] = job
