"""How fast are emissions of many jobs, beside a plain loop over jobs with pandas?

The loop does 200 of the 100,000 jobs: multiply its time by 500 to compare.
"""

import numpy as np
import pandas as pd
import pytest

from helpers.carbon import Intensity

JOBS = 100_000
LOOPED = 200


@pytest.fixture(scope="module")
def year():
    hours = pd.date_range("2020-01-01", "2021-01-01", freq="h", tz="UTC", inclusive="left")
    rng = np.random.default_rng(1)
    series = pd.Series(rng.uniform(100, 500, hours.size), hours)
    return Intensity.from_series(series, kind="average", zone="X", source="generated")


@pytest.fixture(scope="module")
def jobs(year):
    rng = np.random.default_rng(2)
    start_s = rng.uniform(year.edges_s[0], year.edges_s[-1] - 2 * 86_400, JOBS)
    return start_s, start_s + rng.uniform(60, 2 * 86_400, JOBS), rng.uniform(50, 500, JOBS)


def loop_with_pandas(series, starts, stops, power_w):
    """What one writes first: per job, the hours it touches, each weighted by the overlap."""
    emissions_g = []
    hour = pd.Timedelta("1h")
    for start, stop, power in zip(starts, stops, power_w, strict=True):
        hours = series.loc[start.floor("h") : stop]
        begins = hours.index.to_series().clip(lower=start)
        ends = (hours.index + hour).to_series(index=hours.index).clip(upper=stop)
        overlap_s = (ends - begins).dt.total_seconds().clip(lower=0)
        emissions_g.append((hours * overlap_s).sum() * power / 3.6e6)
    return np.array(emissions_g)


def test_emissions_of_100000_jobs(benchmark, year, jobs):
    emissions_g = benchmark(year.emissions_g, *jobs)

    assert emissions_g.shape == (JOBS,)


def test_emissions_of_200_jobs_in_a_pandas_loop(benchmark, year, jobs):
    start_s, stop_s, power_w = (part[:LOOPED] for part in jobs)
    starts, stops = (pd.to_datetime(s, unit="s", utc=True) for s in (start_s, stop_s))

    emissions_g = benchmark.pedantic(
        loop_with_pandas, (year.to_series(), starts, stops, power_w), rounds=3
    )

    np.testing.assert_allclose(emissions_g, year.emissions_g(start_s, stop_s, power_w), rtol=1e-6)


def test_emissions_of_a_profile_of_20_phases_for_100000_starts(benchmark, year, jobs):
    edges_rel_s = np.arange(21) * 600.0
    power_w = np.tile([200.0, 100.0], 10)

    emissions_g = benchmark(year.emissions_of_profile_g, jobs[0], edges_rel_s, power_w)

    assert emissions_g.shape == (JOBS,)
