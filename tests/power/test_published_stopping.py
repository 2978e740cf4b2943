"""What was stopped and resumed is put together again."""

import numpy as np
import pandas as pd

from helpers.power import Run
from helpers.published.stopping import EXPERIMENTS, LOST, START, same_phases, totals


def a_run(length_s):
    return Run(np.array([0.0, length_s]), np.array([1.0, 1.0]), 0.0)


def test_a_stop_and_what_resumed_it_are_added_up_and_the_unpaired_left_out():
    runs = {part: {2: a_run(3), 1: a_run(2)} for parts in EXPERIMENTS.values() for part in parts}
    del runs["roberta_stop_without_saving_epoch_2"][2]

    found = totals(runs, lambda run: run.duration_s)
    assert {"whole": {1: 2.0, 2: 3.0}, "save": {1: 4.0, 2: 6.0}, "no save": {1: 4.0}} == {
        name: series.to_dict() for name, series in found.items()
    }


def test_the_phases_of_a_whole_run_are_those_of_both_parts_without_second_start_and_lost_work():
    stopped = pd.DataFrame({**dict.fromkeys(START, 1.0), "epoch 1": 2.0, LOST: 3.0}, index=[1])
    resumed = pd.DataFrame({**dict.fromkeys(START, 9.0), "epoch 3": 4.0}, index=[1])
    for name, kept in (("save", [LOST]), ("no save", [])):
        tables = dict(zip(EXPERIMENTS[name], (stopped, resumed), strict=True))

        found = same_phases(tables, name)
        assert [*START, "epoch 1", *kept, "epoch 3"] == list(found)
        assert [1.0] == found[START[0]].to_list()
