"""Receipts: what was planned and what really happened, job by job and over many.

Real runs come from the scheduler's accounting; what was done in them from the job's own
checkpoints. Where the scheduler measures energy, the receipt holds it beside the model's; where it
does not, the grams are those of the plan's phases, laid over the real runs: a receipt without a
meter shows what the *times* did to the emissions, and says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.carbon.signal import Intensity
from helpers.files import write_whole
from helpers.operate.backend import Run
from helpers.operate.job import Event, read_events
from helpers.operate.plans import Plan
from helpers.operate.store import Folder, folders

__all__ = ["Receipt", "make_receipt", "read_receipts", "runs_said", "write_receipt"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Planned against real, for one job.

    Parameters
    ----------
    key, name : str
        Its key and the name of its model.
    outcome : str
        How it ended: ``completed``, ``failed``, ...
    planned_start_s, real_start_s : tuple of float
        Starts of the runs [s].
    planned_stop_s, real_stop_s : tuple of float
        Their stops [s].
    deadline_s : float
        The deadline [s].
    work_twice_s : float
        Work that was done more than once [s].
    planned_g, at_once_g : float
        Emissions planned, and of the job run at once [g CO2e].
    real_g : float
        Emissions of the real runs, by the phases [g CO2e]; NaN when no intensity is known.
    planned_j, real_j : float
        Energy by the phases, planned and real [J].
    measured_j : float
        Energy that the scheduler measured [J]; NaN where it measures none.
    intensity : str
        What the real emissions were computed with.
    """

    key: str
    name: str
    outcome: str
    planned_start_s: tuple[float, ...]
    planned_stop_s: tuple[float, ...]
    real_start_s: tuple[float, ...]
    real_stop_s: tuple[float, ...]
    deadline_s: float
    work_twice_s: float
    planned_g: float
    at_once_g: float
    real_g: float
    planned_j: float
    real_j: float
    measured_j: float
    intensity: str

    @property
    def start_lag_s(self) -> float:
        """How much later than planned it first started [s]."""
        if not self.real_start_s:
            return math.nan
        return self.real_start_s[0] - self.planned_start_s[0]

    @property
    def late_s(self) -> float:
        """How long after its deadline it ended [s]; negative when in time."""
        return self.real_stop_s[-1] - self.deadline_s if self.real_stop_s else math.nan

    @property
    def pauses(self) -> int:
        """How often it was really paused."""
        return max(0, len(self.real_start_s) - 1)


def _power_steps(
    plan: Plan, runs: Sequence[tuple[float, float]], events: Sequence[Event]
) -> tuple[list[tuple[float, float, float]], float]:
    """Steps (start, stop, power) of the real runs, and the work done more than once [s].

    A run starts up, then goes on from what was kept. The last one is stretched to its real length,
    because it did all that was left; the others are cut where they were ended.
    """
    steps: list[tuple[float, float, float]] = []
    twice_s = 0.0
    for place, (start_s, stop_s) in enumerate(runs):
        done = sum(e.event == "checkpoint" and e.time_s <= start_s for e in events)
        profile = plan.job.attempt(plan.kept_s(done))
        last = place == len(runs) - 1
        stretch = (stop_s - start_s) / profile.duration_s if last else 1.0
        edges_s = start_s + np.minimum(profile.edges_s * stretch, stop_s - start_s)
        if not last and profile.duration_s < stop_s - start_s:
            edges_s[-1] = stop_s  # slower than its model: the last phase went on
        for low_s, high_s, power_w in zip(edges_s[:-1], edges_s[1:], profile.power_w, strict=True):
            if high_s > low_s:
                steps.append((float(low_s), float(high_s), float(power_w)))
        if not last:
            marks = [e.time_s for e in events if e.event == "checkpoint" and e.time_s <= stop_s]
            worked_from_s = start_s + plan.job.startup_profile.duration_s
            saved_s = max([worked_from_s, *(t for t in marks if t >= start_s)])
            twice_s += max(0.0, stop_s - saved_s)
    return steps, twice_s


def runs_said(events: Sequence[Event]) -> list[Run]:
    """Return the runs of a job by what it said, for where nobody else accounts for them.

    A run ends with the last that was heard of it.
    """
    starts_s = [e.time_s for e in events if e.event == "started"]
    found = []
    for start_s, next_s in zip(starts_s, [*starts_s[1:], math.inf], strict=bool(starts_s)):
        heard_s = max(e.time_s for e in events if start_s <= e.time_s < next_s)
        found.append(Run(start_s, heard_s, "SAID", math.nan))
    return found


def make_receipt(
    plan: Plan,
    outcome: str,
    runs: Sequence[Run],
    events: Sequence[Event],
    *,
    key: str | None = None,
    intensity: Intensity | None = None,
) -> Receipt:
    """Compare a plan with what really happened.

    Parameters
    ----------
    plan : Plan
        The plan.
    outcome : str
        How the job ended.
    runs : sequence of Run
        Its runs by the scheduler's accounting; where that knows fewer than the job itself, what
        the job said is taken.
    events : sequence of Event
        What it said.
    key : str, optional
        Its key; by default the plan's id.
    intensity : Intensity, optional
        What the grid really did; without it no grams are told.
    """
    told = runs_said(events)
    if len(runs) < len(told):  # a controller that was killed has forgotten some
        runs = told
    real = [(run.start_s, run.stop_s) for run in runs if run.stop_s > run.start_s]
    steps, twice_s = _power_steps(plan, real, events)
    real_g, said = math.nan, "none: the real emissions are not known"
    if intensity is not None and steps:
        low, high, power_w = map(np.array, zip(*steps, strict=True))
        try:
            real_g = float(np.sum(intensity.emissions_g(low, high, power_w)))
            said = intensity.source
        except (
            ValueError
        ) as error:  # it does not cover the runs: the receipt is written all the same
            said = f"none: {error}"
    measured = [run.energy_j for run in runs if math.isfinite(run.energy_j)]
    schedule = plan.schedule
    profile_j = sum(
        plan.job.attempt(float(a)).energy_until_j(np.array([stop - start]))[0]
        for start, stop, a in zip(
            schedule.start_s, schedule.stop_s, schedule.work_from_s, strict=True
        )
    )
    expected_g = plan.expected.emissions_g.expected
    return Receipt(
        key=key or plan.id,
        name=plan.job.name,
        outcome=outcome,
        planned_start_s=tuple(map(float, schedule.start_s)),
        planned_stop_s=tuple(map(float, schedule.stop_s)),
        real_start_s=tuple(start for start, _ in real),
        real_stop_s=tuple(stop for _, stop in real),
        deadline_s=plan.deadline_s,
        work_twice_s=twice_s,
        planned_g=math.nan if expected_g is None else expected_g,
        at_once_g=math.nan if plan.expected.at_once_g is None else plan.expected.at_once_g,
        real_g=real_g,
        planned_j=float(profile_j),
        real_j=float(sum((b - a) * w for a, b, w in steps)),
        measured_j=sum(measured) if measured else math.nan,
        intensity=said,
    )


def write_receipt(
    folder: Folder, outcome: str, runs: Sequence[Run], intensity: Intensity | None = None
) -> Receipt:
    """Write the receipt of a job into its folder, whole or not at all, and return it."""
    receipt = make_receipt(
        folder.plan,
        outcome,
        runs,
        read_events(folder.path),
        key=folder.key,
        intensity=intensity,
    )
    tree: dict[str, Any] = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(receipt).items()
    }
    write_whole(folder.path / "receipt.json", json.dumps(tree, indent=2, allow_nan=False) + "\n")
    return receipt


def read_receipts(state: Path | None = None) -> pd.DataFrame:
    """Return one row a finished job.

    Returns
    -------
    DataFrame
        ``key, name, outcome, start, start_lag_s, pauses, late_s, work_twice_s, planned_g, real_g,
        at_once_g, planned_j, real_j, measured_j``.
    """
    rows = []
    for folder in folders(state):
        path = folder.path / "receipt.json"
        if not path.exists():
            continue
        tree = json.loads(path.read_text(encoding="utf-8"))
        numbers = {"planned_g", "at_once_g", "real_g", "planned_j", "real_j", "measured_j"}
        tree |= {name: math.nan for name in numbers if tree[name] is None}
        tree |= {name: tuple(value) for name, value in tree.items() if isinstance(value, list)}
        receipt = Receipt(**tree)
        start = receipt.real_start_s[:1]
        rows.append(
            {
                "key": receipt.key,
                "name": receipt.name,
                "outcome": receipt.outcome,
                "start": pd.to_datetime(start[0], unit="s", utc=True) if start else pd.NaT,
                "start_lag_s": receipt.start_lag_s,
                "pauses": receipt.pauses,
                "late_s": receipt.late_s,
                "work_twice_s": receipt.work_twice_s,
                **{name: tree[name] for name in sorted(numbers)},
            }
        )
    return pd.DataFrame(rows)
