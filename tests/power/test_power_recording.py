"""Recordings whose clock is slewed, whose counter falls or lies, whose file is not what it should be."""

import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.power import (
    counter_j,
    energy_j,
    program_window,
    read_campaign,
    read_external,
    read_recording,
)
from helpers.power.record import FIRST_LINE

START_S = 1.7e9


def text_of(columns, rows, *, interval_s=1.0, stop_s=None):
    """Return a recording; `rows` are (epoch_s, elapsed_s, numbers as text)."""
    body = [f"{epoch:.4f},{elapsed:.6f},{numbers}" for epoch, elapsed, numbers in rows]
    end_s = rows[-1][0] if stop_s is None else stop_s
    head = [FIRST_LINE, f"# interval_s: {interval_s}", f"epoch_s,elapsed_s,{columns}"]
    return "\n".join([*head, *body, f"# stop_epoch_s: {end_s}"]) + "\n"


@pytest.fixture
def write(tmp_path):
    def written(text, name="r.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


# --- clocks ---


def slewed(write, epoch_s, elapsed_s):
    """Record 300 W from 2000 to 3000 s, else 50 W, on a machine whose clock shows `epoch_s`."""
    on = (elapsed_s >= 2000) & (elapsed_s < 3000)
    rows = [
        (e, t, f"{300.0 if w else 50.0}") for e, t, w in zip(epoch_s, elapsed_s, on, strict=True)
    ]
    stamps = [np.interp(t, elapsed_s, epoch_s) for t in (2000, 3000)]
    names = ("program begin", "program end")
    write("".join(f"{s:.6f}, {n}\n" for s, n in zip(stamps, names, strict=True)), "r.events.csv")
    return write(text_of("gpu0_power_w", rows))


@pytest.mark.parametrize("pace", [-0.04, 0.04, -5e-4])
def test_a_slewed_clock_misplaces_no_event(write, pace):
    elapsed_s = np.arange(3601.0)
    epoch_s = START_S + elapsed_s + np.clip(elapsed_s - 1000, 0, 600) * pace

    run = read_recording(slewed(write, epoch_s, elapsed_s))

    assert (2000.0, 3000.0) == pytest.approx(program_window(run), abs=1e-3)
    assert energy_j(run, *program_window(run)) == pytest.approx(300_000, rel=1e-3)
    assert run.meta["clock_drift_s"] == pytest.approx(600 * pace, abs=1e-3)
    assert () == run.problems


def test_a_clock_that_was_set_forward_is_named_and_misplaces_no_event(write):
    elapsed_s = np.arange(3601.0)
    epoch_s = START_S + elapsed_s + np.where(elapsed_s > 1500, 7200, 0)

    run = read_recording(slewed(write, epoch_s, elapsed_s), errors="keep")

    assert (2000.0, 3000.0) == pytest.approx(program_window(run), abs=1e-3)
    assert ["clock jump: the time of day was set by +7200.000 s before this sample"] == [
        problem.what for problem in run.problems
    ]


@given(
    paces=st.lists(st.floats(-0.04, 0.04), min_size=10, max_size=10),
    at_s=st.floats(0, 99.9),
)
def test_however_a_clock_is_slewed_an_event_is_where_it_was(tmp_path_factory, paces, at_s):
    folder = tmp_path_factory.mktemp("slew")
    elapsed_s = np.arange(101.0)
    epoch_s = START_S + np.concatenate(([0.0], np.cumsum(1 + np.repeat(paces, 10))))
    rows = [(e, t, "50") for e, t in zip(epoch_s, elapsed_s, strict=True)]
    (folder / "r.csv").write_text(text_of("gpu0_power_w", rows))
    (folder / "r.events.csv").write_text(f"{np.interp(at_s, elapsed_s, epoch_s):.6f}, now\n")

    run = read_recording(folder / "r.csv")

    assert run.at("now") == pytest.approx(at_s, abs=1e-3)


# --- counters ---


def falling(at=1800, n=3601):
    t = np.arange(float(n))
    return t, np.where(t < at, t, t - at) * 100.0


def test_a_counter_that_was_reset_is_named_and_never_counted(write):
    t, counter = falling()
    rows = [(START_S + a, a, f"100.0,{b}") for a, b in zip(t, counter, strict=True)]
    path = write(text_of("gpu0_power_w,gpu0_energy_j", rows))

    with pytest.raises(ValueError, match=r"r.csv:1804: the energy counter falls by 179900.000 J"):
        read_recording(path)
    run = read_recording(path, errors="keep")

    assert 1 == len(run.problems)
    assert 360_000 == pytest.approx(energy_j(run))
    assert 359_900 == pytest.approx(counter_j(run))  # all but the step across the reset


def test_power_from_a_counter_leaves_out_the_step_across_a_reset(write):
    t, counter = falling()
    rows = [(START_S + a, a, f"{b}") for a, b in zip(t, counter, strict=True)]

    run = read_recording(write(text_of("cpu0_energy_j", rows)), errors="keep")

    assert (100.0, 100.0) == (run.power_w.min(), run.power_w.max())
    assert ["the energy counter falls by 179900.000 J: it was reset; this step is not counted"] == [
        problem.what for problem in run.problems
    ]
    assert 359_900 == pytest.approx(energy_j(run))


def test_a_counter_that_leaps_is_no_energy(write):
    t = np.arange(100.0)
    counter = 20 * t + np.where(t > 50, 262_143.0, 0)  # a wrap undone that was none
    rows = [(START_S + a, a, f"{b}") for a, b in zip(t, counter, strict=True)]
    path = write(text_of("cpu0_energy_j", rows))

    with pytest.raises(ValueError, match=r"rises by 262163.000 J in 1.000 s: no device draws that"):
        read_recording(path)
    assert 20.0 == pytest.approx(read_recording(path, errors="keep").power_w.max())


@pytest.mark.parametrize("factor", [0.0, 0.5, 1e3])
def test_a_counter_that_says_another_energy_than_power_is_named(write, factor):
    rows = [(START_S + a, a, f"100,{100 * factor * a}") for a in range(100)]

    with pytest.raises(ValueError, match=r"they disagree by more than 10 %|no device draws that"):
        read_recording(write(text_of("gpu0_power_w,gpu0_energy_j", rows)))


def test_a_counter_that_is_a_little_late_is_not_called_wrong(write):
    rows = [(START_S + a / 10, a / 10, f"100,{10 * max(a - 5, 0) * 1.05}") for a in range(40)]

    assert () == read_recording(write(text_of("gpu0_power_w,gpu0_energy_j", rows))).problems


# --- files ---

ROWS = [(START_S + i, float(i), "100") for i in range(30)]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "epoch_s,elapsed_s,gpu0",
            "time,elapsed_s,gpu0",
            r":3: columns .* must begin with epoch_s",
        ),
        ("gpu0_power_w", "gpu0_power_w,gpu0_power_w", r":3: columns .* no name may stand twice"),
        (",5.000000,100", ",5.000000,1_00", r":9: '.*1_00' is not epoch_s,elapsed_s"),
        (",5.000000,100", ",5.000000,١٠٠", r":9: '.*' is not epoch_s,elapsed_s"),
        ("1700000005.0000", "1700000005000.0", r":9: 1700000005000 is no time .* milliseconds"),
        ("# interval_s: 1.0", "# interval_s: " + 9999 * "[", r":2: .* is not '# name: JSON'"),
    ],
)
def test_what_a_recording_cannot_hold_is_named_with_its_line(write, old, new, what):
    text = text_of("gpu0_power_w", ROWS)
    assert old in text

    with pytest.raises(ValueError, match=f"r.csv{what}"):
        read_recording(write(text.replace(old, new)))


@pytest.mark.parametrize("told", ['"soon"', "null", "[1]", "NaN"])
def test_an_interval_that_is_no_number_does_no_harm(write, told):
    text = text_of("gpu0_power_w", ROWS).replace("interval_s: 1.0", f"interval_s: {told}")

    assert 29.0 == read_recording(write(text)).duration_s


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16"])
def test_a_recording_that_an_editor_saved_its_own_way_reads_the_same(tmp_path, end, code):
    text = text_of("gpu0_power_w", ROWS).replace("\n", end)
    (tmp_path / "r.csv").write_bytes(text.encode(code))

    assert () == read_recording(tmp_path / "r.csv").problems


def test_events_in_milliseconds_are_named_as_such(write):
    write("1700000005000, now\n", "r.events.csv")

    with pytest.raises(
        ValueError, match=r"r.events.csv:1: 1700000005000 is no time .*milliseconds"
    ):
        read_recording(write(text_of("gpu0_power_w", ROWS)))


def test_an_external_meters_file_that_ends_within_its_stamp_has_no_sample_of_a_megawatt(tmp_path):
    lines = [*["50000"] * 200, "1720910444.5", "17209"]
    (tmp_path / "m.csv").write_text("\n".join(lines))

    run = read_external(tmp_path / "m.csv", errors="keep")

    assert (200, 50.0) == (len(run.time_s), run.power_w.max())
    assert "the last line is cut short; left out" in [problem.what for problem in run.problems]


def test_a_stamp_among_an_external_meters_samples_is_named(tmp_path):
    lines = [*["50000"] * 20, "1720910444", *["50000"] * 20, "1720910444.5", "1720910446.5"]
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")

    with pytest.raises(ValueError, match=r"m.csv:21: 1720910444 mW are too many"):
        read_external(tmp_path / "m.csv", errors="keep")


@pytest.mark.parametrize("lines", [["1_000"], ["٥٠٠٠٠"], ["9" * 400]])
def test_an_external_meters_samples_are_plain_integers(tmp_path, lines):
    stamps = ["1720910444.5", "1720910454.5"]
    (tmp_path / "m.csv").write_text("\n".join([*["50000"] * 199, *lines, *stamps]) + "\n")

    with pytest.raises(ValueError, match=r"m.csv:200: "):
        read_external(tmp_path / "m.csv", errors="keep")


# --- archives ---


def archive(folder, members):
    with tarfile.open(folder / "runs-001.tar.xz", "w:xz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return folder / "runs-001.tar.xz"


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"other": b""}, "holds no call.json that names its runs"),
        ({"call.json": b"{"}, "holds no call.json that names its runs"),
        ({"call.json": b'{"runs": {"idle/000": {}}}'}, "lacks idle/000.csv, idle/000.events.csv"),
        ({"call.json": b"\xff"}, "the archive is damaged or cut short"),
    ],
)
def test_an_archive_that_is_none_of_a_campaign_says_so(tmp_path, members, what):
    archive(tmp_path, members)

    with pytest.raises(ValueError, match=f"runs-001.tar.xz:? {what}"):
        read_campaign(tmp_path)


def test_an_archive_that_was_cut_says_so(tmp_path):
    path = archive(tmp_path, {"call.json": bytes(np.random.default_rng(1).integers(32, 127, 9999))})
    path.write_bytes(path.read_bytes()[:2000])

    with pytest.raises(ValueError, match=r"runs-001.tar.xz: the archive is damaged or cut short"):
        read_campaign(tmp_path)
