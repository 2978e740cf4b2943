"""Inspect the built pages as a reader's browser would: ``python book/check_pages.py _build/html``.

Every page of the contents is there and says what its source says; every link inside the book
leads to a page and a place that exist; nothing is loaded from another host; every picture has a
text; no page is heavier than a slow connection bears; no word stands twice in a row, as it does
where a number brings its unit and the sentence says it again. A book that was built empty fails.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pipeline

HEAVIEST_MB = 6.0  # a chapter with all its figures
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
REL_LOADED = {"stylesheet", "icon", "preload", "modulepreload", "manifest"}
UNREAD = {"script", "style", "pre", "code", "math"}  # what is no sentence of ours
IN_A_LINE = {"a", "abbr", "em", "i", "b", "span", "strong", "sub", "sup", "cite"}
TWICE = re.compile(r"\b([A-Za-z]{2,})[ \xa0]+\1\b(?!-)")
GENERATED = {"genindex.html", "search.html", "404.html", "_modules/index.html"}


@dataclass
class Page(HTMLParser):
    """What one built page holds."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    without_text: list[str] = field(default_factory=list)
    title: str = ""
    words: int = 0
    read: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside = ""
        self._silent = 0
        self._unread = 0
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note anchors, links, loads and pictures without text."""
        named = {key: value or "" for key, value in attrs}
        self.anchors |= {named[key] for key in ("id", "name") if named.get(key)}
        if tag == "a" and named.get("href"):
            self.links.append(named["href"])
        if tag == "img" and "alt" not in named:
            self.without_text.append(named.get("src", ""))
        rels = set(named.get("rel", "").split())
        if tag in LOADS and named.get(LOADS[tag]) and (tag != "link" or rels & REL_LOADED):
            self.loaded.append(named[LOADS[tag]])
        if tag in {"script", "style"}:
            self._silent += 1
        self._unread += tag in UNREAD
        if tag not in IN_A_LINE:
            self.read.append("\n")
        if tag == "h1" and not self.title:
            self._inside = "h1"

    def handle_endtag(self, tag: str) -> None:
        """Leave the heading."""
        if tag == "h1":
            self._inside = ""
        if tag in {"script", "style"}:
            self._silent -= 1
        self._unread -= tag in UNREAD
        if tag not in IN_A_LINE:
            self.read.append("\n")

    def handle_data(self, data: str) -> None:
        """Count words; keep the heading."""
        if self._silent:
            return
        self.words += len(data.split())
        if self._inside == "h1":
            self.title += data
        if not self._unread:
            self.read.append(data.replace("\n", " "))

    def twice(self) -> list[str]:
        """Return what stands around each word that stands twice in a row."""
        text = "".join(self.read)
        return [
            text[max(0, m.start() - 30) : m.end() + 30].replace("\n", " ").strip()
            for m in TWICE.finditer(text)
        ]


def is_foreign(address: str) -> bool:
    """Whether an address names another host."""
    return bool(urlsplit(address).netloc)


def target(page: Path, address: str) -> tuple[Path, str]:
    """Return the file and the anchor that a link on a page leads to."""
    parts = urlsplit(address)
    name = unquote(parts.path)
    return (page.parent / name).resolve() if name else page.resolve(), unquote(parts.fragment)


def problems(folder: Path) -> list[str]:
    """Return all that is wrong with the pages in a folder, a sentence each."""
    pages = {
        p.resolve(): Page(p) for p in sorted(folder.rglob("*.html")) if "_static" not in p.parts
    }
    found = []
    for name in pipeline.contents():
        path = (folder / f"{name}.html").resolve()
        if path not in pages:
            found.append(f"{name}.html is missing, though _toc.yml names it.")
        elif pages[path].words < 60 or not pages[path].title.strip():
            found.append(f"{name}.html holds {pages[path].words} words: it was built empty.")
    for path, page in pages.items():
        where = path.relative_to(folder.resolve())
        found += [f"{where} loads {a} from another host." for a in page.loaded if is_foreign(a)]
        found += [f"{where}: picture {a} has no alt text." for a in page.without_text]
        found += _broken(page, pages, str(where))
        if where.as_posix() not in GENERATED and not where.parts[0].startswith(("api", "_modules")):
            found += [f"{where} says a word twice: {around}" for around in page.twice()]
        weight = _weight(path, page)
        if weight > HEAVIEST_MB:
            found.append(
                f"{where} weighs {weight:.1f} MB with its pictures; at most {HEAVIEST_MB}."
            )
    return found


def _broken(page: Page, pages: dict[Path, Page], where: str) -> list[str]:
    found = []
    if where in GENERATED:
        return found
    for address in page.links:
        if is_foreign(address) or urlsplit(address).scheme or address == "#":
            continue
        path, anchor = target(page.path, address)
        if not path.exists():
            found.append(f"{where} links to {address}, which does not exist.")
        elif anchor and path in pages and anchor not in pages[path].anchors:
            found.append(f"{where} links to {address}: no such place on that page.")
    return found


def _weight(path: Path, page: Page) -> float:
    files = {target(path, a)[0] for a in page.loaded if not is_foreign(a) and ":" not in a}
    own = [p for p in files if p.suffix not in {".js", ".css"} and p.is_file()]
    return (path.stat().st_size + sum(p.stat().st_size for p in own)) / 1e6


def main(arguments: list[str]) -> int:
    """Print what is wrong; return 1 if anything is."""
    parser = argparse.ArgumentParser(description="Print what is wrong with built pages.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("_build/html"))
    folder = parser.parse_args(arguments).folder
    found = problems(folder)
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(pipeline.contents())} pages inspected in {folder.name}, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
