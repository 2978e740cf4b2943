"""What the sweeps of the tests run: in a module of its own, so that workers import little."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def note(folder, name):
    """Note a call: one letter more in a file."""
    with (Path(folder) / name).open("a") as file:
        file.write("x")


def replay(policy, zone, seed, *, log=None):
    """Stand in for a simulation; notes its call in the folder `log`."""
    if log:
        note(log, f"{policy}-{zone}-{seed}")
    rng = np.random.default_rng([seed, len(policy), ord(zone[0])])
    return {"energy_j": rng.random(), "jobs": int(rng.integers(100)), "name": f"{policy} {zone}"}


def several_rows(seed, when):
    return pd.DataFrame({"hour": range(seed), "intensity": np.arange(seed) / 2, "when_too": when})


def sometimes(x):
    return {"y": 1 if x is None else x, "only_large": None if x is None or x < 2 else "yes"}


class OddError(Exception):
    """Cannot travel between processes, nor with the help that Dask gives to other exceptions."""

    def __init__(self, one, two):
        super().__init__(one)
        self.held = threading.Lock()


def some_fail(x, flag):
    if x == 2 and Path(flag).exists():
        raise KeyError(f"no {x}")
    if x == 3 and Path(flag).exists():
        raise OddError(1, 2)
    return {"y": x}


def kills_its_process(x, folder, times=1):
    """Kill the process that runs case 5, the first few times."""
    marks = list(Path(folder).glob("killed-*"))
    if x == 5 and len(marks) < times:
        (Path(folder) / f"killed-{len(marks)}").touch()
        os.kill(os.getpid(), KILL)
        time.sleep(30)
    note(folder, f"case-{x}")
    time.sleep(0.01)
    return {"y": 10 * x}


def slow(x, folder):
    (Path(folder) / f"pid-{os.getpid()}").touch()
    note(folder, f"case-{x}")
    time.sleep(0.1)
    return {"y": 10 * x}
