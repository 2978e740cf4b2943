"""Which carbon intensity is known for a zone and a window, and which one was used.

In this order: a file that the user names; what was measured, where the embedded years cover the
window; a service that forecasts the zone; the typical hours of the embedded years (`climatology`). Whatever is used is said, and so is what failed before it. When
nothing is known, `UnknownIntensityError` says so; whoever asks then runs by the last moment, or at
once, and never waits for an answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from helpers import datasets
from helpers.carbon.climatology import Climatology
from helpers.carbon.electricity_maps import read_electricity_maps_csv
from helpers.carbon.gb import fetch_gb, intensity_from_gb
from helpers.carbon.own import read_csv
from helpers.carbon.signal import Intensity
from helpers.carbon.web import ServiceError
from helpers.timeline import Times, epoch_seconds

__all__ = ["FILE", "FORECASTS", "Known", "UnknownIntensityError", "known"]

FILE = "your file"
"""What the description of an intensity from a user's own file begins with."""

Used = Literal["file", "service", "measured", "climatology"]


class UnknownIntensityError(RuntimeError):
    """Nothing is known about a zone in a window; the message says what was tried."""


@dataclass(frozen=True, eq=False)
class Known:
    """An intensity and where it comes from.

    Parameters
    ----------
    intensity : Intensity
        Over the window that was asked for.
    used : {"file", "measured", "service", "climatology"}
        Which source it is.
    failed : tuple of str
        What was tried before, and why it was of no use.
    """

    intensity: Intensity
    used: Used
    failed: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return in words what was used, and what failed before."""
        words = {
            "file": FILE,
            "measured": "what was measured",
            "service": "a forecast service",
            "climatology": "typical hours of past years, not a forecast",
        }[self.used]
        told = f"{words} ({self.intensity.source})"
        return told + "".join(f"; {reason}" for reason in self.failed)


def _gb(start_s: float, stop_s: float, timeout_s: float) -> Intensity:
    table = fetch_gb(start_s - 1800.0, stop_s + 1800.0, conflict="last", timeout=timeout_s)
    return intensity_from_gb(table, "forecast_g_per_kwh", fill_previous="1h")


FORECASTS: Mapping[str, Callable[[float, float, float], Intensity]] = {"GB": _gb}
"""Zones that a service forecasts without a key: window [s], time-out [s] -> intensity."""


def _file(path: str) -> Intensity:
    """Read a file of any of the known kinds, told apart by what it holds."""
    tried = []
    for read in (read_csv, read_electricity_maps_csv):
        try:
            return read(path)
        except ValueError as error:
            tried.append(str(error))
    raise ValueError(
        f"{os.path.basename(path)} is no intensity in a known form: {tried[0]} Write it with "
        "helpers.carbon.own.write_csv()."
    )


def known(
    zone: str,
    start: Times,
    stop: Times,
    *,
    file: str | None = None,
    service: bool = True,
    cut: bool = True,
    timeout_s: float = 5.0,
) -> Known:
    """Return the best that is known of a zone's intensity over a window.

    Parameters
    ----------
    zone : str
        Grid zone, such as "DE".
    start, stop : instant
        The window.
    file : path, optional
        A file of the user's; when it is given, nothing else is used.
    service : bool
        Whether to ask a service on the network.
    cut : bool
        Whether a file is cut to the window, which it must then cover.
    timeout_s : float
        How long to wait for it [s].

    Raises
    ------
    UnknownIntensityError
        If nothing is known.
    ValueError
        If the file is none, or does not cover the window.
    """
    start_s, stop_s = float(epoch_seconds(start)), float(epoch_seconds(stop))
    if file is not None:
        signal = _file(file)
        return Known(signal.window(start_s, stop_s) if cut else signal, "file")
    failed: list[str] = []
    measured = _measured(zone, start_s, stop_s)
    if measured is not None:
        return Known(measured, "measured")
    if service and zone in FORECASTS:
        try:
            signal = FORECASTS[zone](start_s, stop_s, timeout_s)
            if signal.edges_s[-1] < stop_s:  # a forecast reaches a day or two ahead
                signal = _usual(zone).extend(signal, stop_s)
            return Known(signal.window(start_s, stop_s), "service")
        except (ServiceError, ValueError) as error:
            failed.append(f"the forecast failed: {error}")
    try:
        return Known(_typical(zone, start_s, stop_s), "climatology", tuple(failed))
    except (ValueError, FileNotFoundError) as error:
        failed.append(str(error))
    raise UnknownIntensityError(
        f"nothing is known of zone {zone!r}: "
        + "; ".join(failed)
        + ". Name a file of its intensity."
    )


def _measured(zone: str, start_s: float, stop_s: float) -> Intensity | None:
    """The embedded years of a zone, if they cover the window."""
    try:
        curve = datasets.carbon_intensity(zone, None)
    except ValueError:
        return None
    covered = curve.edges_s[0] <= start_s < stop_s <= curve.edges_s[-1]
    return curve.window(start_s, stop_s) if covered else None


def _typical(zone: str, start_s: float, stop_s: float) -> Intensity:
    return _usual(zone).forecast(start_s, stop_s)


def _usual(zone: str) -> Climatology:
    return Climatology.of(datasets.carbon_intensity(zone, None), datasets.time_zone(zone))
