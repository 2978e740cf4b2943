"""A policy is asked when something it waits for comes true: to ask it more often changes nothing."""

import numpy as np
import pytest
from cluster_problems import curve, problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import decide
from helpers.cluster import replay
from helpers.cluster.metrics import check
from helpers.decide.order import by_planned_time
from helpers.phases import Suspension
from helpers.work import Cluster, NodePower

HOURS = curve(200.0 + 150.0 * np.sin(np.arange(4000.0)), step_s=60.0)
POLICIES = {
    "FIFO": decide.Fifo,
    "shortest job first": decide.ShortestJobFirst,
    "priority": lambda: decide.Priority(ageing_per_h=1.0),
    "EASY": decide.Easy,
    "EASY, host-aware": lambda: decide.Easy(hosts=True),
    "shortest-first EASY": lambda: decide.Easy(backfill_order=by_planned_time),
    "conservative": decide.Conservative,
    "conservative, host-aware": lambda: decide.Conservative(hosts=True),
    "round-robin": lambda: decide.RoundRobin(17.0, 1.5),
    "feedback queue": lambda: decide.MultiLevelFeedback((10.0, 25.0, 60.0), 200.0, 1.0),
    "filler": decide.Filler,
    "gated FIFO": lambda: decide.CarbonFifo(decide.Below(200.0)),
    "carbon-aware EASY": lambda: decide.CarbonEasy(
        decide.PastQuantile(0.5, 600.0, 120.0), decide.Below(250.0), least_left_s=5.0
    ),
    "sleeping EASY": lambda: decide.SleepIdle(decide.Easy(), idle_s=30.0),
    "sleeping filler": lambda: decide.SleepIdle(decide.Filler(), idle_s=30.0),
    "sleeping gated EASY": lambda: decide.SleepIdle(
        decide.CarbonEasy(decide.Below(150.0), decide.Below(280.0), least_left_s=5.0), idle_s=30.0
    ),
}


class Woken(decide.Policy):
    """The same policy, asked once a second besides."""

    def __init__(self, policy):
        self.policy, self.name = policy, policy.name

    def begin(self, view):
        self.policy.begin(view)

    def decide(self, view):
        self.policy.decide(view)
        view.wake_at(np.floor(view.now_s) + 1.0)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=8)
@given(problem=problems(), seed=st.integers(0, 2**32 - 1), least_run_s=st.sampled_from([0.0, 40.0]))
def test_asking_once_a_second_changes_no_schedule(name, problem, seed, least_run_s):
    cluster, given_jobs = problem
    rng, n = np.random.default_rng(seed), len(given_jobs)
    jobs = given_jobs.with_jobs(
        given_jobs.jobs.assign(
            best_effort=rng.random(n) < 0.4, longest_wait_s=rng.integers(0, 400, n).astype(float)
        )
    ).with_suspension(Suspension(least_run_s=least_run_s))

    seldom, often = (
        replay(jobs, cluster, policy, intensity=HOURS)
        for policy in (POLICIES[name](), Woken(POLICIES[name]()))
    )

    check(seldom)
    assert seldom.runs.equals(often.runs)
    assert np.array_equal(seldom.cores, often.cores)
    assert seldom.switches.equals(often.switches)


@pytest.mark.parametrize("least_run_s", [0.0, 3600.0])
def test_a_short_job_waits_for_the_turn_or_the_least_run_and_no_longer(least_run_s):
    jobs = workload(
        [0.0, 10.0], [864_000.0, 100.0], 4, suspension=Suspension(least_run_s=least_run_s)
    )

    replayed = replay(jobs, Cluster(4), decide.RoundRobin(600.0))

    assert max(600.0, least_run_s) == replayed.jobs["start_s"][1]


def test_a_paying_job_starts_as_soon_as_the_guest_may_leave():
    jobs = workload(
        [0.0, 10.0],
        [864_000.0, 100.0],
        4,
        best_effort=[True, False],
        suspension=Suspension(least_run_s=3600.0),
    )

    replayed = replay(jobs, Cluster(4), decide.Filler())

    assert 3600.0 == replayed.jobs["start_s"][1]


@pytest.mark.parametrize(
    "rules", [Suspension(), Suspension(least_run_s=5000.0), Suspension(most_resumes=0)]
)
def test_the_head_behind_a_guest_starts_no_later_than_under_easy(rules):
    sizes = [2, 2, 4, *[2] * 20]
    jobs = workload(
        [0.0, 0.5, 1.0, *(2.0 + 400.0 * i for i in range(20))],
        [1000.0, 500.0, 100.0, *[1000.0] * 20],
        sizes,
        best_effort=[True, *[False] * 22],
        suspension=rules,
    )

    filler, easy = (replay(jobs, Cluster(4), policy) for policy in (decide.Filler(), decide.Easy()))

    assert filler.jobs["start_s"][2] <= easy.jobs["start_s"][2]


def test_a_guest_alone_wakes_a_sleeping_node():
    jobs = workload([0.0, 1000.0], 10.0, best_effort=[False, True])
    sleeping = decide.SleepIdle(decide.Filler(), idle_s=60.0)

    replayed = replay(jobs, Cluster(1, 1, NodePower(idle_w=50.0, boot_s=5.0)), sleeping)

    assert [0.0, 1005.0] == replayed.jobs["start_s"].tolist()
