"""The page 'A phase model from my own recording', run as written, and other guesses at it."""

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from helpers.phases import Phase, Repeat, fit_model, plan_from_events, read_yaml
from helpers.power import read_csv

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "howto" / "phases_from_my_own_recording.md").read_text(encoding="utf-8")
SCRIPT = re.search(r"```python run\n(.*?)```", PAGE, re.DOTALL)[1]
START = datetime(2024, 5, 31, 13, tzinfo=ZoneInfo("Europe/Berlin"))
JOB = [("load data", 23, 60.0), *[("train", 30, 250.0), ("save", 4, 110.0)] * 3]


def samples(longer=0):
    """Power of a made-up job at every second, after 5 s of idle: times [s] and watts."""
    watts = [50.0] * 5
    for name, seconds, level in JOB:
        watts += [level] * (seconds + longer * (name == "train"))
    return np.arange(len(watts) + 5), np.array([*watts, *[50.0] * 5])


def borders(longer=0):
    """When each phase begins, and when the last is over [s]."""
    lengths = [seconds + longer * (name == "train") for name, seconds, _ in JOB]
    return 5 + np.concatenate(([0], np.cumsum(lengths)))


def stamps(seconds, zone=True):
    times = [(START + timedelta(seconds=float(s))).isoformat() for s in seconds]
    return times if zone else [time[:19] for time in times]


def begins(longer=0):
    return list(zip(borders(longer), [*(name for name, *_ in JOB), "end"], strict=True))


@pytest.fixture
def write(tmp_path):
    def written(name, header, times, values):
        rows = [f"{time},{value}" for time, value in zip(times, values, strict=True)]
        (tmp_path / name).write_text("\n".join([*([header] if header else []), *rows]) + "\n")
        return tmp_path / name

    return written


def job(folder, longer=0, number=1):
    """Write the two files of a run as the page shows them."""
    time_s, watts = samples(longer)
    rows = [f"{t},{w}" for t, w in zip(stamps(time_s), watts, strict=True)]
    events = [
        f"{t},{name}" for (_, name), t in zip(begins(longer), stamps(borders(longer)), strict=True)
    ]
    (folder / f"run_{number}.csv").write_text("\n".join(["time,power_w", *rows]) + "\n")
    (folder / f"run_{number}_events.csv").write_text("\n".join(["time,event", *events]) + "\n")


def test_the_page_runs_as_written(tmp_path):
    for number in (1, 2, 3):
        job(tmp_path, longer=number - 2, number=number)

    told = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == told.stderr
    model = read_yaml(tmp_path / "my_job.yaml")
    assert ["load data"] == [phase.name for phase in model.startup]
    (loop,) = model.work
    assert (3, ["train", "save"]) == (loop.times, [phase.name for phase in loop.phases])
    assert [False, True] == [phase.checkpoint for phase in loop.phases]
    assert [23.0, 30.0, 4.0] == [p.duration_s for p in (*model.startup, *loop.phases)]
    assert [60, 250, 110] == pytest.approx(
        [p.power_w for p in (*model.startup, *loop.phases)], rel=0.25
    )


def test_the_script_of_the_page_is_short():
    assert 20 >= len([line for line in SCRIPT.splitlines() if line.strip()])


def fitted(power, events, marks="begin", **more):
    """Fit the work, trained and saved three times over."""
    run = read_csv(power, events=events, **more)
    plan = plan_from_events(run, marks=marks, startup=["load data"], checkpoints=["save"])
    return fit_model([run], plan, pool=True).model


@pytest.mark.parametrize("marks", ["begin", "end"])
@pytest.mark.parametrize("times", ["epoch", "stamps", "local", "since the start"])
@pytest.mark.parametrize("header", ["time,event", "timestamp,name", None])
def test_every_guess_gives_the_same_model(write, marks, times, header):
    ways = {
        "epoch": lambda s: [START.timestamp() + float(t) for t in s],
        "stamps": stamps,
        "local": lambda s: stamps(s, zone=False),
        "since the start": lambda s: [float(t) for t in s],
    }
    time_s, watts = samples()
    power = write("p.csv", "time,power_w", ways[times](time_s), watts)
    at_s, names = borders(), [name for name, *_ in JOB]
    names = [*names, "end"] if marks == "begin" else ["start", *names]
    events = write("e.csv", header, ways[times](at_s), names)
    zone = {"time_zone": "Europe/Berlin"} if times == "local" else {}

    run = read_csv(power, events=events, **zone)
    first = {"start": "start"} if marks == "end" else {}
    plan = plan_from_events(run, marks=marks, startup=["load data"], checkpoints=["save"], **first)
    model = fit_model([run], plan, pool=True).model

    assert [("load data", 23)] == [(p.name, round(p.duration_s, 6)) for p in model.startup]
    (loop,) = model.work
    assert isinstance(loop, Repeat)
    assert [("train", 30, False), ("save", 4, True)] == [
        (p.name, round(p.duration_s, 6), p.checkpoint) for p in loop.phases
    ]


def test_events_that_come_in_pairs_need_no_word_on_what_they_mark(write):
    time_s, watts = samples()
    rows = [(5.0, "program begin")]
    for (at_s, name), end_s in zip(begins()[:-1], borders()[1:], strict=True):
        rows += [(at_s + 0.01, f"{name} begin"), (end_s - 0.01, f"{name} end")]
    rows.append((borders()[-1], "program end"))
    power = write("p.csv", "time,power_w", time_s, watts)
    events = write("e.csv", "time,event", *zip(*rows, strict=True))

    model = fitted(power, events, marks=None)

    assert ["load data"] == [phase.name for phase in model.startup]
    assert Phase("save", 4.0, 110.0).name == model.work[0].phases[1].name
    assert model.duration_s == pytest.approx(borders()[-1] - 5, abs=0.05)


def test_events_in_a_table_may_be_called_time_and_event():
    time_s, watts = samples()
    table = pd.DataFrame(begins(), columns=["time", "event"])
    plan = plan_from_events(list(table["event"]), marks="begin", startup=["load data"])

    assert 3 == fit_model([(time_s, watts, table)], plan, pool=True).model.work[0].times


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["when", "event"], "events have the columns when, event, but one of time_s, time"),
        (["time", "what"], "events have the columns time, what, but one of name, event"),
    ],
)
def test_a_table_of_events_without_a_column_says_which_it_needs(columns, message):
    time_s, watts = samples()
    plan = plan_from_events(["a", "end"], marks="begin")

    with pytest.raises(ValueError, match=message):
        fit_model([(time_s, watts, pd.DataFrame([(5.0, "a")], columns=columns))], plan)


def test_a_table_of_time_stamps_is_told_where_to_go():
    time_s, watts = samples()
    table = pd.DataFrame({"time": pd.to_datetime(stamps([5.0])), "event": ["a"]})

    with pytest.raises(ValueError, match=r"read both files with helpers\.power\.read_csv"):
        fit_model([(time_s, watts, table)], plan_from_events(["a", "end"], marks="begin"))
