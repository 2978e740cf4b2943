"""The most memory that a process holds: ``peaks.py sacct FILE`` or ``peaks.py account JOBS``.

Each is run in a process of its own, as the memory of others would count too.
"""

import argparse
import json
import resource
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sacct_export import FIRST_S

from helpers.carbon import Intensity

STEPS = 366 * 288


def year():
    """Return a curve of a year of five minutes."""
    edges_s = FIRST_S + 300.0 * np.arange(STEPS + 1)
    values = 300 + 100 * np.sin(np.arange(STEPS) / 144)
    return Intensity(edges_s, values, "average", "DE", "generated")


def uses(jobs):
    """Return jobs of a year to charge, and a curve of five minutes."""
    rng, intensity = np.random.default_rng(1), year()
    start_s = FIRST_S + rng.uniform(0, 360 * 86400, jobs)
    stop_s = np.minimum(start_s + rng.exponential(7200, jobs), intensity.edges_s[-1])
    return start_s, stop_s, rng.uniform(10, 1000, jobs), intensity


def sacct(path):
    """Account for an export by user and by month."""
    from helpers.jobs import sacct_footprint

    footprint = sacct_footprint(path, year(), time_zone="Europe/Berlin", power=10.0)
    footprint.by("user")
    footprint.by("group", "month")


def account(jobs):
    """Charge jobs, each in total."""
    from helpers.carbon.totals import totals

    totals(*uses(int(jobs)), pue=1.3)


def peak_mb():
    """Return the most memory that this process held [MB]."""
    status = Path("/proc/self/status")
    if status.exists():  # what Linux tells as `ru_maxrss` counts the process that started this, too
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024 / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["sacct", "account"])
    parser.add_argument("of", help="an export of sacct, or how many jobs")
    asked = parser.parse_args()
    {"sacct": sacct, "account": account}[asked.what](asked.of)
    print(json.dumps({"peak_mb": peak_mb()}))
