"""On a page that stands alone: what it cites of the book is named, and linked where it was built.

A chapter run with other parameters is built without the other pages (`book/run_page.py`). Its
references to them become their titles, and links if the book was built on this machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run_page


def name_the_page(app, env, node, contnode):
    """Return the title of a page that is not here, as a link where the book was built."""
    target = node.get("reftarget", "")
    if node.get("reftype") != "doc":
        return nodes.inline("", contnode.astext())
    page = target.lstrip("/")
    text = contnode.astext() if node.get("refexplicit") else run_page.title_of(page)
    built = run_page.ROOT / "_build" / "html" / f"{page}.html"
    if not built.exists():
        return nodes.emphasis("", text)
    return nodes.reference("", text, refuri=f"../_build/html/{page}.html", internal=True)


def setup(app):
    """Register with Sphinx."""
    app.connect("missing-reference", name_the_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
