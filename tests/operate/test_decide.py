"""Decisions under every mishap at once, in virtual time: nothing is lost, late or run twice."""

from __future__ import annotations

import json
import math
import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fake_slurm import FakeSlurm
from hypothesis import given, settings
from hypothesis import strategies as st
from operate_problems import ZERO_S, curve, job

from helpers.operate.agent import Agent, Settings, Sight, decide
from helpers.operate.backend import Status
from helpers.operate.job import Event
from helpers.operate.plans import make_plan
from helpers.operate.rules import Resources
from helpers.operate.store import Entry, prepare, read_journal
from helpers.phases.suspension import Suspension

STEP_S = 10.0
DEADLINE_S = ZERO_S + 12 * 3600.0
CALM = Settings(poll_s=60.0, tick_s=STEP_S, patience_s=60.0)


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_disks():
    """Virtual time waits for no disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


def plan_on(values):
    return make_plan(
        job(),
        curve(values),
        ZERO_S,
        DEADLINE_S,
        suspension=Suspension(keep="checkpoints"),
        stretch=1.2,
        margin_s=1200.0,
        resources=Resources(wall_s=12 * 3600.0),
    )


class World:
    """A plan, a scheduler and an agent that may be replaced at any moment."""

    def __init__(self, folder, plan, options=CALM, **about):
        script = Path(folder) / "user.sh"
        script.write_text("#!/bin/sh\n")
        self.state = Path(folder) / "state"
        self.folder = prepare(plan, script, state=self.state)
        self.plan, self.options = plan, options
        self.slurm = FakeSlurm(self.folder, plan, plan.release_s, **about)
        self.agent = self.new_agent()

    def new_agent(self):
        return Agent(self.slurm, self.state, self.options, clock=lambda: self.slurm.now_s)

    def go_on(self, until_s, *, agent=True):
        while self.slurm.now_s < until_s and not self.folder.over:
            if agent:
                self.agent.step()
            self.slurm.advance(self.slurm.now_s + STEP_S)

    @property
    def outcome(self):
        path = self.folder.path / "receipt.json"
        return json.loads(path.read_text())["outcome"] if path.exists() else None


values = st.lists(st.integers(20, 900), min_size=12, max_size=12)


@settings(max_examples=10)
@given(values=values, slow=st.floats(0.8, 1.2), lag_s=st.floats(0.0, 60.0))
def test_in_calm_a_plan_is_carried_out_and_loses_nothing(values, slow, lag_s):
    with TemporaryDirectory() as folder:
        world = World(folder, plan_on(values), slow=slow, lag_s=lag_s)

        world.go_on(DEADLINE_S + 3600)
        pauses = [
            e for e in read_journal(world.folder) if e.what == "requeue" and e.result == "done"
        ]

        assert "completed" == world.outcome
        assert world.slurm.finished_s <= DEADLINE_S
        assert 1 == world.slurm.ends
        assert world.slurm.work_s <= (STEP_S + 5) * len(pauses)  # a pause follows its checkpoint
        assert len(pauses) <= world.plan.schedule.resumes


@settings(max_examples=20)
@given(
    values=values,
    slow=st.floats(0.8, 1.2),
    seed=st.integers(0, 2**32 - 1),
    last_breath=st.floats(0.0, 1.0),
)
def test_whatever_dies_and_forgets_no_job_is_lost_late_or_run_twice(
    values, slow, seed, last_breath
):
    rng = random.Random(seed)
    length_s = DEADLINE_S - ZERO_S
    away = []
    for _ in range(rng.randrange(4)):
        start_s = ZERO_S + 60 + rng.random() * length_s * 0.8
        away.append((start_s, start_s + rng.uniform(1, 300)))
    forgets = sorted(ZERO_S + 60 + rng.random() * length_s * 0.8 for _ in range(rng.randrange(4)))
    kills = sorted(ZERO_S + rng.random() * length_s for _ in range(rng.randrange(30)))
    dies_s = ZERO_S + 120 + last_breath * 2 * length_s
    with TemporaryDirectory() as folder:
        world = World(folder, plan_on(values), slow=slow, away=away)
        slurm = world.slurm
        while slurm.now_s < DEADLINE_S + 7200 and not world.folder.over:
            if kills and slurm.now_s >= kills[0]:
                kills.pop(0)
                world.agent = world.new_agent()
                slurm.advance(slurm.now_s + rng.choice([10.0, 60.0, 900.0]))
            if forgets and slurm.now_s >= forgets[0]:
                forgets.pop(0)
                slurm.forget(rng.uniform(0.0, 15.0))
            if slurm.now_s < dies_s or not slurm.known:
                world.agent.step()
            slurm.advance(slurm.now_s + STEP_S)
        if slurm.now_s >= dies_s:  # somebody looks in the end, for the receipt
            for _ in range(20):
                slurm.advance(slurm.now_s + 60.0)
                world.agent.step()

        assert slurm.finished_s <= DEADLINE_S
        assert 1 == slurm.ends
        assert "completed" == world.outcome


@given(values=values, switch=st.sampled_from(["planned start", "last moment"]))
@settings(max_examples=10)
def test_an_agent_that_dies_at_once_leaves_a_job_that_meets_its_deadline(values, switch):
    with TemporaryDirectory() as folder:
        world = World(
            folder, plan_on(values), Settings(switch=switch, poll_s=60, tick_s=10), slow=1.2
        )
        world.go_on(ZERO_S + 30)

        world.go_on(DEADLINE_S, agent=False)

        assert world.slurm.finished_s <= DEADLINE_S


def sight(**given):
    plan = given.pop("plan", None) or plan_on(
        [400, 100, 100, 500, 500, 500, 100, 100, 100, 400, 400, 400]
    )
    return Sight(**({"now_s": ZERO_S, "plan": plan} | given))


def waiting(begin_s, **more):
    return Status("7", "0" * 16, "waiting", begin_s, **more)


def test_an_answer_that_is_none_is_no_order_to_hand_over_again():
    journal = [Entry(ZERO_S, "submit", "done", "7")]

    assert "look" == decide(sight(journal=journal)).kind
    assert "wait" == decide(sight(journal=journal, runs=[])).kind


def test_a_submission_without_answer_is_waited_for_before_it_is_repeated():
    journal = [Entry(ZERO_S, "submit", "intended"), Entry(ZERO_S, "submit", "unsure: no answer")]

    now_s = ZERO_S + 31

    assert "wait" == decide(sight(journal=journal, now_s=ZERO_S + 10, missing_s=ZERO_S)).kind
    assert "submit" == decide(sight(journal=journal, now_s=now_s, missing_s=ZERO_S)).kind
    assert "wait" == decide(sight(journal=journal, now_s=now_s, missing_s=now_s - 1)).kind


def test_a_requeued_job_rests_before_it_begins():
    plan = plan_on([100] * 12)
    status = waiting(ZERO_S + 121, restarts=1)

    action = decide(sight(plan=plan, statuses=[status], rest_s=121.0))

    assert action.kind in {"begin", "wait"}
    assert action.at_s is None or action.at_s >= ZERO_S + 121
    assert not (action.kind == "begin" and action.at_s is None)


def test_a_pause_that_would_lose_work_waits_for_the_next_checkpoint():
    base = sight()
    stop_s = float(base.plan.schedule.stop_s[0])
    done = round(float(base.plan.schedule.work_to_s[0]) / 1800)
    start_s = float(base.plan.schedule.start_s[0])
    status = Status("7", "0" * 16, "running", start_s, start_s)
    events = [Event("checkpoint", start_s + 600 + 1800.0 * (k + 1)) for k in range(done)]

    fresh = decide(sight(now_s=stop_s + 5, statuses=[status], events=events))
    stale = decide(sight(now_s=stop_s + 900, statuses=[status], events=events))

    assert ("requeue", "wait") == (fresh.kind, stale.kind)


@pytest.mark.parametrize(
    ("late_s", "early"),
    [(0.0, 0), (900.0, 0), (3500.0, 0), (3600.0, 1), (5300.0, 1), (5400.0, 2)],
)
def test_two_intervals_of_delay_bring_a_pause_one_checkpoint_early_and_less_none(late_s, early):
    base = sight()
    schedule = base.plan.schedule
    start_s, stop_s = float(schedule.start_s[0]), float(schedule.stop_s[0])
    planned = round(float(schedule.work_to_s[0]) / 1800)
    status = Status("7", "0" * 16, "running", start_s, start_s + late_s)
    marks_s = [stop_s + late_s - 1800.0 * (planned - k) for k in range(1, planned + 1)]
    actions = [
        decide(
            sight(
                now_s=mark_s + 1,
                statuses=[status],
                events=[Event("checkpoint", t) for t in marks_s[: k + 1]],
            )
        )
        for k, mark_s in enumerate(marks_s)
    ]
    pauses = [action.kind == "requeue" for action in actions]

    assert planned - early == 1 + pauses.index(True)
    assert ("late" in actions[pauses.index(True)].why) == (early > 0)


def test_a_run_that_says_nothing_at_all_is_one_that_only_its_controller_believes_in():
    status = Status("7", "0" * 16, "running", ZERO_S, ZERO_S)

    early = decide(sight(statuses=[status], now_s=ZERO_S + 500))
    late = decide(sight(statuses=[status], now_s=ZERO_S + 601))
    heard = decide(sight(statuses=[status], now_s=ZERO_S + 601, events=[Event("started", ZERO_S)]))

    assert ("wait", "requeue", "wait") == (early.kind, late.kind, heard.kind)


def test_of_two_jobs_of_one_key_the_running_one_stays():
    running = Status("9", "0" * 16, "running", ZERO_S, ZERO_S)

    action = decide(sight(statuses=[waiting(ZERO_S), running]))

    assert ("cancel", "7") == (action.kind, action.job_id)


def test_a_job_that_its_scheduler_holds_is_dropped_once_and_handed_over_again():
    held = waiting(ZERO_S - 60, restarts=1, held=True, reason="JobHeldUser")
    journal = [Entry(ZERO_S - 900, "submit", "done", "7")]
    dropped = [*journal, Entry(ZERO_S, "cancel", "done", "7")]
    gone = Status("7", "0" * 16, "cancelled", ZERO_S)
    later = {"now_s": ZERO_S + 40, "missing_s": ZERO_S + 5}

    first = decide(sight(statuses=[held], journal=journal))
    meanwhile = decide(sight(statuses=[held], journal=dropped, now_s=ZERO_S + 5))
    stubborn = decide(sight(statuses=[held], journal=dropped, now_s=ZERO_S + 31))
    after = decide(sight(statuses=[gone], journal=dropped, **later))
    unseen = decide(sight(journal=dropped, **later, runs=[]))

    assert ("cancel", "7") == (first.kind, first.job_id)
    assert ["wait", "cancel", "submit"] == [meanwhile.kind, stubborn.kind, after.kind]
    assert "submit" == unseen.kind  # only after the patience that an answer of none asks for
    assert "wait" == decide(sight(journal=dropped, missing_s=ZERO_S + 5, runs=[])).kind


def test_agents_that_never_live_as_long_as_their_patience_hand_a_lost_job_over_again():
    with TemporaryDirectory() as folder:
        world = World(folder, plan_on([900, *[100] * 11]))
        slurm = world.slurm
        world.go_on(ZERO_S + 30)
        slurm.known.clear()  # the controller has forgotten the submission
        while slurm.now_s < DEADLINE_S and not world.folder.over:
            world.agent = world.new_agent()  # each is killed long before its patience ends
            world.go_on(slurm.now_s + 2 * STEP_S)

        assert ("completed", 1) == (world.outcome, slurm.ends)
        assert slurm.finished_s <= DEADLINE_S


def test_a_start_that_its_controller_forgot_costs_a_new_number_and_no_work():
    with TemporaryDirectory() as folder:
        world = World(folder, plan_on([900, *[100] * 11]))
        slurm = world.slurm
        while not slurm.on_node:
            world.go_on(slurm.now_s + STEP_S)
        slurm.forget(STEP_S)  # it starts the job again, and its node knows the number

        world.go_on(DEADLINE_S)

        assert ("completed", 1, 2) == (world.outcome, slurm.ends, slurm.count)
        assert slurm.finished_s <= DEADLINE_S


def test_of_two_jobs_of_one_key_the_held_one_goes():
    other = Status("9", "0" * 16, "waiting", ZERO_S + 60)

    action = decide(sight(statuses=[waiting(ZERO_S, held=True), other]))

    assert ("cancel", "7") == (action.kind, action.job_id)


def test_a_job_ended_by_a_requeue_that_its_controller_forgot_goes_on_as_a_new_one():
    journal = [Entry(ZERO_S, "submit", "done", "7"), Entry(ZERO_S + 900, "requeue", "done", "7")]
    ended = [Status("7", "0" * 16, "failed", ZERO_S)]
    said = [Event("started", ZERO_S), Event("checkpoint", ZERO_S + 899)]

    def kind(**given):
        later = {"now_s": ZERO_S + 1000, "missing_s": ZERO_S + 901, "journal": journal}
        return decide(sight(**({"events": said, "statuses": ended} | later | given))).kind

    assert "submit" == kind()
    assert "wait" == kind(missing_s=ZERO_S + 999)
    assert "submit" == kind(journal=journal[:1])
    assert "finish" == kind(events=[*said, Event("failed", ZERO_S + 901)])
    assert "finish" == kind(statuses=[Status("7", "0" * 16, "failed", ZERO_S, reason="TimeLimit")])
    assert "finish" == kind(
        statuses=[Status("7", "0" * 16, "cancelled", ZERO_S)], journal=journal[:1]
    )


def test_a_job_that_its_agent_dropped_says_nothing_about_the_other():
    journal = [Entry(ZERO_S, "submit", "done", name) for name in ("7", "9")]
    journal.append(Entry(ZERO_S, "cancel", "done", "9"))
    dropped = Status("9", "0" * 16, "cancelled", ZERO_S)

    action = decide(sight(journal=journal, statuses=[dropped]))

    assert ("look", "7") == (action.kind, action.job_id)


def test_a_state_that_is_not_known_is_left_alone():
    odd = Status("7", "0" * 16, "unknown", ZERO_S, reason="FANCY_NEW_STATE")

    assert "wait" == decide(sight(statuses=[odd])).kind


@given(
    state=st.sampled_from(["waiting", "running", "completed", "failed", "cancelled", "unknown"]),
    begin_s=st.floats(ZERO_S - 1e5, ZERO_S + 1e5),
    restarts=st.integers(0, 3),
    now_s=st.floats(ZERO_S, DEADLINE_S + 1e5),
    marks=st.lists(st.floats(ZERO_S, DEADLINE_S), max_size=12),
)
@settings(max_examples=200)
def test_a_waiting_job_is_never_told_to_begin_after_its_last_moment(
    state, begin_s, restarts, now_s, marks
):
    started_s = ZERO_S if state == "running" else None
    status = Status("7", "0" * 16, state, begin_s, started_s, restarts)
    events = [Event("checkpoint", mark) for mark in sorted(marks)]
    seen = sight(statuses=[status], now_s=now_s, events=events, rest_s=121.0)

    action = decide(seen)

    if action.kind == "begin" and action.at_s is not None:
        rested_s = seen.rested_s(status) if restarts else -math.inf
        assert action.at_s <= max(seen.plan.last_moment_s(seen.kept_s), rested_s) + 1


def test_an_unknown_switch_is_refused():
    with pytest.raises(ValueError, match="planned start"):
        Settings(switch="never")
