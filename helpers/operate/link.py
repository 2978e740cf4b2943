"""What an agent hears from others and tells them; without a broker it hears nothing.

A link carries *hints*. What somebody says of a job makes the agent look at that job sooner; what it
then does rests on the scheduler, the job's own folder and the plan, as it does without a link. So a
link that is silent, slow, wrong or hostile costs a delay of one poll at the most, and there is no
message that makes an agent do anything.

`Link` is the one that is always there; `helpers.operate.events` has one over a broker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.carbon.signal import Intensity
from helpers.operate.backend import Status
from helpers.operate.store import Entry, Folder

__all__ = ["Heard", "Link"]


@dataclass(frozen=True, slots=True)
class Heard:
    """Of what others have spoken since the last time.

    Parameters
    ----------
    jobs : frozenset of str
        Keys of jobs that may have changed.
    zones : frozenset of str
        Grid zones of which something else may be expected now.
    """

    jobs: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()


class Link:
    """Nobody to hear, nobody to tell. No method of a link may block or raise."""

    def heard(self) -> Heard:
        """Return what was heard since the last call."""
        return Heard()

    def saw(self, jobs: Mapping[str, Sequence[Status]]) -> None:
        """Tell what the scheduler knows now, by key."""

    def said(self, folder: Folder, size_bytes: int) -> None:
        """Tell that a job has said more: so long is the file of its events now [B]."""

    def did(self, key: str, entry: Entry) -> None:
        """Tell what the agent has done."""

    def expects(self, zone: str, intensity: Intensity) -> None:
        """Tell what is now expected of a grid."""
