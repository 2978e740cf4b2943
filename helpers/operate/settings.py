"""Which setting, and when? Predicted runs in all their settings and start hours, in three costs.

A *setting* is one way to do the same work: another GPU, batch size or power limit, another size of
a program. `what_if_settings` takes what is predicted of each, lets each start in each hour that is
allowed, and says which choices no other beats in finish, energy and grams at once.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from helpers.carbon.signal import Intensity
from helpers.stats import frontier
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds

__all__ = ["what_if_settings"]


def what_if_settings(
    predicted: pd.DataFrame,
    intensity: Intensity,
    release: Times,
    *,
    within: Duration | None = "24h",
    step: Duration = "1h",
    rest_w: float = 0.0,
    times: float = 1.0,
) -> pd.DataFrame:
    """Return the choices of setting and start, and which are on the frontier.

    Parameters
    ----------
    predicted : DataFrame
        One row a setting: ``time_s`` [s] and ``power_w`` [W], and whatever else tells it apart;
        with ``time_s_high`` and ``doubt`` where they are known, as
        `helpers.predict.machines.Machines.predict` gives them.
    intensity : Intensity
        What is expected of the grid, until the last start has ended.
    release : instant
        Earliest start.
    within, step : duration
        Latest start after it, None for a start at once alone; and between two starts.
    rest_w : float
        Power of the rest of the machine while it runs [W].
    times : float
        How often the work that was predicted is done: epochs, steps.

    Returns
    -------
    DataFrame
        The columns of `predicted`, times `times`, and ``start_s``, ``finish_s``, at the latest
        ``finish_s_high`` if the interval is known [epoch s], ``energy_j`` of the whole machine
        [J], ``emissions_g`` [g CO2e], and ``frontier``. What is in doubt or not predicted is in
        the table and never on the frontier.

    Raises
    ------
    ValueError
        If nothing is predicted, a value is out of range, or the intensity ends too early.
    """
    if not len(predicted):
        raise ValueError("predicted holds no setting: give one row a setting.")
    if not (math.isfinite(rest_w) and rest_w >= 0):
        raise ValueError(f"rest_w(={rest_w}) must be finite and >= 0 W.")
    if not (math.isfinite(times) and times > 0):
        raise ValueError(f"times(={times}) must be finite and > 0.")
    within_s = 0.0 if within is None else duration_seconds(within)
    step_s = duration_seconds(step)
    release_s = float(epoch_seconds(release))
    starts_s = release_s + np.arange(0.0, within_s + 1e-6, step_s)
    table = predicted.loc[predicted.index.repeat(len(starts_s))].reset_index(drop=True)
    known = [name for name in ("time_s", "time_s_low", "time_s_high") if name in table]
    table[known] = times * table[known]
    table["start_s"] = np.tile(starts_s, len(predicted))
    for end in ("", "_high"):
        if f"time_s{end}" in table:
            table[f"finish_s{end}"] = table["start_s"] + table[f"time_s{end}"]
    whole_w = (table["power_w"] + rest_w).to_numpy(np.float64)
    told = np.isfinite(table["time_s"].to_numpy(np.float64)) & np.isfinite(whole_w)
    # Of the GPU alone, times one, was predicted; what follows is of the whole work and machine.
    table = table.drop(columns=table.filter(regex="^energy_j").columns)
    table["energy_j"] = whole_w * table["time_s"]
    start, stop = (table[name].to_numpy()[told] for name in ("start_s", "finish_s"))
    grams = np.full(len(table), np.nan)
    grams[told] = intensity.emissions_g(start, stop, whole_w[told])
    table["emissions_g"] = grams
    sure = told & ~_doubted(table)
    best = np.zeros(len(table), dtype=np.bool_)
    best[sure] = frontier(table.loc[sure, ["finish_s", "energy_j", "emissions_g"]])
    return table.assign(frontier=best)


def _doubted(table: pd.DataFrame) -> np.ndarray:
    if "doubt" not in table:
        return np.zeros(len(table), dtype=np.bool_)
    return (table["doubt"].fillna("") != "").to_numpy()
