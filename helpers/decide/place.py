"""Where: what a decision sees of several sites and may do with a job that was submitted at one.

A *placer* is asked whenever something has happened anywhere and jobs wait to be sent. It sends each
to a site, its home or another, or lets it wait; which of a site's jobs starts when is decided there,
by a `Policy` of that site::

    class AtHome(Placer):
        def place(self, sites):
            for job in list(sites.waiting.values()):
                sites.send(job, sites.home(job))

Moving a job's data to another site takes time, in which the job cannot start, and energy.

**No look into the future.** A placer knows of each site what its view shows: intensities up to now,
forecasts issued now, and the run times that jobs asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.sun import sun_elevation
from helpers.decide.view import Job, View

__all__ = [
    "AtHome",
    "CleanestForecast",
    "CleanestNow",
    "FollowSun",
    "Placer",
    "Sender",
    "SitesView",
]

_HOUR_S, _JOULES_PER_KWH = 3600.0, 3.6e6


class Sender(Protocol):
    """What stands behind a view of sites: it knows homes and paths, and carries jobs."""

    def home(self, job: Job) -> int:
        """Return the number of the site at which a job was submitted."""

    def delay_s(self, job: Job, site: int) -> float:
        """Return how long it takes to move a job to a site [s]."""

    def transfer_kwh(self, job: Job, site: int) -> float:
        """Return the energy of moving a job to a site [kWh]."""

    def send(self, job: Job, site: int) -> None:
        """Send a job to a site."""

    def ask_at(self, time_s: float) -> None:
        """Ask the placer again at a later time [s]."""


class SitesView:
    """What a placer sees at an instant, and how it acts.

    Attributes
    ----------
    now_s : float
        The present [s since second 0].
    views : tuple of View
        What each site shows; ``views[i].site`` is its name.
    pue : tuple of float
        Energy of each whole site over that of its computers.
    waiting : mapping of int to Job
        Jobs that were submitted and not sent yet, by number, in order of submission.
    """

    __slots__ = ("_sender", "now_s", "pue", "views", "waiting")

    def __init__(self, sender: Sender, views: Sequence[View], pue: Sequence[float]) -> None:
        self._sender = sender
        self.now_s = -np.inf
        self.views, self.pue = tuple(views), tuple(pue)
        self.waiting: OrderedDict[int, Job] = OrderedDict()

    def home(self, job: Job) -> int:
        """Return the number of the site at which a job was submitted."""
        return self._sender.home(job)

    def delay_s(self, job: Job, site: int) -> float:
        """Return how long it takes to move a job to a site [s]; 0 at home."""
        return self._sender.delay_s(job, site)

    def transfer_kwh(self, job: Job, site: int) -> float:
        """Return the energy of moving a job to a site [kWh]; 0 at home."""
        return self._sender.transfer_kwh(job, site)

    def fits(self, job: Job, site: int) -> bool:
        """Tell whether a site has as many cores as a job needs, free or not."""
        return job.processors <= self.views[site].cluster.cores

    def room(self) -> NDArray[np.int64]:
        """Return the cores of each site that are free and wanted by nobody there."""
        return np.array(
            [
                view.free_cores - sum(job.processors for job in view.queue.values())
                for view in self.views
            ]
        )

    def send(self, job: Job, site: int) -> None:
        """Send a waiting job to a site, from which it comes back no more.

        Raises
        ------
        ValueError
            If it does not wait, or the site has too few cores for it.
        """
        if job.number not in self.waiting:
            raise ValueError(f"{job!r} cannot be sent: only a job that waits can.")
        if not self.fits(job, site):
            raise ValueError(
                f"{job!r} cannot be sent to {self.views[site].site!r}, which has "
                f"{self.views[site].cluster.cores} cores: ask fits() first."
            )
        del self.waiting[job.number]
        self._sender.send(job, site)

    def ask_at(self, time_s: float) -> None:
        """Ask to be asked again at a later time [s], whatever happens until then."""
        self._sender.ask_at(time_s)


class Placer:
    """What decides where. Subclass it and write `place`."""

    name: str = ""

    def begin(self, sites: SitesView) -> None:
        """Forget earlier replays; called once before anything happens."""

    def place(self, sites: SitesView) -> None:
        """Send jobs that wait, or let them wait on."""
        raise NotImplementedError(f"{type(self).__name__} has no method place(self, sites).")


class AtHome(Placer):
    """Send each job to its home at once: no placement at all."""

    name = "at home"

    def place(self, sites: SitesView) -> None:
        """Send all that wait."""
        for job in list(sites.waiting.values()):
            sites.send(job, sites.home(job))


class _Ranked(Placer):
    """Send each job to the site of lowest rank that has room for it.

    A job for which there is room nowhere waits for it, at most as long as its user accepts; then it
    is sent to the site whose queue is shortest for its size.
    """

    def rank(self, sites: SitesView, job: Job) -> NDArray[np.float64]:
        """Return the rank of each site for a job, shape (sites,)."""
        raise NotImplementedError(f"{type(self).__name__} has no method rank(self, sites, job).")

    def may_go(self, sites: SitesView, job: Job, rank: float) -> bool:
        """Tell whether a job may go now to a site of this rank, or had better wait."""
        return True

    def is_settled(self, sites: SitesView, job: Job) -> bool:
        """Tell whether a job was told to wait and nothing new is known since."""
        return False

    def place(self, sites: SitesView) -> None:
        """Send what finds room."""
        room = sites.room()
        for job in list(sites.waiting.values()):
            urgent = sites.now_s >= job.latest_start_s
            if not urgent:
                if self.is_settled(sites, job):
                    continue
                sites.ask_at(job.latest_start_s)
                if job.processors > room.max():
                    continue
            rank = self.rank(sites, job)
            fits = np.array([sites.fits(job, i) for i in range(len(room))])
            free = fits & (room >= job.processors)
            if free.any():
                site = int(np.argmin(np.where(free, rank, np.inf)))
                if not urgent and not self.may_go(sites, job, float(rank[site])):
                    continue
            elif urgent:
                cores = np.array([view.cluster.cores for view in sites.views])
                site = int(np.argmax(np.where(fits, room / cores, -np.inf)))
            else:
                continue
            sites.send(job, site)
            room[site] -= job.processors


class CleanestNow(_Ranked):
    """Send each job to the site with room that is cleanest now, its transfer included."""

    name = "cleanest now"

    def rank(self, sites: SitesView, job: Job) -> NDArray[np.float64]:
        """Return what the job would emit at each site if all stayed as it is [g CO2e]."""
        now = np.array([view.intensity_g_per_kwh for view in sites.views])
        kwh = job.power_w * job.planned_s / _JOULES_PER_KWH
        return kwh * now * np.array(sites.pue) + _path_g(sites, job, now)


class FollowSun(_Ranked):
    """Send each job to the site with room over which the sun stands highest now.

    Parameters
    ----------
    coordinates : sequence of (float, float)
        Latitude and longitude of each site [degrees].
    """

    name = "follow the sun"

    def __init__(self, coordinates: Sequence[tuple[float, float]]) -> None:
        self.coordinates = tuple(coordinates)

    def rank(self, sites: SitesView, job: Job) -> NDArray[np.float64]:
        """Return how low the sun stands at each site [degrees]."""
        epoch_s = sites.views[0].epoch_s
        return np.array([-float(sun_elevation(*at, epoch_s)) for at in self.coordinates])


class CleanestForecast(_Ranked):
    """Send each job where it is forecast to be cleanest, when that is now; else let it wait.

    Parameters
    ----------
    longest_s : float
        Of what a job plans to run, no more than this is weighed [s]: requested times are long.
    least_saving : float
        A job waits only if a later start is forecast to emit less by more than this share.
    """

    name = "cleanest by forecast"

    def __init__(self, *, longest_s: float = 86_400.0, least_saving: float = 0.0) -> None:
        self.longest_s, self.least_saving = float(longest_s), float(least_saving)

    def begin(self, sites: SitesView) -> None:
        """Begin with nothing known."""
        self._until: dict[int, float] = {}
        self._step_s = self._now_s = -np.inf
        self._now: dict[float, tuple[NDArray, NDArray]] = {}  # the same for a start now
        self._later: dict[float, tuple[NDArray, NDArray]] = {}  # this step's forecasts, by length

    def is_settled(self, sites: SitesView, job: Job) -> bool:
        """Tell whether the job waits for the next step."""
        return sites.now_s < self._until.get(job.number, -np.inf)

    def rank(self, sites: SitesView, job: Job) -> NDArray[np.float64]:
        """Return what the job is forecast to emit at each site if it starts now [g CO2e]."""
        if sites.now_s != self._now_s:
            self._now_s, self._now = sites.now_s, {}
        lasts_s = self._lasts_s(job)
        if lasts_s not in self._now:
            self._now[lasts_s] = self._ahead(sites, lasts_s, [sites.now_s])
        return self._grams(sites, job, self._now[lasts_s])[:, 0]

    def may_go(self, sites: SitesView, job: Job, rank: float) -> bool:
        """Tell whether no later start anywhere is forecast to be cleaner."""
        step_s = min(view.next_step_s for view in sites.views)
        hours = int(np.ceil((job.latest_start_s - step_s) / _HOUR_S))
        if hours < 1:
            return True
        if step_s != self._step_s:
            self._step_s, self._later = step_s, {}
        lasts_s = self._lasts_s(job)
        known = self._later.get(lasts_s)
        if known is None or known[0].shape[1] < hours:
            # Jobs of one length share what is forecast: all starts are at borders of steps.
            starts_s = step_s + _HOUR_S * np.arange(hours)
            known = self._later[lasts_s] = self._ahead(sites, lasts_s, starts_s)
        best = self._grams(sites, job, tuple(part[:, :hours] for part in known)).min()
        if best >= rank * (1 - self.least_saving):
            return True
        # Nothing new is known before the next step: until then the answer stays.
        self._until[job.number] = step_s
        sites.ask_at(step_s)
        return False

    def _lasts_s(self, job: Job) -> float:
        return float(min(job.planned_s, self.longest_s))

    def _ahead(
        self, sites: SitesView, lasts_s: float, start_s: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return forecasts by site and start: grams of a watt that long, and the intensity."""
        at_s = sites.views[0].epoch_s - sites.now_s + np.asarray(start_s, dtype=np.float64)
        ahead = [view.forecast() for view in sites.views]
        per_watt = [np.asarray(one.per_watt_g(at_s, at_s + lasts_s)) for one in ahead]
        return np.stack(per_watt), np.stack([np.asarray(one.at(at_s)) for one in ahead])

    def _grams(self, sites: SitesView, job: Job, ahead: tuple[NDArray, ...]) -> NDArray[np.float64]:
        """Return forecast emissions by site and start [g CO2e]; inf where the job does not fit."""
        per_watt, intensity = ahead
        numbers = range(len(sites.views))
        path = np.array([sites.transfer_kwh(job, site) for site in numbers])
        path *= 0.5 * self._lasts_s(job) / job.planned_s
        fits = np.array([sites.fits(job, site) for site in numbers])
        work_g = np.array(sites.pue)[:, None] * job.power_w * per_watt
        grams = work_g + path[:, None] * (intensity[sites.home(job)] + intensity)
        return np.where(fits[:, None], grams, np.inf)


def _path_g(sites: SitesView, job: Job, now: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what moving a job to each site emits now, half at each end [g CO2e]."""
    home = sites.home(job)
    kwh = np.array([sites.transfer_kwh(job, site) for site in range(len(now))])
    return 0.5 * kwh * (now[home] + now)
