"""Make predicted quantiles true in the long run, whatever the model: quantile tracking.

A quantile of level q should be exceeded by a share 1 - q of jobs. Whenever it becomes known
whether one was, all later ones move: up by step x q if it was exceeded, else down by
step x (1 - q). If the moves neither run away, the share exceeded tends to 1 - q for any sequence
of jobs, since the sum of moves stays bounded; no assumption about jobs is needed [1]_.

**When it becomes known.** That a run time has passed a quantile is known when it does, long before
the job ends. Waiting for the end would hear of short jobs first and believe that all are short.

References
----------
.. [1] A. N. Angelopoulos, E. J. Candes, R. J. Tibshirani, "Conformal PID control for time series
   prediction", NeurIPS 2023, section 2.1; after I. Gibbs, E. Candes, "Adaptive conformal
   inference under distribution shift", NeurIPS 2021.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

__all__ = ["shift_by", "track"]


def track(
    quantiles: NDArray[np.float64],
    truth: NDArray[np.float64],
    levels: NDArray[np.float64],
    submit_s: NDArray[np.float64],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    *,
    step: float,
    passed: bool,
) -> NDArray[np.float64]:
    """Return quantiles shifted by what had come when each was asked for.

    Parameters
    ----------
    quantiles : ndarray of float, shape (n, k)
        Predicted quantiles in order of submission, on the scale on which to shift.
    truth : ndarray of float, shape (n,)
        What came, on the same scale.
    levels : ndarray of float, shape (k,)
        Level of each quantile [1].
    submit_s, start_s, end_s : ndarray of float, shape (n,)
        When each was asked for, when the job started and when it ended [s].
    step : float
        How far one job moves a quantile at most, > 0.
    passed : bool
        True if the scale is the logarithm of the run time [s], so that it shows when the job has
        run past a quantile; False if nothing shows before the end.

    Returns
    -------
    ndarray of float, shape (n, k)
        Rising along each row.

    Raises
    ------
    ValueError
        If `step` is not > 0 or submissions are not in order.
    """
    if not step > 0:
        raise ValueError(f"step(={step}) must be > 0.")
    if (np.diff(submit_s) < 0).any():
        raise ValueError("submit_s must not fall: sort the jobs by submission.")
    return _tracked(quantiles, truth, levels, (submit_s, start_s, end_s), step, passed)[0]


def shift_by(
    quantiles: NDArray[np.float64],
    truth: NDArray[np.float64],
    levels: NDArray[np.float64],
    submit_s: NDArray[np.float64],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    *,
    now_s: float,
    step: float,
    passed: bool,
) -> NDArray[np.float64]:
    """Return by how much `track` shifts each level at an instant, shape (k,).

    Parameters
    ----------
    quantiles, truth, levels, submit_s, start_s, end_s, step, passed
        As for `track`, all jobs submitted before the instant.
    now_s : float
        The instant [s].
    """
    times = (submit_s, start_s, end_s)
    return _tracked(quantiles, truth, levels, times, step, passed, now_s)[1]


def _tracked(
    quantiles: NDArray,
    truth: NDArray,
    levels: NDArray,
    times: tuple[NDArray, NDArray, NDArray],
    step: float,
    passed: bool,
    now_s: float = np.inf,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shifted quantiles, and the shifts by all that has shown at an instant."""
    submit_s, start_s, end_s = times
    shift = [0.0] * len(levels)
    up, down = (step * levels).tolist(), (step * (1 - levels)).tolist()
    shown: list[tuple[float, int, bool]] = []  # when, of which level, whether exceeded
    issued = np.empty_like(quantiles)
    for i, now_s in enumerate(submit_s.tolist()):
        while shown and shown[0][0] <= now_s:
            _, k, exceeded = heapq.heappop(shown)
            shift[k] += up[k] if exceeded else -down[k]
        issued[i] = np.maximum.accumulate(quantiles[i] + shift)
        exceeded_all = (truth[i] > issued[i]).tolist()
        for k, exceeded in enumerate(exceeded_all):
            when = end_s[i]
            if passed and exceeded:
                when = start_s[i] + np.exp(issued[i, k])
            heapq.heappush(shown, (float(when), k, exceeded))
    for when, k, exceeded in shown:
        if when <= now_s:
            shift[k] += up[k] if exceeded else -down[k]
    return issued, np.array(shift)
