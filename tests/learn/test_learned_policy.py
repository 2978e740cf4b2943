"""A trained policy: kept as numbers, the same in the engine as in the environment."""

import json

import numpy as np
import pytest
from cluster_problems import workload
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_problems import HOUR, case, cases

from helpers.cluster import replay
from helpers.learn import FEATURES, Learned, Net, Observer
from helpers.learn.environment import PerJob
from helpers.learn.observation import LEVELS

WIDTH = len(FEATURES)


def net(seed=0, about=None, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = [(WIDTH, 8), (8,), (8, 3), (3,)]
    weights = tuple(np.round(scale * rng.standard_normal(shape), 6) for shape in shapes)
    return Net(weights, {} if about is None else about)


@settings(max_examples=15)
@given(one=cases(), seed=st.integers(0, 99))
def test_a_net_gives_the_same_schedule_in_the_engine_and_in_the_environment(one, seed):
    scorer = net(seed)
    env = PerJob([one], slots=4, prices_kwh=(0.01, 0.01), large_core_h=1.0)
    env.reset()
    over = False
    while not over:
        *_, over, _, _ = env.step(scorer.best(env.asked.rows, env.asked.masks))
    policy = Learned(scorer, 0.01, slots=4, large_core_h=1.0)
    done = replay(
        one.work, one.cluster, policy, intensity=one.intensity, forecaster=one.forecaster,
        origin=one.origin,
    )  # fmt: skip

    assert env.result().runs.equals(done.runs)


def test_a_policy_is_read_as_it_was_written(tmp_path):
    told = {"seed": 3, "command": "python data/learn.py train"}
    net(3, told).save(tmp_path / "net.json")
    again = Net.load(tmp_path / "net.json")
    rows = np.random.default_rng(1).standard_normal((5, WIDTH))

    assert told == again.about
    assert np.array_equal(net(3).scores(rows), again.scores(rows))


def test_only_what_is_allowed_is_chosen():
    masks = np.array([[True, False, False], [False, True, False], [False, False, True]])

    assert [0, 1, 2] == net().best(np.zeros((3, WIDTH)), masks).tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: body["weights"][0][0].__setitem__(0, 9.0), "not those that were saved"),
        (lambda body: body.update(format="other"), "is no policy of the format"),
        (lambda body: body.pop("about"), "is no policy of the format"),
        (lambda body: body["features"].pop(), "train it again"),
    ],
)
def test_a_file_that_was_changed_is_refused(tmp_path, change, message):
    path = tmp_path / "net.json"
    net().save(path)
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))

    with pytest.raises(ValueError, match=message):
        Net.load(path)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((), "two a layer"),
        ((np.zeros((3, 3)), np.zeros(3)), "does not fit"),
        ((np.zeros((WIDTH, 4)), np.zeros(4)), "end in 3 scores"),
        ((np.full((WIDTH, 3), np.nan), np.zeros(3)), "finite"),
    ],
)
def test_weights_that_make_no_net_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        Net(weights)


def test_what_is_seen_knows_neither_how_long_jobs_run_nor_what_the_grid_will_do():
    submit_s = 86_400.0 + 600.0 * np.arange(6)
    seen = []
    for run_s, later in ((3600.0, 100.0), (900.0, 900.0)):
        work = workload(submit_s, run_s, 1, 7200.0, longest_wait_s=9 * HOUR)
        one = case(work, 1, np.append(np.tile([200.0, 300.0], 13), np.full(70, later)))
        known = case(work, 1, np.tile([200.0, 300.0], 48)).forecaster
        env = PerJob([one], slots=3, large_core_h=0.5)
        env.cases[0] = type(one)(**{**vars(one), "forecaster": known})
        rows = [env.reset()[0]]
        for _ in range(4):
            rows.append(env.step(np.zeros(5, dtype=int))[0])
        seen.append(np.array(rows))

    assert np.array_equal(*seen)


def test_a_length_that_is_predicted_is_seen_and_one_that_is_not_is_the_time_asked_for():
    work = workload([86_400.0] * 2, 3600.0, 1, 4 * 3600.0, longest_wait_s=9 * HOUR)
    given = {"a": np.full(len(LEVELS), 1800.0)}
    env = PerJob([case(work, 2, np.full(96, 300.0), lengths_s=given)], slots=2)
    env.reset()
    hours = {job.job_id: env.observer.work_core_h(job) for job in env.asked.jobs}

    assert {"a": 0.5, "b": 4.0} == hours


def test_a_number_of_slots_that_is_none_is_refused():
    with pytest.raises(ValueError, match="whole number"):
        Observer(-1)
