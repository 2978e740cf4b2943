"""How fast are runs read, integrated and stacked, at the size of the published ones?"""

import numpy as np
import pytest

from helpers.power import Run, energy_j, read_external, read_recording, stack
from helpers.power.meters import SimulatedMeter
from helpers.power.record import FIRST_LINE

SAMPLES = 2900  # a published whole run
RUNS = 10
WINDOWS = 100_000


@pytest.fixture(scope="module")
def power_w():
    return np.random.default_rng(1).uniform(50, 250, SAMPLES).round(2)


@pytest.fixture(scope="module")
def runs(power_w):
    return {i: Run(np.arange(SAMPLES) * 0.05, power_w + i, 1.7e9) for i in range(RUNS)}


def test_bench_reading_an_external_meters_file(benchmark, tmp_path, power_w):
    lines = [*(f"{1e3 * p:.0f}" for p in power_w), "1720910444.8", "1720910589.8"]
    path = tmp_path / "measurements.csv"
    path.write_text("\n".join(lines) + "\n")

    run = benchmark(read_external, path)

    assert SAMPLES == run.time_s.size


def test_bench_reading_a_recording(benchmark, tmp_path, power_w):
    rows = [f"{1.7e9 + i / 20:.4f},{i / 20:.6f},{p},{7.5 * i}" for i, p in enumerate(power_w)]
    head = [FIRST_LINE, "# interval_s: 0.05", "epoch_s,elapsed_s,gpu0_power_w,gpu0_energy_j"]
    path = tmp_path / "run.csv"
    path.write_text("\n".join([*head, *rows, "# stop_epoch_s: 1.7e9"]) + "\n")

    run = benchmark(read_recording, path)

    assert SAMPLES == run.time_s.size


def test_bench_energy_of_many_windows(benchmark, runs):
    starts_s = np.random.default_rng(2).uniform(0, 100, WINDOWS)

    energies_j = benchmark(energy_j, runs[0], starts_s, starts_s + 10)

    assert (WINDOWS,) == energies_j.shape


def test_bench_stacking_ten_runs(benchmark, runs):
    stacked = benchmark(stack, runs, step_s=0.05)

    assert RUNS == len(stacked.power_w)


def test_bench_one_reading_of_a_simulated_meter(benchmark):
    meter = SimulatedMeter(lambda _: 100.0, noise_w=5.0)

    assert 2 == len(benchmark(meter.read))
