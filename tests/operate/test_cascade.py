"""A job longer than its time limit goes on as a cascade of short runs, from checkpoint to checkpoint."""

from __future__ import annotations

import json
import os
import time

import pytest
from live import PROGRAMS, open_to_all
from operate_problems import SCRIPT

from helpers.carbon.signal import Intensity
from helpers.operate.agent import Agent, Settings
from helpers.operate.job import read_events
from helpers.operate.plans import make_plan
from helpers.operate.rules import Resources
from helpers.operate.store import prepare
from helpers.phases.model import Phase, PhaseModel, Repeat
from helpers.phases.suspension import Suspension

LIMIT_S, CHECKPOINTS, INTERVAL_S = 120.0, 30, 5.0


def long_job(wall_s, folder):
    epoch = Phase("epoch", INTERVAL_S, 200.0, checkpoint=True)
    model = PhaseModel("long", (Phase("load", 1.0, 100.0),), (Repeat(CHECKPOINTS, (epoch,)),))
    now_s = time.time()
    flat = Intensity([now_s, now_s + 3600.0], [100.0], "average", "DE", "made up")
    made = make_plan(
        model,
        flat,
        now_s,
        now_s + 900.0,
        suspension=Suspension(keep="checkpoints"),
        resources=Resources(wall_s=wall_s),
        resolution_s=5.0,
    )
    script = folder / "user.sh"
    script.write_text(SCRIPT.format(startup=1, checkpoints=CHECKPOINTS, tick=INTERVAL_S / 4 - 0.02))
    return made, script


def test_a_job_that_fits_its_limit_asks_for_no_signal(tmp_path):
    texts = {}
    for wall_s in (LIMIT_S, 1e4):
        made, script = long_job(wall_s, tmp_path)
        texts[wall_s] = (prepare(made, script, state=tmp_path / "s").path / "run.sh").read_text()

    assert "#SBATCH --signal=B:USR1@20\n" in texts[LIMIT_S]
    assert "USR1" not in texts[1e4]


@pytest.mark.skipif(not os.environ.get("KILLS"), reason="minutes of real time: KILLS=1 make real")
@pytest.mark.real(*PROGRAMS)
@pytest.mark.parametrize("watched", [True, False])
def test_near_its_time_limit_a_job_goes_on_in_a_run_of_its_own(
    live, tmp_path, monkeypatch, watched
):
    work, state = open_to_all(tmp_path / "work"), open_to_all(tmp_path / "state")
    monkeypatch.chdir(work)
    made, script = long_job(LIMIT_S, work)
    folder = prepare(made, script, state=state, grace_s=0.2)
    for path in (state / "jobs", folder.path):
        path.chmod(0o777)
    for path in folder.path.iterdir():
        path.chmod(0o755)
    agent = Agent(live.backend(), state, Settings(poll_s=1.0, tick_s=0.2, patience_s=8.0))
    agent.hand_over(folder)

    until_s = time.monotonic() + 420
    while not folder.over and time.monotonic() < until_s:
        if watched or (folder.path / "finished").exists():
            agent.step()
        time.sleep(0.2)
    events = read_events(folder.path)
    receipt = json.loads((folder.path / "receipt.json").read_text())
    told = (folder.path / "told").read_text().split("\n")

    assert "completed" == receipt["outcome"]
    assert 2 == sum(e.event == "started" for e in events)
    assert CHECKPOINTS == sum(e.event == "checkpoint" for e in events)
    assert sum(line.startswith("tick") for line in told) <= 4 * (CHECKPOINTS + 1)
