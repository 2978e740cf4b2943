"""Time: instants, durations, and functions of time that change in steps.

Instants are epoch seconds [s] or tz-aware time stamps; a stamp without a zone names no instant and
is refused. What holds for a while and then changes (an intensity, a PUE, the power of a job, the
processors in use) is a `StepFunction`; what a meter samples is a `Polyline`. Integrals of both are
exact, and nothing is extrapolated.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Pieces",
    "Polyline",
    "StepFunction",
    "check_increasing",
    "check_time_zone",
    "duration_seconds",
    "epoch_seconds",
    "instant_text",
    "same_weekday",
    "utc_times",
    "weekly_at_random",
]

#: One instant or many: tz-aware time stamps, or seconds since 1970-01-01T00:00:00Z [s].
Times = datetime | Sequence[datetime] | pd.DatetimeIndex | pd.Series | ArrayLike
#: A length of time: seconds, or what `pandas.Timedelta` understands ("15min").
Duration = float | str | pd.Timedelta

# With fewer instants than this a search costs less than the direct index, which makes more arrays.
_FEW = 64


def epoch_seconds(times: Times) -> NDArray[np.float64]:
    """Convert instants to seconds since 1970-01-01T00:00:00Z.

    Parameters
    ----------
    times : datetime, sequence of datetime, DatetimeIndex, Series or array_like of float
        Time stamps that carry a time zone, or epoch seconds [s], which pass unchanged.

    Returns
    -------
    ndarray of float
        Epoch seconds [s] in the shape of `times`; shape () for one instant. A float64 tells
        instants of this century 0.24 microseconds apart.

    Raises
    ------
    ValueError
        If a time stamp has no time zone, or is missing or not finite.
    TypeError
        If `times` holds neither time stamps nor numbers.
    """
    if isinstance(times, float) and math.isfinite(times):  # most often asked, many times over
        return np.float64(times)  # it acts as an array of shape ()
    if isinstance(times, pd.Timestamp) and times.tzinfo is not None:  # an index of one takes long
        with suppress(OverflowError):  # of a year that nanoseconds do not reach
            return epoch_seconds(float(_from_nanoseconds(times.value)))
    if isinstance(times, datetime | np.datetime64):
        return epoch_seconds(pd.DatetimeIndex([times]))[0]
    values = times if isinstance(times, pd.Series | pd.Index) else np.asarray(times)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return _from_index(pd.DatetimeIndex(values))
    if values.dtype.kind == "M":
        raise ValueError(_naive(pd.DatetimeIndex(np.ravel(values))[0]))
    if values.dtype.kind == "O" and all(isinstance(time, datetime) for time in np.ravel(values)):
        naive = [time for time in values if time.tzinfo is None]  # a missing time (NaT) too
        if naive:
            raise ValueError(_naive(naive[0]))
        return _from_index(pd.DatetimeIndex(pd.to_datetime(list(values), utc=True)))
    if values.dtype.kind not in "fiu":
        raise TypeError(
            f"times of type {values.dtype} are neither time stamps nor epoch seconds; "
            'write pd.Timestamp("2020-07-01 12:00", tz="UTC") or pd.to_datetime(..., utc=True).'
        )
    seconds = np.asarray(values, dtype=np.float64)
    if not np.isfinite(seconds).all():
        raise ValueError(
            f"time {seconds[~np.isfinite(seconds)].flat[0]} s is not finite; "
            "leave out what has no time before asking for its intensity."
        )
    return seconds


def _from_index(index: pd.DatetimeIndex) -> NDArray[np.float64]:
    if index.hasnans:
        raise ValueError(_naive(pd.NaT))
    nanoseconds = index.tz_convert(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return _from_nanoseconds(nanoseconds)


def _from_nanoseconds(nanoseconds: Any) -> Any:
    whole, rest = divmod(nanoseconds, 1_000_000_000)  # a float of nanoseconds would round
    return whole + rest / 1e9


def _naive(time: object) -> str:
    if time is pd.NaT:
        return "a time stamp is missing (NaT); leave out what has no time before asking."
    return (
        f"time stamp {time} has no time zone, so it names no instant; "
        'add one, e.g. .tz_localize("UTC") or .tz_localize("Europe/Berlin").'
    )


def utc_times(seconds: ArrayLike) -> pd.DatetimeIndex:
    """Convert epoch seconds [s] to UTC time stamps, rounded to the nanosecond."""
    nanoseconds = _nanoseconds(np.atleast_1d(np.asarray(seconds, dtype=np.float64)))
    return pd.DatetimeIndex(nanoseconds.astype("datetime64[ns]")).tz_localize("UTC")


def _nanoseconds(seconds: Any) -> Any:
    whole = np.floor(seconds)
    rest = np.round((seconds - whole) * 1e9)
    return whole.astype(np.int64) * 1_000_000_000 + rest.astype(np.int64)


def duration_seconds(duration: Duration) -> float:
    """Convert a length of time, seconds or a pandas Timedelta, to positive seconds [s].

    Raises
    ------
    ValueError
        If it is no length of time, or is not > 0.
    """
    if isinstance(duration, int | float | np.integer | np.floating):
        seconds = float(duration)
    else:
        try:
            seconds = pd.Timedelta(duration).total_seconds()
        except ValueError:
            raise ValueError(
                f"duration {duration!r} is no length of time: write seconds, or '30min' or '1h'."
            ) from None
    if not (np.isfinite(seconds) and seconds > 0):
        raise ValueError(f"duration {duration!r} must be finite and > 0 s.")
    return seconds


def check_time_zone(time_zone: str) -> str:
    """Return the name of a clock if there is one of that name.

    Raises
    ------
    ValueError
        If it is no IANA name such as Europe/Oslo.
    """
    try:
        ZoneInfo(time_zone)
    except (ValueError, TypeError, OSError, ZoneInfoNotFoundError):  # "Europe" is a folder
        raise ValueError(f"time_zone(={time_zone!r}) is no IANA name like 'Europe/Oslo'.") from None
    return time_zone


def instant_text(seconds: float) -> str:
    """Return an instant [epoch s] as people read it, for messages: 2020-07-01T12:00:00Z."""
    if abs(seconds) > 9e9:  # beyond what nanoseconds tell: the unit is surely another one
        return f"{seconds:g} s after 1970"
    nanoseconds = int(_nanoseconds(np.float64(seconds)))
    return pd.Timestamp(nanoseconds, tz="UTC").isoformat().replace("+00:00", "Z")


def _time_text(seconds: float) -> str:
    """Text of an instant, or of seconds since some start: no curve reaches back before 1973."""
    return instant_text(seconds) if abs(seconds) > 1e8 else f"{seconds:g} s"


def check_increasing(seconds: NDArray[np.float64], name: str) -> None:
    """Refuse times [s] that do not increase strictly; the message names the place.

    Raises
    ------
    ValueError
        If an entry does not follow the one before it.
    """
    if (seconds[1:] > seconds[:-1]).all():
        return
    i = int(np.flatnonzero(~(np.diff(seconds) > 0))[0])
    raise ValueError(
        f"{name} must increase, but entry {i + 1} ({_time_text(seconds[i + 1])}) does not follow "
        f"entry {i} ({_time_text(seconds[i])}); sort the times and drop repeated ones."
    )


class Located(NamedTuple):
    """Instants found in a function of time: in which piece, and how far into it [s]."""

    place: NDArray[np.intp]
    into_s: NDArray[np.float64]


def same_weekday(
    epoch: pd.Timestamp, year: int, time_zone: str | tzinfo, weeks: int = 0
) -> pd.Timestamp:
    """Return the instant of another year with the same weekday and time of day.

    Parameters
    ----------
    epoch : Timestamp
        A tz-aware instant; its own clock counts.
    year : int
        The year to go to.
    time_zone : str or tzinfo
        IANA name of the zone, or the zone, whose clock shall then show the same time.
    weeks : int
        Whole weeks to go further.

    Returns
    -------
    Timestamp
        In zone `time_zone`, whole weeks away by the calendar: without `weeks`, the date of `year` nearest
        to the same day of the month. A time of day that the clock skips there is moved to the end
        of the skipped hour; of a time that it shows twice, the first is meant.

    Raises
    ------
    ValueError
        If `epoch` has no time zone.
    """
    if epoch.tzinfo is None:
        raise ValueError(f"epoch is {epoch}, without a time zone: give it one.")
    wall = epoch.tz_localize(None)
    same_day = wall + pd.DateOffset(year=year)  # 29 February becomes 28 February
    moved = wall + pd.Timedelta(weeks=round((same_day - wall) / pd.Timedelta(weeks=1)))
    if moved.year != year:
        moved += pd.Timedelta(weeks=1 if moved.year < year else -1)
    moved += pd.Timedelta(weeks=weeks)
    return moved.tz_localize(time_zone, ambiguous=True, nonexistent="shift_forward")


def weekly_at_random(
    start: pd.Timestamp, stop: pd.Timestamp, *, seed: int, head: Duration, tail: Duration
) -> pd.DatetimeIndex:
    """Return one instant in each week, at an hour drawn by lot.

    Parameters
    ----------
    start, stop : Timestamp
        The period.
    seed : int
        Of the lots.
    head, tail : duration
        What is left out at both ends: weeks begin `head` after the first whole day, the last of
        them at least `tail` before the end.

    Returns
    -------
    DatetimeIndex
        Whole hours after the beginning of each week.

    Raises
    ------
    ValueError
        If the period is too short for a week.
    """
    first = start.ceil("D") + pd.Timedelta(seconds=duration_seconds(head))
    last = stop - pd.Timedelta(seconds=duration_seconds(tail))
    weeks = pd.date_range(first, last, freq="7D")
    if not len(weeks):
        raise ValueError(
            f"from {start} to {stop} no week begins {head} after the start and {tail} before the "
            "end: take a longer period."
        )
    hours = np.random.default_rng(seed).integers(0, 7 * 24, weeks.size)
    return weeks + pd.to_timedelta(hours, unit="h")


class Pieces(NamedTuple):
    """Intervals cut at the edges of a step function: one entry a piece, in order.

    Attributes
    ----------
    interval : ndarray of int, shape (k,)
        Which interval the piece belongs to.
    place : ndarray of int, shape (k,)
        Which step it lies in.
    start_s, stop_s : ndarray of float, shape (k,)
        Its ends [s].
    """

    interval: NDArray[np.intp]
    place: NDArray[np.intp]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]


def _frozen(values: ArrayLike) -> NDArray[np.float64]:
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def plain(values: NDArray[np.float64] | float) -> float | NDArray[np.float64]:
    """Return an array of shape () as a float, any other as it is."""
    return values if isinstance(values, np.ndarray) and values.ndim else float(values)


def _ends(start: Times, stop: Times) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    start_s, stop_s = epoch_seconds(start), epoch_seconds(stop)
    if start_s.shape != stop_s.shape:
        start_s, stop_s = np.broadcast_arrays(start_s, stop_s)
    if (stop_s < start_s).any():
        first = int(np.flatnonzero(stop_s < start_s)[0])
        raise ValueError(
            f"interval {first} stops at {_time_text(stop_s.flat[first])}, before it starts at "
            f"{_time_text(start_s.flat[first])}; swap its ends."
        )
    return start_s, stop_s


class _Curve(ABC):
    """What is common to functions of time made of pieces that share a border."""

    edges_s: NDArray[np.float64]
    name: str

    @cached_property
    def _length_s(self) -> float | None:
        """Length of the pieces [s] if all are about equal, so that a place can be computed."""
        count = self.edges_s.size - 1
        length_s = float(self.edges_s[-1] - self.edges_s[0]) / count
        even_s = self.edges_s[0] + length_s * np.arange(count + 1)
        # Off by less than half a piece, a computed place is the right one or its neighbour.
        return length_s if np.abs(self.edges_s - even_s).max() < length_s / 4 else None

    def _locate(self, seconds: NDArray[np.float64]) -> Located:
        """Find covered instants; the last edge belongs to the last piece."""
        last = self.edges_s.size - 2
        if seconds.size < _FEW or self._length_s is None:
            place = np.minimum(np.searchsorted(self.edges_s, seconds, side="right") - 1, last)
        else:
            place = ((seconds - self.edges_s[0]) / self._length_s).astype(np.intp)
            np.minimum(place, last, out=place)
            place -= seconds < self.edges_s[place]
            place += seconds >= self.edges_s[place + 1]
            np.minimum(place, last, out=place)
        return Located(place, seconds - self.edges_s[place])

    def located(self, times: Times) -> Located:
        """Find instants once, for several sums by `between`.

        Raises
        ------
        ValueError
            If an instant lies outside of the edges.
        """
        return self._located(epoch_seconds(times))

    def _located(self, seconds: NDArray[np.float64]) -> Located:
        self._check_covered(seconds)
        return self._locate(seconds)

    @abstractmethod
    def between(self, start: Located, stop: Located) -> NDArray[np.float64]:
        """Integrate between instants found by `located` [value x s]."""

    def integral(
        self, start: Times | None = None, stop: Times | None = None
    ) -> float | NDArray[np.float64]:
        """Integrate exactly over [start, stop] [value x s]; by default over all that is known.

        The ends broadcast against each other; each `stop` >= its `start`.

        Raises
        ------
        ValueError
            If an interval ends before it starts, or leaves what is known.
        """
        return plain(self._integral(*self._ends(start, stop)))

    def _integral(
        self, start_s: NDArray[np.float64], stop_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return self.between(self._located(start_s), self._located(stop_s))

    def mean(
        self, start: Times | None = None, stop: Times | None = None
    ) -> float | NDArray[np.float64]:
        """Return the time-weighted mean over [start, stop]; by default over all that is known.

        Raises
        ------
        ValueError
            As `integral`, or if an interval is empty.
        """
        start_s, stop_s = self._ends(start, stop)
        if (stop_s == start_s).any():
            raise ValueError(
                "an interval of 0 s has no mean; ask at() for the value of an instant."
            )
        return plain(self._integral(start_s, stop_s) / (stop_s - start_s))

    def _ends(
        self, start: Times | None, stop: Times | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _ends(
            self.edges_s[0] if start is None else start,
            self.edges_s[-1] if stop is None else stop,
        )

    def _check_covered(
        self, seconds: NDArray[np.float64], beyond: NDArray[np.bool_] | None = None
    ) -> None:
        if beyond is None:
            beyond = seconds > self.edges_s[-1]
        outside = beyond | (seconds < self.edges_s[0])
        if np.count_nonzero(outside):
            instant = np.atleast_1d(seconds)[np.atleast_1d(outside)][0]
            raise ValueError(
                f"{_time_text(instant)} lies outside of {self.name}, which covers "
                f"[{_time_text(self.edges_s[0])}, {_time_text(self.edges_s[-1])}); nothing is "
                "extrapolated: load a longer period or ask for a shorter one."
            )


@dataclass(frozen=True, eq=False)
class StepFunction(_Curve):
    """A function of time that changes in steps, integrated exactly.

    Step i holds on the half-open interval [`edges_s[i]`, `edges_s[i + 1]`). Steps may differ in
    length; there are no gaps.

    Parameters
    ----------
    edges_s : array_like, shape (n + 1,)
        Epoch seconds [s], seconds since a start [s], or tz-aware time stamps; strictly increasing.
    values : array_like, shape (n,)
        Value of each step, finite.
    name : str
        What it is, for messages: ``"the intensity of DE"``.
    outside : float, optional
        Its value before the first and after the last edge; by default it is not known there,
        and asking is an error.

    Raises
    ------
    ValueError
        If shapes do not fit, edges do not increase or a value is not finite.

    Notes
    -----
    Where steps are of equal length the step of an instant is computed, not searched.

    Examples
    --------
    >>> power_w = StepFunction([0.0, 10.0, 30.0], [100.0, 50.0])
    >>> power_w.integral(5.0, 20.0)
    1000.0
    """

    edges_s: NDArray[np.float64]
    values: NDArray[np.float64] = field(repr=False)
    name: str = "the step function"
    outside: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges_s", _frozen(epoch_seconds(self.edges_s)))
        object.__setattr__(self, "values", _frozen(self.values))
        if (
            self.values.ndim != 1
            or not self.values.size
            or self.edges_s.shape != (self.values.size + 1,)
        ):
            raise ValueError(
                f"{self.name}: n steps need n + 1 edges and n >= 1, not {self.edges_s.shape} "
                f"edges_s and {self.values.shape} values."
            )
        check_increasing(self.edges_s, f"edges_s of {self.name}")
        if not np.isfinite(self.values).all():
            i = int(np.flatnonzero(~np.isfinite(self.values))[0])
            raise ValueError(
                f"{self.name}: value {i} ({self.values[i]}) must be finite; fill or leave out "
                "missing values first."
            )

    @classmethod
    def from_changes(
        cls, times: Times, changes: ArrayLike, name: str = "the step function"
    ) -> Self:
        """Make the sum of what comes and goes: 0 before the first change, and after the last.

        Parameters
        ----------
        times : instants, shape (k,)
            When something changes, in any order.
        changes : array_like, shape (k,)
            By how much.
        name : str
            As in `StepFunction`.

        Raises
        ------
        ValueError
            If there are fewer than two different times.
        """
        edges_s, place = np.unique(epoch_seconds(times), return_inverse=True)
        change = np.bincount(place, np.asarray(changes, dtype=np.float64), minlength=edges_s.size)
        return cls(edges_s, np.cumsum(change, dtype=np.float64)[:-1], name, 0.0)

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """Integral from the first edge to each edge [value x s], shape (n + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.values * np.diff(self.edges_s))])

    @property
    def lengths_s(self) -> NDArray[np.float64]:
        """Length of each step [s], shape (n,)."""
        return np.diff(self.edges_s)

    def at(self, times: Times) -> float | NDArray[np.float64]:
        """Return the value at each of `times`.

        Raises
        ------
        ValueError
            If an instant is before the first edge, or at or after the last, and the value
            outside is not known.
        """
        seconds = epoch_seconds(times)
        if self.outside is None:
            self._check_covered(seconds, seconds >= self.edges_s[-1])
            return plain(self.values[self._locate(seconds).place])
        found = self.values[self._locate(np.clip(seconds, *self.edges_s[[0, -1]])).place]
        inside = (seconds >= self.edges_s[0]) & (seconds < self.edges_s[-1])
        return plain(np.where(inside, found, self.outside))

    def _integral(
        self, start_s: NDArray[np.float64], stop_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if self.outside is None:
            return super()._integral(start_s, stop_s)
        first_s, last_s = self.edges_s[[0, -1]]
        inner = np.clip(start_s, first_s, last_s), np.clip(stop_s, first_s, last_s)
        covered = self.between(self._locate(inner[0]), self._locate(inner[1]))
        uncovered_s = (stop_s - start_s) - (inner[1] - inner[0])
        return covered + self.outside * uncovered_s

    def between(self, start: Located, stop: Located) -> NDArray[np.float64]:
        """Integrate between instants found by `located` [value x s].

        Whole steps come from the cumulative sum and parts of steps are added apart, so that a
        second late in a long curve loses no digits to the sum before it.
        """
        (first, head_s), (last, tail_s) = start, stop
        whole = self.cumulative[last] - self.cumulative[first]
        return whole + (self.values[last] * tail_s - self.values[first] * head_s)

    def pieces(self, start: Times, stop: Times) -> Pieces:
        """Cut many intervals at the edges, so that the function is constant in each piece.

        Parameters
        ----------
        start, stop : instants, shape (k,)
            Ends of the intervals, `stop` >= `start`, within the edges; an empty one has no piece.

        Raises
        ------
        ValueError
            If an interval ends before it starts, or leaves the edges.
        """
        start_s, stop_s = (np.atleast_1d(ends) for ends in _ends(start, stop))
        first, (last, tail_s) = self.located(start_s).place, self.located(stop_s)
        count = np.where(stop_s > start_s, last - first + (tail_s > 0), 0)
        interval = np.repeat(np.arange(count.size), count)
        place = np.arange(interval.size) + np.repeat(first - (np.cumsum(count) - count), count)
        return Pieces(
            interval,
            place,
            np.maximum(start_s[interval], self.edges_s[place]),
            np.minimum(stop_s[interval], self.edges_s[place + 1]),
        )

    def window(self, start: Times, stop: Times) -> Self:
        """Return the part on [start, stop); steps that reach beyond are cut there.

        Raises
        ------
        ValueError
            If the window is empty or leaves the edges.
        """
        start_s, stop_s = float(epoch_seconds(start)), float(epoch_seconds(stop))
        if stop_s <= start_s:
            raise ValueError(
                f"the window from {_time_text(start_s)} to {_time_text(stop_s)} is empty."
            )
        self._check_covered(np.array([start_s, stop_s]))
        first = np.searchsorted(self.edges_s, start_s, side="right")
        last = np.searchsorted(self.edges_s, stop_s, side="left")
        edges_s = np.concatenate([[start_s], self.edges_s[first:last], [stop_s]])
        return self._cut(edges_s, self.values[first - 1 : last])

    def _cut(self, edges_s: NDArray[np.float64], values: NDArray[np.float64]) -> Self:
        """Make a function of edges and values that are known to be right."""
        cut = object.__new__(type(self))
        for array in (edges_s, values):
            array.setflags(write=False)
        cut.__dict__.update(edges_s=edges_s, values=values, name=self.name, outside=self.outside)
        return cut

    def resample(self, step: Duration) -> Self:
        """Return time-weighted means on a regular grid; every integral over it is kept.

        The grid lies on multiples of `step` since 1970-01-01T00:00Z, so that "1h" means hours of
        the clock; a step cut by the first or last edge stays shorter than the others.

        Raises
        ------
        ValueError
            If `step` is not > 0.
        """
        step_s = duration_seconds(step)
        first, last = self.edges_s[[0, -1]]
        inner = np.arange(np.floor(first / step_s) + 1, np.ceil(last / step_s)) * step_s
        edges_s = np.concatenate([[first], inner, [last]])
        means = self.mean(edges_s[:-1], edges_s[1:])
        return type(self)(edges_s, np.asarray(means), self.name, self.outside)

    def on(self, edges: Times) -> Self:
        """Return the same function cut at more edges, on what those span.

        Raises
        ------
        ValueError
            If `edges` are fewer than two, or leave what is known.
        """
        edges_s = np.unique(epoch_seconds(edges))
        if edges_s.size < 2:
            raise ValueError(f"{self.name} needs two edges or more, not {edges_s.size}.")
        inner = (self.edges_s > edges_s[0]) & (self.edges_s < edges_s[-1])
        edges_s = np.union1d(edges_s, self.edges_s[inner])
        if self.outside is None:
            self._check_covered(edges_s[[0, -1]])
        return type(self)(edges_s, np.atleast_1d(self.at(edges_s[:-1])), self.name, self.outside)

    def __mul__(self, other: StepFunction | float) -> StepFunction:
        """Return the product with a number, or with another function where both are known."""
        return self._joined(other, np.multiply)

    def __add__(self, other: StepFunction | float) -> StepFunction:
        """Return the sum with a number, or with another function where both are known."""
        return self._joined(other, np.add)

    __rmul__, __radd__ = __mul__, __add__

    def _joined(self, other: StepFunction | float, operation: Callable) -> StepFunction:
        if not isinstance(other, StepFunction):
            outside = None if self.outside is None else float(operation(self.outside, other))
            return StepFunction(self.edges_s, operation(self.values, other), self.name, outside)
        bounded = [one for one in (self, other) if one.outside is None]
        if bounded:
            low_s = max(one.edges_s[0] for one in bounded)
            high_s = min(one.edges_s[-1] for one in bounded)
            outside = None
        else:
            low_s = min(self.edges_s[0], other.edges_s[0])
            high_s = max(self.edges_s[-1], other.edges_s[-1])
            outside = float(operation(self.outside, other.outside))
        if low_s >= high_s:
            raise ValueError(
                f"{self.name} and {other.name} have no time in common: load periods that overlap."
            )
        edges_s = np.union1d(self.edges_s, other.edges_s)
        edges_s = np.union1d(edges_s[(edges_s > low_s) & (edges_s < high_s)], [low_s, high_s])
        values = operation(self.at(edges_s[:-1]), other.at(edges_s[:-1]))
        return StepFunction(edges_s, values, self.name, outside)

    def to_series(self, time_zone: str = "UTC") -> pd.Series:
        """Return the steps as a Series indexed by their starts on the clock of `time_zone`."""
        index = utc_times(self.edges_s[:-1]).tz_convert(check_time_zone(time_zone))
        return pd.Series(self.values.copy(), index)


@dataclass(frozen=True, eq=False)
class Polyline(_Curve):
    """A function of time given by samples joined by straight lines, integrated exactly.

    Parameters
    ----------
    edges_s : array_like, shape (n,)
        When each sample was taken: epoch seconds [s], seconds since a start [s], or tz-aware time
        stamps; strictly increasing.
    samples : array_like, shape (n,)
        Value then, finite; n >= 2.
    name : str
        What it is, for messages.

    Raises
    ------
    ValueError
        If shapes do not fit, times do not increase or a value is not finite.
    """

    edges_s: NDArray[np.float64]
    samples: NDArray[np.float64] = field(repr=False)
    name: str = "the samples"

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges_s", _frozen(epoch_seconds(self.edges_s)))
        object.__setattr__(self, "samples", _frozen(self.samples))
        if self.edges_s.ndim != 1 or self.edges_s.size < 2:
            raise ValueError(f"{self.name} need two times or more, not {self.edges_s.shape}.")
        if self.samples.shape != self.edges_s.shape:
            raise ValueError(
                f"{self.name} need as many values as times, not {self.samples.shape} and "
                f"{self.edges_s.shape}."
            )
        check_increasing(self.edges_s, f"times of {self.name}")
        if not np.isfinite(self.samples).all():
            i = int(np.flatnonzero(~np.isfinite(self.samples))[0])
            raise ValueError(f"{self.name}: sample {i} ({self.samples[i]}) must be finite.")

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """Integral from the first sample to each [value x s], shape (n,)."""
        cells = np.diff(self.edges_s) * (self.samples[1:] + self.samples[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(cells)])

    def at(self, times: Times) -> float | NDArray[np.float64]:
        """Return the value on the line at each of `times`.

        Raises
        ------
        ValueError
            If an instant is before the first or after the last sample.
        """
        place, into_s = self.located(times)
        return plain(self._on_line(place, into_s))

    def between(self, start: Located, stop: Located) -> NDArray[np.float64]:
        """Integrate between instants found by `located` [value x s]."""
        (first, head_s), (last, tail_s) = start, stop
        head = head_s * (self.samples[first] + self._on_line(first, head_s)) / 2
        tail = tail_s * (self.samples[last] + self._on_line(last, tail_s)) / 2
        return self.cumulative[last] - self.cumulative[first] + (tail - head)

    def _on_line(self, place: NDArray[np.intp], into_s: NDArray[np.float64]) -> NDArray[np.float64]:
        rise = self.samples[place + 1] - self.samples[place]
        slope = rise / (self.edges_s[place + 1] - self.edges_s[place])
        return slope * into_s + self.samples[place]
