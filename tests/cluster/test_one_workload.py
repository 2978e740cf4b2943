"""One workload: simulators, rules for endless machines and the bound all take it."""

import numpy as np
import pandas as pd
import pytest
from cluster_problems import EPOCH, LEARNING, curve, workload

from helpers import datasets
from helpers.bound.certificate import least_emissions
from helpers.bound.problem import jobs_of_workload
from helpers.cluster import replay
from helpers.decide import Fifo
from helpers.schedule import policies
from helpers.schedule.trace import Trace
from helpers.work import Cluster, Workload

RISING = curve([100.0, 50.0, 300.0, 10.0, 400.0])


def asked(**columns):
    return workload([0.0, 1800.0], [3600.0, 1800.0], 2, longest_wait_s=7200.0, **columns)


def test_endless_machines_take_a_workload():
    outcome = policies.best(asked(), RISING)

    assert [3600.0, 3600.0] == (outcome.start_s - EPOCH.timestamp()).tolist()


def test_a_replay_without_a_queue_emits_what_no_wait_says():
    work = asked(model=[0, -1], power_w=[np.nan, 10.0], models=(LEARNING,))

    replayed = replay(work, Cluster(4), Fifo(), intensity=RISING)

    found = policies.no_wait(work, RISING)
    np.testing.assert_allclose(replayed.by_job()["emissions_g"], found.emissions_g, rtol=1e-12)


def test_the_bound_takes_a_workload():
    bound = least_emissions(asked(), 4, RISING, iterations=50, tries=20)

    best = policies.best(asked(), RISING).emissions_g.sum()
    assert bound.lower_g <= best * (1 + 1e-9)
    assert bound.upper_g == pytest.approx(best)


def test_a_bound_needs_to_know_how_long_jobs_may_wait():
    with pytest.raises(ValueError, match="longest_wait_s"):
        jobs_of_workload(workload([0.0], 10.0))
    with pytest.raises(ValueError, match="wait_s"):
        Trace.of(workload([0.0], 10.0))


def test_a_log_is_laid_on_another_year_in_one_call():
    log = datasets.job_log("unilu-gaia-2014")

    work = Workload.from_log(
        log, power_w=10.0, start="2020-05-21 10:57:59", days=(28.0, 29.0), errors="skip"
    )

    assert pd.Timestamp("2020-05-21 10:57:59", tz="Europe/Luxembourg") == work.epoch
    assert 28 * 86_400 <= work.jobs["submit_s"].min() <= work.jobs["submit_s"].max() < 29 * 86_400
