"""A centre's year: reading sacct beside pandas' C parser, and charging ten million jobs.

The parser of pandas reads the same columns, without folding steps, times, units or checks.
CPU time is compared, in one run, as walls of shared machines say little.
"""

import io
import time

import numpy as np
import pandas as pd
import pytest
from sacct_export import FIRST_S, export

from helpers.carbon import Intensity
from helpers.carbon.accounting import account
from helpers.carbon.totals import totals
from helpers.jobs.sacct import read_sacct

JOBS = 50_000


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
    assert ours_s < 4 * peer_s


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
