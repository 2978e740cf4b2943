"""A day of a cluster: every decision about every job has its answer, in words and in the page."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from cluster_problems import workload
from small_day import DATE, HOUR_S, MIDNIGHT_S, day, inquiry

from helpers.cluster.ask import Inquiry, grams_if_started
from helpers.cluster.day import Day
from helpers.decide import Easy, Fifo
from helpers.work import Cluster


@pytest.fixture(scope="module")
def told():
    return day()


def data(html):
    found = re.search(
        r'<script type="application/json" class="asked-data">(.*?)</script>', html, re.S
    )
    return json.loads(found.group(1))


def test_every_job_is_asked_about_at_every_decision_that_it_meets(told):
    asked = told.inquiry
    met = set()
    for time_s, moment in asked.moments(asked.decisions_s).items():
        view = moment.scene().view
        met |= {(time_s, row) for row in (*view.queue, *view.suspended, *view.running)}

    answers = told.answers
    assert met == set(zip(answers["time_s"], answers["job"], strict=True))
    assert len(answers) == len(met) == told.decisions.sum()


def test_all_that_can_become_of_a_job_becomes_of_one_that_day(told):
    assert {"waits", "starts", "is paused", "stays paused", "resumes", "runs on"} == set(
        told.decisions.index
    )


def test_what_is_told_by_the_clock_is_what_a_replay_of_its_own_tells(told):
    asked = inquiry()

    for job_id, clock, hours in (("a", "05:00", 5.0), ("d", "03:30", 3.5), ("f", "07:00", 7.0)):
        there = told.why(job_id, clock)
        alone = asked.why(job_id, MIDNIGHT_S + HOUR_S * hours)
        assert alone.lines == there.lines


def test_of_each_kind_the_decision_that_kept_a_job_longest_is_the_example(told):
    first = told.example("is paused")
    held = told.grams[told.grams["did"] == "waits"]

    kept_s = told.example("waits").grams.got_s - told.example("waits").now_s
    assert held["later_h"].max() == pytest.approx(kept_s / HOUR_S)
    assert "No job starts that day for this reason." == told.tell("starts", "weather")
    assert " ".join(told.example("waits").lines).split() == told.tell("waits").split()

    assert ("a", "is paused") == (first.job_id, first.did)
    assert "intensity" in [way.fact for way in told.example("waits", "intensity").counterfactuals]
    with pytest.raises(
        ValueError, match=r"says 'starts' that 'weather' would have turned and 'ended' not"
    ):
        told.example("starts", "weather", "ended")


def test_a_pause_is_told_in_grams_against_running_on(told):
    first = told.example("is paused")
    asked, row = told.inquiry, told.inquiry.row_of("a")

    # It has run for five hours at 2 x 100 W: of nine hours four are left.
    ran_on = grams_if_started(asked.replay, row, MIDNIGHT_S, from_s=MIDNIGHT_S + 5 * HOUR_S)
    assert ran_on == pytest.approx(0.2 * (3 * 400 + 1 * 120))
    assert first.grams.now_g == pytest.approx(ran_on)
    assert first.grams.got_g == pytest.approx(0.2 * 4 * 120)
    assert "job a is paused. Run on: 264 g; from 08:00: 96.0 g (-168 g, +3 h)." == first.what


def test_what_starts_is_told_what_it_will_cause(told):
    assert "job b starts; to its end it causes 60.0 g." == told.why("b", "00:15").what


def test_the_page_holds_every_answer_once_and_in_order(told):
    shown = data(told._repr_html_())

    assert json.loads(json.dumps(told.as_dict())) == shown
    answers = told.answers
    times_s = np.unique(answers["time_s"])
    for job, row in zip(shown["jobs"], told.jobs["job"], strict=True):
        own = answers[answers["job"] == row]
        for answer in own.itertuples():
            place = int(np.searchsorted(times_s, answer.time_s))
            last = [found for found in job["answers"] if found[0] <= place][-1]
            assert (answer.what, answer.why) == tuple(shown["words"][i] for i in last[1:3])
        assert job["last"] == place
    assert len(set(shown["words"])) == len(shown["words"])


def test_what_a_job_does_fills_its_day_without_gap(told):
    for job in told.as_dict()["jobs"]:
        pieces = job["pieces"]
        assert all(a[2] == b[1] for a, b in pairwise(pieces))
        assert 0 <= pieces[0][1]
        assert pieces[-1][2] <= 86400


def test_the_table_says_the_same_without_a_script(told):
    html = told._repr_html_()
    table = html[html.index("<table>") : html.index("</table>")]

    assert len(told.jobs) == table.count("<tr>") - 1
    for first in told.jobs["first"]:
        assert first.split(".")[0] in table
    assert "answers about 6 jobs" in repr(told)


def test_a_name_cannot_leave_its_place():
    hostile = ["</script><script>alert(1)</script>", "a&b", '"', "<b>", "x", "y"]
    html = day(names=hostile)._repr_html_()

    assert "<script>alert" not in html
    assert 3 == html.count("<script")  # the answers, the charts, the page
    assert hostile == [job["id"] for job in data(html)["jobs"]]


def test_a_day_without_decisions_or_without_a_calendar_is_refused():
    with pytest.raises(ValueError, match="nothing was decided on 2021-01-01: choose a day"):
        Day.of(inquiry(), "2021-01-01")
    from dataclasses import replace

    jobs = replace(workload([0.0], [50.0]), epoch=None)
    with pytest.raises(ValueError, match="does not know when second 0 was"):
        Day.of(Inquiry(jobs, Cluster(1), Fifo()), DATE)


def test_who_was_not_there_is_not_told_about(told):
    with pytest.raises(ValueError, match=r"job 'f' was not there by 05:00"):
        told.why("f", "05:00")


# --- what a job's waiting did to others -----------------------------------------------------


def test_who_is_held_up_by_a_job_that_is_there_is_told_by_how_much():
    jobs = workload([0, 10, 20], [500, 400, 100], [4, 4, 1])
    asked = Inquiry(jobs, Cluster(4), Fifo())

    absent = asked.others("a", "absent")

    assert ["b", "c"] == absent["job_id"].tolist()
    assert absent["later_s"].tolist() == pytest.approx([490.0, 490.0])
    assert 0 == len(asked.others("c", "absent"))


def test_where_nobody_is_held_waiting_changed_nothing_for_others():
    asked = inquiry(policy=Easy())

    assert all(0 == len(asked.others(job_id)) for job_id in "abcdef")


def test_what_a_held_job_did_to_others_is_the_difference_of_two_replays(told):
    from helpers.cluster import replay
    from helpers.decide import Below, CarbonEasy

    asked = told.inquiry
    done = asked.replay
    for row, job_id in enumerate("abcdef"):
        table = done.workload.jobs.copy()
        table.loc[row, "longest_wait_s"] = 0.0
        policy = CarbonEasy(Below(250), Below(350), least_left_s=600.0)
        other = replay(done.workload.with_jobs(table), Cluster(8), policy, intensity=done.intensity)
        later = done.jobs["end_s"] - other.jobs["end_s"]
        later = later.drop(row)
        moved = later[later.abs() > 1e-6]

        found = asked.others(job_id).set_index("job_id")["later_s"]
        assert set(done.jobs["job_id"][moved.index]) == set(found.index)
        assert sorted(moved) == pytest.approx(sorted(found))
    assert len(asked.others("a"))


def test_the_page_tells_what_holding_a_job_did_to_others(told):
    later_h = told.inquiry.others("a")["later_s"] / HOUR_S
    shown = {job["id"]: job["others"] for job in told.as_dict()["jobs"]}

    longer = f"{later_h[later_h > 0].sum():.1f} h earlier"
    assert shown["a"].startswith("Had it never been held, others would have ended " + longer)
    assert "" == shown["b"]


def test_what_is_asked_of_others_in_other_words_is_refused():
    with pytest.raises(ValueError, match=r"instead\(='gone'\) must be one of never held, absent"):
        inquiry().others("a", "gone")
