"""Jobs made of phases: the model, its files, its fit, change points, validation.

============  =====================================================================
module        what it holds
============  =====================================================================
`model`       phases, nested repeats, the job, what a stop keeps and loses, twins
`suspension`  what a stop costs and keeps, and when it is allowed
`throttle`    what a power cap does to a job: less power, less speed
`files`       models in YAML and CSV
`fit`         a model out of measured runs with events
`changes`     change points: phases without events, scored against events
`validate`    cross-validation, time warping, error by time scale, spectrum
============  =====================================================================

The names of `model`, `suspension` and `files` are here; the other three are imported by module.
"""

from helpers.phases.files import read_csv, read_yaml, write_csv, write_yaml
from helpers.phases.model import (
    Phase,
    PhaseModel,
    Profile,
    Repeat,
    Stop,
    fill,
    flatten,
    generic_ml,
    join,
)
from helpers.phases.suspension import Suspension
from helpers.phases.throttle import Throttle

__all__ = [
    "Phase",
    "PhaseModel",
    "Profile",
    "Repeat",
    "Stop",
    "Suspension",
    "Throttle",
    "fill",
    "flatten",
    "generic_ml",
    "join",
    "read_csv",
    "read_yaml",
    "write_csv",
    "write_yaml",
]
