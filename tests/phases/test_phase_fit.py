from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_runs import IDLE_S, make_run, plan_of

from helpers.phases import generic_ml, read_csv
from helpers.phases.fit import as_run, fit_model, match_borders
from helpers.phases.plan import Loop, Plan, Span
from helpers.power.runs import Event, energy_j

ROBERTA = Path(__file__).parents[2] / "data" / "phases" / "roberta.csv"


def test_runs_without_noise_give_back_the_model_they_were_made_of(model, plan):
    fitted = fit_model([make_run(model), make_run(model)], plan, pool=True).model

    assert fitted.profile.names == model.profile.names
    assert fitted.profile.edges_s == pytest.approx(model.profile.edges_s)
    assert fitted.profile.power_w == pytest.approx(model.profile.power_w)
    assert fitted.work_profile.checkpoints_s == pytest.approx(model.work_profile.checkpoints_s)
    assert fitted.work[0].times == 3


def test_rounds_are_told_apart_unless_they_are_pooled(noisy_runs, plan):
    apart, pooled = fit_model(noisy_runs, plan), fit_model(noisy_runs, plan, pool=True)

    assert "epoch 2 evaluate" in apart.model.profile.names
    assert [6] * 11 == apart.spread["n"].tolist()
    assert [6, 18, 18, 18, 6] == pooled.spread["n"].tolist()


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(0, 1000), st.booleans())
def test_the_fitted_energy_and_duration_are_the_mean_of_the_runs(count, seed, pool):
    plan = plan_of(2)
    runs = [
        make_run(generic_ml(epochs=2), seed=seed + i, jitter=0.05, noise_w=10.0)
        for i in range(count)
    ]
    borders_s = [match_borders(run, plan) for run in runs]

    model = fit_model(runs, plan, pool=pool).model

    measured_j = [energy_j(run, at[0], at[-1]) for run, at in zip(runs, borders_s, strict=True)]
    assert model.energy_j == pytest.approx(np.mean(measured_j))
    assert model.duration_s == pytest.approx(np.mean([at[-1] - at[0] for at in borders_s]))


def test_the_spread_is_that_of_the_phases_in_the_runs(noisy_runs, plan):
    fit = fit_model(noisy_runs, plan)
    durations_s = np.diff(fit.borders_s, axis=1)
    power_w = fit.phase_j / durations_s

    assert fit.spread["duration_sd_s"].to_numpy() == pytest.approx(durations_s.std(axis=0, ddof=1))
    assert fit.spread["power_sd_w"].to_numpy() == pytest.approx(power_w.std(axis=0, ddof=1))
    assert fit.spread["energy_sd_j"].to_numpy() == pytest.approx(fit.phase_j.std(axis=0, ddof=1))


def test_one_run_has_no_spread(model, plan):
    spread = fit_model([make_run(model)], plan).spread

    assert spread[["duration_sd_s", "power_sd_w", "energy_sd_j"]].isna().all(axis=None)


@pytest.mark.parametrize("as_table", [True, False])
def test_a_run_may_be_given_as_plain_arrays_on_any_clock(model, plan, as_table):
    run = make_run(model)
    events = [(1e9 + event.time_s, event.name) for event in run.events]
    if as_table:
        events = pd.DataFrame(events, columns=["time_s", "name"])

    plain = fit_model([(1e9 + run.time_s, run.power_w, events)], plan)

    # Clocks of 1e9 s resolve about 1e-7 s.
    assert plain.spread["power_w"].to_numpy() == pytest.approx(
        fit_model([run], plan).spread["power_w"].to_numpy(), rel=1e-4
    )
    assert as_run(run) is run


def test_a_plan_may_start_some_time_after_the_first_sample(model, plan):
    run = make_run(model)
    run = replace(run, events=run.events[1:])

    borders_s = match_borders(run, replace(plan, start=IDLE_S))

    assert borders_s[0] == IDLE_S


def changed(events, change):
    events = list(events)
    change(events)
    return tuple(events)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.pop(3), r"run 0: event 'save done' at .* s, but plan 'made up' expects 'eval"),
        (lambda e: e.pop(), r"run 0: event 'end done' of plan 'made up' is missing"),
        (
            lambda e: e.append(Event(70.0, "x")),
            r"run 0: event 'x' at 70.000 s, .* no further event",
        ),
        (lambda e: e.append(replace(e.pop(), time_s=900.0)), r"but the recording from 0.000 to"),
        (lambda e: e.insert(0, replace(e.pop(0), time_s=-1.0)), r"phases reach from -1.000"),
        (
            lambda e: e.__setitem__(3, replace(e[3], time_s=e[2].time_s)),
            r"run 0: the phase at 36.100 s has no duration: name one of its two events in ignore",
        ),
    ],
)
def test_a_run_that_went_another_way_is_refused(model, plan, change, message):
    run = make_run(model)
    run = replace(run, events=changed(run.events, change))

    with pytest.raises(ValueError, match=message):
        fit_model([run], plan)


def test_events_are_ignored_by_name_only(model, plan):
    run = make_run(model)
    run = replace(run, events=(*run.events, Event(6.0, "step 1"), Event(7.0, "step 2")))

    with pytest.raises(ValueError, match="'step 1'"):
        fit_model([run], plan)

    assert 11 == len(fit_model([run], replace(plan, ignore=("step *",))).spread)


def test_events_count_in_the_order_of_their_times(model, plan):
    run = make_run(model)

    shuffled = replace(run, events=run.events[::-1])

    assert match_borders(run, plan).tolist() == match_borders(shuffled, plan).tolist()


def test_nothing_is_fitted_to_no_run(plan):
    with pytest.raises(ValueError, match="at least one run"):
        fit_model([], plan)


def test_two_phases_of_a_part_need_two_names(model):
    span = Span("a", "* done")
    plan = Plan("p", "program starts", startup=(), work=(span, span, Loop("l", 9, (span,))))

    with pytest.raises(ValueError, match="work: two phases are named 'a'"):
        fit_model([make_run(model)], plan)


def test_rounds_that_begin_later_keep_their_numbers_and_events(model):
    run = make_run(model)
    events = [  # the second to the fourth epoch of a job, each saying which it is
        replace(e, name=e.name.replace("train", f"train {1 + i // 3}"))
        for i, e in enumerate(run.events, start=1)
    ]
    assert [e.name for e in events if "train" in e.name] == [f"train {n} done" for n in (2, 3, 4)]
    spans = (Span("train", "train {round} done"), Span("rest", "save done"))
    plan = Plan(
        "resumed",
        "start done",
        startup=(),
        work=(Loop("epoch", 3, spans, first=2),),
        ignore=("program starts", "evaluate done", "end done"),
    )

    fit = fit_model([replace(run, events=tuple(events))], plan)

    assert ["epoch 2 train", "epoch 2 rest", "epoch 3 train"] == list(fit.spread["phase"][:3])
    assert fit.model.work[2].name == "epoch 3 train"


def test_a_run_whose_rounds_have_other_numbers_is_refused(model):
    run = make_run(model)
    spans = (Span("all", "train {round} done"),)
    plan = Plan("p", "start done", startup=(), work=(Loop("epoch", 1, spans),), ignore=("p*",))

    events = (*run.events[:2], replace(run.events[2], name="train 2 done"))
    with pytest.raises(ValueError, match=r"'train 2 done' .* expects 'train 1 done'"):
        fit_model([replace(run, events=events)], plan)


@pytest.mark.parametrize(("times", "spans"), [(0, (Span("a", "b"),)), (1, ())])
def test_a_loop_goes_round_at_least_once_and_does_something(times, spans):
    with pytest.raises(ValueError, match="loop 'l'"):
        Loop("l", times, spans)


def test_the_published_runs_give_the_published_model(published):
    runs, plan = published
    table = read_csv(ROBERTA).profile

    fit = fit_model(runs, plan)

    assert fit.model.profile.names == table.names
    published_s, fitted_s = np.diff(table.edges_s), fit.spread["duration_s"].to_numpy()
    assert fitted_s == pytest.approx(published_s, abs=0.005)
    assert fit.spread["power_w"].to_numpy() == pytest.approx(table.power_w, abs=2.0)
    assert fit.model.energy_j == pytest.approx(12974.4, rel=0.001)


def test_tables_of_a_fit_have_a_row_a_repeat_and_a_column_a_phase(noisy_runs, plan):
    fit = fit_model(noisy_runs, plan)

    energy, duration_s = fit.tables(range(10, 16))
    assert list(range(10, 16)) == energy.index.to_list() == duration_s.index.to_list()
    assert fit.spread["phase"].to_list() == energy.columns.to_list()
    assert fit.spread["energy_j"].to_numpy() == pytest.approx(energy.mean().to_numpy())
    assert fit.spread["duration_s"].to_numpy() == pytest.approx(duration_s.mean().to_numpy())


def test_tables_of_a_fit_need_a_key_for_each_run(noisy_runs, plan):
    with pytest.raises(ValueError, match="Shape"):
        fit_model(noisy_runs, plan).tables([1])
