"""The commands that carry plans out: submit, agent, watch, report, rules."""

from __future__ import annotations

import argparse
import math
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.carbon.signal import Intensity
    from helpers.operate.backend import Backend, Status
    from helpers.operate.plans import Plan
    from helpers.operate.store import Folder

__all__ = ["agent", "backend_of", "move", "report", "rules", "submit", "submit_kept", "watch"]

Result = dict[str, Any]


def backend_of(options: argparse.Namespace) -> Backend:
    """Return the scheduler that was asked for: by default Slurm where it is, else this machine."""
    from helpers.operate.sites import backend_named

    site = getattr(options, "site", None)
    rest_s = getattr(options, "rest", None)
    return backend_named(options.on, Path(site) if site else None, rest_s=rest_s)


def submit(options: argparse.Namespace) -> Result:
    """Plan a job and hand it over: it starts by itself in its clean hours."""
    from helpers.operate.agent import Agent
    from helpers.operate.backend import SchedulerError
    from helpers.operate.commands import make
    from helpers.operate.plans import read_plan
    from helpers.operate.store import prepare

    backend = backend_of(options)
    if options.plan and not options.script:
        return submit_kept(options.plan, backend)
    if not options.script:
        raise ValueError("name the script that sbatch would run, or --plan ID of a kept plan.")
    if options.plan:
        made = read_plan(options.plan)
        if made.resources is not None and (broken := backend.rules().broken(made.resources)):
            raise ValueError(f"{options.plan}: the centre refuses this plan: {'; '.join(broken)}.")
    else:
        made, _ = make(options, backend.rules(), unknown="now")
    folder = prepare(made, Path(options.script), options.arguments)
    try:
        status = Agent(backend).hand_over(folder)
    except SchedulerError as error:
        if error.sure:  # refused: nothing of it is left behind
            shutil.rmtree(folder.path)
        raise
    known_power = options.power is not None or bool(options.plan or options.phases)
    return _handed_over(made, folder, backend, status, known_power)


def submit_kept(plan_id: str, backend: Backend) -> Result:
    """Hand over the plan of an id, which its user has kept together with a script.

    Raises
    ------
    ValueError
        If no such plan is kept, the centre's rules refuse it by now, or it is too late for it.
    """
    from helpers.operate.agent import Agent
    from helpers.operate.backend import SchedulerError
    from helpers.operate.plans import iso
    from helpers.operate.store import kept

    found = next((folder for folder in kept() if folder.key == plan_id), None)
    if found is None:
        raise ValueError(
            f"no plan {plan_id!r} is kept: clean-hours plan ... --keep job.sh keeps one with its "
            "script."
        )
    made = found.plan
    if made.resources is not None and (broken := backend.rules().broken(made.resources)):
        raise ValueError(f"{plan_id}: the centre refuses this plan: {'; '.join(broken)}.")
    if time.time() > made.last_moment_s():
        raise ValueError(
            f"{plan_id}: its last moment to start was {iso(made.last_moment_s())}: plan it again."
        )
    found.release()
    try:
        status = Agent(backend).hand_over(found)
    except SchedulerError as error:
        if error.sure:  # refused: it is kept as before
            found.keep()
        raise
    return _handed_over(made, found, backend, status, True)


def _handed_over(
    made: Plan, folder: Folder, backend: Backend, status: Status | None, known_power: bool
) -> Result:
    """What is told of a job that was handed over."""
    from helpers.operate.commands import plan_text

    job_id = status.job_id if status else ""
    text = plan_text(made, known_power)
    text += f"\nHanded over to {backend.name} as job {job_id}; it starts by itself."
    if made.schedule.resumes:
        text += (
            "\nIts pauses need an agent: clean-hours agent. Without one it runs on to its end once "
            "started."
        )
    return {
        "key": folder.key,
        "job_id": job_id,
        "backend": backend.name,
        "folder": str(folder.path),
        "start_s": float(made.schedule.start_s[0]),
        "last_moment_s": made.last_moment_s(),
        "pauses": made.schedule.resumes,
        "emissions_g": made.expected.emissions_g.expected,
        "at_once_g": made.expected.at_once_g,
        "text": text,
    }


def _real_intensity(zone: str, start_s: float, stop_s: float) -> Intensity:
    from helpers.operate.grid import known

    return known(zone, start_s, stop_s).intensity


def _forecast(plan: Plan, start_s: float, stop_s: float) -> Intensity | None:
    """What is now expected of a plan's grid; None where its user named a file, which stands."""
    from helpers.operate.grid import FILE, UnknownIntensityError, known

    if plan.intensity.startswith(FILE) or not plan.zone:
        return None
    try:
        return known(plan.zone, start_s, stop_s).intensity
    except UnknownIntensityError:
        return None


def agent(options: argparse.Namespace) -> Result:
    """Carry out all plans until interrupted, or until none is left."""
    from helpers.operate.agent import Agent, Settings
    from helpers.operate.store import folders
    from helpers.operate.words import Answer

    def report_line(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    settings = Settings(
        switch=options.switch,
        poll_s=options.poll,
        tick_s=options.tick,
        replan_s=options.replan,
        migrate=options.migrate,
    )
    backend = backend_of(options)
    worker = Agent(
        backend,
        settings=settings,
        intensity=_real_intensity,
        forecast=_forecast,
        report=report_line,
    )
    wire = None
    if options.events:
        from helpers.operate.commands_events import wired

        worker.link = wire = wired(options, backend, report_line)
        worker.sleep = wire.wait  # what is heard ends the pause between two looks
        wire.start()
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with suppress(KeyboardInterrupt):  # what is under way goes on without an agent
            worker.run(until_empty=options.until_empty)
    except RuntimeError as error:
        raise Answer(5, str(error)) from None
    finally:
        signal.signal(signal.SIGTERM, before)
        if wire is not None:
            wire.close()
    left = [folder.key for folder in folders() if not folder.over]
    return {"left": left, "text": f"{len(left)} jobs are not over; they run by themselves."}


def move(options: argparse.Namespace) -> Result:
    """Let a job that was handed over go on in another partition; an agent moves it."""
    from helpers.operate.migration import moved

    folder = _folder_of(options)
    force = folder.revision
    there = moved(force, options.partition, backend_of(options).rules())
    folder.revise(there)
    text = (
        f"{folder.key} is planned in partition {options.partition}. An agent (clean-hours agent) "
        "moves it at once if it waits, and after its next checkpoint if it runs."
    )
    return {"key": folder.key, "partition": options.partition, "text": text}


def _folder_of(options: argparse.Namespace) -> Folder:
    """The folder of a job that is not over, by its key or its scheduler's number."""
    from helpers.operate.store import folders

    open_ = [folder for folder in folders() if not folder.over]
    for folder in open_:
        if folder.key == options.job:
            return folder
    if options.job.isdigit():
        for key, statuses in backend_of(options).jobs().items():
            if any(status.job_id == options.job for status in statuses):
                for folder in open_:
                    if folder.key == key:
                        return folder
    known = ", ".join(folder.key for folder in open_[:5]) or "there is none"
    raise ValueError(f"no job {options.job!r} was handed over and is not over yet: {known}.")


def watch(options: argparse.Namespace) -> Result:
    """Tell what every planned job does."""
    from helpers.operate.agent import Sight
    from helpers.operate.backend import SchedulerError
    from helpers.operate.job import read_events
    from helpers.operate.plans import iso
    from helpers.operate.store import folders, read_journal

    warning = ""
    try:
        jobs = backend_of(options).jobs()
    except SchedulerError as error:
        jobs, warning = {}, str(error)
    rows = []
    for folder in folders():
        if folder.over and not options.all:
            continue
        plan = folder.plan
        sight = Sight(
            time.time(),
            plan,
            jobs.get(folder.key, []),
            read_events(folder.path),
            read_journal(folder),
        )
        status = min(sight.statuses, key=lambda s: s.over, default=None)
        whole_s = plan.job.work_profile.duration_s
        rows.append(
            {
                "key": folder.key,
                "name": plan.job.name,
                "job_id": status.job_id if status else "",
                "state": status.state if status else ("over" if folder.over else "not handed over"),
                "begin": iso(status.begin_s) if status and status.state == "waiting" else "",
                "done": sight.kept_s / whole_s if sight.checkpoints() else float(sight.finished),
                "pauses": plan.schedule.resumes,
                "deadline": iso(plan.deadline_s),
            }
        )
    return {"jobs": rows, "warning": warning, "text": _table(rows) or "No planned jobs."}


def report(options: argparse.Namespace) -> Result:
    """Compare planned with real over all jobs that are over."""
    from helpers.operate.receipts import read_receipts
    from helpers.operate.store import state_folder

    table = read_receipts(state_folder())
    rows = [
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        for row in table.astype({"start": str} if len(table) else {}).to_dict("records")
    ]
    if not rows:
        return {"jobs": [], "text": "No job is over yet."}
    completed = table[table["outcome"] == "completed"]
    sums = {
        "completed": len(completed),
        "late": int((completed["late_s"] > 0).sum()),
        "planned_g": float(completed["planned_g"].sum()),
        "real_g": float(completed["real_g"].sum()),
        "at_once_g": float(completed["at_once_g"].sum()),
        "work_twice_s": float(completed["work_twice_s"].sum()),
    }
    text = _table(
        rows, "key", "name", "outcome", "start", "start_lag_s", "pauses", "planned_g", "real_g"
    )
    text += (
        f"\n{sums['completed']} of {len(rows)} completed, {sums['late']} late; "
        f"{sums['planned_g']:,.0f} g CO2e planned, {sums['real_g']:,.0f} by the real times, "
        f"{sums['at_once_g']:,.0f} if all had run at once."
    )
    return {"jobs": rows, **sums, "text": text}


def rules(options: argparse.Namespace) -> Result:
    """Tell what the centre allows, as YAML that can be completed and read again."""
    from helpers.operate.rules import rules_text, write_rules

    found = backend_of(options).rules()
    if options.out:
        write_rules(found, options.out)
    table = found.to_frame().replace([math.inf], None)
    rows = [
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]
    return {"rules": rows, "text": rules_text(found).rstrip()}


def _table(rows: Sequence[Mapping[Any, Any]], *columns: str) -> str:
    """Rows for people, in columns of even width."""
    if not rows:
        return ""
    names = columns or tuple(rows[0])
    cells = [list(names)] + [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "" if value is None else str(value)
