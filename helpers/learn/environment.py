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
is no part of it: it comes as a **cost** of its own in ``info`` [h of mean delay], to be held below
a limit by its price, the multiplier of Lagrange. An episode has one price, drawn and shown. How
long a job may wait at most is kept by construction (`helpers.learn.commands`).

This module needs gymnasium, which the extra ``learn`` brings; no other module does.

References
----------
.. [1] A. Lechowicz, R. Shenoy, N. Bashir, M. Hajiesmaili, A. Wierman, C. Delimitrou, "Carbon- and
   precedence-aware scheduling for data processing clusters", SIGCOMM 2025.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import partial
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
        prices_kwh: tuple[float, float],
    ) -> None:
        if not cases:
            raise ValueError("cases(=[]) must hold at least one week to play.")
        least, most = map(float, prices_kwh)
        if not 0 < least <= most < np.inf:
            raise ValueError(f"prices_kwh(={prices_kwh}) must be the least and the most, both > 0.")
        self.cases, self.prices_kwh = list(cases), (least, most)
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
            ``case``: which case, by its place; ``price_kwh``: what an hour of one job's delay is
            worth [kWh at mean intensity]; by default drawn, its logarithm evenly.
        """
        super().reset(seed=seed)
        options = {} if options is None else options
        place = options.get("case", None)
        place = int(self.np_random.integers(len(self.cases))) if place is None else int(place)
        price_kwh = options.get("price_kwh", None)
        drawn_kwh = float(np.exp(self.np_random.uniform(*np.log(self.prices_kwh))))
        self.price_kwh = drawn_kwh if price_kwh is None else float(price_kwh)
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
        self.percent_an_hour = self.ledger.percent_an_hour(self.price_kwh)
        self._advance()
        return self._see(), self._told()

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
        info["percent_an_hour"] = self.percent_an_hour
        if over:
            info |= {"saved": self.saved, "delay_h": self.delay_h, "price_kwh": self.price_kwh}
            return self._nothing, float(rewards.sum()), True, False, info | {"case": self.case.name}
        return self._see(), float(rewards.sum()), False, False, info | self._told()

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
            self._open_g = self.ledger.potential_g(jobs, view.now_s)
        self._open, self._since_s = jobs, view.now_s

    def _earned(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return by row what was saved [%], what was waited [h of mean delay], who is settled."""
        ledger, count = self.ledger, self.observer.slots + 2
        now_s, since, row_of = self.view.now_s, self._since_s, self._slot.get
        # Those that came meanwhile fell under the orders for all others.
        jobs = [*self._open, *self._arrived]
        done: NDArray[np.bool_] = np.zeros(count, dtype=bool)
        numbers, rows, since_s, until_s = [], [], [], []
        for job in jobs:
            number, state, from_s = job.number, job.state, max(job.submit_s, since)
            row = row_of(number, count - 2)
            begun = state in ("running", "ended")
            numbers.append(number)
            rows.append(row)
            since_s.append(from_s)
            until_s.append(max(job.run_start_s, from_s) if begun else now_s)
            if row < count - 2 and ((begun and not self._changes) or state == "ended"):
                done[row] = True
        times_s = np.array([since_s, until_s])
        if self._changes:
            came_g = ledger.at_submission_g[numbers[len(self._open) :]]
            before_g = np.append(self._open_g, came_g)
            saved_g = before_g - ledger.potential_g(jobs, times_s[1])
        else:
            saved_g = np.subtract(*ledger.started_g(numbers, times_s))
        counts = ledger.counted[numbers]
        rewards, costs = (
            np.bincount(rows, each * counts, minlength=count)
            for each in (saved_g, times_s[1] - times_s[0])
        )
        percent = np.asarray(100.0 * rewards / ledger.at_once_g, dtype=np.float64)
        return percent, costs / (_HOUR_S * ledger.jobs), done

    def _told(self) -> dict[str, Any]:
        """Return what is told besides what is seen."""
        return {"case": self.case.name, "price_kwh": self.price_kwh}

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
    prices_kwh : (float, float)
        Least and greatest price of an hour of one job's delay [kWh at mean intensity]: each episode
        has one, and it is seen.
    policy : Commanded, optional
        What carries out orders; it says whether jobs may be suspended and capped. By default they
        are only held.
    large_core_h : float
        Jobs with at least so much work, as predicted, are asked about when they arrive [core-h].
    forecast : bool
        Whether the forecast is seen.

    Attributes
    ----------
    anew : callable
        Makes the same environment once more, before any week is played: for another process.

    Notes
    -----
    Observations have a row a slot, then one for all others that wait and one for all others that
    run, with `helpers.learn.observation.FEATURES` in the columns. Actions say for each row `WAIT`,
    `RUN` or `CAPPED`; what is not allowed (`action_masks`) is not carried out.

    ``info`` has what each row earned (``rewards``), what it waited (``costs``), and whether the job
    in it is settled (``done``), so that a learner may take each slot for a player of its own; what
    an hour of mean delay is worth (``percent_an_hour``) [%/h], and ``masks``.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        *,
        slots: int = 16,
        prices_kwh: tuple[float, float] = (0.003, 0.003),
        policy: Commanded | None = None,
        large_core_h: float = 20.0,
        forecast: bool = True,
    ) -> None:
        observer = Observer(slots, large_core_h=large_core_h, forecast=forecast)
        self.anew = partial(
            PerJob, cases, slots=slots, prices_kwh=prices_kwh, policy=deepcopy(policy),
            large_core_h=large_core_h, forecast=forecast,
        )  # fmt: skip
        policy = Commanded() if policy is None else policy
        super().__init__(cases, observer=observer, policy=policy, prices_kwh=prices_kwh)
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
        self.asked: Asked = self.observer.ask(self.view, self.policy, self.price_kwh)
        self._slot = self.asked.slot_of
        return self.asked.rows

    def _told(self) -> dict[str, Any]:
        return super()._told() | {"masks": self.asked.masks}

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
    prices_kwh : (float, float)
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
        prices_kwh: tuple[float, float] = (0.003, 0.003),
        forecast: bool = True,
    ) -> None:
        levels = [float(level) for level in levels]
        if not all(0 <= level <= 1 for level in levels):
            raise ValueError(f"levels(={levels}) must lie in 0 to 1: shares of the machine.")
        observer = Observer(0, large_core_h=np.inf, forecast=forecast)
        super().__init__(cases, observer=observer, policy=Commanded(), prices_kwh=prices_kwh)
        self.levels = levels
        self._nothing = np.zeros(len(FEATURES), np.float32)
        self.observation_space = gymnasium.spaces.Box(-5.0, 5.0, (len(FEATURES),), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(levels))

    def _see(self) -> NDArray[np.float32]:
        asked = self.observer.ask(self.view, self.policy, self.price_kwh)
        self._slot = {}
        return asked.rows[0]

    def _orders(self, action: Any) -> Orders:
        level = self.levels[int(action)]
        return Orders({}, RUN, RUN, np.inf if level == 1 else level * self.case.cluster.cores)
