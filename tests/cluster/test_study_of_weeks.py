"""Studies: the same work on the same machines, measured in the same window, paired."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cluster_problems import workload

from helpers import datasets
from helpers.carbon import Intensity
from helpers.cluster import replay
from helpers.cluster.account import emissions_g, job_energy
from helpers.decide import CarbonEasy, Easy, Fifo, PastQuantile
from helpers.study import (
    MEASURES,
    Stretch,
    Study,
    WeeksOfJobs,
    delay_s,
    in_turn,
    is_late,
    on_calendar,
    patience_s,
    share_kept,
    spread_over_energy,
    spread_weeks,
    weekly_panel,
)
from helpers.work import NodePower

HOUR, DAY = 3600.0, 86400.0
NODE = NodePower(idle_w=100.0, off_w=10.0, boot_w=125.0, boot_s=60.0, shutdown_s=10.0)
DATES = [f"2020-{month:02d}-04" for month in range(1, 10)]


def stretch(seed=1, n=60):
    """Jobs of three days, of which those of the second count."""
    rng = np.random.default_rng(seed)
    submit_s = np.sort(rng.uniform(0, 3 * DAY, n))
    run_s = rng.exponential(3 * HOUR, n) + 60
    work = workload(submit_s, run_s, rng.integers(1, 4, n), longest_wait_s=12 * HOUR)
    return Stretch(work, DAY, 2 * DAY)


def grid(zone, mean):
    edges_s = pd.Timestamp("2019-12-01", tz="UTC").timestamp() + HOUR * np.arange(24 * 330 + 1)
    hour, day = np.arange(24 * 330) % 24, np.arange(24 * 330) // 24
    values = mean * (1 + 0.4 * np.sin(2 * np.pi * hour / 24) + 0.2 * np.sin(day))
    return Intensity(edges_s, values, "average", zone, "made up")


@pytest.fixture(scope="module")
def study():
    return Study(
        {"a": stretch(1), "b": stretch(2)},
        lambda load, part: part.cluster(load, 4, NODE),
        {
            "FIFO": Fifo,
            "EASY": Easy,
            "gated": lambda: CarbonEasy(PastQuantile(0.4)),
        },
        {"one": grid("one", 100.0), "two": grid("two", 400.0)},
        {"one": "Europe/Berlin", "two": "Europe/London"},
        in_turn(DATES, ["a", "b"], since=DATES[0], every_days=30),
        blind=("FIFO", "EASY"),
    )


def test_a_stretch_counts_the_jobs_submitted_in_it_and_sizes_its_machine_by_them():
    part = stretch()
    jobs = part.work.jobs
    inside = jobs["submit_s"].between(DAY, 2 * DAY, inclusive="left").to_numpy()
    needed = (jobs["run_s"] * jobs["processors"])[inside].sum() / DAY

    machine = part.cluster(0.5, 4, NODE)

    assert inside.tolist() == part.counted.tolist()
    assert machine.cores - 4 < needed / 0.5 <= machine.cores
    with pytest.raises(ValueError, match=r"no job is submitted from 864000 s on .* choose another"):
        Stretch(part.work, 10 * DAY, 11 * DAY)


def test_a_stretch_of_a_log_has_the_jobs_around_it_and_waits_by_what_jobs_ask_for():
    log = datasets.job_log("unilu-gaia-2014")
    queues = [(2 * HOUR, 6 * HOUR), (np.inf, 24 * HOUR)]

    part = Stretch.from_log(
        log, 30, days=1, warm_days=1, late_days=0.5, queues=queues, power_w=8.0, errors="skip"
    )

    jobs = part.work.jobs
    assert (30 * DAY, 31 * DAY) == part.window
    assert 29 * DAY <= jobs["submit_s"].min() < 30 * DAY
    assert 31 * DAY < jobs["submit_s"].max() < 31.5 * DAY
    asks_little = (jobs["requested_s"] <= 2 * HOUR).to_numpy()
    assert (jobs["longest_wait_s"].to_numpy() == np.where(asks_little, 6, 24) * HOUR).all()
    with pytest.raises(ValueError, match=r"must grow, and the last one take all"):
        Stretch.from_log(log, 30, queues=queues[:1], power_w=8.0)


def test_a_stretch_begins_on_the_date_at_the_hour_its_jobs_were_submitted_at():
    part = stretch()  # its epoch is midnight in UTC

    origin = part.origin("2020-03-29", "Europe/Berlin")

    assert pd.Timestamp("2020-03-29", tz="Europe/Berlin") == origin + pd.Timedelta(days=1)


def test_weeks_are_spread_and_get_their_work_in_turn():
    dates = spread_weeks("2020-01-18", 4)

    assert ["2020-01-18", "2020-04-11", "2020-07-04", "2020-09-26"] == dates
    given = in_turn([*dates, "2019-10-26"], ["x", "y"], since=dates[0], every_days=84)
    assert ["x", "y", "x", "y", "y"] == list(given.values())


def test_a_case_is_what_the_account_says_of_the_counted_jobs_and_of_the_nodes_in_the_window(study):
    week, intensity = DATES[1], study.grids["two"]
    part, machine = study.stretch(week), study.cluster(0.6, week)
    done = replay(
        part.work,
        machine,
        CarbonEasy(PastQuantile(0.4)),
        intensity=intensity,
        origin=study.origin("two", week),
    )
    jobs_g = job_energy(done, intensity)["emissions_g"].to_numpy()[part.counted].sum()
    nodes_g = emissions_g(done, intensity, part.window).drop("jobs").sum()

    case = study.case("gated", 0.6, "two", week)

    assert (jobs_g, nodes_g) == pytest.approx((case["jobs_g"], case["nodes_g"]))
    assert case["delay_h"] == pytest.approx(delay_s(done)[part.counted].mean() / HOUR)
    assert case["late"] == pytest.approx(100 * is_late(done)[part.counted].mean())


def test_a_policy_that_knows_no_carbon_is_replayed_once_and_dated_anew(study):
    first, second = (study.replay("EASY", 0.6, zone, DATES[0]) for zone in ("one", "two"))

    assert first.runs is second.runs
    assert HOUR == second.origin_s - first.origin_s  # London is an hour behind Berlin
    fresh = study.replay_under(Easy(), 0.6, "two", DATES[0])
    pd.testing.assert_frame_equal(fresh.runs, second.runs)
    assert fresh.origin_s == second.origin_s


def test_a_study_gives_a_panel_that_can_be_compared(study):
    panel = study.run(["EASY", "gated"], [0.6, 0.9], DATES, ["one", "two"])

    assert 2 * 2 * 9 * 2 == len(panel.table)
    assert set(MEASURES) <= set(panel.table)
    ratio = panel.table["jobs_g"] / panel.table["jobs"]
    means = panel.table["zone"].map({zone: g.mean() for zone, g in study.grids.items()})
    assert ratio.to_numpy() == pytest.approx(means.to_numpy())
    found = panel.select(load=0.6).compare("jobs", "EASY", block=1)
    assert (9, 2) == (found.times, found.clusters)
    with pytest.raises(ValueError, match=r"policy 'easy' is not in the study, which has 'FIFO'"):
        study.run(["easy"], [0.6], DATES, ["one"])
    with pytest.raises(ValueError, match=r"is there 2 times for week"):
        panel.compare("jobs", "EASY")


def test_results_of_a_study_are_kept_and_belong_to_it(study, tmp_path):
    asked = (["EASY", "gated"], [0.6], DATES[:2], ["one"])
    first = study.run(*asked, out=tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}

    again = study.run(*asked, out=tmp_path)

    pd.testing.assert_frame_equal(first.table, again.table)
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    other = replace(study, stretches={"a": stretch(3), "b": stretch(2)})
    with pytest.raises(ValueError, match=r"holds results with function"):
        other.run(*asked, out=tmp_path)


def test_all_policies_are_measured_in_the_window_of_the_study(study):
    numbers = [study.metrics(name, 0.9, "one", DATES[0]) for name in ("FIFO", "EASY", "gated")]

    nodes = study.cluster(0.9, DATES[0]).nodes
    for row in numbers:
        on_kwh = row["energy_idle_kwh"] + row["energy_busy_kwh"]
        assert on_kwh == pytest.approx(nodes * 0.1 * 24)


def test_a_bound_holds_for_the_replays_it_was_made_for(study):
    week = DATES[0]
    done = [study.replay(name, 0.9, "one", week) for name in ("EASY", "gated")]

    bound = study.certified(0.9, "one", week, done, power_w=10.0 / 2, seed=1, iterations=20)

    patience = patience_s(study.stretch(week).work, done)
    assert (patience >= study.stretch(week).work.jobs["longest_wait_s"]).all()
    assert all((delay_s(one) <= patience).all() for one in done)
    free_g = study.endless_g("one", week, patience, power_w=10.0 / 2, pauses=True)
    assert free_g.sum() <= bound.lower_g <= bound.upper_g


def test_the_clock_on_the_wall_is_kept_over_the_year():
    hours = on_calendar(DAY * np.array([0, 180]) + 9 * HOUR, "2020-01-01", "Europe/Berlin")

    assert [9, 9] == hours.hour.tolist()
    assert (
        pd.Timestamp("2020-03-29 03:00", tz="Europe/Berlin")
        == on_calendar([2.5 * HOUR], "2020-03-29", "Europe/Berlin")[0]
    )


def test_a_sample_is_spread_over_energy():
    rng = np.random.default_rng(1)
    energy = rng.exponential(size=1000)
    among = np.arange(1000) % 2 == 0

    taken = spread_over_energy(energy, among, 8, rng)

    assert among[taken].all()
    assert 62 <= taken.size <= 63
    assert (np.diff(energy[taken]) > 0).all()
    ranks = np.searchsorted(np.sort(energy[among]), energy[taken])
    assert {8} == set(np.diff(ranks))


def test_weeks_without_jobs_are_left_out_of_a_panel():
    week = np.array([3, 3, 5, 6])

    table = weekly_panel({("now", "DE"): [1.0, 2.0, 3.0, 4.0]}, week).table

    assert [3, 5, 6] == table["week"].tolist()
    assert [3.0, 3.0, 4.0] == table["emissions_g"].tolist()


def test_weeks_of_jobs_have_the_same_jobs_at_the_same_hour_of_each_grids_clock():
    log = datasets.job_log("unilu-gaia-2014")
    drawn = WeeksOfJobs.drawn(log, "2014-05-27", whole_weeks=12, weeks=26, every=100, seed=1)
    summer = drawn.select(drawn.week >= 20)

    zones = ("Europe/Berlin", "Europe/London")
    traces = [summer.trace("2019-05-21", zone, 10.0) for zone in zones]

    hours = [
        pd.to_datetime(one.submit_s, unit="s", utc=True).tz_convert(zone).hour
        for one, zone in zip(traces, zones, strict=True)
    ]
    assert hours[0].equals(hours[1])
    assert (traces[0].job_id == summer.number).all()
    assert (traces[0].submit_s + 3600 == traces[1].submit_s).all()
    assert 10.0 * summer.core_seconds.sum() == pytest.approx(3.6e6 * traces[0].energy_kwh.sum())
    assert len(summer) == (drawn.week >= 20).sum()


def test_sums_by_week_without_grids_make_a_panel_without_clusters():
    panel = weekly_panel({"now": [1.0, 2.0, 3.0]}, np.array([3, 3, 5]), value="delay_h")

    assert panel.cluster is None
    assert [3.0, 3.0] == panel.table["delay_h"].tolist()
    assert [3, 5] == panel.table["week"].tolist()


def test_the_share_kept_is_that_of_the_sums():
    rng = np.random.default_rng(1)
    now = 100 + rng.random(40)

    kept = share_kept(now, now - 6 - rng.random(40), now - 10, block=4, seed=1)

    assert kept.value == pytest.approx(65, abs=2)
    assert kept.low < kept.value < kept.high
