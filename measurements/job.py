"""The job that is measured: train a classifier, with checkpoints, and say where it is.

It runs whole, stops after or just before a checkpoint, resumes from the newest one, or only
starts up.
What it reached is written as JSON, with a digest of the weights: a job that was stopped and
resumed must reach those of a job that ran whole.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.power import events

__all__ = ["evaluation_steps", "main"]


def evaluation_steps(steps: int) -> int:
    """Return over how many batches an epoch of some training steps is evaluated."""
    return max(1, steps // 2)


class _Stopwatch:
    """Marks phases as events, and keeps how long each took [s]."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start_s = time.perf_counter()
        with events.phase(name):
            yield
        self.seconds[name] = round(time.perf_counter() - start_s, 6)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m measurements.job", description=__doc__)
    parser.add_argument("--engine", choices=("torch", "numpy"), default="torch")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--result", type=Path, required=True, help="where the result is written")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=200, help="training steps in an epoch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--text", type=Path, help="source archive of vaderSentiment 3.3.2")
    parser.add_argument("--width", type=int, help="width of the transformer")
    parser.add_argument("--layers", type=int, help="layers of the transformer")
    parser.add_argument("--batch", type=int, help="sentences in a step of the transformer")
    parser.add_argument("--startup-only", action="store_true", help="end before training")
    parser.add_argument("--stop-after", type=int, help="end after the checkpoint of this epoch")
    parser.add_argument("--stop-before", type=int, help="end before the checkpoint of this epoch")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    return parser


def _start(args: argparse.Namespace, watch: _Stopwatch) -> tuple[Any, str]:
    """Import, load the data, build the model; return the engine and where the text is from."""
    with watch.phase("import libraries"):
        import numpy as np

        from measurements import text

        engine_class = importlib.import_module(f"measurements.{args.engine}_engine").Engine
    with watch.phase("load data"):
        data = text.load(args.text, seed=args.seed)
        tokens = text.encode(data, length=engine_class.length, vocabulary=engine_class.vocabulary)
    with watch.phase("build model"):
        sizes = {k: getattr(args, k) for k in ("width", "layers", "batch")}
        engine = engine_class(
            tokens,
            np.array(data.positive),
            args.seed,
            **{name: size for name, size in sizes.items() if size is not None},
        )
    return engine, data.source


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("epoch-*.checkpoint"))
    if not found:
        raise FileNotFoundError(f"{folder} holds no checkpoint to resume from.")
    return found[-1]


def _train(args: argparse.Namespace, engine: Any, watch: _Stopwatch) -> dict[str, Any]:
    """Train epoch by epoch, from the beginning or the newest checkpoint, until told to stop."""
    progress: dict[str, Any] = {"epoch": 0, "losses": [], "accuracies": []}
    if args.resume:
        with watch.phase("load checkpoint"):
            progress = engine.load(_newest(args.checkpoints))
    looks = evaluation_steps(args.steps)
    for epoch in range(progress["epoch"] + 1, args.epochs + 1):
        with watch.phase(f"epoch {epoch} train"):
            loss = engine.train(args.steps)
        with watch.phase(f"epoch {epoch} evaluate"):
            accuracy = engine.evaluate(looks)
        if args.stop_before == epoch:
            return progress
        progress = {
            "epoch": epoch,
            "losses": [*progress["losses"], loss],
            "accuracies": [*progress["accuracies"], accuracy],
        }
        with watch.phase(f"epoch {epoch} save"):
            engine.save(args.checkpoints / f"epoch-{epoch:03d}.checkpoint", progress)
            for older in args.checkpoints.glob("epoch-*.checkpoint"):
                if older != _newest(args.checkpoints):
                    older.unlink()
        if args.stop_after == epoch:
            return progress
    with watch.phase("final evaluation"):
        progress["final_accuracy"] = engine.evaluate(looks)
    return progress


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; see ``--help``.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the shell by default.

    Returns
    -------
    int
        0.
    """
    args = _parser().parse_args(argv)
    watch = _Stopwatch()
    engine, source = _start(args, watch)
    progress = {} if args.startup_only else _train(args, engine, watch)
    with watch.phase("write result"):
        result = {
            "engine": args.engine,
            "device": engine.device,
            "versions": {"python": sys.version.split()[0], **engine.versions},
            "text": source,
            "progress": progress,
            "digest": engine.digest(),
            "seconds": watch.seconds,
        }
        args.result.write_text(json.dumps(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
