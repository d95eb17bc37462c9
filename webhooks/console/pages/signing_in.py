"""Signing in, for those who were not known yet, and out."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.exceptions import NotFound

from sla.store import api_tokens, audit
from webhooks.console.access import asking, local_token, sessions, ways
from webhooks.console.access.guesses import Guesses
from webhooks.console.access.onwards import own
from webhooks.console.access.people import NOBODY, Person
from webhooks.console.access.ways import Way
from webhooks.console.standing import here

blueprint = Blueprint("signing_in", __name__)
_GUESSES = "dueline_guesses"
_LONGEST_TOKEN = 1000


@blueprint.get("/sign-in")
def page() -> str:
    """The form, and the other ways."""
    told = "Your session has ended. Sign in again." if sessions.is_over() else ""
    return _shown(request.args.get("next", ""), told, is_out=request.args.get("out") == "oidc")


@blueprint.post("/sign-in")
def begin() -> Response | tuple[str, int]:
    """Sign in with the administrator's token."""
    guesses, now = _guesses(), sessions.real_now()
    onwards = request.form.get("next", "")
    if wait := guesses.wait(now):
        told = f"Too many wrong tokens were tried. Try again in {wait} s."
        answer = Response(_shown(onwards, told, is_wrong=True), 429)
        answer.headers["Retry-After"] = str(wait)
        return answer
    if not _is_the_token(request.form.get("token", "")):
        if guesses.was_wrong(now):
            _note_refused(NOBODY, "local", "wrong token")
        return _shown(onwards, "That token is not right.", is_wrong=True), 403
    asking.sign_in(Person("local", "Administrator", "administrator"))
    return _sent(own(onwards))


@blueprint.get("/sign-in/<any(oidc, atlassian):way>")
def leave(way: Way) -> Response | tuple[str, int]:
    """Go and sign in elsewhere."""
    from webhooks.console.access.away import SignInError

    settings, onwards = here().settings, request.args.get("next", "")
    callback = _callback(way)
    try:
        there = ways.leave(settings, way, onwards, callback, sessions.real_now())
    except SignInError as error:
        return _shown(onwards, str(error), is_wrong=True), error.status
    return _sent(there)


@blueprint.get("/sign-in/<any(oidc, atlassian):way>/callback")
def arrive(way: Way) -> Response | tuple[str, int]:
    """Come back from there."""
    from webhooks.console.access.away import NoRoleError, SignInError

    settings, callback = here().settings, _callback(way)
    try:
        person, onwards = ways.arrive(settings, way, callback, request.args, sessions.real_now())
    except NoRoleError as error:
        _note_refused(Person(error.id, error.name, "viewer", way), way, "no role")
        _hold_tokens_back(error.id)
        return _shown("", str(error), is_wrong=True), error.status
    except SignInError as error:
        return _shown("", str(error), is_wrong=True), error.status
    asking.sign_in(person)
    return _sent(own(onwards))


@blueprint.post("/sign-out")
def end() -> Response:
    """Sign out; whoever came in by a provider may end the session there, too."""
    person = asking.sign_out()
    out = person.via if person and person.via == "oidc" else None
    return _sent(url_for(".page", out=out))


@blueprint.get("/sign-out/oidc")
def end_there() -> Response | tuple[str, int]:
    """Go and end the session at the provider."""
    from webhooks.console.access.away import SignInError

    try:
        there = ways.farewell(here().settings)
    except SignInError as error:
        return _shown("", str(error), is_wrong=True), error.status
    if there is None:
        return _shown("", "The provider names no page to sign out at: sign out there by hand."), 404
    return _sent(there)


def too_old() -> str:
    """The form anew, for somebody whose page was from before, or whose cookies are not kept."""
    told = "This page was too old, or your browser keeps no cookies. Try again."
    return _shown(request.form.get("next", ""), told, is_wrong=True)


def _shown(onwards: str, told: str, *, is_wrong: bool = False, is_out: bool = False) -> str:
    standing = here()
    settings = standing.settings
    made = settings.console_token or standing.database.read(
        lambda c: local_token.kept(c, standing.site)
    )
    return render_template(
        "sign_in.html",
        onwards=own(onwards) if onwards else "",
        told=told,
        is_wrong=is_wrong,
        ways=ways.offered(settings),
        out_of=urlsplit(settings.oidc.issuer).hostname if is_out and settings.oidc else "",
        has_token=made is not None,
        is_set=settings.console_token is not None,
    )


def _is_the_token(given: str) -> bool:
    standing = here()
    if not given or len(given) > _LONGEST_TOKEN:
        return False
    token = standing.settings.console_token
    if token:
        # Hashes are alike in length, and so tell nothing of the token's.
        return local_token.is_same(given, local_token.hash_of(token.reveal()))
    made = standing.database.read(lambda c: local_token.kept(c, standing.site))
    return made is not None and local_token.is_same(given, made.hash)


def _note_refused(person: Person, way: str, why: str) -> None:
    standing = here()
    told = {"by": sessions.BY[way], "why": why, "from": request.remote_addr}

    def write(connection: Connection) -> None:
        audit.record(
            connection, standing.site, standing.now(), person, "sign-in refused", "console", told
        )

    standing.database.write(write)


def _hold_tokens_back(owner: str) -> None:
    """The tokens of somebody who may not come in open nothing, either."""
    standing = here()
    standing.database.write(lambda c: api_tokens.hold_owner_to(c, standing.site, owner, "nothing"))


def _callback(way: Way) -> str:
    """Where those come back who sign in elsewhere; as it is set, not as somebody asked for it."""
    settings = here().settings
    if way not in ways.offered(settings):
        raise NotFound("Nobody signs in here that way.")
    return f"{settings.public_url}{url_for('.arrive', way=way)}"


def _guesses() -> Guesses:
    guesses: Guesses = current_app.extensions.setdefault(_GUESSES, Guesses())
    return guesses


def _sent(there: str) -> Response:
    return cast("Response", redirect(there))
