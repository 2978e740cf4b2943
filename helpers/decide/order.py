"""Who comes first: orders of waiting jobs, and a line of jobs kept in such an order.

An order is a function of a job that gives a number; the smallest comes first, and equal numbers
keep the order of submission. It must not change while a job waits. That includes ageing: a
priority that grows at the same rate for all jobs, ``priority + ageing x (now - submit)``,
compares as ``priority - ageing x submit`` at any time.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from helpers.decide.view import Job, View

__all__ = ["Line", "by_planned_time", "by_priority", "by_requested_time", "by_submission", "launch"]

Order = Callable[[Job], float]
"""Place of a job among those that wait: the smallest number comes first."""


def by_submission(job: Job) -> float:
    """First in, first out."""
    return job.submit_s


def by_requested_time(job: Job) -> float:
    """Shortest first, by the time asked for [s]."""
    return job.requested_s


def by_planned_time(job: Job) -> float:
    """Shortest first, by the time planned [s]; the time asked for where nothing else is."""
    return job.planned_s


def by_priority(ageing_per_h: float = 0.0) -> Order:
    """Return the order by priority, which grows while a job waits.

    Parameters
    ----------
    ageing_per_h : float
        How much the priority of a waiting job grows in an hour [1/h], >= 0. Above 0 no job
        waits for ever: it overtakes all that come late enough.

    Raises
    ------
    ValueError
        If it is negative or not finite.

    Notes
    -----
    Ageing is linear and does not saturate, unlike the age factor of Slurm's multifactor
    priority, which reaches its greatest value after ``PriorityMaxAge``.
    """
    if not (math.isfinite(ageing_per_h) and ageing_per_h >= 0):
        raise ValueError(f"ageing_per_h(={ageing_per_h}) must be finite and >= 0.")

    def order(job: Job) -> float:
        """Return the place of a job: the smaller, the sooner."""
        return ageing_per_h * job.submit_s / 3600.0 - job.priority

    return order


def launch(view: View, job: Job, cores: NDArray | None = None) -> None:
    """Start a job, or resume it if it was suspended."""
    if job.state == "suspended":
        view.resume(job, cores)
    else:
        view.start(job, cores)


class Line:
    """Waiting jobs in an order, with what a scan needs in arrays beside them.

    Parameters
    ----------
    order : callable
        From a job to its place (see `Order`).

    Attributes
    ----------
    jobs : list of Job
        In order.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._keys: list[tuple[float, int]] = []
        self.jobs: list[Job] = []
        self._numbers = np.empty(64, dtype=np.int64)
        self._processors = np.empty(64, dtype=np.int64)
        self._left_s = np.empty(64)

    def __len__(self) -> int:
        return len(self.jobs)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Number of each job, shape (n,)."""
        return self._numbers[: len(self.jobs)]

    @property
    def processors(self) -> NDArray[np.int64]:
        """Cores that each job needs, shape (n,)."""
        return self._processors[: len(self.jobs)]

    @property
    def left_s(self) -> NDArray[np.float64]:
        """Longest that each job may run by its requested time [s], shape (n,)."""
        return self._left_s[: len(self.jobs)]

    def add(self, job: Job) -> int:
        """Put a job into its place and return that place."""
        key = (self._order(job), job.number)
        n = len(self.jobs)
        if n == self._left_s.size:
            self._numbers = np.resize(self._numbers, 2 * n)
            self._processors = np.resize(self._processors, 2 * n)
            self._left_s = np.resize(self._left_s, 2 * n)
        place = n if not n or self._keys[-1] < key else bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self.jobs.insert(place, job)
        if place < n:
            for array in (self._numbers, self._processors, self._left_s):
                array[place + 1 : n + 1] = array[place:n]
        self._numbers[place] = job.number
        self._processors[place], self._left_s[place] = job.processors, job.left_s
        return place

    def pop(self, place: int = 0) -> Job:
        """Take out the job at a place and return it."""
        n = len(self.jobs)
        del self._keys[place]
        if place < n - 1:
            for array in (self._numbers, self._processors, self._left_s):
                array[place : n - 1] = array[place + 1 : n]
        return self.jobs.pop(place)

    def take(self, wanted: Callable[[Job], bool]) -> list[Job]:
        """Take out all jobs that are wanted, in one pass, and return them in order."""
        stays = np.array([not wanted(job) for job in self.jobs], dtype=bool)
        if stays.all():
            return []
        n, rest = len(self.jobs), int(stays.sum())
        for array in (self._numbers, self._processors, self._left_s):
            array[:rest] = array[:n][stays]
        taken = [job for job, stay in zip(self.jobs, stays, strict=True) if not stay]
        self._keys = [key for key, stay in zip(self._keys, stays, strict=True) if stay]
        self.jobs = [job for job, stay in zip(self.jobs, stays, strict=True) if stay]
        return taken

    def discard(self, job: Job) -> None:
        """Take a job out if it is there."""
        key = (self._order(job), job.number)
        place = bisect_left(self._keys, key)
        if place < len(self._keys) and self._keys[place] == key:
            self.pop(place)

    def amend(self, job: Job, change: Callable[[], None]) -> bool:
        """Change a job of the line and put it where it then belongs; tell whether it is here."""
        n = len(self.jobs)
        self.discard(job)
        if len(self.jobs) == n:
            return False
        change()
        self.add(job)
        return True
