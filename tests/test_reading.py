"""A reader of the pages is told what a number is, sees a figure large, and takes things along."""

import csv
import io
import sys
from datetime import date
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "book" / part) for part in ("", "_ext", "_record")]

import claimed  # noqa: E402
import drawn  # noqa: E402
import folds  # noqa: E402
import pipeline  # noqa: E402
import take  # noqa: E402

from helpers.publish import Numbers  # noqa: E402

# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", pipeline.chapter_names())
def test_the_cell_that_recorded_a_number_is_found(chapter):
    notebook = ROOT / "book" / f"{chapter}.ipynb"
    numbers = (ROOT / "book" / "results" / f"{chapter}.json").read_text(encoding="utf-8")
    names = [entry["name"] for entry in claimed.json.loads(numbers)["numbers"]]

    assert [] == [name for name in names if claimed.recording_cell(str(notebook), name) is None]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('numbers.record("idle", 3.0, "W", 0, "idle power")', "idle"),
        ('numbers.record_table({"idle power [.1f W]: of a node": 3.0})', "idle_power"),
        ('numbers.record_table(kept, "saved_{} [.1f %]: saved by {}")', "saved_easy"),
        ('numbers.record_table({f"saved_{n} [.1f %]: saved": 1})', "saved_70"),
        ('numbers.record_table({f"extra_free {saved} no start-up": 1})', "extra_free"),
        ('claims = {"most [.1f %]: most of it": 3}', "most"),
        ('numbers.record_table({"top [.1f %]: top": (1, 0, 2)}, ends=True)', "top_low"),
    ],
)
def test_a_name_is_found_however_it_was_written(source, name):
    assert any(pattern.fullmatch(name) for pattern in claimed._names(source))


def test_strings_of_a_cell_that_records_nothing_name_no_number():
    assert [] == claimed._names('ax.set(xlabel="idle")')


# --- figures ------------------------------------------------------------------------------------


def table_of(figure):
    rows = list(csv.DictReader(io.StringIO(drawn.as_csv(figure))))
    plt.close(figure)
    return rows


def test_a_line_hands_out_its_points_with_the_names_of_its_axes():
    figure, ax = plt.subplots()
    ax.plot([1, 2], [3, 4.5], label="measured")
    ax.set(xlabel="time [s]", ylabel="power [W]", title="one run")

    rows = table_of(figure)

    assert [("1", "3"), ("2", "4.5")] == [(row["x"], row["y"]) for row in rows]
    seen = {(r["panel"], r["x axis"], r["y axis"], r["series"], r["kind"]) for r in rows}
    assert {("one run", "time [s]", "power [W]", "measured", "line")} == seen


def test_instants_are_written_as_instants():
    figure, ax = plt.subplots()
    ax.plot(pd.date_range("2020-06-21", periods=2, freq="h", tz="UTC"), [1, 2])

    rows = table_of(figure)

    assert ["2020-06-21T00:00:00+00:00", "2020-06-21T01:00:00+00:00"] == [r["x"] for r in rows]


def test_bars_steps_and_fields_hand_out_both_ends():
    figure, (bars, steps, fields) = plt.subplots(1, 3)
    bars.bar([1], [5], width=1, label="jobs")
    steps.stairs([2, 3], [0, 1, 4])
    fields.pcolormesh([0, 1, 2], [0, 1], [[7, 8]])

    rows = table_of(figure)

    ends = [(r["kind"], r["x"], r["x end"], r["y"], r["value"]) for r in rows]
    assert ("bar", "0.5", "1.5", "0", "") in ends
    assert ("step", "1", "4", "3", "") in ends
    assert ("field", "1", "2", "0", "8") in ends
    assert "jobs" in {row["series"] for row in rows}


def test_a_line_across_the_panel_has_no_place_along_it():
    figure, ax = plt.subplots()
    ax.axhline(3)

    assert [("", "3"), ("", "3")] == [(row["x"], row["y"]) for row in table_of(figure)]


def test_a_long_line_is_thinned_and_says_to_what():
    figure, ax = plt.subplots()
    ax.plot(range(3 * drawn.MOST_POINTS))

    rows = table_of(figure)

    assert (drawn.MOST_POINTS, {"3"}) == (len(rows), {row["every"] for row in rows})


# --- folds, citation ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "mode", "draws", "said"),
    [
        ("plt.show()", "input", True, "Code of this figure"),
        ("numbers.record_table(x)", "all", False, "Recorded numbers"),
        ("import numpy as np\n\nx = 1", "input", False, "Imports and settings"),
        ("publish.table(x)", "input", False, "Code of this table"),
        ("x = 1", "input", False, "Code"),
    ],
)
def test_a_fold_says_what_it_holds(source, mode, draws, said):
    assert said == folds.said_of(source, mode, draws)


def test_parameters_are_folded_under_their_own_name():
    assert "Parameters: knobs to turn" == folds.said_of("x = 1", "input", False, ("parameters",))


@pytest.mark.parametrize(
    ("source", "folded"),
    [
        ('columns = {"x": "x [m]"}\npublish.table(rows, columns)', True),
        ("publish.table(\n    rows,\n)", True),
        ("publish.table(\n    {\n        1: 2,\n    }\n)\n", True),
        ("rows = publish.table(x)", False),
        ("publish.table(rows)\nrows", False),
        ("", False),
    ],
)
def test_code_that_ends_in_a_table_is_folded(source, folded):
    assert folded == folds.ends_in_a_table(source)


def test_the_citation_names_the_projects_authors_whole_and_persons_as_persons():
    entry = {
        "title": "A Book: when does CO2e matter?",
        "version": "1.2",
        "url": "https://example.org/book/",
        "date-released": date(2026, 11, 21),
        "authors": [
            {"name": "The Authors of It"},
            {"family-names": "Doe", "given-names": "Jo"},
        ],
    }

    written = take.bibtex(entry)

    assert "author       = {{The Authors of It} and Doe, Jo}" in written
    assert written.startswith("@misc{cleanhours2026,")
    assert r"{A Book}: when does {CO\textsubscript{2}e} matter?" in written
    assert "Version 1.2" in written
    assert "https://example.org/book/" in written


def test_an_edition_without_an_address_cites_none(monkeypatch):
    monkeypatch.delenv("BOOK_URL", raising=False)

    assert "url" not in take.bibtex(take.citation() | {"url": ""})


def test_numbers_of_one_pattern_do_not_answer_for_those_of_another():
    numbers = Numbers("sample")
    numbers.record_table({"first": 1.0}, "{} [.1f kJ]: energy, {}")
    names = claimed._names('numbers.record_table({"first": 1.0}, "{} [.1f kJ]: energy, {}")')

    assert any(p.fullmatch("first") for p in names)
