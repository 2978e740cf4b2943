"""Does pausing pay? What it gains beyond the best start, and what the intensity must do for it.

`helpers.schedule.suspend` finds the best schedule; here is what explains it: the swing across each
of its pauses beside the swing that pays for one, the room a window has for a pause before any
schedule is known, and the plain recursion of the dynamic program.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.phases.model import PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule.intervals import Schedule
from helpers.schedule.start import best_start
from helpers.schedule.suspend import best_schedule
from helpers.timeline import Duration, Times

__all__ = ["Swing", "gains", "least_from_here", "optimum_ratio", "room", "swings"]

_HIGHEST_RATIO = 32.0
"""A ratio of high to low intensity beyond which `optimum_ratio` does not look: no grid has it."""


class Swing(NamedTuple):
    """What the intensity does across a pause."""

    moved_h: float  # work that the pause moves [h]
    needed: float  # energy of the start-up over that of the work moved
    actual: float  # fall of the intensity over the work moved, over that at the resume


def gains(
    job: PhaseModel,
    intensity: Intensity,
    releases: Iterable[Times],
    wait: Duration,
    *,
    suspension: Suspension | None = None,
) -> pd.DataFrame:
    """Return what the best schedule saves beyond the best start, arrival by arrival.

    Parameters
    ----------
    job : PhaseModel
        The job.
    intensity : Intensity
        Carbon intensity over all windows.
    releases : iterable of instants
        Earliest start of each arrival.
    wait : duration
        How long the job may wait in all, pauses included.
    suspension : Suspension, optional
        What a stop costs and when it is allowed.

    Returns
    -------
    DataFrame
        One row an arrival: ``release``, the schedules ``start`` (one run) and ``best``, their
        emissions ``start_g`` and ``best_g`` [g CO2e], ``resumes`` of the best, and ``extra``, the
        share of ``start_g`` that it saves [1].

    Raises
    ------
    ValueError
        If the intensity does not cover a window.
    """
    rows = []
    for release in releases:
        start = best_start(job, intensity, release, start_within=wait)
        best = best_schedule(job, intensity, release, start_within=wait, suspension=suspension)
        rows.append((release, start, best, start.emissions_g, best.emissions_g, best.resumes))
    names = ["release", "start", "best", "start_g", "best_g", "resumes"]
    table = pd.DataFrame(rows, columns=names)
    # Where no pause pays the two are one schedule, but for the rounding of their sums.
    table["extra"] = (1 - table["best_g"] / table["start_g"]).clip(lower=0)
    return table


def swings(schedule: Schedule) -> list[Swing]:
    """Return, for each pause of a schedule, the swing that would pay for it and the one there is.

    The work moved is the smaller of the pause and the run after it: without the pause it would
    have been done right after the stop. An optimal schedule has no pause whose actual swing falls
    short, or leaving that pause out would be better; saving and suspension are taken as free.

    Raises
    ------
    ValueError
        If the schedule knows no job or no signal.
    """
    job, intensity = schedule.job, schedule.intensity
    if job is None or intensity is None:
        raise ValueError("the schedule knows no job or no signal: pass schedule.on(intensity).")
    startup_s = job.startup_profile.duration_s
    found = []
    for i in range(schedule.resumes):
        stop_s, begin_s, end_s = schedule.stop_s[i], schedule.start_s[i + 1], schedule.stop_s[i + 1]
        done_s = schedule.work_to_s[i + 1] - schedule.work_from_s[i + 1]
        moved_s = min(done_s, begin_s + startup_s - stop_s)
        fall = intensity.mean(stop_s, stop_s + moved_s) - intensity.mean(end_s - moved_s, end_s)
        resume = (
            intensity.mean(begin_s, begin_s + startup_s) if startup_s else intensity.at(begin_s)
        )
        moved_j = job.work_profile.mean_power_w * moved_s
        needed = job.startup_profile.energy_j / moved_j
        found.append(Swing(float(moved_s / 3600), float(needed), float(fall / resume)))
    return found


def room(start: Schedule) -> float:
    """Return how much pausing could gain at most in a window, in start-ups: no pause pays below 1.

    The bound is one start-up in the cleanest moment and the work in the cleanest hours, as if these
    were contiguous. What the best start emits beyond it is all that pauses can gain, and each
    resume takes one start-up at the least intensity away; so n resumes need a room above n.

    Parameters
    ----------
    start : Schedule
        The best start in the window (`best_start`), of a job whose work has one power.

    Raises
    ------
    ValueError
        If the schedule knows no job, signal or window, or its job has no start-up.
    """
    job, intensity = start.job, start.intensity
    if job is None or intensity is None or start.release_s is None or start.deadline_s is None:
        raise ValueError("the schedule knows no job, signal or window: take that of best_start().")
    if not job.startup_profile.energy_j > 0:
        raise ValueError(f"job {job.name!r} starts for free, so room cannot be told in start-ups.")
    window = intensity.window(start.release_s, start.deadline_s)
    order = np.argsort(window.intensity_g_per_kwh, kind="stable")
    length_s, sorted_g = np.diff(window.edges_s)[order], window.intensity_g_per_kwh[order]
    used_s = np.diff(np.minimum(np.cumsum(length_s), job.work_profile.duration_s), prepend=0)
    clean_g = job.work_profile.mean_power_w * (used_s * sorted_g).sum() / JOULES_PER_KWH
    startup_g = job.startup_profile.energy_j * sorted_g[0] / JOULES_PER_KWH
    return float((start.emissions_g - startup_g - clean_g) / startup_g)


def optimum_ratio(
    job: PhaseModel,
    moved_s: float,
    *,
    pause_s: float = 0.0,
    suspension: Suspension | None = None,
) -> float:
    """Return the ratio of high to low intensity from which on the optimum pauses, by bisection.

    The judge of `helpers.schedule.suspend.break_even_ratio`: on a curve of two values whose window
    leaves the job just the choice to work through the high one or to pause, the best schedule is
    found at each ratio tried.

    Parameters
    ----------
    job, moved_s, pause_s, suspension
        As in `break_even_ratio`.

    Returns
    -------
    float
        The ratio, to a relative 1e-6; inf where the optimum does not pause at 32 either.
    """
    rules = suspension or Suspension()
    startup_s, save_s = job.startup_profile.duration_s, rules.save_profile.duration_s
    before_s = startup_s + job.work_profile.duration_s - moved_s
    edges_s = np.cumsum([0, before_s, save_s + pause_s, startup_s + moved_s])

    def pauses(ratio: float) -> bool:
        values = np.array([100.0, 100.0 * ratio, 100.0])
        curve = Intensity(edges_s, values, "average", "two values", "made up")
        return best_schedule(job, curve, 0.0, edges_s[-1], suspension=rules).resumes > 0

    low, high = 1.0, _HIGHEST_RATIO
    if not pauses(high):
        return math.inf
    for _ in range(24):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if pauses(middle) else (middle, high)
    return high


def least_from_here(
    work_g: NDArray[np.float64], startup_g: NDArray[np.float64], work: int, startup: int
) -> NDArray[np.float64]:
    """Return the least emissions from each slot on, for each amount of work done, while stopped.

    The recursion as one writes it down, for a job of one power on one grid, without rules for
    stops: to show and to judge; `best_schedule` solves the general problem.

    Parameters
    ----------
    work_g, startup_g : ndarray, shape (slots,)
        Emissions of working, and of starting up, in each slot [g CO2e].
    work, startup : int
        Slots of work, and slots of each start-up.

    Returns
    -------
    ndarray, shape (slots + 1, work + 1)
        ``off[t, w]`` [g CO2e], with w slots of work done before slot t; inf where the rest can no
        longer be done.
    """
    slots = work_g.size
    on, off = np.full((2, slots + 1, work + 1), np.inf)
    on[slots, work] = off[slots, work] = 0.0
    for t in reversed(range(slots)):
        run = np.append(work_g[t] + on[t + 1, 1:], np.inf)
        off[t] = off[t + 1]
        if t + startup <= slots:
            ready = on[t + startup] if startup else run
            off[t] = np.minimum(off[t], startup_g[t : t + startup].sum() + ready)
        on[t] = np.minimum(off[t], run)
    return off
