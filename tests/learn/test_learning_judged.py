"""Frontiers, rules at the same delay, and the share of the gap that is closed."""

import numpy as np
import pandas as pd
import pytest

from helpers.learn.judge import closed, compared, frontiers, least_kwh, matched, named, roof

NAMES = {
    "EASY": [(100.0, 0.0), (200.0, 0.0)],
    "priced 0.1": [(90.0, 2.0), (180.0, 2.0)],
    "priced 0.01": [(80.0, 6.0), (160.0, 6.0)],
    "learned full/1/4": [(84.0, 3.0), (170.0, 5.0)],
    "learned full/2/4": [(86.0, 3.0), (174.0, 5.0)],
}
JUDGED = pd.DataFrame(
    [
        {"name": name, "zone": "DE", "week": week, "jobs": jobs, "delay_h": delay}
        | {"p95_h": 2 * delay, "work_delay_h": delay}
        for name, weeks in NAMES.items()
        for week, (jobs, delay) in zip(("2020-01-04", "2020-02-01"), weeks, strict=True)
    ]
)


def test_a_name_tells_the_rule_its_setting_or_training_seed_and_limit():
    told = named(JUDGED).drop_duplicates("name").set_index("name")

    assert ("learned, full", 4.0, 2) == tuple(
        told.loc["learned full/2/4", ["policy", "setting", "seed"]]
    )
    assert ("priced", 0.01, 0) == tuple(told.loc["priced 0.01", ["policy", "setting", "seed"]])
    assert ("EASY", 0.0, 0) == tuple(told.loc["EASY", ["policy", "setting", "seed"]])


def test_what_holds_a_limit_is_told_apart_from_what_has_a_price_that_stays():
    rows = pd.DataFrame({"name": ["priced, held 2", "learned full, held/3/2"]})

    assert [["priced, held", 2.0, 0], ["learned, full, held", 2.0, 3]] == named(rows)[
        ["policy", "setting", "seed"]
    ].to_numpy().tolist()


def test_a_frontier_is_a_ratio_of_sums_and_a_mean_of_delays():
    found = frontiers(named(JUDGED))

    assert 10.0 == pytest.approx(found.loc[("priced", 0.1), "saved"])
    assert 100 * (1 - 257 / 300) == pytest.approx(found.loc[("learned, full", 4.0), "saved"])
    assert 4.0 == found.loc[("learned, full", 4.0), "delay_h"]
    assert 8.0 == found.loc[("learned, full", 4.0), "p95_h"]


def test_a_rule_is_laid_at_the_delay_of_the_policy():
    pair = matched(named(JUDGED), "learned, full", 4.0, "priced")
    rule = pair[pair["policy"] == "priced"].set_index("week")

    assert [85.0, 170.0] == pytest.approx(rule["jobs"].tolist())  # half of both settings
    assert pair.groupby("policy")["delay_h"].mean().tolist() == pytest.approx([4.0, 4.0])
    assert rule["reached"].all()


def test_a_rule_without_a_setting_that_delays_as_much_stands_with_its_last_one():
    slow = JUDGED.assign(delay_h=JUDGED["delay_h"].where(~JUDGED["name"].str.startswith("l"), 9.0))
    pair = matched(named(slow), "learned, full", 4.0, "priced")
    rule = pair[pair["policy"] == "priced"]

    assert [80.0, 160.0] == rule["jobs"].tolist()
    assert not rule["reached"].any()


def test_the_gap_that_is_closed_is_against_the_bound_at_the_same_delay():
    # Without a price 210 at least; at 10 an hour of mean delay 260: at 4 h of two weeks 180.
    bound = pd.DataFrame(
        [
            {"zone": "DE", "week": week, "price_kwh": price, "least": least / 2}
            for week in ("2020-01-04", "2020-02-01")
            for price, least in ((0.0, 210.0), (10.0, 260.0))
        ]
    )

    assert 210.0 == least_kwh(bound, pd.Series({"DE": 4.0}))["DE"]
    assert 240.0 == least_kwh(bound, pd.Series({"DE": 1.0}))["DE"]
    assert 100 * 43 / 90 == pytest.approx(closed(named(JUDGED), bound, "learned, full", 4.0))


def weeks(saved):
    """Eight weeks in two grids, in which what was learned saves so much more than the rule."""
    rng, rows = np.random.default_rng(1), []
    for zone, week in [(zone, f"2020-01-{day:02}") for zone in ("DE", "FR") for day in range(1, 9)]:
        base = 100 + 20 * rng.random()
        for name, share, delay in (
            ("EASY", 0.0, 0.0), ("priced 0.1", 0.05, 2.0), ("learned full/1/2", 0.05 + saved, 2.0),
        ):  # fmt: skip
            jobs = base * (1 - share + 0.002 * rng.standard_normal())
            rows.append({"name": name, "zone": zone, "week": week, "jobs": jobs}
                        | {"delay_h": delay, "p95_h": delay, "work_delay_h": delay})  # fmt: skip
    return named(pd.DataFrame(rows))


@pytest.mark.parametrize(("saved", "below"), [(0.02, True), (0.0, False)])
def test_what_saves_more_at_the_same_delay_is_found_and_what_does_not_is_not(saved, below):
    found = compared(weeks(saved), "learned, full", [2.0], ["priced"], each_zone=True)

    assert ["DE", "FR"] == found["zone"].tolist()
    assert [below] * 2 == ((found["percent_high"] < 0) & (found["p_holm"] < 0.05)).tolist()
    assert (found["p_holm"] >= found["p"]).all()


def test_the_roof_is_what_the_bound_leaves_at_each_delay():
    bound = pd.DataFrame(
        [
            {"zone": "DE", "week": week, "price_kwh": price, "least": least / 2}
            for week in ("2020-01-04", "2020-02-01")
            for price, least in ((0.0, 210.0), (10.0, 260.0))
        ]
    )

    assert [20.0, 30.0] == pytest.approx(roof(named(JUDGED), bound, [1.0, 4.0]).tolist())
