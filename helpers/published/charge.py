"""How the published simulator charged suspended jobs, and the intervals its policy wished for.

Both leave the start-ups of resumes out, each in its own way. `schedule.charge` is the right
charge; these are here to show what the published one claims.
"""

from __future__ import annotations

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.phases.model import PhaseModel
from helpers.schedule.intervals import (
    SEGMENT_PARTS,
    TIME_TOLERANCE_S,
    Charge,
    Schedule,
    charge_segments,
    check_window,
    cut_profile,
    join_segments,
)
from helpers.timeline import Times

__all__ = ["charge_as_published", "published_intervals"]

_WORK, _END, _BEYOND = map(SEGMENT_PARTS.index, ("work", "end", "beyond"))


def charge_as_published(schedule: Schedule, job: PhaseModel, intensity: Intensity) -> Charge:
    """Charge a schedule as the published simulator did, which is wrong after a resume.

    Parameters
    ----------
    schedule : Schedule
        Intervals in which the job runs.
    job : PhaseModel
        The job.
    intensity : Intensity
        Carbon intensity over the schedule.

    Returns
    -------
    Charge
        Energy and emissions by the published reading of power.

    Raises
    ------
    ValueError
        If the schedule leaves the coverage of the intensity.

    Notes
    -----
    The simulator split a suspended job into one task a run and read the power of each second
    at the job's *total elapsed running time*, as if it had never stopped [1]_. So the start-up
    of a resume is charged as work, and when the profile is over, what still runs is charged
    with 0 W (part "beyond"). A schedule of one run is charged as `charge` does.

    References
    ----------
    .. [1] https://github.com/Quacck/carbs, ``src/scheduling/carbon_waiting_policy.py``,
       function ``compute_carbon_consumption``.
    """
    pieces: list[tuple] = []
    whole, elapsed_s = job.profile, 0.0
    borders_s = np.cumsum(
        [p.duration_s for p in (job.startup_profile, job.work_profile, job.end_profile)]
    )
    firsts = np.cumsum(
        [0, len(job.startup_profile.phases), len(job.work_profile.phases)]
    )  # place of each part's first phase in the whole profile
    for i, (start_s, stop_s) in enumerate(zip(schedule.start_s, schedule.stop_s, strict=True)):
        length_s = stop_s - start_s
        low_s = min(elapsed_s, whole.duration_s)
        high_s = min(elapsed_s + length_s, whole.duration_s)
        piece = list(cut_profile(whole, low_s, high_s, start_s, i, _WORK))
        middle_s = (low_s + (piece[0] - start_s)) + piece[1] / 2
        piece[4] = np.searchsorted(borders_s, middle_s, side="right")
        piece[5] = piece[5] - firsts[np.minimum(piece[4], _END)]
        pieces.append(tuple(piece))
        beyond_s = length_s - (high_s - low_s)
        pieces.append(([start_s + (high_s - low_s)], [beyond_s], [0.0], [i], [_BEYOND], [0]))
        elapsed_s += length_s
    profiles = {"startup": job.startup_profile, "work": job.work_profile, "end": job.end_profile}
    return charge_segments(join_segments(pieces, profiles), schedule, intensity, 0.0)


def published_intervals(
    job: PhaseModel, intensity: Intensity, release: Times, deadline: Times
) -> Schedule:
    """Return the intervals of the published suspend-resume policy, which knows no overhead.

    The job runs where the intensity is least, for just as long as it would without a stop:
    there is no time for the start-ups of its resumes. `charge_as_published` charges that as
    its simulator did; `check` refuses it when there is a resume; `cheapest_slots` carries out
    the same wish and pays for it.

    Parameters
    ----------
    job, intensity, release, deadline
        As in `cheapest_slots`.

    Returns
    -------
    Schedule
        Intervals, with the time run so far in place of work done.

    Raises
    ------
    ValueError
        If the job does not fit into the window, or the intensity does not cover it.

    References
    ----------
    https://github.com/Quacck/carbs, ``src/scheduling/suspend_scheduling_policy.py``, after
    W. A. Hanafy et al., "Going Green for Less Green", ASPLOS 2024.
    """
    window = intensity.window(*check_window(job, intensity, release, deadline))
    left_s, pieces = job.duration_s, []
    for i in np.argsort(window.intensity_g_per_kwh, kind="stable"):
        begin_s = window.edges_s[i]
        end_s = min(window.edges_s[i + 1], begin_s + left_s)
        pieces.append((begin_s, end_s))
        left_s -= end_s - begin_s
        if left_s <= TIME_TOLERANCE_S:
            break
    merged: list[list[float]] = []
    for begin_s, end_s in sorted(pieces):
        if merged and begin_s <= merged[-1][1]:
            merged[-1][1] = end_s
        else:
            merged.append([begin_s, end_s])
    start_s, stop_s = np.transpose(merged)
    elapsed_s = np.concatenate([[0.0], np.cumsum(stop_s - start_s)])
    return Schedule(start_s, stop_s, elapsed_s[:-1], elapsed_s[1:])
