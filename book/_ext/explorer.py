"""The page on which a reader moves a job through a year: its form, and the grids it reads.

* ``{explorer}`` writes the form; `_static/explore.js` computes and draws.
* The grids, embedded data of this repository, are written beside the built pages, one script a
  grid and year, so that a page opened from a disk can read them without a server.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

FOLDER = "grids"
FORM = """
<form class="explore" data-folder="{folder}" onsubmit="return false" aria-label="One job on one grid">
<div class="explore-knobs">
<label>Grid <select name="zone">{zones}</select></label>
<label>Day <input type="date" name="day" value="{last}-06-16" min="{first}-01-01" max="{last}-12-31"></label>
<label>Submitted at <select name="hour">{hours}</select></label>
<label>Longest wait <output data-for="wait"></output>
<input type="range" name="wait" min="0" max="168" step="1" value="48"></label>
<label>Work <output data-for="work"></output>
<input type="range" name="work" min="1" max="48" step="1" value="12"></label>
<label>Start-up, at each resume <output data-for="startup" data-unit="min"></output>
<input type="range" name="startup" min="0" max="120" step="15" value="15"></label>
<label>Power of the work, W <input type="number" name="workW" min="1" max="100000" value="300"></label>
<label>Power of the start-up, W
<input type="number" name="startupW" min="0" max="100000" value="200"></label>
<label>Where it may run <select name="where"><option value="home">on this grid</option>
<option value="all">on any grid</option></select></label>
<label>Moving it, kWh a MWh of its energy <output data-for="move" data-unit="kWh"></output>
<input type="range" name="move" min="0" max="500" step="10" value="50"></label>
</div>
<div class="explore-said" aria-live="polite"></div>
<p class="explore-legend" aria-hidden="true"><span class="key curve"></span> carbon intensity
<span class="key startup"></span> start-up <span class="key now"></span> work, at once
<span class="key best"></span> work, at its best</p>
<svg class="explore-window" role="img" aria-label="Carbon intensity over the window, and below it
the job at once, at its best start, and with its best pauses; the text above says the same"></svg>
<svg class="explore-waits" role="img" aria-label="Share saved over the longest wait, for the best
start and for the best pauses"></svg>
<div class="explore-where" aria-live="polite"></div>
<p class="explore-more"><a class="explore-link" href="#">Link to this job</a></p>
<details><summary>The same in Python</summary><pre class="explore-python"></pre></details>
<details><summary>The same as <code>sbatch</code>, counted from now</summary>
<pre class="explore-sbatch"></pre></details>
<noscript><p>This page computes in the browser and needs JavaScript; nothing is sent.</p></noscript>
</form>
<script src="{static}chart.js"></script>
<script src="{static}explore.js"></script>
"""


class Explorer(SphinxDirective):
    """The form of the page, in HTML; other builders show a sentence."""

    def run(self):
        """Return the form as raw HTML, with the files it needs relative to its page."""
        from helpers import datasets

        up = "../" * self.env.docname.count("/")
        names = {zone: datasets.place(zone) for zone in datasets.zones()}
        zones = "".join(
            f'<option value="{escape(zone)}"{" selected" if zone == "DE" else ""}>'
            f"{escape(name)} ({escape(zone)})</option>"
            for zone, name in sorted(names.items(), key=lambda item: item[1])
        )
        hours = "".join(
            f'<option value="{h}"{" selected" if h == 18 else ""}>{h}:00</option>'
            for h in range(24)
        )
        form = FORM.format(
            first=min(datasets.years()),
            last=max(datasets.years()),
            folder=f"{up}_static/{FOLDER}/",
            static=f"{up}_static/",
            zones=zones,
            hours=hours,
        )
        elsewhere = nodes.paragraph(text="(This figure answers only in a browser.)")
        only = nodes.container("", elsewhere, classes=["not-html"])
        return [nodes.raw("", form, format="html"), only]


def grid_script(zone: str, year: int) -> str:
    """Return the script that hands a grid's year to the page [g/kWh to a tenth]."""
    from helpers import datasets

    intensity = datasets.carbon_intensity(zone, year)
    steps_s = set(intensity.edges_s[1:] - intensity.edges_s[:-1])
    if len(steps_s) != 1:
        raise ValueError(f"{zone} {year}: steps of {sorted(steps_s)} s; the page needs one length.")
    grid = {
        "start_s": intensity.edges_s[0],
        "step_s": steps_s.pop(),
        "time_zone": datasets.time_zone(zone),
        "values": [round(float(g), 1) for g in intensity.intensity_g_per_kwh],
    }
    return f'cleanHours.grid("{zone}_{year}", {json.dumps(grid, separators=(",", ":"))});\n'


def write_grids(app, error) -> None:
    """Write every grid and year beside the pages."""
    if error or app.builder.format != "html":
        return
    from helpers import datasets

    folder = Path(app.outdir, "_static", FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for zone in datasets.zones():
        for year in datasets.years():
            path = folder / f"{zone}_{year}.js"
            path.write_text(grid_script(zone, year), encoding="ascii")


def drop_fallback(app, doctree, docname) -> None:
    """Leave the sentence for other builders out of HTML."""
    if app.builder.format == "html":
        for node in list(doctree.findall(nodes.container)):
            if "not-html" in node["classes"]:
                node.parent.remove(node)


def setup(app):
    """Register with Sphinx."""
    app.add_directive("explorer", Explorer)
    app.connect("doctree-resolved", drop_fallback)
    app.connect("build-finished", write_grids)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
