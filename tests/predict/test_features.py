"""Features look back only: the law, and values counted by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import datasets
from helpers.jobs.table import JobLog, jobs_table
from helpers.predict import FEATURES, another_future, features
from helpers.predict.leakage import LEAKS, leaking

EPOCH = pd.Timestamp("2024-03-04", tz="Europe/Berlin")  # a Monday

# Few values each, so that instants, users and results often are equal.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 12),  # submit
        st.integers(0, 4),  # wait
        st.integers(0, 6),  # run
        st.sampled_from([1.0, 2.0]),  # processors
        st.sampled_from([5.0, 9.0, np.nan]),  # requested
        st.sampled_from(["a", "b", None]),  # user
        st.sampled_from(["x", "y", None]),  # executable
        st.sampled_from(["completed", "failed"]),
        st.sampled_from([10.0, 20.0, np.nan]),  # memory
    ),
    min_size=1,
    max_size=25,
)


def made(rows) -> JobLog:
    """Return a log of rows; a job that did not run is cancelled."""
    columns = list(zip(*rows, strict=True))
    names = ("submit_s", "wait_s", "run_s", "processors", "requested_s", "user", "executable")
    table = dict(zip([*names, "state", "memory_kb"], map(list, columns), strict=True))
    for name in ("submit_s", "wait_s", "run_s"):
        table[name] = 600.0 * np.array(table[name], dtype=float)
    return JobLog(jobs_table({"job_id": np.arange(len(rows)), **table}), EPOCH)


def same(one, other) -> bool:
    return np.array_equal(one.to_numpy(), other.to_numpy(), equal_nan=True)


@given(ROWS, st.integers(0, 2**32 - 1), st.sampled_from(["run_s", "memory_kb"]))
def test_what_is_not_known_at_a_submission_changes_no_bit_of_its_features(rows, seed, outcome):
    log = made(rows)
    rng = np.random.default_rng(seed)
    job = log.jobs.iloc[rng.integers(len(log))]

    other = another_future(log, job["submit_s"], rng)
    kept = other.jobs["submit_s"] == job["submit_s"]

    expected = features(log, outcome=outcome)[log.jobs["submit_s"] == job["submit_s"]]
    assert same(expected, features(other, outcome=outcome)[kept])


@given(ROWS, ROWS)
def test_later_jobs_change_no_earlier_row(rows, later):
    last = max(row[0] for row in rows)
    both = rows + [(last + row[0], *row[1:]) for row in later]

    assert same(features(made(rows)), features(made(both)).iloc[: len(rows)])


@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)

    shuffled = features(made([rows[i] for i in order]))

    assert same(features(made(rows)).iloc[order], shuffled)


@pytest.mark.parametrize(
    ("name", "wait"), [("unilu-gaia-2014", None), ("kth-sp2", None), ("llnl-atlas", 0.0)]
)
def test_the_law_holds_on_a_real_log(name, wait):
    if not datasets.available(name):
        pytest.skip(f"{name} is not in the cache")
    log = datasets.job_log(name)
    if wait is not None:
        log = log.with_jobs(log.jobs.assign(wait_s=log.jobs["wait_s"].fillna(wait)))
    rng = np.random.default_rng(1)
    whole = features(log)

    for row in rng.integers(len(log), size=8):
        now_s = log.jobs["submit_s"].iloc[row]
        other = another_future(log, now_s, rng)
        at = (log.jobs["submit_s"] == now_s).to_numpy()

        assert same(whole[at], features(other)[(other.jobs["submit_s"] == now_s).to_numpy()])


def test_a_leak_would_be_seen():
    rows = [
        (0, 0, 5, 1.0, 9.0, "a", "x", "completed", 10.0),
        (1, 0, 1, 1.0, 9.0, *"ax", *["completed", 1.0]),
    ]
    log = made(rows)
    other = another_future(log, 600.0, np.random.default_rng(0))

    assert log.jobs["run_s"].iloc[0] != other.jobs["run_s"].iloc[0]
    assert log.jobs["state"].iloc[0] != other.jobs["state"].iloc[0]


@pytest.mark.parametrize("kind", [k for k in LEAKS if k not in ("none", "random split")])
def test_the_law_sees_each_usual_mistake(kind):
    log = datasets.job_log("unilu-gaia-2014").window(30 * 86_400, 32 * 86_400)
    rng = np.random.default_rng(3)
    whole, _ = leaking(log, features(log), kind)
    seen = 0

    for row in rng.integers(len(log), size=10):
        now_s = log.jobs["submit_s"].iloc[row]
        other = another_future(log, now_s, rng)
        then, _ = leaking(other, features(other), kind)
        seen += not same(
            whole[(log.jobs["submit_s"] == now_s).to_numpy()],
            then[(other.jobs["submit_s"] == now_s).to_numpy()],
        )

    assert seen > 0


def test_what_leaks_is_said_by_name():
    log = made([(0, 0, 5, 1.0, 9.0, "a", "x", "completed", 10.0)])

    table, drawn = leaking(log, features(log), "none")

    assert (list(FEATURES), False) == (list(table), drawn)
    with pytest.raises(ValueError, match=r"kind\(='no'\) must be one of none, random split"):
        leaking(log, features(log), "no")


def test_features_counted_by_hand():
    rows = [
        (0, 0, 1, 2.0, 9.0, "a", "x", "completed", 10.0),  # ends at 1
        (0, 1, 2, 1.0, 9.0, "a", "y", "failed", 10.0),  # ends at 3, not similar (processors)
        (1, 0, 9, 2.0, 9.0, "b", "x", "completed", 10.0),  # runs at 3
        (2, 2, 1, 1.0, 5.0, "a", "x", "completed", 10.0),  # waits at 3
        (3, 0, 1, 2.0, 9.0, "a", "x", "completed", 10.0),
    ]

    row = features(made(rows)).iloc[4]

    assert list(row.index) == list(FEATURES)
    expected = {
        "hour": 0.5,
        "weekday": 0,
        "processors": np.log(2),
        "requested": np.log1p(9),
        "user_count": 2,
        "user_last": np.log1p(1200),
        "user_last2": np.log1p(600),
        "user_mean": (np.log1p(600) + np.log1p(1200)) / 2,
        "user_sd": (np.log1p(1200) - np.log1p(600)) / 2,
        "user_failed": 0.5,
        "user_since": 0,
        "program_count": 1,
        "similar_count": 1,
        "similar_last": np.log1p(600),
        "all_count": 2,
        "used": 1200 / 9,
        "used2": 600 / 9,
        "user_running": 0,
        "user_queued": 1,
        "user_submitted": np.log1p(600),
        "similar_submitted": np.log1p(1800),
        "user_hour": 3,
        "running": 1,
        "cores": 2,
        "queued": 1,
        "queued_cores": 1,
    }
    assert expected == pytest.approx(row[list(expected)].to_dict())


def test_running_jobs_say_how_long_they_have_run():
    rows = [
        (0, 0, 6, 2.0, 9.0, "a", "x", "completed", 10.0),
        (0, 1, 6, 1.0, 9.0, "a", "x", "completed", 10.0),
        (2, 0, 6, 1.0, 9.0, "a", "x", "completed", 10.0),
    ]

    row = features(made(rows)).iloc[2]

    assert [2, 3] == row[["user_running", "user_cores"]].tolist()
    assert np.log1p([1200, 600]) == pytest.approx(row[["user_oldest", "user_newest"]].to_numpy())


def test_a_log_without_waits_is_refused_until_it_is_said_what_to_take():
    log = made([(0, 0, 5, 1.0, 9.0, "a", "x", "completed", 10.0)])
    log = log.with_jobs(log.jobs.assign(wait_s=np.nan))

    with pytest.raises(ValueError, match=r"1 jobs ran and wait_s is not known.*unknown_wait_s=0"):
        features(log)
    assert 1 == len(features(log, unknown_wait_s=0))


def test_a_log_without_jobs_has_no_rows():
    log = JobLog(jobs_table({"job_id": np.empty(0, dtype=int), "submit_s": []}))

    assert (0, len(FEATURES)) == features(log).shape
