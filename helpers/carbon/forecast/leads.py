"""Leads of forecasts: which are judged, merged, averaged; what all that is about them shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Forecasts, Intensity, same_kind
from helpers.timeline import Times, epoch_seconds

__all__ = ["leads_between", "merge_leads"]


def leads_between(forecasts: Forecasts, from_s: float, to_s: float) -> Forecasts:
    """Return the forecasts of the leads from `from_s` to `to_s` [s], both edges of leads.

    Raises
    ------
    ValueError
        If one of the two is no edge, or no lead lies between them.
    """
    edges_s = forecasts.lead_edges_s
    for lead_s in (from_s, to_s):
        if lead_s not in edges_s:
            raise ValueError(
                f"lead {lead_s:g} s is none of the edges {edges_s[0]:g} to {edges_s[-1]:g} s."
            )
    first, last = np.searchsorted(edges_s, [from_s, to_s])
    if first >= last:
        raise ValueError(f"no lead lies between {from_s:g} and {to_s:g} s.")
    return replace(
        forecasts,
        lead_edges_s=edges_s[first : last + 1],
        intensity_g_per_kwh=forecasts.intensity_g_per_kwh[:, first:last],
    )


def merge_leads(forecasts: Forecasts, count: int) -> Forecasts:
    """Average every `count` neighbouring leads, so that errors of longer steps can be told.

    Raises
    ------
    ValueError
        If `count` does not divide the number of leads.
    """
    values = forecasts.intensity_g_per_kwh
    if count < 1 or values.shape[1] % count:
        raise ValueError(f"count(={count}) must divide the {values.shape[1]} leads.")
    lengths_s = np.diff(forecasts.lead_edges_s)
    starts = np.arange(0, lengths_s.size, count)
    weighted = np.add.reduceat(values * lengths_s, starts, axis=1)
    return replace(
        forecasts,
        lead_edges_s=np.append(forecasts.lead_edges_s[starts], forecasts.lead_edges_s[-1]),
        intensity_g_per_kwh=weighted / np.add.reduceat(lengths_s, starts),
    )


def asked(issued: Times, lead_edges_s: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return issue times [epoch s] and edges of leads [s] as arrays."""
    return np.atleast_1d(epoch_seconds(issued)), np.asarray(lead_edges_s, dtype=np.float64)


def forecasts_of(
    of: Intensity, issued_s: NDArray, edges_s: NDArray, values: NDArray, name: str
) -> Forecasts:
    """Return values of each issue and lead as forecasts of a curve, the name behind its source."""
    return Forecasts(issued_s, edges_s, values, of.kind, of.zone, f"{of.source}, {name}")


def means_at_leads(truth: Intensity, issued_s: NDArray, edges_s: NDArray) -> NDArray[np.float64]:
    """Return what came at each issue and lead [g CO2e/kWh], shape (issues, leads)."""
    starts_s = issued_s[:, None] + edges_s[:-1]
    return np.asarray(truth.mean(starts_s, issued_s[:, None] + edges_s[1:]))


def judged(
    forecasts: Forecasts, truth: Intensity, keep: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which issues are judged, and what came at each of their leads."""
    same_kind(forecasts, truth)
    issued_s, edges_s = forecasts.issued_s, forecasts.lead_edges_s
    if keep is None:
        keep = (issued_s >= truth.edges_s[0]) & (issued_s + edges_s[-1] <= truth.edges_s[-1])
    if not np.any(keep):
        raise ValueError(
            f"no forecast is left to judge: {forecasts!r} against {truth!r}; load what came."
        )
    return np.asarray(keep), means_at_leads(truth, issued_s[keep], edges_s)


def even_step_s(edges_s: NDArray) -> float:
    """Return the length of every lead [s], or refuse uneven ones."""
    lengths_s = np.diff(edges_s)
    if np.ptp(lengths_s) > 1e-6:
        raise ValueError(
            f"leads of {lengths_s.min():g} to {lengths_s.max():g} s are uneven; errors are told "
            "and made for leads of equal length."
        )
    return float(lengths_s[0])
