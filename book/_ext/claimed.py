"""Claimed numbers in the text, by name, each with what it is and where it comes from.

* ``{num}`chapter.name``` writes a claimed number with its unit, anywhere in the book; an unknown
  name is a warning, and so an error in a strict build. In HTML it is a link: on a page of another
  chapter to the section that qualifies it, on its own page to its row in the table of all. The
  script ``claimed.js`` makes of it a card: meaning, interval, scope, cell, LaTeX macro, copy.
* ``{num-interval}`chapter.name``` writes its interval.
* ``{word}`chapter.name``` writes a recorded word: a place, a year, the name of a log.
* ``{numbers}`` lists every claimed number by chapter, with the cell that made it.
"""

from __future__ import annotations

import ast
import functools
import json
import pickle
import re
import sys
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import said

logger = logging.getLogger(__name__)
#: Where a claim of ``record_table`` ends and what it is begins: ``idle power [.1f W]: ...``.
CLAIM = re.compile(r"(?P<name>.+?) \[\.\d+f[^]]*\]: .+", re.DOTALL)
HOLE = "\0"
TABLE = "numbers"


def _results(srcdir: str) -> dict[str, dict]:
    """Return all claimed numbers by ``chapter.name``, in the order of the contents."""
    contents = Path(srcdir).parent.joinpath("_toc.yml").read_text(encoding="utf-8")
    numbers = {}
    paths = Path(srcdir, "results").glob("*.json")
    for path in sorted(paths, key=lambda path: contents.find(f"file: {path.stem}\n")):
        chapter = json.loads(path.read_text(encoding="utf-8"))
        for entry in chapter["numbers"]:
            numbers[f"{chapter['chapter']}.{entry['name']}"] = entry
    return numbers


def row_id(claim: str) -> str:
    """Return the anchor of a number's row in the table of all."""
    return "number-" + claim.replace(".", "-").replace("_", "-")


# --- where a number was recorded ------------------------------------------------------------


def _with_holes(node: ast.expr) -> str | None:
    """Return a string of the source, a hole where a value is filled in; None for no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{\d*\}", HOLE, node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else HOLE for p in node.values)
        return re.sub(r"\{\d*\}", HOLE, "".join(map(str, parts)))
    return None


def _names(source: str) -> list[re.Pattern]:
    """Return the patterns of the names that a cell may record.

    A string written as a claim names one, wherever it stands; where numbers are recorded, every
    string may be a name.
    """
    tree = ast.parse(source)
    records = re.search(r"\.record(_table)?\(", source)
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts_of_strings = {part for string in strings for part in string.values}
    texts = [_with_holes(node) for node in ast.walk(tree) if node not in parts_of_strings]
    found = []
    for text in filter(None, texts):
        claim = CLAIM.fullmatch(text)
        if claim or records:
            # Digits and unit may be filled in, too: what stands before them is the name.
            name = (claim["name"] if claim else text.partition(f" {HOLE}")[0]).replace(" ", "_")
            parts = [re.escape(part) for part in name.split(HOLE)]
            found.append(re.compile(".+".join(parts) + "(_low|_high)?"))
    return found


@functools.cache
def _recordings(path: str) -> list[tuple[int, list[re.Pattern]]]:
    """Return the place of each code cell of a notebook and the names that it may record."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return [
        (place, _names("".join(cell["source"])))
        for place, cell in enumerate(cells)
        if cell["cell_type"] == "code"
    ]


def recording_cell(path: str, name: str) -> int | None:
    """Return the place of the cell that records a number: the one that says most of its name."""
    fitting = [
        (len(pattern.pattern.replace(".+", "")), -place)
        for place, patterns in _recordings(path)
        for pattern in patterns
        if pattern.fullmatch(name)
    ]
    return -max(fitting)[1] if fitting else None


@functools.cache
def _sections(path: str, _seal: float) -> dict[int, str]:
    """Return, from a chapter's stored doctree, the anchor of the section that holds each cell."""
    found = {}
    for cell in pickle.loads(Path(path).read_bytes()).findall(nodes.container):
        if "cell_index" in cell:
            above = cell.parent
            while above is not None and not isinstance(above, nodes.section):
                above = above.parent
            if above is not None and above["ids"]:
                found[cell["cell_index"]] = above["ids"][0]
    return found


def mark_cells(app, doctree) -> None:
    """Give each cell of a notebook an anchor, ``cell-<place>``."""
    for cell in doctree.findall(nodes.container):
        if "cell" in cell["classes"] and "cell_index" in cell:
            cell["ids"].append(f"cell-{cell['cell_index']}")


# --- in the text ----------------------------------------------------------------------------


class number(nodes.inline):
    """A claimed number in the text: what it is, and where its links lead once these are known."""


def visit_number(self, node) -> None:
    """Open the link that says what a number is; a span where it leads nowhere."""
    data = {f"data-{key}": node["card"][key] for key in sorted(node.get("card", {}))}
    href = {"href": node["leads"]} if node.get("leads") else {}
    tag = "a" if href else "span"
    self.body.append(self.starttag(node, tag, "", title=node["hint"], **href, **data))
    self.context.append(f"</{tag}>")


def depart_number(self, node) -> None:
    """Close it."""
    self.body.append(self.context.pop())


def pass_number(self, node) -> None:
    """Write nothing around a number where there is no pointer (LaTeX, text)."""


def scope_words(scope: dict) -> list[str]:
    """Return what a number is about, a phrase for each part of its scope."""
    grids, weeks = scope.get("grids", []), scope.get("weeks", 0)
    pauses = {"none": "without pauses", "free": "free pauses", "charged": "with pauses"}
    future = {"known": "future known", "forecast": "by forecasts", "unknown": "future unknown"}
    said_of_it = [
        ", ".join(grids) if len(grids) < 6 else f"{len(grids)} grids",
        ", ".join(map(str, scope.get("years", []))),
        f"{weeks} week{'s' * (weeks > 1)}" if weeks else "",
        scope.get("jobs", ""),
        f"load {scope['load_percent']:.0f} %" if "load_percent" in scope else "",
        pauses.get(scope.get("pauses"), ""),
        future.get(scope.get("future"), ""),
    ]
    return [words for words in said_of_it if words]


class Num(SphinxRole):
    """A claimed number, with its unit: ``{num}`chapter.name```."""

    def run(self):
        """Return the number's node, or a warning where no chapter records it."""
        numbers = _results(self.env.srcdir)
        if self.text not in numbers:
            logger.warning(
                "no number named %r is recorded by any chapter",
                self.text,
                location=self.get_location(),
            )
            return [nodes.problematic(self.rawtext, self.rawtext)], []
        entry = numbers[self.text]
        scope = "; ".join(scope_words(entry.get("scope", {})))
        interval = ""
        if entry["interval"]:
            interval = f"{entry['level']:.0%} interval {entry['interval_text']}"
        card = {
            "claim": self.text,
            "meaning": entry["meaning"],
            "interval": interval,
            "scope": scope,
            "value": entry["text"],
        }
        hint = entry["meaning"] + (f" ({interval})" if interval else "")
        hint = "; ".join(filter(None, [hint, scope]))
        node = number(
            self.rawtext, self.shown(entry), classes=["num"], hint=hint, claim=self.text, card=card
        )
        return [node], []

    def shown(self, entry: dict) -> str:
        """Return what stands in the text."""
        return entry["text"]


class NumInterval(Num):
    """The interval of a claimed number: ``{num-interval}`chapter.name```."""

    def shown(self, entry: dict) -> str:
        """Return the interval, or a warning where the chapter gives none."""
        if not entry["interval"]:
            logger.warning("the number %r has no interval", self.text, location=self.get_location())
        return entry["interval_text"]


class Word(SphinxRole):
    """A recorded word: ``{word}`chapter.name```."""

    def run(self):
        """Return its text, or a warning where no chapter records it."""
        text = said.Record.read(Path(self.env.srcdir, "results")).text("word", self.text)
        if text is None:
            location = self.get_location()
            logger.warning(
                "no word named %r is recorded by any chapter", self.text, location=location
            )
            return [nodes.problematic(self.rawtext, self.rawtext)], []
        return [nodes.Text(text)], []


def link_claims(app, doctree, docname) -> None:
    """Tell each number in HTML where it leads: its section, its cell, its row in the table."""
    if app.builder.format != "html":
        return
    pages = app.env.found_docs
    for node in doctree.findall(number):
        chapter, _, name = node["claim"].partition(".")
        notebook = Path(app.srcdir, f"{chapter}.ipynb")
        row = f"{app.builder.get_relative_uri(docname, TABLE)}#{row_id(node['claim'])}"
        if TABLE in pages:
            node["leads"] = node["card"]["row"] = row
        if chapter not in pages or not notebook.exists():
            continue
        stored = Path(app.doctreedir, f"{chapter}.doctree")
        place = recording_cell(str(notebook), name)
        anchor = _sections(str(stored), stored.stat().st_mtime).get(place)
        page = app.builder.get_relative_uri(docname, chapter)
        if place is not None:
            node["card"]["cell"] = f"{page}#cell-{place}"
        if chapter != docname:
            node["leads"] = page + (f"#{anchor}" if anchor else "")


# --- the table of all -----------------------------------------------------------------------


class NumbersTable(SphinxDirective):
    """All claimed numbers, a section a chapter."""

    def run(self):
        """Return the sections."""
        chapters = groupby(
            _results(self.env.srcdir).items(), lambda item: item[0].partition(".")[0]
        )
        return [self._chapter(chapter, dict(numbers)) for chapter, numbers in chapters]

    def _chapter(self, chapter: str, numbers: dict[str, dict]) -> nodes.section:
        title = chapter.replace("_", " ").capitalize()
        section = nodes.section("", nodes.title("", title), ids=[f"numbers-of-{chapter}"])
        section["names"] = []
        link = addnodes.pending_xref(
            "",
            nodes.inline(text="the chapter"),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{chapter}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        text = f"{len(numbers)} number{'s' * (len(numbers) > 1)}, recorded by "
        section += nodes.paragraph("", "", nodes.Text(text), link, nodes.Text("."))
        group = nodes.tgroup(cols=3)
        for width in (28, 24, 48):
            group += nodes.colspec(colwidth=width)
        head = nodes.row("", *(nodes.entry("", nodes.paragraph(text=title)) for title in HEAD))
        body = nodes.tbody("", *(self._row(name, entry) for name, entry in numbers.items()))
        group += nodes.thead("", head)
        group += body
        section += nodes.table("", group, classes=["numbers"])
        return section

    def _row(self, claim: str, entry: dict) -> nodes.row:
        chapter, _, short = claim.partition(".")
        value = entry["text"] + (f" ({entry['interval_text']})" if entry["interval"] else "")
        notebook = Path(self.env.srcdir, f"{chapter}.ipynb")
        made_in = recording_cell(str(notebook), short) if notebook.exists() else None
        meaning = "; ".join([entry["meaning"], *scope_words(entry.get("scope", {}))])
        cells = (
            nodes.paragraph("", "", nodes.literal(text=short, made_in=(chapter, made_in))),
            nodes.paragraph(text=value),
            nodes.paragraph(text=meaning),
        )
        return nodes.row("", *(nodes.entry("", cell) for cell in cells), ids=[row_id(claim)])


HEAD = ("name", "value", "meaning")


def link_cells(app, doctree, docname) -> None:
    """Link the name of a number to the cell that recorded it, in HTML."""
    if app.builder.format != "html":
        return
    for literal in list(doctree.findall(nodes.literal)):
        chapter, place = literal.get("made_in", (None, None))
        if place is not None:
            uri = app.builder.get_relative_uri(docname, chapter) + f"#cell-{place}"
            link = nodes.reference("", "", internal=True, refuri=uri)
            link["reftitle"] = f"the cell of {chapter.replace('_', ' ')} that recorded it"
            literal.replace_self(link)
            link += literal


def setup(app):
    """Register with Sphinx."""
    nothing = (pass_number, pass_number)
    app.add_node(number, html=(visit_number, depart_number), latex=nothing, text=nothing)
    app.add_role("num", Num())
    app.add_role("num-interval", NumInterval())
    app.add_role("word", Word())
    app.add_directive("numbers", NumbersTable)
    app.connect("doctree-read", mark_cells)
    app.connect("doctree-resolved", link_cells)
    app.connect("doctree-resolved", link_claims)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
