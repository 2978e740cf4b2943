"""The price of delay: the multiplier of Lagrange that holds a limit on the mean delay.

A policy that weighs grams against delay needs what an hour of delay is worth. One price for all
weeks makes mean delays that differ from week to week, as jobs and grids do. A limit that is to hold
needs a price that follows: `Price` with a limit rises while jobs have waited longer than the limit
so far and falls while they have not. It is dual ascent while the policy is in use, and the queue of
hours owed is the virtual queue of drift-plus-penalty control [1]_. It knows only what has happened.

References
----------
.. [1] M. J. Neely, "Stochastic Network Optimization with Application to Communication and Queueing
   Systems", Morgan & Claypool 2010, chapter 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from helpers.decide.view import View
from helpers.learn.observation import Observer

__all__ = ["Price", "as_price", "price_at"]


class Price:
    """What an hour of one job's delay is worth.

    Parameters
    ----------
    first_kwh : float
        At first, and for good without a limit [kWh at the mean intensity of the week before].
    limit_h : float
        Mean delay of all jobs that is to be held [h]; infinite: the price stays.
    gain : float
        By how much the logarithm of the price rises when the mean delay is twice the limit.
    credit : int
        Jobs taken to have come before, that waited just as long as the limit: how soon a few that
        wait move the price.

    Raises
    ------
    ValueError
        If one of them is out of range.
    """

    def __init__(
        self, first_kwh: float, limit_h: float = np.inf, *, gain: float = 2.0, credit: int = 400
    ) -> None:
        if not 0 <= first_kwh < np.inf:
            raise ValueError(f"first_kwh(={first_kwh}) must be >= 0 and finite.")
        if not limit_h > 0:
            raise ValueError(f"limit_h(={limit_h}) must be > 0.")
        if not (gain >= 0 and credit >= 1):
            raise ValueError(f"gain(={gain}) must be >= 0, credit(={credit}) at least 1.")
        self.first_kwh, self.limit_h, self.gain, self.credit = first_kwh, limit_h, gain, credit

    def begin(self, view: View) -> None:
        """Forget earlier replays."""
        self._owed_h, self._came, self._waited_h = 0.0, 0, 0.0

    def now_kwh(self, view: View, observer: Observer) -> float:
        """Return the price now [kWh]."""
        if self.limit_h == np.inf:
            return self.first_kwh
        came, waited_h = observer.delay_h(view)
        more_h = waited_h - self._waited_h - self.limit_h * (came - self._came)
        self._came, self._waited_h = came, waited_h
        # What was not used up is no credit for ever: a quiet day must not pay for a bad one.
        credit_h = self.limit_h * self.credit
        self._owed_h = max(self._owed_h + more_h, -credit_h)
        return self.first_kwh * math.exp(self.gain * min(self._owed_h / credit_h, 5.0))


def as_price(price: float | Price) -> Price:
    """Return a price that stays, if it is a number."""
    return price if isinstance(price, Price) else Price(float(price))


def price_at(limit_h: float, prices_kwh: Sequence[float], delays_h: Sequence[float]) -> float:
    """Return the price at which a mean delay was had, between those tried.

    Parameters
    ----------
    limit_h : float
        The mean delay [h].
    prices_kwh, delays_h : sequence of float
        Prices tried, rising, and the mean delay at each [h].

    Returns
    -------
    float
        The price [kWh], its logarithm interpolated; the first or last where no price tried delays
        as much or as little.
    """
    falling = np.minimum.accumulate(delays_h)  # what noise there is must not turn it round
    logs = np.log(np.asarray(prices_kwh, dtype=np.float64))
    return float(np.exp(np.interp(-limit_h, -falling, logs)))
