"""What a power cap does to a job: less power, less speed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Throttle"]


@dataclass(frozen=True)
class Throttle:
    """How fast work goes under a power cap: speed = min(1, cap / power) ** exponent.

    Parameters
    ----------
    exponent : float
        0 to 1. With 1 a cap saves no energy at all; the smaller it is, the less a cap slows down.

    Raises
    ------
    ValueError
        If the exponent is out of range.

    Notes
    -----
    Under a cap a phase draws the smaller of its power and the cap. Dynamic power grows with
    frequency and voltage, faster than speed does. A square root describes the time of training on
    four GPUs under power limits [1]_ with a mean error of 6 %, and of 11 % where the limit lies
    below the power without one; `helpers.power.caps` fits the exponent, which differs by GPU.

    References
    ----------
    .. [1] J. You, J.-W. Chung, M. Chowdhury, "Zeus: Understanding and Optimizing GPU Energy
       Consumption of DNN Training", NSDI 2023 (its measured tables).
    """

    exponent: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.exponent <= 1:
            raise ValueError(f"exponent(={self.exponent}) must lie in 0 to 1.")

    def speed(self, power_w: ArrayLike, cap_w: ArrayLike) -> NDArray[np.float64]:
        """Return the speed of phases of these powers [W] under caps [W], 1 without one."""
        power_w = np.asarray(power_w, dtype=np.float64)
        share = np.ones(np.broadcast_shapes(power_w.shape, np.shape(cap_w)))
        np.divide(cap_w, power_w, out=share, where=power_w > 0)
        return np.minimum(share, 1.0) ** self.exponent

    def clock_s(self, edges_s: NDArray, power_w: NDArray, cap_w: float) -> NDArray[np.float64]:
        """Return when a capped profile reaches each of its edges [s], shape of `edges_s`.

        Parameters
        ----------
        edges_s : ndarray of float, shape (n + 1,)
            Borders of the phases without a cap, from 0 on [s].
        power_w : ndarray of float, shape (n,)
            Power of each phase [W].
        cap_w : float
            The cap [W].
        """
        lasts_s = np.diff(edges_s) / self.speed(power_w, cap_w)
        return np.append(0.0, np.cumsum(lasts_s))
