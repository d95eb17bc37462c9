"""The audit log: who changed what, and who came in."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from webhooks.console.pages.files import csv_file
from webhooks.console.questions import audit
from webhooks.console.questions.audit import AuditPage, AuditQuery
from webhooks.console.standing import here

blueprint = Blueprint("audit", __name__)
_FILTERS = ("actor", "action", "since", "until")


@blueprint.get("/audit")
def page() -> str | tuple[str, int]:
    """The newest rows, as far as they are wanted."""
    wrong = None
    try:
        found = audit.page(here(), _query())
    except audit.NotUnderstood as error:
        # What was typed stays in the form.
        wrong, found = str(error), AuditPage([], None)
    shown = _shown(found=found, wrong=wrong)
    return (shown, 400) if wrong else shown


@blueprint.get("/audit/check")
def check() -> str:
    """Whether the chain holds, beside the newest rows."""
    return _shown(found=audit.page(here(), AuditQuery()), checked=audit.check(here()))


@blueprint.get("/audit.csv")
def as_csv() -> Response:
    """All rows that are wanted."""
    try:
        text = audit.as_csv(here(), _query())
    except audit.NotUnderstood as error:
        raise BadRequest(str(error)) from None
    return csv_file(text, "audit.csv")


def _query() -> AuditQuery:
    asked = {name: value for name, value in request.args.items() if name in {*_FILTERS, "before"}}
    try:
        return msgspec.convert(asked, AuditQuery, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"This page is not there: {error}. Begin with the first one.") from None


def _shown(*, found: AuditPage, **more: Any) -> str:
    filters = {name: request.args.get(name, "").strip() for name in _FILTERS}
    given = {name: value for name, value in filters.items() if value}
    return render_template(
        "audit.html",
        entries=found.entries,
        older=_older(given, found.next),
        is_later="before" in request.args,
        filters=filters,
        given=given,
        actions=audit.actions(here()),
        **more,
    )


def _older(given: dict[str, Any], last: int | None) -> str | None:
    return None if last is None else url_for(".page", **given, before=last)
