"""Forecasters, simple and learned: the curve up to its issue in, `Forecasts` out.

Every forecaster takes the curve, the issue times and the edges of the leads, and returns
`Forecasts`. It looks at the curve only up to the end of the step under way when it issues, whose
value counts as known (as in `helpers.carbon.expected`), or up to `delay_s` earlier.
What comes later may be anything: the forecast is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.forecast.leads import asked, forecasts_of, means_at_leads
from helpers.carbon.signal import Forecasts, Intensity, Kind
from helpers.timeline import Duration, Times, check_time_zone, duration_seconds, utc_times

__all__ = ["Regression", "persistence", "profile", "train"]

_HOUR_S, _DAY_S = 3600.0, 86400.0
#: Hourly means before the issue that a regression sees: a week.
_LAGS = 168


def persistence(
    intensity: Intensity, issued: Times, lead_edges_s: ArrayLike, *, delay_s: float = 0.0
) -> Forecasts:
    """Forecast that it stays as it is: the newest value known, at every lead.

    Parameters
    ----------
    intensity : Intensity
        The curve; it covers every issue time.
    issued : instants, shape (n,)
        When forecasts are issued, strictly increasing.
    lead_edges_s : array_like, shape (m + 1,)
        Edges of the leads [s], >= 0.
    delay_s : float
        How long values take to be published [s]; with 0 that of the step under way is known.

    Returns
    -------
    Forecasts
        With one row an issue time.

    Raises
    ------
    ValueError
        If the curve does not cover an issue time less `delay_s`, or `delay_s` is negative.
    """
    issued_s, edges_s = asked(issued, lead_edges_s)
    _known_until_s(intensity, issued_s, delay_s)
    now = np.asarray(intensity.at(issued_s - delay_s))
    values = np.repeat(now[:, None], edges_s.size - 1, axis=1)
    return forecasts_of(intensity, issued_s, edges_s, values, "persistence")


def profile(
    intensity: Intensity,
    issued: Times,
    lead_edges_s: ArrayLike,
    *,
    period: Duration = "1D",
    periods: int = 1,
    time_zone: str = "UTC",
    delay_s: float = 0.0,
) -> Forecasts:
    """Forecast the mean of the last periods at the same time of the period.

    A day once is "as at this hour yesterday"; a week four times is a profile by the hour of the
    week over the last four weeks.

    Parameters
    ----------
    intensity, issued, lead_edges_s, delay_s
        As in `persistence`.
    period : duration
        After how long the curve is expected to repeat itself, whole days where a clock counts.
    periods : int
        Over how many of the last periods to average, >= 1.
    time_zone : str
        IANA name of the clock that counts: yesterday at 8 is at 8 by that clock, even
        where a day has 23 or 25 hours.

    Returns
    -------
    Forecasts
        A lead step that lies further ahead than a period repeats the last whole period known.

    Raises
    ------
    ValueError
        If the curve does not reach back far enough, or a number is out of range.
    """
    if periods < 1:
        raise ValueError(f"periods(={periods}) must be >= 1.")
    issued_s, edges_s = asked(issued, lead_edges_s)
    period_s = duration_seconds(period)
    known_s = _known_until_s(intensity, issued_s, delay_s)[:, None]
    start_s = issued_s[:, None] + edges_s[:-1]
    length_s = np.diff(edges_s)
    offset_s = _offsets(
        start_s.min() - period_s * (periods + 2) - edges_s[-1], start_s.max(), time_zone
    )
    here_s = offset_s(start_s)

    def earlier(count: NDArray) -> NDArray:
        """Return the same times on the clock some periods ago [s]."""
        moved_s = start_s - count * period_s
        return moved_s + np.where(count > 0, here_s - offset_s(moved_s), 0.0)

    first = np.maximum(np.ceil((start_s + length_s - known_s) / period_s - 1e-12), 0.0)
    first += earlier(first) + length_s > known_s + 1e-6  # an hour came twice in between
    total = np.zeros(start_s.shape)
    for more in range(periods):
        source_s = earlier(np.where(first > 0, first + more, 0.0))  # what is known is no mean
        total += intensity.mean(source_s, source_s + length_s)
    name = f"mean of the last {periods} periods of {period_s / _HOUR_S:g} h"
    return forecasts_of(intensity, issued_s, edges_s, total / periods, name)


@dataclass(frozen=True, eq=False)
class Regression:
    """A trained forecaster; see `train`.

    Parameters
    ----------
    estimator : object
        What scikit-learn fitted.
    model : {"ridge", "boosting"}
        Its kind.
    lead_edges_s : ndarray of float, shape (m + 1,)
        Edges of the leads [s].
    trained_s : tuple of float
        First instant whose value it was trained with, and the end of the last [s since 1970].
    kind, zone : str
        Of the curve it was trained with.
    time_zone : str
        Clock of the calendar.
    delay_s : float
        How long values take to be published [s].
    """

    estimator: Any
    model: str
    lead_edges_s: NDArray[np.float64]
    trained_s: tuple[float, float]
    kind: Kind
    zone: str
    time_zone: str
    delay_s: float

    def forecasts(self, intensity: Intensity, issued: Times) -> Forecasts:
        """Forecast by what was learned.

        Parameters
        ----------
        intensity : Intensity
            The curve, of the kind it was trained with, from a week before the first issue.
        issued : instants, shape (n,)
            When forecasts are issued, none before the last value it was trained with was over.

        Returns
        -------
        Forecasts
            An average is cut at 0 g/kWh, below which there is none.

        Raises
        ------
        ValueError
            If an issue time lies before the end of training, so that it would be judged on what
            it has seen; if kinds differ; or if the curve is too short.
        """
        issued_s, edges_s = asked(issued, self.lead_edges_s)
        if issued_s[0] < self.trained_s[1]:
            first, start, stop = (
                f"{t:%Y-%m-%dT%H:%MZ}" for t in utc_times((issued_s[0], *self.trained_s))
            )
            raise ValueError(
                f"a forecast issued at {first} would be judged on the period it was trained on, "
                f"{start} to {stop}: issue from {stop} on, or train on an earlier period."
            )
        if intensity.kind != self.kind:
            raise ValueError(
                f"trained on {self.kind} intensity, asked for {intensity.kind}: train one for each."
            )
        values = _predict(self, intensity, issued_s, edges_s)
        name = f"{self.model} regression trained on {self.zone}"
        return forecasts_of(intensity, issued_s, edges_s, values, name)


def train(
    intensity: Intensity,
    issued: Times,
    lead_edges_s: ArrayLike,
    *,
    model: Literal["ridge", "boosting"] = "ridge",
    time_zone: str = "UTC",
    delay_s: float = 0.0,
    seed: int = 0,
) -> Regression:
    """Train a regression on the past, to be used on what comes after it.

    Parameters
    ----------
    intensity : Intensity
        The curve, from eight days before the first issue to the last lead of the last one.
    issued : instants, shape (n,)
        Issue times to learn from.
    lead_edges_s : array_like, shape (m + 1,)
        Edges of the leads [s].
    model : {"ridge", "boosting"}
        "ridge": for every lead a linear function of the last 168 hourly means and of the hour
        and weekday of issue; how much it is shrunk is chosen by generalised cross-validation
        within the training period. "boosting": one ensemble of trees for all leads together,
        from lead, hour and weekday of the target, the newest value, its last changes, the mean
        of the last day, and the values a day and a week earlier; it learns what is to be added
        to the mean of the last seven days at this hour and the present deviation from that
        mean, which fades within a day. Give it every third issue or fewer: neighbours say nearly
        the same.
    time_zone : str
        IANA name of the clock whose hours and weekdays count.
    delay_s : float
        How long values take to be published [s].
    seed : int
        Seed of the trees.

    Returns
    -------
    Regression
        Its `forecasts` refuses issue times before the end of training. The time of the year is
        no feature: within a year of training it would only tell one season from another.

    Raises
    ------
    ValueError
        If the curve is too short or the model unknown.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    issued_s, edges_s = asked(issued, lead_edges_s)
    came = means_at_leads(intensity, issued_s, edges_s)
    if model == "ridge":
        known = _past_and_calendar(intensity, issued_s, time_zone, delay_s)
        fitted = RidgeCV(np.logspace(-2, 7, 10)).fit(known, came)
    elif model == "boosting":
        known, base = _pooled(intensity, issued_s, edges_s, time_zone, delay_s)
        fitted = HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=150,
            min_samples_leaf=200,
            early_stopping=False,
            random_state=seed,
        ).fit(known, (came - base).ravel())
    else:
        raise ValueError(f"model(={model!r}) must be 'ridge' or 'boosting'.")
    trained_s = (float(issued_s[0]), float(issued_s[-1] + edges_s[-1]))
    return Regression(
        fitted, model, edges_s, trained_s, intensity.kind, intensity.zone, time_zone, delay_s
    )


def _predict(
    fitted: Regression, intensity: Intensity, issued_s: NDArray, edges_s: NDArray
) -> NDArray:
    if fitted.model == "ridge":
        known = _past_and_calendar(intensity, issued_s, fitted.time_zone, fitted.delay_s)
        values = fitted.estimator.predict(known).reshape(issued_s.size, -1)
    else:
        known, base = _pooled(intensity, issued_s, edges_s, fitted.time_zone, fitted.delay_s)
        values = base + fitted.estimator.predict(known).reshape(base.shape)
    return np.maximum(values, 0.0) if intensity.kind == "average" else values


def _past_and_calendar(
    intensity: Intensity, issued_s: NDArray, time_zone: str, delay_s: float
) -> NDArray[np.float64]:
    """The last week by the hour, and hour and weekday of issue as columns of 0 and 1."""
    known_s = _known_until_s(intensity, issued_s, delay_s)
    stops_s = known_s[:, None] - _HOUR_S * np.arange(_LAGS)
    hour, weekday = _clock(issued_s, time_zone)
    past = intensity.mean(stops_s - _HOUR_S, stops_s)
    return np.hstack([past, hour[:, None] == np.arange(24), weekday[:, None] == np.arange(7)])


def _pooled(
    intensity: Intensity, issued_s: NDArray, edges_s: NDArray, time_zone: str, delay_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of every issue and lead, and the simple forecast that they add to."""

    def at_this_hour(period: Duration, periods: int) -> NDArray[np.float64]:
        """Return the mean of the last periods at the same time on the clock [g/kWh]."""
        return profile(
            intensity,
            issued_s,
            edges_s,
            period=period,
            periods=periods,
            time_zone=time_zone,
            delay_s=delay_s,
        ).intensity_g_per_kwh

    mean, yesterday, week_ago = (at_this_hour(*how) for how in (("1D", 7), ("1D", 1), ("7D", 1)))
    known_s = _known_until_s(intensity, issued_s, delay_s)
    seen_s = issued_s[:, None] - delay_s
    now = np.asarray(intensity.at(seen_s))
    usual = np.asarray(intensity.at(seen_s - _DAY_S * np.arange(1, 8))).mean(axis=1, keepdims=True)
    known_lead = issued_s[:, None] + edges_s[1:] <= known_s[:, None] + 1e-6
    base = mean + np.where(known_lead, 0.0, (now - usual) * np.exp(-edges_s[:-1] / _DAY_S))
    day = np.asarray(intensity.mean(known_s - _DAY_S, known_s))[:, None]
    hour, weekday = _clock(issued_s[:, None] + edges_s[:-1], time_zone)
    columns = [edges_s[:-1], hour, weekday, base, mean - base, now - day, now - base, day - base]
    columns += [yesterday - base, week_ago - base]
    for ago in (1, 2, 3):
        stop_s = known_s - ago * _HOUR_S
        columns.append(now - np.asarray(intensity.mean(stop_s - _HOUR_S, stop_s))[:, None])
    return np.stack([np.broadcast_to(c, base.shape).ravel() for c in columns], axis=1), base


def _known_until_s(intensity: Intensity, issued_s: NDArray, delay_s: float) -> NDArray:
    """End of the step under way at each issue, `delay_s` earlier."""
    if not 0 <= delay_s < np.inf:
        raise ValueError(f"delay_s(={delay_s}) must be finite and >= 0 s.")
    intensity.at(issued_s - delay_s)  # an instant that is not covered is an error
    after = np.searchsorted(intensity.edges_s, issued_s - delay_s, side="right")
    return intensity.edges_s[after]


def _offsets(low_s: float, high_s: float, time_zone: str) -> Callable[[NDArray], NDArray]:
    """Return the function from instants to the UTC offset [s] of a clock, by quarter-hours."""
    if check_time_zone(time_zone) == "UTC":
        return np.zeros_like
    quarter_s = _HOUR_S / 4
    origin_s = np.floor(low_s / quarter_s) * quarter_s
    times = utc_times(np.arange(origin_s, high_s + 2 * quarter_s, quarter_s))
    local = times.tz_convert(time_zone).tz_localize(None) - times.tz_localize(None)
    table = local.total_seconds().to_numpy()
    return lambda seconds: table[((seconds - origin_s) // quarter_s).astype(np.int64)]


def _clock(seconds: NDArray, time_zone: str) -> tuple[NDArray, NDArray]:
    """Hour and weekday by the clock."""
    local = seconds + _offsets(seconds.min(), seconds.max(), time_zone)(seconds)
    return local // _HOUR_S % 24, (local // _DAY_S + 3) % 7  # 1970-01-01 was a Thursday
