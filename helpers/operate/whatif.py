"""What if: one job in every configuration that its centre allows, and which are worth a look.

`configurations` says what might be asked for: each partition, each quality of service that the
user's accounts have, and several numbers of cores. `what_if` plans the valid ones and tells for each
of the others which rule it breaks. With the present queue (`helpers.operate.queue`) every plan
holds the wait that is expected when its first run may start, too.

**More cores.** With c cores instead of c0 the work takes (1 - p) + p c0 / c of its time, p being
the share that runs in parallel [1]_; start-up and end take as long as before. Power is taken to
grow with the cores, so that the part that is not parallel costs energy on all of them.

References
----------
.. [1] G. M. Amdahl, "Validity of the single processor approach to achieving large scale computing
   capabilities", AFIPS Spring Joint Computer Conference, 1967.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from helpers.carbon.signal import Intensity
from helpers.operate.plans import Plan, Span, make_plan
from helpers.operate.queue import Queue
from helpers.operate.rules import Partition, Resources, Rules
from helpers.phases.model import PhaseModel, Phases, Repeat
from helpers.stats import frontier
from helpers.timeline import Times, utc_times

__all__ = ["WhatIf", "configurations", "on_cores", "what_if"]


def on_cores(job: PhaseModel, share: float, parallel: float = 1.0) -> PhaseModel:
    """Return a job as it would be on another number of cores.

    Parameters
    ----------
    job : PhaseModel
        The job.
    share : float
        Cores then over cores now, > 0.
    parallel : float
        Share of its work that runs in parallel, 0 to 1.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    if not (math.isfinite(share) and share > 0):
        raise ValueError(f"share(={share}) must be finite and > 0.")
    if not 0 <= parallel <= 1:
        raise ValueError(f"parallel(={parallel}) must be from 0 to 1.")
    time = (1.0 - parallel) + parallel / share

    def changed(phases: Phases, factor: float) -> Phases:
        return tuple(
            Repeat(part.times, changed(part.phases, factor))
            if isinstance(part, Repeat)
            else replace(part, duration_s=part.duration_s * factor, power_w=part.power_w * share)
            for part in phases
        )

    return PhaseModel(
        job.name, changed(job.startup, 1.0), changed(job.work, time), changed(job.end, 1.0)
    )


def configurations(
    job: PhaseModel,
    request: Resources,
    rules: Rules,
    *,
    cores: Sequence[int] = (),
    parallel: float = 1.0,
    stretch: float = 1.0,
) -> list[tuple[PhaseModel, Resources]]:
    """Return all configurations of a job that its centre might allow.

    Parameters
    ----------
    job : PhaseModel
        The job as it is on the cores of `request`.
    request : Resources
        What it asks for otherwise: memory, GPUs, account; a partition or quality of service that
        it names is the only one.
    rules : Rules
        The centre's rules.
    cores : sequence of int
        Numbers of cores to try; by default those of `request`.
    parallel : float
        Share of the work that runs in parallel, 0 to 1.
    stretch : float
        Upper quantile of the run time over the expected one: time limits hold it.
    """
    found = []
    for count in cores or (request.cores,):
        model = on_cores(job, count / request.cores, parallel) if count != request.cores else job
        # whole minutes, which is what Slurm keeps
        wall_s = 60.0 * math.ceil((stretch * model.duration_s + 60.0) / 60.0)
        for place in rules.partitions:
            if request.partition not in {None, place.name}:
                continue
            nodes = max(1, math.ceil(count / max(1, place.cores_per_node)))
            nodes = max(nodes, min(request.nodes, count))
            for qos in _qos(rules, place, request):
                asked = replace(
                    request,
                    cores=count,
                    nodes=nodes,
                    wall_s=wall_s,
                    partition=place.name,
                    qos=qos,
                )
                found.append((model, asked))
    return found


def _qos(rules: Rules, place: Partition, request: Resources) -> Iterator[str | None]:
    """Qualities of service to try in a partition: those of the account, or the default alone."""
    if request.qos is not None or not rules.qos:
        yield request.qos
        return
    account = request.account or rules.default_account or ""
    allowed = (rules.accounts or {}).get(account)
    for qos in rules.qos:
        if allowed is None or qos.name in allowed:
            yield qos.name


_ASKED = ("partition", "qos", "nodes", "cores", "wall_s")


@dataclass(frozen=True, eq=False)
class WhatIf:
    """Configurations of one job, the valid ones planned.

    Parameters
    ----------
    plans : tuple of Plan
        A plan for each valid configuration.
    refused : tuple of (Resources, str)
        The others, and why not.
    """

    plans: tuple[Plan, ...]
    refused: tuple[tuple[Resources, str], ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a plan, the cleanest first.

        Returns
        -------
        DataFrame
            ``plan, partition, qos, nodes, cores, wall_s, finish, pauses, emissions_g, cost,
            wait_s, frontier``; a plan is on the frontier when none is at least as early, as
            cheap and as clean, and better in one of the three.
        """
        rows = [
            {
                "plan": plan.id,
                **{name: getattr(plan.resources, name, None) for name in _ASKED},
                "finish": utc_times(plan.schedule.stop_s[-1])[0],
                "pauses": plan.schedule.resumes,
                "emissions_g": plan.expected.emissions_g.expected,
                "cost": math.nan if plan.expected.cost is None else plan.expected.cost,
                "wait_s": plan.expected.wait_s.expected or 0.0,
            }
            for plan in self.plans
        ]
        if not rows:
            return pd.DataFrame()
        table = pd.DataFrame(rows)
        table["frontier"] = frontier(self._values())
        return table.sort_values(["emissions_g", "finish"], ignore_index=True)

    def _values(self) -> np.ndarray:
        """Finish [s], cost and emissions [g] of each plan; smaller is better."""
        return np.array(
            [
                (
                    plan.schedule.stop_s[-1] + (plan.expected.wait_s.expected or 0.0),
                    plan.expected.cost or 0.0,
                    plan.expected.emissions_g.expected,
                )
                for plan in self.plans
            ]
        )

    def best(self) -> dict[str, Plan]:
        """Return the fastest, the cheapest and the cleanest plan.

        Raises
        ------
        ValueError
            If no configuration is valid; the message says why.
        """
        if not self.plans:
            reasons = "; ".join(f"{request}: {why}" for request, why in self.refused[:3])
            raise ValueError(f"no configuration is valid: {reasons}.")
        values = self._values()
        return {
            name: self.plans[int(np.lexsort((*values.T[::-1], values[:, i]))[0])]
            for i, name in enumerate(("fastest", "cheapest", "cleanest"))
        }


def what_if(
    configurations: list[tuple[PhaseModel, Resources]],
    rules: Rules,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    queue: Queue | None = None,
    predictor: Any = None,
    **options: Any,
) -> WhatIf:
    """Plan a job in many configurations, and say which are worth a look.

    Parameters
    ----------
    configurations : list of (PhaseModel, Resources)
        What the job would do, and what it would ask for: the phases of more cores are shorter.
    rules : Rules
        The centre's rules.
    intensity : Intensity
        What is expected of the grid.
    release, deadline : instant
        Window.
    queue : Queue, optional
        What waits and runs now; each plan then holds the wait expected at its first start: if jobs
        run as long as predicted, with the interval up to their time limits.
    predictor : Predictor, optional
        How long jobs really run, as in `helpers.decide.predicted`.
    **options
        As for `make_plan`.
    """
    plans, refused = [], []
    for job, resources in configurations:
        try:
            plan = make_plan(
                job, intensity, release, deadline, resources=resources, rules=rules, **options
            )
        except ValueError as error:
            refused.append((resources, str(error)))
            continue
        plans.append(plan if queue is None else _waited(plan, queue, predictor))
    return WhatIf(tuple(plans), tuple(refused))


def _waited(plan: Plan, queue: Queue, predictor: Any) -> Plan:
    """A plan with the wait that the present queue lets expect."""
    assert plan.resources is not None
    at_s = float(plan.schedule.start_s[0])
    waits_s = [queue.wait_s(plan.resources, at_s, who) for who in (predictor, None)]
    expected = replace(plan.expected, wait_s=Span(waits_s[0], min(waits_s), max(waits_s)))
    return replace(plan, expected=expected)
