import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.power import read_recording, spans
from helpers.power.events import VARIABLE
from helpers.power.meters import ReplayMeter, SimulatedMeter
from helpers.power.record import (
    RecordingError,
    events_path,
    machine,
    main,
    measure_cost,
    record,
)
from helpers.power.recording import read_samples


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
        ({"interval_s": 0.0}, ValueError, r"interval_s=0.0 must be from 0.001 to 3600 s"),
        ({"interval_s": float("inf")}, ValueError, "interval_s=inf must be from"),
        ({"interval_s": 1e300}, ValueError, "interval_s=1e.300 must be from"),
        ({"interval_s": 1e-300}, ValueError, "interval_s=1e-300 must be from"),
        ({"duration_s": -1.0}, ValueError, "duration_s=-1.0 must be > 0"),
        ({"duration_s": float("inf")}, ValueError, "duration_s=inf must be > 0 and finite"),
        ({"idle_s": float("nan")}, ValueError, "idle_s=nan must be >= 0"),
        ({"idle_s": float("inf")}, ValueError, "idle_s=inf must be >= 0 and finite"),
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


# --- whatever ends a recording, no program runs on unrecorded ---


def alive(pid):
    """Say whether a process still runs; one that has ended but was not reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def ended(pid_file, patience_s=5.0):
    """Wait until the process whose number is in a file has ended; False if it runs on."""
    pid, latest_s = int(pid_file.read_text()), time.monotonic() + patience_s
    while alive(pid) and time.monotonic() < latest_s:
        time.sleep(0.02)
    return not alive(pid)


@pytest.fixture
def sleeper(tmp_path):
    """Return a command whose child sleeps for a minute, and the file with the child's number."""
    pid_file = tmp_path / "pid"
    return ["sh", "-c", f"sleep 61 & echo $! > '{pid_file}'; wait"], pid_file


def test_a_full_disk_ends_the_program_and_is_told_in_one_sentence(tmp_path, sleeper):
    command, pid_file = sleeper
    recorder = [sys.executable, "-m", "helpers.power.record", "--meter", "simulated"]
    options = ["--interval", "0.01", "--idle", "0", "--out", str(tmp_path / "run.csv")]
    limited = ["bash", "-c", 'ulimit -f 4; exec "$@"', "-", *recorder, *options, "--", *command]

    told = subprocess.run(limited, capture_output=True, text=True, timeout=60)

    assert 2 == told.returncode
    assert 1 == len(told.stderr.splitlines())
    assert "cannot be written any more (File too large): the program has been ended" in told.stderr
    assert ended(pid_file)
    assert 10 < len(read_recording(tmp_path / "run.csv", errors="keep").time_s)


def test_a_meter_that_fails_ends_the_program(tmp_path, sleeper, meter):
    command, pid_file = sleeper

    class Broken(SimulatedMeter):
        def read(self):
            if pid_file.exists() and pid_file.read_text().strip():
                raise RuntimeError("the meter is gone")
            return super().read()

    broken = Broken(lambda _: 1.0)
    with pytest.raises(RuntimeError, match="the meter is gone"):
        record(tmp_path / "run.csv", broken, interval_s=0.02, idle_s=0, command=command)

    assert ended(pid_file)


def test_a_recorder_that_is_killed_takes_the_program_and_its_children_along(tmp_path, sleeper):
    command, pid_file = sleeper
    options = ["--meter", "simulated", "--idle", "0", "--out", str(tmp_path / "run.csv")]
    recorder = subprocess.Popen(
        [sys.executable, "-m", "helpers.power.record", *options, "--", *command]
    )
    latest_s = time.monotonic() + 30
    while not (pid_file.exists() and pid_file.read_text().strip()):
        assert time.monotonic() < latest_s
        time.sleep(0.02)
    time.sleep(0.2)
    recorder.kill()
    recorder.wait()

    assert ended(pid_file)


def test_children_that_do_not_listen_are_ended_with_a_program_that_is_stopped(tmp_path, meter):
    pid_file = tmp_path / "pid"
    deaf = f"(trap '' TERM; sleep 62 & echo $! > '{pid_file}'; wait) & wait"

    record(
        tmp_path / "run.csv",
        meter,
        interval_s=0.02,
        idle_s=0,
        duration_s=0.5,
        command=["sh", "-c", deaf],
    )

    assert ended(pid_file)


def test_a_program_that_takes_its_time_to_end_is_recorded_until_it_has(tmp_path, meter):
    slow = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), exit(3)))\n"
    slow += "while True: time.sleep(0.01)"
    path = tmp_path / "run.csv"

    outcome = record(
        path,
        meter,
        interval_s=0.02,
        idle_s=0,
        duration_s=0.5,
        command=[sys.executable, "-c", slow],
    )

    run = read_recording(path)
    assert 3 == outcome.exit_code
    assert run.at("program end") - run.at("program stopped by the recorder") > 0.4
    assert max(run.time_s[1:] - run.time_s[:-1]) < 0.3


def test_a_program_that_cannot_be_run_leaves_nothing_behind(tmp_path, meter):
    program = tmp_path / "program"
    program.write_bytes(b"\x00no program")
    program.chmod(0o755)

    with pytest.raises(RecordingError, match=r"program cannot be run \(Exec format error\)"):
        record(tmp_path / "run.csv", meter, idle_s=0, command=[str(program)])

    assert [program] == list(tmp_path.iterdir())


# --- what is there stays there ---


def test_an_existing_events_file_is_not_emptied_unasked(tmp_path, meter):
    events = tmp_path / "run.events.csv"
    events.write_text("1.0, precious\n")

    with pytest.raises(FileExistsError, match=r"run.events.csv exists"):
        record(tmp_path / "run.csv", meter, duration_s=0.1)

    assert "1.0, precious\n" == events.read_text()
    assert [events] == list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["folder", "FIFO", "link", "device"])
@pytest.mark.parametrize("name", ["run.csv", "run.events.csv"])
def test_what_is_no_plain_file_is_neither_replaced_nor_written_even_by_force(
    tmp_path, capsys, monkeypatch, kind, name
):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    at = tmp_path / name
    made = {
        "folder": at.mkdir,
        "FIFO": lambda: os.mkfifo(at),
        "link": lambda: at.symlink_to(tmp_path / "elsewhere"),
        "device": lambda: at.symlink_to(os.devnull),
    }
    made[kind]()
    before = os.lstat(at)
    ran = tmp_path / "ran"
    options = ["--meter", "simulated", "--force", "--out", str(tmp_path / "run.csv")]

    code = main([*options, "--idle", "0", "--", "touch", str(ran)])

    assert 2 == code
    assert "no plain file: choose another name" in capsys.readouterr().err
    assert before == os.lstat(at)
    assert [at] == list(tmp_path.iterdir())


def test_a_device_is_not_replaced(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    assert 2 == main(["--meter", "simulated", "--force", "--duration", "0.1", "--out", os.devnull])
    assert "is a device, no plain file" in capsys.readouterr().err


def test_a_name_that_ends_in_gz_is_written_compressed(tmp_path, meter):
    path = tmp_path / "run.csv.gz"
    command = [sys.executable, "-c", "pass"]
    record(path, meter, interval_s=0.02, idle_s=0.2, command=command)

    assert gzip.decompress(path.read_bytes()).startswith(b"# helpers.power recording")
    assert ["program"] == list(spans(read_recording(path)).name)
    assert {"run.csv.gz", "run.events.csv"} == {p.name for p in tmp_path.iterdir()}


def test_a_compressed_recording_whose_recorder_is_killed_reads_up_to_its_last_second(tmp_path):
    path = tmp_path / "run.csv.gz"
    options = ["--meter", "simulated", "--interval", "0.01", "--out", str(path)]
    recorder = subprocess.Popen([sys.executable, "-m", "helpers.power.record", *options])
    while not path.exists():
        time.sleep(0.01)
    time.sleep(1.5)
    killed_s = time.time()
    recorder.kill()
    recorder.wait()

    run = read_recording(path, errors="keep")

    assert killed_s - (run.start_epoch_s + run.duration_s) < 1.0
    assert run.duration_s > 0.5
    assert "no end stamp: the recorder was killed" in [p.what for p in run.problems]


@pytest.mark.parametrize("suffix", [".bz2", ".xz", ".zst"])
def test_a_compression_that_cannot_be_written_sample_by_sample_is_refused(tmp_path, meter, suffix):
    with pytest.raises(ValueError, match=r"end the name in \.csv or \.csv\.gz"):
        record(tmp_path / f"run.csv{suffix}", meter, duration_s=0.1)

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--gpu", "0", "--meter", "simulated", "--out", "run.csv"], "--gpu 0 says nothing to"),
        (["--cost", "--meter", "simulated", "--", "true"], "--cost measures the recorder alone"),
        (["--meter", "simulated"], "--out FILE is needed"),
    ],
)
def test_options_that_say_nothing_together_are_refused(arguments, why, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert 2 == ended.value.code
    assert why in capsys.readouterr().err


def test_help_prints_help_and_does_nothing_else(tmp_path):
    root = str(Path(__file__).parents[2])
    told = shell("--help", cwd=tmp_path, env={**os.environ, "PYTHONPATH": root})

    assert (0, "") == (told.returncode, told.stderr)
    assert "usage: python -m helpers.power.record" in told.stdout
    assert [] == list(tmp_path.iterdir())
