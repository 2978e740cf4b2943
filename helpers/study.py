"""One study: the same work on the same machines, under several policies, in several grids and weeks.

A `Stretch` is a part of a log: the jobs that count, those before them that fill the machine, those
after them that keep up the competition. A `Study` lays stretches on weeks of carbon intensity,
replays every combination and gives a `helpers.panel.Panel`, paired and ready to compare.

All policies are measured in one window. What a job adds is counted in the week of its submission,
whenever it runs, so that nothing is won by pushing work out of the week; what the nodes draw by
themselves is counted within the week, the same for all policies. A replay's own window, which ends
with its own last job, would compare different stretches of time.

For endless machines, where emissions of each job are at hand, `weekly_panel` makes the panel, and
`on_calendar` and `spread_over_energy` lay jobs of a log on other years.
"""

import tempfile
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.bound.certificate import Bound, least_emissions
from helpers.bound.problem import jobs_of_table
from helpers.carbon.signal import Intensity
from helpers.cluster import Replay, replay
from helpers.cluster.account import emissions_g, job_energy
from helpers.cluster.metrics import bounded_slowdown, lengths, metrics
from helpers.decide import Fifo, Policy, SleepIdle
from helpers.jobs.table import JobLog
from helpers.panel import Panel, PanelComparison
from helpers.schedule import policies as endless
from helpers.schedule.trace import Trace
from helpers.stats import Interval, block_bootstrap, holm
from helpers.sweep import sweep
from helpers.timeline import utc_times
from helpers.work import Cluster, NodePower, Workload

__all__ = [
    "MEASURES",
    "Gap",
    "Sized",
    "Stretch",
    "Study",
    "delay_s",
    "effects_by_load",
    "gap_to_best",
    "in_turn",
    "is_late",
    "on_calendar",
    "patience_s",
    "planned_cores",
    "share_kept",
    "spread_over_energy",
    "spread_weeks",
    "weekly",
    "weekly_panel",
    "whole_saved",
]

DAY_S = 86400.0
_HOUR_S = 3600.0
_SAME = 1 + 1e-9  # emissions that differ by less are equal but for the rounding of many sums
_ROUNDING_S = 1.0  # kept waiting by less than a second too long is rounding of many sums

MEASURES = {
    "jobs_g": "g CO2e",
    "nodes_g": "g CO2e",
    "whole_g": "g CO2e",
    "jobs": "kWh at mean intensity",
    "nodes": "kWh at mean intensity",
    "whole": "kWh at mean intensity",
    "delay_h": "h",
    "p95_h": "h",
    "slowdown": "1",
    "late": "%",
    "stops": "1",
}
"""What a study measures, with units: emissions of the counted jobs, of nodes by themselves in the
window, of both, and each over the grid's mean intensity, so that every grid counts the same; of
the counted jobs the mean and the 95th percentile of the delay, the mean bounded slowdown, the share
kept waiting for longer than their users accept, and how often they were suspended."""


# --- the work -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Stretch:
    """Jobs of a stretch of time, and which of them count.

    Parameters
    ----------
    work : Workload
        All jobs that are replayed, those before and after the stretch, too.
    first_s, last_s : float
        Jobs submitted from the one on and before the other count [s since second 0].

    Raises
    ------
    ValueError
        If no job counts.
    """

    work: Workload
    first_s: float
    last_s: float

    def __post_init__(self) -> None:
        if not self.counted.any():
            raise ValueError(
                f"no job is submitted from {self.first_s:g} s on and before {self.last_s:g} s: "
                "nothing would be counted; choose another stretch of the log."
            )

    @classmethod
    def from_log(
        cls,
        log: JobLog,
        first_day: float,
        *,
        days: float = 7.0,
        warm_days: float = 3.0,
        late_days: float = 1.0,
        queues: Sequence[tuple[float, float]] = (),
        **workload: Any,
    ) -> "Stretch":
        """Return a stretch of a log, with the jobs around it.

        Parameters
        ----------
        log : JobLog
            Any log.
        first_day, days : float
            Where the jobs that count begin, and how many days of them [days].
        warm_days, late_days : float
            Days of jobs that are replayed before and after [days].
        queues : sequence of (float, float)
            Longest wait by what a job asks for: largest requested time and longest wait [s], the
            smallest first. In place of ``longest_wait_s``, one wait for all.
        **workload
            As for `Workload.from_log`: ``power_w``, ``longest_wait_s``, ``errors``, ...

        Raises
        ------
        ValueError
            If the last queue does not take all jobs, or as `Workload.from_log`.
        """
        part = log.window((first_day - warm_days) * DAY_S, (first_day + days + late_days) * DAY_S)
        if queues and "longest_wait_s" in workload:
            raise ValueError("queues and longest_wait_s both say how long jobs wait: give one.")
        if queues:
            workload["longest_wait_s"] = cls._waits_s(part, queues)
        return cls(
            Workload.from_log(part, **workload), first_day * DAY_S, (first_day + days) * DAY_S
        )

    @staticmethod
    def _waits_s(part: JobLog, queues: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
        """Return the longest wait of each job by what it asks for [s]."""
        asked_s = part.jobs["requested_s"].to_numpy(np.float64)
        largest_s, waits_s = (np.array(column, dtype=float) for column in zip(*queues, strict=True))
        if not np.isposinf(largest_s[-1]) or (np.diff(largest_s) <= 0).any():
            raise ValueError(f"queues(={list(queues)}) must grow, and the last one take all: inf.")
        # A job that does not say what it asks for is in the last queue: it may ask for anything.
        return waits_s[np.searchsorted(largest_s, np.where(np.isnan(asked_s), np.inf, asked_s))]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which jobs count, shape (n,)."""
        submit_s = self.work.jobs["submit_s"].to_numpy()
        return (submit_s >= self.first_s) & (submit_s < self.last_s)

    @property
    def window(self) -> tuple[float, float]:
        """The window of all measures [s since second 0]."""
        return self.first_s, self.last_s

    def cluster(self, load: float, cores_per_node: int, power: NodePower) -> Cluster:
        """Return the smallest cluster that the counted jobs load no more than so.

        Parameters
        ----------
        load : float
            What the counted jobs need over what the cluster has in the stretch, in core-seconds.
        cores_per_node : int
            Cores of a node.
        power : NodePower
            What a node draws.
        """
        cores = self._needed / (self.last_s - self.first_s) / load
        return Cluster(int(np.ceil(cores / cores_per_node)), cores_per_node, power)

    def load_of(self, cluster: Cluster) -> float:
        """Return what the counted jobs need over what a cluster has in the stretch."""
        return float(self._needed / (self.last_s - self.first_s) / cluster.cores)

    def demand(self) -> pd.Series:
        """Return the cores that jobs would hold if each started at once, by time [days]."""
        endless = Cluster(int(self.work.jobs["processors"].sum()))
        held = lengths(replay(self.work, endless, Fifo()))["cores"]
        return held.set_axis(held.index / DAY_S)

    def made_of(self, longer_than_s: float) -> dict[str, float]:
        """Return how many jobs there are, how many count, and the share of core-hours in long ones.

        Parameters
        ----------
        longer_than_s : float
            Run time above which a job is long [s].

        Returns
        -------
        dict
            ``jobs``, ``counted`` and ``long`` [%].
        """
        jobs = self.work.jobs
        core_h, long = jobs["run_s"] * jobs["processors"] / _HOUR_S, jobs["run_s"] > longer_than_s
        share = 100 * core_h[long].sum() / core_h.sum()
        return {"jobs": len(jobs), "counted": int(self.counted.sum()), "long": share}

    @property
    def _needed(self) -> Any:
        """What the counted jobs need [core-seconds]."""
        own = self.work.jobs[self.counted]
        return (own["run_s"] * own["processors"]).sum()

    def origin(self, date: str, time_zone: str) -> pd.Timestamp:
        """Return the instant of second 0 when the stretch begins on a date.

        The hour of the day is kept, by the clock of the grid: who submits at nine does so there.

        Raises
        ------
        ValueError
            If the work does not say when its second 0 was.
        """
        if self.work.epoch is None:
            raise ValueError("work(epoch=None) does not tell the hour of the day: give its epoch.")
        local = self.work.epoch.tz_localize(None)
        local = pd.Timestamp(date) + (local - local.normalize())
        return local.tz_localize(time_zone) - pd.Timedelta(self.first_s, unit="s")


@dataclass(frozen=True)
class Sized:
    """Machines whose size makes the load: the same jobs, fewer nodes.

    Parameters
    ----------
    cores_per_node : int
        Cores of a node.
    power : NodePower
        What a node draws.
    """

    cores_per_node: int
    power: NodePower

    def __call__(self, load: float, stretch: Stretch) -> Cluster:
        """Return the cluster on which the counted jobs of a stretch are such a load."""
        return stretch.cluster(load, self.cores_per_node, self.power)


def spread_weeks(first: str, count: int, *, over_days: int = 336) -> list[str]:
    """Return `count` dates from `first` on, whole weeks apart, spread over so many days."""
    step = pd.Timedelta(weeks=over_days // 7 // count)
    return [str((pd.Timestamp(first) + i * step).date()) for i in range(count)]


def in_turn(
    dates: Iterable[str], keys: Sequence[Hashable], *, since: str, every_days: int
) -> dict[str, Hashable]:
    """Return which of some stretches each date gets: they change every so many days, in turn."""
    gone = {date: (pd.Timestamp(date) - pd.Timestamp(since)).days // every_days for date in dates}
    return {date: keys[periods % len(keys)] for date, periods in gone.items()}


# --- what a replay means to its users -----------------------------------------------------


def delay_s(done: Replay) -> NDArray[np.float64]:
    """Return by how much each job ends later than if it had started at once [s]."""
    return done.jobs["turnaround_s"].to_numpy() - done.workload.jobs["run_s"].to_numpy()


def is_late(done: Replay) -> NDArray[np.bool_]:
    """Return which jobs were kept from running for longer than their users accept."""
    kept_s = (done.jobs["turnaround_s"] - done.jobs["running_s"]).to_numpy()
    return kept_s > done.workload.jobs["longest_wait_s"].to_numpy() + _ROUNDING_S


def patience_s(work: Workload, done: Iterable[Replay] = ()) -> NDArray[np.float64]:
    """Return the longest delay of each job: what its user accepts, or what it got anywhere [s].

    With these as deadlines a bound holds for all the replays given.
    """
    waits_s = work.jobs["longest_wait_s"].to_numpy()
    return np.maximum.reduce([waits_s, *(delay_s(one) for one in done)])


# --- the study ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Study:
    """Work on machines, under policies, in grids and weeks.

    Parameters
    ----------
    stretches : mapping
        Work by name.
    machine : callable
        ``machine(load, stretch)`` gives the cluster of a load.
    policies : mapping of str to Policy or callable
        Policies by name, or what makes a new one.
    grids : mapping of str to Intensity
        Carbon intensity by grid.
    time_zones : mapping of str to str
        The clock of each grid.
    weeks : mapping of str to name
        Dates on which weeks of carbon intensity begin, and the stretch that each gets.
    blind : collection of str
        Policies that know no carbon: they are replayed once for all grids and weeks.
    loads : sequence of float
        Loads that `run` takes where it is told none.
    """

    stretches: Mapping[Any, Stretch]
    machine: Callable[[float, Stretch], Cluster]
    policies: Mapping[str, Policy | Callable[[], Policy]]
    grids: Mapping[str, Intensity]
    time_zones: Mapping[str, str]
    weeks: Mapping[str, Any]
    blind: Sequence[str] = ()
    loads: Sequence[float] = ()
    _done: dict[tuple, Replay] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        stretch: Stretch,
        cluster: Cluster,
        policies: Mapping[str, Policy | Callable[[], Policy]],
        intensity: Intensity,
        weeks: Iterable[str],
        *,
        time_zone: str,
    ) -> "Study":
        """Return the study of one stretch of work on one cluster in one grid.

        Parameters
        ----------
        stretch : Stretch
            The work, the same in every week.
        cluster : Cluster
            The machine; the only load is that of the stretch on it.
        policies : mapping of str to Policy or callable
            Policies by name, or what makes a new one.
        intensity : Intensity
            Carbon intensity of the grid in all the weeks.
        weeks : iterable of str
            Dates on which weeks of carbon intensity begin.
        time_zone : str
            The clock of the grid.
        """
        zone = intensity.zone
        return cls(
            stretches={"work": stretch},
            machine=partial(_always, cluster),
            policies=policies,
            grids={zone: intensity},
            time_zones={zone: time_zone},
            weeks=dict.fromkeys(weeks, "work"),
            loads=(stretch.load_of(cluster),),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the replays kept: a worker makes its own, and a study is no other by them."""
        return {k: v for k, v in vars(self).items() if k != "_done"} | {"_done": {}}

    def stretch(self, week: str) -> Stretch:
        """Return the work of a week."""
        return self.stretches[self.weeks[week]]

    def origin(self, zone: str, week: str) -> pd.Timestamp:
        """Return the instant of second 0 of the work of a week in a grid."""
        return self.stretch(week).origin(week, self.time_zones[zone])

    def cluster(self, load: float, week: str) -> Cluster:
        """Return the machine of a load for the work of a week."""
        return self.machine(load, self.stretch(week))

    def policy(self, name: str, sleep: bool = False) -> Policy:
        """Return a policy by its name, with sleeping nodes or without."""
        policy = self.policies[name]
        # A policy forgets earlier replays when it begins, so that one may stand for many.
        policy = policy if isinstance(policy, Policy) else policy()
        return SleepIdle(policy) if sleep else policy

    def replay(self, policy: str, load: float, zone: str, week: str, sleep: bool = False) -> Replay:
        """Replay a policy by its name on a machine, in a grid, in a week."""
        if policy not in self.blind:
            return self.replay_under(self.policy(policy, sleep), load, zone, week)
        key = (policy, load, self.weeks[week], sleep)
        if key not in self._done:
            work = self.stretch(week).work
            self._done[key] = replay(work, self.cluster(load, week), self.policy(policy, sleep))
        return replace(self._done[key], origin_s=self.origin(zone, week).timestamp())

    def replay_under(
        self,
        policy: Policy,
        load: float,
        zone: str,
        week: str,
        forecaster: Callable[[float], Intensity] | None = None,
    ) -> Replay:
        """Replay any policy, told by a forecaster or not."""
        return replay(
            self.stretch(week).work,
            self.cluster(load, week),
            policy,
            intensity=self.grids[zone],
            forecaster=forecaster,
            origin=self.origin(zone, week),
        )

    def metrics(self, policy: str, load: float, zone: str, week: str) -> dict[str, float]:
        """Return the numbers of a replay in the window of the study."""
        done = self.replay(policy, load, zone, week)
        return dict(metrics(done, self.grids[zone], window=self.stretch(week).window))

    def case(
        self, policy: str, load: float, zone: str, week: str, sleep: bool = False
    ) -> dict[str, float]:
        """Return what a policy emits and delays: `MEASURES`."""
        done, intensity = self.replay(policy, load, zone, week, sleep), self.grids[zone]
        stretch = self.stretch(week)
        own = stretch.counted
        jobs_g = float(job_energy(done, intensity)["emissions_g"].to_numpy()[own].sum())
        nodes_g = _nodes_g(done, intensity, stretch.window)
        delay_h = delay_s(done)[own] / _HOUR_S
        return {
            "jobs_g": jobs_g,
            "nodes_g": nodes_g,
            "whole_g": jobs_g + nodes_g,
            "delay_h": float(delay_h.mean()),
            "p95_h": float(np.quantile(delay_h, 0.95)),
            "slowdown": float(bounded_slowdown(done)[own].mean()),
            "late": float(100 * is_late(done)[own].mean()),
            "stops": float(done.jobs["suspensions"].to_numpy()[own].sum()),
        }

    def run(
        self,
        policies: Sequence[str] | None = None,
        loads: Sequence[float] | None = None,
        weeks: Sequence[str] | None = None,
        zones: Sequence[str] | None = None,
        *,
        sleep: Sequence[bool] = (False,),
        out: Path | None = None,
        workers: int = 1,
    ) -> Panel:
        """Run all combinations of policies, loads, weeks and grids.

        Parameters
        ----------
        policies, weeks, zones : sequence of str, optional
            Some of the study's; all by default.
        loads : sequence of float, optional
            What `machine` takes; the study's own by default.
        sleep : sequence of bool
            Whether nodes sleep.
        out : path, optional
            Folder in which results are kept, to go on later (see `helpers.sweep`).
        workers : int
            Processes.

        Returns
        -------
        Panel
            One row a policy, load, grid, week and sleep, with `MEASURES`. Before it is compared,
            one load and one way of sleeping is selected.

        Raises
        ------
        ValueError
            If a name is not in the study, or there is no load.
        """
        zones = list(self.grids if zones is None else zones)
        loads = self.loads if loads is None else loads
        if not len(loads):
            raise ValueError("run(loads=None) of a study without loads: give some, e.g. [0.7].")
        axes: dict[str, Sequence[Any]] = {
            "policy": list(self.policies if policies is None else policies),
            "load": list(loads),
            "zone": zones,
            "week": list(self.weeks if weeks is None else weeks),
            "sleep": list(sleep),
        }
        for axis, known in (
            ("policy", self.policies),
            ("zone", self.grids),
            ("week", self.weeks),
        ):
            strange = [name for name in axes[axis] if name not in known]
            if strange:
                raise ValueError(
                    f"{axis} {strange[0]!r} is not in the study, which has "
                    f"{', '.join(map(repr, known))}."
                )
        with tempfile.TemporaryDirectory() as folder:
            table = sweep(
                self.case,
                axes,
                out=out or folder,
                version="1",
                workers=workers,
                progress=False,
            )
        mean = table["zone"].map({zone: self.grids[zone].mean() for zone in zones})
        parts = {of: table[f"{of}_g"] / mean for of in ("jobs", "nodes", "whole")}
        return Panel(table.assign(**parts))

    def certified(
        self,
        load: float,
        zone: str,
        week: str,
        done: Iterable[Replay],
        *,
        power_w: float,
        seed: int,
        iterations: int = 100,
    ) -> Bound:
        """Bound the emissions of all schedules without pauses, and build a good one.

        Parameters
        ----------
        load, zone, week
            Which case.
        done : iterable of Replay
            Replays for which the bound shall hold: a job that one of them finished later than its
            user accepts gets that later deadline.
        power_w : float
            Power of a busy core [W].
        seed : int
            Seed of the search.
        iterations : int
            Steps of the search for prices.
        """
        work = self.stretch(week).work
        ends_s = work.jobs["run_s"] + patience_s(work, done) + 1e-3  # above rounding
        asked = jobs_of_table(
            work.jobs, start=self.origin(zone, week), power_w=power_w, longest_wait="1D"
        )
        asked = [replace(j, deadline_s=j.release_s + s) for j, s in zip(asked, ends_s, strict=True)]
        cores = self.cluster(load, week).cores
        return least_emissions(
            asked, cores, self.grids[zone], iterations=iterations, tries=0, seed=seed
        )

    def endless_g(
        self, zone: str, week: str, waits_s: ArrayLike, *, power_w: float, pauses: bool
    ) -> NDArray[np.float64]:
        """Return the least emissions of each job on endless machines [g CO2e].

        Parameters
        ----------
        zone, week
            Which case.
        waits_s : array_like of float, shape (n,)
            How long each job may wait [s].
        power_w : float
            Power of a busy core [W].
        pauses : bool
            Whether jobs may pause, at no cost.
        """
        jobs = self.stretch(week).work.jobs
        submit_s = self.origin(zone, week).timestamp() + jobs["submit_s"].to_numpy()
        drawn_w = power_w * jobs["processors"].to_numpy()
        trace = Trace.by_length(utc_times(submit_s), jobs["run_s"], drawn_w).with_waits(waits_s)
        return endless.best(trace, self.grids[zone], interruptible=pauses).emissions_g

    def endless_panel(
        self,
        name: str,
        weeks: Sequence[str],
        zones: Sequence[str],
        *,
        power_w: float,
        pauses: bool,
        more_s: float = 0.0,
    ) -> pd.DataFrame:
        """Return what the counted jobs emit at their own best on endless machines, as `run` does.

        Parameters
        ----------
        name : str
            What it is called in the column ``policy``.
        weeks, zones : sequence of str
            Some of the study's.
        power_w : float
            Power of a busy core [W].
        pauses : bool
            Whether jobs may pause, at no cost.
        more_s : float
            How much longer than their users accept jobs may wait [s].

        Returns
        -------
        DataFrame
            A row a grid and week, with ``jobs``.
        """
        rows = []
        for zone in zones:
            for week in weeks:
                stretch = self.stretch(week)
                waits_s = patience_s(stretch.work) + more_s
                grams = self.endless_g(zone, week, waits_s, power_w=power_w, pauses=pauses)
                own = grams[stretch.counted].sum() / self.grids[zone].mean()
                rows.append({"policy": name, "zone": zone, "week": week, "jobs": own})
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class Gap:
    """How far policies are, in one grid and week, from what is proven out of reach.

    Parameters
    ----------
    done : mapping of float to mapping of str to Replay
        Replays without pauses by load and policy.
    bounds : mapping of float to Bound
        What no schedule of the jobs without pauses gets below, and a good schedule.
    emissions_g : DataFrame
        A row a load: emissions of all jobs [g CO2e] by policy, of the ``plan``, and what is out of
        reach: ``bound`` without pauses, ``bound, pauses`` with free pauses on endless machines.
    """

    done: Mapping[float, Mapping[str, Replay]]
    bounds: Mapping[float, Bound]
    emissions_g: pd.DataFrame

    def saved(self, baseline: str) -> pd.DataFrame:
        """Return what is saved against a policy [%]."""
        return 100 * (1 - self.emissions_g.div(self.emissions_g[baseline], axis=0))

    def above(self, of: str) -> pd.DataFrame:
        """Return by how much emissions are above those of a column [%]."""
        return 100 * (self.emissions_g.div(self.emissions_g[of], axis=0) - 1)


def gap_to_best(
    study: Study,
    zone: str,
    week: str,
    done: Mapping[float, Mapping[str, Replay]],
    pausing: Sequence[str],
    *,
    power_w: float,
    seed: int,
) -> Gap:
    """Compare replays of one grid and week with what no schedule gets below.

    A policy may keep a job waiting for longer than its user accepts when the machine is full,
    which would be unfair to the bound: a job that any of the replays finished later gets that
    later deadline in the bound, which then holds for all of them.

    Parameters
    ----------
    study : Study
        What was replayed.
    zone, week : str
        Which case.
    done : mapping of float to mapping of str to Replay
        Replays without pauses by load and policy.
    pausing : sequence of str
        Policies of the study that pause jobs; they are compared with a bound that does.
    power_w : float
        Power of a busy core [W].
    seed : int
        Seed of the search for the bound.

    Returns
    -------
    Gap
        All emissions side by side.

    Raises
    ------
    RuntimeError
        If a replay got below its bound: then one of the two is wrong.
    """
    signal, rows, bounds = study.grids[zone], {}, {}
    for load, replays in done.items():
        bound = study.certified(load, zone, week, replays.values(), power_w=power_w, seed=seed)
        of_policy = {name: _jobs_g(one, signal) for name, one in replays.items()}
        paused = {name: study.replay(name, load, zone, week) for name in pausing}
        of_pausing = {name: _jobs_g(one, signal) for name, one in paused.items()}
        waits_s = patience_s(study.stretch(week).work, paused.values())
        free_g = study.endless_g(zone, week, waits_s, power_w=power_w, pauses=True).sum()
        least_g, paused_g = min(bound.upper_g, *of_policy.values()), min(of_pausing.values())
        if bound.lower_g > _SAME * least_g or free_g > _SAME * paused_g:
            raise RuntimeError(f"load {load:g}: a schedule got below its bound; report this.")
        ends = {"plan": bound.upper_g, "bound": bound.lower_g, "bound, pauses": free_g}
        rows[load], bounds[load] = of_policy | of_pausing | ends, bound
    return Gap(done, bounds, pd.DataFrame(rows).T)


def effects_by_load(
    panel: Panel, values: Sequence[str], baseline: str, **how: Any
) -> tuple[dict[tuple[float, str], PanelComparison], pd.DataFrame]:
    """Compare policies with a baseline at each load, by each of some values.

    Parameters
    ----------
    panel : Panel
        Results of a study with one way of sleeping.
    values : sequence of str
        Some of `MEASURES`.
    baseline : str
        Policy compared with.
    **how
        As for `Panel.compare`.

    Returns
    -------
    comparisons : dict
        By load and value; p is Holm's over the policies of one alone.
    effects : DataFrame
        Their tables by load, ``of`` (the value) and policy; ``p_holm`` is Holm's over all policies
        and loads of a value.
    """
    loads = panel.table["load"].unique()
    compared = {
        (load, value): panel.select(load=load).compare(value, baseline, **how)
        for load in loads
        for value in values
    }
    effects = pd.concat({key: c.table for key, c in compared.items()}, names=["load", "of"])
    for of in values:
        one = effects.index.get_level_values("of") == of
        effects.loc[one, "p_holm"] = holm(effects.loc[one, "p"])
    return compared, effects


def whole_saved(
    table: pd.DataFrame, scales: Iterable[float], by: str, baseline: str
) -> pd.DataFrame:
    """Return the share of the whole machine's emissions saved if nodes drew so many times as much.

    All powers of nodes are scaled together, so that the same switching breaks even.

    Parameters
    ----------
    table : DataFrame
        Results of a study, at one load.
    scales : iterable of float
        Factors of what nodes draw by themselves.
    by, baseline : str
        Column that names what is compared, and the name of what it is compared with.

    Returns
    -------
    DataFrame
        Saved [%]; a row a factor, a column a name.
    """
    sums = table.groupby(by)[["jobs", "nodes"]].sum()
    whole = {scale: sums["jobs"] + scale * sums["nodes"] for scale in scales}
    return pd.DataFrame({s: 100 * (1 - parts / parts[baseline]) for s, parts in whole.items()}).T


def planned_cores(bound: Bound, processors: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return the cores that the plan of a bound holds: instants [epoch s], cores between them.

    Parameters
    ----------
    bound : Bound
        With one schedule a job.
    processors : array_like of int, shape (n,)
        Cores of each job.

    Raises
    ------
    ValueError
        If the bound has no plan.
    """
    if bound.schedules is None:
        raise ValueError("this bound has no plan: no schedule was found that fits the machine.")
    begins_s = np.concatenate([plan.start_s for plan in bound.schedules])
    stops_s = np.concatenate([plan.stop_s for plan in bound.schedules])
    held = np.repeat(np.asarray(processors), [plan.start_s.size for plan in bound.schedules])
    edges_s, at = np.unique(np.concatenate([begins_s, stops_s]), return_inverse=True)
    return edges_s, np.cumsum(np.bincount(at, np.concatenate([held, -held])))[:-1]


def _jobs_g(done: Replay, intensity: Intensity) -> float:
    """Return what all jobs of a replay emit [g CO2e]."""
    return float(job_energy(done, intensity)["emissions_g"].sum())


def _always(cluster: Cluster, load: float, stretch: Stretch) -> Cluster:
    """Return the one cluster of a study, whatever the load and the work."""
    return cluster


def _nodes_g(done: Replay, intensity: Intensity, window: tuple[float, float]) -> float:
    """Return what the nodes emit by themselves in a window [g CO2e]."""
    if done.switches.empty:  # all on all the time: no need to go through the events
        low_s, high_s = (done.origin_s + time_s for time_s in window)
        on_w = done.cluster.nodes * done.cluster.power.idle_w
        return float(intensity.emissions_g(low_s, high_s, on_w))
    return float(emissions_g(done, intensity, window).drop("jobs").sum())


# --- endless machines ---------------------------------------------------------------------


def on_calendar(offset_s: ArrayLike, first_day: str, time_zone: str) -> pd.DatetimeIndex:
    """Return instants so many seconds after a day began, by the clock on the wall.

    An hour that a clock leaves out is moved to the next one there is; of one that comes twice the
    first is meant.

    Parameters
    ----------
    offset_s : array_like of float, shape (n,)
        Seconds by a clock that is never changed [s].
    first_day : str
        Day from whose midnight they count.
    time_zone : str
        Where the clock hangs.
    """
    local = pd.Timestamp(first_day) + pd.to_timedelta(np.asarray(offset_s), unit="s")
    first = np.ones(len(local), dtype=bool)
    return local.tz_localize(time_zone, nonexistent="shift_forward", ambiguous=first)


def spread_over_energy(
    energy: NDArray[np.float64], among: NDArray[np.bool_], every: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return places of one job in so many, spread evenly over their energy.

    A few very long jobs hold most of the energy, so that a plain random sample would be a lottery:
    jobs are sorted by energy and taken at equal distances, from a random first one on.
    """
    places = np.flatnonzero(among)
    order = np.argsort(energy[places], kind="stable")
    return places[order][rng.integers(every) :: every]


def weekly(grams: ArrayLike, week: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return sums over the jobs of each week, from the first to the last week."""
    return np.bincount(week - week.min(), np.asarray(grams)).astype(np.float64)


def weekly_panel(by_policy: Mapping[tuple[str, str], ArrayLike], week: NDArray[np.int64]) -> Panel:
    """Return the panel of what jobs emit, by policy, grid and week of submission.

    Parameters
    ----------
    by_policy : mapping of (str, str) to array_like, shape (n,)
        Emissions of each job [g CO2e], by policy and grid.
    week : ndarray of int, shape (n,)
        Week of each job. Weeks without a job are left out.

    Returns
    -------
    Panel
        With a column ``emissions_g``.
    """
    there = np.unique(week)
    rows = [
        pd.DataFrame(
            {
                "policy": name,
                "zone": zone,
                "week": there,
                "emissions_g": weekly(grams, week)[there - week.min()],
            }
        )
        for (name, zone), grams in by_policy.items()
    ]
    return Panel(pd.concat(rows))


def share_kept(
    now_g: ArrayLike,
    guessed_g: ArrayLike,
    perfect_g: ArrayLike,
    *,
    block: int,
    seed: int,
    resamples: int = 1999,
) -> Interval:
    """Return the share of the saving that is kept [%] when the future is guessed, not known.

    Parameters
    ----------
    now_g, guessed_g, perfect_g : array_like of float, shape (weeks,)
        Emissions of each week without a policy, with guesses, with perfect knowledge [g CO2e].
    block : int
        Weeks kept together by the bootstrap.
    seed, resamples : int
        Of the bootstrap.
    """
    sums = np.stack([np.asarray(x, dtype=np.float64) for x in (now_g, guessed_g, perfect_g)])

    def statistic(drawn: NDArray, axis: int) -> NDArray:
        now, guess, perfect = (x[drawn.astype(int)].sum(axis=axis) for x in sums)
        return 100 * (now - guess) / (now - perfect)

    weeks = np.arange(sums.shape[1])
    return block_bootstrap(weeks, block=block, seed=seed, statistic=statistic, resamples=resamples)
