"""Climatology: what is usual by month, kind of day and hour, and nothing that was not seen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import datasets
from helpers.carbon import Forecasts, Intensity
from helpers.carbon.climatology import Climatology


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def regular(time_zone, first="2018-12-30", last="2021-01-03"):
    """A curve that depends on month, kind of day and hour of the clock alone."""
    hours = pd.date_range(first, last, freq="h", tz="UTC", inclusive="left")
    local = hours.tz_convert(time_zone)
    values = 10.0 * local.month + 200.0 * (local.day_of_week >= 5) + local.hour
    return Intensity.from_series(
        pd.Series(values.to_numpy(float), hours), kind="average", zone="X", source="made up"
    )


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney"]


@pytest.mark.parametrize("time_zone", ZONES)
def test_a_curve_that_is_always_as_usual_is_forecast_without_error(time_zone):
    curve = regular(time_zone)

    usual = Climatology.of(curve, time_zone)
    expected = usual.forecast(utc("2019-03-01"), utc("2019-12-01"))

    assert usual.years == (2019, 2020)
    np.testing.assert_allclose(
        curve.window(utc("2019-03-01"), utc("2019-12-01")).mean(
            expected.edges_s[:-1], expected.edges_s[1:]
        ),
        expected.intensity_g_per_kwh,
        rtol=1e-9,
    )


@given(st.integers(0, 60_000), st.integers(1, 400), st.sampled_from([*ZONES, "Asia/Kolkata"]))
@settings(max_examples=25)
def test_a_forecast_covers_the_window_asked_for_with_the_value_of_each_hour(after, length, zone):
    usual = Climatology.of(regular("UTC", "2019-01-01", "2020-01-01"), "UTC")
    usual = Climatology(**{**usual.__dict__, "time_zone": zone})
    start_s = utc("2030-01-01").timestamp() + 600.0 * after
    stop_s = start_s + 600.0 * length
    forecast = usual.forecast(start_s, stop_s)
    minutes = np.arange(start_s, stop_s, 600.0)
    local = pd.to_datetime(minutes, unit="s", utc=True).tz_convert(zone)

    expected = usual.mean_g_per_kwh[
        local.month - 1, (local.day_of_week >= 5).astype(int), local.hour
    ]

    assert [start_s, stop_s] == forecast.edges_s[[0, -1]].tolist()
    np.testing.assert_array_equal(expected, forecast.at(minutes))


def test_mean_and_quantiles_are_those_of_the_hours_seen():
    rng = np.random.default_rng(7)
    hours = pd.date_range("2019-01-01", "2021-01-01", freq="h", tz="UTC", inclusive="left")
    series = pd.Series(rng.uniform(100, 500, hours.size), hours)
    curve = Intensity.from_series(series, kind="average", zone="X", source="made up")
    usual = Climatology.of(curve, "UTC")
    seen = series[(hours.month == 6) & (hours.day_of_week < 5) & (hours.hour == 13)]

    row = usual.table().loc[(6, "weekday", 13)]

    assert row["mean"] == pytest.approx(seen.mean())
    assert row["quantile_0.9"] == pytest.approx(seen.quantile(0.9))
    at_90 = usual.forecast(utc("2030-06-03 13:00"), utc("2030-06-03 14:00"), level=0.9)
    assert at_90.intensity_g_per_kwh == pytest.approx([seen.quantile(0.9)])


def test_what_is_usual_says_of_what_years_it_is_and_that_it_is_no_forecast():
    forecast = Climatology.of(regular("UTC"), "UTC").forecast(utc("2030-01-01"), utc("2030-01-02"))

    assert (forecast.kind, forecast.zone) == ("average", "X")
    assert "climatology of 2019 to 2020, no forecast of these days (made up)" == forecast.source


def test_only_the_last_years_are_taken_when_asked_for():
    curve = regular("UTC")

    assert Climatology.of(curve, "UTC", last_years=1).years == (2020,)
    with pytest.raises(ValueError, match=r"between 1 and the 2 whole years of X, 2019 to 2020"):
        Climatology.of(curve, "UTC", last_years=3)


def test_a_forecast_goes_on_with_what_is_usual_and_says_from_where():
    usual = Climatology.of(regular("UTC"), "UTC")
    issued = Forecasts(
        [utc("2030-01-01")], [0, 3600, 7200], [[1.0, 2.0]], "average", "X", "service"
    )
    newest = issued.issued_at(utc("2030-01-01 00:30"))

    longer = usual.extend(newest, utc("2030-01-01 05:00"))

    assert longer.intensity_g_per_kwh.tolist() == [1.0, 2.0, 12.0, 13.0, 14.0]
    assert "; from 2030-01-01T02:00:00Z on climatology of 2019 to 2020" in longer.source
    assert usual.extend(newest, utc("2030-01-01 01:00")) is newest


def test_a_real_grid_is_closer_to_its_climatology_than_to_its_mean_a_year_later():
    curve = datasets.carbon_intensity("DE", None)
    seen = curve.window(curve.start, utc("2020-01-01"))
    usual = Climatology.of(seen, "Europe/Berlin")
    came = curve.window(utc("2020-01-08"), utc("2020-12-24"))

    expected = usual.forecast(came.start, came.stop).mean(came.edges_s[:-1], came.edges_s[1:])
    error = expected - expected.mean() - (came.intensity_g_per_kwh - came.mean())

    assert np.abs(error).mean() < 0.95 * np.abs(came.intensity_g_per_kwh - came.mean()).mean()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda u: Climatology.of(regular("UTC", "2019-01-02", "2020-12-01"), "UTC"), "no whole y"),
        (lambda u: Climatology.of(regular("UTC"), "Mars/Base"), "is no IANA name"),
        (lambda u: Climatology.of(regular("UTC"), "UTC", levels=(0.9, 0.1)), "must increase"),
        (lambda u: u.forecast(utc("2030-01-02"), utc("2030-01-01")), "is empty"),
        (lambda u: u.forecast(utc("2030-01-01"), utc("2030-01-02"), level=0.3), "one of 0.1, 0.25"),
        (
            lambda u: u.extend(
                Intensity([0.0, 1.0], [1.0], "marginal", "X", "s"), utc("2030-01-01")
            ),
            "must not be combined",
        ),
        (
            lambda u: u.extend(
                Intensity([0.0, 1.0], [1.0], "average", "Y", "s"), utc("2030-01-01")
            ),
            "a forecast for Y must not go on",
        ),
    ],
)
def test_what_cannot_be_told_from_the_past_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(Climatology.of(regular("UTC"), "UTC"))
