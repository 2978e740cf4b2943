"""How long do features of a whole log take, and one prediction: of a job, a program, a GPU?"""

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.operate.cli import main
from helpers.operate.commands_program import read_program, write_program
from helpers.predict import features
from helpers.predict.boosting import Trees
from helpers.predict.estimators import LEVELS
from helpers.predict.machines import GPUS, Machines, WhiteBox


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


def test_a_program_is_answered_through_the_package(benchmark, tmp_path):
    path, predictor = tmp_path / "program.json", datasets.program_predictor()
    path.write_text(write_program(datasets.programs().select([7])))
    # Read anew for every round, or what it computes is known after the first.
    anew = {"setup": lambda: ((read_program(path),), {}), "rounds": 20, "warmup_rounds": 1}

    said = benchmark.pedantic(predictor.predict, **anew)

    assert 1 == len(said)


def test_a_program_is_answered_by_the_command(benchmark, tmp_path, capsys):
    path = tmp_path / "program.json"
    path.write_text(write_program(datasets.programs().select([7])))

    code = benchmark(main, ["predict", "--described", str(path), "--json"])

    assert 0 == code
    assert '"run_s"' in capsys.readouterr().out


def test_settings_of_gpus_are_answered_with_their_intervals(benchmark):
    sheets = pd.DataFrame({"gpu": ["a40", "p100"]}).merge(
        pd.DataFrame({"task": ["a", "b", "c"]}, index=range(3)), how="cross"
    )
    grid = pd.DataFrame({"batch_size": [8, 64, 512]}).merge(
        pd.DataFrame({"cap_w": [125.0, 200.0, 250.0]}), how="cross"
    )
    asked = sheets.merge(grid, how="cross").assign(network="x")
    physics = WhiteBox(
        GPUS, dict.fromkeys("abc", (2e4, 1e6, 3e4)), 0.2, dict.fromkeys("abc", 0.7), 0.6
    )
    machines = Machines(asked.assign(**physics.predict(asked)))
    machines.predict(asked)  # fitted and calibrated before it is timed

    said = benchmark(machines.predict, asked)

    assert len(asked) == len(said)
