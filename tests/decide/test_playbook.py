"""A playbook tells what it does, does what it tells, and says how far to trust it."""

import numpy as np
import pytest
from cluster_problems import curve, workload
from hypothesis import given, settings
from hypothesis import strategies as st
from test_moment import asked

from helpers.cluster import replay
from helpers.cluster.metrics import check
from helpers.decide import CarbonFifo, Fifo, PastQuantile
from helpers.decide.playbook import FEATURES, Follow, Playbook, Watched, learn
from helpers.work import Cluster


def weeks(seed, policy):
    """Two hundred jobs on a roomy cluster while the grid swings, under a policy that is watched."""
    rng = np.random.default_rng(seed)
    jobs = workload(
        np.sort(rng.uniform(0, 14 * 86400, 200)),
        rng.uniform(600, 7200, 200),
        rng.integers(1, 5, 200),
        14400.0,
        longest_wait_s=12 * 3600.0,
    )
    hours = np.arange(30 * 24)
    values = 300 + 100 * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 10, hours.size)
    watched = Watched(policy)
    done = replay(jobs, Cluster(40), watched, intensity=curve(values))
    return jobs, curve(values), watched, done


@pytest.fixture(scope="module")
def gated():
    return weeks(1, CarbonFifo(PastQuantile(0.4)))


def test_a_teacher_that_is_watched_decides_as_ever(gated):
    jobs, intensity, _, done = gated

    plain = replay(jobs, Cluster(40), CarbonFifo(PastQuantile(0.4)), intensity=intensity)

    assert done.runs.equals(plain.runs)


def test_what_was_seen_is_one_row_for_each_job_that_fits(gated):
    *_, watched, done = gated
    table = watched.table

    assert ["time_s", "job", *FEATURES, "started"] == list(table)
    assert len(done.workload) == table["started"].sum()
    assert (table["cores"] <= table["free_cores"]).all()


def test_the_rules_of_a_gate_are_found_and_hold_in_weeks_not_seen(gated):
    *_, watched, _ = gated
    book = learn(watched.table, watched.name)
    *_, other, _ = weeks(2, CarbonFifo(PastQuantile(0.4)))

    told = book.agreement(other.table)

    assert told.agreed > 95.0 > told.commoner
    assert told.starts > 95.0
    first = list(FEATURES)[book.feature[0]]
    assert "cleaner_percent" == first
    assert book.threshold[0] == pytest.approx(40.0, abs=3.0)


def test_what_is_told_is_what_is_done(gated):
    *_, watched, _ = gated
    table = watched.table
    book = learn(table, watched.name)
    rows = table[list(FEATURES)]
    conditions = {text: name for name, (text, *_) in FEATURES.items()}

    def holds(condition, row):
        for text, name in conditions.items():
            condition = condition.replace(text, str(float(row[name])))
        return eval(condition.replace("%", "").replace(" h", ""))

    for _, row in rows.iloc[::37].iterrows():
        true = [
            rule["then"]
            for rule in book.table.to_dict("records")
            if all(holds(part, row) for part in rule["if"].split(" and "))
        ]
        says = "start it" if book.says_start(row.to_numpy(float))[0] else "hold it"
        assert [says] == true


def test_every_rule_says_of_how_many_decisions_it_is_true(gated):
    *_, watched, _ = gated
    book = learn(watched.table, watched.name)
    told = book.table

    assert len(watched.table) == told["decisions"].sum()
    agreed = (told["true of"] * told["decisions"]).sum() / told["decisions"].sum()
    assert book.agreement(watched.table).agreed == pytest.approx(agreed, abs=0.1)
    assert len(told) == len(book.rules) <= 8
    assert book.rules[0].startswith("If ")


def test_a_playbook_out_of_date_says_so(gated):
    *_, watched, _ = gated
    book = learn(watched.table, watched.name)
    later = watched.table.assign(cores=10.0 * watched.table["cores"])

    assert 0.0 == book.agreement(watched.table).outside
    assert book.agreement(later).outside > 50.0


def test_a_playbook_that_is_followed_saves_about_what_its_teacher_saves(gated):
    jobs, intensity, watched, taught = gated
    book = learn(watched.table, watched.name)

    followed = replay(jobs, Cluster(40), Follow(book), intensity=intensity)
    at_once = replay(jobs, Cluster(40), Fifo(), intensity=intensity)

    grams = [done.emissions_g()["jobs"] for done in (at_once, taught, followed)]
    assert grams[0] - grams[2] == pytest.approx(grams[0] - grams[1], rel=0.1)


BOOKS = st.builds(
    lambda feature, threshold, start: Playbook(
        "chance",
        (feature, -1, -1),
        (threshold, 0.0, 0.0),
        (1, -1, -1),
        (2, -1, -1),
        (False, *start),
        (0.0,) * 3,
        (0,) * 3,
        (-np.inf,) * 6,
        (np.inf,) * 6,
    ),
    st.integers(0, 5),
    st.floats(0, 100),
    st.tuples(st.booleans(), st.booleans()),
)


@settings(max_examples=60, deadline=None)
@given(problem=asked(), book=BOOKS)
def test_whatever_a_playbook_says_every_job_runs_once(problem, book):
    cluster, jobs, intensity = problem

    check(replay(jobs, cluster, Follow(book), intensity=intensity))


def test_a_playbook_can_be_asked_what_it_would_do_with_another_job(gated):
    from helpers.cluster.ask import Inquiry

    jobs, intensity, watched, _ = gated
    book = learn(watched.table, watched.name)
    asked_of = Inquiry(jobs, Cluster(40), Follow(book), intensity=intensity)
    waits = asked_of.replay.jobs["wait_s"].to_numpy()
    told = asked_of.why(jobs.jobs["job_id"][int(np.argmax(waits))])

    assert "waits" == told.did
    assert "intensity" in [way.fact for way in told.counterfactuals]
    assert "longest wait" in told.tried


def test_where_there_is_nothing_to_tell_apart_it_is_refused():
    watched = Watched(Fifo())
    replay(workload([0, 1], [5, 5]), Cluster(2), watched, intensity=curve([1.0]))

    with pytest.raises(ValueError, match=r"FIFO started all 2 jobs that fitted: .* does both"):
        learn(watched.table, "FIFO")
    book = Playbook("x", (-1,), (0.0,), (-1,), (-1,), (True,), (0.0,), (0,), (0.0,), (0.0,))
    with pytest.raises(ValueError, match=r"table has no decision to compare"):
        book.agreement(watched.table[:0])


def test_a_job_without_longest_wait_is_refused():
    book = Playbook("x", (-1,), (0.0,), (-1,), (-1,), (False,), (0.0,), (0,), (0.0,), (0.0,))

    with pytest.raises(ValueError, match="has no longest_wait_s"):
        replay(workload([0], [5]), Cluster(1), Follow(book), intensity=curve([1.0]))
