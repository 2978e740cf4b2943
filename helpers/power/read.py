"""What every reader of power shares, and the external meter of the published measurements.

A reader knows its format and nothing else.
What is wrong with a file is told with the file's name and the line: numbers that are missing,
clocks that jump, samples that are missing in between, an end stamp that is missing, events
outside the recording, a compressed file that was cut.
By default that is an error; with ``errors="keep"`` what can be read is read, what cannot is
left out, and `Run.problems` lists it all.
"""

import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from helpers.files import LARGEST_BYTES, Text, number, read_text
from helpers.power.runs import Event, Problem, Run

__all__ = [
    "Problems",
    "read_events",
    "read_external",
    "read_lines",
    "read_published",
]

Errors = Literal["raise", "keep"]
Path_ = str | os.PathLike

# Events of several processes may be written this much out of order [s].
_EVENT_ORDER_S = 0.1
# Stamps in files are rounded: an event this close to the recording is in it [s].
_STAMP_S = 1e-3
# A number on a line of its own that is as large as this is a time, not a power [s].
_SMALLEST_EPOCH_S = 1e9
# No power, energy or time is as large, in any unit; energies of what is smaller do not overflow.
_LARGEST = 1e15
# Epoch seconds of the year 2286: what is larger counts milliseconds, or cannot be.
_LARGEST_EPOCH_S = 1e10


class Problems:
    """What is wrong with the files of one run.

    Parameters
    ----------
    errors : {"raise", "keep"}
        Whether problems are an error, or are kept.

    Raises
    ------
    ValueError
        If `errors` is neither.
    """

    def __init__(self, errors: Errors) -> None:
        if errors not in ("raise", "keep"):
            raise ValueError(f'errors={errors!r} must be "raise" or "keep".')
        self.keep = errors == "keep"
        self._found: list[Problem] = []

    def add(self, text: Text, line: int, what: str) -> None:
        """Note what is wrong in a line of a file."""
        self._found.append(Problem(text.name, line, what))

    def need_two(self, text: Text, count: int, of: str = "") -> None:
        """Refuse a file with fewer than two samples, with what was left out of it.

        Raises
        ------
        ValueError
            If `count` is below two.
        """
        if count < 2:
            shown = "".join(f"; {problem}" for problem in self._found[:3])
            raise ValueError(
                f"{text.name}:{len(text.lines)}: ends after {count} samples{of}, and power "
                f"over time takes two: record for longer{shown}."
            )

    def settle(self) -> tuple[Problem, ...]:
        """Return the problems, or raise them.

        Raises
        ------
        ValueError
            If there is a problem and none may be kept.
        """
        if self._found and not self.keep:
            shown = "; ".join(map(str, self._found[:5]))
            more = f"; and {len(self._found) - 5} more" if len(self._found) > 5 else ""
            raise ValueError(
                f'{shown}{more}. Repair the file, or read what there is with errors="keep".'
            )
        return tuple(self._found)


def read_lines(path: Path_, problems: Problems, largest_bytes: int = LARGEST_BYTES) -> Text:
    """Read a file in lines; it is named with its folder, as names of recordings repeat.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no text, or unfolds to more than `largest_bytes`; or if a compressed file is cut
        or damaged and problems are not kept.
    """
    path = Path(path)
    text = read_text(path, largest_bytes=largest_bytes, keep_cut=problems.keep)
    text = replace(text, name=f"{path.parent.name}/{path.name}".lstrip("/"))
    if text.damage:
        problems.add(text, len(text.lines), "the compressed file is cut or damaged after this line")
    return text


def plain(text: str) -> float:
    """Return a plain number, NaN for what is none, or so large that no meter means it."""
    try:
        value = number(text)
    except ValueError:
        return math.nan
    return value if abs(value) <= _LARGEST else math.nan


def impossible(epoch_s: float) -> str:
    """Say why an instant [epoch s] cannot be; nothing if it can."""
    if 0 <= epoch_s < _LARGEST_EPOCH_S:
        return ""
    milliseconds = _SMALLEST_EPOCH_S <= epoch_s / 1e3 < _LARGEST_EPOCH_S
    return f"{epoch_s:.15g} is no time in epoch seconds" + (
        ": it looks like milliseconds, divide by 1000" if milliseconds else ""
    )


def read_events(
    text: Text | None, clock: Callable[[float], float], duration_s: float, problems: Problems
) -> tuple[Event, ...]:
    """Read ``epoch seconds, name`` lines; events outside the recording are problems.

    Parameters
    ----------
    text : Text or None
        The event file; None for no events.
    clock : callable
        Seconds since the first sample [s] at an instant [epoch s].
    duration_s : float
        From the first to the last sample [s].
    problems : Problems
        Takes what is wrong.
    """
    stamped: list[tuple[int, float, str]] = []
    for line_number, line in enumerate(text.lines if text else (), start=1):
        assert text is not None
        if not line.strip():
            continue
        if text.cut and line_number == len(text.lines):
            problems.add(text, line_number, "the last event is cut short; left out")
            continue
        stamp, comma, name = line.partition(",")
        epoch_s = plain(stamp)
        if not (comma and name.strip() and math.isfinite(epoch_s)):
            problems.add(text, line_number, f"{line!r} is not 'epoch seconds, name'; left out")
        elif why := impossible(epoch_s):
            problems.add(text, line_number, f"{why}; left out")
        else:
            stamped.append((line_number, epoch_s, name.strip()))
    return place_events(text, stamped, clock, duration_s, problems)


def place_events(
    text: Text | None,
    stamped: list[tuple[int, float, str]],
    clock: Callable[[float], float],
    duration_s: float,
    problems: Problems,
) -> tuple[Event, ...]:
    """Put stamped events (line, instant, name) on a run's clock, sorted; see `read_events`."""
    events: list[Event] = []
    latest_s = -math.inf
    for line_number, instant_s, name in stamped:
        assert text is not None
        time_s = clock(instant_s)
        if not -_STAMP_S <= time_s <= duration_s + _STAMP_S:
            far_s = max(-time_s, time_s - duration_s)
            where = "before the recording starts" if time_s < 0 else "after it ends"
            what = f"event {name!r} is {far_s:.3f} s {where}; left out"
            problems.add(text, line_number, what)
            continue
        if instant_s < latest_s - _EVENT_ORDER_S:
            back_s = latest_s - instant_s
            problems.add(text, line_number, f"clock jump: event {name!r} is {back_s:.3f} s earlier")
        latest_s = max(latest_s, instant_s)
        events.append(Event(min(max(time_s, 0.0), duration_s), name))
    return tuple(sorted(events, key=lambda event: event.time_s))


def name_gaps(
    text: Text,
    lines: NDArray[np.int64],
    time_s: NDArray[np.float64],
    interval_s: float,
    problems: Problems,
) -> None:
    """Name the places where samples are missing: ten intervals, and a second, without one."""
    longest_s = max(10 * interval_s, 1.0)
    steps_s = np.diff(time_s)
    for at in np.flatnonzero(steps_s > longest_s):
        problems.add(text, int(lines[at + 1]), f"no sample for {steps_s[at]:.3f} s before this one")


def increasing(
    text: Text, lines: NDArray[np.int64], time_s: NDArray[np.float64], problems: Problems
) -> NDArray[np.bool_]:
    """Name samples that are not later than all before them; return the mask of the others."""
    before_s = np.maximum.accumulate(np.concatenate(([-np.inf], time_s[:-1])))
    later = np.asarray(time_s > before_s)
    for at in np.flatnonzero(~later):
        back_s = before_s[at] - time_s[at]
        what = f"clock jump: {back_s:.3f} s back" if back_s > 0 else "a second sample at one time"
        problems.add(text, int(lines[at]), f"{what}; left out")
    return later


# --- an external meter ------------------------------------------------------------------------

_INTEGER = re.compile(r"[+-]?[0-9]+")


def read_external(
    path: Path_,
    *,
    events: Path_ | None = None,
    interval_s: float = 0.05,
    errors: Errors = "raise",
    largest_bytes: int = LARGEST_BYTES,
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
    largest_bytes : int
        What a compressed file may unfold to [bytes].

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
    problems = Problems(errors)
    text = read_lines(path, problems, largest_bytes)
    samples, start_s, step_s = _stamped(text, interval_s, problems)
    power_w = _milliwatts(text, samples, problems) / 1e3
    whole = np.isfinite(power_w)
    time_s = step_s * np.flatnonzero(whole)
    problems.need_two(text, time_s.size)
    begin_s, stop_s = start_s + float(time_s[0]), start_s + step_s * len(samples)
    events_text = None if events is None else read_lines(events, problems, largest_bytes)
    return Run(
        time_s=time_s - time_s[0],
        power_w=power_w[whole],
        start_epoch_s=begin_s,
        events=read_events(
            events_text, lambda epoch_s: epoch_s - begin_s, stop_s - begin_s, problems
        ),
        name=path.parent.name,
        meta={"meter": "external", "start_epoch_s": start_s, "stop_epoch_s": stop_s},
        problems=problems.settle(),
    )


def _stamped(
    text: Text, interval_s: float, problems: Problems
) -> tuple[list[tuple[int, str]], float, float]:
    """Return numbered sample lines, the start stamp [epoch s] and the time between samples [s]."""
    last = len(text.lines)
    numbered = [(n, line.strip()) for n, line in enumerate(text.lines, start=1) if line.strip()]
    if text.cut and numbered and plain(numbered[-1][1]) < _SMALLEST_EPOCH_S:
        problems.add(text, last, "the last line is cut short; left out")
        numbered.pop()
    stamps = [plain(line) for _, line in numbered[-2:] if plain(line) >= _SMALLEST_EPOCH_S]
    for stamp in stamps:
        if why := impossible(stamp):
            raise ValueError(f"{text.name}:{last}: {why}.")
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
    text: Text, samples: list[tuple[int, str]], problems: Problems
) -> NDArray[np.float64]:
    """Return power in mW; NaN, which is a problem, where the meter gave none."""
    for line_number, line in samples:
        if line.lower() == "nan":
            problems.add(text, line_number, "no number (NaN); left out")
        elif not _INTEGER.fullmatch(line):
            raise ValueError(
                f"{text.name}:{line_number}: {line!r} is not an integer number of milliwatts; "
                "convert the file if its unit is another."
            )
        elif not abs(plain(line)) < _SMALLEST_EPOCH_S:
            raise ValueError(
                f"{text.name}:{line_number}: {line} mW are too many; a time stamp belongs on one "
                "of the last two lines."
            )
    return np.array([plain(line) for _, line in samples])


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
