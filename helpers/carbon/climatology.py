"""What a grid usually emits: by month, kind of day and hour of the clock, from past years.

The forecast of last resort: it needs no service and no key, reaches as far ahead as one likes, and
says of itself that it knows nothing about the days asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity, Kind, check_intensity, same_kind
from helpers.timeline import Times, check_time_zone, epoch_seconds, instant_text, utc_times

__all__ = ["Climatology"]

_HOUR_S, _QUARTER_S = 3600.0, 900.0
_CELLS = (12, 2, 24)  # month, weekday or weekend, hour
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, eq=False)
class Climatology:
    """Mean and quantiles of the hours of past years, by month, kind of day and hour.

    Make one with `of`.

    Attributes
    ----------
    mean_g_per_kwh : ndarray of float, shape (12, 2, 24)
        Mean of the hours of each month, of weekdays (0) and weekends (1), at each hour of the
        clock [g CO2e/kWh].
    levels : tuple of float
        Levels of the quantiles, increasing.
    quantiles_g_per_kwh : ndarray of float, shape (k, 12, 2, 24)
        Quantiles of the same hours [g CO2e/kWh].
    years : tuple of int
        Whole years it was made from.
    time_zone : str
        IANA name of the clock.
    kind, zone, source : str
        Those of the curve it was made from.

    Notes
    -----
    The mean of the past at the same season and time of day is the standard reference beside
    persistence [1]_: persistence is better for the next hours, climatology from some days on.
    Public holidays count as what day of the week they are. A trend over the years is not carried
    on: a grid that gets cleaner every year lies below its climatology.

    References
    ----------
    .. [1] A. H. Murphy, "Climatology, persistence, and their linear combination as standards of
       reference in skill scores", *Weather and Forecasting* 7(4), 1992, 692-698.

    Examples
    --------
    >>> from helpers import datasets
    >>> usual = Climatology.of(datasets.carbon_intensity("DE", None), "Europe/Berlin")
    >>> usual.forecast("2030-06-01T00:00Z", "2030-06-02T00:00Z")  # doctest: +SKIP
    """

    mean_g_per_kwh: NDArray[np.float64] = field(repr=False)
    levels: tuple[float, ...]
    quantiles_g_per_kwh: NDArray[np.float64] = field(repr=False)
    years: tuple[int, ...]
    time_zone: str
    kind: Kind
    zone: str
    source: str

    @classmethod
    def of(
        cls,
        intensity: Intensity,
        time_zone: str,
        *,
        last_years: int | None = None,
        levels: tuple[float, ...] = _LEVELS,
    ) -> Self:
        """Make the climatology of a curve from its whole years.

        Parameters
        ----------
        intensity : Intensity
            The curve, with one whole year (UTC) or more; what is beyond whole years is left out,
            so that every month counts as often.
        time_zone : str
            IANA name of the clock that people in the zone live by.
        last_years : int, optional
            How many of the last whole years to take; by default all.
        levels : tuple of float
            Levels of the quantiles, increasing, in [0, 1].

        Raises
        ------
        TypeError
            If `intensity` is none.
        ValueError
            If it has no whole year, or fewer than asked for, the clock is unknown, or levels are
            out of order.
        """
        check_intensity(intensity)
        check_time_zone(time_zone)
        if (
            not levels
            or not all(0 <= level <= 1 for level in levels)
            or np.any(np.diff(levels) <= 0)
        ):
            raise ValueError(f"levels(={levels}) must increase within [0, 1].")
        years = _whole_years(intensity)
        if last_years is not None:
            if not 1 <= last_years <= len(years):
                raise ValueError(
                    f"last_years(={last_years}) must lie between 1 and the {len(years)} whole years "
                    f"of {intensity.zone}, {_span(years)}."
                )
            years = years[-last_years:]
        parts = _hours_by_cell(intensity, years, time_zone)
        quantiles = np.stack([np.quantile(part, levels) for part in parts], axis=1)
        return cls(
            np.array([part.mean() for part in parts]).reshape(_CELLS),
            tuple(levels),
            quantiles.reshape(len(levels), *_CELLS),
            years,
            time_zone,
            intensity.kind,
            intensity.zone,
            intensity.source,
        )

    @property
    def label(self) -> str:
        """What it is, for captions and as the source of what it forecasts."""
        return f"climatology of {_span(self.years)}, no forecast of these days ({self.source})"

    def forecast(self, start: Times, stop: Times, *, level: float | None = None) -> Intensity:
        """Return what is usual over [start, stop), by the hour of the clock.

        Parameters
        ----------
        start, stop : instant
            Any window, `stop` > `start`.
        level : float, optional
            One of `levels`, for that quantile of each hour; by default the mean. Quantiles are of
            single hours: a day whose every hour lies at the 0.9 quantile is rarer than one in ten.

        Raises
        ------
        ValueError
            If the window is empty, or the level is none that was kept.
        """
        start_s, stop_s = float(epoch_seconds(start)), float(epoch_seconds(stop))
        if stop_s <= start_s:
            raise ValueError(
                f"the window from {instant_text(start_s)} to {instant_text(stop_s)} is empty; "
                "give a stop after the start."
            )
        if level is not None and level not in self.levels:
            raise ValueError(f"level(={level}) must be one of {', '.join(map(str, self.levels))}.")
        usual = (
            self.mean_g_per_kwh
            if level is None
            else self.quantiles_g_per_kwh[self.levels.index(level)]
        ).ravel()
        edges_s, cell = _local_hours(start_s, stop_s, self.time_zone)
        told = self.label if level is None else f"{level:g} quantile of the {self.label}"
        return Intensity(edges_s, usual[cell], self.kind, self.zone, told)

    def extend(self, forecast: Intensity, stop: Times) -> Intensity:
        """Return a forecast up to its end, and what is usual from there to `stop`.

        Parameters
        ----------
        forecast : Intensity
            What is expected first, for example by ``Forecasts.issued_at``; of the same kind.
        stop : instant
            Where it is to end; a forecast that reaches there is returned as it is.

        Raises
        ------
        ValueError
            If kinds or zones differ.
        """
        same_kind(forecast, self)
        if forecast.zone != self.zone:
            raise ValueError(
                f"a forecast for {forecast.zone} must not go on with what is usual in {self.zone}; "
                "give the climatology of its zone."
            )
        stop_s = float(epoch_seconds(stop))
        if stop_s <= forecast.edges_s[-1]:
            return forecast
        later = self.forecast(forecast.edges_s[-1], stop_s)
        return Intensity(
            np.concatenate([forecast.edges_s[:-1], later.edges_s]),
            np.concatenate([forecast.intensity_g_per_kwh, later.intensity_g_per_kwh]),
            self.kind,
            self.zone,
            f"{forecast.source}; from {instant_text(forecast.edges_s[-1])} on {self.label}",
        )

    def table(self) -> pd.DataFrame:
        """Return a row for each month, kind of day and hour: mean and quantiles [g CO2e/kWh]."""
        index = pd.MultiIndex.from_product(
            [range(1, 13), ["weekday", "weekend"], range(24)], names=["month", "day", "hour"]
        )
        columns = {"mean": self.mean_g_per_kwh.ravel()}
        for level, values in zip(self.levels, self.quantiles_g_per_kwh, strict=True):
            columns[f"quantile_{level:g}"] = values.ravel()
        return pd.DataFrame(columns, index)


def _span(years: tuple[int, ...]) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"


def _new_year_s(year: int) -> float:
    return pd.Timestamp(year=year, month=1, day=1, tz="UTC").timestamp()


def _whole_years(intensity: Intensity) -> tuple[int, ...]:
    years = tuple(
        year
        for year in range(intensity.start.year, intensity.stop.year + 1)
        if _new_year_s(year) >= intensity.edges_s[0]
        and _new_year_s(year + 1) <= intensity.edges_s[-1]
    )
    if not years:
        raise ValueError(
            f"{intensity!r} holds no whole year (UTC), from which alone what is usual in every "
            "month can be told; load a longer period."
        )
    return years


def _local_hours(
    start_s: float, stop_s: float, time_zone: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cut a window where the hour of the clock changes: edges [s], and the cell of each piece."""
    # Clocks differ from UTC by whole quarters of an hour.
    inner_s = np.arange(np.floor(start_s / _QUARTER_S) + 1, np.ceil(stop_s / _QUARTER_S))
    edges_s = np.concatenate([[start_s], inner_s * _QUARTER_S, [stop_s]])
    local = utc_times(edges_s[:-1]).tz_convert(time_zone)
    month, weekend, hour = local.month - 1, local.day_of_week >= 5, local.hour
    cell = np.ravel_multi_index((month, weekend.astype(np.int64), hour), _CELLS)
    # The offset belongs to the hour: one that comes twice in autumn is two hours.
    offset_s = (local.tz_localize(None) - utc_times(edges_s[:-1]).tz_localize(None)).total_seconds()
    new = np.diff(cell, prepend=-1).astype(bool) | np.diff(offset_s, prepend=0.0).astype(bool)
    new[0] = True
    return np.append(edges_s[:-1][new], stop_s), cell[new]


def _hours_by_cell(
    intensity: Intensity, years: tuple[int, ...], time_zone: str
) -> list[NDArray[np.float64]]:
    """Means [g/kWh] of the hours of the years, cell by cell."""
    start_s, stop_s = _new_year_s(years[0]), _new_year_s(years[-1] + 1)
    edges_s, cell = _local_hours(start_s, stop_s, time_zone)
    values = np.asarray(intensity.mean(edges_s[:-1], edges_s[1:]))
    order = np.argsort(cell, kind="stable")
    return np.split(values[order], np.searchsorted(cell[order], np.arange(1, np.prod(_CELLS))))
