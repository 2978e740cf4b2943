"""A real Slurm for tests: started in name spaces of its own, entered as one of its users.

It is the script ``tests/fixtures/slurm/live/cluster.sh``; nothing of it is left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from helpers.operate.slurm import Slurm

SCRIPT = Path(__file__).parent.parent / "fixtures" / "slurm" / "live" / "cluster.sh"
PROGRAMS = (
    "slurmctld",
    "slurmd",
    "slurmdbd",
    "sbatch",
    "munged",
    "mariadbd",
    "unshare",
    "nsenter",
    "runuser",
)


class Live:
    """A Slurm of four nodes that stays up until it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(SCRIPT), str(folder)], stdout=log, stderr=log, start_new_session=True
            )
        until_s = time.monotonic() + 120
        while not (folder / "ready").exists():
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"Slurm did not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self.inner = int(children.read_text().split()[0])

    def enter(self, user: str | None = None) -> tuple[str, ...]:
        """Words that run a command inside, as root or as one of its users."""
        words = ("nsenter", "-t", str(self.inner), "-m", "-u", "-n", "-p", "--")
        return words if user is None else (*words, "runuser", "-u", user, "--")

    def ours(self, user: str, folder: Path) -> tuple[str, ...]:
        """Words that run our command inside a folder as one of its users, by this very interpreter.

        The user may read it wherever it lies, and has no other right of root.
        """
        right = "+dac_read_search"
        where = ("env", "--chdir", str(folder))
        who = ("--reuid", user, "--regid", "g01", "--clear-groups")
        rights = ("--inh-caps", right, "--ambient-caps", right)
        return (*self.enter(), *where, "setpriv", *who, *rights, sys.executable, "-m", "helpers")

    def run(self, *words: str, user: str | None = None) -> str:
        """Run a command inside and return what it prints."""
        done = subprocess.run(
            [*self.enter(user), *words], capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def backend(self, user: str = "u01", **options: object) -> Slurm:
        """The back end of one of its users."""
        return Slurm(prefix=self.enter(user), user=user, **({"rest_s": 3.0} | options))

    def kill_controller(self) -> None:
        """Kill slurmctld with SIGKILL."""
        with suppress(RuntimeError):
            self.run("sh", "-c", 'kill -9 "$(cat /run/live/slurmctld.pid)"')

    def start_controller(self) -> None:
        """Start slurmctld again."""
        self.run("slurmctld")

    def kill_node(self, number: int) -> None:
        """Kill the slurmd of a node with SIGKILL; what it started runs on."""
        with suppress(RuntimeError):
            self.run("sh", "-c", f'kill -9 "$(cat /run/live/n{number}.pid)"')

    def start_node(self, number: int) -> None:
        """Start the slurmd of a node again."""
        self.run("slurmd", "-N", f"n{number}")

    def keep_logs(self, folder: Path) -> None:
        """Copy the daemons' logs and what the controller knows of all jobs."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("slurmctld", "n1", "n2", "n3", "n4"):
            with suppress(RuntimeError):
                (folder / f"{name}.log").write_text(self.run("cat", f"/run/live/{name}.log"))
        with suppress(RuntimeError):
            (folder / "jobs").write_text(self.run("scontrol", "show", "job"))

    def close(self) -> None:
        """End all of it."""
        with suppress(ProcessLookupError):
            os.kill(self.inner, signal.SIGKILL)
        self._process.wait(30)


def open_to_all(folder: Path) -> Path:
    """Let a job's user read and write a folder, and pass all those above it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


def started_ok(words: Sequence[str]) -> bool:
    """Whether a command ends well."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
