"""What a job calls to say where it is, so that power can be told apart by phase.

A recorder names an event file in the environment variable `VARIABLE`.
A job that runs without a recorder finds no such variable, and its events go nowhere::

    from helpers.power import events

    with events.phase("epoch 1 train"):
        ...
    events.mark("data loaded")

The file is the one of the published measurements: ``epoch seconds, name``, one event a line.
Only the standard library is imported here, so that marking costs a job next to nothing.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["BEGIN", "END", "FAILED", "VARIABLE", "mark", "phase"]

#: Environment variable that names the event file.
VARIABLE = "HELPERS_POWER_EVENTS"
#: How the event at the begin of a phase ends, after the phase's name.
BEGIN = " begin"
#: How the event at the end of a phase ends.
END = " end"
#: How the event at the end of a phase that raised an exception ends.
FAILED = " failed"


def mark(name: str, *, path: str | os.PathLike | None = None) -> float:
    """Stamp one event with the time of day and append it to the event file.

    The line is appended in one write, so events of several processes do not mix and a job
    killed right after keeps it.

    Parameters
    ----------
    name : str
        What happens now; one line.
    path : path, optional
        The event file. By default the one that the environment variable `VARIABLE` names;
        without that, nothing is written.

    Returns
    -------
    float
        The event's time in epoch seconds [s].

    Raises
    ------
    ValueError
        If the name is empty or spans lines.
    OSError
        If the file cannot be written.
    """
    if not name.strip() or len(name.splitlines()) != 1:
        raise ValueError(f"name={name!r} of an event must be one line of text.")
    target = os.environ.get(VARIABLE) if path is None else path
    now_s = time.time()
    if target:
        file = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, f"{now_s:.6f}, {name.strip()}\n".encode())
        finally:
            os.close(file)
    return now_s


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Mark the begin and the end of a phase of a job.

    A phase that raises an exception ends with `FAILED` instead of `END`.

    Parameters
    ----------
    name : str
        The phase's name; one line. Phases may nest.

    Raises
    ------
    ValueError
        If the name is empty or spans lines.
    """
    mark(name + BEGIN)
    try:
        yield
    except BaseException:
        mark(name + FAILED)
        raise
    mark(name + END)
