"""What a stop may do: what suspending a job costs and keeps, and when it is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np

from helpers.phases.model import Keep, PhaseModel, Phases, Profile, flatten

__all__ = ["Suspension"]


@dataclass(frozen=True)
class Suspension:
    """What suspending a job costs, and when it is allowed.

    Parameters
    ----------
    save : iterable of Phase or Repeat
        Phases run at every stop, after the work and before the power falls; none by default.
        A stop that ends the job saves nothing.
    suspended_power_w : float
        Power drawn between a stop and the next start [W], >= 0.
    keep : {"anywhere", "checkpoints"}
        What a stop keeps. ``"anywhere"``: all work done so far. ``"checkpoints"``: work up to
        the last checkpoint; the rest is lost and must be done again, so that plans stop right
        after a checkpoint and nowhere else (see Notes).
    most_resumes : int, optional
        How often the job may be resumed, >= 0; by default without limit.
    least_run_s : float
        A run may be stopped only when it has lasted this long [s], start-up and saving
        included. The run that finishes the job may be shorter.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    A stop between two checkpoints repeats work. Where no intensity is negative, stopping at
    the checkpoint before instead emits no more, so a plan that never loses work is also
    optimal among those that may. Two cases are left out on purpose: a marginal intensity
    below zero, which would pay for wasted work, and a long `least_run_s`, which a run could
    sit out with work that is lost.
    """

    save: Phases = ()
    suspended_power_w: float = 0.0
    keep: Keep = "anywhere"
    most_resumes: int | None = None
    least_run_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "save", tuple(self.save))
        marked = [phase.name for phase in flatten(self.save) if phase.checkpoint]
        if marked:
            raise ValueError(
                f"save: phase {marked[0]!r} has checkpoint=True, but saving happens after the "
                "work it saves: leave the mark out."
            )
        for name in ("suspended_power_w", "least_run_s"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name}(={value}) must be finite and >= 0.")
        if self.keep not in get_args(Keep):
            raise ValueError(f"keep(={self.keep!r}) must be 'anywhere' or 'checkpoints'.")
        most = self.most_resumes
        if most is not None and (
            isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 0
        ):
            raise ValueError(f"most_resumes(={most!r}) must be a whole number >= 0, or None.")

    @cached_property
    def save_profile(self) -> Profile:
        """Phases of saving written out, second 0 = the end of the work before the stop."""
        return Profile(flatten(self.save))

    def kept_s(self, job: PhaseModel, work_s: float) -> float:
        """Return the work [s] that a stop after `work_s` seconds of work keeps."""
        return job.last_checkpoint_s(work_s) if self.keep == "checkpoints" else work_s
