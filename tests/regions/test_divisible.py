"""Divisible work over sites: against the plain program, and the laws it must obey."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sites_problems import EPOCH_S, divisible, naive_g, sites

from helpers import datasets
from helpers.regions import (
    Site,
    Slots,
    cleanest_forecast,
    cleanest_now,
    follow_the_sun,
    place_work,
    rolling,
)
from helpers.regions.divisible import priced_bound_g
from helpers.regions.sites import unit_g


@given(problem=divisible())
@settings(max_examples=60)
def test_the_backlog_form_has_the_optimum_of_the_plain_form(problem):
    slots, work, slack, transfer, may = problem
    least_g = naive_g(slots, work, slack, transfer, may)
    if least_g is None:
        with pytest.raises(ValueError, match="no placement does all work in time"):
            place_work(slots, work, slack=slack, transfer_kwh_per_kwh=transfer, allowed=may)
        return
    found = place_work(slots, work, slack=slack, transfer_kwh_per_kwh=transfer, allowed=may)

    assert pytest.approx(least_g, rel=1e-6, abs=1e-4) == found.emissions_g
    assert found.lower_g <= least_g * (1 + 1e-9) + 1e-9
    assert pytest.approx(least_g, rel=1e-6, abs=1e-4) == found.lower_g


@given(problem=divisible())
@settings(max_examples=60)
def test_all_work_is_done_where_it_may_in_time_and_within_the_capacities(problem):
    slots, work, slack, transfer, may = problem
    assume(naive_g(slots, work, slack, transfer, may) is not None)
    found = place_work(slots, work, slack=slack, transfer_kwh_per_kwh=transfer, allowed=may)
    done = found.done_kwh.sum(axis=1).cumsum(axis=1)
    released = found.work_kwh.cumsum(axis=1)
    due = np.pad(released, ((0, 0), (slack, 0)))[:, : slots.count]
    capacity = np.array([site.capacity_kw for site in slots.sites])

    assert (done <= released + 1e-5).all()
    assert (done >= due - 1e-5).all()
    assert (found.done_kwh.sum(axis=0) <= capacity[:, None] + 1e-5).all()
    assert 0.0 == found.done_kwh[~may].sum()


@given(problem=divisible(), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_whatever_the_prices_nothing_gets_below_the_bound(problem, seed):
    slots, work, slack, transfer, may = problem
    least_g = naive_g(slots, work, slack, transfer, may)
    assume(least_g is not None)
    limit = slots.capacity_kwh()
    price = 200.0 * np.random.default_rng(seed).random((len(limit), slots.count))
    price[~np.isfinite(limit)] = 0.0
    whole = np.pad(work, ((0, 0), (0, slots.count - work.shape[1])))
    unit = unit_g(slots.intensity(), slots.pue(), transfer)

    assert priced_bound_g(whole, unit, may, limit, slack, price) <= least_g + 1e-6


@given(problem=divisible())
@settings(max_examples=20)
def test_no_rule_without_the_future_beats_the_optimum(problem):
    slots, work, slack, transfer, _ = problem
    assume(naive_g(slots, work, slack, transfer, np.ones((len(work),) * 2, bool)) is not None)
    best = place_work(slots, work, slack=slack, transfer_kwh_per_kwh=transfer)
    before = slots.intensity()[:, :1]
    try:
        rolled = rolling(slots, work, slack=slack, before=before, transfer_kwh_per_kwh=transfer)
    except ValueError:  # it did not see the last peaks come
        return

    assert best.lower_g <= rolled.emissions_g + 1e-4
    assert pytest.approx(work.sum()) == rolled.done_kwh.sum()


def test_where_room_is_endless_and_tomorrow_is_like_today_a_rolling_horizon_loses_nothing():
    day = 200 + 100 * np.sin(2 * np.pi * np.arange(96) / 24)
    slots = Slots(sites([day, day[::-1]], [np.inf, np.inf]), EPOCH_S + 86_400.0, 72)
    work = np.ones((2, 66))

    best = place_work(slots, work, slack=6)
    rolled = rolling(slots, work, slack=6, before=np.stack([day[:24], day[::-1][:24]]))

    assert pytest.approx(best.emissions_g, rel=1e-6) == rolled.emissions_g


def test_cleanest_now_waits_for_nothing():
    slots = Slots(sites([[10, 300, 50], [100, 20, 60]], [2.0, 2.0]), EPOCH_S, 3)

    found = cleanest_now(slots, np.ones((2, 3)))

    assert pytest.approx(2 * 10 + 2 * 20 + 2 * 50) == found.emissions_g
    assert [2.0, 2.0, 2.0] == pytest.approx(found.done_kwh.sum(axis=(0, 1)))


@pytest.mark.parametrize(("capacity", "saving"), [(1.2, 0.3887), (2.0, 0.5952)])
def test_twelve_grids_save_what_another_program_found(capacity, saving):
    zones, start = datasets.zones(), pd.Timestamp("2020-03-02T00:00Z")
    grids = [Site(z, datasets.carbon_intensity(z, 2020), capacity) for z in zones]
    work = np.tile(1 + 0.5 * np.sin(2 * np.pi * (np.arange(72) - 8) / 24), (12, 1))

    found = place_work(Slots(grids, start, 96), work, slack=24)

    assert pytest.approx(saving, abs=6e-5) == found.saving
    assert found.gap < 1e-8


@pytest.mark.parametrize(
    ("work", "options", "message"),
    [
        ([[1.0]], {"slack": 0}, "a row for each of 2 sites"),
        ([[1.0], [-1.0]], {"slack": 0}, "finite and >= 0"),
        ([[1.0], [1.0]], {"slack": 9}, "that needs 10 slots, not 3"),
        ([[1.0], [1.0]], {"slack": 1.5}, "whole number of slots"),
        ([[1.0], [1.0]], {"slack": 1, "transfer_kwh_per_kwh": -1}, "must be >= 0"),
        ([[1.0], [1.0]], {"slack": 1, "allowed": np.eye(3, dtype=bool)}, "a row a home"),
        ([[9.0], [9.0]], {"slack": 0}, "give more capacity, or more slack"),
    ],
)
def test_what_cannot_be_placed_is_said_with_a_remedy(work, options, message):
    slots = Slots(sites([[1, 2, 3]] * 2, [2.0, 2.0]), EPOCH_S, 3)

    with pytest.raises(ValueError, match=message):
        place_work(slots, work, **options)


def test_sites_are_refused_that_make_no_sense():
    one, two = sites([[1, 2], [3, 4]], [1.0, 1.0])
    with pytest.raises(ValueError, match="comes twice"):
        Slots([one, one], EPOCH_S, 2)
    with pytest.raises(ValueError, match="pue"):
        Site("x", one.intensity, 1.0, 0.9)
    with pytest.raises(ValueError, match="capacity_kw"):
        Site("x", one.intensity, -1.0)
    with pytest.raises(ValueError, match="2020-01-01"):
        Slots([one, two], EPOCH_S, 3).intensity()


RULES = {
    "now": lambda slots, work, how, _: cleanest_now(slots, work, **how),
    "forecast": lambda slots, work, how, before: cleanest_forecast(
        slots, work, before=before, **how
    ),
    "sun": lambda slots, work, how, _: follow_the_sun(
        slots, work, [(50.0, 10.0 * i) for i in range(len(work))], **how
    ),
}


@pytest.mark.parametrize("rule", RULES)
@given(problem=divisible())
@settings(max_examples=30)
def test_a_rule_without_the_future_does_all_work_in_time_or_says_that_it_cannot(rule, problem):
    slots, work, slack, transfer, _ = problem
    how = {"slack": slack, "transfer_kwh_per_kwh": transfer}
    if np.isfinite(slots.capacity_kwh()).all():
        scale = work.sum() / slots.capacity_kwh().sum()  # room for all of it in any slot
        slots = Slots(
            [replace(site, capacity_kw=site.capacity_kw * scale) for site in slots.sites],
            EPOCH_S,
            slots.count,
        )
    found = RULES[rule](slots, work, how, slots.intensity()[:, :1])
    best = place_work(slots, work, **how)
    done, released = found.done_kwh.sum(axis=1).cumsum(axis=1), found.work_kwh.cumsum(axis=1)
    due = np.pad(released, ((0, 0), (slack, 0)))[:, : slots.count]
    capacity = np.array([site.capacity_kw for site in slots.sites])

    assert best.lower_g <= found.emissions_g + 1e-4
    assert (done <= released + 1e-6).all()
    assert (done >= due - 1e-6).all()
    assert (found.done_kwh.sum(axis=0) <= capacity[:, None] + 1e-6).all()


def test_work_booked_by_a_forecast_waits_for_the_hour_that_is_forecast_to_be_clean():
    slots = Slots(sites([[90, 80, 10]], [np.inf]), EPOCH_S, 3)
    before = np.array([[90.0, 10.0, 80.0] * 8])  # the day before had its clean hour earlier

    found = cleanest_forecast(slots, np.ones((1, 1)), slack=2, before=before)

    assert [0.0, 1.0, 0.0] == found.done_kwh[0, 0].tolist()
    assert 80.0 == found.emissions_g


def test_the_sun_needs_a_place_for_each_site():
    slots = Slots(sites([[1.0], [1.0]], [1.0, 1.0]), EPOCH_S, 1)

    with pytest.raises(ValueError, match="give one each"):
        follow_the_sun(slots, np.ones((2, 1)), [(0.0, 0.0)])
