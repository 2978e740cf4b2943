"""Whether pausing pays: what explains an optimal schedule, against that schedule."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_problems import EPOCH_S, curve

from helpers.phases import Phase, Suspension, steady_job
from helpers.schedule import best_schedule, best_start, pausing
from helpers.schedule.suspend import break_even_ratio

HOUR = 3600.0
VALLEYS = [100, 100, 400, 400, 100, 100, 400, 400, 100, 400, 400, 400]
curves = st.lists(st.integers(50, 500), min_size=12, max_size=12)
jobs = st.tuples(st.integers(1, 4), st.sampled_from([15, 30, 60]), st.sampled_from([50.0, 200.0]))


def job_of(hours=4, startup_min=15, startup_w=200.0):
    return steady_job(
        hours * HOUR, 200.0, startup_s=60 * startup_min, startup_power_w=startup_w, name="job"
    )


def hourly(values):
    return curve(values, step_s=HOUR)


def test_gains_are_those_of_the_best_schedule_over_the_best_start():
    signal, job = hourly(VALLEYS), job_of()

    (row,) = pausing.gains(job, signal, [EPOCH_S], 7.5 * HOUR).itertuples()

    assert best_start(job, signal, EPOCH_S, start_within=7.5 * HOUR).emissions_g == row.start_g
    assert best_schedule(job, signal, EPOCH_S, start_within=7.5 * HOUR).emissions_g == row.best_g
    assert row.resumes == row.best.resumes == 2
    assert pytest.approx(1 - row.best_g / row.start_g) == row.extra


@settings(deadline=None, max_examples=60)
@given(curves, jobs)
def test_no_pause_of_an_optimal_schedule_falls_short_of_the_swing_it_needs(values, made):
    job, signal = job_of(*made), hourly(values)
    best = best_schedule(job, signal, EPOCH_S, EPOCH_S + 12 * HOUR)

    for swing in pausing.swings(best):
        assert swing.actual >= swing.needed - 1e-9


def test_a_pause_of_a_blind_rule_may_fall_short_of_the_swing_it_needs():
    job, signal = job_of(hours=2), hourly([100, 101, 101, 100, 300, 300])
    split = best_start(job, signal, EPOCH_S, EPOCH_S + 6 * HOUR).from_work(
        job, [EPOCH_S, EPOCH_S + 3 * HOUR], [HOUR, HOUR]
    )

    (swing,) = pausing.swings(split.on(signal))

    assert swing.actual < swing.needed
    assert pytest.approx((1.0, 0.25)) == (swing.moved_h, swing.needed)


def test_a_schedule_without_a_signal_has_no_swings():
    from helpers.schedule import Schedule

    with pytest.raises(ValueError, match=r"schedule\.on\(intensity\)"):
        pausing.swings(Schedule([0.0], [HOUR], [0.0], [HOUR]))


@settings(deadline=None, max_examples=60)
@given(curves, jobs)
def test_an_optimum_has_no_more_resumes_than_its_window_has_room_for(values, made):
    job, signal = job_of(*made), hourly(values)
    start = best_start(job, signal, EPOCH_S, EPOCH_S + 12 * HOUR)
    best = best_schedule(job, signal, EPOCH_S, EPOCH_S + 12 * HOUR)

    assert best.resumes <= pausing.room(start) + 1e-6


def test_room_is_told_in_start_ups_so_there_must_be_one():
    start = best_start(job_of(startup_min=0), hourly(VALLEYS), EPOCH_S, EPOCH_S + 12 * HOUR)

    with pytest.raises(ValueError, match="starts for free"):
        pausing.room(start)


@pytest.mark.parametrize("suspended_w", [0.0, 10.0])
def test_the_optimum_begins_to_pause_at_the_ratio_of_the_formula(suspended_w):
    rules = Suspension(save=(Phase("save", 120, 200.0),), suspended_power_w=suspended_w)
    case = {"pause_s": 5 * HOUR, "suspension": rules}

    found = pausing.optimum_ratio(job_of(), 2 * HOUR, **case)

    assert break_even_ratio(job_of(), 2 * HOUR, **case) == pytest.approx(found, rel=1e-5)


def test_a_pause_that_eats_what_it_moves_pays_at_no_ratio():
    case = {"pause_s": 5 * HOUR, "suspension": Suspension(suspended_power_w=100.0)}

    assert math.inf == break_even_ratio(job_of(), 2 * HOUR, **case)
    assert math.inf == pausing.optimum_ratio(job_of(), 2 * HOUR, **case)


@settings(deadline=None, max_examples=40)
@given(curves, st.integers(1, 4), st.sampled_from([0, 30, 60]))
def test_the_recursion_as_one_writes_it_down_finds_the_optimum(values, hours, startup_min):
    job, signal, slot_s = job_of(hours, startup_min), hourly(values), 1800.0
    begins = EPOCH_S + slot_s * np.arange(24)
    slot_g = signal.mean(begins, begins + slot_s) * slot_s * 200.0 / 3.6e6

    states = pausing.least_from_here(slot_g, slot_g, 2 * hours, startup_min // 30)
    best = best_schedule(job, signal, EPOCH_S, EPOCH_S + 12 * HOUR)

    assert best.emissions_g == pytest.approx(states[0, 0])
    assert 0.0 == states[-1, -1]
    assert np.isinf(states[-1, :-1]).all()
