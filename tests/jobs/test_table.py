"""The jobs table keeps its schema, refuses what breaks it, and survives a CSV file."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.jobs import table

EPOCH = pd.Timestamp("2014-05-22T10:57:59", tz="Europe/Luxembourg")


def some_jobs(**columns):
    return table.jobs_table({"job_id": [1, 2, 3], "submit_s": [0.0, 10.0, 20.0], **columns})


def seconds(min_value=-3e9):
    return st.floats(min_value, 3e9)  # within the century that a log may last


NUMBERS = st.none() | seconds(min_value=0)
# One line of text; a surrogate is no character that a file could hold.
WORDS = st.none() | st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1
)
STATES = st.sampled_from([state for state in table.STATES if state != "partial"])


@st.composite
def logs(draw):
    n = draw(st.integers(0, 5))

    def of(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    ids = draw(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n, max_size=n, unique=True)
        | st.lists(WORDS.filter(bool), min_size=n, max_size=n, unique=True)
    )
    columns = {"job_id": pd.Series(ids, dtype="int64") if not n else ids, "submit_s": of(seconds())}
    for name, column in (table.COLUMNS | table.EXTRAS).items():
        if column.kind == "number" and name != "submit_s":
            columns[name] = of(NUMBERS)
        elif column.kind == "name":
            columns[name] = of(WORDS)
        elif column.kind == "state":
            columns[name] = of(STATES)
    header = draw(
        st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
    )
    zones = st.sampled_from(["Europe/Luxembourg", "UTC", "+05:45", "-03:00"])
    unix = st.integers(0, 4_000_000_000)
    epoch = draw(st.none() | st.builds(table.to_epoch, unix, zones))
    return table.JobLog(table.jobs_table(columns), epoch, draw(st.text(max_size=9)), tuple(header))


def assert_same_log(expected, actual):
    pd.testing.assert_frame_equal(expected.jobs, actual.jobs)
    pd.testing.assert_frame_equal(expected.skipped, actual.skipped)
    assert expected.epoch == actual.epoch
    assert (expected.source, expected.header) == (actual.source, actual.header)
    if expected.epoch is not None:
        assert table.time_zone_name(expected.epoch) == table.time_zone_name(actual.epoch)


def test_a_table_has_all_columns_in_the_order_of_the_schema():
    assert list(table.COLUMNS) == list(some_jobs().columns)


def test_columns_that_are_not_given_are_unknown():
    jobs = some_jobs()

    assert ["job_id", "state", "submit_s"] == sorted(jobs.columns[jobs.notna().all()])
    assert ["unknown"] * 3 == jobs["state"].tolist()


def test_extra_columns_are_there_only_when_given():
    assert [*table.COLUMNS, "gpus"] == list(some_jobs(gpus=[1, 2, 0.5]).columns)


def test_every_column_has_the_type_that_the_schema_says():
    jobs = some_jobs(user=["a", None, "b"], run_s=[1, None, 3], previous_job_id=[None, 1, 2])

    described = table.describe_columns()["dtype"]
    assert "float64" == described["run_s"] == str(jobs["run_s"].dtype)
    assert "Int64" == str(jobs["previous_job_id"].dtype)
    assert ["a", "b"] == list(jobs["user"].cat.categories)


def test_the_schema_says_unit_and_meaning_of_every_column():
    described = table.describe_columns()

    assert list(table.COLUMNS | table.EXTRAS) == list(described.index)
    assert list(table.EXTRAS) == list(described.index[~described["always"]])
    assert (described["meaning"] != "").all()


def test_the_table_does_not_share_memory_with_what_it_was_made_of():
    run_s = np.array([1.0, 2.0, 3.0])
    jobs = some_jobs(run_s=run_s)
    jobs.loc[0, "run_s"] = 9.0

    assert [1.0, 2.0, 3.0] == run_s.tolist()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"job_id": [1]}, "column 'submit_s' is missing"),
        ({"job_id": [1], "submit_s": [0], "cpus": [1]}, "column 'cpus' is not in the schema"),
        ({"job_id": [1], "submit_s": [0, 1]}, "column 'submit_s' has 2 values: job_id has 1"),
        ({"job_id": [1.5], "submit_s": [0]}, "job ids are floating point"),
        ({"job_id": ["a", None], "submit_s": [0, 1]}, "job_id is missing in row 1"),
        ({"job_id": [1], "submit_s": [0], "state": ["done"]}, "state 'done' is not known"),
    ],
)
def test_building_a_table_of_wrong_columns_names_the_column(columns, message):
    with pytest.raises(ValueError, match=message):
        table.jobs_table(columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"submit_s": [0, np.nan, 1]}, r"row 1 \(job 2\): submit_s is '': it must be a finite"),
        ({"run_s": [0, -1, np.inf]}, r"row 1 \(job 2\): run_s is '-1'.*\(1 more rows"),
        ({"wait_s": [0, 0, np.inf]}, r"row 2 \(job 3\): wait_s is 'inf'"),
        ({"job_id": [1, 7, 7]}, r"row 2 \(job 7\): job_id is '7': it must be unique"),
        ({"user": ["a", "", "b"]}, r"row 1 \(job 2\): user is '': it must be text of one line"),
        ({"queue": ["a", "b\nc", "b"]}, r"row 1 .*queue"),
        ({"job_id": ["a", "b\r", "c"]}, r"row 1 .*job_id"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused_with_row_column_value_and_rule(columns, message):
    jobs = some_jobs(**columns)

    with pytest.raises(ValueError, match=message):
        table.check(jobs)


def test_a_job_id_may_repeat_in_partial_rows():
    jobs = some_jobs(job_id=[7, 7, 7], state=["partial", "partial", "completed"])

    assert table.check(jobs) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda jobs: jobs.drop(columns="user"), "column 'user' is missing"),
        (lambda jobs: jobs.assign(x=1), "column 'x' is not in the schema"),
        (lambda jobs: jobs[jobs.columns[::-1]], "columns are in the order"),
        (lambda jobs: jobs.assign(run_s=1), "'run_s' has type int64: it must be float64"),
        (lambda jobs: jobs.assign(user="a"), "'user' has type .*: it must be category of str"),
        (lambda jobs: jobs.assign(job_id=1.0), "'job_id' has type float64"),
    ],
)
def test_a_table_of_another_schema_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        table.JobLog(change(some_jobs()))


def test_names_that_are_numbers_are_sorted_as_numbers():
    assert ["2", "10"] == list(table.names([10, 2, 10]).categories)
    assert ["2", "10"] == list(table.names(["10", "2"]).categories)
    assert ["10", "2a"] == list(table.names(["2a", "10"]).categories)
    assert ["0", "07", "7", "9" * 5000] == list(
        table.names(["9" * 5000, "7", "07", "0"]).categories
    )


def test_names_know_a_value_that_stands_for_missing():
    named = table.names(np.array([3, -1, 2]), missing=-1)

    assert ["3", None, "2"] == [None if word != word else word for word in named.tolist()]
    assert ["2", "3"] == list(named.categories)


def test_whole_numbers_beside_missing_names_stay_whole():
    assert ["1", "3"] == list(table.names([1, None, 3]).categories)


def test_start_and_end_follow_from_submission_wait_and_run_time():
    jobs = some_jobs(wait_s=[5, None, 1], run_s=[2, 2, None])

    assert [5.0, 21.0] == table.start_s(jobs).dropna().tolist()
    assert [7.0] == table.end_s(jobs).dropna().tolist()


def test_a_window_holds_what_was_submitted_from_its_start_until_before_its_stop():
    log = table.JobLog(some_jobs(), EPOCH)

    assert [2] == log.window(10, 20).jobs["job_id"].tolist()
    assert EPOCH == log.window(10, 20).epoch
    with pytest.raises(ValueError, match="stop must not be before start"):
        log.window(20, 10)


def test_submission_times_are_in_the_zone_of_the_log_across_daylight_saving():
    epoch = pd.Timestamp("2014-10-25T12:00", tz="Europe/Luxembourg")
    log = table.JobLog(some_jobs(submit_s=[0, 86400, 90000.5]), epoch)

    expected = ["2014-10-25 12:00:00", "2014-10-26 11:00:00", "2014-10-26 12:00:00.500000"]
    assert expected == [str(t.tz_localize(None)) for t in log.submit_time()]


def test_a_log_without_an_epoch_says_how_to_give_one():
    with pytest.raises(
        ValueError, match=r"sample: the instant of second 0 is not known: pass epoch="
    ):
        table.JobLog(some_jobs(), source="sample").submit_time()


def test_an_epoch_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a time zone"):
        table.JobLog(some_jobs(), pd.Timestamp("2014-05-22"))
    with pytest.raises(ValueError, match=r"without a time zone: give one, or pass time_zone="):
        table.to_epoch("2014-05-22")


@pytest.mark.parametrize("epoch", [1400749079, "2014-05-22T08:57:59Z", "2014-05-22T10:57:59"])
def test_an_epoch_may_be_given_as_number_or_text(epoch):
    assert EPOCH == table.to_epoch(epoch, "Europe/Luxembourg")


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "+99:00", "", "../etc"])
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(ValueError, match="must be a name of the IANA time zone database"):
        table.to_time_zone(zone)


@given(logs())
@settings(deadline=None, max_examples=50)
def test_writing_and_reading_a_table_loses_nothing(tmp_path_factory, log):
    path = tmp_path_factory.mktemp("jobs") / "jobs.csv"
    table.write_csv(log, path)

    assert_same_log(log, table.read_csv(path))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_a_table_may_be_compressed_and_the_same_log_gives_the_same_bytes(
    tmp_path, suffix, monkeypatch
):
    log = table.JobLog(some_jobs(user=["a", "b, c", None]), EPOCH, "x", ("; ä",))
    table.write_csv(log, tmp_path / f"one.csv{suffix}")
    monkeypatch.setattr("time.time", lambda: 1.0)
    table.write_csv(log, tmp_path / f"two.csv{suffix}")

    assert_same_log(log, table.read_csv(tmp_path / f"one.csv{suffix}"))
    one, two = ((tmp_path / f"{name}.csv{suffix}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert not one.startswith(b"#")


def csv_of(tmp_path, log, *changes):
    path = tmp_path / "jobs.csv"
    table.write_csv(log, path)
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# jobs table 1", "# jobs table 9", "jobs.csv, line 1: must be '# jobs table 1'"),
        ('"integer"', '"integer', r"jobs.csv, line 3: '# job_id: \"integer' must be '# key: JSON"),
        ("job_id,submit_s", "job_id,submitted", "jobs.csv, line 4: must name the columns"),
        ("2,10.0,", "2,ten,", "jobs.csv, line 6: submit_s is 'ten': it must be a finite number"),
        ("2,10.0,", "2,10.0,,", "jobs.csv, line 6: row is .* must have 18 fields, not 19"),
        ("2,10.0,,", "2,10.0,", "jobs.csv, line 6: row is .* must have 18 fields, not 17"),
        ("2,10.0,", "2.5,10.0,", "jobs.csv, line 6: job_id is '2.5': it must be a whole number"),
        ("2,10.0,", "2,,", "jobs.csv, line 6: submit_s is '': it must be a finite number"),
        ("2,10.0,,", "2,10.0,-5,", "jobs.csv, line 6: wait_s is '-5'"),
        ("2,10.0,", "1,10.0,", "jobs.csv, line 6: job_id is '1': it must be unique"),
        ("failed", "fialed", "jobs.csv, line 6: state is 'fialed': it must be one of completed"),
        ("failed,a", 'failed,"a', "jobs.csv, line 6: row is .* must be well quoted"),
    ],
)
def test_a_bad_file_is_reported_with_its_line(tmp_path, old, new, message):
    log = table.JobLog(some_jobs(state=["completed", "failed", "completed"], user=["a"] * 3))
    path = csv_of(tmp_path, log, (old, new))

    with pytest.raises(ValueError, match=message):
        table.read_csv(path)


def test_bad_rows_can_be_skipped_and_are_listed_with_those_skipped_before(tmp_path):
    before = pd.DataFrame(
        [(7, "row", "x", "must be y")], columns=["line", "field", "value", "reason"]
    )
    log = table.JobLog(some_jobs(), skipped=before)
    path = csv_of(tmp_path, log, ("2,10.0,", "2,ten,"), ("3,20.0,,", "3,20.0,-1,"))

    read = table.read_csv(path, errors="skip")

    assert [1] == read.jobs["job_id"].tolist()
    assert [7, 7, 8] == read.skipped["line"].tolist()
    assert ["x", "ten", "-1"] == read.skipped["value"].tolist()


def test_a_wrong_choice_about_errors_is_refused(tmp_path):
    path = csv_of(tmp_path, table.JobLog(some_jobs()))

    with pytest.raises(ValueError, match="errors is 'ignore': it must be 'raise' or 'skip'"):
        table.read_csv(path, errors="ignore")


def test_a_damaged_compressed_file_is_named(tmp_path):
    path = tmp_path / "jobs.csv.gz"
    table.write_csv(table.JobLog(some_jobs()), path)
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(
        ValueError, match=r"jobs.csv.gz: the compressed file is damaged or cut short"
    ):
        table.read_csv(path)


def test_writing_into_a_missing_folder_names_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing is no folder: make it before writing x"):
        table.write_csv(table.JobLog(some_jobs()), tmp_path / "missing" / "x.csv")


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "jobs.csv"
    table.write_csv(table.JobLog(some_jobs()), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("helpers.files.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        table.write_csv(table.JobLog(some_jobs(user=["a", "b", "c"])), path)

    assert before == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


@settings(max_examples=40)
@given(log=logs())
def test_parquet_loses_nothing(tmp_path_factory, log):
    path = tmp_path_factory.mktemp("parquet") / "jobs.parquet"

    table.write_parquet(log, path)

    assert_same_log(log, table.read_parquet(path))


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_damaged_parquet_file_is_refused(tmp_path, cut):
    path = tmp_path / "jobs.parquet"
    table.write_parquet(table.JobLog(table.jobs_table({"job_id": [1], "submit_s": [0.0]})), path)
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(ValueError, match=r"^jobs\.parquet: is no whole Parquet file"):
        table.read_parquet(path)


def test_a_parquet_file_of_another_is_refused(tmp_path):
    path = tmp_path / "jobs.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(path)

    with pytest.raises(ValueError, match="has no jobs table in it"):
        table.read_parquet(path)
