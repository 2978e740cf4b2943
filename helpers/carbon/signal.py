"""Carbon intensity over time: what a kilowatt-hour emits, and what was forecast.

One representation for every source: a step function of UTC time with its kind (average or
marginal), its zone and where it comes from.
Every integral here is exact for such functions: there is no sampling and no interpolation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.timeline import (
    Duration,
    StepFunction,
    Times,
    check_increasing,
    duration_seconds,
    epoch_seconds,
    instant_text,
    plain,
    utc_times,
)

__all__ = [
    "Forecasts",
    "Intensity",
    "check_intensity",
    "one_kind",
    "same_kind",
]

#: Energy of one kilowatt-hour [J/kWh].
JOULES_PER_KWH = 3.6e6

Kind = Literal["average", "marginal"]


class HasKind(Protocol):
    """What is average or marginal: an intensity, forecasts, a climatology."""

    @property
    def kind(self) -> Kind:
        """Which of the two."""


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


def same_kind(*signals: HasKind) -> Kind:
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


def one_kind(what: str, kinds: Iterable[Kind | None]) -> Kind | None:
    """Return the kind of intensity that several have in common; None if none has any.

    Parameters
    ----------
    what : str
        What is made of them, for the message.
    kinds : iterable of {"average", "marginal", None}
        Their kinds.

    Raises
    ------
    TypeError
        If average and marginal would be mixed.
    """
    known = {kind for kind in kinds if kind is not None}
    if len(known) > 1:
        raise TypeError(
            f"{what} must not mix average and marginal emissions: the first say what the mix "
            "emitted, the second what a decision changed; make both from intensities of one kind."
        )
    return next(iter(known), None)


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

    Attributes
    ----------
    steps : StepFunction
        The numbers alone, to be multiplied, cut or summed.

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
    steps: StepFunction = field(init=False)

    def __post_init__(self) -> None:
        name = f"the intensity of {self.zone}"
        steps = StepFunction(self.edges_s, self.intensity_g_per_kwh, name)
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "edges_s", steps.edges_s)
        object.__setattr__(self, "intensity_g_per_kwh", steps.values)
        _check_values(steps.values, self.kind)

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
        check_increasing(starts_s, "the index of the series")
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

    def to_series(self, time_zone: str = "UTC") -> pd.Series:
        """Return the steps [g CO2e/kWh] indexed by their starts on the clock of `time_zone`."""
        return self.steps.to_series(time_zone).rename("intensity_g_per_kwh")

    def at(self, times: Times) -> float | NDArray[np.float64]:
        """Return the intensity [g CO2e/kWh] at each of `times`.

        Raises
        ------
        ValueError
            If an instant is before `start`, or at or after `stop`.
        """
        return self.steps.at(times)

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
        return self.steps.integral(start, stop)

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
        return self.steps.mean(start, stop)

    def per_watt_g(self, start: Times, stop: Times) -> float | NDArray[np.float64]:
        """Return what one watt over [start, stop] emits [g CO2e/W].

        Raises
        ------
        ValueError
            If an interval leaves the coverage or is reversed.
        """
        return plain(self.integral(start, stop) / JOULES_PER_KWH)

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
        return plain(_power(power_w) * self.integral(start, stop) / JOULES_PER_KWH)

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
        profile = StepFunction(np.asarray(edges_rel_s), _power(power_w), "the power profile")
        total = np.zeros(starts_s.shape)
        before = self.steps.located(starts_s + profile.edges_s[0])
        for edge_s, power in zip(profile.edges_s[1:], profile.values, strict=True):
            after = self.steps.located(starts_s + edge_s)
            total += power * self.steps.between(before, after)
            before = after
        return plain(total / JOULES_PER_KWH)

    def window(self, start: Times, stop: Times) -> Self:
        """Return the part on [start, stop); steps that reach beyond are cut there.

        Raises
        ------
        ValueError
            If the window is empty or leaves the coverage.
        """
        return self._like(self.steps.window(start, stop))

    def resample(self, step: Duration) -> Self:
        """Return time-weighted means on a regular grid; every integral over it is kept.

        The grid lies on multiples of `step` since 1970-01-01T00:00Z, so that "1h" means hours
        of the clock; a step cut by `start` or `stop` stays shorter than the others.

        Raises
        ------
        ValueError
            If `step` is not > 0.
        """
        means = self.steps.resample(step)
        if self.kind == "average" and means.values.min() < 0:  # a mean of zeros rounds to -1e-17
            means = replace(means, values=np.maximum(means.values, 0.0))
        return self._like(means)

    def _like(self, steps: StepFunction) -> Self:
        """Make the same intensity of steps that are known to be right."""
        like = object.__new__(type(self))
        like.__dict__.update(
            edges_s=steps.edges_s,
            intensity_g_per_kwh=steps.values,
            kind=self.kind,
            zone=self.zone,
            source=self.source,
            steps=steps,
        )
        return like

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intensity) and _equal(self, other, "edges_s")

    __hash__ = None  # type: ignore[assignment]  # equal by their arrays, which may not be hashed

    def __repr__(self) -> str:
        return (
            f"Intensity({self.kind}, {self.zone}, {instant_text(self.edges_s[0])} to "
            f"{instant_text(self.edges_s[-1])}, {_steps(self.edges_s)}, "
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
        check_increasing(self.issued_s, "issued_s")
        check_increasing(self.lead_edges_s, "lead_edges_s")
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
                f"no forecast for {self.zone} was issued by {instant_text(now_s)}; the first is of "
                f"{instant_text(self.issued_s[0])}: ask for a later time or load earlier forecasts."
            )
        issued_s = self.issued_s[row]
        if now_s - issued_s > limit_s:
            raise ValueError(
                f"the newest forecast for {self.zone} at {instant_text(now_s)} is of {instant_text(issued_s)}, "
                f"older than {limit_s:g} s; load the missing forecasts or raise max_age."
            )
        return Intensity(
            issued_s + self.lead_edges_s,
            self.intensity_g_per_kwh[row],
            self.kind,
            self.zone,
            f"{self.source}, forecast issued {instant_text(issued_s)}",
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Forecasts) and _equal(self, other, "issued_s", "lead_edges_s")

    __hash__ = None  # type: ignore[assignment]  # equal by their arrays, which may not be hashed

    def __repr__(self) -> str:
        return (
            f"Forecasts({self.kind}, {self.zone}, {self.issued_s.size} issued "
            f"{instant_text(self.issued_s[0])} to {instant_text(self.issued_s[-1])}, leads "
            f"{self.lead_edges_s[0]:g} to {self.lead_edges_s[-1]:g} s in "
            f"{_steps(self.lead_edges_s)}, {self.source!r})"
        )


def _frozen(values: ArrayLike) -> NDArray[np.float64]:
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def _power(power_w: ArrayLike) -> NDArray[np.float64]:
    powers = np.asarray(power_w, dtype=np.float64)
    bad = ~(np.isfinite(powers) & (powers >= 0))
    if bad.any():
        raise ValueError(f"power_w {powers[bad].flat[0]} must be finite and >= 0 W.")
    return powers


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


def _steps(edges: NDArray) -> str:
    lengths = np.diff(edges)
    if np.allclose(lengths, lengths[0], rtol=0, atol=1e-6):
        return f"{lengths.size} steps of {lengths[0]:g} s"
    return f"{lengths.size} steps of {lengths.min():g} to {lengths.max():g} s"
