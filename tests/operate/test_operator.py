"""Operator mode: walls, begin times from Lua, suspensions that end by themselves; hostile inputs."""

from __future__ import annotations

import math
import re
import shlex
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live import PROGRAMS

from helpers.carbon.signal import Intensity
from helpers.operate import operator as operate
from helpers.operate.backend import SchedulerError
from helpers.operate.cli import main, parser
from helpers.operate.operator import (
    MAY_SUSPEND,
    Operator,
    Wall,
    keep,
    lua_text,
    table_text,
    walls_over,
)
from helpers.phases.model import Phase, PhaseModel
from helpers.schedule.start import best_starts

HOUR = 3600.0
ZERO_S = 1_800_000_000.0
SCRIPT = (Path(operate.__file__).parent / "job_submit.lua").read_text(encoding="utf-8")


def curve(values, step_s=HOUR, start_s=ZERO_S):
    edges_s = start_s + step_s * np.arange(len(values) + 1)
    return Intensity(edges_s, np.array(values, float), "average", "DE", "made up")


# --- walls ----------------------------------------------------------------------------------------


def test_the_dirtiest_hours_are_walled():
    walls = walls_over(curve([1, 1, 9, 8, 1, 1, 7, 1]), ZERO_S, ZERO_S + 8 * HOUR, share=0.4)

    assert (
        Wall(ZERO_S + 2 * HOUR, ZERO_S + 4 * HOUR),
        Wall(ZERO_S + 6 * HOUR, ZERO_S + 7 * HOUR),
    ) == walls


def test_of_a_wall_that_is_too_long_the_dirtiest_part_stands():
    walls = walls_over(
        curve([1, 5, 6, 9, 9, 5, 1, 1, 1, 1]), ZERO_S, ZERO_S + 10 * HOUR, share=0.6, longest_s=7200
    )

    assert (Wall(ZERO_S + 3 * HOUR, ZERO_S + 5 * HOUR),) == walls


def test_on_a_flat_grid_nothing_is_walled():
    assert () == walls_over(curve([5.0] * 8), ZERO_S, ZERO_S + 8 * HOUR)


@given(
    values=st.lists(st.integers(0, 900), min_size=2, max_size=40),
    share=st.floats(0.01, 0.99),
    longest_s=st.floats(60, 40 * HOUR),
)
def test_walls_take_no_more_than_their_share_and_are_dirtier_than_what_is_free(
    values, share, longest_s
):
    whole = curve(values)
    stop_s = float(whole.edges_s[-1])
    walls = walls_over(whole, ZERO_S, stop_s, share=share, longest_s=longest_s)

    lengths_s = [w.stop_s - w.start_s for w in walls]
    assert sum(lengths_s) <= share * (stop_s - ZERO_S) + 1e-6
    assert all(length_s <= longest_s + 1e-6 for length_s in lengths_s)
    assert all(a.stop_s < b.start_s for a, b in pairwise(walls))
    if walls:
        inside_g = sum(whole.emissions_g(w.start_s, w.stop_s, 1e3) for w in walls)
        rest_g = whole.emissions_g(ZERO_S, stop_s, 1e3) - inside_g
        rest_s = stop_s - ZERO_S - sum(lengths_s)
        assert inside_g / sum(lengths_s) >= rest_g / rest_s - 1e-9


@pytest.mark.parametrize("options", [{"share": 0}, {"share": 1}, {"share": math.nan}])
def test_a_share_of_nothing_or_all_is_refused(options):
    with pytest.raises(ValueError, match="must be > 0 and < 1"):
        walls_over(curve([1, 2]), ZERO_S, ZERO_S + 2 * HOUR, **options)


def test_a_length_of_walls_that_is_none_is_refused():
    with pytest.raises(ValueError, match="longest_s"):
        walls_over(curve([1, 2]), ZERO_S, ZERO_S + 2 * HOUR, longest_s=0)
    with pytest.raises(ValueError, match="must be finite"):
        Wall(2.0, 1.0)


# --- the script of Slurm's hook -------------------------------------------------------------------


class Hook:
    """job_submit.lua in the Lua that Slurm embeds, at a clock of the test's own."""

    def __init__(self, table, now_s):
        lua51 = pytest.importorskip("lupa.lua51", reason="lupa judges the Lua script")
        self.lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
        self.told = []
        self.lua.globals().slurm = self.lua.table_from(
            {
                "SUCCESS": 0,
                "INFINITE": 4294967295,
                "NO_VAL": 4294967294,
                **{f"log_{how}": self._told(how) for how in ("info", "user", "error")},
            }
        )
        self.lua.globals().os.time = lambda: now_s
        self.lua.execute(SCRIPT.replace("@TABLE@", str(table)))

    def _told(self, how):
        return lambda *words: self.told.append((how, *words))

    def submit(self, **job):
        """Begin time that a job gets; None for no change."""
        about = self.lua.table_from(job)
        assert 0 == self.lua.globals().slurm_job_submit(about, None, 1000)
        return None if about["begin_time"] == job.get("begin_time") else about["begin_time"]


VALUES = [300, 100, 200, 50, 400, 400, 10, 400]


@pytest.fixture
def hook(tmp_path):
    (tmp_path / "table").write_text(
        table_text(curve(VALUES), good_until_s=ZERO_S + 86400), encoding="utf-8"
    )
    return Hook(tmp_path / "table", ZERO_S)


@pytest.mark.parametrize(
    ("comment", "hour"),
    [
        ("clean-hours-within:2h", 1),
        ("clean-hours-within:3h", 3),
        ("clean-hours-within:1d", 6),
        ("clean-hours-within:59m", 59 / 60),  # the last start is nearest to the clean hour
        ("clean-hours-within:7h,length:2h", 2),
    ],
)
def test_a_job_that_asks_gets_the_cleanest_start_within_its_wait(hook, comment, hour):
    assert ZERO_S + hour * HOUR == hook.submit(comment=comment, time_limit=60)


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"comment": None},
        {"comment": ""},
        {"comment": "clean-hours:0123456789abcdef"},
        {"comment": "clean-hours-within:"},
        {"comment": "clean-hours-within:2"},
        {"comment": "clean-hours-within:2h,length:x"},
        {"comment": "clean-hours-within:2h; rm -rf /"},
        {"comment": "xclean-hours-within:2h"},
        {"comment": "clean-hours-within:0x10h"},
        {"comment": "clean-hours-within:1e3h"},
        {"comment": "clean-hours-within:-2h"},
        {"comment": "clean-hours-within:" + "9" * 400 + "h"},
        {"comment": "clean-hours-within:2h\0"},
        {"comment": "clean-hours-within:2h\nx"},
        {"comment": "%s%s%n" * 30},
        {"comment": "clean-hours-within:2h,length:0m"},
        {"comment": 7},
        {"comment": "clean-hours-within:9h", "time_limit": 4294967294},
        {"comment": "clean-hours-within:9h", "time_limit": None},
        {"comment": "clean-hours-within:9h", "time_limit": 4294967295},
        {"comment": "clean-hours-within:9h", "time_limit": "many"},
        {"comment": "clean-hours-within:9h", "time_limit": 10**9},
        {"comment": "clean-hours-within:9h", "time_limit": 60, "begin_time": "soon"},
        {"comment": "clean-hours-within:9h", "time_limit": 60, "begin_time": 4e9},
        {"comment": "clean-hours-within:2h", "time_limit": 60, "begin_time": ZERO_S + 6 * HOUR},
    ],
)
def test_whatever_else_a_job_says_it_is_accepted_as_it_is(hook, job):
    assert None is hook.submit(**({"time_limit": 60} | job))


def test_a_job_s_own_later_begin_is_where_its_wait_is_counted_from_no_further(hook):
    job = {"comment": "clean-hours-within:7h", "time_limit": 60}

    assert ZERO_S + 6 * HOUR == hook.submit(**job, begin_time=ZERO_S + 4 * HOUR)


GOOD = table_text(curve(VALUES), good_until_s=ZERO_S + 86400)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0" * 100,
        GOOD[:-8],
        GOOD[: len(GOOD) // 2],
        GOOD.replace("/1", "/2"),
        GOOD.replace("until 1", "until -1"),
        GOOD.replace("until 1800086400", "until 1799999999"),
        GOOD.replace(" 50.000", " nan"),
        GOOD.replace(" 50.000", " -50"),
        GOOD.replace(" 50.000", " 1e400"),
        GOOD.replace(" 50.000", " 0x32"),
        GOOD.replace(" 50.000", " 5.0.0"),
        GOOD.replace(" 50.000", " " + "9" * 300),
        GOOD.replace("1800003600 ", "1700003600 "),
        GOOD.replace("1800003600 ", "1800007200 "),
        GOOD + "1900000000 1\n",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("100.000", 'os.execute("touch hacked")'),
        "x" * 70000,
        GOOD.split("\n1800000000")[0] + "\n" + "1 1\n" * 5000,
        'return os.execute("touch hacked")',
    ],
)
def test_a_table_that_is_none_changes_nothing(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table").write_text(text, encoding="utf-8", newline="")
    hook = Hook(tmp_path / "table", ZERO_S)

    assert None is hook.submit(comment="clean-hours-within:9h", time_limit=60)
    assert not (tmp_path / "hacked").exists()
    assert "info" == hook.told[-1][0]  # it is said, to the controller's log


def test_a_table_that_is_not_there_or_is_a_folder_changes_nothing(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        assert None is Hook(path, ZERO_S).submit(comment="clean-hours-within:9h", time_limit=60)


def test_a_table_is_read_quickly(tmp_path):
    values = (np.arange(1000) * 7919 % 500).tolist()
    text = table_text(curve(values, 900.0), good_until_s=ZERO_S + 86400)
    (tmp_path / "table").write_text(text, encoding="utf-8")
    hook = Hook(tmp_path / "table", ZERO_S)

    begun_s = time.process_time()
    for _ in range(10):
        assert hook.submit(comment="clean-hours-within:7d", time_limit=600)
    each_s = (time.process_time() - begun_s) / 10

    assert each_s < 0.1  # some milliseconds; a controller must not wait


@settings(max_examples=60)
@given(
    values=st.lists(st.integers(0, 900), min_size=4, max_size=30),
    minutes=st.integers(1, 180),
    wait_min=st.integers(1, 1500),
    now_min=st.integers(0, 59),
)
def test_the_script_chooses_what_the_package_chooses(
    tmp_path_factory, values, minutes, wait_min, now_min
):
    whole, now_s = curve(values), ZERO_S + 60.0 * now_min
    end_s = float(whole.edges_s[-1])
    path = tmp_path_factory.mktemp("hook") / "table"
    path.write_text(table_text(whole, good_until_s=end_s), encoding="utf-8")
    job = PhaseModel("job", (), (Phase("run", 60.0 * minutes, 1000.0),))
    last_s = min(now_s + 60.0 * wait_min, end_s - 60.0 * minutes)

    begin = Hook(path, now_s).submit(comment=f"clean-hours-within:{wait_min}m", time_limit=minutes)

    if last_s < now_s:
        assert None is begin
        return
    best = best_starts(job, whole, now_s, last_s + 60.0 * minutes)
    got_s = now_s if begin is None else begin
    assert whole.emissions_g(got_s, got_s + 60.0 * minutes, 1000.0) == pytest.approx(
        float(best.emissions_g[0]), rel=1e-6, abs=1e-6
    )


def test_a_centre_s_own_script_may_call_ours(tmp_path):
    hook = Hook(tmp_path / "none", ZERO_S)
    hook.lua.execute("function slurm_job_submit(job) job.begin_time = 7; return slurm.SUCCESS end")
    hook.lua.execute(SCRIPT.replace("@TABLE@", "/none"))

    assert 7 == hook.submit(comment="x")


def test_a_table_has_whole_seconds_no_negative_values_and_an_end():
    with pytest.raises(ValueError, match="1001 steps"):
        table_text(curve([1.0] * 1001), good_until_s=ZERO_S)
    with pytest.raises(ValueError, match="whole seconds"):
        table_text(curve([1.0], start_s=ZERO_S + 0.5), good_until_s=ZERO_S)
    assert GOOD.endswith("1800028800 end\n")


@pytest.mark.parametrize("path", ["", "table", 'x"; os.exit()', "/a b", "/a\n", "/a'b", "/a]]"])
def test_a_path_that_could_leave_its_quotes_is_refused(path):
    with pytest.raises(ValueError, match="it becomes part of a script"):
        lua_text(path)


# --- the commands ---------------------------------------------------------------------------------


def test_the_commands_write_a_table_and_a_script_that_go_together(tmp_path, capsys):
    table, script = tmp_path / "table", tmp_path / "job_submit.lua"

    codes = [
        main(["operator", "table", "--offline", "--out", str(table)]),
        main(["operator", "lua", "--table", str(table), "--out", str(script)]),
        main(["operator", "hours", "--offline"]),
    ]
    out = capsys.readouterr().out

    assert [0, 0, 0] == codes
    assert table.read_text().startswith("clean-hours-table/1\nuntil ")
    assert f'"{table}"' in script.read_text()
    assert "typical hours of past years" in out


def test_of_a_grid_nobody_knows_nothing_is_walled(capsys):
    assert 3 == main(["operator", "hours", "--zone", "XX", "--offline"])
    assert "Nothing is walled" in capsys.readouterr().err


@pytest.mark.parametrize("job", ["", "x", "-1", "1; touch hacked", "--all", "1 2", "$(id)"])
def test_what_is_no_number_of_a_job_is_never_suspended_or_resumed(job):
    with pytest.raises(ValueError, match="whole number"):
        Operator().suspend(job, time.time() + 60)
    with pytest.raises(ValueError, match="whole number"):
        Operator().resume(job)


@pytest.mark.parametrize("nodes", ["n1 Users=ann", "$(id)", "-n1", "n[1-", "n1;n2", ""])
def test_what_is_no_list_of_nodes_is_never_walled(nodes):
    with pytest.raises(ValueError, match=r"no list of hosts|must be letters"):
        Operator(prefix=("false",)).set_walls([Wall(time.time(), time.time() + 60)], nodes)


PAGE = Path(__file__).parents[2] / "book" / "howto" / "clean_hours_for_a_cluster.md"


def commands_of_the_page():
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in "\n".join(blocks).split("\n"):
        for found in re.findall(r"clean-hours [a-z][^)>&]*", line):
            if not line.startswith("sbatch"):
                yield shlex.split(found.strip())[1:]


@pytest.mark.parametrize("words", list(commands_of_the_page()), ids=" ".join)
def test_each_command_of_the_how_to_page_is_one(words):
    assert parser().parse_args(words).command == "operator"


def test_each_comment_of_the_how_to_page_does_what_it_says(hook):
    comments = re.findall(r"--comment=(\S+)", PAGE.read_text(encoding="utf-8"))
    begins = {c: hook.submit(comment=c, time_limit=60) for c in comments}

    assert 3 == len(comments)
    assert all(begins[c] for c in comments if c.startswith("clean-hours-within:"))
    assert [True] == [bool(operate._MAY_SUSPEND.fullmatch(c)) for c in comments if "suspend" in c]


# --- on a real Slurm ------------------------------------------------------------------------------


@pytest.fixture
def centre(live):
    operator = Operator(prefix=live.enter(), user="root")
    yield operator
    operator.set_walls([])
    live.run("sh", "-c", "rm -f /run/live/clean_hours.table; squeue -h -o %i | xargs -r scancel")


def submit(live, *words):
    return live.run("sbatch", "--parsable", "--chdir=/tmp", *words, user="u01").strip()


def state_of(live, job_id):
    return live.run("squeue", "-h", "-t", "all", "-j", job_id, "-o", "%T").strip()


def wait_for(live, job_id, *states, timeout_s=30.0):
    until_s = time.monotonic() + timeout_s
    while (state := state_of(live, job_id)) not in states:
        assert time.monotonic() < until_s, f"{state} is not {states}"
        time.sleep(0.2)
    return state


@pytest.mark.real(*PROGRAMS)
def test_behind_a_wall_nothing_starts_what_runs_goes_on_and_short_jobs_slip_under(live, centre):
    runs = submit(live, "--time=30", "--wrap=sleep 60")
    wait_for(live, runs, "RUNNING")
    soon_s = time.time() + 100
    live.run(
        *("scontrol", "create", "reservation", "ReservationName=other"),
        *("StartTime=now+10hours", "Duration=60", "Users=root", "Nodes=n1"),
    )

    set_ = centre.set_walls([Wall(soon_s, soon_s + 600)])
    again = centre.set_walls([Wall(soon_s, soon_s + 600)])
    short = submit(live, "--time=1", "--wrap=sleep 20")
    long = submit(live, "--time=5", "--wrap=true")
    wait_for(live, short, "RUNNING")
    states = [state_of(live, job) for job in (runs, short, long)]
    moved = centre.set_walls([Wall(soon_s + 3600, soon_s + 4200)])
    wait_for(live, long, "COMPLETED", "RUNNING")
    others = live.run("scontrol", "-o", "show", "reservation")
    centre.set_walls([])
    live.run("scontrol", "delete", "ReservationName=other")

    assert (1, [], 2) == (len(set_), again, len(moved))
    assert ["RUNNING", "RUNNING", "PENDING"] == states
    assert "ReservationName=other" in others
    assert {} == centre.walls()


@pytest.mark.real(*PROGRAMS)
def test_a_suspended_job_is_resumed_by_its_watchdog_though_nobody_acts(live, centre):
    job = submit(live, "--time=5", "--wrap=sleep 6")
    wait_for(live, job, "RUNNING")

    dog = centre.suspend(job, time.time() + 6)
    time.sleep(1.0)
    meanwhile = state_of(live, job)
    wait_for(live, job, "RUNNING", "COMPLETED", timeout_s=40)
    wait_for(live, dog, "COMPLETED", timeout_s=30)
    wait_for(live, job, "COMPLETED")

    assert "SUSPENDED" == meanwhile


@pytest.mark.real(*PROGRAMS)
def test_a_job_that_is_not_suspended_leaves_no_watchdog(live, centre):
    job = submit(live, "--time=5", "--begin=now+1000", "--wrap=true")

    with pytest.raises(SchedulerError):
        centre.suspend(job, time.time() + 1000)
    left = live.run("squeue", "-h", "-n", "clean-hours-watchdog", "-o", "%i")

    assert "" == left


@pytest.mark.real(*PROGRAMS)
def test_a_pass_suspends_those_that_allow_it_once_and_resumes_them_afterwards(live, centre):
    says = f"--comment={MAY_SUSPEND}"
    may = submit(live, "--time=5", says + "1h", "--wrap=sleep 60")
    little = submit(live, "--time=5", says + "2s", "--wrap=sleep 60")
    hostile = submit(live, "--time=5", says + "1h; scancel 1", "--wrap=sleep 60")
    not_ = submit(live, "--time=5", "--wrap=sleep 60")
    for job in (may, little, hostile, not_):
        wait_for(live, job, "RUNNING")
    wall = Wall(time.time() - 10, time.time() + 900)

    first = keep(centre, [wall], least_s=5.0)
    time.sleep(1.5)
    states = [state_of(live, job) for job in (may, little, hostile, not_)]
    second = keep(Operator(prefix=live.enter(), user="root"), [wall], least_s=5.0)  # another life
    seen = centre.may_suspend()[may]
    time.sleep(2.0)
    after = keep(centre, [], least_s=5.0)
    wait_for(live, may, "RUNNING")
    used_s = 3600 - centre.may_suspend()[may].left_s
    dogs = live.run("squeue", "-h", "-n", "clean-hours-watchdog", "-o", "%i")

    assert ["SUSPENDED", "RUNNING", "RUNNING", "RUNNING"] == states
    assert (2, []) == (len(first), second)
    assert (True, 1) == (seen.suspended, len(seen.watchdogs))
    assert [f"resumed {may}"] == [line for line in after if "resumed" in line]
    assert 2 <= used_s <= 15
    assert "" == dogs


@pytest.mark.real(*PROGRAMS)
def test_slurm_gives_a_job_that_asks_its_begin_time_and_takes_all_others_as_they_are(live, centre):
    now_s = time.time()
    start_s = HOUR * (now_s // HOUR)
    whole = curve([300, 300, 10, 300, 300, 300], start_s=start_s)
    text = table_text(whole, good_until_s=now_s + 600)

    def begin(*words):
        job = submit(live, "--time=60", *words, "--wrap=true")
        told = live.run("env", "TZ=UTC", "scontrol", "-o", "show", "job", job)
        live.run("scancel", job)
        when = dict(w.split("=", 1) for w in told.split() if "=" in w)["EligibleTime"]
        return 0.0 if when == "Unknown" else operate._epoch(when)

    def put(text_):
        path = live.folder / "table"
        path.write_text(text_)
        live.run("cp", str(path), "/run/live/clean_hours.table")

    without = begin("--comment=clean-hours-within:5h")
    put(text)
    asked = begin("--comment=clean-hours-within:5h")
    hostile = [
        begin(f"--comment={c}", f"--job-name={c}")
        for c in ("clean-hours-within:5h$(id)", "%s%n%d", "a\nb", "; scancel 1", "é'\"\\")
    ]
    put(text[:-9])
    spoiled = begin("--comment=clean-hours-within:5h")

    assert start_s + 2 * HOUR == asked
    assert all(t < now_s + 60 for t in (without, spoiled, *hostile))
