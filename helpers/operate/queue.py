"""The present queue of a cluster, and when a request would start in it.

A `Queue` is what waits and runs now, on which nodes. `Queue.start_s` replays it: EASY backfilling
as schedulers do it, which *plan* with the time limits that jobs asked for, while jobs really run as
long as a predictor expects. The replay is the compiled twin of the engine (`helpers.cluster.twin`),
so that a candidate costs milliseconds and many can be asked for.

What it leaves out, and what therefore makes it wrong: jobs that are submitted later, how cores are
spread over nodes (cores are counted), limits of users, and reservations. A job of a partition that
only overlaps with the candidate's counts for the share of its nodes that they have in common.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from helpers.files import read_text
from helpers.operate.rules import Resources

__all__ = ["Node", "Place", "Queue", "Queued", "hosts", "queue_text", "read_queues"]

_SHORTEST_S = 1.0
"""Nothing shorter is replayed [s]."""

_LONGEST_S = 366 * 86400.0
"""A job without a time limit is replayed as one of a year [s]."""

_MOST_HOSTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Parameters
    ----------
    name : str
        Its name.
    cores : int
        Cores that jobs may use.
    partitions : tuple of str
        Partitions it belongs to.
    up : bool
        Whether jobs start on it.
    """

    name: str
    cores: int
    partitions: tuple[str, ...]
    up: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """One partition, as far as its turn in the queue goes.

    Parameters
    ----------
    name : str
        Its name.
    tier : int
        Jobs of a higher tier go before all others.
    default : bool
        Whether jobs go here by default.
    preempted : bool
        Whether jobs of a higher tier take the place of its running ones.
    """

    name: str
    tier: int = 1
    default: bool = False
    preempted: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """A job that waits or runs.

    Parameters
    ----------
    job_id, user, partition : str
        Its number, whose it is, and where.
    state : {"waiting", "running"}
        What it does.
    processors : int
        Its cores.
    submit_s, begin_s : float
        When it was submitted and may begin [s].
    start_s : float
        When it started [s]; NaN while it waits.
    requested_s : float
        Its time limit [s].
    priority : float
        Larger goes first, within a tier.
    nodes : tuple of str
        Where it runs.
    held : bool
        Whether it waits for something else than its turn.
    """

    job_id: str
    user: str
    partition: str
    state: Literal["waiting", "running"]
    processors: int
    submit_s: float
    begin_s: float
    start_s: float
    requested_s: float
    priority: float = 0.0
    nodes: tuple[str, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits and runs on a cluster at an instant.

    Parameters
    ----------
    now_s : float
        The instant [s].
    nodes : tuple of Node
        The machine.
    places : tuple of Place
        Its partitions.
    jobs : tuple of Queued
        All jobs that wait or run.
    """

    now_s: float
    nodes: tuple[Node, ...]
    places: tuple[Place, ...]
    jobs: tuple[Queued, ...]

    def place(self, name: str | None) -> Place:
        """Return a partition by name, the default one for None.

        Raises
        ------
        ValueError
            If there is none.
        """
        for place in self.places:
            if place.name == name or (name is None and place.default):
                return place
        known = ", ".join(place.name for place in self.places)
        raise ValueError(f"partition(={name!r}) is not in the queue: choose one of {known}.")

    def start_s(
        self, request: Resources, at_s: float | None = None, predictor: Any = None
    ) -> float:
        """Return when a request would start [s]; inf where it never fits.

        Parameters
        ----------
        request : Resources
            What is asked for.
        at_s : float, optional
            From when on it may start [s]; by default now.
        predictor : Predictor, optional
            How long jobs really run, as in `helpers.decide.predicted`; it is asked about each
            `Queued` job. Without one every job runs up to its time limit.
        """
        from helpers.cluster import replay
        from helpers.decide import Easy
        from helpers.work import Cluster, Workload, workload_table

        at_s = self.now_s if at_s is None else max(at_s, self.now_s)
        place = self.place(request.partition)
        pool = {node.name: node.cores for node in self.nodes if _in(node, place.name)}
        cores = sum(pool.values())
        if request.cores > cores:
            return math.inf
        rows = self._running(place, pool, predictor) + self._waiting(place, pool, predictor)
        own = (at_s - self.now_s, request.wall_s, request.wall_s, request.cores)
        names = ("submit_s", "run_s", "requested_s", "processors")
        columns = dict(zip(names, zip(*[*rows, own], strict=True), strict=True))
        numbers = range(len(rows) + 1)
        work = Workload(workload_table({**columns, "job_id": numbers, "power_w": 0.0}))
        runs = replay(work, Cluster(1, cores), Easy()).runs
        row = int((work.jobs["job_id"] == len(rows)).to_numpy().nonzero()[0][0])
        return self.now_s + float(runs.loc[runs["job"] == row, "start_s"].iloc[0])

    def wait_s(self, request: Resources, at_s: float | None = None, predictor: Any = None) -> float:
        """Return how long a request would wait from the moment it may start [s]; see `start_s`."""
        at_s = self.now_s if at_s is None else max(at_s, self.now_s)
        return self.start_s(request, at_s, predictor) - at_s

    def _running(self, place: Place, pool: Mapping[str, int], predictor: Any) -> list[_Row]:
        """What holds cores of a pool, and how much longer it does."""
        free, rows = sum(pool.values()), []
        for job in self.jobs:
            theirs = self.place(job.partition)
            gives_way = theirs.preempted and theirs.tier < place.tier
            inside = sum(name in pool for name in job.nodes)
            if job.state != "running" or not inside or gives_way:
                continue
            held = min(free, math.ceil(job.processors * inside / len(job.nodes)))
            ran_s = max(0.0, self.now_s - job.start_s)
            limit_s = max(_SHORTEST_S, job.requested_s - ran_s)
            left_s = max(_SHORTEST_S, _length_s(job, predictor, ran_s) - ran_s)
            if held:
                rows.append((0.0, min(left_s, limit_s), limit_s, held))
            free -= held
        return rows

    def _waiting(self, place: Place, pool: Mapping[str, int], predictor: Any) -> list[_Row]:
        """Who has to be served before, or in between, in the order of their turns."""
        cores, rows = sum(pool.values()), []
        line = [job for job in self.jobs if job.state == "waiting" and not job.held]
        line.sort(key=lambda job: (-self.place(job.partition).tier, -job.priority, job.submit_s))
        for job in line:
            theirs = {node.name for node in self.nodes if _in(node, job.partition)}
            common = len(theirs & set(pool)) / max(1, len(theirs))
            if not common or self.place(job.partition).tier < place.tier:
                continue
            asked = min(cores, math.ceil(job.processors * common))
            after_s = max(0.0, job.begin_s - self.now_s)
            run_s = _length_s(job, predictor)
            rows.append((after_s, run_s, max(run_s, job.requested_s), asked))
        return rows


_Row = tuple[float, float, float, int]
"""Submission, length, limit [s] and cores of a job in a replay."""


def _in(node: Node, partition: str) -> bool:
    return node.up and partition in node.partitions


def _length_s(job: Queued, predictor: Any, ran_s: float = 0.0) -> float:
    """How long a job runs in all; one that has outlived its prediction runs up to its limit."""
    limit_s = min(job.requested_s, _LONGEST_S)
    told_s = math.nan if predictor is None else float(predictor.predict(job))
    if math.isnan(told_s) or told_s <= ran_s:
        return max(_SHORTEST_S, limit_s)
    return min(limit_s, max(_SHORTEST_S, told_s))


def queue_text(queue: Queue) -> str:
    """Return a queue as one line of JSON, which `read_queues` reads."""
    tree = asdict(queue)
    for job in tree["jobs"]:
        job["start_s"] = None if math.isnan(job["start_s"]) else job["start_s"]
        job["requested_s"] = min(job["requested_s"], _LONGEST_S)
    return json.dumps(tree, separators=(",", ":"), allow_nan=False)


def read_queues(path: str | os.PathLike) -> list[Queue]:
    """Read queues, one a line of a text file, compressed or not.

    Raises
    ------
    ValueError
        With file and line, if a line is no queue.
    """
    found = []
    for number, line in enumerate(read_text(path).lines, start=1):
        try:
            tree = json.loads(line)
            found.append(
                Queue(
                    float(tree["now_s"]),
                    tuple(
                        Node(**node | {"partitions": tuple(node["partitions"])})
                        for node in tree["nodes"]
                    ),
                    tuple(Place(**place) for place in tree["places"]),
                    tuple(
                        Queued(
                            **job
                            | {
                                "nodes": tuple(job["nodes"]),
                                "start_s": math.nan if job["start_s"] is None else job["start_s"],
                            }
                        )
                        for job in tree["jobs"]
                    ),
                )
            )
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{Path(path).name}, line {number} is no queue ({error!r}): write it with "
                "queue_text()."
            ) from None
    return found


def hosts(text: str) -> tuple[str, ...]:
    """Return the names of a list of hosts in Slurm's short form, such as ``n[01-03,7],login``.

    Raises
    ------
    ValueError
        If it is none, or names more than a million.
    """
    found: list[str] = []
    words = re.findall(r"(?:[^,\[\]]|\[[^\[\]]*\])+", text)
    if ",".join(words) != text:
        raise ValueError(f"{text[:80]!r} is no list of hosts such as n[01-03,7].")
    for word in words:
        match = re.fullmatch(r"([^\[\]]*)(?:\[([0-9,-]+)\])?([^\[\]]*)", word)
        if match is None:
            raise ValueError(f"{text[:80]!r} is no list of hosts such as n[01-03,7].")
        head, inside, tail = match.groups()
        if inside is None:
            found.append(word)
            continue
        for part in inside.split(","):
            low, _, high = part.partition("-")
            if not low.isdigit() or (high and not high.isdigit()):
                raise ValueError(f"{text[:80]!r} is no list of hosts such as n[01-03,7].")
            count = int(high or low) - int(low) + 1
            if count > _MOST_HOSTS:
                raise ValueError(f"{text[:80]!r} names {count} hosts: too many.")
            found += [f"{head}{int(low) + k:0{len(low)}d}{tail}" for k in range(count)]
    return tuple(found)
