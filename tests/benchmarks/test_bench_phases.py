"""Speed of the phase model and its fit."""

import numpy as np
import pytest

from helpers.phases import generic_ml
from helpers.phases.fit import fit_model
from helpers.phases.plan import Loop, Plan, Span
from helpers.power.runs import Event, Run

MODEL = generic_ml()


def runs_of(count):
    """Recordings as the published ones: 145 s at 20 Hz, with the events of five epochs."""
    profile = MODEL.profile
    names = [f"{name} done" for name in profile.names]
    time_s = np.arange(0, 145, 0.05)
    events = [Event(30.0, "program starts")]
    events += [Event(30 + t, name) for t, name in zip(profile.edges_s[1:], names, strict=True)]
    power_w = profile.power_at(time_s - 30, outside_w=50.0)
    return [Run(time_s, power_w, 0.0, tuple(events)) for _ in range(count)]


PLAN = Plan(
    name="generic",
    start="program starts",
    startup=(Span("start", "start done"),),
    work=(Loop("epoch", 5, tuple(Span(n, f"{n} done") for n in ("train", "evaluate", "save"))),),
    end=(Span("end", "end done"),),
)


@pytest.mark.parametrize("order", ["sorted", "random"])
def test_power_at_a_million_times(benchmark, order):
    times_s = np.random.default_rng(1).uniform(0, MODEL.duration_s, 1_000_000)
    if order == "sorted":
        times_s.sort()

    benchmark.pedantic(MODEL.power_at, (times_s,), rounds=9, warmup_rounds=1)


def test_fitting_ten_runs(benchmark):
    runs = runs_of(10)

    benchmark.pedantic(fit_model, (runs, PLAN), rounds=9, warmup_rounds=1)
