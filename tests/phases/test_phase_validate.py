from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_runs import make_run

from helpers.phases import Phase, Profile, generic_ml
from helpers.phases.fit import fit_model, match_borders
from helpers.phases.validate import (
    align,
    barycenter_profile,
    constant_profile,
    cross_validate,
    dominant_period_s,
    error_by_scale,
    own_error_w,
    phase_profile,
    score_profile,
    spectrum,
    summarise,
)
from helpers.power.runs import Run


def with_power(profile, change):
    return Profile(tuple(replace(p, power_w=change(p.power_w)) for p in profile.phases))


def test_the_model_a_run_was_made_of_has_no_error(model, plan):
    score = score_profile(model.profile, make_run(model), plan)

    assert 5 == len(score)
    # The sample right after the last phase belongs to idle.
    assert score["mae_w"] == pytest.approx(0, abs=0.2)
    for name in ("energy_error_j", "duration_error_s"):
        assert score[name] == pytest.approx(0, abs=1e-4)
    assert score["energy_j"] == pytest.approx(model.energy_j)


def test_errors_of_level_show_in_power_and_energy(model, plan):
    score = score_profile(with_power(model.profile, lambda w: w + 10), make_run(model), plan)

    assert score["rmse_w"] == pytest.approx(10, abs=0.2)
    assert score["energy_error_j"] == pytest.approx(10 * model.duration_s, rel=1e-6)


def test_what_is_predicted_after_the_job_ended_shows_in_energy_and_duration_only(model, plan):
    longer = Profile((*model.profile.phases, Phase("more", 4.0, 900.0)))

    score = score_profile(longer, make_run(model), plan)

    assert score["mae_w"] == pytest.approx(0, abs=0.2)
    assert score["duration_error_s"] == pytest.approx(4.0)
    assert score["energy_error_j"] == pytest.approx(3600.0, abs=0.01)


def test_every_run_is_predicted_once_and_never_from_itself(noisy_runs, plan):
    trained_on = []

    def spy(runs, plan):
        trained_on.append({run.name for run in runs})
        return phase_profile(runs, plan)

    scores = cross_validate(noisy_runs, plan, folds=3, seed=7, builders={"spy": spy})

    assert [0, 1, 2, 3, 4, 5] == sorted(scores["run"])
    assert [2, 2, 2] == scores["fold"].value_counts().tolist()
    for row in scores.itertuples():
        assert noisy_runs[row.run].name not in trained_on[row.fold]


def test_leaving_one_out_needs_no_seed_and_folds_of_several_do(noisy_runs, plan):
    assert 12 == len(cross_validate(noisy_runs, plan))

    with pytest.raises(ValueError, match=r"seed\(=None\) must be given"):
        cross_validate(noisy_runs, plan, folds=2)


def test_folds_follow_from_the_seed_alone(noisy_runs, plan):
    first, again, other = (
        cross_validate(noisy_runs, plan, folds=2, seed=seed) for seed in (1, 1, 2)
    )

    assert first.equals(again)
    assert not first.equals(other)


@pytest.mark.parametrize("folds", [1, 7])
def test_there_are_at_least_two_folds_and_at_most_as_many_as_runs(noisy_runs, plan, folds):
    with pytest.raises(ValueError, match=rf"folds\(={folds}\) must lie between 2"):
        cross_validate(noisy_runs, plan, folds=folds, seed=1)


def test_phases_beat_the_constant_on_runs_with_phases(noisy_runs, plan):
    table = summarise(cross_validate(noisy_runs, plan))

    assert ["phases", "constant"] == table.index.tolist()
    assert table.loc["phases", "rmse_w"] < table.loc["constant", "rmse_w"] / 2


def test_a_summary_averages_over_runs(noisy_runs, plan):
    scores = cross_validate(noisy_runs, plan)
    mine = scores[scores["model"] == "phases"]

    row = summarise(scores).loc["phases"]

    assert row["rmse_w"] == pytest.approx(mine["rmse_w"].mean())
    assert row["rmse_sd_w"] == pytest.approx(mine["rmse_w"].std(ddof=1))
    assert row["abs_energy_error_j"] == pytest.approx(mine["energy_error_j"].abs().mean())


def test_the_error_of_a_constant_shrinks_as_windows_cover_whole_epochs(model, plan):
    run = make_run(model)
    constant = constant_profile([run], plan)
    whole_s = 0.999999 * model.duration_s

    table = error_by_scale(constant, run, plan, [0.1, 11.8, whole_s])

    assert [int(10 * model.duration_s), 5, 1] == table["windows"].tolist()
    assert table["rmse_w"].is_monotonic_decreasing
    assert table["rmse_w"].iloc[-1] < 0.1


@pytest.mark.parametrize("scale_s", [0.0, 1000.0])
def test_windows_fit_into_the_job(model, plan, scale_s):
    with pytest.raises(ValueError, match=r"scales_s\(=.*\) must lie in"):
        error_by_scale(model.profile, make_run(model), plan, [scale_s])


def test_warping_tells_error_of_timing_from_error_of_level(model, plan):
    run = make_run(model)
    late = model.with_work_duration(0.97 * model.work_profile.duration_s).profile
    strong = with_power(model.profile, lambda w: 1.2 * w)

    timing, level = align(late, run, plan), align(strong, run, plan)

    assert timing.level_rmse_w < timing.rmse_w / 3
    assert timing.shift_s > 0.2
    assert level.level_rmse_w > level.rmse_w / 2
    assert level.rmse_w == pytest.approx(0.2 * np.sqrt(np.mean(_cells(model) ** 2)), rel=0.02)


def _cells(model):
    return model.power_at(np.linspace(0, model.duration_s, 2000))


def test_warping_covers_at_least_the_difference_of_the_durations(model, plan):
    short = model.with_work_duration(20.0).profile

    with pytest.raises(ValueError, match=r"window_s\(=3.0\) must be >= 15.400 s"):
        align(short, make_run(model), plan)


def test_the_barycenter_of_equal_runs_is_the_run(model, plan):
    run = make_run(model)

    profile = barycenter_profile([run, run], plan)

    assert profile.duration_s == pytest.approx(model.duration_s)
    assert profile.energy_j == pytest.approx(model.energy_j, rel=1e-3)
    assert score_profile(profile, run, plan)["rmse_w"] < 15


def test_the_spectrum_finds_the_period_of_the_epochs():
    run = make_run(generic_ml(epochs=10))
    start_s, stop_s = run.events[1].time_s, run.events[-2].time_s

    table = spectrum(run, start_s=start_s, stop_s=stop_s)

    assert dominant_period_s(table, 5.0, 20.0) == pytest.approx(11.8, rel=0.01)
    assert dominant_period_s(table, 3.0, 7.0) == pytest.approx(11.8 / 2, rel=0.01)


def test_the_spectrum_holds_the_variance_of_the_power():
    run = make_run(generic_ml(epochs=10))
    start_s, stop_s = run.events[1].time_s, run.events[-2].time_s

    table = spectrum(run, start_s=start_s, stop_s=stop_s)

    # Parseval: the density integrates to the variance, up to the taper.
    step_hz = table["frequency_hz"].iloc[1] - table["frequency_hz"].iloc[0]
    inside = (run.time_s > start_s) & (run.time_s < stop_s)
    assert table["density"].sum() * step_hz == pytest.approx(run.power_w[inside].var(), rel=0.1)


def test_a_wave_does_not_leak_into_other_frequencies():
    time_s = np.arange(0, 100, 0.1)
    wave = Run(time_s, 100 + 50 * np.sin(2 * np.pi * time_s * 0.0853), 0.0)

    table = spectrum(wave)

    far = table["frequency_hz"] > 0.5
    assert table.loc[far, "density"].max() < 1e-6 * table["density"].max()


def test_a_range_without_a_peak_is_told():
    table = spectrum(make_run(generic_ml()))

    with pytest.raises(ValueError, match=r"no peak of the spectrum lies between 1000 and 2000 s"):
        dominant_period_s(table, 1000, 2000)


def test_cells_are_shorter_than_half_of_the_window():
    with pytest.raises(ValueError, match=r"step_s\(=90\) must lie in"):
        spectrum(make_run(generic_ml()), step_s=90)


def test_a_barycenter_needs_a_run(plan):
    with pytest.raises(ValueError, match="at least one run"):
        barycenter_profile([], plan)


def test_leaving_one_published_run_out_gives_the_published_error(published):
    runs, plan = published

    table = summarise(cross_validate(runs, plan))

    # Published: RMSE 39.32 W with k = 10, energy error about 0.1 kJ.
    assert table.loc["phases", "rmse_w"] == pytest.approx(39.32, abs=0.5)
    assert table.loc["constant", "rmse_w"] == pytest.approx(82.6, abs=0.5)
    assert table.loc["phases", "abs_energy_error_j"] < 100


def test_the_spectrum_of_a_published_run_finds_its_epochs(published):
    runs, plan = published
    for run in runs:
        borders_s = match_borders(run, plan)
        epoch_s = (borders_s[18] - borders_s[3]) / 5

        table = spectrum(run, start_s=borders_s[3], stop_s=borders_s[18])

        assert dominant_period_s(table, 5.0, 20.0) == pytest.approx(epoch_s, rel=0.05)


def test_most_error_on_published_runs_is_timing(published):
    runs, plan = published
    profile = fit_model(runs[1:], plan).model.profile

    alignment = align(profile, runs[0], plan)

    assert alignment.level_rmse_w < alignment.rmse_w / 2


def test_a_run_of_constant_power_needs_no_phases(plan):
    flat = generic_ml(epochs=3, start_w=70, train_w=70, evaluate_w=70, save_w=70, end_w=70)
    runs = [make_run(flat, seed=i, jitter=0.03) for i in range(3)]

    table = summarise(cross_validate(runs, plan))

    assert table.loc["phases", "mae_w"] == pytest.approx(table.loc["constant", "mae_w"], abs=1e-3)


CURVES = st.lists(st.integers(0, 300).map(float) | st.floats(0, 300), min_size=2, max_size=40)


@given(CURVES, CURVES, st.integers(1, 12))
def test_the_compiled_warping_is_that_of_tslearn(first, second, radius):
    from tslearn.metrics import dtw_path

    from helpers.phases.validate import _warping_path

    one, other = np.array(first), np.array(second)
    _, judge = dtw_path(one, other, global_constraint="sakoe_chiba", sakoe_chiba_radius=radius)

    path = _warping_path(one, other, radius)

    steps = np.diff(path, axis=0)
    assert [[0, 0], [one.size - 1, other.size - 1]] == [path[0].tolist(), path[-1].tolist()]
    assert {(0, 1), (1, 0), (1, 1)} >= set(map(tuple, steps.tolist()))
    cost = np.sqrt(((one[path[:, 0]] - other[path[:, 1]]) ** 2).sum())
    assert judge == pytest.approx(cost, rel=1e-9, abs=1e-9)


def test_a_band_that_the_compiled_library_leaves_is_kept_all_the_same():
    from helpers.phases.validate import _warping_path

    rng = np.random.default_rng(5)
    for _ in range(300):
        curves = [np.cumsum(rng.normal(size=rng.integers(10, 24))) for _ in range(2)]
        lead = np.diff(_warping_path(*curves, 8)).ravel()  # second minus first
        longer = curves[0].size - curves[1].size

        assert -lead.min() <= max(longer, 0) + 8
        assert lead.max() <= max(-longer, 0) + 8


def test_without_a_compiled_build_tslearn_does_it(monkeypatch, model, plan):
    from dtaidistance import dtw

    run = make_run(model, seed=1, jitter=0.03, noise_w=5.0)
    compiled = align(model.profile, run, plan)
    monkeypatch.setattr(dtw, "try_import_c", lambda: False)

    assert compiled.level_rmse_w == pytest.approx(align(model.profile, run, plan).level_rmse_w)


def test_runs_without_noise_have_no_error_by_their_own_phases_unless_events_are_moved(model, plan):
    runs = [make_run(model)]

    assert 0.0 == pytest.approx(own_error_w(runs, plan), abs=1.0)
    assert own_error_w(runs, plan, later_s=0.5) > own_error_w(runs, plan) + 5
