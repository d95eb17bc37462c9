"""Deliveries that nothing could be made of: shown, and put back to be tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from config.settings import Settings
from sla.store import audit, inbox
from sla.store.audit import Actor
from sla.words import utc
from webhooks.console.access.people import COMMAND_LINE
from webhooks.databases import opened
from webhooks.publishing import DEFAULT_SITE

_SHOWN = 100


def inbox_lines(settings: Settings, now: Callable[[], datetime], *, replay: bool) -> Iterator[str]:
    """What was set aside, a line each; with `replay` it waits to be handled again."""
    with opened(settings) as database:
        tally = database.read(inbox.tally)
        yield ", ".join(f"{number} {state}" for state, number in sorted(tally.items())) or "empty"
        for number, received_at, state, note in database.read(lambda c: inbox.set_aside(c, _SHOWN)):
            yield f"{number}  {utc(received_at)}  {state}: {note}"
        if replay:
            again = database.write(lambda c: replayed(c, DEFAULT_SITE, now(), COMMAND_LINE))
            yield f"{again} to be tried again"


def replayed(connection: Connection, site: str, now: datetime, actor: Actor) -> int:
    """Put back all that was set aside, and record who did it; how much.

    Args:
        connection: of a transaction that writes.
        site: in whose audit log it is recorded.
        now: the present instant.
        actor: who does it.
    """
    number = inbox.replay(connection)
    if number:
        subject = "every delivery that was set aside"
        audit.record(connection, site, now, actor, "replayed", subject, {"number": number})
    return number
