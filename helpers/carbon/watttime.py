"""WattTime: files of marginal rates with their forecasts, and its web service."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd

from helpers.carbon.signal import Forecasts, Intensity, Kind
from helpers.carbon.tables import G_PER_KWH, Unit, intensity_from_steps, read_table, unique
from helpers.carbon.web import (
    ServiceError,
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
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds

__all__ = ["fetch_watttime", "fetch_watttime_forecasts", "read_watttime_csv"]

Signal = Literal["co2_moer", "co2_aoer"]
_KINDS: Mapping[str, Kind] = {"co2_moer": "marginal", "co2_aoer": "average"}
_UNITS: Mapping[str, float] = {"lbs_co2_per_mwh": G_PER_KWH["lb/MWh"]}


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
    leads_s = duration_seconds(step) * np.arange(together.shape[1] + 1, dtype=np.float64)
    seconds = epoch_seconds(issued.index)
    return signal, Forecasts(seconds, leads_s, issued.to_numpy(), "marginal", zone, source)


def _watttime_frame(path: str | os.PathLike, unit: Unit) -> pd.DataFrame:
    """Columns 0 (now) to m (m leads ahead) by time [g/kWh]."""
    table = read_table(path)
    leads = sum(bool(re.fullmatch(r"f\d+", column)) for column in table.columns)
    columns = ["moer", *(f"f{k}" for k in range(1, leads + 1))]
    table.require("time", *columns)
    values = [table.intensities(column, unit, "marginal") for column in columns]
    by_row = np.column_stack(values)
    empty = np.isnan(by_row)
    partly = empty.any(axis=1) & ~empty[:, 1:].all(axis=1)
    for row, column in np.argwhere(np.asarray(partly)[:, None] & empty).tolist():
        raise table.error(
            row, columns[column], "is missing in a forecast; leave out all of its leads or none."
        )
    times = table.times("time")
    return unique(table, np.arange(len(times)), times, by_row)


# Ten parameters: the words of the request, who asks, and the connection, which tests redirect.
def fetch_watttime(
    region: str,
    start: Times,
    stop: Times,
    *,
    username: str | None = None,
    password: str | None = None,
    signal: Signal = "co2_moer",
    model: str | None = None,
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
    model : str, optional
        Date of the version of WattTime's model to take, e.g. "2023-03-01"; by default the only
        one that the service answers with.
    fill_previous : duration, optional
        Longest gap to fill with the value before it.
    base_url, timeout : str, float
        The service, and how long to wait for it [s].

    Raises
    ------
    ServiceError
        If the service cannot be reached, refuses, answers otherwise than documented or about
        something else, or with values of more than one model.
    ValueError
        If steps are missing.

    References
    ----------
    WattTime Data API v3: ``/login``, ``/v3/historical``.
    """
    service = _Service.login(region, signal, model, username, password, base_url, timeout)
    values: dict[pd.Timestamp, float] = {}
    for first, last in pages(start, stop, days=32):
        url, content, scale = service.page("/v3/historical", first, last)
        for time, value in _points(entries(content, "data", url), scale, url):
            put(values, time, value, url)
    return intensity_from_steps(
        series_of(values, service.base_url, region),
        kind=service.kind,
        zone=region,
        source=service.source,
        fill_previous=fill_previous,
    ).window(start, stop)


# Nine parameters: those of `fetch_watttime`, so that one call becomes the other by its name.
def fetch_watttime_forecasts(
    region: str,
    start: Times,
    stop: Times,
    *,
    username: str | None = None,
    password: str | None = None,
    signal: Signal = "co2_moer",
    model: str | None = None,
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
    service = _Service.login(region, signal, model, username, password, base_url, timeout)
    issued: dict[pd.Timestamp, dict[pd.Timestamp, float]] = {}
    for first, last in pages(start, stop, days=1):
        url, content, scale = service.page("/v3/forecast/historical", first, last)
        for entry in entries(content, "data", url):
            time = instant(entry.get("generated_at"), url)
            if first <= time < last:
                of_time = issued.setdefault(time, {})
                for at, value in _points(entries(entry, "forecast", url), scale, url):
                    put(of_time, at, value, url)
    if not issued:
        raise ServiceError(f"{base_url} has no forecasts for {region} in this period.")
    times = sorted(issued)
    rows = [pd.Series(issued[time], dtype=np.float64).sort_index() for time in times]
    leads_s = [
        epoch_seconds(pd.DatetimeIndex(row.index)) - epoch_seconds(time)
        for time, row in zip(times, rows, strict=True)
    ]
    differing = [
        t for t, s in zip(times, leads_s, strict=True) if not np.array_equal(s, leads_s[0])
    ]
    if differing or leads_s[0].size < 2:
        raise ServiceError(
            f"{base_url}: the forecast of {(differing or times)[0].isoformat()} has other leads "
            f"than that of {times[0].isoformat()}; ask for a period in which all are alike."
        )
    return Forecasts(
        epoch_seconds(pd.DatetimeIndex(times)),
        np.append(leads_s[0], 2 * leads_s[0][-1] - leads_s[0][-2]),
        np.array([row.to_numpy() for row in rows]),
        service.kind,
        region,
        service.source,
    )


@dataclass
class _Service:
    """A session with the service: what was asked for, and which model of it answers."""

    region: str
    signal: Signal
    model: str | None
    base_url: str
    timeout: float
    headers: Mapping[str, str]
    chosen: bool  # whether the caller chose the model, so that others may exist beside it

    @classmethod
    def login(
        cls,
        region: str,
        signal: Signal,
        model: str | None,
        username: str | None,
        password: str | None,
        base_url: str,
        timeout: float,
    ) -> Self:
        """Return what asks for a signal of a region, with a token that its account gives."""
        if signal not in _KINDS:
            raise ValueError(f"signal {signal!r} must be one of {', '.join(_KINDS)}.")
        auth = secret(username, "WATTTIME_USER"), secret(password, "WATTTIME_PASSWORD")
        token = get_json(f"{base_url}/login", auth=auth, timeout=timeout).get("token")
        if not isinstance(token, str):
            raise ServiceError(f"{base_url}/login gave no token; check the account.")
        headers = {"Authorization": f"Bearer {token}"}
        return cls(region, signal, model, base_url, timeout, headers, model is not None)

    @property
    def kind(self) -> Kind:
        """Kind of the intensity."""
        return _KINDS[self.signal]

    @property
    def source(self) -> str:
        """What an intensity says of where it comes from."""
        model = f", model {self.model}" if self.model else ""
        return f"WattTime v3, {self.signal}{model}"

    def page(
        self, path: str, first: pd.Timestamp, last: pd.Timestamp
    ) -> tuple[str, dict[str, object], float]:
        """Return address and content of a page, and what its unit is in g/kWh."""
        url = self.base_url + path
        params = {"region": self.region, "signal_type": self.signal}
        params |= {"start": first.isoformat(), "end": last.isoformat()}
        if self.chosen:
            params["model"] = str(self.model)
        content = get_json(url, params=params, headers=self.headers, timeout=self.timeout)
        meta = content.get("meta")
        if not isinstance(meta, dict) or meta.get("units") not in _UNITS:
            unit = meta.get("units") if isinstance(meta, dict) else None
            raise ServiceError(f"{url} gave the unit {unit!r}, not {', '.join(_UNITS)}.")
        refuse_other(meta.get("region", self.region), self.region, "region", url)
        refuse_other(meta.get("signal_type", self.signal), self.signal, "signal_type", url)
        self._keep_model(meta, url, first)
        return url, content, _UNITS[meta["units"]]

    def _keep_model(self, meta: Mapping, url: str, first: pd.Timestamp) -> None:
        """Refuse values of more than one version of the service's model: their levels differ."""
        told = (meta.get("model") or {}).get("date")
        warned = [warning.get("type") for warning in meta.get("warnings") or ()]
        model = self.model or told
        remedy = 'choose one by its date, e.g. model="2023-03-01", and a period that it covers.'
        if told is not None and told != model:
            raise ServiceError(
                f"{url} has values of more than one model, {model} and, from {first.isoformat()} "
                f"on, {told}, whose levels differ: {remedy}"
            )
        if "MULTIPLE_MODELS" in warned and not self.chosen:
            raise ServiceError(
                f"{url} warns that its values are of more than one model ({model} is one), whose "
                f"levels differ: {remedy}"
            )
        self.model = model


def _points(told: list[Mapping], scale: float, url: str) -> Iterator[tuple[pd.Timestamp, float]]:
    for entry in told:
        value = number(entry.get("value"), url, "value", scale=scale)
        yield instant(entry.get("point_time"), url), value
