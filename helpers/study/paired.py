"""The study itself: every combination of policy, load, grid and week, replayed in one window."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from helpers.cluster.account import job_energy
from helpers.cluster.metrics import bounded_slowdown, metrics
from helpers.decide import Policy, SleepIdle
from helpers.panel import Panel
from helpers.schedule import policies as endless
from helpers.schedule.trace import Trace
from helpers.study.measures import delay_s, is_late, nodes_emit_g, patience_s
from helpers.study.stretch import Stretch
from helpers.sweep import sweep
from helpers.timeline import utc_times
from helpers.work import Cluster

__all__ = ["Study"]

_HOUR_S = 3600.0


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
        nodes_g = nodes_emit_g(done, intensity, stretch.window)
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


def _always(cluster: Cluster, load: float, stretch: Stretch) -> Cluster:
    """Return the one cluster of a study, whatever the load and the work."""
    return cluster
