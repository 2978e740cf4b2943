"""Predictors are mixed by what each got wrong on jobs that had ended."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.predict.mixing import mix


def test_weights_by_hand():
    # Errors 1 and 3 of the one job that ended; it counts once for the user and twice as prior.
    said = [[11.0, 13.0], [10.0, 20.0]]

    found = mix(said, [10.0, 0.0], [0, 0], [0.0, 5.0], [5.0, 9.0], prior=2.0, power=1.0)

    assert [12.0, (10 + 20 / 3) / (1 + 1 / 3)] == pytest.approx(found.tolist())


def test_each_user_gets_the_predictor_that_is_right_for_them():
    rng = np.random.default_rng(0)
    who = rng.integers(2, size=400)
    truth = rng.uniform(1, 2, 400)
    said = np.column_stack([np.where(who == 0, truth, 9.0), np.where(who == 1, truth, 9.0)])
    times = np.arange(400.0)

    found = mix(said, truth, who, times, times + 0.5)

    assert np.abs(found - truth)[200:].max() < 1e-3


@given(st.integers(0, 30), st.randoms())
def test_what_has_not_ended_has_no_say(cut, random):
    rng = np.random.default_rng(random.randint(0, 10**6))
    submit = np.sort(rng.integers(0, 20, 31)).astype(float)
    end = submit + rng.integers(1, 9, 31)
    said, truth, who = rng.uniform(1, 9, (31, 3)), rng.uniform(1, 9, 31), rng.integers(-1, 3, 31)

    other = np.where(end > submit[cut], rng.uniform(1, 9, 31), truth)
    one, two = (mix(said, v, who, submit, end) for v in (truth, other))

    assert np.array_equal(one[: cut + 1], two[: cut + 1])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"memory": 0.0}, r"memory\(=0.0\) is out of range"),
        ({"prior": 0.0}, r"prior\(=0.0\)"),
        ({"power": -1.0}, r"power\(=-1.0\)"),
        ({"said": [[np.nan]]}, "must be finite"),
        ({"truth": [1.0, 2.0]}, "one value a row"),
    ],
)
def test_what_cannot_be_mixed_is_refused(more, message):
    with pytest.raises(ValueError, match=message):
        mix(
            **{"said": [[1.0]], "truth": [1.0], "who": [0], "submit_s": [0.0], "end_s": [1.0]}
            | more
        )
