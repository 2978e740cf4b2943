"""What a job log is like: who submits when, how long jobs run, how full the machine is.

Plain functions of jobs tables and of arrays; nothing here draws or reads files.
Times are seconds since second 0 of the log; a *span* is a pair (start, stop) of such times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.stats import block_weights

from .table import end_s, start_s

__all__ = [
    "FAMILIES",
    "Fit",
    "HyperGamma",
    "Usage",
    "batch_numbers",
    "beside_hours",
    "bootstrap_distances",
    "burstiness",
    "clock_spectrum",
    "complete_spans",
    "day_blocks",
    "dispersion",
    "fit_lengths",
    "gini",
    "ks_distance",
    "lorenz",
    "office_hours",
    "processors_in_use",
    "recorded_spans",
    "shuffled_days",
    "summary",
    "totals",
    "wave_p",
    "weekly_rate",
    "weighted_quantile",
    "weighted_ratio",
    "within",
    "work_s",
]

Spans = Sequence[tuple[float, float]]
HOURS_A_DAY = 24
SECONDS_A_DAY = 86_400.0


# --- work and processors in use -----------------------------------------------------------


def work_s(jobs: pd.DataFrame) -> pd.Series:
    """Return each job's work, run time x processors [core-seconds]; NaN where one is unknown."""
    return (jobs["run_s"] * jobs["processors"]).rename("work_s")


def totals(jobs: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Count jobs and add up their work, group by group.

    Parameters
    ----------
    jobs : DataFrame
        A jobs table.
    by : Series
        The group of each job (its user, its state, ...), on the index of `jobs`; a job whose group
        is missing is in none.

    Returns
    -------
    DataFrame
        By group, sorted: ``jobs`` and ``core_hours`` [h]; jobs of unknown work add none.
    """
    groups = work_s(jobs).groupby(by, observed=True)
    return pd.DataFrame({"jobs": groups.size(), "core_hours": groups.sum() / 3600})


@dataclass(frozen=True, eq=False)
class Usage:
    """Processors in use, a step function of time: no processor is in use outside of the edges.

    Parameters
    ----------
    edges_s : ndarray, shape (n + 1,)
        Strictly increasing times at which a job starts or ends [s since second 0].
    processors : ndarray, shape (n,)
        Processors in use on [`edges_s[i]`, `edges_s[i + 1]`).
    left_out : int
        Jobs that are not in it, because their start, run time or size is unknown.
    """

    edges_s: NDArray[np.float64]
    processors: NDArray[np.float64]
    left_out: int = 0

    def integral(self, start: ArrayLike, stop: ArrayLike) -> NDArray[np.float64]:
        """Return the exact work done in [start, stop] [core-seconds]; both broadcast."""
        done = np.concatenate([[0.0], np.cumsum(self.processors * np.diff(self.edges_s))])
        start, stop = np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
        return np.interp(stop, self.edges_s, done) - np.interp(start, self.edges_s, done)

    def mean(self, start: ArrayLike, stop: ArrayLike) -> NDArray[np.float64]:
        """Return the mean number of processors in use in [start, stop]; both broadcast."""
        return self.integral(start, stop) / np.subtract(stop, start)

    def at(self, times: ArrayLike) -> NDArray[np.float64]:
        """Return the processors in use at each of `times` [s since second 0]."""
        level = np.concatenate([[0.0], self.processors, [0.0]])
        return level[np.searchsorted(self.edges_s, times, side="right")]

    def share(self, spans: Spans, of: float) -> float:
        """Return which share of a machine of `of` processors is in use in spans, on average [1]."""
        starts, stops = np.asarray(spans, dtype=float).T
        return float(self.integral(starts, stops).sum() / of / (stops - starts).sum())


def processors_in_use(jobs: pd.DataFrame) -> Usage:
    """Return how many processors are in use over time, exactly, from starts and ends.

    Parameters
    ----------
    jobs : DataFrame
        A jobs table. A job uses all of its processors from its start to its end.

    Returns
    -------
    Usage
        Its integral over all time is the sum of `work_s`; jobs with an unknown start, run time
        or size are counted in ``left_out``.

    Raises
    ------
    ValueError
        If no job has a known start, run time and size.
    """
    start, stop = start_s(jobs).to_numpy(), end_s(jobs).to_numpy()
    size = jobs["processors"].to_numpy()
    known = np.isfinite(stop) & np.isfinite(size)
    if not (known & (stop > start)).any():
        raise ValueError(
            f"none of {len(jobs)} jobs has a known start, a run time above 0 s and a size: "
            "fill wait_s (0 where jobs start when they are submitted), run_s and processors."
        )
    times = np.concatenate([start[known], stop[known]])
    edges, place = np.unique(times, return_inverse=True)
    change = np.bincount(place, np.concatenate([size[known], -size[known]]))
    return Usage(edges, np.cumsum(change, dtype=float)[:-1], int((~known).sum()))


def recorded_spans(jobs: pd.DataFrame, longest_silence_s: float) -> list[tuple[float, float]]:
    """Return the spans in which ends of jobs were recorded.

    A log made from accounting holds a job if its *end* was recorded. Where no job ends for
    longer than `longest_silence_s`, recording is taken to have stopped (or the machine has).

    Parameters
    ----------
    jobs : DataFrame
        A jobs table.
    longest_silence_s : float
        Longest time without an end that is no break [s].

    Returns
    -------
    list of tuple of float
        (first end, last end) of each span without a break [s since second 0], in order.

    Raises
    ------
    ValueError
        If no end is known, or `longest_silence_s` is not > 0.
    """
    if not longest_silence_s > 0:
        raise ValueError(f"longest_silence_s={longest_silence_s!r} must be > 0 s.")
    ends = np.sort(end_s(jobs).dropna().to_numpy())
    if not ends.size:
        raise ValueError(f"none of {len(jobs)} jobs has a known end: fill wait_s and run_s.")
    breaks = np.flatnonzero(np.diff(ends) > longest_silence_s)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, ends.size - 1)
    return [(float(ends[i]), float(ends[j])) for i, j in zip(firsts, lasts, strict=True)]


def complete_spans(spans: Spans, longest_run_s: float) -> list[tuple[float, float]]:
    """Return the parts of recorded spans in which every running job is in the log.

    A job that runs at t is recorded if it ends within the span; one of at most `longest_run_s`
    surely does if t lies that long before the span's stop. Parts that vanish are left out.
    """
    cut = [(start, stop - longest_run_s) for start, stop in spans]
    return [(start, stop) for start, stop in cut if stop > start]


def within(times: ArrayLike, spans: Spans) -> NDArray[np.bool_]:
    """Tell for each time whether it lies in one of the spans, [start, stop)."""
    times = np.asarray(times, dtype=float)
    inside = np.zeros(times.shape, dtype=bool)
    for start, stop in spans:
        inside |= (times >= start) & (times < stop)
    return inside


def summary(jobs: pd.DataFrame, spans: Spans, *, long_s: float, gap_s: float) -> pd.Series:
    """Return a log in a few numbers, to compare it with another.

    Parameters
    ----------
    jobs : DataFrame
        A jobs table.
    spans : sequence of (start, stop)
        When its jobs were recorded [s since second 0].
    long_s : float
        Run time above which a job is called long [s].
    gap_s : float
        Longest gap between two jobs of one batch [s].

    Returns
    -------
    Series of float
        By name, with its unit; NaN for what the log does not tell.
    """
    work, submit = work_s(jobs), jobs["submit_s"]
    batch = batch_numbers(jobs, gap_s)
    large = batch.map(batch.value_counts()) >= 100
    told = (jobs["state"] != "unknown").any()
    waves = [
        clock_spectrum(*day_blocks(times, spans), [24.0])[0]
        for times in (submit, submit.groupby(batch).min())
    ]
    return pd.Series(
        {
            "median run time [min]": jobs["run_s"].median() / 60,
            "core-hours in long jobs [%]": 100 * work[jobs["run_s"] > long_s].sum() / work.sum(),
            "median processors": jobs["processors"].median(),
            "completed jobs [%]": 100 * (jobs["state"] == "completed").mean() if told else np.nan,
            "jobs in batches of 100 and more [%]": 100 * large.mean(),
            "burstiness B of submissions": burstiness(submit, spans)[1],
            "variance / mean in an hour": dispersion(submit, [3600.0], spans)["index"].iloc[0],
            "daily wave of jobs, of the variance [%]": 100 * waves[0],
            "daily wave of batches, of the variance [%]": 100 * waves[1],
        }
    )


# --- quantiles and concentration ----------------------------------------------------------


def _weighted(values: ArrayLike, weights: ArrayLike | None) -> tuple[NDArray, NDArray]:
    """Return values and weights as checked arrays."""
    x = np.asarray(values, dtype=float)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=float)
    if x.ndim != 1 or x.shape != w.shape:
        raise ValueError(f"values {x.shape} and weights {w.shape} must be two lists of one length.")
    bad = ~(np.isfinite(x) & np.isfinite(w)) | (w < 0)
    if bad.any() or not w.sum() > 0:
        raise ValueError(
            f"values must be finite and weights finite, >= 0 and not all 0 "
            f"({int(bad.sum())} of {x.size} pairs are not): select and count them before."
        )
    return x, w


def weighted_quantile(
    values: ArrayLike, q: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the smallest values at or below which at least a share `q` of the weight lies.

    Parameters
    ----------
    values : array_like, shape (n,)
        Finite numbers.
    q : array_like
        Shares from 0 to 1, in any shape.
    weights : array_like, shape (n,), optional
        Non-negative weights; equal ones by default.

    Returns
    -------
    ndarray
        Quantiles in the shape of `q`; each is one of `values` with a weight above 0.

    Raises
    ------
    ValueError
        If a share is outside of [0, 1], a value or weight is not finite, a weight is negative,
        or there is no weight.

    Notes
    -----
    The inverse of the weighted distribution function, type 1 of Hyndman and Fan (1996), "Sample
    Quantiles in Statistical Packages", The American Statistician 50(4).
    """
    x, w = _weighted(values, weights)
    q = np.asarray(q, dtype=float)
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError(f"q={q!r} must lie in [0, 1].")
    x, w = x[w > 0], w[w > 0]
    order = np.argsort(x, kind="stable")
    share = np.cumsum(w[order])
    # np.quantile has weights, too, but steps to the next value where a sum of weights is rounded.
    place = np.searchsorted(share, q * share[-1] * (1 - 1e-12), side="left")
    return x[order][np.minimum(place, x.size - 1)]


def lorenz(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Lorenz curve: which share of the total the smallest members hold.

    Parameters
    ----------
    values : array_like, shape (n,)
        What each member holds, >= 0 (jobs of each user, say).

    Returns
    -------
    members, held : ndarray, shape (n + 1,)
        Share of the members, smallest first, and the share of the total that they hold; both
        run from 0 to 1.

    Raises
    ------
    ValueError
        If a value is negative or not finite, or the total is 0.

    References
    ----------
    M. O. Lorenz, "Methods of Measuring the Concentration of Wealth", Publications of the
    American Statistical Association 9(70), 1905.
    """
    x = np.sort(np.asarray(values, dtype=float).ravel())
    if not (np.isfinite(x).all() and (x >= 0).all() and x.sum() > 0):
        raise ValueError("what members hold must be finite, >= 0 and not all 0.")
    held = np.concatenate([[0.0], np.cumsum(x)])
    return np.linspace(0.0, 1.0, x.size + 1), held / held[-1]


def gini(values: ArrayLike) -> float:
    """Return the Gini coefficient: 0 if all members hold the same, near 1 if one holds all.

    It is one minus twice the area under the Lorenz curve.

    Raises
    ------
    ValueError
        As `lorenz`.
    """
    members, held = lorenz(values)
    return float(1 - np.sum(np.diff(members) * (held[1:] + held[:-1])))


# --- submissions --------------------------------------------------------------------------


def batch_numbers(jobs: pd.DataFrame, gap_s: float = 120.0) -> pd.Series:
    """Return for each job the number of its batch: what one user submitted in one go.

    Parameters
    ----------
    jobs : DataFrame
        A jobs table. Jobs without a user count as those of one more user.
    gap_s : float
        A job belongs to the batch of the same user's previous job if it follows it by at most
        this [s].

    Returns
    -------
    Series of int
        Batch numbers from 0, in the order of their first submissions, on the index of `jobs`.

    Raises
    ------
    ValueError
        If `gap_s` is negative.

    References
    ----------
    A. Iosup et al., "The Characteristics and Performance of Groups of Jobs in Grids", Euro-Par
    2007, doi:10.1007/978-3-540-74466-5_42.
    """
    if not gap_s >= 0:
        raise ValueError(f"gap_s={gap_s!r} must be >= 0 s.")
    submit, user = jobs["submit_s"].to_numpy(), jobs["user"].cat.codes.to_numpy()
    order = np.lexsort((submit, user))
    opens = np.ones(len(jobs), dtype=bool)
    same_user = user[order][1:] == user[order][:-1]
    opens[1:] = ~same_user | (np.diff(submit[order]) > gap_s)
    group = np.empty(len(jobs), dtype=np.int64)
    group[order] = np.cumsum(opens) - 1
    first = submit[order][opens]
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(first.size)
    return pd.Series(rank[group], jobs.index, name="batch")


def _local(times: pd.Series | pd.DatetimeIndex) -> pd.DatetimeIndex:
    index = pd.DatetimeIndex(times)
    if index.tz is None:
        raise ValueError(
            "times have no time zone, so they name no hour of the day: pass those of "
            "JobLog.submit_time(), or localize them."
        )
    return index


def office_hours(
    times: pd.Series | pd.DatetimeIndex, first: int = 9, last: int = 17
) -> NDArray[np.bool_]:
    """Tell which instants lie on Monday to Friday from hour `first` up to `last`, local time.

    Parameters
    ----------
    times : Series or DatetimeIndex
        Instants, tz-aware, in the zone whose clock counts.
    first, last : int
        Hours of the day: [first, last).

    Raises
    ------
    ValueError
        If the instants have no time zone.
    """
    local = _local(times)
    return np.asarray((local.day_of_week < 5) & (local.hour >= first) & (local.hour < last))


def weekly_rate(
    times: pd.Series | pd.DatetimeIndex,
    spans: Iterable[tuple[pd.Timestamp, pd.Timestamp]],
) -> pd.DataFrame:
    """Return events per hour in each hour of the local week.

    The hours that a daylight-saving change skips or repeats are counted as often as they
    happened, so that no cell is raised or lowered by the calendar.

    Parameters
    ----------
    times : Series or DatetimeIndex
        Instants of the events, tz-aware, in the zone whose clock counts.
    spans : iterable of (Timestamp, Timestamp)
        When events were recorded; events outside are not counted.

    Returns
    -------
    DataFrame, shape (7, 24)
        Events per hour [1/h]; rows are weekdays (0 is Monday), columns hours 0 to 23; NaN where
        the spans never meet that hour of the week.

    Raises
    ------
    ValueError
        If times or spans have no time zone.
    """
    local = _local(times)
    events, hours = np.zeros(7 * HOURS_A_DAY), np.zeros(7 * HOURS_A_DAY)
    for start, stop in spans:
        inside = local[(local >= start) & (local < stop)]
        events += np.bincount(inside.day_of_week * HOURS_A_DAY + inside.hour, minlength=hours.size)
        # All clocks in use change by multiples of a quarter of an hour.
        grid = pd.date_range(start.floor("15min") + pd.Timedelta("15min"), stop, freq="15min")
        edges = _local(pd.DatetimeIndex([start, *grid[grid < stop], stop])).tz_convert(local.tz)
        length = (edges[1:] - edges[:-1]) / pd.Timedelta("1h")
        cell = edges[:-1].day_of_week * HOURS_A_DAY + edges[:-1].hour
        hours += np.bincount(cell, length, minlength=hours.size)
    rate = np.divide(events, hours, out=np.full(hours.size, np.nan), where=hours > 0)
    return pd.DataFrame(rate.reshape(7, HOURS_A_DAY))


# --- burstiness and rhythm ----------------------------------------------------------------


def burstiness(times_s: ArrayLike, spans: Spans) -> tuple[float, float]:
    """Return how irregularly events follow each other.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        Times of events [s].
    spans : sequence of (start, stop)
        When events were recorded [s]; intervals across a break are not counted.

    Returns
    -------
    cv, b : float
        Coefficient of variation of the intervals, 1 for a Poisson process; and the burstiness
        B = (cv - 1) / (cv + 1) of Goh and Barabási: -1 regular, 0 Poisson, towards 1 bursty.

    Raises
    ------
    ValueError
        If there are fewer than two intervals, or all are 0.

    References
    ----------
    K.-I. Goh, A.-L. Barabási, "Burstiness and memory in complex systems", EPL 81, 48002, 2008.
    """
    times = np.sort(np.asarray(times_s, dtype=float))
    parts = [np.diff(times[(times >= start) & (times < stop)]) for start, stop in spans]
    intervals = np.concatenate([np.empty(0), *parts])
    if intervals.size < 2 or not intervals.any():
        raise ValueError(f"{times.size} events give no two intervals to compare: take more events.")
    cv = float(intervals.std() / intervals.mean())
    return cv, (cv - 1) / (cv + 1)


def dispersion(times_s: ArrayLike, windows_s: ArrayLike, spans: Spans) -> pd.DataFrame:
    """Return the index of dispersion of counts: variance / mean of the events in a window.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        Times of events [s].
    windows_s : array_like, shape (k,)
        Lengths of the windows [s].
    spans : sequence of (start, stop)
        When events were recorded [s]; a window lies wholly in one of them.

    Returns
    -------
    DataFrame, shape (k, 2)
        By window length [s]: ``index`` (1 for a Poisson process at any length; NaN where fewer
        than two windows fit) and ``windows``, how many were counted.

    References
    ----------
    R. Gusella, "Characterizing the variability of arrival processes with indexes of dispersion",
    IEEE Journal on Selected Areas in Communications 9(2), 1991.
    """
    times = np.sort(np.asarray(times_s, dtype=float))
    rows = []
    for window in np.asarray(windows_s, dtype=float):
        counts = [np.empty(0)]
        for start, stop in spans:
            edges = start + window * np.arange(int((stop - start) // window) + 1)
            counts.append(np.diff(np.searchsorted(times, edges)))
        count = np.concatenate(counts)
        index = count.var(ddof=1) / count.mean() if count.size > 1 and count.any() else np.nan
        rows.append((index, count.size))
    index = pd.Index(np.asarray(windows_s), name="window_s")
    return pd.DataFrame(rows, index, columns=["index", "windows"])


def day_blocks(times_s: ArrayLike, spans: Spans) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count events hour by hour, in blocks of 24 hours that lie wholly in the spans.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        Times of events [s since second 0].
    spans : sequence of (start, stop)
        When events were recorded [s since second 0].

    Returns
    -------
    days : ndarray of int, shape (d,)
        Numbers of the blocks; block k begins k x 24 h after second 0.
    counts : ndarray, shape (d, 24)
        Events in each hour.

    Raises
    ------
    ValueError
        If no block fits into the spans.
    """
    days = np.concatenate(
        [np.empty(0, dtype=np.int64)]
        + [np.arange(np.ceil(a / SECONDS_A_DAY), b // SECONDS_A_DAY, dtype=int) for a, b in spans]
    )
    if not days.size:
        raise ValueError("the recorded spans hold no whole block of 24 h: take a longer log.")
    starts = days[:, None] * SECONDS_A_DAY + 3600.0 * np.arange(HOURS_A_DAY + 1)
    before = np.searchsorted(np.sort(np.asarray(times_s, dtype=float)), starts)
    return days, np.diff(before, axis=1).astype(float)


def clock_spectrum(days: ArrayLike, counts: ArrayLike, periods_h: ArrayLike) -> NDArray[np.float64]:
    """Return which share of the variance of hourly counts a wave of each period explains.

    Parameters
    ----------
    days : array_like of int, shape (d,)
        Numbers of the day blocks; there may be breaks between them.
    counts : array_like, shape (..., d, 24)
        Events in each hour of each day block; leading axes hold alternatives.
    periods_h : array_like, shape (p,)
        Periods [h].

    Returns
    -------
    ndarray, shape (..., p)
        Normalised Lomb-Scargle power, from 0 to 1; NaN where all counts are the same.

    References
    ----------
    J. D. Scargle, "Studies in astronomical time series analysis. II", The Astrophysical Journal
    263, 1982, equation 10.
    """
    y = np.asarray(counts, dtype=float)
    y = y.reshape(*y.shape[:-2], -1)
    y = y - y.mean(axis=-1, keepdims=True)
    hours = (np.asarray(days)[:, None] * HOURS_A_DAY + np.arange(HOURS_A_DAY)).ravel() + 0.5
    angle = 2 * np.pi * hours[:, None] / np.asarray(periods_h, dtype=float)
    shift = np.arctan2(np.sin(2 * angle).sum(axis=0), np.cos(2 * angle).sum(axis=0)) / 2
    power = np.zeros((*y.shape[:-1], angle.shape[1]))
    for wave in (np.cos(angle - shift), np.sin(angle - shift)):
        norm = np.sum(wave**2, axis=0)
        power += (y @ wave) ** 2 / np.where(norm > 1e-9, norm, np.inf)
    total = np.sum(y**2, axis=-1, keepdims=True)
    return np.divide(power, total, out=np.full(power.shape, np.nan), where=total > 0)


def shuffled_days(
    counts: ArrayLike, n: int, rng: np.random.Generator, *, order: bool, phase: bool
) -> NDArray[np.float64]:
    """Return copies of daily counts that have lost a clock but kept their bursts.

    Parameters
    ----------
    counts : array_like, shape (d, 24)
        Events in each hour of each day block.
    n : int
        How many copies.
    rng : Generator
        Source of chance.
    order : bool
        Put the days into a random order: loses the week, keeps each day.
    phase : bool
        Turn each day by a random number of hours: loses the time of day, keeps which hours
        follow each other.

    Returns
    -------
    ndarray, shape (n, d, 24)
        Each copy holds the same counts as `counts`.
    """
    counts = np.asarray(counts, dtype=float)
    d = counts.shape[0]
    rows = np.tile(np.arange(d), (n, 1))
    if order:
        rows = rng.permuted(rows, axis=1)
    turn = rng.integers(0, HOURS_A_DAY, (n, d)) if phase else np.zeros((n, d), dtype=int)
    columns = (np.arange(HOURS_A_DAY) + turn[..., None]) % HOURS_A_DAY
    return counts[rows[..., None], columns]


def wave_p(
    days: ArrayLike,
    counts: ArrayLike,
    period_h: float,
    n: int,
    rng: np.random.Generator,
    *,
    order: bool = False,
    phase: bool = False,
) -> float:
    """Return how often copies that lost a clock have as strong a wave of a period: its p-value.

    Parameters
    ----------
    days, counts
        As in `clock_spectrum`, without leading axes.
    period_h : float
        Period of the wave [h].
    n : int
        How many copies; the p-value is at least 1 / (n + 1).
    rng : Generator
        Source of chance.
    order, phase : bool
        What the copies have lost, as in `shuffled_days`: the order of days for a weekly wave, the
        time of day for a daily one.
    """
    lost = shuffled_days(counts, n, rng, order=order, phase=phase)
    reached = clock_spectrum(days, lost, [period_h]) >= clock_spectrum(days, counts, [period_h])
    return float((1 + reached.sum()) / (1 + n))


# --- beside a curve -----------------------------------------------------------------------


def beside_hours(
    hourly: pd.Series,
    start: pd.Timestamp,
    usage: Usage,
    events: Mapping[str, ArrayLike],
    spans: Spans,
) -> pd.DataFrame:
    """Lay a log beside an hourly curve: what happened in each hour that its spans hold whole.

    Parameters
    ----------
    hourly : Series
        Value of each hour, on its tz-aware start: carbon intensity [g CO2e/kWh], say.
    start : Timestamp
        Instant at which second 0 of the log is put (`helpers.timeline.same_weekday`).
    usage : Usage
        Processors in use.
    events : mapping of str to array_like
        Times of events [s since second 0] by name: of submissions, say.
    spans : sequence of (start, stop)
        When the log is complete [s since second 0].

    Returns
    -------
    DataFrame
        On the curve's hours: ``intensity`` (the curve), mean ``processors`` in use, how many
        events of each name, and the ``week`` since second 0 for blocks of resamples.
    """
    at_s = (pd.DatetimeIndex(hourly.index) - start).total_seconds().to_numpy()
    whole = within(at_s, spans) & within(at_s + 3599, spans)
    at_s = at_s[whole]
    counts = {
        name: np.diff(np.searchsorted(np.sort(np.asarray(times)), [at_s, at_s + 3600]), axis=0)[0]
        for name, times in events.items()
    }
    hours = {"intensity": hourly[whole], "processors": usage.mean(at_s, at_s + 3600)}
    return pd.DataFrame({**hours, **counts, "week": at_s // (7 * SECONDS_A_DAY)})


# --- distributions of lengths -------------------------------------------------------------


@dataclass(frozen=True)
class HyperGamma:
    """A mixture of two gamma distributions, with the methods of a frozen scipy distribution.

    Parameters
    ----------
    share : float
        Weight of the first part, from 0 to 1.
    shape, scale : tuple of float
        Shape and scale of the two parts, > 0; scales in the unit of the values.

    References
    ----------
    U. Lublin, D. G. Feitelson, "The workload on parallel supercomputers: modeling the
    characteristics of rigid jobs", Journal of Parallel and Distributed Computing 63(11), 2003.
    """

    share: float
    shape: tuple[float, float]
    scale: tuple[float, float]

    def _parts(self) -> list[tuple[float, Any]]:
        from scipy import stats

        shares = (self.share, 1 - self.share)
        parts = zip(shares, self.shape, self.scale, strict=True)
        return [(share, stats.gamma(shape, scale=scale)) for share, shape, scale in parts]

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of a value at or below x."""
        return np.sum([share * part.cdf(x) for share, part in self._parts()], axis=0)

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of the density."""
        with np.errstate(divide="ignore"):
            terms = [np.log(share) + part.logpdf(x) for share, part in self._parts()]
        return np.logaddexp(*terms)

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles, by bisection in the logarithm to a relative 1e-9."""
        q = np.asarray(q, dtype=float)
        ends = np.array([part.ppf(q) for _, part in self._parts()])
        low, high = np.log(ends.min(axis=0)), np.log(ends.max(axis=0))
        for _ in range(60):
            middle = (low + high) / 2
            below = self.cdf(np.exp(middle)) < q
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.exp(high)

    def rvs(self, size: int, random_state: np.random.Generator) -> NDArray[np.float64]:
        """Return random values, shape (size,)."""
        part = (random_state.random(size) >= self.share).astype(int)
        return random_state.gamma(np.array(self.shape)[part], np.array(self.scale)[part])


def _gamma_shape(log_ratio: NDArray | float) -> NDArray[np.float64]:
    """Solve log(a) - digamma(a) = log_ratio (log of mean minus mean of logs) for the shape a.

    T. P. Minka, "Estimating a Gamma distribution", 2002: a start and generalised Newton steps.
    """
    from scipy.special import polygamma, psi

    s = np.maximum(log_ratio, 1e-9)
    a = (3 - s + np.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
    for _ in range(8):
        a = 1 / (1 / a + (np.log(a) - s - psi(a)) / (a**2 * (1 / a - polygamma(1, a))))
    return a


def _fit_lognormal(x: NDArray, n: NDArray) -> Any:
    from scipy import stats

    return stats.lognorm(*stats.lognorm.fit(np.repeat(x, n.astype(np.int64)), floc=0))


def _fit_gamma(x: NDArray, n: NDArray) -> Any:
    from scipy import stats

    return stats.gamma(*stats.gamma.fit(np.repeat(x, n.astype(np.int64)), floc=0))


def _fit_weibull(x: NDArray, n: NDArray) -> Any:
    from scipy import optimize, stats

    # scipy's own fit takes fifty times as long: it does not know that one equation is left.
    logs = np.log(x)
    centre = np.average(logs, weights=n)

    def slope(c: float) -> float:  # derivative of the profile likelihood in the shape c
        power = n * np.exp(c * (logs - logs.max()))
        return np.sum(power * logs) / power.sum() - centre - 1 / c

    c = optimize.brentq(slope, 1e-3, 1e3)
    power = np.average(np.exp(c * (logs - logs.max())), weights=n)
    return stats.weibull_min(c, scale=np.exp(logs.max()) * power ** (1 / c))


def _fit_loguniform(x: NDArray, n: NDArray) -> Any:
    from scipy import stats

    return stats.loguniform(x.min(), x.max())


def _fit_hypergamma(x: NDArray, n: NDArray) -> HyperGamma:
    """Expectation maximisation from a split at the median, until the likelihood rests."""
    from scipy.special import gammaln, logsumexp

    logs, total = np.log(x), n.sum()
    below = (x <= weighted_quantile(x, 0.5, n)).astype(float)
    member = np.clip(np.array([below, 1 - below]), 0.1, 0.9)
    before = -np.inf
    for _ in range(300):
        weight = member * n
        mass = weight.sum(axis=1)
        mean = weight @ x / mass
        shape = _gamma_shape(np.log(mean) - weight @ logs / mass)
        scale = mean / shape
        density = (
            np.log(mass / total)[:, None]
            + (shape - 1)[:, None] * logs
            - x / scale[:, None]
            - (gammaln(shape) + shape * np.log(scale))[:, None]
        )
        both = logsumexp(density, axis=0)
        member = np.exp(density - both)
        likelihood = float(n @ both)
        if likelihood - before < 1e-6 * total:
            break
        before = likelihood
    shapes, scales = shape.tolist(), scale.tolist()
    return HyperGamma(float(mass[0] / total), (shapes[0], shapes[1]), (scales[0], scales[1]))


#: Families of distributions of positive lengths: how one is fitted, and its free parameters.
FAMILIES = {
    "lognormal": (_fit_lognormal, 2),
    "Weibull": (_fit_weibull, 2),
    "gamma": (_fit_gamma, 2),
    "hyper-gamma": (_fit_hypergamma, 5),
    "log-uniform": (_fit_loguniform, 2),
}


@dataclass(frozen=True)
class Fit:
    """A family of distributions fitted to lengths.

    Parameters
    ----------
    family : str
        One of `FAMILIES`.
    distribution : object
        With ``cdf``, ``ppf``, ``logpdf`` and ``rvs`` as a frozen scipy distribution has them.
    log_likelihood : float
        Of the values at the fitted parameters.
    aic : float
        Akaike's information criterion, twice (parameters - log-likelihood); lower is better.
    distance : float
        Kolmogorov-Smirnov distance, from 0 to 1.
    """

    family: str
    distribution: Any
    log_likelihood: float
    aic: float
    distance: float


def ks_distance(values: ArrayLike, distribution: Any, resolution: float = 0.0) -> float:
    """Return the largest gap between the shares at or below x of values and of a distribution.

    Parameters
    ----------
    values : array_like, shape (n,)
        What was observed.
    distribution : object
        With ``cdf``.
    resolution : float
        Values are multiples of this, rounded up: then only multiples are compared, because the
        distribution's mass between two of them stands at the upper one in the values. 0: exact.

    Raises
    ------
    ValueError
        If there are no values.
    """
    x, n = np.unique(np.asarray(values, dtype=float), return_counts=True)
    if not x.size:
        raise ValueError("there are no values to compare with a distribution.")
    share = np.concatenate([[0.0], np.cumsum(n) / n.sum()])
    above = share[1:] - distribution.cdf(x)
    below = distribution.cdf(x - resolution) - share[:-1]
    return float(max(above.max(), below.max()))


def fit_lengths(values: ArrayLike, family: str, resolution: float = 0.0) -> Fit:
    """Fit a family of distributions to lengths by maximum likelihood.

    Parameters
    ----------
    values : array_like, shape (n,)
        Lengths > 0, in any unit (run times in seconds, say); at least two different ones.
    family : str
        One of `FAMILIES`.
    resolution : float
        As in `ks_distance`: what the values were rounded up to; 0 if they were not.

    Raises
    ------
    ValueError
        If the family is not known, a value is not finite and > 0, or all are equal.

    Notes
    -----
    The likelihood of a hyper-gamma has several maxima; the fit is the one that expectation
    maximisation reaches from a split at the median, so that it is the same every time.
    """
    if family not in FAMILIES:
        raise ValueError(f"family is {family!r}: it must be one of {', '.join(FAMILIES)}.")
    x = np.asarray(values, dtype=float)
    if not (np.isfinite(x).all() and (x > 0).all() and (x != x[:1]).any()):
        raise ValueError("lengths must be finite, > 0 and not all the same: select them before.")
    estimate, parameters = FAMILIES[family]
    unique, count = np.unique(x, return_counts=True)
    distribution = estimate(unique, count.astype(float))
    likelihood = float(count @ distribution.logpdf(unique))
    distance = ks_distance(x, distribution, resolution)
    return Fit(family, distribution, likelihood, 2 * (parameters - likelihood), distance)


def bootstrap_distances(
    fit: Fit, size: int, n: int, rng: np.random.Generator, *, resolution: float = 0.0
) -> NDArray[np.float64]:
    """Return the distances that samples of a fitted distribution have from their own fits.

    Parameters
    ----------
    fit : Fit
        What the samples are drawn from.
    size : int
        Values in a sample: as many as were fitted.
    n : int
        How many samples.
    rng : Generator
        Source of chance.
    resolution : float
        What the fitted values were rounded up to; the samples are rounded so too. 0: not.

    Returns
    -------
    ndarray, shape (n,)
        Kolmogorov-Smirnov distances. The share of them that reach ``fit.distance`` is the p-value of
        "the values come from this family", (1 + how many) / (1 + n).

    Notes
    -----
    Fitting makes distances smaller, so that the tables of the Kolmogorov-Smirnov test do not
    hold; drawing and fitting again does [1]_.

    References
    ----------
    .. [1] W. Stute, W. González Manteiga, M. Presedo Quindimil, "Bootstrap based goodness-of-fit
       tests", Metrika 40, 1993, doi:10.1007/BF02613687.
    """
    distances = np.empty(n)
    for i in range(n):
        sample = fit.distribution.rvs(size=size, random_state=rng)
        if resolution:
            sample = np.maximum(np.ceil(sample / resolution), 1) * resolution
        distances[i] = fit_lengths(sample, fit.family, resolution).distance
    return distances


# --- two curves over the same time --------------------------------------------------------


def weighted_ratio(
    weights: ArrayLike, values: ArrayLike, blocks: ArrayLike, n: int, rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Return the weighted mean of values over their plain mean, with a block bootstrap.

    Parameters
    ----------
    weights : array_like, shape (k,)
        Non-negative weight of each hour: processors in use, say.
    values : array_like, shape (k,)
        Value of each hour: carbon intensity [g CO2e/kWh], say.
    blocks : array_like, shape (k,)
        Label of the block that each hour belongs to (its week): blocks are drawn as wholes, so
        that the interval knows that hours resemble their neighbours.
    n : int
        How many resamples.
    rng : Generator
        Source of chance.

    Returns
    -------
    ratio : float
        Below 1 where the weight lies on low values.
    resampled : ndarray, shape (n,)
        The ratio of each resample of blocks; their quantiles give an interval.

    Raises
    ------
    ValueError
        If the lengths differ, a number is not finite, or there is no weight.

    References
    ----------
    E. Carlstein, "The Use of Subseries Values for Estimating the Variance of a General Statistic
    from a Stationary Sequence", The Annals of Statistics 14(3), 1986.
    """
    value, weight = _weighted(values, weights)
    label, place = np.unique(np.asarray(blocks), return_inverse=True)
    sums = [
        np.bincount(place, terms, minlength=label.size)
        for terms in (weight * value, weight, value, np.ones_like(value))
    ]
    drawn = block_weights(label.size, 1, n, rng)
    drawn = drawn[drawn @ sums[1] > 0]

    def ratio(times: NDArray) -> NDArray:
        both, weight, value, hours = (times @ part for part in sums)
        return (both / weight) / (value / hours)

    return float(ratio(np.ones(label.size))), ratio(drawn)
