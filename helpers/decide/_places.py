"""Where jobs find a place: what is free when, in blocks, for loops that numba compiles.

Conservative backfilling asks, for each job that waits, whether there is an earlier place than the
one that the job has, and moves it there: tens of millions of times in a long line. Two things are
kept in step for that:

* *steps*: when how many cores are free, and
* for each number of cores that jobs ask for, the *stretches* of time in which so many are free.

A search looks at the stretches of its number of cores alone, and a block of them that knows its
longest is passed over in one look. A change looks at the steps that it changes, and touches the
stretches of those numbers alone that are free there now and were not, or the other way round.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PARTS", "Plan", "advanced", "booked", "cleared", "given", "made", "parts_of", "placed"]

_ROOM = 64
"""Entries a block holds at most: shorter blocks make long orders, longer ones long moves."""

_SIZE = _LONGEST = _ROOM
"""Behind the keys of a block: how many entries it has. Behind their values: a length [s] that none
of its stretches exceeds."""

_BLOCKS, _NEED, _NEAR, _ORDER = range(4)
"""What a row of `Plan.rows` begins with: how many blocks a sequence has, the cores that are free
in its stretches, where the last search ended, and, from there on, its blocks in order."""

_SPARES, _UNUSED, _NEEDS = range(3)
"""What row 0 of `Plan.rows` counts: blocks given back (from `_ORDER` on), the first that was
never used, and sequences of stretches."""

_STEPS = 1
"""The sequence of the steps; those of stretches follow, by ascending numbers of cores."""


class Plan(NamedTuple):
    """Sequences of entries in blocks: first the steps, then the stretches for each number of cores.

    A step begins at its key [s] and lasts until the next; its value is the cores that are free. A
    stretch goes from its key to its value [s]; it may have begun in the past. Two arrays hold it
    all, because handing over an array costs a compiled loop more than looking into it.

    Attributes
    ----------
    entry : ndarray, shape (2, blocks, room + 1)
        Keys and values of each block, in order of the keys; see `_SIZE`.
    rows : ndarray of int, shape (sequences, blocks of one + 3)
        See `_BLOCKS` and `_SPARES`.
    """

    entry: NDArray[np.float64]
    rows: NDArray[np.int64]


def made(now_s: float, free: int) -> Plan:
    """Return a plan in which so many cores are free for ever."""
    plan = Plan(np.zeros((2, 32, _ROOM + 1)), np.zeros((4, 64), dtype=np.int64))
    plan.entry[:, 0, 0], plan.entry[0, 0, _SIZE] = (now_s, free), 1
    plan.rows[_STEPS, _BLOCKS], plan.rows[0, _UNUSED] = 1, 1
    return plan


# numba compiles all below; each function calls only those above it. Arrays are copied entry by
# entry: what writes one slice into another brings along the sentence it would fail with, and
# compiling that takes seconds. `entry` and `index` are the entries and rows of a `Plan`; `m` is the
# place of a block in the order of its sequence `s`, `i` one in the block.


def _roomier(entry, index):  # type: ignore[no-untyped-def]
    """Return the arrays with room for any one change: the same, or larger copies.

    A sequence holds at most half as many stretches as there are steps, and two neighbours among
    its blocks fill more than half of one, so that it needs twice the blocks of the steps at most.
    """
    each, sequences = 2 * index[_STEPS, _BLOCKS] + 10, index[0, _NEEDS] + 3
    most = each * sequences  # of blocks; the spare ones have a row as well
    if entry.shape[1] >= most and index.shape[1] >= most + _ORDER and index.shape[0] >= sequences:
        return entry, index
    larger = np.zeros((2, 2 * most, _ROOM + 1))
    for block in range(index[0, _UNUSED]):
        for k in range(_ROOM + 1):
            larger[0, block, k], larger[1, block, k] = entry[0, block, k], entry[1, block, k]
    longer = np.zeros((2 * sequences, 2 * most + _ORDER), dtype=np.int64)
    for s in range(index.shape[0]):
        for k in range(index.shape[1]):
            longer[s, k] = index[s, k]
    return larger, longer


def _last(entry, index, s, key):  # type: ignore[no-untyped-def]
    """Return the block and the place in it of the last entry up to a key; the place may be -1."""
    if index[s, _BLOCKS] == 0:
        return 0, -1
    m, high = index[s, _NEAR], index[s, _BLOCKS]  # most searches end where the last one did
    if m >= high or entry[0, index[s, _ORDER + m], 0] > key:
        m = 0
    elif m + 1 < high and entry[0, index[s, _ORDER + m + 1], 0] > key:
        high = m + 1
    while high - m > 1:
        middle = (m + high) // 2
        if entry[0, index[s, _ORDER + middle], 0] <= key:
            m = middle
        else:
            high = middle
    index[s, _NEAR] = m
    block = index[s, _ORDER + m]
    i, high = np.int64(-1), np.int64(entry[0, block, _SIZE])
    while high - i > 1:
        middle = (i + high) // 2
        if entry[0, block, middle] <= key:
            i = middle
        else:
            high = middle
    return m, i


def _new_block(entry, index, s, m):  # type: ignore[no-untyped-def]
    """Put an empty block into the order of a sequence and return its number."""
    if index[0, _SPARES]:
        index[0, _SPARES] -= 1
        new = index[0, _ORDER + 1 + index[0, _SPARES]]
    else:
        new = index[0, _UNUSED]
        index[0, _UNUSED] += 1
    for k in range(_ORDER + index[s, _BLOCKS], _ORDER + m, -1):
        index[s, k] = index[s, k - 1]
    index[s, _ORDER + m] = new
    index[s, _BLOCKS] += 1
    entry[0, new, _SIZE], entry[1, new, _LONGEST] = 0.0, 0.0
    return new


def _drop_block(index, s, m):  # type: ignore[no-untyped-def]
    """Take a block out of the order of a sequence."""
    index[0, _ORDER + 1 + index[0, _SPARES]] = index[s, _ORDER + m]
    index[0, _SPARES] += 1
    index[s, _BLOCKS] -= 1
    for k in range(_ORDER + m, _ORDER + index[s, _BLOCKS]):
        index[s, k] = index[s, k + 1]


def _lengthened(entry, block, i):  # type: ignore[no-untyped-def]
    """Let a block know how long one of its stretches is, with room for rounding."""
    stop_s = entry[1, block, i]
    length_s = stop_s - entry[0, block, i] + 1e-15 * abs(stop_s)
    entry[1, block, _LONGEST] = max(entry[1, block, _LONGEST], length_s)


def _put(entry, index, s, m, i, key, value):  # type: ignore[no-untyped-def]
    """Put an entry behind the one at a place."""
    if index[s, _BLOCKS] == 0:
        _new_block(entry, index, s, 0)
    block = index[s, _ORDER + m]
    n = np.int64(entry[0, block, _SIZE])
    if n == _ROOM:
        new, half = _new_block(entry, index, s, m + 1), np.int64(_ROOM // 2)
        for k in range(half, _ROOM):
            entry[0, new, k - half] = entry[0, block, k]
            entry[1, new, k - half] = entry[1, block, k]
        entry[0, new, _SIZE], entry[0, block, _SIZE] = _ROOM - half, half
        entry[1, new, _LONGEST] = entry[1, block, _LONGEST]
        n = half
        if i >= half:
            block, i, n = new, i - half, _ROOM - half
    for k in range(n, i + 1, -1):
        entry[0, block, k] = entry[0, block, k - 1]
        entry[1, block, k] = entry[1, block, k - 1]
    entry[0, block, i + 1], entry[1, block, i + 1] = key, value
    entry[0, block, _SIZE] = n + 1
    _lengthened(entry, block, i + 1)


def _drop(entry, index, s, m, i):  # type: ignore[no-untyped-def]
    """Take out an entry; join blocks that have become small with their neighbours."""
    block = index[s, _ORDER + m]
    n = np.int64(entry[0, block, _SIZE]) - 1
    entry[0, block, _SIZE] = n
    for k in range(i, n):
        entry[0, block, k], entry[1, block, k] = entry[0, block, k + 1], entry[1, block, k + 1]
    if n > _ROOM // 4:
        return
    if n == 0:
        _drop_block(index, s, m)
    for right in (m + 1, m):
        if right < 1 or right >= index[s, _BLOCKS]:
            continue
        one, other = index[s, _ORDER + right - 1], index[s, _ORDER + right]
        n, more = np.int64(entry[0, one, _SIZE]), np.int64(entry[0, other, _SIZE])
        if n + more > _ROOM // 2:
            continue
        for k in range(more):
            entry[0, one, n + k], entry[1, one, n + k] = entry[0, other, k], entry[1, other, k]
        entry[0, one, _SIZE] = n + more
        entry[1, one, _LONGEST] = max(entry[1, one, _LONGEST], entry[1, other, _LONGEST])
        _drop_block(index, s, right)


def _opened(entry, index, s, start_s, stop_s):  # type: ignore[no-untyped-def]
    """Add a stretch of time, joined with those that it touches."""
    m, i = _last(entry, index, s, start_s)
    after, j, follows, touches = m, i + 1, False, False
    block = other = index[s, _ORDER + m]
    if index[s, _BLOCKS]:
        touches = i >= 0 and entry[1, block, i] == start_s
        if j == np.int64(entry[0, block, _SIZE]):
            after, j = m + 1, 0
        if after < index[s, _BLOCKS]:
            other = index[s, _ORDER + after]
            follows = entry[0, other, j] == stop_s
    if touches:
        entry[1, block, i] = entry[1, other, j] if follows else stop_s
        _lengthened(entry, block, i)
        if follows:
            _drop(entry, index, s, after, j)
    elif follows:
        entry[0, other, j] = start_s
        _lengthened(entry, other, j)
    else:
        _put(entry, index, s, m, i, start_s, stop_s)


def _closed(entry, index, s, start_s, stop_s):  # type: ignore[no-untyped-def]
    """Take a time out of the stretch that holds it."""
    m, i = _last(entry, index, s, start_s)
    block = index[s, _ORDER + m]
    begins, end_s = entry[0, block, i] == start_s, entry[1, block, i]
    if begins and end_s == stop_s:
        _drop(entry, index, s, m, i)
    elif begins:
        entry[0, block, i] = stop_s
    else:
        entry[1, block, i] = start_s
        if end_s != stop_s:
            _put(entry, index, s, m, i, stop_s, end_s)


def _mended(entry, index, time_s):  # type: ignore[no-untyped-def]
    """Let no step begin at a time at which nothing changes."""
    m, i = _last(entry, index, _STEPS, time_s)
    block = before = index[_STEPS, _ORDER + m]
    if entry[0, block, i] != time_s or (m == 0 and i == 0):
        return
    j = i - 1
    if i == 0:
        before = index[_STEPS, _ORDER + m - 1]
        j = np.int64(entry[0, before, _SIZE]) - 1
    if entry[1, before, j] == entry[1, block, i]:
        _drop(entry, index, _STEPS, m, i)


def _crossed(entry, index, s, place, stop_s, more):  # type: ignore[no-untyped-def]
    """Change the stretches of a number of cores where steps have crossed it, from a place on."""
    need, (m, i), from_s = index[s, _NEED], place, np.nan
    block = index[_STEPS, _ORDER + m]
    while True:
        time_s, free = entry[0, block, i], entry[1, block, i]
        crosses = time_s < stop_s and (free >= need) != (free - more >= need)
        if crosses:
            if np.isnan(from_s):
                from_s = time_s
        elif not np.isnan(from_s):
            if more > 0:
                _opened(entry, index, s, from_s, time_s)
            else:
                _closed(entry, index, s, from_s, time_s)
            from_s = np.nan
        if time_s >= stop_s:
            break
        i += 1
        if i == np.int64(entry[0, block, _SIZE]):
            m, i = m + 1, 0
            block = index[_STEPS, _ORDER + m]


def changed(entry, index, start_s, stop_s, more):  # type: ignore[no-untyped-def]
    """Free cores on [start_s, stop_s), or take them where negative; the past is left alone.

    The arrays must have room for it: see `_roomier`.
    """
    start_s = max(start_s, entry[0, index[_STEPS, _ORDER], 0])
    if stop_s <= start_s:
        return
    m, i = _last(entry, index, _STEPS, start_s)
    if entry[0, index[_STEPS, _ORDER + m], i] != start_s:
        free = entry[1, index[_STEPS, _ORDER + m], i]
        _put(entry, index, _STEPS, m, i, start_s, free)
        m, i = _last(entry, index, _STEPS, start_s)
    # Change the steps; see how many cores were free in them.
    k, j, least, most, was, end_s = m, i, np.inf, -np.inf, 0.0, start_s
    while k < index[_STEPS, _BLOCKS] and end_s < stop_s:
        block = index[_STEPS, _ORDER + k]
        n = np.int64(entry[0, block, _SIZE])
        while j < n:
            end_s = entry[0, block, j]
            if end_s >= stop_s:
                break
            was = entry[1, block, j]
            least, most = min(least, was), max(most, was)
            entry[1, block, j] = was + more
            j += 1
        k, j = k + 1, 0
    if end_s != stop_s:
        k, j = _last(entry, index, _STEPS, stop_s)
        _put(entry, index, _STEPS, k, j, stop_s, was)
        m, i = _last(entry, index, _STEPS, start_s)
    # Change the stretches of the numbers of cores that are free now and were not, or were.
    low, high = least + min(more, 0), most + max(more, 0)
    s, end = _STEPS + 1, _STEPS + 1 + index[0, _NEEDS]
    while s < end and index[s, _NEED] <= low:
        s += 1
    while s < end and index[s, _NEED] <= high:
        _crossed(entry, index, s, (m, i), stop_s, more)
        s += 1
    _mended(entry, index, stop_s)
    _mended(entry, index, start_s)


def given(entry, index, start_s, stop_s, more):  # type: ignore[no-untyped-def]
    """Do what `changed` does, after making room; return the arrays."""
    entry, index = _roomier(entry, index)
    changed(entry, index, start_s, stop_s, more)
    return entry, index


def advanced(entry, index, now_s):  # type: ignore[no-untyped-def]
    """Forget the steps of the past; stretches of the past are left to whoever meets them."""
    m, past = _last(entry, index, _STEPS, now_s)
    for _ in range(m):
        _drop_block(index, _STEPS, 0)
    block = index[_STEPS, _ORDER]
    if past > 0:
        n = np.int64(entry[0, block, _SIZE]) - past
        for k in range(n):
            entry[0, block, k] = entry[0, block, k + past]
            entry[1, block, k] = entry[1, block, k + past]
        entry[0, block, _SIZE] = n
    entry[0, block, 0] = now_s


def cleared(entry, index, now_s, free):  # type: ignore[no-untyped-def]
    """Let so many cores be free for ever."""
    index[0, _SPARES], index[0, _UNUSED] = 0, 0
    for s in range(_STEPS, _STEPS + 1 + index[0, _NEEDS]):
        index[s, _BLOCKS] = 0
        _put(entry, index, s, 0, -1, now_s, np.inf if s > _STEPS else np.float64(free))


def _with_need(entry, index, need):  # type: ignore[no-untyped-def]
    """Return the arrays with the stretches in which so many cores are free."""
    entry, index = _roomier(entry, index)
    s, end = _STEPS + 1, _STEPS + 1 + index[0, _NEEDS]
    while s < end and index[s, _NEED] < need:
        s += 1
    for k in range(end, s, -1):
        for m in range(index.shape[1]):
            index[k, m] = index[k - 1, m]
    index[s, _BLOCKS], index[s, _NEED] = 0, need
    index[0, _NEEDS] += 1
    from_s = np.nan
    for m in range(index[_STEPS, _BLOCKS]):
        block = index[_STEPS, _ORDER + m]
        for i in range(np.int64(entry[0, block, _SIZE])):
            enough = entry[1, block, i] >= need
            if enough and np.isnan(from_s):
                from_s = entry[0, block, i]
            elif not enough and not np.isnan(from_s):
                _opened(entry, index, s, from_s, entry[0, block, i])
                from_s = np.nan
    if not np.isnan(from_s):
        _opened(entry, index, s, from_s, np.inf)
    return entry, index


def _earliest_s(entry, index, s, lasts_s, has_s):  # type: ignore[no-untyped-def]
    """Return when a job could begin, earlier than where it has its place, or that time.

    `has_s` is infinite for a job without a place. What it has is not free in the plan, but it
    could have it again, so a stretch that reaches its place is long enough.
    """
    now_s = entry[0, index[_STEPS, _ORDER], 0]
    while index[s, _BLOCKS] and entry[1, index[s, _ORDER], 0] <= now_s:
        _drop(entry, index, s, 0, 0)
    for m in range(index[s, _BLOCKS]):
        block = index[s, _ORDER + m]
        if entry[0, block, 0] >= has_s:
            break
        n = np.int64(entry[0, block, _SIZE])
        # The last block that begins before its place may hold a stretch that reaches it.
        if (
            entry[1, block, _LONGEST] >= lasts_s
            or entry[1, block, n - 1] >= has_s
            or entry[0, block, n - 1] >= has_s
        ):
            longest_s = 0.0
            for i in range(n):
                begin_s, stop_s = entry[0, block, i], entry[1, block, i]
                if begin_s >= has_s:
                    return has_s
                start_s = max(begin_s, now_s)
                if stop_s >= start_s + lasts_s or stop_s >= has_s:
                    return start_s
                longest_s = max(longest_s, stop_s - begin_s + 1e-15 * abs(stop_s))
            entry[1, block, _LONGEST] = longest_s
    return has_s


def placed(entry, index, number, need, lasts_s, start_s, stop_s):  # type: ignore[no-untyped-def]
    """Give a job the earliest place, after taking back the one that it has.

    What jobs have is changed in `start_s` (infinite for those without a place) and `stop_s`, by
    their numbers. Return the arrays.
    """
    s, end = _STEPS + 1, _STEPS + 1 + index[0, _NEEDS]
    while s < end and index[s, _NEED] < need:
        s += 1
    if s == end or index[s, _NEED] != need:
        entry, index = _with_need(entry, index, need)
    has_s, had_s = start_s[number], stop_s[number]
    new_s = _earliest_s(entry, index, s, lasts_s, has_s)
    if new_s >= has_s:
        return entry, index
    end_s = new_s + lasts_s
    # Where the places overlap, what the job keeps is left alone.
    entry, index = given(entry, index, new_s, min(has_s, end_s), -need)
    if has_s < np.inf:
        entry, index = given(entry, index, max(has_s, end_s), had_s, need)
    start_s[number], stop_s[number] = new_s, end_s
    return entry, index


def booked(entry, index, numbers, processors, left_s, start_s, stop_s):  # type: ignore[no-untyped-def]
    """Do what `placed` does for each job in turn; return the arrays."""
    for k in range(numbers.size):
        entry, index = placed(entry, index, numbers[k], processors[k], left_s[k], start_s, stop_s)
    return entry, index


PARTS = (
    _roomier,
    _last,
    _new_block,
    _drop_block,
    _lengthened,
    _put,
    _drop,
    _opened,
    _closed,
    _mended,
    _crossed,
    changed,
    given,
    advanced,
    cleared,
    _with_need,
    _earliest_s,
    placed,
    booked,
)
"""What a loop over a plan is compiled with, each after those it calls."""


def parts_of(function):  # type: ignore[no-untyped-def]
    """Return what a function of this module is compiled with, each after those it calls."""
    return PARTS[: PARTS.index(function)]
