"""The page of one chapter run with other parameters, in the book's own look.

`book/pipeline.py run` executes a chapter; this module says what of its prose is true of that run
(`book/said.py`), puts a banner with the parameters at its top, and builds one page with the book's
own theme and extensions, for use from a disk: nothing is loaded from another host.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
import said
import yaml

ROOT = Path(__file__).resolve().parent.parent
#: What belongs to the whole book and not to one page of it.
BOOK_ALONE = {
    "explorer",
    "figures",
    "printed",
    "published",
    "signatures",
    "status",
    "take",
    "terms",
}


def own_parameters(notebook: nbformat.NotebookNode) -> dict:
    """Return the names and values of a chapter's parameters cell."""
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    known = {}
    for node in ast.parse(cells[0].source if cells else "").body:
        if isinstance(node, ast.Assign):
            value = ast.literal_eval(node.value)
            several = isinstance(node.targets[0], ast.Tuple)
            names = node.targets[0].elts if several else [node.targets[0]]
            known |= zip((n.id for n in names), value if several else [value], strict=True)
    return known


def label(name: str, parameters: Mapping) -> str:
    """Return a file name that tells chapter and parameters and is safe in any file system."""
    parts = [name]
    for key, value in parameters.items():
        text = "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        parts.append(f"{key}={text}")
    return re.sub(r"[^\w.=+-]", "_", "-".join(parts))[:150]


def banner(name: str, parameters: Mapping, own: Mapping, left_out: str = "") -> str:
    """Return, as markdown, what a page says of itself: made by whom, and with which parameters."""
    pairs = " ".join(f"{key}={_as_typed(value)}" for key, value in parameters.items())
    with_them = f' P="{pairs}"' if pairs else ""
    lines = [
        "",
        ":::{admonition} A run of your own",
        ":class: important run-banner",
        "This page is not one of the book's: it was made here by "
        f"`make run CHAPTER={name}{with_them}`.",
    ]
    lines += [
        f"* `{key}` is `{_as_typed(value)}`, in the book `{_as_typed(own[key])}`"
        for key, value in parameters.items()
    ]
    lines += ["", "Its numbers are those of this run.", "Sentences that are about the book's own"]
    lines[-1] += " figures, or whose numbers this run does not know, are left out."
    if left_out:
        lines.append(left_out)
    return "\n".join([*lines, ":::", ""])


def _as_typed(value: object) -> str:
    return (
        f"[{','.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
    ) or '""'


def choose(notebook: nbformat.NotebookNode, chapter: Mapping, head: str) -> said.Record:
    """Leave, in place, what is true of this run; put the banner under the title."""
    record = said.Record.of([chapter], in_book=False)
    changed = any("injected-parameters" in c.metadata.get("tags", []) for c in notebook.cells)
    for cell in notebook.cells:  # the book's own values step back behind those of the run
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags and changed:
            cell.metadata["tags"] = [*tags, "hide-input"]
    drawn = {
        cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        for cell in notebook.cells
        if cell.get("outputs")
    }
    said.notebook(notebook.cells, record, {name for name in drawn if name})
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            title, _, rest = cell.source.partition("\n")
            cell.source = f"{title}\n{head}\n{rest}"
            break
    return record


def as_notebook(notebook: nbformat.NotebookNode, record: said.Record) -> nbformat.NotebookNode:
    """Return a copy whose roles are written out, for a reader of notebooks."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = _without_roles(said.plain(cell.source, record))
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            figure["caption"] = _without_roles(said.plain(figure["caption"], record))
    return copy


def _without_roles(text: str) -> str:
    text = re.sub(r"^\([\w-]+\)=\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\{opening\}`[^`]*`\n\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\{doc\}`(?:([^`<]*?)\s*<[^`>]*>|(\w+))`", _title, text)
    text = re.sub(r"\{(?:numref|eq|ref|term)\}`(?:([^`<]+?)\s*<[^`>]*>|([^`]*))`", r"*\1\2*", text)
    return re.sub(r"\{cite(?::\w+)?\}`([^`]*)`", r"[\1]", text)


def _title(match: re.Match) -> str:
    return f"*{match[1] or title_of(match[2])}*"


def title_of(page: str) -> str:
    """Return the title of a page of the book."""
    for path, mark in (
        (ROOT / "chapters" / f"{page}.py", "# # "),
        (ROOT / "book" / f"{page}.md", "# "),
    ):
        if path.exists():
            text = path.read_text(encoding="utf-8")
            if found := re.search(rf"^{mark}(.+)$", text, re.MULTILINE):
                return found[1]
    return page.replace("_", " ")


def build(name: str, notebook: nbformat.NotebookNode, chapter: Mapping, target: Path) -> None:
    """Build the page of an executed chapter as `target`, what it needs in ``_static`` beside it.

    Raises
    ------
    RuntimeError
        If the page cannot be built; the message ends with what Sphinx said.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "book")
        (source / "results").mkdir(parents=True)
        results = json.dumps(chapter, ensure_ascii=False)
        (source / "results" / f"{name}.json").write_text(results, encoding="utf-8")
        shutil.copytree(ROOT / "book" / "_static", source / "_static")
        (source / "_ext").symlink_to(ROOT / "book" / "_ext", target_is_directory=True)
        shutil.copy(ROOT / "book" / "references.bib", source)
        page = nbformat.from_dict(notebook)
        if any("{cite" in cell.source for cell in page.cells if cell.cell_type == "markdown"):
            text = "## References\n\n```{bibliography}\n:filter: docname in docnames\n```"
            page.cells.append(nbformat.v4.new_markdown_cell(text, id="run-references"))
        nbformat.write(page, source / f"{name}.ipynb")
        config = Path(folder, "_config.yml")
        config.write_text(yaml.safe_dump(_config()), encoding="utf-8")
        toc = Path(folder, "_toc.yml")
        toc.write_text(f"format: jb-book\nroot: {name}\n", encoding="utf-8")
        command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
        command += [str(source), "--config", str(config), "--toc", str(toc)]
        command += ["--path-output", folder, "--quiet"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8"
        )
        made = Path(folder, "_build", "html")
        if done.returncode or not (made / f"{name}.html").exists():
            raise RuntimeError(f"The page could not be built.\n{done.stdout}{done.stderr}"[-3000:])
        target.parent.mkdir(parents=True, exist_ok=True)
        for part in ("_static", "_images", "_sphinx_design_static"):
            if (made / part).exists():
                shutil.copytree(made / part, target.parent / part, dirs_exist_ok=True)
        html = (made / f"{name}.html").read_text(encoding="utf-8")
        target.write_text(_alone(html), encoding="utf-8")


def _alone(html: str) -> str:
    """Take out of a page what only a whole book has: its search, code run on another host."""

    def kept(match: re.Match) -> str:
        script = match[0]
        whole_book = ("searchindex.js", "THEBE_JS_URL", "sphinx-thebe", "x-thebe-config")
        return "" if any(word in script for word in whole_book) else script

    return re.sub(r"[ \t]*<script\b.*?</script>\n?", kept, html, flags=re.DOTALL)


def _config() -> dict:
    """Return the book's settings, less what belongs to the whole book."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    sphinx = config["sphinx"]
    kept = {k: v for k, v in sphinx["local_extensions"].items() if k not in BOOK_ALONE}
    sphinx["local_extensions"] = kept | {"elsewhere": "book/_ext"}
    sphinx["extra_extensions"] = []
    theme = sphinx["config"]["html_theme_options"]
    theme |= {
        "use_download_button": False,
        "use_fullscreen_button": False,
        "article_header_end": [],
        "article_footer_items": [],
    }
    theme |= {"article_header_start": [], "primary_sidebar_end": []}
    theme |= {"navigation_with_keys": False}
    sphinx["config"]["html_sidebars"] = {"**": []}
    sphinx["config"]["html_copy_source"] = False
    config["html"]["home_page_in_navbar"] = False
    for key in ("latex",):
        config.pop(key, None)
    return config
