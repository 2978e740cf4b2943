"""Run the experiments of a campaign again and again, in random order, and record them.

A block holds every experiment once, in an order drawn from the seed, so that a machine that
warms up or drifts cannot pose as an effect.
Whole blocks are done and kept: a campaign that runs out of time goes on with ``--continue``.
Each call writes one archive, ``runs-001.tar.xz``, ...: recordings ``EXPERIMENT/REPEAT.csv``
with their events, and ``call.json`` with settings, machine, order and results, which
`helpers.power.read_campaign` reads.
"""

import argparse
import io
import json
import math
import os
import random
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.power.meters import JointMeter, Meter, MeterError, NvmlMeter, RaplMeter, SimulatedMeter
from helpers.power.record import events_path, machine, record
from helpers.power.recording import read_calls
from measurements import datasheet
from measurements.job import evaluation_steps

__all__ = ["EXPERIMENTS", "STOP_EPOCH", "Settings", "block_order", "fitting_steps", "main"]

#: The recordings of each experiment, with what tells the job how to run; None is no job.
EXPERIMENTS: dict[str, tuple[tuple[str, tuple[str, ...] | None], ...]] = {
    "idle": (("idle", None),),
    "startup_only": (("startup_only", ("--startup-only",)),),
    "whole": (("whole", ()),),
    "stop_after_checkpoint": (
        ("stop_after_checkpoint", ("--stop-after", "2")),
        ("resume_after_checkpoint", ("--resume",)),
    ),
    "stop_before_checkpoint": (
        ("stop_before_checkpoint", ("--stop-before", "2")),
        ("resume_before_checkpoint", ("--resume",)),
    ),
}
#: The epoch at whose checkpoint a job is stopped.
STOP_EPOCH = 2

_WARM_UP_STEPS = 10
_SIMULATED_W = {"train": 250.0, "evaluate": 140.0, "save": 110.0, "program": 60.0}
_SIMULATED_IDLE_W = 50.0


@dataclass(frozen=True)
class Settings:
    """What all calls of one campaign share.

    Attributes
    ----------
    seed : int
        Seed of order, weights and text.
    epochs, steps : int
        Epochs of the whole job, and training steps in each.
    idle_s, idle_run_s : float
        Idle before and after each program, and length of the idle experiment [s].
    interval_s : float
        Between two samples [s].
    engine : str
        What trains: "torch", or "numpy" as a stand-in.
    meters : tuple of str
        What is read.
    job : tuple of str
        More arguments for the job: the size of the model.
    """

    seed: int
    epochs: int
    steps: int
    idle_s: float
    idle_run_s: float
    interval_s: float
    engine: str
    meters: tuple[str, ...]
    job: tuple[str, ...]


def block_order(seed: int, block: int) -> list[str]:
    """Return the experiments of a block in the order that the seed gives.

    Parameters
    ----------
    seed, block : int
        The campaign's seed, and the block counted from 0.
    """
    order = sorted(EXPERIMENTS)
    random.Random(f"{seed}/{block}").shuffle(order)
    return order


def fitting_steps(
    timing: dict[str, float], settings: Settings, *, blocks: int, seconds: float, shortest_s: float
) -> int:
    """Return how many steps an epoch may have so that some blocks fit into some time.

    Parameters
    ----------
    timing : dict
        Of the warm-up [s]: ``startup``, ``step``, ``evaluate`` (one batch), ``save``.
    settings : Settings
        Its `steps` is not used.
    blocks : int
        How many blocks are to fit.
    seconds : float
        Into how much time [s].
    shortest_s : float
        How long the training part of an epoch has to last at least [s]; it wins over the
        time, and then fewer blocks fit.

    Returns
    -------
    int
        Steps in an epoch.
    """
    fixed_s, per_step_s = _block_seconds(timing, settings)
    steps = (seconds / blocks - fixed_s) / per_step_s
    return max(math.floor(steps), math.ceil(shortest_s / timing["step"]), 1)


def _block_seconds(timing: dict[str, float], settings: Settings) -> tuple[float, float]:
    """Foretell how long a block takes: what is fixed, and what each step of an epoch adds [s]."""
    starts, whole_jobs, resumes = 6, 3, 2
    recordings = sum(map(len, EXPERIMENTS.values()))
    fixed_s = (
        starts * timing["startup"]
        + (whole_jobs * settings.epochs + resumes) * timing["save"]
        + recordings * 2 * settings.idle_s
        + settings.idle_run_s
    )
    epochs = whole_jobs * settings.epochs + 1  # one is lost, and done again
    return fixed_s, (epochs + 1) * (timing["step"] + timing["evaluate"] / 2)


class _Follower:
    """Made-up power that follows the events of the recording being made."""

    def __init__(self) -> None:
        self.events: Path | None = None

    def power_w(self, _: float) -> float:
        """Return the power of the phase that the newest event begins [W]."""
        try:
            lines = self.events.read_text().splitlines() if self.events else []
        except FileNotFoundError:  # asked before the recorder has made the file
            lines = []
        running = bool(lines) and not lines[-1].endswith("program end")
        phase = lines[-1].removesuffix(" begin").rpartition(" ")[2] if running else ""
        return _SIMULATED_W.get(phase, _SIMULATED_W["program"] if running else _SIMULATED_IDLE_W)


class _Campaign:
    """One call: does blocks, and keeps an archive of all that it did."""

    def __init__(
        self, args: argparse.Namespace, earlier: list[dict[str, Any]], settings: Settings
    ) -> None:
        self._begin_s = time.monotonic()
        self._args, self._earlier, self.settings = args, earlier, settings
        self._follower = _Follower()
        self._meter = _open_meter(settings.meters, self._follower)
        self._members: dict[str, bytes] = {}
        self._archive = args.out / f"runs-{len(earlier) + 1:03d}.tar.xz"
        self._call: dict[str, Any] = {
            "format": "helpers.power campaign, version 1",
            "simulated": self._meter.simulated or settings.engine == "numpy",
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "device": self._meter.describe(),
            "block_s": [],
            "runs": {},
        }

    def close(self) -> None:
        """Let the meter go."""
        self._meter.close()

    @property
    def todo(self) -> list[int]:
        """Blocks that neither this call nor an earlier one has done."""
        done = {key for call in (*self._earlier, self._call) for key in call["runs"]}
        return [b for b in range(self._args.repeats) if f"idle/{b:03d}" not in done]

    @property
    def longest_s(self) -> float:
        """How long the longest block took so far [s]."""
        return max((s for call in (*self._earlier, self._call) for s in call["block_s"]), default=0)

    @property
    def left_s(self) -> float:
        """Time left in this call [s]."""
        return self._args.budget_s - (time.monotonic() - self._begin_s)

    def _job(self, folder: Path, options: Sequence[str], steps: int) -> list[str]:
        """Return the command of a job."""
        settings, text = self.settings, self._args.text
        given = {
            "--engine": settings.engine,
            "--checkpoints": folder,
            "--result": folder / "result.json",
            "--epochs": settings.epochs,
            "--steps": steps,
            "--seed": settings.seed,
            **({"--text": text.resolve()} if text else {}),
        }
        words = [str(word) for pair in given.items() for word in pair]
        return [sys.executable, "-m", "measurements.job", *words, *settings.job, *options]

    def _record(self, path: Path, command: Sequence[str], idle_s: float, **context: Any) -> float:
        """Record a program; return how long it ran [s]."""
        self._follower.events = events_path(path)
        outcome = record(
            path,
            self._meter,
            interval_s=self.settings.interval_s,
            command=command,
            idle_s=idle_s,
            context=context,
        )
        if outcome.exit_code != 0:
            raise RuntimeError(f"{context or 'the warm-up'} ended with code {outcome.exit_code}.")
        return outcome.duration_s - 2 * idle_s

    def warm_up(self) -> dict[str, float]:
        """Run short jobs until caches and machine are warm; return the last one's timing [s]."""
        begin_s = time.monotonic()
        while True:
            with tempfile.TemporaryDirectory() as name:
                folder, options = Path(name), ("--stop-after", "2")
                command = self._job(folder, options, _WARM_UP_STEPS)
                took_s = self._record(folder / "warm.csv", command, 0.0)
                result = json.loads((folder / "result.json").read_text())
            seconds = result["seconds"]
            epochs_s = sum(s for phase, s in seconds.items() if phase.startswith("epoch"))
            timing = {
                "startup": took_s - epochs_s,
                "step": seconds["epoch 2 train"] / _WARM_UP_STEPS,
                "evaluate": seconds["epoch 2 evaluate"] / evaluation_steps(_WARM_UP_STEPS),
                "save": seconds["epoch 2 save"],
            }
            self._call |= {"versions": result["versions"], "text": result["text"]}
            self._call |= {"job_device": result["device"], "warm_up": timing}
            self._check(result)
            if time.monotonic() - begin_s + took_s > self._args.warm_up_s:
                return timing

    def _check(self, result: dict[str, Any]) -> None:
        """Refuse what would make runs that cannot be compared, or measure what does not work."""
        for call in self._earlier:
            if call["text"] != result["text"]:
                raise RuntimeError(
                    f"this call's text is {result['text']}, an earlier call's {call['text']}: "
                    "give the same --text."
                )
        torch = self.settings.engine == "torch"
        if torch and "nvml" in self.settings.meters and result["device"] != "cuda":
            raise RuntimeError(
                f"the GPU is measured, but the job runs on the {result['device']}: this PyTorch "
                "does not see the GPU."
            )

    def block(self, block: int) -> None:
        """Run each experiment once and keep all recordings of the block."""
        begin_s = time.monotonic()
        members, runs, position = {}, {}, 0
        with tempfile.TemporaryDirectory() as name:
            for experiment in block_order(self.settings.seed, block):
                folder = Path(name) / experiment
                folder.mkdir()
                for recording, options in EXPERIMENTS[experiment]:
                    key = f"{recording}/{block:03d}"
                    runs[key] = self._one(folder, key, options, position)
                    path = folder / f"{recording}.csv"
                    members[f"{key}.csv"] = path.read_bytes()
                    members[f"{key}.events.csv"] = events_path(path).read_bytes()
                    position += 1
        self._members |= members
        self._call["runs"] |= runs
        self._call["block_s"].append(round(time.monotonic() - begin_s, 3))
        self._keep()

    def _one(
        self, folder: Path, key: str, options: Sequence[str] | None, position: int
    ) -> dict[str, Any]:
        """Make one recording; return what is to be known about it beside its samples."""
        recording, _, block = key.partition("/")
        if options is None:
            wait = f"import time; time.sleep({self.settings.idle_run_s})"
            command = [sys.executable, "-c", wait]
        else:
            command = self._job(folder, options, self.settings.steps)
        context = {"experiment": recording, "repeat": int(block), "position": position}
        path, result = folder / f"{recording}.csv", folder / "result.json"
        program_s = self._record(path, command, self.settings.idle_s, **context)
        told = json.loads(result.read_text()) if options is not None else {}
        print(f"block {int(block)}, {recording}: {program_s:.1f} s", flush=True)
        kept = {name: told[name] for name in ("digest", "progress", "seconds") if name in told}
        return {"position": position, "program_s": round(program_s, 3), **kept}

    def awake(self, seconds: float) -> None:
        """Record a job that stops, and for how long the machine stays awake after it."""
        key = f"awake/{len(self._earlier):03d}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            command = self._job(folder, ("--stop-after", str(STOP_EPOCH)), self.settings.steps)
            path = folder / "awake.csv"
            context = {"experiment": "awake", "repeat": len(self._earlier)}
            program_s = self._record(path, command, seconds, **context)
            told = json.loads((folder / "result.json").read_text())
            self._members[f"{key}.csv"] = path.read_bytes()
            self._members[f"{key}.events.csv"] = events_path(path).read_bytes()
        print(f"awake: {program_s:.1f} s, then idle for {seconds:g} s", flush=True)
        self._call["runs"][key] = {"program_s": round(program_s, 3), "digest": told["digest"]}
        self._keep()

    def _keep(self) -> None:
        """Write the archive of this call in one step."""
        call = {**self._call, "settings": asdict(self.settings)}
        call["device_at_end"] = self._meter.describe()
        members = {"call.json": json.dumps(call, indent=1).encode(), **self._members}
        temporary = self._archive.with_name(f".{self._archive.name}.tmp")
        with tarfile.open(temporary, "w:xz", preset=3) as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        os.replace(temporary, self._archive)


def _settings(args: argparse.Namespace, earlier: list[dict[str, Any]]) -> Settings:
    """Return the settings of the command line, or those of the calls that are continued."""
    if earlier:
        kept = earlier[0]["settings"]
        return Settings(**{**kept, "meters": tuple(kept["meters"]), "job": tuple(kept["job"])})
    sizes = {"--width": args.width, "--layers": args.layers, "--batch": args.batch}
    return Settings(
        seed=args.seed,
        epochs=args.epochs,
        steps=args.steps or 0,
        idle_s=args.idle_s,
        idle_run_s=args.idle_run_s,
        interval_s=args.interval,
        engine=args.engine,
        meters=tuple(dict.fromkeys(args.meter or ["nvml"])),
        job=tuple(str(w) for pair in sizes.items() if pair[1] is not None for w in pair),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m measurements.campaign", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the archives")
    add("--continue", dest="proceed", action="store_true", help="go on with the campaign in --out")
    add("--repeats", type=int, default=20, help="blocks in all")
    add("--budget-s", type=float, default=math.inf, help="time of this call [s]")
    add("--calls", type=int, default=1, help="calls of --budget-s over which blocks are spread")
    add("--seed", type=int, default=1)
    add("--epochs", type=int, default=4, help="epochs of the whole job, 3 or more")
    add("--steps", type=int, help="steps in an epoch; by default as many as fit the time, or 500")
    add("--shortest-epoch-s", type=float, default=1.5, help="training of an epoch, at least [s]")
    add("--idle-s", type=float, default=30.0, help="idle before and after each program [s]")
    add("--idle-run-s", type=float, default=30.0, help="length of the idle experiment [s]")
    add("--awake-s", type=float, default=0.0, help="idle recorded around one more stopped job [s]")
    add("--warm-up-s", type=float, default=60.0, help="warm-up before the first block [s]")
    add("--interval", type=float, default=0.05, help="between two samples [s]")
    add("--meter", action="append", choices=("nvml", "rapl", "simulated"), help="default: nvml")
    add("--engine", choices=("torch", "numpy"), default="torch", help="numpy is a stand-in")
    add("--text", type=Path, help="source archive of vaderSentiment 3.3.2; else text is made up")
    add("--width", type=int, help="width of the transformer, a multiple of 64 (default: 768)")
    add("--layers", type=int, help="layers of the transformer (default: 6)")
    add("--batch", type=int, help="sentences in a step (default: 256)")
    return parser


def _checked(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    args = parser.parse_args(argv)
    if args.epochs <= STOP_EPOCH:
        parser.error(f"--epochs {args.epochs} must be > {STOP_EPOCH}, where the job is stopped.")
    if args.text and not args.text.is_file():
        parser.error(f"--text {args.text} is not there; without it, text is made up.")
    args.out.mkdir(parents=True, exist_ok=True)
    if any(args.out.glob("runs-*")) and not args.proceed:
        parser.error(f"{args.out} holds a campaign: add to it with --continue.")
    return args


def _open_meter(names: Sequence[str], follower: _Follower) -> Meter:
    makers = {
        "nvml": NvmlMeter,
        "rapl": RaplMeter,
        "simulated": lambda: SimulatedMeter(follower.power_w, noise_w=3.0),
    }
    return JointMeter(*(makers[name]() for name in names))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign, or go on with it; see ``--help``.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the shell by default.

    Returns
    -------
    int
        0; 1 if a job failed; 2 if there is nothing to measure with.
    """
    args = _checked(argv)
    earlier = read_calls(args.out) if args.proceed else []
    try:
        campaign = _Campaign(args, earlier, _settings(args, earlier))
    except MeterError as error:
        print(f"Cannot measure: {error}", file=sys.stderr)
        return 2
    try:
        _run(campaign, args)
    except RuntimeError as error:
        print(f"Broken off, whole blocks are kept: {error}", file=sys.stderr)
        return 1
    finally:
        campaign.close()
    if any(args.out.glob("runs-*.tar.xz")):
        datasheet.write(args.out)
    return 0


def _run(campaign: _Campaign, args: argparse.Namespace) -> None:
    """Warm up, choose the length of an epoch if it is open, and do blocks while time lasts."""
    timing = campaign.warm_up()
    if campaign.settings.steps == 0:
        steps = 500
        if math.isfinite(args.budget_s):
            steps = fitting_steps(
                timing,
                campaign.settings,
                blocks=math.ceil(args.repeats / args.calls),
                # A stopped job with its idle is less than half a block.
                seconds=0.93
                * (campaign.left_s - 2 * args.awake_s)
                * args.repeats
                / (args.repeats + (args.calls / 2 if args.awake_s else 0)),
                shortest_s=args.shortest_epoch_s,
            )
        campaign.settings = replace(campaign.settings, steps=steps)
    print(f"{campaign.settings.steps} steps in an epoch; warm-up: {timing}", flush=True)
    fixed_s, per_step_s = _block_seconds(timing, campaign.settings)
    foretold_s = fixed_s + per_step_s * campaign.settings.steps
    if args.awake_s > 0:  # first, while there surely is time for it
        campaign.awake(args.awake_s)
    while todo := campaign.todo:
        if campaign.left_s < 1.05 * (campaign.longest_s or foretold_s) + 2:
            print(f"{len(todo)} of {args.repeats} blocks are left: go on with --continue.")
            return
        campaign.block(todo[0])
    print(f"All {args.repeats} blocks are done.")


if __name__ == "__main__":
    sys.exit(main())
