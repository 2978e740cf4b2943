"""The graph network learns run times; its weights are numbers."""

import numpy as np
import pytest

from helpers import datasets
from helpers.predict.programs.network import Network
from helpers.predict.programs.trial import percentage_errors


@pytest.fixture(scope="module")
def known():
    programs = datasets.programs()
    return programs.select(np.flatnonzero(programs.facts["parts"] == 1)[:160])


def test_without_pytorch_one_sentence_says_how_to_get_it(known):
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ModuleNotFoundError, match=r"\.\[learn\]"):
            Network.fit(known, known.run_s)
    else:
        pytest.skip("PyTorch is installed")


def test_a_trained_network_is_better_than_saying_the_median(known):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `learn`)")
    net = Network.fit(known, known.run_s, epochs=16)
    again = Network(net.kinds, {name: np.array(w) for name, w in net.weights.items()})
    said = again.predict(known)
    off = np.median(percentage_errors(known.run_s, said))
    flat = np.median(percentage_errors(known.run_s, np.full(len(known), np.median(known.run_s))))

    assert off < 0.6 * flat
    np.testing.assert_array_equal(net.predict(known), said)


def test_the_stored_weights_are_a_network(known):
    weights = dict(np.load(datasets.data_folder() / "programs" / "network.npz"))
    kinds = tuple(weights.pop("kinds").tolist())

    assert all(np.isfinite(value).all() for value in weights.values())
    assert set(known.operators["kind"]) <= set(kinds)
