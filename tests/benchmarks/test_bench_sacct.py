"""A centre's year: reading sacct beside pandas' C parser, and charging ten million jobs.

The parser of pandas reads the same columns, without folding steps, times, units or checks.
CPU time is compared, in one run, as walls of shared machines say little.
"""

import io
import time

import numpy as np
import pandas as pd
import pytest

from helpers.carbon import Intensity
from helpers.carbon.accounting import account
from helpers.carbon.totals import totals
from helpers.jobs.sacct import EXPORT, read_sacct

JOBS = 50_000
FIRST_S = 1_704_067_200


def export(jobs, seed=1):
    """Return an export as sacct prints it: a job and three steps, four rows a job."""
    rng = np.random.default_rng(seed)
    submit = FIRST_S + np.cumsum(rng.integers(0, 6, jobs))
    start = submit + rng.integers(0, 3600, jobs)
    run = rng.integers(10, 80_000, jobs)
    cores = rng.choice([1, 4, 16, 64, 128], jobs)
    memory = rng.integers(1000, 9_000_000, (jobs, 3))
    lines = [EXPORT]
    for i in range(jobs):
        span = f"{run[i] // 3600:02}:{run[i] // 60 % 60:02}:{run[i] % 60:02}"
        tres = f"billing={cores[i]},cpu={cores[i]},mem={cores[i] * 2}G,node=1"
        when = f"{start[i]}|{start[i]}|{start[i]}|{start[i] + run[i]}"
        lines.append(
            f"{i}|{i}|u{i % 200}|proj{i % 40}|cpu|normal|{submit[i]}|{submit[i]}|{start[i]}|"
            f"{start[i] + run[i]}|{span}|00:00:00|1-00:00:00|COMPLETED|n{i % 500}|1|{cores[i]}|"
            f"{cores[i]}||{tres}|{cores[i] * 2}G|||{run[i] * 150}|{span}"
        )
        lines += [
            f"{i}.{step}|{i}.{step}||proj{i % 40}|||{when}|{span}|00:00:00||COMPLETED|n{i % 500}|1|"
            f"{cores[i]}|{cores[i]}|1|{tres}||{kb}K|{kb}K|{run[i] * 150}|{span}"
            for step, kb in zip(("batch", "extern", "0"), memory[i], strict=True)
        ]
    return ("\n".join(lines) + "\n").replace(EXPORT, EXPORT.replace(",", "|")).encode()


def cpu_s(call):
    """Return the CPU time of the fastest of three calls [s]."""
    taken = []
    for _ in range(3):
        before = time.process_time()
        call()
        taken.append(time.process_time() - before)
    return min(taken)


def test_reading_sacct_beside_the_parser_of_pandas(benchmark):
    data = export(JOBS)
    log = benchmark.pedantic(
        read_sacct, [io.BytesIO(data)], {"time_zone": "Europe/Berlin"}, rounds=1
    )
    ours_s = cpu_s(lambda: read_sacct(io.BytesIO(data), time_zone="Europe/Berlin"))
    peer_s = cpu_s(lambda: pd.read_csv(io.BytesIO(data), sep="|", low_memory=False))
    benchmark.extra_info |= {
        "ratio": ours_s / peer_s,
        "us_a_row": 1e6 * ours_s / (4 * JOBS),
        "pandas_us_a_row": 1e6 * peer_s / (4 * JOBS),
    }

    assert JOBS == len(log)
    assert ours_s < 12 * peer_s


@pytest.mark.parametrize("jobs", [100_000, 1_000_000, 10_000_000])
def test_ten_million_jobs_are_charged_without_a_row_for_each_step(benchmark, jobs):
    rng = np.random.default_rng(1)
    steps = 366 * 288
    edges_s = FIRST_S + 300.0 * np.arange(steps + 1)
    values = 300 + 100 * np.sin(np.arange(steps) / 144)
    intensity = Intensity(edges_s, values, "average", "DE", "generated")
    start_s = FIRST_S + rng.uniform(0, 360 * 86400, jobs)
    stop_s = np.minimum(start_s + rng.exponential(7200, jobs), edges_s[-1])
    power_w = rng.uniform(10, 1000, jobs)

    found = benchmark.pedantic(
        totals, [start_s, stop_s, power_w, intensity], {"pue": 1.3}, rounds=1
    )
    some = slice(0, 5000)
    uses = pd.DataFrame({"start": start_s[some], "stop": stop_s[some], "power_w": power_w[some]})
    detailed = account(uses, intensity, pue=1.3)
    assert detailed.emissions_g == pytest.approx(found.emissions_g[some].sum(), rel=1e-12)
