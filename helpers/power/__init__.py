"""Recording and reading power: meters, a recorder, events, runs and their energy.

===========  =====================================================================
module       what it holds
===========  =====================================================================
`events`     what a job calls to say where it is: ``with events.phase("train"):``
`meters`     NVML, RAPL, and (labelled as such) simulated and replayed power
`program`    the program that is measured, ended with its recorder
`record`     samples a meter into a file: ``python -m helpers.power.record --help``
`read`       what readers share; the external meter of the published measurements
`recording`  what the recorder and a campaign wrote
`stamps`     local time stamps as instants
`smi`        what nvidia-smi printed, of one GPU or of several
`caps`       what power limits do to training, as measured, and a model of it
`table`      a plain CSV of times and watts, and its events
`runs`       the run, its idle baseline, its energy, repeated runs on one grid
===========  =====================================================================

Names are loaded when they are first used: a job that is being measured imports `events`
without paying for pandas.
"""

import importlib
from typing import Any

_HOME = {
    "Baseline": "runs",
    "Energy": "runs",
    "Event": "runs",
    "Problem": "runs",
    "Run": "runs",
    "Stack": "runs",
    "baseline": "runs",
    "counter_j": "runs",
    "energies": "runs",
    "energy_j": "runs",
    "lag_s": "runs",
    "measure_energy": "runs",
    "paired_sum": "runs",
    "program_window": "runs",
    "read_calls": "recording",
    "read_campaign": "recording",
    "read_csv": "table",
    "read_external": "read",
    "read_nvidia_smi": "smi",
    "read_published": "read",
    "read_recording": "recording",
    "read_samples": "recording",
    "spans": "runs",
    "stack": "runs",
    "thin": "runs",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
