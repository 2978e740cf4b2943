"""The present queue and its replay: when a request would start, by what waits and runs now."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operate_problems import ZERO_S, curve, job

from helpers.decide.predicted import LastTwo
from helpers.operate.plans import read_plan, write_plan
from helpers.operate.queue import Node, Place, Queue, Queued, hosts, queue_text, read_queues
from helpers.operate.rules import Partition, Qos, Resources, Rules
from helpers.operate.slurm import parse_nodes, parse_places
from helpers.operate.whatif import configurations, on_cores, what_if

RECORDED = Path(__file__).parent.parent / "fixtures" / "slurm" / "live" / "recorded"
NODES = parse_nodes((RECORDED / "nodes.txt").read_text(encoding="utf-8"))
PLACES = parse_places((RECORDED / "partitions.txt").read_text(encoding="utf-8"))
ALL = ("n1", "n2", "n3", "n4")


def running(cores, left_s, *, ran_s=100.0, nodes=ALL, partition="batch", user="u01"):
    return Queued(
        f"r{cores}{nodes}",
        user,
        partition,
        "running",
        cores,
        ZERO_S - 500,
        ZERO_S - 500,
        ZERO_S - ran_s,
        ran_s + left_s,
        nodes=nodes,
    )


def waiting(cores, limit_s, *, partition="batch", priority=1.0, begin_s=ZERO_S, held=False):
    return Queued(
        f"w{cores}{partition}{priority}",
        "u02",
        partition,
        "waiting",
        cores,
        ZERO_S - 50,
        begin_s,
        math.nan,
        limit_s,
        priority,
        held=held,
    )


def queue(*jobs):
    return Queue(ZERO_S, NODES, PLACES, jobs)


def test_the_nodes_and_turns_of_a_recorded_slurm_are_read():
    tiers = {place.name: place.tier for place in PLACES}

    assert (32, 4) == (sum(node.cores for node in NODES), len(NODES))
    assert {"batch": 10, "short": 20, "closed": 20, "scavenge": 1} == tiers
    assert ["batch"] == [place.name for place in PLACES if place.default]
    assert ["scavenge"] == [place.name for place in PLACES if place.preempted]


def test_on_an_idle_cluster_nobody_waits():
    assert 0.0 == queue().wait_s(Resources(600.0, cores=32, nodes=4))


def test_a_full_cluster_is_waited_for_and_only_the_short_fit_before_the_head():
    full = queue(running(24, 500.0), waiting(32, 600.0))

    assert 0.0 == full.wait_s(Resources(400.0, cores=8))
    assert 1100.0 == full.wait_s(Resources(600.0, cores=8))


def test_a_request_that_begins_later_finds_what_is_left_by_then():
    full = queue(running(32, 500.0))

    assert 400.0 == full.wait_s(Resources(60.0, cores=1), ZERO_S + 100)
    assert 0.0 == full.wait_s(Resources(60.0, cores=1), ZERO_S + 600)


def test_a_job_that_ends_before_its_limit_lets_others_start_earlier():
    class Half:
        def predict(self, job):
            return job.requested_s / 2

    full = queue(running(32, 500.0, ran_s=100.0))

    assert 200.0 == full.wait_s(Resources(60.0, cores=1), predictor=Half())


def test_a_job_that_outlived_its_prediction_is_expected_up_to_its_limit():
    class Short:
        def predict(self, job):
            return 50.0

    full = queue(running(32, 500.0, ran_s=100.0))

    assert 500.0 == full.wait_s(Resources(60.0, cores=1), predictor=Short())


def test_the_predictors_of_the_policies_are_taken_as_they_are():
    past = LastTwo()
    for run_s in (250.0, 350.0):
        past.learn(running(1, 500.0, user="u01"), run_s)

    assert 200.0 == queue(running(32, 500.0)).wait_s(Resources(60.0), predictor=past)


def test_a_partition_waits_for_its_own_nodes_alone_and_goes_by_its_tier():
    busy = queue(running(16, 500.0, nodes=("n1", "n2")), waiting(32, 900.0))

    assert 500.0 == busy.wait_s(Resources(60.0, cores=8, partition="short"))
    assert math.isinf(busy.wait_s(Resources(60.0, cores=17, partition="short")))


def test_who_is_held_and_who_gives_way_is_not_waited_for():
    quiet = queue(waiting(32, 900.0, held=True), running(32, 500.0, partition="scavenge"))

    assert 0.0 == quiet.wait_s(Resources(60.0, cores=32, nodes=4))


def test_a_partition_that_is_none_is_refused_by_name():
    with pytest.raises(ValueError, match="nowhere"):
        queue().wait_s(Resources(60.0, partition="nowhere"))


@given(
    left_s=st.lists(st.floats(1, 1e5), min_size=1, max_size=6),
    cores=st.integers(1, 32),
    limit_s=st.floats(60, 1e5),
)
def test_a_wait_is_never_longer_than_until_all_that_runs_and_waits_has_ended(
    left_s, cores, limit_s
):
    jobs = [running(4, left, nodes=(name,)) for left, name in zip(left_s, ALL * 2, strict=False)]
    jobs.append(waiting(32, 700.0))

    wait_s = queue(*jobs).wait_s(Resources(limit_s, cores=cores, nodes=min(4, cores)))

    assert 0.0 <= wait_s <= max(left_s) + 700.0 + 1e-6


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("n1", ("n1",)),
        ("n[1-3]", ("n1", "n2", "n3")),
        ("n[01-02,07],login", ("n01", "n02", "n07", "login")),
        ("rack[1-2]n,x[9-10]", ("rack1n", "rack2n", "x9", "x10")),
    ],
)
def test_lists_of_hosts_are_read(text, names):
    assert names == hosts(text)


@pytest.mark.parametrize("text", ["n[1", "n[a-b]", "n[1-]]", "n[1-99999999]", "n[-1]"])
def test_what_is_no_list_of_hosts_is_refused(text):
    with pytest.raises(ValueError, match="hosts"):
        hosts(text)


# --- configurations ---------------------------------------------------------------------------------

RULES = Rules(
    (
        Partition("batch", 4, 8, default=True, price_per_core_h=0.02),
        Partition("short", 2, 8, longest_s=1800.0, price_per_core_h=0.03),
    ),
    (Qos("normal"), Qos("green", usage_factor=0.5), Qos("urgent", usage_factor=2.0)),
    {"physics": ("normal", "green")},
    {"physics": "normal"},
    "physics",
)


def test_each_partition_quality_and_number_of_cores_is_tried_and_no_quality_of_others():
    found = configurations(job(), Resources(60.0, cores=8), RULES, cores=(8, 16))
    tried = {(asked.partition, asked.qos, asked.cores, asked.nodes) for _, asked in found}

    assert len(found) == len(tried) == 8
    assert ("batch", "green", 16, 2) in tried
    assert "urgent" not in {qos for _, qos, _, _ in tried}


def test_what_a_request_names_is_the_only_one():
    asked = Resources(60.0, cores=8, partition="short", qos="green")

    found = configurations(job(), asked, RULES)

    assert [("short", "green")] == [(one.partition, one.qos) for _, one in found]


@given(share=st.floats(0.1, 10), parallel=st.floats(0, 1))
def test_amdahl_holds_for_time_and_cores_pay_for_what_is_not_parallel(share, parallel):
    before, after = job(), on_cores(job(), share, parallel)
    work_s = before.work_profile.duration_s

    assert pytest.approx(work_s * (1 - parallel + parallel / share)) == (
        after.work_profile.duration_s
    )
    assert pytest.approx(before.startup_profile.duration_s) == after.startup_profile.duration_s
    assert pytest.approx(before.work_profile.energy_j * (share * (1 - parallel) + parallel)) == (
        after.work_profile.energy_j
    )


@pytest.mark.parametrize(("share", "parallel"), [(0, 1), (math.nan, 1), (2, -0.1), (2, 1.1)])
def test_numbers_out_of_range_are_refused(share, parallel):
    with pytest.raises(ValueError, match=r"share|parallel"):
        on_cores(job(), share, parallel)


def test_the_wait_of_the_present_queue_stands_in_each_plan_and_decides_who_is_fastest():
    full = queue(running(32, 7200.0))
    tried = configurations(job(), Resources(60.0, cores=8), RULES, cores=(8, 16), stretch=1.1)

    found = what_if(tried, RULES, curve(), ZERO_S, ZERO_S + 12 * 3600.0, queue=full, stretch=1.1)
    fastest = found.best()["fastest"]

    assert found.plans
    assert all("short" != plan.resources.partition for plan in found.plans)  # its limit is 30 min
    assert all(plan.expected.wait_s.expected is not None for plan in found.plans)
    assert 16 == fastest.resources.cores
    assert {"short"} == {asked.partition for asked, _ in found.refused}


def test_a_plan_with_its_wait_survives_its_file(tmp_path):
    found = what_if(
        configurations(job(), Resources(60.0, cores=8), RULES, stretch=1.1),
        RULES,
        curve(),
        ZERO_S,
        ZERO_S + 12 * 3600.0,
        queue=queue(running(32, 7200.0)),
    )
    write_plan(found.plans[0], tmp_path / "plan.json")

    assert found.plans[0].id == read_plan(tmp_path / "plan.json").id


def test_nodes_that_are_down_take_no_job():
    nodes = (Node("n1", 8, ("batch",), up=False), Node("n2", 8, ("batch",)))
    small = Queue(ZERO_S, nodes, (Place("batch", default=True),), ())

    assert 0.0 == small.wait_s(Resources(60.0, cores=8))
    assert math.isinf(small.wait_s(Resources(60.0, cores=9)))


def test_a_queue_survives_its_line_of_a_file(tmp_path):
    before = queue(running(32, 500.0), waiting(8, 600.0, held=True))
    (tmp_path / "queues.jsonl").write_text(queue_text(before) + "\n" + queue_text(queue()) + "\n")

    after = read_queues(tmp_path / "queues.jsonl")

    assert [queue_text(before), queue_text(queue())] == [queue_text(one) for one in after]
    assert (before.nodes, before.places) == (after[0].nodes, after[0].places)


@pytest.mark.parametrize("line", ["", "{}", "[1]", '{"now_s": "x"}'])
def test_a_line_that_is_no_queue_is_told_by_its_number(tmp_path, line):
    (tmp_path / "queues.jsonl").write_text(queue_text(queue()) + "\n" + line + "\n")

    with pytest.raises(ValueError, match=r"queues.jsonl, line 2 is no queue"):
        read_queues(tmp_path / "queues.jsonl")
