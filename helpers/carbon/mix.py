"""Carbon intensity of a generation mix: generation by type, weighted with emission factors."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from helpers.carbon.signal import Intensity
from helpers.carbon.tables import intensity_from_steps, read_table
from helpers.timeline import Duration, duration_seconds, epoch_seconds, utc_times

__all__ = [
    "PRODUCTION_TYPES",
    "STORAGE",
    "generation_at",
    "intensity_from_mix",
    "rated_generation",
    "read_factors",
]

#: ENTSO-E's codes (psrType) and names of production types.
PRODUCTION_TYPES: Mapping[str, str] = {
    "B01": "Biomass",
    "B02": "Fossil Brown coal/Lignite",
    "B03": "Fossil Coal-derived gas",
    "B04": "Fossil Gas",
    "B05": "Fossil Hard coal",
    "B06": "Fossil Oil",
    "B07": "Fossil Oil shale",
    "B08": "Fossil Peat",
    "B09": "Geothermal",
    "B10": "Hydro Pumped Storage",
    "B11": "Hydro Run-of-river and poundage",
    "B12": "Hydro Water Reservoir",
    "B13": "Marine",
    "B14": "Nuclear",
    "B15": "Other renewable",
    "B16": "Solar",
    "B17": "Waste",
    "B18": "Wind Offshore",
    "B19": "Wind Onshore",
    "B20": "Other",
    "B25": "Energy storage",
}
#: Types that return electricity generated before, which was already counted then.
STORAGE = ("Energy storage", "Hydro Pumped Storage")


def read_factors(path: str | os.PathLike, name: str) -> dict[str, float]:
    """Read one named set of emission factors; sets are never mixed.

    Parameters
    ----------
    path : path
        CSV file with columns `factor_set`, `production_type`, `intensity_g_per_kwh` and any
        others (a reference, say).
    name : str
        Which `factor_set`.

    Returns
    -------
    dict
        Factor [g CO2e/kWh] of each production type.

    Raises
    ------
    ValueError
        If the set is not in the file, names a type twice, or a factor is missing or negative.
    """
    table = read_table(path)
    table.require("factor_set", "production_type", "intensity_g_per_kwh")
    values = table.intensities("intensity_g_per_kwh", "g/kWh", "average")
    sets, types = table.columns["factor_set"], table.columns["production_type"]
    factors: dict[str, float] = {}
    for row in [row for row, factor_set in enumerate(sets) if factor_set == name]:
        if types[row] in factors:
            raise table.error(row, "production_type", f"occurs twice in {name!r}; keep one.")
        if np.isnan(values[row]):
            raise table.error(row, "intensity_g_per_kwh", "is no factor; give a number.")
        factors[types[row]] = float(values[row])
    if not factors:
        raise ValueError(
            f"{table.name} has no factor set {name!r}, only {', '.join(sorted(set(sets)))}."
        )
    return factors


# Eight parameters: the table, its factors, and what a table of generation does not say of itself.
def intensity_from_mix(
    generation_mw: pd.DataFrame,
    factors: Mapping[str, float],
    *,
    zone: str,
    source: str = "generation mix",
    step: Duration | None = None,
    storage: Collection[str] = STORAGE,
    absent: Collection[str] = (),
    fill_previous: Duration | None = None,
) -> Intensity:
    """Compute the average intensity of a generation mix.

    Parameters
    ----------
    generation_mw : DataFrame
        Mean generation [MW] of each step (tz-aware index of starts) and production type
        (columns).
    factors : mapping
        Emission factor [g CO2e/kWh] of each production type, all from one factor set.
    zone, source
        As in `Intensity`.
    step : duration, optional
        Length of the table's steps, by default the shortest distance of two. For hourly
        intensity average the *generation* over hours first, not the intensity.
    storage : collection of str
        Types to leave out: what storage returns was counted when it was generated.
    absent : collection of str
        Types for which a missing value means that there is no such plant: 0 MW.
    fill_previous : duration, optional
        Longest gap to fill with the intensity before it; a step is also missing if a type is.

    Returns
    -------
    Intensity
        Of kind average. What was set to 0 or filled is counted in its `source`.

    Raises
    ------
    ValueError
        If a type has no factor or is reported in longer steps than the table's (average all over
        those by `generation_at`), nothing is generated in a step, or steps are missing.

    Notes
    -----
    intensity = sum(generation x factor) / sum(generation), production-based: imports are not
    in it. Negative generation (a plant's own consumption) counts as 0.
    """
    table = rated_generation(generation_mw, factors, storage)
    _refuse_longer_steps(table.sort_index(), zone)
    no_plant = [name for name in absent if name in table]
    table = table.fillna(dict.fromkeys(no_plant, 0.0)).astype(np.float64)
    negative = int((table < 0).to_numpy().sum())
    if negative:
        source += f"; {negative} negative values set to 0"
    mix = _weighted_mean(table.clip(lower=0.0), factors, zone)
    try:
        return intensity_from_steps(
            mix, kind="average", zone=zone, source=source, step=step, fill_previous=fill_previous
        )
    except ValueError as error:
        lacking = ", ".join(f"{name} {n}" for name, n in table.isna().sum().items() if n)
        if not lacking:
            raise
        raise ValueError(
            f"{error} Values missing: {lacking}; a type that has no plant then goes in `absent`."
        ) from error


def _refuse_longer_steps(table: pd.DataFrame, zone: str) -> None:
    """Refuse types reported hourly in a quarter-hourly table: filled, or taken for 0, they mislead."""
    steps_s = {str(name): _step_s(values, 0.9) for name, values in table.items()}
    table_s = _step_s(table)
    longer = [name for name, step_s in steps_s.items() if step_s > table_s]
    if longer:
        raise ValueError(
            f"{', '.join(longer)} in {zone} reported in steps of {steps_s[longer[0]]:g} s, in a "
            f"table of {table_s:g} s: average all over the longest by generation_at()."
        )


def _step_s(values: pd.Series | pd.DataFrame, share: float = 0.0) -> float:
    """Usual distance of the rows that hold values [s]; 0 if less than a share of rows has it."""
    distances_s = np.diff(epoch_seconds(values.dropna(how="all").index))
    if not distances_s.size:
        return 0.0
    usual_s = float(np.median(distances_s))
    return usual_s if (distances_s == usual_s).mean() >= share else 0.0


def generation_at(generation_mw: pd.DataFrame, step: Duration) -> pd.DataFrame:
    """Average generation over longer steps, whatever steps each type is reported in.

    Parameters
    ----------
    generation_mw : DataFrame
        Mean generation [MW]: tz-aware starts of steps, a column for each production type. A type
        reported hourly in a quarter-hourly table has three empty rows in four.
    step : duration
        Length of the new steps, a multiple of every type's own.

    Returns
    -------
    DataFrame
        Mean generation [MW] on multiples of `step` since 1970-01-01T00:00Z; NaN where not all of
        a type's own steps in it are known.

    Raises
    ------
    ValueError
        If `step` is no multiple of a type's own.
    """
    step_s = duration_seconds(step)
    columns = {}
    for name, values in generation_mw.sort_index().items():
        own_s = _step_s(values)
        known = values.dropna()
        if not own_s:
            columns[name] = known
            continue
        if step_s % own_s:
            raise ValueError(
                f"step(={step!r}) must be a multiple of the {own_s:g} s in which {name} is "
                "reported; give a longer one."
            )
        start_s = np.floor(epoch_seconds(known.index) / step_s) * step_s
        groups = known.groupby(utc_times(start_s))
        columns[name] = groups.mean().where(groups.size() == step_s / own_s)
    return pd.DataFrame(columns)


def rated_generation(
    generation_mw: pd.DataFrame, factors: Mapping[str, float], storage: Collection[str] = STORAGE
) -> pd.DataFrame:
    """Leave out storage and make sure that every other type has an emission factor.

    Parameters
    ----------
    generation_mw : DataFrame
        Generation [MW]; columns are production types.
    factors : mapping
        Emission factor [g CO2e/kWh] of each production type.
    storage : collection of str
        Types to leave out.

    Returns
    -------
    DataFrame
        The other columns, as they were.

    Raises
    ------
    ValueError
        If a type has no factor.
    """
    table = generation_mw.drop(columns=[name for name in storage if name in generation_mw])
    unknown = [str(name) for name in table.columns if name not in factors]
    if unknown:
        raise ValueError(
            f"no emission factor for {', '.join(unknown)}; the set has {', '.join(factors)}: "
            "add a factor, or leave the type out by name (storage)."
        )
    return table


def _weighted_mean(table: pd.DataFrame, factors: Mapping[str, float], zone: str) -> pd.Series:
    """Mean factor [g/kWh] of each row, weighted with its generation; NaN where one is missing."""
    total = table.sum(axis=1, skipna=False)
    idle = total.index[total == 0]
    if len(idle):
        raise ValueError(
            f"nothing was generated in {zone} at {idle[0].isoformat()} and {len(idle) - 1} other "
            "steps; set these steps to NaN (missing) or cut them off."
        )
    weights = pd.Series(factors, dtype=np.float64)[table.columns]
    return table.mul(weights, axis=1).sum(axis=1) / total
