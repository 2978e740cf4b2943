"""How good predictions are: scores for outcomes that span six orders of magnitude.

A mean percentage error is not among them: on logs of jobs a few that end after a second decide it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

__all__ = ["SCORES", "by_week", "mean_percentage_error", "scores"]

SCORES = {
    "mean_error": "mean absolute error, in the unit of the outcome",
    "median_error": "median absolute error, in the unit of the outcome",
    "accuracy": "mean of the smaller over the larger of prediction and truth [1]; 1 is best",
    "log_error": "mean absolute error of the natural logarithm [1]",
    "under": "share of jobs predicted below what came [1]",
}
"""What `scores` gives."""


def scores(truth: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Return the scores of point predictions, as `SCORES` names them.

    Parameters
    ----------
    truth, predicted : array_like, shape (n,)
        What came and what was said, both > 0.

    Raises
    ------
    ValueError
        If shapes differ, there is nothing to score, or a value is not > 0.
    """
    y, p = (np.asarray(v, dtype=np.float64) for v in (truth, predicted))
    if y.shape != p.shape or not y.size:
        raise ValueError(
            f"truth has shape {y.shape}, predicted {p.shape}: both need one value a job."
        )
    for name, values in (("truth", y), ("predicted", p)):
        if not (values > 0).all():
            bad = values[~(values > 0)][0]
            raise ValueError(f"{name} holds {bad}: all must be > 0; leave such jobs out.")
    off = np.abs(p - y)
    return {
        "mean_error": float(off.mean()),
        "median_error": float(np.median(off)),
        "accuracy": float((np.minimum(p, y) / np.maximum(p, y)).mean()),
        "log_error": float(np.abs(np.log(p / y)).mean()),
        "under": float((p < y).mean()),
    }


def mean_percentage_error(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Return the mean absolute percentage error [%], to show what it is worth on logs of jobs."""
    y, p = (np.asarray(v, dtype=np.float64) for v in (truth, predicted))
    return float(100.0 * (np.abs(p - y) / y).mean())


def by_week(submit_s: ArrayLike, values: ArrayLike) -> pd.DataFrame:
    """Return the mean of a value for each week, counted from the first submission.

    Parameters
    ----------
    submit_s : array_like, shape (n,)
        Submissions [s].
    values : array_like, shape (n,)
        One value a job: covered or not, an error, ...

    Returns
    -------
    DataFrame
        One row a week with jobs, indexed by its number from 0: ``jobs``, ``mean``.
    """
    times = np.asarray(submit_s, dtype=np.float64)
    week = ((times - times.min()) // 604_800.0).astype(np.int64)
    grouped = pd.Series(np.asarray(values, dtype=np.float64)).groupby(week)
    return pd.DataFrame({"jobs": grouped.size(), "mean": grouped.mean()}).rename_axis("week")
