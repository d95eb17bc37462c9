"""Which issue a delivery is about, told from its raw body in microseconds.

What waits for one issue is handled together and in order, so that this must be known before anybody
reads the delivery. Where it cannot be told the delivery is kept all the same.
"""

from __future__ import annotations

import msgspec

from connector import facts
from connector.translate import issue_of_comment

_NOTHING = msgspec.Raw(b"null")


class _Member(msgspec.Struct):
    id: str | int | None = None
    self: str | None = None
    sourceIssueId: str | int | None = None  # noqa: N815 - Jira's name


class _Plain(msgspec.Struct):
    """A payload whose members look as they should, as in nearly all: its body is read once.

    Beside that each member is taken out and read anew, which took half as long again.
    """

    issue: _Member | None = None
    comment: _Member | None = None
    issueLink: _Member | None = None  # noqa: N815 - Jira's name
    id: str | int | None = None
    key: str | int | None = None
    sourceIssueId: str | int | None = None  # noqa: N815 - Jira's name


class _Payload(msgspec.Struct):
    # Read where one looks otherwise: one that nobody needs must not hide the others.
    issue: msgspec.Raw = _NOTHING
    comment: msgspec.Raw = _NOTHING
    issueLink: msgspec.Raw = _NOTHING  # noqa: N815 - Jira's name
    # What automation and Forge have at the top.
    id: msgspec.Raw = _NOTHING
    key: msgspec.Raw = _NOTHING
    sourceIssueId: msgspec.Raw = _NOTHING  # noqa: N815 - Jira's name


_NONE = _Member()
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_plain = msgspec.json.Decoder(_Plain)
_payload = msgspec.json.Decoder(_Payload)
_member = msgspec.json.Decoder(_Member)
_scalar: msgspec.json.Decoder[str | int | None] = msgspec.json.Decoder(str | int | None)


def subject_of(body: bytes) -> str | None:
    """Jira's id of the issue that a delivery is about; of a link, of its source.

    Returns:
        None where the body does not tell; `translate` may still.
    """
    try:
        return _named(_plain.decode(body))
    except _UNREADABLE:
        return _named(one_by_one(body))


def _named(payload: _Plain) -> str | None:
    return (
        facts.issue_number((payload.issue or _NONE).id)
        or issue_of_comment((payload.comment or _NONE).self)
        or facts.issue_number((payload.issueLink or _NONE).sourceIssueId)
        or facts.issue_number(payload.sourceIssueId)
        or (facts.issue_number(payload.id) if _is_issue(payload) else None)
    )


def _is_issue(payload: _Plain) -> bool:
    """Whether the body is an issue itself: other things have an id too, and no issue's key."""
    return payload.issue is None and facts.issue_key(payload.key) is not None


def one_by_one(body: bytes) -> _Plain:
    """The same members, of which one that looks otherwise counts as empty; none of no payload."""
    try:
        payload = _payload.decode(body)
    except _UNREADABLE:
        return _Plain()
    return _Plain(
        _read(payload.issue), _read(payload.comment), _read(payload.issueLink),
        _value(payload.id), _value(payload.key), _value(payload.sourceIssueId),
    )  # fmt: skip


def _value(member: msgspec.Raw) -> str | int | None:
    try:
        return _scalar.decode(member)
    except _UNREADABLE:
        return None


def _read(member: msgspec.Raw) -> _Member | None:
    if member == _NOTHING:
        return None
    try:
        return _member.decode(member)
    except _UNREADABLE:
        return _NONE
