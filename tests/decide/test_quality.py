"""What can be told of an explanation without asking people: its length, its grade, its steadiness."""

import pytest
from small_day import MIDNIGHT_S, inquiry

from helpers.decide.explain import explain
from helpers.decide.moment import intensity_g_per_kwh
from helpers.decide.quality import compare, reading_grade, words


def test_the_grade_is_that_of_the_published_formula():
    text = "The cat sat on the mat. It was warm."

    # 26 letters, 9 words, 2 sentences.
    assert reading_grade(text) == pytest.approx(4.71 * 26 / 9 + 0.5 * 9 / 2 - 21.43)
    assert 9 == words(text)


def test_a_point_within_a_number_ends_no_sentence():
    assert reading_grade("It is 384.6 now.") == pytest.approx(4.71 * 11 / 4 + 0.5 * 4 - 21.43)


def test_longer_words_and_sentences_ask_for_a_higher_grade():
    plain = reading_grade("The job waits. The grid is dirty.")

    assert reading_grade("The job waits and the grid is dirty.") > plain
    assert reading_grade("Computational workload postponement.") > plain


def test_a_text_without_words_has_no_grade():
    with pytest.raises(ValueError, match="text has no word"):
        reading_grade("  ")


@pytest.fixture(scope="module")
def held():
    """A decision that holds job d, and why."""
    asked = inquiry()
    moment = asked.moments([MIDNIGHT_S + 3.5 * 3600])[MIDNIGHT_S + 3.5 * 3600]
    return moment, explain(moment, asked.row_of("d"))


def test_an_explanation_of_a_decision_that_is_asked_again_is_the_same(held):
    moment, told = held

    assert "the same" == compare(told, explain(moment, 3))
    assert "the same" == compare(told, explain(moment.changed(intensity_g_per_kwh(262.0)), 3))


def test_what_a_change_did_to_an_explanation_is_told_apart(held):
    from dataclasses import replace

    moment, told = held
    assert "another decision" == compare(
        told, explain(moment.changed(intensity_g_per_kwh(200.0)), 3)
    )
    assert "other facts" == compare(told, replace(told, counterfactuals=told.counterfactuals[:1]))
    moved = tuple(replace(way, value=1.2 * way.value + 1) for way in told.counterfactuals)
    assert "another value" == compare(told, replace(told, counterfactuals=moved))
    assert "the same" == compare(told, replace(told, counterfactuals=moved), within=1e9) or (
        any(way.value == 0 for way in told.counterfactuals)
    )
