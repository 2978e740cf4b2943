"""A project's jobs and when their results are needed: scenario II of Let's Wait Awhile.

Jobs are submitted in office hours and last hours to days; a result is needed when somebody looks
at it, on the next workday or on some days of the week. `next_day_as_in_its_program` is the rule as
the published program has it, for what the difference makes.

References
----------
P. Wiesner, I. Behnke, D. Scheinert, K. Gontarska, L. Thamsen, "Let's Wait Awhile: How Temporal
Workload Shifting Can Reduce Carbon Emissions in the Cloud", Middleware 2021;
https://github.com/dos-group/lets-wait-awhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.schedule.trace import Trace
from helpers.timeline import Times, epoch_seconds, utc_times

__all__ = ["next_day_as_in_its_program", "next_weekday", "next_workday", "office_jobs"]


def next_workday(
    finish: Times, time_zone: str, *, begin_h: float = 9.0, end_h: float = 17.0
) -> NDArray[np.float64]:
    """Return when a result is needed that is looked at in working hours only.

    Parameters
    ----------
    finish : instants, shape (n,)
        When the job would finish if it started at once.
    time_zone : str
        Clock of the office, e.g. "Europe/Berlin".
    begin_h, end_h : float
        Working hours of Monday to Friday [h of the local day].

    Returns
    -------
    ndarray of float
        The finish itself if it lies in working hours, which leaves no time to wait; else the
        next begin of working hours, epoch seconds [s]. Public holidays are not known.

    Raises
    ------
    ValueError
        If the working hours do not end after they begin.

    Notes
    -----
    Constraint "next workday" of Let's Wait Awhile. Its program moves a job that would finish on
    Friday evening to Saturday, 9:00; here the next workday is Monday, as the name says.

    References
    ----------
    P. Wiesner, I. Behnke, D. Scheinert, K. Gontarska, L. Thamsen, "Let's Wait Awhile: How
    Temporal Workload Shifting Can Reduce Carbon Emissions in the Cloud", Middleware 2021;
    https://github.com/dos-group/lets-wait-awhile, ``strategy.py``.
    """
    if not 0 <= begin_h < end_h <= 24:
        raise ValueError(
            f"begin_h(={begin_h}) and end_h(={end_h}) must be hours of one day, in order."
        )
    finish_s = np.atleast_1d(epoch_seconds(finish))
    days, hour = _local(finish_s, time_zone)
    workday = days.day_of_week.to_numpy() < 5
    at_work = workday & (begin_h <= hour) & (hour <= end_h)
    ahead = np.where(workday & (hour < begin_h), 0, 1)
    later = (days.day_of_week.to_numpy() + ahead) % 7
    ahead = ahead + np.where(later >= 5, 7 - later, 0)
    return np.where(at_work, finish_s, _instant_s(days, ahead, begin_h, time_zone))


def next_weekday(
    finish: Times, time_zone: str, weekdays: Sequence[int] = (0, 3), *, at_h: float = 9.0
) -> NDArray[np.float64]:
    """Return when a result is needed that is looked at on some days of the week.

    Parameters
    ----------
    finish : instants, shape (n,)
        When the job would finish if it started at once.
    time_zone : str
        Clock of the office.
    weekdays : sequence of int
        Days, 0 = Monday. Monday and Thursday are the "semi-weekly" constraint of Let's Wait
        Awhile (see `next_workday`); Monday alone is a weekly one.
    at_h : float
        Hour of the local day [h].

    Returns
    -------
    ndarray of float
        The first such instant at or after the finish, epoch seconds [s].

    Raises
    ------
    ValueError
        If there is no weekday, or it is not 0 to 6.
    """
    if not weekdays or not set(weekdays) <= set(range(7)):
        raise ValueError(f"weekdays(={tuple(weekdays)}) must be some of 0 (Monday) to 6.")
    finish_s = np.atleast_1d(epoch_seconds(finish))
    days, hour = _local(finish_s, time_zone)
    ahead = (np.array(sorted(weekdays)) - days.day_of_week.to_numpy()[:, None]) % 7
    ahead = np.where((ahead == 0) & (hour[:, None] > at_h), 7, ahead).min(axis=1)
    return _instant_s(days, ahead, at_h, time_zone)


def next_day_as_in_its_program(finish: Times, time_zone: str) -> NDArray[np.float64]:
    """Return next workdays as the paper's program has them: Friday evening's is Saturday, 9:00.

    Parameters
    ----------
    finish, time_zone
        As for `next_workday`, with its hours.
    """
    finish_s = np.atleast_1d(epoch_seconds(finish))
    due_s = next_workday(finish_s, time_zone)
    days, hour = _local(finish_s, time_zone)
    friday = (days.day_of_week.to_numpy() == 4) & (due_s > finish_s) & (hour >= 9.0)
    return np.where(friday, _instant_s(days, np.ones(len(days), int), 9.0, time_zone), due_s)


def _local(instant_s: NDArray, time_zone: str) -> tuple[pd.DatetimeIndex, NDArray[np.float64]]:
    """Local calendar day (as naive midnight) and hour of the clock of each instant."""
    clock = utc_times(instant_s).tz_convert(time_zone).tz_localize(None)
    days = clock.normalize()
    return days, (clock - days).total_seconds().to_numpy() / 3600


def _instant_s(
    days: pd.DatetimeIndex, ahead: NDArray, hour: float, time_zone: str
) -> NDArray[np.float64]:
    """Instants so many days ahead at an hour of the clock; one that is skipped moves on."""
    clock = days + pd.to_timedelta(ahead, unit="D") + pd.Timedelta(hours=hour)
    first = np.ones(len(clock), dtype=bool)
    return epoch_seconds(clock.tz_localize(time_zone, nonexistent="shift_forward", ambiguous=first))


def office_jobs(
    year: int,
    time_zone: str,
    *,
    count: int = 3387,
    shortest_h: float = 4.0,
    longest_h: float = 90.0,
    power_w: float = 1000.0,
    step_min: int = 30,
    seed: int,
) -> Trace:
    """Generate the jobs of a machine-learning project: submitted in office hours, hours to days long.

    Parameters
    ----------
    year : int
        Calendar year.
    time_zone : str
        Clock of the office.
    count : int
        Number of jobs.
    shortest_h, longest_h : float
        Lengths are uniform from the first to below the second [h], in whole steps.
    power_w : float
        Power of each job [W].
    step_min : int
        Submissions (from 9:00 to before 17:00, Monday to Friday) and lengths are multiples of
        this [min].
    seed : int
        Seed of the generator.

    Returns
    -------
    Trace
        In order of submission, with a longest wait of 0: see `Trace.with_deadlines`.

    Raises
    ------
    ValueError
        If `count` is no whole number >= 1, or there is no length between the two.

    Notes
    -----
    Generated after scenario II of Let's Wait Awhile (see `next_workday`), whose program draws
    3387 jobs of 4 to 90 h in steps of 30 minutes like this, with another generator.
    """
    if count != int(count) or count < 1:
        raise ValueError(f"count(={count}) must be a whole number >= 1.")
    if not 0 < shortest_h < longest_h:
        raise ValueError(f"shortest_h(={shortest_h}) must be > 0 and < longest_h(={longest_h}).")
    rng = np.random.default_rng(seed)
    days = pd.date_range(f"{year}-01-01", f"{year}-12-31", freq="B")
    steps = np.arange(9 * 60, 17 * 60, step_min)
    lengths_min = np.arange(60 * shortest_h, 60 * longest_h, step_min)
    clock = days[rng.integers(len(days), size=count)] + pd.to_timedelta(
        rng.choice(steps, size=count), unit="min"
    )
    submit_s = np.sort(epoch_seconds(clock.tz_localize(time_zone)))
    length_s = 60.0 * rng.choice(lengths_min, size=count)
    return Trace(submit_s, length_s, np.full(count, power_w), np.zeros(count))
