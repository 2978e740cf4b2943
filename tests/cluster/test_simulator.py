"""The simulator: order within an instant, what policies may do and see, laws of conservation."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from cluster_problems import EPOCH, LEARNING, SAVING, Chaos, curve, problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from helpers.cluster import replay
from helpers.cluster.account import energy_j, node_states, segments
from helpers.cluster.metrics import check
from helpers.decide import Easy, Fifo, Policy, RoundRobin
from helpers.figures import COLORS
from helpers.jobs.table import JobLog, jobs_table
from helpers.phases import Suspension
from helpers.schedule.intervals import Schedule, charge
from helpers.schedule.intervals import check as check_schedule
from helpers.work import Cluster, NodePower, Workload, workload_table


class Script(Policy):
    """Do what a function says, and otherwise first in first out."""

    def __init__(self, act, clairvoyant=False):
        self.act, self.clairvoyant = act, clairvoyant

    def decide(self, view):
        self.act(view)
        for job in list(view.queue.values()):
            if job.processors <= view.free_cores:
                view.start(job)


def at(time_s, act):
    """Act once, at a time, and wake for it."""

    def once(view):
        if view.now_s < time_s:
            view.wake_at(time_s)
        elif view.now_s == time_s and view.running:
            act(view)

    return once


# -- order of events -----------------------------------------------------------------------


def test_cores_freed_at_an_instant_serve_the_job_that_arrives_at_it():
    jobs = replay(workload([0, 5], [5, 1]), Cluster(1), Fifo()).jobs

    assert [0.0, 5.0] == jobs["start_s"].tolist()


def test_an_end_and_an_arrival_at_the_same_inexact_time_are_one_instant():
    first, second = 0.1, 0.1 + 0.2  # 0.30000000000000004
    seen = []
    policy = Script(lambda view: seen.append((view.now_s, len(view.arrived), len(view.ended))))

    replay(workload([first, second], [0.2, 1.0]), Cluster(1), policy)

    assert (second, 1, 1) in seen


def test_one_instant_has_one_decision():
    replayed = replay(workload([0, 0, 0, 7], [7, 7, 7, 1], 1), Cluster(3), Fifo())

    assert 3 == replayed.decisions  # arrivals at 0, ends and an arrival at 7, the end at 8


def test_a_wake_up_asked_for_twice_comes_once():
    seen = []

    def act(view):
        seen.append(view.now_s)
        if view.now_s == 0:
            view.wake_at(3.0)
            view.wake_at(3.0)

    replay(workload([0], [5]), Cluster(1), Script(act))

    assert [0.0, 3.0, 5.0] == seen


def test_times_before_second_0_are_times_like_others():
    jobs = replay(workload([-50, -10], [20, 20]), Cluster(1), Fifo()).jobs

    assert [-50.0, -10.0] == jobs["start_s"].tolist()


# -- what a policy sees --------------------------------------------------------------------


def test_the_true_run_time_cannot_be_read():
    def act(view):
        for job in view.queue.values():
            _ = job.run_s

    with pytest.raises(RuntimeError, match="the true run time of job 'a' is not known"):
        replay(workload([0], [5]), Cluster(1), Script(act))


def test_a_clairvoyant_policy_reads_it_and_the_replay_says_so():
    seen = []
    act = at(0, lambda view: None)

    def look(view):
        seen.extend(job.run_s for job in view.arrived)
        act(view)

    replayed = replay(workload([0], [5], requested_s=[50.0]), Cluster(1), Script(look, True))

    assert [5.0] == seen
    assert replayed.clairvoyant


def reachable(thing, depth=4):
    """Numbers that can be read from public attributes of a view."""
    if isinstance(thing, int | float | np.number):
        yield float(thing)
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from reachable(value, depth)
    elif isinstance(thing, list | tuple | np.ndarray):
        for value in thing:
            yield from reachable(value, depth)
    elif depth and not isinstance(thing, str | bool | type(None)):
        for name in dir(thing):
            if not name.startswith("_"):
                try:
                    value = getattr(thing, name)
                except (RuntimeError, ValueError):
                    continue
                if not callable(value):
                    yield from reachable(value, depth - 1)


def test_nothing_public_leads_to_the_true_run_time_of_a_job_that_has_not_ended():
    true_s, seen = [1234.5, 2345.25, 3456.125], []

    def act(view):
        numbers = set(reachable(view))
        present = [*view.queue, *view.running]
        seen.append(len(present))
        assert {9000.0} <= numbers or not present
        assert not numbers & {true_s[number] for number in present}

    jobs = workload([0, 1, 2], true_s, 1, requested_s=[9000.0] * 3)
    replay(jobs, Cluster(2), Script(act), intensity=curve([1, 2, 3]))

    assert [1, 2, 3, 2, 1, 0] == seen


def test_carbon_intensity_is_seen_up_to_now_and_no_further():
    def act(view):
        assert view.intensity_g_per_kwh == [100, 200, 300][int(view.now_s // 3600)]
        assert view.next_step_s == 3600 * (view.now_s // 3600 + 1)
        if view.now_s:
            past = view.observed(0.0)
            assert past.edges_s[-1] == view.epoch_s == EPOCH.timestamp() + view.now_s
        with pytest.raises(ValueError, match="lies after now"):
            view.observed(0.0, view.now_s + 1e-6)
        view.wake_at(view.now_s + 900.0)

    replay(workload([0], [6000]), Cluster(1), Script(act), intensity=curve([100, 200, 300]))


def test_the_forecaster_is_asked_with_the_present_only():
    asked, times = [], []

    def forecaster(now_s):
        asked.append(now_s - EPOCH.timestamp())
        return curve([1, 2])

    def act(view):
        times.append(view.now_s)
        view.forecast()

    replay(workload([0, 3], [5, 5]), Cluster(1), Script(act), forecaster=forecaster)

    assert times == asked == [0.0, 3.0, 5.0, 10.0]


@pytest.mark.parametrize("what", ["intensity_g_per_kwh", "next_step_s", "forecast"])
def test_without_a_signal_asking_for_it_is_an_error(what):
    def act(view):
        value = getattr(view, what)
        if callable(value):
            value()

    with pytest.raises(ValueError, match=r"pass (intensity|forecaster)= to replay"):
        replay(workload([0], [5]), Cluster(1), Script(act))


def test_an_intensity_that_ends_too_early_is_an_error_and_not_extrapolated():
    policy = Script(lambda view: view.intensity_g_per_kwh)

    with pytest.raises(ValueError, match="nothing is extrapolated"):
        replay(workload([0, 4000], [5, 5]), Cluster(1), policy, intensity=curve([100]))


def test_an_intensity_needs_an_origin():
    jobs = workload_table(
        {"job_id": [1], "submit_s": [0.0], "run_s": 1.0, "requested_s": 1.0, "processors": 1}
        | {"power_w": 0.0}
    )

    with pytest.raises(ValueError, match="pass origin="):
        replay(Workload(jobs), Cluster(1), Fifo(), intensity=curve([1]))


# -- what a policy may do ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda v, j: v.start(j), "cannot start: only a queued job"),
        (lambda v, j: v.resume(j), "only a suspended job"),
        (lambda v, j: v.switch_off([0]), "node 0 is busy: only a node that is idle"),
        (lambda v, j: v.switch_on([1]), "node 1 is idle: only a node that is off"),
        (lambda v, j: v.switch_off([7]), "must lie in 0 to 3"),
        (lambda v, j: v.wake_at(v.now_s), "must be later than now"),
    ],
)
def test_what_cannot_be_done_is_refused(act, message):
    policy = Script(at(2, lambda view: act(view, view.running[0])))

    with pytest.raises(ValueError, match=message):
        replay(workload([0], [5], 1), Cluster(4), policy)


@pytest.mark.parametrize(
    ("cores", "message"),
    [
        ([0], "needs 2 different cores"),
        ([1, 1], "needs 2 different cores"),
        ([3, 4], r"on cores \[3, 4\]: they are not free"),
        ([0, 2], r"on cores \[0\]: they are not free"),
    ],
)
def test_cores_must_be_as_many_as_processors_and_free(cores, message):
    def act(view):
        if 1 in view.queue:
            view.start(view.queue[1], cores)

    with pytest.raises(ValueError, match=message):
        replay(workload([0, 1], [5, 5], [1, 2]), Cluster(4), Script(act))


def test_a_job_larger_than_the_cluster_is_refused_at_once():
    with pytest.raises(ValueError, match=r"job 'b' needs 5 cores, but the cluster has 4 \(1 such"):
        replay(workload([0, 1], [5, 5], [4, 5]), Cluster(2, 2), Fifo())


def test_a_policy_that_never_starts_a_job_is_named():
    class Lazy(Policy):
        def decide(self, view):
            pass

    with pytest.raises(RuntimeError, match="policy 'Lazy' left 2 jobs waiting for ever"):
        replay(workload([0, 1], [5, 5]), Cluster(1), Lazy())


def test_jobs_take_the_lowest_numbered_free_cores():
    replayed = replay(workload([0, 0, 1], [1, 5, 5], [2, 1, 2]), Cluster(4), Fifo())

    assert [[0, 1], [2], [0, 1]] == [replayed.cores_of_run(run).tolist() for run in range(3)]
    assert [(0, 0, 2), (1, 2, 1), (2, 0, 2)] == list(replayed.blocks.itertuples(index=False))


def test_cores_given_are_the_cores_used():
    def act(view):
        for job in list(view.queue.values()):
            view.start(job, [3, 0])

    replayed = replay(workload([0], [5], 2), Cluster(4), Script(act))

    assert [0, 3] == replayed.cores_of_run(0).tolist()
    assert [(0, 0, 1), (0, 3, 1)] == list(replayed.blocks.itertuples(index=False))


# -- suspension ----------------------------------------------------------------------------


def suspend_at(time_s, resume_after_s=10.0, **how):
    """Suspend the first job at a time, and resume it later."""

    def act(view):
        for when in (time_s, time_s + resume_after_s):
            if view.now_s < when:
                view.wake_at(when)
        if view.now_s == time_s:
            view.suspend(view.running[0], **how)
        elif view.now_s >= time_s + resume_after_s and view.suspended:
            view.resume(view.suspended[0])

    return Script(act)


def learning(suspension, **columns):
    return workload(
        [0], [100.0], 1, [200.0], model=0, power_w=np.nan, models=(LEARNING,),
        suspension=suspension, **columns
    )  # fmt: skip


def test_a_resume_repeats_the_start_up_and_goes_on_with_the_work():
    replayed = replay(learning(Suspension()), Cluster(1), suspend_at(40.0))

    assert [(0.0, 40.0, 0.0, 30.0), (50.0, 134.0, 30.0, 100.0)] == list(
        replayed.runs[["start_s", "stop_s", "work_from_s", "work_to_s"]].itertuples(index=False)
    )
    assert [1] == replayed.jobs["suspensions"].tolist()
    assert [10.0] == replayed.jobs["suspended_s"].tolist()


def test_with_checkpoints_only_work_up_to_the_last_one_is_kept():
    replayed = replay(learning(Suspension(keep="checkpoints")), Cluster(1), suspend_at(40.0))

    assert [25.0, 100.0] == replayed.runs["kept_s"].tolist()
    assert 50 + 10 + 75 + 4 == replayed.stop_s


def test_a_stop_without_saving_keeps_the_last_checkpoint_and_takes_no_time():
    replayed = replay(learning(SAVING), Cluster(1), suspend_at(40.0, save=False))

    assert ["stopped", "completed"] == replayed.runs["outcome"].tolist()
    assert [40.0, 25.0] == replayed.runs.loc[0, ["stop_s", "kept_s"]].tolist()


def test_saving_holds_the_cores_until_it_is_done():
    seen = []
    policy = suspend_at(40.0)

    def act(view, inner=policy.act):
        inner(view)
        seen.append((view.now_s, view.free_cores, [j.state for j in view.running.values()]))

    policy.act = act
    replayed = replay(learning(SAVING), Cluster(1), policy)

    assert (40.0, 0, ["saving"]) in seen
    assert (42.0, 1, []) in seen
    assert [42.0, 2.0] == replayed.runs.loc[0, ["stop_s", "save_s"]].tolist()


def test_a_job_without_phases_stopped_without_saving_begins_again():
    jobs = workload([0], [100.0])

    replayed = replay(jobs, Cluster(1), suspend_at(40.0, save=False))

    assert [0.0, 100.0] == replayed.runs["kept_s"].tolist()
    assert 150.0 == replayed.stop_s


@pytest.mark.parametrize(
    ("suspension", "message"),
    [
        (Suspension(least_run_s=41.0), "less than least_run_s"),
        (Suspension(most_resumes=0), "as often as most_resumes allows"),
    ],
)
def test_the_rules_of_suspension_are_kept(suspension, message):
    with pytest.raises(ValueError, match=message):
        replay(learning(suspension), Cluster(1), suspend_at(40.0))


def test_a_transition_is_paid_before_the_start_up():
    def act(view):
        for job in list(view.queue.values()):
            view.start(job, transition_s=2.5)

    replayed = replay(learning(Suspension()), Cluster(1), Script(act))

    assert 2.5 + 10 + 100 + 4 == replayed.stop_s
    first = segments(replayed).iloc[0]
    assert ("transition", 2.5) == (first["part"], first["stop_s"])
    assert LEARNING.work_profile.mean_power_w == first["power_w"]


@pytest.mark.parametrize("time_s", [40.0, 60.0, 105.0])
@pytest.mark.parametrize("suspension", [Suspension(), SAVING, Suspension(keep="checkpoints")])
def test_a_suspended_job_is_charged_as_the_schedule_checker_charges_it(time_s, suspension):
    replayed = replay(learning(suspension), Cluster(1), suspend_at(time_s))
    runs, origin_s = replayed.runs, EPOCH.timestamp()
    schedule = Schedule(
        origin_s + runs["start_s"],
        origin_s + runs["stop_s"],
        runs["work_from_s"],
        runs["work_to_s"],
    )

    check_schedule(schedule, LEARNING, release=EPOCH, suspension=suspension)
    cost = charge(schedule, LEARNING, curve([100]), suspension)

    assert cost.energy_j == pytest.approx(energy_j(replayed)["jobs"], rel=1e-12)


# -- requested time ------------------------------------------------------------------------


def test_a_job_that_runs_past_its_request_runs_on_unless_told_otherwise():
    jobs = replay(workload([0], [50], requested_s=[20.0]), Cluster(1), Fifo()).jobs

    assert [50.0, "completed"] == jobs.loc[0, ["end_s", "state"]].tolist()


def test_a_job_is_killed_at_its_request_if_asked():
    jobs = replay(
        workload([0], [50], requested_s=[20.0]), Cluster(1), Fifo(), kill_at_request=True
    ).jobs

    assert [20.0, "timeout"] == jobs.loc[0, ["end_s", "state"]].tolist()


def test_a_job_that_takes_just_its_request_completes():
    jobs = replay(workload([0], [20], requested_s=[20.0]), Cluster(1), Fifo(), kill_at_request=True)

    assert ["completed"] == jobs.jobs["state"].tolist()


def test_what_a_suspension_adds_does_not_count_against_the_request():
    jobs = workload(
        [0], [100.0], 1, [114.0], model=0, power_w=np.nan, models=(LEARNING,), suspension=SAVING
    )

    replayed = replay(jobs, Cluster(1), suspend_at(40.0), kill_at_request=True)

    assert ["completed"] == replayed.jobs["state"].tolist()


# -- nodes ---------------------------------------------------------------------------------


def test_a_node_is_used_again_only_when_it_has_booted():
    power = NodePower(idle_w=100.0, off_w=10.0, boot_w=150.0, boot_s=30.0, shutdown_s=5.0)

    def act(view):
        if view.now_s == 0:
            view.switch_off([0])
            view.wake_at(20.0)
        elif view.now_s == 20:
            assert ["off"] == view.node_states().tolist()
            view.switch_on([0])
            assert [(0, 50.0)] == view.booting

    replayed = replay(workload([0], [10]), Cluster(1, power=power), Script(act))
    states = node_states(replayed)

    assert [
        ("shutting_down", 0.0, 5.0),
        ("off", 5.0, 20.0),
        ("booting", 20.0, 50.0),
        ("busy", 50.0, 60.0),
    ] == list(states[["state", "start_s", "stop_s"]].itertuples(index=False, name=None))
    check(replayed)


def test_break_even_time_pays_for_the_transitions():
    power = NodePower(idle_w=100.0, off_w=10.0, boot_w=190.0, boot_s=30.0, shutdown_s=10.0)
    slept_j = 10 * 100.0 + 30 * 190.0 + (power.break_even_s - 40) * 10.0

    assert slept_j == pytest.approx(100.0 * power.break_even_s)
    assert np.inf == NodePower(idle_w=5.0, off_w=5.0).break_even_s
    assert 40.0 == NodePower(idle_w=100.0, boot_w=0.0, boot_s=30, shutdown_s=10.0).break_even_s


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NodePower(idle_w=-1.0), r"idle_w\(=-1.0\) must be finite and >= 0"),
        (lambda: NodePower(boot_s=np.nan), r"boot_s\(=nan\)"),
        (lambda: Cluster(0), r"nodes\(=0\) must be a whole number >= 1"),
        (lambda: Cluster(1, 1.5), r"cores_per_node\(=1.5\)"),
        (lambda: Cluster(1, power=3), "must be a NodePower"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# -- laws ----------------------------------------------------------------------------------


@settings(max_examples=50)
@given(problems(), st.integers(0, 1000), st.booleans())
def test_whatever_a_policy_does_nothing_is_lost_or_doubled(problem, seed, kill):
    cluster, jobs = problem

    check(replay(jobs, cluster, Chaos(seed), kill_at_request=kill))


@settings(max_examples=30)
@given(problems(), st.integers(0, 1000))
def test_node_seconds_balance_to_the_last_digit(problem, seed):
    cluster, jobs = problem
    replayed = replay(jobs, cluster, Chaos(seed))
    states = node_states(replayed)

    total = sum(
        Fraction(b) - Fraction(a) for a, b in zip(states.start_s, states.stop_s, strict=True)
    )

    assert cluster.nodes * (Fraction(replayed.stop_s) - Fraction(replayed.start_s)) == total


@settings(max_examples=30)
@given(problems(), st.integers(0, 1000))
def test_the_same_seed_gives_the_same_bytes(problem, seed):
    cluster, jobs = problem

    one, two = (replay(jobs, cluster, Chaos(seed)) for _ in range(2))

    pd.testing.assert_frame_equal(one.runs, two.runs, check_exact=True)
    pd.testing.assert_frame_equal(one.switches, two.switches, check_exact=True)
    assert one.cores.tobytes() == two.cores.tobytes()


@settings(max_examples=30)
@given(problems(whole=True), st.integers(0, 1000))
def test_runs_of_each_job_fit_the_checker_of_schedules(problem, seed):
    cluster, jobs = problem
    runs = replay(jobs, cluster, Chaos(seed)).runs

    for _, own in runs.groupby("job"):
        lost = own["work_to_s"] - own["kept_s"]
        done = (own["work_to_s"] - own["work_from_s"]).sum() - lost.sum()
        assert jobs.jobs["run_s"].iloc[own["job"].iloc[0]] == pytest.approx(done)


def test_a_policy_used_again_has_forgotten_the_replay_before():
    jobs, policy = workload([0, 1, 2, 3], [9, 9, 5, 1], [2, 2, 1, 1]), Easy()

    one, two = (replay(jobs, Cluster(3), policy) for _ in range(2))

    pd.testing.assert_frame_equal(one.runs, two.runs, check_exact=True)


# -- workloads -----------------------------------------------------------------------------


def log(**columns):
    table = {"job_id": [1, 2, 3], "submit_s": [0.0, 5.0, 5.0], "run_s": [10.0, np.nan, 0.0]}
    table |= {"processors": [1.0, 2.0, np.nan], "requested_s": [20.0, 20.0, np.nan]}
    table |= {"requested_processors": [1.0, 2.0, 4.0], "queue": ["day", "night", "day"]}
    return JobLog(jobs_table(table | columns), EPOCH, "made up")


def test_jobs_that_cannot_be_replayed_are_refused_by_name():
    with pytest.raises(
        ValueError, match=r"made up, job 2: run_s\(=nan\) must be known and > 0 \(2"
    ):
        Workload.from_log(log(), power_w=10.0)


def test_jobs_that_are_skipped_are_listed_with_the_reason():
    made = Workload.from_log(log(), power_w=10.0, errors="skip")

    assert [1] == made.jobs["job_id"].tolist()
    assert [2, 3] == made.skipped["job_id"].tolist()
    assert {"run_s"} == set(made.skipped["field"])


def test_a_log_fills_what_it_does_not_know_only_as_told():
    made = Workload.from_log(
        log(run_s=[10.0, 11.0, 12.0]),
        power_w=10.0,
        requested_s=99.0,
        best_effort_queues=["night"],
        longest_wait_s=[1.0, 2.0, 3.0],
    )

    assert [20.0, 20.0, 99.0] == made.jobs["requested_s"].tolist()
    assert [1, 2, 4] == made.jobs["processors"].tolist()
    assert [False, True, False] == made.jobs["best_effort"].tolist()
    assert EPOCH == made.epoch


def test_a_queue_that_the_log_does_not_have_is_an_error():
    with pytest.raises(ValueError, match="the log has no queue 'noon', only 'day', 'night'"):
        Workload.from_log(log(), power_w=1.0, best_effort_queues=["noon"], errors="skip")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"run_s": 0.0}, r"job 'a': run_s\(=0.0\) must be finite and > 0 s \(2 such jobs\)"),
        ({"processors": 0}, r"processors\(=0\) must be >= 1"),
        ({"processors": 1.5}, r"row 0: processors\(=1.5\) must be a whole number"),
        ({"model": 1}, r"model\(=1\) must be -1 or the number of one of 0 models"),
        ({"power_w": np.nan}, r"power_w\(=nan\) must be finite and >= 0 W"),
        ({"best_effort": 1}, "must be True or False"),
        ({"colour": 1}, "column 'colour' is not one of a workload"),
        ({"job_id": ["a", "a"]}, "job_id.* must be unique"),
    ],
)
def test_a_bad_workload_is_refused(columns, message):
    table = {"job_id": ["a", "b"], "submit_s": [0.0, 1.0], "run_s": 1.0, "requested_s": 1.0}

    with pytest.raises(ValueError, match=message):
        Workload(workload_table(table | {"processors": 1, "power_w": 1.0} | columns))


def test_the_table_of_a_workload_is_in_order_of_submission_and_keeps_ties():
    made = workload([5, 0, 5, 0], [1, 2, 3, 4])

    assert ["b", "d", "a", "c"] == made.jobs["job_id"].tolist()


def test_core_seconds_count_start_up_and_end():
    assert 114.0 == learning(Suspension()).core_seconds


def test_phases_given_to_a_log_keep_the_length_of_its_jobs():
    jobs = workload([0, 0], [60.0, 5.0], 1).with_phases([LEARNING], [0, -1])

    ended = replay(jobs, Cluster(2), Fifo()).jobs

    assert [46.0, 5.0] == jobs.jobs["run_s"].tolist()
    assert [60.0, 5.0] == ended["end_s"].tolist()


def test_a_job_too_short_for_its_phases_is_named():
    with pytest.raises(ValueError, match=r"job 'b' runs 5 s, no longer than start-up and end of"):
        workload([0, 0], [60.0, 5.0], 1).with_phases([LEARNING])


def test_phases_are_given_once():
    with pytest.raises(ValueError, match="have phases already"):
        learning(Suspension()).with_phases([LEARNING])


def test_a_workload_without_jobs_is_not_replayed():
    with pytest.raises(ValueError, match="there is no job to replay"):
        replay(workload([0], [1]).window(5, 6), Cluster(1), Fifo())


TWO = {"job_id": ["a", "b"], "submit_s": [0.0, 10.0], "run_s": 60.0, "requested_s": 90.0}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("submit_s", pd.date_range("2020", periods=2), r"'submit_s' holds times .* numbers \[s\]"),
        ("run_s", pd.to_timedelta([60, 60], "s"), r"'run_s' holds times .*total_seconds"),
        ("run_s", ["1h", "2h"], r"'run_s' .* no numbers: it must hold numbers \[s\]"),
    ],
)
def test_times_and_text_are_not_taken_for_seconds(column, value, message):
    with pytest.raises(ValueError, match=message):
        workload_table(TWO | {"processors": 1, column: value})


@pytest.mark.parametrize(
    ("models", "number", "message"),
    [
        (LEARNING, 0, r"write \[model\]"),
        ([LEARNING], 5, r"number\(=5\) must be -1 or the number of one of 1 models"),
    ],
)
def test_phases_that_do_not_exist_are_refused(models, number, message):
    jobs = Workload(workload_table(TWO | {"processors": 1, "power_w": 10.0}))
    with pytest.raises(ValueError, match=message):
        jobs.with_phases(models, number)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"power_w": [1.0, 2.0]}, r"power_w has 2 values for 1 jobs of the log"),
        ({"longest_wait_s": [1.0, 2.0]}, r"longest_wait_s has 2 values for 1 jobs"),
        ({"best_effort_queues": "low"}, r"write \['low'\]"),
    ],
)
def test_arguments_that_do_not_fit_the_log_are_named(argument, message):
    log = JobLog(jobs_table({"job_id": [1], "submit_s": [0.0], "run_s": [60.0]}))
    with pytest.raises(ValueError, match=message):
        Workload.from_log(log, **{"power_w": 10.0} | argument)


def test_a_series_is_not_taken_for_an_intensity():
    jobs = Workload(workload_table(TWO | {"processors": 1, "power_w": 10.0}))
    with pytest.raises(TypeError, match=r"intensity of type Series .* Intensity\.from_series"):
        replay(jobs, Cluster(2), Fifo(), intensity=pd.Series([300.0]), origin=EPOCH)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"workload": JobLog(jobs_table({"job_id": [1], "submit_s": [0.0]}))},
            r"Workload\.from_log\(\)",
        ),
        ({"cluster": 4}, r"cluster\(=4\) must be a Cluster"),
        ({"policy": Fifo}, r"must be a Policy: pass an instance, such as Easy\(\)"),
    ],
)
def test_what_cannot_be_replayed_is_named(change, message):
    jobs = Workload(workload_table(TWO | {"processors": 1, "power_w": 10.0}))
    with pytest.raises(TypeError, match=message):
        replay(**{"workload": jobs, "cluster": Cluster(2), "policy": Fifo()} | change)


def test_a_policy_without_its_method_is_named():
    class Empty(Policy):
        pass

    jobs = Workload(workload_table(TWO | {"processors": 1, "power_w": 10.0}))
    with pytest.raises(NotImplementedError, match=r"Empty has no method decide\(self, view\)"):
        replay(jobs, Cluster(2), Empty())


def test_a_gantt_chart_names_jobs_and_shows_what_resumes_take():
    jobs = workload([0, 0], [14400.0, 14400.0], 1, best_effort=[False, True])
    done = replay(jobs, Cluster(1), RoundRobin(3600.0, 600.0))
    ax = Figure().subplots()

    done.gantt(ax, names=True)

    runs, strips = ax.collections
    assert len(done.runs) == len(runs.get_paths()) == len(strips.get_paths())
    assert {COLORS["jobs"].lower(), COLORS["best_effort"].lower()} == {
        to_hex(color) for color in runs.get_facecolor()
    }
    assert {"a", "b"} == {text.get_text() for text in ax.texts}
    assert (0, done.stop_s / 3600) == pytest.approx(ax.get_xlim())
