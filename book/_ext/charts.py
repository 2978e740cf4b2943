"""Interactive charts without another host: plotly's library, beside the pages.

A chart (`helpers.figures.OfflineChart`) loads ``_static/plotly/plotly.min.js`` when a reader asks
for it, and no page loads it before. It is copied from the installed package, so that nothing of it
is kept in this repository.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

FOLDER = "plotly"


def copy_library(app, error) -> None:
    """Copy plotly's library beside the pages."""
    if error or app.builder.format != "html":
        return
    found = importlib.util.find_spec("plotly")
    if found is None:
        raise RuntimeError("plotly is not installed: charts need plotly.min.js; see requirements.")
    source = Path(found.submodule_search_locations[0], "package_data", "plotly.min.js")
    folder = Path(app.outdir, "_static", FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / source.name)


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", copy_library)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
