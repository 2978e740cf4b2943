"""How good explanations are, as far as that can be told without asking people.

That what they say is true is counted in the tests, decision by decision. Here is the rest: how long
an answer is, how hard to read, and whether a small change of what is known changes it.
"""

from __future__ import annotations

import re
from typing import Literal

from helpers.decide.explain import Explanation

__all__ = ["compare", "reading_grade", "words"]

Kept = Literal["the same", "another value", "other facts", "another decision"]
"""What became of an explanation after a small change."""

_SENTENCE = re.compile(r"[.!?](?=\s|$)")  # a point within a number ends none


def words(text: str) -> int:
    """Return how many words a text has, numbers included."""
    return len(text.split())


def reading_grade(text: str) -> float:
    """Return the school grade (United States) that a text asks for.

    Parameters
    ----------
    text : str
        Plain text, at least one word.

    Raises
    ------
    ValueError
        If it has no word.

    Notes
    -----
    The automated readability index: 4.71 characters/words + 0.5 words/sentences - 21.43.
    Characters are letters and digits, so that numbers count by their length.

    References
    ----------
    E. A. Smith, R. J. Senter, "Automated readability index", AMRL-TR-66-220, 1967.
    """
    count = words(text)
    if not count:
        raise ValueError("text has no word: a grade needs one at least.")
    letters = sum(character.isalnum() for character in text)
    sentences = max(len(_SENTENCE.findall(text)), 1)
    return 4.71 * letters / count + 0.5 * count / sentences - 21.43


def compare(before: Explanation, after: Explanation, *, within: float = 0.05) -> Kept:
    """Return what became of an explanation after a small change of what was known.

    Parameters
    ----------
    before, after : Explanation
        Of the same job, before and after it.
    within : float
        By which share of its value a threshold may move and still be called the same [1].
    """
    if before.did != after.did:
        return "another decision"
    old, new = ({way.fact: way.value for way in one.counterfactuals} for one in (before, after))
    if set(old) != set(new):
        return "other facts"
    # A threshold of nothing (no wait, no gram) has no share: it is the same only as itself.
    moved = (abs(new[fact] - value) > within * abs(value) for fact, value in old.items())
    return "another value" if any(moved) else "the same"
