"""One event as CloudEvents 1.0 in JSON: what it may say, its id, and how it is read and written.

==============  ============================================  ====================================
kind            subject                                       says
==============  ============================================  ====================================
``job``         key of a job                                  what its scheduler has it do now
``checkpoint``  key of a job                                  that work was saved
``file``        key of a job                                  how long a file of its folder is
``forecast``    grid zone                                     that something else is expected
``action``      key of a job                                  what its agent has done
==============  ============================================  ====================================

The id is made of what the notice says, (cluster, job, restart, state): who says the same thing
twice, or after a restart, says it under the same id, and a broker that is told ids drops the second
one. An id that does not follow from the data is refused, so that nobody can use up the id of
another.

`SCHEMA` is the only description: what is read is held against it, and the AsyncAPI document
contains it.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from helpers.extras import extra
from helpers.operate.job import EVENTS

__all__ = ["KINDS", "LARGEST_B", "SCHEMA", "Notice", "plain", "read_notice", "warm_up"]

Kind = Literal["job", "checkpoint", "file", "forecast", "action"]
"""What a notice may be about."""
KINDS: tuple[Kind, ...] = get_args(Kind)

LARGEST_B = 16_384
"""Larger notices are refused before anybody parses them [B]."""

_TYPE = "clean_hours.{}.v1"


def _whole(pattern: str) -> str:
    """Return a pattern of a whole text; a bare ``$`` would let a line feed pass at its end."""
    return rf"^{pattern}$(?!\n)"


_KEY = _whole("[0-9a-f]{16}(-[0-9]{1,6})?")
_ZONE = _whole("[A-Za-z0-9_-]{1,32}")
_NAME = _whole("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_WORDS = _whole("[A-Za-z0-9 ._:=+,()-]{0,200}")
_SOURCE = _whole("/[A-Za-z0-9._/-]{1,120}")
_TIME = _whole(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9:]{5})"
)
_UNPLAIN = re.compile(r"[^A-Za-z0-9 ._:=+,()-]+")

_CLUSTER = {"type": "string", "pattern": _NAME, "description": "where the job is"}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 10**9}
_SECONDS = {"type": "number", "minimum": 0, "maximum": 1e11}
_MAYBE_SECONDS = _SECONDS | {"type": ["number", "null"]}
_OF_JOB: dict[str, Any] = {"cluster": _CLUSTER, "restarts": _COUNT}
_NUMBERED: dict[str, Any] = _OF_JOB | {
    "job_id": {"type": "string", "pattern": _whole("[0-9]{1,18}"), "description": "its number"}
}

_DATA: dict[Kind, dict[str, Any]] = {
    "job": _NUMBERED
    | {
        "state": {
            "enum": ["waiting", "running", "completed", "failed", "cancelled", "unknown"],
            "description": "what its scheduler has it do",
        },
    },
    "checkpoint": _OF_JOB
    | {
        "state": {"enum": list(EVENTS), "description": "what the job said"},
        "number": _COUNT | {"description": "checkpoints done, over all runs"},
        "left_s": _MAYBE_SECONDS | {"description": "how long it still runs, at its pace [s]"},
    },
    "file": _OF_JOB
    | {
        "name": {"type": "string", "pattern": _NAME, "description": "a name, never a path"},
        "size_bytes": {"type": "integer", "minimum": 0, "maximum": 2**60},
    },
    "forecast": {
        "from_s": _SECONDS,
        "to_s": _SECONDS,
        "change": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1e9,
            "description": "mean absolute change over the mean before [1]; null at first",
        },
        "digest": {"type": "string", "pattern": _whole("[0-9a-f]{16}")},
    },
    "action": _NUMBERED
    | {
        "job_id": {"type": "string", "pattern": _whole("[0-9]{0,18}")},
        "what": {"type": "string", "pattern": _whole("[a-z]{1,20}")},
        "at_s": _MAYBE_SECONDS | {"description": "begin time that was set [s]; null for now"},
        "why": {"type": "string", "pattern": _WORDS},
    },
}


def _schema(kind: Kind) -> dict[str, Any]:
    """What a notice of one kind may say."""
    data = _DATA[kind]
    return {
        "title": kind,
        "type": "object",
        "additionalProperties": False,
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "pattern": _whole("[A-Za-z0-9._:-]{1,250}")},
            "source": {"type": "string", "pattern": _SOURCE, "description": "who says it"},
            "type": {"const": _TYPE.format(kind)},
            "subject": {"type": "string", "pattern": _ZONE if kind == "forecast" else _KEY},
            "time": {"type": "string", "format": "date-time", "pattern": _TIME},
            "datacontenttype": {"const": "application/json"},
            "data": {
                "type": "object",
                "additionalProperties": False,
                "required": list(data),
                "properties": data,
            },
        },
    }


SCHEMA: dict[str, Any] = {
    "title": "notice",
    "description": "What has happened to a job or a grid zone, as CloudEvents 1.0.",
    "oneOf": [_schema(kind) for kind in KINDS],
}
"""What a notice may say, as a JSON schema; one alternative a kind."""


def plain(text: str, longest: int = 200) -> str:
    """Return a text without what has a meaning to a shell, a terminal or a page."""
    return _UNPLAIN.sub(" ", text).strip()[:longest]


@dataclass(frozen=True, slots=True)
class Notice:
    """What has happened to a job or a zone.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    subject : str
        Key of the job, or grid zone.
    data : mapping
        What `SCHEMA` says of its kind.
    source : str
        Who says it, such as ``"/clean-hours/agent/1a2b"``.
    time_s : float
        When it happened, epoch seconds [s].
    """

    kind: Kind
    subject: str
    data: Mapping[str, Any]
    source: str
    time_s: float

    @property
    def id(self) -> str:
        """(cluster, job, restart, state) in one word: the same for whoever says the same."""
        data = self.data
        if self.kind == "forecast":
            return f"{self.subject}:{data['from_s']:.0f}:{data['to_s']:.0f}:{data['digest']}"
        job = data["job_id"] if self.kind == "job" else self.subject
        return f"{data['cluster']}:{job}:{data['restarts']}:{self._state()}"

    def _state(self) -> str:
        data = self.data
        if self.kind == "job":
            return str(data["state"])
        if self.kind == "checkpoint":
            return f"{data['state']}-{data['number']}"
        if self.kind == "file":
            return f"{data['name']}-{data['size_bytes']}"
        return f"did-{data['what']}-{1000 * self.time_s:.0f}"

    def to_bytes(self) -> bytes:
        """Return the notice as CloudEvents in JSON, which `read_notice` reads.

        Raises
        ------
        ValueError
            If it says what `SCHEMA` does not allow.
        """
        attributes = {
            "id": self.id,
            "source": self.source,
            "type": _TYPE.format(self.kind),
            "subject": self.subject,
            "time": datetime.fromtimestamp(round(self.time_s, 3), UTC),
            "datacontenttype": "application/json",
        }
        event = extra("cloudevents.core.v1.event", of="events").CloudEvent
        form = extra("cloudevents.core.formats.json", of="events").JSONFormat()
        data: bytes = form.write(event(attributes, dict(self.data)))
        _parsed(data)
        return data


def read_notice(data: bytes) -> Notice:
    """Read one notice.

    Raises
    ------
    ValueError
        If it is larger than `LARGEST_B`, no JSON, not what `SCHEMA` allows, or bears an id that does
        not follow from what it says.
    """
    tree = _parsed(data)
    event = extra("cloudevents.core.v1.event", of="events").CloudEvent
    form = extra("cloudevents.core.formats.json", of="events").JSONFormat()
    try:
        time_s = form.read(event, data).get_time().timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"time(={tree['time']!r}) of a notice is no time.") from None
    kind: Kind = tree["type"].split(".")[1]
    notice = Notice(kind, tree["subject"], tree["data"], tree["source"], time_s)
    if notice.id != tree["id"]:
        raise ValueError(
            f"id(={tree['id']!r}) of a notice must be {notice.id!r}, which follows from what it says."
        )
    return notice


def _parsed(data: bytes) -> dict[str, Any]:
    """Return what a notice says, held against `SCHEMA`."""
    if len(data) > LARGEST_B:
        raise ValueError(f"a notice of {len(data)} B must have at most {LARGEST_B} B.")
    try:
        tree = json.loads(data, parse_constant=_no_constant, object_pairs_hook=_no_twice)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a notice must be JSON: {plain(str(error))}") from None
    kinds = {_TYPE.format(kind): kind for kind in KINDS}
    named = tree.get("type") if isinstance(tree, dict) else None
    if not isinstance(named, str) or named not in kinds:
        raise ValueError(
            f"type(={ascii(named)[:60]}) of a notice must be one of {', '.join(kinds)}."
        )
    errors = list(_checker(kinds[named]).iter_errors(tree))
    if errors:
        worst = max(errors, key=lambda e: len(e.absolute_path))  # the id only follows from the data
        where = ".".join(str(step) for step in worst.absolute_path) or "a notice"
        value, rule = ascii(worst.instance)[:80], ascii(worst.validator_value)[:120]
        raise ValueError(
            f"{where}(={value}) of a {kinds[named]} notice must keep {worst.validator} {rule}."
        )
    return tree


@functools.cache
def _checker(kind: Kind) -> Any:
    checker = extra("jsonschema", of="events").Draft202012Validator
    return checker(_schema(kind))


def warm_up() -> None:
    """Load what reads and writes notices, so that the first one takes no second.

    Raises
    ------
    ModuleNotFoundError
        If the extra `events` is not installed.
    """
    extra("cloudevents.core.v1.event", of="events")
    extra("cloudevents.core.formats.json", of="events")
    for kind in KINDS:
        _checker(kind)


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key given twice two readers would take different ones."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)
