"""Runs made up of a phase model, and the plan of their events."""

import numpy as np

from helpers.phases.model import PhaseModel
from helpers.phases.plan import Loop, Plan, Span
from helpers.power.runs import Event, Run

IDLE_W = 50.0
IDLE_S = 5.0


def make_run(model: PhaseModel, *, seed: int = 0, jitter: float = 0.0, noise_w: float = 0.0) -> Run:
    """A run of a model between two idle times; events are named for the phase that ends."""
    rng = np.random.default_rng(seed)
    phases = model.profile.phases
    durations_s = np.array([p.duration_s for p in phases])
    durations_s *= 1 + jitter * rng.standard_normal(durations_s.size)
    borders_s = IDLE_S + np.concatenate([[0.0], np.cumsum(durations_s)])
    # Samples lie close to both sides of a border, so that trapezoids miss no energy.
    time_s = np.arange(0.0, borders_s[-1] + IDLE_S, 0.05)
    time_s = time_s[np.abs(time_s[:, None] - borders_s).min(axis=1) > 1e-3]
    time_s = np.sort(np.concatenate([time_s, borders_s - 1e-6, borders_s + 1e-6]))
    levels_w = np.array([IDLE_W, *(p.power_w for p in phases), IDLE_W])
    power_w = levels_w[np.searchsorted(borders_s, time_s)]
    power_w = np.maximum(power_w + noise_w * rng.standard_normal(time_s.size), 0.0)
    events = [Event(float(borders_s[0]), "program starts")]
    events += [
        Event(float(at), f"{p.name} done") for p, at in zip(phases, borders_s[1:], strict=True)
    ]
    return Run(time_s, power_w, 1.7e9, tuple(events), name=f"made up {seed}")


def plan_of(epochs: int = 3) -> Plan:
    spans = tuple(Span(n, f"{n} done", n == "save") for n in ("train", "evaluate", "save"))
    return Plan(
        name="made up",
        start="program starts",
        startup=(Span("start", "start done"),),
        work=(Loop("epoch", epochs, spans),),
        end=(Span("end", "end done"),),
    )
