"""One stretch of work on one machine in one grid is a study without further words."""

import numpy as np
import pandas as pd
import pytest

from helpers.carbon.signal import Intensity
from helpers.decide import CarbonEasy, Easy, PastQuantile
from helpers.jobs import JobLog, jobs_table
from helpers.study import Stretch, Study
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
LOG = JobLog(jobs_table(JOBS), pd.Timestamp("2014-05-17 16:00", tz="Europe/Luxembourg"), "made up")
HOURS = np.arange(0, 8761)
CURVE = Intensity(
    pd.Timestamp("2020-01-01", tz="UTC").timestamp() + 3600.0 * HOURS,
    300 + 100 * np.sin(2 * np.pi * HOURS[:-1] / 24),
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
