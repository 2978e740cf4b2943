"""The certified frontier: no schedule gets below it, and on an endless machine it is reached."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_problems import HOUR, case, cases, workload

from helpers.cluster import replay
from helpers.cluster.account import job_energy
from helpers.decide import Below, CarbonEasy
from helpers.learn import Advised, Observer, Priced
from helpers.learn.frontier import frontier_bound, priced_g
from helpers.study import delay_s

PRICES = np.array([0.0, 0.1, 1.0, 10.0, 100.0, 1000.0])


def outcome(one, policy):
    done = replay(
        one.work, one.cluster, policy, intensity=one.intensity, forecaster=one.forecaster,
        origin=one.origin,
    )  # fmt: skip
    own = np.ones(len(one.work), dtype=bool) if one.counted is None else one.counted
    grams = job_energy(done, one.intensity)["emissions_g"].to_numpy()[own].sum()
    return grams, delay_s(done)


@settings(max_examples=25)
@given(one=cases(), level=st.sampled_from([100.0, 200.0, 300.0]), part=st.booleans())
def test_no_schedule_gets_below_the_bound_at_its_delay(one, level, part):
    if part:
        counted = np.arange(len(one.work)) % 2 == 0
        one = replace(one, counted=counted)
    grams, late_s = outcome(one, CarbonEasy(Below(level)))
    own = slice(None) if one.counted is None else one.counted
    waits_s = np.maximum(one.work.jobs["longest_wait_s"].to_numpy(), late_s)
    least = frontier_bound(priced_g(one, waits_s, PRICES), PRICES, 1, [late_s[own].mean() / HOUR])

    assert least[0] <= grams * (1 + 1e-9)


def test_with_the_future_known_and_endless_machines_priced_waiting_reaches_it():
    # Steps of an hour, jobs of whole hours submitted on the hour: the starts that a rule tries.
    rng = np.random.default_rng(5)
    work = workload(
        86_400.0 + HOUR * np.arange(12), HOUR * rng.integers(1, 5, 12), 1,
        longest_wait_s=12 * HOUR, power_w=1000.0,
    )  # fmt: skip
    one = case(work, 50, rng.choice([100.0, 200.0, 300.0, 400.0], 96))
    rule = Advised(Priced(0.0, seen := Observer(0, large_core_h=0.0)), seen)
    grams, _ = outcome(one, rule)

    waits_s = work.jobs["longest_wait_s"].to_numpy()
    assert grams == pytest.approx(priced_g(one, waits_s, [0.0])[0])


def test_the_price_of_an_hour_is_that_of_mean_delay():
    work = workload([86_400.0] * 4, HOUR, 1, longest_wait_s=2 * HOUR, power_w=1000.0)
    one = case(work, 4, [*[300.0] * 25, 100.0, *[300.0] * 50])  # cheaper by 200 g in an hour

    # All four wait an hour for 4 x 200 g, and the mean delay is then an hour.
    at = priced_g(one, np.full(4, 2 * HOUR), [0.0, 500.0, 900.0])
    assert [400.0, 900.0, 1200.0] == pytest.approx(at)
    least = frontier_bound(at, [0.0, 500.0, 900.0], 1, [0.0, 1.0])
    assert [1200.0, 400.0] == pytest.approx(least)


def test_a_week_that_the_curve_does_not_cover_is_refused():
    one = case(workload([86_400.0], HOUR), 1, [300.0])

    with pytest.raises(ValueError, match="take an earlier week"):
        priced_g(one, [1e9], [0.0])
