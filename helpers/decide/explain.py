"""Why a job waits, starts, is paused or runs on: the decision taken again with one fact changed.

An explanation is contrastive [1]_: it names the smallest change of *one* fact with which the
decision about the job would have been the other one. Nothing is read off the policy's code: each
change is tried on a copy of the decision (`helpers.decide.moment`), so that what is said is true
of any policy. The facts are those the policy may know: the carbon intensity now, what the job
asked for, its cores, its longest wait, when it came, and whose cores are free.

What was decided before stands: a change is one of this decision, not of history.

References
----------
.. [1] T. Miller, "Explanation in artificial intelligence: insights from the social sciences",
   Artificial Intelligence 267, 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from helpers.decide import moment as facts
from helpers.decide.moment import Act, Change, Moment, Scene
from helpers.decide.view import Job, View

__all__ = ["FACTS", "Clock", "Counterfactual", "Explanation", "Grams", "explain", "explain_each"]

FACTS = ("intensity", "requested", "processors", "longest wait", "submitted", "ended")
"""Facts that are changed, one at a time."""

Did = Literal["waits", "starts", "stays paused", "resumes", "is paused", "runs on"]

_FLIPPED = {
    "waits": "would start now",
    "starts": "would wait",
    "stays paused": "would resume now",
    "resumes": "would stay paused",
    "is paused": "would run on",
    "runs on": "would be paused",
}
_STEP_G = 0.1  # intensities are told to 0.1 g/kWh
_MOST_G = 5000.0  # no grid is dirtier [g CO2e/kWh]
_LONGEST_S = 366 * 86400.0
_FEW = 8  # jobs whose end is tried one by one


@dataclass(frozen=True)
class Clock:
    """How instants are told.

    Parameters
    ----------
    origin_s : float
        Epoch second of second 0 [s]; NaN where it is not known.
    time_zone : str
        The clock.
    """

    origin_s: float = math.nan
    time_zone: str = "UTC"

    def tell(self, time_s: float, now_s: float) -> str:
        """Return an instant in words: the hour, and the day where it is another than now's."""
        if not math.isfinite(self.origin_s):
            return f"second {time_s:,.0f}"
        zone = ZoneInfo(self.time_zone)
        told, now = (datetime.fromtimestamp(self.origin_s + t, zone) for t in (time_s, now_s))
        day = "" if told.date() == now.date() else f"{told:%a} {told.day} {told:%b} "
        return f"{day}{told:%H:%M}"


class Grams(NamedTuple):
    """What a decision came to, counted after the fact.

    Attributes
    ----------
    now_g : float
        What the job would have caused from now on, begun (or, if it was paused, run on) now and
        never stopped [g CO2e]; NaN where the intensity does not reach so far.
    got_g : float
        What it caused from now on as it went [g CO2e].
    got_s : float
        When it was begun, or begun again [s since second 0].
    """

    now_g: float
    got_g: float
    got_s: float


@dataclass(frozen=True)
class Counterfactual:
    """The smallest change of one fact that turns a decision.

    Attributes
    ----------
    fact : str
        One of `FACTS`; "together" where several at once are needed, which the words name.
    present, value, short_of : float
        The fact as it is; as it must be; and the nearest value tried at which the decision
        stays as it is. Of "ended" and "together": how many jobs are to have ended.
    unit : str
        Of the three.
    jobs : tuple
        Names of the jobs that are to have ended, or before which it is to have come.
    words : str
        The condition, for people.
    """

    fact: str
    present: float
    value: float
    short_of: float
    unit: str
    words: str
    jobs: tuple = ()
    change: Change = field(repr=False, compare=False, default=lambda scene: None)
    smaller: Change | None = field(repr=False, compare=False, default=None)


@dataclass(frozen=True)
class Explanation:
    """Why a decision did with a job what it did.

    Attributes
    ----------
    job_id : hashable
        The job.
    policy : str
        Who decided.
    now_s : float
        When [s since second 0].
    did : {"waits", "starts", "stays paused", "resumes", "is paused", "runs on"}
        What became of the job.
    latest_s : float
        When it has waited as long as its user accepts [s]; inf without limit.
    counterfactuals : tuple of Counterfactual
        Smallest changes that turn the decision, one a fact; where no fact alone does, one of
        several "together".
    tried : tuple of str
        Facts that were changed, those that do not turn it included.
    grams : Grams or None
        What it came to.
    clock : Clock
        How instants are told.
    """

    job_id: Any
    policy: str
    now_s: float
    did: Did
    latest_s: float
    counterfactuals: tuple[Counterfactual, ...]
    tried: tuple[str, ...]
    grams: Grams | None = None
    clock: Clock = Clock()

    @property
    def lines(self) -> list[str]:
        """Two or three lines for people, with units."""
        return [f"{self.clock.tell(self.now_s, self.now_s)}: {self.what}", self.why]

    @property
    def what(self) -> str:
        """What became of the job, and what that comes to, in one sentence or two."""
        head = f"job {self.job_id} {self.did}"
        if self.latest_s < math.inf and self.did in ("waits", "stays paused"):
            head += f" (accepted until {self.clock.tell(self.latest_s, self.now_s)})"
        grams = self.grams
        if grams is None or self.did == "runs on":
            return head + "."
        if self.did in ("starts", "resumes"):
            return f"{head}; to its end it causes {_grams(grams.got_g)}."
        got = self.clock.tell(grams.got_s, self.now_s)
        wait_s = grams.got_s - self.now_s
        later = f"+{_lasting(60 * round(wait_s / 60) if wait_s >= 600 else wait_s)}"
        if math.isnan(grams.now_g):
            return f"{head}. From {got} ({later}): {_grams(grams.got_g)}."
        verb = "Run on" if self.did == "is paused" else "Begun now"
        change = _signed(grams.got_g - grams.now_g)
        return (
            f"{head}. {verb}: {_grams(grams.now_g)}; from {got}: {_grams(grams.got_g)} "
            f"({change}, {later})."
        )

    @property
    def why(self) -> str:
        """What would have turned the decision, in one sentence."""
        if not self.counterfactuals:
            return f"None of these alone would change that: {', '.join(self.tried)}."
        ways = "; or if ".join(c.words for c in self.counterfactuals)
        return f"It {_FLIPPED[self.did]} if {ways}."

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain types for JSON; what is not finite is None."""
        ways = [
            {
                "fact": c.fact,
                "present": _plain(c.present),
                "value": _plain(c.value),
                "short_of": _plain(c.short_of),
                "unit": c.unit,
                "jobs": [str(job) for job in c.jobs],
                "words": c.words,
            }
            for c in self.counterfactuals
        ]
        return {
            "job_id": str(self.job_id),
            "policy": self.policy,
            "now_s": self.now_s,
            "epoch_s": _plain(self.clock.origin_s + self.now_s),
            "did": self.did,
            "latest_s": _plain(self.latest_s),
            "grams": None if self.grams is None else [*map(_plain, self.grams)],
            "counterfactuals": ways,
            "tried": list(self.tried),
            "lines": self.lines,
        }


def explain(
    moment: Moment,
    number: int,
    *,
    clock: Clock | None = None,
    grams: Grams | None = None,
    among: Sequence[str] = FACTS,
) -> Explanation:
    """Explain what a decision did with a job.

    Parameters
    ----------
    moment : Moment
        The decision.
    number : int
        The job's number: its row in the workload's table.
    clock : Clock, optional
        How instants are told; by default in seconds.
    grams : Grams, optional
        What it came to.
    among : sequence of str
        Which of `FACTS` to change.

    Returns
    -------
    Explanation
        With the smallest change of each fact that turns the decision, where one does.

    Raises
    ------
    ValueError
        If the job neither waits nor runs at that instant, or `among` names another fact.

    Notes
    -----
    Thresholds are found by bisection between the fact as it is, which does not turn the decision,
    and its extreme, which does: the decision turns at `Counterfactual.value` and does not one
    step short of it. If a policy turns several times in between, one of these turns is found.
    """
    told = {} if grams is None else {number: grams}
    return explain_each(moment, [number], clock=clock, grams=told, among=among)[0]


def explain_each(
    moment: Moment,
    numbers: Iterable[int],
    *,
    clock: Clock | None = None,
    grams: Mapping[int, Grams] | None = None,
    among: Sequence[str] = FACTS,
) -> list[Explanation]:
    """Explain what one decision did with each of several jobs; see `explain`.

    What is asked of all of them alike, such as another intensity, is tried once.

    Parameters
    ----------
    moment, clock, among
        As for `explain`.
    numbers : iterable of int
        The jobs' numbers.
    grams : mapping of int to Grams, optional
        What it came to, by number.

    Returns
    -------
    list of Explanation
        One for each number.

    Raises
    ------
    ValueError
        As `explain`.
    """
    strangers = [name for name in among if name not in FACTS]
    if strangers:
        raise ValueError(f"among names {strangers[0]!r}: choose of {', '.join(FACTS)}.")
    tries, clock, grams = _Tries(moment), clock or Clock(), grams or {}
    return [_explained(tries, number, clock, grams.get(number), among) for number in numbers]


def _explained(
    tries: _Tries, number: int, clock: Clock, grams: Grams | None, among: Sequence[str]
) -> Explanation:
    job = _find(tries.view, number, tries.moment, clock)
    question = _Question(tries, job, clock, _outcome(tries.decide(), number, job.state))
    ways, tried = [], []
    for name in among:
        find = getattr(question, "by_" + name.replace(" ", "_"))
        found = find()
        if found is not None:
            tried.append(name)
            ways += [found] if isinstance(found, Counterfactual) else []
    if not ways and "ended" in tried:
        ways = question.together()
    return Explanation(
        job.job_id,
        tries.moment.policy,
        tries.moment.now_s,
        question.did,
        job.latest_start_s + job.ran_s,
        tuple(ways),
        tuple(tried),
        grams,
        clock,
    )


class _Tries:
    """One decision taken again and again; what was tried before is not tried again."""

    def __init__(self, moment: Moment) -> None:
        self.moment, self.view = moment, moment.scene().view
        self._known: dict[Hashable, list[Act]] = {}

    def decide(self, change: Change | None = None, key: Hashable = None) -> list[Act]:
        """Decide with a change; its key says whose answer can serve for other jobs, too."""
        if change is not None and key is None:
            return self.moment.decide(change)
        if key not in self._known:
            self._known[key] = self.moment.decide(*([] if change is None else [change]))
        return self._known[key]


def _find(view: View, number: int, moment: Moment, clock: Clock) -> Job:
    for jobs in (view.queue, view.suspended, view.running):
        if number in jobs:
            return jobs[number]
    when = clock.tell(moment.now_s, moment.now_s)
    raise ValueError(
        f"job number {number} neither waits nor runs at {when} ({moment.now_s:g} s): it had not "
        "come yet, or has ended; ask for another instant."
    )


def _outcome(acts: list[Act], number: int, state: str) -> Did:
    """Return what became of a job; the last act on it counts."""
    mine = [act.action for act in acts if act.job == number]
    for action in reversed(mine):
        if action == "start":
            return "starts"
        if action == "resume":
            return "resumes"
        if action in ("suspend", "stop"):
            return "is paused" if state == "running" else "waits"
    if state in ("queued", "suspended"):
        return "waits" if state == "queued" else "stays paused"
    return "runs on"


_NO = object()  # the fact was changed and does not turn the decision
Found = Counterfactual | object | None  # None: the fact does not bear on this decision


class _Question:
    """One decision and one job: tries changes of facts."""

    def __init__(self, tries: _Tries, job: Job, clock: Clock, did: Did) -> None:
        self.tries, self.job, self.clock, self.did = tries, job, clock, did
        self.moment, self.view = tries.moment, tries.view
        self.waits = did in ("waits", "stays paused")
        # Whether the job fares badly: then facts are changed for the better, else for the worse.
        self.better = self.waits or did == "is paused"
        self.queued = job.state in ("queued", "suspended")

    def flips(self, change: Change, key: Hashable = None) -> bool:
        """Tell whether the decision about the job is another one with a fact changed."""
        acts = self.tries.decide(change, key)
        return _outcome(acts, self.job.number, self.job.state) != self.did

    def _search(
        self, near: int, far: int, change: Callable[[int], Change], kind: Hashable = None
    ) -> tuple[int, int | None] | None:
        """Return a turn between the present and an extreme: where, and one step short of it.

        The second is None where that is the fact as it is. `kind` names a change that is the same
        for all jobs.
        """
        toward = 1 if far > near else -1

        def flips(value: int) -> bool:
            """Return whether such a value turns the decision."""
            return self.flips(change(value), None if kind is None else (kind, value))

        if not (far - near) * toward > 0 or not flips(far):
            return None
        low, high = near, far  # does not turn at low: it is the fact as it is, or was tried
        while abs(high - low) > 1:
            middle = (low + high) // 2
            if flips(middle):
                high = middle
            else:
                low = middle
        return high, None if low == near else low

    # -- facts, one a method: None if it does not bear, _NO if it does not turn ----------------

    def by_intensity(self) -> Found:
        """At which carbon intensity now it would be otherwise."""
        present = self._intensity()
        if present is None:
            return None
        units = present / _STEP_G
        near = math.ceil(units) if self.better else math.floor(units)
        far = min(0, near - 1) if self.better else max(round(_MOST_G / _STEP_G), near + 1)
        found = self._search(
            near, far, lambda n: facts.intensity_g_per_kwh(n * _STEP_G), "intensity"
        )
        if found is None:
            return _NO
        value, short = found[0] * _STEP_G, present if found[1] is None else found[1] * _STEP_G
        bound = "at most" if self.better else "at least"
        words = f"the intensity were {bound} {value:.1f} g/kWh (it is {present:.1f})"
        return self._way(
            "intensity", present, value, short, "g/kWh", words, facts.intensity_g_per_kwh
        )

    def _intensity(self) -> float | None:
        """Return the intensity now [g CO2e/kWh]; None where nobody knows it."""
        try:
            return float(self.view.intensity_g_per_kwh)
        except ValueError:
            return None

    def by_requested(self) -> Found:
        """By which time asked for."""
        if not self.queued:
            return None
        present, step = self.job.requested_s, _step_s(self.job.requested_s)
        return self._by_time(
            "requested", present, step, step, "it asked for", facts.requested_s, "asked for"
        )

    def by_longest_wait(self) -> Found:
        """By which longest wait."""
        present = self.job.longest_wait_s
        if not present < math.inf:
            return None
        return self._by_time(
            "longest wait",
            present,
            _step_s(present),
            0.0,
            "its user accepted to wait",
            facts.longest_wait_s,
            "accepted",
        )

    def _by_time(
        self,
        fact: str,
        present: float,
        step: float,
        least: float,
        verb: str,
        make: Callable[[Job, float], Change],
        past: str,
    ) -> Found:
        units = present / step
        near = math.ceil(units) if self.better else math.floor(units)
        far = round(least / step) if self.better else max(round(_LONGEST_S / step), near + 1)
        job = self.job
        try:
            found = self._search(near, far, lambda n: make(job, n * step))
        except NotImplementedError:
            return None
        if found is None:
            return _NO
        value, short = found[0] * step, present if found[1] is None else found[1] * step
        bound = "at most" if self.better else "at least"
        words = f"{verb} {bound} {_lasting(value)} ({past}: {_lasting(present)})"
        return self._way(fact, present, value, short, "s", words, lambda x: make(job, x))

    def by_processors(self) -> Found:
        """With how many cores."""
        job, present = self.job, self.job.processors
        if not self.queued:
            return None
        far = 1 if self.better else self.view.cluster.cores
        try:
            found = self._search(present, far, lambda n: facts.processors(job, n))
        except NotImplementedError:
            return None
        if found is None:
            return _NO
        value, short = found[0], present if found[1] is None else found[1]
        bound = "at most" if self.better else "at least"
        words = f"it needed {bound} {value} {_plural(value, 'core')} (needs {present})"
        return self._way(
            "processors", present, value, short, "cores", words, lambda n: facts.processors(job, n)
        )

    def by_submitted(self) -> Found:
        """Before which of the jobs that wait it should have come."""
        job = self.job
        if not (self.waits and job.state == "queued"):
            return None
        ahead = [j for j in self.view.queue.values() if j.number < job.number]
        times = [float(np.nextafter(j.submit_s, -np.inf)) for j in ahead]
        try:
            found = self._search(len(ahead), 0, lambda n: facts.submitted_s(job, times[n]))
        except NotImplementedError:
            return None
        if found is None:
            return _NO if ahead else None
        place, short = found
        short_s = job.submit_s if short is None else times[short]
        when = self.clock.tell(ahead[place].submit_s, self.moment.now_s)
        words = f"it had come before job {ahead[place].job_id} ({when})"
        return self._way(
            "submitted",
            job.submit_s,
            times[place],
            short_s,
            "s",
            words,
            lambda x: facts.submitted_s(job, x),
            (ahead[place].job_id,),
        )

    def by_ended(self) -> Found:
        """With which jobs ended, in order of their expected ends."""
        if not self.better:
            return None
        return self._ended() if self._held else None

    def together(self) -> list[Counterfactual]:
        """With which of its facts at their best at once, and jobs ended: as few as will do."""
        first, clean = self._at_best()
        both = [(f"{a[0]}, {b[0]}", _all(a[1], b[1])) for a in first for b in clean]
        # Neither alone turns it, or it would have been found; both may, with nobody ended.
        for (_, alone), (words, change) in zip(first, both, strict=False):
            with suppress(NotImplementedError):
                if self.flips(change):
                    words = words.replace(", ", ", and ")
                    return [
                        Counterfactual("together", 0.0, 0.0, 0.0, "jobs", words, (), change, alone)
                    ]
        for words, change in (*first, *clean, *both):
            with suppress(NotImplementedError):
                found = self._ended(f"{words}, and ", change)
                if isinstance(found, Counterfactual):
                    return [found]
        return []

    def _at_best(self) -> tuple[list[tuple[str, Change]], list[tuple[str, Change]]]:
        """Return what puts the job first, and what makes the grid clean, where there is such."""
        first: list[tuple[str, Change]] = []
        clean: list[tuple[str, Change]] = []
        if self.did == "waits" and len(self.view.queue) > 1:
            first_s = min(j.submit_s for j in self.view.queue.values())
            first_s = float(np.nextafter(first_s, -np.inf))
            first.append(("it had come first of all", facts.submitted_s(self.job, first_s)))
        if self._intensity() is not None:
            clean.append(("the intensity were 0 g/kWh", facts.intensity_g_per_kwh(0.0)))
        return first, clean

    @property
    def _held(self) -> list[int]:
        """Jobs that hold cores, in order of their expected ends."""
        return [number for _, number, _ in self.view.releases if number != self.job.number]

    def _ended(self, before: str = "", first: Change | None = None) -> Found:
        """Find how many jobs must have ended, with another fact changed before."""
        held = self._held

        def change(count: int) -> Change:
            """Return the change that ends the first so many jobs."""
            ended = facts.ended(held[:count])
            return ended if first is None else _all(first, ended)

        # Who waits holds no cores: for all of them the first jobs to end are the same.
        kind = "ended" if first is None and self.waits else None
        few, short = min(_FEW, len(held)), -1
        tries = range(1, few + 1)
        count = next((n for n in tries if self.flips(change(n), kind and (kind, n))), 0)
        if count:
            short = count - 1
        else:
            turned = self._search(few, len(held), change, kind)
            if turned is None:
                return _NO
            count, short = turned[0], turned[1] or few
        jobs = tuple(self.view.running[number] for number in held[:count])
        cores = sum(j.processors for j in jobs)
        words = f"{before}{cores} {_plural(cores, 'core')} more were free ({self._whose(jobs)})"
        ids = tuple(j.job_id for j in jobs)
        smaller = change(short) if short or first else None
        fact = "ended" if first is None else "together"
        return Counterfactual(
            fact, 0.0, float(count), float(short), "jobs", words, ids, change(count), smaller
        )

    def _whose(self, jobs: tuple[Job, ...]) -> str:
        last, now_s = jobs[-1], self.moment.now_s
        name = (
            f"job {last.job_id}" if len(jobs) == 1 else f"{len(jobs)} jobs, the last {last.job_id}"
        )
        if last.expected_end_s <= now_s:
            return f"{name}, past its planned end"
        return f"{name}, planned to end {self.clock.tell(last.expected_end_s, now_s)}"

    def _way(
        self,
        fact: str,
        present: float,
        value: float,
        short_of: float,
        unit: str,
        words: str,
        make: Callable[[Any], Change],
        jobs: tuple = (),
    ) -> Counterfactual:
        # One parameter for each fact of a `Counterfactual`, and what makes its changes.
        smaller = None if short_of == present else make(short_of)
        return Counterfactual(
            fact, float(present), float(value), float(short_of), unit, words, jobs,
            make(value), smaller,
        )  # fmt: skip


def _all(*changes: Change) -> Change:
    """Return several changes as one."""

    def change(scene: Scene) -> None:
        """Make one change after the other."""
        for one in changes:
            one(scene)

    return change


def _step_s(length_s: float) -> float:
    """Return in which steps a length of time is told: minutes, but seconds for a short one [s]."""
    return 60.0 if length_s >= 600 else 1.0


def _lasting(length_s: float) -> str:
    """Return a length of time in words, to the second."""
    seconds = round(length_s)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def _grams(grams: float) -> str:
    """Return grams to three digits or so."""
    size = abs(grams)
    if size >= 9999.5:
        return f"{grams / 1000:,.1f} kg"
    return f"{grams:,.0f} g" if size >= 99.5 else f"{grams:.{1 if size >= 9.95 else 2}f} g"


def _signed(grams: float) -> str:
    told = _grams(abs(grams))
    return f"{'-' if grams < 0 else '+'}{told}"


def _plural(count: float, word: str) -> str:
    return word if count == 1 else f"{word}s"


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
