"""One style for every figure."""

import base64
import json
import re
import zlib

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from helpers import figures
from helpers.stats import Interval

mpl.use("Agg")


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    with mpl.rc_context():
        figure, axes = plt.subplots()
        yield axes
        plt.close(figure)


def test_the_style_is_set_only_when_asked_for():
    with mpl.rc_context():
        before = mpl.rcParams["axes.grid"]
        figures.use_style()

        assert (False, True) == (before, mpl.rcParams["axes.grid"])


def test_the_ecdf_is_the_share_of_values_at_or_below(ax):
    figures.ecdf(ax, [3, 1, 1, 2])

    np.testing.assert_allclose([[1, 0.5], [2, 0.75], [3, 1.0]], ax.lines[0].get_xydata())


def test_a_weighted_ecdf_is_the_share_of_the_weights(ax):
    figures.ecdf(ax, [1, 2], weights=[1, 3])

    np.testing.assert_allclose([0.25, 1.0], ax.lines[0].get_ydata())


@pytest.mark.parametrize("values", [[], [1, np.nan], [np.inf]])
def test_the_ecdf_refuses_what_is_not_finite(ax, values):
    with pytest.raises(ValueError, match="finite values"):
        figures.ecdf(ax, values)


def test_colours_are_hex_and_read_only():
    assert all(len(color) == 7 and color[0] == "#" for color in figures.COLORS.values())
    with pytest.raises(TypeError):
        figures.COLORS["new"] = "#000000"


def test_an_axis_of_durations_is_logarithmic_with_named_ticks(ax):
    figures.duration_axis(ax, "y")

    named = dict(zip((t.get_text() for t in ax.get_yticklabels()), ax.get_yticks(), strict=True))
    assert ("log", "linear") == (ax.get_yscale(), ax.get_xscale())
    assert 86_400 == named["1 d"]


def test_an_axis_of_durations_is_x_or_y(ax):
    with pytest.raises(ValueError, match="'x' or 'y'"):
        figures.duration_axis(ax, "z")


def test_an_empty_panel_says_why_it_is_empty(ax):
    figures.say(ax, "no users in this log")

    assert ["no users in this log"] == [text.get_text() for text in ax.texts]
    assert 0 == len(ax.get_xticks())


@pytest.fixture
def runs():
    """Three runs; the second holds cores 0-1 and 5, the third is on core 2."""
    return pd.DataFrame({"start_s": [0.0, 3600.0, 7200.0], "stop_s": [3600.0, 9000.0, 7200.0]})


@pytest.fixture
def blocks():
    return pd.DataFrame({"run": [0, 1, 1, 2], "first": [0, 0, 5, 2], "cores": [3, 2, 1, 1]})


def test_a_gantt_chart_has_a_rectangle_for_each_block_in_its_runs_colour(ax, runs, blocks):
    drawn = figures.gantt(ax, runs, blocks, colors=["#111111", "#222222", "#333333"])

    paths = drawn.get_paths()
    boxes = [path.get_extents().extents.tolist() for path in paths]
    assert [[0, 0], [0, 3], [1, 3], [1, 0]] == paths[0].vertices[:4].tolist()
    assert [[0, 0, 1, 3], [1, 0, 2.5, 2], [1, 5, 2.5, 6], [2, 2, 2, 3]] == boxes
    shades = [to_hex(color) for color in drawn.get_facecolor()]
    assert ["#111111", "#222222", "#222222", "#333333"] == shades
    assert ((0, 2.5), (0, 6)) == (ax.get_xlim(), ax.get_ylim())


def test_the_blocks_of_a_gantt_chart_bear_the_names_of_their_runs(ax, runs, blocks):
    figures.gantt(ax, runs, blocks, labels=["A", "B", ""])

    assert ["A", "B", "B", ""] == [text.get_text() for text in ax.texts]
    assert (1.75, 5.5) == ax.texts[2].get_position()


def test_paler_colours_go_a_quarter_of_the_way_to_white_a_step():
    assert ["#000000", "#404040", "#808080"] == figures.paler(["#000000"] * 3, [0, 1, 2])


def test_a_gantt_chart_of_nothing_is_refused(ax, runs, blocks):
    with pytest.raises(ValueError, match="no blocks"):
        figures.gantt(ax, runs, blocks[:0])


def test_means_over_coarser_steps_are_weighted_by_time():
    means = figures.step_means([0, 1, 4], [[8, 0], [0, 4]], [0, 2, 4])

    np.testing.assert_allclose([[4, 2], [0, 4]], means)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(1, 30))
def test_means_over_coarser_steps_keep_the_integral(values, pieces):
    edges = np.arange(len(values) + 1.0)
    coarser = np.linspace(0, len(values), pieces + 1)

    means = figures.step_means(edges, values, coarser)

    assert np.sum(values) == pytest.approx(means @ np.diff(coarser), rel=1e-9, abs=1e-3)


@pytest.mark.parametrize("coarser", [[-1, 2], [0, 5]])
def test_means_beyond_the_steps_are_refused(coarser):
    with pytest.raises(ValueError, match="reach beyond"):
        figures.step_means([0, 4], [1], coarser)


def test_stacked_steps_lie_on_top_of_each_other_and_leave_out_what_is_zero(ax):
    figures.stacked_steps(ax, [0, 1, 3], {"idle": [1, 2], "off": [0, 0], "shutting_down": [3, 4]})

    assert ["idle", "shutting down"] == [patch.get_label() for patch in ax.patches]
    top = ax.patches[1].get_data()
    assert ([4, 6], [1, 2]) == (list(top.values), list(top.baseline))
    assert (0, 3) == ax.get_xlim()


def test_dated_steps_show_a_window_of_days(ax):
    edges_s = 86400.0 * np.arange(10)

    figures.dated_steps(ax, edges_s, np.arange(9), (2.5 * 86400, 5 * 86400))

    drawn = ax.patches[0].get_data()
    assert ([2, 3, 4], [2, 3, 4, 5]) == (list(drawn.values), list(drawn.edges))
    assert (2.5, 5) == ax.get_xlim()


def test_power_is_stacked_under_an_intensity_scaled_to_what_is_seen():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, sharex=True)
    figures.power_under_carbon(axes, [1, 2, 3], {"jobs": [5, 7]}, [0, 1, 2, 9], [900, 100, 200])

    assert [5, 7] == list(axes[1].patches[0].get_data().values)
    assert ((1, 3), (0, pytest.approx(216))) == (axes[0].get_xlim(), axes[0].get_ylim())
    plt.close(figure)


def test_an_interactive_gantt_chart_is_one_line_with_gaps_for_each_group(runs, blocks):
    chart = figures.interactive_gantt(
        runs,
        blocks,
        names=[7, 8, 9],
        groups={"jobs": [True, False, True], "queued": [False, True, False], "idle": [False] * 3},
        unit_s=3600.0,
    )

    assert ["jobs", "queued"] == [trace.name for trace in chart.data]
    assert {"scattergl"} == {trace.type for trace in chart.data}
    first = chart.data[0]
    assert (0, 1, None, 0, 1, None, 0, 1, None, 2, 2, None) == first.x
    assert (0.5, 0.5, None, 1.5, 1.5, None, 2.5, 2.5, None, 2.5, 2.5, None) == first.y
    assert (7, 7, None) == first.customdata[:3]


def test_blocks_of_an_interactive_gantt_chart_are_cut_where_nodes_end(runs):
    blocks = pd.DataFrame({"run": [0, 1], "first": [1, 6], "cores": [4, 1]})

    chart = figures.interactive_gantt(runs, blocks, names=[7, 8, 9], cores_per_line=2)

    # cores 1 | 2-3 | 4 of the first run and 6 of the second, at their middles
    assert [1.5, 3.0, 4.5, 6.5] == list(chart.data[0].y[::3])


def test_an_offline_chart_stores_its_figure_and_loads_nothing_by_itself(runs, blocks):
    chart = figures.OfflineChart(
        figures.interactive_gantt(runs, blocks, names=[7, 8, 9]), "three runs", "a chart <of> runs"
    )

    html = chart._repr_html_()

    packed = re.search(r'data-chart="([^"]+)"', html)[1]
    stored = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert json.loads(chart.figure.to_json()) == stored
    assert [] == re.findall(r"<(?:script|link|img)[^>]* (?:src|href)=", html)
    assert "a chart &lt;of&gt; runs" in html
    assert "interactive chart, in the book's pages: three runs" == repr(chart)


def test_an_offline_chart_of_fifty_thousand_jobs_stays_small():
    rng = np.random.default_rng(1)
    n = 50_000
    start_s = np.sort(rng.uniform(0, 90 * 86400, n))
    runs = pd.DataFrame({"start_s": start_s, "stop_s": start_s + rng.exponential(3600, n)})
    blocks = pd.DataFrame({"run": np.arange(n), "first": rng.integers(0, 2000, n), "cores": 1})

    chart = figures.interactive_gantt(runs, blocks, names=list(range(n)))

    assert len(figures.OfflineChart(chart, "many", "many")._repr_html_()) < 1.5e6


def test_spans_have_the_colour_of_their_kind_and_one_label_a_kind(ax):
    figures.spans(ax, [0, 1, 3, 4], ["idle", "work", "idle"], {"work": "train"})

    drawn = [to_hex(patch.get_facecolor()).upper() for patch in ax.patches]
    assert [figures.COLORS[kind] for kind in ("idle", "work", "idle")] == drawn
    assert ["train"] == ax.get_legend_handles_labels()[1]


def test_repeats_keep_their_values_and_lie_near_their_place(ax):
    figures.repeats(ax, [1.0, 2.0, 3.0], 5, "black")
    figures.repeats(ax, [1.0, 2.0, 3.0], 5, "black", sideways=True)

    upright, sideways = ax.lines
    assert [1.0, 2.0, 3.0] == list(upright.get_ydata()) == list(sideways.get_xdata())
    assert (abs(np.asarray(upright.get_xdata()) - 5) <= 0.15).all()


@pytest.mark.parametrize("sideways", [False, True])
def test_an_estimate_is_a_dot_on_the_line_of_its_interval(ax, sideways):
    figures.estimate(ax, Interval(2.0, 1.0, 4.0, 0.95), 7, color="black", sideways=sideways)

    line, dot = ax.lines
    drawn = [line.get_xydata().tolist(), dot.get_xydata().tolist()]
    upright = [[[7, 1], [7, 4]], [[7, 2]]]
    turned = [[[1, 7], [4, 7]], [[2, 7]]]
    assert (turned if sideways else upright) == drawn
