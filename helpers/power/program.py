"""The program that is measured: it begins and ends with events, and never outlives its recorder.

Only the standard library is imported here, as everywhere in recording.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from helpers.power.events import BEGIN, END, VARIABLE, mark

__all__ = ["PATIENCE_S", "Program"]

#: How long a program has to end when it is told to [s].
PATIENCE_S = 10.0
# How long what the program started has to end when the program itself has ended [s].
_CHILDREN_S = 1.0
# The guard waits for a line. It comes when the program has ended; if the recorder dies, whatever
# kills it, the pipe closes without one, and the guard ends the program's group ($0 is its number).
_GUARD = 'read -r ended || kill -s TERM -- "-$0"'


class Program:
    """A running program; its begin and its end are events.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    events : path
        The event file; the program finds its name in its environment.

    Raises
    ------
    OSError
        If an event cannot be written or the program cannot be run; then nothing runs.
    """

    def __init__(self, command: Sequence[str], events: Path) -> None:
        mark("program" + BEGIN, path=events)
        environment = {**os.environ, VARIABLE: str(events.resolve())}
        # A session of its own: what the program starts is ended together with it, and a Ctrl-C
        # reaches the recorder alone, which then ends the program in good order.
        self._process = subprocess.Popen(command, env=environment, start_new_session=True)
        self._events = events
        self._told = False
        #: When it ended (monotonic clock) [s]; None while it runs.
        self.ended_s: float | None = None
        #: Why its end could not be stamped; None if it could.
        self.unstamped: OSError | None = None
        self._thread = threading.Thread(target=self._await_end, daemon=True)
        self._thread.start()
        try:
            self._guard = _guard(self._process.pid)
        except BaseException:
            self._guard = None
            self.stop()
            raise

    def _await_end(self) -> None:
        self._process.wait()
        try:
            mark("program" + END, path=self._events)
        except OSError as error:
            self.unstamped = error
        finally:  # whoever waits for the end must see it, stamped or not
            self.ended_s = time.monotonic()

    def terminate(self) -> None:
        """Tell the program, and all that it started, to end."""
        self._told = True
        self._signal(signal.SIGTERM)

    def stop(self) -> int:
        """End the program if it still runs, and what it started; return its exit code."""
        if self._process.poll() is None:
            self.terminate()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        if self._told:  # one that ended by itself may have left a service running on purpose
            self._end_children()
        self._thread.join()
        if self._guard is not None:
            with contextlib.suppress(OSError):  # a guard that is gone needs no word
                self._guard.communicate(b"ended\n")
        return self._process.wait()

    def _end_children(self) -> None:
        """Give what the program started a moment to end, then kill it."""
        latest_s = time.monotonic() + _CHILDREN_S
        while self._signal(0) and time.monotonic() < latest_s:
            time.sleep(0.02)
        if os.name == "posix":
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> bool:
        """Send a signal to the program's group; return whether anybody is left in it."""
        if os.name != "posix":
            self._process.send_signal(number)
            return False
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _guard(group: int) -> "subprocess.Popen[bytes] | None":
    """Start what ends the program if the recorder dies; None where there are no groups."""
    if os.name != "posix":
        return None
    return subprocess.Popen(
        ["sh", "-c", _GUARD, str(group)], stdin=subprocess.PIPE, start_new_session=True
    )
