"""The stored table of placements is what its script computes."""

import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import datasets

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))

import place

TABLE = datasets.placements()
START = place.STARTS[5]


def stored(capacity, transfer, how):
    row = TABLE.query("start == @START and transfer == @transfer and how == @how")
    return row[np.isclose(row["capacity"], capacity)].squeeze()


def test_the_table_has_every_start_capacity_transfer_and_rule_once():
    keys = ["start", "capacity", "transfer", "how"]

    assert place.COLUMNS == list(TABLE.columns)
    assert place.STARTS == sorted(TABLE["start"].unique())
    assert not TABLE.duplicated(keys).any()
    assert set(place.CAPACITIES) == set(TABLE["capacity"])
    assert set(place.TRANSFERS) == set(TABLE["transfer"])
    assert 30 * len(place.STARTS) == len(TABLE)


@pytest.mark.parametrize(("capacity", "transfer"), [(np.inf, 500), (2.0, 0)])
def test_optima_of_a_start_are_those_computed_again(capacity, transfer):
    for how, found in place.best(capacity, transfer, START).items():
        row = stored(capacity, transfer, how)

        assert row["emissions_g"] == pytest.approx(found.emissions_g, rel=1e-6)
        assert row["at_home_g"] == pytest.approx(found.at_home_g, rel=1e-6)
        assert found.gap < 1e-9 > row["gap"]


@pytest.mark.parametrize("how", ["now", "sun", "forecast"])
def test_rules_of_a_start_do_what_they_did(how):
    found = place.policies(1.2, START)[how]()
    row = stored(1.2, place.POLICY_TRANSFER, how)

    assert row["emissions_g"] == pytest.approx(found.emissions_g, rel=1e-6)
    assert row["moved"] == pytest.approx(found.moved, abs=1e-3)


def test_no_rule_emits_less_than_the_optimum_and_its_gap_says_how_much_more():
    both = TABLE[TABLE["how"] == "both"].set_index(["start", "capacity", "transfer"])
    rest = TABLE[TABLE["how"].isin(["now", "sun", "forecast", "rolling"])]
    best_g = both.loc[list(zip(*rest[both.index.names].T.to_numpy(), strict=True)), "emissions_g"]

    assert (rest["emissions_g"].to_numpy() >= best_g.to_numpy() * (1 - 1e-6)).all()
    more = 1 - best_g.to_numpy() / rest["emissions_g"].to_numpy()
    assert np.allclose(more, rest["gap"], rtol=0.06, atol=1e-6)


def test_a_capital_lies_where_its_clock_says():
    for zone in datasets.zones():
        latitude, longitude = datasets.coordinates(zone)

        assert 35 < latitude < 65
        assert -10 < longitude < 30
    with pytest.raises(ValueError, match="zone"):
        datasets.coordinates("XX")
