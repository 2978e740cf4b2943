"""A study: the same work under several policies, in several weeks, against what is possible."""

import numpy as np
import pandas as pd
import pytest

from helpers.carbon.signal import Intensity
from helpers.decide import CarbonEasy, Easy, PastQuantile
from helpers.jobs import JobLog, jobs_table
from helpers.stats import holm
from helpers.study import (
    Sized,
    Stretch,
    Study,
    effects_by_load,
    gap_to_best,
    planned_cores,
    whole_saved,
)
from helpers.work import Cluster, NodePower

WEEKS = ["2020-01-18", "2020-02-15", "2020-03-14", "2020-04-11"]
JOBS = {
    "job_id": np.arange(20),
    "submit_s": 86400.0 * np.arange(20),
    "wait_s": np.zeros(20),
    "run_s": np.full(20, 7200.0),
    "processors": np.full(20, 2),
    "requested_s": np.full(20, 10800.0),
}
LOG = JobLog(jobs_table(JOBS), pd.Timestamp("2014-05-17 04:00", tz="Europe/Luxembourg"), "made up")
HOURS = np.arange(0, 8761)
CURVE = Intensity(
    pd.Timestamp("2020-01-01", tz="UTC").timestamp() + 3600.0 * HOURS,
    300 + (50 + 40 * np.sin(HOURS[:-1] / 500)) * np.sin(2 * np.pi * HOURS[:-1] / 24),
    "average",
    "XX",
    "made up",
)
CLUSTER = Cluster(2, 2, NodePower(idle_w=100.0))


def study(policies, **wait):
    stretch = Stretch.from_log(LOG, 5, power_w=10.0, **wait)
    return Study.of(stretch, CLUSTER, policies, CURVE, WEEKS, time_zone="UTC")


def test_a_study_of_one_runs_all_it_has():
    table = (
        study(
            {"EASY": Easy(), "gated": lambda: CarbonEasy(PastQuantile(0.4))}, longest_wait_s=86400.0
        )
        .run()
        .table
    )

    assert ["EASY"] * 4 + ["gated"] * 4 == list(table["policy"])
    assert WEEKS * 2 == list(table["week"])
    assert [7 * 7200 * 2 / (4 * 7 * 86400)] * 8 == pytest.approx(list(table["load"]))
    assert {"XX"} == set(table["zone"])


def test_a_policy_given_and_one_made_anew_each_time_decide_alike():
    gated = CarbonEasy(PastQuantile(0.4))
    table = (
        study({"given": gated, "made": lambda: CarbonEasy(PastQuantile(0.4))}, longest_wait_s=86400)
        .run()
        .table
    )
    parts = [table[table["policy"] == name]["jobs_g"].to_list() for name in ("given", "made")]

    assert parts[0] == parts[1]


def test_a_study_without_loads_asks_for_them():
    one = study({"EASY": Easy()})
    many = Study(one.stretches, one.machine, one.policies, one.grids, one.time_zones, one.weeks)

    with pytest.raises(ValueError, match=r"without loads: give some"):
        many.run()


def test_waits_are_said_once():
    with pytest.raises(ValueError, match=r"queues and longest_wait_s both say"):
        Stretch.from_log(LOG, 5, power_w=10.0, longest_wait_s=1.0, queues=[(np.inf, 1.0)])


# --- what is asked of a study -------------------------------------------------------------

PATIENT = {"longest_wait_s": 86400.0}
TWO = {"EASY": Easy(), "gated": CarbonEasy(PastQuantile(0.4))}


def test_a_sized_machine_has_the_load_it_was_asked_for_or_a_little_less():
    stretch = Stretch.from_log(LOG, 5, power_w=10.0)
    cluster = Sized(1, NodePower(idle_w=100.0))(0.1, stretch)

    assert Cluster(2, 1, NodePower(idle_w=100.0)) == cluster
    assert 0.1 >= stretch.load_of(cluster) > 0.1 / 2


def test_demand_is_what_all_jobs_hold_if_none_waits():
    held = Stretch.from_log(LOG, 5, power_w=10.0).demand()

    assert 2 == held.max()
    assert held[5.0] == 2
    assert held[5.0 + 2 / 24] == 0


def test_what_a_stretch_is_made_of_weighs_jobs_by_their_core_hours():
    long = LOG.with_jobs(LOG.jobs.assign(run_s=[7200.0] * 10 + [21600.0] * 10))
    stretch = Stretch.from_log(long, 5, days=10, warm_days=0, late_days=0, power_w=10.0)

    assert {"jobs": 10, "counted": 10, "long": 75.0} == stretch.made_of(longer_than_s=7200.0)


def test_p_values_of_all_loads_of_a_value_are_corrected_together():
    one = study(TWO, **PATIENT)
    many = Study(one.stretches, Sized(1, CLUSTER.power), TWO, one.grids, one.time_zones, one.weeks)
    panel = many.run(loads=[0.02, 0.08])

    compared, effects = effects_by_load(panel, ["jobs", "whole"], "EASY", block=1)

    assert [(x, of, "gated") for x in (0.02, 0.08) for of in ("jobs", "whole")] == list(
        effects.index
    )
    alone = [compared[load, "jobs"].table.loc["gated", "p"] for load in (0.02, 0.08)]
    assert list(holm(alone)) == list(effects["p_holm"].xs("jobs", level="of"))


def test_no_replay_gets_below_the_bound_and_the_plan_holds_what_its_jobs_need():
    one = study(TWO, **PATIENT)
    done = {1.0: {name: one.replay(name, 1.0, "XX", WEEKS[0]) for name in TWO}}

    gap = gap_to_best(one, "XX", WEEKS[0], done, ["gated"], power_w=10.0, seed=1)

    row = gap.emissions_g.loc[1.0]
    more = 1 + 1e-9  # rounding
    assert row["bound, pauses"] <= row["bound"] * more
    assert row["bound"] <= min(row["EASY"], row["gated"], row["plan"]) * more
    assert 0 == gap.saved("EASY").loc[1.0, "EASY"] == gap.above("EASY").loc[1.0, "EASY"]
    jobs = one.stretch(WEEKS[0]).work.jobs
    edges_s, cores = planned_cores(gap.bounds[1.0], jobs["processors"])
    needed = (jobs["run_s"] * jobs["processors"]).sum()
    assert pytest.approx(needed) == (np.diff(edges_s) * cores).sum()
    assert cores.max() <= CLUSTER.cores


def test_each_job_alone_on_endless_machines_is_no_worse_than_any_replay():
    one = study(TWO, **PATIENT)
    table = one.run().table

    best = one.endless_panel("best", WEEKS, ["XX"], power_w=10.0, pauses=False)

    assert WEEKS == list(best["week"])
    for name in TWO:
        assert (best["jobs"].to_numpy() <= table[table["policy"] == name]["jobs"] + 1e-9).all()


def test_nodes_that_draw_nothing_leave_the_saving_of_the_jobs():
    table = pd.DataFrame(
        {"name": ["now", "later"] * 2, "jobs": [10.0, 8.0] * 2, "nodes": [5.0, 5.0] * 2}
    )

    saved = whole_saved(table, [0.0, 2.0], "name", "now")

    assert [20.0, 10.0] == pytest.approx(list(saved["later"]))
    assert [0.0, 0.0] == list(saved["now"])
