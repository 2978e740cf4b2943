"""The commands that say why: of a plan, of a job handed over, of a log; and the reports.

Plans and jobs handed over are this module's; a log is replayed by
`helpers.operate.commands_replay`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["explain", "report"]

Result = dict[str, Any]


def explain(options: argparse.Namespace) -> Result:
    """Say why a plan is as it is and what otherwise would cost; or ask a replay of a log."""
    if options.log:
        from helpers.operate.commands_replay import explain_job

        return explain_job(options)
    from helpers.operate.commands import _about, _known
    from helpers.operate.plans import read_plan
    from helpers.operate.words import lasting, local
    from helpers.schedule.intervals import Schedule, charge
    from helpers.schedule.start import best_start

    path, state = _plan_of(options)
    made = read_plan(path)
    options.zone, options.offline = made.zone, True
    source = _known(options, made.release_s, made.deadline_s)
    job, schedule = made.job, made.schedule
    surely_s = made.deadline_s - made.margin_s - (made.stretch - 1) * job.duration_s
    work_s = job.work_profile.duration_s
    others = {
        "as planned": schedule,
        "at once": Schedule.from_work(job, made.release_s, work_s),
        "best without pause": best_start(job, source.intensity, made.release_s, surely_s),
        "at the last moment": Schedule.from_work(job, made.last_moment_s(), work_s),
    }
    rows: list[dict[str, Any]] = [
        {
            "what": name,
            "start_s": float(other.start_s[0]),
            "finish_s": float(other.stop_s[-1]),
            "pauses": other.resumes,
            "emissions_g": charge(other, job, source.intensity, made.suspension).emissions_g,
        }
        for name, other in others.items()
    ]
    lines = [f"Plan {made.id} of {job.name!r}, by {source.describe()}:"]
    for row in rows:
        lines.append(
            f"  {row['what']:<19} {local(row['start_s'])} to {local(row['finish_s'])}, "
            f"{row['pauses']} pauses: {row['emissions_g']:,.1f} g CO2e"
        )
    for number, (start_s, stop_s) in enumerate(
        zip(schedule.start_s, schedule.stop_s, strict=True), start=1
    ):
        mean = float(source.intensity.mean(start_s, stop_s))
        lines.append(
            f"Run {number} of {lasting(stop_s - start_s)} meets {mean:,.0f} g/kWh on average; the "
            f"window has {float(source.intensity.mean()):,.0f}."
        )
    return {
        "plan": made.id,
        "choices": rows,
        "intensity": _about(source),
        "state": state,
        "text": "\n".join([*lines, *state]),
    }


def _plan_of(options: argparse.Namespace) -> tuple[Path, list[str]]:
    """Return the file of a plan, and what its job does now if it was handed over."""
    from helpers.operate.backend import SchedulerError
    from helpers.operate.commands_jobs import backend_of
    from helpers.operate.store import state_folder
    from helpers.operate.words import local

    path, folder = Path(options.plan), state_folder() / "jobs"
    if path.suffix or path.exists():
        return path, []
    try:
        jobs = backend_of(options).jobs()
    except SchedulerError as error:
        jobs, told = {}, [f"What it does now is not known: {error}"]
    else:
        told = []
    by_id = {status.job_id: key for key, known in jobs.items() for status in known}
    key = options.plan
    if not (folder / key / "plan.json").is_file():
        key = by_id.get(key, key)
    if not (folder / key / "plan.json").is_file():
        raise ValueError(
            f"{options.plan!r} is no file of a plan, no key and no number of a job handed over from "
            "here: clean-hours watch --all lists them; for a job of a log add --log."
        )
    for status in jobs.get(key, []):
        begin = f", may start from {local(status.begin_s)}" if status.state == "waiting" else ""
        reason = f"; the scheduler says {status.reason}" if status.reason else ""
        told.append(f"Now job {status.job_id} is {status.state}{begin}{reason}.")
    return folder / key / "plan.json", told


def report(options: argparse.Namespace) -> Result:
    """Compare planned with real over all jobs that are over; or tell what a log's waiting did."""
    from helpers.operate import commands_jobs
    from helpers.operate.commands_replay import report_log

    if options.log:
        return report_log(options)
    strays = [f"--{name}" for name in ("user", "out") if getattr(options, name)]
    if strays or options.all_users:
        raise ValueError(f"{(strays or ['--all-users'])[0]} is about a log: add --log FILE.")
    return commands_jobs.report(options)
