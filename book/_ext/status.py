"""How the chapters stand: ``{status}`` lists each with its cells, figures, numbers and time.

The time is that of the last execution on the machine that built these pages; a chapter that was
not executed there has none. ``{platform}`` says what that machine was and which versions it had.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

SHOWN = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "numba", "simpy", "pulp")
HEAD = ("chapter", "code cells", "figures", "numbers", "needs a download", "executed in")


def _table(head: tuple[str, ...], rows: list[list[nodes.Node]], widths: tuple[int, ...]):
    group = nodes.tgroup(cols=len(head))
    for width in widths:
        group += nodes.colspec(colwidth=width)
    titles = [nodes.entry("", nodes.paragraph(text=title)) for title in head]
    group += nodes.thead("", nodes.row("", *titles))
    body = [nodes.row("", *(nodes.entry("", cell) for cell in row)) for row in rows]
    group += nodes.tbody("", *body)
    return nodes.table("", group)


class Status(SphinxDirective):
    """One row a chapter."""

    def run(self):
        """Return the table."""
        book = Path(self.env.srcdir)
        contents = (book.parent / "_toc.yml").read_text(encoding="utf-8")
        notebooks = [p for p in book.glob("*.ipynb") if f"file: {p.stem}\n" in contents]
        notebooks.sort(key=lambda p: contents.index(f"file: {p.stem}\n"))
        rows = [self._row(notebook) for notebook in notebooks]
        return [_table(HEAD, rows, (28, 12, 12, 12, 18, 18))]

    def _row(self, path: Path) -> list[nodes.Node]:
        self.env.note_dependency(str(path))
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        figures = sum("figure" in cell["metadata"].get("mystnb", {}) for cell in cells)
        results = path.parent / "results" / f"{path.stem}.json"
        numbers = len(json.loads(results.read_text(encoding="utf-8"))["numbers"])
        downloads = notebook["metadata"].get("book", {}).get("downloads", [])
        state = path.parent.parent / "_build" / "chapters" / f"{path.stem}.json"
        known = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
        seconds = known.get("seconds")
        link = addnodes.pending_xref(
            "",
            nodes.inline(text=path.stem.replace("_", " ")),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{path.stem}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        texts = [len(cells), figures, numbers, "for some cells" if downloads else "no"]
        texts.append("–" if seconds is None else f"{seconds:.0f} s")
        return [nodes.paragraph("", "", link), *(nodes.paragraph(text=str(t)) for t in texts)]


class Platform(SphinxDirective):
    """What built these pages."""

    def run(self):
        """Return a sentence on the machine and a list of versions."""
        machine = (
            f"{platform.system()} on {platform.machine()} with {os.cpu_count()} processors, "
            f"Python {platform.python_version()}"
        )
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in SHOWN)
        return [nodes.paragraph(text=f"These pages were built on {machine}, {versions}.")]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("status", Status)
    app.add_directive("platform", Platform)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
