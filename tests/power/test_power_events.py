import os
import subprocess
import sys

import pytest

from helpers.power import events


@pytest.fixture
def event_file(tmp_path, monkeypatch):
    path = tmp_path / "events.csv"
    monkeypatch.setenv(events.VARIABLE, str(path))
    return path


def names(path):
    return [line.split(", ", 1)[1] for line in path.read_text().splitlines()]


def test_a_phase_writes_its_begin_and_its_end(event_file):
    with events.phase("train"):
        events.mark("half")

    assert ["train begin", "half", "train end"] == names(event_file)


def test_a_phase_that_raises_ends_as_failed(event_file):
    with pytest.raises(ZeroDivisionError), events.phase("train"):
        1 / 0  # noqa: B018

    assert ["train begin", "train failed"] == names(event_file)


def test_an_event_carries_the_time_of_day_that_mark_returns(event_file):
    stamp = events.mark("now")

    assert f"{stamp:.6f}, now\n" == event_file.read_text()


def test_without_a_recorder_an_event_goes_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv(events.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)

    events.mark("unheard")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "  ", "two\nlines"])
def test_a_name_that_is_not_one_line_is_refused(name):
    with pytest.raises(ValueError, match="must be one line"):
        events.mark(name)


def test_importing_events_loads_no_numpy():
    code = "import sys, helpers.power.events; print({'numpy', 'pandas'} & set(sys.modules))"

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "set()" == told.stdout.strip()


def test_events_of_several_processes_do_not_mix(event_file):
    code = "from helpers.power.events import mark\nfor i in range(200): mark('x' * 60)"
    jobs = [subprocess.Popen([sys.executable, "-c", code], env=os.environ) for _ in range(2)]
    assert [0, 0] == [job.wait() for job in jobs]

    assert ["x" * 60] * 400 == names(event_file)
