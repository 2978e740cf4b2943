"""A chapter run with other parameters: a page in the book's look that says what is true of it."""

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import check_pages  # noqa: E402
import pipeline  # noqa: E402
import run_page  # noqa: E402

CHAPTER = """# %% [markdown]
# # A sample
#
# **Question.**
# Is noon clean?
#
# **Answer.**
# In {word}`sample.place` in {word}`sample.year` the mean is {num}`sample.mean` {cite}`hirth2018`.
# {if}`sample.noon_clean` Noon is clean.
# {if-not}`sample.noon_clean` Noon is dirty.
# {if}`in-book` Poland is the dirtiest.
# The other is {num}`sample.gone`.
# More in {doc}`carbon_intensity`, and $a^2$.

# %% tags=["parameters"]
zone = "DE"  # a grid
year = 2020

# %%
from helpers import datasets, publish
numbers = publish.Numbers("sample", publish.Scope((zone,), (year,)))
curve = datasets.carbon_intensity(zone, year).to_series(datasets.time_zone(zone))
numbers.word("place", datasets.place(zone), "the grid")
numbers.word("year", year, "the year")
numbers.record("mean", curve.mean(), "g/kWh", 0, "mean intensity")
noon = curve[curve.index.hour == 12].mean()
_ = numbers.fact("noon_clean", noon < curve.mean(), "noon is below the mean")

# %% mystnb={"figure": {"caption": "The year of {word}`sample.place`.", "name": "fig:sample"}, "image": {"alt": "A curve with a mean of {num}`sample.mean`."}}
import matplotlib.pyplot as plt
plt.plot(curve)
plt.show()

# %%
numbers
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the sample for a grid whose noon is its dirtiest hour; return the folder of its page."""
    from dataclasses import replace

    import numpy as np

    from helpers import datasets
    from helpers.carbon.sources import write_csv

    folder = tmp_path_factory.mktemp("run")
    (folder / "chapters").mkdir()
    (folder / "own" / "grids").mkdir(parents=True)
    german = datasets.carbon_intensity("DE", 2020)
    moved = np.roll(german.intensity_g_per_kwh, 12)  # its night at noon
    harbour = replace(german, intensity_g_per_kwh=moved, zone="HARBOUR", source="a test")
    target = folder / "own" / "grids" / "HARBOUR.csv"
    write_csv(harbour, target, time_zone="Europe/Berlin")
    (folder / "chapters" / "sample.py").write_text(CHAPTER, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "CHAPTERS", folder / "chapters")
        patch.setattr(pipeline, "ROOT", folder)
        patch.setenv("HELPERS_OWN_DATA", str(folder / "own"))
        pipeline.run("sample", ["zone=HARBOUR"])
    return folder / "runs"


@pytest.fixture(scope="module")
def page(ran):
    return check_pages.Page(ran / "sample-zone=HARBOUR.html")


def text(page):
    html = page.path.read_text(encoding="utf-8")
    article = html.partition("<article")[2].partition("</article>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", article)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_speaks_of_the_grid_it_was_run_for(page):
    said = text(page)

    assert re.search(r"In HARBOUR in 2020 the mean is \d+ g/kWh", said)
    assert "Germany" not in said
    assert "The year of HARBOUR." in said


def test_inferences_are_chosen_by_the_numbers_and_what_is_not_known_is_not_said(page):
    said = text(page)

    assert "Noon is dirty." in said
    assert "Noon is clean." not in said
    assert "Poland" not in said
    assert "The other is" not in said


def test_a_banner_names_the_parameters_of_the_run_beside_those_of_the_book(page):
    said = text(page)

    assert "A run of your own" in said
    assert "make run CHAPTER=sample" in said
    assert "zone is HARBOUR, in the book DE" in said


def test_the_page_is_in_the_books_look_with_its_roles_captions_and_alternative_texts(ran, page):
    html = page.path.read_text(encoding="utf-8")

    assert "_static/thesis.css" in html
    assert (ran / "_static" / "thesis.css").exists()
    assert 'class="num"' in html
    assert "{num}" not in html
    assert "{word}" not in html
    assert re.search(r'alt="A curve with a mean of \d+\sg/kWh\."', html)
    assert "figcaption" in html
    assert [] == page.without_text


def test_the_page_loads_nothing_from_another_host_and_all_it_loads_is_there(ran, page):
    local = [a for a in page.loaded if not a.startswith("data:")]

    assert [] == [a for a in page.loaded if check_pages.is_foreign(a)]
    assert [] == [a for a in local if not check_pages.target(page.path, a)[0].exists()]


def test_the_notebook_of_the_run_has_its_sentences_written_out(ran):
    notebook = nbformat.read(ran / "sample-zone=HARBOUR.ipynb", as_version=4)
    prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")

    assert "In HARBOUR in 2020" in prose
    assert "{" not in re.sub(r":::\{admonition\}", "", prose)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"zone": "FR", "year": 2019}, "c-zone=FR-year=2019"),
        ({"zones": ["FR", "PL"]}, "c-zones=FR+PL"),
        ({"day": "2020-01-01T00:00+02:00"}, "c-day=2020-01-01T00_00+02_00"),
        ({"trace": "../../etc"}, "c-trace=.._.._etc"),
        ({}, "c"),
    ],
)
def test_a_run_is_filed_under_a_name_that_is_safe_everywhere(parameters, name):
    assert name == run_page.label("c", parameters)


def test_what_the_chapter_recorded_is_kept_apart_from_the_books_results(ran):
    book = json.loads((ROOT / "book" / "results" / "carbon_intensity.json").read_text())

    assert "carbon_intensity" == book["chapter"]
    assert not (ROOT / "book" / "results" / "sample.json").exists()


@pytest.mark.real("chromium")
def test_in_a_browser_the_page_runs_without_an_error_and_asks_nobody(ran, tmp_path):
    from browser import open_page, serve

    with serve(ran) as address, open_page(tmp_path) as opened:
        opened.goto(f"{address}/sample-zone=HARBOUR.html")
        opened.wait_for_timeout(500)

        assert "A sample" in opened.title()
