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
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.sci import Score, payback_s
from helpers.carbon.sharing import Node, share_idle
from helpers.carbon.signal import JOULES_PER_KWH, Intensity, Kind, check_intensity, one_kind
from helpers.carbon.uses import PUE_RULE, Power, Pue, Uses, bad_cell, checked
from helpers.files import write_whole
from helpers.timeline import Pieces, utc_times

__all__ = [
    "COLUMNS",
    "SCOPES",
    "SCOPE_OF_KIND",
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
#: The scope that electricity belongs to, by the kind of its intensity.
SCOPE_OF_KIND: Mapping[str, str] = {
    "average": "scope 2, location-based",
    "marginal": "consequential, no scope",
}

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
        checked(owner + "embodied_g", self.embodied_g, unit=" g")
        checked(owner + "lifetime_s", self.lifetime_s, above=True, unit=" s")
        checked(owner + "resources", self.resources, above=True)
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


def _jobs_table(uses: pd.DataFrame | Power | Mapping[str, Power], job: str) -> pd.DataFrame:
    """Uses as a table; a curve of power is one use, whose power is found piece by piece."""
    if isinstance(uses, pd.DataFrame):
        return uses
    curves = {job: uses} if isinstance(uses, Power) else uses
    if not isinstance(curves, Mapping):
        raise TypeError(
            f"uses of type {type(uses).__name__} are no table, Power or mapping of them."
        )
    ends = [(name, *curve.curve.edges_s[[0, -1]], 0.0) for name, curve in curves.items()]
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
    used = Uses.of(table, job, "power_w")
    used.check_covered(intensity.edges_s, f"the intensity of {intensity.zone}")
    steps = intensity.steps
    if isinstance(pue, Pue):
        used.check_covered(pue.edges_s, "the PUE")
        steps = intensity.steps * pue  # on the edges of both
    elif not isinstance(pue, int | float):  # NumPy's floats are floats
        raise TypeError(f"pue of type {type(pue).__name__} is no number; over time it is a Pue.")
    elif not (math.isfinite(pue) and pue >= 1):
        raise ValueError(f"PUE, column 'pue': {pue!r} {PUE_RULE}")
    pieces = steps.pieces(used.start_s, used.stop_s)
    use, edges_s = pieces.interval, steps.edges_s[:-1]
    where = intensity.steps.located(edges_s).place[pieces.place]
    ratio = (
        np.asarray(pue.at(edges_s))[pieces.place]
        if isinstance(pue, Pue)
        else np.full(use.size, float(pue))
    )
    power_w = used.power_w[use]
    if not isinstance(uses, pd.DataFrame):
        curves = [uses] if isinstance(uses, Power) else list(uses.values())
        ends = np.searchsorted(use, np.arange(len(curves) + 1))  # rows stand use by use
        for curve, first, last in zip(curves, ends[:-1], ends[1:], strict=True):
            part = slice(first, last)
            power_w[part] = curve.curve.mean(pieces.start_s[part], pieces.stop_s[part])
    return _electricity(used, pieces, power_w, intensity, where, ratio)


def _electricity(
    used: Uses,
    pieces: Pieces,
    power_w: NDArray,
    intensity: Intensity,
    where: NDArray,
    pue: NDArray,
) -> Account:
    use, start_s, stop_s = pieces.interval, pieces.start_s, pieces.stop_s
    rows = pd.DataFrame(
        {
            "job": _names(used.job, use),
            "item": _names(used.item, use),
            "scope": _name(SCOPE_OF_KIND[intensity.kind], use.size),
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
    return pd.Categorical.from_codes(codes[use], pd.Index(found))


def _name(name: str, count: int) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(np.zeros(count, dtype=np.int8), pd.Index([name]))


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
    used = Uses.of(uses, job)
    cores = np.full(len(uses), device.resources) if used.cores is None else used.cores
    for row in np.flatnonzero(cores > device.resources * (1 + 1e-12)).tolist():
        raise bad_cell(
            "uses", used.index[row], "cores", cores[row], f"must be <= {device.resources:g}, what "
            f"{device.name} has."
        )  # fmt: skip
    length_s = used.stop_s - used.start_s
    for row in np.flatnonzero(length_s > device.lifetime_s).tolist():
        raise bad_cell(
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
        groups = self.rows.groupby(list(columns), sort=False, observed=True, dropna=False)
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
            for row in np.flatnonzero(~(self.rows[column] == product)).tolist():
                raise bad_cell(
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
