"""The intensity signal: exact integrals, honest edges, right across changes of the clock."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from helpers.carbon import Forecasts, Intensity, same_kind
from helpers.carbon.signal import JOULES_PER_KWH
from helpers.timeline import duration_seconds, epoch_seconds, utc_times

START_S = epoch_seconds(pd.Timestamp("2020-01-01", tz="UTC"))


def hourly(values, start="2020-07-01", kind="average", zone="DE"):
    index = pd.date_range(start, periods=len(values), freq="h", tz="UTC")
    series = pd.Series(np.asarray(values, dtype=float), index)
    return Intensity.from_series(series, kind=kind, zone=zone, source="generated", step="1h")


@st.composite
def signals(draw, kind="average"):
    """Irregular steps of whole seconds, anywhere in 2020."""
    lengths = draw(st.lists(st.integers(1, 20_000), min_size=1, max_size=20))
    lowest = 0 if kind == "average" else -500
    values = draw(st.lists(st.floats(lowest, 1000), min_size=len(lengths), max_size=len(lengths)))
    offset = draw(st.integers(0, 300 * 86_400))
    edges_s = START_S + offset + np.concatenate([[0], np.cumsum(lengths)])
    return Intensity(edges_s, values, kind, "DE", "generated")


def instants(signal, count):
    """Sorted instants within the coverage of a signal, given as shares of it."""
    return st.lists(st.floats(0, 1), min_size=count, max_size=count).map(
        lambda shares: (
            signal.edges_s[0]
            + np.clip(np.sort(shares), 0, 1) * (signal.edges_s[-1] - signal.edges_s[0])
        )
    )


def exact_integral(signal, start, stop):
    """The integral in exact fractions [g/kWh x s]: the outside judge."""
    edges = [Fraction(edge) for edge in signal.edges_s]
    total = Fraction(0)
    for i, value in enumerate(signal.intensity_g_per_kwh):
        overlap = min(edges[i + 1], Fraction(stop)) - max(edges[i], Fraction(start))
        total += Fraction(value) * max(overlap, Fraction(0))
    return float(total)


# Laws


@given(st.data())
def test_the_integral_agrees_with_exact_fractions(data):
    signal = data.draw(signals(kind="marginal"))
    start, stop = data.draw(instants(signal, 2))

    assert signal.integral(start, stop) == pytest.approx(
        exact_integral(signal, start, stop), rel=1e-9, abs=1e-6
    )


@given(st.data())
def test_the_integral_is_additive_over_splits(data):
    signal = data.draw(signals(kind="marginal"))
    start, middle, stop = data.draw(instants(signal, 3))

    parts = signal.integral(start, middle) + signal.integral(middle, stop)

    assert parts == pytest.approx(signal.integral(start, stop), rel=1e-9, abs=1e-6)


@given(st.data(), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_emissions_do_not_depend_on_the_zone_in_which_times_are_given(data, zone):
    signal = data.draw(signals())
    start, stop = utc_times(data.draw(instants(signal, 2)).round())

    expected = signal.emissions_g(start, stop, 150.0)

    assert signal.emissions_g(start.tz_convert(zone), stop.tz_convert(zone), 150.0) == expected


@given(st.data())
def test_splitting_a_step_of_power_changes_nothing(data):
    signal = data.draw(signals())
    start, middle, stop = data.draw(instants(signal, 3).filter(lambda t: t[0] < t[1] < t[2]))
    power_w = data.draw(st.floats(0, 1000))

    whole = signal.emissions_of_steps_g([start, stop], [power_w])
    split = signal.emissions_of_steps_g([start, middle, stop], [power_w, power_w])

    assert split == pytest.approx(whole, rel=1e-9, abs=1e-9)


@given(st.data())
@settings(max_examples=25)
def test_emissions_agree_with_a_fine_riemann_sum(data):
    signal = hourly(data.draw(st.lists(st.floats(0, 1000), min_size=3, max_size=6)))
    minutes = sorted(data.draw(st.sets(st.integers(0, 180), min_size=2, max_size=5)))
    power_w = data.draw(
        st.lists(st.floats(0, 500), min_size=len(minutes) - 1, max_size=len(minutes) - 1)
    )
    edges_s = signal.edges_s[0] + 60.0 * np.array(minutes)
    middles_s = np.arange(edges_s[0], edges_s[-1], 10.0) + 5.0
    power = np.array(power_w)[np.searchsorted(edges_s, middles_s, side="right") - 1]

    riemann_g = (signal.at(middles_s) * power).sum() * 10.0 / JOULES_PER_KWH

    assert signal.emissions_of_steps_g(edges_s, power_w) == pytest.approx(riemann_g, abs=1e-9)


def test_emissions_agree_with_scipy_quad_given_the_breakpoints():
    signal = hourly([300.0, 120.5, 80.0, 410.0])
    start, stop = signal.edges_s[0] + 1234.5, signal.edges_s[-1] - 777.25
    joules_g, _ = quad(signal.at, start, stop, points=signal.edges_s[1:-1], epsabs=0, epsrel=1e-12)

    assert signal.emissions_g(start, stop, 75.0) == pytest.approx(
        75.0 * joules_g / 3.6e6, rel=1e-10
    )


@given(st.data(), st.sampled_from(["1h", "15min", "7h", 86_400, 1234.5]))
def test_resampling_keeps_the_integral_over_every_new_step(data, step):
    signal = data.draw(signals(kind="marginal"))

    resampled = signal.resample(step)

    edges_s = resampled.edges_s
    assert resampled.integral(edges_s[:-1], edges_s[1:]) == pytest.approx(
        signal.integral(edges_s[:-1], edges_s[1:]), rel=1e-9, abs=1e-5
    )
    assert (edges_s[0], edges_s[-1]) == (signal.edges_s[0], signal.edges_s[-1])
    assert (np.diff(edges_s) <= duration_seconds(step) + 1e-6).all()


@given(st.data())
def test_a_window_of_a_window_is_the_inner_window(data):
    signal = data.draw(signals())
    outer, start, stop, end = data.draw(
        instants(signal, 4).filter(lambda t: t[0] < t[1] < t[2] < t[3])
    )

    assert signal.window(outer, end).window(start, stop) == signal.window(start, stop)


@given(st.floats(0, 1000), st.floats(0, 5000), st.integers(1, 86_400 * 6))
def test_constant_intensity_gives_kilowatt_hours_times_the_constant(intensity, power_w, run_s):
    signal = hourly([intensity] * 24 * 7)
    kwh = power_w * run_s / 3.6e6

    emissions_g = signal.emissions_g(signal.edges_s[0], signal.edges_s[0] + run_s, power_w)

    assert emissions_g == pytest.approx(kwh * intensity, rel=1e-12, abs=1e-12)


@given(st.data())
def test_a_profile_emits_what_its_steps_emit_apart(data):
    signal = data.draw(signals())
    span_s = signal.edges_s[-1] - signal.edges_s[0]
    shares = data.draw(st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
    edges_rel_s = np.concatenate([[0], np.cumsum(shares)]) / 6 * span_s
    power_w = data.draw(st.lists(st.floats(0, 500), min_size=len(shares), max_size=len(shares)))
    starts = signal.edges_s[0] + np.linspace(0, 1 / 7, 4) * span_s
    absolute = starts[:, None] + edges_rel_s

    apart = signal.emissions_g(absolute[:, :-1], absolute[:, 1:], power_w).sum(axis=1)

    assert signal.emissions_of_profile_g(starts, edges_rel_s, power_w) == pytest.approx(
        apart, rel=1e-9, abs=1e-9
    )


# Values by hand


def test_one_kilowatt_for_two_hours_at_300_and_200_emits_500_g():
    signal = hourly([300, 200, 100])

    assert signal.emissions_g(signal.start, signal.start + pd.Timedelta("2h"), 1000.0) == 500.0


def test_a_job_that_straddles_a_step_is_charged_by_time_in_each_step():
    signal = hourly([300, 100])
    start = signal.start + pd.Timedelta("45min")

    assert signal.mean(start, start + pd.Timedelta("1h")) == 150.0


def test_many_jobs_at_once_give_an_array_in_their_shape():
    signal = hourly([300, 200, 100])
    starts = signal.edges_s[:2]

    emissions_g = signal.emissions_g(starts, starts + 1800, [1000.0, 2000.0])

    assert emissions_g.tolist() == [150.0, 200.0]


def test_the_intensity_of_an_instant_is_that_of_the_step_that_starts_there():
    signal = hourly([300, 200])

    assert signal.at(signal.start + pd.Timedelta("1h")) == 200.0
    assert signal.at(signal.edges_s[:-1]).tolist() == [300.0, 200.0]


def test_a_second_at_the_end_of_a_year_keeps_ten_digits():
    signal = hourly(np.full(8784, 301.7), start="2020-01-01")
    last_s = signal.edges_s[-1]

    assert signal.integral(last_s - 1.5, last_s - 0.5) == pytest.approx(301.7, rel=1e-10)


def test_an_interval_of_no_length_emits_nothing():
    signal = hourly([300])

    assert signal.emissions_g(signal.start, signal.start, 100.0) == 0.0


def test_no_jobs_emit_an_empty_array():
    assert hourly([300]).emissions_g([], [], []).shape == (0,)


# The calendar


def test_a_berlin_day_in_march_has_23_hours_and_in_october_25():
    days = pd.date_range("2020-01-01", "2021-01-01", freq="D", tz="Europe/Berlin")
    series = pd.Series(100.0, days[:-1])
    signal = Intensity.from_series(
        series, kind="average", zone="DE", source="generated", step=pd.DateOffset(days=1)
    )

    hours = pd.Series(np.diff(signal.edges_s) / 3600, days[:-1])

    assert hours["2020-03-29"] == 23
    assert hours["2020-10-25"] == 25
    assert hours.sum() == 8784


def test_a_job_through_the_october_hour_that_comes_twice_runs_both_times():
    signal = hourly(np.arange(48.0) * 10, start="2020-10-24T12:00")
    start = pd.Timestamp("2020-10-25 01:30", tz="Europe/Berlin")
    stop = pd.Timestamp("2020-10-25 03:30", tz="Europe/Berlin")

    assert (stop - start) == pd.Timedelta("3h")
    assert signal.emissions_g(start, stop, 1000.0) == pytest.approx(
        0.5 * 110 + 120 + 130 + 0.5 * 140
    )


def test_a_job_through_the_march_hour_that_is_skipped_runs_an_hour_less():
    signal = hourly(np.full(48, 200.0), start="2020-03-28T12:00")
    start = pd.Timestamp("2020-03-29 01:30", tz="Europe/Berlin")
    stop = pd.Timestamp("2020-03-29 03:30", tz="Europe/Berlin")

    assert signal.emissions_g(start, stop, 1000.0) == pytest.approx(200.0)


def test_a_leap_day_is_a_day_like_any_other():
    signal = hourly(np.full(72, 250.0), start="2020-02-28")
    start = pd.Timestamp("2020-02-29", tz="UTC")

    assert signal.emissions_g(start, start + pd.Timedelta("24h"), 1000.0) == pytest.approx(6000.0)


def test_means_over_local_days_weigh_each_hour_once():
    signal = hourly(np.arange(96.0), start="2020-10-23T22:00")  # midnight in Berlin
    days = pd.date_range("2020-10-24", periods=4, freq="D", tz="Europe/Berlin")

    means = signal.mean(days[:-1], days[1:])

    assert means.tolist() == [
        np.arange(24).mean(),
        np.arange(24, 49).mean(),
        np.arange(49, 73).mean(),
    ]


def test_an_hour_mean_lies_on_the_hours_of_the_clock():
    signal = Intensity(START_S + np.array([900.0, 5400.0, 7200.0]), [100, 200], "average", "X", "s")

    resampled = signal.resample("1h")

    assert (resampled.edges_s - START_S).tolist() == [900.0, 3600.0, 7200.0]
    assert resampled.intensity_g_per_kwh == pytest.approx([100.0, 150.0])


# Nothing is extrapolated


@pytest.mark.parametrize(
    "ask",
    [
        lambda signal: signal.at(signal.start - pd.Timedelta("1ms")),
        lambda signal: signal.at(signal.stop),
        lambda signal: signal.integral(signal.start, signal.edges_s[-1] + 1),
        lambda signal: signal.emissions_g(signal.edges_s[0] - 1, signal.stop, 1.0),
        lambda signal: signal.emissions_of_profile_g(signal.edges_s[:2], [0, 3601], [1.0]),
        lambda signal: signal.window(signal.start, signal.edges_s[-1] + 1),
    ],
)
def test_asking_outside_of_the_coverage_names_it_and_the_remedy(ask):
    with pytest.raises(ValueError, match=r"outside of the intensity of DE, which covers .*load a"):
        ask(hourly([300, 200]))


def test_milliseconds_taken_for_seconds_are_told_plainly():
    with pytest.raises(ValueError, match=r"1.59356e\+12 s after 1970 lies outside"):
        hourly([1]).at(1593561600000)


def test_the_last_edge_may_end_an_interval_but_not_be_asked_at():
    signal = hourly([300, 200])

    assert signal.integral(signal.start, signal.stop) == 500.0 * 3600


def test_an_interval_that_ends_before_it_starts_is_refused():
    signal = hourly([300, 200])

    with pytest.raises(ValueError, match=r"interval 1 stops at .*swap its ends"):
        signal.integral([signal.edges_s[0], signal.edges_s[1]], signal.edges_s[0])


def test_an_instant_has_no_mean():
    signal = hourly([300])

    with pytest.raises(ValueError, match="has no mean"):
        signal.mean(signal.start, signal.start)


def test_an_empty_window_is_refused():
    signal = hourly([300])

    with pytest.raises(ValueError, match="is empty"):
        signal.window(signal.start, signal.start)


@pytest.mark.parametrize("power_w", [-1.0, float("nan"), float("inf")])
def test_a_power_that_no_machine_draws_is_refused(power_w):
    signal = hourly([300])

    with pytest.raises(ValueError, match="must be finite and >= 0 W"):
        signal.emissions_g(signal.start, signal.stop, power_w)


def test_a_profile_whose_edges_and_powers_do_not_fit_is_refused():
    signal = hourly([300])

    with pytest.raises(ValueError, match=r"the power profile: n steps need n \+ 1 edges"):
        signal.emissions_of_profile_g(signal.start, [0, 1, 2], [1.0])
    with pytest.raises(ValueError, match=r"entry 2 \(1 s\) does not follow entry 1 \(1 s\)"):
        signal.emissions_of_profile_g(signal.start, [0, 1, 1], [1.0, 2.0])


# What makes a signal


def test_a_series_goes_in_and_comes_out_the_same():
    index = pd.date_range("2020-07-01", periods=3, freq="30min", tz="Europe/Berlin")
    series = pd.Series([1.0, 2.0, 3.0], index, name="intensity_g_per_kwh")
    signal = Intensity.from_series(series, kind="average", zone="DE", source="generated")

    pd.testing.assert_series_equal(
        signal.to_series("Europe/Berlin"), series, check_freq=False, check_index_type=False
    )


def test_a_gap_in_a_series_is_refused_and_named():
    series = hourly([1, 2, 3, 4]).to_series().drop(pd.Timestamp("2020-07-01T02:00Z"))

    with pytest.raises(ValueError, match=r"T02:00:00\+00:00 but the next value starts at .*T03"):
        Intensity.from_series(series, kind="average", zone="DE", source="generated")


def test_a_single_value_needs_its_step_told():
    series = hourly([1, 2]).to_series().iloc[:1]

    with pytest.raises(ValueError, match="give `step`"):
        Intensity.from_series(series, kind="average", zone="DE", source="generated")

    signal = Intensity.from_series(
        series, kind="average", zone="DE", source="generated", step="15min"
    )

    assert signal.edges_s[1] - signal.edges_s[0] == 900.0


@pytest.mark.parametrize(
    ("index", "error"),
    [
        (pd.RangeIndex(2), TypeError),
        (pd.date_range("2020-07-01", periods=2, freq="h"), ValueError),
        (pd.DatetimeIndex(["2020-07-01", "2020-07-01"], tz="UTC"), ValueError),
    ],
)
def test_a_series_without_increasing_zoned_times_is_refused(index, error):
    with pytest.raises(error):
        Intensity.from_series(pd.Series([1.0, 2.0], index), kind="average", zone="X", source="s")


@pytest.mark.parametrize(
    ("edges_s", "values", "kind", "message"),
    [
        ([0, 1, 1], [1, 2], "average", "must increase, but entry 2"),
        ([0, 1], [1, 2], "average", r"n steps need n \+ 1 edges"),
        ([0], [], "average", "n >= 1"),
        ([0, 1], [np.nan], "average", "must be finite"),
        ([0, 1], [-1], "average", "only a marginal rate may be negative"),
        ([0, 1], [1], "mean", "kind 'mean' must be one of 'average', 'marginal'"),
    ],
)
def test_a_signal_that_breaks_a_rule_is_refused(edges_s, values, kind, message):
    with pytest.raises(ValueError, match=message):
        Intensity(edges_s, values, kind, "DE", "generated")


def test_a_marginal_rate_may_be_negative():
    signal = hourly([-50, 100], kind="marginal")

    assert signal.emissions_g(signal.start, signal.stop, 1000.0) == pytest.approx(50.0)


def test_a_signal_cannot_be_changed_through_its_arrays():
    values = np.array([1.0, 2.0])
    signal = hourly(values)
    values[0] = 99.0

    assert signal.intensity_g_per_kwh[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        signal.edges_s[0] = 0.0


def test_signals_are_equal_when_everything_is():
    assert hourly([1, 2]) == hourly([1, 2])
    assert hourly([1, 2]) != hourly([1, 3])
    assert hourly([1, 2]) != hourly([1, 2], zone="FR")
    assert hourly([1, 2]) != hourly([1, 2], kind="marginal")


def test_the_repr_tells_kind_zone_period_and_mean():
    assert repr(hourly([1, 2])) == (
        "Intensity(average, DE, 2020-07-01T00:00:00Z to 2020-07-01T02:00:00Z, "
        "2 steps of 3600 s, mean 1.5 g/kWh, 'generated')"
    )


def test_average_and_marginal_are_kept_apart():
    average, marginal = hourly([1, 2]), hourly([1, 2], kind="marginal")

    assert same_kind(average, average) == "average"
    with pytest.raises(ValueError, match="average and marginal intensity must not be combined"):
        same_kind(average, marginal)
    with pytest.raises(ValueError, match="at least one"):
        same_kind()


# Forecasts


def forecasts(**changes):
    arguments = {
        "issued_s": START_S + np.array([0.0, 3600.0, 7200.0]),
        "lead_edges_s": np.array([0.0, 3600.0, 7200.0]),
        "intensity_g_per_kwh": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        "kind": "marginal",
        "zone": "X",
        "source": "generated",
    }
    return Forecasts(**(arguments | changes))


def test_a_forecast_is_the_newest_one_issued_by_then():
    now = pd.Timestamp("2020-01-01T01:59:59Z")

    forecast = forecasts().issued_at(now)

    assert forecast.start == pd.Timestamp("2020-01-01T01:00Z")
    assert forecast.intensity_g_per_kwh.tolist() == [3.0, 4.0]
    assert forecast.kind == "marginal"


@given(st.floats(0, 9000))
def test_a_forecast_never_comes_from_the_future(after_s):
    forecast = forecasts().issued_at(START_S + after_s)

    assert forecast.edges_s[0] <= START_S + after_s


def test_a_forecast_issued_at_that_very_instant_counts():
    assert forecasts().issued_at(START_S + 3600).intensity_g_per_kwh.tolist() == [3.0, 4.0]


def test_before_the_first_forecast_there_is_none():
    with pytest.raises(ValueError, match="no forecast for X was issued by 2019-12-31T23:59:59Z"):
        forecasts().issued_at(START_S - 1)


def test_a_forecast_older_than_allowed_is_refused():
    some = forecasts()

    assert some.issued_at(START_S + 7200 + 7200).start == some.stop
    with pytest.raises(ValueError, match="older than 7200 s"):
        some.issued_at(START_S + 7200 + 7201)
    with pytest.raises(ValueError, match="older than 600 s"):
        some.issued_at(START_S + 601, max_age="10min")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lead_edges_s": [-60.0, 0.0, 60.0]}, "a forecast starts no earlier"),
        ({"lead_edges_s": [0.0, 60.0]}, r"need \(n, m\) values"),
        ({"issued_s": START_S + np.array([0.0, 0.0, 1.0])}, "issued_s must increase"),
        ({"lead_edges_s": [0.0, 60.0, 60.0]}, "lead_edges_s must increase"),
        ({"intensity_g_per_kwh": np.full((3, 2), np.nan)}, r"\[0, 0\] = nan must be finite"),
    ],
)
def test_forecasts_that_break_a_rule_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        forecasts(**changes)


def test_forecasts_are_equal_when_everything_is():
    assert forecasts() == forecasts()
    assert forecasts() != forecasts(lead_edges_s=[0.0, 60.0, 120.0])
    assert repr(forecasts()) == (
        "Forecasts(marginal, X, 3 issued 2020-01-01T00:00:00Z to 2020-01-01T02:00:00Z, "
        "leads 0 to 7200 s in 2 steps of 3600 s, 'generated')"
    )


def test_a_series_of_text_is_refused():
    hours = pd.date_range("2020", periods=2, freq="h", tz="UTC")
    with pytest.raises(TypeError, match=r"such as '300', but must hold numbers"):
        Intensity.from_series(
            pd.Series(["300", "200"], hours), kind="average", zone="X", source="by hand"
        )
