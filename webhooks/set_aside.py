"""Deliveries that nothing could be made of: shown, and put back to be tried again."""

from __future__ import annotations

from collections.abc import Iterator

from config.settings import Settings
from sla.store import inbox
from sla.words import utc
from webhooks.databases import opened

_SHOWN = 100


def inbox_lines(settings: Settings, *, replay: bool) -> Iterator[str]:
    """What was set aside, a line each; with `replay` it waits to be handled again."""
    with opened(settings, must_exist=True) as database:
        tally = database.read(inbox.tally)
        yield ", ".join(f"{number} {state}" for state, number in sorted(tally.items())) or "empty"
        for number, received_at, state, note in database.read(lambda c: inbox.set_aside(c, _SHOWN)):
            yield f"{number}  {utc(received_at)}  {state}: {note}"
        if replay:
            yield f"{database.write(inbox.replay)} to be tried again"
