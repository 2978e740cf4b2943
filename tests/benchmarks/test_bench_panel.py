"""How often a true null is rejected at 5 %, in all kinds of panels; `compare_panel` says how often."""

import pytest
from made_up_panels import PANELS, nulls

from helpers.panel import compare_panel


def rejected(benchmark, frame):
    """Return the share of p-values below 0.05, and let the clock see the comparison."""
    compare = {"value": "g", "baseline": "now"}
    found = benchmark.pedantic(compare_panel, args=(frame,), kwargs=compare, rounds=1)
    return (found.table["p"] < 0.05).mean()


@pytest.mark.parametrize("kind", PANELS)
@pytest.mark.parametrize("weeks", [52, 104])
@pytest.mark.parametrize("lag_1", [0.0, 0.3, 0.5])
def test_no_effect_is_found_as_seldom_as_the_level_says(benchmark, kind, weeks, lag_1):
    frame = nulls(1, policies=4000, weeks=weeks, lag_1=lag_1, **PANELS[kind])

    share = rejected(benchmark, frame)

    print(f"{kind}, {weeks} weeks, lag-1 {lag_1}: {100 * share:.1f} % of 4,000 rejected")
    assert 0.035 <= share <= 0.065


@pytest.mark.parametrize("weeks", [8, 10, 16, 26])
@pytest.mark.parametrize("lag_1", [0.0, 0.3, 0.5])
def test_few_weeks_reject_as_many_as_the_sentence_says(benchmark, weeks, lag_1):
    frame = nulls(2, policies=4000, weeks=weeks, lag_1=lag_1)

    share = rejected(benchmark, frame)

    print(f"{weeks} weeks, lag-1 {lag_1}: {100 * share:.1f} % of 4,000 rejected")
    assert 0.035 <= share <= (0.065 if lag_1 == 0 else 0.10)


@pytest.mark.parametrize("weeks", [52, 104])
@pytest.mark.parametrize(
    ("made", "least", "most"),
    [
        ({"skewed": True}, 0.07, 0.10),
        ({"skewed": True, "lag_1": 0.5}, 0.07, 0.10),
        ({"noise": 1.0, "lag_1": 0.8}, 0.13, 0.16),
    ],
)
def test_outside_of_what_was_made_for_more_is_rejected(benchmark, made, weeks, least, most):
    frame = nulls(3, policies=4000, weeks=weeks, **made)

    share = rejected(benchmark, frame)

    print(f"{made}, {weeks} weeks: {100 * share:.1f} % of 4,000 rejected")
    assert least <= share <= most
