"""Recording and reading power: meters, a recorder, events, runs and their energy.

==========  =====================================================================
module      what it holds
==========  =====================================================================
`events`    what a job calls to say where it is: ``with events.phase("train"):``
`meters`    NVML, RAPL, and (labelled as such) simulated and replayed power
`record`    samples a meter into a file: ``python -m helpers.power.record --help``
`read`      recordings, external meters and nvidia-smi into runs
`runs`      the run, its idle baseline, its energy, repeated runs on one grid
==========  =====================================================================

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
    "measure_energy": "runs",
    "paired_sum": "runs",
    "program_window": "runs",
    "read_calls": "read",
    "read_campaign": "read",
    "read_external": "read",
    "read_nvidia_smi": "read",
    "read_published": "read",
    "read_recording": "read",
    "read_samples": "read",
    "spans": "runs",
    "stack": "runs",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
