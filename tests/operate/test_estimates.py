"""How fast a job is, from what it says; a slow one goes on in time for its deadline."""

from __future__ import annotations

import math
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operate_problems import ZERO_S, job, plan
from test_decide import DEADLINE_S, World, _no_waiting_for_disks, plan_on  # noqa: F401 (fixture)

from helpers.operate.agent import Sight
from helpers.operate.estimates import last_moment_s, left_s, pace
from helpers.operate.job import Event

INTERVAL_S = 1800.0


def said(*times_s, start_s=ZERO_S):
    return [Event("started", start_s), *(Event("checkpoint", time_s) for time_s in times_s)]


def steady(slow, count, start_s=ZERO_S):
    first_s = start_s + 600.0 + slow * INTERVAL_S
    return said(*(first_s + slow * INTERVAL_S * k for k in range(count)), start_s=start_s)


@given(slow=st.floats(0.5, 4.0), count=st.integers(4, 8))
def test_the_pace_of_a_steady_job_is_how_slow_it_is(slow, count):
    assert pytest.approx(slow) == pace(job(), steady(slow, count))


def test_too_few_intervals_say_nothing():
    assert math.isnan(pace(job(), steady(2.0, 3)))


def test_a_start_up_and_a_pause_between_two_runs_are_no_pace():
    first, second = steady(1.0, 3), steady(1.0, 3, start_s=ZERO_S + 40_000.0)

    assert pytest.approx(1.0) == pace(job(), [*first, *second])


def test_one_suspension_does_not_make_a_job_slow():
    events = [
        Event(e.event, e.time_s + (50_000.0 if number > 3 else 0.0))
        for number, e in enumerate(steady(1.0, 6))
    ]

    assert pytest.approx(1.0) == pace(job(), events)


@pytest.mark.parametrize("slow", [0.5, 1.0, 1.1])
def test_within_its_stretch_a_job_has_the_last_moment_of_its_plan(slow):
    made, events = plan(), steady(slow, 4)

    assert made.last_moment_s(made.kept_s(4)) == last_moment_s(made, events)


def test_a_slow_job_must_go_on_by_what_is_left_at_its_pace():
    made, events = plan(), steady(1.5, 4)
    left = 600.0 + 4 * INTERVAL_S  # start up, and half of the epochs

    assert pytest.approx(1.5 * left) == left_s(made, events)
    assert pytest.approx(made.deadline_s - 60.0 - 1.5 * left) == last_moment_s(made, events)
    assert Sight(ZERO_S, made, events=events).last_moment_s == last_moment_s(made, events)


@pytest.mark.parametrize("slow", [1.4, 1.6])
def test_a_job_slower_than_its_plan_allows_for_is_still_in_time(slow):
    dirty, clean = 900, 20
    with TemporaryDirectory() as folder:
        made = plan_on([clean] * 3 + [dirty] * 7 + [clean] * 2)
        world = World(folder, made, slow=slow, lag_s=5.0)

        world.go_on(DEADLINE_S + 4 * 3600)

        assert "completed" == world.outcome
        assert world.slurm.finished_s <= DEADLINE_S
