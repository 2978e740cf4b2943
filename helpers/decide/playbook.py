"""A policy as a few rules that an operator can follow, and how often they agree with it.

While a policy decides, what an operator could see of each job that fits is written down, and
whether the job was started (`Watched`). A small decision tree is fitted to that (`learn`), is told
in words (`Playbook.rules`), can be run as a policy beside its teacher (`Follow`), and says how far
to trust it: its agreement on decisions it was not fitted to, against that of always doing the
commoner thing, and how much of what it meets lies outside of what it has seen.

A playbook starts jobs or holds them; it never stops one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.decide.view import Job, Policy, View

__all__ = ["FEATURES", "Agreement", "Follow", "Playbook", "Watched", "learn"]

_WEEK_S, _HOUR_S = 7 * 86400.0, 3600.0

FEATURES = {
    "cleaner_percent": ("cleaner hours in the week before", "%", 0),
    "left_h": ("time until its longest wait is over", "h", 1),
    "asked_h": ("time asked for", "h", 1),
    "cores": ("cores needed", "cores", 0),
    "ahead_cores": ("cores wanted by jobs that came before", "cores", 0),
    "free_cores": ("free cores", "cores", 0),
}
"""What an operator can see of a job that fits: what it is, its unit, digits after the point."""


class Watched(Policy):
    """Let a policy decide, and write down what it does with each job that fits.

    Parameters
    ----------
    policy : Policy
        The teacher; it decides as ever.

    Attributes
    ----------
    policy : Policy
        The teacher.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy, self.clairvoyant = policy, policy.clairvoyant
        self.name = policy.name or type(policy).__name__
        self._rows: list[tuple[float, ...]] = []

    def begin(self, view: View) -> None:
        """Begin with nothing written down."""
        self._rows, self._begun_s = [], view.now_s
        self.policy.begin(view)

    def decide(self, view: View) -> None:
        """Write down what is seen, let the teacher decide, write down what it did."""
        cleaner, free = _cleaner_percent(view, self._begun_s), view.free_cores
        queue, ahead = list(view.queue.values()), 0
        self.policy.decide(view)
        for job in queue:
            started = job.state == "running"
            if job.processors <= free:
                row = _row(view, job, cleaner, ahead, free)
                self._rows.append((view.now_s, job.number, *row, started))
            # Who comes later finds what is left: cores that a start took are not free for it.
            free -= job.processors if started else 0
            ahead += 0 if started else job.processors

    @property
    def table(self) -> pd.DataFrame:
        """One row a decision on a job that fitted: ``time_s, job``, `FEATURES`, ``started``."""
        table = pd.DataFrame(self._rows, columns=["time_s", "job", *FEATURES, "started"])
        return table.astype({"job": np.int64, "started": np.bool_})


def _row(view: View, job: Job, cleaner: float, ahead: int, free: int) -> tuple[float, ...]:
    """Return the features of a job."""
    left_h = (job.latest_start_s - view.now_s) / _HOUR_S
    return cleaner, left_h, job.requested_s / _HOUR_S, job.processors, ahead, free


def _cleaner_percent(view: View, begun_s: float) -> float:
    """Return the share of the week before in which the intensity was lower than now [%]."""
    try:
        past = view.observed(view.now_s - _WEEK_S)
    except ValueError:  # not covered: since the first submission
        if not view.now_s > begun_s:
            return 50.0
        past = view.observed(begun_s)
    lasts_s = np.diff(past.edges_s)
    cleaner = past.intensity_g_per_kwh < view.intensity_g_per_kwh
    return float(100 * lasts_s[cleaner].sum() / lasts_s.sum())


@dataclass(frozen=True)
class Agreement:
    """How often a playbook decides as its teacher did.

    Attributes
    ----------
    decisions : int
        Decisions compared: one for each job that fitted, at each decision.
    agreed : float
        Share with the same answer [%].
    commoner : float
        Share that always giving the teacher's commoner answer would reach [%].
    starts, holds : float
        Share of the teacher's starts, and of its holds, that the playbook shares [%]; NaN for none.
    outside : float
        Share of decisions with a feature outside of what the playbook was fitted to [%]: where it
        grows, the playbook is out of date.
    """

    decisions: int
    agreed: float
    commoner: float
    starts: float
    holds: float
    outside: float


@dataclass(frozen=True)
class Playbook:
    """Rules that say whether to start a job that fits.

    Attributes
    ----------
    teacher : str
        Name of the policy it imitates.
    feature, threshold : tuple of int, tuple of float
        Of each node of the tree: place in `FEATURES` (-1 for a leaf), and up to which value to go
        left.
    left, right : tuple of int
        Nodes below.
    start : tuple of bool
        Whether to start, at each leaf.
    share, count : tuple of float, tuple of int
        Of each node: share of its decisions in which the teacher did as the leaf says [%], and how
        many decisions.
    low, high : tuple of float
        Range of each feature it was fitted to.
    """

    teacher: str
    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    start: tuple[bool, ...]
    share: tuple[float, ...]
    count: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def says_start(self, features: ArrayLike) -> NDArray[np.bool_]:
        """Return whether to start, for features of shape (n, len(FEATURES)); shape (n,)."""
        rows = np.atleast_2d(np.asarray(features, dtype=float))
        return np.array([self.start[self._leaf(row)] for row in rows], dtype=bool)

    def _leaf(self, row: NDArray[np.float64]) -> int:
        node = 0
        while self.feature[node] >= 0:
            low = row[self.feature[node]] <= self.threshold[node]
            node = self.left[node] if low else self.right[node]
        return node

    def agreement(self, table: pd.DataFrame) -> Agreement:
        """Compare with what a teacher did.

        Parameters
        ----------
        table : DataFrame
            `Watched.table`, best of a replay that it was not fitted to.

        Raises
        ------
        ValueError
            If it has no row.
        """
        if not len(table):
            raise ValueError("table has no decision to compare: watch a policy that has jobs.")
        rows, did = table[list(FEATURES)].to_numpy(float), table["started"].to_numpy()
        same = self.says_start(rows) == did
        outside = ((rows < np.array(self.low)) | (rows > np.array(self.high))).any(axis=1)

        def percent(which: Any) -> float:
            """Return a share [%]; NaN of nothing."""
            return 100 * float(which.mean()) if which.size else float("nan")

        return Agreement(
            len(did),
            percent(same),
            max(percent(did), percent(~did)),
            percent(same[did]),
            percent(same[~did]),
            percent(outside),
        )

    @property
    def table(self) -> pd.DataFrame:
        """One row a rule: ``if`` (conditions in words), ``then``, ``true of`` [%], ``decisions``."""
        rows = [
            {
                "if": " and ".join(words) or "always",
                "then": "start it" if self.start[leaf] else "hold it",
                "true of": round(self.share[leaf], 1),
                "decisions": self.count[leaf],
            }
            for leaf, words in self._paths(0, {})
        ]
        return pd.DataFrame(rows)

    @property
    def rules(self) -> list[str]:
        """The rules in words, in the order in which to read them."""
        return [
            f"If {row['if']}: {row['then']} ({row['true of']:.1f} % of {row['decisions']:,})."
            for row in self.table.to_dict("records")
        ]

    def _paths(
        self, node: int, bounds: dict[int, tuple[float, float]]
    ) -> Iterator[tuple[int, list[str]]]:
        """Yield the leaves below a node, each with its conditions, two on one feature as one."""
        which = self.feature[node]
        if which < 0:
            yield node, [_condition(name, *bounds[name]) for name in sorted(bounds)]
            return
        low, high = bounds.get(which, (-np.inf, np.inf))
        threshold = self.threshold[node]
        yield from self._paths(self.left[node], bounds | {which: (low, min(high, threshold))})
        yield from self._paths(self.right[node], bounds | {which: (max(low, threshold), high)})


def _condition(which: int, low: float, high: float) -> str:
    name, unit, digits = list(FEATURES.values())[which]
    unit = "" if unit == "cores" else f" {unit}"  # the names of those say cores
    if low == -np.inf:
        return f"{name} <= {high:.{digits}f}{unit}"
    if high == np.inf:
        return f"{name} > {low:.{digits}f}{unit}"
    return f"{low:.{digits}f} < {name} <= {high:.{digits}f}{unit}"


def learn(
    table: pd.DataFrame, teacher: str, *, depth: int = 3, least: int = 20, seed: int = 0
) -> Playbook:
    """Fit a playbook to what a policy did.

    Parameters
    ----------
    table : DataFrame
        `Watched.table`.
    teacher : str
        Name of the policy.
    depth : int
        Conditions of a rule at most; 3 fit on a page.
    least : int
        Decisions that a rule must stand on at least.
    seed : int
        Of ties between equally good thresholds.

    Returns
    -------
    Playbook
        Its thresholds are rounded to the digits that its rules tell: what is run is what is told.

    Raises
    ------
    ValueError
        If the teacher never started a job, or never held one that fitted.
    """
    from sklearn.tree import DecisionTreeClassifier

    did = table["started"].to_numpy()
    if not (did.any() and (~did).any()):
        what = "started" if did.any() else "held"
        raise ValueError(
            f"{teacher} {what} all {len(did)} jobs that fitted: there is nothing to tell apart; "
            "watch it where it does both."
        )
    rows = table[list(FEATURES)].to_numpy(float)
    # Starts and holds weigh as often as they occur: weighed alike, rules would start what is
    # mostly held, and a playbook that is followed meets what its own starts have made.
    fitted = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=least, random_state=seed)
    fitted.fit(rows.clip(-1e9, 1e9), did)
    return _rounded(fitted.tree_, rows, did, teacher)


def _rounded(tree: Any, rows: NDArray, did: NDArray[np.bool_], teacher: str) -> Playbook:
    """Return a tree with the thresholds that are told, and what is then true of its leaves."""
    digits = [digits for *_, digits in FEATURES.values()]
    feature = tuple(int(f) if f >= 0 else -1 for f in tree.feature)
    threshold = tuple(
        round(float(t), digits[f]) if f >= 0 else 0.0
        for f, t in zip(feature, tree.threshold, strict=True)
    )
    start = tuple(bool(value[0].argmax()) for value in tree.value)
    left, right = (tuple(map(int, side)) for side in (tree.children_left, tree.children_right))
    n = len(feature)
    low, high = tuple(rows.min(axis=0).tolist()), tuple(rows.max(axis=0).tolist())
    book = Playbook(
        teacher, feature, threshold, left, right, start, (0.0,) * n, (0,) * n, low, high
    )
    leaf = np.array([book._leaf(row) for row in rows])
    count = np.bincount(leaf, minlength=n)
    same = np.bincount(leaf, did == np.array(start)[leaf], minlength=n)
    share = 100 * same / np.maximum(count, 1)
    return replace(book, share=tuple(share.tolist()), count=tuple(count.tolist()))


class Follow(Policy):
    """Do as a playbook says.

    In order of submission each job that fits is started if the playbook says so. A job that has
    waited as long as its user accepts is started whatever it says; until it fits, nobody who
    came later is.

    Parameters
    ----------
    playbook : Playbook
        The rules.

    Raises
    ------
    ValueError
        In a replay with a job that has no `longest_wait_s`: rules alone might hold it for ever.
    """

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook
        self.name = f"playbook of {playbook.teacher}"

    def begin(self, view: View) -> None:
        """Remember since when the intensity is known."""
        self._begun_s = view.now_s

    def decide(self, view: View) -> None:
        """Start what fits and is told to start; ask again at the next step or urgent job."""
        for job in view.arrived:
            if not job.longest_wait_s < np.inf:
                raise ValueError(f"{job!r} has no longest_wait_s: set it in the workload.")
        urgent_s, ahead, cleaner = np.inf, 0, _cleaner_percent(view, self._begun_s)
        for job in sorted(view.queue.values(), key=lambda job: (job.submit_s, job.number)):
            urgent = job.latest_start_s <= view.now_s
            fits = job.processors <= view.free_cores
            row = _row(view, job, cleaner, ahead, view.free_cores)
            if fits and (urgent or self.playbook.says_start(row)[0]):
                view.start(job)
                continue
            if urgent:
                return  # it fits when somebody ends, and then a decision comes
            urgent_s = min(urgent_s, job.latest_start_s)
            ahead += job.processors
        if view.queue:
            view.wake_at(min(urgent_s, view.next_step_s))

    def amend(self, job: Job, change: Callable[[], None]) -> None:
        """Change a job that waits: see `Policy.amend`; nothing is kept of earlier decisions."""
        change()

    def reconsider(self) -> None:
        """Nothing is kept of earlier decisions."""
