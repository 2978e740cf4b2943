"""The page on which a reader asks why, in a browser: by pointer, by keyboard, on a phone, offline."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from browser import serve

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "decide"), str(ROOT / "tests" / "cluster")]

from small_day import day  # noqa: E402

SCRIPT = ROOT / "book" / "_static" / "asked.js"
CORE = """
const core = require(process.argv[1]);
const day = JSON.parse(process.argv[2]);
console.log(JSON.stringify(JSON.parse(process.argv[3]).map((hash) => core.wanted(hash, day))));
"""
HOSTILE = [
    "#job=%3Cscript%3E&decision=1",
    "#job=__proto__&decision=0",
    "#decision=3",
    "#job=a&decision=NaN",
    "#job=a&decision=-7",
    "#job=a&decision=1e9",
    "#job=f&decision=0",
]


@pytest.fixture(scope="module")
def told():
    return day()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, told):
    """A folder with the day as a page, as the book has it."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "_static").mkdir()
    for name in ("asked.js", "chart.js", "thesis.css"):
        shutil.copy(ROOT / "book" / "_static" / name, folder / "_static")
    head = (
        "<!doctype html><html lang=en data-theme=light><meta charset=utf-8><title>x</title>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<link rel=stylesheet href=_static/thesis.css><h1>Why?</h1>"
    )
    (folder / "day.html").write_text(head + told._repr_html_(), encoding="utf-8")
    return folder


@pytest.fixture
def at(page, folder):
    """Open the page at a hash and return it."""
    with serve(folder) as address:

        def go(link=""):
            page.goto(f"{address}/day.html{link}")
            page.wait_for_selector(".asked-said p", state="attached")
            return page

        yield go


def said(page):
    return page.locator(".asked-said p").all_inner_texts()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_link_is_taken_within_what_there_is(told):
    shown = told.as_dict()
    command = ["node", "-e", CORE, "--", str(SCRIPT), json.dumps(shown), json.dumps(HOSTILE)]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    found = json.loads(run.stdout)

    assert [None, None, None] == found[:3]
    ids = [job["id"] for job in shown["jobs"]]
    first, last = shown["jobs"][0]["answers"][0][0], shown["jobs"][0]["last"]
    assert [{"job": 0, "place": p} for p in (first, first, last)] == found[3:6]
    assert {"job": ids.index("f"), "place": shown["jobs"][5]["answers"][0][0]} == found[6]


@pytest.mark.real("chromium")
def test_any_decision_about_any_job_is_answered_as_the_package_answers_it(at, told):
    page, answers = at(), told.answers
    times_s = sorted(set(answers["time_s"]))
    for n, job in enumerate(told.jobs.to_dict("records")):
        page.locator("[name=job]").select_option(str(n))
        own = answers[answers["job"] == job["job"]]
        for answer in own.itertuples():
            place = times_s.index(answer.time_s)
            page.locator("[name=when]").evaluate(
                "(f, v) => { f.value = v; f.dispatchEvent(new Event('input')); }", str(place)
            )

            lines = said(page)
            assert lines[0].endswith(f": {answer.what}")
            assert answer.why == lines[1]


@pytest.mark.real("chromium")
def test_the_keyboard_alone_chooses_and_steps(at, told):
    page = at()
    page.keyboard.press("Tab")
    assert "job" == page.evaluate("document.activeElement.name")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert "when" == page.evaluate("document.activeElement.name")
    before = said(page)
    page.keyboard.press("End")
    after = said(page)
    page.keyboard.press("Home")

    assert before != after
    assert before == said(page)
    page.keyboard.press("Tab")  # at the first answer "Earlier" is off: the next that is on
    assert "after" == page.evaluate("document.activeElement.name")
    page.keyboard.press("Enter")
    assert before != said(page)
    assert page.locator("[name=when]").get_attribute("aria-valuetext")


@pytest.mark.real("chromium")
def test_a_line_of_the_day_that_is_clicked_is_the_job_that_is_shown(at, told):
    page = at()
    page.locator("svg.asked-day .line").nth(3).click()

    assert "3" == page.locator("[name=job]").input_value()
    assert f"job {told.jobs['job_id'][3]} " in said(page)[0]


@pytest.mark.real("chromium")
def test_the_link_of_an_answer_opens_the_same_answer(at):
    page = at()
    page.locator("[name=job]").select_option("1")
    page.locator("[name=after]").click()
    shown, link = said(page), page.locator("a.asked-link").get_attribute("href")
    page.goto("about:blank")
    at(link)

    assert shown == said(page)


@pytest.mark.real("chromium")
@pytest.mark.parametrize("link", HOSTILE)
def test_a_hostile_link_shows_an_answer_of_the_day(at, told, link):
    page = at(link)

    assert any(said(page)[0].endswith(what) for what in told.answers["what"])


@pytest.mark.real("chromium")
@pytest.mark.parametrize("width", [320, 390, 1200])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone_or_a_desk(at, width, theme):
    page = at()
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("t => document.documentElement.dataset.theme = t", theme)
    page.wait_for_timeout(100)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.evaluate("[...document.querySelectorAll('.asked svg')].map(s => s.clientWidth)")
    assert all(0 < box <= width for box in boxes)


@pytest.mark.real("chromium")
def test_without_scripts_the_jobs_of_the_day_stand_in_a_table(tmp_path, folder, told):
    from playwright.sync_api import sync_playwright

    with serve(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"{address}/day.html")
        form = page.locator(".asked form").is_visible()
        page.locator(".asked-table summary").click()
        text = page.locator(".asked-table table").inner_text()
        browser.close()

    assert not form
    assert all(str(name) in text for name in told.jobs["job_id"])
    assert all(first in text for first in told.jobs["first"])
