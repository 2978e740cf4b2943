"""Tools of an assistant over HTTP: on loopback alone, for those who know the token alone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from helpers.operate.cli import main
from helpers.operate.local import Local

ROOT = Path(__file__).resolve().parents[2]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "somebody", "version": "1"},
    },
}
TYPES = {"Accept": "application/json, text/event-stream"}


pytestmark = pytest.mark.usefixtures("own_state")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def opens(port):
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def serve(tmp_path):
    """Start the command, and return its address and what a client sends."""
    running = []

    def start(*words):
        port = free_port()
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        words = ["mcp", "--on", "local", "--http", str(port), *words]
        process = subprocess.Popen(
            [sys.executable, "-m", "helpers", *words], env={**os.environ, "PYTHONPATH": paths}
        )
        running.append(process)
        until_s = time.monotonic() + 60
        while not opens(port):
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < until_s, "it does not listen"
            time.sleep(0.1)
        return f"http://127.0.0.1:{port}/mcp"

    yield start
    for process in running:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("a-secret-of-this-user\n")
    path.chmod(0o600)
    return path


def ask(url, *calls, token=""):
    """Ask a server by the package's own client, and return its tools and its answers."""

    async def talk():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            httpx.AsyncClient(headers=headers, timeout=60) as carrier,
            Client(streamable_http_client(url, http_client=carrier)) as client,
        ):
            tools = await client.list_tools()
            answers = [await client.call_tool(name, given) for name, given in calls]
            return {tool.name for tool in tools.tools}, answers

    return asyncio.run(talk())


READS = {"estimate", "plan", "what_if", "explain", "kept"}


def test_who_knows_the_token_plans_asks_and_submits_by_id_alone(serve, token, tmp_path, capsys):
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")
    keep = ["--length", "4h", "--within", "24h", "--offline", "--keep", "job.sh"]
    main(["plan", "--json", *keep])
    id_ = json.loads(capsys.readouterr().out)["id"]
    url = serve("--token", str(token))

    tools, (planned, if_, kept, path, handed, why) = ask(
        url,
        ("plan", {"length": "4h"}),
        ("what_if", {"length": "4h", "try_cores": "1", "power_w": 200.0}),
        ("kept", {}),
        ("submit", {"plan_id": str(tmp_path / "plan.json")}),
        ("submit", {"plan_id": id_}),
        ("explain", {"job": id_}),
        token="a-secret-of-this-user",
    )

    assert {*READS, "submit"} == tools
    assert 16 == len(planned.structured_content["id"])
    assert not if_.is_error
    assert [id_] == [row["id"] for row in kept.structured_content["plans"]]
    assert path.is_error
    assert id_ == handed.structured_content["key"]
    assert not why.is_error
    assert [id_] == list(Local().jobs())


def test_without_a_token_nobody_submits_over_http(serve):
    tools, (found, refused) = ask(
        serve(), ("estimate", {"length": "4h"}), ("submit", {"plan_id": "0123456789abcdef"})
    )

    assert READS == tools
    assert found.structured_content["emissions_g"] > 0
    assert refused.is_error


def test_a_page_of_another_site_another_host_and_a_wrong_token_are_refused(serve, token):
    url, known = serve("--token", str(token)), {"Authorization": "Bearer a-secret-of-this-user"}

    def code(**headers):
        return httpx.post(url, json=HELLO, headers=TYPES | headers, timeout=60).status_code

    assert 200 == code(**known)
    assert 403 == code(**known, Origin="http://evil.example")
    assert 421 == code(**known, Host="evil.example")
    assert 401 == code()
    assert 401 == code(Authorization="Bearer a-secret")
    assert 401 == code(Authorization="Basic a-secret-of-this-user")


def test_a_socket_without_the_token_is_not_opened(serve, token):
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "c29tZSByYW5kb20ga2V5IQ==",
    }

    answer = httpx.get(serve("--token", str(token)), headers=upgrade, timeout=60)

    assert answer.status_code in {401, 403}


def test_it_listens_on_loopback_alone(serve):
    port = int(serve().split(":")[2].split("/")[0])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    lines += Path("/proc/net/tcp6").read_text().splitlines()[1:]
    listening = [line.split()[1].split(":") for line in lines if line.split()[3] == "0A"]

    assert ["0100007F"] == [host for host, hex_ in listening if int(hex_, 16) == port]


def test_a_port_that_is_taken_is_one_sentence(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        assert 2 == main(["mcp", "--on", "local", "--http", str(port)])
    assert "choose another port" in capsys.readouterr().err


def test_a_token_that_others_may_read_is_refused(token, capsys):
    token.chmod(0o644)

    assert 2 == main(["mcp", "--http", "1", "--token", str(token)])
    assert "chmod 600" in capsys.readouterr().err


def test_a_token_without_http_is_refused(token, capsys):
    assert 2 == main(["mcp", "--token", str(token)])
    assert "--http" in capsys.readouterr().err
