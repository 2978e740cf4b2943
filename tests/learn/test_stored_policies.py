"""The stored policies and tables of learning are what the script computes: pieces are done again."""

import importlib.util

import pytest

from helpers import datasets
from helpers.learn import Net
from helpers.learn.judge import named


def load_learn():
    path = datasets.data_folder() / "learn.py"
    spec = importlib.util.spec_from_file_location("stored_learning", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


learn = load_learn()
JUDGED = named(datasets.learning("judged"))


def test_a_stored_policy_says_how_it_came_about():
    nets = [Net.parse(text) for text in datasets.learned_policies()]
    told = {"command", "seed", "versions", "curve", "cpu_s", "steps", "year", "grids", "kind"}

    assert set(learn.SEEDS) == {net.about["seed"] for net in nets if net.about["kind"] == "full"}
    assert all(told <= set(net.about) and net.about["year"] == 2019 for net in nets)


@pytest.mark.parametrize(
    "name",
    [
        "EASY",
        "gate 0.4",
        "large 0.4",
        "priced 0.001",
        "learned full/1/0.001",
        "priced, held 1",
        "learned full, held/2/1",
    ],
)
def test_a_week_of_test_is_judged_again(name):
    zone, week = "FR", learn.TEST[0]
    kept = JUDGED[(JUDGED["name"] == name) & (JUDGED["zone"] == zone) & (JUDGED["week"] == week)]

    again = learn.judged(zone, week, name)
    assert kept[["jobs", "delay_h"]].iloc[0].tolist() == pytest.approx(
        [again["jobs"], again["delay_h"]], rel=2e-3
    )


def test_no_limit_is_broken_by_more_than_five_percent_in_the_weeks_of_test():
    held = JUDGED[JUDGED["policy"].str.endswith(", held")]
    delay_h = held.groupby(["policy", "seed", "setting"])["delay_h"].mean()
    off = delay_h / delay_h.index.get_level_values("setting")

    assert (1 + len(learn.SEEDS)) * len(learn.LIMITS_H) == len(off)
    assert off.max() <= 1.05


def test_every_policy_was_judged_in_every_grid_and_week():
    counts = JUDGED.groupby("name").size()

    assert {len(learn.ZONES) * len(learn.TEST)} == set(counts)
    assert (JUDGED.groupby("zone")["week"].nunique() >= 8).all()


def test_no_job_of_test_was_trained_on_and_no_week_of_2020():
    assert not set(learn.TRAINING_DAYS) & set(learn.TEST_DAYS)
    assert all(date < "2020" for date in (*learn.TRAINING, *learn.VALIDATION))
    assert not set(learn.TRAINING) & set(learn.VALIDATION)
    assert all(date > "2020" for date in learn.TEST)


def test_the_bound_lies_below_every_policy_in_every_week():
    least = datasets.learning("bound").query("price_kwh == 0").set_index(["zone", "week"])["least"]
    best = JUDGED.groupby(["zone", "week"])["jobs"].min()

    assert (least <= best * (1 + 1e-9)).all()


def test_a_table_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="table"):
        datasets.learning("nothing")
    assert {"week", "name", "error"} <= set(datasets.learning("ablated"))
    assert {"kind", "seed", "price_kwh"} <= set(datasets.learning("curves"))
    assert set(learn.LIMITS_H) == set(datasets.learning("limits")["limit_h"])
    assert "q50_s" in datasets.learning("lengths")
