"""Count how often explanations are true: every change that they name, tried on the engine itself.

    python tests/decide/count_decisions.py --each 650 --seed 1 --out data/explanations/decisions.csv

For each policy small clusters are drawn at random until so many decisions about a job were
explained. Each change that an explanation names is made on the engine of the simulator, at that
decision, and must turn it; one step less must not. Where a policy turns more than once between the
present and the change that was found, a still smaller change may turn it, too: up to three values
in between are tried, and counted. Neither copies of decisions nor the machine at which time stands
still are in play in this; they are what is judged.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cluster"))

from cluster_problems import curve, workload

from helpers.cluster.ask import Inquiry, grams_by_decision
from helpers.decide import Policy, explain, moment, playbook
from helpers.decide.moment import Scene
from helpers.work import Cluster

CHANGES = {
    "intensity": lambda job, x: moment.intensity_g_per_kwh(x),
    "requested": moment.requested_s,
    "processors": lambda job, x: moment.processors(job, round(x)),
    "longest wait": moment.longest_wait_s,
}
BETWEEN = 3  # smaller changes that are tried of each


class Cut(Policy):
    """Decide as another policy, but at one decision with a fact changed on the engine itself."""

    def __init__(self, policy, when, change, engine):
        self.policy, self.when, self.change, self.engine = policy, when, change, engine

    def begin(self, view):
        self.decisions = -1
        self.policy.begin(view)

    def decide(self, view):
        self.decisions += 1
        if self.decisions == self.when:
            self.change(Scene(self.policy, view, self.engine))
        self.policy.decide(view)


def on_the_engine(inquiry, when, change):
    """Return what the engine's own record says of a decision with a fact changed."""
    engine = inquiry._engine()
    engine.book.record = []
    policy = Cut(inquiry._policy, when, change, engine)
    engine.close = lambda job, state, kept_s: end_on_engine(engine, job, state)
    views = engine.views()
    policy.begin(next(views))
    for view in views:
        before = len(engine.book.record)
        policy.decide(view)
        if policy.decisions == when:
            return [(row[1], row[2]) for row in engine.book.record[before:]]
    raise AssertionError("the decision never came")


def end_on_engine(engine, job, state):
    """Let a job end on the engine by now."""
    work_s = float(engine.work_s[job.number])
    engine._close(job, engine.present[job.number], 0, work_s, work_s)
    job.state = state


def last_act(acts, number):
    """Return what an engine did last with a job; nothing is an answer, too."""
    mine = [action for action, job in acts if job == number]
    return mine[-1] if mine else ""


def problem(rng):
    """Draw a small cluster, jobs with patience, and a curve of 1-minute steps."""
    n, cores = int(rng.integers(4, 11)), int(rng.integers(2, 9))
    run_s = rng.uniform(1, 100, n)
    jobs = workload(
        np.sort(rng.uniform(0, 20 * n, n)),
        run_s,
        rng.integers(1, cores + 1, n),
        np.ceil(run_s * rng.uniform(1.0, 3.0, n)),
        power_w=rng.integers(1, 50, n).astype(float),
        priority=rng.integers(0, 3, n).astype(float),
        longest_wait_s=rng.integers(0, 400, n).astype(float),
        best_effort=rng.random(n) < 0.3,
    )
    return Cluster(cores), jobs, curve(rng.integers(100, 400, 4000).astype(float), step_s=60.0)


def between(way, rng):
    """Return values between the present and the change, at which it was not tried to turn."""
    low, high = sorted((way.present, way.short_of))
    if way.fact == "processors":
        whole = np.arange(low + 1, high)
        return rng.permutation(whole)[:BETWEEN].tolist()
    return rng.uniform(low, high, BETWEEN).tolist() if high > low else []


def count(make, each, seed):
    """Explain so many decisions of a policy, try every change, and return the sums."""
    rng = np.random.default_rng(seed)
    sums = dict.fromkeys(
        ("decisions", "changes", "turned", "short", "short_held", "between", "between_turned"), 0
    )
    lasted_s, off = [], 0.0
    while sums["decisions"] < each:
        cluster, jobs, intensity = problem(rng)
        inquiry = Inquiry(jobs, cluster, make(), intensity=intensity)
        grams = grams_by_decision(inquiry.replay)["grams"].sum()
        whole = inquiry.replay.emissions_g()["jobs"]
        off = max(off, abs(grams - whole) / whole)
        picked = rng.permutation(len(inquiry.decisions_s))[:4]
        kept = inquiry.moments([inquiry.decisions_s[i] for i in picked])
        for when in picked.tolist():
            time_s = inquiry.decisions_s[when]
            if inquiry.decisions_s.count(time_s) > 1:
                continue  # which of two decisions of one instant is meant?
            count_moment(inquiry, when, kept[time_s], rng, sums, lasted_s)
    return sums | {
        "mean_ms": 1000 * np.mean(lasted_s),
        "most_ms": 1000 * np.max(lasted_s),
        "grams_off": off,
    }


def count_moment(inquiry, when, kept, rng, sums, lasted_s):
    """Explain what one decision did with each job, and try every change that is named."""
    view = kept.scene().view
    as_it_was = on_the_engine(inquiry, when, lambda scene: None)
    for number in [*view.queue, *view.suspended, *view.running]:
        begun = time.process_time()
        told = explain.explain(kept, number)
        lasted_s.append(time.process_time() - begun)
        sums["decisions"] += 1
        old = last_act(as_it_was, number)
        job = view.queue.get(number) or view.suspended.get(number) or view.running[number]
        for way in told.counterfactuals:
            sums["changes"] += 1
            sums["turned"] += last_act(on_the_engine(inquiry, when, way.change), number) != old
            if way.smaller is not None:
                sums["short"] += 1
                held = last_act(on_the_engine(inquiry, when, way.smaller), number) == old
                sums["short_held"] += held
            if way.fact in CHANGES:
                for value in between(way, rng):
                    change = CHANGES[way.fact](job, value)
                    sums["between"] += 1
                    acts = on_the_engine(inquiry, when, change)
                    sums["between_turned"] += last_act(acts, number) != old


RULES = playbook.Playbook(
    "chance", (0, 2, -1, -1, -1), (45.0, 0.01, 0.0, 0.0, 0.0), (1, 2, -1, -1, -1),
    (4, 3, -1, -1, -1), (False, False, True, False, False), (0.0,) * 5, (0,) * 5,
    (-np.inf,) * 6, (np.inf,) * 6,
)  # fmt: skip
"""Rules of a playbook: start short jobs in the cleaner hours."""


def policies():
    """Return every policy that is counted."""
    from test_moment import POLICIES

    return POLICIES | {"playbook": lambda: playbook.Follow(RULES)}


def main():
    """Count and write the table."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--each", type=int, default=650)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--out", type=Path, required=True)
    options = asked.parse_args()
    rows = []
    for name, make in policies().items():
        rows.append({"policy": name} | count(make, options.each, options.seed))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table[["mean_ms", "most_ms"]] = table[["mean_ms", "most_ms"]].round(1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False, float_format="%.3g", lineterminator="\n")


if __name__ == "__main__":
    main()
