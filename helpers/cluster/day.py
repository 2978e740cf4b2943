"""A day of a replay as a story: every decision about every job, asked and answered.

At each decision of the day each job that waits, runs or is paused is asked about
(`helpers.decide.explain`). What comes out can be read as a table, and as a part of a page: choose a
job and an instant, see why. The page holds all answers; nothing is computed or fetched there::

    day = Day.of(inquiry, "2020-09-07")
    day.why("7003", "14:00")
    day                                 # in a notebook: the page
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import escape
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from helpers.cluster.ask import Inquiry
from helpers.decide.explain import Explanation

__all__ = ["Day"]

_HOUR_S, _HALF_A_MINUTE_S = 3600.0, 30.0
_KEPT = ("waits", "stays paused")  # what keeps a job from running
_GROUPS = {
    "paused": "were paused that day",
    "waited": "waited that day",
    "others": "ran as soon as they came, or from the day before",
}


@dataclass(frozen=True, eq=False)
class Day:
    """Every decision of a day about every job, with its reasons.

    Attributes
    ----------
    inquiry : Inquiry
        The replay.
    start_s, stop_s : float
        The day [s since second 0].
    told : tuple of Explanation
        One a decision and job, in order of time.
    rows : ndarray of int, shape (n,)
        The job of each, as row of the workload's table.
    others : DataFrame
        For each job that was kept from running that day: ``job`` (row), ``longer_h`` and
        ``shorter_h``, by how much others ended later and earlier because it was held [h].
    """

    inquiry: Inquiry = field(repr=False)
    start_s: float
    stop_s: float
    told: tuple[Explanation, ...] = field(repr=False)
    rows: np.ndarray = field(repr=False)
    others: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, inquiry: Inquiry, date: str) -> Day:
        """Ask about every job at every decision of a day.

        Parameters
        ----------
        inquiry : Inquiry
            The replay, with its second 0.
        date : str
            The day, by the clock of the inquiry ("2020-09-07").

        Raises
        ------
        ValueError
            If the replay does not know when its second 0 was, or nothing was decided that day.
        """
        origin_s = inquiry.clock.origin_s
        if np.isnan(origin_s):
            raise ValueError("the replay does not know when second 0 was: give Inquiry an origin.")
        midnight = pd.Timestamp(date).tz_localize(inquiry.clock.time_zone)
        start_s = midnight.timestamp() - origin_s
        stop_s = (midnight + pd.DateOffset(days=1)).timestamp() - origin_s
        decided = [t for t in inquiry.decisions_s if start_s <= t < stop_s]
        if not decided:
            raise ValueError(f"nothing was decided on {date}: choose a day of the replay.")
        told, rows = [], []
        for moment in inquiry.moments(decided).values():
            view = moment.scene().view
            there = [*view.queue, *view.suspended, *view.running]
            told += inquiry.answers(moment, there)
            rows += there
        kept = sorted({row for row, one in zip(rows, told, strict=True) if one.did in _KEPT})
        others = pd.DataFrame(_on_others(inquiry, kept), columns=["job", "longer_h", "shorter_h"])
        return cls(inquiry, start_s, stop_s, tuple(told), np.array(rows), others)

    # -- what can be asked -----------------------------------------------------------------

    @cached_property
    def answers(self) -> pd.DataFrame:
        """One row a decision and job: ``time_s, job`` (row), ``did, what, why, turns_g_per_kwh``.

        The last is the intensity at which the decision would turn [g CO2e/kWh]; NaN for none.
        """
        turns = [
            next((way.value for way in one.counterfactuals if way.fact == "intensity"), np.nan)
            for one in self.told
        ]
        return pd.DataFrame(
            {
                "time_s": [one.now_s for one in self.told],
                "job": self.rows,
                "did": [one.did for one in self.told],
                "what": [one.what for one in self.told],
                "why": [one.why for one in self.told],
                "turns_g_per_kwh": turns,
            }
        )

    @cached_property
    def decisions(self) -> pd.Series:
        """How many decisions came out which way."""
        return self.answers["did"].value_counts()

    def why(self, job_id: Any, clock: str) -> Explanation:
        """Return why the last decision at or before a time of the day did with a job what it did.

        Parameters
        ----------
        job_id : hashable
            The job.
        clock : str
            The time, such as "14:05"; to the minute, its last second included.

        Raises
        ------
        KeyError
            If there is no such job.
        ValueError
            If the job was not there by then.
        """
        row = self.inquiry.row_of(job_id)
        hour, minute = map(int, clock.split(":"))
        there = np.flatnonzero(self.rows == row)
        found = [i for i in there if _clock(self, self.told[i].now_s) <= (hour, minute)]
        if not found:
            raise ValueError(
                f"job {job_id!r} was not there by {clock}: it came later, or had ended."
            )
        return self.told[found[-1]]

    def example(self, did: str, fact: str | None = None, but: str | None = None) -> Explanation:
        """Return the decision of one kind after which a job was kept from running longest.

        Of equals, and where no job was kept, the first of the day.

        Parameters
        ----------
        did : str
            As `Explanation.did`.
        fact, but : str, optional
            That the one, changed, would have turned, and the other not.

        Raises
        ------
        ValueError
            If there is none.
        """
        found = []
        for one in self.told:
            turns = {way.fact for way in one.counterfactuals}
            if one.did == did and (fact is None or fact in turns) and but not in turns:
                found.append(one)
        if not found:
            turned = "" if fact is None else f" that {fact!r} would have turned"
            turned += "" if but is None else f" and {but!r} not"
            raise ValueError(f"no decision of the day says {did!r}{turned}: choose another day.")
        return max(found, key=lambda one: 0.0 if one.grams is None else one.grams.got_s - one.now_s)

    def tell(self, did: str, fact: str | None = None, but: str | None = None) -> str:
        """Return `example` in lines of a page's width, or that there is none."""
        try:
            lines = self.example(did, fact, but).lines
        except ValueError:
            return f"No job {did} that day for this reason."
        return "\n".join("\n".join(wrap(line, 92)) for line in lines)

    @cached_property
    def grams(self) -> pd.DataFrame:
        """One row a decision that has its grams: what else would have been caused, what was.

        Columns ``time_s, job_id, did, now_g`` (begun or run on at once) and ``got_g`` (as it went)
        [g CO2e], ``later_h`` (until it was begun) [h].
        """
        rows = [
            {
                "time_s": one.now_s,
                "job_id": one.job_id,
                "did": one.did,
                "now_g": one.grams.now_g,
                "got_g": one.grams.got_g,
                "later_h": (one.grams.got_s - one.now_s) / _HOUR_S,
            }
            for one in self.told
            if one.grams is not None
        ]
        return pd.DataFrame(rows)

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """One row a job of the day, in order of submission.

        Columns ``job`` (row), ``job_id, processors, requested_s``, ``came, began, ended`` (by the
        clock), ``pauses`` of that day, ``waited_h`` of that day [h], ``group`` (paused, waited,
        others), ``first`` (the first answer of the day).
        """
        done, given = self.inquiry.replay.jobs, self.inquiry.replay.workload.jobs
        answers, rows = self.answers, np.unique(self.rows)
        firsts = answers.drop_duplicates("job").set_index("job")
        paused = answers[answers["did"] == "is paused"].groupby("job").size()
        table = pd.DataFrame({"job": rows, "job_id": given["job_id"].to_numpy()[rows]})
        table["processors"] = given["processors"].to_numpy()[rows]
        table["requested_s"] = given["requested_s"].to_numpy()[rows]
        for name, column in (("came", "submit_s"), ("began", "start_s"), ("ended", "end_s")):
            table[name] = [self._tell(t) for t in done[column].to_numpy()[rows]]
        table["pauses"] = paused.reindex(rows, fill_value=0).to_numpy()
        waited = [sum(b - a for kind, a, b in self._pieces(r) if kind != "runs") for r in rows]
        table["waited_h"] = np.array(waited) / _HOUR_S
        kept = np.where(table["waited_h"] * _HOUR_S > _HALF_A_MINUTE_S, "waited", "others")
        kept[
            np.isin(rows, answers.loc[answers["did"].isin(("is paused", "stays paused")), "job"])
        ] = "paused"
        table["group"] = kept
        table["first"] = [
            f"{self._tell(firsts.time_s[r])}: {firsts.what[r]} {firsts.why[r]}" for r in rows
        ]
        return table

    def _tell(self, time_s: float) -> str:
        return self.inquiry.clock.tell(time_s, self.start_s)

    def _pieces(self, row: int) -> Iterator[tuple[str, float, float]]:
        """Yield what a job did that day, piece by piece [s since second 0]."""
        runs = self.inquiry.replay.runs
        own = runs[runs["job"] == row]
        at_s, kind = float(self.inquiry.replay.jobs["submit_s"].iloc[row]), "waits"
        for start_s, stop_s in zip(own["start_s"], own["stop_s"], strict=True):
            for what, a, b in ((kind, at_s, start_s), ("runs", start_s, stop_s)):
                a, b = max(a, self.start_s), min(b, self.stop_s)
                if b > a:
                    yield what, a, b
            at_s, kind = stop_s, "paused"

    # -- how it is shown -------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Return everything the page shows, as plain types for JSON; times from the day's start.

        A sentence stands once, and an answer only where it is another than the one before.
        """
        words = _Words()
        times_s = np.unique(self.answers["time_s"])
        told: dict[int, list[list[Any]]] = {}
        last: dict[int, int] = {}
        for place, row, what, why, turns in self._placed(times_s):
            said = [words.place(what), words.place(why), turns]
            own = told.setdefault(row, [])
            if not own or own[-1][1:] != said:
                own.append([place, *said])
            last[row] = place
        others = self.others.set_index("job")
        jobs = [
            {
                "id": str(job["job_id"]),
                "group": job["group"],
                "head": _size(job["processors"], job["requested_s"]),
                "pieces": [
                    (kind, round(a - self.start_s), round(b - self.start_s))
                    for kind, a, b in self._pieces(job["job"])
                ],
                "answers": told[job["job"]],
                "last": last[job["job"]],
                "others": _effect(others.loc[job["job"]]) if job["job"] in others.index else "",
            }
            for job in self.jobs.to_dict("records")
        ]
        return {
            "policy": self.inquiry.replay.policy,
            "time_zone": self.inquiry.clock.time_zone,
            "length_s": round(self.stop_s - self.start_s),
            "hours": self._hours(),
            "intensity": self._intensity(),
            "times": [[round(t - self.start_s), self._tell(t)] for t in times_s],
            "words": words.all,
            "jobs": jobs,
        }

    def _placed(self, times_s: np.ndarray) -> Iterator[tuple[int, int, str, str, float | None]]:
        """Yield of each answer: place of its decision, job, two sentences, where it turns."""
        table = self.answers
        place = np.searchsorted(times_s, table["time_s"]).tolist()
        turns = [None if np.isnan(g) else round(g, 1) for g in table["turns_g_per_kwh"].tolist()]
        texts = (table[name].tolist() for name in ("job", "what", "why"))
        yield from zip(place, *texts, turns, strict=True)

    def _hours(self) -> list[tuple[int, str]]:
        """Return the hours of the day, each with its name; a day may have 23 or 25."""
        steps_s = np.arange(self.start_s, self.stop_s + 1, _HOUR_S)
        return [(round(t - self.start_s), self._tell(t)[-5:]) for t in steps_s]

    def _intensity(self) -> list[tuple[int, float]]:
        """Return each step of the intensity that day: its start [s] and height [g CO2e/kWh]."""
        known = self.inquiry.replay.intensity
        if known is None:
            return []
        origin_s = self.inquiry.clock.origin_s
        day = known.window(origin_s + self.start_s, origin_s + self.stop_s)
        starts_s = day.edges_s[:-1] - origin_s - self.start_s
        return [
            (round(float(t)), round(float(g), 1))
            for t, g in zip(starts_s, day.intensity_g_per_kwh, strict=True)
        ]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} x {did}" for did, count in self.decisions.items())
        return f"{len(self.told)} answers about {len(self.jobs)} jobs: {counts}."

    def _repr_html_(self) -> str:
        told = self.as_dict()
        # No "<" in the data: it could end the element that holds them, or open another.
        data = json.dumps(told, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        options = []
        for group, label in _GROUPS.items():
            own = [
                f'<option value="{i}">{escape(job["id"])}: {escape(job["head"])}</option>'
                for i, job in enumerate(told["jobs"])
                if job["group"] == group
            ]
            if own:
                options.append(f'<optgroup label="{label}">{"".join(own)}</optgroup>')
        return _PAGE.format(options="".join(options), data=data, table=self._table())

    def _table(self) -> str:
        """Return the jobs of the day as a table: the same without a script."""
        heads = ["job", "cores", "came", "began", "ended", "pauses", "the first answer of the day"]
        names = ["job_id", "processors", "came", "began", "ended", "pauses", "first"]
        head = "".join(f'<th scope="col">{text}</th>' for text in heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(str(job[name]))}</td>" for name in names) + "</tr>"
            for job in self.jobs.to_dict("records")
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class _Words:
    """Sentences, each once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._place: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Return where a text stands among all; a new one is put at their end."""
        if text not in self._place:
            self._place[text] = len(self.all)
            self.all.append(text)
        return self._place[text]


def _clock(day: Day, time_s: float) -> tuple[int, int]:
    clock = day.inquiry.clock
    told = datetime.fromtimestamp(clock.origin_s + time_s, ZoneInfo(clock.time_zone))
    return told.hour, told.minute


def _on_others(inquiry: Inquiry, rows: Iterable[int]) -> Iterator[tuple[int, float, float]]:
    """Yield for each job the hours by which others ended later, and earlier, since it was held."""
    names = inquiry.replay.workload.jobs["job_id"]
    for row in rows:
        later_h = inquiry.others(names.iloc[row])["later_s"].to_numpy() / _HOUR_S
        yield row, float(later_h[later_h > 0].sum()), float(-later_h[later_h < 0].sum())


def _size(processors: int, requested_s: float) -> str:
    cores = "core" if processors == 1 else "cores"
    return f"{processors} {cores}, {requested_s / _HOUR_S:.3g} h asked for"


def _effect(others: pd.Series) -> str:
    longer_h, shorter_h = others["longer_h"], others["shorter_h"]
    if not (longer_h or shorter_h):
        return "Had it never been held, nothing would be otherwise for others."
    return (
        f"Had it never been held, others would have ended {longer_h:.1f} h earlier and "
        f"{shorter_h:.1f} h later, all together."
    )


_PAGE = """<div class="asked">
<form hidden onsubmit="return false" aria-label="Ask why">
<div class="asked-knobs">
<label>Job <select name="job">{options}</select></label>
<label>Decision at <output></output><input type="range" name="when" min="0" max="1" step="1"></label>
<span class="asked-steps"><button type="button" name="before">Earlier answer</button>
<button type="button" name="after">Next answer</button></span>
</div>
<div class="asked-said" aria-live="polite"></div>
<p class="asked-legend" aria-hidden="true">
<span class="pair"><span class="key waits"></span>waits</span>
<span class="pair"><span class="key runs"></span>runs</span>
<span class="pair"><span class="key paused"></span>paused</span>
<span class="pair"><span class="key curve"></span>carbon intensity</span>
<span class="pair"><span class="key turns"></span>where the decision turns</span></p>
<svg class="asked-job" role="img" aria-label="Carbon intensity over the day, and below it when the
chosen job waits, runs and is paused; the answer above says the same in words"></svg>
<svg class="asked-day" role="img" aria-label="All jobs of the day, a line each, when they wait, run
and are paused; the list above chooses among the same jobs"></svg>
<p class="asked-more"><a class="asked-link" href="#">Link to this answer</a></p>
<details><summary>Every answer about this job</summary><div class="asked-all"></div></details>
</form>
<details class="asked-table"><summary>The jobs of the day as a table</summary>{table}</details>
<script type="application/json" class="asked-data">{data}</script>
<script src="_static/chart.js" defer></script>
<script src="_static/asked.js" defer></script>
</div>"""
