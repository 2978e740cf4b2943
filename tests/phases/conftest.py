"""Made-up runs of a known model, and the published runs where they are at hand."""

import pytest
from made_up_runs import make_run, plan_of

from helpers import datasets
from helpers.phases.model import generic_ml


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
    if not datasets.available("opitz-2024-power"):
        pytest.skip("opitz-2024-power is not in the cache: no published runs")
    runs = datasets.power_runs()["roberta_full"]
    return [runs[i] for i in sorted(runs)], datasets.power_plan("roberta_full")
