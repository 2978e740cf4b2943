"""One selector for the figures of a page, in a browser: it redraws all, and is kept."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import serve

from helpers import datasets, stats
from helpers.phases import Phase, PhaseModel
from helpers.schedule import best_starts

ROOT = Path(__file__).resolve().parent.parent
FIGURES = [f"fig:grid-{n}" for n in ("weeks", "starts", "pauses", "rules", "loads", "places")]


@pytest.fixture(scope="module")
def box():
    """What the chapter's run wrote into its page."""
    notebook = json.loads((ROOT / "book" / "your_grid.ipynb").read_text(encoding="utf-8"))
    outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", [])]
    pages = ["".join(out["data"]["text/html"]) for out in outputs if "text/html" in out["data"]]
    (found,) = [page for page in pages if 'class="grids"' in page]
    return found


@pytest.fixture(scope="module")
def told(box):
    return json.loads(box.partition('class="grids-data">')[2].partition("</script>")[0])


def lines(told, zone, figure, panel=0):
    (picture,) = [one for one in told["zones"][zone]["pictures"] if one["name"] == figure]
    return {line["name"]: line for line in picture["charts"][panel]["lines"]}


# --- the values are the package's -----------------------------------------------------------------


def test_every_grid_has_the_six_figures(told):
    assert set(datasets.zones()) == set(told["zones"])
    for zone in told["zones"].values():
        assert FIGURES == [picture["name"] for picture in zone["pictures"]]
        assert all(picture["said"].endswith(".") for picture in zone["pictures"])


@pytest.mark.parametrize("zone", ["FR", "PL"])
def test_the_week_of_a_grid_is_that_of_the_package(told, zone):
    clock = datasets.time_zone(zone)
    curve = datasets.carbon_intensity(zone, 2020).to_series(clock)
    monday = pd.Timestamp("2020-06-15", tz=clock)
    week = curve[monday : monday + pd.Timedelta(days=7)]

    shown = lines(told, zone, "fig:grid-weeks", 1)["carbon intensity"]["y"]
    np.testing.assert_allclose(shown, week, rtol=1e-3)


@pytest.mark.parametrize("zone", ["FR", "PL"])
def test_what_a_wait_is_worth_is_that_of_the_package(told, zone):
    signals = [datasets.carbon_intensity(z, None) for z in datasets.zones()]
    first_s = max(one.edges_s[0] for one in signals)
    last_s = min(one.edges_s[-1] for one in signals) - 192 * 3600
    arrivals_s = np.arange(first_s, last_s, 7 * 3600)
    week = ((arrivals_s - first_s) // (168 * 3600)).astype(int)
    job = PhaseModel("constant", [], [Phase("work", 4 * 3600, 1000.0)])
    signal = datasets.carbon_intensity(zone, None)
    found = best_starts(job, signal, arrivals_s, arrivals_s + 28 * 3600)
    now_g, best_g = (np.bincount(week, g) for g in (found.at_release_g, found.emissions_g))
    ends = stats.ratio_of_sums(100 * (now_g - best_g), now_g, block=4, seed=1, resamples=1999)

    shown = lines(told, zone, "fig:grid-starts")["job of 4 h"]
    at = shown["x"].index(24)
    assert [ends.value, ends.low, ends.high] == pytest.approx(
        [shown[name][at] for name in ("y", "low", "high")], rel=1e-3
    )


@pytest.mark.parametrize("zone", ["FR", "PL"])
def test_tables_are_shown_as_they_are_stored(told, zone):
    own = datasets.by_grid("pauses").query("zone == @zone and work_h == 24")
    shown = lines(told, zone, "fig:grid-pauses")["24 h of work"]
    np.testing.assert_allclose(shown["y"], own["extra"], rtol=1e-3)

    jobs_g = datasets.by_grid("loads").query("zone == @zone and of == 'jobs'")
    jobs_g = jobs_g.pivot_table("emissions_g", "load", "what")
    shown = lines(told, zone, "fig:grid-loads")["bound without pauses"]
    np.testing.assert_allclose(
        shown["y"], 100 * (1 - jobs_g["bound"] / jobs_g["EASY"]), rtol=1e-3, atol=1e-3
    )

    both = datasets.by_grid("places").query("zone == @zone and how == 'both' and transfer == 500")
    assert float(both["saved"].iloc[0]) in lines(told, zone, "fig:grid-places")["both"]["y"] or (
        pytest.approx(both["saved"].iloc[0], rel=1e-3)
        == lines(told, zone, "fig:grid-places")["both"]["y"][3]
    )


def test_the_chapter_on_a_finite_cluster_says_the_same_of_its_week(told):
    text = (ROOT / "book" / "results" / "carbon_aware_cluster.json").read_text(encoding="utf-8")
    claimed = {one["name"]: one["value"] for one in json.loads(text)["numbers"]}

    shown = lines(told, "DE", "fig:grid-loads")
    for name, line in (
        ("possible", "bound without pauses"),
        ("planned", "a plan that knows everything"),
        ("example_gated", "gated EASY"),
        ("example_aware", "carbon-aware EASY, which pauses"),
    ):
        at = shown[line]["x"].index(0.7)
        assert claimed[f"{name}_70"] == pytest.approx(shown[line]["y"][at], abs=0.02), name


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory, box):
    """A folder with a page of six figures and the selector, as the book has them."""
    folder = tmp_path_factory.mktemp("grids")
    (folder / "_static").mkdir()
    for name in ("chart.js", "grids.js", "thesis.css"):
        shutil.copy(ROOT / "book" / "_static" / name, folder / "_static")
    head = (
        "<!doctype html><html lang=en data-theme=light><meta charset=utf-8><title>x</title>"
        "<link rel=icon href=data:,><meta name=viewport content='width=device-width, initial-scale=1'>"
        "<style>:root{--pst-color-text-base:#222;--pst-color-background:#fff;"
        "--pst-color-border:#ccc;--pst-color-text-muted:#555}[data-theme=dark]{"
        "--pst-color-text-base:#eee;--pst-color-background:#121212;--pst-color-border:#444;"
        "--pst-color-text-muted:#aaa}body{background:var(--pst-color-background);"
        "color:var(--pst-color-text-base)}a{color:var(--pst-color-link)}</style>"
        "<link rel=stylesheet href=_static/thesis.css><main><section><h1>Your grid</h1>"
    )
    figures = "".join(
        f'<section><h2>{name}</h2><figure id="{name.replace(":", "-")}"><img alt="x" src="data:,">'
        "<figcaption>Caption.<p class=take><a href=figures/x.csv>data (CSV)</a></p></figcaption>"
        "</figure></section>"
        for name in FIGURES
    )
    end = "</section></main>"
    (folder / "your_grid.html").write_text(head + figures + box + end, encoding="utf-8")
    before, mark, rest = box.partition('class="grids-data">')
    broken = before + mark + rest[1:]
    (folder / "broken.html").write_text(head + figures + broken + end, encoding="utf-8")
    return folder


@pytest.fixture
def at(page, folder):
    """Open the page at an address and return it."""
    errors = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    with serve(folder) as address:

        def go(link="", name="your_grid"):
            page.goto(f"{address}/{name}.html{link}")
            page.wait_for_selector(".grids-said:not(:empty)")
            return page

        yield go
    assert [] == errors


def drawn(page):
    """Return what each of the figures draws."""
    script = "all => all.map(one => [...one.querySelectorAll('svg.chart')].map(s => s.innerHTML))"
    return page.locator(".grids-picture").evaluate_all(script)


def choose(page, zone):
    page.locator("[name=zone]").select_option(zone)


@pytest.mark.real("chromium")
def test_the_selector_redraws_all_six_figures_and_says_so_once(at, told):
    page = at()
    before, live = drawn(page), page.locator("[role=status], [aria-live]")
    choose(page, "FR")
    after = drawn(page)

    assert 6 == len(before) == len(after)
    assert all(all(charts) for charts in after)
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert 1 == live.count()
    assert told["zones"]["FR"]["said"] == live.inner_text()
    assert ["France"] * 6 == page.locator(".grids-place").all_inner_texts()
    assert 0 == page.locator("figure img:visible").count()


@pytest.mark.real("chromium")
def test_each_figure_says_in_words_and_in_a_table_what_it_draws(at, told):
    page = at("?zone=PL")
    texts = page.locator(".grids-words").all_inner_texts()
    assert [one["said"] for one in told["zones"]["PL"]["pictures"]] == texts

    for fold in page.locator(".grids-picture summary").all():
        fold.press("Enter")
    page.wait_for_function(  # a table is written when its fold has opened, a moment later
        "() => [...document.querySelectorAll('.grids-picture')]"
        ".every(one => one.querySelector('table'))"
    )
    counts = page.locator(".grids-picture").evaluate_all(
        "all => all.map(one => one.querySelectorAll('table').length)"
    )
    panels = [len(one["charts"]) for one in told["zones"]["PL"]["pictures"]]
    assert panels == counts
    starts = page.locator("#fig-grid-starts table").inner_text()
    assert "job of 24 h" in starts
    assert "longest wait, hours" in starts


@pytest.mark.real("chromium")
def test_axes_have_units_and_lines_a_legend(at, told):
    page = at()
    for figure in told["zones"]["DE"]["pictures"]:
        shown = page.locator(f"#{figure['name'].replace(':', '-')}").inner_text()
        svg = page.locator(f"#{figure['name'].replace(':', '-')} svg.chart").all_text_contents()
        for chart, text in zip(figure["charts"], svg, strict=True):
            assert chart["x"]["label"] in text
            assert chart["y"]["label"] in text
            assert chart["title"] in shown
            assert all(line["name"] in shown for line in chart["lines"])


@pytest.mark.real("chromium")
def test_the_address_wins_over_what_was_kept_and_that_over_the_page(at):
    page = at()
    assert "DE" == page.locator("[name=zone]").input_value()
    choose(page, "PL")
    assert "zone=PL" in page.url
    at()
    assert "PL" == page.locator("[name=zone]").input_value()
    at("?zone=FR")
    assert "FR" == page.locator("[name=zone]").input_value()
    at()
    assert "PL" == page.locator("[name=zone]").input_value()  # a link is no choice


@pytest.mark.real("chromium")
@pytest.mark.parametrize("zone", ["XX", "__proto__", "%3Cscript%3E", ""])
def test_an_address_that_names_no_grid_changes_nothing(at, zone):
    page = at(f"?zone={zone}")

    assert "DE" == page.locator("[name=zone]").input_value()


@pytest.mark.real("chromium")
def test_a_browser_that_keeps_nothing_draws_all_the_same(at, page):
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw 1; } })")
    at()
    choose(page, "FR")

    assert ["France"] * 6 == page.locator(".grids-place").all_inner_texts()


@pytest.mark.real("chromium")
def test_the_keyboard_alone_chooses_a_grid(at):
    page = at()
    page.keyboard.press("Tab")
    before = drawn(page)
    page.keyboard.press("ArrowDown")

    assert "zone" == page.evaluate("document.activeElement.name")
    assert all(one != other for one, other in zip(before, drawn(page), strict=True))


@pytest.mark.real("chromium")
def test_the_selector_stays_in_sight(at):
    page = at()
    page.locator("#fig-grid-places").scroll_into_view_if_needed()
    page.mouse.wheel(0, 400)
    page.wait_for_timeout(200)

    assert 0 <= page.locator(".grids-choose").bounding_box()["y"] < 60


@pytest.mark.real("chromium")
def test_what_a_figure_hands_out_as_data_is_what_it_shows(at, told):
    page = at("?zone=PL")
    link = page.locator("#fig-grid-loads .take a").first
    with page.expect_download() as started:
        link.click()

    assert "grid-loads-PL.csv" == started.value.suggested_filename
    table = pd.read_csv(started.value.path())
    shown = lines(told, "PL", "fig:grid-loads")["gated EASY"]["y"]
    assert shown == table[table["series"] == "gated EASY"]["y"].tolist()


@pytest.mark.real("chromium")
def test_values_that_cannot_be_read_are_said_and_the_figures_stay(at, page):
    at(name="broken")

    assert "broken" in page.locator(".grids-said").inner_text()
    assert page.locator("[name=zone]").is_disabled()
    assert 6 == page.locator("figure img").count()
    assert 0 == page.locator(".grids-picture").count()


@pytest.mark.real("chromium")
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone_or_a_desk_and_axe_finds_nothing(at, width, theme):
    from axe_playwright_python.sync_playwright import Axe

    page = at()
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("t => { document.documentElement.dataset.theme = t; }", theme)
    page.locator("summary").first.click()
    page.wait_for_timeout(200)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [] == [(one["id"], one["nodes"][0]["html"][:120]) for one in found]
