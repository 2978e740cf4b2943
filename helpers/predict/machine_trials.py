"""How well settings are predicted that were left out, by five models.

Five models: a forest and boosted trees on the table of hardware and settings; physics alone; and
two hybrids, physics with boosted trees or a Gaussian process on what it leaves
(`helpers.predict.machines`). Each sees the same settings and says the same others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.predict.machines import OUTCOMES, Machines, WhiteBox, data_sheets, left_out
from helpers.stats import ratio_of_sums

__all__ = ["MODELS", "Part", "errors", "parts", "trial"]

_TOLD = ["time_s", "power_w"]


class Part(NamedTuple):
    """Which settings are learned from and which are predicted.

    ``kind`` says how they were drawn, ``name`` what was left out, ``seed`` which draw it is.
    """

    kind: str
    name: str
    seed: int
    known: NDArray[np.bool_]
    asked: NDArray[np.bool_]


def parts(measured: pd.DataFrame, draws: int = 3) -> Iterator[Part]:
    """Return the splits of a table: seen, unseen curves, and each GPU and network left out.

    Parameters
    ----------
    measured : DataFrame
        As `helpers.predict.machines.settings` gives it.
    draws : int
        How often what is drawn at random is drawn, >= 1.

    Notes
    -----
    *Plus a fifth* comes twice: a fifth of the settings of what was left out, and a fifth of its
    curves, so that the others are known under no limit at all.
    """
    for new, kind in (("limit", "seen"), ("batch", "unseen curve")):
        for seed in range(draws):
            asked = next(left_out(measured, new, seed))
            yield Part(kind, "", seed, ~asked, asked)
    for column in ("gpu", "network"):
        for name in sorted(measured[column].unique()):
            out = (measured[column] == name).to_numpy()
            yield Part(f"unseen {column}", name, 0, ~out, out)
            own = measured[out]
            for new, words in (("limit", "a fifth of settings"), ("batch", "a fifth of curves")):
                for seed in range(draws):
                    fifth = np.zeros_like(out)
                    fifth[out] = next(left_out(own, new, seed))
                    yield Part(f"unseen {column}, {words}", name, seed, ~out | fifth, out & ~fifth)


def _table(settings: pd.DataFrame, tasks: list[str]) -> NDArray[np.float64]:
    """Return what a table holds of settings as numbers; a task never seen has none, -1."""
    number = pd.Index(tasks).get_indexer(pd.Index(settings["task"]))
    limit_w = settings["cap_w"].to_numpy()
    sheet = data_sheets(settings)
    batch = np.log(settings["batch_size"].to_numpy(np.float64))
    return np.column_stack([number, batch, limit_w, limit_w / sheet[:, 2], sheet])


def _forest(columns: NDArray, result: NDArray, asked: NDArray) -> NDArray:
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(100, max_features=0.7, random_state=0, n_jobs=1)
    return forest.fit(columns, result).predict(asked)


def _boosted(columns: NDArray, result: NDArray, asked: NDArray) -> NDArray:
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=200, min_samples_leaf=5, random_state=0
    )
    return trees.fit(columns, result).predict(asked)


def _from_table(learn: Callable, known: pd.DataFrame, asked: pd.DataFrame) -> NDArray:
    tasks = sorted(known["task"].unique())
    columns = [_table(part, tasks) for part in (known, asked)]
    rows = [learn(columns[0], np.log(known[name].to_numpy()), columns[1]) for name in _TOLD]
    return np.exp(np.column_stack(rows))


def _by_physics(known: pd.DataFrame, asked: pd.DataFrame) -> NDArray:
    return WhiteBox.fit(known).predict(asked)[_TOLD].to_numpy()


def _boosted_rest(known: pd.DataFrame, asked: pd.DataFrame) -> NDArray:
    physics, tasks = WhiteBox.fit(known), sorted(known["task"].unique())
    said = [physics.predict(part)[_TOLD].to_numpy() for part in (known, asked)]
    columns = [
        np.column_stack([_table(part, tasks), np.log(own)])
        for part, own in zip((known, asked), said, strict=True)
    ]
    rest = np.log(known[_TOLD].to_numpy() / said[0])
    left = [_boosted(columns[0], rest[:, i], columns[1]) for i in range(len(_TOLD))]
    return said[1] * np.exp(np.column_stack(left))


def _smooth_rest(known: pd.DataFrame, asked: pd.DataFrame) -> NDArray:
    return Machines(known).expected(asked)[_TOLD].to_numpy()


MODELS: Mapping[str, Callable[[pd.DataFrame, pd.DataFrame], NDArray]] = {
    "forest": lambda known, asked: _from_table(_forest, known, asked),
    "boosting": lambda known, asked: _from_table(_boosted, known, asked),
    "physics": _by_physics,
    "physics + boosting": _boosted_rest,
    "physics + process": _smooth_rest,
}
"""Time and power of settings asked about, shape (n, 2), from settings known: table baselines,
physics, and physics with what it leaves. NaN where a model refuses."""


def trial(measured: pd.DataFrame, part: Part, *, intervals: bool = True) -> pd.DataFrame:
    """Return the error of every model on every setting of a split, and whether it was covered.

    Parameters
    ----------
    measured : DataFrame
        Settings.
    part : Part
        A split of them.
    intervals : bool
        False leaves out the intervals of `Machines`.

    Returns
    -------
    DataFrame
        One row a model, outcome and setting asked about: ``model, outcome, curve`` (a number for
        each GPU, task and batch size), ``error`` [%], NaN where refused, ``inside`` its interval
        (NaN for models without), ``width`` of the interval (high over low), ``new`` and ``doubt``.
    """
    known, asked = measured[part.known], measured[part.asked]
    curve = measured.groupby(["gpu", "task", "batch_size"]).ngroup().to_numpy()[part.asked]
    truth, found = asked[list(OUTCOMES)].to_numpy(), []
    for name, model in MODELS.items():
        said = model(known, asked)
        off = 100 * np.abs(np.column_stack([said, said.prod(axis=1)]) / truth - 1)
        for i, outcome in enumerate(OUTCOMES):
            row = {"model": name, "outcome": outcome, "curve": curve, "error": off[:, i]}
            found.append(pd.DataFrame(row))
    if intervals:
        told = Machines(known).predict(asked)
        for outcome, own in zip(OUTCOMES, found[-len(OUTCOMES) :], strict=True):
            low, high = told[f"{outcome}_low"].to_numpy(), told[f"{outcome}_high"].to_numpy()
            came = asked[outcome].to_numpy()
            refused = np.isnan(low)
            own["inside"] = np.where(refused, np.nan, (low <= came) & (came <= high))
            own["width"] = high / low
            own["new"], own["doubt"] = told["new"].to_numpy(), told["doubt"].to_numpy()
            own.loc[refused, "error"] = np.nan
    return pd.concat(found, ignore_index=True)


def errors(tried: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return mean and median errors of each model and outcome, with intervals.

    Parameters
    ----------
    tried : DataFrame
        What `trial` gave, of one split or of several draws of one.
    seed : int
        Of the bootstrap, which draws whole curves: limits of one are no independent cases.

    Returns
    -------
    DataFrame
        One row a model and outcome: ``mean`` absolute error with ``low`` and ``high`` of its 95 %
        interval, ``median`` [%], ``settings`` and ``refused`` counts, and of models with intervals
        ``covered`` [%], median ``width`` [1] and ``flagged`` [%].
    """
    rows = []
    for (model, outcome), own in tried.groupby(["model", "outcome"], sort=False):
        told = own.dropna(subset="error")
        mean = low = high = np.nan
        if len(told):
            sums = told.groupby("curve")["error"].agg(["sum", "size"]).to_numpy().T
            mean = float(sums[0].sum() / sums[1].sum())
            if sums.shape[1] > 1:
                over = ratio_of_sums(sums[0], sums[1], seed=seed, resamples=1999)
                low, high = over.low, over.high
        row = {"model": model, "outcome": outcome, "mean": mean, "low": low, "high": high}
        row |= {"median": told["error"].median(), "settings": len(own)}
        row["refused"] = len(own) - len(told)
        if "new" in own and own["new"].notna().any():  # a model with intervals
            row["covered"] = 100 * own["inside"].mean()
            row["width"] = own["width"].median()
            row["flagged"] = 100 * float((own["doubt"].fillna("") != "").mean())
        rows.append(row)
    return pd.DataFrame(rows)
