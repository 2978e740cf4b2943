"""Traces of clouds and data centres: GAIA-style CSV, Azure, Google, Alibaba.

Each reader turns one published layout into the jobs table: units converted, what the trace does not
say NA, jobs that still ran when the trace ended ``running`` with ``run_s`` unknown and ``observed_s``
its lower bound.

References
----------
* GAIA: W. A. Hanafy et al., "Going Green for Less Green: Optimizing the Cost of Reducing Cloud
  Carbon Emissions", ASPLOS 2024, doi:10.1145/3620666.3651374.
* Azure: E. Cortez et al., "Resource Central", SOSP 2017, doi:10.1145/3132747.3132772; layouts in
  https://github.com/Azure/AzurePublicDataset (AzurePublicDatasetV1.md, AzurePublicDatasetV2.md and
  the column names in the notebooks of its folder ``analysis``).
* Google: M. Tirmazi et al., "Borg: the Next Generation", EuroSys 2020,
  doi:10.1145/3342195.3387517; layout in https://github.com/google/cluster-data
  (clusterdata_trace_format_v3.proto and "Google cluster-usage traces v3").
* Alibaba 2018: https://github.com/alibaba/clusterdata, cluster-trace-v2018 (schema.txt,
  trace_2018.md).
* Alibaba PAI 2020: Q. Weng et al., "MLaaS in the Wild", NSDI 2022; layout in
  https://github.com/alibaba/clusterdata, cluster-trace-gpu-v2020 (README.md).
"""

import os
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import LARGEST_BYTES, Source, write_whole

from .rows import Rows, Rule, read_lines, read_rows
from .table import STATES, JobLog, check, settle_jobs, states, to_epoch

__all__ = [
    "GOOGLE_QUERY",
    "read_alibaba_2018",
    "read_alibaba_pai",
    "read_azure",
    "read_gaia_csv",
    "read_google_2019",
    "write_gaia_csv",
]

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_KIB_PER_GIB = 2.0**20


def _read_table(
    path_or_buffer: Source,
    fields: Mapping[str, str],
    *,
    named: bool,
    errors: str,
    largest_bytes: int,
) -> Rows:
    """Read a CSV file; its line of names must (`named`) or may stand on top."""
    data, source, cut = read_lines(path_or_buffer, errors=errors, largest_bytes=largest_bytes)
    top, _, body = data.partition(b"\n")
    words = [word.strip().strip('"') for word in top.decode().split(",")]
    if words == list(fields):
        return read_rows(body, fields, source=source, first_line=2, problems=cut)
    if named:
        raise ValueError(
            f"{source}, line 1: is {top.decode().strip()[:80]!r}: it must name the columns "
            f"{','.join(fields)}."
        )
    return read_rows(data, fields, source=source, problems=cut)


def _not_negative(frame: pd.DataFrame, names: Iterable[str]) -> Iterable[Rule]:
    """Yield the rule that known numbers are at least 0."""
    for name in names:
        yield (frame[name] < 0).to_numpy(), name, "must be at least 0"


def _known(frame: pd.DataFrame, names: Iterable[str]) -> Iterable[Rule]:
    """Yield the rule that fields are not empty."""
    for name in names:
        yield frame[name].isna().to_numpy(), name, "must be given"


def _among(frame: pd.DataFrame, name: str, words: Iterable[Any]) -> Rule:
    """Return the rule that a field is one of some words."""
    words = list(words)
    return (
        ~frame[name].isin(words).to_numpy(),
        name,
        f"must be one of {', '.join(map(str, words))}",
    )


def _unique(frame: pd.DataFrame, names: list[str]) -> Rule:
    """Return the rule that what names a job occurs once."""
    return frame.duplicated(names).to_numpy(), names[-1], "must be unique: the job is there already"


def _ordered(frame: pd.DataFrame, first: str, last: str) -> Rule:
    """Return the rule that an end is not before its start."""
    return (frame[last] < frame[first]).to_numpy(), last, f"must not be before {first}"


def _length_unit(time_unit: str) -> float:
    """Return the seconds in a unit of time."""
    if time_unit not in _SECONDS:
        raise ValueError(f"time_unit is {time_unit!r}: it must be one of {', '.join(_SECONDS)}.")
    return _SECONDS[time_unit]


def read_gaia_csv(
    path_or_buffer: Source,
    *,
    time_unit: str,
    errors: str = "raise",
    epoch: Any = None,
    time_zone: str | tzinfo | None = None,
    largest_bytes: int = LARGEST_BYTES,
) -> JobLog:
    """Read a GAIA-style trace: ``arrival_time,length,cpus`` and perhaps ``status``.

    Parameters
    ----------
    path_or_buffer : path or open file
        A CSV file whose first line names the columns.
    time_unit : {"s", "min", "h"}
        The unit of arrival time and length.  Files of this family differ (GAIA's own use hours), and
        none says so: it is never guessed.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`.
    epoch : Timestamp, datetime, str or number, optional
        The instant of arrival time 0, which such files do not give.
    time_zone : str or tzinfo, optional
        The log's time zone.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    JobLog
        Jobs are numbered from 1 in the file's order.  ``wait_s`` is NA: the length is the run time.
        Times are rounded to the microsecond.

    Raises
    ------
    ValueError
        If the columns are others, a number is missing or negative, cpus are 0, or a status is not
        one of `STATES` (in capitals, as Slurm writes them); or if `time_unit` is unknown.
    """
    factor = _length_unit(time_unit)
    data, source, cut = read_lines(path_or_buffer, errors=errors, largest_bytes=largest_bytes)
    first, _, body = data.partition(b"\n")
    top = first.decode().strip()
    fields = {"arrival_time": "float64", "length": "float64", "cpus": "float64"}
    if top == ",".join([*fields, "status"]):
        fields["status"] = "str"
    elif top != ",".join(fields):
        raise ValueError(
            f"{source}, line 1: is {top[:80]!r}: it must be 'arrival_time,length,cpus' or "
            "'arrival_time,length,cpus,status'."
        )
    words = {state.upper(): state for state in STATES}

    def rules(frame: pd.DataFrame) -> Iterable[Rule]:
        yield from _known(frame, fields)
        yield from _not_negative(frame, ["arrival_time", "length"])
        yield (frame["cpus"] <= 0).to_numpy(), "cpus", "must be above 0"
        if "status" in fields:
            yield _among(frame, "status", words)

    rows = read_rows(body, fields, source=source, first_line=2, problems=cut).accept(rules)
    frame = rows.frame
    columns: dict[str, Any] = {
        "job_id": np.arange(1, len(frame) + 1),
        "submit_s": (frame["arrival_time"] * factor).round(6),
        "run_s": (frame["length"] * factor).round(6),
        "processors": frame["cpus"],
    }
    if "status" in fields:
        columns["state"] = states(frame["status"], words)
    jobs, skipped = settle_jobs(columns, rows, errors=errors)
    instant = None if epoch is None else to_epoch(epoch, time_zone)
    return JobLog(jobs, epoch=instant, source=source, skipped=skipped)


def write_gaia_csv(log: JobLog, path: str | os.PathLike, *, time_unit: str) -> None:
    """Write submission, run time and processors as a GAIA-style trace.

    The format holds nothing else; ``status`` is written where a state is known.

    Parameters
    ----------
    log : JobLog
        What to write.
    path : path
        Where to; ``.gz``, ``.bz2`` and ``.xz`` are compressed.
    time_unit : {"s", "min", "h"}
        The unit of arrival time and length.

    Raises
    ------
    ValueError
        If the run time or the processors of a job are unknown, or its submission is before second 0;
        or if `time_unit` is unknown.
    OSError
        If `path` cannot be written; what was there stays.
    """
    factor = _length_unit(time_unit)
    check(log.jobs)
    jobs = log.jobs
    for name in ("run_s", "processors"):
        unknown = jobs[name].isna().to_numpy()
        if unknown.any():
            raise ValueError(
                f"job {jobs['job_id'].iloc[unknown.argmax()]}: {name} is unknown: the format needs "
                "it: leave such jobs out."
            )
    early = (jobs["submit_s"] < 0).to_numpy()
    if early.any():
        raise ValueError(
            f"job {jobs['job_id'].iloc[early.argmax()]}: submit_s is below 0: the format starts at 0."
        )
    table = {
        "arrival_time": jobs["submit_s"] / factor,
        "length": jobs["run_s"] / factor,
        "cpus": jobs["processors"],
    }
    if (jobs["processors"] % 1 == 0).all():
        table["cpus"] = jobs["processors"].astype("int64")
    if (jobs["state"] != "unknown").any():
        table["status"] = jobs["state"].astype(str).str.upper()
    write_whole(path, pd.DataFrame(table).to_csv(index=False, lineterminator="\n"))


_AZURE_CATEGORIES = ("Delay-insensitive", "Interactive", "Unknown")
# The last time stamp of each trace: what was deleted then was still running.
_AZURE_END_S = {1: 2_591_700.0, 2: 2_591_400.0}
_AZURE_BUCKETS = {
    "vmcorecountbucket": ("2", "4", "8", "24", ">24"),
    "vmmemorybucket": ("2", "4", "8", "32", "64", ">64"),
}


_AZURE_SIZES = {1: ("vmcorecount", "vmmemory"), 2: tuple(_AZURE_BUCKETS)}
_AZURE_TIMES = ("vmcreated", "vmdeleted")
_AZURE_USE = ("maxcpu", "avgcpu", "p95maxcpu")
_AZURE_FIELDS = {
    **dict.fromkeys(("vmid", "subscriptionid", "deploymentid"), "str"),
    **dict.fromkeys((*_AZURE_TIMES, *_AZURE_USE), "float64"),
    "vmcategory": "str",
}


def read_azure(
    path_or_buffer: Source,
    *,
    version: int,
    errors: str = "raise",
    trace_end_s: float | None = None,
    largest_bytes: int = LARGEST_BYTES,
) -> JobLog:
    """Read ``vmtable.csv`` of the Azure public VM traces.

    Parameters
    ----------
    path_or_buffer : path or open file
        The file, plain or compressed, with or without a line of names.
    version : {1, 2}
        V1 (2017) gives cores and memory; V2 (2019) gives buckets, by their upper end.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`.
    trace_end_s : float, optional
        The last time stamp of the trace [s]; by default that of the published one (2591700 in V1,
        2591400 in V2).  VMs deleted then were still running.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    JobLog
        One row a VM: ``submit_s`` is its creation and ``wait_s`` 0, ``user`` the subscription,
        ``group`` the deployment, ``category`` ``delay-insensitive``, ``interactive`` or ``unknown``;
        ``cpu_time_s`` is the mean utilization times the run time.  In V2 ``processors`` and
        ``requested_processors`` are the upper end of the bucket, and NA for ``>24`` cores.  VMs
        created at 0 may be older than the trace.

    Raises
    ------
    ValueError
        If `version` is another, or a row is bad: the message names file, line, field and value.
    """
    if version not in _AZURE_END_S:
        raise ValueError(f"version is {version!r}: it must be 1 or 2.")
    cores, memory = _AZURE_SIZES[version]
    fields = _AZURE_FIELDS | dict.fromkeys((cores, memory), "float64" if version == 1 else "str")
    rows = _read_table(
        path_or_buffer, fields, named=False, errors=errors, largest_bytes=largest_bytes
    )
    rows = rows.accept(partial(_azure_rules, version=version))
    frame = rows.frame
    end = _AZURE_END_S[version] if trace_end_s is None else trace_end_s
    lifetime = frame["vmdeleted"] - frame["vmcreated"]
    running = frame["vmdeleted"] >= end
    processors = pd.to_numeric(frame[cores], errors="coerce")  # '>24' is NA
    gib = pd.to_numeric(frame[memory], errors="coerce")
    columns = {
        "job_id": frame["vmid"],
        "submit_s": frame["vmcreated"],
        "wait_s": np.zeros(len(frame)),
        "run_s": lifetime.mask(running),
        "processors": processors,
        "cpu_time_s": (frame["avgcpu"] / 100 * lifetime).mask(running),
        "requested_processors": processors,
        "requested_memory_kb": gib * _KIB_PER_GIB / processors,
        "state": running.map({True: "running", False: "unknown"}),
        "user": frame["subscriptionid"],
        "group": frame["deploymentid"],
        "category": frame["vmcategory"].str.lower(),
        "observed_s": lifetime.where(running),
    }
    jobs, skipped = settle_jobs(columns, rows, errors=errors)
    return JobLog(jobs, source=rows.source, skipped=skipped)


def _azure_rules(frame: pd.DataFrame, *, version: int) -> Iterable[Rule]:
    """Yield the rules that rows of an Azure trace must keep."""
    yield from _known(frame, [name for name in map(str, frame) if name not in _AZURE_USE])
    yield from _not_negative(frame, (*_AZURE_TIMES, *_AZURE_USE))
    yield _ordered(frame, "vmcreated", "vmdeleted")
    yield _among(frame, "vmcategory", _AZURE_CATEGORIES)
    for name in _AZURE_SIZES[version]:
        if version == 1:
            yield (frame[name] <= 0).to_numpy(), name, "must be above 0"
        else:
            yield _among(frame, name, _AZURE_BUCKETS[name])
    yield _unique(frame, ["vmid"])


GOOGLE_QUERY = """\
WITH jobs AS (
  SELECT
    collection_id,
    MIN(IF(type = 0, time, NULL)) AS submit_us,
    MIN(IF(type = 3, time, NULL)) AS schedule_us,
    MAX(IF(type IN (4, 5, 6, 7, 8), time, NULL)) AS end_us,
    ARRAY_AGG(type ORDER BY time DESC, type DESC LIMIT 1)[OFFSET(0)] AS last_type,
    MAX(priority) AS priority,
    MAX(scheduling_class) AS scheduling_class,
    MAX(user) AS user,
    MAX(collection_logical_name) AS collection_logical_name
  FROM `google.com:google-cluster-data.clusterdata_2019_a.collection_events`
  WHERE collection_type = 0
  GROUP BY collection_id
),
requests AS (
  SELECT collection_id, COUNT(*) AS instances, SUM(cpus) AS cpus, SUM(memory) AS memory
  FROM (
    SELECT
      collection_id,
      instance_index,
      MAX(resource_request.cpus) AS cpus,
      MAX(resource_request.memory) AS memory
    FROM `google.com:google-cluster-data.clusterdata_2019_a.instance_events`
    GROUP BY collection_id, instance_index
  )
  GROUP BY collection_id
)
SELECT
  collection_id, submit_us, schedule_us, end_us, last_type, priority, scheduling_class, user,
  collection_logical_name, instances, cpus, memory
FROM jobs LEFT JOIN requests USING (collection_id)
WHERE submit_us > 0
ORDER BY submit_us, collection_id
"""
"""SQL that exports one row a job of cell a (change ``_a`` for another cell) for `read_google_2019`.

It leaves alloc sets out, and jobs submitted before the trace (time 0), whose submission is unknown.
"""

_GOOGLE_FIELDS = {
    "collection_id": "int64",
    "submit_us": "int64",
    "schedule_us": "Int64",
    "end_us": "Int64",
    "last_type": "int64",
    "priority": "Int64",
    "scheduling_class": "Int64",
    "user": "str",
    "collection_logical_name": "str",
    "instances": "Int64",
    "cpus": "float64",
    "memory": "float64",
}
_GOOGLE_AFTER = 2**63 - 1  # the time stamp of what happened after the trace
_GOOGLE_OFFSET_S = 600.0  # the trace starts 600 s after time 0
_GOOGLE_ENDS = {4: "preempted", 5: "failed", 6: "completed", 7: "cancelled", 8: "unknown"}
_GOOGLE_TIER_NAMES = ("free", "best-effort batch", "mid", "production", "monitoring")


def read_google_2019(
    path_or_buffer: Source,
    *,
    processors_per_ncu: float | None = None,
    errors: str = "raise",
    epoch: Any = None,
    time_zone: str | tzinfo | None = None,
    largest_bytes: int = LARGEST_BYTES,
) -> JobLog:
    """Read jobs of the Google cluster trace of 2019, exported from BigQuery with `GOOGLE_QUERY`.

    Parameters
    ----------
    path_or_buffer : path or open file
        The CSV export, plain or compressed, with its line of names.
    processors_per_ncu : float, optional
        Processors in one normalised compute unit, the capacity of the largest machine of the trace.
        The trace does not say: without it ``processors`` is NA.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`.
    epoch : Timestamp, datetime, str or number, optional
        The instant at which the trace starts (second 0).
    time_zone : str or tzinfo, optional
        The log's time zone.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    JobLog
        Second 0 is the start of the trace, 600 s after the trace's time 0.  The last event tells the
        state: evicted ``preempted``, failed, finished ``completed``, killed ``cancelled``, lost
        ``unknown``; a job without an end in the trace is ``running`` or, if it was never scheduled,
        ``pending``.  ``queue`` is the scheduling class (0 most insensitive to delay, 3 most
        sensitive), ``category`` the tier by priority, ``nodes`` the number of instances.  Memory is
        normalised in the trace and left NA.

    Raises
    ------
    ValueError
        If a row is bad, or submitted before the trace (time 0); the message names file, line, field
        and value.
    """
    rows = _read_table(
        path_or_buffer, _GOOGLE_FIELDS, named=True, errors=errors, largest_bytes=largest_bytes
    )
    rows = rows.accept(_google_rules)
    frame = rows.frame
    submit, start, end, last_s = _google_times(frame)
    ended = frame["last_type"].isin(_GOOGLE_ENDS).to_numpy() & ~np.isnan(end)
    state = np.where(np.isnan(start), "pending", "running")
    state = np.where(ended, frame["last_type"].map(_GOOGLE_ENDS), state)
    columns = {
        "job_id": frame["collection_id"],
        "submit_s": submit,
        "wait_s": start - submit,
        "run_s": np.where(ended, end - start, np.nan),
        "processors": frame["cpus"] * (processors_per_ncu or np.nan),
        "requested_processors": frame["cpus"] * (processors_per_ncu or np.nan),
        "state": state,
        "user": frame["user"],
        "executable": frame["collection_logical_name"],
        "queue": frame["scheduling_class"],
        "nodes": frame["instances"],
        "category": _google_tier(frame["priority"]),
        "observed_s": np.where(state == "running", last_s - start, np.nan),
    }
    jobs, skipped = settle_jobs(columns, rows, errors=errors)
    instant = None if epoch is None else to_epoch(epoch, time_zone)
    return JobLog(jobs, epoch=instant, source=rows.source, skipped=skipped)


def _google_times(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return submission, start, end, and the last event in the trace [s]; NaN after the trace."""
    times = []
    for name in ("submit_us", "schedule_us", "end_us"):
        inside = frame[name].mask(frame[name] == _GOOGLE_AFTER).astype("Int64")
        seconds = inside.to_numpy("float64", na_value=np.nan) / 1e6
        times.append(seconds - _GOOGLE_OFFSET_S)
    last_s = max((np.nanmax(time) for time in times if not np.isnan(time).all()), default=np.nan)
    submit, start, end = times
    return submit, start, end, last_s


def _google_rules(frame: pd.DataFrame) -> Iterable[Rule]:
    """Yield the rules that rows of the export must keep."""
    inside = (frame["submit_us"] > 0) & (frame["submit_us"] < _GOOGLE_AFTER)
    reason = "must be inside the trace (0 is before it): export with GOOGLE_QUERY"
    yield ~inside.to_numpy(), "submit_us", reason
    yield _among(frame, "last_type", range(11))
    yield from _not_negative(frame.fillna({"instances": 0}), ["instances", "cpus", "memory"])
    for first, last in (("submit_us", "schedule_us"), ("schedule_us", "end_us")):
        bad, name, reason = _ordered(frame, first, last)
        yield pd.array(bad, dtype="boolean").fillna(False).to_numpy(bool), name, reason
    yield _unique(frame, ["collection_id"])


def _google_tier(priority: pd.Series) -> pd.Series:
    """Return the tier of a priority (Tirmazi et al. 2020, section 2)."""
    bins = [-1, 99, 115, 119, 359, np.inf]
    return pd.cut(priority.astype("float64"), bins, labels=list(_GOOGLE_TIER_NAMES))


_ALIBABA_STATES = {
    "Terminated": "completed",
    "Failed": "failed",
    "Cancelled": "cancelled",
    "Interrupted": "preempted",
    "Running": "running",
    "Waiting": "pending",
    "Ready": "pending",
}


def read_alibaba_2018(
    path_or_buffer: Source,
    *,
    plan_per: str,
    errors: str = "raise",
    largest_bytes: int = LARGEST_BYTES,
) -> JobLog:
    """Read ``batch_task.csv`` of the Alibaba cluster trace of 2018.

    Parameters
    ----------
    path_or_buffer : path or open file
        The file, plain or compressed, with or without a line of names.
    plan_per : {"instance", "task"}
        Whether ``plan_cpu`` is what one instance asked for or all of the task; the schema says 'the
        task', most studies take it as the instance's: it is never guessed.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    JobLog
        One row a task, ``job_id`` being ``job_name/task_name``, ``group`` the job and ``category``
        the task's type.  The trace holds no submission: ``submit_s`` is the start and ``wait_s`` 0.
        ``plan_mem`` is normalised in the trace and left NA.

    Raises
    ------
    ValueError
        If a row is bad, or its start outside the trace (0); the message names file, line, field and
        value.
    """
    if plan_per not in ("instance", "task"):
        raise ValueError(f"plan_per is {plan_per!r}: it must be 'instance' or 'task'.")
    fields = {
        "task_name": "str",
        "instance_num": "float64",
        "job_name": "str",
        "task_type": "str",
        "status": "str",
        "start_time": "float64",
        "end_time": "float64",
        "plan_cpu": "float64",
        "plan_mem": "float64",
    }
    rows = _read_table(
        path_or_buffer, fields, named=False, errors=errors, largest_bytes=largest_bytes
    )

    def rules(frame: pd.DataFrame) -> Iterable[Rule]:
        yield from _known(frame, ["task_name", "job_name", "status"])
        yield _among(frame, "status", _ALIBABA_STATES)
        yield from _inside_trace(frame)
        yield from _not_negative(frame, ["instance_num", "plan_cpu"])
        yield _unique(frame, ["job_name", "task_name"])

    rows = rows.accept(rules)
    frame = rows.frame
    share = frame["instance_num"] if plan_per == "instance" else 1.0
    processors = frame["plan_cpu"] / 100 * share
    run_s, state, observed_s = _ends(frame, frame["start_time"])
    columns = {
        "job_id": frame["job_name"].astype(str) + "/" + frame["task_name"].astype(str),
        "submit_s": frame["start_time"],
        "wait_s": np.zeros(len(frame)),
        "run_s": run_s,
        "processors": processors,
        "requested_processors": processors,
        "state": state,
        "group": frame["job_name"],
        "nodes": frame["instance_num"],
        "category": frame["task_type"],
        "observed_s": observed_s,
    }
    jobs, skipped = settle_jobs(columns, rows, errors=errors)
    return JobLog(jobs, source=rows.source, skipped=skipped)


def _inside_trace(frame: pd.DataFrame) -> Iterable[Rule]:
    """Yield the rules about start and end in Alibaba's traces, where 0 is outside the trace."""
    start, end = frame["start_time"], frame["end_time"]
    yield (
        ~(start > 0).to_numpy(),
        "start_time",
        "must be above 0: 0 or nothing is outside the trace",
    )
    yield ((end < start) & (end != 0)).to_numpy(), "end_time", "must not be before start_time"


def _ends(frame: pd.DataFrame, start: pd.Series) -> tuple[pd.Series, pd.Categorical, pd.Series]:
    """Return run time, state and, for what still ran, the time it was seen running."""
    end = frame["end_time"].mask(frame["end_time"] == 0)
    state = states(frame["status"], _ALIBABA_STATES)
    over = ~pd.Series(state, index=frame.index).isin(["running", "pending"])
    last_s = np.nanmax(np.append(np.concatenate([start, end]), -np.inf))
    running = pd.Series(state == "running", index=frame.index)
    return (end - start).where(over), state, (last_s - start).where(running)


def read_alibaba_pai(
    job_table: Source,
    task_table: Source,
    *,
    errors: str = "raise",
    largest_bytes: int = LARGEST_BYTES,
) -> JobLog:
    """Read ``pai_job_table`` and ``pai_task_table`` of the Alibaba GPU trace of 2020.

    Parameters
    ----------
    job_table, task_table : path or open file
        The two CSV files, plain or compressed, with or without a line of names.
    errors : {"raise", "skip"}
        Whether a bad row raises, or is left out and listed in `JobLog.skipped`, where ``field``
        starts with ``task_table.`` for rows of the second file.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    JobLog
        One row a job.  Its start in the job table is the submission; it waits until its first task
        starts; where the two tables contradict each other (a task that starts before its job is
        submitted or after it ended) wait and run time are NA.
        ``processors``, ``gpus``, ``nodes`` (instances) and memory are summed over its tasks
        (instances times plan), NA where a task's plan is not given; ``gpu_type`` joins the types of
        its tasks with ``+``.  ``epoch`` is Unix time 0 in Asia/Shanghai, with which hour and weekday
        are true and the date is not.

    Raises
    ------
    ValueError
        If a row is bad, or a task belongs to no job; the message names file, line, field and value.
    """
    job_fields = {"job_name": "str", "inst_id": "str", "user": "str", "status": "str"}
    job_fields |= {"start_time": "float64", "end_time": "float64"}
    rows = _read_table(
        job_table, job_fields, named=False, errors=errors, largest_bytes=largest_bytes
    )

    def rules(frame: pd.DataFrame) -> Iterable[Rule]:
        yield from _known(frame, ["job_name", "status"])
        yield _among(frame, "status", _ALIBABA_STATES)
        yield from _inside_trace(frame)
        yield _unique(frame, ["job_name"])

    rows = rows.accept(rules)
    rows.settle(errors)  # what is wrong here comes before what is wrong with its tasks
    tasks, skipped_tasks = _pai_tasks(task_table, rows.frame["job_name"], errors, largest_bytes)
    frame = rows.frame.join(tasks, on="job_name")
    start = frame["first_start"].where(frame["first_start"] >= frame["start_time"])
    run_s, state, observed_s = _ends(frame, start)
    run_s = run_s.where(run_s >= 0)
    columns = {
        "job_id": frame["job_name"],
        "submit_s": frame["start_time"],
        "wait_s": start - frame["start_time"],
        "run_s": run_s,
        "processors": frame["processors"],
        "requested_processors": frame["processors"],
        "requested_memory_kb": frame["kib"] / frame["processors"],
        "state": state,
        "user": frame["user"],
        "nodes": frame["instances"],
        "gpus": frame["gpus"],
        "gpu_type": frame["gpu_type"],
        "observed_s": observed_s,
    }
    jobs, skipped = settle_jobs(columns, rows, errors=errors)
    return JobLog(
        jobs,
        epoch=to_epoch(0, "Asia/Shanghai"),
        source=rows.source,
        skipped=pd.concat([skipped, skipped_tasks], ignore_index=True),
    )


def _pai_tasks(
    task_table: Source, jobs: pd.Series, errors: str, largest_bytes: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the tasks of each job ask for, by job name, and the rows left out."""
    numbers = ("start_time", "end_time", "plan_cpu", "plan_mem", "plan_gpu")
    fields = {"job_name": "str", "task_name": "str", "inst_num": "float64", "status": "str"}
    fields |= dict.fromkeys(numbers, "float64") | {"gpu_type": "str"}
    rows = _read_table(task_table, fields, named=False, errors=errors, largest_bytes=largest_bytes)

    def rules(frame: pd.DataFrame) -> Iterable[Rule]:
        yield (
            ~frame["job_name"].isin(jobs).to_numpy(),
            "job_name",
            "must be in the job table, in a good row",
        )
        yield from _not_negative(frame, ("inst_num", *numbers))
        reason = "must be above 0, or empty if unknown: memory is counted per processor"
        yield (frame["plan_cpu"] == 0).to_numpy(), "plan_cpu", reason
        yield _unique(frame, ["job_name", "task_name"])

    rows = rows.accept(rules)
    frame, skipped = rows.frame, rows.settle(errors)
    skipped["field"] = "task_table." + skipped["field"]
    count = frame["inst_num"]
    wanted = pd.DataFrame(
        {
            "job_name": frame["job_name"],
            "instances": count,
            "processors": count * frame["plan_cpu"] / 100,
            "gpus": count * frame["plan_gpu"] / 100,
            "kib": count * frame["plan_mem"] * _KIB_PER_GIB,
        }
    )
    by_job = wanted.groupby("job_name", observed=True)
    total = by_job.sum().where(by_job.count() == by_job.size().to_frame().to_numpy())
    started = frame[frame["start_time"] > 0]
    total["first_start"] = started.groupby("job_name")["start_time"].min()
    types = frame.dropna(subset="gpu_type").drop_duplicates(["job_name", "gpu_type"])
    total["gpu_type"] = types.sort_values("gpu_type").groupby("job_name")["gpu_type"].agg("+".join)
    return total, skipped
