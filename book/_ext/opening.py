"""The picture a chapter opens with: one of its own figures, shown again below the answer.

``{opening}`fig:name``` in a chapter's first cell shows that figure with its caption and a link to
where it stands with its code. It has no number of its own, and a printed book leaves it out: there
the figure is a few leaves away.
"""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

logger = logging.getLogger(__name__)


class Opening(nodes.General, nodes.Inline, nodes.Element):
    """Where a chapter's figure is shown again."""


class OpeningRole(SphinxRole):
    """Mark where a figure of this page is shown again."""

    def run(self):
        """Return the mark; the figure itself is known when the whole page is read."""
        mark = Opening(target=self.text.strip())
        self.set_source_info(mark)
        return [mark], []


class ShowAgain(SphinxPostTransform):
    """Put the figures in the places that were marked for them."""

    default_priority = 3  # after figures became SVG (2), before a cell's outputs are chosen among

    def run(self, **kwargs) -> None:
        """Change the page's tree in place."""
        for mark in list(self.document.findall(Opening)):
            place = mark.parent
            if len(place.children) > 1:
                logger.warning("{opening} stands alone, between empty lines", location=mark)
                place.remove(mark)
                continue
            if self.app.builder.format == "html":
                shown = self._figure(mark)
                if shown is not None:
                    place.replace_self(shown)
                    continue
            place.parent.remove(place)

    def _figure(self, mark: Opening) -> nodes.figure | None:
        name = mark["target"]
        for figure in self.document.findall(nodes.figure):
            if name in figure["names"]:
                return self._again(figure, name)
        logger.warning("no figure on this page is named %r", name, location=mark)
        return None

    def _again(self, figure: nodes.figure, name: str) -> nodes.figure:
        link = addnodes.pending_xref(
            "",
            nodes.inline("", "", classes=["std", "std-numref"]),
            refdomain="std",
            reftype="numref",
            reftarget=name,
            refexplicit=False,
            refwarn=True,
            refdoc=self.env.docname,
        )
        words = nodes.paragraph("", classes=["caption-text"])
        parts = []
        for child in figure.children:
            if isinstance(child, nodes.caption):
                words += [part.deepcopy() for part in child.children]
            elif not isinstance(child, nodes.legend):
                parts.append(child.deepcopy())
        words += [nodes.Text(" \N{RIGHTWARDS ARROW} "), link]
        again = nodes.figure("", *parts, nodes.legend("", words), classes=["opening"])
        for node in again.findall(nodes.Element):
            node["ids"], node["names"] = [], []
        return again


def setup(app):
    """Register with Sphinx."""
    app.add_node(Opening)
    app.add_role("opening", OpeningRole())
    app.add_post_transform(ShowAgain)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
