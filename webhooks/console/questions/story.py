"""What happened to an issue and to its promises, in the order of time: drawn, and told in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from sla.acts import side_of
from sla.clock.spans import Span, spans_of
from sla.contract import severity_in_words
from sla.cycle import Cycle
from sla.effects import Saying
from sla.mapping import Coverage, Policy
from sla.store.publications import Publication
from sla.timeline import Changed, FieldValue, Timeline
from sla.words import whole_minutes
from webhooks.console.questions.sayings import name_of

Kind = Literal[
    "created", "customer", "reply", "severity", "change", "deleted", "started", "promised",
    "paused", "resumed", "due", "met", "late", "breached", "cancelled", "warning", "breach",
    "escalation", "said",
]  # fmt: skip
_ALWAYS_TOLD = ("status", "resolution", "priority", "issuetype", "key", "assignee")
_WORDS = {"issuetype": "type", "key": "key"}
_LONGEST = 80
"""So many characters of a value are told: a field may hold ten thousand labels."""


class Entry(NamedTuple):
    """One thing that happened, or is to happen."""

    at: datetime
    kind: Kind
    words: str
    metric: str = ""
    """Whose lane it belongs to; empty: the issue's own."""
    number: int = 0
    """The cycle's."""


def story_of(
    timeline: Timeline,
    policy: Policy,
    cycles: Sequence[Cycle],
    sayings: Iterable[Mapping[str, Any]],
    recalculations: Iterable[Publication] = (),
) -> list[Entry]:
    """All of it, oldest first; a due instant that lies ahead is among it.

    Args:
        timeline: what happened to the issue.
        policy: by which it is judged.
        cycles: its own.
        sayings: what was said about it, as rows.
        recalculations: the publications for which it was judged anew.
    """
    entries = [
        *_happened(timeline, policy),
        *_coverages(spans_of(timeline, policy)),
        *(entry for cycle in cycles for entry in _cycle(cycle)),
        *(_said(row) for row in sayings),
        *map(_recalculated, recalculations),
    ]
    entries.sort(key=attrgetter("at"))
    return entries


def _happened(timeline: Timeline, policy: Policy) -> Iterator[Entry]:
    if timeline.created_at:
        yield Entry(timeline.created_at, "created", "Created in Jira")
    if timeline.deleted_at:
        yield Entry(timeline.deleted_at, "deleted", "Deleted in Jira")
    for comment in timeline.comments:
        side = side_of(comment, timeline, policy.responders)
        if comment.public_from and side:
            who = "Public reply of a responder" if side == "support" else "Customer's message"
            kind: Kind = "reply" if side == "support" else "customer"
            yield Entry(comment.public_from, kind, f"{who}, comment {comment.id}")
    told = {*_ALWAYS_TOLD, *policy.field_names}
    for event in timeline.events:
        if isinstance(event, Changed) and event.field in told:
            name = _WORDS.get(event.field, event.field)
            words = f"{_capital(name)}: {shown(event.before)} → {shown(event.after)}"
            yield Entry(event.at, "change", words)


def shown(value: FieldValue) -> str:
    """A field's value for people; of one with many only the beginning."""
    text = ", ".join(value[:20]) if isinstance(value, tuple) else value or "none"
    if isinstance(value, tuple) and len(value) > 20:
        text = f"{_cut(text)} and more, {len(value):,} in all"
    return _cut(text) if isinstance(value, str) else text or "none"


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()}…"


def _coverages(spans: Sequence[Span]) -> Iterator[Entry]:
    for before, span in pairwise(spans):
        old, new = before.coverage, span.coverage
        changes = [
            f"{_before(name, was)} → {became or 'none'}"
            for name, was, became in (
                ("contract", _title(old), _title(new)),
                ("severity", old.severity, new.severity),
                ("tier", old.tier, new.tier),
                ("kind", old.kind, new.kind),
            )
            if was != became
        ]
        told = "; ".join(changes) or "another promise"
        yield Entry(span.since_at, "severity", f"{_capital(told)}, because {new.reason}")


def _title(coverage: Coverage) -> str | None:
    return coverage.contract.title if coverage.contract else None


def _recalculated(by: Publication) -> Entry:
    author = f", published by {by.author}" if by.author else ""
    reason = f": {by.reason}" if by.reason else ""
    return Entry(by.published_at, "severity", f"Recalculated by version {by.id}{author}{reason}")


def _before(name: str, was: str | None) -> str:
    """What it was; named, unless it says itself what it is: `Severity 2`."""
    return was if was and was.casefold().startswith(name) else f"{name} {was or 'none'}"


def _cycle(cycle: Cycle) -> Iterator[Entry]:
    def entry(at: datetime, kind: Kind, words: str) -> Entry:
        return Entry(at, kind, f"{name}: {words}", cycle.metric, cycle.number)

    name = _capital(cycle.words) + (f" {cycle.number}" if cycle.number > 1 else "")
    for promise in cycle.promises:
        first = promise is cycle.promises[0]
        said = f"{promise.goal.target.words}, {severity_in_words(promise.coverage.severity)}"
        at = cycle.started_at if first else promise.since_at
        yield entry(
            at, "started" if first else "promised",
            f"the clock starts, goal {said}" if first else f"promised anew, {said}",
        )  # fmt: skip
    for from_at, to_at in cycle.rest.over:
        yield entry(from_at, "paused", "paused")
        if cycle.ending is None or to_at < cycle.ending.at:
            yield entry(to_at, "resumed", f"runs again after {whole_minutes(to_at - from_at)}")
    if cycle.ending is None and cycle.rest.since_at:
        yield entry(cycle.rest.since_at, "paused", "paused; the due instant is unknown meanwhile")
    due_at = cycle.promise.due_at
    if cycle.state == "breached":
        yield entry(due_at, "breached", "was due, and breached")
    elif cycle.due_at and cycle.ending is None:
        yield entry(due_at, "due", "due")
    if cycle.ending:
        yield entry(cycle.ending.at, *_ended(cycle))


def _ended(cycle: Cycle) -> tuple[Kind, str]:
    reason = cycle.ending.reason if cycle.ending else ""
    if cycle.state == "met":
        return "met", f"met in time: {reason}"
    if cycle.state == "breached":
        late = cycle.stopped_at is not None
        return "late", f"{'met late' if late else 'over'}: {reason}"
    return "cancelled", f"owed no more: {reason}"


_OCCASIONS: Mapping[str, Kind] = {
    "warning": "warning", "breach": "breach", "escalation": "escalation", "request": "escalation",
}  # fmt: skip
"""Those that have marks of their own."""


def _said(row: Mapping[str, Any]) -> Entry:
    saying = msgspec.json.decode(row["saying"], type=Saying)
    kind = _OCCASIONS.get(saying.occasion, "said")
    words = name_of(saying.key, saying.facts)
    metric, _, rest = saying.key.partition("/")
    number = rest.partition("/")[0]
    of_metric = bool(saying.facts.get("metric")) and number.isdecimal()
    if row["state"] != "sent":
        words += f" ({STATES[row['state']]})"
    return Entry(
        row["at"], kind, words, metric if of_metric else "", int(number) if of_metric else 0
    )


STATES: Mapping[str, str] = {
    "pending": "waits to be written",
    "sent": "written",
    "given_up": "Jira refused it",
    "quiet": "from before this installation, never written",
    "withdrawn": "stopped being true before it was written",
}
"""What became of a saying."""
