"""One waiting or running job on this machine: a small process that outlives whoever started it.

It is the dead man's switch of `helpers.operate.local`: it starts its job when its begin time comes,
ends a run when told to, and writes down what happened. All that passes between it and the outside
are small files in the job's folder, each written whole; it needs the standard library alone.

============  ==================================================================================
file          who writes it, and what it holds
============  ==================================================================================
``job.json``  who submits: script, arguments, folder, cores, time limit
``begin``     whoever decides: epoch second [s] at which it starts by itself
``requeue``   whoever decides: that the run under way is to end
``cancel``    whoever decides: that it is to be forgotten
``status``    the supervisor: state, begin, start, restarts
``runs``      the supervisor: a line of JSON a run
``lock``      the supervisor holds it while it lives
============  ==================================================================================
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO

__all__ = ["main", "write"]

_LOOK_S = 0.05
_GRACE_S = 5.0
"""From SIGTERM to SIGKILL."""
_AFTER_REQUEUE_S = 120.0
"""A requeued job starts by itself that much later, as Slurm's does, unless it is told otherwise."""


def write(path: Path, text: str) -> None:
    """Put `text` at `path` in one step, so that no reader ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


class _Cores:
    """The cores of this machine, each a file that whoever uses it holds locked."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(exist_ok=True)
        self._paths = [folder / str(number) for number in range(count)]
        self._held: list[TextIO] = []

    def take(self, wanted: int) -> bool:
        """Take so many cores, or none."""
        for path in self._paths:
            if len(self._held) == wanted:
                break
            file = path.open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                continue
            self._held.append(file)
        if len(self._held) < wanted:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give all of them back."""
        for file in self._held:
            file.close()
        self._held = []


class _Supervisor:
    def __init__(self, where: Path) -> None:
        self.where = where
        self.job: dict[str, Any] = json.loads((where / "job.json").read_text(encoding="utf-8"))
        self.cores = _Cores(where.parent / "cores", int(self.job["machine_cores"]))
        self.status: dict[str, Any] = {"state": "waiting", "restarts": 0, "started_s": None}
        if (where / "status").exists():  # the supervisor before this one was killed
            self.status |= json.loads((where / "status").read_text(encoding="utf-8"))
            self._end_orphan()

    def _end_orphan(self) -> None:
        """End what a supervisor that was killed left running, and let it start again."""
        if self.status["state"] != "running":
            return
        group = int(self.status.get("group") or 0)
        if group > 1 and _began(group) == self.status.get("group_began"):
            _end_group(group)
        self._note_run("NODE_FAIL")
        self.status["restarts"] += 1
        self._tell("waiting", started_s=None)

    def _tell(self, state: str, **more: Any) -> None:
        self.status |= {"state": state, "begin_s": self._begin_s(), **more}
        write(self.where / "status", json.dumps(self.status))

    def _begin_s(self) -> float:
        return float((self.where / "begin").read_text(encoding="utf-8"))

    def _asked(self, what: str) -> bool:
        return (self.where / what).exists()

    def _note_run(self, state: str) -> None:
        line = {"start_s": self.status["started_s"], "stop_s": time.time(), "state": state}
        with (self.where / "runs").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def run(self) -> None:
        """Wait, run, wait again, until the job is over."""
        self._tell("waiting")
        told_s = self._begin_s()
        while True:
            if self._asked("cancel"):
                self._tell("cancelled")
                return
            if self._begin_s() != told_s:
                told_s = self._begin_s()
                self._tell("waiting")
            if time.time() >= told_s and self.cores.take(int(self.job["cores"])):
                try:
                    state = self._one_run()
                finally:
                    self.cores.release()
                if state != "waiting":
                    self._tell(state)
                    return
                told_s = self._begin_s()
            time.sleep(_LOOK_S)

    def _one_run(self) -> str:
        number = self.where.name
        variables = {
            **os.environ,
            "CLEAN_HOURS_RESTARTS": str(self.status["restarts"]),
            "CLEAN_HOURS_JOB_ID": number,
        }
        with contextlib.suppress(FileNotFoundError):
            (self.where / "requeue").unlink()  # what was asked of the run before
        with (Path(self.job["folder"]) / f"clean-hours-{number}.out").open("ab") as out:
            process = subprocess.Popen(
                ["bash", self.job["script"], *self.job["arguments"]],
                cwd=self.job["folder"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=variables,
                start_new_session=True,
            )
        self._tell(
            "running",
            started_s=time.time(),
            group=process.pid,
            group_began=_began(process.pid),
        )
        ends_s = time.time() + float(self.job["wall_s"])
        while process.poll() is None:
            if self._asked("cancel"):
                return self._stop(process, "cancelled", "CANCELLED")
            if self._asked("requeue"):
                write(self.where / "begin", repr(time.time() + _AFTER_REQUEUE_S))
                state = self._stop(process, "waiting", "REQUEUED")
                self.status["restarts"] += 1
                (self.where / "requeue").unlink(missing_ok=True)
                self._tell("waiting", started_s=None)
                return state
            if time.time() >= ends_s:
                return self._stop(process, "failed", "TIMEOUT")
            time.sleep(_LOOK_S)
        state = "completed" if process.returncode == 0 else "failed"
        self._note_run(state.upper())
        return state

    def _stop(self, process: subprocess.Popen[bytes], state: str, word: str) -> str:
        _end_group(process.pid, process)
        self.status["reason"] = "TimeLimit" if word == "TIMEOUT" else word
        self._note_run(word)
        return state


def _began(pid: int) -> str | None:
    """When a process began, in the kernel's clock; None when there is none of that number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]


def _end_group(group: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """End a group of processes: SIGTERM, then SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        until_s = time.time() + _GRACE_S
        while time.time() < until_s:
            if process is not None:
                process.poll()
            os.killpg(group, 0)  # raises once all are gone
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
    if process is not None:
        process.wait()


def main(where: Path) -> int:
    """Supervise one job to its end; a second supervisor of the same job leaves at once."""
    with (where / "lock").open("w") as lock:
        for _ in range(20):  # whoever looks whether it is held holds it for an instant
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(_LOOK_S)
        else:
            return 0
        _Supervisor(where).run()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="where the job's files lie")
    sys.exit(main(parser.parse_args().folder))
