"""Replays of a real log beside AccaSim on the same jobs, cost per job, and memory.

AccaSim 1.1.3 needs pandas before 2.2 and `collections.Mapping`, which Python 3.10 dropped, so it
lives in an environment of its own, kept in the cache of pytest; `HELPERS_ACCASIM_PYTHON` names the
Python of another one. It is given the same jobs: those of the log that ran at all, each asking for
1 kB of memory, because it stops at jobs that ask for none. 167 nodes of 12 cores, first fit.

Under first in, first out both start every job at the same second. Under EASY they differ, because
AccaSim reserves a time but holds nobody off: tests/cluster/test_accasim.py has its rule, under
which the replay here agrees with it again.

On a busy machine compare ``cpu_s`` of ``--benchmark-json`` rather than the times of the clock.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from helpers import datasets
from helpers.cluster import replay
from helpers.cluster.metrics import check, metrics
from helpers.decide import Conservative, Easy, Fifo
from helpers.jobs import write_swf
from helpers.work import Cluster, NodePower, Workload, workload_table

CLUSTER = Cluster(167, 12, NodePower(idle_w=100.0))
DAY_S = 86_400.0
NEEDS = ["pandas<2.2", "numpy<2", "accasim==1.1.3"]
SERVER = """
import collections, collections.abc, json, sys, time, warnings
warnings.simplefilter("ignore")
collections.Mapping = collections.abc.Mapping
from accasim.base.simulator_class import Simulator
from accasim.base.scheduler_class import EASYBackfilling, FirstInFirstOut
from accasim.base.allocator_class import FirstFit
policy, log, folder = sys.argv[1:]
system = {"groups": {"node": {"core": 12}}, "resources": {"node": 167}, "start_time": 0}
system["equivalence"] = {"processor": {"core": 1}}
with open(folder + "/system.json", "w") as file:
    json.dump(system, file)
scheduler = {"fifo": FirstInFirstOut, "easy": EASYBackfilling}[policy](FirstFit())
simulator = Simulator(log, folder + "/system.json", scheduler, scheduling_output=False,
    statistics_output=False, show_statistics=False, RESULTS_FOLDER_PATH=folder)
print("ready", flush=True)
sys.stdin.readline()
began = time.process_time()
simulator.start_simulation()
found = {"cpu_s": time.process_time() - began, "jobs": len(simulator.mapper.wtimes)}
found["mean_wait_s"] = sum(simulator.mapper.wtimes) / found["jobs"]
print(json.dumps(found), flush=True)
"""
POLICIES = {"fifo": Fifo, "easy": Easy}
PARTS = {"whole log": (0.0, np.inf), "days 28 to 56": (28 * DAY_S, 56 * DAY_S)}


def build(folder):
    """Make an environment with AccaSim and return its Python; skip if that is not possible here."""
    if os.environ.get("HELPERS_ACCASIM_PYTHON"):
        return os.environ["HELPERS_ACCASIM_PYTHON"]
    python = folder / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (folder / "done").exists():
        uv = shutil.which("uv")
        make = [uv, "venv", "--clear"] if uv else [sys.executable, "-m", "venv", "--clear"]
        install = [uv, "pip", "install", "--python"] if uv else []
        install = [*install, str(python)] if uv else [str(python), "-m", "pip", "install"]
        for command in ([*make, str(folder / "env")], [*install, *NEEDS]):
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                why = (ran.stderr.strip() or ran.stdout.strip()).splitlines()[-1:]
                pytest.skip(f"{' '.join(NEEDS)} cannot be installed here: {' '.join(why)}")
        (folder / "done").touch()
    return str(python)


@pytest.fixture(scope="module")
def log():
    """Return the jobs of the log that ran."""
    whole = datasets.job_log("unilu-gaia-2014")
    ran = whole.jobs[whole.jobs["run_s"] > 0].assign(requested_memory_kb=1.0)
    return whole.with_jobs(ran.reset_index(drop=True))


def workload(log, part):
    return Workload.from_log(log.window(*PARTS[part]), power_w=10.0)


CASES = [("fifo", "whole log"), ("easy", "whole log"), ("easy", "days 28 to 56")]


@pytest.mark.parametrize(("policy", "part"), CASES)
def test_replay(benchmark, log, policy, part):
    benchmark.group = f"{policy}, {part}"
    jobs = workload(log, part)

    cpu_s = []

    def run():
        began = time.process_time()
        replayed = replay(jobs, CLUSTER, POLICIES[policy]())
        cpu_s.append(time.process_time() - began)
        return replayed

    replayed = benchmark.pedantic(run, rounds=5, warmup_rounds=1)

    benchmark.extra_info["cpu_s"] = round(min(cpu_s), 3)
    benchmark.extra_info["mean_wait_s"] = round(replayed.jobs["wait_s"].mean(), 3)
    check(replayed)


@pytest.mark.parametrize(("policy", "part"), [CASES[0], CASES[2]])
def test_accasim(benchmark, request, log, tmp_path, policy, part):
    benchmark.group = f"{policy}, {part}"
    python = build(request.config.cache.mkdir("accasim-1.1.3"))
    write_swf(log.window(*PARTS[part]), tmp_path / "log.swf")
    command = [python, "-c", SERVER, policy, str(tmp_path / "log.swf"), str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:
        assert "ready\n" == server.stdout.readline()

        def simulate():
            server.stdin.write("go\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        found = benchmark.pedantic(simulate, rounds=1)
    benchmark.extra_info["cpu_s"] = round(found["cpu_s"], 3)
    benchmark.extra_info["mean_wait_s"] = round(found["mean_wait_s"], 3)
    ours = replay(workload(log, part), CLUSTER, POLICIES[policy]()).jobs["wait_s"]

    assert len(ours) == found["jobs"]
    if policy == "fifo":
        assert ours.mean() == pytest.approx(found["mean_wait_s"], rel=1e-12)
    else:
        assert found["mean_wait_s"] == pytest.approx(153.66205418047164, rel=1e-12)


@pytest.mark.parametrize("hosts", [False, True], ids=["count-based", "host-aware"])
def test_conservative_backfilling_on_the_whole_log(benchmark, log, hosts):
    benchmark.group = "conservative, whole log"
    jobs = workload(log, "whole log")

    benchmark.pedantic(replay, (jobs, CLUSTER, Conservative(hosts=hosts)), rounds=1)


def test_metrics_of_the_whole_log(benchmark, log):
    benchmark.group = "metrics, whole log"
    replayed = replay(workload(log, "whole log"), CLUSTER, Easy())

    benchmark.pedantic(metrics, (replayed,), rounds=3)


def poisson(n):
    """Generated jobs at a utilization of about 0.8."""
    rng = np.random.default_rng(1)
    processors = rng.choice([1, 2, 4, 12, 24, 96], n, p=[0.5, 0.2, 0.12, 0.12, 0.05, 0.01])
    run_s = rng.lognormal(7.0, 1.5, n)
    gap_s = (processors * run_s).mean() / (0.8 * CLUSTER.cores)
    table = {
        "job_id": np.arange(n),
        "submit_s": np.cumsum(rng.exponential(gap_s, n)),
        "run_s": run_s,
        "requested_s": run_s * rng.uniform(1, 5, n),
        "processors": processors,
        "power_w": 10.0,
    }
    return Workload(workload_table(table), source="generated")


@pytest.mark.parametrize("n", [10_000, 100_000, 1_000_000])
@pytest.mark.parametrize("policy", POLICIES)
def test_cost_per_job(benchmark, policy, n):
    benchmark.group = f"{policy}, generated jobs"
    jobs = poisson(n)

    began = time.process_time()
    benchmark.pedantic(replay, (jobs, CLUSTER, POLICIES[policy]()), rounds=1)

    benchmark.extra_info["cpu_us_per_job"] = round((time.process_time() - began) / n * 1e6, 2)


MEMORY = """
from pathlib import Path
from helpers import datasets
from helpers.work import Cluster, NodePower, Workload
from helpers.cluster import replay
from helpers.cluster.metrics import metrics
from helpers.decide import Easy
jobs = Workload.from_log(datasets.job_log("unilu-gaia-2014"), power_w=10.0, errors="skip")
metrics(replay(jobs, Cluster(167, 12, NodePower(idle_w=100.0)), Easy()))
(peak,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
print(peak.split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak of a process alone")
def test_memory_of_the_whole_log(benchmark):
    benchmark.group = "memory, whole log"

    def run():
        done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True)
        return int(done.stdout) / 1024

    benchmark.extra_info["peak_mib"] = round(benchmark.pedantic(run, rounds=1))


# --- the compiled twin beside the engine --------------------------------------------------


def generated(n, load, seed=0):
    """Jobs made up: sizes powers of two, lognormal lengths, submissions even over time."""
    rng = np.random.default_rng(seed)
    processors, run_s = np.minimum(2 ** rng.integers(0, 7, n), 96), rng.lognormal(7, 1.5, n)
    span_s = (processors * run_s).sum() / (load * CLUSTER.cores) if load else 0.0
    return Workload(
        workload_table(
            {
                "job_id": np.arange(n),
                "submit_s": np.sort(rng.uniform(0, span_s, n)) if load else np.zeros(n),
                "run_s": run_s,
                "requested_s": run_s * rng.uniform(1, 5, n),
                "processors": processors,
                "power_w": 1.0,
            }
        )
    )


@pytest.mark.parametrize("n", [10_000, 100_000, 1_000_000])
@pytest.mark.parametrize(("load", "cluster"), [(0.8, CLUSTER), (None, Cluster(96))])
def test_easy_by_the_twin(benchmark, n, load, cluster):
    jobs = generated(n, load)
    replay(generated(100, load), cluster, Easy())  # compiled

    benchmark.pedantic(replay, (jobs, cluster, Easy()), rounds=1)
    benchmark.extra_info["us_a_job"] = 1e6 * benchmark.stats.stats.min / n


@pytest.mark.parametrize("n", [1_000, 2_000, 4_000, 10_000])
def test_conservative_by_the_twin_when_all_wait_at_once(benchmark, n):
    jobs = generated(n, None)
    replay(generated(100, None), Cluster(96), Conservative())  # compiled

    benchmark.pedantic(replay, (jobs, Cluster(96), Conservative()), rounds=1)
    benchmark.extra_info["ns_a_look"] = 1e9 * benchmark.stats.stats.min / (n * n / 2)


@pytest.mark.parametrize("n", [10_000, 100_000, 1_000_000])
def test_conservative_by_the_twin_on_a_machine_that_keeps_up(benchmark, n):
    jobs = generated(n, 0.8)
    replay(generated(100, 0.8), CLUSTER, Conservative())  # compiled

    benchmark.pedantic(replay, (jobs, CLUSTER, Conservative()), rounds=1)
    benchmark.extra_info["us_a_job"] = 1e6 * benchmark.stats.stats.min / n


def test_easy_by_the_engine_for_comparison(benchmark):
    from helpers.cluster.engine import _Carbon, _simulated

    jobs, none = generated(10_000, 0.8), _Carbon(None, None, np.nan)

    benchmark.pedantic(_simulated, (jobs, CLUSTER, Easy(), none, False, False), rounds=1)
    benchmark.extra_info["us_a_job"] = 1e6 * benchmark.stats.stats.min / 10_000
