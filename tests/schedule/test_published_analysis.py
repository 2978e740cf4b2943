"""The published problems in any week: pairs that differ in one parameter, weeks in blocks."""

import numpy as np
import pytest

from helpers.published.analysis import BASELINE, Evaluation, contrasts, over_weeks

ALL = Evaluation()
LENGTH = ALL.table["length_h"].to_numpy(float)


def test_a_paired_difference_is_that_of_one_parameter_alone():
    weeks = np.stack([LENGTH, 2 * LENGTH])

    assert [15.0, 30.0] == list(ALL.paired(weeks, "length_h", 16))
    assert [0.0, 0.0] == list(ALL.paired(weeks, "startup_min", 30))


def test_every_level_but_the_baseline_is_a_contrast():
    found = [(factor, level) for factor, level, _ in contrasts(ALL.table)]

    assert sum(ALL.table[f].nunique() - 1 for f in BASELINE) == len(found) == len(set(found))
    assert not {(f, x) for f, x in BASELINE.items()} & set(found)


def test_a_ratio_of_sums_weighs_weeks_by_what_it_is_divided_by():
    weekly = np.array([0.0, 0.0, 0.0, 0.0, 8.0, 8.0, 8.0, 8.0])

    assert 4.0 == over_weeks(weekly, block=1, seed=1).value
    assert 2.0 == over_weeks(weekly, block=1, seed=1, per=weekly / 4 + 1).value


def test_means_by_length_and_wait_are_of_the_problems_chosen():
    shown = ALL.by_length_and_wait(LENGTH[None, :], startup_min=30)

    assert [1, 2, 4, 8, 16] == list(shown.index)
    assert (shown.to_numpy() == np.array([[1], [2], [4], [8], [16]])).all()


def test_the_same_charge_flips_nothing_and_its_opposite_all():
    resumes = np.ones((1, len(LENGTH)), dtype=int)
    levels = ("length_h", (1, 2))

    assert 0 == ALL.flipped(LENGTH[None], LENGTH[None], resumes, *levels)
    assert pytest.approx(100) == ALL.flipped(LENGTH[None], -LENGTH[None], resumes, *levels)
