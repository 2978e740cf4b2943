"""How long does it take to read a real log, every row checked, and to read it elsewhere unchecked?

`evalys` 4.0.7 needs a pandas of before 2.2, so it lives in an environment of its own, kept in the
cache of pytest, and is called there through a pipe (some 0.05 ms a call).
"""

import bz2
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from helpers.jobs import read_swf, write_swf

LOG = Path(__file__).parents[2] / "data" / "jobs" / "UniLu-Gaia-2014-2.swf.bz2"
JOBS = 51_987
NEEDS = ["pandas>=2.1,<2.2", "numpy<2", "matplotlib", "seaborn", "procset", "setuptools", "wheel"]
SERVER = """
import sys, warnings
warnings.simplefilter("ignore")
from evalys.workload import Workload
for path in sys.stdin:
    print(len(Workload.from_csv(path.strip()).df), flush=True)
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Return the embedded log as plain text."""
    path = tmp_path_factory.mktemp("bench") / "UniLu-Gaia-2014-2.swf"
    path.write_bytes(bz2.decompress(LOG.read_bytes()))
    return path


def build(folder):
    """Make an environment with evalys and return its Python; skip if that is not possible here."""
    python = folder / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = folder / "done"
    if done.exists():
        return python
    uv = shutil.which("uv")
    if uv:
        make = [uv, "venv", "--clear", "--python", sys.executable, str(folder / "env")]
        install = [uv, "pip", "install", "--python", str(python)]
    else:
        make = [sys.executable, "-m", "venv", "--clear", str(folder / "env")]
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    evalys = ["--no-build-isolation", "--no-deps", "evalys==4.0.7"]
    for command in (make, install + NEEDS, install + evalys):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            why = (ran.stderr.strip() or ran.stdout.strip()).splitlines()[-1:]
            pytest.skip(f"evalys 4.0.7 cannot be installed here: {' '.join(why)}")
    done.touch()
    return python


@pytest.fixture(scope="module")
def evalys(request):
    """Return a function that makes evalys read a file and returns how many jobs it kept."""
    python = build(request.config.cache.mkdir("evalys-4.0.7"))
    command = [str(python), "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:

        def read(path):
            server.stdin.write(f"{path}\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        yield read
        server.stdin.close()


@pytest.mark.benchmark(group="read a log of 51,987 jobs")
def test_read_swf_checks_every_row(benchmark, log):
    assert JOBS == len(benchmark.pedantic(read_swf, [log], rounds=20, warmup_rounds=2))


@pytest.mark.benchmark(group="read a log of 51,987 jobs")
def test_evalys_checks_nothing(benchmark, log, evalys):
    # It takes the first job for a line of names, and leaves out the 127 with another status.
    kept = JOBS - 1 - 127
    assert kept == benchmark.pedantic(evalys, [log], rounds=20, warmup_rounds=2)


@pytest.mark.benchmark(group="read a log of 51,987 jobs")
def test_pandas_alone_checks_nothing(benchmark, log):
    def read():
        return pd.read_csv(log, comment=";", header=None, sep=r"\s+")

    assert JOBS == len(benchmark.pedantic(read, rounds=20, warmup_rounds=2))


@pytest.mark.benchmark(group="read a log of 51,987 jobs in which a row is bad")
def test_read_swf_finds_the_bad_line(benchmark, log, tmp_path):
    lines = log.read_bytes().splitlines()
    lines[-2] = lines[-2].replace(b" -1", b" ?", 1)
    bad = tmp_path / "bad.swf"
    bad.write_bytes(b"\n".join(lines))

    read = benchmark.pedantic(read_swf, [bad], {"errors": "skip"}, rounds=3)
    assert [len(lines) - 1] == read.skipped["line"].tolist()


@pytest.mark.benchmark(group="write a log of 51,987 jobs")
def test_write_swf(benchmark, log, tmp_path):
    jobs = read_swf(log)

    benchmark.pedantic(write_swf, [jobs, tmp_path / "log.swf"], rounds=5)
