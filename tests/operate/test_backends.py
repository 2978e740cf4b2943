"""What every back end must do, the same tests for each; a new one joins the fixture `bench`."""

from __future__ import annotations

import itertools
import math
import os
import time

import pytest

from helpers.operate.backend import SchedulerError, Submission
from helpers.operate.rules import Resources

_numbers = itertools.count(int(time.time()) << 16)


def key():
    return f"{next(_numbers):016x}"


def hand_over(bench, text, delay_s, arguments=(), resources=None):
    name = key()
    submission = Submission(
        name,
        bench.script(text),
        time.time() + delay_s,
        resources or bench.resources,
        bench.folder,
        arguments,
    )
    return name, bench.backend.submit(submission)


def test_a_job_waits_for_its_begin_and_starts_when_told(bench):
    name, job_id = hand_over(bench, "echo ran > ran", 3600)
    time.sleep(2)
    before = bench.status(name)

    bench.backend.begin(job_id)
    after = bench.wait_for(name, "completed")

    assert ("waiting", job_id) == (before.state, before.job_id)
    assert abs(before.begin_s - time.time() - 3600) < 60
    assert "completed" == after.state
    assert (bench.folder / "ran").exists()


def test_a_job_starts_by_itself_when_nobody_acts(bench):
    begin_s = time.time() + 2
    name, job_id = hand_over(bench, "true", 2)

    bench.wait_for(name, "completed")
    run = bench.backend.runs(job_id)[0]

    assert begin_s - 0.5 <= run.start_s < begin_s + 5


def test_a_job_is_told_to_begin_later(bench):
    name, job_id = hand_over(bench, "true", 600)

    bench.backend.begin(job_id, time.time() + 7200)
    status = bench.status(name)

    assert "waiting" == status.state
    assert abs(status.begin_s - time.time() - 7200) < 60


def test_a_requeued_job_waits_unheld_and_runs_again(bench):
    name, job_id = hand_over(bench, "echo run >> runs; sleep 30", 0)
    bench.wait_for(name, "running")
    time.sleep(0.5)

    bench.backend.requeue(job_id)
    waiting = bench.wait_for(name, "waiting")
    time.sleep(bench.backend.rest_s)
    bench.backend.begin(job_id)
    again = bench.wait_for(name, "running")
    time.sleep(0.5)
    bench.backend.cancel(job_id)
    bench.wait_for(name, "cancelled")

    assert 0 < waiting.begin_s - time.time() + 30 < 200  # not held: it would have started by itself
    assert (1, job_id) == (again.restarts, again.job_id)
    assert ["run", "run"] == (bench.folder / "runs").read_text().split()


def test_each_run_is_accounted_for(bench):
    name, job_id = hand_over(bench, "sleep 2", 0)
    running = bench.wait_for(name, "running")

    bench.wait_for(name, "completed")
    time.sleep(1.5)  # accounting may lag behind
    runs = bench.backend.runs(job_id)

    assert 1 == len(runs)
    assert abs(runs[0].start_s - running.started_s) <= 1
    assert 1 <= runs[0].stop_s - runs[0].start_s <= 8


def test_a_waiting_and_a_running_job_can_be_cancelled_and_twice(bench):
    waiting, first = hand_over(bench, "true", 3600)
    running, second = hand_over(bench, "sleep 60", 0)
    bench.wait_for(running, "running")

    for job_id in (first, second, first):
        bench.backend.cancel(job_id)

    assert "cancelled" == bench.wait_for(waiting, "cancelled").state
    assert "cancelled" == bench.wait_for(running, "cancelled").state


def test_a_job_that_fails_is_told_from_one_that_ends_well(bench):
    name, _ = hand_over(bench, "exit 3", 0)

    assert "failed" == bench.wait_for(name, "failed", "completed").state


def test_a_job_past_its_time_limit_is_ended(bench):
    if bench.backend.name in {"slurm", "tapis"}:
        pytest.skip("it counts time limits in minutes: too long for a test")
    name, job_id = hand_over(bench, "sleep 60", 0, resources=Resources(wall_s=1.0))

    bench.wait_for(name, "failed")

    assert "TIMEOUT" == bench.backend.runs(job_id)[-1].state


HOSTILE = (
    "a b",
    "$(touch hacked)",
    "`touch hacked`",
    "; touch hacked",
    "'\"\\",
    "--wrap=touch hacked",
    "é\t*",
    "",
)


def test_arguments_reach_the_script_as_they_are_and_no_shell(bench):
    if bench.backend.name == "tapis":
        pytest.skip("Tapis makes a command line of them: only plain words are let through")
    name, _ = hand_over(bench, 'printf "%s\\n" "$@" > told', 0, HOSTILE)

    bench.wait_for(name, "completed")

    assert "\n".join(HOSTILE) + "\n" == (bench.folder / "told").read_text()
    assert not (bench.folder / "hacked").exists()


@pytest.mark.parametrize("job_id", ["", "x", "-1", "1; touch hacked", "--all", "1 2"])
def test_what_is_no_number_of_a_job_never_reaches_a_scheduler(bench, job_id):
    for verb in (bench.backend.begin, bench.backend.requeue, bench.backend.cancel):
        with pytest.raises((ValueError, SchedulerError)):
            verb(job_id)


def test_a_job_that_is_not_there_is_an_error_and_not_an_answer(bench):
    with pytest.raises(SchedulerError):
        bench.backend.begin("999999")


def test_two_jobs_of_one_key_are_both_told(bench):
    name, first = hand_over(bench, "true", 3600)
    submission = Submission(
        name, bench.script("true"), time.time() + 3600, bench.resources, bench.folder
    )

    second = bench.backend.submit(submission)

    assert {first, second} == {status.job_id for status in bench.backend.jobs()[name]}


def test_a_request_that_fits_is_told_when_it_would_start(bench):
    assert abs(bench.backend.trial(Resources(wall_s=600.0)) - time.time()) < 60


def test_a_request_that_never_fits_is_refused_by_rules_trial_and_submission(bench):
    request = Resources(wall_s=600.0, cores=4096)

    assert bench.backend.rules().broken(request)
    with pytest.raises(SchedulerError) as trial:
        bench.backend.trial(request)
    with pytest.raises(SchedulerError) as submission:
        hand_over(bench, "true", 0, resources=request)
    assert trial.value.sure
    assert submission.value.sure


def test_the_rules_name_a_default_place_with_cores(bench):
    place = bench.backend.rules().partition(None)

    assert place is not None
    assert place.cores_per_node >= 1
    assert math.isfinite(place.memory_mb)


def test_a_job_outlives_whoever_submitted_it(bench):
    child = os.fork()
    name = key()
    if child == 0:
        try:
            script = bench.script("sleep 1; echo ran > ran")
            bench.backend.submit(
                Submission(name, script, time.time() + 2, bench.resources, bench.folder)
            )
        finally:
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)

    bench.wait_for(name, "completed")

    assert (bench.folder / "ran").exists()
