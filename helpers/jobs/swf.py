"""The Standard Workload Format: read and checked row by row, written without loss.

References
----------
D. G. Feitelson et al., "The Standard Workload Format", version 2.2, Parallel Workloads Archive,
https://www.cs.huji.ac.il/labs/parallel/workload/swf.html

S. J. Chapin et al., "Benchmarks and Standards for the Evaluation of Parallel Job Schedulers",
Job Scheduling Strategies for Parallel Processing, LNCS 1659, 1999, doi:10.1007/3-540-47954-6_4.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta, timezone, tzinfo
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import LARGEST_BYTES, Source, number, write_whole

from .rows import Rule, read_lines, read_rows
from .table import (
    CENTURY_S,
    EXTRAS,
    JobLog,
    check,
    names,
    settle_jobs,
    states,
    time_zone_name,
    to_epoch,
    to_time_zone,
)

__all__ = ["header_fields", "read_swf", "write_swf"]

# The 18 fields in order: our column, and whether the format wants a whole number.
_FIELDS = {
    "job_id": "int64",
    "submit_s": "float64",
    "wait_s": "float64",
    "run_s": "float64",
    "processors": "int64",
    "cpu_time_s": "float64",
    "memory_kb": "float64",
    "requested_processors": "int64",
    "requested_s": "float64",
    "requested_memory_kb": "float64",
    "state": "int64",
    "user": "int64",
    "group": "int64",
    "executable": "int64",
    "queue": "int64",
    "partition": "int64",
    "previous_job_id": "int64",
    "think_time_s": "float64",
}
_NAMES = ("user", "group", "executable", "queue", "partition")
_ALWAYS_KNOWN = ("job_id", "submit_s")
_STATES = {
    -1: "unknown",
    0: "failed",
    1: "completed",
    2: "partial",
    3: "partial",
    4: "partial",
    5: "cancelled",
}
# The last part of a job that was swapped out or checkpointed tells how the job ended.
_LAST_PART = {3: "last part, completed", 4: "last part, failed"}
# What a state becomes that the format does not know.
_NEAREST = {
    "timeout": 0,
    "node_fail": 0,
    "out_of_memory": 0,
    "preempted": 5,
    "running": -1,
    "pending": -1,
}
_LABEL = re.compile(r"\s*;+\s*([A-Za-z]\w*)\s*:\s*(.*)")


def header_fields(header: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the labelled header comments (``; MaxProcs: 2004``).

    Parameters
    ----------
    header : iterable of str
        Comment lines, as in `JobLog.header`.

    Returns
    -------
    dict of str to tuple of str
        The values by label, in order; a label such as ``Queue`` or ``Note`` may occur often.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in header:
        match = _LABEL.match(line)
        if match:
            label, value = match[1], match[2].strip()
            found[label] = (*found.get(label, ()), value)
    return found


def read_swf(
    path_or_buffer: Source,
    *,
    errors: str = "raise",
    time_zone: str | tzinfo | None = None,
    epoch: Any = None,
    ordered: bool = True,
    largest_bytes: int = LARGEST_BYTES,
) -> JobLog:
    """Read a log in the Standard Workload Format and check every row.

    Parameters
    ----------
    path_or_buffer : path or open file
        A ``.swf`` file, plain or compressed with gzip, bzip2, xz or zstd.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`.
    time_zone : str or tzinfo, optional
        The log's time zone; without it, ``TimeZoneString`` or else ``TimeZone`` of the header.
    epoch : Timestamp, datetime, str or number, optional
        The instant of second 0 (a number is Unix time [s]); without it, ``UnixStartTime`` of the
        header.
    ordered : bool
        Whether rows must be in ascending order of submission, as the format demands.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    JobLog
        ``-1`` is NA.  The header keeps all comment lines verbatim; ``epoch`` is None where neither
        the header (a start time above 0) nor `epoch` gives it, and in UTC where nothing gives the
        zone.

    Raises
    ------
    ValueError
        If a row has not 18 fields, a field is no number, or negative but not -1, or no whole number
        where the format wants one; if a job number or submission is unknown, a job number occurs
        twice (but for partial executions), or submissions go back in time.  The message names file,
        line, field and value.

    Notes
    -----
    Status 0 is ``failed``, 1 ``completed``, 5 ``cancelled``, -1 ``unknown``; 2, 3 and 4 are parts of
    a job that was swapped out or checkpointed: ``partial``, with how the job ended (3 completed,
    4 failed) in ``source_state``.  Such a log may hold a job's summary beside its parts (``; Preemption:
    Double``): leave one of the two out before adding up.
    """
    data, source, cut = read_lines(path_or_buffer, errors=errors, largest_bytes=largest_bytes)
    end, first_line = _end_of_header(data)
    header = [line for line in data[:end].decode().split("\n") if line.strip()]
    rows = read_rows(
        data[end:],
        _FIELDS,
        source=source,
        sep=" ",
        comment=";",
        first_line=first_line,
        problems=cut,
    ).accept(partial(_rules, ordered=ordered))
    jobs, skipped = settle_jobs(_columns(rows.frame), rows, errors=errors)
    header += rows.comments
    return JobLog(
        jobs=jobs,
        epoch=_epoch_of(header_fields(header), source, time_zone, epoch),
        source=source,
        header=tuple(header),
        skipped=skipped,
    )


def _end_of_header(data: bytes) -> tuple[int, int]:
    """Return where the first row starts: offset, and line number from 1."""
    start, line = 0, 1
    while start < len(data):
        stop = data.find(b"\n", start) + 1 or len(data)
        text = data[start:stop].strip()
        if text and not text.startswith(b";"):
            break
        start, line = stop, line + 1
    return start, line


def _rules(frame: pd.DataFrame, *, ordered: bool) -> Iterator[Rule]:
    """Yield the rules that rows of the format must keep.

    What a row breaks by itself comes first: a bad row makes no other one late or double.
    """
    good = np.abs(frame["submit_s"].to_numpy()) < CENTURY_S
    for bad, name, reason in _rules_of_a_row(frame):
        good &= ~np.asarray(bad)
        yield bad, name, reason
    number, status = frame["job_id"].to_numpy(), frame["state"].to_numpy()
    if not (np.diff(number) > 0).all():
        whole = np.flatnonzero(good & ((status < 2) | (status > 4)))
        repeated = np.zeros(len(number), dtype=bool)
        repeated[whole] = pd.Series(number[whole]).duplicated().to_numpy()
        yield repeated, "job_id", "must be unique, but for partial executions (status 2, 3, 4)"
    if ordered:
        submit = frame["submit_s"].to_numpy()
        late = good & (submit < np.maximum.accumulate(np.where(good, submit, -np.inf)))
        reason = "must not be before that of an earlier row (pass ordered=False to allow it)"
        yield late, "submit_s", reason


def _rules_of_a_row(frame: pd.DataFrame) -> Iterator[Rule]:
    """Yield the rules that a row keeps or breaks by itself."""
    for name in _FIELDS:
        values = frame[name].to_numpy()
        if name in _ALWAYS_KNOWN:
            yield values < 0, name, "must be at least 0"
        else:
            yield (values < 0) & (values != -1), name, "must be at least 0, or -1 if unknown"
    known = ", ".join(map(str, _STATES))
    yield frame["state"].to_numpy() > max(_STATES), "state", f"must be one of {known}"


def _columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of the jobs table in the 18 fields."""
    columns: dict[str, Any] = {}
    for name, dtype in _FIELDS.items():
        values = frame[name].to_numpy()
        if name in _NAMES:
            columns[name] = names(values, missing=-1)
        elif name == "state":
            columns[name] = states(values, _STATES)
            if np.isin(values, list(_LAST_PART)).any():
                columns["source_state"] = names([_LAST_PART.get(status) for status in values])
        elif name == "previous_job_id":
            columns[name] = pd.arrays.IntegerArray(values, values == -1)
        elif name in _ALWAYS_KNOWN:
            columns[name] = values
        else:
            numbers = values.astype("float64") if dtype == "int64" else values.copy()
            numbers[numbers == -1] = np.nan
            columns[name] = numbers
    return columns


def _epoch_of(
    fields: Mapping[str, tuple[str, ...]], source: str, time_zone: Any, epoch: Any
) -> pd.Timestamp | None:
    """Return the instant of second 0 from the header, or what was given instead."""
    label = ""
    if epoch is None:
        label = "UnixStartTime"
        epoch = _header_number(fields, label, source, "epoch=")
        if epoch is None or epoch <= 0:
            if time_zone is not None:
                raise ValueError(
                    f"{source}: time_zone is {time_zone!r}, but the header gives no UnixStartTime: "
                    "pass epoch= too."
                )
            return None
    if time_zone is None and not (isinstance(epoch, pd.Timestamp) and epoch.tzinfo):
        time_zone = _time_zone_of(fields, source)
    try:
        return to_epoch(epoch, time_zone)
    except ValueError as error:
        if not label:
            raise
        raise ValueError(f"{source}: {label}: {error} Pass epoch= instead.") from None


def _time_zone_of(fields: Mapping[str, tuple[str, ...]], source: str) -> tzinfo | None:
    """Return the time zone that the header names."""
    if "TimeZoneString" in fields:
        name = fields["TimeZoneString"][0]
        try:
            return to_time_zone(name)
        except ValueError as error:
            raise ValueError(
                f"{source}: TimeZoneString: {error} Pass time_zone= instead."
            ) from None
    shift = _header_number(fields, "TimeZone", source, "time_zone=")
    if shift is None:
        return None
    if 0 < abs(shift) < 900 or abs(shift) > 15 * 3600:
        raise ValueError(
            f"{source}: TimeZone is {shift:g}: it must be the seconds to add to Universal Time. "
            "Pass time_zone= instead."
        )
    return timezone(timedelta(seconds=shift))


def _header_number(
    fields: Mapping[str, tuple[str, ...]], label: str, source: str, remedy: str
) -> float | None:
    """Return the number behind a label of the header, None if there is none."""
    text = fields.get(label, ("",))[0]
    if not text:
        return None
    try:
        return number(text)
    except ValueError:
        raise ValueError(
            f"{source}: {label} is {text[:80]!r}: it must be a number. Pass {remedy} instead."
        ) from None


def write_swf(log: JobLog, path: str | os.PathLike, *, lossy: bool = False) -> None:
    """Write a log in the Standard Workload Format.

    Rows are written in ascending order of submission, as the format demands, header lines first.
    What `read_swf` reads back is the same log.

    Parameters
    ----------
    log : JobLog
        What to write.  ``UnixStartTime`` and ``TimeZoneString`` are added to the header, or mended,
        where they do not say what ``log.epoch`` says.
    path : path
        Where to; ``.gz``, ``.bz2`` and ``.xz`` are compressed.
    lossy : bool
        Whether to write a log that the format cannot hold: names are then replaced by numbers in
        order of first appearance, states by the nearest status (timeout, node_fail, out_of_memory: 0;
        preempted: 5; running, pending: -1), fractions of processors are rounded up, and columns of
        `EXTRAS` are left out.

    Raises
    ------
    ValueError
        If the format cannot hold the log and `lossy` is False, or a submission is before second 0.
    OSError
        If `path` cannot be written; what was there stays.
    """
    check(log.jobs)
    jobs = log.jobs.sort_values("submit_s", kind="stable")
    early = jobs["submit_s"].to_numpy() < 0
    if early.any():
        raise ValueError(
            f"job {jobs['job_id'].iloc[0]}: submit_s is {jobs['submit_s'].iloc[0]}: it must be at "
            "least 0 in this format: shift the epoch and all submissions."
        )
    lost = _what_is_lost(jobs)
    if lost and not lossy:
        raise ValueError(f"the Standard Workload Format cannot hold {lost[0]}: pass lossy=True.")
    header = [line if line.lstrip().startswith(";") else f"; {line}" for line in log.header]
    lines = _with_epoch(header, log) + _row_lines(jobs)
    write_whole(path, "".join(f"{line}\n" for line in lines))


def _what_is_lost(jobs: pd.DataFrame) -> list[str]:
    """Return, in words, what the format cannot hold."""
    lost = []
    for name in ("job_id", *_NAMES, "previous_job_id"):
        words = jobs[name].cat.categories if name in _NAMES else jobs[name].dropna()
        if not pd.api.types.is_integer_dtype(words) and not all(map(_is_number, words)):
            lost.append(f"{name} that are no whole numbers")
    for state in jobs["state"].unique():
        if state in _NEAREST:
            lost.append(f"the state {state!r}")
    for name in ("processors", "requested_processors"):
        if (jobs[name] % 1 > 0).any():
            lost.append(f"fractions in {name}")
    for name in EXTRAS:
        if name == "source_state" and name in jobs:
            words = jobs[name].dropna()
            parts = jobs.loc[words.index, "state"] == "partial"
            if not (words.isin(list(_LAST_PART.values())) & parts).all():
                lost.append("the words in source_state")
        elif name in jobs and jobs[name].notna().any():
            lost.append(f"the column {name!r}")
    return lost


def _is_number(word: str) -> bool:
    """Tell whether a name is a whole number as `str` writes it."""
    return word.isascii() and word.isdigit() and (word == "0" or word[0] != "0")


def _with_epoch(header: list[str], log: JobLog) -> list[str]:
    """Return header lines that give the log's epoch and zone."""
    try:
        given = _epoch_of(header_fields(header), log.source, None, None)
    except ValueError:
        given = None
    same_zone = (
        given is not None
        and log.epoch is not None
        and (time_zone_name(given) == time_zone_name(log.epoch))
    )
    if given == log.epoch and (given is None or same_zone):
        return header
    labels = ("UnixStartTime", "TimeZoneString", "TimeZone")
    kept = [line for line in header if not header_fields([line]).keys() & set(labels)]
    if log.epoch is None:
        return kept
    seconds = _words(pd.Series([log.epoch.timestamp()]))[0]
    return [*kept, f"; UnixStartTime: {seconds}", f"; TimeZoneString: {time_zone_name(log.epoch)}"]


def _row_lines(jobs: pd.DataFrame) -> list[str]:
    """Return one line a job."""
    columns = []
    ids = None
    if jobs["job_id"].dtype != np.int64 and not all(map(_is_number, jobs["job_id"])):
        ids = {job: number for number, job in enumerate(jobs["job_id"].unique(), 1)}
    for name in _FIELDS:
        values = jobs[name]
        if name in _NAMES:
            columns.append(_name_words(values))
        elif name == "state":
            status = {
                state: number for number, state in _STATES.items() if number not in _LAST_PART
            }
            status |= {"partial": 2, **_NEAREST}
            numbers = values.astype(object).map(status).astype("float64")
            if "source_state" in jobs:
                words = {word: number for number, word in _LAST_PART.items()}
                last = jobs["source_state"].astype(object).map(words).astype("float64")
                numbers = numbers.mask((values == "partial") & last.notna(), last)
            columns.append(_words(numbers))
        elif name in ("job_id", "previous_job_id") and ids:
            columns.append(_words(values.astype(object).map(ids)))
        elif name in ("job_id", "previous_job_id"):
            missing = -1 if pd.api.types.is_integer_dtype(values) else "-1"
            columns.append([str(job) for job in values.fillna(missing).tolist()])
        else:
            whole = name.endswith("processors")
            columns.append(_words(np.ceil(values) if whole else values))
    return [" ".join(row) for row in zip(*columns, strict=True)]


def _name_words(values: pd.Series) -> list[str]:
    """Return names as numbers: themselves, or numbered by first appearance."""
    words = list(values.cat.categories)
    if not all(map(_is_number, words)):
        seen = values.dropna().unique().tolist()
        number = {word: str(i) for i, word in enumerate(seen, 1)}
        words = [number.get(word, "") for word in words]
    return [words[code] if code >= 0 else "-1" for code in values.cat.codes.tolist()]


def _words(numbers: pd.Series) -> list[str]:
    """Return numbers as short as they can be written without loss; NaN is -1."""
    numbers = numbers.astype("float64").fillna(-1)
    if ((numbers % 1 == 0) & (numbers.abs() < 2**53)).all():
        return list(map(str, numbers.astype("int64").tolist()))
    return [
        str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
        for number in numbers.tolist()
    ]
