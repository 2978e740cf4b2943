"""Forecasts of carbon intensity: simple ones, learned ones, their errors, and errors made up.

Every forecaster takes the curve, the issue times and the edges of the leads, and returns
`Forecasts`. It looks at the curve only up to the end of the step under way when it issues, whose
value counts as known (as in `helpers.carbon.expected`), or up to `delay_s` earlier.
What comes later may be anything: the forecast is the same.

An `ErrorModel` is fitted to forecasts that were really issued and can be put on any curve
(`with_errors`). What it makes is *generated*, and its `source` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Forecasts, Intensity, Kind, same_kind
from helpers.stats import block_weights
from helpers.timeline import (
    Duration,
    Times,
    check_time_zone,
    duration_seconds,
    epoch_seconds,
    utc_times,
)

__all__ = [
    "ErrorModel",
    "Regression",
    "fit_errors",
    "leads_between",
    "merge_leads",
    "persistence",
    "profile",
    "scores",
    "train",
    "with_errors",
]

_HOUR_S, _DAY_S = 3600.0, 86400.0
#: Hourly means before the issue that a regression sees: a week.
_LAGS = 168
#: Normal scores at which an error model keeps the quantiles of its errors.
_SCORES = np.linspace(-4.0, 4.0, 81)

Scale = Literal["g_per_kwh", "mean", "sd"]


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
    issued_s, edges_s = _asked(issued, lead_edges_s)
    _known_until_s(intensity, issued_s, delay_s)
    now = np.asarray(intensity.at(issued_s - delay_s))
    values = np.repeat(now[:, None], edges_s.size - 1, axis=1)
    return _forecasts(intensity, issued_s, edges_s, values, "persistence")


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
    issued_s, edges_s = _asked(issued, lead_edges_s)
    period_s = duration_seconds(period)
    known_s = _known_until_s(intensity, issued_s, delay_s)[:, None]
    start_s = issued_s[:, None] + edges_s[:-1]
    length_s = np.diff(edges_s)
    offset_s = _offsets(
        start_s.min() - period_s * (periods + 2) - edges_s[-1], start_s.max(), time_zone
    )
    here_s = offset_s(start_s)

    def earlier(count: NDArray) -> NDArray:
        moved_s = start_s - count * period_s
        return moved_s + np.where(count > 0, here_s - offset_s(moved_s), 0.0)

    first = np.maximum(np.ceil((start_s + length_s - known_s) / period_s - 1e-12), 0.0)
    first += earlier(first) + length_s > known_s + 1e-6  # an hour came twice in between
    total = np.zeros(start_s.shape)
    for more in range(periods):
        source_s = earlier(np.where(first > 0, first + more, 0.0))  # what is known is no mean
        total += intensity.mean(source_s, source_s + length_s)
    name = f"mean of the last {periods} periods of {period_s / _HOUR_S:g} h"
    return _forecasts(intensity, issued_s, edges_s, total / periods, name)


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
        issued_s, edges_s = _asked(issued, self.lead_edges_s)
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
        return _forecasts(intensity, issued_s, edges_s, values, name)


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

    issued_s, edges_s = _asked(issued, lead_edges_s)
    came = _means(intensity, issued_s, edges_s)
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


def leads_between(forecasts: Forecasts, from_s: float, to_s: float) -> Forecasts:
    """Return the forecasts of the leads from `from_s` to `to_s` [s], both edges of leads.

    Raises
    ------
    ValueError
        If one of the two is no edge, or no lead lies between them.
    """
    edges_s = forecasts.lead_edges_s
    for lead_s in (from_s, to_s):
        if lead_s not in edges_s:
            raise ValueError(
                f"lead {lead_s:g} s is none of the edges {edges_s[0]:g} to {edges_s[-1]:g} s."
            )
    first, last = np.searchsorted(edges_s, [from_s, to_s])
    if first >= last:
        raise ValueError(f"no lead lies between {from_s:g} and {to_s:g} s.")
    return replace(
        forecasts,
        lead_edges_s=edges_s[first : last + 1],
        intensity_g_per_kwh=forecasts.intensity_g_per_kwh[:, first:last],
    )


def merge_leads(forecasts: Forecasts, count: int) -> Forecasts:
    """Average every `count` neighbouring leads, so that errors of longer steps can be told.

    Raises
    ------
    ValueError
        If `count` does not divide the number of leads.
    """
    values = forecasts.intensity_g_per_kwh
    if count < 1 or values.shape[1] % count:
        raise ValueError(f"count(={count}) must divide the {values.shape[1]} leads.")
    lengths_s = np.diff(forecasts.lead_edges_s)
    starts = np.arange(0, lengths_s.size, count)
    weighted = np.add.reduceat(values * lengths_s, starts, axis=1)
    return replace(
        forecasts,
        lead_edges_s=np.append(forecasts.lead_edges_s[starts], forecasts.lead_edges_s[-1]),
        intensity_g_per_kwh=weighted / np.add.reduceat(lengths_s, starts),
    )


# Eight parameters: what is compared, and its bootstrap under the names it has elsewhere.
def scores(
    forecasts: Forecasts,
    truth: Intensity,
    *,
    seed: int,
    baseline: Forecasts | None = None,
    keep: NDArray[np.bool_] | None = None,
    block_days: int = 7,
    resamples: int = 999,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Score forecasts lead by lead, with intervals that respect how errors hang together.

    Parameters
    ----------
    forecasts : Forecasts
        What was forecast.
    truth : Intensity
        What came, of the same kind.
    seed : int
        Seed of the resampling.
    baseline : Forecasts, optional
        What skill is measured against, of the same issue times and leads; by default
        persistence: the value at issue time stays.
    keep : ndarray of bool, shape (n,), optional
        Which issue times to judge; by default all whose steps `truth` covers.
    block_days : int
        Days kept together when days are drawn again; longer than errors remember.
    resamples : int
        How often.
    confidence : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        Indexed by lead [s], the start of the step: ``mae``, ``rmse``, ``bias`` (forecast minus
        truth) and ``baseline_mae`` [g CO2e/kWh], ``mape`` = mean of ``abs(error / truth)`` [1] (NaN at
        a lead where the truth was ever 0), ``skill`` = 1 - mae / baseline_mae [1] (NaN where the
        baseline does not err at all), each with ``_low`` and ``_high``, and ``n``.

    Raises
    ------
    ValueError
        If kinds differ, issue times or leads of the baseline differ, `truth` does not cover a
        judged step, or fewer than two blocks of days are judged.

    Notes
    -----
    Circular block bootstrap [1]_ of UTC days of issue, percentile intervals. All leads and both
    forecasts are drawn together, so that skill is a paired comparison.

    References
    ----------
    .. [1] D. N. Politis, J. P. Romano, "A circular block-resampling procedure for stationary
       data", in *Exploring the Limits of Bootstrap*, 1992.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence(={confidence}) must lie between 0 and 1.")
    if resamples < 1:
        raise ValueError(f"resamples(={resamples}) must be >= 1.")
    keep, came = _judged(forecasts, truth, keep)
    error = forecasts.intensity_g_per_kwh[keep] - came
    issued_s = forecasts.issued_s[keep]
    if baseline is None:
        stays = np.asarray(truth.at(issued_s))[:, None] - came
    else:
        _same_grid(forecasts, baseline)
        stays = baseline.intensity_g_per_kwh[keep] - came
    day = np.floor((issued_s - issued_s[0]) / _DAY_S).astype(np.int64)
    days = int(day[-1]) + 1
    if not 1 <= block_days <= days // 2:
        raise ValueError(
            f"block_days(={block_days}) must lie between 1 and half of the {days} days judged."
        )
    first = np.flatnonzero(np.diff(day, prepend=-1))
    measured = (np.abs(error), error**2, error, np.abs(stays), _shares(error, came))
    sums = np.zeros((len(measured), days, error.shape[1]))
    for place, part in enumerate(measured):
        sums[place, day[first]] = np.add.reduceat(part, first, axis=0)
    counts = np.bincount(day, minlength=days).astype(np.float64)
    weights = block_weights(days, block_days, resamples, np.random.default_rng(seed))
    weights = np.vstack([np.ones(days), weights[weights @ counts > 0]])
    drawn = _measures(np.matmul(weights, sums) / (weights @ counts)[:, None])
    table = pd.DataFrame(index=pd.Index(forecasts.lead_edges_s[:-1], name="lead_s"))
    for name, values in drawn.items():
        table[name] = values[0]
        ends = np.quantile(values[1:], [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        table[f"{name}_low"], table[f"{name}_high"] = ends
    return table.assign(n=int(issued_s.size))


def _shares(error: NDArray, came: NDArray) -> NDArray[np.float64]:
    """Absolute error as a share of what came; NaN at a lead where it was 0 at any time."""
    some = ~(came == 0).any(axis=0)
    share = np.full(error.shape, np.nan)
    return np.divide(
        np.abs(error), np.abs(came), out=share, where=np.broadcast_to(some, came.shape)
    )


def _measures(means: NDArray) -> dict[str, NDArray]:
    mae, square, bias, baseline, mape = means
    skill = np.full(mae.shape, np.nan)
    np.divide(mae, baseline, out=skill, where=baseline > 0)
    return {
        "mae": mae,
        "mape": mape,
        "rmse": np.sqrt(square),
        "bias": bias,
        "baseline_mae": baseline,
        "skill": 1 - skill,
    }


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """How forecasts err: distribution by lead, and how errors hang together.

    Parameters
    ----------
    lead_edges_s : ndarray of float, shape (m + 1,)
        Edges of the leads [s], evenly spaced.
    quantiles : ndarray of float, shape (m, 81)
        Quantiles of the error (forecast minus truth) at normal scores -4 to 4, in units of
        `scale`. The first and the last are the extremes seen: no error is larger.
    clock : ndarray of float, shape (m,)
        How much a forecast is revised: forecasts of one target at leads i and j have errors of
        correlation ``exp(-|clock[i] - clock[j]|)``. Where it stands still, nothing is revised.
    fast_s, slow_s : float
        Two times [s] over which errors of neighbouring targets lose their likeness.
    slow_share : float
        Share of the slow one [1]: errors of targets d apart have correlation
        ``(1 - slow_share) exp(-d / fast_s) + slow_share exp(-d / slow_s)``.
    scale : {"g_per_kwh", "mean", "sd"}
        Unit of the quantiles: g/kWh, or the mean or the standard deviation of the curve.
    source : str
        What it was fitted to.

    Notes
    -----
    A Gaussian field over target times and leads, whose correlation is the product of the two
    above, carried to the quantiles of each lead (a Gaussian copula). Left out: errors that
    depend on the value forecast, on the hour or on the season; and that errors at one short lead
    may be less alike from one issue to the next than errors at one long lead.
    """

    lead_edges_s: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    clock: NDArray[np.float64]
    fast_s: float
    slow_s: float
    slow_share: float
    scale: Scale
    source: str

    @property
    def step_s(self) -> float:
        """Length of a lead step [s]."""
        return float(self.lead_edges_s[1] - self.lead_edges_s[0])

    def table(self) -> pd.DataFrame:
        """Return bias, standard deviation and mean absolute error by lead [s], in `scale`."""
        from scipy.special import ndtri

        score = ndtri((np.arange(20_000) + 0.5) / 20_000)
        errors = np.stack([np.interp(score, _SCORES, row) for row in self.quantiles], axis=1)
        return pd.DataFrame(
            {
                "bias": errors.mean(axis=0),
                "sd": errors.std(axis=0),
                "mae": np.abs(errors).mean(axis=0),
                "clock": self.clock,
            },
            index=pd.Index(self.lead_edges_s[:-1], name="lead_s"),
        )

    def correlation(self, apart_s: ArrayLike) -> NDArray[np.float64]:
        """Return the correlation of errors of targets `apart_s` [s] apart, at equal leads."""
        apart_s = np.abs(np.asarray(apart_s, dtype=np.float64))
        fast, slow = np.exp(-apart_s / self.fast_s), np.exp(-apart_s / self.slow_s)
        return (1 - self.slow_share) * fast + self.slow_share * slow

    def times(self, factor: float) -> ErrorModel:
        """Return the same with every error `factor` times as large; 0 forecasts the truth.

        Raises
        ------
        ValueError
            If `factor` is negative or not finite.
        """
        if not 0 <= factor < np.inf:
            raise ValueError(f"factor(={factor}) must be finite and >= 0.")
        name = f"{self.source}, errors times {factor:g}"
        return replace(self, quantiles=factor * self.quantiles, source=name)


def fit_errors(
    forecasts: Forecasts,
    truth: Intensity,
    *,
    scale: Scale = "g_per_kwh",
    keep: NDArray[np.bool_] | None = None,
) -> ErrorModel:
    """Fit an error model to forecasts and what came.

    Parameters
    ----------
    forecasts : Forecasts
        What was forecast, with leads of equal length, issued at multiples of that length.
    truth : Intensity
        What came, of the same kind.
    scale : {"g_per_kwh", "mean", "sd"}
        Unit of the errors: absolute, or as shares of the mean or of the standard deviation of
        what came, to be put on curves of other levels.
    keep : ndarray of bool, shape (n,), optional
        Which issue times to use; by default all whose steps `truth` covers.

    Returns
    -------
    ErrorModel
        If no target was forecast twice its clock stands still: revisions were not seen.

    Raises
    ------
    ValueError
        If kinds differ, leads are uneven, issue times do not fit them, `truth` does not cover a
        step, fewer than 100 issues are used, or forecasts have no error at some lead.

    Notes
    -----
    Errors are turned into normal scores lead by lead. The clock comes from their products at
    one target and two issues, the two times from products at one lead and lags of up to two
    days (median over the leads) and, within the shortest distance of two issues, from products
    within one issue.
    """
    keep, came = _judged(forecasts, truth, keep)
    issued_s, step_s = forecasts.issued_s[keep], _even_step_s(forecasts.lead_edges_s)
    place = _places(issued_s, step_s)
    if place.size < 100:
        raise ValueError(f"{place.size} issues tell too little of their errors; give 100 or more.")
    error = (forecasts.intensity_g_per_kwh[keep] - came) / _scale(scale, came)
    flat = np.flatnonzero(np.ptp(error, axis=0) <= 1e-9 * np.abs(error).max())  # rounding
    if flat.size:
        lead_s = forecasts.lead_edges_s[flat[0]]
        raise ValueError(
            f"all errors at lead {lead_s:g} s are the same; leave it out (leads_between)."
        )
    from scipy.special import ndtr, ndtri

    order = np.argsort(np.argsort(error, axis=0, kind="stable"), axis=0, kind="stable")
    score = ndtri((order + 0.5) / place.size)
    levels = ndtr(_SCORES)
    levels[[0, -1]] = 0.0, 1.0
    quantiles = np.quantile(error, levels, axis=0).T
    clock, lags, seen = _likeness(score, place)
    fast_s, slow_s, share = _two_times(lags * step_s, seen)
    name = f"errors of {forecasts.source} for {forecasts.zone}"
    return ErrorModel(forecasts.lead_edges_s, quantiles, clock, fast_s, slow_s, share, scale, name)


def _likeness(score: NDArray, place: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Clock of the leads, lags [steps] and the correlation of targets so far apart."""
    leads = score.shape[1]
    every = int(np.diff(place).min())
    clock = np.zeros(leads)
    if every < leads:
        early, late = _pairs(place, every)
        same = (score[early, every:] * score[late, :-every]).mean(axis=0)
        passed = -np.log(np.clip(same, 1e-3, 1.0)) / every  # per step, of windows of `every`
        window = np.arange(leads - every)
        rate = [
            passed[(window < step) & (step <= window + every)].mean() for step in range(1, leads)
        ]
        clock = np.concatenate([[0.0], np.cumsum(rate)])
    near = np.arange(1, min(every, leads))
    seen = [
        np.median((score[:, d:] * score[:, :-d]).mean(axis=0) * np.exp(clock[d:] - clock[:-d]))
        for d in near
    ]
    far = []
    lags = every * np.unique(np.round(np.geomspace(1, max(2.0, 4 * leads / every), 24)))
    for lag in lags.astype(np.int64):
        early, late = _pairs(place, lag)
        if early.size >= 50:
            far.append(lag)
            seen.append(np.median((score[early] * score[late]).mean(axis=0)))
    return clock, np.concatenate([near, far]), np.array(seen)


def _pairs(place: NDArray, lag: int) -> tuple[NDArray, NDArray]:
    """Rows of issues that are `lag` steps apart."""
    late = np.minimum(np.searchsorted(place, place + lag), place.size - 1)
    early = np.flatnonzero(place[late] == place + lag)
    return early, late[early]


def _two_times(lags_s: NDArray, seen: NDArray) -> tuple[float, float, float]:
    """Fit a fast time, a slow time and the share of the slow one to correlations."""
    from scipy.optimize import least_squares

    shortest, longest = np.log(lags_s[0] / 20), np.log(20 * lags_s[-1])

    def misfit(p: NDArray) -> NDArray:
        fast, slow = np.exp(-lags_s / np.exp(p[0])), np.exp(-lags_s / np.exp(p[0] + p[1]))
        return (1 - p[2]) * fast + p[2] * slow - seen

    middle = np.log(np.sqrt(lags_s[0] * lags_s[-1]))
    fits = [
        least_squares(
            misfit,
            [start, 2.0, 0.5],
            bounds=([shortest, 0.0, 0.0], [longest, longest - shortest, 1.0]),
        )
        for start in (np.log(lags_s[0]), middle)
    ]
    fast, apart, share = min(fits, key=lambda fit: fit.cost).x
    return float(np.exp(fast)), float(np.exp(fast + apart)), float(share)


def with_errors(
    intensity: Intensity,
    model: ErrorModel,
    issued: Times,
    *,
    seed: int,
    lead_edges_s: ArrayLike | None = None,
    hold: bool = False,
) -> Forecasts:
    """Generate forecasts of a curve: the truth with errors drawn from a model.

    Parameters
    ----------
    intensity : Intensity
        The curve; it covers every lead of every issue.
    model : ErrorModel
        How forecasts err. Errors per mean or standard deviation grow with that of the curve.
    issued : instants, shape (n,)
        When forecasts are issued, whole steps of the leads apart.
    seed : int
        Seed of the errors.
    lead_edges_s : array_like, shape (m + 1,), optional
        Edges of the leads [s], evenly spaced; by default those of the model. Between the leads
        of the model, quantiles and clock are interpolated.
    hold : bool
        Whether leads before the first and beyond the last of the model, and steps of another
        length, may take the errors of the nearest lead: a plain assumption, told in `source`.

    Returns
    -------
    Forecasts
        Labelled in its `source` as generated. An average is cut at 0 g/kWh, and the share of
        values that were cut stands in the label.

    Raises
    ------
    ValueError
        If leads are uneven or not those the model was fitted to, issue times do not fit them,
        or the curve is too short.
    """
    edges_s = model.lead_edges_s if lead_edges_s is None else np.asarray(lead_edges_s, np.float64)
    issued_s, edges_s = _asked(issued, edges_s)
    step_s = _even_step_s(edges_s)
    place = _places(issued_s, step_s)
    quantiles, clock, held = _at_leads(model, edges_s, hold)
    field = _field(model, clock, place, step_s, np.random.default_rng(seed))
    error = np.stack([np.interp(z, _SCORES, q) for z, q in zip(field.T, quantiles, strict=True)], 1)
    came = _means(intensity, issued_s, edges_s)
    values = came + error * _scale(model.scale, came)
    label = f"generated: truth with {model.source}{held}; seed {seed}"
    if intensity.kind == "average":
        low = values < 0
        label += f"; {100 * low.mean():.2g} % cut at 0" if low.any() else ""
        values[low] = 0.0
    return _forecasts(intensity, issued_s, edges_s, values, label)


def _at_leads(
    model: ErrorModel, edges_s: NDArray, hold: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Quantiles and clock at the middles of other leads, and what was held, in words."""
    known_s = (model.lead_edges_s[1:] + model.lead_edges_s[:-1]) / 2
    asked_s = (edges_s[1:] + edges_s[:-1]) / 2
    step_s = edges_s[1] - edges_s[0]
    outside = (asked_s < known_s[0] - 1e-6) | (asked_s > known_s[-1] + 1e-6)
    other = abs(step_s - model.step_s) > 1e-6
    if (outside.any() or other) and not hold:
        raise ValueError(
            f"leads {edges_s[0]:g} to {edges_s[-1]:g} s in steps of {step_s:g} s are not those of "
            f"the error model, {model.lead_edges_s[0]:g} to {model.lead_edges_s[-1]:g} s in steps "
            f"of {model.step_s:g} s: fit a model for them (merge_leads makes longer steps), or "
            "allow hold=True to assume the errors of the nearest lead."
        )
    held = f", held at {outside.sum()} of {asked_s.size} leads" if outside.any() else ""
    held += f", of steps of {model.step_s:g} s" if other else ""
    quantiles = np.stack([np.interp(asked_s, known_s, q) for q in model.quantiles.T], axis=1)
    return quantiles, np.interp(asked_s, known_s, model.clock), held


def _field(
    model: ErrorModel, clock: NDArray, place: NDArray, step_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Normal scores of the errors, shape (issues, leads): products of exponentials."""
    from scipy.signal import lfilter

    targets, leads = int(place[-1]) + clock.size, clock.size
    score = np.zeros((place.size, leads))
    for time_s, share in ((model.fast_s, 1 - model.slow_share), (model.slow_s, model.slow_share)):
        kept = np.exp(-step_s / time_s)
        column = np.zeros(targets)
        for lead in range(leads):
            fresh = rng.standard_normal(targets)
            fresh[1:] *= np.sqrt(1 - kept**2)
            fresh = lfilter([1.0], [1.0, -kept], fresh)  # along targets
            stays = np.exp(-(clock[lead] - clock[lead - 1])) if lead else 0.0
            column = stays * column + np.sqrt(1 - stays**2) * fresh  # from lead to lead
            score[:, lead] += np.sqrt(share) * column[place + lead]
    return score


def _asked(issued: Times, lead_edges_s: ArrayLike) -> tuple[NDArray, NDArray]:
    return np.atleast_1d(epoch_seconds(issued)), np.asarray(lead_edges_s, dtype=np.float64)


def _forecasts(
    of: Intensity, issued_s: NDArray, edges_s: NDArray, values: NDArray, name: str
) -> Forecasts:
    return Forecasts(issued_s, edges_s, values, of.kind, of.zone, f"{of.source}, {name}")


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


def _means(truth: Intensity, issued_s: NDArray, edges_s: NDArray) -> NDArray[np.float64]:
    starts_s = issued_s[:, None] + edges_s[:-1]
    return np.asarray(truth.mean(starts_s, issued_s[:, None] + edges_s[1:]))


def _judged(
    forecasts: Forecasts, truth: Intensity, keep: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which issues are judged, and what came at each of their leads."""
    same_kind(forecasts, truth)
    issued_s, edges_s = forecasts.issued_s, forecasts.lead_edges_s
    if keep is None:
        keep = (issued_s >= truth.edges_s[0]) & (issued_s + edges_s[-1] <= truth.edges_s[-1])
    if not np.any(keep):
        raise ValueError(
            f"no forecast is left to judge: {forecasts!r} against {truth!r}; load what came."
        )
    return np.asarray(keep), _means(truth, issued_s[keep], edges_s)


def _same_grid(forecasts: Forecasts, baseline: Forecasts) -> None:
    same_kind(forecasts, baseline)
    for name in ("issued_s", "lead_edges_s"):
        if not np.array_equal(getattr(forecasts, name), getattr(baseline, name)):
            raise ValueError(
                f"{name} of the baseline differ from those of the forecasts: issue both for the "
                "same times and leads, so that they are compared pair by pair."
            )


def _even_step_s(edges_s: NDArray) -> float:
    lengths_s = np.diff(edges_s)
    if np.ptp(lengths_s) > 1e-6:
        raise ValueError(
            f"leads of {lengths_s.min():g} to {lengths_s.max():g} s are uneven; errors are told "
            "and made for leads of equal length."
        )
    return float(lengths_s[0])


def _places(issued_s: NDArray, step_s: float) -> NDArray[np.int64]:
    """Issue times as whole steps since the first."""
    steps = (issued_s - issued_s[0]) / step_s
    off = np.flatnonzero(np.abs(steps - np.round(steps)) > 1e-6)
    if off.size:
        time = utc_times(issued_s[off[0]])[0]
        raise ValueError(
            f"issue time {time.isoformat()} is not a whole number of lead steps ({step_s:g} s) "
            "after the first; choose issue times on that grid."
        )
    return np.round(steps).astype(np.int64)


def _scale(scale: Scale, came: NDArray) -> float:
    if scale not in get_args(Scale):
        raise ValueError(
            f"scale(={scale!r}) must be one of {', '.join(map(repr, get_args(Scale)))}."
        )
    return {"g_per_kwh": 1.0, "mean": float(came.mean()), "sd": float(came.std())}[scale]
