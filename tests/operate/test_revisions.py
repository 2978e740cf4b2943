"""Plans made anew: what is left of a job goes where it is now clean, and never past its deadline."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operate_problems import ZERO_S, curve, job, plan
from test_decide import CALM, DEADLINE_S, STEP_S, World, plan_on

from helpers.operate.agent import Agent, Settings
from helpers.operate.job import read_events
from helpers.operate.revisions import WORTH, Revision, left_after, revise
from helpers.schedule.intervals import charge

EARLY = [100, 100, 100, 100, 500, 500, 500, 500, 500, 500, 500, 500]
LATE = [500, 500, 500, 500, 500, 500, 100, 100, 100, 100, 100, 500]
MIDDLE = [500, 100, 100, 100, 100, 100, 500, 500, 500, 500, 500, 500]


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


def forecasting(world, values):
    """Give a world an agent that asks for a forecast every quarter of an hour."""
    options = Settings(poll_s=60.0, tick_s=STEP_S, patience_s=60.0, replan_s=900.0)
    world.agent = Agent(
        world.slurm,
        world.state,
        options,
        clock=lambda: world.slurm.now_s,
        forecast=lambda plan, start_s, stop_s: curve(values),
    )
    return world


@given(checkpoints=st.integers(0, 7))
def test_what_is_left_after_a_checkpoint_is_the_rest_of_the_work(checkpoints):
    whole = job()

    left = left_after(whole, checkpoints)

    assert pytest.approx(whole.work_profile.duration_s - 1800.0 * checkpoints) == (
        left.work_profile.duration_s
    )
    assert pytest.approx(whole.attempt(1800.0 * checkpoints).energy_j) == left.attempt().energy_j
    assert 8 - checkpoints == left.work_profile.checkpoints_s.size


@pytest.mark.parametrize("checkpoints", [-1, 8, 99])
def test_nothing_is_left_after_all_or_more_checkpoints(checkpoints):
    with pytest.raises(ValueError, match="must be less than all 8"):
        left_after(job(), checkpoints)


def test_a_forecast_that_has_not_changed_changes_no_plan():
    made = plan_on(MIDDLE)

    assert None is revise(Revision(made), 0, curve(MIDDLE), ZERO_S)


def test_a_forecast_that_has_changed_moves_a_job_that_waits():
    made = plan_on(MIDDLE)

    better = revise(Revision(made), 0, curve(LATE), ZERO_S)

    assert better.plan.schedule.start_s[0] >= ZERO_S + 5 * 3600
    assert better.plan.schedule.stop_s[-1] <= DEADLINE_S
    assert (
        charge(better.plan.schedule, made.job, curve(LATE)).emissions_g
        < charge(made.schedule, made.job, curve(LATE)).emissions_g
    )


def test_in_a_pause_only_what_is_left_is_planned_anew():
    made = plan()  # two runs and a pause
    kept = round(float(made.schedule.work_to_s[0]) / 1800)
    pause_s = float(made.schedule.stop_s[0]) + 60

    flat = revise(Revision(made), kept, curve(), pause_s)
    late = revise(Revision(made), kept, curve([500] * 9 + [100] * 3), pause_s)
    again = revise(late, kept, curve([500] * 9 + [100] * 3), pause_s)

    assert None is flat
    assert (None, kept) == (again, late.checkpoints)
    assert made.job.work_profile.duration_s - 1800 * kept == pytest.approx(
        late.plan.job.work_profile.duration_s
    )
    assert late.plan.schedule.start_s[0] > made.schedule.start_s[1]


def test_a_gain_too_small_to_be_worth_it_changes_no_plan():
    made = plan_on(MIDDLE)
    flat = np.full(12, 100.0)
    little, enough = flat.copy(), flat.copy()
    little[6:11], enough[6:11] = 100.0 * (1 - WORTH / 2), 100.0 * (1 - 2 * WORTH)

    assert None is revise(Revision(made), 0, curve(little), ZERO_S)
    assert None is not revise(Revision(made), 0, curve(enough), ZERO_S)


def test_what_does_not_fit_any_more_keeps_its_plan():
    made = plan_on(MIDDLE)

    assert None is revise(Revision(made), 0, curve(LATE), DEADLINE_S - 3600)


def test_an_agent_moves_a_waiting_job_when_its_forecast_changes(tmp_path):
    world = forecasting(World(tmp_path, plan_on(MIDDLE)), LATE)

    world.go_on(DEADLINE_S + 3600)
    real_s = world.slurm.finished_s - world.plan.job.duration_s

    assert ("completed", 1) == (world.outcome, world.slurm.ends)
    assert real_s > ZERO_S + 5 * 3600
    assert world.slurm.finished_s <= DEADLINE_S


def test_an_agent_that_comes_back_after_a_missed_run_plans_what_is_left(tmp_path):
    starts_s = []
    for name, values in (("blind", None), ("sees", [*EARLY[:8], 50, 50, 50, 50])):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name, plan_on(EARLY))
        world.slurm.away = [(ZERO_S - 5, ZERO_S + 5 * 3600)]  # a controller that is down for hours
        if values:
            forecasting(world, values)
        world.go_on(DEADLINE_S + 3600)
        starts_s.append(read_events(world.folder.path)[0].time_s)

        assert "completed" == world.outcome
        assert world.slurm.finished_s <= DEADLINE_S

    assert starts_s[1] > starts_s[0] + 3600


@settings(max_examples=8)
@given(
    before=st.lists(st.integers(20, 900), min_size=12, max_size=12),
    after=st.lists(st.integers(20, 900), min_size=12, max_size=12),
    slow=st.floats(0.8, 1.2),
)
def test_whatever_forecasts_say_a_job_is_in_time_and_loses_little(
    tmp_path_factory, before, after, slow
):
    world = forecasting(World(tmp_path_factory.mktemp("w"), plan_on(before), slow=slow), after)

    world.go_on(DEADLINE_S + 3600)

    assert ("completed", 1) == (world.outcome, world.slurm.ends)
    assert world.slurm.finished_s <= DEADLINE_S


def test_a_forecast_that_fails_leaves_the_plan_as_it_is(tmp_path):
    world = World(tmp_path, plan_on(MIDDLE))
    told = []

    def fails(*_):
        raise OSError("no route to host")

    world.agent = Agent(
        world.slurm,
        world.state,
        CALM,
        clock=lambda: world.slurm.now_s,
        forecast=fails,
        report=told.append,
    )
    world.agent.settings = Settings(poll_s=60.0, tick_s=STEP_S, patience_s=60.0, replan_s=900.0)
    world.go_on(DEADLINE_S + 3600)

    assert "completed" == world.outcome
    assert any("no route to host" in line for line in told)


def test_an_agent_that_was_killed_goes_on_with_the_plan_made_anew(tmp_path):
    world = forecasting(World(tmp_path, plan_on(MIDDLE)), LATE)
    world.go_on(ZERO_S + 1200)

    moved = world.folder.revision
    world.agent = world.new_agent()  # without any forecast
    world.go_on(DEADLINE_S + 3600)

    assert moved.plan.id != world.plan.id
    assert world.slurm.finished_s - world.plan.job.duration_s > ZERO_S + 5 * 3600
    assert "completed" == world.outcome
