"""Predictors learn from the past alone, and their quantiles become true."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import datasets
from helpers.jobs.table import JobLog, jobs_table
from helpers.predict import Predictions, another_future, features, learn, scores, simple
from helpers.predict.conformal import track
from helpers.predict.estimators import chance_of_failure, stored
from helpers.predict.scores import by_week, mean_percentage_error

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def log() -> JobLog:
    whole = datasets.job_log("unilu-gaia-2014").window(0, 14 * DAY_S)
    return whole.with_jobs(whole.jobs[whole.jobs["run_s"] > 0].reset_index(drop=True))


@pytest.fixture(scope="module")
def learned(log) -> Predictions:
    return learn(log, first_s=7 * DAY_S, levels=(0.1, 0.5, 0.9))


def test_another_future_changes_no_prediction(log, learned):
    now_s = 10 * DAY_S
    then = another_future(log, now_s, np.random.default_rng(2))

    other = learn(then, first_s=7 * DAY_S, levels=(0.1, 0.5, 0.9))

    asked = learned.submit_s <= now_s
    assert np.array_equal(learned.values[asked], other.values[other.submit_s <= now_s])


def test_quantiles_rise_and_keep_to_the_request(learned):
    assert (np.diff(learned.values, axis=1) >= 0).all()
    assert (learned.values <= learned.limit[:, None]).all()
    assert (learned.point() <= learned.limit).all()


def test_a_week_of_history_beats_the_request_already(log, learned):
    request = simple(log, features(log)).iloc[learned.rows]["request"]
    errors = [scores(learned.truth, said)["log_error"] for said in (learned.point(), request)]

    assert errors[0] < 0.75 * errors[1]


def test_simple_predictors_by_hand():
    runs = {"submit_s": [0.0, 0, 100, 200, 300], "run_s": [10.0, 40, 90, 5, 5]}
    asked = {"requested_s": [100.0, 50, 100, 100, np.nan], "user": ["a", "a", "a", "a", "b"]}
    table = {"job_id": np.arange(5), "wait_s": np.zeros(5), "processors": np.ones(5)}
    log = JobLog(jobs_table({**table, **runs, **asked}))

    said = simple(log, features(log))

    # The fourth: 10 and 40 and 90 ended, the last two and similar ones (100 s) are 40, 90 and 90.
    expected = [100, np.expm1(np.log1p([10, 40, 90]).mean()), 65, 90]
    assert expected == pytest.approx(said.iloc[3].tolist())
    everybody = np.expm1(np.log1p([10, 40, 90, 5]).mean())
    assert [everybody] * 4 == pytest.approx(said.iloc[4].tolist())  # nothing of b, no request


def made(truth, values, levels) -> Predictions:
    n = len(truth)
    times = np.arange(n) * 1000.0
    rows, limit = np.arange(n), np.full(n, np.inf)
    return Predictions(
        rows, np.array(levels), np.asarray(values), truth, limit, times, times, times + truth
    )


def test_tracking_makes_any_quantiles_true_in_the_long_run():
    rng = np.random.default_rng(3)
    truth = np.exp(rng.normal(3 + np.arange(8000) / 4000, 1.0))
    wrong = np.tile([20.0, 20.0, 21.0], (8000, 1))

    mended = made(truth, wrong, (0.05, 0.5, 0.95)).calibrated(0.05)

    assert pytest.approx([0.05, 0.5, 0.95], abs=0.01) == mended.below()
    assert pytest.approx(0.9, abs=0.015) == mended.covered().mean()


def test_earlier_jobs_move_quantiles_before_the_first_one():
    rng = np.random.default_rng(3)
    truth = np.exp(rng.normal(3, 1.0, 900))
    whole = made(truth, np.tile([20.0, 20.0, 21.0], (900, 1)), (0.05, 0.5, 0.95))
    first, last = whole.parted(400_000.0)

    warm = last.calibrated(0.05, earlier=first)

    assert np.array_equal(whole.calibrated(0.05).values[400:], warm.values)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=40), st.floats(0.01, 1))
def test_the_sum_of_moves_is_what_the_shares_exceeded_say(truth, step):
    # The telescoping sum of the reference: the last shift tells how far the share is off.
    n, level = len(truth), np.array([0.3])
    times = np.arange(n, dtype=float)
    said = track(
        np.zeros((n + 1, 1)), np.append(truth, 0.0), level, np.arange(n + 1.0), np.arange(n + 1.0),
        np.append(times + 0.5, n + 0.5), step=step, passed=False,
    )  # fmt: skip

    exceeded = (np.array(truth) > said[:n, 0]).sum()

    assert step * (exceeded - 0.7 * n) == pytest.approx(said[n, 0], abs=1e-9)


def test_a_prediction_knows_only_what_showed_before():
    said = track(
        np.zeros((3, 1)), np.array([5.0, 5.0, 5.0]), np.array([0.5]), np.array([0.0, 0.5, 2.0]),
        np.array([0.0, 0.5, 2.0]), np.array([148.0, 149.0, 151.0]), step=0.2, passed=True,
    )  # fmt: skip

    # A job passes its quantile of exp(0) = 1 s one second after its start: one by 2.0, two at 1.5.
    assert [0.0, 0.0, 0.2] == pytest.approx(said[:, 0].tolist())


def test_weights_and_levels_between():
    made_up = made(np.ones(1), [[1.0, 4.0, 16.0]], (0.1, 0.5, 0.9))

    assert [0.3, 0.4, 0.3] == pytest.approx(made_up.weights.tolist())
    assert 2.0 == pytest.approx(made_up.at(0.3).item())
    with pytest.raises(ValueError, match=r"level\(=0.95\) must lie within"):
        made_up.at(0.95)


def test_scores_by_hand():
    found = scores([10.0, 100.0], [20.0, 50.0])

    assert {
        "mean_error": 30.0,
        "median_error": 30.0,
        "accuracy": 0.5,
        "log_error": np.log(2),
        "under": 0.5,
    } == pytest.approx(found)
    assert 75.0 == mean_percentage_error([10.0, 100.0], [20.0, 50.0])
    with pytest.raises(ValueError, match=r"predicted holds 0.0: all must be > 0"):
        scores([1.0], [0.0])


def test_weeks_are_counted_from_the_first_submission():
    table = by_week([5.0, 6.0, 8 * DAY_S], [1, 0, 1])

    pd.testing.assert_frame_equal(
        pd.DataFrame({"jobs": [2, 1], "mean": [0.5, 1.0]}, pd.Index([0, 1], name="week")), table
    )


def test_predictions_kept_as_a_table_are_the_same_again(log, learned):
    ids = log.jobs["job_id"].to_numpy()[learned.rows]
    columns = dict(zip(["q10_s", "q50_s", "q90_s"], learned.values.T, strict=True))

    again = stored(log, pd.DataFrame({"job_id": ids, **columns}))

    for part in ("rows", "levels", "values", "truth", "limit", "submit_s", "start_s", "end_s"):
        assert np.array_equal(getattr(learned, part), getattr(again, part)), part
    with pytest.raises(ValueError, match="these are predictions of another log"):
        stored(log, pd.DataFrame({"job_id": [-5], "q10_s": [1.0]}))


def test_a_chance_of_failure_lies_within_0_and_1_and_knows_no_future(log):
    first_s, now_s = 7 * DAY_S, 10 * DAY_S
    then = another_future(log, now_s, np.random.default_rng(2))

    said, other = (chance_of_failure(x, features(x), first_s=first_s) for x in (log, then))

    assert said["chance"].between(0, 1).all()
    asked = log.jobs["submit_s"].to_numpy()[said.index] <= now_s
    assert said["chance"][asked].tolist() == other["chance"].tolist()
    with pytest.raises(ValueError, match="no job ended within first_s"):
        chance_of_failure(log, features(log), first_s=-1.0)


def test_what_cannot_be_learned_is_refused(log):
    with pytest.raises(ValueError, match="rising within"):
        learn(log, levels=(0.9, 0.1))
    with pytest.raises(ValueError, match="no job ended within first_s"):
        learn(log, first_s=-1.0)
