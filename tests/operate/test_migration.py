"""Migration: a job goes where it starts earlier or cleaner, at a checkpoint, if the rules allow it."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live import PROGRAMS, open_to_all
from operate_problems import ZERO_S, curve, job, quick
from test_carrying_out import QUICK, hand_in, told
from test_decide import CALM, DEADLINE_S, STEP_S, World

from helpers.operate.agent import Agent, Settings
from helpers.operate.backend import SchedulerError, Status
from helpers.operate.cli import main
from helpers.operate.job import read_events
from helpers.operate.migration import EARLIER_S, SOON_S, migrate, moved
from helpers.operate.plans import make_plan
from helpers.operate.queue import Node, Place, Queue, Queued
from helpers.operate.revisions import Revision
from helpers.operate.rules import Partition, Resources, Rules
from helpers.operate.store import read_journal
from helpers.phases.suspension import Suspension

HOUR = 3600.0
RISING = [100, 200, 300, 400, 500, 600, 700, 800, 900, 900, 900, 900]
FALLING = [900, 800, 700, 600, 500, 100, 100, 100, 100, 100, 100, 100]


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


def plan_in(partition, values=RISING, cores=2):
    return make_plan(
        job(),
        curve(values),
        ZERO_S,
        DEADLINE_S,
        suspension=Suspension(keep="checkpoints"),
        stretch=1.1,
        margin_s=60.0,
        resources=Resources(wall_s=6 * HOUR, cores=cores, partition=partition),
    )


def queue(blocked_s=3 * HOUR, places=("a", "b"), preempted=()):
    """A queue in which partition a, of one node, is full for a while, and the others are empty."""
    running = Queued("7", "ann", "a", "running", 8, ZERO_S - 60, ZERO_S - 60, ZERO_S, blocked_s)
    return Queue(
        ZERO_S,
        tuple(Node(f"n{name}", 8, (name,)) for name in places),
        tuple(Place(name, default=name == "a", preempted=name in preempted) for name in places),
        (replace(running, nodes=("na",)),),
    )


def rules(*others, price=float("nan")):
    first = Partition("a", 1, 8, default=True, price_per_core_h=price)
    return Rules((first, *(others or (Partition("b", 1, 8),))))


def waiting(partition="a"):
    return Status("8", "0" * 16, "waiting", ZERO_S, partition=partition)


def chosen(made, now=None, allowed=None, values=RISING, status=None):
    found = migrate(
        Revision(made),
        0,
        curve(values),
        ZERO_S,
        now or queue(),
        allowed or rules(),
        status or waiting(),
    )
    return None if found is None else found.plan.resources.partition


def test_a_job_moves_to_where_it_starts_in_cleaner_hours():
    found = migrate(
        Revision(plan_in("a")), 0, curve(RISING), ZERO_S, queue(), rules(), waiting()
    ).plan

    assert ("b", 0.0) == (found.resources.partition, found.expected.wait_s.expected)
    assert found.expected.emissions_g.expected == pytest.approx(
        plan_in("a").expected.emissions_g.expected
    )


def test_where_nothing_is_gained_it_stays():
    assert None is chosen(plan_in("a"), queue(blocked_s=1.0))
    assert None is chosen(plan_in("a", [100] * 12), queue(EARLIER_S / 2), values=[100] * 12)
    assert "b" == chosen(plan_in("a", [100] * 12), queue(EARLIER_S * 2), values=[100] * 12)


def test_a_wait_that_would_miss_the_deadline_moves_it_whatever_it_emits():
    made = plan_in("a", FALLING)
    late = DEADLINE_S - ZERO_S - 4 * HOUR
    flat = replace(made, schedule=made.schedule)

    assert made.schedule.start_s[0] > ZERO_S + SOON_S
    assert None is chosen(flat, queue(late), values=FALLING)  # it is hours away: nobody knows yet
    assert "b" == chosen(plan_in("a", [100] * 12), queue(20 * HOUR), values=[100] * 12)


def test_its_own_place_in_the_queue_does_not_count_as_somebody_else_s():
    mine = Queued("8", "me", "a", "waiting", 8, ZERO_S, ZERO_S, float("nan"), 6 * HOUR)
    now = queue(1.0)

    assert None is chosen(plan_in("a", cores=8), replace(now, jobs=(*now.jobs, mine)))
    assert "b" == chosen(
        plan_in("a", cores=8), replace(now, jobs=(*now.jobs, replace(mine, job_id="9")))
    )


@pytest.mark.parametrize(
    "other",
    [
        Partition("b", 1, 8, longest_s=HOUR),
        Partition("b", 1, 1),
        Partition("b", 1, 8, up=False),
        Partition("b", 1, 8, accounts=("biology",)),
    ],
)
def test_a_partition_whose_rules_it_breaks_is_none_to_go_to(other):
    assert None is chosen(plan_in("a"), allowed=rules(other))
    with pytest.raises(ValueError, match="the centre refuses the job there"):
        moved(Revision(plan_in("a")), "b", rules(other))


def test_a_move_never_costs_more():
    dear, cheap = (Partition("b", 1, 8, price_per_core_h=price) for price in (0.03, 0.02))

    assert None is chosen(plan_in("a"), allowed=rules(dear, price=0.02))
    assert "b" == chosen(plan_in("a"), allowed=rules(cheap, price=0.02))


def test_no_job_is_moved_to_where_others_take_its_place_unless_they_do_here():
    assert None is chosen(plan_in("a"), queue(preempted=("b",)))
    assert "b" == chosen(plan_in("a"), queue(preempted=("a", "b")))


def test_a_job_whose_place_is_not_known_or_is_several_stays():
    assert None is chosen(plan_in("a"), status=waiting(""))
    assert None is chosen(plan_in("a"), status=waiting("a,b"))


def test_an_agent_moves_a_job_that_waits_once_and_by_its_rules(tmp_path):
    options = Settings(poll_s=60, tick_s=STEP_S, patience_s=60, replan_s=900, migrate=True)
    world = World(tmp_path, plan_in(None), options)
    world.slurm.seen = replace(
        queue(places=("p", "q")),
        jobs=(replace(queue().jobs[0], partition="p", nodes=("np",)),),
    )
    world.agent = Agent(
        world.slurm,
        world.state,
        options,
        clock=lambda: world.slurm.now_s,
        forecast=lambda *_: curve(RISING),
    )
    world.slurm.lag_s = 3 * HOUR  # it waits in the queue

    world.go_on(ZERO_S + 2 * HOUR)
    moves = [e for e in read_journal(world.folder) if e.what == "move" and e.result == "done"]

    assert ["q"] == [e.partition for e in moves]
    assert "q" == next(iter(world.slurm.known.values())).partition


def in_mid_run(world):
    while not world.slurm.checkpoints:
        world.go_on(world.slurm.now_s + STEP_S)
    return Revision(world.plan)


def test_a_job_that_runs_is_moved_after_a_checkpoint_and_loses_nothing(tmp_path):
    world = World(tmp_path, plan_in("p", [100] * 12))
    world.folder.revise(moved(in_mid_run(world), "q", world.slurm.rules()))

    world.go_on(DEADLINE_S + 3600)
    known = list(world.slurm.known.values())

    assert ("completed", ["q"]) == (world.outcome, [k.partition for k in known])
    assert world.slurm.work_s <= STEP_S + 5
    assert 1 == world.slurm.ends
    assert world.slurm.finished_s <= DEADLINE_S


@settings(max_examples=3, deadline=None)
@given(kills=st.lists(st.floats(0, 8 * HOUR), max_size=8), forgets=st.floats(600, 6 * HOUR))
def test_a_move_survives_whoever_is_killed(tmp_path_factory, kills, forgets):
    world = World(tmp_path_factory.mktemp("w"), plan_in("p", [100] * 12))
    world.folder.revise(moved(in_mid_run(world), "q", world.slurm.rules()))
    kills, forgot = sorted(kills), False

    while not world.folder.over and world.slurm.now_s < DEADLINE_S + 3600:
        if kills and world.slurm.now_s > ZERO_S + kills[0]:
            kills.pop(0)
            world.agent = world.new_agent()
        if not forgot and world.slurm.now_s > ZERO_S + forgets:
            forgot = True
            world.slurm.forget(15.0)
        world.go_on(world.slurm.now_s + STEP_S)

    assert ("completed", 1) == (world.outcome, world.slurm.ends)
    assert world.slurm.finished_s <= DEADLINE_S


def test_a_refused_move_is_not_asked_for_again_and_the_job_runs_where_it_is(tmp_path):
    world = World(tmp_path, plan_in("p", [100] * 12))
    world.slurm.shut = {"q"}
    world.folder.revise(moved(Revision(world.plan), "q", world.slurm.rules()))
    world.slurm.count = 0
    world.go_on(ZERO_S + 60)  # handed over to q by the plan in force
    next(iter(world.slurm.known.values())).partition = "p"  # moved back by hand

    world.go_on(DEADLINE_S + 3600)
    asked = [e for e in read_journal(world.folder) if e.what == "move"]

    assert ([], "completed") == (asked, world.outcome)


def test_a_scheduler_that_refuses_a_move_is_asked_once(tmp_path):
    world = World(tmp_path, plan_in("p", FALLING))
    world.slurm.shut = {"q"}
    world.go_on(ZERO_S + 60)
    world.folder.revise(moved(Revision(world.plan), "q", world.slurm.rules()))

    world.go_on(DEADLINE_S + 3600)
    asked = [e for e in read_journal(world.folder) if e.what == "move" and e.result != "intended"]

    assert (1, "completed") == (len(asked), world.outcome)
    assert asked[0].result.startswith("refused")


def test_a_job_too_near_its_last_moment_is_not_interrupted_to_be_moved(tmp_path):
    tight = make_plan(
        job(),
        curve([100] * 12),
        ZERO_S,
        ZERO_S + job().duration_s + 120.0,
        resources=Resources(wall_s=6 * HOUR, partition="p"),
    )
    world = World(tmp_path, tight, CALM)
    world.folder.revise(moved(in_mid_run(world), "q", world.slurm.rules()))

    world.go_on(DEADLINE_S)

    assert ("completed", ["p"]) == (
        world.outcome,
        [k.partition for k in world.slurm.known.values()],
    )


def test_a_machine_with_one_place_refuses_to_move(tmp_path):
    from helpers.operate.local import Local

    with pytest.raises(SchedulerError, match="moves no jobs") as refusal:
        Local(tmp_path).move("1", "b")

    assert refusal.value.sure


# --- on a real Slurm ------------------------------------------------------------------------------


@pytest.fixture
def real(live, tmp_path, monkeypatch):
    work, state = open_to_all(tmp_path / "work"), open_to_all(tmp_path / "state")
    monkeypatch.chdir(work)
    monkeypatch.setenv("CLEAN_HOURS_STATE", str(state))
    return live.backend(), work, state


def step_until(agent, done, timeout_s):
    until_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < until_s, "it did not happen in time"
        agent.step()
        time.sleep(0.1)


@pytest.mark.real(*PROGRAMS)
def test_slurm_moves_a_waiting_job_and_says_so_when_it_moves_none(real, live):
    backend, work, _ = real
    words = ["sbatch", "--parsable", f"--chdir={work}", "--time=5", "--partition=batch"]
    waits = live.run(*words, "--begin=now+1000", "--wrap=true", user="u01").strip()
    runs = live.run(*words, "--wrap=sleep 30", user="u01").strip()
    time.sleep(2.5)

    backend.move(waits, "short")
    with pytest.raises(SchedulerError, match="no longer pending") as running:
        backend.move(runs, "short")
    with pytest.raises(SchedulerError) as unknown:
        backend.move(waits, "nowhere")
    with pytest.raises(SchedulerError):
        backend.move(waits, "closed")
    with pytest.raises(ValueError, match="must be letters"):
        backend.move(waits, "short TimeLimit=1")
    where = live.run("squeue", "-h", "-j", waits, "-o", "%P").strip()
    live.run("scancel", waits, runs)

    assert (True, True, "short") == (running.value.sure, unknown.value.sure, where)


@pytest.mark.real(*PROGRAMS)
def test_on_slurm_a_running_job_moves_after_its_checkpoint(real, capsys):
    backend, work, state = real
    made, text, _ = quick(time.time(), checkpoints=8, window_s=110.0)
    made = replace(made, resources=Resources(wall_s=600.0, partition="batch"))
    folder = hand_in(state, made, text, work)
    agent = Agent(backend, state, QUICK)
    step_until(agent, lambda: any(e.event == "checkpoint" for e in read_events(folder.path)), 60)

    folder.revise(moved(folder.revision, "short", backend.rules()))
    step_until(agent, lambda: folder.over, 110)
    status = backend.jobs()[folder.key][-1]
    ticks = [line for line in told(folder) if line.startswith("tick")]

    assert ("completed", "short") == (status.state, status.partition)
    assert 8 == sum(e.event == "checkpoint" for e in read_events(folder.path))
    assert 32 <= len(ticks) <= 32 + 4 * status.restarts
    assert read_events(folder.path)[-1].time_s <= made.deadline_s


@pytest.mark.real(*PROGRAMS)
def test_on_slurm_a_job_that_waits_in_a_full_partition_is_moved_by_its_agent(real, live):
    backend, work, state = real
    words = ["sbatch", "--parsable", f"--chdir={work}", "--nodes=4", "--ntasks=32", "--mem=800"]
    first = live.run(*words, "--time=1", "--wrap=sleep 12", user="u02").strip()
    time.sleep(2.0)
    second = live.run(*words, "--time=60", "--wrap=sleep 500", user="u02").strip()
    now_s = time.time()
    made = make_plan(
        quick(now_s)[0].job,
        curve_at(now_s),
        now_s,
        now_s + 3600.0,
        resources=Resources(wall_s=600.0, cores=2, memory_mb=100, partition="batch"),
    )
    folder = hand_in(state, made, quick(now_s)[1], work)
    options = Settings(poll_s=0.5, tick_s=0.1, patience_s=6.0, replan_s=1.0, migrate=True)
    agent = Agent(backend, state, options, forecast=lambda *_: curve_at(now_s))

    step_until(agent, lambda: folder.over, 60)
    live.run("scancel", first, second)
    status = backend.jobs()[folder.key][-1]

    assert ("completed", "short") == (status.state, status.partition)
    assert 1 == len([e for e in read_journal(folder) if e.what == "move" and e.result == "done"])


def curve_at(now_s):
    from helpers.carbon.signal import Intensity

    edges_s = [now_s - 60, now_s + 300, now_s + 600, now_s + 7200]
    return Intensity(edges_s, [100.0, 300.0, 600.0], "average", "DE", "made up")


def test_the_command_plans_a_job_in_another_partition(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEAN_HOURS_STATE", str(tmp_path / "state"))
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")
    main(["submit", "--on", "local", "--length", "4h", "--from", "2035-01-01T00:00", "job.sh"])
    key = next((tmp_path / "state" / "jobs").iterdir()).name
    capsys.readouterr()

    refused = main(["move", "--on", "local", key, "--partition", "b"])
    told_ = capsys.readouterr().err
    taken = main(["move", "--on", "local", "1", "--partition", "local"])
    unknown = main(["move", "--on", "local", "../..", "--partition", "local"])
    from helpers.operate.local import Local

    Local().cancel("1")

    assert (2, 0, 2) == (refused, taken, unknown)
    assert "partition 'b' does not exist: choose one of local" in told_
