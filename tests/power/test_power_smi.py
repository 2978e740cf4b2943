"""What nvidia-smi printed: several GPUs, clocks that are set back, encodings, cut files."""

import gzip
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.power import energy_j, read_nvidia_smi

NOON = datetime(2024, 5, 31, 12)  # noqa: DTZ001  local


@pytest.fixture
def write(tmp_path):
    def written(rows, header="timestamp, power.draw [W]", name="smi.csv", code="utf-8", end="\n"):
        path = tmp_path / name
        path.write_bytes((end.join([header, *rows]) + end).encode(code))
        return path

    return written


def stamp(seconds, start=NOON):
    return f"{start + timedelta(seconds=seconds):%Y/%m/%d %H:%M:%S.%f}"[:-3]


def polls(watts, *, n=20, interval_s=1.0, apart_s=0.004, ids=None, start=NOON):
    """Rows as nvidia-smi prints them: all GPUs, one after the other, then a pause."""
    return [
        ", ".join([stamp(i * interval_s + j * apart_s, start), *(ids[j] if ids else ()), f"{w} W"])
        for i in range(n)
        for j, w in enumerate(watts)
    ]


def test_rows_of_gpus_that_nothing_tells_apart_are_not_one_gpu(write):
    path = write(polls([300, 50]))

    with pytest.raises(ValueError, match=r"has 2 GPUs; choose one of \{'row': \['0', '1'\]\}, or"):
        read_nvidia_smi(path, time_zone="UTC")
    assert (read_nvidia_smi(path, time_zone="UTC", gpu=0).power_w == 300).all()
    assert (read_nvidia_smi(path, time_zone="UTC", gpu=1).power_w == 50).all()
    assert (read_nvidia_smi(path, time_zone="UTC", gpu="all").power_w == 350).all()


def test_gpus_with_equal_stamps_are_told_apart_by_the_order_of_their_rows(write):
    path = write(polls([300, 50, 70], apart_s=0))

    assert (read_nvidia_smi(path, time_zone="UTC", gpu=2).power_w == 70).all()


def test_bunches_of_changing_size_are_refused(write):
    rows = polls([300, 50])
    del rows[7]

    with pytest.raises(ValueError, match="without a pattern, and no column tells them apart"):
        read_nvidia_smi(write(rows), time_zone="UTC", gpu=0)


def test_one_gpu_read_at_uneven_times_stays_one_gpu(write):
    rng = np.random.default_rng(1)
    times_s = np.arange(100) + rng.uniform(-0.2, 0.2, 100)
    times_s[50] = times_s[49] + 0.01

    path = write([f"{stamp(1 + t)}, 70 W" for t in times_s])

    assert 100 == len(read_nvidia_smi(path, time_zone="UTC").time_s)


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("index", "01"),
        ("uuid", ("GPU-1", "GPU-2")),
        ("gpu_uuid", ("GPU-1", "GPU-2")),
        ("pci.bus_id", ("00000000:01:00.0", "00000000:02:00.0")),
        ("gpu_bus_id", ("00000000:01:00.0", "00000000:02:00.0")),
        ("minor_number", "01"),
        ("serial", "12"),
        ("name", ("NVIDIA A100", "Tesla T4")),
        ("gpu_name", ("NVIDIA A100", "Tesla T4")),
    ],
)
def test_each_name_of_a_gpu_is_known(write, column, names):
    rows = polls([300, 50], ids=[(name,) for name in names])
    path = write(rows, f"timestamp, {column}, power.draw [W]")

    assert (read_nvidia_smi(path, time_zone="UTC", gpu=names[1]).power_w == 50).all()
    with pytest.raises(ValueError, match=f"has 2 GPUs; choose one of .'{column}'"):
        read_nvidia_smi(path, time_zone="UTC")


def test_two_gpus_of_one_name_are_counted(write):
    rows = polls([300, 50], ids=[("Tesla T4",), ("Tesla T4",)])
    path = write(rows, "timestamp, name, power.draw [W]")

    with pytest.raises(ValueError, match="it has 2 GPUs; choose one of"):
        read_nvidia_smi(path, time_zone="UTC", gpu="Tesla T4")
    assert (read_nvidia_smi(path, time_zone="UTC", gpu=1).power_w == 50).all()


@given(
    watts=st.lists(st.lists(st.integers(0, 700), min_size=8, max_size=8), min_size=2, max_size=4)
)
def test_the_energy_of_the_sum_is_the_sum_of_the_energies(tmp_path_factory, watts):
    rows = [
        f"{stamp(i + 0.01 * gpu)}, {gpu}, {w[i]} W" for i in range(8) for gpu, w in enumerate(watts)
    ]
    path = tmp_path_factory.mktemp("smi") / "smi.csv"
    path.write_text("\n".join(["timestamp, index, power.draw [W]", *rows]) + "\n")

    total = read_nvidia_smi(path, time_zone="UTC", gpu="all")

    start_s, stop_s = total.start_epoch_s, total.start_epoch_s + total.duration_s
    ones = [read_nvidia_smi(path, time_zone="UTC", gpu=i) for i in range(len(watts))]
    parts_j = [
        energy_j(one, start_s - one.start_epoch_s, stop_s - one.start_epoch_s) for one in ones
    ]
    assert sum(parts_j) == pytest.approx(energy_j(total), abs=0.01)


def test_a_second_row_at_one_time_is_no_clock_jump(write):
    rows = polls([70])
    rows.insert(10, rows[9])

    with pytest.raises(ValueError, match=r"smi.csv:12: a second sample at one time; left out"):
        read_nvidia_smi(write(rows), time_zone="UTC")


# --- clocks ---

BERLIN = ZoneInfo("Europe/Berlin")
SET_BACK = datetime(2024, 10, 27, 2)  # noqa: DTZ001  this hour comes twice
SET_FORWARD = datetime(2024, 3, 31, 2)  # noqa: DTZ001  this one never


def local(start_utc, n, interval_s=60.0):
    """Local stamps in Berlin of n samples from an instant on, as a machine there prints them."""
    instants = [start_utc.timestamp() + i * interval_s for i in range(n)]
    return [f"{datetime.fromtimestamp(at, BERLIN):%Y/%m/%d %H:%M:%S}.000, 70 W" for at in instants]


@pytest.mark.parametrize(
    ("start", "n"),
    [
        ("2024-10-26T23:50:00+00:00", 200),  # from before the hour to after it
        ("2024-10-26T23:50:00+00:00", 30),  # begins before, ends in the first
        ("2024-10-27T00:30:00+00:00", 60),  # begins in the first, ends in the second
        ("2024-10-27T01:30:00+00:00", 60),  # begins in the second, ends after
    ],
)
def test_the_hour_that_comes_twice_is_settled_by_the_rows_around_it(write, start, n):
    begin = datetime.fromisoformat(start)
    path = write(local(begin, n))

    run = read_nvidia_smi(path, time_zone="Europe/Berlin")

    assert begin.timestamp() == run.start_epoch_s
    assert np.arange(n) * 60.0 == pytest.approx(run.time_s)


def test_an_hour_that_nothing_settles_is_asked_for(write):
    path = write(polls([70], start=SET_BACK))

    with pytest.raises(ValueError, match=r"smi.csv:2: .*occurs twice in Europe/Berlin: pass amb"):
        read_nvidia_smi(path, time_zone="Europe/Berlin")
    first, second = (
        read_nvidia_smi(path, time_zone="Europe/Berlin", ambiguous=which).start_epoch_s
        for which in ("first", "second")
    )
    assert 3600.0 == second - first


def test_the_hour_that_never_comes_is_named(write):
    path = write(
        [
            *polls([70], start=SET_FORWARD - timedelta(minutes=5)),
            *polls([70], n=1, start=SET_FORWARD),
        ]
    )

    with pytest.raises(ValueError, match=r"smi.csv:22: .*does not occur in Europe/Berlin; left"):
        read_nvidia_smi(path, time_zone="Europe/Berlin")


@pytest.mark.parametrize("year", ["2300", "9999", "0001", "1900"])
def test_a_year_that_cannot_be_is_named(write, year):
    rows = polls([70])
    rows[3] = year + rows[3][4:]

    with pytest.raises(ValueError, match=r"smi.csv:5: .*does not occur in UTC; left out"):
        read_nvidia_smi(write(rows), time_zone="UTC")


def test_a_clock_that_is_not_known_is_named(write):
    with pytest.raises(ValueError, match=r"time_zone='CEST5' is not known: name the machine's"):
        read_nvidia_smi(write(polls([70])), time_zone="CEST5")


# --- files ---


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_end_of_line_reads_the_same(write, code, end):
    run = read_nvidia_smi(write(polls([70]), code=code, end=end), time_zone="UTC")

    assert (20, 70.0) == (len(run.time_s), run.power_w.max())


def test_a_compressed_file_that_was_cut_is_read_up_to_the_cut_when_asked(write, tmp_path):
    rng = np.random.default_rng(1)
    whole = write([f"{stamp(i)}, {rng.uniform(0, 700):.2f} W" for i in range(2000)])
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(whole.read_bytes())[:8000])

    with pytest.raises(ValueError, match="is damaged or cut short"):
        read_nvidia_smi(cut, time_zone="UTC")
    run = read_nvidia_smi(cut, time_zone="UTC", errors="keep")

    full = read_nvidia_smi(whole, time_zone="UTC")
    assert 500 < len(run.time_s) < 2000
    assert (full.power_w[: len(run.power_w)] == run.power_w).all()
    assert "the compressed file is cut or damaged after this line" in [p.what for p in run.problems]


def test_a_name_that_lies_about_compression_does_no_harm(write, tmp_path):
    plain = write(polls([70]), name="plain.csv.gz")
    packed = tmp_path / "packed.csv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    first, second = (read_nvidia_smi(path, time_zone="UTC") for path in (plain, packed))

    assert (first.power_w == second.power_w).all()


def test_a_file_that_unfolds_to_more_than_it_may_is_refused(write, tmp_path):
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(write(polls([70], n=1000)).read_bytes()))

    with pytest.raises(ValueError, match="unfolds to more than 1,000 bytes"):
        read_nvidia_smi(packed, time_zone="UTC", largest_bytes=1000)


@pytest.mark.parametrize("watts", ["1_00 W", "٧٠ W", "nan W", "inf W", "1e999 W"])
def test_numbers_are_plain_numbers(write, watts):
    rows = polls([70])
    rows[3] = f"{stamp(3)}, {watts}"

    with pytest.raises(ValueError, match=r"smi.csv:5: no number for power.draw"):
        read_nvidia_smi(write(rows), time_zone="UTC")


def test_stamps_are_written_in_plain_digits(write):
    rows = polls([70])
    rows[3] = (
        rows[3].translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩", "")).replace("٧٠ W", "70 W")
    )

    with pytest.raises(ValueError, match=r"smi.csv:5: timestamp .* is not YYYY/MM/DD"):
        read_nvidia_smi(write(rows), time_zone="UTC")


def test_a_column_that_is_there_twice_is_named(write):
    path = write(
        [f"{stamp(i)}, 1 W, 2 W" for i in range(5)], "timestamp, power.draw [W], power.draw [W]"
    )

    with pytest.raises(ValueError, match=r"smi.csv:1: column 'power.draw \[W\]' is there twice"):
        read_nvidia_smi(path, time_zone="UTC")


def test_a_file_with_one_good_row_says_what_was_wrong_with_the_others(tmp_path):
    path = tmp_path / "smi.csv"
    path.write_text(
        "timestamp, power.draw [W]\n2024/05/31 13:00:00.100, 1_00 W\n"
        "2024/05/31 13:00:01.100, 100 W\n"
    )

    with pytest.raises(ValueError, match=r"smi.csv:3: ends after 1 samples.*smi.csv:2: .*1_00 W"):
        read_nvidia_smi(path, time_zone="UTC")
