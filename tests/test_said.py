"""Sentences are chosen by what was recorded."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import said  # noqa: E402

from helpers.publish import Numbers  # noqa: E402


def record(in_book=True, clean=True):
    numbers = Numbers("sample")
    numbers.record("mean", 303.81, "g/kWh", 0, "mean intensity", interval=(300, 310))
    numbers.word("place", "France", "the grid's country")
    numbers.fact("noon_clean", clean, "noon is cleaner than the mean")
    return said.Record.of([numbers.as_dict()], in_book=in_book)


def test_a_line_is_said_where_its_fact_holds_and_its_counterpart_where_not():
    text = "{if}`sample.noon_clean` Noon is clean.\n{if-not}`sample.noon_clean` Noon is dirty."

    assert "Noon is clean." == said.prose(text, record(clean=True))
    assert "Noon is dirty." == said.prose(text, record(clean=False))


def test_what_somebody_saw_in_the_books_own_figures_is_not_said_of_another_run():
    text = "# Title\n{if}`in-book` Poland is the dirtiest.\nAll else."

    assert "# Title\nPoland is the dirtiest.\nAll else." == said.prose(text, record())
    assert "# Title\nAll else." == said.prose(text, record(in_book=False), set())


@pytest.mark.parametrize(
    "line",
    [
        "It is {num}`sample.gone`.",
        "In {word}`sample.gone` it is so.",
        "{if}`sample.gone` So it is.",
        "{if-not}`sample.gone` So it is not.",
        "{numref}`fig:gone` shows it.",
    ],
)
def test_a_sentence_whose_number_word_fact_or_figure_is_not_known_is_not_said(line):
    text = f"Before.\n{line}\nAfter {{num}}`sample.mean` in {{numref}}`fig:here`."

    found = said.prose(text, record(in_book=False), {"fig:here"})

    assert "Before.\nAfter {num}`sample.mean` in {numref}`fig:here`." == found


def test_in_the_book_an_unknown_fact_is_an_error():
    with pytest.raises(said.UnknownFactError, match=r"sample\.gone"):
        said.prose("{if}`sample.gone` So it is.", record())


def test_an_item_that_is_not_said_takes_its_further_lines_along():
    text = "* {if-not}`sample.noon_clean` One.\n  More of it.\n* Two.\n  More of that.\n\nEnd."

    assert "* Two.\n  More of that.\n\nEnd." == said.prose(text, record())


def test_an_item_of_which_only_its_heading_is_left_is_not_said():
    text = "* **One.**\n  {if}`in-book` It was a summer.\n* **Two.**\n  Said."

    assert "* **Two.**\n  Said." == said.prose(text, record(in_book=False), set())


def test_an_alternative_text_that_loses_all_its_sentences_is_that_of_the_caption():
    mystnb = {"figure": {"caption": "A curve."}, "image": {"alt": "At {num}`sample.gone`."}}
    cell = {"cell_type": "code", "metadata": {"mystnb": mystnb}}
    said.notebook([cell], record(in_book=False), set())

    assert "A curve." == mystnb["image"]["alt"]


def test_code_is_left_as_it_is():
    text = "```shell\nmake run  # {if}`sample.gone`\n```\nSaid."

    assert text == said.prose(text, record(in_book=False), set())


def test_a_caption_and_an_alternative_text_are_chosen_sentence_by_sentence():
    cell = {
        "cell_type": "code",
        "metadata": {
            "mystnb": {
                "figure": {"caption": "A curve. {if-not}`sample.noon_clean` Noon is dirty."},
                "image": {"alt": "A curve at {num}`sample.mean`; {if}`in-book` it dips at noon."},
            }
        },
    }
    said.notebook([cell], record(in_book=False), set())

    assert "A curve." == cell["metadata"]["mystnb"]["figure"]["caption"]
    assert "A curve at 304\xa0g/kWh." == cell["metadata"]["mystnb"]["image"]["alt"]


def test_numbers_and_words_are_written_out_for_what_knows_no_roles():
    text = "In {word}`sample.place` {num}`sample.mean` ({num-interval}`sample.mean`)."

    assert "In France 304\xa0g/kWh (300 to 310)." == said.plain(text, record())
