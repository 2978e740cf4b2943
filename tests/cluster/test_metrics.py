"""Accounts and numbers of replays, worked by hand, and a judge that finds what is broken."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from cluster_problems import EPOCH, LEARNING, SAVING, SHORT, Chaos, curve, problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.cluster import replay
from helpers.cluster.account import (
    STATES,
    emissions_g,
    energy_j,
    job_energy,
    node_states,
    power_over_time,
    segments,
)
from helpers.cluster.metrics import UNITS, bounded_slowdown, check, compare, lengths, metrics
from helpers.decide import Easy, Fifo, Policy
from helpers.work import Cluster, NodePower

POWER = NodePower(idle_w=100.0, off_w=10.0, boot_w=150.0, boot_s=20.0, shutdown_s=5.0)


@pytest.fixture
def two():
    """Two jobs of 10 W a processor one after the other on a node of two cores, and an idle node."""
    return replay(workload([0, 1], [10, 5], [2, 4]), Cluster(2, 2, POWER), Fifo())


def test_power_is_that_of_nodes_and_of_jobs_on_top(two):
    power = power_over_time(two)

    assert [0.0, 10.0, 15.0] == power.edges_s.tolist()
    assert [[0, 0, 100, 100, 0, 20], [0, 0, 0, 200, 0, 40]] == power.power_w.tolist()
    assert [220.0, 240.0] == power.total_w.tolist()
    assert [[0, 0, 1, 1, 0], [0, 0, 0, 2, 0]] == power.nodes.tolist()


def test_energy_is_power_times_time(two):
    energy = energy_j(two)

    assert {"idle": 1000.0, "busy": 2000.0, "jobs": 400.0} == energy[energy > 0].to_dict()


def test_a_window_beyond_the_replay_is_filled_with_idle_nodes(two):
    energy = energy_j(two, (-5.0, 25.0))

    assert 2 * 100.0 * (5 + 10) + 1000.0 == energy["idle"]
    assert [2000.0, 400.0] == energy[["busy", "jobs"]].tolist()


def test_a_window_inside_cuts_jobs_and_nodes(two):
    energy = energy_j(two, (8.0, 12.0))

    assert [200.0, 200.0 + 400.0, 40.0 + 80.0] == energy[["idle", "busy", "jobs"]].tolist()
    assert energy.sum() == power_over_time(two, (8.0, 12.0)).energy_j().sum()


@pytest.mark.parametrize("window", [(5.0, 4.0), (0.0, np.inf), (3.0, 3.0)])
def test_a_window_must_be_two_times_in_order(two, window):
    with pytest.raises(ValueError, match="window"):
        power_over_time(two, window)


def test_emissions_are_the_integral_of_power_times_intensity(two):
    signal = curve([100, 300], step_s=12.0)

    grams = emissions_g(two, signal)

    expected = (220 * 10 * 100 + 240 * 2 * 100 + 240 * 3 * 300) / 3.6e6
    assert expected == pytest.approx(grams.sum(), rel=1e-14)
    assert job_energy(two, signal)["emissions_g"].sum() == pytest.approx(grams["jobs"], rel=1e-14)
    assert [200.0, 200.0] == job_energy(two)["energy_j"].tolist()


def test_jobs_share_a_node_by_the_cores_they_hold():
    replayed = replay(workload([0, 0, 4], [10, 4, 6], [1, 3, 1]), Cluster(1, 4, POWER), Fifo())

    shares = job_energy(replayed)["node_energy_j"].tolist()

    assert [4 * 25.0 + 6 * 50.0, 4 * 75.0, 6 * 50.0] == pytest.approx(shares)


def test_phases_draw_their_own_power_for_each_processor():
    jobs = workload([0], [100.0], 2, [200.0], model=0, power_w=np.nan, models=(LEARNING,))
    replayed = replay(jobs, Cluster(2), Fifo())

    power = power_over_time(replayed)

    profile = LEARNING.profile
    assert profile.edges_s.tolist() == pytest.approx(power.edges_s.tolist())
    assert (2 * profile.power_w).tolist() == pytest.approx(power.power_w[:, -1].tolist())
    assert 2 * LEARNING.energy_j == pytest.approx(energy_j(replayed)["jobs"])


def test_work_is_stretched_and_start_up_is_not():
    jobs = workload([0], [50.0], 1, [200.0], model=0, power_w=np.nan, models=(LEARNING,))
    replayed = replay(jobs, Cluster(1), Fifo())

    drawn = segments(replayed)
    half = LEARNING.with_work_duration(50.0)

    assert 10.0 + 50.0 + 4.0 == replayed.stop_s
    assert half.energy_j == pytest.approx(energy_j(replayed)["jobs"])
    assert ["startup"] * 2 + ["work"] * 8 + ["end"] == drawn["part"].tolist()


def test_power_may_count_for_the_job_instead_of_the_processor():
    jobs = workload([0], [10.0], 4, power_per="job")

    assert 100.0 == energy_j(replay(jobs, Cluster(4), Fifo()))["jobs"]


def test_a_suspended_job_draws_what_the_suspension_says():
    class Pause(Policy):
        def decide(self, view):
            for when in (10.0, 50.0):
                if view.now_s < when:
                    view.wake_at(when)
            if view.queue:
                view.start(view.queue[0])
            elif view.now_s == 10.0:
                view.suspend(view.running[0])
            elif view.now_s == 50.0:
                view.resume(view.suspended[0])

    jobs = workload([0], [20.0], 2, suspension=SAVING)
    replayed = replay(jobs, Cluster(2), Pause())

    check(replayed)
    parts = (
        segments(replayed)
        .groupby("part", observed=True)
        .apply(lambda own: (own["power_w"] * (own["stop_s"] - own["start_s"])).sum())
    )
    assert {"work": 20 * 20.0, "save": 2 * 80.0, "suspended": 38 * 2.0} == parts.to_dict()
    assert parts.sum() == energy_j(replayed)["jobs"]


@settings(max_examples=40)
@given(problems(), st.integers(0, 1000))
def test_energy_is_the_integral_of_power_whatever_happened(problem, seed):
    cluster, jobs = problem
    replayed = replay(jobs, cluster, Chaos(seed))
    signal = curve(np.random.default_rng(seed).uniform(0, 500, 300), step_s=60.0)

    power, by_stretch = power_over_time(replayed), energy_j(replayed)

    assert by_stretch.to_numpy() == pytest.approx(power.energy_j().to_numpy(), rel=1e-12, abs=1e-6)
    assert (power.nodes.sum(axis=1) == cluster.nodes).all()
    own = job_energy(replayed).sum()
    assert by_stretch[["jobs", "busy"]].to_numpy() == pytest.approx(own.to_numpy(), rel=1e-12)
    if replayed.stop_s < 300 * 60:
        grams, states = power.emissions_g(signal), node_states(replayed)
        watts = states["state"].map(cluster.power.of).astype(float)
        of_nodes = signal.emissions_g(
            power.origin_s + states["start_s"], power.origin_s + states["stop_s"], watts
        )
        of_jobs = job_energy(replayed, signal)[["emissions_g", "node_emissions_g"]].sum()
        assert grams[["jobs", "busy"]].to_numpy() == pytest.approx(of_jobs.to_numpy(), rel=1e-6)
        assert grams.drop("jobs").sum() == pytest.approx(of_nodes.sum(), rel=1e-6)


def test_power_over_time_has_instants_where_the_origin_is_known(two):
    frame = power_over_time(two).to_frame("Europe/Berlin")

    assert EPOCH == frame.index[0]
    assert list(STATES) == list(frame)


def test_emissions_without_an_origin_are_refused(two):
    nowhere = dataclasses.replace(two, origin_s=np.nan)

    with pytest.raises(ValueError, match="pass origin= to replay"):
        emissions_g(nowhere, curve([1]))
    assert "time_s" == power_over_time(nowhere).to_frame().index.name


# -- numbers -------------------------------------------------------------------------------


def test_metrics_of_four_jobs_by_hand():
    jobs = workload([0, 0, 1, 2], [10, 4, 6, 1], longest_wait_s=[9.0, 9.0, 9.0, 7.0])
    found = metrics(replay(jobs, Cluster(1, power=POWER), Fifo()), curve([360]))

    waits_s = [0.0, 10.0, 13.0, 18.0]
    assert 4 == found["jobs"]
    assert np.mean(waits_s) == found["wait_mean_s"]
    assert np.quantile(waits_s, [0.5, 0.95, 0.99]).tolist() == [
        found[f"wait_p{share}_s"] for share in (50, 95, 99)
    ]
    slowdowns = [1.0, 14 / 10, 19 / 10, 19 / 10]
    assert np.mean(slowdowns) == pytest.approx(found["slowdown_mean"])
    assert np.mean([10, 14, 19, 19]) == found["turnaround_mean_s"]
    assert [1.0, 21.0, 3.0] == [found[n] for n in ("utilization", "makespan_s", "too_late")]
    assert 4 / 21 * 3600 == pytest.approx(found["throughput_per_h"])
    joules = 21 * (100 + 10)
    assert joules / 3.6e6 == pytest.approx(found["energy_kwh"])
    assert joules / 3.6e6 * 0.36 == pytest.approx(found["emissions_kg"])
    assert set(UNITS) <= set(found)


def test_the_bounded_slowdown_never_falls_below_one_and_bounds_short_jobs():
    replayed = replay(workload([0, 0], [1, 1]), Cluster(1), Fifo())

    assert [1.0, 1.0] == bounded_slowdown(replayed).tolist()
    assert [1.0, 2.0] == bounded_slowdown(replayed, 1.0).tolist()


def test_utilization_and_throughput_of_a_window_count_what_lies_in_it(two):
    found = metrics(two, window=(0.0, 30.0))

    assert (2 * 10 + 4 * 5) / (4 * 30) == pytest.approx(found["utilization"])
    assert 2 / 30 * 3600 == found["throughput_per_h"]


def test_preemptions_and_boots_are_counted():
    rng = np.random.default_rng(3)
    jobs = workload(np.sort(rng.uniform(0, 300, 12)), rng.uniform(20, 90, 12), 1)
    replayed = replay(jobs, Cluster(4, power=POWER), Chaos(3))
    found = metrics(replayed)

    assert (replayed.runs["outcome"].isin(["suspended", "stopped"])).sum() == found["preemptions"]
    assert (node_states(replayed)["state"] == "booting").sum() == found["boots"]
    assert found["preemptions"] > 0 < found["boots"]


def test_lengths_count_who_waits_and_who_runs(two):
    expected = pd.DataFrame(
        {"queued": [0, 1, 0, 0], "suspended": 0, "running": [1, 1, 1, 0], "cores": [2, 2, 4, 0]},
        pd.Index([0.0, 1.0, 10.0, 15.0], name="time_s"),
    )

    pd.testing.assert_frame_equal(expected, lengths(two))


# -- the judge -----------------------------------------------------------------------------


@pytest.fixture
def sound():
    """A replay with phases, overtaking and waiting that passes."""
    jobs = workload(
        [0, 1, 2, 3], [100, 10, 10, 20], [1, 2, 1, 2], [150.0, 20.0, 20.0, 30.0],
        model=[0, 1, -1, -1], power_w=[np.nan, np.nan, 5.0, 5.0], models=(LEARNING, SHORT),
    )  # fmt: skip
    replayed = replay(jobs, Cluster(3, power=POWER), Easy())
    check(replayed)
    return replayed


def tampered(replayed, **columns):
    runs = replayed.runs.copy()
    for name, change in columns.items():
        runs[name] = change(runs[name].copy())
    return dataclasses.replace(replayed, runs=runs)


def put(row, value):
    def change(column):
        column[row] = value
        return column

    return change


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"start_s": put(0, -1.0)}, "job 'a' in run 0 .* starts before its submission"),
        ({"stop_s": put(0, 100.0)}, "job 'a' in run 0 .* lasts 100 s, but its parts take 114 s"),
        ({"outcome": put(2, "suspended")}, "ends 0 times"),
        ({"work_from_s": put(0, 5.0)}, "does not go on from the work that was kept"),
        ({"work_to_s": put(1, 9.0), "kept_s": put(1, 9.0)}, "completes without all of its work"),
        ({"kept_s": put(1, 11.0)}, "keeps more or less than it did"),
        ({"start_s": lambda s: s[::-1].to_numpy()}, "not in order of their starts"),
    ],
)
def test_the_judge_names_what_is_wrong_with_a_run(sound, columns, message):
    with pytest.raises(ValueError, match=message):
        check(tampered(sound, **columns))


def test_the_judge_sees_two_jobs_on_one_core(sound):
    cores = sound.cores.copy()
    cores[sound.first_core[1]] = sound.cores_of_run(0)[0]

    with pytest.raises(ValueError, match="core 0 holds runs 0 and 1 at once"):
        check(dataclasses.replace(sound, cores=cores))


def test_the_judge_counts_cores(sound):
    fewer = sound.first_core.copy()
    fewer[1:] -= 1

    with pytest.raises(ValueError, match="has 0 cores, but needs 1"):
        check(dataclasses.replace(sound, first_core=fewer, cores=sound.cores[1:]))


def test_the_judge_sees_a_job_on_a_node_that_is_off(sound):
    off = pd.DataFrame({"time_s": [5.0], "node": [0], "state": ["off"]})
    off["state"] = pd.Categorical(off["state"], sound.switches["state"].cat.categories)

    with pytest.raises(ValueError, match="node 0 is off at 5 s, but holds a job"):
        check(dataclasses.replace(sound, switches=off))


def test_replays_are_compared_in_one_window():
    jobs = workload([0.0, 0.0], [100.0, 50.0])
    wide, narrow = (replay(jobs, Cluster(n, power=POWER), Fifo()) for n in (2, 2))
    late = replay(jobs, Cluster(2, power=POWER), Late())

    table = compare([wide, late])

    assert ["FIFO", "late"] == table.index.tolist()
    assert table["energy_idle_kwh"].iloc[0] == metrics(wide, None, (0.0, 150.0))["energy_idle_kwh"]
    assert 0.0 == (metrics(wide) - metrics(narrow))["energy_kwh"]
    with pytest.raises(ValueError, match=r"use compare\(\)"):
        metrics(wide) - metrics(late)


class Late(Policy):
    """Start everything 50 s late."""

    name = "late"

    def decide(self, view):
        if view.now_s < 50.0:
            view.wake_at(50.0)
            return
        for job in list(view.queue.values()):
            view.start(job)


def test_jobs_of_the_warm_up_do_not_count():
    replayed = replay(workload([0.0, 10.0, 20.0], 30.0), Cluster(1, power=POWER), Fifo())

    assert 20.0 == replayed.metrics(counted=(5.0, 15.0))["wait_mean_s"]
    with pytest.raises(ValueError, match="no job is submitted"):
        replayed.metrics(counted=(1.0, 2.0))
