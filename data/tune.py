"""Turn the knobs of carbon-aware EASY in four grids, and judge what comes of it a year later.

    python data/tune.py search --work FOLDER     # about half an hour of one core; goes on if killed
    python data/tune.py judge --work FOLDER      # a few minutes; writes data/knobs
    python data/tune.py bound --work FOLDER      # a few minutes; writes data/knobs/left.csv

needs the extra ``learn``: Optuna, and torch for the Gaussian process. Work, machine and limit are
told in ``data/knobs/README.md``. Knobs are tuned on weeks of 2019 with some weeks of the log and
judged on weeks of 2020 with others.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import datasets
from helpers.bound import least_throttled
from helpers.decide import Easy
from helpers.files import write_whole
from helpers.learn.knobs import (
    CARBON_EASY,
    HAND_SET,
    SAMPLERS,
    Knob,
    Limit,
    Tuned,
    Tuning,
    carbon_easy,
)
from helpers.phases import Suspension, Throttle
from helpers.phases.model import Phase
from helpers.power.caps import cap_curves, fit_exponent
from helpers.study import Sized, Stretch, Study, in_turn, patience_s, spread_weeks
from helpers.study.measures import jobs_emit_g
from helpers.work import NodePower

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "knobs"
ZONES = ("DE", "FR", "GB", "PL")
SEEDS = {"waiting": (1,), "waiting and caps": (1,)}
TRIALS = 16
LIMIT = Limit(6.0)  # mean delay [h]
HOUR_S, CORE_W, LOAD = 3600.0, 8.0, 0.7
# Weeks of the log with few short jobs, which cost least; none is both tuned and judged on.
TUNED_DAYS, JUDGED_DAYS = (2, 23), (30, 37)
TUNED = spread_weeks("2019-01-12", 12)  # Saturdays, as the weeks of the log
JUDGED = spread_weeks("2020-01-18", 12)
LEFT_ZONES, LEFT_WEEK = ("DE",), JUDGED[4]  # in May, as the certified week of finite clusters
# The shares of the chapter on finite clusters; waits cut by hand until the limit held in 2019.
BY_HAND = HAND_SET | {"wait": 0.45}
CAPS = {"cap": Knob(0.5, 1.0), "cap_above": Knob(0.05, 0.95)}
NO_CAPS = {"cap": 1.0, "cap_above": 0.5}
FAMILIES = {"waiting": SAMPLERS, "waiting and caps": ("tpe",)}


@cache
def throttle() -> Throttle:
    """Return how a cap slows jobs down, as measured on GPUs: the tables are downloaded."""
    return Throttle(fit_exponent(cap_curves(datasets.power_caps())))


@cache
def study() -> Study:
    """Return work, machines, grids and weeks."""
    log = datasets.job_log("unilu-gaia-2014")
    around = {"warm_days": 1, "late_days": 1}
    queues = [(2 * HOUR_S, 6 * HOUR_S), (np.inf, 24 * HOUR_S)]
    rules = {"power_w": CORE_W, "suspension": Suspension(save=(Phase("save", 60.0, CORE_W),))}
    work = {}
    for day in (*TUNED_DAYS, *JUDGED_DAYS):
        plain = Stretch.from_log(log, day, **around, queues=queues, **rules, errors="skip")
        work[day] = replace(plain, work=replace(plain.work, throttle=throttle()))
    turns = {"every_days": 28}
    return Study(
        stretches=work,
        machine=Sized(12, NodePower(idle_w=100.0)),
        policies={"EASY": Easy()},
        grids={zone: datasets.carbon_intensity(zone, None) for zone in ZONES},
        time_zones={zone: datasets.time_zone(zone) for zone in ZONES},
        weeks=in_turn(TUNED, TUNED_DAYS, since=TUNED[0], **turns)
        | in_turn(JUDGED, JUDGED_DAYS, since=JUDGED[0], **turns),
        blind=("EASY",),
        loads=(LOAD,),
    )


def tuning(family: str) -> Tuning:
    """Return what is tuned: waiting alone, or with power caps."""
    knobs, by_hand = dict(CARBON_EASY), dict(BY_HAND)
    if family == "waiting and caps":
        knobs, by_hand = knobs | CAPS, by_hand | NO_CAPS
    return Tuning(study(), carbon_easy, knobs, by_hand, LIMIT, TUNED)


def found(work: Path, family: str, zone: str) -> list[Tuned]:
    """Search for the knobs of a family in a grid, or read what was found."""
    return tuning(family).search_all(
        [zone],
        FAMILIES[family],
        SEEDS[family],
        trials=TRIALS,
        out=work / f"{family} {zone}",
        workers=1,
    )


def part_search(work: Path) -> None:
    """Search in every grid, and say what was found."""
    for family, zone in itertools.product(FAMILIES, ZONES):
        print(*found(work, family, zone), sep="\n", flush=True)


def kept(path: Path, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return a table of the work folder, computed if it is not there."""
    if not path.exists():
        write_whole(path, compute().to_csv(index=False))
    return pd.read_csv(path)


def part_judge(work: Path) -> None:
    """Write what was found, how it did in weeks not seen, and what other limits would have chosen."""
    judged, limits, rows = [], [], []
    for family, zone in itertools.product(FAMILIES, ZONES):
        ones = found(work, family, zone)
        rows += [told(family, one) for one in ones]
        table = kept(
            work / f"judged {family} {zone}.csv",
            lambda family=family, ones=ones: tuning(family).judge(ones, JUDGED).table,
        )
        if family != "waiting":  # what was set by hand is there already
            table = table[table["policy"].isin(FAMILIES[family])]
        judged.append(table.assign(family=family))
        random = [one for one in ones if one.sampler == "random"]
        if random:
            limits.append(
                kept(
                    work / f"limits {zone}.csv",
                    lambda random=random: pd.DataFrame(
                        r for one in random for r in other_limits(one)
                    ),
                )
            )
        print(family, zone, flush=True)
    columns = [
        "family",
        "policy",
        "zone",
        "seed",
        "week",
        "jobs_g",
        "jobs",
        "delay_h",
        "late",
        "stops",
    ]
    save("found.csv", pd.DataFrame(rows))
    save("weeks.csv.bz2", pd.concat(judged)[columns])
    save("limits.csv", pd.concat(limits))


def told(family: str, one: Tuned) -> dict[str, object]:
    """Return what a search found, as a row."""
    saved = one.saved_percent
    return {
        "family": family,
        "zone": one.zone,
        "sampler": one.sampler,
        "seed": one.seed,
        "trials": len(one.trials),
        "allowed_trials": int(one.trials["allowed"].sum()),
        **one.chosen,
        "saved_percent": saved.value,
        "saved_low": saved.low,
        "saved_high": saved.high,
        "delay_h": one.trials["delay_h"].to_numpy()[one.best],
        "upper_h": one.upper,
        "versions": " ".join(f"{name} {version}" for name, version in one.versions.items()),
    }


def other_limits(one: Tuned) -> Iterator[dict[str, object]]:
    """Yield what limits on fewer weeks, or on the mean, would have chosen of the same trials."""
    weekly = one.weekly.pivot_table(["delay_h", "saved_g"], "trial", "week")
    every = list(TUNED)
    pairs = {f"mean of 2 weeks, {i + 1}": every[2 * i : 2 * i + 2] for i in range(6)}
    rules = {"upper quantile of 12 weeks": every, "mean of 12 weeks": every, **pairs}
    seen: dict[int, pd.DataFrame] = {}
    for rule, weeks in rules.items():
        delay, saved = (weekly[of][weeks] for of in ("delay_h", "saved_g"))
        told_h = delay.apply(LIMIT.upper, axis=1) if "upper" in rule else delay.mean(axis=1)
        within = told_h <= LIMIT.most
        # Where none keeps to it, the least delay is what is left, as in a search.
        best = int(saved.sum(axis=1)[within].idxmax() if within.any() else told_h.idxmin())
        if best not in seen:
            values = {name: one.trials[name].to_numpy()[best].item() for name in one.knobs}
            seen[best] = tuning("waiting").measured(one.zone, JUDGED, values)
        judged = seen[best]
        yield {
            "rule": rule,
            "zone": one.zone,
            "seed": one.seed,
            "trial": best,
            "promised_h": told_h[best],
            "judged_h": judged["delay_h"].mean(),
            "saved_percent": 100 * judged["saved_g"].sum() / judged["base_g"].sum(),
        }


def part_bound(work: Path) -> None:
    """Write what is left to be saved in one week of each grid, with waiting and with caps, too."""
    rows = []
    for zone in LEFT_ZONES:
        origin, stretch = study().origin(zone, LEFT_WEEK), study().stretch(LEFT_WEEK)
        policies = {"EASY": Easy(), "hand-set": carbon_easy(**BY_HAND)}
        for family in FAMILIES:
            one = next(t for t in found(work, family, zone) if t.sampler == "tpe")
            policies[family] = carbon_easy(**one.chosen)
        done = {
            name: study().replay_under(policy, LOAD, zone, LEFT_WEEK)
            for name, policy in policies.items()
        }
        jobs, signal = stretch.work.jobs, study().grids[zone]
        ends_s = jobs["submit_s"] + jobs["run_s"] + patience_s(stretch.work, done.values()) + 1e-3
        cores = study().cluster(LOAD, LEFT_WEEK).cores
        grams = {name: jobs_emit_g(one, signal) for name, one in done.items()}
        for share in (1.0, CAPS["cap"].low):
            bound = least_throttled(
                stretch.work, cores, signal, ends_s, origin=origin, least_share=share, iterations=12
            )
            grams["bound" if share == 1 else "bound, caps"] = bound.lower_g
        rows += [
            {"zone": zone, "week": LEFT_WEEK, "of": of, "jobs_g": g} for of, g in grams.items()
        ]
        print(rows[-len(grams) :], flush=True)
    save("left.csv", pd.DataFrame(rows))


def save(name: str, table: pd.DataFrame) -> None:
    """Write a table with as many digits as anybody needs."""
    FOLDER.mkdir(exist_ok=True)
    write_whole(FOLDER / name, table.to_csv(index=False, float_format="%.7g", lineterminator="\n"))


PARTS = {"search": part_search, "judge": part_judge, "bound": part_bound}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=PARTS, help="what to compute")
    parser.add_argument("--work", type=Path, required=True, help="folder for what parts share")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    PARTS[options.part](options.work)
    from derive import write_registry  # beside this file, which Python looks at first

    write_registry(HERE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
