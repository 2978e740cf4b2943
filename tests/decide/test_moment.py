"""A decision that is taken again is the one that was taken, on the engine's word."""

import numpy as np
import pytest
from cluster_problems import Chaos, curve, problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.cluster import replay
from helpers.cluster.ask import Inquiry
from helpers.decide import (
    Below,
    CarbonEasy,
    CarbonFifo,
    Conservative,
    Easy,
    Fifo,
    Filler,
    MultiLevelFeedback,
    PastQuantile,
    Policy,
    Priority,
    RoundRobin,
    ShortestJobFirst,
    SleepIdle,
)
from helpers.decide.moment import Moment, intensity_g_per_kwh, requested_s
from helpers.decide.order import by_priority
from helpers.work import Cluster

POLICIES = {
    "FIFO": Fifo,
    "shortest first": ShortestJobFirst,
    "priority": lambda: Priority(1.0),
    "EASY": Easy,
    "EASY, hosts": lambda: Easy(hosts=True),
    "EASY by priority": lambda: Easy(order=by_priority(2.0)),
    "conservative": Conservative,
    "conservative, hosts": lambda: Conservative(hosts=True),
    "round-robin": lambda: RoundRobin(20.0, 1.5),
    "levels": lambda: MultiLevelFeedback((10.0, 40.0), 200.0),
    "filler": Filler,
    "gated FIFO": lambda: CarbonFifo(Below(250)),
    "gated EASY": lambda: CarbonEasy(PastQuantile(0.4, 400.0, 60.0)),
    "carbon-aware FIFO": lambda: CarbonFifo(Below(200), Below(300), least_left_s=5.0),
    "carbon-aware EASY": lambda: CarbonEasy(Below(200), Below(300), least_left_s=5.0),
    "sleeping": lambda: SleepIdle(Easy(), 5.0),
    "sleeping, gated": lambda: SleepIdle(CarbonEasy(Below(250)), 5.0, spare=1),
}


@st.composite
def asked(draw, **options):
    """A cluster, jobs with patience, and a curve of 1-minute steps."""
    cluster, jobs = draw(problems(**options))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = jobs.jobs.assign(
        longest_wait_s=rng.integers(0, 400, len(jobs)).astype(float),
        best_effort=rng.random(len(jobs)) < 0.3,
    )
    values = rng.integers(100, 400, 4000).astype(float)
    return cluster, jobs.with_jobs(table), curve(values, step_s=60.0)


class Watched(Policy):
    """Keep every decision, then let another policy take it."""

    def __init__(self, policy):
        self.policy, self.kept = policy, []

    def begin(self, view):
        self.kept = []
        self.policy.begin(view)

    def decide(self, view):
        self.kept.append(Moment.of(self.policy, view))
        self.policy.decide(view)


def taken(record):
    """The acts of each instant, in order."""
    acts = {}
    for time_s, action, job, value in record[["time_s", "action", "job", "value"]].to_numpy():
        acts.setdefault(time_s, []).append((action, job, value))
    return acts


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=30, deadline=None)
@given(problem=asked())
def test_every_decision_taken_again_is_that_of_the_engine(name, problem):
    cluster, jobs, intensity = problem
    watched = Watched(POLICIES[name]())

    done = replay(jobs, cluster, watched, intensity=intensity, record=True)

    again = {}
    for moment in watched.kept:
        again.setdefault(moment.now_s, []).extend(map(tuple, moment.decide()))
    assert taken(done.record) == {time_s: acts for time_s, acts in again.items() if acts}


@settings(max_examples=30, deadline=None)
@given(problem=problems(), seed=st.integers(0, 99))
def test_whatever_can_be_done_is_done_again_to_the_letter(problem, seed):
    cluster, jobs = problem
    watched = Watched(Chaos(seed))

    done = replay(jobs, cluster, watched, record=True)

    again = {}
    for moment in watched.kept:
        again.setdefault(moment.now_s, []).extend(map(tuple, moment.decide()))
    assert taken(done.record) == {time_s: acts for time_s, acts in again.items() if acts}


def test_asking_changes_neither_the_decision_nor_the_replay():
    jobs = workload([0, 10, 20], [500, 400, 100], [2, 4, 1], longest_wait_s=2000.0)
    watched = Watched(CarbonEasy(Below(250)))

    class Asking(Watched):
        def decide(self, view):
            super().decide(view)
            self.kept[-1].decide(intensity_g_per_kwh(0.0))

    intensity = curve([300.0, 200.0, 300.0], 600.0)
    plain = replay(jobs, Cluster(4), watched, intensity=intensity, record=True)
    asking = replay(
        jobs, Cluster(4), Asking(CarbonEasy(Below(250))), intensity=intensity, record=True
    )

    assert plain.record.equals(asking.record)
    first = watched.kept[0]
    assert first.decide() == first.decide()


def test_an_intensity_that_is_changed_is_seen_now_and_in_what_was_observed():
    class Look(Fifo):
        seen = ()

        def decide(self, view):
            Look.seen = (view.intensity_g_per_kwh, view.observed(0.0).intensity_g_per_kwh.tolist())
            super().decide(view)

    jobs = workload([900.0], [100.0])
    watched = Watched(Look())
    replay(jobs, Cluster(1), watched, intensity=curve([300.0, 200.0, 100.0], 600.0))

    watched.kept[0].decide(intensity_g_per_kwh(7.0))

    assert (7.0, [300.0, 7.0]) == Look.seen


def test_a_policy_that_cannot_amend_says_so():
    class Stubborn(Policy):
        def decide(self, view):
            for job in list(view.queue.values()):
                if job.processors <= view.free_cores:
                    view.start(job)

    jobs = workload([0.0, 1.0, 2.0], [100.0, 50.0, 10.0], [1, 1, 1])
    moment = Inquiry(jobs, Cluster(1), Stubborn()).moments([2.0])[2.0]
    job = moment.scene().view.queue[1]

    with pytest.raises(NotImplementedError, match=r"Stubborn has no method amend"):
        moment.decide(requested_s(job, 5.0))


def test_a_policy_that_cannot_be_copied_is_refused_by_name():
    class Open(Fifo):
        def begin(self, view):
            super().begin(view)
            self.file = (line for line in "ab")

    inquiry = Inquiry(workload([0.0], [100.0]), Cluster(1), Open())

    with pytest.raises(TypeError, match=r"policy 'FIFO' cannot be kept for questions: .*plain"):
        inquiry.moments([0.0])
