"""The best start of a job that is not interrupted: exact, in continuous time.

**Problem.** A job draws piecewise-constant power p_1, ..., p_m between its phase borders
e_0 = 0 < e_1 < ... < e_m; the intensity I is piecewise constant with steps at E_0 < E_1 < ....
Started at s, the job emits

    f(s) = sum over l of p_l (C(s + e_l) - C(s + e_{l-1})),   C(t) = integral of I up to t.

Wanted is the s in [release, deadline - e_m] with the least f, the earliest one if there are
several.

**Why few starts suffice.** C is piecewise linear, so f is, and its slope changes only where
some phase border meets some intensity step, s + e_l = E_i, by

    (p_l - p_{l+1}) (I_i - I_{i-1}),   with p_0 = p_{m+1} = 0.

The least value of a piecewise linear function lies at such a point or at an end of the
window. In words: the best start lets a rise in power meet a fall of the intensity, or a fall
in power a rise.

**Algorithm.** The borders are swept over the steps in order of s; a heap of m + 1 entries
knows which border meets its next step first. Value and slope are carried along, so that with
n steps in the window a job costs O(m n log m), and nothing is sampled.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.extras import compiled, for_reading
from helpers.phases.model import PhaseModel, flatten
from helpers.schedule.intervals import (
    Certificate,
    Schedule,
    check_window,
    check_windows,
    latest_finish_s,
)
from helpers.timeline import Duration, Times, epoch_seconds

__all__ = ["Starts", "best_start", "best_starts", "starts_of_twin"]

_TIE = 1e-12
"""Emissions that differ by less than this share of the largest possible are equal."""


@dataclass(frozen=True, eq=False)
class Starts:
    """Best starts of many jobs.

    Parameters
    ----------
    start_s : ndarray of float, shape (n,)
        Best start of each job, epoch seconds [s].
    emissions_g : ndarray of float, shape (n,)
        Emissions when started then [g CO2e].
    at_release_g : ndarray of float, shape (n,)
        Emissions when started at once, at the release [g CO2e].
    """

    start_s: NDArray[np.float64]
    emissions_g: NDArray[np.float64]
    at_release_g: NDArray[np.float64]


def best_start(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times | None = None,
    *,
    start_within: Duration | None = None,
    end_within: Duration | None = None,
) -> Schedule:
    """Return the uninterrupted schedule of one job with the least emissions.

    Parameters
    ----------
    job : PhaseModel
        The job.
    intensity : Intensity
        Carbon intensity over the window.
    release : instant
        Earliest start.
    deadline : instant, optional
        Latest finish.
    start_within, end_within : duration, optional
        In place of a deadline: latest start, or latest finish, counted from the release.

    Returns
    -------
    Schedule
        One run; the earliest of the best. It knows what it emits, and what starting at the
        release would have.

    Raises
    ------
    ValueError
        If the job does not fit into the window, the intensity does not cover it, or not
        exactly one of the three limits is given.

    Examples
    --------
    >>> from helpers.phases import Phase
    >>> hourly = Intensity(3600.0 * np.arange(5), [300, 200, 100, 400], "average", "XX", "example")
    >>> job = PhaseModel("report", [], [Phase("work", 3600, 1000.0)])
    >>> best = best_start(job, hourly, 0.0, start_within="3h")
    >>> float(best.start_s[0]) / 3600, best.emissions_g, best.at_once_g
    (2.0, 100.0, 300.0)
    """
    deadline_s = latest_finish_s(job, release, deadline, start_within, end_within)
    release_s, deadline_s = check_window(job, intensity, release, deadline_s)
    found = best_starts(job, intensity, release_s, deadline_s)
    schedule = Schedule.from_work(job, found.start_s, job.work_profile.duration_s)
    least_g = float(found.emissions_g[0])
    return replace(
        schedule.on(intensity, release_s, deadline_s),
        certificate=Certificate(least_g, least_g, "best start"),
    )


def best_starts(
    jobs: PhaseModel | Sequence[PhaseModel],
    intensity: Intensity,
    release: Times,
    deadline: Times,
) -> Starts:
    """Find the best start of each of many uninterrupted jobs.

    Parameters
    ----------
    jobs : PhaseModel or sequence of PhaseModel
        One job for all windows, or one a window. The same object may stand in many places.
    intensity : Intensity
        Carbon intensity over all windows.
    release, deadline : instants
        Earliest start and latest finish of each job, or one for all.

    Returns
    -------
    Starts
        Start and emissions of each job, exact; ties go to the earliest start.

    Raises
    ------
    ValueError
        If numbers of jobs and windows differ, a job does not fit into its window, or the
        intensity does not cover one.
    """
    models = [jobs] if isinstance(jobs, PhaseModel) else list(jobs)
    release_s, deadline_s = np.broadcast_arrays(
        np.atleast_1d(epoch_seconds(release)), np.atleast_1d(epoch_seconds(deadline))
    )
    if len(models) == 1:
        models *= release_s.size
    elif release_s.size == 1:
        release_s, deadline_s = (np.repeat(a, len(models)) for a in (release_s, deadline_s))
    if release_s.shape != (len(models),):
        raise ValueError(
            f"{len(models)} jobs have {release_s.shape} releases and deadlines: give one window "
            "for all jobs, one job for all windows, or one window a job."
        )
    if not models:
        return Starts(np.empty(0), np.empty(0), np.empty(0))
    first, edges_s, power_w = _packed(models)
    lengths_s = edges_s[first[1:] - 1]
    check_windows(models, intensity, release_s, deadline_s)
    shift_s = compiled(_sweep)(
        _Sweep(
            edges_s=for_reading(intensity.edges_s),
            value_g_per_kwh=for_reading(intensity.intensity_g_per_kwh),
            first=for_reading(first),
            borders_s=for_reading(edges_s),
            power_w=for_reading(power_w),
            release_s=for_reading(release_s),
            slack_s=for_reading(np.maximum(deadline_s - release_s - lengths_s, 0.0)),
            tie=_TIE,
        )
    )
    start_s = release_s + shift_s
    return Starts(
        start_s,
        _emissions_g(intensity, start_s, first, edges_s, power_w),
        _emissions_g(intensity, release_s, first, edges_s, power_w),
    )


def starts_of_twin(
    job: PhaseModel, intensity: Intensity, release: Times, deadline: Times
) -> Starts:
    """Find the starts of a planner that knows one power a job, charged with the job's own phases.

    It plans the constant twin (`PhaseModel.constant_twin`): same length, same energy. What its
    starts emit above those of `best_starts` is what not knowing the phases costs.

    Parameters
    ----------
    job, intensity, release, deadline
        As in `best_starts`, with one job.

    Returns
    -------
    Starts
        Best starts of the twin, and the emissions of the job itself [g CO2e].

    Raises
    ------
    ValueError
        As `best_starts`.
    """
    start_s = best_starts(job.constant_twin("whole"), intensity, release, deadline).start_s
    first, edges_s, power_w = _packed([job] * start_s.size)
    release_s = np.broadcast_to(np.atleast_1d(epoch_seconds(release)), start_s.shape)
    return Starts(
        start_s,
        _emissions_g(intensity, start_s, first, edges_s, power_w),
        _emissions_g(intensity, release_s, first, edges_s, power_w),
    )


def _emissions_g(
    intensity: Intensity, start_s: NDArray, first: NDArray, edges_s: NDArray, power_w: NDArray
) -> NDArray[np.float64]:
    """Emissions [g CO2e] of each packed job, started at `start_s`."""
    times_s = np.repeat(start_s, np.diff(first)) + edges_s
    times_s = np.minimum(times_s, intensity.edges_s[-1])  # beyond it only by rounding
    later_s = np.append(times_s[1:], times_s[-1])
    later_s[first[1:] - 1] = times_s[first[1:] - 1]  # after its last border a job draws nothing
    cost = power_w * intensity.integral(times_s, later_s)
    return np.add.reduceat(cost, first[:-1]) / JOULES_PER_KWH


def _packed(models: list[PhaseModel]) -> tuple[NDArray, NDArray, NDArray]:
    """Phase borders and powers of all models in a row; entry `first[i]` begins model i.

    Every model has one border more than phases: its last power is 0, that of the time after.
    """
    known: dict[int, tuple[list[float], list[float]]] = {}
    sizes, durations, powers = [], [], []
    for model in models:
        if id(model) not in known:
            phases = [*flatten(model.startup), *flatten(model.work), *flatten(model.end)]
            known[id(model)] = (
                [phase.duration_s for phase in phases],
                [phase.power_w for phase in phases],
            )
        duration_s, power_w = known[id(model)]
        sizes.append(len(duration_s) + 1)
        durations.append(0.0)
        durations += duration_s
        powers += power_w
        powers.append(0.0)
    first = np.concatenate([[0], np.cumsum(sizes)])
    edges_s = np.array(durations)
    for low, high in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        np.cumsum(edges_s[low:high], out=edges_s[low:high])
    return first, edges_s, np.array(powers)


class _Sweep(NamedTuple):
    """What is swept."""

    edges_s: NDArray[np.float64]  # steps of the intensity ...
    value_g_per_kwh: NDArray[np.float64]
    first: NDArray[np.int64]  # ... phase borders and powers of the jobs, as `_packed` gives them
    borders_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    release_s: NDArray[np.float64]  # earliest start of each job, and how much later it may start
    slack_s: NDArray[np.float64]
    tie: float  # share of the largest possible emissions below which two values are equal


def _sweep(t: _Sweep) -> NDArray[np.float64]:
    """Sweep the phase borders of each job over the intensity steps.

    Returns
    -------
    ndarray, shape (n,)
        Best start of each job, counted from its release [s].
    """
    edges, value, first, borders, power, release, slack, tie = t
    shift = np.zeros(release.size)
    steepest = np.abs(value).max()
    for n in range(release.size):
        low, high = first[n], first[n + 1]
        energy = 0.0
        for k in range(low, high - 1):
            energy += power[k] * (borders[k + 1] - borders[k])
        least_gain = tie * energy * steepest
        heap = [(0.0, low, 0)]  # when a border meets its next step, the border, the step
        heap.clear()
        slope = 0.0  # of the emissions, over a later start
        for k in range(low, high):
            at = release[n] + borders[k]
            step = np.searchsorted(edges, at, side="right")
            before = power[k - 1] if k > low else 0.0
            slope += (before - power[k]) * value[min(step, value.size) - 1]
            if step < value.size:
                heap.append((edges[step] - at, k, step))
        heapq.heapify(heap)
        current, now, best = 0.0, 0.0, 0.0  # emissions beyond those at the release
        while len(heap) > 0 and heap[0][0] < slack[n]:
            meets, k, step = heap[0]
            current += slope * (meets - now)
            now = meets
            if current < best - least_gain:
                best, shift[n] = current, now
            before = power[k - 1] if k > low else 0.0
            slope += (before - power[k]) * (value[step] - value[step - 1])
            if step + 1 < value.size:
                heapq.heapreplace(heap, (edges[step + 1] - release[n] - borders[k], k, step + 1))
            else:
                heapq.heappop(heap)
        current += slope * (slack[n] - now)
        if current < best - least_gain:
            shift[n] = slack[n]
    return shift
