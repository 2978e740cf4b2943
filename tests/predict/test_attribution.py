"""Contributions of features add up to the prediction, and are the Shapley values of the trees."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from helpers.predict.attribution import (
    CorrelatedFeaturesWarning,
    absent,
    contributions,
    importance,
    together,
)
from helpers.predict.boosting import Trees


@pytest.fixture(scope="module")
def learned():
    """Three features, of which the first matters most and the last not at all."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(1500, 3)), columns=["long", "wide", "noise"])
    table.loc[rng.random(1500) < 0.1, "wide"] = np.nan
    result = 2 * table["long"] + table["wide"].fillna(-1.0) + rng.normal(0, 0.1, 1500)
    return table, Trees.quantiles(table, result, (0.25, 0.5)), result


def test_contributions_add_up_to_what_is_predicted(learned):
    table, trees, _ = learned

    for place, level in enumerate(trees.levels):
        found = contributions(trees, table, level=level)
        raw = trees._sets[place].predict(table.to_numpy(np.float32), num_threads=1)
        np.testing.assert_allclose(found.sum(axis=1), raw, rtol=0, atol=1e-9)


def test_of_a_chance_they_add_up_to_the_log_odds(learned):
    table, _, result = learned
    trees = Trees.chance(table, result > 0)

    odds = contributions(trees, table).sum(axis=1)

    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), trees.predict(table), atol=1e-9)


def expected(trees, row, known):
    """Prediction of the trees where only some features are known, by Lundberg's recursion."""
    whole = 0.0
    for tree in trees._sets[1].dump_model()["tree_info"]:
        whole += below(tree["tree_structure"], row, known)
    return whole


def below(node, row, known):
    if "leaf_value" in node:
        return node["leaf_value"]
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        value = row[node["split_feature"]]
        goes = node["default_left"] if np.isnan(value) else value <= node["threshold"]
        return below(left if goes else right, row, known)
    counts = [side.get("internal_count", side.get("leaf_count")) for side in (left, right)]
    sides = [below(side, row, known) for side in (left, right)]
    return float(np.average(sides, weights=counts))


def test_they_are_the_shapley_values_by_their_definition(learned):
    table, trees, _ = learned
    found = contributions(trees, table.iloc[:4], least=2.0)
    m = table.shape[1]
    for n in range(4):
        row = table.iloc[n].to_numpy(np.float32).astype(float)
        for feature in range(m):
            others = [i for i in range(m) if i != feature]
            value = 0.0
            for size in range(m):
                weight = math.factorial(size) * math.factorial(m - size - 1) / math.factorial(m)
                for known in itertools.combinations(others, size):
                    gain = expected(trees, row, {*known, feature}) - expected(trees, row, {*known})
                    value += weight * gain
            assert found.iloc[n, feature] == pytest.approx(value, abs=1e-6)


def test_what_matters_most_comes_first(learned):
    table, trees, _ = learned

    sizes = importance(contributions(trees, table))

    assert ["long", "wide", "noise"] == list(sizes.index)
    assert sizes["noise"] < 0.1 * sizes["long"]


def test_what_is_not_known_changes_the_prediction_and_noise_does_not(learned):
    table, trees, _ = learned

    noise, wide = (np.abs(absent(trees, table, [name])).mean() for name in ("noise", "wide"))

    assert wide > 5 * noise
    none = absent(trees, table[table["wide"].isna()], ["wide"])
    assert 0.0 == np.abs(none).max()
    with pytest.raises(ValueError, match="'colour' is no feature: choose of long, wide, noise"):
        absent(trees, table, ["colour"])


def test_features_that_go_together_are_warned_of(learned):
    table, trees, _ = learned
    twin = table.assign(noise=table["long"] ** 3)

    pairs = together(twin)

    assert [["long", "noise"]] == pairs[["first", "second"]].to_numpy().tolist()
    assert pairs["correlation"][0] == pytest.approx(1.0)
    assert 0 == len(together(table))
    with pytest.warns(CorrelatedFeaturesWarning, match=r"1 pairs .* long and noise \(\+1\.00\)"):
        contributions(trees, twin)


def test_another_level_or_another_table_is_refused(learned):
    table, trees, _ = learned

    with pytest.raises(ValueError, match=r"level\(=0\.9\) is not predicted: choose of 0\.25, 0\.5"):
        contributions(trees, table, level=0.9)
    with pytest.raises(ValueError, match="the table has 2 columns, the trees look at 3"):
        contributions(trees, table.iloc[:, :2])
