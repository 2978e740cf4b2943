"""What no schedule gets below where jobs may wait, pause and be slowed down, on a finite machine.

A job that may be paused for nothing and slowed down at will is a fluid: at each instant it runs
under some cap or not at all, and all that is asked is that its work is done in its window. Policies
that hold jobs, pause them at a price or cap them by rules do no better than that.

Let a node-second cost lambda(t) >= 0 and a second of work be worth theta_j. Under a cap of the share
c a job of n nodes and power P runs at speed c**gamma (`helpers.phases.Throttle`), so that

    q(lambda) = sum over j of max over theta of [ theta W_j + integral over its window of
                min(0, min over c of (I P c - theta c**gamma) + lambda n) ] - integral of C lambda

is a lower bound on the emissions of every schedule that keeps to the capacity, by weak duality,
whatever lambda and theta [1]_. The inner minimum has a closed form, theta is bisected, and lambda is
climbed by L-BFGS-B; what is reported is the best of all bounds met.

References
----------
.. [1] A. M. Geoffrion, "Lagrangean relaxation for integer programming", Mathematical Programming
   Study 2, 1974.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.timeline import Times
from helpers.work.workload import Workload

__all__ = ["Throttled", "least_throttled"]

_BISECTIONS = 40
_ROUNDING = 1e-9  # relative; sums of some hundred thousand terms lose less


@dataclass(frozen=True, eq=False)
class Throttled:
    """What is known of jobs that may wait, pause and run under a cap.

    Parameters
    ----------
    lower_g : float
        No schedule that keeps to the capacity emits less [g CO2e]; rounding is taken off.
    endless_g : float
        The same on endless capacity [g CO2e].
    history : ndarray of float
        The bound after each evaluation [g CO2e].
    """

    lower_g: float
    endless_g: float
    history: NDArray[np.float64]


def least_throttled(
    work: Workload,
    capacity: float,
    intensity: Intensity,
    deadline_s: ArrayLike,
    *,
    origin: Times | None = None,
    least_share: float = 1.0,
    iterations: int = 30,
) -> Throttled:
    """Bound the emissions of jobs that may wait, pause for nothing and run under caps.

    Parameters
    ----------
    work : Workload
        Jobs of constant power and without start-up. How a cap slows them down is its `Throttle`.
    capacity : float
        Cores there are.
    intensity : Intensity
        Carbon intensity over all windows.
    deadline_s : array_like of float, shape (n,)
        When each job must be done [s since second 0].
    origin : instant, optional
        When second 0 is; by default the workload's own.
    least_share : float
        Deepest cap, as a share of a job's power, in (0, 1]; 1: no caps.
    iterations : int
        Steps of the search for prices.

    Returns
    -------
    Throttled
        The bound.

    Raises
    ------
    ValueError
        If a job has phases or a start-up, a deadline leaves no room for its work, or a number is
        out of range.
    """
    from scipy import optimize

    if not 0 < least_share <= 1:
        raise ValueError(f"least_share(={least_share}) must lie in (0, 1].")
    if iterations < 1 or not capacity >= 0:
        raise ValueError(f"iterations(={iterations}) must be >= 1, capacity(={capacity}) >= 0.")
    ends_s, origin_s = np.asarray(deadline_s, np.float64), work.origin_s(origin)
    fluid = _Fluid.of(work, capacity, intensity, origin_s, ends_s, least_share)
    endless_g, _ = fluid.dual(np.zeros(fluid.rate.size))
    history = [endless_g]

    def falls(price: NDArray) -> tuple[float, NDArray]:
        """Return what is minimised, and its slope, both scaled to about 1."""
        bound_g, slope = fluid.dual(price * fluid.unit_g)
        history.append(bound_g)
        return -bound_g / abs(endless_g), -slope * fluid.unit_g / abs(endless_g)

    optimize.minimize(
        falls,
        np.zeros(fluid.rate.size),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * fluid.rate.size,
        options={"maxfun": iterations},
    )
    best_g = max(history)
    return Throttled(best_g - _ROUNDING * abs(best_g), endless_g, np.array(history))


@dataclass(frozen=True, eq=False)
class _Fluid:
    """Jobs as fluids on steps of constant intensity."""

    rate: NDArray[np.float64]  # of each step [g/J], shape (k,)
    overlap_s: NDArray[np.float64]  # of each job's window with each step, shape (n, k)
    length_s: NDArray[np.float64]  # of each step
    work_s: NDArray[np.float64]  # of each job at full speed, shape (n,)
    power_w: NDArray[np.float64]
    cores: NDArray[np.float64]
    capacity: float
    gamma: float
    least_share: float

    @classmethod
    def of(
        cls,
        work: Workload,
        capacity: float,
        intensity: Intensity,
        origin_s: float,
        deadline_s: NDArray,
        least_share: float,
    ) -> _Fluid:
        """Lay jobs and intensity on one axis."""
        jobs = work.jobs
        release_s, run_s = (jobs[n].to_numpy(np.float64) for n in ("submit_s", "run_s"))
        if work.startup_s.any() or np.any(work.end_s) or (jobs["model"].to_numpy() >= 0).any():
            raise ValueError(
                "work has jobs with phases or a start-up, which are no fluid: give jobs of constant "
                "power."
            )
        if work.throttle is None and least_share < 1:
            raise ValueError("work has no throttle: how a cap slows a job down is not known.")
        late = np.flatnonzero(deadline_s - release_s < run_s * (1 - 1e-12))
        if late.size:
            raise ValueError(
                f"deadline_s[{late[0]}] = {deadline_s[late[0]]} leaves no room for "
                f"{run_s[late[0]]} s of work from {release_s[late[0]]} s on."
            )
        part = intensity.window(origin_s + release_s.min(), origin_s + deadline_s.max())
        edges_s = part.edges_s - origin_s
        ends = np.minimum(deadline_s[:, None], edges_s[1:])
        return cls(
            rate=part.intensity_g_per_kwh / JOULES_PER_KWH,
            overlap_s=np.maximum(0.0, ends - np.maximum(release_s[:, None], edges_s[:-1])),
            length_s=np.diff(edges_s),
            work_s=run_s,
            power_w=work.work_power_w.astype(np.float64),
            cores=jobs["processors"].to_numpy(np.float64),
            capacity=float(capacity),
            gamma=1.0 if work.throttle is None else work.throttle.exponent,
            least_share=least_share,
        )

    @property
    def unit_g(self) -> float:
        """A price of the size that matters: the mean emissions of a core-second [g]."""
        return float(np.abs(self.rate).mean() * (self.power_w / self.cores).mean())

    def dual(self, price: NDArray) -> tuple[float, NDArray]:
        """Return the bound at some prices [g per core-second], and its slope by each."""
        burn = self.rate * self.power_w[:, None]  # g/s at full power, shape (n, k)
        paid = self.cores[:, None] * price
        low = np.zeros(self.work_s.size)
        high = np.abs(burn).max(axis=1) / max(self.gamma, 1e-3) + paid.max(axis=1)
        for _ in range(_BISECTIONS):
            worth = (low + high) / 2
            _, done_s, _ = self._response(burn, paid, worth)
            enough = done_s >= self.work_s
            high, low = np.where(enough, worth, high), np.where(enough, low, worth)
        cost, _, busy_s = self._response(burn, paid, high)
        bound_g = (high * self.work_s + cost).sum() - self.capacity * (price @ self.length_s)
        return float(bound_g), self.cores @ busy_s - self.capacity * self.length_s

    def _response(
        self, burn: NDArray, paid: NDArray, worth: NDArray
    ) -> tuple[NDArray, NDArray, NDArray]:
        """Return what each job pays less the worth of its work, the work done, and when it runs."""
        theta = worth[:, None]
        share = self._share(burn, theta)
        speed = share**self.gamma
        gain = burn * share - theta * speed + paid
        busy_s = np.where(gain < 0, self.overlap_s, 0.0)
        return (gain * busy_s).sum(axis=1), (speed * busy_s).sum(axis=1), busy_s

    def _share(self, burn: NDArray, theta: NDArray) -> NDArray[np.float64]:
        """Return the cap that is best at a worth of work, as a share of the power."""
        if self.least_share == 1:
            return np.ones_like(burn)
        if self.gamma == 1:
            return np.where(theta > burn, 1.0, self.least_share)
        with np.errstate(divide="ignore", over="ignore"):
            best = (theta * self.gamma / np.maximum(burn, 1e-300)) ** (1 / (1 - self.gamma))
        return np.clip(best, self.least_share, 1.0)
