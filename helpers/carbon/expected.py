"""What is expected at an instant, from what is known by then: forecasts for rules that decide online.

`helpers.carbon.forecast` makes forecasts for many issue times at once; here each is a function of
the present.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import Forecasts, Intensity, same_kind
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds

__all__ = ["Forecaster", "forecaster", "hindsight", "last_period", "newest_forecast"]


class Forecaster(Protocol):
    """What is expected at an instant, from what is known by then.

    Called with an epoch second [s] it returns an `Intensity` that covers the time from then to
    the deadline. It may return the same object as before when nothing new is known; a plan is
    then kept, since planning again on the same forecast would not change it.
    """

    def __call__(self, now_s: float) -> Intensity:
        """Return what is expected from `now_s` on."""


def hindsight(intensity: Intensity) -> Forecaster:
    """Return the forecaster that knows the future, for an upper limit of what can be reached."""

    def forecast(now_s: float) -> Intensity:
        """Return the truth, whenever it is asked for."""
        return intensity

    return forecast


def last_period(observed: Intensity, deadline: Times, *, period: Duration = "1D") -> Forecaster:
    """Return the forecaster that repeats the last period observed.

    Parameters
    ----------
    observed : Intensity
        What is observed as time goes by; it begins a period before the first question. At any
        instant it is looked at up to the end of the step under way, whose value is known.
    deadline : instant
        Up to where forecasts reach.
    period : duration
        Length of what is repeated; a day keeps the daily rhythm.

    Returns
    -------
    Forecaster
        Raises ValueError when asked before a period was observed.
    """
    period_s, deadline_s = duration_seconds(period), float(epoch_seconds(deadline))
    last: dict[float, Intensity] = {}

    def forecast(now_s: float) -> Intensity:
        """Return the period that ends with the last known step, again and again."""
        known_s = _known_until_s(observed, now_s, deadline_s)
        if known_s not in last:
            last.clear()
            last[known_s] = _repeated(observed.window(known_s - period_s, known_s), deadline_s)
        return last[known_s]

    return forecast


def newest_forecast(
    forecasts: Forecasts, observed: Intensity, deadline: Times, *, period: Duration = "1D"
) -> Forecaster:
    """Return the forecaster that takes the newest forecast issued, and the last period beyond it.

    Parameters
    ----------
    forecasts : Forecasts
        What was forecast, and when. At any instant only those issued by then are used.
    observed, deadline, period
        As in `last_period`, which fills in after the last lead of a forecast.

    Returns
    -------
    Forecaster
        Raises ValueError when asked before the first forecast, or where the newest is too old
        to say anything of the present.

    Raises
    ------
    ValueError
        If one is average and the other marginal.
    """
    same_kind(forecasts, observed)
    deadline_s = float(epoch_seconds(deadline))
    repeat = last_period(observed, deadline, period=period)
    last: dict[tuple[float, float], Intensity] = {}

    def forecast(now_s: float) -> Intensity:
        """Return what is known, then what was forecast last, then the last period."""
        issued = forecasts.issued_at(now_s)
        known_s = _known_until_s(observed, now_s, deadline_s)
        key = (float(issued.edges_s[0]), known_s)
        if key not in last:
            last.clear()
            last[key] = _overlaid(repeat(now_s), issued, known_s)
        return last[key]

    return forecast


def _known_until_s(observed: Intensity, now_s: float, deadline_s: float) -> float:
    observed.at(now_s)  # an instant that is not covered is an error
    after = int(np.searchsorted(observed.edges_s, now_s, side="right"))
    return min(float(observed.edges_s[after]), deadline_s)


def _repeated(past: Intensity, until_s: float) -> Intensity:
    """The past period and its repetitions up to `until_s`."""
    period_s = past.edges_s[-1] - past.edges_s[0]
    times = 1 + max(0, math.ceil((until_s - past.edges_s[-1]) / period_s))
    shift_s = period_s * np.repeat(np.arange(times), past.intensity_g_per_kwh.size)
    edges_s = np.append(np.tile(past.edges_s[:-1], times) + shift_s, past.edges_s[0])
    edges_s[-1] += times * period_s
    values = np.tile(past.intensity_g_per_kwh, times)
    return Intensity(edges_s, values, past.kind, past.zone, f"{past.source}, repeated")


def _overlaid(base: Intensity, over: Intensity, from_s: float) -> Intensity:
    """`base` with the part of `over` after `from_s` laid over it."""
    low_s = max(from_s, float(over.edges_s[0]))
    high_s = min(float(over.edges_s[-1]), float(base.edges_s[-1]))
    if high_s <= low_s:
        return base
    parts = [base.window(base.edges_s[0], low_s), over.window(low_s, high_s)]
    if high_s < base.edges_s[-1]:
        parts.append(base.window(high_s, base.edges_s[-1]))
    edges_s = np.concatenate([*(part.edges_s[:-1] for part in parts), parts[-1].edges_s[-1:]])
    values = np.concatenate([part.intensity_g_per_kwh for part in parts])
    return Intensity(edges_s, values, base.kind, base.zone, over.source)


def forecaster(
    method: Callable[[NDArray[np.float64]], Forecasts], observed: Intensity
) -> Forecaster:
    """Turn a way to forecast into a function of the present, as rules that decide online ask.

    Parameters
    ----------
    method : callable
        Takes issue times [s] and returns `Forecasts`, e.g.
        ``lambda issued_s: profile(curve, issued_s, leads_s)``. Its leads must start at 0 and
        reach beyond what will be asked for.
    observed : Intensity
        The curve whose steps tell when something new is known.

    Returns
    -------
    Forecaster
        Its forecast is issued at the beginning of the step of `observed` under way, and is the
        same object until that step is over.
    """
    last: dict[float, Intensity] = {}

    def expected(now_s: float) -> Intensity:
        """Return the forecast issued when the step under way began."""
        observed.at(now_s)  # an instant that is not covered is an error
        step = int(np.searchsorted(observed.edges_s, now_s, side="right")) - 1
        issued_s = float(observed.edges_s[step])
        if issued_s not in last:
            last.clear()
            last[issued_s] = method(np.array([issued_s])).issued_at(issued_s)
        return last[issued_s]

    return expected
