"""Measured power limits: curves, the exponent, and what it misses."""

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.phases.throttle import Throttle
from helpers.power.caps import (
    CapCurve,
    best_limits,
    cap_curves,
    fit_exponent,
    left_out_errors,
)

COLUMNS = ["gpu", "dataset", "network", "batch_size", "optimizer", "power_limit"]


def measured(exponent, free_w, gpu="x", network="a"):
    """A table that obeys the model to the letter."""
    rows = []
    for cap_w in (100.0, 150.0, 200.0, 250.0):
        speed = float(Throttle(exponent).speed(free_w, cap_w))
        rows.append((gpu, "data", network, 8, "adam", cap_w, 60.0 / speed, min(free_w, cap_w)))
    return pd.DataFrame(rows, columns=[*COLUMNS, "time_per_epoch", "average_power"])


@pytest.mark.parametrize("exponent", [0.2, 0.5, 1.0])
def test_the_exponent_is_found_again_where_the_model_holds(exponent):
    table = pd.concat([measured(exponent, 240.0), measured(exponent, 180.0, network="b")])

    assert pytest.approx(exponent) == fit_exponent(cap_curves(table))
    assert pytest.approx([0.0, 0.0], abs=1e-9) == left_out_errors(table, "network")["error_percent"]


def test_who_differs_from_all_others_is_missed():
    table = pd.concat([measured(0.2, 240.0), measured(0.2, 240.0, "y"), measured(0.8, 240.0, "z")])
    missed = left_out_errors(table, "gpu")["error_percent"]

    assert "z" == missed.idxmax()


def test_repeats_at_a_limit_are_averaged_and_a_single_limit_says_nothing():
    table = measured(0.5, 240.0)
    slower = table.assign(time_per_epoch=2 * table["time_per_epoch"])
    alone = measured(0.5, 240.0, network="alone").iloc[:1]
    curves = cap_curves(pd.concat([table, slower, alone]))

    assert 1 == len(curves)
    assert pytest.approx(cap_curves(table)[0].speed) == curves[0].speed


def test_the_best_limit_rises_with_what_the_rest_of_the_machine_draws():
    curve = cap_curves(measured(0.5, 240.0))[0]

    assert 0 == curve.best()
    assert 3 == curve.best(rest_w=1000.0)
    assert 1.0 == curve.energy(50.0)[-1]


def test_limits_that_do_not_increase_are_refused():
    with pytest.raises(ValueError, match="increasing"):
        CapCurve("x", np.array([2.0, 1.0]), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="speed must be > 0"):
        CapCurve("x", np.array([1.0, 2.0]), np.array([0.0, 1.0]), np.ones(2))


@pytest.mark.skipif(not datasets.available("zeus-power-caps"), reason="zeus-power-caps not cached")
def test_the_measured_tables_are_read_and_a_v100_saves_a_fifth():
    table = datasets.power_caps()
    curves = cap_curves(table[table["gpu"] == "v100"])
    saved = [1 - curve.energy()[curve.best()] for curve in curves]
    slower = [1 / curve.speed[curve.best()] - 1 for curve in curves]

    assert {"a40", "p100", "rtx6000", "v100"} == set(table["gpu"])
    assert 1609 == len(table)
    assert pytest.approx(0.22, abs=0.03) == np.mean(saved)
    assert pytest.approx(0.18, abs=0.05) == np.mean(slower)


@pytest.mark.skipif(not datasets.available("zeus-power-caps"), reason="zeus-power-caps not cached")
def test_a_square_root_misses_the_measured_times_as_its_docstring_says():
    wrong, below = [], []
    for curve in cap_curves(datasets.power_caps()):
        power_w = np.full(len(curve.cap_w), curve.power_w[-1])
        said = [float(Throttle(0.5).speed(p, c)) for p, c in zip(power_w, curve.cap_w, strict=True)]
        error = 100 * np.abs(curve.speed / np.array(said) - 1)
        wrong.extend(error)
        below.extend(error[curve.cap_w < curve.power_w[-1]])

    assert "6" == f"{np.mean(wrong):.0f}"
    assert "11" == f"{np.mean(below):.0f}"


def test_without_a_limit_that_slows_nothing_is_fitted():
    with pytest.raises(ValueError, match="nothing can be fitted"):
        fit_exponent(cap_curves(measured(0.5, 90.0)))


def test_the_best_limit_of_each_gpu_saves_energy_for_time():
    table = pd.concat([measured(0.5, 240.0), measured(0.5, 240.0, "y")])
    found = best_limits(table)

    assert [100.0, 100.0] == found["cap_w"].tolist()
    assert 100 * (1 - (100 / 240) ** 0.5) == pytest.approx(found["saved_percent"]["x"])
    assert 100 * ((240 / 100) ** 0.5 - 1) == pytest.approx(found["longer_percent"]["y"])
    assert (best_limits(table, rest_w=1000.0)["saved_percent"] < 1e-9).all()
