"""The campaign runs end to end on a simulated meter, and its jobs resume exactly."""

import io
import json
import math
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.power import energies, read_campaign, spans
from helpers.power.recording import read_calls

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def root_on_path(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def python(module, *arguments, code=0):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"measurements.{module}", *map(str, arguments)]
    told = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment
    )
    assert code == told.returncode, told.stderr
    return told


# --- the job ---


def finished(folder, engine, *options):
    """Run the job in a folder; return its result."""
    folder.mkdir(exist_ok=True)
    small = ("--width", 64, "--layers", 1, "--batch", 8) if engine == "torch" else ()
    shared = ("--engine", engine, "--checkpoints", folder, "--result", folder / "result.json")
    python("job", *shared, "--epochs", 3, "--steps", 4, *small, *options)
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(params=["numpy", "torch"])
def engine(request):
    if request.param == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed: no torch job")
    return request.param


@pytest.mark.parametrize("stop", ["--stop-after", "--stop-before"])
def test_a_job_that_stops_and_resumes_ends_with_the_weights_of_a_whole_one(tmp_path, engine, stop):
    whole = finished(tmp_path / "whole", engine)
    stopped = finished(tmp_path / "parts", engine, stop, 2)
    resumed = finished(tmp_path / "parts", engine, "--resume")

    assert whole["digest"] == resumed["digest"] != stopped["digest"]
    assert whole["progress"] == resumed["progress"]


def test_a_job_stopped_before_its_checkpoint_does_an_epoch_again(tmp_path, engine):
    stopped = finished(tmp_path, engine, "--stop-before", 2)
    resumed = finished(tmp_path, engine, "--resume")

    assert "epoch 2 train" in stopped["seconds"]
    assert "epoch 2 save" not in stopped["seconds"]
    assert "epoch 2 train" in resumed["seconds"]
    assert "epoch 1 train" not in resumed["seconds"]


def test_a_job_that_only_starts_up_does_not_train(tmp_path, engine):
    phases = list(finished(tmp_path, engine, "--startup-only")["seconds"])

    assert ["import libraries", "load data", "build model"] == phases


def test_a_resume_without_its_random_numbers_would_be_noticed(tmp_path, monkeypatch):
    from measurements import text
    from measurements.numpy_engine import Engine

    data = text.generated(seed=1, count=300)
    tokens = text.encode(data, length=Engine.length, vocabulary=Engine.vocabulary)
    whole, first, second = (Engine(tokens, np.array(data.positive), 1) for _ in range(3))
    whole.train(6)
    first.train(3)
    first.save(tmp_path / "state", {})
    second.load(tmp_path / "state")
    second._rng = np.random.default_rng(1)
    second.train(3)

    assert whole.digest() != second.digest()


def test_resuming_from_nothing_says_so(tmp_path):
    arguments = ("--engine", "numpy", "--checkpoints", tmp_path, "--result", tmp_path / "r.json")
    told = python("job", *arguments, "--resume", code=1)

    assert "holds no checkpoint to resume from" in told.stderr


# --- its text ---


def test_generated_text_depends_on_its_seed_alone_and_says_that_it_is_generated():
    from measurements import text

    assert text.generated(seed=1, count=20) == text.generated(seed=1, count=20)
    assert text.generated(seed=1, count=20) != text.generated(seed=2, count=20)
    assert "generated at random (seed 1)" == text.load(None, seed=1).source


def test_another_archive_than_the_named_one_is_refused(tmp_path):
    from measurements import text

    archive = tmp_path / "other.tar.gz"
    archive.write_bytes(b"something else")

    with pytest.raises(ValueError, match="take the source archive of"):
        text.load(archive, seed=1)


def test_reviews_are_read_from_the_archive_within_the_archive(tmp_path, monkeypatch):
    import hashlib

    from measurements import text

    def packed(name, data):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    rows = b"1\t2.5\tA good film.\r\n2\t-1.0\tNot so.\r\n"
    archive = tmp_path / "source.tar.gz"
    archive.write_bytes(packed(text._INNER, packed(text._REVIEWS, rows)))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(text, "REVIEWS_SHA256", digest)

    told = text.movie_reviews(archive)

    assert ("A good film.", "Not so.") == told.sentences
    assert (True, False) == told.positive


def test_sentences_become_rows_of_tokens_of_one_length():
    from measurements import text

    tokens = text.encode(text.Text(("Good film", "good"), (True, True), ""), length=4, vocabulary=9)

    assert (2, 4) == tokens.shape
    assert [1, 1] == list(tokens[:, 0])
    assert tokens[0, 1] == tokens[1, 1] >= 2
    assert [0, 0] == list(tokens[1, 2:])


# --- the campaign ---

SMALL = ("--meter", "simulated", "--engine", "numpy", "--warm-up-s", 0, "--interval", 0.01)
SHORT = ("--idle-s", 0.1, "--idle-run-s", 0.2, "--steps", 300, "--epochs", 3)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """Return the folder of a campaign of two blocks, done in two calls."""
    out = tmp_path_factory.mktemp("campaign")
    python("campaign", "--out", out, *SMALL, *SHORT, "--repeats", 1)
    python("campaign", "--out", out, "--continue", "--repeats", 2, "--warm-up-s", 0)
    return out


def test_two_calls_make_two_archives_and_a_data_sheet(campaign):
    names = sorted(path.name for path in campaign.iterdir())

    assert ["DATASHEET.md", "runs-001.tar.xz", "runs-002.tar.xz"] == names


def test_a_campaign_holds_each_experiment_once_a_block(campaign):
    runs = read_campaign(campaign)

    assert {name: [0, 1] for name in runs} == {
        name: list(repeats) for name, repeats in runs.items()
    }
    assert set(runs) == {
        "idle",
        "startup_only",
        "whole",
        "stop_after_checkpoint",
        "resume_after_checkpoint",
        "stop_before_checkpoint",
        "resume_before_checkpoint",
    }


def test_a_campaign_says_that_it_is_simulated(campaign):
    assert all(call["simulated"] for call in read_calls(campaign))
    assert "**Simulated.**" in (campaign / "DATASHEET.md").read_text()
    assert read_campaign(campaign)["whole"][0].meta["simulated"]


def test_all_jobs_of_a_campaign_end_with_the_same_weights(campaign):
    runs = read_campaign(campaign)
    ends = ("whole", "resume_after_checkpoint", "resume_before_checkpoint")

    assert 1 == len({run.meta["digest"] for name in ends for run in runs[name].values()})
    assert (
        "4 of 4 resumed jobs end with the very weights" in (campaign / "DATASHEET.md").read_text()
    )


def test_runs_of_a_campaign_have_phases_and_energy(campaign):
    runs = read_campaign(campaign)
    phases = set(spans(runs["whole"][1]).name)

    table = energies(runs["whole"], "program begin", "program end")

    assert {"program", "load data", "epoch 1 train", "epoch 3 save"} <= phases
    assert (table.energy_j > 50 * table.duration_s).all()
    assert np.allclose(table.energy_j, table.counter_j, rtol=0.1)


def test_both_calls_share_their_settings_and_differ_in_their_blocks(campaign):
    first, second = read_calls(campaign)

    assert first["settings"] == second["settings"]
    assert not set(first["runs"]) & set(second["runs"])


def test_a_campaign_is_not_mixed_with_another(campaign):
    told = python("campaign", "--out", campaign, *SMALL, code=2)

    assert "add to it with --continue" in told.stderr


def test_files_of_a_campaign_name_no_path(campaign):
    for archive in campaign.glob("runs-*.tar.xz"):
        with tarfile.open(archive) as members:
            texts = [members.extractfile(m).read().decode() for m in members]
        assert not any(str(ROOT) in t or sys.prefix in t for t in texts)


def test_without_a_gpu_the_campaign_says_so_and_ends_with_code_2(tmp_path, monkeypatch, capsys):
    import pynvml

    from measurements import campaign

    def no_driver():
        raise pynvml.NVMLError_LibraryNotFound

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)

    assert 2 == campaign.main(["--out", str(tmp_path)])
    assert "NVML does not start" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


def test_a_campaign_out_of_time_does_no_block(tmp_path):
    told = python("campaign", "--out", tmp_path, *SMALL, *SHORT, "--budget-s", 1, "--repeats", 2)

    assert "2 of 2 blocks are left: go on with --continue" in told.stdout
    assert [] == list(tmp_path.iterdir())


def test_the_order_within_blocks_is_random_but_given_by_the_seed():
    from measurements.campaign import EXPERIMENTS, block_order

    orders = [tuple(block_order(1, block)) for block in range(20)]

    assert orders == [tuple(block_order(1, block)) for block in range(20)]
    assert all(set(EXPERIMENTS) == set(order) for order in orders)
    assert len(set(orders)) > 10
    assert orders != [tuple(block_order(2, block)) for block in range(20)]


@pytest.mark.parametrize("seconds", [600.0, 1200.0])
def test_epochs_are_as_long_as_the_time_allows_and_no_longer(seconds):
    from measurements.campaign import Settings, _block_seconds, fitting_steps

    timing = {"startup": 4.0, "step": 0.0213, "evaluate": 0.01, "save": 0.5}
    settings = Settings(1, 4, 0, 1.0, 5.0, 0.05, "torch", ("nvml",), ())

    steps = fitting_steps(timing, settings, blocks=10, seconds=seconds, shortest_s=0.1)

    fixed_s, per_step_s = _block_seconds(timing, replace(settings, steps=steps))
    assert 10 * (fixed_s + steps * per_step_s) <= seconds
    assert 10 * (fixed_s + (steps + 1) * per_step_s) > seconds


def test_an_epoch_is_never_shorter_than_the_meter_needs():
    from measurements.campaign import Settings, fitting_steps

    timing = {"startup": 60.0, "step": 0.02, "evaluate": 0.01, "save": 0.5}
    settings = Settings(1, 4, 0, 1.0, 5.0, 0.05, "torch", ("nvml",), ())

    steps = fitting_steps(timing, settings, blocks=10, seconds=600, shortest_s=1.5)

    assert math.ceil(1.5 / 0.02) == steps


def test_a_stopped_job_is_recorded_with_the_time_after_it(tmp_path):
    python("campaign", "--out", tmp_path, *SMALL, *SHORT, "--repeats", 1, "--awake-s", 0.5)

    (run,) = read_campaign(tmp_path)["awake"].values()

    assert run.duration_s - run.at("program end") >= 0.5
    assert "epoch 2 save end" in [event.name for event in run.events]
    assert "epoch 3 train begin" not in [event.name for event in run.events]


@pytest.mark.parametrize("module", ["campaign", "datasheet", "job"])
def test_help_prints_help_and_does_nothing_else(module):
    told = python(module, "--help")

    assert told.stdout.startswith("usage: python -m measurements")
    assert "" == told.stderr
