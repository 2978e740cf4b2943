"""Train the policies of the chapter *Learning policies*, and judge them beside rules.

``python data/learn.py train --seed 1`` trains one policy (minutes; needs the extra
``learn``); ``collect`` puts all that were trained into `data/learning/`; ``calibrate`` finds, on
weeks of 2019 that were not trained on, the price of delay at which each holds a limit; ``judge`` and
``ablate`` lay rules and policies on the weeks of test, ``bound`` says what no schedule gets above.
These need no torch. ``all`` does everything in turn; what is done already lies in the folder ``--work``.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers import datasets
from helpers.carbon.forecast import train as regression
from helpers.carbon.signal import Forecasts, Intensity
from helpers.cluster import Replay, replay
from helpers.cluster.account import job_energy
from helpers.decide import CarbonEasy, Easy, PastQuantile, Policy
from helpers.files import read_text, write_whole
from helpers.learn import Advised, Case, Gated, Learned, Net, Observer, Price, Priced
from helpers.learn.frontier import priced_g
from helpers.learn.price import price_at
from helpers.predict import features, learn
from helpers.predict.estimators import stored
from helpers.study import Sized, Stretch, delay_s, in_turn, spread_weeks
from helpers.sweep import sweep
from helpers.work import NodePower

FOLDER = Path(__file__).resolve().parent / "learning"
ZONES, SEEDS, LIMITS_H = ("DE", "FR", "GB", "PL"), (1, 2, 3), (0.5, 1.0, 2.0)
LOG, LOAD, CORE_W = "unilu-gaia-2014", 0.7, 8.0
HOUR_S, DAY_S, WEEK_S = 3600.0, 86_400.0, 604_800.0
#: Weeks of the log to train on, and to test on; no job is in both.
TRAINING_DAYS, TEST_DAYS = (7, 14, 21), (30, 37)
#: From May on: the forecasts of the weeks of training are learned on the months before.
TRAINING = spread_weeks("2019-05-11", 12, over_days=224)
#: Weeks of other carbon, the jobs of training: in them the price of each limit is found.
VALIDATION = tuple(f"2019-{day}" for day in ("10-26", "11-09", "11-23", "12-07"))
TEST = spread_weeks("2020-01-18", 8, over_days=336)
LEARNED = {"2019": ("2019-01-09", "2019-05-01"), "2020": ("2019-01-09", "2019-12-28")}
SLOTS, LARGE_CORE_H = 16, 50.0
#: Prices of an hour of one job's delay [kWh at mean intensity]: in training between these.
TRAINED_KWH = (0.0003, 0.02)
TRIED_KWH = tuple(float(f"{x:.2g}") for x in np.geomspace(*TRAINED_KWH, 6))
STEPS = 100_000  # times at which something is asked in training
#: What is trained with less, and with all for as long: ``short``.
KINDS = ("short", "no forecast", "no lengths", "no imitation", "no masks")
SHORT_STEPS = 10_000
ERRORS = ("forecast 0.1", "forecast 0.3", "lengths 0.5", "lengths 1.5")
AIM_H = 1.0  # of what is trained with less
SHARES, PRICES_KWH = (0.2, 0.4, 0.6), (0.0003, 0.001, 0.003, 0.01)
BOUND_KWH = (0.0, *np.round(np.geomspace(0.1, 1000.0, 25), 3))


@functools.cache
def stretch(day: int) -> Stretch:
    """Return a week of jobs with those around it."""
    queues = [(2 * HOUR_S, 6 * HOUR_S), (np.inf, 24 * HOUR_S)]
    return Stretch.from_log(
        datasets.job_log(LOG), day, queues=queues, power_w=CORE_W, errors="skip"
    )


@functools.cache
def lengths_s() -> dict[Any, np.ndarray]:
    """Return quantiles of run times by job, each learned from jobs that had ended before [s]."""
    log = datasets.job_log(LOG)
    late = stored(log, datasets.predictions("run_times")).calibrated()
    found = dict(zip(log.jobs["job_id"].to_numpy()[late.rows], late.values, strict=True))
    early = pd.read_csv(FOLDER / "lengths.csv.bz2").set_index("job_id")
    return dict(zip(early.index, early.to_numpy(np.float64), strict=True)) | found


def part_lengths() -> None:
    """Write quantiles for the weeks of training, each learned from jobs that had ended before."""
    log = datasets.job_log(LOG)
    jobs = log.jobs
    known = jobs["submit_s"] < jobs["submit_s"].min() + 4 * WEEK_S
    part = log.with_jobs(jobs[known].reset_index(drop=True))
    said = learn(part, features(part), first_s=6 * DAY_S).calibrated()
    table = pd.DataFrame(np.maximum(np.round(said.values), 1).astype(int))
    table.columns = [f"q{100 * level:02.0f}_s" for level in said.levels]
    table.insert(0, "job_id", part.jobs["job_id"].to_numpy()[said.rows])
    save("lengths.csv.bz2", table)


def save(name: str, table: pd.DataFrame, decimals: int = 4) -> None:
    """Write a table, its numbers rounded."""
    FOLDER.mkdir(exist_ok=True)
    write_whole(FOLDER / name, table.round(decimals).to_csv(index=False, lineterminator="\n"))
    print(f"{name}: {len(table)} rows", flush=True)


@functools.cache
def forecasts(zone: str, year: str) -> Forecasts:
    """Return forecasts of two days for all hours of a year, learned on what came before."""
    curve, clock = datasets.carbon_intensity(zone, None), datasets.time_zone(zone)
    first, last = LEARNED[year]
    stop = f"{int(year)}-12-28"
    leads_s = HOUR_S * np.arange(49)
    past = pd.date_range(first, last, freq="h", tz="UTC")
    model = regression(curve, past, leads_s, time_zone=clock)
    begin = past[-1] + pd.Timedelta(hours=49)
    return model.forecasts(curve, pd.date_range(begin, pd.Timestamp(stop, tz="UTC"), freq="h"))


def case(zone: str, day: int, date: str) -> Case:
    """Return a week of jobs in a week of a grid."""
    work, curve = stretch(day), datasets.carbon_intensity(zone, None)
    known = forecasts(zone, date[:4])
    cluster = Sized(12, NodePower(100.0, 10.0))(LOAD, work)
    return Case(
        work.work, cluster, curve, work.origin(date, datasets.time_zone(zone)),
        counted=work.counted, forecaster=known.issued_at,
        lengths_s=lengths_s(), name=f"{zone} {date} {day}",
    )  # fmt: skip


@functools.cache
def weeks(of: str) -> dict[str, Any]:
    """Return dates of training, validation or test, and the week of the log that each gets."""
    dates = {"training": TRAINING, "validation": VALIDATION, "test": TEST}[of]
    days = TEST_DAYS if of == "test" else TRAINING_DAYS
    every = (pd.Timestamp(dates[1]) - pd.Timestamp(dates[0])).days
    return in_turn(dates, days, since=dates[0], every_days=every)


def played(one: Case, policy: Policy) -> Replay:
    """Return what a policy does in a case."""
    return replay(
        one.work, one.cluster, policy, intensity=one.intensity, forecaster=one.forecaster,
        origin=one.origin,
    )  # fmt: skip


def seen_by(kind: str) -> dict[str, Any]:
    """Return what a learner sees, by the kind of training."""
    return {"forecast": kind != "no forecast", "slots": SLOTS, "large_core_h": LARGE_CORE_H}


def part_train(
    work: Path, seed: int, kind: str = "full", steps: int = STEPS, processes: int = 1
) -> None:
    """Train one policy on the weeks of 2019 in all grids, and keep it."""
    from helpers.learn.environment import PerJob
    from helpers.learn.ppo import Training, train

    cases = [case(zone, day, date) for date, day in weeks("training").items() for zone in ZONES]
    if kind == "no lengths":
        cases = [replace(one, lengths_s={}) for one in cases]
    env = PerJob(cases, prices_kwh=TRAINED_KWH, **seen_by(kind))
    teacher = None if kind == "no imitation" else _teacher
    plan = Training(
        steps=steps, seed=seed, teacher=teacher, masked=kind != "no masks", workers=processes
    )
    net = train(env, plan)
    command = f"python data/learn.py train --seed {seed} --kind '{kind}' --steps {steps}"
    told = {"command": command, "grids": list(ZONES), "kind": kind, "year": 2019, "load": LOAD}
    Net(net.weights, told | dict(net.about)).save(policy_file(work, seed, kind))
    print(seed, kind, net.about["cpu_s"], flush=True)


def _teacher(env: Any) -> Priced:
    return Priced(env.price_kwh, env.observer)


def policy_file(work: Path, seed: int, kind: str = "full") -> Path:
    """Return where a policy is kept that was just trained."""
    (work / "policies").mkdir(parents=True, exist_ok=True)
    return work / "policies" / f"{kind.replace(' ', '_')}_{seed}.json"


def part_collect(work: Path) -> None:
    """Write all trained policies into one file, and their learning curves, a row a week played."""
    lines, rows = [], []
    for path in sorted((work / "policies").glob("*.json")):
        net = Net.load(path)
        lines.append(net.text())
        own = {name: net.about[name] for name in ("kind", "seed", "cpu_s", "steps")}
        columns = ("week", "price_kwh", "saved", "delay_h", "net")
        rows += [
            own | {"played": place} | dict(zip(columns, one, strict=True))
            for place, one in enumerate(net.about["curve"])
        ]
    write_whole(FOLDER / "policies.jsonl.bz2", "\n".join(lines) + "\n")
    save("curves.csv", pd.DataFrame(rows))


@functools.cache
def nets() -> dict[tuple[int, str], Net]:
    """Return all trained policies by seed and kind."""
    found = map(Net.parse, read_text(FOLDER / "policies.jsonl.bz2").lines)
    return {(net.about["seed"], net.about["kind"]): net for net in found}


@functools.cache
def first_kwh(limit_h: float) -> float:
    """Return the price at which priced waiting delays by a limit, in 2019."""
    table = pd.read_csv(FOLDER / "limits.csv").set_index("limit_h")
    return float(table.loc[limit_h, "price_kwh"])


def priced(setting: float, held: bool) -> Price:
    """Return a price that stays, or one that holds a limit: for rule and learner the same."""
    return Price(first_kwh(setting), setting) if held else Price(setting)


def policy(name: str) -> Policy:
    """Return a policy by its name: see the data sheet."""
    kind, _, setting = name.replace(", held", "").partition(" ")
    held = ", held" in name
    if kind == "EASY":
        return Easy()
    if kind == "gate":
        return CarbonEasy(PastQuantile(float(setting)))
    if kind == "learned":
        what, seed, value = setting.split("/")
        known = {} if what == "no lengths" else lengths_s()
        price = priced(float(value), held)
        masked = what != "no masks"
        return Learned(nets()[int(seed), what], price, known, masked=masked, **seen_by(what))
    seen = Observer(0, lengths_s(), large_core_h=LARGE_CORE_H)
    if kind == "large":
        return Advised(Gated(PastQuantile(float(setting)), LARGE_CORE_H, seen), seen)
    return Advised(Priced(priced(float(setting), held), seen), seen)


@functools.cache
def seen_again(zone: str, week: str) -> Case:
    """Return a week not trained on; its forecasts are kept, since many policies ask for them."""
    one = case(zone, (weeks("validation") | weeks("test"))[week], week)
    assert one.forecaster is not None
    return replace(one, forecaster=functools.cache(one.forecaster))


def judged(zone: str, week: str, name: str, error: str = "") -> dict[str, float]:
    """Return what a policy does in a week not trained on, with an error in what it sees."""
    one = seen_again(zone, week)
    own, doer = one.counted, policy(name)
    if error:
        one = spoiled(one, doer, error)
    done = played(one, doer)
    late_h = delay_s(done) / HOUR_S
    grams = job_energy(done, one.intensity)["emissions_g"].to_numpy()[own].sum()
    work = (done.jobs["running_s"] * done.jobs["processors"]).to_numpy()[own]
    return {
        "jobs": float(grams) / one.intensity.mean(),
        "delay_h": float(late_h[own].mean()),
        "p95_h": float(np.quantile(late_h[own], 0.95)),
        "work_delay_h": float(np.average(late_h[own], weights=work)),
        "late_h": float(np.max(late_h - one.work.jobs["longest_wait_s"] / HOUR_S)),
    }


def spoiled(one: Case, doer: Policy, error: str) -> Case:
    """Return a case in which forecasts are off, or let a learner see wrong lengths."""
    what, size = error.split(" ")
    rng = np.random.default_rng(7)
    if what == "lengths":  # each off by a factor of its own
        seen = doer.observer  # type: ignore[attr-defined]
        off = np.exp(float(size) * rng.standard_normal(len(seen.lengths_s)))
        pairs = zip(seen.lengths_s.items(), off, strict=True)
        seen.lengths_s = {job: said * factor for (job, said), factor in pairs}
        return one
    given = one.forecaster
    assert given is not None

    def noisy(now_s: float) -> Intensity:
        """Return the forecast with errors that grow over half a day and are kept from hour to hour."""
        said = given(now_s)
        hour = int(said.edges_s[0] // HOUR_S)
        noise = np.random.default_rng(7 + hour // 6).standard_normal(len(said.intensity_g_per_kwh))
        smooth = np.convolve(noise, np.ones(6) / np.sqrt(6), mode="same")
        grows = np.minimum(np.arange(len(smooth)) / 12.0, 1.0)
        values = said.intensity_g_per_kwh * np.exp(float(size) * grows * smooth)
        return replace(said, intensity_g_per_kwh=values)

    return replace(one, forecaster=noisy)


def names() -> list[str]:
    """Return the names of all that is judged: at prices that stay, and at limits that are held."""
    found = ["EASY", *(f"gate {x:g}" for x in SHARES), *(f"large {x:g}" for x in SHARES)]
    found += [f"priced {x:g}" for x in PRICES_KWH] + [f"priced, held {x:g}" for x in LIMITS_H]
    for seed in SEEDS:
        found += [f"learned full/{seed}/{x:g}" for x in PRICES_KWH[:3]]
        found += [f"learned full, held/{seed}/{x:g}" for x in LIMITS_H]
    return [*found, f"learned short/{SEEDS[0]}/{PRICES_KWH[1]:g}"]


def swept(rows: list[dict[str, Any]], work: Path, workers: int) -> pd.DataFrame:
    """Judge policies in weeks; what was judged before is kept in the work folder."""
    return sweep(judged, pd.DataFrame(rows), out=work, version="2", workers=workers)


def part_calibrate(work: Path, workers: int) -> None:
    """Find the price at which the rule delays by a limit, in weeks of 2019 not trained on."""
    rows = [
        {"zone": zone, "week": week, "name": f"priced {price:g}"}
        for price in TRIED_KWH
        for zone in ZONES
        for week in VALIDATION
    ]
    table = swept(rows, work / "calibrated", workers)
    price = table["name"].str.rpartition(" ")[2].astype(float)
    delay_h = table["delay_h"].groupby(price).mean()
    found = [
        {"limit_h": h, "price_kwh": price_at(h, delay_h.index, delay_h)}
        | {"reached": bool(delay_h.min() <= h <= delay_h.max())}
        for h in LIMITS_H
    ]
    save("limits.csv", pd.DataFrame(found), 6)


def part_judge(work: Path, workers: int) -> None:
    """Judge rules and trained policies in all grids and weeks of test."""
    rows = [{"zone": z, "week": w, "name": n} for n in names() for z in ZONES for w in TEST]
    save("judged.csv", swept(rows, work / "judged", workers))


def part_ablate(work: Path, workers: int) -> None:
    """Judge policies that were trained with less, and with errors in what they see, in one grid."""
    at = f"held/{SEEDS[0]}/{AIM_H:g}"
    rows = [{"week": w, "name": f"learned {k}, {at}", "error": ""} for k in KINDS for w in TEST]
    some = (f"learned full, {at}", f"priced, held {AIM_H:g}")
    rows += [{"week": w, "name": n, "error": e} for e in ERRORS for n in some for w in TEST]
    save(
        "ablated.csv", swept([{"zone": ZONES[0]} | row for row in rows], work / "ablated", workers)
    )


def part_bound() -> None:
    """Bound what any schedule saves, by the price of an hour of mean delay."""
    judged_h = pd.read_csv(FOLDER / "judged.csv")
    rows = []
    for zone in ZONES:
        for week, day in weeks("test").items():
            one = case(zone, day, week)
            here = judged_h[(judged_h["zone"] == zone) & (judged_h["week"] == week)]
            more_s = max(0.0, HOUR_S * here["late_h"].max()) + 1.0  # so that it holds for all
            waits_s = one.work.jobs["longest_wait_s"].to_numpy() + more_s
            mean = one.intensity.mean()
            sums = priced_g(one, waits_s, np.array(BOUND_KWH) * mean) / mean
            rows += [
                {"zone": zone, "week": week, "price_kwh": price, "least": total}
                for price, total in zip(BOUND_KWH, sums, strict=True)
            ]
    save("bound.csv", pd.DataFrame(rows))


def main() -> None:
    """Do one part, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("lengths", "train", "collect", "calibrate", "judge", "ablate", "bound", "all")
    parser.add_argument("part", choices=parts)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=("full", *KINDS), default="full")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--work", type=Path, default=Path("runs") / "learn")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="weeks played side by side")
    given = parser.parse_args()
    whole = given.part == "all"
    if whole or given.part == "lengths":
        part_lengths()
    if given.part == "train":
        part_train(given.work, given.seed, given.kind, given.steps, given.processes)
    if whole:
        for kind in ("full", *KINDS):
            for seed in SEEDS if kind == "full" else SEEDS[:1]:
                part_train(given.work, seed, kind, given.steps if kind == "full" else SHORT_STEPS)
    if whole or given.part == "collect":
        part_collect(given.work)
    judges = {"calibrate": part_calibrate, "judge": part_judge, "ablate": part_ablate}
    for name, part in judges.items():
        if whole or given.part == name:
            part(given.work, given.workers)
    if whole or given.part == "bound":
        part_bound()
    if given.part != "train":
        from derive import write_registry  # beside this file, which Python looks at first

        write_registry(FOLDER.parent)


if __name__ == "__main__":
    main()
