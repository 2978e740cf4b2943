"""Forecasts of a day or more ahead, issued once a day: files with one row an hour."""

from __future__ import annotations

import os
import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import Forecasts, Intensity, Kind
from helpers.carbon.tables import Table, Unit, intensity_from_steps, read_table
from helpers.timeline import (
    Duration,
    check_time_zone,
    duration_seconds,
    epoch_seconds,
    utc_times,
)

__all__ = ["read_day_ahead_csv"]

# How such files call their columns, in small letters.
_TIME = r"(utc )?(date)?time( \(utc\))?|timestamp"
_FORECAST = r".*(forecast|predicted).*"
_ACTUAL = r".*actual.*"


# Eight parameters: what a bare table of forecasts does not say; none follows from another.
def read_day_ahead_csv(
    path: str | os.PathLike,
    *,
    zone: str,
    source: str,
    kind: Kind = "average",
    unit: Unit = "g/kWh",
    leads: int = 24,
    issued_before: Duration | None = None,
    time_zone: str | None = None,
) -> tuple[Intensity | None, Forecasts]:
    """Read day-ahead forecasts: one row an hour, one issue a day, each of `leads` rows.

    Parameters
    ----------
    path : path
        CSV file with a column of times, one with ``forecast`` or ``predicted`` in its name, and
        possibly one with ``actual`` in its name, as CarbonCast [1]_ writes them. An issue ends
        where its rows are complete; where it covers several days, the rows of the next begin
        earlier again.
    zone, source : str
        As in `Intensity`.
    kind : {"average", "marginal"}
        Which the file does not tell.
    unit : {"g/kWh", "kg/kWh", "lb/MWh"}
        Unit of the numbers, which the file does not tell.
    leads : int
        Rows of an issue: 24 for a day ahead by hours, 96 for four days.
    issued_before : duration, optional
        How long before its first row an issue was known. By default when that row begins.
    time_zone : str, optional
        Clock of times without an offset, e.g. "UTC", where the column's name does not say UTC.

    Returns
    -------
    intensity : Intensity or None
        What came, if the file has it.
    forecasts : Forecasts
        A row for each issue.

    Raises
    ------
    ValueError
        If columns, times or numbers are not as documented, an issue is incomplete or begins when
        another does, or two rows of one hour tell different actual values.

    References
    ----------
    .. [1] D. Maji, P. Shenoy and R. K. Sitaraman, "CarbonCast: multi-day forecasting of grid carbon
       intensity", BuildSys 2022. https://doi.org/10.1145/3563357.3564079
    """
    table = read_table(path)
    time, forecast = _column(table, _TIME, "times"), _column(table, _FORECAST, "forecasts")
    times_s = _times_s(table, time, time_zone)
    values = table.intensities(forecast, unit, kind)
    for row in np.flatnonzero(np.isnan(values)).tolist():
        raise table.error(row, forecast, "is missing; leave out the whole issue or none of it.")
    first, step_s = _issues(table, time, times_s, leads)
    before_s = 0.0 if issued_before is None else duration_seconds(issued_before)
    forecasts = Forecasts(
        times_s[first] - before_s,
        before_s + step_s * np.arange(leads + 1, dtype=np.float64),
        values.reshape(-1, leads),
        kind,
        zone,
        source,
    )
    if not any(re.fullmatch(_ACTUAL, name.lower()) for name in table.columns):
        return None, forecasts
    actual = _column(table, _ACTUAL, "actual values")
    came = _once(table, actual, times_s, table.intensities(actual, unit, kind))
    return intensity_from_steps(came, kind=kind, zone=zone, source=source, step=step_s), forecasts


def _column(table: Table, pattern: str, what: str) -> str:
    found = [name for name in table.columns if re.fullmatch(pattern, name.lower())]
    if len(found) != 1:
        raise ValueError(
            f"{table.name} has {len(found) or 'no'} columns of {what}"
            f"{': ' + ', '.join(found) if found else ', only ' + ', '.join(table.columns)}; "
            "leave one, and name it so."
        )
    return found[0]


def _times_s(table: Table, column: str, time_zone: str | None) -> NDArray[np.float64]:
    if "utc" in column.lower() or time_zone in (None, "UTC"):
        is_utc = "utc" in column.lower() or time_zone == "UTC"
        return epoch_seconds(table.times(column, utc=is_utc))
    clock = table.times(column, utc=True).tz_localize(None)
    local = clock.tz_localize(check_time_zone(time_zone), ambiguous="NaT", nonexistent="NaT")
    for row in np.flatnonzero(local.isna()).tolist():
        raise table.error(row, column, "comes twice or never by that clock; write times in UTC.")
    return epoch_seconds(local)


def _issues(
    table: Table, column: str, times_s: NDArray[np.float64], leads: int
) -> tuple[NDArray[np.int64], float]:
    """First row of each issue, and the length of a step [s]."""
    if leads < 2 or times_s.size < leads:
        raise ValueError(f"leads(={leads}) must be 2 or more, and {table.name} have as many rows.")
    distances_s = np.diff(times_s)
    step_s = float(np.median(distances_s))
    inner = np.arange(1, times_s.size) % leads != 0
    for row in (1 + np.flatnonzero(inner & (distances_s != step_s))).tolist():
        raise table.error(
            row,
            column,
            f"does not follow the row before by {step_s:g} s within an issue of {leads} rows; give "
            "the right `leads`, or complete the issue.",
        )
    if times_s.size % leads:
        raise ValueError(
            f"{table.name} ends within an issue: {times_s.size} rows are not whole issues of "
            f"{leads}; give the right `leads`, or complete the issue."
        )
    first = leads * np.arange(times_s.size // leads)
    for issue in (1 + np.flatnonzero(np.diff(times_s[first]) <= 0)).tolist():
        raise table.error(
            first[issue],
            column,
            f"begins an issue, but not after the issue before; give the right `leads`, not {leads}, "
            "and put issues in their order.",
        )
    return first, step_s


def _once(
    table: Table, column: str, times_s: NDArray[np.float64], values: NDArray[np.float64]
) -> pd.Series:
    """Actual values, each hour once, though every issue that covers it tells it again."""
    hours_s, first, hour = np.unique(times_s, return_index=True, return_inverse=True)
    same = (values == values[first][hour]) | (np.isnan(values) & np.isnan(values[first][hour]))
    for row in np.flatnonzero(~same).tolist():
        line = table.lines[first[hour[row]]]
        raise table.error(row, column, f"differs from line {line}, which is of the same hour.")
    return pd.Series(values[first], utc_times(hours_s))
