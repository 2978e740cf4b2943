"""Read what `helpers.power.record` wrote: single recordings, and the archives of a campaign.

Each sample carries two clocks, the time of day and one that nobody sets, and events carry the
time of day: they are put in place by the pair, so that a clock that is slewed or set while
recording misplaces no event.
"""

import json
import lzma
import math
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.files import LARGEST_BYTES, Text, text_lines
from helpers.power.read import (
    Errors,
    Path_,
    Problems,
    impossible,
    increasing,
    name_gaps,
    plain,
    read_events,
    read_lines,
)
from helpers.power.record import FIRST_LINE, events_path
from helpers.power.runs import Run

__all__ = ["read_calls", "read_campaign", "read_recording", "read_samples"]

# A wall clock that moves this much against the monotonic one has been set [s].
_CLOCK_STEP_S = 0.05
# No GPU and no processor draws as much [W]: a counter that rises faster was not counting energy.
_MOST_W = 20_000.0
# Readings of a counter are written to a thousandth [J]; less than this is no fall.
_COUNTER_ROUNDING_J = 0.002
# Meters sample a part of the time, so that their counters and the integral of their power differ
# by several percent; a counter is read up to a second late. More is not the same energy.
_DISAGREE, _LATE_S = 0.1, 1.0
_POWER, _ENERGY = "_power_w", "_energy_j"


def read_recording(
    path: Path_,
    *,
    channel: str | None = None,
    events: Path_ | None = None,
    errors: Errors = "raise",
    largest_bytes: int = LARGEST_BYTES,
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
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    Run
        With the energy counter as `Run.counter_j` and header and footer in `Run.meta`, which
        also tells in ``clock_drift_s`` by how much the time of day moved against the run's
        clock [s]. A channel with a counter only (RAPL) has its power from it: the mean between
        two readings [W], halfway between them.

    Raises
    ------
    ValueError
        If the file is no recording, has fewer than two samples or several channels and none
        was chosen; and, with ``errors="raise"``, for every problem.

    Notes
    -----
    An energy counter that falls was reset (a driver was loaded anew, a machine slept); what it
    counted across the fall is not known and never counted. That, and a counter that says
    another energy than the integral of power, are problems.
    """
    problems = Problems(errors)
    text = read_lines(path, problems, largest_bytes)
    beside = events_path(path) if events is None else Path(events)
    found = events is not None or beside.exists()
    events_text = read_lines(beside, problems, largest_bytes) if found else None
    return _recording(text, events_text, channel, problems)


def read_samples(
    path: Path_, *, errors: Errors = "raise", largest_bytes: int = LARGEST_BYTES
) -> pd.DataFrame:
    """Read all columns of a recording, such as temperature and clock.

    Parameters
    ----------
    path : path
        The samples, plain or compressed.
    errors : {"raise", "keep"}
        Whether problems are an error; with "keep" rows that cannot be read are left out.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

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
    problems = Problems(errors)
    parts = _parse_recording(read_lines(path, problems, largest_bytes), problems)
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


def _parse_recording(text: Text, problems: Problems) -> _Parts:
    """Take a recording apart; its rows have all fields, rising time and no large gap."""
    if not text.lines or text.lines[0] != FIRST_LINE:
        raise ValueError(f"{text.name}:1: not a recording: it must start with {FIRST_LINE!r}.")
    meta: dict[str, Any] = {}
    columns: tuple[str, ...] = ()
    rows: list[list[float]] = []
    lines: list[int] = []
    for line_number, line in enumerate(text.lines[1:], start=2):
        if text.cut and line_number == len(text.lines):
            problems.add(text, line_number, "the last line is cut short; left out")
        elif line.startswith("#"):
            key, _, value = line[1:].partition(":")
            try:
                meta[key.strip()] = json.loads(value)
            except (ValueError, RecursionError):  # the latter for brackets without end
                problems.add(text, line_number, f"{line[:80]!r} is not '# name: JSON'; left out")
        elif not columns:
            columns = _columns(text, line_number, line)
        elif (row := _row(text, line_number, line, columns, problems)) is not None:
            rows.append(row)
            lines.append(line_number)
    problems.need_two(text, len(rows))
    if "stop_epoch_s" not in meta:
        problems.add(text, len(text.lines), "no end stamp: the recorder was killed")
    parts = _Parts(meta, columns, np.array(rows), np.array(lines))
    parts = parts.where(increasing(text, parts.lines, parts.of("elapsed_s"), problems))
    name_gaps(text, parts.lines, parts.of("elapsed_s"), _interval_s(meta), problems)
    steps_s = np.diff(parts.of("epoch_s") - parts.of("elapsed_s"))
    for at in np.flatnonzero(np.abs(steps_s) > _CLOCK_STEP_S):
        what = f"clock jump: the time of day was set by {steps_s[at]:+.3f} s before this sample"
        problems.add(text, int(parts.lines[at + 1]), what)
    return parts


def _columns(text: Text, line_number: int, line: str) -> tuple[str, ...]:
    """Return the names of the columns; the first two are the clocks."""
    columns = tuple(line.split(","))
    if columns[:2] != ("epoch_s", "elapsed_s") or len(set(columns)) < len(columns):
        raise ValueError(
            f"{text.name}:{line_number}: columns {line[:80]!r} must begin with epoch_s,elapsed_s, "
            "and no name may stand twice."
        )
    return columns


def _row(
    text: Text, line_number: int, line: str, columns: tuple[str, ...], problems: Problems
) -> list[float] | None:
    """Return the numbers of a sample, NaN where the meter gave none; None if it cannot be read."""
    items = line.split(",")
    row = [plain(item) for item in items]
    unread = any(
        math.isnan(value) and item.strip().lower() != "nan"
        for item, value in zip(items, row, strict=True)
    )
    if unread or len(row) != len(columns) or math.isnan(row[0]) or math.isnan(row[1]):
        problems.add(text, line_number, f"{line[:80]!r} is not {','.join(columns)}; left out")
        return None
    if why := impossible(row[0]):
        problems.add(text, line_number, f"{why}; left out")
        return None
    return row


def _interval_s(meta: dict[str, Any]) -> float:
    """Return what the header says of the time between samples [s]; 0 where it says nothing."""
    told = meta.get("interval_s")
    return float(told) if isinstance(told, int | float) and math.isfinite(told) else 0.0


def _recording(text: Text, events: Text | None, channel: str | None, problems: Problems) -> Run:
    parts = _parse_recording(text, problems)
    channel = _channel(text, parts.columns, channel)
    clock = _clock(parts)
    used = [c for c in (channel + _POWER, channel + _ENERGY) if c in parts.columns]
    whole = np.asarray(np.isfinite([parts.of(column) for column in used]).all(axis=0))
    for line_number in parts.lines[~whole]:
        problems.add(text, int(line_number), f"no number for {channel} (NaN); left out")
    parts = parts.where(whole)
    problems.need_two(text, len(parts.rows), f" of {channel}")
    time_s, power_w, counter_j = _series(text, parts, channel, problems)
    first_s = float(time_s[0])
    behind_s = first_s - float(parts.of("elapsed_s")[0])
    offset_s = parts.of("epoch_s") - parts.of("elapsed_s")
    return Run(
        time_s=time_s - first_s,
        power_w=power_w,
        start_epoch_s=float(parts.of("epoch_s")[0]) + behind_s,
        events=read_events(
            events,
            lambda epoch_s: clock(epoch_s) - first_s,
            float(time_s[-1]) - first_s,
            problems,
        ),
        counter_j=counter_j,
        name=text.name,
        meta={
            **parts.meta,
            "channel": channel,
            "clock_drift_s": round(float(offset_s[-1] - offset_s[0]), 4),
        },
        problems=problems.settle(),
    )


def _clock(parts: _Parts) -> Callable[[float], float]:
    """Return what turns the time of day [epoch s] into the recording's own time [s].

    Both were read at every sample; in between, and a little around, both run at the same pace.
    """
    # Two readings of a clock that was set back are at one place: which of them is not known.
    epoch_s, elapsed_s = np.maximum.accumulate(parts.of("epoch_s")), parts.of("elapsed_s")

    def at(instant_s: float) -> float:
        inside_s = min(max(instant_s, float(epoch_s[0])), float(epoch_s[-1]))
        return float(np.interp(inside_s, epoch_s, elapsed_s)) + instant_s - inside_s

    return at


def _series(
    text: Text, parts: _Parts, channel: str, problems: Problems
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Return time [s], power [W] and the energy counter [J], None without one."""
    time_s = parts.of("elapsed_s")
    power_w = parts.of(channel + _POWER) if channel + _POWER in parts.columns else None
    if channel + _ENERGY not in parts.columns:
        assert power_w is not None  # a channel has one of the two
        return time_s, power_w, None
    steps_j, durations_s = np.diff(parts.of(channel + _ENERGY)), np.diff(time_s)
    counted = _counted(text, parts.lines, steps_j, durations_s, problems)
    counter_j = np.concatenate(([0.0], np.cumsum(np.where(counted, steps_j, 0.0))))
    counter_j += parts.of(channel + _ENERGY)[0]
    if power_w is not None:
        between_w = (power_w[1:] + power_w[:-1]) / 2
        integral_j = float((between_w * durations_s)[counted].sum())
        _compare(text, float(counter_j[-1] - counter_j[0]), integral_j, power_w, problems)
        return time_s, power_w, counter_j
    if counted.sum() < 2:
        raise ValueError(
            f"{text.name}:{len(text.lines)}: {channel} counts for less than two steps."
        )
    middle_s, middle_j = (time_s[1:] + time_s[:-1]) / 2, (counter_j[1:] + counter_j[:-1]) / 2
    return middle_s[counted], (steps_j / durations_s)[counted], middle_j[counted]


def _counted(
    text: Text,
    lines: NDArray[np.int64],
    steps_j: NDArray[np.float64],
    durations_s: NDArray[np.float64],
    problems: Problems,
) -> NDArray[np.bool_]:
    """Return which steps of a counter are energy, and name the others."""
    fell = steps_j < -_COUNTER_ROUNDING_J
    leapt = steps_j > np.maximum(_MOST_W * durations_s, _COUNTER_ROUNDING_J)
    for at in np.flatnonzero(fell):
        what = f"the energy counter falls by {-steps_j[at]:.3f} J: it was reset"
        problems.add(text, int(lines[at + 1]), f"{what}; this step is not counted")
    for at in np.flatnonzero(leapt):
        what = f"the energy counter rises by {steps_j[at]:.3f} J in {durations_s[at]:.3f} s"
        problems.add(text, int(lines[at + 1]), f"{what}: no device draws that; not counted")
    return np.asarray(~(fell | leapt))


def _compare(
    text: Text,
    counter_j: float,
    integral_j: float,
    power_w: NDArray[np.float64],
    problems: Problems,
) -> None:
    """Name a counter that says another energy than the power beside it."""
    most_j = _DISAGREE * abs(integral_j) + _LATE_S * float(np.abs(power_w).max())
    if abs(counter_j - integral_j) > most_j:
        what = (
            f"the energy counter says {counter_j:.1f} J, the integral of power {integral_j:.1f} J: "
            f"they disagree by more than {100 * _DISAGREE:g} %"
        )
        problems.add(text, len(text.lines), what)


def _channel(text: Text, columns: Iterable[str], wanted: str | None) -> str:
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


# --- campaigns --------------------------------------------------------------------------------


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
        told = _call(archive, texts)["runs"]
        for key in told:
            experiment, _, last = key.rpartition("/")
            runs, repeat = experiments.setdefault(experiment, {}), int(last)
            if repeat in runs:
                raise ValueError(f"{archive.name}: {key} is in an earlier archive as well.")
            events = texts[f"{key}.events.csv"]
            run = _recording(texts[f"{key}.csv"], events, channel, Problems(errors))
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
    return [_call(archive, _members(archive)) for archive in _archives(folder)]


def _archives(folder: Path_) -> list[Path]:
    found = sorted(Path(folder).glob("runs-*.tar.xz"))
    if not found:
        raise ValueError(f"{folder} holds no runs-*.tar.xz: it is no campaign.")
    return found


def _members(archive: Path) -> dict[str, Text]:
    """Return the texts in an archive, by name; nothing is written to the disk."""
    texts: dict[str, Text] = {}
    left = LARGEST_BYTES
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                left -= member.size
                if left < 0:
                    raise ValueError(
                        f"{archive.name} unfolds to more than {LARGEST_BYTES:,} bytes."
                    )
                file = tar.extractfile(member)
                if file is not None:
                    content = file.read().decode("utf-8")
                    cut = bool(content) and not content.endswith("\n")
                    texts[member.name] = Text(member.name, tuple(text_lines(content)), cut)
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{archive.name}: the archive is damaged or cut short ({error}): fetch it again."
        ) from error
    return texts


def _call(archive: Path, texts: dict[str, Text]) -> dict[str, Any]:
    """Return what a call tells of itself, if its recordings are there."""
    try:
        call: dict[str, Any] = json.loads("\n".join(texts["call.json"].lines))
        missing = [
            f"{key}{end}"
            for key in call["runs"]
            for end in (".csv", ".events.csv")
            if f"{key}{end}" not in texts
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{archive.name} holds no call.json that names its runs: it is no archive of a campaign."
        ) from error
    if missing:
        raise ValueError(f"{archive.name} lacks {', '.join(missing[:5])}: fetch it again.")
    return call
