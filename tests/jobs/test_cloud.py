"""Traces of clouds: units are converted, the unknown stays unknown, nothing goes missing."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.jobs import (
    GOOGLE_QUERY,
    JobLog,
    end_s,
    jobs_table,
    read_alibaba_2018,
    read_alibaba_pai,
    read_azure,
    read_gaia_csv,
    read_google_2019,
    start_s,
    write_gaia_csv,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "jobs"  # generated: see the README there
PAI = (FIXTURES / "pai_job_table.csv", FIXTURES / "pai_task_table.csv")
READERS = {
    "azure_v1_vmtable.csv": lambda source, **keywords: read_azure(source, version=1, **keywords),
    "azure_v2_vmtable.csv": lambda source, **keywords: read_azure(source, version=2, **keywords),
    "google_2019.csv": read_google_2019,
    "alibaba_2018_batch_task.csv": lambda source, **keywords: read_alibaba_2018(
        source, plan_per="instance", **keywords
    ),
    "pai_job_table.csv": lambda source, **keywords: read_alibaba_pai(source, PAI[1], **keywords),
    "pai_task_table.csv": lambda source, **keywords: read_alibaba_pai(PAI[0], source, **keywords),
}


def downloaded(*parts):
    """Return a downloaded file, or skip the test and say why."""
    cache = os.environ.get("HELPERS_DATA_CACHE")
    if not cache:
        pytest.skip("HELPERS_DATA_CACHE is not set: no downloaded files")
    path = Path(cache, *parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not in HELPERS_DATA_CACHE")
    return path


def gaia(text):
    return io.StringIO(text)


def known(jobs, row):
    return jobs.iloc[row].dropna().to_dict()


# --- GAIA-style files ---------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "seconds"), [("s", 1), ("min", 60), ("h", 3600)])
def test_gaia_times_are_converted_from_the_unit_that_is_given(unit, seconds):
    log = read_gaia_csv(gaia("arrival_time,length,cpus\n0,1.5,2\n2,0.25,64\n"), time_unit=unit)

    assert [0.0, 2.0 * seconds] == log.jobs["submit_s"].tolist()
    assert [1.5 * seconds, 0.25 * seconds] == log.jobs["run_s"].tolist()
    assert [2.0, 64.0] == log.jobs["processors"].tolist()


def test_gaia_times_are_free_of_the_noise_of_conversion():
    text = "arrival_time,length,cpus\n8759.916666666666,0.16666666666666666,2\n"
    jobs = read_gaia_csv(gaia(text), time_unit="h").jobs

    assert (31_535_700.0, 600.0) == (jobs["submit_s"].iloc[0], jobs["run_s"].iloc[0])


def test_the_unit_of_a_gaia_file_is_never_guessed():
    with pytest.raises(TypeError, match="time_unit"):
        read_gaia_csv(gaia("arrival_time,length,cpus\n"))
    with pytest.raises(ValueError, match="time_unit is 'hours': it must be one of s, min, h"):
        read_gaia_csv(gaia("arrival_time,length,cpus\n"), time_unit="hours")


def test_gaia_says_nothing_about_waiting_or_state():
    jobs = read_gaia_csv(gaia("arrival_time,length,cpus\n0,1,2\n"), time_unit="s").jobs

    expected = {"job_id": 1, "submit_s": 0.0, "run_s": 1.0, "processors": 2.0, "state": "unknown"}
    assert expected == known(jobs, 0)


def test_gaia_states_are_those_of_slurm():
    text = "arrival_time,length,cpus,status\n0,1,2,OUT_OF_MEMORY\n1,1,2,CANCELLED\n"

    assert ["out_of_memory", "cancelled"] == read_gaia_csv(gaia(text), time_unit="s").jobs[
        "state"
    ].tolist()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("-1,1,2,FAILED", "arrival_time is '-1': it must be at least 0"),
        ("1,-1,2,FAILED", "length is '-1': it must be at least 0"),
        ("1,1,0,FAILED", "cpus is '0': it must be above 0"),
        ("1,,2,FAILED", "length is '': it must be given"),
        ("1,long,2,FAILED", "length is 'long': it must be a finite number"),
        ("1,inf,2,FAILED", "length is 'inf': it must be a finite number"),
        ("1,1,2,DONE", "status is 'DONE': it must be one of COMPLETED, FAILED"),
        ("1,1,2,", "status is '': it must be given"),
        ("1,1,2", "row is '1 1 2': it must have 4 fields, not 3"),
        ("1,1,2,FAILED,x", "row is .*: it must have 4 fields, not 5"),
        ('1,1,2,"FAILED', "row is .*: it must be well quoted"),
    ],
)
def test_a_bad_gaia_row_is_named_or_skipped_and_listed(row, message):
    text = f"arrival_time,length,cpus,status\n0,1,2,FAILED\n{row}\n5,1,2,FAILED\n"

    with pytest.raises(ValueError, match=f"<buffer>, line 3: {message}"):
        read_gaia_csv(gaia(text), time_unit="s")
    log = read_gaia_csv(gaia(text), time_unit="s", errors="skip")
    assert [0.0, 5.0] == log.jobs["submit_s"].tolist()
    assert [3] == log.skipped["line"].tolist()


@pytest.mark.parametrize("top", ["", "time,length,cpus", "0,1,2"])
def test_a_gaia_file_with_other_columns_is_refused(top):
    with pytest.raises(ValueError, match=r"line 1: is '.*': it must be 'arrival_time,length,cpus'"):
        read_gaia_csv(gaia(f"{top}\n0,1,2\n"), time_unit="s")


def test_an_epoch_places_a_gaia_trace_in_time():
    text = "arrival_time,length,cpus\n1,1,2\n"
    log = read_gaia_csv(gaia(text), time_unit="h", epoch="2024-07-01", time_zone="Europe/Berlin")

    assert ["2024-07-01 01:00:00+02:00"] == log.submit_time().astype(str).tolist()


TIMES = st.floats(0, 1e9, allow_subnormal=False).map(lambda time: round(time, 3))


@given(
    st.lists(st.tuples(TIMES, TIMES, st.integers(1, 10**6)), min_size=1, max_size=5),
    st.sampled_from(["s", "min", "h"]),
)
def test_a_gaia_trace_survives_writing_and_reading(tmp_path_factory, rows, unit):
    submit_s, run_s, processors = zip(*rows, strict=True)
    columns = {"submit_s": submit_s, "run_s": run_s, "processors": processors}
    log = JobLog(jobs_table({"job_id": range(len(rows)), **columns}))
    path = tmp_path_factory.mktemp("gaia") / "jobs.csv"
    write_gaia_csv(log, path, time_unit=unit)

    jobs = read_gaia_csv(path, time_unit=unit).jobs
    for name in ("submit_s", "run_s", "processors"):
        np.testing.assert_allclose(log.jobs[name], jobs[name], rtol=1e-14, atol=1e-6)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"processors": [1, 1]}, "job 7: run_s is unknown"),
        ({"run_s": [1, 1], "processors": [1, None]}, "job 8: processors is unknown"),
        (
            {"run_s": [1, 1], "processors": [1, 1], "submit_s": [0, -1]},
            "job 8: submit_s is below 0",
        ),
    ],
)
def test_what_gaia_files_cannot_hold_is_refused(tmp_path, columns, message):
    log = JobLog(jobs_table({"job_id": [7, 8], "submit_s": [0, 1], **columns}))

    with pytest.raises(ValueError, match=message):
        write_gaia_csv(log, tmp_path / "jobs.csv", time_unit="s")
    assert [] == list(tmp_path.iterdir())


def test_the_real_cluster_trace_is_read_with_its_states_and_written_byte_for_byte(tmp_path):
    path = downloaded("opitz-2024-carbs", "scorelab.csv")
    log = read_gaia_csv(path, time_unit="s")
    write_gaia_csv(log, tmp_path / "scorelab.csv", time_unit="s")

    counts = {"completed": 34_057, "failed": 10_216, "cancelled": 1_426, "out_of_memory": 36}
    assert counts == {state: n for state, n in log.jobs["state"].value_counts().items() if n}
    assert path.read_bytes() == (tmp_path / "scorelab.csv").read_bytes()


@pytest.mark.parametrize(
    ("name", "jobs", "last_run_s"),
    [
        ("azure-100k", 99_988, 600),
        ("mustang-trace-2015-100k", 100_000, 56_717),
        ("pai-100k", 99_998, 2_048),
    ],
)
def test_the_published_gaia_traces_are_in_hours(name, jobs, last_run_s):
    log = read_gaia_csv(downloaded("gaia", f"{name}.csv"), time_unit="h")

    assert jobs == len(log)
    assert last_run_s == log.jobs["run_s"].iloc[-1]
    assert 8_755 * 3600 < log.jobs["submit_s"].max() < 8_760 * 3600


# --- Azure --------------------------------------------------------------------------------------


def test_azure_v1_gives_cores_memory_and_use_of_a_machine():
    log = read_azure(FIXTURES / "azure_v1_vmtable.csv", version=1)

    expected = {
        "job_id": "vm+B/2==",
        "submit_s": 600.0,
        "wait_s": 0.0,
        "run_s": 3600.0,
        "processors": 8.0,
        "cpu_time_s": 1800.0,
        "requested_processors": 8.0,
        "requested_memory_kb": 7.0 * 2**20,
        "state": "unknown",
        "user": "sub1",
        "group": "dep1",
        "category": "interactive",
    }
    assert expected == known(log.jobs, 1)
    assert np.isnan(log.jobs["cpu_time_s"].iloc[2])


def test_an_azure_machine_that_outlived_the_trace_is_running_with_a_lower_bound():
    jobs = read_azure(FIXTURES / "azure_v1_vmtable.csv", version=1).jobs

    assert ["running", "unknown", "unknown"] == jobs["state"].tolist()
    assert [2_591_700.0] == jobs["observed_s"].dropna().tolist()
    assert np.isnan(jobs["run_s"].iloc[0])


def test_the_end_of_an_azure_trace_can_be_given():
    jobs = read_azure(FIXTURES / "azure_v1_vmtable.csv", version=1, trace_end_s=4200).jobs

    assert ["running", "running", "unknown"] == jobs["state"].tolist()


def test_azure_v2_buckets_are_their_upper_end_and_the_open_one_is_unknown():
    jobs = read_azure(FIXTURES / "azure_v2_vmtable.csv", version=2).jobs

    np.testing.assert_array_equal([8.0, 2.0, np.nan], jobs["processors"])
    np.testing.assert_array_equal([4 * 2**20, 2 * 2**20, np.nan], jobs["requested_memory_kb"])
    assert ["delay-insensitive", "interactive", "unknown"] == jobs["category"].tolist()
    assert ["unknown", "running", "unknown"] == jobs["state"].tolist()


def test_the_version_of_an_azure_trace_is_never_guessed():
    with pytest.raises(TypeError, match="version"):
        read_azure(FIXTURES / "azure_v2_vmtable.csv")
    with pytest.raises(ValueError, match="version is 3: it must be 1 or 2"):
        read_azure(FIXTURES / "azure_v2_vmtable.csv", version=3)
    with pytest.raises(
        ValueError, match=r"line 3: vmcorecount is '>24': it must be a finite number"
    ):
        read_azure(FIXTURES / "azure_v2_vmtable.csv", version=1)


# --- Google -------------------------------------------------------------------------------------


def test_google_times_start_with_the_trace_and_are_in_seconds():
    jobs = read_google_2019(FIXTURES / "google_2019.csv").jobs

    assert [0.0, 10.0, 20.0, 30.0, 40.0, 45.0] == jobs["submit_s"].tolist()
    np.testing.assert_array_equal([1.5, 0, 10, np.nan, 10, 10], jobs["wait_s"])
    np.testing.assert_array_equal([60, 10, np.nan, np.nan, np.nan, 45], jobs["run_s"])


def test_the_last_event_of_a_google_job_tells_its_state():
    jobs = read_google_2019(FIXTURES / "google_2019.csv").jobs

    expected = ["completed", "cancelled", "running", "pending", "running", "preempted"]
    assert expected == jobs["state"].tolist()


def test_google_jobs_without_an_end_in_the_trace_have_a_lower_bound():
    jobs = read_google_2019(FIXTURES / "google_2019.csv").jobs

    np.testing.assert_array_equal(
        [np.nan, np.nan, 70, np.nan, 50, np.nan], jobs["observed_s"]
    )  # the last event is at 100 s


def test_google_processors_are_unknown_unless_the_size_of_a_unit_is_given():
    path = FIXTURES / "google_2019.csv"

    assert read_google_2019(path).jobs["processors"].isna().all()
    jobs = read_google_2019(path, processors_per_ncu=64).jobs
    np.testing.assert_array_equal([32, 8, 64, np.nan, 0.64, 0.64], jobs["processors"])


def test_a_google_priority_is_a_tier():
    jobs = read_google_2019(FIXTURES / "google_2019.csv").jobs

    tiers = ["production", "best-effort batch", "mid", "free", "monitoring", "free"]
    assert tiers == jobs["category"].tolist()
    assert ["2", "1", "0", "0", "3", "0"] == jobs["queue"].tolist()


def test_the_query_exports_the_columns_that_the_reader_wants():
    wanted = (FIXTURES / "google_2019.csv").read_text(encoding="utf-8").splitlines()[0]
    chosen = GOOGLE_QUERY.rpartition("SELECT")[2].partition("FROM")[0]

    assert wanted.split(",") == [name.strip() for name in chosen.split(",")]


# --- Alibaba ------------------------------------------------------------------------------------


def test_an_alibaba_task_is_a_job_that_starts_when_it_is_first_seen():
    jobs = read_alibaba_2018(FIXTURES / "alibaba_2018_batch_task.csv", plan_per="instance").jobs

    expected = {
        "job_id": "j_1/M1",
        "submit_s": 100.0,
        "wait_s": 0.0,
        "run_s": 60.0,
        "processors": 10.0,
        "requested_processors": 10.0,
        "state": "completed",
        "group": "j_1",
        "nodes": 10.0,
        "category": "1",
    }
    assert expected == known(jobs, 0)
    assert ["completed", "failed", "running", "cancelled"] == jobs["state"].tolist()


def test_an_alibaba_plan_is_per_instance_or_per_task_as_told():
    path = FIXTURES / "alibaba_2018_batch_task.csv"

    per_task = read_alibaba_2018(path, plan_per="task").jobs["processors"]
    np.testing.assert_array_equal([1, 0.5, np.nan, 2], per_task)
    with pytest.raises(TypeError, match="plan_per"):
        read_alibaba_2018(path)
    with pytest.raises(ValueError, match="plan_per is 'job': it must be 'instance' or 'task'"):
        read_alibaba_2018(path, plan_per="job")


def test_a_running_alibaba_task_has_a_lower_bound():
    jobs = read_alibaba_2018(FIXTURES / "alibaba_2018_batch_task.csv", plan_per="task").jobs

    np.testing.assert_array_equal([np.nan, np.nan, 100, np.nan], jobs["observed_s"])
    assert np.isnan(jobs["run_s"].iloc[2])


def test_a_pai_job_sums_its_tasks_and_waits_until_the_first_starts():
    log = read_alibaba_pai(*PAI)

    expected = {
        "job_id": "job_a",
        "submit_s": 4550879.0,
        "wait_s": 10.0,
        "run_s": 527.0,
        "processors": 14.0,
        "requested_processors": 14.0,
        "requested_memory_kb": 50 * 2**20 / 14,
        "state": "completed",
        "user": "u1",
        "nodes": 3.0,
        "gpus": 1.0,
        "gpu_type": "V100",
    }
    assert expected == known(log.jobs, 0)
    assert 4551416.0 == end_s(log.jobs).iloc[0]


def test_a_pai_job_with_a_task_of_unknown_size_has_an_unknown_size():
    jobs = read_alibaba_pai(*PAI).jobs

    np.testing.assert_array_equal([14, np.nan, 2, np.nan], jobs["processors"])
    np.testing.assert_array_equal([1, 1, 0.5, np.nan], jobs["gpus"])
    assert ["V100", "MISC", "P100+T4"] == jobs["gpu_type"].dropna().tolist()


def test_pai_jobs_that_did_not_end_are_running_or_pending():
    jobs = read_alibaba_pai(*PAI).jobs

    assert ["completed", "failed", "running", "pending"] == jobs["state"].tolist()
    np.testing.assert_array_equal([np.nan, np.nan, 406, np.nan], jobs["observed_s"])
    assert 4551010.0 == start_s(jobs).iloc[2]


@pytest.mark.parametrize("start", ["4550878", "4551417"])
def test_a_pai_job_whose_tasks_contradict_it_has_no_run_time(start):
    tasks = io.StringIO(f"job_a,worker,1,Terminated,{start},4551416,100,1,0,\n")

    assert np.isnan(read_alibaba_pai(PAI[0], tasks).jobs["run_s"].iloc[0])


def test_a_pai_trace_keeps_the_hour_of_the_day_in_shanghai():
    log = read_alibaba_pai(*PAI)

    assert 0 == log.epoch.timestamp()
    assert "00:07:59+08:00" == str(log.submit_time().iloc[0])[11:]


def test_rows_left_out_of_the_task_table_are_listed_as_its_own():
    tasks = io.StringIO("job_z,worker,1,Failed,1,2,100,1,0,\njob_a,ps,1,Failed,9,9,-1,1,0,\n")

    log = read_alibaba_pai(PAI[0], tasks, errors="skip")
    assert ["task_table.job_name", "task_table.plan_cpu"] == log.skipped["field"].tolist()
    assert 4 == len(log)


# --- All of them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "azure_v1_vmtable.csv",
            "600,4200",
            "4200,600",
            "line 2: vmdeleted is '600': it must not be",
        ),
        ("azure_v1_vmtable.csv", "Interactive", "Batch", "line 2: vmcategory is 'Batch'"),
        (
            "azure_v1_vmtable.csv",
            "vm+B/2==",
            "vm+A/1==",
            "line 2: vmid is 'vm.A/1==': it must be uniq",
        ),
        (
            "azure_v1_vmtable.csv",
            ",8,56",
            ",0,56",
            "line 2: vmcorecount is '0': it must be above 0",
        ),
        ("azure_v1_vmtable.csv", ",8,56", ",8", "line 2: row is .* must have 11 fields, not 10"),
        (
            "azure_v1_vmtable.csv",
            ",600,4200",
            ",,4200",
            "line 2: vmcreated is '': it must be given",
        ),
        ("azure_v2_vmtable.csv", ",2,4\n", ",16,4\n", "line 2: vmcorecountbucket is '16'"),
        (
            "google_2019.csv",
            ",610000000,610",
            ",0,610",
            "line 3: submit_us is '0': it must be inside",
        ),
        ("google_2019.csv", ",7,103", ",11,103", "line 3: last_type is '11': it must be one of"),
        ("google_2019.csv", ",620000000,7", ",6,7", "line 3: end_us is '6': it must not be before"),
        (
            "google_2019.csv",
            "610000000,620",
            "61000000.5,620",
            "line 3: schedule_us is '61000000.5'",
        ),
        ("google_2019.csv", "717462", "717461", "line 3: collection_id is .* it must be unique"),
        ("google_2019.csv", "user", "owner", "line 1: .* it must name the columns collection_id"),
        (
            "alibaba_2018_batch_task.csv",
            "170,175",
            "0,175",
            "line 2: start_time is '0': it must be ab",
        ),
        ("alibaba_2018_batch_task.csv", "170,175", "170,165", "line 2: end_time is '165'"),
        ("alibaba_2018_batch_task.csv", "Failed", "Lost", "line 2: status is 'Lost'"),
        (
            "alibaba_2018_batch_task.csv",
            "R2_1",
            "M1",
            "line 2: task_name is 'M1': it must be unique",
        ),
        ("pai_job_table.csv", "Failed", "", "line 2: status is '': it must be given"),
        ("pai_job_table.csv", "4550900.0", "", "line 2: start_time is ''"),
        ("pai_job_table.csv", "job_b", "job_a", "line 2: job_name is 'job_a': it must be unique"),
        (
            "pai_task_table.csv",
            "job_b",
            "job_x",
            "line 3: job_name is 'job_x': it must be in the job",
        ),
        ("pai_task_table.csv", "2.0,", "-2.0,", "line 2: inst_num is '-2'"),
        (
            "pai_task_table.csv",
            "job_a,worker",
            "job_a,ps",
            "line 2: task_name is 'ps': it must be uni",
        ),
    ],
)
def test_a_bad_row_is_named_or_skipped_and_listed(tmp_path, name, old, new, message):
    text = (FIXTURES / name).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(ValueError, match=f"^{name}, {message}"):
        READERS[name](path)
    if "line 1:" not in message:
        skipped = READERS[name](path, errors="skip").skipped
        assert message.split(":")[0] == f"line {skipped['line'].iloc[0]}"


@pytest.mark.parametrize(
    "name", [name for name in READERS if name not in ("google_2019.csv", "pai_task_table.csv")]
)
def test_an_empty_trace_is_a_log_without_jobs(name):
    keywords = {"errors": "skip"}  # the tasks of no job

    assert 0 == len(READERS[name](io.StringIO(""), **keywords))


@pytest.mark.parametrize("plan", [("0", "30"), ("1e-320", "30"), ("600", "1e307")])
def test_a_plan_that_overflows_or_is_divided_by_zero_makes_its_row_bad_and_not_the_log(plan):
    jobs = "j1,i1,u1,Terminated,1000,2000\nj2,i2,u1,Terminated,1000,2000\n"
    tasks = "j{},t1,2,Terminated,1100,2000,{},{},50,T4\n".format
    both = tasks(1, *plan) + tasks(2, 600, 30)

    with pytest.raises(ValueError, match=r"<buffer>, line 1: \w+ is '.*': it must be"):
        read_alibaba_pai(io.StringIO(jobs), io.StringIO(both))
    log = read_alibaba_pai(io.StringIO(jobs), io.StringIO(both), errors="skip")
    assert "j2" in log.jobs["job_id"].tolist()
    assert [1] == log.skipped["line"].tolist()
