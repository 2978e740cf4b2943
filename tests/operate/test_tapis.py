"""Tapis: its client against a service that speaks as its description says; never a tenant."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest
from fake_tapis import FakeTapis

from helpers.operate.backend import SchedulerError, Submission
from helpers.operate.rules import Partition, Resources, Rules
from helpers.operate.tapis import Tapis, TapisApp

RULES = Rules((Partition("normal", 4, 8, default=True),))
APP = TapisApp("clean-hours", "0.1", "cluster")


@pytest.fixture
def service(tmp_path):
    fake = FakeTapis(tmp_path)
    yield fake
    fake.close()


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("secret\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def tapis(service, token):
    return Tapis(service.url, token, APP, RULES, timeout_s=5.0)


def submission(folder, arguments=(), script="/bin/true", begin_s=None):
    begin_s = time.time() + 1000 if begin_s is None else begin_s
    return Submission("0" * 16, Path(script), begin_s, Resources(600.0), folder, arguments)


@pytest.mark.parametrize(
    "word", ["a b", "$(id)", "`id`", "; id", "a'b", 'a"b', "a\nb", "é", "", "*"]
)
def test_a_word_that_a_shell_could_read_is_not_handed_to_tapis(tapis, tmp_path, service, word):
    with pytest.raises(ValueError, match="Tapis makes a command line of it"):
        tapis.submit(submission(tmp_path, (word,)))

    assert {} == service.requests


def test_a_request_holds_what_the_plan_asks_for(tapis, tmp_path, service):
    asked = Resources(
        5400.0, 2, 9, memory_mb=500, gpus=1, partition="normal", qos="green", account="phys"
    )
    tapis._rules = Rules((Partition("normal", 4, 8, gpus_per_node=2, default=True),))
    service.handle = lambda how, path, body: (service.__dict__.update(seen=body), (201, {}))[1]
    tapis.submit(
        Submission("0" * 16, Path("/bin/true"), time.time() + 100, asked, tmp_path, ("a", "b=1"))
    )
    seen = service.seen
    options = [o["arg"] for o in seen["parameterSet"]["schedulerOptions"]]

    assert (2, 5, 90, 500, "normal") == tuple(
        seen[n]
        for n in ("nodeCount", "coresPerNode", "maxMinutes", "memoryMB", "execSystemLogicalQueue")
    )
    assert ["/bin/true", "a", "b=1"] == [a["arg"] for a in seen["parameterSet"]["appArgs"]]
    assert {"--qos=green", "--account=phys", "--gres=gpu:1"} < set(options)
    assert any(o in {"--begin=now+100", "--begin=now+101"} for o in options)


def test_a_token_that_others_may_read_is_refused(service, token):
    token.chmod(0o644)

    with pytest.raises(ValueError, match="chmod 600"):
        Tapis(service.url, token, APP, RULES)


@pytest.mark.parametrize(
    "url", ["http://tacc.tapis.io", "ftp://x", "tacc.tapis.io", "http://127.0.0.1.evil.org"]
)
def test_a_token_never_travels_in_the_clear(url, token):
    with pytest.raises(ValueError, match="must be https"):
        Tapis(url, token, APP, RULES)


def test_a_wrong_token_is_a_refusal_and_no_answer_is_none(tapis, token, service):
    service.silent = 1
    with pytest.raises(SchedulerError, match="502") as silent:
        tapis.jobs()
    token.write_text("wrong")
    with pytest.raises(SchedulerError, match="401") as refused:
        tapis.jobs()
    service.close()
    with pytest.raises(SchedulerError, match="no answer") as away:
        tapis.jobs()

    assert (False, True, False) == (silent.value.sure, refused.value.sure, away.value.sure)
    assert not any("secret" in str(e.value) or "wrong" in str(e.value) for e in (refused, away))


@pytest.mark.parametrize(
    "name",
    [
        "clean-hours",
        "clean-hours.../../x.1.0.1",
        "clean-hours.0000000000000000.x.0.1",
        "clean-hours.0000000000000000.1.0.1\n",
        "somebody's job; rm -rf /",
        None,
        7,
    ],
)
def test_a_name_of_somebody_else_s_making_is_no_job_of_ours(tapis, service, name):
    service.handle = lambda *_: (200, [{"name": name, "uuid": "x", "status": "QUEUED"}])

    assert {} == tapis.jobs()


def test_a_number_of_the_service_that_is_none_becomes_no_address(tapis, service):
    asked = []

    def handle(how, path, body):
        asked.append(path)
        name = "clean-hours.0000000000000000.1.0.1"
        return 200, [{"name": name, "uuid": "../../v3/systems", "status": "QUEUED"}]

    service.handle = handle

    with pytest.raises(SchedulerError, match="which is none"):
        tapis.cancel("1")
    assert all("systems" not in path for path in asked)


def test_a_killed_replacement_leaves_one_job(tapis, service, tmp_path):
    number = tapis.submit(submission(tmp_path))
    old = tapis._runs(number)[-1]
    request = tapis._ask("GET", f"{old.uuid}/resubmit_request")
    tapis._start(dict(request), old.key, number, 1, time.time() + 500)  # and is killed

    first = tapis.jobs()["0" * 16]
    states = sorted(json.loads(json.dumps(service.entry(u)))["status"] for u in service.requests)
    tapis.cancel(number)

    assert [number] == [status.job_id for status in first]
    assert ["CANCELLED", "QUEUED"] == states


def test_states_that_are_not_known_are_said_to_be(tapis, service):
    name = "clean-hours.0000000000000000.1.0.1"
    service.handle = lambda *_: (200, [{"name": name, "uuid": "x", "status": "NEW_WORD"}])

    assert "unknown" == tapis.jobs()["0" * 16][0].state


def test_more_jobs_than_one_answer_holds_are_all_seen(tapis, service, monkeypatch):
    monkeypatch.setattr("helpers.operate.tapis._MOST_JOBS", 2)
    names = [f"clean-hours.{'0' * 16}.{i}.0.1" for i in range(5)]
    pages = itertools.batched(names, 2) if hasattr(itertools, "batched") else None
    pages = iter(pages or [names[:2], names[2:4], names[4:]])
    service.handle = lambda *_: (
        200,
        [{"name": n, "uuid": "x", "status": "QUEUED"} for n in next(pages)],
    )

    assert 5 == len(tapis.jobs()["0" * 16])
