"""The audit log for programs."""

from __future__ import annotations

from werkzeug.exceptions import BadRequest

from webhooks.console.api.described import Part
from webhooks.console.questions import audit
from webhooks.console.questions.audit import AuditCheck, AuditPage, AuditQuery
from webhooks.console.standing import here

blueprint = Part("audit", __name__)


@blueprint.answers(
    "GET", "/audit", summary="Who changed what, and who came in", query=AuditQuery, answer=AuditPage
)
def entries(query: AuditQuery) -> AuditPage:
    """A page of the audit log, newest first.

    With `next` as `before` the following page comes.
    """
    try:
        return audit.page(here(), query)
    except audit.NotUnderstood as error:
        raise BadRequest(str(error)) from None


@blueprint.answers(
    "GET", "/audit/check", summary="Whether the audit log is as it was written", answer=AuditCheck
)
def check() -> AuditCheck:
    """Each row holds the hash of the row before it; the whole chain is walked along."""
    return audit.check(here())
