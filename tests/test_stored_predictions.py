"""The stored tables of predictions are what the code gives: small pieces are computed again."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.predict import features, learn
from helpers.predict.estimators import stored
from helpers.predict.model import Trial
from helpers.schedule import best_starts

WEEK_S = 604_800.0


def load_predict():
    path = datasets.data_folder() / "predict.py"
    spec = importlib.util.spec_from_file_location("stored_predictions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


predict = load_predict()


@pytest.fixture(scope="module")
def log():
    return datasets.job_log("unilu-gaia-2014")


@pytest.fixture(scope="module")
def raw(log):
    said = stored(log, datasets.predictions("run_times"))
    return Trial.of(log, features(log), said, None)


def test_the_first_week_that_was_predicted_is_learned_again(log, raw):
    start = log.jobs["submit_s"].min()
    part = log.with_jobs(log.jobs[log.jobs["submit_s"] < start + 5 * WEEK_S])

    again = learn(part, first_s=4 * WEEK_S)

    kept = raw.predictions
    assert np.array_equal(kept.rows[: len(again)], again.rows)
    off = np.abs(np.log(kept.values[: len(again)] / np.maximum(again.values, 1)))
    assert np.mean(off) < 0.05  # equal on one machine but for whole seconds


def test_scores_follow_from_the_stored_quantiles(raw):
    kept = datasets.predictions("scores").query("log == 'unilu-gaia-2014'").set_index("predictor")

    pd.testing.assert_frame_equal(
        kept[["mean_error", "log_error", "under"]],
        raw.scores()[["mean_error", "log_error", "under"]].rename_axis("predictor"),
        rtol=2e-3,
    )


def test_grams_of_one_week_in_one_grid_are_computed_again(log, raw):
    jobs = predict.sample(log, raw, predict.A_WEEK, seed=1)
    own = np.flatnonzero(jobs["week"] == 0)
    made = predict.lengths(raw, jobs["place"].to_numpy()[own])
    signal = datasets.carbon_intensity("GB", None)
    first = predict.CARBON_WEEKS[0]
    release = first.tz_localize("Europe/London").timestamp() + jobs["offset_s"].to_numpy()[own]
    weight = (jobs["cores"] * jobs["stands_for"]).to_numpy()[own]
    lasts = np.minimum(raw.predictions.truth[jobs["place"]], predict.LONGEST_S)[own]
    kept = datasets.predictions("grams").query(f"zone == 'GB' and week == '{first:%Y-%m-%d}'")
    kept = kept.set_index("policy")["emissions_g"]

    for name in ("request", "median", "distribution", "true time"):
        ends = release + 86_400.0 + np.array([model.duration_s for model in made[name]])
        start = best_starts(made[name], signal, release, ends).start_s
        grams = signal.emissions_g(start, start + lasts, weight).sum()

        assert kept[name] == pytest.approx(grams, rel=0.01), name


def test_waits_under_one_policy_are_replayed_again():
    if not datasets.available("kth-sp2"):
        pytest.skip("kth-sp2 is not in the cache")
    log = predict.read("kth-sp2")
    jobs = predict.Workload.from_log(log, power_w=1.0, errors="skip")
    name = "shortest first, last two"
    policy = predict.policies(log)[name]

    again = predict.bounded_slowdown(predict.replay(jobs, predict.Cluster(100, 1), policy))

    kept = datasets.predictions("replays")
    assert kept["jobs"].sum() == len(again)
    assert kept[name].sum() == pytest.approx(again.sum(), rel=1e-4)


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="known are failure, grams"):
        datasets.predictions("waits")
