"""The dynamic program on a grid that divides all durations: set-up, states and trace in one loop.

`helpers.schedule.suspend` says why such a grid loses nothing, and names the states. Everything
here is counted in slots; the set-up is compiled too, because for a job of an hour it took
nine tenths of the time when it was not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.extras import compiled, lean

__all__: list[str] = []

TICKS_PER_S = 1_000_000
"""Times are compared to a microsecond, finer than a float64 holds epochs (2.4e-7 s) but once."""


Whole = Any
"""A whole number, of Python or of numpy: numba takes both, type checkers only one."""


class Raw(NamedTuple):
    """A problem in seconds and watts, as its parts hold it; nothing is computed to make one."""

    edges_s: NDArray[np.float64]  # of the intensity, epoch seconds
    value_g_per_kwh: NDArray[np.float64]
    now_s: float
    deadline_s: float
    startup_s: NDArray[np.float64]  # borders and powers of the parts of the job ...
    startup_w: NDArray[np.float64]
    work_s: NDArray[np.float64]
    work_w: NDArray[np.float64]
    end_s: NDArray[np.float64]
    end_w: NDArray[np.float64]
    save_s: NDArray[np.float64]  # ... and of saving
    save_w: NDArray[np.float64]
    marks_s: NDArray[np.float64]  # checkpoints; looked at only if `only_marks`
    only_marks: bool
    suspended_w: float
    least_run_s: float
    most: int  # further resumes; -1 without a limit
    done_s: float  # work done so far
    lasted_s: float  # how long the run under way has lasted; -1 if there is none
    may_stop: bool  # whether that run may be stopped at once
    waited: bool  # whether the job is suspended now, and draws power until it starts
    tie_j: float  # energy below which two schedules are equal, at the highest intensity


class Answer(NamedTuple):
    """What the loop returns; runs are given in microseconds after `now_s` and of work."""

    slot: int  # microseconds
    slots: int
    rows: int
    cells: int
    solved: bool  # False if there were too many cells
    least_g: float
    start: NDArray[np.int64]
    work_from: NDArray[np.int64]
    work_to: NDArray[np.int64]


def solve(
    raw: Raw,
    most_cells: int,
    *,
    keep: bool = True,
    idle_runs: bool = False,
    price: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Answer:
    """Solve a problem on its own grid, if that has no more than `most_cells` states.

    Parameters
    ----------
    raw : Raw
        The problem.
    most_cells : int
        Most states; 0 only measures the grid.
    keep : bool
        Whether the runs are wanted and not only their emissions.
    idle_runs : bool
        Whether runs may do no work. Such runs break the rules, but the emissions are those
        that runs of ever less work come close to: a bound. Also of a run under way that must
        not stop at once.
    price : tuple of ndarray, optional
        Epoch seconds at which what running costs changes, where the intensity does, and what
        running up to each of them would cost.
    """
    none = np.empty(0)
    price_s, price_g = (none, none) if price is None else price
    tables = (_in_slots, _rows, _cost, _overheads, _outer, _maturing, _states)
    loop = compiled(_plan, *_MEASURING, *tables, _fill, _least, _trace)
    slot, slots, rows, cells, *found = loop(raw, price_s, price_g, most_cells, keep, idle_runs)
    return Answer(slot, slots, rows, int(cells), *found)


class States(NamedTuple):
    """What the states are filled from; all times in slots."""

    cost_g: NDArray[np.float64]  # emissions of 1 W from `now` up to each slot
    stop_g: NDArray[np.float64]  # of a stop at each slot, less being suspended up to then
    start_g: NDArray[np.float64]  # of a resume whose work begins at each slot, and so on
    first_g: NDArray[np.float64]  # of all up to the first row, by diagonal
    last_g: NDArray[np.float64]  # of the end, by diagonal
    paid_g: NDArray[np.float64]  # price of running up to each slot
    work: NDArray[np.int64]  # borders of the work that is left ...
    work_w: NDArray[np.float64]  # ... and its powers
    row: NDArray[np.int64]  # work positions at which the job may stop
    allowed: NDArray[np.bool_]
    mature: NDArray[np.int64]  # first row at which the first run, and one from a row, may stop
    base: Whole  # slot at which the work begins on diagonal 0
    startup: Whole
    shift: Whole  # fewest diagonals from a stop to the next start
    ring: Whole  # rows of starts that wait at once until their runs may be stopped
    layers: Whole  # copies of the states ...
    limited: bool  # ... and whether a resume leads from one to the next
    under_way: bool
    tie_g: float  # added to each resume: of equal schedules one with few resumes wins
    marks: NDArray[np.uint8]  # (layers, rows + 1, diagonals) for decisions, or size 0


# Plain loops below: numba compiles them several times faster than calls of NumPy.


def _ticks(seconds: NDArray[np.float64], origin_s: float) -> NDArray[np.int64]:
    """Whole microseconds after an origin."""
    ticks = np.empty(seconds.size, dtype=np.int64)
    for i in range(seconds.size):
        ticks[i] = np.int64(np.rint((seconds[i] - origin_s) * 1e6))
    return ticks


@lean
def _up_to(rising: NDArray, bound: float) -> Whole:
    """Return how many of some rising numbers are at most so large."""
    low, high = 0, rising.size
    while low < high:
        middle = (low + high) // 2
        if rising[middle] <= bound:
            low = middle + 1
        else:
            high = middle
    return low


def _inner(marks: NDArray[np.int64], whole: Whole) -> NDArray[np.int64]:
    """Marks after the begin of the work and before its end."""
    inner, count = np.empty(marks.size, dtype=np.int64), 0
    for mark in marks:
        if 0 < mark < whole:
            inner[count] = mark
            count += 1
    return inner[:count]


def _paid(
    now_s: float, slot_s: float, count: Whole, price_s: NDArray, price_g: NDArray
) -> NDArray[np.float64]:
    """Price of running up to each slot, rising linearly between the times it is known for."""
    paid, last = np.empty(count), price_s.size - 1
    for i in range(count):
        time_s = min(max(now_s + slot_s * i, price_s[0]), price_s[last])
        at = min(max(_up_to(price_s, time_s) - 1, 0), last - 1)
        rate_g = (price_g[at + 1] - price_g[at]) / (price_s[at + 1] - price_s[at])
        paid[i] = rate_g * (time_s - price_s[at]) + price_g[at]
    return paid


@lean
def _divisor(divisor: Whole, ticks: NDArray[np.int64]) -> Whole:
    """Greatest common divisor of a number and some others."""
    for other in ticks:
        a, b = divisor, abs(other)
        while b > 0:
            a, b = b, a % b
        divisor = a
    return divisor


def _borders(edges_s: NDArray[np.float64], done_s: float) -> NDArray[np.int64]:
    """Borders of the phases left after `done_s` seconds, in microseconds, the first being 0."""
    ticks = _ticks(edges_s, done_s)
    for i in range(ticks.size):
        ticks[i] = max(ticks[i], 0)
    return ticks


def _emitted(
    cost: NDArray, border: NDArray, power: NDArray, begin: Whole, length: Whole
) -> NDArray[np.float64]:
    """Emissions of a profile begun at each slot from `begin` on; 0 where it does not fit."""
    total = np.zeros(length)
    for j in range(power.size):
        for i in range(length):
            low, high = begin + i + border[j], begin + i + border[j + 1]
            if low >= 0 and high < cost.size:
                total[i] += power[j] * (cost[high] - cost[low])
    return total


class Measured(NamedTuple):
    """A problem and its grid; times in microseconds, or in slots."""

    startup: NDArray[np.int64]  # borders of phases
    work: NDArray[np.int64]
    end: NDArray[np.int64]
    save: NDArray[np.int64]
    edges: NDArray[np.int64]  # steps of the intensity from now to the deadline ...
    step: Whole  # ... and which of all the first one is
    inner: NDArray[np.int64]  # checkpoints inside of the work
    at_end: bool  # whether the job may stop with all work done
    least: Whole  # least run, and how long the one under way has lasted
    lasted: Whole
    base: Whole  # when the work begins on diagonal 0
    tie_g: float


def _measured(p: Raw) -> tuple[Whole, Measured]:
    """Return the slot of the grid of a problem, and the problem in microseconds."""
    startup, save = _borders(p.startup_s, 0.0), _borders(p.save_s, 0.0)
    work, end = _borders(p.work_s, p.done_s), _borders(p.end_s, 0.0)
    horizon = np.int64(np.rint((p.deadline_s - p.now_s) * 1e6))
    first, last = _up_to(p.edges_s, p.now_s) - 1, _up_to(p.edges_s, p.deadline_s)
    while last > 0 and p.edges_s[last - 1] >= p.deadline_s:
        last -= 1
    last = min(last, p.edges_s.size - 1)
    edges = _ticks(p.edges_s[first : last + 1], p.now_s)
    edges[0], edges[-1] = 0, horizon
    least = np.int64(np.rint(p.least_run_s * 1e6))
    lasted = np.int64(np.rint(max(p.lasted_s, 0.0) * 1e6))
    steepest = 0.0
    for i in range(first, last):
        steepest = max(steepest, abs(p.value_g_per_kwh[i]))
    slot = horizon
    for ticks in (startup, save, work, end, edges):
        slot = _divisor(slot, ticks)
    slot = _divisor(slot, np.array([least, lasted if least > 0 else np.int64(0)]))
    marks = _ticks(p.marks_s, p.done_s)
    return slot, Measured(
        startup,
        work,
        end,
        save,
        edges,
        first,
        _inner(marks, work[-1]),
        not p.only_marks or (marks.size > 0 and marks[-1] >= work[-1]),
        least,
        lasted,
        np.int64(0) if p.lasted_s >= 0 else startup[-1],
        p.tie_j * steepest / 3.6e6,
    )


def _in_slots(m: Measured, slot: Whole) -> Measured:
    """Write a measured problem in slots."""
    return Measured(
        m.startup // slot,
        m.work // slot,
        m.end // slot,
        m.save // slot,
        m.edges // slot,
        m.step,
        m.inner // slot,
        m.at_end,
        m.least // slot,
        m.lasted // slot,
        m.base // slot,
        m.tie_g,
    )


def _rows(m: Measured, anywhere: bool) -> NDArray[np.int64]:
    """Return the work positions at which the job may stop, its begin and its end among them."""
    whole = m.work[-1]
    inner = max(whole, 1) - 1 if anywhere else m.inner.size
    row = np.empty(inner + (2 if whole > 0 else 1), dtype=np.int64)
    row[0] = 0
    for i in range(inner):
        row[1 + i] = i + 1 if anywhere else m.inner[i]
    if whole > 0:
        row[-1] = whole
    return row


def _cost(p: Raw, m: Measured, slot: Whole, slots: Whole) -> NDArray[np.float64]:
    """Return the emissions of 1 W from `now` up to each slot."""
    cost = np.zeros(slots + 1)
    at = 0
    reached = 0.0  # emissions of 1 W up to the step that holds
    for i in range(1, slots + 1):
        while at + 2 < m.edges.size and m.edges[at + 1] < i:
            length_s = slot * (m.edges[at + 1] - m.edges[at]) * 1e-6
            reached += p.value_g_per_kwh[m.step + at] * length_s
            at += 1
        rest_s = slot * (i - m.edges[at]) * 1e-6
        cost[i] = (reached + p.value_g_per_kwh[m.step + at] * rest_s) / 3.6e6
    return cost


def _overheads(
    p: Raw, m: Measured, cost: NDArray, paid: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the emissions of a stop at each slot, and of a resume whose work begins there.

    That began to start up earlier, and a stop saves after it.
    """
    count = cost.size
    start_g = _emitted(cost, m.startup - m.startup[-1], p.startup_w, 0, count)
    stop_g = _emitted(cost, m.save, p.save_w, 0, count)
    for i in range(count):
        begin, saved = max(i - m.startup[-1], 0), min(i + m.save[-1], count - 1)
        start_g[i] += m.tie_g
        start_g[i] += p.suspended_w * cost[begin]
        stop_g[i] -= p.suspended_w * cost[saved]
        if paid.size:
            start_g[i] += paid[i] - paid[begin]
            stop_g[i] += paid[saved] - paid[i]
    return stop_g, start_g


def _outer(
    p: Raw, m: Measured, cost: NDArray, paid: NDArray, diagonals: Whole
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the emissions of all up to the first row, and those of the end, by diagonal."""
    first_g = np.full(diagonals, np.inf)
    if p.lasted_s >= 0:
        first_g[0] = 0.0  # goes on at once
    else:
        first_g = _emitted(cost, m.startup, p.startup_w, 0, diagonals)
    done = m.base + m.work[-1]
    last_g = _emitted(cost, m.end, p.end_w, done, diagonals)
    for d in range(diagonals):
        if p.waited:
            first_g[d] += p.suspended_w * cost[d]
        if paid.size:
            if p.lasted_s < 0:
                first_g[d] += paid[d + m.startup[-1]] - paid[d]
            last_g[d] += paid[done + d + m.end[-1]] - paid[done + d]
    return first_g, last_g


def _maturing(
    m: Measured, row: NDArray, under_way: bool, idle_runs: bool
) -> tuple[NDArray[np.int64], Whole]:
    """Return from which row on each run may stop, and how many rows of starts wait at once."""
    n = row.size
    mature = np.empty(n + 1, dtype=np.int64)
    needed = m.least - m.save[-1]
    if under_way:
        mature[0] = _up_to(row, needed - m.lasted - 1)
    else:
        mature[0] = max(1, _up_to(row, needed - m.startup[-1] - 1))
    if idle_runs:
        mature[0] = 0
    for k in range(n):
        later = _up_to(row, row[k] + needed - m.startup[-1] - 1)
        mature[k + 1] = max(later, k + 1, mature[k])
    ring = np.int64(1)
    for k in range(n + 1):
        ring = max(ring, min(mature[k], n) - k + 1)
    return mature, ring


def _states(
    p: Raw,
    m: Measured,
    price: tuple[NDArray, NDArray],
    grid: tuple[Whole, Whole, Whole, Whole],
    keep: bool,
    idle_runs: bool,
) -> States:
    """Lay out the states of a problem, which is given in slots."""
    slot, slots, diagonals, layers = grid
    under_way = p.lasted_s >= 0
    row, cost = _rows(m, not p.only_marks), _cost(p, m, slot, slots)
    paid = np.zeros(0)
    if price[0].size:
        paid = _paid(p.now_s, slot * 1e-6, slots + 1, price[0], price[1])
    stop_g, start_g = _overheads(p, m, cost, paid)
    first_g, last_g = _outer(p, m, cost, paid, diagonals)
    n = row.size
    allowed = np.ones(n, dtype=np.bool_)
    allowed[-1] = m.at_end and m.end[-1] > 0  # with all work done a stop makes sense before the end
    allowed[0] = under_way and p.may_stop
    if idle_runs:  # a run that does no work may be the first, and the last
        allowed[0], allowed[-1] = True, True
    mature, ring = _maturing(m, row, under_way, idle_runs)
    return States(
        cost,
        stop_g,
        start_g,
        first_g,
        last_g,
        paid,
        m.work,
        p.work_w,
        row,
        allowed,
        mature,
        m.base,
        m.startup[-1],
        m.startup[-1] + m.save[-1],
        ring,
        layers,
        p.most >= 0,
        under_way,
        m.tie_g,
        np.zeros((layers if keep else 0, n + 1, diagonals), dtype=np.uint8),
    )


_MEASURING = (_ticks, _up_to, _inner, _paid, _divisor, _borders, _emitted, _measured)
"""What measures a grid, each after what it calls."""


def _fill(t: States, idle_runs: bool) -> NDArray[np.float64]:
    """Fill the states row by row and return the least emissions by layer and diagonal."""
    rows, width = t.row.size, t.first_g.size
    keep = t.marks.size > 0
    best = np.full((t.layers, width), np.inf)  # of all starts that count by now, less `done`
    done = np.zeros(width)  # emissions of the work up to this row, without a stop: Z
    starts = np.full((t.ring, t.layers, width), np.inf)
    for d in range(width):
        starts[0, 0, d] = t.first_g[d]
    merged, phase = 0, 0
    for k in range(rows + 1):
        if 0 < k < rows:
            at = t.row[k - 1]
            while at < t.row[k]:  # one piece of a phase after the other
                while t.work[phase + 1] <= at:
                    phase += 1
                to = min(t.work[phase + 1], t.row[k])
                low, high, power = t.base + at, t.base + to, t.work_w[phase]
                for d in range(width):
                    done[d] += power * (t.cost_g[high + d] - t.cost_g[low + d])
                if t.paid_g.size:
                    for d in range(width):
                        done[d] += t.paid_g[high + d] - t.paid_g[low + d]
                at = to
        while merged <= rows and (k == rows or (merged <= k and t.mature[merged] <= k)):
            if merged == 0 or t.allowed[merged - 1]:
                for r in range(t.layers):
                    old, new = best[r], starts[merged % t.ring, r]
                    if keep:
                        mark = t.marks[r, merged]
                        for d in range(width):
                            mark[d] |= new[d] < old[d]
                    for d in range(width):
                        old[d] = min(old[d], new[d])
            merged += 1
        if k == rows or not t.allowed[k]:
            continue
        place = t.base + t.row[k]
        here = starts[(k + 1) % t.ring]
        for r in range(t.layers):
            for d in range(width):
                here[r, d] = np.inf
        for r in range(t.layers - 1 if t.limited else 1):
            old, new = best[r], here[r + t.limited]
            left = best[r + t.limited]
            off = np.inf
            for d in range(t.shift, width):
                p = d - t.shift
                value = old[p] + done[p] + t.stop_g[place + p]
                if value < off:
                    off = value
                    if keep:
                        t.marks[r, k, d] |= 2
                new[d] = off + (t.start_g[place + d] - done[d])
                if idle_runs:
                    left[d] = min(left[d], new[d])
    for r in range(t.layers):
        for d in range(width):
            best[r, d] += done[d] + t.last_g[d]
    return best


def _least(values: NDArray[np.float64]) -> float:
    """Return the least of some values by layer and diagonal."""
    least = np.inf
    for r in range(values.shape[0]):
        for value in values[r]:
            least = min(least, value)
    return least


def _trace(t: States, values: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Read the runs of an optimal schedule from the marks: begin, work before and after it."""
    least = _least(values) + t.tie_g / 2  # no further resume
    layer, place = -1, -1
    for r in range(values.shape[0]):
        for d in range(values.shape[1]):
            if layer < 0 and values[r, d] <= least:
                layer, place = r, d
    count = t.row.size + 1
    begin = np.empty(count, dtype=np.int64)
    work_from = np.empty(count, dtype=np.int64)
    work_to = np.empty(count, dtype=np.int64)
    to, n = t.row.size - 1, count
    limit: Whole = t.row.size + 1
    while True:
        start = limit - 1
        while not t.marks[layer, start, place] & 1:  # started here: the best run began at this row
            start -= 1
        row = max(start - 1, 0)
        n -= 1
        begin[n] = t.base + place + t.row[row]
        if start > 0 or not t.under_way:
            begin[n] -= t.startup
        work_from[n], work_to[n] = t.row[row], t.row[to]
        if start == 0:
            break
        if t.limited:
            layer -= 1
        while not t.marks[layer, row, place] & 2:  # stopped here: the best stop up to this place
            place -= 1
        place -= t.shift
        to, limit = row, _up_to(t.mature, row)
    return begin[n:], work_from[n:], work_to[n:]


def _plan(
    raw: Raw,
    price_s: NDArray,
    price_g: NDArray,
    most_cells: int,
    keep: bool,
    idle_runs: bool,
) -> tuple[Whole, Whole, Whole, Whole, bool, float, NDArray, NDArray, NDArray]:
    """Measure, fill and trace; in one, since handing tables over takes longer than small ones."""
    slot, m = _measured(raw)
    rows = m.inner.size + 1 if raw.only_marks else m.work[-1] // slot
    layers = 1 if raw.most < 0 else min(np.int64(raw.most), rows) + 1
    slots = m.edges[-1] // slot
    spare = (m.edges[-1] - m.base - m.end[-1]) // slot
    # a float, since slots of a microsecond make more states than 64 bits count
    cells = 1.0 * (rows + 2) * (spare + 1) * layers
    begin, least_g = np.empty(0, dtype=np.int64), np.inf
    work_from, work_to = begin, begin
    fits = cells <= most_cells
    if fits:
        diagonals = max(spare - m.work[-1] // slot, np.int64(0)) + 1
        grid = (slot, slots, diagonals, np.int64(layers))
        states = _states(raw, _in_slots(m, slot), (price_s, price_g), grid, keep, idle_runs)
        values = _fill(states, idle_runs)
        least_g = _least(values)
        if keep:
            begin, work_from, work_to = _trace(states, values)
    return slot, slots, rows, cells, fits, least_g, slot * begin, slot * work_from, slot * work_to
