"""The event points of a problem: work positions and diagonals of schedules that may be optimal.

`helpers.schedule.suspend` says where they come from: chains of runs and pauses that begin at an
anchor and are tight at every further step. Chains that lead to later runs and those that lead to
earlier ones are the same thing seen in a mirror: time is reversed, a stop becomes a start, and
work is counted back from its end. So there is one `Ladder` for each, and one search through both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from helpers.extras import lean
from helpers.schedule._grid import Whole, _up_to
from helpers.schedule._problem import Floats, Ints, Problem, _distinct
from helpers.schedule._relaxed import EQUAL

__all__: list[str] = []

_RISES, _FALLS = 1, 2
"""At which steps of the intensity a border of power has a convex kink: one, the other, or both."""
_FREE = np.iinfo(np.int64).min
"""Stands for a place of a table that is free."""


class Alive(NamedTuple):
    """Which states may belong to an optimal schedule, by the cells of a relaxation."""

    h: int
    origin: int
    cell_g: Floats  # least emissions of the relaxed problem through each cell ...
    limit_g: float  # ... and what they may be at most
    lowest: Ints  # lowest and highest row of each column that is alive
    highest: Ints


class Ladder(NamedTuple):
    """What chains that lead to later runs, or in the mirror to earlier ones, climb along."""

    mirror: bool
    whole: int  # all work
    pause: int
    low: int  # earliest diagonal, and latest
    high: int
    step: Ints  # inner steps of the intensity, rising, and which of `_RISES` and `_FALLS` each is
    sort: Ints
    stop: Ints  # borders of power behind the time of a stop, with the steps they may meet ...
    stop_sort: Ints
    stop_own: int  # ... the first of them a stop's own, others a start's after a pause of no length
    start: Ints  # the same before the time at which work begins
    start_sort: Ints
    start_own: int
    begin: Ints  # borders before the work of the run at whose free end a chain begins
    begin_sort: Ints
    inner: Ints  # borders inside of the work
    inner_sort: Ints
    places: Ints  # where else a run may stop, in work


class Table(NamedTuple):
    """Numbers by number, the least that was put there: open addressing."""

    key: Ints
    least: Ints
    used: Ints  # how many, in an array of one


def _table(size: Whole) -> Table:
    """Return an empty table; its size must be a power of two."""
    return Table(
        np.full(size, _FREE, dtype=np.int64),
        np.empty(size, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )


@lean
def _lowered(table: Table, key: Whole, number: Whole) -> bool:
    """Put a number where none is, or a larger one; return whether it was put."""
    mask = table.key.size - 1
    i = (key ^ (key >> 10) ^ (key >> 21)) & mask
    while table.key[i] != key:
        if table.key[i] == _FREE:
            table.key[i], table.least[i] = key, number
            table.used[0] += 1
            return True
        i = (i + 1) & mask
    if table.least[i] <= number:
        return False
    table.least[i] = number
    return True


def _roomy(table: Table) -> Table:
    """Return a table with room for one more."""
    if 2 * table.used[0] < table.key.size:
        return table
    larger = _table(2 * table.key.size)
    for i in range(table.key.size):
        if table.key[i] != _FREE:
            _lowered(larger, table.key[i], table.least[i])
    return larger


def _keys(table: Table) -> Ints:
    """Return what numbers are in a table."""
    keys = np.empty(table.used[0], dtype=np.int64)
    count = 0
    for key in table.key:
        if key != _FREE:
            keys[count] = key
            count += 1
    return keys


# --- which states are alive ---------------------------------------------------------------


def _alive(cell_g: Floats, h: Whole, origin: Whole, upper_g: float) -> Alive:
    """Return which states may belong to a schedule that emits no more than `upper_g`."""
    limit_g = upper_g + EQUAL * abs(upper_g)
    rows, width = cell_g.shape
    lowest, highest = np.full(width, rows), np.full(width, -1)
    for k in range(rows):
        for d in range(width):
            if cell_g[k, d] <= limit_g:
                highest[d] = k
                lowest[d] = min(lowest[d], k)
    return Alive(h, origin, cell_g, limit_g, lowest, highest)


@lean
def _row(alive: Alive, x: Whole) -> Whole:
    """Row of cells of a work position."""
    return min(x // alive.h, alive.cell_g.shape[0] - 1)


@lean
def _column(alive: Alive, y: Whole) -> Whole:
    """Column of cells of a diagonal."""
    return min(max((y - alive.origin) // alive.h, 0), alive.cell_g.shape[1] - 1)


@lean
def _at(t: Ladder, alive: Alive, x: Whole, y: Whole) -> bool:
    """Whether a state is alive."""
    if t.mirror:
        x, y = t.whole - x, -y - t.whole
    return bool(alive.cell_g[_row(alive, x), _column(alive, y)] <= alive.limit_g)


@lean
def _from(t: Ladder, alive: Alive, x: Whole, y: Whole) -> bool:
    """Whether a diagonal has a live state with work of x or more."""
    if t.mirror:
        return alive.lowest[_column(alive, -y - t.whole)] <= _row(alive, t.whole - x)
    return alive.highest[_column(alive, y)] >= _row(alive, x)


# --- borders of power ---------------------------------------------------------------------


@lean
def _kinks(least_before_w: float, most_before_w: float, least_w: float, most_w: float) -> Whole:
    """At which steps a change of power (one of several) has a convex kink.

    Those at which it falls while the intensity rises, or rises while that falls; other kinks
    are concave.
    """
    return _RISES * (most_before_w > least_w) + _FALLS * (least_before_w < most_w)


def _stop_borders(p: Problem) -> tuple[Ints, Ints]:
    """Borders behind a stop that may come in any phase of the work, and the steps they may meet."""
    count = p.save.power_w.size + 1
    border, sort = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    least_w, most_w = np.inf, -np.inf
    for power_w in p.work.power_w:
        least_w, most_w = min(least_w, power_w), max(most_w, power_w)
    if not p.work.power_w.size:
        least_w = p.startup.power_w[-1] if p.startup.power_w.size else p.suspended_w
        most_w = least_w
    for k in range(count):
        after_w = p.save.power_w[k] if k + 1 < count else p.suspended_w
        border[k], sort[k] = p.save.border[k], _kinks(least_w, most_w, after_w, after_w)
        least_w, most_w = after_w, after_w
    return border, sort


def _start_borders(p: Problem) -> tuple[Ints, Ints]:
    """Borders before work that may begin in any phase, and the steps they may meet."""
    count = p.startup.power_w.size + 1
    border, sort = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    least_w, most_w = np.inf, -np.inf
    for power_w in p.work.power_w:
        least_w, most_w = min(least_w, power_w), max(most_w, power_w)
    if p.end.power_w.size:
        least_w, most_w = min(least_w, p.end.power_w[0]), max(most_w, p.end.power_w[0])
    before_w = p.suspended_w
    for k in range(count):
        border[k] = p.startup.border[-1] - p.startup.border[k]
        if k + 1 < count:
            sort[k] = _kinks(before_w, before_w, p.startup.power_w[k], p.startup.power_w[k])
            before_w = p.startup.power_w[k]
        elif least_w <= most_w:
            sort[k] = _kinks(before_w, before_w, least_w, most_w)
    return border, sort


def _across(
    pause: Whole, own: Ints, own_sort: Ints, other: Ints, other_sort: Ints
) -> tuple[Ints, Ints]:
    """Borders, and those of the other kind seen across a pause of no length."""
    border = np.empty(own.size + other.size, dtype=np.int64)
    sort = np.empty(own.size + other.size, dtype=np.int64)
    for i in range(border.size):
        if i < own.size:
            border[i], sort[i] = own[i], own_sort[i]
        else:
            border[i], sort[i] = pause - other[i - own.size], other_sort[i - own.size]
    return border, sort


def _free_end(p: Problem, mirror: bool) -> tuple[Ints, Ints]:
    """Borders before the work of the first run or, in the mirror, behind that of the last one."""
    part = p.end if mirror else p.startup
    size = part.power_w.size
    border, sort = np.zeros(size + 1, dtype=np.int64), np.zeros(size + 1, dtype=np.int64)
    before_w = 0.0
    if mirror:
        before_w = p.work.power_w[-1] if p.work.power_w.size else 0.0
    elif p.waited:
        before_w = p.suspended_w
    for k in range(size + 1):
        after_w = 0.0
        if k < size:
            after_w = part.power_w[k]
        elif not mirror and p.work.power_w.size:
            after_w = p.work.power_w[0]
        elif not mirror and p.end.power_w.size:
            after_w = p.end.power_w[0]
        border[k] = part.border[k] if mirror else part.border[-1] - part.border[k]
        sort[k] = _kinks(before_w, before_w, after_w, after_w)
        before_w = after_w
    if mirror and not p.work.power_w.size:
        sort[0] = 0
    if not mirror and p.under_way:
        sort[:] = 0
    return border, sort


def _places(p: Problem) -> Ints:
    """Where a run may stop that is no event: borders of the work, or what the rules name."""
    size = p.work.border.size + p.stops.size
    places = np.empty(size + 1, dtype=np.int64)
    count = 0
    if p.anywhere:
        for i in range(1, p.work.power_w.size):
            places[count] = p.work.border[i]
            count += 1
        if p.end.border[-1] > 0:
            places[count] = p.work.border[-1]
            count += 1
    for stop in p.stops:
        places[count] = stop
        count += 1
    if p.under_way and p.may_stop:
        places[count] = 0
        count += 1
    return _distinct(places[:count])


def _ladder(p: Problem, mirror: bool) -> Ladder:
    """Return what chains climb along."""
    whole, count = p.work.border[-1], p.value.size - 1
    step, sort = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    for i in range(count):
        at = count - 1 - i if mirror else i
        step[at] = -p.edges[i + 1] if mirror else p.edges[i + 1]
        sort[at] = _RISES if p.value[i + 1] > p.value[i] else _FALLS
    stop, stop_sort = _stop_borders(p)
    start, start_sort = _start_borders(p)
    if mirror:
        stop, stop_sort, start, start_sort = start, start_sort, stop, stop_sort
    stop_own, start_own = stop.size, start.size
    stops, stops_sort = _across(p.pause, stop, stop_sort, start, start_sort)
    starts, starts_sort = _across(p.pause, start, start_sort, stop, stop_sort)
    begin, begin_sort = _free_end(p, mirror)
    inner = np.empty(max(0, p.work.power_w.size - 1), dtype=np.int64)
    inner_sort = np.empty(inner.size, dtype=np.int64)
    for k in range(inner.size):
        before_w, after_w = p.work.power_w[k], p.work.power_w[k + 1]
        inner[k] = whole - p.work.border[k + 1] if mirror else p.work.border[k + 1]
        inner_sort[k] = _kinks(before_w, before_w, after_w, after_w)
    places = _places(p)
    if mirror:
        for i in range(places.size):
            places[i] = whole - places[i]
    low, high = (-p.last - whole, -p.first - whole) if mirror else (p.first, p.last)
    return Ladder(
        mirror,
        whole,
        p.pause,
        low,
        high,
        step,
        sort,
        stops,
        stops_sort,
        stop_own,
        starts,
        starts_sort,
        start_own,
        begin,
        begin_sort,
        inner,
        inner_sort,
        places,
    )


# --- chains -------------------------------------------------------------------------------


def _put(found: Table, t: Ladder, alive: Alive, ahead: Whole, sort: Whole, x: Whole) -> Table:
    """Put where a border so far ahead of the work lies at a step, with work of x done then."""
    for i in range(t.step.size):
        y = t.step[i] + ahead - x
        if t.sort[i] & sort and t.low <= y <= t.high and _at(t, alive, x, y):
            found = _roomy(found)
            _lowered(found, y, x)
    return found


def _anchors(t: Ladder, alive: Alive) -> Table:
    """Return the diagonals at which chains begin, with a work position each of runs there.

    A chain begins at the release (in the mirror: the deadline), or where a border of the first
    start, inside of the work, or of a start at a fixed place lies at a step.
    """
    found = _table(64)
    if _at(t, alive, np.int64(0), t.low):
        _lowered(found, t.low, np.int64(0))
    for j in range(t.begin.size):
        found = _put(found, t, alive, t.begin[j], t.begin_sort[j], np.int64(0))
    for j in range(t.inner.size):
        found = _put(found, t, alive, np.int64(0), t.inner_sort[j], t.inner[j])
    for j in range(t.start.size):
        for x in t.places:
            found = _put(found, t, alive, t.start[j], t.start_sort[j], x)
    return found


def _stopped(
    t: Ladder, alive: Alive, y: Whole, x: Whole, places: Table, stops: Table, spare: Whole
) -> tuple[Table, Table, Whole]:
    """Put where a run that has done x or more may stop; note the earliest run at each place."""
    for j in range(t.stop.size):
        for i in range(_up_to(t.step, y + t.stop[j] + x), t.step.size):
            w = t.step[i] - t.stop[j] - y
            if w >= t.whole:
                break
            spare -= 1
            if t.sort[i] & t.stop_sort[j] and _at(t, alive, w, y):
                places = _roomy(places)
                _lowered(places, w, np.int64(0))
                if j < t.stop_own:
                    stops = _roomy(stops)
                    _lowered(stops, w, y)
    return places, stops, spare


def _started(
    t: Ladder, alive: Alive, w: Whole, y: Whole, coming: Table, spare: Whole
) -> tuple[Table, Whole]:
    """Put where a run may start after one on diagonal y has stopped with work of w done."""
    for j in range(t.start_own):
        for i in range(_up_to(t.step, y + t.pause - t.start[j] + w - 1), t.step.size):
            later = t.step[i] + t.start[j] - w
            if later > t.high:
                break
            spare -= 1
            if t.sort[i] & t.start_sort[j] and later >= t.low and _at(t, alive, w, later):
                coming = _roomy(coming)
                _lowered(coming, later, w)
    return coming, spare


def _climbed(
    t: Ladder, alive: Alive, anywhere: bool, pauses: float, spare: Whole
) -> tuple[Table, Table, Whole]:
    """Climb chains of at most so many pauses.

    Returns work positions, diagonals, and what is left of the steps that may be looked at:
    below 0 they were too many, and points are missing.
    """
    places, known, coming = _table(64), _table(64), _anchors(t, alive)
    rounds = 0
    while spare >= 0:
        news, stops = 0, _table(64)
        y, x = np.empty(coming.used[0], np.int64), np.empty(coming.used[0], np.int64)
        for i in range(coming.key.size):
            if coming.key[i] != _FREE:
                known = _roomy(known)
                if _lowered(known, coming.key[i], coming.least[i]):
                    y[news], x[news] = coming.key[i], coming.least[i]
                    news += 1
        for i in range(news if anywhere else 0):
            if spare >= 0:
                places, stops, spare = _stopped(t, alive, y[i], x[i], places, stops, spare)
        if news == 0 or rounds >= pauses:
            break
        rounds += 1
        coming = _table(64)
        for i in range(news):
            later = y[i] + t.pause
            if t.low <= later <= t.high and _from(t, alive, x[i], later):
                coming = _roomy(coming)
                _lowered(coming, later, x[i])
        for i in range(stops.key.size):
            if stops.key[i] != _FREE and spare >= 0:
                coming, spare = _started(t, alive, stops.key[i], stops.least[i], coming, spare)
    return places, known, spare


def _event_points(
    p: Problem, alive: Alive, pauses: float, spare: Whole
) -> tuple[Ints, Ints, Whole]:
    """Return work positions and diagonals of all event points that may be part of an optimum.

    Parameters
    ----------
    p : Problem
        Without a least run that is longer than start-up and saving.
    alive : Alive
        What may be part of an optimal schedule.
    pauses : float
        Most pauses of a chain.
    spare : int
        Most steps of chains that are worth the while.

    Returns
    -------
    tuple of ndarray, ndarray, int
        Positions, diagonals, and what is left of the steps; below 0 there were too many.
    """
    whole, fixed = p.work.border[-1], _places(p)
    places, known, spare = _climbed(_ladder(p, False), alive, p.anywhere, pauses, spare)
    mirrored, before, spare = _climbed(_ladder(p, True), alive, p.anywhere, pauses, spare)
    ahead, back = _keys(places), _keys(mirrored)
    x = np.zeros(1 + ahead.size + back.size + fixed.size + p.work.border.size, dtype=np.int64)
    n = 1
    for part in (ahead, fixed, p.work.border):
        for place in part:
            x[n] = place
            n += 1
    for place in back:
        x[n] = whole - place
        n += 1
    later, earlier = _keys(known), _keys(before)
    y = np.empty(later.size + earlier.size, dtype=np.int64)
    for i in range(y.size):
        y[i] = later[i] if i < later.size else -earlier[i - later.size] - whole
    return _distinct(x), _distinct(y), spare


TABLES = (_table, _lowered, _roomy, _keys)
BORDERS = (_kinks, _stop_borders, _start_borders, _across, _free_end, _places, _ladder)
POINTING = (
    *TABLES,
    *(_alive, _row, _column, _at, _from),
    *BORDERS,
    *(_put, _anchors, _stopped, _started, _climbed, _event_points),
)
"""What finds event points, each after what it calls; besides what reads a problem."""
