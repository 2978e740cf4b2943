"""Rows of text with a fixed number of fields -> typed columns, every row checked.

When all is well, the C parser of pandas reads the whole file and the checks are vectorised; only when
something is wrong are the lines read one by one, to say which line, which field and which value.
"""

import csv
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import LARGEST_BYTES, Damaged, Source, number, plain_lines, read_utf8

__all__ = ["Problem", "Rows", "Rule", "first_broken", "read_lines", "read_rows", "settle"]

Problem = tuple[int, str, str, str]
"""Line number (from 1) or row position, field, value, reason."""

Rule = tuple[np.ndarray, str, str]
"""Which rows break it (bool, shape (n,)), the field, what the value must be."""

SKIPPED = ("line", "field", "value", "reason")

_EXTRA = "a field too many"
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
# The type that reading text gives: str from pandas 3 on, object before.
_TEXT = pd.read_csv(StringIO("a\nb"), dtype=str)["a"].dtype
# From pandas 3.1 on the default is exact and naming it is deprecated.
_EXACT = (
    {}
    if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)


def read_lines(
    source: Source, *, errors: str, largest_bytes: int = LARGEST_BYTES
) -> tuple[bytes, str, list[Problem]]:
    r"""Return the lines of a log as UTF-8 that end in ``\n``, its name, and what was cut off.

    Of a compressed file that was cut short the lines before the cut are kept with
    ``errors="skip"``; the rest of the last line is a problem.

    Raises
    ------
    ValueError
        As `helpers.files.read_utf8`.
    """
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors is {errors!r}: it must be 'raise' or 'skip'.")
    try:
        return *read_utf8(source, largest_bytes=largest_bytes), []
    except Damaged as damaged:
        if errors == "raise":
            raise
        data, _, rest = plain_lines(damaged.before, damaged.name, cut=True).rpartition(b"\n")
        line = data.count(b"\n") + (1 if data else 0) + 1
        shown = rest.decode("utf-8", "replace")
        reason = "must be whole: the compressed file is damaged or cut short here"
        return data + b"\n" if data else b"", damaged.name, [(line, "row", shown, reason)]


def settle(problems: list[Problem], *, errors: str, source: str) -> pd.DataFrame:
    """Raise for the first bad row of a file, or list all of them.

    Parameters
    ----------
    problems : list of (int, str, str, str)
        Line number in the file (from 1), field, value as read, and what it must be
        (``"must be ..."``).
    errors : {"raise", "skip"}
        What to do about them.
    source : str
        The file's name, for the message.

    Returns
    -------
    DataFrame
        The table for `JobLog.skipped`: columns ``line``, ``field``, ``value``, ``reason``.

    Raises
    ------
    ValueError
        If `errors` is ``"raise"`` and there is a problem, or if `errors` is something else.
    """
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors is {errors!r}: it must be 'raise' or 'skip'.")
    if problems and errors == "raise":
        line, name, value, reason = problems[0]
        shown = value if len(value) <= 80 else f"{value[:80]}..."
        more = f" {len(problems) - 1} more rows are bad." if len(problems) > 1 else ""
        raise ValueError(
            f"{source}, line {line}: {name} is {shown!r}: it {reason}.{more} Mend the file, or pass "
            "errors='skip' to leave bad rows out and list them in log.skipped."
        )
    table = pd.DataFrame(problems, columns=list(SKIPPED))
    return table.astype({"line": "int64", "field": str, "value": str, "reason": str})


def first_broken(frame: pd.DataFrame, rules: Iterable[Rule]) -> list[Problem]:
    """Return each row that breaks a rule, with the first rule it breaks, by position."""
    found: dict[int, Problem] = {}
    for bad, name, reason in rules:
        for row in np.flatnonzero(bad).tolist():
            if row not in found:
                found[row] = (row, name, _shown(frame[name].iloc[row]), reason)
    return [found[row] for row in sorted(found)]


def _shown(value: Any) -> str:
    """Return a value as a person would have written it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is pd.NA or value != value else str(value)


@dataclass(frozen=True, eq=False)
class Rows:
    """What was read: typed columns, and where each row stands in the file."""

    frame: pd.DataFrame
    lines: Callable[[], np.ndarray]
    source: str
    problems: list[Problem] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def accept(self, rules: Callable[[pd.DataFrame], Iterable[Rule]]) -> "Rows":
        """Return the rows that keep all rules; the others are among its problems."""
        return self.without(first_broken(self.frame, rules(self.frame)))

    def without(self, broken: list[Problem]) -> "Rows":
        """Return the other rows than those that are broken, which are given by position."""
        if not broken:
            return self
        lines, bad = self.lines(), [row for row, *_ in broken]
        found = [(int(lines[row]), name, value, rule) for row, name, value, rule in broken]
        return replace(
            self,
            frame=self.frame.drop(index=self.frame.index[bad]).reset_index(drop=True),
            lines=lambda: np.delete(lines, bad),
            problems=self.problems + found,
        )

    def settle(self, errors: str) -> pd.DataFrame:
        """Raise for the first problem, or return them all as the table of what was left out."""
        return settle(sorted(self.problems), errors=errors, source=self.source)


def read_rows(
    data: bytes,
    fields: Mapping[str, str],
    *,
    source: str,
    sep: str = ",",
    comment: str = "",
    first_line: int = 1,
    problems: Iterable[Problem] = (),
) -> Rows:
    """Read rows of exactly `fields`.

    Parameters
    ----------
    data : bytes
        The rows, as `read_lines` returns them, without a line of names.
    fields : mapping of str to {"int64", "Int64", "float64", "str"}
        Name and type of each field in order.  An empty field is NA, and not allowed for ``int64``.
    source : str
        The file's name, for messages.
    sep : {",", " "}
        A comma, with quotes around fields that hold one; or any white space, without quotes.
    comment : str, optional
        Lines that start with it are comments.
    first_line : int
        The number, in the file, of the first line of `data`.
    problems : iterable of Problem
        What was wrong with the file already.

    Returns
    -------
    Rows
        Rows with a wrong number of fields or a field of the wrong type are in ``problems``.
    """
    problems = list(problems)
    plain = (sep == " " or b'"' not in data) and b"\0" not in data
    comments: list[str] = []
    rows_only = data
    mark = comment.encode()
    if mark and mark in data:
        lines = data.split(b"\n")
        comments = [line.decode() for line in lines if line.lstrip().startswith(mark)]
        rows_only = b"\n".join(line for line in lines if not line.lstrip().startswith(mark))
    frame = _read_fast(rows_only, fields, sep) if plain else None
    if frame is not None:
        return Rows(frame, partial(_row_lines, data, mark, first_line), source, problems, comments)
    rows = _read_carefully(data.decode(), fields, source, sep, comment, first_line)
    return replace(rows, problems=problems + rows.problems)


def _row_lines(data: bytes, mark: bytes, first_line: int) -> np.ndarray:
    """Return the number of the line of each row."""
    return np.array(
        [
            number
            for number, line in enumerate(data.split(b"\n"), first_line)
            if line.strip() and not (mark and line.lstrip().startswith(mark))
        ],
        dtype=np.intp,
    )


def _read_fast(data: bytes, fields: Mapping[str, str], sep: str) -> pd.DataFrame | None:
    """Return the typed columns, or None if a row is not as it should be."""
    try:
        with np.errstate(invalid="raise"), warnings.catch_warnings():  # a number too large
            # Where a row has two fields too many, pandas warns and reads on.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(  # type: ignore[call-overload]  # of the version of pandas
                BytesIO(data),
                sep=r"\s+" if sep == " " and b"\t" in data else sep,
                skipinitialspace=sep == " ",
                header=None,
                names=[*fields, _EXTRA],
                index_col=False,
                dtype={**fields, _EXTRA: "float64"},
                keep_default_na=False,
                na_values=[""],
                quoting=csv.QUOTE_NONE,
                low_memory=False,
                **_EXACT,
            )
    except (
        ValueError,
        TypeError,
        ArithmeticError,
        pd.errors.ParserWarning,
    ):  # ParserError and EmptyDataError are ValueErrors
        return None
    if not frame.pop(_EXTRA).isna().all():
        return None
    if sep == " ":
        if frame.iloc[:, -1].isna().any():
            return None
    elif data.count(sep.encode()) != len(frame) * (len(fields) - 1):
        return None
    numbers = [name for name, dtype in fields.items() if dtype == "float64"]
    if any(np.isinf(frame[name].to_numpy()).any() for name in numbers):
        return None
    return frame


def _read_carefully(
    text: str, fields: Mapping[str, str], source: str, sep: str, comment: str, first_line: int
) -> Rows:
    """Read line by line: good rows, problems, comments."""
    problems: list[Problem] = []
    comments: list[str] = []
    lines: list[int] = []
    columns: list[list[str]] = [[] for _ in fields]
    for place, line in enumerate(text.split("\n"), first_line):
        if not line.strip():
            continue
        if comment and line.lstrip().startswith(comment):
            comments.append(line)
            continue
        try:
            row = line.split() if sep == " " else next(csv.reader([line], strict=True))
        except csv.Error as error:
            problems.append((place, "row", line, f"must be well quoted ({error})"))
            continue
        bad = _fault(row, fields, may_be_empty=sep != " ")
        if bad:
            problems.append((place, *bad))
            continue
        lines.append(place)
        for column, word in zip(columns, row, strict=True):
            column.append(word)
    frame = pd.DataFrame(
        {
            name: _column(words, dtype)
            for (name, dtype), words in zip(fields.items(), columns, strict=True)
        }
    )
    return Rows(frame, lambda: np.array(lines), source, problems, comments)


def _fault(
    row: list[str], fields: Mapping[str, str], *, may_be_empty: bool
) -> tuple[str, str, str] | None:
    """Return field, value and reason if a row is not as it should be."""
    if len(row) != len(fields):
        return "row", " ".join(row), f"must have {len(fields)} fields, not {len(row)}"
    for (name, dtype), word in zip(fields.items(), row, strict=True):
        if dtype == "str" or (word == "" and may_be_empty and dtype != "int64"):
            continue
        if dtype == "float64":
            if np.isnan(_float(word)):
                return name, word, "must be a finite number"
        elif _whole(word) is None:
            return name, word, "must be a whole number of at most 63 bits"
    return None


def _float(word: str) -> float:
    """Return a plain number, NaN for what is none."""
    try:
        return number(word)
    except ValueError:
        return np.nan


def _whole(word: str) -> int | None:
    """Return a whole number (``4``, ``4.0``, ``4e0``) that fits into int64, else None."""
    if len(word) < 30 and _WHOLE.fullmatch(word):
        whole = int(word)
    elif _float(word).is_integer():
        whole = int(_float(word))
    else:
        return None
    return whole if -(2**63) <= whole < 2**63 else None


def _column(words: list[str], dtype: str) -> pd.Series:
    """Return words that are known to fit in the type of their field."""
    if dtype == "float64":
        return pd.Series([_float(word) if word else np.nan for word in words], dtype="float64")
    if dtype == "str":
        return pd.Series([word or np.nan for word in words], dtype=_TEXT)
    return pd.Series([_whole(word) if word else pd.NA for word in words], dtype=dtype)
