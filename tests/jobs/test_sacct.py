"""Slurm's accounting: what sacct prints about jobs and steps becomes one row a job."""

import csv
import gzip
import io
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.jobs.sacct import (
    EXPORT,
    Memory,
    parse_elapsed,
    parse_memory,
    parse_tres,
    read_sacct,
)
from helpers.jobs.table import read_csv, write_csv

SAMPLE = Path(__file__).parents[1] / "fixtures" / "slurm"  # from a real Slurm: see the README there
ZONE = "Europe/Berlin"
TIMES = ("Submit", "Eligible", "Start", "End")
CHANGE = 1_729_990_800  # 2024-10-27T01:00:00Z: clocks there go from 3:00 back to 2:00


@pytest.fixture(scope="module")
def sample():
    return read_sacct(SAMPLE / "sacct.txt", time_zone=ZONE)


@pytest.fixture(scope="module")
def by_name(sample):
    """Return the rows of the sample's jobs by job name, in order."""
    return lambda name: sample.jobs[sample.jobs["executable"] == name].to_dict("records")


def printed():
    with open(SAMPLE / "sacct.txt", newline="") as file:
        return list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))


def read(*rows, time_zone=ZONE, **keywords):
    """Read rows given as mappings from column to text; what a row lacks is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["|".join(columns)] + ["|".join(row.get(name, "") for name in columns) for row in rows]
    return read_sacct(io.StringIO("\n".join(lines) + "\n"), time_zone=time_zone, **keywords)


def job(**fields):
    return {
        "JobID": "7",
        "Submit": "2024-05-31T13:00:00",
        "Start": "2024-05-31T13:00:10",
        "End": "2024-05-31T13:01:00",
        "Elapsed": "00:00:50",
        "State": "COMPLETED",
        "AllocCPUS": "4",
        **fields,
    }


def slurm_elapsed(seconds, milliseconds=0):
    """Write a duration as _elapsed_time() of Slurm's src/sacct/print.c does."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return f"{days}-{hours:02}:{minutes:02}:{seconds:02}"
    if hours:
        return f"{hours:02}:{minutes:02}:{seconds:02}"
    if milliseconds:
        return f"{minutes:02}:{seconds:02}.{milliseconds:03}"
    return f"00:{minutes:02}:{seconds:02}"


@given(st.integers(0, 10**8), st.integers(0, 999))
def test_a_duration_that_slurm_writes_is_read_back(seconds, milliseconds):
    text = slurm_elapsed(seconds, milliseconds)

    expected = seconds + (milliseconds / 1000 if "." in text else 0)
    assert expected == pytest.approx(parse_elapsed(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UNLIMITED", math.inf),
        ("Partition_Limit", math.nan),
        ("INVALID", math.nan),
        ("", math.nan),
        ("365-00:00:00", 365 * 86400.0),
        ("00:00.004", 0.004),
    ],
)
def test_a_duration_may_be_no_number(text, expected):
    assert parse_elapsed(text) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    ["90", "1-00", "00:60:00", "00:00:60", "1-24:00:00", "-00:01:00", "1:2:3", "1-02:03", "٠٠:٠١"],
)
def test_a_duration_that_slurm_does_not_write_is_refused(text):
    with pytest.raises(ValueError, match="it must be \\[days-\\]hours:minutes:seconds"):
        parse_elapsed(text)


@given(
    st.integers(0, 10**7),
    st.sampled_from("BKMGTP"),
    st.sampled_from([("", "job"), ("n", "node"), ("c", "cpu")]),
)
def test_memory_is_read_with_its_unit_and_what_it_is_for(amount, unit, per):
    expected = amount * 1024.0 ** ("BKMGTP".index(unit) - 1)
    assume(expected < 2.0**53)  # from 2^63 bytes on it is Slurm's mark for no value

    assert Memory(expected, per[1]) == parse_memory(f"{amount}{unit}{per[0]}")
    assert Memory(expected, per[1]) == parse_memory(f"{amount}{per[0]}", unit=unit)


def test_memory_may_have_a_fraction_or_be_unknown():
    assert Memory(2.5 * 2**20, "job") == parse_memory("2.50G")
    assert math.isnan(parse_memory("").kb)
    assert math.isnan(parse_memory("?").kb)


@pytest.mark.parametrize("text", ["4Q", "G", "-1M", "4 G", "4Gx", "4GB", "1e3K"])
def test_memory_that_slurm_does_not_write_is_refused(text):
    with pytest.raises(ValueError, match=f"memory is '{text}': it must be a number"):
        parse_memory(text)


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="unit is 'X': it must be one of B, K, M, G, T, P"):
        parse_memory("4", unit="X")


resource = st.from_regex(r"[a-z]{2,8}(/[a-z]{2,5})?(:[a-z0-9]{2,5})?", fullmatch=True)


@given(st.dictionaries(resource, st.integers(0, 10**12)))
def test_resources_are_read_back(amounts):
    assume(not {"mem", "vmem"} & amounts.keys())
    assume(not any(2**32 - 16 <= amount <= 2**32 for amount in amounts.values()))  # no value
    text = ",".join(f"{name}={amount}" for name, amount in amounts.items())

    assert amounts == parse_tres(text)


def test_resources_have_units_of_their_own():
    expected = {
        "cpu": 65.0,
        "mem": 1.5 * 2**20,
        "vmem": 2.0**10,
        "energy": 1500.0,
        "fs/disk": 2048.0,
    }
    assert expected == parse_tres("cpu=00:01:05,mem=1.50G,vmem=1,energy=1.50K,fs/disk=2K")


@pytest.mark.parametrize("text", ["cpu", "cpu=", "=4", "cpu=4,cpu=5", "cpu=4,", "mem=4n", "cpu=x"])
def test_resources_that_slurm_does_not_write_are_refused(text):
    with pytest.raises(ValueError, match="resources are"):
        parse_tres(text)


@pytest.mark.parametrize("name", ["sacct_epoch.txt", "sacct_offset.txt"])
def test_local_times_mean_the_instants_that_slurm_gives_for_them(sample, name):
    judge = read_sacct(SAMPLE / name, time_zone=ZONE)

    assert judge.epoch == sample.epoch
    # What still ran went on between the exports.
    pd.testing.assert_frame_equal(
        judge.jobs.drop(columns="observed_s"), sample.jobs.drop(columns="observed_s")
    )


def test_a_run_without_its_suspension_is_the_time_that_slurm_gives(sample):
    jobs = [row for row in printed() if "." not in row["JobID"]]
    runs = (sample.jobs["run_s"] - sample.jobs["suspended_s"]).tolist()

    assert len(jobs) == len(runs) == 45
    ended = [(run, row) for run, row in zip(runs, jobs, strict=True) if not math.isnan(run)]
    assert [float(row["ElapsedRaw"]) for _, row in ended] == [run for run, _ in ended]


def test_the_first_submission_is_second_0(sample):
    assert min(row["Submit"] for row in printed()) == sample.epoch.strftime("%Y-%m-%dT%H:%M:%S")
    assert sample.epoch.tzinfo.key == ZONE
    assert sample.jobs["submit_s"].min() == 0


def test_a_job_has_the_state_of_its_own_row_whatever_its_steps_have(by_name):
    names = ("steps", "greedy", "swollen", "signalled", "toolong", "stopped", "deadline", "lost")
    states = [by_name(name)[0]["state"] for name in names]

    expected = ["completed", "failed", "out_of_memory", "failed", "timeout"]
    assert [*expected, "cancelled", "cancelled", "node_fail"] == states


def test_who_cancelled_a_job_is_not_told(sample):
    assert {"DEADLINE", "REQUEUED", "NODE_FAIL", "PREEMPTED", "SUSPENDED"} == set(
        sample.jobs["source_state"].dropna()
    )


def test_a_requeued_job_is_partial_but_for_its_last_row(by_name):
    for name, word, last in (
        ("again", "REQUEUED", "completed"),
        ("unlucky", "NODE_FAIL", "running"),
        ("scavenger", "PREEMPTED", "pending"),
    ):
        first, second = by_name(name)

        assert first["job_id"] == second["job_id"]
        assert (first["state"], first["source_state"], second["state"]) == ("partial", word, last)
        assert first["submit_s"] + first["wait_s"] + first["run_s"] <= second["submit_s"]


def test_a_job_that_never_started_has_neither_wait_nor_processors(by_name):
    for name in ("withdrawn", "deadline", "held", "partition_limit"):
        (row,) = by_name(name)

        unknown = ("wait_s", "run_s", "held_s", "processors", "nodes", "gpus", "memory_kb")
        assert all(math.isnan(row[column]) for column in unknown)
        assert row["requested_processors"] >= 1


def test_a_job_that_runs_has_been_seen_running_for_some_time(by_name):
    (row,) = by_name("still_running")

    assert math.isnan(row["run_s"])
    assert row["observed_s"] > 0
    assert row["state"] == "running"
    (row,) = by_name("frozen")
    assert (row["state"], row["source_state"]) == ("running", "SUSPENDED")
    assert row["suspended_s"] > 0


def test_a_wait_contains_the_time_when_the_job_might_not_start(by_name):
    (first,), (second,), (later,) = by_name("first"), by_name("second"), by_name("later")

    ended = first["submit_s"] + first["wait_s"] + first["run_s"]
    assert second["submit_s"] + second["held_s"] == ended
    assert later["held_s"] == 20
    assert later["wait_s"] >= 20


def test_limits_that_are_no_duration_are_unknown(by_name):
    assert by_name("train")[0]["requested_s"] == 30 * 3600
    assert math.isnan(by_name("unlimited")[0]["requested_s"])
    assert math.isnan(by_name("partition_limit")[0]["requested_s"])


def test_each_started_task_of_an_array_is_a_job_and_the_rest_is_one_row(by_name):
    assert ["running", "running", "pending"] == [row["state"] for row in by_name("tail")]
    assert len({row["job_id"] for row in by_name("sweep")}) == 5


def test_each_part_of_a_heterogeneous_job_is_a_job(by_name):
    parts = by_name("pieces")

    assert [1, 2] == [part["processors"] for part in parts]
    assert [0, 1] == [part["gpus"] for part in parts]


def test_sizes_and_requests_are_counted_for_the_job_and_per_processor(by_name):
    (row,) = by_name("wide")
    found = [row[name] for name in ("nodes", "processors", "gpus", "requested_memory_kb")]

    assert [2, 6, 0, 100 * 1024] == found
    assert by_name("train")[0]["requested_memory_kb"] == 2**20 / 2  # 1G for 2 processors


def test_memory_is_that_of_the_step_that_used_most(by_name):
    steps = [row for row in printed() if row["JobID"] in ("3.batch", "3.extern", "3.0")]
    assert [row["AveRSS"][-1].isdigit() for row in steps] == [False, False, True]  # bytes

    (row,) = by_name("wide")
    largest = max(parse_memory(step["AveRSS"]).kb * int(step["NTasks"]) for step in steps)
    assert largest / 6 == row["memory_kb"]


def test_energy_is_that_of_the_nodes_for_as_long_as_the_job_had_them(by_name):
    # The sample's counter gains 250 J a second on every node, and is read every second.
    for name in ("wide", "train", "busy", "paused", "toolong", "notime", "stopped"):
        (row,) = by_name(name)

        assert row["energy_j"] == pytest.approx(250 * row["nodes"] * row["run_s"], abs=500)
    assert math.isnan(by_name("lost")[0]["energy_j"])


def test_who_and_where_are_kept_as_names(by_name):
    (row,) = by_name("unlimited")

    expected = ("u03", "biology", "urgent", "gpu")
    assert expected == tuple(row[name] for name in ("user", "group", "queue", "partition"))


def test_the_log_survives_csv(sample, tmp_path):
    write_csv(sample, tmp_path / "log.csv")
    back = read_csv(tmp_path / "log.csv")

    pd.testing.assert_frame_equal(sample.jobs, back.jobs)
    assert back.epoch == sample.epoch


@pytest.mark.parametrize(
    ("energies", "expected"),
    [
        ({"7": "900", "7.extern": "500", "7.batch": "450", "7.0": "450"}, 500),
        ({"7": "900", "7.batch": "450", "7.0": "440"}, 900),
        ({"7": "", "7.batch": "450", "7.0": "440"}, 890),
        ({"7": "0", "7.extern": "0", "7.batch": "0"}, math.nan),
        ({"7": "18446744073709551614"}, math.nan),
    ],
)
def test_energy_comes_from_the_extern_step_or_the_job_or_all_steps(energies, expected):
    log = read(*(job(JobID=name, ConsumedEnergyRaw=text) for name, text in energies.items()))

    assert log.jobs["energy_j"].tolist() == pytest.approx([expected], nan_ok=True)


def test_energy_may_stand_among_the_resources_alone():
    log = read(job(AllocTRES="cpu=4,energy=1200,mem=4G"))

    assert log.jobs["energy_j"].tolist() == [1200]


def test_the_model_of_a_gpu_is_kept_and_no_gpu_counted_twice():
    log = read(
        job(JobID="1", AllocTRES="cpu=4,gres/gpu:a100=2,gres/gpu=2"),
        job(JobID="2", AllocTRES="cpu=4,gres/gpu:v100=1,gres/gpu:a100=2"),
        job(JobID="3", AllocTRES="cpu=4"),
        job(JobID="4", AllocTRES=""),
    )

    assert log.jobs["gpus"].tolist() == pytest.approx([2, 3, 0, math.nan], nan_ok=True)
    assert log.jobs["gpu_type"].astype(object).tolist()[:2] == ["a100", "a100+v100"]


@pytest.mark.parametrize(
    ("memory", "expected"),
    [("8G", 2**20), ("4Gn", 2**20), ("2000Mc", 2000 * 1024), ("800", 102400), ("0", math.nan)],
)
def test_requested_memory_is_divided_by_the_processors_it_is_for(memory, expected):
    log = read(job(ReqMem=memory, NNodes="2", ReqCPUS="8"))

    assert log.jobs["requested_memory_kb"].tolist() == pytest.approx([expected], nan_ok=True)


@pytest.mark.parametrize(
    ("text", "state", "source_state"),
    [
        ("CANCELLED by 60001", "cancelled", None),
        ("CANCELLED+", "cancelled", None),
        ("OUT_OF_ME+", "out_of_memory", None),
        ("oom", "out_of_memory", None),
        ("TO", "timeout", None),
        ("BOOT_FAIL", "node_fail", "BOOT_FAIL"),
        ("RQ", "partial", "REQUEUED"),
        ("", "unknown", None),
    ],
)
def test_a_state_may_be_short_cut_or_say_by_whom(text, state, source_state):
    (row,) = read(job(State=text)).jobs.to_dict("records")

    assert row["state"] == state
    assert source_state == (row["source_state"] if isinstance(row["source_state"], str) else None)


def test_a_job_cancelled_before_its_start_may_have_a_start_in_old_logs():
    same = "2024-05-31T13:01:00"
    log = read(job(Start=same, End=same, Elapsed="00:00:00", NodeList="None assigned"))

    assert log.jobs[["wait_s", "run_s", "processors"]].isna().all(axis=None)


def test_raw_columns_do_where_the_others_are_missing():
    fields = job(ElapsedRaw="50", TimelimitRaw="90", NCPUS="4")
    for name in ("Elapsed", "End", "AllocCPUS"):
        del fields[name]
    (row,) = read(fields).jobs.to_dict("records")

    assert (50, 5400, 4) == (row["run_s"], row["requested_s"], row["processors"])


def test_job_ids_are_text_where_there_is_no_raw_number():
    assert read(job(JobID="7_1"), job(JobID="8+0")).jobs["job_id"].tolist() == ["7_1", "8+0"]
    assert read(job(JobID="7_1", JobIDRaw="9")).jobs["job_id"].tolist() == [9]


def test_steps_may_stand_anywhere_if_their_job_has_one_row():
    log = read(
        job(JobID="7.0", MaxRSS="8M", NTasks="2"), job(JobID="7"), job(JobID="8"), job(JobID="7.1")
    )

    assert log.jobs["memory_kb"].tolist() == pytest.approx([4096, math.nan], nan_ok=True)


@settings(max_examples=25)  # each of many jobs, as reading is what takes time
@given(
    st.lists(
        st.tuples(st.integers(-7200, 7200), st.integers(0, 7200), st.integers(0, 7200)),
        min_size=20,
    )
)
def test_local_times_around_a_change_of_clocks_are_right_or_refused(jobs):
    def export(write):
        rows = []
        for number, (submit, wait, run) in enumerate(jobs):
            instants = np.cumsum([CHANGE + submit, wait, run])
            times = dict(zip(("Submit", "Start", "End"), map(write, instants), strict=True))
            rows.append(job(JobID=str(number), Elapsed=slurm_elapsed(run), **times))
        return rows

    def local(instant):
        return pd.Timestamp(instant, unit="s", tz=ZONE).strftime("%Y-%m-%dT%H:%M:%S")

    truth = read(*export(str))
    first = truth.jobs.assign(submit=truth.jobs["submit_s"] + truth.epoch.timestamp())
    found = read(*export(local), errors="skip")
    assert len(found.jobs) + len(found.skipped) == len(jobs)
    if len(found.jobs):
        again = found.jobs.assign(submit=found.jobs["submit_s"] + found.epoch.timestamp())
        columns = ["job_id", "submit", "wait_s", "run_s"]
        kept = first[first["job_id"].isin(again["job_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept[columns], again[columns])


@pytest.mark.parametrize(("ambiguous", "wait"), [("first", 5400.0), ("second", 1800.0)])
def test_a_time_that_occurs_twice_is_settled_by_the_rule_that_is_named(ambiguous, wait):
    times = {
        "Submit": "2024-10-27T02:30:00",
        "Start": "2024-10-27T03:00:00",
        "End": "2024-10-27T03:00:50",
    }
    assert read(job(**times), ambiguous=ambiguous).jobs["wait_s"].tolist() == [wait]
    with pytest.raises(
        ValueError,
        match=r"line 2: Submit is '2024-10-27T02:30:00': it must not be a time that occurs twice in "
        r"Europe/Berlin: export with SLURM_TIME_FORMAT=%s, or pass ambiguous=",
    ):
        read(job(**times))


@pytest.mark.parametrize(
    ("submit", "start", "end", "elapsed", "suspended", "wait", "run"),
    [
        ("00:30", "02:30", "03:30", "02:00:00", "", 7200.0, 7200.0),  # the first 2:30
        ("00:30", "02:30", "03:30", "01:30:00", "00:30:00", 7200.0, 7200.0),
        ("00:30", "01:30", "02:30", "02:00:00", "", 3600.0, 7200.0),  # the second 2:30
        ("02:30", "02:10", "03:10", "01:00:00", "", 2400.0, 3600.0),  # the first, the second
    ],
)
def test_the_rest_of_the_row_settles_a_time_that_occurs_twice(
    submit, start, end, elapsed, suspended, wait, run
):
    day = "2024-10-27T{}:00".format
    times = {"Submit": day(submit), "Start": day(start), "End": day(end)}
    log = read(job(**times, Elapsed=elapsed, Suspended=suspended))

    assert log.jobs[["wait_s", "run_s"]].to_numpy().tolist() == [[wait, run]]


GOOD = job(JobID="1", AllocTRES="cpu=4", ReqMem="1G", NTasks="", Timelimit="00:10:00")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("Submit", "2024-03-31T02:30:00", "must be a time that occurs in Europe/Berlin"),
        ("Submit", "2024-05-31 13:00:00", "must be a time that occurs in Europe/Berlin"),
        ("Submit", "2024-02-30T13:00:00", "must be a time that occurs in Europe/Berlin"),
        ("Submit", "Unknown", "must be known"),
        ("Start", "2024-05-31T12:59:59", "must not be before Submit"),
        ("End", "2024-05-31T13:00:09", "must not be before Start"),
        ("Elapsed", "50", "must be a duration"),
        ("Timelimit", "infinite", "must be a duration"),
        ("State", "DONE", "must be one of BOOT_FAIL, CANCELLED, COMPLETED"),
        ("State", "C+", "must be one of BOOT_FAIL"),
        ("AllocCPUS", "4.5", "must be a whole number"),
        ("AllocTRES", "cpu", "must be a list such as cpu=4"),
        ("ReqMem", "lots", "must be an amount of memory"),
        ("JobID", "", "must be given"),
    ],
)
def test_a_bad_field_is_named_with_its_line_and_rule_or_skipped(field, value, rule):
    rows = (GOOD, {**GOOD, "JobID": "2", field: value})

    with pytest.raises(
        ValueError, match=f"<buffer>, line 3: {field} is '{value}': it {rule}".replace("+", r"\+")
    ):
        read(*rows)
    log = read(*rows, errors="skip")
    assert log.jobs["job_id"].tolist() == [1]
    assert log.skipped[["line", "field", "value"]].to_numpy().tolist() == [[3, field, value]]


def test_a_name_with_the_delimiter_or_a_line_break_is_a_bad_row_until_the_delimiter_is_another():
    text = "JobID|Submit|JobName|NCPUS\n1|1717153200|a|b|1\n2|1717153200|c|1\n3|1717153200|d\ne|1\n"
    log = read_sacct(io.StringIO(text), time_zone=ZONE, errors="skip")

    assert log.jobs["job_id"].tolist() == [2]
    assert log.skipped["line"].tolist() == [2, 4, 5]
    assert "does a name hold the delimiter" in log.skipped["reason"][0]
    other = "JobID\x1fSubmit\x1fJobName\x1fNCPUS\n1\x1f1717153200\x1fa|b\x1f1\n"
    named = read_sacct(io.StringIO(other), time_zone=ZONE, delimiter="\x1f")
    assert named.jobs["executable"].tolist() == ["a|b"]


def test_a_step_without_its_job_is_refused():
    with pytest.raises(
        ValueError, match=r"line 3: JobID is '8\.0': it must follow the row of its job"
    ):
        read(job(JobID="7"), job(JobID="8.0"))


def test_the_steps_of_a_bad_row_are_skipped_with_it():
    log = read(job(JobID="7", End="?"), job(JobID="7.0"), job(JobID="8"), errors="skip")

    assert log.jobs["job_id"].tolist() == [8]
    assert log.skipped["line"].tolist() == [2, 3]
    assert log.skipped["reason"][1] == "must belong to a job whose own row is good"


def test_a_bad_step_is_skipped_alone():
    log = read(job(), job(JobID="7.0", MaxRSS="?K"), job(JobID="7.1", MaxRSS="4M"), errors="skip")

    assert log.jobs["memory_kb"].tolist() == [1024]
    assert log.skipped["field"].tolist() == ["MaxRSS"]


def test_line_ends_a_trailing_delimiter_and_compression_make_no_difference(sample, tmp_path):
    text = (SAMPLE / "sacct.txt").read_text().replace("\n", "|\r\n")
    path = tmp_path / "sacct.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    log = read_sacct(path, time_zone=ZONE)

    pd.testing.assert_frame_equal(sample.jobs, log.jobs)


@pytest.mark.parametrize(
    "top", ["", "JobID Submit", "JobID|State", "Submit|State", "7|2024-05-31T13:00:00|COMPLETED"]
)
def test_a_file_without_the_names_of_columns_is_refused(top):
    with pytest.raises(ValueError, match=r"<buffer>, line 1: .*it must name columns between '|'"):
        read_sacct(io.StringIO(top + "\n"), time_zone=ZONE)


def test_an_export_without_rows_is_an_empty_log():
    log = read_sacct(io.StringIO("JobID|Submit|AllocCPUS\n"), time_zone=ZONE)

    assert len(log) == 0
    assert log.epoch is None


def test_jobs_of_two_clusters_are_refused():
    with pytest.raises(ValueError, match="Cluster is a and b: a job number means one job on one"):
        read(job(Cluster="a"), job(Cluster="b"))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"time_zone": "Europe/Bielefeld"}, "time_zone is 'Europe/Bielefeld': it must be a name"),
        ({"ambiguous": "guess"}, "ambiguous is 'guess': it must be 'raise', 'first' or 'second'"),
        ({"errors": "ignore"}, "errors is 'ignore': it must be 'raise' or 'skip'"),
    ],
)
def test_an_unknown_option_is_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        read(job(), **keywords)


# --- Rows of one job number ---------------------------------------------------------------------

RUNNING = job(End="Unknown", Elapsed="00:00:20", State="RUNNING")
REQUEUED = job(Submit="2024-05-31T13:01:00", Start="2024-05-31T13:04:00", End="2024-05-31T13:05:00")


@pytest.mark.parametrize(
    ("rows", "bad_line", "reason"),
    [
        ([job(), job()], 3, "must not tell the run of line 2 again"),
        ([RUNNING, job()], 2, "must not tell the run of line 3 again"),
        ([job(), RUNNING], 3, "must not tell the run of line 2 again"),
        ([job(State="PENDING", Start="Unknown", End="Unknown"), job()], 2, "must not tell the run"),
        ([job(), job(Submit="2024-05-31T13:00:05")], 3, "must not tell the run of line 2 again"),
        ([job(User="a"), REQUEUED | {"User": "b"}], 3, "that of line 2 is another user's"),
        (
            [job(), job(**{t: f"2025-05-31T13:0{i}:00" for i, t in enumerate(TIMES)})],
            3,
            "that of line 2 ended over a week before",
        ),
    ],
)
def test_rows_of_one_number_that_are_no_requeue_are_refused_and_no_second_counts_twice(
    rows, bad_line, reason
):
    with pytest.raises(ValueError, match=f"line {bad_line}: JobID is '7': it .*{reason}"):
        read(*rows)
    log = read(*rows, errors="skip")
    assert [bad_line] == log.skipped["line"].tolist()
    assert ["completed"] == log.jobs["state"].tolist()
    assert [50.0] == log.jobs["run_s"].tolist()


def test_runs_of_a_requeued_job_stay_apart():
    log = read(job(State="PREEMPTED"), REQUEUED)

    assert ["partial", "completed"] == log.jobs["state"].tolist()
    assert [50.0, 60.0] == log.jobs["run_s"].tolist()


def test_the_steps_of_a_row_that_tells_a_run_again_are_left_out_with_it():
    step = job(JobID="7.0", ConsumedEnergyRaw="500")
    log = read(job(), step, job(), step, errors="skip")

    assert [4, 5] == log.skipped["line"].tolist()
    assert [500.0] == log.jobs["energy_j"].tolist()


def test_a_step_that_is_told_twice_counts_once():
    step = job(JobID="7.0", ConsumedEnergyRaw="500")
    log = read(job(), step, step, errors="skip")

    assert [4] == log.skipped["line"].tolist()
    assert [500.0] == log.jobs["energy_j"].tolist()


# --- No value, and values that cannot be ---------------------------------------------------------

NO_VALUES = [2**64 - 1, 2**64 - 2, 2**32 - 1, 2**32 - 2]


@pytest.mark.parametrize("number", NO_VALUES)
@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"AllocCPUS": "{}"}, "processors"),
        ({"AllocCPUS": "", "AllocTRES": "cpu={},mem=8G"}, "processors"),
        ({"ReqCPUS": "{}"}, "requested_processors"),
        ({"NNodes": "{}"}, "nodes"),
        ({"AllocTRES": "cpu=4,gres/gpu={}"}, "gpus"),
        ({"AllocTRES": "cpu=4,energy={}"}, "energy_j"),
        ({"ConsumedEnergyRaw": "{}"}, "energy_j"),
        ({"ReqMem": "{}M", "ReqCPUS": "4"}, "requested_memory_kb"),
        ({"ReqMem": "{}", "ReqCPUS": "4"}, "requested_memory_kb"),
        ({"TimelimitRaw": "{}"}, "requested_s"),
    ],
)
def test_slurms_marks_for_no_value_are_no_numbers_wherever_they_stand(fields, column, number):
    log = read(job(**{name: text.format(number) for name, text in fields.items()}))

    assert column not in log.jobs or log.jobs[column].isna().all()


@pytest.mark.parametrize("number", NO_VALUES)
def test_slurms_marks_for_no_value_are_no_memory_tasks_or_energy_of_a_step(number):
    step = job(JobID="7.0", AveRSS=str(number), NTasks=str(number), ConsumedEnergyRaw=str(number))
    log = read(job(), step)

    assert log.jobs["memory_kb"].isna().all()
    assert "energy_j" not in log.jobs or log.jobs["energy_j"].isna().all()


@pytest.mark.parametrize("seconds", [2**32 - 2, 2**32 - 1, (2**32 - 1) * 60, (2**32 - 2) * 60])
def test_slurms_marks_for_no_value_are_no_duration(seconds):
    assert math.isnan(parse_elapsed(slurm_elapsed(seconds)))


@pytest.mark.parametrize("amount", ["16384P", "16777216T", "16.00?", "18446744073709551614"])
def test_slurms_marks_for_no_value_are_no_amount_in_any_unit(amount):
    assert math.isnan(parse_memory(amount).kb)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"ConsumedEnergyRaw": "99999999999"}, "ConsumedEnergyRaw"),
        ({"AllocTRES": "cpu=4,energy=99999999999"}, "AllocTRES"),
    ],
)
def test_an_energy_that_no_machine_draws_is_named_and_skippable(fields, name):
    rows = (job(NNodes="1", **fields), job(JobID="8", NNodes="1", ConsumedEnergyRaw="50000"))

    with pytest.raises(
        ValueError, match=f"line 2: {name} is .*can draw in its time, at most 100 kW"
    ):
        read(*rows)
    assert [50000.0] == read(*rows, errors="skip").jobs["energy_j"].tolist()


def test_an_energy_of_a_step_that_no_machine_draws_leaves_the_step_out():
    step = job(JobID="7.extern", ConsumedEnergyRaw=str(2**62))
    log = read(job(NNodes="1", ConsumedEnergyRaw="500"), step, errors="skip")

    assert [3] == log.skipped["line"].tolist()
    assert [500.0] == log.jobs["energy_j"].tolist()


def test_memory_per_no_processor_makes_its_row_bad_and_not_the_log():
    rows = (job(ReqCPUS="0", ReqMem="4Gn"), job(JobID="8", ReqCPUS="4", ReqMem="4Gn", NNodes="1"))

    with pytest.raises(ValueError, match=r"line 2: ReqCPUS is '0': it must be above 0"):
        read(*rows)
    assert [8] == read(*rows, errors="skip").jobs["job_id"].tolist()


@pytest.mark.parametrize(
    "instant",
    [
        "1717153200000",
        "1717153200000000",
        "9" * 30,
        "2300-01-01T00:00:00",
        "9999-12-31T23:59:59",
        "5",
    ],
)
@pytest.mark.parametrize("name", ["Submit", "Eligible", "Start", "End"])
def test_an_instant_that_cannot_be_is_refused_with_its_line(name, instant):
    with pytest.raises(ValueError, match=f"line 3: {name} is '{instant}'.*between 1990 and 2200"):
        read(job(), job(JobID="8", **{name: instant}))


@pytest.mark.parametrize(
    "tres",
    ["cpu=4,gres/shard=2", "cpu=4,gres/mps=50", "cpu=4,gres/gpu=1,gres/gpu:a100_1g.5gb=1"],
)
def test_parts_of_a_gpu_are_a_number_that_is_not_known(tres):
    assert read(job(AllocTRES=tres)).jobs["gpus"].isna().all()


def test_the_recommended_export_tells_a_job_that_never_started():
    fields = {"NodeList": "None assigned", "State": "CANCELLED", "End": job()["Start"]}
    row = {name: (job() | fields).get(name, "") for name in EXPORT.split(",")}
    row["JobIDRaw"] = "7"

    assert read(row).jobs[["wait_s", "run_s", "processors"]].isna().all(axis=None)


def test_processors_may_come_from_ncpus_or_the_list_of_resources():
    fields = {name: text for name, text in job().items() if name != "AllocCPUS"}

    assert [4] == read(fields | {"NCPUS": "4"}).jobs["processors"].tolist()
    assert [8] == read(fields | {"AllocTRES": "cpu=8,mem=1G"}).jobs["processors"].tolist()


def test_an_export_without_processors_says_so():
    fields = {name: text for name, text in job().items() if name != "AllocCPUS"}

    with pytest.warns(UserWarning, match=r"^<buffer> has no column AllocCPUS .*is unknown. Export"):
        log = read(fields)
    assert log.jobs["processors"].isna().all()


# --- Files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_ends_of_lines_and_encodings_make_no_difference(sample, end, encoding):
    text = (SAMPLE / "sacct.txt").read_text().replace("\n", end)
    log = read_sacct(io.BytesIO(text.encode(encoding)), time_zone=ZONE)

    pd.testing.assert_frame_equal(sample.jobs, log.jobs)


def test_of_a_cut_file_the_rows_before_the_cut_can_be_read():
    rows = "".join(f"{i}|{1_700_000_000 + i * i}|{i % 64}\n" for i in range(20_000))
    whole = gzip.compress(f"JobID|Submit|AllocCPUS\n{rows}".encode())
    cut = whole[: len(whole) // 2]

    with pytest.raises(ValueError, match="the compressed file is damaged or cut short"):
        read_sacct(io.BytesIO(cut), time_zone=ZONE)
    log = read_sacct(io.BytesIO(cut), time_zone=ZONE, errors="skip")
    assert 1000 < len(log) < 20_000
    assert [len(log) + 2] == log.skipped["line"].tolist()
    assert "the compressed file is damaged or cut short here" in log.skipped["reason"][0]


@pytest.mark.parametrize("delimiter", ["", "\n"])
def test_a_delimiter_is_a_character_of_a_line(delimiter):
    with pytest.raises(ValueError, match="it must be one or more characters of a line"):
        read(job(), delimiter=delimiter)
