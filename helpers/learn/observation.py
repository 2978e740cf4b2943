"""What a learner sees: the jobs worth asking about, each as a row of numbers, and all others as one.

Only what a view knows is used: the intensity of the week before, the forecast as it was issued, what
jobs ask for, predicted quantiles of their lengths, the queue and the machine.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity
from helpers.decide.view import Job, View
from helpers.learn.commands import CAPPED, RUN, WAIT, Commanded, Orders

__all__ = ["FEATURES", "LEVELS", "Asked", "Observer"]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels of the quantiles of a job's length."""

GRID = (
    *("level", "rank", "mean_3h", "mean_6h", "mean_12h", "mean_24h", "least_24h", "least_at"),
    *("hour_sin", "hour_cos"),
)
MACHINE = ("free", "soon_free", "held", "lined", "urgent", "queued", "price")
JOB = (
    *("length_low", "length_mid", "length_high", "cores", "work", "waited", "slack"),
    *("gain", "gain_at", "gain_1h", "gain_3h", "gain_6h", "worth"),
    *("promised", "runs", "capped", "others"),
)
FEATURES = (*GRID, *MACHINE, *JOB)
"""What stands in a row: of the grid, of the machine, of the job or of all others together."""

_HOUR_S, _DAY_S = 3600.0, 86400.0
_DELAYS_H = np.arange(25.0)  # starts that are compared: no user accepts more than a day
_SHOWN = 16  # of the jobs without a slot, those with most work stand for all
_AHEAD_H = 48  # hours of the forecast that are looked at; beyond, their mean
_BEYOND_H = 96  # so far the integral of the forecast is kept; then it goes on in a straight line
_USUAL_KWH = 0.003  # about which prices lie
_LEVELS = len(LEVELS)
_CORES, _WORK, _SUBMIT, _POWER = range(_LEVELS, _LEVELS + 4)  # columns of what is known of a job


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked at one time.

    Attributes
    ----------
    jobs : list of Job or None
        The job of each slot; None where it is empty.
    waiting, running : list of Job
        All others that wait and that run.
    rows : ndarray of float32, shape (slots + 2, features)
        One row a slot, then one for all others that wait, one for all others that run.
    masks : ndarray of bool, shape (slots + 2, 3)
        Which of `WAIT`, `RUN`, `CAPPED` each may be told.
    """

    jobs: list[Job | None]
    waiting: list[Job]
    running: list[Job]
    rows: NDArray[np.float32]
    masks: NDArray[np.bool_]

    @property
    def slot_of(self) -> dict[int, int]:
        """The row of each job that is there, by number."""
        rows = {job.number: row for row, job in enumerate(self.jobs) if job is not None}
        rows |= {job.number: len(self.jobs) for job in self.waiting}
        return rows | {job.number: len(self.jobs) + 1 for job in self.running}

    def orders(self, wanted: Sequence[int] | NDArray) -> Orders:
        """Return orders from what is wanted, one number a row."""
        told = zip(self.jobs, wanted, strict=False)
        of_job = {job.number: int(what) for job, what in told if job is not None}
        return Orders(of_job, int(wanted[-2]), int(wanted[-1]))


class Observer:
    """Chooses whom to ask about, and says what is known of them.

    Attributes
    ----------
    memory : dict
        What was seen of the grid, by step; who plays a week again may keep it.

    Parameters
    ----------
    slots : int
        How many jobs are asked about one by one at most: those with most work, as predicted.
    lengths_s : mapping, optional
        From job id to quantiles of the run time at `LEVELS` [s]; a job without is taken to run as
        long as it asked for.
    large_core_h : float
        A job with at least so much work, as predicted, is asked about as soon as it arrives
        [core-h]; all others wait for the next step of the intensity under the orders given.
    forecast : bool
        Whether the forecast is looked at.
    """

    def __init__(
        self,
        slots: int = 16,
        lengths_s: Mapping[Hashable, Sequence[float]] | None = None,
        *,
        large_core_h: float = 20.0,
        forecast: bool = True,
    ) -> None:
        if not (isinstance(slots, int) and slots >= 0):
            raise ValueError(f"slots(={slots!r}) must be a whole number >= 0.")
        self.slots, self.lengths_s = slots, {} if lengths_s is None else lengths_s
        self.large_core_h, self.forecast = large_core_h, forecast

    def begin(self, view: View) -> None:
        """Forget earlier replays."""
        self._next_s = -np.inf
        self._slot_of: list[Job | None] = [None] * self.slots
        self._job = np.full((256, _LEVELS + 4), np.nan)  # a row a job: quantiles [s], then others
        self._work_core_h: dict[int, float] = {}
        self._unstarted: list[Job] = []
        self._came, self._waited_s = 0, 0.0
        self.memory: dict[float, tuple[NDArray, NDArray, float]] = {}

    def due(self, view: View) -> bool:
        """Tell whether to ask now: the intensity has stepped, or a large job has come."""
        large = False
        for job in view.arrived:
            large |= self._notice(job) >= self.large_core_h
        return view.now_s >= self._next_s or large

    def asks_next(self, view: View) -> None:
        """Note that what is due now has been asked: the next time is that of the next step."""
        self._next_s = view.next_step_s

    def delay_h(self, view: View) -> tuple[int, float]:
        """Return how many jobs have come, and for how long they have waited in all [h].

        What counts is the wait for a job's first start, up to now for those that still wait.
        """
        waits = []
        for job in self._unstarted:
            if job.state == "queued":
                waits.append(job)
            else:
                self._waited_s += job.start_s - job.submit_s
        self._unstarted = waits
        return self._came, (self._waited_s + sum(view.now_s - j.submit_s for j in waits)) / _HOUR_S

    def ask(self, view: View, policy: Commanded, price_kwh: float = _USUAL_KWH) -> Asked:
        """Return what is asked now.

        Parameters
        ----------
        view : View
            The present.
        policy : Commanded
            Which jobs are held, which may be stopped.
        price_kwh : float
            What an hour of one job's delay is worth [kWh at the mean intensity of the week before].
        """
        self.asks_next(view)
        waits = [*view.queue.values(), *view.suspended.values()]
        runs = [job for job in view.running.values() if job.state == "running"]
        changes = policy.pauses or policy.cap_share is not None
        asked = [*waits, *runs] if changes else list(waits)
        asked.sort(key=self._most_work)
        jobs = self._filled(asked)
        others = [job for job in asked[self.slots :] if job.state != "running"]
        rest = [job for job in asked[self.slots :] if job.state == "running"]
        shown = [job for job in jobs if job is not None]
        rows = np.zeros((self.slots + 2, len(FEATURES)), dtype=np.float32)
        common = self._common(view, policy, waits, price_kwh)
        samples = (others[:_SHOWN], rest[:_SHOWN])  # looked at with the others, in one go
        seen = self._rows(view, policy, [*shown, *samples[0], *samples[1]], common, price_kwh)
        if shown:
            rows[[i for i, job in enumerate(jobs) if job is not None]] = seen[: len(shown)]
        low = len(shown)
        for place, group, sample in ((-2, others, samples[0]), (-1, rest, samples[1])):
            rows[place, : len(common)] = common
            rows[place, -1] = 1.0
            if sample:
                rows[place] = self._together(seen[low : low + len(sample)], len(group))
            low += len(sample)
        return Asked(jobs, others, rest, rows, self._masks(view, policy, jobs))

    # -- whom to ask about -----------------------------------------------------------------

    def _filled(self, jobs: list[Job]) -> list[Job | None]:
        """Give slots to the first jobs; who has one keeps it."""
        best = jobs[: self.slots]
        numbers = {job.number for job in best}
        kept = [j if j is not None and j.number in numbers else None for j in self._slot_of]
        have = {job.number for job in kept if job is not None}
        new = iter([job for job in best if job.number not in have])
        self._slot_of = [job if job is not None else next(new, None) for job in kept]
        return self._slot_of

    def _most_work(self, job: Job) -> tuple[float, int]:
        return -self.work_core_h(job), job.number

    def _notice(self, job: Job) -> float:
        """Write down what is known of a job that came; return its work as expected [core-h]."""
        self._came += 1
        self._unstarted.append(job)
        return self.look_at(job)

    def look_at(self, job: Job) -> float:
        """Write down what is known of a job, once more if it has changed; return its work [core-h]."""
        while job.number >= len(self._job):
            self._job = np.concatenate([self._job, np.full_like(self._job, np.nan)])
        given, asked_s = self.lengths_s.get(job.job_id), max(job.requested_s, 1.0)
        said = (asked_s,) * _LEVELS if given is None else given
        lengths_s = [min(max(float(said_s), 1.0), asked_s) for said_s in said]
        work_core_h = sum(lengths_s) / _LEVELS * job.processors / _HOUR_S
        own = (job.processors, work_core_h, job.submit_s, job.power_w)
        self._job[job.number] = (*lengths_s, *own)
        self._work_core_h[job.number] = work_core_h
        return work_core_h

    def work_core_h(self, job: Job) -> float:
        """Return the work of a job as expected over its quantiles [core-h]."""
        return self._work_core_h[job.number]

    def _masks(self, view: View, policy: Commanded, jobs: list[Job | None]) -> NDArray[np.bool_]:
        """Return which orders each row may be given."""
        caps, now_s = policy.cap_share is not None, view.now_s
        masks = np.zeros((self.slots + 2, 3), dtype=bool)
        masks[:, RUN] = True
        masks[:, CAPPED] = caps
        masks[-2, WAIT], masks[-1, WAIT] = True, policy.pauses
        for row, job in enumerate(jobs):
            if job is None:
                masks[row, CAPPED] = False
            elif job.state == "running":
                masks[row, WAIT] = policy.may_stop(view, job, np.inf)
            else:
                masks[row, WAIT] = policy.may_wait(job, now_s)
        return masks

    # -- what is known ---------------------------------------------------------------------

    def _common(
        self, view: View, policy: Commanded, waits: list[Job], price_kwh: float
    ) -> NDArray[np.float64]:
        """Return the features of the grid and of the machine."""
        cores, now_s = view.cluster.cores, view.now_s
        self._see_grid(view)
        lined = int(policy.line.processors.sum())
        asked = urgent = soon = 0
        for job in waits:
            asked += job.processors
            # `latest_s`, written out: this loop passes over all that wait.
            if job.submit_s + job.longest_wait_s + job.ran_s <= now_s + 3 * _HOUR_S:
                urgent += job.processors
        for end_s, _, processors in view.releases:
            if end_s > now_s + 2 * _HOUR_S:
                break
            soon += processors
        machine = (
            *(view.free_cores / cores, soon / cores),
            *(math.log1p((asked - lined) / cores), math.log1p(lined / cores)),
            *(math.log1p(urgent / cores), math.log1p(len(waits)) / 5.0),
            math.log(max(price_kwh, 1e-9) / _USUAL_KWH) / 3.0,
        )
        return np.concatenate([self._grid, machine])

    def _see_grid(self, view: View) -> None:
        """Look at the intensity and the forecast, once a step."""
        from_s = view.step_start_s
        if from_s not in self.memory:
            self.memory[from_s] = self._looked(view, from_s)
        self._grid, self._ahead_g, self._past_mean = self.memory[from_s]

    def _looked(self, view: View, from_s: float) -> tuple[NDArray, NDArray, float]:
        """Return features, the integral of the forecast, and the mean of the week before."""
        now = view.intensity_g_per_kwh
        try:
            past = view.observed(from_s - 7 * _DAY_S, from_s)
            seen, lasts_s = past.intensity_g_per_kwh, np.diff(past.edges_s)
        except ValueError:  # not covered: nothing to compare with
            seen, lasts_s = np.array([now]), np.ones(1)
        mean = float(np.average(seen, weights=lasts_s))
        spread = float(np.sqrt(np.average((seen - mean) ** 2, weights=lasts_s))) + 1e-9
        rank = float(np.average(seen < now, weights=lasts_s))
        ahead = self._ahead(view) if self.forecast else np.full(_AHEAD_H, now)
        day = ahead[:24]
        means = [(day[:h].mean() - now) / spread for h in (3, 6, 12, 24)]
        hour = (view.epoch_s - (view.now_s - from_s)) / _HOUR_S % 24 * np.pi / 12
        low = (float(day.min() - now) / spread, float(day.argmin()) / 24)
        grid = ((now - mean) / spread, rank, *means, *low, np.sin(hour), np.cos(hour))
        burnt = np.append(0.0, np.cumsum(ahead))  # g/kWh x h
        # On beyond what is looked at, so that a job's grams are looked up, not computed.
        beyond = burnt[-1] + ahead.mean() * np.arange(1.0, _BEYOND_H + 1.0)
        return np.clip(np.array(grid), -5.0, 5.0), np.append(burnt, beyond), mean

    def _ahead(self, view: View) -> NDArray[np.float64]:
        """Return the hours ahead as forecast at the beginning of the step [g CO2e/kWh]."""
        said: Intensity = view.forecast(view.step_start_s)
        from_s = view.epoch_s - (view.now_s - view.step_start_s)
        edges_s = from_s + _HOUR_S * np.arange(_AHEAD_H + 1)
        whole = int(np.searchsorted(edges_s, said.edges_s[-1], side="right")) - 1
        values = np.asarray(said.mean(edges_s[:whole], edges_s[1 : whole + 1]))
        return np.append(values, np.full(_AHEAD_H - whole, values.mean()))

    def _burnt(self, hours: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the integral of the forecast from now on [g/kWh x h]."""
        burnt = self._ahead_g
        low = np.minimum(hours, len(burnt) - 2.0).astype(np.intp)
        return burnt[low] + (hours - low) * (burnt[low + 1] - burnt[low])

    def gains(self, left_h: NDArray, slack_h: NDArray) -> NDArray[np.float64]:
        """Return what waiting would save, as forecast and expected over lengths, shape (n, 25).

        Parameters
        ----------
        left_h : ndarray of float, shape (n, levels)
            Quantiles of what is left of each job [h].
        slack_h : ndarray of float, shape (n,)
            How long each may still wait [h].

        Returns
        -------
        ndarray
            Share of the emissions of a start now, for a start so many hours later; minus infinity
            where that would be too late.
        """
        grams = self._expected_g(left_h)
        saved = 1.0 - grams / grams[:, :1]
        return np.where(np.maximum(slack_h, 0.0)[:, None] >= _DELAYS_H, saved, -np.inf)

    def _expected_g(self, left_h: NDArray) -> NDArray[np.float64]:
        """Return what jobs emit at a kilowatt by hours until they start, shape (n, 25) [g]."""
        ends = self._burnt(_DELAYS_H[None, :, None] + left_h[:, None, :]).sum(axis=2)
        return ends / _LEVELS - self._ahead_g[: len(_DELAYS_H)]

    def saved_kwh(self, view: View, jobs: list[Job]) -> NDArray[np.float64]:
        """Return what waiting would save in energy at the mean intensity of the week before.

        Parameters
        ----------
        view : View
            The present.
        jobs : list of Job
            Jobs that wait.

        Returns
        -------
        ndarray, shape (n, 25)
            For a start so many hours later [kWh]; minus infinity where that would be too late.
        """
        self._see_grid(view)
        left_h, slack_h = self.known(view, jobs)
        now_kwh = self._now_kwh(left_h, self._of(jobs)[:, _POWER])
        return self.gains(left_h, slack_h) * now_kwh[:, None]

    def _now_kwh(self, left_h: NDArray, power_w: NDArray) -> NDArray[np.float64]:
        """Return what jobs emit that start now [kWh at the mean intensity of the week before]."""
        return self._burnt(left_h).mean(axis=1) * power_w / (1000.0 * self._past_mean)

    def _of(self, jobs: list[Job]) -> NDArray[np.float64]:
        """Return what is known of jobs and does not change while they wait, a row a job."""
        return self._job[[job.number for job in jobs]]

    def known(self, view: View, jobs: list[Job]) -> tuple[NDArray, NDArray]:
        """Return quantiles of what is left of jobs, shape (n, levels), and their slack [h]."""
        now_s = view.now_s
        known = [
            (
                job.kept_s + (now_s - job.run_start_s if job.state == "running" else 0.0),
                job.submit_s + job.longest_wait_s + job.ran_s - now_s,  # `latest_s`, written out
            )
            for job in jobs
        ]
        done_s, slack_s = np.array(known).T
        left_s = np.maximum(self._of(jobs)[:, :_LEVELS] - done_s[:, None], 60.0)
        return left_s / _HOUR_S, slack_s / _HOUR_S

    def _rows(
        self, view: View, policy: Commanded, jobs: list[Job], common: NDArray, price_kwh: float
    ) -> NDArray[np.float64]:
        """Return the rows of some jobs."""
        if not jobs:
            return np.empty((0, len(FEATURES)))
        left_h, slack_h = self.known(view, jobs)
        saved, own = self.gains(left_h, slack_h), self._of(jobs)
        at = saved.argmax(axis=1)
        rows = np.empty((len(jobs), len(FEATURES)))
        first = len(common)
        rows[:, :first] = common
        job = rows[:, first:].T  # a row a feature
        job[0:3] = np.log1p(left_h[:, 1:4].T) / 3.0
        job[3] = np.log1p(own[:, _CORES]) / 5.0
        job[4] = np.log1p(left_h.mean(axis=1) * own[:, _CORES]) / 8.0
        waited_h = (view.now_s - own[:, _SUBMIT]) / _HOUR_S
        job[5] = np.log1p(np.minimum(waited_h, 240.0)) / 3.0
        job[6] = np.clip(slack_h, -1.0, 24.0) / 24.0
        job[7] = 10.0 * saved[np.arange(len(jobs)), at]
        job[8] = at / 24.0
        soon = saved[:, [1, 3, 6]].T
        job[9:12] = 10.0 * np.where(np.isfinite(soon), soon, 0.0)
        job[12] = self._worth(saved, self._now_kwh(left_h, own[:, _POWER]), price_kwh)
        job[13:] = np.array(
            [
                (not policy.may_be_held(job), job.state == "running", job.cap_w < np.inf, False)
                for job in jobs
            ]
        ).T
        return np.clip(rows, -5.0, 5.0, out=rows)

    def _worth(self, saved: NDArray, now_kwh: NDArray, price_kwh: float) -> NDArray[np.float64]:
        """Return by how much waiting is worth more than its delay costs: a logarithm, 0 if equal."""
        per_hour = (saved[:, 1:] / _DELAYS_H[1:]).max(axis=1) * now_kwh
        return np.log(np.clip(per_hour / max(price_kwh, 1e-9), np.exp(-5.0), np.exp(5.0)))

    def _together(self, rows: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """Return the mean of rows, with how many jobs they stand for."""
        mean = rows.mean(axis=0)
        mean[-1] = 1.0 + np.log1p(count) / 5.0
        return mean
