"""What is folded says what it holds: a figure's code, recorded numbers, imports.

MyST-NB folds cells by their tags and names each fold alike. A reader who decides whether to open
one is told what is in it.
"""

from __future__ import annotations

from docutils import nodes


def said_of(source: str, hide_mode: str, draws: bool) -> str:
    """Return what a folded cell holds, in a few words."""
    if draws:
        return "Code of this figure"
    if ".record(" in source or ".record_table(" in source:
        return (
            "Numbers recorded here, and their code" if hide_mode == "all" else "Code that records"
        )
    lines = [line for line in source.splitlines() if line and not line.startswith((" ", "#", ")"))]
    if any(line.startswith(("import ", "from ")) for line in lines):
        return "Imports and settings"
    return "Code and what it printed" if hide_mode == "all" else "Code"


def name_folds(app, doctree) -> None:
    """Name each fold by what it holds."""
    for cell in doctree.findall(nodes.container):
        mode = cell.get("hide_mode")
        if mode:
            source = "\n".join(block.astext() for block in cell.findall(nodes.literal_block))
            draws = any(cell.findall(nodes.figure))
            cell["prompt_show"] = said_of(source, mode, draws)
            cell["prompt_hide"] = "Close"


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-read", name_folds)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
