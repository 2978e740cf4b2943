"""Settings of GPUs: physics is found again where it holds, intervals cover, doubts are told."""

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.power.caps import cap_curves, fit_exponent
from helpers.predict.machine_trials import MODELS, Part, errors, parts, trial
from helpers.predict.machines import (
    GPUS,
    KNOWN,
    OUTCOMES,
    Gpu,
    Machines,
    WhiteBox,
    data_sheets,
    known_by,
    left_out,
    limits_between,
    settings,
)

measured_only = pytest.mark.skipif(
    not datasets.available("zeus-power-caps"), reason="zeus-power-caps not cached"
)
TRUE = WhiteBox(
    GPUS,
    {"data, a": (2e4, 1e6, 3e4), "data, b": (300.0, 0.0, 5000.0)},
    0.2,
    {"data, a": 0.7, "data, b": 0.5},
    0.6,
)


def made(tasks=("data, a", "data, b"), gpus=tuple(GPUS), scale=1.0):
    """Settings that obey physics to the letter, a GPU and a task after the other."""
    table = pd.DataFrame(
        [
            (gpu, task, task[-1], batch, cap_w)
            for gpu in gpus
            for task in tasks
            for batch in (8, 32, 128, 512)
            for cap_w in (100.0, 150.0, 200.0, GPUS[gpu].most_w)
        ],
        columns=["gpu", "task", "network", "batch_size", "cap_w"],
    )
    said = TRUE.predict(table)
    return table.assign(
        time_s=scale * said["time_s"],
        power_w=said["power_w"],
        energy_j=scale * said["energy_j"],
    )


@pytest.fixture(scope="module")
def table():
    return settings(datasets.power_caps())


def test_physics_is_found_again_where_it_holds():
    found = WhiteBox.fit(made())

    for task, work in TRUE.work.items():
        assert pytest.approx(work, rel=1e-6, abs=1e-3) == found.work[task]
        assert pytest.approx(TRUE.busy[task], rel=1e-6) == found.busy[task]
    assert pytest.approx(TRUE.idle) == found.idle
    assert pytest.approx(TRUE.exponent, abs=0.02) == found.exponent


def test_a_gpu_never_measured_is_told_by_its_data_sheet_where_physics_holds():
    known, asked = made(gpus=("a40", "p100", "v100")), made(gpus=("rtx6000",))
    said = Machines(known).expected(asked)

    assert np.abs(np.log(said / asked[list(OUTCOMES)])).max().max() < 0.02


def test_what_is_known_of_a_gpu_is_learned_from_a_few_settings_of_it():
    slow = made(gpus=("p100",), scale=3.0)  # reaches a third of what the others do
    others = made(gpus=("a40", "rtx6000", "v100"))
    few = slow.iloc[::8]
    asked = slow.drop(few.index)

    before = Machines(others).expected(asked)["time_s"] / asked["time_s"]
    after = Machines(pd.concat([others, few])).expected(asked)["time_s"] / asked["time_s"]

    assert np.abs(np.log(before)).mean() > 1.0
    assert np.abs(np.log(after)).mean() < 0.1


def test_what_is_new_is_named_from_near_to_far():
    known = made(tasks=("data, a",), gpus=("a40", "v100"))
    known = known[(known["gpu"] == "a40") | (known["batch_size"] == 8)]
    other = pd.concat([known.iloc[:1].assign(task="data, b"), known])
    asked = pd.DataFrame(
        [
            ("a40", "data, a", 8, 120.0),
            ("v100", "data, a", 32, 100.0),
            ("v100", "data, b", 8, 100.0),
            ("p100", "data, a", 8, 100.0),
            ("a40", "data, c", 8, 100.0),
        ],
        columns=["gpu", "task", "batch_size", "cap_w"],
    )

    assert list(KNOWN) == known_by(asked, other).tolist()


@pytest.mark.parametrize("new", KNOWN)
def test_each_part_left_out_is_as_new_as_it_says_and_all_are_left_out_once(new):
    known = made()
    masks = list(left_out(known, new))

    assert (np.sum(masks, axis=0) == 1).all()
    for mask in masks:
        names = set(known_by(known[mask], known[~mask]))
        assert {new} >= names - set(KNOWN[: KNOWN.index(new)])


def test_limits_between_those_measured_stay_within_each_curve():
    known = made(gpus=("a40", "rtx6000"))
    found = limits_between(known.drop(index=0), 20.0)
    curves = found.groupby(["gpu", "task", "batch_size"])["cap_w"].agg(["min", "max"])

    assert 16 == len(curves)
    assert 150.0 == curves["min"].iloc[0]  # the lowest limit of the first curve is gone
    assert {290.0, 300.0, 260.0} == set(curves["max"])
    with pytest.raises(ValueError, match="step_w"):
        limits_between(known, 0.0)


def test_a_part_that_has_no_name_is_refused():
    with pytest.raises(ValueError, match="one of limit, batch"):
        next(left_out(made(), "network"))


def test_a_gpu_without_a_data_sheet_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"no data sheet of GPU 'h100': give one"):
        data_sheets(made().assign(gpu="h100"))


def test_a_gpu_of_ones_own_needs_its_data_sheet_alone():
    gpus = {**GPUS, "mine": Gpu(20.0, 800.0, 350.0, 24.0)}
    asked = made(gpus=("a40",)).assign(gpu="mine")
    differs = made().assign(time_s=lambda t: t["time_s"] * (1 + 0.1 * np.sin(np.arange(len(t)))))
    said = Machines(differs, gpus).predict(asked)

    assert (said["new"] == "gpu").all()
    assert said["doubt"].str.contains("measure a fifth of its settings").all()
    assert (said["time_s_low"] < said["time_s"]).all()


def test_a_task_never_measured_is_refused_and_a_batch_or_limit_beyond_is_flagged():
    asked = made().iloc[:4].copy()
    asked["task"] = asked["task"].where(asked.index != 0, "data, new")
    asked["batch_size"] = [8, 4096, 8, 8]
    asked["cap_w"] = [100.0, 100.0, 20.0, 100.0]
    said = Machines(made()).predict(asked)

    assert np.isnan(said["energy_j"].iloc[0])
    doubts = said["doubt"].tolist()
    assert doubts[0].startswith("'data, new' was never measured")
    assert doubts[1].startswith("batch size 4096 is outside those measured, 8 to 512")
    assert doubts[2].startswith("limit at 7% of the highest")
    assert "" == doubts[3]
    assert said["time_s"].iloc[1:].notna().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"cap_w": 0.0}, "cap_w must be"), ({"batch_size": np.nan}, "batch_size must be")],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Machines(made()).predict(made().assign(**changes))
    with pytest.raises(ValueError, match="column 'cap_w' is missing"):
        Machines(made()).predict(made().drop(columns="cap_w"))


def test_too_few_settings_or_a_wrong_share_are_refused():
    with pytest.raises(ValueError, match="20 or more"):
        Machines(made().iloc[:19])
    with pytest.raises(ValueError, match="between 0 and 1"):
        Machines(made(), covered=90)


def test_errors_are_those_of_the_models_and_a_refusal_is_counted():
    known = made()
    asked = (known["network"] == "b").to_numpy()
    found = errors(trial(known, Part("unseen network", "b", 0, ~asked, asked)))
    by_model = found.set_index(["model", "outcome"])

    assert set(MODELS) == set(found["model"])
    assert {int(asked.sum())} == set(by_model.loc["physics", "refused"])
    assert {int(asked.sum())} == set(by_model.loc["physics + process", "refused"])
    assert (by_model.loc["forest", "mean"] > 10).all()
    assert (by_model.loc["physics + process", "flagged"] == 100).all()


def test_every_setting_left_out_is_asked_for_and_never_known():
    known = made()
    for part in parts(known, draws=1):
        assert not (part.known & part.asked).any()
        if part.name:
            out = (known["gpu"] == part.name) | (known["network"] == part.name)
            assert part.asked.sum() <= out.sum()
            assert not part.asked[~out].any()


@measured_only
def test_the_exponent_is_that_of_the_chapter_on_power_caps(table):
    assert pytest.approx(fit_exponent(cap_curves(datasets.power_caps())), abs=0.02) == (
        WhiteBox.fit(table).exponent
    )


@measured_only
def test_repeats_of_optimizers_are_averaged(table):
    assert 1539 == len(table)
    assert pytest.approx(table["time_s"] * table["power_w"]) == table["energy_j"]
    assert not table.duplicated(["gpu", "task", "batch_size", "cap_w"]).any()


@measured_only
def test_a_gpu_with_a_fifth_of_its_settings_is_within_a_fifth_of_its_energy(table):
    part = next(
        p
        for p in parts(table, 1)
        if (p.kind, p.name) == ("unseen gpu, a fifth of settings", "p100")
    )
    tried = trial(table, part)
    found = errors(tried).set_index(["model", "outcome"])
    energy = found.xs("energy_j", level="outcome")

    assert energy.loc["physics + process", "mean"] < 20
    assert energy.loc["physics + process", "mean"] < energy.loc["forest", "mean"]
    assert energy.loc["physics + process", "covered"] > 85
