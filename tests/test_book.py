"""The book holds what its sources say: every chapter executed, every number proven."""

import json
import pkgutil
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import pipeline  # noqa: E402
import run_page  # noqa: E402
import said  # noqa: E402

import helpers  # noqa: E402
from helpers import datasets  # noqa: E402

CHAPTERS = pipeline.chapter_names()


def stored(name):
    return nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)


def pages():
    sources = [(ROOT / "book", "**/*.md"), (ROOT / "chapters", "*.py")]
    paths = [(path, path.relative_to(top)) for top, kind in sources for path in top.glob(kind)]
    return {name.with_suffix("").as_posix(): path.read_text("utf-8") for path, name in paths}


def test_every_chapter_and_every_page_stands_in_the_table_of_contents():
    listed = pipeline.contents()

    assert sorted(pages()) == sorted(listed)


def test_every_public_module_has_its_place_on_a_page():
    shown = [name for text in pages().values() for name in re.findall(r"automodule:: (\S+)", text)]
    modules = [m.name for m in pkgutil.walk_packages(helpers.__path__, "helpers.")]
    public = [name for name in modules if not re.search(r"\._", name)]

    assert sorted(public) == sorted(shown)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_stored_notebook_has_the_source_of_its_chapter(name):
    source, notebook = pipeline.read_chapter(name), stored(name)

    assert [(c.id, c.cell_type, c.source, c.metadata) for c in source.cells] == [
        (c.id, c.cell_type, c.source, c.metadata) for c in notebook.cells
    ]
    assert source.metadata == notebook.metadata


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_code_cell_was_executed_in_order(name):
    counts = [c.execution_count for c in stored(name).cells if c.cell_type == "code"]

    assert list(range(1, len(counts) + 1)) == counts


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_results_file_holds_just_what_the_notebook_shows(name):
    path = ROOT / "book" / "results" / f"{name}.json"

    assert pipeline.claimed_numbers(stored(name)) == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_figure_has_a_caption_a_name_and_alt_text(name):
    for cell in stored(name).cells:
        drawn = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        if drawn:
            settings = cell.metadata.get("mystnb", {})
            assert len(drawn) == 1, cell.id
            assert settings.get("figure", {}).get("caption"), cell.id
            assert settings["figure"].get("name", "").startswith("fig:"), cell.id
            assert len(settings.get("image", {}).get("alt", "")) > 30, cell.id


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_opens_with_question_answer_and_picture_and_has_knobs_to_turn(name):
    cells = stored(name).cells
    parts = ("# ", "**Question.**", "**Answer.**", "\n\n{opening}`fig:", "**You need.**")
    places = [cells[0].source.find(part) for part in parts]

    assert any("parameters" in c.metadata.get("tags", []) for c in cells)
    assert -1 not in places
    assert sorted(places) == places


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_needs_a_download_records_into_numbers_of_its_own(name):
    cells = [c for c in stored(name).cells if c.cell_type == "code"]
    tagged = [c for c in cells if "download" in c.metadata.get("tags", [])]

    for cell in tagged:  # or numbers shown by a cell that is always run would vanish with the file
        assert "\nnumbers.record" not in "\n" + re.sub(r"\n +", "\n", cell.source), cell.id


@pytest.mark.parametrize("name", CHAPTERS)
def test_outputs_hold_no_path_of_the_machine_that_made_them(name):
    text = "".join(
        str(o.get("text", "")) + str(o.get("data", {}).get("text/plain", ""))
        for c in stored(name).cells
        for o in c.get("outputs", [])
    )

    assert [] == re.findall(r"(?:/home/|/root/|/tmp/|/usr/|[A-Z]:\\)\S*", text)


@pytest.mark.parametrize(
    ("kind", "role"),
    [("numbers", "num(?:-interval)?"), ("words", "word"), ("facts", "if(?:-not)?")],
)
def test_what_is_named_in_prose_is_recorded(kind, role):
    recorded = {
        f"{path.stem}.{entry['name']}"
        for path in (ROOT / "book" / "results").glob("*.json")
        for entry in json.loads(path.read_text(encoding="utf-8")).get(kind, ())
    }
    pattern = rf"\{{{role}\}}`([\w.]+)`"  # the condition `in-book` is no recorded fact
    named = {m for text in pages().values() for m in re.findall(pattern, text)} - {"chapter.fact"}

    assert named
    assert set() == named - recorded


#: Quantities as words. Parts of the picture itself ("two panels") are no quantities of the data.
TYPED = re.compile(
    r"\b\d+(?!\d*th percentile)|per ?cent\b|\b(?:a|one|two|three) (?:half|third|quarter|fifth|tenth)s?\b|\btwice\b"
    r"|\btens of\b|\bhundreds?\b|\bthousands?\b|\b(?:two|three|ten|twelve|twenty) (?:grids|users)\b"
)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_quantities_of_an_alternative_text_are_recorded(name):
    for cell in pipeline.read_chapter(name).cells:
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")

        assert not TYPED.search(re.sub(r"\{[\w-]+\}`[^`]*`", "", alt)), alt


def references():
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    return dict(re.findall(r"^@\w+\{([^,\s]+),(.*?)^\}", text, re.DOTALL | re.MULTILINE))


def test_every_reference_says_where_to_find_it():
    address = re.compile(r"^\s*(doi|url)\s*=|\\url\{http", re.MULTILINE)

    assert [] == [key for key, fields in references().items() if not address.search(fields)]


def test_every_citation_is_in_the_references_and_every_reference_is_cited():
    roles = [m for t in pages().values() for m in re.findall(r"\{cite[:\w]*\}`([^`]+)`", t)]

    assert {key.strip() for keys in roles for key in keys.split(",")} == set(references())


def test_the_numbers_of_the_readme_are_those_recorded():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(pipeline.README_NUMBER.findall(text)) >= 6
    assert text == pipeline.with_numbers(text)


TEXTS = [ROOT / "README.md", *sorted((ROOT / "book").rglob("*.md"))]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_the_python_on_a_page_runs(path):
    names = {}  # a block may use what the blocks above it made
    # After nine trials a search has drawn at random and been proposed one: more take a minute.
    text = path.read_text(encoding="utf-8").replace("trials=30", "trials=9")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, path.name, "exec"), names)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_make_command_on_a_page_exists(path):
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(named) <= set(targets)


def test_no_results_file_is_left_over_from_a_chapter_that_is_gone():
    stored = {p.stem for p in (ROOT / "book" / "results").glob("*.json")}
    assert stored <= {*CHAPTERS, "benchmarks"}  # whose numbers `make bench` stores
    assert {p.stem for p in (ROOT / "book").glob("*.ipynb")} == set(CHAPTERS)


PLACES = {datasets.place(zone) for zone in datasets.zones()} | {"German", "French", "Polish"}


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_that_can_be_run_elsewhere_types_no_place_and_no_count_of_grids(name):
    cells = pipeline.read_chapter(name).cells
    if not {"zone", "zones"} & set(run_page.own_parameters(pipeline.read_chapter(name))):
        return
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    for cell in cells:
        settings = cell.metadata.get("mystnb", {})
        texts += [settings.get("figure", {}).get("caption", "")]
        texts += said.SENTENCE.split(settings.get("image", {}).get("alt", ""))
    outside = re.sub(r"```.*?```", "", "\n".join(texts), flags=re.DOTALL)
    lines = [li for li in outside.split("\n") if "`in-book`" not in li and "{cite" not in li]
    typed = re.compile(rf"\b(?:{'|'.join(sorted(PLACES))}|(?:ten|eleven|twelve|thirteen) grids)\b")

    assert [] == [line for line in lines if typed.search(re.sub(r"\{\w+\}`[^`]*`", "", line))]
