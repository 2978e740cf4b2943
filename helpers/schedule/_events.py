"""Suspend and resume for any durations: event points, a relaxation, and what both prove.

The module `helpers.schedule.suspend` tells the theory; here is how it is carried out.

1. `_best_start`: the best schedule without a pause, in one sweep.
2. `_relaxed`: ever finer relaxations. Most problems end with the first, whose bound comes up to
   the best start.
3. `_points`: the event points, kept only where states may be part of a schedule that emits no
   more than a *guess*, a little above the bound. A schedule that emits no more than the guess is
   the best one, since no better one was left out; else the guess is raised.
4. `_filled`: the dynamic program on those points.

The first with the coarsest relaxation is one compiled call, each finer relaxation another, and so
are the two last.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from helpers.extras import compiled
from helpers.schedule._filled import (
    FILLING,
    _bands,
    _fill,
    _on_lattice,
    _states,
)
from helpers.schedule._grid import Raw, Whole
from helpers.schedule._points import POINTING, _alive, _column, _event_points, _row
from helpers.schedule._problem import (
    READING,
    RULES,
    STARTING,
    Floats,
    Ints,
    Problem,
    _best_start,
    _least_run,
    _may_pause,
    _read,
    _regular,
)
from helpers.schedule._relaxed import (
    CHOOSING,
    EQUAL,
    MAX_RELAXED,
    NARROWING,
    RELAXING,
    Price,
    _cell,
    _cells,
    _common_step,
    _forward,
    _least_pause_g,
    _size,
    _through,
)

__all__: list[str] = []

MAX_STATES = 60_000_000
"""Most states of the dynamic program on event points: a second or so."""
LEVELS = (1, 3, 12, 60, 240)
"""Cells of the relaxation per step of the intensity."""
_WORTH = 0.1
"""How many states are filled at most, as a share of those of the next finer relaxation.

That one costs less by state, and leaves fewer.
"""
_GUESS = 3e-4
"""How far above the bound the emissions are guessed to be first, as a share of it."""
_RAISE = 4.0
"""How many times as far they are guessed to be next."""
_PROVEN, _UNPROVEN, _OPEN, _BOUNDED = range(4)
"""What is known of the best start: that no pause pays; that event points may tell; that they may
unless use is made of stopping at once; or only a bound."""

NO_PRICE = Price(np.empty(0, dtype=np.int64), np.empty(0))


class Found(NamedTuple):
    """Runs in microseconds after `now_s` and of the work that was left; what is proven so far."""

    start: Ints
    work_from: Ints
    work_to: Ints
    emissions_g: float
    lower_g: float | None  # None: not asked yet
    method: str


class Best(NamedTuple):
    """The best schedule so far."""

    emissions_g: float
    start: Ints
    work_from: Ints
    work_to: Ints


def _started_once(p: Problem) -> Best:
    """Return the best schedule without a pause."""
    least_g, y = _best_start(p)
    start = y - (0 if p.under_way else p.startup.border[-1])
    return Best(least_g, np.full(1, start), np.full(1, 0), np.full(1, p.work.border[-1]))


def _reaches(lower_g: float, upper_g: float) -> bool:
    """Whether a bound comes up to what a schedule emits."""
    return lower_g >= upper_g - EQUAL * abs(upper_g)


class Begun(NamedTuple):
    """What the coarsest relaxation says where it does not prove the best start to be best."""

    lower_g: float
    pause_g: float  # least that a pause emits
    half_g: float  # what any schedule emits at least, were pauses cheaper by one half
    tenth_g: float  # ... and by nine tenths
    finer_h: int  # cell of the next finer relaxation


class Narrowed(NamedTuple):
    """What a relaxation says of all schedules."""

    lower_g: float
    paused_g: float  # lower bound of those with a pause
    h: int
    origin: int
    cell_g: Floats  # least emissions through each cell
    finer_h: int  # cell of the next finer relaxation, and how many states that has
    finer_size: float


def _quick(raw: Raw, pieces: Whole, finer: Whole) -> tuple[int, Best, Begun]:
    """Return the best schedule without a pause, what is known of it, and what of all others."""
    p = _read(raw)
    best, step = _started_once(p), _common_step(p)
    begun = Begun(best.emissions_g, 0.0, 0.0, 0.0, _cell(p, step, finer))
    if not _may_pause(p):
        return _PROVEN, best, begun
    cells = _cells(p, _cell(p, step, pieces), Price(p.stops[:0], p.value[:0]))
    bound_g, no_cells = np.zeros(3), np.empty((0, 0))
    for i in range(3):  # with pauses ever cheaper
        bound_g[i], paused_g = _forward(cells, (1.0, 0.5, 0.1)[i], no_cells)
        if i == 0 and _reaches(paused_g, best.emissions_g):
            return _PROVEN, best, begun
        if i == 0 and (_least_run(p) or not _regular(p)):
            return _BOUNDED, best, Begun(bound_g[0], 0.0, 0.0, 0.0, begun.finer_h)
    stays = p.may_stop or not p.anywhere
    code = _OPEN if p.under_way and not stays else _UNPROVEN
    pause_g = _least_pause_g(cells)
    return code, best, Begun(bound_g[0], pause_g, bound_g[1], bound_g[2], begun.finer_h)


def _narrow(raw: Raw, h: Whole, finer: Whole) -> Narrowed:
    """Relax a problem to cells of a length h."""
    p = _read(raw)
    cells = _cells(p, h, Price(p.stops[:0], p.value[:0]))
    lower_g, paused_g, cell_g = _through(cells)
    finer_h = _cell(p, _common_step(p), finer)
    return Narrowed(lower_g, paused_g, h, cells.origin, cell_g, finer_h, _size(p, finer_h))


def _pointed(
    raw: Raw, found: Narrowed, upper_g: float, pauses: float, most: float
) -> tuple[bool, Best]:
    """Return the best schedule of those that emit so much at most, and have so many pauses.

    Also whether its event points are few enough to be looked at, and its states to be filled.
    """
    p = _read(raw)
    alive = _alive(found.cell_g, found.h, found.origin, upper_g)
    x, y, spare = _event_points(p, alive, pauses, np.int64(most + 1000))
    if spare < 0:
        return False, Best(np.inf, x[:0], x[:0], x[:0])
    band, range_from, low, high, count = _bands(alive, x, y)
    if count * (1.0 if p.most < 0 else 1.0 + p.most) > most:
        return False, Best(np.inf, x[:0], x[:0], x[:0])
    price = Price(p.stops[:0], p.value[:0])
    t = _states(p, x, y, (band, range_from, low, high), price)
    least_g, start, work_from, work_to = _fill(p, t)
    return True, Best(least_g, start, work_from, work_to)


def _bounded(
    raw: Raw, levels: tuple[int, ...], most: float, enough_g: float, price: Price
) -> float:
    """Return what no schedule emits less than, by relaxations of so many states at most.

    None is refined once the bound has reached `enough_g`.
    """
    p = _read(raw)
    step, least_g = _common_step(p), -np.inf
    for pieces in levels:
        h = _cell(p, step, pieces)
        if _size(p, h) > most and pieces != levels[0]:
            break
        least_g = max(least_g, _forward(_cells(p, h, price), 1.0, np.empty((0, 0)))[0])
        if _reaches(least_g, enough_g):
            break
    return least_g


def _lattice(raw: Raw, slot: Whole, price: Price) -> Best:
    """Return the best schedule with starts and stops on multiples of a slot only."""
    least_g, start, work_from, work_to = _on_lattice(_read(raw), slot, price)
    return Best(least_g, start, work_from, work_to)


_RELAXED = (*READING, *RULES, *CHOOSING, *RELAXING, _reaches)
_POINTED = (*READING, *RULES, *POINTING, *FILLING)


def problem(raw: Raw) -> Problem:
    """Read a problem."""
    return compiled(_read, *READING[:-1])(raw)


def on_lattice(raw: Raw, slot: int, price: Price = NO_PRICE) -> Found:
    """Return the best schedule with starts and stops on multiples of a slot only."""
    parts = (*READING, *RULES, _row, _column, *FILLING, _on_lattice)
    return _found(compiled(_lattice, *parts)(raw, slot, price), None, "relaxation")


def lattice_states(p: Problem, slot: int) -> int:
    """Return how many states a problem has on a lattice."""
    rows = 2 + (p.work.border[-1] // slot if p.anywhere else p.stops.size)
    return int(rows) * ((p.last - p.first) // slot + 1) * (1 if p.most < 0 else 1 + p.most)


def lattice_slot(p: Problem, most: float) -> int:
    """Return a slot on whose lattice a problem has about so many states."""
    layers = 1 if p.most < 0 else 1 + p.most
    span, whole = max(1, p.last - p.first), max(1, int(p.work.border[-1]))
    if not p.anywhere:
        return max(1, math.ceil(layers * (p.stops.size + 2) * span / most))
    return max(1, math.ceil(math.sqrt(layers * whole * span / most)))


def lower_g(raw: Raw, enough_g: float, most: float = 3e5, price: Price = NO_PRICE) -> float:
    """Return what no schedule emits less than [g CO2e], by relaxations of up to `most` states.

    None is refined once the bound has reached `enough_g`, what some schedule emits.
    """
    return min(compiled(_bounded, *_RELAXED)(raw, LEVELS, most, enough_g, price), enough_g)


def regular(p: Problem) -> bool:
    """Whether a run without work can never pay: else no schedule need be the best one."""
    return _regular(p)


def solve(raw: Raw, *, most_states: float | None = None) -> Found:
    """Return the best schedule and its certificate; the best one known where none is proven.

    Parameters
    ----------
    raw : Raw
        Any problem; one where runs without work may pay, or with a least run, is bounded but
        not solved.
    most_states : float
        Most states of the last step; by default `MAX_STATES`.
    """
    found = _tried(raw, float(MAX_STATES if most_states is None else most_states))
    return _bounds(raw, found) if found.method == "relaxation" else found


def proven(raw: Raw) -> Found | None:
    """Return the best schedule, or None where it is not proven to be."""
    found = _tried(raw, float(MAX_STATES))
    return None if found.method == "relaxation" else found


def _tried(raw: Raw, most_states: float) -> Found:
    """Return the best schedule, or the best one known where none is proven to be.

    Then its method is "relaxation".
    """
    quick = compiled(_quick, *_RELAXED, *STARTING, _started_once, _least_pause_g)
    code, best, begun = quick(raw, LEVELS[0], LEVELS[min(1, len(LEVELS) - 1)])
    if code == _PROVEN:
        return _found(best, best.emissions_g, "best start")
    lower_g, method = begun.lower_g, "relaxation"
    if code == _OPEN:
        free = _tried(raw._replace(may_stop=True), most_states)
        if free.work_to[0] > 0:  # no use is made of stopping at once
            return free
        lower_g = max(lower_g, free.lower_g or -math.inf)
    if code == _UNPROVEN:
        best, lower_g, method = _thorough(raw, best, begun, most_states)
    return _found(best, lower_g if method == "relaxation" else best.emissions_g, method)


def _thorough(raw: Raw, best: Best, begun: Begun, most_states: float) -> tuple[Best, float, str]:
    """Return the best schedule, a lower bound, and how it was found, by ever finer relaxations.

    `best` is the best schedule without a pause.
    """
    narrow = compiled(_narrow, *_RELAXED, *NARROWING)
    h, lower_g, method, last = begun.finer_h, begun.lower_g, "relaxation", len(LEVELS) - 1
    for level in range(min(1, last), last + 1):
        found = narrow(raw, h, LEVELS[min(level + 1, last)])
        h, lower_g = found.finer_h, max(lower_g, found.lower_g)
        if best.start.size == 1 and _reaches(found.paused_g, best.emissions_g):
            return best, lower_g, "best start"
        finest = level == last or found.finer_size > MAX_RELAXED
        most = most_states if finest else min(most_states, _WORTH * found.finer_size)
        best, method = _guessed(raw, found, best, lower_g, begun, most)
        if finest or method != "relaxation":
            break
    return best, lower_g, method


def _guessed(
    raw: Raw, found: Narrowed, best: Best, lower_g: float, begun: Begun, most: float
) -> tuple[Best, str]:
    """Return the best schedule and how it was found; by the relaxation if the states are too many.

    The emissions are guessed to be a little above the bound. If the best schedule on the event
    points of the guess emits no more, nothing better was left out; else the guess is raised.
    """
    pointed = compiled(_pointed, *_POINTED)
    above_g = max(_GUESS * abs(lower_g), 2 * EQUAL * best.emissions_g)
    while True:
        last = lower_g + above_g >= best.emissions_g
        limit_g = best.emissions_g if last else lower_g + above_g
        pauses = _most_pauses(begun, limit_g)
        if pauses > 0:
            few, better = pointed(raw, found, limit_g, pauses, most)
            if not few:
                return best, "relaxation"
            if better.emissions_g < best.emissions_g:
                best = better
            if last or better.emissions_g <= limit_g:
                return best, "event points"
        elif last:
            return best, "best start"
        spare_g = best.emissions_g - lower_g
        known = best.start.size > 1 and spare_g <= _RAISE**2 * above_g
        above_g = spare_g if known else _RAISE * above_g


def _most_pauses(begun: Begun, upper_g: float) -> float:
    """Return how many pauses a schedule that emits no more than `upper_g` has at most.

    With pauses at (1 - f) of what they emit, a schedule of n pauses emits less by f n m at
    least, m being the least that a pause emits. It still emits the lower bound.
    """
    if begun.pause_g <= 0:
        return math.inf
    most = math.inf
    for share, lower_g in ((0.5, begun.half_g), (0.9, begun.tenth_g)):
        spare_g = upper_g * (1 + EQUAL) - lower_g
        most = min(most, max(0.0, math.floor(spare_g / (share * begun.pause_g) + 1e-9)))
    return most


def _found(best: Best, lower_g: float | None, method: str) -> Found:
    return Found(best.start, best.work_from, best.work_to, best.emissions_g, lower_g, method)


def _bounds(raw: Raw, best: Found) -> Found:
    """Return the best of some schedules on lattices, and how much better another could be."""
    asked, least_g = problem(raw), -math.inf if best.lower_g is None else best.lower_g
    for states in (3e4, 1e6):
        better = on_lattice(raw, lattice_slot(asked, states))
        if better.emissions_g < best.emissions_g:
            best = better
    least_g = max(least_g, lower_g(raw, best.emissions_g, MAX_RELAXED))
    return best._replace(lower_g=min(least_g, best.emissions_g), method="relaxation")
