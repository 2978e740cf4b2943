"""The rows of the page of benchmarks: ratios beside a peer in the same run, and how costs grow.

``make bench`` runs it: it measures CPU time, which says more than a clock on a shared machine, and
writes ``book/results/benchmarks.json``.  Times of one machine are no claim; ratios and exponents
of growth are.  A ratio beyond its limit makes it fail.
"""

import argparse
import functools
import io
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "benchmarks")]

from sacct_export import FIRST_S, export  # noqa: E402
from test_bench_cluster import CLUSTER, generated  # noqa: E402
from test_bench_schedule import INTENSITY, JULY_S, published_problems  # noqa: E402

from helpers.carbon import Intensity  # noqa: E402
from helpers.carbon.accounting import account  # noqa: E402
from helpers.carbon.totals import totals  # noqa: E402
from helpers.cluster import replay  # noqa: E402
from helpers.cluster.engine import _Carbon, _simulated  # noqa: E402
from helpers.decide import Below, CarbonEasy, Conservative, Easy, Filler  # noqa: E402
from helpers.jobs.sacct import read_sacct  # noqa: E402
from helpers.phases import Phase, PhaseModel  # noqa: E402
from helpers.publish import Numbers, Scope  # noqa: E402
from helpers.schedule import best_schedule, best_schedules  # noqa: E402
from helpers.work import Cluster  # noqa: E402

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


def odd_over_even_start_up():
    """A start-up that divides nothing (601.37 s) over one that does (600 s): best_schedule."""
    window = (INTENSITY, JULY_S, JULY_S + 96 * 3600)

    def job(startup_s):
        return PhaseModel("job", [Phase("start", startup_s, 150)], [Phase("work", 8 * 3600, 200)])

    odd, even = (
        cpu_s(functools.partial(best_schedule, job(startup_s), *window), 20)
        for startup_s in (601.37, 600.0)
    )
    return odd / even


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


def uses(jobs):
    """Return jobs of a year to charge, and a curve of five minutes."""
    rng = np.random.default_rng(1)
    edges_s = FIRST_S + 300.0 * np.arange(366 * 288 + 1)
    values = 300 + 100 * np.sin(np.arange(366 * 288) / 144)
    start_s = FIRST_S + rng.uniform(0, 360 * 86400, jobs)
    stop_s = np.minimum(start_s + rng.exponential(7200, jobs), edges_s[-1])
    intensity = Intensity(edges_s, values, "average", "DE", "generated")
    return start_s, stop_s, rng.uniform(10, 1000, jobs), intensity


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


RATIOS = {
    # name: what is measured, the limit, whether it is a most (or a least), digits
    "sacct_over_pandas": (sacct_over_pandas, 4.0, "most", 1),
    "engine_over_twin": (engine_over_twin, 10.0, "least", 0),
    "odd_over_even_start_up": (odd_over_even_start_up, 6.0, "most", 1),
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
    "growth_conservative": (grow_conservative, (500, 1_500), 3.2),
    "growth_conservative_depth": (grow_conservative_depth, (1_000, 10_000), 1.4),
    "growth_filler": (grow_filler, (1_000, 10_000), 2.0),
    "growth_carbon": (grow_carbon, (500, 4_000), 2.0),
}


def main(names):
    """Measure, print, store."""
    numbers, broken = Numbers("benchmarks", Scope(jobs="generated jobs")), []
    for name, (measure, limit, side, digits) in RATIOS.items():
        if names and name not in names:
            continue
        ratio = measure()
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
    if not names:
        OUT.write_text(json.dumps(numbers.as_dict(), indent=1, ensure_ascii=False) + "\n")
    return f"beyond its limit: {', '.join(broken)}" if broken else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="ratios and growths (default: all, stored)")
    sys.exit(main(parser.parse_args().names))
