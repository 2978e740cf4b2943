"""Watch a predictor from week to week, and raise an alarm when it no longer fits its jobs.

Two rules, fixed beforehand. *Coverage*: fewer of a week's jobs than `LEAST_COVERED` came to lie in
their interval. *Error*: the week's mean absolute log error is more than three standard deviations
above the mean of the earlier weeks that raised no alarm, of which there must be four, as in a
control chart [1]_. A week of few jobs is shown and not judged. A week's jobs resemble each other, so
that an alarm is a reason to look, not a proof.

References
----------
.. [1] W. A. Shewhart, *Economic Control of Quality of Manufactured Product*, 1931.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.predict.scores import by_week

__all__ = ["FEWEST", "LEAST_COVERED", "chosen_steps", "watch"]

LEAST_COVERED = 0.85
"""Share of a week's jobs in their interval below which there is an alarm [1]."""

FEWEST = 30
"""Jobs without which a week is not judged."""

_EARLIER = 4
_DEVIATIONS = 3.0


def watch(
    submit_s: ArrayLike,
    covered: ArrayLike,
    log_error: ArrayLike,
    *,
    least_covered: float = LEAST_COVERED,
    fewest: int = FEWEST,
) -> pd.DataFrame:
    """Return how predictions did in each week, and where there is an alarm.

    Parameters
    ----------
    submit_s : array_like, shape (n,)
        Submissions [s].
    covered : array_like of bool, shape (n,)
        Whether what came lay in the interval.
    log_error : array_like, shape (n,)
        Absolute error of the natural logarithm of each prediction [1].
    least_covered : float
        Share covered below which there is an alarm [1].
    fewest : int
        Jobs without which a week is not judged.

    Returns
    -------
    DataFrame
        One row a week with jobs, indexed by its number: ``jobs``, ``covered``, ``log_error`` and
        ``alarm``: "", "coverage", "error" or "coverage, error"; "few jobs" where it is not judged.
    """
    weeks = by_week(submit_s, covered).rename(columns={"mean": "covered"})
    weeks["log_error"] = by_week(submit_s, log_error)["mean"]
    told: list[str] = []
    quiet: list[float] = []
    for jobs, share, error in weeks.to_numpy(dtype=np.float64).tolist():
        if jobs < fewest:
            told.append("few jobs")
            continue
        words = ["coverage"] if share < least_covered else []
        if len(quiet) >= _EARLIER:
            limit = float(np.mean(quiet) + _DEVIATIONS * np.std(quiet, ddof=1))
            words += ["error"] if error > limit else []
        if not words:
            quiet.append(error)
        told.append(", ".join(words))
    return weeks.assign(alarm=told)


def chosen_steps(weeks: pd.DataFrame, *, least_covered: float = LEAST_COVERED) -> pd.DataFrame:
    """Choose for each week how fast quantiles are tracked, from the weeks before it alone.

    The slowest step that covered enough in every earlier week, else the one whose worst week was
    best; in the first week the slowest of all. Slow steps keep intervals narrow, fast ones follow
    a changed crowd.

    Parameters
    ----------
    weeks : DataFrame
        One row a step and week: ``step``, ``week`` and ``covered``; each step has every week.
    least_covered : float
        What is enough [1].

    Returns
    -------
    DataFrame
        Indexed by week: ``step`` and ``covered``.
    """
    table = weeks.pivot_table("covered", "week", "step")
    chosen = []
    for place in range(len(table)):
        worst = table.iloc[:place].min() if place else pd.Series(1.0, table.columns)
        enough = worst[worst >= least_covered]
        step = enough.index[0] if len(enough) else worst.idxmax()
        chosen.append((step, table[step].iloc[place]))
    return pd.DataFrame(chosen, columns=["step", "covered"], index=table.index)
