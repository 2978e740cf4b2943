"""Write the data sheet of a campaign: what was measured, on what, how, and what it is worth.

    python -m measurements.datasheet FOLDER

The questions follow T. Gebru et al., "Datasheets for Datasets", Communications of the ACM
64(12), 2021.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.power.recording import read_calls, read_campaign
from helpers.power.runs import Run, energies, spans

__all__ = ["main", "write"]

_SIMULATED = (
    "> **Simulated.** Power was made up or the job was a stand-in: these files try the campaign "
    "out and say nothing about any machine.\n"
)


def write(folder: Path) -> Path:
    """Write ``DATASHEET.md`` into the folder of a campaign; return its path.

    Parameters
    ----------
    folder : Path
        Holds ``runs-*.tar.xz``.

    Raises
    ------
    ValueError
        If it holds none, or one that cannot be read.
    """
    calls = read_calls(folder)
    sections = [
        "# Data sheet: power of a training job that is stopped and resumed\n",
        *([_SIMULATED] if any(call["simulated"] for call in calls) else []),
        _composition(_campaign(folder, calls)),
        _collection(calls),
        _uses(),
        _files(folder),
    ]
    path, temporary = folder / "DATASHEET.md", folder / ".DATASHEET.md.tmp"
    temporary.write_text("\n".join(sections), encoding="utf-8")
    os.replace(temporary, path)
    return path


def _campaign(folder: Path, calls: list[dict[str, Any]]) -> dict[str, dict[str, dict[int, Run]]]:
    """Read the runs of every channel."""
    columns = {
        "nvml": [f"gpu{g['index']}" for g in calls[0]["device"].get("nvml", {}).get("gpus", [])],
        "rapl": list(calls[0]["device"].get("rapl", {}).get("packages", {})),
        "simulated": ["simulated0"],
    }
    return {
        channel: read_campaign(folder, channel=channel, errors="keep")
        for meter in calls[0]["settings"]["meters"]
        for channel in columns[meter]
    }


def _composition(channels: Mapping[str, dict[str, dict[int, Run]]]) -> str:
    lines = [
        "## What is in it\n",
        "Each recording holds power over time [W], the meter's energy counter [J] where it has "
        "one, and stamped events: the program's begin and end, and each phase of the job.",
        "Energy below is from the program's begin to its end, idle included; counter is the "
        "meter's own count over the integral of power.\n",
        "| channel | experiment | runs | duration [s] | energy [J] | sd [J] | counter / integral |",
        "|---|---|---|---|---|---|---|",
    ]
    for channel, experiments in channels.items():
        for experiment, runs in experiments.items():
            table = energies(runs, "program begin", "program end")
            ratio = table.counter_j.mean() / table.energy_j.mean()  # NaN without a counter
            sd = f"{table.energy_j.std():.1f}" if len(runs) > 1 else "-"
            lines.append(
                f"| {channel} | {experiment} | {len(runs)} | {table.duration_s.mean():.2f} | "
                f"{table.energy_j.mean():.1f} | {sd} | "
                f"{ratio:.3f} |"
            )
    some = next(iter(channels.values()))
    phases = list(dict.fromkeys(spans(next(iter(some["whole"].values()))).name))
    problems = [str(p) for runs in some.values() for run in runs.values() for p in run.problems]
    lines += [
        f"\nPhases of the whole job: {', '.join(phases)}.",
        f"Problems in the recordings: {'; '.join(problems) or 'none'}.",
        f"Resumed exactly where it stopped: {_exact(some)}.\n",
    ]
    return "\n".join(lines)


def _exact(experiments: Mapping[str, dict[int, Run]]) -> str:
    """Say how many resumed jobs reached the weights of the whole job, to the last bit."""
    whole = {run.meta["digest"] for run in experiments["whole"].values()}
    resumed = [
        run.meta["digest"]
        for name in ("resume_after_checkpoint", "resume_before_checkpoint")
        for run in experiments[name].values()
    ]
    same = sum(digest in whole for digest in resumed)
    return (
        f"{same} of {len(resumed)} resumed jobs end with the very weights of a whole job; "
        f"{len(experiments['whole'])} whole jobs end with {len(whole)} different ones"
    )


def _collection(calls: list[dict[str, Any]]) -> str:
    lines = [
        "## How it was collected\n",
        "Each block holds every experiment once, in an order drawn from the seed; stop and resume "
        "follow each other. `call.json` in each archive gives the order.",
        "Settings, the same in all calls:\n",
        f"```json\n{json.dumps(calls[0]['settings'], indent=1)}\n```\n",
        f"Text: {calls[0]['text']}. Weights: initialised at random from the seed.\n",
    ]
    for number, call in enumerate(calls, start=1):
        about = ("started", "machine", "versions", "job_device", "device", "device_at_end")
        told = {name: call[name] for name in about}
        lines.append(f"Call {number}, {len(call['block_s'])} blocks:\n")
        lines.append(f"```json\n{json.dumps(told, indent=1)}\n```\n")
    return "\n".join(lines)


def _uses() -> str:
    return "\n".join(
        (
            "## What it is good for, and what not\n",
            "- Good for: what a stop and a resume cost on this machine; fitting phase models; "
            "testing methods that find phases in power.",
            "- One machine, one job, one model size: do not carry watts over to other machines.",
            "- The meters see GPU or processor only: no memory, disk, fans or power supply.",
            "- A job is resumed right after it stopped, its checkpoint still in the page cache: "
            "a resume hours later may take longer.",
            "- A machine may not come back to idle between two programs: take idle power from the "
            "idle experiment, and look at the samples before each program.",
            "- Nobody is identified: no host names, serial numbers or paths are recorded.\n",
        )
    )


def _files(folder: Path) -> str:
    lines = ["## Files\n", "| file | bytes | sha256 |", "|---|---|---|"]
    for path in sorted(folder.glob("runs-*.tar.xz")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"| {path.name} | {path.stat().st_size} | `{digest}` |")
    lines.append(
        "\nRead them with `helpers.power.read_campaign(folder)`. "
        "Licence: that of the repository they are in.\n"
    )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the data sheet of a folder given on the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the shell by default.

    Returns
    -------
    int
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m measurements.datasheet")
    parser.add_argument("folder", type=Path, help="holds runs-*.tar.xz")
    print(write(parser.parse_args(argv).folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
