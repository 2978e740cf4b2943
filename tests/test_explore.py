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
