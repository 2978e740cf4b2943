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

import os
import stat
import warnings
from collections.abc import Collection, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from helpers.files import LARGEST_BYTES, NotUtf8, Source, line_blocks

from ._sacct_blocks import Block, FastBlock, PlainBlock
from ._sacct_jobs import Jobs
from ._sacct_words import Memory, parse_elapsed, parse_memory, parse_tres
from .rows import Problem, Rows, read_lines
from .table import JobLog, settle_jobs, to_epoch, to_time_zone

if TYPE_CHECKING:
    from helpers.carbon.signal import Intensity
    from helpers.carbon.uses import Pue

    from .footprint import AssumedPower, Footprint

__all__ = [
    "EXPORT",
    "Memory",
    "parse_elapsed",
    "parse_memory",
    "parse_tres",
    "read_sacct",
    "sacct_footprint",
]

EXPORT = (
    "JobID,JobIDRaw,User,Account,Partition,QOS,Submit,Eligible,Start,End,Elapsed,Suspended,Timelimit,"
    "State,NodeList,NNodes,AllocCPUS,ReqCPUS,NTasks,AllocTRES,ReqMem,AveRSS,MaxRSS,ConsumedEnergyRaw,"
    "TotalCPU"
)
"""The columns to export: what to give to ``sacct --format=``."""

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
# So many bytes are read at once: large against the cost of a call, small against the file.
_BLOCK = 2**20
# A shorter export is read word by word: loading the compiled loops would take longer.
_SHORT = 2**18
# What an account needs of the jobs table, the sizes that its power counts aside.
_ACCOUNT = ("submit_s", "wait_s", "run_s", "observed_s", "suspended_s", "energy_j")


def read_sacct(
    path_or_buffer: Source,
    *,
    time_zone: str | tzinfo,
    errors: str = "raise",
    delimiter: str = "|",
    ambiguous: str = "raise",
    largest_bytes: int = LARGEST_BYTES,
    progress: bool = False,
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
    progress : bool
        Whether a bar on the error stream tells how much was read, after a second.

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
    jobs, header, rows = _read(
        path_or_buffer,
        time_zone=to_time_zone(time_zone),
        errors=errors,
        delimiter=delimiter,
        ambiguous=ambiguous,
        largest_bytes=largest_bytes,
        progress=progress,
        wanted=None,
    )
    zero = jobs.first_submission()
    table, skipped = settle_jobs(jobs.columns(zero), rows, errors=errors)
    return JobLog(
        jobs=table,
        epoch=to_epoch(zero, to_time_zone(time_zone)) if len(jobs) else None,
        source=rows.source,
        header=(header,),
        skipped=skipped,
    )


# Eleven parameters: how an export is read, as `read_sacct` is told it, and how it is accounted for,
# as `JobLog.account` is told it. A caller names those that differ from the default.
def sacct_footprint(
    path_or_buffer: Source,
    intensity: "Intensity",
    *,
    time_zone: str | tzinfo,
    power: "float | AssumedPower | None" = None,
    pue: "float | Pue" = 1.0,
    by: Sequence[str] = ("user", "group", "partition", "state"),
    errors: str = "raise",
    delimiter: str = "|",
    ambiguous: str = "raise",
    largest_bytes: int = LARGEST_BYTES,
    progress: bool = False,
) -> "Footprint":
    """Return the energy and the emissions of the jobs of an export, in little memory.

    As ``read_sacct(...).account(...)``, of which it keeps only what the account needs, packed: about
    30 bytes a job with three steps.  Sums are taken over some jobs after the other; `Footprint.jobs`
    and what else is asked job by job is as large as in any account.

    Parameters
    ----------
    path_or_buffer, time_zone, delimiter, ambiguous, largest_bytes, progress
        As for `read_sacct`.
    intensity, power, pue
        As for `JobLog.account`.
    by : sequence of str
        Columns of names in the jobs table that `Footprint.by` will be asked for.
    errors : {"raise", "skip"}
        Whether a bad row, and a job that cannot be charged, raises or is left out.  A row that
        is left out is told by `read_sacct` alone.

    Returns
    -------
    Footprint
        Its ``jobs`` have the columns of `by` alone, and the times and energy.

    Raises
    ------
    ValueError
        As `read_sacct` and `JobLog.account`; if `by` names a column that holds no names.
    """
    from .footprint import AssumedPower, Tables, footprint  # rooms that a log is read without

    unknown = [name for name in by if name not in Jobs.NAMES]
    if unknown:
        raise ValueError(f"by is {unknown[0]!r}: it must be one of {', '.join(Jobs.NAMES)}.")
    assumed = power if isinstance(power, AssumedPower) or power is None else AssumedPower(power)
    sizes = assumed.sizes if assumed else ()
    jobs, _, rows = _read(
        path_or_buffer,
        time_zone=to_time_zone(time_zone),
        errors=errors,
        delimiter=delimiter,
        ambiguous=ambiguous,
        largest_bytes=largest_bytes,
        progress=progress,
        wanted={*_ACCOUNT, *sizes, *by},
    )
    rows.settle(errors)
    zero = jobs.first_submission()
    if not len(jobs):
        raise ValueError(f"{rows.source}: has no job to charge.")
    return footprint(
        Tables(lambda: jobs.lots(zero)),
        to_epoch(zero, to_time_zone(time_zone)),
        intensity,
        power=assumed,
        pue=pue,
        errors=errors,
        source=rows.source,
    )


# Eight parameters: all that `read_sacct` was told, handed on once.
def _read(
    source: Source,
    *,
    time_zone: tzinfo,
    errors: str,
    delimiter: str,
    ambiguous: str,
    largest_bytes: int,
    progress: bool,
    wanted: Collection[str] | None,
) -> tuple[Jobs, str, Rows]:
    """Return the good jobs, the line of names, and what was read row by row."""
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors is {errors!r}: it must be 'raise' or 'skip'.")
    if ambiguous not in ("raise", "first", "second"):
        raise ValueError(f"ambiguous is {ambiguous!r}: it must be 'raise', 'first' or 'second'.")
    if not delimiter or "\n" in delimiter or "\r" in delimiter:
        raise ValueError(
            f"delimiter is {delimiter!r}: it must be one or more characters of a line."
        )
    try:
        lines = _Lines(source, errors, largest_bytes, progress)
        jobs, header = _folded(lines, delimiter, time_zone, ambiguous, wanted)
    except NotUtf8:  # only the whole file tells its encoding
        lines = _Lines(source, errors, largest_bytes, progress, whole=True)
        jobs, header = _folded(lines, delimiter, time_zone, ambiguous, wanted)
    problems = jobs.settle() + lines.problems
    frame = pd.DataFrame(index=pd.RangeIndex(len(jobs)))
    return jobs, header, Rows(frame, jobs.good_lines, lines.name, problems)


class _Lines:
    """The lines of an export in blocks, and what was wrong with its end."""

    def __init__(
        self,
        source: Source,
        errors: str,
        largest_bytes: int,
        progress: bool,
        *,
        whole: bool = False,
    ) -> None:
        self.problems: list[Problem] = []
        self._errors, self._largest_bytes, self._progress = errors, largest_bytes, progress
        # Only a file that can be read again is read in pieces: its encoding shows at its end.
        self._path = None if whole or hasattr(source, "read") else Path(source)
        if self._path is not None and not (
            self._path.exists() and stat.S_ISREG(self._path.stat().st_mode)
        ):
            self._path = None
        if self._path is None:
            self._data, self.name, self.problems = read_lines(
                source, errors=errors, largest_bytes=largest_bytes
            )
            self.size = len(self._data)
        else:
            self.name, self.size = self._path.name, os.path.getsize(self._path)

    def __iter__(self) -> Iterator[bytes]:
        """Yield whole lines, many at once."""
        from tqdm import tqdm

        # A bar shows where somebody may wait: on a terminal, after a second.
        hidden = not self._progress
        with tqdm(
            total=self.size, desc=self.name, unit="B", unit_scale=True, disable=hidden, delay=1
        ) as bar:
            for block, place in self._blocks():
                yield block
                bar.update(place - bar.n)

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        if self._path is not None:
            cut = self.problems if self._errors == "skip" else None
            yield from line_blocks(
                self._path, size=_BLOCK, largest_bytes=self._largest_bytes, cut=cut
            )
            return
        start = 0
        while start < len(self._data):
            stop = self._data.find(b"\n", start + _BLOCK) + 1 or len(self._data)
            yield self._data[start:stop], stop
            start = stop


def _folded(
    lines: _Lines,
    delimiter: str,
    time_zone: tzinfo,
    ambiguous: str,
    wanted: Collection[str] | None,
) -> tuple[Jobs, str]:
    """Return the jobs of all blocks, each with its steps, and the line of names."""
    jobs = Jobs(time_zone, ambiguous, wanted)
    header, line, where, width = "", 1, None, 0
    for block in lines:
        if where is None:
            top, _, block = block.partition(b"\n")
            header = top.decode()
            where = _columns(header, delimiter, lines.name)
            width = header.count(delimiter) + 1
            if "JobIDRaw" in where:
                where["JobID"] = where.pop("JobIDRaw")
            line = 2
        if not block:
            continue
        cut = _cut(block, delimiter, width, where, line, lines.size)
        jobs.add(cut)
        line += cut.height
    if where is None:
        _columns("", delimiter, lines.name)
    jobs.check_cluster(lines.name)
    return jobs, header


def _cut(
    data: bytes, delimiter: str, width: int, where: dict[str, int], first: int, size: int
) -> Block:
    """Return a block of lines cut into fields, by the way that fits it."""
    fits = len(delimiter) == 1 and delimiter.isascii() and len(data) < 2**31 - 1
    way = FastBlock if fits and size >= _SHORT else PlainBlock
    return way(data, delimiter, width, where, first)


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
