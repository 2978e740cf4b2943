"""Portable submission by PSI/J [1]_: its executors for many schedulers, behind the same verbs.

PSI/J starts and cancels jobs everywhere, and tells their states by polling. It has no begin time
that can be changed, no requeue, no rules and no accounting. So here

- each job is started through a small script that waits for its begin time where the executor has
  none (``local``), writes down when it started and stopped, and holds a lock while it lives;
- a batch executor gets the begin time as a directive of its scheduler (``--begin`` of Slurm), and
  `begin` and `requeue` submit anew and cancel the old one, under the same number of ours;
- a state is read from what the script wrote; PSI/J is asked about jobs that have not started;
- a centre's rules are given by whoever knows them, `trial` knows no queue.

Its executor for Slurm is held to the tests of all back ends, and to plans carried out, on a real one.

Nothing but two words of ours, a folder and a number, goes through its templates: arguments of
scripts are kept in a file. Its package wants older releases of others (packaging, psutil) than the
rest of this package, so it is installed beside it, and imported when a back end is made.

References
----------
.. [1] M. Hategan-Marandiuc et al., "PSI/J: A Portable Interface for Submitting, Monitoring, and
   Managing Jobs", IEEE eScience, 2023.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from helpers.operate.backend import Backend, Run, SchedulerError, State, Status, Submission
from helpers.operate.rules import Partition, Resources, Rules
from helpers.operate.store import state_folder
from helpers.operate.supervisor import write

__all__ = ["BEGINS", "Psij"]

BEGINS = {"slurm": "slurm.begin"}
"""Batch executors with a begin time, and the attribute that sets it, as a delay ``now+SECONDS``."""

_REQUEUE_S = 120.0
_SETTLES_S = 10.0
"""How long a script may take from its submission to its lock [s] where nothing queues."""

_WRAPPER = """#!/bin/bash
# Written by clean-hours: FOLDER RUN. Waits for its begin time, runs the job, writes both down.
folder=$1 run=$2
exec > "$folder/out" 2>&1 9>> "$folder/lock"
flock 9
mapfile -d '' words < "$folder/words"  # where it runs, for how long, what, with which arguments
while [ -e "$folder/begin" ] && [ "$(date +%s%N)" -lt "$(cat "$folder/begin")" ]; do sleep 0.2; done
[ -e "$folder/cancelled" ] && exit 0
cd "${words[0]}" || exit 1
echo "start $run $EPOCHREALTIME" >> "$folder/told"
timeout "${words[1]}" "${words[@]:2}" 9>&-
code=$?
echo "stop $run $EPOCHREALTIME $code" >> "$folder/told"
exit $code
"""


class Psij(Backend):
    """A scheduler by PSI/J.

    Parameters
    ----------
    executor : str
        ``local``, or one of `BEGINS`.
    folder : Path, optional
        Where its jobs are kept, seen by compute nodes, too; by default ``psij`` in the state folder.
    rules : Rules, optional
        What the centre allows; needed of every executor but ``local``.
    polling_s : float
        Between two looks of PSI/J at a batch scheduler [s].

    Raises
    ------
    ValueError
        If the executor has no begin time, or its rules are missing.
    ImportError
        If PSI/J is not installed.
    """

    name = "psij"

    def __init__(
        self,
        executor: str = "local",
        folder: Path | None = None,
        *,
        rules: Rules | None = None,
        polling_s: float = 30.0,
    ) -> None:
        if executor != "local" and executor not in BEGINS:
            known = ", ".join(["local", *BEGINS])
            raise ValueError(
                f"executor(={executor!r}) must be one of {known}: others have no begin time."
            )
        if executor != "local" and rules is None:
            raise ValueError(f"executor {executor!r} knows no rules: give them with rules=.")
        self._psij = _import()
        self._local = executor == "local"
        self._rules = rules or _machine()
        config = None
        if not self._local:
            batch = importlib.import_module("psij.executors.batch.batch_scheduler_executor")
            config = batch.BatchSchedulerExecutorConfig(
                queue_polling_interval=max(1, round(polling_s))
            )
        self._executor = self._psij.JobExecutor.get_instance(executor, config=config)
        self._begin = BEGINS.get(executor, "")
        self._folder = folder or state_folder() / "psij"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if re.search(r"[^\w/.@+,=:-]", str(self._folder.absolute())):
            raise ValueError(
                f"folder(={str(self._folder)!r}) must be letters, digits and /_.@+,=:- only: it "
                "becomes part of a scheduler's script."
            )
        self._handles: dict[str, Any] = {}

    # --- what is kept ---------------------------------------------------------------------------

    def _where(self, job_id: str) -> Path:
        where = self._folder / job_id
        if not (re.fullmatch(r"[0-9]{1,12}", job_id) and (where / "now.json").is_file()):
            raise SchedulerError(f"there is no job {job_id!r} of PSI/J here.", sure=True)
        return where

    def _new(self) -> Path:
        number = 1 + max((int(p.name) for p in self._all()), default=0)
        while True:
            try:
                (self._folder / str(number)).mkdir(mode=0o700)
            except FileExistsError:
                number += 1
            else:
                return self._folder / str(number)

    def _all(self) -> Iterator[Path]:
        return (p for p in self._folder.iterdir() if p.name.isdigit())

    def _now(self, where: Path) -> dict[str, Any]:
        return json.loads((where / "now.json").read_text(encoding="utf-8"))

    def _told(self, where: Path) -> list[tuple[str, int, float, int]]:
        """What scripts wrote: start or stop, which run, when [s], exit code."""
        try:
            lines = (where / "told").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        words = [line.split() for line in lines]
        return [
            (w[0], int(w[1]), float(w[2]), int(w[3]) if len(w) > 3 else 0)
            for w in words
            if len(w) in {3, 4}
        ]

    # --- verbs ----------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> str:
        """Start the script of a job through PSI/J."""
        if broken := self._rules.broken(submission.resources):
            raise SchedulerError("; ".join(broken), sure=True)
        where = self._new()
        asked = submission.resources
        words = [
            str(submission.folder),
            str(max(1, math.floor(asked.wall_s))),
            str(submission.script),
            *submission.arguments,
        ]
        write(where / "words", "".join(f"{word}\0" for word in words))
        (where / "run.sh").write_text(_WRAPPER, encoding="utf-8")
        (where / "run.sh").chmod(0o700)
        about = {
            "key": submission.key,
            "wall_s": asked.wall_s,
            "nodes": asked.nodes,
            "cores": asked.cores,
            "memory_mb": asked.memory_mb,
            "gpus": asked.gpus,
            "partition": asked.partition,
            "account": asked.account,
            "qos": asked.qos,
        }
        write(where / "job.json", json.dumps(about))
        self._start(where, 0, submission.begin_s)
        return where.name

    def _start(self, where: Path, run: int, begin_s: float) -> None:
        """Submit a run; a job whose submission is cut short is submitted by who looks next."""
        now = {"run": run, "begin_s": begin_s, "native": None, "asked_s": time.time()}
        if self._local:
            write(where / "begin", f"{math.ceil(begin_s * 1e9)}")
        write(where / "now.json", json.dumps(now))
        handle = self._job(where, run, begin_s)
        try:
            self._executor.submit(handle)
        except (self._psij.SubmitException, self._psij.InvalidJobException, OSError) as error:
            if not run:
                shutil.rmtree(where)
            raise SchedulerError(f"PSI/J: {error}", sure=True) from None
        self._handles[str(handle.native_id)] = handle
        write(where / "now.json", json.dumps(now | {"native": str(handle.native_id)}))

    def _job(self, where: Path, run: int, begin_s: float) -> Any:
        psij, about = self._psij, json.loads((where / "job.json").read_text(encoding="utf-8"))
        extra: dict[str, object] = {}
        if self._begin:
            delay_s = max(0, math.ceil(begin_s) - math.floor(time.time()))
            extra = {self._begin: f"now+{delay_s}"}
            if about["qos"]:
                extra["slurm.qos"] = about["qos"]
            if about["gpus"]:
                extra["slurm.gres"] = f"gpu:{about['gpus']}"
        memory = about["memory_mb"]
        return psij.Job(
            psij.JobSpec(
                executable=str((where / "run.sh").absolute()),
                arguments=[str(where.absolute()), str(run)],
                directory=where.absolute(),
                resources=None
                if self._local
                else psij.ResourceSpecV1(
                    node_count=about["nodes"],
                    processes_per_node=1,
                    cpu_cores_per_process=math.ceil(about["cores"] / about["nodes"]),
                    **({"memory": memory * 2**20} if memory else {}),
                ),
                attributes=psij.JobAttributes(
                    duration=timedelta(seconds=60 * math.ceil(about["wall_s"] / 60)),
                    queue_name=about["partition"],
                    account=about["account"],
                    custom_attributes=extra or None,
                ),
                launcher="single",
            )
        )

    def begin(self, job_id: str, at_s: float | None = None) -> None:
        """Let a waiting job start at another time; a batch scheduler gets it anew."""
        where = self._where(job_id)
        if self._state(where)[0] != "waiting":
            raise SchedulerError(f"job {job_id} does not wait.", sure=True)
        at_s = time.time() if at_s is None else float(at_s)
        now = self._now(where)
        if self._local:
            write(where / "begin", f"{math.ceil(at_s * 1e9)}")
            write(where / "now.json", json.dumps(now | {"begin_s": at_s}))
            return
        self._start(where, now["run"] + 1, at_s)
        self._end(where, now["native"])

    def requeue(self, job_id: str) -> None:
        """End a run; by itself the job starts again 120 s later, as with Slurm."""
        where = self._where(job_id)
        if self._state(where)[0] != "running":
            raise SchedulerError(f"job {job_id} does not run.", sure=True)
        now = self._now(where)
        self._end(where, now["native"])
        with (where / "told").open("a", encoding="utf-8") as told:
            told.write(f"stop {now['run']} {time.time():.6f} -1\n")
        self._start(where, now["run"] + 1, time.time() + _REQUEUE_S)

    def cancel(self, job_id: str) -> None:
        """Forget a job."""
        where = self._where(job_id)
        if self._state(where)[0] in {"waiting", "running"}:
            write(where / "cancelled", "")
            self._end(where, self._now(where)["native"])

    def _end(self, where: Path, native: str | None) -> None:
        """End what PSI/J started under a number of its own, and wait until its script is gone."""
        if native is None:
            return
        if self._local:
            self._kill(where, int(native))
            return
        handle = self._handle(native)
        if handle is not None and not handle.status.final:
            try:
                self._executor.cancel(handle)
            except self._psij.SubmitException as error:
                raise SchedulerError(f"PSI/J: {error}") from None

    def _kill(self, where: Path, pid: int) -> None:
        """End the processes of a job on this machine.

        PSI/J 0.9.11 would do it, but the thread in which it does dies when one of them ends by
        itself at that moment. The lock says that the number is still that of our script.
        """
        try:
            import psutil  # PSI/J brings it
        except ImportError:
            raise ImportError("psutil is not installed: it comes with psij-python.") from None
        until_s = time.monotonic() + 15.0
        while self._lives(where):
            if time.monotonic() > until_s:
                raise SchedulerError(f"job {where.name} did not end in 15 s.")
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                for process in [root, *root.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            time.sleep(0.05)

    def _handle(self, native: str) -> Any:
        """PSI/J's own object of a job, also of one that another process submitted."""
        if native not in self._handles:
            handle = self._psij.Job()
            try:
                self._executor.attach(handle, native)
            except Exception:  # a process that is gone; each executor has its own error for it
                return None
            self._handles[native] = handle
        return self._handles[native]

    def _lives(self, where: Path) -> bool:
        """Whether the script of a job holds its lock."""
        try:
            with (where / "lock").open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def _state(self, where: Path) -> tuple[State, float | None]:
        """State of a job, and since when its run lasts [s]."""
        lives = self._lives(where)  # asked first: what it writes before it ends is then seen
        now = self._now(where)
        run, native = int(now["run"]), now["native"]
        if (where / "cancelled").exists():
            return "cancelled", None
        mine = [line for line in self._told(where) if line[1] == run]
        stops = [line for line in mine if line[0] == "stop"]
        starts = [line for line in mine if line[0] == "start"]
        if stops:
            return ("completed" if stops[-1][3] == 0 else "failed"), None
        if starts:
            return ("running", starts[-1][2]) if lives else ("failed", None)
        if lives or time.time() < now["asked_s"] + _SETTLES_S:
            return "waiting", None
        if native is None:  # whoever submitted it was killed just then
            self._start(where, run, float(now["begin_s"]))
            return "waiting", None
        handle = None if self._local else self._handle(native)
        over = self._local or (handle is not None and handle.status.final)
        return ("failed" if over else "waiting"), None

    def jobs(self) -> dict[str, list[Status]]:
        """Return all jobs by key."""
        found: dict[str, list[Status]] = {}
        for where in sorted(self._all(), key=lambda path: int(path.name)):
            if not (where / "now.json").is_file():
                continue  # its submission is under way
            state, started_s = self._state(where)
            now = self._now(where)
            about = json.loads((where / "job.json").read_text(encoding="utf-8"))
            begun = {line[1] for line in self._told(where) if line[0] == "start"}
            found.setdefault(about["key"], []).append(
                Status(
                    where.name,
                    about["key"],
                    state,
                    float(now["begin_s"]),
                    started_s,
                    len(begun - {int(now["run"])}),
                )
            )
        return found

    def runs(self, job_id: str) -> list[Run]:
        """Return the runs of a job, by what its script wrote; no energy is measured."""
        where = self._where(job_id)
        state, _ = self._state(where)
        told = self._told(where)
        found = []
        for what, run, start_s, _ in told:
            if what != "start":
                continue
            ends = [line for line in told if (line[0], line[1]) == ("stop", run)]
            if not ends:
                word = "RUNNING" if state == "running" else state.upper()
                found.append(Run(start_s, math.nan, word, math.nan))
                continue
            words = {0: "COMPLETED", -1: "REQUEUED", 124: "TIMEOUT"}
            found.append(Run(start_s, ends[-1][2], words.get(ends[-1][3], "FAILED"), math.nan))
        return found

    def trial(self, resources: Resources) -> float:
        """Return now for a request that the rules allow: PSI/J sees no queue."""
        if broken := self._rules.broken(resources):
            raise SchedulerError("; ".join(broken), sure=True)
        return time.time()

    def rules(self) -> Rules:
        """Return the rules that were given, or this machine as one partition."""
        return self._rules


def _import() -> Any:
    """Import PSI/J; it is installed beside this package."""
    try:
        import psij
    except ImportError:
        raise ImportError(
            "PSI/J is not installed: pip install psij-python, in an environment of its own that "
            "sees this one, since it wants older releases of packaging and psutil."
        ) from None
    return psij


def _machine() -> Rules:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    cores = len(os.sched_getaffinity(0))
    return Rules((Partition("local", 1, cores, memory, default=True),))
