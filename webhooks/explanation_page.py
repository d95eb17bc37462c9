"""The page to which the link on an issue leads: why its instants are what they are.

It may hold what only the team is to know, and asks nobody to sign in. So its address is known to
those alone who see the link in Jira: no one can guess the token in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from html import escape
from urllib.parse import quote

from flask import Blueprint, Response, abort

from sla.store import issues
from sla.store.database import Database
from webhooks.explaining import explained
from webhooks.explanation_links import is_token, token_key
from webhooks.icons import ICONS

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Dueline</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }}
  pre {{ font: inherit; white-space: pre-wrap; overflow-wrap: anywhere }}
</style>
<h1>{title}</h1>
<pre>{lines}</pre>
<p><a href="/issues/{issue}">More of it in the console</a>, which asks you to sign in.</p>
</html>
"""


def explanation_pages(database: Database, site: str, now: Callable[[], datetime]) -> Blueprint:
    """The pages of a site, and the icons of its links."""
    pages = Blueprint("explanation", __name__)
    key: str | None = None

    def is_right(issue_id: str, token: str) -> bool:
        """Whether an address was given out; a stranger's guess costs no more than reckoning."""
        nonlocal key
        if not (issue_id.isascii() and issue_id.isdecimal()):
            return False
        key = key or token_key(database, site)
        return key is not None and is_token(key, site, issue_id, token)

    @pages.get("/explain/<token>/<issue_id>")
    def explanation(token: str, issue_id: str) -> Response:
        """What `dueline explain` prints; without the right token there is no such page."""
        if not is_right(issue_id, token):
            abort(404)
        row = database.read(lambda c: issues.get(c, site, issue_id))
        if row is None:
            abort(404)
        lines = "\n".join(explained(database, row, now()))
        page = _PAGE.format(
            title=escape(row.key or issue_id), lines=escape(lines), issue=quote(row.key or issue_id)
        )
        return Response(page, headers=_HEADERS, content_type="text/html; charset=utf-8")

    @pages.get("/states/<state>.png")
    def icon(state: str) -> Response:
        """The icon of a state, which tells nobody anything."""
        found = next((png for name, png in ICONS.items() if name == state), None)
        if found is None:
            abort(404)
        kept = {"Cache-Control": "public, max-age=86400"}
        return Response(found, headers=kept, content_type="image/png")

    return pages
