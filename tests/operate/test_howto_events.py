"""The how-to page for events: its commands are those there are, and they do what the page says."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from helpers.operate.cli import main, parser

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "howto" / "react_to_events.md").read_text(encoding="utf-8")


def commands():
    """Each command line of the page that is one of ours."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in "\n".join(blocks).split("\n"):
        for found in re.findall(r"^clean-hours [a-z][^>&]*", line):
            yield shlex.split(found.strip())[1:]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_each_command_of_the_events_page_is_one(words):
    assert parser().parse_args(words).command == words[0]


def test_a_server_of_one_s_own_takes_what_is_said_and_whoever_watches_sees_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("CLEAN_HOURS_STATE", str(tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"nats://127.0.0.1:{free.getsockname()[1]}"
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(
        [sys.executable, "-m", "helpers", "events", "serve", "--events", url],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.DEVNULL,
    )
    until_s = time.monotonic() + 60.0
    codes = []
    try:
        while main(["events", "say", "--events", url, "--forecast", "FR"]) == 4:
            assert time.monotonic() < until_s
        capsys.readouterr()

        def say():
            while not codes or len(codes) < 200:  # until the watcher, which sees what is new, ends
                codes.append(main(["events", "say", "--events", url, "--forecast", "DE"]))
                if done.wait(0.2):
                    return

        done = threading.Event()
        speaker = threading.Thread(target=say)
        speaker.start()
        watched = main(["events", "watch", "--events", url, "--count", "1", "--for", "60s"])
        done.set()
        speaker.join()
    finally:
        server.terminate()
        server.wait(10)
    lines = capsys.readouterr().out.splitlines()

    assert {0} == {watched, *codes}
    assert any(re.match(r"\d\d:\d\d:\d\d forecast DE from_s=", line) for line in lines)
    assert (tmp_path / "nats" / "jetstream").is_dir()


def test_a_description_for_programs_is_one_json_document(capsys):
    assert 0 == main(["events", "asyncapi"])

    assert "clean-hours" == json.loads(capsys.readouterr().out)["info"]["title"]
