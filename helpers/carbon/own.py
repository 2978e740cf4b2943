"""An own grid as a file that people can read and write."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.carbon.tables import table_of, text_of
from helpers.files import write_whole
from helpers.timeline import check_time_zone, epoch_seconds, utc_times

__all__ = ["read_csv", "write_csv"]


def write_csv(signal: Intensity, path: str | os.PathLike, *, time_zone: str | None = None) -> None:
    """Write an intensity to a CSV file from which `read_csv` makes the same one again.

    The header tells kind, zone, source and unit; each row is the start of a step [UTC] and its
    intensity [g CO2e/kWh], the last row the end of the last step. A name that ends in ``.gz``
    is compressed.

    Parameters
    ----------
    signal : Intensity
        What to write.
    path : path
        Where to.
    time_zone : str, optional
        IANA name of the clock that people in the zone live by, kept in the header: an own grid of
        `helpers.datasets` needs it.

    Raises
    ------
    ValueError
        If the time zone is not known.
    OSError
        If the folder is missing or cannot be written; nothing is left half-written.
    """
    header = {"kind": signal.kind, "zone": signal.zone, "source": signal.source, "unit": "g/kWh"}
    if time_zone is not None:
        header["time_zone"] = check_time_zone(time_zone)
    lines = [f"# {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in header.items()]
    lines.append("start_utc,intensity_g_per_kwh")
    starts = [time.isoformat().replace("+00:00", "Z") for time in utc_times(signal.edges_s)]
    values = [*map(repr, signal.intensity_g_per_kwh.tolist()), ""]
    lines += [f"{start},{value}" for start, value in zip(starts, values, strict=True)]
    write_whole(path, "\n".join(lines) + "\n")


def read_csv(path: str | os.PathLike) -> Intensity:
    """Read an intensity that `write_csv` wrote.

    Raises
    ------
    ValueError
        If the header is incomplete, in another unit, or a time or number is wrong, naming file
        and line.
    """
    name = Path(path).name
    text = text_of(path)
    header: dict[str, Any] = {}
    after = re.search(r"^(?!#)", text, re.MULTILINE)
    before = text[: after.start()] if after else text
    for number, line in enumerate(before.split("\n")[:-1], start=1):
        key, _, value = line[1:].partition(":")
        if key.strip() in header:
            raise ValueError(f"{name}, line {number}: {key.strip()} is told twice; keep one.")
        try:
            header[key.strip()] = json.loads(value)
        except ValueError:
            raise ValueError(
                f'{name}, line {number}: {line!r} is not like # zone: "DE"; write it so.'
            ) from None
    for key in ("kind", "zone", "source", "unit"):
        if not isinstance(header.get(key), str):
            raise ValueError(f"{name}: the header tells no {key}; write it with write_csv().")
    if header["unit"] != "g/kWh":
        raise ValueError(f"{name}: unit {header['unit']!r} must be 'g/kWh'; convert the values.")
    table = table_of(text[len(before) :], name, before.count("\n"))
    table.require("start_utc", "intensity_g_per_kwh")
    times = table.times("start_utc")
    values = table.intensities("intensity_g_per_kwh", "g/kWh", header["kind"])
    for row in np.flatnonzero(np.isnan(values[:-1])).tolist():
        raise table.error(row, "intensity_g_per_kwh", "is missing; only the last row has no value.")
    if not np.isnan(values[-1]):
        raise table.error(
            -1, "intensity_g_per_kwh", "is in the last row, which ends the last step."
        )
    try:
        return Intensity(
            epoch_seconds(times), values[:-1], header["kind"], header["zone"], header["source"]
        )
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
