"""What a job says and asks while it runs: ``from helpers.operate import job``.

The example of a training loop::

    from helpers.operate import job

    model = load("model.ckpt") if job.checkpoints() else fresh()
    for epoch in range(job.checkpoints(), 50):
        train(model)
        save(model, "model.ckpt")
        job.checkpoint(f"epoch {epoch}")  # from here on a pause loses nothing
        if job.stop_soon():
            break

Events are lines of JSON in a file of the job's own folder, which the agent reads and nobody else
writes. Outside of a plan (no ``CLEAN_HOURS_FOLDER``) everything does nothing, so that a program
runs the same with and without. Only the standard library is needed; shell scripts have `job.sh`.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EVENTS", "Event", "checkpoint", "checkpoints", "folder", "read_events", "stop_soon"]

EVENTS = ("started", "checkpoint", "finished", "failed")
"""What a job may say."""

_LONGEST_LINE = 1000
_NOTE = re.compile(r"[^A-Za-z0-9 ._:=+-]")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a job said.

    Parameters
    ----------
    event : str
        One of `EVENTS`.
    time_s : float
        When, epoch seconds [s].
    restarts : int
        How often the job had been requeued by then.
    note : str
        What it is about, one short line.
    """

    event: str
    time_s: float
    restarts: int = 0
    note: str = ""


def folder() -> Path | None:
    """Return the folder of the job's plan; None outside of a plan."""
    name = os.environ.get("CLEAN_HOURS_FOLDER")
    return Path(name) if name else None


def _restarts() -> int:
    text = os.environ.get("SLURM_RESTART_COUNT") or os.environ.get("CLEAN_HOURS_RESTARTS") or "0"
    return int(text) if text.isdigit() else 0


def say(event: str, note: str = "", *, where: Path | None = None) -> None:
    """Append an event in one write, so that no reader ever sees half of it.

    Raises
    ------
    ValueError
        If it is none of `EVENTS`.
    """
    if event not in EVENTS:
        raise ValueError(f"event(={event!r}) must be one of {', '.join(EVENTS)}.")
    where = where or folder()
    if where is None:
        return
    line = json.dumps(
        {
            "event": event,
            "time_s": time.time(),
            "restarts": _restarts(),
            "note": _NOTE.sub("", note)[:200],
        }
    )
    number = os.open(where / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(number, (line + "\n").encode("utf-8"))
    finally:
        os.close(number)


def checkpoint(note: str = "") -> None:
    """Say that the work done so far is saved: from here on a pause loses nothing."""
    say("checkpoint", note)


def checkpoints() -> int:
    """Return how many checkpoints are done, over all runs: where to go on from."""
    where = folder()
    return 0 if where is None else sum(e.event == "checkpoint" for e in read_events(where))


def stop_soon(seconds: float = 120.0) -> bool:
    """Return whether the time limit of this run is nearer than some seconds [s].

    Slurm's own signal before the end (``--signal``) may come several seconds early.
    """
    text = os.environ.get("CLEAN_HOURS_ENDS_S") or os.environ.get("SLURM_JOB_END_TIME") or ""
    return text.isdigit() and time.time() >= int(text) - seconds


def read_events(where: Path) -> list[Event]:
    """Return what a job said so far, in order.

    A line that is no event is left out: the file is written by the job, and a job must not be able
    to stop its agent. A last line without its end is left for the next time.
    """
    return list(_events(where / "events.jsonl"))


def _events(path: Path) -> Iterator[Event]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for line in data.split(b"\n")[:-1]:
        if len(line) > _LONGEST_LINE:
            continue
        try:
            told = json.loads(line)
            event = Event(
                told["event"], float(told["time_s"]), int(told["restarts"]), str(told["note"])
            )
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            continue
        if event.event in EVENTS and math.isfinite(event.time_s):
            yield event
