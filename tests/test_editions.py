"""Editions of the book: told by the changelog, named alike everywhere, laid side by side."""

import io
import sys
import tarfile
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import editions  # noqa: E402

import helpers  # noqa: E402

ATOM = "{http://www.w3.org/2005/Atom}"
CHANGELOG = (ROOT / "book" / "changelog.md").read_text(encoding="utf-8")


def pack(path: Path, files: dict[str, str]) -> None:
    """Pack an edition with the files named."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def test_the_newest_edition_is_the_one_that_is_built_and_cited():
    newest = editions.editions(CHANGELOG)[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

    assert newest.version == helpers.__version__ == project["version"] == cited["version"]
    assert newest.day.date() == cited["date-released"]


def test_each_edition_has_the_place_that_its_links_lead_to():
    for edition in editions.editions(CHANGELOG):
        assert f"({edition.anchor})=\n## {edition.version}, " in CHANGELOG


@pytest.mark.parametrize("address", ["", "https://book.example/hours/"])
def test_the_feed_has_what_atom_asks_for(address):
    told = editions.editions(CHANGELOG)
    feed = ElementTree.fromstring(editions.as_feed(told, "Clean Hours", "Its authors", address))

    entries = feed.findall(f"{ATOM}entry")
    assert [f"Clean Hours {e.version}" for e in told] == [
        e.find(f"{ATOM}title").text for e in entries
    ]
    for part in (feed, *entries):
        assert part.find(f"{ATOM}id").text.startswith("urn:uuid:")
        assert part.find(f"{ATOM}updated").text.endswith("Z")
        assert part.find(f"{ATOM}link").get("href").startswith(address)
    ids = [part.find(f"{ATOM}id").text for part in (feed, *entries)]
    assert len(ids) == len(set(ids))


def test_the_feed_says_changes_in_words_without_roles():
    told = editions.editions(
        "## 1.0.0, 4 May 2026\n\n* {doc}`a page <x>` and {num}`a.b`, <b>`code`</b>\n"
    )
    feed = editions.as_feed(told, "T", "A", "")
    content = ElementTree.fromstring(feed).find(f"{ATOM}entry/{ATOM}content").text

    expected = "<li>a page and a.b, &lt;b&gt;<code>code</code>&lt;/b&gt;</li>"
    assert expected in content


@pytest.mark.parametrize(
    ("changelog", "message"),
    [
        ("## 0.4.0, in the making\n", "names no edition"),
        ("## 0.3.0, 1 May 2026\n\n## 0.4.0, 2 May 2026\n", "the newest edition comes first"),
    ],
)
def test_a_changelog_in_another_form_is_told(changelog, message):
    with pytest.raises(ExtensionError, match=message):
        editions.editions(changelog)


def test_earlier_editions_lie_beside_the_pages_and_say_so(tmp_path):
    kept, pages = tmp_path / "kept", tmp_path / "pages"
    kept.mkdir()
    page = '<html><body class="x"><p>Old</p></body></html>'
    pack(kept / "clean-hours-0.2.0.tar.gz", {"index.html": page, "howto/a.html": page})
    pack(kept / "clean-hours-0.3.0.tar.gz", {"index.html": page})
    (kept / "notes.txt").write_text("not an edition", encoding="utf-8")

    assert ["0.2.0"] == editions.lay_beside(pages, kept, "0.3.0")

    first = (pages / "editions" / "0.2.0" / "index.html").read_text(encoding="utf-8")
    assert '<body class="x"><p class="earlier-edition" role="note">This is edition 0.2.0.' in first
    assert 'href="../../index.html"' in first
    deeper = (pages / "editions" / "0.2.0" / "howto" / "a.html").read_text(encoding="utf-8")
    assert 'href="../../../index.html"' in deeper
    assert not (pages / "editions" / "0.3.0").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"../out.html": "x", "index.html": "x"}, "pack the edition again"),
        ({"a.html": "x"}, "no index"),
    ],
)
def test_an_edition_that_reaches_out_or_has_no_first_page_leaves_nothing(tmp_path, files, message):
    kept, pages = tmp_path / "kept", tmp_path / "pages"
    kept.mkdir()
    pack(kept / "clean-hours-0.2.0.tar.gz", files)

    with pytest.raises(ExtensionError, match=message):
        editions.lay_beside(pages, kept, "0.3.0")
    assert not (pages / "editions" / "0.2.0").exists()
    assert [] == list(tmp_path.rglob("out.html"))


def test_half_an_edition_is_told(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    path = kept / "clean-hours-0.2.0.tar.gz"
    pack(path, {"index.html": "x" * 10_000})
    path.write_bytes(path.read_bytes()[:60])

    with pytest.raises(ExtensionError, match="pack the edition again"):
        editions.lay_beside(tmp_path / "pages", kept, "0.3.0")
