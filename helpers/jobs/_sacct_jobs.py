"""Jobs of an export of ``sacct``, block by block, each with its steps folded into it.

What is kept is numbers: the columns that are wanted, and of each step which job it belongs to.
`Jobs.add` takes a block; `Jobs.settle` tells at the end what only the whole file tells: jobs told
twice, steps that stand far from their job.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from datetime import tzinfo
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._packed import Packed
from ._sacct_blocks import Block, JobIds, Vocabulary, id_word
from ._sacct_words import COUNT, MEANING, PER, STATES, full_word, gpu_type, gpus, parse_tres
from .rows import Problem
from .table import names, states

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_DURATION = "must be a duration such as 1-06:00:00"
_AMOUNT = "must be an amount of memory such as 4096K"
_ENERGY = "must be an energy that the job's nodes can draw in its time, at most 100 kW each"
_TIMES = ("Submit", "Eligible", "Start", "End")
_WHOLE = r"[0-9]{1,18}"
# No node draws more: a rack of 2025 draws about as much.
_HIGHEST_NODE_W = 100_000.0
# Slurm reads a node's meter now and then, and charges a short job what was used since it last did.
_METER_S = 300.0
# A controller forgets an ended job after at most 65,533 s (MinJobAge has 16 bits) and cannot requeue
# it then; with a margin for jobs that were held. A number that comes back later is another job's.
_REQUEUE_S = 7 * 86400.0
# Jobs told twice are found by it.
_ALWAYS = ("submit", "over", "ended", "wait_s", "run_s", "observed_s", "suspended_s")
_NUMBERS = (
    "wait_s",
    "run_s",
    "processors",
    "cpu_time_s",
    "requested_processors",
    "requested_s",
    "requested_memory_kb",
    "nodes",
    "gpus",
    "observed_s",
    "suspended_s",
    "held_s",
)
# The rules that a step may break, in the order in which they are told.
_STRAY = "must follow the row of its job"
_OF_BAD = "must belong to a job whose own row is good"
_AGAIN = "must not tell a step again that an earlier row of its job tells"
# Narrower than what they are counted in: a file has fewer lines.
_DTYPES = {"line": np.uint32}
_FOLDED = ("peak_kb", "extern_j", "steps_j")
# What is kept whatever is wanted: whose a number is, and what steps that come late need.
_KEPT = {"id", "line", "bad", "user", "machines", *_ALWAYS}
# So many jobs are given at once, if not all: some columns of them are a few megabytes.
_AT_ONCE = 2**14
_LATE_RULES = (_STRAY, _OF_BAD, _AGAIN, _ENERGY)


class _Fields:
    """Some rows of a block, and the rules that they turn out to break."""

    def __init__(self, block: Block, rows: Ints) -> None:
        self.block, self.rows = block, rows
        self._broken: dict[int, tuple[str, str]] = {}

    def require(self, bad: Any, name: str, reason: str) -> None:
        """Note which rows break a rule about a field, if they have not broken another before."""
        if not np.any(bad):  # almost always
            return
        for row in np.flatnonzero(bad).tolist():
            self._broken.setdefault(row, (name, reason))

    def number(self, kind: str, name: str, reason: str) -> Floats:
        """Return a column as numbers."""
        values, bad = self.block.number(kind, name, self.rows)
        self.require(bad, name, reason)
        return values

    def each(
        self, name: str, function: Callable[[str], Any], default: Any = None
    ) -> tuple[Ints, list[Any], Bools]:
        """Return for each row the place of its word, what `function` makes of words, and the bad."""
        if not self.block.has(name):
            return np.zeros(len(self.rows), dtype=np.int64), [function("")], np.zeros(1, dtype=bool)
        codes, words = self.block.distinct(name, self.rows)
        values, bad = [], np.zeros(max(len(words), 1), dtype=bool)
        for i, word in enumerate(words):
            try:
                values.append(function(word))
            except ValueError:
                values.append(default)
                bad[i] = True
        return codes, values or [default], bad

    @property
    def bad(self) -> Bools:
        """Which rows break a rule."""
        bad = np.zeros(len(self.rows), dtype=bool)
        bad[list(self._broken)] = True
        return bad

    def problems(self) -> dict[int, Problem]:
        """Return by row what is wrong with it."""
        return {
            row: (
                int(self.block.lines[self.rows[row]]),
                name,
                self.block.words(name, self.rows[row : row + 1])[0],
                reason,
            )
            for row, (name, reason) in self._broken.items()
        }


class Jobs:
    """The jobs of an export: see the module."""

    NAMES: ClassVar[tuple[str, ...]] = (
        "user",
        "group",
        "executable",
        "queue",
        "partition",
        "gpu_type",
        "state",
    )

    def __init__(self, zone: tzinfo, ambiguous: str, wanted: Collection[str] | None) -> None:
        self._zone, self._ambiguous, self._wanted = zone, ambiguous, wanted
        self._odd_ids, self._suffixes = Vocabulary(), Vocabulary()
        self._vocabulary = {name: Vocabulary() for name in self.NAMES}
        self._clusters: set[str] = set()
        self._column: dict[str, Packed] = {}
        # The jobs of the last block: steps of the last of them may stand in the next.
        self._open: dict[str, NDArray] = {}
        # What is known when all is read: the good jobs, those that ran again later, the names of the
        # good, whether one of their numbers is none.
        self._good = np.zeros(0, dtype=bool)
        self._earlier = np.zeros(0, dtype=bool)
        self._naming: dict[str, tuple[Ints, pd.CategoricalDtype]] = {}
        self._ids_are_text = False
        self._count = 0
        self._problems: list[Problem] = []
        self._steps = _Steps(self._odd_ids, self._suffixes)

    def _wants(self, name: str) -> bool:
        return self._wanted is None or name in self._wanted

    def add(self, block: Block) -> None:
        """Take a block: its jobs, and its steps folded into theirs."""
        self._problems += block.problems
        if not len(block.lines):
            return
        if block.has("Cluster"):
            self._clusters.update(block.distinct("Cluster", np.arange(len(block.lines)))[1])
        ids = block.ids(self._odd_ids, self._suffixes)
        is_step = ids.suffix >= 0
        rows = np.flatnonzero(~is_step)
        jobs = _Fields(block, rows)
        columns = self._jobs(jobs, ids.base[rows])
        bad = jobs.bad
        self._problems += jobs.problems().values()
        new = {"id": ids.base[rows], "line": block.lines[rows], "bad": bad} | columns
        known = {"id": new["id"], "line": new["line"], "bad": bad, "highest_j": highest_j(columns)}
        before, folded = self._steps.add(block, np.flatnonzero(is_step), ids, self._count, known)
        if self._open:
            for name, amount in before.items():
                self._open[name][-1] = _plus[name](self._open[name][-1], amount)
        if rows.size:
            self._pack()
            self._open = new | folded
        self._count += len(rows)

    def _pack(self) -> None:
        """Keep what is wanted of the last block."""
        new, self._open = self._open, {}
        if not new:
            return
        # What comes before another measurement of energy makes that needless.
        measured = ~np.isnan(new["extern_j"])
        for name in ("own_energy_j", "steps_j"):
            new[name] = np.where(measured, np.nan, new[name])
            measured |= ~np.isnan(new[name])
        new["over"] = ~np.isnan(new["ended"])
        new["ended"] = np.where(np.isnan(new["wait_s"] + new["run_s"]), new["ended"], np.nan)
        new["machines"] = machines(new)
        for name, values in new.items():
            if self._keeps(name):
                kind = _DTYPES.get(name, values.dtype)
                column = self._column.setdefault(name, Packed(kind, pattern=name == "line"))
                column.append(values)

    def _keeps(self, name: str) -> bool:
        """Tell whether a column in Slurm's terms is kept."""
        of = {"word": "state", "peak_kb": "memory_kb"}
        of |= dict.fromkeys(("own_energy_j", "extern_j", "steps_j"), "energy_j")
        return name in _KEPT or self._wants(of.get(name, name))

    def check_cluster(self, source: str) -> None:
        """Raise if the jobs of several clusters stand in one export."""
        if len(self._clusters) > 1:
            raise ValueError(
                f"{source}: Cluster is {' and '.join(sorted(self._clusters))}: a job number means one "
                "job on one cluster only: export them one by one with sacct --clusters=NAME."
            )

    def _jobs(self, jobs: _Fields, base: Ints) -> dict[str, NDArray]:
        """Return the columns of the jobs of a block in Slurm's terms."""
        empty = base == -1 - self._odd_ids.code("")
        jobs.require(empty, "JobID", "must be given")
        codes, words, bad = jobs.each("State", full_word, default="")
        jobs.require(bad[codes], "State", f"must be one of {', '.join(STATES)}")
        word = self._vocabulary["state"].codes(words).astype(np.int32)[codes]
        unfinished = np.array([MEANING[one] in ("running", "pending") for one in words])[codes]
        columns: dict[str, NDArray] = {"word": word}
        columns |= self._names(jobs)
        columns |= self._times(jobs, unfinished)
        columns |= self._sizes(jobs, columns.pop("started")) | self._requests(jobs)
        bad_j = columns["own_energy_j"] > highest_j(columns)
        own = jobs.number("count", "ConsumedEnergyRaw", COUNT) > 0
        jobs.require(bad_j & own, "ConsumedEnergyRaw", _ENERGY)
        jobs.require(bad_j & ~own, "AllocTRES", _ENERGY)
        return columns

    def _names(self, jobs: _Fields) -> dict[str, NDArray]:
        """Return whose the jobs are, and where they ran, as codes."""
        found = {}
        for name, field in (
            ("user", "User"),
            ("group", "Account"),
            ("executable", "JobName"),
            ("queue", "QOS"),
            ("partition", "Partition"),
        ):
            if self._keeps(name):
                found[name] = jobs.block.codes(field, jobs.rows, self._vocabulary[name])
        if "group" in found and not found["group"].all():
            groups = jobs.block.codes("Group", jobs.rows, self._vocabulary["group"])
            found["group"] = np.where(found["group"] > 0, found["group"], groups)
        return found

    def _times(self, jobs: _Fields, unfinished: Bools) -> dict[str, NDArray]:
        """Return submission as Unix time [s], and the durations of waiting and running [s]."""
        elapsed = jobs.number("elapsed", "Elapsed", _DURATION)
        raw = jobs.number("count", "ElapsedRaw", COUNT)
        elapsed = np.where(np.isnan(elapsed), raw, elapsed)
        suspended = jobs.number("elapsed", "Suspended", _DURATION)
        span = elapsed + np.nan_to_num(suspended)
        meanings = {}
        for name in _TIMES:
            first, second, bad = jobs.block.instants(name, jobs.rows, self._zone)
            jobs.require(bad, name, self._not_an_instant)
            meanings[name] = first, second
        time = self._settled(jobs, meanings, span)
        submit, eligible, start, end = (time[name] for name in _TIMES)
        jobs.require(np.isnan(submit), "Submit", "must be known")
        jobs.require(start < submit, "Start", "must not be before Submit")
        jobs.require(end < start, "End", "must not be before Start")

        codes, assigned, _ = jobs.each("NodeList", "None assigned".__ne__)
        started = np.isfinite(start) & np.array(assigned, dtype=bool)[codes]
        unfinished = unfinished & np.isnan(end)
        run = np.where(np.isnan(end) & ~unfinished, span, end - start)
        return {
            "submit": submit,
            "wait_s": np.where(started, start - submit, np.nan),
            "held_s": np.where(started, np.maximum(eligible - submit, 0), np.nan),
            "run_s": np.where(started, run, np.nan),
            "suspended_s": np.where(started, suspended, np.nan),
            "observed_s": np.where(started & unfinished, elapsed, np.nan),
            "ended": end,
            "started": started,
        }

    @property
    def _not_an_instant(self) -> str:
        return (
            f"must be a time that occurs in {self._zone}, such as 2024-05-31T13:45:00, or seconds "
            "since 1970, between 1990 and 2200, or Unknown"
        )

    def _settled(
        self, jobs: _Fields, meanings: dict[str, tuple[Floats, Floats]], span: Floats
    ) -> dict[str, Floats]:
        """Return one instant for each time, where a local time that occurs twice has two meanings."""
        ambiguous = self._ambiguous
        twice = {name: first < second for name, (first, second) in meanings.items()}
        time = {name: both[ambiguous == "second"] for name, both in meanings.items()}

        def settle_as(name: str, where: Bools, value: Floats) -> None:
            """Take a known instant for a time that has two meanings."""
            where = where & twice[name] & np.isfinite(value)
            time[name] = np.where(where, value, time[name])
            twice[name] = twice[name] & ~where

        if not any(where.any() for where in twice.values()):
            return time
        settle_as("Start", ~twice["End"], time["End"] - span)
        settle_as("End", ~np.isnan(span), time["Start"] + span)
        settle_as("Submit", meanings["Submit"][1] > time["Start"], meanings["Submit"][0])
        eligible, submit = (jobs.block.words(name, jobs.rows) for name in ("Eligible", "Submit"))
        settle_as("Eligible", np.array(eligible) == np.array(submit), time["Submit"])
        if ambiguous == "raise":
            reason = (
                f"must not be a time that occurs twice in {self._zone}: export with "
                "SLURM_TIME_FORMAT=%s, or pass ambiguous='first' or 'second'"
            )
            for name, unsettled in twice.items():
                jobs.require(unsettled, name, reason)
        return time

    def _sizes(self, jobs: _Fields, started: Bools) -> dict[str, NDArray]:
        """Return what was allocated, and what the job's own row says about CPU time and energy."""
        codes, words, taken_j = jobs.block.resources(jobs.rows)
        tres: list[dict[str, float]] = [{}] * max(len(words), 1)
        bad = np.zeros(len(tres), dtype=bool)
        for i, word in enumerate(words):
            try:
                tres[i] = parse_tres(word)
            except ValueError:
                bad[i] = True
        jobs.require(bad[codes], "AllocTRES", "must be a list such as cpu=4,mem=8G,gres/gpu=2")

        def listed(of: Callable[[dict[str, float]], float]) -> Floats:
            """Return for each job what is found in its list of resources."""
            return np.array([of(amounts) for amounts in tres], dtype="float64")[codes]

        listed_cpus = listed(lambda amounts: amounts.get("cpu", np.nan))
        listed_j = listed(lambda amounts: amounts.get("energy", np.nan))
        listed_j = np.where(np.isnan(taken_j) | bad[codes], listed_j, taken_j)
        processors = jobs.number("count", "AllocCPUS", COUNT)
        processors = np.where(np.isnan(processors), listed_cpus, processors)
        nodes = jobs.number("count", "NNodes", COUNT)
        cpu_time = jobs.number("elapsed", "TotalCPU", _DURATION)
        energy = jobs.number("count", "ConsumedEnergyRaw", COUNT)
        size = {
            "processors": np.where(processors > 0, processors, np.nan),
            "nodes": nodes,
            "gpus": listed(gpus),
        }
        size = {name: np.where(started, values, np.nan) for name, values in size.items()}
        models = self._vocabulary["gpu_type"].codes([gpu_type(amounts) for amounts in tres])
        return size | {
            "gpu_type": np.where(started, models.astype(np.int32)[codes], np.int32(0)),
            "cpu_time_s": np.where(cpu_time > 0, cpu_time, np.nan) / size["processors"],
            "own_energy_j": np.where(energy > 0, energy, np.where(listed_j > 0, listed_j, np.nan)),
        }

    def _requests(self, jobs: _Fields) -> dict[str, NDArray]:
        """Return what was asked for."""
        limit = jobs.number("elapsed", "Timelimit", _DURATION)
        minutes = jobs.number("minutes", "TimelimitRaw", "must be whole minutes")
        limit = np.where(np.isnan(limit), minutes, limit)
        cpus = jobs.number("count", "ReqCPUS", COUNT)
        nodes = jobs.number("count", "NNodes", COUNT)
        kb = jobs.number("requested memory", "ReqMem", _AMOUNT)
        codes, words, _ = jobs.each("ReqMem", lambda word: PER.get(word[-1:], "job"))
        per = np.array(words, dtype=object)[codes]
        jobs.require(
            (cpus == 0) & (kb > 0), "ReqCPUS", "must be above 0: memory is counted per processor"
        )
        jobs.require(
            (nodes == 0) & (kb > 0) & (per == "node"), "NNodes", "must be above 0 beside ReqMem"
        )
        cpus_or_none = np.where(cpus > 0, cpus, np.nan)
        share = np.select(
            [per == "cpu", per == "node"],
            [np.ones(len(kb)), nodes / cpus_or_none],
            1 / cpus_or_none,
        )
        return {
            "requested_processors": cpus,
            "requested_s": np.where(np.isfinite(limit), limit, np.nan),
            "requested_memory_kb": np.where(kb > 0, kb * share, np.nan),
        }

    def settle(self) -> list[Problem]:
        """Tell the good jobs from the bad, and return what was wrong with the export."""
        self._pack()
        column = self._column
        if not column:
            column.update({name: Packed(np.int64) for name in ("id", "line")})
            column.update({name: Packed(np.float64) for name in ("submit", "wait_s", "run_s")})
            column["bad"] = Packed(bool)
        bad = column.pop("bad").values
        again = self._repeated(bad)
        bad_later = bad.copy()
        if again:
            lines = np.array([line for line, *_ in again])
            bad_later[np.searchsorted(column["line"].values, lines)] = True
        problems = self._steps.settle(column, bad, bad_later)
        self._good = ~bad_later
        self._earlier = self._ran_again()
        self._naming, self._ids_are_text = self._names_in_use(), self._are_ids_text()
        return self._problems + again + problems

    def _repeated(self, bad: Bools) -> list[Problem]:
        """Return the rows whose job number is another row's, though they are not runs of one job."""
        column = self._column
        some = several_times(column["id"], ~bad)
        if not some.size:
            return []
        words = self._vocabulary["user"].array()
        several = pd.DataFrame(
            {name: column[name].at(some) for name in ("id", "line", *_ALWAYS)}
            | {"user": words[column["user"].at(some)]}
        )
        return repeated(several, lambda base: id_word(base, self._odd_ids))

    def __len__(self) -> int:
        return int(self._good.sum())

    def good_lines(self) -> Ints:
        """Return the line of each good job."""
        return self._column["line"].values[self._good]

    def first_submission(self) -> float:
        """Return when the first of the good jobs was submitted [s since 1970]."""
        submitted = [piece.min() for piece in self._pieces("submit") if piece.size]
        return float(min(submitted, default=np.nan))

    def _pieces(self, name: str) -> Iterator[NDArray]:
        """Yield a column of the good jobs, piece by piece."""
        packed, first = self._column[name], 0
        for number, size in enumerate(packed.sizes):
            yield packed.piece(number)[self._good[first : first + size]]
            first += size

    def columns(self, zero: float) -> dict[str, Any]:
        """Return the wanted columns of the jobs table, counted from `zero` [s since 1970].

        What is kept in Slurm's terms is given away meanwhile: this can be asked once.
        """
        good = self._good

        def take(name: str) -> NDArray | None:
            """Give a column of the good jobs away."""
            packed = self._column.pop(name, None)
            return None if packed is None else packed.values[good]

        return self._table(zero, take, self._earlier[good])

    def lots(self, zero: float) -> Iterator[pd.DataFrame]:
        """Yield the wanted columns of the jobs table for some jobs after the other.

        Each time all jobs are gone through; they stay packed.
        """
        sizes = self._column["id"].sizes
        starts = np.append(0, np.cumsum(sizes))
        which = starts[:-1] // _AT_ONCE
        for lot in np.unique(which).tolist():
            numbers = np.flatnonzero(which == lot).tolist()
            rows = slice(starts[numbers[0]], starts[numbers[-1] + 1])
            good = self._good[rows]

            def take(name: str, numbers: list[int] = numbers, good: Bools = good) -> NDArray | None:
                """Return a column of the good jobs of this lot."""
                packed = self._column.get(name)
                if packed is None:
                    return None
                return np.concatenate([packed.piece(number) for number in numbers])[good]

            yield pd.DataFrame(self._table(zero, take, self._earlier[rows][good]), copy=False)

    def _table(
        self, zero: float, take: Callable[[str], NDArray | None], earlier: Bools
    ) -> dict[str, Any]:
        """Return the wanted columns of the jobs table of some jobs: `take` gives what is kept."""
        n = len(earlier)

        def given(name: str) -> Any:
            """Return a column, zeros where it is not kept."""
            values = take(name)
            return np.zeros(n) if values is None else values

        table: dict[str, Any] = {"job_id": self._job_ids(given("id"))}
        if self._wants("energy_j"):
            extern_j, steps_j, own_j = map(given, ("extern_j", "steps_j", "own_energy_j"))
            own_j = np.where(np.isnan(own_j), steps_j, own_j)
            table["energy_j"] = np.where(np.isnan(extern_j), own_j, extern_j)
        table |= {name: given(name) for name in _NUMBERS if self._wants(name)}
        if self._wants("memory_kb"):
            table["memory_kb"] = given("peak_kb") / table["processors"]
        table["submit_s"] = given("submit") - zero
        for name in self.NAMES[:-1]:
            if self._wants(name):
                codes = take(name)
                place, kind = self._naming[name]
                codes = np.zeros(n, dtype=np.int32) if codes is None else codes
                table[name] = pd.Categorical.from_codes(place[codes], dtype=kind)
        if self._wants("state"):
            codes = take("word")
            table |= self._states(np.zeros(n, dtype=np.int32) if codes is None else codes, earlier)
        return table

    def _names_in_use(self) -> dict[str, tuple[Ints, pd.CategoricalDtype]]:
        """Return the names of the good jobs: the place of each code among those that occur, and these."""
        found = {}
        for name in self.NAMES[:-1]:
            words = self._vocabulary[name].array()
            occurs = np.zeros(len(words), dtype=bool)
            for codes in self._pieces(name) if name in self._column else ():
                occurs[codes] = True
            found[name] = naming(occurs, words)
        return found

    def _are_ids_text(self) -> bool:
        """Tell whether the number of any good job is not whole."""
        odd = {base for ids in self._pieces("id") for base in ids[ids < 0].tolist()}
        return not all(re.fullmatch(_WHOLE, id_word(base, self._odd_ids)) for base in odd)

    def _job_ids(self, base: Ints) -> Any:
        """Return the numbers of jobs, as text if they are not all whole."""
        if self._ids_are_text:
            return pd.Series([id_word(one, self._odd_ids) for one in base.tolist()], dtype=str)
        odd = np.flatnonzero(base < 0)
        ids = base.astype(np.int64)
        ids[odd] = [int(id_word(one, self._odd_ids)) for one in base[odd].tolist()]
        return ids

    def _ran_again(self) -> Bools:
        """Tell which rows are runs of a job that ran again later."""
        column = self._column
        earlier = np.zeros(len(column["id"]), dtype=bool)
        some = several_times(column["id"], self._good)
        if some.size:
            order = some[np.lexsort((column["line"].at(some), column["submit"].at(some)))]
            again = pd.Series(column["id"].at(order)).duplicated(keep="last")
            earlier[order] = again.to_numpy()
        return earlier

    def _states(self, codes: NDArray, earlier: Bools) -> dict[str, Any]:
        """Return the state of each job, and if all is wanted Slurm's word where it says more."""
        vocabulary = self._vocabulary["state"]
        requeued = np.where(earlier, vocabulary.code("REQUEUED"), codes)
        words = vocabulary.array()
        state = states(words, MEANING)
        found = {"state": pd.Categorical.from_codes(state.codes[requeued], dtype=state.dtype)}
        if not self._wants("source_state"):
            return found
        told = np.array([name.upper() for name in state.astype(str)]) == words
        more = np.where((codes == requeued) & told[codes], 0, codes)
        place, kind = naming(np.bincount(more, minlength=len(words)) > 0, words)
        return found | {"source_state": pd.Categorical.from_codes(place[more], dtype=kind)}


def naming(occurs: Bools, words: NDArray[np.object_]) -> tuple[Ints, pd.CategoricalDtype]:
    """Return the place of each word among those that occur, and these as `names` sorts them."""
    found = names(words[occurs], missing="")
    place = np.full(len(words), -1, dtype=np.int64)
    place[occurs] = found.codes
    return place, found.dtype


def several_times(ids: Packed, good: Bools) -> Ints:
    """Return where the numbers stand that several good jobs have."""
    if ids.increases():  # as in most exports: nothing has to be unpacked and sorted
        return np.zeros(0, dtype=np.int64)
    values = ids.values
    ordered = np.sort(values[good])
    several = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.flatnonzero(good & np.isin(values, several)) if several.size else several


def machines(jobs: dict[str, NDArray]) -> Floats:
    """Return how many nodes each job had at most."""
    # A node has a processor at least; where neither is known, the largest machines have so many.
    nodes = np.where(np.isnan(jobs["nodes"]), jobs["processors"], jobs["nodes"])
    return np.maximum(np.where(np.isnan(nodes), 20_000.0, nodes), 1.0)


def highest_j(jobs: dict[str, NDArray]) -> Floats:
    """Return the most energy [J] that the nodes of each job can draw in its time."""
    nodes = jobs["machines"] if "machines" in jobs else machines(jobs)
    seen_s = jobs["observed_s"] + np.nan_to_num(jobs["suspended_s"])
    duration_s = np.where(np.isnan(jobs["run_s"]), seen_s, jobs["run_s"])
    highest = nodes * _HIGHEST_NODE_W * (duration_s + _METER_S)
    return np.where(np.isnan(highest), np.inf, highest)


class _Steps:
    """The steps so far: folded into their job where they follow it, or kept until the end."""

    def __init__(self, odd_ids: Vocabulary, suffixes: Vocabulary) -> None:
        self._odd_ids, self._suffixes = odd_ids, suffixes
        self._problems: dict[int, tuple[int, Problem]] = {}
        # Of each folded step: the position of its job, what it is called, its line.
        kinds = (np.int32, np.int32, np.uint32)
        self._folded = tuple(Packed(kind, pattern=True) for kind in kinds)
        self._pending: list[pd.DataFrame] = []
        self._strays: set[int] = set()
        # What is known of the last job: no job has this number.
        self._last: dict[str, Any] = {"id": np.iinfo(np.int64).min, "bad": True, "highest_j": 0.0}
        self._last_keys = np.zeros(0, dtype=np.int64)

    def add(
        self,
        block: Block,
        rows: Ints,
        ids: JobIds,
        first: int,
        jobs: dict[str, NDArray],
    ) -> tuple[dict[str, float], dict[str, Floats]]:
        """Fold the steps of a block into the jobs of it, and into the last one before it.

        `first` is the position of the first of its jobs among all. Returns the largest memory
        [KiB] and the energies [J] that are new of the one before, and of the jobs.
        """
        n = len(jobs["id"])
        known = {name: np.append(last, jobs[name]) for name, last in self._last.items()}
        folded = {name: np.full(n + 1, np.nan) for name in _FOLDED}
        if rows.size:
            job_rows = np.searchsorted(block.lines, jobs["line"])
            self._fold(block, rows, ids, np.searchsorted(job_rows, rows), first, known, folded)
        self._last = {name: values[-1] for name, values in known.items()}
        before = {name: float(values[0]) for name, values in folded.items()}
        return before, {name: values[1:] for name, values in folded.items()}

    def _fold(
        self,
        block: Block,
        rows: Ints,
        ids: JobIds,
        near: Ints,
        first: int,
        known: dict[str, NDArray],
        folded: dict[str, Floats],
    ) -> None:
        """Fold steps into the jobs at the places `near` of `known`, of which the first is before."""
        steps = _Fields(block, rows)
        base, suffix = ids.base[rows], ids.suffix[rows]
        average = steps.number("memory", "AveRSS", _AMOUNT)
        highest = steps.number("memory", "MaxRSS", _AMOUNT)
        tasks = steps.number("count", "NTasks", COUNT)
        energy_j = steps.number("count", "ConsumedEnergyRaw", COUNT)
        energy_j = np.where(energy_j > 0, energy_j, np.nan)
        peak_kb = np.where(np.isnan(average), highest, average) * np.where(tasks > 0, tasks, 1)
        pending = self._is_pending(base, known["id"][near])
        owner = np.where(known["id"][near] == base, first + near - 1, -1)
        key = owner << 32 | suffix
        told = pd.Series(np.append(self._last_keys, key)).duplicated().to_numpy()
        again = told[len(self._last_keys) :]
        unread = steps.bad
        for bad, name, reason in (
            (known["bad"][near], "JobID", _OF_BAD),
            (again, "JobID", _AGAIN),
            (energy_j > known["highest_j"][near], "ConsumedEnergyRaw", _ENERGY),
        ):
            steps.require(bad & ~pending, name, reason)
        lines = block.lines[rows]
        if pending.any():
            self._pending.append(
                pd.DataFrame(
                    {
                        "line": lines,
                        "base": base,
                        "suffix": suffix,
                        "owner": owner,
                        "peak_kb": peak_kb,
                        "energy_j": energy_j,
                        "unread": unread,
                    }
                )[pending]
            )
        near_by = ~pending
        for column, values in zip(self._folded, (owner, suffix, lines), strict=True):
            column.append(values[near_by])
        last = first + len(known["id"]) - 2  # `known` has one job of before
        before = self._last_keys if last < first else key[:0]
        self._last_keys = np.append(before, key[near_by & (owner == last)])
        for line, name, value, reason in steps.problems().values():
            self._tell(line, name, value, reason)
        good = near_by & ~steps.bad
        extern = self._is_extern(suffix)
        _add_to(folded, near[good], peak_kb[good], energy_j[good], extern[good])

    def _is_pending(self, base: Ints, of_job: Ints) -> Bools:
        """Tell which steps wait for the end: those far from their job, and those beside them.

        A job of which a step stood elsewhere may have told the same step twice.
        """
        stray = base != of_job
        if stray.any():
            self._strays.update(base[stray].tolist())
        if not self._strays:
            return stray
        return stray | np.isin(base, np.fromiter(self._strays, dtype=np.int64))

    def _is_extern(self, suffix: Ints) -> Bools:
        """Tell which steps cover all nodes of a job from start to end."""
        words = self._suffixes.words
        return np.array([word.endswith(".extern") for word in words], dtype=bool)[suffix]

    def _tell(self, line: int, name: str, value: str, reason: str) -> None:
        """Note what is wrong with a step, if nothing that comes before among the rules is."""
        rank = _LATE_RULES.index(reason) if reason in _LATE_RULES else -1
        if line not in self._problems or rank < self._problems[line][0]:
            self._problems[line] = rank, (line, name, value, reason)

    def settle(self, jobs: dict[str, Packed], bad: Bools, bad_later: Bools) -> list[Problem]:
        """Fold the steps that were kept into `jobs`, and return what was wrong with any step.

        `bad_later` are the jobs that are bad as they were told twice, too: their steps are.
        """
        if (bad_later != bad).any():
            late = bad_later & ~bad
            owners, suffixes, lines = (column.values for column in self._folded)
            ids = jobs["id"].values
            for i in np.flatnonzero(late[owners]).tolist() if len(late) else ():
                word = self._word(int(ids[owners[i]]), int(suffixes[i]))
                self._tell(int(lines[i]), "JobID", word, _OF_BAD)
        if self._pending:
            self._settle_pending(jobs, bad_later)
        self._folded = ()
        return [problem for _, problem in self._problems.values()]

    def _word(self, base: int, suffix: int) -> str:
        return id_word(base, self._odd_ids) + self._suffixes.words[suffix]

    def _settle_pending(self, jobs: dict[str, Packed], bad: Bools) -> None:
        """Find the job of each step that stands far from it, and fold it in there."""
        steps = pd.concat(self._pending, ignore_index=True)
        base, owner = steps["base"].to_numpy(), steps["owner"].to_numpy().copy()
        ids = jobs["id"].values
        order = np.argsort(ids, kind="stable")
        first, stop = (np.searchsorted(ids[order], base, side) for side in ("left", "right"))
        single = (owner < 0) & (stop - first == 1)
        owner[single] = order[first[single]]
        suffix, line = steps["suffix"].to_numpy(), steps["line"].to_numpy()
        energy_j = steps["energy_j"].to_numpy()
        known = owner >= 0
        of_bad, above = np.zeros(len(steps), dtype=bool), np.zeros(len(steps), dtype=bool)
        of_bad[known] = bad[owner[known]]
        if known.any():
            needed = ("machines", "run_s", "observed_s", "suspended_s")
            highest = highest_j({name: jobs[name].at(owner[known]) for name in needed})
            above[known] = energy_j[known] > highest
        again = self._told_again(owner << 32 | suffix, line)
        broken = [~known, known & of_bad, known & again, known & above]
        for mask, reason in zip(broken, _LATE_RULES, strict=True):
            for i in np.flatnonzero(mask).tolist():
                if reason == _ENERGY:
                    self._tell(int(line[i]), "ConsumedEnergyRaw", f"{energy_j[i]:.0f}", reason)
                else:
                    word = self._word(int(base[i]), int(suffix[i]))
                    self._tell(int(line[i]), "JobID", word, reason)
        good = ~np.any(broken, axis=0) & ~steps["unread"].to_numpy()
        folded = {
            name: jobs[name].values if name in jobs else np.full(len(bad), np.nan)
            for name in _FOLDED
        }
        peak_kb = steps["peak_kb"].to_numpy()
        extern = self._is_extern(suffix)
        _add_to(folded, owner[good], peak_kb[good], energy_j[good], extern[good])
        for name in folded.keys() & jobs.keys():
            jobs[name].put(folded[name])

    def _told_again(self, key: Ints, line: Ints) -> Bools:
        """Tell which of the steps that were kept an earlier row tells, too."""
        owners, suffixes, lines = (column.values for column in self._folded)
        keys = owners.astype(np.int64) << 32 | suffixes
        table = pd.DataFrame({"key": np.append(key, keys), "line": np.append(line, lines)})
        return table.sort_values("line")["key"].duplicated().sort_index().to_numpy()[: len(key)]


def _sum(first: float, second: float) -> float:
    """Return a sum in which what is not known counts as nothing, unless both are."""
    return first if np.isnan(second) else second if np.isnan(first) else first + second


_plus: dict[str, Callable[[float, float], float]] = {
    "peak_kb": np.fmax,
    "extern_j": _sum,
    "steps_j": _sum,
}
"""How what steps used is added to what others of the job did."""


def _add_to(
    folded: dict[str, Floats], job: Ints, peak_kb: Floats, energy_j: Floats, extern: Bools
) -> None:
    """Fold memory [KiB] and energy [J] of steps into those of their jobs."""
    np.fmax.at(folded["peak_kb"], job, peak_kb)
    known = ~np.isnan(energy_j)
    for name, which in (("extern_j", known & extern), ("steps_j", known & ~extern)):
        values = folded[name]
        values[job[which]] = np.nan_to_num(values[job[which]])
        np.add.at(values, job[which], energy_j[which])


def repeated(several: pd.DataFrame, word: Callable[[int], str]) -> list[Problem]:
    """Return the rows whose job number is another row's, though they are not runs of one job.

    A requeued job has a row for each run, none of which overlaps another.  Two rows that overlap are
    one run seen twice, of which the later state counts; a number that comes back after long, or for
    another user, is another job's.
    """
    start = several["submit"] + several["wait_s"]
    seen = several["run_s"].fillna(several["observed_s"] + several["suspended_s"].fillna(0))
    end = (start + seen).fillna(several["ended"]).fillna(several["submit"])
    ended = several["over"]
    table = pd.DataFrame(
        {
            "id": several["id"],
            "user": several["user"],
            "submit": several["submit"],
            "start": start.fillna(np.inf),  # a run that has not started comes after one that has
            "end": end,
            "age": -(ended * 1e12 + seen.fillna(-1)),  # the later state of a run first
            "line": several["line"],
        }
    ).sort_values(["id", "submit", "start", "age", "line"])
    problems = []
    last: Any = None
    row: Any
    for row in table.itertuples(index=False):
        if last is None or row.id != last.id:
            last = row
            continue
        same = row.submit == last.submit or row.start == last.start or row.start < last.end
        if row.user and last.user and row.user != last.user:
            reason = f"must be one job's: that of line {last.line} is another user's"
        elif same:
            reason = (
                f"must not tell the run of line {last.line} again (do exports overlap, or was the "
                "job seen while it ran?)"
            )
        elif row.submit - last.end > _REQUEUE_S:
            reason = (
                f"must be one job's: that of line {last.line} ended over a week before this was "
                "submitted, and Slurm uses numbers again: export a shorter time"
            )
        else:
            last = row
            continue
        problems.append((int(row.line), "JobID", word(row.id), reason))
        if row.end > last.end and same:
            last = last._replace(end=row.end)
    return problems
