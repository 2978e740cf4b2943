"""From chapters to notebooks: what is executed, what is kept, what is refused."""

import json
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import pipeline  # noqa: E402

CHAPTER = """# ---
# jupyter:
#   book:
#     downloads: [far-away]
# ---
# %% [markdown]
# # A chapter
# %% tags=["parameters"]
zone = "DE"
year = 2020
# %%
from helpers import publish
import helpers.lazy
numbers = publish.Numbers("sample")
# %% tags=["download"]
print("downloaded")
# %%
numbers.record("one", 1, unit="W", digits=0, meaning="one watt")
numbers
"""

# A room that loads its modules on first use, as some of the real ones do.
HELPERS = {
    "helpers/__init__.py": "",
    "helpers/lazy/__init__.py": """
import importlib
def __getattr__(name):
    return importlib.import_module(f"{__name__}.{name}")
""",
    "helpers/lazy/wanted.py": "from helpers.deep import down\n",
    "helpers/lazy/unwanted.py": "",
    "helpers/deep/down.py": "",
    "helpers/deep/in_worker.py": "",
    "helpers/work.py": """
def work(name):
    import helpers.deep.in_worker
    return name
""",
    "tests/fixtures/judge.csv": "1\n",
    "tests/fixtures/other.csv": "1\n",
}
USES = """# %%
helpers.lazy.wanted
open("../tests/fixtures/judge.csv").close()
# %%
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from helpers.work import work
with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
    print(*pool.map(work, ["done"]))
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A repository of one chapter, with the real `publish` among helpers made for the purpose."""
    for name in ("ROOT", "BOOK", "CHAPTERS", "STATE", "FIGURES"):
        folder = getattr(pipeline, name).relative_to(ROOT)
        monkeypatch.setattr(pipeline, name, tmp_path / folder)
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "requirements.lock").write_text("numpy==2.0.0\n")
    (tmp_path / "helpers").mkdir()
    for file, content in HELPERS.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(content)
    shutil.copy(ROOT / "helpers" / "publish.py", tmp_path / "helpers")
    (tmp_path / "chapters" / "sample.py").write_text(CHAPTER)
    monkeypatch.setattr(pipeline, "__file__", str(tmp_path / "requirements.lock"))
    return tmp_path


def at_hand(monkeypatch, present):
    missing = [] if present else ["far-away"]
    monkeypatch.setattr(pipeline, "missing_downloads", lambda notebook: missing)


def outputs(book):
    cells = nbformat.read(book / "book" / "sample.ipynb", as_version=4).cells
    return [cell.outputs for cell in cells if cell.cell_type == "code"]


def test_executing_stores_the_notebook_and_the_numbers_it_claims(book, monkeypatch):
    at_hand(monkeypatch, True)

    assert pipeline.execute("sample").startswith("executed")

    stored = json.loads((book / "book" / "results" / "sample.json").read_text())
    assert [("one", 1.0, "W")] == [(n["name"], n["value"], n["unit"]) for n in stored["numbers"]]
    assert "downloaded\n" == outputs(book)[2][0].text


def test_executing_twice_gives_the_same_bytes(book, monkeypatch):
    at_hand(monkeypatch, True)
    pipeline.execute("sample")
    first = (book / "book" / "sample.ipynb").read_bytes()

    pipeline.execute("sample", force=True)

    assert first == (book / "book" / "sample.ipynb").read_bytes()


CHANGES_IT = [
    "chapters/sample.py",
    "helpers/__init__.py",
    "helpers/publish.py",
    "helpers/lazy/__init__.py",
    "helpers/lazy/wanted.py",
    "helpers/deep/down.py",
    "helpers/deep/in_worker.py",
    "requirements.lock",
    "tests/fixtures/judge.csv",
]
CHANGES_NOTHING = ["helpers/lazy/unwanted.py", "tests/fixtures/other.csv"]


def test_a_chapter_runs_again_only_when_something_its_run_used_changed(book, monkeypatch):
    at_hand(monkeypatch, True)
    with (book / "chapters" / "sample.py").open("a") as file:
        file.write(USES)
    pipeline.execute("sample")

    outdates_it = []
    for changed in [*CHANGES_IT, *CHANGES_NOTHING]:
        before = (book / changed).read_bytes()
        (book / changed).write_bytes(before + b"\n# changed\n")
        if not pipeline.is_current("sample", []):
            outdates_it.append(changed)
        (book / changed).write_bytes(before)

    assert CHANGES_IT == outdates_it
    assert "unchanged" == pipeline.execute("sample")


def test_a_changed_chapter_runs_again(book, monkeypatch):
    at_hand(monkeypatch, True)
    pipeline.execute("sample")
    with (book / "helpers" / "publish.py").open("a") as file:
        file.write("\n# changed\n")

    assert pipeline.execute("sample").startswith("executed")


def test_another_file_recorded_for_a_download_outdates_what_read_it(book, monkeypatch):
    read = "import os; print('far/away.csv', file=open(os.environ['HELPERS_READ_LOG'], 'a'))\n"
    at_hand(monkeypatch, True)
    with (book / "chapters" / "sample.py").open("a") as file:
        file.write(read)
    (book / "data").mkdir()
    record = book / "data" / "downloads.txt"
    record.write_text("far/away.csv 01ab 5 https://example.org/a\n")
    pipeline.execute("sample")

    record.write_text(f"another.csv 02cd 5 https://example.org/b\n{record.read_text()}")
    assert pipeline.is_current("sample", [])
    record.write_text("far/away.csv 03ef 5 https://example.org/a\n")
    assert not pipeline.is_current("sample", [])


def test_a_notebook_edited_by_hand_is_made_again(book, monkeypatch):
    at_hand(monkeypatch, True)
    pipeline.execute("sample")
    path = book / "book" / "sample.ipynb"
    path.write_text(path.read_text().replace("downloaded", "forged"))

    assert pipeline.execute("sample").startswith("executed")
    assert "forged" not in path.read_text()


def test_without_its_download_a_section_keeps_its_stored_outputs(book, monkeypatch):
    at_hand(monkeypatch, True)
    pipeline.execute("sample")
    at_hand(monkeypatch, False)

    assert "1 cells kept: no far-away" in pipeline.execute("sample")
    assert "downloaded\n" == outputs(book)[2][0].text
    assert "unchanged" == pipeline.execute("sample")


def test_a_changed_section_without_its_download_is_refused(book, monkeypatch):
    at_hand(monkeypatch, True)
    pipeline.execute("sample")
    at_hand(monkeypatch, False)
    source = book / "chapters" / "sample.py"
    source.write_text(source.read_text().replace('"downloaded"', '"changed"'))

    with pytest.raises(RuntimeError, match="needs a download"):
        pipeline.execute("sample")


def test_a_chapter_that_warns_is_refused_and_the_stored_notebook_stays(book, monkeypatch):
    at_hand(monkeypatch, True)
    source = book / "chapters" / "sample.py"
    source.write_text(
        source.read_text().replace("numbers = ", "import warnings; warnings.warn('w'); numbers = ")
    )

    with pytest.raises(RuntimeError, match="wrote to stderr"):
        pipeline.execute("sample")
    assert not (book / "book" / "sample.ipynb").exists()


FIGURE = """
# %% mystnb={"figure": {"name": "fig:two-weeks"}}
import matplotlib.pyplot as plt
plt.plot([0, 1])
plt.show()
"""


def test_a_figure_is_kept_as_png_in_the_notebook_and_as_pdf_by_its_name(book, monkeypatch):
    at_hand(monkeypatch, True)
    with (book / "chapters" / "sample.py").open("a") as file:
        file.write(FIGURE)
    pdf = book / "_build" / "figures" / "two-weeks.pdf"
    pipeline.execute("sample")
    first = pdf.read_bytes()

    assert {"image/png", "text/plain"} == set(outputs(book)[-1][0].data)
    assert first.startswith(b"%PDF")
    assert b"CreationDate" not in first
    assert "unchanged" == pipeline.execute("sample")
    pdf.unlink()
    assert pipeline.execute("sample").startswith("executed")
    assert first == pdf.read_bytes()


def test_the_numbers_for_latex_are_those_of_the_chapters_in_the_contents(book, monkeypatch):
    at_hand(monkeypatch, True)
    (book / "_toc.yml").write_text("root: index\nparts: [{chapters: [{file: sample}]}]\n")
    pipeline.execute("sample")
    (book / "book" / "results" / "draft.json").write_text("{}")

    written = pipeline.write_numbers()

    assert book / "book" / "results" / "numbers.tex" == written
    assert r"\cleanhours@number{sample.one}{1}{\watt}" in written.read_text(encoding="utf-8")


def test_parameters_are_checked_against_the_chapters_own(book):
    chapter = pipeline.read_chapter("sample")

    assert {"zone": "FR", "year": 2019} == pipeline.parse_parameters(
        ["zone=FR", "year=2019"], chapter
    )
    with pytest.raises(SystemExit, match="a name of zone, year"):
        pipeline.parse_parameters(["region=FR"], chapter)


def test_a_chapter_that_does_not_exist_is_named_with_those_that_do(book):
    with pytest.raises(SystemExit, match="choose one of sample"):
        pipeline.read_chapter("nowhere")


def test_memory_addresses_are_cleaned_from_text_outputs():
    cell = new_code_cell(
        "x", outputs=[new_output("execute_result", {"text/plain": "<o at 0x7f1a>"})]
    )
    notebook = new_notebook(cells=[cell])

    pipeline.clean(notebook, ["c-000"])

    assert "<o at 0x0>" == cell.outputs[0].data["text/plain"]


def test_what_was_printed_in_parts_is_stored_as_one():
    parts = [new_output("stream", name="stdout", text=text) for text in ("a\n", "b\n")]
    cell = new_code_cell("x", outputs=parts)

    pipeline.clean(new_notebook(cells=[cell]), ["c-000"])

    assert [output.text for output in cell.outputs] == ["a\nb\n"]


@pytest.mark.parametrize("name", pipeline.chapter_names())
def test_every_parameter_of_a_chapter_can_be_set(name):
    chapter = pipeline.read_chapter(name)
    cell = next(c for c in chapter.cells if "parameters" in c.metadata.get("tags", []))
    assigned = [line.partition(" = ")[0] for line in cell.source.splitlines() if " = " in line]
    known = [name for names in assigned for name in names.split(", ")]

    assert set(known) == set(pipeline.parse_parameters([f"{k}=1" for k in known], chapter))


SECTION = """# %% tags=["download"]
far = publish.Numbers("sample")
far.record("two", 2, unit="W", digits=0, meaning="two watts")
far
"""


def test_a_section_without_its_download_keeps_the_numbers_it_claims(book, monkeypatch):
    source = book / "chapters" / "sample.py"
    source.write_text(CHAPTER.replace("# %%\nnumbers.record", SECTION + "# %%\nnumbers.record"))
    at_hand(monkeypatch, True)
    pipeline.execute("sample")
    with_download = (book / "book" / "results" / "sample.json").read_bytes()
    at_hand(monkeypatch, False)
    pipeline.execute("sample")

    assert with_download == (book / "book" / "results" / "sample.json").read_bytes()
    assert {"one", "two"} == {number["name"] for number in json.loads(with_download)["numbers"]}


def test_running_a_chapter_with_a_value_it_refuses_shows_the_reason_alone(book, monkeypatch):
    at_hand(monkeypatch, True)
    source = book / "chapters" / "sample.py"
    source.write_text(CHAPTER + 'raise ValueError(f"zone is {zone!r}; known are DE.")\n')

    with pytest.raises(SystemExit, match=r"^chapter sample stopped: zone is 'XX'; known are DE\.$"):
        pipeline.run("sample", ["zone=XX"])
    assert not (book / "runs").exists()


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("zone=NO", "NO"),  # not the truth value that YAML sees in it
        ("day=2020-02-01", "2020-02-01"),
        ("zones=[DE, NO]", ["DE", "NO"]),
        ("zones=NO", ["NO"]),
        ("year=2019", 2019),
        ("share=1e-3", 0.001),
        ("high=3.5", 3.5),
        ("draw=false", False),
    ],
)
def test_a_parameter_is_read_as_what_it_replaces(pair, value):
    cell = new_code_cell(
        'zone, day = "DE", "2020-01-18"\nzones = ["DE"]\nyear = 2020\nshare = 0.1\n'
        "low, high = 1, 2\ndraw = True",
        metadata={"tags": ["parameters"]},
    )
    read = pipeline.parse_parameters([pair], new_notebook(cells=[cell]))
    assert {pair.partition("=")[0]: value} == read
    assert type(value) is type(next(iter(read.values())))


@pytest.mark.parametrize("pair", ["year=abc", "year=", "year=[1]"])
def test_a_parameter_of_another_form_is_refused(book, pair):
    source = pipeline.read_chapter("sample")
    with pytest.raises(SystemExit, match="year must be of the form 2020"):
        pipeline.parse_parameters([pair], source)
