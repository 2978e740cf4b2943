"""Read power recordings into runs: our own, an external meter's, nvidia-smi's.

A reader knows its format and nothing else.
What is wrong with a file is told with the file's name and the line: numbers that are missing,
clocks that jump, samples that are missing in between, an end stamp that is missing, events
outside the recording.
By default that is an error; with ``errors="keep"`` what can be read is read, what cannot is
left out, and `Run.problems` lists it all.
"""

import bz2
import gzip
import json
import lzma
import math
import os
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.power.record import FIRST_LINE, events_path
from helpers.power.runs import Event, Problem, Run

__all__ = [
    "read_calls",
    "read_campaign",
    "read_external",
    "read_nvidia_smi",
    "read_published",
    "read_recording",
    "read_samples",
]

Errors = Literal["raise", "keep"]
Path_ = str | os.PathLike

_OPENERS: dict[str, Callable[..., Any]] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}
# A wall clock that moves this much against the monotonic one has been set [s].
_CLOCK_STEP_S = 0.05
# Events of several processes may be written this much out of order [s].
_EVENT_ORDER_S = 0.1
# Stamps in files are rounded: an event this close to the recording is in it [s].
_STAMP_S = 1e-3
# A number on a line of its own that is as large as this is a time, not a power [s].
_SMALLEST_EPOCH_S = 1e9
_POWER, _ENERGY = "_power_w", "_energy_j"


@dataclass(frozen=True)
class _Text:
    """A text file in lines; `cut` if the last line does not end."""

    name: str
    lines: tuple[str, ...]
    cut: bool

    @classmethod
    def of(cls, name: str, content: str) -> "_Text":
        return cls(name, tuple(content.splitlines()), bool(content) and not content.endswith("\n"))


def _text(path: Path_) -> _Text:
    """Read a plain or compressed file; it is named with its folder, as names repeat."""
    path = Path(path)
    with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8", errors="replace") as file:
        return _Text.of(f"{path.parent.name}/{path.name}".lstrip("/"), file.read())


class _Problems:
    """What is wrong with the files of one run."""

    def __init__(self, errors: Errors) -> None:
        if errors not in ("raise", "keep"):
            raise ValueError(f'errors={errors!r} must be "raise" or "keep".')
        self._keep = errors == "keep"
        self._found: list[Problem] = []

    def add(self, text: _Text, line: int, what: str) -> None:
        self._found.append(Problem(text.name, line, what))

    def settle(self) -> tuple[Problem, ...]:
        """Return the problems, or raise them."""
        if self._found and not self._keep:
            shown = "; ".join(map(str, self._found[:5]))
            more = f"; and {len(self._found) - 5} more" if len(self._found) > 5 else ""
            raise ValueError(
                f'{shown}{more}. Repair the file, or read what there is with errors="keep".'
            )
        return tuple(self._found)


def _events(
    text: _Text | None, start_epoch_s: float, stop_epoch_s: float, problems: _Problems
) -> tuple[Event, ...]:
    """Read ``epoch seconds, name`` lines; events outside the recording are problems."""
    events: list[Event] = []
    latest_s = -math.inf
    for number, line in enumerate(() if text is None else text.lines, start=1):
        if not line.strip():
            continue
        if text.cut and number == len(text.lines):
            problems.add(text, number, "the last event is cut short; left out")
            continue
        stamp, comma, name = line.partition(",")
        epoch_s = _float(stamp)
        if not (comma and name.strip() and math.isfinite(epoch_s)):
            problems.add(text, number, f"{line!r} is not 'epoch seconds, name'; left out")
            continue
        name = name.strip()
        if not start_epoch_s - _STAMP_S <= epoch_s <= stop_epoch_s + _STAMP_S:
            far_s = max(start_epoch_s - epoch_s, epoch_s - stop_epoch_s)
            where = "before the recording starts" if epoch_s < start_epoch_s else "after it ends"
            problems.add(text, number, f"event {name!r} is {far_s:.3f} s {where}; left out")
            continue
        if epoch_s < latest_s - _EVENT_ORDER_S:
            back_s = latest_s - epoch_s
            problems.add(text, number, f"clock jump: event {name!r} is {back_s:.3f} s earlier")
        latest_s = max(latest_s, epoch_s)
        events.append(Event(min(max(epoch_s, start_epoch_s), stop_epoch_s) - start_epoch_s, name))
    return tuple(sorted(events, key=lambda event: event.time_s))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _gaps(
    text: _Text,
    lines: NDArray[np.int64],
    time_s: NDArray[np.float64],
    interval_s: float,
    problems: _Problems,
) -> None:
    """Name the places where samples are missing: ten intervals, and a second, without one."""
    longest_s = max(10 * interval_s, 1.0)
    steps_s = np.diff(time_s)
    for at in np.flatnonzero(steps_s > longest_s):
        problems.add(text, int(lines[at + 1]), f"no sample for {steps_s[at]:.3f} s before this one")


def _increasing(
    text: _Text, lines: NDArray[np.int64], time_s: NDArray[np.float64], problems: _Problems
) -> NDArray[np.bool_]:
    """Name samples that are not later than all before them; return the mask of the others."""
    before_s = np.maximum.accumulate(np.concatenate(([-np.inf], time_s[:-1])))
    later = time_s > before_s
    for at in np.flatnonzero(~later):
        back_s = before_s[at] - time_s[at]
        problems.add(text, int(lines[at]), f"clock jump: {back_s:.3f} s back; left out")
    return later


# --- our own format ---------------------------------------------------------------------------


def read_recording(
    path: Path_,
    *,
    channel: str | None = None,
    events: Path_ | None = None,
    errors: Errors = "raise",
) -> Run:
    """Read one channel of a file that `helpers.power.record` wrote.

    Parameters
    ----------
    path : path
        The samples, plain or compressed (``.gz``, ``.bz2``, ``.xz``).
    channel : str, optional
        Which of several: "gpu0", "cpu1", ...
    events : path, optional
        The events; by default the file beside the samples, if it exists.
    errors : {"raise", "keep"}
        Whether problems are an error, or are kept in `Run.problems`.

    Returns
    -------
    Run
        With the energy counter as `Run.counter_j` and header and footer in `Run.meta`. A
        channel with a counter only (RAPL) has its power from it: the mean between two
        readings [W], halfway between them.

    Raises
    ------
    ValueError
        If the file is no recording, has fewer than two samples or several channels and none
        was chosen; and, with ``errors="raise"``, for every problem.
    """
    text = _text(path)
    beside = events_path(path) if events is None else Path(events)
    events_text = _text(beside) if events is not None or beside.exists() else None
    return _recording(text, events_text, channel, errors)


def read_samples(path: Path_, *, errors: Errors = "raise") -> pd.DataFrame:
    """Read all columns of a recording, such as temperature and clock.

    Parameters
    ----------
    path : path
        The samples, plain or compressed.
    errors : {"raise", "keep"}
        Whether problems are an error; with "keep" rows that cannot be read are left out.

    Returns
    -------
    DataFrame
        One row a sample, with the columns of the file: ``epoch_s``, ``elapsed_s`` and those of
        the meter, units in their names.

    Raises
    ------
    ValueError
        If the file is no recording; and, with ``errors="raise"``, for every problem.
    """
    problems = _Problems(errors)
    parts = _parse_recording(_text(path), problems)
    problems.settle()
    return pd.DataFrame(parts.rows, columns=list(parts.columns))


@dataclass(frozen=True)
class _Parts:
    """A recording's file, taken apart; `lines` are the line numbers of the rows."""

    meta: dict[str, Any]
    columns: tuple[str, ...]
    rows: NDArray[np.float64]
    lines: NDArray[np.int64]

    def of(self, column: str) -> NDArray[np.float64]:
        return self.rows[:, self.columns.index(column)]

    def where(self, mask: NDArray[np.bool_]) -> "_Parts":
        return _Parts(self.meta, self.columns, self.rows[mask], self.lines[mask])


def _parse_recording(text: _Text, problems: _Problems) -> _Parts:
    """Take a recording apart; its rows have all fields, rising time and no large gap."""
    if not text.lines or text.lines[0] != FIRST_LINE:
        raise ValueError(f"{text.name}:1: not a recording: it must start with {FIRST_LINE!r}.")
    meta: dict[str, Any] = {}
    columns: tuple[str, ...] = ()
    rows, numbers = [], []
    for number, line in enumerate(text.lines[1:], start=2):
        if text.cut and number == len(text.lines):
            problems.add(text, number, "the last line is cut short; left out")
        elif line.startswith("#"):
            key, _, value = line[1:].partition(":")
            try:
                meta[key.strip()] = json.loads(value)
            except ValueError:
                problems.add(text, number, f"{line!r} is not '# name: JSON'; left out")
        elif not columns:
            columns = tuple(line.split(","))
        else:
            row = [_float(item) for item in line.split(",")]
            if len(row) != len(columns) or not np.isfinite(row[:2]).all():
                problems.add(text, number, f"{line!r} is not {','.join(columns)}; left out")
                continue
            rows.append(row)
            numbers.append(number)
    if len(rows) < 2:
        raise ValueError(f"{text.name}:{len(text.lines)}: ends after {len(rows)} samples.")
    if "stop_epoch_s" not in meta:
        problems.add(text, len(text.lines), "no end stamp: the recorder was killed")
    parts = _Parts(meta, columns, np.array(rows), np.array(numbers))
    parts = parts.where(_increasing(text, parts.lines, parts.of("elapsed_s"), problems))
    _gaps(text, parts.lines, parts.of("elapsed_s"), float(meta.get("interval_s", 0)), problems)
    steps_s = np.diff(parts.of("epoch_s") - parts.of("elapsed_s"))
    for at in np.flatnonzero(np.abs(steps_s) > _CLOCK_STEP_S):
        what = f"clock jump: the time of day was set by {steps_s[at]:+.3f} s before this sample"
        problems.add(text, int(parts.lines[at + 1]), what)
    return parts


def _recording(text: _Text, events: _Text | None, channel: str | None, errors: Errors) -> Run:
    problems = _Problems(errors)
    parts = _parse_recording(text, problems)
    channel = _channel(text, parts.columns, channel)
    used = [c for c in (channel + _POWER, channel + _ENERGY) if c in parts.columns]
    whole = np.isfinite([parts.of(column) for column in used]).all(axis=0)
    for number in parts.lines[~whole]:
        problems.add(text, int(number), f"no number for {channel} (NaN); left out")
    parts = parts.where(whole)
    if len(parts.rows) < 2:
        raise ValueError(f"{text.name}:{len(text.lines)}: {channel} has fewer than two numbers.")
    time_s, epoch_s = parts.of("elapsed_s"), float(parts.of("epoch_s")[0])
    counter_j = parts.of(channel + _ENERGY) if channel + _ENERGY in parts.columns else None
    if channel + _POWER in parts.columns:
        power_w = parts.of(channel + _POWER)
    else:
        power_w = np.diff(counter_j) / np.diff(time_s)
        time_s, counter_j = (time_s[1:] + time_s[:-1]) / 2, (counter_j[1:] + counter_j[:-1]) / 2
    start_s = epoch_s + float(time_s[0] - parts.of("elapsed_s")[0])
    last_s = start_s + float(time_s[-1] - time_s[0])
    return Run(
        time_s=time_s - time_s[0],
        power_w=power_w,
        start_epoch_s=start_s,
        events=_events(events, start_s, last_s, problems),
        counter_j=counter_j,
        name=text.name,
        meta={**parts.meta, "channel": channel},
        problems=problems.settle(),
    )


def _channel(text: _Text, columns: Iterable[str], wanted: str | None) -> str:
    """Return which channel of a recording to take."""
    found = dict.fromkeys(
        column.removesuffix(suffix)
        for column in columns
        for suffix in (_POWER, _ENERGY)
        if column.endswith(suffix)
    )
    if wanted is None and len(found) == 1:
        return next(iter(found))
    if wanted not in found:
        raise ValueError(
            f"channel={wanted!r} of {text.name}: it has {', '.join(found) or 'none'}; choose one."
        )
    return wanted


# --- an external meter ------------------------------------------------------------------------


def read_external(
    path: Path_,
    *,
    events: Path_ | None = None,
    interval_s: float = 0.05,
    errors: Errors = "raise",
) -> Run:
    """Read an external meter's file: one integer a line in mW, then start and end stamp.

    Parameters
    ----------
    path : path
        The file, or a folder that holds ``measurements.csv`` and perhaps ``events.csv``.
    events : path, optional
        Event file, ``epoch seconds, name`` a line.
    interval_s : float
        How far apart samples should be [s]. More than a fifth off is a problem; it replaces
        an end stamp that is missing when problems are kept.
    errors : {"raise", "keep"}
        Whether problems are an error, or are kept in `Run.problems`.

    Returns
    -------
    Run
        With the stamps in `Run.meta` as ``start_epoch_s`` and ``stop_epoch_s``.

    Raises
    ------
    ValueError
        If a line is no integer, there is no start stamp, the end stamp is not after it, or
        there are fewer than two samples; and, with ``errors="raise"``, for every problem.

    Notes
    -----
    The file has no time of each sample. As a loop "read, wait" gives them, the i-th of n is
    put at start + i (stop - start) / n.
    """
    path = Path(path)
    if path.is_dir():
        if events is None and (path / "events.csv").exists():
            events = path / "events.csv"
        path = path / "measurements.csv"
    text, problems = _text(path), _Problems(errors)
    samples, start_s, step_s = _stamped(text, interval_s, problems)
    power_w = _milliwatts(text, samples, problems) / 1e3
    whole = np.isfinite(power_w)
    time_s = step_s * np.flatnonzero(whole)
    if time_s.size < 2:
        raise ValueError(f"{text.name}:{len(text.lines)}: ends after {time_s.size} samples.")
    begin_s, stop_s = start_s + float(time_s[0]), start_s + step_s * len(samples)
    return Run(
        time_s=time_s - time_s[0],
        power_w=power_w[whole],
        start_epoch_s=begin_s,
        events=_events(None if events is None else _text(events), begin_s, stop_s, problems),
        name=path.parent.name,
        meta={"meter": "external", "start_epoch_s": start_s, "stop_epoch_s": stop_s},
        problems=problems.settle(),
    )


def _stamped(
    text: _Text, interval_s: float, problems: _Problems
) -> tuple[list[tuple[int, str]], float, float]:
    """Return numbered sample lines, the start stamp [epoch s] and the time between samples [s]."""
    last = len(text.lines)
    numbered = [(n, line.strip()) for n, line in enumerate(text.lines, start=1) if line.strip()]
    stamps = [_float(line) for _, line in numbered[-2:] if _float(line) >= _SMALLEST_EPOCH_S]
    samples = numbered[: len(numbered) - len(stamps)]
    if not stamps:
        raise ValueError(
            f"{text.name}:{last}: neither start nor end stamp (epoch seconds, on the last two "
            "lines): the recording cannot be placed in time."
        )
    start_s = stamps[0]
    if len(stamps) == 1:
        problems.add(text, last, f"no end stamp: samples are taken to be {interval_s} s apart")
        return samples, start_s, interval_s
    stop_s = stamps[1]
    if not stop_s > start_s:
        raise ValueError(
            f"{text.name}:{last}: clock jump: the end stamp {stop_s} is not after the start stamp "
            f"{start_s}."
        )
    step_s = (stop_s - start_s) / max(len(samples), 1)
    if not 0.8 * interval_s <= step_s <= 1.2 * interval_s:
        what = (
            f"clock jump or missing samples: {len(samples)} samples in {stop_s - start_s:.3f} s "
            f"are {step_s:.4f} s apart, not interval_s={interval_s}"
        )
        problems.add(text, last, what)
    return samples, start_s, step_s


def _milliwatts(
    text: _Text, samples: list[tuple[int, str]], problems: _Problems
) -> NDArray[np.float64]:
    """Return power in mW; NaN, which is a problem, where the meter gave none."""
    try:
        return np.array([int(line) for _, line in samples], dtype=float)
    except ValueError:
        pass  # some line is no integer: look which
    for number, line in samples:
        if line.lower() == "nan":
            problems.add(text, number, "no number (NaN); left out")
        elif not re.fullmatch(r"[+-]?\d+", line):
            raise ValueError(
                f"{text.name}:{number}: {line!r} is not an integer number of milliwatts; "
                "convert the file if its unit is another."
            )
    return np.array([_float(line) for _, line in samples])


# --- nvidia-smi -------------------------------------------------------------------------------


def read_nvidia_smi(
    path: Path_,
    *,
    tz: str,
    gpu: str | int | None = None,
    column: str | None = None,
    events: Path_ | None = None,
    errors: Errors = "raise",
) -> Run:
    """Read what ``nvidia-smi --query-gpu=timestamp,power.draw,... --format=csv`` printed.

    Parameters
    ----------
    path : path
        The CSV with its header, with or without units in the rows.
    tz : str
        Time zone of the machine, such as "Europe/Berlin": its time stamps carry none.
    gpu : str or int, optional
        Which of several GPUs, by a column such as ``index``, ``uuid`` or ``pci.bus_id``.
    column : str, optional
        Which of several powers: "power.draw", "power.draw.instant", "power.draw.average".
    events : path, optional
        Event file, ``epoch seconds, name`` a line.
    errors : {"raise", "keep"}
        Whether problems are an error, or are kept in `Run.problems`.

    Returns
    -------
    Run
        The power of one GPU.

    Raises
    ------
    ValueError
        If the header has no time stamp or no power, a GPU or a power has to be chosen, or
        there are fewer than two samples; and, with ``errors="raise"``, for every problem.

    References
    ----------
    NVIDIA, nvidia-smi manual, ``nvidia-smi --help-query-gpu``.
    """
    text, problems, zone = _text(path), _Problems(errors), ZoneInfo(tz)
    header = [name.strip() for name in (text.lines or ("",))[0].split(",")]
    power = _smi_power(text, header, column)
    time_s, power_w, lines = _smi_numbers(
        text, _smi_rows(text, header, gpu, problems), power, zone, problems
    )
    later = _increasing(text, lines, time_s, problems)
    time_s, power_w, lines = time_s[later], power_w[later], lines[later]
    _gaps(text, lines, time_s, float(np.median(np.diff(time_s))), problems)
    events_text = None if events is None else _text(events)
    return Run(
        time_s=time_s - time_s[0],
        power_w=power_w,
        start_epoch_s=float(time_s[0]),
        events=_events(events_text, float(time_s[0]), float(time_s[-1]), problems),
        name=text.name,
        meta={"meter": "nvidia-smi", "column": power, "gpu": gpu, "tz": tz},
        problems=problems.settle(),
    )


def _smi_numbers(
    text: _Text,
    rows: list[tuple[int, Mapping[str, str]]],
    power: str,
    zone: ZoneInfo,
    problems: _Problems,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return epoch seconds, power [W] and line number of the rows that have both numbers."""
    found: list[tuple[float, float, int]] = []
    for number, row in rows:
        stamp, value = row["timestamp"], row[power].removesuffix("W").strip()
        try:
            time = datetime.strptime(stamp, "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=zone)
        except ValueError:
            what = f"timestamp {stamp!r} is not YYYY/MM/DD HH:MM:SS.mmm; left out"
            problems.add(text, number, what)
            continue
        if not math.isfinite(_float(value)):
            problems.add(text, number, f"no number for {power} ({value}); left out")
            continue
        found.append((time.timestamp(), float(value), number))
    if len(found) < 2:
        raise ValueError(f"{text.name}:{len(text.lines)}: ends after {len(found)} samples.")
    time_s, power_w, lines = map(np.array, zip(*found, strict=True))
    return time_s, power_w, lines


def _smi_power(text: _Text, header: list[str], column: str | None) -> str:
    """Return the header's name of the power column."""
    powers = [name for name in header if name.startswith("power.draw") and name.endswith("[W]")]
    if "timestamp" not in header or not powers:
        raise ValueError(
            f"{text.name}:1: the header must name timestamp and power.draw [W], but is "
            f"{', '.join(header)!r}: query both, and leave the header on."
        )
    chosen = [name for name in powers if column in (None, name, name.removesuffix("[W]").strip())]
    if len(chosen) != 1:
        raise ValueError(f"column={column!r} of {text.name}: choose one of {', '.join(powers)}.")
    return chosen[0]


def _smi_rows(
    text: _Text, header: list[str], gpu: str | int | None, problems: _Problems
) -> list[tuple[int, Mapping[str, str]]]:
    """Return numbered rows of one GPU."""
    rows = []
    for number, line in enumerate(text.lines[1:], start=2):
        fields = [item.strip() for item in line.split(",")]
        if text.cut and number == len(text.lines):
            problems.add(text, number, "the last line is cut short; left out")
        elif len(fields) != len(header):
            problems.add(text, number, f"{len(fields)} fields, not {len(header)}; left out")
        else:
            rows.append((number, dict(zip(header, fields, strict=True))))
    names = {"index", "uuid", "gpu_uuid", "pci.bus_id", "gpu_bus_id", "serial"} & set(header)
    gpus = {name: sorted({row[name] for _, row in rows}) for name in sorted(names)}
    if gpu is not None:
        rows = [pair for pair in rows if str(gpu) in (pair[1][name] for name in names)]
    if (gpu is None and any(len(found) > 1 for found in gpus.values())) or not rows:
        raise ValueError(f"gpu={gpu!r} of {text.name}: choose one of {gpus}.")
    return rows


# --- many runs --------------------------------------------------------------------------------

_PUBLISHED = re.compile(r"measurements_(?P<experiment>.+?)(?P<repeat>_\d+)?_(?P<stamp>\d{10})")


def read_published(folder: Path_, *, errors: Errors = "raise") -> dict[str, dict[int, Run]]:
    """Read the published runs: folders named for experiment, repeat and time stamp.

    Parameters
    ----------
    folder : path
        Holds folders such as ``measurements_roberta_full_0714004310``, each with
        ``measurements.csv`` and perhaps ``events.csv``.
    errors : {"raise", "keep"}
        Whether problems are an error, or are kept in `Run.problems`.

    Returns
    -------
    dict of dict of Run
        Runs by experiment ("roberta_full", "sleep", ...) and repeat. Where the name has no
        repeat, repeats are counted from 0 by time stamp.

    Raises
    ------
    ValueError
        If there is no such folder in it; otherwise as `read_external`.

    References
    ----------
    Power measurements of https://github.com/Quacck/master-thesis.
    """
    experiments: dict[str, dict[int, Run]] = {}
    for path in sorted(Path(folder).iterdir()):
        match = _PUBLISHED.fullmatch(path.name)
        if not match or not path.is_dir():
            continue
        runs = experiments.setdefault(match["experiment"], {})
        repeat = len(runs) if match["repeat"] is None else int(match["repeat"][1:])
        runs[repeat] = read_external(path, errors=errors)
    if not experiments:
        raise ValueError(
            f"{folder} holds no folder named measurements_EXPERIMENT_MMDDhhmmss: fetch the "
            "published measurements first."
        )
    return experiments


def read_campaign(
    folder: Path_, *, channel: str | None = None, errors: Errors = "raise"
) -> dict[str, dict[int, Run]]:
    """Read all runs of a campaign: archives of recordings, one for each call.

    Parameters
    ----------
    folder : path
        Holds ``runs-*.tar.xz``.
    channel : str, optional
        Which of several: "gpu0", "cpu0", ...
    errors : {"raise", "keep"}
        Whether problems are an error, or are kept in `Run.problems`.

    Returns
    -------
    dict of dict of Run
        Runs by experiment and repeat, named ``EXPERIMENT/REPEAT.csv``; what the job told of
        itself is in `Run.meta`.

    Raises
    ------
    ValueError
        If there is no archive, or a run is in two of them; otherwise as `read_recording`.
    """
    experiments: dict[str, dict[int, Run]] = {}
    for archive in _archives(folder):
        texts = _members(archive)
        told = json.loads("\n".join(texts["call.json"].lines))["runs"]
        for key in told:
            experiment, _, number = key.rpartition("/")
            runs, repeat = experiments.setdefault(experiment, {}), int(number)
            if repeat in runs:
                raise ValueError(f"{archive.name}: {key} is in an earlier archive as well.")
            events = texts[f"{key}.events.csv"]
            run = _recording(texts[f"{key}.csv"], events, channel, errors)
            runs[repeat] = replace(run, meta={**run.meta, **told[key]})
    return {name: dict(sorted(runs.items())) for name, runs in sorted(experiments.items())}


def read_calls(folder: Path_) -> list[dict[str, Any]]:
    """Read what each call of a campaign tells of itself: settings, machine, order, results.

    Parameters
    ----------
    folder : path
        Holds ``runs-*.tar.xz``.

    Returns
    -------
    list of dict
        One for each archive, in order; ``runs`` by ``EXPERIMENT/REPEAT``.

    Raises
    ------
    ValueError
        If there is no archive.
    """
    return [
        json.loads("\n".join(_members(archive)["call.json"].lines)) for archive in _archives(folder)
    ]


def _archives(folder: Path_) -> list[Path]:
    found = sorted(Path(folder).glob("runs-*.tar.xz"))
    if not found:
        raise ValueError(f"{folder} holds no runs-*.tar.xz: it is no campaign.")
    return found


def _members(archive: Path) -> dict[str, _Text]:
    with tarfile.open(archive) as tar:
        return {
            member.name: _Text.of(member.name, tar.extractfile(member).read().decode("utf-8"))
            for member in tar.getmembers()
        }
