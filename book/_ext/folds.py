"""What is folded says what it holds: a figure's code, a table's, recorded numbers, imports.

MyST-NB folds cells by their tags and names each fold alike. A reader who decides whether to open
one is told what is in it. Parameters, and a cell that ends in a table, need no tag: a reader came for
the answer, and for the table.
"""

from __future__ import annotations

import json

from docutils import nodes

TABLE = "publish.table("


def said_of(source: str, hide_mode: str, draws: bool, tags: tuple[str, ...] = ()) -> str:
    """Return what a folded cell holds, in a few words."""
    if "parameters" in tags:
        return "Parameters: knobs to turn"
    if draws:
        return "Code of this figure"
    if ".record(" in source or ".record_table(" in source:
        return "Recorded numbers" if hide_mode == "all" else "Code that records"
    if TABLE in source and hide_mode == "input":
        return "Code of this table"
    lines = [line for line in source.splitlines() if line and not line.startswith((" ", "#", ")"))]
    if any(line.startswith(("import ", "from ")) for line in lines):
        return "Imports and settings"
    return "Code and output" if hide_mode == "all" else "Code"


def ends_in_a_table(source: str) -> bool:
    """Tell whether the last statement of a cell shows a table."""
    lines = [line for line in source.splitlines() if line.strip()]
    last = [line for line in lines if not line.startswith((" ", ")", "]", "}"))]
    return bool(last) and last[-1].startswith(TABLE)


def fold_more(app, docname, source) -> None:
    """Fold, before a page is parsed, parameters and the code of cells that end in a table."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        shown = not any(tag.startswith(("hide-", "remove-")) for tag in tags)
        if cell["cell_type"] != "code" or not shown:
            continue
        if "parameters" in tags or ends_in_a_table("".join(cell["source"])):
            cell["metadata"]["tags"] = [*tags, "hide-input"]
    source[0] = json.dumps(notebook)


def _tags(cell: nodes.container) -> tuple[str, ...]:
    return tuple(name.removeprefix("tag_") for name in cell.get("classes", ()))


def name_folds(app, doctree) -> None:
    """Name each fold by what it holds."""
    for cell in doctree.findall(nodes.container):
        mode = cell.get("hide_mode")
        if mode:
            source = "\n".join(block.astext() for block in cell.findall(nodes.literal_block))
            draws = any(cell.findall(nodes.figure))
            cell["prompt_show"] = said_of(source, mode, draws, _tags(cell))
            cell["prompt_hide"] = "Close"


def setup(app):
    """Register with Sphinx."""
    app.connect("source-read", fold_more)
    app.connect("doctree-read", name_folds)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
