"""Compute the table of placements again: where and when work of 12 grids is best done.

``python data/place.py`` writes `placement/savings_2020.csv` from the intensities beside it. That
takes some minutes, so that chapters read the table; ``--starts 0:2`` does some of the starts only
and prints their rows. What each column holds is told in `placement/README.md`.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import datasets
from helpers.regions import (
    Placement,
    Site,
    Slots,
    cleanest_forecast,
    cleanest_now,
    follow_the_sun,
    place_work,
    rolling,
)

TABLE = Path(__file__).resolve().parent / "placement" / "savings_2020.csv"
#: 26 days apart through a year, so that all days of the week take their turn.
STARTS = [str(day.date()) for day in pd.date_range("2020-01-06", periods=13, freq="26D")]
RELEASED, SLACK, SEEN = 72, 24, 48  # slots of an hour: work comes, may wait, was seen before
CAPACITIES = (1.2, 2.0, np.inf)  # of each site, over the mean work released at one
TRANSFERS = (0, 50, 500)  # kWh for the data of a MWh of work
POLICY_TRANSFER = 50  # the same where nothing of the future is known
COLUMNS = ["start", "capacity", "transfer", "how", "emissions_g", "at_home_g", "gap", "moved"]


def sites(capacity: float, start: str) -> tuple[Slots, Slots]:
    """Return the slots of a start, and those before it."""
    grids = [
        Site(zone, datasets.carbon_intensity(zone, 2020), capacity) for zone in datasets.zones()
    ]
    first = pd.Timestamp(start, tz="UTC")
    before = Slots(grids, first - pd.Timedelta(hours=SEEN), SEEN)
    return Slots(grids, first, RELEASED + SLACK), before


def released() -> np.ndarray:
    """Return the work that each site releases in each hour [kWh]: 1 on average, most at 14 UTC."""
    day = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(RELEASED) - 8) / 24)
    return np.tile(day, (len(datasets.zones()), 1))


def best(capacity: float, transfer: float, start: str) -> dict[str, Placement]:
    """Return what is best, the future known: in time only, in space only, in both."""
    slots, _ = sites(capacity, start)
    work, home = released(), np.eye(len(slots.sites), dtype=bool)
    path = {"transfer_kwh_per_kwh": transfer / 1000}
    found = {"both": place_work(slots, work, slack=SLACK, **path)}
    if transfer == 0:  # what stays at home pays for no transfer
        found["time"] = place_work(slots, work, slack=SLACK, allowed=home)
    if capacity * len(slots.sites) >= work.sum(axis=0).max():  # else the peak finds no room at once
        found["space"] = place_work(slots, work, slack=0, **path)
    return found


def policies(capacity: float, start: str) -> dict[str, Callable[[], Placement]]:
    """Return what decides without the future, by name."""
    slots, before = sites(capacity, start)
    work, seen = released(), before.intensity()
    how = {"slack": SLACK, "transfer_kwh_per_kwh": POLICY_TRANSFER / 1000}
    places = [datasets.coordinates(site.name) for site in slots.sites]
    return {
        "now": lambda: cleanest_now(slots, work, **how),
        "sun": lambda: follow_the_sun(slots, work, places, **how),
        "forecast": lambda: cleanest_forecast(slots, work, before=seen, **how),
        "rolling": lambda: rolling(slots, work, before=seen, **how),
    }


def rows(start: str) -> Iterator[tuple]:
    """Yield the rows of a start, in the order of `COLUMNS`."""
    for capacity in CAPACITIES:
        for transfer in TRANSFERS:
            found = best(capacity, transfer, start)
            lower_g = found["both"].lower_g
            for how, one in found.items():
                yield _row(start, capacity, transfer, how, one, one.lower_g)
            if transfer == POLICY_TRANSFER:
                for how, decide in policies(capacity, start).items():
                    yield _row(start, capacity, transfer, how, decide(), lower_g)


def _row(
    start: str, capacity: float, transfer: float, how: str, one: Placement, lower_g: float
) -> tuple:
    gap = max(0.0, 1 - lower_g / one.emissions_g)
    figures = (f"{x:.7g}" for x in (one.emissions_g, one.at_home_g))
    return (start, f"{capacity:g}", transfer, how, *figures, f"{gap:.1e}", f"{one.moved:.4f}")


def main() -> None:
    """Write the table, or print some of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", help="some of the starts, as 0:2; their rows are printed")
    asked = parser.parse_args().starts
    low, _, high = (asked or f"0:{len(STARTS)}").partition(":")
    parts = []
    for start in STARTS[int(low) : int(high)]:
        table = pd.DataFrame(rows(start), columns=COLUMNS)
        parts.append(table.to_csv(index=False, header=not parts, lineterminator="\n"))
        if asked:
            print(parts[-1], end="", flush=True)
    if not asked:
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text("".join(parts), encoding="ascii")


if __name__ == "__main__":
    main()
