"""The script that generates the stored tables of programs keeps what it does not make anew."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "programs.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("data_programs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scores(**means):
    return pd.DataFrame({"model": list(means), "mean": list(means.values())})


def test_scores_of_a_model_that_is_not_tried_again_stay(script):
    found = script.merged(scores(hybrid=15.0, network=18.0), scores(hybrid=11.0, forest=42.0))

    assert {"hybrid": 11.0, "forest": 42.0, "network": 18.0} == dict(found.to_numpy())
    assert 3 == len(found)


def test_scores_are_kept_where_there_were_none(script):
    new = scores(hybrid=11.0)

    pd.testing.assert_frame_equal(new, script.merged(new.head(0), new))


def test_without_pytorch_what_is_stored_of_the_network_stays(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(script, "HERE", tmp_path)
    script.part_network(tmp_path)

    assert "stays as it was" in capsys.readouterr().out
    assert [] == list(tmp_path.iterdir())


def test_a_folder_of_other_programs_is_refused_with_a_remedy(script, tmp_path):
    script.keep_count(tmp_path, 48)
    script.keep_count(tmp_path, 48)

    with pytest.raises(SystemExit, match="give another folder, --work"):
        script.keep_count(tmp_path, 60)


def test_fewer_programs_are_the_first_of_all(script, tmp_path):
    script.keep_count(tmp_path, 48)
    few, every = script.plan(tmp_path), script.plan(tmp_path / "none")

    assert [every[n][0] for n in range(48)] == [few[n][0] for n in range(48)]
    assert {0, 1, 4, 8} == {parts for _, _, parts in few.values()}
