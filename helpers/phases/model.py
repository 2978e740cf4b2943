"""A job as start-up, work and end phases, each with a duration and a power.

A job runs its start-up phases whenever it starts or resumes, its work phases once and
in order (some of them end in a checkpoint), and its end phases when all work is done.
Phases nest: an epoch of three phases repeated five times is one `Repeat`.

People write the tree of `Phase` and `Repeat`; what computes uses the flat `Profile` of
each part: edges in seconds and power in watts, as read-only arrays.

References
----------
V. Opitz, master's thesis, Hasso Plattner Institute, 2024: a job as a list of start-up
phases and a list of work phases with name, duration, power and checkpoint mark.
https://github.com/Quacck/master-thesis
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.timeline import StepFunction

__all__ = [
    "MAX_PHASES",
    "PARTS",
    "Phase",
    "PhaseModel",
    "Phases",
    "Profile",
    "Repeat",
    "Stop",
    "fill",
    "flatten",
    "generic_ml",
    "join",
    "steady_job",
]

PARTS = ("startup", "work", "end")
"""The three parts of a job, in the order in which they run."""

MAX_PHASES = 1_000_000
"""Most phases one part may have once its repeats are written out."""

Keep = Literal["checkpoints", "anywhere"]
"""What a stop keeps: work up to the last checkpoint, or all work done so far."""

_ROUNDING = 1e-11  # share of a time within which it counts as lying on an edge


def _text(owner: str, name: str) -> None:
    if not (isinstance(name, str) and name.strip() and name.isprintable()):
        raise ValueError(f"{owner}: name(={name!r}) must be one line of printable text.")


def _number(owner: str, name: str, value: float, *, positive: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"{owner}: {name}(={value!r}) must be a number.")
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        rule = "> 0" if positive else ">= 0"
        raise ValueError(f"{owner}: {name}(={value}) must be finite and {rule}.")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a job: constant power for some time.

    Parameters
    ----------
    name : str
        What the job does, for example ``"train"``.
    duration_s : float
        How long it takes [s], more than 0.
    power_w : float
        Mean power while it lasts [W], 0 or more.
    checkpoint : bool
        True when the work done so far is saved at the end of the phase.

    Raises
    ------
    ValueError
        If the name is no line of printable text or a number is out of range.
    """

    name: str
    duration_s: float
    power_w: float
    checkpoint: bool = False

    def __post_init__(self) -> None:
        _text("phase", self.name)
        owner = f"phase {self.name!r}"
        _number(owner, "duration_s", self.duration_s, positive=True)
        _number(owner, "power_w", self.power_w, positive=False)
        if not isinstance(self.checkpoint, bool):
            raise ValueError(f"{owner}: checkpoint(={self.checkpoint!r}) must be True or False.")
        object.__setattr__(self, "duration_s", float(self.duration_s))
        object.__setattr__(self, "power_w", float(self.power_w))

    @property
    def energy_j(self) -> float:
        """Energy of the phase [J]."""
        return self.duration_s * self.power_w


@dataclass(frozen=True, slots=True)
class Repeat:
    """Phases run one after the other, several times over.

    Parameters
    ----------
    times : int
        How often, 1 or more.
    phases : tuple of Phase or Repeat
        What is repeated, at least one.

    Raises
    ------
    ValueError
        If `times` is no whole number above 0 or `phases` is empty.
    """

    times: int
    phases: "Phases"

    def __post_init__(self) -> None:
        if isinstance(self.times, bool) or not isinstance(self.times, int | np.integer):
            raise ValueError(f"repeat: times(={self.times!r}) must be a whole number.")
        if self.times < 1:
            raise ValueError(f"repeat: times(={self.times}) must be >= 1.")
        object.__setattr__(self, "times", int(self.times))
        object.__setattr__(self, "phases", _as_phases("repeat", self.phases))
        if not self.phases:
            raise ValueError("repeat: phases(=()) must hold at least one phase.")


Phases = tuple[Phase | Repeat, ...]
"""Phases in the order they run, some of them nested in repeats."""


def _as_phases(owner: str, phases: Iterable[Phase | Repeat]) -> Phases:
    if isinstance(phases, Phase | Repeat):
        raise ValueError(f"{owner}: {phases!r} must stand in a list: [...].")
    phases = tuple(phases)
    for item in phases:
        if not isinstance(item, Phase | Repeat):
            raise ValueError(f"{owner}: {item!r} must be a Phase or a Repeat.")
    return phases


def _count(phases: Phases) -> int:
    return sum(1 if isinstance(p, Phase) else p.times * _count(p.phases) for p in phases)


def _walk(phases: Phases) -> Iterator[Phase]:
    for item in phases:
        if isinstance(item, Phase):
            yield item
        else:
            inner = tuple(_walk(item.phases))
            for _ in range(item.times):
                yield from inner


def flatten(phases: Iterable[Phase | Repeat]) -> tuple[Phase, ...]:
    """Write out every repeat.

    Parameters
    ----------
    phases : iterable of Phase or Repeat
        Phases in order.

    Returns
    -------
    tuple of Phase
        The same phases, one after the other.

    Raises
    ------
    ValueError
        If there are more than `MAX_PHASES` of them.
    """
    phases = _as_phases("phases", phases)
    count = _count(phases)
    if count > MAX_PHASES:
        raise ValueError(
            f"phases(={count} when repeats are written out) must be <= {MAX_PHASES}: "
            "use fewer repeats of longer phases."
        )
    return tuple(_walk(phases))


def fill(phases: Iterable[Phase | Repeat], duration_s: float) -> tuple[Phase, ...]:
    """Run phases round and round until a duration is reached, and cut the last one.

    Parameters
    ----------
    phases : iterable of Phase or Repeat
        One round, at least one phase.
    duration_s : float
        Total duration [s], more than 0.

    Returns
    -------
    tuple of Phase
        Phases that last `duration_s` together. A phase that is cut short is never
        completed and so loses its checkpoint mark.

    Raises
    ------
    ValueError
        If there is no phase, the duration is not above 0, or too many phases result.
    """
    _number("fill", "duration_s", duration_s, positive=True)
    one_round = flatten(phases)
    if not one_round:
        raise ValueError("fill: phases(=()) must hold at least one phase.")
    round_s = math.fsum(p.duration_s for p in one_round)
    rounds = math.ceil(duration_s / round_s)
    whole = flatten([Repeat(rounds, one_round)])
    result: list[Phase] = []
    left_s = duration_s
    for phase in whole:
        if left_s <= _ROUNDING * duration_s:
            break
        if phase.duration_s > left_s * (1 + _ROUNDING):
            phase = replace(phase, duration_s=left_s, checkpoint=False)
        result.append(phase)
        left_s -= phase.duration_s
    return tuple(result)


def _frozen(values: ArrayLike) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Profile:
    """Power over time of phases written out: step ``i`` holds on ``[edges[i], edges[i+1])``.

    Parameters
    ----------
    phases : tuple of Phase
        Phases in order, without repeats; may be empty.
    """

    phases: tuple[Phase, ...]

    @cached_property
    def edges_s(self) -> NDArray[np.float64]:
        """Start of each phase and end of the last [s], shape (n + 1,)."""
        return _frozen(np.cumsum([0.0, *(p.duration_s for p in self.phases)]))

    @cached_property
    def power_w(self) -> NDArray[np.float64]:
        """Power of each phase [W], shape (n,)."""
        return _frozen([p.power_w for p in self.phases])

    @cached_property
    def cumulative_j(self) -> NDArray[np.float64]:
        """Energy used up to each edge [J], shape (n + 1,)."""
        return _frozen(np.cumsum([0.0, *(p.energy_j for p in self.phases)]))

    @cached_property
    def checkpoints_s(self) -> NDArray[np.float64]:
        """Times at which a checkpoint is complete [s], shape (k,)."""
        marks = np.array([p.checkpoint for p in self.phases], dtype=bool)
        return _frozen(self.edges_s[1:][marks])

    @cached_property
    def steps(self) -> StepFunction:
        """Power over time [W] as a function of the seconds since the start.

        Raises
        ------
        ValueError
            If there is no phase, or one is too short to tell its two ends apart.
        """
        return StepFunction(self.edges_s, self.power_w, "the power of the job")

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each phase."""
        return tuple(p.name for p in self.phases)

    @property
    def duration_s(self) -> float:
        """Duration of all phases together [s]."""
        return float(self.edges_s[-1])

    @property
    def energy_j(self) -> float:
        """Energy of all phases together [J]."""
        return float(self.cumulative_j[-1])

    @property
    def mean_power_w(self) -> float:
        """Energy over duration [W]; 0 when there is no phase."""
        return self.energy_j / self.duration_s if self.phases else 0.0

    def power_at(
        self, times_s: ArrayLike, *, outside_w: float | None = None
    ) -> NDArray[np.float64]:
        """Power at some times.

        Parameters
        ----------
        times_s : array_like of float
            Times since the start [s], any shape, in any order.
        outside_w : float, optional
            Power to give before the start and after the end [W].

        Returns
        -------
        ndarray of float
            Power [W], same shape. The last instant belongs to the last phase.

        Raises
        ------
        ValueError
            If a time lies outside the profile and `outside_w` is not given.
        """
        times = np.asarray(times_s, dtype=np.float64)
        if times.size == 0:
            return np.empty(times.shape)
        low, high = times.min(), times.max()
        if math.isnan(low):
            raise ValueError("times_s(=nan) must be a time: drop missing times first.")
        beyond = low < 0 or high > self.duration_s or not self.phases
        if beyond and outside_w is None:
            first = low if low < 0 else high
            raise ValueError(
                f"times_s(={first}) must lie in [0, {self.duration_s}] s, where the profile is "
                "known: pass outside_w to say what is drawn before and after."
            )
        inner = self.edges_s[1:-1]
        if times.ndim == 1 and np.all(times[1:] >= times[:-1]):  # counting beats searching
            counts = np.diff(np.searchsorted(times, inner), prepend=0, append=times.size)
            power = np.repeat(self.power_w, counts) if self.phases else np.empty(times.shape)
        else:
            padded = self.power_w if self.phases else np.zeros(1)
            power = padded[np.searchsorted(inner, times, side="right")]
        if not beyond:
            return power
        assert outside_w is not None  # refused above
        if not self.phases:
            return np.full(times.shape, float(outside_w))
        return np.where((times < 0) | (times > self.duration_s), outside_w, power)

    def energy_until_j(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Energy used from the start up to some times.

        Parameters
        ----------
        times_s : array_like of float
            Times since the start [s], any shape.

        Returns
        -------
        ndarray of float
            Energy [J], same shape. Between two times it is a difference of two of these.

        Raises
        ------
        ValueError
            If a time lies outside ``[0, duration_s]``.
        """
        times = np.asarray(times_s, dtype=np.float64)
        if times.size and not (times.min() >= 0 and times.max() <= self.duration_s):
            bad = times[~((times >= 0) & (times <= self.duration_s))].flat[0]
            raise ValueError(
                f"times_s(={bad}) must lie in [0, {self.duration_s}] s, where the profile is known."
            )
        return np.interp(times, self.edges_s, self.cumulative_j)

    def between(self, start_s: float, stop_s: float) -> "Profile":
        """Return the piece from `start_s` to `stop_s` [s], its start becoming second 0.

        Parameters
        ----------
        start_s, stop_s : float
            Times since the start [s], ``0 <= start_s <= stop_s <= duration_s``.

        Returns
        -------
        Profile
            Phases in that piece; those cut are shorter, those cut at their end lose the
            checkpoint mark.

        Raises
        ------
        ValueError
            If the two times are out of order or outside the profile.
        """
        if not 0 <= start_s <= stop_s <= self.duration_s:
            raise ValueError(
                f"between(start_s={start_s}, stop_s={stop_s}) must hold "
                f"0 <= start_s <= stop_s <= {self.duration_s}."
            )
        start_s, stop_s = self._on_edge(start_s), self._on_edge(stop_s)
        pieces = []
        for phase, low, high in zip(self.phases, self.edges_s[:-1], self.edges_s[1:], strict=True):
            duration_s = min(high, stop_s) - max(low, start_s)
            if low >= start_s and high <= stop_s:
                pieces.append(phase)
            elif duration_s > 0:
                whole_end = bool(phase.checkpoint and high <= stop_s)
                pieces.append(replace(phase, duration_s=duration_s, checkpoint=whole_end))
        return Profile(tuple(pieces))

    def _on_edge(self, time_s: float) -> float:
        """Return the edge on which a time lies but for rounding, or else the time [s]."""
        edge_s = float(self.edges_s[np.argmin(np.abs(self.edges_s - time_s))])
        return edge_s if abs(edge_s - time_s) <= _ROUNDING * max(1.0, edge_s) else time_s

    def stretched(self, duration_s: float) -> "Profile":
        """Return it with all phases longer or shorter by one factor, `duration_s` [s] in all."""
        factor = duration_s / self.duration_s
        return Profile(tuple(replace(p, duration_s=factor * p.duration_s) for p in self.phases))


def join(profiles: Sequence[Profile]) -> Profile:
    """Run profiles one after the other.

    Parameters
    ----------
    profiles : sequence of Profile
        In order.

    Returns
    -------
    Profile
        All their phases.
    """
    return Profile(tuple(phase for profile in profiles for phase in profile.phases))


@dataclass(frozen=True, slots=True)
class Stop:
    """What a stop keeps and what it loses.

    Attributes
    ----------
    time_s : float
        When it was stopped, since this start or resume [s].
    part : {"startup", "work", "end"}
        Part of the job that was running.
    phase : str
        Phase that was running (at an edge: the one that begins).
    done_s, kept_s, lost_s : float
        Work done in all so far, work that a resume need not do again, and the
        difference between the two [s of work].
    spent_j : float
        Energy used since this start or resume [J].
    lost_j : float
        Energy of what was done and must be done again (lost work, begun end phases) [J].
    restart_j : float
        Energy of start-up phases that the stop adds to the job [J].
    """

    time_s: float
    part: str
    phase: str
    done_s: float
    kept_s: float
    lost_s: float
    spent_j: float
    lost_j: float
    restart_j: float

    @property
    def overhead_j(self) -> float:
        """Energy by which the job's total grows through stop and resume [J]."""
        return self.lost_j + self.restart_j


@dataclass(frozen=True)
class PhaseModel:
    """A job: start-up phases, work phases, end phases.

    Parameters
    ----------
    name : str
        Name of the model.
    startup : iterable of Phase or Repeat
        Run at the start and again at every resume; may be empty.
    work : iterable of Phase or Repeat
        Run once, in order; at least one.
    end : iterable of Phase or Repeat
        Run once all work is done; may be empty.

    Raises
    ------
    ValueError
        If the name is no line of printable text, the work is empty, a checkpoint stands outside the work, or a part
        has more than `MAX_PHASES` phases.
    """

    name: str
    startup: Phases
    work: Phases
    end: Phases = ()

    def __post_init__(self) -> None:
        _text("model", self.name)
        for part in PARTS:
            phases = _as_phases(f"model {self.name!r}, {part}", getattr(self, part))
            object.__setattr__(self, part, phases)
            for phase in flatten(phases):
                if phase.checkpoint and part != "work":
                    raise ValueError(
                        f"model {self.name!r}, {part}: phase {phase.name!r} has checkpoint=True, "
                        "but only work phases save work: move the mark into work."
                    )
        if not self.work:
            raise ValueError(f"model {self.name!r}: work(=()) must hold at least one phase.")

    @cached_property
    def startup_profile(self) -> Profile:
        """Start-up phases written out, second 0 = start or resume."""
        return Profile(flatten(self.startup))

    @cached_property
    def work_profile(self) -> Profile:
        """Work phases written out, second 0 = first work; its checkpoints in work seconds."""
        return Profile(flatten(self.work))

    @cached_property
    def end_profile(self) -> Profile:
        """End phases written out, second 0 = work done."""
        return Profile(flatten(self.end))

    @cached_property
    def profile(self) -> Profile:
        """The whole job, never interrupted."""
        return join([self.startup_profile, self.work_profile, self.end_profile])

    @property
    def duration_s(self) -> float:
        """Duration when never interrupted [s]."""
        return self.profile.duration_s

    @property
    def energy_j(self) -> float:
        """Energy when never interrupted [J]."""
        return self.profile.energy_j

    @property
    def mean_power_w(self) -> float:
        """Mean power when never interrupted [W]."""
        return self.profile.mean_power_w

    def power_at(
        self, times_s: ArrayLike, *, outside_w: float | None = None
    ) -> NDArray[np.float64]:
        """Power of the uninterrupted job at some times; see `Profile.power_at`."""
        return self.profile.power_at(times_s, outside_w=outside_w)

    def attempt(self, kept_s: float = 0.0) -> Profile:
        """Return what runs from a start or resume on, when never stopped again.

        Parameters
        ----------
        kept_s : float
            Work that need not be done again [s of work].

        Returns
        -------
        Profile
            All start-up phases, the work from `kept_s` on, all end phases.

        Raises
        ------
        ValueError
            If `kept_s` lies outside the work.
        """
        work = self.work_profile
        if not 0 <= kept_s <= work.duration_s:
            raise ValueError(f"kept_s(={kept_s}) must lie in [0, {work.duration_s}] s of work.")
        rest = work.between(kept_s, work.duration_s)
        return join([self.startup_profile, rest, self.end_profile])

    def last_checkpoint_s(self, work_s: float) -> float:
        """Return the last checkpoint at or before a point of the work.

        Parameters
        ----------
        work_s : float
            Work done [s of work].

        Returns
        -------
        float
            Its place [s of work]; 0 when none was reached. A point short of a checkpoint
            by no more than rounding counts as having reached it.
        """
        marks = self.work_profile.checkpoints_s
        reached = np.searchsorted(marks, work_s + _ROUNDING * max(1.0, work_s), side="right")
        return float(marks[reached - 1]) if reached else 0.0

    def stop_at(
        self, time_s: float, *, keep: Keep = "checkpoints", resumed_from_s: float = 0.0
    ) -> Stop:
        """Say what a stop keeps and loses.

        Parameters
        ----------
        time_s : float
            When, since this start or resume [s].
        keep : {"checkpoints", "anywhere"}
            Whether work is kept only up to the last checkpoint, or all of it (a suspended
            process whose memory is kept).
        resumed_from_s : float
            Work kept from earlier attempts [s of work]; 0 for the first.

        Returns
        -------
        Stop
            The account of the stop.

        Raises
        ------
        ValueError
            If the attempt has not begun or has ended at `time_s`, or `keep` is unknown.

        Notes
        -----
        The job's total energy with this stop and one resume is the energy without it plus
        ``overhead_j``: the start-up energy spent again, plus the energy of work and end
        phases done again. A stop during start-up adds what start-up had used.
        """
        if keep not in ("checkpoints", "anywhere"):
            raise ValueError(f"keep(={keep!r}) must be 'checkpoints' or 'anywhere'.")
        attempt = self.attempt(resumed_from_s)
        if not 0 <= time_s < attempt.duration_s:
            raise ValueError(
                f"time_s(={time_s}) must lie in [0, {attempt.duration_s}) s: the job, resumed from "
                f"{resumed_from_s} s of work, has ended by then."
            )
        startup, work, end = self.startup_profile, self.work_profile, self.end_profile
        left_s = work.duration_s - resumed_from_s
        working_s = time_s - startup.duration_s  # since start-up ended
        ending_s = min(max(working_s - left_s, 0.0), end.duration_s)
        done_s = min(resumed_from_s + max(working_s, 0.0), work.duration_s)
        kept_s = done_s
        if keep == "checkpoints":
            kept_s = min(done_s, max(resumed_from_s, self.last_checkpoint_s(done_s)))
        part = "startup" if working_s < 0 else "end" if working_s >= left_s and self.end else "work"
        index = int(np.searchsorted(attempt.edges_s[1:-1], time_s, side="right"))
        spent_j = float(attempt.energy_until_j(time_s))
        kept_j, done_j = work.energy_until_j([kept_s, done_s])
        return Stop(
            time_s=float(time_s),
            part=part,
            phase=attempt.names[index],
            done_s=float(done_s),
            kept_s=float(kept_s),
            lost_s=float(done_s - kept_s),
            spent_j=spent_j,
            lost_j=float(done_j - kept_j + end.energy_until_j(ending_s)),
            restart_j=min(spent_j, startup.energy_j),
        )

    def constant_twin(self, part: Literal["work", "whole"] = "work") -> "PhaseModel":
        """Return the same job with one constant power and equal energy.

        Parameters
        ----------
        part : {"work", "whole"}
            What becomes constant. ``"work"``: all work phases draw the mean power of the
            work, start-up and end stay as they are, so that a resume costs the same.
            ``"whole"``: every phase draws the mean power of the job, as in models that
            know one power a job.

        Returns
        -------
        PhaseModel
            Same names, durations, repeats and checkpoints; equal energy.

        Raises
        ------
        ValueError
            If `part` is unknown.
        """
        if part not in ("work", "whole"):
            raise ValueError(f"part(={part!r}) must be 'work' or 'whole'.")
        mean_w = self.work_profile.mean_power_w if part == "work" else self.mean_power_w

        def constant(phases: Phases) -> Phases:
            return _map(phases, lambda phase: replace(phase, power_w=mean_w))

        whole = part == "whole"
        return PhaseModel(
            name=f"{self.name}, constant {part}",
            startup=constant(self.startup) if whole else self.startup,
            work=constant(self.work),
            end=constant(self.end) if whole else self.end,
        )

    def with_work_duration(self, duration_s: float) -> "PhaseModel":
        """Return the job with its work stretched to a duration, power unchanged.

        Parameters
        ----------
        duration_s : float
            Duration of all work phases together [s], more than 0.

        Returns
        -------
        PhaseModel
            Every work phase is longer or shorter by the same factor.

        Raises
        ------
        ValueError
            If `duration_s` is not above 0.
        """
        _number(f"model {self.name!r}", "duration_s", duration_s, positive=True)
        factor = duration_s / self.work_profile.duration_s
        return replace(
            self,
            work=_map(
                self.work, lambda phase: replace(phase, duration_s=phase.duration_s * factor)
            ),
        )

    def flattened(self) -> "PhaseModel":
        """Return the job with every repeat written out."""
        return PhaseModel(self.name, *(flatten(getattr(self, part)) for part in PARTS))


def _map(phases: Phases, change: Callable[[Phase], Phase]) -> Phases:
    return tuple(
        change(p) if isinstance(p, Phase) else Repeat(p.times, _map(p.phases, change))
        for p in phases
    )


def steady_job(
    work_s: float,
    power_w: float,
    *,
    startup_s: float = 0.0,
    startup_power_w: float | None = None,
    checkpoint_every_s: float | None = None,
    name: str = "steady",
) -> PhaseModel:
    """Return a job of one power: a start-up, then work, with checkpoints at equal distances.

    Parameters
    ----------
    work_s : float
        Duration of the work [s].
    power_w : float
        Power while it works [W].
    startup_s : float
        Duration of each start-up [s]; 0 for none.
    startup_power_w : float, optional
        Power while it starts [W]; by default that of the work.
    checkpoint_every_s : float, optional
        Distance of checkpoints [s], a divisor of `work_s`; by default none is marked.
    name : str
        Name of the model.

    Raises
    ------
    ValueError
        If a number is out of range, or the distance does not divide the work.
    """
    watts = power_w if startup_power_w is None else startup_power_w
    startup = (Phase("start", startup_s, watts),) if startup_s else ()
    if checkpoint_every_s is None:
        return PhaseModel(name, startup, (Phase("work", work_s, power_w),))
    piece = Phase("work", checkpoint_every_s, power_w, checkpoint=True)
    pieces = round(work_s / checkpoint_every_s)
    if not math.isclose(pieces * checkpoint_every_s, work_s, rel_tol=_ROUNDING):
        raise ValueError(
            f"checkpoint_every_s(={checkpoint_every_s:g}) must divide work_s(={work_s:g}): the last "
            "piece would be shorter than the others."
        )
    return PhaseModel(name, startup, (Repeat(pieces, (piece,)),))


# Twelve parameters: a duration and a power a phase. They are the model; a class of them would
# say the same twelve words again.
def generic_ml(
    *,
    epochs: int = 5,
    start_s: float = 23.5,
    train_s: float = 7.6,
    evaluate_s: float = 1.5,
    save_s: float = 2.7,
    end_s: float = 1.6,
    start_w: float = 57.5,
    train_w: float = 234.0,
    evaluate_w: float = 141.0,
    save_w: float = 110.5,
    end_w: float = 123.0,
    name: str = "generic machine learning",
) -> PhaseModel:
    """Return a generic machine-learning job: start, then epochs of train, evaluate, save.

    Parameters
    ----------
    epochs : int
        How many epochs, 1 or more; each ends in a checkpoint.
    start_s, train_s, evaluate_s, save_s, end_s : float
        Duration of each phase [s].
    start_w, train_w, evaluate_w, save_w, end_w : float
        Power of each phase [W].
    name : str
        Name of the model.

    Returns
    -------
    PhaseModel
        Start-up phase "start"; `epochs` times "train", "evaluate", "save" (checkpoint);
        end phase "end".

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    A generic shape, not a measurement. The default numbers are rounded means of a small
    language model (RoBERTa) fine-tuned for five epochs on a desktop with one GPU, at the
    wall socket, idle power included [1]_; give your own for anything else.

    References
    ----------
    .. [1] V. Opitz, master's thesis, Hasso Plattner Institute, 2024.
       https://github.com/Quacck/master-thesis
    """
    epoch = (
        Phase("train", train_s, train_w),
        Phase("evaluate", evaluate_s, evaluate_w),
        Phase("save", save_s, save_w, checkpoint=True),
    )
    return PhaseModel(
        name=name,
        startup=(Phase("start", start_s, start_w),),
        work=(Repeat(epochs, epoch),),
        end=(Phase("end", end_s, end_w),),
    )
