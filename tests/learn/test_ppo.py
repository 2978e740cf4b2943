"""Training: needs torch, which nothing else does."""

import importlib.util

import numpy as np
import pytest
from learn_problems import HOUR, case, workload

from helpers.learn import Learned, Net, Priced
from helpers.learn.environment import PerJob
from helpers.learn.ppo import Training, train

HAVE = all(importlib.util.find_spec(name) for name in ("torch", "sb3_contrib"))
needs_torch = pytest.mark.skipif(
    not HAVE, reason="torch trains policies: pip install '.[learn]' brings it."
)


def small(limits_h=(2.0,)):
    rng = np.random.default_rng(1)
    work = workload(
        86_400.0 + 1800.0 * np.arange(20), HOUR * rng.integers(1, 4, 20), 1,
        longest_wait_s=12 * HOUR, power_w=1000.0,
    )  # fmt: skip
    days = np.tile([*[400.0] * 6, *[100.0] * 6], 20)
    return PerJob([case(work, 20, days)], slots=4, limits_h=limits_h, large_core_h=0.0)


@needs_torch
@pytest.mark.filterwarnings("ignore")  # of torch and Stable-Baselines3, about each other
def test_a_policy_is_trained_from_a_rule_kept_and_saves():
    env = small()
    plan = Training(
        steps=300, seed=1, prices={2.0: 0.5}, imitation=150,
        teacher=lambda env, limit_h: Priced(0.01, env.observer), options={"n_steps": 64},
    )  # fmt: skip
    net = train(env, plan)

    over = False
    env.reset()
    while not over:
        *_, over, _, info = env.step(net.best(env.asked.rows, env.asked.masks))
    assert isinstance(net, Net)
    assert info["saved"] > 5
    assert net.about["imitated"]
    assert {"torch", "stable_baselines3", "sb3_contrib", "python", "numpy"} == set(
        net.about["versions"]
    )
    assert all(len(week) == 5 for week in net.about["curve"])
    assert Learned(net, 2.0).limit_h == 2.0


@needs_torch
@pytest.mark.filterwarnings("ignore")
def test_the_price_of_a_limit_rises_while_it_is_broken_and_falls_while_it_is_kept():
    prices = {}
    for limit_h in (0.01, 500.0):
        env = small(limits_h=(limit_h,))
        plan = Training(steps=200, seed=1, prices={limit_h: 0.5}, options={"n_steps": 64})
        prices[limit_h] = train(env, plan).about["prices"][str(limit_h)]

    assert prices[500.0] < 0.5 < prices[0.01]


def test_limits_without_a_first_price_are_refused():
    with pytest.raises(ValueError, match="each needs a first price"):
        train(small(limits_h=(1.0, 2.0)), Training(steps=1, seed=1))
