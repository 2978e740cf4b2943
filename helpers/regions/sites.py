"""A site: a grid, a capacity, a PUE; several of them on one row of slots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Intensity, same_kind
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds

__all__ = ["Site", "Slots"]


@dataclass(frozen=True)
class Site:
    """A place where work may run.

    Parameters
    ----------
    name : str
        How it is called, unique among the sites.
    intensity : Intensity
        Carbon intensity of its grid.
    capacity_kw : float
        Most power of computing there can be at a time [kW], before PUE; inf for endless.
    pue : float
        Energy of the whole site over that of its computers, >= 1.

    Raises
    ------
    ValueError
        If capacity or PUE are out of range.
    """

    name: str
    intensity: Intensity = field(repr=False)
    capacity_kw: float = math.inf
    pue: float = 1.0

    def __post_init__(self) -> None:
        if not self.capacity_kw >= 0:
            raise ValueError(f"site {self.name!r}: capacity_kw(={self.capacity_kw}) must be >= 0.")
        if not 1 <= self.pue < math.inf:
            raise ValueError(f"site {self.name!r}: pue(={self.pue}) must be >= 1 and finite.")


@dataclass(frozen=True, eq=False)
class Slots:
    """Sites on one row of equal slots.

    Parameters
    ----------
    sites : sequence of Site
        At least one, names unique, all intensities of one kind.
    start : instant
        When the first slot begins.
    count : int
        How many slots, >= 1.
    step : duration
        Length of a slot, e.g. "1h". Within a slot an intensity counts with its mean.

    Raises
    ------
    ValueError
        If there is no site or no slot, a name comes twice, intensities are of different kinds,
        or one of them does not cover the slots.
    """

    sites: Sequence[Site]
    start: Times
    count: int
    step: Duration = "1h"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sites", tuple(self.sites))
        names = [site.name for site in self.sites]
        if not names:
            raise ValueError("sites is empty: give at least one.")
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"site {min(twice)!r} comes twice: names must be unique.")
        if self.count < 1:
            raise ValueError(f"count(={self.count}) of slots must be 1 or more.")
        same_kind(*(site.intensity for site in self.sites))

    @property
    def step_s(self) -> float:
        """Length of a slot [s]."""
        return duration_seconds(self.step)

    @property
    def edges_s(self) -> NDArray[np.float64]:
        """Borders of the slots, epoch seconds [s], shape (count + 1,)."""
        steps = np.arange(self.count + 1, dtype=np.float64)
        return float(epoch_seconds(self.start)) + self.step_s * steps

    @property
    def names(self) -> list[str]:
        """Names of the sites."""
        return [site.name for site in self.sites]

    def intensity(self) -> NDArray[np.float64]:
        """Return the mean intensity [g CO2e/kWh], shape (sites, count)."""
        edges_s = self.edges_s
        return np.stack(
            [np.asarray(s.intensity.mean(edges_s[:-1], edges_s[1:])) for s in self.sites]
        )

    def pue(self) -> NDArray[np.float64]:
        """Return the PUE of each site, shape (sites,)."""
        return np.array([site.pue for site in self.sites])

    def capacity_kwh(self) -> NDArray[np.float64]:
        """Return the most work of a slot [kWh], shape (sites,)."""
        return np.array([site.capacity_kw for site in self.sites]) * (self.step_s / 3600.0)

    def where(self, allowed: ArrayLike | None) -> NDArray[np.bool_]:
        """Return which home's work may run at which site, shape (sites, sites); None: anywhere."""
        shape = (len(self.sites),) * 2
        table = np.ones(shape, dtype=bool) if allowed is None else np.asarray(allowed)
        if table.shape != shape or table.dtype != bool:
            raise ValueError(
                f"allowed has shape {table.shape} and type {table.dtype}: it must be bool of shape "
                f"{shape}, a row a home, a column a site."
            )
        if not table.any(axis=1).all():
            home = self.names[int(np.argmin(table.any(axis=1)))]
            raise ValueError(f"allowed leaves the work of {home!r} no site: allow one at least.")
        return table


def unit_g(
    intensity: NDArray[np.float64], pue: NDArray[np.float64], transfer_kwh_per_kwh: float
) -> NDArray[np.float64]:
    """Return what a kWh of work emits [g CO2e/kWh], shape (homes, sites, slots).

    The computing is charged at the site's intensity and PUE; of the energy of a transfer half is
    taken to be spent at the origin and half at the target, in the slot in which the work is done.

    Raises
    ------
    ValueError
        If the transfer is negative or not finite.
    """
    if not 0 <= transfer_kwh_per_kwh < math.inf:
        raise ValueError(f"transfer_kwh_per_kwh(={transfer_kwh_per_kwh}) must be >= 0 and finite.")
    away = ~np.eye(len(intensity), dtype=bool)
    path = 0.5 * transfer_kwh_per_kwh * (intensity[:, None] + intensity[None])
    return pue[None, :, None] * intensity[None] + away[:, :, None] * path
