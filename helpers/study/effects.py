"""What the results of a study say together: effects at each load, and of nodes that draw more."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from helpers.panel import Panel, PanelComparison
from helpers.stats import holm

__all__ = ["effects_by_load", "whole_saved"]


def effects_by_load(
    panel: Panel, values: Sequence[str], baseline: str, **how: Any
) -> tuple[dict[tuple[float, str], PanelComparison], pd.DataFrame]:
    """Compare policies with a baseline at each load, by each of some values.

    Parameters
    ----------
    panel : Panel
        Results of a study with one way of sleeping.
    values : sequence of str
        Some of `MEASURES`.
    baseline : str
        Policy compared with.
    **how
        As for `Panel.compare`.

    Returns
    -------
    comparisons : dict
        By load and value; p is Holm's over the policies of one alone.
    effects : DataFrame
        Their tables by load, ``of`` (the value) and policy; ``p_holm`` is Holm's over all policies
        and loads of a value.
    """
    loads = panel.table["load"].unique()
    compared = {
        (load, value): panel.select(load=load).compare(value, baseline, **how)
        for load in loads
        for value in values
    }
    effects = pd.concat({key: c.table for key, c in compared.items()}, names=["load", "of"])
    for of in values:
        one = effects.index.get_level_values("of") == of
        effects.loc[one, "p_holm"] = holm(effects.loc[one, "p"])
    return compared, effects


def whole_saved(
    table: pd.DataFrame, scales: Iterable[float], by: str, baseline: str
) -> pd.DataFrame:
    """Return the share of the whole machine's emissions saved if nodes drew so many times as much.

    All powers of nodes are scaled together, so that the same switching breaks even.

    Parameters
    ----------
    table : DataFrame
        Results of a study, at one load.
    scales : iterable of float
        Factors of what nodes draw by themselves.
    by, baseline : str
        Column that names what is compared, and the name of what it is compared with.

    Returns
    -------
    DataFrame
        Saved [%]; a row a factor, a column a name.
    """
    sums = table.groupby(by)[["jobs", "nodes"]].sum()
    whole = {scale: sums["jobs"] + scale * sums["nodes"] for scale in scales}
    return pd.DataFrame({s: 100 * (1 - parts / parts[baseline]) for s, parts in whole.items()}).T
