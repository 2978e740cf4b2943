import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import datasets
from helpers.carbon import Forecasts, Intensity, describe
from helpers.carbon import forecast as fc
from helpers.carbon.expected import forecaster, last_period
from helpers.phases import Phase, PhaseModel
from helpers.schedule import online
from helpers.timeline import epoch_seconds

HOUR_S = 3600.0
DAY = HOUR_S * np.arange(25)
START = pd.Timestamp("2020-01-01", tz="UTC")


def curve(values, *, kind="average", step="1h", start=START):
    index = pd.date_range(start, periods=len(values), freq=step)
    series = pd.Series(np.asarray(values, dtype=float), index)
    return Intensity.from_series(series, kind=kind, zone="XX", source="made up")


def weather(days=60, seed=1):
    """Return a day's rhythm with noise that lasts, an hour a step."""
    rng, hours = np.random.default_rng(seed), np.arange(24 * days)
    noise = np.zeros(hours.size)
    for i, shock in enumerate(rng.normal(0, 8, hours.size - 1)):
        noise[i + 1] = 0.95 * noise[i] + shock
    return curve(np.maximum(300 + 60 * np.sin(2 * np.pi * hours / 24) + noise, 0))


def hours_of(signal, first_day, last_day, freq="1h"):
    day = pd.Timedelta(days=1)
    return pd.date_range(signal.start + first_day * day, signal.start + last_day * day, freq=freq)


def came(forecasts, truth):
    issued_s, edges_s = forecasts.issued_s[:, None], forecasts.lead_edges_s
    return truth.mean(issued_s + edges_s[:-1], issued_s + edges_s[1:])


def learned(model, **kwargs):
    def method(signal, issued, leads):
        past = weather(30, seed=9)
        trained = fc.train(past, hours_of(past, 8, 28), leads, model=model, **kwargs)
        later = replace(trained, trained_s=(0.0, 1.0))
        return later.forecasts(signal, issued)

    return method


METHODS = {
    "persistence": fc.persistence,
    "an hour late": lambda *a: fc.persistence(*a, delay_s=HOUR_S),
    "yesterday": fc.profile,
    "yesterday by a local clock": lambda *a: fc.profile(*a, time_zone="Europe/Berlin"),
    "a week's profile": lambda *a: fc.profile(*a, periods=7),
    "ridge": learned("ridge"),
    "boosting": learned("boosting"),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_forecast_stays_the_same_whatever_the_future_brings(name):
    signal = weather(30)
    issued = hours_of(signal, 20, 21, "5h") + pd.Timedelta(minutes=20)
    known = np.searchsorted(signal.edges_s, epoch_seconds(issued)[-1])
    values = signal.intensity_g_per_kwh.copy()
    values[known:] = np.random.default_rng(3).uniform(0, 1000, values.size - known)

    there, here = (METHODS[name](s, issued, DAY) for s in (signal, curve(values)))

    assert np.array_equal(there.intensity_g_per_kwh[-1], here.intensity_g_per_kwh[-1])
    assert there == here


@pytest.mark.parametrize("name", METHODS)
def test_a_forecast_of_one_issue_is_that_of_many(name):
    signal = weather(30)
    issued = hours_of(signal, 15, 16, "3h")

    many = METHODS[name](signal, issued, DAY).intensity_g_per_kwh
    one = METHODS[name](signal, issued[4:5], DAY).intensity_g_per_kwh

    assert one[0] == pytest.approx(many[4], rel=1e-9)


def test_persistence_holds_the_value_of_the_step_under_way():
    signal = curve([100, 200, 300, 400])
    issued = START + pd.Timedelta(minutes=90)

    now = fc.persistence(signal, [issued], [0, 3600, 7200])
    late = fc.persistence(signal, [issued], [0, 3600, 7200], delay_s=HOUR_S)

    assert now.intensity_g_per_kwh.tolist() == [[200, 200]]
    assert late.intensity_g_per_kwh.tolist() == [[100, 100]]


def test_as_yesterday_is_the_curve_a_day_earlier_and_two_days_ahead_the_same_again():
    signal = weather(5)
    values = signal.intensity_g_per_kwh

    told = fc.profile(signal, [START + pd.Timedelta(hours=60)], HOUR_S * np.arange(1, 49))

    assert told.intensity_g_per_kwh[0, :24] == pytest.approx(values[37:61])
    assert told.intensity_g_per_kwh[0, 24:] == pytest.approx(values[37:60])


def test_what_is_left_of_the_step_under_way_is_known():
    signal = weather(5)
    issued = START + pd.Timedelta(hours=60)

    told = fc.profile(signal, [issued], DAY, periods=2)

    assert told.intensity_g_per_kwh[0, 0] == pytest.approx(signal.intensity_g_per_kwh[60])


def test_a_profile_is_the_mean_of_the_same_hour_of_the_last_weeks():
    signal = weather(30)
    values = signal.intensity_g_per_kwh

    told = fc.profile(signal, hours_of(signal, 25, 26), DAY[1:], period="7D", periods=3)

    expected = np.mean([values[25 * 24 + 5 + 1 - 168 * week] for week in (1, 2, 3)])
    assert told.intensity_g_per_kwh[5, 0] == pytest.approx(expected)


def test_yesterday_at_eight_is_at_eight_by_the_clock_after_the_clocks_change():
    start = pd.Timestamp("2020-03-26", tz="Europe/Berlin").tz_convert("UTC")
    index = pd.date_range(start, periods=24 * 6, freq="h")
    signal = curve(index.tz_convert("Europe/Berlin").hour, start=start)
    issued = pd.DatetimeIndex([pd.Timestamp("2020-03-29 00:00", tz="Europe/Berlin")])

    local = fc.profile(signal, issued, DAY, time_zone="Europe/Berlin").intensity_g_per_kwh[0]
    utc = fc.profile(signal, issued, DAY).intensity_g_per_kwh[0]
    truth = signal.mean(*(epoch_seconds(issued)[0] + e for e in (DAY[:-1], DAY[1:])))

    assert local[3:23].tolist() == truth[3:23].tolist()
    assert not np.array_equal(utc[3:23], truth[3:23])


def test_a_regression_learns_a_rhythm_it_was_shown():
    signal = curve(300 + 100 * np.sin(2 * np.pi * np.arange(24 * 40) / 24))
    trained = fc.train(signal, hours_of(signal, 8, 25), DAY)

    told = trained.forecasts(signal, hours_of(signal, 27, 38))

    assert fc.scores(told, signal, seed=1, block_days=2)["mae"].max() < 1


def test_a_regression_beats_persistence_and_yesterday_on_a_real_grid():
    signal = datasets.carbon_intensity("GB", None)
    trained = fc.train(signal, pd.date_range("2019-02-01", "2019-12-28", freq="3h", tz="UTC"), DAY)
    issued = pd.date_range("2020-01-01", "2020-12-30", freq="6h", tz="UTC")
    told = trained.forecasts(signal, issued)

    for baseline in (fc.persistence, fc.profile):
        table = fc.scores(told, signal, seed=1, baseline=baseline(signal, issued, DAY))
        assert (table["skill_low"].iloc[1:20] > 0).all()


@pytest.mark.parametrize("model", ["ridge", "boosting"])
def test_training_knows_nothing_after_its_last_target(model):
    signal = weather(40)
    issued = hours_of(signal, 8, 20, "3h")
    values = signal.intensity_g_per_kwh.copy()
    values[21 * 24 :] = 0.0  # the last target ends after 21 days

    here, there = (fc.train(s, issued, DAY, model=model) for s in (signal, curve(values)))

    later = hours_of(signal, 30, 31)
    assert here.forecasts(signal, later) == there.forecasts(signal, later)


def test_what_was_trained_on_is_not_judged_on():
    signal = weather(60)
    trained = fc.train(signal, hours_of(signal, 8, 30), DAY)

    with pytest.raises(ValueError, match=r"issued at 2020-01-31T23:00Z .* issue from 2020-02-01"):
        trained.forecasts(signal, hours_of(signal, 31, 32) - pd.Timedelta(hours=1))
    with pytest.raises(ValueError, match=r"judged on the period it was trained on"):
        trained.forecasts(signal, hours_of(signal, 7, 8, "6h"))

    assert 25 == trained.forecasts(signal, hours_of(signal, 32, 33)).issued_s.size


def test_as_a_function_of_the_present_a_forecast_changes_only_with_what_is_known():
    signal = weather(10)
    expected = forecaster(lambda issued: fc.profile(signal, issued, DAY), signal)
    now_s = signal.edges_s[100]

    first, later, next_hour = (expected(now_s + x) for x in (0.0, 3599.0, 3600.0))

    assert first is later
    assert (now_s, now_s + 24 * HOUR_S) == (first.edges_s[0], first.edges_s[-1])
    assert next_hour.edges_s[0] == now_s + HOUR_S
    assert first == fc.profile(signal, [now_s], DAY).issued_at(now_s)


def test_the_rules_that_decide_online_plan_on_these_forecasts():
    signal = weather(20)
    job = PhaseModel("job", [Phase("start", 600, 150)], [Phase("work", 6 * 3600, 300)])
    release_s, deadline_s = signal.edges_s[200], signal.edges_s[236]
    ahead_s = HOUR_S * np.arange(38)

    plans = [
        online.receding_horizon(job, expected, release_s, deadline_s, step_s=HOUR_S)
        for expected in (
            forecaster(lambda issued: fc.profile(signal, issued, ahead_s), signal),
            last_period(signal, deadline_s),
        )
    ]

    assert plans[0] == plans[1]


def test_scores_are_the_plain_figures_and_their_intervals_hold_them():
    signal = weather(60)
    told = fc.profile(signal, hours_of(signal, 10, 55), DAY[1:])

    table = fc.scores(told, signal, seed=1)
    judge = describe.forecast_errors(told, signal)

    assert table["mae"].to_numpy() == pytest.approx(judge["mae"].to_numpy())
    assert table["rmse"].to_numpy() == pytest.approx(judge["rmse"].to_numpy())
    starts_s = told.issued_s[:, None] + told.lead_edges_s[:-1]
    came = signal.mean(starts_s, starts_s + np.diff(told.lead_edges_s))
    shares = np.abs(told.intensity_g_per_kwh - came) / came
    assert table["mape"].to_numpy() == pytest.approx(shares.mean(axis=0))
    assert table["bias"].to_numpy() == pytest.approx(judge["bias"].to_numpy())
    assert table["skill"].to_numpy() == pytest.approx(judge["skill"].to_numpy())
    for name in ("mae", "mape", "rmse", "bias", "skill"):
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[name] < table[f"{name}_high"]).all()


def test_an_error_is_no_share_of_a_truth_of_0():
    signal = curve(np.where(np.arange(24 * 12) == 100, 0.0, 300.0))
    told = fc.persistence(signal, signal.edges_s[: 24 * 11], [0, 3600, 7200])

    table = fc.scores(told, signal, seed=1, block_days=2, resamples=99)

    assert table["mape"].isna().all()
    assert table["mape_low"].isna().all()
    assert np.isfinite(table["mae"]).all()


def test_a_forecast_has_no_skill_against_itself():
    signal = weather(30)
    told = fc.profile(signal, hours_of(signal, 10, 25), DAY[1:])

    table = fc.scores(told, signal, seed=1, baseline=told, block_days=3)

    assert (table[["skill", "skill_low", "skill_high"]] == 0).all().all()


def test_intervals_hold_the_true_bias_about_as_often_as_they_say():
    hits, trials, n = 0, 100, 24 * 120
    signal = curve(np.full(n + 2, 300.0))
    issued_s = signal.edges_s[:n]
    for seed in range(trials):
        noise = np.random.default_rng(seed).normal(5, 10, n // 24)
        told = Forecasts(
            issued_s, [0, 3600], 300 + np.repeat(noise, 24)[:, None], "average", "", ""
        )
        row = fc.scores(told, signal, seed=seed, block_days=4, resamples=199).iloc[0]
        hits += row["bias_low"] <= 5 <= row["bias_high"]

    assert 0.84 <= hits / trials <= 0.99


def model(leads=12, *, bias=0.0, **kwargs):
    growth = np.sqrt(np.arange(1, leads + 1))
    settings = {
        "lead_edges_s": HOUR_S * np.arange(leads + 1),
        "quantiles": bias + 10 * growth[:, None] * np.linspace(-4, 4, 81),
        "clock": np.linspace(0, 1.1, leads),
        "fast_s": 1.5 * HOUR_S,
        "slow_s": 20 * HOUR_S,
        "slow_share": 0.6,
        "scale": "g_per_kwh",
        "source": "made up",
    }
    return fc.ErrorModel(**(settings | kwargs))


@pytest.fixture(scope="module")
def refits():
    """What is fitted to 15 draws of a year from one model."""
    signal = curve(np.full(24 * 366, 1000.0))
    made = model(bias=4.0)
    return made, [
        fc.fit_errors(fc.with_errors(signal, made, signal.edges_s[:-30], seed=seed), signal)
        for seed in range(15)
    ]


@pytest.mark.parametrize("name", ["fast_s", "slow_s", "slow_share"])
def test_a_model_fitted_to_what_it_made_has_its_times(refits, name):
    made, fits = refits
    values = np.array([getattr(fit, name) for fit in fits])

    assert values.mean() == pytest.approx(getattr(made, name), abs=3 * values.std(), rel=0.15)
    assert values.std() < 0.3 * getattr(made, name)


@pytest.mark.parametrize("column", ["bias", "sd", "mae", "clock"])
def test_a_model_fitted_to_what_it_made_has_its_bias_growth_and_clock(refits, column):
    made, fits = refits
    values = np.array([fit.table()[column] for fit in fits])
    error = values.std(axis=0, ddof=1) / np.sqrt(len(fits))

    assert np.all(np.abs(values.mean(axis=0) - made.table()[column]) <= 3.5 * error + 0.02)


def test_made_up_errors_correlate_as_the_model_says():
    made = model(6, slow_share=0.5)
    signal = curve(np.full(60_000, 1000.0))

    told = fc.with_errors(signal, made, signal.edges_s[:-10], seed=4).intensity_g_per_kwh
    score = (told - told.mean(axis=0)) / told.std(axis=0)

    def seen(lag, one, other):
        return np.mean(score[: -lag or None, one] * score[lag:, other])

    # one issue, two leads; one lead, two issues; one target, two issues; neither
    for lag, one, other in [(0, 1, 4), (3, 2, 2), (2, 4, 2), (1, 0, 5)]:
        apart_s = HOUR_S * (lag + other - one)
        expected = made.correlation(apart_s) * np.exp(-abs(made.clock[one] - made.clock[other]))
        assert seen(lag, one, other) == pytest.approx(float(expected), abs=0.04)


def test_the_likeness_of_near_targets_is_seen_between_issues_too():
    made = model(12, fast_s=2 * HOUR_S, slow_s=40 * HOUR_S, clock=np.linspace(0, 3, 12))
    signal = curve(np.full(24 * 2000, 1000.0))
    told = fc.with_errors(signal, made, signal.edges_s[:-30:3], seed=5)

    fitted = fc.fit_errors(told, signal)

    apart_s = HOUR_S * np.array([1, 2, 3, 6, 12])
    assert fitted.correlation(apart_s) == pytest.approx(made.correlation(apart_s), abs=0.04)
    assert fitted.clock == pytest.approx(made.clock, abs=0.15)


def test_issues_once_a_day_have_the_same_errors_as_every_hour():
    signal = curve(np.full(24 * 3000, 1000.0))
    made = model(12)
    daily = fc.with_errors(signal, made, signal.edges_s[:-30:24], seed=5)

    error = daily.intensity_g_per_kwh - 1000

    assert error.std(axis=0) == pytest.approx(made.table()["sd"].to_numpy(), rel=0.1)
    assert np.corrcoef(error[:, 2], error[:, 5])[0, 1] == pytest.approx(
        float(made.correlation(3 * HOUR_S)) * np.exp(-0.3), abs=0.06
    )


@pytest.fixture(scope="module")
def california():
    forecasts, truth = datasets.marginal_forecasts(), datasets.marginal_intensity()
    quarter = replace(
        forecasts,
        issued_s=forecasts.issued_s[:12_000],
        intensity_g_per_kwh=forecasts.intensity_g_per_kwh[:12_000],
    )
    return quarter, truth, fc.fit_errors(quarter, truth, scale="mean")


def test_a_model_of_real_errors_keeps_their_bias_and_growth_with_the_lead(california):
    forecasts, truth, fitted = california
    judge = describe.forecast_errors(forecasts, truth)

    table = fitted.table() * came(forecasts, truth).mean()

    assert table["bias"].to_numpy() == pytest.approx(judge["bias"].to_numpy(), abs=0.3)
    assert table["mae"].to_numpy() == pytest.approx(judge["mae"].to_numpy(), rel=0.02)
    sd = np.sqrt(judge["rmse"] ** 2 - judge["bias"] ** 2).to_numpy()
    assert table["sd"].to_numpy() == pytest.approx(sd, rel=0.02)


def test_real_forecasts_are_revised_only_shortly_before(california):
    _, _, fitted = california
    leads_s, clock = fitted.lead_edges_s[:-1], fitted.clock

    early = np.ptp(clock[leads_s >= 2 * HOUR_S])
    late = np.ptp(clock[leads_s <= 2 * HOUR_S])

    assert early < 0.02 < 0.3 < late


def test_refitted_to_what_it_made_a_model_of_real_errors_comes_back(california):
    forecasts, truth, fitted = california
    made = fc.with_errors(truth, fitted, forecasts.issued_s, seed=2)

    again = fc.fit_errors(made, truth, scale="mean")
    intervals = fc.scores(made, truth, seed=3)

    table = fitted.table() * came(made, truth).mean()
    assert (intervals["mae_low"] < table["mae"].to_numpy()).mean() > 0.8
    assert (intervals["mae_high"] > table["mae"].to_numpy()).mean() > 0.8
    assert (intervals["bias_low"] < table["bias"].to_numpy()).all()
    assert (intervals["bias_high"] > table["bias"].to_numpy()).all()
    apart_s = 900 * np.array([1, 4, 12, 24])
    assert again.correlation(apart_s) == pytest.approx(fitted.correlation(apart_s), abs=0.06)
    assert again.clock[-1] == pytest.approx(fitted.clock[-1], rel=0.15)


def test_relative_errors_follow_the_level_of_another_grid(california):
    _, _, fitted = california
    low, high = (curve(np.full(2000, level), step="5min") for level in (50.0, 500.0))
    issued_s = low.edges_s[:-40:3]

    errors = [
        fc.with_errors(s, fitted, issued_s, seed=1).intensity_g_per_kwh - s.intensity_g_per_kwh[0]
        for s in (replace(low, kind="marginal"), replace(high, kind="marginal"))
    ]

    assert errors[1] == pytest.approx(10 * errors[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 3))
def test_errors_grow_by_the_factor_and_none_is_the_truth(seed, factor):
    signal = curve(np.full(300, 1000.0))
    issued_s = signal.edges_s[:-20]

    one, other = (
        fc.with_errors(signal, made, issued_s, seed=seed).intensity_g_per_kwh - 1000
        for made in (model(), model().times(factor))
    )

    assert other == pytest.approx(factor * one)


def test_made_up_errors_are_labelled_and_cuts_are_told():
    signal = curve(np.full(500, 15.0))

    told = fc.with_errors(signal, model(), signal.edges_s[:-20], seed=7)
    held = fc.with_errors(
        signal, model(), signal.edges_s[:-60:2], seed=7, lead_edges_s=2 * DAY, hold=True
    )

    assert told.source.startswith("made up, generated: truth with made up; seed 7; ")
    assert "% cut at 0" in told.source
    assert 0 == told.intensity_g_per_kwh.min()
    assert "held at 18 of 24 leads, of steps of 3600 s" in held.source


def test_equal_seeds_make_equal_errors_and_others_do_not():
    signal = curve(np.full(100, 1000.0))
    issued_s = signal.edges_s[:50]

    assert fc.with_errors(signal, model(), issued_s, seed=1) == fc.with_errors(
        signal, model(), issued_s, seed=1
    )
    assert fc.with_errors(signal, model(), issued_s, seed=1) != fc.with_errors(
        signal, model(), issued_s, seed=2
    )


def test_leads_can_be_merged_to_longer_ones_and_left_out():
    forecasts = Forecasts([0.0], [0, 1, 2, 4, 6], [[1.0, 3.0, 5.0, 7.0]], "average", "", "")

    merged, part = fc.merge_leads(forecasts, 2), fc.leads_between(forecasts, 1, 4)

    assert ([0, 2, 6], [[2, 6]]) == (
        merged.lead_edges_s.tolist(),
        merged.intensity_g_per_kwh.tolist(),
    )
    assert ([1, 2, 4], [[3, 5]]) == (part.lead_edges_s.tolist(), part.intensity_g_per_kwh.tolist())


SIGNAL = weather(30)
TOLD = fc.profile(SIGNAL, hours_of(SIGNAL, 10, 20), DAY[1:])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fc.persistence(SIGNAL, [START], DAY, delay_s=-1), r"delay_s\(=-1\) must be"),
        (lambda: fc.persistence(SIGNAL, [START], DAY, delay_s=1), r"lies outside of the intensity"),
        (lambda: fc.profile(SIGNAL, [START], DAY), r"lies outside of the intensity"),
        (lambda: fc.profile(SIGNAL, [START], DAY, periods=0), r"periods\(=0\) must be >= 1"),
        (lambda: fc.persistence(SIGNAL, ["2020-01-02"], DAY), r"neither time stamps nor"),
        (
            lambda: fc.train(SIGNAL, hours_of(SIGNAL, 8, 20), DAY, model="oracle"),
            r"model\(='oracle'\) must be 'ridge' or 'boosting'",
        ),
        (
            lambda: fc.train(SIGNAL, hours_of(SIGNAL, 8, 20), DAY).forecasts(
                replace(SIGNAL, kind="marginal"), hours_of(SIGNAL, 22, 23)
            ),
            r"trained on average intensity, asked for marginal",
        ),
        (lambda: fc.merge_leads(TOLD, 5), r"count\(=5\) must divide the 23 leads"),
        (lambda: fc.leads_between(TOLD, 5, 7200), r"lead 5 s is none of the edges 3600 to 86400"),
        (lambda: fc.leads_between(TOLD, 7200, 7200), r"no lead lies between 7200 and 7200 s"),
        (
            lambda: fc.scores(TOLD, replace(SIGNAL, kind="marginal"), seed=1),
            r"must not be combined",
        ),
        (
            lambda: fc.scores(TOLD, SIGNAL, seed=1, block_days=9),
            r"block_days\(=9\) must lie between",
        ),
        (lambda: fc.scores(TOLD, SIGNAL, seed=1, confidence=95), r"confidence\(=95\) must lie"),
        (
            lambda: fc.scores(TOLD, SIGNAL, seed=1, baseline=fc.leads_between(TOLD, 3600, 7200)),
            r"lead_edges_s of the baseline differ",
        ),
        (
            lambda: fc.scores(TOLD, SIGNAL, seed=1, keep=np.zeros(TOLD.issued_s.size, bool)),
            r"no forecast is left to judge",
        ),
        (lambda: fc.fit_errors(TOLD, SIGNAL, scale="%"), r"scale\(='%'\) must be one of"),
        (
            lambda: fc.fit_errors(fc.persistence(SIGNAL, hours_of(SIGNAL, 8, 20), DAY), SIGNAL),
            r"all errors at lead 0 s are the same; leave it out",
        ),
        (
            lambda: fc.fit_errors(fc.profile(SIGNAL, hours_of(SIGNAL, 8, 10), DAY), SIGNAL),
            r"49 issues tell too little",
        ),
        (
            lambda: fc.fit_errors(
                fc.profile(SIGNAL, hours_of(SIGNAL, 8, 10, "20min"), DAY), SIGNAL
            ),
            r"issue time 2020-01-09T00:20:00\+00:00 is not a whole number of lead steps",
        ),
        (
            lambda: fc.with_errors(SIGNAL, model(), [START], seed=1, lead_edges_s=DAY),
            r"are not those of the error model, 0 to 43200 s .*merge_leads",
        ),
        (
            lambda: fc.with_errors(SIGNAL, model(), [START], seed=1, lead_edges_s=[0, 1, 3]),
            r"leads of 1 to 2 s are uneven",
        ),
        (lambda: model().times(-1), r"factor\(=-1\) must be finite and >= 0"),
    ],
)
def test_what_cannot_be_forecast_or_judged_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_importing_forecasts_loads_no_heavy_library():
    code = "import helpers.carbon.forecast, sys; print({'sklearn', 'scipy'} & set(sys.modules))"

    assert "set()" == subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_scores_without_a_resample_are_refused():
    flat = Intensity.from_series(
        pd.Series(300.0, pd.date_range(START, periods=24 * 40, freq="h")),
        kind="average",
        zone="X",
        source="flat",
    )
    issued = pd.date_range(START + pd.Timedelta(days=1), periods=30, freq="D")
    with pytest.raises(ValueError, match=r"resamples\(=0\) must be >= 1"):
        fc.scores(fc.persistence(flat, issued, DAY), flat, seed=1, resamples=0)
