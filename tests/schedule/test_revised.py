"""A job of unknown length that may pause: no plan revised on the way is better."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.carbon.signal import Intensity
from helpers.schedule.revised import best_revised_plan
from helpers.schedule.suspend import best_schedule
from helpers.schedule.uncertain import best_expected_starts

HOUR = 3600.0
START = pd.Timestamp("2024-01-01", tz="UTC")


def curve(values) -> Intensity:
    index = pd.date_range(START, periods=len(values), freq="h", tz="UTC")
    return Intensity.from_series(
        pd.Series(values, index, dtype=float), kind="average", zone="DE", source="made"
    )


def lived(on, values, length, delay, startup_w):
    """Return what one job emits that follows a list of slots, kWh x g; None if it does not end.

    Simulated slot by slot for one length, apart from survival probabilities.
    """
    emitted, age, warm = 0.0, 0, 0
    for slot, runs in enumerate(on):
        if age == length:
            return emitted
        if not runs:
            warm = 0
        elif warm < delay:
            warm += 1
            emitted += startup_w * values[slot]
        else:
            age += 1
            emitted += values[slot]
    return emitted if age == length else None


def least_by_search(values, lengths, weights, delay, startup_w):
    """Return the least expected emissions over all lists of slots [g of one watt, in Wh]."""
    best = np.inf
    for on in product([0, 1], repeat=len(values)):
        each = [lived(on, values, length, delay, startup_w) for length in lengths]
        if None not in each:
            best = min(best, sum(w * g for w, g in zip(weights, each, strict=True)))
    return best


CASES = {
    "values": st.lists(st.integers(1, 30), min_size=9, max_size=9),
    "lengths": st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
    "parts": st.lists(st.integers(1, 5), min_size=3, max_size=3),
    "delay": st.integers(0, 2),
    "startup_w": st.sampled_from([0.5, 1.0, 2.0]),
}


def planned(values, lengths, weights, delay, startup_w):
    return best_revised_plan(
        HOUR * np.array(lengths), weights, curve(values), START,
        START + pd.Timedelta(hours=len(values)), step_s=HOUR, startup_s=delay * HOUR,
        startup_w=startup_w,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(**CASES)
def test_no_list_of_slots_is_expected_to_emit_less(values, lengths, parts, delay, startup_w):
    weights = np.array(parts[: len(lengths)]) / sum(parts[: len(lengths)])

    plan = planned(values, lengths, weights, delay, startup_w)

    searched = least_by_search(values, lengths, weights, delay, startup_w) / 1000
    assert searched == pytest.approx(plan.emissions_g)
    charged = [plan.charged(curve(values), HOUR * n, startup_w=startup_w) for n in lengths]
    assert plan.emissions_g == pytest.approx(np.dot(weights, charged))


@settings(max_examples=60, deadline=None)
@given(**CASES)
def test_who_looks_again_while_it_pauses_finds_the_rest_of_the_plan_best(
    values, lengths, parts, delay, startup_w
):
    weights = np.array(parts[: len(lengths)]) / sum(parts[: len(lengths)])
    plan = planned(values, lengths, weights, delay, startup_w)
    age = np.concatenate([[0], np.cumsum(plan.does == 2)])

    for slot in np.flatnonzero(plan.does == 0):
        there = np.array(lengths) > age[slot]
        if not there.any():
            continue
        left = weights[there] / weights[there].sum()
        more = np.array(lengths)[there] - age[slot]
        again = planned(values[slot:], more, left, delay, startup_w)
        on = (plan.rest(slot) > 0).astype(int)
        rest = sum(
            w * lived(on, values[slot:], n, delay, startup_w)
            for w, n in zip(left, more, strict=True)
        )

        assert again.emissions_g == pytest.approx(rest / 1000)


def test_one_length_is_the_suspended_schedule_and_one_piece_the_expected_start():
    values = [9, 1, 9, 9, 1, 1, 9, 9]
    paused = planned(values, [3], [1.0], 0, 1.0)

    assert [0, 2, 0, 0, 2, 2, 0, 0] == paused.does.tolist()
    assert (0.003, 2) == (pytest.approx(paused.emissions_g), len(paused.runs()[0]))
    assert best_schedule.__doc__  # the same problem with phases; its own tests judge it


def test_a_pause_never_hurts():
    rng = np.random.default_rng(1)
    values = rng.integers(1, 30, 60)
    lengths, weights = HOUR * np.array([1, 4, 20]), [0.5, 0.3, 0.2]
    stop = START + pd.Timedelta(hours=44)

    plan = best_revised_plan(lengths, weights, curve(values), START, stop, step_s=HOUR)
    whole = best_expected_starts(lengths[None], weights, curve(values), START, 24 * HOUR)

    assert plan.emissions_g <= whole.emissions_g.item()


@pytest.mark.parametrize(
    ("lengths", "more", "message"),
    [
        ([1.5 * HOUR], {}, r"lengths_s holds 5400 s.*no whole number of steps of 3600 s"),
        ([HOUR], {"startup_s": 60.0}, "startup_s holds 60 s"),
        ([9 * HOUR], {}, "take 9 slots of 3600 s, and there are 8"),
        ([HOUR], {"step_s": 0.0}, r"step_s\(=0.0\) must be > 0"),
    ],
)
def test_what_does_not_fit_the_grid_is_refused(lengths, more, message):
    with pytest.raises(ValueError, match=message):
        best_revised_plan(
            lengths, [1.0], curve([1] * 8), START, START + pd.Timedelta("8h"),
            **{"step_s": HOUR} | more,
        )  # fmt: skip


def test_a_job_longer_than_planned_for_is_not_charged():
    plan = planned([1, 2, 3], [2], [1.0], 0, 1.0)

    with pytest.raises(ValueError, match="longer than the plan's longest, 7200 s"):
        plan.charged(curve([1, 2, 3]), 3 * HOUR)
