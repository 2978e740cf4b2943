"""How fast is an account of many jobs, row by row, beside a plain loop over jobs with pandas?

The loop does 200 of the 100,000 jobs: multiply its time by 500 to compare.
Both cut each job at every hour and keep the rows.
"""

import math

import numpy as np
import pandas as pd
import pytest

from helpers.carbon import Intensity
from helpers.carbon.accounting import account

JOBS = 100_000
LOOPED = 200


@pytest.fixture(scope="module")
def year():
    hours = pd.date_range("2020-01-01", "2021-01-01", freq="h", tz="UTC", inclusive="left")
    values = np.random.default_rng(1).uniform(100, 500, hours.size)
    return Intensity.from_series(
        pd.Series(values, hours), kind="average", zone="X", source="generated"
    )


@pytest.fixture(scope="module")
def jobs(year):
    rng = np.random.default_rng(2)
    start_s = rng.uniform(year.edges_s[0], year.edges_s[-1] - 86_400, JOBS)
    length_s = np.clip(rng.exponential(5 * 3600, JOBS), 60, 86_400)
    table = pd.DataFrame({"job": np.arange(JOBS), "power_w": rng.uniform(50, 500, JOBS)})
    table["start"] = pd.to_datetime(start_s, unit="s", utc=True)
    table["stop"] = table["start"] + pd.to_timedelta(length_s, unit="s")
    return table


def loop_with_pandas(jobs, series, pue):
    """What one writes first: for each job the hours it touches, as rows."""
    hour = pd.Timedelta("1h")
    rows = []
    for job in jobs.itertuples():
        hours = series.loc[job.start.floor("h") : job.stop]
        for begin, intensity in hours.items():
            start, stop = max(begin, job.start), min(begin + hour, job.stop)
            energy_kwh = job.power_w * (stop - start).total_seconds() / 3.6e6
            rows.append((job.job, start, stop, energy_kwh, energy_kwh * pue * intensity))
    return pd.DataFrame(rows, columns=["job", "start", "stop", "energy_kwh", "emissions_g"])


def test_account_of_100000_jobs(benchmark, jobs, year):
    made = benchmark(account, jobs, year, pue=1.3)

    assert len(made.rows) > JOBS


def test_account_of_200_jobs_in_a_pandas_loop(benchmark, jobs, year):
    rows = benchmark(loop_with_pandas, jobs[:LOOPED], year.to_series(), 1.3)

    made = account(jobs[:LOOPED], year, pue=1.3)
    assert math.fsum(rows["emissions_g"]) == pytest.approx(made.emissions_g, rel=1e-9)


def test_audit_of_100000_jobs(benchmark, jobs, year):
    made = account(jobs, year, pue=1.3)

    rows = benchmark(made.audit)

    assert math.fsum(rows["emissions_g"]) == made.emissions_g
