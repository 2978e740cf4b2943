"""Record power while a program runs, into a file that survives whatever ends the recording.

From a shell::

    python -m helpers.power.record --interval 0.05 --out run.csv -- python train.py

records 30 s of idle, runs the program, records 30 s more, and writes ``run.csv`` (samples)
and ``run.events.csv`` (``epoch seconds, name``), which `helpers.power.read` reads.
The program finds the event file's name in its environment (see `helpers.power.events`).

The file starts with a whole header, then each sample is appended and handed to the operating
system at once: a recorder that is killed loses no sample that it has taken.
The last line is the end stamp; a file without it was cut short, and the readers say so.

Exit codes: 0, or that of the program; 2 if power cannot be recorded (one sentence says why):
without a meter nothing is run and nothing is written.
"""

import argparse
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.power.events import BEGIN, END, VARIABLE, mark
from helpers.power.meters import JointMeter, Meter, MeterError, NvmlMeter, RaplMeter, SimulatedMeter

__all__ = ["FIRST_LINE", "Outcome", "events_path", "machine", "main", "measure_cost", "record"]

#: How a recording starts.
FIRST_LINE = "# helpers.power recording, version 1"
# How long a program has to end when it is told to [s].
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Outcome:
    """What a recording did, and what it cost the machine.

    Attributes
    ----------
    samples, failed_reads : int
        Samples written, and those in which a column had no number.
    duration_s : float
        From the first to the last sample [s].
    cpu_s : float
        Processor time of the recorder itself, without the program [s].
    slowest_read_s : float
        The longest time that one reading of the meter took [s].
    exit_code : int or None
        The program's, negative for a signal; None without a program.
    """

    samples: int
    failed_reads: int
    duration_s: float
    cpu_s: float
    slowest_read_s: float
    exit_code: int | None

    @property
    def cpu_share(self) -> float:
        """Processor time of the recorder over elapsed time: the share of one core it took."""
        return self.cpu_s / self.duration_s if self.duration_s else math.nan


def events_path(path: str | os.PathLike) -> Path:
    """Return the event file that belongs to a recording: ``run.csv`` has ``run.events.csv``."""
    path = Path(path)
    return path.with_name(f"{path.stem}.events{path.suffix}")


def machine() -> dict[str, Any]:
    """Return what the machine is: system, processor, memory, Python; no name, no address."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = (line.partition(":")[2].strip() for line in lines if "model name" in line)
            return next(names, platform.processor())
    except OSError:
        return platform.processor()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


class _Program:
    """The program that is measured: its begin and its end are events."""

    def __init__(self, command: Sequence[str], events: Path) -> None:
        mark("program" + BEGIN, path=events)
        environment = {**os.environ, VARIABLE: str(events.resolve())}
        self._process = subprocess.Popen(command, env=environment)
        self._events = events
        self.ended_s: float | None = None
        self._thread = threading.Thread(target=self._await_end, daemon=True)
        self._thread.start()

    def _await_end(self) -> None:
        self._process.wait()
        mark("program" + END, path=self._events)
        self.ended_s = time.monotonic()

    def stop(self) -> int:
        """End the program if it still runs; return its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._thread.join()
        return self._process.returncode


class _Samples:
    """The file of samples: header, one line a sample, end stamp."""

    def __init__(self, path: Path, meter: Meter, header: dict[str, Any]) -> None:
        self._meter = meter
        self.count = self.failed = 0
        self.slowest_s = 0.0
        columns = ",".join(("epoch_s", "elapsed_s", *meter.columns))
        head = "\n".join((FIRST_LINE, *_comments(header), columns, ""))
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(head, encoding="utf-8")
        os.replace(temporary, path)
        self._file = path.open("a", encoding="utf-8", buffering=1)  # each line is handed over
        self._cpu_s = time.process_time()
        self.start_s = self.last_s = time.monotonic()

    def take(self) -> None:
        """Read the meter once and append a line, stamped with the middle of the reading."""
        before_s = time.monotonic()
        values = self._meter.read()
        epoch_s, after_s = time.time(), time.monotonic()
        half_s = (after_s - before_s) / 2
        if self.count == 0:
            self.start_s = before_s + half_s
        self.last_s = before_s + half_s
        self.slowest_s = max(self.slowest_s, after_s - before_s)
        stamps = f"{epoch_s - half_s:.4f},{self.last_s - self.start_s:.6f}"
        self._file.write(f"{stamps},{','.join(map(_number, values))}\n")
        self.count += 1
        self.failed += any(map(math.isnan, values))

    def outcome(self, exit_code: int | None) -> Outcome:
        return Outcome(
            samples=self.count,
            failed_reads=self.failed,
            duration_s=self.last_s - self.start_s,
            cpu_s=time.process_time() - self._cpu_s,
            slowest_read_s=self.slowest_s,
            exit_code=exit_code,
        )

    def close(self, footer: dict[str, Any]) -> None:
        """Append what is known at the end; the end stamp comes last."""
        lines = _comments({**footer, "stop_epoch_s": round(time.time(), 4)})
        self._file.write("".join(f"{line}\n" for line in lines))
        self._file.close()


def _comments(values: dict[str, Any]) -> list[str]:
    return [f"# {name}: {json.dumps(value)}" for name, value in values.items()]


def _number(value: float) -> str:
    """Write a number to a thousandth, without zeros that say nothing."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def record(
    path: str | os.PathLike,
    meter: Meter,
    *,
    interval_s: float = 0.05,
    duration_s: float | None = None,
    command: Sequence[str] = (),
    idle_s: float = 30.0,
    context: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    stop: threading.Event | None = None,
) -> Outcome:
    """Sample a meter into a file until the program has run, the time is over, or `stop` is set.

    Parameters
    ----------
    path : path
        The file of samples; events go to `events_path` of it.
    meter : Meter
        What is read.
    interval_s : float
        Time between two samples [s]. A sample that cannot be taken in time is skipped.
    duration_s : float, optional
        Without a program: how long to record [s]; until `stop` by default.
        With a program: how long it may run [s], after which it is told to end.
    command : sequence of str
        The program and its arguments. Only the program's name goes into the file: arguments
        may hold paths and secrets.
    idle_s : float
        How long to record before and after the program [s].
    context : mapping, optional
        What the recording is, as plain values for the header.
    overwrite : bool
        Whether existing files may be replaced.
    stop : threading.Event, optional
        Ends the recording, and the program, when it is set.

    Returns
    -------
    Outcome
        What was recorded, and what it cost.

    Raises
    ------
    ValueError
        If a time is not positive (`idle_s`: negative).
    FileExistsError
        If the file exists and may not be replaced.
    FileNotFoundError
        If there is no such program or folder.
    """
    path = Path(path)
    _check(path, interval_s, duration_s, command, idle_s, overwrite)
    events, stop = events_path(path), stop or threading.Event()
    events.write_bytes(b"")
    header = _header(meter, interval_s, command, idle_s, context)
    samples = _Samples(path, meter, header)
    if command:
        exit_code = _with_program(samples, interval_s, duration_s, command, idle_s, stop, events)
    else:
        end_s = math.inf if duration_s is None else duration_s
        _sample_until(samples, interval_s, stop, lambda: samples.start_s + end_s)
        exit_code = None
    outcome = samples.outcome(exit_code)
    samples.close(_footer(meter, outcome, stop))
    return outcome


def _header(
    meter: Meter,
    interval_s: float,
    command: Sequence[str],
    idle_s: float,
    context: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        "meter": meter.name,
        "simulated": meter.simulated,
        "interval_s": interval_s,
        "idle_s": idle_s if command else None,
        "program": Path(command[0]).name if command else None,
        "context": dict(context or {}),
        "device": meter.describe(),
        "machine": machine(),
    }


def _footer(meter: Meter, outcome: Outcome, stop: threading.Event) -> dict[str, Any]:
    return {
        "samples": outcome.samples,
        "failed_reads": outcome.failed_reads,
        "slowest_read_s": round(outcome.slowest_read_s, 6),
        "recorder_cpu_share": round(outcome.cpu_share, 6),
        "interrupted": stop.is_set(),
        "exit_code": outcome.exit_code,
        "device_at_end": meter.describe(),
    }


def _check(
    path: Path,
    interval_s: float,
    duration_s: float | None,
    command: Sequence[str],
    idle_s: float,
    overwrite: bool,
) -> None:
    if not interval_s > 0:
        raise ValueError(f"interval_s={interval_s} must be > 0.")
    if duration_s is not None and not duration_s > 0:
        raise ValueError(f"duration_s={duration_s} must be > 0.")
    if not idle_s >= 0:
        raise ValueError(f"idle_s={idle_s} must be >= 0.")
    if command and shutil.which(command[0]) is None:
        raise FileNotFoundError(f"there is no program {command[0]!r} to run.")
    if not path.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder for {path}: make it first.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another name, or replace it with --force.")


def _sample_until(
    samples: _Samples, interval_s: float, stop: threading.Event, deadline: Callable[[], float]
) -> None:
    """Sample at whole multiples of the interval until a (moving) monotonic time is reached."""
    while not stop.is_set():
        now_s = time.monotonic()
        samples.take()
        if now_s >= deadline():
            return
        elapsed_s = time.monotonic() - samples.start_s
        tick_s = (math.floor(elapsed_s / interval_s) + 1) * interval_s - elapsed_s
        stop.wait(min(tick_s, max(deadline() - time.monotonic(), 0.0)))


def _with_program(
    samples: _Samples,
    interval_s: float,
    limit_s: float | None,
    command: Sequence[str],
    idle_s: float,
    stop: threading.Event,
    events: Path,
) -> int | None:
    """Record idle, the program, idle; return the program's exit code."""
    _sample_until(samples, interval_s, stop, lambda: samples.start_s + idle_s)
    if stop.is_set():
        return None
    program = _Program(command, events)
    latest_s = time.monotonic() + (math.inf if limit_s is None else limit_s)

    def ended_s() -> float:
        return latest_s if program.ended_s is None else program.ended_s

    _sample_until(samples, interval_s, stop, ended_s)
    if program.ended_s is None:
        mark("program stopped by the recorder", path=events)
    exit_code = program.stop()
    samples.take()  # after the program's end, whatever ended it
    after_s = time.monotonic()
    _sample_until(samples, interval_s, stop, lambda: after_s + idle_s)
    return exit_code


def measure_cost(meter: Meter, *, interval_s: float = 0.05, duration_s: float = 5.0) -> Outcome:
    """Record for a while and throw the recording away, to learn what recording costs.

    Parameters
    ----------
    meter : Meter
        What is read.
    interval_s, duration_s : float
        Time between two samples, and how long to sample [s].

    Returns
    -------
    Outcome
        Its `cpu_share` is the share of one core that the recorder takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        return record(
            Path(folder) / "cost.csv", meter, interval_s=interval_s, duration_s=duration_s
        )


def _open_meter(names: Sequence[str], gpus: Sequence[int] | None) -> Meter:
    """Open the meters named on the command line."""
    makers: dict[str, Callable[[], Meter]] = {
        "nvml": lambda: NvmlMeter(gpus),
        "rapl": RaplMeter,
        "simulated": lambda: SimulatedMeter(lambda _: 100.0, noise_w=5.0),
    }
    meters = [makers[name]() for name in dict.fromkeys(names)]
    return meters[0] if len(meters) == 1 else JointMeter(*meters)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.power.record",
        description="Record power while a program runs, with idle before and after.",
        epilog="Exit codes: 0, or that of the program; 2 if power cannot be recorded.",
        usage="%(prog)s [options] --out FILE [-- COMMAND ...]",
    )
    parser.add_argument("--out", type=Path, help="file of samples (CSV)")
    parser.add_argument("--interval", type=float, default=0.05, help="between samples [s]")
    parser.add_argument("--duration", type=float, help="how long to record, or to let run [s]")
    parser.add_argument("--idle", type=float, default=30.0, help="before and after COMMAND [s]")
    parser.add_argument(
        "--meter",
        action="append",
        choices=("nvml", "rapl", "simulated"),
        help="what to read (default: nvml); may be given twice; simulated is for trying out",
    )
    parser.add_argument("--gpu", action="append", type=int, help="GPU index (default: all)")
    parser.add_argument("--note", default="", help="what this is, for the header")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--cost", action="store_true", help="only measure the recorder itself")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's documentation.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the shell by default. What follows ``--`` is the program.

    Returns
    -------
    int
        The exit code.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    split = argv.index("--") if "--" in argv else len(argv)
    parser = _parser()
    args, command = parser.parse_args(argv[:split]), argv[split + 1 :]
    if args.out is None and not args.cost:
        parser.error("--out FILE is needed (or --cost).")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        meter = _open_meter(args.meter or ["nvml"], args.gpu)
        try:
            if args.cost:
                duration_s = 5.0 if args.duration is None else args.duration
                outcome = measure_cost(meter, interval_s=args.interval, duration_s=duration_s)
            else:
                outcome = record(
                    args.out,
                    meter,
                    interval_s=args.interval,
                    duration_s=args.duration,
                    command=command,
                    idle_s=args.idle,
                    context={"note": args.note} if args.note else None,
                    overwrite=args.force,
                    stop=stop,
                )
        finally:
            meter.close()
    except (MeterError, OSError, ValueError) as error:
        print(f"Cannot record: {error}", file=sys.stderr)
        return 2
    print(_told(outcome, args.interval), file=sys.stderr)
    code = outcome.exit_code or 0
    return code if code >= 0 else 128 - code


def _told(outcome: Outcome, interval_s: float) -> str:
    return (
        f"{outcome.samples} samples in {outcome.duration_s:.1f} s, {outcome.failed_reads} without "
        f"a number; the recorder took {100 * outcome.cpu_share:.2f} % of one core at "
        f"{interval_s:g} s between samples, its slowest reading "
        f"{1e3 * outcome.slowest_read_s:.1f} ms."
    )


if __name__ == "__main__":
    sys.exit(main())
