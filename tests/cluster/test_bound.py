"""The certified bound against HiGHS, against single jobs, and against laws it must obey."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from bound_milp import choice_program, time_indexed_program
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.bound.certificate import check_capacity, least_emissions
from helpers.bound.problem import CapacityJob, jobs_of_table
from helpers.carbon import Intensity
from helpers.phases import Phase, PhaseModel, Suspension
from helpers.schedule import Schedule, best_start, charge, check, least_emissions_g
from helpers.schedule.milp import solve
from helpers.schedule.suspend import PricedJob
from helpers.timeline import StepFunction

EPOCH_S = 1_577_836_800.0
SLOT_S = 600.0
FEW = {"iterations": 60, "tries": 50}


def curve(values, step_s=SLOT_S, kind="average"):
    edges_s = EPOCH_S + step_s * np.arange(len(values) + 1)
    return Intensity(edges_s, np.array(values, float), kind, "XX", "generated")


def model(*work, startup=(), end=()):
    parts = (
        [Phase(f"{name} {i}", slots * SLOT_S, power) for i, (slots, power) in enumerate(pairs)]
        for name, pairs in (("start", startup), ("work", work), ("end", end))
    )
    return PhaseModel("job", *parts)


def job(*work, nodes=1, release=0, deadline=12, suspension=None, **parts):
    """A job whose phases and window are counted in slots."""
    return CapacityJob(
        model(*work, **parts),
        nodes,
        EPOCH_S + release * SLOT_S,
        EPOCH_S + deadline * SLOT_S,
        suspension,
    )


def alone_g(one, intensity):
    window = one.release_s, one.deadline_s
    if one.suspension is None:
        return charge(best_start(one.model, intensity, *window), one.model, intensity).emissions_g
    return least_emissions_g(one.model, intensity, *window, suspension=one.suspension)


def every_schedule(one):
    """All schedules on the grid of slots, found by trying all sets of working slots."""
    slots = round((one.deadline_s - one.release_s) / SLOT_S)
    startup, work = (
        round(profile.duration_s / SLOT_S)
        for profile in (one.model.startup_profile, one.model.work_profile)
    )
    result = []
    for busy in itertools.combinations(range(slots), work):
        if one.suspension is None and busy[-1] - busy[0] + 1 != work:
            continue
        breaks = [i for i in range(1, work) if busy[i] != busy[i - 1] + 1]
        pieces = np.split(np.array(busy), breaks)
        starts_s = [one.release_s + SLOT_S * (piece[0] - startup) for piece in pieces]
        schedule = Schedule.from_work(
            one.model, starts_s, [SLOT_S * len(piece) for piece in pieces], one.suspension
        )
        try:
            check(
                schedule,
                one.model,
                release=one.release_s,
                deadline=one.deadline_s,
                suspension=one.suspension,
            )
        except ValueError:
            continue
        result.append(schedule)
    return result


@st.composite
def clusters(draw, *, most=5, suspended=False):
    """Some jobs on few nodes, all multiples of a slot, with room for most of them."""
    pairs = st.tuples(st.integers(1, 3), st.sampled_from([50.0, 100.0, 300.0]))
    slots = 10
    jobs = []
    for _ in range(draw(st.integers(1, most))):
        work = draw(st.lists(pairs, min_size=1, max_size=2))
        startup = draw(st.lists(st.tuples(st.just(1), st.just(80.0)), max_size=1))
        needed = sum(length for length, _ in [*work, *startup])
        release = draw(st.integers(0, 2))
        deadline = draw(st.integers(min(slots, release + needed + 2), slots))
        rules = Suspension() if suspended and draw(st.booleans()) else None
        nodes = draw(st.integers(1, 3))
        jobs.append(
            job(
                *work,
                startup=startup,
                nodes=nodes,
                release=release,
                deadline=max(deadline, release + needed),
                suspension=rules,
            )
        )
    values = draw(st.lists(st.integers(0, 500), min_size=slots, max_size=slots))
    return jobs, draw(st.integers(3, 6)), curve(values)


def optimum_g(jobs, capacity, intensity):
    """Least emissions by HiGHS; inf where there is no plan."""
    if all(one.suspension is None for one in jobs):
        program = time_indexed_program(jobs, capacity, intensity, SLOT_S)
    else:
        choices = [every_schedule(one) for one in jobs]
        program = choice_program(jobs, choices, capacity, intensity, SLOT_S)
    solution = solve(program)
    return math.inf if solution.status == "infeasible" else solution.objective_g


def assert_surrounds_the_optimum(jobs, capacity, intensity):
    expected_g = optimum_g(jobs, capacity, intensity)
    try:
        found = least_emissions(jobs, capacity, intensity, **FEW)
    except ValueError as error:
        if "no plan exists" not in str(error):
            raise
        assert math.isinf(expected_g)
        return
    if math.isinf(expected_g):
        assert found.schedules is None
        return
    assert found.lower_g <= expected_g + 1e-9 * abs(expected_g) + 1e-9
    assert found.upper_g >= expected_g - 1e-9 * abs(expected_g) - 1e-9
    if found.schedules is None:
        assert "no plan was found" in found.why
        return
    check_capacity(jobs, found.schedules, capacity)
    total_g = 0.0
    for one, schedule in zip(jobs, found.schedules, strict=True):
        window = {"release": one.release_s, "deadline": one.deadline_s}
        check(schedule, one.model, suspension=one.suspension, **window)
        total_g += charge(schedule, one.model, intensity, one.suspension).emissions_g
    assert total_g == pytest.approx(found.upper_g, rel=1e-12)


@settings(max_examples=25)
@given(clusters())
def test_the_optimum_lies_between_the_bound_and_the_plan(problem):
    assert_surrounds_the_optimum(*problem)


@settings(max_examples=12)
@given(clusters(most=3, suspended=True))
def test_the_optimum_lies_between_bound_and_plan_also_with_suspension(problem):
    assert_surrounds_the_optimum(*problem)


@settings(max_examples=12)
@given(clusters(suspended=True))
def test_on_endless_capacity_the_bound_is_the_sum_of_single_optima_at_no_price(problem):
    jobs, _, intensity = problem

    found = least_emissions(jobs, sum(one.nodes for one in jobs), intensity, **FEW)

    alone = sum(alone_g(one, intensity) for one in jobs)
    assert alone == pytest.approx(found.lower_g + found.rounding_g, rel=1e-9, abs=1e-9)
    assert alone == pytest.approx(found.lower_g, rel=1e-6, abs=1e-5)
    assert alone == pytest.approx(found.upper_g, rel=1e-9, abs=1e-9)
    assert found.lower_g <= alone + 1e-12
    assert 0.0 == found.prices.values.max()


@settings(max_examples=12)
@given(clusters(), st.integers(1, 4))
def test_the_plan_for_fewer_nodes_never_gets_below_the_bound_for_more(problem, more):
    jobs, capacity, intensity = problem
    try:
        few = least_emissions(jobs, capacity, intensity, **FEW)
    except ValueError:
        return

    many = least_emissions(jobs, capacity + more, intensity, **FEW)

    assert many.lower_g <= few.upper_g
    assert few.endless_g == pytest.approx(many.endless_g)
    assert few.endless_g <= few.lower_g * (1 + 1e-9) + 1e-9


@settings(max_examples=10)
@given(clusters(suspended=True))
def test_any_prices_give_a_bound_that_any_plan_obeys(problem):
    jobs, capacity, intensity = problem
    try:
        found = least_emissions(jobs, capacity, intensity, **FEW)
        first = least_emissions(jobs, capacity, intensity, iterations=1, tries=0)
    except ValueError:
        return

    assert (np.diff(found.history) >= 0).all()
    assert found.history[-1] == found.lower_g
    assert first.lower_g <= found.upper_g
    assert found.history[0] <= found.lower_g


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 500), min_size=10, max_size=10),
    st.lists(st.integers(0, 300), min_size=10, max_size=10),
    st.sampled_from([None, 0, 1]),
    st.booleans(),
)
def test_a_price_of_running_acts_on_constant_power_as_intensity_does(values, prices, most, saves):
    rules = Suspension(save=[Phase("save", SLOT_S, 100)] if saves else (), most_resumes=most)
    one = job((3, 100.0), (1, 100.0), startup=[(1, 100.0)], end=[(1, 100.0)], deadline=10)
    window = one.release_s, one.deadline_s
    intensity, dearer = curve(values), curve(np.array(values) + prices)
    price_g = 100.0 * np.array(prices) / 3.6e6  # of a second
    paid_g = np.concatenate([[0.0], np.cumsum(price_g * SLOT_S)])

    problem = PricedJob(one.model, intensity, *window, suspension=rules)
    cost_g, schedule = problem.best(intensity.edges_s, paid_g)

    expected_g = least_emissions_g(one.model, dearer, *window, suspension=rules)
    assert expected_g == pytest.approx(cost_g, rel=1e-9, abs=1e-9)
    charged_g = charge(schedule, one.model, dearer, rules).emissions_g
    assert expected_g == pytest.approx(charged_g, rel=1e-9, abs=1e-9)
    off_g = problem.rounding_g(float(price_g.max()), float(paid_g[-1]), paid_g.size)
    assert abs(cost_g - expected_g) <= off_g < 1e-4


def test_two_jobs_that_cannot_share_the_clean_hour_are_bounded_tightly():
    jobs = [job((6, 100.0), nodes=1), job((6, 100.0), nodes=1)]
    intensity = curve([100.0] * 6 + [400.0] * 6)

    found = least_emissions(jobs, 1, intensity)

    both_g = 100.0 * 3600 * (100 + 400) / 3.6e6
    assert both_g == pytest.approx(found.lower_g, rel=1e-3)
    assert both_g == pytest.approx(found.upper_g)
    assert 2 * 100.0 * 3600 * 100 / 3.6e6 == pytest.approx(found.endless_g)


def test_the_price_of_a_node_second_is_what_it_costs_to_wait_for_the_dirty_hour():
    jobs = [job((6, 100.0)), job((6, 100.0))]

    found = least_emissions(jobs, 1, curve([100.0] * 6 + [400.0] * 6))

    dearer_g = 100.0 * (400 - 100) / 3.6e6  # of a second
    paid = found.prices.values.reshape(2, 6).mean(axis=1)
    assert dearer_g == pytest.approx(paid[0] - paid[1], rel=0.01)


def test_jobs_of_any_length_touch_but_never_overlap():
    works = [(1 / 3, 100.0), (0.77, 200.0), (1.9, 150.0), (0.123, 90.0), (2.4567, 120.0)]
    jobs = [job(work, nodes=2, release=i / 7) for i, work in enumerate(works)]

    found = least_emissions(jobs, 3, curve([300, 100, 200, 50, 400, 120, 80, 90, 10, 20, 30, 5]))

    check_capacity(jobs, found.schedules, 3)
    assert found.lower_g <= found.upper_g
    with pytest.raises(ValueError, match="the plan takes 4 nodes of 3"):
        check_capacity(jobs[:2], [found.schedules[0]] * 2, 3)


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.floats(0.05, 2.5), st.floats(0.05, 2.5), st.floats(0, 3), st.integers(1, 2)),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.integers(0, 500), min_size=12, max_size=12),
)
def test_the_prices_prove_the_bound_to_anyone_who_tries_many_starts(drawn, values):
    jobs = [
        job((long, 100.0), (more, 250.0), nodes=nodes, release=release)
        for long, more, release, nodes in drawn
    ]
    intensity, capacity = curve(values), 3

    found = least_emissions(jobs, capacity, intensity, **FEW)

    edges_s, price = found.prices.edges_s, found.prices.values
    paid = np.concatenate([[0.0], np.cumsum(price * np.diff(edges_s))])
    total_g, meetings_g = -capacity * paid[-1], -capacity * paid[-1]
    for one in jobs:
        profile = one.model.profile
        last_s = one.deadline_s - profile.duration_s - 1e-6
        corners_s = (edges_s[:, None] - profile.edges_s).ravel()
        corners_s = corners_s[(corners_s > one.release_s) & (corners_s < last_s)]
        for some_s in (np.linspace(one.release_s, last_s, 1001), corners_s):
            starts_s = np.append(some_s, [one.release_s, last_s])
            held_g = np.interp(starts_s + profile.duration_s, edges_s, paid)
            held_g -= np.interp(starts_s, edges_s, paid)
            emitted_g = intensity.emissions_of_profile_g(starts_s, profile.edges_s, profile.power_w)
            least_g = float((emitted_g + one.nodes * held_g).min())
            if some_s is corners_s:
                meetings_g += least_g
            else:
                total_g += least_g
    assert found.lower_g <= total_g + 1e-7
    assert meetings_g == pytest.approx(found.lower_g, rel=1e-6, abs=1e-6)


def test_capacity_may_change_with_time():
    jobs = [job((6, 100.0)), job((6, 100.0))]
    hours = StepFunction(EPOCH_S + np.array([0, 3600, 7200]), [2, 1])
    closed = StepFunction(EPOCH_S + np.array([0, 3600, 7200]), [0, 2])
    intensity = curve([100.0] * 6 + [400.0] * 6)

    assert 20.0 == pytest.approx(least_emissions(jobs, hours, intensity).upper_g)
    late = least_emissions(jobs, closed, intensity)

    assert 80.0 == pytest.approx(late.upper_g)
    assert 80.0 == pytest.approx(late.lower_g, rel=1e-2)
    assert [EPOCH_S + 3600] * 2 == [s.start_s[0] for s in late.schedules]


def test_a_suspended_job_frees_its_nodes_for_another():
    long = job((8, 100.0), deadline=12, suspension=Suspension())
    short = job((2, 100.0), release=4, deadline=6)

    found = least_emissions([long, short], 1, curve([100] * 12), tries=0)

    assert 1000 * 100 * SLOT_S / 3.6e6 * 1.0 == pytest.approx(found.upper_g)
    assert 1 == found.schedules[0].resumes
    assert 0 == pytest.approx(found.gap, abs=1e-6)
    uninterrupted = job((8, 100.0), deadline=12)
    with pytest.raises(ValueError, match="no plan exists"):
        least_emissions([uninterrupted, short], 1, curve([100] * 12))


def test_power_of_a_node_that_is_on_is_added_where_nodes_are_taken():
    jobs = [job((6, 100.0), nodes=2), job((3, 60.0), nodes=1, suspension=Suspension())]
    intensity = curve([300, 100, 200, 50, 400, 120, 80, 90, 10, 20, 30, 5])

    found = least_emissions(jobs, 3, intensity, on_power_w=50.0)

    raised = [job((6, 200.0), nodes=2), job((3, 110.0), nodes=1, suspension=Suspension())]
    assert found.lower_g == pytest.approx(least_emissions(raised, 3, intensity).lower_g)
    assert found.endless_g == pytest.approx(sum(alone_g(one, intensity) for one in raised))


def test_shorter_steps_of_the_prices_see_peaks_within_a_step():
    jobs = [job((1, 100.0), deadline=4) for _ in range(4)]  # each a sixth of an hour
    intensity = curve([100.0, 500.0], step_s=2 * SLOT_S)

    coarse, fine = (least_emissions(jobs, 1, intensity, slot_s=s) for s in (None, SLOT_S / 2))

    assert fine.prices.values.size > coarse.prices.values.size
    assert coarse.lower_g <= fine.lower_g * (1 + 1e-3)
    assert fine.lower_g <= fine.upper_g == pytest.approx(optimum_g(jobs, 1, intensity))


def test_equal_jobs_share_their_starts_and_cost_the_same_as_if_they_did_not():
    same = [job((2, 100.0), release=i, deadline=i + 6) for i in range(4)]
    unlike = [
        CapacityJob(
            PhaseModel("other", (), (Phase("a", SLOT_S, 100), Phase("b", SLOT_S, 100))),
            1,
            one.release_s,
            one.deadline_s,
        )
        for one in same[::2]
    ]
    intensity = curve([300, 100, 200, 50, 400, 120, 80, 90, 10, 20, 30, 5])

    shared = least_emissions(same, 1, intensity)
    mixed = least_emissions([same[1], same[3], *unlike], 1, intensity)

    assert shared.endless_g == pytest.approx(mixed.endless_g)
    assert shared.lower_g == pytest.approx(mixed.lower_g, rel=1e-3)
    assert shared.upper_g == pytest.approx(mixed.upper_g, rel=1e-3)


def test_a_negative_marginal_intensity_is_bounded_too():
    jobs = [job((3, 100.0), nodes=2) for _ in range(3)]
    intensity = curve([300, -100, -50, -50, 400, 20, -80, 90, 10, 20, 30, 5], kind="marginal")

    assert_surrounds_the_optimum(jobs, 3, intensity)


def test_the_same_seed_gives_the_same_plan():
    jobs = [job((1 + i % 3, 100.0 + i), nodes=1 + i % 2, release=i % 4) for i in range(12)]
    intensity = curve([300, 100, 200, 50, 400, 120, 80, 90, 10, 20, 30, 5])

    one, other = (least_emissions(jobs, 4, intensity, seed=7) for _ in range(2))

    assert one.schedules == other.schedules
    assert one.lower_g == other.lower_g


def test_what_cannot_be_is_refused_with_numbers():
    intensity = curve([100.0] * 12)

    with pytest.raises(ValueError, match=r"job 1 .* takes 5 nodes, but there are at most 4"):
        least_emissions([job((1, 50.0)), job((1, 50.0), nodes=5)], 4, intensity)
    with pytest.raises(ValueError, match=r"can wait no longer take 3 nodes of 2"):
        least_emissions([job((8, 50.0)) for _ in range(3)], 2, intensity)
    with pytest.raises(ValueError, match=r"node-seconds, .* give 1.25 times as many"):
        least_emissions([job((5, 50.0)) for _ in range(6)], 2, intensity)
    with pytest.raises(ValueError, match="even the worst starts"):
        least_emissions(
            [*(job((3, 50.0), deadline=6) for _ in range(5)), job((1, 50.0))], 2, intensity
        )
    with pytest.raises(ValueError, match="move the deadline"):
        least_emissions([job((13, 50.0))], 2, intensity)


def test_arguments_out_of_range_are_named():
    intensity = curve([100.0] * 12)
    jobs = [job((1, 50.0))]

    with pytest.raises(ValueError, match=r"nodes\(=0\) must be a whole number >= 1"):
        job((1, 50.0), nodes=0)
    with pytest.raises(ValueError, match="jobs is empty"):
        least_emissions([], 1, intensity)
    with pytest.raises(ValueError, match=r"iterations\(=0\)"):
        least_emissions(jobs, 1, intensity, iterations=0)
    with pytest.raises(ValueError, match=r"on_power_w\(=-1\)"):
        least_emissions(jobs, 1, intensity, on_power_w=-1)
    with pytest.raises(ValueError, match="the capacity is known from"):
        least_emissions(jobs, StepFunction([EPOCH_S, EPOCH_S + 60], [1]), intensity)
    with pytest.raises(ValueError, match="must be >= 0"):
        least_emissions(jobs, -1, intensity)
    with pytest.raises(ValueError, match="must increase"):
        StepFunction([EPOCH_S, EPOCH_S], [1])


def test_a_jobs_table_becomes_jobs_that_wait_so_long():
    table = pd.DataFrame({"submit_s": [0.0, 60.0], "run_s": [100.0, 50.0], "processors": [2, 3]})

    jobs = jobs_of_table(table, start=EPOCH_S, power_w=10.0, longest_wait="1h")

    assert [(EPOCH_S, EPOCH_S + 3700), (EPOCH_S + 60, EPOCH_S + 3710)] == [
        (one.release_s, one.deadline_s) for one in jobs
    ]
    assert [20.0 * 100, 30.0 * 50] == [one.model.energy_j for one in jobs]
    with pytest.raises(ValueError, match=r"run_s\[1\] = 0.0 must be known and > 0"):
        jobs_of_table(table.assign(run_s=[1.0, 0.0]), start=0, power_w=1, longest_wait=1)
