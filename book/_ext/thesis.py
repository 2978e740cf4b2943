"""What this book adds to Sphinx: chosen sentences, notices, and scripts served from here.

* Lines that begin with a condition are said or not (`book/said.py`).
* ``{chapter-figure} chapter fig:name`` shows a chapter's figure on another page, with its alt text.
* A chapter that needs downloads names them, with size and address, at its top.
* A chapter whose downloads were not at hand says, at its top, that stored outputs are shown.
* Each chapter says at its end which source made it and how to run it again.
* MathJax is served from the installed package, not from another host.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import said

logger = logging.getLogger(__name__)
MATHJAX_PARTS = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2/", "input/tex/extensions/")


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
    app.add_directive("chapter-figure", ChapterFigure)
    app.connect("config-inited", link_repository)
    app.connect("doctree-read", add_notices)
    app.connect("source-read", choose_sentences)
    app.connect("env-get-outdated", reread_after_a_run)
    app.connect("autodoc-process-docstring", number_references, priority=100)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
