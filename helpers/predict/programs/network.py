"""A graph network over the operators of a program, in plain PyTorch (extra `learn`).

Every operator gets a positive cost from a small perceptron over its kind, its sizes and what
feeds it and what it feeds [1]_; the run time is the sum of costs times calls. So it adds up as the
cost model does, but a unit cost may depend on everything around.

References
----------
.. [1] J. Gilmer et al., "Neural message passing for quantum chemistry", ICML 2017, section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.extras import extra
from helpers.predict.programs.table import Programs

__all__ = ["Network"]

_SIZES = ("bytes_in", "bytes_out", "work", "batch", "rows", "columns", "depth", "window")
_WIDTH, _EMBEDDED, _ROUNDS = 48, 12, 2
_BATCH = 32
_USUAL_LOG_S = -13.0  # a microsecond or so: where the costs of operators start


def torch_modules() -> tuple[Any, Any]:
    """Return the modules `torch` and `torch.nn`.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed; the message says how to get it.
    """
    return extra("torch", of="learn"), extra("torch.nn", of="learn")


@dataclass(frozen=True)
class Network:
    """A trained graph network.

    Parameters
    ----------
    kinds : tuple of str
        Kinds of operators that it knows; all others are one more.
    weights : mapping of str to ndarray
        Its weights by name.
    """

    kinds: tuple[str, ...]
    weights: Mapping[str, NDArray] = field(repr=False)

    @classmethod
    def fit(
        cls, known: Programs, truth: NDArray[np.float64], epochs: int = 60, seed: int = 0
    ) -> Self:
        """Return the network trained on programs whose number is known.

        Parameters
        ----------
        known, truth
            As in `helpers.predict.programs.models.Model.fit`.
        epochs : int
            How often each program is seen.
        seed : int
            Of first weights and of the order.
        """
        torch, _ = torch_modules()
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        kinds = tuple(sorted(known.operators["kind"].unique()))
        graphs, net = _graphs(known, kinds), _net(len(kinds))
        optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-4)
        steps = epochs * -(-len(known) // _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=steps)
        wanted = torch.tensor(np.log(truth), dtype=torch.float32)
        random = np.random.default_rng(seed)
        for _ in range(epochs):
            for some in _batches(random.permutation(len(known))):
                loss = (net(*_joined(graphs, some)) - wanted[some]).abs().mean()
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimiser.step()
                schedule.step()
        return cls(kinds, {name: value.numpy() for name, value in net.state_dict().items()})

    def predict(self, programs: Programs) -> NDArray[np.float64]:
        """Return the number of each program, shape (n,)."""
        torch, _ = torch_modules()
        net = _net(len(self.kinds))
        net.load_state_dict({name: torch.tensor(w) for name, w in self.weights.items()})
        graphs = _graphs(programs, self.kinds)
        with torch.no_grad():
            parts = [
                net(*_joined(graphs, some)).numpy() for some in _batches(np.arange(len(programs)))
            ]
        return np.exp(np.concatenate(parts).astype(np.float64))


def _batches(order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield places of programs, some at a time."""
    for start in range(0, len(order), _BATCH):
        yield order[start : start + _BATCH]


def _graphs(programs: Programs, kinds: Sequence[str]) -> list[tuple[Any, Any, Any, Any]]:
    """Return sizes, kinds, calls and edges of each program as tensors."""
    torch, _ = torch_modules()
    place = {kind: i for i, kind in enumerate(kinds)}
    operators = dict(iter(programs.operators.groupby("program", sort=False)))
    edges = dict(iter(programs.edges.groupby("program", sort=False)))
    found = []
    for number in programs.facts.index:
        rows = operators[number]
        between = edges.get(number, pd.DataFrame({"source": [0], "target": [0]}))
        found.append(
            (
                torch.tensor(np.log1p(rows[list(_SIZES)].to_numpy(np.float32)) / 10),
                torch.tensor([place.get(kind, len(kinds)) for kind in rows["kind"]]),
                torch.tensor(rows["calls"].to_numpy(np.float32)),
                torch.tensor(between[["source", "target"]].to_numpy(np.int64).T),
            )
        )
    return found


def _joined(graphs: Sequence[tuple[Any, ...]], some: NDArray[np.int64]) -> tuple[Any, ...]:
    """Return some graphs as one, and which program each operator is of."""
    torch, _ = torch_modules()
    chosen = [graphs[i] for i in some]
    counts = [len(calls) for _, _, calls, _ in chosen]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).tolist()
    edges = [between + start for (*_, between), start in zip(chosen, starts, strict=True)]
    sizes, kinds, calls = (torch.cat([graph[i] for graph in chosen]) for i in range(3))
    owner = torch.repeat_interleave(torch.arange(len(chosen)), torch.tensor(counts))
    return sizes, kinds, calls, torch.cat(edges, 1), owner, len(chosen)


def _net(kinds: int) -> Any:
    """Return the network, its weights as drawn."""
    torch, nn = torch_modules()

    def mean(rows: Any, of: Any, to: Any) -> Any:
        summed = torch.zeros_like(rows).index_add_(0, to, rows[of])
        count = torch.zeros(len(rows), 1).index_add_(0, to, torch.ones(len(to), 1))
        return summed / count.clamp(min=1)

    class Net(nn.Module):  # type: ignore[name-defined]
        """Costs of operators, added up: the logarithm of a run time [log s]."""

        def __init__(self) -> None:
            super().__init__()
            self.kind = nn.Embedding(kinds + 1, _EMBEDDED)
            self.first = nn.Linear(len(_SIZES) + _EMBEDDED, _WIDTH)
            self.rounds = nn.ModuleList([nn.Linear(3 * _WIDTH, _WIDTH) for _ in range(_ROUNDS)])
            self.last = nn.Sequential(nn.Linear(_WIDTH, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, 1))
            self.base = nn.Parameter(torch.tensor(-11.0))

        def forward(
            self, sizes: Any, kind: Any, calls: Any, edges: Any, owner: Any, count: int
        ) -> Any:
            rows = nn.functional.silu(self.first(torch.cat([sizes, self.kind(kind)], 1)))
            for turn in self.rounds:
                before, after = mean(rows, edges[0], edges[1]), mean(rows, edges[1], edges[0])
                rows = rows + nn.functional.silu(turn(torch.cat([rows, before, after], 1)))
            cost = torch.exp(self.last(rows)[:, 0].clamp(-12, 12) + _USUAL_LOG_S) * calls
            return torch.log(torch.zeros(count).index_add_(0, owner, cost) + torch.exp(self.base))

    return Net()
