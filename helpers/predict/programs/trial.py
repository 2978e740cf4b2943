"""How good a model of programs is: on programs like the known ones, and on families never seen.

``seen``: each program is predicted by a model fitted to nine tenths of all. ``unseen``: by
one that knows nothing of its family. ``fifth``: by one that knows a fifth of its family besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.predict.programs.predictor import folds
from helpers.predict.programs.table import Programs

__all__ = ["by_small_runs", "curve", "percentage_errors", "seen", "unseen"]

Fit = Callable[[Programs, NDArray[np.float64]], Any]
"""What fits a model: programs and their numbers in, a `Model` out."""


def percentage_errors(truth: NDArray[np.float64], said: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return absolute percentage errors [%]."""
    return 100 * np.abs(said - truth) / truth


def seen(fit: Fit, known: Programs, truth: NDArray[np.float64], parts: int = 10) -> NDArray:
    """Return each program's number by a model that was not fitted to it, shape (n,)."""
    said = np.empty(len(known))
    for out in folds(len(known), parts):
        said[out] = fit(known.select(~out), truth[~out]).predict(known.select(out))
    return said


def unseen(
    fit: Fit, known: Programs, truth: NDArray[np.float64], share: float = 0.0, seed: int = 0
) -> NDArray:
    """Return each program's number by a model that knows a share of its family only, shape (n,).

    Parameters
    ----------
    fit : callable
        What fits a model.
    known : Programs
        Programs of several families; operators alone, if there are any, are always known.
    truth : ndarray, shape (n,)
        Their numbers.
    share : float
        How much of the left-out family is known after all, drawn by `seed` [1].
    seed : int
        Of that draw.

    Returns
    -------
    ndarray
        NaN where a program was among the known share, or is an operator alone.
    """
    said = np.full(len(known), np.nan)
    random = np.random.default_rng(seed)
    for family in np.setdiff1d(known.families, ["operator"]):
        own = random.permutation(np.flatnonzero(known.families == family))
        few, out = np.split(own, [round(share * len(own))])
        others = np.concatenate([np.flatnonzero(known.families != family), few])
        said[out] = fit(known.select(others), truth[others]).predict(known.select(out))
    return said


def curve(
    fit: Fit,
    known: Programs,
    truth: NDArray[np.float64],
    sizes: Sequence[int],
    repeats: int = 3,
) -> pd.DataFrame:
    """Return errors by number of known programs, judged on a fifth that is never among them.

    Returns
    -------
    pandas.DataFrame
        Columns ``size`` [1], ``repeat``, ``mean`` and ``median`` percentage error [%].
    """
    rows = []
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(len(known))
        test, rest = np.split(order, [len(order) // 5])
        for size in sizes:
            few = rest[:size]
            said = fit(known.select(few), truth[few]).predict(known.select(test))
            off = percentage_errors(truth[test], said)
            rows.append(
                {"size": len(few), "repeat": repeat, "mean": off.mean(), "median": np.median(off)}
            )
    return pd.DataFrame(rows)


def by_small_runs(fit: Fit, known: Programs) -> pd.DataFrame:
    """Return run times of full programs predicted from runs on a part of their batch.

    Returns
    -------
    pandas.DataFrame
        One row a full program that was run small, too: ``run_s`` as measured, and what it is said
        to be [s]: in proportion to the batch (``proportion``), by the line through two small runs
        (``line``), by the model alone (``model``), and by the model times what it missed on the
        small run (``scaled``). The model knew neither the program nor its small runs.
    """
    facts = known.facts
    small = facts[facts["parts"] > 1]
    full = small["full"].unique()
    said = pd.Series(np.nan, facts.index)
    groups = facts["full"].to_numpy()
    for chosen in np.array_split(np.random.default_rng(0).permutation(full), 5):
        out = np.isin(groups, chosen)
        model = fit(known.select(~out), known.run_s[~out])
        said[facts.index[out]] = model.predict(known.select(out))
    rows = []
    for number in full:
        runs = small[small["full"] == number].sort_values("parts")
        less, more = runs.iloc[-1], runs.iloc[0]  # the smaller and the larger of the small runs
        slope = (more["run_s"] - less["run_s"]) / max(more["batch"] - less["batch"], 1)
        batch = facts.loc[number, "batch"]
        rows.append(
            {
                "program": number,
                "run_s": facts.loc[number, "run_s"],
                "proportion": more["run_s"] * batch / more["batch"],
                "line": max(more["run_s"] + slope * (batch - more["batch"]), more["run_s"]),
                "model": said[number],
                "scaled": said[number] * more["run_s"] / said[more.name],
            }
        )
    return pd.DataFrame(rows).set_index("program")
