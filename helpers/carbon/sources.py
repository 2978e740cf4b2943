"""Read carbon intensity from files: what each format says, and nothing it does not say.

Every reader checks times, numbers and units, and names file, line, column and value when one is
wrong. Missing steps are errors unless a longest gap to fill is given.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import zoneinfo
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import Forecasts, Intensity, Kind
from helpers.files import read_bytes, write_whole
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds, utc_times

__all__ = [
    "G_PER_KWH",
    "PRODUCTION_TYPES",
    "STORAGE",
    "fill_gaps",
    "intensity_from_mix",
    "intensity_from_steps",
    "parse_entsoe_xml",
    "rated_generation",
    "read_csv",
    "read_electricity_maps_csv",
    "read_entsoe_csv",
    "read_factors",
    "read_watttime_csv",
    "write_csv",
]

T = TypeVar("T", pd.Series, pd.DataFrame)
Unit = Literal["g/kWh", "kg/kWh", "lb/MWh"]
FactorType = Literal["direct", "lifecycle"]

#: What one of each unit is in g/kWh; a pound is exactly 0.45359237 kg.
G_PER_KWH: Mapping[str, float] = {"g/kWh": 1.0, "kg/kWh": 1000.0, "lb/MWh": 0.45359237}

#: ENTSO-E's codes (psrType) and names of production types.
PRODUCTION_TYPES: Mapping[str, str] = {
    "B01": "Biomass",
    "B02": "Fossil Brown coal/Lignite",
    "B03": "Fossil Coal-derived gas",
    "B04": "Fossil Gas",
    "B05": "Fossil Hard coal",
    "B06": "Fossil Oil",
    "B07": "Fossil Oil shale",
    "B08": "Fossil Peat",
    "B09": "Geothermal",
    "B10": "Hydro Pumped Storage",
    "B11": "Hydro Run-of-river and poundage",
    "B12": "Hydro Water Reservoir",
    "B13": "Marine",
    "B14": "Nuclear",
    "B15": "Other renewable",
    "B16": "Solar",
    "B17": "Waste",
    "B18": "Wind Offshore",
    "B19": "Wind Onshore",
    "B20": "Other",
    "B25": "Energy storage",
}
#: Types that return electricity generated before, which was already counted then.
STORAGE = ("Energy storage", "Hydro Pumped Storage")

_HIGHEST_G_PER_KWH = 3000.0  # oil shale and old lignite stay below 2000: beyond is a wrong unit
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_MTU = re.compile(r"(\d\d)([./])(\d\d)\2(\d{4}) (\d\d:\d\d(?::\d\d)?)(?: \((CES?T)\))? - .+")


@dataclass(frozen=True)
class _Table:
    """The text cells of a file, with the line each row stands on."""

    name: str
    columns: dict[str, list[str]]
    lines: list[int]

    def error(self, row: int, column: str, rule: str) -> ValueError:
        cell = self.columns[column][row]
        return ValueError(
            f"{self.name}, line {self.lines[row]}, column {column!r}: {cell!r} {rule}"
        )

    def require(self, *columns: str) -> None:
        absent = [column for column in columns if column not in self.columns]
        if absent:
            raise ValueError(
                f"{self.name} has no column {absent[0]!r}, only {', '.join(self.columns)}; "
                "check that it is a file of this format."
            )

    def numbers(self, column: str, missing: Collection[str] = ("",)) -> NDArray[np.float64]:
        """Numbers of a column; NaN where the text is one of `missing`."""
        cells = self.columns[column]
        empty = np.array([cell in missing for cell in cells], dtype=bool)
        try:
            values = np.array([np.nan if cell in missing else float(cell) for cell in cells])
        except ValueError:
            row = next(i for i, cell in enumerate(cells) if not empty[i] and not _is_number(cell))
            raise self.error(row, column, "is not a number; correct or remove it.") from None
        for row in np.flatnonzero(~np.isfinite(values) & ~empty):
            raise self.error(row, column, "is not finite; leave missing values empty.")
        return values

    def intensities(self, column: str, unit: Unit, kind: Kind) -> NDArray[np.float64]:
        """Intensities [g/kWh] of a column, in a range that a grid can have."""
        values = self.numbers(column) * G_PER_KWH[unit]
        for row in np.flatnonzero(np.abs(values) > _HIGHEST_G_PER_KWH):
            raise self.error(
                row,
                column,
                f"{unit} is {values[row]:g} g/kWh, beyond {_HIGHEST_G_PER_KWH:g}, which no grid "
                "reaches; give the right unit.",
            )
        for row in np.flatnonzero(values < 0) if kind == "average" else ():
            raise self.error(row, column, "must be >= 0 for an average intensity; correct it.")
        return values

    def times(self, column: str, *, utc: bool = False) -> pd.DatetimeIndex:
        """UTC instants of a column of ISO 8601 texts; `utc` if its header says they are."""
        texts = self.columns[column]
        parsed = pd.to_datetime(
            pd.Series(texts, dtype=object), format="ISO8601", utc=True, errors="coerce"
        )
        for row in np.flatnonzero(parsed.isna()):
            raise self.error(row, column, "is not a time like 2020-07-01T12:00:00Z; correct it.")
        for row, text in enumerate(texts):
            if not (utc or _ZONED.search(text)):
                raise self.error(row, column, "has no time zone; add Z or an offset like +01:00.")
        return pd.DatetimeIndex(parsed)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_table(path: str | os.PathLike) -> _Table:
    return _table_of(_read_text(path), Path(path).name)


def _table_of(text: str, name: str, lines_before: int = 0) -> _Table:
    reader = csv.reader(io.StringIO(text, newline=""))
    rows = [
        (lines_before + reader.line_num, [cell.strip() for cell in row]) for row in reader if row
    ]
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
    return _Table(name, columns, [line for line, _ in rows[1:]])


def _read_text(path: str | os.PathLike) -> str:
    data, name = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name} is not UTF-8 text ({error}); save it as UTF-8, plain or compressed."
        ) from error


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
    for i in np.flatnonzero(np.abs(position - np.round(position)) * step_s > 1e-6):
        raise ValueError(
            f"time {table.index[i].isoformat()} is not a whole number of {step_s:g} s steps after "
            f"{table.index[0].isoformat()}; give the right `step`."
        )
    position = np.round(position).astype(np.int64)
    grid_s = starts_s[0] + step_s * np.arange(position[-1] + 1)
    table = table.set_axis(pd.Index(position)).reindex(range(len(grid_s)))
    missing = table.isna() if table.ndim == 1 else table.isna().any(axis=1)
    gaps = _runs(missing.to_numpy(), grid_s, step_s)
    _refuse(gaps, step_s, longest)
    if missing.iloc[0]:
        raise ValueError(
            f"nothing comes before the gap at the start, {gaps['start'][0].isoformat()}; "
            f"begin at {gaps['stop'][0].isoformat()}."
        )
    if len(gaps):  # a step missing in one column takes the whole step from before
        table = table.mask(missing, axis=0).ffill()
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
            f"{gap.start.isoformat()} to {gap.stop.isoformat()}"
            for gap in too_long.head(3).itertuples()
        )
        raise ValueError(
            f"{len(too_long)} gaps, {too_long['steps'].sum()} steps of {step_s:g} s missing: {shown}"
            f"{' ...' if len(too_long) > 3 else ''}; get the missing data, cut the period, or "
            f"allow gaps of {too_long['steps'].max() * step_s:g} s to be filled with the value "
            "before (fill_previous)."
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


def read_factors(path: str | os.PathLike, name: str) -> dict[str, float]:
    """Read one named set of emission factors; sets are never mixed.

    Parameters
    ----------
    path : path
        CSV file with columns `factor_set`, `production_type`, `intensity_g_per_kwh` and any
        others (a reference, say).
    name : str
        Which `factor_set`.

    Returns
    -------
    dict
        Factor [g CO2e/kWh] of each production type.

    Raises
    ------
    ValueError
        If the set is not in the file, names a type twice, or a factor is missing or negative.
    """
    table = _read_table(path)
    table.require("factor_set", "production_type", "intensity_g_per_kwh")
    values = table.intensities("intensity_g_per_kwh", "g/kWh", "average")
    sets, types = table.columns["factor_set"], table.columns["production_type"]
    factors: dict[str, float] = {}
    for row in [row for row, factor_set in enumerate(sets) if factor_set == name]:
        if types[row] in factors:
            raise table.error(row, "production_type", f"occurs twice in {name!r}; keep one.")
        if np.isnan(values[row]):
            raise table.error(row, "intensity_g_per_kwh", "is no factor; give a number.")
        factors[types[row]] = float(values[row])
    if not factors:
        raise ValueError(
            f"{table.name} has no factor set {name!r}, only {', '.join(sorted(set(sets)))}."
        )
    return factors


def intensity_from_mix(
    generation_mw: pd.DataFrame,
    factors: Mapping[str, float],
    *,
    zone: str,
    source: str = "generation mix",
    step: Duration | None = None,
    storage: Collection[str] = STORAGE,
    absent: Collection[str] = (),
    fill_previous: Duration | None = None,
) -> Intensity:
    """Compute the average intensity of a generation mix.

    Parameters
    ----------
    generation_mw : DataFrame
        Mean generation [MW] of each step (tz-aware index of starts) and production type
        (columns).
    factors : mapping
        Emission factor [g CO2e/kWh] of each production type, all from one factor set.
    zone, source
        As in `Intensity`.
    step : duration, optional
        Length of the table's steps, by default the shortest distance of two. For hourly
        intensity average the *generation* over hours first, not the intensity.
    storage : collection of str
        Types to leave out: what storage returns was counted when it was generated.
    absent : collection of str
        Types for which a missing value means that there is no such plant: 0 MW.
    fill_previous : duration, optional
        Longest gap to fill with the intensity before it; a step is also missing if a type is.

    Returns
    -------
    Intensity
        Of kind average. What was set to 0 or filled is counted in its `source`.

    Raises
    ------
    ValueError
        If a type has no factor, nothing is generated in a step, or steps are missing.

    Notes
    -----
    intensity = sum(generation x factor) / sum(generation), production-based: imports are not
    in it. Negative generation (a plant's own consumption) counts as 0.
    """
    table = rated_generation(generation_mw, factors, storage)
    no_plant = [name for name in absent if name in table]
    table = table.fillna(dict.fromkeys(no_plant, 0.0)).astype(np.float64)
    negative = int((table < 0).to_numpy().sum())
    if negative:
        source += f"; {negative} negative values set to 0"
    mix = _weighted_mean(table.clip(lower=0.0), factors, zone)
    try:
        return intensity_from_steps(
            mix, kind="average", zone=zone, source=source, step=step, fill_previous=fill_previous
        )
    except ValueError as error:
        lacking = ", ".join(f"{name} {n}" for name, n in table.isna().sum().items() if n)
        if not lacking:
            raise
        raise ValueError(
            f"{error} Values missing: {lacking}; a type that has no plant then goes in `absent`."
        ) from error


def rated_generation(
    generation_mw: pd.DataFrame, factors: Mapping[str, float], storage: Collection[str] = STORAGE
) -> pd.DataFrame:
    """Leave out storage and make sure that every other type has an emission factor.

    Parameters
    ----------
    generation_mw : DataFrame
        Generation [MW]; columns are production types.
    factors : mapping
        Emission factor [g CO2e/kWh] of each production type.
    storage : collection of str
        Types to leave out.

    Returns
    -------
    DataFrame
        The other columns, as they were.

    Raises
    ------
    ValueError
        If a type has no factor.
    """
    table = generation_mw.drop(columns=[name for name in storage if name in generation_mw])
    unknown = [str(name) for name in table.columns if name not in factors]
    if unknown:
        raise ValueError(
            f"no emission factor for {', '.join(unknown)}; the set has {', '.join(factors)}: "
            "add a factor, or leave the type out by name (storage)."
        )
    return table


def _weighted_mean(table: pd.DataFrame, factors: Mapping[str, float], zone: str) -> pd.Series:
    """Mean factor [g/kWh] of each row, weighted with its generation; NaN where one is missing."""
    total = table.sum(axis=1, skipna=False)
    idle = total.index[total == 0]
    if len(idle):
        raise ValueError(
            f"nothing was generated in {zone} at {idle[0].isoformat()} and {len(idle) - 1} other "
            "steps; set these steps to NaN (missing) or cut them off."
        )
    weights = pd.Series(factors, dtype=np.float64)[table.columns]
    return table.mul(weights, axis=1).sum(axis=1) / total


def read_entsoe_csv(
    path: str | os.PathLike,
    *,
    area: str | None = None,
    day_first: bool | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Read ENTSO-E's export of "Actual Generation per Production Type".

    Both layouts of the Transparency Platform are read: the former one with a column for each
    type ("Solar  - Actual Aggregated [MW]"), and today's with a row for each ("Production
    Type", "Generation (MW)").

    Parameters
    ----------
    path : path
        The file.
    area : str, optional
        Which area to take if the file has several, as it names it, e.g. "BZN|DE-LU".
    day_first : bool, optional
        Whether 03/04/2025 is the 3rd of April. Needed for dates with slashes, which the
        platform writes both ways; dates with dots always have the day first.
    tz : str, optional
        Zone of the times if the header names neither UTC nor CET/CEST.

    Returns
    -------
    DataFrame
        Generation [MW]: UTC starts of the periods, a column for each type that exists in the
        area. Missing values ("-", "N/A") are NaN; types that do not exist ("n/e" throughout)
        are left out, and so is consumption, e.g. by pumps.

    Raises
    ------
    ValueError
        If columns, times or numbers are not as documented, naming file, line and value.

    References
    ----------
    ENTSO-E Transparency Platform, "Actual Generation per Production Type [16.1.B&C]".
    """
    table = _read_table(path)
    table.require("Area")
    time = next((column for column in table.columns if column.startswith("MTU")), None)
    if time is None:
        table.require("MTU")
    chosen, _ = _choose(table, "Area", area, "area")
    starts = _mtu_starts(table, time, day_first, _mtu_zone(table, time, tz))
    if "Production Type" in table.columns:
        generation = _long_generation(table, starts, chosen)
    else:
        generation = _wide_generation(table, starts, chosen)
    return generation.dropna(axis=1, how="all").sort_index().sort_index(axis=1)


def _mtu_zone(table: _Table, column: str, tz: str | None) -> str:
    known = {"MTU (UTC)": "UTC", "MTU (CET/CEST)": "Europe/Brussels"}
    if column not in known and tz is None:
        raise ValueError(
            f"{table.name}: column {column!r} does not tell the zone of its times; give `tz`, "
            'e.g. tz="Europe/Brussels".'
        )
    return known.get(column) or tz


def _mtu_starts(table: _Table, column: str, day_first: bool | None, tz: str) -> pd.DatetimeIndex:
    """UTC starts of periods written "01.07.2020 12:00 - 01.07.2020 13:00"; NaT: no such hour.

    An hour that the clock shows twice is told apart by its mark (CEST, CET), or by its order.
    """
    texts = table.columns[column]
    types = table.columns.get("Production Type", texts)
    rows = list(zip(texts, table.columns["Area"], types, strict=True))
    times = Counter(rows)
    seen: Counter[tuple[str, str, str]] = Counter()
    known: dict[str, tuple[pd.Timestamp, pd.Timestamp]] = {}
    starts = []
    for row, text in enumerate(texts):
        if text not in known:
            known[text] = _mtu_start(table, row, column, day_first, tz)
        summer, winter = known[text]
        if summer != winter and summer is not pd.NaT:
            if times[rows[row]] != 2:
                raise table.error(
                    row, column, "happens twice, but the file has it once; export it in UTC."
                )
            starts.append(winter if seen[rows[row]] else summer)
            seen[rows[row]] += 1
        else:
            starts.append(summer)
    return pd.DatetimeIndex(starts, tz="UTC")


def _mtu_start(
    table: _Table, row: int, column: str, day_first: bool | None, tz: str
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start of a period [UTC] read as summer and as winter time: mostly the same."""
    match = _MTU.fullmatch(table.columns[column][row])
    if match is None:
        raise table.error(row, column, "is not a period like '01.07.2020 12:00 - ...'.")
    one, mark, two, year, clock, zone = match.groups()
    if mark == "/" and day_first is None:
        raise table.error(row, column, "may be either way round; give day_first=True or False.")
    day, month = (one, two) if mark == "." or day_first else (two, one)
    try:
        stamp = pd.Timestamp(f"{year}-{month}-{day}T{clock}")
    except ValueError:
        raise table.error(row, column, "is no date; give the other day_first.") from None
    both = [stamp.tz_localize(tz, ambiguous=dst, nonexistent="NaT") for dst in (True, False)]
    summer, winter = (each if each is pd.NaT else each.tz_convert("UTC") for each in both)
    return {"CEST": (summer, summer), "CET": (winter, winter)}.get(zone, (summer, winter))


_NO_NUMBER = ("", "-", "N/A", "n/e")  # the platform's signs for missing and for non-existent


def _long_generation(
    table: _Table, starts: pd.DatetimeIndex, chosen: NDArray[np.int64]
) -> pd.DataFrame:
    """Generation from a row for each period and production type."""
    table.require("Generation (MW)")
    values = table.numbers("Generation (MW)", _NO_NUMBER)
    _refuse_skipped_hours(table, "Generation (MW)", starts, values)
    rows = chosen[starts[chosen].notna()]
    types = np.array(table.columns["Production Type"], dtype=object)
    index = pd.MultiIndex.from_arrays([starts[rows], types[rows]])
    for row in rows[index.duplicated()]:
        raise table.error(row, "Production Type", "occurs twice in its period; keep one value.")
    long = pd.DataFrame({"start": starts[rows], "type": types[rows], "mw": values[rows]})
    wide = long.pivot_table("mw", "start", "type", dropna=False, aggfunc="first")
    return wide.rename_axis(index=None, columns=None)


def _wide_generation(
    table: _Table, starts: pd.DatetimeIndex, chosen: NDArray[np.int64]
) -> pd.DataFrame:
    """Generation from a row for each period and a column for each production type."""
    ending = re.compile(r"\s+- Actual Aggregated \[MW\]$")
    columns = [column for column in table.columns if ending.search(column)]
    if not columns:
        table.require("Generation (MW)")
    generation = {}
    for column in columns:
        values = table.numbers(column, _NO_NUMBER)
        _refuse_skipped_hours(table, column, starts, values)
        generation[ending.sub("", column)] = values
    rows = chosen[starts[chosen].notna()]
    for row in rows[starts[rows].duplicated()]:
        raise table.error(row, columns[0], "stands in a period that occurs twice; keep one.")
    return pd.DataFrame(generation, starts).iloc[rows]


def _refuse_skipped_hours(
    table: _Table, column: str, starts: pd.DatetimeIndex, values: NDArray[np.float64]
) -> None:
    for row in np.flatnonzero(starts.isna() & ~np.isnan(values)):
        raise table.error(
            row, column, "stands in an hour that the clock skips in spring; export it in UTC."
        )


def parse_entsoe_xml(text: str | bytes, name: str = "ENTSO-E's answer") -> pd.DataFrame:
    """Read generation per production type from a document of ENTSO-E's web service.

    Parameters
    ----------
    text : str or bytes
        A ``GL_MarketDocument`` of type A75 (actual generation per type).
    name : str
        What to call it in messages.

    Returns
    -------
    DataFrame
        Generation [MW]: UTC starts of the periods, a column for each type. Consumption, e.g.
        by pumps (time series with an out-domain), is left out.

    Raises
    ------
    ValueError
        If it is no such document, tells of an error, or has an unknown code or resolution.

    References
    ----------
    ENTSO-E, "Transparency Platform restful API user guide", 4.4.8; curve types A01 (every
    position) and A03 (a position is left out while the value stays the same).
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"{name} is no XML document ({error}); fetch it again.") from error
    kind = root.tag.rpartition("}")[2]
    if kind != "GL_MarketDocument":
        reason = root.findtext(".//{*}Reason/{*}text", "no reason given").strip()
        raise ValueError(f"{name} is {kind}, not GL_MarketDocument: {reason}")
    values: dict[str, dict[pd.Timestamp, float]] = {}
    for series in root.iterfind(".//{*}TimeSeries"):
        if series.find("{*}outBiddingZone_Domain.mRID") is not None:
            continue
        code = series.findtext(".//{*}psrType", "none")
        if code not in PRODUCTION_TYPES:
            raise ValueError(f"{name}: production type (psrType) {code!r} is unknown.")
        of_type = values.setdefault(PRODUCTION_TYPES[code], {})
        for period in series.iterfind("{*}Period"):
            for start, value in _points(period, series.findtext("{*}curveType", "A01"), name):
                if of_type.setdefault(start, value) != value:
                    raise ValueError(
                        f"{name}: {PRODUCTION_TYPES[code]} at {start.isoformat()} is both "
                        f"{of_type[start]:g} and {value:g} MW; ask for a shorter period."
                    )
    if not values:
        raise ValueError(f"{name} holds no generation; check area and period.")
    return pd.DataFrame(values).sort_index().sort_index(axis=1)


def _points(period: ElementTree.Element, curve: str, name: str) -> list[tuple[pd.Timestamp, float]]:
    """Starts and values of the points of a period, with what an A03 curve leaves out."""
    resolution = period.findtext("{*}resolution", "")
    minutes = re.fullmatch(r"PT(\d+)M", resolution)
    if minutes is None or curve not in ("A01", "A03"):
        raise ValueError(
            f"{name}: cannot read resolution {resolution!r} with curve type {curve!r}; "
            "PTnM with A01 or A03 is expected."
        )
    step = pd.Timedelta(minutes=int(minutes[1]))
    try:
        first, stop = (
            pd.Timestamp(period.findtext(f"{{*}}timeInterval/{{*}}{end}", "")).tz_convert("UTC")
            for end in ("start", "end")
        )
        points = {
            int(point.findtext("{*}position", "")): float(point.findtext("{*}quantity", ""))
            for point in period.iterfind("{*}Point")
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{name}: a period has a wrong time, position or quantity: {error}"
        ) from error
    if curve == "A03":
        previous = np.nan
        for position in range(1, round((stop - first) / step) + 1):
            previous = points.setdefault(position, previous)
    return [(first + (position - 1) * step, points[position]) for position in sorted(points)]


def read_electricity_maps_csv(
    path: str | os.PathLike,
    *,
    zone: str | None = None,
    factor_type: FactorType = "lifecycle",
    start: Times | None = None,
    stop: Times | None = None,
    fill_previous: Duration | None = None,
) -> Intensity:
    """Read a CSV file of Electricity Maps: today's from its portal, or an older one.

    Parameters
    ----------
    path : path
        The file. Known headers start with ``Datetime (UTC),Country,Zone name,Zone id`` or hold
        ``zone,carbon_intensity_avg,datetime,emissionFactorType``.
    zone : str, optional
        Which zone to take if the file has several.
    factor_type : {"lifecycle", "direct"}
        Which emission factors; the two are never mixed.
    start, stop : instant, optional
        Take only steps that start in [start, stop), e.g. to stay clear of a gap.
    fill_previous : duration, optional
        Longest gap to fill with the value before it.

    Returns
    -------
    Intensity
        Of kind average. How many steps are estimates is told in its `source`.

    Raises
    ------
    ValueError
        If columns, times, numbers, zone or factors are not as asked for, naming file and line.
    """
    table = _read_table(path)
    if "Datetime (UTC)" in table.columns:
        columns = {re.sub("₂", "2", name).lower(): name for name in table.columns}
        wanted = f"carbon intensity gco2eq/kwh ({factor_type.replace('lifecycle', 'life cycle')})"
        table.require(columns.get(wanted, f"Carbon intensity gCO₂eq/kWh ({factor_type})"))
        column, zones = columns[wanted], columns.get("zone id", "Zone id")
        estimated = columns.get("data estimated")
        times = table.times("Datetime (UTC)", utc=True)
    else:
        column, zones, estimated = "carbon_intensity_avg", "zone", "isEstimated"
        table.require(column, zones, "datetime", "emissionFactorType", estimated)
        for row, text in enumerate(table.columns["emissionFactorType"]):
            if text != factor_type:
                raise table.error(row, "emissionFactorType", f"is not {factor_type!r}.")
        times = table.times("datetime")
    table.require(zones)
    chosen, zone = _choose(table, zones, zone, "zone")
    seconds = epoch_seconds(times[chosen])
    first_s, last_s = (
        bound if edge is None else epoch_seconds(edge)
        for edge, bound in ((start, -np.inf), (stop, np.inf))
    )
    chosen = chosen[(seconds >= first_s) & (seconds < last_s)]
    if not chosen.size:
        raise ValueError(f"{table.name} has no steps between {start} and {stop}; widen the period.")
    values = table.intensities(column, "g/kWh", "average")
    source = f"Electricity Maps, {factor_type} ({table.name})"
    if estimated is not None:
        flags = [table.columns[estimated][row].lower() == "true" for row in chosen]
        source += f"; {sum(flags)} of {len(flags)} steps estimated"
    series = _unique(table, chosen, times, values[:, None])[0]
    return intensity_from_steps(
        series, kind="average", zone=zone, source=source, fill_previous=fill_previous
    )


def _choose(
    table: _Table, column: str, wanted: str | None, option: str
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


def _unique(
    table: _Table, rows: NDArray[np.int64], times: pd.DatetimeIndex, values: NDArray[np.float64]
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


def read_watttime_csv(
    *paths: str | os.PathLike,
    unit: Unit,
    zone: str,
    source: str,
    step: Duration = "5min",
    fill_previous: Duration | None = None,
) -> tuple[Intensity, Forecasts | None]:
    """Read marginal rates with their forecasts, as WattTime computes them for California's SGIP.

    Parameters
    ----------
    *paths : path
        CSV files with columns `time`, `moer` and possibly `f1` ... `fm`: row by row the
        marginal operating emissions rate at `time`, and the forecasts issued then. Files may
        overlap where they agree.
    unit : {"kg/kWh", "lb/MWh", "g/kWh"}
        Unit of the numbers, which the files do not tell.
    zone, source : str
        As in `Intensity`.
    step : duration
        Distance of the rows and of the leads: `f_k` is for the step that starts k x `step` after
        `time`.
    fill_previous : duration, optional
        Longest gap in `moer` to fill with the value before it.

    Returns
    -------
    intensity : Intensity
        Of kind marginal.
    forecasts : Forecasts or None
        A forecast for each row that has one; its lead 0 is `moer` itself, known when it is
        issued. None without `f` columns.

    Raises
    ------
    ValueError
        If columns, times or numbers are not as documented, or files disagree.
    """
    if not paths:
        raise ValueError("read_watttime_csv() needs at least one file.")
    frames = [_watttime_frame(path, unit) for path in paths]
    for frame, path in zip(frames, paths, strict=True):
        if list(frame) != list(frames[0]):
            raise ValueError(
                f"{Path(path).name} has {len(frame.columns) - 1} leads, {Path(paths[0]).name} "
                f"{len(frames[0].columns) - 1}; read files of one layout."
            )
    together = pd.concat(frames)
    together = together[~together.reset_index().duplicated().to_numpy()]
    if together.index.has_duplicates:
        twice = together.index[together.index.duplicated()][0]
        raise ValueError(f"{source}: files disagree about {twice.isoformat()}; read one of them.")
    together = together.sort_index()
    signal = intensity_from_steps(
        together[0],
        kind="marginal",
        zone=zone,
        source=source,
        step=step,
        fill_previous=fill_previous,
    )
    if together.shape[1] == 1:
        return signal, None
    issued = together.dropna()
    leads_s = duration_seconds(step) * np.arange(together.shape[1] + 1)
    seconds = epoch_seconds(issued.index)
    return signal, Forecasts(seconds, leads_s, issued.to_numpy(), "marginal", zone, source)


def _watttime_frame(path: str | os.PathLike, unit: Unit) -> pd.DataFrame:
    """Columns 0 (now) to m (m leads ahead) by time [g/kWh]."""
    if unit not in G_PER_KWH:
        raise ValueError(f"unit {unit!r} must be one of {', '.join(G_PER_KWH)}.")
    table = _read_table(path)
    leads = sum(bool(re.fullmatch(r"f\d+", column)) for column in table.columns)
    columns = ["moer", *(f"f{k}" for k in range(1, leads + 1))]
    table.require("time", *columns)
    values = [table.intensities(column, unit, "marginal") for column in columns]
    by_row = np.column_stack(values)
    empty = np.isnan(by_row)
    partly = empty.any(axis=1) & ~empty[:, 1:].all(axis=1)
    for row, column in np.argwhere(partly[:, None] & empty):
        raise table.error(
            row, columns[column], "is missing in a forecast; leave out all of its leads or none."
        )
    times = table.times("time")
    return _unique(table, np.arange(len(times)), times, by_row)


def write_csv(signal: Intensity, path: str | os.PathLike, *, time_zone: str | None = None) -> None:
    """Write an intensity to a CSV file from which `read_csv` makes the same one again.

    The header tells kind, zone, source and unit; each row is the start of a step [UTC] and its
    intensity [g CO2e/kWh], the last row the end of the last step. A name that ends in ``.gz``
    is compressed.

    Parameters
    ----------
    signal : Intensity
        What to write.
    path : path
        Where to.
    time_zone : str, optional
        IANA name of the clock that people in the zone live by, kept in the header: an own grid of
        `helpers.datasets` needs it.

    Raises
    ------
    ValueError
        If the time zone is not known.
    OSError
        If the folder is missing or cannot be written; nothing is left half-written.
    """
    header = {"kind": signal.kind, "zone": signal.zone, "source": signal.source, "unit": "g/kWh"}
    if time_zone is not None:
        if time_zone not in zoneinfo.available_timezones():
            raise ValueError(f"time_zone(={time_zone!r}) is no IANA name like 'Europe/Oslo'.")
        header["time_zone"] = time_zone
    lines = [f"# {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in header.items()]
    lines.append("start_utc,intensity_g_per_kwh")
    starts = [time.isoformat().replace("+00:00", "Z") for time in utc_times(signal.edges_s)]
    values = [*map(repr, signal.intensity_g_per_kwh.tolist()), ""]
    lines += [f"{start},{value}" for start, value in zip(starts, values, strict=True)]
    write_whole(path, "\n".join(lines) + "\n")


def read_csv(path: str | os.PathLike) -> Intensity:
    """Read an intensity that `write_csv` wrote.

    Raises
    ------
    ValueError
        If the header is incomplete, in another unit, or a time or number is wrong, naming file
        and line.
    """
    name = Path(path).name
    text = _read_text(path)
    header: dict[str, object] = {}
    before = re.match(r"(#.*\n)*", text)[0]
    for number, line in enumerate(before.split("\n")[:-1], start=1):
        key, _, value = line[1:].partition(":")
        try:
            header[key.strip()] = json.loads(value)
        except ValueError:
            raise ValueError(
                f'{name}, line {number}: {line!r} is not like # zone: "DE"; write it so.'
            ) from None
    for key in ("kind", "zone", "source", "unit"):
        if not isinstance(header.get(key), str):
            raise ValueError(f"{name}: the header tells no {key}; write it with write_csv().")
    if header["unit"] != "g/kWh":
        raise ValueError(f"{name}: unit {header['unit']!r} must be 'g/kWh'; convert the values.")
    table = _table_of(text[len(before) :], name, before.count("\n"))
    table.require("start_utc", "intensity_g_per_kwh")
    times = table.times("start_utc")
    values = table.intensities("intensity_g_per_kwh", "g/kWh", header["kind"])
    for row in np.flatnonzero(np.isnan(values[:-1])):
        raise table.error(row, "intensity_g_per_kwh", "is missing; only the last row has no value.")
    if not np.isnan(values[-1]):
        raise table.error(
            -1, "intensity_g_per_kwh", "is in the last row, which ends the last step."
        )
    try:
        return Intensity(
            epoch_seconds(times), values[:-1], header["kind"], header["zone"], header["source"]
        )
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
