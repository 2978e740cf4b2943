"""What a carbon-intensity curve is like: its day, its clean spells, what waiting could gain.

Plain functions of signals; nothing here draws or reads files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.carbon.mix import rated_generation
from helpers.carbon.signal import Forecasts, Intensity, same_kind
from helpers.timeline import duration_seconds, epoch_seconds, utc_times

__all__ = [
    "answering_generation",
    "daily_swing",
    "forecast_errors",
    "lowest_ahead",
    "lowest_within",
    "marginal_slope",
    "month_by_hour",
    "spells",
]


def month_by_hour(intensity: Intensity, time_zone: str) -> pd.DataFrame:
    """Average the intensity by month and hour of the local day.

    Parameters
    ----------
    intensity : Intensity
        Steps of at most an hour.
    time_zone : str
        IANA name of the zone whose clock counts (``Europe/Berlin``).

    Returns
    -------
    DataFrame, shape (12, 24)
        Mean intensity [g CO2e/kWh]; rows are months 1 to 12, columns hours 0 to 23; NaN for a
        month that is not covered.
    """
    local = _hourly(intensity).tz_convert(time_zone)
    index = pd.DatetimeIndex(local.index)
    cells = pd.DataFrame({"month": index.month, "hour": index.hour, "mean": local.to_numpy()})
    table = cells.pivot_table(index="month", columns="hour", values="mean")
    return table.reindex(index=range(1, 13), columns=range(24))


def daily_swing(intensity: Intensity, time_zone: str) -> pd.DataFrame:
    """Tell for each local day how far its dirtiest hour lies above its cleanest.

    Parameters
    ----------
    intensity : Intensity
        Steps of at most an hour.
    time_zone : str
        IANA name of the zone whose days count.

    Returns
    -------
    DataFrame
        One row a complete local day (23, 24 or 25 hours): ``low``, ``high`` and ``mean`` hourly
        intensity [g CO2e/kWh], ``swing`` = (high - low) / mean [1].
    """
    local = _hourly(intensity).tz_convert(time_zone)
    days = pd.DatetimeIndex(local.index).normalize()
    table = local.groupby(days).agg(["min", "max", "mean", "size"])
    table.columns = ["low", "high", "mean", "hours"]
    day = pd.DatetimeIndex(table.index)
    next_day = (day.tz_localize(None) + pd.Timedelta(days=1)).tz_localize(time_zone)
    full = (next_day - day) / pd.Timedelta(hours=1) == table.pop("hours")
    table["swing"] = (table["high"] - table["low"]) / table["mean"]
    return table[np.asarray(full)].rename_axis("day")


def spells(intensity: Intensity, threshold_g_per_kwh: float) -> pd.DataFrame:
    """Cut the curve into spells below and not below a threshold.

    Parameters
    ----------
    intensity : Intensity
        The curve.
    threshold_g_per_kwh : float
        A step is clean when it lies below this [g CO2e/kWh].

    Returns
    -------
    DataFrame
        One row a spell, in order: ``start`` (UTC), ``hours`` [h], ``clean``, and ``whole``:
        False for the first and the last spell, whose true ends are not seen.
    """
    clean = intensity.intensity_g_per_kwh < threshold_g_per_kwh
    first = np.flatnonzero(np.append(True, clean[1:] != clean[:-1]))
    edges_s = intensity.edges_s[np.append(first, clean.size)]
    whole = np.ones(first.size, dtype=bool)
    whole[[0, -1]] = False
    return pd.DataFrame(
        {
            "start": utc_times(edges_s[:-1]),
            "hours": np.diff(edges_s) / 3600,
            "clean": clean[first],
            "whole": whole,
        }
    )


def lowest_ahead(intensity: Intensity, wait_h: int) -> pd.DataFrame:
    """Tell for each hour of arrival how clean the cleanest hour is that starts within a wait.

    Parameters
    ----------
    intensity : Intensity
        The curve, known beforehand (an oracle's view).
    wait_h : int
        Longest wait [h], >= 0.

    Returns
    -------
    DataFrame
        One row an hour of the curve (UTC), but for the last `wait_h`, whose wait would leave it:
        ``now`` and ``best``, the intensity [g CO2e/kWh] at arrival and in the cleanest hour.

    Raises
    ------
    ValueError
        If the wait is negative or the curve is no longer than it.
    """
    from scipy.ndimage import minimum_filter1d

    hourly = _hourly(intensity)
    if not 0 <= wait_h < hourly.size:
        raise ValueError(
            f"a wait of {wait_h} h must lie in [0, {hourly.size - 1}] h, "
            f"within the {hourly.size} h that the curve covers."
        )
    now = hourly.iloc[: hourly.size - wait_h]
    # With this origin the filter looks ahead only: hours i to i + wait.
    best = minimum_filter1d(hourly.to_numpy(), wait_h + 1, origin=-((wait_h + 1) // 2))
    return pd.DataFrame({"now": now, "best": best[: now.size]})


def lowest_within(intensity: Intensity, waits_h: Sequence[int]) -> pd.DataFrame:
    """Tell what an hour's work could gain by waiting for the cleanest hour ahead.

    Every hour of the curve is an arrival, but for the last ``max(waits_h)``, so that each wait
    is judged on the same arrivals.

    Parameters
    ----------
    intensity : Intensity
        The curve, known beforehand (an oracle's view).
    waits_h : sequence of int
        Longest waits [h], each >= 0.

    Returns
    -------
    DataFrame
        Indexed by wait [h]: ``now`` and ``best``, the mean intensity [g CO2e/kWh] at arrival and
        in the cleanest hour that starts within the wait, and ``saving`` = 1 - best / now [1].

    Raises
    ------
    ValueError
        As `lowest_ahead`.
    """
    arrivals = len(lowest_ahead(intensity, max(waits_h)))
    means = {wait: lowest_ahead(intensity, wait).iloc[:arrivals].mean() for wait in waits_h}
    table = pd.DataFrame(means).T.rename_axis("wait_h")
    table["saving"] = 1 - table["best"] / table["now"]
    return table


def forecast_errors(
    forecasts: Forecasts, truth: Intensity, *, keep: np.ndarray | None = None
) -> pd.DataFrame:
    """Compare forecasts with what came, lead by lead, beside 'it stays as it is'.

    Parameters
    ----------
    forecasts : Forecasts
        What was forecast.
    truth : Intensity
        What came; of the same kind, covering every forecast step that is judged.
    keep : ndarray of bool, shape (n,), optional
        Which of the n issue times to judge (default: all whose steps `truth` covers).

    Returns
    -------
    DataFrame
        Indexed by lead [s], the start of the forecast step: ``mae``, ``bias`` (forecast minus
        truth) and ``rmse`` [g CO2e/kWh], ``persistence_mae`` [g CO2e/kWh] of the value at issue
        time carried forward, ``skill`` = 1 - mae / persistence_mae [1], and ``n``.

    Raises
    ------
    ValueError
        If kinds differ or `truth` does not cover a judged step.
    """
    same_kind(forecasts, truth)
    issued_s, edges_s = forecasts.issued_s, forecasts.lead_edges_s
    if keep is None:
        keep = (issued_s >= truth.edges_s[0]) & (issued_s + edges_s[-1] <= truth.edges_s[-1])
    issued_s = issued_s[keep]
    came = truth.mean(issued_s[:, None] + edges_s[:-1], issued_s[:, None] + edges_s[1:])
    error = forecasts.intensity_g_per_kwh[keep] - came
    stays = np.asarray(truth.at(issued_s))[:, None] - came
    table = pd.DataFrame(
        {
            "mae": np.abs(error).mean(axis=0),
            "bias": error.mean(axis=0),
            "rmse": np.sqrt((error**2).mean(axis=0)),
            "persistence_mae": np.abs(stays).mean(axis=0),
        },
        index=pd.Index(edges_s[:-1], name="lead_s"),
    )
    table["skill"] = 1 - table["mae"] / table["persistence_mae"]
    return table.assign(n=int(issued_s.size))


def answering_generation(generation_mw: pd.DataFrame, factors: Mapping[str, float]) -> pd.DataFrame:
    """Sum up, hour by hour, what all plants and those that answer to load generate and emit.

    Wind and sun do not answer: they generate what the weather gives, whatever is drawn. Storage
    is left out, and negative generation (a plant's own consumption) counts as 0, as in
    `helpers.carbon.sources.intensity_from_mix`.

    Parameters
    ----------
    generation_mw : DataFrame
        Mean generation [MW] of each production type (columns, named as ENTSO-E does), over whole
        hours in regular steps without a hole (tz-aware index of starts).
    factors : mapping
        Emission factor [g CO2e/kWh] of each production type.

    Returns
    -------
    DataFrame
        One row an hour: ``generation_mwh`` [MWh] and ``emissions_t`` [t CO2e] of all plants,
        ``answering_mwh`` and ``answering_t`` of those that answer to load, for `marginal_slope`.

    Raises
    ------
    ValueError
        If a type has no factor, a value is missing, or steps are irregular or too long.
    """
    table = rated_generation(generation_mw, factors)
    starts = pd.DatetimeIndex(table.index)
    steps_s = np.diff(epoch_seconds(starts))
    odd = (steps_s != steps_s.min()) | (steps_s > 3600)
    if odd.any():
        at = int(np.argmax(odd))
        raise ValueError(
            f"generation steps on by {steps_s[at]:g} s at {starts[at].isoformat()}, elsewhere "
            f"by {steps_s.min():g} s: regular steps of at most an hour are needed; fill the hole."
        )
    missing = table.isna().any(axis=1)
    if missing.any():
        raise ValueError(
            f"generation of {', '.join(table.columns[table[missing].isna().any()])} is missing in "
            f"{missing.sum()} steps from {starts[int(np.argmax(missing))].isoformat()}: fill it or drop the type."
        )
    hourly_mwh = table.clip(lower=0.0).resample("1h").mean()
    emissions_t = hourly_mwh * pd.Series(factors)[hourly_mwh.columns] / 1000
    answering = [name for name in hourly_mwh if not str(name).startswith(("Wind", "Solar"))]
    return pd.DataFrame(
        {
            "generation_mwh": hourly_mwh.sum(axis=1),
            "emissions_t": emissions_t.sum(axis=1),
            "answering_mwh": hourly_mwh[answering].sum(axis=1),
            "answering_t": emissions_t[answering].sum(axis=1),
        }
    )


def marginal_slope(generation_mwh: pd.Series, emissions_t: pd.Series) -> tuple[float, float]:
    """Estimate the mean marginal intensity from how emissions move with generation.

    The slope of hour-to-hour changes of emissions on those of generation, by least squares
    without a constant.

    Parameters
    ----------
    generation_mwh : Series
        Energy generated in each hour [MWh] by the plants that answer to load, on the index of
        `emissions_t`. With sun and wind among them the slope tells what moved, not what answers.
    emissions_t : Series
        Emissions of the same plants in each hour [t CO2e].

    Returns
    -------
    slope_g_per_kwh : float
        Marginal intensity [g CO2e/kWh].
    standard_error_g_per_kwh : float
        Its standard error [g CO2e/kWh], robust to autocorrelation over a day
        (Newey-West, 24 lags).

    References
    ----------
    A. D. Hawkes, "Estimating marginal CO2 emissions rates for national electricity systems",
    Energy Policy 38 (2010), 5977-5987, equation 1.
    """
    import statsmodels.api as sm

    steps = pd.DataFrame({"x": generation_mwh.diff(), "y": 1e6 * emissions_t.diff() / 1e3}).dropna()
    fit = sm.OLS(steps["y"], steps[["x"]]).fit(cov_type="HAC", cov_kwds={"maxlags": 24})
    return float(fit.params["x"]), float(fit.bse["x"])


def _hourly(intensity: Intensity) -> pd.Series:
    """Return the curve as hourly means in UTC; an error if its steps are longer than that."""
    longest_s = float(np.diff(intensity.edges_s).max())
    if longest_s > duration_seconds("1h") + 1e-6:
        raise ValueError(
            f"a step of {longest_s / 3600:g} h is longer than an hour: "
            "what happens within a day cannot be told from it."
        )
    hourly = intensity if longest_s >= 3600 - 1e-6 else intensity.resample("1h")
    return hourly.to_series()
