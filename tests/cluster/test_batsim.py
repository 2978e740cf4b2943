"""Host-aware backfilling decides as Batsim: every start and every host of 801 jobs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.cluster import replay
from helpers.cluster.account import energy_j, node_states
from helpers.cluster.metrics import bounded_slowdown, check
from helpers.decide import Conservative, Easy
from helpers.work import Cluster, NodePower, Workload, workload_table

FIXTURES = Path(__file__).parents[1] / "fixtures" / "batsim"
CLUSTER = Cluster(32, power=NodePower(idle_w=95.0))
POLICIES = {"easy": Easy, "conservative": Conservative}


def hosts(text):
    """Return the host numbers of "0-3 7"."""
    found = []
    for part in text.split():
        low, _, high = part.partition("-")
        found += range(int(low), int(high or low) + 1)
    return found


@pytest.fixture(scope="module")
def given():
    """Jobs and decisions of Batsim, in order of submission."""
    table = pd.read_csv(
        FIXTURES / "medium_late.csv", dtype=dict.fromkeys(("easy_hosts", "conservative_hosts"), str)
    )
    return table.sort_values("submit_s", kind="stable", ignore_index=True)


@pytest.fixture(scope="module")
def workload(given):
    names = ["job_id", "submit_s", "run_s", "requested_s", "processors"]
    return Workload(workload_table({**given[names], "power_w": 0.0}))


@pytest.fixture(scope="module", params=POLICIES)
def ran(request, workload):
    """Name of the algorithm and its replay."""
    return request.param, replay(workload, CLUSTER, POLICIES[request.param](hosts=True))


def test_all_801_start_times_are_those_of_batsim(given, ran):
    name, replayed = ran

    apart_s = np.abs(replayed.jobs["start_s"] - given[f"{name}_start_s"])

    assert 801 == (apart_s <= 1e-6).sum()


def test_all_801_host_sets_are_those_of_batsim(given, ran):
    name, replayed = ran
    expected = given[f"{name}_hosts"].map(hosts).tolist()

    by_job = np.argsort(replayed.runs["job"].to_numpy())

    assert expected == [replayed.cores_of_run(run).tolist() for run in by_job]


def test_energy_host_seconds_and_waits_are_those_of_batsim(ran):
    name, replayed = ran
    expected = pd.read_csv(FIXTURES / "summary.csv", index_col="algorithm").loc[name]
    states = node_states(replayed)
    busy = states[states["state"] == "busy"]
    length_s = replayed.jobs["running_s"]

    assert expected["consumed_joules"] == pytest.approx(energy_j(replayed).sum(), rel=1e-9)
    assert expected["time_computing"] == pytest.approx((busy.stop_s - busy.start_s).sum(), rel=1e-9)
    assert expected["makespan"] == pytest.approx(replayed.stop_s, abs=1e-6)
    assert expected["mean_waiting_time"] == pytest.approx(replayed.jobs["wait_s"].mean(), abs=1e-6)
    slowdown = (replayed.jobs["turnaround_s"] / length_s).max()
    assert expected["max_slowdown"] == pytest.approx(slowdown, abs=1e-6)
    assert slowdown >= bounded_slowdown(replayed).max()


def test_the_replay_passes_the_judge(ran):
    check(ran[1])


def test_the_textbook_rule_that_only_counts_differs_in_76_jobs(given, workload):
    jobs = replay(workload, CLUSTER, Easy()).jobs

    assert 76 == (np.abs(jobs["start_s"] - given["easy_start_s"]) > 1e-6).sum()
    assert 8.67 == pytest.approx(jobs["wait_s"].mean(), abs=0.005)
