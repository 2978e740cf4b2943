"""ENTSO-E's Transparency Platform: generation per type, from its exports and its web service."""

from __future__ import annotations

import os
import re
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.typing import NaTType

from helpers.carbon.mix import PRODUCTION_TYPES
from helpers.carbon.tables import Table, choose, read_table
from helpers.carbon.web import ServiceError, get, pages, secret
from helpers.files import number
from helpers.timeline import Times, check_time_zone

__all__ = ["fetch_entsoe", "parse_entsoe_xml", "read_entsoe_csv"]

# When a period starts; NaT where the clock skips it.
_Start = pd.Timestamp | NaTType
_MTU = re.compile(r"(\d\d)([./])(\d\d)\2(\d{4}) (\d\d:\d\d(?::\d\d)?)(?: \((CES?T)\))? - .+")


def read_entsoe_csv(
    path: str | os.PathLike,
    *,
    area: str | None = None,
    day_first: bool | None = None,
    time_zone: str | None = None,
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
    time_zone : str, optional
        Clock of the times, e.g. "Europe/Brussels", if the header names neither UTC nor CET/CEST.

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
    table = read_table(path)
    table.require("Area")
    time = next((column for column in table.columns if column.startswith("MTU")), "MTU")
    table.require(time)
    chosen, _ = choose(table, "Area", area, "area")
    starts = _mtu_starts(table, time, day_first, _mtu_zone(table, time, time_zone))
    if "Production Type" in table.columns:
        generation = _long_generation(table, starts, chosen)
    else:
        generation = _wide_generation(table, starts, chosen)
    return generation.dropna(axis=1, how="all").sort_index().sort_index(axis=1)


def _mtu_zone(table: Table, column: str, time_zone: str | None) -> str:
    known = {"MTU (UTC)": "UTC", "MTU (CET/CEST)": "Europe/Brussels"}
    if column in known:
        return known[column]
    if time_zone is None:
        raise ValueError(
            f"{table.name}: column {column!r} does not tell the zone of its times; give `time_zone`, "
            'e.g. time_zone="Europe/Brussels".'
        )
    return check_time_zone(time_zone)


def _mtu_starts(
    table: Table, column: str, day_first: bool | None, time_zone: str
) -> pd.DatetimeIndex:
    """UTC starts of periods written "01.07.2020 12:00 - 01.07.2020 13:00"; NaT: no such hour.

    An hour that the clock shows twice is told apart by its mark (CEST, CET), or by its order.
    """
    texts = table.columns[column]
    types = table.columns.get("Production Type", texts)
    rows = list(zip(texts, table.columns["Area"], types, strict=True))
    times = Counter(rows)
    seen: Counter[tuple[str, str, str]] = Counter()
    known: dict[str, tuple[_Start, _Start]] = {}
    starts = []
    for row, text in enumerate(texts):
        if text not in known:
            known[text] = _mtu_start(table, row, column, day_first, time_zone)
        summer, winter = known[text]
        if summer != winter and isinstance(summer, pd.Timestamp):
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
    table: Table, row: int, column: str, day_first: bool | None, time_zone: str
) -> tuple[_Start, _Start]:
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
    both = [stamp.tz_localize(time_zone, ambiguous=dst, nonexistent="NaT") for dst in (True, False)]
    summer, winter = (
        each.tz_convert("UTC") if isinstance(each, pd.Timestamp) else each for each in both
    )
    return {"CEST": (summer, summer), "CET": (winter, winter)}.get(zone, (summer, winter))


_MANY_STEPS = 1_000_000  # two years of minutes: a longer period has a wrong end
_NO_NUMBER = ("", "-", "N/A", "n/e")  # the platform's signs for missing and for non-existent


def _long_generation(
    table: Table, starts: pd.DatetimeIndex, chosen: NDArray[np.int64]
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
    table: Table, starts: pd.DatetimeIndex, chosen: NDArray[np.int64]
) -> pd.DataFrame:
    """Generation from a row for each period and a column for each production type."""
    ending = re.compile(r"\s+- Actual Aggregated \[MW\]$")
    columns = [column for column in table.columns if ending.search(column)]
    if not columns:
        raise ValueError(
            f"{table.name} has no column 'Generation (MW)' with a 'Production Type', nor one that "
            f"ends in 'Actual Aggregated [MW]', only {', '.join(table.columns)}; check that it is "
            "an export of actual generation per production type."
        )
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
    table: Table, column: str, starts: pd.DatetimeIndex, values: NDArray[np.float64]
) -> None:
    for row in np.flatnonzero(starts.isna() & ~np.isnan(values)).tolist():
        raise table.error(
            row, column, "stands in an hour that the clock skips in spring; export it in UTC."
        )


def parse_entsoe_xml(
    text: str | bytes, name: str = "ENTSO-E's answer", *, area: str | None = None
) -> pd.DataFrame:
    """Read generation per production type from a document of ENTSO-E's web service.

    Parameters
    ----------
    text : str or bytes
        A ``GL_MarketDocument`` of type A75 (actual generation per type).
    name : str
        What to call it in messages.
    area : str, optional
        EIC code of the area that it must be about; by default any one.

    Returns
    -------
    DataFrame
        Generation [MW]: UTC starts of the periods, a column for each type. Consumption, e.g.
        by pumps (time series with an out-domain), is left out.

    Raises
    ------
    ValueError
        If it is no such document, tells of an error, is about another area or several, or has an
        unknown code or resolution.

    References
    ----------
    ENTSO-E, "Transparency Platform restful API user guide", 4.4.8; curve types A01 (every
    position) and A03 (a position is left out while the value stays the same).
    """
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # or an encoding unknown
        raise ValueError(f"{name} is no XML document ({error}); fetch it again.") from error
    kind = root.tag.rpartition("}")[2]
    if kind != "GL_MarketDocument":
        reason = root.findtext(".//{*}Reason/{*}text", "no reason given").strip()
        raise ValueError(f"{name} is {kind}, not GL_MarketDocument: {reason}")
    areas = {area} if area is not None else set()
    values: dict[str, dict[pd.Timestamp, float]] = {}
    for series in root.iterfind(".//{*}TimeSeries"):
        if series.find("{*}outBiddingZone_Domain.mRID") is not None:
            continue
        told = series.findtext("{*}inBiddingZone_Domain.mRID")
        if told is not None:
            areas.add(told.strip())
        if len(areas) > 1:
            raise ValueError(
                f"{name} is about {' and '.join(sorted(areas))}: ask for one area, by its EIC code."
            )
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
    minutes = re.fullmatch(r"PT([1-9][0-9]{0,3})M", resolution)
    if minutes is None or curve not in ("A01", "A03"):
        raise ValueError(
            f"{name}: cannot read resolution {resolution!r} with curve type {curve!r}; "
            "PTnM with A01 or A03 is expected."
        )
    step = pd.Timedelta(minutes=int(minutes[1]))
    try:
        first, stop = (_end(period, end) for end in ("start", "end"))
        told = [
            (_position(point), number(point.findtext("{*}quantity", "")))
            for point in period.iterfind("{*}Point")
        ]
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{name}: a period has a wrong time, position or quantity: {error}"
        ) from error
    points = dict(told)
    count = round((stop - first) / step)
    where = f"{name}: the period from {first.isoformat()} to {stop.isoformat()}"
    fits = first + count * step == stop and 1 <= count <= _MANY_STEPS
    if not (fits and points and 1 <= min(points) <= max(points) <= count):
        raise ValueError(f"{where} does not hold its points in steps of {step}; fetch it again.")
    if len(points) < len(told):
        raise ValueError(f"{where} has a position twice; fetch it again.")
    if curve == "A03":
        if 1 not in points:
            raise ValueError(
                f"{where} has no position 1, whose value an A03 curve repeats until the next: what "
                "held before its first point is not known; fetch it again, or another period."
            )
        for position in range(2, count + 1):
            points.setdefault(position, points[position - 1])
    return [(first + (position - 1) * step, points[position]) for position in sorted(points)]


def _end(period: ElementTree.Element, end: str) -> pd.Timestamp:
    time = pd.Timestamp(period.findtext(f"{{*}}timeInterval/{{*}}{end}", ""))
    if not isinstance(time, pd.Timestamp):
        raise ValueError(f"no time at its {end}")
    return time.tz_convert("UTC")


def _position(point: ElementTree.Element) -> int:
    text = point.findtext("{*}position", "").strip()
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError(f"{text!r} is no position")
    return int(text)


def fetch_entsoe(
    area: str,
    start: Times,
    stop: Times,
    *,
    token: str | None = None,
    base_url: str = "https://web-api.tp.entsoe.eu/api",
    timeout: float = 60.0,
) -> pd.DataFrame:
    """Fetch the generation per production type that `intensity_from_mix` takes.

    Parameters
    ----------
    area : str
        EIC code of the area, e.g. "10Y1001A1001A82H" (Germany and Luxembourg).
    start, stop : instants
        Period; asked for year by year.
    token : str, optional
        Security token of the platform; by default the environment variable ``ENTSOE_TOKEN``.
    base_url, timeout : str, float
        The service, and how long to wait for it [s].

    Returns
    -------
    DataFrame
        As `parse_entsoe_xml`.

    Raises
    ------
    ServiceError
        If the service cannot be reached, refuses, or has no data.

    References
    ----------
    ENTSO-E, "Transparency Platform restful API user guide", 4.4.8 (document type A75, process
    type A16).
    """
    token = secret(token, "ENTSOE_TOKEN")
    parts = []
    for first, last in pages(start, stop, days=366):
        params = {
            "securityToken": token,
            "documentType": "A75",
            "processType": "A16",
            "in_Domain": area,
            "periodStart": first.strftime("%Y%m%d%H%M"),
            "periodEnd": last.strftime("%Y%m%d%H%M"),
        }
        answer = get(base_url, params=params, timeout=timeout)
        try:
            part = parse_entsoe_xml(answer.content, f"{base_url} for {area}", area=area)
        except ValueError as error:
            raise ServiceError(f"{error} (HTTP {answer.status_code})") from error
        parts.append(part[(part.index >= first) & (part.index < last)])
        if parts[-1].empty:
            raise ServiceError(
                f"{base_url} for {area} answered with {part.index[0].isoformat()} to "
                f"{part.index[-1].isoformat()}, nothing of the period asked for; ask for another."
            )
    return pd.concat(parts).sort_index(axis=1)
