"""A problem of suspend and resume in whole microseconds, as compiled loops take it.

All times are whole microseconds after the instant from which the job is planned. A *diagonal* y
is the instant at which a run would have begun the first second of the work: with w done, it is
y + w. Every function here is meant to be compiled (`helpers.extras.compiled`), and written in
plain loops, which numba compiles several times faster than calls of NumPy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH
from helpers.extras import lean
from helpers.schedule._grid import TICKS_PER_S, Raw, Whole, _up_to

__all__: list[str] = []

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_G_PER_TICK = 1.0 / (JOULES_PER_KWH * TICKS_PER_S)
"""Emissions of 1 W in a microsecond at 1 g/kWh."""


class Part(NamedTuple):
    """Phases: borders, the first being 0, and powers between them [W]."""

    border: Ints
    power_w: Floats


class Problem(NamedTuple):
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
    anywhere: bool  # whether the job may stop anywhere, or only ...
    stops: Ints  # ... here
    least: int  # least work of a run that is stopped; of the first run:
    least_first: int
    under_way: bool
    may_stop: bool
    waited: bool
    most: int  # further resumes; -1 without a limit
    tie_g: float
    pause: int  # least time from a stop to the work after it
    first: int  # earliest diagonal, and latest
    last: int


@lean
def _rounded(seconds: float) -> Whole:
    """Return the nearest microsecond, the even one of two."""
    return np.int64(np.rint(seconds * TICKS_PER_S))


def _sorted(numbers: Ints) -> Ints:
    """Return the numbers, rising: a merge sort, which compiles in a tenth of NumPy's time."""
    here, there = numbers.copy(), numbers.copy()
    length = 1
    while length < here.size:
        for begin in range(0, here.size, 2 * length):
            i, middle = begin, min(begin + length, here.size)
            j, end = middle, min(begin + 2 * length, here.size)
            for k in range(begin, end):
                if i < middle and (j >= end or here[i] <= here[j]):
                    there[k] = here[i]
                    i += 1
                else:
                    there[k] = here[j]
                    j += 1
        here, there = there, here
        length *= 2
    return here


def _distinct(numbers: Ints) -> Ints:
    """Return the numbers once each, rising."""
    rising = _sorted(numbers)
    count = 0
    for number in rising:
        if count == 0 or number != rising[count - 1]:
            rising[count] = number
            count += 1
    return rising[:count]


def _part(edges_s: Floats, power_w: Floats, done_s: float) -> Part:
    """Phases after `done_s`, without those of no length."""
    border = np.zeros(power_w.size + 1, dtype=np.int64)
    kept_w = np.empty(power_w.size)
    count = 0
    for i in range(power_w.size):
        to = _rounded(edges_s[i + 1] - done_s)
        if to > border[count]:
            border[count + 1], kept_w[count] = to, power_w[i]
            count += 1
    return Part(border[: count + 1], kept_w[:count])


def _steps(raw: Raw, horizon: Whole) -> tuple[Ints, Floats, Floats, float]:
    """Steps of the intensity up to the horizon, values, sums, and the largest that there was."""
    first = _up_to(raw.edges_s, raw.now_s) - 1
    size = raw.value_g_per_kwh.size
    edges, value = np.zeros(size + 1, dtype=np.int64), np.empty(size)
    cost_g = np.zeros(size + 1)
    count, largest = 0, 0.0
    for i in range(first, size):
        if i > first and raw.edges_s[i] >= raw.deadline_s:
            break
        known = raw.value_g_per_kwh[i] * _G_PER_TICK
        largest = max(largest, abs(known))
        if count > 0 and known == value[count - 1]:
            continue
        if count > 0:
            edges[count] = _rounded(raw.edges_s[i] - raw.now_s)
        value[count] = known
        count += 1
    edges[count] = horizon
    for i in range(count):
        cost_g[i + 1] = cost_g[i] + value[i] * (edges[i + 1] - edges[i])
    return edges[: count + 1], value[:count], cost_g[: count + 1], largest


def _marks(raw: Raw, whole: Whole, ends: bool) -> Ints:
    """Places where work may stop: after some, and with all done only before an end."""
    stops = np.empty(raw.marks_s.size, dtype=np.int64)
    count = 0
    for mark_s in raw.marks_s:
        at = _rounded(mark_s - raw.done_s)
        if at > 0 and (at < whole or ends):
            stops[count] = at
            count += 1
    return stops[:count]


def _read(raw: Raw) -> Problem:
    """Read a problem."""
    startup, end = _part(raw.startup_s, raw.startup_w, 0.0), _part(raw.end_s, raw.end_w, 0.0)
    work = _part(raw.work_s, raw.work_w, raw.done_s)
    save = _part(raw.save_s, raw.save_w, 0.0)
    begins, ends, saved = startup.border[-1], end.border[-1], save.border[-1]
    horizon = _rounded(raw.deadline_s - raw.now_s)
    edges, value, cost_g, largest = _steps(raw, horizon)
    under_way = raw.lasted_s >= 0
    least = _rounded(raw.least_run_s) - saved
    first: Whole = np.int64(0) if under_way else begins
    return Problem(
        startup,
        work,
        end,
        save,
        raw.suspended_w,
        horizon,
        edges,
        value,
        cost_g,
        not raw.only_marks,
        _marks(raw, work.border[-1], ends > 0) if raw.only_marks else np.empty(0, dtype=np.int64),
        max(np.int64(0), least - begins),
        max(np.int64(0), least - (_rounded(max(raw.lasted_s, 0.0)) if under_way else begins)),
        under_way,
        raw.may_stop,
        raw.waited,
        raw.most,
        raw.tie_j * largest * TICKS_PER_S,
        begins + saved,
        first,
        max(first, horizon - ends - work.border[-1]),
    )


@lean
def _regular(p: Problem) -> bool:
    """Whether a run without work can never pay: else no schedule need be the best one."""
    for known in p.value:
        if known < 0:
            return False
    for power_w in (p.startup.power_w, p.save.power_w):
        for overhead_w in power_w:
            if overhead_w < p.suspended_w:
                return False
    return True


@lean
def _least_run(p: Problem) -> bool:
    """Whether a run may have to last longer than its start-up and saving take."""
    return p.least > 0 or p.least_first > 0


@lean
def _may_pause(p: Problem) -> bool:
    """Whether any pause is allowed."""
    return p.most != 0 and (p.anywhere or p.stops.size > 0 or (p.under_way and p.may_stop))


READING = (_rounded, _up_to, _sorted, _distinct, _part, _steps, _marks, _read)
"""What reads a problem, each after what it calls."""
RULES = (_regular, _least_run, _may_pause)


# --- the best start, without a pause ------------------------------------------------------


def _profile(p: Problem) -> Part:
    """All phases of a run without a stop, with borders counted from the begin of its work."""
    skipped = p.startup.power_w.size if p.under_way else 0
    count = p.startup.power_w.size - skipped + p.work.power_w.size + p.end.power_w.size
    border, power_w = np.zeros(count + 1, dtype=np.int64), np.empty(count)
    at = 0 if p.under_way else -p.startup.border[-1]
    border[0] = at
    i = 0
    for part in (p.startup, p.work, p.end):
        for j in range(skipped, part.power_w.size):
            border[i + 1], power_w[i] = at + part.border[j + 1], part.power_w[j]
            i += 1
        at += 0 if skipped else part.border[-1]
        skipped = 0
    return Part(border, power_w)


@lean
def _run_g(p: Problem, run: Part, y: Whole, step: Ints) -> float:
    """Emissions of a run on a diagonal, and of the wait before it.

    `step` holds the steps of the intensity at the borders of an earlier diagonal.
    """
    total_g, before_g = 0.0, 0.0
    for j in range(run.border.size):
        time = min(max(y + run.border[j], 0), p.horizon)
        i = step[j]
        while i + 1 < p.value.size and p.edges[i + 1] <= time:
            i += 1
        step[j] = i
        here_g = p.cost_g[i] + p.value[i] * (time - p.edges[i])
        if j > 0:
            total_g += run.power_w[j - 1] * (here_g - before_g)
        elif p.waited:
            total_g += p.suspended_w * here_g
        before_g = here_g
    return total_g


@lean
def _earlier(least_g: float, y: Whole, found_g: float, at: Whole, tie_g: float) -> tuple:
    """Return the better of two starts; of equal ones the earlier."""
    if found_g < least_g - tie_g / 2 or (found_g <= least_g + tie_g / 2 and at < y):
        y = at
    return min(least_g, found_g), y


def _best_start(p: Problem) -> tuple[float, Whole]:
    """Return the least emissions without a pause, and the earliest diagonal that has them.

    Least values lie at the ends of the window, or where a border of power is at a step of the
    intensity with a convex kink: power falls where the intensity rises, or the other way round.
    """
    run = _profile(p)
    count = run.border.size
    step = np.zeros(count, dtype=np.int64)
    y = p.first
    least_g = _run_g(p, run, y, step)
    if p.under_way:
        return least_g, y
    least_g, y = _earlier(least_g, y, _run_g(p, run, p.last, step), p.last, p.tie_g)
    for j in range(count):
        before_w = run.power_w[j - 1] if j > 0 else (p.suspended_w if p.waited else 0.0)
        after_w = run.power_w[j] if j + 1 < count else 0.0
        step[:] = 0
        for i in range(1, p.value.size):
            at = p.edges[i] - run.border[j]
            kink = (before_w - after_w) * (p.value[i] - p.value[i - 1])
            if kink > 0 and p.first <= at <= p.last:
                found_g = _run_g(p, run, at, step)
                least_g, y = _earlier(least_g, y, found_g, at, p.tie_g)
    return least_g, y


STARTING = (_profile, _run_g, _earlier, _best_start)
