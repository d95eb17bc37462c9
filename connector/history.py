"""What Jira's REST interface says about an issue's past, as the same facts that webhooks report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector import facts
from connector.facts import Json
from sla.gaps import Shown
from sla.timeline import CommentSeen, Event, Seen


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


def shown_in(issue: Mapping[str, Json], ignored_fields: frozenset[str]) -> Shown | None:
    """What an issue in a search's answer shows of its past; None where that is too little.

    Args:
        issue: with its changelog, and with `created`, `comment` and `issuelinks` among its fields.
        ignored_fields: ids and names of fields of which nothing is kept.
    """
    fields, changelog = issue.get("fields"), issue.get("changelog")
    created = facts.creation(fields) if isinstance(fields, dict) else None
    comments = facts.all_of(facts.member(fields, "comment"), "comments")
    entries = facts.items(facts.member(changelog, "histories"))
    changed_at = [facts.instant(facts.member(entry, "created")) for entry in entries]
    instants = [at for at in changed_at if at is not None]
    if created is None or comments is None or len(instants) < len(changed_at):
        return None
    whole_since = None
    if facts.all_of(changelog, "histories") is None:
        # Of a long changelog Jira shows the newest entries; of another order nothing is known.
        if not instants or instants != sorted(instants, reverse=True):
            return None
        whole_since = instants[-1]
    found = events_of(issue, entries, comments, ignored_fields=ignored_fields)
    told = tuple(event for event in found if not isinstance(event, Seen))
    versions = [event.version_at for event in told if isinstance(event, CommentSeen)]
    return Shown(told, max([created.at, *instants, *versions]), whole_since)


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
            created_at, who = created.at if created else None, facts.member(entry, "author")
            yield from facts.changes(entry, at, created_at, ignored, who)
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
