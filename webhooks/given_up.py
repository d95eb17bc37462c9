"""What Jira does not have yet, and what it was never to have: shown, and put back to be tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection

from config.settings import Settings
from sla.store import audit, holds, outbox
from sla.store.audit import Actor
from sla.store.outbox import Waiting
from sla.words import utc
from webhooks.console.access.people import COMMAND_LINE
from webhooks.databases import opened
from webhooks.publishing import DEFAULT_SITE

_SHOWN = 100


def outbox_lines(
    settings: Settings, now: Callable[[], datetime], *, retry: bool = False, key: str | None = None
) -> Iterator[str]:
    """What waits and what was given up, a line each.

    Args:
        settings: with the database.
        now: the clock.
        retry: put back what was given up, to be tried again by the service.
        key: with `retry`, that of one issue alone.
    """
    with opened(settings) as database:
        at = now()
        yield from _counted(database.read(outbox.counts))
        for site, hold in sorted(database.read(lambda c: holds.held(c, at)).items()):
            yield f"site {site} is left alone until {utc(hold.until)}: {hold.reason}"
        for waiting in database.read(lambda c: outbox.waiting(c, _SHOWN)):
            yield _line(waiting)
        if retry:
            number = database.write(lambda c: tried_again(c, DEFAULT_SITE, at, COMMAND_LINE, key))
            yield f"{number} to be tried again"


def tried_again(
    connection: Connection, site: str, now: datetime, actor: Actor, key: str | None = None
) -> int:
    """Put back what was given up, and record who did it; how much.

    Args:
        connection: of a transaction that writes.
        site: in whose audit log it is recorded.
        now: the present instant.
        actor: who does it.
        key: that of one issue alone; None: of all.
    """
    number = outbox.try_again(connection, key, now)
    if number:
        subject = key or "everything that was given up"
        audit.record(connection, site, now, actor, "tried again", subject, {"number": number})
    return number


def _counted(counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for what, by_state in counts.items():
        some = [
            f"{number} {state.replace('_', ' ')}"
            for state, number in sorted(by_state.items())
            if number
        ]
        yield f"{what}: {', '.join(some) or 'none'}"


def _line(waiting: Waiting) -> str:
    since = f" of {utc(waiting.since)}" if waiting.since else ""
    if waiting.again_at is None:
        state = "given up"
    else:
        tried = f"failed {waiting.attempts} times, " if waiting.attempts else ""
        state = f"{tried}next at {utc(waiting.again_at)}"
    why = f": {waiting.error}" if waiting.error else ""
    return f"{waiting.issue}  {waiting.what}{since}  {state}{why}"
