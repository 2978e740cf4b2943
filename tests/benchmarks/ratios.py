"""The rows of the page of benchmarks: ratios beside a peer, how costs grow, and the memory it takes.

``make bench`` runs it: it measures CPU time, which says more than a clock on a shared machine, and
writes ``book/results/benchmarks.json``.  Times of one machine are no claim; ratios, exponents of
growth and the memory of a fresh process are.  What is beyond its limit makes it fail.
"""

import argparse
import functools
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / name) for name in ("", "benchmarks", "cluster")]

from peaks import uses  # noqa: E402
from sacct_export import export  # noqa: E402
from slow_places import QuickJudge  # noqa: E402
from test_bench_cluster import CLUSTER, SERVER, generated  # noqa: E402
from test_bench_schedule import INTENSITY, JULY_S, published_problems  # noqa: E402

from helpers import datasets  # noqa: E402
from helpers.carbon import Intensity  # noqa: E402
from helpers.carbon.accounting import account  # noqa: E402
from helpers.carbon.totals import totals  # noqa: E402
from helpers.cluster import replay  # noqa: E402
from helpers.cluster.engine import _Carbon, _simulated  # noqa: E402
from helpers.decide import (  # noqa: E402
    Below,
    CarbonEasy,
    Conservative,
    Easy,
    Fifo,
    Filler,
    backfill,
)
from helpers.jobs import write_swf  # noqa: E402
from helpers.jobs.sacct import read_sacct  # noqa: E402
from helpers.phases import Phase, PhaseModel  # noqa: E402
from helpers.publish import Numbers, Scope  # noqa: E402
from helpers.schedule import best_schedule, best_schedules  # noqa: E402
from helpers.work import Cluster, Workload  # noqa: E402

OUT = ROOT / "book" / "results" / "benchmarks.json"


def cpu_s(call, rounds=3):
    """Return the CPU time of the fastest of a few calls, after one that compiles [s]."""
    call()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken)


def exponent(sizes, call, rounds=1):
    """Return the power of the size with which the cost of `call` grows, from end to end."""
    call(sizes[0])
    first, last = (cpu_s_once(call, size, rounds) for size in (sizes[0], sizes[-1]))
    return math.log(last / first) / math.log(sizes[-1] / sizes[0])


def cpu_s_once(call, size, rounds):
    """Return the CPU time of the fastest of a few calls [s]."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        call(size)
        taken.append(time.process_time() - began)
    return min(taken)


# --- beside a peer -------------------------------------------------------------------------------


def sacct_over_pandas():
    """Reading sacct, steps folded and all checked, over pandas' C parser on the same bytes."""
    data = export(50_000)
    ours = cpu_s(lambda: read_sacct(io.BytesIO(data), time_zone="Europe/Berlin"))
    return ours / cpu_s(lambda: pd.read_csv(io.BytesIO(data), sep="|", low_memory=False))


def engine_over_twin():
    """EASY by the engine over the compiled twin on the same jobs."""
    jobs, none = generated(10_000, 0.8), _Carbon(None, None, np.nan)
    engine = cpu_s(lambda: _simulated(jobs, CLUSTER, Easy(), none, False, False), 1)
    return engine / cpu_s(lambda: replay(jobs, CLUSTER, Easy()))


def odd_over_even(power_w, day):
    """A start-up of 601.37 s over one of 600 s, for a job of 8 h within 96 h from a day on."""
    begin_s = float(INTENSITY.edges_s[0]) + day * 86_400
    window = (INTENSITY, begin_s, begin_s + 96 * 3600)

    def job(startup_s):
        start = Phase("start", startup_s, power_w)
        return PhaseModel("job", [start], [Phase("work", 8 * 3600, 200)])

    odd, even = (
        cpu_s(functools.partial(best_schedule, job(startup_s), *window), 50)
        for startup_s in (601.37, 600.0)
    )
    return odd / even


def odd_over_even_start_up():
    """A start-up that divides nothing (601.37 s) over one that does (600 s): best_schedule."""
    return odd_over_even(150, 182)


def odd_over_even_with_a_pause():
    """A start-up of 601.37 s over one of 600 s where a pause pays: best_schedule."""
    return odd_over_even(50, 250)


def one_by_one_over_batched():
    """The problems of the published evaluation solved one by one over one batched call."""
    published = published_problems()
    jobs = [problem.job for problem in published]
    deadline_s = JULY_S + np.array([problem.window_s for problem in published])

    def singly():
        for job, end_s in zip(jobs, deadline_s, strict=True):
            best_schedule(job, INTENSITY, JULY_S, float(end_s))

    batched = cpu_s(lambda: best_schedules(jobs, INTENSITY, JULY_S, deadline_s, workers=1))
    return cpu_s(singly, 1) / batched


def detailed_over_totals():
    """The account with a row for each job and step over the totals by job."""
    start_s, stop_s, power_w, intensity = uses(20_000)
    table = pd.DataFrame({"start": start_s, "stop": stop_s, "power_w": power_w})
    detailed = cpu_s(lambda: account(table, intensity), 1)
    return detailed / cpu_s(lambda: totals(start_s, stop_s, power_w, intensity))


def tslearn_over_dtaidistance():
    """A warping path of tslearn over one of dtaidistance: two runs of a job."""
    from dtaidistance import dtw
    from tslearn.metrics import dtw_path

    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 1200)).cumsum(axis=1)
    slow = cpu_s(
        lambda: dtw_path(first, second, global_constraint="sakoe_chiba", sakoe_chiba_radius=12)
    )
    return slow / cpu_s(lambda: dtw.warping_path_fast(first, second, window=13), 10)


def filler_over_easy():
    """EASY with best-effort jobs over EASY, both by the engine, all jobs submitted at once."""
    jobs, none = generated(2_000, None), _Carbon(None, None, np.nan)

    def run(policy):
        return _simulated(jobs, Cluster(96), policy, none, False, False)

    return cpu_s(lambda: run(Filler()), 1) / cpu_s(lambda: run(Easy()), 1)


def accasim_over_twin():
    """First in, first out over the whole Gaia log by AccaSim 1.1.3 over the same by the twin."""
    python = os.environ.get("HELPERS_ACCASIM_PYTHON")
    if not python:
        raise Skipped("AccaSim is not here: HELPERS_ACCASIM_PYTHON names a Python that has it")
    whole = datasets.job_log("unilu-gaia-2014")
    ran = whole.jobs[whole.jobs["run_s"] > 0].assign(requested_memory_kb=1.0)
    log = whole.with_jobs(ran.reset_index(drop=True))
    with tempfile.TemporaryDirectory() as folder:
        write_swf(log, Path(folder) / "log.swf")
        command = [python, "-c", SERVER, "fifo", str(Path(folder) / "log.swf"), folder]
        done = subprocess.run(command, input="go\n", capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    jobs = Workload.from_log(log, power_w=10.0)
    wait_s = replay(jobs, CLUSTER, Fifo()).jobs["wait_s"]
    if (len(wait_s), round(wait_s.mean(), 6)) != (found["jobs"], round(found["mean_wait_s"], 6)):
        raise RuntimeError(f"AccaSim and the twin served the log differently: {found}")
    return found["cpu_s"] / cpu_s(lambda: replay(jobs, CLUSTER, Fifo()))


def all_steps_over_stretches():
    """Conservative backfilling by a search through all steps over that led by bounds."""
    jobs, none = generated(3_000, None), _Carbon(None, None, np.nan)

    def run(kind):
        before, backfill.Counts = backfill.Counts, kind
        try:
            _simulated(jobs, Cluster(96), Conservative(), none, False, False)
        finally:
            backfill.Counts = before

    return cpu_s(lambda: run(QuickJudge), 1) / cpu_s(lambda: run(backfill.Counts), 1)


RATIOS = {
    # name: what is measured, the limit, whether it is a most (or a least), digits
    "sacct_over_pandas": (sacct_over_pandas, 3.0, "most", 1),
    "engine_over_twin": (engine_over_twin, 10.0, "least", 0),
    "accasim_over_twin": (accasim_over_twin, 100.0, "least", 0),
    "all_steps_over_stretches": (all_steps_over_stretches, 3.0, "least", 1),
    "odd_over_even_start_up": (odd_over_even_start_up, 1.5, "most", 1),
    "odd_over_even_with_a_pause": (odd_over_even_with_a_pause, 3.0, "most", 1),
    "one_by_one_over_batched": (one_by_one_over_batched, 1.1, "least", 1),
    "detailed_over_totals": (detailed_over_totals, 10.0, "least", 0),
    "tslearn_over_dtaidistance": (tslearn_over_dtaidistance, 2.0, "least", 1),
    "filler_over_easy": (filler_over_easy, 1.5, "most", 1),
}


# --- growth --------------------------------------------------------------------------------------


def grow_easy(n):
    """EASY by the twin, at a load of 0.8."""
    replay(generated(n, 0.8), CLUSTER, Easy())


def grow_account(n):
    """Totals by job over a year of five minutes."""
    totals(*uses(n))


EXPORTS = {n: export(n) for n in (5_000, 50_000)}


def grow_sacct(n):
    """Reading sacct, four rows a job."""
    read_sacct(io.BytesIO(EXPORTS[n]), time_zone="Europe/Berlin")


def grow_conservative(n):
    """Conservative backfilling of jobs that all wait at once, each with a reservation."""
    replay(generated(n, None), Cluster(96), Conservative())


def grow_conservative_kept_up(n):
    """Conservative backfilling by the twin, at a load of 0.8."""
    replay(generated(n, 0.8), CLUSTER, Conservative())


def grow_filler_kept_up(n):
    """EASY with best-effort jobs, at a load of 0.8."""
    replay(generated(n, 0.8), CLUSTER, Filler())


def grow_carbon_kept_up(n):
    """Carbon-aware EASY, whose gate is open half of the time, at a load of 0.8."""
    jobs = generated(n, 0.8)
    jobs = jobs.with_jobs(jobs.jobs.assign(longest_wait_s=12 * 3600.0))
    edges_s = 300.0 * np.arange(math.ceil(float(jobs.jobs["submit_s"].max()) / 300.0) + 365 * 288)
    values = 300 + 100 * np.sin(np.arange(edges_s.size - 1) * 2 * np.pi / 288)  # a day's wave
    curve = Intensity(edges_s, values, "average", "DE", "generated")
    replay(jobs, CLUSTER, CarbonEasy(Below(300.0)), intensity=curve, origin=0.0)


def grow_conservative_depth(n):
    """The same with reservations for the first hundred of the line."""
    replay(generated(n, None), Cluster(96), Conservative(depth=100))


def grow_filler(n):
    """EASY with best-effort jobs; all wait at once."""
    replay(generated(n, None), Cluster(96), Filler())


def grow_carbon(n):
    """Carbon-aware EASY, whose gate is open half of the time; all wait at once."""
    median = float(np.median(INTENSITY.intensity_g_per_kwh))
    jobs = generated(n, None)
    jobs = jobs.with_jobs(jobs.jobs.assign(longest_wait_s=48 * 3600.0))
    replay(jobs, Cluster(96), CarbonEasy(Below(median)), intensity=INTENSITY, origin=JULY_S)


GROWTH = {
    "growth_easy": (grow_easy, (10_000, 1_000_000), 1.3),
    "growth_account": (grow_account, (10_000, 1_000_000), 1.3),
    "growth_sacct": (grow_sacct, (5_000, 50_000), 1.3),
    "growth_conservative_kept_up": (grow_conservative_kept_up, (10_000, 1_000_000), 1.3),
    "growth_conservative": (grow_conservative, (1_000, 10_000), 2.3),
    "growth_conservative_depth": (grow_conservative_depth, (1_000, 10_000), 1.4),
    "growth_filler_kept_up": (grow_filler_kept_up, (10_000, 1_000_000), 1.3),
    "growth_carbon_kept_up": (grow_carbon_kept_up, (10_000, 1_000_000), 1.3),
    "growth_filler": (grow_filler, (1_000, 10_000), 2.0),
    "growth_carbon": (grow_carbon, (500, 4_000), 2.0),
}


# --- memory --------------------------------------------------------------------------------------


def peak_mb(*arguments):
    """Return the most memory that a fresh process held which did what `peaks` says [MB]."""
    command = [sys.executable, str(Path(__file__).with_name("peaks.py")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["peak_mb"]


def memory_sacct(rows):
    """Reading a compressed export of Slurm, four rows a job, for its account by user and by month."""
    import zstandard

    jobs = 50_000
    with tempfile.TemporaryDirectory() as folder:
        few, path = Path(folder) / "few.txt", Path(folder) / "jobs.txt.zst"
        few.write_bytes(export(5_000))
        with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as out:
            for first in range(0, rows // 4, jobs):
                data = export(min(jobs, rows // 4 - first), seed=first, first=first)
                out.write(data.partition(b"\n")[2] if first else data)
        peak_mb("sacct", few)  # compiles, if it was not yet
        return peak_mb("sacct", path)


def memory_account(jobs):
    """Totals by job over a year of five minutes, the jobs and the totals among it."""
    return peak_mb("account", jobs)


MEMORY = {
    # name: what is measured, how many of what, the limit in MB
    "memory_sacct": (memory_sacct, 5_000_000, "rows", 300),
    "memory_account": (memory_account, 10_000_000, "jobs", 2000),
}


class Skipped(Exception):
    """A peer is not here; what was measured of it before stays."""


def stored(found, skipped):
    """Store what was measured; what was not, if only for now, stays as it was."""
    new = {number["name"] for number in found["numbers"]}
    before = json.loads(OUT.read_text())["numbers"] if OUT.exists() else []
    every = (*RATIOS, *GROWTH, *MEMORY)
    known = [name for name in every if not skipped or name in skipped or name in new]
    by_name = {number["name"]: number for number in (*before, *found["numbers"])}
    names = [name + end for name in known for end in ("", "_limit", "_from", "_to", "_of")]
    found["numbers"] = [by_name[name] for name in names if name in by_name]
    OUT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def main(names, store):
    """Measure, print, store."""
    numbers, broken, skipped = Numbers("benchmarks", Scope(jobs="generated jobs")), [], []
    for name, (measure, limit, side, digits) in RATIOS.items():
        if names and name not in names:
            continue
        try:
            ratio = measure()
        except Skipped as reason:
            print(f"[bench] {name}: not measured. {reason}.", flush=True)
            skipped.append(name)
            continue
        numbers.record(name, ratio, "", digits, measure.__doc__.rstrip("."))
        numbers.record(f"{name}_limit", limit, "", digits, f"the {side} that is allowed of it")
        kept = ratio <= limit if side == "most" else ratio >= limit
        broken += [] if kept else [name]
        print(f"[bench] {name}: {ratio:.3g} (at {side} {limit:g})", flush=True)
    for name, (grow, sizes, limit) in GROWTH.items():
        if names and name not in names:
            continue
        found = exponent(sizes, grow)
        words = f"{grow.__doc__.rstrip('.')}: cost grows with this power of the jobs"
        numbers.record(name, found, "", 2, words)
        numbers.record(f"{name}_limit", limit, "", 1, "the most that is allowed of it")
        for end, size in zip(("from", "to"), sizes, strict=True):
            numbers.record(f"{name}_{end}", size, "jobs", 0, f"jobs it was measured {end}")
        broken += [] if found <= limit else [name]
        print(f"[bench] {name}: {found:.2f} (at most {limit:g})", flush=True)
    for name, (measure, size, what, limit) in MEMORY.items():
        if names and name not in names:
            continue
        found = measure(size)
        numbers.record(name, found, "MB", 0, measure.__doc__.rstrip("."))
        numbers.record(f"{name}_limit", limit, "MB", 0, "the most that is allowed of it")
        numbers.record(f"{name}_of", size, what, 0, f"{what} it was measured with")
        broken += [] if found <= limit else [name]
        print(f"[bench] {name}: {found:.0f} MB (at most {limit})", flush=True)
    if not names or store:
        stored(numbers.as_dict(), set() if store else set(skipped))
    return f"beyond its limit: {', '.join(broken)}" if broken else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="which rows (default: all, stored)")
    parser.add_argument("--store", action="store_true", help="store those that are named, too")
    given = parser.parse_args()
    sys.exit(main(given.names, given.store))
