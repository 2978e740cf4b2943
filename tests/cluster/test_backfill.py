"""Backfilling: examples worked by hand, and that reservations are kept."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from cluster_problems import problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_places import QuickJudge, SlowCounts

from helpers.cluster import replay
from helpers.cluster.engine import _Carbon, _simulated
from helpers.cluster.metrics import check
from helpers.decide import Conservative, Easy, Fifo, Policy, backfill
from helpers.decide._bookings import Counts
from helpers.decide.backfill import reserve
from helpers.decide.order import Line, by_requested_time
from helpers.work import Cluster

FOUR = [Easy(), Easy(hosts=True), Conservative(), Conservative(hosts=True)]


def starts(policy, jobs, cores):
    return replay(jobs, Cluster(cores), policy).jobs.set_index("job_id")["start_s"].to_dict()


@pytest.mark.parametrize("policy", FOUR, ids=lambda p: p.name)
def test_a_short_job_overtakes_when_it_ends_before_the_reservation(policy):
    jobs = workload([0, 1, 2], [10, 10, 8], [1, 2, 1])

    assert {"a": 0.0, "b": 10.0, "c": 2.0} == starts(policy, jobs, 2)


@pytest.mark.parametrize("policy", FOUR, ids=lambda p: p.name)
def test_a_job_that_would_end_after_the_reservation_waits(policy):
    jobs = workload([0, 1, 2], [10, 10, 9], [1, 2, 1])

    assert {"a": 0.0, "b": 10.0, "c": 20.0} == starts(policy, jobs, 2)


def test_a_long_job_overtakes_on_cores_that_the_head_will_not_need():
    jobs = workload([0, 0, 1, 2], [10, 40, 10, 50], [2, 1, 3, 1])

    assert 2.0 == starts(Easy(), jobs, 5)["d"]  # 5 - 1 cores are free at 10 s, 3 are needed
    assert 2.0 == starts(Easy(hosts=True), jobs, 5)["d"]


def test_a_reservation_of_named_hosts_holds_off_what_counting_lets_pass():
    # From 1 s on cores 0 and 1 are free; at 10 s the head gets the lowest three of all four.
    jobs = workload([0, 0, 2, 3], [1, 10, 10, 50], [2, 2, 3, 1])

    assert 3.0 == starts(Easy(), jobs, 4)["d"]
    assert 10.0 == starts(Easy(hosts=True), jobs, 4)["d"]


def test_easy_may_put_off_all_but_the_head_and_conservative_nobody():
    # c waits for b, which has the reservation at 10 s; d passes on the core that b leaves.
    jobs = workload([0, 1, 2, 3], [10, 10, 5, 30], [2, 2, 3, 1])

    assert {"a": 0.0, "b": 10.0, "c": 33.0, "d": 3.0} == starts(Easy(), jobs, 3)
    assert {"a": 0.0, "b": 10.0, "c": 20.0, "d": 25.0} == starts(Conservative(), jobs, 3)


def test_the_shadow_time_counts_all_that_is_freed_by_then():
    found = []

    class Look(Easy):
        def backfill(self, view, line):
            found.append(reserve(view, line.jobs[0].processors, hosts=True))

    replay(workload([0, 0, 1, 2], [10, 10, 5, 1], [1, 2, 2, 1]), Cluster(4), Look())

    assert (10.0, 2, [0, 1]) == (*found[0][:2], found[0].cores.tolist())


def test_an_early_end_moves_reservations_forward():
    jobs = workload([0, 1, 2], [4, 10, 5], [2, 2, 1], [20.0, 10.0, 5.0])

    for policy in FOUR:
        assert 4.0 == starts(policy, jobs, 2)["b"]


@pytest.mark.parametrize("policy", FOUR, ids=lambda p: p.name)
def test_a_job_past_its_requested_time_holds_its_cores(policy):
    jobs = workload([0, 1, 2], [1000, 5, 5], [2, 2, 1], [10.0, 5.0, 5.0])

    replayed = replay(jobs, Cluster(2), policy)

    check(replayed)
    assert 1000.0 == replayed.jobs["start_s"][1]


def test_another_order_changes_who_has_the_reservation():
    jobs = workload([0, 1, 2], [10, 20, 5], [2, 2, 2])

    assert 10.0 == starts(Easy(order=by_requested_time), jobs, 2)["c"]
    assert 10.0 == starts(Conservative(order=by_requested_time), jobs, 2)["b"]  # came first


class Watched(Easy):
    """EASY that writes down each reservation of a head when it first gets one."""

    def begin(self, view):
        super().begin(view)
        self.promised = {}

    def decide(self, view):
        super().decide(view)
        if self._line.jobs:
            head = self._line.jobs[0]
            shadow_s = reserve(view, head.processors, hosts=self.hosts).time_s
            self.promised.setdefault(head.number, shadow_s)


@settings(max_examples=40)
@given(problems(whole=True), st.booleans())
def test_easy_never_delays_the_head_beyond_its_first_reservation(problem, hosts):
    """With jobs that keep to their requests, where the reservation holds."""
    cluster, jobs = problem
    honest = jobs.jobs.assign(requested_s=np.maximum(jobs.jobs["requested_s"], jobs.jobs["run_s"]))
    policy = Watched(hosts=hosts)

    table = replay(jobs.with_jobs(honest), cluster, policy).jobs

    assert all(table["start_s"][number] <= time_s for number, time_s in policy.promised.items())


class Witness(Conservative):
    """Conservative backfilling that keeps the latest start each job was ever promised."""

    def begin(self, view):
        super().begin(view)
        self.promised = {}

    def decide(self, view):
        super().decide(view)
        for number, start_s in self.reservations().items():
            assert start_s <= self.promised.get(number, np.inf)
            self.promised[number] = start_s


@settings(max_examples=40)
@given(problems(whole=True), st.booleans())
def test_conservative_backfilling_never_puts_off_a_reservation(problem, hosts):
    cluster, jobs = problem
    honest = jobs.jobs.assign(requested_s=np.maximum(jobs.jobs["requested_s"], jobs.jobs["run_s"]))
    policy = Witness(hosts=hosts)

    table = replay(jobs.with_jobs(honest), cluster, policy).jobs

    assert all(table["start_s"][number] <= time_s for number, time_s in policy.promised.items())


@settings(max_examples=40)
@given(problems(), st.sampled_from(FOUR))
def test_backfilling_passes_the_judge_whatever_jobs_ask_for(problem, policy):
    cluster, jobs = problem

    check(replay(jobs, cluster, policy))


@settings(max_examples=30)
@given(problems(whole=True), st.booleans())
def test_where_hosts_cannot_matter_counting_and_naming_agree(problem, one):
    """When jobs take one core, or the whole machine, the head needs all that is freed.

    Conservative backfilling agrees with the whole machine only: a job of one core that could run
    before and during the reservation of another, if it moved to another core meanwhile, does so
    where cores are counted.
    """
    cluster, jobs = problem
    alike = jobs.with_jobs(jobs.jobs.assign(processors=1 if one else cluster.cores))
    kind = Easy if one else Conservative

    counted, named = (replay(alike, cluster, kind(hosts=hosts)) for hosts in (False, True))

    pd.testing.assert_frame_equal(counted.runs, named.runs, check_exact=True)


@settings(max_examples=30)
@given(problems(whole=True))
def test_without_room_to_overtake_backfilling_is_first_in_first_out(problem):
    cluster, jobs = problem
    whole = jobs.with_jobs(jobs.jobs.assign(processors=cluster.cores))

    first = replay(whole, cluster, Fifo())

    for policy in FOUR:
        pd.testing.assert_frame_equal(first.runs, replay(whole, cluster, policy).runs)


def test_a_line_keeps_its_order_and_its_arrays():
    jobs, lines = [], []

    class Keep(Policy):
        def begin(self, view):
            lines.append(Line(by_requested_time))

        def decide(self, view):
            for job in view.arrived:
                lines[0].add(job)
                jobs.append(job)
            for job in list(view.queue.values()):
                view.start(job)

    n = 200
    rng = np.random.default_rng(1)
    replay(workload(np.zeros(n), 1.0, 1, rng.integers(1, 50, n) * 1.0), Cluster(n), Keep())
    line = lines[0]
    for job in jobs[::3]:
        line.discard(job)
    line.discard(jobs[0])
    left = sorted((j for j in jobs if j.number % 3), key=lambda j: (j.requested_s, j.number))

    taken = line.take(lambda job: job.number % 3 == 1)

    assert [j for j in left if j.number % 3 == 1] == taken
    left = [j for j in left if j.number % 3 == 2]
    assert (left, [j.number for j in left]) == (line.jobs, line.numbers.tolist())
    assert [j.requested_s for j in left] == line.left_s.tolist()
    assert [1] * len(left) == line.processors.tolist()


class Asked(NamedTuple):
    number: int
    processors: int
    left_s: float


@settings(max_examples=60)
@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(st.integers(0, 7), st.integers(1, 5), st.integers(1, 9), st.booleans()),
        min_size=1,
        max_size=40,
    ),
)
def test_places_are_the_earliest_that_a_second_by_second_plan_leaves(cores, asked):
    """Jobs are booked, leave, and are booked anew, all of them, beside a plan of every second."""
    books, free, jobs, start = Counts(0.0, cores), np.full(900, cores), {}, {}

    def book(job):
        if job.number in start:
            begin = start[job.number]
            free[begin : begin + job.left_s] += job.processors
        lasts, need = job.left_s, job.processors
        begin = next(t for t in range(900) if (free[t : t + lasts] >= need).all())
        free[begin : begin + lasts] -= need
        start[job.number] = begin

    for number, processors, lasts, leaves in asked:
        if number in jobs and leaves:
            job, begin = jobs.pop(number), start.pop(number)
            free[begin : begin + job.left_s] += job.processors
            place = books.pop(job)
            books.give(place.start_s, place.stop_s, place.what)
        else:
            jobs.setdefault(number, Asked(number, min(processors, cores), lasts))
        for job in jobs.values():
            book(job)
        columns = zip(*jobs.values(), strict=True) if jobs else ((), (), ())
        numbers, needs, left_s = (
            np.array(column, dtype=kind)
            for column, kind in zip(columns, (np.int64, np.int64, np.float64), strict=True)
        )
        books.book((), numbers, needs, left_s)

        assert [float(start[n]) for n in jobs] == books.starts_s(numbers).tolist()


@settings(max_examples=40)
@given(problems(), st.booleans())
def test_a_depth_beyond_the_line_changes_nothing_and_any_depth_passes_the_judge(problem, hosts):
    cluster, jobs = problem
    every = replay(jobs, cluster, Conservative(hosts=hosts))
    deep = replay(jobs, cluster, Conservative(hosts=hosts, depth=10_000))

    pd.testing.assert_frame_equal(every.runs, deep.runs, check_exact=True)
    check(replay(jobs, cluster, Conservative(hosts=hosts, depth=1)))


def test_with_a_depth_of_one_the_head_alone_has_a_reservation():
    jobs = workload([0, 0, 0], [10, 10, 5], [3, 3, 1])

    assert {"a": 0.0, "b": 10.0, "c": 10.0} == starts(Conservative(depth=1), jobs, 4)
    assert {"a": 0.0, "b": 10.0, "c": 0.0} == starts(Conservative(depth=2), jobs, 4)
    with pytest.raises(ValueError, match=r"depth\(=-1\) must be a whole number >= 0"):
        Conservative(depth=-1)


@settings(max_examples=60)
@given(
    problem=problems(most=60),
    whole=st.booleans(),
    dense=st.sampled_from([1.0, 20.0, 1e9]),
    late=st.booleans(),
)
def test_every_job_starts_when_a_search_through_all_steps_lets_it_start(
    problem, whole, dense, late
):
    """Also where jobs run past what is planned, and so all reservations are made anew."""
    cluster, given_jobs = problem
    table = given_jobs.jobs
    submit_s, planned_s = table["submit_s"] / dense, table["requested_s"] * (0.4 if late else 1.5)
    changed = {"submit_s": np.floor(submit_s) if whole else submit_s, "planned_s": planned_s}
    jobs = given_jobs.with_jobs(table.assign(**changed))

    quick = simulated(jobs, cluster, Conservative())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill, "Counts", SlowCounts)
        slow = simulated(jobs, cluster, Conservative())

    pd.testing.assert_frame_equal(slow.runs, quick.runs, check_exact=True)
    assert (slow.cores.tolist(), slow.decisions) == (quick.cores.tolist(), quick.decisions)


def test_a_long_line_of_jobs_that_end_early_is_served_as_by_the_search_through_all_steps():
    """Long enough for blocks to fill, split, empty and join, with many numbers of cores."""
    rng, n = np.random.default_rng(3), 400
    run_s = rng.lognormal(7.0, 1.5, n)
    processors = rng.integers(1, 97, n)
    jobs = workload(np.zeros(n), run_s, processors, run_s * rng.uniform(1.0, 5.0, n))

    quick = simulated(jobs, Cluster(96), Conservative())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill, "Counts", QuickJudge)
        slow = simulated(jobs, Cluster(96), Conservative())

    pd.testing.assert_frame_equal(slow.runs, quick.runs, check_exact=True)


def simulated(jobs, cluster, policy):
    """Replay by the engine, whether or not there is a twin."""
    return _simulated(jobs, cluster, policy, _Carbon(None, None, np.nan), False, False)
