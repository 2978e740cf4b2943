"""The command that says how long jobs will run: try on a log's past, predict, keep, describe."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from helpers.jobs.table import JobLog
    from helpers.predict.model import Model, Trial

__all__ = ["predict"]

Result = dict[str, Any]

_DAY_S = 86_400.0
_TRAININGS = 20  # of a trial, at most: a long log is trained on less often than weekly
_LONGEST_FIRST_S = 28 * _DAY_S
_FEWEST = 200  # ended jobs, before which trees only learn noise
_OUTCOMES = {"time": "run_s", "memory": "memory_kb"}
_UNITS = {"run_s": "s", "memory_kb": "KiB"}


def predict(options: argparse.Namespace) -> Result:
    """Predict jobs of a log or a program, and say how good such predictions were."""
    given = [x for x in (options.log, options.program, options.described) if x is not None]
    if len(given) != 1:
        raise ValueError(
            "predict takes one of a log, --program FILE.py:FUNCTION and --described FILE."
        )
    others = _OF_LOG if options.log is None else _OF_PROGRAM
    what = "a program" if options.log is None else "a log"
    for name, usual in others.items():
        if getattr(options, name) != usual:
            raise ValueError(f"--{name.replace('_', '-')} says nothing of {what}: leave it out.")
    if options.log is None:
        from helpers.operate.commands_program import program

        return program(options)
    return _of_log(options)


_OF_LOG = {"time_zone": None, "of": "time", "show": 10, "no_waits": False, "card": None}
_OF_PROGRAM = {"arguments": "arguments", "times": 1.0, "power": None}


def _of_log(options: argparse.Namespace) -> Result:
    """Predict jobs of a log, and say how good predictions were on its past."""
    from helpers.files import write_whole
    from helpers.operate.commands import read_log
    from helpers.predict.features import features
    from helpers.predict.model import Model, train, trial

    outcome = _OUTCOMES[options.of]
    log = _prepared(read_log(options.log, options.time_zone), options, outcome)
    known = features(log, outcome=outcome)
    tried: Trial | None = None
    if options.model:
        model = Model.load(options.model)
        if model.outcome != outcome:
            raise ValueError(f"{options.model} predicts {model.outcome}, not {outcome}: say --of.")
    else:
        every_s, first_s, warm_s = _rhythm(log)
        tried = trial(log, known, outcome=outcome, every_s=every_s, first_s=first_s, warm_s=warm_s)
        model = train(tried, known)
    rows, waiting = _asked(log, outcome, options.show, tried)
    said = model.predict(log, known).to_numpy()[rows]
    if tried is not None and not waiting:  # jobs that ended taught the model: ask what it knew then
        said = _then(tried, rows)
    table = _table(log, rows, said, model, waiting)
    if options.save:
        model.save(options.save)
    if options.card:
        write_whole(options.card, model.card())
    about = model.about
    return {
        "of": outcome,
        "unit": _UNITS[outcome],
        "levels": list(model.trees.levels),
        "waiting": waiting,
        "jobs": table.to_dict("records"),
        "trial": {name: about[name] for name in ("tried_on", "covered", "scores", "weeks")},
        "saved": options.save,
        "card": options.card,
        "warning": _warning(about, options),
        "text": _text(table, about, waiting, bool(options.model), outcome),
    }


def _prepared(log: JobLog, options: argparse.Namespace, outcome: str) -> JobLog:
    """Return the log with waits, or say what is missing."""
    jobs = log.jobs
    ended = jobs["run_s"].notna() & (jobs[outcome] > 0)
    if not options.model and int(ended.sum()) < _FEWEST:
        raise ValueError(
            f"{options.log}: {int(ended.sum())} jobs tell {outcome}, and {_FEWEST} are needed to "
            "learn from: give a longer log, or a saved model with --model."
        )
    if options.no_waits:
        return log.with_jobs(jobs.assign(wait_s=jobs["wait_s"].where(jobs["run_s"].isna(), 0.0)))
    lost = int((jobs["run_s"].notna() & jobs["wait_s"].isna()).sum())
    if lost:
        raise ValueError(
            f"{options.log}: wait_s of {lost} jobs is not known, so neither is when they ended: say "
            "--no-waits to take it that no job waited."
        )
    return log


def _rhythm(log: JobLog) -> tuple[float, float, float]:
    """Return how often to train, from when on to score, and how long before to predict [s]."""
    from helpers.jobs.table import end_s

    submit_s = log.jobs["submit_s"].to_numpy()
    ends_s = np.sort(end_s(log.jobs).dropna().to_numpy())
    span_s = float(np.ptp(submit_s))
    enough_s = float(ends_s[_FEWEST // 2] - submit_s.min()) + 1.0  # logs may begin without ends
    first_s = max(min(span_s / 3, _LONGEST_FIRST_S), enough_s)
    return max(span_s / _TRAININGS, _DAY_S), first_s, min(first_s - enough_s, first_s / 2)


def _asked(log: JobLog, outcome: str, show: int, tried: Trial | None) -> tuple[Any, bool]:
    """Return rows to predict, and whether they still wait: else the last that ended."""
    jobs = log.jobs
    waiting = np.flatnonzero((jobs["run_s"].isna() & ~jobs["state"].isin(_OVER)).to_numpy())
    if len(waiting):
        return waiting[-show:], True
    if tried is not None:
        return tried.predictions.rows[-show:], False
    ended = np.flatnonzero((jobs[outcome] > 0).to_numpy())
    return ended[np.argsort(jobs["submit_s"].to_numpy()[ended], kind="stable")][-show:], False


_OVER = ("completed", "failed", "cancelled", "timeout", "node_fail", "out_of_memory")


def _then(tried: Trial, rows: Any) -> Any:
    """Return what was said of jobs when they were submitted."""
    place = np.searchsorted(np.sort(tried.predictions.rows), rows)
    order = np.argsort(tried.predictions.rows)
    return np.minimum(tried.predictions.values, tried.predictions.limit[:, None])[order[place]]


def _table(log: JobLog, rows: Any, said: Any, model: Model, waiting: bool) -> pd.DataFrame:
    import pandas as pd

    jobs, levels = log.jobs.iloc[rows], model.trees.levels
    middle = int(np.argmin(np.abs(np.array(levels) - 0.5)))
    table = pd.DataFrame(
        {
            "job_id": jobs["job_id"].astype(str).tolist(),
            "requested": _plain(jobs["requested_s"]) if model.outcome == "run_s" else None,
            "low": said[:, 0].tolist(),
            "median": said[:, middle].tolist(),
            "high": said[:, -1].tolist(),
            "came": None if waiting else _plain(jobs[model.outcome]),
        }
    )
    return table.astype(object)


def _plain(values: pd.Series) -> list[float | None]:
    return [None if math.isnan(v) else v for v in values.astype(float).tolist()]


def _text(table: pd.DataFrame, about: Any, waiting: bool, given: bool, outcome: str) -> str:
    from helpers.operate.words import lasting

    def shown(value: Any) -> str:
        if value is None:
            return "-"
        if outcome != "run_s":
            return f"{value / 1024:,.0f} MiB"
        return lasting(value) if value >= 600 else f"{value:.0f} s"

    low, high = about["levels"][0], about["levels"][-1]
    heads = ["job", "requested", f"{100 * low:g} %", "median", f"{100 * high:g} %", "came"]
    cells = [heads] + [[row[0], *map(shown, row[1:])] for row in table.itertuples(index=False)]
    keep = [i for i in range(len(heads)) if i == 0 or any(row[i] != "-" for row in cells[1:])]
    wide = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = ["  ".join(row[i].rjust(wide[i]) for i in keep) for row in cells]
    what = "as the model says" if given else "as predicted when they were submitted"
    head = "Jobs that wait:" if waiting else f"No job waits; the last that ended, {what}:"
    lines = [head, *lines, "", f"On {about['tried_on']:,} jobs of {about['log']}, from their past:"]
    for name, score in about["scores"].items():
        lines.append(
            f"  {name:13s} log error {score['log_error']:.2f}, mean error "
            f"{shown(score['mean_error'])}, {100 * score['under']:.0f} % under"
        )
    lines.append(
        f"  {100 * about['covered']:.1f} % lay between the ends ({100 * (high - low):.0f} % wanted)"
    )
    return "\n".join(lines)


def _warning(about: Any, options: argparse.Namespace) -> str:
    weeks = [w for w in about["weeks"] if w["alarm"] not in ("", "few jobs")]
    told = [f"written: {path}" for path in (options.save, options.card) if path]
    if weeks:
        which = ", ".join(f"{w['week']} ({w['alarm']})" for w in weeks)
        told.append(f"{len(weeks)} of {len(about['weeks'])} weeks raise an alarm: {which}")
    return "; ".join(told)
