"""Jobs sent by the plan of the linear program, made anew whenever the intensity steps.

The plan is of divisible work; jobs are whole, arrive when they do and run for as long as they do. So
the plan says how much power each home may put at each site now, and jobs use that up one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.decide.place import CleanestNow, SitesView
from helpers.decide.view import Job
from helpers.regions.divisible import backlog_program, solved
from helpers.regions.sites import unit_g

__all__ = ["PlannedPlacement"]

_HOUR_S = 3600.0


class PlannedPlacement(CleanestNow):
    """Send jobs as the linear program in a rolling horizon says.

    Parameters
    ----------
    core_w : float
        Power of a busy core [W]: what the capacity of a site is counted in.
    slack : int
        Hours that work may wait in the plan, >= 0; a job waits no longer than its user accepts.

    Notes
    -----
    Planned with: the sites' forecasts; the work that waits, by requested times; what each home is
    expected to release, which is what it released in the same hour of the day before; the cores
    that running jobs are expected to leave free, by requested times. Where no plan keeps to that,
    jobs of this hour go where it is cleanest now.
    """

    name = "plan, rolling"

    def __init__(self, core_w: float, *, slack: int = 24) -> None:
        if not core_w > 0:
            raise ValueError(f"core_w(={core_w}) must be > 0.")
        if slack < 0 or slack != int(slack):
            raise ValueError(f"slack(={slack}) must be a whole number >= 0.")
        self.core_w, self.slack = float(core_w), int(slack)

    def begin(self, sites: SitesView) -> None:
        """Begin with nothing planned and nothing seen."""
        self._next_s = -np.inf
        self._quota: NDArray[np.float64] | None = None
        self._released: dict[int, NDArray[np.float64]] = {}
        self._seen: set[int] = set()

    def place(self, sites: SitesView) -> None:
        """Write down what came, plan if the hour is new, send."""
        hour = int(sites.now_s // _HOUR_S)
        for number, job in sites.waiting.items():
            if number not in self._seen:
                self._seen.add(number)
                row = self._released.setdefault(hour, np.zeros(len(sites.views)))
                row[sites.home(job)] += self._kwh(job)
        if sites.now_s >= self._next_s:
            self._next_s = min(view.next_step_s for view in sites.views)
            self._quota = self._planned(sites, hour)
        super().place(sites)

    def rank(self, sites: SitesView, job: Job) -> NDArray[np.float64]:
        """Return the rank of each site: those with most of the plan left for the job's home first."""
        if self._quota is None:
            return super().rank(sites, job)
        return -self._quota[sites.home(job)]

    def may_go(self, sites: SitesView, job: Job, rank: float) -> bool:
        """Tell whether the plan has some left for the job, and use it up."""
        if self._quota is None:
            return True
        if rank >= -1e-9:
            sites.ask_at(self._next_s)
            return False
        home = sites.home(job)
        site = int(np.argmin(np.abs(self._quota[home] + rank)))
        self._quota[home, site] -= job.processors * self.core_w / 1000.0
        return True

    def _kwh(self, job: Job) -> float:
        return job.processors * self.core_w * job.planned_s / 3.6e6

    def _planned(self, sites: SitesView, hour: int) -> NDArray[np.float64] | None:
        """Return how much power of each home the plan puts at each site in this hour [kW]."""
        count, hours = len(sites.views), self.slack + 1
        work = np.zeros((count, hours))
        for ahead in range(1, hours):
            seen = self._released.get(hour + ahead - 24)
            if seen is not None:
                work[:, ahead] = seen
        for job in sites.waiting.values():
            work[sites.home(job), 0] += self._kwh(job)
        if not work[:, 0].any():
            return None
        edges_s = sites.now_s + _HOUR_S * np.arange(hours + 1.0)
        intensity, limit = np.empty((count, hours)), np.empty((count, hours))
        for number, view in enumerate(sites.views):
            origin_s = view.epoch_s - view.now_s
            forecast = view.forecast()
            stop_s = np.minimum(origin_s + edges_s[1:], forecast.edges_s[-1])
            intensity[number] = forecast.mean(origin_s + edges_s[:-1], stop_s)
            ends_s = np.array([end for end, _, _ in view.releases])
            held = np.array([cores for _, _, cores in view.releases], dtype=float)
            busy = ((ends_s[None] > edges_s[:-1, None]) * held).sum(axis=1) if held.size else 0.0
            queued = sum(job.processors for job in view.queue.values())
            free = np.maximum(view.cluster.cores - busy - queued, 0.0)
            limit[number] = free * self.core_w / 1000.0
        share = max(
            (sites.transfer_kwh(job, site) / self._kwh(job))
            for job in sites.waiting.values()
            for site in range(count)
        )
        unit = unit_g(intensity, np.array(sites.pue), share)
        may = np.ones((count, count), dtype=bool)
        program = backlog_program(work, unit, may, np.ones(count), self.slack)
        program["b_ub"] = limit.ravel()
        flows = program["flows"]
        program["bounds"][len(flows[0]) :, 1] = np.inf  # jobs have their own longest waits
        charge = program["c"][len(flows[0]) :].reshape(count, -1)
        charge[:, -1] = unit.mean(axis=(1, 2))  # what is left over will cost about the mean
        found = solved(program, "more capacity, or more slack")
        now = flows[2] == 0
        quota = np.zeros((count, count))
        quota[flows[0][now], flows[1][now]] = np.maximum(found.x[: len(flows[0])][now], 0.0)
        return quota
