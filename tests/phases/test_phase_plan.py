"""Plans made out of the events that runs have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.phases.plan import Loop, Span, plan_from_events
from helpers.power.runs import Event, Run

EVENTS = ["load", "train", "save", "train", "save", "end"]


def a_run(names):
    return Run([0.0, 99.0], [1.0, 1.0], 0.0, tuple(Event(1.0 + i, n) for i, n in enumerate(names)))


def test_phases_that_come_again_and_again_are_a_loop():
    plan = plan_from_events(EVENTS, marks="begin", startup=["load"], checkpoints=["save"])

    assert (Span("load", "train"),) == plan.startup
    save = Span("save", ("train", "end"), checkpoint=True)
    assert (Loop("round", 2, (Span("train", "save"), save)),) == plan.work


def test_phases_that_come_again_in_another_order_are_numbered():
    plan = plan_from_events(["a", "b", "b", "a", "end"], marks="begin")

    assert ["a 1", "b 1", "b 2", "a 2"] == [span.name for span in plan.work]


def test_events_that_mark_ends_begin_with_the_recording_unless_told():
    assert 0.0 == plan_from_events(["a", "b"], marks="end").start
    assert 30.0 == plan_from_events(["a", "b"], marks="end", start=30.0).start
    assert "a" == plan_from_events(["a", "b"], marks="end", start="a").start


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=8))
def test_a_plan_expects_the_very_events_that_it_was_made_of(names):
    plan = plan_from_events([*names, "end"], marks="begin")

    expected = [(plan.start,), *plan.ends()]

    assert len(expected) == len(names) + 1
    assert all(name in some for name, some in zip([*names, "end"], expected, strict=True))


def test_names_with_the_marks_of_patterns_are_taken_as_they_are():
    plan = plan_from_events(["step [1]", "step *", "end"], marks="begin")

    assert ("step [[]1]", "step [*]") == (plan.start, plan.work[0].until)


@pytest.mark.parametrize(
    ("events", "more", "message"),
    [
        (EVENTS, {}, "do not say whether they mark a begin or an end: pass marks="),
        (EVENTS, {"marks": "middle"}, "marks='middle' must be 'begin' or 'end'"),
        (EVENTS[:-1], {"marks": "begin"}, "the last event is 'save': events that mark begins must"),
        (EVENTS, {"marks": "begin", "startup": "load"}, r"startup='load' must be a list of phases"),
        (
            EVENTS,
            {"marks": "begin", "startup": ["lod"]},
            "startup names 'lod', but phases are load",
        ),
        (EVENTS, {"marks": "begin", "startup": ["save"]}, "must come in the order start-up, work"),
        (
            EVENTS,
            {"marks": "begin", "start": 3.0},
            "start=3.0 says nothing where events mark begin",
        ),
        (EVENTS, {"marks": "end", "start": "go"}, "start='go' must be the first event, which is"),
        ([], {"marks": "begin"}, "there are no events: phases without events are found by"),
        (
            [a_run(EVENTS), a_run(EVENTS[1:])],
            {"marks": "begin"},
            "run 1 has 'train' where the first has 'load'",
        ),
        (
            [a_run(EVENTS), a_run(EVENTS[:-1])],
            {"marks": "begin"},
            "run 1 has 5 events, not 6",
        ),
    ],
)
def test_a_plan_that_cannot_be_says_why(events, more, message):
    with pytest.raises(ValueError, match=message):
        plan_from_events(events, **more)
