"""What Jira's REST interface says about an issue's past, as the same facts that webhooks report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector import facts
from connector.facts import Json
from sla.timeline import Event


def events_of(
    issue: Mapping[str, Json],
    changelog: Sequence[Mapping[str, Json]],
    comments: Sequence[Mapping[str, Json]],
    *,
    ignored_fields: frozenset[str] = frozenset(),
) -> tuple[Event, ...]:
    """Turn an issue with its whole changelog and all its comments into events.

    Args:
        issue: the answer to GET issue; its values count from `fields.updated` on.
        changelog: every entry, with `id`, `created` and `items`.
        comments: every comment that is left, in its last version.
        ignored_fields: ids and names of fields of which nothing is kept.
    """
    return tuple(_events(issue, changelog, comments, ignored_fields))


def _events(
    issue: Mapping[str, Json],
    changelog: Sequence[Mapping[str, Json]],
    comments: Sequence[Mapping[str, Json]],
    ignored: frozenset[str],
) -> Iterator[Event]:
    fields = issue.get("fields")
    created = facts.creation(fields) if isinstance(fields, dict) else None
    if created:
        yield created
    for entry in changelog:
        at = facts.instant(facts.member(entry, "created"))
        if at:
            yield from facts.changes(entry, at, created.at if created else None, ignored)
    seen_at = facts.instant(facts.member(fields, "updated")) or (created.at if created else None)
    if seen_at:
        seen = facts.sighting(seen_at, issue, facts.HISTORY, ignored)
        if seen:
            yield seen
        if isinstance(fields, dict):
            yield from facts.links(fields, seen_at)
    for found in comments:
        version = facts.comment(found)
        if version:
            yield version
