import math
import types

import pytest

from helpers.power.meters import (
    JointMeter,
    MeterError,
    NvmlMeter,
    RaplMeter,
    ReplayMeter,
    SimulatedMeter,
)


class FakeError(Exception):
    pass


class FakeNvml:
    """Two GPUs as NVML shows them; `missing` names what the driver refuses."""

    NVMLError = FakeError
    NVML_SUCCESS, NVML_TEMPERATURE_GPU, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 0, 1, 2
    NVML_FI_DEV_POWER_INSTANT = 186

    def __init__(self, missing=(), count=2):
        self.missing, self.count, self.energy_mj, self.open = set(missing), count, 5_000_000, 0

    def __getattr__(self, name):
        answers = {
            "nvmlDeviceGetCount": lambda: self.count,
            "nvmlDeviceGetHandleByIndex": lambda i: i,
            "nvmlDeviceGetPowerUsage": lambda h: 71_000 + h,
            "nvmlDeviceGetTotalEnergyConsumption": lambda h: self.energy_mj,
            "nvmlDeviceGetTemperature": lambda h, s: 33,
            "nvmlDeviceGetClockInfo": lambda h, c: 1980,
            "nvmlDeviceGetMaxClockInfo": lambda h, c: 2000,
            "nvmlDeviceGetName": lambda h: b"Some GPU",
            "nvmlDeviceGetMemoryInfo": lambda h: types.SimpleNamespace(total=1024),
            "nvmlDeviceGetEnforcedPowerLimit": lambda h: 700_000,
            "nvmlDeviceGetPowerManagementDefaultLimit": lambda h: 700_000,
            "nvmlDeviceGetPerformanceState": lambda h: 0,
            "nvmlDeviceGetPersistenceMode": lambda h: 1,
            "nvmlSystemGetDriverVersion": lambda: "580.1",
            "nvmlSystemGetNVMLVersion": lambda: "13",
            "nvmlDeviceGetFieldValues": lambda h, f: [
                types.SimpleNamespace(
                    nvmlReturn=3 if "instant" in self.missing else 0,
                    value=types.SimpleNamespace(uiVal=70_000 + h),
                )
            ],
        }

        def call(*arguments):
            if name in self.missing:
                raise FakeError(f"{name}: Not Supported")
            return answers[name](*arguments)

        if name not in answers:
            raise AttributeError(name)
        return call

    def nvmlInit(self):
        if "nvmlInit" in self.missing:
            raise FakeError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self):
        self.open -= 1


def test_nvml_gives_instantaneous_power_energy_temperature_and_clock_of_each_gpu():
    nvml = FakeNvml()
    meter = NvmlMeter(library=nvml)
    nvml.energy_mj += 1_500

    values = dict(zip(meter.columns, meter.read(), strict=True))

    assert values == {
        "gpu0_power_w": 70.0,
        "gpu0_energy_j": 1.5,
        "gpu0_temperature_degc": 33.0,
        "gpu0_sm_clock_mhz": 1980.0,
        "gpu1_power_w": 70.001,
        "gpu1_energy_j": 1.5,
        "gpu1_temperature_degc": 33.0,
        "gpu1_sm_clock_mhz": 1980.0,
    }


def test_nvml_falls_back_to_the_plain_power_where_there_is_no_instantaneous_one():
    meter = NvmlMeter([1], library=FakeNvml(missing={"instant"}))

    assert 71.001 == meter.read()[0]
    assert "as NVML gives it" == meter.describe()["power_reading"]


def test_a_column_that_a_gpu_does_not_offer_is_left_out():
    meter = NvmlMeter(
        [0],
        library=FakeNvml(missing={"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetClockInfo"}),
    )

    assert ("gpu0_power_w", "gpu0_temperature_degc") == meter.columns
    assert meter.describe()["gpus"][0]["clock_mhz"] is None


def test_nvml_gives_nan_for_a_reading_that_fails_later():
    nvml = FakeNvml()
    meter = NvmlMeter([0], library=nvml)
    nvml.missing.add("nvmlDeviceGetFieldValues")

    power_w, energy_j, *_ = meter.read()

    assert math.isnan(power_w)
    assert 0.0 == energy_j


@pytest.mark.parametrize(
    ("nvml", "gpus", "message"),
    [
        (FakeNvml(missing={"nvmlInit"}), None, "NVML does not start .Driver Not Loaded."),
        (FakeNvml(count=0), None, "finds no NVIDIA GPU"),
        (FakeNvml(), [2], "gpu=2 does not exist: NVML counts from 0 to 1"),
        (FakeNvml(missing={"instant", "nvmlDeviceGetPowerUsage"}), None, "does not tell its power"),
        (FakeNvml(missing={"nvmlDeviceGetHandleByIndex"}), None, "does not let this user"),
    ],
)
def test_nvml_that_cannot_measure_says_why_and_is_closed(nvml, gpus, message):
    with pytest.raises(MeterError, match=message):
        NvmlMeter(gpus, library=nvml)

    assert 0 == nvml.open


def test_nvml_description_is_plain_and_names_no_machine():
    told = NvmlMeter([0], library=FakeNvml()).describe()

    assert "instantaneous" == told["power_reading"]
    assert "Some GPU" == told["gpus"][0]["name"]
    assert not {"uuid", "serial"} & set(told["gpus"][0])


@pytest.fixture
def powercap(tmp_path):
    for zone, name, energy_uj in (
        ("intel-rapl:0", "package-0", 900),
        ("intel-rapl:0:0", "core", 1),
        ("intel-rapl:1", "package-1", 50),
        ("intel-rapl:2", "psys", 7),
    ):
        folder = tmp_path / zone
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "energy_uj").write_text(f"{energy_uj}\n")
        (folder / "max_energy_range_uj").write_text("1000\n")
    return tmp_path


def test_rapl_counts_each_package_from_zero_and_undoes_the_wrap(powercap):
    meter = RaplMeter(powercap)
    readings = []
    for energy_uj in (950, 30, 940, 940, 10):
        (powercap / "intel-rapl:0" / "energy_uj").write_text(f"{energy_uj}\n")
        readings.append(meter.read())

    assert ("cpu0_energy_j", "cpu1_energy_j") == meter.columns
    first_j, second_j = zip(*readings, strict=True)
    assert [5e-5, 1.3e-4, 1.04e-3, 1.04e-3, 1.11e-3] == pytest.approx(first_j)
    assert (0.0,) * 5 == second_j


def test_rapl_that_was_reset_is_no_wrap_and_counts_anew(powercap):
    zone = powercap / "intel-rapl:0"
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    (zone / "energy_uj").write_text("5000000000\n")
    times = iter([0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0, 4.0])
    meter = RaplMeter(powercap, clock=lambda: next(times) / 2)
    told = []
    for energy_uj in (5_100_000_000, 1_000_000, 3_000_000):
        (zone / "energy_uj").write_text(f"{energy_uj}\n")
        told.append(meter.read()[0])

    assert 100.0 == told[0]
    assert math.isnan(told[1])
    assert 2.0 == told[2]


def test_rapl_gives_nan_for_a_reading_that_fails_and_counts_on(powercap):
    meter = RaplMeter(powercap)
    counter = powercap / "intel-rapl:0" / "energy_uj"
    counter.unlink()
    failed = meter.read()[0]
    counter.write_text("910\n")

    assert math.isnan(failed)
    assert 1e-5 == pytest.approx(meter.read()[0])


def test_without_rapl_the_meter_says_so(tmp_path):
    with pytest.raises(MeterError, match="there is no RAPL package"):
        RaplMeter(tmp_path)


def test_rapl_that_may_not_be_read_names_the_remedy(powercap, monkeypatch):
    from helpers.power import meters

    told = meters._first_line

    def closed(path):
        if path.name == "energy_uj":
            raise PermissionError(path)
        return told(path)

    monkeypatch.setattr(meters, "_first_line", closed)
    with pytest.raises(MeterError, match="run as root"):
        RaplMeter(powercap)


def test_a_simulated_meter_counts_the_energy_of_its_power():
    times = iter([0.0, 1.0, 3.0])
    meter = SimulatedMeter(lambda t: 10 * t, clock=lambda: next(times))

    assert (10.0, 5.0) == meter.read()
    assert (30.0, 45.0) == meter.read()
    assert meter.simulated


def test_noise_of_a_simulated_meter_depends_on_its_seed_alone():
    def readings(seed):
        meter = SimulatedMeter(lambda _: 100.0, noise_w=5.0, seed=seed, clock=lambda: 0.0)
        return [meter.read()[0] for _ in range(5)]

    assert readings(1) == readings(1)
    assert readings(1) != readings(2)


def test_a_replay_plays_a_recording_back_and_ends_with_it():
    now = iter([100.0, 100.0, 100.5, 101.0, 101.5])
    meter = ReplayMeter([0, 1, 2], [10, 20, 0], speed=2, clock=lambda: next(now))

    powers_w = [meter.read()[0] for _ in range(4)]

    assert [10.0, 20.0, 0.0] == powers_w[:3]
    assert math.isnan(powers_w[3])


@pytest.mark.parametrize("time_s", [[0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0, 2.0]])
def test_a_replay_refuses_series_that_are_none(time_s):
    with pytest.raises(ValueError, match="time_s"):
        ReplayMeter(time_s, [1.0, 2.0])


def test_joint_meters_read_as_one_and_must_differ(powercap):
    simulated, rapl = SimulatedMeter(lambda _: 1.0, clock=lambda: 0.0), RaplMeter(powercap)
    joint = JointMeter(simulated, rapl)

    assert (*simulated.columns, *rapl.columns) == joint.columns
    assert (1.0, 0.0, 0.0, 0.0) == joint.read()
    assert joint.simulated
    with pytest.raises(ValueError, match="must differ"):
        JointMeter(rapl, RaplMeter(powercap))
