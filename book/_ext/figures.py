"""Figures on pages: drawn as SVG where that is at hand, each with what may be taken along.

`book/pipeline.py` keeps a figure's PNG in the notebook, and lays PDF, SVG and the drawn points
(CSV) into ``_build/figures`` as it executes a chapter. Pages take the SVG from there, else show
the PNG, and offer below each figure what lies there: its data, its code, how to cite it. The script
``figures.js`` shows a figure large.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

FOLDER = "figures"
FORMS = {"csv": "data (CSV)", "svg": "SVG", "pdf": "PDF"}
MOST_BYTES = 600_000  # a larger SVG is left to who asks for it: the page shows the PNG


def drawn(app) -> Path:
    """Return the folder with the figures that were drawn here."""
    return Path(app.srcdir).parent / "_build" / FOLDER


def file_name(figure: nodes.figure) -> str | None:
    """Return a figure's name as its files have it (``fig:two-weeks`` -> ``two-weeks``), or None."""
    names = [name for name in figure["names"] if name.startswith("fig:")]
    return names[0].removeprefix("fig:") if names else None


class OnPages(SphinxPostTransform):
    """Put a chapter's figures on its page as SVG, and below each what can be taken along."""

    default_priority = 2  # before the builder chooses among an image's forms
    formats = ("html",)

    def run(self, **kwargs) -> None:
        """Change the page's tree in place."""
        for figure in list(self.document.findall(nodes.figure)):
            name = file_name(figure)
            if name:
                self._take_svg(figure, name)
                figure += nodes.legend("", self._offer(figure, name))

    def _take_svg(self, figure: nodes.figure, name: str) -> None:
        path = drawn(self.app) / f"{name}.svg"
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            for image in figure.findall(nodes.image):
                uri = f"../_build/{FOLDER}/{name}.svg"
                image["uri"], image["candidates"] = uri, {"*": uri}
                self.env.images.add_file(self.env.docname, uri)

    def _offer(self, figure: nodes.figure, name: str) -> nodes.paragraph:
        links = [
            self._link(text, f"{FOLDER}/{name}.{form}", f"{text} of this figure")
            for form, text in FORMS.items()
            if (drawn(self.app) / f"{name}.{form}").is_file()
        ]
        cell = figure
        while cell is not None and "cell" not in cell.get("classes", ()):
            cell = cell.parent
        if cell is not None and "cell_index" in cell:
            links.append(nodes.reference("", "code", refuri=f"#cell-{cell['cell_index']}"))
        if "cite" in self.env.found_docs:
            page = self.app.builder.get_relative_uri(self.env.docname, "cite")
            links.append(nodes.reference("", "cite", refuri=page, internal=True))
        parts = [part for link in links for part in (nodes.Text(" · "), link)][1:]
        return nodes.paragraph("", "", *parts, classes=["take"])

    def _link(self, text: str, target: str, hint: str) -> nodes.reference:
        up = "../" * self.env.docname.count("/")
        return nodes.reference("", text, refuri=up + target, reftitle=hint)


def copy_figures(app, error) -> None:
    """Copy what is offered beside the pages."""
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir, FOLDER)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for form in FORMS:
        for path in sorted(drawn(app).glob(f"*.{form}")):
            shutil.copyfile(path, target / path.name)


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(OnPages)
    app.connect("build-finished", copy_figures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
