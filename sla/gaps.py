"""Whether something of an issue was missed, told by what a search shows of its past.

A search answers for many issues at once, so that in the steady state no history is read: only an
issue of which a fact turns out to be missing is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from sla.timeline import CommentSeen, Event

_APART: Final = timedelta(seconds=1)
"""Jira stamps an issue, what changed in it and the webhook about it some milliseconds apart."""
_ONE_TICK: Final = timedelta(seconds=2)


class Shown(msgspec.Struct, frozen=True):
    """What Jira shows of an issue's past without being asked for it alone."""

    facts: tuple[Event, ...]
    """Without a sighting: what the fields say now is told by their changes."""
    latest_at: datetime
    """The latest change or version of a comment, whoever made it."""
    whole_since: datetime | None = None
    """What happened before this instant may be left out; None: all is shown."""


class Held(msgspec.Struct, frozen=True):
    """What is known of an issue."""

    facts: Mapping[str, datetime]
    """Each fact's identity, and its instant as it was heard."""
    seen_at: datetime | None
    """The latest instant to which a payload showed the issue's fields."""
    gone: bool = False
    """Whether it is taken for deleted."""


def is_behind(
    held: Held,
    shown: Shown | None,
    updated_at: datetime | None,
    checked_until: datetime | None,
    own_account: str,
) -> bool:
    """Whether Jira knows more of an issue than was heard, or may do so.

    Args:
        held: what is known of it.
        shown: what Jira shows of its past; None where it shows none.
        updated_at: Jira's own instant of its last update.
        checked_until: up to which update it is known that nothing is missing.
        own_account: Dueline's own, whose comments never count.
    """
    if shown is None or updated_at is None or held.gone:
        return True
    if shown.whole_since and (checked_until is None or checked_until < shown.whole_since):
        return True
    if any(_is_missing(fact, held, own_account) for fact in shown.facts):
        return True
    # An update that neither a change nor a comment explains was one of the fields alone.
    explained_until = max(shown.latest_at, held.seen_at or shown.latest_at)
    return explained_until + _APART < updated_at


def certain_until(updated_at: datetime, now: datetime) -> datetime:
    """Up to which of its updates an issue is known, when Jira says that this one was the last."""
    # Another update may follow within the same tick of Jira's clock.
    return updated_at - _ONE_TICK if updated_at > now - _ONE_TICK else updated_at


def _is_missing(fact: Event, held: Held, own_account: str) -> bool:
    if isinstance(fact, CommentSeen) and fact.author and fact.author.id == own_account:
        return False
    heard_at = held.facts.get(fact.identity)
    # What was heard as later than it was is not known either.
    return heard_at is None or heard_at > fact.at + _APART
