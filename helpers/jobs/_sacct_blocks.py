"""Blocks of lines of ``sacct`` as columns: the common shapes by a compiled loop, the rest by word.

A block is cut into fields once.  A `Block` gives columns of some of its rows: numbers, instants,
names as codes of a vocabulary, and the numbers of jobs.  `FastBlock` finds them in the bytes of the
block by loops that numba compiles, each of which tells which words it does not know; those are read
one by one, by the functions of `helpers.jobs._sacct_words`.  `PlainBlock` reads all words that way:
it is for short files, where loading numba would take longest, for delimiters of several characters,
and the judge of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.extras import compiled

from ._sacct_words import READ, instants, local_instants
from .rows import Problem

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ABSENT = -1
_ID_DIGITS = 18  # what fits into 63 bits whatever the digits


class Vocabulary:
    """Words with a number each, in the order in which they came; ``""`` is the first."""

    def __init__(self) -> None:
        self.words: list[str] = [""]
        self._code: dict[str, int] = {"": 0}

    def code(self, word: str) -> int:
        """Return the number of a word."""
        found = self._code.setdefault(word, len(self.words))
        if found == len(self.words):
            self.words.append(word)
        return found

    def codes(self, words: list[str]) -> Ints:
        """Return the numbers of words."""
        return np.array([self.code(word) for word in words], dtype=np.int64)

    def array(self) -> NDArray[np.object_]:
        """Return all words by their number."""
        return np.array(self.words, dtype=object)


class JobIds(NamedTuple):
    """The first column of some rows, shape (n,) each.

    `base` is the number of the job: that itself where it is written as numbers are, or else
    -1 - its code among the odd ones.  `suffix` is the code of what follows with the dot
    (``.batch``), -1 for the row of a job itself.
    """

    base: Ints
    suffix: Ints


class Block:
    """Some lines of an export, cut into fields.

    Attributes
    ----------
    height : int
        How many lines there are, empty ones too.
    lines : ndarray of int, shape (n,)
        The number in the file of each row that has as many fields as there are names.
    problems : list of Problem
        The others, but for empty lines.
    """

    height: int
    lines: Ints
    problems: list[Problem]

    def has(self, name: str) -> bool:
        """Tell whether there is such a column."""
        raise NotImplementedError

    def words(self, name: str, rows: Ints) -> list[str]:
        """Return a column of some rows as text."""
        raise NotImplementedError

    def usual(self, kind: str, name: str, rows: Ints) -> tuple[Floats, Bools]:
        """Return numbers of a kind, and which words are of another shape than the usual."""
        raise NotImplementedError

    def distinct(self, name: str, rows: Ints) -> tuple[Ints, list[str]]:
        """Return for each of some rows the place of its word, and the distinct words."""
        raise NotImplementedError

    def ids(self, odd: Vocabulary, suffixes: Vocabulary) -> JobIds:
        """Return which job, and which step of it, each row is about."""
        raise NotImplementedError

    def usual_instants(self, name: str, rows: Ints) -> tuple[Floats, NDArray[np.uint8]]:
        """Return seconds, and what they are: 0 not read, 1 Unix time, 2 on the clock."""
        raise NotImplementedError

    def resources(self, rows: Ints) -> tuple[Ints, list[str], Floats]:
        """Return ``AllocTRES`` as `distinct`, and its energy [J] where that was taken out (0)."""
        codes, words = self.distinct("AllocTRES", rows)
        return codes, words, np.full(len(rows), np.nan)

    def number(self, kind: str, name: str, rows: Ints) -> tuple[Floats, Bools]:
        """Return a column of some rows as numbers, NaN where unknown, and which words are none."""
        bad = np.zeros(len(rows), dtype=bool)
        if not self.has(name):
            return np.full(len(rows), np.nan), bad
        values, odd = self.usual(kind, name, rows)
        if odd.any():
            codes, words = self.distinct(name, rows[odd])
            found, wrong = np.full(len(words), np.nan), np.zeros(len(words), dtype=bool)
            for i, word in enumerate(words):
                try:
                    found[i] = READ[kind](word)
                except ValueError:
                    wrong[i] = True
            values[odd], bad[odd] = found[codes], wrong[codes]
        return values, bad

    def instants(self, name: str, rows: Ints, zone: tzinfo) -> tuple[Floats, Floats, Bools]:
        """Return Unix times [s] in both meanings of a local time, and which words are none."""
        bad = np.zeros(len(rows), dtype=bool)
        if not self.has(name):
            return np.full(len(rows), np.nan), np.full(len(rows), np.nan), bad
        first, form = self.usual_instants(name, rows)
        second = first.copy()
        on_clock = form == 2
        if on_clock.any():
            naive = pd.DatetimeIndex(first[on_clock].astype(np.int64).astype("datetime64[s]"))
            first[on_clock], second[on_clock] = local_instants(naive, zone)
            bad[on_clock] = np.isnan(first[on_clock])
        odd = form == 0
        if odd.any():
            codes, words = self.distinct(name, rows[odd])
            early, late, wrong = instants(np.array(words, dtype=object), zone)
            first[odd], second[odd], bad[odd] = early[codes], late[codes], wrong[codes]
        return first, second, bad

    def codes(self, name: str, rows: Ints, vocabulary: Vocabulary) -> NDArray[np.int32]:
        """Return a column of some rows as codes of a vocabulary."""
        if not self.has(name):
            return np.zeros(len(rows), dtype=np.int32)
        codes, words = self.distinct(name, rows)
        return vocabulary.codes(words).astype(np.int32)[codes]


def row_problem(line: int, text: str, fields: int, width: int) -> Problem:
    """Return what is wrong with a line of another number of fields."""
    reason = (
        f"must have {width} fields on one line, not {fields} (does a name hold the delimiter or a "
        "line break?)"
    )
    return line, "row", text, reason


class PlainBlock(Block):
    """A block read word by word."""

    def __init__(
        self, data: bytes, delimiter: str, width: int, where: dict[str, int], first: int
    ) -> None:
        self._where, self.problems, lines, kept = where, [], [], []
        texts = data.decode().split("\n")
        self.height = len(texts) - (not texts[-1])
        for line, text in enumerate(texts, first):
            fields = text.split(delimiter)
            if len(fields) == width:
                lines.append(line)
                kept.append(fields)
            elif text:
                self.problems.append(row_problem(line, text, len(fields), width))
        self.lines, self._rows = np.array(lines, dtype=np.int64), kept

    def has(self, name: str) -> bool:
        return name in self._where

    def words(self, name: str, rows: Ints) -> list[str]:
        place = self._where.get(name, _ABSENT)
        return [self._rows[row][place] if place >= 0 else "" for row in rows.tolist()]

    def usual(self, kind: str, name: str, rows: Ints) -> tuple[Floats, Bools]:
        return np.full(len(rows), np.nan), np.ones(len(rows), dtype=bool)

    def usual_instants(self, name: str, rows: Ints) -> tuple[Floats, NDArray[np.uint8]]:
        return np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.uint8)

    def distinct(self, name: str, rows: Ints) -> tuple[Ints, list[str]]:
        codes, unique = pd.factorize(np.array(self.words(name, rows), dtype=object))
        return codes.astype(np.int64), list(unique)

    def ids(self, odd: Vocabulary, suffixes: Vocabulary) -> JobIds:
        cut = [word.partition(".") for word in self.words("JobID", np.arange(len(self.lines)))]
        base = [_as_id(word, odd) for word, _, _ in cut]
        suffix = [suffixes.code(dot + rest) if dot else -1 for _, dot, rest in cut]
        return JobIds(np.array(base, dtype=np.int64), np.array(suffix, dtype=np.int64))


def _as_id(word: str, odd: Vocabulary) -> int:
    """Return the number of a job: its own, or -1 - the code of a word that is no plain number."""
    plain = word.isascii() and word.isdigit() and len(word) <= _ID_DIGITS
    return int(word) if plain and (word == "0" or word[0] != "0") else -1 - odd.code(word)


def id_word(base: int, odd: Vocabulary) -> str:
    """Return the number of a job as it was written."""
    return str(base) if base >= 0 else odd.words[-1 - base]


_KINDS = {"count": 0, "memory": 2, "minutes": 3, "requested memory": 4}


class FastBlock(Block):
    """A block read by compiled loops; its delimiter is one character of ASCII."""

    def __init__(
        self, data: bytes, delimiter: str, width: int, where: dict[str, int], first: int
    ) -> None:
        if not data.endswith(b"\n"):
            data += b"\n"
        self._text = data
        self._bytes = np.frombuffer(data, dtype=np.uint8)
        self._slot = {name: slot for slot, name in enumerate(where)}
        slot_of = np.full(width, _ABSENT, dtype=np.int64)
        slot_of[list(where.values())] = np.arange(len(where))
        # Counted in the array: where lines are short, `bytes.count` takes five times as long.
        self.height = size = int(np.count_nonzero(self._bytes == ord("\n")))
        start, stop, fields, ends = compiled(_cut)(
            self._bytes, ord(delimiter), slot_of, len(where), size
        )
        good = fields == width
        begins = np.append(0, ends[:-1] + 1)
        self.problems = [
            row_problem(
                first + row, data[begins[row] : ends[row]].decode(), int(fields[row]), width
            )
            for row in np.flatnonzero(~good & (ends > begins)).tolist()
        ]
        every = good.all()
        self._start, self._stop = (part if every else part[:, good] for part in (start, stop))
        self.lines = first + (np.arange(size) if every else np.flatnonzero(good))

    def has(self, name: str) -> bool:
        return name in self._slot

    def _spans(self, name: str, rows: Ints) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        slot = self._slot[name]
        return self._start[slot, rows], self._stop[slot, rows]

    def words(self, name: str, rows: Ints) -> list[str]:
        if not self.has(name):
            return [""] * len(rows)
        spans = zip(*(part.tolist() for part in self._spans(name, rows)), strict=True)
        return [self._text[start:stop].decode() for start, stop in spans]

    def usual(self, kind: str, name: str, rows: Ints) -> tuple[Floats, Bools]:
        spans = self._spans(name, rows)
        if kind == "elapsed":
            return compiled(_durations)(self._bytes, *spans)
        return compiled(_numbers)(self._bytes, *spans, _KINDS[kind])

    def usual_instants(self, name: str, rows: Ints) -> tuple[Floats, NDArray[np.uint8]]:
        return compiled(_instants)(self._bytes, *self._spans(name, rows))

    def distinct(self, name: str, rows: Ints) -> tuple[Ints, list[str]]:
        start, stop = self._spans(name, rows)
        return self._distinct(start, stop, stop, stop)

    def _distinct(
        self,
        start: NDArray[np.int32],
        stop: NDArray[np.int32],
        from_: NDArray[np.int32],
        to: NDArray[np.int32],
    ) -> tuple[Ints, list[str]]:
        """Return the place of each word, and the distinct ones, between `from_` and `to` a 0."""
        codes, firsts = compiled(_coded)(self._bytes, start, stop, from_, to)
        text = self._text
        words = [
            (text[a:b] if i == j else text[a:i] + b"0" + text[j:b]).decode()
            for a, b, i, j in zip(
                *(part[firsts].tolist() for part in (start, stop, from_, to)), strict=True
            )
        ]
        return codes, words

    def resources(self, rows: Ints) -> tuple[Ints, list[str], Floats]:
        # Energy is another for each job: with it each list would be a word of its own.
        if not self.has("AllocTRES"):
            return super().resources(rows) if rows.size else (rows, [], np.zeros(0))
        start, stop = self._spans("AllocTRES", rows)
        energy_j, from_, to = compiled(_energy_of)(self._bytes, start, stop)
        return *self._distinct(start, stop, from_, to), energy_j

    def ids(self, odd: Vocabulary, suffixes: Vocabulary) -> JobIds:
        every = np.arange(len(self.lines))
        start, stop = self._spans("JobID", every)
        base, dot = compiled(_bases)(self._bytes, start, stop, _ID_DIGITS)
        other = np.flatnonzero(base < 0)
        base[other] = [
            _as_id(self._text[a:b].decode(), odd)
            for a, b in zip(start[other].tolist(), dot[other].tolist(), strict=True)
        ]
        suffix = np.full(len(every), -1, dtype=np.int64)
        steps = np.flatnonzero(dot < stop)
        codes, words = self._distinct(dot[steps], stop[steps], stop[steps], stop[steps])
        suffix[steps] = suffixes.codes(words)[codes]
        return JobIds(base, suffix)


# Loops that numba compiles: each is whole, because numba keeps no machine code of functions that are
# handed others.


def _cut(data, delimiter, slot_of, slots, rows):  # type: ignore[no-untyped-def]
    """Return where fields start and stop (slot, row), the fields and the end of each row."""
    start = np.zeros((slots, rows), dtype=np.int32)
    stop = np.zeros((slots, rows), dtype=np.int32)
    fields = np.zeros(rows, dtype=np.int64)
    ends = np.zeros(rows, dtype=np.int64)
    width = slot_of.size
    row, field, begin = 0, 0, 0
    for i in range(data.size):
        character = data[i]
        if character == delimiter or character == 10:
            if field < width:
                slot = slot_of[field]
                if slot >= 0:
                    start[slot, row] = begin
                    stop[slot, row] = i
            field += 1
            begin = i + 1
            if character == 10:
                fields[row] = field
                ends[row] = i
                row += 1
                field = 0
    return start, stop, fields, ends


def _durations(data, start, stop):  # type: ignore[no-untyped-def]
    """Return durations of usual shape ([days-]hours:minutes:seconds) [s], and which are not."""
    n = start.size
    values = np.full(n, np.nan)
    odd = np.zeros(n, dtype=np.bool_)
    for k in range(n):
        at, end = start[k], stop[k]
        if at == end:
            continue
        odd[k] = True
        days = 0
        dash = at
        while dash < end and dash < at + 4 and data[dash] != 45:
            dash += 1
        has_days = dash < end and data[dash] == 45
        good = True
        if has_days:  # at most 9999: far below a century
            good = dash > at
            for i in range(at, dash):
                digit = data[i] - 48
                good = good and 0 <= digit <= 9
                days = days * 10 + digit
            at = dash + 1
        point = at
        while point < end and data[point] != 46:
            point += 1
        size = point - at
        decimals = end - point - 1 if point < end else 0
        good = good and (point == end or 1 <= decimals <= 6)
        if not (good and (size == 8 or (size == 5 and not has_days))):
            continue
        for i in range(at, point):
            good = good and data[i] == 58 if (i - at) % 3 == 2 else good and 48 <= data[i] <= 57
        fraction = 0
        for i in range(point + 1, end):
            good = good and 48 <= data[i] <= 57
            fraction = fraction * 10 + (data[i] - 48)
        if not good:
            continue
        hours = 0
        if size == 8:
            hours = (data[at] - 48) * 10 + (data[at + 1] - 48)
            at += 3
        minutes = (data[at] - 48) * 10 + (data[at + 1] - 48)
        whole = (data[at + 3] - 48) * 10 + (data[at + 4] - 48)
        if hours < 24 and minutes < 60 and whole < 60:
            scale = 10**decimals
            # One division of whole numbers rounds as reading the decimals does.
            seconds = (whole * scale + fraction) / scale
            values[k] = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
            odd[k] = False
    return values, odd


def _numbers(data, start, stop, kind):  # type: ignore[no-untyped-def]
    """Return the whole numbers of usual shape, and which are not: see `READ` for the kinds."""
    n = start.size
    values = np.full(n, np.nan)
    odd = np.zeros(n, dtype=np.bool_)
    for k in range(n):
        at, end = start[k], stop[k]
        if at == end:
            continue
        odd[k] = True
        factor = 60.0 if kind == 3 else 1.0
        most = 15
        if kind == 2 or kind == 4:
            factor = 2.0**-10 if kind == 2 else 2.0**10
            last = data[end - 1]
            if last == 75 or last == 77 or last == 71:  # K, M, G
                factor = 1.0 if last == 75 else (2.0**10 if last == 77 else 2.0**20)
                end -= 1
            most = 9
        good = 1 <= end - at <= most
        if not good:
            continue
        value = 0
        for i in range(at, end):
            digit = data[i] - 48
            good = good and 0 <= digit <= 9
            value = value * 10 + digit
        if good and not 4294967280 <= value <= 4294967296:  # where Slurm's "no value" lies
            values[k] = value * factor
            odd[k] = False
    return values, odd


def _instants(data, start, stop):  # type: ignore[no-untyped-def]
    """Return seconds, and what they are: 0 not read, 1 Unix time or none, 2 on the clock."""
    n = start.size
    values = np.full(n, np.nan)
    form = np.zeros(n, dtype=np.uint8)
    for k in range(n):
        at, size = start[k], stop[k] - start[k]
        if size == 0:
            form[k] = 1
        elif size == 7 and data[at] == 85 and data[at + 1] == 110:  # Unknown, of which the rest:
            same = data[at + 2] == 107 and data[at + 3] == 110 and data[at + 4] == 111
            if same and data[at + 5] == 119 and data[at + 6] == 110:
                form[k] = 1
        elif size == 10:
            value = 0
            good = True
            for i in range(at, at + 10):
                digit = data[i] - 48
                good = good and 0 <= digit <= 9
                value = value * 10 + digit
            if good and 1_000_000_000 <= value < 7_258_118_400:  # 2200
                values[k] = value
                form[k] = 1
        elif size == 19:
            good = True
            for i in range(19):
                character = data[at + i]
                if i == 4 or i == 7:
                    good = good and character == 45
                elif i == 10:
                    good = good and character == 84
                elif i == 13 or i == 16:
                    good = good and character == 58
                else:
                    good = good and 48 <= character <= 57
            if not good:
                continue
            year = 0
            for i in range(4):
                year = year * 10 + (data[at + i] - 48)
            month = (data[at + 5] - 48) * 10 + (data[at + 6] - 48)
            day = (data[at + 8] - 48) * 10 + (data[at + 9] - 48)
            hour = (data[at + 11] - 48) * 10 + (data[at + 12] - 48)
            minute = (data[at + 14] - 48) * 10 + (data[at + 15] - 48)
            second = (data[at + 17] - 48) * 10 + (data[at + 18] - 48)
            leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
            longest = 31
            if month == 4 or month == 6 or month == 9 or month == 11:
                longest = 30
            elif month == 2:
                longest = 29 if leap else 28
            # The first and the last year are left to the careful way, which knows the clock.
            good = 1990 < year < 2199 and 1 <= month <= 12 and 1 <= day <= longest
            if good and hour < 24 and minute < 60 and second < 60:
                # Days since 1970 of the proleptic Gregorian calendar, from 1 March on
                # (Richards, "Calendars", Explanatory Supplement to the Astronomical Almanac).
                y = year - (1 if month <= 2 else 0)
                m = month + (9 if month <= 2 else -3)
                days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 + day - 719469
                values[k] = ((days * 24 + hour) * 60 + minute) * 60 + second
                form[k] = 2
    return values, form


def _coded(data, start, stop, from_, to):  # type: ignore[no-untyped-def]
    """Return the place of each word among the distinct ones, and the first row of each of those.

    What lies between `from_` and `to` does not count.
    """
    n = start.size
    size = 16
    while size < 2 * n:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)  # open addressing: the place of a word, or free
    hashes = np.zeros(n, dtype=np.uint64)
    firsts = np.zeros(n, dtype=np.int64)
    codes = np.zeros(n, dtype=np.int64)
    found = 0
    for k in range(n):
        value = np.uint64(14695981039346656037)  # FNV-1a
        for i in range(start[k], from_[k]):
            value = (value ^ np.uint64(data[i])) * np.uint64(1099511628211)
        for i in range(to[k], stop[k]):
            value = (value ^ np.uint64(data[i])) * np.uint64(1099511628211)
        value ^= value >> np.uint64(29)
        at = np.int64(value & np.uint64(size - 1))
        while True:
            place = table[at]
            if place < 0:
                table[at] = found
                hashes[found] = value
                firsts[found] = k
                codes[k] = found
                found += 1
                break
            same = hashes[place] == value
            if same:
                other = firsts[place]
                head, tail = from_[k] - start[k], stop[k] - to[k]
                same = head == from_[other] - start[other] and tail == stop[other] - to[other]
                same = same and (from_[k] == to[k]) == (from_[other] == to[other])
                i = 0
                while same and i < head:
                    same = data[start[k] + i] == data[start[other] + i]
                    i += 1
                i = 0
                while same and i < tail:
                    same = data[to[k] + i] == data[to[other] + i]
                    i += 1
            if same:
                codes[k] = place
                break
            at = (at + 1) & (size - 1)
    return codes, firsts[:found]


def _energy_of(data, start, stop):  # type: ignore[no-untyped-def]
    """Return the energy [J] in lists of resources, and where its digits are; NaN where it is not.

    Digits that do not stand between the first ``energy=`` and a comma or the end are left in.
    """
    n = start.size
    energy_j = np.full(n, np.nan)
    from_ = stop.copy()
    to = stop.copy()
    for k in range(n):
        at, end = start[k], stop[k]
        while at + 7 < end:
            same = data[at] == 101 and data[at + 1] == 110 and data[at + 2] == 101
            same = same and data[at + 3] == 114 and data[at + 4] == 103 and data[at + 5] == 121
            if same and data[at + 6] == 61:
                value = 0
                i = at + 7
                while i < end and 48 <= data[i] <= 57 and i < at + 23:
                    value = value * 10 + (data[i] - 48)
                    i += 1
                whole = at + 7 < i < at + 23 and (i == end or data[i] == 44)
                if whole and not 4294967280 <= value <= 4294967296:
                    energy_j[k] = value
                    from_[k], to[k] = at + 7, i
                break
            while at < end and data[at] != 44:
                at += 1
            at += 1
    return energy_j, from_, to


def _bases(data, start, stop, most):  # type: ignore[no-untyped-def]
    """Return the number before the first dot, -1 where it is not written plainly, and the dot."""
    n = start.size
    base = np.full(n, -1, dtype=np.int64)
    dot = stop.copy()
    for k in range(n):
        at = start[k]
        i = at
        value = 0
        good = True
        while i < stop[k] and data[i] != 46:
            digit = data[i] - 48
            good = good and 0 <= digit <= 9
            if good and i - at < most:
                value = value * 10 + digit
            i += 1
        dot[k] = i
        good = good and 1 <= i - at <= most
        if good and (i - at == 1 or data[at] != 48):
            base[k] = value
    return base, dot


LOOPS: tuple[Callable, ...] = (_cut, _durations, _numbers, _instants, _coded, _energy_of, _bases)
"""The loops that are compiled."""
