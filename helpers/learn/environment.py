"""A Gymnasium environment over the engine's views: no second simulator.

The engine is a generator of views (`helpers.cluster.Stepwise`), so that stepping it is taking the
next view: no thread, no copy. Jobs, machine, promises and accounts are those of every other replay
of the book.

Two ways to act:

* `PerJob`: which job waits, runs, runs capped, one by one for those with most work, one answer for
  all others;
* `HourlyQuota`: how much of the machine jobs may start on until the next step, as a carbon-aware
  resource cap does (CAP and PCAPS [1]_).

The **reward** of a step is what the orders were really worth: by how much emissions fell, against
starting at once what waited, in percent of what all jobs would emit if each started at its
submission. It is credited to the decision and not to the hours in which a job later burns. Waiting
is no part of it: it comes as a **cost** of its own in ``info`` [h of mean delay], to be held below a
limit. How long a job may wait at most is kept by construction (`helpers.learn.commands`).

This module needs gymnasium, which the extra ``learn`` brings; no other module does.

References
----------
.. [1] A. Lechowicz, R. Shenoy, N. Bashir, M. Hajiesmaili, A. Wierman, C. Delimitrou, "Carbon- and
   precedence-aware scheduling for data processing clusters", SIGCOMM 2025.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.cluster import Replay, Stepwise
from helpers.decide.view import Job, View
from helpers.learn.case import Case, Ledger
from helpers.learn.commands import RUN, Commanded, Orders
from helpers.learn.observation import FEATURES, Asked, Observer

try:
    import gymnasium
except ModuleNotFoundError as error:  # pragma: no cover
    raise ModuleNotFoundError(
        f"{error.name} is not installed: it belongs to the extra `learn`, which "
        "pip install '.[learn]' in a clone of the repository brings.",
        name=error.name,
    ) from None

__all__ = ["HourlyQuota", "PerJob"]

_HOUR_S = 3600.0


class _Played(gymnasium.Env):
    """A case played view by view; subclasses say what is seen and what an action means."""

    metadata = {"render_modes": []}  # noqa: RUF012  Gymnasium's own declaration

    _slot: dict[int, int]
    _nothing: NDArray[np.float32]

    def __init__(
        self,
        cases: Sequence[Case],
        *,
        observer: Observer,
        policy: Commanded,
        limits_h: Sequence[float],
    ) -> None:
        if not cases:
            raise ValueError("cases(=[]) must hold at least one week to play.")
        self.cases, self.limits_h = list(cases), [float(limit) for limit in limits_h]
        self.policy, self.observer = policy, observer
        self._memory: list[dict] = [{} for _ in self.cases]

    # -- Gymnasium -------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a week: one of the cases at random, or as told.

        Parameters
        ----------
        seed : int, optional
            Of the choice.
        options : dict, optional
            ``case``: which case, by its place; ``limit_h``: the mean delay aimed at [h].
        """
        super().reset(seed=seed)
        options = {} if options is None else options
        place = options.get("case", None)
        place = int(self.np_random.integers(len(self.cases))) if place is None else int(place)
        limit_h = options.get("limit_h", None)
        drawn = int(self.np_random.integers(len(self.limits_h)))
        self.limit_h = self.limits_h[drawn] if limit_h is None else float(limit_h)
        self.case = case = self.cases[place]
        self.observer.lengths_s = case.lengths_s or {}
        self.game = Stepwise(
            case.work, case.cluster, self.policy,
            intensity=case.intensity, forecaster=case.forecaster, origin=case.origin,
        )  # fmt: skip
        self._views: Iterator[View] = self.game.views()
        self.view = next(self._views)
        self.policy.begin(self.view)
        self.observer.begin(self.view)
        self.observer.memory = self._memory[place]  # grid and forecast are the same each time
        self.ledger = Ledger(case, self.game.end_s)
        self.policy.before_change = self.ledger.changed
        self._changes = self.policy.pauses or self.policy.cap_share is not None
        self.delay_h = self.saved = 0.0
        self._advance()
        return self._see(), {"case": case.name, "limit_h": self.limit_h}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Give orders, and let time go by until the next question."""
        self.policy.command(self.view, self._orders(action))
        self._note()
        self.policy.decide(self.view)
        over = self._advance()
        rewards, costs, done = self._earned()
        self.saved += float(rewards.sum())
        self.delay_h += float(costs.sum())
        info = {"rewards": rewards, "costs": costs, "done": done, "cost": float(costs.sum())}
        if over:
            info |= {"saved": self.saved, "delay_h": self.delay_h, "limit_h": self.limit_h}
        seen = self._nothing if over else self._see()
        return seen, float(rewards.sum()), over, False, info

    def result(self) -> Replay:
        """Return the replay that was played, as any other; whole when the week is over."""
        return self.game.result()

    # -- time ------------------------------------------------------------------------------

    def _advance(self) -> bool:
        """Let time go by until something is to be asked; tell whether the week is over."""
        self._arrived: list[Job] = []
        for view in self._views:
            self.view = view
            if self.observer.due(view):
                return False
            self._arrived += view.arrived
            self.policy.decide(view)
        return True

    # -- what it was worth -----------------------------------------------------------------

    def _note(self) -> None:
        """Write down what every job would emit that is not settled."""
        view = self.view
        jobs = [*view.queue.values(), *view.suspended.values()]
        if self._changes:
            jobs += view.running.values()
        self._open, self._open_g = jobs, self.ledger.potential_g(jobs, view.now_s)
        self._since_s = view.now_s

    def _earned(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return by row what was saved [%], what was waited [h of mean delay], who is settled."""
        ledger, count = self.ledger, self.observer.slots + 2
        # Those that came meanwhile fell under the orders for all others.
        jobs = [*self._open, *self._arrived]
        came_s = [job.submit_s for job in self._arrived]
        since_s = np.array([self._since_s] * len(self._open) + came_s)
        before_g = np.append(
            self._open_g, ledger.at_submission_g[[job.number for job in self._arrived]]
        )
        started = np.array([job.state in ("running", "ended") for job in jobs], dtype=bool)
        start_s = np.array([job.run_start_s for job in jobs])
        until_s = np.where(started, np.fmax(start_s, since_s), self.view.now_s)
        saved_g = before_g - ledger.potential_g(jobs, until_s)
        row = [self._slot.get(job.number, count - 2) for job in jobs]
        counts = ledger.counted[[job.number for job in jobs]]
        rewards, costs = (
            np.bincount(row, each * counts, minlength=count)
            for each in (saved_g, until_s - since_s)
        )
        done: NDArray[np.bool_] = np.zeros(count, dtype=bool)
        for place, job, begun in zip(row, jobs, started, strict=True):
            settled = begun and not self._changes
            done[place] |= place < count - 2 and (settled or job.state == "ended")
        percent = np.asarray(100.0 * rewards / ledger.at_once_g, dtype=np.float64)
        return percent, costs / (_HOUR_S * ledger.jobs), done

    def _see(self) -> NDArray[np.float32]:
        raise NotImplementedError

    def _orders(self, action: Any) -> Orders:
        raise NotImplementedError


class PerJob(_Played):
    """Which job waits, runs, or runs capped.

    Parameters
    ----------
    cases : sequence of Case
        Weeks to play, one an episode.
    slots : int
        How many jobs are asked about one by one; the others together.
    limits_h : sequence of float
        Limits on the mean delay, one of which is drawn for each episode and shown [h].
    policy : Commanded, optional
        What carries out orders; it says whether jobs may be suspended and capped. By default they
        are only held.
    large_core_h : float
        Jobs with at least so much work, as predicted, are asked about when they arrive [core-h].
    forecast : bool
        Whether the forecast is seen.

    Notes
    -----
    Observations have a row a slot, then one for all others that wait and one for all others that
    run, with `helpers.learn.observation.FEATURES` in the columns. Actions say for each row `WAIT`,
    `RUN` or `CAPPED`; what is not allowed (`action_masks`) is not carried out.

    ``info`` has what each row earned (``rewards``), what it waited (``costs``), and whether the job
    in it is settled (``done``), so that a learner may take each slot for a player of its own.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        *,
        slots: int = 16,
        limits_h: Sequence[float] = (2.0,),
        policy: Commanded | None = None,
        large_core_h: float = 20.0,
        forecast: bool = True,
    ) -> None:
        observer = Observer(slots, large_core_h=large_core_h, forecast=forecast)
        policy = Commanded() if policy is None else policy
        super().__init__(cases, observer=observer, policy=policy, limits_h=limits_h)
        shape = (slots + 2, len(FEATURES))
        self._nothing = np.zeros(shape, np.float32)
        self.observation_space = gymnasium.spaces.Box(-5.0, 5.0, shape, np.float32)
        self.action_space = gymnasium.spaces.MultiDiscrete([3] * (slots + 2))

    def action(self, orders: Orders) -> NDArray[np.int64]:
        """Return the action that gives orders; what they say of jobs without a slot is lost."""
        others = {"running": orders.running}
        told = [
            RUN
            if job is None
            else orders.of_job.get(job.number, others.get(job.state, orders.waiting))
            for job in self.asked.jobs
        ]
        return np.array([*told, orders.waiting, orders.running])

    def action_masks(self) -> NDArray[np.bool_]:
        """Return what may be told to each row, shape ((slots + 2) x 3,), as sb3-contrib asks."""
        return self.asked.masks.ravel()

    def _see(self) -> NDArray[np.float32]:
        self.asked: Asked = self.observer.ask(self.view, self.policy, self.limit_h)
        self._slot = self.asked.slot_of
        return self.asked.rows

    def _orders(self, action: Any) -> Orders:
        return self.asked.orders(np.asarray(action))


class HourlyQuota(_Played):
    """How much of the machine jobs may start on, until the intensity steps.

    Parameters
    ----------
    cases : sequence of Case
        Weeks to play, one an episode.
    levels : sequence of float
        Shares of the machine to choose from; at 1 there is no quota.
    limits_h : sequence of float
        As for `PerJob`.
    forecast : bool
        Whether the forecast is seen.

    Notes
    -----
    An observation is the row of `PerJob` for all jobs that wait. Jobs start in order of submission
    while what is in use stays below the quota; urgent and promised jobs do not count it.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        *,
        levels: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
        limits_h: Sequence[float] = (2.0,),
        forecast: bool = True,
    ) -> None:
        levels = [float(level) for level in levels]
        if not all(0 <= level <= 1 for level in levels):
            raise ValueError(f"levels(={levels}) must lie in 0 to 1: shares of the machine.")
        observer = Observer(0, large_core_h=np.inf, forecast=forecast)
        super().__init__(cases, observer=observer, policy=Commanded(), limits_h=limits_h)
        self.levels = levels
        self._nothing = np.zeros(len(FEATURES), np.float32)
        self.observation_space = gymnasium.spaces.Box(-5.0, 5.0, (len(FEATURES),), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(levels))

    def _see(self) -> NDArray[np.float32]:
        asked = self.observer.ask(self.view, self.policy, self.limit_h)
        self._slot = {}
        return asked.rows[0]

    def _orders(self, action: Any) -> Orders:
        level = self.levels[int(action)]
        return Orders({}, RUN, RUN, np.inf if level == 1 else level * self.case.cluster.cores)
