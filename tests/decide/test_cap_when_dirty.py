"""A cap while it is dirty: work stretches, the end is told anew, energy falls."""

import numpy as np
import pandas as pd
import pytest

from helpers.carbon import Intensity
from helpers.cluster import replay
from helpers.cluster.metrics import check
from helpers.decide import Below, CapWhenDirty, Fifo
from helpers.phases import Throttle
from helpers.work import Cluster, NodePower, Workload, workload_table

HOUR = 3600.0
EPOCH = pd.Timestamp("2020-07-01", tz="UTC")


def day(values):
    edges_s = EPOCH.timestamp() + HOUR * np.arange(len(values) + 1)
    return Intensity(edges_s, values, "average", "XX", "generated")


HALVING = Throttle(0.5)


def asked(throttle=HALVING):
    table = {"job_id": [1, 2], "submit_s": 0.0, "run_s": 2 * HOUR, "requested_s": 4 * HOUR,
             "processors": [1, 2], "power_w": 100.0}  # fmt: skip
    return Workload(workload_table(table), epoch=EPOCH, throttle=throttle)


def test_a_job_runs_slower_while_it_is_dirty_and_no_slower_when_it_is_clean():
    policy = CapWhenDirty(Fifo(), Below(200.0), 0.25)  # half as fast
    found = replay(
        asked(), Cluster(3, 1, NodePower(100.0)), policy, intensity=day([400.0, 100.0, 100.0, 1.0])
    )
    check(found)

    # Half of an hour's work in the dirty hour, the rest at full speed.
    assert [2.5 * HOUR] * 2 == pytest.approx(found.jobs["end_s"])
    assert 3 * (25 * 1.0 + 100 * 1.5) * HOUR == pytest.approx(found.energy_j()["jobs"])


def test_without_a_gate_jobs_are_always_capped_and_no_intensity_is_needed():
    policy = CapWhenDirty(Fifo(), None, 0.25)
    found = replay(asked(), Cluster(3, 1, NodePower(100.0)), policy)

    assert [4 * HOUR] * 2 == pytest.approx(found.jobs["end_s"])
    assert "capped to 25 %, always" in policy.name


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((0.5, 0.25), TypeError, "must be None or a Gate"),
        ((Below(1.0), 1.0), ValueError, "share"),
    ],
)
def test_what_makes_no_sense_is_refused(args, error, message):
    with pytest.raises(error, match=message):
        CapWhenDirty(Fifo(), *args)


def test_a_workload_that_does_not_say_how_it_slows_down_is_refused():
    with pytest.raises(ValueError, match="throttle"):
        replay(
            asked(None),
            Cluster(3, 1),
            CapWhenDirty(Fifo(), Below(1.0), 0.5),
            intensity=day([400.0] * 4),
        )
