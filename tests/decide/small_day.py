"""A small day on which jobs wait, start, are paused, resume and run on."""

import numpy as np
import pandas as pd
from cluster_problems import EPOCH, workload

from helpers.carbon.signal import Intensity
from helpers.cluster.ask import Inquiry
from helpers.cluster.day import Day
from helpers.decide import Below, CarbonEasy
from helpers.work import Cluster

DATE, CLOCK = "2020-07-02", "Europe/Berlin"
MIDNIGHT_S = (pd.Timestamp(DATE, tz=CLOCK) - EPOCH).total_seconds()
HOUR_S = 3600.0


def inquiry(policy=None, names=None):
    """Six jobs on eight cores while the grid is clean, dirty, dirtier, and clean again."""
    jobs = workload(
        MIDNIGHT_S + HOUR_S * np.array([0.0, 0.2, 1.0, 3.2, 4.5, 6.0]),
        HOUR_S * np.array([9.0, 1.0, 2.0, 0.5, 1.0, 0.25]),
        [2, 4, 8, 1, 3, 4],
        HOUR_S * np.array([12.0, 2.0, 2.5, 1.0, 2.0, 1.0]),
        longest_wait_s=10 * HOUR_S,
        power_w=100.0,
    )
    if names is not None:
        jobs = jobs.with_jobs(jobs.jobs.assign(job_id=pd.Series(names).array))
    values = np.array([150.0] * 3 + [260.0] * 2 + [400.0] * 3 + [120.0] * 40)
    edges_s = EPOCH.timestamp() + MIDNIGHT_S + HOUR_S * np.arange(values.size + 1)
    intensity = Intensity(edges_s, values, "average", "XX", "generated")
    policy = policy or CarbonEasy(Below(250), Below(350), least_left_s=600.0)
    return Inquiry(jobs, Cluster(8), policy, intensity=intensity, time_zone=CLOCK)


def day(**options):
    """Return every answer of that day."""
    return Day.of(inquiry(**options), DATE)
