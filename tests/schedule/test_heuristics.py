"""Simple schedules: they keep the rules, cost no less than the optimum, and do what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_problems import EPOCH_S, curve, model, problems

from helpers.phases import Phase, Suspension
from helpers.published.charge import charge_as_published, published_intervals
from helpers.schedule.heuristics import (
    Moment,
    as_soon_as_possible,
    below_threshold,
    cheapest_slots,
    follow,
)
from helpers.schedule.intervals import charge, check
from helpers.schedule.suspend import best_schedule


@settings(deadline=None, max_examples=150)
@given(
    problems(most_slots=30, longest=5),
    st.integers(0, 500),
    st.sampled_from([60.0, 47.0, 130.0]),
    st.data(),
)
def test_every_heuristic_keeps_the_rules_and_none_beats_the_optimum(
    problem, threshold, step_s, data
):
    job, intensity, release_s, deadline_s, rules = problem
    whims = data.draw(st.lists(st.booleans(), min_size=1, max_size=30))
    window = release_s, deadline_s
    common = {"step_s": step_s, "suspension": rules}

    schedules = [
        as_soon_as_possible(job, *window),
        cheapest_slots(job, intensity, *window, **common),
        below_threshold(job, intensity, *window, threshold_g_per_kwh=threshold, **common),
        follow(
            job,
            *window,
            lambda m: whims[int(m.now_s - release_s) // 60 % len(whims)],
            **common,
        ),
    ]

    best = best_schedule(job, intensity, *window, suspension=rules, resolution_s=1.0)
    best_g = charge(best, job, intensity, rules).emissions_g
    for schedule in schedules:
        check(schedule, job, release=release_s, deadline=deadline_s, suspension=rules)
        assert charge(schedule, job, intensity, rules).emissions_g >= best_g - 1e-9


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 500), min_size=2, max_size=40), st.data())
def test_cheapest_slots_are_optimal_for_constant_power_without_start_up(values, data):
    slots = data.draw(st.integers(1, len(values)))
    job, intensity = model([], [(60.0 * slots, 100)]), curve(values)
    window = EPOCH_S, EPOCH_S + 60 * len(values)

    schedule = cheapest_slots(job, intensity, *window, step_s=60)

    best = best_schedule(job, intensity, *window)
    assert charge(best, job, intensity).emissions_g == pytest.approx(
        charge(schedule, job, intensity).emissions_g
    )


def test_cheapest_slots_pay_for_start_ups_they_do_not_know_of():
    job = model([(60, 500)], [(240, 100)])
    intensity = curve([100, 110] * 10)
    window = EPOCH_S, EPOCH_S + 1200

    schedule = cheapest_slots(job, intensity, *window, step_s=60)

    assert schedule.resumes > 0
    assert charge(schedule, job, intensity).emissions_g > (
        charge(as_soon_as_possible(job, *window), job, intensity).emissions_g
    )


def test_a_threshold_runs_below_it_and_when_the_deadline_presses():
    job = model([], [(240, 100)])
    intensity = curve([300, 100, 100, 300, 300, 300, 300, 300, 300, 300])

    schedule = below_threshold(
        job, intensity, EPOCH_S, EPOCH_S + 600, threshold_g_per_kwh=200, step_s=60
    )

    assert [60, 480] == (schedule.start_s - EPOCH_S).tolist()
    assert [180, 600] == (schedule.stop_s - EPOCH_S).tolist()


def test_a_job_asks_only_at_checkpoints_where_only_those_are_kept():
    job = model([(60, 100)], [(120, 100), (180, 100), (60, 100)], checkpoints={0, 1})
    asked = []

    def wants(moment):
        asked.append(moment)
        return False

    rules = Suspension(save=[Phase("save", 60, 10)], keep="checkpoints")
    schedule = follow(job, EPOCH_S, EPOCH_S + 1500, wants, step_s=60, suspension=rules)

    check(schedule, job, release=EPOCH_S, deadline=EPOCH_S + 1500, suspension=rules)
    assert {0.0, 120.0, 300.0} >= {moment.work_s for moment in asked}
    assert Moment(EPOCH_S) == asked[0]


def test_the_published_intervals_leave_no_time_for_a_second_start_up():
    job = model([(60, 100)], [(180, 200)])
    intensity = curve([300, 100, 100, 300, 200, 200, 300, 300])
    window = EPOCH_S, EPOCH_S + 480

    schedule = published_intervals(job, intensity, *window)

    assert [60, 240] == (schedule.start_s - EPOCH_S).tolist()
    assert job.duration_s == schedule.running_s
    with pytest.raises(ValueError, match="run 1 lasts 120 s"):
        check(schedule, job)
    published = charge_as_published(schedule, job, intensity)
    assert job.energy_j == pytest.approx(published.energy_j)
    assert (60 * 100 * 100 + 60 * 200 * 100 + 120 * 200 * 200) / 3.6e6 == pytest.approx(
        published.emissions_g
    )


def test_the_published_intervals_cut_the_dearest_step():
    job = model([], [(150, 100)])

    schedule = published_intervals(job, curve([5, 1, 3, 2]), EPOCH_S, EPOCH_S + 240)

    np.testing.assert_array_equal([60, 180], schedule.start_s - EPOCH_S)
    np.testing.assert_array_equal([150, 240], schedule.stop_s - EPOCH_S)


@pytest.mark.parametrize("step_s", [0, -1, float("inf")])
def test_a_step_that_is_no_length_is_refused(step_s):
    job = model([], [(60, 100)])

    with pytest.raises(ValueError, match=r"step_s\(=.*\) must be finite and > 0 s"):
        cheapest_slots(job, curve([1] * 9), EPOCH_S, EPOCH_S + 540, step_s=step_s)


def test_a_deadline_too_short_is_refused():
    job = model([], [(600, 100)])

    with pytest.raises(ValueError, match=r"needs 600 s .* only 540 s"):
        as_soon_as_possible(job, EPOCH_S, EPOCH_S + 540)
