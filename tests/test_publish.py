"""The numbers a chapter claims."""

import json

import pandas as pd
import pytest

from helpers.publish import MIME_TYPE, Numbers, format_number, siunitx_unit, table, to_latex
from helpers.stats import Interval


@pytest.mark.parametrize(
    ("value", "digits", "unit", "text"),
    [
        (51987, 0, "jobs", "51,987\xa0jobs"),
        (303.8149, 1, "g/kWh", "303.8\xa0g/kWh"),
        (0.5, 2, "", "0.50"),
        (-3.44, 2, "", "\N{MINUS SIGN}3.44"),
        (-0.001, 1, "%", "0.0\xa0%"),
    ],
)
def test_a_number_reads_as_people_write_it(value, digits, unit, text):
    assert text == format_number(value, digits, unit)


def test_recording_hands_the_full_value_back_and_stores_the_claimed_digits():
    numbers = Numbers("example")

    assert 303.8149 == numbers.record("mean", 303.8149, unit="g/kWh", digits=1, meaning="mean")
    assert 303.8 == numbers["mean"].value


def test_what_the_cell_shows_holds_every_claim_as_json_and_as_text():
    numbers = Numbers("example")
    numbers.record("a", 1.25, unit="W", digits=2, meaning="power <b>", interval=(1, 2))

    shown = numbers._repr_mimebundle_()

    assert numbers.as_dict() == json.loads(shown[MIME_TYPE])
    assert [1.0, 2.0] == json.loads(shown[MIME_TYPE])["numbers"][0]["interval"]
    assert "1.25 W" in shown["text/plain"]
    assert "power &lt;b&gt;" in shown["text/html"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "Mean"}, "lower-case"),
        ({"name": "taken"}, "already recorded"),
        ({"value": float("nan")}, "finite"),
        ({"meaning": " "}, "needs a meaning"),
        ({"interval": (2, 3)}, "must lie in its interval"),
    ],
)
def test_a_claim_that_breaks_a_rule_is_refused_and_not_stored(arguments, message):
    numbers = Numbers("example")
    numbers.record("taken", 1, unit="", digits=0, meaning="one")
    claim = {"name": "new", "value": 1.0, "unit": "", "digits": 0, "meaning": "x"} | arguments

    with pytest.raises(ValueError, match=message):
        numbers.record(claim.pop("name"), claim.pop("value"), **claim)
    assert ["taken"] == [number.name for number in numbers]


def test_a_table_records_what_single_calls_record():
    one, many = Numbers("example"), Numbers("example")
    one.record("idle", 49.83, "W", 1, "idle power", interval=(49.1, 50.6))
    one.record("runs", 10, "", 0, "runs, of each kind", scope={"weeks": 2})
    many.record_table({"idle [.1f W]: idle power": (49.83, 49.1, 50.6)})
    many.record_table({"runs [.0f]: runs, of each kind": 10}, scope={"weeks": 2})

    assert one.as_dict() == many.as_dict()


def test_a_tables_keys_fill_the_claim():
    numbers = Numbers("example")
    numbers.record_table({"no save": 1.0, "save": 2.0}, "{} [.0f kJ]: energy, {}")
    frame = pd.DataFrame({"mean": [3.0], "sd": [0.5]}, index=["idle"])
    numbers.record_table(frame, "{0}_{1} [.1f W]: {1} of the {0} power")

    found = [(n.name, n.text, n.meaning) for n in numbers]
    assert [
        ("no_save", "1\xa0kJ", "energy, no save"),
        ("save", "2\xa0kJ", "energy, save"),
        ("idle_mean", "3.0\xa0W", "mean of the idle power"),
        ("idle_sd", "0.5\xa0W", "sd of the idle power"),
    ] == found


def test_an_estimate_brings_its_interval_and_coverage():
    numbers = Numbers("example")
    numbers.record_table({"a [.1f W]: power": Interval(1.0, 0.5, 1.5, 0.9)})

    assert ((0.5, 1.5), 0.9) == (numbers["a"].interval, numbers["a"].level)


def test_the_ends_of_an_interval_become_numbers_of_their_own_where_prose_needs_them():
    numbers = Numbers("example")
    numbers.record_table({"a [.1f W]: power": (1.0, 0.5, 1.5)}, ends=True)

    found = [(n.name, n.value, n.meaning) for n in numbers]
    assert [
        ("a", 1.0, "power"),
        ("a_low", 0.5, "lower end of the interval of a"),
        ("a_high", 1.5, "upper end of the interval of a"),
    ] == found


def test_what_a_log_does_not_tell_is_shown_as_not_known_only_where_that_is_allowed():
    numbers = Numbers("example")
    numbers.record_table({"users [.0f users]: distinct users": float("nan")}, unknown=True)

    assert [] == numbers.as_dict()["numbers"]
    assert "not known" in repr(numbers)
    with pytest.raises(ValueError, match="finite"):
        numbers.record_table({"jobs [.0f jobs]: jobs": float("nan")})


def test_a_claim_without_its_digits_is_refused():
    with pytest.raises(ValueError, match=r"name \[\.1f unit\]: meaning"):
        Numbers("example").record_table({"idle: idle power": 49.8})


def test_a_table_has_words_and_units_above_and_numbers_to_the_right():
    frame = pd.DataFrame({"p_w": [1234.56, float("nan")], "name": ["a<b", "c"]}, index=["x", "y"])

    shown = table(frame, {"name": "phase", "p_w": "power [.1f W]"}, index="run", caption="Two runs")

    assert (
        "Two runs\n\nrun  phase  power [W]\nx    a<b      1,234.6\ny    c              \N{EN DASH}"
    ) == repr(shown)
    assert "<caption>Two runs</caption>" in shown._repr_html_()
    assert '<td style="text-align: left">a&lt;b</td>' in shown._repr_html_()


def test_one_pattern_heads_all_columns():
    frame = pd.DataFrame({"save": [1.0], "no save": [2.0]})

    assert ("save [kJ]", "no save [kJ]") == table(frame, "{} [.2f kJ]").head


def test_rows_have_the_heads_they_are_given():
    shown = table([("save", 10.0), ("no save", 9.0)], ["job", "repeats [.0f]"])

    assert "job      repeats\nsave          10\nno save        9" == repr(shown)


def test_a_chapter_is_named_as_its_file():
    with pytest.raises(ValueError, match="lower-case"):
        Numbers("Carbon intensity")


def latex_line(**claim):
    numbers = Numbers("example")
    numbers.record("a", **({"value": 1.0, "unit": "", "digits": 0, "meaning": "one"} | claim))
    return to_latex([numbers.as_dict()]).splitlines()[-2]


@pytest.mark.parametrize(
    ("claim", "fields"),
    [
        (
            {"value": 303.81, "unit": "g/kWh", "digits": 1},
            r"{303.8}{\gram\per\kilowatthour}{}{}{}{}",
        ),
        ({"value": 51987, "unit": "jobs"}, "{51987}{}{jobs}{}{}{}"),
        ({"value": 12, "unit": "start-ups"}, "{12}{}{start-ups}{}{}{}"),
        ({"value": 0.5, "digits": 2}, "{0.50}{}{}{}{}{}"),
        ({"value": -0.001, "unit": "%", "digits": 1}, r"{0.0}{\percent}{}{}{}{}"),
        ({"value": -3, "unit": "h", "interval": (-4, 0)}, r"{-3}{\hour}{}{-4}{0}{95}"),
    ],
)
def test_a_number_for_latex_keeps_its_digits_and_gets_its_unit(claim, fields):
    assert rf"\cleanhours@number{{example.a}}{fields}{{one}}" == latex_line(**claim)


def test_a_meaning_is_written_so_that_latex_reads_it_as_it_is():
    assert latex_line(meaning="5 % of a_b & c").endswith(r"{5 \% of a\_b \& c}")


@pytest.mark.parametrize("unit", ["furlong", "g/furlong", "KWH"])
def test_a_unit_without_a_latex_form_is_refused_and_the_message_says_where_to_add_it(unit):
    with pytest.raises(ValueError, match=r"SIUNITX_UNITS in helpers/publish\.py"):
        siunitx_unit(unit)
    with pytest.raises(ValueError, match=r"example\.a: unit"):
        latex_line(unit=unit)


def test_the_order_in_which_chapters_come_does_not_change_the_file():
    a, b = Numbers("a").as_dict(), Numbers("b").as_dict()

    assert to_latex([a, b]) == to_latex([b, a])
