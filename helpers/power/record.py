"""Record power while a program runs, into a file that survives whatever ends the recording.

From a shell::

    python -m helpers.power.record --interval 0.05 --out run.csv -- python train.py

records 30 s of idle, runs the program, records 30 s more, and writes ``run.csv`` (samples)
and ``run.events.csv`` (``epoch seconds, name``), which `helpers.power.read` reads.
The program finds the event file's name in its environment (see `helpers.power.events`).

The file starts with a whole header, then each sample is appended and handed to the operating
system at once: a recorder that is killed loses no sample that it has taken.
A name that ends in ``.gz`` is written compressed, and loses less than a second.
The last line is the end stamp; a file without it was cut short, and the readers say so.

A program never runs on unrecorded: whatever ends the recording (a full disk, a signal, a meter
that is gone, even a recorder that is killed) ends the program and all that it started.

Exit codes: 0, or that of the program; 2 if power cannot be recorded (one sentence says why):
without a meter, or with an ``--out`` that cannot be, nothing is run and nothing is written.
"""

import argparse
import contextlib
import json
import math
import os
import platform
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.power.events import mark
from helpers.power.meters import JointMeter, Meter, MeterError, NvmlMeter, RaplMeter, SimulatedMeter
from helpers.power.program import PATIENCE_S, Program

__all__ = [
    "FIRST_LINE",
    "Outcome",
    "RecordingError",
    "events_path",
    "machine",
    "main",
    "measure_cost",
    "record",
]

#: How a recording starts.
FIRST_LINE = "# helpers.power recording, version 1"
# Below a millisecond the recorder measures itself; above an hour nobody records a program [s].
_SHORTEST_S, _LONGEST_S = 1e-3, 3600.0
# How often a compressed recording is handed to the operating system [s].
_FLUSH_S = 0.5
# Compressions that readers know, but that cannot be written sample by sample.
_NOT_WRITTEN = (".bz2", ".xz", ".zip", ".zst")


class RecordingError(RuntimeError):
    """A recording broke off; the message is one sentence, and the program has been ended."""


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
    """Return the event file that belongs to a recording: ``run.csv`` has ``run.events.csv``.

    So does ``run.csv.gz``: the job that is measured appends to it, so it is never compressed.
    """
    path = Path(path)
    if path.suffix in (".gz", *_NOT_WRITTEN):
        path = path.with_suffix("")
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


class _Lines:
    """A new file of text, handed to the operating system as it comes; compressed if named so."""

    def __init__(self, path: Path, head: str) -> None:
        self._gzip = zlib.compressobj(wbits=31) if path.suffix == ".gz" else None  # 31: gzip
        self._flushed_s = -math.inf
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        # Without a buffer: what a full disk refuses must fail here, not when Python ends.
        self._file = temporary.open("xb", buffering=0)
        try:
            self.write(head)
            os.replace(temporary, path)
        except BaseException:
            self._file.close()
            temporary.unlink(missing_ok=True)
            raise

    def write(self, text: str) -> None:
        data = text.encode()
        if self._gzip is not None:
            data = self._gzip.compress(data)
            if time.monotonic() - self._flushed_s >= _FLUSH_S:
                data += self._gzip.flush(zlib.Z_SYNC_FLUSH)
                self._flushed_s = time.monotonic()
        self._put(data)

    def _put(self, data: bytes) -> None:
        while data:  # a disk that is nearly full takes a part, and then refuses
            data = data[self._file.write(data) :]

    def finish(self) -> None:
        if self._gzip is not None:
            self._put(self._gzip.flush())

    def close(self) -> None:
        self._file.close()


class _Samples:
    """The file of samples: header, one line a sample, end stamp."""

    def __init__(self, path: Path, meter: Meter, header: dict[str, Any]) -> None:
        self._meter = meter
        self.count = self.failed = 0
        self.slowest_s = 0.0
        columns = ",".join(("epoch_s", "elapsed_s", *meter.columns))
        self._lines = _Lines(path, "\n".join((FIRST_LINE, *_comments(header), columns, "")))
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
        self._lines.write(f"{stamps},{','.join(map(_number, values))}\n")
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

    def finish(self, footer: dict[str, Any]) -> None:
        """Append what is known at the end; the end stamp comes last."""
        lines = _comments({**footer, "stop_epoch_s": round(time.time(), 4)})
        self._lines.write("".join(f"{line}\n" for line in lines))
        self._lines.finish()

    def close(self) -> None:
        """Let the file go, finished or not."""
        self._lines.close()


def _comments(values: dict[str, Any]) -> list[str]:
    return [f"# {name}: {json.dumps(value)}" for name, value in values.items()]


def _number(value: float) -> str:
    """Write a number to a thousandth, without zeros that say nothing."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


# Nine parameters: the options of the command line, whose door this is.
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
        If a time is out of range, or the name ends in a compression other than ``.gz``.
    FileExistsError
        If one of the two files exists and may not be replaced, or is no plain file: a folder, a
        device, a FIFO, a link.
    FileNotFoundError
        If there is no such program or folder.
    RecordingError
        If recording breaks off, as on a full disk. The program has been ended; the file holds
        what was recorded until then.
    """
    path = Path(path)
    _check(interval_s, duration_s, command, idle_s)
    events, stop = events_path(path), stop or threading.Event()
    _check_files(path, events, overwrite)
    samples = _begin(path, events, meter, _header(meter, interval_s, command, idle_s, context))
    try:
        if command:
            code = _with_program(samples, interval_s, duration_s, command, idle_s, stop, events)
        else:
            end_s = math.inf if duration_s is None else duration_s
            _sample_until(samples, interval_s, stop, lambda: samples.start_s + end_s)
            code = None
        outcome = samples.outcome(code)
        samples.finish(_footer(meter, outcome, stop))
    except _NotStarted as error:  # nothing was measured: nothing is left behind
        samples.close()
        path.unlink()
        events.unlink()
        raise RecordingError(f"{command[0]} cannot be run ({error}).") from None
    except OSError as error:
        ended = "the program has been ended, and " if command else ""
        raise RecordingError(
            f"{path} cannot be written any more ({error.strerror or error}): {ended}the file holds "
            "what was recorded until then."
        ) from None
    finally:
        samples.close()
    return outcome


class _NotStarted(Exception):
    """The program cannot be run."""


def _begin(path: Path, events: Path, meter: Meter, header: dict[str, Any]) -> _Samples:
    """Make both files, or neither."""
    samples = _Samples(path, meter, header)
    try:
        events.unlink(missing_ok=True)  # only there if it may be replaced
        events.open("xb").close()
    except BaseException:
        samples.close()
        path.unlink()
        raise
    return samples


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
    interval_s: float, duration_s: float | None, command: Sequence[str], idle_s: float
) -> None:
    if not _SHORTEST_S <= interval_s <= _LONGEST_S:
        raise ValueError(f"interval_s={interval_s} must be from {_SHORTEST_S} to {_LONGEST_S:g} s.")
    if duration_s is not None and not 0 < duration_s < math.inf:
        raise ValueError(
            f"duration_s={duration_s} must be > 0 and finite: leave it out to record until stopped."
        )
    if not 0 <= idle_s < math.inf:
        raise ValueError(f"idle_s={idle_s} must be >= 0 and finite.")
    if command and shutil.which(command[0]) is None:
        raise FileNotFoundError(f"there is no program {command[0]!r} to run.")


def _check_files(path: Path, events: Path, overwrite: bool) -> None:
    """Refuse what recording would destroy, hang on, or not write as its name says."""
    if path.suffix in _NOT_WRITTEN:
        raise ValueError(
            f"{path} cannot be written while recording: end the name in .csv or .csv.gz, and "
            "compress the file otherwise afterwards."
        )
    if not path.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder for {path}: make it first.")
    for file in (path, events):
        try:
            mode = file.lstat().st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "a device")
            raise FileExistsError(f"{file} is {kind}, no plain file: choose another name.")
        if not overwrite:
            raise FileExistsError(
                f"{file} exists: choose another name, or replace it with --force."
            )


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


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
    program = _start(command, events)
    latest_s = time.monotonic() + (math.inf if limit_s is None else limit_s)

    def until(latest_s: float) -> Callable[[], float]:
        return lambda: latest_s if program.ended_s is None else program.ended_s

    try:
        _sample_until(samples, interval_s, stop, until(latest_s))
        if program.ended_s is None:
            mark("program stopped by the recorder", path=events)
            program.terminate()
            # It may take its time to end, and draws power meanwhile.
            still = threading.Event()
            _sample_until(samples, interval_s, still, until(time.monotonic() + PATIENCE_S))
    finally:  # also when the disk is full: nothing runs on unrecorded
        exit_code = program.stop()
    if program.unstamped is not None:
        raise program.unstamped
    samples.take()  # after the program's end, whatever ended it
    after_s = time.monotonic()
    _sample_until(samples, interval_s, stop, lambda: after_s + idle_s)
    return exit_code


def _start(command: Sequence[str], events: Path) -> Program:
    try:
        return Program(command, events)
    except OSError as error:
        raise _NotStarted(error.strerror or str(error)) from None


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
    """Open the meters named on the command line: all of them, or none."""
    makers: dict[str, Callable[[], Meter]] = {
        "nvml": lambda: NvmlMeter(gpus),
        "rapl": RaplMeter,
        "simulated": lambda: SimulatedMeter(lambda _: 100.0, noise_w=5.0),
    }
    with contextlib.ExitStack() as opened:
        meters: list[Meter] = []
        for name in dict.fromkeys(names):
            meters.append(makers[name]())
            opened.callback(meters[-1].close)
        opened.pop_all()
    return meters[0] if len(meters) == 1 else JointMeter(*meters)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.power.record",
        description="Record power while a program runs, with idle before and after.",
        epilog="Exit codes: 0, or that of the program; 2 if power cannot be recorded.",
        usage="%(prog)s [options] --out FILE [-- COMMAND ...]",
    )
    parser.add_argument("--out", type=Path, help="file of samples (.csv or .csv.gz)")
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
    args, command = _checked(argv[:split], argv[split + 1 :]), argv[split + 1 :]
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # there is no SIGHUP on Windows
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    try:
        outcome = _recorded(args, command, stop)
    except (MeterError, RecordingError, OSError, ValueError) as error:
        print(f"Cannot record: {error}", file=sys.stderr)
        return 2
    except Exception as error:  # a meter may fail in ways of its own; the program has been ended
        print(f"Cannot record: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(_told(outcome, args.interval), file=sys.stderr)
    code = outcome.exit_code or 0
    return code if code >= 0 else 128 - code


def _checked(argv: Sequence[str], command: Sequence[str]) -> argparse.Namespace:
    """Parse arguments; refuse those that say nothing together."""
    parser = _parser()
    args = parser.parse_args(argv)
    args.meter = args.meter or ["nvml"]
    if args.cost and (args.out is not None or command):
        parser.error("--cost measures the recorder alone: leave out --out and COMMAND.")
    if args.out is None and not args.cost:
        parser.error("--out FILE is needed (or --cost).")
    if args.gpu is not None and "nvml" not in args.meter:
        parser.error(
            f"--gpu {args.gpu[0]} says nothing to --meter {' '.join(args.meter)}: it chooses "
            "what --meter nvml reads."
        )
    return args


def _recorded(args: argparse.Namespace, command: Sequence[str], stop: threading.Event) -> Outcome:
    """Do what the command line says."""
    meter = _open_meter(args.meter, args.gpu)
    try:
        if args.cost:
            duration_s = 5.0 if args.duration is None else args.duration
            return measure_cost(meter, interval_s=args.interval, duration_s=duration_s)
        return record(
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


def _told(outcome: Outcome, interval_s: float) -> str:
    return (
        f"{outcome.samples} samples in {outcome.duration_s:.1f} s, {outcome.failed_reads} without "
        f"a number; the recorder took {100 * outcome.cpu_share:.2f} % of one core at "
        f"{interval_s:g} s between samples, its slowest reading "
        f"{1e3 * outcome.slowest_read_s:.1f} ms."
    )


if __name__ == "__main__":
    sys.exit(main())
