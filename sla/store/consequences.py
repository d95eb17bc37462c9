"""What would be written to Jira, if an issue were decided anew: told before it is done.

It is what saving a decision comes to, with the ledger as it is: what was said is not said again,
what lies before this installation's time is recorded and not announced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, repeat
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, case, select, union_all

from sla.contract import NO_ACTIONS, Actions, in_words
from sla.decide import Decision
from sla.effects import Fields, Occasion, Saying, as_stored
from sla.store.open_issues import Range
from sla.store.outbox import encoded
from sla.store.schema import issue_keys, issues, promises, refers, sayings
from sla.words import many

LINK = "link"
"""Among the SLA fields the one that is no field of Jira: the link on the issue."""
_TO_BE_UPDATED = frozenset({"sent", "pending", "given_up"})
_SETTLED = ("sent", "quiet")
_ROLES = sorted({*Fields.__struct_fields__} - {LINK})
_values = attrgetter(*_ROLES)
_ID = itemgetter(0)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Said(NamedTuple):
    """An entry of the ledger."""

    state: str
    is_unsent: bool
    """Whether it certainly did not leave yet."""
    saying: bytes | None
    """As it is stored; None: no clock's saying is ever brought up to date."""


Ledger = Mapping[str, Said]


class Comment(msgspec.Struct, frozen=True, gc=False):
    """Something that would be said on an issue."""

    key: str
    """Of the saying, unique within the issue: `first_response/1/breach`."""
    occasion: Occasion
    at: datetime
    """When it became true, aware UTC."""
    is_new: bool
    """Whether it would be a comment more; else an earlier one is brought up to date."""
    actions: Sequence[str] = ()
    """What would be done beside it: `assign`, `labels`."""


class Effects(msgspec.Struct, frozen=True, gc=False):
    """What would be written because of one issue."""

    issue: str
    """The issue's key, or Jira's id of it where no key was heard."""
    fields: Mapping[str, Sequence[Any]]
    """By role of an SLA field what it shows and what it would show."""
    link: bool
    """Whether the link on the issue would show something else."""
    comments: Sequence[Comment]
    withdrawn: Sequence[str]
    """The keys of what waits to be said, and would not be said any more."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """How much would be written because of some issues."""

    fields: int = 0
    """Of how many issues the SLA fields."""
    links: int = 0
    """Of how many issues the link."""
    comments: Mapping[str, int] = {}
    """By occasion: `warning`, `breach`, `escalation`."""
    brought_up_to_date: int = 0
    """How many comments that are there already."""
    withdrawn: int = 0
    """How much that waits to be said."""
    actions: Mapping[str, int] = {}
    """What else alerts ask for, by what it is: `assign`, `labels`."""

    def parts(self) -> Iterator[str]:
        """How much of each kind, in words."""
        if self.fields:
            yield f"the fields of {many(self.fields, 'issue')}"
        if self.links:
            yield f"the links of {many(self.links, 'issue')}"
        for occasion, count in self.comments.items():
            yield many(count, f"{occasion} comment")
        if self.brought_up_to_date:
            yield f"{many(self.brought_up_to_date, 'comment')} brought up to date"
        if self.withdrawn:
            yield f"{self.withdrawn:,} waiting to be said and withdrawn"
        for name, count in self.actions.items():
            yield f"{in_words(name)} as an alert asks, {many(count, 'time')}"


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What is on record of an issue that is decided anew."""

    ledger: Ledger
    fields: str | None
    """The SLA fields as they stand, as JSON; None: they were never touched."""
    quiet_before: datetime
    """What became true before this instant is recorded and not announced."""


def effects(issue: str, decision: Decision, standing: Standing, *, deleted: bool) -> Effects | None:
    """What would be written because of a decision; None: nothing.

    Args:
        issue: how people call it.
        decision: what would hold; its ledger held the keys of `said`.
        standing: what is on record.
        deleted: whether Jira has the issue no more: its fields are not written.
    """
    changed, link = ({}, False) if deleted else _differing(standing.fields, decision.fields)
    comments = [
        _comment(each, standing.ledger)
        for each in decision.sayings
        if each.at >= standing.quiet_before and _is_entered(each, standing.ledger)
    ]
    withdrawn = [
        key
        for key, each in standing.ledger.items()
        if each.state == "pending" and each.is_unsent and key not in decision.standing
    ]
    if not (changed or link or comments or withdrawn):
        return None
    return Effects(issue, changed, link, comments, sorted(withdrawn))


def said(ledger: Ledger) -> frozenset[str]:
    """The keys of what was decided before and not taken back."""
    return frozenset(key for key, each in ledger.items() if each.state != "withdrawn")


def counted(all_effects: Collection[Effects]) -> Written:
    """How much would be written."""
    comments = [comment for each in all_effects for comment in each.comments]
    new = Counter(each.occasion for each in comments if each.is_new)
    return Written(
        fields=sum(bool(each.fields) for each in all_effects),
        links=sum(each.link for each in all_effects),
        comments=dict(sorted(new.items())),
        brought_up_to_date=sum(not each.is_new for each in comments),
        withdrawn=sum(len(each.withdrawn) for each in all_effects),
        actions=dict(sorted(Counter(name for each in comments for name in each.actions).items())),
    )


def ledgers(connection: Connection, site: str, within: Range) -> dict[str, Ledger]:
    """What was decided to be said on the issues of a range, by issue: one statement."""
    # Only what no clock brought is ever brought up to date, and needs to be compared.
    compared = case((sayings.c.urgent, None), else_=sayings.c.saying)
    rows = connection.execute(
        within.limit(
            select(
                sayings.c.issue_id, sayings.c.key, sayings.c.state,
                sayings.c.attempted_at.is_(None), compared,
            ).where(sayings.c.site == site),
            sayings.c.issue_id,
        ).order_by(sayings.c.issue_id)
    )  # fmt: skip
    return {
        issue_id: {
            key: Said(state, bool(is_unsent), saying) for _, key, state, is_unsent, saying in its
        }
        for issue_id, its in groupby(rows, _ID)
    }


def waiting(connection: Connection, site: str, within: Range) -> frozenset[str]:
    """The issues of a range of which something decided may still leave, or be decided anew."""
    statement = (
        select(sayings.c.issue_id)
        .where(sayings.c.site == site, sayings.c.state.not_in(_SETTLED))
        .distinct()
    )
    return frozenset(connection.execute(within.limit(statement, sayings.c.issue_id)).scalars())


def promised(
    connection: Connection, site: str, within: Range, contracts: Collection[str]
) -> frozenset[str]:
    """The issues of a range to which one of some contracts ever promised anything."""
    statement = (
        select(promises.c.issue_id)
        .where(promises.c.site == site, promises.c.contract.in_(contracts))
        .distinct()
    )
    return frozenset(connection.execute(within.limit(statement, promises.c.issue_id)).scalars())


def ties(connection: Connection, site: str) -> dict[str, frozenset[str]]:
    """The issues that refer to others, or are referred to, as recorded, each with those others."""
    named = connection.execute(
        select(refers.c.issue_id, refers.c.other).where(refers.c.site == site)
    ).all()
    known = named_by(connection, site, {other for _, other in named})
    found: dict[str, set[str]] = {}
    for issue_id, name in named:
        for other in known.get(name, ()):
            found.setdefault(issue_id, set()).add(other)
            found.setdefault(other, set()).add(issue_id)
    return {issue_id: frozenset(others - {issue_id}) for issue_id, others in found.items()}


def named_by(connection: Connection, site: str, names: Iterable[str]) -> dict[str, set[str]]:
    """The known issues by what others call them: their ids, and every key that they ever had."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    by_id = select(issues.c.issue_id, issues.c.issue_id).where(
        issues.c.site == site, issues.c.issue_id.in_(wanted)
    )
    by_key = select(issue_keys.c.key, issue_keys.c.issue_id).where(
        issue_keys.c.site == site, issue_keys.c.key.in_(wanted)
    )
    found: dict[str, set[str]] = {}
    for name, issue_id in connection.execute(union_all(by_id, by_key)):
        found.setdefault(name, set()).add(issue_id)
    return found


def _differing(before: str | None, fields: Fields | None) -> tuple[dict[str, Sequence[Any]], bool]:
    """The fields that would show something else, and whether the link would."""
    # Value by value: to write all of them as JSON, and to read that again, took 12 us an issue.
    was = _decode(before) if before else {}
    link = was.pop(LINK, None)
    if fields is None and not was:
        return {}, link is not None
    found: dict[str, Sequence[Any]] = {}
    # What was shown and holds no longer is cleared.
    for role, value in zip(_ROLES, _values(fields) if fields else repeat(None), strict=False):
        shown = was.get(role)
        # Most texts and numbers are as they were, and need not be put as the tables have them.
        if shown != value and shown != (stands := as_stored(value)):
            found[role] = (shown, stands)
    standing = fields.link if fields else None
    is_alike = standing.reads(link) if standing and link else standing is link
    return found, not is_alike


def _is_entered(saying: Saying, ledger: Ledger) -> bool:
    """Whether the ledger would take it: it is new, was taken back, or reads otherwise now."""
    before = ledger.get(saying.key)
    if before is None or before.state == "withdrawn":
        return True
    return saying.revisable and before.state in _TO_BE_UPDATED and before.saying != encoded(saying)


def _comment(saying: Saying, ledger: Ledger) -> Comment:
    before = ledger.get(saying.key)
    is_new = before is None or before.state == "withdrawn"
    return Comment(saying.key, saying.occasion, saying.at, is_new, _asked(saying.actions))


def _asked(actions: Actions) -> Sequence[str]:
    if actions == NO_ACTIONS:
        return ()
    return tuple(
        name
        for name in Actions.__struct_fields__
        if getattr(actions, name) != getattr(NO_ACTIONS, name)
    )
