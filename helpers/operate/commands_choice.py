"""The command ``clean-hours what-if``: one job in every configuration that the centre allows."""

from __future__ import annotations

import argparse
import math
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.operate.backend import Backend
    from helpers.operate.queue import Queue
    from helpers.operate.rules import Resources, Rules

__all__ = ["what_if"]

Result = dict[str, Any]


def what_if(options: argparse.Namespace) -> Result:
    """Plan a job in all its configurations and say which are worth a look."""
    from helpers.operate.commands import (
        _about,
        _known,
        _window,
        job_of,
        price_of,
        request_of,
        settle,
    )
    from helpers.operate.grid import UnknownIntensityError
    from helpers.operate.whatif import configurations
    from helpers.operate.whatif import what_if as planned
    from helpers.operate.words import Answer
    from helpers.phases.suspension import Suspension

    settle(options)
    job = job_of(options)
    backend, rules, queue, warning = _centre(options)
    if options.price_per_core_hour is not None:
        rules = rules.with_price(options.price_per_core_hour)
    longest_s = options.stretch * job.duration_s + options.margin
    release_s, deadline_s = _window(options, longest_s)
    try:
        source = _known(options, release_s, deadline_s)
    except UnknownIntensityError as error:
        raise Answer(3, f"{error} Nothing is left to choose by but time and price.") from None
    pauses = job.work_profile.checkpoints_s.size > 0
    found = planned(
        configurations(
            job,
            request_of(options, job),
            rules,
            cores=options.try_cores or (),
            parallel=options.parallel,
            stretch=options.stretch,
        ),
        rules,
        source.intensity,
        release_s,
        deadline_s,
        queue=queue,
        suspension=Suspension(keep="checkpoints") if pauses else None,
        stretch=options.stretch,
        margin_s=options.margin,
        source=source.describe(),
        zone=options.zone,
    )
    found = replace(found, plans=tuple(price_of(options, plan) for plan in found.plans))
    rows = _rows(found, backend)
    refused = [{"request": _words(asked), "why": why} for asked, why in found.refused]
    return {
        "plans": rows,
        "refused": refused,
        "intensity": _about(source),
        "warning": warning,
        "text": _text(rows, refused),
    }


def _centre(
    options: argparse.Namespace,
) -> tuple[Backend | None, Rules, Queue | None, str]:
    """The scheduler that can be asked, the rules, the present queue, and what failed."""
    from helpers.operate.backend import SchedulerError
    from helpers.operate.commands_jobs import backend_of
    from helpers.operate.rules import read_rules

    if options.rules and options.on is None and shutil.which("sbatch") is None:
        return None, read_rules(options.rules), None, ""
    backend = backend_of(options)
    rules = read_rules(options.rules) if options.rules else backend.rules()
    try:
        return backend, rules, backend.queue(), ""
    except SchedulerError as error:
        return backend, rules, None, f"no wait is known: {error}"


def _rows(found: Any, backend: Backend | None) -> list[dict[str, Any]]:
    """One row a plan, the cleanest first, with what it is best at and what the scheduler says."""
    from helpers.operate.backend import SchedulerError

    if not found.plans:
        return []
    best: dict[str, list[str]] = {}
    for name, plan in found.best().items():
        best.setdefault(plan.id, []).append(name)
    by_id = {plan.id: plan for plan in found.plans}
    rows = []
    for row in found.to_frame().to_dict("records"):
        plan = by_id[row["plan"]]
        said = ""
        if backend is not None and plan.resources is not None:
            try:
                backend.trial(plan.resources)
                said = "accepted"
            except SchedulerError as error:
                said = f"refused: {error}" if error.sure else "no answer"
        rows.append(
            {
                "plan": plan.id,
                "partition": row["partition"],
                "qos": row["qos"],
                "nodes": row["nodes"],
                "cores": row["cores"],
                "start_s": float(plan.schedule.start_s[0]),
                "finish_s": float(plan.schedule.stop_s[-1]),
                "pauses": row["pauses"],
                "wait_s": plan.expected.wait_s.expected,
                "emissions_g": row["emissions_g"],
                "cost": None if math.isnan(row["cost"]) else row["cost"],
                "frontier": bool(row["frontier"]),
                "best": best.get(plan.id, []),
                "scheduler": said,
            }
        )
    return rows


def _words(asked: Resources) -> str:
    place = f"{asked.cores} cores on {asked.nodes} nodes of {asked.partition}"
    return f"{place}, QoS {asked.qos}" if asked.qos else place


def _text(rows: list[dict[str, Any]], refused: list[dict[str, str]]) -> str:
    from helpers.operate.commands_jobs import _table
    from helpers.operate.words import lasting, local

    if not rows:
        why = "; ".join(f"{one['request']}: {one['why']}" for one in refused[:3])
        return f"No configuration is valid. {why}"
    shown = [
        {
            "": "*" if row["frontier"] else "",
            "partition": row["partition"],
            "qos": row["qos"],
            "cores": row["cores"],
            "start": local(row["start_s"]),
            "finish": local(row["finish_s"]),
            "pauses": row["pauses"],
            "wait": "" if row["wait_s"] is None else lasting(row["wait_s"]),
            "g CO2e": row["emissions_g"],
            "price": row["cost"],
            "best": ", ".join(row["best"]),
            "scheduler": row["scheduler"].split(":")[0],
        }
        for row in rows
    ]
    lines = [_table(shown), "* no other one is at least as early, as cheap and as clean."]
    if refused:
        lines.append(f"{len(refused)} others break a rule, such as {refused[0]['request']}:")
        lines.append(f"  {refused[0]['why']}")
    return "\n".join(lines)
