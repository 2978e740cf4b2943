"""Plans to test with: a job with a checkpoint every half hour and a curve with one deep valley."""

from __future__ import annotations

import numpy as np

from helpers.carbon.signal import Intensity
from helpers.operate.plans import make_plan
from helpers.operate.rules import Resources
from helpers.phases.model import Phase, PhaseModel, Repeat
from helpers.phases.suspension import Suspension

ZERO_S = 1_800_000_000.0  # a whole hour


def job(checkpoints: int = 8, name: str = "training") -> PhaseModel:
    epoch = (Phase("epoch", 1500.0, 300.0), Phase("save", 300.0, 150.0, checkpoint=True))
    return PhaseModel(name, (Phase("load", 600.0, 120.0),), (Repeat(checkpoints, epoch),))


def curve(values=(400, 100, 100, 500, 500, 500, 100, 100, 100, 400, 400, 400)) -> Intensity:
    edges_s = ZERO_S + 3600.0 * np.arange(len(values) + 1)
    return Intensity(edges_s, np.array(values, float), "average", "DE", "made up")


def plan(**options):
    """A plan of two runs with a pause between them."""
    given = {
        "suspension": Suspension(keep="checkpoints"),
        "stretch": 1.1,
        "margin_s": 60.0,
        "resources": Resources(wall_s=6 * 3600.0, cores=2),
    } | options
    return make_plan(job(), curve(), ZERO_S, ZERO_S + 12 * 3600.0, **given)
