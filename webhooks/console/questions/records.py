"""What is on record of an issue: each promise as it was made, and what was written to Jira."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from config import lengths
from config.configuration import Configuration
from sla.contract import in_words
from sla.cycle import Cycle
from sla.effects import Saying
from sla.promise import Promise
from sla.store import issues, notifications, outbox
from sla.store.issues import IssueRow
from sla.store.outbox import Written
from sla.store.publications import Publication
from sla.timeline import Timeline
from sla.words import whole_minutes
from webhooks.console.questions.folding import Folded
from webhooks.console.questions.sayings import name_of
from webhooks.console.questions.story import STATES
from webhooks.console.standing import Standing

_ROLES = {
    "policy": "Contract", "severity": "Severity", "due": "First response due",
    "responded": "First responded", "state": "State", "level": "Escalation level",
    "next_due": "Next due", "next_metric": "Next metric", "link": "Link to the explanation",
}  # fmt: skip
_LOOKED_THROUGH = 100
"""Among so many of the latest versions one is looked for, to call it by its number."""
_INSTANTS = frozenset({"due", "responded", "next_due"})


class Made(NamedTuple):
    """A promise as it was made, beside what is worked out now."""

    title: str
    number: int
    promised_at: datetime
    version: str
    since_at: datetime
    severity: str
    tier: str
    target: str
    calendar: str
    binding: str
    due_at: datetime
    due_now: datetime | None
    """As worked out now; None where it is promised no more, or cannot be known while it rests."""
    zone: str
    differs: bool
    words: str
    """What differs, and why; or that nothing does."""


class FieldWritten(NamedTuple):
    """One field of an issue: as it should stand, and as Jira has it."""

    title: str
    field: str
    """Jira's own name of it; empty for the link."""
    wanted: str
    written: str
    instants: tuple[datetime | None, datetime | None]
    """The same two as instants, where that is what they are."""
    state: str


class Said(NamedTuple):
    """One comment that was to be written."""

    what: str
    at: datetime
    """When it became true."""
    decided_at: datetime
    state: str
    words: str
    comment_id: str | None
    shown_at: datetime | None
    """When Jira took the comment, as its history tells."""
    attempts: int
    again_at: datetime | None
    error: str
    actions: str


def promises_of(standing: Standing, fold: Folded) -> list[Made]:
    """Every promise that is on record, the latest first."""
    rows = standing.database.read(lambda c: issues.promises_of(c, standing.site, fold.row.issue_id))
    cycles = {(cycle.metric, cycle.number): cycle for cycle in fold.decision.cycles}
    moved = any(row["policy_version"] != fold.version for row in rows)
    anew = _told(standing, fold.version) if moved else ""
    found = [_made(row, cycles.get((row["metric"], row["number"])), fold, anew) for row in rows]
    return sorted(found, key=lambda each: (each.promised_at, each.since_at), reverse=True)


def publication_of(standing: Standing, version: str) -> Publication | None:
    """When a version came into force last; None where it is among the latest ones no more."""
    latest = standing.publishing.publications(_LOOKED_THROUGH)
    return next((each for each in latest if each.version == version), None)


def _told(standing: Standing, version: str) -> str:
    """A version as people know it: `version 2 (longer weekends)`."""
    found = publication_of(standing, version)
    if found is None:
        return f"version {version[:12]}"
    return f"version {found.id}{f' ({found.reason})' if found.reason else ''}"


def _made(row: Mapping[str, Any], cycle: Cycle | None, fold: Folded, anew: str) -> Made:
    anew = anew if row["policy_version"] != fold.version else ""
    now = (
        next((p for p in cycle.promises if p.since_at == row["since_at"]), None) if cycle else None
    )
    rests = bool(cycle and cycle.state == "paused" and now is cycle.promise)
    why = list(_differences(row, now, cycle, fold, anew)) if now and cycle else [_gone(cycle, anew)]
    zone = now.goal.calendar.time_zone if now else "UTC"
    return Made(
        title=cycle.words if cycle else in_words(row["metric"]),
        number=row["number"],
        promised_at=row["promised_at"],
        version=row["policy_version"],
        since_at=row["since_at"],
        severity=row["severity"] or "",
        tier=row["tier"] or "",
        target=row["target"],
        calendar=row["calendar"],
        binding=row["binding"],
        due_at=row["due_at"],
        due_now=now.due_at if now and not rests else None,
        zone=zone,
        differs=bool(why),
        words="; ".join(why) or "as promised",
    )


def _gone(cycle: Cycle | None, anew: str) -> str:
    if anew:
        return f"recalculated by {anew}, under which it is not promised"
    if cycle is None:
        return "this clock never ran, as facts show that were heard later"
    return "nothing was promised anew at that instant, as facts show that were heard later"


def _differences(
    row: Mapping[str, Any], now: Promise, cycle: Cycle, fold: Folded, anew: str
) -> Iterator[str]:
    rests = cycle.state == "paused" and now is cycle.promise
    if now.due_at == row["due_at"] and not rests:
        return
    if anew:
        yield f"recalculated by {anew}"
    held = now.coverage.contract
    for what, was, is_ in (
        ("contract", _title(row["contract"], fold), held and held.title),
        ("severity", row["severity"], now.coverage.severity),
        ("tier", row["tier"], now.coverage.tier),
        ("goal", lengths.in_words(row["target"]), now.goal.target.words),
        ("calendar", row["calendar"], now.goal.calendar.id),
    ):
        if was != is_:
            yield f"{what} {is_ or 'none'} instead of {was or 'none'}"
    if rests:
        yield "the clock rests, so that its due instant is unknown"
        return
    paused = sum(
        (
            now.goal.calendar.elapsed(max(from_at, now.since_at), min(to_at, now.due_at))
            for from_at, to_at in cycle.rest.over
            if to_at > now.since_at and from_at < now.due_at
        ),
        timedelta(0),
    )
    moved = now.due_at - row["due_at"]
    due = f"due {whole_minutes(abs(moved))} {'later' if moved > timedelta(0) else 'earlier'}"
    if paused:
        yield f"{due}, since the clock rested for {whole_minutes(paused)} of open time"
    elif anew:
        yield due
    else:
        yield f"{due}, as facts show that were heard later, or a calendar that was changed"


def _title(contract: str, fold: Folded) -> str:
    known = fold.policy.contracts.get(contract)
    return known.title if known else contract


def fields_of(row: IssueRow, configuration: Configuration) -> list[FieldWritten]:
    """The fields as they should stand, and as Jira has them."""
    wanted: Mapping[str, Any] = json.loads(row.fields_wanted or "{}")
    jira = Written.of(row)
    return [
        _field(role, wanted.get(role), jira, configuration.site.fields.get(role, ""), row)
        for role in dict.fromkeys([*wanted, *jira.known, *jira.sent])
        # Where nobody can reach this service, no link leads to it.
        if role in configuration.site.fields
        or (role == "link" and {*jira.known, *jira.sent} & {role})
    ]


def _field(role: str, wanted: Any, jira: Written, field: str, row: IssueRow) -> FieldWritten:
    there = {**jira.known, **jira.sent}
    written = there.get(role)
    pair = (wanted, written) if role in _INSTANTS else (None, None)
    instants = tuple(datetime.fromisoformat(each) if each else None for each in pair)
    return FieldWritten(
        _ROLES.get(role, role),
        field,
        _text(wanted),
        _text(written),
        (instants[0], instants[1]),
        _became(role, wanted, jira, row),
    )


def _became(role: str, wanted: Any, jira: Written, row: IssueRow) -> str:
    if role in jira.sent:
        return "left, and Jira's answer never came"
    if role in jira.known and _as_shown(jira.known[role]) == _as_shown(wanted):
        return "written"
    if row.write_at:
        return "waits to be written"
    return "given up" if row.write_error else "not written"


def _as_shown(value: Any) -> Any:
    """Of a link its state, title and summary; what Jira took ends in a digest of the address."""
    return value[:3] if isinstance(value, list) else value


def _text(value: Any) -> str:
    if isinstance(value, list):
        # A summary of one promise says the same as its title.
        return ": ".join(dict.fromkeys(map(str, _as_shown(value)[1:])))
    return "" if value is None else str(value)


def sent_at(standing: Standing, issue_id: str) -> datetime | None:
    """When a write of the fields left for Jira last."""
    return standing.database.read(lambda c: issues.fields_sent_at(c, standing.site, issue_id))


def said_of(rows: Sequence[Mapping[str, Any]], timeline: Timeline) -> list[Said]:
    """Every comment that was to be written, the latest first."""
    comments = {comment.id: comment.at for comment in timeline.comments}
    return [_said(row, comments) for row in reversed(rows)]


def _said(row: Mapping[str, Any], comments: Mapping[str, datetime]) -> Said:
    saying = msgspec.json.decode(row["saying"], type=Saying)
    problems = filter(None, (row["error"], row["refused"]))
    return Said(
        what=name_of(saying.key, saying.facts),
        at=row["at"],
        decided_at=row["decided_at"],
        state=row["state"],
        words=STATES[row["state"]],
        comment_id=row["comment_id"],
        shown_at=comments.get(row["comment_id"] or ""),
        attempts=row["attempts"],
        again_at=row["try_at"] if row["state"] == "pending" else None,
        error="; ".join(problems),
        actions="; ".join(filter(None, (_actions(saying, row["acted"]), _beyond_jira(row)))),
    )


def _actions(saying: Saying, acted: int) -> str:
    actions = saying.actions
    wanted = [
        words
        for words, is_wanted in (
            ("assign to those addressed", actions.assign or saying.assign),
            (f"assign to {actions.assignee}", actions.assignee),
            (f"labels {', '.join(actions.labels)}", actions.labels),
            (f"priority {actions.priority}", actions.priority),
            (f"transition {actions.transition}", actions.transition),
        )
        if is_wanted
    ]
    return f"{'; '.join(wanted)} ({acted} done)" if wanted else ""


def _beyond_jira(row: Mapping[str, Any]) -> str:
    """What became of telling channels beyond Jira."""
    return "; ".join(
        f"tell {each['channel']} ({_BEYOND[each['state']]}{': ' if each['error'] else ''}"
        f"{each['error'] or ''})"
        for each in row.get("told", ())
    )


_BEYOND = {
    "pending": "waits", "sent": "done", "given_up": "given up", "withdrawn": "not needed any more",
}  # fmt: skip


def rows_said(standing: Standing, issue_id: str) -> Sequence[Mapping[str, Any]]:
    """What was to be said about an issue, as rows, the oldest first.

    `told` of each are the notifications beyond Jira that it asked for.
    """

    def work(connection: Connection) -> Sequence[Mapping[str, Any]]:
        rows = outbox.announced(connection, standing.site, issue_id)
        # Most sites have no channels, and are asked for none.
        if not any(b'"notify":["' in row["saying"] for row in rows):
            return rows
        told = notifications.told(connection, standing.site, issue_id)
        return [{**row, "told": [each for each in told if each["key"] == row["key"]]}
                for row in rows]  # fmt: skip

    return standing.database.read(work)
