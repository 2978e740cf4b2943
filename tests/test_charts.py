"""One description of a chart is drawn by matplotlib and, with the same points, on a page."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from helpers.charts import Axis, ByGrid, Chart, Line, Picture, stretches
from helpers.figures import COLORS

CHART = Path(__file__).resolve().parent.parent / "book" / "_static" / "chart.js"


def line(name="a", y=(1.0, np.nan, 3.0), **look):
    return Line(name, [0, 1, 2], y, "jobs", **look)


def chart(*lines, **more):
    return Chart("Title", Axis("x, h", 0, 2), Axis("y, %", 0, 4), lines or (line(),), **more)


def by_grid(**change):
    zones = ("DE", "FR")
    given = {
        "pictures": {z: [Picture("fig:one", [chart()], f"said of {z}")] for z in zones},
        "places": {"DE": "Germany", "FR": "France </script>"},
        "chosen": "DE",
        "said": {z: f"about {z}" for z in zones},
    }
    return ByGrid(**(given | change))


def test_matplotlib_draws_the_points_of_the_description():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    chart(line(low=(0, 0, 2), high=(2, 2, 4)), line("b", steps=True), shaded=[(0, 1)]).draw(ax)
    drawn = ax.get_lines()
    plt.close(fig)

    assert ["a", "b"] == [one.get_label() for one in drawn]
    np.testing.assert_array_equal([1.0, np.nan, 3.0], drawn[0].get_ydata())
    assert ("x, h", "y, %", (0, 2)) == (ax.get_xlabel(), ax.get_ylabel(), ax.get_xlim())


def test_a_page_holds_values_to_four_digits_and_nothing_for_what_is_missing():
    told = chart(line(y=(1 / 3, np.nan, 123456.0))).as_dict()

    assert [0.3333, None, 123500.0] == told["lines"][0]["y"]
    assert [] == told["lines"][0]["low"]


def test_the_data_of_a_page_can_not_end_their_element():
    page = by_grid()._repr_html_()
    data = page.partition('class="grids-data">')[2].partition("</script>")[0]

    assert "France </script>" == json.loads(data)["zones"]["FR"]["place"]
    assert {"jobs": COLORS["jobs"], "green": COLORS["green"]} == json.loads(data)["colors"]
    assert "France &lt;/script&gt; (FR)" in page


def test_in_print_one_sentence_stands_for_the_selector():
    assert "1 figures for each of 2 grids" in repr(by_grid())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": "NO1"}, "no 'NO1': there are 'DE', 'FR'"),
        ({"places": {"DE": "Germany"}}, "places has no 'FR'"),
        ({"pictures": {"DE": [], "FR": [Picture("fig:one", [], "")]}}, "different figures"),
    ],
)
def test_grids_that_do_not_match_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        by_grid(**change)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Line("a", [1], [1], "mauve"), "'mauve' is no name of COLORS"),
        (lambda: Line("a", [1, 2], [1], "jobs"), "as long as each other"),
        (lambda: line(low=[1]), "as long as they are or empty"),
        (lambda: Axis("x", 2, 1), "low < high"),
        (lambda: Axis("x", 0, 1, log=True), "0 < low < high"),
    ],
)
def test_a_description_that_cannot_be_drawn_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_an_axis_over_values_holds_zero_and_all_of_them():
    axis = Axis.over("y", [3, -1], [10])

    assert axis.low < -1
    assert axis.high > 10
    assert 0 == Axis.over("y", [3, 10]).low
    assert (0, 0) < (Axis.over("y").high, Axis.over("y", [0.0]).high)


def test_stretches_are_where_a_step_function_holds():
    assert [(0, 1), (2, 4)] == stretches([True, False, True, True])
    assert [(5.0, 7.0)] == stretches([False, True], [0, 5, 7])
    assert [] == stretches([False, False])


ASK = """
const charts = require(process.argv[1]);
const told = JSON.parse(process.argv[2]);
console.log(JSON.stringify({ rows: charts.rows(told), csv: charts.csv([told]),
  ticks: [[0, 7, 5], [-3, 42, 6], [0, 0.05, 4]].map((t) => charts.ticks(...t).map((one) => one[1])),
  kept: charts.kept.read(["DE"]) }));
"""


def in_node(described):
    told = json.dumps(described.as_dict())
    command = ["node", "-e", ASK, "--", str(CHART), told]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_table_and_the_csv_of_a_page_hold_every_point_with_its_interval():
    ends = {"low": (0.5, np.nan, 2), "high": (1.5, np.nan, 4)}
    found = in_node(chart(line(**ends), line("b, c", (0.0, -2.5, 300.4))))

    assert ["x, h", "a", "b, c"] == found["rows"][0]
    assert ["0", "1 (0.50 to 1.50)", "0"] == found["rows"][1]
    assert ["1", "–", "−2.50"] == found["rows"][2]
    assert ["2", "3 (2 to 4)", "300"] == found["rows"][3]
    assert 'Title,"x, h","y, %","b, c",2,300.4,,' in found["csv"].splitlines()
    assert 'Title,"x, h","y, %",a,1,,,' in found["csv"].splitlines()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_lines_with_points_of_their_own_are_told_one_by_one():
    rows = in_node(chart(line(), Line("b", [0.5], [1], "jobs")))["rows"]

    assert ["line", "x, h", "y, %"] == rows[0]
    assert ["b", "0.50", "1"] == rows[-1]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_ticks_are_round_numbers_and_a_browser_that_keeps_nothing_has_no_choice():
    found = in_node(chart())

    assert ["0", "2", "4", "6"] == found["ticks"][0]
    assert ["0", "10", "20", "30", "40"] == found["ticks"][1]
    assert ["0", "0.02", "0.04"] == found["ticks"][2]
    assert found["kept"] is None
