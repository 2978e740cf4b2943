"""Boosted trees: quantiles of a number, or the chance of an event, from features of jobs.

Gradient boosting by LightGBM [1]_. What was learned is kept as the library's own text, which holds
numbers and no code, so that reading a model runs nothing; `pickle` would run whatever it is given.

References
----------
.. [1] G. Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Trees"]

_SETTINGS: Mapping[str, Any] = {
    "num_leaves": 31,
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.7,
    # One thread and one order of sums: the same trees on every machine of a kind.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
    "verbose": -1,
}
_ROUNDS = 100


@dataclass(frozen=True)
class Trees:
    """Boosted trees, one set a level.

    Parameters
    ----------
    levels : tuple of float
        Levels of the quantiles they give, rising within (0, 1) [1]; empty for a chance.
    text : tuple of str
        LightGBM's text of each set; one set for a chance.
    width : int
        How many features they look at.

    Raises
    ------
    ValueError
        If there is not one text a level, or LightGBM cannot read one, or it has another width.
    """

    levels: tuple[float, ...]
    text: tuple[str, ...] = field(repr=False)
    width: int

    def __post_init__(self) -> None:
        if len(self.text) != max(len(self.levels), 1):
            raise ValueError(
                f"{len(self.levels)} levels and {len(self.text)} texts: each level needs its own."
            )

    @classmethod
    def quantiles(cls, table: ArrayLike, result: ArrayLike, levels: Sequence[float]) -> Self:
        """Learn quantiles.

        Parameters
        ----------
        table : array_like, shape (n, m)
            Features; NaN where not known.
        result : array_like, shape (n,)
            What came, finite.
        levels : sequence of float
            Levels, rising [1].
        """
        columns = np.asarray(table, dtype=np.float32)
        told = [{"objective": "quantile", "alpha": float(level)} for level in levels]
        texts = _learned(columns, np.asarray(result, dtype=np.float64), told)
        return cls(tuple(float(level) for level in levels), texts, columns.shape[1])

    @classmethod
    def chance(cls, table: ArrayLike, happened: ArrayLike) -> Self:
        """Learn the chance of an event from features, shape (n, m), and whether it happened."""
        columns = np.asarray(table, dtype=np.float32)
        came = np.asarray(happened, dtype=np.float64)
        return cls((), _learned(columns, came, [{"objective": "binary"}]), columns.shape[1])

    @cached_property
    def _sets(self) -> list[Any]:
        import lightgbm

        try:
            # Told to be quiet in the text's own way: LightGBM prints otherwise.
            sets = [lightgbm.Booster(model_str=text) for text in self.text]
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"this is no text of boosted trees: {error}") from None
        wide = [one.num_feature() for one in sets if one.num_feature() != self.width]
        if wide:
            raise ValueError(
                f"trees look at {wide[0]} features, not at {self.width}: another model."
            )
        return sets

    def predict(self, table: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles, rising along each row, shape (n, k); of a chance [1], shape (n,).

        Raises
        ------
        ValueError
            If the table has another number of columns than the trees look at.
        """
        columns = np.atleast_2d(np.asarray(table, dtype=np.float32))
        if columns.shape[1] != self.width:
            raise ValueError(
                f"the table has {columns.shape[1]} columns, the trees look at {self.width} features."
            )
        found = [one.predict(columns, num_threads=1) for one in self._sets]
        if not self.levels:
            return np.asarray(found[0])
        return np.sort(np.column_stack(found), axis=1)  # quantiles learned apart may cross


def _learned(columns: NDArray, result: NDArray, told: Sequence[Mapping]) -> tuple[str, ...]:
    import lightgbm

    data = lightgbm.Dataset(columns, result, free_raw_data=False, params=dict(_SETTINGS))
    return tuple(
        lightgbm.train({**_SETTINGS, **one}, data, _ROUNDS).model_to_string() for one in told
    )
