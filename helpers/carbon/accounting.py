"""Carbon accounts: from watts to grams to a score, and every gram traced to its row.

An account is a table. Each row is a piece of time in which intensity and PUE are constant, with
the power, the share of it that is charged, and the grams that follow; every total is the exactly
rounded sum (`math.fsum`) of its rows. Choices that change the result (how idle power is shared,
over what life time a device is written off) stand in the rows, not beside them.

Emissions are grams of CO2 equivalents; nothing here translates them into cars or trees.
"""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity, Kind, check_intensity
from helpers.files import write_whole
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds, utc_times

__all__ = [
    "COLUMNS",
    "SCOPES",
    "SECONDS_PER_YEAR",
    "Account",
    "Device",
    "Node",
    "Power",
    "Pue",
    "Score",
    "account",
    "combine",
    "embodied",
    "one_kind",
    "payback_s",
    "saved_g",
    "share_idle",
]

#: A year of 365 days, as the Software Carbon Intensity specification counts a life time [s].
SECONDS_PER_YEAR = 365 * 86_400.0

#: Where emissions stand by the GHG Protocol.
SCOPES: Mapping[str, str] = {
    "scope 1": "fuel burnt on site; a computing job burns none",
    "scope 2, location-based": "electricity drawn, at the average intensity of its grid",
    "scope 3, embodied": "making and disposing of the devices, written off over their life",
    "consequential, no scope": "electricity drawn, at what one more kWh causes; not an inventory",
}
_SCOPE_OF_KIND = {"average": "scope 2, location-based", "marginal": "consequential, no scope"}

#: Columns of an account's rows: unit and meaning.
COLUMNS: Mapping[str, tuple[str, str]] = {
    "job": ("", "who is charged: a job, or a node for what no job is charged"),
    "item": ("", "what is charged, and by which choice"),
    "scope": ("", "one of SCOPES"),
    "start": ("UTC", "begin of the piece of time"),
    "stop": ("UTC", "its end"),
    "duration_s": ("s", "its length"),
    "power_w": ("W", "mean power in it, before sharing; NaN if embodied"),
    "share": ("1", "part of that power, or of the device, that is charged"),
    "energy_kwh": ("kWh", "power_w x duration_s / 3.6e6 x share; 0 if embodied"),
    "pue": ("1", "power usage effectiveness; NaN if embodied"),
    "intensity_g_per_kwh": ("g/kWh", "carbon intensity; NaN if embodied"),
    "device_g": ("g", "embodied emissions of the whole device; NaN if electricity"),
    "written_off_s": ("s", "reserved time that bears them; NaN if electricity"),
    "emissions_g": (
        "g",
        "energy_kwh x pue x intensity, or device_g x duration / written_off x share",
    ),
    "kind": ("", "average or marginal; empty if embodied"),
    "zone": ("", "grid zone; empty if embodied"),
    "source": ("", "where intensity or embodied emissions come from"),
}

Idle = Literal["time", "core", "reserved", "marginal"]
_ITEMS = {
    "time": "shared by time",
    "core": "shared by core",
    "reserved": "by reserved cores",
    "marginal": "left to the node",
}
_OTHER_UNITS = (
    "power",
    "power_kw",
    "power_mw",
)  # columns of power that are not watts, or may not be


def _bad(table: str, row: Hashable, column: str, value: object, rule: str) -> ValueError:
    return ValueError(f"{table}, row {row}, column {column!r}: {value} {rule}")


def _checked(
    name: str, value: float, *, lowest: float = 0.0, above: bool = False, unit: str = ""
) -> float:
    number = float(value)
    if not math.isfinite(number) or number < lowest or (above and number == lowest):
        sign = ">" if above else ">="
        raise ValueError(f"{name}={value!r} must be finite and {sign} {lowest:g}{unit}.")
    return number


def _frozen(values: ArrayLike) -> NDArray[np.float64]:
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def _edges(times: Times, count: int, what: str) -> NDArray[np.float64]:
    edges_s = _frozen(epoch_seconds(times))
    if edges_s.shape != (count,) or count < 2:
        raise ValueError(f"{what} need {max(count, 2)} times, not {edges_s.shape}.")
    late = np.flatnonzero(~(np.diff(edges_s) > 0))
    if late.size:
        after, before = utc_times(edges_s[[late[0] + 1, late[0]]])
        raise ValueError(
            f"{what} must increase, but row {late[0] + 1} ({after.isoformat()}) does not follow row "
            f"{late[0]} ({before.isoformat()}); sort the times and drop repeated ones."
        )
    return edges_s


def _power_values(power_w: ArrayLike) -> NDArray[np.float64]:
    values = _frozen(power_w)
    for row in np.flatnonzero(~(np.isfinite(values) & (values >= 0))):
        rule = "W must be finite and >= 0; correct it."
        raise _bad("power", int(row), "power_w", values.flat[row], rule)
    return values


@dataclass(frozen=True, eq=False)
class Power:
    """Power over time, as steps or as samples joined by straight lines.

    Make one with `steps` or `samples`.

    Attributes
    ----------
    edges_s : ndarray of float, shape (n + 1,)
        Epoch seconds at which a piece begins or ends [s].
    left_w, right_w : ndarray of float, shape (n,)
        Power at the begin and the end of each piece [W]; a straight line in between.
    """

    edges_s: NDArray[np.float64]
    left_w: NDArray[np.float64] = field(repr=False)
    right_w: NDArray[np.float64] = field(repr=False)

    def __post_init__(self) -> None:
        for side in ("left_w", "right_w"):
            object.__setattr__(self, side, _power_values(getattr(self, side)))
        edges_s = _edges(self.edges_s, self.left_w.size + 1, "the times of power")
        object.__setattr__(self, "edges_s", edges_s)

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
        return cls(edges, power_w, power_w)

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
        return cls(edges_s, values[:-1], values[1:])

    @property
    def energy_kwh(self) -> float:
        """Energy of all pieces [kWh], exact for straight lines."""
        cells_j = (self.left_w + self.right_w) / 2 * np.diff(self.edges_s)
        return math.fsum(cells_j) / JOULES_PER_KWH

    def means_w(self, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean power [W] between increasing epoch seconds within the curve."""
        fine_s = np.union1d(self.edges_s, edges_s)
        fine_s = fine_s[(fine_s >= edges_s[0]) & (fine_s <= edges_s[-1])]
        piece = np.searchsorted(self.edges_s, fine_s[:-1], side="right") - 1
        middle_s = (fine_s[:-1] + fine_s[1:]) / 2
        part = (middle_s - self.edges_s[piece]) / (self.edges_s[piece + 1] - self.edges_s[piece])
        mean_w = self.left_w[piece] + part * (self.right_w[piece] - self.left_w[piece])
        cells_j = mean_w * np.diff(fine_s)
        first = np.searchsorted(fine_s, edges_s[:-1])
        return np.add.reduceat(cells_j, first) / np.diff(edges_s)


@dataclass(frozen=True, eq=False)
class Pue:
    """Power usage effectiveness over time: what the building draws over what the computers draw.

    Parameters
    ----------
    edges_s : instants, shape (n + 1,)
        Increasing, tz-aware times or epoch seconds [s].
    ratio : array_like, shape (n,)
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

    edges_s: NDArray[np.float64]
    ratio: NDArray[np.float64]

    def __post_init__(self) -> None:
        ratio = _frozen(np.atleast_1d(self.ratio))
        bad = np.flatnonzero(~(np.isfinite(ratio) & (ratio >= 1)))
        if bad.size:
            raise _bad("PUE", int(bad[0]), "ratio", ratio[bad[0]], _PUE_RULE)
        object.__setattr__(self, "ratio", ratio)
        object.__setattr__(self, "edges_s", _edges(self.edges_s, ratio.size + 1, "edges of PUE"))


_PUE_RULE = (
    "must be finite and >= 1: the building draws what its computers draw, and more; "
    "give total over computers' energy, not its inverse."
)


@dataclass(frozen=True)
class Device:
    """A device whose making is written off over its life.

    Parameters
    ----------
    name : str
        Which device.
    embodied_g : float
        Emissions of making, transporting and disposing of it [g CO2e], >= 0; TE of the SCI.
    lifetime_s : float
        How long it is in service [s]; EL of the SCI.
    resources : float
        What it has to reserve, for example cores; ToR of the SCI.
    utilization : float
        Share of its life and resources that somebody reserves, in (0, 1]. With 1, as in the SCI,
        time that nobody reserves is charged to nobody; below 1 the jobs bear it too.
    source : str
        Where `embodied_g` comes from.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    name: str
    embodied_g: float
    lifetime_s: float
    resources: float = 1.0
    utilization: float = 1.0
    source: str = ""

    def __post_init__(self) -> None:
        owner = f"device {self.name!r}: "
        _checked(owner + "embodied_g", self.embodied_g, unit=" g")
        _checked(owner + "lifetime_s", self.lifetime_s, above=True, unit=" s")
        _checked(owner + "resources", self.resources, above=True)
        if not 0 < self.utilization <= 1:
            raise ValueError(f"{owner}utilization={self.utilization!r} must lie in (0, 1].")

    @property
    def written_off_s(self) -> float:
        """Time over which its making is written off: life time x utilization [s]."""
        return self.lifetime_s * self.utilization

    def embodied_share_g(
        self, duration_s: ArrayLike, resources: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return M = TE x (TiR / EL) x (RR / ToR) [g CO2e].

        Parameters
        ----------
        duration_s : array_like of float
            Time reserved, TiR [s].
        resources : array_like of float, optional
            Resources reserved, RR; all of them by default.

        Returns
        -------
        ndarray of float
            In the shape that the two have together.

        References
        ----------
        Software Carbon Intensity specification 1.1.0, "Embodied emissions" (ISO/IEC 21031:2024).
        """
        share = 1.0 if resources is None else np.asarray(resources) / self.resources
        return self.embodied_g * (np.asarray(duration_s) / self.written_off_s) * share


@dataclass(frozen=True)
class Node:
    """A node that draws idle power over some time, whoever runs on it.

    Parameters
    ----------
    name : str
        Which node; no job may have this name.
    idle_w : float
        Power when nothing runs [W], >= 0.
    start, stop : instant
        When the node is on: tz-aware times or epoch seconds [s].
    cores : float
        How many cores (or other units) jobs may reserve.

    Raises
    ------
    ValueError
        If a number is out of range, or times have no zone or are out of order.
    """

    name: str
    idle_w: float
    start: Times
    stop: Times
    cores: float = 1.0

    def __post_init__(self) -> None:
        _checked(f"node {self.name!r}: idle_w", self.idle_w, unit=" W")
        _checked(f"node {self.name!r}: cores", self.cores, above=True)
        _edges(
            [*np.ravel(epoch_seconds(self.start)), *np.ravel(epoch_seconds(self.stop))],
            2,
            "start and stop of the node",
        )

    @property
    def window_s(self) -> tuple[float, float]:
        """Epoch seconds of start and stop [s]."""
        return float(epoch_seconds(self.start)), float(epoch_seconds(self.stop))


@dataclass(frozen=True, eq=False)
class _Uses:
    """The columns of a table of uses as arrays, checked."""

    index: pd.Index
    job: NDArray
    item: NDArray
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    share: NDArray[np.float64]
    cores: NDArray[np.float64] | None

    @classmethod
    def of(cls, table: pd.DataFrame, job: str, *needed: str) -> Self:
        for column in ("start", "stop", *needed):
            _require(table, column)
        start_s, stop_s = _instants(table, "start"), _instants(table, "stop")
        for row in np.flatnonzero(~(stop_s > start_s)):
            raise _bad(
                "uses", table.index[row], "stop", table["stop"].iloc[row], "must be after start."
            )
        number = len(table)
        power_w = (
            _numbers(table, "power_w", "W") if "power_w" in needed else np.full(number, np.nan)
        )
        shares = _numbers(table, "share", "") if "share" in table else np.ones(number)
        for row in np.flatnonzero(shares > 1):
            raise _bad("uses", table.index[row], "share", shares[row], "must be <= 1.")
        cores = _numbers(table, "cores", "cores") if "cores" in table else None
        for row in np.flatnonzero(table["job"].isna()) if "job" in table else ():
            raise _bad("uses", table.index[row], "job", table["job"].iloc[row], "names no job.")
        jobs = table["job"].astype(str).to_numpy(object) if "job" in table else [job] * number
        items = table["item"].to_numpy(object) if "item" in table else ["power"] * number
        names = np.asarray(jobs, dtype=object), np.asarray(items, dtype=object)
        return cls(table.index, *names, start_s, stop_s, power_w, shares, cores)

    def check_covered(self, edges_s: NDArray, what: str) -> None:
        """Refuse a use that leaves the time that `what` covers: missing hours are not guessed."""
        low, high = utc_times(edges_s[[0, -1]])
        outside = {"start": self.start_s < edges_s[0], "stop": self.stop_s > edges_s[-1]}
        for column, bad in outside.items():
            for row in np.flatnonzero(bad):
                instant = utc_times(getattr(self, column + "_s")[row])[0].isoformat()
                raise _bad(
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
    for row in np.flatnonzero(~(np.isfinite(values) & (values >= 0))):
        value = f"{table[column].iloc[row]} {unit}".strip()
        raise _bad("uses", table.index[row], column, value, "must be a finite number >= 0.")
    return values


def _jobs_table(uses: pd.DataFrame | Power | Mapping[str, Power], job: str) -> pd.DataFrame:
    """Uses as a table; a curve of power is one use, whose power is found piece by piece."""
    if isinstance(uses, pd.DataFrame):
        return uses
    curves = {job: uses} if isinstance(uses, Power) else uses
    if not isinstance(curves, Mapping):
        raise TypeError(
            f"uses of type {type(uses).__name__} are no table, Power or mapping of them."
        )
    ends = [(name, *curve.edges_s[[0, -1]], 0.0) for name, curve in curves.items()]
    return pd.DataFrame(ends, columns=["job", "start", "stop", "power_w"])


def account(
    uses: pd.DataFrame | Power | Mapping[str, Power],
    intensity: Intensity,
    *,
    pue: float | Pue = 1.0,
    job: str = "job",
) -> Account:
    """Account for electricity: cut its use at every step of intensity and PUE, and charge it.

    Parameters
    ----------
    uses : DataFrame, Power, or mapping of str to Power
        Who draws what and when. A table has a row for each piece of constant power, with columns
        ``start``, ``stop`` (tz-aware times, or epoch seconds) and ``power_w`` [W]; optional are
        ``job``, ``item`` (what it is) and ``share`` (part of the power that is charged, 1 by
        default). The segments of a schedule and the result of `share_idle` are such tables.
    intensity : Intensity
        Average or marginal, covering all uses.
    pue : float or Pue
        Power usage effectiveness [1], >= 1.
    job : str
        Name of the job where the uses do not tell.

    Returns
    -------
    Account
        With a row for each use and step.

    Raises
    ------
    TypeError
        If the uses or the PUE are none of these.
    ValueError
        If a column is missing, a time has no zone, a power is negative or not finite, a PUE is
        below 1, or a use leaves the time covered; the message names column and row.

    Notes
    -----
    Emissions are the integral of power x PUE x intensity. Within a row PUE and intensity are
    constant and power enters as its mean, so the sum over the rows is that integral exactly,
    whatever the time steps of the three.
    """
    check_intensity(intensity)
    table = _jobs_table(uses, job)
    used = _Uses.of(table, job, "power_w")
    used.check_covered(intensity.edges_s, f"the intensity of {intensity.zone}")
    bounds_s = intensity.edges_s
    if isinstance(pue, Pue):
        used.check_covered(pue.edges_s, "the PUE")
        bounds_s = np.union1d(bounds_s, pue.edges_s)
    elif not isinstance(pue, int | float):  # NumPy's floats are floats
        raise TypeError(f"pue of type {type(pue).__name__} is no number; over time it is a Pue.")
    elif not (math.isfinite(pue) and pue >= 1):
        raise ValueError(f"PUE, column 'pue': {pue!r} {_PUE_RULE}")
    first = np.searchsorted(bounds_s, used.start_s, side="right") - 1
    count = np.searchsorted(bounds_s, used.stop_s, side="left") - first
    use = np.repeat(np.arange(count.size), count)
    step = np.arange(use.size) - np.repeat(np.cumsum(count) - count, count) + first[use]
    start_s = np.maximum(used.start_s[use], bounds_s[step])
    stop_s = np.minimum(used.stop_s[use], bounds_s[step + 1])
    power_w = used.power_w[use]
    if not isinstance(uses, pd.DataFrame):
        curves = [uses] if isinstance(uses, Power) else list(uses.values())
        means = [
            curve.means_w(np.append(start_s[use == i], curve.edges_s[-1]))
            for i, curve in enumerate(curves)
        ]
        power_w = np.concatenate(means) if means else power_w
    where = np.searchsorted(intensity.edges_s, start_s, side="right") - 1
    ratio = np.full(use.size, float(pue)) if not isinstance(pue, Pue) else _ratios(pue, start_s)
    return _electricity(used, use, start_s, stop_s, power_w, intensity, where, ratio)


def _ratios(pue: Pue, start_s: NDArray) -> NDArray[np.float64]:
    return pue.ratio[np.searchsorted(pue.edges_s, start_s, side="right") - 1]


def _electricity(
    used: _Uses,
    use: NDArray,
    start_s: NDArray,
    stop_s: NDArray,
    power_w: NDArray,
    intensity: Intensity,
    where: NDArray,
    pue: NDArray,
) -> Account:
    rows = pd.DataFrame(
        {
            "job": _names(used.job, use),
            "item": _names(used.item, use),
            "scope": _name(_SCOPE_OF_KIND[intensity.kind], use.size),
            "start": utc_times(start_s),
            "stop": utc_times(stop_s),
            "duration_s": stop_s - start_s,
            "power_w": power_w,
            "share": used.share[use],
            "energy_kwh": 0.0,
            "pue": pue,
            "intensity_g_per_kwh": intensity.intensity_g_per_kwh[where],
            "device_g": np.nan,
            "written_off_s": np.nan,
            "emissions_g": 0.0,
            "kind": _name(intensity.kind, use.size),
            "zone": _name(intensity.zone, use.size),
            "source": _name(intensity.source, use.size),
        }
    )
    rows["energy_kwh"], rows["emissions_g"] = _products(rows)
    return Account(rows, intensity.kind)


def _names(names: NDArray, use: NDArray) -> pd.Categorical:
    codes, found = pd.factorize(names)
    return pd.Categorical.from_codes(codes[use], found)


def _name(name: str, count: int) -> pd.Categorical:
    return pd.Categorical.from_codes(np.zeros(count, dtype=np.int8), [name])


def _products(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Energy [kWh] and emissions [g] of each row, by nothing but its other columns."""
    is_device = rows["device_g"].notna()
    energy = (rows["power_w"] * rows["duration_s"] / JOULES_PER_KWH * rows["share"]).where(
        ~is_device, 0.0
    )
    drawn = energy * rows["pue"] * rows["intensity_g_per_kwh"]
    built = rows["device_g"] * (rows["duration_s"] / rows["written_off_s"]) * rows["share"]
    return energy, drawn.where(~is_device, built)


def embodied(uses: pd.DataFrame, device: Device, *, job: str = "job") -> Account:
    """Account for the making of a device: each use bears its share of time and resources.

    Parameters
    ----------
    uses : DataFrame
        Who reserves the device and when: columns ``start``, ``stop``; optional ``job`` and
        ``cores``, the resources reserved (all of them by default).
    device : Device
        What is written off.
    job : str
        Name of the job where the uses do not tell.

    Returns
    -------
    Account
        With a row for each use; it has no kind and may be combined with any other.

    Raises
    ------
    ValueError
        If a column is missing, a time has no zone, more is reserved than the device has, or for
        longer than it lives.

    Notes
    -----
    M = TE x (TiR / EL) x (RR / ToR), straight-line over the life time [1]_.

    References
    ----------
    .. [1] Software Carbon Intensity specification 1.1.0 (ISO/IEC 21031:2024), "Embodied
       emissions". https://sci.greensoftware.foundation
    """
    used = _Uses.of(uses, job)
    cores = np.full(len(uses), device.resources) if used.cores is None else used.cores
    for row in np.flatnonzero(cores > device.resources * (1 + 1e-12)):
        raise _bad(
            "uses", used.index[row], "cores", cores[row], f"must be <= {device.resources:g}, what "
            f"{device.name} has."
        )  # fmt: skip
    length_s = used.stop_s - used.start_s
    for row in np.flatnonzero(length_s > device.lifetime_s):
        raise _bad(
            "uses", used.index[row], "stop", uses["stop"].iloc[row], f"is {length_s[row]:g} s after "
            f"start, but {device.name} lives for lifetime_s={device.lifetime_s:g} s; give that in "
            "seconds, e.g. 4 * SECONDS_PER_YEAR, or shorten the use."
        )  # fmt: skip
    count, every = len(uses), np.arange(len(uses))
    rows = pd.DataFrame(
        {
            "job": _names(used.job, every),
            "item": _name(f"making of {device.name}", count),
            "scope": _name("scope 3, embodied", count),
            "start": utc_times(used.start_s),
            "stop": utc_times(used.stop_s),
            "duration_s": length_s,
            "power_w": np.nan,
            "share": cores / device.resources,
            "energy_kwh": 0.0,
            "pue": np.nan,
            "intensity_g_per_kwh": np.nan,
            "device_g": float(device.embodied_g),
            "written_off_s": device.written_off_s,
            "emissions_g": 0.0,
            "kind": _name("", count),
            "zone": _name("", count),
            "source": _name(device.source, count),
        }
    )
    rows["emissions_g"] = _products(rows)[1]
    return Account(rows, None)


@dataclass(frozen=True, eq=False, repr=False)
class Account:
    """Rows of energy and emissions, and totals that are the sums of them.

    Made by `account`, `embodied` and `combine`.

    Attributes
    ----------
    rows : DataFrame
        Columns as in `COLUMNS`.
    kind : {"average", "marginal"} or None
        Kind of its intensity; None if it holds embodied emissions alone.
    """

    rows: pd.DataFrame
    kind: Kind | None

    @property
    def emissions_g(self) -> float:
        """All emissions [g CO2e]: the exactly rounded sum of the rows."""
        return math.fsum(self.rows["emissions_g"])

    @property
    def operational_g(self) -> float:
        """Emissions of electricity [g CO2e]; O of the SCI."""
        return math.fsum(self.rows["emissions_g"][self.rows["device_g"].isna()])

    @property
    def embodied_g(self) -> float:
        """Emissions of making devices [g CO2e]; M of the SCI."""
        return math.fsum(self.rows["emissions_g"][self.rows["device_g"].notna()])

    @property
    def energy_kwh(self) -> float:
        """Energy of the computers, before PUE [kWh]."""
        return math.fsum(self.rows["energy_kwh"])

    @property
    def facility_kwh(self) -> float:
        """Energy with that of the building, after PUE [kWh]; E of the SCI."""
        return math.fsum((self.rows["energy_kwh"] * self.rows["pue"])[self.rows["pue"].notna()])

    def __repr__(self) -> str:
        return (
            f"Account({self.kind or 'embodied'}, {len(self.rows)} rows, {self.energy_kwh:.6g} kWh, "
            f"{self.emissions_g:.6g} g)"
        )

    def by(self, *columns: str) -> pd.DataFrame:
        """Return ``energy_kwh`` and ``emissions_g`` summed by some columns, as they first occur.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        for column in columns:
            if column not in self.rows:
                raise ValueError(f"there is no column {column!r}; known are {', '.join(COLUMNS)}.")
        groups = self.rows.groupby(list(columns), sort=False, observed=True)
        order = np.argsort(groups.ngroup().to_numpy(), kind="stable")
        stops = np.cumsum(groups.size().to_numpy())
        sums = {
            name: [math.fsum(part) for part in np.split(self.rows[name].to_numpy()[order], stops)]
            for name in ("energy_kwh", "emissions_g")
        }
        return pd.DataFrame(sums).iloc[:-1].set_axis(groups.size().index)

    def scopes(self) -> pd.DataFrame:
        """Return ``emissions_g`` and ``meaning`` of each scope of the GHG Protocol, zeros included.

        Notes
        -----
        For whoever owns the machine and buys its electricity; for a customer of a cloud all of
        it is scope 3. An average intensity from life-cycle factors holds more than scope 2: the
        part from fuel supply and plants belongs to scope 3, category 3.

        References
        ----------
        World Resources Institute, "GHG Protocol Scope 2 Guidance", 2015.
        """
        grams = self.by("scope")["emissions_g"]
        named = {name: float(grams.get(name, 0.0)) for name in SCOPES}
        table = pd.DataFrame({"emissions_g": named, "meaning": dict(SCOPES)})
        return table.loc[list(SCOPES)].rename_axis("scope")

    def sci(self, units: float, unit: str) -> Score:
        """Return the Software Carbon Intensity for a number of functional units.

        Parameters
        ----------
        units : float
            How many functional units the account holds, > 0; R of the SCI.
        unit : str
            What one of them is.

        Returns
        -------
        Score
            With the intensity that the account's energy had on average.

        Raises
        ------
        ValueError
            If `units` is not above 0 or `unit` is empty.
        """
        energy_kwh = self.facility_kwh
        intensity = self.operational_g / energy_kwh if energy_kwh else 0.0
        return Score(energy_kwh, intensity, self.embodied_g, units, unit, self.kind)

    def audit(self) -> pd.DataFrame:
        """Return the rows, once each is found to be the product of its own columns.

        Raises
        ------
        ValueError
            If energy or emissions of a row do not follow, to the last bit, from its columns.
        """
        for column, product in zip(
            ("energy_kwh", "emissions_g"), _products(self.rows), strict=True
        ):
            for row in np.flatnonzero(~(self.rows[column] == product)):
                raise _bad(
                    "account",
                    self.rows.index[row],
                    column,
                    self.rows[column].iloc[row],
                    f"is not {product.iloc[row]}, what the other columns give; the row was "
                    "changed after it was made: make the account again.",
                )
        return self.rows.copy()

    def write_csv(self, path: str | os.PathLike) -> None:
        """Write the audited rows as CSV, whole or not at all.

        Numbers are written so that reading them gives the same bits; whoever sums
        ``emissions_g`` with `math.fsum` gets the total of the account.

        Raises
        ------
        ValueError
            As `audit`.
        OSError
            If the folder is missing or cannot be written.
        """
        text = self.audit().to_csv(
            index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S.%fZ"
        )
        write_whole(path, text)


def one_kind(what: str, kinds: Iterable[Kind | None]) -> Kind | None:
    """Return the kind of intensity that several have in common; None if none has any.

    Parameters
    ----------
    what : str
        What is made of them, for the message.
    kinds : iterable of {"average", "marginal", None}
        Their kinds.

    Raises
    ------
    TypeError
        If average and marginal would be mixed.
    """
    known = {kind for kind in kinds if kind is not None}
    if len(known) > 1:
        raise TypeError(
            f"{what} must not mix average and marginal emissions: the first say what the mix "
            "emitted, the second what a decision changed; make both from intensities of one kind."
        )
    return next(iter(known), None)


def combine(*accounts: Account) -> Account:
    """Put the rows of several accounts into one.

    Parameters
    ----------
    *accounts : Account
        Electricity of one kind, and embodied emissions.

    Returns
    -------
    Account
        All their rows.

    Raises
    ------
    TypeError
        If average and marginal would be mixed.
    ValueError
        If there is no account.
    """
    if not accounts:
        raise ValueError("combine() needs at least one account.")
    kind = one_kind("an account", [one.kind for one in accounts])
    rows = pd.concat([one.rows for one in accounts], ignore_index=True)
    texts = [
        name for name in COLUMNS if isinstance(accounts[0].rows[name].dtype, pd.CategoricalDtype)
    ]
    return Account(rows.astype(dict.fromkeys(texts, "category"))[list(COLUMNS)], kind)


def saved_g(before: Account, after: Account) -> float:
    """Return what `after` emits less than `before` [g CO2e].

    Parameters
    ----------
    before, after : Account
        The same job, run in two ways.

    Returns
    -------
    float
        Negative if `after` emits more.

    Raises
    ------
    TypeError
        If one is average and the other marginal.
    ValueError
        If both use the intensity of one zone from different sources, of two sets of emission
        factors for example: their difference would be one of books.
    """
    one_kind("a saving", [before.kind, after.kind])
    sources = [
        set(one.rows.loc[one.rows["device_g"].isna(), ["zone", "source"]].itertuples(index=False))
        for one in (before, after)
    ]
    for zone, source in sorted(sources[1] - sources[0]):
        others = sorted(other for same, other in sources[0] if same == zone)
        if others:
            raise ValueError(
                f"a saving in {zone} must not compare {others[0]!r} with {source!r}; account for "
                "both from one source."
            )
    return before.emissions_g - after.emissions_g


def share_idle(
    jobs: pd.DataFrame, node: Node, *, by: Idle, rest: Literal["node", "jobs"] = "node"
) -> pd.DataFrame:
    """Share a node's idle power out over the jobs that run on it.

    Parameters
    ----------
    jobs : DataFrame
        Columns ``job``, ``start``, ``stop``, ``power_w``: power *above idle* [W]; and ``cores``
        reserved, where `by` counts them.
    node : Node
        Whose idle power it is; all jobs lie in its time.
    by : {"time", "core", "reserved", "marginal"}
        ``"time"``: at each instant equally over the jobs that run. ``"core"``: over the jobs
        that run, by their cores. ``"reserved"``: each job bears its cores of all of the node's.
        ``"marginal"``: no job bears any.
    rest : {"node", "jobs"}
        Who bears the idle power that `by` leaves over, of empty nodes for example: the node, or
        all its jobs by their time (``"time"``) or core-time.

    Returns
    -------
    DataFrame
        Columns ``job, item, start, stop, power_w, share``, for `account`. ``item`` says by which
        choice; a row whose job is the node's name is charged to no job. In each instant the
        shares of the idle power sum to 1, so that all rows sum to the node's total.

    Raises
    ------
    ValueError
        If a column is missing, a job leaves the node's time, has its name or no cores, more
        cores are reserved than there are, or `by` and `rest` contradict.
    """
    if by not in get_args(Idle) or rest not in ("node", "jobs"):
        raise ValueError(
            f"by={by!r}, rest={rest!r}: by is one of {get_args(Idle)}, rest 'node' or 'jobs'."
        )
    if rest == "jobs" and (by == "marginal" or not len(jobs)):
        raise ValueError("rest='jobs' needs jobs, and by= other than 'marginal'; use rest='node'.")
    counted = () if by in ("time", "marginal") else ("cores",)
    used = _Uses.of(jobs, "", "job", "power_w", *counted)
    window_s = np.array(node.window_s)
    used.check_covered(window_s, f"the time of node {node.name}")
    if node.name in used.job:
        raise ValueError(f"column 'job' holds the node's name {node.name!r}; rename one of them.")
    edges_s, use, interval, share, left = _idle_shares(used, node, by)
    item = f"idle power of {node.name}, {_ITEMS[by]}"
    pieces = [_own_rows(used), _idle_rows(used.job[use], item, edges_s, interval, node, share)]
    over = np.flatnonzero(left > 0)
    if rest == "node":
        label = f"idle power of {node.name}, not shared"
        names = np.full(over.size, node.name, dtype=object)
        pieces.append(_idle_rows(names, label, edges_s, over, node, left[over]))
    else:
        time_s = used.stop_s - used.start_s
        weight = time_s if by == "time" else time_s * used.cores
        spread = np.outer(left[over], weight / math.fsum(weight)).ravel()
        names, where = np.tile(used.job, over.size), np.repeat(over, used.job.size)
        label = f"idle power of {node.name} left over, {_ITEMS[by]}"
        pieces.append(_idle_rows(names, label, edges_s, where, node, spread))
    return pd.concat([piece for piece in pieces if len(piece)], ignore_index=True)


def _own_rows(used: _Uses) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "job": used.job,
            "item": "power above idle",
            "start": utc_times(used.start_s),
            "stop": utc_times(used.stop_s),
            "power_w": used.power_w,
            "share": 1.0,
        }
    )


def _idle_rows(
    job: NDArray, item: str, edges_s: NDArray, interval: NDArray, node: Node, share: NDArray
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "job": job,
            "item": item,
            "start": utc_times(edges_s[interval]),
            "stop": utc_times(edges_s[interval + 1]),
            "power_w": float(node.idle_w),
            "share": share,
        }
    )


def _idle_shares(
    used: _Uses, node: Node, by: Idle
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Cut the node's time where jobs come and go; share of each job, and what is left over."""
    if by == "marginal":
        none = np.empty(0, dtype=np.int64)
        return np.array(node.window_s), none, none, np.empty(0), np.ones(1)
    edges_s = np.unique(np.concatenate([used.start_s, used.stop_s, node.window_s]))
    first = np.searchsorted(edges_s, used.start_s)
    count = np.searchsorted(edges_s, used.stop_s) - first
    use = np.repeat(np.arange(count.size), count)
    interval = np.arange(use.size) - np.repeat(np.cumsum(count) - count, count) + first[use]
    weight = np.ones(count.size) if by == "time" else used.cores
    total = np.bincount(interval, weight[use], minlength=edges_s.size - 1)
    if by != "time":
        for row in np.flatnonzero(weight == 0):
            raise _bad("uses", used.index[row], "cores", 0, "must be > 0 to bear a share by cores.")
        full = np.flatnonzero(total > node.cores * (1 + 1e-12))
        if full.size:
            raise ValueError(
                f"column 'cores': jobs reserve {total[full[0]]:g} cores at "
                f"{utc_times(edges_s[full[0]])[0].isoformat()}, more than the {node.cores:g} of "
                f"{node.name}; correct times or cores."
            )
    if by == "reserved":
        return edges_s, use, interval, weight[use] / node.cores, 1 - total / node.cores
    return edges_s, use, interval, weight[use] / total[interval], (total == 0).astype(float)


@dataclass(frozen=True)
class Score:
    """A Software Carbon Intensity: grams for one functional unit.

    Parameters
    ----------
    energy_kwh : float
        Energy, PUE included [kWh]; E.
    intensity_g_per_kwh : float
        Carbon intensity of that energy [g CO2e/kWh]; I.
    embodied_g : float
        Embodied emissions [g CO2e]; M.
    units : float
        Number of functional units, > 0; R.
    unit : str
        What one unit is, for example ``"training run"``.
    kind : {"average", "marginal"} or None
        Kind of the intensity; the specification allows both, of one grid.

    Raises
    ------
    ValueError
        If a number is not finite or out of range, or the unit has no name.

    References
    ----------
    ISO/IEC 21031:2024, "Software Carbon Intensity (SCI) specification".
    https://sci.greensoftware.foundation
    """

    energy_kwh: float
    intensity_g_per_kwh: float
    embodied_g: float
    units: float
    unit: str
    kind: Kind | None = "average"

    def __post_init__(self) -> None:
        _checked("energy_kwh", self.energy_kwh, unit=" kWh")
        lowest = -math.inf if self.kind == "marginal" else 0.0
        _checked("intensity_g_per_kwh", self.intensity_g_per_kwh, lowest=lowest, unit=" g/kWh")
        _checked("embodied_g", self.embodied_g, unit=" g")
        _checked("units", self.units, above=True)
        if not self.unit.strip():
            raise ValueError("unit must name the functional unit, for example 'training run'.")

    @property
    def operational_g(self) -> float:
        """O = E x I [g CO2e]."""
        return self.energy_kwh * self.intensity_g_per_kwh

    @property
    def score_g(self) -> float:
        """SCI = (E x I + M) / R [g CO2e per functional unit]."""
        return (self.operational_g + self.embodied_g) / self.units

    def __add__(self, other: Score) -> Score:
        """Return the score of two components of one software, counted for the same units."""
        kind = one_kind("a score", [self.kind, other.kind])
        if (self.unit, self.units) != (other.unit, other.units):
            raise ValueError(
                f"scores per {self.units:g} {self.unit!r} and {other.units:g} {other.unit!r} "
                "cannot be added; count both components for the same functional units."
            )
        energy_kwh = self.energy_kwh + other.energy_kwh
        operational_g = self.operational_g + other.operational_g
        intensity = operational_g / energy_kwh if energy_kwh else 0.0
        made_g = self.embodied_g + other.embodied_g
        return Score(energy_kwh, intensity, made_g, self.units, self.unit, kind)


def payback_s(
    embodied_g: float, saved_w: float, intensity_g_per_kwh: float, *, pue: float = 1.0
) -> float:
    """Return how long a new device must run to save what making it emitted [s].

    Parameters
    ----------
    embodied_g : float
        Emissions of making it [g CO2e].
    saved_w : float
        Mean power that it draws less than the old one for the same work [W].
    intensity_g_per_kwh : float
        Mean carbon intensity over that time [g CO2e/kWh].
    pue : float
        Power usage effectiveness, >= 1.

    Returns
    -------
    float
        Infinite if nothing is saved.

    Raises
    ------
    ValueError
        If a number is not finite or out of range.

    Notes
    -----
    The old device's own making is spent either way and does not count.
    """
    _checked("embodied_g", embodied_g, unit=" g")
    _checked("intensity_g_per_kwh", intensity_g_per_kwh, unit=" g/kWh")
    _checked("saved_w", saved_w, lowest=-math.inf)
    _checked("pue", pue, lowest=1.0)
    saved_g_per_s = saved_w * pue * intensity_g_per_kwh / JOULES_PER_KWH
    return embodied_g / saved_g_per_s if saved_g_per_s > 0 else math.inf
