"""The relaxation of a problem of suspend and resume: a grid that bounds what any schedule emits.

All durations are cut to multiples of a cell h, all powers and intensities lowered to their least
in a cell. Every schedule of the problem is one of the relaxed problem, and emits no less than
there. The relaxed problem has a grid, so its dynamic program is exact: its least value is a
*lower bound*, its least value through a cell says which states *cannot be optimal* once some
schedule is known, and its value with cheaper pauses says how many pauses can pay at most.

A cell of work k and diagonal d stands for all states with work in [k h, (k + 1) h] on diagonals
in [origin + d h, origin + (d + 1) h]. A schedule with such a state keeps, in the relaxed problem,
the two further rules that say so; they have the form of the others, so that the least value under
them too is taken in a corner: one of four states of the grid.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.extras import lean
from helpers.schedule._grid import Whole
from helpers.schedule._problem import Floats, Ints, Part, Problem, _sorted

__all__: list[str] = []

EQUAL = 1e-9
"""Share of the emissions up to which values are equal but for rounding."""
MAX_RELAXED = 20_000_000
"""Most states of a relaxation."""
_SMALL_CUT = 0.05
"""Share of a cell that may be cut off the overhead of a pause, where a fitting cell is sought."""


class Price(NamedTuple):
    """What running costs besides its emissions: up to some times, rising linearly between them.

    Of size 0 where running has no price.
    """

    time: Ints
    paid_g: Floats


class Cells(NamedTuple):
    """The relaxed problem; all lengths in cells."""

    h: int  # length of a cell
    origin: int  # time at which the first one begins
    value: Floats  # emissions of 1 W in each cell of time
    rate_g: Floats  # price of running in each cell
    work_w: Floats  # least power in each cell of work and end
    startup_w: Floats  # ... of the start-up, counted back from the work; and of saving
    save_w: Floats
    suspended_w: float
    pause_g: float  # what the cut parts of start-up and saving emit at least, each time
    once_g: float  # ... and all others
    allowed: NDArray[np.bool_]  # rows at which the job may stop
    under_way: bool
    waited: bool


def _least(edges: Ints, value: Floats, begin: Whole, h: Whole, count: Whole) -> Floats:
    """Least value of a step function in each of some cells of a length h."""
    least = np.empty(count)
    i = 0
    for cell in range(count):
        low, high = begin + cell * h, begin + (cell + 1) * h
        while i + 1 < value.size and edges[i + 1] <= low:
            i += 1
        found, j = value[i], i
        while j + 1 < value.size and edges[j + 1] < high:
            j += 1
            found = min(found, value[j])
        least[cell] = found
    return least


def _rates(price: Price, begin: Whole, h: Whole, count: Whole) -> Floats:
    """Least price of running through each of some cells, 0 if that is negative."""
    pieces = price.time.size - 1
    if pieces < 1:
        return np.zeros(count)
    rate = np.empty(pieces)
    for i in range(pieces):
        length = price.time[i + 1] - price.time[i]
        rate[i] = max(0.0, (price.paid_g[i + 1] - price.paid_g[i]) / length) * h
    return _least(price.time, rate, begin, h, count)


def _joined(first: Part, second: Part, back: bool) -> Part:
    """Two parts after another; counted back from their end if so asked."""
    ahead, size = first.power_w.size, first.power_w.size + second.power_w.size
    border, power_w = np.zeros(size + 1, dtype=np.int64), np.empty(size)
    for i in range(size):
        if i < ahead:
            border[i + 1], power_w[i] = first.border[i + 1], first.power_w[i]
        else:
            border[i + 1] = first.border[-1] + second.border[i + 1 - ahead]
            power_w[i] = second.power_w[i - ahead]
    if back:
        return Part(border[-1] - border[::-1], power_w[::-1].copy())
    return Part(border, power_w)


@lean
def _total(numbers: Floats) -> float:
    """Return the sum of some numbers."""
    total = 0.0
    for number in numbers:
        total += number
    return total


@lean
def _energy_ws(part: Part) -> float:
    """Energy of phases [W us]."""
    total = 0.0
    for i in range(part.power_w.size):
        total += part.power_w[i] * (part.border[i + 1] - part.border[i])
    return total


def _allowed(p: Problem, h: Whole, rows: Whole) -> NDArray[np.bool_]:
    """Rows of cells at which the job may stop."""
    allowed = np.zeros(rows, dtype=np.bool_)
    at_begin = p.may_stop
    if p.anywhere:
        furthest = p.work.border[-1] - (0 if p.end.border[-1] > 0 else 1)
        allowed[: -(-furthest // h) + 1] = True
        at_begin = True
    for stop in p.stops:
        allowed[min(stop // h, rows - 1)] = True
        allowed[min(-(-stop // h), rows - 1)] = True
        at_begin = at_begin or stop < h
    allowed[0] = at_begin
    return allowed


def _cells(p: Problem, h: Whole, price: Price) -> Cells:
    """Relax a problem to cells of a length h."""
    whole = _joined(p.work, p.end, False)
    back = _joined(Part(p.startup.border[:1], p.startup.power_w[:0]), p.startup, True)
    origin: Whole = p.edges[1] % h if p.value.size > 1 else np.int64(0)
    origin -= h if origin else 0  # so that equal steps end where cells do
    count = -(-(p.horizon - origin) // h)
    # Below zero the relaxed intensity is 0: what that leaves out is taken off in the end.
    known, negative_g = np.empty(p.value.size), 0.0
    cheapest_g = np.inf
    for i in range(p.value.size):
        known[i] = max(p.value[i], 0.0)
        cheapest_g = min(cheapest_g, known[i])
        negative_g += min(p.value[i], 0.0) * (p.edges[i + 1] - p.edges[i])
    value = _least(p.edges, known, origin, h, count)
    work_w = _least(whole.border, whole.power_w, 0, h, whole.border[-1] // h)
    startup_w = _least(back.border, back.power_w, 0, h, back.border[-1] // h)[::-1].copy()
    save_w = _least(p.save.border, p.save.power_w, 0, h, p.save.border[-1] // h)
    suspended_w, peak_w = p.suspended_w, p.suspended_w
    for part_w in (p.startup.power_w, p.save.power_w):
        for power_w in part_w:
            suspended_w, peak_w = min(suspended_w, power_w), max(peak_w, power_w)
    for power_w in whole.power_w:
        peak_w = max(peak_w, power_w)
    started_ws = _energy_ws(p.startup) - h * _total(startup_w)
    saved_ws = _energy_ws(p.save) - h * _total(save_w)
    once_ws = _energy_ws(whole) - h * _total(work_w) + (0.0 if p.under_way else started_ws)
    once_g = max(0.0, once_ws) * cheapest_g + peak_w * negative_g
    if p.waited:  # the first cell may begin before the plan does
        once_g -= suspended_w * value[0] * h
    # the parts that are cut are suspended time instead, which was charged at least so much
    cut = p.pause - h * (startup_w.size + save_w.size)
    pause_g = max(0.0, max(0.0, started_ws + saved_ws) - suspended_w * cut) * cheapest_g
    for i in range(count):
        value[i] *= h
    return Cells(
        h,
        origin,
        value,
        _rates(price, origin, h, count),
        work_w,
        startup_w,
        save_w,
        suspended_w,
        pause_g,
        once_g,
        _allowed(p, h, work_w.size + 1),
        p.under_way,
        p.waited,
    )


def _overheads(t: Cells, cheaper: float) -> tuple[Floats, Floats, Floats]:
    """Emissions of a first start and a resume whose work begins at a cell, and of a stop there."""
    slots, startup, save = t.value.size, t.startup_w.size, t.save_w.size
    cost = np.zeros(slots + 1)
    for i in range(slots):
        cost[i + 1] = cost[i] + t.value[i]
    first, start = np.full(slots + 1, np.inf), np.full(slots + 1, np.inf)
    for i in range(startup, slots + 1):
        total = 0.0
        for j in range(startup):
            total += t.startup_w[j] * t.value[i - startup + j] + t.rate_g[i - startup + j]
        first[i] = total + (t.suspended_w * cost[i - startup] if t.waited else 0.0)
        start[i] = cheaper * (total + t.suspended_w * cost[i - startup] + t.pause_g)
    stop = np.full(slots + 1, np.inf)
    for i in range(slots - save + 1):
        total = 0.0
        for j in range(save):
            total += t.save_w[j] * t.value[i + j] + t.rate_g[i + j]
        stop[i] = cheaper * (total - t.suspended_w * cost[i + save])
    return first, start, stop


@lean
def _worked(on: Floats, once: Floats, power_w: float, value: Floats, rate_g: Floats) -> None:
    """Add the emissions of a row of cells."""
    for d in range(on.size):
        emitted_g = power_w * value[d] + rate_g[d]
        on[d] += emitted_g
        once[d] += emitted_g


@lean
def _turned(
    before: Floats, other: Floats, leave: Floats, after: Floats, come: Floats, off: Floats
) -> None:
    """Let a pause lead from any place to one at least as late, where that emits less.

    `off` is room; three loops, of which only the middle one can not be done side by side.
    """
    least_g = np.inf
    for d in range(after.size):
        off[d] = min(before[d], other[d]) + leave[d]
    for d in range(after.size):
        least_g = min(least_g, off[d])
        off[d] = least_g
    for d in range(after.size):
        after[d] = min(after[d], off[d] + come[d])


def _forward(t: Cells, cheaper: float, reached: Floats) -> tuple[float, float]:
    """Return the least emissions of the relaxed problem, of all and of those with a pause.

    Pauses emit so many times what they do. Runs without work are allowed: they are limits of
    others, and it is a bound that is wanted. The least emissions up to each corner are put into
    `reached`, if that is not of size 0.
    """
    rows = t.work_w.size
    width = t.value.size - rows + 1
    shift = min(width, t.startup_w.size + t.save_w.size)
    first, start, stop = _overheads(t, cheaper)
    once, on = np.full(width, np.inf), np.full(width, np.inf)  # without a pause, and with one
    for d in range(min(2, width) if t.under_way else width):
        once[d] = 0.0 if t.under_way else first[d]  # what is under way goes on in the first cell
    off = np.empty(width)
    for k in range(rows + 1):
        if k > 0:
            _worked(on, once, t.work_w[k - 1], t.value[k - 1 :], t.rate_g[k - 1 :])
        if t.allowed[k]:
            _turned(on, once, stop[k:], on[shift:], start[k + shift :], off)
        if reached.size:
            here = reached[k]
            for d in range(width):
                here[d] = min(on[d], once[d])
    least_g, paused_g = np.inf, np.inf
    for d in range(width):
        least_g, paused_g = min(least_g, once[d]), min(paused_g, on[d])
    return min(least_g, paused_g) + t.once_g, paused_g + t.once_g


@lean
def _cornered(here: Floats, above: Floats) -> None:
    """Put the least of its four corners in place of each of a row; `above` goes on to the next."""
    last = here.size - 1
    for d in range(last):
        beside = min(here[d], here[d + 1])
        here[d] = min(beside, above[d])
        above[d] = beside
    beside = here[last]
    here[last] = min(beside, above[last])
    above[last] = beside


def _through(t: Cells) -> tuple[float, float, Floats]:
    """Return what `_forward` does, and the least emissions through each cell."""
    rows = t.work_w.size
    width = t.value.size - rows + 1
    shift = min(width, t.startup_w.size + t.save_w.size)
    through_g = np.empty((rows + 1, width))
    least_g, paused_g = _forward(t, 1.0, through_g)
    _, start, stop = _overheads(t, 1.0)
    start, stop = start[::-1].copy(), stop[::-1].copy()  # all is counted back from the end
    value, rate_g = t.value[::-1].copy(), t.rate_g[::-1].copy()
    rest, off, above = np.full(width, t.once_g), np.empty(width), np.full(width, np.inf)
    none = np.zeros(width)
    for k in range(rows, -1, -1):
        back = rows - k
        if k < rows:
            _worked(rest, none, t.work_w[k], value[back - 1 :], rate_g[back - 1 :])
        if t.allowed[k]:
            _turned(rest, rest, start[back:], rest[shift:], stop[back + shift :], off)
        here = through_g[k]
        back_g = rest[::-1]
        for d in range(width):
            here[d] += back_g[d]
        _cornered(here, above)
    return least_g, paused_g, through_g


@lean
def _least_pause_g(t: Cells) -> float:
    """Return the least that a pause emits."""
    least_g = t.pause_g
    for part_w in (t.startup_w, t.save_w):
        cheapest_g = np.inf
        for i in range(t.value.size - part_w.size + 1):
            total = 0.0
            for j in range(part_w.size):
                total += part_w[j] * t.value[i + j]
            cheapest_g = min(cheapest_g, total)
        least_g += cheapest_g
    return least_g


def _common_step(p: Problem) -> Whole:
    """Length of the steps of the intensity, if they are equal, or their median."""
    inner = p.edges.size - 3
    if inner < 1:
        return p.horizon
    length = np.empty(inner, dtype=np.int64)
    equal = True
    for i in range(inner):
        length[i] = p.edges[i + 2] - p.edges[i + 1]
        equal = equal and length[i] == length[0]
    return length[0] if equal else _sorted(length)[inner // 2]


def _cell(p: Problem, step: Whole, pieces: Whole) -> Whole:
    """Return about a so-manieth of a job or a step, so that steps end where cells do.

    Where some such cell nearly divides the overhead of a pause, the largest of these: then the
    relaxation cuts little off a pause.
    """
    whole = max(np.int64(1), min(step, p.work.border[-1] + p.end.border[-1]))
    number = -(-step * pieces // whole)
    best = np.int64(0)
    for n in range(number, 4 * number):
        if step % n == 0:
            h = step // n
            cut = p.startup.border[-1] % h + p.save.border[-1] % h
            if best == 0 or cut <= _SMALL_CUT * h:
                best = h
            if cut <= _SMALL_CUT * h:
                break
    return max(np.int64(1), best if best > 0 else step // number)


@lean
def _size(p: Problem, h: Whole) -> float:
    """Return how many states a relaxation has."""
    length = p.work.border[-1] + p.end.border[-1]
    return (length // h + 1.0) * (max(np.int64(0), p.horizon - length) // h + 2.0)


RELAXING = (
    *(_least, _rates, _joined, _total, _energy_ws, _allowed, _cells),
    *(_overheads, _worked, _turned, _forward),
)
"""What relaxes a problem and bounds it, each after what it calls."""
NARROWING = (_cornered, _through)
CHOOSING = (_common_step, _cell, _size)
