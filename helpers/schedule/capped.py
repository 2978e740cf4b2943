r"""One job, a power cap for each slot, and pauses: the plan with the least emissions, exactly.

In each slot the job pauses or runs under one of some caps; the slot in which its work is done it
leaves at once. After a pause it starts up again, which takes time and energy and does no work.

**Rule.** A dynamic program over slots. What is known of the past is whether the job runs, how much
work is done, and what was emitted. Of two pasts that agree in the first, one with no more
work and no less emitted can be forgotten: whatever follows it, the other may do, too, and is done
no later with no more emitted, as long as no intensity is negative.

**Bound.** Measured speeds have no common measure, so that few pasts agree in work, and many are left.
Of those, most can be shown not to become best: what is left to do costs at least what it would cost
if each slot could be filled in any part, at its cheapest, with no start-up. A first plan, found
by following only the most promising pasts, makes that bite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.carbon.signal import Intensity
from helpers.timeline import Duration, Times, duration_seconds, epoch_seconds

__all__ = ["CapJob", "CapPlan", "Level", "best_caps", "slower_or_later"]


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


@dataclass(frozen=True)
class CapJob:
    """A job that may run under some caps.

    Parameters
    ----------
    levels : sequence of Level
        What it may do when it runs.
    work_s : float
        Its work, in seconds at speed 1 [s], > 0.
    startup : (float, float)
        Duration [s] and power [W] of a start-up, at the first start and after each pause.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    levels: Sequence[Level]
    work_s: float
    startup: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        if not self.levels or not all(v.speed > 0 and v.power_w >= 0 for v in self.levels):
            raise ValueError("levels must hold one level or more, of speed > 0 and power_w >= 0.")
        if not self.work_s > 0:
            raise ValueError(f"work_s(={self.work_s}) must be > 0.")
        if not (self.startup[0] >= 0 and self.startup[1] >= 0):
            raise ValueError(f"startup(={self.startup}) must be >= 0.")


def best_caps(
    job: CapJob,
    intensity: Intensity,
    release: Times,
    slots: int,
    *,
    step: Duration = "1h",
    may_pause: bool = True,
) -> CapPlan:
    """Return the caps and pauses with the least emissions.

    Parameters
    ----------
    job : CapJob
        The job; its start-up must be shorter than a slot.
    intensity : Intensity
        Carbon intensity over all slots, nowhere negative.
    release : instant
        When the first slot begins.
    slots : int
        How many there are; the job must be done by the end of the last.
    step : duration
        Length of a slot, e.g. "1h".
    may_pause : bool
        False: it starts at once and runs without a pause, so that it can only slow down.

    Raises
    ------
    ValueError
        If a value is out of range, an intensity is negative, or the work cannot be done in time.
    """
    step_s = duration_seconds(step)
    if slots < 1:
        raise ValueError(f"slots(={slots}) must be >= 1.")
    if not job.startup[0] < step_s:
        raise ValueError(f"startup(={job.startup}) must be shorter than a slot of {step_s:g} s.")
    edges_s = float(epoch_seconds(release)) + step_s * np.arange(slots + 1.0)
    if (intensity.window(edges_s[0], edges_s[-1]).intensity_g_per_kwh < 0).any():
        raise ValueError("the intensity is negative somewhere: give one that is >= 0.")
    program = _Program(job, intensity, edges_s, may_pause)
    best = program.run(_NOTHING, most=_FIRST)
    best = program.run(best, most=None)
    if best.taken is None:
        raise ValueError(
            f"{job.work_s:g} s of work cannot be done in {slots} slots: give more time."
        )
    level_of = np.full(slots, -1)
    level_of[: len(best.taken)] = best.taken
    return CapPlan(edges_s, level_of, best.emitted_g, best.finish_s)


class _Best(NamedTuple):
    """The best plan so far: emitted [g], when it is done [s], and the levels taken."""

    emitted_g: float
    finish_s: float
    taken: list[int] | None


_NOTHING = _Best(np.inf, np.inf, None)
_FIRST = 100  # pasts that are followed for the first plan


class _Pasts(NamedTuple):
    """Ways to have come to the end of a slot, and which past and level each came from."""

    running: NDArray[np.bool_]
    work_s: NDArray[np.float64]
    emitted_g: NDArray[np.float64]
    before: NDArray[np.int64]
    level: NDArray[np.int64]

    def only(self, which: NDArray) -> _Pasts:
        return _Pasts(*(column[which] for column in self))


class _Program:
    """The dynamic program, slot by slot."""

    def __init__(
        self, job: CapJob, intensity: Intensity, edges_s: NDArray[np.float64], may_pause: bool
    ) -> None:
        self.job, self.intensity, self.edges_s, self.may_pause = job, intensity, edges_s, may_pause
        self.speed = np.array([level.speed for level in job.levels])
        self.power_w = np.array([level.power_w for level in job.levels])
        self.left_g = self._least_left()

    def _least_left(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return for each slot what work after it costs at least: work [s] and grams, increasing."""
        lasts_s = np.diff(self.edges_s)
        # A job may end within a slot, in its cleanest part.
        least = np.array(
            [
                self.intensity.window(low_s, high_s).intensity_g_per_kwh.min()
                for low_s, high_s in zip(self.edges_s[:-1], self.edges_s[1:], strict=True)
            ]
        )
        work, cost = _hull(self.speed, self.power_w)
        pieces_s = np.diff(work)[:, None] * lasts_s  # work of each piece of each slot
        rate = np.diff(cost)[:, None] / np.diff(work)[:, None] * least / 3.6e6
        found = []
        for slot in range(len(lasts_s) + 1):
            order = np.argsort(rate[:, slot:], axis=None, kind="stable")
            more_s, price = pieces_s[:, slot:].ravel()[order], rate[:, slot:].ravel()[order]
            ends_s = np.concatenate([[0.0], np.cumsum(more_s)])
            found.append((ends_s, np.concatenate([[0.0], np.cumsum(more_s * price)])))
        return found

    def run(self, best: _Best, most: int | None) -> _Best:
        """Return the best plan, or a good one where only the `most` promising pasts are followed."""
        pasts = _Pasts(
            np.zeros(1, bool), np.zeros(1), np.zeros(1), np.zeros(1, int), np.full(1, -1)
        )
        history: list[_Pasts] = []
        for slot in range(len(self.edges_s) - 1):
            went_on, best = self._ran(pasts, slot, history, best)
            waits = pasts if self.may_pause else pasts.only(np.zeros(len(pasts.level), bool))
            place = np.arange(len(waits.level))
            waits = waits._replace(
                running=np.zeros_like(waits.running), before=place, level=np.full_like(place, -1)
            )
            kept = [_undominated(waits), _undominated(went_on)]
            pasts = _Pasts(*(np.concatenate(both) for both in zip(*kept, strict=True)))
            promise = pasts.emitted_g + self._left_g(slot + 1, pasts.work_s)
            pasts = pasts.only(promise < best.emitted_g * (1 - 1e-12))
            if most is not None and len(pasts.level) > most:
                promise = pasts.emitted_g + self._left_g(slot + 1, pasts.work_s)
                pasts = pasts.only(np.sort(np.argsort(promise, kind="stable")[:most]))
            history.append(pasts)
        return best

    def _left_g(self, slot: int, done_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the rest of the work emits at least [g], inf where it cannot be done."""
        ends_s, grams = self.left_g[slot]
        left_s = self.job.work_s * (1 - 1e-12) - done_s
        return np.where(left_s > ends_s[-1], np.inf, np.interp(left_s, ends_s, grams))

    def _ran(
        self, pasts: _Pasts, slot: int, history: list[_Pasts], best: _Best
    ) -> tuple[_Pasts, _Best]:
        """Return the pasts after a slot in which the job ran, and the best plan that ends in it."""
        low_s, high_s = self.edges_s[slot], self.edges_s[slot + 1]
        startup_s, startup_w = self.job.startup
        begin_g = startup_w * float(self.intensity.per_watt_g(low_s, low_s + startup_s))
        ready_s = np.where(pasts.running, low_s, low_s + startup_s)[:, None]
        whole = np.where(
            pasts.running,
            float(self.intensity.per_watt_g(low_s, high_s)),
            float(self.intensity.per_watt_g(low_s + startup_s, high_s)),
        )[:, None]
        before_g = (pasts.emitted_g + np.where(pasts.running, 0.0, begin_g))[:, None]
        done_s = pasts.work_s[:, None] + self.speed * (high_s - ready_s)
        ends = done_s >= self.job.work_s * (1 - 1e-12)
        if ends.any():
            row, level = np.nonzero(ends)
            needed_s = (self.job.work_s - pasts.work_s[row]) / self.speed[level]
            stop_s = np.minimum(high_s, ready_s[row, 0] + needed_s)
            last = np.asarray(self.intensity.per_watt_g(ready_s[row, 0], stop_s))
            whole_g = before_g[row, 0] + self.power_w[level] * last
            first = np.lexsort((stop_s, whole_g))[0]
            if (whole_g[first], stop_s[first]) < best[:2]:
                taken = [*_taken(history, int(row[first])), int(level[first])]
                best = _Best(float(whole_g[first]), float(stop_s[first]), taken)
        row, level = np.nonzero(~ends)
        emitted_g = before_g[row, 0] + self.power_w[level] * whole[row, 0]
        return _Pasts(np.ones(row.size, bool), done_s[row, level], emitted_g, row, level), best


def _taken(history: list[_Pasts], place: int) -> list[int]:
    """Return the levels taken on the way to a past."""
    taken = []
    for pasts in reversed(history):
        taken.append(int(pasts.level[place]))
        place = int(pasts.before[place])
    return taken[::-1]


def _hull(
    speed: NDArray[np.float64], power_w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the lower convex hull of a pause and the levels: speed and power."""
    corners = [(0.0, 0.0)]
    while True:
        at, cost = corners[-1]
        ahead = np.flatnonzero(speed > at)
        if not ahead.size:
            return np.array([c[0] for c in corners]), np.array([c[1] for c in corners])
        slope = (power_w[ahead] - cost) / (speed[ahead] - at)
        # Of equal slopes the farthest, so that corners are corners.
        nearest = ahead[np.lexsort((-speed[ahead], slope))[0]]
        corners.append((float(speed[nearest]), float(power_w[nearest])))


def _undominated(pasts: _Pasts) -> _Pasts:
    """Return the pasts that none other beats in work and emissions."""
    order = np.lexsort((pasts.emitted_g, -pasts.work_s))
    emitted_g = pasts.emitted_g[order]
    least = np.concatenate([[np.inf], np.minimum.accumulate(emitted_g)[:-1]])
    return pasts.only(order[emitted_g < least])


def slower_or_later(
    job: CapJob, intensity: Intensity, release: Times, slots: int, *, step: Duration = "1h"
) -> dict[str, float]:
    """Return what a job emits at once, slowed down, moved, paused, and by all of these [g CO2e].

    Parameters
    ----------
    job, intensity, release, slots, step
        As for `best_caps`. The last level is taken as no limit.

    Returns
    -------
    dict
        ``at once``: at the last level from the first slot on. ``slower``: the same without a pause,
        at the best level for each slot. ``later``: at the last level from the best slot on.
        ``pauses``: at the last level with the best pauses. ``both``: the best levels and pauses.
        Each is the least there is of its kind.

    Raises
    ------
    ValueError
        As for `best_caps`.
    """
    full = CapJob(job.levels[-1:], job.work_s, job.startup)
    both = best_caps(job, intensity, release, slots, step=step)
    slower = best_caps(job, intensity, release, slots, step=step, may_pause=False)
    pauses = best_caps(full, intensity, release, slots, step=step)
    last = job.levels[-1]
    start_s = both.edges_s[:-1]
    ready_s = start_s + job.startup[0]
    stop_s = ready_s + job.work_s / last.speed
    fits = stop_s <= both.edges_s[-1] * (1 + 1e-15)
    grams = job.startup[1] * np.asarray(intensity.per_watt_g(start_s[fits], ready_s[fits]))
    grams = grams + last.power_w * np.asarray(intensity.per_watt_g(ready_s[fits], stop_s[fits]))
    return {
        "at once": float(grams[0]),
        "slower": slower.emissions_g,
        "later": float(grams.min()),
        "pauses": pauses.emissions_g,
        "both": both.emissions_g,
    }
