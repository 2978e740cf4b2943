"""Great Britain's Carbon Intensity API, and a command that fetches it into a CSV file.

``python -m helpers.carbon.gb --from 2020-01-01 --to 2020-01-08 --out gb.csv``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from helpers.carbon.signal import Intensity
from helpers.carbon.tables import intensity_from_steps
from helpers.carbon.web import ServiceError, entries, get_json, instant, number, pages
from helpers.files import write_whole
from helpers.timeline import Duration, Times, epoch_seconds, utc_times

__all__ = ["fetch_gb", "intensity_from_gb", "main"]


def fetch_gb(
    start: Times,
    stop: Times,
    *,
    conflict: Literal["raise", "first", "last"] = "raise",
    base_url: str = "https://api.carbonintensity.org.uk",
    timeout: float = 30.0,
) -> pd.DataFrame:
    """Fetch the half-hourly national carbon intensity of Great Britain.

    Parameters
    ----------
    start, stop : instants
        Half hours that start in [start, stop) are returned; asked for 14 days at a time.
    conflict : {"raise", "first", "last"}
        What to do when the service tells two values for a half hour, as it does for 19:00 UTC
        on 2021-04-19: an error, or take one.
    base_url, timeout : str, float
        The service, and how long to wait for it [s].

    Returns
    -------
    DataFrame
        Columns `forecast_g_per_kwh` and `actual_g_per_kwh` [g CO2/kWh], indexed by the UTC
        start of *every* half hour in the period; NaN where the service has no value.

    Raises
    ------
    ServiceError
        If the service cannot be reached or answers otherwise than documented.
    ValueError
        If no half hour starts in the period.

    Notes
    -----
    The service also tells the half hour that ends at the start of a period, and may lose the
    last one of a year in a period across new year: it is asked in pages that end with a year,
    and what lies outside of the period is left out.

    References
    ----------
    Carbon Intensity API for Great Britain, ``GET /intensity/{from}/{to}``, CC BY 4.0,
    National Energy System Operator.
    """
    half_hour = pd.Timedelta(minutes=30)
    first, last = (utc_times(epoch_seconds(time))[0] for time in (start, stop))
    index = pd.date_range(first.ceil(half_hour), last, freq=half_hour, inclusive="left")
    if index.empty:
        raise ValueError(f"no half hour starts from {first.isoformat()} to {last.isoformat()}.")
    found: dict[pd.Timestamp, tuple[float, float]] = {}
    for page in pages(start, stop, days=14):
        bounds = "/".join(time.strftime("%Y-%m-%dT%H:%MZ") for time in page)
        url = f"{base_url}/intensity/{bounds}"
        for entry in entries(get_json(url, timeout=timeout), "data", url):
            time, values = _half_hour(entry, url)
            if not first <= time < last:
                continue
            known = found.setdefault(time, values)
            if conflict == "raise" and not np.array_equal(known, values, equal_nan=True):
                raise ServiceError(
                    f"{url} gave both {known} and {values} g/kWh for {time.isoformat()}; take "
                    'one with conflict="first" or "last".'
                )
            if conflict == "last":
                found[time] = values
    rows = [found.get(time, (np.nan, np.nan)) for time in index]
    columns = ["forecast_g_per_kwh", "actual_g_per_kwh"]
    return pd.DataFrame(rows, index, columns, dtype=np.float64)


def _half_hour(entry: Mapping, url: str) -> tuple[pd.Timestamp, tuple[float, float]]:
    """Start of a half hour, its forecast and its actual intensity [g/kWh]."""
    start, stop = instant(entry.get("from"), url), instant(entry.get("to"), url)
    told = entry.get("intensity")
    length = pd.Timedelta(minutes=30)
    if stop - start != length or start != start.floor(length) or not isinstance(told, dict):
        raise ServiceError(f"{url} gave {entry!r}, which is no half hour.")
    forecast, actual = (number(told.get(key), url, key) for key in ("forecast", "actual"))
    return start, (forecast, actual)


def intensity_from_gb(
    table: pd.DataFrame,
    column: Literal["actual_g_per_kwh", "forecast_g_per_kwh"] = "actual_g_per_kwh",
    *,
    fill_previous: Duration | None = None,
) -> Intensity:
    """Make an intensity of one column of what `fetch_gb` returned.

    The file that ``python -m helpers.carbon.gb`` writes is read for it with
    ``pandas.read_csv(path, index_col=0, parse_dates=True)``.

    Raises
    ------
    ValueError
        If half hours are missing, and are not allowed to be filled.
    """
    return intensity_from_steps(
        table[column],
        kind="average",
        zone="GB",
        source=f"Carbon Intensity API (NESO), {column.removesuffix('_g_per_kwh')}",
        fill_previous=fill_previous,
    )


def _utc_time(text: str) -> pd.Timestamp:
    time: pd.Timestamp | NaTType
    try:
        time = pd.Timestamp(text)
    except ValueError:
        time = pd.NaT
    if not isinstance(time, pd.Timestamp):
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time like 2020-01-01T12:00Z")
    return time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.carbon.gb",
        description="Fetch the half-hourly carbon intensity of Great Britain into a CSV file.",
        epilog="Data: Carbon Intensity API, National Energy System Operator, CC BY 4.0.",
    )
    parser.add_argument(
        "--from", dest="start", type=_utc_time, required=True, help="first instant (UTC)"
    )
    parser.add_argument(
        "--to", dest="stop", type=_utc_time, required=True, help="end, not included (UTC)"
    )
    parser.add_argument("--out", required=True, help="CSV file to write")
    parser.add_argument(
        "--conflict",
        choices=("raise", "first", "last"),
        default="raise",
        help="what to take when the service tells two values for a half hour",
    )
    parser.add_argument(
        "--base-url", default="https://api.carbonintensity.org.uk", help="the service"
    )
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait (30)")
    return parser


def _report_gaps(table: pd.DataFrame) -> None:
    for column in table:
        missing = table.index[table[column].isna()]
        if len(missing):
            print(
                f"{column}: {len(missing)} of {len(table)} half hours have no value, "
                f"the first {missing[0]}, the last {missing[-1]}; "
                "their cells are empty.",
                file=sys.stderr,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 2 after a one-sentence error.

    Half hours without a value are written with empty cells and reported, never filled.
    """
    options = _parser().parse_args(arguments)
    folder = Path(options.out).absolute().parent
    try:
        if not folder.is_dir():  # told before anything is fetched
            raise ValueError(
                f"there is no folder {folder.name!r} for {options.out}; make it first."
            )
        table = fetch_gb(
            options.start,
            options.stop,
            conflict=options.conflict,
            base_url=options.base_url,
            timeout=options.timeout,
        )
        table.index = pd.Index(
            pd.DatetimeIndex(table.index).strftime("%Y-%m-%dT%H:%M:%SZ"), name="start_utc"
        )
        write_whole(options.out, table.to_csv(lineterminator="\n"))
    except (OSError, ServiceError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _report_gaps(table)
    print(f"{len(table)} half hours written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
