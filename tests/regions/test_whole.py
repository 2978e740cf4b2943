"""Whole jobs over sites: the bound and the plan against a mixed-integer program."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from sites_problems import EPOCH_S, best_whole_g, sites, whole

from helpers import datasets
from helpers.regions import Site, SiteJobs, Slots, place_jobs
from helpers.work import Workload, workload_table


@given(problem=whole())
@settings(max_examples=80)
def test_the_optimum_lies_between_the_bound_and_the_plan(problem):
    slots, jobs, may = problem
    if (jobs.last_start + np.ceil(jobs.length_s / 3600.0) > slots.count).any():
        with pytest.raises(ValueError, match="may end in slot"):
            place_jobs(slots, jobs, allowed=may)
        return
    least_g = best_whole_g(slots, jobs, may)
    if least_g is None:
        with pytest.raises(ValueError, match="no plan was found"):
            place_jobs(slots, jobs, allowed=may)
        return
    try:
        found = place_jobs(slots, jobs, allowed=may)
    except ValueError:  # none was found, though there is one
        return

    assert found.lower_g <= least_g * (1 + 1e-9) + 1e-9
    assert least_g <= found.emissions_g * (1 + 1e-9) + 1e-9


@given(problem=whole())
@settings(max_examples=60)
def test_a_plan_keeps_windows_homes_and_capacities(problem):
    slots, jobs, may = problem
    try:
        found = place_jobs(slots, jobs, allowed=may)
    except ValueError:
        return
    away = found.site != jobs.home
    path = np.where(away, np.ceil(jobs.transfer_s / slots.step_s), 0)
    capacity = np.array([site.capacity_kw for site in slots.sites])

    assert (found.start >= jobs.release + path).all()
    assert (found.start <= jobs.last_start).all()
    assert may[jobs.home, found.site].all()
    assert (found.used_kw() <= capacity[:, None] * (1 + 1e-9)).all()


def test_jobs_in_units_of_two_leave_the_third_kilowatt_free():
    slots = Slots(sites([[1.0, 100.0]], [3.0]), EPOCH_S, 2)
    jobs = SiteJobs(
        np.zeros(2, int), np.zeros(2, int), np.ones(2, int), np.full(2, 3600.0), np.full(2, 2.0)
    )

    found = place_jobs(slots, jobs)

    assert pytest.approx(202.0) == found.emissions_g
    assert pytest.approx(202.0, rel=1e-3) == found.lower_g


def test_two_weeks_of_twelve_grids_are_placed_within_one_percent_of_any_plan():
    rng, hours, n = np.random.default_rng(1), 14 * 24, 4000
    length = rng.lognormal(1, 0.8, n).clip(0.3, 24)
    power, release = rng.choice([5.0, 10.0, 20.0, 40.0], n), rng.integers(0, hours - 1, n)
    mean_kw = (length * power).sum() / hours / 12
    zones, start = datasets.zones(), pd.Timestamp("2020-03-02T00:00Z")
    grids = [Site(z, datasets.carbon_intensity(z, 2020), 2 * mean_kw) for z in zones]
    jobs = SiteJobs(rng.integers(0, 12, n), release, release + 24, 3600 * length, power)

    found = place_jobs(Slots(grids, start, hours + 48), jobs)

    assert found.gap < 0.01
    assert found.saving > 0.4


def workload(**columns):
    table = {"job_id": [1, 2], "submit_s": [0.0, 1800.0], "run_s": 5400.0, "requested_s": 7200.0,
             "processors": [1, 4], "power_w": 100.0, "longest_wait_s": 7200.0}  # fmt: skip
    epoch = pd.Timestamp(EPOCH_S, unit="s", tz="UTC")
    return Workload(workload_table(table | columns), epoch=epoch)


def test_jobs_come_from_one_workload_a_site():
    slots = Slots(sites([[1.0] * 8] * 2, [3.0] * 2), EPOCH_S, 8)

    jobs = SiteJobs.from_workloads(slots, [workload(), workload()], transfer_kwh=0.5)

    assert [0, 0, 1, 1] == jobs.home.tolist()
    assert [0, 1, 0, 1] == jobs.release.tolist()
    assert [2, 2, 2, 2] == jobs.last_start.tolist()
    assert [0.1, 0.4, 0.1, 0.4] == pytest.approx(jobs.power_kw)
    assert [0.15, 0.6, 0.15, 0.6] == pytest.approx(jobs.work_kwh)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"longest_wait_s": np.inf}, "may wait for ever"),
        ({"longest_wait_s": 60.0}, "at no border of a slot"),
        ({"submit_s": [-1.0, 0.0]}, "before the first slot"),
    ],
)
def test_a_job_that_fits_no_slot_is_named(columns, message):
    slots = Slots(sites([[1.0] * 8], [3.0]), EPOCH_S, 8)

    with pytest.raises(ValueError, match=message):
        SiteJobs.from_workloads(slots, [workload(**columns)])


def test_a_job_larger_than_every_site_is_named():
    slots = Slots(sites([[1.0, 1.0]], [1.0]), EPOCH_S, 2)
    jobs = SiteJobs(
        np.zeros(1, int), np.zeros(1, int), np.ones(1, int), np.ones(1), np.full(1, 2.0)
    )

    with pytest.raises(ValueError, match="job 0 draws 2 kW, more than the capacity"):
        place_jobs(slots, jobs)
