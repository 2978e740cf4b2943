"""The known policies on whole traces, against plain loops over one job."""

import numpy as np
import pandas as pd
import policies_by_hand as by_hand
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_problems import EPOCH_S, curve, model

from helpers.carbon import Forecasts, Intensity
from helpers.phases import Phase, Suspension
from helpers.published.project import (
    next_day_as_in_its_program,
    next_weekday,
    next_workday,
    office_jobs,
)
from helpers.schedule import best_schedule, best_starts, charge, check, policies
from helpers.schedule.heuristics import cheapest_slots, follow
from helpers.schedule.trace import (
    GAIA_QUEUES,
    Queue,
    Trace,
)

START_S = int(EPOCH_S)
SPAN_S = 2000  # of the curves drawn below
AHEAD_S = 240  # how far the thresholds drawn below look ahead
POLICIES = {
    "no wait": policies.no_wait,
    "lowest slot": policies.lowest_slot,
    "lowest window": policies.lowest_window,
    "saving per wait": policies.saving_per_wait,
    "wait awhile": policies.wait_awhile,
    "threshold": lambda trace, intensity: policies.threshold(trace, intensity, ahead_s=AHEAD_S),
    "best start": policies.best,
    "best runs": lambda trace, intensity: policies.best(trace, intensity, interruptible=True),
}


@st.composite
def curves(draw, lowest=0):
    """An intensity of irregular whole-second steps, as a signal and as a list."""
    inner = draw(st.lists(st.integers(1, SPAN_S - 1), max_size=30, unique=True))
    edges = [0, *sorted(inner), SPAN_S]
    values = draw(
        st.lists(st.integers(lowest, 9), min_size=len(edges) - 1, max_size=len(edges) - 1)
    )
    kind = "average" if lowest >= 0 else "marginal"
    signal = Intensity(START_S + np.array(edges), np.array(values, float), kind, "XX", "generated")
    steps = zip(edges[:-1], edges[1:], values, strict=True)
    return signal, [(START_S + low, START_S + high, value) for low, high, value in steps]


jobs = st.lists(
    st.tuples(
        st.integers(0, 800),  # submission
        st.integers(0, 400),  # longest wait
        st.lists(st.tuples(st.integers(1, 120), st.integers(0, 5)), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=6,
)


def with_phases(drawn):
    return Trace.of_models(
        [START_S + submit for submit, _, _ in drawn],
        [model((), phases) for _, _, phases in drawn],
        longest_wait_s=[wait for _, wait, _ in drawn],
    )


def constant(drawn):
    """The same jobs with the power of their first phase."""
    return Trace(
        [START_S + submit for submit, _, _ in drawn],
        [by_hand.length_s(phases) for _, _, phases in drawn],
        [phases[0][1] for _, _, phases in drawn],
        [wait for _, wait, _ in drawn],
    )


def agree(expected_s, outcome, expected_g):
    """Starts and emissions are those of the plain loop, to 1e-9."""
    assert np.abs(np.array(expected_s) - outcome.start_s).max() < 1e-6
    assert expected_g == pytest.approx(outcome.emissions_g, rel=1e-9, abs=1e-15)


@settings(max_examples=200)
@given(curves(), jobs, st.sampled_from([None, 7, 60]))
def test_the_lowest_slot_is_that_of_the_plain_loop(drawn_curve, drawn, step):
    signal, steps = drawn_curve

    found = policies.lowest_slot(with_phases(drawn), signal, step_s=step)

    expected = [by_hand.lowest_slot(steps, START_S + s, w, step) for s, w, _ in drawn]
    emitted = [
        by_hand.emissions_g(steps, start, phases)
        for start, (_, _, phases) in zip(expected, drawn, strict=True)
    ]
    agree(expected, found, emitted)


@settings(max_examples=300)
@given(curves(lowest=-3), jobs, st.sampled_from([None, 7, 60]), st.booleans())
def test_windows_of_the_true_length_are_those_of_the_plain_loop(drawn_curve, drawn, step, per_wait):
    signal, steps = drawn_curve
    policy = policies.saving_per_wait if per_wait else policies.lowest_window

    found = policy(with_phases(drawn), signal, step_s=step)

    expected = [
        by_hand.window(steps, START_S + s, w, phases, step_s=step, per_wait=per_wait)
        for s, w, phases in drawn
    ]
    emitted = [
        by_hand.emissions_g(steps, start, phases)
        for start, (_, _, phases) in zip(expected, drawn, strict=True)
    ]
    agree(expected, found, emitted)


@settings(max_examples=200)
@given(curves(), jobs, st.sampled_from([None, 60]), st.booleans(), st.booleans())
def test_windows_of_the_mean_length_are_chosen_for_it_and_charged_for_the_truth(
    drawn_curve, drawn, step, per_wait, phased
):
    signal, steps = drawn_curve
    trace = with_phases(drawn) if phased else constant(drawn)
    trace = Trace.by_length(
        trace.submit_s,
        trace.length_s,
        trace.power_w,
        queues=(Queue("short", 60, 100), Queue("long", np.inf, 300)),
        models=trace.models,
    )
    policy = policies.saving_per_wait if per_wait else policies.lowest_window

    found = policy(trace, signal, length="mean", step_s=step)

    expected, emitted = [], []
    for i, (submit, _, phases) in enumerate(drawn):
        long = by_hand.length_s(phases) >= 60
        alike = [by_hand.length_s(p) for _, _, p in drawn if (by_hand.length_s(p) >= 60) == long]
        mean = [(sum(alike) / len(alike), 1.0)]
        wait = 300 if long else 100
        expected.append(
            by_hand.window(steps, START_S + submit, wait, mean, step_s=step, per_wait=per_wait)
        )
        real = phases if phased else [(by_hand.length_s(phases), phases[0][1])]
        # charged at the start that was found: a mean length in thirds leaves rounding in it
        emitted.append(by_hand.emissions_g(steps, found.start_s[i], real))
    agree(expected, found, emitted)


@settings(max_examples=200)
@given(curves(), jobs)
def test_waiting_awhile_uses_the_seconds_that_the_plain_loop_uses(drawn_curve, drawn):
    signal, steps = drawn_curve
    trace = constant(drawn)

    found = policies.wait_awhile(trace, signal)

    for i, (submit, wait, phases) in enumerate(drawn):
        runs = by_hand.wait_awhile(steps, START_S + submit, wait, by_hand.length_s(phases))
        schedule = found.schedule(i)
        assert runs == list(zip(schedule.start_s, schedule.stop_s, strict=True))
        emitted = by_hand.runs_emit_g(steps, runs, phases[0][1])
        assert emitted == pytest.approx(found.emissions_g[i], rel=1e-9, abs=1e-15)


@settings(max_examples=200)
@given(curves(), jobs, st.sampled_from([0.3, 0.5, 0.75]))
def test_the_threshold_runs_in_the_seconds_in_which_the_plain_loop_runs(drawn_curve, drawn, share):
    signal, steps = drawn_curve
    trace = constant(drawn)

    found = policies.threshold(trace, signal, quantile=share, ahead_s=AHEAD_S)

    for i, (submit, wait, phases) in enumerate(drawn):
        runs = by_hand.threshold(
            steps,
            START_S + submit,
            wait,
            by_hand.length_s(phases),
            share=share,
            ahead_s=AHEAD_S,
        )
        schedule = found.schedule(i)
        assert runs == list(zip(schedule.start_s, schedule.stop_s, strict=True))
        emitted = by_hand.runs_emit_g(steps, runs, phases[0][1])
        assert emitted == pytest.approx(found.emissions_g[i], rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("step", [None, 100])
def test_a_saving_is_weighed_against_the_wait_and_the_length(step):
    signal = curve([2000, 1000, 9000, 2, 9000, 9000, 9000], step_s=100)
    trace = Trace([EPOCH_S], 100, 1.0, 500)

    found = policies.saving_per_wait(trace, signal, step_s=step)

    # 1000 in 200 s are more than 1998 in 400 s
    assert [EPOCH_S + 100] == found.start_s.tolist()
    assert [EPOCH_S + 300] == policies.lowest_window(trace, signal, step_s=step).start_s.tolist()


@pytest.mark.parametrize("policy", [policies.lowest_slot, policies.lowest_window])
@pytest.mark.parametrize("step", [None, 100])
def test_the_last_moment_of_the_longest_wait_may_be_used(policy, step):
    signal = curve([3, 2, 1, 9, 9], step_s=100)
    trace = Trace([EPOCH_S] * 2, 100, 1.0, [200, 199])

    found = policy(trace, signal, step_s=step)

    exact_window = policy is policies.lowest_window and step is None
    assert [EPOCH_S + 200, EPOCH_S + (199 if exact_window else 100)] == found.start_s.tolist()


@settings(max_examples=200)
@given(
    curves(),
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 30), st.integers(1, 4)),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 6),
)
def test_a_reservation_is_used_as_second_by_second(drawn_curve, drawn, reserved):
    signal, _ = drawn_curve
    submit, wait, length, need = np.array(drawn).T
    trace = Trace(START_S + submit, length, 1.0, wait, processors=need)

    found = policies.work_conserving(trace, signal, trace.submit_s + wait, reserved)

    expected = by_hand.reserved_first(
        [(START_S + s, START_S + s + w, n, p) for s, w, n, p in drawn], reserved
    )
    assert [start for start, _ in expected] == found.start_s.tolist()
    assert [on_it for _, on_it in expected] == found.reserved.tolist()


@settings(max_examples=100)
@given(curves(), jobs, st.booleans())
def test_every_outcome_keeps_the_window_and_does_the_work_once(drawn_curve, drawn, phased):
    signal, _ = drawn_curve
    trace = with_phases(drawn) if phased else constant(drawn)
    if phased:
        signal = Intensity(
            START_S + 40 * np.arange(51), np.arange(51)[:-1] % 7, "average", "XX", "generated"
        )

    for name, policy in POLICIES.items():
        if phased and name == "best runs":
            continue  # tested below: it is a program for each job
        found = policy(trace, signal)
        for i in range(len(trace)):
            schedule = found.schedule(i)
            check(
                schedule,
                trace.model(i),
                release=trace.submit_s[i],
                deadline=trace.deadline_s[i],
            )
            cost = charge(schedule, trace.model(i), signal)
            assert cost.emissions_g == pytest.approx(found.emissions_g[i], rel=1e-9, abs=1e-15)
            assert cost.energy_j / 3.6e6 == pytest.approx(found.energy_kwh[i], rel=1e-9)
            assert schedule.resumes == found.resumes[i]
            delay_s = schedule.stop_s[-1] - trace.submit_s[i] - trace.length_s[i]
            assert delay_s == pytest.approx(found.delay_s[i], abs=1e-6)


@settings(max_examples=100)
@given(curves(), jobs)
def test_nothing_beats_the_best_in_hindsight(drawn_curve, drawn):
    signal, _ = drawn_curve
    trace = constant(drawn)
    found = {name: policy(trace, signal).emissions_g for name, policy in POLICIES.items()}

    margin = 1e-12 + 1e-9 * found["no wait"]

    for name in ("no wait", "lowest slot", "lowest window", "saving per wait"):
        assert (found["best start"] <= found[name] + margin).all()
    for emitted in found.values():
        assert (found["best runs"] <= emitted + margin).all()


@given(curves(lowest=-3), jobs)
def test_the_best_start_is_that_of_the_module_for_single_jobs(drawn_curve, drawn):
    signal, _ = drawn_curve
    trace = with_phases(drawn)

    found = policies.best(trace, signal)

    expected = best_starts(trace.models, signal, trace.submit_s, trace.deadline_s)
    assert np.abs(expected.start_s - found.start_s).max() < 1e-6
    assert expected.emissions_g == pytest.approx(found.emissions_g, rel=1e-9, abs=1e-15)


TRUTH = curve([5, 4, 3, 2, 1, 2, 3, 4, 5, 6, 7, 8], step_s=100)


def forecasts(**change):
    """Three forecasts; the one issued at 100 s sees the valley too early."""
    values = {0: [5, 4, 3, 2, 1, 2], 100: [9, 1, 9, 9, 9, 9], 200: [3, 9, 9, 9, 1, 9]} | change
    return Forecasts(
        [EPOCH_S + issued for issued in values],
        100 * np.arange(7),
        np.array(list(values.values()), float),
        "average",
        "XX",
        "generated",
    )


@pytest.mark.parametrize(
    "policy",
    [policies.lowest_slot, policies.lowest_window, policies.saving_per_wait, policies.wait_awhile],
)
def test_each_job_sees_the_newest_forecast_at_its_submission_and_pays_the_truth(policy):
    trace = Trace(EPOCH_S + np.array([0, 99, 100, 150, 250]), 100, 1.0, 300)

    found = policy(trace, TRUTH, forecast=forecasts())

    for i in range(len(trace)):
        seen = forecasts().issued_at(trace.submit_s[i])
        alone = policy(trace.select([i]), TRUTH, forecast=seen)
        assert alone.start_s[0] == pytest.approx(found.start_s[i], abs=1e-6)
        expected = charge(found.schedule(i), trace.model(i), TRUTH).emissions_g
        assert expected == pytest.approx(found.emissions_g[i])


def test_the_level_of_the_threshold_comes_from_the_forecast_and_the_present_from_the_truth():
    trace = Trace([EPOCH_S, EPOCH_S + 100], 100, 1.0, 300)

    found = policies.threshold(trace, TRUTH, forecast=forecasts(), ahead_s=600, quantile=0.5)

    assert [EPOCH_S + 300, EPOCH_S + 100] == found.start_s.tolist()  # below 2, and below 9


def test_a_forecast_that_equals_the_truth_changes_nothing():
    issued_s = EPOCH_S + 100 * np.arange(4)
    values = [TRUTH.intensity_g_per_kwh[i : i + 8] for i in range(4)]
    perfect = Forecasts(issued_s, 100 * np.arange(9), values, "average", "XX", "generated")
    trace = Trace(EPOCH_S + np.array([0, 20, 199, 350]), [60, 170, 100, 90], 1.0, 400)

    for policy in (policies.lowest_window, policies.saving_per_wait, policies.wait_awhile):
        expected, found = policy(trace, TRUTH), policy(trace, TRUTH, forecast=perfect)

        assert expected.run_start_s == pytest.approx(found.run_start_s, abs=1e-6)
        assert expected.emissions_g == pytest.approx(found.emissions_g)


def test_a_job_before_the_first_forecast_is_an_error_that_names_it():
    late = Forecasts([EPOCH_S + 50], [0, 600], [[1.0]], "average", "XX", "generated")
    trace = Trace([EPOCH_S], 10, 1.0, 10, job_id=["early"])

    with pytest.raises(ValueError, match=r"job early, submitted .* nothing: none was issued"):
        policies.lowest_window(trace, TRUTH, forecast=late)


def test_average_and_marginal_are_never_mixed():
    marginal = curve([1, 2, 3], step_s=1000, kind="marginal")

    with pytest.raises(ValueError, match="average and marginal"):
        policies.lowest_slot(Trace([EPOCH_S], 10, 1.0, 10), TRUTH, forecast=marginal)


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "no wait"])
def test_a_job_at_the_end_of_the_trace_is_named_and_never_extrapolated(name):
    trace = Trace(EPOCH_S + np.array([0, 1000, 1050]), 100, 1.0, 100, job_id=["a", "b", "c"])

    with pytest.raises(ValueError, match=r"job c, submitted .*drop_uncovered"):
        POLICIES[name](trace, TRUTH)


def test_a_job_without_a_wait_is_named_when_it_would_run_beyond_the_end():
    trace = Trace(EPOCH_S + np.array([0, 1101]), 100, 1.0, 0, job_id=["a", "b"])

    with pytest.raises(ValueError, match=r"job b would run from .* nothing is extrapolated"):
        policies.no_wait(trace, TRUTH)


def test_dropping_leaves_the_jobs_about_which_all_policies_can_decide():
    long = curve([5, 4, 3, 2] * 12, step_s=3600)
    trace = Trace(EPOCH_S + 3600 * np.array([-1, 0, 10, 24, 25, 47]), 600, 1.0, 3600)
    short = Forecasts(
        EPOCH_S + 3600 * np.arange(6), [0, 86_400], np.ones((6, 1)), "average", "XX", "generated"
    )

    assert [1, 2, 3] == trace.drop_uncovered(long).job_id.tolist()
    assert [1] == trace.drop_uncovered(long, short).job_id.tolist()
    for name, policy in POLICIES.items():
        assert len(policy(trace.drop_uncovered(long), long).start_s) == 3, name


def test_an_empty_trace_has_an_empty_outcome():
    empty = Trace([EPOCH_S], 100, 1.0, 100).select([False])

    for policy in POLICIES.values():
        assert 0 == policy(empty, TRUTH).emissions_g.size


def test_jobs_of_two_hours_and_more_are_long_and_wait_longer():
    trace = Trace.by_length(EPOCH_S + np.zeros(3), [7199, 7200, 90_000], 1.0, queues=GAIA_QUEUES)

    assert [0, 1, 1] == trace.queue.tolist()
    assert [6 * 3600, 24 * 3600, 24 * 3600] == trace.longest_wait_s.tolist()
    assert [7199, 48_600, 48_600] == trace.mean_length_s.tolist()


def test_the_delay_counts_jobs_and_not_their_runs():
    signal = curve([1, 9, 1, 9, 1, 9, 9, 9], step_s=100)
    trace = Trace([EPOCH_S, EPOCH_S], [300, 100], 1.0, 200)

    found = policies.wait_awhile(trace, signal)

    assert [2, 0] == found.resumes.tolist()
    assert [200, 0] == found.delay_s.tolist()
    assert 4 == found.run_start_s.size


def test_what_a_start_costs_is_paid_by_the_controller():
    job = model([(100, 4)], [(100, 2), (200, 1)])
    trace = Trace.of_models([EPOCH_S, EPOCH_S + 50], [job, job], longest_wait_s=600)

    slots = policies.wait_awhile(trace, TRUTH, step_s=100)
    level = policies.threshold(trace, TRUTH, ahead_s=800, step_s=100)
    best = policies.best(trace, TRUTH, interruptible=True)

    for i in range(2):
        window = (trace.submit_s[i], trace.deadline_s[i])
        expected = cheapest_slots(job, TRUTH, *window, step_s=100)
        assert expected == slots.schedule(i)
        expected = best_schedule(job, TRUTH, *window)
        assert charge(expected, job, TRUTH).emissions_g == pytest.approx(best.emissions_g[i])
        check(level.schedule(i), job, release=window[0], deadline=window[1])
    expected = follow(
        job, EPOCH_S, trace.deadline_s[0], lambda m: TRUTH.at(m.now_s) < 2, step_s=100
    )
    assert expected == level.schedule(0)
    assert (best.emissions_g <= np.minimum(slots.emissions_g, level.emissions_g) + 1e-12).all()


def test_a_stop_that_costs_something_is_charged():
    rules = Suspension(save=[Phase("save", 10, 50.0)])
    signal = curve([1, 9, 1, 9, 9, 9], step_s=100)
    trace = Trace([EPOCH_S], 200, 1.0, 200)

    free = policies.wait_awhile(trace, signal)
    paid = policies.wait_awhile(trace, signal, suspension=rules, step_s=100)

    assert 200 / 3.6e6 == pytest.approx(free.energy_kwh[0])
    assert (200 + 500) / 3.6e6 == pytest.approx(paid.energy_kwh[0])
    check(paid.schedule(0), trace.model(0), suspension=rules)


def test_a_length_may_be_given_for_each_job():
    trace = Trace([EPOCH_S] * 2, [100, 300], 1.0, 600)

    found = policies.lowest_window(trace, TRUTH, length=[300, 100])

    expected = policies.lowest_window(Trace([EPOCH_S] * 2, [300, 100], 1.0, 600), TRUTH)
    assert expected.start_s.tolist() == found.start_s.tolist()
    with pytest.raises(ValueError, match="one length > 0 s a job"):
        policies.lowest_window(trace, TRUTH, length=[300])
    with pytest.raises(ValueError, match="'true', 'mean' or a length"):
        policies.lowest_window(trace, TRUTH, length="median")


def test_what_was_really_scheduled_is_charged_as_it_was():
    trace = Trace([EPOCH_S, EPOCH_S + 100], [100, 50], 3.6e6, 0)

    found = policies.start_at(trace, TRUTH, [EPOCH_S + 400, EPOCH_S + 150])

    assert [100, 4 * 50] == pytest.approx(found.emissions_g)
    assert [400, 50] == found.delay_s.tolist()


def test_a_reservation_refuses_a_plan_with_pauses_or_too_early():
    trace = Trace([EPOCH_S], 300, 1.0, 300, job_id=["x"])
    paused = policies.wait_awhile(trace, curve([1, 9, 1, 9, 1, 9], step_s=100))

    with pytest.raises(ValueError, match="stops jobs"):
        policies.work_conserving(trace, TRUTH, paused, 4)
    with pytest.raises(ValueError, match=r"job x is planned at .* before its submission"):
        policies.work_conserving(trace, TRUTH, [EPOCH_S - 1], 4)
    with pytest.raises(ValueError, match=r"reserved\(=-1\)"):
        policies.work_conserving(trace, TRUTH, [EPOCH_S], -1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"length_s": [10, 0]}, r"job b: length_s\(=0.0\) must be finite and > 0"),
        ({"power_w": [1, -1]}, r"job b: power_w\(=-1.0\) must be finite and >= 0"),
        ({"longest_wait_s": [np.nan, 1]}, r"job a: longest_wait_s\(=nan\)"),
        ({"processors": [1, 0]}, r"job b: processors\(=0.0\) must be finite and > 0"),
        ({"length_s": [1, 2, 3]}, r"length_s has shape \(3,\), but there are 2 jobs"),
        ({"submit_s": pd.to_datetime(["2020-01-01", "2020-01-02"])}, "no time zone"),
        ({"models": [model((), [(10, 1)])]}, "1 models for 2 jobs"),
    ],
)
def test_a_bad_trace_is_refused_by_job_and_value(change, message):
    good = {
        "submit_s": [EPOCH_S, EPOCH_S],
        "length_s": 10,
        "power_w": 1,
        "longest_wait_s": 1,
        "job_id": ["a", "b"],
    }

    with pytest.raises(ValueError, match=message):
        Trace(**good | change)


def test_queues_are_refused_when_they_leave_a_job_out_or_overlap():
    with pytest.raises(ValueError, match="too long for every queue"):
        Trace.by_length([EPOCH_S], 100, 1.0, queues=[Queue("short", 60, 0)])
    with pytest.raises(ValueError, match="must increase"):
        Trace.by_length([EPOCH_S], 1, 1.0, queues=[Queue("a", 60, 0), Queue("b", 60, 0)])
    with pytest.raises(ValueError, match="below_s"):
        Queue("none", 0, 1)
    with pytest.raises(ValueError, match="longest_wait_s"):
        Queue("endless", 1, np.inf)


def berlin(*clock):
    return [pd.Timestamp(text, tz="Europe/Berlin") for text in clock]


@pytest.mark.parametrize(
    ("finish", "deadline"),
    [
        ("2020-07-01 12:00", "2020-07-01 12:00"),  # a Wednesday, at work
        ("2020-07-01 17:00", "2020-07-01 17:00"),
        ("2020-07-01 17:30", "2020-07-02 09:00"),
        ("2020-07-01 08:59", "2020-07-01 09:00"),
        ("2020-07-03 18:00", "2020-07-06 09:00"),  # Friday evening to Monday
        ("2020-07-04 10:00", "2020-07-06 09:00"),
        ("2020-07-05 23:00", "2020-07-06 09:00"),
        ("2020-03-28 12:00", "2020-03-30 09:00"),  # over the change of the clock
    ],
)
def test_a_result_off_hours_is_needed_on_the_next_workday(finish, deadline):
    found = next_workday(berlin(finish), "Europe/Berlin")

    assert [berlin(deadline)[0].timestamp()] == found.tolist()


@pytest.mark.parametrize(
    ("finish", "deadline"),
    [
        ("2020-07-06 09:00", "2020-07-06 09:00"),  # Monday
        ("2020-07-06 09:01", "2020-07-09 09:00"),
        ("2020-07-08 12:00", "2020-07-09 09:00"),
        ("2020-07-09 10:00", "2020-07-13 09:00"),
        ("2020-10-24 10:00", "2020-10-26 09:00"),  # over the change of the clock
    ],
)
def test_a_semi_weekly_result_is_needed_on_the_next_monday_or_thursday(finish, deadline):
    found = next_weekday(berlin(finish), "Europe/Berlin")

    assert [berlin(deadline)[0].timestamp()] == found.tolist()


def test_a_weekly_result_waits_for_its_only_day():
    found = next_weekday(berlin("2020-07-06 10:00"), "Europe/Berlin", [0])

    assert [berlin("2020-07-13 09:00")[0].timestamp()] == found.tolist()
    with pytest.raises(ValueError, match="weekdays"):
        next_weekday(berlin("2020-07-06 10:00"), "Europe/Berlin", [7])


def test_a_deadline_gives_the_longest_wait_or_is_refused():
    trace = Trace(berlin("2020-07-03 12:00"), 6 * 3600, 1.0, 0, job_id=["weekend"])

    found = trace.with_deadlines(next_workday(trace.deadline_s, "Europe/Berlin"))

    assert [(3 * 24 - 9) * 3600.0] == found.longest_wait_s.tolist()
    with pytest.raises(ValueError, match=r"job weekend, .* misses its deadline by 3600 s"):
        trace.with_deadlines(trace.deadline_s - 3600)


@pytest.mark.parametrize(
    ("finish", "deadline"),
    [
        ("2020-07-10 18:00", "2020-07-11 09:00"),  # a Friday evening
        ("2020-07-09 18:00", "2020-07-10 09:00"),
        ("2020-07-11 12:00", "2020-07-13 09:00"),  # a Saturday
        ("2020-07-10 12:00", "2020-07-10 12:00"),
    ],
)
def test_the_published_program_takes_saturday_for_the_workday_after_friday(finish, deadline):
    found = next_day_as_in_its_program(berlin(finish), "Europe/Berlin")

    assert [berlin(deadline)[0].timestamp()] == found.tolist()


def test_office_jobs_are_submitted_at_work_and_last_hours_to_days():
    trace = office_jobs(2020, "Europe/Berlin", seed=1)

    clock = pd.to_datetime(trace.submit_s, unit="s", utc=True).tz_convert("Europe/Berlin")
    assert 3387 == len(trace)
    assert (clock.day_of_week < 5).all()
    assert ((clock.hour >= 9) & (clock.hour < 17)).all()
    assert 4 * 3600 == trace.length_s.min()
    assert trace.length_s.max() < 90 * 3600
    assert not (trace.length_s % 1800).any()
    assert (np.diff(trace.submit_s) >= 0).all()
    again = office_jobs(2020, "Europe/Berlin", seed=1)
    assert trace.length_s.tolist() == again.length_s.tolist()


def test_an_outcome_is_told_as_a_table():
    found = policies.lowest_window(Trace([EPOCH_S], 100, 3.6e6, 600), TRUTH)

    frame = found.to_frame("Europe/Berlin")

    assert [pd.Timestamp("2020-01-01 01:06:40", tz="Europe/Berlin")] == frame["start"].tolist()
    assert [100.0] == pytest.approx(frame["emissions_g"])
    assert "lowest window, true length, 1 jobs" in repr(found)
    assert "1 jobs of constant power" in repr(found.trace)


SUBMIT_S = np.array([START_S, START_S + 60.0])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Trace.by_length(SUBMIT_S, 60.0, 1.0, queues=()), "at least one Queue"),
        (lambda: Trace.of_models(SUBMIT_S, model([], [(60, 10)])), "one PhaseModel a job"),
        (lambda: office_jobs(2020, "Europe/Berlin", count=0, seed=1), "count.* whole number >= 1"),
        (
            lambda: office_jobs(2020, "Europe/Berlin", shortest_h=9, longest_h=3, seed=1),
            r"shortest_h\(=9\) .* longest_h\(=3\)",
        ),
        (
            lambda: next_workday(SUBMIT_S, "Europe/Berlin", begin_h=18, end_h=9),
            r"begin_h\(=18\) and end_h\(=9\)",
        ),
    ],
)
def test_what_makes_no_trace_is_refused_by_name(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_one_length_counts_for_every_job_of_a_trace():
    assert [60.0, 60.0] == Trace.by_length(SUBMIT_S, 60.0, 1.0).length_s.tolist()


@pytest.mark.parametrize("policy", [policies.wait_awhile, policies.threshold])
def test_a_step_of_no_length_is_refused_even_where_none_is_needed(policy):
    trace = Trace(SUBMIT_S, 60.0, 1.0, 0.0)
    flat = Intensity([START_S, START_S + 172_800], [300.0], "average", "X", "flat")
    with pytest.raises(ValueError, match=r"duration 0 must be finite and > 0 s"):
        policy(trace, flat, step_s=0)


def test_the_outcome_of_no_job_can_be_shown():
    none = Trace([], [], [], [])
    flat = Intensity([START_S, START_S + 60], [300.0], "average", "X", "flat")
    assert "TraceOutcome(no wait, 0 jobs, 0.000 kg)" == repr(policies.no_wait(none, flat))


@pytest.mark.parametrize(
    "decide",
    [
        lambda signal: policies.no_wait(Trace(SUBMIT_S, 60.0, 1.0, 0.0), signal),
        lambda signal: policies.wait_awhile(Trace(SUBMIT_S, 60.0, 1.0, 0.0), signal),
        lambda signal: best_starts(model([], [(60, 10)]), signal, START_S, START_S + 120),
        lambda signal: best_schedule(model([], [(60, 10)]), signal, START_S, START_S + 120),
    ],
)
def test_a_series_is_not_taken_for_an_intensity(decide):
    series = pd.Series(300.0, pd.date_range("2020", periods=24, freq="h", tz="UTC"))
    with pytest.raises(TypeError, match=r"intensity of type Series .* Intensity\.from_series"):
        decide(series)
