"""The bound for jobs that wait, pause and run under caps, judged by a linear program and by replays."""

import numpy as np
import pytest
from cluster_problems import EPOCH, LEARNING, curve, workload
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from helpers.bound import Throttled, least_throttled
from helpers.cluster import replay
from helpers.cluster.account import job_energy
from helpers.decide import Below, CapWhenDirty, CarbonEasy, Easy
from helpers.phases import Suspension, Throttle
from helpers.work import Cluster

HOUR = 3600.0
CURVE = 300.0 + 200.0 * np.sin(np.arange(48) / 3.0)


def problem(seed, n=6, exponent=0.5):
    rng = np.random.default_rng(seed)
    work = workload(
        np.sort(rng.uniform(0, 8 * HOUR, n)), rng.uniform(HOUR, 6 * HOUR, n), rng.integers(1, 3, n),
        longest_wait_s=12 * HOUR, throttle=Throttle(exponent), suspension=Suspension(),
    )  # fmt: skip
    jobs = work.jobs
    return work, (jobs["submit_s"] + jobs["run_s"] + 16 * HOUR).to_numpy()


def by_program(work, capacity, deadline_s, shares):
    """Return the least emissions of the fluid with some caps, by HiGHS [g]."""
    jobs, gamma = work.jobs, work.throttle.exponent
    steps = np.arange(CURVE.size) * HOUR
    run, power = jobs["run_s"].to_numpy(), work.work_power_w
    release, cores = jobs["submit_s"].to_numpy(), jobs["processors"].to_numpy()
    ends = np.minimum(deadline_s[:, None], steps + HOUR)
    overlap = np.maximum(0, ends - np.maximum(release[:, None], steps))
    n, k, c = run.size, steps.size, len(shares)
    shape = (n, k, c)
    cost = np.broadcast_to(CURVE[:, None] / 3.6e6 * shares, shape) * power[:, None, None]
    place = np.arange(n * k * c).reshape(shape)
    limits, upper = (
        np.zeros((n * k + k, n * k * c)),
        np.append(overlap.ravel(), [capacity * HOUR] * k),
    )
    equal = np.zeros((n, n * k * c))
    for i in range(n):
        equal[i, place[i].ravel()] = np.tile(shares**gamma, k)
        for j in range(k):
            limits[i * k + j, place[i, j]] = 1
            limits[n * k + j, place[i, j]] = cores[i]
    solved = linprog(cost.ravel(), limits, upper, equal, run)
    assert solved.status == 0
    return solved.fun


@pytest.mark.parametrize("exponent", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("capacity", [3, 100])
def test_it_is_what_a_linear_program_finds_and_never_above(exponent, capacity):
    work, deadline_s = problem(1, exponent=exponent)
    given_args = (work, capacity, curve(CURVE), deadline_s)

    found = least_throttled(*given_args, least_share=0.5, iterations=200)
    judged = by_program(work, capacity, deadline_s, np.linspace(0.5, 1.0, 41))

    assert isinstance(found, Throttled)
    assert found.endless_g <= found.history.max()
    assert found.lower_g <= judged * (1 + 1e-9)
    assert judged == pytest.approx(found.lower_g, rel=3e-3)
    full = least_throttled(*given_args, iterations=200)
    assert by_program(work, capacity, deadline_s, np.ones(1)) == pytest.approx(
        full.lower_g, rel=3e-3
    )
    assert found.lower_g <= full.lower_g * (1 + 1e-9)


@settings(max_examples=10)
@given(st.integers(0, 1000), st.floats(0.5, 0.95), st.sampled_from([150.0, 300.0, 450.0]))
def test_no_replay_with_pauses_and_caps_gets_below_it(seed, share, clean):
    work, _ = problem(seed)
    policies = (
        Easy(),
        CarbonEasy(Below(clean), Below(clean + 20)),
        CapWhenDirty(CarbonEasy(Below(clean), Below(clean + 20)), Below(clean), share),
    )
    signal = curve(np.tile(CURVE, 3))
    done = [replay(work, Cluster(3), policy, intensity=signal) for policy in policies]
    ends_s = np.max([one.jobs["end_s"].to_numpy() for one in done], axis=0)

    bound = least_throttled(work, 3, signal, ends_s, least_share=share, iterations=5)

    for one in done:
        assert bound.lower_g <= job_energy(one, signal)["emissions_g"].sum() * (1 + 1e-9)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"least_share": 0.0}, "least_share"),
        ({"iterations": 0}, "iterations"),
        ({"capacity": -1.0}, "capacity"),
        ({"deadline_s": np.zeros(6)}, "no room"),
        (
            {"work": workload([0.0], [110.0], power_w=np.nan, model=[0], models=[LEARNING])},
            "no fluid",
        ),
        ({"work": workload([0.0], [100.0]), "deadline_s": np.array([900.0])}, "no throttle"),
    ],
)
def test_what_cannot_be_bounded_is_refused(changed, message):
    work, deadline_s = problem(1)
    args = {"work": work, "capacity": 3.0, "intensity": curve(CURVE), "deadline_s": deadline_s}

    with pytest.raises(ValueError, match=message):
        least_throttled(**{**args, "least_share": 0.5, "origin": EPOCH, **changed})
