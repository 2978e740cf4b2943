"""Event points: judged by grids, by exhaustion, and by a program in continuous time."""

import dataclasses
import os

import continuous_program
import numpy as np
import pytest
from hypothesis import given, settings
from pause_rich import measured, question, whole_seconds
from schedule_problems import EPOCH_S, brute_force_g, curve, model, problems

from helpers import datasets
from helpers.carbon import Intensity
from helpers.extras import compiled
from helpers.phases import Phase, PhaseModel, Suspension
from helpers.schedule import _events, _grid, _points, _relaxed
from helpers.schedule.intervals import Certificate, charge, check
from helpers.schedule.suspend import (
    MAX_CELLS,
    PricedJob,
    Progress,
    best_schedule,
    grid,
    least_emissions_g,
    plan,
)

#: How many tiny problems HiGHS judges; `make test` has time for a few.
JUDGED = int(os.environ.get("JUDGED_BY_HIGHS", "12"))


def on_points(problem, progress=None):
    """Solve on event points, whatever the grid is like."""
    return _events.solve(question(problem, progress).raw)


def on_grid(problem, progress=None):
    """Solve on the grid that divides all durations, however large."""
    return _grid.solve(question(problem, progress).raw, 1_000_000_000)


def close(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_event_points_find_what_the_grid_finds_where_pausing_pays(seed):
    problem = whole_seconds(np.random.default_rng(seed))

    points, grid = on_points(problem), on_grid(problem)

    assert close(grid.least_g) == points.emissions_g
    assert Certificate(points.emissions_g, points.lower_g, points.method).exact
    assert (grid.start.size, grid.start[-1] + grid.work_to[-1] - grid.work_from[-1]) == (
        points.start.size,
        points.start[-1] + points.work_to[-1] - points.work_from[-1],
    )


def test_the_problems_of_the_judges_do_pause():
    runs = [on_grid(whole_seconds(np.random.default_rng(seed))).start.size for seed in range(60)]

    assert sum(count > 1 for count in runs) > 20
    assert sum(count > 2 for count in runs) > 3


@settings(deadline=None, max_examples=60)
@given(problems(marginal=False))
def test_event_points_find_what_exhaustion_finds(problem):
    job, intensity, release_s, deadline_s, rules = problem
    busy_w = [*job.startup_profile.power_w, *rules.save_profile.power_w, 1e9]
    rules = dataclasses.replace(
        rules, least_run_s=0.0, suspended_power_w=min(rules.suspended_power_w, *busy_w)
    )
    problem = (job, intensity, release_s, deadline_s, rules)

    found = on_points(problem)

    assert close(found.emissions_g) == brute_force_g(*problem, 60.0)


@pytest.mark.parametrize("seed", range(JUDGED))
def test_event_points_find_the_optimum_of_a_program_in_continuous_time(seed):
    problem = measured(np.random.default_rng(seed))

    found = on_points(problem)

    judge_g = continuous_program.least_g(*problem, problem[-1].most_resumes)
    assert judge_g == pytest.approx(found.emissions_g, rel=1e-6)
    assert found.lower_g == found.emissions_g


def narrowed(problem, cell_s):
    """Relax a problem to cells of some length."""
    narrow = compiled(_events._narrow, *_events._RELAXED, *_relaxed.NARROWING)
    return narrow(question(problem).raw, round(cell_s * 1e6), 3)


@pytest.mark.parametrize("seed", range(40))
def test_a_relaxation_is_below_every_schedule_at_any_cell(seed):
    problem = whole_seconds(np.random.default_rng(seed), least_run=seed % 2 == 0)
    best = on_grid(problem)

    for cell_s in (1, 3.7, 10, 37, 60):
        found = narrowed(problem, cell_s)

        assert found.lower_g <= best.least_g * (1 + 1e-9)
        assert found.lower_g == pytest.approx(found.cell_g.min(), rel=1e-12)
        if best.start.size > 1:
            assert found.paused_g <= best.least_g * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_states_of_optimal_schedules_stay_alive(seed):
    problem = whole_seconds(np.random.default_rng(seed))
    best, startup = on_grid(problem), question(problem).problem.startup.border[-1]

    for cell_s in (2.5, 10, 37):
        found = narrowed(problem, cell_s)
        alive = _points._alive(found.cell_g, found.h, found.origin, best.least_g)

        for start, work_from, work_to in zip(best.start, best.work_from, best.work_to, strict=True):
            column = _points._column(alive, start + startup - work_from)
            for x in (work_from, work_to):
                assert found.cell_g[_points._row(alive, x), column] <= alive.limit_g


def test_a_search_with_a_low_guess_finds_what_one_through_all_states_finds(monkeypatch):
    for seed in range(20):
        problem = measured(np.random.default_rng(seed))
        found = on_points(problem)
        monkeypatch.setattr(_events, "_GUESS", 1e9)

        assert close(on_points(problem).emissions_g) == found.emissions_g
        monkeypatch.undo()


@pytest.mark.parametrize("seed", range(30))
def test_the_rest_of_a_job_under_way_is_planned_on_event_points_as_on_the_grid(seed):
    rng = np.random.default_rng(seed)
    problem = whole_seconds(rng)
    job, _, now_s, _, rules = problem
    marks = job.work_profile.checkpoints_s[:-1]
    anywhere = rules.keep == "anywhere" or not marks.size
    whole_s = job.work_profile.duration_s
    done_s = float(rng.integers(0, int(whole_s))) if anywhere else float(rng.choice(marks))
    runs = rng.random() < 0.6
    progress = Progress(
        work_s=done_s,
        starts=1,
        run_start_s=now_s - 1000 if runs else None,
        may_stop=bool(runs and done_s > 0 and rng.random() < 0.7),
    )

    points, grid = on_points(problem, progress), on_grid(problem, progress)

    proven = Certificate(points.emissions_g, points.lower_g, points.method)
    if proven.exact:
        assert close(grid.least_g) == points.emissions_g
    else:  # it would stop after as little work as can be, on the grid a second
        assert (True, False) == (runs, progress.may_stop)
        assert points.lower_g <= grid.least_g * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_on_a_coarser_grid_says_how_far_it_is_from_the_best_at_most(seed):
    problem = whole_seconds(np.random.default_rng(seed), least_run=seed % 3 == 0)
    job, intensity, release_s, deadline_s, rules = problem
    least_g = on_grid(problem).least_g

    schedule = best_schedule(
        job, intensity, release_s, deadline_s, suspension=rules, resolution_s=7.3
    )

    check(schedule, job, release=release_s, deadline=deadline_s, suspension=rules)
    proven = schedule.certificate
    assert proven.lower_g <= least_g * (1 + 1e-9)
    assert proven.emissions_g == pytest.approx(schedule.emissions_g, rel=1e-6)
    assert least_g <= schedule.emissions_g * (1 + 1e-6)


def test_measured_durations_are_solved_exactly_though_no_grid_is_small_enough():
    job = model([(5.349, 60)], [(8171.3, 220), (1547.7, 134)])
    intensity = curve([100.0, 300.0] * 60, 3600.0)
    window = EPOCH_S, EPOCH_S + 120 * 3600

    schedule = best_schedule(job, intensity, *window)

    check(schedule, job, release=window[0], deadline=window[1])
    coarse = best_schedule(job, intensity, *window, resolution_s=30.0)
    assert schedule.certificate.exact
    assert schedule.resumes > 0
    assert schedule.certificate.emissions_g == pytest.approx(schedule.emissions_g, rel=1e-9)
    assert schedule.emissions_g <= coarse.emissions_g * (1 + 1e-9)
    assert coarse.certificate.lower_g <= schedule.emissions_g * (1 + 1e-9)


def test_more_states_than_64_bits_count_are_too_many_and_do_not_wrap_around():
    job = datasets.phase_model("roberta").with_work_duration(8 * 3600)
    hours = 24 * 14
    flat = curve([300.0] * hours, 3600.0)

    size = grid(job, flat, EPOCH_S, EPOCH_S + 3600 * hours)

    assert size.cells > 2**63
    assert best_schedule(job, flat, EPOCH_S, EPOCH_S + 3600 * hours).certificate.exact


def test_the_fitted_model_of_the_book_is_planned_as_it_was_measured():
    intensity = datasets.carbon_intensity("DE", 2020)
    release_s = float(intensity.edges_s[4000])

    schedule = best_schedule(
        datasets.phase_model("roberta"), intensity, release_s, end_within="24h"
    )

    assert schedule.certificate.exact
    assert schedule.emissions_g <= schedule.at_once_g


def test_a_start_up_of_a_second_more_costs_about_a_second_more():
    intensity = curve(np.random.default_rng(1).integers(50, 500, 96), 3600.0)

    def least_g(startup_s):
        job = model([(startup_s, 150)], [(8 * 3600, 200)])
        return least_emissions_g(job, intensity, EPOCH_S, EPOCH_S + 96 * 3600)

    round_g, odd_g, longer_g = least_g(600.0), least_g(600.37), least_g(601.0)

    assert round_g <= odd_g <= longer_g <= round_g + 3 * 150 * 500 / 3.6e6


def test_the_rest_of_a_measured_job_is_planned_as_it_was_at_first():
    job = model([(31.37, 90), (11.009, 180)], [(8171.3, 220), (1547.7, 134), (5000.123, 250)])
    intensity = curve([400, 60, 300, 420, 70, 80, 500, 310, 90, 95, 320, 300], 3600.0)
    deadline_s = EPOCH_S + 12 * 3600
    schedule = best_schedule(job, intensity, EPOCH_S, deadline_s)
    assert schedule.resumes > 0
    first_stop_s = float(schedule.stop_s[0])

    later = plan(
        job,
        intensity,
        first_stop_s,
        deadline_s,
        progress=Progress(work_s=float(schedule.work_to_s[0]), starts=1),
    )

    assert later.certificate.exact
    assert [run.start_s for run in later] == pytest.approx(schedule.start_s[1:].tolist(), abs=1e-5)


@pytest.mark.parametrize("keep", ["anywhere", "checkpoints"])
def test_where_a_run_without_work_would_pay_the_gap_says_how_much(keep):
    job = model([(60, 300)], [(60, 100)], checkpoints={0})
    rates = curve([50.0, -400.0, 50.0, -400.0, 50.0, 60.0, -90.0], kind="marginal")

    schedule = best_schedule(job, rates, EPOCH_S, EPOCH_S + 420, suspension=Suspension(keep=keep))

    assert schedule.certificate.lower_g <= schedule.emissions_g + 1e-9
    assert schedule.certificate.exact == (keep == "checkpoints")


def test_a_negative_intensity_and_measured_durations_get_a_bound():
    job = model([(61.7, 300)], [(1231.3, 100), (777.7, 30)])
    rates = curve(np.random.default_rng(2).integers(-200, 500, 60), 300.0, kind="marginal")

    schedule = best_schedule(job, rates, EPOCH_S, EPOCH_S + 15_000)

    fine = best_schedule(job, rates, EPOCH_S, EPOCH_S + 15_000, resolution_s=2.0)
    assert schedule.certificate.lower_g <= min(fine.emissions_g, schedule.emissions_g)
    check(schedule, job, release=EPOCH_S, deadline=EPOCH_S + 15_000)


def test_too_large_is_a_schedule_with_a_gap_and_no_refusal(monkeypatch):
    seeds = (measured(np.random.default_rng(seed)) for seed in range(99))
    problem = next(
        p
        for p in seeds
        if on_points(p).method == "event points" and question(p).grid().cells > MAX_CELLS
    )
    exact_g = on_points(problem).emissions_g
    monkeypatch.setattr(_events, "MAX_STATES", 10)
    monkeypatch.setattr(_events, "LEVELS", (1,))
    job, intensity, release_s, deadline_s, rules = problem

    schedule = best_schedule(job, intensity, release_s, deadline_s, suspension=rules)

    check(schedule, job, release=release_s, deadline=deadline_s, suspension=rules)
    assert schedule.certificate.lower_g <= exact_g * (1 + 1e-6)
    assert schedule.emissions_g >= exact_g * (1 - 1e-6)
    assert "relaxation" == schedule.certificate.method
    with pytest.warns(RuntimeWarning, match=r"not proven: what was found is at most .* above"):
        least_emissions_g(job, intensity, release_s, deadline_s, suspension=rules)


@pytest.mark.parametrize("seed", range(12))
def test_a_priced_job_is_bounded_off_its_grid_too(seed):
    rng = np.random.default_rng(seed)
    job, intensity, release_s, deadline_s, rules = whole_seconds(rng)
    edges_s = intensity.edges_s
    paid_g = np.concatenate([[0.0], np.cumsum(rng.uniform(0, 2, edges_s.size - 1))])
    window = (job, intensity, release_s, deadline_s)
    exact = PricedJob(*window, suspension=rules)
    coarse = PricedJob(*window, suspension=rules, resolution_s=7.3)

    cost_g, _ = exact.best(edges_s, paid_g)
    coarse_g, schedule = coarse.best(edges_s, paid_g)

    paid = np.interp(schedule.stop_s, edges_s, paid_g) - np.interp(
        schedule.start_s, edges_s, paid_g
    )
    charged_g = charge(schedule, job, intensity, rules).emissions_g + paid.sum()
    assert charged_g == pytest.approx(coarse_g, rel=1e-6)
    assert coarse.lower_g(edges_s, paid_g) <= cost_g * (1 + 1e-9)
    assert cost_g <= coarse_g * (1 + 1e-9)
    assert exact.lower_g(edges_s, paid_g) == cost_g


def test_a_priced_job_of_measured_durations_takes_a_coarser_grid_and_bounds_it():
    job = PhaseModel("m", [Phase("a", 31.371, 120)], [Phase("w", 7213.113, 220)])
    intensity = curve(np.random.default_rng(3).integers(50, 500, 30), 3600.0)
    problem = PricedJob(job, intensity, EPOCH_S, EPOCH_S + 86_400)
    paid_g = np.linspace(0.0, 100.0, intensity.edges_s.size)

    cost_g, schedule = problem.best(intensity.edges_s, paid_g)

    assert (False, True) == (problem.exact, problem.coarsened)
    assert 0.9 * cost_g < problem.lower_g(intensity.edges_s, paid_g) <= cost_g
    check(schedule, job, release=EPOCH_S, deadline=EPOCH_S + 86_400)


def test_a_certificate_tells_its_gap_in_words():
    assert "exact" == str(Certificate(5.0, 5.0 - 1e-12, "event points"))
    assert "at most 20 % above the best" == str(Certificate(5.0, 4.0, "relaxation"))
    assert np.inf == Certificate(0.0, -1.0, "relaxation").gap


def test_intensity_in_steps_of_any_length_is_no_obstacle():
    edges_s = EPOCH_S + np.array([-3.3, 1000.7, 2500.1, 2700.9, 9000.0, 9100.3, 12_345.6, 20_000])
    intensity = Intensity(edges_s, [300, 50, 500, 60, 400, 30, 200], "average", "XX", "generated")
    job = model([(17.3, 80)], [(2222.2, 210), (1111.1, 90)])

    schedule = best_schedule(job, intensity, EPOCH_S, EPOCH_S + 15_000)

    fine = best_schedule(job, intensity, EPOCH_S, EPOCH_S + 15_000, resolution_s=0.7)
    assert schedule.certificate.exact
    assert schedule.emissions_g <= fine.emissions_g
    assert fine.emissions_g == pytest.approx(schedule.emissions_g, rel=1e-3)
