"""The built pages in a browser: numbers, figures, search, and the rules of accessibility."""

import pytest

pytestmark = pytest.mark.real("chromium")
READ = (
    *("index", "introduction", "explore", "when_to_start", "carbon_intensity", "your_grid"),
    *("numbers", "cite"),
)


def test_a_pressed_number_says_what_it_is_and_where_it_comes_from(page, site):
    page.goto(f"{site}/index.html")
    number = page.locator("a.num[data-interval]:not([data-interval=''])").first
    number.press("Enter")
    card = page.locator(".num-card")

    said = card.inner_text()
    assert number.get_attribute("data-meaning") in said
    assert number.get_attribute("data-interval") in said
    assert rf"\cleanhours{{{number.get_attribute('data-claim')}}}" in said
    card.get_by_role("link", name="the cell that made it").click()
    assert "#cell-" in page.url


def test_escape_puts_a_number_s_card_away_and_the_reader_back(page, site):
    page.goto(f"{site}/index.html")
    number = page.locator("a.num").first
    number.press("Enter")
    page.keyboard.press("Escape")

    assert 0 == page.locator(".num-card").count()
    assert number.evaluate("element => element === document.activeElement")


def test_a_number_copies_its_value(page, site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/index.html")
    number = page.locator("a.num").first
    number.click()
    page.get_by_role("button", name="copy the value").click()
    page.get_by_text("copied").wait_for()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert number.get_attribute("data-value") == copied


def test_a_link_to_a_cell_opens_its_fold(page, site):
    page.goto(f"{site}/index.html")
    cell = page.locator("a.num").first.get_attribute("data-cell")
    page.goto(f"{site}/{cell}")

    folds = page.locator(f"#{cell.partition('#')[2]} details")
    assert all(fold.get_attribute("open") is not None for fold in folds.all())


def test_the_table_of_numbers_is_filtered_by_words(page, site):
    page.goto(f"{site}/numbers.html")
    rows = page.locator("tr[id^=number-]")
    every = rows.count()
    page.fill("#numbers-filter", "sleep load")

    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < every
    assert all("sleep" in row.inner_text().lower() for row in shown)


def test_a_figure_is_shown_large_and_put_away_by_keys(page, site):
    page.goto(f"{site}/carbon_intensity.html")
    link = page.locator("a.enlarge").first
    link.press("Enter")
    large = page.locator("dialog.large-figure img")
    large.wait_for()

    assert large.bounding_box()["width"] > link.locator("img").bounding_box()["width"]
    page.keyboard.press("Escape")
    assert 0 == page.locator("dialog.large-figure").count()


def test_what_is_offered_below_a_figure_is_there(page, site):
    page.goto(f"{site}/carbon_intensity.html")
    links = page.locator(".take a")
    targets = {a.evaluate("a => a.href") for a in links.all()}

    assert targets
    for target in sorted(t for t in targets if "#" not in t):
        assert page.request.get(target).ok, target


@pytest.mark.parametrize("word", ["backfilling", "intensity", "pauses"])
def test_the_search_finds_a_chapter_before_the_reference_of_the_package(page, site, word):
    page.goto(f"{site}/search.html?q={word}")
    page.locator("#search-results li a").first.wait_for()

    first = page.locator("#search-results li a").first.get_attribute("href")
    assert not first.startswith("api"), first


def test_a_short_entry_of_a_table_stays_on_its_line(page, site):
    page.goto(f"{site}/when_to_start.html")
    short = page.locator("table.results td.short")
    short.first.wait_for(state="attached")
    wraps = "cells => cells.map((cell) => getComputedStyle(cell).whiteSpace)"

    assert {"nowrap"} == set(short.evaluate_all(wraps))


def test_no_page_is_wider_than_a_phone(page, site):
    page.set_viewport_size({"width": 390, "height": 844})
    for name in READ:
        page.goto(f"{site}/{name}.html")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", READ)
def test_the_rules_of_accessibility_hold(page, site, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site}/{name}.html")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})

    faults = [
        f"{v['id']}: {node['target']} {node['html'][:120]}"
        for v in found.response["violations"]
        for node in v["nodes"][:3]
    ]
    assert [] == faults
