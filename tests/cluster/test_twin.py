"""The compiled twin gives what the engine gives, to the bit."""

import numpy as np
import pytest
from cluster_problems import problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_places import QuickJudge

from helpers import decide
from helpers.cluster import replay, twin
from helpers.cluster.engine import _Carbon, _simulated
from helpers.decide import backfill
from helpers.decide.order import by_planned_time, by_requested_time
from helpers.work import Cluster

POLICIES = {
    "FIFO": decide.Fifo,
    "shortest job first": decide.ShortestJobFirst,
    "priority": lambda: decide.Priority(ageing_per_h=2.0),
    "EASY": decide.Easy,
    "conservative": decide.Conservative,
    "conservative, shortest first": lambda: decide.Conservative(order=by_planned_time),
    "shortest-first line": lambda: decide.Easy(order=by_requested_time),
    "shortest-first backfilling": lambda: decide.Easy(backfill_order=by_planned_time),
}


def judged(jobs, cluster, policy, kill):
    return _simulated(jobs, cluster, policy, _Carbon(None, None, np.nan), kill, False)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=40)
@given(
    problem=problems(most=40),
    kill=st.booleans(),
    whole=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_twin_gives_what_the_engine_gives(name, problem, kill, whole, seed):
    cluster, given_jobs = problem
    rng, n = np.random.default_rng(seed), len(given_jobs)
    planned_s = rng.uniform(0.3, 2.0, n) * given_jobs.jobs["requested_s"]
    dense = given_jobs.jobs["submit_s"] / rng.choice([1.0, 8.0])
    changed = {"planned_s": planned_s, "submit_s": np.floor(dense) if whole else dense}
    jobs = given_jobs.with_jobs(given_jobs.jobs.assign(**changed))

    quick = replay(jobs, cluster, POLICIES[name](), kill_at_request=kill)
    slow = judged(jobs, cluster, POLICIES[name](), kill)

    assert twin.has_twin(POLICIES[name]())
    assert slow.runs.equals(quick.runs)
    assert slow.cores.tolist() == quick.cores.tolist()
    assert slow.first_core.tolist() == quick.first_core.tolist()
    assert (slow.decisions, slow.stop_s) == (quick.decisions, quick.stop_s)


def test_policies_that_look_further_have_no_twin():
    class Own(decide.Easy):
        pass

    without = [Own(), decide.Easy(hosts=True), decide.Easy(depth=3)]
    without += [decide.Conservative(hosts=True), decide.Conservative(depth=3)]

    assert [] == [policy for policy in without if twin.has_twin(policy)]


def test_a_thousand_jobs_at_once_are_served_as_by_the_engine():
    rng = np.random.default_rng(5)
    jobs = workload(np.zeros(1000), rng.uniform(10, 1000, 1000), rng.integers(1, 60, 1000))

    quick, slow = (f(jobs) for f in (easy, lambda w: judged(w, Cluster(96), decide.Easy(), False)))

    assert slow.runs.equals(quick.runs)


@pytest.mark.parametrize("late", [False, True])
def test_a_long_line_is_booked_by_the_twin_as_by_a_search_through_all_steps(late):
    """The twin shares its places with the engine's policy: here another search judges both."""
    rng, n = np.random.default_rng(6), 700
    run_s = rng.lognormal(7.0, 1.5, n)
    jobs = workload(np.zeros(n), run_s, 2 ** rng.integers(0, 7, n), run_s * rng.uniform(1, 5, n))
    if late:
        planned_s = jobs.jobs["requested_s"] * rng.uniform(0.2, 1.2, n)
        jobs = jobs.with_jobs(jobs.jobs.assign(planned_s=planned_s))

    quick = replay(jobs, Cluster(96), decide.Conservative())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill, "Counts", QuickJudge)
        slow = judged(jobs, Cluster(96), decide.Conservative(), False)

    assert slow.runs.equals(quick.runs)
    assert slow.decisions == quick.decisions


def easy(jobs):
    return replay(jobs, Cluster(96), decide.Easy())
