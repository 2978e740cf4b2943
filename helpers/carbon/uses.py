"""What is accounted for: power over time, PUE over time, and tables of who draws what and when.

The tables are checked here, so that `helpers.carbon.accounting` and `helpers.carbon.sharing` name
row and column of whatever they cannot charge.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH
from helpers.timeline import (
    Duration,
    Polyline,
    StepFunction,
    Times,
    check_increasing,
    duration_seconds,
    epoch_seconds,
    utc_times,
)

__all__ = ["Power", "Pue", "Uses", "bad_cell", "checked"]

#: What a PUE must be, for messages.
PUE_RULE = (
    "must be finite and >= 1: the building draws what its computers draw, and more; "
    "give total over computers' energy, not its inverse."
)
# Columns of power that are not watts, or may not be.
_OTHER_UNITS = ("power", "power_kw", "power_mw")


def bad_cell(table: str, row: Hashable, column: str, value: object, rule: str) -> ValueError:
    """Return the error of a table's cell that breaks a rule."""
    return ValueError(f"{table}, row {row}, column {column!r}: {value} {rule}")


def checked(
    name: str, value: float, *, lowest: float = 0.0, above: bool = False, unit: str = ""
) -> float:
    """Return a number that is finite and not below (or just above) `lowest`.

    Raises
    ------
    ValueError
        If it is not, by `name`.
    """
    number = float(value)
    if not math.isfinite(number) or number < lowest or (above and number == lowest):
        sign = ">" if above else ">="
        raise ValueError(f"{name}={value!r} must be finite and {sign} {lowest:g}{unit}.")
    return number


def _edges(times: Times, count: int, what: str) -> NDArray[np.float64]:
    edges_s = epoch_seconds(times)
    if edges_s.shape != (count,) or count < 2:
        raise ValueError(f"{what} need {max(count, 2)} times, not {edges_s.shape}.")
    check_increasing(edges_s, what)
    return edges_s


def _power_values(power_w: ArrayLike) -> NDArray[np.float64]:
    values = np.array(power_w, dtype=np.float64)
    for row in np.flatnonzero(~(np.isfinite(values) & (values >= 0))).tolist():
        rule = "W must be finite and >= 0; correct it."
        raise bad_cell("power", int(row), "power_w", values.flat[row], rule)
    return values


@dataclass(frozen=True, eq=False)
class Power:
    """Power over time, as steps or as samples joined by straight lines.

    Make one with `steps` or `samples`.

    Attributes
    ----------
    curve : StepFunction or Polyline
        Power [W] at each instant from its first edge to its last.
    """

    curve: StepFunction | Polyline

    @classmethod
    def steps(cls, edges: Times, power_w: ArrayLike) -> Self:
        """Make power that is constant between edges.

        Parameters
        ----------
        edges : instants, shape (n + 1,)
            Increasing, tz-aware times or epoch seconds [s].
        power_w : array_like, shape (n,)
            Power of each piece [W], >= 0.

        Raises
        ------
        ValueError
            If times have no zone or do not increase, shapes do not fit, or a power is negative
            or not finite; the message names the row.
        """
        values = _power_values(power_w)
        edges_s = _edges(edges, values.size + 1, "the times of power")
        return cls(StepFunction(edges_s, values, "the power"))

    @classmethod
    def samples(cls, times: Times, power_w: ArrayLike, *, longest: Duration | None = None) -> Self:
        """Make power from samples of a meter, with straight lines between them.

        Parameters
        ----------
        times : instants, shape (n,)
            When each sample was taken: increasing, tz-aware times or epoch seconds [s].
        power_w : array_like, shape (n,)
            Power then [W], >= 0.
        longest : duration, optional
            Longest distance of two samples over which a straight line may be drawn. By default
            1.5 times the median distance.

        Raises
        ------
        ValueError
            As `steps`, or if samples are missing.
        """
        values = _power_values(power_w)
        edges_s = _edges(times, values.size, "the times of power")
        distances_s = np.diff(edges_s)
        limit_s = (
            1.5 * float(np.median(distances_s)) if longest is None else duration_seconds(longest)
        )
        gaps = np.flatnonzero(distances_s > limit_s)
        if gaps.size:
            start, stop = utc_times(edges_s[[gaps[0], gaps[0] + 1]])
            raise ValueError(
                f"power, row {gaps[0] + 1}, column 'time': no sample from {start.isoformat()} to "
                f"{stop.isoformat()}, longer than {limit_s:g} s ({gaps.size} such gaps); get the "
                "missing samples, account each part by itself, or allow the line with `longest`."
            )
        return cls(Polyline(edges_s, values, "the power"))

    @property
    def energy_kwh(self) -> float:
        """Energy of all of it [kWh], exact for steps and for straight lines."""
        return float(self.curve.integral()) / JOULES_PER_KWH


@dataclass(frozen=True, eq=False)
class Pue(StepFunction):
    """Power usage effectiveness over time: what the building draws over what the computers draw.

    Parameters
    ----------
    edges_s : instants, shape (n + 1,)
        Increasing, tz-aware times or epoch seconds [s].
    values : array_like, shape (n,)
        PUE of each step [1], >= 1.

    Raises
    ------
    ValueError
        If times have no zone or do not increase, shapes do not fit, or a ratio is below 1.

    References
    ----------
    ISO/IEC 30134-2:2016, "Data centres - Key performance indicators - Part 2: Power usage
    effectiveness (PUE)".
    """

    name: str = "the PUE"

    def __post_init__(self) -> None:
        super().__post_init__()
        low = np.flatnonzero(self.values < 1)
        if low.size:
            raise bad_cell("PUE", int(low[0]), "ratio", self.values[low[0]], PUE_RULE)


@dataclass(frozen=True, eq=False)
class Uses:
    """The columns of a table of uses as arrays, checked."""

    index: pd.Index
    job: NDArray
    item: NDArray
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    share: NDArray[np.float64]
    cores: NDArray[np.float64] | None

    @property
    def known_cores(self) -> NDArray[np.float64]:
        """Cores of each use, for a table that was asked to have them."""
        if self.cores is None:
            raise ValueError("uses have no column 'cores'; add one.")
        return self.cores

    @classmethod
    def of(cls, table: pd.DataFrame, job: str, *needed: str) -> Self:
        """Check a table that needs some columns; `job` names its job where it does not tell.

        Raises
        ------
        ValueError
            If a column is missing or a cell is wrong; the message names column and row.
        """
        for column in ("start", "stop", *needed):
            _require(table, column)
        start_s, stop_s = _instants(table, "start"), _instants(table, "stop")
        for row in np.flatnonzero(~(stop_s > start_s)).tolist():
            raise bad_cell(
                "uses", table.index[row], "stop", table["stop"].iloc[row], "must be after start."
            )
        number = len(table)
        power_w = (
            _numbers(table, "power_w", "W") if "power_w" in needed else np.full(number, np.nan)
        )
        shares = _numbers(table, "share", "") if "share" in table else np.ones(number)
        for row in np.flatnonzero(shares > 1).tolist():
            raise bad_cell("uses", table.index[row], "share", shares[row], "must be <= 1.")
        cores = _numbers(table, "cores", "cores") if "cores" in table else None
        unnamed = np.flatnonzero(table["job"].isna()).tolist() if "job" in table else []
        for row in unnamed:
            raise bad_cell("uses", table.index[row], "job", table["job"].iloc[row], "names no job.")
        jobs = table["job"].astype(str).to_numpy(object) if "job" in table else [job] * number
        items = table["item"].to_numpy(object) if "item" in table else ["power"] * number
        names = np.asarray(jobs, dtype=object), np.asarray(items, dtype=object)
        return cls(table.index, *names, start_s, stop_s, power_w, shares, cores)

    def check_covered(self, edges_s: NDArray, what: str) -> None:
        """Refuse a use that leaves the time that `what` covers: missing hours are not guessed."""
        low, high = utc_times(edges_s[[0, -1]])
        outside = {"start": self.start_s < edges_s[0], "stop": self.stop_s > edges_s[-1]}
        for column, bad in outside.items():
            for row in np.flatnonzero(bad).tolist():
                instant = utc_times(getattr(self, column + "_s")[row])[0].isoformat()
                raise bad_cell(
                    "uses",
                    self.index[row],
                    column,
                    instant,
                    f"lies outside of {what}, which covers {low.isoformat()} to "
                    f"{high.isoformat()}; load the missing hours, nothing is extrapolated.",
                )


def _require(table: pd.DataFrame, column: str) -> None:
    other = [name for name in _OTHER_UNITS if name in table] if column == "power_w" else []
    if other:
        raise ValueError(
            f"uses, column {other[0]!r}: power is taken in watts, from column 'power_w' alone; "
            "convert it and give it that name, or leave it out."
        )
    if column not in table:
        raise ValueError(
            f"uses have no column {column!r}, only {', '.join(map(str, table.columns))}; add or "
            "rename one."
        )


def _instants(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    try:
        return epoch_seconds(table[column])
    except (ValueError, TypeError) as error:
        for row, value in zip(table.index, table[column], strict=True):
            try:
                epoch_seconds(value)
            except (ValueError, TypeError) as reason:
                raise type(reason)(f"uses, row {row}, column {column!r}: {reason}") from error
        raise


def _numbers(table: pd.DataFrame, column: str, unit: str) -> NDArray[np.float64]:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    for row in np.flatnonzero(~(np.isfinite(values) & (values >= 0))).tolist():
        value = f"{table[column].iloc[row]} {unit}".strip()
        raise bad_cell("uses", table.index[row], column, value, "must be a finite number >= 0.")
    return values
