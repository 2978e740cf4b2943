"""The printed book: what LaTeX gets to set, judged on a book of three pages."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.publish import Numbers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import printed  # noqa: E402

TOC = """format: jb-book
root: index
parts:
  - caption: Before
    chapters: [{file: how}]
  - caption: What is measured
    numbered: true
    chapters: [{file: sample}]
  - caption: Appendix
    chapters: [{file: numbers}]
"""
CONF = """extensions = ["sphinx.ext.autodoc", "sphinx_external_toc", "myst_nb", "thesis", "claimed", "opening", "printed"]
external_toc_path = "../_toc.yml"
nb_execution_mode = "off"
latex_engine = "xelatex"
numfig = True
suppress_warnings = ["mystnb.unknown_mime_type"]
"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def code(source, tags=(), outputs=(), figure=None):
    cell = new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})
    if figure:
        caption = {"caption": f"The caption of {figure}. Left: more.", "name": f"fig:{figure}"}
        cell.metadata["mystnb"] = {"figure": caption, "image": {"alt": "A dot."}}
        cell.outputs = [new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"})]
    return cell


def chapter():
    numbers = Numbers("sample")
    numbers.record("long_name_of_it", 1.5, unit="W", digits=1, meaning="power", interval=(1, 2))
    shown = new_output("execute_result", numbers._repr_mimebundle_(), execution_count=1)
    cells = [
        new_markdown_cell(
            "# A chapter\n\n{opening}`fig:dot`\n\nIt is {num}`sample.long_name_of_it`, {numref}`fig:dot`."
        ),
        code("seen = 'shown code'", outputs=[new_output("stream", text="printed text\n")]),
        code("hidden = 'folded input'", ["hide-input"], figure="dot"),
        code("hidden = 'folded input too'", ["hide-input"], figure="drawn"),
        code("hidden = 'folded cell'", ["hide-cell"], [new_output("stream", text="folded text\n")]),
        code("numbers", outputs=[shown]),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    return numbers, new_notebook(cells=cells, metadata=kernel | {"book": {}})


@pytest.fixture(scope="module")
def tex(tmp_path_factory):
    """The LaTeX of a small book, made by the book's own extensions."""
    root = tmp_path_factory.mktemp("printed")
    book = root / "book"
    numbers, notebook = chapter()
    for folder in ("results", "_ext", "../chapters", "../_build/figures"):
        (book / folder).mkdir(parents=True)
    (root / "_toc.yml").write_text(TOC)
    (root / "chapters" / "sample.py").write_text("")
    (root / "_build" / "figures" / "drawn.pdf").write_bytes(b"%PDF-1.4")
    shutil.copy(ROOT / "CITATION.cff", root)
    shutil.copy(ROOT / "book" / "_ext" / "printed.sty", book / "_ext")
    (book / "conf.py").write_text(CONF)
    (book / "index.md").write_text("# Clean Hours\n\nThe question.\n\n## What was found\n\nMuch.\n")
    rows = "".join(f"| Q{i} | {'why ' * 20} | {'because ' * 40} |\n" for i in range(12))
    tables = f"| a | b |\n|--|--|\n| 1 | 2 |\n\n| no. | question | answer |\n|--|--|--|\n{rows}"
    text = f"# How to read\n\nFrom the left, as `a/very_long.name`.\n\n{tables}"
    (book / "how.md").write_text(text)
    (book / "numbers.md").write_text("# Every number\n\n```{numbers}\n```\n")
    (book / "results" / "sample.json").write_text(json.dumps(numbers.as_dict()))
    nbformat.write(notebook, book / "sample.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "latex", str(book), str(root / "out")],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'book' / '_ext'}"},
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, done.stderr
    return next((root / "out").glob("*.tex")).read_text(encoding="utf-8")


def test_what_is_folded_on_the_page_is_left_out_but_for_its_figure(tex):
    assert "shown code" in tex
    assert "printed text" in tex
    assert "folded" not in tex
    assert 2 == tex.count(r"\begin{figure}")


def test_a_table_longer_than_a_page_may_break_and_a_short_one_stays_together(tex):
    before, long = tex.split(r"\begin{longtable}", 1)

    assert r"\begin{tabulary}" in before
    assert long.startswith(r"{\X{5}{125}\X{60}{125}\X{60}{125}}")
    assert "Q11" in long


def test_a_figure_drawn_as_pdf_is_set_as_pdf_and_else_as_png(tex):
    assert r"{drawn}.pdf" in tex
    assert 1 == tex.count(".png}")


def test_the_list_of_figures_takes_the_first_sentence_of_a_caption(tex):
    assert r"\caption[{The caption of dot}]{The caption of dot. Left: more.}" in tex


def test_the_landing_page_is_a_chapter_and_parts_begin_with_their_titles(tex):
    order = [
        r"\cleanhoursunnumbered",
        r"\chapter{In short}",
        r"\section{What was found}",
        r"\chapter{How to read}",
        r"\cleanhoursnumbered\cleanhourspart{What is measured}",
        r"\chapter{A chapter}",
        r"\cleanhoursappendix\cleanhourspart{Appendix}",
        r"\chapter{Every number}",
    ]

    assert sorted(order, key=tex.index) == order


def test_a_chapter_points_at_the_appendix_instead_of_listing_its_numbers(tex):
    assert 1 == tex.count("power")
    assert r"\pageref{\detokenize{numbers::doc}}" in tex


def test_numbers_keep_their_value_in_the_text_and_their_chapter_in_the_table(tex):
    assert "It is 1.5 W" in tex.replace("\xa0", " ").replace("~", " ")
    assert r"\multicolumn{3}" in tex
    assert "1.5 W (1.0 to 2.0)" in tex.replace("\xa0", " ").replace("~", " ")


def test_long_names_may_break_where_their_parts_meet(tex):
    mark = "\N{ZERO WIDTH SPACE}"

    assert rf"a/{mark}very\_{mark}long.{mark}name" in tex


@pytest.mark.parametrize(
    ("caption", "short"),
    [
        ("One. Two.", "One"),
        ("A share of 2.5 % and more", "A share of 2.5 % and more"),
        ("Ends here.", "Ends here"),
    ],
)
def test_the_first_sentence_ends_at_a_full_stop_not_at_a_decimal_point(caption, short):
    assert short == printed.first_sentence(caption)


def test_the_title_page_takes_question_and_edition_from_the_citation_file(tex):
    assert r"\newcommand{\cleanhoursquestion}{When should a batch job run" in tex
    assert r"\newcommand{\cleanhoursversion}{" in tex


def test_every_style_command_that_the_pages_use_is_defined():
    style = (ROOT / "book" / "_ext" / "printed.sty").read_text(encoding="utf-8")
    used = (ROOT / "book" / "_ext" / "printed.py").read_text(encoding="utf-8")
    used += (ROOT / "_config.yml").read_text(encoding="utf-8")
    given = {"cleanhoursquestion", "cleanhoursversion"}  # by printed.py, from CITATION.cff
    named = set(re.findall(r"\\(cleanhours[a-z]+)", used)) - given

    assert named
    assert named <= set(re.findall(r"command\*?\{\\(cleanhours[a-z]+)\}", style))
