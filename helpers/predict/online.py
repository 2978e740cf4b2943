"""Predict run times while jobs come and go, from nothing but what has happened so far.

A policy that plans with predictions changes when jobs end, and so what its predictor learns. Who
replays a log with predictions learned from the *recorded* ends lets another policy's past advise
it. `Learning` sees arrivals and ends as they happen, keeps the histories that
`helpers.predict.features` keeps, and trains boosted trees again whenever a week is over. That both
say the same of the same past is a test.

It fits wherever a predictor is asked for (`helpers.decide.predicted.Predicted`).
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Hashable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from helpers.predict.boosting import Trees

__all__ = ["ONLINE", "Learning"]

_HISTORY = ("count", "last", "last2", "mean", "sd", "recent", "since")
_KINDS = ("user", "similar", "all")
ONLINE = (
    *("requested", "processors", "area", "hour", "weekday"),
    *(f"{kind}_{name}" for kind in _KINDS for name in _HISTORY),
    *("used", "used2", "user_running", "user_cores", "user_oldest", "user_newest", "user_queued"),
    *("user_submitted", "similar_submitted", "user_hour"),
)
"""The features that `Learning` looks at, as `helpers.predict.features.FEATURES` means them."""

WEEK_S = 604_800.0
_HOUR_S, _DAY_S = 3600.0, 86_400.0


class _Job(Protocol):
    """What is asked of a job: as `helpers.decide.view.Job` has it."""

    number: int
    user: str
    submit_s: float
    requested_s: float
    processors: int
    state: str
    run_start_s: float


class _Past:
    """A history of logarithms of run times, as `features` keeps it."""

    __slots__ = ("count", "end_s", "last", "last2", "mean", "recent", "squares")

    def __init__(self) -> None:
        self.count, self.squares = 0, 0.0
        self.last = self.last2 = self.mean = self.recent = self.end_s = math.nan

    def add(self, value: float, end_s: float) -> None:
        self.count += 1
        if self.count == 1:
            self.mean = self.recent = value
        else:
            off = value - self.mean
            self.mean += off / self.count
            self.squares += off * (value - self.mean)
            self.recent = 0.7 * self.recent + 0.3 * value
        self.last2, self.last, self.end_s = self.last, value, end_s

    def row(self, now_s: float) -> list[float]:
        if not self.count:
            return [0.0, *(math.nan,) * 6]
        sd = math.sqrt(self.squares / self.count)
        since = math.log1p(now_s - self.end_s)
        return [float(self.count), self.last, self.last2, self.mean, sd, self.recent, since]


class Learning:
    """Run times by boosted trees, learned from the ends that a replay has seen.

    Parameters
    ----------
    level : float
        Which quantile is predicted [1]; 0.5 is the median.
    every_s, first_s : float
        How often it is trained, and how long after the first arrival for the first time [s];
        before that the last similar job, else the user's last, is what it predicts.
    clock_s : float
        Second of the week, from Monday 0 h, of second 0 [s].
    fewest : int
        Ended jobs without which nothing is trained.
    """

    clairvoyant = False

    def __init__(
        self,
        level: float = 0.5,
        *,
        every_s: float = WEEK_S,
        first_s: float = 2 * WEEK_S,
        clock_s: float = 0.0,
        fewest: int = 500,
    ) -> None:
        if not 0 < level < 1:
            raise ValueError(f"level(={level}) must lie between 0 and 1.")
        self.level, self.every_s, self.first_s = level, every_s, first_s
        self.clock_s, self.fewest = clock_s, fewest
        self.begin()

    def begin(self) -> None:
        """Forget all jobs."""
        self._past: dict[Hashable, _Past] = defaultdict(_Past)
        self._used: dict[str, tuple[float, float]] = {}
        self._open: dict[str, dict[int, Any]] = defaultdict(dict)
        self._submitted: dict[Hashable, float] = {}
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._waiting: list[Any] = []  # arrived at this very instant: not known to each other
        self._rows: dict[int, list[float]] = {}
        self._known: list[list[float]] = []
        self._came: list[float] = []
        self._trees: Trees | None = None
        self._next_s = math.nan

    def learn(self, job: _Job, run_s: float) -> None:
        """Take in that a job ended after running for so long [s]."""
        self._settle(math.inf)
        self._open[job.user].pop(job.number, None)
        row = self._rows.pop(job.number, None)
        if not run_s > 0:
            return
        if row is not None:
            self._known.append(row)
            self._came.append(math.log(run_s))
        for key in _keys(job):
            self._past[key].add(math.log1p(run_s), job.run_start_s + run_s)
        before = self._used.get(job.user, (math.nan, math.nan))
        self._used[job.user] = (run_s / job.requested_s, before[0])

    def predict(self, job: _Job) -> float:
        """Return how long a job that arrives will run [s]; NaN where nothing is known."""
        self._settle(job.submit_s)
        row = self.known(job)
        self._rows[job.number] = row
        self._waiting.append(job)
        self._train(job.submit_s)
        if self._trees is not None:
            return math.exp(float(self._trees.predict([row])[0, 0]))
        user, similar, _ = _keys(job)
        last = self._past[similar].last if self._past[similar].count else self._past[user].last
        return math.expm1(last)

    def known(self, job: _Job) -> list[float]:
        """Return what is known of a job that arrives, as `ONLINE` names it."""
        now_s, keys = job.submit_s, _keys(job)
        asked, cores = job.requested_s, float(job.processors)
        of_week = math.floor(now_s + self.clock_s)  # whole seconds, as features have it
        row = [math.log1p(asked), math.log(cores), math.log1p(asked * cores)]
        row += [of_week % _DAY_S / _HOUR_S, float(of_week // _DAY_S % 7)]
        for key in keys:
            row += self._past[key].row(now_s)
        row += self._used.get(job.user, (math.nan, math.nan))
        open_ = list(self._open[job.user].values())
        runs = [other for other in open_ if other.state != "queued"]
        since = [math.log1p(now_s - other.run_start_s) for other in runs]
        row += [float(len(runs)), float(sum(other.processors for other in runs))]
        row += [max(since, default=math.nan), min(since, default=math.nan)]
        row += [float(len(open_) - len(runs))]
        row += [math.log1p(now_s - self._submitted.get(key, math.nan)) for key in keys[:2]]
        recent = self._recent[job.user]
        while recent and recent[0] < now_s - _HOUR_S:
            recent.popleft()
        return [*row, float(len(recent))]

    def _settle(self, now_s: float) -> None:
        """Let those be known that arrived before now."""
        left = []
        for job in self._waiting:
            if job.submit_s >= now_s:
                left.append(job)
                continue
            self._open[job.user][job.number] = job
            self._recent[job.user].append(job.submit_s)
            for key in _keys(job)[:2]:
                self._submitted[key] = job.submit_s
        self._waiting = left

    def _train(self, now_s: float) -> None:
        if math.isnan(self._next_s):
            self._next_s = now_s + self.first_s
        if now_s < self._next_s or len(self._came) < self.fewest:
            return
        self._next_s = now_s + self.every_s
        table: NDArray[np.float32] = np.asarray(self._known, dtype=np.float32)
        self._trees = Trees.quantiles(table, self._came, (self.level,))


def _keys(job: _Job) -> tuple[Hashable, Hashable, Hashable]:
    """Return the histories of a job: of its user, of similar jobs, of all."""
    return job.user, (job.user, job.requested_s, job.processors), None
