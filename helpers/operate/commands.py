"""What each command of ``clean-hours`` does: options in, one dictionary out.

Each function returns what is printed with ``--json``; ``text`` is what people read, ``warning``
what goes to standard error, ``exit_code`` the exit code if it is not 0.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.carbon.signal import Intensity
    from helpers.jobs.table import JobLog
    from helpers.operate.grid import Known
    from helpers.operate.plans import Plan
    from helpers.operate.rules import Resources
    from helpers.phases.model import PhaseModel

__all__ = ["account", "completion", "plan", "read_log", "record", "start"]

Result = dict[str, Any]


def _window(options: argparse.Namespace, length_s: float) -> tuple[float, float]:
    """Release and deadline [s] of what was asked."""
    from helpers.operate.words import now_s

    release_s = options.release if options.release is not None else now_s()
    if options.by is not None:
        return release_s, options.by
    within_s = 86400.0 if options.within is None else options.within
    return release_s, release_s + within_s + length_s


def _known(
    options: argparse.Namespace, start_s: float, stop_s: float, *, cut: bool = True
) -> Known:
    from helpers.operate.grid import known

    return known(
        options.zone,
        start_s,
        stop_s,
        file=options.intensity,
        service=not options.offline,
        cut=cut,
    )


def _about(source: Known) -> dict[str, Any]:
    return {
        "used": source.used,
        "source": source.intensity.source,
        "kind": source.intensity.kind,
        "zone": source.intensity.zone,
        "failed": list(source.failed),
    }


def _constant(length_s: float, power_w: float, name: str = "job") -> PhaseModel:
    from helpers.phases.model import Phase, PhaseModel

    return PhaseModel(name, (), (Phase("run", length_s, power_w),))


def start(options: argparse.Namespace) -> Result:
    """Return the best start of a job that runs through."""
    from helpers.operate.grid import UnknownIntensityError
    from helpers.operate.words import lasting, local
    from helpers.schedule.start import best_starts

    if options.power is not None and not (math.isfinite(options.power) and options.power > 0):
        raise ValueError(f"--power(={options.power}) must be finite and > 0 W.")
    release_s, deadline_s = _window(options, options.length)
    try:
        source = _known(options, release_s, deadline_s)
    except UnknownIntensityError as error:
        return _start_now(options, release_s, str(error))
    power_w = options.power or 1000.0
    found = best_starts(_constant(options.length, power_w), source.intensity, release_s, deadline_s)
    start_s = float(math.ceil(found.start_s[0]))  # schedulers keep whole seconds
    start_s = min(start_s, deadline_s - options.length)
    best_g, once_g = float(found.emissions_g[0]), float(found.at_release_g[0])
    saving = 1 - best_g / once_g if once_g else 0.0
    unit = "g CO2e" if options.power else "g CO2e for each kW it draws"
    text = (
        f"Start at {local(start_s)}, in {lasting(start_s - release_s)}; "
        f"finished by {local(start_s + options.length)}.\n"
        f"{best_g:,.0f} {unit} instead of {once_g:,.0f} at once: {100 * saving:.1f} % less.\n"
        f"Intensity: {source.describe()}."
    )
    result = {
        "start_s": start_s,
        "delay_s": start_s - release_s,
        "finish_s": start_s + options.length,
        "power_w": power_w,
        "emissions_g": best_g,
        "at_once_g": once_g,
        "saving": saving,
        "intensity": _about(source),
    }
    return result | {"text": _formatted(options.format, start_s, release_s, text)}


def _formatted(form: str, start_s: float, release_s: float, text: str) -> str:
    from helpers.operate.plans import iso

    delay_s = math.ceil(start_s - release_s)
    return {
        "text": text,
        "sbatch": f"now+{delay_s}" if delay_s > 0 else "now",  # no clock change can bend a delay
        "iso": iso(start_s),
        "epoch": f"{start_s:.0f}",
    }[form]


def _start_now(options: argparse.Namespace, release_s: float, why: str) -> Result:
    """The answer when nothing is known: there is no reason to wait."""
    from helpers.operate.words import local

    text = f"Start now, at {local(release_s)}: there is no reason to wait."
    return {
        "start_s": release_s,
        "delay_s": 0.0,
        "finish_s": release_s + options.length,
        "power_w": options.power,
        "emissions_g": None,
        "at_once_g": None,
        "saving": None,
        "intensity": None,
        "warning": why,
        "exit_code": 3,
        "text": _formatted(options.format, release_s, release_s, text),
    }


_STRETCH = 1.2  # run time at worst over expected, where nothing says more


def settle(options: argparse.Namespace) -> None:
    """Fill in length and stretch of a job: as predicted if a prediction is given, else the usual.

    Raises
    ------
    ValueError
        If the command line says besides what the prediction says, or it is not to be planned with.
    """
    from helpers.operate.predicted import read_length

    if options.predicted is None:
        if options.predicted_job is not None:
            raise ValueError("--predicted-job names a job of --predicted FILE: give the file, too.")
        options.stretch = _STRETCH if options.stretch is None else options.stretch
        return
    said = {"--length": options.length, "--stretch": options.stretch}
    said["JOB.yaml"] = getattr(options, "phases", None)
    if extra := [name for name, value in said.items() if value is not None]:
        raise ValueError(
            f"{options.predicted} says how long the job runs: leave {', '.join(extra)} out."
        )
    length = read_length(options.predicted, options.predicted_job)
    options.length, options.stretch = length.expected_s, length.stretch


def job_of(options: argparse.Namespace) -> PhaseModel:
    """Return the phases that a command line describes.

    Raises
    ------
    ValueError
        If it says too little, or two different things.
    """
    from helpers.phases.files import read_csv, read_yaml
    from helpers.phases.model import Phase, PhaseModel, Repeat

    described = {"--length": options.length, "--startup": options.startup}
    described |= {"--checkpoint": options.checkpoint, "--power": options.power}
    if getattr(options, "phases", None):
        extra = [name for name, value in described.items() if value is not None]
        if extra:
            raise ValueError(
                f"{options.phases} says what the job is: leave {', '.join(extra)} out."
            )
        return (
            read_csv(options.phases)
            if options.phases.endswith(".csv")
            else read_yaml(options.phases)
        )
    if options.length is None:
        raise ValueError("say what the job is: JOB.yaml with its phases, --length or --predicted.")
    power_w = 1000.0 if options.power is None else options.power
    startup = () if options.startup is None else (Phase("start up", options.startup, power_w),)
    name = Path(getattr(options, "script", "job")).stem
    if options.checkpoint is None:
        return PhaseModel(name, startup, (Phase("run", options.length, power_w),))
    times = int(options.length // options.checkpoint)
    rest_s = options.length - times * options.checkpoint
    piece = Phase("work", options.checkpoint, power_w, checkpoint=True)
    work = [Repeat(times, (piece,))] if times else []
    rest = [Phase("last work", rest_s, power_w)] if rest_s > 0 else []
    return PhaseModel(name, startup, (*work, *rest))


def request_of(options: argparse.Namespace, job: PhaseModel) -> Resources:
    """Return the resources that a command line asks for."""
    from helpers.operate.rules import Resources, memory_mb

    wall_s = options.wall
    if wall_s is None:  # whole minutes, which is what Slurm keeps
        wall_s = 60.0 * math.ceil((options.stretch * job.duration_s + 60.0) / 60.0)
    return Resources(
        wall_s=wall_s,
        nodes=options.nodes,
        cores=options.cores,
        memory_mb=memory_mb(options.memory) if options.memory else None,
        gpus=options.gpus,
        partition=options.partition,
        qos=options.qos,
        account=options.account,
    )


def make(
    options: argparse.Namespace, rules: Any = None, *, unknown: str = "refuse"
) -> tuple[Plan, Known | None]:
    """Return the plan that a command line asks for, and the intensity it was made with.

    Where none is known the plan is refused, or with ``unknown="now"`` runs the job at once.
    """
    from helpers.operate.grid import UnknownIntensityError
    from helpers.operate.plans import make_plan
    from helpers.operate.words import Answer
    from helpers.phases.suspension import Suspension

    settle(options)
    job = job_of(options)
    if not options.stretch >= 1:
        raise ValueError(f"--stretch(={options.stretch}) must be >= 1: worst over expected.")
    longest_s = options.stretch * job.duration_s + options.margin
    release_s, deadline_s = _window(options, longest_s)
    source, said = None, ""
    try:
        source = _known(options, release_s, deadline_s)
        said = source.describe()
    except UnknownIntensityError as error:
        if unknown != "now":
            raise Answer(
                3, f"{error} Without a plan, submit the job as it is: it waits for nothing."
            ) from None
        said = str(error)
    pauses = job.work_profile.checkpoints_s.size > 0
    if rules is not None and options.price_per_core_hour is not None:
        rules = rules.with_price(options.price_per_core_hour)
    made = make_plan(
        job,
        source.intensity if source else None,
        release_s,
        deadline_s,
        suspension=Suspension(keep="checkpoints") if pauses else None,
        stretch=options.stretch,
        margin_s=options.margin,
        resources=request_of(options, job),
        rules=rules,
        source=said,
        zone=options.zone,
        past=_past(source),
    )
    return price_of(options, made), source


def price_of(options: argparse.Namespace, made: Plan) -> Plan:
    """Return a plan with the prices that a command line names."""
    from helpers.operate.plans import priced

    if options.price_per_kwh is not None:
        said = options.power is not None or bool(getattr(options, "phases", None))
        if not said:
            raise ValueError("--price-per-kwh needs what the job draws: --power, or its phases.")
    return priced(made, per_core_h=options.price_per_core_hour, per_kwh=options.price_per_kwh)


def _past(source: Known | None) -> Intensity | None:
    """What really happened in past years, for the interval of what is only usual."""
    from helpers import datasets

    if source is None or source.used != "climatology":
        return None
    return datasets.carbon_intensity(source.intensity.zone, None)


def plan(options: argparse.Namespace) -> Result:
    """Return the best runs of a job that may pause after its checkpoints."""
    import json

    from helpers.operate.plans import write_plan
    from helpers.operate.rules import read_rules

    rules = read_rules(options.rules) if options.rules else None
    made, source = make(options, rules)
    assert source is not None  # it is refused otherwise
    if options.out:
        write_plan(made, options.out)
    known_power = bool(getattr(options, "phases", None)) or options.power is not None
    text = plan_text(made, known_power)
    if options.out:
        text += f"\nWritten to {options.out}."
    if options.keep:
        from helpers.operate.store import prepare

        prepare(made, Path(options.keep[0]), options.keep[1:], kept=True)
        text += f"\nKept: clean-hours submit --plan {made.id} hands it over."
    return {**json.loads(made.to_json()), "intensity_used": _about(source), "text": text}


def plan_text(made: Plan, known_power: bool = True) -> str:
    """Return a plan for people."""
    from helpers.operate.words import lasting, local

    lines = [f"Plan {made.id} of {made.job.name!r}:"]
    for number, (start_s, stop_s) in enumerate(
        zip(made.schedule.start_s, made.schedule.stop_s, strict=True), start=1
    ):
        lines.append(
            f"  run {number}: {local(start_s)} to {local(stop_s)} ({lasting(stop_s - start_s)})"
        )
    lines.append(
        f"Must have started by {local(made.last_moment_s())} to be finished by "
        f"{local(made.deadline_s)}."
    )
    unit = "g CO2e" if known_power else "g CO2e for each kW it draws"
    expected = made.expected
    if expected.emissions_g.expected is None:
        lines.append("Nothing is known of the grid, so there is no reason to wait.")
    else:
        lines.append(
            f"{expected.emissions_g.expected:,.0f} {unit} instead of {expected.at_once_g:,.0f} at "
            f"once: {100 * expected.saving:.1f} % less."
        )
        if expected.emissions_g.low is not None:
            lines.append(
                f"In eight of ten such weeks of past years it is {expected.emissions_g.low:,.0f} to "
                f"{expected.emissions_g.high:,.0f}."
            )
    if expected.cost is not None:
        lines.append(f"Price: {expected.cost:,.2f}.")
    lines.append(f"Intensity: {made.intensity.rstrip('.')}.")
    return "\n".join(lines)


def account(options: argparse.Namespace) -> Result:
    """Charge the jobs of a log with the electricity that they used."""
    from helpers.files import write_whole
    from helpers.jobs.footprint import AssumedPower

    log = read_log(options.log, options.time_zone)
    assumed = None
    if any((options.per_core, options.per_gpu, options.per_node)):
        assumed = AssumedPower(
            per_processor_w=options.per_core or 0.0,
            per_gpu_w=options.per_gpu or 0.0,
            per_node_w=options.per_node or 0.0,
        )
    if log.epoch is None:
        raise ValueError(f"{options.log}: nothing says when second 0 is: convert it with a date.")
    epoch_s = log.epoch.timestamp()
    jobs = log.jobs
    lasts_s = jobs[["wait_s", "run_s", *jobs.columns.intersection(["observed_s", "suspended_s"])]]
    ends_s = jobs["submit_s"] + lasts_s.fillna(0.0).sum(axis=1)  # no job ends later than that
    source = _known(
        options,
        epoch_s + float(jobs["submit_s"].min()),
        epoch_s + float(ends_s.max()) + 1,
        cut=False,
    )
    charged = log.account(source.intensity, power=assumed, pue=options.pue, errors="skip")
    table = charged.by(*options.by)
    rows = table.reset_index().astype(dict.fromkeys(options.by, str))
    text = {
        "table": lambda: rows.to_string(index=False, float_format=lambda x: f"{x:,.3f}"),
        "csv": lambda: rows.to_csv(index=False).rstrip(),
        "html": lambda: rows.to_html(index=False, escape=True, float_format="{:,.3f}".format),
    }[options.format]()
    if options.out:
        write_whole(options.out, text + "\n")
        text = f"Written to {options.out}."
    told = (
        f"{len(charged)} jobs, {charged.energy_kwh:,.2f} kWh, {charged.emissions_g / 1000:,.2f} kg "
        f"CO2e; {len(charged.left_out)} left out; intensity: {source.describe()}"
    )
    return {
        "jobs": len(charged),
        "left_out": len(charged.left_out),
        "energy_kwh": charged.energy_kwh,
        "emissions_g": charged.emissions_g,
        "rows": [_plain(row) for row in rows.to_dict("records")],
        "intensity": _about(source),
        "warning": told,
        "text": text,
    }


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a table in types that JSON knows."""
    return {
        str(name): None
        if isinstance(value, float) and not math.isfinite(value)
        else value.item()
        if hasattr(value, "item")
        else value
        for name, value in row.items()
    }


def read_log(path: str, time_zone: str | None) -> JobLog:
    """Read a log of jobs of any of the known kinds, told apart by how it begins."""
    from helpers.files import first_bytes
    from helpers.jobs import read_csv, read_sacct, read_swf

    head, name = first_bytes(path, 4096)  # a year of a centre's jobs is read once
    first = head.decode("utf-8", "replace").lstrip("\ufeff").split("\n")[0]
    if first.startswith("# jobs table"):
        return read_csv(path)
    if "|" in first and "JobID" in first:
        if time_zone is None:
            raise ValueError(
                f"{name}: sacct writes local times: say which with --time-zone Europe/Berlin, or "
                "print them with SLURM_TIME_FORMAT=%s and say --time-zone UTC."
            )
        return read_sacct(path, time_zone=time_zone, errors="skip")
    if first.startswith(";") or (first.split()[:1] and first.split()[0].isdigit()):
        return read_swf(path, errors="skip", time_zone=time_zone)
    raise ValueError(
        f"{name}: neither what sacct --parsable2 prints, nor SWF, nor a jobs table; its first line is "
        f"{first[:80]!r}."
    )


def record(options: argparse.Namespace) -> Result:
    """Never reached: `cli.main` hands these words on as they are."""
    raise ValueError("record takes the options of python -m helpers.power.record.")


def completion(options: argparse.Namespace) -> Result:
    """Return a completion script for a shell."""
    try:
        import shtab
    except ImportError:
        raise ValueError(
            "completion needs shtab: pip install 'clean-hours[operate]', or pip install shtab."
        ) from None
    script = shtab.complete(options.parser, shell=options.shell)
    return {"shell": options.shell, "script": script, "text": script}
