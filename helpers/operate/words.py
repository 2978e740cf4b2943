"""Times as people write and read them on a command line, and an early end with an exit code."""

from __future__ import annotations

import argparse
import re
import time
from datetime import datetime

from helpers.jobs.sacct import parse_elapsed

__all__ = ["Answer", "counts", "duration", "instant", "lasting", "local", "now_s"]

_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|min|m|h|d)")
_UNIT_S = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Return the seconds of a duration such as ``4h``, ``1h30min`` or Slurm's ``1-12:00:00``.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none: a number without a unit is not guessed at.
    """
    compact = text.replace(" ", "")
    parts = _PARTS.findall(compact)
    if parts and "".join(number + unit for number, unit in parts) == compact:
        seconds = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    else:
        try:
            seconds = parse_elapsed(text) if ":" in text else float("nan")
        except ValueError:
            seconds = float("nan")
    if not 0 < seconds < 1e10:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a duration above 0 with its unit, such as 4h, 90min or 1-12:00:00."
        )
    return seconds


def instant(text: str) -> float:
    """Return the epoch second [s] of a time such as ``2026-12-01T06:00`` or ``...+01:00``.

    A time without an offset is one of this machine's clock.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none, or happens twice or never where clocks change.
    """
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a time such as 2026-12-01T06:00 or 2026-12-01T06:00+01:00."
        ) from None
    if time_.tzinfo is None:
        early, late = time_.replace(fold=0).timestamp(), time_.replace(fold=1).timestamp()
        if early != late:
            raise argparse.ArgumentTypeError(
                f"{text!r} is where clocks change: add its offset, such as {text}+01:00."
            )
    return time_.timestamp()


def counts(text: str) -> tuple[int, ...]:
    """Return whole numbers above 0 such as ``4,8,16``.

    Raises
    ------
    argparse.ArgumentTypeError
        If one is none.
    """
    words = text.split(",")
    if not all(word.isdecimal() and 0 < int(word) < 10**9 for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} must be whole numbers > 0 such as 4,8,16.")
    return tuple(map(int, words))


class Answer(Exception):
    """An early end with an exit code and a sentence for standard error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def local(seconds: float) -> str:
    """Return an epoch second [s] on this machine's clock, for people."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def lasting(seconds: float) -> str:
    """Return a duration [s] for people."""
    minutes = round(seconds / 60)
    days, rest = divmod(minutes, 1440)
    parts = [(days, "d"), (rest // 60, "h"), (rest % 60, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"


def now_s() -> float:
    """Return the present [s], rounded up to a whole second, which is what schedulers keep."""
    return float(int(time.time()) + 1)
