"""What a study measures of a replay: emissions of jobs and of nodes, and what users feel of it."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity
from helpers.cluster import Replay
from helpers.cluster.account import emissions_g, job_energy
from helpers.work import Workload

__all__ = ["MEASURES", "delay_s", "is_late", "jobs_emit_g", "nodes_emit_g", "patience_s"]

_ROUNDING_S = 1.0  # kept waiting by less than a second too long is rounding of many sums


MEASURES = {
    "jobs_g": "g CO2e",
    "nodes_g": "g CO2e",
    "whole_g": "g CO2e",
    "jobs": "kWh at mean intensity",
    "nodes": "kWh at mean intensity",
    "whole": "kWh at mean intensity",
    "delay_h": "h",
    "p95_h": "h",
    "slowdown": "1",
    "late": "%",
    "stops": "1",
}
"""What a study measures, with units: emissions of the counted jobs, of nodes by themselves in the
window, of both, and each over the grid's mean intensity, so that every grid counts the same; of
the counted jobs the mean and the 95th percentile of the delay, the mean bounded slowdown, the share
kept waiting for longer than their users accept, and how often they were suspended."""


def delay_s(done: Replay) -> NDArray[np.float64]:
    """Return by how much each job ends later than if it had started at once [s]."""
    return done.jobs["turnaround_s"].to_numpy() - done.workload.jobs["run_s"].to_numpy()


def is_late(done: Replay) -> NDArray[np.bool_]:
    """Return which jobs were kept from running for longer than their users accept."""
    kept_s = (done.jobs["turnaround_s"] - done.jobs["running_s"]).to_numpy()
    return kept_s > done.workload.jobs["longest_wait_s"].to_numpy() + _ROUNDING_S


def patience_s(work: Workload, done: Iterable[Replay] = ()) -> NDArray[np.float64]:
    """Return the longest delay of each job: what its user accepts, or what it got anywhere [s].

    With these as deadlines a bound holds for all the replays given.
    """
    waits_s = work.jobs["longest_wait_s"].to_numpy()
    return np.maximum.reduce([waits_s, *(delay_s(one) for one in done)])


def jobs_emit_g(done: Replay, intensity: Intensity) -> float:
    """Return what all jobs of a replay emit [g CO2e]."""
    return float(job_energy(done, intensity)["emissions_g"].sum())


def nodes_emit_g(done: Replay, intensity: Intensity, window: tuple[float, float]) -> float:
    """Return what the nodes emit by themselves in a window [g CO2e]."""
    if done.switches.empty:  # all on all the time: no need to go through the events
        low_s, high_s = (done.origin_s + time_s for time_s in window)
        on_w = done.cluster.nodes * done.cluster.power.idle_w
        return float(intensity.emissions_g(low_s, high_s, on_w))
    return float(emissions_g(done, intensity, window).drop("jobs").sum())
