"""Runs: power over time with events, and what is computed from them.

A run knows no file.
Time runs from the run's first sample, in seconds; power in between samples is a straight
line, so every energy here is the trapezoid rule, with the ends of a window interpolated.
Nothing is extrapolated: a window that leaves the recording is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.power.events import BEGIN, END, FAILED
from helpers.timeline import Polyline

__all__ = [
    "Baseline",
    "Energy",
    "Event",
    "Instant",
    "Problem",
    "Run",
    "Stack",
    "baseline",
    "counter_j",
    "energies",
    "energy_j",
    "lag_s",
    "measure_energy",
    "paired_sum",
    "program_window",
    "spans",
    "stack",
    "thin",
]

#: An instant of a run: seconds since its start, the name of an event that occurs once, or
#: (name, occurrence) with occurrences counted from 0, or from -1 backwards.
Instant = float | str | tuple[str, int]
# Differences of epoch seconds in float64 are this coarse, and some [s].
_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class Problem:
    """Something wrong with a recording, and where.

    Attributes
    ----------
    file : str
        The file's name.
    line : int
        The line, counted from 1; the last one for what is missing at the end.
    what : str
        What is wrong.
    """

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Event:
    """Something that happened during a run.

    Attributes
    ----------
    time_s : float
        Time since the run's start [s].
    name : str
        What happened.
    """

    time_s: float
    name: str


@dataclass(frozen=True, eq=False)
class Run:
    """Power over time, with events.

    Attributes
    ----------
    time_s : ndarray of float, shape (n,)
        Times of the samples since the first one [s], strictly increasing; read-only.
    power_w : ndarray of float, shape (n,)
        Power at those times [W], finite; read-only.
    start_epoch_s : float
        The instant of the first sample [epoch s].
    events : tuple of Event
        In order of time.
    counter_j : ndarray of float, shape (n,), or None
        The meter's own energy counter at those times [J]; None if it has none.
    name : str
        What was recorded.
    meta : mapping
        What is known about meter, machine and program, as read.
    problems : tuple of Problem
        What is wrong with the recording; empty unless it was read with ``errors="keep"``.

    Raises
    ------
    ValueError
        If shapes differ, there are fewer than two samples, time does not increase strictly,
        or a number is not finite.
    """

    time_s: NDArray[np.float64] = field(repr=False)
    power_w: NDArray[np.float64] = field(repr=False)
    start_epoch_s: float
    events: tuple[Event, ...] = field(default=(), repr=False)
    counter_j: NDArray[np.float64] | None = field(default=None, repr=False)
    name: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()

    def __post_init__(self) -> None:
        for label in ("time_s", "power_w", "counter_j"):
            if getattr(self, label) is None:
                continue
            values = np.array(getattr(self, label), dtype=np.float64)
            if values.ndim != 1 or values.size < 2 or values.size != np.size(self.time_s):
                raise ValueError(
                    f"{label} has shape {values.shape}; a run needs two or more samples, and as "
                    f"many as time_s, which has shape {np.shape(self.time_s)}."
                )
            if not np.isfinite(values).all():
                at = int(np.flatnonzero(~np.isfinite(values))[0])
                raise ValueError(f"{label}[{at}]={values[at]} must be finite.")
            values.flags.writeable = False
            object.__setattr__(self, label, values)
        steps_s = np.diff(self.time_s)
        if not (steps_s > 0).all():
            at = int(np.flatnonzero(steps_s <= 0)[0])
            raise ValueError(
                f"time_s must increase strictly: {self.time_s[at]} s is followed by "
                f"{self.time_s[at + 1]} s (sample {at + 1})."
            )

    @property
    def duration_s(self) -> float:
        """Time from the first to the last sample [s]."""
        return float(self.time_s[-1] - self.time_s[0])

    @property
    def start(self) -> pd.Timestamp:
        """The instant of the first sample, in UTC."""
        return pd.Timestamp(self.start_epoch_s, unit="s", tz="UTC")

    def at(self, instant: Instant) -> float:
        """Return when something was, in seconds since the run's start [s].

        Raises
        ------
        ValueError
            If there is no such event, or several and none was chosen.
        """
        if not isinstance(instant, str | tuple):
            return float(instant)
        name, occurrence = (instant, None) if isinstance(instant, str) else instant
        times_s = [event.time_s for event in self.events if event.name == name]
        if not times_s:
            known = ", ".join(repr(n) for n in dict.fromkeys(e.name for e in self.events))
            raise ValueError(f"run {self.name!r} has no event {name!r}; it has {known or 'none'}.")
        if occurrence is None:
            if len(times_s) > 1:
                raise ValueError(
                    f"event {name!r} occurs {len(times_s)} times in run {self.name!r}: say which, "
                    f"({name!r}, 0) for the first or ({name!r}, -1) for the last."
                )
            return times_s[0]
        if not -len(times_s) <= occurrence < len(times_s):
            raise ValueError(
                f"event {name!r} occurs {len(times_s)} times in run {self.name!r}; "
                f"there is no occurrence {occurrence}."
            )
        return times_s[occurrence]

    @cached_property
    def power(self) -> Polyline:
        """Power over time [W] as a function of the seconds since the start."""
        return Polyline(self.time_s, self.power_w, f"run {self.name!r}")


def _covered(run: Run, instant: Instant | ArrayLike | None, default: float) -> NDArray[np.float64]:
    """Return instants of a run as seconds; refuse those outside the recording."""
    if instant is None:
        return np.asarray(default, float)
    times_s = np.asarray(run.at(instant) if isinstance(instant, str | tuple) else instant, float)
    first_s, last_s = run.time_s[0], run.time_s[-1]
    outside = ~((times_s >= first_s - _ROUNDING_S) & (times_s <= last_s + _ROUNDING_S))
    if outside.any():
        raise ValueError(
            f"{times_s[outside].flat[0]} s is outside the recording of run {run.name!r}, from "
            f"{first_s} to {last_s} s: choose a window inside it."
        )
    return np.clip(times_s, first_s, last_s)


@overload
def energy_j(run: Run, start: Instant | None = None, stop: Instant | None = None) -> float: ...


@overload
def energy_j(
    run: Run, start: NDArray[np.float64], stop: NDArray[np.float64]
) -> NDArray[np.float64]: ...


def energy_j(
    run: Run, start: Instant | ArrayLike | None = None, stop: Instant | ArrayLike | None = None
) -> float | NDArray[np.float64]:
    """Integrate power over one window, or over many at once.

    Parameters
    ----------
    run : Run
        What was recorded.
    start, stop : instant, or array of float, optional
        Ends of the window: seconds since the run's start [s], or events. By default the
        first and the last sample.

    Returns
    -------
    float, or ndarray of the shape of the windows
        Energy [J]; negative if `stop` is before `start`.

    Raises
    ------
    ValueError
        If an end lies outside the recording, or an event is unknown or not unique.

    Notes
    -----
    The trapezoid rule on the samples; power at an end of the window that falls in between
    two samples is interpolated.
    """
    energy = _until_j(run, _covered(run, stop, run.time_s[-1])) - _until_j(
        run, _covered(run, start, run.time_s[0])
    )
    return float(energy) if np.ndim(energy) == 0 else energy


def _until_j(run: Run, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate power from the first sample to each of some times [J].

    `Polyline.between` gives the same but for the last digit. It is not used because the mean
    shift of a warping hangs on that digit: of paths that are equally good it decides for one.
    """
    place, inside_s = run.power.located(times_s)
    power_w = np.interp(times_s, run.time_s, run.power_w)
    return run.power.cumulative[place] + inside_s * (run.power_w[place] + power_w) / 2


def counter_j(run: Run, start: Instant | None = None, stop: Instant | None = None) -> float:
    """Return what the meter's own energy counter says about a window.

    Parameters
    ----------
    run : Run
        A run with a counter.
    start, stop : instant, optional
        Ends of the window, as for `energy_j`.

    Returns
    -------
    float
        Energy [J], interpolated between readings of the counter.

    Raises
    ------
    ValueError
        If the run has no counter, or an end lies outside the recording.
    """
    if run.counter_j is None:
        raise ValueError(f"run {run.name!r} has no energy counter: integrate power instead.")
    ends_s = np.array([_covered(run, start, run.time_s[0]), _covered(run, stop, run.time_s[-1])])
    counted_j = np.interp(ends_s, run.time_s, run.counter_j)
    return float(counted_j[1] - counted_j[0])


def program_window(run: Run, idle_s: float | None = None) -> tuple[float, float]:
    """Return when the program ran.

    Parameters
    ----------
    run : Run
        What was recorded.
    idle_s : float, optional
        How long the machine was left idle before and after the program [s]; needed where the
        recorder did not stamp the program itself.

    Returns
    -------
    start_s, stop_s : float
        Seconds since the run's start [s].

    Raises
    ------
    ValueError
        If the run neither has the recorder's events nor `idle_s` fits into it.
    """
    names = {event.name for event in run.events}
    if idle_s is None:
        if {"program" + BEGIN, "program" + END} <= names:
            return run.at("program" + BEGIN), run.at("program" + END)
        raise ValueError(
            f"run {run.name!r} does not say when its program began and ended: give idle_s, the "
            "time that was left idle before and after it."
        )
    if not 0 <= 2 * idle_s < run.duration_s:
        raise ValueError(
            f"idle_s={idle_s} twice must be >= 0 and less than the {run.duration_s:.1f} s of run "
            f"{run.name!r}."
        )
    return run.time_s[0] + idle_s, run.time_s[-1] - idle_s


@dataclass(frozen=True)
class Baseline:
    """What a machine draws when the job does nothing.

    Attributes
    ----------
    power_w : float
        Mean power [W].
    standard_error_w : float
        Standard error of that mean [W]; neighbouring samples are not taken as independent.
    sd_w : float
        Standard deviation of the single samples [W].
    duration_s : float
        Time over which it was taken [s].
    window_w : tuple of float
        Mean power of each window [W].
    """

    power_w: float
    standard_error_w: float
    sd_w: float
    duration_s: float
    window_w: tuple[float, ...]


def baseline(
    windows: Iterable[tuple[Run, Instant, Instant]],
    *,
    blocks: int = 10,
    largest_spread_w: float = 5.0,
) -> Baseline:
    """Return the idle power over one or more windows.

    Parameters
    ----------
    windows : iterable of (Run, start, stop)
        Where nothing ran: before a program, after it, or all of an idle run. After a program
        a machine may stay awake for long, which is no idle: look at `Baseline.window_w`.
    blocks : int
        How many blocks each window is cut into for the standard error; 2 or more.
    largest_spread_w : float
        By how much the windows' means may differ [W].

    Returns
    -------
    Baseline
        Its mean weighs each window by its duration.

    Raises
    ------
    ValueError
        If there is no window, one is empty or leaves its run, `blocks` is below 2, or the
        windows' means differ by more than `largest_spread_w`.

    Notes
    -----
    The standard error is the larger of two. That of batch means: each window is cut into
    `blocks` of equal length, long enough that their means are nearly independent though the
    samples are not. And, with several windows, that of the windows' means: the machine may
    drift from one to the next by more than it fluctuates within each.

    References
    ----------
    J. M. Flegal and G. L. Jones, "Batch means and spectral variance estimators in Markov
    chain Monte Carlo", The Annals of Statistics 38(2), 2010.
    """
    if blocks < 2:
        raise ValueError(f"blocks={blocks} must be >= 2.")
    means_w, durations_s, block_w, samples = [], [], [], []
    for run, start, stop in windows:
        start_s, stop_s = run.at(start), run.at(stop)
        if not stop_s > start_s:
            raise ValueError(f"the window from {start_s} to {stop_s} s of {run.name!r} is empty.")
        edges_s = np.linspace(start_s, stop_s, blocks + 1)
        block_w.append(energy_j(run, edges_s[:-1], edges_s[1:]) / np.diff(edges_s))
        means_w.append(float(block_w[-1].mean()))
        durations_s.append(stop_s - start_s)
        samples.append(run.power_w[(run.time_s >= start_s) & (run.time_s <= stop_s)])
    _check_spread(means_w, largest_spread_w)
    power_w = float(np.average(means_w, weights=durations_s))
    groups = [np.concatenate(block_w)] + ([np.array(means_w)] if len(means_w) > 1 else [])
    return Baseline(
        power_w=power_w,
        standard_error_w=float(max(g.std(ddof=1) / np.sqrt(g.size) for g in groups)),
        sd_w=float(np.concatenate(samples).std(ddof=1)),
        duration_s=float(sum(durations_s)),
        window_w=tuple(means_w),
    )


def _check_spread(means_w: list[float], largest_spread_w: float) -> None:
    if not means_w:
        raise ValueError("windows is empty: an idle baseline needs at least one window.")
    if max(means_w) - min(means_w) > largest_spread_w:
        raise ValueError(
            f"idle power differs between windows, from {min(means_w):.1f} to {max(means_w):.1f} W: "
            f"more than largest_spread_w={largest_spread_w}. The machine may still be awake after "
            "a program: leave those windows out, or wait longer."
        )


@dataclass(frozen=True)
class Energy:
    """The energy of one window of a run.

    Attributes
    ----------
    duration_s : float
        Length of the window [s].
    energy_j : float
        Integrated power [J].
    counter_j : float
        The same by the meter's own counter [J]; NaN if it has none.
    idle_w, idle_standard_error_w : float
        What was subtracted, and its standard error [W]; NaN if nothing was.
    above_idle_j : float
        Energy above idle [J]; NaN without a baseline.
    above_idle_standard_error_j : float
        Its standard error as far as it comes from the baseline [J].
    """

    duration_s: float
    energy_j: float
    counter_j: float
    idle_w: float
    idle_standard_error_w: float
    above_idle_j: float
    above_idle_standard_error_j: float


def measure_energy(
    run: Run,
    start: Instant | None = None,
    stop: Instant | None = None,
    *,
    idle: Baseline | None = None,
) -> Energy:
    """Return the energy of a window: integrated, counted, and above idle.

    Parameters
    ----------
    run : Run
        What was recorded.
    start, stop : instant, optional
        Ends of the window, as for `energy_j`.
    idle : Baseline, optional
        What is subtracted.

    Returns
    -------
    Energy
        With the uncertainty of the baseline carried along.

    Raises
    ------
    ValueError
        If an end lies outside the recording, or an event is unknown or not unique.

    Notes
    -----
    Above idle is :math:`E - P_0 T` with standard error :math:`T s(P_0)`: the error of the
    baseline grows with the window and is the same for all runs that share the baseline.
    """
    total_j = energy_j(run, start, stop)
    start_s, stop_s = _covered(run, start, run.time_s[0]), _covered(run, stop, run.time_s[-1])
    duration_s = float(stop_s - start_s)
    idle_w = np.nan if idle is None else idle.power_w
    error_w = np.nan if idle is None else idle.standard_error_w
    return Energy(
        duration_s=duration_s,
        energy_j=total_j,
        counter_j=np.nan if run.counter_j is None else counter_j(run, start, stop),
        idle_w=idle_w,
        idle_standard_error_w=error_w,
        above_idle_j=total_j - idle_w * duration_s,
        above_idle_standard_error_j=error_w * duration_s,
    )


def energies(
    runs: Mapping[int, Run],
    start: Instant | None = None,
    stop: Instant | None = None,
    *,
    idle: Baseline | None = None,
) -> pd.DataFrame:
    """Return the energy of the same window of many runs, one row a run.

    Parameters
    ----------
    runs : mapping of int to Run
        Runs by the number of their repeat.
    start, stop : instant, optional
        Ends of the window, as for `energy_j`; None means where the recording starts or ends.
    idle : Baseline, optional
        What is subtracted.

    Returns
    -------
    DataFrame
        The fields of `Energy`, indexed by ``repeat``.

    Raises
    ------
    ValueError
        If an end lies outside a recording, or an event is unknown or not unique.
    """
    rows = {key: asdict(measure_energy(run, start, stop, idle=idle)) for key, run in runs.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(Energy.__annotations__))
    return table.rename_axis(index="repeat").sort_index()


def paired_sum(
    first: pd.Series, second: pd.Series, *, unpaired: Literal["raise", "leave_out"] = "raise"
) -> pd.Series:
    """Add what belongs to the same repeat: the run up to a stop and the run that resumes it.

    Parameters
    ----------
    first, second : Series
        One number for each repeat.
    unpaired : {"raise", "leave_out"}
        What happens to a repeat that only one of the two has.

    Returns
    -------
    Series
        The sums, indexed by the repeats that both have.

    Raises
    ------
    ValueError
        If a repeat has no partner and may not be left out, or there is no pair at all.
    """
    alone = first.index.symmetric_difference(second.index)
    if len(alone) and unpaired == "raise":
        raise ValueError(
            f"repeats {list(alone)} have no partner: look for the missing runs, or go on without "
            'them with unpaired="leave_out".'
        )
    both = first.index.intersection(second.index)
    if both.empty:
        raise ValueError("no repeat is in both series: nothing pairs.")
    return first[both] + second[both]


@dataclass(frozen=True, eq=False)
class Stack:
    """Repeated runs on one time grid.

    Attributes
    ----------
    edges_s : ndarray of float, shape (m + 1,)
        Edges of the grid's cells, relative to the instant on which runs were aligned [s].
    power_w : ndarray of float, shape (k, m)
        Mean power of each of k runs in each cell [W].
    keys : tuple
        The key of each run.
    """

    edges_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    keys: tuple[Any, ...]

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Centers of the cells [s], shape (m,)."""
        return (self.edges_s[1:] + self.edges_s[:-1]) / 2

    @property
    def mean_w(self) -> NDArray[np.float64]:
        """Mean over the runs [W], shape (m,)."""
        return self.power_w.mean(axis=0)

    @property
    def sd_w(self) -> NDArray[np.float64]:
        """Standard deviation over the runs [W], shape (m,); NaN for one run."""
        if len(self.keys) < 2:
            return np.full(self.power_w.shape[1], np.nan)
        return self.power_w.std(axis=0, ddof=1)

    def quantile_w(self, q: ArrayLike) -> NDArray[np.float64]:
        """Quantiles over the runs [W], shape of `q` + (m,)."""
        return np.quantile(self.power_w, np.asarray(q, float), axis=0)


def stack(
    runs: Mapping[Any, Run],
    *,
    on: Instant | None = None,
    step_s: float = 0.05,
    start_s: float | None = None,
    stop_s: float | None = None,
) -> Stack:
    """Align repeated runs on an instant and put them on one grid.

    Parameters
    ----------
    runs : mapping of key to Run
        The repeats.
    on : instant, optional
        What becomes second 0 of every run; the start of the recording by default.
    step_s : float
        Width of the grid's cells [s].
    start_s, stop_s : float, optional
        Ends of the grid relative to that instant [s]; by default as far as all runs reach.

    Returns
    -------
    Stack
        Mean power in each cell, so that each row keeps its run's energy.

    Raises
    ------
    ValueError
        If there is no run, `step_s` is not positive, an event is unknown or not unique, or
        the grid is empty or leaves a run.
    """
    if not runs:
        raise ValueError("runs is empty: there is nothing to stack.")
    if not step_s > 0:
        raise ValueError(f"step_s={step_s} must be > 0.")
    zeros_s = {key: run.time_s[0] if on is None else run.at(on) for key, run in runs.items()}
    first = max(run.time_s[0] - zeros_s[key] for key, run in runs.items())
    last = min(run.time_s[-1] - zeros_s[key] for key, run in runs.items())
    start_s = np.ceil(first / step_s - 1e-9) * step_s if start_s is None else start_s
    cells = int(np.floor(((last if stop_s is None else stop_s) - start_s) / step_s + 1e-9))
    if cells < 1:
        raise ValueError(
            f"the grid is empty: all runs together reach from {first:.3f} to {last:.3f} s, which "
            f"must hold at least one cell of step_s={step_s} after start_s={start_s}."
        )
    edges_s = start_s + step_s * np.arange(cells + 1, dtype=np.float64)
    power_w = np.empty((len(runs), cells))
    for row, (key, run) in zip(power_w, runs.items(), strict=True):
        at_s = edges_s + zeros_s[key]
        row[:] = energy_j(run, at_s[:-1], at_s[1:]) / step_s
    return Stack(edges_s=edges_s, power_w=power_w, keys=tuple(runs))


def thin(run: Run, every: int, *, first: int = 0, averaging: bool = False) -> Run:
    """Return a run as a slower meter would have recorded it.

    Parameters
    ----------
    run : Run
        The run as recorded.
    every : int
        Samples of the run for one of the slower meter.
    first : int
        Sample that the slower meter begins with.
    averaging : bool
        Whether that meter reports the mean since its last report, or reads the instant.

    Returns
    -------
    Run
        Whole reports only: a rest of fewer than `every` samples is left out.

    Raises
    ------
    ValueError
        If fewer than two reports are left.
    """
    count = (run.time_s.size - first) // every
    if count < 2:
        raise ValueError(
            f"every={every} leaves {max(count, 0)} samples of run {run.name!r}, which has "
            f"{run.time_s.size}: a run needs two or more."
        )
    rows = first + np.arange(count * every).reshape(count, every)
    if not averaging:
        return Run(run.time_s[rows[:, 0]], run.power_w[rows[:, 0]], run.start_epoch_s, run.events)
    mean_s, mean_w = run.time_s[rows].mean(axis=1), run.power_w[rows].mean(axis=1)
    return Run(mean_s, mean_w, run.start_epoch_s, run.events)


def lag_s(run: Run, event: Instant) -> float:
    """Return how long after an event power has changed for good [s].

    Power before and after is the median of the 0.8 s from a second before the event and up to
    two seconds after it; changed it has where cells of 0.05 s lie past half-way for 0.3 s in a row,
    so that a single stroke of training is not taken for the change.

    Raises
    ------
    ValueError
        If the event is unknown or not unique, or the recording does not reach so far around it.
    """
    at_s = run.at(event)
    edges = at_s + np.arange(-1.0, 2.01, 0.05)
    power_w = energy_j(run, edges[:-1], edges[1:]) / 0.05
    low, high = np.median(power_w[:16]), np.median(power_w[-16:])
    half_w = (low + high) / 2
    past = power_w > half_w if high > low else power_w < half_w
    held = np.convolve(past, np.ones(6), mode="full")[5:] >= 6  # six cells in a row
    return float(edges[np.argmax(held)] - at_s)


def spans(run: Run) -> pd.DataFrame:
    """Return the phases of a run: from the event at their begin to the one at their end.

    Parameters
    ----------
    run : Run
        A run whose job marked phases with `helpers.power.events.phase`.

    Returns
    -------
    DataFrame
        One row a phase in order of their begins: ``name``, ``start_s``, ``stop_s`` [s] (NaN if
        it never ended), ``depth`` (0 for a phase in no other), ``failed``.

    Raises
    ------
    ValueError
        If a phase ends that never began.
    """
    rows: list[dict[str, Any]] = []
    open_rows: list[dict[str, Any]] = []
    for event in run.events:
        if event.name.endswith(BEGIN):
            name = event.name.removesuffix(BEGIN)
            rows.append(
                {
                    "name": name,
                    "start_s": event.time_s,
                    "stop_s": np.nan,
                    "depth": len(open_rows),
                    "failed": False,
                }
            )
            open_rows.append(rows[-1])
            continue
        suffix = next((s for s in (END, FAILED) if event.name.endswith(s)), None)
        if suffix is None:
            continue
        name = event.name.removesuffix(suffix)
        row = next((row for row in reversed(open_rows) if row["name"] == name), None)
        if row is None:
            raise ValueError(
                f"phase {name!r} of run {run.name!r} ends at {event.time_s:.3f} s but never began."
            )
        row["stop_s"], row["failed"] = event.time_s, suffix == FAILED
        open_rows.remove(row)
    return pd.DataFrame(rows, columns=["name", "start_s", "stop_s", "depth", "failed"])
