"""The dynamic program of suspend and resume on any work positions and diagonals.

`helpers.schedule.suspend` has the recursion. Positions and diagonals are event points, or a
lattice that was asked for; every cost is an exact integral.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.extras import lean
from helpers.schedule._grid import Whole, _up_to
from helpers.schedule._points import Alive, _column, _row
from helpers.schedule._problem import Floats, Ints, Part, Problem, _distinct, _least_run
from helpers.schedule._relaxed import Price

__all__: list[str] = []


class States(NamedTuple):
    """What the states are filled from."""

    x: Ints  # work positions, rising from 0 to all work ...
    power_w: Floats  # ... power before each, and whether the job may stop there
    allowed: NDArray[np.bool_]
    y: Ints  # diagonals, rising
    band: Ints  # of each row: which ranges of diagonals are alive there
    range_from: Ints  # first range of each band
    low: Ints  # first diagonal of each range, and the one after its last
    high: Ints
    mature: Ints  # first row at which the first run, and one from a row, may stop
    ring: int  # rows of starts that wait at once until their runs may be stopped; 1: none
    bucket: Ints  # step that holds at the begin of each stretch of 2^bits
    bits: int
    price: Price
    layers: int  # copies of the states ...
    limited: bool  # ... and whether a resume leads from one to the next


class Filling(NamedTuple):
    """What is known at a row, by layer and diagonal."""

    best: Floats  # least emissions of all starts that count by now, less `done`
    note: Ints  # which start that was
    done: Floats  # emissions of the work up to the present row
    here: Floats  # emissions of 1 W up to the present row
    seen: Ints  # last row at which the diagonal was alive
    first: Floats  # emissions of the first start
    new: Floats  # of resumes at the present row, and which start was before
    new_note: Ints
    held: Floats  # starts that wait until their runs may be stopped, by row of the ring
    held_note: Ints


class Log(NamedTuple):
    """Starts: row, diagonal, and the start of the run before."""

    row: Ints
    place: Ints
    before: Ints
    used: Ints  # how many, in an array of one


# --- lay out ------------------------------------------------------------------------------


def _buckets(p: Problem) -> tuple[Ints, Whole]:
    """Return the step that holds at each multiple of 2^bits, four of these a step, and bits."""
    bits = 0
    while (p.horizon >> (bits + 1)) >= 4 * p.value.size:
        bits += 1
    bucket = np.empty((p.horizon >> bits) + 2, dtype=np.int64)
    i = 0
    for n in range(bucket.size):
        while i + 1 < p.value.size and p.edges[i + 1] <= (n << bits):
            i += 1
        bucket[n] = i
    return bucket, bits


@lean
def _range(alive: Alive, row: Whole, column: Ints, low: Ints, high: Ints, n: Whole) -> Whole:
    """Write the ranges of diagonals that are alive in a row of cells; return their new number.

    Nothing is written into arrays of size 0.
    """
    within = False
    for d in range(column.size):
        lives = alive.cell_g[row, column[d]] <= alive.limit_g
        if lives and not within:
            if low.size:
                low[n] = d
            n += 1
        if lives and low.size:
            high[n - 1] = d + 1
        within = lives
    return n


def _bands(alive: Alive, x: Ints, y: Ints) -> tuple[Ints, Ints, Ints, Ints, float]:
    """Return bands and ranges of diagonals that are alive, and how many states there are."""
    column = np.empty(y.size, dtype=np.int64)
    for d in range(y.size):
        column[d] = _column(alive, y[d])
    row, band = np.empty(x.size, dtype=np.int64), np.zeros(x.size, dtype=np.int64)
    range_from, none = np.zeros(x.size + 1, dtype=np.int64), np.empty(0, dtype=np.int64)
    low, high = none, none
    for again in range(2):  # first only count
        for i in range(x.size):
            row[i] = _row(alive, x[i])
            if i > 0:
                band[i] = band[i - 1] + (row[i] != row[i - 1])
            n = band[i]
            if i == 0 or row[i] != row[i - 1]:
                range_from[n + 1] = _range(alive, row[i], column, low, high, range_from[n])
        if again == 0:
            size = range_from[band[-1] + 1]
            low, high = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    count = 0.0
    for i in range(x.size):
        for n in range(range_from[band[i]], range_from[band[i] + 1]):
            count += high[n] - low[n]
    return band, range_from, low, high, count


def _one_band(x: Ints, y: Ints) -> tuple[Ints, Ints, Ints, Ints, float]:
    """Return bands and ranges where all states are alive."""
    low, high = np.zeros(1, dtype=np.int64), np.full(1, y.size)
    return np.zeros(x.size, dtype=np.int64), np.arange(2), low, high, 1.0 * x.size * y.size


def _maturing(p: Problem, x: Ints) -> tuple[Ints, Whole]:
    """Return from which row on each run may stop, and how many rows of starts wait at once."""
    mature = np.empty(x.size + 1, dtype=np.int64)
    first = _up_to(x, p.least_first - 1)
    mature[0] = first if p.under_way else max(1, first)
    for k in range(x.size):
        later = max(_up_to(x, x[k] + p.least - 1), k + 1)
        mature[k + 1] = max(mature[k], later)
    ring = 0
    for k in range(x.size + 1):
        ring = max(ring, min(mature[k], x.size) - k)
    return mature, ring + 1 if _least_run(p) else 1


def _states(
    p: Problem, x: Ints, y: Ints, bands: tuple[Ints, Ints, Ints, Ints], price: Price
) -> States:
    """Lay out the states on some positions, which hold all borders of the work, and diagonals."""
    band, range_from, low, high = bands
    power_w, allowed = np.zeros(x.size), np.zeros(x.size, dtype=np.bool_)
    phase, stop = 0, 0
    for k in range(x.size):
        while stop < p.stops.size and p.stops[stop] < x[k]:
            stop += 1
        allowed[k] = p.anywhere or (stop < p.stops.size and p.stops[stop] == x[k])
        if k > 0:
            while p.work.border[phase + 1] < x[k]:
                phase += 1
            power_w[k] = p.work.power_w[phase]
    if p.end.border[-1] == 0:
        allowed[-1] = False
    allowed[0] = p.under_way and p.may_stop
    mature, ring = _maturing(p, x)
    bucket, bits = _buckets(p)
    return States(
        x,
        power_w,
        allowed,
        y,
        band,
        range_from,
        low,
        high,
        mature,
        ring,
        bucket,
        bits,
        price,
        1 if p.most < 0 else 1 + min(p.most, x.size - 1),
        p.most >= 0,
    )


# --- what things cost ---------------------------------------------------------------------


@lean
def _cost(p: Problem, t: States, time: Whole) -> float:
    """Emissions of 1 W up to a time."""
    time = min(max(time, 0), p.horizon)
    i = t.bucket[time >> t.bits]
    while i + 1 < p.value.size and p.edges[i + 1] <= time:
        i += 1
    return p.cost_g[i] + p.value[i] * (time - p.edges[i])


@lean
def _parts(p: Problem, t: States, part: Part, begin: Whole) -> float:
    """Emissions of phases begun at a time."""
    total = 0.0
    if part.power_w.size:
        before = _cost(p, t, begin)
        for j in range(part.power_w.size):
            after = _cost(p, t, begin + part.border[j + 1])
            total += part.power_w[j] * (after - before)
            before = after
    return total


@lean
def _paid(price: Price, time: Whole) -> float:
    """Price of running up to a time."""
    i = min(max(_up_to(price.time, time) - 1, 0), price.time.size - 2)
    share = (time - price.time[i]) / (price.time[i + 1] - price.time[i])
    return price.paid_g[i] + share * (price.paid_g[i + 1] - price.paid_g[i])


@lean
def _stop_g(p: Problem, t: States, stop: Whole) -> float:
    """Emissions of a stop, less being suspended up to when it is saved."""
    saved = stop + p.save.border[-1]
    total = _parts(p, t, p.save, stop) - p.suspended_w * _cost(p, t, saved)
    return total + _paid(t.price, saved) if t.price.time.size else total


@lean
def _start_g(p: Problem, t: States, begin: Whole, waits: bool) -> float:
    """Emissions of a start-up that begins at a time, and if so asked of being suspended before."""
    total = _parts(p, t, p.startup, begin)
    if waits and p.suspended_w > 0:
        total += p.suspended_w * _cost(p, t, begin)
    return total - _paid(t.price, begin) if t.price.time.size else total


# --- fill ---------------------------------------------------------------------------------


def _filling(p: Problem, t: States) -> Filling:
    """Return what is known before the first row."""
    width, waits = t.y.size, t.ring > 1
    first = np.full(width, np.inf)
    for d in range(width):
        if p.under_way:
            first[d] = 0.0 if t.y[d] == 0 else np.inf
        elif t.y[d] >= p.startup.border[-1]:
            first[d] = _start_g(p, t, t.y[d] - p.startup.border[-1], p.waited)
    return Filling(
        np.full((t.layers, width), np.inf),
        np.full((t.layers, width), -1),
        np.zeros(width),
        np.zeros(width),
        np.full(width, -1),
        first,
        np.empty(width),
        np.empty(width, dtype=np.int64),
        np.full((t.ring if waits else 0, t.layers, width), np.inf),
        np.full((t.ring if waits else 0, t.layers, width), -1),
    )


def _log(width: Whole) -> Log:
    """Return the first starts, one a diagonal."""
    size = 1024 + width
    log = Log(
        np.zeros(size, dtype=np.int64),
        np.arange(size),
        np.full(size, -1),
        np.full(1, width),
    )
    return log


@lean
def _reach(p: Problem, t: States, f: Filling, k: Whole) -> None:
    """Work up to row k on all diagonals that are alive there."""
    last = p.value.size - 1
    for n in range(t.range_from[t.band[k]], t.range_from[t.band[k] + 1]):
        i = -1
        for d in range(t.low[n], t.high[n]):
            time = min(max(t.y[d] + t.x[k], 0), p.horizon)
            if i < 0:
                i = t.bucket[time >> t.bits]
            while i < last and p.edges[i + 1] <= time:
                i += 1
            cost = p.cost_g[i] + p.value[i] * (time - p.edges[i])
            if k > 0 and f.seen[d] == k - 1:
                f.done[d] += t.power_w[k] * (cost - f.here[d])
            else:  # what began before cannot be optimal
                for r in range(t.layers):
                    f.best[r, d] = np.inf
            f.here[d] = cost
            f.seen[d] = k


@lean
def _first(f: Filling) -> None:
    """Let the first start count."""
    for d in range(f.first.size):
        if f.first[d] < f.best[0, d]:
            f.best[0, d], f.note[0, d] = f.first[d], d


@lean
def _matured(t: States, f: Filling, merged: Whole, k: Whole) -> Whole:
    """Let starts count whose runs may be stopped at row k; return how many rows of them do."""
    while merged < k and (k == t.x.size or t.mature[merged + 1] <= k):
        place = merged % t.ring
        for r in range(t.layers):
            for d in range(t.y.size):
                if f.held[place, r, d] < f.best[r, d]:
                    f.best[r, d], f.note[r, d] = f.held[place, r, d], f.held_note[place, r, d]
        merged += 1
    return merged


@lean
def _resumed(p: Problem, t: States, f: Filling, k: Whole, r: Whole, to: Whole) -> None:
    """Find the best resume at row k on each diagonal, after a stop there of a run in layer r."""
    first, end = t.range_from[t.band[k]], t.range_from[t.band[k] + 1]
    costly = p.suspended_w > 0 or t.price.time.size > 0
    always = t.ring > 1 or t.price.time.size > 0
    off, off_note = np.inf, -1
    i, s = first, (t.low[first] if first < end else 0)  # the stop that is looked at next
    for j in range(first, end):
        for d in range(t.low[j], t.high[j]):
            while i < end and t.y[s] + p.pause <= t.y[d]:
                value = f.best[r, s] + f.done[s]
                if value < off or (costly and value < np.inf):
                    value += _stop_g(p, t, t.y[s] + t.x[k])
                    if value < off:
                        off, off_note = value, f.note[r, s]
                s += 1
                if s == t.high[i]:
                    i += 1
                    s = t.low[i] if i < end else 0
            f.new[d] = np.inf
            value = off + p.tie_g - f.done[d]
            if off < np.inf and (always or value < f.best[to, d]):
                begin = t.y[d] + t.x[k] - p.startup.border[-1]
                f.new[d], f.new_note[d] = value + _start_g(p, t, begin, True), off_note


def _noted(t: States, f: Filling, log: Log, k: Whole, to: Whole) -> Log:
    """Note the resumes at row k that improve on what was known, for a layer."""
    waits = t.ring > 1
    place = k % t.ring
    for j in range(t.range_from[t.band[k]], t.range_from[t.band[k] + 1]):
        for d in range(t.low[j], t.high[j]):
            if f.new[d] < (f.held[place, to, d] if waits else f.best[to, d]):
                n = log.used[0]
                if n == log.row.size:
                    more = np.empty(n, dtype=np.int64)
                    log = Log(
                        np.concatenate((log.row, more)),
                        np.concatenate((log.place, more)),
                        np.concatenate((log.before, more)),
                        log.used,
                    )
                log.row[n], log.place[n], log.before[n] = k, d, f.new_note[d]
                log.used[0] += 1
                if waits:
                    f.held[place, to, d], f.held_note[place, to, d] = f.new[d], n
                else:
                    f.best[to, d], f.note[to, d] = f.new[d], n
    return log


@lean
def _ended(p: Problem, t: States, f: Filling) -> tuple[float, Whole]:
    """Add the end; return the least emissions and the start of the last run that has them.

    Of equal ones that with fewest resumes, and then the earliest.
    """
    least_g = np.inf
    for d in range(t.y.size):
        last = np.inf
        if f.seen[d] == t.x.size - 1:
            done_at = t.y[d] + t.x[-1]
            last = _parts(p, t, p.end, done_at)
            if t.price.time.size:
                last += _paid(t.price, done_at + p.end.border[-1])
        for r in range(t.layers):
            f.best[r, d] += f.done[d] + last
            least_g = min(least_g, f.best[r, d])
    for r in range(t.layers):
        for d in range(t.y.size):
            if f.best[r, d] < np.inf and f.best[r, d] <= least_g + p.tie_g / 2:
                return least_g, f.note[r, d]
    return least_g, -1


def _runs(p: Problem, t: States, log: Log, chosen: Whole) -> tuple[Ints, Ints, Ints]:
    """Return begins of the runs that lead to a start, and work before and after each."""
    number, at = 0, chosen
    while at >= 0:
        number, at = number + 1, log.before[at]
    start, work_from = np.empty(number, dtype=np.int64), np.empty(number, dtype=np.int64)
    work_to = np.empty(number, dtype=np.int64)
    to: Whole = t.x.size - 1
    at = chosen
    for i in range(number - 1, -1, -1):
        y, row = t.y[log.place[at]], log.row[at]
        work_from[i], work_to[i] = t.x[row], t.x[to]
        goes_on = p.under_way and y == 0 and row == 0
        start[i] = 0 if goes_on else y + t.x[row] - p.startup.border[-1]
        to, at = row, log.before[at]
    return start, work_from, work_to


def _fill(p: Problem, t: States) -> tuple[float, Ints, Ints, Ints]:
    """Fill the states row by row; return the least emissions and runs that attain them."""
    f, log, waits = _filling(p, t), _log(t.y.size), t.ring > 1
    started, merged = False, 0
    for k in range(t.x.size):
        _reach(p, t, f, k)
        if not started and (not waits or t.mature[0] <= k):
            started = True
            _first(f)
        if waits:
            merged = _matured(t, f, merged, k)
            f.held[k % t.ring] = np.inf
        if t.allowed[k]:
            for r in range(t.layers - 2 if t.limited else 0, -1, -1):
                to = r + 1 if t.limited else r
                _resumed(p, t, f, k, r, to)
                log = _noted(t, f, log, k, to)
    if waits:  # the last run may be short
        if not started:
            _first(f)
        _matured(t, f, merged, t.x.size)
    least_g, chosen = _ended(p, t, f)
    start, work_from, work_to = _runs(p, t, log, chosen)
    return least_g, start, work_from, work_to


# --- a lattice ----------------------------------------------------------------------------


def _on_lattice(p: Problem, slot: Whole, price: Price) -> tuple[float, Ints, Ints, Ints]:
    """Return the best schedule with starts and stops on multiples of a slot only."""
    whole = p.work.border[-1]
    inner = max(np.int64(0), -(-whole // slot) - 1) if p.anywhere else p.stops.size
    x = np.zeros(inner + 1 + p.work.border.size, dtype=np.int64)
    for i in range(inner):
        x[i] = slot * (i + 1) if p.anywhere else p.stops[i]
    for i in range(p.work.border.size):
        x[inner + 1 + i] = p.work.border[i]
    y = np.empty((p.last - p.first) // slot + 1, dtype=np.int64)
    for i in range(y.size):
        y[i] = p.first + slot * i
    x = _distinct(x)
    band, range_from, low, high, _ = _one_band(x, y)
    return _fill(p, _states(p, x, y, (band, range_from, low, high), price))


LAYING = (_buckets, _range, _bands, _one_band, _maturing, _states)
COSTS = (_cost, _parts, _paid, _stop_g, _start_g)
FILLING = (
    *LAYING,
    *COSTS,
    *(_filling, _log, _reach, _first, _matured, _resumed, _noted, _ended, _runs, _fill),
)
"""What fills states, each after what it calls; besides what finds event points."""
