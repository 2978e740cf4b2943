"""Energy and emissions of many uses at once, a number each: no row for each use and step.

`helpers.carbon.accounting.account` writes a row for each use and step of intensity, which anyone can
check; a centre's year has millions of jobs and a hundred thousand steps.  Here each use is charged
from the sum of intensity up to its start and up to its stop, which gives the same totals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity, Kind
from helpers.carbon.uses import PUE_RULE, Pue
from helpers.timeline import StepFunction, Times, epoch_seconds, instant_text

__all__ = ["Totals", "totals"]

# So many uses are charged at once: enough that Python costs nothing, and what is in between stays
# in the cache of a processor.
_AT_ONCE = 2**16


@dataclass(frozen=True, eq=False)
class Totals:
    """Energy and emissions of each use.

    Attributes
    ----------
    energy_kwh : ndarray of float, shape (n,)
        Energy of the computers, before PUE [kWh].
    facility_kwh : ndarray of float, shape (n,)
        Energy with that of the building, after PUE [kWh].
    emissions_g : ndarray of float, shape (n,)
        Emissions of that electricity [g CO2e].
    kind : {"average", "marginal"}
        Kind of the intensity.
    """

    energy_kwh: NDArray[np.float64]
    facility_kwh: NDArray[np.float64]
    emissions_g: NDArray[np.float64]
    kind: Kind

    def __len__(self) -> int:
        return self.energy_kwh.size


def totals(
    start: Times,
    stop: Times,
    power_w: ArrayLike,
    intensity: Intensity,
    *,
    pue: float | Pue = 1.0,
) -> Totals:
    """Charge uses of constant power.

    Parameters
    ----------
    start, stop : instants, shape (n,)
        When each use begins and ends: tz-aware times, or epoch seconds [s]; `stop` >= `start`.
    power_w : array_like of float, shape (n,)
        What each draws meanwhile [W].
    intensity : Intensity
        Average or marginal, covering all uses.
    pue : float or Pue
        Power usage effectiveness [1], >= 1.

    Returns
    -------
    Totals
        What `helpers.carbon.accounting.account` gives, summed for each use.

    Raises
    ------
    ValueError
        If shapes differ, a use ends before it starts or leaves the time covered, a power is
        negative or not finite, or a PUE is below 1; the message names the use by its position.
    """
    start_s, stop_s = epoch_seconds(start), epoch_seconds(stop)
    power = np.asarray(power_w, dtype=np.float64)
    if not start_s.shape == stop_s.shape == power.shape or start_s.ndim != 1:
        raise ValueError(
            f"start, stop and power_w have shapes {start_s.shape}, {stop_s.shape} and {power.shape}: "
            "they must be one number a use each."
        )
    if isinstance(pue, Pue):
        ratio: StepFunction | float = pue
        weighted = intensity.steps * pue
    elif not (math.isfinite(pue) and pue >= 1):
        raise ValueError(f"PUE, column 'pue': {pue!r} {PUE_RULE}")
    else:
        ratio, weighted = float(pue), intensity.steps * float(pue)
    _check(start_s, stop_s, power, weighted)
    energy, facility, emissions = np.empty((3, power.size))
    for first in range(0, power.size, _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        kwh_per_s = power[some] / JOULES_PER_KWH
        energy[some] = kwh_per_s * (stop_s[some] - start_s[some])
        emissions[some] = kwh_per_s * weighted.integral(start_s[some], stop_s[some])
        if isinstance(ratio, StepFunction):
            facility[some] = kwh_per_s * ratio.integral(start_s[some], stop_s[some])
        else:
            facility[some] = energy[some] * ratio
    return Totals(energy, facility, emissions, intensity.kind)


def _check(
    start_s: NDArray[np.float64],
    stop_s: NDArray[np.float64],
    power_w: NDArray[np.float64],
    covered: StepFunction,
) -> None:
    """Raise for the first use that cannot be charged."""
    low_s, high_s = covered.edges_s[[0, -1]]
    rules = (
        (~(stop_s >= start_s), stop_s, "stop", "must not be before start"),
        (
            ~((start_s >= low_s) & (stop_s <= high_s)),
            start_s,
            "start",
            f"to stop lies outside of {covered.name}, which covers {instant_text(low_s)} to "
            f"{instant_text(high_s)}; load the missing hours, nothing is extrapolated",
        ),
        (
            ~(np.isfinite(power_w) & (power_w >= 0)),
            power_w,
            "power_w",
            "W must be finite and >= 0",
        ),
    )
    for bad, values, name, rule in rules:
        if bad.any():
            row = int(bad.argmax())
            value = f"{values[row]:g}" if name == "power_w" else instant_text(float(values[row]))
            raise ValueError(f"use {row}, {name!r}: {value} {rule}.")
