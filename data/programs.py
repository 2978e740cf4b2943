"""Generate the stored tables of small programs: drawn, compiled, measured, and what was learned.

``python data/programs.py PART --work DIR`` does one part; needs JAX (extra `programs`).

=============  ===================================================================
part           what it does
=============  ===================================================================
`generate`     draws programs and operators that run alone, compiles and measures
               each; takes up where it was interrupted, one file a program in DIR
`again`        compiles and measures all anew, in another process: the faster counts
`check`        measures a sample once more: what differs then is noise
`tables`       reads the graphs and writes `data/programs/*.parquet`
`trials`       tries every model on seen programs and on unseen families
`intervals`    judges intervals and flags
`models`       fits the predictors that come with the package
`network`      trains the graph network and tries it in the same way (extra `learn`)
`registry`     records what was written
`resident`     measures what memory the largest ones take
=============  ===================================================================

Run times are those of the fastest call, of one thread: pin the process to a core that nothing else
uses, as in ``taskset -c 1 python data/programs.py generate --work DIR``. With ``--count 60`` so
many programs are drawn, to see the whole chain at work in a copy of the repository: the tables
that it writes are those of the chapter.
"""

from __future__ import annotations

import argparse
import bz2
import gc
import json
import multiprocessing as mp
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from helpers.predict.programs import ProgramPredictor, Programs
    from helpers.predict.programs.trial import Fit

PROGRAMS = 1_400  # drawn; a quarter of each family
ALONE = 210  # operators that run alone; as many of each kind
SMALL_OF = 60  # programs of which small ones are measured, too
PARTS = (4, 8)  # of the batch
CHECKED = 80  # programs, drawn at random, that are measured once more
BATCH = 60  # programs that are measured in turn: half a minute lies between first and last visit
ROUNDS = 8  # visits to each
ROUND_S = 0.012  # CPU time of a visit [s]; two calls at least
MOST_FLOPS = 4e9  # one call of a small program; what has more is not measured
SEED = 17
DRAWS = 5  # of the fifth of a family that is known
SIZES = (64, 128, 256, 512, 1024)  # known programs of learning curves
EPOCHS = 20  # of the graph network
RESIDENT = 24  # programs whose memory is measured: the largest
COUNT = "count.txt"  # how many programs are drawn, in the folder of what is in between
INSIDE = "hybrid, settings chosen inside"  # is tried on seen programs alone
HERE = Path(__file__).resolve().parent / "programs"
FACTS = ("argument_bytes", "output_bytes", "temporary_bytes", "flops", "lower_s", "compile_s")
TIMES = ("run_s", "round_s", "median_s", "wall_s", "repeats")


def one_thread() -> None:
    """Start this script again so that a program has one thread and memory that it keeps.

    The C library gives large blocks back to the system at every call, which then takes the time of
    touching new pages, or not, depending on what ran before: told once, it keeps them.
    """
    from helpers.predict.programs.describe import ONE_THREAD

    tuned = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184"
    wanted = {"XLA_FLAGS": ONE_THREAD, "JAX_PLATFORMS": "cpu", "GLIBC_TUNABLES": tuned}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable, *sys.argv])


def plan(work: Path) -> dict[int, tuple]:
    """Return what is measured: number -> program, number of the full one, parts of its batch.

    What is an operator alone, and no program, has 0 parts.
    """
    from helpers.predict.programs.families import alone, downsized, draw

    count = int((work / COUNT).read_text()) if (work / COUNT).exists() else PROGRAMS
    drawn = {number: draw(number, SEED) for number in range(count)}
    todo = {number: (program, number, 1) for number, program in drawn.items()}
    full = [n for n, program in drawn.items() if program.batch >= PARTS[-1]]
    for number in full[: -(-SMALL_OF * count // PROGRAMS)]:
        for parts in PARTS:
            todo[len(todo)] = (downsized(drawn[number], parts), number, parts)
    for number in range(-(-ALONE * count // PROGRAMS)):
        todo[len(todo)] = (alone(number, SEED), len(todo), 0)
    return todo


def keep_count(work: Path, count: int) -> None:
    """Write down how many programs are drawn; what is in a folder already stays as it is.

    Raises
    ------
    SystemExit
        If the folder holds another number of programs.
    """
    kept = int((work / COUNT).read_text()) if (work / COUNT).exists() else count
    if kept != count:
        sys.exit(f"{work} is for {kept} programs, not {count}: give another folder, --work.")
    (work / COUNT).write_text(str(count))


def part_generate(work: Path) -> None:
    """Compile and measure every program that has no file yet."""
    from helpers.files import write_whole

    write_whole(work / "machine.json", json.dumps(machine(), indent=1))
    missing = {n: p for n, p in plan(work).items() if not (work / f"{n:05d}.json.bz2").exists()}
    for some in batches(list(missing.items())):
        for record in measured(some):
            path = work / f"{record['number']:05d}.json.bz2"
            write_whole(path, json.dumps(record))  # compressed, since its name ends in .bz2
        print(some[-1][0], f"{time.process_time():.0f} s", flush=True)


def part_again(work: Path) -> None:
    """Compile and measure everything a second time, in another process."""
    once_more(work / "again.jsonl", [r["number"] for r in records(work) if "run_s" in r])


def part_check(work: Path) -> None:
    """Compile and measure a sample once more: what then differs is noise."""
    programs = plan(work)
    there = [r["number"] for r in records(work) if "run_s" in r and programs[r["number"]][2]]
    sample = np.random.default_rng(SEED).choice(there, min(CHECKED, len(there)), replace=False)
    once_more(work / "check.jsonl", sample.tolist())


def once_more(path: Path, numbers: list[int]) -> None:
    """Compile and measure programs anew, those that have no line yet."""
    done = {record["number"] for record in lines(path)}
    programs = plan(path.parent)
    for some in batches([(n, programs[n]) for n in numbers if n not in done]):
        with path.open("a", encoding="utf-8") as file:
            for record in measured(some):
                kept = {n: record[n] for n in ("number", *TIMES)}
                file.write(json.dumps(kept) + "\n")
        print(some[-1][0], f"{time.process_time():.0f} s", flush=True)


def part_resident(work: Path) -> None:
    """Measure what memory a call of the largest programs takes, each in a process of its own."""
    from helpers.predict.programs.describe import ONE_THREAD

    os.environ |= {
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": ONE_THREAD,
    }
    size = {r["number"]: r["output_bytes"] + r["temporary_bytes"] for r in records(work)}
    rows = []
    for number in sorted(size, key=lambda n: -size[n])[:RESIDENT]:
        with mp.get_context("spawn").Pool(1) as pool:
            rows.append({"program": number, "said_bytes": size[number]})
            rows[-1]["resident_bytes"] = pool.apply(resident_bytes, (number, work))
    save("resident.csv", pd.DataFrame(rows))


def resident_bytes(number: int, work: Path) -> int:
    """Return by how much one call of a program raises what its process holds [bytes].

    Its arguments are there before; its results and all that is between come with the call. Blocks
    of the C library go back to the system at once (``MALLOC_MMAP_THRESHOLD_=65536``), or memory of
    an earlier call would be used again unseen.
    """
    import jax

    from helpers.predict.programs.describe import compile_program
    from helpers.predict.programs.families import build

    function, arguments = build(plan(work)[number][0])
    call = compile_program(function, *arguments).call
    given = jax.block_until_ready(jax.device_put(arguments))
    result = jax.block_until_ready(call(*given))  # loads what every first call loads
    status = Path("/proc/self/status")

    def held(name: str) -> int:
        return int(status.read_text().partition(f"{name}:")[2].split()[0]) * 1024

    del result
    gc.collect()
    before = held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    jax.block_until_ready(call(*given))
    return held("VmHWM") - before


def batches(todo: list) -> Iterator[list]:
    """Yield what is compiled, and then measured, together."""
    import jax

    for start in range(0, len(todo), BATCH):
        yield todo[start : start + BATCH]
        jax.clear_caches()  # what was compiled stays in memory otherwise


def measured(some: list[tuple[int, tuple]]) -> list[dict]:
    """Return the records of some programs, measured in rounds.

    A neighbour on the machine slows everything down by a half for a part of a second. So each
    program is visited again and again, seconds apart, and its fastest call counts.
    """
    from helpers.predict.programs.describe import compile_program, measure
    from helpers.predict.programs.families import build

    found, calls = [], []
    for number, (program, full, parts) in some:
        function, arguments = build(program)
        compiled = compile_program(function, *arguments)
        record = {"number": number, "full": full, "parts": parts, "program": asdict(program)}
        record |= {name: value for name, value in vars(compiled).items() if name != "call"}
        loops = program.length if program.family == "recurrent" else 1
        if compiled.flops * loops <= MOST_FLOPS:
            calls.append((record, compiled.call, arguments, []))
        found.append(record)
    for _ in range(ROUNDS):
        for _, call, arguments, rounds in calls:
            rounds.append(measure(call, *arguments, budget_s=ROUND_S, most=100, least=2))
    for record, _, _, rounds in calls:
        fastest = np.array([one.run_s for one in rounds])
        # The clock of a process runs behind on a busy machine, by up to a factor of five: a wall
        # does not, and the fastest of many calls is one that nothing disturbed.
        wall_s = min(one.wall_s for one in rounds)
        record |= {"run_s": wall_s, "repeats": sum(one.repeats for one in rounds)}
        record |= {"median_s": np.median([one.median_s for one in rounds])}
        record |= {"round_s": np.median(fastest), "wall_s": wall_s, "cpu_s": fastest.min()}
    return found


def part_tables(work: Path) -> None:
    """Read the graphs of what was generated; write the three tables."""
    from helpers.files import write_whole
    from helpers.predict.programs.families import Program
    from helpers.predict.programs.graph import operators

    again = {record["number"]: record for record in lines(work / "again.jsonl")}
    check = {record["number"]: record["run_s"] for record in lines(work / "check.jsonl")}
    facts, rows, edges = [], [], []
    for record in records(work):
        if "run_s" not in record:  # more than a small program computes
            continue
        number = record["number"]
        found, between = operators(record["lowered"])
        rows.append(found.assign(program=number))
        edges.append(between.assign(program=number))
        keep = {name: record[name] for name in ("full", "parts", *FACTS)}
        keep |= asdict(Program(**record["program"]))
        second = again.get(number, {"run_s": np.inf})
        fastest = min(record, second, key=lambda one: one["run_s"])  # what disturbs only adds
        keep |= {name: fastest[name] for name in TIMES}
        keep |= {"first_s": record["run_s"], "second_s": second["run_s"]}
        facts.append({"program": number} | keep | {"check_s": check.get(number, np.nan)})
    tables = {"programs": pd.DataFrame(facts).replace(np.inf, np.nan)}
    tables |= {"operators": pd.concat(rows), "edges": pd.concat(edges)}
    HERE.mkdir(exist_ok=True)
    for name, table in tables.items():
        for column in table.select_dtypes("int64"):
            if table[column].max() < 2**31:
                table[column] = table[column].astype("int32")
        path = HERE / f"{name}.parquet"
        table.to_parquet(path, index=False, compression="zstd", compression_level=19)
        print(f"{name}: {len(table)} rows, {path.stat().st_size} bytes", flush=True)
    told = json.loads((work / "machine.json").read_text())
    rows = [{"what": what, "value": value} for what, value in flat(told)]
    write_whole(HERE / "machine.csv", pd.DataFrame(rows).to_csv(index=False))


def main_programs() -> tuple[Programs, np.ndarray]:
    """Return the programs at full size, and their run times [s]."""
    from helpers import datasets

    known = datasets.programs()
    full = known.select(known.facts["parts"].to_numpy() == 1)
    return full, full.run_s


def fitting(name: str) -> Fit:
    """Return what fits a model by name."""
    from helpers.predict.programs import MODELS

    kind, said = MODELS[name]
    return lambda known, truth: kind.fit(known, truth, **said)


def save(name: str, table: pd.DataFrame, decimals: int = 4) -> None:
    """Write a table, its numbers rounded."""
    from helpers.files import write_whole

    text = table.round(decimals).to_csv(index=False, lineterminator="\n")
    write_whole(HERE / name, text)  # compressed, if its name ends in .bz2
    print(f"{name}: {len(table)} rows", flush=True)


def part_trials(work: Path) -> None:
    """Try every model on seen programs, unseen families and those plus a fifth; learning curves."""
    from helpers import datasets
    from helpers.predict.programs import MODELS
    from helpers.predict.programs.trial import by_small_runs, curve, seen

    known, run_s = main_programs()
    said = pd.DataFrame({"program": known.facts.index, "family": known.families, "run_s": run_s})
    curves = []
    for name in MODELS:
        fit = fitting(name)
        said[f"run_s|seen|{name}"] = seen(fit, known, run_s)
        if name != INSIDE:
            said = said.assign(**unseen_by(name, fit))
            sizes = [n for n in SIZES if n <= 0.8 * len(known)]
            curves.append(curve(fit, known, run_s, sizes).assign(model=name))
            said[f"memory_bytes|seen|{name}"] = seen(fit, known, known.memory_bytes)
        print(name, f"{time.process_time():.0f} s", flush=True)
    said.to_parquet(work / "said.parquet")
    keep_scores(scored(said.assign(memory_bytes=known.memory_bytes)))
    save("curves.csv", pd.concat(curves))
    every = datasets.programs()
    every = every.select(every.facts["parts"].to_numpy() > 0)
    save("small.csv", by_small_runs(fitting("hybrid"), every).reset_index(), 7)


def unseen_by(name: str, fit: Fit) -> dict[str, np.ndarray]:
    """Return what a model says of families of which it knows nothing, a fifth, or operators."""
    from helpers import datasets
    from helpers.predict.programs.trial import unseen

    known, run_s = main_programs()
    told = {f"run_s|unseen|{name}": unseen(fit, known, run_s)}
    for draw in range(DRAWS):
        told[f"run_s|fifth|{name}|{draw}"] = unseen(fit, known, run_s, 0.2, draw)
    if "table" not in name:  # an author says nothing of an operator alone
        every = datasets.programs()
        both = every.select(every.facts["parts"].to_numpy() < 2)
        of = np.flatnonzero(both.facts["parts"].to_numpy() == 1)
        told[f"run_s|operators|{name}"] = unseen(fit, both, both.run_s)[of]
    return told


def part_network(work: Path) -> None:
    """Train the graph network, keep its weights, and try it in the same way; a quarter hour.

    Without PyTorch it says so: what was stored of the network stays.
    """
    from helpers.predict.programs.network import Network, torch_modules
    from helpers.predict.programs.trial import seen, unseen

    try:
        torch_modules()
    except ModuleNotFoundError as error:
        print(f"the graph network stays as it was: {error}", flush=True)
        return
    known, run_s = main_programs()
    said = pd.DataFrame({"family": known.families, "run_s": run_s}, known.facts.index)
    fit = partial(Network.fit, epochs=EPOCHS)
    said["run_s|seen|graph network"] = seen(fit, known, run_s, 4)
    print(f"seen {time.process_time():.0f} s", flush=True)
    said["run_s|fifth|graph network"] = unseen(fit, known, run_s, 0.2)
    print(f"fifth {time.process_time():.0f} s", flush=True)
    said["run_s|unseen|graph network"] = unseen(fit, known, run_s)
    keep_scores(scored(said))
    net = fit(known, run_s)
    np.savez_compressed(HERE / "network.npz", kinds=np.array(net.kinds), **net.weights)


def keep_scores(new: pd.DataFrame) -> None:
    """Write scores beside those of models that are not among them, which stay as they are."""
    kept = pd.read_csv(HERE / "scores.csv") if (HERE / "scores.csv").exists() else new.head(0)
    save("scores.csv", merged(kept, new))


def merged(kept: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return scores of all models: of each the new ones, or, where there are none, those kept."""
    others = kept[~kept["model"].isin(new["model"])]
    return pd.concat([table for table in (new, others) if len(table)], ignore_index=True)


def scored(said: pd.DataFrame) -> pd.DataFrame:
    """Return mean and median percentage error by target, trial, model and family.

    Of several draws it is the mean over them, and `low` and `high` are the least and largest mean.
    """
    from helpers.predict.programs.trial import percentage_errors

    rows = []
    for column in (name for name in said.columns if "|" in name):
        target, trial, model = column.split("|")[:3]
        there = said[said[column].notna()]
        off = percentage_errors(there[target].to_numpy(), there[column].to_numpy())
        for family in ("all", *said["family"].unique()):
            errors = off[(there["family"] == family).to_numpy() | (family == "all")]
            row = {"target": target, "trial": trial, "model": model, "family": family}
            row |= {"mean": errors.mean(), "median": np.median(errors), "programs": len(errors)}
            rows.append(row)
    one = pd.DataFrame(rows).groupby(["target", "trial", "model", "family"], sort=False)
    table = one.agg(
        mean=("mean", "mean"),
        median=("median", "mean"),
        programs=("programs", "first"),
        low=("mean", "min"),
        high=("mean", "max"),
        draws=("mean", "size"),
    )
    return table.reset_index()


def part_intervals(work: Path) -> None:
    """Judge intervals and flags: on programs left out, and on families never seen."""
    from helpers.predict.programs import fit
    from helpers.predict.programs.predictor import folds

    known, _ = main_programs()
    rows = []
    for out in folds(len(known), 5, seed=2):
        rows.append(judged(fit(known.select(~out)), known.select(out), "seen"))
    for family in np.unique(known.families):
        out = known.families == family
        rows.append(judged(fit(known.select(~out)), known.select(out), "unseen"))
        print(family, f"{time.process_time():.0f} s", flush=True)
    save("intervals.csv.bz2", pd.concat(rows), 9)


def judged(predictor: ProgramPredictor, out: Programs, trial: str) -> pd.DataFrame:
    """Return intervals and flags of programs that were left out, and what came."""
    said = predictor.predict(out)
    said = said.assign(trial=trial, family=out.families, run_s=out.run_s)
    return said.rename_axis("program").reset_index()


def part_models(work: Path) -> None:
    """Fit the predictors that come with the package, to all programs; and their unit costs."""
    from helpers.predict.programs import MODELS, fit

    known, run_s = main_programs()
    for target in ("run_s", "memory_bytes"):
        fit(known, target=target).save(HERE / f"{target}.json.bz2")
    model = MODELS["cost model"][0].fit(known, run_s).costs
    parts = model.explain(known.amounts)
    shares = parts.div(parts.sum(axis=1), axis=0)
    table = shares.groupby(known.families).mean().T.rename_axis("kind").reset_index()
    save("shares.csv", table[table.drop(columns="kind").max(axis=1) > 0.001], 5)
    units = model.seconds[model.seconds > 0].rename("seconds").reset_index()
    save("costs.csv", units.assign(base_s=model.base_s), 15)


def part_registry(work: Path) -> None:
    """Record what lies in `data/` in its registry."""
    from derive import write_registry  # beside this file, which Python looks at first

    write_registry(HERE.parent)


def records(work: Path) -> Iterator[dict]:
    """Yield what was generated, in order."""
    for path in sorted(work.glob("*.json.bz2")):
        yield json.loads(bz2.decompress(path.read_bytes()))


def lines(path: Path) -> list[dict]:
    """Return the records of a file of lines; none if it is not there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def flat(told: dict, before: str = "") -> Iterator[tuple[str, object]]:
    """Yield what is said of a machine, one fact at a time."""
    for what, value in told.items():
        if isinstance(value, dict):
            yield from flat(value, f"{what} ")
        else:
            yield before + what, " ".join(value) if isinstance(value, list) else value


def machine() -> dict:
    """Return what programs are measured on."""
    import jax

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    told = {key.strip(): value.strip() for key, value in told.items()}
    caches = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = (index / "type").read_text().strip()
        caches[f"L{(index / 'level').read_text().strip()} {kind}"] = (
            (index / "size").read_text().strip()
        )
    return {
        "processor": told.get("model name"),
        "family": f"{told.get('cpu family')} model {told.get('model')}",
        "flags": [f for f in ("avx2", "avx512f", "avx512_bf16") if f in told.get("flags", "")],
        "mhz": told.get("cpu MHz"),
        "caches": caches,
        "system": platform.system(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "xla_flags": os.environ["XLA_FLAGS"],
        "malloc": os.environ["GLIBC_TUNABLES"],
    }


def main() -> None:
    """Do one part."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parts = {n.removeprefix("part_"): f for n, f in globals().items() if n.startswith("part_")}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is in between")
    parser.add_argument(
        "--count", type=int, help=f"programs that are drawn; {PROGRAMS} unless told"
    )
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.count is not None:
        keep_count(options.work, options.count)
    if options.part in ("generate", "again", "check"):
        one_thread()
    parts[options.part](options.work)


if __name__ == "__main__":
    main()
