"""Sweeps: the same table however cases run, and nothing lost when something is killed."""

import contextlib
import functools
import json
import logging
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sweep_functions import (
    KILL,
    kills_its_process,
    replay,
    several_rows,
    slow,
    some_fail,
    sometimes,
)

from helpers.sweep import CLUSTERS, dask_cluster, results, sweep

AXES = {"policy": ["fifo", "easy"], "zone": ["DE", "FR"], "seed": [2, 0, 1]}
quiet = functools.partial(sweep, version="1", progress=False)
serial = functools.partial(quiet, workers=1)


def calls(folder):
    """How often each case was run: cases are told apart by their seed and zone."""
    return {path.name: len(path.read_text()) for path in Path(folder).iterdir()}


def noted(tmp_path):
    """Return a replay that notes its calls, and the folder of its notes."""
    log = tmp_path / "calls"
    log.mkdir()
    return functools.partial(replay, log=str(log)), log


def expected():
    rows = [
        {"policy": p, "zone": z, "seed": s} | replay(p, z, s)
        for p in AXES["policy"]
        for z in AXES["zone"]
        for s in AXES["seed"]
    ]
    return pd.DataFrame(rows)


# --- the table ----------------------------------------------------------------------------


def test_the_table_has_one_row_a_case_in_the_order_of_the_product(tmp_path):
    pd.testing.assert_frame_equal(expected(), serial(replay, AXES, out=tmp_path / "out"))


def test_a_table_of_cases_keeps_its_order_and_not_that_of_completion(tmp_path):
    cases = expected()[["policy", "zone", "seed"]].sample(frac=1, random_state=3)

    table = serial(replay, cases, out=tmp_path / "out")

    pd.testing.assert_frame_equal(cases.reset_index(drop=True), table[list(cases)])


def test_a_case_may_return_some_rows_or_none(tmp_path):
    noon = pd.Timestamp("2024-07-01 12:00", tz="Europe/Berlin")
    table = serial(several_rows, {"seed": [2, 0, 3], "when": [noon]}, out=tmp_path / "out")

    assert [2, 2, 3, 3, 3] == table["seed"].tolist()
    assert [0, 1, 0, 1, 2] == table["hour"].tolist()
    assert (table["when"] == noon).all()
    assert (table["when_too"] == table["when"]).all()


def test_types_of_a_column_are_reconciled_between_cases(tmp_path):
    table = serial(sometimes, {"x": [0.5, 2, None]}, out=tmp_path / "out")

    assert [0.5, 2.0, 1.0] == table["y"].tolist()
    assert [True, False, True] == table["only_large"].isna().tolist()
    assert np.isnan(table["x"].iloc[2])


@settings(max_examples=15)
@given(st.lists(st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9), min_size=1, unique=True))
def test_any_numbers_come_back_as_they_were(tmp_path_factory, numbers):
    table = serial(lambda x: {"y": x}, {"x": numbers}, out=tmp_path_factory.mktemp("out") / "o")

    assert [float(x) for x in numbers] == table["x"].tolist() == table["y"].tolist()


def test_results_on_disk_tell_their_case(tmp_path):
    serial(replay, AXES, out=tmp_path / "out")
    files = [path for path in (tmp_path / "out" / "cases").rglob("*") if path.is_file()]

    assert ([".parquet"] * 12) == [path.suffix for path in files]
    by_axes = expected().sort_values(list(AXES), ignore_index=True)
    pd.testing.assert_frame_equal(by_axes, results(tmp_path / "out"))
    one_by_one = pd.concat([pd.read_parquet(path) for path in files])
    pd.testing.assert_frame_equal(by_axes, one_by_one.sort_values(list(AXES), ignore_index=True))


def test_results_of_a_sweep_that_has_done_nothing_are_none(tmp_path):
    with pytest.raises(ExceptionGroup):
        serial(some_fail, {"x": [2], "flag": [str(tmp_path)]}, out=tmp_path / "out")

    assert [] == results(tmp_path / "out").to_dict("records")
    with pytest.raises(ValueError, match=r"holds no sweep.json"):
        results(tmp_path / "elsewhere")


def test_local_processes_give_the_same_table_and_the_same_bytes(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        table = quiet(replay, AXES, out=tmp_path / name, workers=workers)
        pd.testing.assert_frame_equal(expected(), table)

    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two


# --- resuming -----------------------------------------------------------------------------


def test_a_second_call_runs_only_what_is_missing(tmp_path):
    function, log = noted(tmp_path)
    fewer = AXES | {"seed": [0]}

    serial(function, fewer, out=tmp_path / "out")
    table = serial(function, AXES, out=tmp_path / "out")
    again = serial(function, AXES, out=tmp_path / "out")

    assert {1} == set(calls(log).values())
    assert 12 == len(calls(log))
    pd.testing.assert_frame_equal(expected(), table)
    pd.testing.assert_frame_equal(table, again)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "2"}, r"holds results with version '1', and this call has '2'"),
        (
            {"cases": AXES | {"log": [None]}},
            r"holds results with axes \['policy', 'seed', 'zone'\], and this call has \['log'",
        ),
        (
            {"function": lambda **case: case},
            r"holds results with function 'replay', and this call has",
        ),
    ],
)
def test_a_folder_of_another_sweep_is_refused_and_left_as_it_is(tmp_path, change, message):
    out = tmp_path / "out"
    serial(replay, AXES, out=out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    call = {"function": replay, "cases": AXES, "version": "1"} | change

    with pytest.raises(ValueError, match=message):
        sweep(out=out, workers=1, progress=False, **call)

    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")

    with pytest.raises(ValueError, match=r"holds other files and no sweep.json"):
        serial(replay, AXES, out=tmp_path)

    assert ["thesis.tex"] == [path.name for path in tmp_path.iterdir()]


def test_a_damaged_result_is_named_with_its_remedy(tmp_path):
    serial(replay, AXES, out=tmp_path / "out")
    path = sorted((tmp_path / "out").rglob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:40])

    with pytest.raises(ValueError, match=r"cannot be read .* delete it and call again"):
        serial(replay, AXES, out=tmp_path / "out")


# --- cases that raise ---------------------------------------------------------------------


def test_a_case_that_raises_is_named_recorded_and_run_again(tmp_path):
    flag, out = tmp_path / "flag", tmp_path / "out"
    flag.touch()
    function = functools.partial(some_fail, flag=str(flag))
    axes = {"x": [3, 2, 1, 4]}

    with pytest.raises(ExceptionGroup, match=r"2 of 4 cases failed, see .*failed") as caught:
        serial(function, axes, out=out)

    odd, missing = caught.value.exceptions
    assert isinstance(missing, KeyError)
    assert "RuntimeError('OddError: 1')" == repr(odd)
    assert missing.__notes__[0].startswith("case: x=2\nTraceback")
    assert 'raise KeyError(f"no {x}")' in missing.__notes__[0]
    records = [json.loads(path.read_text()) for path in (out / "failed").iterdir()]
    assert [{"x": 2}, {"x": 3}] == sorted((r["case"] for r in records), key=str)
    assert 2 == len(list(out.rglob("*.parquet")))

    flag.unlink()
    table = serial(function, axes, out=out)
    assert [3, 2, 1, 4] == table["y"].tolist()
    assert [] == list((out / "failed").iterdir())


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"y": [1, 2]}, r"result 'y' is no single value"),
        (3, r"result is of type int: return a dict or DataFrame"),
        ({"x": 1}, r"result columns \['x'\] must be different names, and none an axis"),
        (pd.DataFrame({"y": [1]}, index=["a"]), r"index of its own: call reset_index\(\)"),
    ],
)
def test_a_result_that_is_no_table_is_refused(tmp_path, result, message):
    with pytest.raises(ExceptionGroup) as caught:
        serial(lambda x: result, {"x": [1]}, out=tmp_path / "out")

    assert caught.group_contains(ValueError, match=message)
    assert [] == list((tmp_path / "out" / "cases").iterdir())


def test_results_of_types_that_do_not_go_together_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"results of different cases have different types"):
        serial(lambda x: {"y": "a" if x else 1.0}, {"x": [0, 1]}, out=tmp_path / "out")


# --- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"cases": {"x": "abc"}}, r"axis 'x' is 'abc': it must be a list of values"),
        ({"cases": {}}, r"axes\(=\[\]\) must be different names of arguments"),
        ({"cases": {"x y": [1]}}, r"axes\(=\['x y'\]\) must be different names"),
        ({"cases": {"x": []}}, r"cases over x are none: every axis needs a value"),
        ({"cases": {"x": [[1]]}}, r"axis 'x': \[1\] must be text, a number"),
        ({"cases": {"x": [np.nan]}}, r"axis 'x': nan must be text, a number"),
        ({"cases": {"x": [1, "a"]}}, r"axis 'x' mixes numbers and text"),
        ({"cases": {"x": [1, 1.0]}}, r"case x=1.0 is given twice"),
        ({"workers": 0}, r"workers\(=0\) must be a whole number >= 1"),
        ({"workers": 1.5}, r"workers\(=1.5\) must be a whole number >= 1"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, r"leave it out where a scheduler"),
        ({"version": 1}, r"version\(=1\) must be text"),
    ],
)
def test_a_bad_call_is_refused_before_anything_is_written(tmp_path, call, message):
    with pytest.raises(ValueError, match=message):
        quiet(**({"function": sometimes, "cases": {"x": [1]}, "out": tmp_path / "out"} | call))

    assert [] == list(tmp_path.iterdir())


# --- what is killed -----------------------------------------------------------------------


def test_killing_a_local_worker_loses_nothing(tmp_path):
    function = functools.partial(kills_its_process, folder=str(tmp_path))
    table = quiet(function, {"x": range(12)}, out=tmp_path / "out", workers=2)

    assert (tmp_path / "killed-0").exists()
    assert list(range(0, 120, 10)) == table["y"].tolist()
    assert 1 == len((tmp_path / "case-0").read_text())


def test_a_case_that_always_kills_its_process_is_named_and_the_others_are_kept(tmp_path):
    function = functools.partial(kills_its_process, folder=str(tmp_path), times=99)

    with pytest.raises(ExceptionGroup) as caught:
        quiet(function, {"x": [4, 5, 6, 7]}, out=tmp_path / "out", workers=2)

    (died,) = caught.value.exceptions
    assert "its process died 3 times" in str(died)
    assert ["case: x=5"] == died.__notes__
    # Three times alone, and once among others, which says nothing about it.
    assert 3 <= len(list(tmp_path.glob("killed-*"))) <= 4
    assert 3 == len(list((tmp_path / "out").rglob("*.parquet")))


MAIN = """
import functools
from helpers.sweep import sweep
from sweep_functions import slow
slow = functools.partial(slow, folder={folder!r})
sweep(slow, dict(x=range(30)), out={out!r}, version="1", workers=2, progress=False)
"""


def test_a_killed_sweep_leaves_no_process_and_goes_on_where_it_was(tmp_path):
    import psutil

    out, notes = tmp_path / "out", tmp_path / "notes"
    notes.mkdir()

    def workers():
        return [int(path.name.removeprefix("pid-")) for path in notes.glob("pid-*")]

    code = MAIN.format(folder=str(notes), out=str(out))
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}) as p:
        until(lambda: len(list(out.rglob("*.parquet"))) >= 4 and len(workers()) == 2)
        p.send_signal(KILL)
    until(lambda: not any(runs(psutil, pid) for pid in workers()))
    done = {pd.read_parquet(path)["x"].item() for path in out.rglob("*.parquet")}
    assert 4 <= len(done) < 30
    cut_short = next(out.rglob("*.parquet")).with_name(".half.parquet.1.tmp")
    cut_short.write_bytes(b"PAR1")

    table = serial(functools.partial(slow, folder=str(notes)), {"x": range(30)}, out=out)

    assert list(range(0, 300, 10)) == table["y"].tolist()
    assert {1} == {len((notes / f"case-{x}").read_text()) for x in done}
    assert not cut_short.exists()


def runs(psutil, pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(true, patience_s=60.0):
    """Wait until something holds; fail if it takes too long."""
    stop = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < stop, "it did not happen in time"
        time.sleep(0.02)


# --- on Dask ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster


def test_a_dask_cluster_gives_the_same_table(tmp_path, cluster):
    table = quiet(replay, AXES, out=tmp_path / "out", scheduler=cluster.scheduler_address)

    pd.testing.assert_frame_equal(expected(), table)


def test_killing_a_dask_worker_loses_nothing(tmp_path, cluster):
    function = functools.partial(kills_its_process, folder=str(tmp_path))
    address = cluster.scheduler_address
    table = quiet(function, {"x": range(40)}, out=tmp_path / "out", scheduler=address)

    assert (tmp_path / "killed-0").exists()
    assert list(range(0, 400, 10)) == table["y"].tolist()
    assert 40 == len(list((tmp_path / "out").rglob("*.parquet")))


def test_a_case_that_dask_gives_up_is_named_and_run_again(tmp_path, cluster):
    function = functools.partial(kills_its_process, folder=str(tmp_path))
    dask = functools.partial(quiet, scheduler=cluster.scheduler_address, out=tmp_path / "out")
    allowed, cluster.scheduler.allowed_failures = cluster.scheduler.allowed_failures, 0

    with pytest.raises(ExceptionGroup) as caught:
        dask(function, {"x": [5]})
    cluster.scheduler.allowed_failures = allowed

    assert "KilledWorker" == type(caught.value.exceptions[0]).__name__
    assert ["case: x=5"] == caught.value.exceptions[0].__notes__
    assert [50] == dask(function, {"x": [5]})["y"].tolist()


def test_a_case_that_raises_on_a_dask_cluster_is_named_and_run_again(tmp_path, cluster):
    from distributed import Client

    flag, out = tmp_path / "flag", tmp_path / "out"
    flag.touch()
    function = functools.partial(some_fail, flag=str(flag))
    with Client(cluster) as client:
        with pytest.raises(ExceptionGroup) as caught:
            quiet(function, {"x": [1, 2, 3]}, out=out, scheduler=client)
        missing, odd = caught.value.exceptions
        assert "RuntimeError('OddError: 1')" == repr(odd)
        assert missing.__notes__[0].startswith("case: x=2\nTraceback")
        flag.unlink()

        table = quiet(function, {"x": [1, 2, 3]}, out=out, scheduler=client)

    assert [1, 2, 3] == table["y"].tolist()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"a": [1]}, r"axes\(a\) do not fit the function, which takes \(a, b\): missing .* 'b'"),
        ({"a": [1], "b": [2], "c": [3]}, r"unexpected keyword argument 'c'"),
        ({"a": 1, "b": [2]}, r"axis 'a' is 1: it must be a list of values"),
    ],
)
def test_axes_that_do_not_fit_the_function_are_refused_before_anything_runs(
    tmp_path, axes, message
):
    def function(a, b):
        return {"y": a + b}

    out = tmp_path / "out"
    with pytest.raises(ValueError, match=message):
        sweep(function, axes, out=out, version="1", workers=1, progress=False)
    assert not out.exists()


def run(function, cases, out, **options):
    return quiet(function, cases, out=out, **options)


def signed(x, policy):
    return {"y": x if policy == "easy" else -x}


class Scaled:
    """A callable object with a state."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return {"y": self.factor * x}

    def method(self, x):
        return {"y": self.factor * x}


def made(factor):
    def scaled(x):
        return {"y": factor * x}

    return scaled


def with_default(factor):
    return lambda x, factor=factor: {"y": factor * x}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (functools.partial(signed, policy="easy"), functools.partial(signed, policy="fifo")),
        (made(2), made(3)),
        (lambda x: {"y": 2 * x}, lambda x: {"y": 3 * x}),
        (lambda x: {"y": abs(x)}, lambda x: {"y": round(x)}),
        (with_default(2), with_default(3)),
        (Scaled(2), Scaled(3)),
        (Scaled(2).method, Scaled(3).method),
        (functools.partial(Scaled(2)), functools.partial(Scaled(3))),
        (functools.cache(made(2)), functools.cache(made(3))),
        (made(np.arange(2)), made(np.arange(3))),
        (made(pd.DataFrame({"a": [1]})), made(pd.DataFrame({"a": [2]}))),
        (made({"a": [Scaled(1)]}), made({"a": [Scaled(2)]})),
        (made(Path("a")), made(Path("b"))),
    ],
)
def test_results_belong_to_the_function_with_what_it_carries(tmp_path, one, other):
    axes = {"x": [1, 2]}
    with contextlib.suppress(ExceptionGroup):  # some carry what cannot be a result
        run(one, axes, tmp_path, workers=1)
    files = sorted(tmp_path.rglob("*.parquet"))

    with pytest.raises(ValueError, match=r"holds results with function .* choose another folder"):
        run(other, axes, tmp_path, workers=1)

    assert files == sorted(tmp_path.rglob("*.parquet"))


FACTORS = [2]


def test_a_lambda_carries_the_global_values_that_it_reads(tmp_path, monkeypatch):
    scaled = lambda x: {"y": sum(factor * x for factor in FACTORS)}  # noqa: E731
    assert [2, 4] == run(scaled, {"x": [1, 2]}, tmp_path, workers=1)["y"].tolist()
    assert [2, 4] == run(scaled, {"x": [1, 2]}, tmp_path, workers=1)["y"].tolist()

    monkeypatch.setitem(globals(), "FACTORS", [3])

    with pytest.raises(ValueError, match=r"FACTORS=\[2\].*FACTORS=\[3\].*choose another folder"):
        run(scaled, {"x": [1, 2]}, tmp_path, workers=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: functools.partial(signed, policy="easy"),
        lambda: Scaled(2),
        lambda: made(2),
        lambda: Scaled(2.0).method,
    ],
)
def test_a_function_made_again_with_the_same_arguments_finds_its_results(tmp_path, make):
    first = run(make(), {"x": [1, 2]}, tmp_path, workers=1)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}

    again = run(make(), {"x": [1, 2]}, tmp_path, workers=1)

    pd.testing.assert_frame_equal(first, again)
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}


def test_a_whole_number_is_one_case_however_its_axis_holds_it(tmp_path):
    run(made(2), {"x": [1, 2.5]}, tmp_path, workers=1)
    table = run(made(2), pd.DataFrame({"x": [1, 2.5]}), tmp_path, workers=1)

    assert [1.0, 2.5] == table["x"].tolist()
    assert [1.0, 2.5] == results(tmp_path)["x"].tolist()
    with pytest.raises(ValueError, match=r"case x=1.0 is given twice"):
        run(made(2), {"x": [1, 1.0]}, tmp_path, workers=1)


def exits(x):
    if x == 2:
        raise SystemExit(3)
    return {"y": x}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_case_that_exits_is_named_and_the_others_are_kept(tmp_path, workers):
    with pytest.raises(ExceptionGroup) as caught:
        run(exits, {"x": [1, 2, 3]}, tmp_path, workers=workers)

    (error,) = caught.value.exceptions
    assert "sys.exit(3)" in str(error)
    assert "case: x=2" in error.__notes__[0]
    assert [1, 3] == results(tmp_path)["x"].tolist()


def test_any_flipped_bit_of_a_kept_result_is_found(tmp_path):
    run(made(2), {"x": [7]}, tmp_path, workers=1)
    (path,) = tmp_path.rglob("*.parquet")
    whole = path.read_bytes()

    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"cannot be read .*delete it and call again"):
            results(tmp_path)


def test_a_kept_result_is_a_parquet_file_for_any_reader_whose_pages_have_checksums(tmp_path):
    run(made(2), {"x": [7]}, tmp_path, workers=1)
    (path,) = tmp_path.rglob("*.parquet")

    table = parquet.read_table(path, page_checksum_verification=True)

    assert [{"x": 7, "y": 14}] == table.to_pylist()
    damaged = path.read_bytes().replace((14).to_bytes(8, "little"), (15).to_bytes(8, "little"), 1)
    with pytest.raises(OSError, match="CRC"):
        parquet.read_table(pyarrow.BufferReader(damaged), page_checksum_verification=True)


class Machine:
    def __init__(self, speed):
        self.speed = speed

    @functools.cached_property
    def twice(self):
        return 2 * self.speed

    def case(self, seed):
        return {"value": self.twice + seed}


def test_what_an_object_computes_and_keeps_makes_it_no_other(tmp_path):
    machine = Machine(3)

    first = serial(machine.case, {"seed": [1]}, out=tmp_path)
    again = serial(machine.case, {"seed": [1]}, out=tmp_path)

    assert [7] == first["value"].tolist() == again["value"].tolist()
    with pytest.raises(ValueError, match="choose another folder"):
        serial(Machine(4).case, {"seed": [1]}, out=tmp_path)


def double(x):
    return {"y": 2 * x}


# Dask leaves a socket of its own to the collector when its cluster closes.
leaves_a_socket = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@leaves_a_socket
def test_a_cluster_is_opened_by_its_kind_and_closed_in_the_end(tmp_path):
    pytest.importorskip("distributed")
    with dask_cluster("local", 1, processes=False, dashboard_address="127.0.0.1:0") as client:
        table = quiet(double, {"x": [1, 2]}, out=tmp_path, scheduler=client)

    assert [2, 4] == table["y"].tolist()
    assert "closed" == client.status


@leaves_a_socket
def test_a_cluster_of_batch_jobs_is_asked_for_its_workers_and_what_it_takes(monkeypatch, tmp_path):
    distributed = pytest.importorskip("distributed")
    given = {}

    class Batch(distributed.LocalCluster):
        """A cluster of this machine that takes what batch jobs need."""

        def __init__(self, queue, memory, **rest):
            given.update(queue=queue, memory=memory, **rest)
            super().__init__(processes=False, dashboard_address="127.0.0.1:0", **rest)

    jobqueue = types.ModuleType("dask_jobqueue")
    jobqueue.SLURMCluster = Batch
    monkeypatch.setitem(sys.modules, "dask_jobqueue", jobqueue)

    with dask_cluster("slurm", 1, queue="batch", memory="1GB") as client:
        table = quiet(double, {"x": [3]}, out=tmp_path, scheduler=client)

    assert {"queue": "batch", "memory": "1GB", "n_workers": 1} == given
    assert [6] == table["y"].tolist()


def test_a_kind_of_cluster_whose_package_is_not_there_names_it(monkeypatch):
    monkeypatch.setitem(CLUSTERS, "slurm", ("no_jobqueue", "SLURMCluster"))

    brings = pytest.raises(ModuleNotFoundError, match="pip install no-jobqueue brings it")

    with brings, dask_cluster("slurm", 1):
        pass


@pytest.mark.parametrize(
    ("args", "message"),
    [(("cloud", 1), "must be one of local, slurm"), (("local", 0), "whole number >= 1")],
)
def test_a_cluster_that_cannot_be_is_refused(args, message):
    with pytest.raises(ValueError, match=message), dask_cluster(*args):
        pass
