"""Programs as tables: what they are, their operators, and what was measured of them.

Three tables, kept as Parquet: ``programs`` (one row a program), ``operators`` (one row an operator
and program, equal ones counted) and ``edges`` (what feeds what).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.predict.programs.cost import amounts
from helpers.predict.programs.graph import COLUMNS

__all__ = ["HYPER", "Programs"]

HYPER = (
    *("family", "optimiser", "batch", "depth", "width", "inputs", "kernel", "size", "length"),
    *("heads", "activation", "cell"),
)
"""What an author says of a program: all that a black box sees."""

_TEXTS = ("family", "optimiser", "activation", "cell")


@dataclass(frozen=True)
class Programs:
    """Programs and their operators.

    Parameters
    ----------
    facts : pandas.DataFrame
        One row a program, index ``program``: its `HYPER` where they are known, the sizes of its
        buffers [bytes] where it was compiled and ``run_s`` [s] where it was measured.
    operators, edges : pandas.DataFrame
        Rows with a column ``program`` and what `helpers.predict.programs.graph` gives; an edge
        names operators by their place among the rows of its program.

    Raises
    ------
    ValueError
        If a column is missing, or a program has no operators.
    """

    facts: pd.DataFrame
    operators: pd.DataFrame
    edges: pd.DataFrame

    def __post_init__(self) -> None:
        missing = {"program", *COLUMNS} - set(self.operators.columns)
        missing |= {"program", "source", "target", "count"} - set(self.edges.columns)
        if missing:
            raise ValueError(
                f"the tables lack {', '.join(sorted(missing))}: read them by Programs.read, or "
                "make them by describe."
            )
        bare = self.facts.index.difference(pd.Index(self.operators["program"]))
        if len(bare):
            raise ValueError(
                f"program {bare[0]} has no operators: leave it out of facts, or describe it anew."
            )

    @classmethod
    def of(cls, programs: pd.DataFrame, operators: pd.DataFrame, edges: pd.DataFrame) -> Self:
        """Return the programs of three tables as they are stored, ``program`` being a column."""
        return cls(programs.set_index("program"), operators.astype({"kind": str}), edges)

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def run_s(self) -> NDArray[np.float64]:
        """Measured run times [s], shape (n,)."""
        return self.facts["run_s"].to_numpy(np.float64)

    @property
    def families(self) -> NDArray[np.str_]:
        """The family of each, shape (n,); "" where it is not known."""
        return self.facts["family"].to_numpy(str)

    @property
    def memory_bytes(self) -> NDArray[np.float64]:
        """What a call holds [bytes]: arguments, results and what is between, shape (n,)."""
        parts = ["argument_bytes", "output_bytes", "temporary_bytes"]
        return self.facts[parts].sum(axis=1, min_count=3).to_numpy(np.float64)

    @cached_property
    def amounts(self) -> pd.DataFrame:
        """How much of what each computes: `helpers.predict.programs.cost.amounts`."""
        return amounts(self.operators, self.facts.index)

    @property
    def hyper(self) -> NDArray[np.float64]:
        """What their author says of them, texts as numbers, shape (n, k)."""
        columns = []
        for name in HYPER:
            values = self.facts[name]
            if name in _TEXTS:
                known = {"": 0, **{text: i for i, text in enumerate(_WORDS[name], 1)}}
                values = values.map(known)
            columns.append(values.to_numpy(np.float64))
        return np.column_stack(columns)

    def select(self, which: Iterable[int] | NDArray[np.bool_]) -> Self:
        """Return some of them: places, or one truth a program."""
        places = np.asarray(list(which) if not isinstance(which, np.ndarray) else which)
        facts = self.facts.iloc[np.flatnonzero(places) if places.dtype == bool else places]
        inside = self.operators["program"].isin(facts.index)
        between = self.edges["program"].isin(facts.index)
        found = type(self)(facts, self.operators[inside], self.edges[between])
        if "amounts" in vars(self):  # computed once: cross-validation selects many times
            vars(found)["amounts"] = self.amounts.loc[facts.index]
        return found


_WORDS = {
    "family": ("perceptron", "convolution", "transformer", "recurrent"),
    "optimiser": ("none", "sgd", "adam"),
    "activation": ("relu", "gelu", "tanh"),
    "cell": ("gru", "lstm"),
}
