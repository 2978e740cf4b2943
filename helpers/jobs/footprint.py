"""What the electricity of logged jobs caused: energy and CO2e of every job, by whatever the log knows.

Three lines from a person's export to a table::

    log = read_sacct("jobs.txt", time_zone="Europe/Berlin")
    footprint = log.account(intensity, power=10.0, pue=1.3)
    footprint.by("user")

Energy that the log's own meter charged to a job is taken where the log has it.  Elsewhere the job is
assumed to draw a power that is given and named; `Footprint.assumptions` says for how many jobs, and
for how much of the energy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, tzinfo
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.accounting import SCOPE_OF_KIND, SCOPES
from helpers.carbon.signal import Intensity
from helpers.carbon.totals import Totals, totals
from helpers.carbon.uses import Pue
from helpers.timeline import StepFunction, epoch_seconds, instant_text, utc_times

__all__ = ["AssumedPower", "Charged", "Footprint", "Sums", "Tables", "footprint"]

_MEASURED = "measured: the log's own energy_j"
_SEEN = "seen running"
# Spans of the calendar: how pandas counts them, and how they are written.
_CALENDAR = {
    "year": ("YS", "%Y"),
    "month": ("MS", "%Y-%m"),
    "week": ("W-MON", "%Y-%m-%d"),
    "day": ("D", "%Y-%m-%d"),
}
Cut = tuple[NDArray[np.intp], pd.Categorical, NDArray[np.float64], NDArray[np.float64]]
Cutter = Callable[[NDArray[np.float64], NDArray[np.float64]], Cut]
# So many jobs are cut at the calendar at once, so that memory does not grow with the log.
_AT_ONCE = 2**18


@dataclass(frozen=True)
class AssumedPower:
    """The power that a job is assumed to draw while it runs, where its energy was not measured.

    Parameters
    ----------
    per_processor_w, per_gpu_w, per_node_w : float
        Power of each processor, GPU and node that the job was given [W], >= 0.
    fixed_w : float
        Power of any job whatever its size [W], >= 0.

    Raises
    ------
    ValueError
        If a power is negative or not finite, or all are 0.
    """

    per_processor_w: float = 0.0
    per_gpu_w: float = 0.0
    per_node_w: float = 0.0
    fixed_w: float = 0.0

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{part.name} is {value!r}: it must be finite and at least 0 W.")
        if not any(getattr(self, part.name) for part in fields(self)):
            raise ValueError("all powers are 0 W: give what a processor, GPU, node or job draws.")

    def __str__(self) -> str:
        """Return the assumption in words."""
        words = {"per_processor_w": "a processor", "per_gpu_w": "a GPU", "per_node_w": "a node"}
        given = [
            f"{getattr(self, part.name):g} W {words.get(part.name, 'a job')}"
            for part in fields(self)
            if getattr(self, part.name)
        ]
        return "assumed: " + " + ".join(given)

    def of(self, jobs: pd.DataFrame) -> NDArray[np.float64]:
        """Return the power of each job [W], NaN where a size that counts is not known."""
        power_w = np.full(len(jobs), self.fixed_w)
        for column, each_w in (
            ("processors", self.per_processor_w),
            ("gpus", self.per_gpu_w),
            ("nodes", self.per_node_w),
        ):
            if each_w:
                size = jobs[column].to_numpy() if column in jobs else np.full(len(jobs), np.nan)
                power_w = power_w + each_w * size
        return power_w

    @property
    def sizes(self) -> tuple[str, ...]:
        """The columns of the jobs table that count."""
        each_w = {
            "processors": self.per_processor_w,
            "gpus": self.per_gpu_w,
            "nodes": self.per_node_w,
        }
        return tuple(name for name, power_w in each_w.items() if power_w)

    def needs(self, jobs: pd.DataFrame, row: int) -> str:
        """Return the column that is not known in a row though it counts."""
        return next(
            name for name in self.sizes if name not in jobs or math.isnan(jobs[name].iloc[row])
        )


@dataclass(frozen=True)
class Tables:
    """Tables of jobs that are made anew each time they are gone through, one after the other.

    For logs that are too large to lie in memory as one.
    """

    make: Callable[[], Iterator[pd.DataFrame]]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return self.make()


@dataclass(frozen=True, eq=False)
class Sums:
    """What all jobs were charged.

    Attributes
    ----------
    jobs : int
        How many.
    energy_kwh, facility_kwh, emissions_g : tuple of float
        Sums of each lot of jobs: their sums are the whole.
    by_origin : DataFrame
        ``jobs`` and ``energy_kwh`` by where the power comes from.
    span_s : (float, float)
        When the first began and the last ended [s since 1970].
    columns : list of str
        What is known of each job.
    """

    jobs: int
    energy_kwh: tuple[float, ...]
    facility_kwh: tuple[float, ...]
    emissions_g: tuple[float, ...]
    by_origin: pd.DataFrame
    span_s: tuple[float, float]
    columns: list[str]


@dataclass(frozen=True, eq=False)
class Charged:
    """Some jobs and what they are charged; attributes as in `Footprint`."""

    jobs: pd.DataFrame
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    origin: pd.Series
    totals: Totals


@dataclass(frozen=True, eq=False)
class Footprint:
    """Energy and emissions of the jobs of a log.

    Made by `JobLog.account`, or by `sacct_footprint`, whose jobs lie packed: sums are then taken over
    some of them after the other, and each of the attributes of shape (n,) is made when it is asked for.

    Attributes
    ----------
    lots : iterable of Charged
        Some jobs after the other, all of them each time.
    summed : Sums
        What all of them were charged.
    intensity : Intensity
        What they were charged with.
    pue : float or Pue
        Power usage effectiveness [1].
    left_out : DataFrame
        Columns ``job_id`` and ``reason``: jobs of the log that are not charged.
    time_zone : tzinfo
        The clock on which months and days begin: the log's.
    """

    lots: Iterable[Charged]
    summed: Sums
    intensity: Intensity
    pue: float | Pue
    left_out: pd.DataFrame
    time_zone: tzinfo

    def __len__(self) -> int:
        return self.summed.jobs

    @property
    def jobs(self) -> pd.DataFrame:
        """The jobs that are charged: their rows of the log's table."""
        return self._all.jobs

    @property
    def start_s(self) -> NDArray[np.float64]:
        """When each job began to use electricity, shape (n,) [s since 1970]."""
        return self._all.start_s

    @property
    def stop_s(self) -> NDArray[np.float64]:
        """When each job ceased to use electricity, shape (n,) [s since 1970]."""
        return self._all.stop_s

    @property
    def power_w(self) -> NDArray[np.float64]:
        """What each drew meanwhile, on average, shape (n,) [W]."""
        return self._all.power_w

    @property
    def origin(self) -> pd.Series:
        """Where that power comes from, shape (n,): measured, or which assumption."""
        return self._all.origin

    @property
    def totals(self) -> Totals:
        """Energy and emissions of each job."""
        return self._all.totals

    @property
    def _all(self) -> Charged:
        """All jobs at once."""
        lots = list(self.lots)
        if len(lots) == 1:
            return lots[0]
        charged = [lot.totals for lot in lots]
        return Charged(
            jobs=pd.concat([lot.jobs for lot in lots], ignore_index=True),
            start_s=np.concatenate([lot.start_s for lot in lots]),
            stop_s=np.concatenate([lot.stop_s for lot in lots]),
            power_w=np.concatenate([lot.power_w for lot in lots]),
            origin=pd.concat([lot.origin for lot in lots], ignore_index=True),
            totals=Totals(
                np.concatenate([one.energy_kwh for one in charged]),
                np.concatenate([one.facility_kwh for one in charged]),
                np.concatenate([one.emissions_g for one in charged]),
                self.intensity.kind,
            ),
        )

    @property
    def energy_kwh(self) -> float:
        """Energy of the computers, before PUE [kWh]."""
        return math.fsum(self.summed.energy_kwh)

    @property
    def facility_kwh(self) -> float:
        """Energy with that of the building, after PUE [kWh]."""
        return math.fsum(self.summed.facility_kwh)

    @property
    def emissions_g(self) -> float:
        """Emissions of all jobs' electricity [g CO2e]."""
        return math.fsum(self.summed.emissions_g)

    @property
    def assumptions(self) -> pd.DataFrame:
        """Where the powers come from: ``jobs``, ``energy_kwh`` and ``share`` of the energy [1]."""
        table = self.summed.by_origin
        return table.assign(share=table["energy_kwh"] / (table["energy_kwh"].sum() or math.nan))

    def __repr__(self) -> str:
        told = "; ".join(f"{jobs} jobs {power}" for power, jobs in self.assumptions["jobs"].items())
        out = f"; {len(self.left_out)} jobs left out" if len(self.left_out) else ""
        pue = f"PUE {self.pue:g}" if isinstance(self.pue, int | float) else "PUE over time"
        return (
            f"Footprint({len(self)} jobs, {self.energy_kwh:.6g} kWh, {self.emissions_g / 1000:.6g} kg "
            f"CO2e, {self.intensity.kind} intensity of {self.intensity.zone}, {pue}; {told}{out})"
        )

    def per_job(self) -> pd.DataFrame:
        """Return one row a job.

        Returns
        -------
        DataFrame
            ``job_id``, ``start``, ``stop`` (on the log's clock), ``power_w`` [W], ``energy_kwh``,
            ``facility_kwh``, ``emissions_g``, ``power`` (where it comes from).
        """
        every = self._all
        return pd.DataFrame(
            {
                "job_id": every.jobs["job_id"].to_numpy(),
                "start": utc_times(every.start_s).tz_convert(self.time_zone),
                "stop": utc_times(every.stop_s).tz_convert(self.time_zone),
                "power_w": every.power_w,
                "energy_kwh": every.totals.energy_kwh,
                "facility_kwh": every.totals.facility_kwh,
                "emissions_g": every.totals.emissions_g,
                "power": every.origin.to_numpy(),
            }
        )

    def scopes(self) -> pd.DataFrame:
        """Return ``emissions_g`` and ``meaning`` of each scope of the GHG Protocol.

        Electricity alone is charged here: what making the machines emitted is 0 in it, and
        `helpers.carbon.accounting.embodied` adds it.
        """
        scope = SCOPE_OF_KIND[self.intensity.kind]
        grams = {name: self.emissions_g if name == scope else 0.0 for name in SCOPES}
        table = pd.DataFrame({"emissions_g": grams, "meaning": dict(SCOPES)})
        return table.loc[list(SCOPES)].rename_axis("scope")

    def by(self, *columns: str) -> pd.DataFrame:
        """Return sums by some columns.

        Parameters
        ----------
        *columns : str
            Columns of the jobs table, such as ``user``, ``group``, ``partition`` or ``state``, or
            one of ``year``, ``month``, ``week``, ``day``: a job is then cut where these begin on
            the log's clock, and counted in each.

        Returns
        -------
        DataFrame
            Indexed by the columns: ``jobs``, ``energy_kwh``, ``emissions_g``, ``measured`` (the
            share of the energy that was measured [1]).  Jobs whose value is not known have a row
            of their own.  In the order of the calendar, or else the largest emissions first.

        Raises
        ------
        ValueError
            If no column is given, there is no such column, or two are of the calendar.
        """
        known = [*self.summed.columns, *_CALENDAR]
        for column in columns:
            if column not in known:
                raise ValueError(f"there is no column {column!r}; known are {', '.join(known)}.")
        spans = [column for column in columns if column in _CALENDAR]
        if not columns or len(spans) > 1:
            raise ValueError(
                f"columns are {columns}: give one or more, of {', '.join(_CALENDAR)} at most one."
            )
        keys = [column for column in columns if column not in _CALENDAR]
        cut = self._cutter(spans[0]) if spans else None
        parts = [
            self._summed(list(columns), keys, cut, lot, slice(first, first + _AT_ONCE))
            for lot in self.lots
            for first in range(0, max(len(lot.jobs), 1), _AT_ONCE)
        ]
        table = added(parts, len(columns))
        table["measured"] = table["measured"] / table["energy_kwh"].where(table["energy_kwh"] > 0)
        if spans:
            table = table.sort_index(level=spans, kind="stable", sort_remaining=False)
        else:
            table = table.sort_values("emissions_g", ascending=False, kind="stable")
        flat = table.reset_index()
        for column in columns:
            if isinstance(flat[column].dtype, pd.CategoricalDtype):
                flat[column] = flat[column].astype(str).where(flat[column].notna())
        return flat.set_index(list(columns))

    def _cutter(self, span: str) -> Cutter:
        """Return what cuts jobs where spans of the calendar begin: job, span, start, stop."""
        frequency, written = _CALENDAR[span]
        first, last = utc_times(self.summed.span_s if len(self) else (0.0, 0.0)).tz_convert(
            self.time_zone
        )
        begin = (first.normalize() - pd.DateOffset(years=1)).tz_localize(None)
        days = pd.date_range(
            begin, last.tz_localize(None) + pd.DateOffset(years=1, days=1), freq=frequency
        )
        # A clock may be set at midnight: the day then begins when the clock first shows it.
        days = days.normalize()
        edges = days.tz_localize(
            self.time_zone, ambiguous=np.ones(len(days), dtype=bool), nonexistent="shift_forward"
        )
        calendar = StepFunction(epoch_seconds(edges), np.arange(len(edges) - 1.0), "the calendar")
        names = pd.Index(days[:-1].strftime(written), dtype=str)

        def cut(start_s: NDArray, stop_s: NDArray) -> Cut:
            """Return the pieces of jobs, each within one span."""
            job, place, begins_s, ends_s = calendar.pieces(start_s, stop_s)
            return job, pd.Categorical.from_codes(place, names), begins_s, ends_s

        return cut

    def _summed(
        self, columns: list[str], keys: list[str], cut: Cutter | None, lot: Charged, some: slice
    ) -> pd.DataFrame:
        """Return the sums of some of the jobs, with the energy that was measured in ``measured``."""
        measured = lot.origin.iloc[some].isin([_MEASURED, f"{_MEASURED}, {_SEEN}"]).to_numpy()
        table = lot.jobs[keys].iloc[some].reset_index(drop=True)
        energy, emissions = lot.totals.energy_kwh[some], lot.totals.emissions_g[some]
        if cut is not None:
            start_s, stop_s = lot.start_s[some], lot.stop_s[some]
            job, name, begins_s, ends_s = cut(start_s, stop_s)
            cut_up = totals(begins_s, ends_s, lot.power_w[some][job], self.intensity, pue=self.pue)
            energy, emissions = cut_up.energy_kwh, cut_up.emissions_g
            table, measured = table.iloc[job].reset_index(drop=True), measured[job]
            table[next(column for column in columns if column in _CALENDAR)] = name
        table = table[columns].assign(
            jobs=1, energy_kwh=energy, emissions_g=emissions, measured=energy * measured
        )
        return table.groupby(columns, sort=False, observed=True, dropna=False).sum()


def added(parts: list[pd.DataFrame], levels: int) -> pd.DataFrame:
    """Return the sums of tables of sums by the levels of their index, in the order of these."""
    parts = not_empty(parts)
    if len(parts) == 1:
        return parts[0]
    by = pd.concat(parts).groupby(
        level=list(range(levels)), sort=False, dropna=False, observed=True
    )
    return by.sum()


def not_empty(parts: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return the tables that have rows, or else one without: the types of these say nothing."""
    return [part for part in parts if len(part)] or parts[:1]


def footprint(
    jobs: pd.DataFrame | Tables,
    epoch: pd.Timestamp,
    intensity: Intensity,
    *,
    power: float | AssumedPower | None = None,
    pue: float | Pue = 1.0,
    errors: str = "raise",
    source: str = "the log",
) -> Footprint:
    """Charge the jobs of a table; `JobLog.account` says how.

    Parameters
    ----------
    jobs : DataFrame or Tables
        A jobs table; or several, in which no two rows of a job overlap.
    epoch : Timestamp
        The tz-aware instant of its second 0.
    intensity, power, pue, errors
        As in `JobLog.account`.
    source : str
        The log's name, for messages.
    """
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors is {errors!r}: it must be 'raise' or 'skip'.")
    assumed = power if isinstance(power, AssumedPower) or power is None else AssumedPower(power)
    lots = _Lots(jobs, epoch.timestamp(), assumed, intensity, pue)
    review = _Review(intensity, source)
    kept = []
    for uses in lots.uses():
        if errors == "raise":
            review.refuse(uses, assumed)
        if isinstance(jobs, pd.DataFrame) and not review.refused:
            _check_once(uses.rows, source)
        if review.covers(uses):
            charged = lots.charged(uses)
            review.add(charged, uses.left_out)
            if isinstance(jobs, pd.DataFrame):
                kept.append(charged)
    return Footprint(
        lots=kept or lots,
        summed=review.summed(),
        intensity=intensity,
        pue=pue,
        left_out=pd.concat(not_empty(review.left_out), ignore_index=True),
        time_zone=epoch.tzinfo or UTC,
    )


class _Uses(NamedTuple):
    """Which jobs of a table are charged, when they used electricity, and how much."""

    table: pd.DataFrame
    charged: NDArray[np.bool_]
    refused: NDArray[np.bool_]
    """Which ran, but cannot be charged."""
    reasons: NDArray[np.object_]
    """Why each that is not charged is not."""
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    origin: pd.Series

    @property
    def rows(self) -> pd.DataFrame:
        """The jobs that are charged."""
        rows = self.table if self.charged.all() else self.table[self.charged]
        return rows.reset_index(drop=True)

    @property
    def left_out(self) -> pd.DataFrame:
        """The others, and why."""
        ids = self.table["job_id"][~self.charged].to_numpy()
        return pd.DataFrame({"job_id": ids, "reason": self.reasons[~self.charged]})


@dataclass(frozen=True)
class _Lots:
    """The jobs of tables as they are charged, table by table, each time they are gone through."""

    jobs: pd.DataFrame | Tables
    epoch_s: float
    assumed: AssumedPower | None
    intensity: Intensity
    pue: float | Pue

    def __iter__(self) -> Iterator[Charged]:
        return map(self.charged, self.uses())

    def uses(self) -> Iterator[_Uses]:
        """Yield what jobs of each table used."""
        tables = (self.jobs,) if isinstance(self.jobs, pd.DataFrame) else self.jobs
        return (self._uses(table) for table in tables)

    def _uses(self, jobs: pd.DataFrame) -> _Uses:
        run_s = jobs["run_s"].fillna(jobs.get("observed_s", np.nan)).to_numpy()
        no = np.full(len(jobs), np.nan)
        measured_j = jobs["energy_j"].to_numpy() if "energy_j" in jobs else no
        energy_j = np.where(np.isnan(measured_j), _assumed_j(jobs, run_s, self.assumed), measured_j)
        wait_s = jobs["wait_s"].to_numpy()
        ran = run_s > 0
        reasons = np.full(len(jobs), "", dtype=object)
        reasons[ran & np.isnan(energy_j)] = "its energy is not known"
        reasons[ran & np.isnan(wait_s)] = "its start is not known"
        reasons[np.isnan(run_s)] = "how long it ran is not known, if it ever started"
        reasons[run_s == 0] = "it ran for 0 s"
        refused = ran & (reasons != "")
        charged = ran & ~refused
        start_s = self.epoch_s + (jobs["submit_s"].to_numpy() + wait_s)[charged]
        still = jobs["run_s"].isna().to_numpy()[charged]
        return _Uses(
            table=jobs,
            charged=charged,
            refused=refused,
            reasons=reasons,
            start_s=start_s,
            stop_s=start_s + run_s[charged],
            power_w=energy_j[charged] / run_s[charged],
            origin=_origins(np.isnan(measured_j[charged]), still, self.assumed),
        )

    def charged(self, uses: _Uses) -> Charged:
        """Return jobs with what they are charged."""
        span_s = uses.start_s, uses.stop_s
        found = totals(*span_s, uses.power_w, self.intensity, pue=self.pue)
        return Charged(uses.rows, *span_s, uses.power_w, uses.origin, found)


class _Review:
    """What all lots of jobs add up to, and what is wrong with them."""

    def __init__(self, intensity: Intensity, source: str) -> None:
        self.left_out: list[pd.DataFrame] = []
        self._intensity, self._source = intensity, source
        self._refusal: Callable[[int], str] | None = None
        self._reason, self._alike = "", 0
        self._jobs, self._outside, self._span_s = 0, 0, (math.inf, -math.inf)
        self._columns: list[str] = []
        self._by_origin: list[pd.DataFrame] = []
        self._sums: list[tuple[float, float, float]] = []

    @property
    def refused(self) -> bool:
        """Whether there was a job that cannot be charged."""
        return self._refusal is not None

    def refuse(self, uses: _Uses, assumed: AssumedPower | None) -> None:
        """Note the first job that ran and cannot be charged, and how many are like it."""
        if self._refusal is None and uses.refused.any():
            row = int(uses.refused.argmax())
            self._reason = uses.reasons[row]
            self._refusal = _refusal(uses, row, assumed, self._source)
        self._alike += int((uses.refused & (uses.reasons == self._reason)).sum())

    def covers(self, uses: _Uses) -> bool:
        """Note when jobs ran, and tell whether all so far can be charged."""
        low_s, high_s = self._intensity.edges_s[[0, -1]]
        self._outside += int(((uses.start_s < low_s) | (uses.stop_s > high_s)).sum())
        self._jobs += len(uses.start_s)
        if len(uses.start_s):
            first_s, last_s = self._span_s
            first_s = min(first_s, float(uses.start_s.min()))
            self._span_s = first_s, max(last_s, float(uses.stop_s.max()))
        return not (self.refused or self._outside)

    def add(self, lot: Charged, left_out: pd.DataFrame) -> None:
        """Add what jobs were charged."""
        self.left_out.append(left_out)
        self._columns = list(lot.jobs.columns)
        charged = lot.totals
        energy = pd.Series(charged.energy_kwh, index=lot.origin.index)
        table = energy.groupby(lot.origin, sort=False, observed=True).agg(["size", "sum"])
        table = table.set_axis(["jobs", "energy_kwh"], axis=1).rename_axis("power")
        self._by_origin.append(table)
        sums = (charged.energy_kwh, charged.facility_kwh, charged.emissions_g)
        self._sums.append((math.fsum(sums[0]), math.fsum(sums[1]), math.fsum(sums[2])))

    def summed(self) -> Sums:
        """Return what all were charged.

        Raises
        ------
        ValueError
            If a job cannot be charged, or ran when the intensity is not known.
        """
        if self._refusal is not None:
            raise ValueError(self._refusal(self._alike))
        if self._outside:
            raise ValueError(self._not_covered())
        energy, facility, emissions = zip(*self._sums, strict=True)
        by_origin = added(self._by_origin, 1)
        return Sums(self._jobs, energy, facility, emissions, by_origin, self._span_s, self._columns)

    def _not_covered(self) -> str:
        """Return that jobs ran when the intensity is not known."""
        zone, (low_s, high_s) = self._intensity.zone, self._intensity.edges_s[[0, -1]]
        first, last, low, high = map(instant_text, (*self._span_s, low_s, high_s))
        return (
            f"{self._source}: {self._outside} of {self._jobs} jobs ran when the intensity of {zone} is "
            f"not known (jobs: {first} to {last}, intensity: {low} to {high}): load the missing hours, "
            "take a window of the log, or move the log to a year that is known with "
            "log.on_year(year); nothing is extrapolated."
        )


def _assumed_j(
    jobs: pd.DataFrame, run_s: NDArray[np.float64], assumed: AssumedPower | None
) -> NDArray[np.float64]:
    """Return the energy that each job is assumed to use [J]; NaN where nothing can be assumed."""
    if assumed is None:
        return np.full(len(jobs), np.nan)
    suspended_s = jobs["suspended_s"].fillna(0).to_numpy() if "suspended_s" in jobs else 0.0
    return assumed.of(jobs) * np.maximum(run_s - suspended_s, 0)


def _origins(
    is_assumed: NDArray[np.bool_], still: NDArray[np.bool_], assumed: AssumedPower | None
) -> pd.Series:
    """Return in words where each power comes from."""
    kinds = [_MEASURED, str(assumed)]
    kinds += [f"{kind}, {_SEEN}" for kind in kinds]
    codes = is_assumed.astype(np.int8) + 2 * still
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(kinds, dtype=str)))


def _refusal(
    uses: _Uses, row: int, assumed: AssumedPower | None, source: str
) -> Callable[[int], str]:
    """Return what is wrong with a job that cannot be charged, and with how many, and what to do."""
    job = uses.table["job_id"].iloc[row]
    skip = "or pass errors='skip' to leave such jobs out and list them in left_out"
    if "start" in uses.reasons[row]:
        told = (
            "wait_s is not known, so when it started is not: count from submission with "
            f"log.with_jobs(log.jobs.assign(wait_s=0.0)), {skip}."
        )
    elif assumed is None:
        told = (
            "energy_j is not known: pass power=, the watts that each processor draws, or an "
            f"AssumedPower of processors, GPUs and nodes, {skip}."
        )
    else:
        missing = assumed.needs(uses.table, row)
        export = {"processors": "AllocCPUS", "gpus": "AllocTRES", "nodes": "NNodes"}[missing]
        told = (
            f"{missing} is not known, which the assumed power ({assumed}) needs: read an export "
            f"that has it (sacct: {export}), assume a power without it, {skip}."
        )

    def say(alike: int) -> str:
        """Return the whole sentence, once it is known how many are alike."""
        more = f" and {alike - 1} more" if alike > 1 else ""
        return f"{source}: job {job}{more}: {told}"

    return say


def _check_once(jobs: pd.DataFrame, source: str) -> None:
    """Raise if two rows of one job overlap: its summary beside its parts would count twice."""
    several = jobs[jobs["job_id"].duplicated(keep=False)]
    if several.empty:
        return
    start = several["submit_s"] + several["wait_s"]
    runs = pd.DataFrame({"id": several["job_id"], "start": start, "stop": start + several["run_s"]})
    runs = runs.sort_values(["id", "start", "stop"])
    before = runs.groupby("id", sort=False)["stop"].shift()
    twice = runs[runs["start"] < before]
    if len(twice):
        raise ValueError(
            f"{source}: job {twice['id'].iloc[0]} has rows that overlap, so that their energy would "
            "count twice: keep its parts (state 'partial') or its summary, not both."
        )
