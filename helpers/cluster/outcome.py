"""What happened in a replay: runs, cores, switched nodes; plain facts that others account for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity
from helpers.cluster.tables import OUTCOMES
from helpers.work.nodes import Cluster
from helpers.work.workload import Workload

__all__ = ["Outcome"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What happened.

    Parameters
    ----------
    workload, cluster
        What was replayed, on what.
    policy : str
        Name of the policy.
    clairvoyant : bool
        Whether the policy knew true run times.
    start_s, stop_s : float
        First submission and last event [s since second 0].
    origin_s : float
        Epoch second of second 0 [s]; NaN where it is not known.
    runs : DataFrame
        One row a run, in order of their starts: ``job`` (row of the workload's table),
        ``start_s``, ``stop_s``, ``transition_s``, ``save_s``, ``work_from_s``, ``work_to_s``
        (work done before and after it), ``kept_s`` (work kept after it), ``outcome``.
    first_core : ndarray of int, shape (runs + 1,)
        Cores of run i are ``cores[first_core[i]:first_core[i + 1]]``.
    cores : ndarray of int
        Numbers of the cores of all runs, one run after the other.
    switches : DataFrame
        One row a change of a node's power: ``time_s``, ``node``, ``state`` (booting, idle once
        booted, shutting_down, off). All nodes are on at `start_s` unless a row says otherwise.
    decisions : int
        How often the policy was asked.
    paces : DataFrame
        Of runs that were capped: ``run``, ``time_s`` of each change of its cap, ``done_s`` of its
        profile (`Workload.run_profile`) by then, and ``cap_w`` from then on [W]: inf for none,
        NaN where the profile is over.
    record : DataFrame or None
        One row an action, if it was to be recorded: ``time_s``, ``action`` (one of `ACTIONS`),
        ``job`` (row of the workload's table; -1 for nodes), ``value`` (cores taken, work kept [s],
        cap [W], planned run time [s], or the node), and what was known just after it: the
        intensity, free cores, and how many jobs are queued, suspended and running.
    intensity : Intensity or None
        What policies could observe.
    """

    workload: Workload = field(repr=False)
    cluster: Cluster
    policy: str
    clairvoyant: bool
    start_s: float
    stop_s: float
    origin_s: float
    runs: pd.DataFrame = field(repr=False)
    first_core: NDArray[np.int64] = field(repr=False)
    cores: NDArray[np.int32] = field(repr=False)
    switches: pd.DataFrame = field(repr=False)
    decisions: int
    paces: pd.DataFrame = field(repr=False)
    record: pd.DataFrame | None = field(default=None, repr=False)
    intensity: Intensity | None = field(default=None, repr=False)

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """One row a job, in order of the workload's table.

        Columns ``job_id, submit_s, processors, start_s`` (first start), ``end_s, wait_s``
        (until the first start), ``turnaround_s, running_s`` (all runs together),
        ``suspended_s``, ``suspensions``, ``core_seconds``, ``state`` (completed or timeout).
        """
        runs, given = self.runs, self.workload.jobs
        number, n = runs["job"].to_numpy(), len(given)
        start_s, stop_s = runs["start_s"].to_numpy(), runs["stop_s"].to_numpy()
        first_s, last_s = np.full(n, np.inf), np.full(n, -np.inf)
        np.minimum.at(first_s, number, start_s)
        np.maximum.at(last_s, number, stop_s)
        running_s = np.bincount(number, stop_s - start_s, minlength=n)
        final = runs["outcome"].isin(OUTCOMES[:2]).to_numpy()
        state = np.full(n, "", dtype=object)
        state[number[final]] = runs["outcome"].to_numpy(dtype=object)[final]
        suspensions = np.bincount(number, minlength=n) - 1
        submit_s = given["submit_s"].to_numpy()
        processors = given["processors"].to_numpy()
        apart = last_s - first_s - running_s
        return pd.DataFrame(
            {
                "job_id": given["job_id"].array,
                "submit_s": submit_s,
                "processors": processors,
                "start_s": first_s,
                "end_s": last_s,
                "wait_s": first_s - submit_s,
                "turnaround_s": last_s - submit_s,
                "running_s": running_s,
                "suspended_s": np.where(suspensions > 0, np.maximum(apart, 0.0), 0.0),
                "suspensions": suspensions,
                "core_seconds": running_s * processors,
                "state": pd.Categorical(state, categories=list(OUTCOMES[:2])),
            }
        )

    def cores_of_run(self, run: int) -> NDArray[np.int32]:
        """Return the numbers of the cores of a run, in order."""
        return self.cores[self.first_core[run] : self.first_core[run + 1]]

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """One row for each block of neighbouring cores of a run: ``run, first, cores``.

        What a Gantt chart draws: a rectangle from ``first`` to ``first + cores``.
        """
        run = np.repeat(np.arange(len(self.runs)), np.diff(self.first_core))
        opens = np.ones(self.cores.size, dtype=bool)
        opens[1:] = (np.diff(self.cores) != 1) | (np.diff(run) != 0)
        at = np.flatnonzero(opens)
        length = np.diff(np.append(at, self.cores.size))
        return pd.DataFrame({"run": run[at], "first": self.cores[at], "cores": length})
