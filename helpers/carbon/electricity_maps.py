"""Electricity Maps: files of its portal, and its web service."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from helpers.carbon.signal import Intensity
from helpers.carbon.tables import Table, choose, intensity_from_steps, read_table, unique
from helpers.carbon.web import (
    entries,
    get_json,
    instant,
    number,
    pages,
    put,
    refuse_other,
    secret,
    series_of,
)
from helpers.timeline import Duration, Times, epoch_seconds

__all__ = ["fetch_electricity_maps", "read_electricity_maps_csv"]

FactorType = Literal["direct", "lifecycle"]
# The header of an intensity, whatever an editor made of the index in CO2; the unit must be grams.
_INTENSITY = r"carbon intensity gco\S{0,4}eq/kwh \(([^()]+)\)"
# What the layouts of the portal's files call the factors, in small letters.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "direct": ("direct",),
    "lifecycle": ("life cycle", "lifecycle", "lca"),
}


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
        The file. Known headers start with ``Datetime (UTC),Country,Zone name,Zone id``, with life
        cycle factors called "Life cycle" (from 2024) or "LCA" (2021 to 2023), or hold
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
    table = read_table(path)
    if factor_type not in _NAMES:
        raise ValueError(f"factor_type {factor_type!r} must be one of {', '.join(_NAMES)}.")
    columns = {name.lower(): name for name in table.columns}
    if "datetime (utc)" in columns:
        column = _intensity_column(table, factor_type)
        zones, estimated = columns.get("zone id", "Zone id"), columns.get("data estimated")
        times = table.times(columns["datetime (utc)"], utc=True)
    else:
        column, zones, estimated = "carbon_intensity_avg", "zone", "isEstimated"
        table.require(column, zones, "datetime", "emissionFactorType", estimated)
        for row, text in enumerate(table.columns["emissionFactorType"]):
            if text != factor_type:
                raise table.error(row, "emissionFactorType", f"is not {factor_type!r}.")
        times = table.times("datetime")
    table.require(zones)
    chosen, zone = choose(table, zones, zone, "zone")
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
    if estimated in table.columns:
        flags = [table.columns[estimated][row].lower() == "true" for row in chosen]
        source += f"; {sum(flags)} of {len(flags)} steps estimated"
    series = unique(table, chosen, times, values[:, None])[0]
    return intensity_from_steps(
        series, kind="average", zone=zone, source=source, fill_previous=fill_previous
    )


def _intensity_column(table: Table, factor_type: FactorType) -> str:
    """Column of the intensity by some factors: layouts differ in capitals and in what they say."""
    found = {}
    for column in table.columns:
        if told := re.fullmatch(_INTENSITY, column, re.IGNORECASE):
            found[told[1].lower()] = column
    for name in _NAMES[factor_type]:
        if name in found:
            return found[name]
    raise ValueError(
        f"{table.name} has no carbon intensity by {factor_type} factors, only "
        f"{', '.join(found.values()) or ', '.join(table.columns)}; choose by factor_type, or "
        "check that it is a file of Electricity Maps."
    )


# Eight parameters: the words of the request, who asks, and the connection, which tests redirect.
def fetch_electricity_maps(
    zone: str,
    start: Times | None = None,
    stop: Times | None = None,
    *,
    token: str | None = None,
    factor_type: FactorType = "lifecycle",
    fill_previous: Duration | None = None,
    base_url: str = "https://api.electricitymaps.com",
    timeout: float = 30.0,
) -> Intensity:
    """Fetch hourly average intensity from Electricity Maps.

    Parameters
    ----------
    zone : str
        Zone, e.g. "DE".
    start, stop : instants, optional
        Period, fetched ten days at a time. Without them the last 24 hours, which is what the
        free plan gives.
    token : str, optional
        By default the environment variable ``ELECTRICITY_MAPS_TOKEN``.
    factor_type : {"lifecycle", "direct"}
        Which emission factors.
    fill_previous : duration, optional
        Longest gap to fill with the value before it.
    base_url, timeout : str, float
        The service, and how long to wait for it [s].

    Returns
    -------
    Intensity
        Of kind average; its `source` tells how many steps are estimates.

    Raises
    ------
    ServiceError
        If the service cannot be reached, refuses, or answers otherwise than documented.
    ValueError
        If steps are missing, or only one of `start` and `stop` is given.

    References
    ----------
    Electricity Maps API reference: ``/v3/carbon-intensity/past-range`` and ``history``.
    """
    period = None if start is None or stop is None else (start, stop)
    if period is None and (start is not None or stop is not None):
        raise ValueError("give both start and stop, or neither for the last 24 hours.")
    headers = {"auth-token": secret(token, "ELECTRICITY_MAPS_TOKEN")}
    params = {"zone": zone, "emissionFactorType": factor_type, "temporalGranularity": "hourly"}
    url = f"{base_url}/v3/carbon-intensity/{'past-range' if period else 'history'}"
    periods = _ten_days(*period) if period else [{}]
    values: dict[pd.Timestamp, float] = {}
    estimated: set[pd.Timestamp] = set()
    for asked in periods:
        content = get_json(url, params=params | asked, headers=headers, timeout=timeout)
        refuse_other(content.get("zone", zone), zone, "zone", url)
        for entry in entries(content, "data" if period else "history", url):
            refuse_other(entry.get("zone", zone), zone, "zone", url)
            told = entry.get("emissionFactorType", factor_type)
            refuse_other(told, factor_type, "emissionFactorType", url)
            time = instant(entry.get("datetime"), url)
            value = number(entry.get("carbonIntensity"), url, "carbonIntensity")
            put(values, time, value, url)
            if entry.get("isEstimated") is True:
                estimated.add(time)
    signal = intensity_from_steps(
        series_of(values, url, zone),
        kind="average",
        zone=zone,
        source=f"Electricity Maps, {factor_type}; "
        f"{len(estimated)} of {len(values)} steps estimated",
        fill_previous=fill_previous,
    )
    return signal.window(*period) if period else signal


def _ten_days(start: Times, stop: Times) -> Iterator[dict[str, str]]:
    for first, last in pages(start, stop, days=10):
        yield {"start": first.isoformat(), "end": last.isoformat()}
