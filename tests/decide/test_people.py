"""What people are told: sums that add up, names as text, and nobody else's figures."""

from html.parser import HTMLParser

import numpy as np
import pytest
from cluster_problems import curve, workload
from hypothesis import given, settings
from test_moment import POLICIES, asked

from helpers.cluster import replay
from helpers.cluster.people import by_user_and_month, page
from helpers.decide import Below, CarbonFifo, Fifo
from helpers.work import Cluster

HOSTILE = '<script>alert("x")</script>&amp;\'; DROP'


def report(users, policy=None, cores=10):
    """Jobs of an hour at 100 W that come at 300 g/kWh, an hour before it falls to 100."""
    n = len(users)
    jobs = workload([0.0] * n, [3600.0] * n, power_w=100.0, user=users, longest_wait_s=3600.0)
    intensity = curve([300.0, 100.0, 200.0, 200.0])
    done = replay(jobs, Cluster(cores), policy or CarbonFifo(Below(250)), intensity=intensity)
    return by_user_and_month(done, "Europe/Berlin")


class Text(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_a_user_is_told_what_waiting_avoided():
    table = report(["ann", "bob", "ann"])

    assert ["ann", "bob"] == table["user"].tolist()
    assert ["2020-07", "2020-07"] == table["month"].tolist()
    assert [2, 1] == table["jobs"].tolist()
    assert table["caused_g"].tolist() == pytest.approx([20.0, 10.0])
    assert table["avoided_g"].tolist() == pytest.approx([40.0, 20.0])
    assert table["mean_wait_h"].tolist() == pytest.approx([1.0, 1.0])
    assert [0, 0] == table["late"].tolist()


def test_who_started_at_once_avoided_nothing():
    table = report(["ann"] * 3, Fifo())

    assert table["avoided_g"].tolist() == pytest.approx([0.0])


def test_who_waits_longer_than_accepted_is_counted():
    assert [2] == report(["ann"] * 4, Fifo(), cores=1)["late"].tolist()


@settings(max_examples=40, deadline=None)
@given(problem=asked())
def test_what_all_users_caused_is_what_all_jobs_caused(problem):
    cluster, jobs, intensity = problem
    users = np.random.default_rng(len(jobs)).choice(["u", "v", ""], len(jobs))
    table = jobs.jobs.assign(user=users)
    done = replay(
        jobs.with_jobs(table), cluster, POLICIES["carbon-aware EASY"](), intensity=intensity
    )

    told = by_user_and_month(done)

    assert told["caused_g"].sum() == pytest.approx(done.emissions_g()["jobs"], rel=1e-9)
    assert len(jobs) == told["jobs"].sum()


@pytest.mark.parametrize("own", [None, HOSTILE])
def test_a_name_is_text_whatever_it_holds(own):
    html = page(report([HOSTILE, "bob"]), own)

    read = Text(html)
    assert not {"script", "a", "img", "iframe", "link"} & set(read.tags)
    assert HOSTILE in read.text
    assert "<script" not in html


def test_a_page_of_one_user_names_no_other_and_shows_no_sum_of_a_few():
    few = page(report(["ann", "bob", "cyd"]), "ann")
    many = page(report([f"user{i}" for i in range(6)]), "user0")

    assert "bob" not in few
    assert "Others are not shown: fewer than 5" in few
    assert "All 5 others together" in many
    assert not [name for name in ("user1", "user5") if name in many]


def test_a_stranger_has_no_page():
    with pytest.raises(ValueError, match=r"user 'zoe' has no job in the report"):
        page(report(["ann"]), "zoe")


def test_an_intensity_that_ends_too_early_is_not_extrapolated():
    jobs = workload([0.0, 1.0], [3600.0, 1800.0], longest_wait_s=0.0, user="ann")
    done = replay(jobs, Cluster(1), Fifo(), intensity=curve([300.0, 200.0], 3000.0))
    assert len(by_user_and_month(done))

    short = replay(jobs, Cluster(2), Fifo(), intensity=curve([300.0], 3000.0))
    with pytest.raises(ValueError, match=r"cover|ends"):
        by_user_and_month(short)
