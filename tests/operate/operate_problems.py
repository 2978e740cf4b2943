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


SCRIPT = """#!/bin/bash
. "$CLEAN_HOURS_FOLDER/job.sh"
done=$(clean_hours_progress)
echo "start $done $EPOCHREALTIME" >> "$CLEAN_HOURS_FOLDER/told"
sleep {startup}
while [ "$done" -lt {checkpoints} ]; do
    for tick in 1 2 3 4; do sleep {tick}; echo "tick $done $tick" >> "$CLEAN_HOURS_FOLDER/told"; done
    done=$((done + 1))
    clean_hours_checkpoint "number $done"
done
echo "end $done $EPOCHREALTIME" >> "$CLEAN_HOURS_FOLDER/told"
"""


def quick(now_s, *, checkpoints=6, interval_s=2.0, startup_s=1.0, window_s=60.0, **options):
    """A job of seconds on a curve of seconds: clean, dirty, clean; and its script."""
    epoch = Phase("epoch", interval_s, 200.0, checkpoint=True)
    model = PhaseModel(
        "quick", (Phase("load", startup_s, 100.0),), (Repeat(checkpoints, (epoch,)),)
    )
    clean_s = startup_s + interval_s * (checkpoints // 2) + 2.0
    lengths_s = [3.0, clean_s, clean_s + 6.0, clean_s, window_s + 60.0]
    edges_s = now_s + np.cumsum([0.0, *lengths_s])
    values = np.array([900.0, 50.0, 900.0, 50.0, 900.0])
    curve_ = Intensity(edges_s, values, "average", "DE", "made up")
    made = make_plan(
        model,
        curve_,
        now_s,
        now_s + window_s,
        suspension=Suspension(keep="checkpoints"),
        resources=Resources(wall_s=600.0),
        resolution_s=0.5,
        **({"stretch": 1.2, "margin_s": 10.0} | options),
    )
    text = SCRIPT.format(startup=startup_s, checkpoints=checkpoints, tick=interval_s / 4 - 0.02)
    return made, text, curve_
