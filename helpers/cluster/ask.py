"""Ask a replay why: drive the engine to an instant again and keep the decision taken there.

A replay is the same each time, so that any of its decisions can be had back; what is asked of
it then is in `helpers.decide.explain`::

    inquiry = Inquiry(workload, cluster, Easy(), intensity=intensity)
    print(inquiry.why("4711", 3600.0))

What emissions a decision stands for is counted after the fact, with true run times and the true
intensity; the reasons are what the policy knew.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.cluster.account import segments
from helpers.cluster.engine import _Carbon, _check_fits, _check_types, _Engine
from helpers.cluster.replayed import Replay
from helpers.decide.explain import Clock, Explanation, Grams, explain_each
from helpers.decide.moment import Moment
from helpers.decide.view import Policy
from helpers.timeline import Times
from helpers.work.nodes import Cluster
from helpers.work.workload import Workload

__all__ = ["Inquiry", "grams_by_decision", "grams_if_started"]

Instead = Literal["never held", "absent"]
"""What a job might have been instead: one whose user accepts no wait, or one that never came."""

Columns = dict[str, NDArray]  # of one job's rows

_SAME_S = 1e-6  # instants of two replays that differ by less differ by rounding


class Inquiry:
    """A replay whose decisions can be asked for their reasons.

    Parameters
    ----------
    workload, cluster, policy, intensity, forecaster, origin, kill_at_request
        As for `helpers.cluster.replay`.
    time_zone : str
        The clock on which answers tell the time.

    Attributes
    ----------
    replay : Replay
        What happened, with its record.
    decisions_s : list of float
        When the policy was asked [s], in order.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `helpers.cluster.replay`.
    """

    def __init__(
        self,
        workload: Workload,
        cluster: Cluster,
        policy: Policy,
        *,
        intensity: Intensity | None = None,
        forecaster: Callable[[float], Intensity] | None = None,
        origin: Times | None = None,
        kill_at_request: bool = False,
        time_zone: str = "UTC",
    ) -> None:
        # Those of `replay`, and the clock of the answers.
        _check_types(workload, cluster, policy)
        _check_fits(workload, cluster)
        dated = origin is not None or workload.epoch is not None
        origin_s = workload.origin_s(origin) if dated else np.nan
        self._policy, self._kill = policy, kill_at_request
        self._carbon = _Carbon(intensity, forecaster, origin_s)
        self._workload, self._cluster = workload, cluster
        self.clock = Clock(origin_s, time_zone)
        self.decisions_s: list[float] = []
        engine = self._engine()
        engine.book.record = []
        for moment_s in self._drive(engine):
            self.decisions_s.append(moment_s)
        self.replay: Replay = engine.result()
        self._row = {job_id: row for row, job_id in enumerate(workload.jobs["job_id"])}
        if len({str(job_id) for job_id in self._row}) == len(self._row):
            self._row |= {str(job_id): row for job_id, row in self._row.items()}

    def _engine(self, workload: Workload | None = None) -> _Engine:
        asked = self._workload if workload is None else workload
        return _Engine(asked, self._cluster, self._policy, self._carbon, self._kill)

    def _drive(self, engine: _Engine) -> Iterator[float]:
        """Replay, and stop just before each decision."""
        views = engine.views()
        self._policy.begin(next(views))
        for view in views:
            yield view.now_s
            self._policy.decide(view)

    def moments(self, at_s: Iterable[float]) -> dict[float, Moment]:
        """Return the decisions that stood at some instants, by instant, in one replay.

        Parameters
        ----------
        at_s : iterable of float
            Instants [s since second 0], in any order.

        Returns
        -------
        dict of float to Moment
            The last decision at or before each.

        Raises
        ------
        ValueError
            If an instant lies before the first decision.
        """
        at_s = sorted(set(at_s))
        place = {time_s: bisect_right(self.decisions_s, time_s) - 1 for time_s in at_s}
        if place and min(place.values()) < 0:
            raise ValueError(
                f"at {at_s[0]:g} s nothing was decided yet: the first decision was at "
                f"{self.decisions_s[0]:g} s; ask for that or later."
            )
        wanted, kept = set(place.values()), {}
        engine = self._engine()
        for number, _ in enumerate(self._drive(engine)):
            if number in wanted:
                kept[number] = Moment.of(self._policy, engine.view)
                if len(kept) == len(wanted):
                    break
        return {time_s: kept[number] for time_s, number in place.items()}

    def row_of(self, job_id: Any) -> int:
        """Return the row of a job in the workload's table.

        Raises
        ------
        KeyError
            If there is no such job.
        """
        if job_id not in self._row:
            raise KeyError(
                f"there is no job {job_id!r} among the {len(self._workload)} of the replay, such as "
                f"{self._workload.label(0)}."
            )
        return self._row[job_id]

    def why(self, job_id: Any, at_s: float | None = None) -> Explanation:
        """Return why a job waits, starts, is paused or runs on.

        Parameters
        ----------
        job_id : hashable
            The job's name or number.
        at_s : float, optional
            The instant [s since second 0]; by default when the job came.

        Returns
        -------
        Explanation
            Of the last decision at or before the instant.

        Raises
        ------
        KeyError
            If there is no such job.
        ValueError
            If the job was not there at that time.
        """
        row = self.row_of(job_id)
        at_s = float(self._workload.jobs["submit_s"].iloc[row]) if at_s is None else at_s
        return self.answer(self.moments([at_s])[at_s], row)

    def answer(self, moment: Moment, row: int) -> Explanation:
        """Return why a decision did with a job what it did; see `why`."""
        return self.answers(moment, [row])[0]

    def answers(self, moment: Moment, rows: Iterable[int]) -> list[Explanation]:
        """Return why a decision did with each of several jobs what it did; see `why`."""
        rows = list(rows)
        grams = {row: self._grams(moment.now_s, row) for row in rows}
        told = {row: found for row, found in grams.items() if found is not None}
        return explain_each(moment, rows, clock=self.clock, grams=told)

    def others(self, job_id: Any, instead: Instead = "never held") -> pd.DataFrame:
        """Return what others paid, or gained, because a job was treated as it was.

        The replay is done again with that one job another; all else is as it was.

        Parameters
        ----------
        job_id : hashable
            The job's name or number.
        instead : {"never held", "absent"}
            "never held": its user accepts no wait, so that nothing but want of cores keeps it from
            running: what its waiting did. "absent": it never came: what its being there did.

        Returns
        -------
        DataFrame
            One row for each other job that ended at another time: ``job_id``, ``end_s`` and
            ``otherwise_s`` [s since second 0], and ``later_s``, by how much later it ended as
            things went [s]; below zero, earlier. Latest first.

        Raises
        ------
        KeyError
            If there is no such job.
        ValueError
            If `instead` is another word.
        """
        if instead not in get_args(Instead):
            raise ValueError(
                f"instead(={instead!r}) must be one of {', '.join(get_args(Instead))}."
            )
        row, table = self.row_of(job_id), self._workload.jobs
        rest = np.arange(len(table)) != row
        if instead == "absent":
            changed = table[rest].reset_index(drop=True)
        else:
            waits_s = table["longest_wait_s"].where(rest, 0.0)
            changed = table.assign(longest_wait_s=waits_s)
        engine = self._engine(replace(self._workload, jobs=changed))
        for _ in self._drive(engine):
            pass
        otherwise_s = engine.result().jobs["end_s"].to_numpy()
        otherwise_s = otherwise_s if instead == "absent" else otherwise_s[rest]
        end_s = self.replay.jobs["end_s"].to_numpy()[rest]
        found = pd.DataFrame(
            {
                "job_id": table["job_id"][rest].array,
                "end_s": end_s,
                "otherwise_s": otherwise_s,
                "later_s": end_s - otherwise_s,
            }
        )
        found = found[found["later_s"].abs() > _SAME_S]
        return found.sort_values("later_s", ascending=False, kind="stable", ignore_index=True)

    def _grams(self, now_s: float, row: int) -> Grams | None:
        """Return what a job would cause from now on, and what it causes as it goes [g CO2e]."""
        done = self.replay
        if done.intensity is None:
            return None
        runs = self._runs.get(row)
        if runs is None:
            return None
        before = int(np.count_nonzero(runs["start_s"] < now_s))
        if before == runs["start_s"].size:
            return None
        last = {name: column[before - 1] for name, column in runs.items()} if before else None
        if last is not None and abs(last["stop_s"] - last["save_s"] - now_s) < _SAME_S:
            if last["capped"]:
                return None  # how far it had come under its caps is another sum
            at_once = grams_if_started(
                done,
                row,
                float(last["start_s"]),
                float(last["work_from_s"]),
                float(last["transition_s"]),
                from_s=now_s,
            )
        elif last is not None and last["stop_s"] > now_s:
            return None  # it holds cores: nothing of it begins now
        else:
            kept_s = 0.0 if last is None else float(last["kept_s"])
            at_once = grams_if_started(done, row, now_s, kept_s)
        drawn = self._segments[row]
        later = drawn["grams"][drawn["start_s"] >= now_s - _SAME_S]
        return Grams(at_once, float(later.sum()), float(runs["start_s"][before]))

    @cached_property
    def _runs(self) -> dict[int, Columns]:
        """Return the runs of each job, in order, and whether its power was capped."""
        runs, paces = self.replay.runs, self.replay.paces
        capped = runs.index.isin(paces["run"])
        names = ("start_s", "stop_s", "save_s", "work_from_s", "transition_s", "kept_s")
        return _by_job(runs.assign(capped=capped), (*names, "capped"))

    @cached_property
    def _segments(self) -> dict[int, Columns]:
        """Return what each job drew and caused, from step to step."""
        return _by_job(_with_grams(self.replay), ("start_s", "grams"))


def _by_job(table: pd.DataFrame, names: Sequence[str]) -> dict[int, Columns]:
    """Return columns of a table job by job: thousands of questions each look at one job."""
    columns = {name: table[name].to_numpy() for name in names}
    job = table["job"].to_numpy()
    return {
        int(job[at[0]]): {name: column[at] for name, column in columns.items()}
        for at in table.groupby("job").indices.values()
    }


def grams_if_started(
    replay: Replay,
    row: int,
    start_s: float,
    work_from_s: float = 0.0,
    transition_s: float = 0.0,
    *,
    from_s: float | None = None,
) -> float:
    """Return what a job would have caused if it had run from an instant to its end [g CO2e].

    NaN where the intensity does not reach to that end: nothing is extrapolated.

    Parameters
    ----------
    replay : Replay
        With the intensity.
    row : int
        The job's row.
    start_s : float
        The start of its run [s since second 0].
    work_from_s : float
        Work it need not do again [s].
    transition_s : float
        Time before its start-up in which it draws the mean power of its work [s].
    from_s : float, optional
        Count from here on only [s since second 0]; by default from its start.
    """
    intensity = replay._known(None)
    edges_s, power_w = replay.workload.run_profile(row, work_from_s, transition_s)
    edges_s = replay.origin_s + start_s + edges_s
    if from_s is not None:
        edges_s = edges_s.clip(min=replay.origin_s + from_s)
    if edges_s[-1] > intensity.edges_s[-1] or edges_s[0] < intensity.edges_s[0]:
        return float("nan")
    weights = intensity.integral(edges_s[:-1], edges_s[1:])
    return float((power_w * weights).sum() / JOULES_PER_KWH)


def _with_grams(replay: Replay) -> pd.DataFrame:
    drawn, intensity = segments(replay), replay._known(None)
    start_s, stop_s = (replay.origin_s + drawn[name].to_numpy() for name in ("start_s", "stop_s"))
    grams = drawn["power_w"].to_numpy() * intensity.integral(start_s, stop_s) / JOULES_PER_KWH
    return drawn.assign(grams=grams)


def grams_by_decision(replay: Replay) -> pd.DataFrame:
    """Return what each decision to start or resume a job caused.

    Parameters
    ----------
    replay : Replay
        With its intensity.

    Returns
    -------
    DataFrame
        One row a run, in order: ``time_s``, ``job`` (row), ``action`` (start or resume), ``grams``
        [g CO2e] of the run and of the suspension that follows it. They add up to what all jobs
        caused: ``replay.emissions_g()["jobs"]``.

    Raises
    ------
    ValueError
        If the replay had no intensity, or it does not cover it.
    """
    drawn, runs = _with_grams(replay), replay.runs
    grams = np.bincount(drawn["run"].to_numpy(), drawn["grams"].to_numpy(), minlength=len(runs))
    again = runs["job"].duplicated().to_numpy()
    action = pd.Categorical(np.where(again, "resume", "start"), categories=["start", "resume"])
    return pd.DataFrame(
        {"time_s": runs["start_s"], "job": runs["job"], "action": action, "grams": grams}
    )
