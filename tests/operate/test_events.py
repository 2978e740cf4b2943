"""Events over real brokers: told once, lost never, and an agent that waits for none of them."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import shutil
import subprocess
import tarfile
import threading
import time

import jsonschema
import pytest
from brokers import KEY, kafka, nats, said, tansu, until, wire  # noqa: F401 (fixtures)
from operate_problems import ZERO_S, curve, plan, quick
from test_carrying_out import QUICK, carry_out, hand_in

from helpers.operate.agent import Agent, Settings
from helpers.operate.backend import Status
from helpers.operate.cli import main
from helpers.operate.events.broker import Address, Reader, asyncapi, connection, read_token
from helpers.operate.events.notice import LARGEST_B, SCHEMA
from helpers.operate.events.senses import Senses
from helpers.operate.events.server import Server, program
from helpers.operate.events.wire import Wire, cluster_name, source_of
from helpers.operate.link import Heard, Link
from helpers.operate.local import Local
from helpers.operate.receipts import read_receipts
from helpers.operate.store import Entry, prepare, read_journal


@pytest.fixture(params=["nats", "kafka", "tansu"])
def broker(request):
    """Each broker in turn, by its address alone."""
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, str) else found.url


def nobody(_):
    pass


def raw(url, *messages):
    """Put messages on a broker that no notice would become."""

    async def put():
        found = connection(Address(url))
        await found.broker.start()
        await found.declare()
        where = {"subject": "clean_hours", "stream": "clean_hours"}
        if url.startswith("kafka"):
            where = {"topic": "clean_hours"}
        for message in messages:
            await found.broker.publish(message, **where)
        await found.broker.stop()

    asyncio.run(put())


def ear_of(url, heard, **options):
    """A link that certainly hears: a Kafka group takes a while to begin, and begins with what is new."""
    raw(url, said(0, key="f" * 16).to_bytes())
    ear = wire(url, "agent/two", hear=heard.append, **options)
    until(lambda: ear.counts["connected"], "a connection")
    for number in range(100):
        raw(url, said(number, key="f" * 16, restarts=1).to_bytes())
        time.sleep(0.2)
        if heard:
            break
    return ear


def about(heard, key=KEY):
    """What was heard about a job."""
    return [notice for notice in heard if notice.subject == key]


# --- the same on every broker ------------------------------------------------------------------------


def test_what_one_tells_another_hears_once_however_often_it_is_told(broker):
    heard = []
    ear = ear_of(broker, heard)
    mouth = wire(broker)
    try:
        for number in [*range(20), *range(20), 99]:
            mouth.tell(said(number))
        until(lambda: any(n.data["number"] == 99 for n in about(heard)), "the last notice")
    finally:
        mouth.close()
        ear.close()

    assert [*range(20), 99] == [n.data["number"] for n in about(heard)]
    assert KEY in ear.heard().jobs
    assert Heard() == ear.heard()


def test_what_is_told_is_heard_at_once_and_not_when_a_batch_is_full(nats):  # noqa: F811
    heard, took_s = [], []
    ear, mouth = wire(nats.url, "agent/two", hear=heard.append), wire(nats.url)
    until(lambda: ear.counts["connected"] and mouth.counts["connected"], "connections")
    try:
        for number in range(11):
            begun_s = time.monotonic()
            mouth.tell(said(number))
            until(lambda: ear.counts["heard"] == number + 1, "a notice", 0.001)  # noqa: B023
            took_s.append(time.monotonic() - begun_s)
    finally:
        mouth.close()
        ear.close()

    assert sorted(took_s)[5] < 0.4  # a machine that runs tests is busy


def test_hostile_messages_are_refused_and_the_next_one_is_heard(broker):
    hostile = [b"hello", b"{}", b"[" * 9000, b"x" * (LARGEST_B + 1), b'{"type": "rm -rf"}']
    told, heard = [], []
    ear = ear_of(broker, heard, report=told.append)
    try:
        raw(broker, *hostile, said(1).to_bytes().replace(KEY.encode(), b"../../etc/passwd"))
        raw(broker, said(2).to_bytes())
        until(lambda: about(heard), "the next notice")
    finally:
        ear.close()

    assert len(hostile) + 1 == ear.counts["refused"]
    assert all(line.isprintable() for line in told)


# --- what an agent takes for a reason to look -----------------------------------------------------------


def listening(**options):
    return Wire(Address("nats://127.0.0.1:1"), Senses("centre", "/clean-hours/agent/me"), **options)


@pytest.mark.parametrize(
    ("notice", "why"),
    [
        (said(1, cluster="another"), "of other clusters"),
        (said(1, time_s=time.time() + 86400), "of the future"),
        (
            Senses("centre", "/x").action(KEY, Entry(ZERO_S, "cancel", "done", "7")),
            "of other agents",
        ),
    ],
)
def test_what_is_no_reason_to_look_is_counted_and_forgotten(notice, why):
    link = listening()

    link._reader.take(notice)

    assert {why: 1} == dict(link.counts)
    assert Heard() == link.heard()


def test_an_agent_s_own_word_is_no_news_to_it():
    link = listening()

    link._reader.take(said(1, source="/clean-hours/agent/me"))

    assert Heard() == link.heard()


def test_a_notice_that_is_replayed_is_heard_once():
    heard = []
    reader = Reader(heard.append, nobody)

    for _ in range(5):
        reader.take(reader.read(said(1, time_s=ZERO_S).to_bytes()))

    assert 1 == len(heard)


class Told(Link):
    """A link that says what a test wants."""

    def __init__(self, **heard):
        self.next = Heard(**heard)
        self.done = []

    def heard(self):
        found, self.next = self.next, Heard()
        return found

    def did(self, key, entry):
        self.done.append((key, entry.what))


@pytest.fixture
def world(tmp_path, monkeypatch):
    """An agent with a job that waits for hours, a clock and a count of looks at the queue."""

    class World:
        now_s = ZERO_S
        looks = 0
        forecasts = 0

    class Queue(Local):
        def jobs(self):
            World.looks += 1
            return {made.id: [Status("1", made.id, "waiting", float(made.schedule.start_s[0]))]}

        def submit(self, submission):
            return "1"

    def forecast(*_):
        World.forecasts += 1
        return curve()

    made = plan()
    (tmp_path / "job.sh").write_text("#!/bin/bash\n")
    prepare(made, tmp_path / "job.sh", state=tmp_path / "state")
    World.key = made.id
    World.link = Told()
    World.agent = Agent(
        Queue(tmp_path / "local"),
        tmp_path / "state",
        Settings(poll_s=900.0, tick_s=1.0),
        forecast=forecast,
        link=World.link,
        clock=lambda: World.now_s,
    )
    for _ in range(3):
        World.agent.step()
        World.now_s += 20.0
    World.looks = 0
    return World


def step(world, **heard):
    world.link.next = Heard(**heard)
    world.now_s += 5.0
    world.agent.step()
    return world.looks


def test_a_hint_about_its_job_makes_an_agent_look_at_once(world):
    assert 0 == step(world)
    assert 1 == step(world, jobs=frozenset([world.key]))


def test_a_hint_about_somebody_else_s_job_makes_it_look_at_nothing(world):
    foreign = frozenset(["fedcba9876543210", "../../etc/passwd"])

    assert 0 == step(world, jobs=foreign)
    assert not (world.agent.state / "jobs" / "fedcba9876543210").exists()


def test_a_flood_of_hints_is_one_look_a_second(world):
    for _ in range(200):
        world.link.next = Heard(frozenset([world.key]))
        world.now_s += 0.01
        world.agent.step()

    assert world.looks <= 3


def test_a_hint_about_a_zone_makes_it_ask_for_the_forecast_once_a_minute(world):
    before = world.forecasts
    world.now_s += 60.0
    for _ in range(6):
        step(world, zones=frozenset(["DE"]))

    assert 1 == world.forecasts - before


def test_a_hint_about_another_zone_is_nothing_to_it(world):
    world.now_s += 60.0

    assert 0 == step(world, zones=frozenset(["FR"]))


def test_the_last_words_of_a_job_are_told_though_it_ended_while_the_queue_was_looked_at(tmp_path):
    made, told = plan(), []
    (tmp_path / "job.sh").write_text("#!/bin/bash\n")
    folder = prepare(made, tmp_path / "job.sh", state=tmp_path / "state")
    path = folder.path / "events.jsonl"

    class Slow(Local):
        def jobs(self):
            with path.open("a") as file:  # the controller took its time to answer
                for event in ("started", "checkpoint", "finished"):
                    line = {"event": event, "time_s": ZERO_S, "restarts": 0, "note": ""}
                    file.write(json.dumps(line) + "\n")
            return {made.id: [Status("1", made.id, "completed", ZERO_S)]}

        def runs(self, job_id):
            return []

    class Told(Link):
        def said(self, folder, size_bytes):
            told.append(size_bytes)

        def did(self, key, entry):
            told.append(entry.what)

    agent = Agent(Slow(tmp_path / "local"), tmp_path / "state", link=Told(), clock=lambda: ZERO_S)
    agent.step()

    assert folder.over
    assert [path.stat().st_size, "finish"] == told


# --- the loop ---------------------------------------------------------------------------------------------


def local(tmp_path, monkeypatch, window_s=70.0):
    monkeypatch.chdir(tmp_path)
    made, text, _ = quick(time.time(), window_s=window_s)
    folder = hand_in(tmp_path / "state", made, text, tmp_path)
    return Local(tmp_path / "local", cores=2), folder


def test_no_job_is_lost_when_the_broker_is_killed_in_mid_loop(nats, tmp_path, monkeypatch):  # noqa: F811
    backend, folder = local(tmp_path, monkeypatch)
    heard = []
    ear = wire(nats.url, "watch", hear=heard.append)
    link = wire(nats.url, report=nobody)
    agent = Agent(backend, tmp_path / "state", QUICK, link=link, sleep=link.wait)
    killed = threading.Event()

    def kill():
        until(lambda: any(n.kind == "checkpoint" for n in heard), "a checkpoint")
        nats.kill()
        killed.set()
        time.sleep(4.0)
        nats.start()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        carry_out(agent, 150)
        killer.join()
        until(lambda: any(n.data.get("what") == "finish" for n in heard), "the last notice")
    finally:
        link.close()
        ear.close()
    kinds = {n.kind for n in heard}
    done = [
        e.what
        for e in read_journal(folder)
        if e.result == "done" and e.what not in {"missing", "found"}
    ]

    assert killed.is_set()
    assert "completed" == json.loads((folder.path / "receipt.json").read_text())["outcome"]
    assert read_receipts(tmp_path / "state")["late_s"][0] <= 0
    assert {"job", "checkpoint", "file", "action"} == kinds
    assert done == [n.data["what"] for n in heard if n.kind == "action"]
    assert [1, 2, 3, 4, 5, 6] == [
        n.data["number"]
        for n in heard
        if n.kind == "checkpoint" and n.data["state"] == "checkpoint"
    ]


@pytest.mark.real
@pytest.mark.parametrize("name", ["kafka", "tansu"])
def test_the_loop_is_told_on_what_speaks_kafka_by_the_address_alone(
    request, name, tmp_path, monkeypatch
):
    url = request.getfixturevalue(name)
    heard = []
    ear = ear_of(url, heard)
    backend, folder = local(tmp_path, monkeypatch, window_s=90.0)
    link = wire(url, report=nobody)
    agent = Agent(backend, tmp_path / "state", QUICK, link=link, sleep=link.wait)
    try:
        carry_out(agent, 150)
        until(lambda: any(n.data.get("what") == "finish" for n in heard), "the last notice")
    finally:
        link.close()
        ear.close()
    done = [e.what for e in read_journal(folder) if e.result == "done"]
    mine = about(heard, folder.key)

    assert "completed" == json.loads((folder.path / "receipt.json").read_text())["outcome"]
    assert {"job", "checkpoint", "file", "action"} == {n.kind for n in mine}
    assert [what for what in done if what not in {"missing", "found"}] == [
        n.data["what"] for n in mine if n.kind == "action"
    ]


def test_an_agent_without_its_broker_never_waits_for_it(tmp_path):
    told = []
    link = listening(report=told.append, most=100)
    link.start()
    begun_s = time.monotonic()
    for number in range(2000):
        link.tell(said(number))
        link.heard()
        link.saw({})
    slowest_s = time.monotonic() - begun_s
    until(lambda: told, "a word about it")
    link.close(0.1)

    assert slowest_s < 5.0
    assert 1900 == link.counts["dropped"]
    assert "by polling" in told[0]


def test_a_broker_that_comes_later_is_told_what_happened_before(tmp_path):
    server = Server(tmp_path / "nats", port=0)
    link = Wire(Address(server.url), Senses("centre", "/clean-hours/agent/one"), report=nobody)
    link.start()
    for number in range(5):
        link.tell(said(number))
    time.sleep(0.5)
    server.start(60)
    try:
        until(lambda: link.counts["told"] == 5, "five notices told")
    finally:
        link.close()
        server.stop()


def test_a_kill_loses_no_acknowledged_notice_and_shows_none_twice(nats):  # noqa: F811
    heard = []
    ear = wire(nats.url, "watch", hear=heard.append)
    mouth = wire(nats.url, most=10**6)
    until(lambda: ear.counts["connected"] and mouth.counts["connected"], "connections")
    dice = random.Random(7)
    try:
        for number in range(300):
            mouth.tell(said(number))
            if number in {60, 150, 240}:
                time.sleep(dice.uniform(0.0, 0.2))
                nats.kill()
                nats.start(60)
        until(lambda: mouth.counts["told"] == 300, "all told")
        until(lambda: len(heard) >= 300, "all heard")
    finally:
        mouth.close()
        ear.close()

    assert list(range(300)) == sorted(n.data["number"] for n in heard)


# --- what is told of what is seen -----------------------------------------------------------------------------


def test_a_link_tells_each_thing_once_and_survives_a_spoiled_folder(tmp_path):
    told = []
    link = listening(report=told.append)
    made = plan()
    (tmp_path / "job.sh").write_text("#!/bin/bash\n")
    folder = prepare(made, tmp_path / "job.sh", state=tmp_path / "state")
    line = {"event": "started", "time_s": ZERO_S, "restarts": 0, "note": ""}
    (folder.path / "events.jsonl").write_text(json.dumps(line) + "\n")
    jobs = {made.id: [Status("1", made.id, "running", ZERO_S)]}
    for _ in range(2):
        link.saw(jobs)
        link.said(folder, 60)
        link.expects("DE", curve())
        link.did(made.id, Entry(ZERO_S, "begin", "done", "1"))
    ids = {notice.id for notice in link._box}
    (folder.path / "plan.json").write_text("{}")
    link.said(folder, 61)

    assert ["action", "checkpoint", "file", "forecast", "job"] == sorted(
        {n.kind for n in link._box}
    )
    assert 5 == len(ids)
    assert made.id in told[0]


def test_names_of_cluster_and_agent_are_fit_for_a_notice(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "my cluster; rm -rf ~")

    notice = Senses(cluster_name("slurm"), source_of(tmp_path)).file(KEY, "x", 1, 0, ZERO_S)

    assert b"rm-rf" in notice.to_bytes() or b"rm--rf" in notice.to_bytes()


# --- addresses, tokens, the server ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said_"),
    [
        ("nats://user:secret@127.0.0.1", "no password"),
        ("http://127.0.0.1", "nats://"),
        ("nats://127.0.0.1/$(reboot)", "nats://"),
        ("nats://127.0.0.1:99999", "nats://"),
        ("127.0.0.1:4222", "nats://"),
    ],
)
def test_an_address_that_is_none_is_refused_with_one_that_is(url, said_):
    with pytest.raises(ValueError, match=said_):
        Address(url)


def test_a_token_never_crosses_the_network_in_the_clear(tmp_path):
    with pytest.raises(ValueError, match="tls://"):
        Address("nats://broker.example.org", tmp_path / "token")

    assert Address("tls://broker.example.org", tmp_path / "token").host == "broker.example.org:4222"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_token_that_others_may_read_is_refused_with_the_remedy(tmp_path, mode):
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "token").chmod(mode)

    with pytest.raises(ValueError, match=r"chmod 600"):
        read_token(tmp_path / "token")


@pytest.mark.parametrize("text", ["", "two words", "a\nb", "\x00", "x" * 5000])
def test_a_token_is_one_line(tmp_path, text):
    (tmp_path / "token").write_text(text)
    (tmp_path / "token").chmod(0o600)

    with pytest.raises(ValueError, match="one token"):
        read_token(tmp_path / "token")


# nats-py leaves the socket of a refused connection to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_asks_for_a_token_lets_nobody_else_in(tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    server = Server(tmp_path / "nats", port=0, token=token)
    server.start(60)
    told = []
    try:
        known = Wire(Address(server.url, token), Senses("c", "/known"), report=nobody)
        other = Wire(Address(server.url), Senses("c", "/other"), report=told.append)
        known.start()
        other.start()
        until(lambda: known.counts["connected"] and told, "one in, one out")
        known.close()
        other.close()
    finally:
        server.kill()

    gc.collect()

    assert 0 == other.counts["connected"]
    assert 0o600 == (tmp_path / "nats" / "server.conf").stat().st_mode & 0o777
    assert 0o700 == (tmp_path / "nats").stat().st_mode & 0o777


def test_a_server_that_others_can_reach_wants_a_token(tmp_path):
    with pytest.raises(ValueError, match="--token"):
        Server(tmp_path, host="0.0.0.0")


def test_a_server_that_cannot_start_says_why(nats, tmp_path):  # noqa: F811
    with pytest.raises(RuntimeError, match="did not start"):
        # its port is taken, so that it ends; who looks at the port alone would be fooled
        Server(tmp_path / "other", port=nats.port).start(60)


# --- described, and at the command line --------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["nats://127.0.0.1", "kafka://127.0.0.1"])
def test_the_asyncapi_document_holds_the_schema_that_notices_are_held_against(url):
    document = asyncapi(Address(url))
    schemas = document["components"]["schemas"]
    (payload,) = (schemas[name] for name in schemas)
    (operation,) = document["operations"].values()

    def resolve(node):
        if isinstance(node, dict):
            if "$ref" in node:
                target = document
                for name in node["$ref"].removeprefix("#/").split("/"):
                    target = target[name.replace("~1", "/")]
            for inner in node.values():
                resolve(inner)

    resolve(document)
    jsonschema.Draft202012Validator.check_schema(payload)

    assert "3.0.0" == document["asyncapi"]
    assert "receive" == operation["action"]
    assert SCHEMA["oneOf"] == payload["oneOf"]
    assert ["clean_hours"] == [c["address"] for c in document["channels"].values()]


@pytest.fixture(scope="module")
def asyncapi_s_own_schema(tmp_path_factory):
    """What AsyncAPI says that a document of version 3.0.0 is; fetched, and not kept here."""
    if shutil.which("npm") is None:
        pytest.skip("AsyncAPI's own schema comes from npm, which is not here")
    folder = tmp_path_factory.mktemp("asyncapi")
    subprocess.run(
        ["npm", "pack", "--silent", "@asyncapi/specs@6.11.1"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=300,
    )
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/schemas/3.0.0-without-$id.json")
        return json.load(member)


@pytest.mark.real
@pytest.mark.parametrize("url", ["nats://127.0.0.1", "kafkas://broker.example.org"])
def test_the_asyncapi_document_keeps_asyncapi_s_own_schema(asyncapi_s_own_schema, url):
    document = json.loads(json.dumps(asyncapi(Address(url))))
    judge = jsonschema.Draft7Validator(asyncapi_s_own_schema)

    assert [] == [error.message for error in judge.iter_errors(document)]
    assert not judge.is_valid({**document, "operations": {"x": {"action": "shout"}}})


def test_the_command_says_and_watches(nats, monkeypatch, tmp_path, capsys):  # noqa: F811
    monkeypatch.setenv("CLEAN_HOURS_STATE", str(tmp_path / "state"))
    found = {}
    listener = wire(nats.url, "watch", hear=lambda n: found.setdefault(n.id, n))
    until(lambda: listener.counts["connected"], "a connection")
    words = ["--events", nats.url, "--cluster", "centre"]

    codes = [
        main(["events", "say", *words, "--job", KEY, "--number", "3"]),
        main(["events", "say", *words, "--job", KEY, "--job-id", "7", "--state", "running"]),
        main(["events", "say", *words, "--forecast", "DE"]),
    ]
    until(lambda: len(found) == 3, "three notices")
    listener.close()

    assert [0, 0, 0] == codes
    assert ["checkpoint", "forecast", "job"] == sorted(n.kind for n in found.values())
    assert "centre:7:0:running" in found


@pytest.mark.parametrize(
    ("words", "said_"),
    [
        (["say"], "--job KEY"),
        (["say", "--job", "../../etc/passwd"], "must keep pattern"),
        (["say", "--job", KEY, "--state", "$(reboot)"], "must keep enum"),
        (["watch", "--events", "ftp://x"], "nats://"),
        (["serve", "--events", "nats://0.0.0.0"], "--token"),
        (["serve", "--events", "kafka://127.0.0.1"], "NATS server"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_exit_code_2(capsys, words, said_):
    assert 2 == main(["events", *words])
    assert said_ in capsys.readouterr().err


def test_no_broker_is_exit_code_4(capsys, monkeypatch):
    from helpers.operate import commands_events

    monkeypatch.setattr(commands_events, "_PATIENCE_S", 1.0)

    assert 4 == main(["events", "watch", "--events", "nats://127.0.0.1:1", "--for", "2min"])
    assert "no broker" in capsys.readouterr().err


def test_without_the_program_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    import sys

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(ModuleNotFoundError, match=r"clean-hours\[events\]"):
        program()
