"""Measures on a real Slurm what plans promise: lags, kills survived, work done twice.

    python tests/operate/measure.py --kills 100 --out data/operate/slurm.json

One grid hour is compressed to a few seconds. In a *calm* round nothing is disturbed and the lags
between planned and real are taken; in the rounds after it the agent (SIGKILL) and the controller
(SIGKILL, restarted) are killed at random moments. Wants root and `make packages`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from live import Live, open_to_all

from helpers import datasets
from helpers.carbon.signal import Intensity
from helpers.operate.agent import Agent, Settings
from helpers.operate.backend import SchedulerError
from helpers.operate.job import read_events
from helpers.operate.plans import Plan, make_plan
from helpers.operate.rules import Resources
from helpers.operate.store import Folder, prepare, read_journal
from helpers.phases.model import Phase, PhaseModel, Repeat
from helpers.phases.suspension import Suspension

SETTINGS = Settings(poll_s=1.0, tick_s=0.1, lead_s=1.0, patience_s=8.0, silent_s=6.0)
VICTIMS = ("agent", "controller", "node")
FIRST_DAY = pd.Timestamp("2020-06-01T09:00Z").timestamp()

SCRIPT = """#!/bin/bash
. "$CLEAN_HOURS_FOLDER/job.sh"
done=$(clean_hours_progress)
echo "start $EPOCHREALTIME $done" >> "$CLEAN_HOURS_FOLDER/told"
sleep {startup}
while [ "$done" -lt {checkpoints} ]; do
    for tick in 1 2 3 4; do
        sleep {tick}
        echo "tick $EPOCHREALTIME $done.$tick" >> "$CLEAN_HOURS_FOLDER/told"
    done
    done=$((done + 1))
    clean_hours_checkpoint "number $done"
done
echo "end $EPOCHREALTIME $done" >> "$CLEAN_HOURS_FOLDER/told"
"""


def compressed(real_zero_s: float, hour_s: float, hours: int) -> Intensity:
    """The German curve of summer 2020, an hour of it in `hour_s` seconds from `real_zero_s` on."""
    curve = datasets.carbon_intensity("DE", 2020).window(FIRST_DAY, FIRST_DAY + 3600.0 * hours)
    edges_s = real_zero_s + (curve.edges_s - FIRST_DAY) * hour_s / 3600.0
    return Intensity(edges_s, curve.intensity_g_per_kwh, "average", "DE", curve.source)


def jobs_of(
    state: Path, work: Path, count: int, hour_s: float, seed: int, zero_s: float
) -> list[Folder]:
    """Plan some jobs of 8 to 14 grid hours with a checkpoint every half hour, and prepare them."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        hours = int(rng.integers(8, 15))
        half_s, startup_s = hour_s / 2, hour_s / 4
        epoch = Phase("epoch", half_s, 300.0, checkpoint=True)
        model = PhaseModel(
            f"job {number}", (Phase("load", startup_s, 120.0),), (Repeat(2 * hours, (epoch,)),)
        )
        release_s = zero_s + hour_s * int(rng.integers(0, 4))
        plan = make_plan(
            model,
            compressed(zero_s, hour_s, 60),
            release_s,
            release_s + hour_s * 30,
            suspension=Suspension(keep="checkpoints"),
            stretch=1.15,
            margin_s=10.0,
            resources=Resources(wall_s=1800.0),
            resolution_s=hour_s / 4,
        )
        script = work / f"{seed}-{number}.sh"
        tick_s = half_s / 4 - 0.004  # what the loop itself takes
        script.write_text(
            SCRIPT.format(startup=startup_s, checkpoints=2 * hours, tick=f"{tick_s:.4f}")
        )
        folder = prepare(plan, script, state=state, grace_s=0.2)
        for path in (state / "jobs", folder.path):
            path.chmod(0o777)
        for path in folder.path.iterdir():
            path.chmod(0o755)
        made.append(folder)
    return made


def start_agent(live: Live, state: Path, curve: Intensity) -> int:
    """Start an agent as a process of its own and return its number."""
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            backend = live.backend(timeout_s=5.0)
            told = (state / "agent.log").open("a")
            Agent(
                backend,
                state,
                SETTINGS,
                intensity=lambda *_: curve,
                report=lambda line: print(f"{time.time():.2f} {line}", file=told, flush=True),
            ).run(until_empty=True)
        except BaseException as error:
            print(f"agent: {error!r}", file=sys.stderr)
        finally:
            os._exit(0)
    return child


def kill(child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(child, 0)


def one_round(
    live: Live,
    root: Path,
    *,
    jobs: int,
    hour_s: float,
    kills: int,
    seed: int,
    victims: Sequence[str] = VICTIMS,
) -> list[dict[str, object]]:
    """Carry out some jobs, with so many kills at random moments; one row a job."""
    state, work = open_to_all(root / f"state{seed}"), open_to_all(root / f"work{seed}")
    os.chdir(work)
    begun_s = time.time()
    jobs_of(open_to_all(root / f"tried{seed}"), work, jobs, hour_s, seed, begun_s)
    zero_s = time.time() + 5.0 + 2.0 * (time.time() - begun_s)  # as long as planning may take
    folders = jobs_of(state, work, jobs, hour_s, seed, zero_s)
    curve = compressed(zero_s, hour_s, 96)  # for receipts; a run may begin a second early
    early_s = np.concatenate([[zero_s - 60.0], curve.edges_s])
    values = np.concatenate([curve.intensity_g_per_kwh[:1], curve.intensity_g_per_kwh])
    curve = Intensity(early_s, values, "average", "DE", curve.source)
    rng = random.Random(seed)
    last_s = max(folder.plan.deadline_s for folder in folders)
    moments = sorted(rng.uniform(time.time() + 1, last_s - 15) for _ in range(kills))
    child = start_agent(live, state, curve)
    while any(not folder.over for folder in folders) and time.time() < last_s + 60:
        time.sleep(0.05)
        if moments and time.time() >= moments[0]:
            moments.pop(0)
            victim = rng.choice(victims)
            if victim == "controller":
                live.kill_controller()
                time.sleep(rng.uniform(0.1, 3.0))
                live.start_controller()
            elif victim == "node":
                node = rng.randint(1, 4)
                live.kill_node(node)
                time.sleep(rng.uniform(0.1, 3.0))
                live.start_node(node)
            else:
                kill(child)
                time.sleep(rng.uniform(0.0, 2.0))
                child = start_agent(live, state, curve)
    kill(child)
    for path in state.glob("agent.log"):
        (root / f"agent{seed}.log").write_bytes(path.read_bytes())
    live.keep_logs(root / f"logs{seed}")
    return [row(live, folder, hour_s) for folder in folders]


def row(live: Live, folder: Folder, hour_s: float) -> dict[str, object]:
    """What became of one job."""
    plan: Plan = folder.plan
    text = (folder.path / "told").read_text().split("\n") if (folder.path / "told").exists() else []
    told = [line.split() for line in text if line]
    starts = [float(line[1]) for line in told if line[0] == "start"]
    ends = [float(line[1]) for line in told if line[0] == "end"]
    ticks = [(float(line[1]), line[2]) for line in told if line[0] == "tick"]
    begun = [e for e in read_events(folder.path) if e.event == "started"]
    said = [e.time_s for e in read_events(folder.path) if e.event == "checkpoint"]
    stops = [max((t for t, _ in ticks if t < s), default=s) for s in starts[1:]] + ends[-1:]
    quarter_s = hour_s / 8
    receipt = (
        json.loads((folder.path / "receipt.json").read_text())
        if folder.over
        else {"outcome": "none"}
    )
    history = read_journal(folder)
    wanted = 4 * plan.job.work_profile.checkpoints_s.size
    twice = [
        sum(1 for t, _ in ticks if max((c for c in said if c <= stop), default=0.0) < t <= stop)
        for stop in stops[:-1]
    ]
    overlaps = sum(
        any(later - 1e-3 > t for t, _ in ticks[i + 1 : i + 2]) for i, (later, _) in enumerate(ticks)
    )
    return {
        "key": folder.key,
        "outcome": receipt["outcome"],
        "planned_starts_s": [float(s - plan.release_s) for s in plan.schedule.start_s],
        "starts_s": [e.time_s - plan.release_s for e in begun],
        "after_checkpoint_s": [
            stop - max((c for c in said if c <= stop), default=stop) for stop in stops[:-1]
        ],
        "late_s": (ends[-1] if ends else time.time()) - plan.deadline_s,
        "ends": len(ends),
        "missing": wanted - len({name for _, name in ticks}),
        "ticks_twice": len(ticks) - len({name for _, name in ticks}),
        "most_twice_s": quarter_s * max(twice, default=0),
        "overlaps": overlaps,
        "submissions": sum(e.what == "submit" and e.result == "done" for e in history),
        "requeues": sum(e.what == "requeue" and e.result == "done" for e in history),
        "failed_calls": sum(e.result not in {"intended", "done"} for e in history),
        "planned_g": receipt.get("planned_g"),
        "real_g": receipt.get("real_g"),
        "at_once_g": receipt.get("at_once_g"),
    }


def lags(rows: list[dict]) -> dict[str, list[float]]:
    """Seconds from planned to real starts, and from a checkpoint to the last sign of its run."""
    found: dict[str, list[float]] = {"start": [], "resume": [], "pause": []}
    for one in rows:
        if len(one["starts_s"]) != len(one["planned_starts_s"]):
            continue
        for number, (planned, real) in enumerate(
            zip(one["planned_starts_s"], one["starts_s"], strict=True)
        ):
            found["start" if number == 0 else "resume"].append(real - planned)
        found["pause"] += one["after_checkpoint_s"]
    return found


def summary(rows: list[dict]) -> dict[str, object]:
    return {
        "jobs": len(rows),
        "completed": sum(r["outcome"] == "completed" for r in rows),
        "lost": sum(r["missing"] > 0 or not r["ends"] for r in rows),
        "late": sum(r["late_s"] > 0 for r in rows),
        "latest_s": max(r["late_s"] for r in rows),
        "run_twice": sum(r["ends"] > 1 or r["overlaps"] > 0 for r in rows),
        "pauses": sum(max(0, len(r["starts_s"]) - 1) for r in rows),
        "most_twice_s": max(r["most_twice_s"] for r in rows),
        "submissions": sum(r["submissions"] for r in rows),
        "failed_calls": sum(r["failed_calls"] for r in rows),
    }


def quantiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {"count": 0}
    return {
        "count": len(values),
        "median": float(np.median(values)),
        "p95": float(np.quantile(values, 0.95)),
        "max": float(max(values)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--per-round", type=int, default=20, help="kills a round (20)")
    parser.add_argument(
        "--victims", default=",".join(VICTIMS), help="who is killed, each as often as it is named"
    )
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--hour", type=float, default=2.5, help="seconds of a grid hour (2.5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-calm", action="store_true", help="leave the calm round out")
    parser.add_argument("--out", type=Path, help="write what was measured (JSON)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the Slurm is ended, too
    out = options.out.absolute() if options.out else None
    root = open_to_all(Path(tempfile.mkdtemp(prefix="measure")))
    (root / "slurm").mkdir()
    live = Live(root / "slurm")
    try:
        begun = time.time()
        calm = (
            []
            if options.no_calm
            else one_round(
                live, root, jobs=options.jobs, hour_s=options.hour, kills=0, seed=options.seed
            )
        )
        calm_s = time.time() - begun
        rounds = []
        for number in range(-(-options.kills // options.per_round)):
            count = min(options.per_round, options.kills - number * options.per_round)
            rounds += one_round(
                live,
                root,
                jobs=options.jobs,
                hour_s=options.hour,
                kills=count,
                victims=options.victims.split(","),
                seed=options.seed + 1 + number,
            )
            print(f"round {number + 1}:", summary(rounds[-options.jobs :]), flush=True)
        version = live.run("sbatch", "--version").strip()
    finally:
        with suppress(SchedulerError):
            live.close()
    told = {
        "slurm": version,
        "hour_s": options.hour,
        "checkpoint_s": options.hour / 2,
        "calm_loop_s": calm_s,
        "calm": summary(calm) if calm else {},
        "lags_s": {name: quantiles(values) for name, values in lags(calm).items()},
        "grams": {
            name: sum(r[name] or 0.0 for r in calm) for name in ("planned_g", "real_g", "at_once_g")
        },
        "kills": options.kills,
        "killed": summary(rounds) if rounds else {},
        "rows": {"calm": calm, "killed": rounds},
    }
    text = json.dumps(told, indent=1)
    if out:
        out.write_text(text + "\n")
    print(json.dumps({k: v for k, v in told.items() if k != "rows"}, indent=1))
    print("logs:", root)
    good = all(
        s["completed"] == s["jobs"] and not s["lost"] and not s["late"] and not s["run_twice"]
        for s in (told["calm"], told["killed"])
        if s
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
