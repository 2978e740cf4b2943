"""Compute the tables of the chapter that shows one grid at a time, for each of the 12 grids.

``python data/grids.py`` writes the tables of `grids/` from the intensities and the log beside it.
That takes minutes, so that the chapter reads them; ``--zones FR,PL`` does some of the grids only
and prints their rows. What each table holds is told in `grids/README.md`.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import datasets
from helpers.decide import CarbonEasy, Easy, PastQuantile
from helpers.phases import Suspension, steady_job
from helpers.phases.model import Phase
from helpers.regions import Site, Slots, place_work
from helpers.schedule import pausing
from helpers.stats import ratio_of_sums
from helpers.study import Sized, Stretch, Study, gap_to_best
from helpers.timeline import weekly_at_random
from helpers.work import NodePower

FOLDER = Path(__file__).resolve().parent / "grids"
YEAR, SEED, HOUR_S = 2020, 1, 3600.0

# What pauses add: the job of the chapter on pauses, by work and start-up.
WORKS_H, STARTUPS_MIN = (2, 8, 24), (0, 5, 15, 30, 60, 120, 240)
POWER_W, WAIT = 200.0, "48h"

# Loads: the week, the jobs and the machine of the chapter on a finite cluster.
LOADS = (0.3, 0.7, 0.95)
WEEK, LOG_DAY = "2020-05-23", 37
CORE_W, CORES_PER_NODE = 8.0, 12
QUEUES = [(2 * HOUR_S, 6 * HOUR_S), (np.inf, 24 * HOUR_S)]
NODE = NodePower(
    idle_w=100.0, off_w=10.0, boot_w=125.0, boot_s=150.0, shutdown_w=100.0, shutdown_s=10.0
)
POLICIES = {
    "EASY": Easy(),
    "gated EASY": CarbonEasy(PastQuantile(0.4)),
    "carbon-aware EASY": CarbonEasy(PastQuantile(0.6), PastQuantile(0.7)),
}

# Where and when: the work and the starts of the chapter on places, released at one grid.
STARTS = [str(day.date()) for day in pd.date_range("2020-01-06", periods=13, freq="26D")]
RELEASED, SLACK = 72, 24  # slots of an hour: work comes, and may wait
OWN_CAPACITY = 2.0  # of the home, over its mean work
TRANSFER = 50  # kWh for the data of a MWh, where the room is varied
TRANSFERS = (0, 50, 200, 500, 1000)  # with endless room elsewhere
ROOMS = (0.05, 0.1, 0.2, 0.5, np.inf)  # of each other grid, over the mean work of the home


def pauses(zone: str) -> Iterator[tuple]:
    """Yield what pauses add beyond the best start, a row a work and start-up."""
    intensity = datasets.carbon_intensity(zone, YEAR)
    releases = weekly_at_random(intensity.start, intensity.stop, seed=SEED, head="10D", tail="17D")
    powers = {"power_w": POWER_W, "startup_power_w": POWER_W}
    for work_h, startup_min in product(WORKS_H, STARTUPS_MIN):
        job = steady_job(HOUR_S * work_h, startup_s=60 * startup_min, **powers)
        found = pausing.gains(job, intensity, releases, WAIT)
        extra = ratio_of_sums(100 * found["extra"], seed=SEED, resamples=2000)
        ends = (f"{x:.4f}" for x in (extra.value, extra.low, extra.high))
        paused = 100 * (found["resumes"] > 0).mean()
        yield (zone, work_h, startup_min, len(found), *ends, f"{paused:.2f}")


@cache  # what EASY does depends on no grid: it is replayed once for all of them
def study() -> Study:
    """Return a week of the log on machines of some sizes, in each grid."""
    stop = Suspension(save=(Phase("save", 60.0, CORE_W),))
    around = {"warm_days": 3, "late_days": 1, "queues": QUEUES, "power_w": CORE_W}
    log = datasets.job_log("unilu-gaia-2014")
    week = Stretch.from_log(log, LOG_DAY, **around, suspension=stop, errors="skip")
    curves = {zone: datasets.carbon_intensity(zone, None) for zone in datasets.zones()}
    clocks = {zone: datasets.time_zone(zone) for zone in curves}
    machine = Sized(CORES_PER_NODE, NODE)
    given = {WEEK: LOG_DAY}
    return Study({LOG_DAY: week}, machine, POLICIES, curves, clocks, given, blind=("EASY",))


def loads(zone: str) -> Iterator[tuple]:
    """Yield what policies emit on machines of some sizes, and what no schedule gets below."""
    found, unpaused = study(), ("EASY", "gated EASY")
    done = {load: {n: found.replay(n, load, zone, WEEK) for n in unpaused} for load in LOADS}
    gap = gap_to_best(found, zone, WEEK, done, ["carbon-aware EASY"], power_w=CORE_W, seed=SEED)
    for load, what in product(LOADS, gap.emissions_g):
        yield (zone, load, what, "jobs", f"{gap.emissions_g.loc[load, what]:.7g}")
    for load, name, sleep in product(LOADS, ("EASY", "carbon-aware EASY"), (False, True)):
        of_week = found.case(name, load, zone, WEEK, sleep)
        what = f"{name}, nodes sleep" if sleep else name
        yield (zone, load, what, "machine", f"{of_week['whole_g']:.7g}")


def places(zone: str) -> Iterator[tuple]:
    """Yield what work released in one grid emits by where and when it is done."""
    zones = list(datasets.zones())
    curves = {z: datasets.carbon_intensity(z, YEAR) for z in zones}
    own = np.eye(len(zones), dtype=bool)
    anywhere = own | (np.array(zones) == zone)[:, None]
    work = np.zeros((len(zones), RELEASED))
    work[zones.index(zone)] = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(RELEASED) - 8) / 24)
    cases = [(TRANSFER, room) for room in ROOMS]
    cases += [(transfer, np.inf) for transfer in TRANSFERS if transfer != TRANSFER]
    for transfer, room in cases:
        asked = {"place": (0, anywhere), "both": (SLACK, anywhere)}
        if (transfer, room) == (0, np.inf):
            asked["time"] = (SLACK, own)  # what stays at home pays for no transfer, needs no room
        for how, (slack, allowed) in asked.items():
            grams = []
            for start in STARTS:
                sites = [Site(z, curves[z], OWN_CAPACITY if z == zone else room) for z in zones]
                slots = Slots(sites, pd.Timestamp(start, tz="UTC"), RELEASED + SLACK)
                path = {"slack": slack, "transfer_kwh_per_kwh": transfer / 1000}
                best = place_work(slots, work, allowed=allowed, **path)
                grams.append((best.at_home_g - best.emissions_g, best.at_home_g, best.moved))
            saved_g, home_g, moved = np.array(grams).T
            ends = ratio_of_sums(100 * saved_g, home_g, seed=SEED)
            told = (f"{x:.4f}" for x in (ends.value, ends.low, ends.high, moved.mean()))
            yield (zone, transfer, f"{room:g}", how, len(STARTS), *told)


TABLES: dict[str, tuple[Callable[[str], Iterator[tuple]], list[str]]] = {
    "pauses": (
        pauses,
        ["zone", "work_h", "startup_min", "weeks", "extra", "low", "high", "paused"],
    ),
    "loads": (loads, ["zone", "load", "what", "of", "emissions_g"]),
    "places": (
        places,
        ["zone", "transfer", "room", "how", "starts", "saved", "low", "high", "moved"],
    ),
}


def main() -> None:
    """Write the tables, or print some of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zones", help="some of the grids, as FR,PL; their rows are printed")
    parser.add_argument("--tables", help="some of the tables, as pauses,loads")
    asked = parser.parse_args()
    zones = asked.zones.split(",") if asked.zones else datasets.zones()
    for name in asked.tables.split(",") if asked.tables else TABLES:
        rows, columns = TABLES[name]
        table = pd.DataFrame([row for zone in zones for row in rows(zone)], columns=columns)
        text = table.to_csv(index=False, lineterminator="\n")
        if asked.zones:
            print(text, end="", flush=True)
        else:
            (FOLDER / f"{name}.csv").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
