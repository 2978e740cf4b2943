"""Steps of the learning environment: a week of a real log, told at random, and the same by a rule.

On a busy machine compare ``steps_per_cpu_s`` in ``--benchmark-json`` rather than the times of the
clock. The aim is 1,500 steps in a CPU second.
"""

import time

import numpy as np
import pytest

from helpers import datasets
from helpers.carbon.expected import hindsight
from helpers.learn import Case, Priced
from helpers.learn.environment import HourlyQuota, PerJob
from helpers.study import Sized, Stretch
from helpers.work import NodePower

HOUR_S = 3600.0


@pytest.fixture(scope="module")
def case():
    queues = [(2 * HOUR_S, 6 * HOUR_S), (np.inf, 24 * HOUR_S)]
    work = Stretch.from_log(
        datasets.job_log("unilu-gaia-2014"), 30, queues=queues, power_w=8.0, errors="skip"
    )
    curve = datasets.carbon_intensity("DE", None)
    return Case(
        work.work, Sized(12, NodePower(100.0))(0.7, work), curve,
        work.origin("2020-03-07", "Europe/Berlin"), forecaster=hindsight(curve),
    )  # fmt: skip


def week(env, choose):
    env.reset(seed=1)
    began, steps, over = time.process_time(), 0, False
    while not over:
        *_, over, _, _ = env.step(choose(env))
        steps += 1
    return steps, time.process_time() - began


def at_random(env):
    return env.action_space.sample()


def by_price(env):
    return env.action(Priced(0.003, env.observer).orders(env.view))


@pytest.mark.parametrize("kind", [PerJob, HourlyQuota])
def test_steps_at_random(benchmark, case, kind):
    env = kind([case])
    week(env, at_random)  # what is seen of the grid is looked at once
    steps, taken_s = benchmark.pedantic(week, (env, at_random), rounds=5)
    benchmark.extra_info["steps_per_cpu_s"] = steps / taken_s


def test_steps_by_a_rule_under_which_many_wait(benchmark, case):
    env = PerJob([case])
    week(env, by_price)
    steps, taken_s = benchmark.pedantic(week, (env, by_price), rounds=5)
    benchmark.extra_info["steps_per_cpu_s"] = steps / taken_s
