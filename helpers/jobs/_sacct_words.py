"""What a word of ``sacct`` means: durations, memory, resources, states, instants.

One word at a time, as Slurm's own source writes it (see `helpers.jobs.sacct` for the files);
`helpers.jobs._sacct_blocks` reads the common shapes of many words at once.
"""

import re
from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .table import CENTURY_S

# Slurm's word, its short form, and what it is in the jobs table.
STATES = {
    "BOOT_FAIL": ("BF", "node_fail"),
    "CANCELLED": ("CA", "cancelled"),
    "COMPLETED": ("CD", "completed"),
    "COMPLETING": ("CG", "running"),
    "CONFIGURING": ("CF", "running"),
    "DEADLINE": ("DL", "cancelled"),
    "FAILED": ("F", "failed"),
    "NODE_FAIL": ("NF", "node_fail"),
    "OUT_OF_MEMORY": ("OOM", "out_of_memory"),
    "PENDING": ("PD", "pending"),
    "PREEMPTED": ("PR", "preempted"),
    "REQUEUED": ("RQ", "partial"),
    "RESIZING": ("RS", "partial"),
    "REVOKED": ("RV", "cancelled"),
    "RUNNING": ("R", "running"),
    "SUSPENDED": ("S", "running"),
    "TIMEOUT": ("TO", "timeout"),
}
MEANING = {word: state for word, (_, state) in STATES.items()} | {"": "unknown"}
_WORDS = {short: word for word, (short, _) in STATES.items()} | {word: word for word in STATES}
_NO_TIME = ("", "Unknown", "None")
_NO_LIMIT = ("", "UNLIMITED", "Partition_Limit", "INVALID")
_ELAPSED = re.compile(r"(?:(\d+)-(?=\d\d:\d\d:))?(?:(\d\d):)?(\d\d):(\d\d(?:\.\d{1,6})?)", re.ASCII)
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([BKMGTP?]?)([nc]?)", re.ASCII)
_KIB = {"B": 2.0**-10, "K": 1.0, "M": 2.0**10, "G": 2.0**20, "T": 2.0**30, "P": 2.0**40}
PER = {"": "job", "n": "node", "c": "cpu"}
_FORMAT = "%Y-%m-%dT%H:%M:%S"
_ISO = r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
# What Slurm calls parts of a GPU, and how NVIDIA names slices (MIG).
_SHARED_GPUS = ("gres/shard", "gres/mps")
_SLICE = re.compile(r"^gres/gpu:.*\dg\.\d+gb", re.ASCII)
# Slurm began in 2002: an instant before is none of its; one after 2200 is in another unit.
EARLIEST, LATEST = (pd.Timestamp(year, tz="UTC").timestamp() for year in ("1990", "2200"))
# Slurm's 32-bit and 64-bit numbers that stand for no value or infinity (NO_VAL, INFINITE) are the
# largest few of their type; a sum or a change of unit moves them a little.
_NO_VALUE_32, _NO_VALUE_64 = 2.0**32, 2.0**63
COUNT = "must be a whole number"


def parse_elapsed(text: str) -> float:
    """Return the seconds of a duration as Slurm writes it.

    Parameters
    ----------
    text : str
        ``[days-]hours:minutes:seconds`` or ``minutes:seconds``, perhaps with a fraction.

    Returns
    -------
    float
        Duration [s]; infinite for ``UNLIMITED``, NaN for ``Partition_Limit``, ``INVALID``, an empty
        text and Slurm's mark for no value.

    Raises
    ------
    ValueError
        If `text` is none of these, or minutes or seconds are above 59, or hours above 23 beside
        days, or it is longer than a century.

    Examples
    --------
    >>> parse_elapsed("1-06:00:00"), parse_elapsed("00:07.455")
    (108000.0, 7.455)
    """
    if text in _NO_LIMIT:
        return np.inf if text == "UNLIMITED" else np.nan
    match = _ELAPSED.fullmatch(text)
    if match:
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        if hours < 24 and minutes < 60 and seconds < 60:
            duration = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
            if duration < CENTURY_S:
                return duration
            if duration < 1e18 and any(map(_is_no_value, (duration, duration // 60))):
                return np.nan
    raise ValueError(
        f"duration is {text!r}: it must be [days-]hours:minutes:seconds, minutes:seconds (below a "
        "century), UNLIMITED, Partition_Limit, INVALID or empty."
    )


def _is_no_value(amount: float) -> bool:
    """Tell whether a number is one of those that stand for no value.

    Raises ValueError if it is larger than any number of Slurm's.
    """
    if amount > 1.001 * 2**64:
        raise ValueError(f"{amount:g} must be a number of at most 64 bits.")
    return amount >= _NO_VALUE_64 or _NO_VALUE_32 - 16 <= amount <= _NO_VALUE_32


class Memory(NamedTuple):
    """An amount of memory [KiB], and what it is counted for: ``job``, ``node`` or ``cpu``."""

    kb: float
    per: str = "job"


def parse_memory(text: str, *, unit: str = "B") -> Memory:
    """Return an amount of memory as Slurm writes it.

    Parameters
    ----------
    text : str
        A number and perhaps a unit (B, K, M, G, T, P: powers of 1024), and perhaps ``n`` or ``c``, by
        which Slurm before 21.08 marked memory per node or per CPU.
    unit : {"B", "K", "M", "G", "T", "P"}
        The unit of a number without one: bytes in ``MaxRSS``, mebibytes in ``ReqMem``.

    Returns
    -------
    Memory
        Amount [KiB], NaN for an empty text, ``?`` or Slurm's mark for no value, and what it is
        counted for.

    Raises
    ------
    ValueError
        If `text` is none of these, or `unit` is unknown.

    Examples
    --------
    >>> parse_memory("2.50Gn")
    Memory(kb=2621440.0, per='node')
    """
    if unit not in _KIB:
        raise ValueError(f"unit is {unit!r}: it must be one of {', '.join(_KIB)}.")
    if text in ("", "?"):
        return Memory(np.nan)
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise ValueError(
            f"memory is {text!r}: it must be a number with a unit of {', '.join(_KIB)} or none, "
            "perhaps with n (per node) or c (per CPU)."
        )
    if match[2] == "?" or _is_no_value(float(match[1])):
        return Memory(np.nan, PER[match[3]])
    kb = float(match[1]) * _KIB[match[2] or unit]
    return Memory(np.nan if kb * 2.0**10 >= _NO_VALUE_64 else kb, PER[match[3]])


def parse_tres(text: str) -> dict[str, float]:
    """Return the amounts in a list of trackable resources such as ``cpu=4,mem=8G,gres/gpu=2``.

    Parameters
    ----------
    text : str
        ``AllocTRES``, ``ReqTRES`` or one of the usage columns.

    Returns
    -------
    dict of str to float
        By Slurm's name: ``mem`` and ``vmem`` [KiB], ``energy`` [J], a ``cpu`` written as time [s],
        everything else a count (a suffix is a power of 1024, of 1000 in ``energy``).  NaN where
        Slurm writes its mark for no value.

    Raises
    ------
    ValueError
        If an entry is not ``name=amount``, or a name occurs twice.

    Examples
    --------
    >>> parse_tres("cpu=4,mem=1G,gres/gpu=2")
    {'cpu': 4.0, 'mem': 1048576.0, 'gres/gpu': 2.0}
    """
    amounts: dict[str, float] = {}
    for entry in text.split(",") if text else ():
        name, _, amount = entry.partition("=")
        if not name or name in amounts:
            raise ValueError(f"resources are {text!r}: each must be name=amount, and occur once.")
        if ":" in amount:
            amounts[name] = parse_elapsed(amount)
            continue
        match = _QUANTITY.fullmatch(amount)
        if not match or match[3]:
            raise ValueError(f"resources are {text!r}: {entry!r} must be name=amount.")
        if match[2] == "?":  # beyond the largest unit that Slurm writes: no value
            amounts[name] = np.nan
        elif name in ("mem", "vmem"):
            amounts[name] = parse_memory(amount, unit="M").kb
        else:
            power = max(0, " KMGTP".find(match[2] or " "))
            count = float(match[1]) * (1000.0 if name == "energy" else 1024.0) ** power
            no_value = _is_no_value(float(match[1])) or _is_no_value(count)
            amounts[name] = np.nan if no_value else count
    return amounts


def memory_kb(text: str) -> float:
    """Return an amount of memory [KiB]."""
    return parse_memory(text).kb


def count(text: str) -> float:
    """Return a whole number, NaN for an empty text or Slurm's mark for no value."""
    if text == "":
        return np.nan
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"number is {text!r}: it {COUNT}.")
    return np.nan if _is_no_value(float(text)) else float(text)


def minutes(text: str) -> float:
    """Return a time limit in minutes as seconds."""
    return np.nan if text in _NO_LIMIT else count(text) * 60


def full_word(text: str) -> str:
    """Return the state in Slurm's full word: by whom, a cut (``OUT_OF_ME+``) or a short form aside."""
    word = text.partition(" ")[0].upper()
    found = {full for full in STATES if full.startswith(word[:-1])} if word[-1:] == "+" else ()
    if len(found) == 1:
        return found.pop()
    if text and word not in _WORDS:
        raise ValueError(f"state is {text!r}: it must be one of {', '.join(STATES)}.")
    return _WORDS.get(word, "")


def gpus(tres: dict[str, float]) -> float:
    """Return the number of GPUs in a list of resources, NaN without a list or for parts of GPUs."""
    shared = any(name.startswith(_SHARED_GPUS) or _SLICE.search(name) for name in tres)
    if not tres or shared:
        return np.nan
    typed = sum(count for name, count in tres.items() if name.startswith("gres/gpu:"))
    return tres.get("gres/gpu", typed)


def gpu_type(tres: dict[str, float]) -> str:
    """Return the models of GPU in a list of resources, joined by ``+``."""
    models = (name.removeprefix("gres/gpu:") for name in tres if name.startswith("gres/gpu:"))
    return "+".join(sorted(models))


def _unix(instants: pd.DatetimeIndex) -> np.ndarray:
    """Return Unix times [s], NaN for NaT."""
    return ((instants - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy()


def local_instants(
    naive: pd.DatetimeIndex, zone: tzinfo
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Unix times [s] of times on a clock: the first and the second meaning of each."""
    first, second = (
        _unix(naive.tz_localize(zone, ambiguous=np.full(len(naive), daylight), nonexistent="NaT"))
        for daylight in (True, False)
    )
    return first, second


def instants(
    words: NDArray[np.object_], zone: tzinfo
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return Unix times [s] of words, in both meanings of a local time, and which words are none."""
    text = pd.Series(words, dtype=object)
    known = ~text.isin(_NO_TIME).to_numpy()
    other = text[known]
    plain, shifted, local = (
        other[other.str.fullmatch(form).to_numpy(dtype=bool)]
        for form in (r"[0-9]{1,300}", _ISO + r"[+-][0-9]{4}", _ISO)
    )
    stamps = pd.to_datetime(shifted, format=f"{_FORMAT}%z", errors="coerce", utc=True)
    naive = pd.DatetimeIndex(pd.to_datetime(local, format=_FORMAT, errors="coerce"))
    naive = pd.DatetimeIndex(naive.where((naive.year >= 1990) & (naive.year < 2200), None))
    meanings = (np.full(len(words), np.nan), np.full(len(words), np.nan))
    for values, found in zip(meanings, local_instants(naive, zone), strict=True):
        values[plain.index] = plain.astype("float64")
        values[shifted.index] = _unix(pd.DatetimeIndex(stamps))
        values[local.index] = found
        values[(values < EARLIEST) | (values >= LATEST)] = np.nan
    return *meanings, known & np.isnan(meanings[0])


READ: dict[str, Callable[[str], float]] = {
    "count": count,
    "elapsed": parse_elapsed,
    "memory": memory_kb,
    "minutes": minutes,
    "requested memory": lambda text: parse_memory(text, unit="M").kb,
}
"""What reads a word of each kind of number."""
