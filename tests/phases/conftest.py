"""Made-up runs of a known model, and the published runs where they are at hand."""

import os
from pathlib import Path

import pytest
from made_up_runs import make_run, plan_of

from helpers.phases.fit import Loop, Plan, Span
from helpers.phases.model import generic_ml
from helpers.power import read_published


@pytest.fixture
def model():
    return generic_ml(epochs=3)


@pytest.fixture
def plan():
    return plan_of()


@pytest.fixture
def noisy_runs(model):
    return [make_run(model, seed=i, jitter=0.03, noise_w=5.0) for i in range(6)]


@pytest.fixture(scope="session")
def published():
    """The ten published whole runs, and the plan of their events."""
    cache = os.environ.get("HELPERS_DATA_CACHE")
    if not cache:
        pytest.skip("HELPERS_DATA_CACHE is not set: no published runs")
    folder = Path(cache) / "opitz-2024-power"
    if not folder.is_dir():
        pytest.skip("HELPERS_DATA_CACHE holds no opitz-2024-power")
    epoch = (
        Span("train", "Epoch * ended*"),
        Span("evaluate", "Evaluate"),
        Span("save", "Epoch * Saved*", checkpoint=True),
    )
    plan = Plan(
        name="RoBERTa",
        start=30.0,
        startup=(
            Span("import libraries", "start program"),
            Span("load data", "after load data"),
            Span("tokenise and build model", "Start training"),
        ),
        work=(Loop("epoch", 5, epoch),),
        end=(Span("final evaluation and exit", "Evaluate"),),
        ignore=("End training", "Exit"),
    )
    runs = read_published(folder)["roberta_full"]
    return [runs[i] for i in sorted(runs)], plan
