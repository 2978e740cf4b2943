"""The best start of a job that nobody knows the length of: by expected emissions, exact.

**Problem.** A job draws the power p while it runs, and runs for L_1 < ... < L_k with probabilities
w_1, ..., w_k. Started at s, it is expected to emit

    E f(s) = sum over i of w_i p (C(s + L_i) - C(s)),   C(t) = integral of the intensity up to t.

**It is a job with phases.** At age a it still runs with probability S(a) = sum of w_i with L_i > a,
so E f(s) is what a job emits that draws p S(a) at age a: k phases, each of less power than the one
before. `helpers.schedule.start` finds its best start exactly, in continuous time, and nothing is
sampled.

A single length, a median or a mean, is the special case of one phase. It starts where the mean
intensity over that length is least, and does not see that half of the jobs end before, in the
first hours, whose intensity therefore counts most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.phases.model import Phase, PhaseModel
from helpers.schedule.start import Starts, best_starts
from helpers.timeline import Times, epoch_seconds

__all__ = ["best_expected_starts", "distribution", "expected_emissions_g", "expected_job"]


def expected_job(lengths_s: ArrayLike, weights: ArrayLike, power_w: float = 1.0) -> PhaseModel:
    """Return the job with phases that emits what one of unknown length is expected to.

    Parameters
    ----------
    lengths_s : array_like, shape (k,)
        Lengths it may have [s], > 0; equal ones are added up.
    weights : array_like, shape (k,)
        Probability of each [1], >= 0, adding up to 1.
    power_w : float
        Power while it runs [W].

    Raises
    ------
    ValueError
        If shapes differ, or a value breaks its rule.
    """
    lengths, shares = distribution(lengths_s, weights)
    borders, place = np.unique(lengths[shares > 0], return_inverse=True)
    left = np.bincount(place, shares[shares > 0])[::-1].cumsum()[::-1]
    lasts = np.diff(borders, prepend=0.0)
    phases = [Phase("runs", float(s), float(power_w * p)) for s, p in zip(lasts, left, strict=True)]
    return PhaseModel("of unknown length", (), tuple(phases))


def distribution(lengths_s: ArrayLike, weights: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return lengths [s] and their probabilities as arrays, or refuse what is no distribution."""
    lengths, shares = (np.asarray(v, dtype=np.float64) for v in (lengths_s, weights))
    if lengths.ndim != 1 or lengths.shape != shares.shape or not lengths.size:
        raise ValueError(
            f"lengths_s has shape {lengths.shape}, weights {shares.shape}: give one weight a length."
        )
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError(f"lengths_s(={lengths.tolist()}) must be finite and > 0.")
    if not ((shares >= 0).all() and abs(shares.sum() - 1) < 1e-9):
        raise ValueError(f"weights(={shares.tolist()}) must be >= 0 and add up to 1.")
    return lengths, shares


def expected_emissions_g(
    intensity: Intensity,
    start: Times,
    lengths_s: ArrayLike,
    weights: ArrayLike,
    power_w: float = 1.0,
) -> NDArray[np.float64]:
    """Return what a job of unknown length is expected to emit, from each start [g CO2e].

    Parameters
    ----------
    intensity : Intensity
        Carbon intensity up to the end of the longest length.
    start : instants, shape (n,)
        Starts.
    lengths_s, weights, power_w
        As in `expected_job`.
    """
    lengths, shares = distribution(lengths_s, weights)
    start_s = np.atleast_1d(epoch_seconds(start))[:, None]
    each = intensity.integral(
        np.broadcast_to(start_s, (len(start_s), len(lengths))), start_s + lengths
    )
    return power_w * (each @ shares) / JOULES_PER_KWH


def best_expected_starts(
    lengths_s: NDArray[np.float64],
    weights: ArrayLike,
    intensity: Intensity,
    release: Times,
    longest_wait_s: float,
) -> Starts:
    """Find for many jobs of unknown length the start with the least expected emissions.

    Parameters
    ----------
    lengths_s : ndarray of float, shape (n, k)
        Lengths each job may have [s]: quantiles of its predicted distribution.
    weights : array_like, shape (k,)
        Probability of each [1].
    intensity : Intensity
        Carbon intensity up to the longest end.
    release : instants, shape (n,)
        Earliest start of each job.
    longest_wait_s : float
        How much later it may start [s], >= 0.

    Returns
    -------
    Starts
        Starts, and expected emissions of a job of one watt.

    Raises
    ------
    ValueError
        If a distribution breaks a rule of `expected_job`, or the intensity does not cover a window.
    """
    if not longest_wait_s >= 0:
        raise ValueError(f"longest_wait_s(={longest_wait_s}) must be >= 0.")
    lengths = np.atleast_2d(np.asarray(lengths_s, dtype=np.float64))
    jobs = [expected_job(row, weights) for row in lengths]
    deadline_s = epoch_seconds(release) + longest_wait_s + lengths.max(axis=1)
    return best_starts(jobs, intensity, release, deadline_s)
