"""Plan with predicted run times, around any other policy.

Whatever is predicted, a job is killed at the time it asked for and not before: a prediction only
says what to *plan* with (`helpers.decide.view.View.plan`). A job that outlives it gets a new one.

A predictor here learns from what happens under the policy: from the ends of the replay, not from
those of a recorded log, which came about under another policy.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Mapping
from typing import Literal, Protocol, get_args

import numpy as np

from helpers.decide.view import Job, Policy, View

__all__ = ["Given", "LastSimilar", "LastTwo", "Predicted", "Predictor", "TrueTime"]

Correction = Literal["request", "double", "steps"]
"""What a job that outlived its prediction is planned with."""

STEPS_S = tuple(60.0 * m for m in (1, 5, 15, 30, 60, 120, 300, 600, 1200, 3000, 6000))
"""How much longer a late job is given each time it is late, with "steps" [s]."""

SHORTEST_S = 1.0
"""Nothing shorter is planned [s]."""


class Predictor(Protocol):
    """What says how long a job will run."""

    clairvoyant: bool

    def begin(self) -> None:
        """Forget earlier replays."""

    def learn(self, job: Job, run_s: float) -> None:
        """Learn from a job that ended after running for so long [s]."""

    def predict(self, job: Job) -> float:
        """Return how long a job that arrives will run [s]; NaN where that is not known."""


class LastTwo:
    """The mean of the last two jobs of the user that ended.

    References
    ----------
    D. Tsafrir, Y. Etsion, D. G. Feitelson, "Backfilling using system-generated predictions rather
    than user runtime estimates", IEEE TPDS 18(6), 2007.
    """

    clairvoyant = False

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget all jobs."""
        self._past: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=2))

    def learn(self, job: Job, run_s: float) -> None:
        """Remember how long a job of its user ran [s]."""
        self._past[job.user].append(run_s)

    def predict(self, job: Job) -> float:
        """Return the mean of the last two [s]; NaN before there are two."""
        past = self._past[job.user]
        return sum(past) / 2 if len(past) == 2 else np.nan


class LastSimilar:
    """The last job of the user with the same requested time and processors that ended."""

    clairvoyant = False

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget all jobs."""
        self._past: dict[Hashable, float] = {}

    def learn(self, job: Job, run_s: float) -> None:
        """Remember how long it ran [s]."""
        self._past[job.user] = run_s
        self._past[job.user, job.requested_s, job.processors] = run_s

    def predict(self, job: Job) -> float:
        """Return how long the last similar one ran [s], else the user's last; NaN before."""
        last = self._past.get(job.user, np.nan)
        return self._past.get((job.user, job.requested_s, job.processors), last)


class TrueTime:
    """How long a job will really run: a limit of what can be reached."""

    clairvoyant = True

    def begin(self) -> None:
        """Nothing to forget."""

    def learn(self, job: Job, run_s: float) -> None:
        """Nothing to learn."""

    def predict(self, job: Job) -> float:
        """Return start-up and true work [s]."""
        return job.startup_s + job.run_s


class Given:
    """Predictions made beforehand, by job id.

    Parameters
    ----------
    planned_s : mapping
        From job id to run time [s]. Where they were learned from a recorded log, they know how
        its jobs ended under the policy of then: say so.
    """

    clairvoyant = False

    def __init__(self, planned_s: Mapping[Hashable, float]) -> None:
        self._planned_s = planned_s

    def begin(self) -> None:
        """Nothing to forget."""

    def learn(self, job: Job, run_s: float) -> None:
        """Nothing to learn."""

    def predict(self, job: Job) -> float:
        """Return what was given [s]; NaN where nothing was."""
        return self._planned_s.get(job.job_id, np.nan)


class Predicted(Policy):
    """Another policy that plans with predicted run times.

    Parameters
    ----------
    policy : Policy
        What decides, by ``job.planned_s`` and ``job.left_s``.
    predictor : Predictor
        What predicts when a job arrives and learns when one ends.
    correction : {"request", "double", "steps"}
        What a job that outlived its plan is planned with from then on: the time it asked for,
        twice the time planned before, or 1, 5, 15, 30 minutes, 1, 2, 5, 10, 20, 50, 100 hours
        more [1]_. Never more than it asked for.
    name : str, optional
        Its name in results.

    References
    ----------
    .. [1] D. Tsafrir, Y. Etsion, D. G. Feitelson, IEEE TPDS 18(6), 2007, section 4.2; compared in
       E. Gaussier, D. Glesser, V. Reis, D. Trystram, SC 2015.
    """

    def __init__(
        self,
        policy: Policy,
        predictor: Predictor,
        *,
        correction: Correction = "request",
        name: str = "",
    ) -> None:
        if correction not in get_args(Correction):
            allowed = ", ".join(get_args(Correction))
            raise ValueError(f"correction(={correction!r}) must be one of {allowed}.")
        self.policy, self.predictor, self.correction = policy, predictor, correction
        self.clairvoyant = policy.clairvoyant or predictor.clairvoyant
        self.name = name or f"{policy.name}, {type(predictor).__name__}"

    def begin(self, view: View) -> None:
        """Forget what earlier replays taught."""
        self.predictor.begin()
        self._late: dict[int, int] = defaultdict(int)
        self.policy.begin(view)

    def decide(self, view: View) -> None:
        """Learn from ends, predict arrivals, correct late jobs; then let the policy decide."""
        for job in view.ended:
            self.predictor.learn(job, job.ran_s)  # all its runs are over
        for job in view.arrived:
            planned_s = self.predictor.predict(job)
            if not np.isnan(planned_s):
                self._plan(view, job, planned_s)
        for job in view.late:
            if job.state == "running" and job.planned_s < job.requested_s:
                self._plan(view, job, self._corrected(view, job))
        self.policy.decide(view)

    def _corrected(self, view: View, job: Job) -> float:
        times, self._late[job.number] = self._late[job.number], self._late[job.number] + 1
        if self.correction == "request":
            return job.requested_s
        if self.correction == "double":
            return 2 * job.planned_s
        return job.planned_s + STEPS_S[min(times, len(STEPS_S) - 1)]

    def _plan(self, view: View, job: Job, planned_s: float) -> None:
        view.plan(job, float(np.clip(planned_s, SHORTEST_S, job.requested_s)))
