"""A scheduler of the mind: virtual time, and every mishap that a real one showed.

Its controller may be away, and may come back with what it knew some seconds before; a node refuses
a requeued job for a while; a job may be slower than expected. What really runs on a node and what
the controller believes are kept apart.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field

from helpers.operate.backend import Backend, Run, SchedulerError, Status, Submission
from helpers.operate.plans import Plan
from helpers.operate.queue import Queue
from helpers.operate.rules import Partition, Resources, Rules
from helpers.operate.store import Folder

REST_S = 121.0
REQUEUE_S = 121.0  # Slurm's own begin after a requeue: when the node takes the job again
NOTICES_S = 100.0  # until a controller notices that a job it believes to run does not


@dataclass
class Known:
    """What the controller knows of a job."""

    key: str
    begin_s: float
    state: str = "waiting"
    started_s: float | None = None
    restarts: int = 0
    requeued_s: float = -math.inf
    held: bool = False
    partition: str = ""
    runs: list[Run] = field(default_factory=list)


@dataclass
class FakeSlurm(Backend):
    """A cluster on which any number of jobs run."""

    folder: Folder
    plan: Plan
    now_s: float
    slow: float = 1.0
    lag_s: float = 2.0
    away: list[tuple[float, float]] = field(default_factory=list)

    name = "fake"
    rest_s = REST_S

    def __post_init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.count = 0
        self.shut: set[str] = set()
        self.seen: Queue | None = None
        self.on_node: dict[str, tuple[float, int]] = {}  # what really runs: since, checkpoints then
        self.launches: dict[str, int] = {}  # the nodes' own memory: restarts at the last launch
        self.checkpoints = 0
        self.finished_s = math.nan
        self.ends = 0
        self.work_s = 0.0
        self.zombie_since: dict[str, float] = {}
        self.past: list[tuple[float, dict[str, Known]]] = []

    # --- the world ------------------------------------------------------------------------------

    def say(self, event: str, time_s: float) -> None:
        with (self.folder.path / "events.jsonl").open("a") as file:
            file.write(f'{{"event": "{event}", "time_s": {time_s}, "restarts": 0, "note": ""}}\n')

    def advance(self, to_s: float) -> None:
        """Let the world go on to an instant."""
        self.now_s = to_s
        for job_id, job in self.known.items():
            up = not self._is_away()
            due = not job.held and to_s >= job.begin_s + self.lag_s
            if up and job.state == "waiting" and due:
                self._start(job_id, job)
        for job_id in list(self.on_node):
            self._work(job_id)
        self._notice()
        self.past = [*self.past[-30:], (to_s, copy.deepcopy(self.known))]

    def _start(self, job_id: str, job: Known) -> None:
        if self.now_s < job.requeued_s + REST_S - 1.0:  # "non-startable: credential revoked"
            job.state = "failed"
            return
        if job_id in self.launches and self.launches[job_id] == job.restarts:
            self._again(job)  # "Duplicate jobid": its node knows it, and its controller forgot
            job.held = True
            return
        self.launches[job_id] = job.restarts
        job.state, job.started_s = "running", self.now_s
        if math.isfinite(self.finished_s):  # the wrapper sees that it is finished
            job.state = "completed"
            return
        if self.on_node:  # the lock of the folder: two never run at once
            job.state = "failed"
            return
        self.on_node[job_id] = (self.now_s, self.checkpoints)
        self.say("started", self.now_s)

    def _work(self, job_id: str) -> None:
        since_s, had = self.on_node[job_id]
        marks_s = self.plan.job.work_profile.checkpoints_s
        startup_s = self.plan.job.startup_profile.duration_s
        base_s = marks_s[had - 1] if had else 0.0
        while self.checkpoints < marks_s.size:
            due_s = since_s + self.slow * (startup_s + marks_s[self.checkpoints] - base_s)
            if due_s > self.now_s:
                return
            self.checkpoints += 1
            self.say("checkpoint", due_s)
        self.finished_s = self.now_s
        self.ends += 1
        self.say("finished", self.now_s)
        self._leave(job_id)
        job = self.known.get(job_id)
        if job and not self._is_away():
            job.state = "completed"
            job.runs.append(Run(since_s, self.now_s, "COMPLETED", math.nan))

    def _leave(self, job_id: str) -> None:
        since_s, had = self.on_node.pop(job_id)
        marks_s = self.plan.job.work_profile.checkpoints_s
        kept_s = (marks_s[self.checkpoints - 1] if self.checkpoints else 0.0) - (
            marks_s[had - 1] if had else 0.0
        )
        ran_s = (self.now_s - since_s) / self.slow - self.plan.job.startup_profile.duration_s
        self.work_s += max(0.0, ran_s - kept_s)  # what is done again

    def _notice(self) -> None:
        """A controller that believes in a run that is none finds out by itself, after a while."""
        for job_id, job in self.known.items():
            if job.state != "running" or job_id in self.on_node or self._is_away():
                self.zombie_since.pop(job_id, None)
                continue
            since_s = self.zombie_since.setdefault(job_id, self.now_s)
            if self.now_s - since_s > NOTICES_S:
                self._again(job)

    def _again(self, job: Known) -> None:
        job.state, job.started_s = "waiting", None
        job.restarts += 1
        job.requeued_s = self.now_s
        job.begin_s = self.now_s + REQUEUE_S

    def _is_away(self) -> bool:
        return any(start_s <= self.now_s < stop_s for start_s, stop_s in self.away)

    def forget(self, seconds: float) -> None:
        """The controller is killed and knows what it knew so many seconds ago."""
        then = [known for time_s, known in self.past if time_s <= self.now_s - seconds]
        if not then:
            return
        self.known = copy.deepcopy(then[-1])
        for job_id in list(self.on_node):
            if self.known.get(job_id, Known("", 0)).state != "running":
                self._leave(job_id)  # the node ends what its controller does not know

    # --- the eight verbs ------------------------------------------------------------------------

    def _answer(self) -> None:
        if self._is_away():
            raise SchedulerError("no answer")

    def _job(self, job_id: str, *states: str) -> Known:
        self._answer()
        job = self.known.get(job_id)
        if job is None or job.state not in states:
            raise SchedulerError("no such job, or not now", sure=True)
        return job

    def submit(self, submission: Submission) -> str:
        self._answer()
        self.count += 1
        job = Known(submission.key, submission.begin_s)
        job.partition = submission.resources.partition or "p"
        self.known[str(self.count)] = job
        return str(self.count)

    def begin(self, job_id: str, at_s: float | None = None) -> None:
        job = self._job(job_id, "waiting")
        job.begin_s = self.now_s if at_s is None else math.ceil(at_s)

    def move(self, job_id: str, partition: str) -> None:
        job = self._job(job_id, "waiting")
        if partition in self.shut:
            raise SchedulerError("Requested operation not permitted", sure=True)
        job.partition = partition

    def requeue(self, job_id: str) -> None:
        job = self._job(job_id, "running")
        if job_id in self.on_node:
            since_s, _ = self.on_node[job_id]
            job.runs.append(Run(since_s, self.now_s, "REQUEUED", math.nan))
            self._leave(job_id)
        self._again(job)

    def cancel(self, job_id: str) -> None:
        job = self._job(job_id, "waiting", "running", "completed", "failed", "cancelled")
        if job.state in {"waiting", "running"}:
            if job_id in self.on_node:
                self._leave(job_id)
            job.state = "cancelled"

    def jobs(self) -> dict[str, list[Status]]:
        self._answer()
        found: dict[str, list[Status]] = {}
        for job_id, job in self.known.items():
            status = Status(
                job_id,
                job.key,
                job.state,
                job.begin_s,
                job.started_s,
                job.restarts,
                held=job.held,
                partition=job.partition,
            )
            found.setdefault(job.key, []).append(status)
        return found

    def runs(self, job_id: str) -> list[Run]:
        self._answer()
        return list(self.known[job_id].runs) if job_id in self.known else []

    def trial(self, resources: Resources) -> float:
        return self.now_s

    def rules(self) -> Rules:
        return Rules((Partition("p", 4, 8, default=True), Partition("q", 4, 8)))

    def queue(self) -> Queue | None:
        return self.seen
