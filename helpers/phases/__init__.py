"""Jobs made of phases: the model, its files, its fit, change points, validation.

============  =====================================================================
module        what it holds
============  =====================================================================
`model`       phases, nested repeats, the job, what a stop keeps and loses, twins
`suspension`  what a stop costs and keeps, and when it is allowed
`throttle`    what a power cap does to a job: less power, less speed
`files`       models in YAML and CSV
`plan`        what a run goes through, and by which events one sees it
`fit`         a model out of measured runs with events
`changes`     change points: phases without events, scored against events
`validate`    cross-validation, time warping, error by time scale, spectrum
============  =====================================================================

Here are the names of `model`, `suspension` and `files`, and what it takes to fit a model to one's
own runs; the others are imported by module.
"""

from helpers.phases.files import read_csv, read_yaml, write_csv, write_yaml
from helpers.phases.fit import fit_model
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
    steady_job,
)
from helpers.phases.plan import plan_from_events
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
    "fit_model",
    "flatten",
    "generic_ml",
    "join",
    "plan_from_events",
    "read_csv",
    "read_yaml",
    "steady_job",
    "write_csv",
    "write_yaml",
]
