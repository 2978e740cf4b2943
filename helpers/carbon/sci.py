"""The Software Carbon Intensity: grams for one functional unit, and when a new device pays back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from helpers.carbon.signal import JOULES_PER_KWH, Kind, one_kind
from helpers.carbon.uses import checked

__all__ = ["Score", "payback_s"]


@dataclass(frozen=True)
class Score:
    """A Software Carbon Intensity: grams for one functional unit.

    Parameters
    ----------
    energy_kwh : float
        Energy, PUE included [kWh]; E.
    intensity_g_per_kwh : float
        Carbon intensity of that energy [g CO2e/kWh]; I.
    embodied_g : float
        Embodied emissions [g CO2e]; M.
    units : float
        Number of functional units, > 0; R.
    unit : str
        What one unit is, for example ``"training run"``.
    kind : {"average", "marginal"} or None
        Kind of the intensity; the specification allows both, of one grid.

    Raises
    ------
    ValueError
        If a number is not finite or out of range, or the unit has no name.

    References
    ----------
    ISO/IEC 21031:2024, "Software Carbon Intensity (SCI) specification".
    https://sci.greensoftware.foundation
    """

    energy_kwh: float
    intensity_g_per_kwh: float
    embodied_g: float
    units: float
    unit: str
    kind: Kind | None = "average"

    def __post_init__(self) -> None:
        checked("energy_kwh", self.energy_kwh, unit=" kWh")
        lowest = -math.inf if self.kind == "marginal" else 0.0
        checked("intensity_g_per_kwh", self.intensity_g_per_kwh, lowest=lowest, unit=" g/kWh")
        checked("embodied_g", self.embodied_g, unit=" g")
        checked("units", self.units, above=True)
        if not self.unit.strip():
            raise ValueError("unit must name the functional unit, for example 'training run'.")

    @property
    def operational_g(self) -> float:
        """O = E x I [g CO2e]."""
        return self.energy_kwh * self.intensity_g_per_kwh

    @property
    def score_g(self) -> float:
        """SCI = (E x I + M) / R [g CO2e per functional unit]."""
        return (self.operational_g + self.embodied_g) / self.units

    def __add__(self, other: Score) -> Score:
        """Return the score of two components of one software, counted for the same units."""
        kind = one_kind("a score", [self.kind, other.kind])
        if (self.unit, self.units) != (other.unit, other.units):
            raise ValueError(
                f"scores per {self.units:g} {self.unit!r} and {other.units:g} {other.unit!r} "
                "cannot be added; count both components for the same functional units."
            )
        energy_kwh = self.energy_kwh + other.energy_kwh
        operational_g = self.operational_g + other.operational_g
        intensity = operational_g / energy_kwh if energy_kwh else 0.0
        made_g = self.embodied_g + other.embodied_g
        return Score(energy_kwh, intensity, made_g, self.units, self.unit, kind)


def payback_s(
    embodied_g: float, saved_w: float, intensity_g_per_kwh: float, *, pue: float = 1.0
) -> float:
    """Return how long a new device must run to save what making it emitted [s].

    Parameters
    ----------
    embodied_g : float
        Emissions of making it [g CO2e].
    saved_w : float
        Mean power that it draws less than the old one for the same work [W].
    intensity_g_per_kwh : float
        Mean carbon intensity over that time [g CO2e/kWh].
    pue : float
        Power usage effectiveness, >= 1.

    Returns
    -------
    float
        Infinite if nothing is saved.

    Raises
    ------
    ValueError
        If a number is not finite or out of range.

    Notes
    -----
    The old device's own making is spent either way and does not count.
    """
    checked("embodied_g", embodied_g, unit=" g")
    checked("intensity_g_per_kwh", intensity_g_per_kwh, unit=" g/kWh")
    checked("saved_w", saved_w, lowest=-math.inf)
    checked("pue", pue, lowest=1.0)
    saved_g_per_s = saved_w * pue * intensity_g_per_kwh / JOULES_PER_KWH
    return embodied_g / saved_g_per_s if saved_g_per_s > 0 else math.inf
