"""One machine without root and without a scheduler: the same eight verbs.

Each job has a small process of its own (`helpers.operate.supervisor`) that starts it when its begin
time comes, whatever happens to whoever submitted it. Jobs take their cores from a common store of
locks, so that they queue where a machine is full; who comes first is left to chance.

No engine of others stands behind it. HyperQueue 0.27 was tried, as its package of the index brings
it: it starts in less than a tenth of a second and a job in as much again, but listens on all of a
machine's addresses and asks for no key, so that whoever reaches its port runs commands as its
user; it has no begin time, no cancelling and no journal either.

A supervisor that was killed is replaced by whoever looks next, for example by the agent; after a
restart of the machine nothing runs until somebody looks (``@reboot clean-hours agent`` in a
crontab).
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.operate.backend import Backend, Run, SchedulerError, Status, Submission, check_key
from helpers.operate.rules import Partition, Resources, Rules
from helpers.operate.store import state_folder
from helpers.operate.supervisor import write

__all__ = ["Local"]


class Local(Backend):
    """One machine as a scheduler.

    Parameters
    ----------
    folder : Path, optional
        Where its jobs are kept; by default ``local`` in the state folder.
    cores : int, optional
        Cores that jobs may use together; by default those this process may use.
    """

    name = "local"

    def __init__(self, folder: Path | None = None, *, cores: int | None = None) -> None:
        if cores is not None and cores < 1:
            raise ValueError(f"cores(={cores}) must be >= 1.")
        self._folder = folder or state_folder() / "local"
        self._cores = cores or len(os.sched_getaffinity(0))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def submit(self, submission: Submission) -> str:
        """Start a supervisor for a job."""
        if submission.resources.cores > self._cores:
            raise SchedulerError(
                f"cores(={submission.resources.cores}) must be <= {self._cores} on this machine.",
                sure=True,
            )
        where = self._new()
        job = {
            "key": submission.key,
            "script": str(submission.script),
            "arguments": list(submission.arguments),
            "folder": str(submission.folder),
            "cores": submission.resources.cores,
            "machine_cores": self._cores,
            "wall_s": submission.resources.wall_s,
        }
        write(where / "begin", repr(float(submission.begin_s)))
        write(where / "job.json", json.dumps(job))
        self._supervise(where)
        return where.name

    def _new(self) -> Path:
        """Make the folder of the next number; two who submit at once get two."""
        number = 1 + max(
            (int(p.name) for p in self._folder.iterdir() if p.name.isdigit()), default=0
        )
        while True:
            try:
                (self._folder / str(number)).mkdir(mode=0o700)
            except FileExistsError:
                number += 1
            else:
                return self._folder / str(number)

    def _supervise(self, where: Path) -> None:
        subprocess.run(  # setsid forks: the supervisor is nobody's child
            ["setsid", "--fork", sys.executable, "-m", "helpers.operate.supervisor", str(where)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent.parent,
            check=True,
        )

    def _where(self, job_id: str) -> Path:
        where = self._folder / job_id
        if not (job_id.isdigit() and (where / "job.json").is_file()):
            raise SchedulerError(f"there is no job {job_id!r} on this machine.", sure=True)
        return where

    def _status(self, where: Path) -> dict[str, Any]:
        try:
            return json.loads((where / "status").read_text(encoding="utf-8"))
        except FileNotFoundError:  # its supervisor is just starting
            begin_s = float((where / "begin").read_text(encoding="utf-8"))
            return {"state": "waiting", "begin_s": begin_s, "restarts": 0, "started_s": None}

    def begin(self, job_id: str, at_s: float | None = None) -> None:
        """Set the begin time of a waiting job."""
        where = self._where(job_id)
        if self._status(where)["state"] != "waiting":
            raise SchedulerError(f"job {job_id} does not wait.", sure=True)
        write(where / "begin", repr(time.time() if at_s is None else float(at_s)))

    def requeue(self, job_id: str) -> None:
        """End a run; by itself the job starts again 120 s later, as with Slurm."""
        where = self._where(job_id)
        if self._status(where)["state"] != "running":
            raise SchedulerError(f"job {job_id} does not run.", sure=True)
        write(where / "requeue", "")
        self._await(where, "running")

    def cancel(self, job_id: str) -> None:
        """Forget a job."""
        where = self._where(job_id)
        if self._status(where)["state"] in {"waiting", "running"}:
            write(where / "cancel", "")
            self._await(where, "waiting", "running")

    def _await(self, where: Path, *states: str, timeout_s: float = 10.0) -> None:
        until_s = time.monotonic() + timeout_s
        while self._status(where)["state"] in states:
            if time.monotonic() > until_s:
                raise SchedulerError(f"job {where.name} did not answer in {timeout_s:g} s.")
            time.sleep(0.02)

    def _all(self) -> Iterator[Path]:
        for path in self._folder.iterdir():
            if path.name.isdigit() and (path / "job.json").is_file():
                yield path

    def jobs(self) -> dict[str, list[Status]]:
        """Return all jobs by key, and replace supervisors that were killed."""
        found: dict[str, list[Status]] = {}
        for where in sorted(self._all(), key=lambda path: int(path.name)):
            about = self._status(where)
            if about["state"] in {"waiting", "running"} and not _held(where / "lock"):
                self._supervise(where)
            key = check_key(json.loads((where / "job.json").read_text(encoding="utf-8"))["key"])
            begin_s = float((where / "begin").read_text(encoding="utf-8"))
            found.setdefault(key, []).append(
                Status(
                    where.name,
                    key,
                    about["state"],
                    begin_s,
                    about["started_s"],
                    int(about["restarts"]),
                    str(about.get("reason", "")),
                )
            )
        return found

    def runs(self, job_id: str) -> list[Run]:
        """Return the runs of a job."""
        where = self._where(job_id)
        try:
            lines = (where / "runs").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        told = [json.loads(line) for line in lines]
        found = [Run(t["start_s"], t["stop_s"], t["state"], math.nan) for t in told]
        about = self._status(where)
        if about["state"] == "running":
            found.append(Run(about["started_s"], math.nan, "RUNNING", math.nan))
        return found

    def trial(self, resources: Resources) -> float:
        """Return when enough cores are free, by the time limits of what runs."""
        if resources.cores > self._cores:
            raise SchedulerError(
                f"cores(={resources.cores}) must be <= {self._cores} on this machine.", sure=True
            )
        free, now_s, ends = self._cores, time.time(), []
        for where in self._all():
            about = self._status(where)
            if about["state"] == "running":
                job = json.loads((where / "job.json").read_text(encoding="utf-8"))
                free -= int(job["cores"])
                ends.append((about["started_s"] + job["wall_s"], int(job["cores"])))
        for end_s, cores in sorted(ends):
            if free >= resources.cores:
                break
            free, now_s = free + cores, max(now_s, end_s)
        return now_s

    def rules(self) -> Rules:
        """Return this machine as one partition."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
        return Rules((Partition("local", 1, self._cores, memory, default=True),))


def _held(path: Path) -> bool:
    """Whether somebody holds a lock."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
