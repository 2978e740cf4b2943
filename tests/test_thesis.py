"""The numbers for LaTeX: the same as the chapters', typeset by a thesis that types none."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.publish import SIUNITX_UNITS, to_latex

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import pipeline  # noqa: E402

RESULTS = [
    json.loads((ROOT / "book" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    for name in sorted(pipeline.chapter_names())
]
NUMBERS_TEX = (ROOT / "book" / "results" / "numbers.tex").read_text(encoding="utf-8")
THESIS = (ROOT / "thesis" / "thesis.tex").read_text(encoding="utf-8")
FIELDS = re.compile(r"\{((?:[^{}\\]|\\.|\{[^{}]*\})*)\}")
#: Macros of siunitx that a unit may be made of (its manual, tables of units and prefixes).
KNOWN_TO_SIUNITX = r"""
\percent \byte \watt \joule \hertz \gram \kilogram \tonne \second \minute \hour \day
\gibi \tera \giga \mega \kilo \milli \micro
"""
#: What to install where the thesis cannot be compiled (names of Debian and Ubuntu).
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
PACKAGES = " ".join(re.findall(r"^TEX_PACKAGES := (.*)$", MAKEFILE, re.MULTILINE)[0].split())


def lines():
    """Return the eight fields of each number in numbers.tex, by chapter.name."""
    found = [
        FIELDS.findall(line)
        for line in NUMBERS_TEX.splitlines()
        if line.startswith(r"\cleanhours@number{")
    ]
    return {fields[0]: fields for fields in found}


def test_numbers_tex_is_what_the_chapters_claim():
    assert to_latex(RESULTS) == NUMBERS_TEX


def test_every_claimed_number_stands_once_in_numbers_tex_with_its_digits():
    claimed = {f"{c['chapter']}.{n['name']}": n for c in RESULTS for n in c["numbers"]}
    written = lines()

    assert list(claimed) == list(written)
    for name, number in claimed.items():
        assert 8 == len(written[name]), name
        shown = number["text"].split("\xa0")[0].replace(",", "").replace("\N{MINUS SIGN}", "-")
        assert shown == written[name][1], name


def test_every_unit_is_one_siunitx_knows_or_a_word():
    macros = {macro for unit in SIUNITX_UNITS.values() for macro in re.findall(r"\\[a-z]+", unit)}
    declared = set(re.findall(r"\\DeclareSIUnit(\\[a-z]+)", NUMBERS_TEX))
    siunitx = set(re.findall(r"\\[a-z]+", KNOWN_TO_SIUNITX))

    assert macros <= siunitx | declared
    for fields in lines().values():
        assert set(re.findall(r"\\[a-z]+", fields[2])) <= macros | {r"\per"}, fields
        assert re.fullmatch(r"(?:[a-z][a-z -]*)?", fields[3]), fields


def test_the_sample_thesis_names_only_numbers_and_figures_that_exist():
    asked = set(re.findall(r"\\cleanhours\w*\{([\w.]+)\}", THESIS))
    macros = set(re.findall(r"\\cleanhours[a-z]*", THESIS))
    figures = {f"{name}.pdf" for name in re.findall(r"\\includegraphics\[.*?\]\{(.*?)\}", THESIS)}

    assert asked
    assert asked <= set(lines())
    assert macros <= set(re.findall(r"(?:Command\*|command\*)(\\cleanhours[a-z]*)", NUMBERS_TEX))
    assert figures <= drawn_figures()


def test_the_sample_thesis_types_no_number_with_a_unit():
    text = re.sub(r"\\\w+\*?(?:\[[^]]*\])?\{[^{}]*\}", "", THESIS.split(r"\begin{document}")[1])

    assert [] == re.findall(r"\d+(?:\.\d+)?\s*(?:\\%|[a-zA-Z]+/)", text)


def drawn_figures():
    """Return the file name of each figure that a stored chapter draws."""
    import nbformat

    files = (ROOT / "book" / f"{name}.ipynb" for name in pipeline.chapter_names())
    books = (nbformat.read(path, as_version=4) for path in files)
    return {pipeline.figure_file(cell) for book in books for cell in book.cells} - {None}


# --- with TeX -----------------------------------------------------------------------------

needs_tex = pytest.mark.skipif(
    not shutil.which("latexmk"), reason=f"no TeX here: apt-get install {PACKAGES}"
)


def lacks(program, font=None):
    """Tell whether a TeX program, or the font that the thesis asks it for, is missing."""
    if not shutil.which(program):
        return True
    fonts = subprocess.run(["fc-list"], capture_output=True, text=True) if font else None
    return bool(font and font not in fonts.stdout)


ENGINES = [
    pytest.param(
        engine,
        marks=pytest.mark.skipif(
            lacks(program, font), reason=f"no {font or program} here: apt-get install {PACKAGES}"
        ),
    )
    for engine, program, font in (
        ("-pdf", "pdflatex", None),
        ("-xelatex", "xelatex", "TeX Gyre Pagella"),
    )
]


def compile_tex(folder, engine, text):
    """Compile a text in a copy of the repository's layout; return latexmk's result."""
    for part in ("thesis", "book/results", "_build/figures"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "thesis" / "thesis.tex").write_text(text, encoding="utf-8")
    (folder / "book" / "results" / "numbers.tex").write_text(NUMBERS_TEX, encoding="utf-8")
    figure = folder / "_build" / "figures" / "carbon-weeks.pdf"
    if (pipeline.FIGURES / figure.name).exists():
        shutil.copyfile(pipeline.FIGURES / figure.name, figure)
    else:
        draw(figure)
    command = ["latexmk", engine, "-interaction=nonstopmode", "-halt-on-error", "thesis.tex"]
    return subprocess.run(
        command, cwd=folder / "thesis", capture_output=True, text=True, errors="replace"
    )


def draw(path):
    """Draw any figure as PDF, without a date."""
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([0, 1], [0, 1])
    figure.savefig(path, metadata={"CreationDate": None})


def text_of(pdf):
    """Return the text of a PDF, spaces made one."""
    if not shutil.which("pdftotext"):
        pytest.skip("no pdftotext here: apt-get install poppler-utils")
    done = subprocess.run(
        ["pdftotext", str(pdf), "-"], capture_output=True, text=True, encoding="utf-8", check=True
    )
    return re.sub(r"\s+", " ", done.stdout)


def number(name):
    chapter, _, short = name.partition(".")
    numbers = next(c["numbers"] for c in RESULTS if c["chapter"] == chapter)
    return next(n for n in numbers if n["name"] == short)


@needs_tex
@pytest.mark.parametrize("engine", ENGINES)
def test_the_sample_thesis_compiles_and_shows_the_claimed_numbers(tmp_path, engine):
    done = compile_tex(tmp_path, engine, THESIS)

    assert 0 == done.returncode, done.stdout[-3000:]
    log = (tmp_path / "thesis" / "thesis.log").read_text(encoding="utf-8", errors="replace")
    assert [] == re.findall(r"^LaTeX Warning: (?:Reference|Citation|File).*", log, re.MULTILINE)
    text = text_of(tmp_path / "thesis" / "thesis.pdf")
    for name in ("carbon_intensity.low_decile", "workload_traces.jobs"):
        assert number(name)["text"].replace("\xa0", " ") in text


@needs_tex
def test_every_number_can_be_typeset_in_every_form(tmp_path):
    document = [r"\documentclass{article}\usepackage{siunitx}\input{../book/results/numbers}"]
    document.append(r"\begin{document}")
    for name, fields in lines().items():
        forms = ["", "full", "value", "meaning", "unit", "raw"]
        forms += ["interval", "level"] if fields[4] else []
        document += [rf"\cleanhours{form}{{{name}}}" for form in forms]
        document.append("")
    done = compile_tex(tmp_path, "-pdf", "\n".join([*document, r"\end{document}"]))

    assert 0 == done.returncode, done.stdout[-3000:]


@needs_tex
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (r"\cleanhours{carbon_intensity.meen}", "claims no number 'meen'"),
        (r"\cleanhours{carbon.mean}", "No chapter 'carbon'"),
        (r"\cleanhoursinterval{carbon_intensity.mean}", "without an interval"),
    ],
)
def test_a_number_nobody_claims_is_an_error_that_names_what_there_is(tmp_path, asked, message):
    document = (
        r"\documentclass{article}\usepackage{siunitx}\input{../book/results/numbers}"
        rf"\begin{{document}}{asked}\end{{document}}"
    )
    done = compile_tex(tmp_path, "-pdf", document)

    said = re.sub(r"\s*\n\(cleanhours\)\s*", " ", done.stdout).replace("\n", "")
    assert 0 != done.returncode
    assert message in said
    if "no number" in message:
        assert "mean, low_decile, high_decile" in said
