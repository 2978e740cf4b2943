"""Divisible work placed slot by slot, the future unknown.

A rule sees the work that has been released and the intensities of the slots up to now; `rolling`
also sees a guess of those to come. What a site cannot hold goes to the next best, or waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.sun import sun_elevation
from helpers.regions.divisible import (
    Placement,
    backlog_program,
    most_waiting,
    released_work,
    solved,
)
from helpers.regions.sites import Slots, unit_g

__all__ = [
    "cleanest_forecast",
    "cleanest_now",
    "follow_the_sun",
    "rolling",
    "same_hour_yesterday",
]

Guess = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
"""From intensities up to now, shape (sites, past), to those of so many slots more."""


def cleanest_now(
    slots: Slots, work_kwh: ArrayLike, *, slack: int = 0, transfer_kwh_per_kwh: float = 0.0
) -> Placement:
    """Do all work in the slot of its release, where it is cleanest then.

    Parameters
    ----------
    slots, work_kwh, transfer_kwh_per_kwh
        As for `helpers.regions.place_work`.
    slack : int
        How many slots work may wait if the sites together cannot hold it, >= 0.

    Returns
    -------
    Placement
        No future is needed.

    Raises
    ------
    ValueError
        If the sites together cannot hold the work of a slot, slack included.
    """
    work = released_work(slots, work_kwh, slack)
    rank = unit_g(slots.intensity(), slots.pue(), transfer_kwh_per_kwh)
    return _at_once(slots, work, slack, rank, rank)


def follow_the_sun(
    slots: Slots,
    work_kwh: ArrayLike,
    coordinates: Sequence[tuple[float, float]],
    *,
    slack: int = 0,
    transfer_kwh_per_kwh: float = 0.0,
) -> Placement:
    """Do all work in the slot of its release, where the sun stands highest then.

    Parameters
    ----------
    slots, work_kwh, slack, transfer_kwh_per_kwh
        As for `cleanest_now`.
    coordinates : sequence of (float, float)
        Latitude and longitude of each site [degrees], north and east positive.

    Raises
    ------
    ValueError
        If there is not one place a site, or as for `cleanest_now`.
    """
    if len(coordinates) != len(slots.sites):
        raise ValueError(
            f"{len(coordinates)} coordinates for {len(slots.sites)} sites: give one each."
        )
    work = released_work(slots, work_kwh, slack)
    middle_s = slots.edges_s[:-1] + slots.step_s / 2
    height = np.array([sun_elevation(*place, middle_s) for place in coordinates])
    unit = unit_g(slots.intensity(), slots.pue(), transfer_kwh_per_kwh)
    return _at_once(slots, work, slack, np.broadcast_to(-height, unit.shape), unit)


def cleanest_forecast(
    slots: Slots,
    work_kwh: ArrayLike,
    *,
    slack: int,
    before: NDArray[np.float64],
    guess: Guess | None = None,
    transfer_kwh_per_kwh: float = 0.0,
) -> Placement:
    """Book each work, when it is released, where and when it is guessed to be cleanest.

    What is booked stays so. Of all that is released in a slot the cleanest bookings come first.

    Parameters
    ----------
    slots, work_kwh, slack, before, guess, transfer_kwh_per_kwh
        As for `rolling`.

    Returns
    -------
    Placement
        What was done, charged with the true intensities.

    Raises
    ------
    ValueError
        If work finds no room left within its slack.
    """
    work = released_work(slots, work_kwh, slack)
    guess = guess or same_hour_yesterday
    known = np.concatenate([before, slots.intensity()], axis=1)
    past, pue = before.shape[1], slots.pue()
    true = unit_g(slots.intensity(), pue, transfer_kwh_per_kwh)
    free = np.repeat(slots.capacity_kwh()[:, None], slots.count, axis=1)
    done = np.zeros(true.shape)
    for now in np.flatnonzero(work.any(axis=0)):
        seen = known[:, : past + now + 1]
        ahead = np.concatenate([seen[:, -1:], guess(seen, slack)], axis=1)
        unit = unit_g(ahead, pue, transfer_kwh_per_kwh)
        left = work[:, now].copy()
        for place in np.argsort(unit, axis=None, kind="stable"):
            home, site, wait = np.unravel_index(place, unit.shape)
            booked = min(left[home], free[site, now + wait])
            if booked > 0:
                done[home, site, now + wait] += booked
                free[site, now + wait] -= booked
                left[home] -= booked
        _check_nothing_left(slots, left, int(now))
    return _charged(slots, work, done, true)


def _at_once(
    slots: Slots,
    work: NDArray[np.float64],
    slack: int,
    rank: NDArray[np.float64],
    true: NDArray[np.float64],
) -> Placement:
    """Do what waits in each slot at the sites of lowest rank; what finds no room waits on."""
    limit, most = slots.capacity_kwh(), most_waiting(work, slack)
    done = np.zeros(true.shape)
    waiting = np.zeros(len(work))
    for now in range(slots.count):
        waiting = waiting + work[:, now]
        free = limit.copy()
        for place in np.argsort(rank[:, :, now], axis=None, kind="stable"):
            home, site = np.unravel_index(place, rank.shape[:2])
            done[home, site, now] = moved = min(waiting[home], free[site])
            waiting[home] -= moved
            free[site] -= moved
        _check_nothing_left(slots, waiting - most[:, now], now)
    return _charged(slots, work, done, true)


def _check_nothing_left(slots: Slots, left: NDArray[np.float64], now: int) -> None:
    if (left > 1e-9).any():
        home = slots.names[int(np.argmax(left))]
        raise ValueError(
            f"work of {home!r} finds no room in time in slot {now}: give more capacity, or more "
            "slack."
        )


def _charged(
    slots: Slots,
    work: NDArray[np.float64],
    done: NDArray[np.float64],
    true: NDArray[np.float64],
) -> Placement:
    """Return what was done, charged with the true intensities; it bounds nothing."""
    at_home_g = float((slots.intensity() * slots.pue()[:, None] * work).sum())
    return Placement(slots, work, done, float((true * done).sum()), -np.inf, at_home_g)


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
    return _charged(slots, work, done, true)
