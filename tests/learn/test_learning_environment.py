"""The environment: Gymnasium's checker, and known rules that do in it what they do outside."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_problems import HOUR, case, cases, played, workload

from helpers.cluster import replay
from helpers.cluster.account import job_energy
from helpers.cluster.metrics import check
from helpers.decide import (
    Below,
    CapWhenDirty,
    CarbonEasy,
    CarbonFifo,
    Conservative,
    Easy,
    Fifo,
    PastQuantile,
)
from helpers.learn import WAIT, Advised, Commanded, Gated, Observer, Priced, as_rule
from helpers.learn.environment import HourlyQuota, PerJob

RULES = {
    "FIFO": Fifo,
    "EASY": Easy,
    "gated FIFO": lambda: CarbonFifo(Below(250.0)),
    "gated EASY": lambda: CarbonEasy(PastQuantile(0.5)),
    "pausing FIFO": lambda: CarbonFifo(Below(150.0), Below(250.0), least_left_s=600.0),
    "pausing EASY": lambda: CarbonEasy(Below(150.0), Below(250.0)),
    "capped EASY": lambda: CapWhenDirty(Easy(), Below(250.0), 0.5),
    "capped gated EASY": lambda: CapWhenDirty(CarbonEasy(Below(150.0)), Below(250.0), 0.5),
    "always capped": lambda: CapWhenDirty(Fifo(), None, 0.5),
}


def outside(one, policy):
    return replay(
        one.work, one.cluster, policy, intensity=one.intensity, forecaster=one.forecaster,
        origin=one.origin,
    )  # fmt: skip


def same(left, right):
    pd.testing.assert_frame_equal(left.runs, right.runs)
    pd.testing.assert_frame_equal(left.paces, right.paces)


EXAMPLES = settings(max_examples=8)  # of each of nine rules; a week is played twice each time


@pytest.mark.parametrize("name", RULES)
@EXAMPLES
@given(one=cases())
def test_a_known_rule_does_in_the_environment_what_it_does_outside(name, one):
    rule, does = as_rule(RULES[name]())
    env = PerJob([one], slots=3, policy=does, large_core_h=2.0)

    same(outside(one, RULES[name]()), played(env, rule))


@EXAMPLES
@given(one=cases())
def test_a_quota_of_all_or_nothing_by_a_gate_is_that_gate(one):
    env, gate = HourlyQuota([one], levels=(0.0, 1.0)), PastQuantile(0.5)
    env.reset(options={"case": 0})
    gate.begin(env.view)
    over = False
    while not over:
        *_, over, _, _ = env.step(int(gate.is_clean(env.view)))

    same(outside(one, CarbonEasy(PastQuantile(0.5))), env.result())


def test_a_policy_that_puts_jobs_in_another_order_is_refused():
    with pytest.raises(TypeError, match="take Fifo, Easy"):
        as_rule(Conservative())


@EXAMPLES
@given(one=cases(), seed=st.integers(0, 99), pauses=st.booleans())
def test_whatever_is_ordered_no_rule_is_broken_and_rewards_add_up_to_what_was_saved(
    one, seed, pauses
):
    if pauses:  # saving is charged at the mean power of a job: here it draws just that
        one = replace(one, work=one.work.with_jobs(one.work.jobs.assign(power_w=10.0)))
    env = PerJob([one], slots=2, policy=Commanded(pauses=pauses), large_core_h=0.5)
    env.reset(seed=seed, options={"case": 0})
    env.action_space.seed(seed)
    over, earned, waited = False, 0.0, 0.0
    while not over:
        _, reward, over, _, info = env.step(env.action_space.sample())
        earned, waited = earned + reward, waited + info["cost"]
    done = env.result()
    check(done)
    jobs = one.work.jobs
    start_s = one.origin.timestamp() + jobs["submit_s"].to_numpy()
    stop_s = start_s + jobs["run_s"].to_numpy()
    at_once_g = one.intensity.emissions_g(start_s, stop_s, one.work.work_power_w)
    spent_g = job_energy(done, one.intensity)["emissions_g"].sum()

    assert 100 * (1 - spent_g / at_once_g.sum()) == pytest.approx(earned, abs=1e-6)
    if not pauses:
        assert done.jobs["wait_s"].mean() / HOUR == pytest.approx(waited)


def test_no_job_is_held_for_longer_than_its_user_accepts_nor_one_that_does_not_say():
    work = workload([86_400.0] * 2, 3600.0, longest_wait_s=[5 * HOUR, np.inf])
    env = PerJob([case(work, 4, [300.0])], slots=1)
    env.reset()
    over = False
    while not over:
        *_, over, _, _ = env.step(np.full(3, WAIT))

    assert [5 * HOUR, 0.0] == env.result().jobs["wait_s"].tolist()


def test_a_job_that_becomes_urgent_between_two_orders_starts_at_once():
    work = workload([86_400.0] * 2, 3600.0, longest_wait_s=[5.5 * HOUR, 2.25 * HOUR])
    env = PerJob([case(work, 4, np.tile([100.0, 300.0], 48))], slots=1)
    env.reset()
    over = False
    while not over:
        *_, over, _, _ = env.step(np.full(3, WAIT))

    assert [5.5 * HOUR, 2.25 * HOUR] == env.result().jobs["wait_s"].tolist()


def test_who_may_not_wait_is_masked():
    work = workload([86_400.0] * 3, 3600.0, longest_wait_s=[5 * HOUR, np.inf, 5 * HOUR])
    env = PerJob([case(work, 1, [300.0])], slots=3)
    env.reset()
    masks = env.action_masks().reshape(5, 3)
    of = {job.number: row for job, row in zip(env.asked.jobs, masks.tolist(), strict=False)}

    assert [True, True, False] == of[0]
    assert [False, True, False] == of[1]  # it does not say for how long it waits
    assert [False, True, False] == masks[-1].tolist()  # who runs, runs on


@pytest.mark.parametrize("kind", [PerJob, HourlyQuota])
def test_gymnasiums_checker_finds_nothing(kind):
    work = workload(86_400.0 + 1800.0 * np.arange(9), 7200.0, 2, longest_wait_s=6 * HOUR)
    env = kind([case(work, 4, np.tile([100.0, 300.0], 48))])

    check_env(env, skip_render_check=True)


def test_the_same_seed_plays_the_same_week():
    works = [workload([86_400.0 + i], 3600.0 + i, longest_wait_s=HOUR) for i in range(9)]
    env = PerJob([case(work, 1, [300.0], name=f"{i}") for i, work in enumerate(works)])

    names = [env.reset(seed=3)[1]["case"] for _ in range(2)]
    names += [env.reset()[1]["case"] for _ in range(9)]

    assert names[0] == names[1]
    assert len(set(names)) > 1


def test_what_makes_no_environment_is_refused():
    with pytest.raises(ValueError, match="must hold at least one week"):
        PerJob([])
    with pytest.raises(ValueError, match="shares of the machine"):
        HourlyQuota([case(workload([86_400.0], 60.0), 1, [300.0])], levels=(0.5, 2.0))
    with pytest.raises(ValueError, match="cap_share"):
        Commanded(cap_share=1.0)


@EXAMPLES
@given(one=cases(), seed=st.integers(0, 99))
def test_a_rule_gives_the_same_schedule_in_the_engine_and_in_the_environment(one, seed):
    made = [Observer(40, large_core_h=1.0) for _ in range(2)]
    rules = [Gated(Below(250.0), 1.0, made[0]), Priced(0.01 * (seed % 5), made[1])]
    for rule, observer in zip(rules, made, strict=True):
        env = PerJob([one], slots=40, large_core_h=1.0)
        rule.observer = env.observer
        inside = played(env, rule)
        rule.observer = observer

        same(outside(one, Advised(rule, observer)), inside)
