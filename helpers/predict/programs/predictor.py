"""A number of a program with its interval, and a flag where the estimate must not be trusted.

The interval is split-conformal [1]_ on logarithms: each known program is predicted by a model that
was not fitted to it, and the interval is as wide as nine tenths of those errors, in proportion to
the error that is expected of a program like this one. That holds for programs of the kind that was
known. For others there is a flag, and an interval from errors on families that were wholly left
out; where operators were never seen, nothing bounds the number, and the interval says so.

References
----------
.. [1] J. Lei et al., "Distribution-free predictive inference for regression", Journal of the
   American Statistical Association 113, 2018, section 2.2 and equation 10.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.files import read_bytes, write_whole
from helpers.predict.programs.cost import CostModel
from helpers.predict.programs.models import MODELS, Hybrid, Model
from helpers.predict.programs.table import Programs

__all__ = ["RANGE", "Known", "ProgramPredictor", "fit", "folds", "left_out"]

Target = Literal["run_s", "memory_bytes"]

RANGE = 1.5
"""How many times the largest known amount of an operator is still no extrapolation [1]."""

_PLAIN = ("calls", "work", "bytes")  # amounts that are compared with what was known
_FORM = "programs/2"  # of the file; raised when what it holds is understood otherwise
_FOLDS = 5
_NEVER = 0.01  # share of the work that operators never seen may have before all bounds are off


def folds(count: int, parts: int = _FOLDS, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """Yield which of `count` programs are left out, in each of so many parts."""
    fold = np.random.default_rng(seed).permutation(count) % parts
    for k in range(parts):
        yield fold == k


def left_out(known: Programs, truth: NDArray[np.float64], name: str = "hybrid") -> NDArray:
    """Return each program's number as predicted by a model that was not fitted to it."""
    kind, said = MODELS[name]
    found = np.empty(len(known))
    for out in folds(len(known)):
        model: Model = kind.fit(known.select(~out), truth[~out], **said)
        found[out] = model.predict(known.select(out))
    return found


@dataclass(frozen=True)
class Known:
    """What was known when a model was fitted: it tells what is beyond.

    Parameters
    ----------
    most : pandas.Series
        The largest amount of each operator in one program, index ``(kind, amount)``.
    least, largest : float
        Of all numbers.
    """

    most: pd.Series
    least: float
    largest: float

    def beyond(self, programs: Programs) -> list[str]:
        """Return for each program what it has that was not known, in words; "" for nothing."""
        table = programs.amounts
        table = table.loc[:, table.columns.get_level_values("amount").isin(_PLAIN)]
        kinds = set(self.most.index.get_level_values("kind"))
        told = []
        for number in programs.facts.index:
            own = table.loc[number]
            own = own[own > 0]
            never = sorted(set(own.index.get_level_values("kind")) - kinds)
            times = own / self.most.reindex(own.index)
            if never:
                share = self._share(programs.operators, number, never)
                told.append(f"never seen ({share:.0%} of its work): {', '.join(never)}")
            elif (times > RANGE).any():
                kind, amount = times.idxmax()
                told.append(f"{times.max():.3g} times the {amount} of {kind} known")
            else:
                told.append("")
        return told

    def never(self, programs: Programs) -> NDArray[np.float64]:
        """Return the share of each program's work that operators never seen do; a loop does all."""
        kinds = set(self.most.index.get_level_values("kind"))
        found = []
        for number in programs.facts.index:
            here = set(
                programs.amounts.columns[
                    programs.amounts.loc[number].to_numpy() > 0
                ].get_level_values(0)
            )
            new = sorted(here - kinds)
            found.append(self._share(programs.operators, number, new) if new else 0.0)
        return np.array(found)

    @staticmethod
    def _share(operators: pd.DataFrame, number: int, never: list[str]) -> float:
        rows = operators[operators["program"] == number]
        if "loop" in never:
            return 1.0  # everything in its body runs as never before
        work = rows["calls"] * rows["work"]
        return float(work[rows["kind"].isin(never)].sum() / max(work.sum(), 1))


@dataclass(frozen=True)
class ProgramPredictor:
    """A model of programs with intervals.

    Parameters
    ----------
    model : Model
        Of `MODELS`.
    name : str
        Its name there.
    level : float
        Share of programs that lie in their interval [1].
    width, wide : float
        How many times its expected error an interval goes to either side, of programs of the kind
        known and of others, as logarithms [1].
    spread : object
        Trees that expect the error of a program.
    known : Known
        What was known.
    """

    model: Any = field(repr=False)
    name: str
    level: float
    width: float
    wide: float
    spread: Any = field(repr=False)
    known: Known = field(repr=False)

    def predict(self, programs: Programs) -> pd.DataFrame:
        """Return the number of each program with its interval.

        Returns
        -------
        pandas.DataFrame
            Index of the programs. ``value``, ``low`` and ``high`` [s or bytes]; ``flagged``:
            whether it extrapolates; ``why``: in which respect. Where operators never seen do more
            than a hundredth of the work, ``low`` is 0 and ``high`` infinite.
        """
        value = self.model.predict(programs)
        why = self.known.beyond(programs)
        flagged = np.array([bool(text) for text in why])
        around = np.where(flagged, self.wide, self.width * self._expected(programs))
        low, high = value * np.exp(-around), value * np.exp(around)
        refused = self.known.never(programs) > _NEVER
        columns = {
            "value": value,
            "low": np.where(refused, 0.0, low),
            "high": np.where(refused, np.inf, high),
            "flagged": flagged,
            "why": why,
        }
        return pd.DataFrame(columns, index=programs.facts.index)

    def save(self, path: str | os.PathLike) -> None:
        """Write the predictor as numbers in JSON, compressed if the name ends so; it holds no code.

        Raises
        ------
        ValueError
            If its model is another than the hybrid.
        """
        if not isinstance(self.model, Hybrid):
            raise ValueError(f"{self.name} is not kept: fit it again, or keep the hybrid.")
        trees, columns = self.spread
        known, costs = self.known, self.model.costs
        told = {
            "form": _FORM,
            **{n: getattr(self, n) for n in ("name", "level", "width", "wide")},
            "costs": _listed(costs.seconds) | {"base_s": costs.base_s},
            "trees": self.model.trees.model_to_string(),
            "trust": self.model.trust,
            "spread": {"trees": trees.model_to_string(), "columns": list(columns)},
            "known": _listed(known.most) | {"least": known.least, "largest": known.largest},
        }
        write_whole(path, json.dumps(told))

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Return the predictor that `save` wrote.

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        from lightgbm import Booster

        try:
            told = json.loads(read_bytes(path)[0])
        except ValueError as error:
            raise ValueError(
                f"{path} is no JSON: give the file that ProgramPredictor.save wrote."
            ) from error
        if not isinstance(told, dict) or told.get("form") != _FORM:
            raise ValueError(
                f"{path} holds no predictor: give the file that ProgramPredictor.save wrote."
            )
        costs = CostModel(_series(told["costs"]), told["costs"]["base_s"])
        known = told["known"]
        columns = pd.MultiIndex.from_tuples(
            [tuple(pair) for pair in told["spread"]["columns"]], names=["kind", "amount"]
        )
        return cls(
            Hybrid(costs, Booster(model_str=told["trees"]), told["trust"]),
            told["name"],
            told["level"],
            told["width"],
            told["wide"],
            (Booster(model_str=told["spread"]["trees"]), columns),
            Known(_series(known), known["least"], known["largest"]),
        )

    def _expected(self, programs: Programs) -> NDArray[np.float64]:
        return _expected(self.spread, programs)


def fit(
    known: Programs, *, target: Target = "run_s", level: float = 0.9, name: str = "hybrid"
) -> ProgramPredictor:
    """Return a predictor of one number, fitted to programs that were measured.

    Parameters
    ----------
    known : Programs
        Programs with that number; of several families, or nothing tells how wrong it is on others.
    target : {"run_s", "memory_bytes"}
        The number: run time [s], or memory [bytes].
    level : float
        Share of programs that shall lie in their interval [1].
    name : str
        One of `MODELS`.

    Raises
    ------
    ValueError
        If a program lacks the number, or `level` is none of (0, 1).
    """
    truth = np.asarray(getattr(known, target), np.float64)
    if not (0 < level < 1):
        raise ValueError(f"level(={level}) must be between 0 and 1: nine tenths are 0.9.")
    if not (truth > 0).all():
        raise ValueError(f"{target} must be known of every program: leave out the others.")
    kind, said = MODELS[name]
    off = np.abs(np.log(truth / left_out(known, truth, name)))
    spread = _spread(known, off)
    # The spread has seen these errors; judged by it left out, an interval is not too narrow.
    expected = np.empty(len(known))
    for out in folds(len(known), seed=1):
        expected[out] = _expected(_spread(known.select(~out), off[~out]), known.select(out))
    width = _quantile(off / expected, level)
    others = []
    for family in np.unique(known.families):
        out = known.families == family
        if out.all():
            break
        model = kind.fit(known.select(~out), truth[~out], **said)
        others.append(np.abs(np.log(truth[out] / model.predict(known.select(out)))))
    # One family in so many fools every model; a quantile over all families together holds it, too.
    wide = _quantile(np.concatenate(others), level) if others else np.inf
    largest = known.amounts.max()
    most = Known(largest[largest > 0], float(truth.min()), float(truth.max()))
    return ProgramPredictor(kind.fit(known, truth, **said), name, level, width, wide, spread, most)


def _listed(series: pd.Series) -> dict[str, Any]:
    """Return a series by kind and amount as JSON has it."""
    return {"index": [list(pair) for pair in series.index], "values": series.tolist()}


def _series(told: dict[str, Any]) -> pd.Series:
    """Return what `_listed` told."""
    pairs = [tuple(pair) for pair in told["index"]]
    return pd.Series(told["values"], pd.MultiIndex.from_tuples(pairs, names=["kind", "amount"]))


def _quantile(values: NDArray[np.float64], level: float) -> float:
    """Return the conformal quantile: of one value more, which may be anything."""
    rank = int(np.ceil((len(values) + 1) * level))
    return float(np.sort(values)[rank - 1]) if rank <= len(values) else float("inf")


def _spread(known: Programs, off: NDArray[np.float64]) -> Any:
    """Return trees that expect the size of an error, few and shallow: errors are mostly noise."""
    from lightgbm import LGBMRegressor

    settings: dict[str, Any] = {
        "n_estimators": 60,
        "learning_rate": 0.05,
        "num_leaves": 5,
        "n_jobs": 1,
    }
    settings |= {"min_child_samples": 30, "random_state": 0, "verbose": -1, "objective": "l1"}
    settings |= {"deterministic": True, "force_row_wise": True, "colsample_bytree": 0.3}
    columns = known.amounts.columns
    trees = LGBMRegressor(**settings).fit(np.log1p(known.amounts.to_numpy()), off).booster_
    return trees, columns


def _expected(spread: Any, programs: Programs) -> NDArray[np.float64]:
    """Return the expected error of each program, as a logarithm, none below a hundredth."""
    trees, columns = spread
    table = programs.amounts.reindex(columns=columns, fill_value=0.0)
    return np.maximum(trees.predict(np.log1p(table.to_numpy())), 0.01)
