"""Back ends to test with: this machine always, a real Slurm where `make real` asks for it."""

from __future__ import annotations

import gc
import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from fake_tapis import FakeTapis
from live import PROGRAMS, Live, open_to_all

from helpers.operate.local import Local
from helpers.operate.rules import Partition, Resources, Rules
from helpers.operate.tapis import Tapis, TapisApp


@pytest.fixture
def own_state(tmp_path, monkeypatch):
    """A folder of state of one's own, and no job of this machine left in it."""
    monkeypatch.setenv("CLEAN_HOURS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    yield
    for statuses in Local().jobs().values():
        for status in statuses:
            Local().cancel(status.job_id)


@pytest.fixture(scope="session")
def live():
    """A real Slurm, for all tests that need one."""
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    cluster = Live(folder)
    yield cluster
    cluster.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tmp_path(request):
    """A folder of the test's own, outside of pytest's where another user must get into it.

    Each pytest that starts closes the folder of all of them to other users again: a job of a test
    that runs beside it could no longer write.
    """
    if request.node.get_closest_marker("real") is None:
        yield request.getfixturevalue("tmp_path_factory").mktemp("test")
        return
    folder = Path(tempfile.mkdtemp(prefix="real"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Bench:
    """A back end, and where its jobs may write."""

    def __init__(self, backend, folder):
        self.backend, self.folder = backend, folder
        self.resources = Resources(wall_s=600.0, cores=1)

    def script(self, text):
        """A script of a user."""
        path = self.folder / f"script{time.monotonic_ns()}.sh"
        path.write_text("#!/bin/bash\n" + text)
        path.chmod(0o755)
        return path

    def status(self, key):
        """The one job of a key."""
        found = self.backend.jobs().get(key, [])
        assert 1 == len(found)
        return found[0]

    def wait_for(self, key, *states, timeout_s=30.0):
        """Wait until a job is in one of some states, and return its status."""
        until_s = time.monotonic() + timeout_s
        while (status := self.status(key)).state not in states:
            assert time.monotonic() < until_s, f"{status} is not {states}"
            time.sleep(0.1)
        return status


def psij_on(live, tmp_path, monkeypatch):
    """PSI/J's executor for Slurm; the commands that it calls are those inside, as root there."""
    from helpers.operate.psij import Psij

    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sbatch", "squeue", "scancel"):
        words = shlex.join([*live.enter(), shutil.which(name)])  # inside, the shim comes first, too
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))  # where PSI/J keeps what it hands over
    return Psij("slurm", tmp_path / "psij", rules=live.backend().rules(), polling_s=2.0)


LEAKS = "ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"
"""PSI/J's local executor leaves the pipe of each ended process open."""


@pytest.fixture(
    params=[
        "local",
        "tapis",
        pytest.param("psij", marks=pytest.mark.filterwarnings(LEAKS)),
        pytest.param("psij on slurm", marks=pytest.mark.real(*PROGRAMS)),
        pytest.param("slurm", marks=pytest.mark.real(*PROGRAMS)),
    ]
)
def bench(request, tmp_path, monkeypatch):
    """Each back end in turn."""
    folder, service = open_to_all(tmp_path / "work"), None
    if request.param == "local":
        bench = Bench(Local(tmp_path / "local", cores=2), folder)
    elif request.param == "tapis":
        service = FakeTapis(tmp_path)
        token = tmp_path / "token"
        token.write_text(service.token)
        token.chmod(0o600)
        app = TapisApp("clean-hours", "0.1", "cluster")
        rules = Rules((Partition("normal", 1, 2, 4000.0, default=True),))
        bench = Bench(Tapis(service.url, token, app, rules), folder)
    elif request.param == "psij":
        pytest.importorskip("psij", reason="PSI/J lives in an environment of its own")
        from helpers.operate.psij import Psij

        bench = Bench(Psij("local", tmp_path / "psij"), folder)
    elif request.param == "psij on slurm":
        pytest.importorskip("psij", reason="PSI/J lives in an environment of its own")
        bench = Bench(psij_on(request.getfixturevalue("live"), tmp_path, monkeypatch), folder)
    else:
        bench = Bench(request.getfixturevalue("live").backend(timeout_s=20.0), folder)
    yield bench
    for statuses in bench.backend.jobs().values():
        for status in statuses:
            if not status.over:
                bench.backend.cancel(status.job_id)
    if service is not None:
        service.close()
    if request.param == "psij":
        del bench.backend
        gc.collect()  # now, while what PSI/J leaves open is known, and not at the end of all tests
