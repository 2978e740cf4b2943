"""Divisible work placed slot by slot, the future unknown.

A rule sees the work that has been released and the intensities of the slots up to now; `rolling`
also sees a guess of those to come. What a site cannot hold goes to the next best, or waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.regions.divisible import (
    Placement,
    backlog_program,
    most_waiting,
    place_work,
    released_work,
    solved,
)
from helpers.regions.sites import Slots, unit_g

__all__ = ["cleanest_now", "rolling", "same_hour_yesterday"]

Guess = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
"""From intensities up to now, shape (sites, past), to those of so many slots more."""


def cleanest_now(
    slots: Slots, work_kwh: ArrayLike, *, transfer_kwh_per_kwh: float = 0.0
) -> Placement:
    """Do all work in the slot of its release, where it is cleanest then.

    Parameters
    ----------
    slots, work_kwh, transfer_kwh_per_kwh
        As for `helpers.regions.place_work`.

    Returns
    -------
    Placement
        The best that can be done in each slot alone; no time is used, so no future is needed.

    Raises
    ------
    ValueError
        If the sites together cannot hold the work of a slot.
    """
    return replace(
        place_work(slots, work_kwh, slack=0, transfer_kwh_per_kwh=transfer_kwh_per_kwh),
        lower_g=-np.inf,  # it bounds placements without waiting only
    )


def same_hour_yesterday(past: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Guess that the next slots are as those 24 slots before: persistence by the day."""
    day = past[:, -24:]
    return np.tile(day, (1, -(-count // day.shape[1])))[:, :count]


def rolling(
    slots: Slots,
    work_kwh: ArrayLike,
    *,
    slack: int,
    before: NDArray[np.float64],
    guess: Guess = same_hour_yesterday,
    transfer_kwh_per_kwh: float = 0.0,
) -> Placement:
    """Solve the placement anew in each slot with guessed intensities, and do the first slot of it.

    Parameters
    ----------
    slots, work_kwh, slack, transfer_kwh_per_kwh
        As for `helpers.regions.place_work`. The work of the next `slack` slots is taken as known
        (demand is regular); their intensities are not.
    before : ndarray of float, shape (sites, past)
        Intensities of the slots before the first [g CO2e/kWh].
    guess : callable
        From intensities up to now and a number of slots to guessed intensities.

    Returns
    -------
    Placement
        What was done, charged with the true intensities.

    Raises
    ------
    ValueError
        If no placement keeps to capacities and slack.
    """
    work = released_work(slots, work_kwh, slack)
    may, limit, pue = slots.where(None), slots.capacity_kwh(), slots.pue()
    known = np.concatenate([before, slots.intensity()], axis=1)
    past = before.shape[1]
    true = unit_g(slots.intensity(), pue, transfer_kwh_per_kwh)
    done = np.zeros(true.shape)
    waiting = np.zeros(len(work))
    most = most_waiting(work, slack)
    for now in range(slots.count):
        stop = min(now + slack + 1, slots.count)
        seen = known[:, : past + now + 1]
        ahead = np.concatenate([seen[:, -1:], guess(seen, stop - now - 1)], axis=1)
        asked = work[:, now:stop].copy()
        asked[:, 0] += waiting
        unit = unit_g(ahead, pue, transfer_kwh_per_kwh)
        program = backlog_program(asked, unit, may, limit, stop - now)
        # What may wait is what the whole past allows, not what this horizon has seen released.
        flows = program["flows"]
        program["bounds"][len(flows[0]) :, 1] = most[:, now:stop].ravel()
        # What is left over at the end of the horizon is not free: it will cost about the mean.
        charge = program["c"][len(flows[0]) :].reshape(len(work), -1)
        charge[:, -1] = unit.mean(axis=(1, 2))
        found = solved(program, "more capacity, or more slack")
        first = flows[2] == 0
        home, site = flows[0][first], flows[1][first]
        done[home, site, now] = np.maximum(found.x[: len(flows[0])][first], 0.0)
        waiting = np.maximum(asked[:, 0] - done[:, :, now].sum(axis=1), 0.0)
    at_home_g = float((slots.intensity() * pue[:, None] * work).sum())
    return Placement(slots, work, done, float((true * done).sum()), -np.inf, at_home_g)
