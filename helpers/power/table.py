"""Read a plain CSV of times and watts, such as any meter or script writes, and its events.

::

    time,power_w                          time,event
    2024-05-31T13:00:00+02:00,52.1        2024-05-31T13:00:30+02:00,load data
    2024-05-31T13:00:01+02:00,52.3        2024-05-31T13:00:52+02:00,train

Times are epoch seconds, ISO time stamps with their zone (or without, and the zone is told), or
seconds since anything, as long as events count from there, too.
"""

import csv
import math
import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from helpers.files import LARGEST_BYTES, Text
from helpers.power.read import (
    Errors,
    Path_,
    Problems,
    impossible,
    increasing,
    name_gaps,
    place_events,
    plain,
    read_lines,
)
from helpers.power.runs import Event, Run
from helpers.power.stamps import Ambiguous, local_instants, machine_clock

__all__ = ["read_csv"]

_TIMES = ("time", "time_s", "epoch_s", "timestamp", "epoch_seconds", "elapsed_s", "datetime")
_POWERS = ("power_w", "power [w]", "power (w)", "watts", "power_watts")
_EVENTS = ("event", "name", "event_name", "phase", "label")
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)


# Eight parameters: which columns, by which clock, and what every reader is told of bad rows,
# two-valued times and sizes.
def read_csv(
    path: Path_,
    *,
    events: Path_ | None = None,
    time_column: str | None = None,
    power_column: str | None = None,
    time_zone: str | None = None,
    ambiguous: Ambiguous = "raise",
    errors: Errors = "raise",
    largest_bytes: int = LARGEST_BYTES,
) -> Run:
    """Read a CSV with a column of times and one of watts, and perhaps a file of events.

    Parameters
    ----------
    path : path
        The CSV, plain or compressed: comma, semicolon (also with decimal commas) or tab between
        columns, whose names stand in the first line.
    events : path, optional
        Event file, ``time,event`` with or without a first line of names; its times are those of
        the CSV.
    time_column, power_column : str, optional
        The columns; by default the one named ``time``, ``epoch_s``, ``timestamp``, ... and the one
        named ``power_w``, ``watts``, ... Power is in watts whatever the column's name.
    time_zone : str, optional
        The machine's clock, such as "Europe/Berlin", for time stamps that name no zone.
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
        Power over time with its events.

    Raises
    ------
    ValueError
        If a column has to be chosen, time stamps name no zone and none is told, or there are
        fewer than two samples; and, with ``errors="raise"``, for every problem.
    """
    problems = Problems(errors)
    clock = None if time_zone is None else machine_clock(time_zone, ambiguous)
    text = read_lines(path, problems, largest_bytes)
    header, rows = _table(text, problems)
    time_at = _choose(text, header, time_column, _TIMES, "time_column")
    power_at = _choose(text, header, power_column, _POWERS, "power_column")
    kept = [row for row in rows if _has_power(text, row, power_at, problems)]
    lines = np.array([line for line, _ in kept], dtype=np.int64)
    power_w = np.array([plain(fields[power_at]) for _, fields in kept])
    stamps = [fields[time_at] for _, fields in kept]
    time_s = _instants(text, lines, stamps, clock, ambiguous, problems)
    whole = np.isfinite(time_s)
    lines, power_w, time_s = lines[whole], power_w[whole], time_s[whole]
    later = increasing(text, lines, time_s, problems)
    lines, power_w, time_s = lines[later], power_w[later], time_s[later]
    problems.need_two(text, time_s.size)
    name_gaps(text, lines, time_s, float(np.median(np.diff(time_s))), problems)
    start_s = float(time_s[0])
    found: tuple[Event, ...] = ()
    if events is not None:
        events_text = read_lines(events, problems, largest_bytes)
        stamped = _stamped(events_text, clock, ambiguous, problems)
        found = place_events(
            events_text,
            stamped,
            lambda instant_s: instant_s - start_s,
            float(time_s[-1]) - start_s,
            problems,
        )
    return Run(
        time_s=time_s - start_s,
        power_w=power_w,
        start_epoch_s=start_s,
        events=found,
        name=text.name,
        meta={"meter": "csv", "column": header[power_at], "time_zone": time_zone},
        problems=problems.settle(),
    )


def _table(text: Text, problems: Problems) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the rows with their line numbers."""
    first = text.lines[0] if text.lines else ""
    mark = max(",;\t", key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=mark), [])]
    double = sorted({name for name in header if header.count(name) > 1})
    if double:
        raise ValueError(f"{text.name}:1: column {double[0]!r} is there twice: rename one.")
    rows = []
    for line, fields in _fields(text, mark, problems):
        if line == 1 or not any(fields):
            continue
        if len(fields) != len(header):
            what = f"{len(fields)} fields, not {len(header)}; left out"
            problems.add(text, line, what)
        else:
            rows.append((line, fields))
    return header, rows


def _fields(text: Text, mark: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield line numbers and fields; a decimal comma, which only semicolons allow, becomes a dot."""
    for line_number, line in enumerate(text.lines, start=1):
        if text.cut and line_number == len(text.lines) and text.damage:
            problems.add(text, line_number, "the last line is cut short; left out")
            continue
        try:
            fields = [
                field.strip() for field in next(csv.reader([line], delimiter=mark, strict=True), [])
            ]
        except csv.Error as error:
            problems.add(text, line_number, f"{line[:80]!r} is no row ({error}); left out")
            continue
        if mark == ";":
            fields = [
                field.replace(",", ".") if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", field) else field
                for field in fields
            ]
        yield line_number, fields


def _choose(
    text: Text, header: list[str], wanted: str | None, known: tuple[str, ...], parameter: str
) -> int:
    """Return the place of a column: the one that was named, or the only one with a known name."""
    if wanted is not None and wanted in header:
        return header.index(wanted)
    found = [at for at, name in enumerate(header) if wanted is None and name.lower() in known]
    if len(found) != 1:
        looked = repr(wanted) if wanted is not None else f"one of {', '.join(known)}"
        raise ValueError(
            f"{text.name}:1: the first line names {', '.join(header)[:200] or 'nothing'}, but "
            f"{looked} is wanted: name the column with {parameter}=."
        )
    return found[0]


def _has_power(text: Text, row: tuple[int, list[str]], at: int, problems: Problems) -> bool:
    line, fields = row
    if math.isfinite(plain(fields[at])):
        return True
    problems.add(text, line, f"no number for power ({fields[at]!r}); left out")
    return False


def _instants(
    text: Text,
    lines: NDArray[np.int64],
    stamps: list[str],
    clock: ZoneInfo | None,
    ambiguous: Ambiguous,
    problems: Problems,
) -> NDArray[np.float64]:
    """Return times as seconds, NaN (which is a problem) where there is none."""
    seconds = np.array([plain(stamp) for stamp in stamps])
    found = [_ISO.fullmatch(stamp) for stamp in stamps]
    zoned = np.array([bool(match and match["zone"]) for match in found], dtype=bool)
    local = np.array([bool(match and not match["zone"]) for match in found], dtype=bool)
    if local.any() and clock is None:
        bare = int(np.argmax(local))
        raise ValueError(
            f"{text.name}:{lines[bare]}: {stamps[bare]!r} names no zone, so it is no instant: pass "
            "time_zone=, such as 'Europe/Berlin'."
        )
    for at in np.flatnonzero(zoned).tolist():
        try:
            seconds[at] = datetime.fromisoformat(stamps[at].replace(",", ".")).timestamp()
        except (ValueError, OverflowError):  # the 30th of February; told below
            continue
    if local.any():
        assert clock is not None
        chosen = [stamp for stamp, one in zip(stamps, local, strict=True) if one]
        seconds[local] = local_instants(
            text, lines[local], chosen, "ISO8601", clock, ambiguous, problems
        )
    for at in np.flatnonzero(np.isnan(seconds) & ~local).tolist():
        what = f"{stamps[at][:40]!r} is neither epoch seconds nor an ISO time stamp; left out"
        problems.add(text, int(lines[at]), what)
    for at in np.flatnonzero(np.isfinite(seconds)).tolist():
        if why := impossible(float(seconds[at])):
            problems.add(text, int(lines[at]), f"{why}; left out")
            seconds[at] = np.nan
    return seconds


def _stamped(
    text: Text, clock: ZoneInfo | None, ambiguous: Ambiguous, problems: Problems
) -> list[tuple[int, float, str]]:
    """Return events as (line, seconds, name), with or without a line of names on top."""
    first = text.lines[0] if text.lines else ""
    mark = max(",;\t", key=first.count)
    top = [cell.strip() for cell in first.split(mark)]
    named = not (math.isfinite(plain(top[0])) or _ISO.fullmatch(top[0]))
    time_at, name_at = 0, 1
    if named:
        time_at = _choose(text, top, None, _TIMES, "a first line time,event")
        name_at = _choose(text, top, None, _EVENTS, "a first line time,event")
    rows: list[tuple[int, str, str]] = []
    for line_number, fields in _fields(text, mark, problems):
        if (named and line_number == 1) or not any(fields):
            continue
        # Without names on top, all after the time is the event, commas too.
        name = f"{mark} ".join(fields[1:]) if not named else "".join(fields[name_at : name_at + 1])
        if not name or len(fields) <= time_at:
            line = text.lines[line_number - 1][:80]
            problems.add(text, line_number, f"{line!r} is not 'time, event'; left out")
        else:
            rows.append((line_number, fields[time_at], name))
    lines = np.array([line for line, *_ in rows], dtype=np.int64)
    seconds = _instants(text, lines, [time for _, time, _ in rows], clock, ambiguous, problems)
    return [
        (line, float(at_s), name)
        for (line, _, name), at_s in zip(rows, seconds, strict=True)
        if math.isfinite(at_s)
    ]
