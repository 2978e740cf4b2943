"""What is kept and what is let in: hostile scripts, events, comments and folders do nothing."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from operate_problems import job, plan

from helpers.operate import job as job_side
from helpers.operate.agent import Agent
from helpers.operate.backend import SchedulerError, Submission, check_key
from helpers.operate.job import read_events
from helpers.operate.receipts import make_receipt, read_receipts, write_receipt
from helpers.operate.rules import Resources
from helpers.operate.slurm import Slurm
from helpers.operate.store import Entry, folders, journal, only_agent, prepare, read_journal

RECORDED = Path(__file__).parent.parent / "fixtures" / "slurm" / "live" / "recorded"
HOSTILE_NAME = "a'b $(touch hacked); `touch hacked` \"x"


def script(folder, text="#!/bin/bash\ntrue\n"):
    path = folder / "user.sh"
    path.write_text(text)
    return path


def test_a_job_prepared_twice_is_one_job(tmp_path):
    first = prepare(plan(), script(tmp_path), state=tmp_path / "s")
    second = prepare(plan(), script(tmp_path), state=tmp_path / "s")

    assert first == second
    assert [first] == folders(tmp_path / "s")


def test_only_its_user_may_read_a_jobs_folder(tmp_path):
    folder = prepare(plan(), script(tmp_path), state=tmp_path / "s")

    assert 0o700 == folder.path.stat().st_mode & 0o777


def test_a_hostile_folder_and_job_name_are_quoted_in_what_the_scheduler_runs(tmp_path):
    state = tmp_path / HOSTILE_NAME
    made = plan()
    made = replace(made, job=job(name=HOSTILE_NAME))
    folder = prepare(
        made, script(tmp_path, "#!/bin/bash\necho ran > ran\n"), state=state, grace_s=0
    )

    done = subprocess.run(
        ["bash", str(folder.path / "run.sh")], cwd=tmp_path, capture_output=True, check=False
    )

    assert 0 == done.returncode, done.stderr
    assert (tmp_path / "ran").exists()
    assert (folder.path / "finished").exists()
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("#SBATCH --array=1-5", "many jobs"),
        ("#SBATCH -a 1-5", "many jobs"),
        ("#SBATCH --hold", "never starts"),
        ("#SBATCH --no-requeue", "requeues"),
    ],
)
def test_a_directive_that_a_plan_cannot_carry_out_is_refused_with_its_line(tmp_path, line, said):
    with pytest.raises(ValueError, match=rf"user\.sh, line 2: .*{said}"):
        prepare(plan(), script(tmp_path, f"#!/bin/bash\n{line}\ntrue\n"), state=tmp_path / "s")

    assert not (tmp_path / "s").exists()


def test_directives_are_kept_up_to_the_first_command(tmp_path):
    text = "#!/bin/bash\n#SBATCH --mem=1G\n\n# a comment\n#SBATCH -J x\ntrue\n#SBATCH --array=1-5\n"
    folder = prepare(plan(), script(tmp_path, text), state=tmp_path / "s")

    lines = (folder.path / "run.sh").read_text().split("\n")

    assert ["#SBATCH --mem=1G", "#SBATCH -J x"] == [x for x in lines if x.startswith("#SBATCH")]


def test_what_is_no_script_is_refused(tmp_path):
    with pytest.raises(ValueError, match="line 1: a script begins with #!"):
        prepare(plan(), script(tmp_path, "echo\n"), state=tmp_path / "s")
    with pytest.raises(ValueError, match="is no file"):
        prepare(plan(), tmp_path, state=tmp_path / "s")


def test_a_script_that_ends_at_sigterm_has_not_finished(tmp_path):
    text = "#!/bin/bash\ntrap 'exit 0' TERM\nwhile true; do sleep 0.05; done\n"
    folder = prepare(plan(), script(tmp_path, text), state=tmp_path / "s", grace_s=0.3)
    process = subprocess.Popen(["bash", str(folder.path / "run.sh")], start_new_session=True)
    while not read_events(folder.path):
        time.sleep(0.05)

    os.killpg(process.pid, 15)

    assert 143 == process.wait(10)
    assert not (folder.path / "finished").exists()
    assert ["started"] == [event.event for event in read_events(folder.path)]


def test_events_that_are_none_are_left_out(tmp_path):
    good = '{"event": "checkpoint", "time_s": 5.0, "restarts": 0, "note": "n"}\n'
    lines = [
        good,
        "null\n",
        "[1]\n",
        '{"event": "checkpoint"}\n',
        '{"event": "rm -rf /", "time_s": 5.0, "restarts": 0, "note": ""}\n',
        '{"event": "checkpoint", "time_s": "NaN", "restarts": 0, "note": ""}\n',
        '{"event": "checkpoint", "time_s": 1e999, "restarts": 0, "note": ""}\n',
        '{"event": "checkpoint", "time_s": 5.0, "restarts": 1e400, "note": ""}\n',
        "[" * 900 + "\n",
        '{"event": "checkpoint", "time_s": 5.0, "restarts": 0, "note": "' + "x" * 5000 + '"}\n',
        "\xff\xfe\n",
        good,
        good[:-20],
    ]
    (tmp_path / "events.jsonl").write_text("".join(lines), encoding="latin-1")

    assert 2 == len(read_events(tmp_path))


def test_a_program_says_checkpoints_and_asks_where_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEAN_HOURS_FOLDER", str(tmp_path))
    job_side.checkpoint('epoch 1"}\n{"event": "finished')
    job_side.checkpoint("epoch 2")

    assert 2 == job_side.checkpoints()
    assert ["checkpoint"] * 2 == [event.event for event in read_events(tmp_path)]


def test_a_program_runs_the_same_without_a_plan(monkeypatch):
    monkeypatch.delenv("CLEAN_HOURS_FOLDER", raising=False)
    job_side.checkpoint("nothing")

    assert 0 == job_side.checkpoints()


def test_a_shell_script_says_the_same_and_its_note_is_data(tmp_path):
    code = f'. {Path(job_side.__file__).parent / "job.sh"}; clean_hours_checkpoint "$1"; clean_hours_progress'
    note = 'x"}\n{"event": "finished", "time_s": 1, "restarts": 0, "note": "$(touch hacked)'

    done = subprocess.run(
        ["sh", "-c", code, "sh", note],
        env=os.environ | {"CLEAN_HOURS_FOLDER": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "1" == done.stdout.strip()
    assert ["checkpoint"] == [event.event for event in read_events(tmp_path)]
    assert not (tmp_path / "hacked").exists()


def test_the_end_of_the_time_limit_is_told(monkeypatch):
    monkeypatch.setenv("CLEAN_HOURS_ENDS_S", str(int(time.time()) + 60))

    assert job_side.stop_soon(120)
    assert not job_side.stop_soon(10)


def test_job_side_loads_nothing_but_the_standard_library():
    import sys

    code = "import sys; from helpers.operate import job; print('numpy' in sys.modules, 'yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False False" == done.stdout.strip()


class Recorded(Slurm):
    """Slurm that answers with what a real one printed."""

    def __init__(self, text, **about):
        super().__init__(**about)
        self.text = text

    def _call(self, *words, more=None):
        return self.text


def test_only_the_users_own_jobs_with_a_key_are_touched():
    text = (RECORDED / "squeue.json").read_text(encoding="utf-8")

    own = Recorded(text, user="u01").jobs()
    other = Recorded(text, user="nobody").jobs()

    assert {"0123456789abcdef": 1} == {key: len(jobs) for key, jobs in own.items()}
    assert {} == other


@pytest.mark.parametrize(("ends_in_s", "restarts"), [(172_800, 1), (-3, 2)])
def test_a_requeued_run_that_is_still_leaving_is_the_run_it_was(ends_in_s, restarts):
    job_ = {  # as Slurm 22.05 told of a job whose script took four seconds to leave
        "job_id": 7,
        "user_name": "u01",
        "comment": "clean-hours:0123456789abcdef",
        "job_state": "COMPLETING",
        "start_time": time.time(),
        "end_time": time.time() + ends_in_s,
        "restart_cnt": 2,
    }

    status = Recorded(json.dumps({"jobs": [job_]}), user="u01").jobs()["0123456789abcdef"][0]

    assert ("running", restarts) == (status.state, status.restarts)


def test_jobs_are_read_as_newer_releases_write_them():
    job_ = {
        "job_id": 7,
        "user_name": "u01",
        "comment": "clean-hours:0123456789abcdef",
        "job_state": ["RUNNING"],
        "start_time": {"set": True, "infinite": False, "number": 1000},
        "eligible_time": {"set": True, "infinite": False, "number": 900},
        "restart_cnt": {"set": True, "number": 2},
    }

    status = Recorded(json.dumps({"jobs": [job_]}), user="u01").jobs()["0123456789abcdef"][0]

    assert ("running", 1000.0, 2) == (status.state, status.started_s, status.restarts)


@pytest.mark.parametrize(
    ("reason", "told", "held"),
    [
        ("JobHeldUser", "launch failed requeued held", True),  # as 22.05 writes it
        ("launch_failed_requeued_held", "", True),
        ("JobHoldMaxRequeue", "", True),
        ("JobHeldUser", "", False),  # somebody's own hold
        ("JobHeldAdmin", "", False),
        ("JobHeldUser", "job requeued in held state", False),  # somebody's requeuehold
        ("BeginTime", "", False),
    ],
)
def test_what_slurm_holds_itself_is_told_from_what_somebody_holds(reason, told, held):
    job_ = {
        "job_id": 7,
        "user_name": "u01",
        "comment": "clean-hours:0123456789abcdef",
        "job_state": "PENDING",
        "state_reason": reason,
        "state_description": told,
        "priority": 0,
    }

    status = Recorded(json.dumps({"jobs": [job_]}), user="u01").jobs()["0123456789abcdef"][0]

    assert ("waiting", held) == (status.state, status.held)


@pytest.mark.parametrize("text", ["", "[]", "{}", "slurm_load_jobs error", '{"jobs": null}'])
def test_an_answer_that_is_none_is_an_error_and_never_an_empty_queue(text):
    with pytest.raises(SchedulerError):
        Recorded(text, user="u01").jobs()


@pytest.mark.parametrize("key", ["", "../../etc", "0123456789ABCDEF", "0123456789abcdef\n", "a; b"])
def test_a_key_is_a_hash_and_nothing_else(key):
    with pytest.raises(ValueError, match="must be the id of a plan"):
        check_key(key)


def test_a_submission_needs_a_key(tmp_path):
    with pytest.raises(ValueError, match="must be the id"):
        Submission("x", tmp_path, 0.0, Resources(60.0), tmp_path)


def test_a_journal_survives_a_line_cut_short(tmp_path):
    folder = prepare(plan(), script(tmp_path), state=tmp_path / "s")
    journal(folder, Entry(1.0, "submit", "done", "7"))
    with (folder.path / "journal.jsonl").open("a") as file:
        file.write('{"time_s": 2.0, "what": "requ')

    assert [Entry(1.0, "submit", "done", "7")] == read_journal(folder)


def test_a_second_agent_is_refused_while_the_first_lives(tmp_path):
    with (
        only_agent(tmp_path),
        pytest.raises(RuntimeError, match="another agent"),
        only_agent(tmp_path),
    ):
        pass
    with only_agent(tmp_path):
        pass


def test_one_spoiled_folder_does_not_stop_the_others(tmp_path):
    state = tmp_path / "s"
    good = prepare(plan(), script(tmp_path), state=state)
    bad = prepare(plan(margin_s=99.0), script(tmp_path), state=state)
    (bad.path / "plan.json").write_text("{")
    said = []

    class Nothing(Recorded):
        def submit(self, submission):
            return "7"

    Agent(Nothing('{"jobs": []}', user="u01"), state, report=said.append).step()

    handed = [e for e in read_journal(good) if e.what == "submit"]

    assert ["intended", "done"] == [e.result for e in handed]
    assert any(bad.key in line for line in said)


def test_a_receipt_without_runs_or_intensity_is_written_all_the_same(tmp_path):
    folder = prepare(plan(), script(tmp_path), state=tmp_path / "s")

    write_receipt(folder, "cancelled", [])

    assert "cancelled" == read_receipts(tmp_path / "s")["outcome"][0]


def test_a_receipt_of_a_plan_kept_to_the_second_has_its_grams():
    from operate_problems import curve

    from helpers.operate.backend import Run
    from helpers.operate.job import Event

    made = plan()
    runs = [
        Run(float(a), float(b), "COMPLETED", float("nan"))
        for a, b in zip(made.schedule.start_s, made.schedule.stop_s, strict=True)
    ]
    done = round(float(made.schedule.work_to_s[0]) / 1800)
    events = [
        Event("checkpoint", float(made.schedule.start_s[0]) + 600 + 1800.0 * (k + 1))
        for k in range(done)
    ]

    receipt = make_receipt(made, "completed", runs, events, intensity=curve())

    assert pytest.approx(receipt.planned_g, rel=1e-9) == receipt.real_g
    assert pytest.approx(receipt.planned_j, rel=1e-9) == receipt.real_j
    assert 0 == pytest.approx(receipt.work_twice_s)
    assert 0 == receipt.start_lag_s
