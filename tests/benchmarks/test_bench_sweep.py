"""What a sweep adds to each case, beside plain maps over processes and over Dask that keep nothing.

The cases do next to nothing, so all that is measured is overhead: the start of the workers, the
way there and back, and for a sweep one Parquet file a case, written and read again.
"""

import itertools
import logging
import multiprocessing

import pytest
from sweep_functions import replay

from helpers.sweep import sweep

CASES = 1000
AXES = {"policy": ["fifo"], "zone": ["DE"], "seed": range(CASES)}


@pytest.fixture
def folders(tmp_path):
    """Return a new folder at each call."""
    return (tmp_path / str(i) for i in itertools.count()).__next__


@pytest.fixture(scope="module")
def scheduler():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster.scheduler_address


def plain_map():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.starmap(replay, itertools.product(*AXES.values()), chunksize=1)


@pytest.mark.parametrize("how", ["here", "processes", "dask", "resumed"])
def test_a_sweep_of_a_thousand_cases(benchmark, folders, scheduler, how):
    where = {
        "here": {"workers": 1},
        "resumed": {"workers": 1},
        "processes": {"workers": 2},
        "dask": {"scheduler": scheduler},
    }[how]
    full = folders()
    if how == "resumed":
        sweep(replay, AXES, out=full, version="1", workers=1, progress=False)

    def run():
        out = full if how == "resumed" else folders()
        return sweep(replay, AXES, out=out, version="1", progress=False, **where)

    table = benchmark.pedantic(run, rounds=3)
    assert len(table) == CASES


def test_a_plain_map_of_a_thousand_cases(benchmark):
    results = benchmark.pedantic(plain_map, rounds=3)
    assert len(results) == CASES


def test_a_plain_dask_map_of_a_thousand_cases(benchmark, scheduler):
    from distributed import Client

    with Client(scheduler) as client:
        columns = list(zip(*itertools.product(*AXES.values()), strict=True))
        results = benchmark.pedantic(
            lambda: client.gather(client.map(replay, *columns, pure=False)), rounds=3
        )
    assert len(results) == CASES
