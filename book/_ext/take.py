"""What a reader takes away: how to cite the book, and everything in files of its own.

* ``{cite-this}`` writes the citation of this edition from ``CITATION.cff``, in words and as BibTeX.
* ``{downloads}`` lists files with sizes: the book as PDF where it was set here, the numbers as JSON
  and for LaTeX, the notebooks with their numbers written in, the embedded data as Parquet.

The files are made as the build begins, in ``_build/downloads``, and lie beside the pages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "book"))

import run_page  # noqa: E402
import said  # noqa: E402

FOLDER = "downloads"
PDF = ROOT / "_build" / "latex" / "clean-hours.pdf"


# --- citing ---------------------------------------------------------------------------------


def citation() -> dict:
    """Return what ``CITATION.cff`` says, with the address where this edition is published."""
    said_there = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    address = os.environ.get("BOOK_URL") or said_there.get("url", "")
    return said_there | {"url": address.rstrip("/") + "/" if address else ""}


def authors(entry: dict) -> list[str]:
    """Return the authors' names, persons as ``Family, Given``."""
    return [
        author.get("name") or f"{author['family-names']}, {author['given-names']}"
        for author in entry["authors"]
    ]


def bibtex(entry: dict) -> str:
    """Return the citation as BibTeX; names that are no person's are kept whole by braces."""
    persons = ["," in name for name in authors(entry)]
    names = [
        name if person else f"{{{name}}}"
        for name, person in zip(authors(entry), persons, strict=True)
    ]
    title = entry["title"].replace("CO2e", r"{CO\textsubscript{2}e}")
    year = entry["date-released"].year
    fields = {
        "author": " and ".join(names),
        "title": re.sub(r"^([^:]+)", r"{\1}", title, count=1),
        "year": str(year),
        "edition": f"Version {entry['version']}",
        "howpublished": "Jupyter Book, with notebooks, package and data",
        "url": entry["url"],
    }
    lines = [f"  {key:<12} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join([f"@misc{{cleanhours{year},", *lines, "}"])


class CiteThis(SphinxDirective):
    """The citation of this edition."""

    def run(self):
        """Return a sentence and a BibTeX entry."""
        self.env.note_dependency(str(ROOT / "CITATION.cff"))
        entry = citation()
        words = f"{'; '.join(authors(entry))} ({entry['date-released'].year}). "
        rest = f". Version {entry['version']}." + (f" {entry['url']}" if entry["url"] else "")
        title = nodes.emphasis("", entry["title"].rstrip("?") + "?" * entry["title"].endswith("?"))
        paragraph = nodes.paragraph("", "", nodes.Text(words), title, nodes.Text(rest))
        block = nodes.literal_block("", bibtex(entry), language="bibtex")
        return [paragraph, block]


# --- files ----------------------------------------------------------------------------------


def _notebooks(folder: Path) -> Iterator[tuple[Path, str]]:
    record = said.Record.read(ROOT / "book" / "results")
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        said.notebook(notebook.cells, record)
        written = folder / "notebooks" / path.name
        written.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(run_page.as_notebook(notebook, record), written)
        yield written, f"{run_page.title_of(path.stem)}, notebook with its numbers written in"


def _numbers(folder: Path) -> Iterator[tuple[Path, str]]:
    chapters = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "book" / "results").glob("*.json"))
    ]
    together = folder / "numbers.json"
    together.write_text(json.dumps(chapters, indent=1, ensure_ascii=False), encoding="utf-8")
    count = sum(len(chapter["numbers"]) for chapter in chapters)
    yield together, f"all {count} claimed numbers: value, unit, interval, meaning, scope"
    macros = folder / "numbers.tex"
    shutil.copyfile(ROOT / "book" / "results" / "numbers.tex", macros)
    yield macros, "the same as LaTeX macros"


def _data(folder: Path) -> Iterator[tuple[Path, str]]:
    import pandas as pd

    from helpers import datasets
    from helpers.jobs import write_parquet

    frames = [
        datasets.carbon_intensity(zone, year)
        .to_series()
        .rename("intensity_g_per_kwh")
        .rename_axis("start")
        .reset_index()
        .assign(zone=zone)
        for zone in datasets.zones()
        for year in datasets.years()
    ]
    path = folder / "carbon_intensity.parquet"
    pd.concat(frames, ignore_index=True).to_parquet(path)
    yield path, f"hourly average intensity of {len(datasets.zones())} grids, g/kWh"
    log = datasets.job_log("unilu-gaia-2014")
    path = folder / "unilu-gaia-2014.parquet"
    write_parquet(log, path)
    yield path, f"job log of {len(log.jobs):,} jobs"


def make_files(app) -> None:
    """Make what is offered, before pages are read."""
    if app.builder.format != "html":
        return
    folder = ROOT / "_build" / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    app.config.offered = [
        (group, path, words)
        for group, makes in (("Numbers", _numbers), ("Data", _data), ("Notebooks", _notebooks))
        for path, words in makes(folder)
    ]
    if PDF.is_file():
        shutil.copyfile(PDF, folder / PDF.name)
        app.config.offered.insert(0, ("Book", folder / PDF.name, "the whole book as one PDF"))


class Downloads(SphinxDirective):
    """The files that are offered, each with its size."""

    def run(self):
        """Return a list for each group of files."""
        self.env.note_reread()
        folder = ROOT / "_build" / FOLDER
        found: list[nodes.Node] = []
        groups: dict[str, nodes.bullet_list] = {}
        for group, path, words in getattr(self.config, "offered", []):
            if group not in groups:
                groups[group] = nodes.bullet_list()
                found += [nodes.paragraph("", "", nodes.strong(text=group)), groups[group]]
            size = path.stat().st_size
            shown = (
                f"{size / 1e6:.1f}\N{NO-BREAK SPACE}MB"
                if size >= 1e5
                else f"{size / 1e3:.0f}\N{NO-BREAK SPACE}kB"
            )
            name = path.relative_to(folder).as_posix()
            link = nodes.reference("", path.name, refuri=f"{FOLDER}/{name}")
            item = nodes.paragraph("", "", link, nodes.Text(f": {words}, {shown}"))
            groups[group] += nodes.list_item("", item)
        return found


def copy_files(app, error) -> None:
    """Lay the files beside the pages."""
    if error or app.builder.format != "html":
        return
    shutil.copytree(ROOT / "_build" / FOLDER, Path(app.outdir, FOLDER), dirs_exist_ok=True)


def setup(app):
    """Register with Sphinx."""
    app.add_directive("cite-this", CiteThis)
    app.add_directive("downloads", Downloads)
    app.connect("builder-inited", make_files)
    app.connect("build-finished", copy_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
