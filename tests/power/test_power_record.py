import json
import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.power import read_recording, spans
from helpers.power.events import VARIABLE
from helpers.power.meters import ReplayMeter, SimulatedMeter
from helpers.power.read import read_samples
from helpers.power.record import events_path, machine, main, measure_cost, record


@pytest.fixture
def meter():
    return SimulatedMeter(lambda _: 100.0)


def shell(*arguments, **more):
    command = [sys.executable, "-m", "helpers.power.record", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


def test_a_program_is_recorded_with_idle_before_and_after(tmp_path, meter):
    path = tmp_path / "run.csv"
    code = "from helpers.power.events import phase\nwith phase('work'): pass"

    outcome = record(path, meter, interval_s=0.02, idle_s=0.3, command=[sys.executable, "-c", code])
    run = read_recording(path)

    assert 0 == outcome.exit_code
    assert ["program", "work"] == list(spans(run).name)
    assert 0.3 == pytest.approx(run.at("program begin"), abs=0.1)
    assert run.duration_s - run.at("program end") >= 0.3
    assert 100.0 * run.duration_s == pytest.approx(run.counter_j[-1] - run.counter_j[0], rel=0.01)


def test_samples_are_an_interval_apart(tmp_path, meter):
    record(tmp_path / "run.csv", meter, interval_s=0.02, duration_s=0.5)

    time_s = read_recording(tmp_path / "run.csv").time_s

    assert time_s[-1] >= 0.5
    assert 26 >= len(time_s) >= 15


def test_the_header_says_what_was_measured_and_the_footer_what_recording_cost(tmp_path, meter):
    record(tmp_path / "run.csv", meter, interval_s=0.02, duration_s=0.1, context={"repeat": 3})

    meta = read_recording(tmp_path / "run.csv").meta

    assert ("simulated", True, 0.02, {"repeat": 3}) == tuple(
        meta[name] for name in ("meter", "simulated", "interval_s", "context")
    )
    assert machine() == meta["machine"]
    assert 0 <= meta["recorder_cpu_share"] < 1
    assert not meta["interrupted"]


def test_a_recording_tells_neither_arguments_nor_paths_nor_the_machines_name(tmp_path, meter):
    secret = [sys.executable, "-c", "pass", "--token", "s3cret"]
    record(tmp_path / "run.csv", meter, interval_s=0.02, idle_s=0, command=secret)

    text = (tmp_path / "run.csv").read_text()

    assert "s3cret" not in text
    assert os.path.dirname(sys.executable) not in text
    assert (
        os.uname().nodename not in json.loads(text.split("# machine: ")[1].splitlines()[0]).values()
    )


def test_a_reading_without_a_number_is_counted_and_named(tmp_path):
    replay = ReplayMeter([0.0, 0.05], [10.0, 20.0])
    outcome = record(tmp_path / "run.csv", replay, interval_s=0.02, duration_s=0.2)

    assert outcome.failed_reads > 0
    with pytest.raises(ValueError, match=r"run.csv:\d+: no number for replay0"):
        read_recording(tmp_path / "run.csv")


def test_an_existing_recording_is_not_replaced_unasked(tmp_path, meter):
    path = tmp_path / "run.csv"
    path.write_text("precious")

    with pytest.raises(FileExistsError, match="--force"):
        record(path, meter, duration_s=0.1)
    assert "precious" == path.read_text()

    record(path, meter, duration_s=0.1, overwrite=True)
    assert read_recording(path).duration_s >= 0.1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"interval_s": 0.0}, ValueError, "interval_s=0.0 must be > 0"),
        ({"duration_s": -1.0}, ValueError, "duration_s=-1.0 must be > 0"),
        ({"idle_s": float("nan")}, ValueError, "idle_s=nan must be >= 0"),
        ({"command": ["no-such-program"]}, FileNotFoundError, "no-such-program"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_leaves_no_file(
    tmp_path, meter, arguments, error, message
):
    with pytest.raises(error, match=message):
        record(tmp_path / "run.csv", meter, **arguments)

    assert [] == list(tmp_path.iterdir())


def test_a_program_that_exceeds_the_duration_is_stopped_and_that_is_an_event(tmp_path, meter):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    outcome = record(
        tmp_path / "run.csv", meter, interval_s=0.02, idle_s=0, duration_s=0.3, command=command
    )

    names = [event.name for event in read_recording(tmp_path / "run.csv").events]

    assert -signal.SIGTERM == outcome.exit_code
    assert ["program begin", "program stopped by the recorder", "program end"] == names


def test_recording_costs_less_than_a_tenth_of_a_core(meter):
    cost = measure_cost(meter, interval_s=0.05, duration_s=1.0)

    assert 0 < cost.cpu_share < 0.1


def test_a_busy_meter_shows_in_the_cost():
    def slow(_):
        end = time.process_time() + 0.01
        while time.process_time() < end:
            pass
        return 1.0

    assert measure_cost(SimulatedMeter(slow), interval_s=0.05, duration_s=0.5).cpu_share > 0.05


@pytest.mark.parametrize("wait_s", [0.3, 0.55])
def test_a_recorder_killed_at_any_moment_loses_less_than_a_second(tmp_path, wait_s):
    path = tmp_path / "run.csv"
    arguments = ["--meter", "simulated", "--interval", "0.02", "--out", path]
    recorder = subprocess.Popen(
        [sys.executable, "-m", "helpers.power.record", *map(str, arguments)]
    )
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(wait_s)
    killed_s = time.time()
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()

    with pytest.raises(ValueError, match=r"run.csv:\d+: no end stamp: the recorder was killed"):
        read_recording(path)
    run = read_recording(path, errors="keep")

    assert ["no end stamp: the recorder was killed"] == [p.what for p in run.problems]
    assert killed_s - (run.start_epoch_s + run.duration_s) < 1.0
    assert run.duration_s > 0.1


def test_a_recorder_told_to_end_ends_its_program_and_writes_the_end_stamp(tmp_path):
    path = tmp_path / "run.csv"
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    arguments = ["--meter", "simulated", "--interval", "0.02", "--idle", "0", "--out", str(path)]
    recorder = subprocess.Popen(
        [sys.executable, "-m", "helpers.power.record", *arguments, "--", *command],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not (path.exists() and "begin" in events_path(path).read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    recorder.terminate()

    assert 128 + signal.SIGTERM == recorder.wait(20)
    run = read_recording(path)
    assert run.meta["interrupted"]
    assert "program stopped by the recorder" in [event.name for event in run.events]


def test_the_command_passes_on_the_exit_code_of_the_program(tmp_path):
    path = tmp_path / "run.csv"
    told = shell("--meter", "simulated", "--idle", "0", "--out", path, "--", "sh", "-c", "exit 7")

    assert 7 == told.returncode
    assert "% of one core" in told.stderr
    assert 7 == read_recording(path).meta["exit_code"]


def test_the_program_finds_the_event_file_in_its_environment(tmp_path):
    path = tmp_path / "run.csv"
    script = f'echo "$(date +%s.%N), hello" >> "${VARIABLE}"'
    shell("--meter", "simulated", "--idle", "0", "--out", path, "--", "sh", "-c", script)

    assert "hello" in [event.name for event in read_recording(path).events]


@pytest.mark.parametrize(
    ("meter", "why"), [("nvml", "NVML does not start"), ("rapl", "there is no RAPL package")]
)
def test_without_a_meter_the_command_says_so_in_one_sentence_and_runs_nothing(
    tmp_path, monkeypatch, capsys, meter, why
):
    import pynvml

    from helpers.power import meters

    def no_driver():
        raise pynvml.NVMLError_LibraryNotFound

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    monkeypatch.setattr(meters.RaplMeter.__init__, "__defaults__", (tmp_path,))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    arguments = ["--meter", meter, "--out", str(tmp_path / "run.csv")]

    code = main([*arguments, "--", "touch", str(tmp_path / "ran")])

    told = capsys.readouterr().err
    assert 2 == code
    assert 1 == len(told.splitlines())
    assert why in told
    assert [] == list(tmp_path.iterdir())


def test_the_command_measures_its_own_cost():
    told = shell("--cost", "--meter", "simulated", "--duration", "0.5")

    assert 0 == told.returncode
    assert "the recorder took" in told.stderr


def test_all_columns_of_a_recording_can_be_read(tmp_path, meter):
    record(tmp_path / "run.csv", meter, interval_s=0.02, duration_s=0.2)

    table = read_samples(tmp_path / "run.csv")

    assert ["epoch_s", "elapsed_s", *meter.columns] == list(table.columns)
    assert (table.simulated0_power_w == 100.0).all()
