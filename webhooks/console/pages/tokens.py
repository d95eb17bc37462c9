"""The tokens by which programs ask the API, for administrators; and everybody's sessions."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection

from sla.store import audit, sign_ins
from webhooks.console.access import asking, sessions, tokens
from webhooks.console.questions import tokens as questions
from webhooks.console.questions.tokens import LIFETIMES, NewToken
from webhooks.console.standing import here

blueprint = Blueprint("tokens", __name__)


@blueprint.get("/tokens")
@asking.administrators
def page() -> str:
    """Those that there are, and the form for another one."""
    return _shown()


@blueprint.post("/tokens")
@asking.administrators
def make() -> str | tuple[str, int]:
    """Make one, and show it this once: it stands in no address and in no cookie."""
    typed = {name: request.form.get(name, "").strip() for name in ("name", "role", "days")}
    try:
        wanted = msgspec.convert({**typed, "days": typed["days"] or None}, NewToken, strict=False)
    except msgspec.ValidationError:
        wrong = "Give it a name of at most 100 characters, a role and a time after which it ends."
        return _shown(wrong=wrong, typed=typed), 400
    ends_at = questions.ends_at(wanted, sessions.real_now())
    made = tokens.make(here(), asking.person(), wanted.name, wanted.role, ends_at)
    return _shown(made=made, made_name=wanted.name)


@blueprint.post("/tokens/<int:number>/revoke")
@asking.administrators
def revoke(number: int) -> Response:
    """Take one back."""
    revoked = tokens.revoke(here(), asking.person(), number)
    if revoked:
        flash(f"{revoked.name} opens nothing any more.", "success")
    else:
        flash("That token was revoked already, or is not there.", "warning")
    return cast("Response", redirect(url_for(".page")))


@blueprint.post("/tokens/sign-everybody-out")
@asking.administrators
def sign_everybody_out() -> Response:
    """End every session, this one as well."""
    standing, person = here(), asking.person()

    def write(connection: Connection) -> None:
        ended = sign_ins.end_all(connection, standing.site)
        audit.record(
            connection, standing.site, standing.now(), person, "everybody signed out", "sessions",
            {"sessions": ended},
        )  # fmt: skip

    standing.database.write(write)
    return cast("Response", redirect(url_for("signing_in.page")))


def _shown(**more: Any) -> str:
    found = questions.listed(here(), sessions.real_now())
    return render_template("tokens.html", tokens=found.tokens, lifetimes=LIFETIMES, **more)
