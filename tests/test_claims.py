"""No claim of a summary is wider than what was recorded of its numbers."""

import re
import sys
from pathlib import Path

import pytest

from helpers import datasets
from helpers.publish import Numbers, Scope

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import claims  # noqa: E402
import pipeline  # noqa: E402
import said  # noqa: E402

RECORD = said.Record.read(ROOT / "book" / "results")
PLACES = {zone: datasets.place(zone) for zone in (*datasets.zones(), "CAISO_PGE")}
SUMMARIES = ("index", "introduction", "discussion", "conclusion", "related_work", "README")


def page(name):
    if name == "README":
        return claims.as_roles((ROOT / "README.md").read_text(encoding="utf-8"))
    return (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")


def answer(chapter):
    first = pipeline.read_chapter(chapter).cells[0].source
    return re.search(r"\*\*Answer\.\*\*\n(.*?)\n\n", first, re.DOTALL)[1]


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_says_no_more_than_was_recorded(name):
    found = claims.claims(page(name), RECORD)

    assert found
    assert [] == [p for claim in found for p in claims.too_wide(claim, RECORD, PLACES)]


@pytest.mark.parametrize("chapter", pipeline.chapter_names())
def test_an_answer_says_no_more_than_was_recorded(chapter):
    found = claims.claims(answer(chapter), RECORD)

    assert found
    assert [] == [p for claim in found for p in claims.too_wide(claim, RECORD, PLACES)]


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_claim_of_a_summary_links_to_what_qualifies_it(name):
    labels = {
        label: chapter
        for chapter in pipeline.chapter_names()
        for label in re.findall(r"^# \(([\w-]+)\)=$", source(chapter), re.MULTILINE)
    }
    for claim in claims.claims(page(name), RECORD):
        linked = set(re.findall(r"\{doc\}`(\w+)`", claim.source))
        linked |= set(re.findall(r"\(book/(\w+)\.ipynb\)", claim.source))
        linked |= {labels.get(r) for r in re.findall(r"\{ref\}`([\w-]+)`", claim.source)}

        missing = claim.chapters - linked
        assert len(missing) < len(claim.chapters), claim.source  # its own chapter, at least
        assert not missing - {"workload_traces", "waiting_for_clean_power"}, claim.source


def source(chapter):
    return (ROOT / "chapters" / f"{chapter}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("chapter", pipeline.chapter_names())
def test_an_answer_is_short(chapter):
    text = said.prose(answer(chapter), RECORD)
    words = [w for w in said.plain(text, RECORD).split() if re.search(r"\w", w)]
    count = len(re.findall(r"\{num\}`", text))

    assert len(words) <= 60, len(words)
    assert count <= 4, count


# --- the judge itself ----------------------------------------------------------------------------


def record():
    numbers = Numbers("sample", Scope(("DE", "FR"), (2020,), 8, pauses="none", future="unknown"))
    numbers.record("saved", 3.3, "%", 1, "saved", scope={"load_percent": 70})
    one = {"grids": ("DE",), "weeks": 1, "future": "known"}
    numbers.record("possible", 9.9, "%", 1, "most that is possible", scope=one)
    numbers.record("paused", 9.0, "%", 1, "saved by pauses", scope={"pauses": "free"})
    return said.Record.of([numbers.as_dict()])


def judged(text):
    recorded = record()
    return [
        problem
        for claim in claims.claims(text, recorded)
        for problem in claims.too_wide(claim, recorded, {"DE": "Germany", "FR": "France"})
    ]


GOOD = "Over 8 weeks, the future unknown, holding jobs saves {num}`sample.saved` at a load of 70 %."
PROVEN = (
    "In one week in Germany in 2020 it is proven that no schedule without pauses, the future "
    "known, saves more than {num}`sample.possible`."
)


@pytest.mark.parametrize("text", [GOOD, PROVEN])
def test_a_claim_that_says_its_scope_passes(text):
    assert [] == judged(text)


@pytest.mark.parametrize(
    ("text", "said_of_it"),
    [
        (GOOD.replace(" at a load of 70 %", ""), "load"),
        (GOOD.replace("70 %", "30 %"), "load"),
        (GOOD.replace("the future unknown, ", ""), "future"),
        (GOOD.replace("8 weeks", "104 weeks"), "104 weeks"),
        (GOOD.replace("8 weeks", "12 grids"), "12 grids"),
        (GOOD.replace("holding jobs", "it"), "pauses"),
        (PROVEN.replace("In one week in Germany in 2020 it", "It"), "one week"),
        (PROVEN.replace("Germany", "France"), "place"),
        (PROVEN.replace("2020", "2019"), "year"),
        (PROVEN.replace(" without pauses", ""), "pauses"),
        ("Pauses save {num}`sample.paused`, the future unknown.", "pauses"),
    ],
)
def test_a_claim_wider_than_its_record_is_found(text, said_of_it):
    found = judged(text)

    assert found
    assert any(said_of_it in problem for problem in found)
