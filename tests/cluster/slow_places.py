"""A slow judge of places: all steps in one array, each looked at in turn for each job.

It is what conservative backfilling did before it kept bounds on how long so many cores are free,
and must give the same places, to the bit.
"""

import numpy as np

from helpers.decide._bookings import Booking
from helpers.extras import compiled


class SlowCounts:
    """Places by going through all steps from the first on."""

    @property
    def loop(self):
        """What books."""
        return booked

    def __init__(self, now_s, cores):
        self._start_s, self._stop_s = np.full(64, np.inf), np.full(64, np.inf)
        self.clear(now_s, cores)

    def clear(self, now_s, cores):
        """Forget all places."""
        self._times_s, self._free = np.full(64, now_s), np.full(64, cores, dtype=np.int64)
        self._size = 1
        self._changes = []
        self._start_s[:] = np.inf

    def advance(self, now_s):
        """Forget the past."""
        times_s, size = self._times_s, self._size
        past = int(np.searchsorted(times_s[:size], now_s, side="right")) - 1
        if past > 0:
            times_s[: size - past] = times_s[past:size].copy()
            self._free[: size - past] = self._free[past:size].copy()
            self._size = size - past
        times_s[0] = now_s

    def give(self, start_s, stop_s, what):
        """Give back what a job had."""
        self._changes.append((start_s, stop_s, what))

    def take(self, start_s, stop_s, what):
        """Take what a job has."""
        self._changes.append((start_s, stop_s, -what))

    def book(self, jobs, numbers, processors, left_s):
        """Give each job in turn the earliest place, after taking back the one that it has."""
        most = int(numbers.max(initial=-1)) + 1
        if most > self._start_s.size:
            self._start_s = _longer(self._start_s, 2 * most, np.inf)
            self._stop_s = _longer(self._stop_s, 2 * most, np.inf)
        room = self._size + 2 * (len(self._changes) + len(numbers)) + 4
        if room > self._free.size:
            self._times_s = _longer(self._times_s, 2 * room, np.inf)
            self._free = _longer(self._free, 2 * room, 0)
        changes = np.array(self._changes, dtype=np.float64).reshape(-1, 3)
        self._changes.clear()
        start_s, stop_s = self._start_s[numbers], self._stop_s[numbers]
        self._size = self.loop(
            self._times_s, self._free, self._size, changes, processors, left_s, start_s, stop_s
        )
        self._start_s[numbers], self._stop_s[numbers] = start_s, stop_s

    def starts_s(self, numbers):
        """Return when the places of jobs begin [s], infinite without one."""
        known = numbers < self._start_s.size
        return np.where(known, self._start_s[np.where(known, numbers, 0)], np.inf)

    def pop(self, job):
        """Return the place of a job that starts, which no longer moves."""
        place = float(self._start_s[job.number]), float(self._stop_s[job.number])
        self._start_s[job.number] = np.inf
        return Booking(*place, job.processors)


def _longer(values, size, rest):
    """Return an array with more room."""
    more = np.full(size, rest, dtype=values.dtype)
    more[: values.size] = values
    return more


def booked(times_s, free, size, changes, processors, left_s, start_s, stop_s):
    """Change what is free, then book jobs anew, one after the other; return the number of steps.

    ``free[i]`` cores are free on ``[times_s[i], times_s[i + 1])``, the last of `size` for ever.
    `changes` are start, stop and the cores that are given back, or taken where negative. Places
    are changed in `start_s` (infinite where a job has none) and `stop_s`.

    A job that has a place could have it again, so an earlier one is looked for in what is free
    beside it: a stretch that is long enough, or that reaches the place itself.
    """
    begin, end, what = np.empty(2), np.empty(2), np.empty(2, dtype=np.int64)
    for k in range(changes.shape[0] + processors.size):
        job = k - changes.shape[0]
        if job < 0:
            number = 1
            begin[0], end[0], what[0] = changes[k, 0], changes[k, 1], np.int64(changes[k, 2])
        else:
            need, lasts_s, now_has_s = processors[job], left_s[job], start_s[job]
            found_s = now_has_s
            i = 0
            while i < size and times_s[i] < now_has_s:
                if free[i] < need:
                    i += 1
                    continue
                first_s = times_s[i]
                end_s = first_s + lasts_s
                j = i + 1
                while (
                    j < size and times_s[j] < end_s and times_s[j] < now_has_s and free[j] >= need
                ):
                    j += 1
                if j == size or times_s[j] >= end_s or times_s[j] >= now_has_s:
                    found_s = first_s
                    break
                i = j + 1
            if found_s == now_has_s:
                continue
            number = 0
            if now_has_s < np.inf:
                begin[0], end[0], what[0] = now_has_s, stop_s[job], need
                number = 1
            start_s[job], stop_s[job] = found_s, found_s + lasts_s
            begin[number], end[number], what[number] = found_s, found_s + lasts_s, -need
            number += 1
        for one in range(number):
            low_s = max(begin[one], times_s[0])
            if end[one] <= low_s:
                continue
            low = np.searchsorted(times_s[:size], low_s)
            if low == size or times_s[low] != low_s:
                for i in range(size, low, -1):
                    times_s[i], free[i] = times_s[i - 1], free[i - 1]
                times_s[low], free[low] = low_s, free[low - 1]
                size += 1
            high = low + np.searchsorted(times_s[low:size], end[one])
            if high == size or times_s[high] != end[one]:
                for i in range(size, high, -1):
                    times_s[i], free[i] = times_s[i - 1], free[i - 1]
                times_s[high], free[high] = end[one], free[high - 1]
                size += 1
            for i in range(low, high):
                free[i] += what[one]
            for edge in (high, low):
                if edge > 0 and free[edge] == free[edge - 1]:
                    for i in range(edge, size - 1):
                        times_s[i], free[i] = times_s[i + 1], free[i + 1]
                    size -= 1
    return size


class QuickJudge(SlowCounts):
    """The slow judge with its loop compiled."""

    loop = staticmethod(compiled(booked))
