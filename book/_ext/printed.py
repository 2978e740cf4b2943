"""What the book needs to be set in print by LaTeX; on pages in a browser it changes nothing.

* Cells that are folded on a page are left out, but for what they draw; a chapter's list of numbers
  is left to the appendix that lists all.
* Figures are the chapters' PDFs, where `book/pipeline.py` drew them here; else their PNGs.
* The landing page becomes an unnumbered chapter; each part of the contents begins with its title;
  chapters of the first part are unnumbered, those of the last are appendices.
* The list of figures takes the first sentence of each caption.
* Long names and hashes may break; long values of constants in the reference are cut.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

LANDING = "In short"
LONGEST_VALUE = 100  # characters of a constant shown in the reference
LINE, MOST_LINES = 90, 25  # characters a line of a table holds, and its lines that stay together
NARROWEST, WIDEST = 5, 60  # characters that a column of a long table asks for
SIZES = ((118, "tiny"), (104, "scriptsize"))  # of code with lines of more characters than that
BREAK = "\N{ZERO WIDTH SPACE}"


class shortened_caption(nodes.caption):
    """A figure's caption with the shorter text that stands in the list of figures."""


def visit_shortened_caption(self, node) -> None:
    """Open the caption as Sphinx does, and put the shorter text in its option."""
    self.visit_caption(node)
    self.body[-1] = self.body[-1].replace(
        r"\caption{", rf"\caption[{{{self.encode(node['short'])}}}]{{"
    )


def depart_shortened_caption(self, node) -> None:
    """Close it."""
    self.depart_caption(node)


def first_sentence(caption: str) -> str:
    """Return a caption up to its first full stop that ends a sentence, without the stop."""
    return re.split(r"\.(?:\s|$)", caption, maxsplit=1)[0]


def raw(text: str) -> nodes.raw:
    """Return LaTeX to be written as it is."""
    return nodes.raw("", f"{text}\n", format="latex")


def fit_table(table: nodes.table) -> None:
    """Let a table that is longer than half a page break, and give its columns widths if need be."""
    rows = [[len(entry.astext()) for entry in row] for row in table.findall(nodes.row)]
    columns = list(table.findall(nodes.colspec))
    if any(len(row) != len(columns) for row in rows):
        return  # cells that span several columns: LaTeX finds their widths
    widest = [max(sizes) for sizes in zip(*rows, strict=True)]
    shares = [min(max(size, NARROWEST), WIDEST) for size in widest]
    line = LINE / max(LINE, sum(shares))  # what is left of a column that asked for more
    held = [int(share * line) for share in shares]
    lines = sum(max(-(-n // h) for n, h in zip(row, held, strict=True)) for row in rows)
    if lines <= MOST_LINES:
        return
    table["classes"].append("longtable")
    if sum(widest) + 2 * len(widest) > LINE:
        table["classes"].append("colwidths-given")
        for column, share in zip(columns, shares, strict=True):
            column["colwidth"] = share


class Print(SphinxPostTransform):
    """Prepare the whole book, assembled from its pages, for LaTeX."""

    default_priority = 2  # before one of an output's forms is chosen and references are resolved
    formats = ("latex",)

    def run(self, **kwargs) -> None:
        """Change the assembled tree in place."""
        self._leave_out_folded_cells()
        self._point_at_all_numbers()
        self._take_vector_figures()
        self._shorten_captions()
        self._make_parts()
        self._fit_wide_lines()
        self._fit_tables()
        self._let_names_break()
        self._tighten_the_reference()

    def _leave_out_folded_cells(self) -> None:
        cells = self.document.findall(lambda n: n.get("hide_mode") if hasattr(n, "get") else None)
        for cell in list(cells):
            hidden = {"all": ("source", "output"), "input+output": ("source", "output")}.get(
                cell["hide_mode"], ("source",) if cell["hide_mode"] == "input" else ("output",)
            )
            for part in list(cell.children):
                kind = part.get("nb_element", "").removeprefix("cell_code_")
                if kind in hidden and not any(part.findall(nodes.figure)):
                    cell.remove(part)
            if not cell.children:
                cell.parent.remove(cell)

    def _point_at_all_numbers(self) -> None:
        for mime in list(self.document.findall(nodes.raw)):
            if mime.get("format") == "html" and '<table class="numbers">' in mime.astext():
                cell = mime.parent
                while cell.get("nb_element") != "cell_code":
                    cell = cell.parent
                link = addnodes.pending_xref(
                    "",
                    nodes.inline(text="Every number claimed"),
                    refdomain="std",
                    reftype="doc",
                    reftarget="/numbers",
                    refexplicit=True,
                    refwarn=True,
                    refdoc=self.env.config.root_doc,
                )
                start = nodes.Text("The numbers of this chapter stand, with their meaning, in ")
                page = raw(r" (from page~\pageref{\detokenize{numbers::doc}}).")
                cell.replace_self(nodes.paragraph("", "", start, link, page))

    def _take_vector_figures(self) -> None:
        drawn = Path(self.app.srcdir).parent / "_build" / "figures"
        for figure in list(self.document.findall(nodes.figure)):
            for image in figure.findall(nodes.image):
                names = [*figure["names"], Path(image["uri"]).stem.replace("fig-", "fig:", 1)]
                for name in names:
                    file = re.sub(r"[^\w-]", "-", name.removeprefix("fig:")) + ".pdf"
                    if name.startswith("fig:") and (drawn / file).exists():
                        uri = f"../_build/figures/{file}"
                        image["uri"], image["candidates"] = uri, {"*": uri}
                        self.env.images.add_file(self.env.config.root_doc, uri)
                        break

    def _shorten_captions(self) -> None:
        for caption in list(self.document.findall(nodes.caption)):
            if isinstance(caption.parent, nodes.figure):
                short = shortened_caption(
                    "", "", *caption.children, short=first_sentence(caption.astext())
                )
                caption.replace_self(short)

    def _make_parts(self) -> None:
        root = self.env.get_doctree(self.env.config.root_doc)
        captions = [toctree.get("caption") for toctree in root.findall(addnodes.toctree)]
        book = next(node for node in self.document.children if isinstance(node, nodes.section))
        wrappers = [n for n in book.children if "toctree-wrapper" in n.get("classes", ())]
        own = [n for n in book.children[1:] if n not in wrappers]
        landing = nodes.section("", nodes.title("", LANDING), *own, ids=["in-short"])
        landing["docname"] = self.env.config.root_doc
        for node in own:
            book.remove(node)
        book.insert(1, [raw(r"\cleanhoursunnumbered"), landing])
        for i, (wrapper, caption) in enumerate(zip(wrappers, captions, strict=True)):
            if i == 0:
                continue
            start = r"\cleanhoursappendix" if i == len(wrappers) - 1 else r"\cleanhoursnumbered"
            book.insert(book.index(wrapper), raw(rf"{start}\cleanhourspart{{{caption}}}"))
        for page in list(wrappers[-1].children):
            if page.get("docname") == "references":  # the entries come at the very end
                wrappers[-1].remove(page)
                wrappers[-1] += [raw(r"\cleanhoursunnumbered"), page]

    def _fit_wide_lines(self) -> None:
        for block in list(self.document.findall(nodes.literal_block)):
            widths = [len(line) for line in block.astext().splitlines()]
            size = next((size for most, size in SIZES if max(widths, default=0) > most), None)
            table = sum(width > SIZES[-1][0] for width in widths) > 2  # else its lines may wrap
            if size == "scriptsize" or (size and table):
                around = block.parent
                around.insert(around.index(block), raw(rf"\begingroup\fvset{{fontsize=\{size}}}"))
                around.insert(around.index(block) + 1, raw(r"\endgroup"))

    def _fit_tables(self) -> None:
        for table in list(self.document.findall(nodes.table)):
            if "numbers" in table["classes"]:
                table["classes"] += ["longtable", "colwidths-given"]
            else:
                fit_table(table)
            if sum(1 for _ in table.findall(nodes.colspec)) > 6:
                around = table.parent
                around.insert(around.index(table), raw(r"\begingroup\cleanhoursmanycolumns"))
                around.insert(around.index(table) + 1, raw(r"\endgroup"))

    def _let_names_break(self) -> None:
        for literal in list(self.document.findall(nodes.literal)):
            for text in list(literal.findall(nodes.Text)):
                broken = re.sub(
                    r"([/_.=-])(?=\w)|([0-9a-f]{8})(?=[0-9a-f]{8})", rf"\g<0>{BREAK}", text
                )
                text.parent.replace(text, nodes.Text(broken))

    def _tighten_the_reference(self) -> None:
        for value in list(self.document.findall(addnodes.desc_annotation)):
            if len(value.astext()) > LONGEST_VALUE:
                value.children = [nodes.Text(" = \N{HORIZONTAL ELLIPSIS}")]
        for page in list(self.document.findall(addnodes.start_of_file)):
            inner = page.findall(addnodes.start_of_file, include_self=False)
            if any(page.findall(addnodes.desc)) and not any(inner):
                page.insert(0, raw(r"\begingroup\cleanhoursreference"))
                page.append(raw(r"\endgroup"))


def describe_edition(app, config) -> None:
    """Put version, date and question of this edition on the title page; bring the code's font."""
    root = Path(app.srcdir).parent
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    config.release = citation["version"]
    config.today = f"{citation['date-released']:%B %Y}".lstrip("0")
    _, _, question = citation["title"].partition(": ")
    config.latex_elements["preamble"] = (
        r"\usepackage{printed}"
        rf"\newcommand{{\cleanhoursquestion}}{{{question[:1].upper() + question[1:]}}}"
        rf"\newcommand{{\cleanhoursversion}}{{{citation['version']}}}"
    )
    fonts = Path(find_spec("matplotlib").origin).parent / "mpl-data" / "fonts" / "ttf"
    names = ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSansMono-Oblique.ttf")
    config.latex_additional_files = ["_ext/printed.sty", *(str(fonts / name) for name in names)]


def setup(app):
    """Register with Sphinx."""
    app.add_node(
        shortened_caption, latex=(visit_shortened_caption, depart_shortened_caption), override=True
    )
    app.add_post_transform(Print)
    app.connect("config-inited", describe_edition)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
