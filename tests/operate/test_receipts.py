"""Receipts tell what really happened, also where nobody but the job itself remembers."""

from __future__ import annotations

import math

import pytest
from operate_problems import curve, plan

from helpers.operate.backend import Run
from helpers.operate.job import Event
from helpers.operate.receipts import make_receipt, runs_said


def said(made):
    """What a job says that keeps to its plan to the second."""
    found = []
    done = 0
    marks_s = made.job.work_profile.checkpoints_s
    schedule = made.schedule
    for start_s, from_s, to_s in zip(
        schedule.start_s, schedule.work_from_s, schedule.work_to_s, strict=True
    ):
        found.append(Event("started", float(start_s)))
        while done < marks_s.size and marks_s[done] <= to_s + 1e-6:
            at_s = start_s + made.job.startup_profile.duration_s + marks_s[done] - from_s
            found.append(Event("checkpoint", float(at_s)))
            done += 1
    return [*found, Event("finished", float(schedule.stop_s[-1]))]


def test_a_job_that_never_started_has_no_runs_and_yet_a_receipt():
    receipt = make_receipt(plan(), "cancelled", [], [], intensity=curve())

    assert [] == runs_said([])
    assert ("cancelled", (), 0) == (receipt.outcome, receipt.real_start_s, receipt.pauses)
    assert math.isnan(receipt.real_g)


def test_what_was_carried_out_to_the_second_emits_what_was_planned():
    made = plan()
    runs = [
        Run(float(start), float(stop), "COMPLETED", math.nan)
        for start, stop in zip(made.schedule.start_s, made.schedule.stop_s, strict=True)
    ]

    receipt = make_receipt(made, "completed", runs, said(made), intensity=curve())

    assert pytest.approx(receipt.planned_g) == receipt.real_g
    assert 0.0 == receipt.work_twice_s


@pytest.mark.parametrize("known", [0, 1])
def test_runs_that_a_scheduler_has_forgotten_are_taken_from_what_the_job_said(known):
    made = plan()
    runs = [Run(float(made.schedule.start_s[0]), float(made.schedule.stop_s[0]), "X", math.nan)]

    receipt = make_receipt(made, "completed", runs[:known], said(made), intensity=curve())

    assert 2 == len(receipt.real_start_s)
    assert pytest.approx(receipt.planned_g, rel=0.01) == receipt.real_g
