"""Where jobs find a place: what is free when, as a chain of steps, for loops that numba compiles.

Conservative backfilling asks, for each job that waits, whether there is an earlier place than the
one that the job has, and moves it there: tens of millions of times in a long line. Most moves are
short: everything behind a job that ends early moves up by as much. So a move must cost what it
changes, and a question must not go through all that lies before the job. For that there are

* *steps*: how many cores are free from when on, each linked with its neighbours; a job knows the
  steps at which its place begins and ends, and a move walks from there;
* for each number of cores that jobs ask for, *bounds*: how long a stretch of time with so many
  free is at most, of those that begin before a step. They grow with time, and the first that is
  long enough tells where a search begins.

A change that frees cores raises bounds at once; one that takes them leaves bounds too high, and the
next search that finds less than they promise lowers them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.extras import lean

__all__ = [
    "PARTS",
    "Plan",
    "advanced",
    "cleared",
    "given",
    "made",
    "needed",
    "parts_of",
    "placed",
    "rebooked",
    "room",
    "roomier",
]

_FREE, _NEXT, _PREVIOUS, _USES = range(4)
"""What a row of `Plan.link` says of a step: the cores that are free from it on, its neighbours, and
how many places and bounds begin or end there. Step 0 is no step: it closes the chain, at no time,
and nothing is free there."""

_COUNTS = 1
"""No step either: its row counts."""

_SPARES, _SPARE, _UNUSED = range(3)
"""What it counts: rows that are free again, the first of them (chained by `_NEXT`), and the first
that was never used."""

_MOST = 64
"""Bounds kept for a number of cores: more would hardly tell more."""

_NEED, _BOUNDS, _NEAR, _ENOUGH = range(_MOST, _MOST + 4)
"""What follows the steps in a row of `Plan.bound_from`: the number of cores, how many bounds there
are, and where the last search among them ended."""


class Plan(NamedTuple):
    """What is free from now on.

    Attributes
    ----------
    time_s : ndarray, shape (rows,)
        When each step begins [s].
    link : ndarray of int, shape (rows, 4)
        See `_FREE` and `_SPARES`.
    at_least : ndarray of int, shape (cores + 2,)
        By a number of cores: the row of the bounds for it or, where there are none, for the next
        larger one.
    bound_s : ndarray, shape (needs, 2 x `_MOST`)
        Ascending lengths [s], and from when on each holds [s]: no stretch that begins before the
        next one's time is longer.
    bound_from : ndarray of int, shape (needs, `_MOST` + 3)
        The steps from which on they hold (no step for the first, which holds from now on), and
        `_NEED`.
    """

    time_s: NDArray[np.float64]
    link: NDArray[np.int64]
    at_least: NDArray[np.int64]
    bound_s: NDArray[np.float64]
    bound_from: NDArray[np.int64]


def made(now_s: float, cores: int) -> Plan:
    """Return a plan in which so many cores are free for ever."""
    rows = 64
    plan = Plan(
        np.zeros(rows),
        np.zeros((rows, 4), dtype=np.int32),
        np.zeros(cores + 2, dtype=np.int64),
        np.zeros((0, 2 * _MOST)),
        np.zeros((0, _MOST + 4), dtype=np.int64),
    )
    cleared(plan, now_s, cores)
    return plan


def roomier(plan: Plan, steps: int) -> Plan:
    """Return a plan with room for so many more steps: the same, or a larger copy."""
    rows = len(plan.time_s)
    if room(plan) >= steps:
        return plan
    more = rows + steps
    time_s = np.concatenate([plan.time_s, np.zeros(more)])
    link = np.concatenate([plan.link, np.zeros((more, 4), dtype=np.int32)])
    return plan._replace(time_s=time_s, link=link)


def needed(plan: Plan, need: int) -> Plan:
    """Return a plan with bounds for a number of cores: the same, or a larger copy."""
    s = plan.at_least[need]
    if s < len(plan.bound_from) and plan.bound_from[s, _NEED] == need:
        return plan
    plan.at_least[need + 1 :] += 1
    bound_s = np.insert(plan.bound_s, s, 0.0, axis=0)
    bound_from = np.insert(plan.bound_from, s, 0, axis=0)
    bound_from[s, _NEED] = need
    larger = plan._replace(bound_s=bound_s, bound_from=bound_from)
    _unbound(larger, s)
    return larger


# numba compiles all below; each function calls only those above it, with numbers of one type, or it
# would be compiled once more: `np.int64` says so of what is read from the chain, and of constants.


@lean
def room(plan):  # type: ignore[no-untyped-def]
    """Return how many more steps there is room for."""
    counts = plan.link[_COUNTS]
    return counts[_SPARES] + plan.time_s.size - counts[_UNUSED]


@lean
def _unbound(plan, s):  # type: ignore[no-untyped-def]
    """Promise nothing for a number of cores: the first search tells."""
    plan.bound_s[s, 0], plan.bound_s[s, _MOST] = np.inf, -np.inf
    plan.bound_from[s, _BOUNDS], plan.bound_from[s, _NEAR], plan.bound_from[s, _ENOUGH] = 1, 0, 0


@lean
def cleared(plan, now_s, cores):  # type: ignore[no-untyped-def]
    """Let so many cores be free for ever."""
    time_s, link = plan.time_s, plan.link
    time_s[0], time_s[2] = np.inf, now_s
    link[0, _FREE], link[0, _NEXT], link[0, _PREVIOUS] = -1, 2, 2
    link[2, _FREE], link[2, _NEXT], link[2, _PREVIOUS], link[2, _USES] = cores, 0, 0, 0
    link[_COUNTS, _SPARES], link[_COUNTS, _UNUSED] = 0, 3
    for s in range(len(plan.bound_s)):
        _unbound(plan, s)


@lean
def _inserted(time_s, link, after, at_s, free):  # type: ignore[no-untyped-def]
    """Return a new step before another one."""
    new = np.int64(link[_COUNTS, _UNUSED])
    if link[_COUNTS, _SPARES]:
        new = np.int64(link[_COUNTS, _SPARE])
        link[_COUNTS, _SPARE] = link[new, _NEXT]
        link[_COUNTS, _SPARES] -= 1
    else:
        link[_COUNTS, _UNUSED] += 1
    before = link[after, _PREVIOUS]
    link[new, _PREVIOUS], link[new, _NEXT] = before, after
    link[before, _NEXT] = link[after, _PREVIOUS] = new
    time_s[new], link[new, _FREE], link[new, _USES] = at_s, free, 0
    return new


@lean
def _dropped(link, step):  # type: ignore[no-untyped-def]
    """Take a step out of the chain."""
    before, after = link[step, _PREVIOUS], link[step, _NEXT]
    link[before, _NEXT], link[after, _PREVIOUS] = after, before
    link[step, _NEXT], link[_COUNTS, _SPARE] = link[_COUNTS, _SPARE], step
    link[_COUNTS, _SPARES] += 1


@lean
def _left(link, step):  # type: ignore[no-untyped-def]
    """Let a place or bound no longer begin or end at a step; drop it with the last of them."""
    link[step, _USES] -= 1
    if link[step, _USES] == 0 and link[step, _PREVIOUS] != 0:
        _dropped(link, step)


@lean
def _shifted(time_s, link, step, stop_s, more):  # type: ignore[no-untyped-def]
    """Change what is free from a step until a time; return the step at that time."""
    while time_s[step] < stop_s:
        link[step, _FREE] += more
        step = link[step, _NEXT]
    if time_s[step] != stop_s:
        free = link[link[step, _PREVIOUS], _FREE] - more
        step = _inserted(time_s, link, step, stop_s, free)
    return step


@lean
def _until(bound_s, bound_from, s, time_s):  # type: ignore[no-untyped-def]
    """Return the last bound that holds from a time on or from before."""
    low, high = bound_from[s, _NEAR], bound_from[s, _BOUNDS]
    if low >= high or bound_s[s, _MOST + low] > time_s:
        low = 0
    elif low + 1 == high or bound_s[s, _MOST + low + 1] > time_s:
        return low
    while high - low > 1:
        middle = (low + high) >> 1
        if bound_s[s, _MOST + middle] <= time_s:
            low = middle
        else:
            high = middle
    bound_from[s, _NEAR] = low
    return low


@lean
def _replaced(bound_s, bound_from, s, low, high, number):  # type: ignore[no-untyped-def]
    """Make room for so many bounds instead of those at low, ..., high - 1."""
    n = bound_from[s, _BOUNDS]
    by = number - (high - low)
    if by < 0:
        for k in range(high, n):
            bound_s[s, k + by], bound_s[s, _MOST + k + by] = bound_s[s, k], bound_s[s, _MOST + k]
            bound_from[s, k + by] = bound_from[s, k]
    elif by > 0:
        for k in range(n - 1, high - 1, -1):
            bound_s[s, k + by], bound_s[s, _MOST + k + by] = bound_s[s, k], bound_s[s, _MOST + k]
            bound_from[s, k + by] = bound_from[s, k]
    bound_from[s, _BOUNDS] = n + by


@lean
def _length_s(begin_s, stop_s):  # type: ignore[no-untyped-def]
    """Return how long a stretch is, with room for rounding."""
    return stop_s - begin_s + 1e-15 * abs(stop_s)


@lean
def _raised(plan, s, begin, length_s):  # type: ignore[no-untyped-def]
    """Let bounds know of a stretch of time."""
    link, bound_s, bound_from = plan.link, plan.bound_s, plan.bound_from
    begin_s, n = plan.time_s[begin], bound_from[s, _BOUNDS]
    k = _until(bound_s, bound_from, s, begin_s)
    if length_s <= bound_s[s, k]:
        while k > 0 and length_s <= bound_s[s, k - 1]:
            k -= 1
        bound_from[s, _ENOUGH] = k
        return
    # Those that follow and promise less are taken out.
    high = k + 1
    while high < n and bound_s[s, high] <= length_s:
        _left(link, bound_from[s, high])
        high += 1
    # The bound that holds from there on is raised; where there is none, one is put in.
    same = bound_s[s, _MOST + k] == begin_s or link[begin, _PREVIOUS] == 0
    if same or (high == k + 1 and n == _MOST):
        _replaced(bound_s, bound_from, s, k + 1, high, np.int64(0))
        bound_s[s, k] = length_s
        return
    _replaced(bound_s, bound_from, s, k + 1, high, np.int64(1))
    bound_s[s, k + 1], bound_s[s, _MOST + k + 1], bound_from[s, k + 1] = length_s, begin_s, begin
    link[begin, _USES] += 1


@lean
def _opened(plan, first, last, more):  # type: ignore[no-untyped-def]
    """Raise bounds where so many more cores are free from a step until another."""
    time_s, link, bound_s, bound_from = plan.time_s, plan.link, plan.bound_s, plan.bound_from
    least = most = link[first, _FREE]
    step = link[first, _NEXT]
    while step != last:
        least, most = min(least, link[step, _FREE]), max(most, link[step, _FREE])
        step = link[step, _NEXT]
    first_s, last_s = time_s[first], time_s[last]
    s, needs = plan.at_least[least - more + 1], len(bound_s)
    while s < needs and bound_from[s, _NEED] <= most:
        need = bound_from[s, _NEED]
        k = bound_from[s, _BOUNDS] - 1
        # Where a stretch without end was known, nothing new can be.
        if first_s < bound_s[s, _MOST + k] or (
            k > 0 and link[link[bound_from[s, k], _PREVIOUS], _FREE] >= need
        ):
            step = first
            if link[first, _FREE] >= need:
                while link[link[step, _PREVIOUS], _FREE] >= need:
                    step = link[step, _PREVIOUS]
            while time_s[step] < last_s:
                if link[step, _FREE] < need:
                    step = link[step, _NEXT]
                    continue
                begin = step
                while link[step, _FREE] >= need:
                    step = link[step, _NEXT]
                length_s = _length_s(time_s[begin], time_s[step])
                k = bound_from[s, _ENOUGH]
                if (
                    k >= bound_from[s, _BOUNDS]
                    or length_s > bound_s[s, k]
                    or time_s[begin] < bound_s[s, _MOST + k]
                ):
                    _raised(plan, s, begin, length_s)
        s += 1


@lean
def given(plan, start_s, stop_s, more):  # type: ignore[no-untyped-def]
    """Free cores on [start_s, stop_s), or take them where negative; the past is left alone.

    There must be room for two more steps.
    """
    time_s, link = plan.time_s, plan.link
    first = np.int64(link[0, _NEXT])
    now_s = time_s[first]
    if stop_s <= max(now_s, start_s):
        return
    if start_s > now_s:
        first = _shifted(time_s, link, first, start_s, np.int64(0))
    last = _shifted(time_s, link, first, stop_s, more)
    if more > 0:
        _opened(plan, first, last, more)
        if start_s > now_s:
            _left(link, first)
        _left(link, last)
    else:
        link[first, _USES] += start_s > now_s
        link[last, _USES] += 1


@lean
def advanced(plan, now_s):  # type: ignore[no-untyped-def]
    """Forget the past; there must be room for one more step."""
    time_s, link, bound_s, bound_from = plan.time_s, plan.link, plan.bound_s, plan.bound_from
    after = np.int64(link[0, _NEXT])
    if time_s[after] == now_s:
        return
    while time_s[after] <= now_s:
        after = link[after, _NEXT]
    head = link[after, _PREVIOUS]
    if time_s[head] != now_s:
        head = _inserted(time_s, link, after, now_s, np.int64(link[head, _FREE]))
    for s in range(len(plan.bound_s)):
        past = _until(bound_s, bound_from, s, now_s)
        _replaced(bound_s, bound_from, s, np.int64(0), past, np.int64(0))
        bound_s[s, _MOST] = -np.inf
    while link[0, _NEXT] != head:
        _dropped(link, np.int64(link[0, _NEXT]))


@lean
def _lowered(plan, s, k, length_s, stop):  # type: ignore[no-untyped-def]
    """Lower a bound to the length that was found from its step until another."""
    link, bound_s, bound_from = plan.link, plan.bound_s, plan.bound_from
    stop_s = plan.time_s[stop]
    last = _until(bound_s, bound_from, s, stop_s)
    rest_s, there = bound_s[s, last], bound_s[s, _MOST + last] == stop_s
    # From there on holds what held before.
    high = last if there else last + 1
    low = k if k > 0 and length_s <= bound_s[s, k - 1] else k + 1
    if bound_from[s, _BOUNDS] - high + low + (not there) > _MOST:
        return
    if not there:
        link[stop, _USES] += 1
    for m in range(max(low, 1), high):
        _left(link, bound_from[s, m])
    _replaced(bound_s, bound_from, s, low, high, np.int64(not there))
    if low > k:
        bound_s[s, k] = length_s
    if not there:
        bound_s[s, low], bound_s[s, _MOST + low], bound_from[s, low] = rest_s, stop_s, stop


@lean
def _searched(plan, s, k, lasts_s, stop):  # type: ignore[no-untyped-def]
    """Do what `_earliest` does, where the last bound that counts promises enough."""
    time_s, link, bound_s, bound_from = plan.time_s, plan.link, plan.bound_s, plan.bound_from
    need, stop_s, low = bound_from[s, _NEED], time_s[stop], 0
    while low < k:
        middle = (low + k) >> 1
        if bound_s[s, middle] < lasts_s:
            low = middle + 1
        else:
            k = middle
    origin = np.int64(link[0, _NEXT]) if k == 0 else bound_from[s, k]
    step, longest_s = origin, 0.0
    while time_s[step] < stop_s:
        if link[step, _FREE] < need:
            step = link[step, _NEXT]
            continue
        first, end_s = step, time_s[step] + lasts_s
        while link[step, _FREE] >= need and time_s[step] < end_s:
            step = link[step, _NEXT]
        if time_s[step] >= end_s:
            stop = first
            break
        longest_s = max(longest_s, _length_s(time_s[first], time_s[step]))
    if stop != origin:
        _lowered(plan, s, k, longest_s, stop)
    return stop


@lean
def _earliest(plan, s, lasts_s, stop):  # type: ignore[no-untyped-def]
    """Return the first step before another from which on a job has room for so long, or that."""
    stop_s = plan.time_s[stop]
    k = _until(plan.bound_s, plan.bound_from, s, stop_s)
    k -= k > 0 and plan.bound_s[s, _MOST + k] == stop_s
    if plan.bound_s[s, k] < lasts_s:
        return stop
    return _searched(plan, s, k, lasts_s, stop)


@lean
def placed(plan, number, need, lasts_s, start_s, stop_s, steps):  # type: ignore[no-untyped-def]
    """Give a job the earliest place, after taking back the one that it has.

    What jobs have is changed in `start_s` (infinite for those without a place), `stop_s` and
    `steps` (where it begins and ends), by their numbers. There must be room for one more step, and
    bounds for the number of cores.
    """
    time_s, link = plan.time_s, plan.link
    has_s = start_s[number]
    if has_s <= time_s[link[0, _NEXT]]:
        return
    # What a job has is not free in the plan, but it could have it again: a stretch that reaches
    # its place is long enough.
    has, had = (steps[number, 0], steps[number, 1]) if has_s < np.inf else (0, 0)
    new = has
    while link[link[new, _PREVIOUS], _FREE] >= need:
        new = link[new, _PREVIOUS]
    new = _earliest(plan, plan.at_least[need], lasts_s, new)
    if new == has:
        return
    end_s = time_s[new] + lasts_s
    if end_s > has_s:
        # Where the places overlap, what the job keeps is left alone.
        _shifted(time_s, link, new, has_s, -need)
        end = had
        while time_s[link[end, _PREVIOUS]] >= end_s:
            end = link[end, _PREVIOUS]
            link[end, _FREE] += need
        if time_s[end] != end_s:
            free = link[link[end, _PREVIOUS], _FREE] + need
            end = _inserted(time_s, link, end, end_s, free)
        opened = end
    else:
        end = _shifted(time_s, link, new, end_s, -need)
        opened = has
        if has:
            _shifted(time_s, link, has, time_s[had], need)
    link[new, _USES] += 1
    link[end, _USES] += 1
    if has:
        if opened != had:
            _opened(plan, opened, had, need)
        _left(link, has)
        _left(link, had)
    start_s[number], stop_s[number] = time_s[new], end_s
    steps[number, 0], steps[number, 1] = new, end


@lean
def rebooked(plan, line, processors, left_s, start_s, stop_s, steps):  # type: ignore[no-untyped-def]
    """Do what `placed` does for the jobs of a line in turn; return when the first of them begins.

    There must be room for as many steps as there are jobs.
    """
    next_s = np.inf
    for i in line:
        placed(plan, i, processors[i], left_s[i], start_s, stop_s, steps)
        next_s = min(next_s, start_s[i])
    return next_s


PARTS = (
    room,
    _unbound,
    cleared,
    _inserted,
    _dropped,
    _left,
    _shifted,
    _until,
    _replaced,
    _raised,
    _length_s,
    _opened,
    given,
    advanced,
    _lowered,
    _searched,
    _earliest,
    placed,
    rebooked,
)
"""What a loop over a plan is compiled with, each after those it calls."""


def parts_of(function):  # type: ignore[no-untyped-def]
    """Return what a function of this module is compiled with, each after those it calls."""
    return PARTS[: PARTS.index(function)]
