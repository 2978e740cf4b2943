"""Settings and starts: which choices no other beats in finish, energy and grams."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers.carbon.signal import Intensity
from helpers.operate.settings import what_if_settings
from helpers.stats import frontier

RELEASE = pd.Timestamp("2020-06-15", tz="UTC")


def curve(values):
    edges = pd.date_range(RELEASE, periods=len(values) + 1, freq="h")
    return Intensity(edges, values, kind="average", zone="XX", source="made up")


def predicted(**changes):
    table = {"name": ["fast", "slow"], "time_s": [3600.0, 7200.0], "power_w": [300.0, 100.0]}
    return pd.DataFrame({**table, **changes})


def by_pairs(values):
    """Each row against each, as the definition says."""
    return np.array(
        [not any((b <= a).all() and (b < a).any() for b in values) for a in values], dtype=bool
    )


@given(
    arrays(np.int64, st.tuples(st.integers(0, 25), st.integers(1, 4)), elements=st.integers(0, 4))
)
def test_the_frontier_is_what_the_definition_says(values):
    assert by_pairs(values).tolist() == frontier(values).tolist()


def test_a_frontier_needs_numbers_that_compare():
    with pytest.raises(ValueError, match="without NaN"):
        frontier([[1.0, np.nan]])


def test_a_clean_hour_is_worth_a_wait_and_a_low_limit_is_worth_time():
    found = what_if_settings(predicted(), curve([400, 400, 100, 100, 400]), RELEASE, within="2h")
    best = found[found["frontier"]]

    hours = ((best["start_s"] - RELEASE.timestamp()) // 3600).astype(int)
    assert 6 == len(found)
    # The fast one after an hour ends when the slow one at once does, and costs more: it is out.
    assert {("fast", 0), ("fast", 2), ("slow", 0), ("slow", 1), ("slow", 2)} == set(
        zip(best["name"], hours, strict=True)
    )
    cleanest = found.loc[found["emissions_g"].idxmin()]
    assert pytest.approx(0.2 * 100) == cleanest["emissions_g"]


def test_the_rest_of_a_machine_makes_slow_settings_dear():
    calm = curve([200] * 6)
    alone = what_if_settings(predicted(), calm, RELEASE, within=None)
    whole = what_if_settings(predicted(), calm, RELEASE, within=None, rest_w=1000.0)

    assert [True, True] == alone["frontier"].tolist()
    assert [True, False] == whole["frontier"].tolist()
    assert pytest.approx([1300 * 3600, 1100 * 7200]) == whole["energy_j"].tolist()


def test_more_work_of_the_same_kind_takes_so_many_times_as_long():
    table = predicted(time_s_high=[4000.0, 9000.0])
    found = what_if_settings(table, curve([200] * 8), RELEASE, within=None, times=2.0)

    assert pytest.approx([7200, 14400]) == (found["finish_s"] - found["start_s"]).tolist()
    assert pytest.approx([8000, 18000]) == (found["finish_s_high"] - found["start_s"]).tolist()


def test_what_is_in_doubt_or_refused_is_told_and_never_on_the_frontier():
    table = predicted(time_s=[1.0, np.nan], doubt=["never measured", "never measured"])
    found = what_if_settings(table, curve([200] * 4), RELEASE, within=None)

    assert [False, False] == found["frontier"].tolist()
    assert np.isnan(found["emissions_g"].iloc[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rest_w": -1.0}, "rest_w"),
        ({"times": 0.0}, "times"),
        ({"step": 0}, "must be finite and > 0 s"),
    ],
)
def test_values_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        what_if_settings(predicted(), curve([200] * 4), RELEASE, **options)


def test_no_setting_is_no_choice():
    with pytest.raises(ValueError, match="holds no setting"):
        what_if_settings(predicted().iloc[:0], curve([200] * 4), RELEASE)


def test_a_curve_that_ends_too_early_is_refused():
    with pytest.raises(ValueError, match="cover"):
        what_if_settings(predicted(), curve([200] * 4), RELEASE, within="24h")
