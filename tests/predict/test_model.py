"""A predictor is tried on the past, saved as numbers, watched, and described by code."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.jobs.table import JobLog
from helpers.predict import FEATURES, features
from helpers.predict.drift import chosen_steps, watch
from helpers.predict.model import Model, train, trial

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def log() -> JobLog:
    whole = datasets.job_log("unilu-gaia-2014").window(0, 14 * DAY_S)
    return whole.with_jobs(whole.jobs[whole.jobs["run_s"] > 0].reset_index(drop=True))


@pytest.fixture(scope="module")
def tried(log):
    return trial(log, first_s=7 * DAY_S, levels=(0.1, 0.5, 0.9))


@pytest.fixture(scope="module")
def model(tried) -> Model:
    return train(tried)


def test_a_trial_scores_simple_and_learned_predictors_on_the_same_jobs(tried):
    table = tried.scores()

    assert ["request", "user's mean", "last two", "last similar", "median", "mixed"] == list(
        table.index
    )
    assert table.loc["mixed", "log_error"] < table.loc["request", "log_error"]
    assert len(tried.points) == len(tried.predictions)


def test_a_saved_model_predicts_the_same(model, log, tmp_path):
    known = features(log)
    model.save(tmp_path / "model.json")

    again = Model.load(tmp_path / "model.json")

    pd.testing.assert_frame_equal(model.predict(log, known), again.predict(log, known))
    assert model.card() == again.card()


def test_a_model_keeps_quantiles_in_order_and_below_the_request(model, log):
    said = model.predict(log)

    assert [0.1, 0.5, 0.9] == list(said)
    assert (np.diff(said.to_numpy(), axis=1) >= 0).all()
    assert (said.to_numpy() <= log.jobs["requested_s"].to_numpy()[:, None]).all()


def test_a_job_that_has_not_run_is_predicted_too(model, log):
    waiting = log.jobs.assign(run_s=log.jobs["run_s"].where(np.arange(len(log)) < len(log) - 1))

    said = model.predict(log.with_jobs(waiting))

    assert np.isfinite(said.iloc[-1]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "no json", "not JSON"),
        (lambda text: "[]", "its format is not"),
        (lambda text: text.replace("run_s", "memory_kb"), "its check sum is wrong"),
        (lambda text: text.replace("predictions 1", "predictions 9"), "its format is not"),
    ],
)
def test_a_file_that_is_no_model_is_refused(model, tmp_path, change, message):
    path = tmp_path / "model.json"
    model.save(path)
    path.write_text(change(path.read_text()))

    with pytest.raises(ValueError, match=message):
        Model.load(path)


def test_a_model_of_other_features_is_refused(model, tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    monkeypatch.setattr("helpers.predict.model.FEATURES", dict.fromkeys(["one"]))
    model.save(path)
    monkeypatch.setattr("helpers.predict.model.FEATURES", FEATURES)

    with pytest.raises(ValueError, match="other features than this version knows"):
        Model.load(path)


def test_the_card_says_data_period_scores_and_limits(model, log):
    card = model.card()

    assert f"{len(log):,} jobs of {log.jobs['user'].nunique()} users" in card
    assert "from 2014-05-22 to 2014-06-0" in card
    for heading in ("Data", "Scores", "Weeks", "By activity of the user", "Limits"):
        assert f"\n## {heading}\n" in card
    assert json.dumps(dict(model.about), allow_nan=False)


def test_users_are_counted_by_how_much_they_submit(tried):
    table = tried.users()

    assert len(tried.predictions) == table["jobs"].sum()
    assert set(table.index) <= {"0 to 9", "10 to 99", "100 to 999", "1000 and more"}


def test_a_week_raises_an_alarm_when_it_leaves_the_earlier_ones():
    weeks = np.repeat(np.arange(7), 40)
    covered = np.full(280, True)
    covered[240:] = np.arange(40) < 30  # the last week
    error = np.tile([0.9, 1.1], 140) + np.repeat([0.0, 0.01, -0.01, 0.0, 0.0, 0.3, 0.0], 40)

    told = watch(weeks * 7 * DAY_S, covered, error)

    assert ["", "", "", "", "", "error", "coverage"] == told["alarm"].tolist()


def test_a_week_of_few_jobs_is_not_judged():
    told = watch([0.0, 8 * DAY_S], [False, False], [9.0, 9.0])

    assert ["few jobs", "few jobs"] == told["alarm"].tolist()


def test_a_step_is_chosen_by_the_weeks_before_alone():
    slow, fast = [0.9, 0.8, 0.9, 0.9], [0.5, 0.9, 0.8, 0.9]
    table = pd.DataFrame(
        {"step": [0.1] * 4 + [0.3] * 4, "week": [0, 1, 2, 3] * 2, "covered": slow + fast}
    )

    chosen = chosen_steps(table)

    assert [0.1, 0.1, 0.1, 0.1] == chosen["step"].tolist()  # its worst, 0.8, is above 0.5
    assert slow == chosen["covered"].tolist()
    stricter = chosen_steps(table[table["week"] > 0], least_covered=0.85)
    assert [0.1, 0.3, 0.1] == stricter["step"].tolist()
