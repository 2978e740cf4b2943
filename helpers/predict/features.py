"""What is known of a job when it is submitted, as numbers: one pass over the events of a log.

**The law.** A feature of a job depends on nothing that is not known at its submission: not on jobs
submitted at that instant or later, not on how long a running job will run, when a queued one will
start, or what will become of either. `helpers.predict.leakage` rewrites all of that; features must
not change by a bit. So a job that ends at the very instant is known, one submitted then is not, and
of equal instants no order matters.

Histories of finished jobs are kept for five kinds of job: of the same user; of the same user and
executable; of the same user, requested time and processors (*similar* jobs); of the same group; and
all. They hold logarithms, since run times of one log span six orders of magnitude.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.extras import compiled
from helpers.jobs.table import JobLog, end_s, start_s

__all__ = ["FEATURES", "features", "processors", "requested_s"]

_HISTORIES = {
    "user": "the user",
    "program": "the user and executable",
    "similar": "the user, requested time and processors",
    "group": "the group",
    "all": "anybody",
}
_HISTORY = {
    "count": "finished jobs of {who} [1]",
    "last": "log(1 + outcome) of the job of {who} that ended last",
    "last2": "log(1 + outcome) of the one that ended before",
    "mean": "mean of log(1 + outcome) over finished jobs of {who}",
    "sd": "standard deviation of log(1 + outcome) over finished jobs of {who}",
    "recent": "moving mean of log(1 + outcome) over finished jobs of {who}, weight 0.3 for the last",
    "failed": "share of the finished jobs of {who} that did not complete [1]",
    "since": "log(1 + time since one of {who} ended last [s])",
}
_OWN = {
    "requested": "log(1 + requested time [s])",
    "processors": "log(processors asked for)",
    "area": "log(1 + requested time x processors [s])",
    "memory": "log(1 + memory asked for [KiB])",
    "hour": "hour of the day of the submission, on the clock of the log [h]",
    "weekday": "day of the week, Monday is 0",
    "queue": "queue, its name hashed to [0, 1)",
    "partition": "partition, its name hashed to [0, 1)",
}
_STATE = {
    "used": "run time over requested time of the user's job that ended last [1]",
    "used2": "the same of the one before [1]",
    "user_running": "jobs of the user that run [1]",
    "user_cores": "processors on which they run [1]",
    "user_oldest": "log(1 + time that the longest running has run [s])",
    "user_newest": "log(1 + time that the shortest running has run [s])",
    "user_queued": "jobs of the user that wait [1]",
    "user_submitted": "log(1 + time since the user submitted before [s])",
    "similar_submitted": "log(1 + time since the user submitted a similar one before [s])",
    "user_hour": "jobs that the user submitted in the hour before [1]",
    "running": "jobs that run [1]",
    "cores": "processors on which they run [1]",
    "queued": "jobs that wait [1]",
    "queued_cores": "processors that they ask for [1]",
}
FEATURES: dict[str, str] = {
    **_OWN,
    **{
        f"{kind}_{name}": meaning.format(who=who)
        for kind, who in _HISTORIES.items()
        for name, meaning in _HISTORY.items()
    },
    **_STATE,
}
"""Every feature with its meaning, in order; NaN where there is nothing to know."""


def requested_s(jobs: pd.DataFrame) -> NDArray[np.float64]:
    """Return the requested time of each job [s]; NaN where the log has none."""
    values = jobs["requested_s"].to_numpy(dtype=np.float64)
    return np.where(values > 0, values, np.nan)


def processors(jobs: pd.DataFrame) -> NDArray[np.float64]:
    """Return the processors asked for, or else given, of each job; NaN where neither is known."""
    asked, given = (jobs[n].to_numpy(np.float64) for n in ("requested_processors", "processors"))
    return np.where(asked > 0, asked, np.where(given > 0, given, np.nan))


def features(
    log: JobLog, *, outcome: str = "run_s", unknown_wait_s: float | None = None
) -> pd.DataFrame:
    """Return what is known of each job at its submission.

    Parameters
    ----------
    log : JobLog
        Jobs in any order. One without run time takes no part in histories, queue or running
        jobs, but gets its row. Names that are unknown count as one name.
    outcome : str
        What histories are kept of: a numeric column of the jobs table, known when a job has ended;
        ``"run_s"`` [s] or ``"memory_kb"`` [KiB]. Only values above 0 enter.
    unknown_wait_s : float, optional
        Wait taken for jobs of which the log does not say it [s]: a log without waits knows queue
        and running jobs only roughly.

    Returns
    -------
    DataFrame, shape (n, len(FEATURES))
        One row a job, in the order of the log; columns as in `FEATURES`.

    Raises
    ------
    ValueError
        If a job ran and its wait is not known, and `unknown_wait_s` is not given.
    """
    jobs = log.jobs
    if unknown_wait_s is not None:
        jobs = jobs.assign(wait_s=jobs["wait_s"].fillna(float(unknown_wait_s)))
    begin, stop = start_s(jobs).to_numpy(), end_s(jobs).to_numpy()
    run_s = jobs["run_s"].to_numpy()
    lost = np.isfinite(run_s) & np.isnan(begin)
    if lost.any():
        raise ValueError(
            f"{log.source or 'the log'}: {int(lost.sum())} jobs ran and wait_s is not known, so "
            "neither is when they ended: give unknown_wait_s=0 to take it that none waited."
        )
    # Of jobs that ended, the order in which they enter histories must not depend on that of rows.
    facts = np.stack(
        [jobs["submit_s"].to_numpy(), begin, stop, requested_s(jobs), processors(jobs)]
    )
    result = jobs[outcome].to_numpy(dtype=np.float64)
    failed = (~jobs["state"].isin(["completed", "unknown"])).to_numpy().astype(np.float64)
    keys, first = _keys(jobs, facts)
    known = np.flatnonzero(np.isfinite(stop))
    ties = np.stack([result, failed, facts[4], facts[3], run_s, facts[0], stop])[:, known]
    walk = _Walk(
        facts=facts,
        outcome=result,
        failed=failed,
        keys=keys,
        own=_own(log, facts),
        by_submit=np.argsort(facts[0], kind="stable"),
        by_start=known[np.lexsort((facts[0][known], begin[known]))],
        by_end=known[np.lexsort(ties)],
    )
    known_then = _nothing_known(int(first[-1]), len(jobs))
    table = compiled(_pass, *_EVENTS)(walk, known_then, len(FEATURES))
    return pd.DataFrame(table, columns=list(FEATURES), index=jobs.index)


def _keys(jobs: pd.DataFrame, facts: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the place of each job's five histories, shape (5, n), and where each kind begins."""
    code = {n: jobs[n].cat.codes.to_numpy().astype(np.float64) for n in ("user", "group")}
    program = jobs["executable"].cat.codes.to_numpy().astype(np.float64)
    asked, cores = np.nan_to_num(facts[3], nan=-1.0), np.nan_to_num(facts[4], nan=-1.0)
    kinds = [
        [code["user"]],
        [code["user"], program],
        [code["user"], asked, cores],
        [code["group"]],
        [np.zeros(len(jobs))],
    ]
    places, first = [], [0]
    for columns in kinds:
        frame = pd.DataFrame(dict(enumerate(columns)))
        places.append(frame.groupby(list(frame), sort=False).ngroup().to_numpy() + first[-1])
        first.append(int(places[-1].max(initial=first[-1] - 1)) + 1)
    return np.stack(places).astype(np.int64), np.array(first)


def _own(log: JobLog, facts: NDArray) -> NDArray[np.float64]:
    """Return what a job says itself, shape (n, 8), as `_OWN` names it."""
    jobs, nothing = log.jobs, np.full(len(log), np.nan)
    hour, weekday = nothing, nothing
    if log.epoch is not None:
        time = log.submit_time().dt
        hour = (time.hour + time.minute / 60.0 + time.second / 3600.0).to_numpy()
        weekday = time.day_of_week.to_numpy(dtype=np.float64)
    return np.column_stack(
        [
            np.log1p(facts[3]),
            np.log(facts[4]),
            np.log1p(facts[3] * facts[4]),
            np.log1p(jobs["requested_memory_kb"].to_numpy(dtype=np.float64)),
            hour,
            weekday,
            _hashed(jobs["queue"]),
            _hashed(jobs["partition"]),
        ]
    )


def _hashed(names: pd.Series) -> NDArray[np.float64]:
    """Return a number for each name that no other name of the log has a say in."""
    known = np.array([zlib.crc32(str(n).encode()) / 2**32 for n in names.cat.categories])
    return np.append(known, np.nan)[names.cat.codes.to_numpy()]


class _Walk(NamedTuple):
    """The jobs of a log, and the orders in which they are met."""

    facts: NDArray[np.float64]  # submission, start, end [s], requested time [s], processors
    outcome: NDArray[np.float64]
    failed: NDArray[np.float64]
    keys: NDArray[np.int64]  # place of each job's histories, shape (5, n)
    own: NDArray[np.float64]  # what a job says itself
    by_submit: NDArray[np.int64]
    by_start: NDArray[np.int64]
    by_end: NDArray[np.int64]


class _Known(NamedTuple):
    """What is known at an instant, of histories (users, groups, ...) and of jobs; changed in place."""

    past: NDArray[np.float64]  # count, last, last but one, mean, M2, moving, failed, end
    used: NDArray[np.float64]  # share of the requested time, of the last and the last but one
    head: NDArray[np.int64]  # running jobs of a user, by start
    tail: NDArray[np.int64]
    after: NDArray[np.int64]
    before: NDArray[np.int64]
    running: NDArray[np.float64]  # how many those are
    busy: NDArray[np.float64]  # cores that they hold
    waits: NDArray[np.float64]  # jobs that wait
    last: NDArray[np.float64]  # submission
    oldest: NDArray[np.int64]  # jobs of a user that were submitted within an hour
    newest: NDArray[np.int64]
    following: NDArray[np.int64]
    recent: NDArray[np.float64]
    everywhere: NDArray[np.float64]  # jobs and cores that run, jobs that wait and their cores


def _nothing_known(histories: int, jobs: int) -> _Known:
    """Return what is known before the first submission."""
    past = np.full((histories, 8), np.nan)
    past[:, 0] = past[:, 6] = 0.0
    sizes = (histories, histories, jobs, jobs, histories, histories, jobs)
    none = [np.full(size, -1) for size in sizes]
    zeros = [np.zeros(histories) for _ in range(4)]
    return _Known(
        past=past,
        used=np.full((histories, 2), np.nan),
        head=none[0],
        tail=none[1],
        after=none[2],
        before=none[3],
        running=zeros[0],
        busy=zeros[1],
        waits=zeros[2],
        last=np.full(histories, np.nan),
        oldest=none[4],
        newest=none[5],
        following=none[6],
        recent=zeros[3],
        everywhere=np.zeros(4),
    )


# What numba compiles: the walk, and what each event changes and each row says.


def _pass(walk: Any, known: Any, width: int) -> Any:
    """Walk over submissions, starts and ends, and return one row a job."""
    facts = walk.facts
    by_submit, by_start, by_end = walk.by_submit, walk.by_start, walk.by_end
    submit, start, end = facts[0], facts[1], facts[2]
    n = submit.size
    out = np.full((n, width), np.nan)
    i, a, b = 0, 0, 0
    while i < n:
        t = submit[by_submit[i]]
        while a < by_start.size:
            j = by_start[a]
            if start[j] > t or submit[j] >= t:
                break
            a += 1
            _job_starts(walk, known, j)
        while b < by_end.size:
            j = by_end[b]
            if end[j] > t or submit[j] >= t:
                break
            b += 1
            _job_ends(walk, known, j)
            if walk.outcome[j] > 0:
                _outcome_enters(walk, known, j)
        first = i
        while i < n and submit[by_submit[i]] == t:
            _row_says(walk, known, by_submit[i], out[by_submit[i]])
            i += 1
        for place in range(first, i):
            _job_waits(walk, known, by_submit[place])
    return out


def _job_starts(walk: Any, known: Any, j: int) -> None:
    """Take a job from those that wait to the running ones of its user."""
    cores = walk.facts[4]
    u, c = walk.keys[0, j], cores[j] if cores[j] == cores[j] else 0.0
    known.waits[u] -= 1
    known.everywhere[2] -= 1
    known.everywhere[3] -= c
    known.before[j], known.after[j] = known.tail[u], -1
    if known.tail[u] >= 0:
        known.after[known.tail[u]] = j
    else:
        known.head[u] = j
    known.tail[u] = j
    known.busy[u] += c
    known.running[u] += 1
    known.everywhere[0] += 1
    known.everywhere[1] += c


def _job_ends(walk: Any, known: Any, j: int) -> None:
    """Take a job from the running ones of its user."""
    cores = walk.facts[4]
    u, c = walk.keys[0, j], cores[j] if cores[j] == cores[j] else 0.0
    before, after = known.before, known.after
    if before[j] >= 0:
        after[before[j]] = after[j]
    else:
        known.head[u] = after[j]
    if after[j] >= 0:
        before[after[j]] = before[j]
    else:
        known.tail[u] = before[j]
    known.busy[u] -= c
    known.running[u] -= 1
    known.everywhere[0] -= 1
    known.everywhere[1] -= c


def _outcome_enters(walk: Any, known: Any, j: int) -> None:
    """Let the outcome of a job that ended enter its histories."""
    start, end, asked = walk.facts[1], walk.facts[2], walk.facts[3]
    value, u = np.log1p(walk.outcome[j]), walk.keys[0, j]
    known.used[u, 1] = known.used[u, 0]
    known.used[u, 0] = (end[j] - start[j]) / asked[j]
    for k in range(walk.keys.shape[0]):
        h = known.past[walk.keys[k, j]]
        h[0] += 1
        if h[0] == 1:
            h[3], h[4], h[5] = value, 0.0, value
        else:  # Welford: no difference of large sums
            off = value - h[3]
            h[3] += off / h[0]
            h[4] += off * (value - h[3])
            h[5] = 0.7 * h[5] + 0.3 * value  # weighs about the last six jobs
        h[2] = h[1]
        h[1] = value
        h[6] += walk.failed[j]
        h[7] = end[j]


def _row_says(walk: Any, known: Any, j: int, row: Any) -> None:
    """Write what is known of a job when it is submitted."""
    submit, start = walk.facts[0], walk.facts[1]
    t, u, at = submit[j], walk.keys[0, j], walk.own.shape[1]
    row[:at] = walk.own[j]
    for k in range(walk.keys.shape[0]):
        h = known.past[walk.keys[k, j]]
        row[at] = h[0]
        if h[0] > 0:
            row[at + 1], row[at + 2], row[at + 3] = h[1], h[2], h[3]
            row[at + 4] = np.sqrt(h[4] / h[0])
            row[at + 5], row[at + 6] = h[5], h[6] / h[0]
            row[at + 7] = np.log1p(t - h[7])
        at += h.size
    oldest = known.oldest
    while oldest[u] >= 0 and submit[oldest[u]] < t - 3600.0:
        oldest[u] = known.following[oldest[u]]
        known.recent[u] -= 1
    row[at], row[at + 1] = known.used[u, 0], known.used[u, 1]
    row[at + 2], row[at + 3] = known.running[u], known.busy[u]
    if known.head[u] >= 0:
        row[at + 4] = np.log1p(t - start[known.head[u]])
        row[at + 5] = np.log1p(t - start[known.tail[u]])
    row[at + 6] = known.waits[u]
    row[at + 7] = np.log1p(t - known.last[u])
    row[at + 8] = np.log1p(t - known.last[walk.keys[2, j]])
    row[at + 9] = known.recent[u]
    row[at + 10 : at + 14] = known.everywhere


def _job_waits(walk: Any, known: Any, j: int) -> None:
    """Add a job to those that wait, and to the recent ones of its user."""
    submit, end, cores = walk.facts[0], walk.facts[2], walk.facts[4]
    u, c = walk.keys[0, j], cores[j] if cores[j] == cores[j] else 0.0
    known.last[u] = known.last[walk.keys[2, j]] = submit[j]
    if known.oldest[u] < 0:
        known.oldest[u] = j
    else:
        known.following[known.newest[u]] = j
    known.newest[u] = j
    known.recent[u] += 1
    if end[j] == end[j]:
        known.waits[u] += 1
        known.everywhere[2] += 1
        known.everywhere[3] += c


_EVENTS = (_job_starts, _job_ends, _outcome_enters, _row_says, _job_waits)
