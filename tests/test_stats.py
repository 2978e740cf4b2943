import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from helpers.stats import (
    Sample,
    block_bootstrap,
    bootstrap,
    compare,
    contrast,
    equivalence,
    hedges_g,
    holm,
    paired_t,
    permutation_p,
    ratio_of_sums,
    runs_to_detect,
    sample,
    smallest_detectable,
    welch_t,
)

RNG = np.random.default_rng(20240714)
A = 13.94 + 0.10 * RNG.standard_normal(10)
B = 12.97 + 0.04 * RNG.standard_normal(12)
C = 12.95 + 0.05 * RNG.standard_normal(10)

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=12).filter(lambda v: np.std(v) > 1e-3)


@given(VALUES, VALUES)
def test_welch_agrees_with_scipy(a, b):
    judge = scipy_stats.ttest_ind(a, b, equal_var=False)
    interval = judge.confidence_interval(0.9)

    test = welch_t(a, b, confidence=0.9)

    assert (test.t, test.df, test.p) == pytest.approx((judge.statistic, judge.df, judge.pvalue))
    assert (test.estimate.low, test.estimate.high) == pytest.approx(tuple(interval))


@given(VALUES)
def test_the_paired_test_agrees_with_scipy(differences):
    judge = scipy_stats.ttest_1samp(differences, 1.5)

    test = paired_t(differences, expected=1.5)

    assert (test.t, test.df, test.p) == pytest.approx((judge.statistic, judge.df, judge.pvalue))
    assert (test.estimate.low, test.estimate.high) == pytest.approx(
        tuple(judge.confidence_interval(0.95))
    )


@given(VALUES, VALUES)
def test_summary_figures_alone_give_the_same_tests(a, b):
    assert welch_t(a, b) == welch_t(sample(a), sample(b))
    assert hedges_g(a, b) == hedges_g(sample(a), sample(b))
    assert equivalence(a, b, margin=1.0) == equivalence(sample(a), sample(b), margin=1.0)


@pytest.mark.parametrize(
    ("t", "published_p"),
    [(-3.44, 0.0074), (-5.42, 0.0004)],
)
def test_the_published_p_values_belong_to_ten_differences(t, published_p):
    # A sample of ten differences with this t: mean t / sqrt(10), standard deviation 1.
    test = paired_t(Sample(10, t / math.sqrt(10), 1.0))

    assert test.t == pytest.approx(t)
    assert test.p == pytest.approx(published_p, abs=0.00006)


@pytest.mark.parametrize(
    ("stopped_kj", "sd_kj", "explained_kj", "published_t"),
    [(13.31, 0.1, 0.79, -3.44), (15.18, 0.3, 3.06, -5.42)],
)
def test_the_published_t_values_follow_from_the_published_figures_within_their_rounding(
    stopped_kj, sd_kj, explained_kj, published_t
):
    half = 0.05
    t_values = [
        welch_t(
            Sample(10, stopped_kj, sd_kj + sign * half),
            Sample(10, 13.0 + shift * half, 0.46),
            expected=explained_kj,
        ).t
        for sign in (-1, 0, 1)
        for shift in (-1, 0, 1)
    ]

    assert min(t_values) <= published_t <= max(t_values)


def test_a_contrast_of_two_is_welch_and_of_more_keeps_means_and_variances():
    parts = [Sample(10, 13.94, 0.1), Sample(10, 12.97, 0.04), Sample(10, 0.79, 0.03)]

    test = contrast(parts, [1, -1, -1])

    assert welch_t(*parts[:2]) == contrast(parts[:2], [1, -1])
    assert test.estimate.value == pytest.approx(0.18)
    assert test.standard_error**2 == pytest.approx((0.1**2 + 0.04**2 + 0.03**2) / 10)
    assert 9 < test.df < 27


@pytest.mark.parametrize("paired", [True, False])
def test_the_interval_of_hedges_g_is_that_of_the_noncentral_t(paired):
    # Goulet-Pelletier & Cousineau 2018: at its ends the observed t is just 2.5 % likely.
    a, b = (A, None) if paired else (A, C)
    effect = hedges_g(a, b, expected=13.8 if paired else 0.0).g
    df = 9 if paired else 18
    scale = math.sqrt(1 / 10 if paired else 2 / 10)
    correct = 1 - 3 / (4 * df - 1)  # Hedges' approximation

    t = effect.value / correct / scale
    judge_low = scipy_stats.nct.sf(t, df, effect.low / correct / scale)
    judge_high = scipy_stats.nct.cdf(t, df, effect.high / correct / scale)

    assert (judge_low, judge_high) == pytest.approx((0.025, 0.025), rel=0.02)


def test_hedges_g_is_the_difference_in_pooled_spreads_corrected():
    # Two samples of 10, one pooled standard deviation apart: J(18) = 0.9577 (Hedges 1981).
    effect = hedges_g(Sample(10, 1.0, 1.0), Sample(10, 0.0, 1.0))

    assert effect.g.value == pytest.approx(0.9577, abs=1e-4)
    assert "pooled sd" == effect.kind


def test_turning_a_comparison_round_turns_every_sign():
    there, back = hedges_g(A, B).g, hedges_g(B, A).g

    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )
    assert welch_t(A, B).t == pytest.approx(-welch_t(B, A).t)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_the_bootstrap_is_scipys(method):
    judge = scipy_stats.bootstrap(
        (A, B),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        method=method,
        rng=np.random.default_rng(3),
    ).confidence_interval

    interval = bootstrap(A, B, seed=3, method=method)

    assert (interval.low, interval.high) == pytest.approx(tuple(judge))
    assert interval.value == pytest.approx(A.mean() - B.mean())


def test_bootstrap_intervals_of_normal_means_come_near_the_t_interval():
    values = np.random.default_rng(1).standard_normal(200)
    estimate = paired_t(values).estimate

    interval = bootstrap(values, seed=1)

    assert (interval.low, interval.high) == pytest.approx((estimate.low, estimate.high), abs=0.02)


def test_equal_seeds_give_equal_results_and_others_do_not():
    assert bootstrap(A, B, seed=1) == bootstrap(A, B, seed=1)
    assert bootstrap(A, B, seed=1) != bootstrap(A, B, seed=2)
    assert permutation_p(A, C, seed=1) == permutation_p(A, C, seed=1)
    assert block_bootstrap(A, block=2, seed=1) == block_bootstrap(A, block=2, seed=1)
    assert block_bootstrap(A, block=2, seed=1) != block_bootstrap(A, block=2, seed=2)


def test_blocks_of_one_are_the_plain_bootstrap():
    values = np.random.default_rng(5).exponential(size=100)

    blocks = block_bootstrap(values, block=1, seed=1)
    plain = bootstrap(values, seed=2, method="percentile")

    assert (blocks.low, blocks.high) == pytest.approx((plain.low, plain.high), rel=0.02)


def test_blocks_widen_the_interval_of_an_autocorrelated_series_as_theory_says():
    rng, phi, n = np.random.default_rng(7), 0.8, 20_000
    series = np.zeros(n)
    for i, shock in enumerate(rng.standard_normal(n - 1)):
        series[i + 1] = phi * series[i] + shock
    long_run_error = 1 / (1 - phi) / math.sqrt(n)  # of the mean of an AR(1) series

    interval = block_bootstrap(series, block=100, seed=1, resamples=999)

    assert (interval.high - interval.low) / (2 * 1.96) == pytest.approx(long_run_error, rel=0.1)


def test_a_ratio_of_sums_has_the_interval_of_scipys_paired_bootstrap():
    rng = np.random.default_rng(3)
    bottom = rng.exponential(size=60) + 1
    top = 0.3 * bottom + rng.normal(size=60) / 10

    ours = ratio_of_sums(top, bottom, seed=1, resamples=9999)
    judge = scipy_stats.bootstrap(
        (top, bottom),
        lambda x, y, axis: x.sum(axis) / y.sum(axis),
        paired=True,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval

    assert ours.value == pytest.approx(top.sum() / bottom.sum())
    assert (ours.low, ours.high) == pytest.approx((judge.low, judge.high), rel=0.01)


def test_a_ratio_of_sums_without_a_bottom_is_the_mean_and_of_rows_the_mean_of_their_ratios():
    one, many = ratio_of_sums(A, seed=1), ratio_of_sums([A, [1] * 10], [[2] * 10, A], seed=1)

    assert one.value == pytest.approx(np.mean(A))
    assert one.low <= one.value <= one.high
    assert many.value == pytest.approx((np.mean(A) / 2 + 1 / np.mean(A)) / 2)


def test_a_ratio_with_nothing_below_it_in_some_resample_is_not_known():
    found = ratio_of_sums([1.0, 2.0, 3.0], [0.0, 0.0, 5.0], seed=1)

    assert np.isnan([found.value, found.low, found.high]).all()


def test_few_permutations_are_all_tried():
    # 2 of the 20 ways to deal 6 values to two groups of 3 are as extreme as the data.
    assert permutation_p([1, 2, 3], [11, 12, 14], seed=0) == pytest.approx(2 / 20)
    # 2 of the 2^4 ways to set signs.
    assert permutation_p([1.0, 2.0, 3.0, 4.5], seed=0) == pytest.approx(2 / 16)


def test_permutations_hold_the_level_when_variances_and_sizes_differ():
    rng = np.random.default_rng(11)
    trials = [
        permutation_p(3 * rng.standard_normal(40), rng.standard_normal(120), seed=i, resamples=99)
        for i in range(300)
    ]

    # With the bare difference of means about 20 % would be wrong.
    assert np.mean(np.array(trials) <= 0.05) < 0.1


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_multiplies_the_smallest_by_all_and_so_on_without_falling(p_values):
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest

    assert holm(p_values) == pytest.approx(adjusted)


def test_holm_takes_p_values_only():
    with pytest.raises(ValueError, match=r"p_values\(=\[1.5\]\) must lie in \[0, 1\]"):
        holm([1.5])

    assert 0 == holm([]).size


@pytest.mark.parametrize("margin", [0.05, 0.1, 1.0])
def test_equivalence_agrees_with_statsmodels(margin):
    independent = equivalence(C, B, margin=margin)
    pairs = equivalence(A - C, margin=margin, expected=1.0)

    assert independent.p == pytest.approx(ttost_ind(C, B, -margin, margin, usevar="unequal")[0])
    assert pairs.p == pytest.approx(ttost_paired(A, C, 1 - margin, 1 + margin)[0])


@given(VALUES, VALUES, st.floats(0.1, 1e3))
def test_equivalence_is_shown_exactly_when_its_interval_lies_within_the_margin(a, b, margin):
    result = equivalence(a, b, margin=margin)

    within = -margin < result.interval.low and result.interval.high < margin
    assert within == result.shown
    assert 0.9 == pytest.approx(result.interval.confidence)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("share", [0.2, 0.5, 1.0, 3.0])
def test_as_many_runs_as_said_reach_the_power_and_one_less_does_not(paired, share):
    judge = TTestPower() if paired else TTestIndPower()

    runs = runs_to_detect(share, 1.0, paired=paired)

    assert judge.power(share, runs, 0.05) >= 0.8
    assert runs == 2 or judge.power(share, runs - 1, 0.05) < 0.8


def test_the_smallest_detectable_difference_has_the_power_asked_for():
    difference = smallest_detectable(10, 0.46, power=0.9)

    assert TTestIndPower().power(difference / 0.46, 10, 0.05) == pytest.approx(0.9)
    assert 10 == runs_to_detect(difference * 1.0001, 0.46, power=0.9)


def test_the_published_spread_detects_one_per_cent_with_few_runs():
    # 1 % of 12.97 kJ with the final published spread, and with the first one.
    assert 4 >= runs_to_detect(0.1297, 0.04)
    assert 150 < runs_to_detect(0.13, 0.46) < 250


def test_a_comparison_of_measurements_holds_every_part():
    result = compare(A, B, seed=1, margin=0.5, names=("save and resume", "whole"), unit="kJ")

    assert result.test == welch_t(A, B)
    assert result.effect == hedges_g(A, B)
    assert result.bootstrap == bootstrap(A, B, seed=1)
    assert result.permutation_p == permutation_p(A, B, seed=1)
    assert result.normality_p == pytest.approx([scipy_stats.shapiro(v).pvalue for v in (A, B)])
    assert result.variance_p == pytest.approx(scipy_stats.levene(A, B, center="median").pvalue)
    assert result.equivalence == equivalence(A, B, margin=0.5)


def test_a_paired_comparison_is_about_the_differences():
    result = compare(A, C, paired=True, seed=1, expected=0.9)

    assert result.test == paired_t(A - C, expected=0.9)
    assert result.effect == hedges_g(A - C, expected=0.9)
    assert result.permutation_p == permutation_p(A - C - 0.9, seed=1)
    assert 1 == len(result.normality_p)
    assert result.variance_p is None


def test_a_comparison_of_summary_figures_leaves_out_what_needs_measurements():
    result = compare(Sample(10, 13.94, 0.1), Sample(10, 12.97, 0.04))

    assert (None, None, None, None) == (
        result.bootstrap,
        result.permutation_p,
        result.normality_p,
        result.variance_p,
    )
    assert result.test.p < 1e-9


def test_a_comparison_lays_its_figures_out_by_what_they_are():
    found = compare(A, B, seed=1, margin=0.5, names=("save", "whole"), unit="kJ")

    rows = found.figures()

    assert {"save: mean (sd; runs)", "save less whole (95 % interval)"} < set(rows)
    assert rows["difference detected with 80 % power"] in str(found)
    assert {"permutation test", "equivalence within 0.5 kJ"} < set(rows)
    assert "permutation test" not in compare(Sample(10, 13.9, 0.1), Sample(10, 12.9, 0.1)).figures()


def test_a_comparison_says_in_words_what_was_found():
    text = str(compare(A, B, seed=1, margin=0.5, names=("save and resume", "whole"), unit="kJ"))

    assert "save and resume: 13.9" in text
    assert "Difference in kJ: " in text
    assert "Welch t(" in text
    assert "Hedges' g (pooled sd): " in text
    assert "Bootstrap (BCa): " in text
    assert "With 80 % power this design detects " in text
    assert "% of whole)" in text
    assert "Equivalence within 0.5 kJ: not shown (p = 1; " in text


def test_no_difference_is_claimed_from_a_large_p_alone():
    without = str(compare(C, B, seed=1))
    given = str(compare(C, B, seed=1, margin=0.5))

    assert "A difference is not shown; neither is its absence (no margin was given)." in without
    assert "Equivalence within 0.5: shown" in given
    assert "neither" not in given


def test_intervals_read_as_value_and_ends():
    assert "0.97 [0.9, 1.04] (95 %)" == str(
        welch_t(Sample(10, 0.97, 0.09785), Sample(10**9, 0, 1e-9)).estimate
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Sample(1, 0.0, 1.0), r"n\(=1\) must be >= 2"),
        (lambda: Sample(5, math.nan, 1.0), r"mean\(=nan\) must be finite"),
        (lambda: Sample(5, 0.0, -1.0), r"sd\(=-1.0\) must be finite and >= 0"),
        (lambda: sample([1.0]), r"data: shape\(=\(1,\)\) must be \(n,\) with n >= 2"),
        (lambda: sample([1.0, math.nan]), r"data\[1\]\(=nan\) must be finite"),
        (lambda: welch_t([1, 1], [2, 2]), r"every sd is 0"),
        (lambda: welch_t(A, B, confidence=95), r"confidence\(=95\) must lie between 0 and 1"),
        (lambda: contrast([A, B], [1]), r"weights\(=\[1\]\) must be one for each of 2 samples"),
        (lambda: contrast([A], [0]), r"weights\(=\[0\]\) must be one .* not all 0"),
        (lambda: hedges_g([1, 1, 1], [2, 2, 2]), r"every sd is 0"),
        (lambda: hedges_g([1, 2]), r"n\(=2\) of pairs must be >= 3"),
        (lambda: bootstrap(A, seed=1, method="t"), r"method\(='t'\) must be 'BCa' or"),
        (lambda: bootstrap([1, 1], seed=1), r"all values are the same"),
        (lambda: block_bootstrap(A, block=11, seed=1), r"block\(=11\) must lie between 1 and"),
        (lambda: permutation_p([1, 1], [1, 1], seed=1), r"all values are the same"),
        (lambda: permutation_p([1, 1], seed=1), r"all differences are the same"),
        (lambda: equivalence(A, B, margin=0), r"margin\(=0\) must be > 0"),
        (lambda: runs_to_detect(0.0, 1.0), r"difference\(=0.0\) must be finite and not 0"),
        (lambda: runs_to_detect(1.0, 0.0), r"sd\(=0.0\) must be finite and > 0"),
        (lambda: runs_to_detect(1e-6, 1.0), r"takes more than 1000000000 runs"),
        (lambda: smallest_detectable(1, 1.0), r"n\(=1\) must be >= 2"),
        (lambda: smallest_detectable(9, 1.0, power=0.01), r"power\(=0.01\) must be above alpha"),
        (lambda: compare(A, B), r"seed\(=None\) must be given"),
        (lambda: ratio_of_sums(A, A[:-1], seed=1), "must have one shape"),
        (lambda: ratio_of_sums([1.0, np.nan], seed=1), "must be finite"),
        (lambda: compare(A, sample(B), seed=1), r"must both be measurements or both be summary"),
        (lambda: compare(A, B, paired=True, seed=1), r"a\(10\) and b\(12\) must have as many"),
        (lambda: compare(sample(A), sample(B), paired=True), r"paired\(=True\) needs measurements"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("apart", [5.0, 100.0, 1e4, 1e6, 1e9])
@pytest.mark.parametrize("n", [3, 10, 30, 200])
def test_the_interval_of_a_huge_effect_is_as_wide_as_its_spread_is_uncertain(apart, n):
    # The difference is as good as known, so that g is unsure as 1 / sd is: by the chi distribution.
    values = np.random.default_rng(5).standard_normal(n)
    values = apart + (values - values.mean()) / values.std(ddof=1)
    ends = np.sqrt(scipy_stats.chi2.ppf([0.025, 0.975], n - 1) / (n - 1))

    g = hedges_g(values).g

    assert g.low < g.value < g.high
    if apart >= 100:
        correct = g.value / apart
        assert (g.low, g.high) == pytest.approx(tuple(apart * correct * ends), rel=2e-3)


def test_an_effect_so_large_that_the_noncentral_t_has_no_value_far_off_still_has_an_interval():
    rng = np.random.default_rng(5)
    effect = hedges_g(rng.normal(221.56, 1.10, 10), rng.normal(217.45, 1.38, 19))

    assert effect.g.low < effect.g.value < effect.g.high < 0 or effect.g.low > 0


def test_a_ratio_of_sums_draws_what_is_above_and_below_the_line_together():
    under = np.array([1.0, 5.0, 2.0, 8.0, 3.0, 9.0])

    found = ratio_of_sums(3 * under, under, block=2, seed=1, resamples=99)

    assert (3.0, 3.0, 3.0) == (found.value, found.low, found.high)
