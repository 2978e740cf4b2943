"""Ask a web service: a few retries, secrets in no message, and one error for whatever goes wrong.

Tokens come from an argument or an environment variable, travel only in the request, and appear
in no message. A service that fails or answers otherwise than documented is a `ServiceError`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from helpers.timeline import Times, epoch_seconds, utc_times

if TYPE_CHECKING:
    import requests


__all__ = [
    "ServiceError",
    "entries",
    "get",
    "get_json",
    "instant",
    "number",
    "pages",
    "put",
    "refuse_other",
    "secret",
    "series_of",
]


class ServiceError(RuntimeError):
    """A web service could not be reached, refused, or did not answer as documented."""


def get(
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


def get_json(url: str, **options: Any) -> dict:
    """GET a JSON object; any other answer is an error that quotes its beginning."""
    answer = get(url, **options)
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


def secret(value: str | None, variable: str) -> str:
    """Return a token or password, given or from an environment variable.

    Raises
    ------
    ServiceError
        If there is none.
    """
    found = value or os.environ.get(variable)
    if not found:
        raise ServiceError(f"no access given; pass it, or set the environment variable {variable}.")
    return found


def pages(start: Times, stop: Times, days: float) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Cut a period into pages of at most `days`, none of which crosses a new year."""
    first, last = (utc_times(epoch_seconds(time))[0] for time in (start, stop))
    if not first < last:
        raise ValueError(f"the period from {first.isoformat()} to {last.isoformat()} is empty.")
    while first < last:
        new_year = pd.Timestamp(year=first.year + 1, month=1, day=1, tz="UTC")
        page_stop = min(last, new_year, first + pd.Timedelta(days=days))
        yield first, page_stop
        first = page_stop


def number(value: object, url: str, what: str, *, scale: float = 1.0) -> float:
    """A JSON number times `scale`; null is NaN, anything else an error."""
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ServiceError(f"{url} gave {what} {value!r}, which is no number.")
    return value * scale


def instant(value: object, url: str) -> pd.Timestamp:
    """Return a zoned time of an answer, in UTC.

    Raises
    ------
    ServiceError
        If it is none.
    """
    try:
        time = pd.Timestamp(value).tz_convert("UTC") if isinstance(value, str) else pd.NaT
    except (TypeError, ValueError):
        time = pd.NaT
    if not isinstance(time, pd.Timestamp):
        raise ServiceError(f"{url} gave the time {value!r}, which is no zoned time.")
    return time


def entries(content: Mapping, key: str, url: str) -> list[Mapping]:
    """Return the objects of a list in an answer.

    Raises
    ------
    ServiceError
        If there is no such list.
    """
    found = content.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ServiceError(f"{url} gave no list {key!r}; the service may have changed.")
    return found


def refuse_other(told: object, asked: str, what: str, url: str) -> None:
    """Refuse an answer about something else than was asked for.

    Raises
    ------
    ServiceError
        If it is.
    """
    if told != asked:
        raise ServiceError(
            f"{url} answered about {what} {told!r}, not {asked!r}; check the name, or ask the "
            "service's operator."
        )


def put(values: dict[pd.Timestamp, float], time: pd.Timestamp, value: float, url: str) -> None:
    """Put a value at its time; the same one may come again.

    Raises
    ------
    ServiceError
        If there is another value at that time.
    """
    known = values.setdefault(time, value)
    if known != value and not (np.isnan(known) and np.isnan(value)):
        raise ServiceError(
            f"{url} gave both {known:g} and {value:g} g/kWh for {time.isoformat()}; "
            "ask for a shorter period, or try again later."
        )


def series_of(values: Mapping[pd.Timestamp, float], url: str, zone: str) -> pd.Series:
    """Return values by time as a Series.

    Raises
    ------
    ServiceError
        If there are none.
    """
    if not values:
        raise ServiceError(f"{url} has no values for {zone} in this period.")
    return pd.Series(list(values.values()), pd.DatetimeIndex(list(values)), dtype=np.float64)
