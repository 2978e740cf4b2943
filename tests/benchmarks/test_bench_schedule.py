"""Speed of schedules, side by side with PuLP and CBC on the published program.

All times are warm: the loops are compiled (or read from numba's cache) before the clock
starts. The curve is that of Germany in 2020, hourly.
"""

import os
import time

import numpy as np
import pytest

from helpers import datasets
from helpers.carbon import Intensity
from helpers.phases import Phase, PhaseModel, Repeat, Suspension, fill
from helpers.published.evaluation import published_problems
from helpers.schedule import (
    _events,
    best_schedule,
    best_schedules,
    best_starts,
    charge,
    least_emissions_g,
)
from helpers.schedule.milp import big_m_program, solve
from helpers.schedule.suspend import Progress, _Question

INTENSITY = datasets.carbon_intensity("DE", 2020)
JULY_S = float(INTENSITY.edges_s[0]) + 182 * 86_400
SLOT_S = 300.0
#: Seconds for CBC; what it has not solved by then makes the ratio a lower bound.
CBC_S = float(os.environ.get("BENCH_CBC_S", "60"))


def problem(slots, work, startup):
    """A job of phases of 60 minutes at 200 and 100 W, in slots of 5 minutes."""
    phases = fill([Phase("high", 3600, 200), Phase("low", 3600, 100)], work * SLOT_S)
    job = PhaseModel("benchmark", [Phase("start", startup * SLOT_S, 150)], phases)
    return job, INTENSITY, JULY_S, JULY_S + slots * SLOT_S


def random_jobs(count, seed=1):
    """Different jobs of up to a day, in slots of 5 minutes."""
    rng = np.random.default_rng(seed)
    numbers = zip(
        rng.integers(1, 7, count).tolist(),
        rng.integers(3, 145, (count, 2)).tolist(),
        rng.integers(50, 300, (count, 3)).tolist(),
        strict=True,
    )
    return [
        PhaseModel(
            "random",
            [Phase("start", SLOT_S * startup, float(powers[0]))],
            [Phase("one", SLOT_S * one, powers[1]), Phase("two", SLOT_S * two, powers[2])],
        )
        for startup, (one, two), powers in numbers
    ]


def test_the_1000_200_10_problem(benchmark):
    arguments = problem(1000, 200, 10)

    benchmark.pedantic(best_schedule, arguments, rounds=50, warmup_rounds=2)

    assert benchmark.stats.stats.median < 0.010


def cpu_s(function, rounds=20):
    """Least CPU time of a call [s]: other processes do not count."""
    function()
    times_s = []
    for _ in range(rounds):
        begin_s = time.process_time()
        function()
        times_s.append(time.process_time() - begin_s)
    return min(times_s)


def five_minutes():
    """The hourly curve drawn out to steps of five minutes that all differ."""
    edges_s = JULY_S - 3600 + 300.0 * np.arange(12 * 99 + 1)
    hours = (edges_s[:-1] - INTENSITY.edges_s[0]) / 3600 - 0.5
    places = np.arange(INTENSITY.intensity_g_per_kwh.size)
    values = np.interp(hours, places, INTENSITY.intensity_g_per_kwh)
    return Intensity(edges_s, values, "average", "DE", "drawn out")


def test_measured_phases_of_the_fitted_model(capsys):
    job = datasets.phase_model("roberta")
    day_s = cpu_s(lambda: best_schedule(job, INTENSITY, JULY_S, end_within="24h"))
    fine = five_minutes()
    fine_s = cpu_s(lambda: best_schedule(job, fine, JULY_S, end_within="96h"))

    with capsys.disabled():
        print(
            f"\nmeasured phases: 24 h hourly {day_s * 1e3:.1f} ms, 96 h of 5 min {fine_s * 1e3:.1f} ms"
        )
    assert day_s < 0.010
    assert fine_s < 0.100


def test_a_start_up_that_divides_nothing_beside_one_that_does(capsys):
    def job(startup_s):
        return PhaseModel("job", [Phase("start", startup_s, 150)], [Phase("work", 8 * 3600, 200)])

    window = (INTENSITY, JULY_S, JULY_S + 96 * 3600)
    asked = {
        startup_s: _Question(job(startup_s), *window, Progress(), Suspension(), None)
        for startup_s in (600.0, 601.37)
    }
    points_s = {s: cpu_s(lambda q=q: _events.solve(q.raw)) for s, q in asked.items()}
    whole_s = {s: cpu_s(lambda s=s: best_schedule(job(s), *window)) for s in asked}

    with capsys.disabled():
        print(
            f"\nstart-up 601.37 s over 600 s: event points {points_s[601.37] / points_s[600.0]:.2f}, "
            f"best_schedule, which takes a grid for 600 s, {whole_s[601.37] / whole_s[600.0]:.2f}"
        )
    assert points_s[601.37] < 1.5 * points_s[600.0]
    assert whole_s[601.37] < 1.5 * whole_s[600.0]


def test_all_1200_problems_in_one_batched_call(capsys):
    published = published_problems()
    jobs = [problem.job for problem in published]
    deadline_s = JULY_S + np.array([problem.window_s for problem in published])

    batched_s = cpu_s(lambda: best_schedules(jobs, INTENSITY, JULY_S, deadline_s, workers=1), 5)

    with capsys.disabled():
        print(f"\n1,200 published problems, one call: {batched_s:.3f} s of CPU")
    assert batched_s < 0.3


def test_the_1000_200_10_problem_against_cbc_on_the_published_program(benchmark, capsys):
    arguments = problem(1000, 200, 10)
    best_schedule(*arguments)
    begin_s = time.perf_counter()
    for _ in range(20):
        schedule = best_schedule(*arguments)
    ours_s = (time.perf_counter() - begin_s) / 20
    best_g = charge(schedule, *arguments[:2]).emissions_g
    program = big_m_program(*arguments)

    found = benchmark.pedantic(
        solve, (program,), {"solver": "cbc", "time_limit_s": CBC_S}, rounds=1
    )

    ratio = found.seconds / ours_s
    benchmark.extra_info.update(ours_s=ours_s, ratio=ratio, status=found.status)
    with capsys.disabled():
        print(
            f"\n1000/200/10: ours {ours_s * 1e3:.2f} ms, optimal, {best_g:.6f} g; CBC on the "
            f"published program ({found.variables:,} variables, {found.constraints:,} rows) "
            f"{found.status} after {found.seconds:.0f} s (limit {CBC_S:g} s), "
            f"{found.objective_g:.6f} g, bound {found.bound_g:.6f} g: "
            f"{'' if found.status == 'optimal' else 'more than '}{ratio:,.0f} times as long"
        )
    assert found.bound_g <= best_g * (1 + 1e-9)
    if found.status == "optimal":
        assert found.objective_g == pytest.approx(best_g, rel=1e-9)
    assert ratio > 10_000


def test_all_1200_problems_of_the_published_evaluation_on_one_core(benchmark):
    problems = [(p.job, INTENSITY, JULY_S, JULY_S + p.window_s) for p in published_problems()]
    best_schedule(*problems[0])

    def solve_all():
        return [best_schedule(*arguments) for arguments in problems]

    schedules = benchmark.pedantic(solve_all, rounds=3)

    assert 1200 == len(schedules)
    assert benchmark.stats.stats.median < 5


def test_ten_thousand_different_jobs_in_a_week_on_two_cores(benchmark):
    jobs = random_jobs(10_000)
    release_s = JULY_S + 3600.0 * np.random.default_rng(2).integers(0, 2000, len(jobs))
    best_schedule(jobs[0], INTENSITY, JULY_S, JULY_S + 7 * 86_400)

    benchmark.pedantic(
        best_schedules,
        (jobs, INTENSITY, release_s, release_s + 7 * 86_400),
        {"workers": 2},
        rounds=1,
    )

    assert benchmark.stats.stats.median < 60


def test_a_hundred_thousand_uninterruptible_jobs_on_a_year(benchmark):
    jobs = random_jobs(100_000)
    rng = np.random.default_rng(3)
    length_s = np.array([job.duration_s for job in jobs])
    span_s = INTENSITY.edges_s[-1] - INTENSITY.edges_s[0] - 6 * 86_400
    release_s = INTENSITY.edges_s[0] + rng.uniform(0, span_s, len(jobs))
    deadline_s = release_s + length_s + rng.uniform(0, 4 * 86_400, len(jobs))
    best_starts(jobs[:2], INTENSITY, release_s[:2], deadline_s[:2])

    benchmark.pedantic(best_starts, (jobs, INTENSITY, release_s, deadline_s), rounds=3)

    assert benchmark.stats.stats.median < 5


SIZES = [(600, 200), (2000, 600), (6000, 2000), (20_000, 6000)]  # 1e5, 1e6, 1e7, 1e8 states


@pytest.mark.parametrize(("slots", "work"), SIZES, ids=["1e5", "1e6", "1e7", "1e8"])
@pytest.mark.parametrize("solver", [best_schedule, least_emissions_g])
def test_time_grows_with_slots_times_work(benchmark, solver, slots, work):
    arguments = problem(slots, work, 10)
    solver(*problem(100, 10, 1))

    benchmark.pedantic(solver, arguments, rounds=5 if slots < 10_000 else 2)

    states = work * (slots - 10 - work) + work**2 / 2
    benchmark.extra_info["ns_per_state"] = 1e9 * benchmark.stats.stats.min / states
    if states > 1e6:  # below, the set-up of half a millisecond shows
        assert benchmark.extra_info["ns_per_state"] < 20


def test_one_plan_of_a_receding_horizon(benchmark):
    from helpers.schedule.suspend import Progress, plan

    job, intensity, release_s, deadline_s = problem(288, 48, 6)
    progress = Progress(12 * SLOT_S, 1, release_s - 18 * SLOT_S, may_stop=True)

    benchmark.pedantic(
        plan,
        (job, intensity, release_s, deadline_s),
        {"progress": progress, "resolution_s": SLOT_S},
        rounds=50,
        warmup_rounds=2,
    )


def test_nested_phases_only_at_checkpoints(benchmark):
    from helpers.phases import Suspension

    epoch = (Phase("train", 3000, 250), Phase("save", 300, 100, checkpoint=True))
    job = PhaseModel("epochs", [Phase("start", 600, 120)], [Repeat(20, epoch)])
    arguments = (job, INTENSITY, JULY_S, JULY_S + 7 * 86_400)

    benchmark.pedantic(
        best_schedule,
        arguments,
        {"suspension": Suspension(keep="checkpoints")},
        rounds=50,
        warmup_rounds=2,
    )
