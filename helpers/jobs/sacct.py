r"""Slurm's accounting as ``sacct`` exports it: jobs with their steps -> one row a job.

Export with ::

    SLURM_TIME_FORMAT=%s sacct --allusers --duplicates --parsable2 --noconvert \
        --starttime=2024-01-01 --endtime=2025-01-01 \
        --format=JobID,JobIDRaw,User,Account,Partition,QOS,Submit,Eligible,Start,End,Elapsed,\
    Suspended,Timelimit,State,NodeList,NNodes,AllocCPUS,ReqCPUS,NTasks,AllocTRES,ReqMem,AveRSS,\
    MaxRSS,ConsumedEnergyRaw,TotalCPU > jobs.txt

and read with ``read_sacct("jobs.txt", time_zone="Europe/Berlin")``.
`EXPORT` is that list of columns.

- ``SLURM_TIME_FORMAT=%s`` prints seconds since 1970.  Without it times are local and without offset,
  so that an hour of every autumn occurs twice; a format with ``%z`` is cut off after 19 characters
  unless the columns are widened (``Submit%24``).
- ``--duplicates`` also prints the earlier runs of jobs that were requeued: they used energy too.
- ``--starttime`` picks jobs by when they became *eligible* to start: those that never did (held, or
  withdrawn before their time) are left out, unless they are asked for by number (``--jobs``).
- ``NodeList`` tells that a job never started where an old Slurm gives it a start all the same.
- Names that may hold the delimiter (``JobName``, ``Comment``) are best left out, or exported with a
  delimiter that no name has (``--delimiter=$'\x1f'``).

References
----------
SchedMD, "sacct - displays accounting data for all jobs and job steps", https://slurm.schedmd.com/sacct.html

Slurm 22.05.8, source code: ``src/sacct/print.c`` (what a column holds), ``src/common/parse_time.c``
(times, limits), ``src/common/slurm_protocol_api.c`` (``convert_num_unit2``: suffixes),
``src/slurmctld/step_mgr.c`` (``_internal_step_complete``: energy of a job).
"""

import re
import warnings
from collections.abc import Callable, Iterator
from datetime import tzinfo
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.files import LARGEST_BYTES, Source

from .rows import Problem, Rows, Rule, first_broken, read_lines
from .table import CENTURY_S, JobLog, names, settle_jobs, states, to_epoch, to_time_zone

__all__ = ["EXPORT", "Memory", "parse_elapsed", "parse_memory", "parse_tres", "read_sacct"]

EXPORT = (
    "JobID,JobIDRaw,User,Account,Partition,QOS,Submit,Eligible,Start,End,Elapsed,Suspended,Timelimit,"
    "State,NodeList,NNodes,AllocCPUS,ReqCPUS,NTasks,AllocTRES,ReqMem,AveRSS,MaxRSS,ConsumedEnergyRaw,"
    "TotalCPU"
)
"""The columns to export: what to give to ``sacct --format=``."""

# Slurm's word, its short form, and what it is in the jobs table.
_STATES = {
    "BOOT_FAIL": ("BF", "node_fail"),
    "CANCELLED": ("CA", "cancelled"),
    "COMPLETED": ("CD", "completed"),
    "COMPLETING": ("CG", "running"),
    "CONFIGURING": ("CF", "running"),
    "DEADLINE": ("DL", "cancelled"),
    "FAILED": ("F", "failed"),
    "NODE_FAIL": ("NF", "node_fail"),
    "OUT_OF_MEMORY": ("OOM", "out_of_memory"),
    "PENDING": ("PD", "pending"),
    "PREEMPTED": ("PR", "preempted"),
    "REQUEUED": ("RQ", "partial"),
    "RESIZING": ("RS", "partial"),
    "REVOKED": ("RV", "cancelled"),
    "RUNNING": ("R", "running"),
    "SUSPENDED": ("S", "running"),
    "TIMEOUT": ("TO", "timeout"),
}
_MEANING = {word: state for word, (_, state) in _STATES.items()} | {"": "unknown"}
_WORDS = {short: word for word, (short, _) in _STATES.items()} | {word: word for word in _STATES}
_NO_TIME = ("", "Unknown", "None")
_NO_LIMIT = ("", "UNLIMITED", "Partition_Limit", "INVALID")
_ELAPSED = re.compile(r"(?:(\d+)-(?=\d\d:\d\d:))?(?:(\d\d):)?(\d\d):(\d\d(?:\.\d{1,6})?)", re.ASCII)
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([BKMGTP?]?)([nc]?)", re.ASCII)
_KIB = {"B": 2.0**-10, "K": 1.0, "M": 2.0**10, "G": 2.0**20, "T": 2.0**30, "P": 2.0**40}
_PER = {"": "job", "n": "node", "c": "cpu"}
# The columns that are read.
_FIELDS = (
    "JobID",
    "JobIDRaw",
    "JobName",
    "User",
    "Group",
    "Account",
    "Partition",
    "QOS",
    "Submit",
    "Eligible",
    "Start",
    "End",
    "Elapsed",
    "ElapsedRaw",
    "Suspended",
    "Timelimit",
    "TimelimitRaw",
    "State",
    "NodeList",
    "NNodes",
    "AllocCPUS",
    "ReqCPUS",
    "NTasks",
    "AllocTRES",
    "ReqMem",
    "AveRSS",
    "MaxRSS",
    "ConsumedEnergyRaw",
    "TotalCPU",
    "Cluster",
)
# Columns that tell how many processors a job had.
_PROCESSORS = {"AllocCPUS", "AllocTRES"}
_DURATION = "must be a duration such as 1-06:00:00"
_COUNT = "must be a whole number"
_AMOUNT = "must be an amount of memory such as 4096K"
_ENERGY = "must be an energy that the job's nodes can draw in its time, at most 100 kW each"
_FORMAT = "%Y-%m-%dT%H:%M:%S"
_TIMES = ("Submit", "Eligible", "Start", "End")
_NAMES = ("user", "group", "executable", "queue", "partition", "gpu_type")
_NUMBERS = (
    "wait_s",
    "run_s",
    "processors",
    "cpu_time_s",
    "requested_processors",
    "requested_s",
    "requested_memory_kb",
    "nodes",
    "gpus",
    "observed_s",
    "suspended_s",
    "held_s",
)
# What Slurm calls parts of a GPU, and how NVIDIA names slices (MIG).
_SHARED_GPUS = ("gres/shard", "gres/mps")
_SLICE = re.compile(r"^gres/gpu:.*\dg\.\d+gb", re.ASCII)
# So many bytes are split at once: large against the cost of a call, small against the file.
_BLOCK = 2**23
_WHOLE = r"[0-9]{1,18}"
_ISO = r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
# Slurm began in 2002: an instant before is none of its; one after 2200 is in another unit.
_EARLIEST, _LATEST = (pd.Timestamp(year, tz="UTC").timestamp() for year in ("1990", "2200"))
# Slurm's 32-bit and 64-bit numbers that stand for no value or infinity (NO_VAL, INFINITE) are the
# largest few of their type; a sum or a change of unit moves them a little.
_NO_VALUE_32, _NO_VALUE_64 = 2.0**32, 2.0**63
# No node draws more: a rack of 2025 draws about as much.
_HIGHEST_NODE_W = 100_000.0
# Slurm reads a node's meter now and then, and charges a short job what was used since it last did.
_METER_S = 300.0
# A controller forgets an ended job after at most 65,533 s (MinJobAge has 16 bits) and cannot requeue
# it then; with a margin for jobs that were held. A number that comes back later is another job's.
_REQUEUE_S = 7 * 86400.0


def parse_elapsed(text: str) -> float:
    """Return the seconds of a duration as Slurm writes it.

    Parameters
    ----------
    text : str
        ``[days-]hours:minutes:seconds`` or ``minutes:seconds``, perhaps with a fraction.

    Returns
    -------
    float
        Duration [s]; infinite for ``UNLIMITED``, NaN for ``Partition_Limit``, ``INVALID``, an empty
        text and Slurm's mark for no value.

    Raises
    ------
    ValueError
        If `text` is none of these, or minutes or seconds are above 59, or hours above 23 beside
        days, or it is longer than a century.

    Examples
    --------
    >>> parse_elapsed("1-06:00:00"), parse_elapsed("00:07.455")
    (108000.0, 7.455)
    """
    if text in _NO_LIMIT:
        return np.inf if text == "UNLIMITED" else np.nan
    match = _ELAPSED.fullmatch(text)
    if match:
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        if hours < 24 and minutes < 60 and seconds < 60:
            duration = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
            if duration < CENTURY_S:
                return duration
            if duration < 1e18 and any(map(_is_no_value, (duration, duration // 60))):
                return np.nan
    raise ValueError(
        f"duration is {text!r}: it must be [days-]hours:minutes:seconds, minutes:seconds (below a "
        "century), UNLIMITED, Partition_Limit, INVALID or empty."
    )


def _is_no_value(amount: float) -> bool:
    """Tell whether a number is one of those that stand for no value.

    Raises ValueError if it is larger than any number of Slurm's.
    """
    if amount > 1.001 * 2**64:
        raise ValueError(f"{amount:g} must be a number of at most 64 bits.")
    return amount >= _NO_VALUE_64 or _NO_VALUE_32 - 16 <= amount <= _NO_VALUE_32


class Memory(NamedTuple):
    """An amount of memory [KiB], and what it is counted for: ``job``, ``node`` or ``cpu``."""

    kb: float
    per: str = "job"


def parse_memory(text: str, *, unit: str = "B") -> Memory:
    """Return an amount of memory as Slurm writes it.

    Parameters
    ----------
    text : str
        A number and perhaps a unit (B, K, M, G, T, P: powers of 1024), and perhaps ``n`` or ``c``, by
        which Slurm before 21.08 marked memory per node or per CPU.
    unit : {"B", "K", "M", "G", "T", "P"}
        The unit of a number without one: bytes in ``MaxRSS``, mebibytes in ``ReqMem``.

    Returns
    -------
    Memory
        Amount [KiB], NaN for an empty text, ``?`` or Slurm's mark for no value, and what it is
        counted for.

    Raises
    ------
    ValueError
        If `text` is none of these, or `unit` is unknown.

    Examples
    --------
    >>> parse_memory("2.50Gn")
    Memory(kb=2621440.0, per='node')
    """
    if unit not in _KIB:
        raise ValueError(f"unit is {unit!r}: it must be one of {', '.join(_KIB)}.")
    if text in ("", "?"):
        return Memory(np.nan)
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise ValueError(
            f"memory is {text!r}: it must be a number with a unit of {', '.join(_KIB)} or none, "
            "perhaps with n (per node) or c (per CPU)."
        )
    if match[2] == "?" or _is_no_value(float(match[1])):
        return Memory(np.nan, _PER[match[3]])
    kb = float(match[1]) * _KIB[match[2] or unit]
    return Memory(np.nan if kb * 2.0**10 >= _NO_VALUE_64 else kb, _PER[match[3]])


def parse_tres(text: str) -> dict[str, float]:
    """Return the amounts in a list of trackable resources such as ``cpu=4,mem=8G,gres/gpu=2``.

    Parameters
    ----------
    text : str
        ``AllocTRES``, ``ReqTRES`` or one of the usage columns.

    Returns
    -------
    dict of str to float
        By Slurm's name: ``mem`` and ``vmem`` [KiB], ``energy`` [J], a ``cpu`` written as time [s],
        everything else a count (a suffix is a power of 1024, of 1000 in ``energy``).  NaN where
        Slurm writes its mark for no value.

    Raises
    ------
    ValueError
        If an entry is not ``name=amount``, or a name occurs twice.

    Examples
    --------
    >>> parse_tres("cpu=4,mem=1G,gres/gpu=2")
    {'cpu': 4.0, 'mem': 1048576.0, 'gres/gpu': 2.0}
    """
    amounts: dict[str, float] = {}
    for entry in text.split(",") if text else ():
        name, _, amount = entry.partition("=")
        if not name or name in amounts:
            raise ValueError(f"resources are {text!r}: each must be name=amount, and occur once.")
        if ":" in amount:
            amounts[name] = parse_elapsed(amount)
            continue
        match = _QUANTITY.fullmatch(amount)
        if not match or match[3]:
            raise ValueError(f"resources are {text!r}: {entry!r} must be name=amount.")
        if match[2] == "?":  # beyond the largest unit that Slurm writes: no value
            amounts[name] = np.nan
        elif name in ("mem", "vmem"):
            amounts[name] = parse_memory(amount, unit="M").kb
        else:
            power = max(0, " KMGTP".find(match[2] or " "))
            count = float(match[1]) * (1000.0 if name == "energy" else 1024.0) ** power
            no_value = _is_no_value(float(match[1])) or _is_no_value(count)
            amounts[name] = np.nan if no_value else count
    return amounts


def read_sacct(
    path_or_buffer: Source,
    *,
    time_zone: str | tzinfo,
    errors: str = "raise",
    delimiter: str = "|",
    ambiguous: str = "raise",
    largest_bytes: int = LARGEST_BYTES,
) -> JobLog:
    r"""Read what ``sacct --parsable2`` (or ``--parsable``) printed, its line of names included.

    Parameters
    ----------
    path_or_buffer : path or open file
        The export, plain or compressed.  It must have ``JobID`` or ``JobIDRaw``, and ``Submit``;
        see the module for the columns that are read.
    time_zone : str or tzinfo
        The cluster's time zone, e.g. ``Europe/Berlin``: Slurm prints local times without offset.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`.
    delimiter : str
        What was given as ``--delimiter``.
    ambiguous : {"raise", "first", "second"}
        What to do with a local time that occurs twice, when clocks are set back, and that neither
        ``End`` nor ``Elapsed`` of the same row settle: its row is bad, or the first (daylight saving
        time) or second one is meant.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    JobLog
        One row a job in the order of the file.  Second 0 is the earliest submission.  ``job_id`` is
        ``JobIDRaw`` (a number for each array task and part of a heterogeneous job), or ``JobID``
        where that is missing.

    Raises
    ------
    ValueError
        If the line of names is missing or lacks a column, `time_zone` is unknown, or a row is bad:
        another number of fields; a time, duration, amount or state that Slurm does not write; a
        local time that `time_zone` skips; a time before 1990 or after 2200; a start before
        submission, an end before the start; an energy that no machine draws; a run that another
        row tells, too; a job number that means two jobs; a step without its job.  The message names
        file, line, field and value.

    Warns
    -----
    UserWarning
        If no column tells how many processors a job had, so that they are all NA.

    Notes
    -----
    **A run.**  ``wait_s`` is start - submission, of which the job was not yet eligible for
    ``held_s``; ``run_s`` is end - start, of which it was suspended for ``suspended_s``: Slurm's
    ``Elapsed`` leaves suspension out.  A job that never started has neither, nor processors, nodes
    and GPUs.  A job that runs or is suspended has ``observed_s`` (``Elapsed``) and no ``run_s``.

    **A job in several rows.**  With ``--duplicates`` a requeued job has a row for each run, submitted
    anew when it was requeued: all but the last are ``partial``, with Slurm's word in
    ``source_state``, as is every word that says more than ``state``.  A run that stands in two rows
    (exports that overlap, or a job seen running and seen ended) counts once: the other row is bad.
    So is a row whose number was that of another user's job, or of one that ended over a week before:
    a number that came round again.  The tasks of an array that have
    not started are one row (``12_[3-6%2]``).

    **Steps** (``.batch``, ``.extern``, ``.0``, ...) are folded into the job, whose own row alone
    gives its state: a job can complete though a step failed.  ``memory_kb`` is that of the step which
    used most, its tasks' average peak (``AveRSS``, or else the largest, ``MaxRSS``) times their
    number, divided by the job's processors.

    **Energy** is what Slurm's plugin read for whole nodes: where jobs share a node, each is charged
    all of it.  ``energy_j`` is that of the ``.extern`` step, which covers all nodes of a job from
    start to end; else that of the job's row, in which Slurm (without ``PrologFlags=Contain``) adds up
    all steps, though they overlap; else that sum.  Zero means not measured, as does a CPU time of
    zero.  More than 100 kW a node is refused.

    **GPUs** that are shared (``gres/shard``, ``gres/mps``) or are slices of one (``1g.5gb``) are NA:
    the accounting does not say of how many they are a part.

    **Requests.**  ``ReqMem`` is divided by ``ReqCPUS``; 0 asks for all memory of a node and is NA, as
    is a time limit ``UNLIMITED`` or ``Partition_Limit``.
    """
    if ambiguous not in ("raise", "first", "second"):
        raise ValueError(f"ambiguous is {ambiguous!r}: it must be 'raise', 'first' or 'second'.")
    if not delimiter or "\n" in delimiter or "\r" in delimiter:
        raise ValueError(
            f"delimiter is {delimiter!r}: it must be one or more characters of a line."
        )
    clock = to_time_zone(time_zone)
    data, source, problems = read_lines(path_or_buffer, errors=errors, largest_bytes=largest_bytes)
    text, bad, header = _split(data, delimiter, source)
    problems += bad
    is_step = text["JobID"].str.contains(".", regex=False).to_numpy(dtype=bool)
    jobs, steps = _Rows(text[~is_step]), _Rows(text[is_step])
    columns = _identity(jobs)
    columns |= _times(jobs, columns["word"], clock, ambiguous)
    columns |= _sizes(jobs, columns.pop("started")) | _requests(jobs)
    _check_energy(jobs, columns)
    frame = pd.DataFrame(columns, index=jobs.text.index)
    bad = jobs.problems()
    frame = frame.drop(index=[line for line, *_ in bad])
    again = _repeated(frame)
    frame = frame.drop(index=[line for line, *_ in again])
    frame = frame.join(_usage(steps, jobs.text["JobID"], frame))
    problems += bad + again + steps.problems()
    rows = Rows(frame, lambda: frame.index.to_numpy(), source, problems)
    zero = frame["submit"].min()
    table, skipped = settle_jobs(_to_columns(frame, zero), rows, errors=errors)
    return JobLog(
        jobs=table,
        epoch=to_epoch(zero, clock) if len(frame) else None,
        source=source,
        header=(header,),
        skipped=skipped,
    )


def _check_energy(jobs: "_Rows", columns: dict[str, Any]) -> None:
    """Require that the energy of a job's own row is one that its nodes can draw."""
    energy = columns["own_energy_j"]
    bad = energy > _highest_j(pd.DataFrame(columns, index=jobs.text.index)).to_numpy()
    own = jobs.number("ConsumedEnergyRaw", _count, _COUNT, _usual_count) > 0
    jobs.require(bad & own, "ConsumedEnergyRaw", _ENERGY)
    jobs.require(bad & ~own, "AllocTRES", _ENERGY)


def _highest_j(jobs: pd.DataFrame) -> pd.Series:
    """Return the most energy [J] that the nodes of each job can draw in its time."""
    # A node has a processor at least; where neither is known, the largest machines have so many.
    nodes = jobs["nodes"].fillna(jobs["processors"]).fillna(20_000.0).clip(lower=1.0)
    duration = jobs["run_s"].fillna(jobs["observed_s"] + jobs["suspended_s"].fillna(0))
    return (nodes * _HIGHEST_NODE_W * (duration + _METER_S)).fillna(np.inf)


def _repeated(jobs: pd.DataFrame) -> list[Problem]:
    """Return the rows whose job number is another row's, though they are not runs of one job.

    A requeued job has a row for each run, none of which overlaps another.  Two rows that overlap are
    one run seen twice, of which the later state counts; a number that comes back after long, or for
    another user, is another job's.
    """
    several = jobs[jobs["job_id"].duplicated(keep=False)]
    if several.empty:
        return []
    start = several["submit"] + several["wait_s"]
    seen = several["run_s"].fillna(several["observed_s"] + several["suspended_s"].fillna(0))
    end = (start + seen).fillna(several["ended"]).fillna(several["submit"])
    ended = several["ended"].notna()
    table = pd.DataFrame(
        {
            "id": several["job_id"],
            "user": several["user"],
            "submit": several["submit"],
            "start": start.fillna(np.inf),  # a run that has not started comes after one that has
            "end": end,
            "age": -(ended * 1e12 + seen.fillna(-1)),  # the later state of a run first
            "line": several.index,
        }
    ).sort_values(["id", "submit", "start", "age", "line"])
    problems = []
    last: Any = None
    row: Any
    for row in table.itertuples(index=False):
        if last is None or row.id != last.id:
            last = row
            continue
        same = row.submit == last.submit or row.start == last.start or row.start < last.end
        if row.user and last.user and row.user != last.user:
            reason = f"must be one job's: that of line {last.line} is another user's"
        elif same:
            reason = (
                f"must not tell the run of line {last.line} again (do exports overlap, or was the "
                "job seen while it ran?)"
            )
        elif row.submit - last.end > _REQUEUE_S:
            reason = (
                f"must be one job's: that of line {last.line} ended over a week before this was "
                "submitted, and Slurm uses numbers again: export a shorter time"
            )
        else:
            last = row
            continue
        problems.append((int(row.line), "JobID", str(row.id), reason))
        if row.end > last.end and same:
            last = last._replace(end=row.end)
    return problems


def _columns(header: str, delimiter: str, source: str) -> dict[str, int]:
    """Return where each of `_FIELDS` stands, by the line of names."""
    given = header.lower().split(delimiter.lower())
    known = {name.lower(): name for name in _FIELDS}
    if "alloccpus" not in given:
        known["ncpus"] = "AllocCPUS"  # Slurm's other name for it
    where = {known[name]: i for i, name in enumerate(given) if name in known}
    if not where.keys() & {"JobID", "JobIDRaw"} or "Submit" not in where:
        raise ValueError(
            f"{source}, line 1: is {header[:80]!r}: it must name columns between {delimiter!r}, among "
            "them JobID or JobIDRaw, and Submit: export with sacct --parsable2 (and its header), or "
            "pass delimiter=."
        )
    if not where.keys() & _PROCESSORS:
        warnings.warn(
            f"{source} has no column AllocCPUS (or NCPUS, or AllocTRES): how many processors a job "
            "had is unknown. Export it too: sacct --format=... with the columns of EXPORT.",
            stacklevel=4,
        )
    return where


def _split(data: bytes, delimiter: str, source: str) -> tuple[pd.DataFrame, list[Problem], str]:
    """Return the fields as text by line number, rows of another length, and the line of names."""
    top, _, body = data.partition(b"\n")
    header = top.decode()
    where = _columns(header, delimiter, source)
    width = header.count(delimiter) + 1
    if "JobIDRaw" in where:
        where["JobID"] = where.pop("JobIDRaw")
    parts: list[tuple[pd.Index, dict[str, Any]]] = []
    problems: list[Problem] = []
    line = 2
    for block in _blocks(body):
        columns = _split_fast(block, delimiter, width, where)
        count = block.count(b"\n") + (not block.endswith(b"\n"))
        index: pd.Index = pd.RangeIndex(line, line + count)
        if columns is None:
            index, columns, bad = _split_carefully(block.decode(), delimiter, width, where, line)
            problems += bad
        parts.append((index, columns))
        line += count
    frame = _joined(parts)
    clusters = sorted(frame["Cluster"].unique())
    if len(clusters) > 1:
        raise ValueError(
            f"{source}: Cluster is {' and '.join(clusters)}: a job number means one job on one cluster "
            "only: export them one by one with sacct --clusters=NAME."
        )
    return frame, problems, header


def _blocks(body: bytes) -> Iterator[bytes]:
    """Yield the lines in blocks, so that one odd line slows down its own block alone."""
    start = 0
    while start < len(body):
        stop = body.find(b"\n", start + _BLOCK) + 1 or len(body)
        yield body[start:stop]
        start = stop


def _split_fast(
    block: bytes, delimiter: str, width: int, where: dict[str, int]
) -> dict[str, Any] | None:
    """Return the columns by name as Arrow dictionaries; None if a line is not as it should be."""
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:  # without it every line goes the careful way
        return None
    rows = block.count(b"\n") + (not block.endswith(b"\n"))
    simple = len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\0'
    if not simple or b"\n\n" in block or block.startswith(b"\n") or b"\0" in block:
        return None
    names = [str(place) for place in range(width)]
    words = pa.dictionary(pa.int32(), pa.string())
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            read_options=csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=csv.ParseOptions(delimiter=delimiter, quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, words),
                include_columns=[str(place) for place in where.values()],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None
    if table.num_rows != rows:
        return None
    return {name: table[str(place)] for name, place in where.items()}


def _split_carefully(
    text: str, delimiter: str, width: int, where: dict[str, int], first: int
) -> tuple[pd.Index, dict[str, Any], list[Problem]]:
    """Return the numbers of good lines, their columns by name, and the other lines."""
    pick = itemgetter(*where.values())
    problems: list[Problem] = []
    rows: dict[int, tuple[str, ...]] = {}
    for number, line in enumerate(text.split("\n"), first):
        row = line.split(delimiter)
        if len(row) == width:
            rows[number] = pick(row)
        elif line:
            reason = (
                f"must have {width} fields on one line, not {len(row)} (does a name hold the "
                "delimiter or a line break?)"
            )
            problems.append((number, "row", line, reason))
    columns = zip(*rows.values(), strict=True) if rows else ((),) * len(where)
    return pd.Index(rows, dtype="int64"), dict(zip(where, columns, strict=True)), problems


def _joined(parts: list[tuple[pd.Index, dict[str, Any]]]) -> pd.DataFrame:
    """Return one table of words, each column a categorical, so that each word is parsed once."""
    lines = [np.asarray(index) for index, _ in parts]
    index = pd.Index(np.concatenate(lines) if lines else [], dtype="int64")
    blank = pd.Categorical.from_codes(np.zeros(len(index), dtype=np.int8), pd.Index([""]))
    columns = {
        name: _categories([columns[name] for _, columns in parts])
        if parts and name in parts[0][1]
        else blank
        for name in _FIELDS
    }
    return pd.DataFrame(columns, index=index, copy=False)


def _categories(pieces: list[Any]) -> pd.Categorical:
    """Return the words of one column in all blocks."""
    if all(isinstance(piece, tuple) for piece in pieces):
        codes, unique = pd.factorize(np.array([w for piece in pieces for w in piece], dtype=object))
        return pd.Categorical.from_codes(codes, pd.Index(unique, dtype=object))
    import pyarrow as pa

    chunks = [
        chunk
        for piece in pieces
        for chunk in (
            [pa.array(piece, pa.string()).dictionary_encode()]
            if isinstance(piece, tuple)
            else piece.chunks
        )
    ]
    one = pa.chunked_array(chunks).unify_dictionaries().combine_chunks()
    unique = pd.array(one.dictionary, dtype=pd.StringDtype("pyarrow", na_value=np.nan))
    return pd.Categorical.from_codes(one.indices.to_numpy(), pd.Index(unique))


class _Rows:
    """Fields as text, and the rules that they turn out to break."""

    def __init__(self, text: pd.DataFrame) -> None:
        self.text = text
        self._rules: list[Rule] = []

    def require(self, bad: Any, name: str, reason: str) -> None:
        """Note which rows break a rule about a field."""
        self._rules.append((np.asarray(bad, dtype=bool), name, reason))

    def parse(
        self, name: str, function: Callable[[str], Any], reason: str, default: Any = None
    ) -> pd.Series:
        """Return what `function` makes of a field; `default` where it raises, which breaks a rule."""
        codes, unique = self.words(name)
        values, bad = np.empty(len(unique), dtype=object), np.zeros(len(unique), dtype=bool)
        for i, word in enumerate(unique):
            try:
                values[i] = function(word)
            except ValueError:
                values[i], bad[i] = default, True
        self.require(bad[codes], name, reason)
        return pd.Series(values[codes], index=self.text.index, dtype=object)

    def number(
        self,
        name: str,
        function: Callable[[str], float],
        reason: str,
        usual: Callable[["_Characters"], tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> np.ndarray:
        """Return what `function` makes of a field as numbers, NaN where unknown.

        `usual` does so for many words at once and tells for which; the others are parsed one by one.
        """
        codes, unique = self.words(name)
        values, known = np.full(len(unique), np.nan), np.zeros(len(unique), dtype=bool)
        if usual is not None and (characters := _Characters.of(unique)) is not None:
            found, known = usual(characters)
            values[known] = found[known]
        bad = np.zeros(len(unique), dtype=bool)
        for i in np.flatnonzero(~known).tolist():
            try:
                values[i] = function(unique[i])
            except ValueError:
                bad[i] = True
        self.require(bad[codes], name, reason)
        return values[codes]

    def words(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return for each row the place of its word, and the words."""
        codes, unique = pd.factorize(self.text[name])
        return codes, np.asarray(unique, dtype=object)

    def problems(self) -> list[Problem]:
        """Return for each bad row its line, and the first rule that it breaks."""
        lines = self.text.index
        broken = first_broken(self.text, self._rules)
        return [(int(lines[row]), name, value, rule) for row, name, value, rule in broken]


class _Characters(NamedTuple):
    """Short words of ASCII as characters, shape (n, longest), and their lengths."""

    code: np.ndarray
    length: np.ndarray

    @classmethod
    def of(cls, words: np.ndarray) -> "_Characters | None":
        """Return the characters of words, or None if one is long or of another script."""
        try:
            packed = words.astype("S")
        except UnicodeEncodeError:
            return None
        if not 1 <= packed.itemsize <= 24:
            return None
        code = packed.view(np.uint8).reshape(len(words), packed.itemsize)
        return cls(code, np.count_nonzero(code, axis=1))

    def whole(self, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the whole numbers in the first characters, and where these are 1 to 9 digits."""
        value = np.zeros(len(length))
        good = (length >= 1) & (length <= 9)
        for place in range(min(9, self.code.shape[1])):
            digit = self.code[:, place] - np.uint8(48)  # below "0" it wraps to above 9
            inside = place < length
            value = np.where(inside, value * 10 + digit, value)
            good &= ~inside | (digit < 10)
        return value, good


def _usual_count(words: _Characters) -> tuple[np.ndarray, np.ndarray]:
    """Return whole numbers of at most 9 digits, none of which stands for no value."""
    return words.whole(words.length)


def _usual_instant(words: _Characters) -> tuple[np.ndarray, np.ndarray]:
    """Return seconds since 1970 of ten digits: 2001 to 2286."""
    tail = _Characters(words.code[:, 1:], words.length - 1)
    value, good = tail.whole(tail.length)
    head = words.code[:, 0] - np.uint8(48)
    value = value + head * 1e9
    return value, good & (words.length == 10) & (head >= 1) & (head < 10) & (value < _LATEST)


def _usual_kb(words: _Characters) -> tuple[np.ndarray, np.ndarray]:
    """Return amounts of memory [KiB] such as ``4096K`` or ``2M``."""
    value, good = words.whole(words.length - 1)
    last = words.code[np.arange(len(words.length)), np.maximum(words.length - 1, 0)]
    factor = np.select([last == ord(unit) for unit in "KMG"], [_KIB[unit] for unit in "KMG"], 0.0)
    return value * factor, good & (factor > 0)


def _usual_elapsed(words: _Characters) -> tuple[np.ndarray, np.ndarray]:
    """Return durations [s] of less than a day, such as ``06:00:00``."""
    if words.code.shape[1] < 8:
        return np.zeros(len(words.length)), np.zeros(len(words.length), dtype=bool)
    digit = (words.code[:, :8] - np.uint8(48)).astype(float)
    colon = (words.code[:, [2, 5]] == ord(":")).all(axis=1)
    parts = digit[:, [0, 3, 6]] * 10 + digit[:, [1, 4, 7]]
    good = (digit[:, [0, 1, 3, 4, 6, 7]] < 10).all(axis=1) & (parts < [24, 60, 60]).all(axis=1)
    return parts @ [3600.0, 60.0, 1.0], good & colon & (words.length == 8)


def _memory_kb(text: str) -> float:
    """Return an amount of memory [KiB]."""
    return parse_memory(text).kb


def _count(text: str) -> float:
    """Return a whole number, NaN for an empty text or Slurm's mark for no value."""
    if text == "":
        return np.nan
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"number is {text!r}: it {_COUNT}.")
    return np.nan if _is_no_value(float(text)) else float(text)


def _minutes(text: str) -> float:
    """Return a time limit in minutes as seconds."""
    return np.nan if text in _NO_LIMIT else _count(text) * 60


def _word(text: str) -> str:
    """Return the state in Slurm's full word: by whom, a cut (``OUT_OF_ME+``) or a short form aside."""
    word = text.partition(" ")[0].upper()
    found = {full for full in _STATES if full.startswith(word[:-1])} if word[-1:] == "+" else ()
    if len(found) == 1:
        return found.pop()
    if text and word not in _WORDS:
        raise ValueError(f"state is {text!r}: it must be one of {', '.join(_STATES)}.")
    return _WORDS.get(word, "")


def _identity(jobs: _Rows) -> dict[str, Any]:
    """Return what the job is called, whose it is and what became of it."""
    text = jobs.text
    ids = text["JobID"].astype(object)
    accounts = text["Account"].astype(object)
    jobs.require(ids == "", "JobID", "must be given")
    reason = f"must be one of {', '.join(_STATES)}"
    return {
        "job_id": ids,
        "word": jobs.parse("State", _word, reason, default=""),
        "user": text["User"],
        "group": accounts.where(accounts != "", text["Group"].astype(object)),
        "executable": text["JobName"],
        "queue": text["QOS"],
        "partition": text["Partition"],
    }


def _instants(jobs: _Rows, name: str, zone: tzinfo) -> tuple[np.ndarray, np.ndarray]:
    """Return Unix times [s] of a column: the first and the second meaning of a local time."""
    codes, words = jobs.words(name)
    meanings = (np.full(len(words), np.nan), np.full(len(words), np.nan))
    rest = np.ones(len(words), dtype=bool)
    if (characters := _Characters.of(words)) is not None:
        seconds, usual = _usual_instant(characters)
        for values in meanings:
            values[usual] = seconds[usual]
        rest = ~usual
    text = pd.Series(words, dtype=object)
    known = ~text.isin(_NO_TIME).to_numpy()
    other = text[rest & known]
    plain, shifted, local = (
        other[other.str.fullmatch(form).to_numpy(dtype=bool)]
        for form in (r"[0-9]{1,300}", _ISO + r"[+-][0-9]{4}", _ISO)
    )
    stamps = pd.to_datetime(shifted, format=f"{_FORMAT}%z", errors="coerce", utc=True)
    naive = pd.DatetimeIndex(pd.to_datetime(local, format=_FORMAT, errors="coerce"))
    naive = pd.DatetimeIndex(naive.where((naive.year >= 1990) & (naive.year < 2200), None))
    for first, values in zip((True, False), meanings, strict=True):
        values[plain.index] = plain.astype("float64")
        values[shifted.index] = _unix(pd.DatetimeIndex(stamps))
        daylight = np.full(len(naive), first)
        values[local.index] = _unix(naive.tz_localize(zone, ambiguous=daylight, nonexistent="NaT"))
        values[(values < _EARLIEST) | (values >= _LATEST)] = np.nan
    reason = (
        f"must be a time that occurs in {zone}, such as 2024-05-31T13:45:00, or seconds since 1970, "
        "between 1990 and 2200, or Unknown"
    )
    jobs.require((known & np.isnan(meanings[0]))[codes], name, reason)
    return meanings[0][codes], meanings[1][codes]


def _unix(instants: pd.DatetimeIndex) -> np.ndarray:
    """Return Unix times [s], NaN for NaT."""
    return ((instants - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy()


def _times(jobs: _Rows, words: pd.Series, zone: tzinfo, ambiguous: str) -> dict[str, Any]:
    """Return submission as Unix time [s], and the durations of waiting and running [s]."""
    elapsed = jobs.number("Elapsed", parse_elapsed, _DURATION, _usual_elapsed)
    elapsed = np.where(
        np.isnan(elapsed), jobs.number("ElapsedRaw", _count, _COUNT, _usual_count), elapsed
    )
    suspended = jobs.number("Suspended", parse_elapsed, _DURATION, _usual_elapsed)
    span = elapsed + np.nan_to_num(suspended)
    meanings = {name: _instants(jobs, name, zone) for name in _TIMES}
    time = _settle(jobs, meanings, span, ambiguous, zone)
    submit, eligible, start, end = (time[name] for name in _TIMES)
    jobs.require(np.isnan(submit), "Submit", "must be known")
    jobs.require(start < submit, "Start", "must not be before Submit")
    jobs.require(end < start, "End", "must not be before Start")

    started = np.isfinite(start) & (jobs.text["NodeList"] != "None assigned").to_numpy()
    unfinished = np.isnan(end) & words.map(_MEANING).isin(["running", "pending"]).to_numpy()
    run = np.where(np.isnan(end) & ~unfinished, span, end - start)
    return {
        "submit": submit,
        "wait_s": np.where(started, start - submit, np.nan),
        "held_s": np.where(started, np.maximum(eligible - submit, 0), np.nan),
        "run_s": np.where(started, run, np.nan),
        "suspended_s": np.where(started, suspended, np.nan),
        "observed_s": np.where(started & unfinished, elapsed, np.nan),
        "ended": end,
        "started": started,
    }


def _settle(
    jobs: _Rows,
    meanings: dict[str, tuple[np.ndarray, np.ndarray]],
    span: np.ndarray,
    ambiguous: str,
    zone: tzinfo,
) -> dict[str, np.ndarray]:
    """Return one instant for each time, where a local time that occurs twice has two meanings."""
    twice = {name: first < second for name, (first, second) in meanings.items()}
    time = {name: both[ambiguous == "second"] for name, both in meanings.items()}

    def settle_as(name: str, where: np.ndarray, value: np.ndarray) -> None:
        where = where & twice[name] & np.isfinite(value)
        time[name] = np.where(where, value, time[name])
        twice[name] = twice[name] & ~where

    settle_as("Start", ~twice["End"], time["End"] - span)
    settle_as("End", ~np.isnan(span), time["Start"] + span)
    settle_as("Submit", meanings["Submit"][1] > time["Start"], meanings["Submit"][0])
    words = jobs.text[["Eligible", "Submit"]].astype(object)
    same = (words["Eligible"] == words["Submit"]).to_numpy()
    settle_as("Eligible", same, time["Submit"])
    if ambiguous == "raise":
        reason = (
            f"must not be a time that occurs twice in {zone}: export with SLURM_TIME_FORMAT=%s, or "
            "pass ambiguous='first' or 'second'"
        )
        for name, unsettled in twice.items():
            jobs.require(unsettled, name, reason)
    return time


def _sizes(jobs: _Rows, started: np.ndarray) -> dict[str, Any]:
    """Return what was allocated, and what the job's own row says about CPU time and energy."""
    reason = "must be a list such as cpu=4,mem=8G,gres/gpu=2"
    codes, unique = jobs.words("AllocTRES")
    tres: list[dict[str, float]] = [{}] * len(unique)
    bad = np.zeros(len(unique), dtype=bool)
    for i, word in enumerate(unique):
        try:
            tres[i] = parse_tres(word)
        except ValueError:
            bad[i] = True
    jobs.require(bad[codes], "AllocTRES", reason)

    def listed(of: Callable[[dict[str, float]], float]) -> np.ndarray:
        return np.array([of(amounts) for amounts in tres], dtype="float64")[codes]

    listed_cpus = listed(lambda amounts: amounts.get("cpu", np.nan))
    listed_j = listed(lambda amounts: amounts.get("energy", np.nan))
    gpu_type = pd.Series([_gpu_type(amounts) for amounts in tres], dtype=object).to_numpy()[codes]
    processors = jobs.number("AllocCPUS", _count, _COUNT, _usual_count)
    processors = np.where(np.isnan(processors), listed_cpus, processors)
    nodes = jobs.number("NNodes", _count, _COUNT, _usual_count)
    cpu_time = jobs.number("TotalCPU", parse_elapsed, _DURATION, _usual_elapsed)
    energy = jobs.number("ConsumedEnergyRaw", _count, _COUNT, _usual_count)
    size = {
        "processors": np.where(processors > 0, processors, np.nan),
        "nodes": nodes,
        "gpus": listed(_gpus),
    }
    size = {name: np.where(started, values, np.nan) for name, values in size.items()}
    return size | {
        "gpu_type": np.where(started, gpu_type, ""),
        "cpu_time_s": np.where(cpu_time > 0, cpu_time, np.nan) / size["processors"],
        "own_energy_j": np.where(energy > 0, energy, np.where(listed_j > 0, listed_j, np.nan)),
    }


def _gpus(tres: dict[str, float]) -> float:
    """Return the number of GPUs in a list of resources, NaN without a list or for parts of GPUs."""
    shared = any(name.startswith(_SHARED_GPUS) or _SLICE.search(name) for name in tres)
    if not tres or shared:
        return np.nan
    typed = sum(count for name, count in tres.items() if name.startswith("gres/gpu:"))
    return tres.get("gres/gpu", typed)


def _gpu_type(tres: dict[str, float]) -> str:
    """Return the models of GPU in a list of resources, joined by ``+``."""
    models = (name.removeprefix("gres/gpu:") for name in tres if name.startswith("gres/gpu:"))
    return "+".join(sorted(models))


def _requests(jobs: _Rows) -> dict[str, Any]:
    """Return what was asked for."""
    limit = jobs.number("Timelimit", parse_elapsed, _DURATION, _usual_elapsed)
    minutes = jobs.number("TimelimitRaw", _minutes, "must be whole minutes")
    limit = np.where(np.isnan(limit), minutes, limit)
    cpus = jobs.number("ReqCPUS", _count, _COUNT, _usual_count)
    nodes = jobs.number("NNodes", _count, _COUNT, _usual_count)
    kb = jobs.number("ReqMem", lambda text: parse_memory(text, unit="M").kb, _AMOUNT)
    codes, words = jobs.words("ReqMem")
    per = np.array([_PER.get(word[-1:], "job") for word in words], dtype=object)[codes]
    jobs.require(
        (cpus == 0) & (kb > 0), "ReqCPUS", "must be above 0: memory is counted per processor"
    )
    jobs.require(
        (nodes == 0) & (kb > 0) & (per == "node"), "NNodes", "must be above 0 beside ReqMem"
    )
    cpus_or_none = np.where(cpus > 0, cpus, np.nan)
    share = np.select(
        [per == "cpu", per == "node"], [np.ones(len(kb)), nodes / cpus_or_none], 1 / cpus_or_none
    )
    return {
        "requested_processors": cpus,
        "requested_s": np.where(np.isfinite(limit), limit, np.nan),
        "requested_memory_kb": np.where(kb > 0, kb * share, np.nan),
    }


def _usage(steps: _Rows, job_ids: pd.Series, jobs: pd.DataFrame) -> pd.DataFrame:
    """Return memory [KiB] and energy [J] of the steps, by the line of the job that they belong to."""
    good = jobs.index
    peak = steps.number("AveRSS", _memory_kb, _AMOUNT, _usual_kb)
    highest = steps.number("MaxRSS", _memory_kb, _AMOUNT, _usual_kb)
    tasks = steps.number("NTasks", _count, _COUNT, _usual_count)
    energy = steps.number("ConsumedEnergyRaw", _count, _COUNT, _usual_count)
    owner = _owners(steps.text, job_ids)
    steps.require(np.isnan(owner), "JobID", "must follow the row of its job")
    steps.require(~np.isin(owner, good), "JobID", "must belong to a job whose own row is good")
    twice = pd.DataFrame({"owner": owner, "id": steps.text["JobID"].to_numpy()}).duplicated()
    steps.require(twice, "JobID", "must not tell a step again that an earlier row of its job tells")
    energy = np.where(energy > 0, energy, np.nan)
    steps.require(energy > _highest_j(jobs).reindex(owner).to_numpy(), "ConsumedEnergyRaw", _ENERGY)
    extern = steps.text["JobID"].str.endswith(".extern").to_numpy(dtype=bool)
    usage = pd.DataFrame(
        {
            "peak_kb": np.where(np.isnan(peak), highest, peak) * np.where(tasks > 0, tasks, 1),
            "extern_j": np.where(extern, energy, np.nan),
            "steps_j": np.where(extern, np.nan, energy),
            "owner": owner,
        }
    )
    bad = steps.text.index.isin([line for line, *_ in steps.problems()])
    by_job = usage[~bad].astype({"owner": "int64"}).groupby("owner")
    return by_job["peak_kb"].max().to_frame().join(by_job[["extern_j", "steps_j"]].sum(min_count=1))


def _owners(steps: pd.DataFrame, job_ids: pd.Series) -> np.ndarray:
    """Return for each step the line of its job: the row before it, or the only one with that id."""
    words = steps["JobID"].array
    bases = [word.partition(".")[0] for word in np.asarray(words.categories, dtype=object)]
    base = np.array([*bases, ""], dtype=object)[words.codes]
    if job_ids.empty:
        return np.full(len(base), np.nan)
    lines = job_ids.index.to_numpy()
    before = np.searchsorted(lines, steps.index.to_numpy()) - 1
    follows = (before >= 0) & (job_ids.to_numpy(dtype=object)[before] == base)
    single = pd.Series(lines, index=job_ids)[lambda ids: ~ids.index.duplicated(keep=False)]
    return np.where(follows, lines[before], single.reindex(base).to_numpy("float64"))


def _to_columns(frame: pd.DataFrame, zero: float) -> dict[str, Any]:
    """Return the columns of the jobs table of jobs in Slurm's words, submitted since `zero`."""
    ids = frame["job_id"]
    by_time = frame.assign(line=frame.index).sort_values(["submit", "line"])
    earlier = by_time["job_id"].duplicated(keep="last").reindex(frame.index)
    words = frame["word"].mask(earlier, "REQUEUED")
    state = states(words, _MEANING)
    told = pd.Series(state, index=frame.index).astype(str).str.upper() == frame["word"]
    number = {name: frame[name].to_numpy("float64") for name in _NUMBERS}
    energy = frame["extern_j"].fillna(frame["own_energy_j"]).fillna(frame["steps_j"])
    return (
        number
        | {name: names(frame[name], missing="") for name in _NAMES}
        | {
            "job_id": ids.astype("int64") if ids.str.fullmatch(_WHOLE).all() else ids.astype(str),
            "submit_s": (frame["submit"] - zero).to_numpy(),
            "memory_kb": (frame["peak_kb"] / frame["processors"]).to_numpy(),
            "state": state,
            "source_state": names(frame["word"].mask(told, ""), missing=""),
            "energy_j": energy.to_numpy(),
        }
    )
