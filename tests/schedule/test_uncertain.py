"""A job of unknown length starts where it is expected to emit least."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.carbon.signal import Intensity
from helpers.schedule import best_start
from helpers.schedule.uncertain import best_expected_starts, expected_emissions_g, expected_job

HOUR = 3600.0
START = pd.Timestamp("2024-01-01", tz="UTC")


def curve(values) -> Intensity:
    index = pd.date_range(START, periods=len(values), freq="h", tz="UTC")
    return Intensity.from_series(
        pd.Series(values, index, dtype=float), kind="average", zone="DE", source="made"
    )


VALUES = st.lists(st.integers(1, 500), min_size=30, max_size=30)
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=4)  # quarters of an hour


@given(VALUES, LENGTHS, st.integers(0, 40), st.data())
def test_nothing_scanned_is_better_and_the_expectation_is_the_mean_over_lengths(
    values, quarters, wait, data
):
    raw = data.draw(st.lists(st.integers(1, 9), min_size=len(quarters), max_size=len(quarters)))
    lengths, weights = np.array(quarters) * HOUR / 4, np.array(raw) / sum(raw)
    intensity, first_s = curve(values), START.timestamp()
    starts_s = first_s + np.arange(0, wait + 1) * HOUR / 4

    found = best_expected_starts(lengths[None], weights, intensity, START, wait * HOUR / 4)
    scanned = expected_emissions_g(intensity, starts_s, lengths, weights)
    apart = sum(
        w * intensity.emissions_g(starts_s, starts_s + s, 1.0)
        for s, w in zip(lengths, weights, strict=True)
    )

    assert apart == pytest.approx(scanned)
    # All borders are quarters, so the best of all starts is among those scanned.
    assert found.emissions_g.item() == pytest.approx(scanned.min(), rel=1e-9)


def test_the_median_waits_for_hours_that_most_jobs_do_not_see():
    # Half the jobs end after 1 h, half after 3 h: starting at 0 costs 1 (100) + 1/2 (900 + 900).
    intensity = curve([100, 900, 900, 300, 300, 300, 300] + [900] * 20)
    lengths, weights = np.array([HOUR, 3 * HOUR]), [0.5, 0.5]

    by_distribution = best_expected_starts(lengths[None], weights, intensity, START, 3 * HOUR)
    by_shortest = best_start(
        expected_job([HOUR], [1.0]), intensity, START, START + pd.Timedelta("4h")
    )

    assert START.timestamp() + 3 * HOUR == by_distribution.start_s.item()
    assert (300 + 0.5 * 600) / 1000 == pytest.approx(by_distribution.emissions_g.item())
    assert START.timestamp() == by_shortest.start_s[0]


def test_equal_lengths_are_one_and_what_cannot_be_is_left_out():
    job = expected_job([HOUR, HOUR, 2 * HOUR, 9 * HOUR], [0.25, 0.25, 0.5, 0.0], 8.0)

    assert [(HOUR, 8.0), (HOUR, 4.0)] == [(p.duration_s, p.power_w) for p in job.work]


@pytest.mark.parametrize(
    ("lengths", "weights", "message"),
    [
        ([1.0, 2.0], [1.0], "give one weight a length"),
        ([0.0], [1.0], "must be finite and > 0"),
        ([1.0], [0.5], "add up to 1"),
    ],
)
def test_what_is_no_distribution_is_refused(lengths, weights, message):
    with pytest.raises(ValueError, match=message):
        expected_job(lengths, weights)
