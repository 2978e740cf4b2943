"""What inspects the built pages finds what is wrong with them."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

import check_pages  # noqa: E402
import pipeline  # noqa: E402

WORDS = "one word " * 40
GOOD = f'<h1>Title</h1><p id="here">{WORDS}</p><a href="#here">there</a>'


@pytest.fixture
def site(tmp_path):
    for name in pipeline.contents():
        page = tmp_path / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_whole_pages_have_no_problem(site):
    assert [] == check_pages.problems(site)


@pytest.mark.parametrize("name", ["index", next(n for n in pipeline.contents() if "/" in n)])
def test_a_missing_page_is_named(site, name):
    (site / f"{name}.html").unlink()

    assert check_pages.problems(site) == [f"{name}.html is missing, though _toc.yml names it."]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<h1>Title</h1>", "built empty"),
        (GOOD + '<script src="https://example.org/x.js"></script>', "another host"),
        (GOOD + '<img src="x.png">', "no alt text"),
        (GOOD + '<a href="gone.html">x</a>', "does not exist"),
        (GOOD + '<a href="numbers.html#gone">x</a>', "no such place"),
        (GOOD + "<p><a>16\xa0jobs</a> jobs wait</p>", "says a word twice: "),
    ],
)
def test_what_is_wrong_with_a_page_is_said(site, page, said):
    (site / "index.html").write_text(page, encoding="utf-8")

    found = check_pages.problems(site)

    assert len(found) == 1
    assert "index.html" in found[0]
    assert said in found[0]
