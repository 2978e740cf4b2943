"""The page that computes in the browser, in a browser: late, failed and hostile inputs."""

import contextlib
import io
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import serve

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import explorer  # noqa: E402

from helpers import datasets  # noqa: E402

pytestmark = pytest.mark.real("chromium")
GRIDS = ("DE", "FR", "PL")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the form, its script and some grids, as the book has them."""
    folder = tmp_path_factory.mktemp("explore")
    static = folder / "_static"
    (static / "grids").mkdir(parents=True)
    for name in ("chart.js", "explore.js", "thesis.css"):
        shutil.copy(ROOT / "book" / "_static" / name, static)
    for zone in GRIDS:
        for year in datasets.years():
            script = explorer.grid_script(zone, year)
            (static / "grids" / f"{zone}_{year}.js").write_text(script, encoding="ascii")
    env = SimpleNamespace(docname="explore")
    directive = explorer.Explorer.__new__(explorer.Explorer)
    directive.state = SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=env)))
    form = directive.run()[0].astext()
    style = "<link rel=stylesheet href=_static/thesis.css>"
    html = f"<!doctype html><meta charset=utf-8><title>x</title>{style}<h1>Try it</h1>{form}"
    (folder / "explore.html").write_text(html, encoding="utf-8")
    return folder


@pytest.fixture
def at(page, folder):
    """Open the page at a hash and return it."""
    with serve(folder) as address:

        def go(link=""):
            page.goto(f"{address}/explore.html{link}")
            return page

        yield go


def said(page):
    return page.locator(".explore-said")


def ready(page, zone):
    page.wait_for_selector(f".explore-said[data-zone={zone}] p")
    return [float(g) for g in said(page).get_attribute("data-grams").split()]


def choose(page, name, value):
    page.locator(f"[name={name}]").select_option(value)


def test_a_curve_that_comes_late_is_not_shown_under_the_name_of_another_grid(at, page):
    held = []
    page.route("**/FR_2020.js", lambda route: held.append(route))
    at()
    ready(page, "DE")
    choose(page, "zone", "FR")
    page.wait_for_function("document.querySelector('.explore-said').textContent.includes('read')")

    assert 0 == page.locator("svg.explore-window *").count()
    choose(page, "zone", "PL")
    dirty = ready(page, "PL")
    held[0].continue_()
    page.wait_for_timeout(300)

    assert "PL" == said(page).get_attribute("data-zone")
    assert dirty == ready(page, "PL")
    choose(page, "zone", "FR")
    assert ready(page, "FR")[0] < dirty[0] / 5


@pytest.mark.parametrize("answer", ["abort", "nonsense", "another", "broken"])
def test_a_curve_that_cannot_be_read_clears_what_was_shown_and_can_be_asked_for_again(
    at, page, answer
):
    bodies = {
        "nonsense": 'cleanHours.grid("FR_2020", {"values": ["x"], "step_s": -1});',
        "another": 'cleanHours.grid("IT_2020", {});',
        "broken": "",
    }

    def reply(route):
        if answer == "abort":
            route.abort()
        else:
            route.fulfill(body=bodies[answer], content_type="text/javascript")

    at()
    ready(page, "DE")
    page.route("**/FR_2020.js", reply)
    choose(page, "zone", "FR")
    page.wait_for_function("document.querySelector('.explore-said').textContent.includes('not be')")

    assert 0 == page.locator("svg.explore-window *, svg.explore-waits *").count()
    assert "" == page.locator("pre.explore-python").text_content()
    choose(page, "zone", "DE")
    ready(page, "DE")
    page.unroute("**/FR_2020.js")
    choose(page, "zone", "FR")
    ready(page, "FR")


HOSTILE = [
    "#workW=1e999&startupW=-5&wait=-1&work=1e9&startup=NaN&hour=99&day=9999-99-99&zone=__proto__",
    "#workW=&startupW=%00&wait=[]&work={}&startup=0x10&hour=-1&day=0000-01-01&zone=toString",
    "#zone=%3Cscript%3Ealert(1)%3C/script%3E&day=2020-02-31&workW=Infinity&wait=1e3",
    "#day=2020-12-31&work=48&startup=120&wait=168&hour=23",
    "#where=__proto__&move=1e9",
    "#where=all&move=NaN&day=2020-12-31&hour=20&work=1&startup=0",
]


@pytest.mark.parametrize("link", HOSTILE)
def test_hostile_inputs_are_taken_within_their_limits(at, page, link):
    at(link)
    page.wait_for_function(
        "document.querySelector('.explore-said').textContent.match(/CO2e|does not cover/)"
    )
    text = said(page).text_content()

    assert "NaN" not in text
    assert "Infinity" not in text
    values = page.evaluate(
        "[...document.querySelectorAll('.explore input')].map(f => [f.name, f.value, f.min, f.max])"
    )
    page.locator("[name=workW]").dispatch_event("change")
    settled = dict(
        page.evaluate(
            "[...document.querySelectorAll('.explore input')].map(f => [f.name, f.value])"
        )
    )
    for name, _, low, high in values:
        if name == "day":
            assert low <= settled[name] <= high
        else:
            assert float(low) <= float(settled[name]) <= float(high)


def test_the_link_of_a_job_opens_the_same_job(at, page):
    at()
    ready(page, "DE")
    choose(page, "zone", "PL")
    page.locator("[name=workW]").fill("450")
    page.locator("[name=workW]").dispatch_event("change")
    grams = ready(page, "PL")
    link = page.locator("a.explore-link").get_attribute("href")
    page.goto("about:blank")
    at(link)

    assert grams == ready(page, "PL")
    assert "450" == page.locator("[name=workW]").input_value()


def test_the_figures_have_a_legend_and_titles_of_their_axes(at, page):
    at()
    ready(page, "DE")

    legend = page.locator(".explore-legend").inner_text()
    assert all(word in legend for word in ("carbon intensity", "start-up", "at once", "best"))
    window = page.locator("svg.explore-window").text_content()
    waits = page.locator("svg.explore-waits").text_content()
    assert "carbon intensity, g/kWh" in window
    assert "time in Europe/Berlin" in window
    assert "emissions saved" in waits
    assert "longest wait, hours" in waits


def test_the_same_in_python_gives_the_emissions_of_the_page(at, page):
    at("#zone=FR&day=2020-03-28&hour=20&wait=60&work=10&startup=15&workW=300&startupW=200")
    grams = ready(page, "FR")
    code = page.locator("pre.explore-python").text_content()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "the page", "exec"), {})
    found = [float(line.split()[1]) for line in printed.getvalue().splitlines()]

    assert grams[1:] == pytest.approx(found, rel=2e-3)  # the page's grams are of rounded curves


def places(page):
    page.wait_for_selector(".explore-where[data-grams]")
    pairs = page.locator(".explore-where").get_attribute("data-grams").split()
    return {zone: float(grams) for zone, grams in (pair.split("=") for pair in pairs)}


def test_a_reader_asks_where_and_when_and_python_says_the_same(at, page):
    at("#zone=PL&day=2020-03-28&hour=20&wait=8&work=4&startup=15&where=all&move=100")
    found = places(page)
    text = page.locator(".explore-where").inner_text()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(page.locator("pre.explore-python").text_content(), "the page", "exec"), {})
    lines = dict(line.split() for line in printed.getvalue().splitlines())

    assert set(GRIDS) == set(found)  # the others have no script here
    assert "FR" == next(iter(found))
    for zone in GRIDS:
        assert found[zone] == pytest.approx(float(lines[zone]), rel=2e-3)
    assert "Poland (PL), home" in text
    assert "Not compared" in text
    choose(page, "where", "home")
    page.wait_for_function("!document.querySelector('.explore-where').textContent")


def test_a_link_carries_where_and_what_moving_takes(at, page):
    at()
    ready(page, "DE")
    choose(page, "where", "all")
    places(page)
    link = page.locator("a.explore-link").get_attribute("href")

    assert "where=all" in link
    assert "move=50" in link


def test_the_same_as_sbatch_submits_each_run_after_the_one_before(at, page, tmp_path):
    at("#zone=DE&day=2020-06-16&hour=18&wait=96&work=24&startup=15&workW=300&startupW=200")
    ready(page, "DE")
    code = page.locator("pre.explore-sbatch").text_content()
    fake = tmp_path / "sbatch"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nwc -l < {tmp_path}/asked\n')
    fake.chmod(0o755)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["bash", "-eu", "-c", code], env=path, check=True, capture_output=True)
    asked = (tmp_path / "asked").read_text().splitlines()

    assert asked[0].startswith("--begin=now+")
    assert "--dependency=afterany:2" in asked[2]
    assert all(line.endswith("job.sh") for line in asked)
