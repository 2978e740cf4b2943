"""What a decision sees and may do: `Job`, `View`, and the `Policy` that decides.

A *policy* is a small class. Whenever something has happened (jobs ended, nodes changed state,
jobs arrived, a wake-up that it asked for) its `decide` is called once with a `View` of what is
known at that instant, and it acts through the view: start, suspend, resume, switch nodes on or
off, wake me at::

    class Fifo(Policy):
        def decide(self, view):
            for job in list(view.queue.values()):
                if job.processors > view.free_cores:
                    break
                view.start(job)

**No look into the future.** A view shows the time that jobs *asked for*, never how long they
will run; the carbon intensity up to now; and forecasts as the forecaster issues them now. A
policy that needs the true run times says so (`clairvoyant = True`) and is reported so.

**Nobody here knows an engine.** What yields views and carries out actions is a `Machine`: the
simulator (`helpers.cluster`), a live cluster, or a recording that is asked again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Intensity
from helpers.work.nodes import NODE_STATES, Cluster

__all__ = ["Job", "Machine", "Policy", "View"]


class Job:
    """What a policy may know of a job.

    Attributes
    ----------
    number : int
        Place in the workload's table, in order of submission.
    job_id, user, queue, priority, best_effort, longest_wait_s
        As in `helpers.work.workload.COLUMNS`.
    submit_s : float
        Submission [s].
    processors : int
        Cores it holds while it runs.
    requested_s : float
        Run time asked for [s], one start-up and the end included: it is killed by this.
    planned_s : float
        Run time to plan with [s]; by default the time asked for. See `View.plan`.
    startup_s : float
        Start-up at every start and resume [s].
    power_w : float
        Mean power while it works [W], all processors together.
    state : {"queued", "running", "saving", "suspended", "ended"}
        What it is doing. While "saving" it still holds its cores.
    start_s : float
        First start [s]; NaN before.
    run_start_s : float
        Start of its present or last run [s]; NaN before the first.
    expected_end_s : float
        When its run ends if it takes the time planned [s]; inf unless running.
    cap_w : float
        Power cap of its present run [W]; inf without one.
    kept_s : float
        Work that need not be done again [s].
    ran_s : float
        Time of earlier runs [s], start-ups and lost work included.
    resumes : int
        How often it was resumed.
    cores : ndarray of int or None
        Numbers of the cores it holds.
    """

    __slots__ = (
        "_run_s",
        "best_effort",
        "cap_w",
        "cores",
        "expected_end_s",
        "job_id",
        "kept_s",
        "longest_wait_s",
        "number",
        "planned_s",
        "power_w",
        "priority",
        "processors",
        "queue",
        "ran_s",
        "requested_s",
        "resumes",
        "run_start_s",
        "start_s",
        "startup_s",
        "state",
        "submit_s",
        "user",
    )

    def __init__(
        self,
        number: int,
        job_id: Any,
        submit_s: float,
        requested_s: float,
        planned_s: float,
        processors: int,
        user: str,
        queue: str,
        priority: float,
        best_effort: bool,
        longest_wait_s: float,
        startup_s: float,
        power_w: float,
        run_s: float | None,
    ) -> None:
        # Fourteen parameters: one for each fact of a job, in the order of the workload's columns.
        # Engines make a job for each row; a record in between would be made only to be taken apart.
        self.number = number
        self.job_id = job_id
        self.submit_s = submit_s
        self.requested_s = requested_s
        self.planned_s = planned_s
        self.processors = processors
        self.user = user
        self.queue = queue
        self.priority = priority
        self.best_effort = best_effort
        self.longest_wait_s = longest_wait_s
        self.startup_s = startup_s
        self.power_w = power_w
        self._run_s = run_s
        self.state = "queued"
        self.start_s = self.run_start_s = np.nan
        self.expected_end_s = np.inf
        self.kept_s = self.ran_s = 0.0
        self.resumes = 0
        self.cap_w = np.inf
        self.cores: NDArray[np.int64] | None = None

    @property
    def left_s(self) -> float:
        """How long its next run lasts by the time planned [s], start-up included."""
        return max(self.planned_s - self.kept_s, 0.0)

    @property
    def limit_s(self) -> float:
        """Longest its next run may last by the time asked for [s], start-up included."""
        return max(self.requested_s - self.kept_s, 0.0)

    @property
    def latest_start_s(self) -> float:
        """When it has waited as long as its user accepts [s]; inf without limit."""
        return self.submit_s + self.longest_wait_s

    @property
    def run_s(self) -> float:
        """True work [s], for clairvoyant policies only.

        Raises
        ------
        RuntimeError
            If the policy does not declare ``clairvoyant = True``.
        """
        if self._run_s is None:
            raise RuntimeError(
                f"the true run time of job {self.job_id!r} is not known before it ends: use "
                "requested_s, or set clairvoyant = True on the policy, which says so in results."
            )
        return self._run_s

    def __repr__(self) -> str:
        return (
            f"Job({self.job_id!r}, {self.state}, {self.processors} processors, submitted "
            f"{self.submit_s:g} s, requested {self.requested_s:g} s)"
        )


class Policy:
    """What decides. Subclass it and write `decide`.

    Attributes
    ----------
    name : str
        Its name in results; by default that of the class.
    clairvoyant : bool
        True if it reads true run times.
    """

    name: str = ""
    clairvoyant: bool = False

    def begin(self, view: View) -> None:
        """Forget earlier replays; called once before the first decision of each."""

    def decide(self, view: View) -> None:
        """Act on what is known now; called once after everything that happens at an instant.

        The last decision is that at the end of the last job.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method decide(self, view).")

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change what is known of a job that waits, and let it wait where it then belongs.

        What a policy wrote down when the job came must follow. `helpers.decide.explain` asks
        so what a decision would have been.

        Parameters
        ----------
        job : Job
            A job that waits and was seen by `decide`.
        change : callable
            Makes the change.

        Raises
        ------
        NotImplementedError
            If the policy cannot; then no such question can be asked of it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no method amend(self, job, change): it cannot be asked "
            "what it would do with another job."
        )

    def reconsider(self) -> None:
        """Drop what was concluded from the present carbon intensity: it is asked for again."""


class Machine(Protocol):
    """What stands behind a view: it says what is known and carries out what is decided.

    Times are seconds since second 0 of the workload [s]. The simulator is one (`helpers.cluster`);
    a live cluster or a recording can be another.
    """

    saving_s: float
    carbon: Any

    def free_mask(self) -> NDArray[np.bool_]:
        """Return for each core whether it could take a job now, shape (cores,); a copy."""

    def node_codes(self) -> NDArray[np.int64]:
        """Return the state of each node as place in `NODE_STATES`, shape (nodes,)."""

    def booting(self) -> list[tuple[int, float]]:
        """Return the nodes that boot, in order, each with the time when it is on [s]."""

    def suspendable_s(self, job: Job) -> float:
        """Return from when on a running job may be suspended [s]; inf for never in this run."""

    def kept_s(self, job: Job, save: bool) -> float:
        """Return the work that a running job would keep if it were suspended now [s]."""

    def start(self, job: Job, cores: ArrayLike | None, transition_s: float) -> None:
        """Start or resume a job."""

    def suspend(self, job: Job, save: bool) -> None:
        """Suspend a running job."""

    def cap(self, job: Job, power_w: float) -> None:
        """Cap the power of a running job [W]."""

    def plan(self, job: Job, planned_s: float) -> None:
        """Plan with another run time [s]."""

    def switch(self, nodes: ArrayLike, *, on: bool) -> None:
        """Boot nodes or shut them down."""

    def wake_at(self, time_s: float) -> None:
        """Ask for a decision at a later time [s]."""


class View:
    """What a policy sees at an instant, and how it acts.

    Attributes
    ----------
    now_s : float
        The present [s since second 0].
    cluster : Cluster
        The machine.
    queue : mapping of int to Job
        Jobs that never started, by number, in order of submission. Changes as jobs start:
        loop over ``list(view.queue.values())`` or take the first again and again.
    running : mapping of int to Job
        Jobs that hold cores, by number, in order of their start; those that save included.
    suspended : mapping of int to Job
        Jobs that wait to be resumed, by number, in order of suspension.
    releases : sequence of (float, int, int)
        Expected end [s], number and processors of each job that holds cores, sorted. A job
        that has run past its planned time stands there with an end before now.
    free_cores : int
        Cores that could take a job now: free, on nodes that are on.
    arrived, ended, late : list of Job
        Jobs submitted, jobs that ended, and jobs that ran past the time planned for them, since
        the last decision.
    site : str
        Name of the machine, where there are several.
    """

    __slots__ = (
        "_machine",
        "arrived",
        "cluster",
        "ended",
        "free_cores",
        "late",
        "now_s",
        "queue",
        "releases",
        "running",
        "site",
        "suspended",
    )

    def __init__(self, machine: Machine, cluster: Cluster, site: str = "") -> None:
        self._machine = machine
        self.site = site
        self.now_s = -np.inf
        self.cluster = cluster
        self.queue: OrderedDict[int, Job] = OrderedDict()
        self.running: dict[int, Job] = {}
        self.suspended: dict[int, Job] = {}
        self.releases: list[tuple[float, int, int]] = []
        self.free_cores = cluster.cores
        self.arrived: list[Job] = []
        self.ended: list[Job] = []
        self.late: list[Job] = []

    # -- what is known ---------------------------------------------------------------------

    def free(self) -> NDArray[np.bool_]:
        """Return for each core whether it could take a job now, shape (cores,); a copy."""
        return self._machine.free_mask()

    def node_states(self) -> NDArray[np.str_]:
        """Return the state of each node, shape (nodes,): one of `NODE_STATES`."""
        return np.array(NODE_STATES)[self._machine.node_codes()]

    @property
    def booting(self) -> list[tuple[int, float]]:
        """Nodes that boot, in order, each with the time when it is on [s]."""
        return self._machine.booting()

    @property
    def saving_s(self) -> float:
        """How long a job holds its cores to save its state when it is suspended [s]."""
        return self._machine.saving_s

    @property
    def epoch_s(self) -> float:
        """The present as epoch second [s]; needs an origin."""
        return self._machine.carbon.origin_s + self.now_s

    @property
    def intensity_g_per_kwh(self) -> float:
        """Carbon intensity now [g CO2e/kWh]."""
        return self._machine.carbon.now(self.now_s)

    @property
    def next_step_s(self) -> float:
        """When the carbon intensity has its next step [s]: when, not which."""
        return self._machine.carbon.next_step_s(self.now_s)

    @property
    def step_start_s(self) -> float:
        """Since when the carbon intensity has been what it is [s]."""
        return self._machine.carbon.step_start_s(self.now_s)

    def observed(self, start_s: float, stop_s: float | None = None) -> Intensity:
        """Return the carbon intensity observed on [start_s, stop_s] [s since second 0].

        Parameters
        ----------
        start_s : float
            Where to begin.
        stop_s : float, optional
            Where to end; by default now.

        Raises
        ------
        ValueError
            If it would reach beyond now, begins before the coverage, or is empty.
        """
        stop_s = self.now_s if stop_s is None else stop_s
        return self._machine.carbon.observed(self.now_s, start_s, stop_s)

    def forecast(self, issued_s: float | None = None) -> Intensity:
        """Return what the forecaster expects, in UTC time.

        Parameters
        ----------
        issued_s : float, optional
            When the forecast was issued [s], now or earlier; by default now.

        Raises
        ------
        ValueError
            If the replay has no forecaster, or `issued_s` lies after now.
        """
        issued_s = self.now_s if issued_s is None else issued_s
        if issued_s > self.now_s:
            raise ValueError(f"forecast(issued_s={issued_s}) lies after now ({self.now_s} s).")
        return self._machine.carbon.forecast(issued_s)

    def suspendable_s(self, job: Job) -> float:
        """Return from when on a running job may be suspended [s]; inf for never in this run."""
        return self._machine.suspendable_s(job)

    def may_suspend(self, job: Job) -> bool:
        """Tell whether the workload's `Suspension` allows to suspend a running job now.

        Who is refused for the time being is asked again when the answer changes: a policy that
        waits for a job to have run long enough need not remember to wake.
        """
        from_s = self._machine.suspendable_s(job)
        if self.now_s < from_s < np.inf:
            self._machine.wake_at(from_s)
        return self.now_s >= from_s

    # -- what can be done ------------------------------------------------------------------

    def start(self, job: Job, cores: ArrayLike | None = None, *, transition_s: float = 0.0) -> None:
        """Start a job of the queue.

        Parameters
        ----------
        job : Job
            A job of `queue`.
        cores : array_like of int, optional
            Which cores, as many as its processors; by default the lowest-numbered free ones.
        transition_s : float
            Time before its start-up in which it holds its cores and draws its mean power [s].

        Raises
        ------
        ValueError
            If it is not queued, or the cores are not free.
        """
        if job.state != "queued":
            raise ValueError(f"{job!r} cannot start: only a queued job can; see also resume().")
        self._machine.start(job, cores, transition_s)

    def resume(
        self, job: Job, cores: ArrayLike | None = None, *, transition_s: float = 0.0
    ) -> None:
        """Resume a suspended job, on any cores; see `start`."""
        if job.state != "suspended":
            raise ValueError(f"{job!r} cannot resume: only a suspended job can.")
        self._machine.start(job, cores, transition_s)

    def suspend(self, job: Job, *, save: bool = True) -> None:
        """Suspend a running job.

        Parameters
        ----------
        job : Job
            A job that runs.
        save : bool
            True: the job saves its state (phases of the workload's `Suspension`, while it
            still holds its cores) and keeps what that says. False: it stops at once and keeps
            work up to its last checkpoint only, nothing if it has none.

        Raises
        ------
        ValueError
            If it does not run, or the workload's `Suspension` forbids it (`may_suspend`).
        """
        self._machine.suspend(job, save)

    def cap(self, job: Job, power_w: float) -> None:
        """Cap the power of a running job; its pace changes as the workload's `Throttle` says.

        Parameters
        ----------
        job : Job
            A job that runs.
        power_w : float
            The cap [W], all processors together, > 0; inf lifts it. It ends with the run:
            saving is not capped, and a resumed job begins without one.

        Raises
        ------
        ValueError
            If it does not run, the cap is not > 0, or the workload has no `Throttle`.
        """
        self._machine.cap(job, power_w)

    def plan(self, job: Job, planned_s: float) -> None:
        """Plan with another run time from now on; the time it is killed at stays.

        A job that waits must not stand in a policy's line yet: a line is ordered when it is
        joined.

        Parameters
        ----------
        job : Job
            A job that waits or runs.
        planned_s : float
            Run time to plan with [s], one start-up and the end included, > 0.

        Raises
        ------
        ValueError
            If it has ended, or `planned_s` is not finite and > 0.
        """
        self._machine.plan(job, planned_s)

    def switch_on(self, nodes: ArrayLike) -> None:
        """Boot nodes that are off; after the cluster's `boot_s` they take jobs.

        Raises
        ------
        ValueError
            If one of them is not off.
        """
        self._machine.switch(nodes, on=True)

    def switch_off(self, nodes: ArrayLike) -> None:
        """Shut nodes down that are idle; at once they take no more jobs.

        Raises
        ------
        ValueError
            If one of them is not idle.
        """
        self._machine.switch(nodes, on=False)

    def expect_end(self, job: Job, time_s: float) -> None:
        """Note when a job is expected to free its cores [s]; inf when it holds none.

        For engines: what `releases` and `Job.expected_end_s` tell is kept in step here.
        """
        entry = (job.expected_end_s, job.number, job.processors)
        if entry[0] < np.inf:
            del self.releases[bisect_left(self.releases, entry)]
        job.expected_end_s = time_s
        if time_s < np.inf:
            insort(self.releases, (time_s, job.number, job.processors))

    def wake_at(self, time_s: float) -> None:
        """Ask for a decision at a later time [s], whatever happens until then.

        After the end of the last job there are no more decisions.

        Raises
        ------
        ValueError
            If `time_s` is not later than now.
        """
        self._machine.wake_at(time_s)
