"""Compute how well settings of GPUs are predicted that were left out: minutes, once.

``python data/machines.py --work DIR`` writes `machines/errors.csv` from the measured tables of Zeus,
which are a download (`helpers.datasets`) and not redistributed here. Each split is kept in DIR, so
that what was interrupted goes on. Trees differ in the last digits from machine to machine: a test
computes a part of the table again and compares within a tolerance.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from helpers import datasets
from helpers.files import write_whole
from helpers.predict.machine_trials import Part, errors, parts, trial
from helpers.predict.machines import settings

HERE = Path(__file__).resolve().parent / "machines"
ALL = "all"
DRAWS = 1  # of each fifth that is drawn


def tried(measured: pd.DataFrame, part: Part, work: Path) -> pd.DataFrame:
    """Return the trial of a split, kept in the work folder."""
    path = work / f"{part.kind} {part.name} {part.seed}.csv"
    if not path.exists():
        write_whole(path, trial(measured, part).to_csv(index=False, float_format="%.6g"))
        print(path.stem, flush=True)
    return pd.read_csv(path, dtype={"doubt": str}).assign(part=path.stem)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for what is kept")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    measured = settings(datasets.power_caps())
    whole: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for part in parts(measured, DRAWS):
        own = tried(measured, part, options.work)
        for name in {part.name, ""}:
            whole.setdefault((part.kind, name or ALL), []).append(own)
    rows = [
        errors(pd.concat(own)).assign(kind=kind, left_out=name)
        for (kind, name), own in whole.items()
    ]
    table = pd.concat(rows).sort_values(["kind", "left_out", "outcome"], kind="stable")
    front = ["kind", "left_out", "model", "outcome"]
    table = table[front + [name for name in table if name not in front]]
    write_whole(HERE / "errors.csv", table.to_csv(index=False, float_format="%.4g"))
    from derive import write_registry  # beside this file, which Python looks at first

    write_registry(HERE.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
