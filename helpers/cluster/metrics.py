"""Numbers that describe a replay, and a judge that says whether it can be true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.cluster.account import (
    STATES,
    Window,
    energy_j,
    node_events,
    node_states,
    power_over_time,
    segments,
    uncapped_stop_s,
)
from helpers.cluster.outcome import Outcome
from helpers.schedule.intervals import TIME_TOLERANCE_S
from helpers.work.nodes import NODE_STATES

__all__ = [
    "SLOWDOWN_BOUND_S",
    "UNITS",
    "Metrics",
    "bounded_slowdown",
    "check",
    "compare",
    "lengths",
    "metrics",
]

SLOWDOWN_BOUND_S = 10.0
"""Shorter jobs count as this long in slowdowns [s]."""

UNITS = {
    "jobs": "1",
    "wait_mean_s": "s",
    "wait_p50_s": "s",
    "wait_p95_s": "s",
    "wait_p99_s": "s",
    "wait_max_s": "s",
    "slowdown_mean": "1",
    "slowdown_p50": "1",
    "slowdown_p95": "1",
    "slowdown_p99": "1",
    "turnaround_mean_s": "s",
    "utilization": "1",
    "throughput_per_h": "1/h",
    "makespan_s": "s",
    "preemptions": "1",
    "timeouts": "1",
    "too_late": "1",
    "boots": "1",
    "energy_kwh": "kWh",
    "emissions_kg": "kg CO2e",
}
"""The numbers that `metrics` gives, each with its unit, and energy and emissions by state."""


def bounded_slowdown(replay: Outcome, bound_s: float = SLOWDOWN_BOUND_S) -> NDArray[np.float64]:
    """Return the bounded slowdown of each job, shape (n,).

    Parameters
    ----------
    replay : Outcome
        What happened.
    bound_s : float
        Shorter jobs count as this long [s], > 0.

    Returns
    -------
    ndarray of float
        max(1, turnaround / max(run time, bound)), where the run time is that of the job alone:
        never suspended, but killed where it was.

    References
    ----------
    D. G. Feitelson, L. Rudolph, U. Schwiegelshohn, K. C. Sevcik, P. Wong, "Theory and practice
    in parallel job scheduling", JSSPP 1997.
    """
    jobs, workload = replay.jobs, replay.workload
    alone_s = workload.startup_s + workload.jobs["run_s"].to_numpy() + workload.end_s
    alone_s = np.minimum(alone_s, jobs["running_s"].to_numpy())
    slowdown = jobs["turnaround_s"].to_numpy() / np.maximum(alone_s, bound_s)
    return np.maximum(slowdown, 1.0)


def lengths(replay: Outcome) -> pd.DataFrame:
    """Return how many jobs wait, are suspended and run over time.

    Returns
    -------
    DataFrame
        One row a change, indexed by ``time_s`` [s since second 0], valid until the next:
        ``queued`` (submitted, never started), ``suspended``, ``running`` (jobs), and
        ``cores`` held.
    """
    jobs, runs = replay.jobs, replay.runs
    submit_s, first_s, last_s = (jobs[n].to_numpy() for n in ("submit_s", "start_s", "end_s"))
    start_s, stop_s = runs["start_s"].to_numpy(), runs["stop_s"].to_numpy()
    processors = jobs["processors"].to_numpy()[runs["job"].to_numpy()]
    one, each = np.ones(len(jobs), dtype=np.int64), np.ones(len(runs), dtype=np.int64)
    changes = {
        "queued": (submit_s, one, first_s, -one),
        "present": (first_s, one, last_s, -one),
        "running": (start_s, each, stop_s, -each),
        "cores": (start_s, processors, stop_s, -processors),
    }
    times_s, n = np.unique(np.concatenate([submit_s, start_s, stop_s])), 0
    n = times_s.size
    table = {}
    for name, (up_s, up, down_s, down) in changes.items():
        at = np.searchsorted(times_s, np.concatenate([up_s, down_s]))
        change = np.zeros(n, dtype=np.int64)
        np.add.at(change, at, np.concatenate([up, down]))
        table[name] = np.cumsum(change)
    table["suspended"] = table.pop("present") - table["running"]
    columns = ["queued", "suspended", "running", "cores"]
    return pd.DataFrame(table, pd.Index(times_s, name="time_s"))[columns]


@dataclass(frozen=True, eq=False)
class Metrics(Mapping[str, float]):
    """Numbers of a replay, by name, and the stretch of time that they speak of.

    Parameters
    ----------
    numbers : dict of str to float
        As `metrics` says; `UNITS` has their units.
    window : (float, float)
        From and to [s] for utilization, throughput, energy and emissions.
    policy : str
        Name of the policy.

    Notes
    -----
    ``one - other`` gives the differences by name. It refuses two windows: a replay that ends
    later draws idle power for longer, which can turn the sign of a saving. `compare` puts replays
    into one window.
    """

    numbers: dict[str, float]
    window: Window
    policy: str = ""

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __sub__(self, other: Metrics) -> dict[str, float]:
        if self.window != other.window:
            raise ValueError(
                f"metrics of {self.policy!r} are of {_words(self.window)}, those of "
                f"{other.policy!r} of {_words(other.window)}: idle power counts for longer in one "
                "of them; use compare(), or give both the same window=."
            )
        return {name: value - other[name] for name, value in self.items() if name in other}


def _words(window: Window) -> str:
    return f"{window[0]:g} to {window[1]:g} s"


def compare(
    replays: Sequence[Outcome],
    intensity: Intensity | None = None,
    window: Window | None = None,
    *,
    counted: Window | None = None,
) -> pd.DataFrame:
    """Return the numbers of several replays of the same jobs, all in one window.

    Parameters
    ----------
    replays : sequence of Outcome
        Of the same workload on the same cluster, under different policies.
    intensity : Intensity, optional
        Carbon intensity over the window; by default that of each replay.
    window : (float, float), optional
        From and to [s]; by default from the first submission to the last event of all. After its
        own last event the nodes of a replay stay as they are and draw power.
    counted : (float, float), optional
        As in `metrics`.

    Returns
    -------
    DataFrame
        One row a replay, indexed by its policy; one column a number, as `metrics` names them.

    Raises
    ------
    ValueError
        If there is no replay, or they are not of the same jobs and nodes.
    """
    if not replays:
        raise ValueError("replays(=()) must hold at least one Outcome.")
    first = replays[0]
    for other in replays:
        if other.cluster != first.cluster or not other.workload.jobs.equals(first.workload.jobs):
            raise ValueError(
                f"the replays under {first.policy!r} and {other.policy!r} are not of the same jobs "
                "on the same cluster: compare replays that differ in their policy alone."
            )
    if window is None:
        window = min(r.start_s for r in replays), max(r.stop_s for r in replays)
    rows = [dict(metrics(r, intensity or r.intensity, window, counted=counted)) for r in replays]
    return pd.DataFrame(rows, pd.Index([r.policy for r in replays], name="policy"))


def metrics(
    replay: Outcome,
    intensity: Intensity | None = None,
    window: Window | None = None,
    *,
    counted: Window | None = None,
) -> Metrics:
    """Return the numbers of a replay.

    Parameters
    ----------
    replay : Outcome
        What happened.
    intensity : Intensity, optional
        Carbon intensity over the window; without it there are no emissions.
    window : (float, float), optional
        From and to [s] for utilization, throughput, energy and emissions. By default from the
        first submission to the last event: to compare policies use `compare`, which gives all
        the same.
    counted : (float, float), optional
        Only jobs submitted from and before these times [s] count for jobs, waits, slowdowns,
        preemptions and the like; by default all. So a warm-up and a tail are left out.

    Returns
    -------
    Metrics
        `UNITS` names all with their units. ``wait`` lasts until the first start; ``preemptions``
        are suspensions and stops; ``too_late`` are jobs that waited longer than their users
        accept. ``energy_STATE_kwh`` and ``emissions_STATE_kg`` split energy and emissions into
        `helpers.cluster.account.STATES`.

    Raises
    ------
    ValueError
        If no job counts, or a window is reversed.
    """
    low_s, high_s = (replay.start_s, replay.stop_s) if window is None else window
    numbers = _of_jobs(replay, counted) | _of_machine(replay, low_s, high_s)
    held = power_over_time(replay, window)
    numbers |= _split(held.energy_j() / JOULES_PER_KWH, "energy", "kwh")
    if intensity is not None:
        numbers |= _split(held.emissions_g(intensity) / 1000.0, "emissions", "kg")
    order = [name for name in UNITS if name in numbers]
    order += [name for name in numbers if name not in UNITS]
    ordered = {name: numbers[name] for name in order}
    return Metrics(ordered, (float(low_s), float(high_s)), replay.policy)


def _of_jobs(replay: Outcome, counted: Window | None) -> dict[str, float]:
    """Return the numbers that are of the jobs that count."""
    jobs, slowdown = replay.jobs, bounded_slowdown(replay)
    longest_s = replay.workload.jobs["longest_wait_s"].to_numpy()
    if counted is not None:
        inside = jobs["submit_s"].between(*counted, inclusive="left").to_numpy()
        if not inside.any():
            raise ValueError(f"no job is submitted in counted(={counted}): nothing to describe.")
        jobs, slowdown, longest_s = jobs[inside], slowdown[inside], longest_s[inside]
    wait_s = jobs["wait_s"].to_numpy()
    numbers = {"jobs": float(len(jobs)), "wait_mean_s": float(wait_s.mean())}
    for name, values in (("wait", wait_s), ("slowdown", slowdown)):
        unit = "_s" if name == "wait" else ""
        for share in (50, 95, 99):
            numbers[f"{name}_p{share}{unit}"] = float(np.quantile(values, share / 100))
    return numbers | {
        "wait_max_s": float(wait_s.max()),
        "slowdown_mean": float(slowdown.mean()),
        "turnaround_mean_s": float(jobs["turnaround_s"].mean()),
        "preemptions": float(jobs["suspensions"].sum()),
        "timeouts": float((jobs["state"] == "timeout").sum()),
        "too_late": float((wait_s > longest_s + TIME_TOLERANCE_S).sum()),
    }


def _of_machine(replay: Outcome, low_s: float, high_s: float) -> dict[str, float]:
    """Return the numbers that are of the machine in a window."""
    runs = replay.runs
    inside_s = runs["stop_s"].clip(upper=high_s) - runs["start_s"].clip(lower=low_s)
    core_s = inside_s.clip(lower=0.0).to_numpy() * np.diff(replay.first_core)
    done = replay.jobs["end_s"].between(low_s, high_s).sum()
    return {
        "utilization": float(core_s.sum()) / (replay.cluster.cores * (high_s - low_s)),
        "throughput_per_h": float(done) / (high_s - low_s) * 3600.0,
        "makespan_s": replay.stop_s - replay.start_s,
        "boots": float((replay.switches["state"] == "booting").sum()),
    }


def _split(values: pd.Series, name: str, unit: str) -> dict[str, float]:
    parts = {f"{name}_{state}_{unit}": float(value) for state, value in values.items()}
    return {f"{name}_{unit}": float(values.sum()), **parts}


def check(replay: Outcome) -> None:
    """Check that a replay can be true: nothing twice, nothing lost, nothing too early.

    Parameters
    ----------
    replay : Outcome
        Of any policy.

    Raises
    ------
    ValueError
        With every rule that is broken: every job ends, with all its work done once or killed;
        starts after its submission; gets its processors on cores that hold nothing else and
        whose nodes are on; runs as long as its parts take. The seconds of each node add up to
        the last digit, and the energy is the integral of the power.
    """
    broken = [
        *_broken_runs(replay),
        *_broken_work(replay),
        *_broken_cores(replay),
        *_broken_nodes(replay),
        *_broken_energy(replay),
    ]
    if broken:
        raise ValueError(
            f"the replay under {replay.policy!r} breaks {len(broken)} rule(s): " + "; ".join(broken)
        )


def _first(replay: Outcome, bad: NDArray[np.bool_]) -> tuple[int, str]:
    """Return the first bad run and words for its job."""
    run = int(np.flatnonzero(bad)[0])
    job = replay.workload.label(int(replay.runs["job"].iloc[run]))
    return run, f"job {job} in run {run} ({int(bad.sum())} such runs)"


def _broken_runs(replay: Outcome) -> Iterator[str]:
    runs, workload = replay.runs, replay.workload
    number = runs["job"].to_numpy()
    start_s, stop_s = runs["start_s"].to_numpy(), runs["stop_s"].to_numpy()
    early = start_s < workload.jobs["submit_s"].to_numpy()[number]
    if early.any():
        yield f"{_first(replay, early)[1]} starts before its submission"
    backwards = ~(stop_s >= start_s)
    if backwards.any():
        yield f"{_first(replay, backwards)[1]} stops before it starts"
    final = runs["outcome"].isin(["completed", "timeout"]).to_numpy()
    ends = np.bincount(number[final], minlength=len(workload))
    if (ends != 1).any():
        job = int(np.flatnonzero(ends != 1)[0])
        yield f"job {workload.label(job)} ends {ends[job]} times"
    if (np.diff(start_s) < 0).any():
        yield "runs are not in order of their starts"


def _broken_work(replay: Outcome) -> Iterator[str]:
    runs, workload = replay.runs, replay.workload
    number, outcome = runs["job"].to_numpy(), runs["outcome"].astype(str).to_numpy()
    work_s = workload.jobs["run_s"].to_numpy()[number]
    from_s, to_s, kept_s = (
        runs[name].to_numpy() for name in ("work_from_s", "work_to_s", "kept_s")
    )
    by_job = np.lexsort((runs["start_s"].to_numpy(), number))
    again = number[by_job][1:] == number[by_job][:-1]
    expected_s = np.zeros(len(runs))
    expected_s[by_job[1:]] = np.where(again, kept_s[by_job[:-1]], 0.0)
    for bad, rule in (
        (from_s != expected_s, "does not go on from the work that was kept"),
        ((to_s < from_s) | (kept_s > to_s) | (kept_s < from_s), "keeps more or less than it did"),
        ((outcome == "completed") & (to_s != work_s), "completes without all of its work"),
    ):
        if bad.any():
            yield f"{_first(replay, bad)[1]} {rule}"
    over = np.zeros(len(runs), dtype=bool)
    stop_s, start_s = runs["stop_s"].to_numpy(), runs["start_s"].to_numpy()
    over[by_job[1:]] = again & (start_s[by_job[1:]] < stop_s[by_job[:-1]])
    if over.any():
        yield f"{_first(replay, over)[1]} starts before its run before has stopped"
    overhead_s = runs["transition_s"].to_numpy() + runs["save_s"].to_numpy()
    whole_s = overhead_s + workload.startup_s[number] + (to_s - from_s)
    whole_s = whole_s + np.where(outcome == "completed", workload.end_s[number], 0.0)
    length_s = uncapped_stop_s(replay) - start_s
    wrong = np.abs(length_s - whole_s) > TIME_TOLERANCE_S
    cut = (outcome != "completed") & ((to_s == from_s) | (to_s == work_s))  # in start-up or end
    least_s = np.where(to_s == from_s, overhead_s - runs["transition_s"].to_numpy(), whole_s)
    slack_s = np.where(to_s == work_s, workload.end_s[number], 0.0)
    inside = (length_s >= least_s - TIME_TOLERANCE_S) & (
        length_s <= whole_s + slack_s + TIME_TOLERANCE_S
    )
    wrong &= ~(cut & inside)
    if wrong.any():
        run, words = _first(replay, wrong)
        yield f"{words} lasts {length_s[run]:g} s, but its parts take {whole_s[run]:g} s"


def _broken_cores(replay: Outcome) -> Iterator[str]:
    runs, cores = replay.runs, replay.cores
    count = np.diff(replay.first_core)
    asked = replay.workload.jobs["processors"].to_numpy()[runs["job"].to_numpy()]
    if (count != asked).any():
        run, words = _first(replay, count != asked)
        yield f"{words} has {count[run]} cores, but needs {asked[run]}"
    if cores.size and (cores.min() < 0 or cores.max() >= replay.cluster.cores):
        yield f"cores {cores.min()} to {cores.max()} are used, but there are {replay.cluster.cores}"
    held_by = np.repeat(np.arange(len(runs)), count)
    start_s, stop_s = (runs[name].to_numpy()[held_by] for name in ("start_s", "stop_s"))
    order = np.lexsort((stop_s, start_s, cores))
    shared = (cores[order][1:] == cores[order][:-1]) & (start_s[order][1:] < stop_s[order][:-1])
    if shared.any():
        i = int(np.flatnonzero(shared)[0])
        one, two = held_by[order[i]], held_by[order[i + 1]]
        yield f"core {cores[order[i]]} holds runs {one} and {two} at once ({shared.sum()} times)"


def _broken_nodes(replay: Outcome) -> Iterator[str]:
    states = node_states(replay)
    node, start_s, stop_s = (states[name].to_numpy() for name in ("node", "start_s", "stop_s"))
    first = np.append(True, node[1:] != node[:-1])
    last = np.append(node[1:] != node[:-1], True)
    whole = (
        first.sum() == replay.cluster.nodes
        and (start_s[first] == replay.start_s).all()
        and (stop_s[last] == replay.stop_s).all()
        and (start_s[1:][~first[1:]] == stop_s[:-1][~last[:-1]]).all()
    )
    if not whole:
        yield "the states of some node do not fill its time"
    node, time_s, held, power = node_events(replay, replay.start_s)
    lasts = np.append((time_s[1:] > time_s[:-1]) | (node[1:] != node[:-1]), True)
    unfit = (held > 0) & (power != NODE_STATES.index("idle")) & lasts
    if unfit.any():
        i = int(np.flatnonzero(unfit)[0])
        yield f"node {node[i]} is {NODE_STATES[power[i]]} at {time_s[i]:g} s, but holds a job"


def _broken_energy(replay: Outcome) -> Iterator[str]:
    drawn = segments(replay)
    drawn = drawn[drawn["part"] != "suspended"]
    run, start_s, stop_s = (drawn[name].to_numpy() for name in ("run", "start_s", "stop_s"))
    inner = run[1:] == run[:-1]
    opens, closes = np.append(True, ~inner), np.append(~inner, True)
    lasting = (replay.runs["stop_s"] > replay.runs["start_s"]).to_numpy()
    whole = (
        np.array_equal(run[opens], np.flatnonzero(lasting))
        and np.array_equal(start_s[opens], replay.runs["start_s"].to_numpy()[lasting])
        and np.array_equal(stop_s[closes], replay.runs["stop_s"].to_numpy()[lasting])
        and np.array_equal(start_s[1:][inner], stop_s[:-1][inner])
    )
    if not whole:
        yield "the phases of some run do not fill its time"
    by_stretch, by_time = energy_j(replay), power_over_time(replay).energy_j()
    for state in STATES:
        one, other = float(by_stretch[state]), float(by_time[state])
        if not np.isclose(one, other, rtol=1e-9, atol=1e-6):
            yield f"energy of {state} is {one:g} J, but its power adds up to {other:g} J"
