"""The stored tables of tuned knobs are what their script computes, and say what the sheet says."""

import sys
from pathlib import Path

import pytest

from helpers import datasets
from helpers.learn.knobs import CARBON_EASY, carbon_easy
from helpers.study import delay_s

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))

import tune

FOUND, WEEKS = datasets.knobs("found"), datasets.knobs("weeks")


def test_every_search_is_there_with_the_same_budget_and_knobs_within_their_ranges():
    cases = {
        (family, zone, sampler)
        for family, samplers in tune.FAMILIES.items()
        for zone in tune.ZONES
        for sampler in samplers
    }

    assert cases == set(FOUND[["family", "zone", "sampler"]].itertuples(index=False, name=None))
    assert {tune.TRIALS} == set(FOUND["trials"])
    for family, seeds in tune.SEEDS.items():
        assert set(seeds) == set(FOUND.loc[FOUND["family"] == family, "seed"])
    for name, knob in (CARBON_EASY | tune.CAPS).items():
        assert FOUND[name].dropna().between(knob.low, knob.high).all()


def test_what_was_chosen_kept_to_the_limit_where_any_trial_did():
    kept = FOUND[FOUND["allowed_trials"] > 0]

    assert (kept["upper_h"] <= tune.LIMIT.most).all()
    assert (kept["delay_h"] <= kept["upper_h"]).all()


def test_weeks_that_judge_are_of_another_year_and_of_other_jobs():
    assert set(tune.JUDGED) == set(WEEKS["week"])
    assert not set(tune.JUDGED) & set(tune.TUNED)
    assert not set(tune.JUDGED_DAYS) & set(tune.TUNED_DAYS)
    assert {"2019"} == {week[:4] for week in tune.TUNED}
    assert not WEEKS.duplicated(["family", "policy", "zone", "seed", "week"]).any()


@pytest.mark.parametrize("policy", ["hand-set", "gp"])
def test_a_week_computed_again_is_the_one_stored(policy, monkeypatch):
    monkeypatch.setattr(tune, "throttle", lambda: None)  # no cap, and no download
    tune.study.cache_clear()
    values = tune.BY_HAND
    if policy != "hand-set":
        row = FOUND.query("family == 'waiting' and zone == 'DE' and sampler == @policy").iloc[0]
        values = {name: row[name] for name in CARBON_EASY}
    week = tune.JUDGED[2]
    row = WEEKS.query("zone == 'DE' and week == @week and policy == @policy").iloc[0]

    done = tune.study().replay_under(carbon_easy(**values), tune.LOAD, "DE", week)
    own = tune.study().stretch(week).counted
    tune.study.cache_clear()

    assert delay_s(done)[own].mean() / 3600 == pytest.approx(row["delay_h"], rel=1e-4)


def test_no_policy_gets_below_the_bounds_of_its_week():
    left = datasets.knobs("left").set_index("of")["jobs_g"]

    assert left["bound, caps"] <= left["bound"] <= left[["EASY", "hand-set", "waiting"]].min()
    assert left["bound, caps"] <= left["waiting and caps"]


def test_the_mean_of_two_weeks_and_the_upper_quantile_choose_from_the_same_trials():
    limits = datasets.knobs("limits")
    upper = limits[limits["rule"].str.startswith("upper")].set_index(["zone", "seed"])
    mean = limits[limits["rule"] == "mean of 12 weeks"].set_index(["zone", "seed"])

    assert set(upper.index) == set(mean.index)
    same = upper["trial"] == mean["trial"]
    assert (upper["promised_h"] >= mean["promised_h"])[same].all()
    with pytest.raises(ValueError, match="table"):
        datasets.knobs("nothing")
