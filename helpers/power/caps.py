"""What power limits do to training, as measured: time and power at each limit.

The tables say for each network, batch size and limit how long an epoch takes and what the GPU draws
on average. The rest of a machine is not in them: it draws as long as the job runs, and what
it draws decides how far it pays to slow down.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["CapCurve", "best_limits", "cap_curves", "fit_exponent", "left_out_errors"]


@dataclass(frozen=True, eq=False)
class CapCurve:
    """One job under power limits.

    Parameters
    ----------
    name : str
        What was measured.
    cap_w : ndarray of float, shape (n,)
        Power limits [W], increasing; the last is taken as no limit.
    speed : ndarray of float, shape (n,)
        Work done in a second, in seconds of work at the last limit [1].
    power_w : ndarray of float, shape (n,)
        Mean power drawn [W].

    Raises
    ------
    ValueError
        If there are no two limits, they do not increase, or a value is not > 0.
    """

    name: str
    cap_w: NDArray[np.float64]
    speed: NDArray[np.float64]
    power_w: NDArray[np.float64]

    def __post_init__(self) -> None:
        for key in ("cap_w", "speed", "power_w"):
            values = np.asarray(getattr(self, key), dtype=np.float64)
            if values.shape != np.shape(self.cap_w) or not (values > 0).all():
                raise ValueError(f"{self.name}: {key} must be > 0, one value a limit.")
            object.__setattr__(self, key, values)
        if len(self.cap_w) < 2 or not (np.diff(self.cap_w) > 0).all():
            raise ValueError(f"{self.name}: cap_w must hold two limits or more, increasing.")

    def energy(self, rest_w: float = 0.0) -> NDArray[np.float64]:
        """Return the energy of the same work at each limit, as a share of that at the last.

        Parameters
        ----------
        rest_w : float
            Power of the rest of the machine while the job runs [W].
        """
        joules = (self.power_w + rest_w) / self.speed
        return joules / joules[-1]

    def best(self, rest_w: float = 0.0) -> int:
        """Return the number of the limit with the least energy.

        As long as the intensity does not change it has the least emissions, too.
        """
        return int(np.argmin(self.energy(rest_w)))


def cap_curves(table: pd.DataFrame) -> list[CapCurve]:
    """Return a curve for each GPU, data set, network, batch size and optimizer.

    Parameters
    ----------
    table : DataFrame
        Columns ``gpu, dataset, network, batch_size, optimizer, power_limit, time_per_epoch,
        average_power`` [W, s, W]. Repeats at one limit are averaged; what was measured at one
        limit only is left out, since it says nothing about limits.
    """
    keys = ["gpu", "dataset", "network", "batch_size", "optimizer"]
    values = table.groupby([*keys, "power_limit"], sort=True)[["time_per_epoch", "average_power"]]
    mean = values.mean()
    number = mean.groupby(level=keys, sort=True).ngroup().to_numpy()
    # Cut by number and not group by group, which would take most of the time of every fit.
    cuts = np.flatnonzero(np.diff(number, prepend=-1, append=-1))
    caps_w = mean.index.get_level_values("power_limit")
    time_s, power_w = mean.to_numpy(dtype=np.float64).T
    curves = []
    for low, high in pairwise(cuts.tolist()):
        if high - low > 1:
            curves.append(
                CapCurve(
                    ", ".join(map(str, mean.index[low][:-1])),
                    caps_w[low:high].to_numpy(dtype=np.float64),
                    time_s[high - 1] / time_s[low:high],
                    power_w[low:high],
                )
            )
    return curves


def fit_exponent(curves: list[CapCurve]) -> float:
    """Return the exponent of `helpers.phases.Throttle` with the least absolute error of log time.

    A job that draws less than a limit is not slowed down by it; without a limit it draws what it
    was measured to draw at the last.

    Raises
    ------
    ValueError
        If no limit slows any job down.
    """
    depth = np.concatenate([_depth(curve) for curve in curves])
    slowed = np.concatenate([-np.log(curve.speed) for curve in curves])
    bites = depth > 0
    if not bites.any():
        raise ValueError("no limit lies below the power without one: nothing can be fitted.")
    # The least sum of |slowed - exponent x depth| is at the median of the ratios, each weighing as
    # its depth. Least squares would follow the few jobs that slow down far more than the others.
    ratio, weight = slowed[bites] / depth[bites], depth[bites]
    order = np.argsort(ratio)
    middle = np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())
    return float(np.clip(ratio[order][middle], 0.0, 1.0))


def left_out_errors(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return how well the exponent of the others says the times of those left out.

    Parameters
    ----------
    table : DataFrame
        As for `cap_curves`.
    by : str
        Column whose values are left out one by one, e.g. "gpu" or "network".

    Returns
    -------
    DataFrame
        One row a value: ``exponent`` of the others, ``curves`` left out, and the mean absolute
        error of their times [%], over all limits and over those that lie below the power
        without one (NaN where none does).
    """
    rows = []
    for value in sorted(table[by].unique()):
        exponent = fit_exponent(cap_curves(table[table[by] != value]))
        left = cap_curves(table[table[by] == value])
        depth = np.concatenate([_depth(curve) for curve in left])
        slowed = -np.log(np.concatenate([curve.speed for curve in left]))
        wrong = 100 * np.abs(np.expm1(exponent * depth - slowed))
        below = wrong[depth > 0].mean() if (depth > 0).any() else np.nan
        rows.append((value, exponent, len(left), wrong.mean(), below))
    columns = [by, "exponent", "curves", "error_percent", "error_below_percent"]
    return pd.DataFrame(rows, columns=columns).set_index(by)


def _depth(curve: CapCurve) -> NDArray[np.float64]:
    """Return how far each limit lies below the power without one, as a logarithm; 0 if above."""
    return np.maximum(np.log(curve.power_w[-1] / curve.cap_w), 0.0)


def best_limits(table: pd.DataFrame, rest_w: float = 0.0) -> pd.DataFrame:
    """Return, for each GPU, what the limit of least energy of each of its jobs saves and costs.

    Parameters
    ----------
    table : DataFrame
        As for `cap_curves`.
    rest_w : float
        Power of the rest of the machine while a job runs [W].

    Returns
    -------
    DataFrame
        One row a GPU: ``curves``, the median ``cap_w`` [W], and means over its jobs of the energy
        ``saved_percent`` and the time ``longer_percent`` against the last limit [%].
    """
    rows = []
    for gpu, own in table.groupby("gpu", sort=True):
        curves = cap_curves(own)
        best = [curve.best(rest_w) for curve in curves]
        pairs = list(zip(curves, best, strict=True))
        rows.append(
            (
                gpu,
                len(curves),
                float(np.median([curve.cap_w[i] for curve, i in pairs])),
                100 * (1 - float(np.mean([curve.energy(rest_w)[i] for curve, i in pairs]))),
                100 * (float(np.mean([1 / curve.speed[i] for curve, i in pairs])) - 1),
            )
        )
    columns = ["gpu", "curves", "cap_w", "saved_percent", "longer_percent"]
    return pd.DataFrame(rows, columns=columns).set_index("gpu")
