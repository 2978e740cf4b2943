"""What no schedule gets above: the certified frontier of saving against mean delay.

On endless machines jobs are independent, and no schedule on a finite machine beats each job at its
own best there. With a price on every hour of delay the best start of each job is found exactly; by
weak duality the sum, less the price of the delay allowed, is a bound for every schedule without
pauses whose mean delay is no longer, whatever the price [1]_. The best price gives the best bound.

References
----------
.. [1] S. Boyd, L. Vandenberghe, "Convex Optimization", 2004, section 5.2.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.learn.case import Case

__all__ = ["frontier_bound", "priced_g"]

_HOUR_S, _J_PER_KWH = 3600.0, 3.6e6


def priced_g(case: Case, longest_s: ArrayLike, prices_g: ArrayLike) -> NDArray[np.float64]:
    """Return the least sum of emissions and priced delay of the jobs that count, by price.

    Parameters
    ----------
    case : Case
        Jobs of constant power without pauses.
    longest_s : array_like of float, shape (n,)
        Longest delay of each job of the case [s].
    prices_g : array_like of float, shape (k,)
        What an hour of mean delay over all jobs that count is worth, >= 0 [g CO2e/h].

    Returns
    -------
    ndarray of float, shape (k,)
        Sums [g CO2e].

    Raises
    ------
    ValueError
        If a job may run beyond what the intensity covers.

    Notes
    -----
    Emissions of a start are piecewise linear in its time, with corners where start or end meets a
    step of the intensity, so that one of these corners, the submission, or the last start is best.
    """
    work, curve = case.work, case.intensity
    own = np.ones(len(work), dtype=bool) if case.counted is None else case.counted
    submit_s = work.jobs["submit_s"].to_numpy()[own] + work.origin_s(case.origin)
    run_s = (work.startup_s + work.jobs["run_s"].to_numpy() + work.end_s)[own]
    last_s = np.asarray(longest_s, dtype=np.float64)[own]
    latest_s = float((submit_s + last_s + run_s).max())
    if latest_s > curve.edges_s[-1]:
        raise ValueError(
            f"a job may run until epoch second {latest_s:g}, but the intensity ends at "
            f"{curve.edges_s[-1]:g}: take an earlier week."
        )
    burnt = np.append(0.0, np.cumsum(curve.intensity_g_per_kwh * np.diff(curve.edges_s)))
    kwh_s = work.work_power_w[own] / _J_PER_KWH
    best = np.full((np.size(prices_g), len(submit_s)), np.inf)
    price_s = np.asarray(prices_g, dtype=np.float64)[:, None] / (_HOUR_S * len(submit_s))
    for job, (from_s, lasts_s, wait_s) in enumerate(zip(submit_s, run_s, last_s, strict=True)):
        starts_s = _corners(curve.edges_s, from_s, lasts_s, wait_s)
        ends = np.interp(starts_s + lasts_s, curve.edges_s, burnt)
        grams = kwh_s[job] * (ends - np.interp(starts_s, curve.edges_s, burnt))
        best[:, job] = (grams + price_s * (starts_s - from_s)).min(axis=1)
    return best.sum(axis=1)


def _corners(
    edges_s: NDArray[np.float64], from_s: float, lasts_s: float, wait_s: float
) -> NDArray[np.float64]:
    """Return the starts among which the best one is [epoch s]."""
    found = [np.array([from_s, from_s + wait_s])]
    for shift_s in (0.0, lasts_s):
        low, high = np.searchsorted(edges_s, [from_s + shift_s, from_s + wait_s + shift_s])
        found.append(edges_s[low:high] - shift_s)
    return np.clip(np.concatenate(found), from_s, from_s + wait_s)


def frontier_bound(
    sums: ArrayLike, prices: ArrayLike, weeks: int, delays_h: ArrayLike
) -> NDArray[np.float64]:
    """Return what no schedule gets below at each mean delay.

    Parameters
    ----------
    sums : array_like of float, shape (k,)
        `priced_g` by price, added up over weeks.
    prices : array_like of float, shape (k,)
        The prices, in the unit of the sums, per hour.
    weeks : int
        How many weeks were added up.
    delays_h : array_like of float, shape (m,)
        Mean delays over the weeks [h].
    """
    allowed = np.asarray(prices, dtype=np.float64)[:, None] * weeks * np.asarray(delays_h)
    return (np.asarray(sums, dtype=np.float64)[:, None] - allowed).max(axis=0)
