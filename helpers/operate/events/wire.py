"""Between an agent and a broker: a thread of its own, so that neither waits for the other.

What the agent tells goes into a box, from which the thread tells it to the broker and takes it out
once the broker has acknowledged it. What the broker delivers is kept as keys and zones until the
agent asks. Without a broker the box fills, and the agent polls as it always does.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from helpers.carbon.signal import Intensity
from helpers.operate.backend import Status
from helpers.operate.events.broker import Address, Connection, Reader, connection
from helpers.operate.events.notice import Notice
from helpers.operate.events.senses import Senses
from helpers.operate.job import read_events
from helpers.operate.link import Heard, Link
from helpers.operate.store import Entry, Folder

__all__ = ["Wire", "cluster_name", "source_of"]

_SKEW_S = 300.0
_AT_ONCE_S = 0.05
"""However much is heard, the agent pauses so long between two steps [s]."""


def cluster_name(backend: str) -> str:
    """Return how a cluster is called in notices: Slurm's name, or that of this machine."""
    named = os.environ.get("SLURM_CLUSTER_NAME") or f"{backend}-{socket.gethostname()}"
    return re.sub(r"[^A-Za-z0-9._-]", "-", named)[:100]


def source_of(state: Path) -> str:
    """Return who says it: one agent a state folder, the same after it was started again."""
    where = f"{socket.gethostname()}:{os.getuid()}:{state.absolute()}"
    return f"/clean-hours/agent/{hashlib.sha256(where.encode()).hexdigest()[:12]}"


class Wire(Link):
    """A link over a broker.

    Parameters
    ----------
    address : Address
        Where the broker is.
    senses : Senses
        In whose name it tells.
    report : callable
        Told what goes wrong, once each time, for people.
    most : int
        Notices that are kept while there is no broker; older ones are dropped then, and counted.
    hear : callable, optional
        Told each notice, in the thread.
    durable : str, optional
        Name under which the broker remembers what was heard; by default only what is new is.
    """

    def __init__(
        self,
        address: Address,
        senses: Senses,
        *,
        report: Callable[[str], None] = lambda _: None,
        most: int = 10_000,
        hear: Callable[[Notice], None] | None = None,
        durable: str | None = None,
    ) -> None:
        self.address, self.senses, self._durable = address, senses, durable
        self.counts: Counter[str] = Counter()
        self._report, self._most, self._listener = report, most, hear
        self._jobs: dict[str, list[Status]] = {}
        self._told: dict[str, int] = {}
        self._expected: dict[str, Intensity] = {}
        self._box: deque[Notice] = deque()
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._zones: set[str] = set()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._reader = Reader(self._hear, self._refuse)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    # --- the agent's side: nothing here waits for a broker ---------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, wait_s: float = 2.0) -> None:
        """Tell what is in the box, for so long at the most [s], and end the thread."""
        until_s = time.monotonic() + wait_s
        while self._box and self._thread.is_alive() and time.monotonic() < until_s:
            time.sleep(0.02)
        self._closing.set()
        self._rouse()
        if self._thread.is_alive():
            self._thread.join(wait_s + 3.0)

    def wait(self, seconds: float) -> None:
        """Wait so long [s], or until something is heard."""
        time.sleep(min(seconds, _AT_ONCE_S))
        self._news.wait(max(0.0, seconds - _AT_ONCE_S))
        self._news.clear()

    def heard(self) -> Heard:
        """Return what was heard since the last call."""
        with self._lock:
            found = Heard(frozenset(self._keys), frozenset(self._zones))
            self._keys.clear()
            self._zones.clear()
        return found

    def tell(self, notice: Notice) -> None:
        """Put a notice into the box."""
        with self._lock:
            self._box.append(notice)
            if len(self._box) > self._most:
                self._box.popleft()
                self.counts["dropped"] += 1
        self._rouse()

    def saw(self, jobs: Mapping[str, Sequence[Status]]) -> None:
        """Tell what has changed in the queue."""
        for notice in self.senses.jobs(self._jobs, jobs, time.time()):
            self.tell(notice)
        self._jobs = {key: list(statuses) for key, statuses in jobs.items()}

    def said(self, folder: Folder, size_bytes: int) -> None:
        """Tell what a job has said since the last time, and that its file has grown."""
        try:
            plan, events = folder.plan, read_events(folder.path)
        except (ValueError, OSError) as error:
            self._report(f"{folder.key}: {error}")
            return
        before = min(self._told.get(folder.key, 0), len(events))
        for notice in self.senses.said(folder.key, plan, events, before):
            self.tell(notice)
        self._told[folder.key] = len(events)
        restarts = events[-1].restarts if events else 0
        name = "events.jsonl"
        self.tell(self.senses.file(folder.key, name, size_bytes, restarts, time.time()))

    def did(self, key: str, entry: Entry) -> None:
        """Tell what the agent has done."""
        self.tell(self.senses.action(key, entry))

    def expects(self, zone: str, intensity: Intensity) -> None:
        """Tell what is now expected of a grid, if it is something else than before."""
        notice = self.senses.forecast(zone, self._expected.get(zone), intensity, time.time())
        if notice is not None:
            self._expected[zone] = intensity
            self.tell(notice)

    # --- the broker's side: all of it in the thread ----------------------------------------------

    def _hear(self, notice: Notice) -> None:
        if self._listener is not None:
            self._listener(notice)
        if notice.source == self.senses.source:
            return  # its own word
        why = self._unusable(notice)
        self.counts[why or "heard"] += 1
        if why:
            return
        with self._lock:
            if notice.kind == "forecast":
                self._zones.add(notice.subject)
            else:
                self._keys.add(notice.subject)
        self._news.set()

    def _unusable(self, notice: Notice) -> str:
        """Why a notice is no reason to look; which jobs are the agent's, the agent knows."""
        if notice.kind == "action":
            return "of other agents"
        if notice.time_s > time.time() + _SKEW_S:
            return "of the future"
        if notice.kind != "forecast" and notice.data["cluster"] != self.senses.cluster:
            return "of other clusters"
        return ""

    def _refuse(self, why: str) -> None:
        self.counts["refused"] += 1
        if self.counts["refused"] <= 10:  # a flood of nonsense must not become a flood of lines
            self._report(f"events: refused: {why}")

    def _rouse(self) -> None:
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with suppress(RuntimeError):  # the loop has just ended
                loop.call_soon_threadsafe(wake.set)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception as error:  # whatever a library does, the agent goes on by polling
            self._report(f"events: {error!r}; from here on by polling")

    async def _live(self) -> None:
        """Connect, tell and hear, and begin again when that fails."""
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        said, pause_s = False, 0.5
        while not self._closing.is_set():
            found = connection(self.address, self._reader, durable=self._durable)
            try:
                await asyncio.wait_for(found.broker.start(), 5.0)
                self.counts["connected"] += 1
                said, pause_s = False, 0.5
                await self._tell_on(found)
            except Exception as error:  # of any kind: brokers' libraries have their own
                if not said:
                    told = f"{type(error).__name__} {error}".strip()
                    self._report(f"events: no broker at {self.address.url} ({told}); by polling")
                said, pause_s = True, min(2 * pause_s, 5.0)
            finally:
                with suppress(Exception):
                    await asyncio.wait_for(found.broker.stop(), 3.0)
            if not self._closing.is_set():
                await asyncio.sleep(pause_s)

    async def _tell_on(self, to: Connection) -> None:
        """Tell the broker what is in the box, first things first, each until acknowledged."""
        assert self._wake is not None
        failed_s: float | None = None
        while not self._closing.is_set():
            self._wake.clear()
            if not self._box:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), 1.0)
                continue
            notice = self._box[0]
            try:
                await asyncio.wait_for(to.publish(notice), to.patience_s)
            except ValueError as error:  # it can never be told
                self._refuse(str(error))
            except Exception:
                failed_s = failed_s or time.monotonic()
                if time.monotonic() > failed_s + 3.0 * to.patience_s:
                    raise  # connect anew
                await asyncio.sleep(0.1)
                continue
            else:
                failed_s = None
                self.counts["told"] += 1
            with self._lock:
                if self._box and self._box[0] is notice:
                    self._box.popleft()
