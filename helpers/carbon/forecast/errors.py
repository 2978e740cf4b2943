"""Errors of forecasts as a model: fitted to forecasts that were really issued, put on any curve.

What `with_errors` makes is *generated*, and its `source` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.forecast.leads import (
    asked,
    even_step_s,
    forecasts_of,
    judged,
    means_at_leads,
)
from helpers.carbon.signal import Forecasts, Intensity
from helpers.timeline import Times, utc_times

__all__ = ["ErrorModel", "fit_errors", "with_errors"]

#: Normal scores at which an error model keeps the quantiles of its errors.
_SCORES = np.linspace(-4.0, 4.0, 81)

Scale = Literal["g_per_kwh", "mean", "sd"]


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
    keep, came = judged(forecasts, truth, keep)
    issued_s, step_s = forecasts.issued_s[keep], even_step_s(forecasts.lead_edges_s)
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
        """Return by how much a sum of two decays misses what was seen."""
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
    issued_s, edges_s = asked(issued, edges_s)
    step_s = even_step_s(edges_s)
    place = _places(issued_s, step_s)
    quantiles, clock, held = _at_leads(model, edges_s, hold)
    field = _field(model, clock, place, step_s, np.random.default_rng(seed))
    error = np.stack([np.interp(z, _SCORES, q) for z, q in zip(field.T, quantiles, strict=True)], 1)
    came = means_at_leads(intensity, issued_s, edges_s)
    values = came + error * _scale(model.scale, came)
    label = f"generated: truth with {model.source}{held}; seed {seed}"
    if intensity.kind == "average":
        low = values < 0
        label += f"; {100 * low.mean():.2g} % cut at 0" if low.any() else ""
        values[low] = 0.0
    return forecasts_of(intensity, issued_s, edges_s, values, label)


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
