"""Predict an outcome of jobs, run time or memory, from what is known at their submission.

The simple predictors come first, since they are hard to beat: the *request*; the *user's mean*; the
user's *last two* finished jobs [1]_; the *last similar* one, of the same user, requested time and
processors. Then gradient boosting of quantiles [2]_ on the logarithm, trained again and again on
the past alone: a model of a week has seen only jobs that ended before the week began. Nothing that
is predicted exceeds the request, at which a job is killed.

References
----------
.. [1] D. Tsafrir, Y. Etsion, D. G. Feitelson, "Backfilling using system-generated predictions
   rather than user runtime estimates", IEEE TPDS 18(6), 2007.
.. [2] J. H. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of
   Statistics 29(5), 2001, with the pinball loss of R. Koenker, G. Bassett, Econometrica 46, 1978.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.jobs.table import JobLog, end_s, start_s
from helpers.predict.boosting import Trees
from helpers.predict.conformal import shift_by, track
from helpers.predict.features import features, requested_s

__all__ = ["LEVELS", "SIMPLE", "Predictions", "chance_of_failure", "learn", "simple", "stored"]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels at which a distribution is predicted [1]."""

SIMPLE = ("request", "user's mean", "last two", "last similar")
"""The simple predictors, in order of what they look at."""

WEEK_S = 604_800.0


def simple(log: JobLog, known: pd.DataFrame, *, outcome: str = "run_s") -> pd.DataFrame:
    """Return what the simple predictors say of each job.

    Parameters
    ----------
    log : JobLog
        The jobs.
    known : DataFrame
        Their `helpers.predict.features.features`, of the same outcome.
    outcome : str
        What is predicted; only a run time has a request, and is capped by it.

    Returns
    -------
    DataFrame, shape (n, 4)
        Columns as in `SIMPLE`, in the unit of the outcome. What a predictor does not know is taken
        from the next simpler one, and at last from the geometric mean of all that ended; NaN
        before anything ended.

    Notes
    -----
    A mean here is that of logarithms: the plain mean of run times is that of the longest few.
    """
    everybody = np.expm1(known["all_mean"])
    request = pd.Series(np.nan, known.index)
    if outcome == "run_s":
        request = pd.Series(requested_s(log.jobs), known.index)
    first, second = np.expm1(known["user_last"]), np.expm1(known["user_last2"])
    table = pd.DataFrame(
        {
            "request": request.fillna(everybody),
            "user's mean": np.expm1(known["user_mean"]),
            "last two": (first + second) / 2,
            "last similar": np.expm1(known["similar_last"]).fillna(first),
        }
    )
    for name in SIMPLE[1:]:
        table[name] = table[name].fillna(table["request"]).clip(upper=request.fillna(np.inf))
    return table


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predicted distributions of jobs, and what came.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Rows of the log that were predicted, in order of submission.
    levels : ndarray of float, shape (k,)
        Levels of the quantiles, rising [1].
    values : ndarray of float, shape (n, k)
        Quantiles, rising along each row, in the unit of the outcome.
    truth : ndarray of float, shape (n,)
        What came.
    limit : ndarray of float, shape (n,)
        What no prediction may exceed; inf without.
    submit_s, start_s, end_s : ndarray of float, shape (n,)
        Times of each job [s since second 0].
    """

    rows: NDArray[np.int64]
    levels: NDArray[np.float64]
    values: NDArray[np.float64]
    truth: NDArray[np.float64]
    limit: NDArray[np.float64]
    submit_s: NDArray[np.float64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    outcome: str = "run_s"

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, level: float) -> NDArray[np.float64]:
        """Return the quantiles of a level, shape (n,), interpolated between those predicted.

        Raises
        ------
        ValueError
            If the level lies outside of those predicted.
        """
        if not self.levels[0] <= level <= self.levels[-1]:
            raise ValueError(
                f"level(={level}) must lie within those predicted, {self.levels[0]:g} to "
                f"{self.levels[-1]:g}: predict more with levels=."
            )
        logs = np.log(self.values)
        place = int(np.clip(np.searchsorted(self.levels, level) - 1, 0, len(self.levels) - 2))
        low, high = self.levels[place : place + 2]
        share = (level - low) / (high - low)
        return np.exp((1 - share) * logs[:, place] + share * logs[:, place + 1])

    @property
    def weights(self) -> NDArray[np.float64]:
        """Probability that each quantile stands for, shape (k,): up to half way to the next."""
        borders = np.concatenate([[0.0], (self.levels[1:] + self.levels[:-1]) / 2, [1.0]])
        return np.diff(borders)

    def covered(self) -> NDArray[np.bool_]:
        """Tell for each job whether it came to lie between the outermost quantiles, shape (n,)."""
        return (self.values[:, 0] <= self.truth) & (self.truth <= self.values[:, -1])

    def below(self) -> NDArray[np.float64]:
        """Return the share of jobs at or below each quantile, shape (k,): wanted is its level."""
        return (self.truth[:, None] <= self.values).mean(axis=0)

    def pinball(self) -> NDArray[np.float64]:
        """Return the mean pinball loss of each level on the logarithm, shape (k,)."""
        off = np.log(self.truth)[:, None] - np.log(self.values)
        return np.maximum(self.levels * off, (self.levels - 1) * off).mean(axis=0)

    def point(self) -> NDArray[np.float64]:
        """Return the median of each job, capped by its request, shape (n,)."""
        return np.minimum(self.at(0.5), self.limit)

    def calibrated(self, step: float = 0.003, *, earlier: Predictions | None = None) -> Self:
        """Return the same predictions, each shifted by what had come by its submission.

        See `helpers.predict.conformal.track`; shifts are learned for each level on the logarithm.
        They may exceed the request, as run times do where a cluster lets jobs finish.

        Parameters
        ----------
        step : float
            How far one job moves a quantile at most, as a logarithm, > 0. Small steps keep
            predictions sharp, large ones follow a changed crowd sooner.
        earlier : Predictions, optional
            Of jobs submitted before, by the same levels: what came of them moves the quantiles,
            so that the first jobs find them in place.
        """
        logs = track(*self._logs(earlier), step=step, passed=self.outcome == "run_s")
        return replace(self, values=np.exp(logs[-len(self) :]))

    def parted(self, at_s: float) -> tuple[Self, Self]:
        """Return the predictions of jobs submitted before an instant [s], and of the others."""
        names = ("rows", "values", "truth", "limit", "submit_s", "start_s", "end_s")
        early = self.submit_s < at_s
        before, others = (
            replace(self, **{name: getattr(self, name)[part] for name in names})
            for part in (early, ~early)
        )
        return before, others

    def shift(
        self, step: float = 0.003, *, earlier: Predictions | None = None
    ) -> NDArray[np.float64]:
        """Return by how much `calibrated` shifts a job submitted after all, shape (k,).

        On the logarithm, by what had shown when the last job was submitted.
        """
        now_s, passed = float(self.submit_s[-1]), self.outcome == "run_s"
        return shift_by(*self._logs(earlier), now_s=now_s, step=step, passed=passed)

    def _logs(
        self, earlier: Predictions | None
    ) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray, NDArray]:
        """Return what is tracked; of a run time it shows when it passes a quantile."""
        logs = np.log(self.values), np.log(self.truth)
        parts = *logs, self.levels, self.submit_s, self.start_s, self.end_s
        if earlier is None:
            return parts
        pairs = zip(earlier._logs(None), parts, strict=True)
        values, truth, _, *times = (np.concatenate(pair) for pair in pairs)
        return values, truth, self.levels, times[0], times[1], times[2]


def learn(
    log: JobLog,
    known: pd.DataFrame | None = None,
    *,
    outcome: str = "run_s",
    levels: Sequence[float] = LEVELS,
    every_s: float = WEEK_S,
    first_s: float = 4 * WEEK_S,
    latest: int | None = None,
) -> Predictions:
    """Predict every job by a model of the past, trained again every week.

    Parameters
    ----------
    log : JobLog
        Jobs with waits and run times.
    known : DataFrame, optional
        What is known of each at its submission, shape (n, any); by default its features.
    outcome : str
        What to predict: a column of the jobs table, > 0 where it counts.
    levels : sequence of float
        Levels of the distribution, rising [1].
    every_s, first_s : float
        How often a model is trained, and from when on jobs are predicted, both counted from the
        first submission [s].
    latest : int, optional
        Learn from at most so many jobs, those that ended last; by default from all.

    Returns
    -------
    Predictions
        Of all jobs submitted from `first_s` on of which the outcome came to be known and > 0.

    Raises
    ------
    ValueError
        If levels do not rise within (0, 1), or nothing ended before `first_s`.
    """
    ladder = np.asarray(levels, dtype=np.float64)
    if not (ladder.size > 1 and (np.diff(ladder, prepend=0.0, append=1.0) > 0).all()):
        raise ValueError(f"levels(={tuple(levels)}) must be two or more, rising within (0, 1).")
    jobs = log.jobs
    if known is None:
        known = features(log, outcome=outcome)
    table, truth = known.to_numpy(np.float32), jobs[outcome].to_numpy(np.float64)
    submit, begin = jobs["submit_s"].to_numpy(), start_s(jobs).to_numpy()
    end = begin + jobs["run_s"].to_numpy()
    counts = np.isfinite(truth) & (truth > 0) & np.isfinite(end)
    limit = requested_s(jobs) if outcome == "run_s" else np.full(len(jobs), np.nan)
    limit = np.where(np.isnan(limit), np.inf, limit)
    values = np.full((len(jobs), ladder.size), np.nan)
    for past, asked in _weekly(submit, end, counts, every_s, first_s):
        kept = past[-(latest or len(past)) :]
        trees = Trees.quantiles(table[kept], np.log(truth[kept]), levels)
        values[asked] = np.minimum(np.exp(trees.predict(table[asked])), limit[asked, None])
    rows = np.flatnonzero(counts & (submit >= submit.min() + first_s))
    rows = rows[np.argsort(submit[rows], kind="stable")]
    return Predictions(
        rows, ladder, values[rows], truth[rows], limit[rows], submit[rows], begin[rows], end[rows],
        outcome,
    )  # fmt: skip


def stored(log: JobLog, table: pd.DataFrame) -> Predictions:
    """Return predictions of run times that were learned before and kept as a table.

    Parameters
    ----------
    log : JobLog
        The log that they are of.
    table : DataFrame
        ``job_id``, and a column a level, named ``q05_s`` for 0.05 [s].

    Raises
    ------
    ValueError
        If the log has no job of that id, or one has no run time.
    """
    jobs = log.jobs
    rows = pd.Index(jobs["job_id"]).get_indexer(pd.Index(table["job_id"]))
    run_s, begin = jobs["run_s"].to_numpy(np.float64)[rows], start_s(jobs).to_numpy()[rows]
    lost = (rows < 0) | ~np.isfinite(begin + run_s)
    if lost.any():
        raise ValueError(
            f"job {table['job_id'][lost].iloc[0]!r} is not in {log.source or 'the log'}, or has no "
            "run time there: these are predictions of another log."
        )
    names = [name for name in map(str, table) if name.startswith("q")]
    levels = np.array([float(name[1:].removesuffix("_s")) / 100 for name in names])
    limit = requested_s(jobs)[rows]
    return Predictions(
        rows, levels, table[names].to_numpy(np.float64), run_s,
        np.where(np.isnan(limit), np.inf, limit), jobs["submit_s"].to_numpy()[rows], begin,
        begin + run_s,
    )  # fmt: skip


def chance_of_failure(
    log: JobLog,
    known: pd.DataFrame,
    *,
    every_s: float = WEEK_S,
    first_s: float = 4 * WEEK_S,
) -> pd.DataFrame:
    """Predict for every job the chance that it does not complete, by a model of the past.

    Parameters
    ----------
    log : JobLog
        Jobs with waits, run times and states.
    known : DataFrame, shape (n, any)
        What is known of each at its submission.
    every_s, first_s : float
        As for `learn`.

    Returns
    -------
    DataFrame
        Indexed by row of the log, in order of submission: ``chance`` [1] and ``failed``.

    Raises
    ------
    ValueError
        If nothing ended before `first_s`.
    """
    jobs, table = log.jobs, known.to_numpy(np.float32)
    submit, end = jobs["submit_s"].to_numpy(), end_s(jobs).to_numpy()
    failed = ~jobs["state"].isin(["completed", "unknown"]).to_numpy()
    counts = np.isfinite(end) & (jobs["state"] != "unknown").to_numpy()
    chance = np.full(len(jobs), np.nan)
    for past, asked in _weekly(submit, end, counts, every_s, first_s):
        chance[asked] = Trees.chance(table[past], failed[past]).predict(table[asked])
    rows = np.flatnonzero(np.isfinite(chance))
    rows = rows[np.argsort(submit[rows], kind="stable")]
    return pd.DataFrame({"chance": chance[rows], "failed": failed[rows]}, index=rows)


def _weekly(
    submit: NDArray, end: NDArray, counts: NDArray, every_s: float, first_s: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return for each week the jobs that had ended before it, by end, and those submitted in it."""
    for now_s in np.arange(submit.min() + first_s, submit.max() + 1.0, every_s):
        asked = np.flatnonzero(counts & (submit >= now_s) & (submit < now_s + every_s))
        past = np.flatnonzero(counts & (end < now_s))
        if not len(past):
            raise ValueError(
                f"no job ended within first_s(={first_s:g} s) of the first submission: there is "
                "nothing to learn from; begin later."
            )
        if len(asked):
            yield past[np.argsort(end[past], kind="stable")], asked
