"""Policies that take turns, hold and suspend for carbon, sleep nodes and fill: what each promises."""

from dataclasses import replace

import numpy as np
import pytest
from cluster_problems import curve, problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.cluster import replay
from helpers.cluster.account import energy_j
from helpers.cluster.metrics import check
from helpers.decide import (
    Below,
    CarbonEasy,
    CarbonFifo,
    Easy,
    Fifo,
    Filler,
    ForecastQuantile,
    MultiLevelFeedback,
    PastQuantile,
    RoundRobin,
    SleepIdle,
)
from helpers.phases import Phase, PhaseModel, Repeat, Suspension
from helpers.work import Cluster, NodePower

STEPS = st.lists(st.floats(0, 500), min_size=24, max_size=24)
STEP_S, LONG = 30.0, 10_000  # of a curve: ten times as long as any replay here, see below


def waves(values, step_s=STEP_S):
    """A curve that repeats a pattern for as long as any replay lasts."""
    return curve(np.resize(values, LONG), step_s)


def patient(jobs, wait_s):
    return replace(jobs, jobs=jobs.jobs.assign(longest_wait_s=wait_s))


def starts(happened):
    return happened.jobs["start_s"].tolist()


# -- every policy --------------------------------------------------------------------------

POLICIES = {
    "round-robin": lambda: RoundRobin(20.0, 1.0),
    "round-robin, cost of the job": lambda: RoundRobin(20.0, lambda job: 0.1 * job.processors),
    "feedback": lambda: MultiLevelFeedback((10.0, 20.0, 40.0), boost_s=200.0, transition_s=1.0),
    "carbon FIFO": lambda: CarbonFifo(Below(250.0)),
    "carbon FIFO, suspends": lambda: CarbonFifo(Below(200.0), Below(300.0), least_left_s=5.0),
    "carbon EASY": lambda: CarbonEasy(PastQuantile(0.3, 300.0, 60.0)),
    "carbon EASY, suspends": lambda: CarbonEasy(Below(200.0), Below(300.0), least_left_s=5.0),
    "sleep": lambda: SleepIdle(Easy(), 10.0),
    "sleep, carbon": lambda: SleepIdle(CarbonEasy(Below(200.0), Below(300.0)), 10.0, spare=1),
    "filler": Filler,
}


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=20)
@given(problem=problems(), values=STEPS, wait_s=st.floats(0, 300), fillers=st.integers(1, 4))
def test_nothing_is_lost_or_doubled(name, problem, values, wait_s, fillers):
    cluster, jobs = problem
    jobs = patient(jobs, wait_s)
    jobs = replace(jobs, jobs=jobs.jobs.assign(best_effort=np.arange(len(jobs.jobs)) % fillers > 0))

    happened = replay(jobs, cluster, POLICIES[name](), intensity=waves(values))

    check(happened)
    assert (happened.jobs["state"] == "completed").all()
    assert happened.stop_s < LONG * STEP_S / 10  # no example ever needs more of the curve


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=8)
@given(problem=problems(most=12), values=STEPS)
def test_a_policy_that_is_used_again_decides_the_same(name, problem, values):
    cluster, jobs = problem
    jobs, policy, intensity = patient(jobs, 100.0), POLICIES[name](), waves(values)

    first = replay(jobs, cluster, policy, intensity=intensity)
    second = replay(jobs, cluster, policy, intensity=intensity)

    assert first.runs.equals(second.runs)


# -- taking turns --------------------------------------------------------------------------


def test_two_long_jobs_take_turns():
    runs = replay(workload([0, 0], [30, 30]), Cluster(1), RoundRobin(10.0)).runs

    assert [0, 1, 0, 1, 0, 1] == runs["job"].tolist()
    assert [0, 10, 20, 30, 40, 50] == runs["start_s"].tolist()


def test_a_job_alone_is_not_interrupted():
    runs = replay(workload([0, 100], [50, 50]), Cluster(1), RoundRobin(10.0)).runs

    assert [0, 100] == runs["start_s"].tolist()


def test_switching_costs_what_the_function_says():
    runs = replay(
        workload([0, 0], [20, 10]), Cluster(1), RoundRobin(10.0, lambda job: 3.0 + job.number)
    ).runs

    assert [0, 0, 3.0] == runs["transition_s"].tolist()


def test_start_up_does_not_use_up_a_turn():
    slow = PhaseModel("slow", [Phase("load", 15.0, 5.0)], [Phase("work", 20.0, 10.0)])
    jobs = workload([0, 0], [20, 20], [1, 1], 100, model=[0, 0], power_w=np.nan, models=(slow,))

    runs = replay(jobs, Cluster(1), RoundRobin(10.0)).runs

    assert [0.0, 25.0, 50.0, 75.0] == runs["start_s"].tolist()


def test_nobody_is_suspended_for_a_head_that_would_not_fit():
    jobs = workload([0, 5, 6], [100, 100, 10], [1, 1, 2])

    runs = replay(jobs, Cluster(2), RoundRobin(20.0)).runs

    assert [0.0, 5.0, 25.0] == runs["start_s"].tolist()[:3]  # both have had a turn at 25 s


def test_a_short_job_overtakes_a_long_one_that_has_sunk():
    jobs = workload([0, 15], [100, 5])

    fed = replay(jobs, Cluster(1), MultiLevelFeedback((10.0, 1000.0), np.inf))

    assert [0.0, 15.0] == starts(fed)
    assert [105.0, 20.0] == fed.jobs["end_s"].tolist()


def test_a_boost_lets_a_sunken_job_back_in():
    short = [(10.0 * i, 10.0) for i in range(30)]
    jobs = workload([0, *(t for t, _ in short)], [40, *(r for _, r in short)])

    never = replay(jobs, Cluster(1), MultiLevelFeedback((20.0, 1e4), np.inf))
    often = replay(jobs, Cluster(1), MultiLevelFeedback((20.0, 1e4), 50.0))

    assert often.jobs["end_s"][0] < never.jobs["end_s"][0]


def test_a_job_that_a_boost_raised_sinks_at_once_if_it_has_had_its_turn_there():
    jobs = workload([0, 105], [300, 10])

    happened = replay(jobs, Cluster(1), MultiLevelFeedback((20.0, 1e4), 100.0))

    assert 105.0 == happened.jobs["start_s"][1]


# -- carbon --------------------------------------------------------------------------------


def test_a_job_is_held_until_it_is_clean():
    happened = replay(
        patient(workload([0], [10]), 3600.0),
        Cluster(1),
        CarbonFifo(Below(100.0)),
        intensity=curve([300, 300, 50, 300], 600.0),
    )

    assert [1200.0] == starts(happened)


def test_a_job_is_never_held_past_its_longest_wait():
    happened = replay(
        patient(workload([0], [10]), 700.0),
        Cluster(1),
        CarbonEasy(Below(100.0)),
        intensity=curve([300, 300, 50, 300], 600.0),
    )

    assert [700.0] == starts(happened)


def test_a_job_is_suspended_while_it_is_dirty_and_resumed_when_it_is_clean():
    happened = replay(
        patient(workload([0], [1200]), 3600.0),
        Cluster(1),
        CarbonEasy(Below(100.0), Below(100.0), least_left_s=60.0),
        intensity=curve([50, 300, 50, 50, 300], 600.0),
    )

    assert [0.0, 1200.0] == happened.runs["start_s"].tolist()


def test_a_job_that_may_wait_no_longer_is_not_suspended():
    happened = replay(
        patient(workload([0], [1200]), 0.0),
        Cluster(1),
        CarbonEasy(Below(100.0), Below(100.0), least_left_s=60.0),
        intensity=curve([300, 300, 50, 50, 300], 600.0),
    )

    assert [0.0] == happened.runs["start_s"].tolist()


def test_a_job_that_started_although_it_was_dirty_runs_on():
    # b is promised a time behind a, and starts then; it is not suspended at the next event.
    jobs = patient(workload([0, 10, 2000], [1000, 1500, 10], [1, 2, 1]), 5000.0)

    runs = replay(
        jobs,
        Cluster(2),
        CarbonEasy(Below(100.0), Below(200.0), least_left_s=60.0),
        intensity=curve([50, 300, 300, 300, 300, 50, 50, 50], 900.0),
    ).runs

    assert 1 == (runs["job"] == 1).sum()


class Relents(CarbonFifo):
    """At 60 s the user of the second job accepts a longer wait."""

    def decide(self, view):
        view.wake_at(60.0 if view.now_s < 60.0 else np.inf)
        if view.now_s == 60.0:
            job = view.queue[1]
            self.amend(job, lambda: setattr(job, "longest_wait_s", 1000.0))
        super().decide(view)


def test_an_urgent_job_whose_user_relents_is_held_again():
    # Both are urgent although it is dirty; the second waits for the core when its user relents.
    jobs = patient(workload([0, 0], [100, 10]), [0.0, 50.0])

    happened = replay(jobs, Cluster(1), Relents(Below(200.0)), intensity=curve([500, 100], 200.0))

    assert [0.0, 200.0] == starts(happened)


def test_a_job_that_found_no_place_while_it_was_clean_is_held_in_the_next_dirty_hours():
    jobs = patient(workload([0, 10], [130, 10]), [0.0, 5000.0])
    intensity = curve([500, 100, 500, 500, 500, 500, 100], 50.0)

    happened = replay(jobs, Cluster(1), CarbonFifo(Below(200.0)), intensity=intensity)

    assert [0.0, 300.0] == starts(happened)


def test_a_job_without_a_longest_wait_is_refused():
    with pytest.raises(ValueError, match="no longest_wait_s"):
        replay(workload([0], [1]), Cluster(1), CarbonFifo(Below(1)), intensity=curve([1, 1]))


@given(problem=problems(), values=STEPS, wait_s=st.floats(0, 200))
def test_on_endless_machines_no_delay_exceeds_the_longest_wait(problem, values, wait_s):
    jobs = patient(problem[1], wait_s)
    machine = Cluster(int(jobs.jobs["processors"].sum()))
    saving_s = jobs.suspension.save_profile.duration_s

    happened = replay(
        jobs,
        machine,
        CarbonEasy(Below(200.0), Below(300.0), least_left_s=5.0),
        intensity=waves(values),
    ).jobs

    delay_s = happened["turnaround_s"] - happened["running_s"]
    assert (delay_s <= wait_s + saving_s + 1e-6).all()


@given(problem=problems(), values=STEPS, wait_s=st.floats(0, 200), suspends=st.booleans())
def test_every_promised_time_is_kept_while_others_are_held_and_suspended(
    problem, values, wait_s, suspends
):
    cluster, jobs = problem
    # Requested times are upper bounds, start-up and end included; so reservations can be kept.
    table = jobs.jobs.assign(
        longest_wait_s=wait_s,
        requested_s=np.maximum(
            jobs.jobs["requested_s"], jobs.startup_s + jobs.jobs["run_s"] + jobs.end_s
        ),
    )
    jobs = replace(jobs, jobs=table)
    policy = CarbonEasy(Below(200.0), Below(300.0) if suspends else None, least_left_s=5.0)

    runs = replay(jobs, cluster, policy, intensity=waves(values)).runs

    for number, promised_from_s, promised_s in policy.promises:
        began_s = runs.loc[
            (runs["job"] == number) & (runs["start_s"] >= promised_from_s), "start_s"
        ]
        assert began_s.min() <= promised_s + 1e-6


def test_with_a_gate_that_is_always_open_carbon_easy_is_easy():
    rng = np.random.default_rng(3)
    jobs = patient(
        workload(
            np.sort(rng.uniform(0, 2000, 80)), rng.uniform(1, 200, 80), rng.integers(1, 9, 80)
        ),
        0.0,
    )

    easy = replay(jobs, Cluster(8), Easy())
    gated = replay(jobs, Cluster(8), CarbonEasy(Below(1e9)), intensity=waves([1.0]))

    assert starts(easy) == starts(gated)


def test_a_forecast_quantile_asks_the_forecaster_and_not_the_future():
    truth, told = curve([300, 300, 50, 300, 300, 300]), curve([300, 50, 300, 300, 300, 300])
    jobs = patient(workload([0], [10]), 4 * 3600.0)

    happened = replay(
        jobs,
        Cluster(1),
        CarbonFifo(ForecastQuantile(0.25, 4 * 3600.0)),
        intensity=truth,
        forecaster=lambda now_s: told,
    )

    assert [2 * 3600.0] == starts(happened)  # at 1 h the truth, 300, is above the 50 it was told


# -- nodes ---------------------------------------------------------------------------------

POWER = NodePower(idle_w=100.0, off_w=5.0, boot_w=150.0, boot_s=20.0, shutdown_s=10.0)


def test_an_idle_node_sleeps_and_boots_for_the_next_job():
    jobs = workload([0, 1000], [10, 10])

    happened = replay(jobs, Cluster(1, power=POWER), SleepIdle(Fifo(), 60.0))

    assert [0.0, 1020.0] == starts(happened)
    switched = happened.switches
    first = list(zip(switched["time_s"], switched["state"], strict=True))[:4]
    assert first == [(70.0, "shutting_down"), (80.0, "off"), (1000.0, "booting"), (1020.0, "idle")]


def test_sleeping_spends_less_than_idling_when_the_gap_is_long():
    jobs = workload([0, 10_000], [10, 10])

    asleep = replay(jobs, Cluster(4, power=POWER), SleepIdle(Fifo()))
    awake = replay(jobs, Cluster(4, power=POWER), Fifo())

    assert energy_j(asleep).sum() < 0.2 * energy_j(awake).sum()


def test_no_node_boots_for_a_job_that_is_held():
    happened = replay(
        patient(workload([0, 2000], [10, 10]), 3600.0),
        Cluster(1, power=POWER),
        SleepIdle(CarbonFifo(Below(100.0)), 60.0),
        intensity=curve([50, 300, 300, 300, 50], 1000.0),
    )

    assert [0.0, 4020.0] == starts(happened)


# -- filling -------------------------------------------------------------------------------


def test_a_best_effort_job_leaves_when_another_job_comes():
    saved = PhaseModel("saved", [], [Repeat(10, [Phase("work", 10.0, 5.0, checkpoint=True)])])
    jobs = workload(
        [0, 25],
        [100, 50],
        1,
        [100, 50],
        model=[0, -1],
        power_w=[np.nan, 1.0],
        models=(saved,),
        best_effort=[True, False],
    )

    runs = replay(jobs, Cluster(1), Filler()).runs

    assert [0.0, 25.0, 75.0] == runs["start_s"].tolist()
    assert 20.0 == runs["kept_s"][0]


def test_a_reservation_does_not_count_the_end_of_a_best_effort_job():
    jobs = workload(
        [0, 0, 1, 2], [100, 20, 10, 50], [2, 2, 4, 2], best_effort=[False, True, False, False]
    )

    happened = replay(jobs, Cluster(4), Filler()).jobs

    assert [0.0, 100.0, 2.0] == happened["start_s"].tolist()[:1] + happened["start_s"].tolist()[2:]


@given(problem=problems())
def test_others_start_as_if_best_effort_jobs_did_not_exist(problem):
    cluster, jobs = problem
    best_effort = np.arange(len(jobs.jobs)) % 2 == 1
    jobs = replace(
        jobs,
        jobs=jobs.jobs.assign(best_effort=best_effort),
        suspension=Suspension(),
    )
    alone = replace(jobs, jobs=jobs.jobs[~best_effort].reset_index(drop=True))

    filled = replay(jobs, cluster, Filler()).jobs
    expected = replay(alone, cluster, Easy()).jobs

    assert expected["start_s"].tolist() == filled.loc[~best_effort, "start_s"].tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RoundRobin(0.0), "quantum_s"),
        (lambda: MultiLevelFeedback(()), "at least one level"),
        (lambda: MultiLevelFeedback(boost_s=0.0), "boost_s"),
        (lambda: Below(-1.0), ">= 0"),
        (lambda: PastQuantile(1.0), "between 0 and 1"),
        (lambda: PastQuantile(0.5, 10.0, 20.0), "least_s"),
        (lambda: ForecastQuantile(0.5, 0.0), "horizon_s"),
        (lambda: SleepIdle(Fifo(), -1.0), "idle_s"),
        (lambda: SleepIdle(Fifo(), spare=-1), "spare"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("gates", [(300.0,), (Below(300.0), 300.0)])
def test_a_number_is_no_gate(gates):
    with pytest.raises(TypeError, match=r"gate\(=300.0\) must be a Gate, such as Below"):
        CarbonEasy(*gates)


def test_nodes_that_boot_in_no_time_take_the_job_they_were_switched_on_for():
    jobs = workload([0, 40], [10, 10], processors=[1, 2])
    cluster = Cluster(2, 1, NodePower(idle_w=100.0))
    runs = replay(jobs, cluster, SleepIdle(Easy(), 10.0)).runs

    assert [0.0, 40.0] == runs["start_s"].tolist()
