"""Slurm by its own commands, in a user's own rights: no binding, no plugin, no shell.

Every command is a list of words with a time-out; nothing is ever given to a shell. Times are
written as UTC for commands that run with ``TZ=UTC``, or as a delay for ``sbatch``, which hands its
environment on to the job: no clock change is in the way.

What was learned of Slurm 22.05 and is relied on here:

- ``squeue --json`` ignores ``--user``: jobs are chosen by user and key on this side. Releases from
  23.02 on write numbers as ``{"set": ..., "number": ...}`` and states as lists; both are read.
- ``scontrol requeue`` pushes the begin time of a job 120 s ahead, and with reason: a job that is
  started again while its node still revokes the old credential is killed as "non-startable", and
  has *failed* (seen at 0 and 0.3 s after a requeue, not at 1 s and more). So a requeued job rests
  (`Slurm.rest_s`) before it may begin.
- A controller that is killed just after a requeue believes, once it is back, that the job still
  runs; right after its start it may answer before it knows its jobs.
- While the controller is down, ``sbatch`` blocks: hence the time-outs. A controller killed within
  a tenth of a second after ``sbatch`` answered has forgotten the job: hence the key.
- A controller that has forgotten a start starts the job again, its node refuses the number that it
  knows ("Duplicate jobid"), and Slurm *holds* the job for ever ("launch failed requeued held", or
  ``JobHoldMaxRequeue`` after five of them). It is told from a hold that somebody set
  (``Status.held``); the agent hands such a job over again, under another number.
- ``scontrol update Partition=`` of a running job is refused, or answered with 0 and nothing moves:
  a migration is a requeue, and then the update, whose effect is looked at.
- ``sacct`` writes one row a run with ``--duplicates``.
- ``slurmrestd`` is not used. Of the same release its submission, look and deletion work (JWT, 0.05
  to 0.2 s each), but a submission of a held job answers with a number *and* error 2042, and a
  release failed; its paths carry the number of an interface (``v0.0.38``) that each release drops
  some of; a token is one more thing to keep, and few centres let users reach it. What it would save
  is a fork a call, which a look every 15 s does not notice.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from helpers.operate.backend import (
    Backend,
    Run,
    SchedulerError,
    State,
    Status,
    Submission,
    check_key,
)
from helpers.operate.queue import Node, Place, Queue, Queued, hosts
from helpers.operate.rules import (
    Resources,
    Rules,
    check_name,
    pairs_of,
    parse_accounts,
    parse_partitions,
    parse_qos,
)

__all__ = ["COMMENT", "Slurm", "parse_nodes", "parse_places"]

COMMENT = "clean-hours:"
"""What the comment of a job begins with; its key follows."""

_STATES: Mapping[str, State] = {
    "PENDING": "waiting",
    "REQUEUED": "waiting",
    "REQUEUE_FED": "waiting",
    "CONFIGURING": "running",
    "RUNNING": "running",
    "COMPLETING": "running",
    "STAGE_OUT": "running",
    "SIGNALING": "running",
    "STOPPED": "running",
    "SUSPENDED": "running",
    "COMPLETED": "completed",
    "CANCELLED": "cancelled",
    "REVOKED": "cancelled",
    "BOOT_FAIL": "failed",
    "DEADLINE": "failed",
    "FAILED": "failed",
    "NODE_FAIL": "failed",
    "OUT_OF_MEMORY": "failed",
    "PREEMPTED": "failed",
    "TIMEOUT": "failed",
}


def _number(value: Any, default: float = 0.0) -> float:
    """A number of ``squeue --json``, in the form of any release."""
    if isinstance(value, Mapping):
        value = value.get("number") if value.get("set", True) else None
    return default if value is None else float(value)


def _state(value: Any) -> tuple[State, str]:
    """State of ``squeue --json``: a word, or a list of which the first is the base state."""
    listed = [value] if isinstance(value, str) else list(value or [])
    if "COMPLETING" in listed and len(listed) > 1 and listed[0] == "PENDING":
        return "waiting", "PENDING"  # requeued, its processes not yet gone
    for word in listed:
        if word in _STATES:
            return _STATES[word], word
    return "unknown", ",".join(map(str, listed))


class Slurm(Backend):
    """Slurm, by ``sbatch``, ``scontrol``, ``squeue``, ``sacct`` and ``sacctmgr``.

    Parameters
    ----------
    timeout_s : float
        How long a command may take [s], more than 0.
    prefix : sequence of str
        Words in front of every command, for a Slurm that is entered by another program.
    user : str, optional
        Whose jobs are touched; by default the user who runs this.
    prices : mapping of str to float
        Price of a core hour by partition, which Slurm does not know.
    rest_s : float
        How long a requeued job rests before it may begin [s]; by default as long as Slurm itself
        lets it wait.
    """

    name = "slurm"

    def __init__(
        self,
        *,
        timeout_s: float = 20.0,
        prefix: Sequence[str] = (),
        user: str | None = None,
        prices: Mapping[str, float] | None = None,
        rest_s: float = 121.0,
    ) -> None:
        if not timeout_s > 0:
            raise ValueError(f"timeout_s(={timeout_s}) must be > 0.")
        self._timeout_s, self._prefix, self._rest_s = timeout_s, tuple(prefix), rest_s
        self._prices = dict(prices or {})
        self._user = user or _own_name()

    @property
    def rest_s(self) -> float:
        """How long after a requeue a job must not be started again [s]."""
        return self._rest_s

    def _done(
        self, *words: str, utc: bool = True, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; what sbatch hands on to a job is the user's own environment."""
        variables = {k: v for k, v in os.environ.items() if not _steers_slurm(k)}
        if utc:
            variables |= {"TZ": "UTC", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                [*self._prefix, *words],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._timeout_s,
                env=variables | dict(more or {}),
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except FileNotFoundError:
            raise SchedulerError(
                f"{words[0]} is not there: run this where Slurm's commands are, on a login node.",
                sure=True,
            ) from None
        except subprocess.TimeoutExpired:
            raise SchedulerError(
                f"{words[0]} gave no answer in {self._timeout_s:g} s: the controller is down or "
                "busy; try again later."
            ) from None
        if done.returncode:
            told = done.stderr.strip() or f"exit code {done.returncode}"
            raise SchedulerError(f"{words[0]}: {told[-500:]}", sure=_refused(told))
        return done

    def _call(self, *words: str, more: Mapping[str, str] | None = None) -> str:
        """Run a command and return what it prints."""
        return self._done(*words, more=more).stdout

    def submit(self, submission: Submission) -> str:
        """Hand a script over; it starts by itself at `begin_s`, and may be requeued."""
        printed = self._done(
            "sbatch",
            "--parsable",
            "--requeue",
            "--open-mode=append",
            f"--comment={COMMENT}{submission.key}",
            f"--begin={_from_now(submission.begin_s)}",
            f"--chdir={submission.folder}",
            *_asked(submission.resources),
            str(submission.script),
            *submission.arguments,
            utc=False,
        ).stdout
        job_id = printed.strip().split(";")[0]
        if not job_id.isdigit():
            raise SchedulerError(f"sbatch printed {printed[:200]!r} instead of a job's number.")
        return job_id

    def begin(self, job_id: str, at_s: float | None = None) -> None:
        """Set the begin time of a waiting job."""
        when = "now" if at_s is None else _local(at_s)
        self._call("scontrol", "update", f"JobId={_id(job_id)}", f"StartTime={when}")

    def requeue(self, job_id: str) -> None:
        """Requeue a running job; Slurm lets it start by itself 120 s later."""
        self._call("scontrol", "requeue", _id(job_id))

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        self._call("scancel", _id(job_id))

    def move(self, job_id: str, partition: str) -> None:
        """Put a waiting job into another partition; that it is there is looked at afterwards."""
        check_name("partition", partition)
        self._call("scontrol", "update", f"JobId={_id(job_id)}", f"Partition={partition}")
        told = self._call("scontrol", "-o", "show", "job", _id(job_id))
        where = pairs_of(told).get("Partition", "")
        if where != partition:
            raise SchedulerError(
                f"job {job_id} is still in partition {where!r}: only a job that waits is moved.",
                sure=True,
            )

    def jobs(self) -> dict[str, list[Status]]:
        """Return the user's jobs that carry a key."""
        listed = self._listed("--states=all", f"--user={self._user}")
        found: dict[str, list[Status]] = {}
        for job in listed:
            comment = str(job.get("comment") or "")
            if job.get("user_name") != self._user or not comment.startswith(COMMENT):
                continue
            try:
                key = check_key(comment.removeprefix(COMMENT))
            except ValueError:
                continue  # a comment of somebody else's making: not this agent's job
            found.setdefault(key, []).append(_status(job, key))
        return found

    def _listed(self, *options: str) -> list[dict[str, Any]]:
        """What ``squeue --json`` prints of jobs."""
        printed = self._call("squeue", "--json", *options)
        try:
            return list(json.loads(printed)["jobs"])
        except (ValueError, KeyError, TypeError):
            raise SchedulerError(
                f"squeue --json printed no jobs ({printed[:100]!r}): Slurm 21.08 or later is needed."
            ) from None

    def runs(self, job_id: str) -> list[Run]:
        """Return the runs of a job from the accounting data base."""
        try:
            printed = self._call(
                "sacct",
                "--duplicates",
                "--parsable2",
                "--noheader",
                f"--jobs={_id(job_id)}",
                "--format=JobID,Start,End,State,ConsumedEnergyRaw",
                more={"SLURM_TIME_FORMAT": "%s"},
            )
        except SchedulerError as error:
            if "accounting storage is disabled" in str(error):
                return []  # a Slurm without a data base remembers no runs
            raise
        energy_j: dict[str, float] = {}
        rows = [line.split("|") for line in printed.splitlines() if line.count("|") == 4]
        for _, start, _, _, energy in rows:
            if energy.isdigit() and int(energy) > 0:  # 0 is what no meter measures
                energy_j[start] = max(energy_j.get(start, 0.0), float(energy))
        found = [
            Run(
                float(start),
                float(stop) if stop.isdigit() else math.nan,
                state.split(" ")[0],
                energy_j.get(start, math.nan),
            )
            for name, start, stop, state, _ in rows
            if name == job_id and start.isdigit()
        ]
        return sorted(found, key=lambda run: run.start_s)

    def trial(self, resources: Resources) -> float:
        """Return when ``sbatch --test-only`` expects a request to start [s]."""
        told = self._done("sbatch", "--test-only", *_asked(resources), "--wrap=true").stderr
        _, _, after = told.partition("to start at ")
        try:
            return pd.Timestamp(after.split(" ")[0], tz="UTC").timestamp()
        except ValueError:
            raise SchedulerError(f"sbatch --test-only printed {told[:200]!r}, no start.") from None

    def rules(self) -> Rules:
        """Return partitions, qualities of service and the user's accounts."""
        from dataclasses import replace

        partitions = parse_partitions(
            self._call("scontrol", "-o", "show", "partition"),
            self._call("scontrol", "-o", "show", "node"),
        )
        partitions = tuple(
            replace(p, price_per_core_h=self._prices[p.name]) if p.name in self._prices else p
            for p in partitions
        )
        try:
            qos = parse_qos(
                self._call(
                    "sacctmgr",
                    "--parsable2",
                    "show",
                    "qos",
                    "format=Name,Flags,MaxWall,MaxTRES,MaxTRESPU,UsageFactor",
                )
            )
            accounts, default_qos = parse_accounts(
                self._call(
                    "sacctmgr",
                    "--parsable2",
                    "show",
                    "assoc",
                    f"user={self._user}",
                    "format=Account,QOS,DefaultQOS",
                )
            )
            default = self._call(
                "sacctmgr",
                "--parsable2",
                "--noheader",
                "show",
                "user",
                self._user,
                "format=DefaultAccount",
            )
        except SchedulerError as error:
            if "not running a supported accounting" not in str(error):
                raise
            return Rules(partitions)  # a Slurm without a data base keeps no accounts
        return Rules(partitions, qos, accounts, default_qos, default.strip().split("\n")[0] or None)

    def queue(self) -> Queue:
        """Return what waits and runs now, of all users that this one may see."""
        nodes = parse_nodes(self._call("scontrol", "-o", "show", "node"))
        places = parse_places(self._call("scontrol", "-o", "show", "partition"))
        listed = self._listed()
        try:
            jobs = [_queued(job) for job in listed]
        except (ValueError, KeyError, TypeError) as error:
            raise SchedulerError(f"squeue --json printed a job that is none ({error!r}).") from None
        known = {place.name for place in places}
        return Queue(
            time.time(), nodes, places, tuple(j for j in jobs if j and j.partition in known)
        )


def parse_nodes(text: str) -> tuple[Node, ...]:
    """Return the nodes that ``scontrol -o show node`` prints."""
    found = []
    for pairs in map(pairs_of, filter(str.strip, text.splitlines())):
        state = pairs.get("State", "")
        found.append(
            Node(
                pairs["NodeName"],
                int(pairs.get("CPUEfctv", pairs.get("CPUTot", "1"))),
                tuple(filter(None, pairs.get("Partitions", "").split(","))),
                not any(word in state for word in ("DOWN", "DRAIN", "FAIL", "MAINT", "FUTURE")),
            )
        )
    return tuple(found)


def parse_places(text: str) -> tuple[Place, ...]:
    """Return whose turn comes first, by what ``scontrol -o show partition`` prints."""
    return tuple(
        Place(
            pairs["PartitionName"],
            int(pairs.get("PriorityTier", "1")),
            pairs.get("Default") == "YES",
            pairs.get("PreemptMode", "OFF") != "OFF",
        )
        for pairs in map(pairs_of, filter(str.strip, text.splitlines()))
    )


def _queued(job: Mapping[str, Any]) -> Queued | None:
    """One entry of ``squeue --json``, if it waits or runs."""
    state, _ = _state(job.get("job_state"))
    if state not in {"waiting", "running"}:
        return None
    reason = str(job.get("state_reason") or "")
    running = state == "running"
    return Queued(
        job_id=str(int(_number(job["job_id"]))),
        user=str(job.get("user_name") or ""),
        partition=str(job.get("partition") or "").split(",")[0],
        state="running" if running else "waiting",
        processors=max(1, int(_number(job.get("cpus"), 1))),
        submit_s=_number(job.get("submit_time")),
        begin_s=_number(job.get("eligible_time")),
        start_s=_number(job.get("start_time")) if running else math.nan,
        requested_s=60.0 * _number(job.get("time_limit"), math.inf),
        priority=_number(job.get("priority")),
        nodes=hosts(str(job.get("nodes") or "")) if running else (),
        held=not running and reason.startswith(("JobHeld", "JobHold", "Dependency")),
    )


def _held(job: Mapping[str, Any]) -> bool:
    """Whether Slurm itself holds a job, after launches that failed."""
    told = f"{job.get('state_reason') or ''} {job.get('state_description') or ''}"
    return "holdmaxrequeue" in (words := told.lower().replace("_", " ")) or (
        "launch failed" in words and "held" in words
    )


def _status(job: Mapping[str, Any], key: str) -> Status:
    """One entry of ``squeue --json``."""
    state, word = _state(job.get("job_state"))
    started = _number(job.get("start_time"))
    restarts = int(_number(job.get("restart_cnt")))
    # 22.05 writes COMPLETING for a run that ends and for one that was requeued; the latter counts
    # as a restart already, though nothing has started yet, and is to end in a time limit from now.
    leaving = word == "COMPLETING" and _number(job.get("end_time")) > time.time() + 30.0
    return Status(
        job_id=str(int(_number(job["job_id"]))),
        key=key,
        state=state,
        begin_s=_number(job.get("eligible_time")) or started,
        started_s=started if state == "running" and started else None,
        restarts=restarts - 1 if leaving and restarts else restarts,
        reason=str(job.get("state_reason") or word),
        held=state == "waiting" and _held(job),
        partition=str(job.get("partition") or ""),
    )


def _asked(resources: Resources) -> list[str]:
    """Options of sbatch that ask for resources."""
    options = {
        "nodes": resources.nodes,
        "ntasks": resources.cores,
        "time": f"{max(1, math.ceil(resources.wall_s / 60))}",
        "mem": f"{resources.memory_mb}M" if resources.memory_mb else None,
        "gres": f"gpu:{resources.gpus}" if resources.gpus else None,
        "partition": resources.partition,
        "qos": resources.qos,
        "account": resources.account,
    }
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def _id(job_id: str) -> str:
    if not job_id.isdigit():
        raise ValueError(f"job_id(={job_id!r}) must be a whole number.")
    return job_id


def _from_now(seconds: float) -> str:
    """An epoch second as a delay, which no clock change and no time zone can bend."""
    delay_s = math.ceil(seconds) - math.floor(time.time())  # sbatch counts from a whole second
    return f"now+{delay_s}" if delay_s > 0 else "now"


def _local(seconds: float) -> str:
    """An epoch second as Slurm reads it under TZ=UTC; never earlier than asked."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(math.ceil(seconds)))


def _own_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _steers_slurm(variable: str) -> bool:
    """Whether a variable would change what a command prints, make it wait, or make it an array."""
    return variable.startswith(("SQUEUE_", "SACCT_", "SCANCEL_")) or (
        variable in {"SLURM_TIME_FORMAT", "SBATCH_WAIT", "SBATCH_ARRAY_INX", "SBATCH_EXPORT"}
    )


def _refused(told: str) -> bool:
    """Whether an error is Slurm's refusal, and not the lack of an answer."""
    unsure = (
        "timed out",
        "configuration source",
        "Unable to contact",
        "Connection refused",
        "Zero Bytes",
        "Communication",
    )
    return not any(word.lower() in told.lower() for word in unsure)
