"""The page that computes in the browser computes what the package computes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import datasets
from helpers.phases import Phase, PhaseModel
from helpers.regions import Site, SiteJobs, Slots, place_jobs
from helpers.schedule import best_start, least_emissions_g

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import explorer  # noqa: E402

ASK = """
const core = require(process.argv[1]);
const grids = {};
globalThis.cleanHours = { grid: (name, grid) => { grids[name] = grid; } };
require(process.argv[2]);
const answers = JSON.parse(process.argv[3]).map((p) => {
  const sums = core.summed(grids["DE_2020"], p.from_s, p.slots);
  const start = core.bestStart(sums, p, p.slots);
  const pauses = core.bestPauses(sums, p, p.slots);
  return [start.now, start.grams, pauses.grams, pauses.runs.length];
});
console.log(JSON.stringify(answers));
"""


def problems():
    rng = np.random.default_rng(1)
    start_s = int(datasets.carbon_intensity("DE", 2020).edges_s[0])
    for _ in range(12):
        work, startup, wait = rng.integers(4, 60), rng.integers(0, 6), rng.integers(0, 200)
        yield {
            "from_s": start_s + 900 * int(rng.integers(0, 30000)),
            "work": int(work),
            "startup": int(startup),
            "slots": int(work + startup + wait),
            "workW": int(rng.integers(50, 500)),
            "startupW": int(rng.integers(0, 500)),
        }


def by_package(problem):
    startup_s, work_s = 900 * problem["startup"], 900 * problem["work"]
    startup = [Phase("start", startup_s, problem["startupW"])] if startup_s else []
    job = PhaseModel("job", startup, [Phase("work", work_s, problem["workW"])])
    release, deadline = problem["from_s"], problem["from_s"] + 900 * problem["slots"]
    intensity = datasets.carbon_intensity("DE", 2020)
    start = best_start(job, intensity, release, deadline)
    from helpers.schedule import charge

    return charge(start, job, intensity).emissions_g, least_emissions_g(
        job, intensity, release, deadline
    )


PLACES = """
const core = require(process.argv[1]);
const grids = {};
globalThis.cleanHours = { grid: (name, grid) => { grids[name.split("_")[0]] = grid; } };
process.argv.slice(3).forEach((path) => require(path));
const answers = JSON.parse(process.argv[2]).map((p) =>
  core.bestPlaces(grids, p.home, p.from_s, p, p.slots, p.move));
console.log(JSON.stringify(answers));
"""


def by_placement(problem, zones):
    """Where and when by the package: one whole job over sites in slots of a quarter of an hour."""
    slots, kw = problem["slots"], problem["workW"] / 1000
    sites = [Site(zone, datasets.carbon_intensity(zone, 2020)) for zone in zones]
    length_s = 900.0 * problem["work"]
    moved_kwh = problem["move"] * kw * length_s / 3600
    job = SiteJobs(
        np.array([zones.index(problem["home"])]),
        np.zeros(1, int),
        np.array([slots - problem["work"]]),
        np.array([length_s]),
        np.array([kw]),
        np.array([moved_kwh]),
    )
    found = place_jobs(Slots(sites, problem["from_s"], slots, "15min"), job)
    return zones[found.site[0]], int(found.start[0]), found.emissions_g


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_where_and_when_is_what_the_package_finds(tmp_path):
    zones = ["DE", "ES", "FR", "GB", "PL"]
    scripts = []
    for zone in zones:
        scripts.append(tmp_path / f"{zone}.js")
        scripts[-1].write_text(explorer.grid_script(zone, 2020), encoding="ascii")
    rng = np.random.default_rng(2)
    asked = [
        p | {"startup": 0, "slots": p["slots"] + 4, "move": float(move), "home": str(home)}
        for p, move, home in zip(
            problems(), rng.choice([0, 0.05, 0.5, 3], 12), rng.choice(zones, 12), strict=True
        )
    ]
    script = str(ROOT / "book" / "_static" / "explore.js")
    command = ["node", "-e", PLACES, "--", script, json.dumps(asked), *map(str, scripts)]
    answers = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    stayed = 0
    for problem, places in zip(asked, answers, strict=True):
        zone, _, grams = by_placement(problem, zones)
        stayed += zone == problem["home"]

        # The page's intensities are rounded to a tenth of a gram.
        assert grams == pytest.approx(places[0]["grams"], rel=2e-3)
        assert zone in [p["zone"] for p in places if p["grams"] < 1.002 * places[0]["grams"]]
        assert sorted(zones) == sorted(p["zone"] for p in places)
    assert 0 < stayed < len(asked)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_page_finds_the_emissions_that_the_package_finds(tmp_path):
    grid = tmp_path / "DE_2020.js"
    grid.write_text(explorer.grid_script("DE", 2020), encoding="ascii")
    asked = list(problems())
    command = [
        "node",
        "-e",
        ASK,
        "--",
        str(ROOT / "book" / "_static" / "explore.js"),
        str(grid),
        json.dumps(asked),
    ]
    answers = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    expected = np.array([by_package(problem) for problem in asked])
    found = np.array([answer[1:3] for answer in answers])
    # The page's intensities are rounded to a tenth of a gram.
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_every_grid_and_year_of_the_page_can_be_written():
    for zone in datasets.zones():
        for year in datasets.years():
            assert explorer.grid_script(zone, year).startswith(f'cleanHours.grid("{zone}_{year}"')
