"""AccaSim 1.1.3 as outside judge: the same mean waits on a real log, by its own rules.

The expected means are what AccaSim itself gives for the jobs of the log that ran, on 167 nodes of
12 cores, first fit; tests/benchmarks/test_bench_cluster.py runs it again.
"""

import pytest

from helpers import datasets
from helpers.cluster import replay
from helpers.decide import Easy, Fifo, Policy
from helpers.work import Cluster, Workload

CLUSTER = Cluster(167, 12)


class AccaSimEasy(Policy):
    """EASY backfilling as in AccaSim 1.1.3, which reserves a time but holds nobody off.

    Its allocator is called with ``reserved_nodes=[]``, so that jobs behind the head start wherever
    they fit; the head is not tried again before the reserved time, even when cores fall free
    earlier; and nothing is decided while no core is free.
    """

    def begin(self, view):
        self.reserved_s = None

    def decide(self, view):
        waiting = list(view.queue.values())
        if not waiting or not view.free_cores:
            return
        if not view.arrived and not view.ended:
            return  # AccaSim does not look up when a job outlasts the time it asked for
        if self.reserved_s is not None:
            head, *waiting = waiting
            if self.reserved_s <= view.now_s and head.processors <= view.free_cores:
                view.start(head)
                self.reserved_s = None
        while waiting and self.reserved_s is None:
            head, *waiting = waiting
            if head.processors <= view.free_cores:
                view.start(head)
            else:
                self.reserved_s = self.time_for(head, view)
        for job in waiting:
            if job.processors <= view.free_cores:
                view.start(job)

    def time_for(self, head, view):
        free = view.free_cores
        for end_s, _, cores in view.releases:
            free += cores
            if free >= head.processors:
                return end_s
        raise AssertionError("the head fits once all jobs have ended")


@pytest.fixture(scope="module")
def whole():
    return Workload.from_log(datasets.job_log("unilu-gaia-2014"), power_w=10.0, errors="skip")


@pytest.fixture(scope="module")
def days(whole):
    return whole.window(28 * 86_400, 56 * 86_400)


def mean_wait_s(jobs, policy):
    return replay(jobs, CLUSTER, policy).jobs["wait_s"].mean()


def test_the_log_has_51987_jobs_of_which_128_never_ran(whole, days):
    assert (51_859, 128, 5131) == (len(whole), len(whole.skipped), len(days))


def test_first_in_first_out_on_the_whole_log_waits_as_in_accasim(whole):
    assert 445.9604504521877 == pytest.approx(mean_wait_s(whole, Fifo()), rel=1e-12)


def test_first_in_first_out_on_four_weeks_waits_as_in_accasim(days):
    assert 271.4542974079127 == pytest.approx(mean_wait_s(days, Fifo()), rel=1e-12)


def test_easy_by_accasims_rule_waits_as_in_accasim(days):
    assert 153.66205418047164 == pytest.approx(mean_wait_s(days, AccaSimEasy()), rel=1e-12)


def test_easy_that_keeps_its_reservation_waits_less(days):
    assert 143.649 == pytest.approx(mean_wait_s(days, Easy()), abs=0.001)
