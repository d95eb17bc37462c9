"""What an issue's history keeps of a change, however it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.simulator.model import Account, Change, History, Issue
from connector.simulator.values import word_value
from connector.simulator.world import World


def remember(
    world: World, issue: Issue, account: Account, at: datetime, changes: Sequence[Change]
) -> History | None:
    """Write changes into the issue's history, as one entry; nothing when there are none."""
    issue.updated = at
    if not changes:
        return None
    history = History(str(world.next_number("history")), account.email, at, tuple(changes))
    issue.history.append(history)
    return history


def differences(world: World, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what changed between two sets of canonical values, by field id."""
    changes = []
    for name in sorted(after):
        old, new = before.get(name), after[name]
        if old != new:
            field = world.site.fields[name]
            changes.append(
                Change(
                    field.name if field.custom else name,
                    name,
                    field.custom,
                    *word_value(world, field, old),
                    *word_value(world, field, new),
                )
            )
    return changes


def fieldless(name: str, old: str | None, new: str | None, **texts: str | None) -> Change:
    """Return a change of something that is no field, so that Jira gives no `fieldId` either.

    `old_text` and `new_text` are what people read.
    """
    old_text, new_text = texts.get("old_text"), texts.get("new_text")
    return Change(name, None, False, old, old_text, new, new_text)
