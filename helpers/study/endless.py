"""Studies on endless machines: jobs of a log laid on other years, their emissions by week."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.jobs.table import JobLog
from helpers.panel import Panel
from helpers.schedule.trace import Trace
from helpers.stats import Interval, ratio_of_sums

__all__ = [
    "WeeksOfJobs",
    "on_calendar",
    "share_kept",
    "spread_over_energy",
    "weekly",
    "weekly_panel",
]

_WEEK_S = 7 * 86_400.0


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


@dataclass(frozen=True, eq=False)
class WeeksOfJobs:
    """Jobs of a log's whole weeks, laid on other weeks one after the other, again and again.

    Every week has real jobs of one week, at the same weekday and hour of any clock; all grids get
    the same jobs in the same order, so that comparisons are paired.

    Parameters
    ----------
    jobs : DataFrame
        A row of the log for each job drawn.
    week : ndarray of int, shape (n,)
        On which week each is laid, from 0.
    clock_s : ndarray of float, shape (n,)
        Time since its week began, by a clock that is never changed [s].
    number : ndarray of int, shape (n,)
        Number of each among all that were drawn: its name.
    """

    jobs: pd.DataFrame
    week: NDArray[np.int64]
    clock_s: NDArray[np.float64]
    number: NDArray[np.int64]

    @classmethod
    def drawn(
        cls, log: JobLog, since: str, *, whole_weeks: int, weeks: int, every: int, seed: int
    ) -> Self:
        """Draw one job in so many for each week, spread evenly over the energy of its week.

        Parameters
        ----------
        log : JobLog
            Any log whose time is known; jobs that never ran are left out.
        since : str
            Day on which its first whole week begins.
        whole_weeks, weeks : int
            How many of the log's weeks are used, and on how many they are laid.
        every : int
            One job in so many, another one each time a week returns.
        seed : int
            Of the draw.
        """
        jobs = log.jobs[log.jobs["run_s"] > 0]
        clock = log.submit_time()[jobs.index].dt.tz_localize(None) - pd.Timestamp(since)
        clock_s = clock.dt.total_seconds().to_numpy()
        energy = (jobs["run_s"] * jobs["processors"]).to_numpy()
        of_week, rng = np.floor(clock_s / _WEEK_S), np.random.default_rng(seed)
        places = [
            spread_over_energy(energy, of_week == week % whole_weeks, every, rng)
            for week in range(weeks)
        ]
        place, week = np.concatenate(places), np.repeat(np.arange(weeks), [len(p) for p in places])
        return cls(jobs.iloc[place], week, clock_s[place] % _WEEK_S, np.arange(place.size))

    def __len__(self) -> int:
        return self.number.size

    @property
    def core_seconds(self) -> NDArray[np.float64]:
        """Run time times cores of each job [s]."""
        return (self.jobs["run_s"] * self.jobs["processors"]).to_numpy(np.float64)

    def select(self, which: NDArray[np.bool_]) -> Self:
        """Return the jobs at which a mask is True."""
        kept = {name: getattr(self, name)[which] for name in ("week", "clock_s", "number")}
        return replace(self, jobs=self.jobs[which], **kept)

    def trace(self, first_day: str, time_zone: str, watts_per_core: float) -> Trace:
        """Return the jobs in weeks from a day on, by a clock, with the waits of GAIA's queues.

        Parameters
        ----------
        first_day : str
            Day on which the first of the weeks that jobs are laid on begins.
        time_zone : str
            Where the clock hangs.
        watts_per_core : float
            Power of a busy core [W].
        """
        offset_s = (self.week - self.week.min()) * _WEEK_S + self.clock_s
        submit, cores = on_calendar(offset_s, first_day, time_zone), self.jobs["processors"]
        power_w = cores.to_numpy() * watts_per_core
        return Trace.by_length(
            submit, self.jobs["run_s"], power_w, processors=cores.to_numpy(), job_id=self.number
        )


def weekly(grams: ArrayLike, week: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return sums over the jobs of each week, from the first to the last week."""
    return np.bincount(week - week.min(), np.asarray(grams)).astype(np.float64)


def weekly_panel(
    by_policy: Mapping[tuple[str, str], ArrayLike] | Mapping[str, ArrayLike],
    week: NDArray[np.int64],
    value: str = "emissions_g",
) -> Panel:
    """Return the panel of what jobs emit, or of another sum, by policy, grid and week.

    Parameters
    ----------
    by_policy : mapping of (str, str) or str to array_like, shape (n,)
        What each job adds, by policy and grid; by policy alone where there is one grid, or none.
    week : ndarray of int, shape (n,)
        Week of each job. Weeks without a job are left out.
    value : str
        Name of what is added up.

    Returns
    -------
    Panel
        With the sums in the column `value`.
    """
    there = np.unique(week)
    rows = []
    for of, added in by_policy.items():
        policy, *zone = (of,) if isinstance(of, str) else of
        names = {"policy": policy} | ({"zone": zone[0]} if zone else {})
        sums = {"week": there, value: weekly(added, week)[there - week.min()]}
        rows.append(pd.DataFrame(names | sums))
    table = pd.concat(rows, ignore_index=True)
    return Panel(table, cluster="zone" if "zone" in table else None)


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
    now, guessed, perfect = (np.asarray(g, np.float64) for g in (now_g, guessed_g, perfect_g))
    drawn = {"block": block, "seed": seed, "resamples": resamples}
    return ratio_of_sums(now - guessed, now - perfect, **drawn).scaled(100)
