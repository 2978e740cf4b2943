"""Backfilling: later jobs may overtake as long as reservations are kept.

**EASY** [1]_ reserves for the head of the line alone: at the *shadow time*, the earliest at which
enough cores are free by requested times. A later job may start now if it ends by the shadow time
or on cores that the head will not need. **Conservative** backfilling [2]_ reserves for every job.

Both come in two kinds. *Count-based* rules, the textbook's, only count cores. *Host-aware* rules
also say which cores: a reservation names the lowest-numbered cores free at its time, and a
later job must keep off them. On a machine where any core serves any job, counting loses
nothing and hosts cost some waiting; where jobs must keep their cores, only hosts are right.
The host-aware kinds decide as Batsim's [3]_ ``easy_bf`` and ``conservative_bf``.

A job that has run past its planned time is expected to end at any moment: for EASY now, for
conservative backfilling one minute after that time, then two, four, eight, and so on.

References
----------
.. [1] D. A. Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995.
.. [2] A. W. Mu'alem, D. G. Feitelson, "Utilization, predictability, workloads, and user runtime
   estimates in scheduling the IBM SP2 with backfilling", IEEE TPDS 12(6), 2001.
.. [3] P.-F. Dutot, M. Mercier, M. Poquet, O. Richard, "Batsim: a realistic language-independent
   resources and jobs management systems simulator", JSSPP 2016.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from helpers.decide.order import Line, Order, by_submission, launch
from helpers.decide.view import Job, Policy, View
from helpers.work.nodes import Cluster

__all__ = ["Conservative", "Easy", "Reservation", "reserve"]

LATE_S = 60.0
"""First time that a job past its planned time is expected to run on [s]; then twice that, ..."""


class Reservation(NamedTuple):
    """When a job can start by requested times, and what is left beside it.

    Attributes
    ----------
    time_s : float
        The shadow time [s]; inf when too few nodes are on or booting.
    extra : int
        Cores that are free then beyond those it needs.
    cores : ndarray of int or None
        The lowest-numbered cores free then, as many as it needs; None when only counted.
    """

    time_s: float
    extra: int
    cores: NDArray[np.int64] | None


class Present(Protocol):
    """What a reservation looks at: a `View`, or the present as it would be without some jobs."""

    now_s: float
    free_cores: int
    releases: list[tuple[float, int, int]]
    running: dict[int, Job]
    cluster: Cluster

    @property
    def booting(self) -> list[tuple[int, float]]:
        """Nodes that boot, each with the time when it is on [s]."""

    def free(self) -> NDArray[np.bool_]:
        """Return for each core whether it could take a job now, shape (cores,)."""


def reserve(view: Present, processors: int, *, hosts: bool = False) -> Reservation:
    """Return the earliest reservation for a job that does not fit now, by requested times.

    Parameters
    ----------
    view : Present
        The present. Cores of nodes that boot count from the time they are ready.
    processors : int
        Cores the job needs.
    hosts : bool
        Whether to name the cores.

    Returns
    -------
    Reservation
        All that frees cores by the shadow time is counted, at that very time too.
    """
    now_s, count, time_s = view.now_s, view.free_cores, view.now_s
    free = view.free() if hosts else None
    for end_s, number, cores in _releases(view):
        if count >= processors and end_s > time_s:
            break
        count += cores
        time_s = max(now_s, end_s)
        if free is not None:
            held = view.running[number].cores if number >= 0 else _cores_of_node(view, ~number)
            free[held] = True
    if count < processors:
        return Reservation(np.inf, 0, None)
    named = None if free is None else np.flatnonzero(free)[:processors]
    return Reservation(time_s, count - processors, named)


def _releases(view: Present) -> list[tuple[float, int, int]]:
    """Return what frees cores, in order of time; a node that boots has ``~node`` as number."""
    booting = view.booting
    if not booting:
        return view.releases
    per_node = view.cluster.cores_per_node
    return sorted([*view.releases, *((time_s, ~node, per_node) for node, time_s in booting)])


def _cores_of_node(view: Present, node: int) -> slice:
    per_node = view.cluster.cores_per_node
    return slice(node * per_node, (node + 1) * per_node)


class Easy(Policy):
    """EASY backfilling: only the head of the line has a reservation.

    Parameters
    ----------
    hosts : bool
        Host-aware instead of count-based.
    order : callable
        Order of the line (see `helpers.decide.order`), by default of submission: whose turn it
        is, and who gets the reservation.
    backfill_order : callable, optional
        Order in which those behind the head are tried; by default that of the line. Shortest
        first behind a head that came first is
        ``Easy(backfill_order=order.by_planned_time)``.
    depth : int, optional
        How many jobs behind the head are tried at most, as Slurm's ``bf_max_job_test``; by
        default all.
    name : str, optional
        Its name in results.
    """

    def __init__(
        self,
        *,
        hosts: bool = False,
        order: Order = by_submission,
        backfill_order: Order | None = None,
        depth: int | None = None,
        name: str = "",
    ) -> None:
        self.hosts, self.order, self.backfill_order = hosts, order, backfill_order
        self.depth = checked_depth(depth)
        self.name = name or ("EASY, host-aware" if hosts else "EASY")

    def begin(self, view: View) -> None:
        """Begin with nobody waiting."""
        self._line = Line(self.order)

    def decide(self, view: View) -> None:
        """Start the head for as long as it fits, then backfill behind its reservation."""
        line = self._line
        for job in view.arrived:
            line.add(job)
        while line.jobs and line.jobs[0].processors <= view.free_cores:
            launch(view, line.pop())
        if len(line) > 1 and view.free_cores:
            self.backfill(view, line)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits: see `Policy.amend`."""
        self._line.amend(job, change)

    def backfill(self, view: View, line: Line) -> None:
        """Start jobs behind the head of a line that do not delay its reservation."""
        kept = reserve(view, line.jobs[0].processors, hosts=self.hosts)
        extra, window_s = kept.extra, kept.time_s - view.now_s
        free = view.free() if self.hosts else None
        if free is not None and kept.cores is not None:
            free[kept.cores] = False
            extra = int(np.count_nonzero(free))
        processors, left_s = line.processors, line.left_s
        fits = (processors <= view.free_cores) & ((left_s <= window_s) | (processors <= extra))
        fits[0] = False
        if self.depth is not None:
            fits[1 + self.depth :] = False
        started = []
        for place in self._candidates(line, fits):
            job = line.jobs[place]
            short = job.left_s <= window_s
            if job.processors > view.free_cores or not (short or job.processors <= extra):
                continue
            cores = None if short or free is None else np.flatnonzero(free)[: job.processors]
            launch(view, job, cores)
            started.append(place)
            if free is not None:
                free[job.cores] = False
                extra = int(np.count_nonzero(free))
            elif not short:
                extra -= job.processors
            if not view.free_cores:
                break
        for place in sorted(started, reverse=True):
            line.pop(place)

    def _candidates(self, line: Line, fits: NDArray[np.bool_]) -> list[int]:
        """Return the places of the line to try, in the order of backfilling."""
        places = np.flatnonzero(fits).tolist()
        order = self.backfill_order
        if order is not None:
            places.sort(key=lambda place: (order(line.jobs[place]), line.jobs[place].number))
        return places


def checked_depth(depth: int | None) -> int | None:
    """Return a limit on how many jobs are tried, or None.

    Raises
    ------
    ValueError
        If it is no whole number >= 0.
    """
    if depth is not None and (isinstance(depth, bool) or depth != int(depth) or depth < 0):
        raise ValueError(f"depth(={depth!r}) must be a whole number >= 0, or None for all.")
    return depth


@dataclass(slots=True)
class _Booking:
    """A reservation of conservative backfilling."""

    job: Job
    start_s: float = np.nan
    stop_s: float = np.nan
    what: int = 0  # cores: how many, or a set as bits


class _Profile:
    """What is free from now on: cores counted, or sets of cores as bits of whole numbers.

    ``free[i]`` holds on ``[times_s[i], times_s[i + 1])``, the last for ever.
    """

    def __init__(self, now_s: float, free: int, *, hosts: bool) -> None:
        self.times_s, self.free, self.hosts = [now_s], [free], hosts

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
            if self.hosts:
                free[i] = free[i] | what if give else free[i] & ~what
            else:
                free[i] += what if give else -what
        for i in (high, low):
            if i and free[i] == free[i - 1]:
                del self.times_s[i], free[i]

    def earliest(self, processors: int, lasts_s: float) -> tuple[float, int]:
        """Return when so many cores are first free for so long, and what is free all the time."""
        times_s, free, n = self.times_s, self.free, len(self.free)
        i = 0
        while True:
            room, j, end_s = free[i], i, times_s[i] + lasts_s
            while (room.bit_count() if self.hosts else room) >= processors:
                j += 1
                if j == n or times_s[j] >= end_s:
                    return times_s[i], room
                room = room & free[j] if self.hosts else min(room, free[j])
            last = free[min(j, n - 1)]  # where room ran out
            alone = (last.bit_count() if self.hosts else last) < processors
            i = j + 1 if alone else i + 1


class Conservative(Policy):
    """Conservative backfilling: every job has a reservation, and none is ever put off.

    Parameters
    ----------
    hosts : bool
        Host-aware instead of count-based.
    order : callable
        Order in which jobs are re-inserted (see `helpers.decide.order`).

    Notes
    -----
    A job that arrives gets the earliest place that the reservations leave. When a job ends, those
    that wait are taken out and put back one by one, in order, while the others keep their
    places, so that each only moves forward. When a running job is late, its cores are missing
    from places already given: then all reservations are made anew, in order. All nodes must
    stay on.
    """

    def __init__(self, *, hosts: bool = False, order: Order = by_submission) -> None:
        self.hosts, self.order = hosts, order
        self.name = "conservative, host-aware" if hosts else "conservative"

    def begin(self, view: View) -> None:
        """Begin with everything free."""
        self._line = Line(self.order)
        self._waiting: dict[int, _Booking] = {}
        self._running: dict[int, _Booking] = {}
        self._profile = self._empty(view)

    def decide(self, view: View) -> None:
        """Keep the reservations up to date and start the jobs whose time has come."""
        now_s, line, profile = view.now_s, self._line, self._profile
        profile.advance(now_s)
        for job in view.ended:
            booking = self._running.pop(job.number)
            profile.change(now_s, booking.stop_s, booking.what, give=True)
        if self._extend_late(view):
            self._start_over(view)
        elif view.ended:
            for job in line.jobs:
                booking = self._waiting[job.number]
                profile.change(booking.start_s, booking.stop_s, booking.what, give=True)
                self._book(booking)
        for job in view.arrived:
            line.add(job)
            booking = self._waiting[job.number] = _Booking(job)
            self._book(booking)
        self._launch_due(view)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits; the reservations of all others stand."""
        booking = self._waiting[job.number]
        self._profile.change(booking.start_s, booking.stop_s, booking.what, give=True)
        self._line.amend(job, change)
        self._book(booking)

    def _empty(self, view: View) -> _Profile:
        cores = view.cluster.cores
        return _Profile(view.now_s, (1 << cores) - 1 if self.hosts else cores, hosts=self.hosts)

    def _book(self, booking: _Booking) -> None:
        job = booking.job
        booking.start_s, room = self._profile.earliest(job.processors, job.left_s)
        booking.stop_s = booking.start_s + job.left_s
        booking.what = _lowest(room, job.processors) if self.hosts else job.processors
        self._profile.change(booking.start_s, booking.stop_s, booking.what, give=False)

    def _extend_late(self, view: View) -> bool:
        """Expect late jobs to run on; tell whether there are any."""
        now_s, late = view.now_s, False
        for end_s, number, _ in view.releases:
            if end_s > now_s:
                break
            booking = self._running[number]
            if booking.stop_s <= now_s:
                # From its planned end on and not from now on: when it is looked at, and how
                # often, must not matter.
                step_s = LATE_S
                while end_s + step_s <= now_s:
                    step_s *= 2
                booking.stop_s, late = end_s + step_s, True
        return late

    def _start_over(self, view: View) -> None:
        """Make all reservations anew."""
        self._profile = self._empty(view)
        for booking in self._running.values():
            self._profile.change(view.now_s, booking.stop_s, booking.what, give=False)
        for job in self._line.jobs:
            self._book(self._waiting[job.number])

    def _launch_due(self, view: View) -> None:
        now_s, next_s = view.now_s, np.inf
        for job in list(self._line.jobs):
            booking = self._waiting[job.number]
            if booking.start_s > now_s:
                next_s = min(next_s, booking.start_s)
                continue
            launch(view, job, _members(booking.what) if self.hosts else None)
            self._line.discard(job)
            self._running[job.number] = self._waiting.pop(job.number)
        view.wake_at(next_s)
        late_s = min((b.stop_s for b in self._running.values()), default=np.inf)
        if self._line.jobs and late_s < np.inf:
            view.wake_at(max(late_s, np.nextafter(now_s, np.inf)))


def _members(cores: int) -> NDArray[np.int64]:
    """Return the numbers of the cores in a set."""
    size = (cores.bit_length() + 7) // 8
    octets = np.frombuffer(cores.to_bytes(size, "little"), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(octets, bitorder="little"))


def _lowest(cores: int, count: int) -> int:
    """Return the set of the lowest-numbered cores of a set."""
    if cores.bit_count() == count:
        return cores
    last = int(_members(cores)[count - 1])
    return cores & ((1 << (last + 1)) - 1)
