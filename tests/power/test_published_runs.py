"""The published measurements give the published means.

Source: https://github.com/Quacck/master-thesis (power-measurements) and the thesis they belong to.
The window that gives them begins 30 s after the recording starts (the end of its idle part, when
the program is started) and ends at the event "Exit".
From the same begin to 30 s before the recording's end, stop and resume come out 1 % too high:
after "Exit" the program needs another second to end.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from helpers.power import baseline, energies, measure_energy, paired_sum, read_published

IDLE_S = 30.0
WINDOW = (IDLE_S, "Exit")


@pytest.fixture(scope="module")
def runs():
    cache = os.environ.get("HELPERS_DATA_CACHE")
    if not cache:
        pytest.skip("HELPERS_DATA_CACHE is not set: no published runs")
    folder = Path(cache) / "opitz-2024-power"
    if not folder.is_dir():
        pytest.skip("HELPERS_DATA_CACHE holds no opitz-2024-power")
    return read_published(folder)


def total_kj(runs, *experiments):
    """Return the energy of each repeat [kJ]; several experiments pair by repeat."""
    first, *rest = (energies(runs[name], *WINDOW).energy_j / 1e3 for name in experiments)
    for other in rest:
        first = paired_sum(first, other, unpaired="leave_out")
    return first


def test_all_published_runs_are_read_without_a_problem(runs):
    counts = {name: len(repeats) for name, repeats in runs.items()}

    assert counts == {
        "imports_only": 10,
        "roberta_continue_after_not_saving_2": 10,
        "roberta_continue_after_saving_2": 10,
        "roberta_full": 10,
        "roberta_stop_after_saving_epoch_2": 10,
        "roberta_stop_without_saving_epoch_2": 9,
        "sleep": 10,
    }
    assert not any(run.problems for repeats in runs.values() for run in repeats.values())


@pytest.mark.parametrize(
    ("experiments", "count", "published_kj", "published_sd_kj"),
    [
        (["roberta_full"], 10, 12.97, 0.04),
        (["roberta_stop_after_saving_epoch_2", "roberta_continue_after_saving_2"], 10, 13.94, 0.1),
        (
            ["roberta_stop_without_saving_epoch_2", "roberta_continue_after_not_saving_2"],
            9,
            15.72,
            0.07,
        ),
    ],
)
def test_the_published_means_come_out_within_a_thousandth(
    runs, experiments, count, published_kj, published_sd_kj
):
    total = total_kj(runs, *experiments)

    assert count == len(total)
    assert published_kj == pytest.approx(total.mean(), rel=1e-3)
    assert published_sd_kj == pytest.approx(total.std(), abs=0.01)


def test_the_published_idle_power_comes_out_within_one_percent(runs):
    idle = baseline((run, "Start", "End") for run in runs["sleep"].values())

    assert 49.8 == pytest.approx(idle.power_w, rel=1e-3)
    assert 4.4 == pytest.approx(idle.sd_w, abs=0.1)
    assert 0.2 < idle.standard_error_w < 0.5


def test_after_training_the_machine_does_not_come_back_to_idle(runs):
    after_w = [
        measure_energy(run, run.duration_s - 20).energy_j / 20
        for run in runs["roberta_full"].values()
    ]

    assert 100 < np.mean(after_w) < 110


def test_a_window_to_the_end_of_the_idle_part_is_a_percent_too_high(runs):
    ends = {i: run.duration_s - IDLE_S for i, run in runs["roberta_full"].items()}
    wide = [
        measure_energy(runs["roberta_full"][i], IDLE_S, end).energy_j for i, end in ends.items()
    ]

    assert 1.005 < np.mean(wide) / 1e3 / total_kj(runs, "roberta_full").mean() < 1.015
