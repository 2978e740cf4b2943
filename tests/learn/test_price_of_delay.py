"""The price of delay: one that stays, one that follows, one that is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_problems import HOUR, case, cases, workload

from helpers.cluster import replay
from helpers.learn import Advised, Observer, Price, Priced
from helpers.learn.price import as_price, price_at


def outside(one, price):
    seen = Observer(0, large_core_h=np.inf)
    return replay(
        one.work, one.cluster, Advised(Priced(price, seen), seen), intensity=one.intensity,
        forecaster=one.forecaster, origin=one.origin,
    )  # fmt: skip


def days(count=240):
    """Ten days with a job an hour, dirty by day, on a machine with room for all."""
    submit_s = 86_400.0 + HOUR * np.arange(count)
    work = workload(submit_s, 2 * HOUR, 1, longest_wait_s=24 * HOUR, power_w=1000.0)
    return case(work, count, np.tile([*[400.0] * 12, *[100.0] * 12], 14))


@pytest.mark.parametrize("first_kwh", [0.03, 0.1])
@pytest.mark.parametrize("limit_h", [1.0, 2.0])
def test_a_limit_is_nearly_held_although_the_first_price_is_far_too_low(limit_h, first_kwh):
    free = outside(days(), first_kwh).jobs["wait_s"].mean() / HOUR
    held = outside(days(), Price(first_kwh, limit_h, credit=24)).jobs["wait_s"].mean() / HOUR

    assert free > 1.5 * limit_h
    assert 0.5 * limit_h < held < 1.2 * limit_h


@settings(max_examples=15)
@given(one=cases(), first_kwh=st.sampled_from([0.001, 0.01, 0.1]))
def test_a_limit_that_is_never_reached_changes_nothing(one, first_kwh):
    """With a gain of nothing, too: the price is then the first."""
    left = outside(one, first_kwh)

    assert left.runs.equals(outside(one, Price(first_kwh, 2.0, gain=0.0)).runs)


def test_what_is_counted_is_each_jobs_wait_so_far():
    work = workload([86_400.0, 86_400.0, 86_400.0 + HOUR], 4 * HOUR, 1, longest_wait_s=24 * HOUR)
    told = []

    class Telling(Priced):
        def orders(self, view):
            told.append((view.now_s, *self.observer.delay_h(view)))
            return super().orders(view)

    one, seen = case(work, 1, np.full(96, 300.0)), Observer(0)
    policy = Advised(Telling(0.01, seen), seen)
    replay(one.work, one.cluster, policy, intensity=one.intensity, forecaster=one.forecaster,
           origin=one.origin)  # fmt: skip

    assert (86_400.0, 2, 0.0) == told[0]
    assert (86_400.0 + HOUR, 3, 1.0) == told[1]  # one runs, one waits, one has come
    assert (86_400.0 + 12 * HOUR, 3, 11.0) == told[-1]  # no job waits any more


def test_the_price_of_a_limit_lies_between_those_tried():
    prices, delays = (0.001, 0.01, 0.1), (4.0, 2.0, 0.5)

    assert 0.01 == pytest.approx(price_at(2.0, prices, delays))
    assert 0.01 * 10**0.5 == pytest.approx(price_at(1.25, prices, delays))
    assert 0.001 == pytest.approx(price_at(9.0, prices, delays))
    assert 0.1 == pytest.approx(price_at(0.1, prices, delays))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"first_kwh": -1.0}, "first_kwh"),
        ({"first_kwh": 1.0, "limit_h": 0.0}, "limit_h"),
        ({"first_kwh": 1.0, "credit": 0}, "credit"),
    ],
)
def test_what_makes_no_price_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Price(**wrong)


def test_a_number_is_a_price_that_stays():
    price = Price(0.1, 2.0)

    assert price is as_price(price)
    assert (0.2, np.inf) == (as_price(0.2).first_kwh, as_price(0.2).limit_h)
