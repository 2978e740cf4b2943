"""Several sites in one replay: jobs are submitted at one and may run at another.

The engine of one cluster is used once a site, all on one clock. What happens at an instant happens
everywhere first; then the placer is asked where waiting jobs go, then each site at which something
happened is asked which of its jobs start. With one site and all jobs at home this is the
replay of one cluster, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Intensity, same_kind
from helpers.cluster.account import STATES, energy_j, job_energy, power_over_time
from helpers.cluster.engine import (
    _ARRIVAL,
    _WAKE,
    _Carbon,
    _check_fits,
    _check_types,
    _Engine,
    _environment_type,
)
from helpers.cluster.metrics import Metrics, metrics
from helpers.cluster.replayed import Replay
from helpers.decide.place import Placer, SitesView
from helpers.decide.view import Job, Policy
from helpers.timeline import Times
from helpers.work.nodes import Cluster
from helpers.work.workload import Workload

__all__ = ["ClusterSite", "SitesReplay", "Transfer", "replay_sites"]

_JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class ClusterSite:
    """A cluster in a grid.

    Parameters
    ----------
    name : str
        How it is called, unique among the sites.
    cluster : Cluster
        Its machines.
    intensity : Intensity
        Carbon intensity of its grid.
    forecaster : Forecaster, optional
        As for `helpers.cluster.replay`.
    pue : float
        Energy of the whole site over that of its computers, >= 1.

    Raises
    ------
    ValueError
        If the PUE is out of range.
    """

    name: str
    cluster: Cluster
    intensity: Intensity = field(repr=False)
    forecaster: Callable[[float], Intensity] | None = field(default=None, repr=False)
    pue: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.pue < np.inf:
            raise ValueError(f"site {self.name!r}: pue(={self.pue}) must be >= 1 and finite.")


@dataclass(frozen=True)
class Transfer:
    """What moving a job's data to another site takes.

    Parameters
    ----------
    kwh_per_kwh : float
        Energy over that of the job's work [kWh/kWh], half at each end.
    delay_s : float
        Time in which the job cannot start [s].

    Raises
    ------
    ValueError
        If one is negative or not finite.
    """

    kwh_per_kwh: float = 0.0
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("kwh_per_kwh", "delay_s"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name}(={getattr(self, name)}) must be >= 0 and finite.")


@dataclass(frozen=True, eq=False)
class SitesReplay:
    """What happened at several sites.

    Parameters
    ----------
    sites : tuple of ClusterSite
        Where.
    workload : Workload
        All jobs.
    placer : str
        What decided where.
    home, site : ndarray of int, shape (n,)
        Where each job was submitted, and where it ran.
    sent_s : ndarray of float, shape (n,)
        When each was sent there [s since second 0].
    moved_kwh : ndarray of float, shape (n,)
        Energy of moving each [kWh].
    jobs : tuple of ndarray of int
        For each site the rows of the workload's table that ran there.
    replays : tuple of Replay
        What happened at each site; its workload holds the jobs that ran there. All have one window.
    """

    sites: tuple[ClusterSite, ...]
    workload: Workload = field(repr=False)
    placer: str
    home: NDArray[np.int64] = field(repr=False)
    site: NDArray[np.int64] = field(repr=False)
    sent_s: NDArray[np.float64] = field(repr=False)
    moved_kwh: NDArray[np.float64] = field(repr=False)
    jobs: tuple[NDArray[np.int64], ...] = field(repr=False)
    replays: tuple[Replay, ...] = field(repr=False)

    @property
    def moved(self) -> float:
        """Share of the work, in core-seconds, that did not run at home."""
        size = self.workload.jobs["run_s"] * self.workload.jobs["processors"]
        return float(size[self.site != self.home].sum() / size.sum())

    def by_job(self) -> pd.DataFrame:
        """Return one row a job: ``site``, ``wait_s``, and what it emits [g CO2e].

        ``emissions_g`` is what it adds to its nodes, PUE included, ``transfer_g`` what moving it
        emitted.
        """
        n = len(self.workload)
        wait_s, grams = np.full(n, np.nan), np.zeros(n)
        for rows, done, where in zip(self.jobs, self.replays, self.sites, strict=True):
            if rows.size:
                wait_s[rows] = done.jobs["wait_s"]
                own = job_energy(done, where.intensity)["emissions_g"]
                grams[rows] = where.pue * own
        names = np.array([where.name for where in self.sites], dtype=object)
        return pd.DataFrame(
            {
                "site": pd.Categorical(names[self.site]),
                "wait_s": wait_s,
                "emissions_g": grams,
                "transfer_g": self._transfer_g(),
            }
        )

    def by_site(self) -> pd.DataFrame:
        """Return one row a site: jobs, energy [J] and emissions [g CO2e] of its `STATES`, PUE on top.

        ``transfer_g`` is what moving jobs *to* it emitted, at both ends.
        """
        transfer_g, rows = self._transfer_g(), []
        for number, (done, where) in enumerate(zip(self.replays, self.sites, strict=True)):
            used, grams = self._account(done, where)
            own = self.site == number
            rows.append(
                {"jobs": int(own.sum()), "energy_j": where.pue * used}
                | {f"{state}_g": where.pue * grams[state] for state in STATES}
                | {"transfer_g": float(transfer_g[own].sum())}
            )
        return pd.DataFrame(rows, index=pd.Index([s.name for s in self.sites], name="site"))

    def metrics(self, site: str) -> Metrics:
        """Return waits, utilization, energy, ... of one site.

        Raises
        ------
        ValueError
            If there is no such site, or no job ran there.
        """
        names = [where.name for where in self.sites]
        if site not in names:
            raise ValueError(f"site {site!r} must be one of {', '.join(map(repr, names))}.")
        number = names.index(site)
        if not self.jobs[number].size:
            raise ValueError(f"no job ran at {site!r}: there is nothing to measure.")
        return metrics(self.replays[number], self.sites[number].intensity)

    def _account(self, done: Replay, where: ClusterSite) -> tuple[float, pd.Series]:
        if len(done.runs):
            over_time = power_over_time(done)
            return float(energy_j(done).sum()), over_time.emissions_g(where.intensity)
        # Nothing ran: the nodes stood there.
        lasts_s, idle_w = done.stop_s - done.start_s, where.cluster.power.idle_w
        from_s = done.origin_s + done.start_s
        per_watt = float(where.intensity.per_watt_g(from_s, from_s + lasts_s))
        grams = pd.Series(0.0, index=list(STATES))
        grams["idle"] = where.cluster.nodes * idle_w * per_watt
        return where.cluster.nodes * idle_w * lasts_s, grams

    def _transfer_g(self) -> NDArray[np.float64]:
        """Return what moving each job emitted, half at each end when it was sent [g CO2e]."""
        at_s = self.replays[0].origin_s + self.sent_s
        at = np.stack([np.asarray(where.intensity.at(at_s)) for where in self.sites])
        each = np.arange(len(self.workload))
        return 0.5 * self.moved_kwh * (at[self.home, each] + at[self.site, each])


def replay_sites(
    workload: Workload,
    home: ArrayLike,
    sites: Sequence[ClusterSite],
    placer: Placer,
    policy: Callable[[], Policy],
    *,
    transfer: Transfer | None = None,
    origin: Times | None = None,
    kill_at_request: bool = False,
) -> SitesReplay:
    """Replay jobs of several sites, each of which may run at another.

    Parameters
    ----------
    workload : Workload
        The jobs of all sites.
    home : array_like of int, shape (n,)
        Number of the site at which each is submitted.
    sites : sequence of ClusterSite
        Where jobs are submitted and run; intensities of one kind.
    placer : Placer
        What decides where.
    policy : callable
        Makes a new policy for each site, which decides when its jobs start there.
    transfer : Transfer, optional
        What moving a job takes; nothing by default.
    origin, kill_at_request
        As for `helpers.cluster.replay`.

    Returns
    -------
    SitesReplay
        A replay a site, in one window, and where each job ran.

    Raises
    ------
    ValueError
        If there is no site, a name comes twice, kinds of intensity differ, `home` does not name a
        site for each job, or as for `helpers.cluster.replay`.
    RuntimeError
        If jobs are left that nobody sends or starts.
    """
    sites = tuple(sites)
    numbers = _homes(workload, home, sites)
    world = _World(workload, numbers, sites, placer, policy, transfer or Transfer(), origin)
    for engine in world.engines:
        engine.kill_at_request = kill_at_request
    return world.run()


def _homes(
    workload: Workload, home: ArrayLike, sites: tuple[ClusterSite, ...]
) -> NDArray[np.int64]:
    """Return the home of each job, checked together with the sites."""
    names = [where.name for where in sites]
    if not names:
        raise ValueError("sites is empty: give at least one.")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"site {min(twice)!r} comes twice: names must be unique.")
    same_kind(*(where.intensity for where in sites))
    numbers = np.asarray(home)
    if numbers.shape != (len(workload),) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"home has shape {numbers.shape} and type {numbers.dtype}: it must hold a whole number "
            f"for each of {len(workload)} jobs."
        )
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(sites)):
        raise ValueError(f"home must name one of {len(sites)} sites by its number, from 0.")
    largest = max(sites, key=lambda where: where.cluster.cores)
    _check_fits(workload, largest.cluster)
    return numbers.astype(np.int64)


class _World:
    """All sites on one clock; it stands behind the view of the placer."""

    def __init__(
        self,
        workload: Workload,
        home: NDArray[np.int64],
        sites: tuple[ClusterSite, ...],
        placer: Placer,
        policy: Callable[[], Policy],
        transfer: Transfer,
        origin: Times | None,
    ) -> None:
        self.workload, self.homes, self.sites = workload, home, sites
        self.placer, self.transfer = placer, transfer
        origin_s = workload.origin_s(origin)
        self.start_s = float(workload.jobs["submit_s"].iloc[0])
        self.env = _environment_type()(self.start_s)
        self.engines: list[_Engine] = []
        for where in sites:
            decides = policy()
            _check_types(workload, where.cluster, decides)
            carbon = _Carbon(where.intensity, where.forecaster, origin_s)
            self.engines.append(
                _Engine(
                    workload, where.cluster, decides, carbon, False, env=self.env, site=where.name
                )
            )
            self.engines[-1].left = 0
        views = [engine.view for engine in self.engines]
        self.view = SitesView(self, views, [where.pue for where in sites])
        n = len(workload)
        self.site, self.sent_s = np.full(n, -1), np.full(n, np.nan)
        self.left, self.happened = n, False
        self.asked: set[float] = set()
        self.kwh = workload.work_power_w * workload.length_s / _JOULES_PER_KWH

    # -- what the placer may do --------------------------------------------------------------

    def home(self, job: Job) -> int:
        """See `SitesView.home`."""
        return int(self.homes[job.number])

    def delay_s(self, job: Job, site: int) -> float:
        """See `SitesView.delay_s`."""
        return 0.0 if site == self.homes[job.number] else self.transfer.delay_s

    def transfer_kwh(self, job: Job, site: int) -> float:
        """See `SitesView.transfer_kwh`: by what the job asks for, since its work is not known."""
        if site == self.homes[job.number]:
            return 0.0
        return self.transfer.kwh_per_kwh * job.power_w * job.planned_s / _JOULES_PER_KWH

    def send(self, job: Job, site: int) -> None:
        """See `SitesView.send`."""
        self.site[job.number], self.sent_s[job.number] = site, self.view.now_s
        self.engines[site].left += 1
        delay_s = self.delay_s(job, site)
        if delay_s == 0:
            self.engines[site].admit(job)
        else:
            self.env.call_at(self.view.now_s + delay_s, _ARRIVAL, self._arrive_there, (job, site))

    def ask_at(self, time_s: float) -> None:
        """See `SitesView.ask_at`."""
        if self.view.now_s < time_s < np.inf and time_s not in self.asked:
            self.asked.add(time_s)
            self.env.call_at(time_s, _WAKE, self._ask, time_s)

    def _arrive_there(self, event: Any) -> None:
        job, site = event.value
        self.engines[site].admit(job)

    def _ask(self, event: Any) -> None:
        self.asked.discard(event.value)
        self.happened = True

    # -- the clock -----------------------------------------------------------------------------

    def instants(self) -> Iterator[bool]:
        """Let everything happen; yield at each instant whether somebody must decide."""
        arrivals = self.engines[0]._arrivals()
        self._await(arrivals, next(arrivals, None))
        while (now_s := self.env.peek()) < np.inf:
            unsent = self.left > 0 or len(self.view.waiting) > 0
            over = not unsent and all(engine.left == 0 for engine in self.engines)
            self.view.now_s, self.happened = now_s, False
            for engine in self.engines:
                engine.view.now_s, engine.happened = now_s, False
            while self.env.peek() == now_s:
                self.env.step()
            yield not over

    def _await(self, arrivals: Iterator[Job], job: Job | None) -> None:
        if job is not None:
            self.env.call_at(job.submit_s, _ARRIVAL, self._submitted, (arrivals, job))

    def _submitted(self, event: Any) -> None:
        arrivals, job = event.value
        now_s = job.submit_s
        while job is not None and job.submit_s == now_s:
            self.view.waiting[job.number] = job
            self.left -= 1
            job = next(arrivals, None)
        self._await(arrivals, job)
        self.happened = True

    def run(self) -> SitesReplay:
        """Replay, and return what happened."""
        self.view.now_s = self.start_s
        for view in self.view.views:
            view.now_s = self.start_s
        self.placer.begin(self.view)
        for engine in self.engines:
            engine.policy.begin(engine.view)
        for deciding in self.instants():
            if not deciding:
                continue
            happened = self.happened or any(engine.happened for engine in self.engines)
            if happened and self.view.waiting:
                self.placer.place(self.view)
            for engine in self.engines:
                if engine.happened:
                    engine.policy.decide(engine.view)
                    engine.decided()
        if self.view.waiting:
            first = next(iter(self.view.waiting.values()))
            raise RuntimeError(
                f"placer {self.placer.name!r} left {len(self.view.waiting)} jobs waiting for ever, "
                f"the first of them {first!r}: it must send every job in the end, or ask_at() a "
                "later time."
            )
        for engine in self.engines:
            engine.check_none_left()
        return self._result()

    def _result(self) -> SitesReplay:
        ends_s = [engine.result().stop_s for engine in self.engines]
        jobs, replays = [], []
        for number, engine in enumerate(self.engines):
            rows = np.flatnonzero(self.site == number)
            place = np.full(len(self.workload), -1)
            place[rows] = np.arange(rows.size)
            whole = engine.result()
            own = self.workload.with_jobs(self.workload.jobs.iloc[rows].reset_index(drop=True))
            runs = whole.runs.assign(job=place[whole.runs["job"].to_numpy()])
            jobs.append(rows)
            replays.append(replace(whole, workload=own, runs=runs, stop_s=max(ends_s)))
        away = self.site != self.homes
        moved_kwh = away * self.transfer.kwh_per_kwh * self.kwh
        return SitesReplay(
            self.sites,
            self.workload,
            self.placer.name or type(self.placer).__name__,
            self.homes,
            self.site,
            self.sent_s,
            moved_kwh,
            tuple(jobs),
            tuple(replays),
        )
