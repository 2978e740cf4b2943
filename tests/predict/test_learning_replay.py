"""Who learns while a replay goes on sees what features see, and learns from the replay's ends."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.cluster import replay
from helpers.decide import Easy, Predicted
from helpers.jobs.table import JobLog, jobs_table
from helpers.predict import features
from helpers.predict.online import ONLINE, Learning
from helpers.work import Cluster, Workload

DAY_S = 86_400.0


class Noting(Learning):
    """Writes down what it saw of each job."""

    def begin(self):
        self.seen = {}
        super().begin()

    def known(self, job):
        self.seen[job.job_id] = super().known(job)
        return self.seen[job.job_id]


@pytest.fixture(scope="module")
def work() -> Workload:
    log = datasets.job_log("unilu-gaia-2014").window(30 * DAY_S, 34 * DAY_S)
    # No two events at one instant: their order there is the replay's own.
    rng = np.random.default_rng(1)
    jobs = log.jobs.assign(
        submit_s=np.sort(log.jobs["submit_s"] + rng.random(len(log))),
        run_s=log.jobs["run_s"] + rng.random(len(log)),
    )
    return Workload.from_log(log.with_jobs(jobs), power_w=1.0, errors="skip")


def test_what_it_sees_in_a_replay_is_what_the_features_of_the_replayed_log_are(work):
    seeing = Noting(clock_s=0.0, first_s=1e9)

    done = replay(work, Cluster(400, 1), Predicted(Easy(), seeing))

    asked = work.jobs
    log = JobLog(
        jobs_table(
            {
                **{name: asked[name] for name in ("job_id", "submit_s", "run_s", "requested_s")},
                "requested_processors": asked["processors"],
                "user": asked["user"],
                "wait_s": done.jobs["wait_s"].to_numpy(),
                "state": ["completed"] * len(asked),
            }
        ),
        pd.Timestamp("2024-01-01", tz="UTC"),  # a Monday
    )
    expected = features(log)[list(ONLINE)]
    found = pd.DataFrame.from_dict(seeing.seen, orient="index", columns=list(ONLINE))
    found = found.loc[asked["job_id"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, found, rtol=1e-6, atol=1e-6)


def arriving(number, submit_s, requested_s=100.0):
    return SimpleNamespace(
        number=number, user="a", submit_s=submit_s, requested_s=requested_s, processors=1,
        state="queued", run_start_s=submit_s,
    )  # fmt: skip


def test_before_it_has_learned_it_says_what_the_last_similar_job_did():
    learning = Learning()
    first = arriving(0, 0.0)

    assert np.isnan(learning.predict(first))
    learning.learn(first, 40.0)
    assert learning.predict(arriving(1, 50.0)) == pytest.approx(40.0)
    assert learning.predict(arriving(2, 51.0, 7.0)) == pytest.approx(40.0)


def test_it_learns_from_ends_once_there_are_enough():
    learning = Learning(first_s=0.0, fewest=200)
    rng = np.random.default_rng(0)
    for number in range(400):
        short = number % 2
        job = arriving(number, 1000.0 * number, 10.0 if short else 1000.0)
        learning.predict(job)
        learning.learn(job, float(rng.uniform(4, 6) if short else rng.uniform(400, 600)))

    # Jobs like none before: the last of the user ran for 400 s or more, or for 6 s or less.
    assert learning.predict(arriving(900, 1e6, 11.0)) < 15
    assert learning.predict(arriving(901, 1e6, 900.0)) > 200


def test_a_new_replay_begins_with_nothing():
    learning = Learning()
    job = arriving(0, 0.0)
    learning.predict(job)
    learning.learn(job, 40.0)

    learning.begin()

    assert np.isnan(learning.predict(arriving(1, 50.0)))


def test_a_level_outside_is_refused():
    with pytest.raises(ValueError, match=r"level\(=1.5\) must lie between 0 and 1"):
        Learning(1.5)
