"""Policies beside each other: frontiers of saving against delay, and a rule at the same delay.

Two policies that delay jobs differently cannot be compared by what they save alone. A rule with a
setting can be laid at any delay between two settings: some of the weeks' work under the one, the
rest under the other. `matched` lays it where the policy in question is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.learn.frontier import frontier_bound
from helpers.panel import Panel
from helpers.stats import holm

__all__ = ["closed", "compared", "frontiers", "least_kwh", "matched", "named", "roof"]

_MEASURES = ("delay_h", "p95_h", "work_delay_h")


def named(judged: pd.DataFrame) -> pd.DataFrame:
    """Return what was judged with the parts of its names.

    Parameters
    ----------
    judged : DataFrame
        A row a ``name``, ``zone`` and ``week``; a name is a rule and its setting, or ``learned``
        with kind of training, seed and setting, as in ``learned full/1/0.003``. Rules and kinds
        that end in ``, held`` are those whose price holds a limit, their setting [h].

    Returns
    -------
    DataFrame
        The same with ``policy`` (rule, or kind of training), ``setting`` and ``seed`` (0 for rules).
    """
    learned = judged["name"].str.startswith("learned ").to_numpy()
    parts = judged["name"].str.removeprefix("learned ").str.split("/", expand=True)
    parts = parts.reindex(columns=range(3))
    rules = judged["name"].str.rpartition(" ")  # one without a setting is all in the last part
    rule = rules[0].where(rules[0] != "", rules[2])
    setting = np.where(learned, parts[2], rules[2])
    return judged.assign(
        policy=np.where(learned, "learned, " + parts[0].fillna(""), rule),
        setting=pd.to_numeric(pd.Series(setting), errors="coerce").fillna(0.0).to_numpy(),
        seed=np.where(learned, parts[1], 0).astype(int),
    )


def frontiers(
    table: pd.DataFrame, baseline: str = "EASY", *, by: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return what each policy saves and how it delays, by its setting.

    Parameters
    ----------
    table : DataFrame
        As `named` gives it, with ``jobs`` [kWh at mean intensity] and delays [h].
    baseline : str
        The policy that savings are against.
    by : tuple of str
        Columns to keep apart: ``zone``, ``seed``.

    Returns
    -------
    DataFrame
        Indexed by policy, setting and `by`: ``saved`` [%], a ratio of sums, and mean delays [h].
    """
    keys = ["policy", "setting", *by]
    base = table[table["policy"] == baseline].set_index(["zone", "week"])["jobs"]
    pairs = pd.MultiIndex.from_frame(table[["zone", "week"]])
    wide = table.assign(base=base.reindex(pairs).to_numpy())
    sums = wide.groupby(keys).agg({"jobs": "sum", "base": "sum"} | dict.fromkeys(_MEASURES, "mean"))
    sums.insert(0, "saved", 100 * (1 - sums["jobs"] / sums["base"]))
    return sums.drop(columns=["jobs", "base"])


def matched(
    table: pd.DataFrame, policy: str, setting: float, rule: str, baseline: str = "EASY"
) -> pd.DataFrame:
    """Return a policy, its seeds averaged, and a rule that delays as much, grid by grid.

    Parameters
    ----------
    table : DataFrame
        As `named` gives it.
    policy, setting
        Whom to match.
    rule : str
        A rule with several settings; the baseline counts as one.
    baseline : str
        What delays least.

    Returns
    -------
    DataFrame
        ``policy`` (its name, and that of the rule), ``zone``, ``week``, ``jobs``, ``delay_h``, and
        ``reached``: whether the rule has settings on both sides. Where it has none that delays as
        much, its last one stands there.
    """
    keys = ["zone", "week"]
    own = table[(table["policy"] == policy) & (table["setting"] == setting)]
    own = own.groupby(keys)[["jobs", "delay_h"]].mean()
    others = table[table["policy"].isin([rule, baseline])]
    rows = []
    for zone in own.index.unique("zone"):
        mine = own.loc[[zone]]
        here = others[others["zone"] == zone]
        wide = here.pivot_table(["jobs", "delay_h"], "week", ["policy", "setting"])
        delays: pd.DataFrame = wide["delay_h"]
        order = delays.mean(axis=0).sort_values()
        aim, at = mine["delay_h"].mean(), order.to_numpy()
        place = int(np.clip(np.searchsorted(at, aim), 1, len(at) - 1))
        share = float(np.clip((aim - at[place - 1]) / (at[place] - at[place - 1]), 0.0, 1.0))
        mixed = {
            of: (1 - share) * wide[of][order.index[place - 1]]
            + share * wide[of][order.index[place]]
            for of in ("jobs", "delay_h")
        }
        rows.append(
            pd.DataFrame(mixed)
            .reset_index()
            .assign(zone=zone, reached=bool(at[0] <= aim <= at[-1]))
        )
    ruled = pd.concat(rows).assign(policy=rule)
    return pd.concat([own.reset_index().assign(policy=policy, reached=True), ruled])


def compared(
    table: pd.DataFrame,
    policy: str,
    settings: Sequence[float],
    rules: Sequence[str],
    *,
    each_zone: bool = False,
) -> pd.DataFrame:
    """Compare a policy with rules at its own delay, paired by week; Holm over all comparisons.

    Parameters
    ----------
    table : DataFrame
        As `named` gives it, its weeks far apart.
    policy, settings, rules
        Whom to compare with whom.
    each_zone : bool
        Whether each grid is looked at alone; else all together, as a sample of grids.

    Returns
    -------
    DataFrame
        A row a setting and rule (and ``zone``): ``percent`` with its interval, negative where the
        policy emits less, ``p``, ``p_holm``, and ``reached`` (see `matched`).
    """
    rows = []
    for setting in settings:
        for rule in rules:
            pair = matched(table, policy, setting, rule)
            parts = pair.groupby("zone") if each_zone else [("all", pair)]
            for zone, part in parts:
                panel = Panel(part, cluster=None if each_zone else "zone")
                found = panel.compare("jobs", rule, block=1).table.iloc[0]
                own = {"setting": setting, "rule": rule, "zone": zone}
                rows.append(own | found.to_dict() | {"reached": bool(part["reached"].all())})
    result = pd.DataFrame(rows)
    return result.assign(p_holm=holm(result["p"].astype(float)))


def roof(table: pd.DataFrame, bound: pd.DataFrame, delays_h: ArrayLike) -> NDArray[np.float64]:
    """Return what no schedule saves more than at each mean delay, the same in all grids [%].

    Parameters
    ----------
    table : DataFrame
        As `named` gives it, with the baseline "EASY".
    bound : DataFrame
        As for `least_kwh`.
    delays_h : array_like of float, shape (n,)
        Mean delays [h].
    """
    base = table.loc[table["policy"] == "EASY", "jobs"].sum()
    zones = bound["zone"].unique()
    least = [least_kwh(bound, pd.Series(h, index=zones)).sum() for h in np.asarray(delays_h)]
    return 100 * (1 - np.array(least) / base)


def least_kwh(bound: pd.DataFrame, delays_h: pd.Series) -> pd.Series:
    """Return what no schedule gets below in each grid at its mean delay [kWh at mean intensity].

    Parameters
    ----------
    bound : DataFrame
        A row a ``zone``, ``week`` and ``price_kwh``, with ``least``: `priced_g` in the same unit.
    delays_h : Series
        Mean delay by grid [h].
    """
    found = {}
    for zone, part in bound.groupby("zone"):
        sums = part.groupby("price_kwh")["least"].sum()
        weeks = part["week"].nunique()
        found[zone] = frontier_bound(sums, sums.index, weeks, [delays_h[zone]])[0]
    return pd.Series(found)


def closed(
    table: pd.DataFrame, bound: pd.DataFrame, policy: str, setting: float, baseline: str = "EASY"
) -> float:
    """Return how much of the gap between baseline and bound, at its delay, a policy closes [%]."""
    own = table[(table["policy"] == policy) & (table["setting"] == setting)]
    mean = own.groupby(["zone", "week"])[["jobs", "delay_h"]].mean()
    base = table[table["policy"] == baseline]["jobs"].sum()
    least = least_kwh(bound, mean["delay_h"].groupby(level="zone").mean()).sum()
    return float(100 * (base - mean["jobs"].sum()) / (base - least))
