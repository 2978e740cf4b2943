"""Strict orders, on examples worked by hand, and the laws of queues."""

import math

import numpy as np
import pytest
from cluster_problems import problems, workload
from hypothesis import given, settings

from helpers.cluster import replay
from helpers.cluster.metrics import lengths
from helpers.decide import Fifo, Priority, ShortestJobFirst
from helpers.work import Cluster, Workload, workload_table


def starts(policy, jobs, cores=1):
    return replay(jobs, Cluster(cores), policy).jobs.set_index("job_id")["start_s"].to_dict()


def test_first_in_first_out_lets_nobody_overtake():
    jobs = workload([0, 1, 2], [10, 10, 1], [1, 2, 1])

    assert {"a": 0.0, "b": 10.0, "c": 20.0} == starts(Fifo(), jobs, 2)


def test_the_shortest_job_by_requested_time_comes_first():
    jobs = workload([0, 1, 2, 3], [10, 5, 5, 5], requested_s=[10.0, 30.0, 20.0, 10.0])

    assert {"a": 0.0, "d": 10.0, "c": 15.0, "b": 20.0} == starts(ShortestJobFirst(), jobs)


def test_equal_jobs_keep_the_order_of_submission():
    jobs = workload([0, 1, 1, 2], [10, 5, 5, 5])

    assert {"a": 0.0, "b": 10.0, "c": 15.0, "d": 20.0} == starts(ShortestJobFirst(), jobs)


def test_a_running_job_is_not_preempted_by_a_shorter_one():
    jobs = workload([0, 1], [100, 1])

    assert {"a": 0.0, "b": 100.0} == starts(ShortestJobFirst(), jobs)


def test_higher_priority_comes_first():
    jobs = workload([0, 1, 2], [10, 5, 5], priority=[0.0, 1.0, 2.0])

    assert {"a": 0.0, "c": 10.0, "b": 15.0} == starts(Priority(), jobs)


def test_ageing_lets_a_job_overtake_those_that_come_late_enough():
    hour = 3600.0
    jobs = workload([0, 1 * hour, 5 * hour], [10 * hour, 1, 1], priority=[0.0, 1.0, 4.0])

    for ageing_per_h, first in ((0.7, "c"), (0.8, "b")):  # after 10 h: 7.3 < 7.5, 8.2 > 8.0
        assert 10 * hour == starts(Priority(ageing_per_h), jobs)[first]


@pytest.mark.parametrize("ageing", [-1.0, math.nan, math.inf])
def test_ageing_must_be_a_rate(ageing):
    with pytest.raises(ValueError, match=r"ageing_per_h\(=.*\) must be finite and >= 0"):
        Priority(ageing)


@settings(max_examples=30)
@given(problems())
def test_first_in_first_out_starts_in_order_of_submission(problem):
    cluster, jobs = problem

    start_s = replay(jobs, cluster, Fifo()).jobs["start_s"]

    assert start_s.is_monotonic_increasing


@settings(max_examples=30)
@given(problems())
def test_no_core_idles_that_the_head_of_the_line_could_use(problem):
    cluster, jobs = problem
    table = replay(jobs, cluster, Fifo()).jobs

    for row in range(1, len(table)):
        ready_s = max(table["submit_s"][row], table["start_s"][row - 1])
        running = (table["start_s"] <= ready_s) & (table["end_s"] > ready_s)
        free = cluster.cores - table["processors"][:row][running[:row]].sum()
        assert (table["start_s"][row] == ready_s) == (table["processors"][row] <= free)


def test_littles_law_holds_to_the_last_digits():
    """Mean number waiting = arrival rate x mean wait, over a time that begins and ends empty."""
    rng = np.random.default_rng(1)
    submit_s = np.cumsum(rng.exponential(30.0, 2000))
    jobs = workload(submit_s, rng.exponential(100.0, 2000), rng.integers(1, 4, 2000))
    replayed = replay(jobs, Cluster(8), Fifo())

    count = lengths(replayed)
    time_s = np.diff(count.index)

    for column, each_s in (("queued", "wait_s"), ("running", "running_s")):
        area = count[column].to_numpy()[:-1] @ time_s
        assert replayed.jobs[each_s].sum() == pytest.approx(area, rel=1e-12)


def erlang_c(servers, load):
    """Probability to wait in M/M/c with `load` = arrival rate x mean service < servers."""
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(terms) + last)


@pytest.mark.parametrize(("servers", "rho"), [(1, 0.5), (3, 0.6), (6, 0.6)])
def test_the_mean_wait_on_poisson_load_is_erlangs(servers, rho):
    """M/M/c: wait = C(c, a) s / (c - a); batch means give the interval (99.9 %, 30 batches)."""
    rng, n, service_s = np.random.default_rng(servers), 24_000, 100.0
    submit_s = np.cumsum(rng.exponential(service_s / (servers * rho), n))
    run_s = rng.exponential(service_s, n)
    table = {"job_id": np.arange(n), "submit_s": submit_s, "run_s": run_s, "requested_s": run_s}
    jobs = Workload(workload_table(table | {"processors": 1, "power_w": 0.0}))
    expected_s = erlang_c(servers, servers * rho) * service_s / (servers - servers * rho)

    wait_s = replay(jobs, Cluster(servers), Fifo()).jobs["wait_s"].to_numpy()
    batches_s = wait_s.reshape(30, -1).mean(axis=1)
    half_s = 3.66 * batches_s.std(ddof=1) / math.sqrt(30)

    assert abs(batches_s.mean() - expected_s) < half_s < 0.3 * expected_s
