"""Compute the stored tables of the chapter *Predicting jobs*: what takes minutes, once.

``python data/predict.py PART --work DIR`` computes one part and writes its tables to
`data/predictions/`; ``all`` computes every part in turn. A part takes minutes; what the parts share
(each log tried week by week) is kept in DIR, so that the first two take longest.
KTH-SP2, LLNL-Atlas and the published results are downloads (`helpers.datasets`).
Trees differ in the last digits from machine to machine, so that tables are not compared byte for
byte: a test computes a small piece again and compares within a tolerance.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import datasets
from helpers.cluster import replay
from helpers.cluster.metrics import bounded_slowdown
from helpers.decide import Easy, LastSimilar, LastTwo, Predicted, TrueTime
from helpers.decide.order import by_planned_time
from helpers.files import write_whole
from helpers.jobs.table import JobLog
from helpers.phases.model import PhaseModel
from helpers.predict import features, learn, scores, simple
from helpers.predict.boosting import Trees
from helpers.predict.estimators import Predictions, chance_of_failure
from helpers.predict.leakage import LEAKS, leaking
from helpers.predict.model import Trial
from helpers.predict.online import Learning
from helpers.predict.scores import mean_percentage_error
from helpers.schedule import best_starts
from helpers.schedule.revised import best_revised_plan
from helpers.schedule.uncertain import expected_job
from helpers.study import spread_over_energy
from helpers.work import Cluster, Workload

HERE = Path(__file__).resolve().parent / "predictions"
DAY_S, WEEK_S = 86_400.0, 604_800.0
#: Weeks between two trainings, weeks before the first, per log: a long log is trained less often.
LOGS = {"unilu-gaia-2014": (1, 4), "kth-sp2": (4, 14), "llnl-atlas": (4, 11)}
STEPS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
LONGEST_S = 8 * DAY_S  # what is planned for at most: the curves end ten days after the last week
CARBON_WEEKS = pd.date_range("2019-01-05", periods=103, freq="7D")
A_WEEK = 120  # jobs of each week of the log that are charged in each week of carbon
PAUSED = 25  # of them with pauses: a plan takes a tenth of a second


def read(name: str) -> JobLog:
    """Return a log; one without waits is taken to have had none."""
    log = datasets.job_log(name)
    if log.jobs["wait_s"].isna().all():
        return log.with_jobs(log.jobs.assign(wait_s=0.0))
    return log


def tried(name: str, work: Path) -> tuple[JobLog, pd.DataFrame, Trial]:
    """Return a log, its features and its trial without shifts; kept in the work folder."""
    log = read(name)
    known, (every, first) = features(log), LOGS[name]
    path = work / f"{name}.npz"
    if not path.exists():
        raw = learn(log, known, every_s=every * WEEK_S, first_s=first * WEEK_S)
        parts = ("rows", "levels", "values", "truth", "limit", "submit_s", "start_s", "end_s")
        np.savez(path, **{part: getattr(raw, part) for part in parts})
    with np.load(path) as kept:
        raw = Predictions(**{part: kept[part] for part in kept.files})
    return log, known, Trial.of(log, known, raw, None)


def save(name: str, table: pd.DataFrame, decimals: int = 4) -> None:
    """Write a table, its numbers rounded."""
    text = table.round(decimals).to_csv(index=False, lineterminator="\n")
    write_whole(HERE / name, text)  # compressed, if its name ends in .bz2
    print(f"{name}: {len(table)} rows", flush=True)


def part_logs(work: Path) -> None:
    """Scores, weeks, users and coverage by step on each log, and the quantiles of the first."""
    tables: dict[str, list] = {"scores": [], "weeks": [], "users": [], "steps": [], "seldom": []}
    for name in LOGS:
        log, known, raw = tried(name, work)
        own = {"log": name}
        table = raw.scores().rename_axis("predictor").reset_index()
        table["percentage_error"] = [
            mean_percentage_error(raw.predictions.truth, raw.points[p]) for p in raw.points
        ]
        tables["scores"].append(table.assign(**own, jobs=len(raw.predictions)))
        for step in STEPS:
            said = raw.predictions.calibrated(step) if step else raw.predictions
            weeks = Trial(log, said, raw.points, raw.shift).weeks().reset_index()
            tables["weeks"].append(weeks.assign(**own, step=step))
            tables["steps"].append(pd.DataFrame([own | {"step": step} | coverage(said, weeks)]))
        said = raw.predictions.calibrated()
        users = Trial(log, said, raw.points, raw.shift).users()
        tables["users"].append(users.rename_axis("activity").reset_index().assign(**own))
        tables["seldom"].append(seldom(known.iloc[said.rows], raw, said).assign(**own))
        if name == "unilu-gaia-2014":
            ids = log.jobs["job_id"].to_numpy()[said.rows]
            columns = {
                f"q{100 * q:02.0f}_s": v for q, v in zip(said.levels, raw_s(raw), strict=True)
            }
            save("run_times.csv.bz2", pd.DataFrame({"job_id": ids, **columns}), 0)
    for name, parts in tables.items():
        save(f"{name}.csv", pd.concat(parts, ignore_index=True))


def part_warm(work: Path) -> None:
    """Coverage by week and step where quantiles were tracked for some weeks before the first."""
    tables = []
    for name in LOGS:
        log, _, raw = tried(name, work)
        every, first = (weeks * WEEK_S for weeks in LOGS[name])
        submit_s = log.jobs["submit_s"]
        past = log.with_jobs(log.jobs[submit_s < submit_s.min() + first].reset_index(drop=True))
        known = features(past)
        early = learn(past, known, every_s=every / 2, first_s=first - max(every, 2 * WEEK_S))
        for step in STEPS[1:]:
            said = raw.predictions.calibrated(step, earlier=early)
            weeks = Trial(log, said, raw.points, raw.shift).weeks().reset_index()
            tables.append(weeks.assign(log=name, step=step, pinball=said.pinball().mean()))
    save("warm.csv", pd.concat(tables, ignore_index=True))


def raw_s(raw: Trial) -> np.ndarray:
    """Return quantiles as they were learned, whole seconds, one row a level."""
    return np.maximum(np.round(raw.predictions.values), 1).astype(np.int64).T


def coverage(said: Predictions, weeks: pd.DataFrame) -> dict[str, float]:
    """Return how many jobs lay in their interval, in all and in the worst week judged."""
    judged = weeks[weeks["alarm"] != "few jobs"]["covered"]
    width = np.log(said.values[:, -1] / said.values[:, 0])
    return {
        "covered": said.covered().mean(),
        "worst_week": judged.min(),
        "weeks": len(judged),
        "weeks_under": (judged < 0.85).sum(),
        "pinball": said.pinball().mean(),
        "width": np.median(width),
    }


def seldom(known: pd.DataFrame, raw: Trial, said: Predictions) -> pd.DataFrame:
    """Return errors where little is known: new users, after a break, in a burst."""
    truth = said.truth
    off = {
        "median": np.abs(np.log(raw.points["median"].to_numpy() / truth)),
        "simple": np.abs(np.log(raw.points["last similar"].to_numpy() / truth)),
    }
    count, since = known["user_count"].to_numpy(), np.expm1(known["user_since"].to_numpy())
    kinds = {
        "all jobs": np.ones(len(truth), dtype=bool),
        "user has none that ended": count == 0,
        "user has 1 to 9 that ended": (count > 0) & (count < 10),
        "user's last ended two weeks ago or more": since >= 14 * DAY_S,
        "user submitted 100 or more in the hour before": known["user_hour"].to_numpy() >= 100,
    }
    rows = [
        {
            "kind": kind,
            "jobs": int(here.sum()),
            "median": off["median"][here].mean(),
            "simple": off["simple"][here].mean(),
            "covered": said.covered()[here].mean(),
        }
        for kind, here in kinds.items()
        if here.any()
    ]
    return pd.DataFrame(rows)


def part_leaks(work: Path) -> None:
    """What a model seems to gain by looking ahead, trained once on the first 70 % of two logs."""
    rows = []
    for name in ("unilu-gaia-2014", "kth-sp2"):
        log = read(name)
        jobs, known = log.jobs, features(log)
        truth = jobs["run_s"].to_numpy(np.float64)
        submit = jobs["submit_s"].to_numpy()
        cut_s = np.quantile(submit, 0.7)
        end = submit + jobs["wait_s"].to_numpy() + truth
        there = np.isfinite(truth) & (truth > 0)
        past, asked = there & (end < cut_s), there & (submit >= cut_s)
        for kind in LEAKS:
            table, mixed = leaking(log, known, kind)
            of, to = past, asked
            if mixed:
                half = np.random.default_rng(0).random(len(jobs)) < 0.7
                of, to = there & half, there & ~half
            trees = Trees.quantiles(table[of], np.log(truth[of]), (0.5,))
            said = np.exp(trees.predict(table[to])[:, 0])
            rows.append({"log": name, "kind": kind} | scores(truth[to], np.maximum(said, 1e-9)))
            print(rows[-1], flush=True)
    save("leaks.csv", pd.DataFrame(rows))


def part_transfer(work: Path) -> None:
    """Errors of a model trained on the whole of one log and used on another, by weeks' jobs."""
    rows, parts = [], {name: tried(name, work) for name in LOGS}
    for source in LOGS:
        log, known, _ = parts[source]
        truth = log.jobs["run_s"].to_numpy(np.float64)
        there = np.isfinite(truth) & (truth > 0)
        trees = Trees.quantiles(known.to_numpy()[there], np.log(truth[there]), (0.05, 0.5, 0.95))
        for target in LOGS:
            _, other, raw = parts[target]
            came = np.log(raw.predictions.truth)
            if source == target:  # not of itself: trained on the past, week by week
                said = np.log(raw.predictions.values[:, [0, 2, 4]])
            else:
                said = trees.predict(other.to_numpy()[raw.predictions.rows])
            best = min(raw.scores().loc[list(raw.points)[:4], "log_error"])
            rows.append(
                {
                    "trained_on": source,
                    "used_on": target,
                    "log_error": np.abs(said[:, 1] - came).mean(),
                    "best_simple": best,
                    "covered": ((said[:, 0] <= came) & (came <= said[:, 2])).mean(),
                }
            )
    save("transfer.csv", pd.DataFrame(rows))


def part_memory(work: Path) -> None:
    """Memory requested by an upper quantile, and the chance of failure, on the embedded log."""
    log = read("unilu-gaia-2014")
    known = features(log, outcome="memory_kb")
    levels = (0.5, 0.9, 0.95, 0.98, 0.99)
    raw = learn(log, known, outcome="memory_kb", levels=levels)
    rows = []
    # Faster tracking explodes on upper levels: each job above moves them up by all of the step.
    for name, said in (("trees", raw), ("trees, tracked by 0.003", raw.calibrated())):
        for level, values in zip(levels, said.values.T, strict=True):
            rows.append(memory_row(name, level, values, raw.truth))
    base = simple(log, known, outcome="memory_kb").iloc[raw.rows]
    rows.append(memory_row("last similar", np.nan, base["last similar"].to_numpy(), raw.truth))
    save("memory.csv", pd.DataFrame(rows))
    known = features(log)
    said = chance_of_failure(log, known)
    share = known["user_failed"].fillna(known["all_failed"]).to_numpy()[said.index]
    base = np.full(len(said), known["all_failed"].iloc[said.index].to_numpy())
    rows = [
        {"predictor": name} | chance_row(np.asarray(p), said["failed"].to_numpy())
        for name, p in (
            ("trees", said["chance"]),
            ("user's share so far", share),
            ("share of all so far", base),
        )
    ]
    save("failure.csv", pd.DataFrame(rows))


def memory_row(name: str, level: float, values: np.ndarray, truth: np.ndarray) -> dict:
    """Return how often a request is too small, and how much larger than the need requests are."""
    return {
        "predictor": name,
        "level": level,
        "under": (values < truth).mean(),
        "times_need": values.sum() / truth.sum(),
        "median_times": np.median(values / truth),
    }


def chance_row(chance: np.ndarray, failed: np.ndarray) -> dict[str, float]:
    """Return Brier score, log loss and rank of failed above others (AUC)."""
    p = np.clip(chance, 1e-4, 1 - 1e-4)
    order = pd.Series(chance).rank().to_numpy()
    few, many = failed.sum(), (~failed).sum()
    return {
        "brier": ((chance - failed) ** 2).mean(),
        "log_loss": -np.where(failed, np.log(p), np.log1p(-p)).mean(),
        "auc": (order[failed].sum() - few * (few + 1) / 2) / (few * many),
        "failed": failed.mean(),
        "jobs": len(failed),
    }


def clock_s(log: JobLog) -> float:
    """Return the second of the week, from Monday 0 h, of second 0."""
    day = log.epoch.tz_localize(None)
    return 86_400.0 * day.day_of_week + (day - day.normalize()).total_seconds()


def policies(log: JobLog) -> dict:
    """Return what is replayed on KTH: backfilling in order of submission, or shortest first."""
    made = {}
    for order, name in ((None, "EASY"), (by_planned_time, "shortest first")):
        easy = {} if order is None else {"backfill_order": order}
        made[f"{name}, request"] = Easy(**easy)
        for said, predictor in (
            ("last two", LastTwo()),
            ("last similar", LastSimilar()),
            ("true time", TrueTime()),
        ):
            made[f"{name}, {said}"] = Predicted(Easy(**easy), predictor)
        for correction in ("request", "double", "steps")[: 2 if order is None else 3]:
            learning = Learning(clock_s=clock_s(log))
            made[f"{name}, learned, {correction}"] = Predicted(
                Easy(**easy), learning, correction=correction
            )
        if order is not None:  # an upper quantile, so that fewer jobs outlive it
            upper = Predicted(
                Easy(**easy), Learning(0.75, clock_s=clock_s(log)), correction="double"
            )
            made[f"{name}, learned upper, double"] = upper
    return made


def part_replays(work: Path) -> None:
    """Bounded slowdown on KTH by policy, summed by week and user."""
    log = read("kth-sp2")
    jobs = Workload.from_log(log, power_w=1.0, errors="skip")
    cells = pd.DataFrame(
        {"week": (jobs.jobs["submit_s"] // WEEK_S).astype(int), "user": jobs.jobs["user"]}
    )
    for name, policy in policies(log).items():
        path = work / f"replay {name}.npy"
        if not path.exists():
            np.save(path, bounded_slowdown(replay(jobs, Cluster(100, 1), policy)))
        cells[name] = np.load(path)
        print(name, cells[name].mean(), flush=True)
    grouped = cells.groupby(["week", "user"], observed=True)
    table = grouped.sum(numeric_only=True)
    table.insert(0, "jobs", grouped.size())
    save("replays.csv.bz2", table.reset_index(), 3)


def sample(log: JobLog, raw: Trial, each: int, seed: int) -> pd.DataFrame:
    """Return some jobs of each week of the log: of all sizes, as they share the energy."""
    said = raw.predictions
    cores = log.jobs["processors"].to_numpy()[said.rows]
    week = ((said.submit_s - said.submit_s[0]) // WEEK_S).astype(int)
    energy, rng, parts = said.truth * cores, np.random.default_rng(seed), []
    for number in np.unique(week):
        among = week == number
        every = max(int(among.sum() / each), 1)
        places = spread_over_energy(energy, among, every, rng)
        parts.append(pd.DataFrame({"place": places, "week": number, "stands_for": every}))
    table = pd.concat(parts, ignore_index=True)
    place = table["place"].to_numpy()
    return table.assign(
        cores=cores[place], offset_s=said.submit_s[place] - said.submit_s[0] - WEEK_S * week[place]
    )


def lengths(raw: Trial, place: np.ndarray) -> dict[str, list[PhaseModel]]:
    """Return each job as what it is planned with under each predictor."""
    said = raw.predictions
    planned = {name: raw.points[name].to_numpy() for name in ("request", "last two", "mixed")}
    planned["median"] = raw.points["median"].to_numpy()
    planned["mean"] = said.values @ said.weights
    planned["true time"] = said.truth
    made = {
        name: [expected_job([s], [1.0]) for s in np.clip(values[place], 1.0, LONGEST_S)]
        for name, values in planned.items()
    }
    levels = np.clip(said.values[place], 1.0, LONGEST_S)
    made["distribution"] = [expected_job(row, said.weights) for row in levels]
    tracked = np.clip(said.calibrated().values[place], 1.0, LONGEST_S)
    made["distribution, tracked"] = [expected_job(row, said.weights) for row in tracked]
    return made


def part_grams(work: Path) -> None:
    """Emissions by grid and week of jobs that start within a day by what is predicted."""
    log, _, raw = tried("unilu-gaia-2014", work)
    jobs = sample(log, raw, A_WEEK, seed=1)
    models, rows = lengths(raw, jobs["place"].to_numpy()), []
    weeks = jobs["week"].to_numpy()
    lasts_s = np.minimum(raw.predictions.truth[jobs["place"]], LONGEST_S)
    weight = (jobs["cores"] * jobs["stands_for"]).to_numpy()
    for zone in datasets.zones():
        signal = datasets.carbon_intensity(zone, None)
        for number, first in enumerate(CARBON_WEEKS):
            own = np.flatnonzero(weeks == number % (weeks.max() + 1))
            begin = first.tz_localize(datasets.time_zone(zone)).timestamp()
            release = begin + jobs["offset_s"].to_numpy()[own]
            charge = {"at once": release}
            for name, made in models.items():
                chosen = [made[i] for i in own]
                ends = release + DAY_S + np.array([m.duration_s for m in chosen])
                charge[name] = best_starts(chosen, signal, release, ends).start_s
            for name, start in charge.items():
                grams = signal.emissions_g(start, start + lasts_s[own], weight[own])
                rows.append((name, zone, f"{first:%Y-%m-%d}", np.sum(grams)))
        print(zone, flush=True)
    save("grams.csv.bz2", pd.DataFrame(rows, columns=["policy", "zone", "week", "emissions_g"]), 1)


def part_pauses(work: Path) -> None:
    """The same with pauses: a plan revised as the job survives, in one grid, every fourth week."""
    log, _, raw = tried("unilu-gaia-2014", work)
    jobs, said = sample(log, raw, PAUSED, seed=2), raw.predictions
    step, zone, rows = 1800.0, "DE", []
    signal = datasets.carbon_intensity(zone, None)
    quantiles = np.ceil(np.clip(said.values, 1, 4 * DAY_S) / step) * step
    truth = np.ceil(np.clip(said.truth, 1, 4 * DAY_S) / step) * step
    for number, first in enumerate(CARBON_WEEKS[::4]):
        begin = first.tz_localize(datasets.time_zone(zone)).timestamp()
        own = jobs[jobs["week"] == number % (jobs["week"].max() + 1)]
        for place, offset, weight in zip(
            own["place"], own["offset_s"], own["cores"] * own["stands_for"], strict=True
        ):
            release, came = begin + np.floor(offset / step) * step, truth[place]
            # The last quantile is no longest run time: the request, at most four days, is.
            longest = max(np.ceil(min(said.limit[place], 4 * DAY_S) / step) * step, came)
            may_be = np.append(np.minimum(quantiles[place], longest), longest)
            shares = np.append(0.99 * said.weights, 0.01)
            for name, many, likely in (
                ("distribution", may_be, shares),
                ("median", np.array([quantiles[place, 2], longest]), np.array([1 - 1e-9, 1e-9])),
                ("request", np.array([longest]), np.ones(1)),
                ("true time", np.array([came]), np.ones(1)),
            ):
                for startup in (0.0, step):
                    plan = best_revised_plan(
                        many, likely, signal, release, release + longest + DAY_S + startup,
                        step_s=step, startup_s=startup,
                    )  # fmt: skip
                    grams = weight * plan.charged(signal, came)
                    rows.append((name, startup, f"{first:%Y-%m-%d}", grams))
            for startup in (0.0, step):
                grams = weight * signal.emissions_g(release, release + startup + came, 1.0)
                rows.append(("at once", startup, f"{first:%Y-%m-%d}", grams))
        print(first, flush=True)
    table = pd.DataFrame(rows, columns=["policy", "startup_s", "week", "emissions_g"])
    save("pauses.csv", table.groupby(["policy", "startup_s", "week"]).sum().reset_index(), 1)


PARTS = {
    "logs": part_logs,
    "warm": part_warm,
    "leaks": part_leaks,
    "transfer": part_transfer,
    "memory": part_memory,
    "replays": part_replays,
    "grams": part_grams,
    "pauses": part_pauses,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=[*PARTS, *LOGS, "all"], help="what to compute")
    parser.add_argument("--work", type=Path, required=True, help="folder for what parts share")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.part in LOGS:
        tried(options.part, options.work)
        return 0
    for name in PARTS if options.part == "all" else [options.part]:
        PARTS[name](options.work)
    from derive import write_registry  # beside this file, which Python looks at first

    write_registry(HERE.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
