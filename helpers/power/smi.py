"""Read what ``nvidia-smi --query-gpu=... --format=csv`` printed, of one GPU or of several."""

import math
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from helpers.files import LARGEST_BYTES, Text
from helpers.power.read import (
    Errors,
    Path_,
    Problems,
    increasing,
    name_gaps,
    plain,
    read_events,
    read_lines,
)
from helpers.power.runs import Run
from helpers.power.stamps import Ambiguous, local_instants, machine_clock

__all__ = ["read_nvidia_smi"]

# What can tell one GPU from another, as nvidia-smi names it, old names and new.
_NAMES = (
    "index",
    "uuid",
    "gpu_uuid",
    "pci.bus_id",
    "gpu_bus_id",
    "minor_number",
    "gpu_minor_number",
    "serial",
    "gpu_serial",
    "name",
    "gpu_name",
)
_STAMP = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,6}")
_FORMAT = "%Y/%m/%d %H:%M:%S.%f"
# Rows of one question follow each other; the next question comes this many times later, at least.
_BUNCHED = 4.0


@dataclass(frozen=True)
class _Rows:
    """Rows with their line numbers: epoch seconds, power [W], and which GPU each is of."""

    lines: NDArray[np.int64]
    time_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    gpus: tuple[tuple[str, ...], ...]

    def where(self, mask: NDArray[np.bool_]) -> "_Rows":
        gpus = tuple(gpu for gpu, chosen in zip(self.gpus, mask, strict=True) if chosen)
        return _Rows(self.lines[mask], self.time_s[mask], self.power_w[mask], gpus)

    def renamed(self, gpus: list[tuple[str, ...]]) -> "_Rows":
        return _Rows(self.lines, self.time_s, self.power_w, tuple(gpus))


# Eight parameters: what the print does not say (clock, which GPU), and what every reader is told of
# bad rows, two-valued times and sizes.
def read_nvidia_smi(
    path: Path_,
    *,
    time_zone: str,
    gpu: str | int | None = None,
    column: str | None = None,
    events: Path_ | None = None,
    ambiguous: Ambiguous = "raise",
    errors: Errors = "raise",
    largest_bytes: int = LARGEST_BYTES,
) -> Run:
    """Read what ``nvidia-smi --query-gpu=timestamp,power.draw,... --format=csv`` printed.

    Parameters
    ----------
    path : path
        The CSV with its header, with or without units in the rows.
    time_zone : str
        The machine's clock, such as "Europe/Berlin": its time stamps name none.
    gpu : str or int, optional
        Which of several GPUs, by what the file tells of them (``index``, ``uuid``,
        ``pci.bus_id``, ``name``, ...); "all" for the sum of all. Where the file tells nothing,
        GPUs are counted from 0 in the order of their rows, if rows come in a clear pattern.
    column : str, optional
        Which of several powers: "power.draw", "power.draw.instant", "power.draw.average".
    events : path, optional
        Event file, ``epoch seconds, name`` a line.
    ambiguous : {"raise", "first", "second"}
        What to do with local times that occur twice, when clocks are set back, and that the rows
        around them do not settle.
    errors : {"raise", "keep"}
        Whether problems are an error, or are kept in `Run.problems`.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    Run
        The power of one GPU, or of all together while all were read; in between readings each
        one's power is a straight line, so that the energy of the sum is the sum of the energies.

    Raises
    ------
    ValueError
        If the clock is not known, the header has no time stamp or no power, a GPU or a power has
        to be chosen, or there are fewer than two samples; and, with ``errors="raise"``, for every
        problem.

    References
    ----------
    NVIDIA, nvidia-smi manual, ``nvidia-smi --help-query-gpu``.
    """
    clock = machine_clock(time_zone, ambiguous)
    problems = Problems(errors)
    text = read_lines(path, problems, largest_bytes)
    header = _header(text)
    power = _power_column(text, header, column)
    rows = _rows(text, header, power, clock, ambiguous, problems)
    parts = _parts(text, _told_apart(text, rows), gpu, [n for n in _NAMES if n in header])
    series = [_one(text, part, problems) for part in parts]
    time_s, power_w = series[0] if len(series) == 1 else _sum(text, series)
    start_s = float(time_s[0])
    events_text = None if events is None else read_lines(events, problems, largest_bytes)
    return Run(
        time_s=time_s - start_s,
        power_w=power_w,
        start_epoch_s=start_s,
        events=read_events(
            events_text,
            lambda epoch_s: epoch_s - start_s,
            float(time_s[-1]) - start_s,
            problems,
        ),
        name=text.name,
        meta={
            "meter": "nvidia-smi",
            "column": power,
            "gpu": gpu,
            "gpus": len(series),
            "time_zone": time_zone,
        },
        problems=problems.settle(),
    )


def _header(text: Text) -> list[str]:
    header = [name.strip() for name in (text.lines or ("",))[0].split(",")]
    double = sorted({name for name in header if header.count(name) > 1})
    if double:
        raise ValueError(f"{text.name}:1: column {double[0]!r} is there twice: query it once.")
    return header


def _power_column(text: Text, header: list[str], column: str | None) -> str:
    """Return the header's name of the power column."""
    powers = [name for name in header if name.startswith("power.draw") and name.endswith("[W]")]
    if "timestamp" not in header or not powers:
        raise ValueError(
            f"{text.name}:1: the header must name timestamp and power.draw [W], but is "
            f"{', '.join(header)[:200]!r}: query both, and leave the header on."
        )
    chosen = [name for name in powers if column in (None, name, name.removesuffix("[W]").strip())]
    if len(chosen) != 1:
        raise ValueError(f"column={column!r} of {text.name}: choose one of {', '.join(powers)}.")
    return chosen[0]


def _rows(
    text: Text,
    header: list[str],
    power: str,
    clock: ZoneInfo,
    ambiguous: Ambiguous,
    problems: Problems,
) -> _Rows:
    """Return the rows that have an instant and a number."""
    found: list[tuple[int, str, float, tuple[str, ...]]] = []
    names = [name for name in _NAMES if name in header]
    for line_number, line in enumerate(text.lines[1:], start=2):
        fields = [item.strip() for item in line.split(",")]
        if text.cut and line_number == len(text.lines):
            problems.add(text, line_number, "the last line is cut short; left out")
            continue
        if len(fields) != len(header):
            what = f"{len(fields)} fields, not {len(header)}; left out"
            problems.add(text, line_number, what)
            continue
        row = dict(zip(header, fields, strict=True))
        power_w = plain(row[power].removesuffix("W"))
        if not _STAMP.fullmatch(row["timestamp"]):
            what = f"timestamp {row['timestamp'][:40]!r} is not YYYY/MM/DD HH:MM:SS.mmm; left out"
            problems.add(text, line_number, what)
        elif not math.isfinite(power_w):
            problems.add(text, line_number, f"no number for {power} ({row[power]}); left out")
        else:
            gpu = tuple(row[name] for name in names)
            found.append((line_number, row["timestamp"], power_w, gpu))
    lines = np.array([line_number for line_number, *_ in found], dtype=np.int64)
    stamps = [stamp for _, stamp, *_ in found]
    time_s = local_instants(text, lines, stamps, _FORMAT, clock, ambiguous, problems)
    rows = _Rows(
        lines, time_s, np.array([watts for *_, watts, _ in found]), tuple(gpu for *_, gpu in found)
    )
    rows = rows.where(np.isfinite(time_s))
    problems.need_two(text, len(rows.lines))
    return rows


def _told_apart(text: Text, rows: _Rows) -> _Rows:
    """Give GPUs that the file does not tell apart a number by the pattern of their rows.

    nvidia-smi asks all GPUs, then waits: rows come in bunches of one row a GPU.
    """
    gpus = list(rows.gpus)
    for name in dict.fromkeys(rows.gpus):
        places = np.flatnonzero([gpu == name for gpu in rows.gpus])
        count = _bunch(rows.time_s[places])
        if count is None:
            raise ValueError(
                f"{text.name}:{rows.lines[places[0]]}: rows of several GPUs follow each other "
                "without a pattern, and no column tells them apart: query the index, too."
            )
        if count > 1:
            for place, at in enumerate(places):
                gpus[at] = (*name, str(place % count))
    return rows.renamed(gpus)


def _bunch(time_s: NDArray[np.float64]) -> int | None:
    """Return how many rows each question gave; None if rows come in bunches of changing size."""
    steps_s = np.abs(np.diff(time_s))
    if steps_s.size == 0:
        return 1
    typical_s = float(np.quantile(steps_s, 0.95))
    short = steps_s * _BUNCHED < typical_s
    if short.mean() < 0.1:  # a hiccup now and then is no second GPU
        return 1
    sizes = np.diff(np.concatenate(([-1], np.flatnonzero(~short), [steps_s.size])))
    whole, last = sizes[:-1], sizes[-1]
    if whole.size and (whole == whole[0]).all() and last <= whole[0]:
        return int(whole[0])
    return None


def _parts(text: Text, rows: _Rows, gpu: str | int | None, names: list[str]) -> list[_Rows]:
    """Return the rows of the GPU that was chosen, or of each GPU if all were."""
    known = list(dict.fromkeys(rows.gpus))
    if gpu == "all" or (gpu is None and len(known) == 1):
        chosen = known
    else:
        chosen = [one for one in known if gpu is not None and str(gpu) in one]
    if not chosen or (len(chosen) > 1 and gpu != "all"):
        numbered = any(len(one) > len(names) for one in known)
        told = [*names, *(["row"] if numbered else [])]
        shown = {
            name: sorted({one[at] for one in known if len(one) > at})
            for at, name in enumerate(told)
        }
        raise ValueError(
            f"gpu={gpu!r} of {text.name}: it has {len(known)} GPUs; choose one of {shown}, or "
            "gpu='all' for their sum."
        )
    return [rows.where(np.array([one == name for one in rows.gpus])) for name in chosen]


def _one(
    text: Text, rows: _Rows, problems: Problems
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and powers of one GPU, gaps and jumps named."""
    rows = rows.where(increasing(text, rows.lines, rows.time_s, problems))
    problems.need_two(text, len(rows.lines), " of a GPU")
    interval_s = float(np.median(np.diff(rows.time_s)))
    name_gaps(text, rows.lines, rows.time_s, interval_s, problems)
    return rows.time_s, rows.power_w


def _sum(
    text: Text, series: list[tuple[NDArray[np.float64], NDArray[np.float64]]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add powers at every time at which one was read, from when all were read until one ends."""
    first_s, last_s = max(s[0][0] for s in series), min(s[0][-1] for s in series)
    times_s = np.unique(np.concatenate([s[0] for s in series]))
    times_s = times_s[(times_s >= first_s) & (times_s <= last_s)]
    if times_s.size < 2:
        raise ValueError(f"{text.name}: its GPUs were never read at the same time.")
    return times_s, np.sum([np.interp(times_s, *s) for s in series], axis=0)
