"""Caps and pauses of one job against all that could be done."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.carbon import Intensity
from helpers.schedule.capped import CapJob, Level, best_caps, slower_or_later

EPOCH_S = 1_577_836_800.0
LEVELS = (Level(250.0, 1.0, 200.0), Level(150.0, 0.9, 140.0), Level(100.0, 0.6, 95.0))


def curve(values):
    edges_s = EPOCH_S + 3600.0 * np.arange(len(values) + 1)
    return Intensity(edges_s, np.array(values, float), "average", "XX", "generated")


def tried(levels, work_s, values, startup, may_pause=True):
    """Least emissions over every choice of a level or a pause in every hour."""
    least = np.inf
    for choice in itertools.product(range(-1, len(levels)), repeat=len(values)):
        left_s, grams, ran = work_s, 0.0, False
        if not may_pause and -1 in choice:
            continue
        for hour, number in enumerate(choice):
            room_s = 3600.0
            if number >= 0 and left_s > 0:
                if not ran:
                    room_s -= startup[0]
                    grams += startup[0] * startup[1] * values[hour] / 3.6e6
                used_s = min(room_s, left_s / levels[number].speed)
                left_s = max(0.0, left_s - used_s * levels[number].speed)
                left_s = 0.0 if left_s < 1e-9 * work_s else left_s
                grams += used_s * levels[number].power_w * values[hour] / 3.6e6
            ran = number >= 0
        if left_s == 0:
            least = min(least, grams)
    return least


@given(
    values=st.lists(st.integers(0, 400), min_size=1, max_size=6),
    hours=st.sampled_from([0.3, 1.0, 1.7, 2.6, 4.0]),
    startup=st.sampled_from([(0.0, 0.0), (600.0, 150.0), (1800.0, 400.0)]),
    levels=st.sampled_from([LEVELS, LEVELS[:2], LEVELS[2:]]),
    may_pause=st.booleans(),
)
@settings(max_examples=150)
def test_no_choice_of_caps_and_pauses_emits_less(values, hours, startup, levels, may_pause):
    least = tried(levels, 3600 * hours, values, startup, may_pause)
    given_ = (CapJob(levels, 3600 * hours, startup), curve(values), EPOCH_S, len(values))
    if not np.isfinite(least):
        with pytest.raises(ValueError, match="give more time"):
            best_caps(*given_, may_pause=may_pause)
        return
    found = best_caps(*given_, may_pause=may_pause)

    assert pytest.approx(least, rel=1e-9, abs=1e-9) == found.emissions_g
    assert found.finish_s <= found.edges_s[-1]


def test_a_job_in_a_hurry_is_not_slowed_and_one_with_time_is():
    flat = curve([100.0] * 8)

    hurry = best_caps(CapJob(LEVELS, 7200.0), flat, EPOCH_S, 2)
    leisure = best_caps(CapJob(LEVELS, 7200.0), flat, EPOCH_S, 8)

    assert [0, 0] == hurry.level.tolist()
    assert {1} == set(leisure.level[leisure.level >= 0].tolist())


def test_where_hours_differ_much_it_runs_fast_when_clean_and_pauses_else():
    found = best_caps(CapJob(LEVELS, 7200.0), curve([500, 10, 10, 500]), EPOCH_S, 4)

    assert [-1, 0, 0, -1] == found.level.tolist()


def test_a_negative_intensity_is_refused():
    marginal = Intensity([EPOCH_S, EPOCH_S + 3600], np.array([-1.0]), "marginal", "XX", "generated")
    with pytest.raises(ValueError, match="negative"):
        best_caps(CapJob(LEVELS, 60.0), marginal, EPOCH_S, 1)


def test_curves_within_a_slot_are_cut_where_the_job_ends():
    # The bound must not take the mean of a slot for its first half.
    edges_s = EPOCH_S + 1800.0 * np.arange(9)
    halves = Intensity(edges_s, np.array([10, 500] * 4, float), "average", "XX", "generated")

    found = best_caps(CapJob(LEVELS[:1], 1800.0), halves, EPOCH_S, 4)

    assert pytest.approx(0.5 * 200 * 10 / 1000) == found.emissions_g


def test_two_days_under_seven_measured_limits_take_no_minute():
    speed = np.array([0.53, 0.70, 0.85, 0.91, 0.95, 0.98, 1.0])
    power_w = np.array([149.0, 173, 195, 215, 234, 256, 272])
    levels = [Level(p, v, p) for p, v in zip(power_w, speed, strict=True)]
    values = 300 + 100 * np.sin(np.arange(48) / 3.8) + np.random.default_rng(1).normal(0, 20, 48)

    found = best_caps(CapJob(levels, 86_400.0, (600.0, 200.0)), curve(values), EPOCH_S, 48)

    assert set(found.level.tolist()) <= set(range(-1, 7))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (((), 1.0), "one level or more"),
        ((LEVELS, 0.0), "work_s"),
        ((LEVELS, 1.0, (-1.0, 0.0)), "startup"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        CapJob(*args)


def test_a_start_up_longer_than_a_slot_is_refused():
    with pytest.raises(ValueError, match="shorter than a slot"):
        best_caps(CapJob(LEVELS, 60.0, (3600.0, 1.0)), curve([1.0]), EPOCH_S, 1)


def test_both_is_never_worse_than_slowing_down_or_moving_alone():
    rng = np.random.default_rng(2)
    for _ in range(10):
        job = CapJob(LEVELS[::-1], 3600 * rng.uniform(1, 4), (300.0, 100.0))
        found = slower_or_later(job, curve(rng.integers(0, 400, 12)), EPOCH_S, 12)
        slack = 1 + 1e-9

        assert found["both"] <= min(found["slower"], found["pauses"]) * slack
        assert found["pauses"] <= found["later"] * slack
        assert max(found["slower"], found["later"]) <= found["at once"] * slack


def test_on_a_flat_curve_only_slowing_down_saves():
    job = CapJob(LEVELS[::-1], 7200.0)

    found = slower_or_later(job, curve([100.0] * 8), EPOCH_S, 8)

    assert pytest.approx(2 * 200 * 100 / 1000) == found["at once"] == found["later"]
    assert pytest.approx(2 / 0.9 * 140 * 100 / 1000) == found["slower"]
    assert pytest.approx(found["slower"]) == found["both"]
