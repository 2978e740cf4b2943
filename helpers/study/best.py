"""How far policies are, in one grid and week, from what no schedule gets below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.bound.certificate import Bound
from helpers.cluster import Replay
from helpers.study.measures import jobs_emit_g, patience_s
from helpers.study.paired import Study

__all__ = ["Gap", "gap_to_best", "planned_cores"]

_SAME = 1 + 1e-9  # emissions that differ by less are equal but for the rounding of many sums


@dataclass(frozen=True, eq=False)
class Gap:
    """How far policies are, in one grid and week, from what is proven out of reach.

    Parameters
    ----------
    done : mapping of float to mapping of str to Replay
        Replays without pauses by load and policy.
    bounds : mapping of float to Bound
        What no schedule of the jobs without pauses gets below, and a good schedule.
    emissions_g : DataFrame
        A row a load: emissions of all jobs [g CO2e] by policy, of the ``plan``, and what is out of
        reach: ``bound`` without pauses, ``bound, pauses`` with free pauses on endless machines.
    """

    done: Mapping[float, Mapping[str, Replay]]
    bounds: Mapping[float, Bound]
    emissions_g: pd.DataFrame

    def saved(self, baseline: str) -> pd.DataFrame:
        """Return what is saved against a policy [%]."""
        return 100 * (1 - self.emissions_g.div(self.emissions_g[baseline], axis=0))

    def above(self, of: str) -> pd.DataFrame:
        """Return by how much emissions are above those of a column [%]."""
        return 100 * (self.emissions_g.div(self.emissions_g[of], axis=0) - 1)


def gap_to_best(
    study: Study,
    zone: str,
    week: str,
    done: Mapping[float, Mapping[str, Replay]],
    pausing: Sequence[str],
    *,
    power_w: float,
    seed: int,
) -> Gap:
    """Compare replays of one grid and week with what no schedule gets below.

    A policy may keep a job waiting for longer than its user accepts when the machine is full,
    which would be unfair to the bound: a job that any of the replays finished later gets that
    later deadline in the bound, which then holds for all of them.

    Parameters
    ----------
    study : Study
        What was replayed.
    zone, week : str
        Which case.
    done : mapping of float to mapping of str to Replay
        Replays without pauses by load and policy.
    pausing : sequence of str
        Policies of the study that pause jobs; they are compared with a bound that does.
    power_w : float
        Power of a busy core [W].
    seed : int
        Seed of the search for the bound.

    Returns
    -------
    Gap
        All emissions side by side.

    Raises
    ------
    RuntimeError
        If a replay got below its bound: then one of the two is wrong.
    """
    signal, rows, bounds = study.grids[zone], {}, {}
    for load, replays in done.items():
        bound = study.certified(load, zone, week, replays.values(), power_w=power_w, seed=seed)
        of_policy = {name: jobs_emit_g(one, signal) for name, one in replays.items()}
        paused = {name: study.replay(name, load, zone, week) for name in pausing}
        of_pausing = {name: jobs_emit_g(one, signal) for name, one in paused.items()}
        waits_s = patience_s(study.stretch(week).work, paused.values())
        free_g = study.endless_g(zone, week, waits_s, power_w=power_w, pauses=True).sum()
        least_g, paused_g = min(bound.upper_g, *of_policy.values()), min(of_pausing.values())
        if bound.lower_g > _SAME * least_g or free_g > _SAME * paused_g:
            raise RuntimeError(f"load {load:g}: a schedule got below its bound; report this.")
        ends = {"plan": bound.upper_g, "bound": bound.lower_g, "bound, pauses": free_g}
        rows[load], bounds[load] = of_policy | of_pausing | ends, bound
    return Gap(done, bounds, pd.DataFrame(rows).T)


def planned_cores(bound: Bound, processors: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return the cores that the plan of a bound holds: instants [epoch s], cores between them.

    Parameters
    ----------
    bound : Bound
        With one schedule a job.
    processors : array_like of int, shape (n,)
        Cores of each job.

    Raises
    ------
    ValueError
        If the bound has no plan.
    """
    if bound.schedules is None:
        raise ValueError("this bound has no plan: no schedule was found that fits the machine.")
    begins_s = np.concatenate([plan.start_s for plan in bound.schedules])
    stops_s = np.concatenate([plan.stop_s for plan in bound.schedules])
    held = np.repeat(np.asarray(processors), [plan.start_s.size for plan in bound.schedules])
    edges_s, at = np.unique(np.concatenate([begins_s, stops_s]), return_inverse=True)
    return edges_s, np.cumsum(np.bincount(at, np.concatenate([held, -held])))[:-1]
