"""Comparisons of policies in panels: the estimate, how sure it is, and what is said of it."""

import math

import numpy as np
import pandas as pd
import pytest
from made_up_panels import PANELS, nulls
from scipy import stats as scipy_stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from helpers import publish
from helpers.panel import Panel, compare_panel
from helpers.stats import Interval, block_bootstrap, paired_t


def panel(seed, *, zones=12, weeks=104, effects=None, zone_sd=0.03, week_sd=0.03, phi=0.6):
    """Return made-up emissions: effects that differ by zone, drift from week to week, and noise."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, week_sd, weeks)
    for week in range(1, weeks):
        drift[week] = phi * drift[week - 1] + math.sqrt(1 - phi**2) * drift[week]
    base = 1000 * np.exp(rng.normal(0, 0.1, (zones, weeks)))
    tables = {"now": base}
    for name, effect in ({"wait": -0.05} if effects is None else effects).items():
        apart = rng.normal(0, zone_sd, (zones, 1)) + drift + rng.normal(0, 0.05, base.shape)
        tables[name] = base * (1 + effect + apart)
    zone, week = np.indices(base.shape)
    return pd.concat(
        [
            pd.DataFrame({"zone": zone.ravel(), "week": week.ravel(), "policy": n, "g": v.ravel()})
            for n, v in tables.items()
        ],
        ignore_index=True,
    )


def panel_of(frame, **kwargs):
    settings = {"value": "g", "baseline": "now", "unit": "g"}
    return compare_panel(frame, **(settings | kwargs))


def seen(frame, **kwargs):
    return panel_of(frame, **kwargs).table.iloc[0]


def test_the_effect_of_a_panel_is_the_ratio_of_sums_and_the_mean_difference():
    frame = pd.DataFrame(
        {
            "zone": ["A", "A", "B", "B"] * 4,
            "week": [1, 2] * 2 + [3, 4] * 2 + [1, 2] * 2 + [3, 4] * 2,
            "policy": ["now"] * 8 + ["wait"] * 8,
            "g": [100, 100, 1000, 1000] * 2 + [50, 70, 990, 980] * 2,
        }
    )

    row = seen(frame, block=1)

    assert row["percent"] == pytest.approx(
        100 * (4180 - 4400) / 4400
    )  # not -22.75, the mean of ratios
    assert row["difference"] == pytest.approx((4180 - 4400) / 8)
    assert row["erased_by"] == pytest.approx(100 * (4400 / 4180 - 1))
    assert (-1.5, -40.0) == pytest.approx((row["without_least"], row["without_most"]))
    assert (2, 4) == (row["clusters_same"], row["times_same"])


def test_a_panel_of_one_zone_without_memory_is_a_paired_t_test():
    frame = panel(2, zones=1, phi=0.0)
    apart = frame["g"][frame["policy"] == "wait"].to_numpy()
    apart = apart - frame["g"][frame["policy"] == "now"].to_numpy()
    judge = paired_t(apart)

    row = seen(frame, block=1, cluster=None)

    assert judge.df == pytest.approx(row["df"])
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(
        (judge.estimate.low, judge.estimate.high)
    )


def test_the_error_of_a_panel_without_memory_is_that_of_an_analysis_of_variance_by_statsmodels():
    frame = panel(3, zones=5, weeks=30, phi=0.0, zone_sd=0.1).sort_values(
        ["policy", "zone", "week"]
    )
    frame.loc[frame["policy"] == "now", "g"] = 1000.0
    frame.loc[frame["policy"] == "wait", "g"] += 40.0
    wait = frame[frame["policy"] == "wait"].assign(apart=lambda f: (f["g"] - 1000) / 10)
    table = anova_lm(ols("apart ~ C(zone) + C(week)", wait).fit())
    by_zone, by_week, rest = table["sum_sq"] / table["df"]

    row = seen(frame, block=1)

    assert row["error"] == pytest.approx(math.sqrt((by_zone + by_week - rest) / 150))
    assert row["difference_low"] - row["difference"] == pytest.approx(
        -10 * row["error"] * scipy_stats.t.ppf(0.975, row["df"])
    )
    assert row["df"] == pytest.approx(
        (by_zone + by_week - rest) ** 2 / (by_zone**2 / 4 + by_week**2 / 29)
    )


def test_known_blocks_of_weeks_are_those_of_the_block_bootstrap():
    frame = panel(4, zones=1, week_sd=0.1)
    frame.loc[frame["policy"] == "now", "g"] = 1000.0
    frame.loc[frame["policy"] == "wait", "g"] += 1000
    apart = frame["g"][frame["policy"] == "wait"].to_numpy() - 1000
    judge = block_bootstrap(apart, block=8, seed=7, resamples=20_000)

    row = seen(frame, block=8, cluster=None)

    corrected = (judge.high - judge.low) / (2 * 1.96) * math.sqrt(13 / 12)
    assert row["error"] * 10 == pytest.approx(corrected, rel=0.03)


def test_the_error_of_a_long_series_is_that_of_its_memory():
    long_run = 1 / math.sqrt(1 - 0.5**2) * math.sqrt(1 - 0.5**2) * math.sqrt(3.0)

    frame = nulls(3, policies=40, weeks=2000, lag_1=0.5)
    table = panel_of(frame, cluster=None).table

    assert table["error"].mean() == pytest.approx(long_run / math.sqrt(2000), rel=0.03)
    assert table["autocorrelation"].mean() == pytest.approx(0.5, abs=0.02)
    assert table["times_worth"].mean() == pytest.approx(2000 / 3, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "weeks", "lag_1"),
    [
        ("one", 52, 0.0),
        ("one", 104, 0.5),
        ("own", 52, 0.3),
        ("shared", 52, 0.5),
        ("apart", 52, 0.3),
    ],
)
def test_no_effect_is_found_as_seldom_as_the_level_says(kind, weeks, lag_1):
    # All kinds of panels, weeks and correlations: tests/benchmarks/test_bench_panel.py.
    frame = nulls(20240714, policies=1000, weeks=weeks, lag_1=lag_1, **PANELS[kind])

    rejected = (panel_of(frame).table["p"] < 0.05).mean()

    assert 0.035 <= rejected <= 0.065


def test_the_correlation_of_few_neighbours_is_not_told_too_low():
    table = panel_of(nulls(9, policies=1500, weeks=52, lag_1=0.5)).table

    assert table["autocorrelation"].mean() == pytest.approx(0.5, abs=0.03)


def test_intervals_hold_a_truth_that_is_an_effect_as_often_as_they_say():
    frame = nulls(7, policies=1000, clusters=6, weeks=52, lag_1=0.4, shared=1.0)
    frame.loc[frame["policy"] != "now", "g"] *= 0.8

    table = panel_of(frame).table

    held = (table["percent_low"] <= -20) & (-20 <= table["percent_high"])
    assert held.mean() == pytest.approx(0.95, abs=0.02)


def test_few_independent_weeks_do_not_give_an_interval_twice_too_wide():
    frame = nulls(11, policies=400, weeks=10)
    judge = panel_of(frame, cluster=None, block=1).table
    wide = (judge["difference_high"] - judge["difference_low"]).to_numpy()

    table = panel_of(frame, cluster=None).table

    ratio = (table["difference_high"] - table["difference_low"]).to_numpy() / wide
    assert np.median(ratio) < 1.3
    assert np.quantile(ratio, 0.9) < 2.2
    assert (table["p"] < 0.05).mean() == pytest.approx(0.05, abs=0.025)


def test_weeks_of_a_series_with_memory_taken_as_independent_are_too_sure_and_it_says_so():
    frame = nulls(5, policies=300, weeks=52, lag_1=0.5)

    taken = panel_of(frame, cluster=None, block=1)

    assert (taken.table["p"] < 0.05).mean() > 0.2
    assert (taken.table["reach"] >= 1).mean() > 0.8
    assert "so blocks of 1 are too short" in str(taken)


def test_the_order_of_rows_and_the_names_of_zones_change_nothing():
    frame = panel(5, effects={"wait": -0.05, "window": -0.06})
    frame["zone"] = "Z" + frame["zone"].astype(str).str.zfill(2)
    shuffled = frame.sample(frac=1, random_state=1)
    renamed = frame.assign(zone="Q" + frame["zone"])
    inside_out = frame.assign(zone=frame["zone"].map(lambda z: f"{99 - int(z[1:])}"))

    table, again, other, turned = (
        panel_of(f).table for f in (frame, shuffled, renamed, inside_out)
    )

    pd.testing.assert_frame_equal(table, again.loc[table.index])
    pd.testing.assert_frame_equal(table, other)
    pd.testing.assert_series_equal(table["percent"], turned["percent"])
    assert turned["error"].to_numpy() == pytest.approx(table["error"].to_numpy(), rel=0.05)


def test_keys_may_be_categories_and_time_stamps():
    frame = panel(5, zones=3, weeks=20)
    monday = pd.Timestamp("2020-01-06", tz="UTC") + pd.to_timedelta(7 * frame["week"], unit="D")
    other = frame.assign(
        week=monday,
        zone=frame["zone"].astype("category"),
        policy=frame["policy"].astype("category"),
    )

    table, again = panel_of(frame).table, panel_of(other).table

    pd.testing.assert_frame_equal(again, table, check_index_type=False)


def test_policy_and_baseline_change_places():
    frame = panel(6, effects={"wait": -0.6})
    there, back = seen(frame), seen(frame, baseline="wait")

    assert there["difference"] == pytest.approx(-back["difference"])
    assert (there["t"], there["p"]) == pytest.approx((-back["t"], back["p"]))
    for one, other in (("percent", "percent"), ("percent_low", "percent_high")):
        assert 1 + back[one] / 100 == pytest.approx(1 / (1 + there[other] / 100))
    assert there["erased_by"] == pytest.approx(back["percent"])


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 50.0, 1e9])
def test_the_interval_of_a_huge_effect_is_finite_and_never_below_all(factor):
    frame = panel(6, effects={"wait": 0.0})
    frame.loc[frame["policy"] == "wait", "g"] *= factor * (1 + frame["week"] % 2)

    row = seen(frame)

    ends = row["percent_low"], row["percent"], row["percent_high"]
    assert -100 < ends[0] < ends[1] < ends[2] < math.inf
    assert np.isfinite(row.drop(["erased_by_near"])).all()


def test_in_a_family_of_policies_only_the_corrections_change():
    alone = panel_of(panel(7)).table
    family = panel(7, effects={"wait": -0.05, "b": -0.01, "c": 0.002})

    table = panel_of(family).table

    same = [c for c in table.columns if c not in ("p_holm", "detectable")]
    pd.testing.assert_series_equal(table.loc["wait", same], alone.loc["wait", same])
    first, second, third = table["p"].sort_values()
    expected = [3 * first, max(3 * first, 2 * second), max(3 * first, 2 * second, third)]
    assert table["p_holm"].sort_values().to_numpy() == pytest.approx(np.minimum(expected, 1))
    assert (table.loc["wait", "detectable"] > alone.loc["wait", "detectable"]).all()


def test_p_is_small_exactly_when_the_interval_leaves_out_none():
    effects = {f"p{i}": i / 200 for i in range(-8, 9)}
    table = panel_of(panel(16, effects=effects)).table
    ratio = 1 + table["percent"] / 100
    t = np.log(ratio) * ratio / (table["error"] / 100)

    outside = table["percent_low"] * table["percent_high"] > 0
    assert (outside == (table["p"] < 0.05)).all()
    assert 0 < outside.sum() < len(table)
    assert table["t"].to_numpy() == pytest.approx(t.to_numpy())
    assert table["p"].to_numpy() == pytest.approx(2 * scipy_stats.t.sf(abs(t), table["df"]))
    near = np.where(table["percent"] < 0, table["percent_high"], table["percent_low"])[outside]
    expected = 100 * (1 / (1 + near / 100) - 1)
    assert table["erased_by_near"][outside].to_numpy() == pytest.approx(expected)
    assert table["erased_by_near"][~outside].isna().all()


def test_job_sets_are_summed_over_and_count_as_pairs():
    one, other = panel(8, weeks=40), panel(9, weeks=40)
    both = pd.concat([one.assign(jobs="azure"), other.assign(jobs="gaia")])
    summed = one.assign(g=one["g"] + other["g"])

    paired, single = panel_of(both, also=["jobs"]), panel_of(summed)

    assert (2 * 12 * 40, 12 * 40) == (paired.pairs, single.pairs)
    assert paired.table["percent_low"].to_numpy() == pytest.approx(single.table["percent_low"])
    assert 2 * paired.table["difference"].iloc[0] == pytest.approx(
        single.table["difference"].iloc[0]
    )


def test_zones_that_count_as_a_sample_widen_the_interval():
    frame = panel(10, zone_sd=0.1)

    fixed, random = (seen(frame, cluster_effect=e)["error"] for e in ("fixed", "random"))

    assert random > 2 * fixed


def test_what_erases_the_effect_does():
    frame = panel(11)
    erased_by = seen(frame)["erased_by"]
    frame.loc[frame["policy"] == "wait", "g"] *= 1 + erased_by / 100

    assert seen(frame)["percent"] == pytest.approx(0, abs=1e-9)


def test_the_smallest_effect_said_to_be_seen_is_seen_four_times_in_five():
    truth = {"policies": 400, "clusters": 8, "weeks": 52, "shared": 1.0, "apart": 0.5}
    judge = panel_of(nulls(3, **truth)).table
    alone = scipy_stats.t.isf(0.025, judge["df"]) + scipy_stats.t.ppf(0.8, judge["df"])
    detectable = (alone * judge["error"]).mean()
    frame = nulls(4, **truth)
    frame.loc[frame["policy"] != "now", "g"] *= 1 - detectable / 100

    found = (panel_of(frame).table["p"] < 0.05).mean()

    family = scipy_stats.t.isf(0.025 / 400, judge["df"]) + scipy_stats.t.ppf(0.8, judge["df"])
    assert judge["detectable"].to_numpy() == pytest.approx((family * judge["error"]).to_numpy())
    assert found == pytest.approx(0.8, abs=0.05)


def test_a_comparison_of_a_panel_lays_itself_out_as_a_table_of_words_and_units():
    found = panel_of(panel(13, week_sd=0.2, phi=0.0))

    shown = publish.table(found.table, found.words(), index="policy")

    assert ("policy", "effect [%]", "95 % interval from [%]", "to [%]") == shown.head[:4]
    assert len(found.table) == len(shown.rows)
    assert all(doubt in found.sentences for doubt in found.doubts)


def test_a_panel_says_in_words_what_was_found_and_what_would_change_our_mind():
    frame = panel(12, effects={"wait": -0.05, "idle": 0.0})

    text = str(panel_of(frame, margin=6.0))

    assert "g of 2 policies against now, 1248 pairs over 104 weeks and 12 zones (random)" in text
    assert "% less than now; effect in %: -" in text
    assert "in g a pair: -" in text
    assert "What would change our mind on wait: values of wait " in text
    assert "% higher than counted would erase the effect (" in text
    assert "without any one zone it lies between -" in text
    assert "equivalence within 6 %: shown" in text
    assert "% would likely have been missed" in text
    assert "neither is its absence" not in text
    assert "neither is its absence" in str(panel_of(frame))


def test_a_panel_gives_the_interval_of_a_policy():
    result = panel_of(panel(15))
    row = result.table.loc["wait"]

    assert result.interval("wait") == Interval(
        row["percent"], row["percent_low"], row["percent_high"], 0.95
    )
    assert row["difference_low"] == result.interval("wait", "difference").low
    with pytest.raises(ValueError, match=r"percent of 'window': there are .* 'wait'"):
        result.interval("window")


def test_blocks_shorter_than_the_memory_are_told():
    text = str(panel_of(panel(13, week_sd=0.2, phi=0.95), block=2))

    assert "so blocks of 2 are too short" in text


def test_measured_memory_is_told_and_so_are_weeks_too_few_for_it():
    frame = panel(13, week_sd=0.2, phi=0.4, weeks=60)
    many, few = str(panel_of(frame)), str(panel_of(frame[frame["week"] < 12]))

    assert "memory from week to week measured" in many
    assert "so that 60 tell as much as " in many
    assert "are few" not in many
    assert "\n12 weeks are few: where neighbours resemble each other by 0.3 to 0.5" in few
    strong = str(panel_of(panel(13, week_sd=0.2, phi=0.95, weeks=60)))
    assert "that 60 are few: the interval of wait is somewhat too narrow." in strong


def test_a_panel_keeps_its_columns_and_selects_rows():
    frame = panel(15).rename(columns={"zone": "site"}).assign(load=0.3)
    both = Panel(pd.concat([frame, frame.assign(load=0.7)]), cluster="site")

    part = both.select(load=0.3, site=[0, 1, 2])

    assert (3 * 104, "site") == (part.compare("g", "now").pairs, part.cluster)
    with pytest.raises(ValueError, match=r"no row has load 0.9"):
        both.select(load=0.9)
    with pytest.raises(ValueError, match=r"column 'speed' is missing"):
        both.select(speed=1)


PANEL = panel(14, zones=3, weeks=8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: panel_of(PANEL, value="kg"), r"column 'kg' is missing; there are zone, week"),
        (
            lambda: panel_of(PANEL, baseline="fifo"),
            r"baseline\(='fifo'\) and another policy must be",
        ),
        (lambda: panel_of(PANEL[PANEL["policy"] == "now"]), r"and another policy must be in"),
        (
            lambda: panel_of(PANEL.assign(g=PANEL["g"].where(PANEL.index != 5))),
            r"g in row 5 is not finite; leave its pair out for all",
        ),
        (
            lambda: panel_of(PANEL.assign(zone=PANEL["zone"].where(PANEL.index != 5))),
            r"zone is missing in row 5",
        ),
        (
            lambda: panel_of(PANEL.drop(index=30)),
            r"policy 'wait' is there 0 times for week 6, zone 0",
        ),
        (
            lambda: panel_of(pd.concat([PANEL, PANEL.iloc[[9]]])),
            r"policy 'now' is there 2 times for week 1, zone 1",
        ),
        (
            lambda: panel_of(PANEL, block=3),
            r"block\(=3\) must lie between 1 and a quarter of the 8",
        ),
        (
            lambda: panel_of(PANEL[PANEL["week"] < 7]),
            r"7 values of 'week' are too few to measure .* 8 are needed, or block=1 if",
        ),
        (
            lambda: panel_of(PANEL.assign(g=PANEL["g"].where(PANEL["policy"] == "now", 0.0))),
            r"g of 'wait' must add up to more than 0: a change of -100 % has no interval",
        ),
        (lambda: panel_of(PANEL, margin=0), r"margin\(=0\) must be > 0 %"),
        (lambda: panel_of(PANEL, confidence=95), r"confidence\(=95\) must lie between 0 and 1"),
        (lambda: panel_of(PANEL, cluster_effect="none"), r"cluster_effect\(='none'\) must be"),
        (lambda: panel_of(PANEL.assign(g=0.0)), r"g of baseline 'now' must add up to more than 0"),
        (lambda: panel_of(PANEL.assign(g=1.0)), r"by the same amount or share everywhere"),
    ],
)
def test_a_panel_that_cannot_be_compared_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
