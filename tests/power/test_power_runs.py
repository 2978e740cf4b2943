import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from helpers.power import (
    Event,
    Run,
    baseline,
    energies,
    energy_j,
    lag_s,
    measure_energy,
    paired_sum,
    program_window,
    spans,
    stack,
    thin,
)
from helpers.power.runs import counter_j


def a_run(power_w, step_s=0.5, events=(), **more):
    power_w = np.asarray(power_w, float)
    pairs = tuple(Event(time_s, name) for time_s, name in events)
    return Run(np.arange(power_w.size) * step_s, power_w, 1.7e9, pairs, **more)


@st.composite
def runs(draw):
    steps = draw(st.lists(st.floats(0.01, 3), min_size=1, max_size=30))
    powers = st.lists(st.floats(0, 500), min_size=len(steps) + 1, max_size=len(steps) + 1)
    return Run(np.cumsum([0.0, *steps]), np.array(draw(powers)), 1.7e9)


fractions = st.floats(0, 1)


# --- the run ---


@pytest.mark.parametrize(
    ("time_s", "power_w", "message"),
    [
        ([0.0], [1.0], "needs two or more samples"),
        ([0.0, 1.0], [1.0], "power_w has shape"),
        ([0.0, 0.0], [1.0, 1.0], r"increase strictly: 0.0 s is followed by 0.0 s .sample 1."),
        ([0.0, 1.0], [1.0, np.nan], r"power_w\[1\]=nan must be finite"),
    ],
)
def test_a_run_refuses_samples_that_are_none(time_s, power_w, message):
    with pytest.raises(ValueError, match=message):
        Run(np.array(time_s), np.array(power_w), 0.0)


def test_samples_of_a_run_cannot_be_changed_and_do_not_change_with_their_source():
    source = np.array([1.0, 2.0])
    run = a_run(source)
    source[0] = 9.0

    assert [1.0, 2.0] == list(run.power_w)
    with pytest.raises(ValueError, match="read-only"):
        run.power_w[0] = 3.0


def test_an_instant_is_a_time_an_event_or_one_of_its_occurrences():
    run = a_run([1, 1, 1, 1], events=[(0.2, "save"), (0.7, "exit"), (1.1, "save")])

    assert [0.3, 0.7, 0.2, 1.1] == [run.at(i) for i in (0.3, "exit", ("save", 0), ("save", -1))]


@pytest.mark.parametrize(
    ("instant", "message"),
    [
        ("Exit", "no event 'Exit'; it has 'save', 'exit'"),
        ("save", "event 'save' occurs 2 times in run 'r': say which"),
        (("save", 2), "there is no occurrence 2"),
    ],
)
def test_an_event_that_is_unknown_or_not_unique_is_named(instant, message):
    run = a_run([1, 1, 1, 1], events=[(0.2, "save"), (0.7, "exit"), (1.1, "save")], name="r")

    with pytest.raises(ValueError, match=message):
        run.at(instant)


def test_a_run_starts_at_an_instant_in_utc():
    assert pd.Timestamp("2023-11-14 22:13:20", tz="UTC") == a_run([1, 1]).start


# --- energy ---


def test_constant_power_times_time_is_energy():
    assert 30.0 == pytest.approx(energy_j(a_run([20.0] * 10), 1.2, 2.7))


def test_a_line_between_samples_is_integrated_exactly():
    run = a_run([0.0, 10.0], step_s=1.0)

    assert 5 * (0.75**2 - 0.25**2) == pytest.approx(energy_j(run, 0.25, 0.75))


@given(run=runs())
def test_the_whole_energy_is_the_trapezoid_rule_of_scipy(run):
    assert trapezoid(run.power_w, run.time_s) == pytest.approx(energy_j(run), rel=1e-9, abs=1e-9)


@given(run=runs(), a=fractions, b=fractions, c=fractions)
def test_energies_of_adjacent_windows_add_up(run, a, b, c):
    a_s, b_s, c_s = (f * run.time_s[-1] for f in (a, b, c))

    both = energy_j(run, a_s, b_s) + energy_j(run, b_s, c_s)

    assert energy_j(run, a_s, c_s) == pytest.approx(both, rel=1e-9, abs=1e-6)


@given(run=runs(), a=fractions, b=fractions)
def test_energy_lies_between_least_and_greatest_power_times_time(run, a, b):
    a_s, b_s = sorted((a * run.time_s[-1], b * run.time_s[-1]))

    energy = energy_j(run, a_s, b_s)

    assert run.power_w.min() * (b_s - a_s) - 1e-6 <= energy
    assert energy <= run.power_w.max() * (b_s - a_s) + 1e-6


def test_many_windows_at_once_equal_one_at_a_time():
    run = a_run(np.random.default_rng(1).uniform(0, 300, 50))
    starts, stops = np.array([0.0, 1.3, 7.77]), np.array([0.1, 20.0, 7.78])

    one_by_one = [energy_j(run, a, b) for a, b in zip(starts, stops, strict=True)]

    assert one_by_one == list(energy_j(run, starts, stops))


@pytest.mark.parametrize("window", [(-0.1, 1.0), (0.0, 4.6), (np.nan, 1.0)])
def test_a_window_outside_the_recording_is_refused(window):
    with pytest.raises(ValueError, match=r"outside the recording of run 'r', from 0.0 to 4.5 s"):
        energy_j(a_run([1] * 10, name="r"), *window)


def test_the_counter_is_read_between_its_readings():
    run = a_run([1, 1, 1], counter_j=np.array([100.0, 110.0, 130.0]))

    assert 10.0 == counter_j(run, 0.25, 0.625)
    assert 30.0 == counter_j(run)
    with pytest.raises(ValueError, match="no energy counter"):
        counter_j(a_run([1, 1]))


def test_energy_above_idle_carries_the_error_of_the_baseline():
    idle = baseline([(a_run(50 + np.random.default_rng(1).normal(0, 5, 400)), 0, 199)])
    energy = measure_energy(a_run([150.0] * 100), 10, 30, idle=idle)

    assert (20.0, 3000.0) == (energy.duration_s, energy.energy_j)
    assert 3000 - 20 * idle.power_w == energy.above_idle_j
    assert 20 * idle.standard_error_w == energy.above_idle_standard_error_j
    assert np.isnan(energy.counter_j)


def test_without_a_baseline_nothing_is_above_idle():
    energy = measure_energy(a_run([150.0] * 100))

    assert np.isnan([energy.idle_w, energy.above_idle_j]).all()


def test_a_table_of_energies_has_one_row_a_repeat_in_order():
    table = energies({3: a_run([2.0] * 5), 1: a_run([1.0] * 5)}, 0.0, 2.0)

    assert [1, 3] == list(table.index)
    assert [2.0, 4.0] == list(table.energy_j)


# --- where the program ran, and idle ---


def test_the_recorders_events_tell_when_the_program_ran():
    events = [(0.5, "program begin"), (1.5, "program end")]

    assert (0.5, 1.5) == program_window(a_run([1] * 5, events=events))


def test_a_known_time_of_idle_tells_when_the_program_ran():
    assert (1.0, 3.5) == program_window(a_run([1] * 10), idle_s=1.0)
    with pytest.raises(ValueError, match="give idle_s"):
        program_window(a_run([1] * 10))
    with pytest.raises(ValueError, match=r"idle_s=2\.3 twice must be"):
        program_window(a_run([1] * 10), idle_s=2.3)


def test_a_baseline_weighs_windows_by_their_duration():
    short, long = a_run([50.0] * 11), a_run([53.0] * 31)

    idle = baseline([(short, 0, 5), (long, 0, 15)])

    assert 52.25 == pytest.approx(idle.power_w)
    assert (50.0, 53.0) == pytest.approx(idle.window_w)
    assert 20.0 == idle.duration_s


def test_the_error_of_a_baseline_covers_its_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        noise = np.zeros(2000)
        steps = rng.normal(0, 1, 2000)
        for i in range(1, 2000):  # neighbours depend on each other, as a meter's samples do
            noise[i] = 0.9 * noise[i - 1] + steps[i]
        idle = baseline([(a_run(50 + noise, step_s=0.05), 0, 99)])
        hits += abs(idle.power_w - 50) < 2.26 * idle.standard_error_w  # 95 %, 9 degrees of freedom

    assert 0.88 < hits / 200 <= 1.0


def test_windows_that_drift_make_the_error_larger_than_their_noise():
    drifting = [(a_run([50.0 + drift] * 20), 0, 9) for drift in (-2, 0, 2)]

    assert 2 / np.sqrt(3) == pytest.approx(baseline(drifting).standard_error_w)


def test_a_machine_still_awake_after_the_program_is_no_baseline():
    run = a_run([50.0] * 10 + [200.0] * 10 + [102.0] * 10)

    with pytest.raises(ValueError, match=r"from 50.0 to 102.0 W.*may still be awake"):
        baseline([(run, 0, 4), (run, 11, 14)])


@pytest.mark.parametrize(
    ("windows", "more", "message"),
    [
        ([], {}, "windows is empty"),
        ([(a_run([1] * 9), 2, 2)], {}, "the window from 2.0 to 2.0 s of '' is empty"),
        ([(a_run([1] * 9), 0, 2)], {"blocks": 1}, "blocks=1 must be >= 2"),
    ],
)
def test_a_baseline_of_nothing_is_refused(windows, more, message):
    with pytest.raises(ValueError, match=message):
        baseline(windows, **more)


# --- repeats ---


def test_a_stop_and_its_resume_add_up_by_their_repeat():
    first, second = pd.Series({1: 1.0, 2: 2.0}), pd.Series({2: 20.0, 1: 10.0})

    assert {1: 11.0, 2: 22.0} == paired_sum(first, second).to_dict()


def test_a_repeat_without_a_partner_is_named_or_left_out_when_asked():
    first, second = pd.Series({1: 1.0, 4: 4.0}), pd.Series({1: 10.0})

    with pytest.raises(ValueError, match=r"repeats \[4\] have no partner"):
        paired_sum(first, second)
    assert {1: 11.0} == paired_sum(first, second, unpaired="leave_out").to_dict()
    with pytest.raises(ValueError, match="nothing pairs"):
        paired_sum(first, pd.Series({9: 1.0}), unpaired="leave_out")


def test_stacked_runs_are_aligned_on_an_event():
    def stepping(at_s):
        power_w = np.where(np.arange(200) * 0.1 < at_s, 50.0, 250.0)
        return a_run(power_w, step_s=0.1, events=[(at_s, "train")])

    stacked = stack({0: stepping(5.0), 1: stepping(8.0)}, on="train", step_s=0.1)

    before, after = stacked.time_s < -0.1, stacked.time_s > 0.1
    assert (0, 1) == stacked.keys
    assert np.full(before.sum(), 50.0) == pytest.approx(stacked.mean_w[before])
    assert np.full(after.sum(), 250.0) == pytest.approx(stacked.mean_w[after])
    assert (-5.0, 11.9) == pytest.approx((stacked.edges_s[0], stacked.edges_s[-1]))


@given(run=runs(), cells=st.integers(1, 40))
def test_a_stacked_run_keeps_its_energy(run, cells):
    stacked = stack({0: run}, step_s=run.time_s[-1] / cells)

    total_j = (stacked.power_w * np.diff(stacked.edges_s)).sum()

    assert energy_j(run) == pytest.approx(total_j, rel=1e-6, abs=1e-6)


def test_the_spread_of_stacked_runs_is_over_runs():
    stacked = stack({i: a_run([level] * 9) for i, level in enumerate((10.0, 20.0, 60.0))})

    assert np.full(80, 30.0) == pytest.approx(stacked.mean_w)
    assert np.full(80, np.std([10, 20, 60], ddof=1)) == pytest.approx(stacked.sd_w)
    assert np.full(80, 20.0) == pytest.approx(stacked.quantile_w(0.5))


def test_the_spread_of_one_run_is_unknown():
    assert np.isnan(stack({0: a_run([1] * 9)}).sd_w).all()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"step_s": 0.0}, "step_s=0.0 must be > 0"),
        ({"start_s": 3.9, "step_s": 0.2}, "the grid is empty"),
        ({"start_s": -1.0}, "outside the recording"),
        ({"stop_s": 5.0}, "outside the recording"),
        ({"on": "train"}, "no event 'train'"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(more, message):
    with pytest.raises(ValueError, match=message):
        stack({0: a_run([1] * 9)}, **more)


def test_nothing_cannot_be_stacked():
    with pytest.raises(ValueError, match="nothing to stack"):
        stack({})


def test_phases_nest_fail_and_stay_open():
    events = [
        (0.1, "program begin"),
        (0.2, "train begin"),
        (0.5, "a mark"),
        (0.8, "train end"),
        (1.0, "save begin"),
        (1.2, "save failed"),
        (1.3, "again begin"),
    ]

    table = spans(a_run([1] * 9, events=events))

    assert ["program", "train", "save", "again"] == list(table.name)
    assert [0, 1, 1, 1] == list(table.depth)
    assert [False, False, True, False] == list(table.failed)
    assert [True, False, False, True] == list(table.stop_s.isna())
    assert [0.8, 1.2] == list(table.stop_s.dropna())


def test_a_phase_that_never_began_is_named():
    with pytest.raises(ValueError, match=r"phase 'save' of run '' ends at 0.500 s but never began"):
        spans(a_run([1] * 9, events=[(0.5, "save end")]))


def test_a_slower_meter_reads_the_instant_or_reports_the_mean_since_its_last_report():
    run = a_run([1, 3, 5, 7, 9], events=[(1, "half")])

    instants, means = thin(run, 2), thin(run, 2, first=1, averaging=True)
    assert ([0.0, 1.0], [1.0, 5.0]) == (instants.time_s.tolist(), instants.power_w.tolist())
    assert ([0.75, 1.75], [4.0, 8.0]) == (means.time_s.tolist(), means.power_w.tolist())
    assert run.events == means.events


def test_a_meter_too_slow_for_a_run_is_refused():
    with pytest.raises(ValueError, match="every=3 leaves 1 samples"):
        thin(a_run([1, 3, 5, 7, 9]), 3)


@pytest.mark.parametrize("change", [(10, 90), (90, 10)])
def test_power_lags_an_event_by_the_time_to_its_lasting_change(change):
    before, after = change
    power_w = np.where(np.arange(200) * 0.05 < 5.5, before, after).astype(float)
    power_w[104] = after  # a single stroke is not the change

    assert 0.5 == pytest.approx(lag_s(a_run(power_w, 0.05, [(5.0, "ended")]), "ended"), abs=0.051)
