"""The reservations of conservative backfilling: what is free when, and who has which place.

`Sets` names cores, as bits of whole numbers; `Counts` counts them, in loops that numba compiles.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.decide._places import (
    advanced,
    cleared,
    given,
    made,
    needed,
    parts_of,
    rebooked,
    roomier,
)
from helpers.decide.view import Job
from helpers.extras import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Booking:
    """A place: from when to when, and what for."""

    start_s: float = np.nan
    stop_s: float = np.nan
    what: int = 0  # cores: how many, or a set as bits


class Profile:
    """What is free from now on: sets of cores as bits of whole numbers.

    ``free[i]`` holds on ``[times_s[i], times_s[i + 1])``, the last for ever.
    """

    def __init__(self, now_s: float, free: int) -> None:
        self.times_s, self.free = [now_s], [free]

    def advance(self, now_s: float) -> None:
        """Forget the past."""
        past = bisect_left(self.times_s, now_s)
        if past == len(self.times_s) or self.times_s[past] > now_s:
            past -= 1
        if past > 0:
            del self.times_s[:past], self.free[:past]
        self.times_s[0] = now_s

    def _cut(self, time_s: float) -> int:
        """Return the place of the step that begins at a time, after making one."""
        place = bisect_left(self.times_s, time_s)
        if place == len(self.times_s) or self.times_s[place] != time_s:
            self.times_s.insert(place, time_s)
            self.free.insert(place, self.free[place - 1])
        return place

    def change(self, start_s: float, stop_s: float, what: int, *, give: bool) -> None:
        """Give back or take cores on [start_s, stop_s)."""
        start_s = max(start_s, self.times_s[0])
        if stop_s <= start_s:
            return
        low, high, free = self._cut(start_s), self._cut(stop_s), self.free
        for i in range(low, high):
            free[i] = free[i] | what if give else free[i] & ~what
        for i in (high, low):
            if i and free[i] == free[i - 1]:
                del self.times_s[i], free[i]

    def earliest(self, processors: int, lasts_s: float) -> tuple[float, int]:
        """Return when so many cores are first free for so long, and what is free all the time."""
        times_s, free, n = self.times_s, self.free, len(self.free)
        i = 0
        while True:
            room, j, end_s = free[i], i, times_s[i] + lasts_s
            while room.bit_count() >= processors:
                j += 1
                if j == n or times_s[j] >= end_s:
                    return times_s[i], room
                room = room & free[j]
            alone = free[min(j, n - 1)].bit_count() < processors  # where room ran out
            i = j + 1 if alone else i + 1


class Sets:
    """Places on cores that are named."""

    def __init__(self, now_s: float, cores: int) -> None:
        self._profile = Profile(now_s, (1 << cores) - 1)
        self._at: dict[int, Booking] = {}

    def advance(self, now_s: float) -> None:
        """Forget the past."""
        self._profile.advance(now_s)

    def give(self, start_s: float, stop_s: float, what: int) -> None:
        """Give back what a job had."""
        self._profile.change(start_s, stop_s, what, give=True)

    def take(self, start_s: float, stop_s: float, what: int) -> None:
        """Take what a job has."""
        self._profile.change(start_s, stop_s, what, give=False)

    def book(self, jobs: Sequence[Job], numbers: Ints, processors: Ints, left_s: Floats) -> None:
        """Give each job in turn the earliest place, after taking back the one that it has."""
        for job in jobs:
            booking = self._at.setdefault(job.number, Booking())
            if booking.what:
                self.give(booking.start_s, booking.stop_s, booking.what)
            booking.start_s, room = self._profile.earliest(job.processors, job.left_s)
            booking.stop_s = booking.start_s + job.left_s
            booking.what = lowest(room, job.processors)
            self.take(booking.start_s, booking.stop_s, booking.what)

    def starts_s(self, numbers: Ints) -> Floats:
        """Return when the places of jobs begin [s], infinite without one."""
        none = Booking(np.inf)
        return np.array([self._at.get(number, none).start_s for number in numbers.tolist()])

    def pop(self, job: Job) -> Booking:
        """Return the place of a job that starts, which no longer moves."""
        return self._at.pop(job.number)

    def clear(self, now_s: float, cores: int) -> None:
        """Forget all places."""
        self.__init__(now_s, cores)  # type: ignore[misc]


class Counts:
    """Places of which only the number of cores counts: see `helpers.decide._places`."""

    def __init__(self, now_s: float, cores: int) -> None:
        self._start_s, self._stop_s = np.full(64, np.inf), np.full(64, np.inf)
        self._steps = np.zeros((64, 2), dtype=np.int64)
        self._processors, self._left_s = np.zeros(64, dtype=np.int64), np.zeros(64)
        self._plan = made(now_s, cores)

    def clear(self, now_s: float, cores: int) -> None:
        """Forget all places."""
        _compiled(cleared)(self._plan, now_s, cores)
        self._start_s[:] = np.inf

    def advance(self, now_s: float) -> None:
        """Forget the past."""
        self._change(advanced, now_s)

    def give(self, start_s: float, stop_s: float, what: int) -> None:
        """Give back what a job had."""
        self._change(given, start_s, stop_s, what)

    def take(self, start_s: float, stop_s: float, what: int) -> None:
        """Take what a job has."""
        self._change(given, start_s, stop_s, -what)

    def _change(self, change: Callable[..., Any], *arguments: Any) -> None:
        self._plan = roomier(self._plan, 2)
        _compiled(change)(self._plan, *arguments)

    def book(self, jobs: Sequence[Job], numbers: Ints, processors: Ints, left_s: Floats) -> None:
        """Give each job in turn the earliest place, after taking back the one that it has."""
        most = int(numbers.max(initial=-1)) + 1
        if most > self._start_s.size:
            self._start_s = _longer(self._start_s, 2 * most, np.inf)
            self._stop_s = _longer(self._stop_s, 2 * most, np.inf)
            self._steps = _longer(self._steps, 2 * most, 0)
            self._processors = _longer(self._processors, 2 * most, 0)
            self._left_s = _longer(self._left_s, 2 * most, 0)
        self._processors[numbers], self._left_s[numbers] = processors, left_s
        self._plan = roomier(self._plan, numbers.size)
        for need in np.unique(processors).tolist():
            self._plan = needed(self._plan, need)
        asked, places = (self._processors, self._left_s), (self._start_s, self._stop_s, self._steps)
        _compiled(rebooked)(self._plan, numbers, *asked, *places)

    def starts_s(self, numbers: Ints) -> Floats:
        """Return when the places of jobs begin [s], infinite without one."""
        known = numbers < self._start_s.size
        return np.where(known, self._start_s[np.where(known, numbers, 0)], np.inf)

    def pop(self, job: Job) -> Booking:
        """Return the place of a job that starts, which no longer moves."""
        place = float(self._start_s[job.number]), float(self._stop_s[job.number])
        self._start_s[job.number] = np.inf
        return Booking(*place, job.processors)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return compiled(function, *parts_of(function))


def _longer(values: NDArray[Any], size: int, rest: float) -> NDArray[Any]:
    """Return an array with more room."""
    more = np.full((size, *values.shape[1:]), rest, dtype=values.dtype)
    more[: len(values)] = values
    return more


def members(cores: int) -> NDArray[np.int64]:
    """Return the numbers of the cores in a set."""
    size = (cores.bit_length() + 7) // 8
    octets = np.frombuffer(cores.to_bytes(size, "little"), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(octets, bitorder="little"))


def lowest(cores: int, count: int) -> int:
    """Return the set of the lowest-numbered cores of a set."""
    if cores.bit_count() == count:
        return cores
    last = int(members(cores)[count - 1])
    return cores & ((1 << (last + 1)) - 1)
