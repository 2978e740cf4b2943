"""The Standard Workload Format: every row is checked, and nothing is lost on the way back."""

import bz2
import gzip
import io
import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.jobs import read_swf, write_swf
from helpers.jobs.swf import header_fields
from helpers.jobs.table import JobLog, jobs_table, time_zone_name, to_epoch

UNILU = Path(__file__).parents[2] / "data" / "jobs" / "UniLu-Gaia-2014-2.swf.bz2"

HEADER = """\
; Version: 2.2
;   UnixStartTime: 1400749079
; TimeZoneString: Europe/Luxembourg
; Queue: 1 normal
; Queue: 2 besteffort
"""
# job submit wait run procs cpu mem procs time mem status user group exe queue partition prev think
GOOD = """\
1 0 5 100 4 90.5 2048 4 3600 -1 1 7 1 3 1 -1 -1 -1
2 10 -1 -1 -1 -1 -1 8 60 512 5 12 1 -1 2 1 1 30
"""


def swf(text):
    return io.StringIO(text)


def changed(column, value, row=1):
    """Return the two good rows with one field (from 1) changed."""
    rows = [line.split() for line in GOOD.splitlines()]
    rows[row][column - 1] = value
    return "\n".join(" ".join(row) for row in rows) + "\n"


def assert_same_log(expected, actual):
    pd.testing.assert_frame_equal(expected.jobs, actual.jobs)
    assert expected.epoch == actual.epoch
    assert expected.header == actual.header


@pytest.fixture(scope="module")
def unilu():
    return read_swf(UNILU)


def test_all_fields_of_a_row_find_their_column():
    jobs = read_swf(swf(GOOD)).jobs

    expected = {
        "job_id": 1,
        "submit_s": 0.0,
        "wait_s": 5.0,
        "run_s": 100.0,
        "processors": 4.0,
        "cpu_time_s": 90.5,
        "memory_kb": 2048.0,
        "requested_processors": 4.0,
        "requested_s": 3600.0,
        "state": "completed",
        "user": "7",
        "group": "1",
        "executable": "3",
        "queue": "1",
    }
    assert expected == jobs.iloc[0].dropna().to_dict()


def test_minus_one_is_unknown():
    second = read_swf(swf(GOOD)).jobs.iloc[1]

    unknown = ["wait_s", "run_s", "processors", "cpu_time_s", "memory_kb", "executable"]
    assert unknown == list(second.index[second.isna()])
    assert (1, 30.0, "12") == (second["previous_job_id"], second["think_time_s"], second["user"])


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("-1", "unknown"),
        ("0", "failed"),
        ("1", "completed"),
        ("2", "partial"),
        ("3", "partial"),
        ("4", "partial"),
        ("5", "cancelled"),
    ],
)
def test_a_status_becomes_a_state(status, state):
    assert state == read_swf(swf(changed(11, status))).jobs["state"].iloc[1]


def test_the_last_part_of_a_job_keeps_how_the_job_ended():
    parts = "7 0 1 9 1 -1 -1 1 9 -1 2 1 1 1 1 1 -1 -1\n7 0 20 9 1 -1 -1 1 9 -1 3 1 1 1 1 1 -1 -1\n"
    log = read_swf(swf(parts))

    assert ["partial", "partial"] == log.jobs["state"].tolist()
    assert ["last part, completed"] == log.jobs["source_state"].dropna().tolist()


def test_the_header_is_kept_verbatim_and_gives_epoch_and_zone():
    log = read_swf(swf(HEADER + GOOD))

    assert tuple(HEADER.splitlines()) == log.header
    assert pd.Timestamp("2014-05-22T10:57:59", tz="Europe/Luxembourg") == log.epoch
    assert "Europe/Luxembourg" == time_zone_name(log.epoch)


def test_labels_of_the_header_may_occur_often():
    fields = header_fields(HEADER.splitlines())

    assert ("1 normal", "2 besteffort") == fields["Queue"]
    assert ("2.2",) == fields["Version"]


def test_a_comment_between_rows_is_kept_and_rows_after_it_too():
    log = read_swf(swf(GOOD.replace("\n2", "\n; half time\n2")))

    assert ("; half time",) == log.header
    assert [1, 2] == log.jobs["job_id"].tolist()


@pytest.mark.parametrize(
    ("header", "zone"),
    [
        ("; UnixStartTime: 86400", "UTC"),
        ("; UnixStartTime: 86400\n; TimeZone: -28800", "-08:00"),
        ("; UnixStartTime: 86400\n; TimeZone: 3600\n; TimeZoneString: Asia/Tokyo", "Asia/Tokyo"),
    ],
)
def test_the_zone_comes_from_the_header_or_is_universal_time(header, zone):
    epoch = read_swf(swf(f"{header}\n{GOOD}")).epoch

    assert 86400 == epoch.timestamp()
    assert zone == time_zone_name(epoch)


@pytest.mark.parametrize(
    "header", ["", "; UnixStartTime: 0", "; UnixStartTime: -1", "; UnixStartTime:"]
)
def test_a_log_without_a_start_time_has_no_epoch(header):
    assert read_swf(swf(f"{header}\n{GOOD}")).epoch is None


def test_epoch_and_zone_given_by_the_user_win():
    log = read_swf(swf(HEADER + GOOD), epoch="2020-01-01", time_zone="Europe/Berlin")

    assert pd.Timestamp("2020-01-01", tz="Europe/Berlin") == log.epoch
    assert "Asia/Tokyo" == time_zone_name(
        read_swf(swf(HEADER + GOOD), time_zone="Asia/Tokyo").epoch
    )


@pytest.mark.parametrize(
    ("header", "keywords", "message"),
    [
        ("; UnixStartTime: noon", {}, "<buffer>: UnixStartTime is 'noon': it must be a number"),
        ("; UnixStartTime: 9\n; TimeZone: 2", {}, "TimeZone is 2: it must be the seconds"),
        (
            "; UnixStartTime: 9\n; TimeZoneString: Mars",
            {},
            "TimeZoneString: time_zone is 'Mars'.*zone=",
        ),
        ("", {"time_zone": "Asia/Tokyo"}, "the header gives no UnixStartTime: pass epoch= too"),
        ("", {"epoch": "2020-01-01"}, "without a time zone"),
    ],
)
def test_a_wrong_start_time_or_zone_is_refused_with_the_remedy(header, keywords, message):
    with pytest.raises(ValueError, match=message):
        read_swf(swf(f"{header}\n{GOOD}"), **keywords)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(3, "-2"), "line 7: wait_s is '-2': it must be at least 0, or -1 if unknown"),
        (changed(6, "-0.5"), "line 7: cpu_time_s is '-0.5'"),
        (changed(2, "-1"), "line 7: submit_s is '-1': it must be at least 0"),
        (changed(1, "-1"), "line 7: job_id is '-1': it must be at least 0"),
        (changed(1, "1"), "line 7: job_id is '1': it must be unique"),
        (changed(5, "1.5"), "line 7: processors is '1.5': it must be a whole number"),
        (changed(12, "ann"), "line 7: user is 'ann': it must be a whole number"),
        (changed(12, "9" * 30), "line 7: user is '9+': it must be a whole number"),
        (changed(4, "nan"), "line 7: run_s is 'nan': it must be a finite number"),
        (changed(4, "inf"), "line 7: run_s is 'inf': it must be a finite number"),
        (changed(4, "1_000"), "line 7: run_s is '1_000': it must be a finite number"),
        (changed(4, "1,5"), "line 7: run_s is '1,5': it must be a finite number"),
        (changed(11, "6"), "line 7: state is '6': it must be one of -1, 0, 1, 2, 3, 4, 5"),
        (changed(18, ""), "line 7: row is .* must have 18 fields, not 17"),
        (changed(18, "1 1"), "line 7: row is .* must have 18 fields, not 19"),
        (changed(18, "1 ; note"), "line 7: row is .* must have 18 fields, not 20"),
        (
            changed(2, "50", row=0),
            "line 7: submit_s is '10': it must not be before .*ordered=False",
        ),
    ],
)
def test_a_bad_row_is_reported_with_file_line_field_and_value(text, message):
    with pytest.raises(ValueError, match=f"^<buffer>, {message}"):
        read_swf(swf(HEADER + text))


def test_blank_lines_and_comments_count_as_lines():
    text = f"{HEADER}\n\n{GOOD.splitlines()[0]}\n\n; note\n{changed(4, 'x').splitlines()[1]}\n"

    with pytest.raises(ValueError, match="line 11: run_s is 'x'"):
        read_swf(swf(text))


def test_the_number_of_a_bad_line_is_right_on_the_fast_path_too():
    text = f"{HEADER}\n\n{GOOD.splitlines()[0]}\n\n{changed(4, '-7').splitlines()[1]}\n"

    with pytest.raises(ValueError, match="line 10: run_s is '-7'"):
        read_swf(swf(text))


def test_bad_rows_can_be_skipped_and_are_counted_and_listed():
    text = HEADER + changed(4, "x") + changed(4, "-7").splitlines()[1].replace("2", "3", 1) + "\n"
    log = read_swf(swf(text), errors="skip")

    assert [1] == log.jobs["job_id"].tolist()
    assert [7, 8] == log.skipped["line"].tolist()
    assert [("run_s", "x"), ("run_s", "-7")] == list(
        log.skipped[["field", "value"]].itertuples(index=False, name=None)
    )


def test_a_log_out_of_order_is_read_when_asked_for():
    log = read_swf(swf(changed(2, "50", row=0)), ordered=False)

    assert [50.0, 10.0] == log.jobs["submit_s"].tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace(" ", "   "),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "  \n"),
        lambda text: "   " + text.replace("\n", "\n  "),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace(" 4 ", " 4.0 "),
        lambda text: "\ufeff" + text,
    ],
)
def test_white_space_and_line_ends_do_not_matter(change):
    expected = read_swf(swf(HEADER + GOOD))

    actual = read_swf(swf(change(HEADER + GOOD)))

    pd.testing.assert_frame_equal(expected.jobs, actual.jobs)
    assert expected.epoch == actual.epoch


@pytest.mark.parametrize("text", ["", HEADER, "\n\n"])
def test_a_log_may_be_empty(text):
    log = read_swf(swf(text))

    assert 0 == len(log)
    assert tuple(text.split("\n")[:-1] if text.strip() else ()) == log.header


def test_a_header_in_latin_1_is_read():
    log = read_swf(io.BytesIO("; Installation: Université\n".encode("latin-1") + GOOD.encode()))

    assert ("; Installation: Université",) == log.header


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_compression_is_recognised_whatever_the_name(tmp_path, compress):
    path = tmp_path / "log.swf"
    path.write_bytes(compress((HEADER + GOOD).encode()))

    assert_same_log(read_swf(swf(HEADER + GOOD)), read_swf(path))


WHOLE = st.integers(-1, 2**53 - 1)
REAL = st.just(-1.0) | st.floats(0, 3e9)


@st.composite
def files(draw):
    n = draw(st.integers(1, 6))
    columns = []
    for field in range(18):
        values = WHOLE if field in (4, 7, 11, 12, 13, 14, 15, 16) else REAL
        if field == 0:
            ids = st.lists(st.integers(0, 2**63 - 1), min_size=n, max_size=n, unique=True)
            columns.append(draw(ids))
            continue
        if field == 1:
            values = st.floats(0, 3e9)
        if field == 10:
            values = st.integers(-1, 5)
        drawn = draw(st.lists(values, min_size=n, max_size=n))
        columns.append(sorted(drawn) if field == 1 else drawn)
    rows = ["".join(f"{value!r:>9} " for value in row) for row in zip(*columns, strict=True)]
    header = draw(
        st.lists(st.text(st.characters(exclude_characters="\r\n", categories=["L", "P"])))
    )
    zone = draw(st.sampled_from(["", "; TimeZoneString: Asia/Kolkata", "; TimeZone: 20700"]))
    start = draw(st.sampled_from(["", "; UnixStartTime: 123456789"]))
    lines = [f"; {line}" for line in header] + [start, zone if start else ""]
    return "\n".join([*filter(None, lines), *rows]) + "\n"


@given(files())
@settings(deadline=None, max_examples=50)
def test_writing_what_was_read_loses_nothing(tmp_path_factory, text):
    log = read_swf(swf(text))
    path = tmp_path_factory.mktemp("swf") / "log.swf"
    write_swf(log, path)

    assert_same_log(log, read_swf(path))


def test_the_embedded_log_has_the_counts_of_its_data_sheet(unilu):
    jobs = unilu.jobs

    assert 51_987 == len(jobs)
    counts = {"completed": 41_268, "failed": 10_592, "partial": 127}
    assert counts == {state: n for state, n in jobs["state"].value_counts().items() if n}
    assert 84 == jobs["user"].nunique()
    assert 14_915 == (jobs["queue"] == "2").sum()
    assert 1_500 == (jobs["run_s"] > jobs["requested_s"]).sum()
    assert jobs["requested_s"].notna().all()
    assert pd.Timestamp("2014-05-22T10:57:59", tz="Europe/Luxembourg") == unilu.epoch
    assert 48 == len(unilu.header)


def test_the_embedded_log_survives_writing_and_reading(unilu, tmp_path):
    write_swf(unilu, tmp_path / "log.swf.gz")

    assert_same_log(unilu, read_swf(tmp_path / "log.swf.gz"))


def test_the_embedded_log_is_read_as_a_plain_parser_reads_it(unilu):
    plain = pd.read_csv(UNILU, comment=";", header=None, sep=r"\s+")

    numbers = plain.mask(plain == -1)
    for field, name in {1: "submit_s", 2: "wait_s", 3: "run_s", 5: "cpu_time_s"}.items():
        np.testing.assert_array_equal(numbers[field], unilu.jobs[name])
    for field, name in {11: "user", 13: "executable", 14: "queue"}.items():
        assert plain[field].astype(str).tolist() == unilu.jobs[name].tolist()


def a_log(**columns):
    jobs = {"job_id": [1, 2], "submit_s": [0, 1], "state": "completed", **columns}
    jobs["state"] = [jobs["state"]] * 2 if isinstance(jobs["state"], str) else jobs["state"]
    return JobLog(jobs_table(jobs), to_epoch(86400, "+02:00"))


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"state": "timeout"}, "the state 'timeout'"),
        ({"user": ["ann", "bob"]}, "user that are no whole numbers"),
        ({"user": ["007", "7"]}, "user that are no whole numbers"),
        ({"job_id": ["a", "b"]}, "job_id that are no whole numbers"),
        ({"processors": [1, 1.5]}, "fractions in processors"),
        ({"gpus": [1, 0]}, "the column 'gpus'"),
        ({"source_state": ["killed", None]}, "the words in source_state"),
    ],
)
def test_what_the_format_cannot_hold_is_refused_unless_loss_is_allowed(tmp_path, columns, what):
    log = a_log(**columns)

    with pytest.raises(ValueError, match=f"cannot hold {what}: pass lossy=True"):
        write_swf(log, tmp_path / "log.swf")
    assert [] == list(tmp_path.iterdir())

    write_swf(log, tmp_path / "log.swf", lossy=True)
    assert [0.0, 1.0] == read_swf(tmp_path / "log.swf").jobs["submit_s"].tolist()


def test_names_are_numbered_by_first_appearance_when_loss_is_allowed(tmp_path):
    log = a_log(user=["zoe", "ann"], job_id=["x", "y"], previous_job_id=[None, "x"])
    write_swf(log, tmp_path / "log.swf", lossy=True)

    jobs = read_swf(tmp_path / "log.swf").jobs
    assert ["1", "2"] == jobs["user"].tolist()
    assert [1, 2] == jobs["job_id"].tolist()
    assert [1] == jobs["previous_job_id"].dropna().tolist()


def test_states_become_the_nearest_status_and_fractions_are_rounded_up_when_loss_is_allowed(
    tmp_path,
):
    states = ["timeout", "preempted", "running"]
    columns = {"state": states, "processors": [0.5, 1, 1.5]}
    jobs = jobs_table({"job_id": [1, 2, 3], "submit_s": [0, 1, 2], **columns})
    write_swf(JobLog(jobs), tmp_path / "log.swf", lossy=True)

    read = read_swf(tmp_path / "log.swf").jobs
    assert ["failed", "cancelled", "unknown"] == read["state"].tolist()
    assert [1.0, 1.0, 2.0] == read["processors"].tolist()


def test_a_log_without_a_header_is_written_with_its_epoch_and_zone(tmp_path):
    log = a_log()
    write_swf(log, tmp_path / "log.swf")

    read = read_swf(tmp_path / "log.swf")
    assert ("; UnixStartTime: 86400", "; TimeZoneString: +02:00") == read.header
    assert (log.epoch, "+02:00") == (read.epoch, time_zone_name(read.epoch))


def test_a_header_that_contradicts_the_epoch_is_mended(tmp_path):
    log = read_swf(swf(HEADER + GOOD), epoch="2020-01-01", time_zone="UTC")
    write_swf(log, tmp_path / "log.swf")

    read = read_swf(tmp_path / "log.swf")
    assert log.epoch == read.epoch
    assert ("1577836800",) == header_fields(read.header)["UnixStartTime"]
    assert "; Queue: 2 besteffort" in read.header


def test_rows_are_written_in_order_of_submission(tmp_path):
    write_swf(a_log(submit_s=[9, 3]), tmp_path / "log.swf")

    assert [2, 1] == read_swf(tmp_path / "log.swf").jobs["job_id"].tolist()


def test_a_submission_before_second_0_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match=r"job 2: submit_s is -3.0: it must be at least 0"):
        write_swf(a_log(submit_s=[9, -3]), tmp_path / "log.swf")


@pytest.mark.parametrize("header_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("row_end", ["\n", "\r\n", "\r"])
def test_no_row_is_lost_where_ends_of_lines_are_mixed(header_end, row_end):
    header = f"; Version: 2.2{header_end}; UnixStartTime: 1000000{header_end}"
    log = read_swf(swf(header + GOOD.replace("\n", row_end) * 1))

    assert 2 == len(log.header)
    assert len(read_swf(swf(GOOD))) == len(log)


@pytest.mark.parametrize("start", ["1717153200000", "1_000", "١٢٣", "1e300", "nan"])
def test_a_start_time_that_is_no_instant_is_refused(start):
    with pytest.raises(ValueError, match=r"UnixStartTime.*Pass epoch= instead"):
        read_swf(swf(f"; UnixStartTime: {start}\n" + GOOD))


def test_a_time_of_over_a_century_is_refused_with_its_line():
    row = "1 1717153200000 10 100 4 -1 -1 4 200 -1 1 3 1 1 1 1 -1 -1\n"

    with pytest.raises(ValueError, match=r"line 1: submit_s is '1717153200000'.*in milliseconds"):
        read_swf(swf(row))


@pytest.mark.parametrize("extra", [" 7", " 7 8", " 7 8 9"])
def test_a_row_with_fields_too_many_is_told_and_nobody_else_warns(extra):
    with pytest.raises(ValueError, match=r"line 1: row is .*must have 18 fields, not \d+"):
        read_swf(swf("1 0 10 100 4 -1 -1 4 200 -1 1 3 1 1 1 1 -1 -1" + extra + "\n"))


@pytest.mark.parametrize(("column", "value"), [(2, "9" * 20), (4, "-7")])
def test_a_row_that_is_bad_by_itself_makes_no_other_row_late(column, value):
    late = [line.split() for line in GOOD.splitlines()]
    late[0][1], late[0][column - 1] = "90000", value
    text = HEADER + " ".join(late[0]) + "\n" + GOOD.splitlines()[1] + "\n"

    log = read_swf(swf(text), errors="skip")

    assert [2] == log.jobs["job_id"].tolist()
    assert [6] == log.skipped["line"].tolist()
