"""A trained predictor: tried on the past of a log, kept in a file of numbers, described by code.

A model file is JSON. It holds the names of the features, the levels, LightGBM's text of the trees
and the card's figures, with a check sum; reading it runs no code. Nothing is ever pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.files import read_bytes, write_whole
from helpers.jobs.table import JobLog, end_s
from helpers.predict.boosting import Trees
from helpers.predict.drift import watch
from helpers.predict.estimators import LEVELS, SIMPLE, WEEK_S, Predictions, learn, simple
from helpers.predict.features import FEATURES, features, requested_s
from helpers.predict.mixing import mix
from helpers.predict.scores import SCORES, scores

__all__ = ["Model", "Trial", "train", "trial"]

_FORMAT = "clean-hours predictions 1"
_UNITS = {"run_s": "s", "memory_kb": "KiB"}
_SHOWN = {"run_s": "run time", "memory_kb": "memory"}


@dataclass(frozen=True, eq=False)
class Trial:
    """How predictors did on a log, each job predicted from its past alone.

    Parameters
    ----------
    log : JobLog
        The log.
    predictions : Predictions
        Quantiles, shifted by what had come.
    points : DataFrame
        What each predictor says of each job that was predicted: the simple ones, ``median`` of
        the trees, and ``mixed`` of all (`helpers.predict.mixing`).
    shift : ndarray of float, shape (k,)
        By how much the next job's quantiles are shifted, on the logarithm.
    """

    log: JobLog
    predictions: Predictions
    points: pd.DataFrame
    shift: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        log: JobLog,
        known: pd.DataFrame,
        raw: Predictions,
        step: float | None = 0.003,
        earlier: Predictions | None = None,
    ) -> Self:
        """Return the trial of quantiles that were learned, beside the simple predictors.

        Parameters
        ----------
        log, known
            The log and its features.
        raw : Predictions
            What `learn` gave.
        step : float, optional
            As for `Predictions.calibrated`; None leaves the quantiles as they are.
        earlier : Predictions, optional
            As for `Predictions.calibrated`.
        """
        points = simple(log, known, outcome=raw.outcome).iloc[raw.rows]
        # What ran for less than a second is predicted as one: a logarithm wants no 0.
        points = points.clip(lower=1.0).assign(median=np.maximum(raw.point(), 1.0))
        who = log.jobs["user"].cat.codes.to_numpy()[raw.rows]
        candidates = points.bfill(axis=1)
        points["mixed"] = mix(candidates, raw.truth, who, raw.submit_s, raw.end_s)
        if step is None:
            return cls(log, raw, points, np.zeros(len(raw.levels)))
        said = raw.calibrated(step, earlier=earlier)
        return cls(log, said, points, raw.shift(step, earlier=earlier))

    def scores(self) -> pd.DataFrame:
        """Return the scores of each predictor, one row each, as `helpers.predict.SCORES`."""
        truth = self.predictions.truth
        rows = {name: scores(truth, self.points[name]) for name in self.points}
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(SCORES))

    def weeks(self) -> pd.DataFrame:
        """Return how the trees did in each week, with alarms (`helpers.predict.drift.watch`)."""
        said = self.predictions
        off = np.abs(np.log(self.points["median"].to_numpy() / said.truth))
        return watch(said.submit_s, said.covered(), off)

    def users(self, borders: Sequence[int] = (0, 10, 100, 1000)) -> pd.DataFrame:
        """Return errors by how many jobs their user had submitted in all.

        Parameters
        ----------
        borders : sequence of int
            Where classes of users begin, rising [jobs].

        Returns
        -------
        DataFrame
            One row a class: ``users``, ``jobs``, ``log_error`` of the trees' median, ``simple``
            (of the last similar job) and ``covered``.
        """
        said, names = self.predictions, self.log.jobs["user"].cat.codes.to_numpy()
        own = names[said.rows]
        many = np.bincount(own + 1, minlength=names.max() + 2)[own + 1]
        place = np.searchsorted(np.asarray(borders), many, side="right") - 1
        frame = pd.DataFrame(
            {
                "class": place,
                "user": own,
                "log_error": np.abs(np.log(self.points["median"].to_numpy() / said.truth)),
                "simple": np.abs(np.log(self.points["last similar"].to_numpy() / said.truth)),
                "covered": said.covered(),
            }
        )
        grouped = frame.groupby("class")
        table = grouped[["log_error", "simple", "covered"]].mean()
        table.insert(0, "jobs", grouped.size())
        table.insert(0, "users", grouped["user"].nunique())
        ends = [*(f"to {b - 1}" for b in borders[1:]), "and more"]
        return table.set_axis([f"{borders[i]} {ends[i]}" for i in table.index])


def trial(
    log: JobLog,
    known: pd.DataFrame | None = None,
    *,
    outcome: str = "run_s",
    levels: Sequence[float] = LEVELS,
    every_s: float = WEEK_S,
    first_s: float = 4 * WEEK_S,
    step: float = 0.003,
    warm_s: float = 0.0,
) -> Trial:
    """Try the predictors on a log: every job is predicted from what was known of it.

    Parameters
    ----------
    log, known, outcome, levels, every_s, first_s
        As for `helpers.predict.learn`.
    step : float
        As for `Predictions.calibrated`.
    warm_s : float
        For how long before `first_s` jobs are predicted and tracked, too, though not scored, so
        that quantiles are in place when the first one counts [s].
    """
    if known is None:
        known = features(log, outcome=outcome)
    begin_s = first_s - warm_s
    raw = learn(log, known, outcome=outcome, levels=levels, every_s=every_s, first_s=begin_s)
    early, raw = raw.parted(float(log.jobs["submit_s"].min()) + first_s)
    return Trial.of(log, known, raw, step, early if len(early) else None)


@dataclass(frozen=True)
class Model:
    """What was learned from a whole log, to predict jobs that come after it.

    Parameters
    ----------
    outcome : str
        What is predicted: ``"run_s"`` [s] or ``"memory_kb"`` [KiB].
    trees : Trees
        Quantiles of its logarithm.
    shift : tuple of float
        Added to each quantile of the logarithm.
    about : mapping
        What the card says, as plain values.

    Raises
    ------
    ValueError
        If there is not one shift a level.
    """

    outcome: str
    trees: Trees
    shift: tuple[float, ...]
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if len(self.shift) != len(self.trees.levels):
            raise ValueError(
                f"{len(self.shift)} shifts and {len(self.trees.levels)} levels: one each."
            )

    def predict(self, log: JobLog, known: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the quantiles of each job of a log, from what was known at its submission.

        Parameters
        ----------
        log : JobLog
            Any log; jobs without run time are predicted, too.
        known : DataFrame, optional
            Features of its jobs, shape (n, len(FEATURES)); by default they are computed.

        Returns
        -------
        DataFrame, shape (n, k)
            One column a level, in the unit of the outcome; a run time never exceeds its request.
        """
        if known is None:
            known = features(log, outcome=self.outcome)
        shifted = self.trees.predict(known.to_numpy(np.float32)) + np.array(self.shift)
        values = np.exp(np.maximum.accumulate(shifted, axis=1))
        if self.outcome == "run_s":
            asked = requested_s(log.jobs)[:, None]
            values = np.minimum(values, np.where(np.isnan(asked), np.inf, asked))
        return pd.DataFrame(values, index=log.jobs.index, columns=list(self.trees.levels))

    def save(self, path: str | os.PathLike) -> None:
        """Write the model as JSON, whole or not at all."""
        body = {
            "outcome": self.outcome,
            "features": list(FEATURES),
            "levels": list(self.trees.levels),
            "shift": list(self.shift),
            "trees": list(self.trees.text),
            "about": dict(self.about),
        }
        data = {"format": _FORMAT, "sha256": _digest(body), **body}
        write_whole(path, json.dumps(data, indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ValueError
            If the file is no such model, was changed, or knows other features than this version.
        """
        data, name = read_bytes(path)
        try:
            stored = json.loads(data)
        except ValueError as error:
            raise ValueError(f"{name}: no model, since it is not JSON: {error}") from None
        if not isinstance(stored, dict) or stored.pop("format", None) != _FORMAT:
            raise ValueError(f"{name}: its format is not {_FORMAT!r}: train the model again.")
        if stored.pop("sha256", None) != _digest(stored):
            raise ValueError(f"{name}: its check sum is wrong: the file was changed; train again.")
        if stored["features"] != list(FEATURES):
            raise ValueError(
                f"{name}: made with other features than this version knows: train it again."
            )
        trees = Trees(tuple(stored["levels"]), tuple(stored["trees"]), len(FEATURES))
        return cls(stored["outcome"], trees, tuple(stored["shift"]), stored["about"])

    def card(self) -> str:
        """Return the model card as Markdown: data, period, scores, weeks, limits."""
        return _card(self.about)


def train(tried: Trial, known: pd.DataFrame | None = None) -> Model:
    """Learn from all of a log that was tried, for jobs to come.

    Parameters
    ----------
    tried : Trial
        What the card will say; its log and shifts are taken.
    known : DataFrame, optional
        Features of the log; by default they are computed.
    """
    said, log = tried.predictions, tried.log
    if known is None:
        known = features(log, outcome=said.outcome)
    result = log.jobs[said.outcome].to_numpy(np.float64)
    ended = np.isfinite(end_s(log.jobs).to_numpy()) & (result > 0)
    table = known.to_numpy(np.float32)[ended]
    trees = Trees.quantiles(table, np.log(result[ended]), said.levels.tolist())
    about = _about(tried, int(ended.sum()))
    return Model(said.outcome, trees, tuple(tried.shift.tolist()), about)


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _about(tried: Trial, learned_from: int) -> dict[str, Any]:
    """Return the figures of the card as plain values."""
    log, said = tried.log, tried.predictions
    submit_s = log.jobs["submit_s"]
    first, last = float(submit_s.min()), float(submit_s.max())
    when = [f"second {first:.0f}", f"second {last:.0f}"]
    if log.epoch is not None:
        when = [f"{log.epoch + pd.Timedelta(s, unit='s'):%Y-%m-%d}" for s in (first, last)]
    weeks = tried.weeks().reset_index()
    return {
        "log": os.path.basename(log.source) if log.source else "a log without a name",
        "jobs": len(log),
        "learned_from": learned_from,
        "tried_on": len(said),
        "users": int(log.jobs["user"].nunique()),
        "from": when[0],
        "to": when[1],
        "outcome": said.outcome,
        "levels": said.levels.tolist(),
        "covered": float(said.covered().mean()),
        "scores": tried.scores().round(6).to_dict("index"),
        "weeks": weeks.round(6).to_dict("records"),
        "users_by_activity": tried.users().round(6).to_dict("index"),
    }


def _rows(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table of Markdown."""
    every = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in row) + " |" for row in every]


def _scores_rows(about: Mapping[str, Any], unit: str) -> list[str]:
    """Return the table of predictors."""
    head = [f"mean error [{unit}]", f"median error [{unit}]", "accuracy", "log error", "under [%]"]
    return _rows(
        ["predictor", *head],
        (
            [name, f"{s['mean_error']:,.0f}", f"{s['median_error']:,.0f}",
             f"{s['accuracy']:.2f}", f"{s['log_error']:.2f}", f"{100 * s['under']:.0f}"]
            for name, s in about["scores"].items()
        ),
    )  # fmt: skip


def _weeks_rows(about: Mapping[str, Any]) -> list[str]:
    """Return the table of weeks."""
    return _rows(
        ["week", "jobs", "covered [%]", "log error", "alarm"],
        (
            [w["week"], f"{w['jobs']:,}", f"{100 * w['covered']:.0f}",
             f"{w['log_error']:.2f}", w["alarm"]]
            for w in about["weeks"]
        ),
    )  # fmt: skip


def _users_rows(about: Mapping[str, Any]) -> list[str]:
    """Return the table of users by how much they do."""
    return _rows(
        ["jobs of the user", "users", "jobs", "log error", "last similar", "covered [%]"],
        (
            [name, u["users"], f"{u['jobs']:,}", f"{u['log_error']:.2f}",
             f"{u['simple']:.2f}", f"{100 * u['covered']:.0f}"]
            for name, u in about["users_by_activity"].items()
        ),
    )  # fmt: skip


def _card(about: Mapping[str, Any]) -> str:
    unit, what = _UNITS.get(about["outcome"], ""), _SHOWN.get(about["outcome"], about["outcome"])
    low, high = about["levels"][0], about["levels"][-1]
    best = min(SIMPLE, key=lambda name: about["scores"][name]["log_error"])
    alarms = [week for week in about["weeks"] if week["alarm"] not in ("", "few jobs")]
    judged = [week for week in about["weeks"] if week["alarm"] != "few jobs"]
    worst = min((week["covered"] for week in judged), default=float("nan"))
    lines = [
        f"# Model card: {what} of jobs",
        "",
        "## Data",
        "",
        f"Log `{about['log']}`: {about['jobs']:,} jobs of {about['users']:,} users, submitted from "
        f"{about['from']} to {about['to']}.",
        f"Learned from the {about['learned_from']:,} jobs whose {what} is known.",
        f"Tried on {about['tried_on']:,} of them, each predicted from its past alone.",
        "",
        "## Scores",
        "",
        *_scores_rows(about, unit),
        "",
        f"By log error the best simple predictor is *{best}*; the trees' median has "
        f"{about['scores']['median']['log_error'] / about['scores'][best]['log_error']:.2f} of it.",
        f"The interval from {low:g} to {high:g} covered {100 * about['covered']:.1f} % of jobs "
        f"(wanted {100 * (high - low):.0f} %), in the worst week {100 * worst:.1f} %.",
        "",
        "## Weeks",
        "",
        *_weeks_rows(about),
        "",
        f"{len(alarms)} of {len(judged)} weeks that were judged raised an alarm.",
        "",
        "## By activity of the user",
        "",
        *_users_rows(about),
        "",
        "## Limits",
        "",
        "- A median is below what comes for half of the jobs: plan with it, never kill by it.",
        "- It knows the crowd of this log and period; on another cluster try it before use.",
        "- New users and jobs after a long break are predicted from what others do.",
        "- The features hold users' habits: the file belongs where the log may be.",
    ]
    return "\n".join(lines) + "\n"
