"""How Jira's JSON becomes timeline facts: read here once, for webhooks and for the REST history.

What people write is kept, up to the length Jira itself allows: a promise may depend on what a
summary, a description or a comment says. What is kept of a person is Jira's own id alone: the names
and e-mail addresses with which Jira describes its users never leave this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.document import is_document, text_of
from sla.timeline import (
    CREATION,
    Account,
    AccountKind,
    Changed,
    CommentDeleted,
    CommentSeen,
    Created,
    FieldValue,
    Linked,
    Seen,
)

Json = Any
"""Whatever a JSON document holds; every reading of it checks the shape first."""

NAMED = frozenset({"issuetype", "priority", "status", "resolution"})
PEOPLE = frozenset({"assignee", "reporter", "creator"})
PROSE = frozenset({"summary", "description"})
HISTORY = "history"
"""The source of the sighting that shows an issue as it was read with its past."""
LONGEST_TEXT = 255
"""Of a longer custom text the beginning is kept: it still tells that the field is filled."""
LONGEST_PROSE = 32_767
"""What Jira lets a summary, a description or a comment hold."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2200, 1, 1, tzinfo=UTC)
_KINDS: dict[str, AccountKind] = {"app": "app", "customer": "customer"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and halves of characters, which databases refuse."""
_PLAIN_ID = re.compile(r"\d*|\[[\d, ]*\]")
_ISSUE_KEY = re.compile(r"([A-Z][A-Z0-9_]*)-\d+", re.IGNORECASE)


def member(value: Json, name: str) -> Json:
    """A member of an object; None where there is no such member or no object at all."""
    return value.get(name) if isinstance(value, dict) else None


def items(value: Json) -> list[Json]:
    """The elements of a list; none where it is no list."""
    return value if isinstance(value, list) else []


def all_of(page: Json, name: str) -> list[Json] | None:
    """The elements of a list that an answer holds; None where it does not hold all of them."""
    found = member(page, name)
    return found if isinstance(found, list) and member(page, "total") == len(found) else None


def identifier(value: Json) -> str | None:
    """An id, which Jira gives as text here and as a number there, as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return text if 0 < len(text) <= LONGEST_TEXT and not _UNUSABLE.search(text) else None


def issue_number(value: Json) -> str | None:
    """An issue's id, which is a number; it becomes part of addresses at Jira."""
    found = identifier(value)
    return found if found and found.isascii() and found.isdecimal() else None


def issue_key(value: Json) -> str | None:
    """An issue's key, such as `DEMO-1`."""
    return value if isinstance(value, str) and _ISSUE_KEY.fullmatch(value) else None


def instant(value: Json) -> datetime | None:
    """An instant in any form Jira uses, as aware UTC.

    Milliseconds since the epoch as number or text, or ISO 8601 with `Z`, `+05:30` or `+0530`; None
    for anything else, and for what no calendar here reaches.
    """
    if isinstance(value, str):
        number = int(value) if value.isdecimal() and len(value) < 18 else None
        return _iso_instant(value) if number is None else _epoch_instant(number)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch_instant(value)
    return None


def person(value: Json) -> str | None:
    """A user's own id: accountId on Cloud, else the user key, else the user name."""
    for name in ("accountId", "key", "name"):
        found = member(value, name)
        if isinstance(found, str) and account_id(found):
            return found
    return None


def assignee(fields: Json) -> tuple[str, str] | None:
    """Whom an issue's fields show it assigned to: the account, and its name for people."""
    return named(member(fields, "assignee"))


def named(shown: Json) -> tuple[str, str] | None:
    """A user as Jira describes it: the account, and its name for people."""
    account, name = person(shown), member(shown, "displayName")
    if account is None or not isinstance(name, str) or not name.strip():
        return None
    return account, _beginning(name, LONGEST_TEXT)


def account_id(value: Json) -> str | None:
    """A user's id as text; None where a part of it was lost on its way, so that it is nobody's."""
    found = identifier(value)
    return found if found and "\N{REPLACEMENT CHARACTER}" not in found else None


def author(value: Json) -> Account | None:
    """Who wrote a comment; None for somebody anonymous or deleted."""
    found = person(value)
    kind = member(value, "accountType")
    # Jira's own words for an account whose record is gone.
    if found in (None, "unknown") or kind == "unknown":
        return None
    return Account(found, _KINDS.get(kind, "person") if isinstance(kind, str) else "person")


def creation(fields: Mapping[str, Json]) -> Created | None:
    """The issue's beginning, where its fields show it."""
    at = instant(fields.get("created"))
    return Created(at) if at else None


def sighting(
    at: datetime, issue: Mapping[str, Json], source: str, ignored: frozenset[str]
) -> Seen | None:
    """What an issue in a payload or an answer shows; None where it shows no value.

    Summary and description are taken only at the issue's creation and from its history: every
    payload repeats them, and what becomes of them in between is told by changes.

    Args:
        at: the instant to which the payload speaks.
        issue: with `key` and `fields`.
        source: where it was seen, such as `HISTORY`; part of the sighting's identity.
        ignored: ids of fields that say nothing about the customer's issue, such as Dueline's own.
    """
    values: dict[str, FieldValue] = {}
    key = issue_key(issue.get("key"))
    if key is not None:
        values["key"] = key
    fields = issue.get("fields")
    left_out = ignored if source == HISTORY or source.startswith(CREATION) else ignored | PROSE
    for name, value in fields.items() if isinstance(fields, dict) else ():
        if name not in left_out:
            values.update(_field(name, value))
    return Seen(at, values, source) if values else None


def changes(
    changelog: Json,
    at: datetime,
    created_at: datetime | None,
    ignored: frozenset[str],
    who: Json = None,
) -> Iterator[Changed]:
    """The changes of one changelog entry, each under Jira's id of the entry.

    Jira writes an issue's first values as changes from nothing at its creation; those are left out,
    since before its creation an issue had no other value.

    Args:
        changelog: with `id` and `items`, as in a webhook or from REST.
        at: when it happened.
        created_at: when the issue was made, if that is known.
        ignored: ids or names of fields to leave out.
        who: the user that made them, if that is told.
    """
    change_id = identifier(member(changelog, "id"))
    account = author(who)
    by = account.id if account else None
    if change_id is None:
        return
    first = created_at is not None and at <= created_at
    for item in items(member(changelog, "items")):
        name = _changed_field(item)
        if name is None or {name, identifier(member(item, "field"))} & ignored:
            continue
        for field, before, after in _changed_values(name, item):
            if not (first and before in (None, ())):
                yield Changed(at, change_id, field, before, after, by)


def comment(value: Json) -> CommentSeen | None:
    """One version of a comment; None where it lacks what identifies it."""
    comment_id = identifier(member(value, "id"))
    at = instant(member(value, "created"))
    if comment_id is None or at is None:
        return None
    version_at = instant(member(value, "updated")) or at
    public = is_public(value)
    # Of what customers cannot read nothing is kept: no promise depends on it.
    text = words(value.get("body")) if public else None
    return CommentSeen(at, comment_id, version_at, author(value.get("author")), public, text or "")


def comment_deleted(value: Json, at: datetime) -> CommentDeleted | None:
    """A comment's end; None where it lacks an id."""
    comment_id = identifier(member(value, "id"))
    return CommentDeleted(at, comment_id) if comment_id else None


def links(fields: Mapping[str, Json], at: datetime) -> Iterator[Linked]:
    """The links that an issue's fields show.

    They do not tell when a link was made, so that it counts from the instant at which it was seen;
    of several such instants the timeline takes the earliest.

    Args:
        fields: the issue's, with `issuelinks` if they show any.
        at: the instant to which the fields speak.
    """
    for link in items(fields.get("issuelinks")):
        link_id = identifier(member(link, "id"))
        other = member(link, "inwardIssue") or member(link, "outwardIssue")
        other_id = identifier(member(other, "id"))
        if link_id and other_id:
            yield Linked(at, link_id, other_id)


def linked_issues(link: Json) -> tuple[str | None, str | None]:
    """The ids of the issues that a link goes from and to, as far as it names them.

    Args:
        link: with `sourceIssueId` and `destinationIssueId`, as in a webhook.
    """
    source, destination = (
        issue_number(member(link, name)) for name in ("sourceIssueId", "destinationIssueId")
    )
    return source, destination


def link_ends(link: Json, at: datetime | None) -> dict[str, Linked]:
    """What a link that was made means for each of its two issues, by their ids.

    Args:
        link: with `id`, `sourceIssueId` and `destinationIssueId`, as in a webhook.
        at: when it was made, if that is known.

    Returns:
        Nothing where one of the ids or the instant is lacking.
    """
    link_id = identifier(member(link, "id"))
    source, destination = linked_issues(link)
    if not (link_id and source and destination and at):
        return {}
    return {source: Linked(at, link_id, destination), destination: Linked(at, link_id, source)}


def is_system_link(link: Json) -> bool:
    """Whether a link is Jira's own, to a sub-task or an epic, which no issue shows as its link."""
    kind = member(link, "issueLinkType")
    flags = (
        member(link, "systemLink"),
        member(kind, "isSubTaskLinkType"),
        member(kind, "isSystemLinkType"),
    )
    return any(flag is True for flag in flags)


def words(value: Json) -> str | None:
    """What people wrote, in wiki markup as it is and in a document flattened; None for no text."""
    text = text_of(value) if is_document(value) else value
    return _beginning(text, LONGEST_PROSE) if isinstance(text, str) else None


def is_public(comment_json: Mapping[str, Json]) -> bool:
    """Whether everybody who sees the issue may read a comment.

    Internal by any sign: Jira Service Management's flag, a restriction to a role or group, or the
    comment property that marks it internal.
    """
    if comment_json.get("jsdPublic") is False or comment_json.get("visibility"):
        return False
    return not any(
        member(found, "key") == "sd.public.comment"
        and member(member(found, "value"), "internal") in (True, "true")
        for found in items(comment_json.get("properties"))
    )


def _iso_instant(text: str) -> datetime | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return _within_reach(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _epoch_instant(milliseconds: float) -> datetime | None:
    try:
        return _within_reach(_EPOCH + timedelta(milliseconds=milliseconds))
    except (OverflowError, ValueError):
        return None


def _within_reach(at: datetime) -> datetime | None:
    return at if _EPOCH <= at < _END else None


def _field(name: str, value: Json) -> Iterator[tuple[str, FieldValue]]:
    """One field of an issue as (name, value); nothing where it is not of the kept kinds."""
    if name == "project":
        kept: Json = member(value, "key")
        if isinstance(kept, str):
            yield name, kept
    elif name in NAMED:
        kept = value if value is None else _text(member(value, "name") or value)
        if kept is not None or value is None:
            yield name, kept
    elif name in PEOPLE:
        kept = person(value)
        if kept is not None or value is None:
            yield name, kept
    elif name in PROSE:
        yield name, words(value) or None
    elif name == "labels":
        yield name, tuple(label for label in items(value) if isinstance(label, str))
    elif name.startswith("customfield_"):
        yield from _custom(name, value)


def _custom(name: str, value: Json) -> Iterator[tuple[str, FieldValue]]:
    if value in (None, "", []):
        yield name, None
    elif is_document(value):
        yield name, _text(text_of(value)) or None
    elif isinstance(value, list):
        texts = [_text(element) for element in value]
        if all(text is not None for text in texts):
            yield name, tuple(text for text in texts if text is not None)
    else:
        text = _text(value)
        if text is not None:
            yield name, text


def _text(value: Json) -> str | None:
    """A value as plain text; None where it is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        # An instant is shown in the reader's own zone: the same one must read the same.
        at = _iso_instant(value)
        return at.isoformat() if at else _beginning(value, LONGEST_TEXT)
    if not isinstance(value, dict):
        return None
    if "accountId" in value or "displayName" in value:
        return person(value)
    named = value.get("value", value.get("name"))
    return None if isinstance(named, dict | list) else _text(named)


def _beginning(text: str, longest: int) -> str:
    # Jira cuts texts in the middle of a character now and then.
    return _UNUSABLE.sub("\N{REPLACEMENT CHARACTER}", text[:longest])


def _number(value: float) -> str | None:
    """A number as people write it: `2`, not `2.0`, whichever way Jira sent it."""
    if abs(value) >= 10**15:
        return None
    return str(int(value)) if value == int(value) else repr(float(value))


def _changed_field(item: Json) -> str | None:
    """The name under which a changed field is known; None for one of which nothing is kept.

    Of a custom field Cloud gives the id, Data Center the name alone.
    """
    field_id = member(item, "fieldId")
    name = field_id if isinstance(field_id, str) else member(item, "field")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_TEXT:
        return None
    if name.startswith("customfield_"):
        return name
    custom = member(item, "fieldtype") == "custom"
    if name.lower() in NAMED | PEOPLE | PROSE | {"labels", "key", "project"}:
        # A custom field may bear a system field's name; without an id it is not told from it.
        return None if custom or name.lower() == "project" else name.lower()
    return name if custom else None


def _changed_values(name: str, item: Json) -> Iterator[tuple[str, FieldValue, FieldValue]]:
    before, after = (_side(name, item, side) for side in ("from", "to"))
    yield name, before, after
    if name == "key":
        # A move names projects by id and by name; their keys are in the issue's keys.
        old, new = _project_of(before), _project_of(after)
        if new is not None and old != new:
            yield "project", old, new


def _side(name: str, item: Json, side: str) -> FieldValue:
    raw, shown = member(item, side), member(item, f"{side}String")
    if name in PEOPLE:
        return account_id(member(item, f"tmp{side.capitalize()}AccountId")) or account_id(raw)
    if name == "labels":
        return tuple(shown.split()) if isinstance(shown, str) else ()
    if name in PROSE:
        return words(shown) or None
    if name in NAMED or name == "key":
        return identifier(shown)
    return _custom_side(raw, shown, member(item, f"tmp{side.capitalize()}AccountId"))


def _custom_side(raw: Json, shown: Json, account: Json) -> FieldValue:
    """A custom field's old or new value, as a sighting would show it.

    `raw` is an option's number, a list of those, a user's id, a date, or nothing for a text;
    `shown` is what people read, so of a person it is the name, which is not kept.
    """
    if account_id(account):
        return account_id(account)
    plain = raw is None or (isinstance(raw, str) and _PLAIN_ID.fullmatch(raw))
    value = shown if plain or isinstance(raw, int) else raw
    if not isinstance(value, str) or not value:
        return None
    if isinstance(raw, str) and raw.startswith("[") and plain:
        if len(value) > 10_000:
            return None
        return tuple(_beginning(part.strip(), LONGEST_TEXT) for part in value.split(","))
    return _text(value)


def _project_of(issue_key: FieldValue) -> str | None:
    match = _ISSUE_KEY.fullmatch(issue_key) if isinstance(issue_key, str) else None
    return match[1] if match else None
