"""Knobs: what a search may see, what it must keep to, and that it can be done again."""

import functools
from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.carbon import Intensity
from helpers.cluster import replay
from helpers.decide import CapWhenDirty, CarbonEasy, Easy, InCycles
from helpers.learn.knobs import (
    CARBON_EASY,
    FEWEST_WEEKS,
    HAND_SET,
    SAMPLERS,
    Knob,
    Limit,
    Tuned,
    Tuning,
    carbon_easy,
)
from helpers.stats import Interval
from helpers.study import MEASURES, Stretch, Study, spread_weeks
from helpers.sweep import dask_cluster
from helpers.work import Cluster, Workload, workload_table

HOUR, DAY = 3600.0, 86400.0
EPOCH = pd.Timestamp("2014-07-05", tz="UTC")
TUNED, JUDGED = spread_weeks("2019-01-12", 12), spread_weeks("2020-01-18", 8)
LAST_SEEN = pd.Timestamp("2019-12-31", tz="UTC").timestamp()
KNOBS = {"hold": Knob(0.1, 0.9), "wait": Knob(0.1, 1.0)}
BY_HAND = {"hold": 0.5, "wait": 1.0}


def stretch(seed, n=8):
    """Jobs of a day and a half, of which those of the first day count."""
    rng = np.random.default_rng(seed)
    run_s = rng.exponential(2 * HOUR, n) + 60
    table = {"job_id": np.arange(n), "submit_s": np.sort(rng.uniform(0, 1.5 * DAY, n)),
             "run_s": run_s, "requested_s": 2 * run_s, "processors": rng.integers(1, 4, n),
             "power_w": 10.0, "longest_wait_s": 12 * HOUR}  # fmt: skip
    return Stretch(Workload(workload_table(table), epoch=EPOCH), 0.0, DAY)


def grid(later=1.0):
    """Two years of hours with days and weeks; what comes after 2019 is multiplied."""
    edges_s = pd.Timestamp("2018-12-20", tz="UTC").timestamp() + HOUR * np.arange(24 * 760 + 1)
    hour = np.arange(24 * 760)
    values = 200 * (1 + 0.5 * np.sin(2 * np.pi * hour / 24) + 0.3 * np.sin(hour / 37.0))
    values = np.where(edges_s[:-1] > LAST_SEEN, later * values, values)
    return Intensity(edges_s, values, "average", "XX", "made up")


def machine(load, part):
    """Return the machine of every load: small enough for jobs to wait."""
    return Cluster(3, 2)


SHORT = Limit(3.0, resamples=400)  # enough for a test


def tuning(later=1.0, limit=SHORT, judged=None, **changed):
    works = {"seen": stretch(1), "unseen": stretch(2) if judged is None else judged}
    study = Study(
        works, machine, {"EASY": Easy()}, {"XX": grid(later)}, {"XX": "Europe/Berlin"},
        dict.fromkeys(TUNED, "seen") | dict.fromkeys(JUDGED, "unseen"), ("EASY",), (0.7,),
    )  # fmt: skip
    given = {"knobs": KNOBS, "hand_set": BY_HAND, "limit": limit, "weeks": TUNED, **changed}
    return Tuning(study, carbon_easy, **given)


@functools.cache
def found(sampler="tpe", seed=1):
    return tuning().search("XX", sampler, trials=4, seed=seed)


# -- the limit -----------------------------------------------------------------------------


@given(st.lists(st.floats(0, 50), min_size=12, max_size=30), st.floats(0.55, 0.99))
def test_what_is_limited_is_an_upper_quantile(weeks, quantile):
    limit = Limit(6.0, quantile=quantile, resamples=200)

    upper = limit.upper(weeks)

    assert min(weeks) - 1e-9 <= upper <= max(weeks) + 1e-9
    assert upper >= replace(limit, quantile=0.52).upper(weeks) - 1e-9
    assert upper == limit.upper(weeks)


def test_the_mean_of_weeks_to_come_stays_below_it_as_often_as_it_says():
    rng, limit, kept, times = (
        np.random.default_rng(5),
        Limit(6.0, quantile=0.9, resamples=500),
        0,
        300,
    )
    for _ in range(times):
        seen, come = rng.gamma(4.0, 1.5, 24), rng.gamma(4.0, 1.5, 24)
        kept += come.mean() <= limit.upper(seen)

    assert 0.86 < kept / times < 0.94  # a mean within the limit would be kept to in half


def test_fewer_weeks_to_come_are_less_sure():
    weeks = np.random.default_rng(1).gamma(2.0, 2.0, 12)

    assert Limit(6.0, ahead=2).upper(weeks) > Limit(6.0, ahead=50).upper(weeks) > weeks.mean()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"of": "jobs_g"}, "must be one of delay_h"),
        ({"most": -1.0}, "most"),
        ({"most": np.nan}, "most"),
        ({"quantile": 0.5}, "as often as not"),
        ({"resamples": 5}, "resamples"),
        ({"ahead": 0}, "ahead"),
    ],
)
def test_a_limit_that_limits_nothing_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Limit(**{"most": 6.0, **given})


# -- the search ----------------------------------------------------------------------------


def test_the_chosen_is_the_one_that_saves_most_of_those_that_keep_to_the_limit():
    one = found()
    upper = one.weekly.groupby("trial")["delay_h"].agg(one.limit.upper)
    kept = upper[upper <= 3.0].index
    saved = one.weekly.groupby("trial")["saved_g"].sum()

    assert one.allowed
    assert 0 < len(kept) < 4  # or the limit would decide nothing
    assert saved[kept].idxmax() == one.best
    assert one.upper == upper[one.best] <= 3.0
    assert one.chosen == {name: one.trials.loc[one.best, name] for name in KNOBS}


def test_the_first_trial_is_what_was_set_by_hand_and_the_budget_is_kept():
    for sampler in ("random", "tpe"):
        one = found(sampler)

        assert BY_HAND == one.trials.loc[0, list(KNOBS)].to_dict()
        assert 4 == len(one.trials)
        assert 4 * len(TUNED) == len(one.weekly)
        assert all(one.trials[n].between(k.low, k.high).all() for n, k in KNOBS.items())


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_same_seed_finds_the_same_and_another_one_tries_others(sampler):
    again, other = (tuning().search("XX", sampler, trials=4, seed=s) for s in (1, 2))

    assert found(sampler).weekly.equals(again.weekly)
    assert not found(sampler).trials.equals(other.trials)


def test_a_gaussian_process_searches_where_torch_is_or_says_what_it_needs():
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ModuleNotFoundError, match=r"torch.*extra `learn`"):
            tuning().search("XX", "gp", trials=2)
    else:
        one = tuning().search("XX", "gp", trials=4, seed=1)

        assert "torch" in one.versions
        assert 4 == len(one.trials)


def test_nothing_of_the_weeks_that_judge_is_read_while_tuning():
    class Poison:
        """Work that nobody may look at."""

        def __getattr__(self, name):
            raise AssertionError(f"{name} of the judge's work was read")

    poisoned = tuning(later=1e6, judged=Poison()).search("XX", trials=4, seed=1)

    assert found().weekly.equals(poisoned.weekly)
    with pytest.raises(AssertionError, match="judge's work"):  # the poison works
        tuning(judged=Poison()).judge([found()], JUDGED)


def test_where_no_trial_keeps_to_the_limit_the_nearest_is_chosen_and_said():
    one = tuning(limit=replace(SHORT, most=0.0)).search("XX", "random", trials=3, seed=1)

    assert not one.allowed
    assert one.trials["upper"].idxmin() == one.best
    assert "NO TRIAL KEPT TO THE LIMIT" in str(one)


def test_a_result_tells_knobs_saving_limit_and_what_it_was_made_with():
    one = found()
    weeks = one.weekly[one.weekly["trial"] == one.best]

    assert isinstance(one, Tuned)
    assert isinstance(one.saved_g, Interval)
    assert weeks["saved_g"].sum() == pytest.approx(one.saved_g.value)
    assert 100 * weeks["saved_g"].sum() / weeks["base_g"].sum() == pytest.approx(
        one.saved_percent.value
    )
    assert one.saved_g.low <= one.saved_g.value <= one.saved_g.high
    assert {"python", "optuna", "numpy"} == set(one.versions)
    assert "4 trials, seed 1: hold" in str(one)


def test_a_search_says_nothing_and_leaves_optuna_as_loud_as_it_was(capsys):
    before = optuna.logging.get_verbosity()

    tuning().search("XX", "random", trials=1)

    assert before == optuna.logging.get_verbosity()
    assert ("", "") == capsys.readouterr()


def test_searches_on_a_dask_cluster_find_what_they_find_alone(tmp_path):
    with dask_cluster("local", 1, processes=False, dashboard_address=None) as client:
        far = tuning().search_all(
            ["XX"], ["random", "tpe"], [1], trials=4, out=tmp_path, scheduler=client
        )

    assert [("random", 1), ("tpe", 1)] == [(one.sampler, one.seed) for one in far]
    for one in far:
        pd.testing.assert_frame_equal(found(one.sampler).weekly, one.weekly)


# -- the judge -----------------------------------------------------------------------------


def test_the_judge_pairs_the_chosen_with_hand_and_baseline_in_weeks_not_seen():
    judged = tuning().judge([found("random"), found("tpe")], JUDGED).table

    assert {"EASY", "hand-set", "random", "tpe"} == set(judged["policy"])
    assert (len(JUDGED) == judged.groupby("policy")["week"].nunique()).all()
    assert 4 * len(JUDGED) == len(judged)
    assert {"delay_h", "late", "jobs"} <= set(judged.columns) & set(MEASURES)
    by_hand = tuning().measured("XX", JUDGED, BY_HAND)
    rows = judged[judged["policy"] == "hand-set"]
    assert by_hand["jobs_g"].to_numpy() == pytest.approx(rows["jobs_g"].to_numpy())
    easy = judged[judged["policy"] == "EASY"]["jobs_g"].to_numpy()
    assert by_hand["base_g"].to_numpy() == pytest.approx(easy)


@pytest.mark.parametrize("week", [TUNED[3], "2019-04-13"])
def test_the_judge_refuses_weeks_that_were_seen(week):
    one = tuning()
    one = replace(one, study=replace(one.study, weeks={**one.study.weeks, week: "seen"}))

    with pytest.raises(ValueError, match="must not have been seen"):
        one.judge([found()], [*JUDGED, week])


# -- policy and errors ---------------------------------------------------------------------


def test_knobs_of_carbon_easy_are_the_ones_it_takes_and_make_what_they_say():
    assert set(CARBON_EASY) == set(HAND_SET)
    assert isinstance(carbon_easy(**HAND_SET), CarbonEasy)
    assert carbon_easy(hold=0.5, suspend=0.99).suspend_gate is None
    assert 0.5 == carbon_easy(hold=0.5, suspend=0.2).suspend_gate.share
    turned = carbon_easy(hold=0.5, wait=0.3, depth=4.0, cycle_s=60.0, cap=0.7, cap_above=0.2)
    assert isinstance(turned, InCycles)
    assert isinstance(turned.policy, CapWhenDirty)
    assert (0.3, 4) == (turned.policy.policy.wait_share, turned.policy.policy.depth)


@settings(max_examples=10)
@given(st.data())
def test_every_setting_of_the_knobs_ends_all_jobs(data):
    values = {
        name: data.draw(
            st.integers(int(k.low), int(k.high)) if k.whole else st.floats(k.low, k.high)
        )
        for name, k in CARBON_EASY.items()
    }

    done = replay(
        stretch(3).work, Cluster(3, 2), carbon_easy(**values), intensity=grid(),
        origin=pd.Timestamp("2019-05-04", tz="UTC"),
    )  # fmt: skip

    assert done.jobs["end_s"].notna().all()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((1.0, 1.0), "must be <"),
        ((0.0, np.inf), "finite"),
        ((0.0, 1.0, False, True), "must be > 0"),
        ((0.5, 2.0, True), "whole numbers"),
    ],
)
def test_a_knob_without_a_range_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        Knob(*args)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weeks": TUNED[: FEWEST_WEEKS - 1]}, "must be at least 12"),
        ({"weeks": [*TUNED, "1999-01-02"]}, "'1999-01-02' is not among"),
        ({"hand_set": {"hold": 0.5}}, "the knobs are"),
        ({"hand_set": {"hold": 0.95, "wait": 1.0}}, r"must lie in \[0.1, 0.9\]"),
        ({"baseline": "FIFO"}, "which has 'EASY'"),
    ],
)
def test_a_tuning_that_cannot_be_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        tuning(**changed)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"zone": "YY"}, "which has 'XX'"),
        ({"sampler": "grid"}, ", ".join(SAMPLERS)),
        ({"trials": 0}, "trials"),
    ],
)
def test_a_search_that_cannot_be_is_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        tuning().search(**{"zone": "XX", "trials": 1, **asked})
