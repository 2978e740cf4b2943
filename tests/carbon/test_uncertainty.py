"""Uncertain accounts: the model agrees with the account, draws with known moments, swings by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.carbon import Intensity
from helpers.carbon.accounting import (
    SECONDS_PER_YEAR,
    Device,
    Pue,
    account,
    combine,
    embodied,
)
from helpers.carbon.uncertainty import (
    Choice,
    Normal,
    Triangular,
    Uniform,
    model,
    monte_carlo,
    tornado,
)
from helpers.timeline import epoch_seconds

START_S = float(epoch_seconds(pd.Timestamp("2020-07-01", tz="UTC")))
USES = pd.DataFrame({"job": "a", "start": [START_S], "stop": [START_S + 7200.0], "power_w": 500.0})
SERVER = Device("server", 1e6, 4 * SECONDS_PER_YEAR)


def made(scale=1.0, *, uses=USES, pue=1.5, kind="average", device=SERVER):
    edges_s = START_S + np.array([0.0, 3600.0, 7200.0])
    curve = Intensity(edges_s, scale * np.array([100.0, 300.0]), kind, "DE", "generated")
    return combine(account(uses, curve, pue=pue), embodied(uses, device))


SETS = {"one": made(), "two": made(2.0)}
OPERATIONAL_G, EMBODIED_G = 0.5 * 400 * 1.5, 1e6 * 2 / 35_040


def test_a_model_without_inputs_gives_the_emissions_of_its_account():
    assert model(made())() == pytest.approx(made().emissions_g, rel=1e-14)


def test_a_model_agrees_with_accounts_made_anew():
    built = model(SETS)

    varied = made(2.0, uses=USES.assign(power_w=550.0), pue=1.2, device=Device("s", 2e6, 1e8))

    grams = built(factors=["two"], power=1.1, pue=1.2, device_g=2e6, lifetime_s=1e8)
    assert grams == pytest.approx(varied.emissions_g, rel=1e-12)


def test_a_pue_over_time_is_kept_unless_it_is_drawn():
    pue = Pue(START_S + np.array([0.0, 3600.0, 7200.0]), [1.0, 2.0])
    one = made(pue=pue)

    assert model(one)() == pytest.approx(50 + 300 + EMBODIED_G)
    assert model(one)(pue=1.0) == pytest.approx(50 + 150 + EMBODIED_G)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({"pue": [1.2, 0.9]}, ValueError, r"input 'pue': 0.9 must be finite and >= 1"),
        ({"power": [-0.1]}, ValueError, "input 'power'"),
        ({"lifetime_s": [0.0]}, ValueError, r"input 'lifetime_s'.*> 0"),
        ({"device_g": [-1.0]}, ValueError, "input 'device_g'"),
        ({"utilization": [1.0]}, TypeError, r"'utilization' is no input; known are factors"),
        ({"factors": ["three"]}, ValueError, r"input 'factors': 'three'.*one, two"),
    ],
)
def test_inputs_that_cannot_be_are_refused_by_name(inputs, error, message):
    with pytest.raises(error, match=message):
        model(SETS)(**inputs)


def test_life_time_without_a_device_is_refused():
    alone = account(USES, Intensity([START_S, START_S + 7200.0], [1.0], "average", "DE", "x"))

    with pytest.raises(ValueError, match="one device"):
        model(alone)(lifetime_s=1e8)


def test_factor_sets_of_different_uses_are_refused():
    other = made(2.0, uses=USES.assign(power_w=1.0))

    with pytest.raises(ValueError, match="factor set 'two' has other uses"):
        model({"one": made(), "two": other})


def test_several_devices_are_refused():
    with pytest.raises(ValueError, match="several devices"):
        model(combine(made(), embodied(USES, Device("disk", 1.0, 1e8))))


def test_average_and_marginal_are_not_two_factor_sets():
    with pytest.raises(TypeError, match="must not mix"):
        model({"one": made(), "two": made(kind="marginal")})


@pytest.mark.parametrize(
    ("spread", "judge"),
    [
        (Uniform(2.0, 5.0), stats.uniform(2, 3)),
        (Triangular(1.0, 2.0, 6.0), stats.triang(0.2, 1, 5)),
        (Triangular(1.0, 1.0, 6.0), stats.triang(0.0, 1, 5)),
        (Normal(3.0, 0.5), stats.norm(3, 0.5)),
    ],
)
def test_quantiles_and_draws_agree_with_scipy(spread, judge):
    levels = [0.01, 0.2, 0.5, 0.9, 0.99]

    assert [spread.quantile(p) for p in levels] == pytest.approx(judge.ppf(levels))
    drawn = spread.sample(np.random.default_rng(1), 4000)
    assert stats.kstest(drawn, judge.cdf).pvalue > 0.001


def test_choices_are_drawn_equally_often():
    drawn = Choice(("a", "b", "c")).sample(np.random.default_rng(1), 9000)

    counts = np.unique(drawn, return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize(
    "make",
    [
        lambda: Uniform(2.0, 1.0),
        lambda: Triangular(1.0, 3.0, 2.0),
        lambda: Triangular(1.0, 1.0, 1.0),
        lambda: Normal(1.0, 0.0),
        lambda: Choice(()),
        lambda: Choice(("a", "a")),
        lambda: Uniform(0.0, float("inf")),
    ],
)
def test_distributions_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError, match="must be"):
        make()


def test_the_moments_of_a_product_are_those_of_the_textbook():
    # independent: mean = product of means; variance = E[x^2] E[y^2] - mean^2
    spread = {"x": Uniform(1.0, 2.0), "y": Normal(10.0, 1.0)}

    outcome = monte_carlo(lambda x, y: x * y, spread, draws=200_000, seed=7)

    variance = (1.5**2 + 1 / 12) * 101 - 15.0**2
    assert outcome.mean_g == pytest.approx(15.0, abs=5 * np.sqrt(variance / 200_000))
    assert outcome.emissions_g.var() == pytest.approx(variance, rel=0.03)


def test_the_same_seed_gives_the_same_draws_and_another_gives_others():
    spread = {"pue": Uniform(1.1, 1.6)}
    first, again, other = (
        monte_carlo(model(SETS), spread, draws=50, seed=s).emissions_g for s in (1, 1, 2)
    )

    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_one_input_more_leaves_the_other_draws_as_they_are():
    few = monte_carlo(model(SETS), {"pue": Uniform(1.1, 1.6)}, draws=20, seed=1)
    more = monte_carlo(
        model(SETS), {"power": Normal(1.0, 0.01), "pue": Uniform(1.1, 1.6)}, draws=20, seed=1
    )

    assert few.inputs["pue"].tolist() == more.inputs["pue"].tolist()


def test_two_inputs_are_drawn_independently():
    spread = {"power": Uniform(1.0, 2.0), "pue": Uniform(1.0, 2.0)}

    drawn = monte_carlo(model(SETS), spread, draws=10_000, seed=1).inputs

    assert drawn.corr().loc["power", "pue"] == pytest.approx(0, abs=0.05)


def test_the_interval_holds_its_share_of_the_draws():
    outcome = monte_carlo(model(SETS), {"pue": Uniform(1.0, 2.0)}, draws=10_000, seed=1)

    low, high = outcome.interval_g(0.9)
    held = np.mean((outcome.emissions_g >= low) & (outcome.emissions_g <= high))
    assert held == pytest.approx(0.9, abs=0.001)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="draws=0"):
        monte_carlo(model(SETS), {}, draws=0, seed=1)


def test_a_tornado_has_the_hand_computed_swings_widest_first():
    spread = {
        "power": Uniform(0.9, 1.1),
        "pue": Uniform(1.4, 1.6),
        "factors": Choice(("one", "two")),
        "lifetime_s": Choice((4 * SECONDS_PER_YEAR, 2 * SECONDS_PER_YEAR)),
    }

    table = tornado(model(SETS), spread, level=0.5)

    swings = {
        "factors": OPERATIONAL_G,
        "lifetime_s": EMBODIED_G,
        "power": 0.1 * OPERATIONAL_G,
        "pue": 0.1 / 1.5 * OPERATIONAL_G,
    }
    assert list(swings) == list(table.index)
    assert table["swing_g"].to_dict() == pytest.approx(swings)
    assert table["base_g"].to_numpy() == pytest.approx(OPERATIONAL_G + EMBODIED_G)
    assert table.loc["lifetime_s", "low"] == 4 * SECONDS_PER_YEAR  # a long life emits less


def test_a_level_outside_of_its_range_is_refused():
    with pytest.raises(ValueError, match="level=1"):
        tornado(model(SETS), {}, level=1)
