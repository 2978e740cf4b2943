"""Meters: what is asked for power and energy, again and again, while a program runs.

A meter has named columns and returns one number for each at every `read`.
A column's name is its channel and its unit: ``gpu0_power_w``, ``gpu0_energy_j``,
``cpu0_energy_j``.
Energy columns count from when the meter was opened.
Only the standard library is imported here, and NVML when it is asked for, so that recording
costs the machine next to nothing.
"""

import bisect
import importlib
import itertools
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

__all__ = [
    "JointMeter",
    "Meter",
    "MeterError",
    "NvmlMeter",
    "RaplMeter",
    "ReplayMeter",
    "SimulatedMeter",
]

#: Where Linux shows energy counters of processors.
POWERCAP = Path("/sys/class/powercap")
# More than any processor draws [W]: what would need more is no wrap of a counter.
_MOST_PACKAGE_W = 5_000.0


class MeterError(RuntimeError):
    """A meter is missing or may not be read; the message is one sentence with the remedy."""


class Meter(Protocol):
    """What the recorder needs from a meter."""

    name: str
    #: Whether the numbers are made up or played back instead of measured.
    simulated: bool
    #: One name for each number that `read` returns: channel and unit.
    columns: tuple[str, ...]

    def read(self) -> tuple[float, ...]:
        """Return one number for each column; NaN where the device gave none."""

    def describe(self) -> dict[str, Any]:
        """Return what is measured, as plain values: device, driver, clocks, limits."""

    def close(self) -> None:
        """Let the device go."""


class NvmlMeter:
    """Power [W], energy [J], temperature [degC] and SM clock [MHz] of NVIDIA GPUs.

    A column that a GPU does not offer is left out; power is required.

    Parameters
    ----------
    gpus : sequence of int, optional
        Indices as NVML counts them; all GPUs by default.
    library : module, optional
        What offers NVML's functions; `pynvml` (package ``nvidia-ml-py``) by default.

    Raises
    ------
    MeterError
        If there is no library, no driver, no such GPU, no permission or no power reading.

    Notes
    -----
    Power is the *instantaneous* one where the driver offers it: on GPUs newer than GA100
    the plain query returns an average over one second, which smears short phases.
    `describe` says which of the two was read.

    References
    ----------
    NVIDIA, *NVML API Reference Guide*: nvmlDeviceGetPowerUsage,
    nvmlDeviceGetTotalEnergyConsumption, NVML_FI_DEV_POWER_INSTANT.
    https://docs.nvidia.com/deploy/nvml-api/
    """

    name = "nvml"
    simulated = False

    def __init__(self, gpus: Sequence[int] | None = None, *, library: Any = None) -> None:
        self._nvml = _pynvml() if library is None else library
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            raise MeterError(
                f"NVML does not start ({error}): measuring a GPU needs an NVIDIA GPU and its "
                "driver; the CPU is measured with --meter rapl."
            ) from None
        try:
            self.gpus = self._chosen(gpus)
            self._handles = [self._nvml.nvmlDeviceGetHandleByIndex(gpu) for gpu in self.gpus]
            self._queries = [
                (f"gpu{gpu}_{column}", query)
                for gpu, handle in zip(self.gpus, self._handles, strict=True)
                for column, query in self._answered(gpu, handle)
            ]
        except self._nvml.NVMLError as error:
            self.close()
            raise MeterError(f"NVML does not let this user ask the GPU ({error}).") from None
        except MeterError:
            self.close()
            raise
        self.columns = tuple(column for column, _ in self._queries)
        self._zero = tuple(
            query() if column.endswith("_energy_j") else 0.0 for column, query in self._queries
        )

    def _chosen(self, gpus: Sequence[int] | None) -> tuple[int, ...]:
        count = self._nvml.nvmlDeviceGetCount()
        if count == 0:
            raise MeterError("NVML finds no NVIDIA GPU; the CPU is measured with --meter rapl.")
        for gpu in gpus or ():
            if not 0 <= gpu < count:
                raise MeterError(f"gpu={gpu} does not exist: NVML counts from 0 to {count - 1}.")
        return tuple(range(count) if gpus is None else dict.fromkeys(gpus))  # each once

    def _answered(self, gpu: int, handle: Any) -> list[tuple[str, Callable[[], float]]]:
        """Return the columns of one GPU that answer, and how to ask each."""
        nvml = self._nvml
        instant = ("power_w", lambda: self._instant_power_w(handle))
        plain = ("power_w", lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1e3)
        asked = {
            "energy_j": lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3,
            "temperature_degc": lambda: float(
                nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
            ),
            "sm_clock_mhz": lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
        }
        power = next((query for query in (instant, plain) if self._answers(query[1])), None)
        if power is None:
            raise MeterError(
                f"gpu={gpu} does not tell its power (not supported, or no permission): "
                "choose another one with --gpu, or an external meter."
            )
        self._instantaneous = power is instant
        return [power, *(item for item in asked.items() if self._answers(item[1]))]

    def _answers(self, query: Callable[[], float]) -> bool:
        try:
            query()
        except (self._nvml.NVMLError, AttributeError):  # an old library lacks some functions
            return False
        return True

    def _instant_power_w(self, handle: Any) -> float:
        field = self._nvml.NVML_FI_DEV_POWER_INSTANT
        value = self._nvml.nvmlDeviceGetFieldValues(handle, [field])[0]
        if value.nvmlReturn != self._nvml.NVML_SUCCESS:
            raise self._nvml.NVMLError(value.nvmlReturn)
        return value.value.uiVal / 1e3

    def read(self) -> tuple[float, ...]:
        """Return one number for each column; NaN where NVML reports an error."""
        values = []
        for (_, query), zero in zip(self._queries, self._zero, strict=True):
            try:
                values.append(query() - zero)
            except self._nvml.NVMLError:
                values.append(math.nan)
        return tuple(values)

    def describe(self) -> dict[str, Any]:
        """Return driver and, for each GPU, name, limits, clocks and temperature now.

        No serial numbers: they identify a machine and explain nothing.
        """
        nvml = self._nvml
        system = {
            "driver": lambda: _text(nvml.nvmlSystemGetDriverVersion()),
            "nvml": lambda: _text(nvml.nvmlSystemGetNVMLVersion()),
            "power_reading": lambda: "instantaneous" if self._instantaneous else "as NVML gives it",
        }
        return {
            **self._told(system),
            "gpus": [
                {"index": gpu, **self._told(self._device(handle))}
                for gpu, handle in zip(self.gpus, self._handles, strict=True)
            ],
        }

    def _device(self, handle: Any) -> dict[str, Callable[[], Any]]:
        nvml = self._nvml
        clocks = {"sm": nvml.NVML_CLOCK_SM, "memory": nvml.NVML_CLOCK_MEM}
        return {
            "name": lambda: _text(nvml.nvmlDeviceGetName(handle)),
            "memory_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total,
            "power_limit_w": lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3,
            "default_power_limit_w": (
                lambda: nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle) / 1e3
            ),
            "clock_mhz": lambda: {
                k: nvml.nvmlDeviceGetClockInfo(handle, c) for k, c in clocks.items()
            },
            "max_clock_mhz": lambda: {
                k: nvml.nvmlDeviceGetMaxClockInfo(handle, c) for k, c in clocks.items()
            },
            "temperature_degc": (
                lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
            ),
            "performance_state": lambda: nvml.nvmlDeviceGetPerformanceState(handle),
            "persistence_mode": lambda: bool(nvml.nvmlDeviceGetPersistenceMode(handle)),
        }

    def _told(self, questions: dict[str, Callable[[], Any]]) -> dict[str, Any]:
        """Answer each question; None where the device does not tell."""
        return {
            name: question() if self._answers(question) else None
            for name, question in questions.items()
        }

    def close(self) -> None:
        """Shut NVML down."""
        self._nvml.nvmlShutdown()


def _pynvml() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        raise MeterError(
            "the package nvidia-ml-py is not installed: install it to measure an NVIDIA GPU."
        ) from None


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


class RaplMeter:
    """Energy [J] of each processor package, from the powercap tree of Linux.

    Parameters
    ----------
    root : path, optional
        The powercap folder.
    clock : callable
        A clock that never jumps [s].

    Raises
    ------
    MeterError
        If there is no RAPL package, or its counter may not be read.

    Notes
    -----
    The counter wraps to zero after ``max_energy_range_uj``; a wrap is undone as long as at
    most one falls between two reads (a package at 200 W wraps about every 20 minutes).
    A counter that falls though no processor can have drawn a whole range was reset (a module was
    loaded anew, the machine slept): that reading is NaN, and counting begins anew at 0, so that
    a recording shows the fall.

    References
    ----------
    The Linux kernel documentation, *Power Capping Framework*.
    https://www.kernel.org/doc/html/latest/power/powercap/powercap.html
    """

    name = "rapl"
    simulated = False

    def __init__(
        self, root: Path = POWERCAP, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        zones = {
            f"cpu{zone_name.removeprefix('package-')}": zone
            for zone in sorted(root.glob("intel-rapl:*"))
            if (zone_name := _first_line(zone / "name")).startswith("package-")
        }
        if not zones:
            raise MeterError(
                f"there is no RAPL package in {root}: measuring the CPU needs Linux on a "
                "processor with RAPL, outside most virtual machines."
            )
        self.columns = tuple(f"{label}_energy_j" for label in zones)
        self._names = {label: _first_line(zone / "name") for label, zone in zones.items()}
        self._counters = [zone / "energy_uj" for zone in zones.values()]
        try:
            self._ranges_uj = [int(_first_line(z / "max_energy_range_uj")) for z in zones.values()]
            self._last_uj = [int(_first_line(counter)) for counter in self._counters]
        except PermissionError:
            raise MeterError(
                "the RAPL counter energy_uj may not be read by this user: run as root, or let "
                "root open it (only root may read it since CVE-2020-8694)."
            ) from None
        except (OSError, ValueError) as error:
            raise MeterError(f"the RAPL counters in {root} do not answer ({error}).") from None
        self._total_uj = [0] * len(self._counters)
        self._clock = clock
        self._last_s = [clock()] * len(self._counters)

    def read(self) -> tuple[float, ...]:
        """Return the energy of each package since the meter was opened [J]; NaN on an error."""
        return tuple(self._read_one(i) for i in range(len(self._counters)))

    def _read_one(self, i: int) -> float:
        try:
            now_uj = int(_first_line(self._counters[i]))
        except (OSError, ValueError):
            return math.nan
        now_s = self._clock()
        step_uj, passed_s = now_uj - self._last_uj[i], now_s - self._last_s[i]
        self._last_uj[i], self._last_s[i] = now_uj, now_s
        if step_uj < 0:
            step_uj += self._ranges_uj[i]
            if not 0 <= step_uj / 1e6 <= _MOST_PACKAGE_W * passed_s:
                self._total_uj[i] = 0
                return math.nan
        self._total_uj[i] += step_uj
        return self._total_uj[i] / 1e6

    def describe(self) -> dict[str, Any]:
        """Return the packages and the range of their counters [J]."""
        return {
            "packages": self._names,
            "counter_range_j": [range_uj / 1e6 for range_uj in self._ranges_uj],
        }

    def close(self) -> None:
        """Nothing is held open."""


def _first_line(path: Path) -> str:
    with path.open(encoding="ascii") as file:
        return file.readline().strip()


class SimulatedMeter:
    """A made-up meter, for tests and dry runs; every recording of it says so.

    Parameters
    ----------
    power_w : callable
        Power [W] at an instant [epoch s].
    noise_w : float
        Standard deviation of the noise on a power reading [W]; the energy counter has none.
    seed : int
        Seed of the noise.
    clock : callable
        The time [epoch s].
    """

    name = "simulated"
    simulated = True
    columns: tuple[str, ...] = ("simulated0_power_w", "simulated0_energy_j")

    def __init__(
        self,
        power_w: Callable[[float], float],
        *,
        noise_w: float = 0.0,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._power_w = power_w
        self._noise_w = noise_w
        self._random = random.Random(seed)
        self._clock = clock
        self._last_s = clock()
        self._last_w = power_w(self._last_s)
        self._energy_j = 0.0

    def read(self) -> tuple[float, ...]:
        """Return power [W] and the energy since the meter was made [J]."""
        now_s = self._clock()
        now_w = self._power_w(now_s)
        self._energy_j += (now_s - self._last_s) * (now_w + self._last_w) / 2
        self._last_s, self._last_w = now_s, now_w
        return now_w + self._random.gauss(0.0, self._noise_w), self._energy_j

    def describe(self) -> dict[str, Any]:
        """Say that nothing was measured."""
        return {"note": "simulated: these numbers are made up", "noise_w": self._noise_w}

    def close(self) -> None:
        """Nothing is held open."""


class ReplayMeter:
    """Plays the power of an earlier recording back, for tests and dry runs.

    Parameters
    ----------
    time_s : sequence of float
        Times since the first read [s], strictly increasing.
    power_w : sequence of float
        Power at those times [W]; in between it is interpolated.
    speed : float
        How many seconds of the recording pass in one second.
    clock : callable
        A clock that never jumps [s].

    Raises
    ------
    ValueError
        If the two sequences do not fit each other, or time does not increase.
    """

    name = "replay"
    simulated = True
    columns: tuple[str, ...] = ("replay0_power_w",)

    def __init__(
        self,
        time_s: Sequence[float],
        power_w: Sequence[float],
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if len(time_s) != len(power_w) or len(time_s) < 2:
            raise ValueError(
                f"time_s has {len(time_s)} values and power_w {len(power_w)}: a replay needs the "
                "same number of both, two or more."
            )
        if any(b <= a for a, b in itertools.pairwise(time_s)):
            raise ValueError("time_s must increase strictly.")
        self._time_s, self._power_w = list(map(float, time_s)), list(map(float, power_w))
        self._speed, self._clock = speed, clock
        self._start_s: float | None = None

    def read(self) -> tuple[float, ...]:
        """Return the power at this time of the recording [W]; NaN outside it."""
        if self._start_s is None:
            self._start_s = self._clock()
        at_s = (self._clock() - self._start_s) * self._speed
        if not self._time_s[0] <= at_s <= self._time_s[-1]:
            return (math.nan,)
        after = min(max(bisect.bisect_right(self._time_s, at_s), 1), len(self._time_s) - 1)
        (t0, t1), (p0, p1) = (
            (series[after - 1], series[after]) for series in (self._time_s, self._power_w)
        )
        return (p0 + (p1 - p0) * (at_s - t0) / (t1 - t0),)

    def describe(self) -> dict[str, Any]:
        """Say that an earlier recording is played back."""
        return {"note": "replay of an earlier recording", "speed": self._speed}

    def close(self) -> None:
        """Nothing is held open."""


class JointMeter:
    """Several meters read one after the other, as one.

    Parameters
    ----------
    *meters : Meter
        What to read, in this order; their columns must differ.

    Raises
    ------
    ValueError
        If two meters have a column of the same name.
    """

    def __init__(self, *meters: Meter) -> None:
        self.meters = meters
        self.columns = tuple(column for meter in meters for column in meter.columns)
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns={self.columns} of the meters must differ.")
        self.name = "+".join(meter.name for meter in meters)
        self.simulated = any(meter.simulated for meter in meters)

    def read(self) -> tuple[float, ...]:
        """Return the numbers of all meters."""
        return tuple(value for meter in self.meters for value in meter.read())

    def describe(self) -> dict[str, Any]:
        """Return what each meter tells of itself, by its name."""
        return {meter.name: meter.describe() for meter in self.meters}

    def close(self) -> None:
        """Close all meters."""
        for meter in self.meters:
            meter.close()
