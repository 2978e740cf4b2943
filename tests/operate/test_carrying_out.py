"""Plans carried out: a job runs, pauses, resumes and is finished, whoever dies in between."""

from __future__ import annotations

import json
import math
import os
import signal
import time

import pytest
from live import open_to_all
from operate_problems import quick

from helpers.operate.agent import Agent, Settings
from helpers.operate.job import read_events
from helpers.operate.receipts import read_receipts
from helpers.operate.store import prepare, read_journal

QUICK = Settings(poll_s=0.5, tick_s=0.1, patience_s=6.0)


@pytest.fixture
def world(bench, tmp_path, monkeypatch):
    """A bench with a state folder that jobs of another user may use."""
    if bench.backend.name == "tapis":
        pytest.skip("minutes of real time, and its jobs are those of the local back end")
    state = open_to_all(tmp_path / "state")
    monkeypatch.chdir(bench.folder)
    return bench, state


def hand_in(state, made, text, folder):
    script = folder / "user.sh"
    script.write_text(text)
    found = prepare(made, script, state=state, grace_s=0.2)
    for path in (state / "jobs", found.path):
        path.chmod(0o777)
    for path in found.path.iterdir():
        path.chmod(0o755)
    return found


def carry_out(agent, timeout_s):
    """Step until all is over, and return the longest time between two looks [s]."""
    until_s = time.monotonic() + timeout_s
    slowest_s, looked_s = 0.0, time.monotonic()
    while agent.step():
        slowest_s = max(slowest_s, time.monotonic() - looked_s)
        looked_s = time.monotonic()
        assert looked_s < until_s, "the job is not over in time"
        time.sleep(agent.settings.tick_s)
    return slowest_s


def due_at(made, events):
    """The checkpoint after which a run must pause, by its plan and by when it said what."""
    starts = [k for k, e in enumerate(events) if e.event == "started"]
    marks_s = [e.time_s for e in events[: starts[1]] if e.event == "checkpoint"]
    stop_s, planned = float(made.schedule.stop_s[0]), float(made.schedule.work_to_s[0]) / 2
    for number, mark_s in enumerate(marks_s, start=1):
        # two seconds are an interval: so late, its clean hours are over (see `test_decide`)
        if (number >= round(planned) and mark_s >= stop_s - 1) or mark_s >= stop_s + 2:
            return number
    return math.inf


def told(folder):
    return (folder.path / "told").read_text().split("\n")


def test_a_job_runs_pauses_after_its_checkpoint_and_resumes(world):
    bench, state = world
    made, text, curve = quick(time.time())
    folder = hand_in(state, made, text, bench.folder)

    agent = Agent(bench.backend, state, QUICK, intensity=lambda *_: curve)
    slowest_s = carry_out(agent, 70)
    receipt = json.loads((folder.path / "receipt.json").read_text())
    starts = [line for line in told(folder) if line.startswith("start")]
    resumed, due = int(starts[1].split()[1]), due_at(made, read_events(folder.path))

    assert 1 == made.schedule.resumes
    assert "completed" == receipt["outcome"]
    assert 2 == len(starts)
    # Who looks a second after a checkpoint waits for the next one, for a pause would lose work.
    assert due == resumed or (slowest_s > 0.7 and due == resumed - 1)
    assert receipt["real_stop_s"][-1] <= made.deadline_s
    assert receipt["work_twice_s"] <= 2.0
    assert 1 == [e.event for e in read_events(folder.path)].count("finished")
    assert receipt["real_g"] < receipt["at_once_g"]


def test_what_a_dead_agent_leaves_behind_runs_by_itself_in_time(world):
    bench, state = world
    made, text, _ = quick(time.time(), window_s=50.0)
    folder = hand_in(state, made, text, bench.folder)
    agent = Agent(bench.backend, state, QUICK)
    agent.step()  # hands it over, and is never seen again

    status = bench.wait_for(folder.key, "completed", timeout_s=60)

    assert "completed" == status.state
    assert read_events(folder.path)[-1].time_s <= made.deadline_s


@pytest.mark.parametrize("switch", ["planned start", "last moment"])
def test_a_waiting_job_starts_by_itself_no_later_than_its_last_moment(world, switch):
    bench, state = world
    made, text, _ = quick(time.time() + 3600)
    folder = hand_in(state, made, text, bench.folder)

    agent = Agent(bench.backend, state, Settings(switch=switch, tick_s=0.1, poll_s=0.2))
    for _ in range(3):
        agent.step()
        time.sleep(0.3)
    expected = made.last_moment_s() if switch == "last moment" else made.schedule.start_s[0]

    assert abs(bench.status(folder.key).begin_s - expected) <= 2
    assert 1 == len([e for e in read_journal(folder) if e.what == "submit" and e.result == "done"])


def test_an_agent_that_is_killed_again_and_again_still_carries_out_its_plan(world):
    bench, state = world
    made, text, _ = quick(time.time(), window_s=70.0)
    folder = hand_in(state, made, text, bench.folder)

    until_s = time.monotonic() + 75
    lives = 0
    while not folder.over and time.monotonic() < until_s:
        child = os.fork()
        if child == 0:
            try:
                Agent(bench.backend, state, QUICK).run(until_empty=True)
            finally:
                os._exit(0)
        time.sleep(0.3 + 0.37 * (lives % 7))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lives += 1
    ticks = [line for line in told(folder) if line.startswith("tick")]

    receipt = json.loads((folder.path / "receipt.json").read_text())

    history = "\n".join(str(entry) for entry in read_journal(folder))
    assert "completed" == receipt["outcome"], history
    assert lives > 5
    assert read_receipts(state)["late_s"][0] <= 0
    assert 24 <= len(ticks) <= 24 + 4 * read_receipts(state)["pauses"][0]


def test_a_job_cancelled_by_its_user_is_not_handed_over_again(world):
    bench, state = world
    made, text, _ = quick(time.time() + 3600)
    folder = hand_in(state, made, text, bench.folder)
    agent = Agent(bench.backend, state, QUICK)
    agent.step()

    bench.backend.cancel(bench.status(folder.key).job_id)
    carry_out(agent, 20)

    assert "cancelled" == json.loads((folder.path / "receipt.json").read_text())["outcome"]
    assert 1 == len(bench.backend.jobs()[folder.key])


def test_a_job_handed_over_twice_runs_once(world):
    bench, state = world
    made, text, _ = quick(time.time() + 3600)
    folder = hand_in(state, made, text, bench.folder)
    for _ in range(2):
        bench.backend.submit(folder.submission(time.time() + 3600))

    agent = Agent(bench.backend, state, QUICK)
    for _ in range(6):
        agent.step()
        time.sleep(0.4)
    alive = [s for s in bench.backend.jobs()[folder.key] if not s.over]

    assert 1 == len(alive)


def test_a_job_that_has_finished_never_runs_again(world):
    bench, state = world
    made, text, _ = quick(time.time() - 20)
    folder = hand_in(state, made, text, bench.folder)
    (folder.path / "finished").touch()

    bench.backend.submit(folder.submission(time.time()))
    bench.wait_for(folder.key, "completed")

    assert not (folder.path / "told").exists()
