"""Carbon intensity over time: what a kilowatt-hour emits, and what was forecast.

One representation for every source: a step function of UTC time with its kind (average or
marginal), its zone and where it comes from.
Every integral here is exact for such functions: there is no sampling and no interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Forecasts",
    "Intensity",
    "check_intensity",
    "duration_seconds",
    "epoch_seconds",
    "same_kind",
    "utc_times",
]

#: Energy of one kilowatt-hour [J/kWh].
JOULES_PER_KWH = 3.6e6

Kind = Literal["average", "marginal"]
#: One instant or many: tz-aware time stamps, or seconds since 1970-01-01T00:00:00Z [s].
Times = datetime | Sequence[datetime] | pd.DatetimeIndex | pd.Series | ArrayLike
#: A length of time: seconds, or what `pandas.Timedelta` understands ("15min").
Duration = float | str | pd.Timedelta


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
    whole, rest = np.divmod(nanoseconds, 1_000_000_000)  # a float of nanoseconds would round
    return whole + rest / 1e9


def _naive(time: datetime) -> str:
    if pd.isna(time):
        return "a time stamp is missing (NaT); leave out what has no time before asking."
    return (
        f"time stamp {time} has no time zone, so it names no instant; "
        'add one, e.g. .tz_localize("UTC") or .tz_localize("Europe/Berlin").'
    )


def utc_times(seconds: ArrayLike) -> pd.DatetimeIndex:
    """Convert epoch seconds [s] to UTC time stamps, rounded to the nanosecond."""
    seconds = np.atleast_1d(np.asarray(seconds, dtype=np.float64))
    whole = np.floor(seconds)
    nanoseconds = whole.astype(np.int64) * 1_000_000_000 + np.round((seconds - whole) * 1e9).astype(
        np.int64
    )
    return pd.DatetimeIndex(nanoseconds.astype("datetime64[ns]")).tz_localize("UTC")


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


def check_intensity(intensity: Intensity) -> None:
    """Refuse what is taken for an intensity and is none: a pandas Series, Forecasts, a number.

    Raises
    ------
    TypeError
        If it is no `Intensity`; the message says how to get one.
    """
    if not isinstance(intensity, Intensity):
        raise TypeError(
            f"intensity of type {type(intensity).__name__} is no Intensity: make one of a series "
            "by Intensity.from_series(), of forecasts by .issued_at(time)."
        )


def same_kind(*signals: Intensity | Forecasts) -> Kind:
    """Return the kind that all signals share, so that average and marginal never mix.

    An average intensity says what the mix emits per kWh, a marginal one what *one more* kWh
    causes; their difference or sum has no meaning.

    Raises
    ------
    ValueError
        If no signal is given, or two differ in kind.
    """
    kinds = {signal.kind: signal for signal in signals}
    if len(kinds) == 1:
        return signals[0].kind
    if not signals:
        raise ValueError("same_kind() needs at least one signal.")
    raise ValueError(
        "average and marginal intensity must not be combined: "
        + " against ".join(repr(signal) for signal in kinds.values())
        + "; choose signals of one kind."
    )


@dataclass(frozen=True, eq=False, repr=False)
class Intensity:
    """Carbon intensity as a step function of UTC time.

    Step i holds on the half-open interval [`edges_s[i]`, `edges_s[i + 1]`). Steps may differ
    in length; there are no gaps. Nothing is extrapolated: asking outside of the first and
    last edge is an error.

    Parameters
    ----------
    edges_s : array_like, shape (n + 1,)
        Epoch seconds [s] or tz-aware time stamps, strictly increasing.
    intensity_g_per_kwh : array_like, shape (n,)
        Intensity of each step [g CO2e/kWh]. An average must be >= 0. A marginal rate may be
        negative: in a congested network one more kWh can let a cleaner plant replace a
        dirtier one [1]_.
    kind : {"average", "marginal"}
        Whether it describes the mix, or what one more kWh causes.
    zone : str
        Grid zone, e.g. "DE".
    source : str
        Where the numbers come from, for captions and data sheets.

    Raises
    ------
    ValueError
        If shapes do not fit, edges do not increase, a value is not finite, an average is
        negative, or `kind` is unknown.

    References
    ----------
    .. [1] P. A. Ruiz and A. Rudkevich, "Analysis of Marginal Carbon Intensities in Constrained
       Power Networks", 43rd Hawaii International Conference on System Sciences, 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> hours = pd.date_range("2020-07-01", periods=3, freq="h", tz="UTC")
    >>> series = pd.Series([300.0, 200.0, 100.0], hours)
    >>> signal = Intensity.from_series(series, kind="average", zone="DE", source="example")
    >>> signal.emissions_g(hours[0], hours[2], power_w=1000.0)
    500.0
    """

    edges_s: NDArray[np.float64]
    intensity_g_per_kwh: NDArray[np.float64]
    kind: Kind
    zone: str
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges_s", _frozen(epoch_seconds(self.edges_s)))
        values = _frozen(self.intensity_g_per_kwh)
        object.__setattr__(self, "intensity_g_per_kwh", values)
        if values.ndim != 1 or not values.size or self.edges_s.shape != (values.size + 1,):
            raise ValueError(
                f"n steps need n + 1 edges and n >= 1, not {self.edges_s.shape} edges_s "
                f"and {values.shape} intensity_g_per_kwh."
            )
        _check_increasing(self.edges_s, "edges_s")
        _check_values(values, self.kind)

    @classmethod
    def from_series(
        cls,
        series: pd.Series,
        *,
        kind: Kind,
        zone: str,
        source: str,
        step: Duration | pd.DateOffset | None = None,
    ) -> Self:
        """Make an intensity from a Series indexed by the start of each step.

        Parameters
        ----------
        series : Series of float
            Intensity [g CO2e/kWh] with a tz-aware index of step starts, in increasing order.
        kind, zone, source
            As in `Intensity`.
        step : duration or DateOffset, optional
            Length of each step; a `pandas.DateOffset` counts in the calendar of the index, so
            that a day with a daylight-saving change has 23 or 25 hours. By default the
            distance of the first two starts.

        Raises
        ------
        TypeError
            If the index does not hold times, or the values are no numbers.
        ValueError
            If the index has no time zone, times repeat, or a step does not end where the next
            begins (a gap): steps are never filled or stretched silently.
        """
        index = series.index
        if not isinstance(index, pd.DatetimeIndex):
            raise TypeError(f"the index of the series must be tz-aware times, not {index.dtype}.")
        starts_s = epoch_seconds(index)
        if step is None and starts_s.size < 2:
            raise ValueError("one value tells no step length; give `step`.")
        _check_increasing(starts_s, "the index of the series")
        if isinstance(step, pd.DateOffset):
            stops_s = epoch_seconds(index + step)
        else:
            stops_s = starts_s + (
                starts_s[1] - starts_s[0] if step is None else duration_seconds(step)
            )
        torn = np.flatnonzero(np.abs(stops_s[:-1] - starts_s[1:]) > 1e-6)
        if torn.size:
            stop, start = utc_times([stops_s[torn[0]], starts_s[torn[0] + 1]])
            raise ValueError(
                f"a step ends at {stop.isoformat()} but the next value starts at "
                f"{start.isoformat()} ({torn.size} such places); fill gaps explicitly, give the "
                "right `step`, or pass the edges of irregular steps to Intensity()."
            )
        edges_s = np.append(starts_s, stops_s[-1])
        if not pd.api.types.is_numeric_dtype(series.dtype):
            raise TypeError(
                f"the series holds {series.dtype}, such as {series.iloc[0]!r}, but must hold "
                "numbers [g/kWh]: convert it, e.g. by pd.to_numeric()."
            )
        return cls(edges_s, series.to_numpy(np.float64), kind, zone, source)

    @property
    def start(self) -> pd.Timestamp:
        """First instant covered, UTC."""
        return utc_times(self.edges_s[0])[0]

    @property
    def stop(self) -> pd.Timestamp:
        """First instant after the last step, UTC: no longer covered by `at`."""
        return utc_times(self.edges_s[-1])[0]

    def to_series(self, tz: str = "UTC") -> pd.Series:
        """Return the steps as a Series [g CO2e/kWh] indexed by their starts in zone `tz`."""
        index = utc_times(self.edges_s[:-1]).tz_convert(tz)
        return pd.Series(self.intensity_g_per_kwh.copy(), index, name="intensity_g_per_kwh")

    def at(self, times: Times) -> float | NDArray[np.float64]:
        """Return the intensity [g CO2e/kWh] at each of `times`.

        Raises
        ------
        ValueError
            If an instant is before `start`, or at or after `stop`.
        """
        seconds = epoch_seconds(times)
        self._check_covered(seconds, seconds >= self.edges_s[-1])
        return _plain(self.intensity_g_per_kwh[self._locate(seconds)[0]])

    def integral(self, start: Times, stop: Times) -> float | NDArray[np.float64]:
        """Integrate the intensity over [start, stop].

        Parameters
        ----------
        start, stop : instants
            Broadcast against each other; each `stop` >= its `start`.

        Returns
        -------
        float or ndarray
            Exact integral [g CO2e/kWh x s].

        Raises
        ------
        ValueError
            If an interval leaves the coverage or ends before it starts.
        """
        start_s, stop_s = np.broadcast_arrays(epoch_seconds(start), epoch_seconds(stop))
        backwards = np.flatnonzero(stop_s < start_s)
        if backwards.size:
            first = int(backwards[0])
            raise ValueError(
                f"interval {first} stops at {_utc(stop_s.flat[first])}, before it starts at "
                f"{_utc(start_s.flat[first])}; swap its ends."
            )
        return _plain(self._between(self._located(start_s), self._located(stop_s)))

    def mean(
        self, start: Times | None = None, stop: Times | None = None
    ) -> float | NDArray[np.float64]:
        """Return the time-weighted mean [g CO2e/kWh] over [start, stop].

        By default over all that is covered. Calendar days of a zone, of 23 to 25 hours, are
        ``signal.mean(days[:-1], days[1:])`` with `days` a tz-aware daily `date_range`.

        Raises
        ------
        ValueError
            If an interval leaves the coverage, or is empty or reversed.
        """
        start_s = epoch_seconds(self.edges_s[0] if start is None else start)
        stop_s = epoch_seconds(self.edges_s[-1] if stop is None else stop)
        if (stop_s == start_s).any():
            raise ValueError(
                "an interval of 0 s has no mean; ask at() for the value of an instant."
            )
        return _plain(self.integral(start_s, stop_s) / (stop_s - start_s))

    def emissions_g(
        self, start: Times, stop: Times, power_w: ArrayLike
    ) -> float | NDArray[np.float64]:
        """Return the emissions of constant powers over [start, stop], many jobs at once.

        Parameters
        ----------
        start, stop : instants
            When each job runs.
        power_w : array_like
            Power of each job [W], >= 0. The three broadcast against each other.

        Returns
        -------
        float or ndarray
            Emissions [g CO2e], power x integral of the intensity / 3.6e6 J/kWh.

        Raises
        ------
        ValueError
            If an interval leaves the coverage or is reversed, or a power is negative or not
            finite.
        """
        return _plain(_power(power_w) * self.integral(start, stop) / JOULES_PER_KWH)

    def emissions_of_steps_g(self, edges: Times, power_w: ArrayLike) -> float:
        """Return the emissions [g CO2e] of one power curve that changes in steps.

        Parameters
        ----------
        edges : instants, shape (k + 1,)
            Strictly increasing times at which the power changes.
        power_w : array_like, shape (k,)
            Power [W] on [`edges[i]`, `edges[i + 1]`), >= 0.

        Raises
        ------
        ValueError
            As `emissions_of_profile_g`.
        """
        edges_s = epoch_seconds(edges)
        origin_s = edges_s.flat[0] if edges_s.size else 0.0
        return float(self.emissions_of_profile_g(origin_s, edges_s - origin_s, power_w))

    def emissions_of_profile_g(
        self, starts: Times, edges_rel_s: ArrayLike, power_w: ArrayLike
    ) -> float | NDArray[np.float64]:
        """Return the emissions of one power profile for each of many start times.

        Parameters
        ----------
        starts : instants
            When the profile starts, in any shape.
        edges_rel_s : array_like, shape (k + 1,)
            Strictly increasing edges of the profile [s], relative to its start.
        power_w : array_like, shape (k,)
            Power [W] on [`edges_rel_s[i]`, `edges_rel_s[i + 1]`), >= 0.

        Returns
        -------
        float or ndarray
            Emissions [g CO2e] in the shape of `starts`.

        Raises
        ------
        ValueError
            If the profile leaves the coverage for some start, its edges do not increase, its
            shapes do not fit, or a power is negative or not finite.
        """
        starts_s = epoch_seconds(starts)
        edges_s, powers = np.asarray(edges_rel_s, dtype=np.float64), _power(power_w)
        if powers.ndim != 1 or not powers.size or edges_s.shape != (powers.size + 1,):
            raise ValueError(
                f"k powers need k + 1 edges and k >= 1, not {edges_s.shape} edges and "
                f"{powers.shape} power_w."
            )
        _check_increasing(edges_s, "the edges of the power profile")
        total = np.zeros(starts_s.shape)
        before = self._located(starts_s + edges_s[0])
        for edge_s, power in zip(edges_s[1:], powers, strict=True):
            after = self._located(starts_s + edge_s)
            total += power * self._between(before, after)
            before = after
        return _plain(total / JOULES_PER_KWH)

    def window(self, start: Times, stop: Times) -> Self:
        """Return the part on [start, stop); steps that reach beyond are cut there.

        Raises
        ------
        ValueError
            If the window is empty or leaves the coverage.
        """
        start_s, stop_s = float(epoch_seconds(start)), float(epoch_seconds(stop))
        if stop_s <= start_s:
            raise ValueError(f"the window from {_utc(start_s)} to {_utc(stop_s)} is empty.")
        self._check_covered(np.array([start_s, stop_s]))
        first = np.searchsorted(self.edges_s, start_s, side="right")
        last = np.searchsorted(self.edges_s, stop_s, side="left")
        edges_s = np.concatenate([[start_s], self.edges_s[first:last], [stop_s]])
        values = self.intensity_g_per_kwh[first - 1 : last]
        return type(self)(edges_s, values, self.kind, self.zone, self.source)

    def resample(self, step: Duration) -> Self:
        """Return time-weighted means on a regular grid; every integral over it is kept.

        The grid lies on multiples of `step` since 1970-01-01T00:00Z, so that "1h" means hours
        of the clock; a step cut by `start` or `stop` stays shorter than the others.

        Raises
        ------
        ValueError
            If `step` is not > 0.
        """
        step_s = duration_seconds(step)
        first, last = self.edges_s[[0, -1]]
        inner = np.arange(np.floor(first / step_s) + 1, np.ceil(last / step_s)) * step_s
        edges_s = np.concatenate([[first], inner, [last]])
        values = self.mean(edges_s[:-1], edges_s[1:])
        if self.kind == "average":
            values = np.maximum(values, 0.0)  # a mean of zeros may round to -1e-17
        return type(self)(edges_s, values, self.kind, self.zone, self.source)

    @cached_property
    def _cumulative(self) -> NDArray[np.float64]:
        """Integral from the first edge to each edge [g/kWh x s]."""
        pieces = self.intensity_g_per_kwh * np.diff(self.edges_s)
        return np.concatenate([[0.0], np.cumsum(pieces)])

    def _locate(self, seconds: NDArray) -> tuple[NDArray, NDArray]:
        """Step of each instant, and seconds since that step began."""
        step = np.searchsorted(self.edges_s, seconds, side="right") - 1
        step = np.minimum(step, self.intensity_g_per_kwh.size - 1)  # the last edge itself
        return step, seconds - self.edges_s[step]

    def _located(self, seconds: NDArray) -> tuple[NDArray, NDArray]:
        self._check_covered(seconds)
        return self._locate(seconds)

    def _between(self, start: tuple[NDArray, NDArray], stop: tuple[NDArray, NDArray]) -> NDArray:
        """Integral between two located instants.

        Whole steps come from the cumulative sum and parts of steps are added apart, so that a
        job of a second late in a long curve loses no digits to the sum before it.
        """
        (first, head_s), (last, tail_s) = start, stop
        value = self.intensity_g_per_kwh
        whole = self._cumulative[last] - self._cumulative[first]
        return whole + (value[last] * tail_s - value[first] * head_s)

    def _check_covered(self, seconds: NDArray, beyond: NDArray | None = None) -> None:
        if beyond is None:
            beyond = seconds > self.edges_s[-1]
        outside = beyond | (seconds < self.edges_s[0])
        if outside.any():
            instant = np.atleast_1d(seconds)[np.atleast_1d(outside)][0]
            raise ValueError(
                f"{_utc(instant)} lies outside of the intensity of {self.zone}, which covers "
                f"[{_utc(self.edges_s[0])}, {_utc(self.edges_s[-1])}); nothing is extrapolated: "
                "load a longer period or ask for a shorter one."
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intensity) and _equal(self, other, "edges_s")

    __hash__ = None

    def __repr__(self) -> str:
        return (
            f"Intensity({self.kind}, {self.zone}, {_utc(self.edges_s[0])} to "
            f"{_utc(self.edges_s[-1])}, {_steps(self.edges_s)}, "
            f"mean {self.mean():.1f} g/kWh, {self.source!r})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Forecasts:
    """Forecasts of carbon intensity, each kept with the instant it was issued.

    Row i was issued at `issued_s[i]`; its value j holds on
    [issued_s[i] + lead_edges_s[j], issued_s[i] + lead_edges_s[j + 1]).

    Parameters
    ----------
    issued_s : array_like, shape (n,)
        Epoch seconds [s] or tz-aware time stamps, strictly increasing.
    lead_edges_s : array_like, shape (m + 1,)
        Edges of the leads [s], >= 0 and strictly increasing.
    intensity_g_per_kwh : array_like, shape (n, m)
        Forecast intensity [g CO2e/kWh].
    kind, zone, source
        As in `Intensity`.

    Raises
    ------
    ValueError
        If shapes do not fit, times do not increase, a lead is negative, or a value is one
        that `Intensity` refuses.
    """

    issued_s: NDArray[np.float64]
    lead_edges_s: NDArray[np.float64]
    intensity_g_per_kwh: NDArray[np.float64]
    kind: Kind
    zone: str
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "issued_s", _frozen(epoch_seconds(self.issued_s)))
        object.__setattr__(self, "lead_edges_s", _frozen(self.lead_edges_s))
        values = _frozen(self.intensity_g_per_kwh)
        object.__setattr__(self, "intensity_g_per_kwh", values)
        expected = (self.issued_s.size, self.lead_edges_s.size - 1)
        if values.ndim != 2 or not values.size or values.shape != expected:
            raise ValueError(
                "n issue times and m + 1 lead edges need (n, m) values with n, m >= 1, not "
                f"{self.issued_s.shape}, {self.lead_edges_s.shape} and {values.shape}."
            )
        _check_increasing(self.issued_s, "issued_s")
        _check_increasing(self.lead_edges_s, "lead_edges_s")
        if self.lead_edges_s[0] < 0:
            raise ValueError(
                f"lead {self.lead_edges_s[0]} s is negative: a forecast starts no earlier than "
                "it is issued; shift lead_edges_s."
            )
        _check_values(values, self.kind)

    @property
    def start(self) -> pd.Timestamp:
        """When the first forecast was issued, UTC."""
        return utc_times(self.issued_s[0])[0]

    @property
    def stop(self) -> pd.Timestamp:
        """When the last forecast was issued, UTC."""
        return utc_times(self.issued_s[-1])[0]

    def issued_at(self, time: Times, *, max_age: Duration | None = None) -> Intensity:
        """Return the newest forecast issued at or before `time`, never a later one.

        Parameters
        ----------
        time : instant
            When the forecast is asked for.
        max_age : duration, optional
            Oldest forecast accepted [s]; by default the last lead, after which a forecast says
            nothing about `time` any more.

        Returns
        -------
        Intensity
            The forecast over its leads, which may start a little after `time`.

        Raises
        ------
        ValueError
            If no forecast was issued by then, or the newest is older than `max_age`.
        """
        now_s = float(epoch_seconds(time))
        limit_s = float(self.lead_edges_s[-1]) if max_age is None else duration_seconds(max_age)
        row = int(np.searchsorted(self.issued_s, now_s, side="right")) - 1
        if row < 0:
            raise ValueError(
                f"no forecast for {self.zone} was issued by {_utc(now_s)}; the first is of "
                f"{_utc(self.issued_s[0])}: ask for a later time or load earlier forecasts."
            )
        issued_s = self.issued_s[row]
        if now_s - issued_s > limit_s:
            raise ValueError(
                f"the newest forecast for {self.zone} at {_utc(now_s)} is of {_utc(issued_s)}, "
                f"older than {limit_s:g} s; load the missing forecasts or raise max_age."
            )
        return Intensity(
            issued_s + self.lead_edges_s,
            self.intensity_g_per_kwh[row],
            self.kind,
            self.zone,
            f"{self.source}, forecast issued {_utc(issued_s)}",
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Forecasts) and _equal(self, other, "issued_s", "lead_edges_s")

    __hash__ = None

    def __repr__(self) -> str:
        return (
            f"Forecasts({self.kind}, {self.zone}, {self.issued_s.size} issued "
            f"{_utc(self.issued_s[0])} to {_utc(self.issued_s[-1])}, leads "
            f"{self.lead_edges_s[0]:g} to {self.lead_edges_s[-1]:g} s in "
            f"{_steps(self.lead_edges_s)}, {self.source!r})"
        )


def _frozen(values: ArrayLike) -> NDArray[np.float64]:
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def _plain(values: NDArray) -> float | NDArray[np.float64]:
    return values if np.ndim(values) else float(values)


def _power(power_w: ArrayLike) -> NDArray[np.float64]:
    powers = np.asarray(power_w, dtype=np.float64)
    bad = ~(np.isfinite(powers) & (powers >= 0))
    if bad.any():
        raise ValueError(f"power_w {powers[bad].flat[0]} must be finite and >= 0 W.")
    return powers


def _check_increasing(seconds: NDArray, name: str) -> None:
    late = np.flatnonzero(~(np.diff(seconds) > 0))
    if late.size:
        i = int(late[0])
        text = _utc if np.abs(seconds[i]) > 1e8 else "{:g} s".format  # instants, or leads
        raise ValueError(
            f"{name} must increase, but entry {i + 1} ({text(seconds[i + 1])}) does not follow "
            f"entry {i} ({text(seconds[i])}); sort the times and drop repeated ones."
        )


def _check_values(values: NDArray, kind: Kind) -> None:
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r} must be one of {', '.join(map(repr, get_args(Kind)))}.")
    bad = ~np.isfinite(values)
    rule = "finite; fill or leave out missing values first"
    if not bad.any() and kind == "average":
        bad = values < 0
        rule = ">= 0 g/kWh for an average; only a marginal rate may be negative"
    if bad.any():
        place = ", ".join(str(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"intensity_g_per_kwh[{place}] = {values[bad].flat[0]} must be {rule}.")


def _equal(one: Intensity | Forecasts, other: Intensity | Forecasts, *times: str) -> bool:
    same_text = all(getattr(one, f) == getattr(other, f) for f in ("kind", "zone", "source"))
    arrays = (*times, "intensity_g_per_kwh")
    return same_text and all(np.array_equal(getattr(one, f), getattr(other, f)) for f in arrays)


def _utc(seconds: float) -> str:
    if abs(seconds) > 9e9:  # beyond what nanoseconds tell: the unit is surely another one
        return f"{seconds:g} s after 1970"
    return utc_times(seconds)[0].isoformat().replace("+00:00", "Z")


def _steps(edges: NDArray) -> str:
    lengths = np.diff(edges)
    if np.allclose(lengths, lengths[0], rtol=0, atol=1e-6):
        return f"{lengths.size} steps of {lengths[0]:g} s"
    return f"{lengths.size} steps of {lengths.min():g} to {lengths.max():g} s"
