"""What a cluster is asked to run: jobs with their sizes, times, kinds and patience.

A `Workload` is what a simulator needs and nothing more. It holds the truth: how long each job
really works. What a policy may see of a job is `helpers.decide.Job`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.jobs.table import JobLog, to_epoch
from helpers.phases.model import Phase, PhaseModel, Phases, Repeat
from helpers.phases.suspension import Suspension
from helpers.phases.throttle import Throttle
from helpers.timeline import Times, epoch_seconds

__all__ = ["COLUMNS", "Column", "Workload", "workload_table"]

PowerPer = Literal["processor", "job"]
"""Whether a job's power, constant or of its phases, counts for each processor or for the job."""


class Column(NamedTuple):
    """Default, unit and meaning of one column of a workload's table; required without default."""

    default: Any
    unit: str
    meaning: str


_REQUIRED = object()

COLUMNS: dict[str, Column] = {
    "job_id": Column(_REQUIRED, "", "Name or number of the job, unique"),
    "submit_s": Column(_REQUIRED, "s", "Submission, counted from second 0"),
    "run_s": Column(_REQUIRED, "s", "Work: what the job runs for without start-up and end phases"),
    "requested_s": Column(_REQUIRED, "s", "Run time asked for, start-up and end included"),
    "planned_s": Column(
        np.nan, "s", "Run time a scheduler plans with, like `requested_s`; NaN: plan with that"
    ),
    "processors": Column(_REQUIRED, "1", "Cores the job holds while it runs"),
    "power_w": Column(np.nan, "W", "Constant power of a job without phases; NaN for one with"),
    "model": Column(-1, "", "Number of its phase model; -1 for a job without phases"),
    "user": Column("", "", "Who submitted it"),
    "queue": Column("", "", "Queue or kind of job"),
    "priority": Column(0.0, "1", "Larger is more urgent"),
    "best_effort": Column(False, "", "True if any other job may take its place"),
    "longest_wait_s": Column(
        np.inf,
        "s",
        "Longest delay its user accepts: time since submission in which it does not run",
    ),
}
"""The columns of a workload's table, in this order."""

_TYPES = {
    "submit_s": np.float64,
    "run_s": np.float64,
    "requested_s": np.float64,
    "planned_s": np.float64,
    "processors": np.int64,
    "power_w": np.float64,
    "model": np.int64,
    "priority": np.float64,
    "best_effort": np.bool_,
    "longest_wait_s": np.float64,
}


def workload_table(columns: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Build a workload's table from the columns that are known.

    Parameters
    ----------
    columns : mapping of str to sequence
        By name (see `COLUMNS`), each of shape (n,); single values count for every job.
        Columns without default must be there.

    Returns
    -------
    DataFrame
        All of `COLUMNS`, in order of submission; equal times keep the order given.

    Raises
    ------
    ValueError
        If a column is unknown or missing, or does not have the right type.
    """
    strangers = [name for name in columns if name not in COLUMNS]
    if strangers:
        raise ValueError(
            f"column {strangers[0]!r} is not one of a workload: use {', '.join(COLUMNS)}."
        )
    missing = [n for n, c in COLUMNS.items() if c.default is _REQUIRED and n not in columns]
    if missing:
        raise ValueError(f"column {missing[0]!r} is missing: {COLUMNS[missing[0]].meaning}.")
    n = np.size(columns["job_id"])
    table = {}
    for name, column in COLUMNS.items():
        values = columns.get(name, column.default)
        if np.ndim(values) == 0:
            values = np.full(n, values, dtype=object if isinstance(values, str) else None)
        if len(values) != n:
            raise ValueError(f"column {name!r} has {len(values)} values: job_id has {n}.")
        table[name] = _typed(name, values)
    order = np.argsort(table["submit_s"], kind="stable")
    return pd.DataFrame(table).iloc[order].reset_index(drop=True)


def _typed(name: str, values: ArrayLike) -> Any:
    if name in ("user", "queue"):
        text = pd.Series(values).astype(object)
        return pd.Categorical(text.where(text.notna(), "").astype(str))
    if name == "job_id":
        return pd.Series(values).array
    array = np.asarray(values)
    wanted = _TYPES[name]
    if wanted is np.int64 and array.dtype.kind == "f":
        broken = ~(np.isfinite(array) & (array == np.floor(array)))
        if broken.any():
            row = int(np.argmax(broken))
            raise ValueError(
                f"row {row}: {name}(={array[row]}) must be a whole number: leave such jobs out "
                "or round them first."
            )
    if wanted is np.bool_:
        if array.dtype.kind != "b":
            raise ValueError(f"column {name!r} has type {array.dtype}: it must be True or False.")
    elif array.dtype.kind in "mM" or isinstance(next(iter(array.flat), 0), pd.Timestamp):
        raise ValueError(
            f"column {name!r} holds times or lengths of time: it must hold numbers"
            f" [{COLUMNS[name].unit}]; subtract second 0 and write .dt.total_seconds()."
        )
    try:
        return array.astype(wanted)
    except (TypeError, ValueError):
        raise ValueError(
            f"column {name!r} has type {array.dtype}, with values that are no numbers: it must "
            f"hold numbers [{COLUMNS[name].unit}]."
        ) from None


@dataclass(frozen=True, eq=False)
class Workload:
    """Jobs for a cluster.

    Parameters
    ----------
    jobs : DataFrame
        One row a job with all of `COLUMNS`, in order of submission: `workload_table` builds it.
    models : tuple of PhaseModel
        What ``jobs["model"]`` points at. A job does the model's work stretched to its `run_s`
        (checkpoints with it); start-up and end phases keep their length.
    power_per : {"processor", "job"}
        Whether powers, constant or of phases, count for each processor or for the whole job.
    suspension : Suspension
        What suspending a job costs and keeps, and when it is allowed. Saving draws its power,
        and a suspended job its `suspended_power_w`, per processor or job like the others.
    throttle : Throttle, optional
        How fast its jobs go under a power cap; None: they cannot be capped.
    epoch : Timestamp, optional
        The tz-aware instant of second 0.
    source : str
        Where the jobs come from.
    skipped : DataFrame
        Jobs that were left out: ``job_id``, ``field``, ``value``, ``reason``.

    Raises
    ------
    ValueError
        If the table has other columns, is not in order of submission, or a value breaks its
        rule: the message names job, column, value and rule.
    """

    jobs: pd.DataFrame
    models: tuple[PhaseModel, ...] = ()
    power_per: PowerPer = "processor"
    suspension: Suspension = field(default_factory=Suspension)
    throttle: Throttle | None = None
    epoch: pd.Timestamp | None = None
    source: str = ""
    skipped: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["job_id", "field", "value", "reason"])
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", tuple(self.models))
        if self.power_per not in get_args(PowerPer):
            raise ValueError(f"power_per(={self.power_per!r}) must be 'processor' or 'job'.")
        if list(self.jobs.columns) != list(COLUMNS):
            raise ValueError(
                f"jobs has columns {list(self.jobs.columns)}: it must have {list(COLUMNS)}; "
                "build it with workload_table()."
            )
        if self.epoch is not None and pd.Timestamp(self.epoch).tzinfo is None:
            raise ValueError(f"epoch is {self.epoch}, without a time zone: it must have one.")
        for broken, name, rule in _broken_rules(self.jobs, self.models):
            if broken.any():
                row = int(np.argmax(broken))
                raise ValueError(
                    f"{self.source or 'workload'}, job {self.label(row)}: "
                    f"{name}(={self.jobs[name].iloc[row]}) must be {rule} "
                    f"({int(broken.sum())} such jobs)."
                )

    def __len__(self) -> int:
        return len(self.jobs)

    # Ten parameters: all that a workload needs and a log does not say; none follows from another.
    @classmethod
    def from_log(
        cls,
        log: JobLog,
        *,
        power_w: float | ArrayLike,
        power_per: PowerPer = "processor",
        requested_s: float | None = None,
        longest_wait_s: float | ArrayLike = np.inf,
        best_effort_queues: Iterable[str] = (),
        suspension: Suspension | None = None,
        start: Times | str | None = None,
        days: tuple[float, float] | None = None,
        errors: Literal["raise", "skip"] = "raise",
    ) -> Self:
        """Make a workload of a log of jobs.

        Each job works as long as it ran, on the processors it was given (those it asked for,
        where the log does not say), and asks for the time it asked for.

        Parameters
        ----------
        log : JobLog
            Any log.
        power_w : float or array_like, shape (n,)
            Power that a job adds to an idle node [W], per processor or job as `power_per` says.
        power_per : {"processor", "job"}
            What `power_w` counts for.
        requested_s : float, optional
            Requested time [s] of jobs for which the log has none.
        longest_wait_s : float or array_like, shape (n,)
            Longest wait accepted [s].
        best_effort_queues : iterable of str
            Queues whose jobs are best-effort.
        suspension : Suspension, optional
            What a stop costs.
        start : instant or str, optional
            When second 0 of the log is taken to be, for a log of another year than the carbon
            intensity: ``"2020-06-01"`` is local midnight on the clock of the log. By default
            when it was. Choose the same weekday, or submissions fall on other days of the week.
        days : (float, float), optional
            Only jobs submitted from and before these days of the log [days from second 0].
        errors : {"raise", "skip"}
            Whether a job that cannot be replayed (no run time, no processor, ...) raises, or
            is left out and listed in `skipped`.

        Returns
        -------
        Workload
            In order of submission.

        Raises
        ------
        ValueError
            If `errors` is "raise" and a job cannot be replayed, a queue does not exist, there
            is not one value, or one a job, or `start` has no time zone and the log has no clock.
        """
        if isinstance(best_effort_queues, str):
            raise ValueError(
                f"best_effort_queues(={best_effort_queues!r}) must be a list of queues: write "
                f"[{best_effort_queues!r}]."
            )
        table = _from_log(log.jobs, power_w, requested_s, longest_wait_s, tuple(best_effort_queues))
        if days is not None:
            first, last = (86_400.0 * day for day in days)
            inside = table["submit_s"].between(first, last, inclusive="left")
            table = table[inside]
        keep, skipped = _settle(table, log.source, errors)
        return cls(
            jobs=workload_table({str(name): table[name][keep].array for name in table}),
            power_per=power_per,
            suspension=suspension or Suspension(),
            epoch=log.epoch if start is None else _instant(start, log),
            source=log.source,
            skipped=skipped,
        )

    @property
    def length_s(self) -> NDArray[np.float64]:
        """How long each job runs when nothing stops it [s], shape (n,)."""
        return self.startup_s + self.jobs["run_s"].to_numpy() + self.end_s

    def model_of(self, row: int) -> PhaseModel:
        """Return a job as phases, powers those of the whole job; one phase if it has none."""
        model, run_s = int(self.jobs["model"].iloc[row]), float(self.jobs["run_s"].iloc[row])
        factor = float(self.power_factor[row])
        if model < 0:
            power_w = float(self.jobs["power_w"].iloc[row]) * factor
            return PhaseModel(self.label(row), (), (Phase("run", run_s, power_w),))
        kind, scale = self.models[model], float(self.stretch[row])
        return PhaseModel(
            kind.name,
            scaled(kind.startup, 1.0, factor),
            scaled(kind.work, scale, factor),
            scaled(kind.end, 1.0, factor),
        )

    def label(self, row: int) -> str:
        """Return the job id of a row as it stands in messages."""
        return repr(self.jobs["job_id"].iloc[row : row + 1].astype(object).item())

    def with_jobs(self, jobs: pd.DataFrame) -> Self:
        """Return the same workload with another table of jobs (checked)."""
        return replace(self, jobs=jobs)

    def with_suspension(self, suspension: Suspension) -> Self:
        """Return the same jobs under other rules of suspending them."""
        return replace(self, suspension=suspension)

    def with_phases(self, models: Sequence[PhaseModel], number: ArrayLike = 0) -> Self:
        """Return the same jobs with phases, each as long as before when never interrupted.

        Parameters
        ----------
        models : sequence of PhaseModel
            Kinds of jobs. Start-up and end phases are taken from a job's run time, the work
            phases are stretched to what is left.
        number : int or array_like of int, shape (n,)
            Which model each job gets; -1 for a job that keeps its constant power.

        Raises
        ------
        ValueError
            If a job already has phases, or is too short for the start-up and end it would get.
        """
        if isinstance(models, PhaseModel):
            raise ValueError("models must be a list of PhaseModel: write [model].")
        number = np.broadcast_to(np.asarray(number, dtype=np.int64), len(self.jobs))
        unknown = number[(number < -1) | (number >= len(models))]
        if unknown.size:
            raise ValueError(
                f"number(={unknown[0]}) must be -1 or the number of one of {len(models)} models, "
                "counted from 0."
            )
        if (self.jobs["model"] >= 0).any():
            raise ValueError("the jobs have phases already: give them to constant ones.")
        ends_s = [m.startup_profile.duration_s + m.end_profile.duration_s for m in models]
        run_s = self.jobs["run_s"].to_numpy()
        work_s = run_s - np.append(ends_s, 0.0)[number]
        if (work_s <= 0).any():
            row = int(np.argmax(work_s <= 0))
            raise ValueError(
                f"job {self.label(row)} runs {run_s[row]:g} s, no longer than start-up and end of "
                f"model {models[number[row]].name!r} ({int((work_s <= 0).sum())} such jobs): "
                "give it -1, to keep its constant power."
            )
        power_w = np.where(number >= 0, np.nan, self.jobs["power_w"].to_numpy())
        jobs = self.jobs.assign(run_s=work_s, model=number, power_w=power_w)
        return replace(self, jobs=jobs, models=tuple(models))

    def window(self, start_s: float, stop_s: float) -> Self:
        """Return the jobs submitted in [start_s, stop_s) [s]; second 0 stays where it is."""
        inside = self.jobs["submit_s"].between(start_s, stop_s, inclusive="left")
        return self.with_jobs(self.jobs[inside].reset_index(drop=True))

    def origin_s(self, origin: Times | None = None) -> float:
        """Return the epoch second of second 0 [s]: of `origin`, or else of `epoch`.

        Raises
        ------
        ValueError
            If neither is given.
        """
        known = self.epoch if origin is None else origin
        if known is None:
            raise ValueError(
                f"{self.source or 'workload'}: the instant of second 0 is not known: pass origin=."
            )
        return float(epoch_seconds(known))

    @cached_property
    def planned_s(self) -> NDArray[np.float64]:
        """Run time that a scheduler plans with [s], shape (n,); by default the time asked for."""
        planned_s = self.jobs["planned_s"].to_numpy()
        return np.where(np.isnan(planned_s), self.jobs["requested_s"].to_numpy(), planned_s)

    def run_profile(
        self, row: int, work_from_s: float = 0.0, transition_s: float = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what one run of a job draws until its end, if nothing slows or stops it.

        Parameters
        ----------
        row : int
            The job's row.
        work_from_s : float
            Work done before the run [s].
        transition_s : float
            Time before its start-up in which it draws the mean power of its work [s].

        Returns
        -------
        (edges_s, power_w) : ndarray of float, shapes (k + 1,) and (k,)
            Borders from the start of the run on [s], and the power between them [W], all
            processors together.
        """
        pieces = [(transition_s, float(self.work_power_w[row]))]
        model = int(self.jobs["model"].to_numpy()[row])
        run_s = float(self.jobs["run_s"].to_numpy()[row])
        if model < 0:
            pieces.append((run_s - work_from_s, float(self.work_power_w[row])))
        else:
            kind, scale = self.models[model], float(self.stretch[row])
            factor = float(self.power_factor[row])
            pieces += [(p.duration_s, p.power_w * factor) for p in kind.startup_profile.phases]
            work = kind.work_profile
            borders_s = np.append(work.edges_s[:-1] * scale, run_s).clip(min=work_from_s)
            pieces += list(zip(np.diff(borders_s), np.array(work.power_w) * factor, strict=True))
            pieces += [(p.duration_s, p.power_w * factor) for p in kind.end_profile.phases]
        lasts_s, power_w = np.array([piece for piece in pieces if piece[0] > 0]).reshape(-1, 2).T
        return np.append(0.0, np.cumsum(lasts_s)), power_w

    @cached_property
    def startup_s(self) -> NDArray[np.float64]:
        """Start-up of each job [s], shape (n,)."""
        return self._of_model([m.startup_profile.duration_s for m in self.models], 0.0)

    @cached_property
    def end_s(self) -> NDArray[np.float64]:
        """End phases of each job [s], shape (n,)."""
        return self._of_model([m.end_profile.duration_s for m in self.models], 0.0)

    @cached_property
    def stretch(self) -> NDArray[np.float64]:
        """Factor by which each job stretches the work of its model, shape (n,); 1 without."""
        work_s = self._of_model([m.work_profile.duration_s for m in self.models], np.nan)
        return np.where(np.isnan(work_s), 1.0, self.jobs["run_s"].to_numpy() / work_s)

    @cached_property
    def work_power_w(self) -> NDArray[np.float64]:
        """Mean power of each job while it works [W], all processors together, shape (n,)."""
        mean_w = self._of_model([m.work_profile.mean_power_w for m in self.models], np.nan)
        constant = self.jobs["model"].to_numpy() < 0
        return np.where(constant, self.jobs["power_w"].to_numpy(), mean_w) * self.power_factor

    @cached_property
    def power_factor(self) -> NDArray[np.float64]:
        """What powers are multiplied with: processors, or 1, shape (n,)."""
        if self.power_per == "job":
            return np.ones(len(self.jobs))
        return self.jobs["processors"].to_numpy().astype(np.float64)

    @property
    def core_seconds(self) -> float:
        """Core-seconds of all jobs, never interrupted."""
        length_s = self.startup_s + self.jobs["run_s"].to_numpy() + self.end_s
        return float((length_s * self.jobs["processors"].to_numpy()).sum())

    def _of_model(self, values: Sequence[float], without: float) -> NDArray[np.float64]:
        return np.append(np.asarray(values, dtype=np.float64), without)[self.jobs["model"]]


def scaled(phases: Phases, stretch: float, factor: float) -> Phases:
    """Return phases that last and draw so many times as much, repeats kept."""
    if stretch == 1.0 and factor == 1.0:
        return tuple(phases)
    return tuple(
        replace(p, phases=scaled(p.phases, stretch, factor))
        if isinstance(p, Repeat)
        else replace(p, duration_s=p.duration_s * stretch, power_w=p.power_w * factor)
        for p in phases
    )


def _instant(start: Times | str, log: JobLog) -> pd.Timestamp:
    """Return an instant, told on the clock of a log where it has no zone of its own."""
    if isinstance(start, str) and pd.Timestamp(start).tzinfo is None:
        if log.epoch is None:
            raise ValueError(
                f"start(={start!r}) has no time zone, and the log {log.source!r} has no clock: "
                f"write pd.Timestamp({start!r}, tz='Europe/Berlin')."
            )
        return to_epoch(start, log.epoch.tz)
    return to_epoch(start)


def _broken_rules(
    jobs: pd.DataFrame, models: Sequence[PhaseModel]
) -> Iterable[tuple[NDArray[np.bool_], str, str]]:
    column = {name: jobs[name].to_numpy() for name in _TYPES}
    submit_s, model, power_w = column["submit_s"], column["model"], column["power_w"]
    yield ~np.isfinite(submit_s), "submit_s", "finite"
    late = np.append(False, submit_s[1:] < submit_s[:-1])
    yield late, "submit_s", "in order of submission: build the table with workload_table()"
    for name in ("run_s", "requested_s"):
        yield ~(np.isfinite(column[name]) & (column[name] > 0)), name, "finite and > 0 s"
    planned_s = column["planned_s"]
    unplanned = np.isnan(planned_s) | (np.isfinite(planned_s) & (planned_s > 0))
    yield ~unplanned, "planned_s", "finite and > 0 s, or NaN"
    yield column["processors"] < 1, "processors", ">= 1"
    known = f"-1 or the number of one of {len(models)} models"
    yield (model < -1) | (model >= len(models)), "model", known
    constant = model == -1
    yield constant & ~(np.isfinite(power_w) & (power_w >= 0)), "power_w", "finite and >= 0 W"
    yield ~constant & ~np.isnan(power_w), "power_w", "NaN: the job's phases say what it draws"
    yield ~np.isfinite(column["priority"]), "priority", "finite"
    yield ~(column["longest_wait_s"] >= 0), "longest_wait_s", ">= 0 s (inf: no limit)"
    yield jobs["job_id"].duplicated().to_numpy(), "job_id", "unique"


def _from_log(
    jobs: pd.DataFrame,
    power_w: float | ArrayLike,
    requested_s: float | None,
    longest_wait_s: float | ArrayLike,
    best_effort_queues: tuple[str, ...],
) -> pd.DataFrame:
    for name, values in (("power_w", power_w), ("longest_wait_s", longest_wait_s)):
        if np.ndim(values) and np.size(values) != len(jobs):
            raise ValueError(
                f"{name} has {np.size(values)} values for {len(jobs)} jobs of the log: give one for "
                "all, or one a job."
            )
    unknown = [name for name in best_effort_queues if name not in jobs["queue"].cat.categories]
    if unknown:
        raise ValueError(
            f"best_effort_queues: the log has no queue {unknown[0]!r}, only "
            f"{', '.join(map(repr, jobs['queue'].cat.categories))}."
        )
    requested = jobs["requested_s"]
    return pd.DataFrame(
        {
            "job_id": jobs["job_id"],
            "submit_s": jobs["submit_s"],
            "run_s": jobs["run_s"],
            "requested_s": requested if requested_s is None else requested.fillna(requested_s),
            "processors": jobs["processors"].fillna(jobs["requested_processors"]),
            "power_w": power_w,
            "user": jobs["user"],
            "queue": jobs["queue"],
            "best_effort": jobs["queue"].isin(best_effort_queues),
            "longest_wait_s": longest_wait_s,
        }
    )


def _settle(
    table: pd.DataFrame, source: str, errors: str
) -> tuple[NDArray[np.bool_], pd.DataFrame]:
    """Return which rows can be replayed, and a table of the others."""
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors(={errors!r}) must be 'raise' or 'skip'.")
    positive = "must be known and > 0"
    rules = (
        ("run_s", ~(table["run_s"] > 0), positive),
        ("processors", ~(table["processors"] >= 1), "must be known and >= 1"),
        ("requested_s", ~(table["requested_s"] > 0), positive),
        ("job_id", table["job_id"].duplicated(), "must be unique"),
    )
    keep, rows = np.ones(len(table), dtype=bool), []
    for name, broken, rule in rules:
        bad = broken.to_numpy() & keep
        keep &= ~bad
        ids, values = (table[column].astype(object)[bad].tolist() for column in ("job_id", name))
        rows += [(job, name, value, rule) for job, value in zip(ids, values, strict=True)]
    skipped = pd.DataFrame(rows, columns=["job_id", "field", "value", "reason"])
    if errors == "raise" and rows:
        job, name, value, rule = rows[0]
        raise ValueError(
            f"{source}, job {job!r}: {name}(={value}) {rule} ({len(rows)} such jobs): pass "
            "errors='skip' to leave them out and list them in .skipped, or set requested_s=."
        )
    return keep, skipped
