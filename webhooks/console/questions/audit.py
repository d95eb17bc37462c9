"""The audit log: which rows somebody asks for, how they are told, and whether the chain holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec.structs import replace

from sla.store import audit
from sla.store.audit import Entry, Wanted
from sla.words import utc
from webhooks.console import csv_export
from webhooks.console.standing import Standing

ROWS = 50
_AT_ONCE = 1000
_LARGEST = 2**63 - 1
_DAY = timedelta(days=1)
_COLUMNS = (
    "id", "at", "actor", "actor_name", "action", "subject", "detail", "previous", "hash",
)  # fmt: skip


class NotUnderstood(ValueError):  # noqa: N818 - named by meaning
    """A filter that means nothing; the message says what would be right."""


class AuditQuery(msgspec.Struct, kw_only=True):
    """Which rows of the audit log to list; a filter that is empty does not matter."""

    actor: str = ""
    """A part of the name or the id of who did it, in any case."""
    action: str = ""
    """What was done, such as `signed in`."""
    since: str = ""
    """A date, such as 2026-11-20, in UTC, or an instant with its offset."""
    until: str = ""
    """The same; of a date the whole day is listed."""
    before: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)] | None = None
    """The `next` of a page: the page after it."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=_AT_ONCE)] = ROWS


class AuditEntry(msgspec.Struct):
    """One row of the audit log."""

    id: int
    at: datetime
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: dict[str, Any]
    previous: str
    """The hash of the row before; 64 zeros before the first one."""
    hash: str
    """SHA-256 over all the rest of the row but its id."""


class AuditPage(msgspec.Struct):
    """Some rows, newest first."""

    entries: list[AuditEntry]
    next: int | None
    """As `before` it gives the page after this one; null: there is none."""


class AuditCheck(msgspec.Struct):
    """Whether the rows are as they were written."""

    rows: int
    """How many fit each other, from the first one on."""
    last: str
    """The hash of the last of these: kept elsewhere, it tells later whether rows are missing."""
    broken: int | None
    """The id of the first row that does not fit; null: all do."""
    why: str


def page(standing: Standing, query: AuditQuery) -> AuditPage:
    """A page of the log.

    Raises:
        NotUnderstood: a filter means nothing.
    """
    wanted = _wanted(query)
    found = standing.database.read(
        lambda c: audit.listed(c, standing.site, wanted, query.limit + 1)
    )
    shown = found[: query.limit]
    entries = [
        AuditEntry(
            each.id, each.at, each.actor, each.actor_name, each.action, each.subject,
            dict(each.detail), each.previous, each.hash,
        )
        for each in shown
    ]  # fmt: skip
    return AuditPage(entries, shown[-1].id if len(found) > query.limit else None)


def actions(standing: Standing) -> list[str]:
    """Every action that was ever recorded."""
    return standing.database.read(lambda c: audit.actions(c, standing.site))


def check(standing: Standing) -> AuditCheck:
    """Walk along the whole chain."""
    found = standing.database.read(lambda c: audit.check(c, standing.site))
    return AuditCheck(found.rows, found.last, found.broken, found.why)


def as_csv(standing: Standing, query: AuditQuery) -> str:
    """All rows that are wanted as CSV, newest first.

    Raises:
        NotUnderstood: a filter means nothing.
    """
    return csv_export.as_csv(chain([_COLUMNS], map(_cells, _all_of(standing, _wanted(query)))))


def _all_of(standing: Standing, wanted: Wanted) -> Iterator[Entry]:
    while True:
        asked = wanted
        found = standing.database.read(
            lambda c: audit.listed(c, standing.site, asked, _AT_ONCE)  # noqa: B023 - read at once
        )
        if not found:
            return
        yield from found
        wanted = replace(wanted, before=found[-1].id)


def _cells(entry: Entry) -> list[str]:
    detail = json.dumps(entry.detail, ensure_ascii=False, sort_keys=True) if entry.detail else ""
    return [
        str(entry.id), utc(entry.at), entry.actor, entry.actor_name, entry.action, entry.subject,
        detail, entry.previous, entry.hash,
    ]  # fmt: skip


def _wanted(query: AuditQuery) -> Wanted:
    return Wanted(
        actor=query.actor.strip() or None,
        action=query.action.strip() or None,
        since=_instant(query.since, "since"),
        until=_instant(query.until, "until", whole_day=True),
        before=query.before,
    )


def _instant(text: str, name: str, *, whole_day: bool = False) -> datetime | None:
    text = text.strip()
    if not text:
        return None
    try:
        if len(text) <= len("2026-11-20"):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + _DAY if whole_day else day
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else _refused(text, name)
    except (ValueError, OverflowError):
        return _refused(text, name)


def _refused(text: str, name: str) -> NoReturn:
    raise NotUnderstood(
        f'{name}: "{text[:40]}" is neither a date such as 2026-11-20 nor an instant with its '
        "offset such as 2026-11-20T15:00Z"
    ) from None
