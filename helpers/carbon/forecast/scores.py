"""How good forecasts were, lead by lead, with intervals that respect how errors hang together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.forecast.leads import judged
from helpers.carbon.signal import Forecasts, Intensity, same_kind
from helpers.stats import block_weights

__all__ = ["scores"]

_DAY_S = 86400.0


# What is scored, against what, and how it is resampled: three things, each said once.
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
    keep, came = judged(forecasts, truth, keep)
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


def _same_grid(forecasts: Forecasts, baseline: Forecasts) -> None:
    same_kind(forecasts, baseline)
    for name in ("issued_s", "lead_edges_s"):
        if not np.array_equal(getattr(forecasts, name), getattr(baseline, name)):
            raise ValueError(
                f"{name} of the baseline differ from those of the forecasts: issue both for the "
                "same times and leads, so that they are compared pair by pair."
            )
