"""The published recordings of a training job that is stopped and resumed, put together.

A stopped run and the run that resumes it belong together by the number of their repeat. One stop
without save was not usable, so the run that resumed it has no partner and is left out
(Opitz 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd

from helpers.power import Run, paired_sum

__all__ = ["EXPERIMENTS", "LOST", "START", "same_phases", "totals"]

#: The recordings of each experiment: the whole job, or what was stopped and what resumed it.
EXPERIMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "whole": ("roberta_full",),
        "save": ("roberta_stop_after_saving_epoch_2", "roberta_continue_after_saving_2"),
        "no save": ("roberta_stop_without_saving_epoch_2", "roberta_continue_after_not_saving_2"),
    }
)
#: Phases of a start.
START = ("import libraries", "load data", "tokenise and build model")
#: The phase that a stop without save throws away.
LOST = "epoch 2 train"


def totals(
    runs: Mapping[str, Mapping[int, Run]], measure: Callable[[Run], float]
) -> dict[str, pd.Series]:
    """Measure each repeat of each experiment; what was stopped and resumed is added up.

    Parameters
    ----------
    runs : mapping
        Runs by recording and repeat (`datasets.power_runs`).
    measure : callable
        What is measured of one run, for example its energy [J].

    Returns
    -------
    dict of str to Series
        One number a repeat, by experiment.
    """
    sums = {}
    for name, parts in EXPERIMENTS.items():
        found = [
            pd.Series({repeat: measure(run) for repeat, run in sorted(runs[part].items())})
            for part in parts
        ]
        sums[name] = found[0] if len(found) == 1 else paired_sum(*found, unpaired="leave_out")
    return sums


def same_phases(tables: Mapping[str, pd.DataFrame], experiment: str) -> pd.DataFrame:
    """Return the phases that a whole run has, too: of the stopped run, then of the resumed one.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        A number of each phase by recording: one row a repeat, one column a phase.
    experiment : str
        ``save`` or ``no save``.
    """
    stopped, resumed = (tables[part] for part in EXPERIMENTS[experiment])
    if experiment == "no save":
        stopped = stopped.drop(columns=LOST)
    return stopped.join(resumed.drop(columns=list(START)), how="inner")
