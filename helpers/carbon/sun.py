"""How high the sun stands: what a rule goes by that follows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["sun_elevation"]


def sun_elevation(latitude: float, longitude: float, epoch_s: ArrayLike) -> NDArray[np.float64]:
    """Return how high the sun stands above the horizon [degrees], shape of `epoch_s`.

    Parameters
    ----------
    latitude, longitude : float
        North and east positive [degrees].
    epoch_s : array_like of float
        Instants, epoch seconds [s].

    Notes
    -----
    By mean solar time, to some degrees: which of several places has the higher sun, not when it
    rises. The declination is that of [1]_.

    References
    ----------
    .. [1] P. I. Cooper, "The absorption of radiation in solar stills", Solar Energy 12(3), 1969.
    """
    day = np.asarray(epoch_s, dtype=np.float64) / 86_400.0
    of_year = np.mod(day, 365.2425) + 1.0
    tilt = np.radians(23.45) * np.sin(2 * np.pi * (284.0 + of_year) / 365.0)
    turn = 2 * np.pi * (np.mod(day, 1.0) - 0.5) + np.radians(longitude)
    north = np.radians(latitude)
    height = np.sin(north) * np.sin(tilt) + np.cos(north) * np.cos(tilt) * np.cos(turn)
    return np.degrees(np.arcsin(np.clip(height, -1.0, 1.0)))
