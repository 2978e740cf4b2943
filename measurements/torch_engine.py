"""A small transformer in PyTorch, with random weights, trained to tell positive from negative.

Nothing is downloaded: weights are initialised from a seed.
A checkpoint holds all that a resumed run needs to go on as if it had never stopped: weights,
optimiser, random number generators, and where it is in which order of the data.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before torch: exact repetition

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["Engine"]

_BATCH = 256
_RATE = 1e-4


class _Classifier(nn.Module):
    """Token and position embedding, encoder layers, mean over tokens, one logit.

    Padding is not masked (it would forbid the fastest exact attention): its vector stays zero.
    """

    def __init__(self, vocabulary: int, length: int, width: int, layers: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width, padding_idx=0)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(
            width,
            nhead=width // 64,
            dim_feedforward=4 * width,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(self.tokens(tokens) + self.positions)
        return self.head(hidden.mean(dim=1)).squeeze(-1)


class Engine:
    """The transformer with its optimiser, its data and their order.

    Parameters
    ----------
    tokens : ndarray of int, shape (n, length)
        Encoded sentences.
    positive : ndarray of bool, shape (n,)
        Their labels. Every tenth sentence is held out.
    seed : int
        Seed of weights, order and dropout.
    width, layers : int
        Size of the model; the width is a multiple of 64, one attention head for each 64.
    batch : int
        Sentences in a step.
    """

    vocabulary = 8192
    length = 64

    def __init__(
        self,
        tokens: NDArray[np.int64],
        positive: NDArray[np.bool_],
        seed: int,
        *,
        width: int = 768,
        layers: int = 6,
        batch: int = _BATCH,
    ) -> None:
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.versions = {"torch": torch.__version__, "cuda": torch.version.cuda}
        torch.manual_seed(seed)
        self._batch = batch
        self._order_rng = torch.Generator().manual_seed(seed)
        self._model = _Classifier(self.vocabulary, self.length, width, layers).to(self.device)
        self._optimiser = torch.optim.AdamW(self._model.parameters(), lr=_RATE)
        x, y = torch.from_numpy(tokens), torch.from_numpy(positive.astype(np.float32))
        held_out = torch.arange(len(x)) % 10 == 9
        self._x, self._y = x[~held_out].to(self.device), y[~held_out].to(self.device)
        self._test_x, self._test_y = x[held_out].to(self.device), y[held_out].to(self.device)
        self._shuffle()
        self._wait()

    def _shuffle(self) -> None:
        self._order = torch.randperm(len(self._x), generator=self._order_rng)
        self._position = 0

    def _wait(self) -> None:
        """Wait for the GPU, so that a phase ends when its work does."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.device, dtype=torch.bfloat16):
            return self._model(x)

    def train(self, steps: int) -> float:
        """Take some steps; return the mean loss."""
        self._model.train()
        total = torch.zeros((), device=self.device)
        for _ in range(steps):
            if self._position + self._batch > len(self._order):
                self._shuffle()
            rows = self._order[self._position : self._position + self._batch].to(self.device)
            self._position += self._batch
            loss = nn.functional.binary_cross_entropy_with_logits(
                self._forward(self._x[rows]).float(), self._y[rows]
            )
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self._optimiser.step()
            total += loss.detach()
        self._wait()
        return float(total) / steps

    @torch.no_grad()
    def evaluate(self, steps: int) -> float:
        """Return the accuracy over `steps` batches of what was held out, again from the start."""
        self._model.eval()
        right = count = 0
        for step in range(steps):
            rows = torch.arange(step * self._batch, (step + 1) * self._batch) % len(self._test_x)
            rows = rows.to(self.device)
            right += ((self._forward(self._test_x[rows]) > 0) == (self._test_y[rows] > 0)).sum()
            count += len(rows)
        self._wait()
        return float(right) / count

    def save(self, path: Path, progress: dict[str, Any]) -> None:
        """Write a checkpoint in one step, and have it on the disk."""
        state = {
            "model": self._model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if self.device == "cuda" else [],
            "order_rng": self._order_rng.get_state(),
            "order": self._order,
            "position": self._position,
            "progress": progress,
        }
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def load(self, path: Path) -> dict[str, Any]:
        """Go on where a checkpoint was written; return the progress it was given."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["rng"])
        if self.device == "cuda":
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        self._order_rng.set_state(state["order_rng"])
        self._order, self._position = state["order"], state["position"]
        self._wait()
        return state["progress"]

    def digest(self) -> str:
        """Return the sha256 of all weights."""
        digest = hashlib.sha256()
        for _, tensor in sorted(self._model.state_dict().items()):
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
