"""The commands that ask a replay of a log: why a job waited, and what waiting did for each user.

A scheduler keeps no reasons. So the log is replayed, under a policy that is named, on a machine
that is named, and what is told is true of that replay: it says what such a policy does with these
jobs, not what the centre's own scheduler once thought.
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.cluster.ask import Inquiry
    from helpers.decide.view import Policy
    from helpers.operate.grid import Known
    from helpers.work.workload import Workload

__all__ = ["POLICIES", "explain_job", "report_log"]

Result = dict[str, Any]

POLICIES = ("easy", "fifo", "conservative", "gated", "aware")
"""Policies that a log can be replayed under; the last two hold jobs in dirty hours, the last one
also pauses them."""

_REMEDY = "say --{} with --log: see clean-hours {} --help."


def policy_of(name: str, hold: float, pause: float) -> Policy:
    """Return a policy by its name; the shares are those of the past week that are clean."""
    from helpers.decide import CarbonEasy, Conservative, Easy, Fifo, PastQuantile

    if name in ("gated", "aware"):
        gates = [PastQuantile(hold)] + ([PastQuantile(pause)] if name == "aware" else [])
        return CarbonEasy(*gates)
    return {"easy": Easy, "fifo": Fifo, "conservative": Conservative}[name]()


def _workload(options: argparse.Namespace) -> Workload:
    from helpers.operate.commands import read_log
    from helpers.work.workload import Workload

    for name in ("cores", "per_core"):
        if getattr(options, name) is None:
            raise ValueError(_REMEDY.format(name.replace("_", "-"), options.command))
    log = read_log(options.log, options.time_zone)
    workload = Workload.from_log(
        log,
        power_w=options.per_core,
        longest_wait_s=86400.0 if options.longest_wait is None else options.longest_wait,
        start=options.start,
        errors="skip",
    )
    if workload.epoch is None:
        raise ValueError(
            f"{options.log}: nothing says when second 0 is: lay it on a day with --start 2020-06-01."
        )
    if not len(workload):
        raise ValueError(f"{options.log}: no job of it can be replayed: none has a run time.")
    return workload


def _inquiry(options: argparse.Namespace) -> tuple[Inquiry, Known]:
    """Replay a log under the policy that was asked for."""
    from helpers.cluster import replay
    from helpers.cluster.ask import Inquiry
    from helpers.decide import Easy
    from helpers.operate.commands import _known
    from helpers.work.nodes import Cluster

    workload, cluster = _workload(options), Cluster(options.cores)
    # How long a carbon-blind replay lasts, and the longest wait and run on top: no policy here
    # needs to see further, and what is not covered is an error, not a guess.
    plain, jobs = replay(workload, cluster, Easy()), workload.jobs
    slack_s = float(jobs["longest_wait_s"].max() + jobs["run_s"].max())
    first_s = workload.origin_s() + float(jobs["submit_s"].min())
    last_s = workload.origin_s() + plain.stop_s + slack_s
    source = _known(options, first_s, last_s, cut=False)
    inquiry = Inquiry(
        workload,
        cluster,
        policy_of(options.policy, options.hold, options.pause),
        intensity=source.intensity,
        time_zone=options.time_zone or "UTC",
    )
    return inquiry, source


def explain_job(options: argparse.Namespace) -> Result:
    """Say why a decision of a replay did with a job what it did."""
    from helpers.operate.commands import _about
    from helpers.operate.words import lasting

    inquiry, source = _inquiry(options)
    at_s = None if options.at is None else options.at - inquiry.clock.origin_s
    try:
        told = inquiry.why(options.plan, at_s)
    except KeyError as error:
        raise ValueError(f"{options.log}: {error.args[0]}") from None
    lines, effect = list(told.lines), None
    if options.others:
        later_s = inquiry.others(options.plan)["later_s"]
        effect = {
            "later_s": float(later_s[later_s > 0].sum()),
            "earlier_s": float(-later_s[later_s < 0].sum()),
        }
        lines.append(
            f"That it was held let others end {lasting(effect['later_s'])} later and "
            f"{lasting(effect['earlier_s'])} earlier, all together."
        )
    return {
        **told.as_dict(),
        "others": effect,
        "intensity": _about(source),
        "warning": _about_replay(inquiry, source),
        "text": "\n".join(lines),
    }


def _about_replay(inquiry: Inquiry, source: Known) -> str:
    done = inquiry.replay
    skipped = len(done.workload.skipped)
    return (
        f"replay of {len(done.workload)} jobs ({skipped} left out) under {done.policy} on "
        f"{done.cluster.cores} cores; intensity: {source.describe()}"
    )


def report_log(options: argparse.Namespace) -> Result:
    """Tell what waiting did for one user, or for all, by month of a log's replay."""
    from helpers.cluster.people import by_user_and_month, page
    from helpers.files import write_whole
    from helpers.operate.commands import _about

    if (options.user is None) != options.all_users:
        raise ValueError(
            "whose report? Say --user NAME for one person's page, which names nobody else, or "
            "--all-users if you may see them all."
        )
    inquiry, source = _inquiry(options)
    table = by_user_and_month(inquiry.replay, options.time_zone or "UTC")
    html = page(table, options.user, least_others=options.least_others)
    own = table if options.user is None else table[table["user"] == options.user]
    if options.out:
        write_whole(options.out, html)
        text = f"Written to {options.out}."
    else:
        text = own.to_string(index=False, float_format=lambda x: f"{x:,.1f}")
    rows = [
        {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        for row in own.astype(object).to_dict("records")
    ]
    return {
        "rows": [{str(name): value for name, value in row.items()} for row in rows],
        "intensity": _about(source),
        "warning": _about_replay(inquiry, source),
        "text": text,
    }
