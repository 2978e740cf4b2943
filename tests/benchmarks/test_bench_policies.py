"""Speed of the known policies on 100,000 jobs, side by side with a plain loop over some of them.

The jobs are generated: lengths log-normal from a minute to four days, submissions uniform over
eleven months; the curve is that of Germany in 2020, hourly. All times are warm and on one core.
The plain loop (`policies_by_hand`) sees only the hours of the window of each job; it counts in
ticks of 5 s where it counts ticks, as the published program does. Equality with it to 1e-9 is
tested for the same jobs.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers import datasets
from helpers.schedule import policies
from helpers.schedule.trace import Trace

sys.path.insert(0, str(Path(__file__).parents[1] / "schedule"))
import policies_by_hand as by_hand

INTENSITY = datasets.carbon_intensity("DE", 2020)
JOBS = 100_000
HOUR_S = policies.PUBLISHED_STEP_S
TICK_S = 5


def jobs(count=JOBS, seed=1):
    """Jobs whose times are whole ticks."""
    rng = np.random.default_rng(seed)
    length_s = np.clip(rng.lognormal(np.log(3600), 1.7, count), 60, 4 * 86_400)
    submit_s = INTENSITY.edges_s[0] + np.sort(rng.uniform(0, 335 * 86_400, count))
    ticks = (np.round(x / TICK_S) * TICK_S for x in (submit_s, length_s))
    return Trace.by_length(*ticks, 100.0, processors=rng.integers(1, 64, count))


def steps_of(trace, i):
    """The intensity steps that the window of job `i` touches, and a day ahead."""
    edges_s, low_s = INTENSITY.edges_s, trace.submit_s[i]
    high_s = max(trace.deadline_s[i], low_s + trace.longest_wait_s[i] + trace.mean_length_s[i])
    high_s = max(high_s, low_s + 86_400)
    first, last = np.searchsorted(edges_s, [low_s, high_s], side="right")
    values = INTENSITY.intensity_g_per_kwh[first - 1 : last].tolist()
    edges_s = edges_s[first - 1 : last + 1].tolist()
    return list(zip(edges_s[:-1], edges_s[1:], values, strict=True))


def windows_by_hand(trace, i, *, mean=False, **options):
    length_s = trace.mean_length_s[i] if mean else trace.length_s[i]
    phases = [(float(length_s), 1.0)]
    return by_hand.window(
        steps_of(trace, i), trace.submit_s[i], trace.longest_wait_s[i], phases, **options
    )


def ticks_by_hand(rule):
    def runs(trace, i):
        times = (int(x[i]) for x in (trace.submit_s, trace.longest_wait_s, trace.length_s))
        return rule(steps_of(trace, i), *times, tick_s=TICK_S)

    return runs


CASES = {
    "no wait": (policies.no_wait, {}, lambda trace, i: trace.submit_s[i], 100),
    "lowest slot": (
        policies.lowest_slot,
        {},
        lambda trace, i: by_hand.lowest_slot(
            steps_of(trace, i), trace.submit_s[i], trace.longest_wait_s[i]
        ),
        100,
    ),
    "lowest window": (policies.lowest_window, {}, windows_by_hand, 100),
    "lowest window, hourly": (
        policies.lowest_window,
        {"step_s": HOUR_S},
        lambda trace, i: windows_by_hand(trace, i, step_s=HOUR_S),
        100,
    ),
    "lowest window, mean length, hourly": (
        policies.lowest_window,
        {"step_s": HOUR_S, "length": "mean"},
        lambda trace, i: windows_by_hand(trace, i, step_s=HOUR_S, mean=True),
        100,
    ),
    "saving per wait": (
        policies.saving_per_wait,
        {},
        lambda trace, i: windows_by_hand(trace, i, per_wait=True),
        100,
    ),
    "saving per wait, mean length, hourly": (
        policies.saving_per_wait,
        {"step_s": HOUR_S, "length": "mean"},
        lambda trace, i: windows_by_hand(trace, i, step_s=HOUR_S, mean=True, per_wait=True),
        100,
    ),
    "wait awhile": (policies.wait_awhile, {}, ticks_by_hand(by_hand.wait_awhile), 10),
    "threshold": (policies.threshold, {}, ticks_by_hand(by_hand.threshold), 10),
}


@pytest.fixture(scope="module")
def trace():
    return jobs()


@pytest.mark.parametrize("name", CASES)
def test_a_policy_on_a_trace_and_as_a_plain_loop(benchmark, capsys, trace, name):
    policy, options, loop, some = CASES[name]
    found = policy(trace, INTENSITY, **options)
    benchmark.pedantic(policy, (trace, INTENSITY), options, rounds=3)
    picked = np.random.default_rng(0).choice(len(trace), some, replace=False)

    began = time.perf_counter()
    by_loop = [loop(trace, i) for i in picked]
    loop_s = (time.perf_counter() - began) / some

    for i, expected in zip(picked, by_loop, strict=True):
        runs = (
            expected if isinstance(expected, list) else [(expected, expected + trace.length_s[i])]
        )
        emitted_g = by_hand.runs_emit_g(steps_of(trace, i), runs, trace.power_w[i])
        assert emitted_g == pytest.approx(found.emissions_g[i], rel=1e-9)
    speed = len(trace) / benchmark.stats.stats.median
    benchmark.extra_info["jobs_per_s"] = round(speed)
    benchmark.extra_info["plain_loop_jobs_per_s"] = round(1 / loop_s)
    with capsys.disabled():
        print(f"\n{name}: {speed:,.0f} jobs/s, plain loop {1 / loop_s:,.0f} jobs/s")


def test_a_reservation_on_a_trace(benchmark, capsys, trace):
    plan = policies.lowest_window(trace, INTENSITY, length="mean", step_s=HOUR_S)
    policies.work_conserving(trace, INTENSITY, plan, 1000)

    benchmark.pedantic(policies.work_conserving, (trace, INTENSITY, plan, 1000), rounds=3)

    speed = len(trace) / benchmark.stats.stats.median
    benchmark.extra_info["jobs_per_s"] = round(speed)
    with capsys.disabled():
        print(f"\nwork conserving: {speed:,.0f} jobs/s")
