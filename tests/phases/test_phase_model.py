import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.phases import (
    Phase,
    PhaseModel,
    Profile,
    Repeat,
    fill,
    flatten,
    generic_ml,
    read_csv,
    steady_job,
)
from helpers.phases.model import MAX_PHASES

ROBERTA = Path(__file__).parents[2] / "data" / "phases" / "roberta.csv"

NUMBERS = st.floats(0.01, 1e4)
PHASES = st.builds(Phase, name=st.sampled_from("abc"), duration_s=NUMBERS, power_w=NUMBERS)
WORK_PHASES = st.builds(
    Phase,
    name=st.sampled_from("abc"),
    duration_s=NUMBERS,
    power_w=NUMBERS,
    checkpoint=st.booleans(),
)


def nested(phases):
    return st.recursive(
        st.lists(phases, min_size=1, max_size=3).map(tuple),
        lambda inner: st.lists(
            phases | st.builds(Repeat, times=st.integers(1, 3), phases=inner),
            min_size=1,
            max_size=3,
        ).map(tuple),
        max_leaves=4,
    )


MODELS = st.builds(
    PhaseModel,
    name=st.just("model"),
    startup=nested(PHASES) | st.just(()),
    work=nested(WORK_PHASES),
    end=nested(PHASES) | st.just(()),
)


def roberta():
    return read_csv(ROBERTA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration_s": 0.0}, r"phase 'a': duration_s\(=0.0\) must be finite and > 0"),
        ({"duration_s": math.inf}, r"duration_s\(=inf\) must be finite"),
        ({"power_w": -1.0}, r"power_w\(=-1.0\) must be finite and >= 0"),
        ({"power_w": "7"}, r"power_w\(='7'\) must be a number"),
        ({"power_w": True}, r"power_w\(=True\) must be a number"),
        ({"name": " "}, r"name\(=' '\) must be one line of printable text"),
        ({"name": "a\n"}, r"must be one line of printable text"),
        ({"checkpoint": 1}, r"checkpoint\(=1\) must be True or False"),
    ],
)
def test_a_phase_refuses_what_no_phase_can_be(change, message):
    good = {"name": "a", "duration_s": 1.0, "power_w": 2.0}

    with pytest.raises(ValueError, match=message):
        Phase(**(good | change))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: Repeat(0, (p,)), r"times\(=0\) must be >= 1"),
        (lambda p: Repeat(1.5, (p,)), r"times\(=1.5\) must be a whole number"),
        (lambda p: Repeat(2, ()), r"phases\(=\(\)\) must hold at least one"),
        (lambda p: Repeat(2, ("a",)), r"'a' must be a Phase or a Repeat"),
        (lambda p: PhaseModel("m", (), ()), r"work\(=\(\)\) must hold at least one"),
        (lambda p: PhaseModel("", (), (p,)), r"name\(=''\) must be one line of printable text"),
        (
            lambda p: PhaseModel("m", (Phase("save", 1, 1, checkpoint=True),), (p,)),
            r"startup: phase 'save' has checkpoint=True, but only work phases save",
        ),
        (
            lambda p: PhaseModel("m", (), (Repeat(10**9, (p,)),)),
            rf"phases\(=1000000000 when repeats are written out\) must be <= {MAX_PHASES}",
        ),
        (lambda p: fill((), 1.0), r"phases\(=\(\)\) must hold at least one"),
        (lambda p: fill((p,), 0.0), r"duration_s\(=0.0\) must be finite and > 0"),
    ],
)
def test_repeats_models_and_fill_refuse_what_makes_no_job(make, message):
    with pytest.raises(ValueError, match=message):
        make(Phase("a", 1.0, 2.0))


def test_repeats_are_written_out_in_order_and_nest():
    a, b = Phase("a", 1, 1), Phase("b", 1, 1)

    assert (a, a, b, a, a, b) == flatten([Repeat(2, (Repeat(2, (a,)), b))])


def test_the_published_model_has_the_published_energy_and_its_sheets_facts():
    model = roberta()
    start = model.startup_profile
    sheet = ROBERTA.with_name("README.md").read_text(encoding="utf-8")
    first_s = model.work_profile.checkpoints_s[0]
    facts = {
        "phases": f"{len(model.profile.phases)}",
        "checkpoints": f"{model.work_profile.checkpoints_s.size}",
        "duration [s]": f"{model.duration_s:.2f}",
        "duration of start-up [s]": f"{start.duration_s:.2f}",
        "duration of the work [s]": f"{model.work_profile.duration_s:.2f}",
        "energy [J]": f"{model.energy_j:.1f}",
        "energy of start-up [J]": f"{start.energy_j:.1f}",
        "energy from start-up to the first checkpoint [J]": (
            f"{start.energy_j + model.work_profile.energy_until_j(first_s):.1f}"
        ),
        "mean power [W]": f"{model.mean_power_w:.1f}",
    }

    # 12974.4 J phased and 12975.8 J averaged are published; the table's digits are rounded.
    assert model.energy_j == pytest.approx(12974.4, abs=1.5)
    assert model.constant_twin("whole").energy_j == pytest.approx(12975.8, abs=1.5)
    for fact, value in facts.items():
        assert f"| {fact} | {value} |" in sheet


def test_the_second_epoch_costs_what_is_published_for_a_lost_epoch():
    work = roberta().work_profile
    first_s, second_s = work.checkpoints_s[:2]

    epoch_j = work.energy_until_j(second_s) - work.energy_until_j(first_s)

    # Published: start plus one epoch 3.06 kJ, an extra start 0.79 kJ.
    assert epoch_j == pytest.approx(3060 - 790, abs=10)


def test_power_holds_from_one_edge_up_to_the_next_and_to_the_last_instant():
    model = PhaseModel("m", (Phase("s", 2, 10),), (Phase("w", 3, 20),), (Phase("e", 1, 30),))

    power_w = model.power_at([0.0, 1.9, 2.0, 4.9, 5.0, 6.0])

    assert [10, 10, 20, 20, 30, 30] == power_w.tolist()


@given(MODELS, st.lists(st.floats(0, 1), max_size=20))
def test_power_does_not_depend_on_the_order_of_the_times(model, shares):
    times_s = np.array(shares) * model.duration_s
    edges_s, levels_w = model.profile.edges_s, model.profile.power_w

    expected = [
        next(
            w for w, end in zip(levels_w, edges_s[1:], strict=True) if t < end or end == edges_s[-1]
        )
        for t in times_s
    ]

    assert expected == model.power_at(times_s).tolist()
    assert sorted(expected) == sorted(model.power_at(np.sort(times_s)).tolist())


def test_power_keeps_the_shape_of_the_times():
    assert (2, 3) == generic_ml().power_at(np.zeros((2, 3))).shape
    assert (0,) == generic_ml().power_at([]).shape


@pytest.mark.parametrize("time_s", [-0.1, 84.2])
def test_power_before_the_start_and_after_the_end_must_be_asked_for(time_s):
    model = generic_ml()

    with pytest.raises(ValueError, match=r"must lie in \[0, 84.1.*pass outside_w"):
        model.power_at([time_s])

    assert [57.5, 3.0] == model.power_at([1.0, time_s], outside_w=3.0).tolist()


def test_a_missing_time_has_no_power():
    with pytest.raises(ValueError, match="drop missing times"):
        generic_ml().power_at([1.0, math.nan], outside_w=0.0)


def test_a_profile_without_phases_lasts_and_draws_nothing():
    empty = Profile(())

    assert (0.0, 0.0, 0.0) == (empty.duration_s, empty.energy_j, empty.mean_power_w)
    assert [5.0] == empty.power_at([1.0], outside_w=5.0).tolist()
    assert () == empty.between(0.0, 0.0).phases


@given(MODELS, st.floats(0, 1))
def test_energy_up_to_a_time_is_the_integral_of_power(model, share):
    stop_s = share * model.duration_s
    edges_s = np.unique(np.append(model.profile.edges_s.clip(max=stop_s), stop_s))
    middles_s = (edges_s[1:] + edges_s[:-1]) / 2

    integral_j = np.sum(model.power_at(middles_s) * np.diff(edges_s))

    assert model.profile.energy_until_j(stop_s) == pytest.approx(integral_j)


def test_energy_is_not_extrapolated():
    with pytest.raises(ValueError, match=r"times_s\(=85.0\) must lie in"):
        generic_ml().profile.energy_until_j([1.0, 85.0])


@given(MODELS, st.floats(0, 1))
def test_cutting_a_profile_in_two_loses_neither_time_nor_energy_nor_checkpoints(model, share):
    profile = model.profile
    cut_s = share * profile.duration_s

    first, second = profile.between(0, cut_s), profile.between(cut_s, profile.duration_s)

    assert first.duration_s + second.duration_s == pytest.approx(profile.duration_s)
    assert first.energy_j + second.energy_j == pytest.approx(profile.energy_j)
    assert first.checkpoints_s.size + second.checkpoints_s.size == profile.checkpoints_s.size


def test_a_cut_short_of_a_checkpoint_by_rounding_alone_keeps_it():
    work = generic_ml(epochs=2).work_profile
    almost_s = np.nextafter(work.checkpoints_s[0], 0)

    first, second = work.between(0, almost_s), work.between(almost_s, work.duration_s)

    assert work.phases[:3] == first.phases
    assert work.phases[3:] == second.phases


def test_a_profile_is_cut_only_within_itself():
    with pytest.raises(ValueError, match="0 <= start_s <= stop_s"):
        generic_ml().profile.between(5.0, 4.0)


def test_fill_goes_round_and_cuts_the_last_phase_without_its_checkpoint():
    high, low = Phase("high", 60, 200), Phase("low", 30, 100, checkpoint=True)

    phases = fill((high, low), 170)

    assert ["high", "low", "high", "low"] == [p.name for p in phases]
    assert [60, 30, 60, 20] == [p.duration_s for p in phases]
    assert [False, True, False, False] == [p.checkpoint for p in phases]


@given(nested(WORK_PHASES), st.floats(0.1, 20))
def test_filled_phases_last_exactly_as_long_as_asked(phases, rounds):
    duration_s = rounds * math.fsum(p.duration_s for p in flatten(phases))

    filled = fill(phases, duration_s)

    assert math.fsum(p.duration_s for p in filled) == pytest.approx(duration_s)


@given(MODELS, st.sampled_from(["work", "whole"]))
def test_a_constant_twin_keeps_energy_durations_and_checkpoints(model, part):
    twin = model.constant_twin(part)

    assert twin.energy_j == pytest.approx(model.energy_j)
    assert twin.profile.edges_s.tolist() == model.profile.edges_s.tolist()
    assert twin.work_profile.checkpoints_s.tolist() == model.work_profile.checkpoints_s.tolist()
    assert np.ptp(twin.work_profile.power_w) == 0


@given(MODELS)
def test_the_twin_of_the_work_leaves_start_up_and_end_alone(model):
    twin = model.constant_twin("work")

    assert (twin.startup, twin.end) == (model.startup, model.end)


def test_the_twin_of_the_whole_job_draws_one_power_throughout():
    twin = generic_ml().constant_twin("whole")

    assert {generic_ml().mean_power_w} == set(twin.profile.power_w)


def test_there_are_two_twins():
    with pytest.raises(ValueError, match=r"part\(='end'\) must be 'work' or 'whole'"):
        generic_ml().constant_twin("end")


def close_to(value):
    return pytest.approx(value, rel=1e-7, abs=1e-6)


@given(
    MODELS,
    st.floats(0, 0.999),
    st.floats(0, 1),
    st.sampled_from(["checkpoints", "anywhere"]),
)
def test_a_stop_and_a_resume_cost_the_overhead_and_nothing_else(model, share, resumed, keep):
    resumed_from_s = resumed * model.work_profile.duration_s
    attempt = model.attempt(resumed_from_s)
    time_s = share * attempt.duration_s
    if time_s >= attempt.duration_s:  # nothing is left to do
        return

    stop = model.stop_at(time_s, keep=keep, resumed_from_s=resumed_from_s)

    total_j = stop.spent_j + model.attempt(stop.kept_s).energy_j
    assert total_j == close_to(attempt.energy_j + stop.overhead_j)
    assert stop.lost_s == close_to(stop.done_s - stop.kept_s)
    assert stop.kept_s >= resumed_from_s - 1e-9


@given(MODELS, st.floats(0, 0.999))
def test_a_process_kept_in_memory_loses_no_work(model, share):
    assert 0 == model.stop_at(share * model.duration_s, keep="anywhere").lost_s


def test_a_stop_right_after_a_checkpoint_costs_one_start_up():
    model = roberta()

    for checkpoint_s in model.work_profile.checkpoints_s[:-1]:
        # The sum is not exactly the profile's edge; rounding must not lose an epoch.
        stop = model.stop_at(model.startup_profile.duration_s + checkpoint_s)

        assert close_to(0) == stop.lost_s
        assert close_to(model.startup_profile.energy_j) == stop.overhead_j


def test_a_stop_right_before_a_checkpoint_costs_one_start_up_and_an_epoch():
    model = generic_ml(epochs=3)
    epoch_s = 7.6 + 1.5 + 2.7

    stop = model.stop_at(model.startup_profile.duration_s + 2 * epoch_s - 0.001)

    assert ("work", "save") == (stop.part, stop.phase)
    assert close_to(epoch_s) == stop.kept_s
    assert close_to(epoch_s - 0.001) == stop.lost_s
    epoch_j = 7.6 * 234 + 1.5 * 141 + 2.7 * 110.5
    assert close_to(23.5 * 57.5 + epoch_j - 0.001 * 110.5) == stop.overhead_j


def test_a_stop_during_start_up_wastes_what_start_up_has_used():
    stop = generic_ml().stop_at(10.0)

    assert ("startup", "start", 0.0) == (stop.part, stop.phase, stop.done_s)
    assert 575.0 == stop.overhead_j


def test_a_stop_during_the_end_repeats_start_up_and_the_begun_end_only():
    model = generic_ml()

    stop = model.stop_at(model.duration_s - 1.0)

    assert ("end", "end") == (stop.part, stop.phase)
    assert close_to(0) == stop.lost_s
    assert close_to(23.5 * 57.5 + 0.6 * 123) == stop.overhead_j


def test_without_checkpoints_a_stop_loses_all_work():
    model = PhaseModel("m", (), (Phase("w", 10, 5),))

    assert (0.0, 4.0, 20.0) == (
        (stop := model.stop_at(4.0)).kept_s,
        stop.lost_s,
        stop.overhead_j,
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.stop_at(m.duration_s), "has ended by then"),
        (lambda m: m.stop_at(-1), r"time_s\(=-1\) must lie in"),
        (lambda m: m.stop_at(1, keep="all"), r"keep\(='all'\) must be 'checkpoints' or 'anywhere'"),
        (lambda m: m.attempt(60.0), r"kept_s\(=60.0\) must lie in"),
        (lambda m: m.with_work_duration(0), r"duration_s\(=0\) must be finite and > 0"),
    ],
)
def test_a_model_refuses_times_it_does_not_have(call, message):
    with pytest.raises(ValueError, match=message):
        call(generic_ml())


def test_stretched_work_keeps_powers_proportions_start_up_and_end():
    model = generic_ml()

    longer = model.with_work_duration(2 * model.work_profile.duration_s)

    assert longer.work_profile.edges_s == pytest.approx(2 * model.work_profile.edges_s)
    assert longer.work_profile.power_w.tolist() == model.work_profile.power_w.tolist()
    assert (longer.startup, longer.end) == (model.startup, model.end)


def test_a_generic_job_starts_then_trains_evaluates_and_saves_in_every_epoch():
    model = generic_ml(epochs=2)

    names = model.profile.names

    assert ("start", *["train", "evaluate", "save"] * 2, "end") == names
    assert close_to([11.8, 23.6]) == model.work_profile.checkpoints_s.tolist()


@given(MODELS)
def test_flattening_changes_nothing_but_the_nesting(model):
    flat = model.flattened()

    assert flat.profile.phases == model.profile.phases
    assert not any(isinstance(p, Repeat) for p in flat.startup + flat.work + flat.end)


@given(MODELS)
def test_edges_increase_and_arrays_cannot_be_written(model):
    profile = model.profile

    assert all(low < high for low, high in pairwise(profile.edges_s))
    for array in (profile.edges_s, profile.power_w, profile.cumulative_j, profile.checkpoints_s):
        assert not array.flags.writeable


def test_a_phase_outside_of_a_list_is_refused():
    with pytest.raises(ValueError, match=r"model 'a', work: .* must stand in a list"):
        PhaseModel("a", (), Phase("work", 1, 1))


@given(st.lists(PHASES, min_size=1, max_size=5), st.floats(1, 1e5))
def test_a_stretched_profile_keeps_its_powers_and_the_shares_of_its_phases(phases, duration_s):
    profile = Profile(tuple(phases))

    stretched = profile.stretched(duration_s)
    assert duration_s == pytest.approx(stretched.duration_s)
    assert profile.power_w.tolist() == stretched.power_w.tolist()
    shares = profile.edges_s / profile.duration_s
    assert shares == pytest.approx(stretched.edges_s / duration_s)


def test_a_steady_job_has_one_power_its_start_up_and_checkpoints_at_equal_distances():
    job = steady_job(7200, 200.0, startup_s=900, checkpoint_every_s=1800)

    assert 900 == job.startup_profile.duration_s
    assert (200.0, 200.0) == (job.startup_profile.mean_power_w, job.work_profile.mean_power_w)
    assert [1800, 3600, 5400, 7200] == job.work_profile.checkpoints_s.tolist()
    assert 0 == steady_job(7200, 200.0).startup_profile.duration_s
    assert 50.0 == steady_job(60, 200.0, startup_s=9, startup_power_w=50.0).startup[0].power_w


def test_checkpoints_of_a_steady_job_divide_its_work():
    with pytest.raises(
        ValueError, match=r"checkpoint_every_s\(=1000\) must divide work_s\(=7200\)"
    ):
        steady_job(7200, 200.0, checkpoint_every_s=1000)
