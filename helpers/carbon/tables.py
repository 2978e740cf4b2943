"""Text tables of times and numbers: every format is read through these checks.

Every check names file, line, column and value when one is wrong. Missing steps are errors unless a
longest gap to fill is given.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity, Kind
from helpers.files import LARGEST_BYTES, numbers, read_text
from helpers.timeline import Duration, duration_seconds, epoch_seconds, utc_times

__all__ = [
    "G_PER_KWH",
    "Table",
    "choose",
    "fill_gaps",
    "intensity_from_steps",
    "read_table",
    "table_of",
    "text_of",
    "unique",
]

T = TypeVar("T", pd.Series, pd.DataFrame)
Unit = Literal["g/kWh", "kg/kWh", "lb/MWh"]

#: What one of each unit is in g/kWh; a pound is exactly 0.45359237 kg.
G_PER_KWH: Mapping[str, float] = {"g/kWh": 1.0, "kg/kWh": 1000.0, "lb/MWh": 0.45359237}

# What may part the cells of a row; German spreadsheets write semicolons and decimal commas.
_DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_DIGITS = frozenset("0123456789+-.eE")
_YEARS = (1900, 2200)  # beyond: a time in other units, or a slip
# A filled gap repeats one value: over more than this it would hide a part of the day's curve.
_LONGEST_ADVISED_S = 3 * 3600.0
# Steps up to which a grid is made without asking whether its step can be meant.
_MANY_STEPS = 1_000_000

_HIGHEST_G_PER_KWH = 3000.0  # oil shale and old lignite stay below 2000: beyond is a wrong unit
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """The text cells of a file, with the line each row stands on."""

    name: str
    columns: dict[str, list[str]]
    lines: list[int]
    delimiter: str = ","

    def error(self, row: int, column: str, rule: str) -> ValueError:
        """Return the error of a cell that breaks a rule."""
        cell = self.columns[column][row]
        return ValueError(
            f"{self.name}, line {self.lines[row]}, column {column!r}: {cell!r} {rule}"
        )

    def require(self, *columns: str) -> None:
        """Refuse a table that lacks one of some columns."""
        absent = [column for column in columns if column not in self.columns]
        if absent:
            raise ValueError(
                f"{self.name} has no column {absent[0]!r}, only {', '.join(self.columns)}; "
                "check that it is a file of this format."
            )

    def numbers(self, column: str, missing: Collection[str] = ("",)) -> NDArray[np.float64]:
        """Plain numbers of a column; NaN where the text is one of `missing`."""
        cells = self._with_points(column)
        if _DIGITS.issuperset("".join(cell for cell in cells if cell not in missing)):
            try:  # of these characters alone, what is a float is a plain number
                values = np.array([np.nan if c in missing else float(c) for c in cells])
                bad = np.isinf(values)
            except ValueError:
                values, bad = numbers(cells, missing)
        else:
            values, bad = numbers(cells, missing)
        for row in np.flatnonzero(bad).tolist():
            if self.columns[column][row].lower().strip("+-") in ("nan", "inf", "infinity"):
                raise self.error(row, column, "is not finite; leave missing values empty.")
            raise self.error(row, column, "is not a number; correct or remove it.")
        return values

    def _with_points(self, column: str) -> list[str]:
        """Cells of a column of numbers, with decimal points where it has decimal commas."""
        cells = self.columns[column]
        commas = [row for row, cell in enumerate(cells) if "," in cell]
        if not commas:
            return cells
        sure = self.delimiter != ","  # where commas part cells, one within a number may be of 1,000
        for row in commas:
            cell = cells[row]
            if not _DECIMAL_COMMA.fullmatch(cell):
                raise self.error(row, column, "is not a number; correct or remove it.")
            if not sure and _THOUSANDS.fullmatch(cell):
                raise self.error(row, column, "may be thousands; write it without a comma.")
        for row, cell in enumerate(cells):
            if "." in cell:
                rule = f"has a point, line {self.lines[commas[0]]} a comma; write numbers one way."
                raise self.error(row, column, rule)
        return [cell.replace(",", ".") for cell in cells]

    def intensities(self, column: str, unit: Unit, kind: Kind) -> NDArray[np.float64]:
        """Intensities [g/kWh] of a column, in a range that a grid can have."""
        if unit not in G_PER_KWH:
            raise ValueError(f"unit {unit!r} must be one of {', '.join(G_PER_KWH)}.")
        with np.errstate(over="ignore"):  # what overflows is refused below
            values = self.numbers(column) * G_PER_KWH[unit]
        for row in np.flatnonzero(np.abs(values) > _HIGHEST_G_PER_KWH).tolist():
            raise self.error(
                row,
                column,
                f"{unit} is {values[row]:g} g/kWh, beyond {_HIGHEST_G_PER_KWH:g}, which no grid "
                "reaches; give the right unit.",
            )
        negative = (values < 0) if kind == "average" else np.zeros(values.shape, dtype=bool)
        for row in np.flatnonzero(negative).tolist():
            raise self.error(row, column, "must be >= 0 for an average intensity; correct it.")
        return values

    def times(self, column: str, *, utc: bool = False) -> pd.DatetimeIndex:
        """UTC instants of a column of ISO 8601 texts; `utc` if its header says they are."""
        texts = self.columns[column]
        parsed = pd.to_datetime(
            pd.Series(texts, dtype=object), format="ISO8601", utc=True, errors="coerce"
        )
        for row in np.flatnonzero(parsed.isna() | ~parsed.dt.year.between(*_YEARS)).tolist():
            raise self.error(row, column, "is not a time like 2020-07-01T12:00:00Z; correct it.")
        for row, text in enumerate(texts):
            if not (utc or _ZONED.search(text)):
                raise self.error(row, column, "has no time zone; add Z or an offset like +01:00.")
        return pd.DatetimeIndex(parsed)


def read_table(path: str | os.PathLike, *, largest_bytes: int = LARGEST_BYTES) -> Table:
    """Read a file with a header: plain or compressed, commas or semicolons, in UTF-8 or UTF-16.

    Raises
    ------
    ValueError
        If it is damaged, unfolds to more than `largest_bytes`, is in another encoding, or is no
        table.
    """
    return table_of(text_of(path, largest_bytes=largest_bytes), Path(path).name)


def text_of(path: str | os.PathLike, *, largest_bytes: int = LARGEST_BYTES) -> str:
    """Return the text of a file, its lines ended by line feeds.

    Raises
    ------
    ValueError
        If it is damaged, unfolds to more than `largest_bytes`, or is in another encoding than its
        mark says, or UTF-8.
    """
    lines = read_text(path, largest_bytes=largest_bytes, latin_1=False).lines
    return "".join(line + "\n" for line in lines)


def table_of(text: str, name: str, lines_before: int = 0) -> Table:
    """Cut a text with a header into cells.

    Raises
    ------
    ValueError
        If there is no row, a column occurs twice, or a row has more or fewer cells than the header.
    """
    header_line = next((line for line in text.split("\n") if line.strip()), "")
    delimiter = max(
        _DELIMITERS, key=lambda mark: len(next(csv.reader([header_line], delimiter=mark), []))
    )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [
            (lines_before + reader.line_num, [cell.strip() for cell in row])
            for row in reader
            if row
        ]
    except csv.Error as error:
        raise ValueError(
            f"{name}, line {lines_before + reader.line_num}: a quoted cell does not end well "
            f"({error}); close its quotes, or fetch the file again."
        ) from error
    if len(rows) < 2:
        raise ValueError(f"{name} has {len(rows)} lines: a header and at least one row are needed.")
    header = rows[0][1]
    repeated = [column for column in header if header.count(column) > 1]
    if repeated:
        raise ValueError(f"{name}: column {repeated[0]!r} occurs twice; remove one.")
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise ValueError(
                f"{name}, line {line} has {len(cells)} cells, the header {len(header)}; "
                "the file may be cut short: fetch it again."
            )
    columns = {column: [cells[i] for _, cells in rows[1:]] for i, column in enumerate(header)}
    return Table(name, columns, [line for line, _ in rows[1:]], delimiter)


def choose(
    table: Table, column: str, wanted: str | None, option: str
) -> tuple[NDArray[np.int64], str]:
    """Rows with the wanted value in a column, or with the only one there is."""
    names = sorted(set(table.columns[column]))
    if wanted is None and len(names) == 1:
        wanted = names[0]
    if wanted not in names:
        raise ValueError(
            f"{table.name}, column {column!r} holds {', '.join(names)}, not {wanted!r}; "
            f"choose one of them with `{option}`."
        )
    return np.flatnonzero(np.array(table.columns[column]) == wanted), wanted


def unique(
    table: Table, rows: NDArray[np.int64], times: pd.DatetimeIndex, values: NDArray[np.float64]
) -> pd.DataFrame:
    """Values by time; a time that occurs twice in the rows is refused."""
    index = times[rows]
    for row in rows[index.duplicated()]:
        first = rows[np.argmax(index == times[row])]
        raise ValueError(
            f"{table.name}, line {table.lines[row]}: {times[row].isoformat()} occurs again "
            f"(first in line {table.lines[first]}); keep one of the rows."
        )
    return pd.DataFrame(values[rows], index).sort_index()


def fill_gaps(
    table: T, *, step: Duration | None = None, longest: Duration | None = None
) -> tuple[T, pd.DataFrame]:
    """Put a table of regular steps on a grid without gaps, and tell where it had some.

    Parameters
    ----------
    table : Series or DataFrame
        Values with a tz-aware index of step starts, in any order. A step is missing if it is
        not in the index, or one of its values is NaN.
    step : duration, optional
        Length of a step; by default the shortest distance of two starts.
    longest : duration, optional
        Longest gap that is filled with the values before it. By default none is.

    Returns
    -------
    filled : Series or DataFrame
        The table on a UTC grid with every step.
    gaps : DataFrame
        Columns `start`, `stop` [UTC] and `steps`, a row for each gap that was filled.

    Raises
    ------
    ValueError
        If times repeat or lie off the grid, a gap is longer than `longest`, or nothing comes
        before a gap.
    """
    table = table.sort_index()
    starts_s = epoch_seconds(table.index)
    distances = np.diff(starts_s)
    if (distances == 0).any():
        twice = table.index[:-1][distances == 0][0]
        raise ValueError(f"time {twice.isoformat()} occurs twice; keep one of its values.")
    if step is None and not distances.size:
        raise ValueError(f"{len(table)} rows tell no step length; give `step`.")
    step_s = distances.min() if step is None else duration_seconds(step)
    position = (starts_s - starts_s[0]) / step_s
    for i in np.flatnonzero(np.abs(position - np.round(position)) * step_s > 1e-6).tolist():
        raise ValueError(
            f"time {table.index[i].isoformat()} is not a whole number of {step_s:g} s steps after "
            f"{table.index[0].isoformat()}; give the right `step`."
        )
    position = np.round(position).astype(np.int64)
    count = int(position[-1]) + 1
    if count > max(_MANY_STEPS, 10 * len(table)):
        first, last = table.index[[0, -1]]
        raise ValueError(
            f"{len(table)} rows from {first.isoformat()} to {last.isoformat()} would be {count:,} "
            f"steps of {step_s:g} s: two times lie too close together, or `step` is too short."
        )
    grid_s = starts_s[0] + step_s * np.arange(count)
    table = table.set_axis(pd.Index(position)).reindex(range(len(grid_s)))
    missing = np.asarray(pd.DataFrame(table).isna().to_numpy().any(axis=1))
    gaps = _runs(missing, grid_s, step_s)
    _refuse(gaps, step_s, longest)
    if missing[0]:
        raise ValueError(
            f"nothing comes before the gap at the start, {gaps['start'][0].isoformat()}; "
            f"begin at {gaps['stop'][0].isoformat()}."
        )
    if len(gaps):  # a step missing in one column takes the whole step from before
        table.loc[missing] = np.nan
        table = table.ffill()
    return table.set_axis(utc_times(grid_s)), gaps


def _runs(missing: NDArray[np.bool_], grid_s: NDArray, step_s: float) -> pd.DataFrame:
    change = np.diff(np.concatenate([[0], missing.astype(np.int8), [0]]))
    first, after = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    ends_s = np.append(grid_s, grid_s[-1] + step_s)
    return pd.DataFrame(
        {
            "start": utc_times(grid_s[first]),
            "stop": utc_times(ends_s[after]),
            "steps": after - first,
        }
    )


def _refuse(gaps: pd.DataFrame, step_s: float, longest: Duration | None) -> None:
    limit_s = 0.0 if longest is None else duration_seconds(longest)
    too_long = gaps[gaps["steps"] * step_s > limit_s]
    if len(too_long):
        shown = "; ".join(
            f"{start.isoformat()} to {stop.isoformat()}"
            for start, stop in zip(
                pd.DatetimeIndex(too_long["start"])[:3],
                pd.DatetimeIndex(too_long["stop"])[:3],
                strict=True,
            )
        )
        longest_s = too_long["steps"].max() * step_s
        fill = (
            f", or allow gaps of {longest_s:g} s to be filled with the value before (fill_previous)"
        )
        raise ValueError(
            f"{len(too_long)} gaps, {too_long['steps'].sum()} steps of {step_s:g} s missing: {shown}"
            f"{' ...' if len(too_long) > 3 else ''}; get the missing data or cut the period"
            f"{fill if longest_s <= _LONGEST_ADVISED_S else ''}."
        )


def intensity_from_steps(
    series: pd.Series,
    *,
    kind: Kind,
    zone: str,
    source: str,
    step: Duration | None = None,
    fill_previous: Duration | None = None,
) -> Intensity:
    """Make an intensity of regular steps, some of which may be missing.

    Parameters
    ----------
    series : Series of float
        Intensity [g CO2e/kWh] with a tz-aware index of step starts, in any order.
    kind, zone, source
        As in `Intensity`. How many steps were filled is added to `source`.
    step : duration, optional
        Length of a step; by default the shortest distance of two starts.
    fill_previous : duration, optional
        Longest gap to fill with the value before it. By default a gap is an error.

    Raises
    ------
    ValueError
        As `fill_gaps`, naming the source.
    """
    try:
        series, gaps = fill_gaps(series, step=step, longest=fill_previous)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    if len(gaps):
        source += f"; {gaps['steps'].sum()} missing steps filled with the value before"
    seconds = epoch_seconds(series.index)
    last_s = duration_seconds(step) if step is not None else seconds[1] - seconds[0]
    return Intensity(
        np.append(seconds, seconds[-1] + last_s), series.to_numpy(), kind, zone, source
    )
