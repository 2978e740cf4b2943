"""The commands of ``clean-hours operator``: for those who run a cluster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.operate.grid import Known
    from helpers.operate.operator import Wall

__all__ = ["hours", "keep", "lua", "resume", "suspend", "table"]

Result = dict[str, Any]

_TABLE_GOOD_S = 86400.0
"""How long a table is trusted [s]."""


def _ahead(options: argparse.Namespace) -> tuple[Known, float, float]:
    """What is expected of the grid from the present hour on."""
    import time

    from helpers.operate.commands import _known

    start_s = 3600.0 * (time.time() // 3600)
    stop_s = start_s + 3600.0 * max(1, options.ahead // 3600)
    return _known(options, start_s, stop_s), start_s, stop_s


def _walls(options: argparse.Namespace) -> tuple[tuple[Wall, ...], Known]:
    from helpers.operate.operator import walls_over

    source, start_s, stop_s = _ahead(options)
    found = walls_over(
        source.intensity, start_s, stop_s, share=options.share, longest_s=options.longest
    )
    return found, source


def _unknown(error: Exception) -> Exception:
    from helpers.operate.words import Answer

    return Answer(3, f"{error} Nothing is walled, moved or suspended by what nobody knows.")


def hours(options: argparse.Namespace) -> Result:
    """Tell which hours would be walled."""
    from helpers.operate.commands import _about
    from helpers.operate.grid import UnknownIntensityError
    from helpers.operate.words import lasting, local

    try:
        found, source = _walls(options)
    except UnknownIntensityError as error:
        raise _unknown(error) from None
    lines = [
        f"{local(w.start_s)} to {local(w.stop_s)} ({lasting(w.stop_s - w.start_s)})" for w in found
    ]
    return {
        "walls": [{"start_s": w.start_s, "stop_s": w.stop_s} for w in found],
        "intensity": _about(source),
        "text": "\n".join([*lines, f"Intensity: {source.describe()}."]),
    }


def keep(options: argparse.Namespace) -> Result:
    """Let walls stand over dirty hours, suspend and resume jobs that allow it, renew the table."""
    from helpers.operate.grid import UnknownIntensityError
    from helpers.operate.operator import Operator
    from helpers.operate.operator import keep as kept

    try:
        walls, source = _walls(options)
        done = _write_table(options) if options.table else []
    except UnknownIntensityError as error:
        kept(Operator(), (), reserve=False)  # what is suspended now is resumed, all the same
        raise _unknown(error) from None
    done += kept(Operator(), walls, nodes=options.nodes, reserve=not options.no_walls)
    return {
        "done": done,
        "walls": [{"start_s": w.start_s, "stop_s": w.stop_s} for w in walls],
        "text": "\n".join(done or ["All is as it should be."]),
        "warning": f"intensity: {source.describe()}",
    }


def _write_table(options: argparse.Namespace) -> list[str]:
    import time

    from helpers.files import write_whole
    from helpers.operate.operator import table_text

    source, _, _ = _ahead(options)
    text = table_text(source.intensity, good_until_s=time.time() + _TABLE_GOOD_S)
    write_whole(options.table, text)
    return [f"wrote {options.table}"]


def table(options: argparse.Namespace) -> Result:
    """Write the table from which job_submit.lua takes begin times."""
    from helpers.operate.grid import UnknownIntensityError

    try:
        done = _write_table(options)
    except UnknownIntensityError as error:
        raise _unknown(error) from None
    return {"table": options.table, "text": done[0]}


def lua(options: argparse.Namespace) -> Result:
    """Return job_submit.lua for a table."""
    from helpers.files import write_whole
    from helpers.operate.operator import lua_text

    script = lua_text(options.table)
    if options.out:
        write_whole(options.out, script)
    return {"script": script, "text": f"Written to {options.out}." if options.out else script}


def suspend(options: argparse.Namespace) -> Result:
    """Suspend a job that its watchdog resumes at the latest."""
    from helpers.operate.operator import Operator
    from helpers.operate.plans import iso

    dog = Operator().suspend(options.job, options.until)
    text = f"Job {options.job} is suspended; job {dog} resumes it at {iso(options.until)}."
    return {"job_id": options.job, "watchdog": dog, "until_s": options.until, "text": text}


def resume(options: argparse.Namespace) -> Result:
    """Resume a job and dismiss its watchdog."""
    from helpers.operate.operator import Operator

    Operator().resume(options.job)
    return {"job_id": options.job, "text": f"Job {options.job} is resumed."}
