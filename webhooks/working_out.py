"""Works a preview out in a process of its own: `python -m webhooks.working_out`.

The service has threads and cannot fork; and to fold every open issue takes all of a processor for
seconds, which a delivery must not wait for. What is asked comes in by the standard input: a command
line would show the database's password. Out come lines: how many parts are done, and at the end
what was found.
"""

from __future__ import annotations

import os
import sys
import zlib
from base64 import b64encode
from datetime import datetime

import msgspec

from config.calendar_changes import CalendarChange
from sla.store.consequences import Written

# Beside what answers Jira this is the work that can wait.
_NICE = 15
_FAST = 1


class Asked(msgspec.Struct, frozen=True):
    """What is to be worked out."""

    url: str
    """The database's address."""
    text: str
    """The configuration that might come into force, as it would be published."""
    now: datetime


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the answer."""

    done: int = 0
    parts: int = 0
    found: Found | None = None
    """At the end."""
    error: str = ""
    """Why it cannot be found out."""


class Found(msgspec.Struct, frozen=True):
    """What a preview says, and what moves, packed."""

    before: str
    after: str
    changes: list[str]
    looked_at: int
    unread: int
    counts: dict[str, int]
    contracts: dict[str, dict[str, int]]
    written: Written
    calendars: list[CalendarChange]
    kept: dict[str, int]
    kept_written: Written
    moves: str
    moved_before: int = 0


def main() -> None:
    """Answer one question."""
    os.nice(_NICE)

    from config.configuration import Configuration
    from sla.errors import StoreError
    from sla.store.database import Database
    from webhooks.folding import processors
    from webhooks.planning import plan_for

    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    after = Configuration.from_text(asked.text)
    try:
        plan = plan_for(
            Database(asked.url), asked.url, after, asked.now,
            processes=max(1, processors() - 1), progress=lambda done, parts: _tell(
                Told(done=done, parts=parts)
            ),
        )  # fmt: skip
    except StoreError as error:
        _tell(Told(error=str(error)))
        return
    packed = zlib.compress(msgspec.msgpack.encode(plan.moves), _FAST)
    contracts = {name: dict(counts) for name, counts in plan.by_contract()}
    _tell(Told(found=Found(
        plan.before, plan.after, [str(each) for each in plan.changes], plan.looked_at, plan.unread,
        dict(plan.counts), contracts, plan.outcome.written, [*plan.calendars],
        dict(plan.kept.counts), plan.kept.written, b64encode(packed).decode(), plan.moved_before,
    )))  # fmt: skip


def _tell(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
