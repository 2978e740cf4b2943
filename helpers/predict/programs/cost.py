"""A cost model that explains itself: seconds per kind and amount of operator, none negative.

The run time of a program is the sum over its operators of unit costs times amounts: so much a call,
so much an element, so much a byte that does not fit a cache [1]_ [2]_. The unit costs are found by
non-negative least squares on *relative* errors, reweighted towards the absolute relative error, so
that a program of 50 microseconds counts as much as one of a second and a few odd ones move little.

References
----------
.. [1] S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model
   for multicore architectures", Communications of the ACM 52(4), 2009.
.. [2] C. L. Lawson, R. J. Hanson, "Solving least squares problems", 1974, chapter 23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["LARGE_BYTES", "TILE", "CostModel", "amounts"]

LARGE_BYTES = {"beyond L1": 32 * 2**10, "beyond L2": 2**20, "beyond L3": 32 * 2**20}
"""From what size on an operator's data are counted as beyond a cache [bytes]: of one core here."""

HELD_BYTES = {"program of 1 MB": 2**20, "program of 8 MB": 2**23, "program of 24 MB": 3 * 2**23}
"""From what size of arguments and results on all bytes of a program cost more [bytes]."""

TILE = 16
"""Columns of a product that a core computes side by side: 16 of 4 bytes in a vector of 64 [1]."""

_REWEIGHTED = 8  # rounds: after about as many the order of errors no longer moves
_RARE = 0.01  # amounts that fewer programs have, or fewer than three, are not fitted
# Unit costs are drawn towards zero by as much as one program says: what few programs have would
# else be told by their noise, and is wrong by factors elsewhere.
_RIDGE = 1.0
_LEAST_S = 1e-7  # of a prediction, so that its logarithm exists


def amounts(operators: pd.DataFrame, programs: pd.Index) -> pd.DataFrame:
    """Return how much of what each program computes, one row a program.

    Parameters
    ----------
    operators : pandas.DataFrame
        Columns ``program`` and `helpers.predict.programs.graph.COLUMNS`.
    programs : pandas.Index
        Numbers of the programs, in the order of the rows asked for.

    Returns
    -------
    pandas.DataFrame
        One row a program, one column ``(kind, amount)``: calls [1], work [1], bytes [bytes], and
        what a kind has besides.
    """
    rows = operators[operators["program"].isin(programs)]
    kind, kinds = pd.factorize(rows["kind"], sort=True)
    cell = programs.get_indexer(pd.Index(rows["program"])) * len(kinds) + kind
    size = len(programs) * len(kinds)
    columns, parts = [], []
    for amount, value in _terms(rows).items():
        summed = np.bincount(cell, value, size).reshape(len(programs), len(kinds))
        there = summed.any(axis=0)
        columns += [(name, amount) for name in np.asarray(kinds)[there]]
        parts.append(summed[:, there])
    wide = pd.DataFrame(np.hstack(parts), programs)
    wide.columns = pd.MultiIndex.from_tuples(columns, names=["kind", "amount"])
    return wide.sort_index(axis=1)


def _terms(rows: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return each operator's amounts, all its calls together."""
    calls = rows["calls"].to_numpy(np.float64)
    product = rows["rows"].to_numpy() > 0
    read = (rows["bytes_in"] + rows["bytes_out"]).to_numpy(np.float64)
    work = rows["work"].to_numpy(np.float64)
    found = {"calls": calls, "work": calls * work}
    outer = calls * read
    found["bytes"] = outer
    ends = rows["kind"].isin(("argument", "result")).to_numpy()
    moved = pd.Series(np.where(ends, calls * read, 0.0))
    held = moved.groupby(rows["program"].to_numpy()).transform("sum").to_numpy()
    outer[ends] = 0.0  # read and written by the operators that use them
    for name, least in LARGE_BYTES.items():
        found[f"bytes {name}"] = np.where(read > least, outer, 0.0)
    for name, least in HELD_BYTES.items():
        found[f"bytes, {name}"] = np.where(held > least, outer, 0.0)
    batch, high, wide, deep = (
        rows[n].to_numpy(np.float64) for n in ("batch", "rows", "columns", "depth")
    )
    many = calls * np.maximum(batch, 1) * product
    tiles = np.ceil(wide / TILE) * TILE
    found["tiled work"] = many * 2 * high * tiles * deep
    found["left"] = many * high * deep
    found["right"] = many * deep * wide
    found["right beyond L2"] = many * deep * wide * (4 * deep * wide > LARGE_BYTES["beyond L2"])
    found["patches"] = many * high * rows["window"].to_numpy(np.float64)
    found["result"] = many * high * wide
    found["sums"] = np.where(~product & (deep > 0), calls * work / np.maximum(deep, 1), 0.0)
    return found


@dataclass(frozen=True)
class CostModel:
    """Seconds per kind and amount of operator.

    Parameters
    ----------
    seconds : pandas.Series
        Unit costs, index ``(kind, amount)`` [s per unit], none negative.
    base_s : float
        What every call costs [s].
    """

    seconds: pd.Series
    base_s: float

    @classmethod
    def fit(cls, table: pd.DataFrame, run_s: ArrayLike) -> Self:
        """Return the model that fits programs best, by their relative error.

        Parameters
        ----------
        table : pandas.DataFrame
            What `amounts` gives, one row a program.
        run_s : array_like, shape (n,)
            Their run times [s].

        Raises
        ------
        ValueError
            If a run time is not positive, or there are not as many as rows.
        """
        from scipy.optimize import nnls

        run = np.asarray(run_s, np.float64)
        if len(run) != len(table) or not (run > 0).all():
            raise ValueError(
                f"run_s must be one positive number for each of {len(table)} programs: "
                "leave out what was not measured."
            )
        common = (table > 0).sum() >= max(_RARE * len(run), 3)
        table = table.loc[:, common]
        relative = np.column_stack([np.ones(len(run)), table.to_numpy(np.float64)]) / run[:, None]
        scale = np.maximum(relative.max(0), 1e-300)
        relative /= scale
        drawn = np.sqrt(_RIDGE) * np.eye(len(scale))
        weights = np.ones(len(run))
        for _ in range(_REWEIGHTED):
            left = np.vstack([relative * weights[:, None], drawn])
            found, _ = nnls(left, np.append(weights, np.zeros(len(scale))), maxiter=50_000)
            off = np.abs(relative @ found - 1)
            weights = 1 / np.sqrt(np.maximum(off, 0.03))  # within 3 % all errors weigh the same
        units = found / scale
        return cls(pd.Series(units[1:], table.columns), float(units[0]))

    def predict(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Return run times [s], one a row; an operator never seen costs nothing here."""
        known = table.reindex(columns=self.seconds.index, fill_value=0.0).to_numpy(np.float64)
        return np.maximum(self.base_s + known @ self.seconds.to_numpy(), _LEAST_S)

    def explain(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return where the seconds go: one row a program, one column a kind [s]."""
        known = table.reindex(columns=self.seconds.index, fill_value=0.0) * self.seconds
        kinds = known.T.groupby(level="kind").sum().T
        return kinds.assign(**{"every call": self.base_s})
