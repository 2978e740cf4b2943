"""What a replay draws: node states and job phases over time, power, energy, emissions.

The power of a cluster has two parts that add up. Every node draws the power of its state,
whether jobs run on it or not (`helpers.work.nodes.NodePower`). Every job draws the power of
its phases, or its constant power, on top, all its processors together.

Everything is an exact step function of time and is computed for all runs at once, after the
replay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.cluster.outcome import Outcome
from helpers.cluster.tables import coded
from helpers.phases.model import Profile
from helpers.phases.throttle import Throttle
from helpers.timeline import utc_times
from helpers.work.nodes import NODE_STATES

__all__ = [
    "PARTS",
    "STATES",
    "PowerOverTime",
    "emissions_g",
    "energy_j",
    "job_energy",
    "node_events",
    "node_states",
    "power_over_time",
    "segments",
    "uncapped_stop_s",
]

STATES = (*NODE_STATES, "jobs")
"""What power is split into: nodes by their state, and what jobs draw on top."""

PARTS = ("transition", "startup", "work", "end", "save", "suspended")
"""What a job may be doing, in the order of a run; it is suspended between two runs."""

_TRANSITION, _STARTUP, _WORK, _END, _SAVE, _SUSPENDED = range(len(PARTS))
_IDLE, _BUSY = NODE_STATES.index("idle"), NODE_STATES.index("busy")

Window = tuple[float, float]


def _window(replay: Outcome, window: Window | None) -> Window:
    """Return the window asked for, or that of the replay."""
    start_s, stop_s = (replay.start_s, replay.stop_s) if window is None else window
    if not (np.isfinite(start_s) and np.isfinite(stop_s) and start_s <= stop_s):
        raise ValueError(f"window(=({start_s}, {stop_s})) must be two times in order [s].")
    return float(start_s), float(stop_s)


def node_states(replay: Outcome, window: Window | None = None) -> pd.DataFrame:
    """Return what each node does over time.

    Parameters
    ----------
    replay : Outcome
        What happened.
    window : (float, float), optional
        From and to [s]; by default from the first submission to the last event. Before the
        replay nodes are on and idle, after it they stay as they are.

    Returns
    -------
    DataFrame
        One row a stretch of time, ``node, state, start_s, stop_s``, in order of node and time.
        The stretches of a node follow each other without gap through the whole window.

    Raises
    ------
    ValueError
        If the window is reversed or not finite.
    """
    low_s, high_s = _window(replay, window)
    node, time_s, held, power = node_events(replay, min(low_s, replay.start_s))
    state = np.where((held > 0) & (power == _IDLE), _BUSY, power)
    last = np.append(node[1:] != node[:-1], True)
    stop_s = np.where(last, np.inf, np.append(time_s[1:], np.inf))
    lasts = stop_s > time_s
    node, state, time_s = node[lasts], state[lasts], time_s[lasts]
    new = np.append(True, (node[1:] != node[:-1]) | (state[1:] != state[:-1]))
    node, state, time_s = node[new], state[new], time_s[new]
    last = np.append(node[1:] != node[:-1], True)
    stop_s = np.where(last, np.inf, np.append(time_s[1:], np.inf))
    start_s, stop_s = np.maximum(time_s, low_s), np.minimum(stop_s, high_s)
    inside = stop_s > start_s
    return pd.DataFrame(
        {
            "node": node[inside],
            "state": coded(state[inside], NODE_STATES),
            "start_s": start_s[inside],
            "stop_s": stop_s[inside],
        }
    )


def node_events(replay: Outcome, start_s: float) -> tuple[NDArray, ...]:
    """Return what happens to nodes, in order of node and time.

    Parameters
    ----------
    replay : Outcome
        What happened.
    start_s : float
        When all nodes are idle, before the first event [s].

    Returns
    -------
    tuple of ndarray, shape (n,)
        Node, time [s], jobs that the node holds after the event, and its place in `NODE_STATES`
        after it, as far as switching goes: a node that holds jobs is idle here. Of several
        events at one time the last counts.
    """
    run = np.repeat(np.arange(len(replay.runs)), np.diff(replay.first_core))
    node = replay.cores // replay.cluster.cores_per_node
    first = np.append(True, (node[1:] != node[:-1]) | (run[1:] != run[:-1]))[: node.size]
    node, run = node[first], run[first]
    starts_s, stops_s = (replay.runs[name].to_numpy()[run] for name in ("start_s", "stop_s"))
    nodes = np.arange(replay.cluster.nodes)
    switches = replay.switches
    switched = switches["state"].cat.codes.to_numpy().astype(np.int64)
    pieces: list[tuple[Any, ...]] = [
        (nodes, np.full(nodes.size, start_s), 0, _IDLE),
        (switches["node"].to_numpy(), switches["time_s"].to_numpy(), 0, switched),
        (node, starts_s, 1, -1),
        (node, stops_s, -1, -1),
    ]
    all_nodes, time_s, change, power = (
        np.concatenate([np.broadcast_to(piece[i], piece[0].shape) for piece in pieces])
        for i in range(4)
    )
    order = np.lexsort((np.arange(time_s.size), time_s, all_nodes))
    power = power[order]
    known = np.maximum.accumulate(np.where(power >= 0, np.arange(power.size), 0))
    return all_nodes[order], time_s[order], np.cumsum(change[order]), power[known]


def segments(replay: Outcome) -> pd.DataFrame:
    """Return what each job draws: constant power from one instant to the next.

    Parameters
    ----------
    replay : Outcome
        What happened.

    Returns
    -------
    DataFrame
        One row a phase or piece of one: ``job`` (row of the workload's table), ``run``, ``part``
        (one of `PARTS`), ``start_s``, ``stop_s``, ``power_w``. The segments of a run follow each
        other without gap. A transition draws the mean power of the job's work.
    """
    workload, runs = replay.workload, replay.runs
    number = runs["job"].to_numpy()
    borders_s = _borders(replay)
    model = workload.jobs["model"].to_numpy()[number]
    factor, work_w = workload.power_factor[number], workload.work_power_w[number]
    every = np.arange(len(runs))
    pieces = [(every, _TRANSITION, borders_s[0], borders_s[1], work_w)]
    plain = np.flatnonzero(model < 0)
    pieces.append((plain, _WORK, borders_s[2][plain], borders_s[3][plain], work_w[plain]))
    stretch, work_from_s = workload.stretch[number], runs["work_from_s"].to_numpy()
    for m, kind in enumerate(workload.models):
        rows = np.flatnonzero(model == m)
        for part, profile in (
            (_STARTUP, kind.startup_profile),
            (_WORK, kind.work_profile),
            (_END, kind.end_profile),
        ):
            low_s, high_s = borders_s[part][rows], borders_s[part + 1][rows]
            scale = stretch[rows] if part == _WORK else 1.0
            done_s = work_from_s[rows] if part == _WORK else 0.0
            which, *cut = _cut(profile, low_s, high_s, done_s, scale)
            pieces.append((rows[which], part, *cut[:2], cut[2] * factor[rows[which]]))
    saving = workload.suspension.save_profile
    which, *cut = _cut(saving, borders_s[4], borders_s[5], 0.0, 1.0)
    pieces.append((which, _SAVE, *cut[:2], cut[2] * factor[which]))
    pieces.append(_suspended(replay, factor))
    return _slowed(_segment_table(number, pieces), replay)


def uncapped_stop_s(replay: Outcome) -> NDArray[np.float64]:
    """Return when each run would have stopped with what it did, had no cap slowed it [s]."""
    stop_s = replay.runs["stop_s"].to_numpy().copy()
    last = replay.paces[replay.paces["cap_w"].isna()]
    run = last["run"].to_numpy()
    done_s = last["done_s"].to_numpy() + replay.runs["save_s"].to_numpy()[run]
    stop_s[run] = replay.runs["start_s"].to_numpy()[run] + done_s
    return stop_s


def _slowed(table: pd.DataFrame, replay: Outcome) -> pd.DataFrame:
    """Stretch the segments of capped runs to the time they took, at the power they drew."""
    if not len(replay.paces):
        return table
    throttle = replay.workload.throttle or Throttle()  # nothing is capped without one
    drawn = (table["part"] != "suspended").to_numpy()
    columns = [table[name].to_numpy() for name in ("start_s", "stop_s", "power_w")]
    runs_s = [replay.runs[name].to_numpy() for name in ("start_s", "stop_s")]
    # Plain arrays from here on: a frame a run would take longer than the replay.
    rows_of, paces_of = (_by_run(t["run"].to_numpy()) for t in (table, replay.paces))
    done_s, cap_w = (replay.paces[name].to_numpy() for name in ("done_s", "cap_w"))
    kept, pieces = np.ones(len(table), dtype=bool), []
    for run, changes in paces_of.items():
        rows = rows_of[run][drawn[rows_of[run]]]
        kept[rows] = False
        given = _Slowed(rows, *(column[rows] for column in columns))
        times_s = (float(runs_s[0][run]), float(runs_s[1][run]))
        pieces.append(_slow_run(given, done_s[changes], cap_w[changes], times_s, throttle))
    rows, *cut = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    names = dict(zip(("start_s", "stop_s", "power_w"), cut, strict=True))
    whole = pd.concat([table[kept], table.iloc[rows].assign(**names)])
    return whole.sort_values(["run", "start_s"], kind="stable").reset_index(drop=True)


class _Slowed(NamedTuple):
    """Segments of a run: rows of the table, and from when to when they draw what."""

    row: NDArray[np.int64]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    power_w: NDArray[np.float64]


def _by_run(run: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Return the rows of each run, in order."""
    order = np.argsort(run, kind="stable")
    first = np.flatnonzero(np.diff(run[order], prepend=-1))
    return dict(zip(run[order][first].tolist(), np.split(order, first[1:]), strict=True))


def _slow_run(
    given: _Slowed,
    done_s: NDArray[np.float64],
    cap_w: NDArray[np.float64],
    run_s: tuple[float, float],
    throttle: Throttle,
) -> _Slowed:
    """Return the segments of one capped run as they were, from those without a cap."""
    start_s, stop_s = run_s
    edges_s = (given.start_s - start_s, given.stop_s - start_s)
    borders_s = np.unique(np.concatenate([*edges_s, done_s]))
    low_s = borders_s[:-1]
    which = np.searchsorted(edges_s[1], low_s, side="right").clip(max=len(given.row) - 1)
    # Of changes at one instant the last holds; after the last row (saving) there is no cap.
    cap_w = np.nan_to_num(cap_w[np.searchsorted(done_s, low_s, side="right") - 1], nan=np.inf)
    power_w = given.power_w[which]
    speed = throttle.speed(power_w, cap_w)
    times_s = start_s + np.append(0.0, np.cumsum(np.diff(borders_s) / speed))
    times_s[-1] = stop_s  # to the last digit
    lasts = times_s[1:] > times_s[:-1]
    drawn_w = np.minimum(power_w, cap_w)[lasts]
    return _Slowed(given.row[which][lasts], times_s[:-1][lasts], times_s[1:][lasts], drawn_w)


def _borders(replay: Outcome) -> list[NDArray[np.float64]]:
    """Return when each part of each run begins, and when the run stops, without caps [s]."""
    runs, workload = replay.runs, replay.workload
    number = runs["job"].to_numpy()
    start_s, stop_s = runs["start_s"].to_numpy(), uncapped_stop_s(replay)
    saving_s = stop_s - runs["save_s"].to_numpy()
    startup_s = np.minimum(start_s + runs["transition_s"].to_numpy(), saving_s)
    work_s = np.minimum(startup_s + workload.startup_s[number], saving_s)
    done_s = runs["work_to_s"].to_numpy()
    end_s = np.minimum(work_s + (done_s - runs["work_from_s"].to_numpy()), saving_s)
    has_end = workload.end_s[number] > 0
    all_done = done_s == workload.jobs["run_s"].to_numpy()[number]
    end_s = np.where(has_end & all_done, end_s, saving_s)
    return [start_s, startup_s, work_s, end_s, saving_s, stop_s]


def _cut(
    profile: Profile, start_s: NDArray, stop_s: NDArray, done_s: ArrayLike, scale: ArrayLike
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Cut a profile, stretched by `scale`, that runs on [start, stop) from `done` on.

    Returns the run, start, stop and power of each piece.
    """
    edges_s, n = profile.edges_s, len(profile.phases)
    done_s, scale = np.broadcast_arrays(done_s, scale, start_s)[:2]
    length_s = stop_s - start_s
    first = np.searchsorted(edges_s[1:], done_s / scale, side="right").clip(0, max(n - 1, 0))
    last = np.searchsorted(edges_s, (done_s + length_s) / scale, side="left").clip(0, n)
    count = np.where((length_s > 0) & (n > 0), np.maximum(last - first, 1), 0)
    which = np.repeat(np.arange(start_s.size), count)
    place = np.arange(which.size) - np.repeat(np.cumsum(count) - count, count)
    phase = first[which] + place
    from_s = start_s[which] + (edges_s[phase] * scale[which] - done_s[which])
    from_s = np.where(place == 0, start_s[which], from_s)
    from_s = np.clip(from_s, start_s[which], stop_s[which])
    final = np.append(which[1:] != which[:-1], True)[: which.size]
    to_s = np.where(final, stop_s[which], np.append(from_s[1:], 0.0)[: which.size])
    return which, from_s, to_s, profile.power_w[phase]


def _suspended(replay: Outcome, factor: NDArray) -> tuple:
    """Return what suspended jobs draw between their runs."""
    runs, power_w = replay.runs, replay.workload.suspension.suspended_power_w
    by_job = np.lexsort((runs["start_s"].to_numpy(), runs["job"].to_numpy()))
    number = runs["job"].to_numpy()[by_job]
    again = np.flatnonzero(number[1:] == number[:-1]) if power_w else np.empty(0, dtype=np.int64)
    before, after = by_job[again], by_job[again + 1]
    start_s, stop_s = runs["stop_s"].to_numpy()[before], runs["start_s"].to_numpy()[after]
    return before, _SUSPENDED, start_s, stop_s, power_w * factor[before]


def _segment_table(number: NDArray, pieces: list[tuple]) -> pd.DataFrame:
    run, start_s, stop_s, power_w = (
        np.concatenate([piece[i] for piece in pieces]) for i in (0, 2, 3, 4)
    )
    part = np.concatenate([np.full(len(piece[0]), piece[1]) for piece in pieces])
    lasts = np.flatnonzero(stop_s > start_s)
    lasts = lasts[np.lexsort((start_s[lasts], run[lasts]))]
    return pd.DataFrame(
        {
            "job": number[run[lasts]],
            "run": run[lasts],
            "part": coded(part[lasts], PARTS),
            "start_s": start_s[lasts],
            "stop_s": stop_s[lasts],
            "power_w": power_w[lasts],
        }
    )


@dataclass(frozen=True, eq=False)
class PowerOverTime:
    """Power of a cluster as a step function of time, split into `STATES`.

    Parameters
    ----------
    edges_s : ndarray of float, shape (n + 1,)
        Strictly increasing times [s since second 0]; step i holds on [edges[i], edges[i + 1]).
    nodes : ndarray of int, shape (n, 5)
        How many nodes are in each of `NODE_STATES`.
    power_w : ndarray of float, shape (n, 6)
        Power of each of `STATES` [W]; they add up.
    origin_s : float
        Epoch second of second 0 [s]; NaN where it is not known.
    """

    edges_s: NDArray[np.float64]
    nodes: NDArray[np.int64]
    power_w: NDArray[np.float64]
    origin_s: float

    @property
    def total_w(self) -> NDArray[np.float64]:
        """Power of everything together [W], shape (n,)."""
        return self.power_w.sum(axis=1)

    def energy_j(self) -> pd.Series:
        """Return the integral of each column [J]."""
        return pd.Series(np.diff(self.edges_s) @ self.power_w, list(STATES), name="energy_j")

    def emissions_g(self, intensity: Intensity) -> pd.Series:
        """Return the emissions of each column [g CO2e].

        Raises
        ------
        ValueError
            If the origin is not known, or the intensity does not cover the time.
        """
        edges_s = _origin_s(self.origin_s) + self.edges_s
        weight = intensity.integral(edges_s[:-1], edges_s[1:]) / JOULES_PER_KWH
        return pd.Series(weight @ self.power_w, list(STATES), name="emissions_g")

    def to_frame(self, time_zone: str = "UTC") -> pd.DataFrame:
        """Return one row a step: power [W] of each state, indexed by the start of the step.

        The index holds times by a clock, or seconds since second 0 without an origin.
        """
        if np.isnan(self.origin_s):
            seconds = pd.Index(self.edges_s[:-1], name="time_s")
            return pd.DataFrame(self.power_w, seconds, list(STATES))
        index = utc_times(self.origin_s + self.edges_s[:-1]).tz_convert(time_zone).rename("time")
        return pd.DataFrame(self.power_w, index, list(STATES))


def power_over_time(replay: Outcome, window: Window | None = None) -> PowerOverTime:
    """Return the power of the cluster as an exact step function of time.

    Parameters
    ----------
    replay : Outcome
        What happened.
    window : (float, float), optional
        From and to [s], as in `node_states`.

    Returns
    -------
    PowerOverTime
        An edge wherever a node changes its state or a job its phase.

    Raises
    ------
    ValueError
        If the window is reversed, empty or not finite.
    """
    low_s, high_s = _window(replay, window)
    if low_s == high_s:
        raise ValueError(f"window(=({low_s}, {high_s})) must not be empty.")
    states, drawn = node_states(replay, window), _clipped(segments(replay), low_s, high_s)
    pieces = (states["start_s"], states["stop_s"], drawn["start_s"], drawn["stop_s"])
    times_s = np.concatenate([*(piece.to_numpy() for piece in pieces), [low_s, high_s]])
    edges_s, at = np.unique(times_s, return_inverse=True)
    ends = np.cumsum([len(piece) for piece in pieces])
    node_up, node_down, job_up, job_down = np.split(at[: ends[-1]], ends[:-1])
    code, n = states["state"].cat.codes.to_numpy().astype(np.int64), edges_s.size
    columns = len(NODE_STATES)
    counts = np.bincount(node_up * columns + code, minlength=n * columns)
    counts -= np.bincount(node_down * columns + code, minlength=n * columns)
    nodes = np.cumsum(counts.reshape(n, columns), axis=0)[:-1]
    power_w = np.empty((n - 1, len(STATES)))
    power_w[:, :-1] = nodes * [replay.cluster.power.of(state) for state in NODE_STATES]
    power_w[:, -1] = _summed(job_up, job_down, drawn["power_w"].to_numpy(), n)[:-1]
    return PowerOverTime(edges_s, nodes, power_w, replay.origin_s)


def _summed(up: NDArray, down: NDArray, power_w: NDArray, n: int) -> NDArray[np.float64]:
    """Return the sum of powers that begin and end at some edges, after each of n edges.

    Sums are of 64 bits of mantissa where the machine has them, and exactly 0 where nothing runs.
    """
    change = np.bincount(up, power_w, minlength=n).astype(np.longdouble)
    change -= np.bincount(down, power_w, minlength=n)
    running = np.cumsum(np.bincount(up, minlength=n) - np.bincount(down, minlength=n))
    total = np.cumsum(change).astype(np.float64)
    return np.where(running > 0, np.maximum(total, 0.0), 0.0)


def _clipped(table: pd.DataFrame, low_s: float, high_s: float) -> pd.DataFrame:
    """Return the rows of a table of stretches, cut to a window."""
    if table["start_s"].min() >= low_s and table["stop_s"].max() <= high_s:
        return table
    start_s, stop_s = table["start_s"].clip(lower=low_s), table["stop_s"].clip(upper=high_s)
    return table.assign(start_s=start_s, stop_s=stop_s)[stop_s > start_s]


def energy_j(replay: Outcome, window: Window | None = None) -> pd.Series:
    """Return the energy of a replay by `STATES` [J].

    Parameters
    ----------
    replay : Outcome
        What happened.
    window : (float, float), optional
        From and to [s], as in `node_states`.

    Returns
    -------
    Series
        Energy [J] of each of `STATES`, summed over stretches of nodes and segments of jobs.
    """
    low_s, high_s = _window(replay, window)
    states, drawn = node_states(replay, window), _clipped(segments(replay), low_s, high_s)
    power_w = np.array([replay.cluster.power.of(state) for state in NODE_STATES])
    seconds = (states["stop_s"] - states["start_s"]).to_numpy()
    of_nodes = np.bincount(states["state"].cat.codes, seconds, minlength=len(NODE_STATES)) * power_w
    of_jobs = float((drawn["power_w"] * (drawn["stop_s"] - drawn["start_s"])).sum())
    return pd.Series([*of_nodes, of_jobs], list(STATES), name="energy_j")


def emissions_g(replay: Outcome, intensity: Intensity, window: Window | None = None) -> pd.Series:
    """Return the emissions of a replay by `STATES` [g CO2e].

    Parameters
    ----------
    replay : Outcome
        What happened; its origin must be known.
    intensity : Intensity
        Carbon intensity over the window.
    window : (float, float), optional
        From and to [s], as in `node_states`.

    Raises
    ------
    ValueError
        If the origin is not known, or the intensity does not cover the window.
    """
    return power_over_time(replay, window).emissions_g(intensity)


def job_energy(replay: Outcome, intensity: Intensity | None = None) -> pd.DataFrame:
    """Return what each job draws, and its share of the nodes it runs on.

    A busy node's own power is shared among the jobs on it by the cores they hold at each instant,
    so that nothing is charged twice and nothing forgotten: the shares of all jobs add up to what
    busy nodes draw. Nodes that idle, boot or are off belong to no job.

    Parameters
    ----------
    replay : Outcome
        What happened.
    intensity : Intensity, optional
        Carbon intensity over the replay.

    Returns
    -------
    DataFrame
        One row a job in order of the workload's table: ``energy_j`` [J] on top of its nodes and
        ``node_energy_j`` [J], its share of them; with an intensity also ``emissions_g`` and
        ``node_emissions_g`` [g CO2e]. The sums are the "jobs" and the "busy" of `energy_j` and
        `emissions_g`.

    Raises
    ------
    ValueError
        If there is an intensity and it does not cover the replay, or the origin is not known.
    """
    drawn, n = segments(replay), len(replay.workload)
    number, power_w = drawn["job"].to_numpy(), drawn["power_w"].to_numpy()
    start_s, stop_s = drawn["start_s"].to_numpy(), drawn["stop_s"].to_numpy()
    table = {
        "energy_j": np.bincount(number, power_w * (stop_s - start_s), minlength=n),
        "node_energy_j": _node_shares(replay, lambda low_s, high_s: high_s - low_s),
    }
    if intensity is not None:
        origin_s = _origin_s(replay.origin_s)

        def weight(low_s: NDArray, high_s: NDArray) -> NDArray:
            """Return intensity over stretches of time: g CO2e for each watt."""
            whole = intensity.integral(origin_s + low_s, origin_s + high_s)
            return np.asarray(whole) / JOULES_PER_KWH

        table["emissions_g"] = np.bincount(number, power_w * weight(start_s, stop_s), minlength=n)
        table["node_emissions_g"] = _node_shares(replay, weight)
    return pd.DataFrame(table)


def _node_shares(
    replay: Outcome, weight: Callable[[NDArray, NDArray], NDArray]
) -> NDArray[np.float64]:
    """Return what each job owes for its nodes, where a stretch of time weighs as told."""
    per_node, runs = replay.cluster.cores_per_node, replay.runs
    run = np.repeat(np.arange(len(runs)), np.diff(replay.first_core))
    piece = run * replay.cluster.nodes + replay.cores // per_node  # a run on a node
    piece, held = np.unique(piece, return_counts=True)
    run, node = np.divmod(piece, replay.cluster.nodes)
    starts_s, stops_s = (runs[name].to_numpy()[run] for name in ("start_s", "stop_s"))
    times_s, nodes = np.concatenate([starts_s, stops_s]), np.concatenate([node, node])
    order = np.lexsort((times_s, nodes))
    cores = np.cumsum(np.concatenate([held, -held])[order])
    inner = np.flatnonzero((np.diff(nodes[order]) == 0) & (cores[:-1] > 0))
    by_core = np.zeros(order.size, dtype=np.longdouble)
    from_s, to_s = times_s[order][inner], times_s[order][inner + 1]
    by_core[inner + 1] = replay.cluster.power.idle_w * weight(from_s, to_s) / cores[inner]
    owed = np.empty(order.size, dtype=np.longdouble)
    owed[order] = np.cumsum(by_core)  # by one core, from the first event to each
    share = held * (owed[piece.size :] - owed[: piece.size]).astype(np.float64)
    owner = runs["job"].to_numpy()[run]
    return np.bincount(owner, share, minlength=len(replay.workload)).astype(np.float64)


def _origin_s(origin_s: float) -> float:
    if np.isnan(origin_s):
        raise ValueError(
            "when second 0 was is not known: pass origin= to replay(), or give the workload "
            "an epoch."
        )
    return origin_s
