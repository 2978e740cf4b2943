"""Fetch carbon intensity from web services: ENTSO-E, Electricity Maps, Great Britain, WattTime.

Tokens come from an argument or an environment variable, travel only in the request, and appear
in no message. A service that fails or answers otherwise than documented is a `ServiceError`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from helpers.carbon.signal import Forecasts, Intensity, Kind
from helpers.carbon.sources import G_PER_KWH, FactorType, intensity_from_steps, parse_entsoe_xml
from helpers.timeline import Duration, Times, epoch_seconds, utc_times

if TYPE_CHECKING:
    import requests

__all__ = [
    "ServiceError",
    "fetch_electricity_maps",
    "fetch_entsoe",
    "fetch_gb",
    "fetch_watttime",
    "fetch_watttime_forecasts",
    "intensity_from_gb",
]

_DAY_S = 86400.0


class ServiceError(RuntimeError):
    """A web service could not be reached, refused, or did not answer as documented."""


def _get(
    url: str,
    *,
    timeout: float,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> requests.Response:
    """GET with a few retries; the URL in messages goes without its parameters."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retries = Retry(
        total=3,
        backoff_factor=0.2,
        status_forcelist=(429, 502, 503, 504),
        raise_on_status=False,
        respect_retry_after_header=False,  # which may be an hour
    )
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retries))
        session.mount("https://", HTTPAdapter(max_retries=retries))
        try:
            answer = session.get(url, params=params, headers=headers, auth=auth, timeout=timeout)
        except requests.RequestException as error:  # its text may hold a token: not shown
            raise ServiceError(
                f"{url} cannot be reached ({type(error).__name__}); check the network and the "
                "address, or try again later."
            ) from None
    if answer.status_code in (401, 403):
        raise ServiceError(
            f"{url} refused (HTTP {answer.status_code}); check the token or account."
        )
    return answer


def _get_json(url: str, **options: object) -> dict:
    """GET a JSON object; any other answer is an error that quotes its beginning."""
    answer = _get(url, **options)
    try:
        content = answer.json()
    except ValueError:
        content = None
    if answer.status_code != 200 or not isinstance(content, dict):
        raise ServiceError(
            f"{url} answered HTTP {answer.status_code}: {answer.text[:200]!r}; "
            "check zone and period, or try again later."
        )
    return content


def _secret(value: str | None, variable: str) -> str:
    found = value or os.environ.get(variable)
    if not found:
        raise ServiceError(f"no access given; pass it, or set the environment variable {variable}.")
    return found


def _pages(start: Times, stop: Times, days: float) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Cut a period into pages of at most `days`, none of which crosses a new year."""
    first, last = (utc_times(epoch_seconds(time))[0] for time in (start, stop))
    if not first < last:
        raise ValueError(f"the period from {first.isoformat()} to {last.isoformat()} is empty.")
    while first < last:
        new_year = pd.Timestamp(year=first.year + 1, month=1, day=1, tz="UTC")
        page_stop = min(last, new_year, first + pd.Timedelta(days=days))
        yield first, page_stop
        first = page_stop


def _number(value: object, url: str, what: str, *, scale: float = 1.0) -> float:
    """A JSON number times `scale`; null is NaN, anything else an error."""
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ServiceError(f"{url} gave {what} {value!r}, which is no number.")
    return value * scale


def _instant(value: object, url: str) -> pd.Timestamp:
    try:
        time = pd.Timestamp(value).tz_convert("UTC")
    except (TypeError, ValueError):
        time = pd.NaT
    if time is pd.NaT:
        raise ServiceError(f"{url} gave the time {value!r}, which is no zoned time.")
    return time


def _entries(content: Mapping, key: str, url: str) -> list[Mapping]:
    entries = content.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ServiceError(f"{url} gave no list {key!r}; the service may have changed.")
    return entries


def _series(values: Mapping[pd.Timestamp, float], url: str, zone: str) -> pd.Series:
    if not values:
        raise ServiceError(f"{url} has no values for {zone} in this period.")
    return pd.Series(list(values.values()), pd.DatetimeIndex(list(values)), dtype=np.float64)


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
    token = _secret(token, "ENTSOE_TOKEN")
    parts = []
    for first, last in _pages(start, stop, days=366):
        params = {
            "securityToken": token,
            "documentType": "A75",
            "processType": "A16",
            "in_Domain": area,
            "periodStart": first.strftime("%Y%m%d%H%M"),
            "periodEnd": last.strftime("%Y%m%d%H%M"),
        }
        answer = _get(base_url, params=params, timeout=timeout)
        try:
            part = parse_entsoe_xml(answer.content, f"{base_url} for {area}")
        except ValueError as error:
            raise ServiceError(f"{error} (HTTP {answer.status_code})") from error
        parts.append(part[(part.index >= first) & (part.index < last)])
    return pd.concat(parts).sort_index(axis=1)


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
    if (start is None) != (stop is None):
        raise ValueError("give both start and stop, or neither for the last 24 hours.")
    headers = {"auth-token": _secret(token, "ELECTRICITY_MAPS_TOKEN")}
    params = {"zone": zone, "emissionFactorType": factor_type, "temporalGranularity": "hourly"}
    url = f"{base_url}/v3/carbon-intensity/{'history' if start is None else 'past-range'}"
    pages = [{}] if start is None else list(_electricity_maps_pages(start, stop))
    values: dict[pd.Timestamp, float] = {}
    estimated: set[pd.Timestamp] = set()
    for page in pages:
        content = _get_json(url, params=params | page, headers=headers, timeout=timeout)
        for entry in _entries(content, "history" if start is None else "data", url):
            if entry.get("emissionFactorType", factor_type) != factor_type:
                raise ServiceError(
                    f"{url} gave {entry['emissionFactorType']!r} factors, not {factor_type!r}."
                )
            time = _instant(entry.get("datetime"), url)
            values[time] = _number(entry.get("carbonIntensity"), url, "carbonIntensity")
            if entry.get("isEstimated") is True:
                estimated.add(time)
    signal = intensity_from_steps(
        _series(values, url, zone),
        kind="average",
        zone=zone,
        source=f"Electricity Maps, {factor_type}; "
        f"{len(estimated)} of {len(values)} steps estimated",
        fill_previous=fill_previous,
    )
    return signal if start is None else signal.window(start, stop)


def _electricity_maps_pages(start: Times, stop: Times) -> Iterator[dict[str, str]]:
    for first, last in _pages(start, stop, days=10):
        yield {"start": first.isoformat(), "end": last.isoformat()}


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
    for page in _pages(start, stop, days=14):
        bounds = "/".join(time.strftime("%Y-%m-%dT%H:%MZ") for time in page)
        url = f"{base_url}/intensity/{bounds}"
        for entry in _entries(_get_json(url, timeout=timeout), "data", url):
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
    start, stop = _instant(entry.get("from"), url), _instant(entry.get("to"), url)
    told = entry.get("intensity")
    length = pd.Timedelta(minutes=30)
    if stop - start != length or start != start.floor(length) or not isinstance(told, dict):
        raise ServiceError(f"{url} gave {entry!r}, which is no half hour.")
    forecast, actual = (_number(told.get(key), url, key) for key in ("forecast", "actual"))
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


_WATTTIME_KINDS: Mapping[str, Kind] = {"co2_moer": "marginal", "co2_aoer": "average"}
_WATTTIME_UNITS: Mapping[str, float] = {"lbs_co2_per_mwh": G_PER_KWH["lb/MWh"]}


def fetch_watttime(
    region: str,
    start: Times,
    stop: Times,
    *,
    username: str | None = None,
    password: str | None = None,
    signal: Literal["co2_moer", "co2_aoer"] = "co2_moer",
    fill_previous: Duration | None = None,
    base_url: str = "https://api.watttime.org",
    timeout: float = 30.0,
) -> Intensity:
    """Fetch past marginal (or average) operating emissions rates from WattTime.

    Parameters
    ----------
    region : str
        Region, e.g. "CAISO_NORTH".
    start, stop : instants
        Period, asked for 32 days at a time.
    username, password : str, optional
        By default the environment variables ``WATTTIME_USER`` and ``WATTTIME_PASSWORD``.
    signal : {"co2_moer", "co2_aoer"}
        Marginal or average operating emissions rate, which sets the kind.
    fill_previous : duration, optional
        Longest gap to fill with the value before it.
    base_url, timeout : str, float
        The service, and how long to wait for it [s].

    Raises
    ------
    ServiceError
        If the service cannot be reached, refuses, or answers otherwise than documented.
    ValueError
        If steps are missing.

    References
    ----------
    WattTime Data API v3: ``/login``, ``/v3/historical``.
    """
    kind = _watttime_kind(signal)
    headers = _watttime_login(username, password, base_url, timeout)
    url = f"{base_url}/v3/historical"
    values: dict[pd.Timestamp, float] = {}
    for first, last in _pages(start, stop, days=32):
        content = _watttime_page(url, region, signal, first, last, headers, timeout)
        values |= _watttime_points(
            _entries(content, "data", url), _watttime_scale(content, url), url
        )
    return intensity_from_steps(
        _series(values, url, region),
        kind=kind,
        zone=region,
        source=f"WattTime v3, {signal}",
        fill_previous=fill_previous,
    ).window(start, stop)


def fetch_watttime_forecasts(
    region: str,
    start: Times,
    stop: Times,
    *,
    username: str | None = None,
    password: str | None = None,
    signal: Literal["co2_moer", "co2_aoer"] = "co2_moer",
    base_url: str = "https://api.watttime.org",
    timeout: float = 30.0,
) -> Forecasts:
    """Fetch the forecasts that WattTime issued in [start, stop).

    Parameters are those of `fetch_watttime`; the service is asked day by day.

    Raises
    ------
    ServiceError
        If the service cannot be reached, refuses, has no forecasts, or their leads differ.

    References
    ----------
    WattTime Data API v3: ``/login``, ``/v3/forecast/historical``.
    """
    kind = _watttime_kind(signal)
    headers = _watttime_login(username, password, base_url, timeout)
    url = f"{base_url}/v3/forecast/historical"
    issued: dict[pd.Timestamp, pd.Series] = {}
    for first, last in _pages(start, stop, days=1):
        content = _watttime_page(url, region, signal, first, last, headers, timeout)
        scale = _watttime_scale(content, url)
        for entry in _entries(content, "data", url):
            time = _instant(entry.get("generated_at"), url)
            if first <= time < last:
                points = _watttime_points(_entries(entry, "forecast", url), scale, url)
                issued[time] = pd.Series(points, dtype=np.float64).sort_index()
    if not issued:
        raise ServiceError(f"{url} has no forecasts for {region} in this period.")
    times = sorted(issued)
    leads_s = [
        epoch_seconds(pd.DatetimeIndex(issued[time].index)) - epoch_seconds(time) for time in times
    ]
    differing = [
        t for t, s in zip(times, leads_s, strict=True) if not np.array_equal(s, leads_s[0])
    ]
    if differing or leads_s[0].size < 2:
        raise ServiceError(
            f"{url}: the forecast of {(differing or times)[0].isoformat()} has other leads than "
            f"that of {times[0].isoformat()}; ask for a period in which all are alike."
        )
    return Forecasts(
        epoch_seconds(pd.DatetimeIndex(times)),
        np.append(leads_s[0], 2 * leads_s[0][-1] - leads_s[0][-2]),
        np.array([issued[time].to_numpy() for time in times]),
        kind,
        region,
        f"WattTime v3, {signal}",
    )


def _watttime_kind(signal: str) -> Kind:
    if signal not in _WATTTIME_KINDS:
        raise ValueError(f"signal {signal!r} must be one of {', '.join(_WATTTIME_KINDS)}.")
    return _WATTTIME_KINDS[signal]


def _watttime_login(
    username: str | None, password: str | None, base_url: str, timeout: float
) -> dict[str, str]:
    auth = _secret(username, "WATTTIME_USER"), _secret(password, "WATTTIME_PASSWORD")
    token = _get_json(f"{base_url}/login", auth=auth, timeout=timeout).get("token")
    if not isinstance(token, str):
        raise ServiceError(f"{base_url}/login gave no token; check the account.")
    return {"Authorization": f"Bearer {token}"}


def _watttime_page(
    url: str,
    region: str,
    signal: str,
    first: pd.Timestamp,
    last: pd.Timestamp,
    headers: Mapping[str, str],
    timeout: float,
) -> dict:
    params = {
        "region": region,
        "signal_type": signal,
        "start": first.isoformat(),
        "end": last.isoformat(),
    }
    return _get_json(url, params=params, headers=headers, timeout=timeout)


def _watttime_scale(content: Mapping, url: str) -> float:
    unit = (content.get("meta") or {}).get("units")
    if unit not in _WATTTIME_UNITS:
        raise ServiceError(f"{url} gave the unit {unit!r}, not {', '.join(_WATTTIME_UNITS)}.")
    return _WATTTIME_UNITS[unit]


def _watttime_points(entries: list[Mapping], scale: float, url: str) -> dict[pd.Timestamp, float]:
    return {
        _instant(entry.get("point_time"), url): _number(
            entry.get("value"), url, "value", scale=scale
        )
        for entry in entries
    }
