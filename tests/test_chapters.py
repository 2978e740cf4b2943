"""Chapters tell the story: short cells, no functions of their own, results as tables."""

import ast
import re
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import pipeline  # noqa: E402

LONGEST, MEDIAN = 20, 6  # lines of code in a cell


def faults(name: str) -> list[str]:
    """Return what a chapter's code cells do that a chapter should not."""
    cells = [c for c in pipeline.read_chapter(name).cells if c.cell_type == "code"]
    lengths = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in cells]
    found = [
        f"{cell.id} has {length} lines of at most {LONGEST}"
        for cell, length in zip(cells, lengths, strict=True)
        if length > LONGEST
    ]
    if median(lengths) > MEDIAN:
        found.append(f"half of the cells have over {median(lengths):g} lines, of at most {MEDIAN}")
    for cell in cells:
        nodes = list(ast.walk(ast.parse(cell.source)))
        if any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in nodes):
            found.append(f"{cell.id} defines what belongs into the package")
        called = {n.func.attr for n in nodes if isinstance(n, ast.Call) and hasattr(n.func, "attr")}
        if "to_string" in called:
            found.append(f"{cell.id} prints a table: show it with publish.table")
        if "record" in called:
            found.append(f"{cell.id} records single numbers: use numbers.record_table")
    return found


@pytest.mark.parametrize("name", sorted(pipeline.chapter_names()))
def test_a_chapter_has_short_cells_and_no_functions_and_shows_tables(name):
    assert [] == faults(name)


COLOR = re.compile(r"#[0-9A-Fa-f]{6}\b")


@pytest.mark.parametrize("name", pipeline.chapter_names())
def test_a_chapter_types_no_colour_but_greys_so_that_each_meaning_keeps_its_own(name):
    code = [c.source for c in pipeline.read_chapter(name).cells if c.cell_type == "code"]
    typed = {color for source in code for color in COLOR.findall(source)}

    assert set() == {c for c in typed if len({c[1:3], c[3:5], c[5:7]}) > 1}
