"""What an explanation says is true: the change turns the decision, and a smaller one does not."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from cluster_problems import curve, workload
from count_decisions import count, last_act, on_the_engine, policies
from hypothesis import given, settings
from hypothesis import strategies as st
from test_moment import POLICIES, asked

from helpers.cluster import replay
from helpers.cluster.ask import Inquiry, grams_by_decision, grams_if_started
from helpers.decide import Below, CarbonEasy, Conservative, Easy, Fifo, Policy
from helpers.decide.explain import Clock, explain
from helpers.work import Cluster


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=12, deadline=None)
@given(problem=asked(most=8), seed=st.integers(0, 2**32 - 1))
def test_the_engine_confirms_that_the_change_turns_the_decision_and_a_smaller_does_not(
    name, problem, seed
):
    cluster, jobs, intensity = problem
    inquiry = Inquiry(jobs, cluster, POLICIES[name](), intensity=intensity)
    picked = np.random.default_rng(seed).choice(inquiry.decisions_s, 2)

    for moment in inquiry.moments(picked).values():
        when = len([t for t in inquiry.decisions_s if t <= moment.now_s]) - 1
        view = moment.scene().view
        for number in [*view.queue, *view.suspended, *view.running]:
            told = explain(moment, number)
            as_it_was = last_act(on_the_engine(inquiry, when, lambda scene: None), number)
            for way in told.counterfactuals:
                turned = last_act(on_the_engine(inquiry, when, way.change), number)

                assert turned != as_it_was, (told, way)
                if way.smaller is not None:
                    short = last_act(on_the_engine(inquiry, when, way.smaller), number)
                    assert short == as_it_was, (told, way)


@pytest.mark.parametrize("name", sorted(policies()))
def test_every_change_that_is_named_is_counted_true_on_the_engine(name):
    sums = count(policies()[name], 20, 7)

    assert sums["changes"] == sums["turned"] > 0
    assert sums["short"] == sums["short_held"]
    assert sums["grams_off"] < 1e-9


COLUMN = {"requested": "requested_s", "processors": "processors", "longest wait": "longest_wait_s"}


@pytest.mark.parametrize("name", ["FIFO", "EASY", "conservative", "gated EASY", "gated FIFO"])
@settings(max_examples=25, deadline=None)
@given(problem=asked())
def test_a_job_that_had_come_otherwise_is_treated_so_in_a_replay_of_its_own(name, problem):
    cluster, jobs, intensity = problem
    inquiry = Inquiry(jobs, cluster, POLICIES[name](), intensity=intensity)
    submit_s = jobs.jobs["submit_s"].to_numpy()
    moments = inquiry.moments(submit_s)

    for row, came_s in enumerate(submit_s):
        told = explain(moments[came_s], row, among=tuple(COLUMN))
        started = inquiry.replay.jobs["start_s"][row] == came_s
        assert told.did == ("starts" if started else "waits")
        for way in told.counterfactuals:
            for value, turned in ((way.value, True), (way.short_of, False)):
                if way.fact == "processors" or value > 0:
                    table = jobs.jobs.copy()
                    table.loc[row, COLUMN[way.fact]] = value
                    other = replay(
                        jobs.with_jobs(table), cluster, POLICIES[name](), intensity=intensity
                    )
                    assert (other.jobs["start_s"][row] == came_s) == (started ^ turned)


@settings(max_examples=50, deadline=None)
@given(problem=asked())
def test_a_cleaner_curve_starts_the_job_in_a_replay_of_its_own(problem):
    cluster, jobs, intensity = problem
    inquiry = Inquiry(jobs, cluster, CarbonEasy(Below(250)), intensity=intensity)
    origin_s, edges_s = inquiry.clock.origin_s, intensity.edges_s
    submit_s = jobs.jobs["submit_s"].to_numpy()
    for row, came_s in enumerate(submit_s):
        step = int(np.searchsorted(edges_s, origin_s + came_s, side="right")) - 1
        earlier = [t for t in inquiry.decisions_s if edges_s[step] - origin_s <= t < came_s]
        if earlier:
            continue  # the changed step would have changed those, too
        told = explain(inquiry.moments([came_s])[came_s], row, among=["intensity"])
        for way in told.counterfactuals:
            values = intensity.intensity_g_per_kwh.copy()
            values[step] = way.value
            other = replay(
                jobs,
                cluster,
                CarbonEasy(Below(250)),
                intensity=type(intensity)(edges_s, values, "average", "XX", "generated"),
            )
            now, then = (done.jobs["start_s"][row] == came_s for done in (inquiry.replay, other))
            assert now != then


@settings(max_examples=40, deadline=None)
@given(problem=asked(), name=st.sampled_from(sorted(POLICIES)))
def test_the_grams_of_all_decisions_add_up_to_those_of_all_jobs(problem, name):
    cluster, jobs, intensity = problem

    done = replay(jobs, cluster, POLICIES[name](), intensity=intensity)

    by_decision = grams_by_decision(done)
    assert by_decision["grams"].sum() == pytest.approx(done.emissions_g()["jobs"], rel=1e-9)
    by_job = by_decision.groupby("job")["grams"].sum()
    assert by_job.to_numpy() == pytest.approx(done.by_job()["emissions_g"].to_numpy(), rel=1e-9)
    assert (by_decision["action"] == "start").sum() == len(jobs)


HOURS = [300.0, 200.0, 100.0, 400.0, 300.0] * 6


def inquiry(policy, **options):
    """Five jobs on four cores while the grid goes from 300 down to 100 g/kWh and up again."""
    jobs = workload(
        [0, 10, 20, 30, 40],
        [5000, 4000, 100, 8000, 500],
        [2, 4, 1, 3, 1],
        [6000, 5000, 300, 9000, 900],
        longest_wait_s=20000.0,
        power_w=100.0,
    )
    return Inquiry(jobs, Cluster(4), policy, intensity=curve(HOURS), **options)


def ways(told):
    return {way.fact: way for way in told.counterfactuals}


def test_a_job_held_for_clean_power_is_told_the_intensity_it_waits_for():
    told = inquiry(CarbonEasy(Below(250)), time_zone="Europe/Berlin").why("a", 5.0)

    assert "waits" == told.did
    assert pytest.approx(250.0) == ways(told)["intensity"].value
    assert pytest.approx(250.1) == ways(told)["intensity"].short_of
    assert [
        "02:00: job a waits (accepted until 07:33). Begun now: 75.6 g; from 03:00: 47.8 g "
        "(-27.8 g, +1 h).",
        "It would start now if the intensity were at most 250.0 g/kWh (it is 300.0); or if its "
        "user accepted to wait at most 0 s (accepted: 5 h 33 min 20 s).",
    ] == told.lines


def test_a_job_that_lacks_cores_is_told_whose():
    told = inquiry(Easy()).why("b", 15.0)

    assert ("a",) == ways(told)["ended"].jobs
    assert "2 cores more were free (job a, planned to end 01:40)" == ways(told)["ended"].words
    assert (2.0, 3.0) == (ways(told)["processors"].value, ways(told)["processors"].short_of)


def test_a_job_behind_another_is_told_which():
    told = inquiry(Fifo()).why("c")

    assert {"submitted"} == set(ways(told))
    assert ("b",) == ways(told)["submitted"].jobs
    assert "had come before job b (00:00)" in str(told)


def test_a_job_that_backfills_is_told_up_to_which_request():
    told = inquiry(Easy()).why("c")

    assert "starts" == told.did
    way = ways(told)["requested"]
    assert (5980.0, 5981.0) == (way.short_of, way.value)  # the shadow time is 6000 s
    assert "It would wait if" in told.lines[1]


def test_a_job_that_is_paused_is_told_from_which_intensity_it_would_run_on():
    policy = CarbonEasy(Below(250), Below(350), least_left_s=10.0)

    asked_of = inquiry(policy)
    record = asked_of.replay.record
    paused = record[record["action"] == "suspend"].iloc[0]
    told = asked_of.answer(asked_of.moments([paused["time_s"]])[paused["time_s"]], paused["job"])

    assert "is paused" == told.did
    assert pytest.approx(350.0) == ways(told)["intensity"].value
    assert "It would run on if the intensity were at most 350.0 g/kWh (it is 400.0)" in str(told)


def test_two_facts_that_turn_it_together_need_nobody_to_end():
    # b, which came first and has waited its longest, takes the last cores; it is dirty for c.
    jobs = workload([0, 10, 20], [500, 400, 400], 2, longest_wait_s=[0.0, 10.0, 5000.0])
    asked_of = Inquiry(jobs, Cluster(4), CarbonEasy(Below(250)), intensity=curve([300.0] * 9))

    (way,) = asked_of.why("c", 20.0).counterfactuals

    assert ("together", 0.0) == (way.fact, way.value)
    assert "it had come first of all, and the intensity were 0 g/kWh" == way.words


def test_where_no_fact_alone_will_do_the_fewest_together_are_told():
    told = inquiry(Fifo()).why("d")

    (way,) = told.counterfactuals
    assert "it had come first of all, and 2 cores more were free" in way.words


def test_a_policy_that_cannot_amend_is_still_asked_the_rest():
    class Stubborn(Policy):
        def decide(self, view):
            for job in list(view.queue.values()):
                if job.processors <= view.free_cores:
                    view.start(job)

    told = inquiry(Stubborn()).why("d", 40.0)

    assert {"intensity", "ended"} == set(told.tried)


def test_an_explanation_has_a_form_for_machines():
    told = inquiry(CarbonEasy(Below(250))).why("a", 5.0)

    found = json.loads(json.dumps(told.as_dict(), allow_nan=False))

    assert ("a", "waits", 20000.0) == (found["job_id"], found["did"], found["latest_s"])
    assert told.lines == found["lines"]
    assert ["intensity", "longest wait"] == [way["fact"] for way in found["counterfactuals"]]
    bare = Inquiry(workload([0, 1], [50, 50]), Cluster(1), Fifo()).why("b").as_dict()
    assert (None, None) == (bare["latest_s"], bare["grams"])
    json.dumps(bare, allow_nan=False)


@settings(max_examples=20, deadline=None)
@given(problem=asked(), name=st.sampled_from(sorted(POLICIES)))
def test_an_explanation_has_two_lines_of_finite_numbers(problem, name):
    cluster, jobs, intensity = problem
    asked_of = Inquiry(jobs, cluster, POLICIES[name](), intensity=intensity)

    for row in range(len(jobs)):
        told = asked_of.why(jobs.jobs["job_id"][row])

        assert 2 == len(told.lines)
        assert not {"nan", "inf"} & set(str(told).replace(",", " ").split())
        json.dumps(told.as_dict(), allow_nan=False)


def test_what_a_job_would_have_caused_is_not_told_beyond_the_curve():
    jobs = workload([0.0], [7200.0], power_w=1000.0)
    done = replay(jobs, Cluster(1), Fifo(), intensity=curve([300.0, 100.0, 200.0]))

    assert pytest.approx(400.0) == grams_if_started(done, 0, 0.0)
    assert pytest.approx(150.0) == grams_if_started(done, 0, 3600.0, 3600.0) + 50.0
    assert math.isnan(grams_if_started(done, 0, 2 * 3600.0))


def test_what_cannot_be_asked_is_refused_with_a_remedy():
    asked_of = inquiry(Conservative())
    moment = asked_of.moments([40.0])[40.0]

    with pytest.raises(KeyError, match=r"no job 'z' among the 5 of the replay, such as 'a'"):
        asked_of.why("z")
    with pytest.raises(ValueError, match=r"at -1 s nothing was decided yet: .* at 0 s"):
        asked_of.moments([-1.0])
    with pytest.raises(ValueError, match=r"job number 4 neither waits nor runs at 00:00 \(30 s\)"):
        asked_of.why("e", 35.0)
    with pytest.raises(ValueError, match=r"among names 'weather': choose of intensity, "):
        explain(moment, 4, among=["weather"])


def test_instants_are_told_by_the_hour_and_by_the_day_where_it_is_another():
    clock = Clock(pd.Timestamp("2020-07-01 20:00", tz="UTC").timestamp(), "Europe/Berlin")

    assert "23:00" == clock.tell(3600.0, 0.0)
    assert "Thu 2 Jul 00:30" == clock.tell(2.5 * 3600.0, 0.0)
    assert "second 3,600" == Clock().tell(3600.0, 0.0)
