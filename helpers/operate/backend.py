"""What an agent needs of a scheduler: eight verbs, the same for every one of them.

==========  ==============================================================================
verb        what it does
==========  ==============================================================================
`submit`    hand a script over; it starts by itself at its last moment
`begin`     change when a waiting job starts by itself: now, or another moment
`requeue`   end a run, keep the job; it starts by itself again at some later moment
`cancel`    forget a job
`jobs`      the user's own jobs that the scheduler knows, by the agent's key
`runs`      when a job really ran, and what the scheduler measured
`trial`     when a request would start, without submitting it
`rules`     what the centre allows
==========  ==============================================================================

Two more are there where a scheduler can do them: `move` puts a waiting job into another partition,
`queue` tells what waits and runs of everybody.

Nothing is ever *held*: a waiting job always has a moment at which it starts by itself. A back end
answers with an error, `SchedulerError`, when it does not know; an empty answer means "there is
none". Whoever mistakes the one for the other submits a job twice.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from helpers.operate.queue import Queue
from helpers.operate.rules import Resources, Rules

__all__ = ["Backend", "Run", "SchedulerError", "Status", "Submission", "check_key"]

State = Literal["waiting", "running", "completed", "failed", "cancelled", "unknown"]
"""What a job does. ``unknown`` is a state that the scheduler has and this table has not."""

_KEY = re.compile(r"[0-9a-f]{16}(?:-[0-9]{1,6})?")


class SchedulerError(RuntimeError):
    """A scheduler did not answer, or refused.

    Attributes
    ----------
    sure : bool
        Whether nothing has happened: True for a refusal, False when no answer came, so that the
        request may or may not have been carried out.
    """

    def __init__(self, message: str, *, sure: bool = False) -> None:
        super().__init__(message)
        self.sure = sure


def check_key(key: str) -> str:
    """Return a key if it is one: the id of a plan, perhaps with a number after a dash.

    Raises
    ------
    ValueError
        If it is something else; a key becomes a word of commands and the name of a folder.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"key(={key!r}) must be the id of a plan: sixteen hexadecimal digits.")
    return key


@dataclass(frozen=True, slots=True)
class Submission:
    """What is handed to a scheduler.

    Parameters
    ----------
    key : str
        By which the job is found again, whatever number it gets.
    script : Path
        The script to run.
    begin_s : float
        Epoch second [s] at which it starts by itself.
    resources : Resources
        What it asks for.
    folder : Path
        Where it runs, and where its output goes.
    arguments : tuple of str
        Arguments of the script.
    """

    key: str
    script: Path
    begin_s: float
    resources: Resources
    folder: Path
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key(self.key)


@dataclass(frozen=True, slots=True)
class Status:
    """What a scheduler knows of one job now.

    Parameters
    ----------
    job_id : str
        Its number in the scheduler.
    key : str
        The agent's key.
    state : State
        What it does.
    begin_s : float
        When it may start by itself [s], while it waits.
    started_s : float or None
        When the run under way began [s].
    restarts : int
        How often it was requeued.
    reason : str
        Why it waits or ended, in the scheduler's words.
    held : bool
        Whether it waits for ever, because its scheduler could not launch it. Somebody's own hold
        is none: whoever set it knows why.
    partition : str
        Where it waits or runs; empty where a scheduler has one place only.
    """

    job_id: str
    key: str
    state: State
    begin_s: float
    started_s: float | None = None
    restarts: int = 0
    reason: str = ""
    held: bool = False
    partition: str = ""

    @property
    def over(self) -> bool:
        """Whether it will never run again."""
        return self.state in {"completed", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job, as the scheduler accounts for it.

    Parameters
    ----------
    start_s, stop_s : float
        When it began and ended [s]; `stop_s` is NaN while it runs.
    state : str
        How it ended, in the scheduler's words.
    energy_j : float
        Energy that the scheduler measured [J]; NaN where it measures none.
    """

    start_s: float
    stop_s: float
    state: str
    energy_j: float


class Backend(ABC):
    """A scheduler, by eight verbs. Each raises `SchedulerError` when there is no answer."""

    name: str = ""

    @property
    def rest_s(self) -> float:
        """How long after a requeue a job must not be started again [s]."""
        return 0.0

    @abstractmethod
    def submit(self, submission: Submission) -> str:
        """Hand a script over and return its number; it starts by itself at `begin_s`."""

    @abstractmethod
    def begin(self, job_id: str, at_s: float | None = None) -> None:
        """Let a waiting job start by itself at an epoch second [s], or now."""

    @abstractmethod
    def requeue(self, job_id: str) -> None:
        """End the run under way; the job waits, not held, and will run again."""

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Forget a job, running or waiting. A job that is over already is no error."""

    @abstractmethod
    def jobs(self) -> dict[str, list[Status]]:
        """Return the user's own jobs that carry a key, by key; more than one is a mishap."""

    @abstractmethod
    def runs(self, job_id: str) -> list[Run]:
        """Return the runs of a job, in order of time."""

    @abstractmethod
    def trial(self, resources: Resources) -> float:
        """Return when a request would start [s]; a refusal is a `SchedulerError` that is sure."""

    def move(self, job_id: str, partition: str) -> None:
        """Put a waiting job into another partition; refused of a job that runs."""
        raise SchedulerError(
            f"{self.name} moves no jobs: cancel job {job_id} and submit it to {partition!r}.",
            sure=True,
        )

    def queue(self) -> Queue | None:
        """Return what waits and runs now, of everybody; None where a scheduler does not tell."""
        return None

    @abstractmethod
    def rules(self) -> Rules:
        """Return what the centre allows this user."""
