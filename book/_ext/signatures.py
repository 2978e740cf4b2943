"""The pages of the package: each name stands once, and a type leads to the class its module means.

Two rooms may have a `Plan` each. Sphinx looks a bare name up in the whole package and finds both;
the module whose docstring says `Plan` imports one of them, and that is the one.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cache
from importlib.util import resolve_name

from sphinx.addnodes import pending_xref


def home(module: str, name: str) -> str:
    """Return the full name of what a module gives: where it is made, not a door to it."""
    made = getattr(importlib.import_module(module), name, None)
    if inspect.isclass(made) or inspect.isfunction(made):
        return f"{made.__module__}.{made.__qualname__}"
    return f"{module}.{name}"


@cache
def meanings(module: str) -> dict[str, str]:
    """Return the full name of everything of this package that a module makes or imports.

    Imports inside functions and those made for types alone count: a docstring means them, too.
    """
    source = importlib.import_module(module)
    tree = ast.parse(inspect.getsource(source))
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            name = resolve_name("." * node.level + (node.module or ""), source.__package__)
            if name.split(".")[0] == module.split(".")[0]:
                found |= {
                    alias.asname or alias.name: home(name, alias.name) for alias in node.names
                }
    made_here = [n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    return found | {name: f"{module}.{name}" for name in made_here}


def name_in_full(app, doctree) -> None:
    """Give each bare type of a docstring the full name that it has in its module."""
    for link in doctree.findall(pending_xref):
        module, target = link.get("py:module"), link.get("reftarget", "")
        if link.get("refdomain") == "py" and module and "." not in target:
            link["reftarget"] = meanings(module).get(target, target)


def keep_once(app, what, name, member, skip, options) -> bool | None:
    """Leave out what is made in another module, and fields that their class already describes."""
    made = inspect.isclass(member) or inspect.isfunction(member)
    elsewhere = made and member.__module__ != app.env.temp_data["autodoc:module"]
    field = type(member).__name__ == "_tuplegetter"  # of a NamedTuple
    return True if (what == "module" and elsewhere) or field else None


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-read", name_in_full)
    app.connect("autodoc-skip-member", keep_once)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
