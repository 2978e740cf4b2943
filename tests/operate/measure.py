"""Measures on a real Slurm what plans promise: lags, kills survived, work done twice.

    python tests/operate/measure.py --kills 100 --out data/slurm
    python tests/operate/measure.py --kills 0 --hour 60 --out data/slurm  # half an hour

One grid hour is compressed to a few seconds. In *calm* rounds nothing is disturbed;
in those after them the agent, the controller, the daemons of nodes and the broker of events are
killed (SIGKILL) at random moments and started again. Somebody listens to the broker all the while.
Three tables are written: a row a round, a job, a run; a round that is there already is measured
anew. Wants root and `make packages`.
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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from live import Live, open_to_all

from helpers import datasets
from helpers.carbon.signal import Intensity
from helpers.operate.agent import Agent, Settings
from helpers.operate.backend import SchedulerError
from helpers.operate.events.broker import Address, connection
from helpers.operate.events.notice import Notice
from helpers.operate.events.senses import Senses
from helpers.operate.events.server import Server
from helpers.operate.events.wire import Wire, source_of
from helpers.operate.job import read_events
from helpers.operate.plans import Plan, make_plan
from helpers.operate.rules import Resources
from helpers.operate.store import Folder, prepare, read_journal
from helpers.phases.model import Phase, PhaseModel, Repeat
from helpers.phases.suspension import Suspension

SETTINGS = Settings(poll_s=1.0, tick_s=0.1, lead_s=1.0, patience_s=8.0, silent_s=6.0)
MARGIN_S = 10.0
VICTIMS = ("agent", "controller", "node", "broker")
CLUSTER = "live"
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
            margin_s=MARGIN_S,
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


def in_a_child(work: Callable[[], None]) -> int:
    """Do something as a process of its own, in a session of its own, and return its number."""
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            work()
        except BaseException as error:
            print(f"{work.__name__}: {error!r}", file=sys.stderr)
        finally:
            os._exit(0)
    return child


def start_agent(live: Live, state: Path, curve: Intensity, url: str) -> int:
    """Start an agent that hears and tells, and return the number of its process."""

    def agent() -> None:
        told = (state / "agent.log").open("a")
        source = source_of(state)

        def report(line: str) -> None:
            print(f"{time.time():.2f} {line}", file=told, flush=True)

        link = Wire(
            Address(url),
            Senses(CLUSTER, source),
            report=report,
            durable=source.strip("/").replace("/", "-"),
        )
        link.start()
        Agent(
            live.backend(timeout_s=5.0),
            state,
            SETTINGS,
            intensity=lambda *_: curve,
            report=report,
            link=link,
            sleep=link.wait,
        ).run(until_empty=True)
        link.close(10.0)

    return in_a_child(agent)


def start_ear(state: Path, url: str) -> int:
    """Write down each notice that is heard, and when [s]; return the number of the process."""

    def ear() -> None:
        file = (state / "heard").open("a")

        def hear(notice: Notice) -> None:
            told = [time.time(), notice.time_s, notice.kind, notice.id, notice.data.get("state")]
            print(json.dumps(told), file=file, flush=True)

        Wire(Address(url), Senses(CLUSTER, "/clean-hours/ear"), hear=hear, durable="ear").start()
        signal.pause()

    return in_a_child(ear)


def heard_in(state: Path, folders: Sequence[Folder]) -> dict[str, object]:
    """What an ear has heard of the checkpoints that jobs said, and how long that took [s]."""
    told = [json.loads(line) for line in (state / "heard").read_text().splitlines()]
    took_s = {name: at_s - said_s for at_s, said_s, _, name, what in told if what == "checkpoint"}
    said = sum(e.event == "checkpoint" for folder in folders for e in read_events(folder.path))
    return {
        "said": said,
        "unheard": said - len(took_s),
        "heard_median_s": np.median(list(took_s.values())),
        "heard_p95_s": np.quantile(list(took_s.values()), 0.95),
    }


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
) -> dict[str, pd.DataFrame]:
    """Carry out some jobs, with so many kills at random moments."""
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
    killed: list[str] = []
    loads: list[float] = []
    broker = Server(root / f"broker{seed}", port=0)
    broker.start(60)
    ear = start_ear(state, broker.url)
    child = start_agent(live, state, curve, broker.url)
    try:
        while any(not folder.over for folder in folders) and time.time() < last_s + 60:
            time.sleep(0.05)
            loads.append(os.getloadavg()[0])
            if not moments or time.time() < moments[0]:
                continue
            moments.pop(0)
            killed.append(rng.choice(victims))
            if killed[-1] == "agent":
                kill(child)
                time.sleep(rng.uniform(0.0, 2.0))
                child = start_agent(live, state, curve, broker.url)
            else:
                kill_daemon(live, broker, killed[-1], rng)
        loop_s = time.time() - begun_s
        wait_for_end(child, 15.0)  # what it has to tell is told, and heard
    finally:
        kill(child)
        kill(ear)
        broker.kill()
    for path in state.glob("agent.log"):
        (root / f"agent{seed}.log").write_bytes(path.read_bytes())
    live.keep_logs(root / f"logs{seed}")
    about = {"loop_s": loop_s, "load_mean": np.mean(loads), "load_most": np.max(loads)}
    return tables(folders, hour_s, seed, killed, about | heard_in(state, folders))


def kill_daemon(live: Live, broker: Server, victim: str, rng: random.Random) -> None:
    """Kill the controller, a node's daemon or the broker, and start it again."""
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
        broker.kill()
        time.sleep(rng.uniform(0.1, 3.0))
        broker.start(60)


def wait_for_end(child: int, patience_s: float) -> None:
    """Wait until a process ends by itself, not longer than so many seconds [s]."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        with suppress(ChildProcessError):
            if os.waitpid(child, os.WNOHANG) == (0, 0):
                time.sleep(0.1)
                continue
        time.sleep(1.0)  # for whoever listens
        return


def tables(
    folders: Sequence[Folder],
    hour_s: float,
    seed: int,
    killed: Sequence[str],
    measured: Mapping[str, object],
) -> dict[str, pd.DataFrame]:
    """What became of a round: a row for itself, a row a job, a row a run."""
    kind = f"{len(killed)} kills" if killed else "calm"
    name = {"round": f"{hour_s:g} s, {kind}, {seed}"}
    about: dict[str, object] = {"hour_s": hour_s, "checkpoint_s": hour_s / 2, "margin_s": MARGIN_S}
    about |= {f"{victim}_kills": killed.count(victim) for victim in VICTIMS}
    jobs = [one_job(folder, hour_s) for folder in folders]
    runs = [run for folder in folders for run in runs_of(folder, hour_s)]
    return {
        "rounds": pd.DataFrame([name | about | dict(measured)]),
        "jobs": pd.DataFrame([name | job for job in jobs]),
        "runs": pd.DataFrame([name | run for run in runs]),
    }


def told_by(folder: Folder, what: str) -> list[tuple[float, str]]:
    """Instants [s] and notes of what a job wrote of itself, ticks above all."""
    path = folder.path / "told"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(float(line[1]), line[2]) for line in lines if len(line) == 3 and line[0] == what]


def runs_of(folder: Folder, hour_s: float) -> list[dict[str, object]]:
    """One row a run: when planned, when it really began, what it did after its last checkpoint."""
    plan = folder.plan
    events = read_events(folder.path)
    begun = [e.time_s for e in events if e.event == "started"]
    marks = [e.time_s for e in events if e.event == "checkpoint"]
    ticks = [time_s for time_s, _ in told_by(folder, "tick")]
    planned = list(plan.schedule.start_s) if len(begun) == len(plan.schedule.start_s) else None
    rows = []
    for number, start_s in enumerate(begun):
        until_s = begun[number + 1] if number + 1 < len(begun) else np.inf
        lived_s = max([start_s, *(t for t in ticks if start_s <= t < until_s)])
        saved_s = max([start_s, *(t for t in marks if start_s <= t < until_s)])
        unsaved = sum(saved_s < t < until_s for t in ticks)
        rows.append(
            {
                "job": folder.key,
                "run": number + 1,
                "planned_start_s": planned[number] - plan.release_s if planned else np.nan,
                "start_s": start_s - plan.release_s,
                "after_checkpoint_s": max(0.0, lived_s - saved_s),
                # by its work, not by the clock: on a busy machine an interval lasts longer
                "unsaved_work_s": hour_s / 8 * unsaved,
            }
        )
    return rows


def one_job(folder: Folder, hour_s: float) -> dict[str, object]:
    """One row: how it ended, how late, what was done more than once."""
    plan: Plan = folder.plan
    ticks, ends = told_by(folder, "tick"), told_by(folder, "end")
    path = folder.path / "receipt.json"
    receipt = json.loads(path.read_text()) if path.exists() else {"outcome": "none"}
    history = read_journal(folder)
    done = [e.what for e in history if e.result == "done"]
    wanted = 4 * plan.job.work_profile.checkpoints_s.size
    begun = [e.time_s for e in read_events(folder.path) if e.event == "started"]
    last_s = ends[-1][0] if ends else time.time()
    return {
        "job": folder.key,
        "outcome": receipt["outcome"],
        "planned_runs": len(plan.schedule.start_s),
        "runs": len(begun),
        "late_s": last_s - plan.deadline_s,
        "ends": len(ends),
        "ticks_missing": wanted - len({name for _, name in ticks}),
        "work_twice_s": hour_s / 8 * (len(ticks) - len({name for _, name in ticks})),
        # the clock of a job never runs backwards; ticks of two runs at once would be mixed up
        "overlaps": sum(later < earlier - 1e-3 for (earlier, _), (later, _) in pairwise(ticks)),
        "submissions": done.count("submit"),
        "requeues": done.count("requeue"),
        "failed_calls": sum(e.result not in {"intended", "done"} for e in history),
        **{name: receipt.get(name) for name in ("planned_g", "real_g", "at_once_g")},
    }


def summary(found: dict[str, pd.DataFrame]) -> dict[str, object]:
    """The figures that matter, over some rounds."""
    jobs, runs, rounds = found["jobs"], found["runs"], found["rounds"]
    lag_s = runs["start_s"] - runs["planned_start_s"]
    first = runs["run"] == 1
    return {
        "kills": int(rounds.filter(like="_kills").to_numpy().sum()),
        "loop_s": round(float(rounds["loop_s"].max()), 1),
        "jobs": len(jobs),
        "completed": int((jobs["outcome"] == "completed").sum()),
        "lost": int(((jobs["ticks_missing"] > 0) | (jobs["ends"] == 0)).sum()),
        "late": int((jobs["late_s"] > 0).sum()),
        "late_beyond_margin": int((jobs["late_s"] > MARGIN_S).sum()),
        "latest_s": round(float(jobs["late_s"].max()), 2),
        "run_twice": int((jobs["overlaps"] > 0).sum()),
        "ended_twice": int((jobs["ends"] > 1).sum()),
        "stops": int((jobs["runs"] - 1).sum()),
        "start_lag_p95_s": round(float(lag_s[first].quantile(0.95)), 2),
        "resume_lag_p95_s": round(float(lag_s[~first].quantile(0.95)), 2),
        "work_twice_s": round(float(jobs["work_twice_s"].sum()), 2),
        "most_after_checkpoint_s": round(float(runs["after_checkpoint_s"].max()), 2),
        "submissions": int(jobs["submissions"].sum()),
        "failed_calls": int(jobs["failed_calls"].sum()),
        "unheard": int(rounds["unheard"].sum()),
        "heard_p95_s": round(float(rounds["heard_p95_s"].max()), 2),
        "planned_g": round(float(jobs["planned_g"].sum()), 3),
        "real_g": round(float(jobs["real_g"].sum()), 3),
        "at_once_g": round(float(jobs["at_once_g"].sum()), 3),
    }


def store(found: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write the tables; rounds of the same name are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in found.items():
        path = folder / f"{name}.csv"
        if path.exists():
            before = pd.read_csv(path)
            table = pd.concat([before[~before["round"].isin(table["round"])], table])
        table.sort_values("round", kind="stable").to_csv(
            path, index=False, float_format="%.6g", lineterminator="\n"
        )


def joined(*found: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Several rounds as one."""
    return {name: pd.concat([one[name] for one in found], ignore_index=True) for name in found[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--per-round", type=int, default=10, help="kills a round (10)")
    parser.add_argument(
        "--victims", default=",".join(VICTIMS), help="who is killed, each as often as it is named"
    )
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--hour", type=float, default=2.5, help="seconds of a grid hour (2.5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calm", type=int, default=1, help="calm rounds before (1)")
    parser.add_argument("--out", type=Path, help="folder of the three tables")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the Slurm is ended, too
    out = options.out.absolute() if options.out else None
    connection(Address("nats://127.0.0.1"))  # its libraries are loaded once, before a fork
    root = open_to_all(Path(tempfile.mkdtemp(prefix="measure")))
    (root / "slurm").mkdir()
    live = Live(root / "slurm")
    counts = [0] * options.calm
    counts += [options.per_round] * (options.kills // options.per_round)
    counts += [options.kills % options.per_round] if options.kills % options.per_round else []
    found = []
    try:
        for number, kills in enumerate(counts):
            found.append(
                one_round(
                    live,
                    root,
                    jobs=options.jobs,
                    hour_s=options.hour,
                    kills=kills,
                    seed=options.seed + number,
                    victims=options.victims.split(","),
                )
            )
            print(f"round {number}:", json.dumps(summary(found[-1])), flush=True)
            if out:
                store(found[-1], out)
    finally:
        with suppress(SchedulerError):
            live.close()
    told = summary(joined(*found))
    print(json.dumps(told, indent=1))
    print("logs:", root)
    bad = ("lost", "late_beyond_margin", "run_twice")
    return int(told["completed"] != told["jobs"] or any(told[name] for name in bad))


if __name__ == "__main__":
    sys.exit(main())
