"""Instants and durations are what they say; step functions are exact, fast, and end."""

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.timeline import (
    Polyline,
    StepFunction,
    duration_seconds,
    epoch_seconds,
    utc_times,
    weekly_at_random,
)


@st.composite
def steps(draw, outside=None):
    """Steps of some seconds: irregular, equal, or nearly equal."""
    count = draw(st.integers(1, 30))
    lengths = st.integers(1, 5000)
    shapes = {
        "irregular": st.lists(lengths, min_size=count, max_size=count),
        "equal": lengths.map(lambda length: [length] * count),
        "nearly equal": lengths.map(lambda length: [length + 0.01 * (i % 3) for i in range(count)]),
    }
    chosen = draw(shapes[draw(st.sampled_from(sorted(shapes)))])
    edges_s = draw(st.integers(-1000, 2_000_000_000)) + np.concatenate([[0.0], np.cumsum(chosen)])
    values = draw(st.lists(st.floats(-500, 500), min_size=count, max_size=count))
    return StepFunction(edges_s, values, "the test", outside)


def inside(function, shares):
    """Instants within the edges, given as shares of their span."""
    first_s, last_s = function.edges_s[[0, -1]]
    return np.clip(first_s + np.asarray(shares) * (last_s - first_s), first_s, last_s)


def exact_integral(function, start_s, stop_s):
    """The integral in exact fractions: the outside judge."""
    edges = [Fraction(edge) for edge in function.edges_s]
    total = Fraction(0)
    for i, value in enumerate(function.values):
        overlap = min(edges[i + 1], Fraction(stop_s)) - max(edges[i], Fraction(start_s))
        total += Fraction(value) * max(overlap, Fraction(0))
    return float(total)


# Times


@given(
    st.integers(-9 * 10**18, 9 * 10**18),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_an_instant_alone_has_the_seconds_it_has_among_others(nanoseconds, time_zone, unit):
    stamp = pd.Timestamp(nanoseconds, tz="UTC").tz_convert(time_zone).as_unit(unit)

    assert epoch_seconds(pd.DatetimeIndex([stamp]))[0] == epoch_seconds(stamp)


def test_all_kinds_of_times_name_the_same_instant():
    stamp = pd.Timestamp("2020-07-01 12:34:56.789", tz="Europe/Berlin")
    index = pd.DatetimeIndex([stamp])

    seconds = [
        epoch_seconds(stamp),
        epoch_seconds(stamp.to_pydatetime().astimezone(UTC)),
        epoch_seconds(index)[0],
        epoch_seconds(pd.Series(index))[0],
        epoch_seconds([stamp, datetime(2020, 7, 1, tzinfo=UTC)])[0],
        epoch_seconds(index.as_unit("ns"))[0],
        epoch_seconds(1593599696.789),
    ]

    assert seconds == [1593599696.789] * 7


@given(st.integers(-2_000_000_000, 4_000_000_000), st.integers(0, 999_999_999))
def test_epoch_seconds_survive_the_way_to_time_stamps_and_back(whole, nanoseconds):
    seconds = whole + nanoseconds / 1e9

    assert epoch_seconds(utc_times(seconds))[0] == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (pd.Timestamp("2020-07-01"), "2020-07-01 00:00:00 has no time zone"),
        (datetime(2020, 7, 1), "has no time zone"),  # noqa: DTZ001 - the mistake to be refused
        (np.datetime64("2020-07-01"), "has no time zone"),
        (pd.date_range("2020-07-01", periods=2), "has no time zone"),
        (pd.Series(pd.date_range("2020-07-01", periods=2)), "has no time zone"),
        ([datetime(2020, 7, 1, tzinfo=UTC), datetime(2020, 7, 1)], "no time zone"),  # noqa: DTZ001
        (pd.NaT, "missing"),
        (pd.DatetimeIndex([pd.NaT]).tz_localize("UTC"), "missing"),
        (float("nan"), "not finite"),
    ],
)
def test_a_time_that_names_no_instant_is_refused(times, message):
    with pytest.raises(ValueError, match=message):
        epoch_seconds(times)


@pytest.mark.parametrize("times", ["2020-07-01", True, None, ["2020-07-01"]])
def test_what_is_no_time_is_a_type_error(times):
    with pytest.raises(TypeError, match="neither time stamps nor epoch seconds"):
        epoch_seconds(times)


@pytest.mark.parametrize("duration", [0, -1, float("nan"), "-1h"])
def test_a_duration_that_is_not_positive_is_refused(duration):
    with pytest.raises(ValueError, match="must be finite and > 0 s"):
        duration_seconds(duration)


def test_text_that_is_no_length_of_time_is_refused_with_an_example():
    with pytest.raises(ValueError, match=r"duration 'foo' is no length of time: write seconds"):
        duration_seconds("foo")


# Step functions

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)


@given(steps(), SHARES)
def test_the_integral_is_that_of_exact_fractions(function, shares):
    start_s, stop_s = inside(function, shares)

    expected = exact_integral(function, start_s, stop_s)

    assert function.integral(start_s, stop_s) == pytest.approx(expected, rel=1e-9, abs=1e-5)


@given(steps(), st.integers(0, 2**32))
def test_a_computed_place_is_the_searched_one_at_edges_and_beside_them(function, seed):
    edges_s = function.edges_s
    beside = [edges_s, np.nextafter(edges_s, np.inf)[:-1], np.nextafter(edges_s, -np.inf)[1:]]
    random_s = np.random.default_rng(seed).uniform(edges_s[0], edges_s[-1], 100)
    times_s = np.concatenate([*beside, random_s])

    searched = np.searchsorted(edges_s, times_s, side="right") - 1

    np.testing.assert_array_equal(
        np.minimum(searched, function.values.size - 1), function.located(times_s).place
    )


@given(steps(), steps(), SHARES)
def test_a_product_holds_the_product_of_both_values_wherever_both_are_known(one, other, shares):
    other = StepFunction(other.edges_s - other.edges_s[0] + one.edges_s[0], other.values)
    product, total = one * other, one + other
    times_s = inside(product, shares)
    times_s = times_s[times_s < product.edges_s[-1]]

    np.testing.assert_array_equal(one.at(times_s) * other.at(times_s), product.at(times_s))
    np.testing.assert_array_equal(one.at(times_s) + other.at(times_s), total.at(times_s))


@given(steps(), SHARES, st.floats(-3, 3))
def test_an_integral_is_linear(function, shares, factor):
    start_s, stop_s = inside(function, shares)
    expected = factor * function.integral(start_s, stop_s) + 2.0 * (stop_s - start_s)

    assert (factor * function + 2.0).integral(start_s, stop_s) == pytest.approx(
        expected, rel=1e-9, abs=1e-4
    )


@given(steps(), st.lists(SHARES, min_size=1, max_size=20))
def test_pieces_of_intervals_add_up_to_the_intervals(function, shares):
    start_s, stop_s = inside(function, shares).T
    cut = function.pieces(start_s, stop_s)

    lengths_s = cut.stop_s - cut.start_s
    sums = np.bincount(cut.interval, function.values[cut.place] * lengths_s, len(shares))

    assert (lengths_s > 0).all()
    np.testing.assert_allclose(sums, function.integral(start_s, stop_s), rtol=1e-9, atol=1e-5)


@given(steps(), SHARES.filter(lambda shares: shares[1] - shares[0] > 0.01))
def test_a_window_has_the_values_and_the_integral_of_its_part(function, shares):
    start_s, stop_s = inside(function, shares)
    part = function.window(start_s, stop_s)

    np.testing.assert_array_equal(function.at(part.edges_s[:-1]), part.values)
    assert part.integral() == pytest.approx(function.integral(start_s, stop_s), rel=1e-9, abs=1e-5)


@given(steps(), st.lists(st.floats(0, 1), min_size=2, max_size=9, unique=True))
def test_more_edges_change_no_value(function, shares):
    edges_s = np.unique(inside(function, shares))
    if edges_s.size > 1:
        finer = function.on(edges_s)

        assert set(edges_s) <= set(finer.edges_s)
        np.testing.assert_array_equal(function.at(finer.edges_s[:-1]), finer.values)


@given(steps(outside=7.0))
def test_a_function_known_outside_has_that_value_there(function):
    first_s, last_s = function.edges_s[[0, -1]]

    assert [7.0, 7.0] == function.at([first_s - 1.0, last_s]).tolist()
    assert function.integral(first_s - 10.0, last_s + 10.0) == pytest.approx(
        function.integral() + 140.0, rel=1e-9, abs=1e-5
    )


def test_what_comes_and_goes_is_summed():
    in_use = StepFunction.from_changes([10.0, 0.0, 30.0, 20.0], [2.0, 1.0, -2.0, -1.0])

    assert [0.0, 1.0, 3.0, 2.0, 0.0] == in_use.at([-5.0, 0.0, 10.0, 20.0, 30.0]).tolist()
    assert 10.0 * (1 + 3 + 2) == in_use.integral()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepFunction([0, 1], [1, 2], "the PUE"), r"the PUE: n steps need n \+ 1 edges"),
        (lambda: StepFunction([0, 0], [1]), "must increase"),
        (lambda: StepFunction([0, 1], [np.nan]), r"value 0 \(nan\) must be finite"),
        (lambda: StepFunction([0, 1], [1]).at(1.0), "outside of the step function"),
        (lambda: StepFunction([0, 1], [1]).integral(0.5, 0.2), "swap its ends"),
        (lambda: StepFunction([0, 1], [1]).mean(0.5, 0.5), "no mean"),
        (lambda: StepFunction([0, 1], [1]).window(0.5, 0.5), "is empty"),
        (lambda: StepFunction([0, 1], [1]).on([0.5]), "two edges or more"),
        (lambda: StepFunction([0, 1], [1]) * StepFunction([1, 2], [1]), "no time in common"),
        (lambda: Polyline([0, 1], [1]), "as many values as times"),
        (lambda: Polyline([0], [1]), "two times or more"),
        (lambda: Polyline([1, 0], [1, 2]), "must increase"),
        (lambda: Polyline([0, 1], [1, np.inf]), r"sample 1 \(inf\) must be finite"),
        (lambda: Polyline([0, 1], [1, 2]).integral(0, 2), "outside of the samples"),
    ],
)
def test_what_is_no_function_of_time_or_leaves_it_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Samples joined by lines


@given(steps(), SHARES)
def test_lines_have_the_integral_of_the_trapezoid_rule_with_the_ends_put_in(function, shares):
    samples = np.append(function.values, 3.0)
    line = Polyline(function.edges_s, samples)
    start_s, stop_s = inside(function, shares)
    inner = (line.edges_s > start_s) & (line.edges_s < stop_s)
    times_s = np.concatenate([[start_s], line.edges_s[inner], [stop_s]])

    judge = np.trapezoid(np.interp(times_s, line.edges_s, samples), times_s)

    assert line.integral(start_s, stop_s) == pytest.approx(judge, rel=1e-9, abs=1e-4)
    np.testing.assert_allclose(
        line.at(times_s), np.interp(times_s, line.edges_s, samples), rtol=1e-12, atol=1e-9
    )


def test_one_hour_of_each_week_is_drawn_within_what_is_kept_of_the_period():
    start, stop = (pd.Timestamp(day, tz="UTC") for day in ("2020-01-01 05:00", "2020-12-31"))
    kept = {"head": "10D", "tail": "17D"}

    drawn = weekly_at_random(start, stop, seed=1, **kept)

    weeks = pd.Timestamp("2020-01-12", tz="UTC") + pd.to_timedelta(
        7 * np.arange(len(drawn)), unit="D"
    )
    assert ((drawn >= weeks) & (drawn < weeks + pd.Timedelta("7D"))).all()
    assert weeks[-1] <= stop - pd.Timedelta("17D") < weeks[-1] + pd.Timedelta("7D")
    assert drawn.equals(weekly_at_random(start, stop, seed=1, **kept))
    assert not drawn.equals(weekly_at_random(start, stop, seed=2, **kept))


def test_a_period_without_a_whole_week_has_none_to_draw_from():
    start = pd.Timestamp("2020-01-01", tz="UTC")

    with pytest.raises(ValueError, match="no week begins 10D after the start and 17D before"):
        weekly_at_random(start, start + pd.Timedelta("20D"), seed=1, head="10D", tail="17D")
