"""Rewrite the future: what a feature or a predictor must not notice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.jobs.table import JobLog, end_s, start_s

__all__ = ["another_future"]

_FATES = ("completed", "failed", "cancelled", "timeout", "node_fail", "out_of_memory")


def another_future(log: JobLog, now_s: float, rng: np.random.Generator) -> JobLog:
    """Return the log with another future: all that is not known at an instant is rewritten.

    Parameters
    ----------
    log : JobLog
        Any log in which waits and run times are known.
    now_s : float
        The instant [s since second 0]; what happened by then is kept to the bit.
    rng : Generator
        Where the other future comes from.

    Returns
    -------
    JobLog
        Jobs submitted later are gone. Those that run get another time to run, those that wait
        another start, too; state, use of processors and memory of both are others. None ends by
        `now_s`, and none of those that wait starts by then.

    Notes
    -----
    A row of features of a job submitted at `now_s` that differs between the two logs has looked
    ahead.
    """
    jobs = log.jobs[log.jobs["submit_s"] <= now_s]
    n = len(jobs)
    begin, stop = start_s(jobs).to_numpy(), end_s(jobs).to_numpy()
    waiting, open_ = begin > now_s, stop > now_s
    submit, wait, run = (jobs[c].to_numpy(copy=True) for c in ("submit_s", "wait_s", "run_s"))
    wait[waiting] = (now_s - submit + 1.0 + rng.exponential(1e4, n))[waiting]
    over = np.maximum(now_s - (submit + wait), 0.0)
    run[open_] = (over + 1.0 + rng.exponential(1e4, n))[open_]
    state = jobs["state"].astype(object).to_numpy(copy=True)
    state[open_] = rng.choice(_FATES, n)[open_]
    changed: dict[str, Any] = {
        "wait_s": wait,
        "run_s": run,
        "state": pd.Categorical(state, jobs["state"].cat.categories),
    }
    for name in ("cpu_time_s", "memory_kb"):
        values = jobs[name].to_numpy(copy=True)
        values[open_] = rng.exponential(1e5, n)[open_]
        changed[name] = values
    return log.with_jobs(jobs.assign(**changed).reset_index(drop=True))
