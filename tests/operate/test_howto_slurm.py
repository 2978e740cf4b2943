"""The how-to page for Slurm: its commands are those there are, and they do what the page says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from live import PROGRAMS

from helpers.operate.cli import main, parser

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "howto" / "submit_to_slurm.md").read_text(encoding="utf-8")


def commands():
    """Each command line of the page that is one of ours."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in "\n".join(blocks).split("\n"):
        for found in re.findall(r"clean-hours [a-z][^)>&]*", line):
            yield shlex.split(found.strip())[1:]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_each_command_of_the_page_is_one(words):
    assert parser().parse_args(words).command == words[0]


def test_the_page_s_two_commands_hand_a_job_over_on_this_machine(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEAN_HOURS_STATE", str(tmp_path / "state"))
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")
    words = ["submit", "--on", "local", "--length", "4h", "--within", "24h", "job.sh", "input.txt"]

    handed = main(words)
    watched = main(["watch", "--on", "local", "--json"])
    told = capsys.readouterr().out
    main(["watch", "--on", "local"])
    from helpers.operate.local import Local

    backend = Local()
    for statuses in backend.jobs().values():
        for status in statuses:
            backend.cancel(status.job_id)

    assert (0, 0) == (handed, watched)
    assert "Handed over to local as job 1; it starts by itself." in told
    assert '"state": "waiting"' in told


@pytest.mark.skipif(not os.environ.get("KILLS"), reason="minutes of kills: KILLS=1 make real")
@pytest.mark.real(*PROGRAMS)
def test_twenty_kills_on_a_real_slurm_lose_no_job_and_run_none_twice():
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "measure.py"), "--kills", "20", "--calm", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )

    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-2000:]
