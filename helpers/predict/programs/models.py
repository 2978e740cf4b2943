"""Models that predict a number of a program: from what its author says, from its graph, from both.

===============  ==================================================================
model            what it looks at
===============  ==================================================================
`Forest`         hyper-parameters: a random forest, a black box
`Boosting`       hyper-parameters, or sums over the graph: boosted trees
`Costs`          the graph: seconds per kind and amount of operator, none negative
`Hybrid`         the graph: those costs, and boosted trees on what they miss
===============  ==================================================================

All fit logarithms or relative errors, since programs differ by factors of thousands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from helpers.predict.programs.cost import CostModel
from helpers.predict.programs.table import Programs

__all__ = ["MODELS", "Boosting", "Costs", "Forest", "Hybrid", "Model"]

_TREES: Mapping[str, Any] = {
    "n_estimators": 200,
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_child_samples": 10,
    "colsample_bytree": 0.3,  # columns of a graph say the same thing many times
    "subsample": 0.8,
    "subsample_freq": 1,
    "reg_lambda": 1.0,
    "objective": "l1",  # of logarithms: the relative error that half of all programs have
    "random_state": 0,
    "n_jobs": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
_TRUST = 0.5  # of what the trees say: best of `_TRUSTS` on programs left out
_TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LEAVES = (7, 15)  # of a tree that corrects costs, where that is chosen, too
_FOLDS = 4  # of a hybrid: costs are judged on programs that they were not fitted to


class Model(Protocol):
    """What has learned a number of programs."""

    @classmethod
    def fit(cls, known: Programs, truth: NDArray[np.float64]) -> Self:
        """Return the model of programs whose number is known.

        Parameters
        ----------
        known : Programs
            What is learned from.
        truth : ndarray, shape (n,)
            Their numbers, all positive.
        """

    def predict(self, programs: Programs) -> NDArray[np.float64]:
        """Return the number of each program, shape (n,)."""


@dataclass(frozen=True)
class Forest:
    """A random forest on hyper-parameters [1]_.

    References
    ----------
    .. [1] L. Breiman, "Random forests", Machine Learning 45, 2001.
    """

    trees: Any = field(repr=False)

    @classmethod
    def fit(cls, known: Programs, truth: NDArray[np.float64]) -> Self:
        """Return the forest of programs whose number is known."""
        from sklearn.ensemble import RandomForestRegressor

        trees = RandomForestRegressor(200, max_features=0.4, random_state=0, n_jobs=1)
        return cls(trees.fit(known.hyper, np.log(truth)))

    def predict(self, programs: Programs) -> NDArray[np.float64]:
        """Return the number of each program, shape (n,)."""
        return np.exp(self.trees.predict(programs.hyper))


@dataclass(frozen=True)
class Boosting:
    """Boosted trees, on hyper-parameters or (`graph`) on amounts of operators."""

    trees: Any = field(repr=False)
    columns: Any = None

    @classmethod
    def fit(cls, known: Programs, truth: NDArray[np.float64], graph: bool = False) -> Self:
        """Return the trees of programs whose number is known."""
        columns = known.amounts.columns if graph else None
        return cls(_boosted(cls._table(known, columns), np.log(truth)), columns)

    @staticmethod
    def _table(programs: Programs, columns: Any) -> NDArray[np.float64]:
        if columns is None:
            return programs.hyper
        return np.log1p(programs.amounts.reindex(columns=columns, fill_value=0.0).to_numpy())

    def predict(self, programs: Programs) -> NDArray[np.float64]:
        """Return the number of each program, shape (n,)."""
        return np.exp(self.trees.predict(self._table(programs, self.columns)))


@dataclass(frozen=True)
class Costs:
    """The non-negative cost model, which explains itself: `helpers.predict.programs.cost`."""

    costs: CostModel

    @classmethod
    def fit(cls, known: Programs, truth: NDArray[np.float64]) -> Self:
        """Return the costs of programs whose number is known."""
        return cls(CostModel.fit(known.amounts, truth))

    def predict(self, programs: Programs) -> NDArray[np.float64]:
        """Return the number of each program, shape (n,)."""
        return self.costs.predict(programs.amounts)


@dataclass(frozen=True)
class Hybrid:
    """Costs, corrected by boosted trees that learned where costs are wrong.

    The trees learn the logarithm of truth over costs, the costs being those of a model that had
    not seen the program: they see amounts of operators and which share of the costs each kind has.
    """

    costs: CostModel
    trees: Any = field(repr=False)
    trust: float = _TRUST

    @classmethod
    def fit(cls, known: Programs, truth: NDArray[np.float64], choose: bool = False) -> Self:
        """Return the hybrid of programs whose number is known.

        Parameters
        ----------
        known, truth
            As in `Model.fit`.
        choose : bool
            Whether how large trees are and how far they are trusted is chosen on these programs,
            each predicted by trees that had not seen it: a score on others is then of everything
            that was chosen [1]_.

        References
        ----------
        .. [1] S. Varma, R. Simon, "Bias in error estimation when using cross-validation for model
           selection", BMC Bioinformatics 7:91, 2006.
        """
        table, fold = known.amounts, np.arange(len(known)) % _FOLDS
        said = np.empty(len(known))
        for k in range(_FOLDS):
            part = CostModel.fit(table[fold != k], truth[fold != k])
            said[fold == k] = part.predict(table[fold == k])
        costs = CostModel.fit(table, truth)
        seen, missed = _shares(costs, known), np.log(truth / said)
        leaves, trust = _chosen(seen, missed, fold) if choose else (_TREES["num_leaves"], _TRUST)
        return cls(costs, _boosted(seen, missed, leaves), trust)

    def predict(self, programs: Programs) -> NDArray[np.float64]:
        """Return the number of each program, shape (n,)."""
        return self.costs.predict(programs.amounts) * np.exp(
            self.trust * self.trees.predict(_shares(self.costs, programs))
        )


def _chosen(
    seen: NDArray[np.float64], missed: NDArray[np.float64], fold: NDArray[np.int64]
) -> tuple[int, float]:
    """Return leaves of a tree, and trust in trees, of least mean relative error left out."""
    errors = {}
    for leaves in _LEAVES:
        told = np.empty(len(missed))
        for k in range(_FOLDS):
            trees = _boosted(seen[fold != k], missed[fold != k], leaves)
            told[fold == k] = trees.predict(seen[fold == k])
        for trust in _TRUSTS:
            errors[leaves, trust] = np.abs(np.expm1(trust * told - missed)).mean()
    return min(errors, key=lambda pair: errors[pair])


def _shares(costs: CostModel, programs: Programs) -> NDArray[np.float64]:
    """Return what the trees of a hybrid see, one row a program."""
    table = programs.amounts.reindex(columns=costs.seconds.index, fill_value=0.0)
    parts = costs.explain(table).to_numpy()
    total = np.maximum(parts.sum(axis=1, keepdims=True), 1e-9)
    return np.column_stack([np.log(total), parts / total, np.log1p(table.to_numpy())])


def _boosted(
    table: NDArray[np.float64], result: NDArray[np.float64], leaves: int = _TREES["num_leaves"]
) -> Any:
    """Return boosted trees of a number."""
    from lightgbm import LGBMRegressor

    return LGBMRegressor(**{**_TREES, "num_leaves": leaves}).fit(table, result).booster_


MODELS: Mapping[str, Sequence[Any]] = {
    "forest on the table": (Forest, {}),
    "boosting on the table": (Boosting, {}),
    "boosting on the graph": (Boosting, {"graph": True}),
    "cost model": (Costs, {}),
    "hybrid": (Hybrid, {}),
    "hybrid, settings chosen inside": (Hybrid, {"choose": True}),
}
"""Models by name: a class and what its `fit` is told besides."""
