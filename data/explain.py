"""Playbooks by grid and season: fitted to one year's week, judged on every season's week of the next.

    python data/explain.py

The jobs are a week of the Gaia log, the machine is roomy (157 nodes): what is told apart there is
carbon, not want of cores.

writes ``data/explanations/playbooks.csv`` (how far each agrees with its teacher, season by season)
and ``data/explanations/rules.csv`` (what each says). The jobs, the machine and the teacher are
those of the chapter *Explaining decisions*; the teacher is EASY that holds jobs in the dirtier hours
and never stops one, since a playbook cannot stop one either. What is followed is compared with the
teacher in the season's next week, against EASY.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import datasets
from helpers.cluster import replay
from helpers.cluster.replayed import Replay
from helpers.decide import CarbonEasy, Easy, PastQuantile, Policy
from helpers.decide.playbook import FEATURES, Follow, Playbook, Watched, learn
from helpers.phases import Suspension
from helpers.phases.model import Phase
from helpers.study import Stretch
from helpers.work import Cluster

FOLDER = Path(__file__).resolve().parent / "explanations"
ZONES = ("DE", "FR", "GB", "PL")
WEEKS = {  # Saturdays, as the week of the log begins on one
    "winter": ("2019-01-19", "2020-01-18"),
    "spring": ("2019-04-13", "2020-04-11"),
    "summer": ("2019-07-06", "2020-07-04"),
    "autumn": ("2019-10-12", "2020-10-10"),
}
HOUR_S = 3600.0


def stretch() -> Stretch:
    """Return the week of jobs, as in the chapter."""
    return Stretch.from_log(
        datasets.job_log("unilu-gaia-2014"),
        30,
        queues=[(2 * HOUR_S, 6 * HOUR_S), (np.inf, 24 * HOUR_S)],
        power_w=8.0,
        suspension=Suspension(save=(Phase("save", 60.0, 8.0),)),
        errors="skip",
    )


def replayed(work: Stretch, zone: str, date: str, policy: Policy) -> Replay:
    """Return what a policy does in a week of a grid."""
    return replay(
        work.work,
        Cluster(157, 12),
        policy,
        intensity=datasets.carbon_intensity(zone, None),
        origin=work.origin(date, datasets.time_zone(zone)),
    )


def watched(work: Stretch, zone: str, date: str) -> tuple[pd.DataFrame, float]:
    """Return what the teacher did in a week of a grid, and what its jobs emitted [g CO2e]."""
    teacher = Watched(CarbonEasy(PastQuantile(0.4)))
    done = replayed(work, zone, date, teacher)
    return teacher.table, float(done.emissions_g()["jobs"])


def threshold(book: Playbook) -> float:
    """Return up to which share of cleaner hours a job may start, by the first rule on it [%]."""
    which = list(FEATURES).index("cleaner_percent")
    found = [t for f, t in zip(book.feature, book.threshold, strict=True) if f == which]
    return found[0] if found else float("nan")


def in_grams(zone: str, date: str, cleaner_percent: float) -> float:
    """Return the intensity that so many hours of a week stay at or below [g CO2e/kWh]."""
    start = pd.Timestamp(date, tz=datasets.time_zone(zone))
    week = datasets.carbon_intensity(zone, None).window(start, start + pd.Timedelta(days=7))
    return float(np.quantile(week.intensity_g_per_kwh, cleaner_percent / 100))


def main() -> None:
    """Fit and judge, and write both tables."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    work, judged, rules = stretch(), [], []
    for zone in ZONES:
        seen = {
            (season, year): watched(work, zone, dates[year])
            for season, dates in WEEKS.items()
            for year in (0, 1)
        }
        for season, dates in WEEKS.items():
            book = learn(seen[season, 0][0], "gated EASY")
            rules += [
                {"zone": zone, "season": season, "cleaner_percent": threshold(book)} | row
                for row in book.table.to_dict("records")
            ]
            plain, followed = (
                float(replayed(work, zone, dates[1], p).emissions_g()["jobs"])
                for p in (Easy(), Follow(book))
            )
            saved = {
                "g_per_kwh": in_grams(zone, dates[1], threshold(book)),
                "teacher_saved": 100 * (1 - seen[season, 1][1] / plain),
                "playbook_saved": 100 * (1 - followed / plain),
            }
            judged += [
                {"zone": zone, "fitted": season, "judged": other}
                | asdict(book.agreement(seen[other, 1][0]))
                | (saved if other == season else {})
                for other in WEEKS
            ]
        print(zone, flush=True)
    FOLDER.mkdir(exist_ok=True)
    for name, rows in (("playbooks", judged), ("rules", rules)):
        table = pd.DataFrame(rows)
        table.to_csv(FOLDER / f"{name}.csv", index=False, float_format="%.2f", lineterminator="\n")


if __name__ == "__main__":
    main()
