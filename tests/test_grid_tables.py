"""The stored tables of one grid at a time are what their script computes: a part of each again."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import datasets

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data"))

import grids


def again(monkeypatch, table, zone, **fewer):
    """Compute some rows of a table, and return them with the stored ones of the same keys."""
    for name, values in fewer.items():
        monkeypatch.setattr(grids, name, values)
    compute, columns = grids.TABLES[table]
    computed = pd.DataFrame(compute(zone), columns=columns)
    keys = {"pauses": 3, "loads": 4, "places": 4}[table]
    computed = computed.astype(datasets.by_grid(table).dtypes.to_dict())
    return computed.merge(datasets.by_grid(table), on=columns[:keys], suffixes=("", "_stored"))


def same(rows, *names, **near):
    assert len(rows)
    for name in names:
        np.testing.assert_allclose(rows[name], rows[f"{name}_stored"], **near)


@pytest.mark.parametrize("table", ["pauses", "loads", "places"])
def test_a_table_has_every_grid_and_each_row_once(table):
    stored = datasets.by_grid(table)
    keys = {"pauses": 3, "loads": 4, "places": 4}[table]

    assert grids.TABLES[table][1] == list(stored.columns)
    assert list(datasets.zones()) == list(stored["zone"].unique())
    assert not stored.duplicated(list(stored.columns[:keys])).any()
    assert 1 == stored.groupby("zone").size().nunique()


def test_what_pauses_add_is_computed_again(monkeypatch):
    rows = again(monkeypatch, "pauses", "IT", WORKS_H=(24,), STARTUPS_MIN=(15, 120))

    same(rows, "weeks", "extra", "low", "high", "paused", atol=2e-4)


def test_what_policies_emit_and_the_bound_are_computed_again(monkeypatch):
    rows = again(monkeypatch, "loads", "AT", LOADS=(0.7,))

    assert 10 == len(rows)
    same(rows, "emissions_g", rtol=1e-6)


def test_what_place_and_time_save_is_computed_again(monkeypatch):
    rows = again(monkeypatch, "places", "PL", ROOMS=(0.1,), TRANSFERS=(0, 500))

    assert {"time", "place", "both"} == set(rows["how"])
    same(rows, "saved", "low", "high", atol=2e-3)


def test_no_schedule_is_below_its_bound_and_no_choice_worse_than_a_narrower_one():
    stored = datasets.by_grid("loads").query("of == 'jobs'")
    emitted = stored.pivot_table("emissions_g", ["zone", "load"], "what")
    for name in ("EASY", "gated EASY", "plan"):
        assert (emitted["bound"] <= emitted[name] * (1 + 1e-6)).all()
    assert (emitted["bound, pauses"] <= emitted.min(axis=1) * (1 + 1e-6)).all()

    free = datasets.by_grid("places").query("how != 'time'")
    saved = free.pivot_table("saved", ["zone", "transfer", "room"], "how")
    assert (saved["both"] >= saved["place"] - 1e-6).all()


def test_there_is_no_other_table():
    with pytest.raises(ValueError, match="pauses"):
        datasets.by_grid("weeks")
