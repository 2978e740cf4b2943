"""Plans: valid by construction, known by what they say, read and written without loss."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from operate_problems import ZERO_S, curve, job, plan

import helpers.operate.plans as plans
from helpers.operate.plans import make_plan, priced, read_plan, write_plan
from helpers.operate.rules import Partition, Resources, Rules
from helpers.operate.whatif import what_if
from helpers.phases.model import Phase, PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule.intervals import charge
from helpers.stats import frontier

SCHEMA = json.loads((Path(plans.__file__).parent / "schema.json").read_text(encoding="utf-8"))


def test_a_plan_pauses_over_the_dirty_hours():
    made = plan()

    assert 1 == made.schedule.resumes
    assert made.expected.emissions_g.expected < made.expected.at_once_g


def test_a_plan_survives_its_file(tmp_path):
    made = plan()
    write_plan(made, tmp_path / "plan.json")

    again = read_plan(tmp_path / "plan.json")

    assert (made.id, made.to_json()) == (again.id, again.to_json())


def test_a_plan_keeps_to_its_schema():
    jsonschema.validate(json.loads(plan().to_json()), SCHEMA)
    jsonschema.validate(json.loads(plan(resources=None).to_json()), SCHEMA)


def test_the_schema_refuses_what_is_no_plan():
    tree = json.loads(plan().to_json()) | {"extra": 1}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, SCHEMA)


def test_a_plan_changed_by_hand_is_refused(tmp_path):
    text = plan().to_json().replace('"wall_s": 21600.0', '"wall_s": 99999.0')
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(ValueError, match="changed by hand"):
        read_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"format": "clean-hours-plan/2"}',
        "!!python/object/apply:os.system ['touch /tmp/hacked']",
        "&a [*a]",
        '{"runs": ' + "[" * 500 + "]" * 500 + "}",
        "\x00\x01",
    ],
)
def test_a_hostile_plan_file_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(ValueError, match=r"plan\.json"):
        read_plan(tmp_path / "plan.json")


def test_two_plans_that_say_the_same_have_one_id_and_others_have_others():
    assert plan().id == plan().id
    assert plan().id != plan(margin_s=61.0).id


@given(
    stretch=st.floats(1.0, 2.0),
    margin_s=st.floats(0.0, 3600.0),
    values=st.lists(st.integers(0, 900), min_size=16, max_size=16),
)
def test_whatever_the_curve_a_job_that_takes_as_long_as_feared_meets_its_deadline(
    stretch, margin_s, values
):
    deadline_s = ZERO_S + 16 * 3600.0
    made = make_plan(
        job(),
        curve(values),
        ZERO_S,
        deadline_s,
        suspension=Suspension(keep="checkpoints"),
        stretch=stretch,
        margin_s=margin_s,
    )
    left_s = [made.job.attempt(float(kept)).duration_s for kept in made.schedule.work_from_s]

    ends_s = made.schedule.start_s + stretch * np.array(left_s)

    assert (
        made.schedule.start_s <= [made.last_moment_s(k) for k in made.schedule.work_from_s]
    ).all()
    assert (ends_s <= deadline_s - margin_s + 1e-3).all()


def test_what_does_not_fit_is_told_with_the_deadline_that_would():
    with pytest.raises(ValueError, match="move the deadline to"):
        make_plan(job(), curve(), ZERO_S, ZERO_S + 4 * 3600.0, stretch=1.2)


def test_a_plan_is_refused_when_the_centre_would_refuse_it():
    rules = Rules((Partition("short", 1, 8, longest_s=1800.0, default=True),))

    with pytest.raises(ValueError, match=r"the centre refuses.*wall_s"):
        plan(rules=rules)


def shorter(cores):
    return PhaseModel("job", (), (Phase("run", 8 * 3600.0 / cores, 100.0 + 60.0 * cores),))


def test_what_if_keeps_the_valid_and_says_which_are_fastest_cheapest_and_cleanest():
    rules = Rules((Partition("p", 2, 4, price_per_core_h=0.1, default=True),))
    configurations = [
        (shorter(cores), Resources(wall_s=9 * 3600.0, cores=cores)) for cores in (1, 2, 4, 8)
    ]

    found = what_if(configurations, rules, curve(), ZERO_S, ZERO_S + 12 * 3600.0)
    best, table = found.best(), found.to_frame()

    assert [8] == [request.cores for request, _ in found.refused]
    assert best["cleanest"].id == table["plan"][0]
    assert best["fastest"].schedule.stop_s[-1] == min(p.schedule.stop_s[-1] for p in found.plans)
    assert {plan.id for plan in best.values()} <= set(table.loc[table["frontier"], "plan"])


def test_what_is_dominated_is_not_on_the_frontier():
    values = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0], [0.0, 9.0, 9.0], [1.0, 2.0, 3.0]])

    assert [True, False, True, True] == frontier(values).tolist()


def test_resources_stay_in_the_plan():
    made = plan()

    assert made.resources == replace(made.resources)
    assert 2 == json.loads(made.to_json())["resources"]["cores"]


def test_prices_of_core_hours_and_of_energy_add_up():
    made = plan(resources=Resources(wall_s=6 * 3600.0, cores=2))
    hours = made.schedule.running_s / 3600.0
    kwh = charge(made.schedule, made.job, curve(), made.suspension).energy_j / 3.6e6

    assert 0.5 * 2 * hours == pytest.approx(priced(made, per_core_h=0.5).expected.cost)
    assert 0.3 * kwh == pytest.approx(priced(made, per_kwh=0.3).expected.cost)
    assert 0.5 * 2 * hours + 0.3 * kwh == pytest.approx(
        priced(made, per_core_h=0.5, per_kwh=0.3).expected.cost
    )
    assert made is priced(made)


def test_a_price_of_the_rules_stands_and_others_take_what_is_given():
    rules = Rules((Partition("a", 1, 8, price_per_core_h=0.1), Partition("b", 1, 8)))

    found = rules.with_price(0.5)

    assert [0.1, 0.5] == [place.price_per_core_h for place in found.partitions]


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(ValueError, match="price"):
        priced(plan(), per_kwh=price)
    with pytest.raises(ValueError, match="price"):
        Rules((Partition("a", 1, 8),)).with_price(price)
