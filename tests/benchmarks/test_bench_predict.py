"""How long do features of a whole log take, and one prediction?"""

import numpy as np
import pytest

from helpers import datasets
from helpers.predict import features
from helpers.predict.boosting import Trees
from helpers.predict.estimators import LEVELS


@pytest.fixture(scope="module")
def log():
    return datasets.job_log("unilu-gaia-2014")


def test_features_of_every_job_of_a_log(benchmark, log):
    features(log)  # compiled before it is timed

    known = benchmark(features, log)

    assert len(log) == len(known)
    assert benchmark.stats.stats.min < 0.5


def test_one_job_is_predicted_with_all_its_quantiles(benchmark, log):
    known = features(log).to_numpy()[:8000]
    run_s = log.jobs["run_s"].to_numpy()[:8000]
    there = run_s > 0
    trees = Trees.quantiles(known[there], np.log(run_s[there]), LEVELS)

    said = benchmark(trees.predict, known[:1])

    assert (1, len(LEVELS)) == said.shape
    assert benchmark.stats.stats.median < 1e-3
