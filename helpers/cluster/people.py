"""What waiting did for people: by user and month, jobs, waits, grams caused and grams avoided.

*Caused* is what the electricity of a user's jobs emitted in a replay, the power they add to their
nodes. *Avoided* is against each of these jobs begun when it came and never stopped: a yardstick
that asks for no other policy, and that no finite machine can keep for everybody. It is negative
where waiting made things worse.

Whose jobs they are is personal. `page` shows a user their own rows alone; of all others together it
tells a sum only where they are `least_others` or more, so that nobody is found by subtraction.
"""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from helpers.cluster.ask import grams_by_decision, grams_if_started
from helpers.cluster.replayed import Replay
from helpers.timeline import check_time_zone, utc_times

__all__ = ["by_user_and_month", "page"]

_COLUMNS = {
    "jobs": "jobs",
    "core_h": "core-hours",
    "mean_wait_h": "mean wait, h",
    "longest_wait_h": "longest wait, h",
    "late": "longer than accepted",
    "caused_g": "caused, g CO2e",
    "avoided_g": "avoided, g CO2e",
}


def by_user_and_month(replay: Replay, time_zone: str = "UTC") -> pd.DataFrame:
    """Return what each user's jobs waited for, caused and avoided, by month of submission.

    Parameters
    ----------
    replay : Replay
        With its intensity.
    time_zone : str
        The clock on which months begin.

    Returns
    -------
    DataFrame
        One row a ``user`` and ``month`` ("2020-05"), in order: ``jobs``, ``core_h`` [h],
        ``mean_wait_h`` and ``longest_wait_h`` [h], ``late`` (jobs that were kept from running for
        longer than accepted), ``caused_g`` and ``avoided_g`` [g CO2e]. What is caused adds up to
        ``replay.emissions_g()["jobs"]``.

    Raises
    ------
    ValueError
        If the replay had no intensity, or it ends before a job would have ended that had begun
        when it came.
    """
    check_time_zone(time_zone)
    done, given = replay.jobs, replay.workload.jobs
    decided = grams_by_decision(replay)
    caused_g = np.bincount(decided["job"], decided["grams"], minlength=len(done))
    submit_s = done["submit_s"].to_numpy()
    at_once_g = np.array([grams_if_started(replay, i, float(s)) for i, s in enumerate(submit_s)])
    if np.isnan(at_once_g).any():
        label = replay.workload.label(int(np.argmax(np.isnan(at_once_g))))
        raise ValueError(
            f"job {label}: the intensity ends before the job would have, begun when it came: "
            "replay with a longer one."
        )
    came = utc_times(replay.origin_s + submit_s).tz_convert(time_zone)
    kept_s = (done["turnaround_s"] - done["running_s"]).to_numpy()
    late = kept_s > given["longest_wait_s"].to_numpy() + 1e-6  # times are floating-point sums
    rows = pd.DataFrame(
        {
            "user": given["user"].astype(str).to_numpy(),
            "month": came.strftime("%Y-%m"),
            "core_h": done["core_seconds"].to_numpy() / 3600.0,
            "wait_h": done["wait_s"].to_numpy() / 3600.0,
            "late": late,
            "caused_g": caused_g,
            "avoided_g": at_once_g - caused_g,
        }
    )
    return (
        rows.groupby(["user", "month"], sort=True)
        .agg(
            jobs=("core_h", "size"),
            core_h=("core_h", "sum"),
            mean_wait_h=("wait_h", "mean"),
            longest_wait_h=("wait_h", "max"),
            late=("late", "sum"),
            caused_g=("caused_g", "sum"),
            avoided_g=("avoided_g", "sum"),
        )
        .reset_index()
    )


def page(table: pd.DataFrame, user: str | None = None, *, least_others: int = 5) -> str:
    """Return a report as an HTML page of its own, without scripts and without links.

    Parameters
    ----------
    table : DataFrame
        `by_user_and_month`.
    user : str, optional
        Whose page it is: their rows, and all others as one sum. By default all rows: a page
        for who may see them all.
    least_others : int
        Other users a sum must be made of at least, or it is not shown.

    Returns
    -------
    str
        HTML in which names are text, whatever they hold.

    Raises
    ------
    ValueError
        If there is no such user.
    """
    if user is not None and user not in set(table["user"]):
        raise ValueError(f"user {user!r} has no job in the report: check the name.")
    own = table if user is None else table[table["user"] == user]
    who = "All users" if user is None else f"User {user or '(no name)'}"
    parts = [f"<h1>{escape(who)}</h1>", _html(own)]
    if user is not None:
        others = table[table["user"] != user]
        count = others["user"].nunique()
        if count >= least_others:
            parts += [f"<p>All {count} others together:</p>", _html(_summed(others))]
        else:
            parts.append(
                f"<p>Others are not shown: fewer than {least_others} would be behind the sum.</p>"
            )
    parts.append(
        "<p>Avoided is against each job begun when it came and never stopped; below zero, waiting "
        "caused more. Both count what jobs add to the power of their nodes.</p>"
    )
    style = "table{border-collapse:collapse}td,th{padding:.2em .6em;text-align:right}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(who)}</title><style>{style}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _summed(table: pd.DataFrame) -> pd.DataFrame:
    """Return all users of a table as one row a month."""
    waits = table["mean_wait_h"] * table["jobs"]
    months = table.assign(wait_h=waits, user="others").groupby(["user", "month"], sort=True)
    sums = months[["jobs", "core_h", "late", "caused_g", "avoided_g", "wait_h"]].sum()
    sums["mean_wait_h"] = sums["wait_h"] / sums["jobs"]
    # The longest wait is one person's: a sum does not tell it.
    return sums.reset_index()[[c for c in table if c != "longest_wait_h"]]


def _html(table: pd.DataFrame) -> str:
    shown = [name for name in _COLUMNS if name in table]
    heads = "".join(f'<th scope="col">{name}</th>' for name in ["user", "month"])
    heads += "".join(f'<th scope="col">{_COLUMNS[name]}</th>' for name in shown)
    lines = [f"<table>\n<tr>{heads}</tr>"]
    for row in table.to_dict("records"):
        cells = [escape(str(row["user"])), escape(str(row["month"]))]
        cells += [
            f"{row[name]:,d}" if name in ("jobs", "late") else f"{row[name]:,.1f}" for name in shown
        ]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</table>"])
