"""The mixed-integer programs: judges of the dynamic program, and how honest their status is."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from schedule_problems import EPOCH_S, curve, model, problems

from helpers.schedule.intervals import charge, check
from helpers.schedule.milp import PUBLISHED_STARTS, big_m_program, solve, tight_program
from helpers.schedule.suspend import best_schedule


def close(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


def medium(slots=48, work=16, startup=2):
    """A job of four phases on a noisy wave."""
    rng = np.random.default_rng(1)
    wave = 300 + 150 * np.sin(np.arange(slots) / 4) + rng.normal(0, 20, slots)
    phases = [(60.0 * work / 4, power_w) for power_w in (200, 100, 250, 120)]
    return model([(60.0 * startup, 90)], phases), curve(wave), EPOCH_S, EPOCH_S + 60.0 * slots


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(problems(most_slots=30, longest=5))
def test_the_dynamic_program_finds_what_the_mixed_integer_program_finds(problem):
    job, intensity, release_s, deadline_s, suspension = problem
    schedule = best_schedule(job, intensity, release_s, deadline_s, suspension=suspension)

    judge = solve(tight_program(job, intensity, release_s, deadline_s, suspension=suspension))

    assert "optimal" == judge.status
    check(judge.schedule, job, release=release_s, deadline=deadline_s, suspension=suspension)
    found_g = charge(schedule, job, intensity, suspension).emissions_g
    assert close(found_g) == judge.objective_g
    assert close(found_g) == charge(judge.schedule, job, intensity, suspension).emissions_g


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_on_a_medium_problem_both_solvers_prove_the_optimum_of_the_dynamic_program(solver):
    job, intensity, release_s, deadline_s = medium()
    best = best_schedule(job, intensity, release_s, deadline_s)

    judge = solve(tight_program(job, intensity, release_s, deadline_s), solver=solver)

    assert best.resumes > 0
    assert ("optimal", solver, "tight", 0.0) == (
        judge.status,
        judge.solver,
        judge.formulation,
        judge.gap,
    )
    assert close(charge(best, job, intensity).emissions_g) == judge.objective_g
    assert judge.bound_g == pytest.approx(judge.objective_g)


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_the_published_program_agrees_where_it_can_be_solved(solver):
    job, intensity, release_s, deadline_s = medium(12, 4, 1)
    best = best_schedule(job, intensity, release_s, deadline_s)

    judge = solve(
        big_m_program(job, intensity, release_s, deadline_s), solver=solver, time_limit_s=60
    )

    assert "optimal" == judge.status
    check(judge.schedule, job, release=release_s, deadline=deadline_s)
    assert close(charge(best, job, intensity).emissions_g) == judge.objective_g


def test_the_published_program_allows_five_starts_and_no_more():
    intensity = curve([400, 100] * 6)
    job = model([(60, 0)], [(360, 100)])
    best = best_schedule(job, intensity, EPOCH_S, EPOCH_S + 720)

    judge = solve(big_m_program(job, intensity, EPOCH_S, EPOCH_S + 720), time_limit_s=60)

    assert 6 == best.start_s.size
    assert "optimal" == judge.status
    assert PUBLISHED_STARTS >= judge.schedule.start_s.size
    assert judge.objective_g > charge(best, job, intensity).emissions_g


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_a_solver_stopped_by_its_limit_is_not_called_optimal(solver):
    job, intensity, release_s, deadline_s = medium(60, 20, 4)
    best_g = charge(
        best_schedule(job, intensity, release_s, deadline_s), job, intensity
    ).emissions_g

    judge = solve(
        big_m_program(job, intensity, release_s, deadline_s), solver=solver, time_limit_s=2
    )

    assert judge.status in ("feasible", "unknown")
    assert judge.bound_g <= best_g + 1e-9
    assert judge.seconds < 20
    if judge.status == "feasible":
        assert judge.objective_g >= best_g - 1e-9
        assert judge.gap > 0
    else:
        assert judge.schedule is None
        assert np.isnan(judge.objective_g)


def test_the_tight_relaxation_says_more_than_the_published_one():
    import pulp

    job, intensity, release_s, deadline_s = medium(24, 8, 2)
    bounds = {}
    for program in (
        tight_program(job, intensity, release_s, deadline_s),
        big_m_program(job, intensity, release_s, deadline_s),
    ):
        program.problem.solve(pulp.HiGHS(msg=False, mip=False))
        bounds[program.formulation] = pulp.value(program.problem.objective)

    best_g = charge(
        best_schedule(job, intensity, release_s, deadline_s), job, intensity
    ).emissions_g
    assert bounds["big-M"] < 0.1 * best_g
    assert 0.6 * best_g < bounds["tight"] <= best_g + 1e-9


def test_the_published_program_refuses_end_phases():
    job = model([], [(60, 100)], [(60, 50)])

    with pytest.raises(ValueError, match="end phases, which the published program does not know"):
        big_m_program(job, curve([1] * 9), EPOCH_S, EPOCH_S + 540)


def test_too_many_slots_are_refused_before_the_program_is_written():
    job = model([], [(60.001, 100)])

    with pytest.raises(ValueError, match=r"3,600,000 slots of 0.001 s are too many"):
        tight_program(job, curve([1] * 60), EPOCH_S, EPOCH_S + 3600)


def test_an_unknown_solver_is_refused():
    program = tight_program(model([], [(60, 100)]), curve([1] * 9), EPOCH_S, EPOCH_S + 540)

    with pytest.raises(ValueError, match=r"solver\(='gurobi'\) must be one of 'cbc', 'highs'"):
        solve(program, solver="gurobi")
