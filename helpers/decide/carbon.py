"""Holding and suspending jobs while the grid is dirty, on a finite cluster.

A *gate* says whether now is a clean time: by a fixed intensity, by a quantile of the past, or by
a quantile of what is forecast. While it is not, jobs are *held*, and, where a second gate is
given, running jobs are *suspended*. No job is held for longer than its user accepts: once its
delay (time since submission in which it did not run) has used up its ``longest_wait_s``, it is
*urgent*, and the gate no longer counts for it. That capacity is then missing for other reasons
is not the gate's doing.

`CarbonFifo` starts what is neither held nor suspended in order of submission. `CarbonEasy`
backfills, and keeps EASY's promise: a job that does not fit when its turn comes is given a
reservation, the earliest time at which, by requested times, enough cores are free, and it starts
by that time, whatever is held, suspended or resumed meanwhile. Three rules see to that:

* a job with a promise stays at the head of the line until it starts, clean or dirty;
* a suspended job is resumed under the rule of backfilling: it ends by the shadow time, or runs
  on cores that the head will not need;
* a running job is suspended only if it frees its cores, saving included, no later than it
  would have by its requested time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.decide.backfill import Easy, checked_depth, reserve
from helpers.decide.order import Line, by_submission, launch
from helpers.decide.view import Job, Policy, View

__all__ = [
    "Below",
    "CarbonEasy",
    "CarbonFifo",
    "CarbonPolicy",
    "ForecastQuantile",
    "Gate",
    "PastQuantile",
]

DAY_S = 86400.0


class Gate:
    """Whether now is a clean time. Subclass it and write `threshold`."""

    name = "gate"

    def begin(self, view: View) -> None:
        """Forget earlier replays."""
        self._step_s, self._clean, self._begun_s = -np.inf, True, view.now_s

    def since_s(self, view: View) -> float:
        """Return when the present step of the intensity began, or the replay in it [s].

        A gate answers as of then: when within the step it is asked must not matter.
        """
        return max(view.step_start_s, self._begun_s)

    def threshold(self, view: View) -> float:
        """Return the intensity up to which it is clean in this step [g CO2e/kWh]."""
        raise NotImplementedError(f"{type(self).__name__} has no method threshold(self, view).")

    def is_clean(self, view: View) -> bool:
        """Tell whether it is clean now; asked again only when the intensity steps."""
        if view.now_s >= self._step_s:
            self._clean = view.intensity_g_per_kwh <= self.threshold(view)
            self._step_s = view.next_step_s
        return self._clean

    def reconsider(self) -> None:
        """Answer anew when next asked, whether or not the intensity has stepped."""
        self._step_s = -np.inf


class Below(Gate):
    """Clean at or below a fixed intensity.

    Parameters
    ----------
    intensity_g_per_kwh : float
        The threshold [g CO2e/kWh].
    """

    def __init__(self, intensity_g_per_kwh: float) -> None:
        if not intensity_g_per_kwh >= 0:
            raise ValueError(f"intensity_g_per_kwh(={intensity_g_per_kwh}) must be >= 0.")
        self.intensity_g_per_kwh = float(intensity_g_per_kwh)
        self.name = f"{intensity_g_per_kwh:g} g/kWh"

    def threshold(self, view: View) -> float:
        """Return the fixed threshold."""
        return self.intensity_g_per_kwh


class PastQuantile(Gate):
    """Clean at or below a quantile of the intensity observed in the days before.

    Parameters
    ----------
    share : float
        The quantile, in (0, 1): the share of the time that is to count as clean.
    window_s : float
        How far back it looks [s].
    least_s : float
        Before it has seen so much [s], everything is clean.
    """

    def __init__(self, share: float, window_s: float = 7 * DAY_S, least_s: float = DAY_S) -> None:
        self.share, self.window_s, self.least_s = _share(share), float(window_s), float(least_s)
        if not 0 < self.least_s <= self.window_s:
            raise ValueError(f"least_s(={least_s}) must lie in (0, window_s(={window_s})].")
        self.name = f"past quantile {share:g}"

    def begin(self, view: View) -> None:
        """Look as far back as the intensity is known."""
        super().begin(view)
        self._first_s = view.now_s
        try:
            view.observed(view.now_s - self.window_s)
        except ValueError:
            return  # not covered: it looks back to the first submission
        self._first_s = view.now_s - self.window_s

    def threshold(self, view: View) -> float:
        """Return the quantile of the past, weighted by time."""
        since_s = self.since_s(view)
        start_s = max(self._first_s, since_s - self.window_s)
        if since_s - start_s < self.least_s:
            return np.inf
        return _quantile(view.observed(start_s, since_s), self.share)


class ForecastQuantile(Gate):
    """Clean at or below a quantile of what is forecast for the hours ahead.

    Parameters
    ----------
    share : float
        The quantile, in (0, 1).
    horizon_s : float
        How far ahead it looks [s].
    """

    def __init__(self, share: float, horizon_s: float = DAY_S) -> None:
        self.share, self.horizon_s = _share(share), float(horizon_s)
        if not self.horizon_s > 0:
            raise ValueError(f"horizon_s(={horizon_s}) must be > 0.")
        self.name = f"forecast quantile {share:g}"

    def threshold(self, view: View) -> float:
        """Return the quantile of the forecast, weighted by time."""
        since_s = self.since_s(view)
        ahead, epoch_s = view.forecast(since_s), view.epoch_s - (view.now_s - since_s)
        start_s = max(epoch_s, ahead.edges_s[0])
        return _quantile(ahead.window(start_s, epoch_s + self.horizon_s), self.share)


def _share(share: float) -> float:
    if not 0 < share < 1:
        raise ValueError(f"share(={share}) must lie between 0 and 1, both excluded.")
    return float(share)


def _quantile(intensity: Intensity, share: float) -> float:
    """Return the lowest intensity at or below which a share of the time lies."""
    values, lasts_s = intensity.intensity_g_per_kwh, np.diff(intensity.edges_s)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(lasts_s[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))])


class CarbonPolicy(Policy):
    """Hold jobs while a gate says dirty, suspend them while another does.

    Subclasses start the jobs of `line`, which holds those that may start now.

    Parameters
    ----------
    gate : Gate
        While it says dirty, jobs that are not urgent are held.
    suspend_gate : Gate, optional
        While it says dirty, running jobs that are not urgent are suspended; never without.
        Make it laxer than `gate`, or jobs will stop and start around one threshold. A job that
        started although it was that dirty (it was urgent, or promised a time) runs on.
    least_left_s : float
        A job with less left by its requested time is not suspended [s].
    wait_share : float
        How much of the delay that its user accepts a job may be held for, in [0, 1]: it is urgent
        once that share of its ``longest_wait_s`` is used up.

    Raises
    ------
    TypeError
        If a gate is none.
    ValueError
        If `wait_share` does not lie in [0, 1].
    """

    def __init__(
        self,
        gate: Gate,
        suspend_gate: Gate | None = None,
        *,
        least_left_s: float = 3600.0,
        wait_share: float = 1.0,
    ) -> None:
        if not 0 <= wait_share <= 1:
            raise ValueError(
                f"wait_share(={wait_share}) must lie in [0, 1]: a job is held for no longer than its "
                "user accepts."
            )
        self.wait_share = float(wait_share)
        for name, given in (("gate", gate), ("suspend_gate", suspend_gate)):
            if not isinstance(given, Gate) and (name == "gate" or given is not None):
                raise TypeError(f"{name}(={given!r}) must be a Gate, such as Below(300.0).")
        self.gate, self.suspend_gate, self.least_left_s = gate, suspend_gate, least_left_s

    def begin(self, view: View) -> None:
        """Begin with nobody waiting."""
        self.gate.begin(view)
        if self.suspend_gate is not None:
            self.suspend_gate.begin(view)
        self.line = Line(self.place)
        self._held: dict[int, Job] = {}
        self._urgent: list[tuple[float, int]] = []  # when held jobs become urgent
        self._dirty_from_s = np.inf  # since when jobs are suspended
        self._seen: set[int] = set()  # suspended jobs that were taken up
        self._all_may_start = False  # of the line, though it is dirty

    def place(self, job: Job) -> float:
        """Return the place of a job in the line."""
        return by_submission(job)

    def may_be_held(self, job: Job) -> bool:
        """Tell whether a job of the line may be held again."""
        return True

    def start_jobs(self, view: View) -> None:
        """Start jobs of the line."""
        raise NotImplementedError(f"{type(self).__name__} has no method start_jobs(self, view).")

    def decide(self, view: View) -> None:
        """Hold, suspend, start; ask again when the intensity steps or a job becomes urgent."""
        for job in view.arrived:
            if not job.longest_wait_s < np.inf:
                raise ValueError(
                    f"{job!r} has no longest_wait_s: a carbon-aware policy holds jobs and must "
                    "know for how long at most; set it in the workload."
                )
            self._hold(job)
        self._take_up_suspended(view)
        clean = self.gate.is_clean(view)
        if self.suspend_gate is not None:
            if self.suspend_gate.is_clean(view):
                self._dirty_from_s = np.inf
            else:
                self._dirty_from_s = min(self._dirty_from_s, view.now_s)
                self._suspend(view)
                self._take_up_suspended(view)
        self._sort(view, clean)
        self.start_jobs(view)
        self._seen.intersection_update(view.suspended)
        self._ask_again(view)

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits, held or not: see `Policy.amend`."""
        if job.number in self._held:
            change()
            self._urgent = [entry for entry in self._urgent if entry[1] != job.number]
            self._urgent.append((self.latest_s(job), job.number))
            heapify(self._urgent)
        elif self.line.amend(job, change):
            self._all_may_start = False
        else:
            change()  # suspended since the last decision: not taken up yet

    def reconsider(self) -> None:
        """Ask the gates again whether it is clean."""
        for gate in (self.gate, self.suspend_gate):
            if gate is not None:
                gate.reconsider()

    def wanted_cores(self, view: View) -> int:
        """Return the cores that jobs wait for which are not held."""
        return int(self.line.processors.sum())

    def latest_s(self, job: Job) -> float:
        """Return when a waiting job becomes urgent [s]."""
        return latest_s(job, self.wait_share)

    def _hold(self, job: Job) -> None:
        self._held[job.number] = job
        heappush(self._urgent, (self.latest_s(job), job.number))

    def _take_up_suspended(self, view: View) -> None:
        if len(self._seen) != len(view.suspended):
            for number, job in view.suspended.items():
                if number not in self._seen:
                    self._seen.add(number)
                    self._hold(job)

    def _sort(self, view: View, clean: bool) -> None:
        """Move jobs between those held and the line."""
        now_s, held = view.now_s, self._held
        if clean:
            for job in held.values():
                self.line.add(job)
            held.clear()
            self._urgent.clear()
            self._all_may_start = False
            return
        if not self._all_may_start:  # who is urgent, or was promised a time, stays so
            line = self.line.jobs
            for job in [j for j in line if self.may_be_held(j) and self.latest_s(j) > now_s]:
                self.line.discard(job)
                self._hold(job)
            self._all_may_start = True
        while self._urgent and self._urgent[0][0] <= now_s:
            number = heappop(self._urgent)[1]
            if number in held:
                self.line.add(held.pop(number))

    def _suspend(self, view: View) -> None:
        saving_s = view.saving_s
        least_s = max(self.least_left_s, saving_s)
        for job in list(view.running.values()):
            # Cheapest first: while it is dirty all running jobs are looked at in each decision.
            if job.run_start_s >= self._dirty_from_s or job.expected_end_s - view.now_s < least_s:
                continue
            slack_s = self.latest_s(job) - job.run_start_s  # delay it may still take
            if slack_s > saving_s and view.may_suspend(job):
                view.suspend(job)

    def _ask_again(self, view: View) -> None:
        while self._urgent and self._urgent[0][1] not in self._held:
            heappop(self._urgent)
        if self._urgent:
            view.wake_at(max(self._urgent[0][0], math.nextafter(view.now_s, math.inf)))
        if self._held or (self.suspend_gate is not None and view.running):
            view.wake_at(view.next_step_s)


def latest_s(job: Job, wait_share: float = 1.0) -> float:
    """Return when a waiting job has been delayed by a share of what its user accepts [s].

    The delay is the time since submission in which it did not run; its earlier runs shift it.
    """
    return job.submit_s + wait_share * job.longest_wait_s + job.ran_s


class CarbonFifo(CarbonPolicy):
    """First in, first out, of the jobs that are not held. See `CarbonPolicy`."""

    def __init__(
        self,
        gate: Gate,
        suspend_gate: Gate | None = None,
        *,
        least_left_s: float = 3600.0,
        wait_share: float = 1.0,
    ) -> None:
        super().__init__(gate, suspend_gate, least_left_s=least_left_s, wait_share=wait_share)
        self.name = _name("carbon-gated FIFO", gate, suspend_gate)

    def start_jobs(self, view: View) -> None:
        """Start jobs from the head of the line for as long as they fit."""
        line = self.line
        while line.jobs and line.jobs[0].processors <= view.free_cores:
            launch(view, line.pop())


class CarbonEasy(CarbonPolicy):
    """EASY backfilling of the jobs that are not held, with reservations that are kept.

    See `CarbonPolicy` for the parameters, and the module for the three rules. A decision passes
    over the line once in arrays, as `Easy` does, and job by job where the gate has just changed:
    the cost grows as that of `Easy` by the engine.

    Parameters
    ----------
    depth : int, optional
        How many jobs behind the head are tried for backfilling, as in `Easy`; by default all.

    Attributes
    ----------
    promises : list of (int, float, float)
        Number of a job, when it was first given a reservation, and for when [s].
    """

    def __init__(
        self,
        gate: Gate,
        suspend_gate: Gate | None = None,
        *,
        least_left_s: float = 3600.0,
        wait_share: float = 1.0,
        depth: int | None = None,
    ) -> None:
        super().__init__(gate, suspend_gate, least_left_s=least_left_s, wait_share=wait_share)
        self.depth = checked_depth(depth)
        self.name = _name("carbon-aware EASY", gate, suspend_gate)

    def begin(self, view: View) -> None:
        """Begin with nobody waiting and nothing promised."""
        super().begin(view)
        self._head: Job | None = None
        self.promises: list[tuple[int, float, float]] = []
        self._easy = Easy(depth=self.depth)

    def place(self, job: Job) -> float:
        """Return the place of a job: who was promised a time stands first."""
        return -np.inf if job is self._head else by_submission(job)

    def may_be_held(self, job: Job) -> bool:
        """Hold no job that was promised a time."""
        return job is not self._head

    def start_jobs(self, view: View) -> None:
        """Start the head for as long as it fits; promise a time; backfill behind it."""
        line = self.line
        while line.jobs and line.jobs[0].processors <= view.free_cores:
            job = line.pop()
            if job is self._head:
                self._head = None
            launch(view, job)
        if not line.jobs:
            return
        if self._head is None:
            self._head = line.pop()
            line.add(self._head)
            promised_s = reserve(view, self._head.processors).time_s
            self.promises.append((self._head.number, view.now_s, promised_s))
        if len(line) > 1 and view.free_cores:
            self._easy.backfill(view, line)


def _name(kind: str, gate: Gate, suspend_gate: Gate | None) -> str:
    name = f"{kind}, {gate.name}"
    return name if suspend_gate is None else f"{name}, suspends above {suspend_gate.name}"
