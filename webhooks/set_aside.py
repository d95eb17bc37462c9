"""Deliveries that nothing could be made of: shown, put back to be tried again, or dismissed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from config.settings import Settings
from sla.store import audit, inbox
from sla.store.audit import Actor
from sla.words import utc
from webhooks.console.access.people import COMMAND_LINE
from webhooks.databases import opened
from webhooks.publishing import DEFAULT_SITE
from webhooks.questions import QuestionError

Action = Literal["replayed", "dismissed"]
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


def seen_to_lines(
    settings: Settings, now: Callable[[], datetime], action: Action, numbers: Sequence[int]
) -> Iterator[str]:
    """See to some deliveries, all or none; a line each.

    Raises:
        QuestionError: one of them is not among those that were set aside.
    """

    once = dict.fromkeys(numbers)

    def write(connection: Connection) -> None:
        for number in once:
            if not seen_to(connection, DEFAULT_SITE, now(), COMMAND_LINE, action, number):
                raise QuestionError(
                    f"delivery {number} is not among those that were set aside, "
                    "which `dueline inbox` lists; nothing was changed"
                )

    with opened(settings) as database:
        database.write(write)
    told = "is dismissed" if action == "dismissed" else "is to be tried again"
    yield from (f"delivery {number} {told}" for number in once)


def seen_to(
    connection: Connection, site: str, now: datetime, actor: Actor, action: Action, number: int
) -> bool:
    """Put back or dismiss one delivery, and record who did it.

    Args:
        connection: of a transaction that writes.
        site: the site that sent it, in whose audit log it is recorded.
        now: the present instant.
        actor: who does it.
        action: what is done; what is dismissed is forgotten with those that were handled.
        number: the delivery's.

    Returns:
        False: it is not among those that were set aside, and nothing was changed.
    """
    kept = inbox.one(connection, site, number, 0)
    if kept is None:
        return False
    if action == "replayed":
        done = inbox.replay_one(connection, site, number)
    else:
        done = inbox.dismiss(connection, site, number, f"dismissed by {actor.name}")
    if done:
        why = {"why": kept.note}
        audit.record(connection, site, now, actor, action, f"delivery {number}", why)
    return done


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
