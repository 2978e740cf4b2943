"""What a carbon-intensity curve is like."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import datasets
from helpers.carbon import describe
from helpers.carbon.signal import Forecasts, Intensity


def hourly(values, start="2020-03-01", kind="average"):
    index = pd.date_range(start, periods=len(values), freq="h", tz="UTC")
    return Intensity.from_series(
        pd.Series(values, index, dtype=float), kind=kind, zone="XX", source="test", step="1h"
    )


def test_a_curve_that_is_its_own_local_hour_averages_to_that_hour_across_a_clock_change():
    index = pd.date_range("2020-01-01", "2021-01-01", freq="h", tz="UTC", inclusive="left")
    signal = hourly(index.tz_convert("Europe/Berlin").hour, start="2020-01-01")

    table = describe.month_by_hour(signal, "Europe/Berlin")

    np.testing.assert_allclose(table, np.tile(np.arange(24), (12, 1)))


def test_a_day_of_23_hours_counts_and_a_torn_day_does_not():
    signal = hourly(np.arange(90) + 1, start="2020-03-27 23:00")

    days = describe.daily_swing(signal, "Europe/Berlin")

    assert [28, 29, 30] == list(days.index.day)
    assert [(1, 24), (25, 47), (48, 71)] == list(zip(days["low"], days["high"], strict=True))


def test_spells_alternate_and_say_which_ends_are_not_seen():
    table = describe.spells(hourly([1, 1, 5, 5, 5, 1, 5]), 3)

    assert [2, 3, 1, 1] == list(table["hours"])
    assert [True, False, True, False] == list(table["clean"])
    assert [False, True, True, False] == list(table["whole"])


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=60), st.floats(0, 1000))
def test_spells_add_up_to_the_whole_curve(values, threshold):
    table = describe.spells(hourly(values), threshold)

    assert len(values) == table["hours"].sum()
    assert sum(v < threshold for v in values) == table["hours"][table["clean"]].sum()


@given(st.lists(st.integers(1, 1000), min_size=12, max_size=60), st.integers(0, 8))
def test_the_lowest_within_a_wait_is_the_brute_minimum_ahead(values, wait):
    table = describe.lowest_within(hourly(values), [wait, 10])

    brute = np.mean([min(values[i : i + wait + 1]) for i in range(len(values) - 10)])
    assert table.loc[wait, "best"] == pytest.approx(brute)


def test_each_hour_of_arrival_has_the_cleanest_hour_of_its_own_wait():
    found = describe.lowest_ahead(hourly([5.0, 3.0, 4.0, 1.0, 2.0]), 2)

    assert [5.0, 3.0, 4.0] == found["now"].tolist()
    assert [3.0, 1.0, 1.0] == found["best"].tolist()


def test_waiting_longer_than_the_curve_is_refused():
    with pytest.raises(ValueError, match="must lie in"):
        describe.lowest_within(hourly([1, 2, 3]), [3])


def test_a_forecast_that_is_always_ten_too_high_has_that_error_and_bias_at_every_lead():
    truth = hourly(np.arange(48), kind="marginal")
    issued = truth.edges_s[:40]
    came = np.arange(40)[:, None] + np.array([1, 2])
    forecasts = Forecasts(issued, [3600, 7200, 10800], came + 10.0, "marginal", "XX", "test")

    table = describe.forecast_errors(forecasts, truth)

    assert [10, 10] == list(table["mae"])
    assert [10, 10] == list(table["bias"])
    assert [1, 2] == list(table["persistence_mae"])
    assert [3600, 7200] == list(table.index)


def test_average_and_marginal_are_not_compared_as_forecast_and_truth():
    truth = hourly(np.arange(48), kind="average")
    forecasts = Forecasts(truth.edges_s[:4], [0, 3600], np.ones((4, 1)), "marginal", "XX", "test")

    with pytest.raises(ValueError, match="must not be combined"):
        describe.forecast_errors(forecasts, truth)


def test_the_marginal_slope_finds_the_plant_that_follows_the_load():
    rng = np.random.default_rng(1)
    load = pd.Series(50_000 + rng.normal(0, 5_000, 2_000).cumsum() / 10)
    emissions = 10_000 + 0.6 * load + rng.normal(0, 1, 2_000)

    slope, error = describe.marginal_slope(load, emissions)

    assert slope == pytest.approx(600, abs=4 * error)
    assert error < 1


FACTORS = {"Fossil Gas": 500.0, "Solar": 40.0, "Wind Onshore": 10.0}


def generated(rows, freq="h", **columns):
    index = pd.date_range("2020-03-01", periods=rows, freq=freq, tz="UTC")
    return pd.DataFrame({"Fossil Gas": 100.0, "Solar": 50.0} | columns, index)


def test_wind_sun_and_storage_do_not_answer_to_load():
    pumped = {"Wind Onshore": 200.0, "Hydro Pumped Storage": 70.0}

    mix = describe.answering_generation(generated(3, **pumped), FACTORS)

    assert [350.0] * 3 == list(mix["generation_mwh"])
    assert [54.0] * 3 == list(mix["emissions_t"])
    assert [100.0] * 3 == list(mix["answering_mwh"])
    assert [50.0] * 3 == list(mix["answering_t"])


def test_quarters_of_an_hour_are_averaged_and_own_consumption_counts_as_nothing():
    gas = [0.0, 100.0, 200.0, 300.0, -20.0, 0.0, 0.0, 20.0]

    mix = describe.answering_generation(generated(8, "15min", **{"Fossil Gas": gas}), FACTORS)

    assert [150.0, 5.0] == list(mix["answering_mwh"])


def test_generation_with_a_hole_or_without_a_factor_is_refused():
    whole = generated(5)

    with pytest.raises(
        ValueError, match=r"by 7200 s at 2020-03-01T01:00:00\+00:00, elsewhere by 3600"
    ):
        describe.answering_generation(whole.drop(whole.index[2]), FACTORS)
    with pytest.raises(ValueError, match=r"Solar is missing in 2 steps from 2020-03-01T03:00:00"):
        describe.answering_generation(generated(5, Solar=[1, 1, 1, None, None]), FACTORS)
    with pytest.raises(ValueError, match="no emission factor for Nuclear"):
        describe.answering_generation(generated(5, Nuclear=1.0), FACTORS)
    with pytest.raises(ValueError, match="steps on by 7200 s"):
        describe.answering_generation(generated(5, "2h"), FACTORS)


def test_all_generation_of_a_mix_gives_its_published_average():
    mix = describe.answering_generation(
        datasets.generation("DE", 2020), datasets.emission_factors("ipcc2014")
    )

    average = 1000 * mix["emissions_t"] / mix["generation_mwh"]
    published = datasets.carbon_intensity("DE", 2020, "ipcc2014").to_series()
    np.testing.assert_allclose(average[published.index], published, atol=0.1)


def test_steps_longer_than_an_hour_are_refused():
    signal = hourly([1.0, 2, 3]).resample("3h")

    with pytest.raises(ValueError, match="longer than an hour"):
        describe.daily_swing(signal, "UTC")
