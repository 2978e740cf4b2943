"""A headless Chromium for tests of the built pages: nothing kept before, nothing asked elsewhere.

A test that takes the fixture `page` is a real part: ``make real`` runs it on the pages that
``make pages`` built, ``make test`` skips it. `page` is Playwright's (https://playwright.dev/python/
docs/api/class-page); it drives the Chromium of the system, no browser is downloaded::

    def test_the_landing_page_has_a_title(page, site):
        page.goto(f"{site}/index.html")

        assert "Clean Hours" in page.title()
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

PAGES = Path(__file__).resolve().parent.parent / "_build" / "html"
# --no-sandbox: a container's root may not open one. Names are resolved for no host but this one,
# so that a page that asks elsewhere fails here even where there is a network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOME = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing: pytest shows what matters."""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback address; give its address without the last slash."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer((HOME, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOME}:{server.server_port}"
        server.shutdown()


def foreign(net_log: Path) -> list[str]:
    """Return what pages asked other hosts for, from Chromium's own log of its network.

    The log sees what no page can hide: images, fetches, sockets, workers. What the browser asks
    for itself (is there an update?) has no origin and is no page's doing.
    """
    log = json.loads(net_log.read_text(encoding="utf-8"))
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    asked = [event.get("params", {}) for event in log["events"] if event["type"] == start]
    return [
        request["url"]
        for request in asked
        if request.get("initiator", "not an origin") != "not an origin"
        and urlsplit(request["url"]).scheme in {"http", "https", "ws", "wss"}
        and urlsplit(request["url"]).hostname != HOME
    ]


@contextlib.contextmanager
def open_page(folder: Path) -> Iterator:
    """Open an empty page in a new browser; at its end, fail for what it did that a page may not.

    A page may ask no other host for anything, and none of its scripts may end in an error.
    """
    from playwright.sync_api import sync_playwright

    net_log, errors = folder / "network.json", []
    rules = f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOME}"
    flags = [*FLAGS, rules, f"--log-net-log={net_log}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=flags
        )
        try:
            page = browser.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            yield page
        finally:
            browser.close()
    problems = [f"a page asked {url}" for url in foreign(net_log)]
    problems += [f"a script ended in an error: {error}" for error in errors]
    assert not problems, "; ".join(problems)


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Return the address of the built pages, served on this machine alone."""
    if not (PAGES / "index.html").is_file():
        pytest.fail("there are no pages to look at: make pages builds them.", pytrace=False)
    with serve(PAGES) as address:
        yield address


@pytest.fixture
def page(tmp_path: Path) -> Iterator:
    """Return an empty page of a headless Chromium with an empty profile."""
    with open_page(tmp_path) as opened:
        yield opened
