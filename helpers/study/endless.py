"""Studies on endless machines: jobs of a log laid on other years, their emissions by week."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.panel import Panel
from helpers.stats import Interval, ratio_of_sums

__all__ = ["on_calendar", "share_kept", "spread_over_energy", "weekly", "weekly_panel"]


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
