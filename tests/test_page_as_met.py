"""What a reader of a built page meets: the picture of the answer first, code folded by its kind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
CONF = """extensions = ["myst_nb", "figures", "opening", "folds"]
nb_execution_mode = "off"
numfig = True
"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def built(folder, first):
    """Return the page and what Sphinx said of a notebook with one figure and this first cell."""
    book = folder / "book"
    book.mkdir()
    drawing = new_code_cell("draw()", outputs=[new_output("display_data", {"image/png": PNG})])
    drawing.metadata["mystnb"] = {
        "figure": {"caption": "What is *seen*.", "name": "fig:dot"},
        "image": {"alt": "A dot."},
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    knobs = new_code_cell("zone = 'DE'", metadata={"tags": ["parameters"]})
    table = new_code_cell("rows = [1]\npublish.table(rows)")
    plain = new_code_cell("print(rows)")
    cells = [new_markdown_cell(first), knobs, drawing, table, plain]
    notebook = new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, book / "index.ipynb")
    (book / "conf.py").write_text(CONF)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(book), str(folder / "out")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "book" / "_ext")},
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, done.stderr
    return (folder / "out" / "index.html").read_text(encoding="utf-8"), done.stderr


def test_an_opening_picture_has_caption_and_alt_text_of_its_figure_and_leads_to_it(tmp_path):
    page, warned = built(tmp_path, "# A chapter\n\n{opening}`fig:dot`\n\nText.")

    opening = re.search(r'<figure class="opening.*?</figure>', page, re.DOTALL)[0]

    assert "" == warned
    assert 2 == page.count('alt="A dot."')
    assert "What is <em>seen</em>." in opening
    assert re.search(r'href="#fig-dot".*Fig. 1', opening, re.DOTALL)
    assert 1 == page.count('id="fig-dot"')


def test_parameters_and_code_of_tables_are_folded_under_their_names_and_no_other_code(tmp_path):
    page, _ = built(tmp_path, "# A chapter")

    assert 1 == page.count("Parameters: knobs to turn")
    assert 1 == page.count("Code of this table")
    assert 2 == page.count("<details")


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("# A chapter\n\n{opening}`fig:gone`", "no figure on this page is named 'fig:gone'"),
        ("# A chapter\n\nSee {opening}`fig:dot`", "stands alone, between empty lines"),
    ],
)
def test_an_opening_picture_that_cannot_be_shown_is_named(tmp_path, first, said):
    _, warned = built(tmp_path, first)

    assert said in warned
