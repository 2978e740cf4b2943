"""The numbers a chapter claims."""

import json

import pytest

from helpers.publish import MIME_TYPE, Numbers, format_number, siunitx_unit, to_latex


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
