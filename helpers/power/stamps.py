"""Local time stamps, whose zone the file does not name, as instants.

An hour of every autumn comes twice where clocks are set back, and one of every spring never.
"""

from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.files import Text
from helpers.power.read import Problems

__all__ = ["local_instants", "machine_clock"]

Ambiguous = Literal["raise", "first", "second"]

# Neighbours closer than this are one recording without a break [s].
_NEAR_S = 60.0


def machine_clock(time_zone: str, ambiguous: Ambiguous) -> ZoneInfo:
    """Return a machine's clock by name.

    Raises
    ------
    ValueError
        If it is not known, or `ambiguous` is none of its three values.
    """
    if ambiguous not in get_args(Ambiguous):
        raise ValueError(f"ambiguous={ambiguous!r} must be 'raise', 'first' or 'second'.")
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"time_zone={time_zone!r} is not known: name the machine's, such as Europe/Berlin."
        ) from error


def local_instants(
    text: Text,
    lines: NDArray[np.int64],
    stamps: list[str],
    form: str,
    clock: ZoneInfo,
    ambiguous: Ambiguous,
    problems: Problems,
) -> NDArray[np.float64]:
    """Return epoch seconds of local times; NaN, which is a problem, where there is no such time.

    A local time that occurs twice means what continues the rows before or after it; `ambiguous`
    says what it means where these do not settle it.

    Parameters
    ----------
    text : Text
        Where they stand.
    lines : ndarray of int, shape (n,)
        In which lines.
    stamps : list of str, length n
        The local times in order.
    form : str
        How they are written, as for `datetime.datetime.strptime`, or "ISO8601".
    clock : ZoneInfo
        Whose time it is.
    ambiguous : {"raise", "first", "second"}
        "raise" makes it a problem.
    problems : Problems
        Takes what is wrong.
    """
    naive = pd.DatetimeIndex(pd.to_datetime(stamps, format=form, errors="coerce"))
    possible = (naive.year >= 1970) & (naive.year < 2262)  # nanoseconds end there
    naive = pd.DatetimeIndex(naive.where(possible))
    first_s, second_s = (
        _epoch_s(naive.tz_localize(clock, ambiguous=np.full(len(naive), first), nonexistent="NaT"))
        for first in (True, False)
    )
    for at in np.flatnonzero(np.isnan(first_s)):
        what = f"timestamp {stamps[at]!r} does not occur in {clock.key}; left out"
        problems.add(text, int(lines[at]), what)
    twice = second_s > first_s
    wall_s = _epoch_s(naive.tz_localize("UTC"))
    time_s = first_s.copy()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], twice, [False]))))
    for begin, end in edges.reshape(-1, 2):
        block = slice(begin, end)
        set_back = np.flatnonzero(np.diff(wall_s[block]) < -_NEAR_S)
        if set_back.size:  # within these rows clocks were set back
            settled = np.arange(end - begin) > set_back[0]
            time_s[block] = np.where(settled, second_s[block], first_s[block])
            continue
        second = _continues(time_s, second_s, begin, end, ambiguous)
        if second is None:
            what = (
                f"timestamp {stamps[begin]!r} occurs twice in {clock.key}: pass "
                "ambiguous='first' or 'second'; taken as the first"
            )
            problems.add(text, int(lines[begin]), what)
        elif second:
            time_s[block] = second_s[block]
    return time_s


def _continues(
    first_s: NDArray[np.float64],
    second_s: NDArray[np.float64],
    begin: int,
    end: int,
    ambiguous: Ambiguous,
) -> bool | None:
    """Say whether rows that may mean two times are the second; None if nobody knows."""
    if begin and 0 <= first_s[begin] - first_s[begin - 1] <= _NEAR_S:
        return False
    if end < len(first_s) and 0 <= first_s[end] - second_s[end - 1] <= _NEAR_S:
        return True
    return None if ambiguous == "raise" else ambiguous == "second"


def _epoch_s(instants: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Return epoch seconds, NaN for NaT."""
    return np.asarray((instants - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1), np.float64)
