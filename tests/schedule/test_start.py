"""The best start of an uninterrupted job, against searches that share no code with it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_problems import EPOCH_S, curve, model

from helpers.carbon import Intensity
from helpers.schedule.intervals import charge, check
from helpers.schedule.start import best_start, best_starts, starts_of_twin

SECONDS = st.floats(1, 5000).map(lambda x: round(x, 2))


@st.composite
def starts(draw):
    """A job of any phases, an intensity of irregular steps, and a window in it."""
    pairs = st.tuples(SECONDS, st.sampled_from([0.0, 50.0, 75.5, 200.0, 300.0]))
    startup, work, end = (draw(st.lists(pairs, min_size=least, max_size=3)) for least in (0, 1, 0))
    job = model(startup, work, end)
    early_s, slack_s, late_s = draw(SECONDS), draw(SECONDS) - 1, draw(SECONDS)
    release_s = EPOCH_S + early_s
    deadline_s = release_s + job.duration_s + slack_s
    inner = draw(st.lists(st.floats(0, 1), max_size=12, unique=True))
    span_s = deadline_s + late_s - EPOCH_S
    cuts_s = np.round(np.array(inner) * span_s, 2)
    edges_s = np.unique([0.0, *cuts_s[cuts_s < span_s - 0.005], span_s])
    kind = draw(st.sampled_from(["average", "marginal"]))
    lowest = -100 if kind == "marginal" else 0
    values = draw(
        st.lists(st.integers(lowest, 500), min_size=edges_s.size - 1, max_size=edges_s.size - 1)
    )
    intensity = Intensity(EPOCH_S + edges_s, np.array(values, float), kind, "XX", "generated")
    return job, intensity, release_s, deadline_s


def at_all_meetings(job, intensity, release_s, deadline_s):
    """Starts at which a phase border meets a step, and the ends of the window."""
    last_s = deadline_s - job.duration_s
    meetings = (intensity.edges_s[:, None] - job.profile.edges_s).ravel()
    inside = meetings[(meetings > release_s) & (meetings < last_s)]
    return np.concatenate([[release_s, max(last_s, release_s)], inside])


def emissions_g(job, intensity, starts_s):
    profile = job.profile
    return intensity.emissions_of_profile_g(
        np.clip(starts_s, None, intensity.edges_s[-1] - job.duration_s - 1e-6),
        profile.edges_s,
        profile.power_w,
    )


@settings(deadline=None, max_examples=200)
@given(starts())
def test_no_start_of_a_dense_grid_is_better(problem):
    job, intensity, release_s, deadline_s = problem
    dense_s = np.linspace(release_s, max(release_s, deadline_s - job.duration_s), 2001)

    found = best_starts(job, intensity, release_s, deadline_s)

    scale_g = job.energy_j * np.abs(intensity.intensity_g_per_kwh).max() / 3.6e6
    least_g = emissions_g(job, intensity, dense_s).min()
    assert found.emissions_g[0] <= least_g + 1e-9 * scale_g + 1e-12


@settings(deadline=None, max_examples=200)
@given(starts())
def test_the_best_start_lets_a_phase_border_meet_a_step_or_lies_at_an_end(problem):
    job, intensity, release_s, deadline_s = problem
    meetings_s = at_all_meetings(job, intensity, release_s, deadline_s)

    found = best_starts(job, intensity, release_s, deadline_s)

    scale_g = job.energy_j * np.abs(intensity.intensity_g_per_kwh).max() / 3.6e6
    assert np.abs(meetings_s - found.start_s[0]).min() < 1e-5
    least_g = emissions_g(job, intensity, meetings_s).min()
    assert least_g == pytest.approx(found.emissions_g[0], rel=1e-9, abs=1e-9 * scale_g + 1e-12)


@settings(deadline=None, max_examples=50)
@given(starts())
def test_the_schedule_passes_the_checker_and_is_charged_what_was_promised(problem):
    job, intensity, release_s, deadline_s = problem

    schedule = best_start(job, intensity, release_s, deadline_s)

    check(schedule, job, release=release_s, deadline=deadline_s)
    promised_g = best_starts(job, intensity, release_s, deadline_s).emissions_g[0]
    assert promised_g == pytest.approx(
        charge(schedule, job, intensity).emissions_g, rel=1e-6, abs=1e-9
    )  # an epoch in a float64 is rounded to 2.4e-7 s


@settings(deadline=None, max_examples=30)
@given(st.lists(starts(), min_size=1, max_size=6))
def test_many_jobs_at_once_are_solved_like_each_alone(problems):
    intensity = problems[0][1]
    kept = [p for p in problems if p[3] <= intensity.edges_s[-1]]
    jobs, _, releases_s, deadlines_s = zip(*kept, strict=True)

    many = best_starts(jobs, intensity, releases_s, deadlines_s)

    alone = [best_starts(j, intensity, r, d) for j, _, r, d in kept]
    assert [a.start_s[0] for a in alone] == many.start_s.tolist()
    assert [a.emissions_g[0] for a in alone] == pytest.approx(many.emissions_g.tolist())
    assert [a.at_release_g[0] for a in alone] == pytest.approx(many.at_release_g.tolist())


def test_a_job_that_ends_with_the_intensity_is_charged_though_times_are_rounded():
    for seconds in (2.24, 0.07, 1.0 / 3):
        job = model([], [(seconds, 100)], [(seconds, 50)])
        release_s = EPOCH_S + 1.01
        intensity = Intensity(
            [EPOCH_S, release_s + job.duration_s], [200], "average", "XX", "generated"
        )

        schedule = best_start(job, intensity, release_s, intensity.edges_s[-1])

        expected_g = 150 * seconds * 200 / 3.6e6
        assert expected_g == pytest.approx(charge(schedule, job, intensity).emissions_g, rel=1e-5)


def test_equal_starts_go_to_the_earliest():
    job = model([(60, 100)], [(300, 200), (90, 50)])
    intensity = curve([200, 200, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 300])

    schedule = best_start(job, intensity, EPOCH_S + 1, EPOCH_S + 780)

    assert EPOCH_S + 120 == schedule.start_s[0]


def test_a_flat_intensity_starts_at_the_release():
    job = model([(61.7, 100.3)], [(300.1, 200.7), (90.9, 50.2)])

    schedule = best_start(job, curve([123.4] * 50), EPOCH_S + 7.3, EPOCH_S + 3000)

    assert EPOCH_S + 7.3 == schedule.start_s[0]


def test_a_rise_in_power_waits_for_the_fall_of_the_intensity():
    job = model([], [(90, 100), (150, 300)])

    schedule = best_start(job, curve([400] * 5 + [100] * 5), EPOCH_S, EPOCH_S + 600)

    assert EPOCH_S + 300 == schedule.start_s[0]  # all of it fits into the cheap half
    later = best_start(job, curve([400] * 5 + [100] * 3 + [600] * 2), EPOCH_S, EPOCH_S + 600)
    assert EPOCH_S + 300 - 60 == later.start_s[0]  # its high phase ends with the cheap time


def test_neither_units_nor_zones_nor_epochs_change_the_start():
    hours = pd.date_range("2020-03-29", periods=48, freq="h", tz="Europe/Berlin")
    values = 300 + 100 * np.sin(np.arange(48))
    berlin = Intensity.from_series(
        pd.Series(values, hours), kind="average", zone="DE", source="generated"
    )
    job, twice = (model([(600, 100 * k)], [(5000, 200 * k), (3000, 90 * k)]) for k in (1, 2))
    window = hours[2], hours[40]

    start_s = best_starts(job, berlin, *window).start_s[0]

    utc = [stamp.tz_convert("UTC") for stamp in window]
    assert start_s == best_starts(job, berlin, *utc).start_s[0]
    assert start_s == best_starts(twice, berlin, *window).start_s[0]
    year_s = 366 * 86400.0
    moved = Intensity(berlin.edges_s + year_s, values, "average", "DE", "generated")
    seconds = [stamp.timestamp() + year_s for stamp in window]
    assert start_s + year_s == best_starts(job, moved, *seconds).start_s[0]


def test_one_job_meets_many_windows_and_many_jobs_one_window():
    job, intensity = model([], [(120, 100)]), curve(range(20, 0, -1))

    waits = best_starts(job, intensity, EPOCH_S, EPOCH_S + np.array([120, 600, 1200]))
    jobs = best_starts([job, job], intensity, EPOCH_S, EPOCH_S + 600)

    assert [0, 480, 1080] == (waits.start_s - EPOCH_S).tolist()
    assert [480, 480] == (jobs.start_s - EPOCH_S).tolist()
    assert 0 == best_starts([], intensity, EPOCH_S, EPOCH_S + 600).start_s.size


def test_the_first_job_that_does_not_fit_is_named():
    short, long = model([], [(120, 100)]), model([], [(700, 100)])

    with pytest.raises(ValueError, match=r"needs 700 s .* only 600 s: move the deadline"):
        best_starts([short, long], curve([100] * 20), EPOCH_S, EPOCH_S + 600)


def test_a_window_beyond_the_intensity_is_refused():
    with pytest.raises(ValueError, match="nothing is extrapolated"):
        best_start(model([], [(120, 100)]), curve([100] * 5), EPOCH_S, EPOCH_S + 301)


def test_numbers_of_jobs_and_windows_that_differ_are_refused():
    job = model([], [(120, 100)])

    with pytest.raises(ValueError, match=r"2 jobs have \(3,\) releases and deadlines"):
        best_starts([job, job], curve([100] * 20), EPOCH_S + np.arange(3), EPOCH_S + 600)


@settings(deadline=None, max_examples=100)
@given(starts())
def test_who_plans_the_constant_twin_emits_what_its_start_costs_the_real_job(problem):
    job, intensity, release_s, deadline_s = problem
    best = best_starts(job, intensity, release_s, deadline_s)
    blind = starts_of_twin(job, intensity, release_s, deadline_s)
    twin = best_starts(job.constant_twin("whole"), intensity, release_s, deadline_s)

    assert list(twin.start_s) == list(blind.start_s)
    assert emissions_g(job, intensity, blind.start_s) == pytest.approx(blind.emissions_g, abs=1e-6)
    assert best.at_release_g == pytest.approx(blind.at_release_g)
    assert best.emissions_g[0] <= blind.emissions_g[0] + 1e-6


def test_a_job_of_one_power_is_planned_as_well_by_its_twin():
    job, hourly = model([], [(7200, 300.0)]), curve([5, 4, 1, 1, 2, 5], step_s=3600.0)
    blind = starts_of_twin(job, hourly, EPOCH_S, EPOCH_S + 6 * 3600)

    assert [EPOCH_S + 2 * 3600] == list(blind.start_s)
