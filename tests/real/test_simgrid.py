"""Replays against SimGrid and its energy plugin, a simulator of another team."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from helpers.cluster import replay
from helpers.cluster.account import energy_j
from helpers.cluster.metrics import check
from helpers.decide import Easy, SleepIdle
from helpers.phases.throttle import Throttle
from helpers.work import Cluster, NodePower, Workload, workload_table

pytestmark = pytest.mark.real("simgrid")

POWER = NodePower(
    idle_w=95.0, off_w=7.0, boot_w=130.0, boot_s=150.0, shutdown_w=110.0, shutdown_s=20.0
)
CORE_W, CAP_W = 190.0, 120.0  # what a busy core adds; the cap of a core
THROTTLE = Throttle(0.6)
STATES = ("full", "capped", "off", "booting", "shutting_down")


class CappedEasy(Easy):
    """EASY that caps every other job for its first hour, and all jobs in each odd hour after."""

    name = "capped EASY"

    def decide(self, view):
        super().decide(view)
        hour = int(view.now_s // 3600)
        view.wake_at(3600.0 * (hour + 1))
        for job in view.running.values():
            capped = (hour + job.number) % 2 == 0
            view.cap(job, CAP_W * job.processors if capped else np.inf)


def jobs_of(seed, n=150):
    """Jobs of one core a node, some wide, with quiet times between them; whole seconds."""
    rng = np.random.default_rng(seed)
    run_s = rng.integers(60, 7200, n).astype(float)
    gaps_s = np.where(rng.random(n) < 0.1, 15_000, rng.integers(0, 900, n))
    table = {
        "job_id": np.arange(n),
        "submit_s": np.cumsum(gaps_s).astype(float),
        "run_s": run_s,
        "requested_s": run_s * rng.integers(1, 4, n),
        "processors": rng.choice([1, 2, 3, 8], n),
        "power_w": CORE_W,
    }
    return Workload(workload_table(table), throttle=THROTTLE)


def asked(done):
    """What the judge is asked: when jobs start and nodes change, never when a job ends."""
    slow = float(THROTTLE.speed(CORE_W, CAP_W))
    speeds, idle_w = (1.0, slow, 1.0, 1.0, 1.0), POWER.idle_w
    own_w = (idle_w, idle_w, POWER.off_w, POWER.of("booting"), POWER.of("shutting_down"))
    added_w = (CORE_W, CAP_W, 0.0, 0.0, 0.0)
    # At one instant: a node that ends booting, then its job, then the job's cap.
    events = []
    for row in done.switches.itertuples():
        state = STATES.index("full" if row.state == "idle" else row.state)
        events.append((row.time_s, 0, "state", int(row.node), state))
    for run, row in enumerate(done.runs.itertuples()):
        work_s = float(done.workload.jobs["run_s"].iloc[row.job])
        nodes = done.cores_of_run(run).tolist()
        events.append((row.start_s, 1, "run", nodes, work_s))
        events += [(row.start_s, 0, "state", node, 0) for node in nodes]
    for row in done.paces.itertuples():
        if not np.isnan(row.cap_w):
            state = 1 if np.isfinite(row.cap_w) else 0
            nodes = done.cores_of_run(row.run).tolist()
            events += [(row.time_s, 2, "state", node, state) for node in nodes]
    events.sort(key=lambda event: event[:2])
    # Once a run is over, its nodes idle at full speed; what a node draws idle is the same.
    return {
        "nodes": done.cluster.nodes,
        "states": [
            {"speed": speed, "idle_w": own, "busy_w": own + added}
            for speed, own, added in zip(speeds, own_w, added_w, strict=True)
        ],
        "events": [[time_s, *rest] for time_s, _, *rest in events],
        "stop_s": done.stop_s,
    }


def judged(done):
    program = Path(__file__).parent / "judge_by_simgrid.py"
    ran = subprocess.run(
        ["/usr/bin/python3", str(program)],
        input=json.dumps(asked(done)),
        capture_output=True,
        text=True,
        timeout=300,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "policy",
    [Easy, lambda: SleepIdle(Easy(), idle_s=300.0), CappedEasy, lambda: SleepIdle(CappedEasy())],
    ids=["EASY", "EASY, nodes sleep", "EASY, capped", "capped, nodes sleep"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_simgrid_ends_at_the_same_second_and_draws_the_same_joules(policy, seed):
    done = replay(jobs_of(seed), Cluster(12, 1, POWER), policy())
    check(done)
    found = judged(done)
    window = (0.0, done.stop_s)

    assert pytest.approx(found["makespan_s"], rel=1e-6) == done.runs["stop_s"].max()
    assert pytest.approx(found["joules"], rel=1e-6) == energy_j(done, window).sum()


def test_the_replays_use_every_state():
    done = replay(jobs_of(1), Cluster(12, 1, POWER), SleepIdle(CappedEasy()))
    drawn = energy_j(done)

    assert (drawn > 0).all()
    assert np.isfinite(done.paces["cap_w"]).any()
