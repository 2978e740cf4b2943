"""Training: needs torch, which nothing else does."""

import importlib.util

import numpy as np
import pytest
from learn_problems import HOUR, case, workload

from helpers.learn import Net, Priced
from helpers.learn.environment import PerJob
from helpers.learn.ppo import Training, train

HAVE = all(importlib.util.find_spec(name) for name in ("torch", "sb3_contrib"))
needs_torch = pytest.mark.skipif(
    not HAVE, reason="torch trains policies: pip install '.[learn]' brings it."
)


def small(prices_kwh=(0.01, 0.01), jobs=20):
    rng = np.random.default_rng(1)
    work = workload(
        86_400.0 + 1800.0 * np.arange(jobs), HOUR * rng.integers(1, 4, jobs), 1,
        longest_wait_s=12 * HOUR, power_w=1000.0,
    )  # fmt: skip
    days = np.tile([*[400.0] * 6, *[100.0] * 6], 20)
    return PerJob([case(work, jobs, days)], slots=4, prices_kwh=prices_kwh, large_core_h=0.0)


def teacher(env):
    return Priced(env.price_kwh, env.observer)


def played(net, env, price_kwh):
    over = False
    env.reset(options={"price_kwh": price_kwh})
    while not over:
        *_, over, _, info = env.step(net.best(env.asked.rows, env.asked.masks))
    return info


@needs_torch
@pytest.mark.filterwarnings("ignore")  # of torch and Stable-Baselines3, about each other
@pytest.mark.parametrize("masked", [True, False])
def test_a_policy_is_trained_from_a_rule_kept_and_saves(masked):
    env = small()
    plan = Training(
        steps=300, seed=1, imitation=150, weeks=2, teacher=teacher, masked=masked,
        options={"n_steps": 64},
    )  # fmt: skip
    net = train(env, plan)

    assert isinstance(net, Net)
    assert played(net, env, 0.01)["saved"] > 5
    assert net.about["imitated"]
    assert masked == net.about["masked"]
    assert {"torch", "stable_baselines3", "sb3_contrib", "python", "numpy"} == set(
        net.about["versions"]
    )
    assert all(len(week) == 5 for week in net.about["curve"])


@needs_torch
@pytest.mark.filterwarnings("ignore")
def test_one_net_waits_less_where_delay_costs_more():
    env = small((0.01, 1.0))
    plan = Training(steps=64, seed=1, weeks=6, teacher=teacher, options={"n_steps": 64})
    net = train(env, plan)
    cheap, dear = (played(net, env, price)["delay_h"] for price in (0.01, 1.0))

    assert cheap > 2 * dear


@needs_torch
@pytest.mark.filterwarnings("ignore")
def test_weeks_are_played_side_by_side_in_processes():
    plan = Training(steps=120, seed=1, workers=2, options={"n_steps": 32})
    net = train(small(jobs=8), plan)

    assert 2 == net.about["workers"]
    assert net.about["curve"]


@pytest.mark.parametrize("name", ["steps", "workers", "weeks"])
def test_no_steps_no_workers_and_no_weeks_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}.* must be at least 1"):
        Training(**({"steps": 1, "seed": 1} | {name: 0}))
