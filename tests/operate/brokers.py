"""Brokers to test with: a NATS server, and librdkafka's mock of a Kafka cluster."""

from __future__ import annotations

import time

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
