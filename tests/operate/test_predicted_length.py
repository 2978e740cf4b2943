"""A plan takes a predicted length: its middle to plan with, its upper end to reserve."""

import json

import pytest

from helpers.operate.cli import main
from helpers.operate.predicted import read_length

PROGRAM = {
    "run_s": {"expected": 3600.0, "low": 3000.0, "high": 5400.0},
    "trusted": True,
    "doubts": [],
}
JOBS = [
    {"job_id": "7", "low": 60.0, "median": 600.0, "high": 1800.0},
    {"job_id": "8", "low": 60.0, "median": 900.0, "high": 2700.0},
]


def written(tmp_path, told):
    path = tmp_path / "length.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    return str(path)


def plan(capsys, *words):
    base = ["plan", "--power", "300", "--zone", "DE", "--offline", "--json", "--within", "6h"]
    code = main([*base, "--from", "2020-06-15T10:00+00:00", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_plan_reserves_the_upper_end_and_plans_with_the_middle(tmp_path, capsys):
    code, out, _ = plan(capsys, "--predicted", written(tmp_path, PROGRAM))
    made = json.loads(out)
    run = made["runs"][0]

    assert 0 == code
    assert pytest.approx(3600) == run["stop_s"] - run["start_s"]
    assert pytest.approx(1.5) == made["stretch"]
    assert 5400 <= made["resources"]["wall_s"] < 5400 + 120
    assert made["last_moment_s"] + 5400 <= made["deadline_s"]


def test_what_if_takes_a_predicted_length_too(tmp_path, capsys):
    rules = tmp_path / "rules.yaml"
    main(["rules", "--on", "local", "--out", str(rules)])
    words = ["what-if", "--rules", str(rules), "--on", "local", "--offline", "--json"]
    words += ["--from", "2020-06-15T10:00+00:00", "--predicted", written(tmp_path, PROGRAM)]
    capsys.readouterr()

    code = main(words)
    plans = json.loads(capsys.readouterr().out)["plans"]

    assert 0 == code
    assert pytest.approx(3600) == plans[0]["finish_s"] - plans[0]["start_s"]


def test_a_job_of_a_log_is_taken_by_its_name(tmp_path):
    path = written(tmp_path, {"of": "run_s", "jobs": JOBS})

    assert (900.0, 2700.0, 3.0) == (*read_length(path, "8"), read_length(path, "8").stretch)
    with pytest.raises(ValueError, match="holds 2 jobs: say which with --predicted-job"):
        read_length(path)
    with pytest.raises(ValueError, match="has no job '9': it has 7, 8"):
        read_length(path, "9")


def test_one_job_needs_no_name(tmp_path):
    assert 600.0 == read_length(written(tmp_path, {"of": "run_s", "jobs": JOBS[:1]})).expected_s


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("no json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "holds no prediction"),
        ("{}", "holds no prediction"),
        ({"of": "memory_kb", "jobs": JOBS}, "not run times"),
        ({"of": "run_s", "jobs": "x"}, "no list of predictions"),
        ({**PROGRAM, "trusted": False, "doubts": ["operator 'sort' was never seen"]}, "never seen"),
        ({"run_s": PROGRAM["run_s"]}, "does not say that it is trusted"),
        ({**PROGRAM, "run_s": 7.0}, "its expected is None"),
        ({**PROGRAM, "run_s": {"expected": -1.0, "high": 2.0}}, "its expected is -1.0"),
        ({**PROGRAM, "run_s": {"expected": True, "high": 2.0}}, "its expected is True"),
        ('{"trusted": true, "run_s": {"expected": NaN, "high": 2}}', "its expected is nan"),
        ({**PROGRAM, "run_s": {"expected": 3.0, "high": 2.0}}, "below expected"),
    ],
)
def test_what_is_no_length_to_plan_with_is_refused(tmp_path, capsys, told, message):
    code, _, err = plan(capsys, "--predicted", written(tmp_path, told))

    assert 2 == code
    assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--length", "4h"], "leave --length out"),
        (["--stretch", "2"], "leave --stretch out"),
        (["job.yaml"], "leave JOB.yaml out"),
    ],
)
def test_a_length_is_said_once(tmp_path, capsys, words, message):
    code, _, err = plan(capsys, "--predicted", written(tmp_path, PROGRAM), *words)

    assert 2 == code
    assert message in err


def test_the_name_of_a_job_needs_its_file(capsys):
    code, _, err = plan(capsys, "--length", "1h", "--predicted-job", "7")

    assert 2 == code
    assert "give the file, too" in err


def test_a_missing_file_is_named(capsys):
    code, _, err = plan(capsys, "--predicted", "nosuch.json")

    assert 2 == code
    assert "nosuch.json" in err
