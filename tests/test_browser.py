"""What looks at pages in a browser sees what they do."""

import pytest
from browser import open_page, serve

ASKS = "<script>fetch('https://example.org/data.json').catch(() => 0)</script>"
FAILS = "<script>throw new Error('no such grid')</script>"
WORKER = """<script>
new Worker(URL.createObjectURL(new Blob(["fetch('https://example.org/w').catch(() => 0)"])))
</script>"""


def look_at(folder):
    with serve(folder) as address, open_page(folder) as page:
        page.goto(f"{address}/index.html")
        page.wait_for_timeout(300)


@pytest.mark.real("chromium")
def test_a_page_that_keeps_to_itself_may_be_used(page, tmp_path):
    (tmp_path / "index.html").write_text("<h1>Title</h1><img src='gone.png' alt='gone'>")
    with serve(tmp_path) as address:
        page.goto(f"{address}/index.html")

        assert "Title" == page.locator("h1").inner_text()


@pytest.mark.real("chromium")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (ASKS, "asked https://example.org/data.json"),
        (WORKER, "asked https://example.org/w"),
        ("<img src='http://example.org/x.png'>", "asked http://example.org/x.png"),
        ("<script>new WebSocket('wss://example.org/')</script>", "asked wss://example.org/"),
        (FAILS, "ended in an error: no such grid"),
    ],
)
def test_a_page_that_asks_elsewhere_or_fails_is_found(tmp_path, body, said):
    (tmp_path / "index.html").write_text(f"<h1>Title</h1>{body}")

    with pytest.raises(AssertionError, match=said):
        look_at(tmp_path)
