"""Editions of the book: which there are, side by side, and a feed of what changes between them.

* ``{editions}`` lists the editions that ``changelog.md`` tells of, each with its day.
* ``feed.xml`` tells the same to a feed reader (Atom, RFC 4287).
* ``BOOK_EDITIONS`` names a folder of packed editions, ``clean-hours-VERSION.tar.gz``, each the pages
  as they were published. They are laid beside the pages, under ``editions/VERSION``, and each of
  their pages says on top that it is of an earlier edition.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from markdown_it import MarkdownIt
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

FOLDER = "editions"
FEED = "feed.xml"
HEADING = re.compile(r"^## (?P<version>\d+\.\d+\.\d+), (?P<day>\d{1,2} \w+ \d{4})$", re.MULTILINE)
PACKED = re.compile(r"^clean-hours-(?P<version>\d+\.\d+\.\d+)\.tar\.gz$")
#: Names an entry for feed readers for ever, wherever the book is served.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "clean-hours.invalid")


@dataclass(frozen=True)
class Edition:
    """One edition: its version, its day, and what changed, as the changelog words it."""

    version: str
    day: datetime
    changed: str

    @property
    def anchor(self) -> str:
        """Return the place of its section on the page of changes."""
        return "version-" + self.version.replace(".", "-")


def editions(changelog: str) -> list[Edition]:
    """Return the editions that a changelog tells of, the newest first.

    Raises
    ------
    ExtensionError
        If a section's heading is not ``## VERSION, DAY MONTH YEAR``, or they are out of order.
    """
    for line in changelog.splitlines():
        if line.startswith("## ") and not HEADING.match(line):
            raise ExtensionError(
                f"changelog.md: {line!r} names no edition; write '## 1.2.3, 4 May 2026'"
            )
    found = list(HEADING.finditer(changelog))
    ends = [match.start() for match in found[1:]] + [len(changelog)]
    told = [
        Edition(
            match["version"],
            datetime.strptime(match["day"], "%d %B %Y").replace(tzinfo=UTC),
            re.sub(r"^\(version-[\d-]+\)=$", "", changelog[match.end() : end], flags=re.M).strip(),
        )
        for match, end in zip(found, ends, strict=True)
    ]
    order = [tuple(map(int, edition.version.split("."))) for edition in told]
    if order != sorted(order, reverse=True):
        raise ExtensionError("changelog.md: the newest edition comes first")
    return told


def _plain(changed: str) -> str:
    """Return what changed in words alone: roles of the book say their target or their text."""
    changed = re.sub(r"\{[\w:]+\}`([^`<]+?)\s*<[^`>]*>`", r"\1", changed)
    return re.sub(r"\{[\w:]+\}`([^`]+)`", r"\1", changed)


def _as_html(changed: str) -> str:
    """Return what changed as HTML, emphasis and lists kept, tags as text."""
    return MarkdownIt("commonmark", {"html": False}).render(_plain(changed))


def as_feed(told: list[Edition], title: str, author: str, address: str) -> str:
    """Return an Atom feed with an entry for each edition; links are relative without an address."""
    day = "%Y-%m-%dT%H:%M:%SZ"
    home = address or "index.html"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<id>{uuid.uuid5(NAMESPACE, 'feed').urn}</id>",
        f"<title>{escape(title)}: changes</title>",
        f"<author><name>{escape(author)}</name></author>",
        f"<updated>{told[0].day.strftime(day)}</updated>",
        f'<link rel="alternate" type="text/html" href="{escape(home)}"/>',
        f'<link rel="self" type="application/atom+xml" href="{escape(urljoin(address, FEED))}"/>',
    ]
    for edition in told:
        page = urljoin(address, f"changelog.html#{edition.anchor}")
        lines += [
            "<entry>",
            f"<id>{uuid.uuid5(NAMESPACE, edition.version).urn}</id>",
            f"<title>{escape(title)} {edition.version}</title>",
            f"<updated>{edition.day.strftime(day)}</updated>",
            f'<link rel="alternate" type="text/html" href="{escape(page)}"/>',
            f'<content type="html">{escape(_as_html(edition.changed))}</content>',
            "</entry>",
        ]
    return "\n".join([*lines, "</feed>", ""])


def packed(folder: Path) -> dict[str, Path]:
    """Return the packed editions of a folder by their version; other files there are passed by."""
    return {
        match["version"]: path
        for path in sorted(folder.iterdir())
        if (match := PACKED.match(path.name)) and path.is_file()
    }


def lay_beside(pages: Path, folder: Path, version: str) -> list[str]:
    """Unpack the earlier editions of a folder beside the pages; return their versions.

    Raises
    ------
    ExtensionError
        If an edition is damaged, reaches out of its folder, or holds no first page.
    """
    laid = []
    for earlier, path in packed(folder).items():
        if earlier == version:
            continue
        place = pages / FOLDER / earlier
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            with tarfile.open(path) as archive:
                archive.extractall(place, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            shutil.rmtree(place)
            raise ExtensionError(f"{path.name}: {error}; pack the edition again") from error
        if not (place / "index.html").is_file():
            shutil.rmtree(place)
            raise ExtensionError(
                f"{path.name}: no index.html at its top; pack what is in _build/html"
            )
        _say_so(place, earlier)
        laid.append(earlier)
    return laid


def _say_so(place: Path, version: str) -> None:
    """Have each page of an earlier edition say that it is one, and lead to the present one."""
    for page in place.rglob("*.html"):
        up = "../" * (len(page.relative_to(place).parts) + 1)
        said = (
            f'<p class="earlier-edition" role="note">This is edition {version}. '
            f'<a href="{up}index.html">The present edition</a></p>'
        )
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"(<body[^>]*>)", rf"\1{said}", text, count=1), encoding="utf-8")


class Editions(SphinxDirective):
    """The list of editions, the present one first."""

    def run(self):
        """Return a list with an item for each edition."""
        changelog = Path(self.env.srcdir, "changelog.md")
        self.env.note_dependency(str(changelog))
        folder = os.environ.get("BOOK_EDITIONS", "")
        here = packed(Path(folder)) if folder else {}
        items = []
        told = editions(changelog.read_text(encoding="utf-8"))
        for number, edition in enumerate(told):
            words = nodes.paragraph("", f"{edition.version}, {edition.day:%-d %B %Y}: ")
            if number == 0:
                words += nodes.Text("these pages")
            elif edition.version in here:
                target = f"{FOLDER}/{edition.version}/index.html"
                words += nodes.reference("", "its pages", refuri=target, internal=True)
            else:
                words += nodes.literal("", f"git checkout v{edition.version} && make book")
            items.append(nodes.list_item("", words))
        return [nodes.bullet_list("", *items)]


def publish(app, error) -> None:
    """Write the feed and lay the earlier editions beside the pages."""
    changelog = Path(app.srcdir, "changelog.md")  # a page of one run alone has none
    if error or app.builder.format != "html" or not changelog.is_file():
        return
    told = editions(changelog.read_text(encoding="utf-8"))
    address = app.config.html_baseurl or ""
    title = app.config.html_title or app.config.project
    Path(app.outdir, FEED).write_text(
        as_feed(told, title, app.config.author, address), encoding="utf-8"
    )
    if folder := os.environ.get("BOOK_EDITIONS", ""):
        lay_beside(Path(app.outdir), Path(folder), told[0].version)


def name_feed(app, pagename, templatename, context, doctree) -> None:
    """Tell a browser, on every page, where the feed is."""
    if not Path(app.srcdir, "changelog.md").is_file():
        return
    up = "../" * pagename.count("/")
    context["metatags"] = context.get("metatags", "") + (
        f'<link rel="alternate" type="application/atom+xml" title="Changes" href="{up}{FEED}">\n'
    )


def setup(app):
    """Register with Sphinx."""
    app.add_directive("editions", Editions)
    app.connect("html-page-context", name_feed)
    app.connect("build-finished", publish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
