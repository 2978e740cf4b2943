"""Online rules: no look into the future, and ratios that hold."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from schedule_problems import EPOCH_S, curve, model, problems

from helpers.carbon import Forecasts, Intensity
from helpers.carbon.expected import hindsight, last_period, newest_forecast
from helpers.extras import compiled
from helpers.phases import Phase, Suspension
from helpers.schedule.heuristics import as_soon_as_possible
from helpers.schedule.intervals import charge, check
from helpers.schedule.online import (
    best_purchases,
    compare,
    follow_thresholds,
    guaranteed_ratio,
    job_thresholds,
    purchases,
    receding_horizon,
    thresholds,
)
from helpers.schedule.suspend import best_schedule

DAY_S = 86_400.0
JOB = model([(600, 100)], [(7200, 200), (7200, 100), (3600, 250)], checkpoints={0, 1})


def days(seed=0, count=6):
    """Some days of a noisy daily wave, in hours."""
    hours = np.arange(24 * count)
    rng = np.random.default_rng(seed)
    wave = 300 + 120 * np.sin(hours * 2 * np.pi / 24) + rng.normal(0, 40, hours.size)
    return curve(np.clip(wave, 20, None), 3600.0)


def noisy_forecasts(observed, seed=1):
    """Forecasts of six hours, issued every two, that are wrong by some."""
    issued_s = observed.edges_s[:-7:2]
    rng = np.random.default_rng(seed)
    values = [observed.at(t + 3600.0 * np.arange(6)) + rng.normal(0, 30, 6) for t in issued_s]
    return Forecasts(
        issued_s,
        3600.0 * np.arange(7),
        np.clip(values, 0, None),
        "average",
        "XX",
        "generated",
    )


def forecaster_of(kind, observed, deadline_s):
    if kind == "last period":
        return last_period(observed, deadline_s)
    if kind == "forecasts":
        return newest_forecast(noisy_forecasts(observed), observed, deadline_s)
    return hindsight(observed)


@settings(deadline=None, max_examples=80)
@given(problems(most_slots=30, longest=5), st.booleans())
def test_with_perfect_knowledge_the_receding_horizon_is_the_optimum(problem, always_new):
    job, intensity, release_s, deadline_s, rules = problem
    forecast = hindsight(intensity)
    if always_new:  # so that it is planned anew at every step

        def forecast(now_s):
            return intensity.window(intensity.start, intensity.stop)

    best = best_schedule(job, intensity, release_s, deadline_s, suspension=rules)
    # Where more energy means less grams, it may pay to stop and start again in one instant.
    assume((best.start_s[1:] > best.stop_s[:-1]).all())
    schedule = receding_horizon(job, forecast, release_s, deadline_s, step_s=60.0, suspension=rules)

    check(schedule, job, release=release_s, deadline=deadline_s, suspension=rules)
    assert charge(best, job, intensity, rules).emissions_g == pytest.approx(
        charge(schedule, job, intensity, rules).emissions_g, rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("kind", ["last period", "forecasts", "hindsight"])
@pytest.mark.parametrize(
    "rules",
    [
        Suspension(),
        Suspension(keep="checkpoints", most_resumes=1),
        Suspension(save=[Phase("save", 400, 90)], suspended_power_w=5, least_run_s=5000),
    ],
)
def test_whatever_was_forecast_all_rules_are_kept(kind, rules):
    observed = days()
    for wait_h in (5.5, 9, 30, 60):
        release_s = EPOCH_S + 1.5 * DAY_S
        deadline_s = release_s + 3600.0 * wait_h

        schedule = receding_horizon(
            JOB,
            forecaster_of(kind, observed, deadline_s),
            release_s,
            deadline_s,
            step_s=1800.0,
            suspension=rules,
        )

        check(schedule, JOB, release=release_s, deadline=deadline_s, suspension=rules)


@pytest.mark.parametrize("kind", ["last period", "forecasts"])
def test_what_comes_later_does_not_change_what_was_decided_before(kind):
    observed = days()
    release_s = EPOCH_S + 1.5 * DAY_S
    deadline_s = release_s + 2 * DAY_S
    values = observed.intensity_g_per_kwh
    forecasts = noisy_forecasts(observed)
    for hour in range(37, 84, 3):  # the future is another one from this hour on
        now_s = EPOCH_S + 3600.0 * hour
        other = np.concatenate([values[:hour], values[hour:][::-1]])
        changed = Intensity(observed.edges_s, other, "average", "XX", "generated")
        later = np.where(
            forecasts.issued_s[:, None] >= now_s,
            forecasts.intensity_g_per_kwh[:, ::-1],
            forecasts.intensity_g_per_kwh,
        )
        changed_forecasts = Forecasts(
            forecasts.issued_s, forecasts.lead_edges_s, later, "average", "XX", "generated"
        )
        runs = []
        for seen, issued in ((observed, forecasts), (changed, changed_forecasts)):
            forecast = (
                last_period(seen, deadline_s)
                if kind == "last period"
                else newest_forecast(issued, seen, deadline_s)
            )
            schedule = receding_horizon(JOB, forecast, release_s, deadline_s, step_s=3600.0)
            times = np.stack([schedule.start_s, schedule.stop_s])
            runs.append(np.sort(times[times < now_s]).tolist())

        assert runs[0] == runs[1]


def test_the_forecaster_repeats_the_last_period_up_to_the_step_under_way():
    observed = curve(np.arange(72.0), 3600.0)
    deadline_s = EPOCH_S + 60 * 3600

    expected = last_period(observed, deadline_s)(EPOCH_S + 30.5 * 3600)

    at = expected.at(EPOCH_S + 3600.0 * np.arange(30, 60))
    assert [30.0, *range(7, 31), *range(7, 12)] == at.tolist()


def test_a_forecast_stands_between_the_present_and_last_period():
    observed = curve(np.arange(72.0), 3600.0)
    forecasts = Forecasts(
        EPOCH_S + 3600.0 * np.array([28, 30, 31]),
        3600.0 * np.arange(4),
        [[900.0] * 3, [500.0, 501.0, 502.0], [800.0] * 3],
        "average",
        "XX",
        "generated",
    )

    forecast = newest_forecast(forecasts, observed, EPOCH_S + 40 * 3600)
    expected = forecast(EPOCH_S + 30.5 * 3600)

    at = expected.at(EPOCH_S + 3600.0 * np.arange(30, 40))
    assert [30.0, 501.0, 502.0, *range(9, 16)] == at.tolist()
    assert expected is forecast(EPOCH_S + 30.75 * 3600)
    assert expected is not forecast(EPOCH_S + 31 * 3600)


def test_an_average_is_not_completed_by_a_marginal_forecast():
    forecasts = Forecasts([EPOCH_S], [0, 3600], [[1.0]], "marginal", "XX", "generated")

    with pytest.raises(ValueError, match="average and marginal intensity must not be combined"):
        newest_forecast(forecasts, days(), EPOCH_S + DAY_S)


def test_the_last_period_needs_a_period_of_the_past():
    with pytest.raises(ValueError, match="outside of the intensity"):
        last_period(days(), EPOCH_S + DAY_S)(EPOCH_S + 3600.0)


def worst_ratio(grid, steps, low, switching):
    """Largest ratio over all sequences of prices on a grid, by a loop written for this test."""
    units, worst = low.size, 0.0
    place, prices = np.zeros(steps, np.int64), np.zeros(steps)
    for _ in range(grid.size**steps):
        for t in range(steps):  # the next sequence, counted like a number
            prices[t] = grid[place[t]]
        for t in range(steps):
            place[t] += 1
            if place[t] < grid.size:
                break
            place[t] = 0
        cost, count, running = 0.0, 0, False
        on, off = np.full(units + 1, np.inf), np.full(units + 1, np.inf)
        off[0] = 0.0
        for t in range(steps):
            limit = -np.inf
            if count < units:
                limit = low[count] + (switching if running else 0.0)
            if count < units and (prices[t] <= limit or steps - t == units - count):
                cost += prices[t] + (0.0 if running else switching)
                count, running = count + 1, True
            else:
                running = False
            for i in range(units, -1, -1):
                bought = min(on[i - 1], off[i - 1] + switching) + prices[t] if i else np.inf
                off[i] = min(off[i], on[i])
                on[i] = bought
        worst = max(worst, cost / min(on[units], off[units]))
    return worst


def attack_prices(rule, low, high):
    """Prices at, just above and far from the thresholds, where an adversary would put them."""
    nudge = 1e-7
    prices = {low, high}
    for threshold in rule.low:
        for price in (threshold, threshold + rule.switching):
            prices |= {min(high, max(low, price)), min(high, max(low, price + nudge))}
    return sorted(prices)


@pytest.mark.parametrize(
    ("name", "units", "low", "high", "switching", "steps"),
    [
        ("certified", 1, 1, 100, 0, 4),
        ("certified", 2, 1, 100, 0, 5),
        ("certified", 2, 1, 100, 5, 5),
        ("certified", 2, 10, 100, 95, 5),
        ("certified", 3, 1, 20, 0, 6),
        ("published", 2, 1, 100, 0, 5),
        ("published", 2, 1, 100, 5, 5),
        ("published", 3, 1, 20, 0, 6),
    ],
)
def test_the_worst_sequence_of_prices_reaches_the_guaranteed_ratio_and_none_exceeds_it(
    name, units, low, high, switching, steps
):
    rule = thresholds(units, low, high, switching, rule=name)

    worst = compiled(worst_ratio)(
        np.array(attack_prices(rule, low, high)), steps, rule.low, float(switching)
    )

    assert rule.ratio == pytest.approx(worst, rel=1e-5)


@settings(deadline=None, max_examples=300)
@given(
    st.integers(1, 6),
    st.floats(1, 50),
    st.floats(1, 40),
    st.floats(0, 100),
    st.sampled_from(["certified", "published"]),
    st.data(),
)
def test_the_guaranteed_ratio_holds_for_any_prices(units, low, spread, switching, name, data):
    high = low * spread
    if name == "published" and switching >= high - low:
        name = "certified"
    rule = thresholds(units, low, high, switching, rule=name)
    place = st.one_of(st.floats(low, high), st.sampled_from(attack_prices(rule, low, high)))
    prices = data.draw(st.lists(place, min_size=units, max_size=units + 8))

    cost = purchases(prices, rule)[1]

    assert cost <= rule.ratio * best_purchases(prices, units, switching) * (1 + 1e-6)


def test_the_ratio_stated_for_the_published_thresholds_does_not_hold():
    rule = thresholds(2, 1, 100, rule="published")
    prices = [1, 6.32, 6.32, 100, 100]

    bought, cost = purchases(prices, rule)

    assert [True, False, False, False, True] == bought.tolist()
    assert 101 == cost
    assert 7.32 == pytest.approx(best_purchases(prices, 2))
    assert 8.82 == pytest.approx(rule.stated_ratio, abs=0.01)
    assert cost / 7.32 > 1.5 * rule.stated_ratio
    assert cost / 7.32 <= rule.ratio


def test_published_thresholds_balance_the_costs_they_are_meant_to_balance():
    units, low, high, switching = 7, 40.0, 600.0, 55.0
    rule = thresholds(units, low, high, switching, rule="published")
    following = np.append(rule.low, low)

    for j in range(units):
        cost = (rule.low[:j] + switching).sum() + (units - j) * high + switching
        least = units * following[j] + switching
        assert rule.stated_ratio == pytest.approx(cost / least)


def test_one_unit_without_switching_is_bought_at_the_geometric_mean():
    for name in ("certified", "published"):
        rule = thresholds(1, 4, 100, rule=name)

        assert [20.0] == pytest.approx(rule.low.tolist())
        assert 5.0 == pytest.approx(rule.ratio)


def forecasts_in_turn(*turns):
    """A forecaster that says something else from given instants on."""

    def forecast(now_s):
        return [signal for from_s, signal in turns if from_s <= now_s][-1]

    return forecast


def test_a_new_forecast_changes_what_is_done_next():
    job = model([], [(60, 100)])
    first = curve([9, 9, 9, 9, 9, 1, 9, 9, 9, 9])
    second = curve([9, 9, 9, 2, 9, 8, 9, 9, 9, 9])
    forecast = forecasts_in_turn((EPOCH_S, first), (EPOCH_S + 120, second))

    schedule = receding_horizon(job, forecast, EPOCH_S, EPOCH_S + 600, step_s=60)

    assert [180] == (schedule.start_s - EPOCH_S).tolist()


def test_a_new_forecast_stops_a_job_that_was_to_run_on():
    job = model([], [(240, 100)])
    first = curve([1, 1, 1, 1, 9, 9, 9, 9, 9, 9])
    second = curve([1, 1, 9, 9, 9, 9, 9, 9, 2, 2])
    forecast = forecasts_in_turn((EPOCH_S, first), (EPOCH_S + 120, second))

    schedule = receding_horizon(job, forecast, EPOCH_S, EPOCH_S + 600, step_s=60)

    assert [0, 480] == (schedule.start_s - EPOCH_S).tolist()


@pytest.mark.parametrize("switching", [0, 10, 60, 200, 1000])
def test_certified_thresholds_guarantee_no_less_than_the_published_or_buying_at_once(switching):
    units, low, high = 24, 50.0, 500.0
    rule = thresholds(units, low, high, switching)

    at_once = (units * high + switching) / (units * low + switching)
    assert rule.ratio <= at_once * (1 + 1e-9)
    if switching < high - low:
        published = thresholds(units, low, high, switching, rule="published")
        assert rule.ratio < published.ratio
    assert (np.diff(rule.low) <= 1e-9).all()


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=8),
    st.sampled_from([0, 3, 20, 100]),
    st.data(),
)
def test_the_least_cost_in_hindsight_is_found(prices, switching, data):
    units = data.draw(st.integers(1, len(prices)))
    least = math.inf
    for chosen in itertools.combinations(range(len(prices)), units):
        runs = 1 + sum(b - a > 1 for a, b in itertools.pairwise(chosen))
        least = min(least, sum(prices[t] for t in chosen) + switching * runs)

    assert least == best_purchases(prices, units, switching)


def test_purchases_without_switching_are_runs_of_a_job_without_start_up():
    values = np.clip(days(3, 2).intensity_g_per_kwh, 50, 600)
    job = model([], [(3600.0 * 10, 1000)])
    intensity = curve(values, 3600.0)
    rule = job_thresholds(job, 50, 600, step_s=3600.0)

    schedule = follow_thresholds(job, intensity, EPOCH_S, EPOCH_S + 2 * DAY_S, rule, step_s=3600.0)

    assert 0.0 == rule.switching
    assert purchases(values, rule)[1] == pytest.approx(charge(schedule, job, intensity).emissions_g)
    assert best_purchases(values, 10) * rule.ratio >= charge(schedule, job, intensity).emissions_g


@settings(deadline=None, max_examples=60)
@given(
    problems(most_slots=30, longest=5, marginal=False), st.sampled_from(["certified", "published"])
)
def test_thresholds_keep_all_rules_for_any_job(problem, name):
    job, intensity, release_s, deadline_s, rules = problem
    if job.work_profile.energy_j == 0:
        return
    options = {"step_s": 60.0, "suspension": rules}
    try:
        rule = job_thresholds(job, 20, 500, rule=name, **options)
    except ValueError:  # the published rule knows no switching cost as high as this
        rule = job_thresholds(job, 20, 500, rule="certified", **options)

    schedule = follow_thresholds(
        job, intensity, release_s, deadline_s, rule, step_s=60.0, suspension=rules
    )

    check(schedule, job, release=release_s, deadline=deadline_s, suspension=rules)


def test_a_comparison_places_a_schedule_between_the_best_and_starting_at_once():
    observed = days()
    window = EPOCH_S + 1.5 * DAY_S, EPOCH_S + 3.5 * DAY_S
    best = best_schedule(JOB, observed, *window)
    online = receding_horizon(JOB, last_period(observed, window[1]), *window, step_s=3600.0)

    perfect = compare(best, JOB, observed, *window)
    idle = compare(as_soon_as_possible(JOB, *window), JOB, observed, *window)
    real = compare(online, JOB, observed, *window)

    assert (1.0, 1.0) == (perfect.ratio, perfect.share_of_saving)
    assert 0.0 == idle.share_of_saving
    assert 0.3 < real.share_of_saving <= 1.0
    assert 1.0 <= real.ratio < idle.ratio
    flat = curve([100.0] * 144, 3600.0)
    assert math.isnan(compare(best, JOB, flat, *window).share_of_saving)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 2), r"units\(=0\) must be >= 1"),
        ((1, 0, 2), r"0 < lowest\(=0\)"),
        ((1, 3, 2), r"lowest\(=3\) <= highest\(=2\)"),
        ((1, 1, 2, -1), r"switching\(=-1\) >= 0"),
    ],
)
def test_thresholds_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        thresholds(*arguments)


def test_other_bad_input_is_refused():
    with pytest.raises(ValueError, match="must be 'certified' or 'published'"):
        thresholds(1, 1, 2, rule="best")
    with pytest.raises(ValueError, match=r"switching\(=1.5\) must be < highest - lowest = 1"):
        thresholds(1, 1, 2, 1.5, rule="published")
    with pytest.raises(ValueError, match=r"low\[1\] = 3.0 must be <= low\[0\] = 2.0"):
        guaranteed_ratio([2, 3], 1, 4)
    with pytest.raises(ValueError, match="2 units need as many prices or more, not 1"):
        purchases([1.0], thresholds(2, 1, 2))
    with pytest.raises(ValueError, match="<= 1 prices"):
        best_purchases([1.0], 2)
    with pytest.raises(ValueError, match="draws no power"):
        job_thresholds(model([], [(60, 0)]), 1, 2, step_s=60)
