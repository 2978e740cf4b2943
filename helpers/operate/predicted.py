"""A length that was predicted, for a plan: the middle to plan with, the upper end to reserve.

What ``clean-hours predict ... --json`` printed is read again. A time limit never comes from a middle:
half of all jobs would be killed by it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from helpers.files import read_bytes

__all__ = ["Length", "read_length"]


class Length(NamedTuple):
    """What a job is expected to take, and what it should not exceed [s]."""

    expected_s: float
    upper_s: float

    @property
    def stretch(self) -> float:
        """Upper end over the expected length, >= 1."""
        return self.upper_s / self.expected_s


def read_length(path: str | os.PathLike, job: str | None = None) -> Length:
    """Read the length of one job from what ``clean-hours predict --json`` printed.

    Parameters
    ----------
    path : path
        File of a prediction of a program, or of the jobs of a log.
    job : str, optional
        Which job of a log; needed if there are several.

    Raises
    ------
    ValueError
        If it is no such file, no such job, not a run time, or the prediction says itself that it
        is not to be trusted.
    """
    data, name = read_bytes(path)
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: no JSON: {error}; write it with predict --json.") from None
    if not isinstance(told, dict) or not ("run_s" in told or "jobs" in told):
        raise ValueError(
            f"{name}: holds no prediction: write it with clean-hours predict ... --json > {name}."
        )
    if "run_s" in told:
        return _of_program(told, name)
    return _of_job(told, name, job)


def _of_program(told: Mapping[str, Any], name: str) -> Length:
    if told.get("trusted") is not True:
        why = "; ".join(map(str, told.get("doubts") or ["it does not say that it is trusted"]))
        raise ValueError(
            f"{name}: this prediction is not to be planned with: {why}. "
            "Measure the program once and say --length and --stretch."
        )
    return _length(told["run_s"], ("expected", "high"), name)


def _of_job(told: Mapping[str, Any], name: str, job: str | None) -> Length:
    if told.get("of") != "run_s":
        raise ValueError(f"{name}: predicts {told.get('of')!r}, not run times: say --of time.")
    rows = told["jobs"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{name}: its jobs are no list of predictions: write it with predict.")
    known = [str(row.get("job_id")) for row in rows]
    if job is None and len(rows) != 1:
        raise ValueError(f"{name}: holds {len(rows)} jobs: say which with --predicted-job ID.")
    if job is not None and job not in known:
        raise ValueError(
            f"{name}: has no job {job!r}: it has {', '.join(known[:5])}"
            + (", ..." if len(known) > 5 else "")
            + "."
        )
    return _length(rows[0 if job is None else known.index(job)], ("median", "high"), name)


def _length(said: Any, keys: tuple[str, str], name: str) -> Length:
    values = [said.get(key) if isinstance(said, dict) else None for key in keys]
    seconds = []
    for key, value in zip(keys, values, strict=True):
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not (math.isfinite(value) and value > 0)
        ):
            raise ValueError(f"{name}: its {key} is {value!r}: it must be a number > 0 of seconds.")
        seconds.append(float(value))
    expected_s, upper_s = seconds
    if upper_s < expected_s:
        raise ValueError(f"{name}: high ({upper_s:g} s) is below {keys[0]} ({expected_s:g} s).")
    return Length(expected_s, upper_s)
