"""Records on a real Slurm how long candidates wait, and what was expected of them beforehand.

    python tests/operate/record_queue.py --minutes 15 --out data/slurm

Jobs of a real log (UniLu Gaia, from day 44 on) are submitted to the four nodes of `live`, 360 times
as fast, on a quarter of their cores, each by a user of its own as in the log. Every quarter of a
minute the present queue is written down, `sbatch --test-only` is asked about each candidate, and each
candidate is submitted for real (it runs for a second). Written are the rules, a row a job, a row a
candidate, and the queue at each of those moments. Wants root and `make packages`.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from live import Live, open_to_all

from helpers import datasets
from helpers.files import write_whole
from helpers.operate.backend import SchedulerError
from helpers.operate.queue import queue_text
from helpers.operate.rules import Resources, write_rules

FASTER = 360.0
FEWER = 4
FIRST_DAY = 44
LONGEST_H = 24.0
EVERY_S = 15.0
CANDIDATES = (
    Resources(120.0, 1, 2, partition="batch"),
    Resources(120.0, 1, 8, partition="batch"),
    Resources(120.0, 2, 16, partition="batch"),
    Resources(120.0, 1, 2, partition="short"),
    Resources(120.0, 1, 8, partition="short"),
)


@dataclass(frozen=True)
class Asked:
    """One job of the log, as it is submitted here."""

    at_s: float
    user: str
    processors: int
    run_s: float
    limit_min: int

    @property
    def words(self) -> list[str]:
        """Options of sbatch, and what runs."""
        nodes = math.ceil(self.processors / 8)
        return [
            f"--ntasks={self.processors}",
            f"--nodes={nodes}",
            f"--time={self.limit_min}",
            "--comment=log",
            f"--wrap=sleep {self.run_s:.2f}",
        ]


def jobs_of_the_log(minutes: float) -> tuple[list[Asked], int]:
    """Jobs in order of submission, and the number of users."""
    log = datasets.job_log("unilu-gaia-2014").jobs
    start_s = FIRST_DAY * 86400.0
    chosen = log[
        log["submit_s"].between(start_s, start_s + FASTER * 60 * minutes)
        & (log["run_s"] > 0)
        & (log["requested_s"] > 0)
        & (log["requested_s"] <= LONGEST_H * 3600)
    ]
    users = {name: f"u{k + 1:02d}" for k, name in enumerate(chosen["user"].unique())}
    found = [
        Asked(
            (job.submit_s - start_s) / FASTER,
            users[job.user],
            min(16, math.ceil(job.processors / FEWER)),
            max(1.0, job.run_s / FASTER),
            math.ceil(job.requested_s / FASTER / 60),
        )
        for job in chosen.itertuples()
    ]
    return sorted(found, key=lambda job: job.at_s), len(users)


def add_users(live: Live, count: int) -> None:
    """Make the users of the log known to the cluster, which has two."""
    for k in range(3, count + 1):
        line = f"u{k:02d}:x:{60000 + k}:61001:sample:/tmp:/bin/sh"
        live.run("sh", "-c", f"echo '{line}' >> /etc/passwd")
        live.run(*f"sacctmgr -iQ add user u{k:02d} account=physics qos=normal".split())


def submit(live: Live, user: str, *words: str) -> str:
    """Submit a job as one of the users and return its number; the log has no output."""
    return live.run("sbatch", "--parsable", "--output=/dev/null", *words, user=user).strip()


def record(live: Live, minutes: float) -> tuple[list[dict], list[str]]:
    """Submit, look, ask; a row a candidate, and a line a look."""
    jobs, users = jobs_of_the_log(minutes)
    add_users(live, users)
    backend = live.backend("u01")
    begun_s, looks, rows, queues = time.time(), 0, [], []
    while jobs or looks * EVERY_S < 60 * minutes:
        elapsed_s = time.time() - begun_s
        if jobs and jobs[0].at_s <= elapsed_s:
            job = jobs.pop(0)
            submit(live, job.user, *job.words)
        elif elapsed_s >= looks * EVERY_S:
            looks += 1
            queues.append(queue_text(backend.queue()))
            asked_s = json.loads(queues[-1])["now_s"]
            told = [trial(backend, one) for one in CANDIDATES]
            for one, expected_s in zip(CANDIDATES, told, strict=True):
                words = [f"--partition={one.partition}", f"--nodes={one.nodes}"]
                words += [f"--ntasks={one.cores}", f"--time={one.wall_s / 60:.0f}"]
                number = submit(live, "u01", *words, "--comment=candidate", "--wrap=sleep 1")
                about = {"look": looks, "asked_s": asked_s, "job_id": number}
                about |= {"partition": one.partition, "nodes": one.nodes, "cores": one.cores}
                rows.append(about | {"limit_s": one.wall_s, "test_only_s": expected_s})
        else:
            time.sleep(0.05)
    return rows, queues


def trial(backend, request: Resources) -> float:
    """When ``sbatch --test-only`` expects a request to start [s]; NaN without an answer."""
    try:
        return backend.trial(request)
    except SchedulerError:
        return math.nan


def accounted(live: Live) -> pd.DataFrame:
    """All jobs as Slurm accounts for them, once none is left."""
    until_s = time.time() + 600
    while live.run("squeue", "--noheader").strip() and time.time() < until_s:
        time.sleep(1.0)
    time.sleep(2.0)  # accounting may lag behind
    names = ["JobID", "User", "Partition", "AllocCPUS", "Submit", "Start", "End", "TimelimitRaw"]
    printed = live.run(
        *("env", "SLURM_TIME_FORMAT=%s", "sacct", "-a", "-X", "-P", "-n", "-S", "now-1days"),
        "--format=" + ",".join([*names, "State", "Comment"]),
    )
    columns = ["job_id", "user", "partition", "processors", "submit_s", "start_s", "end_s"]
    columns += ["requested_s", "state", "comment"]
    table = pd.DataFrame([line.split("|") for line in printed.splitlines()], columns=columns)
    for name in columns[3:8]:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    table["requested_s"] *= 60.0
    table["job_id"] = table["job_id"].astype(int)
    return table.sort_values("job_id", ignore_index=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=15.0, help="0: the rules alone")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the Slurm is ended, too
    root = open_to_all(Path(tempfile.mkdtemp(prefix="queue")))
    live = Live(root)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        write_rules(live.backend("u01").rules(), options.out / "rules.yaml")
        if options.minutes <= 0:
            return 0
        rows, queues = record(live, options.minutes)
        jobs = accounted(live)
    finally:
        with suppress(SchedulerError):
            live.close()
    candidates = pd.DataFrame(rows).astype({"job_id": int})
    started = jobs.set_index("job_id")["start_s"]
    candidates["start_s"] = candidates["job_id"].map(started)
    for name, table in {"queue_jobs": jobs, "queue_candidates": candidates}.items():
        text = table.to_csv(index=False, float_format="%.3f", lineterminator="\n")
        write_whole(options.out / f"{name}.csv", text)
    write_whole(options.out / "queues.jsonl.bz2", "\n".join(queues) + "\n")
    error_s = (candidates["test_only_s"] - candidates["start_s"]).abs()
    print(len(jobs), "jobs,", len(candidates), "candidates; --test-only is wrong by a median of")
    print(np.round(error_s.median(), 1), "s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
