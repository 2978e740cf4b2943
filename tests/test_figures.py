"""One style for every figure."""

import matplotlib as mpl
import numpy as np
import pytest

from helpers import figures

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
