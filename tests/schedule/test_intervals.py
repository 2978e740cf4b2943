"""Schedules, their checker and their charge."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_problems import EPOCH_S, curve, every_schedule, model, problems

from helpers.carbon import Intensity
from helpers.phases import Phase, Suspension, generic_ml
from helpers.published.charge import charge_as_published
from helpers.schedule.intervals import (
    Schedule,
    charge,
    check,
    check_window,
    segments,
)

JOB = model([(60, 150)], [(120, 200), (120, 100)], [(60, 50)], checkpoints={0})
SAVING = Suspension(save=[Phase("save", 60, 80)], suspended_power_w=10)


def two_runs(**changes):
    """Start-up, 120 s of work, saving; 120 s later start-up, the rest, the end."""
    schedule = Schedule.from_work(JOB, [EPOCH_S, EPOCH_S + 360], [120, 120], SAVING)
    return dataclasses.replace(schedule, **changes)


def every_second_g(schedule, job, intensity, suspension):
    """Emissions by a sum over seconds, told from the definition alone."""
    total = 0.0
    for i, (start_s, stop_s) in enumerate(zip(schedule.start_s, schedule.stop_s, strict=True)):
        power_w = []
        for phase in job.startup_profile.phases:
            power_w += [phase.power_w] * int(phase.duration_s)
        work_w = [p.power_w for p in job.work_profile.phases for _ in range(int(p.duration_s))]
        power_w += work_w[int(schedule.work_from_s[i]) : int(schedule.work_to_s[i])]
        last = i == schedule.start_s.size - 1
        for phase in (job.end_profile if last else suspension.save_profile).phases:
            power_w += [phase.power_w] * int(phase.duration_s)
        assert len(power_w) == stop_s - start_s
        if not last:
            pause_s = int(schedule.start_s[i + 1] - stop_s)
            power_w += [suspension.suspended_power_w] * pause_s
        total += sum(power * intensity.at(start_s + second) for second, power in enumerate(power_w))
    return total / 3.6e6


@settings(deadline=None, max_examples=25)
@given(problems(most_slots=6), st.data())
def test_the_charge_is_the_sum_over_all_seconds(problem, data):
    job, intensity, release_s, deadline_s, suspension = problem
    plain = dataclasses.replace(suspension, keep="anywhere")
    schedules = list(every_schedule(job, release_s, deadline_s, plain, 60.0))
    schedule = data.draw(st.sampled_from(schedules))

    charged = charge(schedule, job, intensity, plain)

    expected_g = every_second_g(schedule, job, intensity, plain)
    assert expected_g == pytest.approx(charged.emissions_g, rel=1e-9, abs=1e-12)


def test_a_charge_splits_into_parts_and_phases_that_sum_to_the_whole():
    charged = charge(two_runs(), JOB, curve([300, 100, 200, 50] * 4), SAVING)

    split = charged.split()

    assert split["energy_j"].sum() == pytest.approx(charged.energy_j)
    assert split["emissions_g"].sum() == pytest.approx(charged.emissions_g)
    assert 1 == charged.resumes
    assert {
        ("startup", "start 0"): 18_000.0,
        ("work", "work 0"): 24_000.0,
        ("save", "save"): 4_800.0,
        ("suspended", "suspended"): 1_200.0,
        ("work", "work 1"): 12_000.0,
        ("end", "end 0"): 3_000.0,
    } == split["energy_j"].to_dict()


def test_segments_tell_what_runs_when():
    frame = segments(two_runs(), JOB, SAVING).to_frame("Europe/Berlin")

    assert ["startup", "work", "save", "suspended", "startup", "work", "end"] == list(frame.part)
    assert frame.start[0] == pd.Timestamp("2020-01-01T01:00", tz="Europe/Berlin")
    assert (frame.start[1:].to_numpy() == frame.stop[:-1].to_numpy()).all()


def test_a_schedule_that_keeps_all_rules_passes():
    check(two_runs(), JOB, release=EPOCH_S, deadline=EPOCH_S + 600, suspension=SAVING)


@pytest.mark.parametrize(
    ("schedule", "rules", "message"),
    [
        (two_runs(), {"release": EPOCH_S + 1}, "before the release"),
        (two_runs(), {"deadline": EPOCH_S + 599}, "after the deadline"),
        (two_runs(start_s=[EPOCH_S, EPOCH_S + 200]), {}, "run 1 starts .* before run 0 stops"),
        (two_runs(stop_s=[EPOCH_S + 180, EPOCH_S + 600]), {}, "run 0 lasts 180 s"),
        (two_runs(start_s=[EPOCH_S, EPOCH_S + 420]), {}, "run 1 lasts 180 s"),  # no start-up
        (two_runs(work_from_s=[0, 60]), {}, "run 1 goes on from 60 s of work, but 120 s"),
        (two_runs(work_to_s=[120, 239]), {}, "239 of 240 s of work are done"),
        (two_runs(work_to_s=[0, 240]), {}, "run 0 does no work"),
        (two_runs(), {"most_resumes": 0}, "resumes 1 times, more than most_resumes = 0"),
        (two_runs(), {"least_run_s": 241}, "run 0 is stopped after 240 s"),
    ],
)
def test_a_schedule_that_breaks_a_rule_is_refused_with_the_numbers(schedule, rules, message):
    window = {k: v for k, v in rules.items() if k in ("release", "deadline")}
    rules = {k: v for k, v in rules.items() if k not in window}

    with pytest.raises(ValueError, match=message):
        check(schedule, JOB, suspension=dataclasses.replace(SAVING, **rules), **window)


def test_all_broken_rules_are_told_at_once():
    bad = two_runs(work_to_s=[120, 239], start_s=[EPOCH_S, EPOCH_S + 200])

    with pytest.raises(ValueError, match=r"breaks 3 rule\(s\): run 1 starts.*run 1 lasts.*239"):
        check(bad, JOB, suspension=SAVING)


def test_work_since_the_last_checkpoint_is_lost_and_charged_again():
    rules = Suspension(keep="checkpoints")
    schedule = Schedule.from_work(JOB, [EPOCH_S, EPOCH_S + 360], [180, 120], rules)

    charged = charge(schedule, JOB, curve([100] * 20), rules)

    check(schedule, JOB, suspension=rules)
    assert [0, 120] == schedule.work_from_s.tolist()
    assert 60 == charged.lost_work_s
    assert JOB.energy_j + 60 * 100 + 60 * 150 == pytest.approx(charged.energy_j)


def test_intervals_and_amounts_of_work_make_the_same_schedule():
    by_work = two_runs()

    by_time = Schedule.from_intervals(JOB, by_work.start_s, by_work.stop_s, SAVING)

    assert by_work == by_time


def test_an_interval_too_short_for_its_start_up_is_refused():
    with pytest.raises(ValueError, match="run 0 lasts 100 s, but start-up and saving"):
        Schedule.from_intervals(JOB, [EPOCH_S, EPOCH_S + 360], [EPOCH_S + 100] * 2, SAVING)


def test_time_stamps_of_any_zone_make_the_same_schedule():
    utc = pd.to_datetime([EPOCH_S, EPOCH_S + 360], unit="s", utc=True)

    berlin = Schedule.from_work(JOB, utc.tz_convert("Europe/Berlin"), [120, 120], SAVING)

    assert two_runs() == berlin
    assert berlin.to_frame("Asia/Tokyo").start[0] == utc[0]


def test_one_run_is_charged_alike_in_both_ways():
    job, intensity = generic_ml(), curve([300, 100, 200], step_s=50.0)
    schedule = Schedule.from_work(job, EPOCH_S + 3.5, job.work_profile.duration_s)

    honest = charge(schedule, job, intensity)
    published = charge_as_published(schedule, job, intensity)

    assert honest.emissions_g == pytest.approx(published.emissions_g)
    pd.testing.assert_frame_equal(honest.split(), published.split())


def test_the_published_charge_reads_a_second_start_up_as_work_and_the_tail_as_nothing():
    schedule = Schedule.from_work(JOB, [EPOCH_S, EPOCH_S + 300], [120, 120])

    split = charge_as_published(schedule, JOB, curve([100] * 20)).split()

    assert {
        ("startup", "start 0"): 60.0,  # not 120 s, though it starts twice
        ("work", "work 0"): 120.0,
        ("work", "work 1"): 120.0,
        ("end", "end 0"): 60.0,
        ("beyond", "beyond"): 60.0,
    } == split["duration_s"].to_dict()
    assert 0.0 == split.loc[("beyond", "beyond"), "emissions_g"]


@settings(deadline=None, max_examples=20)
@given(problems(most_slots=6), st.data())
def test_the_published_charge_is_its_loop_over_seconds(problem, data):
    job, intensity, release_s, deadline_s, _ = problem
    schedules = list(every_schedule(job, release_s, deadline_s, Suspension(), 60.0))
    schedule = data.draw(st.sampled_from(schedules))
    total, elapsed = 0.0, 0
    for start_s, stop_s in zip(schedule.start_s, schedule.stop_s, strict=True):
        for second in range(int(stop_s - start_s)):
            power_w = job.power_at(elapsed + 0.5, outside_w=0.0) if job.duration_s else 0.0
            total += float(power_w) * intensity.at(start_s + second)
            elapsed += 1

    published = charge_as_published(schedule, job, intensity)

    assert total / 3.6e6 == pytest.approx(published.emissions_g, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"suspended_power_w": -1}, r"suspended_power_w\(=-1\) must be finite and >= 0"),
        ({"least_run_s": math.nan}, r"least_run_s\(=nan\)"),
        ({"keep": "nothing"}, "must be 'anywhere' or 'checkpoints'"),
        ({"most_resumes": -1}, r"most_resumes\(=-1\) must be a whole number >= 0"),
        ({"most_resumes": 1.5}, r"most_resumes\(=1.5\)"),
        ({"save": [Phase("save", 1, 1, checkpoint=True)]}, "leave the mark out"),
    ],
)
def test_a_suspension_out_of_range_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Suspension(**values)


def test_a_negative_duration_is_refused_where_it_is_written():
    with pytest.raises(ValueError, match=r"duration_s\(=-60\) must be finite and > 0"):
        model([], [(-60, 100)])


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one value a run"):
        Schedule([EPOCH_S], [EPOCH_S + 1, EPOCH_S + 2], [0], [1])


def test_a_window_shorter_than_the_job_tells_what_is_missing():
    with pytest.raises(
        ValueError,
        match=r"needs 360 s \(start-up 60 s, work 240 s, end 60 s\).*only 300 s: move the "
        r"deadline to 2020-01-01T00:06:00Z",
    ):
        check_window(JOB, None, EPOCH_S, EPOCH_S + 300)


def test_a_window_beyond_the_intensity_tells_what_is_covered():
    with pytest.raises(
        ValueError, match=r"covers 2020-01-01T00:00:00Z to 2020-01-01T00:10:00Z: nothing is"
    ):
        check_window(JOB, curve([100] * 10), EPOCH_S, EPOCH_S + 601)


def test_a_charge_outside_the_intensity_is_refused():
    with pytest.raises(ValueError, match="nothing is extrapolated"):
        charge(two_runs(), JOB, curve([100] * 9), SAVING)


def test_irregular_steps_are_charged_exactly():
    intensity = Intensity(EPOCH_S + np.array([0, 7, 100, 601]), [1, 2, 4], "average", "X", "x")
    job = model([], [(600, 3.6e6)])

    charged = charge(Schedule.from_work(job, EPOCH_S, 600), job, intensity)

    assert 7 * 1 + 93 * 2 + 500 * 4 == pytest.approx(charged.emissions_g)


def test_a_schedule_is_not_charged_as_that_of_another_job():
    long, short = model([], [(7200, 100)], []), model([], [(3600, 100)], [])
    intensity = curve([100.0] * 4, 3600.0)
    schedule = Schedule.from_work(long, [EPOCH_S], [7200.0])

    with pytest.raises(ValueError, match=r"ends at 7200 s of work, but job .* has 3600 s"):
        charge(schedule, short, intensity)
