"""Small clusters and workloads, and a policy that does at random whatever can be done."""

import random

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from helpers.carbon import Intensity
from helpers.decide import Policy
from helpers.phases import Phase, PhaseModel, Repeat, Suspension
from helpers.work import Cluster, NodePower, Workload, workload_table

EPOCH = pd.Timestamp("2020-07-01", tz="UTC")


def workload(submit_s, run_s, processors=1, requested_s=None, **columns):
    """Jobs a, b, c, ... of constant power, asking for as long as they run."""
    n = len(submit_s)
    run_s = np.broadcast_to(np.asarray(run_s, dtype=float), n)
    table = {
        "job_id": [chr(ord("a") + i) if n <= 26 else str(i) for i in range(n)],
        "submit_s": np.asarray(submit_s, dtype=float),
        "run_s": run_s,
        "requested_s": run_s if requested_s is None else requested_s,
        "processors": processors,
        "power_w": 10.0,
    }
    given = {name: columns.pop(name) for name in list(columns) if name in JOB_COLUMNS}
    return Workload(workload_table({**table, **given}), epoch=EPOCH, **columns)


JOB_COLUMNS = ("power_w", "model", "user", "queue", "priority", "best_effort", "longest_wait_s")


def curve(values, step_s=3600.0):
    """Carbon intensity from second 0 of the workloads on."""
    edges_s = EPOCH.timestamp() + step_s * np.arange(len(values) + 1)
    return Intensity(edges_s, values, "average", "XX", "generated")


LEARNING = PhaseModel(
    "learning",
    [Phase("load", 7.0, 50.0), Phase("warm up", 3.0, 80.0)],
    [Repeat(4, [Phase("train", 20.0, 200.0), Phase("save", 5.0, 90.0, checkpoint=True)])],
    [Phase("write", 4.0, 60.0)],
)
SHORT = PhaseModel("short", [], [Phase("work", 10.0, 30.0)])
SAVING = Suspension(save=[Phase("swap", 2.0, 40.0)], suspended_power_w=1.0, least_run_s=3.0)


@st.composite
def clusters(draw):
    """Up to 12 cores on up to 6 nodes that take whole seconds to boot and shut down."""
    power = NodePower(
        idle_w=100.0,
        off_w=5.0,
        boot_w=150.0,
        boot_s=draw(st.sampled_from([0.0, 20.0])),
        shutdown_s=draw(st.sampled_from([0.0, 5.0])),
    )
    return Cluster(draw(st.integers(1, 6)), draw(st.integers(1, 2)), power)


@st.composite
def workloads(draw, cores, most=12, whole=False):
    """Jobs with and without phases, of up to `cores` processors."""
    n = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    model = np.full(n, -1) if whole else rng.integers(-1, 2, n)
    run_s = rng.integers(1, 100, n) if whole else rng.uniform(1, 100, n)
    submit_s = rng.integers(0, 20 * n, n) if whole else rng.uniform(0, 20 * n, n)
    submit_s = np.where(rng.random(n) < 0.3, 10.0 * (submit_s // 10), submit_s)
    requested_s = np.ceil(run_s * rng.uniform(0.8, 3.0, n) + 15.0 * (model == 0))
    suspension = draw(st.sampled_from([Suspension(), SAVING, Suspension(keep="checkpoints")]))
    return workload(
        np.sort(submit_s),
        run_s,
        rng.integers(1, cores + 1, n),
        requested_s,
        power_w=np.where(model < 0, rng.integers(0, 50, n), np.nan),
        model=model,
        priority=rng.integers(0, 3, n),
        models=(LEARNING, SHORT),
        suspension=suspension,
        power_per=draw(st.sampled_from(["processor", "job"])),
    )


@st.composite
def problems(draw, **options):
    """A cluster and a workload that fits it."""
    cluster = draw(clusters())
    return cluster, draw(workloads(cluster.cores, **options))


class Chaos(Policy):
    """Do at random whatever can be done, and the decent thing after some time."""

    name = "chaos"

    def __init__(self, seed, wild=40):
        self.seed, self.wild = seed, wild

    def begin(self, view):
        self.random, self.left, self.woken = random.Random(self.seed), self.wild, -np.inf

    def decide(self, view):
        self.left -= 1
        waiting = [*view.queue.values(), *view.suspended.values()]
        states = view.node_states()
        if self.left > 0:
            self.random.shuffle(waiting)
            for job in list(view.running.values()):
                if view.may_suspend(job) and self.random.random() < 0.3:
                    view.suspend(job, save=self.random.random() < 0.7)
            idle = [n for n in np.flatnonzero(states == "idle") if self.random.random() < 0.3]
            view.switch_off(idle)
        off = np.flatnonzero(view.node_states() == "off")
        view.switch_on([n for n in off if self.left <= 0 or self.random.random() < 0.5])
        for job in waiting:
            if job.processors <= view.free_cores and (self.left <= 0 or self.random.random() < 0.7):
                cores = self.random.sample(np.flatnonzero(view.free()).tolist(), job.processors)
                transition_s = self.random.choice([0.0, 2.5])
                act = view.resume if job.state == "suspended" else view.start
                act(job, self.random.choice([None, cores]), transition_s=transition_s)
        if self.woken <= view.now_s:
            self.woken = view.now_s + self.random.uniform(1, 20)
            view.wake_at(self.woken)
