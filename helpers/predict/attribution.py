"""What moved a prediction: contributions of features, by the boosting library's own TreeSHAP.

LightGBM computes Shapley values of its trees exactly [1]_. They add up: the contributions of a job
and the mean prediction are what was predicted of it. They say what the trees did, not what made the
job long: where two features go together, the trees could have used either, and what one is given
the other lacks. `together` names such pairs. `absent` says what the trees predict when a feature
is not known.

References
----------
.. [1] S. M. Lundberg et al., "From local explanations to global understanding with explainable AI
   for trees", Nature Machine Intelligence 2, 2020.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.predict.boosting import Trees

__all__ = ["CorrelatedFeaturesWarning", "absent", "contributions", "importance", "together"]


class CorrelatedFeaturesWarning(UserWarning):
    """What is said of one feature may as well be said of another."""


def contributions(
    trees: Trees, table: pd.DataFrame, *, level: float = 0.5, least: float = 0.9
) -> pd.DataFrame:
    """Return what each feature adds to what is predicted of each job.

    Parameters
    ----------
    trees : Trees
        What was learned.
    table : DataFrame, shape (n, m)
        Features of the jobs, NaN where not known.
    level : float
        Which quantile; of a chance there is but one.
    least : float
        Rank correlation from which on a pair of features is warned of [1].

    Returns
    -------
    DataFrame, shape (n, m + 1)
        A column a feature and ``mean``, in the unit of what was learned (logarithms, where a
        logarithm was; log-odds of a chance). Each row adds up to the prediction, before
        quantiles are put in order.

    Raises
    ------
    ValueError
        If the trees do not predict this level, or look at another number of features.

    Warns
    -----
    CorrelatedFeaturesWarning
        If features of `table` go together.
    """
    which = _set(trees, level)
    columns = _checked(trees, table)
    pairs = together(table, least)
    if len(pairs):
        named = "; ".join(f"{a} and {b} ({r:+.2f})" for a, b, r in pairs.head(3).to_numpy())
        warnings.warn(
            f"{len(pairs)} pairs of features go together, such as {named}: what one is given the "
            "other lacks.",
            CorrelatedFeaturesWarning,
            stacklevel=2,
        )
    found = trees._sets[which].predict(columns, pred_contrib=True, num_threads=1)
    return pd.DataFrame(np.asarray(found), index=table.index, columns=[*table.columns, "mean"])


def importance(contributed: pd.DataFrame) -> pd.Series:
    """Return the mean size of each feature's contributions, largest first; see `contributions`."""
    sizes = contributed.drop(columns="mean").abs().mean()
    return sizes.sort_values(ascending=False, kind="stable")


def absent(
    trees: Trees, table: pd.DataFrame, features: Sequence[str], *, level: float = 0.5
) -> NDArray[np.float64]:
    """Return by how much each prediction changes if some features are not known, shape (n,).

    Parameters
    ----------
    trees, table, level
        As for `contributions`.
    features : sequence of str
        Columns of `table` that are then missing.

    Raises
    ------
    ValueError
        If a feature is no column, or as `contributions`.
    """
    strangers = [name for name in features if name not in table]
    if strangers:
        raise ValueError(f"{strangers[0]!r} is no feature: choose of {', '.join(table.columns)}.")
    one, columns = trees._sets[_set(trees, level)], _checked(trees, table)
    without = _checked(trees, table.assign(**dict.fromkeys(features, np.nan)))
    then, now = (np.asarray(one.predict(x, num_threads=1)) for x in (without, columns))
    return then - now


def together(table: pd.DataFrame, least: float = 0.9) -> pd.DataFrame:
    """Return the pairs of features that go together.

    Parameters
    ----------
    table : DataFrame, shape (n, m)
        Features.
    least : float
        Size of Spearman's rank correlation from which on a pair is listed [1].

    Returns
    -------
    DataFrame
        One row a pair, the closest first: ``first``, ``second``, ``correlation``. Features that
        are constant, or known together of less than three jobs, go with nothing.
    """
    ranks = table.astype(float).corr("spearman", min_periods=3).to_numpy()
    upper = np.triu(np.nan_to_num(ranks), 1)
    first, second = np.nonzero(np.abs(upper) >= least)
    names = table.columns.to_numpy()
    pairs = pd.DataFrame(
        {
            "first": names[first],
            "second": names[second],
            "correlation": upper[first, second],
        }
    )
    order = pairs["correlation"].abs().argsort(kind="stable")[::-1]
    return pairs.iloc[order].reset_index(drop=True)


def _set(trees: Trees, level: float) -> int:
    if not trees.levels:
        return 0
    if level not in trees.levels:
        told = ", ".join(f"{one:g}" for one in trees.levels)
        raise ValueError(f"level(={level:g}) is not predicted: choose of {told}.")
    return trees.levels.index(level)


def _checked(trees: Trees, table: pd.DataFrame) -> ArrayLike:
    if table.shape[1] != trees.width:
        raise ValueError(
            f"the table has {table.shape[1]} columns, the trees look at {trees.width} features."
        )
    return table.to_numpy(np.float32)
