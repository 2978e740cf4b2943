"""What this book adds to Sphinx: numbers by name, notices, and scripts served from here.

* ``{num}`chapter.name``` writes a claimed number with its unit, anywhere in the book; an unknown
  name is a warning, and so an error in a strict build. On a page of another chapter the number
  leads to the section that qualifies it.
* ``{word}`chapter.name``` writes a recorded word: a place, a year, the name of a log.
* Lines that begin with a condition are said or not (`book/said.py`).
* ``{chapter-figure} chapter fig:name`` shows a chapter's figure on another page, with its alt text.
* ``{num-interval}`chapter.name``` writes its interval.
* ``{numbers}`` lists every claimed number with the page that proves it and the cell that made it.
* A chapter that needs downloads names them, with size and address, at its top.
* A chapter whose downloads were not at hand says, at its top, that stored outputs are shown.
* Each chapter says at its end which source made it and how to run it again.
* MathJax is served from the installed package, not from another host.
"""

from __future__ import annotations

import ast
import base64
import functools
import hashlib
import importlib.metadata
import json
import os
import pickle
import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import said

logger = logging.getLogger(__name__)
MATHJAX_PARTS = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2/", "input/tex/extensions/")


def _results(srcdir: str) -> dict[str, dict]:
    """Return all claimed numbers by ``chapter.name``, in the order of the contents."""
    contents = Path(srcdir).parent.joinpath("_toc.yml").read_text(encoding="utf-8")
    numbers = {}
    paths = Path(srcdir, "results").glob("*.json")
    for path in sorted(paths, key=lambda path: contents.find(f"file: {path.stem}\n")):
        chapter = json.loads(path.read_text(encoding="utf-8"))
        for number in chapter["numbers"]:
            numbers[f"{chapter['chapter']}.{number['name']}"] = number
    return numbers


def choose_sentences(app, docname, source) -> None:
    """Leave out, before a page is parsed, what its conditions say is not to be said."""
    record = said.Record.read(Path(app.srcdir, "results"))
    try:
        if app.env.doc2path(docname).endswith(".ipynb"):
            notebook = json.loads(source[0])
            said.notebook(notebook["cells"], record)
            source[0] = json.dumps(notebook)
        else:
            source[0] = said.prose(source[0], record)
    except said.UnknownFactError as error:
        logger.warning("%s", error.args[0], location=docname)


def _state(srcdir: str, docname: str) -> dict:
    path = Path(srcdir).parent / "_build" / "chapters" / f"{docname}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


class number(nodes.inline):
    """A claimed number in the text; its hint says what it is."""


def visit_number(self, node) -> None:
    """Open the span that shows what a number is when pointed at."""
    self.body.append(self.starttag(node, "span", "", title=node["hint"]))


def depart_number(self, node) -> None:
    """Close it."""
    self.body.append("</span>")


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
        hint = entry["meaning"]
        if entry["interval"]:
            hint += f" ({entry['level']:.0%} interval {entry['interval_text']})"
        hint = "; ".join([hint, *scope_words(entry.get("scope", {}))])
        node = number(self.rawtext, self.shown(entry), classes=["num"], hint=hint, claim=self.text)
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


class NumbersTable(SphinxDirective):
    """The table of all claimed numbers."""

    def run(self):
        """Return the table."""
        numbers = _results(self.env.srcdir)
        group = nodes.tgroup(cols=4)
        for width in (24, 18, 38, 20):
            group += nodes.colspec(colwidth=width)
        head = nodes.row()
        for title in ("name", "value", "meaning", "proven in"):
            head += nodes.entry("", nodes.paragraph(text=title))
        body = nodes.tbody()
        for name, number in numbers.items():
            body += self._row(name, number)
        group += nodes.thead("", head)
        group += body
        return [nodes.table("", group, classes=["numbers"])]

    def _row(self, name: str, number: dict) -> nodes.row:
        chapter, _, short = name.partition(".")
        value = number["text"] + (f" ({number['interval_text']})" if number["interval"] else "")
        link = addnodes.pending_xref(
            "",
            nodes.inline(text=chapter.replace("_", " ")),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{chapter}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        made_in = _recording_cell(str(Path(self.env.srcdir, f"{chapter}.ipynb")), short)
        cells = (
            nodes.paragraph("", "", nodes.literal(text=short, made_in=(chapter, made_in))),
            nodes.paragraph(text=value),
            nodes.paragraph(text=number["meaning"]),
            nodes.paragraph("", "", link),
        )
        return nodes.row("", *(nodes.entry("", cell) for cell in cells))


@functools.cache
def _recordings(path: str) -> list[tuple[int, list[str | re.Pattern]]]:
    """Return each code cell's place in a notebook and the names that it records, or patterns."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    found = []
    for place, cell in enumerate(cells):
        text = "".join(cell["source"])
        if cell["cell_type"] != "code" or ".record(" not in text:
            continue
        names: list[str | re.Pattern] = []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"
                    for part in node.values
                ]
                names.append(re.compile("".join(parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.append(node.value)
        found.append((place, names))
    return found


def _recording_cell(path: str, name: str) -> int | None:
    """Return the place of the cell that records a number: where its name stands, or its pattern."""
    cells = _recordings(path)
    for place, names in cells:
        if name in names:
            return place
    patterns = [(p, place) for place, names in cells for p in names if isinstance(p, re.Pattern)]
    fitting = [(len(p.pattern), place) for p, place in patterns if p.fullmatch(name)]
    return max(fitting)[1] if fitting else None


def mark_cells(app, doctree) -> None:
    """Give each cell of a notebook an anchor, ``cell-<place>``."""
    for cell in doctree.findall(nodes.container):
        if "cell" in cell["classes"] and "cell_index" in cell:
            cell["ids"].append(f"cell-{cell['cell_index']}")


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


def link_claims(app, doctree, docname) -> None:
    """Link a number on another page to the section of its chapter that qualifies it, in HTML."""
    if app.builder.format != "html":
        return
    for node in list(doctree.findall(number)):
        chapter, _, name = node["claim"].partition(".")
        notebook = Path(app.srcdir, f"{chapter}.ipynb")
        if chapter == docname or chapter not in app.env.found_docs or not notebook.exists():
            continue
        stored = Path(app.doctreedir, f"{chapter}.doctree")
        place = _recording_cell(str(notebook), name)
        anchor = _sections(str(stored), stored.stat().st_mtime).get(place)
        uri = app.builder.get_relative_uri(docname, chapter) + (f"#{anchor}" if anchor else "")
        link = nodes.reference("", "", internal=True, refuri=uri, classes=["claim"])
        node.replace_self(link)
        link += node


class ChapterFigure(SphinxDirective):
    """A chapter's figure on another page; the content is its caption there."""

    required_arguments = 2
    has_content = True

    def run(self):
        """Return the figure, or an error where the chapter has none of that name."""
        chapter, name = self.arguments
        notebook = Path(self.env.srcdir, f"{chapter}.ipynb")
        self.env.note_dependency(str(notebook))
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            settings = cell["metadata"].get("mystnb", {})
            if settings.get("figure", {}).get("name") == name:
                png = next(o["data"]["image/png"] for o in cell["outputs"] if "data" in o)
                record = said.Record.read(Path(self.env.srcdir, "results"))
                alt = said.plain(said.one_line(settings["image"]["alt"], record), record)
                return [self._figure(name, png, alt)]
        raise self.error(f"chapter {chapter!r} has no figure named {name!r}.")

    def _figure(self, name: str, png: str, alt: str) -> nodes.figure:
        folder = Path(self.env.srcdir).parent / "_build" / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name.replace(':', '-')}.png"
        path.write_bytes(base64.b64decode(png))
        here = Path(self.env.doc2path(self.env.docname)).parent
        image = nodes.image(uri=Path(os.path.relpath(path, here)).as_posix(), alt=alt)
        self.set_source_info(image)
        figure = nodes.figure("", image)
        caption = nodes.caption("", "")
        inner, _ = self.state.inline_text("\n".join(self.content), self.lineno)
        caption += inner
        figure += caption
        return figure


def add_notices(app, doctree) -> None:
    """Say at a chapter's top that stored outputs are shown, and at its end what made it."""
    docname = app.env.docname
    source = Path(app.srcdir).parent / "chapters" / f"{docname}.py"
    sections = [node for node in doctree.children if isinstance(node, nodes.section)]
    if not source.exists() or not sections:
        return
    missing = _state(app.srcdir, docname).get("missing_downloads", [])
    if missing:
        text = (
            f"Not all of this page was computed on the machine that built it: {', '.join(missing)} "
            "could be neither found nor fetched. The parts that need it show the outputs stored "
            "with the book."
        )
        sections[0].insert(1, nodes.warning("", nodes.paragraph(text=text)))
    made = nodes.paragraph(classes=["made-by"])
    made += nodes.Text("Made by ")
    made += nodes.literal(text=f"chapters/{docname}.py")
    made += nodes.Text("; run it again with ")
    made += nodes.literal(text=f"make run CHAPTER={docname}")
    made += nodes.Text(".")
    sections[0] += made
    _say_what_is_downloaded(Path(app.srcdir, f"{docname}.ipynb"), sections[0])


def _say_what_is_downloaded(notebook: Path, section: nodes.section) -> None:
    """Name, at a chapter's top, each file that is not in the repository: size and address."""
    header = json.loads(notebook.read_text(encoding="utf-8"))["metadata"].get("book", {})
    items = nodes.bullet_list()
    for name in header.get("downloads", []):
        from helpers import datasets

        files = datasets.origin(name)
        size = f"{files['size_bytes'].sum() / 1e6:.1f}\N{NO-BREAK SPACE}MB"
        link = nodes.reference("", files["file"].iloc[0], refuri=files["url"].iloc[0])
        item = nodes.paragraph("", "", nodes.literal(text=name), nodes.Text(f", {size}: "), link)
        if len(files) > 1:
            item += nodes.Text(f" and {len(files) - 1} more")
        items += nodes.list_item("", item)
    if len(items):
        text = "Part of this page needs files that may not be handed on; they are downloaded once:"
        section.insert(1, nodes.note("", nodes.paragraph(text=text), items, classes=["downloads"]))


def number_references(app, what, name, obj, options, lines) -> None:
    """Turn the numbered references of numpydoc into a list: labels would clash on one page."""
    for i, line in enumerate(lines):
        line = re.sub(r"\[(\d+)\]_", r"[\1]", line)
        lines[i] = re.sub(r"^(\s*)\.\. \[(\d+)\] ", r"\1*  [\2] ", line)


def reread_after_a_run(app, env, added, changed, removed):
    """Read all pages again when a number or a notice changed: they may stand anywhere."""
    paths = [
        *sorted(Path(app.srcdir, "results").glob("*.json")),
        *sorted(Path(app.srcdir).parent.joinpath("_build", "chapters").glob("*.json")),
        *sorted(Path(app.srcdir).parent.joinpath("data").glob("*/README.md")),
    ]
    seal = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    before, env.thesis_seal = getattr(env, "thesis_seal", None), seal
    return [] if before in (None, seal) else list(env.found_docs - added - removed)


def copy_mathjax(app, error) -> None:
    """Copy MathJax and its fonts from the installed package into the built pages."""
    if error or app.builder.format != "html":
        return
    for entry in importlib.metadata.files("sphinx-mathjax-offline") or ():
        _, mark, part = entry.as_posix().partition("static/mathjax/")
        if mark and part.startswith(MATHJAX_PARTS):
            target = Path(app.outdir, "_static", "mathjax", part)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry.locate(), target)


def link_repository(app, config) -> None:
    """Show repository and launch buttons where the builder says where the repository is."""
    address = os.environ.get("BOOK_REPOSITORY")
    if address:
        config.html_theme_options |= {
            "repository_url": address,
            "repository_branch": "main",
            "path_to_docs": "book",
            "use_repository_button": True,
            "use_issues_button": True,
            "launch_buttons": {
                "binderhub_url": "https://mybinder.org",
                "notebook_interface": "jupyterlab",
            },
        }


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    nothing = (pass_number, pass_number)
    app.add_node(number, html=(visit_number, depart_number), latex=nothing, text=nothing)
    app.add_role("num", Num())
    app.add_role("num-interval", NumInterval())
    app.add_role("word", Word())
    app.add_directive("numbers", NumbersTable)
    app.add_directive("chapter-figure", ChapterFigure)
    app.connect("config-inited", link_repository)
    app.connect("doctree-read", add_notices)
    app.connect("doctree-read", mark_cells)
    app.connect("source-read", choose_sentences)
    app.connect("doctree-resolved", link_cells)
    app.connect("doctree-resolved", link_claims)
    app.connect("env-get-outdated", reread_after_a_run)
    app.connect("autodoc-process-docstring", number_references, priority=100)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
