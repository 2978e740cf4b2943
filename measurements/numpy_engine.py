"""A small classifier in numpy: stands in for the real job where there is no PyTorch or GPU.

It trains, saves and resumes for real, so that the whole campaign can be tried in seconds; its
power says nothing about a training job, and a campaign that uses it is labelled as simulated.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Engine"]

_HIDDEN = 16
_BATCH = 64
_RATE, _MOMENTUM, _DROPOUT = 0.1, 0.9, 0.1


class Engine:
    """One hidden layer on hashed bags of words, trained by gradient descent with dropout.

    Parameters
    ----------
    tokens : ndarray of int, shape (n, length)
        Encoded sentences.
    positive : ndarray of bool, shape (n,)
        Their labels. Every tenth sentence is held out.
    seed : int
        Seed of weights, order and dropout.
    """

    device = "cpu"
    vocabulary = 512
    length = 32

    def __init__(self, tokens: NDArray[np.int64], positive: NDArray[np.bool_], seed: int) -> None:
        self.versions = {"numpy": np.__version__}
        bags = np.zeros((len(tokens), self.vocabulary))
        np.add.at(bags, (np.arange(len(tokens))[:, None], tokens), 1.0)
        bags[:, 0] = 0.0
        held_out = np.arange(len(tokens)) % 10 == 9
        self._x, self._y = bags[~held_out], positive[~held_out].astype(float)
        self._test_x, self._test_y = bags[held_out], positive[held_out]
        self._rng = np.random.default_rng(seed)
        self._weights = {
            "a": self._rng.normal(0, 0.05, (self.vocabulary, _HIDDEN)),
            "b": self._rng.normal(0, 0.05, _HIDDEN),
        }
        self._momenta = {name: np.zeros_like(w) for name, w in self._weights.items()}
        self._order, self._position = self._rng.permutation(len(self._x)), 0

    def train(self, steps: int) -> float:
        """Take some steps; return the mean loss."""
        return float(np.mean([self._step() for _ in range(steps)]))

    def _step(self) -> float:
        if self._position + _BATCH > len(self._order):
            self._order, self._position = self._rng.permutation(len(self._x)), 0
        rows = self._order[self._position : self._position + _BATCH]
        self._position += _BATCH
        x, y = self._x[rows], self._y[rows]
        keep = self._rng.random((len(rows), _HIDDEN)) > _DROPOUT
        hidden = np.tanh(x @ self._weights["a"]) * keep
        p = 1 / (1 + np.exp(-hidden @ self._weights["b"]))
        error = (p - y) / len(y)
        back = np.outer(error, self._weights["b"]) * keep * (1 - hidden**2)
        for name, gradient in (("a", x.T @ back), ("b", hidden.T @ error)):
            self._momenta[name] = _MOMENTUM * self._momenta[name] - _RATE * gradient
            self._weights[name] = self._weights[name] + self._momenta[name]
        p = np.clip(p, 1e-9, 1 - 1e-9)
        return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

    def evaluate(self, steps: int) -> float:
        """Return the accuracy on up to `steps` batches that were held out."""
        x, y = self._test_x[: steps * _BATCH], self._test_y[: steps * _BATCH]
        score = np.tanh(x @ self._weights["a"]) @ self._weights["b"]
        return float(np.mean((score > 0) == y))

    def save(self, path: Path, progress: dict[str, Any]) -> None:
        """Write a checkpoint in one step: weights, momenta, order of data, random numbers."""
        temporary = path.with_suffix(".tmp")
        arrays = {f"w_{k}": v for k, v in self._weights.items()}
        arrays |= {f"m_{k}": v for k, v in self._momenta.items()}
        state = json.dumps([self._rng.bit_generator.state, self._position, progress])
        with temporary.open("wb") as file:
            np.savez(file, order=self._order, state=np.array(state), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def load(self, path: Path) -> dict[str, Any]:
        """Go on where a checkpoint was written; return the progress it was given."""
        with np.load(path) as saved:
            for name in self._weights:
                self._weights[name] = saved[f"w_{name}"]
                self._momenta[name] = saved[f"m_{name}"]
            self._order = saved["order"]
            self._rng.bit_generator.state, self._position, progress = json.loads(
                str(saved["state"])
            )
        return progress

    def digest(self) -> str:
        """Return the sha256 of all weights."""
        parts = (self._weights[name].tobytes() for name in sorted(self._weights))
        return hashlib.sha256(b"".join(parts)).hexdigest()
