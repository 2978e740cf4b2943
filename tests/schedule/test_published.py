"""The published evaluation: its problems, and what its program really found."""

import numpy as np
import pytest
from schedule_problems import EPOCH_S, curve

from helpers import datasets
from helpers.phases import Suspension
from helpers.published.charge import charge_as_published
from helpers.published.evaluation import (
    LENGTHS_H,
    LONGEST_WAITS_H,
    PHASES_MIN,
    STARTUP_POWERS_W,
    STARTUPS_MIN,
    STORED_RUNS,
    PublishedProblem,
    first_alike,
    published_problems,
    to_frame,
)
from helpers.schedule import (
    Schedule,
    best_schedule,
    best_starts,
    charge,
    check,
)
from helpers.schedule.milp import PUBLISHED_STARTS, big_m_program, solve, tight_program

PROBLEMS = published_problems()


@pytest.fixture(scope="module")
def july():
    """The published curve."""
    if not datasets.available("electricity-maps-DE-2024-07"):
        pytest.skip("electricity-maps-DE-2024-07 is not in the cache")
    return datasets.electricity_maps("DE-2024-07")


@pytest.fixture(scope="module")
def solved(july):
    """Emissions [g CO2e] of all problems on the published curve, and their resumes."""
    release_s = july.edges_s[0]
    jobs, window_s = [p.job for p in PROBLEMS], np.array([p.window_s for p in PROBLEMS])
    single = best_starts(jobs, july, release_s, release_s + window_s)
    best = [
        best_schedule(j, july, release_s, release_s + w)
        for j, w in zip(jobs, window_s, strict=True)
    ]
    charges = [
        (charge(s, j, july).emissions_g, charge_as_published(s, j, july).emissions_g, s.resumes)
        for s, j in zip(best, jobs, strict=True)
    ]
    best_g, published_g, resumes = np.transpose(charges)
    return single.at_release_g, single.emissions_g, best_g, published_g, resumes


def on_the_hour(problem, intensity, release_s):
    """Least emissions of a start on a whole hour, as the published search for one tried them."""
    starts_s = release_s + 3600.0 * np.arange(problem.longest_wait_h + 1)
    profile = problem.job.profile
    return intensity.emissions_of_profile_g(starts_s, profile.edges_s, profile.power_w).min()


def test_there_are_1200_problems_all_combinations_once():
    table = to_frame(PROBLEMS)

    assert 1200 == len(PROBLEMS) == len(table.drop_duplicates())
    assert 2 * 3 * 4 * 2 * 5 * 5 == 1200
    assert set(PHASES_MIN) == set(zip(table["high_min"], table["low_min"], strict=True))
    for column, values in (
        ("power", ("phases", "constant")),
        ("startup_min", STARTUPS_MIN),
        ("startup_power_w", STARTUP_POWERS_W),
        ("length_h", LENGTHS_H),
        ("longest_wait_h", LONGEST_WAITS_H),
    ):
        assert set(values) == set(table[column])
        assert 1 == table[column].value_counts().nunique()


@pytest.mark.parametrize("problem", PROBLEMS[::37])
def test_a_job_lasts_its_length_with_one_startup_and_may_wait(problem):
    job = problem.job

    assert 3600 * problem.length_h == pytest.approx(job.duration_s)
    assert 60 * problem.startup_min == job.startup_profile.duration_s
    assert 3600 * problem.longest_wait_h == pytest.approx(problem.window_s - job.duration_s)


def test_phases_take_turns_and_the_last_is_cut():
    job = PublishedProblem("phases", 60, 30, 10, 200, 4, 6).job

    assert [("startup", 600, 200)] == [(p.name, p.duration_s, p.power_w) for p in job.startup]
    assert [
        ("high", 3600, 200),
        ("low", 1800, 100),
        ("high", 3600, 200),
        ("low", 1800, 100),
        ("high", 3000, 200),
    ] == [(p.name, p.duration_s, p.power_w) for p in job.work]


def test_the_constant_job_has_the_energy_of_its_phases_startup_included():
    phases = PublishedProblem("phases", 30, 60, 30, 100, 8, 6).job
    constant = PublishedProblem("constant", 30, 60, 30, 100, 8, 6).job

    assert phases.energy_j == pytest.approx(constant.energy_j)
    assert {constant.mean_power_w} == {p.power_w for p in (*constant.startup, *constant.work)}
    assert phases.startup_profile.duration_s == constant.startup_profile.duration_s


def test_problems_that_are_alike_have_equal_optima():
    rng = np.random.default_rng(1)
    intensity = curve(rng.uniform(100, 500, 120), 3600.0)
    alike = first_alike(PROBLEMS)
    copies = np.flatnonzero(alike != np.arange(alike.size))

    assert 890 == np.unique(alike).size
    for i in copies[::13]:
        one, other = PROBLEMS[i], PROBLEMS[alike[i]]
        assert one.window_s == other.window_s
        found = [
            charge(best_schedule(p.job, intensity, EPOCH_S, EPOCH_S + p.window_s), p.job, intensity)
            for p in (one, other)
        ]
        assert found[0].emissions_g == pytest.approx(found[1].emissions_g, rel=1e-12)


def test_a_startup_of_no_length_has_no_power_and_other_differences_count():
    base = ("phases", 60, 60, 0, 100, 4, 6)
    none = [PublishedProblem(*base), PublishedProblem("phases", 60, 60, 0, 200, 4, 6)]
    other = [
        PublishedProblem("constant", 60, 60, 0, 100, 4, 6),
        PublishedProblem("phases", 60, 30, 0, 100, 4, 6),
        PublishedProblem("phases", 60, 60, 5, 100, 4, 6),
        PublishedProblem("phases", 60, 60, 0, 100, 8, 6),
        PublishedProblem("phases", 60, 60, 0, 100, 4, 12),
    ]

    assert [0, 0, 2, 3, 4, 5, 6] == first_alike([*none, *other]).tolist()


SMALL = [p for p in PROBLEMS if p.length_h == 2 and p.longest_wait_h == 6]


@pytest.mark.parametrize("problem", [p for p in SMALL if p.startup_min in (0, 30)][::3])
def test_highs_proves_the_same_optimum(problem):
    intensity = datasets.carbon_intensity("DE", 2020)
    window = EPOCH_S + 86_400 * 8, EPOCH_S + 86_400 * 8 + problem.window_s
    best = best_schedule(problem.job, intensity, *window)

    judge = solve(tight_program(problem.job, intensity, *window))

    assert "optimal" == judge.status
    found_g = charge(best, problem.job, intensity).emissions_g
    assert found_g == pytest.approx(judge.objective_g, rel=1e-9)


def test_cbc_proves_the_same_optimum_with_the_published_program():
    intensity = datasets.carbon_intensity("DE", 2020)
    problem = PublishedProblem("constant", 60, 60, 30, 100, 1, 6)
    window = EPOCH_S + 86_400 * 8, EPOCH_S + 86_400 * 8 + problem.window_s
    rules = Suspension(most_resumes=PUBLISHED_STARTS - 1)
    best = best_schedule(problem.job, intensity, *window, suspension=rules)

    judge = solve(big_m_program(problem.job, intensity, *window), solver="cbc")

    assert "optimal" == judge.status
    found_g = charge(best, problem.job, intensity).emissions_g
    assert found_g == pytest.approx(judge.objective_g, rel=1e-9)


UNINTERRUPTED = [
    # results/simulation/evaluation_jobs/carbon_*_details of the published code: 1, 2, 4, 8, 16 h
    (("phases", 60, 60, 5, 200), 96, (27.2, 42.0416667, 83.275, 169.7333333, 386.2916667)),
    (("constant", 60, 60, 5, 200), 48, (38.4, 60.8958333, 123.64375, 285.015625, 751.8515625)),
    (("constant", 60, 60, 30, 100), 96, (20.4, 40.95, 82.05, 169.2, 384.6)),
]


@pytest.mark.parametrize(("kind", "wait_h", "stored_g"), UNINTERRUPTED)
def test_starts_on_whole_hours_emit_what_the_published_results_store(july, kind, wait_h, stored_g):
    found = [
        on_the_hour(PublishedProblem(*kind, length, wait_h), july, july.edges_s[0])
        for length in LENGTHS_H
    ]

    assert found == pytest.approx(stored_g, rel=1e-7)


@pytest.mark.parametrize("stored", STORED_RUNS)
def test_a_stored_schedule_is_legal_and_charged_as_stored_but_never_below_the_optimum(july, stored):
    job, release_s = stored.problem.job, july.edges_s[0]
    deadline_s = release_s + stored.problem.window_s
    schedule = Schedule.from_intervals(
        job, release_s + np.array(stored.start_s), release_s + np.array(stored.stop_s)
    )
    best_g = charge(best_schedule(job, july, release_s, deadline_s), job, july).emissions_g

    check(schedule, job, release=release_s, deadline=deadline_s)
    assert stored.charged_g == pytest.approx(
        charge_as_published(schedule, job, july).emissions_g, rel=1e-9
    )
    assert best_g <= charge(schedule, job, july).emissions_g * (1 + 1e-12)


def test_the_published_program_solved_constant_power_and_missed_long_jobs_with_phases(july):
    release_s, missed = july.edges_s[0], {}
    for stored in STORED_RUNS:
        job = stored.problem.job
        schedule = Schedule.from_intervals(
            job, release_s + np.array(stored.start_s), release_s + np.array(stored.stop_s)
        )
        best = best_schedule(job, july, release_s, release_s + stored.problem.window_s)
        excess = charge(schedule, job, july).emissions_g / charge(best, job, july).emissions_g
        missed.setdefault(stored.problem.power, []).append(excess - 1)

    assert missed["constant"] == pytest.approx([0, 0], abs=1e-12)
    assert 0.3813 == pytest.approx(max(missed["phases"]), abs=5e-5)


def test_most_of_the_1200_optima_on_the_published_curve_never_resume(solved):
    resumes = solved[-1].astype(int)

    assert [932, 217, 51] == np.bincount(resumes).tolist()


def test_savings_on_the_published_curve(solved):
    now_g, start_g, best_g, _, _ = solved

    assert 0.429 == pytest.approx((1 - best_g / now_g).mean(), abs=5e-4)
    assert 0.410 == pytest.approx((1 - start_g / now_g).mean(), abs=5e-4)
    assert (best_g <= start_g * (1 + 1e-12)).all()


def test_the_published_charge_understates_resumed_jobs(solved):
    _, _, best_g, published_g, resumes = solved
    understated = (1 - published_g / best_g)[resumes > 0]

    assert 0.0118 == pytest.approx(understated.mean(), abs=5e-5)
    assert 0.0534 == pytest.approx(understated.max(), abs=5e-5)
    assert published_g[resumes == 0] == pytest.approx(best_g[resumes == 0], rel=1e-12)
