"""The published problems solved in any week, and analysed: as published, and in pairs.

The study gave one p-value for each parameter, from an analysis of variance of all runs of one
week, each taken as an independent draw. Here the same runs are compared in pairs that differ in
one parameter and nothing else, and weeks are resampled in blocks.

References
----------
V. Opitz, master's thesis, Hasso Plattner Institute, 2024, evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Intensity
from helpers.extras import extra
from helpers.published.charge import charge_as_published
from helpers.published.evaluation import (
    STORED_RUNS,
    PublishedProblem,
    first_alike,
    published_problems,
    to_frame,
)
from helpers.schedule import Schedule, best_schedule, best_starts, charge, check, milp
from helpers.stats import Interval, block_bootstrap

__all__ = [
    "BASELINE",
    "PUBLISHED_P",
    "Evaluation",
    "contrasts",
    "judged",
    "over_weeks",
    "p_values",
]

_NOTHING_G = 1e-9
"""Differences of emissions below this are rounding [g CO2e]."""

PUBLISHED_P = MappingProxyType(
    {
        "length_h": 0.0,
        "longest_wait_h": 1.01e-23,
        "phases": 1.91e-4,
        "scheduler": 0.183,
        "startup_power_w": 0.664,
        "power": 0.744,
        "startup_min": 0.989,
    }
)
"""The p-values of the study, one a parameter."""

BASELINE = MappingProxyType(
    {
        "power": "constant",
        "phases": "60/60",
        "startup_min": 0,
        "startup_power_w": 100,
        "longest_wait_h": 6,
        "length_h": 1,
    }
)
"""What the levels of each parameter are compared with."""

_WORDS = MappingProxyType(
    {
        "power": "phases, not their average",
        "phases": "phases {} min, not 60/60",
        "startup_min": "start-up {} min, not 0",
        "startup_power_w": "start-up {} W, not 100",
        "longest_wait_h": "longest wait {} h, not 6",
        "length_h": "length {} h, not 1",
    }
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All problems of the published evaluation, each different one solved once a week.

    Attributes
    ----------
    problems : tuple of PublishedProblem
        In the order of `published_problems`.
    table : DataFrame
        Their parameters, a row a problem; ``phases`` is the two lengths in one word.
    alike : ndarray of int
        For each problem the place of the first one that is the same.
    """

    problems: tuple[PublishedProblem, ...] = field(default_factory=published_problems)
    table: pd.DataFrame = field(init=False)
    alike: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        table = to_frame(self.problems)
        table["phases"] = table["high_min"].astype(str) + "/" + table["low_min"].astype(str)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "alike", first_alike(self.problems))

    @property
    def different(self) -> NDArray[np.int64]:
        """Places of the problems that differ from all before them."""
        return np.unique(self.alike)

    @property
    def longest_window_s(self) -> float:
        """The longest time from a release to a deadline [s]."""
        return max(problem.window_s for problem in self.problems)

    def solve(self, intensity: Intensity, release_s: float) -> pd.DataFrame:
        """Solve all problems for one release.

        Parameters
        ----------
        intensity : Intensity
            The curve, known to who plans.
        release_s : float
            When all jobs arrive, epoch seconds [s].

        Returns
        -------
        DataFrame
            A row a problem: emissions [g CO2e] of a start at once (``now_g``), of the best start on
            a whole hour (``hour_g``, as the published baseline), of the best start (``start_g``)
            and of the best schedule with suspension (``best_g``), what the published simulator
            would have charged that with (``published_g``), and its ``resumes``.
        """
        chosen = [self.problems[place] for place in self.different]
        jobs, window_s = [p.job for p in chosen], np.array([p.window_s for p in chosen])
        single = best_starts(jobs, intensity, release_s, release_s + window_s)
        best = [
            best_schedule(job, intensity, release_s, release_s + wait_s)
            for job, wait_s in zip(jobs, window_s, strict=True)
        ]
        pairs = list(zip(best, jobs, strict=True))
        solved = pd.DataFrame(
            {
                "now_g": single.at_release_g,
                "hour_g": [_on_the_hour_g(p, intensity, release_s) for p in chosen],
                "start_g": single.emissions_g,
                "best_g": [charge(s, job, intensity).emissions_g for s, job in pairs],
                "resumes": [s.resumes for s in best],
            }
        )
        # Without a resume the published charge is right.
        read = [
            charge_as_published(s, job, intensity).emissions_g if s.resumes else grams
            for (s, job), grams in zip(pairs, solved["best_g"], strict=True)
        ]
        back = np.searchsorted(self.different, self.alike)
        return solved.assign(published_g=read).iloc[back].reset_index(drop=True)

    def where(self, **fixed: Any) -> NDArray[np.bool_]:
        """Return which problems have such parameters, shape (n,)."""
        return np.all([self.table[name] == value for name, value in fixed.items()], axis=0)

    def paired(self, values: NDArray, factor: str, level: Any) -> NDArray[np.float64]:
        """Return the mean difference of each week between problems that differ in one parameter.

        Parameters
        ----------
        values : ndarray, shape (weeks, n)
            What is compared.
        factor : str
            The parameter; the power of a start-up is compared where there is one.
        level : any
            Its level, compared with that of `BASELINE`.
        """
        of_level, of_base = self._pairs(factor, level, BASELINE[factor])
        return (values[:, of_level] - values[:, of_base]).mean(axis=1)

    def _pairs(self, factor: str, one: Any, other: Any) -> tuple[NDArray, NDArray]:
        counted = self.table["startup_min"] > 0 if factor == "startup_power_w" else True
        first, second = (np.flatnonzero(counted & (self.table[factor] == x)) for x in (one, other))
        return first, second

    def by_length_and_wait(self, values: NDArray, **fixed: Any) -> pd.DataFrame:
        """Return means over weeks by length (rows) and longest wait (columns) of some problems."""
        chosen = self.where(**fixed)
        part = self.table[chosen].assign(value=values.mean(axis=0)[chosen])
        return part.pivot_table("value", "length_h", "longest_wait_h")

    def flipped(
        self,
        right_g: NDArray,
        read_g: NDArray,
        resumes: NDArray,
        factor: str,
        levels: tuple[Any, Any],
    ) -> float:
        """Return the share of pairs that another charge puts into the other order [%].

        Parameters
        ----------
        right_g, read_g : ndarray, shape (weeks, n)
            Emissions by the one charge and by the other [g CO2e].
        resumes : ndarray, shape (weeks, n)
            Pairs count in which at least one schedule resumes and has a start-up.
        factor, levels
            Parameter in which the problems of a pair differ, and its two levels.
        """
        counted = self.table["startup_min"] > 0
        first, second = (np.flatnonzero(counted & (self.table[factor] == x)) for x in levels)
        right, read = (grams[:, first] - grams[:, second] for grams in (right_g, read_g))
        again = resumes > 0
        touched = (again[:, first] | again[:, second]) & (np.abs(right) > _NOTHING_G)
        return float(100 * (np.sign(right) != np.sign(read))[touched].mean())

    def under_rules_g(
        self, intensity: Intensity, release_s: float, places: Iterable[int], **rules: Any
    ) -> list[float]:
        """Return the emissions of some problems under other rules of suspension [g CO2e]."""
        from helpers.phases import Suspension

        found = []
        for place in places:
            problem = self.problems[place]
            window = problem.job, intensity, release_s, release_s + problem.window_s
            capped = best_schedule(*window, suspension=Suspension(**rules))
            found.append(charge(capped, *window[:2]).emissions_g)
        return found

    def stored_runs(self, intensity: Intensity, solved: pd.DataFrame) -> pd.DataFrame:
        """Check the schedules stored with the study, charge them both ways, and compare.

        Parameters
        ----------
        intensity : Intensity
            The published curve; jobs arrive at its start.
        solved : DataFrame
            What `solve` gives for it.

        Returns
        -------
        DataFrame
            A row a schedule: parameters, ``resumes`` and emissions [g CO2e]: as ``stored``, charged
            ``again`` as published, charged ``right``, of the ``optimum`` and of the best ``single``
            start.
        """
        release_s, rows = intensity.start.timestamp(), []
        for stored in STORED_RUNS:
            problem, job = stored.problem, stored.problem.job
            start_s, stop_s = (release_s + np.array(s) for s in (stored.start_s, stored.stop_s))
            schedule = Schedule.from_intervals(job, start_s, stop_s)
            check(schedule, job, release=release_s, deadline=release_s + problem.window_s)
            found = solved.loc[self.problems.index(problem)]
            row = {
                "power": problem.power,
                "startup_min": problem.startup_min,
                "length_h": problem.length_h,
                "longest_wait_h": problem.longest_wait_h,
                "resumes": schedule.resumes,
                "stored": stored.charged_g,
                "again": charge_as_published(schedule, job, intensity).emissions_g,
                "right": charge(schedule, job, intensity).emissions_g,
                "optimum": found["best_g"],
                "single": found["start_g"],
            }
            rows.append(row)
        return pd.DataFrame(rows)


def _on_the_hour_g(problem: PublishedProblem, intensity: Intensity, release_s: float) -> float:
    """Return the least emissions of a start on a whole hour [g CO2e]."""
    starts_s = release_s + 3600.0 * np.arange(problem.longest_wait_h + 1)
    profile = problem.job.profile
    grams = intensity.emissions_of_profile_g(starts_s, profile.edges_s, profile.power_w)
    return float(np.min(grams))


# --- analyses -----------------------------------------------------------------------------


def p_values(table: pd.DataFrame, start_g: ArrayLike, best_g: ArrayLike) -> pd.DataFrame:
    """Analyse the runs of one week as the study did, by analysis of variance.

    Parameters
    ----------
    table : DataFrame
        Parameters of the problems.
    start_g, best_g : array_like of float, shape (n,)
        Emissions without and with suspension [g CO2e].

    Returns
    -------
    DataFrame
        p-values of each parameter and of the scheduler: ``alone`` (one-way), and ``with the
        others`` beside it.
    """
    from scipy.stats import f_oneway
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    runs = (("start", start_g), ("best", best_g))
    both = pd.concat([table.assign(scheduler=name, g=np.asarray(g)) for name, g in runs])
    names = [
        *("length_h", "longest_wait_h", "phases", "startup_power_w", "power", "startup_min"),
        "scheduler",
    ]
    alone = {n: f_oneway(*(group["g"] for _, group in both.groupby(n))).pvalue for n in names}
    fitted = ols("g ~ " + " + ".join(f"C({n})" for n in names), both).fit()
    beside = anova_lm(fitted)["PR(>F)"].drop("Residual").to_numpy()
    return pd.DataFrame({"alone": alone, "with the others": beside}, index=names)


def contrasts(table: pd.DataFrame) -> list[tuple[str, Any, str]]:
    """Return each level that is compared with `BASELINE`: parameter, level, words."""
    return [
        (factor, level, _WORDS[factor].format(level))
        for factor, base in BASELINE.items()
        for level in table[factor].unique()
        if level != base
    ]


def over_weeks(
    weekly: ArrayLike,
    *,
    block: int,
    seed: int,
    per: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Return the mean over weeks, or the sum over the sum of something else, and its interval.

    Parameters
    ----------
    weekly : array_like of float, shape (weeks,)
        One value a week.
    block, seed : int
        Neighbouring weeks kept together by the bootstrap, and its seed.
    per : array_like of float, shape (weeks,), optional
        What the sum is divided by; by default the number of weeks.
    confidence : float
        Coverage of the interval.
    """
    weekly = np.asarray(weekly)
    parts = np.stack([weekly, np.ones(len(weekly)) if per is None else np.asarray(per)])

    def ratio(drawn: NDArray, axis: int) -> NDArray:
        return np.divide(*parts[:, drawn.astype(int)].sum(axis=axis + 1))

    return block_bootstrap(
        np.arange(len(weekly)),
        block=block,
        seed=seed,
        statistic=ratio,
        resamples=4999,
        confidence=confidence,
    )


# --- outside judges -----------------------------------------------------------------------


def judged(
    kind: str,
    solver: Literal["cbc", "highs"],
    problem: PublishedProblem,
    intensity: Intensity,
    release_s: float,
) -> dict[str, Any]:
    """Put a problem to a solver, and hold its bound and optimum against the exact schedule.

    Parameters
    ----------
    kind : {"tight", "big-M"}
        Which program: ours, or the published one.
    solver : {"cbc", "highs"}
        As for `milp.solve`.
    problem : PublishedProblem
        A small one.
    intensity : Intensity
        The curve.
    release_s : float
        When the job arrives, epoch seconds [s].

    Returns
    -------
    dict
        ``program``, ``solver``, ``first_bound`` (0-or-1 variables free to take any value between,
        over the exact optimum [%]), ``status``, ``off`` (objective over the exact optimum, less 1).
    """
    pulp = extra("pulp")
    make = {"tight": milp.tight_program, "big-M": milp.big_m_program}[kind]
    window = problem.job, intensity, release_s, release_s + problem.window_s
    exact_g = charge(best_schedule(*window), *window[:2]).emissions_g
    solved = milp.solve(make(*window), solver=solver)
    relaxed = make(*window).problem
    relaxed.solve(pulp.HiGHS(msg=False, mip=False))
    return {
        "program": kind,
        "solver": solver,
        "first_bound": 100 * pulp.value(relaxed.objective) / exact_g,
        "status": solved.status,
        "off": solved.objective_g / exact_g - 1,
    }
