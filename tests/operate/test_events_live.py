"""The command's own agent, with a broker, on a real Slurm: nothing is lost when the broker dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from live import PROGRAMS, open_to_all
from operate_problems import quick

from helpers.operate.plans import write_plan
from helpers.operate.store import folders, read_journal

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0  # machines that run tests are busy


class Programs:
    """Programs of one user inside a Slurm, each with a file of what it prints."""

    def __init__(self, live, folder):
        self.live, self.folder = live, folder
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        state = open_to_all(folder / "state")
        self.variables = {
            **os.environ,
            "PYTHONPATH": paths,
            "CLEAN_HOURS_STATE": str(state),
            "HOME": str(folder),
        }
        self.running = {}

    def start(self, name, *words):
        with (self.folder / name).open("ab") as out:
            self.running[name] = subprocess.Popen(
                [*self.live.ours("u01", self.folder), *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self.variables,
            )

    def told(self, name):
        return (self.folder / name).read_text().splitlines()

    def ask(self, *words):
        done = subprocess.run(
            [*self.live.ours("u01", self.folder), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
            env=self.variables,
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout

    def end(self, name, how=signal.SIGTERM):
        """End a program; what was started is the one child of who entered the name spaces."""
        process = self.running.pop(name)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        for child in children.split():
            os.kill(int(child), how)
        process.wait(PATIENCE_S)


@pytest.fixture
def programs(live, tmp_path):
    found = Programs(live, open_to_all(tmp_path / "work"))
    yield found
    for name in list(found.running):
        found.end(name, signal.SIGKILL)


def until(true, what):
    until_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until_s, f"{what} has not happened"
        time.sleep(0.1)


def said_by(lines, kind, of=None):
    """What was printed of notices of a kind, as mappings: of all jobs, or of one by its key."""
    words = [line.split() for line in lines]
    return [
        dict(word.split("=", 1) for word in told[3:] if "=" in word)
        for told in words
        if len(told) > 3 and told[1] == kind and of in {None, told[2]}
    ]


@pytest.mark.real(*PROGRAMS, "setpriv")
def test_an_agent_on_a_real_slurm_loses_nothing_when_its_broker_is_killed(programs):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"nats://127.0.0.1:{free.getsockname()[1]}"
    serve = ("events", "serve", "--events", url, "--store", str(programs.folder / "nats"))
    pace = ("--poll", "1s", "--tick", "0.2s", "--rest", "3s")
    programs.start("broker", *serve)
    until(lambda: any("Server is ready" in line for line in programs.told("broker")), "a broker")
    programs.start("heard", "events", "watch", "--events", url)
    programs.start("agent", "agent", "--on", "slurm", "--events", url, *pace)
    listens = ("events", "say", "--events", url, "--forecast", "DE")
    programs.ask(*listens)
    while not said_by(programs.told("heard"), "forecast"):
        programs.ask(*listens)
    made, text, _ = quick(time.time() + 6.0, window_s=100.0)
    write_plan(made, programs.folder / "plan.json")
    (programs.folder / "job.sh").write_text(text)
    programs.ask("submit", "--on", "slurm", "--plan", "plan.json", "job.sh")
    (folder,) = folders(programs.folder / "state")

    until(lambda: said_by(programs.told("heard"), "checkpoint"), "a first word of the job")
    programs.end("broker", signal.SIGKILL)
    watched = json.loads(programs.ask("watch", "--on", "slurm", "--json"))["jobs"]
    programs.start("broker", *serve)
    until(lambda: folder.over, "a receipt")
    until(
        lambda: any(n["what"] == "finish" for n in said_by(programs.told("heard"), "action")),
        "the last notice",
    )
    programs.end("agent")
    heard = programs.told("heard")
    receipt = json.loads((folder.path / "receipt.json").read_text())
    done = [e.what for e in read_journal(folder) if e.result == "done"]
    told = [n["what"] for n in said_by(heard, "action")]
    marks = [n["number"] for n in said_by(heard, "checkpoint") if n["state"] == "checkpoint"]
    # Slurm still knows jobs of the tests before, which the agent tells of, too.
    states = [(int(n["restarts"]), n["state"]) for n in said_by(heard, "job", made.id)]

    assert [made.id] == [job["key"] for job in watched]
    assert "completed" == receipt["outcome"]
    assert receipt["real_stop_s"][-1] <= made.deadline_s
    assert 1 == done.count("requeue")
    assert [what for what in done if what not in {"submit", "missing", "found"}] == told
    assert list("123456") == marks
    assert [(0, "waiting"), (0, "running"), (1, "waiting"), (1, "running")] == states[:4]
    assert (1, "completed") == states[-1]
