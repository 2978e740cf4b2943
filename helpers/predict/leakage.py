"""Rewrite the future, which no feature may notice; and what it would seem to gain to look ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.jobs.table import JobLog, end_s, start_s

__all__ = ["LEAKS", "another_future", "leaking"]

LEAKS = {
    "none": "only what is known; trained before, tested after",
    "random split": "the same features, trained on jobs drawn from all times",
    "order of submission": "histories also of jobs that were submitted before and still run",
    "whole log": "the user's mean over the whole log",
    "afterwards": "wait and final state",
    "all": "all of these",
}
"""Usual mistakes, and what each lets a model see."""

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


def leaking(log: JobLog, known: pd.DataFrame, kind: str) -> tuple[pd.DataFrame, bool]:
    """Return features that make one of the usual mistakes, to see what it would seem to gain.

    Parameters
    ----------
    log : JobLog
        The jobs, in order of submission.
    known : DataFrame, shape (n, m)
        Their honest features.
    kind : str
        One of `LEAKS`.

    Returns
    -------
    DataFrame
        The features, with those that leak.
    bool
        Whether the test is to be drawn from all times.

    Raises
    ------
    ValueError
        If the mistake is not known.
    """
    if kind not in LEAKS:
        raise ValueError(f"kind(={kind!r}) must be one of {', '.join(LEAKS)}.")
    jobs = log.jobs
    logs = np.log1p(jobs["run_s"])
    own = logs.groupby(jobs["user"].cat.codes)
    program = logs.groupby([jobs["user"].cat.codes, jobs["executable"].cat.codes])
    more: dict[str, pd.Series] = {}
    if kind in ("order of submission", "all"):
        more |= {"before": own.shift(1), "before2": own.shift(2), "program": program.shift(1)}
        more["mean before"] = own.transform(lambda s: s.shift(1).expanding().mean())
    if kind in ("whole log", "all"):
        more["mean ever"] = own.transform("mean")
    if kind in ("afterwards", "all"):
        more |= {"wait": jobs["wait_s"], "state": jobs["state"].cat.codes.astype(float)}
    return known.assign(**more), kind in ("random split", "all")
