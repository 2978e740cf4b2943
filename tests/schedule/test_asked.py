"""What a schedule is asked for: when, how much, and what starting at once would have caused."""

import numpy as np
import pandas as pd
import pytest
from schedule_problems import EPOCH_S, curve, model

from helpers import figures
from helpers.schedule import Schedule, best_schedule, best_start
from helpers.schedule.heuristics import as_soon_as_possible, on_rounded_durations
from helpers.schedule.intervals import check

JOB = model([(60, 100)], [(3600, 1000)])
HOURLY = curve([300, 200, 100, 400, 50, 60], 3600.0)
NOW = pd.Timestamp(EPOCH_S, unit="s", tz="UTC")


def test_a_best_start_tells_what_it_emits_and_what_at_once_would_have():
    best = best_start(JOB, HOURLY, NOW, start_within="3h")

    assert best.start == NOW + pd.Timedelta("119min")
    assert best.end == NOW + pd.Timedelta("3h")
    assert best.at_once_g == as_soon_as_possible(JOB, NOW, best.end).on(HOURLY).emissions_g
    assert best.saving == 1 - best.emissions_g / best.at_once_g
    assert str(best) == (
        "job: 2020-01-01T01:59:00Z to 2020-01-01T03:00:00Z: 100.3 g CO2e (exact), "
        "at once 298.8 g, saving 66.4 %"
    )


@pytest.mark.parametrize("solve", [best_start, best_schedule])
def test_within_is_the_latest_start_or_the_latest_end_and_says_which(solve):
    starts = solve(JOB, HOURLY, NOW, start_within="2h")
    ends = solve(JOB, HOURLY, NOW, end_within="2h")

    assert starts.deadline_s == EPOCH_S + 2 * 3600 + JOB.duration_s
    assert ends.deadline_s == EPOCH_S + 2 * 3600
    for limits in ({}, {"start_within": "1h", "end_within": "2h"}):
        with pytest.raises(ValueError, match=r"exactly one of .*'24h' is the latest start"):
            solve(JOB, HOURLY, NOW, **limits)


def test_a_schedule_that_knows_no_job_or_no_signal_says_how_to_tell_it():
    bare = Schedule([EPOCH_S], [EPOCH_S + 60], [0.0], [60.0])
    unsigned = Schedule.from_work(JOB, EPOCH_S, 3600.0)

    with pytest.raises(ValueError, match="knows no job"):
        _ = bare.emissions_g
    with pytest.raises(ValueError, match="knows no signal"):
        _ = unsigned.emissions_g
    with pytest.raises(ValueError, match="knows no release"):
        _ = unsigned.on(HOURLY).at_once_g
    assert unsigned.on(HOURLY, NOW).saving == 0


def test_there_is_no_share_of_what_emits_less_than_nothing():
    rates = curve([-100.0, 50.0, -300.0], 3600.0, kind="marginal")

    best = best_start(JOB, rates, NOW, start_within="1h")

    assert np.isnan(best.saving)
    assert "saving" not in str(best)


def test_a_plan_on_rounded_durations_runs_the_job_as_it_is_and_is_no_better():
    job = model([(31.37, 90)], [(8171.3, 220), (1547.7, 134)])
    window = job, curve([400, 60, 300, 420, 70, 80, 500, 310], 3600.0), EPOCH_S, EPOCH_S + 8 * 3600

    rough = on_rounded_durations(*window, step_s=900)

    check(rough, job, release=EPOCH_S, deadline=EPOCH_S + 8 * 3600)
    assert rough.emissions_g >= best_schedule(*window).emissions_g


def test_a_schedule_is_drawn_under_its_signal_in_hours_since_its_release():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    figures.schedule(ax, best_start(JOB, HOURLY, NOW, start_within="3h"))

    spans = [patch.get_extents().width for patch in ax.patches if hasattr(patch, "get_width")]
    plt.close(fig)
    assert len(spans) == 2  # start-up and work
    assert ax.get_xlabel() == "hours since the release"
