"""Suspend and resume: the dynamic program against brute force, laws and bad input."""

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_problems import EPOCH_S, brute_force_g, curve, model, problems

from helpers.carbon import Intensity
from helpers.extras import compiled
from helpers.phases import Phase, Suspension, generic_ml
from helpers.schedule import _events, _grid
from helpers.schedule.intervals import Schedule, charge, check
from helpers.schedule.start import best_starts
from helpers.schedule.suspend import (
    Progress,
    best_schedule,
    best_schedules,
    break_even_ratio,
    grid,
    least_emissions_g,
    plan,
)


def solved_g(job, intensity, release_s, deadline_s, suspension=None, resolution_s=None):
    """Emissions of the best schedule, once it has passed the checker."""
    schedule = best_schedule(
        job,
        intensity,
        release_s,
        deadline_s,
        suspension=suspension,
        resolution_s=resolution_s,
    )
    check(schedule, job, release=release_s, deadline=deadline_s, suspension=suspension)
    return charge(schedule, job, intensity, suspension).emissions_g


def close(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=250)
@given(problems())
def test_the_dynamic_program_finds_what_brute_force_finds(problem):
    job, intensity, release_s, deadline_s, suspension = problem

    found_g = solved_g(*problem)

    assert close(found_g) == brute_force_g(job, intensity, release_s, deadline_s, suspension, 60.0)


def test_every_run_but_the_last_lasts_as_long_as_the_rules_demand():
    job = model([], [(420, 100)])
    intensity = curve([1, 1, 1, 1, 20, 9, 1, 1, 9, 9, 9, 1, 9, 9, 9, 9])

    minutes = {}
    for least_run_s in (0, 180, 300):
        rules = Suspension(least_run_s=least_run_s)
        schedule = best_schedule(job, intensity, EPOCH_S, EPOCH_S + 960, suspension=rules)
        minutes[least_run_s] = ((schedule.stop_s - schedule.start_s) / 60).tolist()

    assert {0: [4.0, 2.0, 1.0], 180: [4.0, 3.0], 300: [5.0, 2.0]} == minutes


def test_a_run_after_a_resume_lasts_as_long_as_the_rules_demand():
    job = model([], [(480, 100)])
    intensity = curve([1, 1, 1, 20, 20, 1, 9, 9, 9, 1, 1, 1, 9])

    schedule = best_schedule(
        job, intensity, EPOCH_S, EPOCH_S + 780, suspension=Suspension(least_run_s=180)
    )

    assert [3.0, 5.0] == ((schedule.stop_s - schedule.start_s) / 60).tolist()


# With a negative intensity a run without work could pay: found is then not proven, and said so.
@pytest.mark.filterwarnings("ignore:the least emissions of job")
@settings(deadline=None, max_examples=100)
@given(problems(most_slots=30, longest=5))
def test_the_value_alone_is_that_of_the_schedule(problem):
    job, intensity, release_s, deadline_s, suspension = problem

    value_g = least_emissions_g(job, intensity, release_s, deadline_s, suspension=suspension)

    assert close(value_g) == solved_g(*problem)


@settings(deadline=None, max_examples=100)
@given(problems(most_slots=30, longest=5, marginal=False), st.sampled_from([30.0, 20.0, 12.0]))
def test_a_grid_finer_than_the_greatest_common_divisor_gains_nothing(problem, finer_s):
    job, intensity, release_s, deadline_s, suspension = problem
    busy_w = [*job.startup_profile.power_w, *suspension.save_profile.power_w, 1e9]
    power_w = min(suspension.suspended_power_w, *busy_w)  # else runs without work would pay
    suspension = dataclasses.replace(suspension, suspended_power_w=power_w)

    coarse_g = solved_g(job, intensity, release_s, deadline_s, suspension)
    fine_g = solved_g(job, intensity, release_s, deadline_s, suspension, finer_s)

    assert close(coarse_g) == fine_g


@settings(deadline=None, max_examples=100)
@given(
    problems(most_slots=30, longest=5), st.sampled_from([37.0, 45.0, 61.3, 120.0, 250.0, 4000.0])
)
def test_a_grid_that_divides_nothing_gives_a_schedule_that_keeps_all_rules(problem, odd_s):
    job, intensity, release_s, deadline_s, suspension = problem

    odd_g = solved_g(job, intensity, release_s, deadline_s, suspension, odd_s)

    value_g = least_emissions_g(
        job, intensity, release_s, deadline_s, suspension=suspension, resolution_s=odd_s
    )
    assert value_g == pytest.approx(odd_g, rel=1e-7, abs=1e-7)  # epochs hold 2.4e-7 s
    at_once = Schedule.from_work(job, release_s, job.work_profile.duration_s)
    assert odd_g <= charge(at_once, job, intensity).emissions_g + 1e-9


@settings(deadline=None, max_examples=100)
@given(problems(most_slots=30, longest=5))
def test_without_resumes_it_is_the_best_start_in_continuous_time(problem):
    job, intensity, release_s, deadline_s, suspension = problem
    once = dataclasses.replace(suspension, most_resumes=0)

    found_g = solved_g(job, intensity, release_s, deadline_s, once)

    assert close(found_g) == best_starts(job, intensity, release_s, deadline_s).emissions_g[0]


@settings(deadline=None, max_examples=60)
@given(problems(most_slots=30, longest=5))
def test_more_freedom_never_costs_more(problem):
    job, intensity, release_s, deadline_s, suspension = problem

    def with_rules(**changes):
        return solved_g(
            job, intensity, release_s, deadline_s, dataclasses.replace(suspension, **changes)
        )

    by_resumes = [with_rules(most_resumes=most) for most in (0, 1, 2, 3, None)]
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(by_resumes))
    assert with_rules(keep="anywhere") <= with_rules(keep="checkpoints") + 1e-9
    assert with_rules(least_run_s=0.0) <= with_rules(least_run_s=240.0) + 1e-9
    if intensity.kind == "average":
        plain = {"suspended_power_w": 0.0, "least_run_s": 0.0}
        assert with_rules(**plain, save=()) <= with_rules(**plain) + 1e-9


def lossy_schedules_g(job, intensity, release_s, deadline_s, suspension, slot_s=60.0):
    """Least emissions when runs may stop anywhere and lose work, by full enumeration."""
    work_s, best = job.work_profile.duration_s, [np.inf]

    def extend(starts_s, works_s, kept_s, free_s):
        for start_s in np.arange(free_s, deadline_s, slot_s):
            room_s = deadline_s - start_s - job.startup_profile.duration_s
            if room_s < work_s - kept_s + job.end_profile.duration_s:
                return
            for to_s in np.arange(kept_s + slot_s, work_s + 1, slot_s):
                schedule = Schedule.from_work(
                    job, [*starts_s, start_s], [*works_s, to_s - kept_s], suspension
                )
                if to_s == work_s:
                    best[0] = min(best[0], charge(schedule, job, intensity, suspension).emissions_g)
                else:
                    stop_s = start_s + job.startup_profile.duration_s + to_s - kept_s
                    extend(
                        [*starts_s, start_s],
                        [*works_s, to_s - kept_s],
                        suspension.kept_s(job, to_s),
                        stop_s + suspension.save_profile.duration_s,
                    )

    extend([], [], 0.0, release_s)
    return best[0]


@settings(deadline=None, max_examples=40)
@given(problems(most_slots=7, marginal=False))
def test_losing_work_never_pays_while_no_intensity_is_negative(problem):
    job, intensity, release_s, deadline_s, suspension = problem
    rules = dataclasses.replace(
        suspension,
        keep="checkpoints",
        most_resumes=None,
        least_run_s=0.0,
        suspended_power_w=0.0,
    )
    deadline_s = min(deadline_s, release_s + 7 * 60)
    if deadline_s - release_s < job.duration_s:
        deadline_s = release_s + job.duration_s

    planned_g = solved_g(job, intensity, release_s, deadline_s, rules)

    assert planned_g <= lossy_schedules_g(job, intensity, release_s, deadline_s, rules) + 1e-9


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 500), min_size=3, max_size=40), st.data())
def test_constant_power_without_start_up_runs_in_the_cheapest_slots(values, data):
    slots = data.draw(st.integers(1, len(values)))
    job = model([], [(60.0 * slots, 3.6e6 / 60)])

    found_g = solved_g(job, curve(values), EPOCH_S, EPOCH_S + 60 * len(values))

    assert close(found_g) == sum(sorted(values)[:slots])


@settings(deadline=None, max_examples=40)
@given(problems(most_slots=30, longest=5), st.floats(0.1, 10), st.integers(-10_000, 10_000))
def test_neither_units_nor_the_epoch_change_the_schedule_beyond_ties(problem, factor, hours):
    job, intensity, release_s, deadline_s, suspension = problem
    if intensity.kind == "marginal":
        factor = 1.0
    shift_s = 3600.0 * hours
    moved = Intensity(
        intensity.edges_s + shift_s,
        intensity.intensity_g_per_kwh * factor,
        intensity.kind,
        "YY",
        "elsewhere",
    )

    here = best_schedule(job, intensity, release_s, deadline_s, suspension=suspension)
    there = best_schedule(
        job, moved, release_s + shift_s, deadline_s + shift_s, suspension=suspension
    )

    back = dataclasses.replace(
        there, start_s=there.start_s - shift_s, stop_s=there.stop_s - shift_s
    )
    here_g = charge(here, job, intensity, suspension).emissions_g
    assert close(here_g) == charge(back, job, intensity, suspension).emissions_g
    if factor == 1.0:
        assert here == back


def test_the_zone_in_which_times_are_written_changes_nothing():
    hours = pd.date_range("2020-10-24", periods=72, freq="h", tz="Europe/Berlin")
    values = 300 + 100 * np.sin(np.arange(72) / 3) + 10 * np.cos(np.arange(72))
    berlin, utc = (
        Intensity.from_series(pd.Series(values, index), kind="average", zone="DE", source="x")
        for index in (hours, hours.tz_convert("UTC"))
    )
    job = model([(600, 100)], [(7200, 200), (10_800, 100), (7200, 250)])

    first = best_schedule(job, berlin, hours[0], hours[71])
    second = best_schedule(
        job, utc, hours[0].tz_convert("Asia/Tokyo"), hours[71].tz_convert("America/Lima")
    )

    assert first == second
    assert first.resumes > 0


def test_a_flat_intensity_starts_at_once_and_never_stops():
    for job in (generic_ml(), model([], [(60, 100), (300, 100)])):
        schedule = best_schedule(
            job, curve([250.7] * 600, 1.7), EPOCH_S, EPOCH_S + 1000, resolution_s=5.0
        )

        assert 0 == schedule.resumes
        assert EPOCH_S == schedule.start_s[0]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 3),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([(0, 0.0), (1, 0.0), (1, 15.0), (0, 15.0)]),
    st.sampled_from([0.9, 1.1]),
)
def test_a_resume_pays_exactly_when_the_intensity_swings_by_the_break_even_ratio(
    startup, before, after, stopping, factor
):
    """A hill between two valleys; without a pause the shorter piece of work lies on the hill."""
    save, suspended_power_w = stopping
    job = model([(60.0 * startup, 200)] if startup else [], [(60.0 * (before + after), 200)])
    rules = Suspension(
        save=[Phase("save", 60.0, 10)] if save else (), suspended_power_w=suspended_power_w
    )
    hill = startup + max(before, after) + save
    ratio = break_even_ratio(
        job, 60.0 * min(before, after), pause_s=60.0 * (hill - save), suspension=rules
    )
    low, high = 100.0, 100.0 * max(ratio * factor, 1.0)
    values = [low] * (startup + before) + [high] * hill + [low] * (startup + after)

    schedule = best_schedule(
        job, curve(values), EPOCH_S, EPOCH_S + 60 * len(values), suspension=rules
    )

    assert (1 if factor > 1 else 0) == schedule.resumes


def test_the_break_even_ratio_is_infinite_where_a_pause_draws_what_it_saves():
    job = model([(60, 100)], [(600, 100)])

    assert 1.5 == break_even_ratio(job, 120)
    assert np.inf == break_even_ratio(
        job, 120, pause_s=600, suspension=Suspension(suspended_power_w=20)
    )
    with pytest.raises(ValueError, match=r"moved_s\(=0\) must be > 0 s"):
        break_even_ratio(job, 0)


@settings(deadline=None, max_examples=40)
@given(problems(most_slots=16))
def test_the_rest_of_an_optimal_schedule_is_optimal(problem):
    job, intensity, release_s, deadline_s, suspension = problem
    schedule = best_schedule(job, intensity, release_s, deadline_s, suspension=suspension)
    first_stop_s, second_s = schedule.stop_s[0], schedule.start_s[-1]
    if schedule.resumes != 1 or not job.work_profile.duration_s > schedule.work_to_s[0]:
        return

    rest = plan(
        job,
        intensity,
        first_stop_s,
        deadline_s,
        progress=Progress(work_s=schedule.work_to_s[0], starts=1),
        suspension=suspension,
        resolution_s=60.0,
    )

    again = Schedule.from_work(
        job,
        [schedule.start_s[0], *(run.start_s for run in rest)],
        [schedule.work_to_s[0], *(run.work_to_s - run.work_from_s for run in rest)],
        suspension,
    )
    check(again, job, release=release_s, deadline=deadline_s, suspension=suspension)
    assert second_s >= first_stop_s
    assert close(charge(schedule, job, intensity, suspension).emissions_g) == (
        charge(again, job, intensity, suspension).emissions_g
    )


def test_a_run_under_way_goes_on_without_a_start_up_or_stops_at_once():
    job = model([(60, 100)], [(300, 100)])
    progress = Progress(work_s=120, starts=1, run_start_s=EPOCH_S - 180, may_stop=True)

    stays = plan(job, curve([100] * 20), EPOCH_S, EPOCH_S + 600, progress=progress)
    leaves = plan(job, curve([900] * 4 + [1] * 16), EPOCH_S, EPOCH_S + 600, progress=progress)

    assert [(EPOCH_S, 120.0, 300.0, True)] == [dataclasses.astuple(run) for run in stays]
    assert [True, False] == [run.continued for run in leaves]
    assert 120.0 == leaves[0].work_to_s
    assert EPOCH_S + 240 <= leaves[1].start_s
    forbidden = dataclasses.replace(progress, may_stop=False)
    keeps = plan(job, curve([900] * 4 + [1] * 16), EPOCH_S, EPOCH_S + 600, progress=forbidden)
    assert keeps[0].work_to_s > 120.0


@pytest.mark.parametrize(("suspended_power_w", "waits_s"), [(0.0, 60.0), (50.0, 0.0)])
def test_a_suspended_job_waits_for_better_times_unless_waiting_costs_more(
    suspended_power_w, waits_s
):
    job, intensity = model([], [(120, 100)]), curve([100, 60, 100])

    (run,) = plan(
        job,
        intensity,
        EPOCH_S,
        EPOCH_S + 180,
        progress=Progress(work_s=60, starts=1),
        suspension=Suspension(suspended_power_w=suspended_power_w),
    )

    assert (waits_s, 60.0, 120.0) == (run.start_s - EPOCH_S, run.work_from_s, run.work_to_s)


def test_many_jobs_are_solved_like_each_alone():
    rng = np.random.default_rng(5)
    intensity = curve(rng.integers(50, 500, 200))
    jobs = [
        model([(60, 100)], [(60.0 * rng.integers(1, 9), 200), (60.0 * rng.integers(1, 9), 90)])
        for _ in range(12)
    ]
    releases_s = EPOCH_S + 60.0 * rng.integers(0, 50, 12)

    many = best_schedules(jobs, intensity, releases_s, releases_s + 7200)

    alone = [
        best_schedule(job, intensity, release_s, release_s + 7200)
        for job, release_s in zip(jobs, releases_s, strict=True)
    ]
    assert alone == many


def test_the_compiled_loop_does_what_the_source_says(monkeypatch):
    job = model([(60, 100), (60, 150)], [(240, 200), (180, 90)], [(60, 10)], checkpoints={0})
    rules = Suspension(save=[Phase("save", 60, 50)], most_resumes=2, least_run_s=300)
    intensity = curve(np.random.default_rng(3).integers(50, 500, 40))
    odd = model([(60.1, 100)], [(2400.7, 200), (1800.3, 90)])
    even = (job, intensity, EPOCH_S, EPOCH_S + 2400)
    hours = (odd, curve([60, 400, 60, 420, 70, 80], 3600.0), EPOCH_S, EPOCH_S + 4 * 3600)

    def found():
        exact = best_schedule(*even, suspension=rules), best_schedule(*hours)
        return *exact, best_schedule(*even, suspension=rules, resolution_s=40.0)

    fast = found()
    for module in (_grid, _events):
        monkeypatch.setattr(module, "compiled", lambda function, *helpers: function)

    assert fast == found()
    assert ("event points", 1) == (fast[1].certificate.method, fast[1].resumes)


def test_where_no_cache_can_be_written_the_loop_is_compiled_all_the_same(monkeypatch):
    import numba

    asked = []

    def njit(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'add': no locator available for file")
        return Loop

    class Loop:
        """What numba makes of a function, without its machine code."""

        typeof_pyval = staticmethod(type)

        def __init__(self, function):
            self.function = function

        def compile(self, types):
            assert (int, int) == types

        def __call__(self, *arguments):
            return self.function(*arguments)

    monkeypatch.setattr(numba, "njit", njit)

    def add(a, b):
        return a + b

    assert 3 == compiled(add)(1, 2)
    assert [True, None] == [options.get("cache") for options in asked]


def test_importing_schedules_loads_no_heavy_library():
    code = (
        "import sys, helpers.schedule, helpers.schedule.milp, helpers.schedule.online; "
        "print(*{'numba', 'pulp', 'highspy', 'scipy', 'matplotlib', 'requests'} & "
        "set(sys.modules))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert [] == loaded


def test_a_grid_is_measured_even_where_it_is_too_large_to_be_filled():
    job = model([(5.349, 60)], [(8171.3, 220), (1547.7, 134)])
    intensity = curve([100.0, 300.0] * 60, 3600.0)
    window = EPOCH_S, EPOCH_S + 120 * 3600

    size = grid(job, intensity, *window)

    assert (432_000_000, 9_719_000, True) == (size.slots, size.rows, size.exact)
    assert 0.001 == pytest.approx(size.slot_s)
    assert not grid(job, intensity, *window, resolution_s=60).exact


def test_a_resolution_that_makes_too_many_states_is_coarsened_told_and_certified(monkeypatch):
    job = model([(5.349, 60)], [(8171.3, 220), (1547.7, 134)])
    asked = job, curve([100.0, 300.0] * 60, 3600.0), EPOCH_S, EPOCH_S + 120 * 3600
    free = best_schedule(*asked)
    monkeypatch.setattr("helpers.schedule.suspend.MAX_CELLS", 10_000_000)

    with pytest.warns(
        UserWarning, match=r"resolution_s\(=0.01\) makes [\d,]+ states, more than .* instead"
    ):
        coarse = best_schedule(*asked, resolution_s=0.01)
    assert coarse.certificate.lower_g <= free.emissions_g * (1 + 1e-9)
    assert free.emissions_g <= coarse.emissions_g * (1 + 1e-9)


@pytest.mark.parametrize("resolution_s", [0, -60, float("nan")])
def test_a_resolution_that_is_no_length_is_refused(resolution_s):
    with pytest.raises(ValueError, match=r"resolution_s\(=.*\) must be finite and > 0 s"):
        best_schedule(
            model([], [(60, 1)]),
            curve([1] * 9),
            EPOCH_S,
            EPOCH_S + 540,
            resolution_s=resolution_s,
        )


def test_a_deadline_too_short_and_an_intensity_too_short_are_refused_with_numbers():
    job = model([(60, 100)], [(600, 100)])

    with pytest.raises(ValueError, match=r"needs 660 s .* only 600 s: move the deadline to"):
        best_schedule(job, curve([1] * 99), EPOCH_S, EPOCH_S + 600)
    with pytest.raises(ValueError, match="leaves the intensity of XX, which covers"):
        least_emissions_g(job, curve([1] * 11), EPOCH_S, EPOCH_S + 720)


def test_a_plan_for_what_cannot_be_done_any_more_is_refused():
    job, intensity = model([(60, 100)], [(600, 100)]), curve([1] * 99)

    with pytest.raises(ValueError, match="still needs 360 s, but only 300 s are left: move the"):
        plan(job, intensity, EPOCH_S, EPOCH_S + 300, progress=Progress(work_s=300, starts=1))
    with pytest.raises(ValueError, match="most_resumes = 0 allows no further start"):
        plan(
            job,
            intensity,
            EPOCH_S,
            EPOCH_S + 600,
            progress=Progress(work_s=300, starts=1),
            suspension=Suspension(most_resumes=0),
        )


def test_windows_that_do_not_match_the_jobs_are_counted():
    job, flat = model([], [(60, 10)]), curve([300.0] * 4)
    with pytest.raises(ValueError, match=r"release has shape \(3,\), but there are 2 jobs"):
        best_schedules([job, job], flat, [EPOCH_S] * 3, EPOCH_S + 120)


def test_one_job_with_many_windows_is_told_where_to_go():
    job, flat = model([], [(60, 10)]), curve([300.0] * 4)
    with pytest.raises(ValueError, match=r"deadline holds 2 instants, .* best_schedules\(\)"):
        best_schedule(job, flat, EPOCH_S, [EPOCH_S + 120] * 2)
