"""Labels add up to what was measured, and what was not measured says so."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import datasets
from helpers.jobs.table import JobLog, jobs_table
from helpers.power import Run, energy_j
from helpers.predict.energy import MEASURED, SURROGATE, label_energy, surrogate

EPOCH = pd.Timestamp("2024-01-01", tz="UTC")


def made(submit, run, cores, **more) -> JobLog:
    columns = {"submit_s": submit, "run_s": run, "processors": cores, "wait_s": np.zeros(len(run))}
    return JobLog(jobs_table({"job_id": np.arange(len(run)), **columns, **more}), EPOCH)


def recorded(watts, step_s=10.0, late_s=0.0) -> Run:
    times = step_s * np.arange(len(watts))
    return Run(times, np.array(watts, dtype=float), EPOCH.timestamp() + late_s)


def test_two_jobs_share_what_is_drawn_while_both_run():
    # 100 W all the time. Alone for 20 s; then 1 and 3 processors for 20 s; the other for 10 s.
    log = made([0.0, 20.0], [40.0, 30.0], [1.0, 3.0])

    labelled = label_energy(log, recorded([100.0] * 8))

    assert [2000 + 500, 1500 + 1000] == pytest.approx(labelled.jobs["energy_j"].tolist())


JOBS = st.lists(
    st.tuples(st.floats(0, 60), st.floats(1, 40), st.integers(1, 8)), min_size=1, max_size=8
)


@given(JOBS, st.lists(st.floats(10, 300), min_size=12, max_size=12))
def test_labels_add_up_to_what_was_measured_while_any_job_ran(rows, watts):
    submit, run, cores = (np.array(v, dtype=float) for v in zip(*rows, strict=True))
    log, record = made(submit, run, cores), recorded(watts)

    label = label_energy(log, record).jobs["energy_j"]

    edges = np.unique(np.concatenate([submit, submit + run]))
    middle = (edges[1:] + edges[:-1]) / 2
    busy = ((submit <= middle[:, None]) & (middle[:, None] < submit + run)).any(axis=1)
    drawn = energy_j(record, edges[:-1], edges[1:])[busy].sum() if len(middle) else 0.0
    assert drawn == pytest.approx(label.sum(), rel=1e-6)


def test_a_job_partly_outside_the_record_gets_no_label_but_takes_its_share():
    log = made([0.0, 5.0], [100.0, 5.0], [1.0, 1.0])

    label = label_energy(log, recorded([100.0] * 4)).jobs["energy_j"]

    assert np.isnan(label[0])
    assert label[1] == pytest.approx(250.0)


def test_idle_power_is_charged_to_nobody_and_labels_of_the_log_stay():
    log = made([0.0, 0.0], [10.0, 10.0], [1.0, 1.0], energy_j=[np.nan, 7.0])

    label = label_energy(log, recorded([100.0] * 3), idle_w=60.0).jobs["energy_j"]

    assert [200.0, 7.0] == pytest.approx(label.tolist())


def test_a_surrogate_names_itself_and_has_an_interval():
    energy = [100.0, 400.0, 200.0, np.nan]
    log = made([0.0] * 4, [10.0] * 4, [1.0] * 4, energy_j=energy)

    table = surrogate(log)

    assert [MEASURED] * 3 + [SURROGATE] == table["origin"].tolist()
    assert energy[:3] == table["low_j"].tolist()[:3] == table["high_j"].tolist()[:3]
    assert 200.0 == pytest.approx(table["energy_j"][3])
    half = 2.919986 * np.log(2) * np.sqrt(4 / 3)  # t quantile for 2 degrees of freedom
    assert 200 * np.exp(half) == pytest.approx(table["high_j"][3])


def test_measured_training_runs_lie_in_the_interval_of_the_others():
    if not datasets.available("opitz-2024-power"):
        pytest.skip("the recordings are not in the cache")
    runs = list(datasets.power_runs()["roberta_full"].values())
    first = min(run.start_epoch_s for run in runs)
    log = JobLog(
        jobs_table(
            {
                "job_id": np.arange(len(runs)),
                "submit_s": [run.start_epoch_s - first + 30 for run in runs],
                "wait_s": np.zeros(len(runs)),
                "run_s": [run.at("Exit") - 30 for run in runs],
                "processors": np.ones(len(runs)),
            }
        ),
        pd.Timestamp(first, unit="s", tz="UTC"),
    )
    for run in runs:
        log = label_energy(log, run)
    label = log.jobs["energy_j"]

    inside = []
    for left_out in range(len(runs)):
        hidden = log.with_jobs(log.jobs.assign(energy_j=label.drop(left_out).reindex(label.index)))
        row = surrogate(hidden).iloc[left_out]
        inside.append(row["low_j"] <= label[left_out] <= row["high_j"])

    assert label.notna().all()
    assert sum(inside) >= 8  # of ten, at 90 %


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": None}, "give an epoch"),
        ({"idle_w": -1.0}, r"idle_w\(=-1.0\) must be >= 0"),
        ({"cores": [np.nan]}, "its processors are not known"),
    ],
)
def test_what_cannot_be_labelled_is_refused(change, message):
    log = made([0.0], [10.0], change.get("cores", [1.0]))
    if "epoch" in change:
        log = JobLog(log.jobs)

    with pytest.raises(ValueError, match=message):
        label_energy(log, recorded([1.0] * 3), idle_w=change.get("idle_w", 0.0))


def test_too_few_labels_are_refused():
    with pytest.raises(ValueError, match="0 jobs have a measured energy, and 3 are needed"):
        surrogate(made([0.0], [1.0], [1.0]))
    with pytest.raises(ValueError, match=r"confidence\(=1.0\)"):
        surrogate(made([0.0], [1.0], [1.0]), confidence=1.0)
