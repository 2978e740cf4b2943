"""For those who run a cluster: walls over dirty hours, begin times for jobs, suspended jobs.

What a user's own agent does needs no rights. Who runs the cluster can do more, for jobs whose users
say that they may wait:

*Walls.* A reservation over the dirtiest hours in which no job *starts*; what runs goes on, and jobs
whose time limit ends before the wall slip under it. A wall ends by itself.

*Begin times.* ``job_submit.lua`` gives jobs that ask for it the cleanest start within the wait that
they allow, from a table of intensities (`table_text`, `lua_text`). They are never held.

*Suspensions.* Jobs that allow it are suspended in dirty hours and resumed after them. **A suspended
job stays suspended when whoever suspended it dies**: nothing in Slurm resumes it. So a *watchdog* is
submitted first, a tiny job that resumes the other one when its time has come, and only then is the
job suspended. The watchdog needs a free core and a controller that answers. Suspended jobs give
their cores to others, ``resume`` does not ask whether they are free, and a clock inside the job runs
on; their memory stays taken.

All that is known is read from Slurm: walls by the names of reservations, suspensions by the comments
of watchdogs. So each pass (`keep`) may be the first after a kill, and a second one changes nothing.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.operate.backend import SchedulerError
from helpers.operate.queue import hosts
from helpers.operate.rules import check_name, pairs_of
from helpers.operate.slurm import Slurm, _id, _number

__all__ = [
    "LEAST_S",
    "MAY_SUSPEND",
    "RESUMES",
    "Operator",
    "Suspended",
    "Wall",
    "keep",
    "lua_text",
    "table_text",
    "walls_over",
]

MAY_SUSPEND = "clean-hours-suspend:"
"""What the comment of a job begins with that may be suspended; for how long in all follows."""

RESUMES = "clean-hours-resumes:"
"""What the comment of a watchdog begins with; the number of the job that it resumes follows."""

_WALL = re.compile(r"clean-hours-wall-([0-9]{1,12})")
_MAY_SUSPEND = re.compile(re.escape(MAY_SUSPEND) + r"([0-9]{1,6})([smhd])")
_RESUMES = re.compile(re.escape(RESUMES) + r"([0-9]{1,12})")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

LEAST_S = 600.0
"""Nothing is suspended for less than this by default [s]."""

_MOST_ROWS = 1000
"""Rows that the Lua script reads at most."""

_WATCH = "for i in 1 2 3 4 5 6 7 8 9; do scontrol resume {job_id} && exit 0; sleep 5; done; exit 1"


@dataclass(frozen=True, slots=True, order=True)
class Wall:
    """A time in which no job starts.

    Parameters
    ----------
    start_s, stop_s : float
        From when to when [s].
    """

    start_s: float
    stop_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and self.start_s < self.stop_s < math.inf):
            raise ValueError(f"a wall from {self.start_s} to {self.stop_s} must be finite and > 0.")


def walls_over(
    intensity: Intensity,
    start_s: float,
    stop_s: float,
    *,
    share: float = 0.25,
    longest_s: float = 6 * 3600.0,
) -> tuple[Wall, ...]:
    """Return the dirtiest hours of a window as walls.

    Parameters
    ----------
    intensity : Intensity
        What is expected of the grid, over the window.
    start_s, stop_s : float
        Window [s].
    share : float
        Share of the window that is walled at most, > 0 and < 1.
    longest_s : float
        No wall is longer [s]: of a longer one the dirtiest part of this length is kept, so that
        jobs with long limits start in between.

    Raises
    ------
    ValueError
        If `share` or `longest_s` is out of range, or the intensity does not cover the window.
    """
    if not 0 < share < 1:
        raise ValueError(f"share(={share}) must be > 0 and < 1.")
    if not (math.isfinite(longest_s) and longest_s > 0):
        raise ValueError(f"longest_s(={longest_s}) must be finite and > 0.")
    curve = intensity.window(start_s, stop_s)
    edges_s, values = curve.edges_s, curve.intensity_g_per_kwh
    lengths_s = np.diff(edges_s)
    dirty = np.zeros(values.size, bool)
    left_s = share * (stop_s - start_s)
    for step in np.argsort(-values, kind="stable"):  # the dirtiest first, while they fit
        if lengths_s[step] > left_s or values[step] <= values.min():
            break
        dirty[step] = True
        left_s -= lengths_s[step]
    found: list[Wall] = []
    for step in np.flatnonzero(dirty):
        begun_s = float(edges_s[step])
        if found and found[-1].stop_s == begun_s:
            begun_s = found.pop().start_s
        found.append(Wall(begun_s, float(edges_s[step + 1])))
    return tuple(_shortened(wall, curve, longest_s) for wall in found)


def _shortened(wall: Wall, intensity: Intensity, longest_s: float) -> Wall:
    """The dirtiest part of a wall that is too long."""
    if wall.stop_s - wall.start_s <= longest_s:
        return wall
    last_s = wall.stop_s - longest_s
    inside = intensity.edges_s[
        (intensity.edges_s > wall.start_s) & (intensity.edges_s < wall.stop_s)
    ]
    tried = [wall.start_s, last_s, *inside, *(inside - longest_s)]
    begun_s = max(
        (s for s in tried if wall.start_s <= s <= last_s),
        key=lambda s: intensity.emissions_g(s, s + longest_s, 1000.0),
    )
    return Wall(float(begun_s), float(begun_s) + longest_s)


def table_text(intensity: Intensity, *, good_until_s: float) -> str:
    """Return a table for ``job_submit.lua``: one line a step, its start [s] and intensity [g/kWh].

    Parameters
    ----------
    intensity : Intensity
        What is expected of the grid.
    good_until_s : float
        After this instant [s] no job is moved by it: a forecast that nobody renews is none.

    Raises
    ------
    ValueError
        If it has more than 1000 steps, edges that are no whole seconds, or negative values.
    """
    edges_s, values = intensity.edges_s, intensity.intensity_g_per_kwh
    if values.size > _MOST_ROWS:
        raise ValueError(f"{values.size} steps must be <= {_MOST_ROWS}: cut the window.")
    if np.any(edges_s != np.round(edges_s)) or np.any(values < 0):
        raise ValueError("a table needs whole seconds and intensities >= 0: use an average.")
    rows = [f"{edge:.0f} {value:.3f}" for edge, value in zip(edges_s, values, strict=False)]
    head = ["clean-hours-table/1", f"until {math.floor(good_until_s)}"]
    return "\n".join([*head, *rows, f"{edges_s[-1]:.0f} end"]) + "\n"


def lua_text(table: str) -> str:
    """Return ``job_submit.lua`` for the path of a table.

    Raises
    ------
    ValueError
        If the path is not absolute, or holds anything but letters, digits and ``_./-``: it becomes
        a text in a script that root's daemon runs.
    """
    if not re.fullmatch(r"/[A-Za-z0-9_./-]+", table):
        raise ValueError(
            f"{table!r} must be an absolute path of letters, digits and _./- only: it becomes part "
            "of a script."
        )
    script = Path(__file__).with_name("job_submit.lua").read_text(encoding="utf-8")
    return script.replace("@TABLE@", table)


@dataclass(frozen=True, slots=True)
class Suspended:
    """A job that may be suspended, or is.

    Parameters
    ----------
    job_id : str
        Its number.
    suspended : bool
        Whether it is.
    left_s : float
        For how much longer it may be suspended in all [s].
    watchdogs : tuple of str
        Jobs that will resume it.
    """

    job_id: str
    suspended: bool
    left_s: float
    watchdogs: tuple[str, ...] = ()


class Operator(Slurm):
    """Slurm in the rights of who runs it: `Slurm`, and what its users may not do."""

    def walls(self) -> dict[str, Wall]:
        """Return the walls that stand, by the names of their reservations; no other ones."""
        printed = self._call("scontrol", "-o", "show", "reservation")
        found = {}
        for pairs in map(pairs_of, printed.splitlines()):
            name = pairs.get("ReservationName", "")
            if _WALL.fullmatch(name):
                found[name] = Wall(_epoch(pairs["StartTime"]), _epoch(pairs["EndTime"]))
        return found

    def set_walls(self, wanted: Sequence[Wall], nodes: str = "ALL") -> list[str]:
        """Let these walls stand and no other ones of ours; return what was done, in words.

        Parameters
        ----------
        wanted : sequence of Wall
            Where walls shall stand from now on; what is past is left out.
        nodes : str
            On which nodes, in Slurm's short form; ``ALL`` for all.

        Raises
        ------
        ValueError
            If `nodes` is no list of nodes.
        SchedulerError
            If Slurm refuses.
        """
        if nodes != "ALL":
            for name in hosts(nodes) or ("",):
                check_name("nodes", name)
        now_s = time.time()
        target = {}
        for wall in wanted:
            stop_s = math.floor(wall.stop_s)
            if stop_s > now_s + 1:
                target[f"clean-hours-wall-{stop_s}"] = Wall(math.ceil(wall.start_s), stop_s)
        done = []
        for name, wall in self.walls().items():
            new = target.get(name)  # a wall that has begun may have begun later than planned
            if new and (wall.start_s == new.start_s or max(wall.start_s, new.start_s) <= now_s):
                del target[name]
                continue
            self._call("scontrol", "delete", f"ReservationName={name}")
            done.append(f"removed {name}")
        for name, wall in target.items():
            start = "now" if wall.start_s <= now_s + 1 else _stamp(wall.start_s)
            self._call(
                "scontrol",
                "create",
                "reservation",
                f"ReservationName={name}",
                f"StartTime={start}",
                f"EndTime={_stamp(wall.stop_s)}",
                "Users=root",
                f"Nodes={nodes}",
                "Flags=IGNORE_JOBS",
            )
            done.append(f"set {name} from {start}")
        return done

    def may_suspend(self) -> dict[str, Suspended]:
        """Return the jobs, of all users, that run or are suspended and say that they may be."""
        listed = self._listed()
        dogs: dict[str, list[str]] = {}
        for job in listed:
            resumes = _RESUMES.fullmatch(str(job.get("comment") or ""))
            mine = job.get("user_name") == self._user
            if resumes and mine and _base(job) in {"PENDING", "RUNNING", "CONFIGURING"}:
                dogs.setdefault(resumes[1], []).append(_number_of(job))
        found = {}
        for job in listed:
            says = _MAY_SUSPEND.fullmatch(str(job.get("comment") or ""))
            if says is None or _base(job) not in {"RUNNING", "SUSPENDED"}:
                continue
            job_id = _number_of(job)
            most_s = float(says[1]) * _UNIT_S[says[2]]
            found[job_id] = Suspended(
                job_id,
                _base(job) == "SUSPENDED",
                most_s - _suspended_s(job, time.time()),
                tuple(dogs.get(job_id, ())),
            )
        return found

    def suspend(self, job_id: str, until_s: float) -> str:
        """Suspend a job, its watchdog first; return the number of the watchdog.

        Parameters
        ----------
        job_id : str
            The job.
        until_s : float
            When the watchdog resumes it at the latest, if nobody else does [s].
        """
        job_id = _id(job_id)
        delay_s = max(0, math.ceil(until_s) - math.floor(time.time()))
        printed = self._done(
            "sbatch",
            "--parsable",
            f"--comment={RESUMES}{job_id}",
            "--job-name=clean-hours-watchdog",
            f"--begin=now+{delay_s}",
            "--time=2",
            "--ntasks=1",
            "--nice=-100",
            "--chdir=/tmp",
            "--output=/dev/null",
            f"--wrap={_WATCH.format(job_id=job_id)}",  # digits are all that it takes from outside
        ).stdout
        dog = _id(printed.strip().split(";")[0])
        try:
            self._call("scontrol", "suspend", job_id)
        except SchedulerError as error:
            if error.sure:  # else it may be suspended, and the watchdog is all there is to end that
                self.cancel(dog)
            raise
        return dog

    def resume(self, job_id: str) -> None:
        """Resume a suspended job and dismiss its watchdogs."""
        self._call("scontrol", "resume", _id(job_id))
        for dog in self._watchdogs(job_id):
            self.cancel(dog)

    def _watchdogs(self, job_id: str) -> list[str]:
        return [
            _number_of(job)
            for job in self._listed()
            if job.get("comment") == RESUMES + job_id
            and job.get("user_name") == self._user
            and _base(job) == "PENDING"
        ]


def keep(
    operator: Operator,
    walls: Sequence[Wall],
    *,
    nodes: str = "ALL",
    reserve: bool = True,
    least_s: float = LEAST_S,
) -> list[str]:
    """Let walls stand, suspend what may be suspended while one does, resume it afterwards.

    Parameters
    ----------
    operator : Operator
        The cluster.
    walls : sequence of Wall
        Where walls shall stand from now on.
    nodes : str
        On which nodes.
    reserve : bool
        Whether reservations are made; without them jobs are only suspended.
    least_s : float
        Nothing is suspended for less than this [s].

    Returns
    -------
    list of str
        What was done, in words; nothing when all is as it should be.
    """
    done = operator.set_walls(walls, nodes) if reserve else []
    now_s = time.time()
    behind = next((wall for wall in walls if wall.start_s <= now_s < wall.stop_s), None)
    for job in operator.may_suspend().values():
        if job.suspended and job.watchdogs and (behind is None or job.left_s <= 0):
            operator.resume(job.job_id)  # one without a watchdog of ours was suspended by others
            done.append(f"resumed {job.job_id}")
        if job.suspended or behind is None or job.watchdogs:
            continue
        until_s = min(behind.stop_s, now_s + job.left_s)
        if until_s - now_s >= least_s:
            dog = operator.suspend(job.job_id, until_s)
            done.append(f"suspended {job.job_id}, watchdog {dog}")
    return done


def _base(job: dict[str, Any]) -> str:
    """The base state of an entry of ``squeue --json``, a word or the first of a list."""
    state = job.get("job_state")
    return str(state[0] if isinstance(state, list) and state else state)


def _number_of(job: dict[str, Any]) -> str:
    return str(int(_number(job["job_id"])))


def _suspended_s(job: dict[str, Any], now_s: float) -> float:
    """For how long a job has been suspended so far: time since its start in which it did not run.

    Slurm keeps when a job was last suspended or resumed, and how long it had run by then.
    """
    changed_s = _number(job.get("suspend_time"))
    if not changed_s:
        return 0.0
    until_s = now_s if _base(job) == "SUSPENDED" else changed_s
    return max(0.0, until_s - _number(job.get("start_time")) - _number(job.get("pre_sus_time")))


def _stamp(seconds: float) -> str:
    """An epoch second as Slurm reads it under TZ=UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _epoch(text: str) -> float:
    """An instant as Slurm prints it under TZ=UTC [s]."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
