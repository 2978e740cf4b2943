"""Decisions in cycles, and the knobs of carbon-aware EASY that are turned with them."""

import numpy as np
import pytest
from cluster_problems import clusters, curve, workload, workloads
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.cluster import replay
from helpers.cluster.metrics import check
from helpers.decide import (
    Below,
    CarbonEasy,
    CarbonFifo,
    CarbonPolicy,
    Conservative,
    Easy,
    Fifo,
    InCycles,
    LastTwo,
    Predicted,
    SleepIdle,
)
from helpers.work import Cluster

SIX = Cluster(6)
HOURS = curve(200.0 + 150.0 * np.sin(np.arange(4000.0)), step_s=60.0)
INSIDE = {
    "FIFO": Fifo,
    "EASY": Easy,
    "conservative": Conservative,
    "sleeping EASY": lambda: SleepIdle(Easy(), idle_s=30.0),
    "predicted EASY": lambda: Predicted(Easy(), LastTwo()),
    "carbon-aware EASY": lambda: CarbonEasy(Below(150.0), Below(280.0), least_left_s=5.0),
}


@pytest.mark.parametrize("name", INSIDE)
@settings(max_examples=10)
@given(cluster=clusters(), data=st.data(), cycle_s=st.sampled_from([1.0, 7.0, 0.1, 60.0]))
def test_jobs_start_at_multiples_of_the_cycle_only_and_all_end(name, cluster, data, cycle_s):
    work = data.draw(workloads(cluster.cores))
    work = work.with_jobs(work.jobs.assign(longest_wait_s=300.0))

    done = replay(work, cluster, InCycles(INSIDE[name](), cycle_s), intensity=HOURS)

    check(done)
    turns = done.runs["start_s"].to_numpy() / cycle_s
    assert np.allclose(turns, np.round(turns), atol=1e-6)
    assert done.jobs["end_s"].notna().all()


@given(data=st.data(), cluster=clusters())
@settings(max_examples=10)
def test_a_cycle_that_meets_all_that_happens_changes_nothing(data, cluster):
    work = data.draw(workloads(cluster.cores, whole=True))

    plain, batched = (replay(work, cluster, policy) for policy in (Easy(), InCycles(Easy(), 0.5)))

    assert plain.runs.equals(batched.runs)


def test_a_policy_is_told_in_a_cycle_all_that_happened_since_the_last_one():
    told = []

    class Watching(Fifo):
        def decide(self, view):
            told.append((view.now_s, [j.number for j in view.arrived], len(view.ended)))
            super().decide(view)

    work = workload([0.0, 1.0, 2.0, 11.0], [3.0, 3.0, 3.0, 3.0])
    replay(work, SIX, InCycles(Watching(), 10.0))

    assert [(0.0, [0], 0), (10.0, [1, 2], 1), (20.0, [3], 2)] == told[:3]


@pytest.mark.parametrize("cycle_s", [0.0, -1.0, 1e-300, np.inf, np.nan])
def test_a_cycle_that_never_comes_is_refused(cycle_s):
    with pytest.raises(ValueError, match="cycle_s"):
        InCycles(Fifo(), cycle_s)


@pytest.mark.parametrize("policy", [CarbonEasy, CarbonFifo])
def test_a_job_is_held_for_its_share_of_the_wait_and_no_longer(policy):
    work = workload([0.0], [100.0], longest_wait_s=1000.0)
    dirty = curve([500.0] * 50, step_s=3600.0)

    starts = [
        replay(work, SIX, policy(Below(100.0), wait_share=s), intensity=dirty).jobs["start_s"][0]
        for s in (0.0, 0.25, 1.0)
    ]

    assert [0.0, 250.0, 1000.0] == starts


@pytest.mark.parametrize("wait_share", [-0.1, 1.1, np.nan])
def test_nobody_is_held_for_longer_than_accepted(wait_share):
    with pytest.raises(ValueError, match="wait_share"):
        CarbonPolicy(Below(100.0), wait_share=wait_share)


def test_backfilling_looks_as_deep_as_it_is_told():
    # One core is left beside the first job; the second needs all, the third and fourth would fit.
    work = workload(
        [0.0, 1.0, 2.0, 3.0], [100.0, 100.0, 200.0, 10.0], [5, 6, 1, 1], longest_wait_s=60.0
    )
    clean = curve([50.0] * 50)

    def start_s(depth):
        policy = CarbonEasy(Below(100.0), depth=depth)
        return replay(work, SIX, policy, intensity=clean).jobs["start_s"][3]

    assert [3.0, 3.0] == [start_s(None), start_s(2)]
    assert start_s(1) > 100.0
