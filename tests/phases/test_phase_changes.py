from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_runs import make_run
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from helpers.phases import generic_ml
from helpers.phases.changes import (
    find_changes,
    notable_borders,
    score_changes,
    score_runs,
    segment,
)
from helpers.phases.fit import fit_model, match_borders
from helpers.power.runs import Run, energy_j

LONG = SimpleNamespace(epochs=3, train_s=8.0, evaluate_s=4.0, save_s=3.0, end_s=3.0)


def long_run(**noise):
    return make_run(generic_ml(**vars(LONG)), **noise)


def test_steps_without_noise_are_found_within_a_cell():
    run = long_run()
    times_s = np.array([event.time_s for event in run.events])

    found_s = find_changes(run, step_s=0.1)

    # Idle and start differ by 7.5 W, save and end by 12.5 W: less than was asked for, ...
    assert found_s == pytest.approx([*times_s[1:-2], times_s[-1]], abs=0.1)
    # ... and found when it is asked for.
    assert find_changes(run, smallest_step_w=5.0) == pytest.approx(times_s, abs=0.1)


def test_noise_alone_has_no_changes():
    rng = np.random.default_rng(1)
    time_s = np.arange(0, 120, 0.05)

    found_s = find_changes(Run(time_s, 100 + 10 * rng.standard_normal(time_s.size), 0.0))

    assert [] == found_s.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smallest_step_w": 0}, r"smallest_step_w\(=0\) must be > 0"),
        ({"step_s": -1}, r"step_s\(=-1\) must be > 0"),
        ({"shortest_s": 0.05}, r"shortest_s\(=0.05\) must be >= step_s\(=0.1\)"),
        ({"shortest_s": 60}, r"shortest_s\(=60\) must be at most half of the run's"),
    ],
)
def test_a_search_that_can_find_nothing_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        find_changes(long_run(), **options)


def test_segments_keep_the_runs_duration_and_energy():
    run = long_run(noise_w=5.0)

    profile = segment(run, find_changes(run))

    assert profile.duration_s == pytest.approx(run.duration_s)
    assert profile.energy_j == pytest.approx(energy_j(run))
    assert "segment 1" == profile.names[0]


def test_segments_need_times_in_order():
    with pytest.raises(ValueError, match=r"changes_s\(=\[5.0, 4.0\]\) must increase strictly"):
        segment(long_run(), [5.0, 4.0])


def test_borders_are_notable_between_long_phases_of_different_power():
    edges_s = [0, 10, 11, 20, 30, 32, 40]
    power_w = [100, 500, 200, 190, 0, 90]

    # 100 -> (1 s of 500) -> 200; 200 -> 190 is no step; 190 -> (2 s of 0) -> 90.
    assert [[10, 11], [30, 32]] == notable_borders(edges_s, power_w).tolist()


def test_borders_need_one_edge_more_than_powers():
    with pytest.raises(ValueError, match="one value more"):
        notable_borders([0, 1], [1, 2])


TIMES = st.lists(st.integers(0, 30), max_size=8)


@given(TIMES, TIMES, TIMES, st.integers(0, 4))
def test_no_pairing_matches_more_borders(found, begins, widths, tolerance):
    zones = np.array([[b, b + w % 4] for b, w in zip(begins, widths, strict=False)]).reshape(-1, 2)
    near = np.array([[b - tolerance <= f <= e + tolerance for f in found] for b, e in zones])
    judge = 0
    if near.size:
        judge = int((maximum_bipartite_matching(csr_array(near)) >= 0).sum())

    score = score_changes(found, zones, tolerance_s=tolerance)

    assert (len(found), len(zones), judge) == (score.found, score.borders, score.matched)


def test_precision_recall_and_error_say_how_good_the_changes_are():
    score = score_changes([1.2, 5.0, 9.0, 20.0], [1.0, 5.5, 30.0])

    assert (2 / 4, 2 / 3) == (score.precision, score.recall)
    assert score.mean_error_s == pytest.approx((0.2 + 0.5) / 2)


def test_nothing_found_has_no_precision_and_no_error():
    score = score_changes([], [1.0])

    assert 0.0 == score.recall
    assert np.isnan([score.precision, score.mean_error_s]).all()
    assert np.isnan(score_changes([], []).recall)


def test_a_tolerance_is_not_negative():
    with pytest.raises(ValueError, match=r"tolerance_s\(=-1\) must be >= 0"):
        score_changes([1.0], [1.0], tolerance_s=-1)


def test_changes_in_the_published_runs_are_the_borders_of_their_events(published):
    runs, plan = published
    matched = borders = 0
    for run in runs:
        edges_s = np.concatenate([[0.0], match_borders(run, plan), run.time_s[-1:]])
        power_w = energy_j(run, edges_s[:-1], edges_s[1:]) / np.diff(edges_s)

        score = score_changes(find_changes(run), notable_borders(edges_s, power_w))

        matched, borders = matched + score.matched, borders + score.borders

    # Ten a run; asked for: 90 % within 1 s.
    assert (100, 100) == (matched, borders)


def test_the_changes_of_many_runs_are_scored_together(noisy_runs, plan):
    borders_s = fit_model(noisy_runs, plan).borders_s
    one, two = (score_runs([r], [b]) for r, b in zip(noisy_runs[:2], borders_s[:2], strict=True))

    both = score_runs(noisy_runs[:2], borders_s[:2])
    for first, second, together in zip(one, two, both, strict=True):
        apart_s = first.matched * first.mean_error_s + second.matched * second.mean_error_s
        assert together.matched == first.matched + second.matched
        assert together.borders == first.borders + second.borders
        assert together.found == first.found + second.found
        assert together.mean_error_s == pytest.approx(apart_s / together.matched)
