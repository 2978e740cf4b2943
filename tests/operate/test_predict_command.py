"""`clean-hours predict` tries itself on the log it is given, and says so."""

import json

import numpy as np
import pytest

from helpers import datasets
from helpers.jobs import write_csv
from helpers.operate.cli import main
from helpers.predict.model import Model

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def log():
    return datasets.job_log("unilu-gaia-2014").window(20 * DAY_S, 27 * DAY_S)


def written(log, tmp_path, **changes):
    path = tmp_path / "jobs.csv"
    write_csv(log.with_jobs(log.jobs.assign(**changes).reset_index(drop=True)), path)
    return str(path)


def run(capsys, *words):
    code = main(["predict", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_log_it_never_saw_is_tried_predicted_kept_and_described(log, tmp_path, capsys):
    card, kept = tmp_path / "card.md", tmp_path / "model.json"
    words = ["--show", "4", "--card", str(card), "--save", str(kept)]

    code, out, err = run(capsys, written(log, tmp_path), *words, "--json")
    told = json.loads(out)

    assert (0, 4, False) == (code, len(told["jobs"]), told["waiting"])
    assert all(row["low"] <= row["median"] <= row["high"] for row in told["jobs"])
    assert {"last similar", "median", "mixed"} <= set(told["trial"]["scores"])
    assert "written" in err
    assert card.read_text() == Model.load(kept).card()
    assert "# Model card: run time of jobs" in card.read_text()


def test_jobs_that_wait_are_what_is_predicted_with_a_saved_model_too(log, tmp_path, capsys):
    last = np.arange(len(log)) >= len(log) - 3
    open_ = {
        "run_s": log.jobs["run_s"].mask(last),
        "wait_s": log.jobs["wait_s"].mask(last),
        "state": log.jobs["state"].mask(last, "unknown"),
    }
    path, kept = written(log, tmp_path, **open_), str(tmp_path / "model.json")

    one = run(capsys, path, "--save", kept, "--json")
    two = run(capsys, path, "--model", kept, "--json")
    text = run(capsys, path, "--model", kept)

    rows = [json.loads(out)["jobs"] for _, out, _ in (one, two)]
    assert rows[0] == rows[1]
    assert log.jobs["job_id"].astype(str)[last].tolist() == [row["job_id"] for row in rows[0]]
    assert text[1].startswith("Jobs that wait:\n")
    assert "came" not in text[1]


def test_memory_is_predicted_where_it_is_asked_for(log, tmp_path, capsys):
    code, out, _ = run(capsys, written(log, tmp_path), "--of", "memory")

    assert 0 == code
    assert " MiB" in out


def test_a_model_of_something_else_is_refused(log, tmp_path, capsys):
    path, kept = written(log, tmp_path), str(tmp_path / "model.json")
    run(capsys, path, "--save", kept)

    code, _, err = run(capsys, path, "--model", kept, "--of", "memory")

    assert 2 == code
    assert "predicts run_s, not memory_kb" in err


@pytest.mark.parametrize(
    ("first", "changes", "words", "message"),
    [
        (100, {}, [], "200 are needed to learn from"),
        (None, {"wait_s": np.nan}, [], "--no-waits"),
    ],
)
def test_what_cannot_be_learned_from_is_said(log, tmp_path, capsys, first, changes, words, message):
    part = log.with_jobs(log.jobs.iloc[:first])

    code, _, err = run(capsys, written(part, tmp_path, **changes), *words)

    assert 2 == code
    assert message in err


def test_a_log_without_waits_is_taken_as_said(log, tmp_path, capsys):
    path = written(log, tmp_path, wait_s=np.nan)

    assert 0 == run(capsys, path, "--no-waits")[0]


def test_how_many_is_a_number(log, capsys):
    with pytest.raises(SystemExit):
        run(capsys, "jobs.csv", "--show", "0")

    assert "must be a whole number above 0" in capsys.readouterr().err
