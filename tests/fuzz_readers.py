"""Break files and read them: a clean result, or one sentence of our own.

Each input is a good file of a reader's format with a few things broken: flipped bits, cuts, joined or
swapped lines, fields that are huge, empty or of another script, another encoding, another end of
lines, a compressed file that is cut.  A reader may read it or refuse it with a sentence that names
the file; what comes out of a library, a warning, or a row that is neither read nor skipped is a
finding::

    python tests/fuzz_readers.py --inputs 20000
    python tests/fuzz_readers.py --inputs 500 --reader sacct --seed 7

A finding is told with the seed that makes its input again, and `--keep` writes the input to a folder.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import lzma
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
PACKAGE = str(ROOT / "helpers")

# --- What is read ---------------------------------------------------------------------------------

SWF = """\
; Version: 2.2
; UnixStartTime: 1400749079
; TimeZoneString: Europe/Luxembourg
; MaxProcs: 2004
""" + "".join(
    f"{i} {i * 60} {i % 7} {100 + i} {1 + i % 8} -1 -1 {1 + i % 8} 3600 -1 1 {i % 5} 1 -1 1 1 -1 -1\n"
    for i in range(1, 30)
)
GAIA = "arrival_time,length,cpus,status\n" + "".join(
    f"{i * 0.5},{1 + i % 4},{1 + i % 3},COMPLETED\n" for i in range(20)
)
SMI = "timestamp, index, power.draw [W]\n" + "".join(
    f"2024/05/31 13:00:{i:02}.100, 0, {250 + i}.50 W\n" for i in range(40)
)
SMI_ALL = "timestamp, power.draw [W]\n" + "".join(
    f"2024/10/27 02:{i // 2:02}:00.{i % 2}, {250 + i}.50 W\n" for i in range(60)
)
TABLE = "time,power_w\n" + "".join(
    f"2024-05-31T13:00:{i:02}.5+02:00,{50 + i}.25\n" for i in range(40)
)
EXTERNAL = "".join(f"{50_000 + i}\n" for i in range(60)) + "1720910444.0\n1720910447.0\n"
DAY_AHEAD = "datetime,carbon_intensity_actual,avg_carbon_intensity_forecast\n" + "".join(
    f"2022-07-{1 + i // 24:02} {i % 24:02}:00:00,{200 + i}.5,{210 + i}.25\n" for i in range(72)
)
RECORDING = (
    "{first}\n"
    '# meter: "nvml"\n# interval_s: 0.05\nepoch_s,elapsed_s,gpu0_power_w,gpu0_energy_j\n'
    + "".join(f"{1720910444 + i * 0.05:.4f},{i * 0.05:.6f},100,{5 * i:.3f}\n" for i in range(40))
    + "# samples: 40\n# stop_epoch_s: 1720910446.0\n"
)


@dataclass(frozen=True)
class Reader:
    """A reader under test: a good file, how to call it, and whether its rows can be counted."""

    name: str
    room: str
    good: bytes
    read: Callable[[Path, str], Any]  # path, "raise" or the word for leaving bad rows out
    lenient: str = ""  # that word, where the reader has one
    rows: Callable[[Any, bytes], tuple[int, int]] | None = None  # told, and in the file


def _fixture(*parts: str) -> bytes:
    return FIXTURES.joinpath(*parts).read_bytes()


def _plain(data: bytes) -> list[str] | None:
    """Return the lines that hold something; None where lines are not what they seem."""
    from helpers.files import plain_lines, text_lines

    try:
        return [line for line in text_lines(plain_lines(data).decode()) if line.strip()]
    except ValueError:
        return None


def _count(header: int, comment: str = "") -> Callable[[Any, bytes], tuple[int, int]]:
    """Return how to count rows that were read or skipped, and rows in the file."""

    def count(log: Any, data: bytes) -> tuple[int, int]:
        lines = _plain(data) or []
        rows = [line for line in lines if not (comment and line.lstrip().startswith(comment))]
        return len(log) + len(log.skipped), len(rows) - header

    return count


def _count_sacct(log: Any, data: bytes) -> tuple[int, int]:
    """Count jobs, their steps, and what was skipped."""
    from helpers.files import plain_lines, text_lines

    lines = text_lines(plain_lines(data).decode())
    given = lines[0].lower().split("|")
    where = given.index("jobidraw" if "jobidraw" in given else "jobid")
    bad = set(log.skipped["line"])
    rows = [(place, line) for place, line in enumerate(lines[1:], 2) if line]
    steps = sum(place not in bad and "." in line.split("|")[where] for place, line in rows)
    return len(log) + len(log.skipped) + steps, len(rows)


def _count_table(log: Any, data: bytes) -> tuple[int, int]:
    """Count the rows below the line of names; rows that were skipped before stand above it."""
    lines = _plain(data) or []
    above = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    before = sum(line.startswith("# skipped:") for line in lines[:above])
    return len(log) + len(log.skipped) - before, len(lines) - above - 1


def _jobs() -> Iterator[Reader]:
    from helpers import jobs

    clock = {"time_zone": "Europe/Berlin"}
    for name in ("sacct", "sacct_epoch", "sacct_offset"):
        good = _fixture("slurm", f"{name}.txt")
        yield Reader(
            name,
            "jobs",
            b"".join(good.splitlines(keepends=True)[:40]),
            lambda path, errors: jobs.read_sacct(path, errors=errors, **clock),
            "skip",
            _count_sacct,
        )
    yield Reader(
        "swf",
        "jobs",
        SWF.encode(),
        lambda path, errors: jobs.read_swf(path, errors=errors),
        "skip",
        _count(0, ";"),
    )
    yield Reader(
        "gaia",
        "jobs",
        GAIA.encode(),
        lambda path, errors: jobs.read_gaia_csv(path, time_unit="h", errors=errors),
        "skip",
        _count(1),
    )
    clouds: dict[str, Callable[[Path, str], Any]] = {
        "azure_v1_vmtable": lambda path, errors: jobs.read_azure(path, version=1, errors=errors),
        "azure_v2_vmtable": lambda path, errors: jobs.read_azure(path, version=2, errors=errors),
        "google_2019": lambda path, errors: jobs.read_google_2019(path, errors=errors),
        "alibaba_2018_batch_task": lambda path, errors: jobs.read_alibaba_2018(
            path, plan_per="instance", errors=errors
        ),
    }
    for name, read in clouds.items():
        good = _fixture("jobs", f"{name}.csv")
        rows = _count(1 if name == "google_2019" else 0)
        yield Reader(name, "jobs", good, read, "skip", rows)
    pai = [FIXTURES / "jobs" / f"pai_{table}_table.csv" for table in ("job", "task")]
    yield Reader(
        "pai_job",
        "jobs",
        pai[0].read_bytes(),
        lambda path, errors: jobs.read_alibaba_pai(path, pai[1], errors=errors),
        "skip",
    )
    yield Reader(
        "pai_task",
        "jobs",
        pai[1].read_bytes(),
        lambda path, errors: jobs.read_alibaba_pai(pai[0], path, errors=errors),
        "skip",
    )
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "table.csv")
        jobs.write_csv(jobs.read_swf(io.StringIO(SWF)), written)
        table = written.read_bytes()
    yield Reader(
        "jobs_table",
        "jobs",
        table,
        lambda path, errors: jobs.read_csv(path, errors=errors),
        "skip",
        _count_table,
    )


def _carbon() -> Iterator[Reader]:
    from helpers.carbon import sources

    def of(name: str, good: bytes, read: Callable[[Path], Any]) -> Reader:
        return Reader(name, "carbon", good, lambda path, errors: read(path))

    for name in ("electricity_maps_older", "electricity_maps_portal"):
        yield of(
            name,
            _fixture("carbon", f"{name}.csv"),
            lambda path: sources.read_electricity_maps_csv(path, fill_previous="3h"),
        )
    yield of(
        "entsoe_long",
        _fixture("carbon", "entsoe_long.csv"),
        lambda path: sources.read_entsoe_csv(path, day_first=True),
    )
    yield of("entsoe_wide", _fixture("carbon", "entsoe_wide.csv"), sources.read_entsoe_csv)
    yield of(
        "entsoe_xml",
        _fixture("carbon", "entsoe_a75.xml"),
        lambda path: sources.parse_entsoe_xml(path.read_bytes(), path.name),
    )
    yield of(
        "factors", _fixture("carbon", "factors.csv"), lambda path: sources.read_factors(path, "one")
    )
    yield of(
        "watttime",
        _fixture("carbon", "watttime_part_1.csv"),
        lambda path: sources.read_watttime_csv(path, unit="kg/kWh", zone="X", source="fuzz.txt"),
    )
    yield of(
        "day_ahead",
        DAY_AHEAD.encode(),
        lambda path: sources.read_day_ahead_csv(path, zone="X", source=path.name, time_zone="UTC"),
    )
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "grid.csv")
        portal = FIXTURES / "carbon" / "electricity_maps_older.csv"
        sources.write_csv(
            sources.read_electricity_maps_csv(portal, fill_previous="3h"), written, time_zone="UTC"
        )
        grid = written.read_bytes()
    yield of("intensity", grid, sources.read_csv)


def _power() -> Iterator[Reader]:
    from helpers import power
    from helpers.power.record import FIRST_LINE
    from helpers.power.recording import read_samples

    def of(name: str, good: str, read: Callable[[Path, str], Any]) -> Reader:
        return Reader(name, "power", good.encode(), read, "keep")

    recording = RECORDING.format(first=FIRST_LINE)
    yield of("recording", recording, lambda path, errors: power.read_recording(path, errors=errors))
    yield of("samples", recording, lambda path, errors: read_samples(path, errors=errors))
    yield of("external", EXTERNAL, lambda path, errors: power.read_external(path, errors=errors))
    yield of(
        "nvidia_smi",
        SMI,
        lambda path, errors: power.read_nvidia_smi(path, time_zone="Europe/Berlin", errors=errors),
    )
    yield of(
        "nvidia_smi_all",
        SMI_ALL,
        lambda path, errors: power.read_nvidia_smi(
            path, time_zone="Europe/Berlin", gpu="all", errors=errors
        ),
    )
    yield of("table", TABLE, lambda path, errors: power.read_csv(path, errors=errors))
    yield of(
        "events",
        TABLE.replace("power_w", "event"),
        lambda path, errors: power.read_csv(_table(path), events=path, errors=errors),
    )


def _table(beside: Path) -> Path:
    """Return a good table of power in the folder of a broken file of events."""
    path = beside.with_name("table.csv")
    path.write_text(TABLE)
    return path


def _phases() -> Iterator[Reader]:
    from helpers.phases import files
    from helpers.phases.model import generic_ml

    writers = {"yaml": files.write_yaml, "csv": files.write_csv}
    readers = {"yaml": files.read_yaml, "csv": files.read_csv}
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in writers.items():
            path = Path(folder, f"model.{kind}")
            write(generic_ml(), path)
            read = readers[kind]
            yield Reader(
                f"phases_{kind}", "phases", path.read_bytes(), lambda path, errors, r=read: r(path)
            )


def _work() -> Iterator[Reader]:
    from helpers.work.files import read_recipe

    good = _fixture("cluster", "workload.yaml")
    (FIXTURES / "cluster" / "nightly.yaml").exists()  # the recipe names it

    def read(path: Path, errors: str) -> Any:
        beside = path.with_name("nightly.yaml")
        if not beside.exists():
            beside.write_bytes(_fixture("cluster", "nightly.yaml"))
        return read_recipe(path)

    yield Reader("recipe", "work", good, read)


def readers() -> list[Reader]:
    """Return every public reader of files."""
    return [*_jobs(), *_carbon(), *_power(), *_phases(), *_work()]


# --- What is broken -------------------------------------------------------------------------------

WORDS = (
    "", " ", "-1", "0", "nan", "inf", "1e999", "1e308", "-1e308", "9" * 25, "9" * 5000,
    str(2**64 - 2), str(2**32 - 2), str(2**63), "1_00", "١٢٣", "１", "0x10", "1,5", "½", "None",
    "Unknown", "INVALID", "2300-01-01T00:00:00", "9999-12-31T23:59:59", "1717160400000",
    "2024-03-31T02:30:00", "2024-10-27T02:30:00", "0000-00-00", '"', "'", "a\u2028b", "\x00", "\x0c",
    "\ufeff", "é" * 300, "{", "[]", "!!python/object:os.system", "&a", "*a", ";", "#", "|", "=",
    "cpu=4,energy=1e5", "999-23:59:59", "2982616-04:14:00", "16384P", "16.00?", "1e-320",
)  # fmt: skip
SEPARATORS = "|,; \t:="


def _flip(rng: np.random.Generator, data: bytes) -> bytes:
    found = bytearray(data)
    for at in rng.integers(0, max(len(found), 1), rng.integers(1, 4)):
        if found:
            found[at] ^= 1 << int(rng.integers(8))
    return bytes(found)


def _cut(rng: np.random.Generator, data: bytes) -> bytes:
    return data[: int(rng.integers(0, len(data) + 1))]


def _lines(change: Callable[[np.random.Generator, list[bytes]], list[bytes]]) -> Any:
    def changed(rng: np.random.Generator, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(change(rng, lines)) if lines else data

    return changed


def _some(rng: np.random.Generator, lines: list[bytes]) -> int:
    return int(rng.integers(len(lines)))


def _join(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    at = _some(rng, lines)
    return [*lines[:at], lines[at].rstrip(b"\r\n"), *lines[at + 1 :]]


def _drop(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    at = _some(rng, lines)
    return lines[:at] + lines[at + 1 :]


def _double(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    at, to = _some(rng, lines), _some(rng, lines)
    return [*lines[:to], lines[at], *lines[to:]]


def _swap(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    a, b = _some(rng, lines), _some(rng, lines)
    lines = list(lines)
    lines[a], lines[b] = lines[b], lines[a]
    return lines


def _word(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    """Put another word in the place of a field."""
    at = _some(rng, lines)
    text = lines[at].decode("utf-8", "replace")
    separator = max(SEPARATORS, key=text.count)
    end = text[len(text.rstrip("\r\n")) :]
    fields = text.rstrip("\r\n").split(separator)
    fields[int(rng.integers(len(fields)))] = WORDS[int(rng.integers(len(WORDS)))]
    return [*lines[:at], (separator.join(fields) + end).encode(), *lines[at + 1 :]]


def _ends(rng: np.random.Generator, data: bytes) -> bytes:
    return data.replace(b"\n", (b"\r\n", b"\r", b"\r\r\n", b"\n\n")[int(rng.integers(4))])


def _some_ends(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    ends = (b"\n", b"\r\n", b"\r")
    return [line.rstrip(b"\r\n") + ends[int(rng.integers(3))] for line in lines]


def _insert(rng: np.random.Generator, data: bytes) -> bytes:
    at = int(rng.integers(0, len(data) + 1))
    return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at:]


CHANGES = (
    _flip,
    _cut,
    *map(_lines, (_join, _drop, _double, _swap, _word, _word, _word, _word, _some_ends)),
    _ends,
    _insert,
)
# The hour of packing is no part of an input.
WRAPS = (partial(gzip.compress, mtime=0), bz2.compress, lzma.compress, zstandard.compress)
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1")


def broken(good: bytes, rng: np.random.Generator) -> tuple[bytes, bytes | None]:
    """Return a broken file, and what its text is where that can be known."""
    data = good
    for _ in range(int(rng.integers(1, 4))):
        data = CHANGES[int(rng.integers(len(CHANGES)))](rng, data)
    text: bytes | None = data
    kind = rng.random()
    if kind < 0.1:
        encoding = ENCODINGS[int(rng.integers(len(ENCODINGS)))]
        return data.decode("utf-8", "replace").encode(encoding, "replace"), None
    if kind < 0.3:
        data = WRAPS[int(rng.integers(len(WRAPS)))](data)
        if rng.random() < 0.7:
            data, text = (_cut, _flip)[int(rng.integers(2))](rng, data), None
    return data, text


# --- What is right --------------------------------------------------------------------------------


def wrong(reader: Reader, data: bytes, text: bytes | None, folder: Path) -> str:
    """Return what is wrong with how a reader takes a file; nothing if nothing is."""
    path = folder / "fuzz.txt"
    path.write_bytes(data)
    for errors in ("raise", reader.lenient) if reader.lenient else ("raise",):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                result = reader.read(path, errors)
            except Exception as error:
                found = _foreign(error, path)
                if found:
                    return found
                result = None
        for warning in said:
            if warning.category is not UserWarning or path.name not in str(warning.message):
                return f"{errors}: warning {warning.category.__name__}: {warning.message}"
        if result is not None and errors == "skip" and reader.rows and text is not None:
            told, there = reader.rows(result, text)
            if told != there and b"\0" not in text:
                return f"{told} rows are read or skipped, and the file has {there}"
    return ""


def _foreign(error: Exception, path: Path) -> str:
    """Return why an error is no sentence of ours: another's, or without the file's name."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    what = f"{type(error).__name__} at {place}: {str(error)[:200]}"
    ours = last.filename.startswith(PACKAGE) and "raise" in (last.line or "")
    if not ours:
        within = [f for f in frames if f.filename.startswith(PACKAGE)]
        at = f" (called at {Path(within[-1].filename).name}:{within[-1].lineno})" if within else ""
        return f"no sentence of ours: {what}{at}"
    if not isinstance(error, ValueError):
        return f"no ValueError: {what}"
    if path.name not in str(error) and "pai_" not in str(error):  # the other of two files
        return f"without the file's name: {what}"
    return ""


def fuzz(
    inputs: int,
    seed: int,
    only: str = "",
    keep: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[Counter[str], dict[str, tuple[str, int]]]:
    """Return how many inputs each reader was given, and each kind of finding with its first seed."""
    chosen = [reader for reader in readers() if only in (reader.name, reader.room, "")]
    if not chosen:
        raise SystemExit(
            f"{only!r} is no reader and no room: use one of {[r.name for r in readers()]}."
        )
    given: Counter[str] = Counter()
    findings: dict[str, tuple[str, int]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(inputs):
            reader = chosen[number % len(chosen)]
            own = seed * 1_000_000 + number
            data, text = broken(reader.good, np.random.default_rng(own))
            if number and number % 1000 == 0:
                say(f"{number} inputs")
            given[reader.name] += 1
            found = wrong(reader, data, text, Path(temporary))
            kind = f"{reader.name}: {found.split(': ')[0]} {found.split(' at ')[-1][:40]}"
            if found and kind not in findings:
                findings[kind] = (f"{reader.name} ({reader.room}): {found}", own)
                say(f"seed {own}: {findings[kind][0]}")
                if keep is not None:
                    (keep / f"{reader.name}_{own}").write_bytes(data)
    return given, findings


def main(arguments: list[str] | None = None) -> int:
    """Fuzz the readers; return 1 if something was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=2000, help="how many broken files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", default="", help="one reader or room; all by default")
    parser.add_argument("--keep", type=Path, help="folder for the inputs of findings")
    given = parser.parse_args(arguments)
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    say = partial(print, flush=True)  # a long run that is stopped has told what it found
    counts, findings = fuzz(given.inputs, given.seed, given.reader, given.keep, say)
    print(f"{sum(counts.values())} inputs, {len(counts)} readers, {len(findings)} findings")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
