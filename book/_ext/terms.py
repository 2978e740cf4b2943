"""Terms that explain themselves: a reference to the glossary carries its definition.

``{term}`checkpoint``` links to the glossary; pointing at the link shows the first paragraph of
the term's definition. The definitions stand in one place, `nomenclature.md`.
"""

from __future__ import annotations

from docutils import nodes

GLOSSARY = "nomenclature"


def definitions(env) -> dict[str, str]:
    """Return each term's first paragraph, by the anchor of the term."""
    if GLOSSARY not in env.found_docs:
        return {}
    found = {}
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        meaning = next(item.findall(nodes.paragraph), None)
        for term in item.findall(nodes.term):
            for anchor in term["ids"]:
                found[anchor] = meaning.astext().replace("\n", " ") if meaning else ""
    return found


def explain(app, doctree, docname) -> None:
    """Give every link to a term the term's definition as its hint."""
    if app.builder.format != "html":
        return
    meanings = None
    for link in doctree.findall(nodes.reference):
        if not any("std-term" in node.get("classes", ()) for node in link.findall(nodes.inline)):
            continue
        meanings = definitions(app.env) if meanings is None else meanings
        link["reftitle"] = meanings.get(link.get("refid") or link["refuri"].partition("#")[2], "")
        link["classes"].append("term")


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-resolved", explain)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
