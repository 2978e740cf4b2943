"""A job log's description: laws that hold for any log, and hand-computed cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from helpers.jobs import describe, jobs_table
from helpers.timeline import same_weekday

HOUR, DAY = 3600.0, 86_400.0
BERLIN = "Europe/Berlin"


def some_jobs(rows, **more):
    """Jobs from (submit, wait, run, processors)."""
    columns = ("submit_s", "wait_s", "run_s", "processors")
    values = {name: [row[i] for row in rows] for i, name in enumerate(columns)}
    return jobs_table({"job_id": range(len(rows)), **values, **more})


whole = st.integers(0, 1000).map(float)
jobs_lists = st.lists(
    st.tuples(whole, whole, st.integers(1, 1000).map(float), st.integers(1, 64).map(float)),
    min_size=1,
    max_size=30,
)
amounts = st.lists(st.integers(0, 1000).map(float), min_size=1, max_size=40).filter(any)


# --- work and processors in use -----------------------------------------------------------


@given(jobs_lists)
def test_processors_in_use_add_up_to_the_work_of_all_jobs(rows):
    jobs = some_jobs(rows)
    usage = describe.processors_in_use(jobs)

    assert describe.work_s(jobs).sum() == usage.integral(0.0, 1e9)
    assert (usage.processors >= 0).all()


@given(jobs_lists, st.integers(0, 3000))
def test_processors_in_use_at_an_instant_are_those_of_the_running_jobs(rows, instant):
    running = sum(p for s, w, r, p in rows if s + w <= instant < s + w + r)

    assert running == describe.processors_in_use(some_jobs(rows)).at(instant)


@given(jobs_lists, st.lists(whole, min_size=2, max_size=6, unique=True))
def test_work_done_in_neighbouring_spans_adds_up(rows, cuts):
    cuts = np.sort(cuts)
    usage = describe.processors_in_use(some_jobs(rows))

    parts = usage.integral(cuts[:-1], cuts[1:])

    np.testing.assert_allclose(usage.integral(cuts[0], cuts[-1]), parts.sum())
    np.testing.assert_allclose(parts, usage.mean(cuts[:-1], cuts[1:]) * np.diff(cuts))


def test_a_job_without_a_known_run_time_is_counted_as_left_out():
    usage = describe.processors_in_use(some_jobs([(0, 0, 10, 2), (0, 0, np.nan, 4)]))

    assert (1, [0.0, 10.0], [2.0]) == (
        usage.left_out,
        usage.edges_s.tolist(),
        usage.processors.tolist(),
    )


def test_a_log_without_waits_has_no_processors_in_use():
    with pytest.raises(ValueError, match="fill wait_s"):
        describe.processors_in_use(some_jobs([(0, np.nan, 10, 2)]))


def test_totals_count_jobs_and_core_hours_of_each_group():
    jobs = some_jobs(
        [(0, 0, HOUR, 2), (0, 0, np.nan, 9), (0, 0, 1800, 1)],
        user=["b", "a", None],
        queue=[1, 2, 1],
    )

    by_queue = describe.totals(jobs, jobs["queue"])

    assert {"a": 1, "b": 1} == describe.totals(jobs, jobs["user"])["jobs"].to_dict()
    assert [(2, 2.5), (1, 0.0)] == list(by_queue.itertuples(index=False, name=None))


def test_recording_is_broken_where_no_job_ends_for_longer_than_the_silence():
    jobs = some_jobs([(0, 0, 10, 1), (0, 0, 20, 1), (0, 0, 50, 1), (40, 1, 19, 1)])

    assert [(10, 20), (50, 60)] == describe.recorded_spans(jobs, 29)
    assert [(10, 60)] == describe.recorded_spans(jobs, 30)


def test_recorded_spans_need_a_silence_and_an_end():
    with pytest.raises(ValueError, match="must be > 0 s"):
        describe.recorded_spans(some_jobs([(0, 0, 10, 1)]), 0)
    with pytest.raises(ValueError, match="known end"):
        describe.recorded_spans(some_jobs([(0, 0, np.nan, 1)]), 1)


def test_complete_spans_end_a_longest_run_earlier_or_vanish():
    assert [(0, 70)] == describe.complete_spans([(0, 100), (120, 140)], 30)


def test_a_span_holds_its_start_and_not_its_stop():
    inside = describe.within([0, 1, 2, 5], [(1, 2), (5, 6)])

    assert [False, True, False, True] == inside.tolist()


# --- quantiles and concentration ----------------------------------------------------------


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9)), min_size=1, max_size=20))
def test_a_weighted_quantile_is_that_of_values_repeated_by_their_weight(pairs):
    values, weights = map(np.array, zip(*pairs, strict=True))
    if not weights.any():
        weights = weights + 1
    shares = np.linspace(0, 1, 17)  # binary fractions: nothing is rounded

    repeated = np.quantile(np.repeat(values, weights), shares, method="inverted_cdf")

    assert repeated.tolist() == describe.weighted_quantile(values, shares, weights).tolist()


@pytest.mark.parametrize(
    ("values", "weights", "rule"),
    [
        ([1, np.nan], None, "finite"),
        ([1, 2], [1, -1], ">= 0"),
        ([1, 2], [0, 0], "not all 0"),
        ([1, 2], [1], "one length"),
    ],
)
def test_a_weighted_quantile_refuses_what_is_no_weighted_list(values, weights, rule):
    with pytest.raises(ValueError, match=rule):
        describe.weighted_quantile(values, 0.5, weights)


def test_a_share_outside_of_0_to_1_has_no_quantile():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        describe.weighted_quantile([1, 2], 1.5)


@given(amounts)
def test_a_lorenz_curve_rises_from_0_to_1_below_the_diagonal_and_ever_steeper(values):
    members, held = describe.lorenz(values)

    assert [0, 1, 0, 1] == [members[0], members[-1], held[0], held[-1]]
    assert (held <= members + 1e-12).all()
    assert (np.diff(held, n=2) >= -1e-12).all()


@given(amounts, st.integers(1, 9))
def test_the_gini_coefficient_is_the_mean_difference_and_has_no_unit(values, factor):
    x = np.array(values)
    difference = np.abs(x[:, None] - x).mean() / (2 * x.mean())

    np.testing.assert_allclose(difference, describe.gini(x), atol=1e-12)
    np.testing.assert_allclose(describe.gini(x * factor), describe.gini(x), atol=1e-12)


@pytest.mark.parametrize("values", [[], [0, 0], [1, -1], [np.nan, 1]])
def test_a_lorenz_curve_needs_something_to_hold(values):
    with pytest.raises(ValueError, match="not all 0"):
        describe.lorenz(values)


# --- submissions --------------------------------------------------------------------------


def test_a_batch_is_what_one_user_submits_without_a_longer_gap():
    submit, user = [0, 60, 61, 200, 320, 441], ["a", "b", "a", "b", "b", "b"]
    jobs = some_jobs([(s, 0, 1, 1) for s in submit], user=user)

    assert [0, 1, 0, 2, 2, 3] == describe.batch_numbers(jobs, 120).tolist()


def test_jobs_without_a_user_are_batched_together():
    jobs = some_jobs([(0, 0, 1, 1), (500, 0, 1, 1), (60, 0, 1, 1)])

    assert [0, 1, 0] == describe.batch_numbers(jobs, 120).tolist()


@given(jobs_lists, st.integers(0, 300))
def test_batches_are_numbered_in_the_order_of_their_first_submission(rows, gap):
    users = [str(i % 3) for i in range(len(rows))]
    jobs = some_jobs(rows, user=users)
    first = jobs["submit_s"].groupby(describe.batch_numbers(jobs, gap)).min()

    assert list(range(len(first))) == first.index.tolist()
    assert first.is_monotonic_increasing


def test_a_gap_between_jobs_of_a_batch_is_not_negative():
    with pytest.raises(ValueError, match="gap_s=-1"):
        describe.batch_numbers(some_jobs([(0, 0, 1, 1)]), -1)


def test_office_hours_are_those_of_the_local_clock_on_weekdays():
    utc = pd.DatetimeIndex(["2020-07-01 07:00", "2020-01-01 07:00", "2020-07-04 10:00"], tz="UTC")

    assert [True, False, False] == describe.office_hours(utc.tz_convert(BERLIN)).tolist()


def test_office_hours_hold_their_first_hour_and_not_their_last():
    times = pd.DatetimeIndex([f"2020-07-01 {hour}:59" for hour in (8, 9, 16, 17)], tz=BERLIN)

    assert [False, True, True, False] == describe.office_hours(times, 9, 17).tolist()


@pytest.mark.parametrize("call", [describe.office_hours, lambda t: describe.weekly_rate(t, [])])
def test_times_without_a_zone_have_no_hour_of_the_day(call):
    with pytest.raises(ValueError, match="no time zone"):
        call(pd.DatetimeIndex(["2020-07-01 07:00"]))


@pytest.mark.parametrize("day", ["2020-03-29", "2020-10-25", "2020-06-07"])
def test_an_event_every_hour_has_the_rate_1_even_where_the_clock_changes(day):
    start = pd.Timestamp(day, tz=BERLIN) - pd.Timedelta(days=3)
    stop = start + pd.DateOffset(days=7)
    hours = pd.date_range(start, stop, freq="h", inclusive="left")

    rate = describe.weekly_rate(hours, [(start, stop)])

    skipped = day == "2020-03-29"
    assert skipped == np.isnan(rate.loc[6, 2])
    np.testing.assert_allclose(rate.to_numpy()[~np.isnan(rate)], 1)


def test_a_weekly_rate_counts_only_what_its_spans_hold():
    times = pd.DatetimeIndex(["2020-06-01 00:10", "2020-06-01 00:40"], tz=BERLIN)
    span = (times[0] - pd.Timedelta(minutes=5), times[1])

    rate = describe.weekly_rate(times, [span])

    np.testing.assert_allclose(1 / (35 / 60), rate.loc[0, 0])
    assert 7 * 24 - 1 == rate.isna().to_numpy().sum()


@given(
    st.datetimes(pd.Timestamp("2000-01-01"), pd.Timestamp("2025-12-31")),
    st.integers(2017, 2022),
    st.integers(-30, 30),
)
def test_the_same_weekday_of_another_year_is_whole_weeks_away(moment, year, weeks):
    epoch = pd.Timestamp(moment).floor("s").tz_localize("UTC")

    moved = same_weekday(epoch, year, "UTC", weeks)

    assert pd.Timedelta(0) == (moved - epoch) % pd.Timedelta(weeks=1)
    assert year == (moved - pd.Timedelta(weeks=weeks)).year


def test_the_same_weekday_keeps_the_time_on_the_clock_of_another_zone():
    epoch = pd.Timestamp("2014-05-22 10:57:59", tz="Europe/Luxembourg")

    moved = same_weekday(epoch, 2020, "Europe/London")

    assert "2020-05-21 10:57:59+01:00" == str(moved)


def test_a_time_that_the_clock_skips_moves_to_the_end_of_the_skipped_hour():
    epoch = pd.Timestamp("2015-03-22 02:30", tz=BERLIN)

    assert "2020-03-29 03:00:00+02:00" == str(same_weekday(epoch, 2020, BERLIN, 1))


def test_an_epoch_without_a_zone_has_no_weekday_elsewhere():
    with pytest.raises(ValueError, match="without a time zone"):
        same_weekday(pd.Timestamp("2014-05-22"), 2020, BERLIN)


# --- burstiness and rhythm ----------------------------------------------------------------


def test_regular_events_are_not_bursty():
    assert (0, -1) == describe.burstiness(np.arange(10.0), [(0, 100)])


def test_independent_events_have_a_burstiness_of_0_and_a_dispersion_of_1():
    times = np.cumsum(np.random.default_rng(1).exponential(10, 100_000))
    span = [(0, times[-1])]

    assert pytest.approx(0, abs=0.01) == describe.burstiness(times, span)[1]
    np.testing.assert_allclose(describe.dispersion(times, [10, 1000], span)["index"], 1, atol=0.06)


def test_intervals_across_a_break_do_not_count():
    times = [0, 1, 3, 1000, 1001, 1003]

    cv = np.std([1, 2]) / np.mean([1, 2])
    expected = (cv, (cv - 1) / (cv + 1))
    np.testing.assert_allclose(expected, describe.burstiness(times, [(0, 10), (999, 2000)]))


def test_one_interval_tells_no_burstiness():
    with pytest.raises(ValueError, match="two intervals"):
        describe.burstiness([1, 2], [(0, 10)])


def test_the_index_of_dispersion_is_variance_over_mean_of_whole_windows():
    table = describe.dispersion([0.5, 0.6, 0.7, 1.5, 4.2], [1.0, 9.0], [(0, 3), (4, 5.5)])

    counts = np.array([3, 1, 0, 1])
    np.testing.assert_allclose(counts.var(ddof=1) / counts.mean(), table.loc[1.0, "index"])
    assert [4, 0] == table["windows"].tolist()
    assert np.isnan(table.loc[9.0, "index"])


def test_day_blocks_hold_the_events_of_whole_days_within_the_spans():
    times = [0.5 * DAY, DAY + 1, DAY + 2.5 * HOUR, 3 * DAY + 1]

    days, counts = describe.day_blocks(times, [(0.1 * DAY, 2 * DAY), (2.9 * DAY, 4 * DAY)])

    assert [1, 3] == days.tolist()
    assert ([1, 0, 1], 1, 3) == (counts[0, :3].tolist(), counts[1, 0], counts.sum())


def test_day_blocks_need_a_whole_day():
    with pytest.raises(ValueError, match="no whole block"):
        describe.day_blocks([1.0], [(0.5 * DAY, 1.4 * DAY)])


def test_the_spectrum_is_that_of_lomb_and_scargle():
    rng = np.random.default_rng(2)
    days = np.array([0, 1, 2, 5, 6, 9])
    counts = rng.poisson(5, (2, 6, 24)).astype(float)
    periods = np.array([7.0, 24.0, 50.0, 168.0])

    power = describe.clock_spectrum(days, counts, periods)

    hours = (days[:, None] * 24 + np.arange(24)).ravel().astype(float)
    for ours, y in zip(power, counts.reshape(2, -1), strict=True):
        theirs = signal.lombscargle(hours, y - y.mean(), 2 * np.pi / periods, normalize=True)
        np.testing.assert_allclose(theirs, ours)


def test_a_pure_daily_wave_explains_all_of_its_variance_at_24_hours():
    day = 5 + np.cos(2 * np.pi * np.arange(24) / 24)

    power = describe.clock_spectrum(range(10), np.tile(day, (10, 1)), [24.0, 13.0])

    np.testing.assert_allclose([1, 0], power, atol=5e-3)


@given(st.booleans(), st.booleans(), st.integers(0, 99))
def test_shuffled_days_keep_their_counts(order, phase, seed):
    counts = np.random.default_rng(seed).integers(0, 9, (5, 24))

    shuffled = describe.shuffled_days(
        counts, 3, np.random.default_rng(seed), order=order, phase=phase
    )

    assert (3, 5, 24) == shuffled.shape
    for copy in shuffled:
        assert sorted(counts.sum(axis=1)) == sorted(copy.sum(axis=1))
        assert order or counts.sum(axis=1).tolist() == copy.sum(axis=1).tolist()
        assert phase or sorted(counts.tolist()) == sorted(copy.astype(int).tolist())


def test_turned_days_keep_which_hours_follow_each_other():
    counts = np.arange(24.0)[None]

    (copy,) = describe.shuffled_days(counts, 1, np.random.default_rng(3), order=False, phase=True)

    assert {1.0, -23.0} == set(np.diff(np.append(copy[0], copy[0, 0])))


def test_a_daily_wave_is_told_from_chance_and_no_wave_is_not():
    rng = np.random.default_rng(5)
    wave = 50 + 20 * np.sin(2 * np.pi * np.arange(24) / 24)
    daily, flat = rng.poisson(wave, (40, 24)), rng.poisson(50, (40, 24))
    days = np.arange(40)

    found = describe.wave_p(days, daily, 24, 99, np.random.default_rng(1), phase=True)
    by_chance = [
        describe.wave_p(days, flat, 24, 99, np.random.default_rng(k), phase=True) for k in (1, 2)
    ]

    assert 0.01 == found
    assert min(by_chance) > 0.05


# --- beside a curve -----------------------------------------------------------------------


def test_a_log_beside_a_curve_has_its_whole_hours_at_their_instants():
    jobs = some_jobs([(0.0, 0.0, 2.5 * HOUR, 4.0), (1.5 * HOUR, 0.0, 2 * HOUR, 2.0)])
    usage = describe.processors_in_use(jobs)
    starts = pd.date_range("2020-01-01 22:00", periods=6, freq="h", tz=BERLIN)
    curve = pd.Series(np.arange(6.0), starts)
    midnight = pd.Timestamp("2020-01-02", tz=BERLIN)

    found = describe.beside_hours(
        curve, midnight, usage, {"jobs": jobs["submit_s"]}, [(0.0, 3 * HOUR)]
    )

    assert [2.0, 3.0, 4.0] == found["intensity"].tolist()
    assert [4.0, 5.0, 4.0] == found["processors"].tolist()
    assert [1, 1, 0] == found["jobs"].tolist()
    assert [0.0, 0.0, 0.0] == found["week"].tolist()


def test_the_share_of_a_machine_in_use_is_work_over_what_it_could_have_done():
    usage = describe.processors_in_use(some_jobs([(0.0, 0.0, HOUR, 4.0)]))

    assert pytest.approx(0.25) == usage.share([(0.0, HOUR), (HOUR, 2 * HOUR)], 8)


# --- distributions of lengths -------------------------------------------------------------

SAMPLES = {
    "lognormal": stats.lognorm(1.5, scale=300),
    "Weibull": stats.weibull_min(0.6, scale=900),
    "gamma": stats.gamma(0.4, scale=5000),
    "log-uniform": stats.loguniform(2, 50_000),
    "hyper-gamma": describe.HyperGamma(0.3, (4.0, 1.2), (20.0, 5000.0)),
}


@pytest.mark.parametrize("family", sorted(describe.FAMILIES))
def test_a_fit_finds_the_distribution_that_a_sample_was_drawn_from(family):
    sample = SAMPLES[family].rvs(size=4000, random_state=np.random.default_rng(4))

    fit = describe.fit_lengths(sample, family)

    assert fit.distance < 1.36 / np.sqrt(4000)
    others = {f: describe.fit_lengths(sample, f).aic for f in describe.FAMILIES}
    assert fit.aic <= min(others.values()) + 8  # a hyper-gamma contains the gamma


@pytest.mark.parametrize(
    ("family", "judge"),
    [("lognormal", stats.lognorm), ("Weibull", stats.weibull_min), ("gamma", stats.gamma)],
)
def test_a_fit_has_the_likelihood_of_scipys_own_fit(family, judge):
    sample = SAMPLES[family].rvs(size=500, random_state=np.random.default_rng(5))

    theirs = judge(*judge.fit(sample, floc=0)).logpdf(sample).sum()

    np.testing.assert_allclose(
        theirs, describe.fit_lengths(sample, family).log_likelihood, rtol=1e-6
    )


@pytest.mark.parametrize("family", sorted(describe.FAMILIES))
def test_the_distance_is_that_of_scipys_kolmogorov_smirnov_test(family):
    sample = SAMPLES[family].rvs(size=300, random_state=np.random.default_rng(6)).round() + 1

    fit = describe.fit_lengths(sample, family)

    np.testing.assert_allclose(stats.kstest(sample, fit.distribution.cdf).statistic, fit.distance)


def test_the_information_criterion_charges_each_parameter_two():
    fits = [describe.fit_lengths([1.0, 2.0, 5.0, 9.0, 30.0], f) for f in ("gamma", "hyper-gamma")]

    assert [4, 10] == [round(fit.aic + 2 * fit.log_likelihood, 9) for fit in fits]


def test_samples_are_rounded_as_the_log_was():
    rng = np.random.default_rng(10)
    values = np.ceil(stats.expon(scale=2).rvs(size=500, random_state=rng))
    fit = describe.fit_lengths(values, "Weibull", 1.0)

    exact = describe.bootstrap_distances(fit, 500, 20, rng)
    rounded = describe.bootstrap_distances(fit, 500, 20, rng, resolution=1.0)

    assert rounded.mean() > 3 * exact.mean()  # steps shift the fit: chance must shift alike


def test_values_that_were_rounded_up_are_compared_at_whole_steps():
    exponential = stats.expon(scale=2)
    steps = np.ceil(exponential.ppf((np.arange(5000) + 0.5) / 5000))

    assert describe.ks_distance(steps, exponential, 1.0) < 2e-4
    assert describe.ks_distance(steps, exponential) > 0.3


def test_counts_that_never_change_have_no_spectrum():
    assert np.isnan(describe.clock_spectrum([0, 1], np.ones((2, 24)), [24.0])).all()


def test_quantiles_of_a_hyper_gamma_invert_its_distribution_function():
    mixture, q = SAMPLES["hyper-gamma"], np.linspace(0.01, 0.99, 21)

    np.testing.assert_allclose(q, mixture.cdf(mixture.ppf(q)), atol=1e-8)


@pytest.mark.parametrize("values", [[], [1, 0], [1, np.nan], [3, 3]])
def test_lengths_to_fit_are_positive_and_differ(values):
    with pytest.raises(ValueError, match="not all the same"):
        describe.fit_lengths(values, "gamma")


def test_an_unknown_family_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"'normal'.*lognormal, Weibull"):
        describe.fit_lengths([1, 2], "normal")


def test_no_values_have_no_distance():
    with pytest.raises(ValueError, match="no values"):
        describe.ks_distance([], stats.expon())


def test_distances_of_fitted_samples_hold_that_of_a_true_sample_and_not_of_a_false_one():
    rng = np.random.default_rng(7)
    true = np.ceil(SAMPLES["Weibull"].rvs(size=800, random_state=rng))

    def p_value(family):
        fit = describe.fit_lengths(true, family, 1.0)
        null = describe.bootstrap_distances(fit, 800, 39, rng, resolution=1.0)
        return (1 + (null >= fit.distance).sum()) / 40

    assert p_value("Weibull") > 0.05
    assert p_value("lognormal") == 1 / 40


# --- two curves over the same time --------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 99)), min_size=1, max_size=30))
def test_the_ratio_is_weighted_mean_over_mean_and_its_resamples_are_of_whole_blocks(pairs):
    weights, values = map(np.array, zip(*[*pairs, (1, 5)], strict=True))
    blocks = np.arange(weights.size) // 4

    ratio, resampled = describe.weighted_ratio(
        weights, values, blocks, 50, np.random.default_rng(8)
    )

    np.testing.assert_allclose(np.average(values, weights=weights) / values.mean(), ratio)
    assert np.isfinite(resampled).all()
    if blocks.max() == 0:
        np.testing.assert_allclose(ratio, resampled)


def test_resamples_scatter_as_the_ratios_of_their_blocks_do():
    rng = np.random.default_rng(11)
    weights, values = rng.random(4000), rng.random(4000) + 1
    blocks = np.arange(4000) // 10

    _, resampled = describe.weighted_ratio(weights, values, blocks, 400, rng)
    _, singles = describe.weighted_ratio(weights, values, blocks // 400, 400, rng)

    again = [
        describe.weighted_ratio(rng.random(4000), rng.random(4000) + 1, blocks, 1, rng)[0]
        for _ in range(200)
    ]
    np.testing.assert_allclose(np.std(again), resampled.std(), rtol=0.2)
    np.testing.assert_allclose(0, singles.std(), atol=1e-12)


def test_equal_weights_give_a_ratio_of_1_in_every_resample():
    ratio, resampled = describe.weighted_ratio(
        np.ones(40), np.arange(40.0) + 1, np.arange(40) // 5, 20, np.random.default_rng(9)
    )

    np.testing.assert_allclose([1] * 21, [ratio, *resampled])


# --- a log in a few numbers ---------------------------------------------------------------


def test_a_summary_counts_work_in_core_hours_and_leaves_unknown_states_open():
    rows = [(i * HOUR, 0, 60, 1) for i in range(48)] + [(0, 0, 7200, 8)]

    found = describe.summary(some_jobs(rows), [(0, 2 * DAY)], long_s=HOUR, gap_s=120)

    np.testing.assert_allclose(1, found["median run time [min]"])
    np.testing.assert_allclose(
        100 * 57_600 / (57_600 + 48 * 60), found["core-hours in long jobs [%]"]
    )
    assert np.isnan(found["completed jobs [%]"])
