"""What is published about people: names hashed with a key, no group too small, power averaged."""

import hashlib
import hmac
import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.jobs import read_swf
from helpers.jobs.privacy import (
    aggregate_telemetry,
    check_k_anonymity,
    coarsen,
    coarsen_size,
    collision_probability,
    hash_identifiers,
    k_anonymity,
)
from helpers.jobs.table import JobLog, check, jobs_table

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))

name_lists = st.lists(st.text(min_size=1, max_size=8) | st.none(), min_size=1, max_size=20)
tables = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([1.0, 2.0, np.nan]), st.integers(0, 2)),
    max_size=30,
).map(lambda rows: pd.DataFrame(rows, columns=["queue", "size", "person"]))


@st.composite
def telemetry(draw):
    gaps = draw(st.lists(st.floats(0.01, 5.0), min_size=1, max_size=60))
    start = draw(st.floats(-100.0, 1e6))
    time = start + np.concatenate([[0.0], np.cumsum(gaps)])
    power = draw(
        st.lists(st.floats(0.0, 1000.0), min_size=len(time), max_size=len(time)).map(np.array)
    )
    return pd.DataFrame({"time_s": time, "power_w": power})


def log():
    return JobLog(
        jobs_table(
            {
                "job_id": [7, 8, 9],
                "submit_s": [0.0, 1.0, 2.0],
                "user": ["ada", "bob", "ada"],
                "group": ["ada", None, "lab"],
                "previous_job_id": pd.array([None, 7, 8], dtype="Int64"),
            }
        )
    )


@given(name_lists)
def test_the_same_name_and_key_give_the_same_hash_and_other_names_another(values):
    frame = pd.DataFrame({"user": pd.Series(values, dtype=object)})
    hashed = hash_identifiers(frame, ["user"], key=KEY)["user"]

    assert hashed.isna().tolist() == [value is None for value in values]
    pairs = set(zip(frame["user"], hashed.astype(object).where(hashed.notna(), None), strict=True))
    assert len(pairs) == len(set(values)) == len({hash_ for _, hash_ in pairs})


@given(name_lists)
def test_another_key_gives_another_hash(values):
    frame = pd.DataFrame({"user": pd.Series(values, dtype=object)})
    one = hash_identifiers(frame, ["user"], key=KEY)["user"].dropna()
    other = hash_identifiers(frame, ["user"], key=OTHER)["user"].dropna()

    assert set(one).isdisjoint(other)


def test_a_hash_is_the_start_of_hmac_sha256_of_column_and_name():
    hashed = hash_identifiers(log(), ["user"], key=KEY, digits=20).jobs["user"]

    expected = hmac.new(KEY, b"user\0ada", hashlib.sha256).hexdigest()[:20]
    assert expected == hashed[0] == hashed[2]


def test_a_hashed_log_keeps_the_schema_and_everything_else():
    before = log()
    after = hash_identifiers(before, ["user", "group", "job_id", "previous_job_id"], key=KEY)

    check(after.jobs)
    assert before.jobs["user"].tolist() == ["ada", "bob", "ada"]
    assert before.jobs["submit_s"].equals(after.jobs["submit_s"])
    assert after.jobs["group"].isna().tolist() == [False, True, False]


def test_a_job_and_its_follower_keep_naming_the_same_job():
    jobs = hash_identifiers(log(), ["job_id", "previous_job_id"], key=KEY).jobs

    assert jobs["job_id"].tolist()[:2] == jobs["previous_job_id"].tolist()[1:]


def test_a_name_has_another_hash_in_another_column():
    jobs = hash_identifiers(log(), key=KEY).jobs

    assert jobs["user"][0] != jobs["group"][0]


def test_skipped_rows_tell_no_names():
    bad = read_swf(io.StringIO("1 0 1 1 1 1 1 1 1 1 1 5 1 1 1 1 -1\n"), errors="skip")

    assert "5" in bad.skipped["value"][0]
    assert hash_identifiers(bad, key=KEY).skipped["value"].tolist() == [""]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"key": b"short"}, ValueError, "key has 5 bytes: it must have at least 32"),
        ({"key": "x" * 32}, TypeError, "key is of type str: it must be bytes"),
        ({"digits": 4}, ValueError, "digits is 4: it must be a whole number from 8 to 64"),
        ({"columns": ["usr"]}, ValueError, "column 'usr' is missing: give a list of columns among"),
        ({"columns": []}, ValueError, r"columns is \[\]: give a list"),
        ({"columns": "user"}, ValueError, "column 'u' is missing"),
    ],
)
def test_what_makes_no_safe_hash_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        hash_identifiers(log(), **{"columns": ["user"], "key": KEY, **change})


def test_two_names_with_one_hash_are_refused():
    frame = pd.DataFrame({"user": range(200_000)})

    with pytest.raises(ValueError, match=r"get the same hash of 8 digits: pass a larger digits="):
        hash_identifiers(frame, ["user"], key=KEY, digits=8)


def test_the_collision_probability_is_that_of_birthdays():
    def exact(n, hashes):
        return 1 - np.prod(1 - np.arange(n) / hashes)

    assert collision_probability(1) == 0.0
    assert collision_probability(10_000, 8) == pytest.approx(exact(10_000, 16.0**8), rel=1e-3)
    assert collision_probability(10_000) == pytest.approx(2.7e-12, rel=0.01)


@given(tables, st.booleans())
def test_k_is_what_counting_by_hand_gives(table, persons):
    rows = list(zip(table["queue"], table["size"].fillna(-1), table["person"], strict=True))
    if persons:
        expected = [len({p for q, s, p in rows if (q, s) == row[:2]}) for row in rows]
    else:
        count = Counter(row[:2] for row in rows)
        expected = [count[row[:2]] for row in rows]
    found = k_anonymity(table, ["queue", "size"], person="person" if persons else None)

    assert expected == found.group_size.tolist()
    assert min(expected, default=0) == found.k


@given(tables, st.integers(2, 5))
def test_a_table_without_its_offending_rows_passes_the_check(table, k):
    found = k_anonymity(table, ["queue", "size"])
    rest = table.drop(index=found.offending(k))

    check_k_anonymity(rest, ["queue", "size"], k)
    if len(rest) < len(table):
        with pytest.raises(ValueError, match=f"{len(table) - len(rest)} of {len(table)} rows"):
            check_k_anonymity(table, ["queue", "size"], k)


def test_a_group_too_small_is_named_with_what_to_do():
    table = pd.DataFrame({"queue": list("aab")}, index=[10, 11, 12])

    with pytest.raises(
        ValueError,
        match=r"1 of 3 rows are in groups smaller than k = 2 \(the smallest has 1\) by queue: rows 12\. "
        r"Make columns coarser",
    ):
        check_k_anonymity(table, ["queue"], 2)


def test_one_person_does_not_hide_among_their_own_jobs():
    table = pd.DataFrame({"queue": ["a"] * 5, "user": ["ada"] * 5})

    check_k_anonymity(table, ["queue"], 5)
    with pytest.raises(ValueError, match="the smallest has 1"):
        check_k_anonymity(table, ["queue"], 2, person="user")


def test_a_k_of_one_is_refused():
    with pytest.raises(ValueError, match="k is 1: it must be at least 2"):
        check_k_anonymity(pd.DataFrame({"a": [1]}), ["a"], 1)


@given(st.floats(-1e9, 1e9, allow_subnormal=False), st.sampled_from([0.5, 60.0, 3600.0]))
def test_a_coarse_value_is_the_multiple_below(value, step):
    coarse = coarsen(value, step)

    assert coarse <= value < coarse + step
    assert coarsen(coarse, step) == coarse


@given(st.floats(1e-6, 1e12), st.sampled_from([2.0, 4.0, 10.0]))
def test_a_coarse_size_is_the_power_below(value, base):
    coarse = float(coarsen_size(value, base))

    assert coarse <= value < coarse * base * (1 + 1e-12)
    assert float(coarsen_size(coarse, base)) == coarse


def test_coarse_sizes_keep_zero_the_unknown_and_the_index():
    sizes = pd.Series([0.0, np.nan, 1.0, 8.0, 1000.0], index=list("abcde"))

    expected = pd.Series([0.0, np.nan, 1.0, 8.0, 512.0], index=list("abcde"))
    pd.testing.assert_series_equal(coarsen_size(sizes), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coarsen(1.0, 0.0), "step is 0.0: it must be above 0"),
        (lambda: coarsen_size(1.0, 1.0), "base is 1.0: it must be above 1"),
        (lambda: coarsen_size([-2.0]), "values hold -2.0: they must be at least 0"),
    ],
)
def test_a_coarsening_that_means_nothing_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(telemetry(), st.floats(1.0, 60.0))
def test_averaging_keeps_the_energy_of_the_trapezoidal_rule(samples, step_s):
    means = aggregate_telemetry(samples, step_s, max_gap_s=10)

    expected = np.trapezoid(samples["power_w"], samples["time_s"])
    assert (means["power_w"] * means["duration_s"]).sum() == pytest.approx(expected, abs=1e-3)
    assert means["duration_s"].sum() == pytest.approx(np.ptp(samples["time_s"]))


@given(telemetry(), st.sampled_from([1.0, 2.5, 60.0]), st.sampled_from(["linear", "hold"]))
def test_a_mean_lies_between_the_smallest_and_the_largest_sample(samples, step_s, between):
    means = aggregate_telemetry(samples, step_s, max_gap_s=10, between=between)

    assert means["power_w"].min() >= samples["power_w"].min() - 1e-3
    assert means["power_w"].max() <= samples["power_w"].max() + 1e-3
    assert (means["duration_s"] <= step_s * (1 + 1e-9)).all()
    assert np.allclose(means["time_s"][1:] % step_s, 0) or np.allclose(
        -means["time_s"][1:] % step_s, 0
    )


def test_a_held_value_counts_until_the_next_sample():
    samples = pd.DataFrame({"time_s": [0.5, 1.0, 2.5, 3.0], "power_w": [10.0, 20.0, 40.0, 99.0]})

    expected = pd.DataFrame(
        {
            "time_s": [0.5, 1.0, 2.0],
            "duration_s": [0.5, 1.0, 1.0],
            "power_w": [10.0, 20.0, 30.0],
        }
    )
    means = aggregate_telemetry(samples, 1, between="hold", max_gap_s=2)
    pd.testing.assert_frame_equal(expected, means)


@pytest.mark.parametrize("step_s", [0.5, 61, np.nan])
def test_a_step_below_1_or_above_60_seconds_is_refused(step_s):
    samples = pd.DataFrame({"time_s": [0.0, 1.0], "power_w": [1.0, 1.0]})

    with pytest.raises(ValueError, match=rf"step_s is {step_s}: it must be from 1 to 60 s"):
        aggregate_telemetry(samples, step_s)


@pytest.mark.parametrize(
    ("time", "power", "message"),
    [
        ([0.0, 2.0, 1.0], [1.0, 1.0, 1.0], "row 2: time_s is 1.0: it must be after the row before"),
        ([0.0, 1.0], [1.0, np.nan], "row 1: power_w is nan: it must be a finite number"),
        (
            [0.0, 1.0, 9.0],
            [1.0, 1.0, 1.0],
            "after row 1: no sample for 8 s, more than 2 s: pass a longer",
        ),
        ([0.0], [1.0], "samples have 1 rows and columns time_s, power_w: they must have at least"),
    ],
)
def test_telemetry_that_cannot_be_integrated_is_refused(time, power, message):
    with pytest.raises(ValueError, match=message):
        aggregate_telemetry(pd.DataFrame({"time_s": time, "power_w": power}), 2)


def test_an_unknown_way_between_samples_is_refused():
    with pytest.raises(ValueError, match="between is 'cubic': it must be 'linear' or 'hold'"):
        aggregate_telemetry(pd.DataFrame({"time_s": [0, 1], "p": [0, 1]}), 1, between="cubic")
