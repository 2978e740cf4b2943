"""What a published book needs beside its pages: an address, a map, a page for wrong links.

``BOOK_URL`` names the address the book is served from. With it, pages carry their canonical
address and a preview, and ``sitemap.xml`` lists them. Without it, nothing points anywhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape

HIDDEN = {"404", "genindex", "search"}


def name_address(app, config) -> None:
    """Tell Sphinx where the book is served from."""
    address = os.environ.get("BOOK_URL", "")
    config.html_search_scorer = str(Path(app.srcdir, "_static", "scorer.js"))
    config.ogp_social_cards = {"enable": False}  # one picture for all pages, drawn by us
    config.ogp_site_name = config.html_title or config.project
    config.ogp_image_alt = "A week of carbon intensity with its clean hours shaded."
    config.ogp_enable_meta_description = True
    config.notfound_urls_prefix = "/"
    if address:
        address = address.rstrip("/") + "/"
        config.html_baseurl = address
        config.ogp_site_url = address
        config.ogp_image = urljoin(address, "_static/preview.png")
        config.notfound_urls_prefix = urlsplit(address).path


def write_map(app, error) -> None:
    """Write the list of pages that search engines read."""
    base = app.config.html_baseurl
    if error or app.builder.format != "html" or not base:
        return
    pages = sorted(app.env.found_docs - HIDDEN)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">')
    lines += [f"<url><loc>{escape(urljoin(base, page + '.html'))}</loc></url>" for page in pages]
    lines.append("</urlset>\n")
    Path(app.outdir, "sitemap.xml").write_text("\n".join(lines), encoding="utf-8")
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(base, 'sitemap.xml')}\n"
    Path(app.outdir, "robots.txt").write_text(robots, encoding="ascii")


def leave_out_live_code(app, pagename, templatename, context, doctree) -> None:
    """Load no scripts of Thebe: live code would come from another host, and they end in an error.

    The library declares its constants twice on each page of this book.
    """

    def is_of_thebe(script) -> bool:
        return "thebe" in f"{script.filename} {script.attributes.get('body', '')}".lower()

    context["script_files"] = [s for s in context.get("script_files", ()) if not is_of_thebe(s)]


def setup(app):
    """Register with Sphinx."""
    app.connect("config-inited", name_address, priority=100)
    app.setup_extension("sphinxext.opengraph")
    app.setup_extension("notfound.extension")
    app.connect("html-page-context", leave_out_live_code, priority=900)
    app.connect("build-finished", write_map)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
