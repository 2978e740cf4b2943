"""A plain CSV of times and watts: what reads, and what is named with its line."""

import pytest

from helpers.power import read_csv

ROWS = [f"{1_717_160_400 + i},{50 + i}.5" for i in range(10)]


@pytest.fixture
def write(tmp_path):
    def written(rows, header="time,power_w", name="p.csv"):
        path = tmp_path / name
        path.write_text("\n".join([*([header] if header else []), *rows]) + "\n", encoding="utf-8")
        return path

    return written


@pytest.mark.parametrize(
    ("header", "change"),
    [
        ("time,power_w", lambda row: row),
        ("Time, Power_W", lambda row: row.replace(",", ", ")),
        ("power_w,time", lambda row: ",".join(reversed(row.split(",")))),
        ("timestamp;power [W]", lambda row: row.replace(",", ";")),
        ("epoch_s;watts", lambda row: row.replace(",", ";").replace(".5", ",5")),
        ("time\tpower_w", lambda row: row.replace(",", "\t")),
        ("host,time,power_w", lambda row: f'"a, b",{row}'),
    ],
)
def test_a_plain_table_reads(write, header, change):
    run = read_csv(write([change(row) for row in ROWS], header))

    assert (1_717_160_400.0, 10) == (run.start_epoch_s, len(run.time_s))
    assert [50.5, 59.5] == [run.power_w[0], run.power_w[-1]]


def test_columns_of_other_names_are_named(write):
    path = write(ROWS, "t,P")

    with pytest.raises(ValueError, match=r"p.csv:1: the first line names t, P, but one of time, "):
        read_csv(path)
    assert 10 == len(read_csv(path, time_column="t", power_column="P").time_s)
    with pytest.raises(ValueError, match=r"but 'Q' is wanted: name the column with power_column"):
        read_csv(path, time_column="t", power_column="Q")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("1717160403", "1 fields, not 2; left out"),
        ("1717160403,1_00", r"no number for power \('1_00'\); left out"),
        ("1717160403,٧٠", "no number for power"),
        ("1717160403,", r"no number for power \(''\); left out"),
        ("noon,70", "'noon' is neither epoch seconds nor an ISO time stamp; left out"),
        ("1717160403000,70", "1717160403000 is no time in epoch seconds: it looks like millisec"),
        ("2300-01-01T00:00:00Z,70", "10413792000 is no time in epoch seconds"),
        ("2024-02-30T00:00:00Z,70", "is neither epoch seconds nor an ISO time stamp"),
        ("1717160402,70", "a second sample at one time; left out"),
        ("1717160400,70", "clock jump: 2.000 s back; left out"),
        ('1717160403,"70', "no number for power|is no row"),
    ],
)
def test_what_is_wrong_in_a_row_is_named_with_its_line(write, row, what):
    path = write([*ROWS[:3], row, *ROWS[4:]])

    with pytest.raises(ValueError, match=f"p.csv:5: .*{what}"):
        read_csv(path)
    assert 9 == len(read_csv(path, errors="keep").time_s)


def test_time_stamps_without_a_zone_are_no_instants(write):
    path = write([f"2024-05-31 13:00:0{i},5{i}" for i in range(10)])

    with pytest.raises(ValueError, match=r"p.csv:2: '2024-05-31 13:00:00' names no zone"):
        read_csv(path)
    assert 1_717_153_200.0 == read_csv(path, time_zone="Europe/Berlin").start_epoch_s


def test_zones_may_change_within_a_file(write):
    path = write(
        ["2024-05-31T13:00:00+02:00,50", "2024-05-31T11:00:01Z,51", "2024-05-31T11:00:02Z,52"]
    )

    assert [0.0, 1.0, 2.0] == read_csv(path).time_s.tolist()


def test_events_keep_commas_in_their_names_and_those_outside_are_named(write):
    events = write(["1717160401,load, then check", "1717160499,late"], None, "e.csv")

    with pytest.raises(ValueError, match=r"e.csv:2: event 'late' is 90.000 s after it ends"):
        read_csv(write(ROWS), events=events)
    run = read_csv(write(ROWS), events=events, errors="keep")
    assert [(1.0, "load, then check")] == [(e.time_s, e.name) for e in run.events]


def test_a_file_without_a_first_line_of_names_says_what_belongs_there(write):
    with pytest.raises(ValueError, match=r"p.csv:1: the first line names 1717160400, 50.5, but"):
        read_csv(write(ROWS, None))
    with pytest.raises(ValueError, match=r"p.csv:1: the first line names nothing"):
        read_csv(write([], None))
