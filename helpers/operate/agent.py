"""The agent: it senses, decides, acts, and may die at any moment.

**Nothing is ever held.** A waiting job always has a begin time no later than the last moment that
meets its deadline. By default it is the planned start of the next run: if the agent dies, the job
still starts in its clean hours, and then runs on without a pause.

**Decisions are a pure function.** `decide` takes what is seen (`Sight`) and returns one `Action`.
All it goes by is rebuilt from the scheduler, from what the job said and from the journal, so an
agent that was killed goes on where it was.

**Actions are idempotent and journalled.** Each is written down before and after. A job is found
by its key, never by a number alone: a controller that was killed right after a submission has
forgotten the job, and the agent hands it over again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.operate.backend import Backend, Run, SchedulerError, Status
from helpers.operate.estimates import last_moment_s
from helpers.operate.job import Event, read_events
from helpers.operate.link import Link
from helpers.operate.migration import SOON_S, migrate
from helpers.operate.plans import Plan, iso
from helpers.operate.receipts import runs_said, write_receipt
from helpers.operate.revisions import Revision, revise
from helpers.operate.store import (
    Entry,
    Folder,
    folders,
    journal,
    only_agent,
    read_journal,
    state_folder,
)

__all__ = ["Action", "Agent", "Settings", "Sight", "decide"]

Kind = Literal["submit", "begin", "move", "requeue", "cancel", "look", "finish", "wait"]

_MOST_SUBMISSIONS = 10
"""After so many submissions that were all forgotten somebody should look."""

_BREATH_S = 1.0
_FORECAST_BREATH_S = 60.0
"""However much others say: between two looks at the queue, and at forecasts [s]."""

_GOES_ON = ("REQUEUED", "PREEMPTED", "NODE_FAIL")
"""States in which a run ended, but not its job."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How an agent goes about it.

    Parameters
    ----------
    switch : {"planned start", "last moment"}
        When a waiting job starts by itself if the agent does nothing.
    poll_s : float
        Time between two looks at the scheduler when nothing is due [s].
    tick_s : float
        Time between two looks at what jobs said [s].
    lead_s : float
        How long before a planned start the scheduler is told [s].
    patience_s : float
        How long a job that was handed over may be missing before it is handed over again [s].
    silent_s : float
        How long a run may say nothing at all, not even that it started, before it is taken for
        one that only its controller believes in [s]; longer than any prolog.
    replan_s : float
        Time between two looks at what is expected of the grid, for jobs that wait [s].
    migrate : bool
        Whether jobs that wait may be moved to another partition (see `helpers.operate.migration`).
    """

    switch: Literal["planned start", "last moment"] = "planned start"
    poll_s: float = 15.0
    tick_s: float = 1.0
    lead_s: float = 0.0
    patience_s: float = 30.0
    silent_s: float = 600.0
    replan_s: float = 3600.0
    migrate: bool = False

    def __post_init__(self) -> None:
        if self.switch not in {"planned start", "last moment"}:
            raise ValueError(f"switch(={self.switch!r}) must be 'planned start' or 'last moment'.")
        for name in ("poll_s", "tick_s", "patience_s", "silent_s", "replan_s"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name}(={getattr(self, name)}) must be finite and > 0.")


@dataclass(frozen=True, eq=False)
class Sight:
    """What is seen of one job.

    Parameters
    ----------
    now_s : float
        The present [s].
    plan : Plan
        Its plan.
    statuses : sequence of Status
        What the scheduler knows under its key; more than one after a mishap.
    events : sequence of Event
        What it said.
    journal : sequence of Entry
        What was done.
    runs : sequence of Run or None
        What the scheduler accounted for; None when it was not asked.
    rest_s : float
        How long after a requeue the job must not be started again [s].
    missing_s : float or None
        Since when the scheduler, asked again and again, knows no job of this key [s].
    """

    now_s: float
    plan: Plan
    statuses: Sequence[Status] = ()
    events: Sequence[Event] = ()
    journal: Sequence[Entry] = ()
    runs: Sequence[Run] | None = None
    rest_s: float = 0.0
    missing_s: float | None = None

    def rested_s(self, status: Status) -> float:
        """Return when a requeued job may be started again [s].

        When it was requeued is not known to the second (a node may have failed), so its rest is
        counted from the first time that its begin was set afterwards, or from now.
        """
        if not status.restarts:
            return -math.inf
        begun = [
            e.time_s
            for e in self.journal
            if e.what == "begin"
            and e.result == "done"
            and (e.job_id, e.restarts) == (status.job_id, status.restarts)
        ]
        return self.rest_s + (begun[0] if begun else self.now_s)

    def checkpoints(self, until_s: float = math.inf) -> int:
        """Return how many checkpoints were done by an instant."""
        return sum(e.event == "checkpoint" and e.time_s <= until_s for e in self.events)

    @property
    def kept_s(self) -> float:
        """Work that is kept [s]."""
        return self.plan.kept_s(self.checkpoints())

    @property
    def last_moment_s(self) -> float:
        """The last moment to go on [s], by the plan and by how fast the job has been."""
        return last_moment_s(self.plan, self.events)

    @property
    def missed(self) -> int:
        """How many runs of the plan are past whose work was not done."""
        schedule = self.plan.schedule
        past = (schedule.stop_s <= self.now_s) & (schedule.work_to_s > self.kept_s + 1e-6)
        return int(past.sum())

    @property
    def finished(self) -> bool:
        """Whether the job said that it has finished."""
        return any(e.event == "finished" for e in self.events)

    def next_run(self, kept_s: float, from_s: float) -> int | None:
        """Return the run of the plan that comes next; None when all of them are past."""
        schedule = self.plan.schedule
        open_ = (schedule.work_to_s > kept_s + 1e-6) & (schedule.stop_s > from_s)
        left = np.flatnonzero(open_)
        return int(left[0]) if left.size else None


@dataclass(frozen=True, slots=True)
class Action:
    """What to do about one job.

    Parameters
    ----------
    kind : str
        ``submit``, ``begin``, ``move``, ``requeue``, ``cancel``, ``look`` (ask the accounting),
        ``finish`` (write the receipt) or ``wait``.
    why : str
        Reason, for people.
    job_id : str
        Which job.
    at_s : float or None
        For ``submit`` and ``begin``: when it starts by itself [s]; None for now.
    until_s : float
        For ``wait``: when to look again at the latest [s].
    partition : str
        For ``submit`` and ``move``: where to.
    """

    kind: Kind
    why: str
    job_id: str = ""
    at_s: float | None = None
    until_s: float = math.inf
    partition: str = ""


def decide(sight: Sight, settings: Settings | None = None) -> Action:
    """Return what to do about one job now.

    Parameters
    ----------
    sight : Sight
        What is seen.
    settings : Settings, optional
        How to go about it.
    """
    settings = settings or Settings()
    dropped = {e.job_id for e in sight.journal if e.what == "cancel"}
    statuses = sorted(
        sight.statuses, key=lambda s: (s.state != "running", s.held, int(s.job_id))
    )  # the first is the one to keep
    alive = [status for status in statuses if not status.over]
    over = [status for status in statuses if status.over and status.job_id not in dropped]
    completed = [status for status in over if status.state == "completed"]
    if len(alive) > 1:
        return _cancel(sight, settings, alive[1], "it was handed over twice")
    if alive and (completed or (sight.finished and alive[0].state == "waiting")):
        return _cancel(sight, settings, alive[0], "it has finished already")
    if completed or (over and sight.finished):
        return Action("finish", "completed", (completed or over)[-1].job_id)
    if not alive and not over:
        return _missing(sight, settings)
    if not alive:
        return _ended(sight, over[-1], settings)
    status = alive[0]
    if status.held:
        why = f"its scheduler holds it for ever ({status.reason}): it is handed over again"
        return _cancel(sight, settings, status, why)
    if status.state == "waiting":
        return _waiting(sight, status, settings)
    if status.state == "running":
        return _running(sight, status, settings)
    return Action("wait", f"the scheduler says {status.reason!r}")


def _cancel(sight: Sight, settings: Settings, status: Status, why: str) -> Action:
    """Forget a job, once: what was asked for a moment ago is given the time to happen."""
    asked = [e.time_s for e in sight.journal if (e.what, e.job_id) == ("cancel", status.job_id)]
    if asked and sight.now_s < (again_s := asked[-1] + settings.patience_s):
        return Action("wait", "it was asked to go", until_s=again_s)
    return Action("cancel", why, status.job_id)


_FOR_GOOD = ("TimeLimit", "OutOfMemory", "DeadLine", "BadConstraints")
"""Reasons, in a scheduler's words, for which a job that failed would fail again."""


def _ended(sight: Sight, status: Status, settings: Settings) -> Action:
    """Its last job has ended, and not well: because of itself, or of its scheduler.

    A controller that is killed and comes back with what it knew some seconds before ends jobs whose
    start it has forgotten, and takes its own signal of a requeue for their end. The script has not
    failed then (it would have said so), and goes on from its last checkpoint as a new job.
    """
    since_s = max((e.time_s for e in sight.events if e.event == "started"), default=-math.inf)
    failed = any(e.event == "failed" and e.time_s >= since_s for e in sight.events)
    asked = any(
        e.what == "requeue" and (e.job_id, e.restarts) == (status.job_id, status.restarts)
        for e in sight.journal
    )
    innocent = (asked or status.state == "failed") and status.reason not in _FOR_GOOD
    if failed or not innocent:
        return Action("finish", status.state, status.job_id)
    return _again(sight, settings, status.job_id, "it was ended by no fault of its own")


def _again(sight: Sight, settings: Settings, job_id: str, why: str) -> Action:
    """Hand a job over again, once it is sure that it must be."""
    handed = [e for e in sight.journal if e.what == "submit"]
    # A controller that has just come back may answer before it knows its jobs.
    since_s = sight.now_s if sight.missing_s is None else sight.missing_s
    since_s = max([since_s, *(e.time_s for e in handed)])
    again_s = since_s + max(settings.patience_s, sight.rest_s)
    if sight.now_s < again_s:
        return Action("wait", "it may still appear", until_s=again_s)
    if sum(e.result != "intended" for e in handed) >= _MOST_SUBMISSIONS:
        return Action("finish", f"handed over {_MOST_SUBMISSIONS} times, never kept", job_id)
    return _submit(sight, settings, why)


def _submit(sight: Sight, settings: Settings, why: str) -> Action:
    """Hand a job over, to the partition that the plan in force names."""
    asked = sight.plan.resources
    where = asked.partition if asked is not None and asked.partition else ""
    return Action("submit", why, at_s=_due(sight, settings)[1], partition=where)


def _due(sight: Sight, settings: Settings) -> tuple[float, float]:
    """When the next run is due, and when it starts by itself if nobody acts [s]."""
    last_s = sight.last_moment_s
    run = sight.next_run(sight.kept_s, sight.now_s)
    start_s = sight.now_s if run is None else float(sight.plan.schedule.start_s[run])
    due_s = min(start_s, last_s)
    return due_s, due_s if settings.switch == "planned start" else last_s


def _missing(sight: Sight, settings: Settings) -> Action:
    """The scheduler knows no job under this key."""
    handed = [e for e in sight.journal if e.what == "submit"]
    dropped = {e.job_id for e in sight.journal if e.what == "cancel"}
    known = [e.job_id for e in handed if e.job_id and e.job_id not in dropped]
    latest = known[-1] if known else ""
    if sight.finished:
        return Action("finish", "completed", latest)
    if not handed:
        return _submit(sight, settings, "planned")
    seen_to_go = {status.job_id for status in sight.statuses if status.over} & dropped
    if not known and handed[-1].result == "done" and handed[-1].job_id in seen_to_go:
        return _submit(sight, settings, "it was dropped, and did not finish")
    if known and sight.runs is None:
        return Action("look", "it is not in the queue", latest)
    runs = sight.runs or ()
    if runs and all(math.isfinite(run.stop_s) for run in runs):
        state = runs[-1].state
        if not state.startswith(_GOES_ON):
            return Action("finish", state.lower(), latest)
    if sight.events and sight.events[-1].event == "failed":
        return Action("finish", "failed", latest)
    return _again(sight, settings, latest, "the scheduler has forgotten it")


def _elsewhere(sight: Sight, status: Status) -> str:
    """The partition to which the plan in force moves a job; empty if it stays where it is.

    It is moved once. A refusal is the scheduler's last word; and a job that is not where it was
    last put was moved by somebody who knows why.
    """
    asked = sight.plan.resources
    target = asked.partition if asked is not None else None
    if not target or not status.partition or target in status.partition.split(","):
        return ""
    moves = [e for e in sight.journal if (e.what, e.job_id) == ("move", status.job_id)]
    if any(e.partition == target and e.result.startswith("refused") for e in moves):
        return ""
    put = [e for e in sight.journal if e.what == "submit"]
    put += [e for e in moves if e.result == "done"]
    return "" if not put or put[-1].partition == target else target


def _waiting(sight: Sight, status: Status, settings: Settings) -> Action:
    if target := _elsewhere(sight, status):
        why = f"it is planned in partition {target}"
        return Action("move", why, status.job_id, partition=target)
    due_s, switch_s = _due(sight, settings)
    rested_s = sight.rested_s(status)
    due_s, switch_s = max(due_s, rested_s), max(switch_s, rested_s)
    told_s = max(due_s - settings.lead_s, sight.plan.release_s, rested_s)
    if sight.now_s >= min(told_s, due_s):
        if status.begin_s > sight.now_s:
            return Action("begin", f"its run is due at {iso(due_s)}", status.job_id)
        return Action("wait", "it may start; the scheduler has the word")
    if abs(status.begin_s - math.ceil(switch_s)) > 1.5:  # schedulers keep whole seconds
        return Action(
            "begin", f"by itself it starts at {iso(switch_s)}", status.job_id, at_s=switch_s
        )
    return Action("wait", f"its run is due at {iso(due_s)}", until_s=min(told_s, due_s))


def _running(sight: Sight, status: Status, settings: Settings) -> Action:
    plan, now_s = sight.plan, sight.now_s
    started_s = status.started_s or now_s
    if sight.finished:
        over_s = max(e.time_s for e in sight.events if e.event == "finished") + settings.patience_s
        if now_s < over_s:
            return Action("wait", "it has just finished", until_s=over_s)
        return _cancel(sight, settings, status, "it has finished, but the controller forgot")
    asked = [
        e.time_s
        for e in sight.journal
        if e.what == "requeue" and (e.job_id, e.restarts) == (status.job_id, status.restarts)
    ]
    if asked and not any(e.time_s > asked[-1] for e in sight.events):
        # A controller that was killed just then may believe for ever that the job runs.
        again_s = asked[-1] + settings.patience_s
        if now_s < again_s:
            return Action("wait", "it was asked to end", until_s=again_s)
        return Action("requeue", "it was asked to end and says nothing since", status.job_id)
    if not any(e.time_s >= started_s - 2.0 for e in sight.events):  # Slurm tells whole seconds
        until_s = started_s + settings.silent_s
        if now_s < until_s:
            return Action("wait", "it has not said yet that it started", until_s=until_s)
        return Action("requeue", "it runs by its controller's word alone", status.job_id)
    said = [e for e in sight.events if e.event == "checkpoint" and e.time_s >= started_s]
    if not said:
        return Action("wait", "it has reached no checkpoint in this run")
    marks_s = plan.job.work_profile.checkpoints_s
    done = min(sight.checkpoints(), marks_s.size)
    before_s = float(marks_s[done - 2]) if done > 1 else 0.0
    interval_s = float(marks_s[done - 1]) - before_s if done else 0.0
    if now_s - said[-1].time_s > max(1.0, 0.25 * interval_s):
        return Action("wait", "a pause now would lose work: it waits for the next checkpoint")
    if (
        (why := _limit_near(sight, started_s, interval_s))
        or (why := _pause_due(sight, started_s, said[-1].time_s, interval_s))
        or (why := _move_due(sight, status))
    ):
        return Action("requeue", why, status.job_id)
    return Action("wait", "it runs as planned")


def _limit_near(sight: Sight, started_s: float, interval_s: float) -> str:
    """Whether the time limit would end this run before its next checkpoint and before its end."""
    if sight.plan.resources is None:
        return ""
    left_s = started_s + sight.plan.resources.wall_s - sight.now_s
    whole_s = sight.plan.stretch * (
        sight.plan.job.attempt(sight.kept_s).duration_s - sight.plan.job.startup_profile.duration_s
    )
    if whole_s > left_s and sight.plan.stretch * interval_s + 30.0 > left_s:
        return "its time limit is nearer than its next checkpoint: it goes on in a new run"
    return ""


def _pause_due(sight: Sight, started_s: float, said_s: float, interval_s: float) -> str:
    """Whether the plan pauses at the checkpoint that was just reached.

    It pauses where the plan does: at the checkpoint that the plan names, or at a later one of a job
    that is faster than planned and still in its clean hours. A run that is so late that a
    checkpoint comes a whole interval after its planned end pauses there, before its work is done:
    its clean hours are over, and what is left is done in the next run's. So two intervals of delay
    cost one checkpoint, three cost two, and less than two cost none.
    """
    schedule = sight.plan.schedule
    kept_at_start_s = sight.plan.kept_s(sight.checkpoints(started_s))
    run = sight.next_run(kept_at_start_s, started_s)
    if run is None or run == schedule.resumes:
        return ""
    stop_s, until_s = float(schedule.stop_s[run]), float(schedule.work_to_s[run])
    reached = sight.kept_s >= until_s - 1e-6 and said_s >= stop_s - interval_s / 2
    overdue = said_s >= stop_s + interval_s
    if not (reached or overdue):
        return ""
    startup_s = sight.plan.job.startup_profile.duration_s
    resume_s = min(float(schedule.start_s[run + 1]), sight.last_moment_s)
    if resume_s - sight.now_s <= max(startup_s, sight.rest_s):
        return ""  # too late: to start again would take longer than the pause
    if not reached:
        late_s = said_s - stop_s
        return (
            f"it is late: its run was to end {late_s:.0f} s ago, and pauses until {iso(resume_s)}"
        )
    return f"the plan pauses at {iso(stop_s)} until {iso(resume_s)}"


def _move_due(sight: Sight, status: Status) -> str:
    """Whether a run gives way at its checkpoint because its job is moved to another partition."""
    target = _elsewhere(sight, status)
    if not target or sight.now_s + sight.rest_s > sight.last_moment_s:
        return ""  # to start again would cost the deadline
    return f"it moves to partition {target}"


def _since(events: list[Event], checkpoints: int) -> list[Event]:
    """What a job said, without its first checkpoints, which its plan counts no more."""
    kept = []
    for event in events:
        if event.event == "checkpoint" and checkpoints:
            checkpoints -= 1
        else:
            kept.append(event)
    return kept


@dataclass
class Agent:
    """Carries out all plans of a user on one back end.

    Parameters
    ----------
    backend : Backend
        The scheduler.
    state : Path
        Where the jobs' folders lie.
    settings : Settings
        How to go about it.
    intensity : callable, optional
        Returns the intensity of a zone from one instant [s] to another, for receipts.
    forecast : callable, optional
        Returns what is now expected of the grid for a plan from one instant [s] to another, or
        None; jobs that wait are then planned anew when it has changed, or when a run was missed.
    report : callable
        Told every action and every trouble, for people.
    link : Link
        Whom it hears and tells; by default nobody.
    clock, sleep : callable
        The present [s], and how to wait.
    """

    backend: Backend
    state: Path = field(default_factory=state_folder)
    settings: Settings = field(default_factory=Settings)
    intensity: Callable[[str, float, float], Intensity] | None = None
    forecast: Callable[[Plan, float, float], Intensity | None] | None = None
    report: Callable[[str], None] = lambda _: None
    link: Link = field(default_factory=Link)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self._force: dict[str, Revision] = {}
        self._stamps: dict[str, tuple[str, int, int]] = {}
        self._planned_s: dict[str, float] = {}
        self._missed: dict[str, int] = {}
        self._looked_s = -math.inf
        self._jobs: dict[str, list[Status]] = {}
        self._sizes: dict[str, int] = {}
        self._due_s = -math.inf
        self._rest_s = 0.0
        self._missing_s: dict[str, float | None] = {}

    def run(self, *, until_empty: bool = False) -> None:
        """Carry out plans until interrupted, or until no job is left.

        Raises
        ------
        RuntimeError
            If another agent is at work for this user.
        """
        with only_agent(self.state):
            while True:
                left = self.step()
                if until_empty and not left:
                    return
                self.sleep(self.settings.tick_s)

    def step(self) -> int:
        """Look, decide and act once; return how many jobs are not over yet."""
        open_ = [folder for folder in folders(self.state) if not folder.over]
        now_s = self.clock()
        news = [self._said_more(folder) for folder in open_]
        self._hear(open_, now_s)
        due = now_s >= min(self._due_s, self._looked_s + self.settings.poll_s)
        if not (due or any(news)):
            return len(open_)
        try:
            self._rest_s = self.backend.rest_s
            self._jobs = self.backend.jobs()
        except SchedulerError as error:
            self._trouble("no look at the queue", error)
            self._looked_s = now_s  # it is asked again after the usual time, not at once
            self._due_s = now_s + min(2.0, self.settings.poll_s)
            return len(open_)
        self.link.saw(self._jobs)
        self._looked_s = now_s
        self._due_s = math.inf
        for folder in open_:
            try:
                self._note_missing(folder, now_s)
                self._carry_out(folder)
            except (ValueError, OSError) as error:  # one spoiled folder must not stop the others
                self._trouble(folder.key, error)
        return len([folder for folder in open_ if not folder.over])

    def hand_over(self, folder: Folder) -> Status | None:
        """Hand a job over at once, unless the scheduler has it already, and return that job.

        Raises
        ------
        SchedulerError
            If it is refused, or there is no answer.
        """
        self._jobs = self.backend.jobs()
        known = self._jobs.get(folder.key)
        if known:
            return known[-1]
        action = decide(self._sight(folder), self.settings)
        if action.kind != "submit":
            return None
        self._act(folder, action, 0, stubborn=False)
        found = self.backend.jobs().get(folder.key)
        return found[-1] if found else None

    def _said_more(self, folder: Folder) -> bool:
        try:
            size = (folder.path / "events.jsonl").stat().st_size
        except OSError:
            size = 0
        news = size != self._sizes.get(folder.key, 0)
        self._sizes[folder.key] = size
        if news:
            self.link.said(folder, size)
        return news

    def _hear(self, open_: Sequence[Folder], now_s: float) -> None:
        """Look sooner at what others speak of; only what is then seen counts."""
        heard = self.link.heard()
        soon_s = max(now_s, self._looked_s + _BREATH_S)
        for folder in open_:
            if folder.key in heard.jobs:
                self._due_s = min(self._due_s, soon_s)
            force = self._force.get(folder.key)
            if force is None or force.plan.zone not in heard.zones:
                continue
            planned_s = self._planned_s.get(folder.key, now_s)
            if now_s >= planned_s + min(_FORECAST_BREATH_S, self.settings.replan_s):
                self._planned_s[folder.key] = now_s - self.settings.replan_s
                self._due_s = min(self._due_s, soon_s)

    def _note_missing(self, folder: Folder, now_s: float) -> None:
        """Remember since when the scheduler has no job of a key that still may run.

        It is written down, too: an agent that is killed again and again, each time sooner than its
        patience ends, would never hand a job over again.
        """
        missing = all(status.over for status in self._jobs.get(folder.key, ()))
        if folder.key not in self._missing_s:
            told = [e for e in read_journal(folder) if e.what in {"missing", "found"}]
            was = bool(told) and told[-1].what == "missing"
            self._missing_s[folder.key] = told[-1].time_s if was else None
        if missing == (self._missing_s[folder.key] is not None):
            return
        self._missing_s[folder.key] = now_s if missing else None
        journal(folder, Entry(now_s, "missing" if missing else "found", "done"))

    def _sight(self, folder: Folder, runs: list[Run] | None = None) -> Sight:
        if self._stamps.get(folder.key) != (stamp := folder.stamp):  # a user may move a job, too
            self._force[folder.key], self._stamps[folder.key] = folder.revision, stamp
        force = self._force[folder.key]
        return Sight(
            self.clock(),
            force.plan,
            self._jobs.get(folder.key, []),
            _since(read_events(folder.path), force.checkpoints),
            read_journal(folder),
            runs,
            self._rest_s,
            self._missing_s.get(folder.key),
        )

    def _carry_out(self, folder: Folder) -> None:
        sight = self._sight(folder)
        if self.forecast is not None and self._plan_anew(folder, sight):
            sight = self._sight(folder)
        action = decide(sight, self.settings)
        if action.kind == "look":
            try:
                runs = self.backend.runs(action.job_id)
            except SchedulerError as error:
                self._trouble(folder.key, error)
                return
            action = decide(self._sight(folder, runs), self.settings)
        if action.kind == "wait":
            self._due_s = min(self._due_s, action.until_s)
            return
        restarts = max((s.restarts for s in sight.statuses if s.job_id == action.job_id), default=0)
        self._act(folder, action, restarts)
        self._due_s = min(self._due_s, self.clock())  # what comes next is looked at soon

    def _plan_anew(self, folder: Folder, sight: Sight) -> bool:
        """Put a better plan in force for a job that waits, where there is one."""
        alive = [s for s in sight.statuses if not s.over]
        waits = not alive or (len(alive) == 1 and alive[0].state == "waiting" and not alive[0].held)
        if not waits or sight.finished:
            return False
        now_s = sight.now_s
        last_s = self._planned_s.setdefault(folder.key, now_s)  # the plan is fresh when first seen
        missed, self._missed[folder.key] = (
            sight.missed > self._missed.get(folder.key, 0),
            sight.missed,
        )
        every_s = self.settings.replan_s
        if self.settings.migrate:  # a queue is looked at before a run is due, and while it waits
            every_s = min(every_s, SOON_S / 2)
        if not missed and now_s < last_s + every_s:
            self._due_s = min(self._due_s, last_s + every_s)
            return False
        self._planned_s[folder.key] = now_s
        force = self._force[folder.key]
        from_s = max(now_s, force.plan.release_s, *map(sight.rested_s, alive))
        try:
            assert self.forecast is not None
            expected = self.forecast(force.plan, from_s, force.plan.deadline_s)
            if expected is not None:
                self.link.expects(force.plan.zone, expected)
        except Exception as error:  # a service that fails costs the better plan, not the job
            self._trouble(folder.key, error)
            return False
        if expected is None:
            return False
        done = force.checkpoints + sight.checkpoints()
        made = revise(force, done, expected, from_s)
        if self.settings.migrate and alive:
            made = self._better_place(made or force, done, expected, from_s, alive[0]) or made
        if made is None:
            return False
        folder.revise(made)
        self._missed[folder.key] = 0
        start, where = iso(float(made.plan.schedule.start_s[0])), ""
        if made.plan.resources is not None and made.plan.resources.partition:
            where = f" in {made.plan.resources.partition}"
        self.report(f"{folder.key}: planned anew; its next run begins at {start}{where}")
        return True

    def _better_place(
        self, force: Revision, done: int, expected: Intensity, from_s: float, status: Status
    ) -> Revision | None:
        """The plan of a job that waits in another partition, where it starts earlier or cleaner."""
        try:
            queue = self.backend.queue()
            if queue is None:
                return None
            return migrate(force, done, expected, from_s, queue, self.backend.rules(), status)
        except (SchedulerError, ValueError) as error:  # it stays where it is, which is no harm
            self._trouble(status.key, error)
            return None

    def _act(self, folder: Folder, action: Action, restarts: int, *, stubborn: bool = True) -> None:
        """Do one thing, written down before and after."""

        def note(result: str, job_id: str = "") -> None:
            entry = Entry(
                self.clock(),
                action.kind,
                result,
                job_id or action.job_id,
                restarts,
                action.why,
                action.at_s,
                action.partition,
            )
            journal(folder, entry)
            if result == "done":
                self.link.did(folder.key, entry)

        note("intended")
        self.report(f"{folder.key}: {action.kind} {action.job_id}, for {action.why}")
        try:
            job_id = self._do(folder, action)
        except SchedulerError as error:
            note(f"{'refused' if error.sure else 'unsure'}: {error}")
            if not stubborn:
                raise
            self._trouble(folder.key, error)
            return  # a refusal may pass, too: it is tried again after the usual patience
        note("done", job_id)

    def _do(self, folder: Folder, action: Action) -> str:
        if action.kind == "submit":
            asked = self._force[folder.key].plan.resources
            return self.backend.submit(folder.submission(action.at_s or self.clock(), asked))
        if action.kind == "begin":
            self.backend.begin(action.job_id, action.at_s)
        elif action.kind == "move":
            self.backend.move(action.job_id, action.partition)
        elif action.kind == "requeue":
            self.backend.requeue(action.job_id)
        elif action.kind == "cancel":
            self.backend.cancel(action.job_id)
        elif action.kind == "finish":
            self._said_more(folder)  # its last words may have come while the queue was looked at
            self._close(folder, action.why, action.job_id)
        return action.job_id

    def _close(self, folder: Folder, outcome: str, job_id: str) -> None:
        handed = [e.job_id for e in read_journal(folder) if e.what == "submit" and e.job_id]
        numbers = dict.fromkeys([*handed, job_id] if job_id else handed)
        runs = [run for number in numbers for run in self.backend.runs(number)]
        runs.sort(key=lambda run: run.start_s)
        write_receipt(folder, outcome, runs, self._intensity(folder, runs))

    def _intensity(self, folder: Folder, runs: list[Run]) -> Intensity | None:
        """What the grid did while a job ran; a source that fails costs the grams, not the receipt."""
        ran = [*runs, *runs_said(read_events(folder.path))]
        if self.intensity is None or not ran:
            return None
        stops_s = [run.stop_s for run in ran if math.isfinite(run.stop_s)]
        zone = self._force[folder.key].plan.zone
        start_s = min(run.start_s for run in ran)
        try:
            return self.intensity(zone, start_s, max(stops_s, default=self.clock()))
        except Exception as error:
            self._trouble(folder.key, error)
            return None

    def _trouble(self, where: str, error: Exception) -> None:
        self.report(f"{where}: {error}")
