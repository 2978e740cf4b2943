"""The 1200 problems of a published evaluation of suspend and resume, written down once.

A job that takes turns between a high and a low power arrives at the first instant of an hourly
carbon curve. Its length includes one start-up, and it has to finish when its length and its
longest wait are over. All combinations of

==============  ==========================================================================
phases          200 W and 100 W for 60 and 60, 60 and 30, 30 and 60 minutes, in turn until
                the length is reached; the last one is cut
power           as the phases have it, or constant at the job's average (start-up included)
start-up        0, 5, 10, 30 minutes, at 100 or at 200 W
length          1, 2, 4, 8, 16 hours
longest wait    6, 12, 24, 48, 96 hours
==============  ==========================================================================

were solved twice, with and without suspension: 2400 runs. The published code stores what came
out; `STORED_RUNS` holds some of it, as outside judges: what a schedule was charged with, and
where it ran.

References
----------
V. Opitz, master's thesis, Hasso Plattner Institute, 2024, evaluation;
https://github.com/Quacck/carbs, ``generate_evaluation_jobs.sh``,
``src/power_consumption_profiles`` and ``results/simulation/evaluation_jobs``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.phases.model import Phase, PhaseModel, Profile, fill

__all__ = [
    "LENGTHS_H",
    "LONGEST_WAITS_H",
    "PHASES_MIN",
    "POWERS",
    "STARTUPS_MIN",
    "STARTUP_POWERS_W",
    "STORED_RUNS",
    "PublishedProblem",
    "StoredRun",
    "first_alike",
    "published_problems",
    "to_frame",
]

PHASES_MIN = ((60, 60), (60, 30), (30, 60))
"""Lengths of the high and the low phase [min]."""

POWERS = ("phases", "constant")
"""Whether the power is that of the phases or their average."""

STARTUPS_MIN = (0, 5, 10, 30)
"""Lengths of the start-up [min]."""

STARTUP_POWERS_W = (100, 200)
"""Powers of the start-up [W]; without effect where there is none."""

LENGTHS_H = (1, 2, 4, 8, 16)
"""Lengths of the jobs, one start-up included [h]."""

LONGEST_WAITS_H = (6, 12, 24, 48, 96)
"""Longest waits [h]."""

_HIGH_W, _LOW_W = 200.0, 100.0


@dataclass(frozen=True, slots=True)
class PublishedProblem:
    """One problem of the evaluation: a job and how long it may take.

    Parameters
    ----------
    power : {"phases", "constant"}
        Whether the power is that of the phases or their average.
    high_min, low_min : int
        Lengths of the phases of 200 W and of 100 W [min].
    startup_min : int
        Length of the start-up [min].
    startup_power_w : int
        Its power [W]; in the average of a constant job, too.
    length_h : int
        Length of the job, one start-up included [h].
    longest_wait_h : int
        How much later it may finish than if it started at once and did not stop [h].
    """

    power: str
    high_min: int
    low_min: int
    startup_min: int
    startup_power_w: int
    length_h: int
    longest_wait_h: int

    @property
    def window_s(self) -> float:
        """From the release to the deadline [s]."""
        return 3600.0 * (self.length_h + self.longest_wait_h)

    @property
    def job(self) -> PhaseModel:
        """The job."""
        return _job(self)


@cache
def _job(problem: PublishedProblem) -> PhaseModel:
    """Return the job of a problem: made once, as every week asks for it."""
    startup_s = 60.0 * problem.startup_min
    startup: tuple[Phase, ...] = ()
    if problem.startup_min:
        startup = (Phase("startup", startup_s, problem.startup_power_w),)
    turn = (
        Phase("high", 60.0 * problem.high_min, _HIGH_W),
        Phase("low", 60.0 * problem.low_min, _LOW_W),
    )
    job = PhaseModel(
        "published", tuple(startup), tuple(fill(turn, 3600.0 * problem.length_h - startup_s))
    )
    return job.constant_twin("whole") if problem.power == "constant" else job


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A schedule with suspension that the published program found, as its results store it.

    Parameters
    ----------
    problem : PublishedProblem
        The problem.
    start_s, stop_s : tuple of float
        When each run begins and is over, from the release on [s].
    charged_g : float
        Emissions it was charged with on the published curve [g CO2e].
    """

    problem: PublishedProblem
    start_s: tuple[float, ...]
    stop_s: tuple[float, ...]
    charged_g: float


def _stored(
    power: str,
    phases: tuple[int, int],
    startup: tuple[int, int],
    length_and_wait_h: tuple[int, int],
    *runs: tuple[float, float, float],
) -> StoredRun:
    """Make a stored run of (start [s], length [s], charged [g CO2e]) a row of its file."""
    start_s, length_s, charged_g = zip(*runs, strict=True)
    return StoredRun(
        PublishedProblem(power, *phases, *startup, *length_and_wait_h),
        start_s,
        tuple(start + length for start, length in zip(start_s, length_s, strict=True)),
        sum(charged_g),
    )


STORED_RUNS = (
    _stored(
        "constant",
        (60, 60),
        (5, 200),
        (16, 96),
        (284100, 29100, 171.80698784722225),
        (370800, 28800, 162.2865451388889),
    ),
    _stored(
        "constant",
        (60, 60),
        (30, 100),
        (16, 48),
        (28800, 30600, 307.275),
        (111600, 28800, 301.8),
    ),
    _stored(
        "phases", (60, 30), (30, 200), (16, 48), (32400, 28800, 318.8), (115200, 30600, 366.25)
    ),
    _stored(
        "phases", (30, 60), (30, 200), (16, 24), (32400, 27000, 243.25), (111600, 32400, 315.9)
    ),
    _stored("phases", (30, 60), (0, 100), (8, 96), (288000, 25200, 133.75), (370800, 3600, 23.4)),
    _stored(
        "phases", (30, 60), (0, 100), (16, 96), (279000, 34200, 189.8), (374400, 23400, 112.65)
    ),
    _stored(
        "phases",
        (60, 60),
        (10, 200),
        (8, 48),
        (33000, 24600, 240.73333333333332),
        (129600, 4800, 35.61666666666667),
    ),
    _stored(
        "phases",
        (60, 60),
        (10, 200),
        (16, 48),
        (33600, 28800, 292.26666666666665),
        (119400, 18600, 209.78333333333336),
        (208200, 11400, 104.55),
    ),
    _stored("phases", (60, 60), (10, 100), (16, 96), (263400, 57600, 385.0333333333333)),
    _stored(
        "phases",
        (60, 60),
        (5, 100),
        (8, 96),
        (284400, 27300, 161.99166666666667),
        (371400, 1800, 6.5),
    ),
    _stored(
        "phases",
        (60, 60),
        (5, 100),
        (16, 96),
        (120000, 600, 6.675),
        (337800, 54900, 413.39166666666665),
        (397800, 2700, 8.533333333333331),
    ),
    _stored(
        "phases",
        (60, 60),
        (5, 200),
        (16, 96),
        (0, 3900, 89.91666666666667),
        (345000, 54000, 372.1833333333333),
    ),
)
"""Some of the published schedules with suspension, of long jobs."""


def published_problems() -> tuple[PublishedProblem, ...]:
    """Return the 1200 problems: all combinations, the longest wait changing fastest.

    Returns
    -------
    tuple of PublishedProblem
        In the same order in every call.
    """
    return tuple(
        PublishedProblem(power, high, low, startup, startup_w, length, wait)
        for power, (high, low), startup, startup_w, length, wait in itertools.product(
            POWERS, PHASES_MIN, STARTUPS_MIN, STARTUP_POWERS_W, LENGTHS_H, LONGEST_WAITS_H
        )
    )


def to_frame(problems: Iterable[PublishedProblem]) -> pd.DataFrame:
    """Return one row a problem, one column a parameter.

    Parameters
    ----------
    problems : iterable of PublishedProblem
        Some of the problems.

    Returns
    -------
    DataFrame
        Columns as the attributes of `PublishedProblem`.
    """
    names = [field.name for field in fields(PublishedProblem)]
    rows = [[getattr(problem, name) for name in names] for problem in problems]
    return pd.DataFrame(rows, columns=names)


def first_alike(problems: Sequence[PublishedProblem]) -> NDArray[np.int64]:
    """Return for each problem the place of the first one that is the same problem.

    Parameters
    ----------
    problems : sequence of PublishedProblem, length n
        Some of the problems.

    Returns
    -------
    ndarray of int, shape (n,)
        Two problems are the same if start-up and work draw the same power at the same time
        and the windows are equally long: a start-up of no length has no power, and a job that
        ends within its first phase has no second one.
    """
    known: dict[tuple, int] = {}
    return np.array(
        [
            known.setdefault((_steps(job.startup_profile), _steps(job.work_profile), window_s), i)
            for i, (job, window_s) in enumerate((p.job, p.window_s) for p in problems)
        ],
        dtype=np.int64,
    )


def _steps(profile: Profile) -> tuple[tuple[float, float], ...]:
    """Power [W] and end [s] of each step of a profile, neighbours of equal power joined."""
    power_w = np.round(profile.power_w, 9)
    last = np.append(np.diff(power_w) != 0, True)[: power_w.size]
    return tuple(zip(power_w[last].tolist(), profile.edges_s[1:][last].tolist(), strict=True))
