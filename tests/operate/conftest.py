"""Back ends to test with: this machine always, a real Slurm where `make real` asks for it."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import pytest
from live import PROGRAMS, Live, open_to_all

from helpers.operate.local import Local
from helpers.operate.rules import Resources


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


@pytest.fixture(params=["local", pytest.param("slurm", marks=pytest.mark.real(*PROGRAMS))])
def bench(request, tmp_path):
    """Each back end in turn."""
    folder = open_to_all(tmp_path / "work")
    if request.param == "local":
        bench = Bench(Local(tmp_path / "local", cores=2), folder)
    else:
        bench = Bench(request.getfixturevalue("live").backend(timeout_s=20.0), folder)
    yield bench
    for statuses in bench.backend.jobs().values():
        for status in statuses:
            if not status.over:
                bench.backend.cancel(status.job_id)
