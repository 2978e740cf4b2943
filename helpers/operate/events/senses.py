"""What has changed between two looks, as notices: pure functions of what was seen.

A scheduler tells nobody anything; it is asked again and again, and what it said is held against
what it said before. The same is done with a job's own file and with what is expected of a grid.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from helpers.carbon.signal import Intensity
from helpers.operate.backend import Status
from helpers.operate.estimates import left_s
from helpers.operate.events.notice import Kind, Notice, plain
from helpers.operate.job import Event
from helpers.operate.plans import Plan
from helpers.operate.store import Entry

__all__ = ["CHANGED", "Senses"]

CHANGED = 0.01
"""Mean absolute change of an intensity over its mean, from which it is worth a notice [1]."""


@dataclass(frozen=True, slots=True)
class Senses:
    """Who senses, and where.

    Parameters
    ----------
    cluster : str
        Name of the cluster that is watched.
    source : str
        Who says it, such as ``"/clean-hours/agent/1a2b"``.
    """

    cluster: str
    source: str

    def jobs(
        self,
        before: Mapping[str, Sequence[Status]],
        after: Mapping[str, Sequence[Status]],
        now_s: float,
    ) -> Iterator[Notice]:
        """Yield what a scheduler says of jobs now and did not say before, by key."""
        known = {
            (key, status.job_id, status.restarts, status.state)
            for key, statuses in before.items()
            for status in statuses
        }
        for key, statuses in after.items():
            for status in statuses:
                if (key, status.job_id, status.restarts, status.state) not in known:
                    about = {"job_id": status.job_id, "state": status.state}
                    yield self._of_job("job", key, status.restarts, now_s, about)

    def said(self, key: str, plan: Plan, events: Sequence[Event], before: int) -> Iterator[Notice]:
        """Yield what a job has said after its first so many events."""
        for position, event in enumerate(events[before:], start=before + 1):
            so_far = events[:position]
            about = {
                "state": event.event,
                "number": sum(e.event == "checkpoint" for e in so_far),
                "left_s": left_s(plan, so_far) if event.event == "checkpoint" else None,
            }
            yield self._of_job("checkpoint", key, event.restarts, event.time_s, about)

    def file(self, key: str, name: str, size_bytes: int, restarts: int, now_s: float) -> Notice:
        """Return the notice of a file that has grown or shrunk to a size [B]."""
        about = {"name": name, "size_bytes": size_bytes}
        return self._of_job("file", key, restarts, now_s, about)

    def forecast(
        self, zone: str, before: Intensity | None, after: Intensity, now_s: float
    ) -> Notice | None:
        """Return the notice of a forecast, or None where it differs by less than `CHANGED`."""
        change = None if before is None else _change(before, after)
        if change is not None and change < CHANGED:
            return None
        said = after.edges_s.tobytes() + after.intensity_g_per_kwh.tobytes()
        about = {
            "from_s": float(after.edges_s[0]),
            "to_s": float(after.edges_s[-1]),
            "change": change if change is None or math.isfinite(change) else None,
            "digest": hashlib.sha256(said).hexdigest()[:16],
        }
        return Notice("forecast", zone, about, self.source, now_s)

    def action(self, key: str, entry: Entry) -> Notice:
        """Return the notice of what an agent has done."""
        about = {
            "job_id": entry.job_id,
            "what": entry.what,
            "at_s": entry.at_s,
            "why": plain(entry.why),
        }
        return self._of_job("action", key, entry.restarts, entry.time_s, about)

    def _of_job(
        self, kind: Kind, key: str, restarts: int, time_s: float, about: dict[str, Any]
    ) -> Notice:
        where = {"cluster": self.cluster, "restarts": restarts}
        return Notice(kind, key, where | about, self.source, time_s)


def _change(before: Intensity, after: Intensity) -> float:
    """Mean absolute change over the mean before, over the hours both tell; inf if there is none."""
    start_s = max(before.edges_s[0], after.edges_s[0])
    stop_s = min(before.edges_s[-1], after.edges_s[-1])
    if stop_s <= start_s:
        return math.inf
    old, new = before.window(start_s, stop_s), after.window(start_s, stop_s)
    edges_s = sorted({*old.edges_s.tolist(), *new.edges_s.tolist()})
    whole_s, apart = stop_s - start_s, 0.0
    for one_s, next_s in pairwise(edges_s):
        apart += (next_s - one_s) * abs(float(old.mean(one_s, next_s) - new.mean(one_s, next_s)))
    mean = float(old.mean(start_s, stop_s))
    return apart / whole_s / mean if mean > 0 else math.inf
