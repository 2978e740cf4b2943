"""Each reader on files written here, with one thing wrong at a time."""

import bz2
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.power import read_external, read_nvidia_smi, read_published, read_recording
from helpers.power.record import FIRST_LINE
from helpers.power.recording import read_campaign, read_samples

START_S = 1_720_910_444.0
COLUMNS = "epoch_s,elapsed_s,gpu0_power_w,gpu0_energy_j,gpu0_temperature_degc,cpu0_energy_j"


def recording(n=40, step_s=0.05):
    """Return the lines of a whole recording: the GPU draws 100 W, the processor 20 W."""
    rows = [
        f"{START_S + i * step_s:.4f},{i * step_s:.6f},100,{100 * i * step_s:.3f},33,"
        f"{20 * i * step_s:.3f}"
        for i in range(n)
    ]
    head = [FIRST_LINE, '# meter: "nvml"', f"# interval_s: {step_s}", COLUMNS]
    return [*head, *rows, "# samples: 40", f"# stop_epoch_s: {START_S + n * step_s}"]


@pytest.fixture
def write(tmp_path):
    def written(lines, name="run.csv", end="\n"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + end)
        return path

    return written


def told(read):
    """Return what a reader says is wrong, by raising and by keeping: both must agree."""
    with pytest.raises(ValueError, match="Repair the file, or read what there is") as raised:
        read("raise")
    run = read("keep")
    problems = [str(problem) for problem in run.problems]
    assert all(problem in str(raised.value) for problem in problems[:5])
    return run, problems


def test_a_recording_has_power_counter_and_what_its_header_says(write):
    run = read_recording(write(recording()), channel="gpu0")

    assert (40, 100.0, START_S) == (len(run.time_s), run.power_w.max(), run.start_epoch_s)
    assert 195.0 == pytest.approx(run.counter_j[-1])
    assert ("nvml", 40, "gpu0") == (run.meta["meter"], run.meta["samples"], run.meta["channel"])
    assert () == run.problems


def test_a_channel_with_a_counter_only_has_the_power_between_two_readings(write):
    run = read_recording(write(recording()), channel="cpu0")

    assert 39 == len(run.time_s)
    assert np.full(39, 20.0) == pytest.approx(run.power_w)
    assert START_S + 0.025 == pytest.approx(run.start_epoch_s, abs=1e-6)
    assert 20 * run.duration_s == pytest.approx(run.counter_j[-1] - run.counter_j[0])


@pytest.mark.parametrize("channel", [None, "gpu7"])
def test_one_of_several_channels_has_to_be_chosen(write, channel):
    with pytest.raises(ValueError, match="it has gpu0, cpu0; choose one"):
        read_recording(write(recording()), channel=channel)


def test_a_compressed_recording_reads_the_same(write, tmp_path):
    plain = write(recording())
    packed = tmp_path / "packed.csv.bz2"
    packed.write_bytes(bz2.compress(plain.read_bytes()))

    assert read_samples(plain).equals(read_samples(packed))


def test_another_files_first_line_is_named(write):
    with pytest.raises(ValueError, match=r"run.csv:1: not a recording"):
        read_recording(write(["time,power", "0,1"]))


def test_a_recording_without_two_samples_is_refused(write):
    with pytest.raises(ValueError, match=r"run.csv:5: ends after 1 samples"):
        read_recording(write(recording()[:5]), errors="keep")


def broken(lines):
    return {
        "nan": (10, lines[10].replace(",100,", ",nan,"), "11: no number for gpu0 .NaN."),
        "back": (10, lines[8], "11: clock jump: 0.050 s back; left out"),
        "fields": (10, "1,2,3", "11: '1,2,3' is not epoch_s,elapsed_s"),
        "comment": (1, "# meter: nvml", "2: '# meter: nvml' is not '# name: JSON'"),
        "no end": (-1, "# samples: 40", "46: no end stamp: the recorder was killed"),
    }


@pytest.mark.parametrize("case", ["nan", "back", "fields", "comment", "no end"])
def test_what_is_wrong_in_a_recording_is_named_with_its_line(write, case):
    lines = recording()
    at, line, what = broken(lines)[case]
    lines[at] = line
    path = write(lines)

    run, problems = told(lambda errors: read_recording(path, channel="gpu0", errors=errors))

    assert 1 == len(problems)
    assert problems[0].split("run.csv:")[1].startswith(what.replace(".NaN.", "(NaN)"))
    assert len(run.time_s) == (39 if case in ("nan", "back", "fields") else 40)


def test_samples_that_are_missing_are_named_where_they_resume(write):
    lines = recording(n=80)
    path = write(lines[:20] + lines[50:])

    _, problems = told(lambda errors: read_recording(path, channel="gpu0", errors=errors))

    assert ["no sample for 1.550 s before this one"] == [p.split(": ", 1)[1] for p in problems]
    assert "run.csv:21:" in problems[0]


def test_a_time_of_day_that_was_set_is_named_with_its_line(write):
    lines = recording()
    for at in range(20, 44):
        epoch_s, rest = lines[at].split(",", 1)
        lines[at] = f"{float(epoch_s) + 3600:.4f},{rest}"
    path = write(lines)

    run, problems = told(lambda errors: read_recording(path, channel="gpu0", errors=errors))

    assert ["clock jump: the time of day was set by +3600.000 s before this sample"] == [
        p.split("run.csv:21: ")[1] for p in problems
    ]
    assert 1.95 == pytest.approx(run.duration_s)


def test_events_outside_a_recording_are_named_and_left_out(write):
    write(
        [
            f"{START_S - 2}, too early",
            f"{START_S + 1}, in time, with a comma",
            f"{START_S + 5}, too late",
        ],
        "run.events.csv",
    )
    path = write(recording())

    run, problems = told(lambda errors: read_recording(path, channel="gpu0", errors=errors))

    assert [(1.0, "in time, with a comma")] == [(e.time_s, e.name) for e in run.events]
    assert [
        "run.events.csv:1: event 'too early' is 2.000 s before the recording starts; left out",
        "run.events.csv:3: event 'too late' is 3.050 s after it ends; left out",
    ] == [p.split("/")[1] for p in problems]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("noon, lunch", "'noon, lunch' is not 'epoch seconds, name'"),
        (f"{START_S + 1}", "is not 'epoch seconds, name'"),
        (f"{START_S + 0.5}, back", "clock jump: event 'back' is 0.500 s earlier"),
    ],
)
def test_an_event_that_cannot_be_is_named(write, line, what):
    events = write([f"{START_S + 1}, first", line], "other.csv")
    path = write(recording())

    _, problems = told(
        lambda errors: read_recording(path, channel="gpu0", events=events, errors=errors)
    )

    assert 1 == len(problems)
    assert "other.csv:2: " in problems[0]
    assert what in problems[0]


@given(cut=st.integers(0, 10_000))
def test_a_recording_cut_at_any_byte_reads_up_to_the_cut(tmp_path_factory, cut):
    whole = "\n".join(recording()) + "\n"
    first = whole.index("\n", whole.index("0.05")) + 200  # two samples and more
    end = first + cut % (len(whole) - first)
    path = tmp_path_factory.mktemp("cut") / "run.csv"
    path.write_text(whole[:end])

    run = read_recording(path, channel="gpu0", errors="keep")

    lines = whole[:end].split("\n")[:-1]
    assert sum(line[:1].isdigit() for line in lines) == len(run.time_s)
    assert (run.power_w == 100.0).all()
    assert "no end stamp: the recorder was killed" in [p.what for p in run.problems]


def external(n=200, step_s=0.05):
    return [*(str(50_000 + i) for i in range(n)), f"{START_S:.9f}", f"{START_S + n * step_s:.9f}"]


def test_an_external_meters_file_becomes_watts_over_the_time_between_its_stamps(write):
    run = read_external(write(external(), "measurements.csv").parent)

    assert np.arange(200) * 0.05 == pytest.approx(run.time_s)
    assert 50.0 + np.arange(200) / 1e3 == pytest.approx(run.power_w)
    assert START_S == run.start_epoch_s
    assert START_S + 10 == run.meta["stop_epoch_s"]


def test_an_external_meters_folder_brings_its_events(write):
    write([f"{START_S + 1}, start program", f"{START_S + 2}, Exit"], "events.csv")

    run = read_external(write(external(), "measurements.csv").parent)

    assert [(1.0, "start program"), (2.0, "Exit")] == [(e.time_s, e.name) for e in run.events]


def test_a_missing_end_stamp_is_named_and_the_interval_takes_its_place(write):
    path = write(external()[:-1])

    run, problems = told(lambda errors: read_external(path, errors=errors))

    assert "run.csv:201: no end stamp: samples are taken to be 0.05 s apart" in problems[0]
    assert 199 * 0.05 == pytest.approx(run.duration_s)


def test_a_file_without_stamps_cannot_be_placed_in_time(write):
    with pytest.raises(ValueError, match=r"run.csv:200: neither start nor end stamp"):
        read_external(write(external()[:-2]), errors="keep")


def test_stamps_that_do_not_fit_the_samples_are_named_as_a_clock_jump(write):
    path = write([*external()[:-1], f"{START_S + 3610:.9f}"])

    _, problems = told(lambda errors: read_external(path, errors=errors))

    assert "run.csv:202: clock jump or missing samples: 200 samples in 3610.000 s" in problems[0]


def test_an_end_stamp_before_the_start_is_refused(write):
    with pytest.raises(ValueError, match=r"run.csv:202: clock jump: the end stamp"):
        read_external(write([*external()[:-1], f"{START_S - 1:.9f}"]), errors="keep")


def test_nan_of_an_external_meter_is_named_and_leaves_other_samples_in_place(write):
    lines = external()
    lines[7] = "NaN"
    path = write(lines)

    run, problems = told(lambda errors: read_external(path, errors=errors))

    assert "run.csv:8: no number (NaN); left out" in problems[0]
    assert [0.3, 0.4] == pytest.approx(run.time_s[6:8])


def test_a_unit_other_than_milliwatts_is_refused(write):
    lines = external()
    lines[3] = "50.003"

    with pytest.raises(ValueError, match=r"run.csv:4: '50.003' is not an integer number of milli"):
        read_external(write(lines), errors="keep")


def smi(rows, header="timestamp, index, power.draw [W]"):
    return [header, *rows]


def smi_row(i, watts="71.25 W", gpu=0, day="2024/07/14 00:43"):
    return f"{day}:{i // 10:02d}.{i % 10 * 100:03d}, {gpu}, {watts}"


def test_nvidia_smi_is_read_in_the_zone_of_its_machine(write):
    path = write(smi([smi_row(i) for i in range(30)]))

    run = read_nvidia_smi(path, time_zone="Europe/Berlin")

    assert np.arange(30) / 10 == pytest.approx(run.time_s, abs=1e-6)
    assert np.full(30, 71.25) == pytest.approx(run.power_w)
    berlin = datetime(2024, 7, 14, 0, 43, tzinfo=ZoneInfo("Europe/Berlin"))
    assert berlin.timestamp() == run.start_epoch_s


def test_nvidia_smi_without_units_reads_the_same(write):
    path = write(smi([smi_row(i, "71.25") for i in range(30)]))

    assert (read_nvidia_smi(path, time_zone="UTC").power_w == 71.25).all()


def test_one_of_several_gpus_has_to_be_chosen(write):
    rows = [smi_row(i, f"{100 * gpu} W", gpu) for i in range(5) for gpu in (0, 1)]
    path = write(smi(rows))

    assert (read_nvidia_smi(path, time_zone="UTC", gpu=1).power_w == 100.0).all()
    for gpu in (None, 2):
        with pytest.raises(ValueError, match=r"choose one of \{'index': \['0', '1'\]\}"):
            read_nvidia_smi(path, time_zone="UTC", gpu=gpu)


def test_one_of_several_powers_has_to_be_chosen(write):
    header = "timestamp, power.draw.average [W], power.draw.instant [W]"
    rows = [f"2024/07/14 00:43:0{i}.000, 50 W, 60 W" for i in range(5)]
    path = write(smi(rows, header))

    run = read_nvidia_smi(path, time_zone="UTC", column="power.draw.instant")

    assert (run.power_w == 60.0).all()
    with pytest.raises(ValueError, match=r"choose one of power\.draw\.average"):
        read_nvidia_smi(path, time_zone="UTC")


def test_a_header_without_power_is_refused(write):
    with pytest.raises(ValueError, match=r"run.csv:1: the header must name timestamp and power"):
        read_nvidia_smi(write(["timestamp, temperature.gpu", "x, 1"]), time_zone="UTC")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (smi_row(10, "[N/A]"), "12: no number for power.draw [W] ([N/A]); left out"),
        (smi_row(7), "12: clock jump: 0.200 s back; left out"),
        ("yesterday, 0, 70 W", "12: timestamp 'yesterday' is not YYYY/MM/DD HH:MM:SS.mmm"),
        ("70 W", "12: 1 fields, not 3; left out"),
    ],
)
def test_what_is_wrong_in_nvidia_smis_output_is_named_with_its_line(write, row, what):
    rows = [smi_row(i) for i in range(20)]
    rows[10] = row
    path = write(smi(rows))

    run, problems = told(lambda errors: read_nvidia_smi(path, time_zone="UTC", errors=errors))

    assert 1 == len(problems)
    assert f"run.csv:{what}" in problems[0]
    assert 19 == len(run.time_s)


def test_a_gap_and_a_cut_last_line_of_nvidia_smi_are_named(write):
    rows = [smi_row(i) for i in range(10)] + [smi_row(i) for i in range(30, 40)]
    path = write(smi([*rows, smi_row(40)[:30]]), end="")

    _, problems = told(lambda errors: read_nvidia_smi(path, time_zone="UTC", errors=errors))

    assert [
        "run.csv:22: the last line is cut short; left out",
        "run.csv:12: no sample for 2.100 s before this one",
    ] == [p.split("/")[1] for p in problems]


def test_an_unknown_way_with_errors_is_refused(write):
    with pytest.raises(ValueError, match='errors=\'ignore\' must be "raise" or "keep"'):
        read_external(write(external()), errors="ignore")


def test_folders_are_sorted_into_experiments_and_repeats(tmp_path):
    for name in (
        "measurements_sleep_0714002312",
        "measurements_sleep_0714002102",
        "measurements_job_stop_epoch_2_4_0714010841",
        "something_else",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "measurements.csv").write_text("\n".join(external()) + "\n")

    runs = read_published(tmp_path)

    assert {"sleep": [0, 1], "job_stop_epoch_2": [4]} == {k: list(v) for k, v in runs.items()}
    assert "measurements_sleep_0714002102" == runs["sleep"][0].name


def test_a_folder_without_measurements_says_what_to_fetch(tmp_path):
    with pytest.raises(ValueError, match="holds no folder named measurements_EXPERIMENT"):
        read_published(tmp_path)
    with pytest.raises(ValueError, match=r"holds no runs-\*.tar.xz"):
        read_campaign(tmp_path)
