"""Which issue a delivery is about, told from its raw body in microseconds.

What waits for one issue is handled together and in order, so that this must be known before anybody
reads the delivery. Where it cannot be told the delivery is kept all the same.
"""

from __future__ import annotations

import msgspec

from connector import facts
from connector.translate import issue_of_comment

_NOTHING = msgspec.Raw(b"null")


class _Payload(msgspec.Struct):
    # Read one by one: what a member that nobody needs looks like must not hide the others.
    issue: msgspec.Raw = _NOTHING
    comment: msgspec.Raw = _NOTHING
    issueLink: msgspec.Raw = _NOTHING  # noqa: N815 - Jira's name
    # What automation and Forge have at the top.
    id: msgspec.Raw = _NOTHING
    key: msgspec.Raw = _NOTHING
    sourceIssueId: msgspec.Raw = _NOTHING  # noqa: N815 - Jira's name


class _Member(msgspec.Struct):
    id: str | int | None = None
    self: str | None = None
    sourceIssueId: str | int | None = None  # noqa: N815 - Jira's name


_payload = msgspec.json.Decoder(_Payload)
_member = msgspec.json.Decoder(_Member)
_plain: msgspec.json.Decoder[str | int | None] = msgspec.json.Decoder(str | int | None)


def subject_of(body: bytes) -> str | None:
    """Jira's id of the issue that a delivery is about; of a link, of its source.

    Returns:
        None where the body does not tell; `translate` may still.
    """
    try:
        payload = _payload.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return (
        facts.issue_number(_read(payload.issue).id)
        or issue_of_comment(_read(payload.comment).self)
        or facts.issue_number(_read(payload.issueLink).sourceIssueId)
        or facts.issue_number(_value(payload.sourceIssueId))
        or (facts.issue_number(_value(payload.id)) if _is_issue(payload) else None)
    )


def _is_issue(payload: _Payload) -> bool:
    """Whether the body is an issue itself: other things have an id too, and no issue's key."""
    return payload.issue == _NOTHING and facts.issue_key(_value(payload.key)) is not None


def _value(member: msgspec.Raw) -> str | int | None:
    try:
        return _plain.decode(member)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _read(member: msgspec.Raw) -> _Member:
    try:
        return _member.decode(member)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Member()
