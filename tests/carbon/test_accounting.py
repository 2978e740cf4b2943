"""Accounts: the sum of rows that anyone can check, and choices that nobody can overlook."""

import csv
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.carbon import Intensity
from helpers.carbon.accounting import (
    COLUMNS,
    SCOPES,
    SECONDS_PER_YEAR,
    Account,
    Device,
    Node,
    Power,
    Pue,
    Score,
    account,
    combine,
    embodied,
    payback_s,
    saved_g,
    share_idle,
)
from helpers.phases.model import generic_ml
from helpers.schedule import best_start
from helpers.schedule.intervals import charge, segments
from helpers.timeline import StepFunction, epoch_seconds

START = pd.Timestamp("2020-07-01", tz="UTC")
START_S = float(epoch_seconds(START))
HOUR = 3600.0
CHOICES = [
    (by, rest)
    for by in ("time", "core", "reserved", "marginal")
    for rest in ("node", "jobs")
    if (by, rest) != ("marginal", "jobs")
]


def hourly(values, start=START, kind="average", zone="DE"):
    hours = pd.date_range(start, periods=len(values), freq="h")
    return Intensity.from_series(
        pd.Series(np.asarray(values, dtype=float), hours),
        kind=kind,
        zone=zone,
        source="generated",
        step="1h",
    )


def use(start_h=0.0, stop_h=1.0, power_w=1000.0, **more):
    start_s, stop_s = START_S + HOUR * np.array([start_h, stop_h])
    return pd.DataFrame([{"start": start_s, "stop": stop_s, "power_w": power_w, **more}])


@st.composite
def steps(draw, low, high, total_s=200_000):
    """Irregular steps of whole seconds over `total_s` seconds: edges [s] and values."""
    cuts = draw(st.sets(st.integers(1, total_s - 1), max_size=12))
    edges_s = START_S + np.array([0, *sorted(cuts), total_s], dtype=float)
    values = draw(
        st.lists(st.floats(low, high), min_size=edges_s.size - 1, max_size=edges_s.size - 1)
    )
    return edges_s, np.array(values)


def intensities(kind="average"):
    low = 0 if kind == "average" else -300
    return steps(low, 1000).map(lambda pieces: Intensity(*pieces, kind, "DE", "generated"))


@st.composite
def job_tables(draw, cores=16):
    """Up to six jobs within 200,000 s that never reserve more than all cores."""
    rows = []
    for number in range(draw(st.integers(1, 6))):
        start, stop = sorted(
            draw(st.lists(st.integers(0, 200_000), min_size=2, max_size=2, unique=True))
        )
        rows.append(
            {
                "job": f"job {number}",
                "start": START_S + start,
                "stop": START_S + stop,
                "power_w": draw(st.floats(0, 400)),
                "cores": draw(st.integers(1, cores // 6)),
            }
        )
    return pd.DataFrame(rows)


def integral(power, intensity, pue):
    """The integral of power, intensity and PUE in exact fractions [g]: an outside judge."""
    drawn = power.curve
    left = drawn.values if isinstance(drawn, StepFunction) else drawn.samples[:-1]
    right = left if isinstance(drawn, StepFunction) else drawn.samples[1:]
    edges = sorted({Fraction(e) for curve in (drawn, intensity, pue) for e in curve.edges_s})
    total = Fraction(0)
    for low, high in pairwise(edges):
        middle = (low + high) / 2
        i, j, k = (
            int(np.searchsorted(curve.edges_s, float(middle), side="right")) - 1
            for curve in (drawn, intensity, pue)
        )
        if not 0 <= i < left.size:
            continue
        first, last = Fraction(drawn.edges_s[i]), Fraction(drawn.edges_s[i + 1])
        begin, end = Fraction(left[i]), Fraction(right[i])
        watts = begin + (end - begin) * (middle - first) / (last - first)
        grams = Fraction(intensity.intensity_g_per_kwh[j]) * Fraction(pue.values[k])
        total += watts * (high - low) * grams
    return float(total / 3_600_000)


# From joule to gram


def test_one_kilowatt_for_an_hour_is_a_kilowatt_hour_and_its_grams():
    made = account(use(), hourly([300.0]), pue=1.5)

    assert made.energy_kwh == 1.0
    assert made.facility_kwh == 1.5
    assert made.emissions_g == 450.0


def test_power_steps_that_straddle_hours_are_charged_by_hand_computed_pieces():
    power = Power.steps(START_S + HOUR * np.array([0.25, 1.5, 2.0]), [400.0, 1000.0])

    made = account(power, hourly([100.0, 200.0, 300.0]))

    by_hand_g = 0.4 * (0.75 * 100 + 0.5 * 200) + 1.0 * 0.5 * 200
    assert made.emissions_g == pytest.approx(by_hand_g, rel=1e-14)
    assert len(made.rows) == 2  # one a step of intensity, not one a step of power


def test_samples_are_joined_by_straight_lines():
    power = Power.samples(START_S + HOUR * np.array([0.0, 1.0, 2.0]), [0.0, 100.0, 100.0])

    made = account(power, hourly([100.0, 1000.0]))

    assert power.energy_kwh == pytest.approx(0.15, rel=1e-14)
    assert made.emissions_g == pytest.approx(0.05 * 100 + 0.1 * 1000, rel=1e-14)


@settings(max_examples=60)
@given(st.data(), st.booleans())
def test_any_time_steps_of_power_intensity_and_pue_give_the_exact_integral(data, linear):
    edges_s, watts = data.draw(steps(0, 500))
    power = Power.steps(edges_s, watts)
    if linear:
        power = Power.samples(edges_s, [watts[0], *watts], longest="10D")
    intensity = data.draw(intensities("marginal"))
    pue = Pue(*data.draw(steps(1, 2)))

    made = account(power, intensity, pue=pue)

    assert made.emissions_g == pytest.approx(integral(power, intensity, pue), rel=1e-9, abs=1e-9)
    assert made.energy_kwh == pytest.approx(power.energy_kwh, rel=1e-9, abs=1e-12)


@settings(max_examples=40)
@given(st.data())
def test_accounts_of_two_parts_of_a_time_add_up_to_the_account_of_the_whole(data):
    intensity = data.draw(intensities("marginal"))
    cut_h = data.draw(st.floats(0.01, 54.9))
    whole = account(use(0, 55), intensity, pue=1.3)

    parts = combine(
        account(use(0, cut_h), intensity, pue=1.3), account(use(cut_h, 55), intensity, pue=1.3)
    )

    assert parts.energy_kwh == pytest.approx(whole.energy_kwh, rel=1e-9)
    assert parts.emissions_g == pytest.approx(whole.emissions_g, rel=1e-9, abs=1e-6)


@settings(max_examples=40)
@given(st.data(), st.floats(0, 10))
def test_emissions_are_linear_in_power(data, factor):
    intensity, jobs = data.draw(intensities()), data.draw(job_tables())
    scaled = jobs.assign(power_w=jobs["power_w"] * factor)

    assert account(scaled, intensity).emissions_g == pytest.approx(
        factor * account(jobs, intensity).emissions_g, rel=1e-9, abs=1e-9
    )


@settings(max_examples=40)
@given(st.data(), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_the_zone_in_which_times_are_given_changes_nothing(data, zone):
    intensity, jobs = data.draw(intensities()), data.draw(job_tables())
    local = jobs.copy()
    for column in ("start", "stop"):
        local[column] = pd.to_datetime(jobs[column], unit="s", utc=True).dt.tz_convert(zone)

    assert account(jobs, intensity).emissions_g == account(local, intensity).emissions_g


@pytest.mark.parametrize(
    ("day", "hours"), [("2020-03-29", 23), ("2020-10-25", 25), ("2020-07-01", 24)]
)
def test_a_calendar_day_in_berlin_has_the_hours_that_it_really_has(day, hours):
    start = pd.Timestamp(day, tz="Europe/Berlin")
    days = pd.DataFrame(
        {"start": [start], "stop": [start + pd.DateOffset(days=1)], "power_w": 1000.0}
    )
    year = hourly(np.arange(8784.0), pd.Timestamp("2020-01-01", tz="UTC"))

    made = account(days, year)

    first = int((start - year.start) / pd.Timedelta("1h"))
    assert made.energy_kwh == hours
    assert made.emissions_g == pytest.approx(sum(range(first, first + hours)), rel=1e-14)


def test_the_hour_that_occurs_twice_in_autumn_is_two_hours_of_the_account():
    times = pd.to_datetime(["2020-10-25T02:30+02:00", "2020-10-25T02:30+01:00"], utc=True)
    twice = pd.DataFrame({"start": times[:1], "stop": times[1:], "power_w": 1000.0})

    made = account(
        twice.assign(start=twice["start"].dt.tz_convert("Europe/Berlin")),
        hourly([100, 200, 300], pd.Timestamp("2020-10-25", tz="UTC")),
    )

    assert made.energy_kwh == 1.0
    assert made.emissions_g == 150.0


def test_a_mapping_of_curves_is_charged_curve_by_curve():
    curves = {
        "a": Power.steps(START_S + HOUR * np.array([0, 3]), [100.0]),
        "b": Power.steps(START_S + HOUR * np.array([1, 2]), [1000.0]),
    }

    made = account(curves, hourly([10.0, 20.0, 30.0]))

    assert made.by("job")["emissions_g"].to_dict() == pytest.approx({"a": 6.0, "b": 20.0})


def test_no_uses_emit_nothing():
    assert account(use().iloc[:0], hourly([100.0])).emissions_g == 0.0
    assert account({}, hourly([100.0])).emissions_g == 0.0


# The audit


@settings(max_examples=40)
@given(st.data())
def test_totals_are_the_rows_summed_to_the_last_bit(data):
    intensity, jobs = data.draw(intensities()), data.draw(job_tables())

    made = account(jobs, intensity, pue=1.37)

    rows = made.audit()
    assert made.emissions_g == math.fsum(rows["emissions_g"])
    assert made.energy_kwh == math.fsum(rows["energy_kwh"])
    assert [*COLUMNS] == [*rows]


def test_every_row_of_the_written_file_can_be_recomputed_by_hand(tmp_path):
    made = combine(
        account(use(0.1, 2.7, job="a"), hourly([123.4, 56.7, 89.1]), pue=1.23),
        embodied(use(0.1, 2.7, job="a"), Device("server", 1e6, 4 * SECONDS_PER_YEAR)),
    )

    made.write_csv(tmp_path / "audit.csv")

    with open(tmp_path / "audit.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    grams = []
    for row in rows:
        value = {
            k: float(v)
            for k, v in row.items()
            if k.endswith(("_s", "_w", "_g", "_kwh", "share", "pue")) and v
        }
        if row["device_g"]:
            parts = value["duration_s"] / value["written_off_s"]
            grams.append(value["device_g"] * parts * value["share"])
        else:
            energy_kwh = value["power_w"] * value["duration_s"] / 3.6e6 * value["share"]
            grams.append(energy_kwh * value["pue"] * value["intensity_g_per_kwh"])
        assert grams[-1] == value["emissions_g"]
    assert made.emissions_g == math.fsum(grams)
    assert len(rows) == 4


def test_a_row_that_was_changed_is_found_by_the_audit():
    made = account(use(0, 2), hourly([100.0, 200.0]))
    made.rows.loc[1, "emissions_g"] = 150.0

    with pytest.raises(ValueError, match=r"row 1, column 'emissions_g': 150.0 is not 200.0"):
        made.audit()


def test_nothing_is_written_when_the_audit_fails(tmp_path):
    made = account(use(), hourly([100.0]))
    made.rows.loc[0, "energy_kwh"] = 7.0

    with pytest.raises(ValueError, match="energy_kwh"):
        made.write_csv(tmp_path / "audit.csv")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("columns", [("job",), ("pue",), ("job", "pue"), ("zone", "pue")])
def test_what_has_no_key_is_a_sum_of_its_own_so_that_all_sums_add_up_to_the_whole(columns):
    uses = use()
    made = combine(account(uses, hourly([100.0]), pue=1.5), embodied(uses, Device("srv", 1e6, 1e6)))

    assert made.emissions_g == pytest.approx(made.by(*columns)["emissions_g"].sum())


def test_sums_by_job_are_those_of_its_rows():
    jobs = pd.concat([use(0, 2, job="b"), use(0, 1, 500.0, job="a"), use(2, 3, job="b")])

    table = account(jobs, hourly([100.0, 200.0, 300.0])).by("job")

    assert {"b": 600.0, "a": 50.0} == table["emissions_g"].to_dict()
    assert ["b", "a"] == list(table.index)


# Idle power


@pytest.mark.parametrize(
    ("by", "a_kwh", "b_kwh"),
    [("time", 1.5, 0.5), ("core", 1.4, 0.6), ("reserved", 0.5, 0.375), ("marginal", 0.0, 0.0)],
)
def test_choices_of_sharing_give_the_hand_computed_energies(by, a_kwh, b_kwh):
    # idle 1 kW for 4 h, 8 cores; a: 2 cores, hours 0-2, 500 W; b: 3 cores, hours 1-2, 500 W
    jobs = pd.concat([use(0, 2, 500.0, job="a", cores=2), use(1, 2, 500.0, job="b", cores=3)])
    node = Node("n1", 1000.0, START, START + pd.Timedelta("4h"), cores=8)

    made = account(share_idle(jobs, node, by=by), hourly([100.0] * 4)).by("job")["energy_kwh"]

    left_kwh = 4.0 - a_kwh - b_kwh
    assert {"a": 1.0 + a_kwh, "b": 0.5 + b_kwh, "n1": left_kwh} == pytest.approx(made.to_dict())


@pytest.mark.parametrize(
    ("by", "a_kwh", "b_kwh"),
    [("time", 1.5 + 2 * 2 / 3, 0.5 + 2 / 3), ("core", 1.4 + 2 * 4 / 7, 0.6 + 2 * 3 / 7)],
)
def test_what_an_empty_node_draws_may_be_charged_to_its_jobs(by, a_kwh, b_kwh):
    jobs = pd.concat([use(0, 2, 500.0, job="a", cores=2), use(1, 2, 500.0, job="b", cores=3)])
    node = Node("n1", 1000.0, START, START + pd.Timedelta("4h"), cores=8)

    shared = share_idle(jobs, node, by=by, rest="jobs")

    made = account(shared, hourly([100.0] * 4)).by("job")["energy_kwh"]
    assert {"a": 1.0 + a_kwh, "b": 0.5 + b_kwh} == pytest.approx(made.to_dict())


@pytest.mark.parametrize(("by", "rest"), CHOICES)
@settings(max_examples=20)
@given(st.data())
def test_shares_sum_to_the_nodes_total(by, rest, data):
    intensity, jobs = data.draw(intensities()), data.draw(job_tables())
    node = Node("node", data.draw(st.floats(0, 200)), START_S, START_S + 200_000, cores=16)
    idle = pd.DataFrame([{"start": START_S, "stop": START_S + 200_000, "power_w": node.idle_w}])
    whole = combine(account(idle, intensity, pue=1.2), account(jobs, intensity, pue=1.2))

    shared = account(share_idle(jobs, node, by=by, rest=rest), intensity, pue=1.2)

    assert shared.energy_kwh == pytest.approx(whole.energy_kwh, rel=1e-9, abs=1e-12)
    assert shared.emissions_g == pytest.approx(whole.emissions_g, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("by", "rest"), CHOICES)
@settings(max_examples=20)
@given(st.data())
def test_in_every_instant_the_shares_of_idle_power_sum_to_one(by, rest, data):
    jobs = data.draw(job_tables())
    node = Node("node", 100.0, START_S, START_S + 200_000, cores=16)

    shares = share_idle(jobs, node, by=by, rest=rest)

    idle = shares[shares["item"].str.startswith("idle")]
    begin, end = epoch_seconds(idle["start"]), epoch_seconds(idle["stop"])
    for instant in START_S + np.array([0.5, 77_777.5, 150_000.5, 199_999.5]):
        assert idle["share"][(begin <= instant) & (instant < end)].sum() == pytest.approx(
            1, rel=1e-9
        )


def test_the_choice_of_sharing_stands_in_every_row():
    node = Node("n1", 50.0, START, START + pd.Timedelta("2h"), cores=4)
    jobs = use(0, 1, 100.0, job="a", cores=1)

    items = {by: set(share_idle(jobs, node, by=by)["item"]) for by, rest in CHOICES}

    assert items["core"] == {
        "power above idle",
        "idle power of n1, shared by core",
        "idle power of n1, not shared",
    }
    assert len({frozenset(names) for names in items.values()}) == 4


def test_more_cores_than_the_node_has_are_refused_with_the_instant():
    node = Node("n1", 50.0, START, START + pd.Timedelta("2h"), cores=4)
    jobs = pd.concat([use(0, 2, job="a", cores=3), use(1, 2, job="b", cores=2)])

    with pytest.raises(ValueError, match=r"'cores'.*reserve 5 cores at 2020-07-01T01:00.*4 of n1"):
        share_idle(jobs, node, by="core")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"job": "n1"}, "'job' holds the node's name"),
        ({"cores": 0}, "row 0, column 'cores'"),
        ({"stop": START_S + 9 * HOUR}, "row 0, column 'stop'.*time of node n1"),
        ({"power_w": -1.0}, "row 0, column 'power_w'"),
    ],
)
def test_bad_jobs_of_a_node_are_refused(change, message):
    node = Node("n1", 50.0, START, START + pd.Timedelta("2h"), cores=4)
    jobs = use(0, 1, job="a", cores=1).assign(**change)

    with pytest.raises(ValueError, match=message):
        share_idle(jobs, node, by="core")


def test_sharing_among_nobody_is_refused():
    node = Node("n1", 50.0, START, START + pd.Timedelta("2h"))

    with pytest.raises(ValueError, match="rest='jobs' needs jobs"):
        share_idle(use(job="a"), node, by="marginal", rest="jobs")


# Embodied emissions and the score


def test_the_example_of_the_sci_specification_gives_its_28_grams():
    # 1000 kg, expected lifespan of four years, reserved for one hour: "around 28 g"
    server = Device("server", 1e6, 4 * SECONDS_PER_YEAR)

    assert server.embodied_share_g(3600.0) == pytest.approx(1e6 / (4 * 365 * 24), rel=1e-14)
    assert int(server.embodied_share_g(3600.0)) == 28


def test_the_test_vector_of_the_impact_framework_is_met():
    # Green-Software-Foundation/if, sci-embodied.test.ts: 200 g, 30 days of 4 years
    device = Device("device", 200.0, 4 * SECONDS_PER_YEAR)

    assert device.embodied_share_g(30 * 86_400.0) == pytest.approx(4.10958904109589, rel=1e-14)


@pytest.mark.parametrize(
    ("energy_kwh", "device_kg", "published_g"),
    [(0.0656, 1205.52, 66.6906), (0.048, 1433.12, 50.76)],
)
def test_the_published_eshoppen_case_study_gives_its_scores(energy_kwh, device_kg, published_g):
    # Green-Software-Foundation/sci, case-studies/eshoppen.md: app server and database server,
    # 2 of 16 vCPUs for an hour of 35,040; it prints M as 4.305 g where its numbers give 4.3005.
    server = Device("server", 1000 * device_kg, 35_040 * HOUR, resources=16)
    made_g = float(server.embodied_share_g(HOUR, 2))

    score = Score(energy_kwh, 951.0, made_g, 1, "500 users for an hour", "marginal")

    assert score.score_g == pytest.approx(published_g, abs=0.005)


def test_the_account_of_a_reserved_server_gives_the_same_score_as_the_formula():
    uses = use(0, 1, 65.6, job="app", cores=2)
    server = Device("server", 1205.52e3, 35_040 * HOUR, resources=16)

    score = combine(account(uses, hourly([951.0])), embodied(uses, server)).sci(1, "hour")

    assert score.score_g == pytest.approx(0.0656 * 951 + 1205.52e3 / 35_040 * 2 / 16, rel=1e-12)
    assert score.energy_kwh == pytest.approx(0.0656)
    assert score.intensity_g_per_kwh == pytest.approx(951.0)


def test_a_score_is_per_functional_unit():
    score = Score(10.0, 300.0, 1000.0, 8, "training run")

    assert score.score_g == 500.0


def test_scores_of_components_add_for_the_same_functional_unit():
    one, other = Score(1.0, 100.0, 10.0, 2, "run"), Score(3.0, 300.0, 20.0, 2, "run")

    assert (one + other).score_g == one.score_g + other.score_g


def test_scores_for_different_functional_units_cannot_be_added():
    with pytest.raises(ValueError, match="same functional units"):
        Score(1.0, 100.0, 10.0, 2, "run") + Score(1.0, 100.0, 10.0, 2, "user")


def test_a_whole_life_of_reservations_bears_the_whole_device():
    device = Device("server", 1e6, 10 * HOUR, resources=4)
    uses = pd.concat(
        [use(0, 5, job="a", cores=4), use(5, 10, job="b", cores=1), use(5, 10, job="c", cores=3)]
    )

    made = embodied(uses, device)

    assert made.emissions_g == pytest.approx(1e6, rel=1e-14)
    assert made.energy_kwh == 0.0


def test_jobs_of_a_half_used_device_bear_the_idle_half_if_told_so():
    device = Device("server", 1e6, 10 * HOUR, utilization=0.5)

    assert embodied(use(0, 5), device).emissions_g == 1e6
    assert device.embodied_share_g(5 * HOUR) == 1e6


def test_reserving_more_than_the_device_has_is_refused():
    with pytest.raises(ValueError, match=r"row 0, column 'cores': 5.0 must be <= 4"):
        embodied(use(cores=5), Device("server", 1e6, 1e8, resources=4))


def test_scopes_are_named_and_those_that_are_empty_are_zero():
    made = combine(
        account(use(), hourly([300.0])), embodied(use(), Device("s", 8760.0, 8760 * HOUR))
    )

    table = made.scopes()["emissions_g"]

    assert list(SCOPES) == list(table.index)
    assert [0.0, 300.0, 1.0, 0.0] == list(table)


def test_marginal_emissions_stand_in_no_scope_of_an_inventory():
    table = account(use(), hourly([300.0], kind="marginal")).scopes()["emissions_g"]

    assert table["consequential, no scope"] == 300.0
    assert table["scope 2, location-based"] == 0.0


@pytest.mark.parametrize("together", [combine, saved_g])
def test_average_and_marginal_are_never_mixed(together):
    average = account(use(), hourly([300.0]))
    marginal = account(use(), hourly([300.0], kind="marginal"))

    with pytest.raises(TypeError, match=r"must not mix average and marginal.*one kind"):
        together(average, marginal)


def test_scores_of_different_kinds_are_never_added():
    with pytest.raises(TypeError, match="must not mix"):
        Score(1.0, 1.0, 0.0, 1, "run", "average") + Score(1.0, 1.0, 0.0, 1, "run", "marginal")


def test_embodied_emissions_combine_with_either_kind():
    made = embodied(use(), Device("s", 8760.0, 8760 * HOUR))

    kinds = [
        combine(made, account(use(), hourly([1.0], kind=k))).kind for k in ("average", "marginal")
    ]

    assert ["average", "marginal"] == kinds


def test_a_saving_is_that_of_the_whole_job_and_not_of_its_last_hour():
    curve = hourly([400.0, 300.0, 100.0, 90.0])

    assert saved_g(account(use(0, 2), curve), account(use(2, 4), curve)) == 510.0


def test_a_saving_from_one_set_of_factors_to_another_is_refused():
    curve = hourly([400.0])
    other = Intensity(curve.edges_s, [300.0], "average", "DE", "another set")

    with pytest.raises(ValueError, match=r"must not compare 'generated' with 'another set'"):
        saved_g(account(use(), curve), account(use(), other))


def test_a_move_to_another_zone_saves_what_the_zones_differ():
    abroad = hourly([100.0], zone="FR")

    assert saved_g(account(use(), hourly([400.0])), account(use(), abroad)) == 300.0


def test_the_segments_of_a_schedule_are_uses():
    job = generic_ml(epochs=3)
    curve = hourly([400.0, 300.0, 100.0])
    plan = best_start(job, curve, START, START + pd.Timedelta("3h"))

    made = account(segments(plan, job).to_frame("Europe/Berlin"), curve, job="train")

    assert made.emissions_g == pytest.approx(charge(plan, job, curve).emissions_g, rel=1e-12)
    assert set(made.rows["job"]) == {"train"}


def test_a_new_device_pays_back_in_the_hand_computed_time():
    # 100 W less at 250 g/kWh and PUE 1.2 saves 30 g an hour
    assert payback_s(30e3, 100.0, 250.0, pue=1.2) == pytest.approx(1000 * HOUR, rel=1e-12)
    assert math.inf == payback_s(30e3, -5.0, 250.0)


# Bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"power_w": [5.0, -5.0]}, "row 1, column 'power_w': -5.0 W must be"),
        ({"power_w": [5.0, np.nan]}, "row 1, column 'power_w': nan W must be"),
        ({"power_w": [5.0, "much"]}, "row 1, column 'power_w': much W must be"),
        ({"share": [1.0, 1.5]}, "row 1, column 'share': 1.5 must be <= 1"),
        ({"share": [1.0, -0.5]}, "row 1, column 'share'"),
        ({"job": ["a", None]}, "row 1, column 'job'"),
        ({"stop": [START_S + HOUR, START_S]}, "row 1, column 'stop'.*after start"),
        (
            {"start": [START_S, START_S - HOUR]},
            "row 1, column 'start': 2020-06-30T23:00.*missing hours",
        ),
        (
            {"stop": [START_S + HOUR, START_S + 3 * HOUR]},
            "row 1, column 'stop'.*covers.*missing hours",
        ),
        ({"power_kw": [1.0, 1.0]}, "column 'power_kw': power is taken in watts"),
        (
            {"start": pd.to_datetime(["2020-07-01", "2020-07-01"])},
            "row 0, column 'start'.*no time zone",
        ),
        ({"start": [START, START.tz_localize(None)]}, "row 1, column 'start'.*no time zone"),
        ({"start": [START, pd.NaT]}, "row 1, column 'start'.*missing"),
    ],
)
def test_bad_uses_are_refused_by_row_and_column(change, message):
    uses = pd.DataFrame(
        {"start": [START_S, START_S], "stop": [START_S + HOUR] * 2, "power_w": [1.0, 1.0]}
    ).assign(**change)

    with pytest.raises(ValueError, match=message):
        account(uses, hourly([100.0, 100.0]))


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="no column 'power_w', only start, stop"):
        account(use().drop(columns="power_w"), hourly([100.0]))


@pytest.mark.parametrize("pue", [0.9, math.nan, math.inf])
def test_a_pue_that_cannot_be_is_refused(pue):
    with pytest.raises(ValueError, match=r"column 'pue'.*>= 1.*not its inverse"):
        account(use(), hourly([100.0]), pue=pue)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], hourly([1.0])), "uses of type list"),
        ((use(), hourly([1.0])), "pue of type Series"),
    ],
)
def test_what_is_neither_a_use_nor_a_pue_is_refused(arguments, message):
    with pytest.raises(TypeError, match=message):
        account(*arguments, pue=pd.Series([1.2]))


def test_a_pue_below_one_is_refused_by_row():
    with pytest.raises(ValueError, match=r"PUE, row 1, column 'ratio': 0.99 must be"):
        Pue(START_S + np.array([0.0, 1.0, 2.0]), [1.2, 0.99])


def test_missing_hours_of_pue_are_refused():
    pue = Pue([START, START + pd.Timedelta("1h")], [1.2])

    with pytest.raises(ValueError, match=r"row 0, column 'stop'.*the PUE, which covers"):
        account(use(0, 2), hourly([100.0, 100.0]), pue=pue)


def test_missing_hours_of_power_are_refused_unless_allowed():
    hours = START_S + HOUR * np.array([0, 1, 2, 5, 6])

    with pytest.raises(ValueError, match="row 3, column 'time': no sample from 2020-07-01T02:00"):
        Power.samples(hours, [100.0] * 5)

    assert Power.samples(hours, [100.0] * 5, longest="3h").energy_kwh == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("times", "watts", "message"),
    [
        ([0.0, 1.0, 2.0], [1.0, -2.0, 1.0], "row 1, column 'power_w': -2.0 W must be"),
        ([0.0, 2.0, 1.0], [1.0, 2.0, 1.0], "must increase, but entry 2"),
        ([0.0, 1.0], [1.0, 2.0, 1.0], "need 3 times"),
        (pd.date_range("2020-01-01", periods=3, freq="h"), [1.0, 2.0, 1.0], "no time zone"),
    ],
)
def test_bad_samples_are_refused(times, watts, message):
    with pytest.raises(ValueError, match=message):
        Power.samples(times, watts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Device("s", -1.0, 1.0), "embodied_g=-1.0"),
        (lambda: Device("s", 1.0, 0.0), "lifetime_s=0.0"),
        (lambda: Device("s", 1.0, 1.0, resources=0), "resources=0"),
        (lambda: Device("s", 1.0, 1.0, utilization=1.1), "utilization=1.1"),
        (lambda: Node("n", -1.0, START_S, START_S + 1), "idle_w=-1.0"),
        (lambda: Node("n", 1.0, START_S + 1, START_S), "start and stop of the node must increase"),
        (lambda: Node("n", 1.0, START_S, START_S + 1, cores=0), "cores=0"),
        (lambda: Score(1.0, 1.0, 1.0, 0, "run"), "units=0"),
        (lambda: Score(1.0, 1.0, 1.0, 1, " "), "unit must name"),
        (lambda: Score(-1.0, 1.0, 1.0, 1, "run"), "energy_kwh=-1.0"),
        (lambda: Score(1.0, -1.0, 1.0, 1, "run"), "intensity_g_per_kwh=-1.0"),
        (lambda: payback_s(1.0, 1.0, 1.0, pue=0.5), "pue=0.5"),
        (lambda: combine(), "at least one account"),
        (lambda: account(use(), hourly([1.0])).by("user"), "no column 'user'"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_account_says_what_it_holds():
    assert "Account(average, 1 rows, 1 kWh, 300 g)" == repr(account(use(), hourly([300.0])))
    assert isinstance(embodied(use(), Device("s", 1.0, 1e9)), Account)


def test_a_use_longer_than_the_life_of_the_device_is_refused():
    uses = pd.DataFrame({"start": [START], "stop": [START + pd.Timedelta(hours=2)]})
    with pytest.raises(ValueError, match=r"is 7200 s after start, .* lifetime_s=4 s; give that in"):
        embodied(uses, Device("server", embodied_g=1.3e6, lifetime_s=4))


def test_a_series_is_not_taken_for_an_intensity():
    uses = pd.DataFrame({"start": [START], "stop": [START + pd.Timedelta(hours=2)], "power_w": 1.0})
    with pytest.raises(TypeError, match=r"intensity of type Series .* Intensity\.from_series"):
        account(uses, pd.Series([300.0]))
