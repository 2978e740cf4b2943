"""The best plan of a job that nobody knows the length of and that may pause: exact, on a grid.

**Problem.** Time is cut into slots. In each the job runs, starts up, or pauses. It has the length L_i
with probability w_i; after working for so many slots, its age a, it is still there with probability
S(a) = sum of w_i with L_i > a. A start and every resume repeat the start-up. What is learned on the
way is one thing: that the job is still there. So a plan that is revised whenever the job survives is
a list of slots in which it will run if it is still there, and what it is expected to emit is

    sum over working slots of S(age) p I(slot) + sum over start-up slots of S(age) q I(slot),

with p and q the power of work and start-up and I the intensity summed over the slot.

**Solved** backwards over slots and ages by dynamic programming, in a time that grows with slots x
ages. By Bellman's principle the rest of the plan is the best plan for whoever looks at the job later
and knows that it survived: the plan is its own revision (`RevisedPlan.rest` and its test).

With one length it is the best suspend and resume schedule on that grid; without pauses the start of
`helpers.schedule.uncertain`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Intensity
from helpers.schedule.uncertain import distribution
from helpers.timeline import Times, epoch_seconds

__all__ = ["RevisedPlan", "best_revised_plan"]

_PAUSED, _STARTING, _WORKING = 0, 1, 2
_WHOLE = 1e-6  # slots: rounding of lengths that are whole numbers of them


@dataclass(frozen=True, eq=False)
class RevisedPlan:
    """What a job does in each slot if it is still there.

    Parameters
    ----------
    edges_s : ndarray of float, shape (n + 1,)
        Borders of the slots [epoch s].
    does : ndarray of int, shape (n,)
        0 pauses, 1 starts up, 2 works.
    alive : ndarray of float, shape (n,)
        Probability that the job is still there in each slot [1].
    emissions_g : float
        Expected emissions [g CO2e].
    """

    edges_s: NDArray[np.float64]
    does: NDArray[np.int64]
    alive: NDArray[np.float64]
    emissions_g: float

    def runs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return starts and stops of the runs of a job that survives to the end [epoch s]."""
        on = np.concatenate([[False], self.does != _PAUSED, [False]])
        begins, stops = (np.flatnonzero(~on[:-1] & on[1:]), np.flatnonzero(on[:-1] & ~on[1:]))
        return self.edges_s[begins], self.edges_s[stops]

    def rest(self, slot: int) -> NDArray[np.int64]:
        """Return what is left to do for a job that is still there when a slot begins."""
        return self.does[slot:]

    def charged(
        self, intensity: Intensity, length_s: float, power_w: float = 1.0, startup_w: float = 1.0
    ) -> float:
        """Return what a job of a length [s] emits by this plan [g CO2e].

        Raises
        ------
        ValueError
            If it is longer than the plan's longest.
        """
        work = np.flatnonzero(self.does == _WORKING)
        step_s = float(self.edges_s[1] - self.edges_s[0])
        if length_s > step_s * len(work) * (1 + 1e-12):
            raise ValueError(
                f"length_s(={length_s:g}) is longer than the plan's longest, "
                f"{step_s * len(work):g} s: plan for it, too."
            )
        worked_s = step_s * np.clip(length_s / step_s - np.arange(len(work)), 0.0, 1.0)
        begin_s = self.edges_s[work]
        done = intensity.integral(begin_s, begin_s + worked_s)
        last = work[int(np.ceil(length_s / step_s - _WHOLE)) - 1]
        starting = np.flatnonzero(self.does[:last] == _STARTING)
        wasted = intensity.integral(self.edges_s[starting], self.edges_s[starting + 1])
        return float((power_w * np.sum(done) + startup_w * np.sum(wasted)) / JOULES_PER_KWH)


# Nine parameters: a distribution, a signal, a window, and the three numbers of the job.
def best_revised_plan(
    lengths_s: ArrayLike,
    weights: ArrayLike,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    step_s: float,
    power_w: float = 1.0,
    startup_s: float = 0.0,
    startup_w: float | None = None,
) -> RevisedPlan:
    """Return the plan with the least expected emissions.

    Parameters
    ----------
    lengths_s : array_like, shape (k,)
        Lengths the job may have [s], > 0; whole numbers of steps.
    weights : array_like, shape (k,)
        Probability of each [1].
    intensity : Intensity
        Carbon intensity from release to deadline.
    release, deadline : instant
        When it may start, and by when it must have ended however long it is; whole steps apart,
        what is left over is not used.
    step_s : float
        Length of a slot [s].
    power_w, startup_w : float
        Power while it works and while it starts up [W]; by default the same.
    startup_s : float
        Start-up at each start and resume [s], a whole number of steps.

    Returns
    -------
    RevisedPlan
        Of plans that are equally good one that starts early.

    Raises
    ------
    ValueError
        If a distribution breaks a rule, a length or start-up is no whole number of steps, or
        start-up and longest length do not fit before the deadline.
    """
    # So many parameters because a job of unknown length is no `PhaseModel`.
    lengths, shares = distribution(lengths_s, weights)
    ages = _whole(lengths, step_s, "lengths_s")
    delay = int(_whole(np.array([startup_s]), step_s, "startup_s")[0])
    first_s, last_s = (float(np.squeeze(epoch_seconds(t))) for t in (release, deadline))
    slots, longest = int((last_s - first_s) / step_s + _WHOLE), int(ages.max())
    if slots < longest + delay:
        raise ValueError(
            f"start-up and the longest length take {longest + delay} slots of {step_s:g} s, and "
            f"there are {slots} before the deadline: allow more time."
        )
    left = np.array([shares[ages > age].sum() for age in range(longest)] + [0.0])
    edges_s = np.asarray(first_s + step_s * np.arange(slots + 1), dtype=np.float64)
    grams = np.asarray(intensity.integral(edges_s[:-1], edges_s[1:])) / JOULES_PER_KWH
    starting_w = power_w if startup_w is None else startup_w
    does, expected_g = _solved(grams, left, delay, power_w, starting_w)
    age = np.concatenate([[0], np.cumsum(does == _WORKING)[:-1]])
    return RevisedPlan(edges_s, does, left[age], expected_g)


def _whole(values: NDArray[np.float64], step_s: float, name: str) -> NDArray[np.int64]:
    """Return values as numbers of steps."""
    if not step_s > 0:
        raise ValueError(f"step_s(={step_s}) must be > 0.")
    steps = np.round(values / step_s)
    bad = np.abs(values / step_s - steps) > _WHOLE
    if bad.any() or (values < 0).any():
        raise ValueError(
            f"{name} holds {values[bad | (values < 0)][0]:g} s, which is no whole number of steps "
            f"of {step_s:g} s: round it up, or take a finer step."
        )
    return steps.astype(np.int64)


def _solved(
    grams: NDArray[np.float64], left: NDArray[np.float64], delay: int, work_w: float, start_w: float
) -> tuple[NDArray[np.int64], float]:
    """Return what is done in each slot, and the expected emissions [g CO2e]."""
    slots, longest = len(grams), len(left) - 1
    until = np.concatenate([[0.0], np.cumsum(grams)])
    # Least emissions from a slot on, by age: of one that works in this slot, and of one that pauses.
    works = np.full((slots + 1, longest + 1), np.inf)
    paused = np.full((slots + 1, longest + 1), np.inf)
    begins = np.full((slots + 1, longest + 1), np.inf)
    works[:, longest] = paused[:, longest] = 0.0
    for slot in range(slots - 1, -1, -1):
        after = np.minimum(works[slot + 1], paused[slot + 1])
        works[slot, :-1] = work_w * left[:-1] * grams[slot] + after[1:]
        if slot + delay < slots:
            started_g = start_w * (until[slot + delay] - until[slot])
            begins[slot, :-1] = left[:-1] * started_g + works[slot + delay, :-1]
        paused[slot, :-1] = np.minimum(begins[slot], paused[slot + 1])[:-1]
    does, slot, age, on = np.zeros(slots, dtype=np.int64), 0, 0, False
    while age < longest:
        if on and works[slot, age] <= paused[slot, age]:
            does[slot] = _WORKING
            slot, age = slot + 1, age + 1
            continue
        on = bool(begins[slot, age] <= paused[slot + 1, age])
        if on:
            does[slot : slot + delay] = _STARTING
            does[slot + delay] = _WORKING  # nobody starts up to pause
            slot, age = slot + delay + 1, age + 1
        else:
            slot += 1
    return does, float(paused[0, 0])
