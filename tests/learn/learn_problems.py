"""Small workloads to play, and how a rule is played in the environment."""

import numpy as np
from cluster_problems import EPOCH, curve, workload
from hypothesis import strategies as st

from helpers.carbon.expected import hindsight
from helpers.learn import Case
from helpers.phases import Phase, Suspension, Throttle
from helpers.work import Cluster

HOUR = 3600.0
SAVING = Suspension(save=(Phase("save", 60.0, 10.0),), least_run_s=600.0)


def case(work, cores, values, **given):
    curve_ = curve(np.append(values, np.full(400, 300.0)))
    return Case(work, Cluster(cores), curve_, EPOCH, forecaster=hindsight(curve_), **given)


@st.composite
def cases(draw, most=25):
    """Two days of jobs on a few cores under an intensity that jumps about."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n, cores = draw(st.integers(1, most)), draw(st.integers(2, 12))
    run_s = np.ceil(rng.lognormal(8.0, 1.5, n).clip(60, 30 * HOUR))
    work = workload(
        np.sort(rng.integers(24 * 3600, 60 * 3600, n)),
        run_s,
        rng.integers(1, cores + 1, n),
        np.ceil(run_s * rng.uniform(1.0, 3.0, n)),
        longest_wait_s=rng.choice([2.0, 6.0, 24.0], n) * HOUR,
        power_w=rng.uniform(10.0, 300.0, n),
        suspension=SAVING,
        throttle=Throttle(0.5),
    )
    return case(work, cores, rng.choice([100.0, 200.0, 300.0, 400.0], 96))


def played(env, rule, place=0):
    """Play a rule in an environment and return the replay."""
    env.reset(options={"case": place})
    rule.begin(env.view)
    over = False
    while not over:
        *_, over, _, _ = env.step(env.action(rule.orders(env.view)))
    return env.result()
