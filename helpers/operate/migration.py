"""Migration: a job that waits is moved to the partition in which it starts earlier or cleaner.

A scheduler moves a job only while it waits. So a job that runs is moved at a checkpoint, by a
requeue and then the change of its partition; the planner itself moves none that runs, for the
start-up that is done again would have to be earned. A user may (``clean-hours move``).

Another partition is taken only where its centre's rules allow the request as it is, where it costs
no more, and where jobs of others do not take the place of a running one, unless they do here. What
is compared is the plan, begun as much later as the present queue lets expect in each partition
(`helpers.operate.queue`). That is a snapshot: it says little of a start that is many hours away, so
a job moves only once it may start within `SOON_S`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from helpers.carbon.signal import Intensity
from helpers.operate.backend import Status
from helpers.operate.plans import Plan, Span, make_plan
from helpers.operate.queue import Queue
from helpers.operate.revisions import WORTH, Revision, left_after
from helpers.operate.rules import Resources, Rules
from helpers.schedule.intervals import charge

__all__ = ["EARLIER_S", "SOON_S", "migrate", "moved"]

SOON_S = 1800.0
"""A job is moved only when it may start within this time [s]: a queue looks different later."""

EARLIER_S = 600.0
"""How much earlier a start has to be that is not cleaner to be worth a move [s]."""


def moved(force: Revision, partition: str, rules: Rules) -> Revision:
    """Return the plan in force in another partition.

    Parameters
    ----------
    force : Revision
        What is carried out now.
    partition : str
        Where to.
    rules : Rules
        What the centre allows.

    Raises
    ------
    ValueError
        If the plan asks for nothing, or the centre refuses the request there.
    """
    if force.plan.resources is None:
        raise ValueError("the plan has no resources: it asks its centre for nothing.")
    asked = replace(force.plan.resources, partition=partition)
    if broken := rules.broken(asked):
        raise ValueError(f"the centre refuses the job there: {'; '.join(broken)}.")
    return replace(force, plan=replace(force.plan, resources=asked))


@dataclass(frozen=True, slots=True)
class _Offer:
    """A partition, and what the plan would be there."""

    partition: str
    wait_s: float
    emissions_g: float
    in_time: bool


def migrate(
    force: Revision,
    checkpoints: int,
    intensity: Intensity,
    from_s: float,
    queue: Queue,
    rules: Rules,
    status: Status,
) -> Revision | None:
    """Return the plan of what is left of a waiting job in a better partition; None if there is none.

    Parameters
    ----------
    force, checkpoints, intensity, from_s
        As in `helpers.operate.revisions.revise`.
    queue : Queue
        What waits and runs now.
    rules : Rules
        What the centre allows.
    status : Status
        The job, as its scheduler knows it.
    """
    plan = force.plan
    if plan.resources is None or not status.partition or "," in status.partition:
        return None
    try:
        made = make_plan(
            left_after(plan.job, checkpoints - force.checkpoints),
            intensity,
            from_s,
            plan.deadline_s,
            suspension=plan.suspension,
            stretch=plan.stretch,
            margin_s=plan.margin_s,
            resources=plan.resources,
            zone=plan.zone,
        )
    except ValueError:  # it no longer fits, or nobody knows the grid so far ahead
        return None
    if made.schedule.start_s[0] > queue.now_s + SOON_S:
        return None
    others = replace(queue, jobs=tuple(j for j in queue.jobs if j.job_id != status.job_id))
    here = _offer(made, status.partition, others, intensity)
    offers = [
        _offer(made, place, others, intensity)
        for place in _places(plan.resources, status.partition, others, rules)
    ]
    better = [offer for offer in offers if _better(offer, here)]
    if not better:
        return None
    best = min(better, key=lambda offer: (offer.emissions_g, offer.wait_s))
    expected = replace(made.expected, wait_s=Span(best.wait_s), emissions_g=Span(best.emissions_g))
    asked = replace(plan.resources, partition=best.partition)
    return Revision(replace(made, resources=asked, expected=expected), checkpoints)


def _places(request: Resources, here: str, queue: Queue, rules: Rules) -> list[str]:
    """The other partitions that a request may go to."""
    price = rules.cost(replace(request, partition=here))
    preempted = {place.name for place in queue.places if place.preempted}
    found = []
    for place in rules.partitions:
        asked = replace(request, partition=place.name)
        if place.name == here or rules.broken(asked) or rules.cost(asked) > price:
            continue
        if place.name in preempted and here not in preempted:
            continue
        found.append(place.name)
    return found


def _offer(plan: Plan, partition: str, queue: Queue, intensity: Intensity) -> _Offer:
    """What a plan would be in a partition: all of its runs as much later as the first one waits."""
    assert plan.resources is not None
    start_s = float(plan.schedule.start_s[0])
    try:
        wait_s = queue.wait_s(replace(plan.resources, partition=partition), start_s)
        later = replace(
            plan.schedule,
            start_s=plan.schedule.start_s + wait_s,
            stop_s=plan.schedule.stop_s + wait_s,
        )
        grams = charge(later, plan.job, intensity, plan.suspension).emissions_g
    except ValueError:  # it is not in the queue's sight, or waits for longer than the grid is known
        return _Offer(partition, math.inf, math.inf, False)
    return _Offer(partition, wait_s, grams, start_s + wait_s <= plan.last_moment_s())


def _better(offer: _Offer, here: _Offer) -> bool:
    """Whether a partition is worth a move."""
    if offer.in_time != here.in_time:
        return offer.in_time
    if not math.isfinite(offer.emissions_g):
        return False
    if offer.emissions_g <= (1.0 - WORTH) * here.emissions_g:
        return True
    earlier = offer.wait_s <= here.wait_s - EARLIER_S
    return earlier and offer.emissions_g <= here.emissions_g
