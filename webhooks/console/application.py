"""The console as a Flask application of its own: its pages, its API, its headers, its refusals."""

from __future__ import annotations

import secrets
from functools import partial
from typing import cast
from urllib.parse import quote, urlsplit

import structlog
from flask import Flask, Response, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    ServiceUnavailable,
    Unauthorized,
)

from sla.store import sites
from sla.store.database import Database
from sla.store.faults import storage_fault
from webhooks.console import words
from webhooks.console.access import asking, tokens
from webhooks.console.access.forms import what_was_typed
from webhooks.console.access.onwards import own
from webhooks.console.api import blueprints as api_blueprints
from webhooks.console.pages import NAVIGATION, signing_in
from webhooks.console.pages import blueprints as page_blueprints
from webhooks.console.standing import Standing, put_here

_log = structlog.get_logger(__name__)
_HEADERS = {
    "Cache-Control": "no-store",
    # Nothing of another host, nothing inline: what stands in an issue can be no script, no style.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_OPEN_TO_ALL = frozenset({
    "static", "signing_in.page", "signing_in.begin", "signing_in.end", "signing_in.leave",
    "signing_in.arrive", "signing_in.end_there",
})  # fmt: skip
"""Endpoints that are there for those who have not signed in."""
_LARGEST_FORM = 2 * 1024 * 1024
_KEY = "console_key"


def create_console(standing: Standing) -> Flask:
    """The application around a service, which must outlive it."""
    app = Flask("webhooks.console")
    is_https = standing.settings.public_url.startswith("https:")
    app.config.update(
        SECRET_KEY=_key(standing.database, standing.site),
        MAX_CONTENT_LENGTH=_LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=_LARGEST_FORM,
        # Browsers take a name with this beginning from this very host alone, and by https.
        SESSION_COOKIE_NAME="__Host-dueline" if is_https else "dueline",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.extensions.update(put_here(standing))
    csrf = CSRFProtect(app)
    app.jinja_env.globals.update(who=asking.found, standing=standing, navigation=NAVIGATION)
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for blueprint in (*page_blueprints(), *api_blueprints()):
        app.register_blueprint(blueprint)
    app.jinja_env.globals["endpoints"] = frozenset(app.view_functions)
    app.before_request(partial(_only_who_may, csrf))
    app.before_request(_only_texts)
    app.after_request(_with_headers)
    app.register_error_handler(HTTPException, _told)
    app.register_error_handler(Exception, _unexpected)
    return app


def _key(database: Database, site: str) -> str:
    """Signs the sessions; the same for all processes on one database, and after a restart."""
    known: str | None = database.read(lambda c: sites.known(c, site, _KEY))
    if known is None:
        made = secrets.token_urlsafe(32)
        database.write(lambda c: sites.learn_once(c, site, _KEY, made))
        known = str(database.read(lambda c: sites.known(c, site, _KEY)))
    return known


def _only_who_may(csrf: CSRFProtect) -> None:
    # A path that nobody answers is told to those alone who signed in, too.
    if request.endpoint not in _OPEN_TO_ALL:
        asking.person()
    # No browser sends a program's token by itself: another site cannot make it ask.
    if not tokens.came_along():
        csrf.protect()


def _only_texts() -> None:
    """Refuse an address that is no text: what asks by it would fail."""
    try:
        asked = (request.path, *request.args, *request.args.values())
    except UnicodeDecodeError:
        raise BadRequest(
            "The address holds what is no text: write it in UTF-8, as %C3%A9."
        ) from None
    # PostgreSQL takes none.
    if any("\0" in each for each in asked):
        raise BadRequest("The address holds %00, which is no character of a text; leave it out.")


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "public, max-age=3600"
    wrong = request.routing_exception
    if response.status_code == 405 and isinstance(wrong, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(wrong.valid_methods or ()))
    return response


def _told(error: HTTPException) -> Response | tuple[str, int]:
    """A refusal as a page, or as JSON where a program asked."""
    if isinstance(error, InternalServerError) and error.original_exception:
        # To tell another refusal failed in turn, as where the database is away.
        return _unexpected(error.original_exception)
    code = error.code or 500
    if request.path.startswith("/api/"):
        from webhooks.console.api.described import refused

        answer = refused(code, error.description or error.name)
        if isinstance(error, Unauthorized):
            answer.headers["WWW-Authenticate"] = tokens.challenge()
        return answer
    if isinstance(error, CSRFError) and request.endpoint == "signing_in.begin":
        return signing_in.too_old(), code
    ended = isinstance(error, Unauthorized)
    if ended and request.method in {"GET", "HEAD"}:
        return _to_sign_in()
    kept = what_was_typed() if ended or isinstance(error, CSRFError) else None
    # What was typed goes to this console, however odd the path was that it came by.
    again = own(_asked())
    return render_template(
        "error.html", code=code, error=error, ended=ended, kept=kept, again=again
    ), code


def _to_sign_in() -> Response:
    """To the form, and back afterwards."""
    if "HX-Request" in request.headers:
        # Only a part of a page was asked for: the whole page goes, and comes back.
        try:
            shown = urlsplit(request.headers.get("HX-Current-URL", ""))
            onwards = f"{shown.path}?{shown.query}".rstrip("?")
        except ValueError:  # No address: whoever sent this has no page that could come back.
            onwards = "/"
        there = url_for("signing_in.page", next=onwards)
        return Response(status=401, headers={"HX-Redirect": there})
    return cast("Response", redirect(url_for("signing_in.page", next=_asked())))


def _asked() -> str:
    """The path and the query of this request, as an address writes them."""
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    return f"{path}?{request.query_string.decode('ascii', 'replace')}".rstrip("?")


def _unexpected(error: BaseException) -> Response | tuple[str, int]:
    """A fault of ours, or of the database, told without what the request held."""
    _log.exception("request failed", endpoint=request.endpoint)
    # Whatever the page of it would ask the database for may fail in turn.
    g.person = None
    if storage_fault(error):
        return _told(ServiceUnavailable("The database cannot be used at present; try again soon."))
    return _told(InternalServerError("This cannot be answered at present; the log says why."))
