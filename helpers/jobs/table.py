"""The jobs table: one row a job, the same columns and units for every source.

`COLUMNS` says for each column its type, its unit and what it means; `EXTRAS` does so for the columns
that only some sources fill.  `jobs_table` builds a table from what is known and fills the rest with
NA; `check` refuses a table that breaks a rule.  `JobLog` adds what a table cannot hold: the instant
of second 0, the source's name, its header lines and the rows that were skipped.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from helpers.files import LARGEST_BYTES, Source, write_whole
from helpers.timeline import same_weekday

from .rows import SKIPPED, Rows, Rule, first_broken, read_lines, read_rows, settle

if TYPE_CHECKING:
    from helpers.carbon.signal import Intensity
    from helpers.carbon.uses import Pue

    from .footprint import AssumedPower, Footprint

__all__ = [
    "COLUMNS",
    "EXTRAS",
    "STATES",
    "Column",
    "JobLog",
    "check",
    "describe_columns",
    "end_s",
    "jobs_table",
    "names",
    "read_csv",
    "read_parquet",
    "settle_jobs",
    "start_s",
    "states",
    "time_zone_name",
    "to_epoch",
    "to_time_zone",
    "write_csv",
    "write_parquet",
]

STATES = (
    "completed",
    "failed",
    "cancelled",
    "timeout",
    "node_fail",
    "out_of_memory",
    "preempted",
    "partial",
    "running",
    "pending",
    "unknown",
)
"""What can have become of a job; ``partial`` marks one of several rows of the same job."""


class Column(NamedTuple):
    """Type, unit and meaning of one column of the jobs table."""

    kind: str  # "id", "previous id", "number", "name", "state"
    unit: str
    meaning: str


COLUMNS: dict[str, Column] = {
    "job_id": Column("id", "", "The job's own number or name, unique but for partial rows"),
    "submit_s": Column("number", "s", "Submission, counted from second 0 of the log; always known"),
    "wait_s": Column("number", "s", "From submission to start"),
    "run_s": Column("number", "s", "From start to end, wall-clock time"),
    "processors": Column("number", "1", "Processors (cores) allocated"),
    "cpu_time_s": Column("number", "s", "CPU time used, average per allocated processor"),
    "memory_kb": Column("number", "KiB", "Memory used, average per allocated processor"),
    "requested_processors": Column("number", "1", "Processors (cores) asked for"),
    "requested_s": Column("number", "s", "Run time asked for (the user's limit or estimate)"),
    "requested_memory_kb": Column("number", "KiB", "Memory asked for, per processor"),
    "state": Column("state", "", "What became of the job: one of " + ", ".join(STATES)),
    "user": Column("name", "", "Who submitted it"),
    "group": Column("name", "", "The user's group, account or subscription"),
    "executable": Column("name", "", "What was run (application, job name)"),
    "queue": Column("name", "", "Queue, quality of service or scheduling class"),
    "partition": Column("name", "", "Part of the machine it ran on"),
    "previous_job_id": Column("previous id", "", "The job that had to end before this one"),
    "think_time_s": Column("number", "s", "From the end of the previous job to this submission"),
}
"""The columns every jobs table has, in this order."""

EXTRAS: dict[str, Column] = {
    "nodes": Column("number", "1", "Nodes (or instances) allocated"),
    "gpus": Column("number", "1", "GPUs allocated; a shared one counts as a fraction"),
    "gpu_type": Column("name", "", "GPU model asked for or allocated"),
    "category": Column("name", "", "Kind of workload, as the source classifies it"),
    "source_state": Column("name", "", "State in the source's own words, where they say more"),
    "observed_s": Column(
        "number", "s", "Still running when the log ended: time seen running, a lower bound of run_s"
    ),
    "energy_j": Column("number", "J", "Energy that the source's own meter charged to the job"),
    "suspended_s": Column("number", "s", "Part of run_s in which the job was suspended"),
    "held_s": Column("number", "s", "Part of wait_s in which the job was not yet allowed to start"),
}
"""Columns that only some sources fill: absent, or present after `COLUMNS` in this order."""

_ALL = COLUMNS | EXTRAS
CENTURY_S = 3_155_760_000.0
"""No log is longer than a century: a longer time is in another unit, and would wrap as a date."""
_SPANS = ("submit_s", "wait_s", "run_s", "observed_s", "suspended_s", "held_s", "think_time_s")
_WITHIN_A_CENTURY = "must be less than a century in seconds (is it in milliseconds?)"
_DTYPES = {
    "id": "int64 or str",
    "number": "float64",
    "name": "category of str",
    "state": "category",
    "previous id": "Int64 or string",
}
_STATE_TYPE = pd.CategoricalDtype(list(STATES))


def describe_columns() -> pd.DataFrame:
    """Return the schema as a table: one row a column.

    Returns
    -------
    DataFrame
        Indexed by column name, with ``dtype``, ``unit``, ``meaning`` and ``always`` (False for a
        column that only some sources fill).
    """
    rows = [
        (name, _DTYPES[column.kind], column.unit, column.meaning, name in COLUMNS)
        for name, column in _ALL.items()
    ]
    return pd.DataFrame(rows, columns=["column", "dtype", "unit", "meaning", "always"]).set_index(
        "column"
    )


def names(values: Any, *, missing: Any = None) -> "pd.Categorical[Any]":
    """Return user, queue, ... names as a categorical of strings.

    The categories are sorted: by number if all of them are whole numbers, else as text.

    Parameters
    ----------
    values : sequence
        Integers, strings, or missing (NaN, None, NA).  Shape (n,).
    missing : int or str, optional
        A further value that stands for an unknown name.
    """
    values = pd.Series(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    codes, unique = pd.factorize(values)
    if pd.api.types.is_float_dtype(unique) and np.all(np.asarray(unique, dtype=float) % 1 == 0):
        unique = unique.astype("int64")  # whole numbers read beside missing ones
    keep = np.flatnonzero(np.asarray(unique) != missing)
    if pd.api.types.is_integer_dtype(unique):
        order = keep[np.argsort(np.asarray(unique)[keep])]
        text = [str(number) for number in np.asarray(unique)[order].tolist()]
    else:
        words = [str(word) for word in unique]
        digits = all(words[i].isascii() and words[i].isdigit() for i in keep)
        key = (lambda i: _by_value(words[i])) if digits else words.__getitem__
        order = np.array(sorted(keep, key=key), dtype=np.intp)
        text = [words[i] for i in order]
    rank = np.full(len(unique) + 1, -1, dtype=np.intp)  # the last is for the code of NA
    rank[order] = np.arange(len(order))
    return pd.Categorical.from_codes(rank[codes], categories=pd.Index(text, dtype=str))


def _by_value(digits: str) -> tuple[int, str, str]:
    """Sort digits as numbers; `int` refuses those of over 4,300 digits."""
    whole = digits.lstrip("0")
    return len(whole), whole, digits


def states(values: Any, words: Mapping[Any, str]) -> "pd.Categorical[Any]":
    """Translate a source's words for states into `STATES`.

    Parameters
    ----------
    values : sequence
        The source's words, shape (n,).
    words : mapping
        From each word of the source to one of `STATES`.

    Raises
    ------
    ValueError
        If a value is not among `words`.
    """
    codes, unique = pd.factorize(pd.Series(values), use_na_sentinel=False)
    strangers = [word for word in unique if word not in words]
    if strangers:
        known = ", ".join(map(str, words))
        raise ValueError(f"state {strangers[0]!r} is not known: it must be one of {known}.")
    translated = np.array([STATES.index(words[word]) for word in unique], dtype=np.intp)
    return pd.Categorical.from_codes(translated[codes], dtype=_STATE_TYPE)


def jobs_table(columns: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    """Build a jobs table from the columns that are known; the others are filled with NA.

    Parameters
    ----------
    columns : mapping of str to sequence
        By column name (see `COLUMNS` and `EXTRAS`), each of shape (n,).  ``job_id`` and ``submit_s``
        must be there; ``state`` is ``unknown`` where it is not given.

    Returns
    -------
    DataFrame
        All of `COLUMNS` in order, then those of `EXTRAS` that were given, with the types of the
        schema.  It is not checked: `check` and `JobLog` do that.

    Raises
    ------
    ValueError
        If a column is not in the schema, a required one is missing, or lengths differ.
    """
    strangers = [name for name in columns if name not in _ALL]
    if strangers:
        raise ValueError(
            f"column {strangers[0]!r} is not in the schema of the jobs table: "
            f"use one of {', '.join(_ALL)}."
        )
    missing = [name for name in ("job_id", "submit_s") if name not in columns]
    if missing:
        raise ValueError(f"column {missing[0]!r} is missing: every job needs it.")
    n = len(columns["job_id"])
    table = {}
    for name, column in _ALL.items():
        if name in columns:
            if len(columns[name]) != n:
                raise ValueError(
                    f"column {name!r} has {len(columns[name])} values: job_id has {n}."
                )
            table[name] = _typed(columns[name], column.kind)
        elif name in COLUMNS:
            table[name] = _missing(n, column.kind)
    return pd.DataFrame(table, copy=False)


def _missing(n: int, kind: str) -> Any:
    """Return `n` unknown values of a kind of column."""
    if kind == "number":
        return np.full(n, np.nan)
    if kind == "name":
        return pd.Categorical.from_codes(np.full(n, -1), categories=pd.Index([], dtype=str))
    if kind == "state":
        unknown = np.full(n, STATES.index("unknown"))
        return pd.Categorical.from_codes(unknown, dtype=_STATE_TYPE)
    return pd.arrays.IntegerArray(np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool))


def _typed(values: Any, kind: str) -> Any:
    """Return `values` in the type that a kind of column has."""
    if kind == "number":
        return pd.Series(values).to_numpy(dtype="float64", na_value=np.nan, copy=True)
    if getattr(values, "dtype", None) == "category" and _right_type(pd.Series(values), kind):
        return pd.Series(values).array
    if kind == "name":
        return names(values)
    if kind == "state":
        return states(values, {state: state for state in STATES})
    values = pd.Series(values if hasattr(values, "dtype") else pd.array(values))
    unknown = kind == "previous id" and values.isna().all()
    whole = pd.api.types.is_integer_dtype(values) or len(values) == 0 or unknown
    if pd.api.types.is_float_dtype(values) and not whole:
        raise ValueError("job ids are floating point: give whole numbers or strings.")
    if kind == "previous id":
        return values.astype("Int64" if whole else "string").array
    if values.isna().any():
        raise ValueError(f"job_id is missing in row {values.isna().argmax()}: every job needs one.")
    return values.astype("int64" if whole else str).array


def _right_type(values: pd.Series, kind: str) -> bool:
    """Tell whether a column has the type of its kind."""
    dtype = values.dtype
    if kind == "number":
        return dtype == np.float64
    if kind == "state":
        return dtype == _STATE_TYPE
    if kind == "name":
        return isinstance(dtype, pd.CategoricalDtype) and (
            len(dtype.categories) == 0 or pd.api.types.is_string_dtype(dtype.categories)
        )
    if kind == "previous id":
        return dtype in ("Int64", "string")
    return dtype == np.int64 or pd.api.types.is_string_dtype(values)


def _check_schema(jobs: pd.DataFrame) -> None:
    """Raise if columns, their order or their types are not the schema's."""
    expected = [*COLUMNS, *(name for name in EXTRAS if name in jobs)]
    if list(jobs.columns) != expected:
        wrong = [name for name in jobs.columns if name not in _ALL]
        absent = [name for name in COLUMNS if name not in jobs]
        what = (
            f"column {wrong[0]!r} is not in the schema"
            if wrong
            else f"column {absent[0]!r} is missing"
            if absent
            else f"columns are in the order {list(jobs.columns)}: it must be {expected}"
        )
        raise ValueError(f"{what}: build the table with jobs_table().")
    for name in expected:
        kind = _ALL[name].kind
        if not _right_type(jobs[name], kind):
            raise ValueError(
                f"column {name!r} has type {jobs[name].dtype}: it must be {_DTYPES[kind]}; "
                "build the table with jobs_table()."
            )


def _broken_rules(jobs: pd.DataFrame) -> Iterable[Rule]:
    """Yield, for each rule about values, the rows that break it, the column and the rule."""
    for name, column in _ALL.items():
        if name not in jobs:
            continue
        values = jobs[name]
        if column.kind == "number":
            number = values.to_numpy()
            if name == "submit_s":
                yield ~np.isfinite(number), name, "must be a finite number"
            else:
                bad = (number < 0) | np.isinf(number)
                yield bad, name, "must be at least 0 and finite, or NaN if unknown"
            if name in _SPANS:
                yield np.abs(number) >= CENTURY_S, name, _WITHIN_A_CENTURY
        elif column.kind == "state":
            yield values.isna().to_numpy(), name, "must be one of STATES ('unknown' if it is)"
        elif column.kind == "name" or pd.api.types.is_string_dtype(values):
            text = values.cat.categories if column.kind == "name" else values.dropna()
            words = np.asarray(text, dtype=object).tolist()
            if "" in words or "\n" in (joined := "\0".join(words)) or "\r" in joined:
                bad = values.astype(object).map(_not_one_line, na_action="ignore")
                yield (bad == True).to_numpy(), name, "must be text of one line, or NA"  # noqa: E712
    whole = (jobs["state"] != "partial").to_numpy()
    repeated = np.zeros(len(jobs), dtype=bool)
    repeated[whole] = jobs["job_id"][whole].duplicated().to_numpy()
    yield repeated, "job_id", "must be unique, but for rows whose state is 'partial'"


def settle_jobs(
    columns: Mapping[str, Any], rows: Rows, *, errors: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the jobs table of what was read, and the table of the rows that were left out.

    A row is bad, too, if what was computed from it breaks a rule of the table: it overflowed, or
    was divided by zero.

    Parameters
    ----------
    columns : mapping of str to sequence
        As in `jobs_table`.
    rows : Rows
        What they were computed from, row by row.
    errors : {"raise", "skip"}
        What to do about rows that are bad.

    Raises
    ------
    ValueError
        If a row is bad and `errors` is ``"raise"``.
    """
    jobs = jobs_table(columns)
    broken = first_broken(jobs, _broken_rules(jobs))
    if broken:
        rows = rows.without(broken)
        jobs = jobs.drop(index=[row for row, *_ in broken]).reset_index(drop=True)
    return jobs, rows.settle(errors)


def _not_one_line(word: str) -> bool:
    """Tell whether a name is empty or has a line break."""
    return word == "" or "\n" in word or "\r" in word


def check(jobs: pd.DataFrame) -> None:
    """Raise unless `jobs` keeps the schema and its rules.

    Parameters
    ----------
    jobs : DataFrame
        A jobs table.

    Raises
    ------
    ValueError
        If a column is missing, unknown, misplaced or of another type; if a number is negative or
        infinite, a submission unknown, a name empty, or a job id repeated.  The message names row,
        column, value and rule.
    """
    _check_schema(jobs)
    broken = first_broken(jobs, _broken_rules(jobs))
    if broken:
        row, name, value, rule = broken[0]
        more = f" ({len(broken) - 1} more rows break a rule.)" if len(broken) > 1 else ""
        raise ValueError(
            f"row {row} (job {jobs['job_id'].iloc[row]}): {name} is {value!r}: it {rule}.{more}"
        )


def to_time_zone(time_zone: str | tzinfo) -> tzinfo:
    """Return a time zone by its IANA name (``Europe/Luxembourg``) or offset (``+02:00``).

    Raises
    ------
    ValueError
        If there is no such time zone.
    """
    if isinstance(time_zone, tzinfo):
        return time_zone
    time_zone = str(time_zone)
    if time_zone[:1] in ("+", "-"):
        try:
            return datetime.fromisoformat(f"2000-01-01T00:00:00{time_zone}").tzinfo or UTC
        except ValueError:
            pass
    try:
        return ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"time_zone is {time_zone!r}: it must be a name of the IANA time zone database such as "
            "'Europe/Luxembourg', or an offset such as '+02:00'."
        ) from None


_LATEST_S = 7_258_118_400  # 2200-01-01: beyond is another unit, and nanoseconds end in 2262


def to_epoch(epoch: Any, time_zone: str | tzinfo | None = None) -> pd.Timestamp:
    """Return the instant of second 0 as a tz-aware Timestamp in the log's time zone.

    Parameters
    ----------
    epoch : Timestamp, datetime, str, or number
        The instant; a number is Unix time [s].
    time_zone : str or tzinfo, optional
        The log's time zone.  Without it, that of `epoch`, or UTC for a number.

    Raises
    ------
    ValueError
        If `epoch` has no time zone and none is given, or is no instant, or not between the years
        1900 and 2200.
    """
    rule = "it must be an instant before 2200; a number is in seconds since 1970."
    try:
        is_number = isinstance(epoch, int | float | np.number)
        instant = pd.Timestamp(epoch, unit="s", tz="UTC") if is_number else pd.Timestamp(epoch)
    except (ValueError, OverflowError, TypeError):
        raise ValueError(f"epoch is {epoch!r}: {rule}") from None
    if pd.isna(instant) or not 1900 <= instant.year < 2200:
        raise ValueError(f"epoch is {epoch!r}: {rule}")
    if instant.tzinfo is None:
        if time_zone is None:
            raise ValueError(
                f"epoch is {epoch}, without a time zone: give one, or pass time_zone=."
            )
        return instant.tz_localize(to_time_zone(time_zone)).as_unit("ns")
    if time_zone is not None:
        instant = instant.tz_convert(to_time_zone(time_zone))
    return instant.as_unit("ns")


def start_s(jobs: pd.DataFrame) -> pd.Series:
    """Return when each job started [s since second 0]; NaN where the wait is unknown."""
    return (jobs["submit_s"] + jobs["wait_s"]).rename("start_s")


def end_s(jobs: pd.DataFrame) -> pd.Series:
    """Return when each job ended [s since second 0]; NaN where wait or run time is unknown."""
    return (start_s(jobs) + jobs["run_s"]).rename("end_s")


_NO_EPOCH = "the instant of second 0 is not known: pass epoch= to the reader."


@dataclass(frozen=True, eq=False)
class JobLog:
    """A log of jobs: the jobs table and what a table cannot hold.

    Parameters
    ----------
    jobs : DataFrame
        The jobs table (see `COLUMNS`), checked at construction.
    epoch : Timestamp or None
        The tz-aware instant of second 0, in the log's time zone; None where the source gives none.
    source : str
        The log's name.
    header : tuple of str
        Comment lines of the source, verbatim, without line ends.
    skipped : DataFrame
        One row for each row of the source that was left out: ``line``, ``field``, ``value``,
        ``reason``.

    Raises
    ------
    ValueError
        If the table breaks the schema, `epoch` has no time zone or a header line has a line break.
    """

    jobs: pd.DataFrame
    epoch: pd.Timestamp | None = None
    source: str = ""
    header: tuple[str, ...] = ()
    skipped: pd.DataFrame = field(default_factory=lambda: settle([], errors="skip", source=""))

    def __post_init__(self) -> None:
        check(self.jobs)
        if self.epoch is not None and self.epoch.tzinfo is None:
            raise ValueError(f"epoch is {self.epoch}, without a time zone: it must have one.")
        if any("\n" in line or "\r" in line for line in self.header):
            raise ValueError("a line of header has a line break: give one line an entry.")
        if tuple(self.skipped.columns) != SKIPPED:
            raise ValueError(f"skipped has columns {list(self.skipped)}: it must have {SKIPPED}.")

    def __len__(self) -> int:
        return len(self.jobs)

    def with_jobs(self, jobs: pd.DataFrame) -> "JobLog":
        """Return the same log with another table of jobs (checked)."""
        return replace(self, jobs=jobs)

    def window(self, start: float, stop: float) -> "JobLog":
        """Return the log of the jobs submitted in [start, stop) [s since second 0].

        Second 0 stays where it is.

        Raises
        ------
        ValueError
            If `stop` is before `start`.
        """
        if not start <= stop:
            raise ValueError(f"start is {start} and stop is {stop}: stop must not be before start.")
        inside = self.jobs["submit_s"].between(start, stop, inclusive="left")
        return self.with_jobs(self.jobs[inside].reset_index(drop=True))

    def account(
        self,
        intensity: "Intensity",
        *,
        power: "float | AssumedPower | None" = None,
        pue: "float | Pue" = 1.0,
        errors: str = "raise",
    ) -> "Footprint":
        """Return the energy and the emissions of the log's jobs, to be asked by user, month, ...

        Parameters
        ----------
        intensity : Intensity
            Average or marginal, covering all jobs.
        power : float or AssumedPower, optional
            What a job is assumed to draw while it runs and is not suspended, where the log has no
            ``energy_j``: watts for each processor, or an assumption about processors, GPUs and
            nodes.  Without it every job's energy must be in the log.
        pue : float or Pue
            Power usage effectiveness [1], >= 1.
        errors : {"raise", "skip"}
            Whether a job that ran and cannot be charged raises, or is left out and listed in
            `Footprint.left_out`, as are those that never ran.

        Returns
        -------
        Footprint
            Its `by` gives tables; `assumptions` says how much was measured.

        Raises
        ------
        ValueError
            If the log has no epoch, the intensity does not cover it, rows of one job overlap, or
            with ``errors="raise"`` the start, the energy or a size that `power` needs is not known
            for a job that ran.

        Notes
        -----
        A job draws the same power from start to end: its energy over its run time.  One that still
        ran when the log ended is charged for the time that it was seen running.
        """
        from .footprint import footprint  # a log is read without the rooms that charge it

        if self.epoch is None:
            raise ValueError(f"{self.source}: {_NO_EPOCH}")
        return footprint(
            self.jobs,
            self.epoch,
            intensity,
            power=power,
            pue=pue,
            errors=errors,
            source=self.source or "the log",
        )

    def on_year(self, year: int, *, weeks: int = 0) -> Self:
        """Return the log laid on another year, on the same weekdays and times of day.

        Parameters
        ----------
        year : int
            The year to go to.
        weeks : int
            Whole weeks to go further.

        Raises
        ------
        ValueError
            If the log has no epoch.
        """
        if self.epoch is None:
            raise ValueError(f"{self.source}: {_NO_EPOCH}")
        return replace(self, epoch=same_weekday(self.epoch, year, self.epoch.tz or "UTC", weeks))

    def submit_time(self) -> pd.Series:
        """Return the instants of submission, tz-aware, in the log's time zone.

        Raises
        ------
        ValueError
            If the log has no epoch.
        """
        if self.epoch is None:
            raise ValueError(f"{self.source}: {_NO_EPOCH}")
        seconds = pd.to_timedelta(self.jobs["submit_s"], unit="s").astype("timedelta64[ns]")
        return (self.epoch + seconds).rename("submit_time")


_FORMAT = "# jobs table 1"
_ABOUT = b"jobs table"  # the key of a Parquet file's metadata


def write_csv(log: JobLog, path: str | os.PathLike) -> None:
    """Write a log as CSV that `read_csv` reads back without loss.

    What is not in the table stands in ``#`` lines above it, each a key and a JSON value: source,
    epoch, zone, the type of the job ids, header lines, skipped rows.

    Parameters
    ----------
    log : JobLog
        What to write.
    path : path
        Where to; ``.gz``, ``.bz2`` and ``.xz`` are compressed.

    Raises
    ------
    ValueError
        If the table was changed and no longer keeps the schema.
    OSError
        If `path` cannot be written; what was there stays.
    """
    check(log.jobs)
    lines = _about_lines(log)
    table = log.jobs.to_csv(index=False, lineterminator="\n", quoting=0)
    write_whole(path, "\n".join(lines) + "\n" + table)


def _about_lines(log: JobLog) -> list[str]:
    """Return in lines what is not in the table."""
    ids = "integer" if log.jobs["job_id"].dtype == np.int64 else "text"
    about: list[tuple[str, Any]] = [("source", log.source), ("job_id", ids)]
    if log.epoch is not None:
        about += [("epoch", log.epoch.isoformat()), ("zone", time_zone_name(log.epoch))]
    about += [("header", line) for line in log.header]
    about += [("skipped", row) for row in log.skipped.astype(object).to_numpy().tolist()]
    return [_FORMAT] + [f"# {key}: {json.dumps(value)}" for key, value in about]


def write_parquet(log: JobLog, path: str | os.PathLike) -> None:
    """Write a log as Parquet, which other programs read, and `read_parquet` without loss.

    What is not in the table stands in the file's metadata under ``jobs table``, as in `write_csv`.

    Parameters
    ----------
    log : JobLog
        What to write.
    path : path
        Where to.

    Raises
    ------
    ValueError
        If the table was changed and no longer keeps the schema.
    OSError
        If `path` cannot be written; what was there stays.
    """
    import pyarrow as pa
    from pyarrow import parquet

    check(log.jobs)
    table = pa.Table.from_pandas(log.jobs, preserve_index=False)
    about = "\n".join(_about_lines(log)[1:])
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _ABOUT: about.encode()})
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())


def read_parquet(path: str | os.PathLike) -> JobLog:
    """Read a jobs table that `write_parquet` wrote.

    Raises
    ------
    ValueError
        If the file is no Parquet file, was not written by `write_parquet`, or its table breaks a
        rule.
    """
    import pyarrow as pa
    from pyarrow import parquet

    name = os.path.basename(path)
    try:
        table = parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError | IsADirectoryError):
            raise
        raise ValueError(f"{name}: is no whole Parquet file ({error}): fetch it again.") from None
    metadata = table.schema.metadata or {}
    if _ABOUT not in metadata:
        raise ValueError(f"{name}: has no jobs table in it: write_parquet() did not write it.")
    about = _read_about(metadata[_ABOUT].split(b"\n"), name)
    jobs = table.to_pandas()
    named = [column for column in jobs if isinstance(jobs[column].dtype, pd.CategoricalDtype)]
    try:
        jobs = jobs_table(jobs.astype(dict.fromkeys(named, object)))
        return JobLog(jobs, about.epoch, about.source, about.header, about.skipped)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def time_zone_name(epoch: pd.Timestamp) -> str:
    """Return a name from which `to_time_zone` makes the same time zone."""
    name = getattr(epoch.tzinfo, "key", None) or getattr(epoch.tzinfo, "zone", None)
    if name:
        return name
    shift = epoch.utcoffset() or timedelta(0)
    return timezone(timedelta(seconds=shift.total_seconds())).tzname(None)[3:] or "UTC"


def read_csv(
    path_or_buffer: Source, *, errors: str = "raise", largest_bytes: int = LARGEST_BYTES
) -> JobLog:
    """Read a jobs table that `write_csv` wrote.

    Parameters
    ----------
    path_or_buffer : path or open file
        What to read, plain or compressed.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Raises
    ------
    ValueError
        If the file is in another format, or a row is bad: the message names file, line, field,
        value and rule.
    """
    data, source, cut = read_lines(path_or_buffer, errors=errors, largest_bytes=largest_bytes)
    lines = data.split(b"\n")
    if lines[0].strip() != _FORMAT.encode():
        raise ValueError(
            f"{source}, line 1: must be {_FORMAT!r}: this is no file that write_csv() wrote."
        )
    top = next((i for i, line in enumerate(lines) if not line.startswith(b"#")), len(lines) - 1)
    about = _read_about(lines[1:top], source)
    given = lines[top].decode().strip().split(",")
    if given != [*COLUMNS, *(name for name in EXTRAS if name in given)]:
        raise ValueError(f"{source}, line {top + 1}: must name the columns {', '.join(COLUMNS)}.")
    kinds = {"id": "int64", "previous id": "Int64"} if about.whole_ids else {}
    fields = {
        name: "float64" if _ALL[name].kind == "number" else kinds.get(_ALL[name].kind, "str")
        for name in given
    }
    body = b"\n".join(lines[top + 1 :])
    rows = read_rows(body, fields, source=source, first_line=top + 2, problems=cut)
    rows = rows.accept(_csv_rules)
    skipped = rows.settle(errors)
    return JobLog(
        jobs=jobs_table(rows.frame),
        epoch=about.epoch,
        source=about.source,
        header=about.header,
        skipped=pd.concat([about.skipped, skipped], ignore_index=True),
    )


class _About(NamedTuple):
    """What stands above a table."""

    source: str
    whole_ids: bool
    epoch: pd.Timestamp | None
    header: tuple[str, ...]
    skipped: pd.DataFrame


def _read_about(lines: list[bytes], source: str) -> _About:
    """Return what the keys and JSON values above a table say."""
    kinds = {
        "source": str,
        "job_id": str,
        "epoch": str,
        "zone": str,
        "header": str,
        "skipped": list,
    }
    about: dict[str, list] = {key: [] for key in kinds}
    places: dict[str, int] = {}
    for place, line in enumerate(lines, 2):
        key, _, text = line.decode().removeprefix("# ").partition(": ")
        try:
            value = json.loads(text)
            known = isinstance(value, kinds[key])
            if key == "skipped":
                known = known and list(map(type, value)) == [int, str, str, str]
            if not known:
                raise ValueError(text)
        except (ValueError, KeyError, RecursionError):
            shown = line.decode()[:60]
            raise ValueError(
                f"{source}, line {place}: {shown!r} must be '# key: JSON value' of "
                f"{', '.join(kinds)}, as write_csv() writes them."
            ) from None
        about[key].append(value)
        places[key] = place
    epoch = None
    if about["epoch"]:
        try:
            epoch = to_epoch(about["epoch"][-1], about["zone"][-1] if about["zone"] else None)
        except ValueError as error:
            raise ValueError(f"{source}, line {places['epoch']}: {error}") from None
    return _About(
        source=(about["source"] or [source])[0],
        whole_ids=about["job_id"] != ["text"],
        epoch=epoch,
        header=tuple(about["header"]),
        skipped=settle([tuple(row) for row in about["skipped"]], errors="skip", source=""),
    )


def _csv_rules(frame: pd.DataFrame) -> Iterable[Rule]:
    """Yield the rules that rows of a CSV file must keep."""
    nameless = frame["job_id"].isna()
    yield nameless.to_numpy(), "job_id", "must be given"
    strange = ~frame["state"].isin(STATES)
    yield strange.to_numpy(), "state", f"must be one of {', '.join(STATES)}"
    known = frame.assign(
        job_id=frame["job_id"].mask(nameless, "?") if nameless.any() else frame["job_id"],
        state=frame["state"].mask(strange, "unknown"),
    )
    yield from _broken_rules(jobs_table(known))
