"""Replay a workload on a finite cluster under a policy, event by event, on SimPy.

The engine is a *generator of views*: it lets everything happen that happens at one instant and
yields what a decision may know of it. A replay is that and nothing more::

    for view in engine.views():
        policy.decide(view)

**Order within an instant.** First what frees cores (ends of jobs, of saving, of booting), then
arrivals in order of submission, then wake-ups, then one decision.

**A run** of a job is: an optional *transition* (what a policy charges for switching jobs), all
start-up phases, the work not kept yet, and then the end phases, or saving when it is suspended.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from heapq import heappush
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Intensity, check_intensity
from helpers.cluster import twin
from helpers.cluster.replayed import Replay
from helpers.cluster.tables import OUTCOMES, coded, pace_table, record_table
from helpers.decide.view import Job, Policy, View
from helpers.phases.throttle import Throttle
from helpers.timeline import Times
from helpers.work.nodes import NODE_STATES, Cluster
from helpers.work.workload import Workload

__all__ = ["Stepwise", "replay"]

_COMPLETED, _TIMEOUT, _SUSPENDED, _STOPPED = range(len(OUTCOMES))
_OFF, _BOOTING, _IDLE, _BUSY, _SHUTTING_DOWN = range(len(NODE_STATES))
_RELEASE, _ARRIVAL, _WAKE = 1, 2, 3  # order within an instant; 0 is SimPy's own


def replay(
    workload: Workload,
    cluster: Cluster,
    policy: Policy,
    *,
    intensity: Intensity | None = None,
    forecaster: Callable[[float], Intensity] | None = None,
    origin: Times | None = None,
    kill_at_request: bool = False,
    record: bool = False,
) -> Replay:
    """Replay a workload on a cluster under a policy.

    Parameters
    ----------
    workload : Workload
        The jobs.
    cluster : Cluster
        The machine. All nodes are on and idle at the first submission.
    policy : Policy
        What decides.
    intensity : Intensity, optional
        Carbon intensity that policies may observe, up to the present.
    forecaster : Forecaster, optional
        Called with an epoch second [s], returns what is expected from then on (see
        `helpers.carbon.expected`). It is asked with the present only.
    origin : instant, optional
        When second 0 of the workload is; by default its `epoch`.
    kill_at_request : bool
        Whether a job is killed when it has run as long as it asked for. What suspensions add
        (starting up again, saving, transitions) does not count.
    record : bool
        Whether to write down every action, with what was known (`Replay.record`).

    Returns
    -------
    Replay
        Runs, cores, switched nodes.

    Raises
    ------
    ValueError
        If there is no job, one asks for more cores than there are, or the policy does what
        cannot be done.
    TypeError
        If workload, cluster or policy are something else, such as a log, a number or a class.
    RuntimeError
        If jobs are left that the policy never starts or resumes.

    Notes
    -----
    Same input, same bytes: nothing here is random, and ties are broken by number. Policies that
    only start jobs in a known order, with or without backfilling, are replayed by a compiled twin
    of the engine, to the bit the same (`helpers.cluster.twin`).
    """
    # Eight parameters: three are what is replayed, the others, by name alone, what a policy knows,
    # when second 0 was and what is kept; most replays give one or two of them.
    _check_types(workload, cluster, policy)
    _check_fits(workload, cluster)
    dated = origin is not None or workload.epoch is not None
    carbon = _Carbon(intensity, forecaster, workload.origin_s(origin) if dated else np.nan)
    if not record and twin.has_twin(policy):
        return _twin(workload, cluster, policy, carbon, kill_at_request)
    return _simulated(workload, cluster, policy, carbon, kill_at_request, record)


class Stepwise:
    """A replay that somebody else drives, view by view: a learner, a game, a debugger.

    ::

        game = Stepwise(workload, cluster, policy, intensity=curve)
        views = game.views()
        policy.begin(next(views))
        for view in views:
            policy.decide(view)
        done = game.result()

    is `replay` by hand. Between two views, whoever drives may act through the view as a policy
    does, and may take any time for it.

    Parameters
    ----------
    workload, cluster, policy, intensity, forecaster, origin, kill_at_request
        As for `replay`. The policy gives the result its name and is never called.

    Raises
    ------
    ValueError, TypeError
        As `replay`.
    """

    def __init__(
        self,
        workload: Workload,
        cluster: Cluster,
        policy: Policy,
        *,
        intensity: Intensity | None = None,
        forecaster: Callable[[float], Intensity] | None = None,
        origin: Times | None = None,
        kill_at_request: bool = False,
    ) -> None:
        _check_types(workload, cluster, policy)
        _check_fits(workload, cluster)
        dated = origin is not None or workload.epoch is not None
        carbon = _Carbon(intensity, forecaster, workload.origin_s(origin) if dated else np.nan)
        self._engine = _Engine(workload, cluster, policy, carbon, kill_at_request)

    def views(self) -> Iterator[View]:
        """Let time go by, once; the first view is that before anything happened."""
        return self._engine.views()

    def end_s(self, job: Job) -> float:
        """Return when the present run of a job will really end [s]: for judges, not for policies.

        Raises
        ------
        KeyError
            If it never ran.
        """
        return self._engine.ends_s[job.number]

    def result(self) -> Replay:
        """Return what happened; whole when the views are over."""
        return self._engine.result()


def _twin(
    workload: Workload, cluster: Cluster, policy: Policy, carbon: _Carbon, kill: bool
) -> Replay:
    found = twin.run(workload, cluster, policy, kill_at_request=kill)
    return Replay(
        workload=workload,
        cluster=cluster,
        policy=_name(policy),
        clairvoyant=policy.clairvoyant,
        start_s=float(workload.jobs["submit_s"].iloc[0]),
        stop_s=float(found.runs["stop_s"].max()),
        origin_s=carbon.origin_s,
        runs=found.runs,
        first_core=found.first_core,
        cores=found.cores,
        switches=_Book().switches(),
        decisions=found.decisions,
        paces=pace_table([]),
        intensity=carbon.intensity,
    )


def _simulated(
    workload: Workload,
    cluster: Cluster,
    policy: Policy,
    carbon: _Carbon,
    kill_at_request: bool,
    record: bool,
) -> Replay:
    """Replay on SimPy."""
    engine = _Engine(workload, cluster, policy, carbon, kill_at_request)
    engine.book.record = [] if record else None
    views = engine.views()
    policy.begin(next(views))
    for view in views:
        policy.decide(view)
    return engine.result()


@cache
def _environment_type() -> type:
    """Return SimPy's environment with events at absolute times.

    SimPy adds a delay to the present, and ``now + (time - now)`` may miss ``time`` by a rounding
    error, which would tear an instant apart.
    """
    from simpy import Environment, Event

    class AbsoluteEnvironment(Environment):
        def call_at(
            self, time_s: float, priority: int, call: Callable[[Event], None], value: Any
        ) -> None:
            """Put a call on the line at an instant, not at a delay."""
            event = Event(self)
            event._ok, event._value = True, value
            event.callbacks.append(call)
            queue: list[Any] = self._queue
            heappush(queue, (time_s, priority, next(self._eid), event))

    return AbsoluteEnvironment


class _Book:
    """Columns of runs and of switched nodes as they are written, 8 bytes an entry."""

    def __init__(self) -> None:
        self.job, self.first_core, self.cores = array("q"), array("q", [0]), array("i")
        self.start_s, self.stop_s, self.transition_s = array("d"), array("d"), array("d")
        self.save_s, self.kept_s = array("d"), array("d")
        self.work_from_s, self.work_to_s = array("d"), array("d")
        self.outcome = array("b")
        self.switch_s, self.switch_node, self.switch_state = array("d"), array("q"), array("b")
        self.paces: list[tuple[int, float, float, float]] = []
        self.record: list[tuple] | None = None

    def open(self, job: Job, now_s: float, transition_s: float) -> int:
        """Write down the start of a run and return its number."""
        run = len(self.job)
        self.job.append(job.number)
        self.start_s.append(now_s)
        self.transition_s.append(transition_s)
        self.work_from_s.append(job.kept_s)
        self.stop_s.append(np.nan)
        self.save_s.append(0.0)
        self.work_to_s.append(np.nan)
        self.kept_s.append(np.nan)
        self.outcome.append(_COMPLETED)
        self.cores.frombytes(np.asarray(job.cores, dtype=np.int32).tobytes())
        self.first_core.append(len(self.cores))
        return run

    def runs(self) -> pd.DataFrame:
        """Return the runs as a table."""
        numbers = ("start_s", "stop_s", "transition_s", "save_s", "work_from_s", "work_to_s")
        columns = {name: np.array(getattr(self, name)) for name in (*numbers, "kept_s")}
        outcome = coded(self.outcome, OUTCOMES)
        return pd.DataFrame({"job": np.array(self.job), **columns, "outcome": outcome})

    def switches(self) -> pd.DataFrame:
        """Return the switched nodes as a table."""
        return pd.DataFrame(
            {
                "time_s": np.array(self.switch_s, dtype=np.float64),
                "node": np.array(self.switch_node, dtype=np.int64),
                "state": coded(self.switch_state, NODE_STATES),
            }
        )


class _Pace:
    """How a capped run gets on: what is done of its profile since its cap last changed."""

    __slots__ = ("_clock_s", "cap_w", "done_s", "edges_s", "power_w", "since_s", "throttle")

    def __init__(self, throttle: Throttle, profile: tuple[NDArray, NDArray], start_s: float):
        self.throttle = throttle
        self.edges_s, self.power_w = profile
        self.since_s, self.done_s = start_s, 0.0
        self.set(start_s, np.inf)

    def set(self, now_s: float, cap_w: float) -> None:
        """Go on under another cap."""
        if now_s > self.since_s:
            self.done_s, self.since_s = self.done_at_s(now_s), now_s
        self.cap_w = cap_w
        self._clock_s = self.throttle.clock_s(self.edges_s, self.power_w, cap_w)

    def done_at_s(self, now_s: float) -> float:
        """Return what of the profile is done at a time [s]."""
        clock_s = np.interp(self.done_s, self.edges_s, self._clock_s) + (now_s - self.since_s)
        return float(np.interp(clock_s, self._clock_s, self.edges_s))

    @property
    def end_s(self) -> float:
        """When the profile is done under the present cap [s]."""
        left_s = self._clock_s[-1] - np.interp(self.done_s, self.edges_s, self._clock_s)
        return float(self.since_s + left_s)


class _Engine:
    """State of a replay; policies reach it only through `View`."""

    def __init__(
        self,
        workload: Workload,
        cluster: Cluster,
        policy: Policy,
        carbon: _Carbon,
        kill_at_request: bool,
        *,
        env: Any = None,
        site: str = "",
    ) -> None:
        self.workload, self.cluster, self.policy = workload, cluster, policy
        self.carbon, self.kill_at_request = carbon, kill_at_request
        jobs = workload.jobs
        self.start_s = float(jobs["submit_s"].iloc[0])
        self.env = _environment_type()(self.start_s) if env is None else env
        self.work_s = jobs["run_s"].to_numpy()
        self.end_s, self.stretch = workload.end_s, workload.stretch
        self.model = jobs["model"].to_numpy()
        self.saving_s = workload.suspension.save_profile.duration_s
        self.free = np.ones(cluster.cores, dtype=bool)
        self.power = np.full(cluster.nodes, _IDLE)  # off, booting, idle (= on), shutting down
        self.ready_s: dict[int, float] = {}  # of nodes that boot
        self.view = View(self, cluster, site)
        self.present: dict[int, int] = {}  # run of each job that holds cores
        self.pace: dict[int, _Pace] = {}  # of jobs whose run was capped
        self.ends_s: dict[int, float] = {}  # when the run of each running job will end
        self.asked: set[float] = set()
        self.happened, self.left = False, len(jobs)  # jobs that have not ended
        self.decisions = 0
        self.book = _Book()

    # -- the clock -------------------------------------------------------------------------

    def views(self) -> Iterator[View]:
        """Let everything happen, in order of time; yield what is known at each instant.

        The first view is that before anything happened, for `Policy.begin`.
        """
        env, view = self.env, self.view
        view.now_s = self.start_s
        yield view
        arrivals = self._arrivals()
        self._await(arrivals, next(arrivals, None))
        while (now_s := env.peek()) < np.inf:
            view.now_s, self.happened, over = now_s, False, self.left == 0
            while env.peek() == now_s:
                env.step()
            if self.happened and not over:
                yield view
                self.decided()
        self.check_none_left()

    def decided(self) -> None:
        """Forget what was new to the decision just taken."""
        self.decisions += 1
        for new in (self.view.arrived, self.view.ended, self.view.late):
            new.clear()

    def check_none_left(self) -> None:
        """Refuse to end while jobs wait that nobody will start."""
        for jobs in (self.view.queue, self.view.suspended):
            if jobs:
                raise RuntimeError(
                    f"policy {_name(self.policy)!r} left {len(jobs)} jobs waiting for ever, the "
                    f"first of them {next(iter(jobs.values()))!r}: it must start and resume every "
                    "job in the end, or ask for another decision with wake_at()."
                )

    def _arrivals(self) -> Iterator[Job]:
        """Make jobs one after the other, so that only those present take memory."""
        jobs, workload, step = self.workload.jobs, self.workload, 4096
        names = ["job_id", "submit_s", "requested_s", "planned_s", "processors", "user", "queue"]
        names += ["priority", "best_effort", "longest_wait_s"]
        for low in range(0, len(jobs), step):
            rows = slice(low, low + step)
            columns = [jobs[name].iloc[rows].astype(object).tolist() for name in names]
            columns[names.index("planned_s")] = workload.planned_s[rows].tolist()
            columns += [workload.startup_s[rows].tolist(), workload.work_power_w[rows].tolist()]
            true_s = self.work_s[rows].tolist() if self.policy.clairvoyant else None
            columns.append(true_s or [None] * len(columns[0]))
            for number, row in enumerate(zip(*columns, strict=True), low):
                yield Job(number, *row)

    def _await(self, arrivals: Iterator[Job], job: Job | None) -> None:
        if job is not None:
            self.env.call_at(job.submit_s, _ARRIVAL, self._arrive, (arrivals, job))

    def _arrive(self, event: Any) -> None:
        arrivals, job = event.value
        now_s = job.submit_s
        while job is not None and job.submit_s == now_s:
            self.admit(job)
            job = next(arrivals, None)
        self._await(arrivals, job)

    def admit(self, job: Job) -> None:
        """Let a job join the queue."""
        self.view.queue[job.number] = job
        self.view.arrived.append(job)
        self.happened = True

    def wake_at(self, time_s: float) -> None:
        """See `View.wake_at`."""
        if not time_s > self.view.now_s:
            raise ValueError(
                f"wake_at(time_s={time_s}) must be later than now ({self.view.now_s} s)."
            )
        if time_s < np.inf and time_s not in self.asked:
            self.asked.add(time_s)
            self.env.call_at(time_s, _WAKE, self._wake, time_s)

    def _wake(self, event: Any) -> None:
        self.asked.discard(event.value)
        self.happened = True

    # -- jobs ------------------------------------------------------------------------------

    def start(self, job: Job, cores: ArrayLike | None, transition_s: float) -> None:
        """Start or resume a job."""
        view, number, now_s = self.view, job.number, self.view.now_s
        if not transition_s >= 0:
            raise ValueError(f"{job!r}: transition_s(={transition_s}) must be >= 0.")
        job.cores = cores = self._take(job, cores)
        cores.setflags(write=False)  # copies of a decision share what nobody can change
        self.free[cores] = False
        view.free_cores -= job.processors
        action = "start" if job.state == "queued" else "resume"
        if action == "start":
            del view.queue[number]
            job.start_s = now_s
        else:
            del view.suspended[number]
            job.resumes += 1
        job.state, job.run_start_s = "running", now_s
        self.present[number] = self.book.open(job, now_s, transition_s)
        view.running[number] = job
        length_s = transition_s + job.startup_s + (self.work_s[number] - job.kept_s)
        self._ends_at(job, now_s + float(length_s + self.end_s[number]))
        self._expect(job)
        self._note(action, job, float(job.processors))

    def _ends_at(self, job: Job, end_s: float) -> None:
        """Set when the present run of a job will end, done or killed."""
        run, outcome = self.present[job.number], _COMPLETED
        limit_s = job.run_start_s + (self.book.transition_s[run] + job.limit_s)
        if self.kill_at_request and end_s > limit_s:
            end_s, outcome = limit_s, _TIMEOUT
        self.ends_s[job.number] = end_s
        self.env.call_at(end_s, _RELEASE, self._end, (job, run, outcome))

    def _expect(self, job: Job) -> None:
        """Expect a running job to end when its plan says; be told when it does not."""
        run, pace = self.present[job.number], self.pace.get(job.number)
        planned_s = self.book.transition_s[run] + job.left_s
        if pace is None:
            expected_s = job.run_start_s + planned_s
        else:  # nobody knows the phases to come: as if all drew the mean power
            speed = float(pace.throttle.speed(job.power_w, pace.cap_w))
            expected_s = pace.since_s + max(planned_s - pace.done_s, 0.0) / speed
        self.view.expect_end(job, expected_s)
        if self.view.now_s < expected_s < self.ends_s[job.number]:
            self.env.call_at(expected_s, _WAKE, self._late, (job, run, expected_s))

    def _late(self, event: Any) -> None:
        job, run, expected_s = event.value
        if self.present.get(job.number) == run and job.expected_end_s == expected_s:
            self.view.late.append(job)
            self.happened = True

    def plan(self, job: Job, planned_s: float) -> None:
        """See `View.plan`."""
        if job.state == "ended":
            raise ValueError(f"{job!r} has ended: there is nothing to plan.")
        if not 0 < planned_s < np.inf:
            raise ValueError(f"{job!r}: planned_s(={planned_s}) must be finite and > 0.")
        job.planned_s = float(planned_s)
        if job.state == "running":
            self._expect(job)
        self._note("plan", job, job.planned_s)

    def cap(self, job: Job, power_w: float) -> None:
        """See `View.cap`."""
        if job.state != "running":
            raise ValueError(f"{job!r} cannot be capped: only a running job can.")
        if not power_w > 0:
            raise ValueError(f"{job!r}: the cap power_w(={power_w}) must be > 0 W.")
        if self.workload.throttle is None:
            raise ValueError(
                f"{job!r} cannot be capped: the workload does not say how a cap slows it down; "
                "give it throttle=Throttle(...)."
            )
        run, number, now_s = self.present[job.number], job.number, self.view.now_s
        pace = self.pace.get(number)
        if pace is None:
            profile = self.workload.run_profile(number, job.kept_s, self.book.transition_s[run])
            pace = self.pace[number] = _Pace(self.workload.throttle, profile, job.run_start_s)
            self.book.paces.append((run, job.run_start_s, 0.0, np.inf))
        pace.set(now_s, float(power_w))
        job.cap_w = pace.cap_w
        self.book.paces.append((run, now_s, pace.done_s, pace.cap_w))
        self._ends_at(job, pace.end_s)
        self._expect(job)
        self._note("cap", job, pace.cap_w)

    def _take(self, job: Job, cores: ArrayLike | None) -> NDArray[np.int64]:
        """Return the cores a job gets: those asked for, or the lowest-numbered free ones."""
        if cores is None:
            if job.processors > self.view.free_cores:
                raise ValueError(
                    f"{job!r} cannot start: only {self.view.free_cores} cores are free."
                )
            return self.free.nonzero()[0][: job.processors]
        cores = np.array(cores, dtype=np.int64, ndmin=1)
        cores.sort()
        if cores.size != job.processors or (np.diff(cores) == 0).any():
            raise ValueError(
                f"{job!r} needs {job.processors} different cores, not {cores.tolist()}."
            )
        if cores[0] < 0 or cores[-1] >= self.free.size or not self.free[cores].all():
            known = cores[(cores >= 0) & (cores < self.free.size)]
            taken = known[~self.free[known]].tolist() or cores.tolist()
            raise ValueError(f"{job!r} cannot start on cores {taken}: they are not free.")
        return cores

    def _end(self, event: Any) -> None:
        job, run, outcome = event.value
        running = self.present.get(job.number) == run and job.state == "running"
        if not running or self.ends_s[job.number] != self.view.now_s:
            return  # it was suspended meanwhile, or its pace changed
        work_s = float(self.work_s[job.number])
        if outcome == _TIMEOUT:
            work_s = self._done_s(job, run)
        self._close(job, run, outcome, work_s, work_s)
        job.state = "ended"
        self.left -= 1
        self.view.ended.append(job)

    def _done_s(self, job: Job, run: int) -> float:
        """Return the work that a running job has done by now [s]."""
        if job.number in self.pace:
            elapsed_s = self.pace[job.number].done_at_s(self.view.now_s)
        else:
            elapsed_s = self.view.now_s - job.run_start_s
        elapsed_s -= self.book.transition_s[run]
        done_s = job.kept_s + max(0.0, elapsed_s - job.startup_s)
        return float(min(done_s, self.work_s[job.number]))

    def _close(self, job: Job, run: int, outcome: int, work_s: float, kept_s: float) -> None:
        """Write down the end of a run and free its cores."""
        view, book, now_s = self.view, self.book, self.view.now_s
        book.stop_s[run], book.outcome[run] = now_s, outcome
        book.work_to_s[run], book.kept_s[run] = work_s, kept_s
        self.free[job.cores] = True
        view.free_cores += job.processors
        del view.running[job.number], self.present[job.number]
        self.view.expect_end(job, np.inf)
        pace = self.pace.pop(job.number, None)
        if pace is not None:
            stop_s = now_s - book.save_s[run]
            book.paces.append((run, stop_s, pace.done_at_s(stop_s), np.nan))
        job.ran_s += now_s - job.run_start_s
        job.kept_s, job.cores, job.cap_w = kept_s, None, np.inf
        self.happened = True

    def suspendable_s(self, job: Job) -> float:
        """See `View.suspendable_s`."""
        rules = self.workload.suspension
        if job.state != "running":
            return np.inf
        if rules.most_resumes is not None and job.resumes >= rules.most_resumes:
            return np.inf
        # A run of no length cannot be stopped: the first instant after its start.
        after_s = float(np.nextafter(job.run_start_s, np.inf))
        return max(job.run_start_s + (rules.least_run_s - self.saving_s), after_s)

    def why_not_suspend(self, job: Job) -> str:
        """Return why a job may not be suspended now; empty if it may."""
        rules = self.workload.suspension
        if self.view.now_s >= self.suspendable_s(job):
            return ""
        if job.state != "running":
            return "it is not running"
        if rules.most_resumes is not None and job.resumes >= rules.most_resumes:
            return f"it was resumed {job.resumes} times, as often as most_resumes allows"
        lasted_s = self.view.now_s - job.run_start_s
        if lasted_s <= 0:
            return "it started at this very instant"
        return f"it has run for {lasted_s:g} s, less than least_run_s = {rules.least_run_s:g} s"

    def suspend(self, job: Job, save: bool) -> None:
        """See `View.suspend`."""
        reason = self.why_not_suspend(job)
        if reason:
            raise ValueError(f"{job!r} cannot be suspended: {reason}; ask may_suspend() first.")
        run = self.present[job.number]
        work_s, kept_s = self._done_s(job, run), self.kept_s(job, save)
        outcome = _SUSPENDED if save else _STOPPED
        self._note("suspend" if save else "stop", job, kept_s)
        if not save or self.saving_s == 0:
            self._suspended(job, run, outcome, work_s, kept_s)
            return
        job.state = "saving"
        self.book.save_s[run] = self.saving_s
        stop_s = self.view.now_s + self.saving_s
        self.view.expect_end(job, stop_s)
        value = (job, run, outcome, work_s, kept_s)
        self.env.call_at(stop_s, _RELEASE, lambda event: self._suspended(*event.value), value)

    def kept_s(self, job: Job, save: bool) -> float:
        """See `Machine.kept_s`."""
        work_s = self._done_s(job, self.present[job.number])
        if save and self.workload.suspension.keep != "checkpoints":
            return work_s
        return max(job.kept_s, min(work_s, self._last_checkpoint_s(job.number, work_s)))

    def _suspended(self, job: Job, run: int, outcome: int, work_s: float, kept_s: float) -> None:
        self._close(job, run, outcome, work_s, kept_s)
        job.state = "suspended"
        self.view.suspended[job.number] = job

    def _last_checkpoint_s(self, number: int, work_s: float) -> float:
        """Return the last checkpoint of a job at or before a point of its work [s]."""
        if self.model[number] < 0:
            return 0.0
        factor = float(self.stretch[number])
        model = self.workload.models[self.model[number]]
        return model.last_checkpoint_s(work_s / factor) * factor

    # -- nodes -----------------------------------------------------------------------------

    def free_mask(self) -> NDArray[np.bool_]:
        """See `View.free`."""
        return self.free.copy()

    def node_codes(self) -> NDArray[np.int64]:
        """Return the state of each node as place in `NODE_STATES`."""
        taken = ~self.free.reshape(self.cluster.nodes, -1).all(axis=1)
        return np.where(taken & (self.power == _IDLE), _BUSY, self.power)

    def booting(self) -> list[tuple[int, float]]:
        """See `View.booting`."""
        return sorted(self.ready_s.items())

    def switch(self, nodes: ArrayLike, *, on: bool) -> None:
        """See `View.switch_on` and `View.switch_off`."""
        nodes = np.unique(np.asarray(nodes, dtype=np.int64))
        if not nodes.size:
            return
        if not (nodes[0] >= 0 and nodes[-1] < self.cluster.nodes):
            raise ValueError(f"nodes {nodes.tolist()} must lie in 0 to {self.cluster.nodes - 1}.")
        wanted, states = (_OFF if on else _IDLE), self.node_codes()[nodes]
        if (states != wanted).any():
            node, state = nodes[states != wanted][0], states[states != wanted][0]
            raise ValueError(
                f"node {node} is {NODE_STATES[state]}: only a node that is {NODE_STATES[wanted]} "
                f"can be switched {'on' if on else 'off'}; see node_states()."
            )
        power, now_s = self.cluster.power, self.view.now_s
        last_s = power.boot_s if on else power.shutdown_s
        if not on:
            self._usable(nodes, False)
        else:
            self.ready_s |= dict.fromkeys(nodes.tolist(), now_s + last_s)
        self._power(nodes, _BOOTING if on else _SHUTTING_DOWN)
        for node in nodes.tolist():
            self._note("switch_on" if on else "switch_off", None, float(node))
        if last_s == 0:
            self._switched(nodes, on)
            if on:  # a decision with them, as after any boot
                self.env.call_at(now_s, _WAKE, self._wake, now_s)
        else:
            after = (
                (lambda event: self._switched(event.value, True))
                if on
                else (lambda event: self._switched(event.value, False))
            )
            self.env.call_at(now_s + last_s, _RELEASE, after, nodes)

    def _switched(self, nodes: NDArray[np.int64], on: bool) -> None:
        self._power(nodes, _IDLE if on else _OFF)
        if on:
            self._usable(nodes, True)
            for node in nodes.tolist():
                del self.ready_s[node]
        self.happened = True

    def _usable(self, nodes: NDArray[np.int64], usable: bool) -> None:
        """Give the cores of nodes to jobs, or take them away."""
        self.free.reshape(self.cluster.nodes, -1)[nodes] = usable
        change = nodes.size * self.cluster.cores_per_node
        self.view.free_cores += change if usable else -change

    def _note(self, action: str, job: Job | None, value: float) -> None:
        """Write down an action and what was known, where that is wanted."""
        if self.book.record is None:
            return
        view, carbon = self.view, self.carbon
        known_g = np.nan if carbon.intensity is None else carbon.now(view.now_s)
        number = -1 if job is None else job.number
        waiting = (len(view.queue), len(view.suspended), len(view.running))
        row = (view.now_s, action, number, value, known_g, view.free_cores, *waiting)
        self.book.record.append(row)

    def _power(self, nodes: NDArray[np.int64], state: int) -> None:
        self.power[nodes] = state
        book = self.book
        for node in nodes.tolist():
            book.switch_s.append(self.view.now_s)
            book.switch_node.append(node)
            book.switch_state.append(state)

    # -- the result ------------------------------------------------------------------------

    def result(self) -> Replay:
        """Return what happened as tables."""
        runs, switches = self.book.runs(), self.book.switches()
        ends_s = [self.start_s, runs["stop_s"].max(), switches["time_s"].max()]
        return Replay(
            workload=self.workload,
            cluster=self.cluster,
            policy=_name(self.policy),
            clairvoyant=self.policy.clairvoyant,
            start_s=self.start_s,
            stop_s=float(np.nanmax(ends_s)),
            origin_s=self.carbon.origin_s,
            runs=runs,
            first_core=np.array(self.book.first_core),
            cores=np.array(self.book.cores, dtype=np.int32),
            switches=switches,
            decisions=self.decisions,
            paces=pace_table(self.book.paces),
            record=record_table(self.book.record),
            intensity=self.carbon.intensity,
        )


class _Carbon:
    """Carbon intensity in seconds of a workload, never beyond the present."""

    def __init__(
        self,
        intensity: Intensity | None,
        forecaster: Callable[[float], Intensity] | None,
        origin_s: float,
    ) -> None:
        if np.isnan(origin_s) and (intensity is not None or forecaster is not None):
            raise ValueError(
                "an intensity needs to know when second 0 of the workload is: pass origin=."
            )
        if intensity is not None:
            check_intensity(intensity)
        self.intensity, self.forecaster, self.origin_s = intensity, forecaster, origin_s
        self.edges_s = [] if intensity is None else (intensity.edges_s - origin_s).tolist()
        self.values = [] if intensity is None else intensity.intensity_g_per_kwh.tolist()

    def _step(self, now_s: float) -> int:
        if self.intensity is None:
            raise ValueError("the replay has no carbon intensity: pass intensity= to replay().")
        step = bisect_right(self.edges_s, now_s) - 1
        if not 0 <= step < len(self.values):
            self.intensity.at(self.origin_s + now_s)  # says what is covered
        return step

    def now(self, now_s: float) -> float:
        """Return the intensity at the present."""
        return self.values[self._step(now_s)]

    def next_step_s(self, now_s: float) -> float:
        """Return when the present step ends."""
        return self.edges_s[self._step(now_s) + 1]

    def step_start_s(self, now_s: float) -> float:
        """Return when the present step began."""
        return self.edges_s[self._step(now_s)]

    def observed(self, now_s: float, start_s: float, stop_s: float) -> Intensity:
        """Return the intensity of a stretch of the past."""
        self._step(now_s)
        assert self.intensity is not None  # _step said so otherwise
        if stop_s > now_s:
            raise ValueError(
                f"observed(stop_s={stop_s}) lies after now ({now_s} s): only the past is observed; "
                "ask forecast() for what is expected."
            )
        return self.intensity.window(self.origin_s + start_s, self.origin_s + stop_s)

    def forecast(self, now_s: float) -> Intensity:
        """Return what is expected at the present."""
        if self.forecaster is None:
            raise ValueError("the replay has no forecaster: pass forecaster= to replay().")
        return self.forecaster(self.origin_s + now_s)


def _name(policy: Policy) -> str:
    return policy.name or type(policy).__name__


def _check_types(workload: Workload, cluster: Cluster, policy: Policy) -> None:
    for name, value, kind, remedy in (
        ("workload", workload, Workload, "make one of a log by Workload.from_log()"),
        ("cluster", cluster, Cluster, "write Cluster(nodes, cores_per_node)"),
        ("policy", policy, Policy, "pass an instance, such as Easy()"),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name}(={value!r:.60}) must be a {kind.__name__}: {remedy}.")


def _check_fits(workload: Workload, cluster: Cluster) -> None:
    if not len(workload):
        raise ValueError(f"{workload.source or 'workload'}: there is no job to replay.")
    too_large = (workload.jobs["processors"] > cluster.cores).to_numpy()
    if too_large.any():
        row = int(np.argmax(too_large))
        raise ValueError(
            f"job {workload.label(row)} needs {workload.jobs['processors'].iloc[row]} cores, but the cluster has "
            f"{cluster.cores} ({int(too_large.sum())} such jobs): leave them out or take a larger "
            "cluster."
        )
