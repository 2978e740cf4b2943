"""Energy of jobs as labels: from measured power, or by a surrogate that says that it is one.

Where the power of a machine was recorded while jobs ran on it, the record is cut at every start and
end, and each piece is shared by the jobs that ran in it, by their processors. So the labels add up
to what was measured while any job ran, and nothing is counted twice. A job that ran partly outside
the record gets no label. Where nothing was measured, `surrogate` takes the power of a processor as
measured on other jobs, with an interval for a single job; it names itself in the column ``origin``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.jobs.table import JobLog, end_s, start_s
from helpers.power.runs import Run, energy_j

__all__ = ["MEASURED", "SURROGATE", "label_energy", "surrogate"]

MEASURED = "measured"
SURROGATE = "surrogate: power of a processor on measured jobs"
_FEWEST = 3  # measured jobs, of which a spread can be told


def label_energy(log: JobLog, record: Run, *, idle_w: float = 0.0) -> JobLog:
    """Return the log with the energy of each job that ran within a record of power.

    Parameters
    ----------
    log : JobLog
        The jobs that ran on what was measured, with waits, run times and processors; its epoch
        says when second 0 was.
    record : Run
        Power of the machine, or of the one node on which they ran.
    idle_w : float
        Power that is charged to no job [W], >= 0: what an idle machine draws.

    Returns
    -------
    JobLog
        With ``energy_j`` [J] in the jobs table: NaN for jobs not wholly within the record, and
        left as it was where the log had it.

    Raises
    ------
    ValueError
        If the log has no epoch, a job within the record has no processors, or `idle_w` is negative.
    """
    if log.epoch is None:
        raise ValueError(
            f"{log.source or 'the log'}: nothing says when second 0 is: give an epoch."
        )
    if not idle_w >= 0:
        raise ValueError(f"idle_w(={idle_w}) must be >= 0 W.")
    jobs = log.jobs
    offset_s = log.epoch.timestamp() - record.start_epoch_s
    begin, stop = (f(jobs).to_numpy() + offset_s for f in (start_s, end_s))
    cores = jobs["processors"].fillna(jobs["requested_processors"]).to_numpy(np.float64)
    seen = (stop > record.time_s[0]) & (begin < record.time_s[-1])  # also those that take a share
    if np.isnan(cores[seen]).any():
        job = jobs["job_id"].to_numpy()[seen & np.isnan(cores)][0]
        raise ValueError(f"job {job!r} ran within the record and its processors are not known.")
    first, last = float(record.time_s[0]), float(record.time_s[-1])
    borders = np.unique(
        np.clip(np.concatenate([begin[seen], stop[seen], [first, last]]), first, last)
    )
    pieces_j = energy_j(record, borders[:-1], borders[1:]) - idle_w * np.diff(borders)
    low, high = (np.searchsorted(borders, np.clip(t, first, last)) for t in (begin, stop))
    held = np.zeros(len(borders))
    np.add.at(held, low[seen], cores[seen])
    np.add.at(held, high[seen], -cores[seen])
    in_use = np.cumsum(held)[:-1]
    per_core = np.divide(pieces_j, in_use, out=np.zeros_like(pieces_j), where=in_use > 0.5)
    until = np.concatenate([[0.0], np.cumsum(per_core)])
    whole = seen & (begin >= first) & (stop <= last)
    label = np.full(len(jobs), np.nan)
    label[whole] = cores[whole] * (until[high[whole]] - until[low[whole]])
    known = jobs["energy_j"] if "energy_j" in jobs else pd.Series(np.nan, jobs.index)
    return log.with_jobs(jobs.assign(energy_j=known.fillna(pd.Series(label, jobs.index))))


def surrogate(log: JobLog, *, confidence: float = 0.9) -> pd.DataFrame:
    """Return the energy of each job: measured, or else by its processors and run time.

    Parameters
    ----------
    log : JobLog
        Jobs, some of them with ``energy_j``.
    confidence : float
        Share of single jobs whose energy lies between ``low_j`` and ``high_j`` [1].

    Returns
    -------
    DataFrame
        One row a job: ``energy_j``, ``low_j``, ``high_j`` [J] and ``origin``, `MEASURED` or
        `SURROGATE`; NaN where run time or processors are not known.

    Raises
    ------
    ValueError
        If fewer than three jobs have a label, or `confidence` is out of range.

    Notes
    -----
    The power of a processor is taken as lognormal over jobs. The interval is that of Student's t
    for one more job, so that few labels make it wide. It says nothing of jobs of another kind.
    """
    from scipy import stats

    if not 0 < confidence < 1:
        raise ValueError(f"confidence(={confidence}) must lie between 0 and 1.")
    jobs = log.jobs
    size = _core_seconds(jobs)
    label = np.full(len(jobs), np.nan)
    if "energy_j" in jobs:
        label = jobs["energy_j"].to_numpy(np.float64)
    labelled = (label > 0) & (size > 0)
    count = int(labelled.sum())
    if count < _FEWEST:
        raise ValueError(
            f"{count} jobs have a measured energy, and {_FEWEST} are needed to tell how much jobs "
            "differ: label more of them (label_energy), or assume a power (JobLog.account)."
        )
    logs = np.log(label[labelled] / size[labelled])
    middle, spread = logs.mean(), logs.std(ddof=1) * np.sqrt(1 + 1 / count)
    reach = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * spread
    measured = ~np.isnan(label)
    columns = {
        name: np.where(measured, label, size * np.exp(middle + side * reach))
        for name, side in (("energy_j", 0), ("low_j", -1), ("high_j", 1))
    }
    origin = np.where(measured, MEASURED, SURROGATE)
    return pd.DataFrame({**columns, "origin": origin}, index=jobs.index)


def _core_seconds(jobs: pd.DataFrame) -> NDArray[np.float64]:
    cores = jobs["processors"].fillna(jobs["requested_processors"]).to_numpy(np.float64)
    return cores * jobs["run_s"].to_numpy(np.float64)
