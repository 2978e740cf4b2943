"""A trained policy in the engine, with numpy alone: like any other policy, no torch.

A policy is kept as JSON: weights as numbers, what it was trained on, by which command, seed and
versions, its learning curve, and a checksum of the weights. Nothing in it can run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.decide.view import Job, View
from helpers.files import read_utf8, write_whole
from helpers.learn.commands import Commanded
from helpers.learn.observation import FEATURES, Observer
from helpers.learn.price import Price, as_price
from helpers.learn.rules import Rule

__all__ = ["Advised", "Learned", "Net"]

_FORMAT = "clean-hours policy 1"


class Advised(Commanded):
    """EASY under the orders of a rule, in the engine as in the environment.

    Parameters
    ----------
    rule : Rule
        What gives orders, whenever the observer says that something is to be asked.
    observer : Observer, optional
        When to ask, and what is known of lengths; by default at each step of the intensity.
    pauses, cap_share, backfill, name
        As for `Commanded`.
    """

    def __init__(self, rule: Rule, observer: Observer | None = None, **commanded: Any) -> None:
        super().__init__(**commanded)
        self.rule = rule
        self.observer = Observer(0, large_core_h=np.inf) if observer is None else observer

    def begin(self, view: View) -> None:
        """Let rule and observer forget."""
        super().begin(view)
        self.observer.begin(view)
        self.rule.begin(view)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits, and look at it anew."""
        super().amend(job, change)
        self.observer.look_at(job)

    def decide(self, view: View) -> None:
        """Ask for orders where it is time, and carry out those that stand."""
        if self.observer.due(view):
            self.observer.asks_next(view)
            self.command(view, self.rule.orders(view))
        super().decide(view)


@dataclass(frozen=True, eq=False)
class Net:
    """What scores `WAIT`, `RUN` and `CAPPED` for a row of features: two hidden layers.

    Parameters
    ----------
    weights : tuple of ndarray
        Matrix and offset of each layer, the last without tanh: shapes (n, m) and (m,) in turn.
    about : mapping
        How it came about; see `save`.

    Raises
    ------
    ValueError
        If shapes do not fit each other, `FEATURES` and three actions, or a weight is not finite.
    """

    weights: tuple[NDArray[np.float64], ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        width = len(FEATURES)
        if not self.weights or len(self.weights) % 2:
            raise ValueError(f"weights has {len(self.weights)} arrays: two a layer are needed.")
        for matrix, offset in zip(self.weights[::2], self.weights[1::2], strict=True):
            if matrix.ndim != 2 or matrix.shape[0] != width or offset.shape != matrix.shape[1:]:
                raise ValueError(
                    f"a layer of shapes {matrix.shape} and {offset.shape} does not fit what comes "
                    f"before it, {width} numbers; the first takes {len(FEATURES)} features."
                )
            width = matrix.shape[1]
        if width != 3 or not all(np.isfinite(array).all() for array in self.weights):
            raise ValueError(f"weights must be finite and end in 3 scores, not in {width}.")

    def scores(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Return a score for each action, shape (n, 3)."""
        layer = np.asarray(rows, dtype=np.float64)
        last = len(self.weights) - 2
        for place in range(0, len(self.weights), 2):
            layer = layer @ self.weights[place] + self.weights[place + 1]
            if place < last:
                layer = np.tanh(layer)
        return layer

    def best(self, rows: ArrayLike, masks: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the allowed action with the highest score for each row, shape (n,)."""
        return np.where(masks, self.scores(rows), -np.inf).argmax(axis=1)

    def text(self) -> str:
        """Return it as one line of JSON."""
        layers = [np.round(array, 6).tolist() for array in self.weights]
        body = {"format": _FORMAT, "features": list(FEATURES), "about": dict(self.about)}
        body |= {"sha256": _digest(layers), "weights": layers}
        return json.dumps(body, separators=(",", ": "))

    def save(self, path: str | os.PathLike) -> None:
        """Write it whole, as JSON."""
        write_whole(path, self.text() + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read a policy that was saved; raises as `parse`."""
        return cls.parse(*read_utf8(path))

    @classmethod
    def parse(cls, data: str | bytes, name: str = "the policy") -> Self:
        """Return a policy from its JSON.

        Raises
        ------
        ValueError
            If it is no such text, was changed, or looks at other features than this version.
        """
        try:
            body = json.loads(data)
            if body["format"] != _FORMAT:
                raise KeyError(body["format"])
            layers, told, seen = body["weights"], body["sha256"], body["features"]
            about = body["about"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{name} is no policy of the format {_FORMAT!r} ({error}): train one by "
                "python data/learn.py."
            ) from None
        if told != _digest(layers):
            raise ValueError(f"{name}: the weights are not those that were saved; train it again.")
        if seen != list(FEATURES):
            raise ValueError(
                f"{name} looks at {len(seen)} features that are not those of this version: train it again."
            )
        return cls(tuple(np.asarray(layer, dtype=np.float64) for layer in layers), about)


def _digest(layers: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(layers).encode()).hexdigest()


class _Scored(Rule):
    """What a net wants."""

    def __init__(self, net: Net, policy: Learned) -> None:
        self.net, self.policy = net, policy

    def begin(self, view: View) -> None:
        self.policy.price.begin(view)

    def orders(self, view: View) -> Any:
        policy = self.policy
        price_kwh = policy.price.now_kwh(view, policy.observer)
        asked = policy.observer.ask(view, policy, price_kwh)
        masks = asked.masks if policy.masked else np.ones_like(asked.masks)
        return asked.orders(self.net.best(asked.rows, masks))


class Learned(Advised):
    """A trained policy.

    Parameters
    ----------
    net : Net
        What was trained.
    price : float or Price
        What an hour of one job's delay is worth [kWh at the mean intensity of the week before], or
        a price that follows the delay.
    lengths_s : mapping, optional
        From job id to quantiles of its run time [s]; without, a job is taken to run as long as it
        asked for.
    slots : int
        How many jobs it is asked about one by one.
    large_core_h : float
        Jobs with at least so much work are asked about when they arrive [core-h].
    forecast : bool
        Whether it sees the forecast.
    masked : bool
        Whether it is told what it may not do; otherwise what it may not do is not carried out.
    **commanded
        As for `Commanded`.
    """

    def __init__(
        self,
        net: Net,
        price: float | Price,
        lengths_s: Mapping[Hashable, Sequence[float]] | None = None,
        *,
        slots: int = 16,
        large_core_h: float = 20.0,
        forecast: bool = True,
        masked: bool = True,
        **commanded: Any,
    ) -> None:
        observer = Observer(slots, lengths_s, large_core_h=large_core_h, forecast=forecast)
        super().__init__(_Scored(net, self), observer, **({"name": "learned"} | commanded))
        self.price, self.masked = as_price(price), masked
