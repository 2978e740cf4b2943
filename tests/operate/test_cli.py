"""The command line: answers people can act on, JSON for programs, exit codes as documented."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from helpers import datasets
from helpers.carbon.own import write_csv
from helpers.carbon.web import ServiceError
from helpers.operate import grid
from helpers.operate.cli import main, parser
from helpers.operate.plans import read_plan
from helpers.operate.words import counts, duration, instant

FROM = ["--from", "2020-06-01T00:00+00:00"]


def run(capsys, *words):
    """Exit code, what it printed, what it told besides."""
    code = main([*words])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture
def curve_file(tmp_path):
    path = tmp_path / "DE.csv"
    start = pd.Timestamp("2020-06-01", tz="UTC")
    write_csv(datasets.carbon_intensity("DE", 2020).window(start, start + pd.Timedelta("4D")), path)
    return str(path)


def test_start_finds_the_best_start_of_a_file(capsys, curve_file):
    words = ["start", "--length", "4h", "--power", "250", "--intensity", curve_file, *FROM]

    code, out, _ = run(capsys, *words, "--json")
    told = json.loads(out)
    intensity = datasets.carbon_intensity("DE", 2020)
    grams = [
        intensity.emissions_g(told["start_s"] + k * 60, told["finish_s"] + k * 60, 250.0)
        for k in (-60, 0, 60)
    ]

    assert (0, "file") == (code, told["intensity"]["used"])
    assert pytest.approx(told["emissions_g"]) == grams[1]
    assert grams[1] == min(grams)
    assert told["saving"] > 0


def test_without_file_and_service_typical_hours_are_used_and_said(capsys):
    code, out, _ = run(capsys, "start", "--length", "4h", "--offline")

    assert 0 == code
    assert "typical hours of past years, not a forecast" in out


def test_a_forecast_that_fails_is_said_and_does_not_stop_the_answer(capsys, monkeypatch):
    def fail(*_):
        raise ServiceError("the service is on fire")

    monkeypatch.setattr(grid, "FORECASTS", {"GB": fail})

    code, out, _ = run(capsys, "start", "--length", "4h", "--zone", "GB", "--json")
    told = json.loads(out)

    assert (0, "climatology") == (code, told["intensity"]["used"])
    assert "on fire" in told["intensity"]["failed"][0]


def test_a_forecast_that_answers_is_used(capsys, monkeypatch):
    flat = datasets.carbon_intensity("DE", 2020)

    def answer(start_s, stop_s, _):
        return type(flat)([start_s, stop_s], [100.0], "average", "GB", "stub service")

    monkeypatch.setattr(grid, "FORECASTS", {"GB": answer})

    _, out, _ = run(capsys, "start", "--length", "4h", "--zone", "GB", "--json")

    assert ("service", 0.0) == (json.loads(out)["intensity"]["used"], json.loads(out)["delay_s"])


def test_when_nothing_is_known_the_answer_is_now_and_never_wait(capsys):
    code, out, err = run(capsys, "start", "--length", "4h", "--zone", "XX", "--format", "sbatch")

    assert (3, "now\n") == (code, out)
    assert "'XX'" in err


@pytest.mark.parametrize(
    ("form", "pattern"),
    [("sbatch", r"now(\+\d+)?\n"), ("iso", r"2020-06-\d\dT\d\d:\d\d:\d\dZ\n"), ("epoch", r"\d+\n")],
)
def test_each_format_prints_one_word_for_scripts(capsys, curve_file, form, pattern):
    words = ["start", "--length", "4h", "--intensity", curve_file, *FROM, "--format", form]

    _, out, _ = run(capsys, *words)

    assert pd.Series([out]).str.fullmatch(pattern).all()


def test_plan_writes_a_plan_that_can_be_read_again(capsys, curve_file, tmp_path):
    path = tmp_path / "plan.json"
    words = ["--length", "8h", "--power", "300", "--startup", "10min", "--checkpoint", "30min"]

    code, out, _ = run(capsys, "plan", *words, "--intensity", curve_file, *FROM, "--out", str(path))

    assert 0 == code
    assert read_plan(path).id in out
    assert "g CO2e instead of" in out


SACCT = Path(__file__).parent.parent / "fixtures" / "slurm" / "sacct_epoch.txt"


@pytest.fixture
def now_file(tmp_path):
    """A flat curve over the days of the recorded log."""
    from helpers.carbon.signal import Intensity

    edges = pd.to_datetime(["2020-01-01", "2035-01-01"], utc=True)
    write_csv(Intensity(edges, [250.0], "average", "DE", "flat"), tmp_path / "flat.csv")
    return str(tmp_path / "flat.csv")


def test_account_charges_a_real_log_by_user_and_sums_to_the_whole(capsys, now_file):
    words = [
        "account",
        str(SACCT),
        "--time-zone",
        "UTC",
        "--per-core",
        "10",
        "--intensity",
        now_file,
    ]

    code, out, err = run(capsys, *words, "--by", "user", "--by", "partition", "--json")
    told = json.loads(out)

    assert 0 == code
    assert told["jobs"] > 10
    assert pytest.approx(told["emissions_g"]) == sum(row["emissions_g"] for row in told["rows"])
    assert pytest.approx(told["emissions_g"]) == 250.0 * told["energy_kwh"]
    assert "kg CO2e" in err


@pytest.mark.parametrize(
    ("form", "mark"), [("csv", "user,"), ("html", "<table"), ("table", "user")]
)
def test_account_prints_each_format(capsys, now_file, tmp_path, form, mark):
    words = [
        "account",
        str(SACCT),
        "--time-zone",
        "UTC",
        "--per-core",
        "10",
        "--intensity",
        now_file,
    ]

    code, _, _ = run(capsys, *words, "--format", form, "--out", str(tmp_path / "out"))

    assert 0 == code
    assert mark in (tmp_path / "out").read_text()


def test_account_does_not_guess_the_clock_of_a_log(capsys):
    code, _, err = run(capsys, "account", str(SACCT))

    assert 2 == code
    assert "--time-zone" in err


def test_a_hostile_name_in_a_log_is_text_in_html(capsys, now_file, tmp_path):
    text = SACCT.read_text().replace("|u01|", "|<script>alert(1)</script>|")
    (tmp_path / "hostile.txt").write_text(text)
    words = ["account", str(tmp_path / "hostile.txt"), "--time-zone", "UTC", "--per-core", "10"]

    code, out, _ = run(capsys, *words, "--intensity", now_file, "--format", "html")

    assert 0 == code
    assert "<script>" not in out
    assert "&lt;script&gt;" in out


def test_explain_says_what_otherwise_would_cost(capsys, curve_file, tmp_path):
    words = ["--length", "8h", "--power", "300", "--startup", "10min", "--checkpoint", "30min"]
    path = str(tmp_path / "plan.json")
    run(capsys, "plan", *words, "--intensity", curve_file, *FROM, "--out", path)

    code, out, _ = run(capsys, "explain", path, "--intensity", curve_file, "--json")
    grams = {row["what"]: row["emissions_g"] for row in json.loads(out)["choices"]}

    assert 0 == code
    assert grams["as planned"] == min(grams.values())


def test_a_plan_by_typical_hours_has_the_interval_of_past_years(capsys):
    code, out, _ = run(capsys, "plan", "--length", "4h", "--power", "100", "--offline", "--json")
    span = json.loads(out)["expected"]["emissions_g"]

    assert 0 == code
    assert 0 < span["low"] <= span["expected"] <= span["high"]


def test_plan_takes_phases_from_a_file(capsys, tmp_path, curve_file):
    phases = tmp_path / "job.yaml"
    phases.write_text(
        "name: mine\nstartup:\n  - {name: load, duration_s: 600, power_w: 100}\nwork:\n  - repeat: 6\n"
        "    phases:\n      - {name: epoch, duration_s: 1800, power_w: 300, checkpoint: true}\n"
    )

    code, out, _ = run(capsys, "plan", str(phases), "--intensity", curve_file, *FROM, "--json")

    assert (0, "mine") == (code, json.loads(out)["job"]["name"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan"], "JOB.yaml"),
        (["plan", "nosuch.yaml"], "nosuch.yaml"),
        (["plan", "x.yaml", "--length", "4h"], "leave --length out"),
        (["plan", "--length", "4h", "--partition", "$(rm -rf /)"], "letters, digits"),
        (["start", "--length", "4h", "--intensity", "nosuch.csv"], "nosuch.csv"),
        (["start", "--length", "4h", "--power", "-5"], "--power"),
        (["plan", "--length", "4h", "--stretch", "0.5"], "stretch"),
    ],
)
def test_a_wrong_input_is_one_sentence_and_exit_code_2(capsys, words, said):
    code, out, err = run(capsys, *words)

    assert (2, "") == (code, out)
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("text", ["4", "0h", "-4h", "4x", "h", "1h1", "", "99999999d", "nan"])
def test_a_duration_without_unit_is_not_guessed_at(text):
    with pytest.raises(Exception, match="with its unit"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4h", 14400), ("1h30min", 5400), ("2d 1h", 176400), ("90s", 90), ("1-12:00:00", 129600)],
)
def test_durations_are_read_as_people_and_slurm_write_them(text, seconds):
    assert seconds == duration(text)


def test_a_time_that_happens_twice_is_refused(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert 1603584000 == instant("2020-10-25T01:00+01:00")
        with pytest.raises(Exception, match="where clocks change"):
            instant("2020-10-25T02:30")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_every_command_has_an_example_and_its_exit_codes_in_its_help():
    commands = next(a for a in parser()._actions if a.dest == "command").choices

    for command in commands.values():
        assert "example:" in command.format_help()
        assert "Exit codes:" in command.format_help()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_a_script_that_the_shell_accepts(capsys, shell, tmp_path):
    _, out, _ = run(capsys, "completion", shell)

    assert "clean-hours" in out
    if shell == "bash":
        (tmp_path / "c.sh").write_text(out)
        assert 0 == subprocess.run(["bash", "-n", str(tmp_path / "c.sh")], check=False).returncode


def test_a_module_run_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "helpers", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )

    assert done.stdout.startswith("clean-hours ")


RULES = """
partitions:
  - {name: batch, nodes: 4, cores_per_node: 8, price_per_core_h: 0.02, default: true}
  - {name: short, nodes: 2, cores_per_node: 8, longest_s: 1800}
"""


def test_what_if_tells_the_fastest_cheapest_and_cleanest_and_which_rule_the_others_break(
    capsys, curve_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))  # no scheduler here
    (tmp_path / "rules.yaml").write_text(RULES)
    words = ["what-if", "--rules", str(tmp_path / "rules.yaml"), "--intensity", curve_file, *FROM]
    words += ["--length", "4h", "--power", "800", "--cores", "8", "--try-cores", "4,8,16"]

    code, out, _ = run(capsys, *words, "--parallel", "0.9", "--json")
    told = json.loads(out)
    best = {name: plan for plan in told["plans"] for name in plan["best"]}

    assert 0 == code
    assert {"fastest": 16, "cheapest": 4, "cleanest": 4} == {
        name: plan["cores"] for name, plan in best.items()
    }
    assert all(plan["frontier"] for plan in best.values())
    assert {"batch"} == {plan["partition"] for plan in told["plans"]}
    assert all("1800 s in partition 'short'" in one["why"] for one in told["refused"])


def test_what_if_says_that_nothing_fits(capsys, curve_file, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "rules.yaml").write_text(RULES)
    words = ["what-if", "--rules", str(tmp_path / "rules.yaml"), "--intensity", curve_file, *FROM]

    _, out, _ = run(capsys, *words, "--length", "4h", "--cores", "999")

    assert "No configuration is valid" in out


def test_numbers_of_cores_are_read():
    assert (4, 8, 16) == counts("4,8,16")


@pytest.mark.parametrize("text", ["", "0", "4,", "4,x", "-1"])
def test_numbers_of_cores_that_are_none_are_refused(capsys, text):
    with pytest.raises(SystemExit):
        main(["what-if", "--length", "4h", "--try-cores=" + text])

    assert "such as 4,8,16" in capsys.readouterr().err


def test_prices_can_be_said_on_the_command_line(capsys, curve_file, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "rules.yaml").write_text(RULES)
    job = ["--length", "4h", "--power", "500", "--cores", "4", "--intensity", curve_file, *FROM]
    prices = ["--price-per-core-hour", "0.05", "--price-per-kwh", "0.30"]

    _, plain, _ = run(capsys, "plan", *job, *prices, "--json")
    _, rules, _ = run(
        capsys, "plan", *job, *prices, "--rules", str(tmp_path / "rules.yaml"), "--json"
    )
    code, _, err = run(capsys, "plan", "--length", "4h", "--offline", "--price-per-kwh", "0.3")

    assert 0.05 * 16 + 0.3 * 2 == pytest.approx(json.loads(plain)["expected"]["cost"])
    assert 0.02 * 16 + 0.3 * 2 == pytest.approx(json.loads(rules)["expected"]["cost"])
    assert 2 == code
    assert "needs what the job draws" in err
