"""An assistant's tools: the command's own answers, and nothing that a user has not kept."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from helpers.operate.cli import main, parser
from helpers.operate.local import Local
from helpers.operate.mcp import answer, make_server
from helpers.operate.store import kept

ROOT = Path(__file__).resolve().parents[2]
PLAN = ["--length", "4h", "--within", "24h", "--offline"]


pytestmark = pytest.mark.usefixtures("own_state")


def ask(*calls):
    """Ask a server in this process, and return its answers."""

    async def talk():
        async with Client(make_server(parser(), "local")) as client:
            tools = await client.list_tools()
            return tools.tools, [await client.call_tool(name, given) for name, given in calls]

    return asyncio.run(talk())


def told(answer_):
    assert not answer_.is_error, answer_
    return answer_.structured_content


def refusal(answer_):
    assert answer_.is_error
    return answer_.content[0].text


def test_all_tools_but_submit_say_that_they_only_read():
    tools, _ = ask()

    assert {"estimate", "plan", "what_if", "explain", "kept", "submit"} == {t.name for t in tools}
    assert {"submit"} == {t.name for t in tools if not t.annotations.read_only_hint}


def test_a_tool_gives_the_answer_of_the_command(capsys):
    _, (found,) = ask(("estimate", {"length": "4h", "power_w": 250.0}))
    main(["start", "--length", "4h", "--power", "250", "--json"])
    printed = json.loads(capsys.readouterr().out)
    same = {"power_w", "intensity"}

    assert {n: printed[n] for n in same} == {n: told(found)[n] for n in same}
    assert set(printed) <= set(told(found))


def test_a_plan_of_a_tool_is_kept_and_submitted_nowhere():
    _, (found,) = ask(("plan", {"length": "4h", "cores": 1}))

    assert 16 == len(told(found)["id"])
    assert [] == kept()
    assert {} == Local().jobs()


def test_a_plan_that_its_user_has_kept_is_submitted_by_its_id_once(tmp_path, capsys):
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")
    main(["plan", *PLAN, "--json", "--keep", "job.sh", "input.txt"])
    id_ = json.loads(capsys.readouterr().out)["id"]

    _, (listed, handed, again) = ask(
        ("kept", {}), ("submit", {"plan_id": id_}), ("submit", {"plan_id": id_})
    )
    jobs = Local().jobs()

    assert [id_] == [row["id"] for row in told(listed)["plans"]]
    assert (id_, "1") == (told(handed)["key"], told(handed)["job_id"])
    assert "is kept" in refusal(again)
    assert (1, "waiting") == (len(jobs[id_]), jobs[id_][0].state)


def test_a_plan_that_is_only_kept_is_handed_over_by_no_agent(tmp_path, capsys):
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")
    main(["plan", *PLAN, "--keep", "job.sh"])

    assert 0 == main(["agent", "--on", "local", "--until-empty"])
    assert {} == Local().jobs()
    assert 1 == len(kept())


def test_a_kept_plan_whose_last_moment_is_past_is_refused(tmp_path, capsys, monkeypatch):
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")
    main(["plan", *PLAN, "--json", "--keep", "job.sh"])
    id_ = json.loads(capsys.readouterr().out)["id"]
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s + 30 * 3600)

    assert 2 == main(["submit", "--on", "local", "--plan", id_])
    assert "plan it again" in capsys.readouterr().err
    assert 1 == len(kept())


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("submit", {"plan_id": "../../etc/passwd"}, "must be the id"),
        ("submit", {"plan_id": "0123456789abcdef"}, "--keep job.sh"),
        ("submit", {"plan_id": "plan.json"}, "must be the id"),
        ("explain", {"job": "/etc/passwd"}, "no file is read"),
        ("explain", {"job": "0123456789abcdef"}, "watch --all"),
        ("estimate", {"length": "4"}, "with its unit"),
        ("estimate", {"length": "--help"}, "with its unit"),
        ("estimate", {"length": "4h", "zone": "$(reboot)"}, ""),
        ("plan", {"length": "4h", "cores": 0}, "cores"),
    ],
)
def test_what_a_tool_must_not_do_is_refused_in_a_sentence(tool, given, said):
    _, (found,) = ask((tool, given))

    if given.get("zone"):  # nothing is known of such a zone: start at once
        assert 0.0 == told(found)["delay_s"]
    else:
        assert said in refusal(found)
        assert "Traceback" not in refusal(found)


def test_no_tool_takes_a_path():
    tools, _ = ask()
    names = {name for tool in tools for name in tool.input_schema["properties"]}

    assert set() == names & {
        "path",
        "file",
        "phases",
        "rules",
        "intensity",
        "out",
        "script",
        "keep",
    }


def test_options_that_are_not_given_are_no_words():
    assert "start_s" in answer(parser(), "start", length="4h", power=None, offline=True)


def test_the_command_serves_over_standard_input_and_output():
    words = ["-m", "helpers", "mcp", "--on", "local"]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    server = StdioServerParameters(
        command=sys.executable, args=words, env={**os.environ, "PYTHONPATH": paths}
    )

    async def talk():
        async with Client(stdio_client(server)) as client:
            return await client.call_tool("estimate", {"length": "4h"})

    assert told(asyncio.run(talk()))["emissions_g"] > 0
