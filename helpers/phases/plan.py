"""What a run goes through, and by which events one sees it: the plan that a fit follows."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from glob import escape
from typing import Literal

from helpers.phases.model import PARTS
from helpers.power.events import BEGIN, END
from helpers.power.runs import Run

__all__ = ["Loop", "Plan", "Span", "plan_from_events"]


@dataclass(frozen=True, slots=True)
class Span:
    """A phase and the event at which it ends.

    Parameters
    ----------
    name : str
        Name the phase gets.
    until : str or tuple of str
        Name of the event at its end, or a shell-style pattern (``"Epoch * ended*"``), or several
        of which any will do. In a loop ``{round}`` stands for the number of the round
        (``"Epoch {round}.0 ended*"``).
    checkpoint : bool
        True when the phase ends in a checkpoint.
    """

    name: str
    until: str | tuple[str, ...]
    checkpoint: bool = False

    def ends(self, turn: int | None = None) -> tuple[str, ...]:
        """Return the names or patterns at its end, in a round of a loop with its number."""
        patterns = (self.until,) if isinstance(self.until, str) else self.until
        if turn is None:
            return patterns
        return tuple(pattern.replace("{round}", str(turn)) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Loop:
    """Spans that a run goes through several times.

    Parameters
    ----------
    name : str
        What one round is, for example ``"epoch"``.
    times : int
        How many rounds, 1 or more.
    spans : tuple of Span
        One round.
    first : int
        Number of the first round: above 1 in a run that resumes another.

    Raises
    ------
    ValueError
        If `times` is below 1 or there is no span.
    """

    name: str
    times: int
    spans: tuple[Span, ...]
    first: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "spans", tuple(self.spans))
        if self.times < 1 or not self.spans:
            raise ValueError(
                f"loop {self.name!r}: times(={self.times}) must be >= 1 and "
                f"spans(={len(self.spans)}) must not be empty."
            )

    @property
    def rounds(self) -> range:
        """Numbers of the rounds."""
        return range(self.first, self.first + self.times)


@dataclass(frozen=True, slots=True)
class Plan:
    """Phases of a run in order, and the events that end them.

    Parameters
    ----------
    name : str
        Name the fitted model gets.
    start : str or float
        Where the first phase begins: the name of an event (or a pattern), or seconds after
        the first sample of a run [s].
    startup, work, end : tuple of Span or Loop
        The three parts of the job; `work` must not be empty.
    ignore : tuple of str
        Names or patterns of events that end no phase.
    """

    name: str
    start: str | float
    startup: tuple[Span | Loop, ...]
    work: tuple[Span | Loop, ...]
    end: tuple[Span | Loop, ...] = ()
    ignore: tuple[str, ...] = ()

    def spans(self) -> Iterator[tuple[str, Span, Loop | None, int]]:
        """Yield part, span, its loop and the number of its round, loops written out."""
        for part in PARTS:
            for item in getattr(self, part):
                if isinstance(item, Span):
                    yield part, item, None, 1
                else:
                    for turn in item.rounds:
                        for span in item.spans:
                            yield part, span, item, turn

    def ends(self) -> list[tuple[str, ...]]:
        """Return the names or patterns at the end of each phase, loops written out."""
        return [span.ends(turn if loop else None) for _, span, loop, turn in self.spans()]


# What people call the moment at which a job is over.
_OVER = {"done", "end", "ended", "exit", "finish", "finished", "program end", "stop", "stopped"}


# Eight parameters: what people know of their events and a file cannot say; all but the events
# have a default that fits the plain case.
def plan_from_events(
    events: Sequence[str] | Run | Sequence[Run],
    *,
    marks: Literal["begin", "end"] | None = None,
    start: str | float | None = None,
    startup: Collection[str] = (),
    end: Collection[str] = (),
    checkpoints: Collection[str] = (),
    ignore: Collection[str] = (),
    name: str = "job",
) -> Plan:
    """Make the plan of a run out of the events that it has.

    Parameters
    ----------
    events : sequence of str, or Run, or sequence of Run
        Names of events in order, or the runs that have them: all in the same order.
    marks : {"begin", "end"}, optional
        Whether an event marks the begin of the phase that it names, which lasts until the next
        event, or its end. May be left out where events are called "... begin" and "... end", as
        those of `helpers.power.events.phase`; a moment between an end and the next begin then
        belongs to the phase after it.
    start : str or float, optional
        Where the first phase begins if events mark ends: an event, or seconds after the first
        sample [s]; the first sample by default.
    startup, end : collection of str
        Which phases are start-up (done again at every resume) and which come after all work; the
        others are work.
    checkpoints : collection of str
        Which work phases save what was done.
    ignore : collection of str
        Names or patterns of further events that mark nothing.
    name : str
        Name of the plan, and of the model fitted with it.

    Returns
    -------
    Plan
        Work phases that come again and again in one order are a `Loop` called "round".

    Raises
    ------
    ValueError
        If runs differ in their events, it is not known what events mark, a phase that is named
        does not occur or is not where it can be, or events that mark begins do not say when the
        last phase is over.
    """
    names = _names(events, ignore)
    if marks is None:
        return _plan_of_pairs(names, startup, end, checkpoints, ignore, name)
    if marks not in ("begin", "end"):
        raise ValueError(f"marks={marks!r} must be 'begin' or 'end'.")
    if marks == "end":
        if isinstance(start, str):
            if names[0] != start:
                raise ValueError(f"start={start!r} must be the first event, which is {names[0]!r}.")
            names = names[1:]
        phases = [(phase, phase) for phase in names]
        return _plan(phases, start or 0.0, startup, end, checkpoints, ignore, name)
    if start is not None:
        raise ValueError(f"start={start!r} says nothing where events mark begins: the first does.")
    if names[-1].lower() not in _OVER:
        raise ValueError(
            f"the last event is {names[-1]!r}: events that mark begins must also say when the last "
            "phase is over, by an event called 'end' or 'done'."
        )
    phases = list(itertools.pairwise(names))
    return _plan(phases, names[0], startup, end, checkpoints, ignore, name)


def _names(events: Sequence[str] | Run | Sequence[Run], ignore: Collection[str]) -> list[str]:
    """Return the names of the events that mark something, the same in all runs."""
    runs = [events] if isinstance(events, Run) else list(events)
    lists = [[event.name for event in run.events] for run in runs if isinstance(run, Run)] or [
        [str(event) for event in runs]
    ]
    kept = [
        [one for one in names if not any(fnmatchcase(one, pattern) for pattern in ignore)]
        for names in lists
    ]
    for place, names in enumerate(kept):
        if names != kept[0]:
            at = next(
                (i for i, (a, b) in enumerate(zip(names, kept[0], strict=False)) if a != b), None
            )
            where = (
                f"has {len(names)} events, not {len(kept[0])}"
                if at is None
                else f"has {names[at]!r} where the first has {kept[0][at]!r}"
            )
            raise ValueError(f"run {place} {where}: leave the run out, or name events in ignore.")
    if not kept[0]:
        raise ValueError("there are no events: phases without events are found by find_changes.")
    return kept[0]


def _plan_of_pairs(
    names: list[str],
    startup: Collection[str],
    end: Collection[str],
    checkpoints: Collection[str],
    ignore: Collection[str],
    name: str,
) -> Plan:
    """Make a plan of "... begin" and "... end": of the innermost phases, by their ends."""
    inner = [
        this.removesuffix(BEGIN)
        for this, after in itertools.pairwise(names)
        if this.endswith(BEGIN) and after == this.removesuffix(BEGIN) + END
    ]
    if not inner:
        raise ValueError(
            f"events such as {names[0]!r} do not say whether they mark a begin or an end: pass "
            "marks='begin' or marks='end'."
        )
    phases = [(phase, phase + END) for phase in inner]
    ends = {end for _, end in phases}
    passed = dict.fromkeys(escape(one) for one in names if one not in ends)
    return _plan(phases, inner[0] + BEGIN, startup, end, checkpoints, (*ignore, *passed), name)


def _plan(
    phases: list[tuple[str, str]],
    start: str | float,
    startup: Collection[str],
    end: Collection[str],
    checkpoints: Collection[str],
    ignore: Collection[str],
    name: str,
) -> Plan:
    """Make a plan of phases, each with the event at its end."""
    known = {phase for phase, _ in phases}
    given = {"startup": startup, "end": end, "checkpoints": checkpoints}
    for parameter, wanted in given.items():
        if isinstance(wanted, str):
            raise ValueError(f"{parameter}={wanted!r} must be a list of phases: [{wanted!r}].")
        for phase in wanted:
            if phase not in known:
                told = ", ".join(dict.fromkeys(phase for phase, _ in phases))
                raise ValueError(f"{parameter} names {phase!r}, but phases are {told}.")
    parts = [
        "startup" if phase in startup else "end" if phase in end else "work" for phase, _ in phases
    ]
    if [PARTS.index(part) for part in parts] != sorted(PARTS.index(part) for part in parts):
        raise ValueError(
            "phases must come in the order start-up, work, end, but come as "
            f"{', '.join(f'{phase} ({part})' for (phase, _), part in zip(phases, parts, strict=True))}."
        )
    spans = [Span(phase, escape(until), phase in checkpoints) for phase, until in phases]
    by_part = {
        part: [span for span, its in zip(spans, parts, strict=True) if its == part]
        for part in PARTS
    }
    return Plan(
        name=name,
        start=escape(start) if isinstance(start, str) else start,
        startup=tuple(_numbered(by_part["startup"])),
        work=_looped(by_part["work"]),
        end=tuple(_numbered(by_part["end"])),
        ignore=tuple(ignore),
    )


def _looped(spans: list[Span]) -> tuple[Span | Loop, ...]:
    """Return work phases as a loop if the same ones come again and again; else numbered."""
    names = [span.name for span in spans]
    for length in range(1, len(spans) // 2 + 1):
        times, rest = divmod(len(spans), length)
        if rest or names != names[:length] * times:
            continue
        if len(set(names[:length])) < length:
            continue
        # The last phase of a round ends where the next begins; that of the last round elsewhere.
        untils = tuple(dict.fromkeys(end for s in spans[length - 1 :: length] for end in s.ends()))
        last = replace(spans[length - 1], until=untils if len(untils) > 1 else untils[0])
        return (Loop("round", times, (*spans[: length - 1], last)),)
    return tuple(_numbered(spans))


def _numbered(spans: list[Span]) -> list[Span]:
    """Number phases that have the same name, so that each can be told."""
    count = Counter(span.name for span in spans)
    seen: Counter[str] = Counter()
    numbered = []
    for span in spans:
        seen[span.name] += 1
        several = count[span.name] > 1
        numbered.append(replace(span, name=f"{span.name} {seen[span.name]}") if several else span)
    return numbered
