"""Suspend and resume for any durations: event points, a relaxation, and what both prove.

All times are whole microseconds after the instant from which the job is planned. The module
`helpers.schedule.suspend` tells the theory; here is how it is carried out.

1. `Relaxation`: the problem with all durations cut to multiples of h and all powers and
   intensities lowered to their least in a cell of h. Every schedule of the problem is one of
   the relaxed problem, and emits no less than there. The relaxed problem has a grid, so its
   dynamic program is exact: its least value is a *lower bound*, its least value through a
   state says which states *cannot be optimal* once some schedule is known, and its value
   with cheaper pauses says how many pauses can pay at most.
2. `candidates`: the event points, closed under chains of that many pauses, kept only where
   states are alive.
3. `_fill`: the dynamic program on those points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH
from helpers.schedule._compile import compiled
from helpers.schedule._grid import TICKS_PER_S, Raw, Whole

__all__: list[str] = []

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_STATES = 60_000_000
"""Most states of the dynamic program on event points: a second or so."""
MAX_POINTS = 2_000_000
"""Most event points that one step of a chain may make."""
MAX_RELAXED = 20_000_000
"""Most states of a relaxation."""
EQUAL = 1e-9
"""Share of the emissions up to which values are equal but for rounding."""
LEVELS = ((1, 3e5), (3, 1e6), (12, 4e6), (60, 2e7), (240, 6e7))
"""Cells of the relaxation per step of the intensity, and how many states may be filled then.

A finer relaxation costs more and leaves fewer states: it is refined as long as what is left
to fill would take longer than the next finer one.
"""


class TooLarge(Exception):
    """More points or states than can be looked at."""


class Part(NamedTuple):
    """Phases: borders, the first being 0, and powers between them [W]."""

    border: Ints
    power_w: Floats

    @property
    def length(self) -> int:
        """Duration of all phases."""
        return int(self.border[-1])


@dataclass(frozen=True, eq=False)
class Problem:
    """A problem in whole microseconds after the instant it is planned from."""

    startup: Part
    work: Part  # what is left of it
    end: Part
    save: Part
    suspended_w: float
    horizon: int
    edges: Ints  # steps of the intensity from 0 to the horizon, neighbours differ ...
    value: Floats  # ... its value, as emissions of 1 W in a microsecond [g CO2e] ...
    cost_g: Floats  # ... and emissions of 1 W up to each edge
    stops: Ints | None  # where the job may stop; None: anywhere
    least: int  # least work of a run that is stopped; of the first run:
    least_first: int
    under_way: bool
    may_stop: bool
    waited: bool
    most: int | None
    tie_g: float

    @classmethod
    def of(cls, raw: Raw) -> Problem:
        """Read a problem."""
        startup, end = _part(raw.startup_s, raw.startup_w), _part(raw.end_s, raw.end_w)
        work = _part(raw.work_s, raw.work_w, raw.done_s)
        save = _part(raw.save_s, raw.save_w)
        horizon = _tick(raw.deadline_s - raw.now_s)
        first = np.searchsorted(raw.edges_s, raw.now_s, side="right") - 1
        last = np.searchsorted(raw.edges_s, raw.deadline_s, side="left")
        edges = _ticks(raw.edges_s[first : last + 1] - raw.now_s)
        edges[0], edges[-1] = 0, horizon
        value = raw.value_g_per_kwh[first:last] / (JOULES_PER_KWH * TICKS_PER_S)
        tie_g = raw.tie_j * float(np.abs(value).max()) * TICKS_PER_S
        step = np.concatenate([[True], value[1:] != value[:-1], [True]])
        edges, value = edges[step], value[step[:-1]]
        stops = None
        if raw.only_marks:
            marks = _ticks(raw.marks_s - raw.done_s)
            stops = marks[(marks > 0) & ((marks < work.length) | (end.length > 0))]
        least = _tick(raw.least_run_s) - save.length
        lasted = _tick(max(raw.lasted_s, 0.0))
        under_way = raw.lasted_s >= 0
        return cls(
            startup=startup,
            work=work,
            end=end,
            save=save,
            suspended_w=raw.suspended_w,
            horizon=horizon,
            edges=edges,
            value=value,
            cost_g=np.concatenate([[0.0], np.cumsum(value * np.diff(edges))]),
            stops=stops,
            least=max(0, least - startup.length),
            least_first=max(0, least - (lasted if under_way else startup.length)),
            under_way=under_way,
            may_stop=raw.may_stop,
            waited=raw.waited,
            most=None if raw.most < 0 else raw.most,
            tie_g=tie_g,
        )

    @property
    def pause(self) -> int:
        """Least time from a stop to the work after it."""
        return self.startup.length + self.save.length

    @property
    def first(self) -> int:
        """Earliest diagonal."""
        return 0 if self.under_way else self.startup.length

    @property
    def last(self) -> int:
        """Latest diagonal."""
        return max(self.first, self.horizon - self.end.length - self.work.length)

    @property
    def regular(self) -> bool:
        """Whether a run without work can never pay: else no schedule need be the best one."""
        overhead_w = np.concatenate([self.startup.power_w, self.save.power_w])
        return bool(self.value.min() >= 0 and (overhead_w >= self.suspended_w).all())

    @property
    def least_run(self) -> bool:
        """Whether a run may have to last longer than its start-up and saving take."""
        return self.least > 0 or self.least_first > 0

    @property
    def open(self) -> bool:
        """Whether the run under way may stop after any work but none: there is no least one."""
        stays = self.stops is not None or self.least_first > 0
        return self.under_way and not self.may_stop and not stays

    @property
    def may_pause(self) -> bool:
        """Whether any pause is allowed."""
        at_once = self.under_way and self.may_stop
        some = self.stops is None or self.stops.size > 0 or at_once
        return some and self.most != 0

    def emitted_g(self, times: NDArray) -> Floats:
        """Emissions of 1 W from the beginning up to some times [g CO2e]."""
        return np.interp(times, self.edges, self.cost_g)


def _ticks(seconds: NDArray) -> Ints:
    return np.rint(np.asarray(seconds, dtype=np.float64) * TICKS_PER_S).astype(np.int64)


def _tick(seconds: float) -> int:
    """Return the nearest microsecond, the even one of two: as `_ticks` does."""
    return round(float(seconds) * TICKS_PER_S)


def _part(edges_s: Floats, power_w: Floats, done_s: float = 0.0) -> Part:
    """Phases after `done_s`, without those of no length."""
    border = np.maximum(_ticks(edges_s - done_s), 0)
    some = np.diff(border) > 0
    return Part(np.concatenate([[0], border[1:][some]]).astype(np.int64), power_w[some])


# --- the relaxation -----------------------------------------------------------------------


class Price(NamedTuple):
    """What running costs besides its emissions: up to some times, rising linearly between them."""

    time: Ints
    paid_g: Floats

    def rate_g(self, begin: Ints, end: Ints) -> Floats:
        """Return the least price per microsecond in each of some intervals."""
        rate = np.diff(self.paid_g) / np.diff(self.time)
        low = np.clip(np.searchsorted(self.time, begin, "right") - 1, 0, rate.size - 1)
        high = np.clip(np.searchsorted(self.time, end, "left"), low + 1, rate.size)
        least = rate[low]
        for i in np.flatnonzero(high - low > 1):
            least[i] = rate[low[i] : high[i]].min()
        return np.maximum(least, 0.0)


class Cells(NamedTuple):
    """The relaxed problem; all lengths in cells."""

    value: Floats  # emissions of 1 W in each cell of time
    rate_g: Floats  # price of running in each cell
    work_w: Floats  # least power in each cell of work and end
    startup_w: Floats  # ... of the start-up, counted back from the work; and of saving
    save_w: Floats
    suspended_w: float
    pause_g: float  # what the cut parts of start-up and saving emit at least, each time
    allowed: NDArray[np.bool_]  # rows at which the job may stop
    under_way: bool
    waited: bool
    cheaper: float  # factor of everything a pause emits


class Relaxation:
    """A problem relaxed to cells of a length h.

    A cell of work k and diagonal d stands for all states with work in [k h, (k + 1) h] on
    diagonals in [origin + d h, origin + (d + 1) h]. A schedule with such a state keeps, in the
    relaxed problem, the two further rules that say so; they have the form of the others, so
    that the least value under them too is taken in a corner: one of four states of the grid.
    """

    def __init__(self, problem: Problem, h: int, price: Price | None = None) -> None:
        p = self.problem = problem
        self.h = h
        inner = p.edges[1:-1]
        rest = int(inner[0] % h) if inner.size else 0
        self.origin = rest - h if rest else 0  # so that equal steps end where cells do
        # Below zero the relaxed intensity is 0: what that leaves out is taken off in the end.
        negative_g = float((np.minimum(p.value, 0.0) * np.diff(p.edges)).sum())
        known = np.maximum(p.value, 0.0)
        overhead_w = np.concatenate([p.startup.power_w, p.save.power_w])
        suspended_w = min([p.suspended_w, *overhead_w.tolist()])
        count = -(-(p.horizon - self.origin) // h)
        begin = np.maximum(self.origin + h * np.arange(count), 0)
        end = np.minimum(self.origin + h * np.arange(1, count + 1), p.horizon)
        low = np.searchsorted(p.edges, begin, "right") - 1
        high = np.searchsorted(p.edges, end, "left")
        value = known[low]
        for i in np.flatnonzero(high - low > 1):
            value[i] = known[low[i] : high[i]].min()
        whole = Part(
            np.concatenate([p.work.border, p.work.length + p.end.border[1:]]),
            np.concatenate([p.work.power_w, p.end.power_w]),
        )
        back = Part(p.startup.length - p.startup.border[::-1], p.startup.power_w[::-1])
        startup_w, work_w, save_w = (_least_w(part, h) for part in (back, whole, p.save))
        startup_w = startup_w[::-1]
        cheapest_g = float(known.min())
        cut_g = {
            name: max(0.0, _energy(parts) - h * float(sum(w.sum() for w in powers_w))) * cheapest_g
            for name, parts, powers_w in (
                (
                    "once",
                    (whole, *(() if p.under_way else (p.startup,))),
                    (work_w, *(() if p.under_way else (startup_w,))),
                ),
                ("pause", (p.startup, p.save), (startup_w, save_w)),
            )
        }
        # the parts that are cut are suspended time instead, which was charged at least so much
        cut_s = p.pause - h * (startup_w.size + save_w.size)
        pause_g = max(0.0, cut_g["pause"] - suspended_w * cut_s * cheapest_g)
        peak_w = max([p.suspended_w, *whole.power_w.tolist(), *overhead_w.tolist()])
        self.once_g = cut_g["once"] + peak_w * negative_g
        if p.waited:  # the first cell may begin before the plan does
            self.once_g -= suspended_w * value[0] * h
        rows = np.arange(work_w.size + 1)
        if p.stops is None:
            furthest = p.work.length if p.end.length else p.work.length - 1
            allowed = rows <= -(-furthest // h)
        else:
            around = np.concatenate([p.stops // h, -(-p.stops // h)])
            allowed = np.isin(rows, np.minimum(around, rows[-1]))
        allowed[0] = p.stops is None or p.may_stop or bool((p.stops < h).any())
        self.cells = Cells(
            value=value * h,
            rate_g=h * (np.zeros(count) if price is None else price.rate_g(begin, end)),
            work_w=work_w,
            startup_w=startup_w,
            save_w=save_w,
            suspended_w=suspended_w,
            pause_g=pause_g,
            allowed=allowed,
            under_way=p.under_way,
            waited=p.waited,
            cheaper=1.0,
        )

    def lower_g(self, cheaper: float = 1.0) -> float:
        """Return what any schedule emits at least [g CO2e], with pauses made cheaper."""
        cells = self.cells._replace(cheaper=cheaper)
        least_g, _ = compiled(_relaxed)(cells, -np.inf)
        return float(least_g) + self.once_g

    def alive(self, upper_g: float) -> tuple[float, NDArray[np.bool_]]:
        """Return the lower bound, and by cell whether a schedule through it may emit `upper_g`."""
        limit_g = upper_g + EQUAL * abs(upper_g) - self.once_g
        least_g, corner = compiled(_relaxed)(self.cells, limit_g)
        alive = corner.copy()
        alive[:-1] |= corner[1:]
        alive[:, :-1] |= alive[:, 1:].copy()
        return float(least_g) + self.once_g, alive

    def pauses(self, upper_g: float) -> float:
        """Return how many pauses a schedule that emits no more than `upper_g` has at most.

        With pauses at (1 - f) of what they emit, a schedule of n pauses emits less by f n m at
        least, m being the least that a pause emits. It still emits the lower bound.
        """
        least_g = self._least_pause_g()
        if least_g <= 0:
            return math.inf
        most = math.inf
        for share in (0.5, 0.9):
            spare_g = upper_g * (1 + EQUAL) - self.lower_g(1 - share)
            most = min(most, max(0, math.floor(spare_g / (share * least_g) + 1e-9)))
        return most

    def _least_pause_g(self) -> float:
        total = self.cells.pause_g
        for power_w in (self.cells.startup_w, self.cells.save_w):
            if power_w.size:
                total += float(np.convolve(self.cells.value, power_w[::-1], "valid").min())
        return total


def _energy(parts: tuple[Part, ...]) -> float:
    return float(sum((np.diff(part.border) * part.power_w).sum() for part in parts))


def _least_w(part: Part, h: int) -> Floats:
    """Least power in each whole cell of length h."""
    begin = h * np.arange(part.length // h)
    low = np.searchsorted(part.border, begin, "right") - 1
    high = np.searchsorted(part.border, begin + h, "left")
    least = part.power_w[low]
    for i in np.flatnonzero(high - low > 1):
        least[i] = part.power_w[low[i] : high[i]].min()
    return least


def _relaxed(t: Cells, limit_g: float) -> tuple[float, NDArray[np.bool_]]:
    """Least emissions of the relaxed problem; by corner, whether they are within the limit.

    Runs without work are allowed: they are limits of others, and it is a bound that is wanted.
    Corners are left out (size 0) where no limit is given.
    """
    slots, rows = t.value.size, t.work_w.size
    startup, save = t.startup_w.size, t.save_w.size
    width = slots - rows + 1
    cost = np.zeros(slots + 1)
    for i in range(slots):
        cost[i + 1] = cost[i] + t.value[i]
    start = np.full(slots + 1, np.inf)  # of a resume whose work begins at a cell
    first = np.full(slots + 1, np.inf)
    for i in range(startup, slots + 1):
        total = 0.0
        for j in range(startup):
            total += t.startup_w[j] * t.value[i - startup + j] + t.rate_g[i - startup + j]
        first[i] = total + (t.suspended_w * cost[i - startup] if t.waited else 0.0)
        start[i] = t.cheaper * (total + t.suspended_w * cost[i - startup] + t.pause_g)
    stop = np.full(slots + 1, np.inf)
    for i in range(slots - save + 1):
        total = 0.0
        for j in range(save):
            total += t.save_w[j] * t.value[i + j] + t.rate_g[i + j]
        stop[i] = t.cheaper * (total - t.suspended_w * cost[i + save])
    shift = startup + save
    want = limit_g > -np.inf
    reached = np.empty((rows + 1 if want else 1, width))
    on = np.full(width, np.inf)
    for d in range(width):
        if t.under_way:
            on[d] = 0.0 if d < 2 else np.inf  # it goes on at once, in the first cell
        else:
            on[d] = first[d]
    for k in range(rows + 1):
        if k > 0:
            power = t.work_w[k - 1]
            for d in range(width):
                on[d] += power * t.value[d + k - 1] + t.rate_g[d + k - 1]
        if t.allowed[k]:
            off = np.inf
            for d in range(shift, width):
                off = min(off, on[d - shift] + stop[d - shift + k])
                on[d] = min(on[d], off + start[d + k])
        if want:
            reached[k] = on
    least = on.min()
    corner = np.zeros((rows + 1 if want else 0, width), dtype=np.bool_)
    if want:
        rest = np.zeros(width)  # least emissions from here on
        for k in range(rows, -1, -1):
            if k < rows:
                power = t.work_w[k]
                for d in range(width):
                    rest[d] += power * t.value[d + k] + t.rate_g[d + k]
            if t.allowed[k]:
                again = np.inf
                for d in range(width - 1 - shift, -1, -1):
                    again = min(again, rest[d + shift] + start[d + shift + k])
                    rest[d] = min(rest[d], again + stop[d + k])
            for d in range(width):
                corner[k, d] = reached[k, d] + rest[d] <= limit_g
    return least, corner


# --- event points -------------------------------------------------------------------------


class Border(NamedTuple):
    """A border of power around a stop or a start, and the steps of the intensity it may meet.

    A least value lies where power falls while the intensity rises, or rises while it falls;
    the other kinks are concave.
    """

    offset: int
    steps: Ints


class Alive:
    """Which states may belong to an optimal schedule, by the cells of a relaxation."""

    def __init__(self, relaxation: Relaxation, cell: NDArray[np.bool_]) -> None:
        self.h, self.origin, self.cell = relaxation.h, relaxation.origin, cell
        rows = np.arange(cell.shape[0])[:, None]
        self._highest = np.where(cell, rows, -1).max(axis=0)
        self._lowest = np.where(cell, rows, cell.shape[0]).min(axis=0)

    def row(self, x: Ints) -> Ints:
        """Return the row of cells of work positions."""
        return np.minimum(x // self.h, self.cell.shape[0] - 1)

    def column(self, y: Ints) -> Ints:
        """Return the column of cells of diagonals."""
        return np.clip((y - self.origin) // self.h, 0, self.cell.shape[1] - 1)

    def at(self, x: Ints, y: Ints) -> NDArray[np.bool_]:
        """Return whether states are alive."""
        return self.cell[self.row(x), self.column(y)]

    def after(self, x: Ints, y: Ints) -> NDArray[np.bool_]:
        """Return whether a diagonal has a live state with work of x or more."""
        return self._highest[self.column(y)] >= self.row(x)

    def before(self, x: Ints, y: Ints) -> NDArray[np.bool_]:
        """Return whether a diagonal has a live state with work of x or less."""
        return self._lowest[self.column(y)] <= self.row(x)


class Borders:
    """All borders of power of a problem, with the steps of the intensity that matter to each."""

    def __init__(self, p: Problem) -> None:
        rise = np.diff(p.value)
        inner = p.edges[1:-1]
        self._steps = {
            (False, False): inner[:0],
            (True, False): inner[rise > 0],
            (False, True): inner[rise < 0],
            (True, True): inner,
        }
        saved_w = p.save.power_w[0] if p.save.power_w.size else p.suspended_w
        ready_w = p.startup.power_w[-1] if p.startup.power_w.size else p.suspended_w
        ends_w = p.end.power_w[:1]
        resumed_w = np.concatenate([p.work.power_w, ends_w])
        stopped_w = p.work.power_w if p.work.power_w.size else ready_w
        self.stop = [Border(0, self.steps(stopped_w, saved_w))]
        after_w = np.append(p.save.power_w[1:], p.suspended_w)
        for k, power_w in enumerate(p.save.power_w):
            offset = int(p.save.border[k + 1])
            self.stop.append(Border(offset, self.steps(power_w, after_w[k])))
        self.start = [Border(0, self.steps(ready_w, resumed_w if resumed_w.size else ready_w))]
        before_w = np.append(p.suspended_w, p.startup.power_w[:-1])
        for k, power_w in enumerate(p.startup.power_w):
            offset = p.startup.length - int(p.startup.border[k])
            self.start.append(Border(offset, self.steps(before_w[k], power_w)))
        self.stop = [border for border in self.stop if border.steps.size]
        self.start = [border for border in self.start if border.steps.size]
        # the same seen across a pause of no length
        pause = p.pause
        self.stop_too = [*self.stop, *(Border(pause - b.offset, b.steps) for b in self.start)]
        self.start_too = [*self.start, *(Border(pause - b.offset, b.steps) for b in self.stop)]

    def steps(self, before_w: Any, after_w: Any) -> Ints:
        """Return the steps at which a change of power (one of several) has a convex kink."""
        # One or two powers: the least and the most of lists cost a tenth of those of arrays.
        before, after = (w.tolist() if np.ndim(w) else [float(w)] for w in (before_w, after_w))
        return self._steps[max(before) > min(after), min(before) < max(after)]


class Points(NamedTuple):
    """Diagonals with a work position each: of runs that begin there or later (or end before)."""

    y: Ints
    x: Ints

    @classmethod
    def joined(cls, points: list[Points]) -> Points:
        """Join several."""
        return cls(*(np.concatenate(part).astype(np.int64) for part in zip(*points, strict=True)))

    def least(self) -> Points:
        """Return each diagonal once, with its least position."""
        if not self.y.size:
            return self
        order = np.argsort(self.y)
        y = self.y[order]
        first = np.flatnonzero(np.concatenate([[True], y[1:] != y[:-1]]))
        return Points(y[first], np.minimum.reduceat(self.x[order], first))

    def news(self, known: Points) -> tuple[Points, Points]:
        """Return those that no known ones make superfluous, and all known ones then."""
        fresh = self.least()
        if known.y.size and fresh.y.size:
            place = np.minimum(np.searchsorted(known.y, fresh.y), known.y.size - 1)
            old = (known.y[place] == fresh.y) & (known.x[place] <= fresh.x)
            fresh = Points(fresh.y[~old], fresh.x[~old])
        return fresh, Points.joined([known, fresh]).least()

    def where(self, keep: NDArray[np.bool_]) -> Points:
        """Return some of them."""
        return Points(self.y[keep], self.x[keep])


_NO_POINTS = Points(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def _distinct(values: Ints) -> Ints:
    """Return the values once each, rising; by sorting, which is faster here than `np.unique`."""
    values = np.sort(values)
    return values[np.concatenate([[True], values[1:] != values[:-1]])] if values.size else values


def _run_anchors(p: Problem, borders: Borders) -> tuple[Points, Points]:
    """Return where chains begin that lead to later runs, and those that lead to earlier ones.

    A chain begins at the release, the deadline, or where a border of the first start, of the
    end, or inside of the work lies at a step. Positions of the second kind are counted back
    from the end of the work.
    """
    whole = p.work.length
    forward, backward = [], []
    forward.append(Points(np.array([p.first]), np.array([0])))
    backward.append(Points(np.array([p.last]), np.array([0])))
    work_w, startup_w, end_w = p.work.power_w, p.startup.power_w, p.end.power_w
    if not p.under_way:
        power_w = [p.suspended_w if p.waited else 0.0, *startup_w, *work_w[:1], *end_w[:1]]
        for k, border in enumerate(p.startup.border):
            y = borders.steps(power_w[k], power_w[k + 1]) + p.startup.length - border
            forward.append(Points(y, np.zeros(y.size, dtype=np.int64)))
    power_w = [*work_w[-1:], *end_w, 0.0]
    for k, border in enumerate(p.end.border if work_w.size else p.end.border[1:]):
        y = borders.steps(power_w[k], power_w[k + 1]) - whole - border
        backward.append(Points(y, np.zeros(y.size, dtype=np.int64)))
    for k in range(1, work_w.size):
        x = int(p.work.border[k])
        y = borders.steps(work_w[k - 1], work_w[k]) - x
        forward.append(Points(y, np.full(y.size, x)))
        backward.append(Points(y, np.full(y.size, whole - x)))
    return Points.joined(forward), Points.joined(backward)


def _stop_anchors(p: Problem, borders: Borders) -> tuple[Points, Points, Ints]:
    """Return where chains begin because a run stops at a fixed place; also those places."""
    whole = p.work.length
    if p.stops is None:
        places = np.concatenate([p.work.border[1:-1], [whole] if p.end.length else []])
    else:
        places = p.stops
    if p.under_way and p.may_stop:
        places = np.append(places, 0)
    places = _distinct(places.astype(np.int64))

    def cross(steps: Ints) -> Points:  # every step with every place
        return Points((steps[:, None] - places).ravel(), np.tile(places, steps.size))

    forward = [_NO_POINTS, *(cross(b.steps + b.offset) for b in borders.start_too)]
    backward = [_NO_POINTS, *(cross(b.steps - b.offset) for b in borders.stop_too)]
    before = Points.joined(backward)
    return Points.joined(forward), Points(before.y, whole - before.x), places


def _between(base: Ints, low: Ints, high: Ints, events: Ints) -> tuple[Ints, Ints]:
    """Return all pairs of a place i and an event E with low[i] < E - base[i] < high[i]."""
    first = np.searchsorted(events, base + low, "right")
    count = np.maximum(0, np.searchsorted(events, base + high, "left") - first)
    if count.sum() > MAX_POINTS:
        raise TooLarge
    place = np.repeat(np.arange(base.size), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return place, events[np.repeat(first, count) + offset]


def candidates(
    p: Problem, pauses: float, alive: Alive | None, *, most: float = np.inf
) -> tuple[Ints, Ints, bool]:
    """Return work positions and diagonals of all event points with chains of so many pauses.

    Parameters
    ----------
    p : Problem
        Without a least run that is longer than start-up and saving.
    pauses : float
        Most pauses of a chain.
    alive : Alive or None
        What may be part of an optimal schedule; None: everything.
    most : float
        Most states worth the while.

    Returns
    -------
    tuple of ndarray, ndarray, bool
        Positions, diagonals, and whether longer chains would add none.

    Raises
    ------
    TooLarge
        If there are too many.
    """
    borders, whole, free = Borders(p), p.work.length, p.stops is None
    forward, backward = _run_anchors(p, borders)
    stopped, resumed, places = _stop_anchors(p, borders)
    forward, backward = Points.joined([forward, stopped]), Points.joined([backward, resumed])

    def kept(points: Points, later: bool) -> Points:
        points = points.where((points.y >= p.first) & (points.y <= p.last))
        if alive is None:
            return points
        if later:
            return points.where(alive.after(points.x, points.y))
        return points.where(alive.before(whole - points.x, points.y))

    new, known = kept(forward, True).news(_NO_POINTS)
    back, known_back = kept(backward, False).news(_NO_POINTS)
    found = [np.array([0, whole]), places]
    rounds = 0
    while True:
        stops, starts = [_NO_POINTS], [_NO_POINTS]
        if free:
            for border in borders.stop_too:
                i, event = _between(
                    new.y + border.offset, new.x, np.full(new.y.size, whole), border.steps
                )
                at = Points(new.y[i], event - border.offset - new.y[i])
                at = at if alive is None else at.where(alive.at(at.x, at.y))
                found.append(_distinct(at.x))
                if any(border is own for own in borders.stop):
                    stops.append(Points(at.x, at.y))  # by position, the earliest run
            for border in borders.start_too:
                zero = np.zeros(back.y.size, dtype=np.int64)
                i, event = _between(back.y - border.offset, zero, whole - back.x, border.steps)
                at = Points(back.y[i], event + border.offset - back.y[i])
                at = at if alive is None else at.where(alive.at(at.x, at.y))
                found.append(_distinct(at.x))
                if any(border is own for own in borders.start):
                    starts.append(Points(at.x, -at.y))  # by position, the latest run
        closed = not (new.y.size or back.y.size)
        if closed or rounds >= pauses:
            break
        rounds += 1
        later, earlier = [Points(new.y + p.pause, new.x)], [Points(back.y - p.pause, back.x)]
        if free:
            stop, start = Points.joined(stops).least(), Points.joined(starts).least()
            for border in borders.start:
                base = stop.y - border.offset  # `y` holds the position here, `x` the diagonal
                low = np.maximum(stop.x + p.pause, p.first) - 1
                i, event = _between(base, low, np.full(base.size, p.last + 1), border.steps)
                later.append(Points(event + border.offset - stop.y[i], stop.y[i]))
            for border in borders.stop:
                base = border.offset + start.y
                high = np.minimum(-start.x - p.pause, p.last) + 1
                i, event = _between(base, np.full(base.size, p.first - 1), high, border.steps)
                earlier.append(Points(event - border.offset - start.y[i], whole - start.y[i]))
        new, known = kept(Points.joined(later), True).news(known)
        back, known_back = kept(Points.joined(earlier), False).news(known_back)
        if sum(part.size for part in found) * known.y.size > 400 * most:
            raise TooLarge
    x = _distinct(np.concatenate(found).astype(np.int64))
    y = _distinct(np.concatenate([known.y, known_back.y]))
    return x[(x >= 0) & (x <= whole)], y, closed or rounds >= pauses


# --- the dynamic program on event points --------------------------------------------------


class States(NamedTuple):
    """What the states are filled from."""

    x: Ints  # work positions, rising from 0 to all work ...
    power_w: Floats  # ... power between them, and whether the job may stop there
    allowed: NDArray[np.bool_]
    y: Ints  # diagonals, rising
    band: Ints  # of each row: which ranges of diagonals are alive there
    range_from: Ints  # first range of each band
    low: Ints  # first diagonal of each range, and the one after its last
    high: Ints
    mature: Ints  # first row at which the first run, and one from a row, may stop
    ring: int  # rows of starts that wait at once until their runs may be stopped; 1: none
    startup: Ints
    startup_w: Floats
    save: Ints
    save_w: Floats
    end: Ints
    end_w: Floats
    suspended_w: float
    tie_g: float
    under_way: bool
    waited: bool
    edges: Ints
    value: Floats
    cost_g: Floats
    bucket: Ints  # step that holds at the begin of each stretch of 2^bits
    bits: int
    paid: Ints  # times at which the price of running changes, and what running up to then
    paid_g: Floats  # costs; size 0 if it has no price
    layers: int
    limited: bool


def states(p: Problem, x: Ints, y: Ints, alive: Alive | None, price: Price | None = None) -> States:
    """Lay out the states on some positions and diagonals."""
    x = np.union1d(x, p.work.border)
    allowed = np.ones(x.size, dtype=bool) if p.stops is None else np.isin(x, p.stops)
    if not p.end.length:
        allowed[-1] = False
    allowed[0] = p.under_way and p.may_stop
    place = np.minimum(np.searchsorted(p.work.border, x[:-1], "right") - 1, p.work.power_w.size - 1)
    later = np.searchsorted(x, x + p.least)
    rows = np.arange(x.size)
    first = int(np.searchsorted(x, p.least_first))
    mature = np.maximum.accumulate(
        [first if p.under_way else max(1, first), *np.maximum(later, rows + 1)]
    )
    ring = int((np.minimum(mature, x.size) - np.arange(x.size + 1)).max()) + 1
    simple = not p.least_run
    if alive is None or not simple:
        band, range_from = np.zeros(x.size, dtype=np.int64), np.array([0, 1])
        low, high = np.array([0]), np.array([y.size])
    else:
        band = alive.row(x)
        edge = np.diff(np.pad(alive.cell, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        bands, first_column = np.nonzero(edge == 1)
        _, after_column = np.nonzero(edge == -1)
        column = alive.column(y)
        low = np.searchsorted(column, first_column)
        high = np.searchsorted(column, after_column)
        some = high > low
        bands, low, high = bands[some], low[some], high[some]
        range_from = np.searchsorted(bands, np.arange(alive.cell.shape[0] + 1))
    bits = max(0, int(math.log2(max(1, p.horizon / (4 * p.value.size)))))
    stretch = np.arange(0, p.horizon + 2 * (1 << bits), 1 << bits)
    bucket = np.minimum(np.searchsorted(p.edges, stretch, "right") - 1, p.value.size - 1)
    return States(
        x=x,
        power_w=p.work.power_w[place],
        allowed=allowed,
        y=y,
        band=band,
        range_from=range_from.astype(np.int64),
        low=low.astype(np.int64),
        high=high.astype(np.int64),
        mature=mature.astype(np.int64),
        ring=1 if simple else ring,
        startup=p.startup.border,
        startup_w=np.array(p.startup.power_w),
        save=p.save.border,
        save_w=np.array(p.save.power_w),
        end=p.end.border,
        end_w=np.array(p.end.power_w),
        suspended_w=p.suspended_w,
        tie_g=p.tie_g,
        under_way=p.under_way,
        waited=p.waited,
        edges=p.edges,
        value=p.value,
        cost_g=p.cost_g,
        bucket=bucket,
        bits=bits,
        paid=np.empty(0, dtype=np.int64) if price is None else price.time,
        paid_g=np.empty(0) if price is None else price.paid_g,
        layers=1 if p.most is None else 1 + min(p.most, x.size - 1),
        limited=p.most is not None,
    )


def count(t: States) -> int:
    """Return how many states there are."""
    by_range = np.concatenate([[0], np.cumsum(t.high - t.low)])
    by_band = by_range[t.range_from[1:]] - by_range[t.range_from[:-1]]
    return int(by_band[t.band].sum()) * t.layers


class Runs(NamedTuple):
    """Runs: diagonal, and work before and after each."""

    y: Ints
    work_from: Ints
    work_to: Ints


def fill(t: States) -> tuple[float, Runs]:
    """Return the least emissions [g CO2e], with ties added, and runs that attain them."""
    least_g, y, work_from, work_to = compiled(_fill, _price, _cost, _parts)(t)
    return float(least_g), Runs(y, work_from, work_to)


def _price(t: States, time: Whole) -> float:
    """Price of running up to a time."""
    i: Whole = np.searchsorted(t.paid, time, side="right") - 1
    i = min(max(i, 0), t.paid.size - 2)
    share = (time - t.paid[i]) / (t.paid[i + 1] - t.paid[i])
    return t.paid_g[i] + share * (t.paid_g[i + 1] - t.paid_g[i])


def _cost(t: States, time: Whole) -> float:
    """Emissions of 1 W up to a time."""
    time = min(max(time, 0), t.edges[-1])
    i = t.bucket[time >> t.bits]
    while i + 1 < t.value.size and t.edges[i + 1] <= time:
        i += 1
    return t.cost_g[i] + t.value[i] * (time - t.edges[i])


def _parts(t: States, border: Ints, power: Floats, begin: Whole) -> float:
    """Emissions of a profile begun at a time."""
    total = 0.0
    if power.size:
        before = _cost(t, begin)
        for j in range(power.size):
            after = _cost(t, begin + border[j + 1])
            total += power[j] * (after - before)
            before = after
    return total


def _fill(t: States) -> tuple[float, Ints, Ints, Ints]:
    """Fill the states row by row; a start that improves is noted with the run before it."""
    rows, width = t.x.size, t.y.size
    best = np.full((t.layers, width), np.inf)  # of all starts that count by now, less `done`
    note = np.full((t.layers, width), -1)  # which start that was
    done = np.zeros(width)
    here = np.zeros(width)  # emissions of 1 W up to the present row
    seen = np.full(width, -1)  # last row at which the diagonal was alive
    new = np.empty(width)
    new_note = np.empty(width, dtype=np.int64)
    # starts that wait until their runs may be stopped, where there is a least run
    waits = t.ring > 1
    held = np.full((t.ring if waits else 0, t.layers, width), np.inf)
    held_note = np.full((t.ring if waits else 0, t.layers, width), -1)
    merged = 0
    noted = 0
    row = np.empty(1024 + width, dtype=np.int64)
    place = np.empty(1024 + width, dtype=np.int64)
    before = np.empty(1024 + width, dtype=np.int64)
    startup, save = t.startup[-1], t.save[-1]
    pause = startup + save
    priced = t.paid.size > 0
    first = np.full(width, np.inf)
    for d in range(width):
        if t.under_way:
            first[d] = 0.0 if t.y[d] == 0 else np.inf
        elif t.y[d] >= startup:
            begin = t.y[d] - startup
            first[d] = _parts(t, t.startup, t.startup_w, begin)
            if t.waited:
                first[d] += t.suspended_w * _cost(t, begin)
            if priced:
                first[d] -= _price(t, begin)
        row[d], place[d], before[d] = 0, d, -1
    noted = width
    started = t.mature[0] == 0 or not waits
    for k in range(rows):
        low, high = t.range_from[t.band[k]], t.range_from[t.band[k] + 1]
        for i in range(low, high):
            for d in range(t.low[i], t.high[i]):
                cost = _cost(t, t.y[d] + t.x[k])
                if k > 0 and seen[d] == k - 1:
                    done[d] += t.power_w[k - 1] * (cost - here[d])
                else:  # what began before cannot be optimal
                    for r in range(t.layers):
                        best[r, d] = np.inf
                here[d] = cost
                seen[d] = k
                if k == 0 and started:
                    best[0, d], note[0, d] = first[d], d
        if waits:
            if not started and t.mature[0] <= k:
                started = True
                for d in range(width):
                    if first[d] < best[0, d]:
                        best[0, d], note[0, d] = first[d], d
            while merged < k and t.mature[merged + 1] <= k:
                for r in range(t.layers):
                    for d in range(width):
                        if held[merged % t.ring, r, d] < best[r, d]:
                            best[r, d] = held[merged % t.ring, r, d]
                            note[r, d] = held_note[merged % t.ring, r, d]
                merged += 1
            held[k % t.ring] = np.inf
        if not t.allowed[k]:
            continue
        for r in range(t.layers - 2 if t.limited else 0, -1, -1):
            off, off_note = np.inf, -1
            i, p = low, (t.low[low] if low < high else 0)  # the stop that is looked at next
            to = r + 1 if t.limited else r
            for j in range(low, high):
                for d in range(t.low[j], t.high[j]):
                    while i < high and t.y[p] + pause <= t.y[d]:
                        value = best[r, p] + done[p]
                        if value < off or t.suspended_w > 0 or priced:
                            stop = t.y[p] + t.x[k]
                            value += _parts(t, t.save, t.save_w, stop)
                            value -= t.suspended_w * _cost(t, stop + save)
                            if priced:
                                value += _price(t, stop + save)
                            if value < off:
                                off, off_note = value, note[r, p]
                        p += 1
                        if p == t.high[i]:
                            i += 1
                            if i < high:
                                p = t.low[i]
                    new[d] = np.inf
                    value = off + t.tie_g - done[d]
                    if off < np.inf and (waits or priced or value < best[to, d]):
                        begin = t.y[d] + t.x[k] - startup
                        value += _parts(t, t.startup, t.startup_w, begin)
                        if t.suspended_w > 0:
                            value += t.suspended_w * _cost(t, begin)
                        if priced:
                            value -= _price(t, begin)
                        new[d], new_note[d] = value, off_note
            for j in range(low, high):
                for d in range(t.low[j], t.high[j]):
                    if new[d] < (held[k % t.ring, to, d] if waits else best[to, d]):
                        if noted == row.size:
                            more = np.empty(noted, dtype=np.int64)
                            row = np.concatenate((row, more))
                            place = np.concatenate((place, more))
                            before = np.concatenate((before, more))
                        row[noted], place[noted], before[noted] = k, d, new_note[d]
                        if waits:
                            held[k % t.ring, to, d], held_note[k % t.ring, to, d] = new[d], noted
                        else:
                            best[to, d], note[to, d] = new[d], noted
                        noted += 1
    if waits:  # the last run may be short
        if not started:
            for d in range(width):
                if first[d] < best[0, d]:
                    best[0, d], note[0, d] = first[d], d
        while merged < rows:
            for r in range(t.layers):
                for d in range(width):
                    if held[merged % t.ring, r, d] < best[r, d]:
                        best[r, d] = held[merged % t.ring, r, d]
                        note[r, d] = held_note[merged % t.ring, r, d]
            merged += 1
    for d in range(width):
        last = np.inf
        if seen[d] == rows - 1:
            done_at = t.y[d] + t.x[rows - 1]
            last = _parts(t, t.end, t.end_w, done_at)
            if priced:
                last += _price(t, done_at + t.end[-1])
        for r in range(t.layers):
            best[r, d] += done[d] + last
    least = best.min()
    chosen = -1
    for r in range(t.layers):
        for d in range(width):
            if chosen < 0 and best[r, d] <= least + t.tie_g / 2:  # no further resume, and early
                chosen = note[r, d]
    number, at = 0, chosen
    while at >= 0:
        number, at = number + 1, before[at]
    y, work_from, work_to = (
        np.empty(number, np.int64),
        np.empty(number, np.int64),
        np.empty(number, np.int64),
    )
    to, at = rows - 1, chosen
    for i in range(number - 1, -1, -1):
        y[i], work_from[i], work_to[i] = t.y[place[at]], t.x[row[at]], t.x[to]
        to, at = row[at], before[at]
    return least, y, work_from, work_to


# --- both together ------------------------------------------------------------------------


class Found(NamedTuple):
    """A schedule and what is proven of it."""

    runs: Runs
    emissions_g: float
    lower_g: float
    method: str


def on_lattice(p: Problem, slot: int, price: Price | None = None) -> tuple[float, Runs]:
    """Return the best schedule with starts and stops on multiples of a slot only."""
    whole = p.work.length
    x = p.stops if p.stops is not None else slot * np.arange(1, max(1, -(-whole // slot)))
    x = np.concatenate([[0], x, [whole]]).astype(np.int64)
    y = p.first + slot * np.arange((p.last - p.first) // slot + 1)
    return fill(states(p, x, y, None, price))


def lattice_states(p: Problem, slot: int) -> int:
    """Return how many states a problem has on a lattice."""
    rows = 2 + (p.stops.size if p.stops is not None else p.work.length // slot)
    return rows * ((p.last - p.first) // slot + 1) * (1 if p.most is None else 1 + p.most)


def lattice_slot(p: Problem, most: float) -> int:
    """Return a slot on whose lattice a problem has about so many states."""
    layers = 1 if p.most is None else 1 + p.most
    span, whole = max(1, p.last - p.first), max(1, p.work.length)
    if p.stops is not None:
        return max(1, math.ceil(layers * (p.stops.size + 2) * span / most))
    return max(1, math.ceil(math.sqrt(layers * whole * span / most)))


def _once(p: Problem) -> tuple[float, Runs]:
    """Return the best schedule without a pause."""
    forward, backward = _run_anchors(p, Borders(p))
    y = _distinct(np.concatenate([forward.y, backward.y]))
    y = y[(y >= p.first) & (y <= p.last)]
    single = replace(p, most=0)
    return fill(states(single, np.array([0, p.work.length]), y, None))


def solve(p: Problem, *, most_states: float | None = None) -> Found:
    """Return the best schedule and its certificate; the best one known where none is proven.

    Parameters
    ----------
    p : Problem
        Any; one that is not `regular`, or has a least run, is bounded but not solved.
    most_states : float
        Most states of the last step.
    """
    most_states = MAX_STATES if most_states is None else most_states
    upper_g, runs = _once(p)
    if not p.may_pause:
        return Found(runs, upper_g, upper_g, "best start")
    exact = p.regular and not p.least_run
    lower_g, improved = -math.inf, False
    if p.open and exact:
        free = solve(replace(p, may_stop=True), most_states=most_states)
        if free.runs.work_to[0] > 0:  # no use is made of stopping at once
            return free
        lower_g, exact = free.lower_g, False
    for relaxation, worth in _relaxations(p):
        lower_g = max(lower_g, relaxation.lower_g())
        if lower_g >= upper_g - EQUAL * abs(upper_g) and not improved:
            return Found(runs, upper_g, upper_g, "best start")
        pauses = relaxation.pauses(upper_g) if exact else math.inf
        if pauses == 0:
            return Found(runs, upper_g, upper_g, "best start")
        if not improved:
            improved = True
            better_g, better = on_lattice(p, lattice_slot(p, 3e4))
            if better_g < upper_g:
                upper_g, runs = better_g, better
        if not exact:
            continue
        solved = _on_points(p, relaxation, pauses, upper_g, min(worth, most_states))
        if solved is not None:
            return solved
    better_g, better = on_lattice(p, lattice_slot(p, 1e6))
    if better_g < upper_g:
        upper_g, runs = better_g, better
    return Found(runs, upper_g, min(lower_g, upper_g), "relaxation")


def _cells(p: Problem) -> list[tuple[int, float]]:
    """Return ever smaller cells for relaxations, and how many states these have."""
    inner = np.diff(p.edges[1:-1])
    if not inner.size:
        step = p.horizon
    elif inner.min() == inner.max():  # as in nearly all curves: a median costs more than the rest
        step = int(inner[0])
    else:
        step = int(np.median(inner))
    length = p.work.length + p.end.length
    cells = [_cell(step, max(1, min(step, length)), pieces) for pieces, _ in LEVELS]
    return [(h, (length // h + 1) * (max(0, p.horizon - length) // h + 2)) for h in cells]


def _relaxations(p: Problem) -> Iterator[tuple[Relaxation, float]]:
    """Yield ever finer relaxations, and how many states are worth filling instead of the next."""
    cells = _cells(p)
    for level, (h, size) in enumerate(cells):
        if size > MAX_RELAXED and level:
            return
        last = level + 1 == len(cells) or cells[level + 1][1] > MAX_RELAXED
        yield Relaxation(p, h), MAX_STATES if last else LEVELS[level][1]


def _cell(step: int, whole: int, pieces: int) -> int:
    """Return about a so-manieth of `whole`, so that steps of the intensity end where cells do."""
    number = -(-step * pieces // whole)
    fitting = (n for n in range(number, 4 * number) if step % n == 0)
    return max(1, step // next(fitting, number))


def lower_g(p: Problem, enough_g: float, most: float = 3e5, price: Price | None = None) -> float:
    """Return what no schedule emits less than [g CO2e], by relaxations of up to `most` states.

    None is refined once the bound has reached `enough_g`, what some schedule emits.
    """
    least_g = -math.inf
    for h, size in _cells(p):
        if size > most and least_g > -math.inf:
            break
        least_g = max(least_g, Relaxation(p, h, price).lower_g())
        if least_g >= enough_g - EQUAL * abs(enough_g):
            break
    return min(least_g, enough_g)


def _on_points(
    p: Problem, relaxation: Relaxation, pauses: float, upper_g: float, most: float
) -> Found | None:
    """Solve a problem on its event points; None if they are too many."""
    _, cell = relaxation.alive(upper_g)
    alive = Alive(relaxation, cell)
    try:
        x, y, _ = candidates(p, pauses, alive, most=most)
    except TooLarge:
        return None
    table = states(p, x, y, alive)
    if count(table) > most:
        return None
    least_g, runs = fill(table)
    return Found(runs, least_g, least_g, "event points")
