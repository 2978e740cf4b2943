"""Fit a phase model to measured runs whose events say where phases begin or end.

A `helpers.phases.plan.Plan` tells in order which phases a run goes through.
Events are matched one by one: an event that is neither expected next nor ignored by name is
an error, so a run that went another way is never fitted by mistake.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.phases.model import PARTS, Phase, PhaseModel, Repeat
from helpers.phases.plan import Loop, Plan, Span
from helpers.power.runs import Event, Run, energy_j

__all__ = ["Fit", "RunLike", "as_run", "fit_model", "match_borders"]

RunLike = Run | tuple[ArrayLike, ArrayLike, Iterable[tuple[float, str]] | pd.DataFrame]
"""A run, or its times [s], powers [W] and events: ``(time_s, name)`` pairs on the same clock, or
a DataFrame with a column of times (``time_s``, ``time``, ``epoch_s``) and one of names (``name``,
``event``)."""

_TIMES, _NAMES = ("time_s", "time", "epoch_s"), ("name", "event")


@dataclass(frozen=True, eq=False)
class Fit:
    """A phase model fitted to runs, and how much the runs differ.

    Attributes
    ----------
    model : PhaseModel
        Mean duration of each phase, and mean energy over mean duration as its power: the
        model's energy is the mean energy of the runs.
    spread : DataFrame
        One row a phase of the model: ``part``, ``phase``, ``n`` (occurrences), ``duration_s``,
        ``duration_sd_s``, ``power_w``, ``power_sd_w``, ``energy_j``, ``energy_sd_j``;
        standard deviations with n - 1, NaN when n = 1.
    borders_s : ndarray of float, shape (runs, phases + 1)
        Where phases begin and end, on each run's clock [s]; loops written out.
    phase_j : ndarray of float, shape (runs, phases)
        Energy of each phase in each run [J]; loops written out.
    """

    model: PhaseModel
    spread: pd.DataFrame
    borders_s: NDArray[np.float64] = field(repr=False)
    phase_j: NDArray[np.float64] = field(repr=False)

    def tables(self, repeats: Iterable[Hashable]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return energy [J] and duration [s] of each phase: a row a repeat, a column a phase.

        Parameters
        ----------
        repeats : iterable
            The key of each run, in the order the runs were fitted in.

        Raises
        ------
        ValueError
            If there are not as many as runs, or rounds of a loop were pooled.
        """
        names = self.spread["phase"].to_list()
        keys = pd.Index(list(repeats), name="repeat")
        lengths_s = np.diff(self.borders_s, axis=1)
        return pd.DataFrame(self.phase_j, keys, names), pd.DataFrame(lengths_s, keys, names)


def as_run(run: RunLike) -> Run:
    """Return a run; one given as plain arrays becomes a `Run` whose clock starts at 0.

    Parameters
    ----------
    run : RunLike
        A run, or its times, powers and events.

    Returns
    -------
    Run
        The run, its times checked.

    Raises
    ------
    ValueError
        If times do not increase strictly, shapes differ, a number is not finite, or a table of
        events lacks a column.
    """
    if isinstance(run, Run):
        return run
    time_s, power_w, events = run
    time_s = np.asarray(time_s, dtype=float)
    if isinstance(events, pd.DataFrame):
        events = zip(_column(events, _TIMES), _column(events, _NAMES), strict=True)
    origin_s = float(time_s[0]) if time_s.size else 0.0
    stamped = (Event(float(time) - origin_s, str(name)) for time, name in events)
    return Run(time_s - origin_s, np.asarray(power_w), origin_s, tuple(stamped))


def _column(table: pd.DataFrame, known: tuple[str, ...]) -> list:
    """Return a column of a table of events by one of its names."""
    found = [name for name in known if name in table.columns]
    if len(found) != 1:
        raise ValueError(
            f"events have the columns {', '.join(map(str, table.columns))}, but one of "
            f"{', '.join(known)} is wanted: rename one."
        )
    column = table[found[0]]
    if known is _TIMES and not pd.api.types.is_numeric_dtype(column):
        raise ValueError(
            f"events have {column.iloc[0]!r} as {found[0]}: give seconds on the clock of the "
            "samples, or read both files with helpers.power.read_csv."
        )
    return column.tolist()


def match_borders(run: RunLike, plan: Plan, *, label: str = "run") -> NDArray[np.float64]:
    """Find where each phase of a plan begins and ends in one run.

    Parameters
    ----------
    run : RunLike
        Samples and events.
    plan : Plan
        What the run should have gone through.
    label : str
        How messages call the run.

    Returns
    -------
    ndarray of float, shape (phases + 1,)
        Begin of the first phase and end of each, on the run's clock [s].

    Raises
    ------
    ValueError
        If an event is missing, not expected, outside the recording, or two borders coincide.
    """
    run = as_run(run)
    first_s, last_s = float(run.time_s[0]), float(run.time_s[-1])
    wanted = plan.ends()
    borders: list[float] = []
    if isinstance(plan.start, str):
        wanted = [(plan.start,), *wanted]
    else:
        borders = [first_s + plan.start]
    ends = iter(wanted)
    expected = next(ends, None)
    for event in sorted(run.events, key=lambda event: event.time_s):
        if expected and any(fnmatchcase(event.name, pattern) for pattern in expected):
            borders.append(event.time_s)
            expected = next(ends, None)
        elif not any(fnmatchcase(event.name, pattern) for pattern in plan.ignore):
            raise ValueError(
                f"{label}: event {event.name!r} at {event.time_s:.3f} s, but plan {plan.name!r} "
                f"expects {_either(expected) if expected else 'no further event'}: "
                "correct the plan or name the event in ignore."
            )
    if expected is not None:
        raise ValueError(f"{label}: event {_either(expected)} of plan {plan.name!r} is missing.")
    found = np.array(borders)
    if found[0] < first_s or found[-1] > last_s:
        raise ValueError(
            f"{label}: phases reach from {found[0]:.3f} to {found[-1]:.3f} s, but the recording "
            f"from {first_s:.3f} to {last_s:.3f} s only."
        )
    if not np.all(np.diff(found) > 0):
        at_s = found[int(np.argmin(np.diff(found) > 0))]
        raise ValueError(
            f"{label}: the phase at {at_s:.3f} s has no duration: "
            "name one of its two events in ignore."
        )
    return found


def _either(patterns: tuple[str, ...]) -> str:
    return " or ".join(map(repr, patterns))


def fit_model(runs: Sequence[RunLike], plan: Plan, *, pool: bool = False) -> Fit:
    """Fit duration and power of each phase of a plan to runs.

    Parameters
    ----------
    runs : sequence of RunLike
        Repeated runs of one job, each with samples and events.
    plan : Plan
        Phases and the events that end them.
    pool : bool
        False: each round of a loop is fitted by itself, as phases "epoch 1 train",
        "epoch 2 train", ... True: rounds are pooled, as one `Repeat` of "train", ...

    Returns
    -------
    Fit
        Model and spread.

    Raises
    ------
    ValueError
        If there is no run, a run does not fit the plan (its place is named), or two phases
        of one part have the same name.

    Notes
    -----
    Power is the ratio of mean energy to mean duration, not the mean of the ratios, so that
    no energy is lost or invented.
    """
    if not runs:
        raise ValueError("runs(=[]) must hold at least one run.")
    recorded = [as_run(run) for run in runs]
    borders_s = np.array([match_borders(r, plan, label=f"run {i}") for i, r in enumerate(recorded)])
    phase_j = np.array(
        [energy_j(run, at_s[:-1], at_s[1:]) for run, at_s in zip(recorded, borders_s, strict=True)]
    )
    durations_s = np.diff(borders_s, axis=1)
    columns: dict[tuple[str, str], list[int]] = {}
    spans: dict[tuple[str, str], Span] = {}
    for column, (part, span, loop, turn) in enumerate(plan.spans()):
        key = (part, _name(span, loop, turn, pool=pool))
        if spans.setdefault(key, span) is not span or (key in columns and not (pool and loop)):
            raise ValueError(f"plan {plan.name!r}, {part}: two phases are named {key[1]!r}.")
        columns.setdefault(key, []).append(column)
    rows = {
        key: _describe(durations_s[:, places].ravel(), phase_j[:, places].ravel())
        for key, places in columns.items()
    }
    phases = {
        key: Phase(key[1], row["duration_s"], row["power_w"], spans[key].checkpoint)
        for key, row in rows.items()
    }
    spread = pd.DataFrame(
        [{"part": part, "phase": name} | row for (part, name), row in rows.items()]
    )
    return Fit(_assemble(plan, phases, pool=pool), spread, borders_s, phase_j)


def _name(span: Span, loop: Loop | None, turn: int, *, pool: bool) -> str:
    if loop is None:
        return span.name
    return span.name if pool else f"{loop.name} {turn} {span.name}"


def _describe(duration_s: NDArray[np.float64], energy_j: NDArray[np.float64]) -> dict[str, float]:
    power_w = energy_j / duration_s

    def sd(values: NDArray[np.float64]) -> float:
        return float(values.std(ddof=1)) if values.size > 1 else float("nan")

    return {
        "n": duration_s.size,
        "duration_s": float(duration_s.mean()),
        "duration_sd_s": sd(duration_s),
        "power_w": float(energy_j.mean() / duration_s.mean()),
        "power_sd_w": sd(power_w),
        "energy_j": float(energy_j.mean()),
        "energy_sd_j": sd(energy_j),
    }


def _assemble(plan: Plan, phases: dict[tuple[str, str], Phase], *, pool: bool) -> PhaseModel:
    parts: dict[str, list[Phase | Repeat]] = {part: [] for part in PARTS}
    for part in PARTS:
        for item in getattr(plan, part):
            if isinstance(item, Span):
                parts[part].append(phases[part, item.name])
            elif pool:
                inner = tuple(phases[part, span.name] for span in item.spans)
                parts[part].append(Repeat(item.times, inner))
            else:
                parts[part] += [
                    phases[part, _name(span, item, turn, pool=False)]
                    for turn in item.rounds
                    for span in item.spans
                ]
    return PhaseModel(plan.name, *(tuple(parts[part]) for part in PARTS))
