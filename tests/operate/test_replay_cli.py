"""Ask a log at the command line: why a job waited, and what waiting did for a user."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers.carbon.own import write_csv
from helpers.carbon.signal import Intensity
from helpers.operate.cli import main

START = pd.Timestamp("2020-06-01", tz="UTC")
USERS = ["ann", "bob", "<script>", "dan", "eve", "fay", "gus"]


def run(capsys, *words):
    code = main([*words])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture
def log_file(tmp_path):
    """Two days of jobs as sacct prints them; job 7 comes when the machine is full."""
    lines = ["JobID|User|Submit|Start|End|State|AllocCPUS|TimelimitRaw"]
    for i in range(40):
        submit = int(START.timestamp()) + 3600 * i
        begin, cores = submit + 60, 4 if i % 7 else 8
        end = begin + 5400
        lines.append(
            f"{i + 1}|{USERS[i % len(USERS)]}|{submit}|{begin}|{end}|COMPLETED|{cores}|180"
        )
    path = tmp_path / "jobs.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def curve_file(tmp_path):
    """Twelve dirty hours, twelve clean ones, day after day."""
    hours = np.arange(24 * 9)
    values = np.where(hours % 24 < 12, 400.0, 100.0)
    edges_s = START.timestamp() - 86400.0 + 3600.0 * np.arange(hours.size + 1)
    path = tmp_path / "DE.csv"
    write_csv(Intensity(edges_s, values, "average", "DE", "generated"), path)
    return str(path)


@pytest.fixture
def words(log_file, curve_file):
    return [
        *("--log", log_file, "--time-zone", "UTC", "--cores", "8", "--per-core", "10"),
        *("--intensity", curve_file, "--offline"),
    ]


def test_a_job_of_a_log_is_told_why_it_waits(capsys, words):
    code, out, told = run(capsys, "explain", "2", *words)

    assert 0 == code
    assert out.startswith("01:00: job 2 waits (accepted until Tue 2 Jun 01:00).")
    assert "It would start now if" in out
    assert "8 cores more were free (job 1, planned to end 03:00)" in out
    assert "replay of 40 jobs (0 left out) under EASY on 8 cores" in told


def test_a_job_held_for_clean_power_names_the_intensity_and_what_it_did_to_others(capsys, words):
    gated = [*words, "--policy", "gated", "--hold", "0.4", "--others", "--json"]
    code, out, _ = run(capsys, "explain", "26", *gated)
    told = json.loads(out)

    assert (0, "waits") == (code, told["did"])
    assert "intensity" in [way["fact"] for way in told["counterfactuals"]]
    assert {"later_s", "earlier_s"} == set(told["others"])
    assert 3 == len(told["grams"])


def test_another_instant_can_be_asked_for(capsys, words):
    code, out, _ = run(capsys, "explain", "2", *words, "--at", "2020-06-01T01:30+00:00")

    assert 0 == code
    assert out.startswith("01:30: job 2 starts; to its end it causes ")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["explain", "99"], "there is no job '99' among the 40 of the replay"),
        (["explain", "40", "--at", "2020-06-01T05:00+00:00"], "neither waits nor runs"),
        (["report"], "whose report? Say --user NAME"),
        (["report", "--user", "zoe"], "user 'zoe' has no job in the report"),
    ],
)
def test_what_cannot_be_answered_is_said_with_exit_code_2(capsys, words, asked, said):
    code, out, told = run(capsys, *asked, *words)

    assert (2, "") == (code, out)
    assert said in told


def test_cores_and_power_are_not_guessed(capsys, log_file):
    for missing, given in (("cores", ["--per-core", "9"]), ("per-core", ["--cores", "8"])):
        code, _, told = run(capsys, "explain", "1", "--log", log_file, "--time-zone", "UTC", *given)

        assert 2 == code
        assert f"say --{missing} with --log" in told


def test_a_report_of_one_user_names_nobody_else(capsys, words, tmp_path):
    page = tmp_path / "ann.html"
    code, _, _ = run(
        capsys, "report", *words, "--policy", "gated", "--user", "ann", "--out", str(page)
    )
    html = page.read_text(encoding="utf-8")

    assert 0 == code
    assert "User ann" in html
    assert "All 6 others together" in html
    assert not [name for name in USERS[1:] if f">{name}<" in html]


def test_a_report_of_all_has_to_be_asked_for_and_names_are_text(capsys, words, tmp_path):
    page = tmp_path / "all.html"
    code, out, _ = run(capsys, "report", *words, "--all-users", "--out", str(page), "--json")
    told = json.loads(out)

    assert 0 == code
    assert sorted(USERS) == sorted({row["user"] for row in told["rows"]})
    assert "<script>" not in page.read_text(encoding="utf-8")
    assert 40 == sum(row["jobs"] for row in told["rows"])


def test_a_report_without_a_log_is_about_plans_and_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, _, told = run(capsys, "report", "--user", "ann")

    assert 2 == code
    assert "--user is about a log: add --log FILE" in told


def test_what_is_neither_plan_nor_key_nor_number_says_where_to_look(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, _, told = run(capsys, "explain", "4711", "--on", "local")

    assert 2 == code
    assert "'4711' is no file of a plan, no key and no number of a job handed over" in told
    assert "for a job of a log add --log" in told


def test_a_job_handed_over_is_found_by_its_number_and_told_what_it_does_now(
    capsys, curve_file, tmp_path, monkeypatch
):
    from types import SimpleNamespace

    from helpers.operate import commands_jobs
    from helpers.operate.backend import Status
    from helpers.operate.store import state_folder

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    key = "0123456789abcdef"
    path = state_folder() / "jobs" / key / "plan.json"
    path.parent.mkdir(parents=True)
    asked = ["--length", "4h", "--power", "300", "--from", "2020-06-01T00:00+00:00"]
    run(capsys, "plan", *asked, "--intensity", curve_file, "--out", str(path))
    status = Status("4711", key, "waiting", begin_s=START.timestamp() + 43200.0, reason="BeginTime")
    scheduler = SimpleNamespace(jobs=lambda: {key: [status]})
    monkeypatch.setattr(commands_jobs, "backend_of", lambda options: scheduler)

    code, out, _ = run(capsys, "explain", "4711", "--intensity", curve_file)

    assert 0 == code
    assert "at once" in out
    assert "Now job 4711 is waiting, may start from " in out
    assert "the scheduler says BeginTime." in out


def test_a_log_on_another_day_needs_a_start_that_is_a_day(capsys, words):
    code, _, told = run(capsys, "explain", "2", *words, "--start", "someday")

    assert 2 == code
    assert "someday" in told
