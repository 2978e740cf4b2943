"""A chapter that nbval ran again and found the same counts as executed; any other does not."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import rerun
from rerun import pipeline  # lies in book/

PICTURE, OTHER = (base64.b64encode(text).decode() for text in (b"a picture", b"another"))


@pytest.fixture
def chapter():
    source = "%matplotlib inline"
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n in range(2)]
    for cell in cells:
        cell.metadata["mystnb"] = {"figure": {"name": f"fig:{cell.id}"}}
    return SimpleNamespace(
        path=Path("book/made_up.ipynb"), nb=nbformat.v4.new_notebook(cells=cells)
    )


@pytest.fixture
def kept(monkeypatch):
    calls = []
    monkeypatch.setattr(pipeline, "keep", lambda *arguments: calls.append(arguments))
    return calls


def drawn(picture: str) -> list:
    data = {"image/png": picture, "image/svg+xml": "<svg/>", "text/csv": "x,y\n"}
    return [nbformat.v4.new_output("display_data", data=dict(data))]


def stored(picture: str) -> list:
    return [nbformat.v4.new_output("display_data", data={"image/png": picture + "\n"})]


def ran(chapter, pictures, compare=lambda test, ref, skip: True):
    run = rerun.Rerun(chapter)
    Path(run.logs.name, "used").write_text("helpers/timeline.py\n", encoding="utf-8")
    for cell, picture in zip(chapter.nb.cells, pictures, strict=True):
        if picture:
            run.same(compare, cell, drawn(picture), stored(PICTURE))
    run.end()
    return run


def test_a_chapter_found_the_same_is_kept_with_its_figures(chapter, kept):
    ran(chapter, [PICTURE, PICTURE])

    [(name, used_and_read, missing, figures, seconds)] = kept
    assert ("made_up", ({"helpers/timeline.py"}, set()), []) == (name, used_and_read, missing)
    forms = [f"{cell}.{form}" for cell in ("cell-0", "cell-1") for form in ("csv", "svg")]
    assert forms == sorted(figures)
    assert seconds >= 0


@pytest.mark.parametrize("pictures", [[PICTURE, OTHER], [PICTURE, None]], ids=["other", "not run"])
def test_a_chapter_with_another_picture_or_a_cell_not_run_keeps_nothing(chapter, kept, pictures):
    ran(chapter, pictures)

    assert [] == kept


def test_a_chapter_with_other_outputs_keeps_nothing(chapter, kept):
    ran(chapter, [PICTURE, PICTURE], compare=lambda test, ref, skip: False)

    assert [] == kept


def test_a_comparison_sees_no_form_of_a_figure_that_notebooks_do_not_store(chapter, kept):
    seen = []
    ran(chapter, [PICTURE, PICTURE], lambda test, ref, skip: seen.extend(test) or True)

    assert [{"image/png"}] * 2 == [set(output.data) for output in seen]


def test_a_cell_whose_outputs_are_not_compared_counts_when_it_has_run(chapter, kept):
    run = rerun.Rerun(chapter)
    Path(run.logs.name, "used").write_text("helpers/timeline.py\n", encoding="utf-8")
    first, second = chapter.nb.cells
    run.same(lambda test, ref, skip: True, first, drawn(PICTURE), stored(PICTURE))
    run.ran(second, drawn(OTHER))
    run.end()

    assert ["cell-0.csv", "cell-0.svg", "cell-1.csv", "cell-1.svg"] == sorted(kept[0][3])


def test_what_a_compiler_keeps_is_no_input_of_a_chapter(tmp_path):
    root, logs = tmp_path / "repository", tmp_path / "logs"
    for name in ("helpers/__pycache__/loop.nbi", "helpers/words.txt"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("kept", encoding="utf-8")
    logs.mkdir()
    opened = "for n in ('__pycache__/loop.nbi', 'words.txt'): open(f'helpers/{n}').close()"
    with pipeline.recorded(logs):
        environment = dict(os.environ) | {"CLEAN_HOURS_ROOT": str(root)}
        subprocess.run([sys.executable, "-c", opened], cwd=root, env=environment, check=True)

    assert {"helpers/words.txt"} == pipeline.what_it_used(logs)[0]
