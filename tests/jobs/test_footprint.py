"""From a log to what its electricity caused: nothing lost, nothing counted twice, nothing guessed."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.carbon import Intensity
from helpers.carbon.accounting import Pue, account
from helpers.carbon.totals import totals
from helpers.jobs import AssumedPower, JobLog, jobs_table, read_sacct
from helpers.jobs.footprint import Tables, footprint
from helpers.timeline import epoch_seconds

ZONE = "Europe/Berlin"
EPOCH = pd.Timestamp("2024-05-31T12:00", tz=ZONE)
START_S = float(epoch_seconds(EPOCH))
HOUR = 3600.0

EXPORT = """\
JobID|User|Partition|Submit|Start|End|Elapsed|State|AllocCPUS|ConsumedEnergyRaw|NNodes
1|ann|cpu|2024-05-31T12:00:00|2024-05-31T13:00:00|2024-05-31T14:00:00|01:00:00|COMPLETED|4|3600000|1
2|bob|cpu|2024-05-31T12:00:00|2024-05-31T23:00:00|2024-06-01T01:00:00|02:00:00|COMPLETED|100||1
3||gpu|2024-05-31T12:00:00|2024-05-31T13:00:00|2024-05-31T14:00:00|01:00:00|FAILED|10||1
4|bob|gpu|2024-05-31T12:00:00|Unknown|2024-05-31T14:00:00|00:00:00|CANCELLED|0||1
5|bob|gpu|2024-05-31T12:00:00|2024-06-01T00:00:00|Unknown|00:30:00|RUNNING|10||1
"""


def intensity(hours=48, start=EPOCH, step="1h"):
    index = pd.date_range(start, periods=hours, freq=step)
    values = 100.0 + 50.0 * np.sin(np.arange(hours))
    return Intensity.from_series(
        pd.Series(values, index), kind="average", zone="DE", source="generated", step=step
    )


def flat(value=400.0, hours=48):
    index = pd.date_range(EPOCH, periods=hours, freq="h")
    return Intensity.from_series(
        pd.Series(value, index), kind="average", zone="DE", source="generated", step="1h"
    )


@pytest.fixture
def log():
    return read_sacct(io.StringIO(EXPORT), time_zone=ZONE)


def test_three_lines_lead_from_an_export_to_a_table_by_user(log):
    footprint = log.account(flat(), power=10.0, pue=1.5)
    table = footprint.by("user")

    # bob: 100 cores x 10 W x 2 h + 10 cores x 10 W x 0.5 h; ann: 1 kWh measured
    expected = {"ann": 1.0 * 1.5 * 400, "bob": 2.05 * 1.5 * 400}
    assert expected == pytest.approx(table["emissions_g"].dropna().drop(np.nan).to_dict())
    assert [2.05, 1.0, 0.1] == pytest.approx(table["energy_kwh"].tolist())
    assert [0, 1, 0] == table["measured"].tolist()


def test_a_job_is_cut_where_a_month_begins_on_the_logs_clock(log):
    table = log.account(flat(), power=10.0).by("month")

    assert ["2024-05", "2024-06"] == table.index.tolist()
    assert [1.0 + 1.0 + 0.1, 1.0 + 0.05] == pytest.approx(table["energy_kwh"].tolist())
    assert [3, 2] == table["jobs"].tolist()


def test_a_log_in_several_tables_has_the_footprint_of_the_whole(log):
    expected = log.account(intensity(), power=10.0, pue=1.2)
    rows = range(len(log.jobs))
    tables = Tables(lambda: (log.jobs.iloc[i : i + 1].reset_index(drop=True) for i in rows))
    found = footprint(tables, log.epoch, intensity(), power=10.0, pue=1.2)

    assert [1, 1, 1, 0, 1] == [len(lot.jobs) for lot in found.lots]
    assert expected.summed.span_s == found.summed.span_s
    assert expected.emissions_g == pytest.approx(found.emissions_g, rel=1e-15)
    pd.testing.assert_frame_equal(expected.per_job(), found.per_job())
    pd.testing.assert_frame_equal(expected.left_out, found.left_out)
    for columns in (("user",), ("month",), ("partition", "day")):
        pd.testing.assert_frame_equal(expected.by(*columns), found.by(*columns))


def test_columns_and_months_can_be_asked_together(log):
    table = log.account(flat(), power=10.0).by("user", "month")

    assert 1.0 == pytest.approx(table.loc[("bob", "2024-05"), "energy_kwh"])
    assert 1.05 == pytest.approx(table.loc[("bob", "2024-06"), "energy_kwh"])


@pytest.mark.parametrize(
    "columns",
    [("user",), ("partition",), ("state",), ("month",), ("day", "user"), ("week",), ("gpus",)],
)
def test_sums_by_anything_add_up_to_the_whole(log, columns):
    jobs = log.jobs.assign(gpus=[0.0, 1.0, np.nan, 0.0, np.nan])
    jobs = jobs[[*log.jobs.columns[:18], "nodes", "gpus", *log.jobs.columns[20:]]]
    footprint = log.with_jobs(jobs).account(intensity(), power=10.0, pue=1.2)

    table = footprint.by(*columns)
    assert footprint.energy_kwh == pytest.approx(table["energy_kwh"].sum())
    assert footprint.emissions_g == pytest.approx(table["emissions_g"].sum())


def test_what_was_measured_and_what_was_assumed_is_told(log):
    footprint = log.account(flat(), power=AssumedPower(per_processor_w=10, per_node_w=50))
    told = footprint.assumptions["jobs"]

    assert 1 == told["measured: the log's own energy_j"]
    assert 2 == told["assumed: 10 W a processor + 50 W a node"]
    assert 1 == told["assumed: 10 W a processor + 50 W a node, seen running"]
    assert [4] == footprint.left_out["job_id"].tolist()
    assert "1 jobs left out" in repr(footprint)


def test_the_account_of_a_log_is_that_of_its_uses(log):
    footprint = log.account(intensity(), power=10.0, pue=1.3)
    uses = footprint.per_job().rename(columns={"job_id": "job"}).drop(columns="power")
    detailed = account(uses.astype({"job": str}), intensity(), pue=1.3)

    assert detailed.emissions_g == pytest.approx(footprint.emissions_g, rel=1e-12)
    assert detailed.facility_kwh == pytest.approx(footprint.facility_kwh, rel=1e-12)
    pd.testing.assert_frame_equal(detailed.scopes(), footprint.scopes())


@pytest.mark.parametrize(
    ("change", "power", "message"),
    [
        ({}, None, r"job 2 and 2 more: energy_j is not known: pass power="),
        ({"processors": np.nan}, 10.0, r"processors is not known, .*\(sacct: AllocCPUS\)"),
        ({}, AssumedPower(per_gpu_w=300), r"gpus is not known, which the assumed power"),
        ({"wait_s": np.nan}, 10.0, r"wait_s is not known, .*log\.jobs\.assign\(wait_s=0\.0\)"),
    ],
)
def test_a_job_that_cannot_be_charged_is_named_with_the_remedy_or_left_out(
    log, change, power, message
):
    changed = log.with_jobs(log.jobs.drop(columns="gpus", errors="ignore").assign(**change))

    with pytest.raises(ValueError, match=message):
        changed.account(flat(), power=power)
    left = changed.account(flat(), power=power, errors="skip")
    assert len(log) == len(left) + len(left.left_out)


def test_the_remedies_work(log):
    unknown = log.with_jobs(log.jobs.assign(wait_s=np.nan))

    assert 4 == len(unknown.with_jobs(unknown.jobs.assign(wait_s=0.0)).account(flat(), power=1.0))
    old = dataclasses.replace(log, epoch=EPOCH - pd.DateOffset(years=4))
    with pytest.raises(ValueError, match=r"4 of 4 jobs ran when .* is not known .*on_year"):
        old.account(flat(), power=1.0)


def test_parts_of_a_job_beside_its_summary_are_refused():
    table = jobs_table(
        {
            "job_id": [1, 1],
            "submit_s": [0.0, 0.0],
            "wait_s": [0.0, 0.0],
            "run_s": [100.0, 50.0],
            "processors": [1, 1],
            "state": ["completed", "partial"],
        }
    )

    with pytest.raises(ValueError, match="job 1 has rows that overlap, so that their energy would"):
        JobLog(table, EPOCH).account(flat(), power=1.0)


def test_a_suspended_job_draws_nothing_while_it_is_suspended():
    table = jobs_table(
        {
            "job_id": [1],
            "submit_s": [0.0],
            "wait_s": [0.0],
            "run_s": [7200.0],
            "processors": [1],
            "suspended_s": [3600.0],
        }
    )

    assert 1.0 == pytest.approx(JobLog(table, EPOCH).account(flat(), power=1000.0).energy_kwh)


def test_a_log_without_an_epoch_says_how_to_give_one(log):
    with pytest.raises(ValueError, match="pass epoch= to the reader"):
        dataclasses.replace(log, epoch=None).account(flat(), power=1.0)


@pytest.mark.parametrize("columns", [(), ("colour",), ("month", "day")])
def test_what_cannot_be_asked_is_refused(log, columns):
    with pytest.raises(ValueError, match=r"known are|at most one"):
        log.account(flat(), power=1.0).by(*columns)


@pytest.mark.parametrize("powers", [{}, {"per_gpu_w": -1.0}, {"fixed_w": np.inf}])
def test_an_assumed_power_is_a_power(powers):
    with pytest.raises(ValueError, match=r"must be finite|all powers are 0"):
        AssumedPower(**powers)


def test_a_log_in_which_nothing_ran_has_an_empty_footprint(log):
    footprint = log.with_jobs(log.jobs[3:4].reset_index(drop=True)).account(flat(), power=1.0)

    assert (0, 0.0) == (len(footprint), footprint.emissions_g)
    assert 0 == len(footprint.by("month"))


USES = st.lists(
    st.tuples(st.floats(0, 40 * HOUR), st.floats(0, 8 * HOUR), st.floats(0, 1e4)), min_size=1
)


@settings(deadline=None)
@given(USES, st.booleans(), st.sampled_from(["1h", "30min"]))
def test_totals_are_those_of_the_account_with_a_row_a_step(uses, pue_over_time, step):
    start, length, power = (np.array(column) for column in zip(*uses, strict=True))
    curve = intensity(48 if step == "1h" else 96, step=step)
    edges = START_S + HOUR * np.array([0.0, 7.0, 48.0])
    pue = Pue(edges, [1.2, 1.6]) if pue_over_time else 1.4
    table = pd.DataFrame(
        {"start": START_S + start, "stop": START_S + start + length, "power_w": power}
    )
    table = table[table["stop"] > table["start"]]

    total = totals(table["start"], table["stop"], table["power_w"], curve, pue=pue)
    detailed = account(table, curve, pue=pue)
    assert detailed.emissions_g == pytest.approx(total.emissions_g.sum(), rel=1e-9, abs=1e-9)
    assert detailed.energy_kwh == pytest.approx(total.energy_kwh.sum(), rel=1e-9, abs=1e-12)
    assert detailed.facility_kwh == pytest.approx(total.facility_kwh.sum(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ((START_S, START_S - 1, 1.0), "use 0, 'stop': .* must not be before start"),
        ((START_S - 1, START_S, 1.0), "use 0, 'start': .* lies outside of"),
        ((START_S, START_S + 1, -1.0), "use 0, 'power_w': -1 W must be finite"),
    ],
)
def test_a_use_that_cannot_be_charged_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        totals(*([value] for value in use), flat())
