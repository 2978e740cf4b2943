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

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from helpers.decide._bookings import Booking, Counts, Sets, members
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

    Notes
    -----
    **Growth.** A decision passes over the line once, in arrays: quadratic in the jobs that wait
    at once, with a small factor, and linear with `depth`. The compiled twin, which replays orders
    without hosts and depth, needs n log n in practice (`helpers.cluster.twin`).
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


class Conservative(Policy):
    """Conservative backfilling: every job has a reservation, and none is ever put off.

    Parameters
    ----------
    hosts : bool
        Host-aware instead of count-based.
    order : callable
        Order in which jobs are re-inserted (see `helpers.decide.order`).
    depth : int, optional
        How many jobs of the line have a reservation at most, as Slurm's ``bf_max_job_test``; by
        default all. Those behind wait for their turn to get one.

    Notes
    -----
    A job that arrives gets the earliest place that the reservations leave. When a job ends, those
    that wait are taken out and put back one by one, in order, while the others keep their
    places, so that each only moves forward. When a running job is late, its cores are missing
    from places already given: then all reservations are made anew, in order. All nodes must
    stay on.

    **Growth.** An end looks at every reservation that waits, and in a long line most of them
    move: that is what the rule asks for, and n jobs that are submitted at once cost n^2 / 2 looks,
    whatever is kept of the past. Where cores are counted, a look costs hardly more in a long line
    than in a short one, and a move what it changes, times the different numbers of cores that it
    crosses (`helpers.decide._places`): the square of the line with a small factor. Where cores are
    named, a look costs in proportion to the line. With `depth` an end costs the same however many
    wait.
    """

    def __init__(
        self, *, hosts: bool = False, order: Order = by_submission, depth: int | None = None
    ) -> None:
        self.hosts, self.order, self.depth = hosts, order, checked_depth(depth)
        self.name = "conservative, host-aware" if hosts else "conservative"

    def begin(self, view: View) -> None:
        """Begin with everything free."""
        self._line = Line(self.order)
        self._running: dict[int, Booking] = {}
        self._amended: list[int] = []
        self._books = (Sets if self.hosts else Counts)(view.now_s, view.cluster.cores)

    def decide(self, view: View) -> None:
        """Keep the reservations up to date and start the jobs whose time has come."""
        now_s, line, books = view.now_s, self._line, self._books
        books.advance(now_s)
        for number in self._amended:
            self._book(np.flatnonzero(line.numbers == number))
        self._amended.clear()
        for job in view.ended:
            booking = self._running.pop(job.number)
            books.give(now_s, booking.stop_s, booking.what)
        if self._extend_late(view):
            has = np.isfinite(books.starts_s(line.numbers))
            books.clear(now_s, view.cluster.cores)
            for booking in self._running.values():
                books.take(now_s, booking.stop_s, booking.what)
            self._book(np.flatnonzero(has))
        elif view.ended:
            self._book(np.flatnonzero(np.isfinite(books.starts_s(line.numbers))))
        for job in view.arrived:
            place = line.add(job)
            if self.depth is None:
                self._book(np.array([place]))
        while True:
            if self.depth is not None:
                first = line.numbers[: self.depth]
                self._book(np.flatnonzero(np.isinf(books.starts_s(first))))
            if not self._launch_due(view) or self.depth is None:
                break
        self._wake(view)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits; the reservations of all others stand."""
        number = np.array([job.number])
        had = np.isfinite(self._books.starts_s(number))[0]
        if had:
            booking = self._books.pop(job)
            self._books.give(booking.start_s, booking.stop_s, booking.what)
        self._line.amend(job, change)
        if had:
            # Booked when next decided: what was free since the last decision is over by then.
            self._amended.append(job.number)

    def reservations(self) -> dict[int, float]:
        """Return by the number of each job that has one when its reservation begins [s]."""
        numbers = self._line.numbers
        starts_s = self._books.starts_s(numbers)
        places = zip(numbers.tolist(), starts_s.tolist(), strict=True)
        return {number: start_s for number, start_s in places if start_s < np.inf}

    def _book(self, places: NDArray[np.int64]) -> None:
        """Book the jobs at some places of the line, in order."""
        line = self._line
        jobs = [line.jobs[place] for place in places.tolist()] if self.hosts else ()
        self._books.book(jobs, line.numbers[places], line.processors[places], line.left_s[places])

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

    def _launch_due(self, view: View) -> bool:
        """Start the jobs whose time has come; tell whether there are any."""
        line, books = self._line, self._books
        due = np.flatnonzero(books.starts_s(line.numbers) <= view.now_s).tolist()
        for place in due:
            job = line.jobs[place]
            booking = books.pop(job)
            launch(view, job, members(booking.what) if self.hosts else None)
            self._running[job.number] = booking
        for place in reversed(due):
            line.pop(place)
        return bool(due)

    def _wake(self, view: View) -> None:
        """Ask to be asked when the next reservation begins, or a running job is late."""
        starts_s = self._books.starts_s(self._line.numbers)
        view.wake_at(float(starts_s.min(initial=np.inf)))
        late_s = min((b.stop_s for b in self._running.values()), default=np.inf)
        if self._line.jobs and late_s < np.inf:
            view.wake_at(max(late_s, np.nextafter(view.now_s, np.inf)))
