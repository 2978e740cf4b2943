"""What an event may say, and what hostile ones are answered."""

from __future__ import annotations

import functools
import json
import math

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from operate_problems import ZERO_S, curve, plan

from helpers.operate.backend import Status
from helpers.operate.events.notice import KINDS, LARGEST_B, SCHEMA, Notice, plain, read_notice
from helpers.operate.events.senses import Senses
from helpers.operate.job import Event
from helpers.operate.store import Entry

KEY = "0123456789abcdef"
SENSES = Senses("centre", "/clean-hours/agent/one")


def status(job_id="7", state="waiting", restarts=0):
    return Status(job_id, KEY, state, ZERO_S, None, restarts)


@functools.cache
def one_of_each():
    """A notice of each kind, as they are sensed."""
    events = [Event("started", ZERO_S), Event("checkpoint", ZERO_S + 1800)]
    return {
        "job": next(SENSES.jobs({}, {KEY: [status()]}, ZERO_S)),
        "checkpoint": next(SENSES.said(KEY, plan(), events, 1)),
        "file": SENSES.file(KEY, "events.jsonl", 120, 0, ZERO_S),
        "forecast": SENSES.forecast("DE", None, curve(), ZERO_S),
        "action": SENSES.action(KEY, Entry(ZERO_S, "requeue", "done", "7", 0, "it's due")),
    }


def changed(notice, **values):
    """Its bytes, with some values of its data or attributes changed after they were written."""
    tree = json.loads(notice.to_bytes())
    for name, value in values.items():
        (tree["data"] if name in tree["data"] else tree)[name] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_notice_is_read_as_it_was_written_and_keeps_its_id(kind):
    notice = one_of_each()[kind]

    found = read_notice(notice.to_bytes())

    assert (notice, notice.id) == (found, found.id)


@pytest.mark.parametrize("kind", KINDS)
def test_cloudevents_own_reader_and_json_schema_s_take_each_notice(kind):
    data = one_of_each()[kind].to_bytes()

    event = JSONFormat().read(CloudEvent, data)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(data), SCHEMA)

    assert f"clean_hours.{kind}.v1" == event.get_type()


def test_who_says_the_same_again_says_it_under_the_same_id():
    first = one_of_each()["job"]
    again = Notice(first.kind, first.subject, first.data, "/another", first.time_s + 99)

    assert "centre:7:0:waiting" == first.id == again.id


def test_each_state_of_each_restart_has_an_id_of_its_own():
    states = [status(state=s, restarts=r) for s in ("waiting", "running") for r in (0, 1)]

    ids = [notice.id for notice in SENSES.jobs({}, {KEY: states}, ZERO_S)]

    assert len(states) == len(set(ids))


def test_only_what_has_changed_is_told():
    before = {KEY: [status()]}
    after = {KEY: [status(state="running"), status("8")]}

    told = [n.id for n in SENSES.jobs(before, after, ZERO_S)]

    assert ["centre:7:0:running", "centre:8:0:waiting"] == told
    assert [] == list(SENSES.jobs(after, after, ZERO_S))


def test_what_a_job_said_before_is_not_told_again_and_checkpoints_are_counted_over_all_runs():
    events = [Event("started", ZERO_S), *(Event("checkpoint", ZERO_S + k) for k in range(3))]

    told = list(SENSES.said(KEY, plan(), events, 2))

    assert [2, 3] == [n.data["number"] for n in told]
    assert all(n.data["left_s"] > 0 for n in told)


def test_a_forecast_is_told_when_it_differs_by_a_share_of_its_mean():
    flat = curve([100.0] * 12)

    same = SENSES.forecast("DE", flat, curve([100.5] * 12), ZERO_S)
    other = SENSES.forecast("DE", flat, curve([120.0] + [100.0] * 11), ZERO_S)

    assert same is None
    assert pytest.approx(20 / 12 / 100) == other.data["change"]


def test_a_forecast_for_other_hours_is_told_without_a_change():
    later = curve()
    later = type(later)(later.edges_s + 1e6, later.intensity_g_per_kwh, "average", "DE", "x")

    assert SENSES.forecast("DE", curve(), later, ZERO_S).data["change"] is None


HOSTILE = {
    "the wrong schema": lambda n: changed(n, restarts="one"),
    "a state that is none": lambda n: changed(n, state="$(reboot)"),
    "a path as a job": lambda n: changed(n, job_id="../../etc/passwd"),
    "a path as a key": lambda n: changed(n, subject="../../etc/passwd"),
    "a line feed at the end of a key": lambda n: changed(n, subject=KEY + "\n"),
    "shell metacharacters in the cluster": lambda n: changed(n, cluster="a;rm -rf ~"),
    "a terminal's escape in the source": lambda n: changed(n, source="/\x1b[2J"),
    "a command": lambda n: changed(n, command="rm -rf ~"),
    "another's id": lambda n: changed(n, id="centre:8:0:waiting"),
    "another type": lambda n: changed(n, type="clean_hours.order.v1"),
    "a type that is no text": lambda n: changed(n, type=["clean_hours.job.v1"]),
    "an older CloudEvents": lambda n: changed(n, specversion="0.3"),
    "no time": lambda n: changed(n, time="2026-99-99T00:00:00Z"),
    "a count beyond all bounds": lambda n: changed(n, restarts=10**30),
    "a key given twice": lambda n: n.to_bytes().replace(b'"data"', b'"id": "x", "data"'),
    "something huge": lambda n: changed(n, source="/" + "x" * 10**6),
    "brackets without end": lambda n: b"[" * (LARGEST_B - 1),
    "no JSON": lambda n: b"hello",
    "no UTF-8": lambda n: b"\xff\xfe\x00",
    "not a number": lambda n: n.to_bytes().replace(b'"restarts": 0', b'"restarts": NaN'),
    "nothing": lambda n: b"",
    "a list": lambda n: b"[]",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_notice_is_refused_in_one_harmless_line(what):
    data = HOSTILE[what](one_of_each()["job"])

    with pytest.raises(ValueError, match=r"notice|type") as refused:
        read_notice(data)

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a b", "", "x" * 101, ".hidden", "a\n"])
def test_a_file_is_named_never_by_a_path(name):
    with pytest.raises(ValueError, match="name"):
        SENSES.file(KEY, name, 1, 0, ZERO_S).to_bytes()


@given(st.binary(max_size=400))
def test_no_bytes_are_anything_but_a_notice_or_refused(data):
    with pytest.raises(ValueError, match=r"."):
        read_notice(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(
    name=st.sampled_from(["id", "subject", "time", "restarts", "state", "cluster", "job_id"]),
    value=json_values,
)
def test_whatever_value_is_put_in_it_is_kept_to_the_schema_or_refused(name, value):
    data = changed(one_of_each()["job"], **{name: value})
    try:
        found = read_notice(data)
    except ValueError:
        return

    jsonschema.validate(json.loads(data), SCHEMA)
    assert math.isfinite(found.time_s)


@given(st.text())
def test_plain_text_has_no_meaning_to_a_shell_or_a_terminal(text):
    assert set() == set(plain(text)) & set("$`;|&<>\\'\"*?[]{}!#~\n\r\x1b")
