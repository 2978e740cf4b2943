"""The certified bound side by side with HiGHS on the time-indexed program of the same jobs.

Both get the same jobs: generated ones with hourly times, so that slots of an hour lose nothing.
What each proves is kept beside its time: gap, lower bound and plan. HiGHS is stopped after
``BENCH_HIGHS_S`` seconds. Then sizes that the program cannot be written for.
"""

import os

import numpy as np
import pytest
from bound_milp import time_indexed_program

from helpers import datasets
from helpers.bound.certificate import least_emissions
from helpers.bound.problem import CapacityJob, jobs_of_table
from helpers.phases import Phase, PhaseModel, Suspension
from helpers.schedule.milp import solve

INTENSITY = datasets.carbon_intensity("DE", 2020)
START_S = float(INTENSITY.edges_s[0]) + 102 * 86_400
HOUR_S = 3600.0
#: Seconds for HiGHS; what it has not closed by then is its gap.
HIGHS_S = float(os.environ.get("BENCH_HIGHS_S", "60"))


def jobs_of(count, days, suspension=None):
    """Generated jobs of two phases that wait up to a day, with times of whole hours."""
    random = np.random.default_rng(5)
    result = []
    for _ in range(count):
        nodes, hours = int(random.integers(1, 9)), int(random.integers(2, 13))
        release_s = START_S + HOUR_S * int(random.integers(0, 24 * days))
        work = (
            Phase("high", HOUR_S * (hours - 1), 200.0 * nodes),
            Phase("low", HOUR_S, 90.0 * nodes),
        )
        model = PhaseModel("generated", (), work)
        deadline_s = release_s + HOUR_S * (hours + 24)
        result.append(CapacityJob(model, nodes, release_s, deadline_s, suspension))
    return result


def nodes_for(jobs, utilization):
    """Nodes with which the jobs use that share of all node-seconds up to the last deadline."""
    held = sum(job.nodes * job.model.duration_s for job in jobs)
    span_s = max(job.deadline_s for job in jobs) - min(job.release_s for job in jobs)
    return int(np.ceil(held / span_s / utilization))


def note(benchmark, found):
    benchmark.extra_info.update(
        lower_g=found.lower_g, upper_g=found.upper_g, gap_percent=100 * found.gap
    )
    assert found.lower_g <= found.upper_g


@pytest.mark.parametrize("utilization", [0.4, 0.7])
@pytest.mark.parametrize("method", ["bound", "highs"])
@pytest.mark.benchmark(group="200 jobs in three days")
def test_bound_and_plan_beside_the_time_indexed_program(benchmark, method, utilization):
    jobs = jobs_of(200, 3)
    capacity = nodes_for(jobs, utilization)
    if method == "bound":
        least_emissions(jobs[:5], capacity, INTENSITY, tries=1)  # compiled
        note(benchmark, benchmark.pedantic(least_emissions, (jobs, capacity, INTENSITY)))
        return

    def program():
        written = time_indexed_program(jobs, capacity, INTENSITY, HOUR_S)
        return solve(written, solver="highs", time_limit_s=HIGHS_S)

    solution = benchmark.pedantic(program)
    benchmark.extra_info.update(
        lower_g=solution.bound_g,
        upper_g=solution.objective_g,
        gap_percent=100 * solution.gap,
        status=solution.status,
        variables=solution.variables,
    )


@pytest.mark.parametrize("days", [7, 28])
@pytest.mark.benchmark(group="5000 jobs")
def test_five_thousand_jobs(benchmark, days):
    jobs = jobs_of(5000, days)
    capacity = nodes_for(jobs, 0.7)
    least_emissions(jobs[:5], capacity, INTENSITY, tries=1)

    note(benchmark, benchmark.pedantic(least_emissions, (jobs, capacity, INTENSITY)))


@pytest.mark.benchmark(group="500 jobs that may be suspended")
def test_five_hundred_jobs_that_may_be_suspended(benchmark):
    jobs = jobs_of(500, 7, Suspension())
    capacity = nodes_for(jobs, 0.7)
    least_emissions(jobs[:5], capacity, INTENSITY, tries=1)

    found = benchmark.pedantic(
        least_emissions, (jobs, capacity, INTENSITY), {"iterations": 150, "tries": 200}
    )

    note(benchmark, found)


@pytest.mark.parametrize("nodes", [3471, 2004, 1602])
@pytest.mark.benchmark(group="UniLu-Gaia, days 28 to 52, waiting up to a day")
def test_a_real_log(benchmark, nodes):
    table = datasets.job_log("unilu-gaia-2014").window(28 * 86_400, 52 * 86_400).jobs
    table = table[table["run_s"] > 0]
    jobs = jobs_of_table(table, start=START_S, power_w=10.0, longest_wait="24h")
    least_emissions(jobs[:5], nodes, INTENSITY, tries=1)

    note(benchmark, benchmark.pedantic(least_emissions, (jobs, nodes, INTENSITY)))
