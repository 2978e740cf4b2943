r"""One job, a power cap for each slot, and pauses: the plan with the least emissions, exactly.

In each slot the job pauses or runs under one of some caps; the slot in which its work is done it
leaves at once. After a pause it starts up again, which takes time and energy and does no work.

**Rule.** A dynamic program over slots. What is known of the past is whether the job runs, how much
work is done, and what was emitted. Of two pasts that agree in the first, one with no more
work and no less emitted can be forgotten: whatever follows it, the other may do, too, and is done
no later with no more emitted, as long as no intensity is negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds

__all__ = ["CapPlan", "Level", "best_caps"]


class Level(NamedTuple):
    """A cap: what it is called [W], the speed under it [1], and the power drawn [W]."""

    cap_w: float
    speed: float
    power_w: float


@dataclass(frozen=True, eq=False)
class CapPlan:
    """A cap for each slot.

    Parameters
    ----------
    edges_s : ndarray of float, shape (n + 1,)
        Borders of the slots, epoch seconds [s].
    level : ndarray of int, shape (n,)
        Number of the level in each slot; -1 where the job pauses or is done.
    emissions_g : float
        Emissions, start-ups included [g CO2e].
    finish_s : float
        When the work is done, epoch seconds [s].
    """

    edges_s: NDArray[np.float64]
    level: NDArray[np.int64]
    emissions_g: float
    finish_s: float


class _Past(NamedTuple):
    """One way to have come here: work done [s], emitted [g], and the levels taken."""

    work_s: float
    emitted_g: float
    taken: tuple[int, ...]


def best_caps(
    levels: Sequence[Level],
    work_s: float,
    intensity: Intensity,
    release: Times,
    slots: int,
    *,
    step: Duration = "1h",
    startup: tuple[float, float] = (0.0, 0.0),
) -> CapPlan:
    """Return the caps and pauses with the least emissions.

    Parameters
    ----------
    levels : sequence of Level
        What the job may do when it runs.
    work_s : float
        Its work, in seconds at speed 1 [s].
    intensity : Intensity
        Carbon intensity over all slots, nowhere negative.
    release : instant
        When the first slot begins.
    slots : int
        How many there are; the job must be done by the end of the last.
    step : duration
        Length of a slot, e.g. "1h".
    startup : (float, float)
        Duration [s] and power [W] of a start-up, at the first start and after each pause; shorter
        than a slot.

    Raises
    ------
    ValueError
        If a value is out of range, an intensity is negative, or the work cannot be done in time.
    """
    step_s = duration_seconds(step)
    if not levels or not all(v.speed > 0 and v.power_w >= 0 for v in levels):
        raise ValueError("levels must hold one level or more, of speed > 0 and power_w >= 0.")
    if not work_s > 0 or slots < 1:
        raise ValueError(f"work_s(={work_s}) must be > 0 and slots(={slots}) >= 1.")
    if not 0 <= startup[0] < step_s or not startup[1] >= 0:
        raise ValueError(
            f"startup(={startup}) must be >= 0 and shorter than a slot of {step_s:g} s."
        )
    edges_s = float(epoch_seconds(release)) + step_s * np.arange(slots + 1.0)
    if (intensity.window(edges_s[0], edges_s[-1]).intensity_g_per_kwh < 0).any():
        raise ValueError("the intensity is negative somewhere: give one that is >= 0.")
    paused: list[_Past] = [_Past(0.0, 0.0, ())]
    running: list[_Past] = []
    best: tuple[float, float, tuple[int, ...]] | None = None
    for low_s, high_s in pairwise(edges_s.tolist()):
        went_on: list[_Past] = []
        for pasts, start_s in ((paused, startup[0]), (running, 0.0)):
            ready_s = low_s + start_s
            begin_g = startup[1] * float(intensity.per_watt_g(low_s, ready_s)) if start_s else 0.0
            whole = float(intensity.per_watt_g(ready_s, high_s))
            for past in pasts:
                for number, level in enumerate(levels):
                    taken = (*past.taken, number)
                    done_s = past.work_s + level.speed * (high_s - ready_s)
                    if done_s < work_s * (1 - 1e-12):
                        emitted_g = past.emitted_g + begin_g + level.power_w * whole
                        went_on.append(_Past(done_s, emitted_g, taken))
                        continue
                    stop_s = min(high_s, ready_s + (work_s - past.work_s) / level.speed)
                    last_g = level.power_w * float(intensity.per_watt_g(ready_s, stop_s))
                    whole_g = past.emitted_g + begin_g + last_g
                    if best is None or (whole_g, stop_s) < best[:2]:
                        best = whole_g, stop_s, taken
        waits = [past._replace(taken=(*past.taken, -1)) for past in (*paused, *running)]
        most_g = np.inf if best is None else best[0]
        paused, running = _undominated(waits, most_g), _undominated(went_on, most_g)
    if best is None:
        raise ValueError(f"{work_s:g} s of work cannot be done in {slots} slots: give more time.")
    level_of = np.full(slots, -1)
    level_of[: len(best[2])] = best[2]
    return CapPlan(edges_s, level_of, best[0], best[1])


def _undominated(pasts: list[_Past], most_g: float) -> list[_Past]:
    """Return the pasts that none other beats in work and emissions, and that may still be best."""
    kept: list[_Past] = []
    for past in sorted(pasts, key=lambda past: (-past.work_s, past.emitted_g)):
        if past.emitted_g < most_g and (not kept or past.emitted_g < kept[-1].emitted_g):
            kept.append(past)
    return kept
