"""Made-up jobs: when they are submitted, how long and wide they are, what users ask for.

A `Demand` is a process of arrivals and one or more kinds of jobs; `Demand.generate` draws a jobs
table from it, whose source begins with ``generated``.  Each part can be set by hand or fitted to a
log: the rate in each hour of the week, the gaps, the batches, and whole rows of
(run time, processors, requested time) that are drawn together, so that they keep their ties.

Every value is a quantile of one uniform number, and each property has a stream of its own: the same
seed gives the same bytes, a longer log begins with the shorter one, and a change of one
distribution leaves all other draws as they are (common random numbers).

Any object with ``ppf`` serves as a distribution, also a frozen one of scipy, such as
`helpers.jobs.describe.fit_lengths` returns.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .describe import HOURS_A_DAY, batch_numbers, weekly_rate, within
from .table import JobLog, jobs_table, to_epoch

__all__ = [
    "Arrivals",
    "Bounded",
    "Constant",
    "Demand",
    "Distribution",
    "Estimate",
    "Exponential",
    "Kind",
    "Lognormal",
    "Rows",
    "Uniform",
    "Values",
    "Weibull",
]

HOURS_A_WEEK = 7 * HOURS_A_DAY
_LONGEST_S = 100 * 366 * 86_400.0  # a longer log is a mistake in a rate


def _number(owner: str, name: str, value: Any, rule: str = "> 0") -> float:
    """Return a finite number that keeps a rule, '> 0' or '>= 0'."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ValueError(f"{owner}: {name}(={value!r}) must be a number.")
    if not math.isfinite(value) or value < 0 or (rule == "> 0" and value == 0):
        raise ValueError(f"{owner}: {name}(={value}) must be finite and {rule}.")
    return float(value)


# --- distributions ------------------------------------------------------------------------


class Distribution(Protocol):
    """What a length, a size, a factor or a gap is drawn from; scipy's frozen ones will do."""

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantile of each probability in [0, 1)."""

    def mean(self) -> float:
        """Return the mean."""


@dataclass(frozen=True)
class Constant:
    """Always the same value, >= 0."""

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _number("constant", "value", self.value, ">= 0"))

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""
        return (np.asarray(x, dtype=float) >= self.value).astype(float)

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantile of each probability in [0, 1)."""
        return np.full(np.shape(q), self.value)

    def mean(self) -> float:
        """Return the mean."""
        return self.value


@dataclass(frozen=True)
class Uniform:
    """Every value in [low, high] alike.

    Parameters
    ----------
    low, high : float
        Ends, 0 <= low < high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, _number("uniform", name, getattr(self, name), ">= 0"))
        if not self.low < self.high:
            raise ValueError(f"uniform: low(={self.low}) must be < high(={self.high}).")

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""
        return np.clip((np.asarray(x, dtype=float) - self.low) / (self.high - self.low), 0.0, 1.0)

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantile of each probability in [0, 1)."""
        return self.low + (self.high - self.low) * np.asarray(q, dtype=float)

    def mean(self) -> float:
        """Return the mean."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Weibull:
    """Weibull distribution, ``P(X > x) = exp(-(x / scale)**shape)``.

    Parameters
    ----------
    shape : float
        Below 1 the tail is heavier than an exponential one.
    scale : float
        The value that a share of 1/e exceeds, in the unit of the values.
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        for name in ("shape", "scale"):
            value = _number(type(self).__name__, name, getattr(self, name))
            object.__setattr__(self, name, value)

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""
        reached = np.maximum(np.asarray(x, dtype=float), 0.0)
        return -np.expm1(-((reached / self.scale) ** self.shape))

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantile of each probability in [0, 1)."""
        with np.errstate(divide="ignore"):
            return self.scale * (-np.log1p(-np.asarray(q, dtype=float))) ** (1 / self.shape)

    def mean(self) -> float:
        """Return the mean."""
        return self.scale * math.gamma(1 + 1 / self.shape)


class Exponential(Weibull):
    """Exponential distribution: a Weibull distribution of shape 1.

    Parameters
    ----------
    scale : float
        The mean, in the unit of the values.
    """

    def __init__(self, scale: float) -> None:
        super().__init__(1.0, scale)

    def __repr__(self) -> str:
        return f"Exponential(scale={self.scale})"


@dataclass(frozen=True)
class Lognormal:
    """Lognormal distribution: the logarithm is normal.

    Parameters
    ----------
    median : float
        In the unit of the values.
    sigma : float
        Standard deviation of the natural logarithm.
    """

    median: float
    sigma: float

    def __post_init__(self) -> None:
        for name in ("median", "sigma"):
            object.__setattr__(self, name, _number("lognormal", name, getattr(self, name)))

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""
        from scipy.special import ndtr

        with np.errstate(divide="ignore"):
            logs = np.log(np.maximum(np.asarray(x, dtype=float), 0.0) / self.median)
        return ndtr(logs / self.sigma)

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantile of each probability in [0, 1)."""
        from scipy.special import ndtri

        return self.median * np.exp(self.sigma * ndtri(q))

    def mean(self) -> float:
        """Return the mean."""
        return self.median * math.exp(self.sigma**2 / 2)


@dataclass(frozen=True, repr=False)
class Values:
    """Some values, each with a weight: an empirical distribution, or a list of usual sizes.

    Parameters
    ----------
    values : sequence of float
        Different values >= 0, at least one; kept in ascending order.
    weights : sequence of float, optional
        Weight > 0 of each; 1 by default.  What counts is the share of their sum.
    """

    values: Sequence[float]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        x = np.asarray(self.values, dtype=float)
        w = np.ones_like(x) if self.weights is None else np.asarray(self.weights, dtype=float)
        if x.ndim != 1 or not x.size or x.shape != w.shape:
            raise ValueError(
                f"values: {x.size} values and {w.size} weights must be equally many, at least one."
            )
        for name, numbers, good, rule in (
            ("values", x, np.isfinite(x) & (x >= 0), "finite and >= 0"),
            ("weights", w, np.isfinite(w) & (w > 0), "finite and > 0"),
        ):
            if not good.all():
                at = int(np.argmin(good))
                raise ValueError(f"values: {name}[{at}](={numbers[at]}) must be {rule}.")
        order = np.argsort(x, kind="stable")
        if (np.diff(x[order]) == 0).any():
            twice = x[order][1:][np.diff(x[order]) == 0][0]
            raise ValueError(f"values: {twice} is given twice: add up its weights.")
        object.__setattr__(self, "values", tuple(x[order].tolist()))
        object.__setattr__(self, "weights", tuple(w[order].tolist()))

    @classmethod
    def of(cls, sample: ArrayLike) -> "Values":
        """Return the empirical distribution of a sample, shape (n,) with n >= 1.

        Raises
        ------
        ValueError
            If there is no value, or one is not finite and >= 0.
        """
        values, counts = np.unique(np.asarray(sample, dtype=float), return_counts=True)
        return cls(values.tolist(), counts.tolist())

    def __repr__(self) -> str:
        if len(self.values) <= 8:
            return f"Values({self.values}, {self.weights})"
        return f"Values({len(self.values)} values from {self.values[0]} to {self.values[-1]})"

    @cached_property
    def _steps(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        share = np.cumsum(np.asarray(self.weights, dtype=float))
        return np.asarray(self.values), share / share[-1]

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""
        values, share = self._steps
        return np.append(0.0, share)[np.searchsorted(values, x, side="right")]

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the smallest value at or below which more than a share q lies, for q in [0, 1)."""
        values, share = self._steps
        place = np.searchsorted(share, q, side="right")
        return values[np.minimum(place, values.size - 1)]

    def mean(self) -> float:
        """Return the mean."""
        return float(np.average(self.values, weights=self.weights))


@dataclass(frozen=True)
class Bounded:
    """A distribution given that its value lies in [low, high]: nothing piles up at the bounds.

    Parameters
    ----------
    inner : Distribution
        What is cut.
    low, high : float
        Bounds, 0 <= low < high; `high` may be infinite.

    Raises
    ------
    ValueError
        If the bounds are out of order, or less than a millionth lies between them.
    """

    inner: Distribution
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise ValueError(f"bounded: low(={self.low}) must be >= 0 and < high(={self.high}).")
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        below, upto = self._share
        if not upto - below >= 1e-6:
            raise ValueError(
                f"bounded: only {upto - below:.1e} of {self.inner} lies in "
                f"[{self.low}, {self.high}]: it must be 1e-6 or more."
            )

    @cached_property
    def _share(self) -> tuple[float, float]:
        """Probability below `low`, and at or below `high`."""
        below, upto = self.inner.cdf(np.array([np.nextafter(self.low, -np.inf), self.high]))
        return float(below), float(upto)

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""
        below, upto = self._share
        return np.clip((self.inner.cdf(x) - below) / (upto - below), 0.0, 1.0)

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantile of each probability in [0, 1)."""
        below, upto = self._share
        inside = self.inner.ppf(below + np.asarray(q, dtype=float) * (upto - below))
        return np.clip(inside, self.low, self.high)

    def mean(self) -> float:
        """Return the mean; of values exactly, else by adaptive quadrature of the quantiles."""
        if isinstance(self.inner, Values):
            pairs = zip(self.inner.values, self.inner.weights or (), strict=True)
            kept = [(x, w) for x, w in pairs if self.low <= x <= self.high]
            return math.fsum(x * w for x, w in kept) / math.fsum(w for _, w in kept)
        from scipy.integrate import quad

        return float(quad(lambda q: float(self.ppf(q)), 0.0, 1.0, limit=500)[0])


# --- arrivals -----------------------------------------------------------------------------

_POISSON = Exponential(1.0)
_ONE = Constant(1.0)
_AT_ONCE = Constant(0.0)


@dataclass(frozen=True)
class Arrivals:
    """When jobs are submitted: a renewal process whose rate follows the local clock.

    Parameters
    ----------
    rate_per_h : float or array_like, shape (7, 24)
        Arrivals per hour [1/h], >= 0 and not all 0; rows are weekdays (0 is Monday), columns hours
        of the day.  Kept as tuples.
    gaps : Distribution
        Of the time between arrivals, in any unit: it is scaled to a mean of 1 and stretched by the
        rate.  Exponential gaps make a Poisson process; a wider distribution makes bursts.
    batch : Distribution
        Jobs that each arrival submits, rounded to at least 1.
    spacing_s : Distribution
        Time between two jobs of one batch [s]; 0, all at once, by default.

    Raises
    ------
    ValueError
        If a rate or the mean gap is out of range.

    Notes
    -----
    With Poisson gaps this is the non-homogeneous Poisson process, by exact inversion [1]_: the n-th
    arrival is where the integral of the rate, linear in each hour, reaches the sum of n gaps of
    mean 1.  With other gaps it is the inversion method of Gerhardt and Nelson [2]_.  The first gap
    runs from the start.

    References
    ----------
    .. [1] E. Cinlar, "Introduction to Stochastic Processes", Prentice-Hall, 1975, section 4.7.
    .. [2] I. Gerhardt, B. L. Nelson, "Transforming Renewal Processes for Simulation of
       Nonstationary Arrival Processes", INFORMS Journal on Computing 21(4), 2009,
       doi:10.1287/ijoc.1080.0316.
    """

    rate_per_h: Any
    gaps: Distribution = _POISSON
    batch: Distribution = _ONE
    spacing_s: Distribution = _AT_ONCE

    def __post_init__(self) -> None:
        rate = np.asarray(self.rate_per_h, dtype=float)
        if rate.shape not in ((), (7, HOURS_A_DAY)):
            raise ValueError(
                f"arrivals: rate_per_h has shape {rate.shape}: it must be one number, or 7 "
                "weekdays of 24 hours."
            )
        rate = np.broadcast_to(rate, (7, HOURS_A_DAY))
        bad = ~np.isfinite(rate) | (rate < 0)
        if bad.any():
            day, hour = np.argwhere(bad)[0]
            raise ValueError(
                f"arrivals: rate_per_h[{day}][{hour}](={rate[day, hour]}) must be finite and >= 0."
            )
        if not rate.any():
            raise ValueError("arrivals: rate_per_h(=0) must be > 0 in some hour of the week.")
        _number("arrivals", "mean of gaps", float(self.gaps.mean()))
        object.__setattr__(self, "rate_per_h", tuple(map(tuple, rate.tolist())))

    @classmethod
    def rhythm(
        cls,
        rate_per_h: float,
        *,
        day: ArrayLike | None = None,
        week: ArrayLike | None = None,
        **more: Distribution,
    ) -> "Arrivals":
        """Return arrivals with the rhythm of a day and of a week.

        Parameters
        ----------
        rate_per_h : float
            Mean over the week [1/h], > 0.
        day : array_like, shape (24,), optional
            Weight of each hour of the day; equal ones by default.
        week : array_like, shape (7,), optional
            Weight of each day, Monday first; equal ones by default.
        **more
            `gaps`, `batch` and `spacing_s`.

        Raises
        ------
        ValueError
            If a number is out of range or a list has another length.
        """
        mean = _number("arrivals", "rate_per_h", rate_per_h)
        lists = []
        for name, given, length in (("day", day, HOURS_A_DAY), ("week", week, 7)):
            weights = np.ones(length) if given is None else np.asarray(given, dtype=float)
            if weights.shape != (length,):
                raise ValueError(f"arrivals: {name} has {weights.size} weights, not {length}.")
            good = np.isfinite(weights) & (weights >= 0)
            if not good.all() or not weights.any():
                at = int(np.argmin(good))
                raise ValueError(
                    f"arrivals: {name}[{at}](={weights[at]}) must be finite and >= 0, "
                    "and not all may be 0."
                )
            lists.append(weights / weights.mean())
        return cls(mean * np.outer(lists[1], lists[0]), **more)

    @classmethod
    def fit(
        cls,
        log: JobLog,
        *,
        spans: Iterable[tuple[float, float]] | None = None,
        gap_s: float | None = None,
        poisson: bool = True,
    ) -> "Arrivals":
        """Return arrivals like those of a log.

        Parameters
        ----------
        log : JobLog
            With an epoch, whose zone is the clock that counts.
        spans : iterable of (start, stop), optional
            When submissions were recorded [s since second 0]; from the first to the last by
            default.  Submissions outside do not count.
        gap_s : float, optional
            What one user submits with at most this between two jobs [s] is one batch, which
            arrives with its first job (`helpers.jobs.describe.batch_numbers`); sizes of batches
            and the times between their jobs are then the log's own.  Otherwise each job is one.
        poisson : bool
            Whether gaps are exponential; otherwise they are the log's own, measured in expected
            arrivals, so that its bursts remain.

        Raises
        ------
        ValueError
            If there is no epoch or no submission, or the spans never meet some hour of the week.

        Notes
        -----
        The rate of an hour of the week is the number of arrivals in it over the time it was
        observed, its maximum-likelihood estimate under a Poisson process.
        """
        submit = log.jobs["submit_s"].to_numpy()
        if spans is None:
            spans = [(submit.min(), submit.max() + 1.0)] if submit.size else []
        spans = [(float(start), float(stop)) for start, stop in spans]
        inside = within(submit, spans)
        if not inside.any():
            raise ValueError(f"{log.source}: no submission lies in the spans: nothing to fit.")
        times, more = np.sort(submit[inside]), dict[str, Any]()
        if gap_s is not None:
            times, more = _batches(log.jobs[inside], gap_s)
        epoch = log.with_jobs(log.jobs[:0]).submit_time() if log.epoch is None else log.epoch
        assert isinstance(epoch, pd.Timestamp)  # or the line above has raised
        instants = epoch + pd.to_timedelta(times, unit="s")
        utc = epoch.tz_convert("UTC")
        bounds = [
            (utc + pd.Timedelta(a, unit="s"), utc + pd.Timedelta(b, unit="s")) for a, b in spans
        ]
        rate = weekly_rate(instants, bounds).to_numpy()
        if np.isnan(rate).any():
            raise ValueError(
                f"{log.source}: the spans never meet {int(np.isnan(rate).sum())} of the 168 hours "
                "of the week: give spans of a week or more, or set rates by Arrivals.rhythm()."
            )
        fitted = cls(rate, **more)
        return fitted if poisson else replace(fitted, gaps=fitted._own_gaps(epoch, times, spans))

    def _own_gaps(
        self, epoch: pd.Timestamp, times: NDArray, spans: Iterable[tuple[float, float]]
    ) -> Values:
        """Return the gaps between times of one span, measured in expected arrivals."""
        within_span = []
        for start, stop in spans:
            edges, expected = self._expected(epoch + pd.Timedelta(start, "s"), stop - start)
            inside = times[(times >= start) & (times < stop)]
            within_span.append(np.diff(np.interp(inside - start, edges, expected)))
        gaps = np.concatenate(within_span)
        if not gaps.size:
            raise ValueError("arrivals: no span holds two arrivals: gaps must be exponential.")
        return Values.of(np.maximum(gaps, 0.0))

    @property
    def mean_rate_per_h(self) -> float:
        """Arrivals per hour, mean over the week [1/h]."""
        return math.fsum(map(math.fsum, self.rate_per_h)) / HOURS_A_WEEK

    def scaled(self, factor: float) -> "Arrivals":
        """Return the same rhythm with every rate times a factor > 0."""
        factor = _number("arrivals", "factor", factor)
        return replace(self, rate_per_h=np.asarray(self.rate_per_h) * factor)

    def _expected(
        self, epoch: pd.Timestamp, duration_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return edges [s since epoch] and the expected arrivals up to each, linear in between."""
        if not 0 <= duration_s <= _LONGEST_S:
            raise ValueError(
                f"arrivals: {duration_s:.3g} s must be at most {_LONGEST_S:.3g} s (100 years): "
                "raise the rate, or ask for fewer jobs."
            )
        # All clocks in use change by multiples of a quarter of an hour.
        utc = epoch.tz_convert("UTC")
        first = (utc.floor("15min") - utc).total_seconds()
        edges = np.append(np.arange(first, duration_s, 900.0), duration_s)
        local = (utc + pd.to_timedelta(edges[:-1], unit="s")).tz_convert(epoch.tz)
        rate = np.asarray(self.rate_per_h)[local.day_of_week, local.hour]
        edges[0] = 0.0
        return edges, np.append(0.0, np.cumsum(rate * np.diff(edges) / 3600))

    def _arrive(
        self,
        epoch: pd.Timestamp,
        streams: Sequence[np.random.Generator],
        count: int | None,
        duration_s: float | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return when each job is submitted [s since epoch] and in which arrival, in order of it."""
        for_gaps, for_sizes, for_spacing = streams
        if count is not None:
            sizes = self._sizes(for_sizes.random(count))
            needed = int(np.searchsorted(np.cumsum(sizes), count)) + 1
            sizes = sizes[:needed]
            sizes[-1] -= sizes.sum() - count
            times = self._first_times(epoch, for_gaps, needed)
        else:
            assert duration_s is not None  # one of the two is given
            times = self._times_until(epoch, for_gaps, duration_s)
            sizes = self._sizes(for_sizes.random(times.size))
        arrival = np.repeat(np.arange(times.size), sizes)
        later = np.cumsum(np.asarray(self.spacing_s.ppf(for_spacing.random(arrival.size))))
        first = np.cumsum(sizes) - sizes
        submit = times[arrival] + later - np.repeat(later[first], sizes)
        order = np.argsort(submit, kind="stable")
        if duration_s is not None:
            order = order[submit[order] < duration_s]
        return submit[order], arrival[order]

    def _first_times(
        self, epoch: pd.Timestamp, stream: np.random.Generator, count: int
    ) -> NDArray[np.float64]:
        """Return when the first `count` arrivals are [s since epoch]."""
        passed = np.cumsum(self.gaps.ppf(stream.random(count)) / float(self.gaps.mean()))
        weeks = passed[-1] / (self.mean_rate_per_h * HOURS_A_WEEK) + 2  # 2: clocks that change
        edges, expected = self._expected(epoch, weeks * HOURS_A_WEEK * 3600)
        return np.interp(passed, expected, edges)

    def _times_until(
        self, epoch: pd.Timestamp, stream: np.random.Generator, duration_s: float
    ) -> NDArray[np.float64]:
        """Return when arrivals are before `duration_s` [s since epoch]."""
        edges, expected = self._expected(epoch, duration_s)
        unit, gaps, total = float(self.gaps.mean()), [np.zeros(0)], 0.0
        while total < expected[-1]:
            gaps.append(self.gaps.ppf(stream.random(int(expected[-1]) + 1000)) / unit)
            total += float(gaps[-1].sum())
        passed = np.cumsum(np.concatenate(gaps))
        return np.interp(passed[passed < expected[-1]], expected, edges)

    def _sizes(self, uniform: NDArray) -> NDArray[np.int64]:
        return np.maximum(np.rint(self.batch.ppf(uniform)), 1).astype(np.int64)


def _batches(jobs: pd.DataFrame, gap_s: float) -> tuple[NDArray, dict[str, Values]]:
    """Return when batches arrive [s], and how large they and the gaps inside them are."""
    batch = batch_numbers(jobs, gap_s)
    groups = jobs["submit_s"].groupby(batch)
    ordered = jobs["submit_s"].sort_values(kind="stable")
    spacing = ordered.groupby(batch.loc[ordered.index]).diff().dropna()
    sizes = {"batch": Values.of(groups.size())}
    more = {"spacing_s": Values.of(spacing)} if len(spacing) else {}
    return groups.min().to_numpy(), sizes | more


# --- kinds of jobs ------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """What users ask for: their job's run time times a factor, rounded up to a usual value.

    Parameters
    ----------
    factor : Distribution
        Requested over actual run time; below 1, the job runs into its limit.
    usual_s : sequence of float
        Values that users like to ask for [s], ascending; beyond the last, its multiples.  Empty:
        no rounding.
    most_s : float
        The site's limit [s]: nobody asks for more.
    more_s : float
        What every job takes beside its run time [s] (start-up and end phases, say), which its user
        knows of: the factor counts from the sum.

    Raises
    ------
    ValueError
        If a usual value is not > 0 or not above the one before, or `most_s` is not > 0.

    Notes
    -----
    Users choose few, round values and mostly far too long ones [1]_.

    References
    ----------
    .. [1] D. Tsafrir, Y. Etsion, D. G. Feitelson, "Modeling User Runtime Estimates", Job Scheduling
       Strategies for Parallel Processing, 2005, doi:10.1007/11605300_1.
    """

    factor: Distribution
    usual_s: Sequence[float] = ()
    most_s: float = math.inf
    more_s: float = 0.0

    def __post_init__(self) -> None:
        _number("estimate", "more_s", self.more_s, ">= 0")
        usual = tuple(_number("estimate", "usual_s", value) for value in self.usual_s)
        if list(usual) != sorted(set(usual)):
            raise ValueError(f"estimate: usual_s(={usual}) must ascend.")
        if not self.most_s > 0:
            raise ValueError(f"estimate: most_s(={self.most_s}) must be > 0.")
        object.__setattr__(self, "usual_s", usual)

    def requested_s(self, run_s: NDArray, uniform: NDArray) -> NDArray[np.float64]:
        """Return what is asked for [s], given run times [s] and a uniform number each."""
        asked = (run_s + self.more_s) * self.factor.ppf(uniform)
        if self.usual_s:
            usual = np.asarray(self.usual_s)
            up = usual[np.minimum(np.searchsorted(usual, asked), usual.size - 1)]
            asked = np.where(asked > usual[-1], np.ceil(asked / usual[-1]) * usual[-1], up)
        return np.minimum(asked, self.most_s)


@dataclass(frozen=True)
class Kind:
    """A kind of jobs: run time, processors and requested time drawn one by one.

    Parameters
    ----------
    name : str
        Goes into the column ``category``.
    length_s : Distribution
        Run time [s].
    processors : Distribution
        Rounded to whole processors, at least 1.
    requested : Estimate, optional
        Requested time; unknown by default.
    share : float
        Weight of this kind among all arrivals, > 0.
    """

    name: str
    length_s: Distribution
    processors: Distribution = _ONE
    requested: Estimate | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        _number(f"kind {self.name!r}", "share", self.share)
        for name in ("length_s", "processors"):
            value = getattr(self, name)
            if isinstance(value, int | float | np.number):
                raise ValueError(
                    f"kind {self.name!r}: {name}(={value}) must be a distribution: write "
                    f"Constant({value})."
                )

    def draw(self, uniform: NDArray[np.float64]) -> dict[str, Any]:
        """Return the columns of n jobs from uniform numbers in [0, 1), shape (n, 3)."""
        run = np.asarray(self.length_s.ppf(uniform[:, 0]), dtype=float)
        size = np.maximum(np.rint(self.processors.ppf(uniform[:, 1])), 1.0)
        columns = {"run_s": run, "processors": size, "requested_processors": size}
        if self.requested is not None:
            columns["requested_s"] = self.requested.requested_s(run, uniform[:, 2])
        return columns


@dataclass(frozen=True, eq=False)
class Rows:
    """A kind of jobs: whole rows of a log drawn with replacement, so that they keep their ties.

    Parameters
    ----------
    name : str
        Goes into the column ``category``.
    table : DataFrame
        Columns of the jobs table, one row a job; `Rows.fit` takes them from a log.
    share : float
        Weight of this kind among all arrivals, > 0.
    """

    name: str
    table: pd.DataFrame
    share: float = 1.0

    def __post_init__(self) -> None:
        owner = f"kind {self.name!r}"
        _number(owner, "share", self.share)
        for column in ("run_s", "processors"):
            if column not in self.table:
                raise ValueError(f"{owner}: column {column!r} is missing: rows must have it.")
            unknown = int(self.table[column].isna().sum())
            if unknown or not len(self.table):
                raise ValueError(
                    f"{owner}: {column} is unknown in {unknown} of {len(self.table)} rows: select "
                    "rows where it is known, at least one."
                )

    @classmethod
    def fit(
        cls,
        jobs: pd.DataFrame,
        name: str = "as logged",
        *,
        columns: Sequence[str] = ("run_s", "processors", "requested_processors", "requested_s"),
        share: float = 1.0,
    ) -> "Rows":
        """Return the rows of a jobs table, of which ``run_s`` and ``processors`` must be known.

        Raises
        ------
        ValueError
            If a column is not in the table, or a run time or size is unknown.
        """
        strangers = [column for column in columns if column not in jobs]
        if strangers:
            raise ValueError(f"column {strangers[0]!r} is not in the jobs table: leave it out.")
        return cls(name, jobs[list(columns)].reset_index(drop=True), share)

    def draw(self, uniform: NDArray[np.float64]) -> dict[str, Any]:
        """Return the columns of n jobs from uniform numbers in [0, 1), shape (n, 3)."""
        drawn = self.table.iloc[(uniform[:, 0] * len(self.table)).astype(np.intp)]
        return {str(name): drawn[name].array for name in drawn}


@dataclass(frozen=True)
class Demand:
    """What users ask of a machine: arrivals, and kinds of jobs.

    Parameters
    ----------
    arrivals : Arrivals
        When jobs are submitted.
    kinds : sequence of Kind or Rows
        What is submitted, names all different; every arrival is of one kind, by their shares.

    Raises
    ------
    ValueError
        If there is no kind, or two have the same name.

    Examples
    --------
    >>> demand = Demand(
    ...     Arrivals.rhythm(30.0, day=[1] * 8 + [3] * 10 + [1] * 6, week=[5] * 5 + [2] * 2),
    ...     [Kind("short", Lognormal(600, 1.2), Values([1, 2, 4, 8]), Estimate(Uniform(1, 10)))],
    ... )
    >>> log = demand.generate("2024-07-01T00:00+02:00", seed=1, count=3)
    >>> log.source, len(log)
    ('generated: short (seed 1)', 3)
    """

    arrivals: Arrivals
    kinds: Sequence[Kind | Rows]

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))
        labels = [kind.name for kind in self.kinds]
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f"kinds(={labels}) must be at least one, with different names.")

    @classmethod
    def fit(
        cls,
        log: JobLog,
        *,
        spans: Iterable[tuple[float, float]] | None = None,
        gap_s: float | None = None,
        poisson: bool = True,
    ) -> "Demand":
        """Return a demand like that of a log: its rates by hour of the week, and its rows.

        Parameters are those of `Arrivals.fit`; rows are drawn from the jobs in the spans.

        Raises
        ------
        ValueError
            As `Arrivals.fit` and `Rows.fit`.
        """
        spans = None if spans is None else list(spans)
        arrivals = Arrivals.fit(log, spans=spans, gap_s=gap_s, poisson=poisson)
        jobs = log.jobs
        if spans is not None:
            jobs = jobs[within(jobs["submit_s"].to_numpy(), spans)]
        return cls(arrivals, [Rows.fit(jobs)])

    def generate(
        self,
        start: pd.Timestamp | str,
        *,
        seed: int,
        count: int | None = None,
        duration_s: float | None = None,
    ) -> JobLog:
        """Draw jobs.

        Parameters
        ----------
        start : Timestamp or str
            Instant of second 0, with a time zone: its clock sets hours and weekdays.
        seed : int
            Source of chance, >= 0: the same seed gives the same log.
        count : int, optional
            How many jobs, >= 1.  Either this or `duration_s`.
        duration_s : float, optional
            How long jobs are submitted [s], > 0.

        Returns
        -------
        JobLog
            Jobs 1, 2, ... in order of submission, ``category`` naming their kind; waits and states
            are unknown, for nothing ran.  ``source`` begins with ``generated``.

        Raises
        ------
        ValueError
            If not exactly one of `count` and `duration_s` is given, a number is out of range, or
            `start` has no zone.
        """
        seed = _whole("seed", seed, least=0)
        if (count is None) == (duration_s is None):
            raise ValueError(
                f"count(={count}) and duration_s(={duration_s}): give one of the two, not both."
            )
        if count is None:
            _number("generate", "duration_s", duration_s)
        else:
            count = _whole("count", count, least=1)
        epoch = to_epoch(start)
        streams = [
            np.random.Generator(np.random.PCG64(child))
            for child in np.random.SeedSequence(seed).spawn(4 + len(self.kinds))
        ]
        submit, arrival = self.arrivals._arrive(epoch, streams[:3], count, duration_s)
        share = Values(range(len(self.kinds)), [kind.share for kind in self.kinds])
        kind = share.ppf(streams[3].random(arrival.max(initial=0) + 1)).astype(np.intp)[arrival]
        labels = [kind.name for kind in self.kinds]
        return JobLog(
            jobs=self._table(submit, kind, streams[4:]),
            epoch=epoch,
            source=f"generated: {', '.join(labels)} (seed {seed})",
            header=(
                "Note: generated data, drawn at random and measured nowhere",
                f"Note: seed {seed}, {self.arrivals.mean_rate_per_h:.6g} arrivals an hour",
            ),
        )

    def _table(
        self, submit: NDArray, kind: NDArray, streams: Sequence[np.random.Generator]
    ) -> pd.DataFrame:
        """Return the jobs table, given when each job is submitted and of which kind it is."""
        parts = []
        for number, (own, stream) in enumerate(zip(self.kinds, streams, strict=True)):
            place = np.flatnonzero(kind == number)
            uniform = stream.random((submit.size, 3))[place]
            if place.size:
                parts.append(pd.DataFrame(own.draw(uniform), index=place))
        columns = pd.concat(parts).sort_index() if parts else pd.DataFrame()
        words = np.array([own.name for own in self.kinds], dtype=object)
        about = {"job_id": np.arange(1, submit.size + 1), "submit_s": submit}
        return jobs_table({**about, **dict(columns), "category": words[kind]})


def _whole(name: str, value: Any, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"generate: {name}(={value!r}) must be a whole number >= {least}.")
    return int(value)
