"""Sites that are to be left alone for a while: no process and no restart forgets them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, or_, select

from sla.store import sites
from sla.store.schema import site_facts
from sla.store.upsert import insert

LONGEST = timedelta(minutes=90)
"""Nothing is put off for longer: what lies further ahead is from before the clock was set back."""
_UNTIL, _BECAUSE = "held_until", "held_because"


class Hold(msgspec.Struct, frozen=True):
    """Why a site is left alone, and until when."""

    until: datetime
    reason: str
    status: int | None
    """The HTTP status that told so; None where no answer came."""


def hold(connection: Connection, site: str, new: Hold, now: datetime) -> None:
    """Leave a site alone; of two that say so at once, the later end holds."""
    statement = insert(connection, site_facts).values(
        site=site, name=_UNTIL, value=_as_text(new.until)
    )
    # Texts of one length, so that the later instant is the larger text.
    old, arriving = site_facts.c.value, statement.excluded.value
    longer = or_(old < arriving, old > _as_text(now + LONGEST))
    entered = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "name"], set_={"value": arriving}, where=longer
        ).returning(site_facts.c.site)
    )
    if entered.first():
        sites.learn(connection, site, _BECAUSE, {"status": new.status, "reason": new.reason})


def held(connection: Connection, now: datetime) -> Mapping[str, Hold]:
    """The sites that are to be left alone at present."""
    rows = connection.execute(_entered())
    found = {(site, name): json.loads(value) for site, name, value in rows}
    ends = {
        site: datetime.fromisoformat(at) for (site, name), at in found.items() if name == _UNTIL
    }
    return {
        site: Hold(until, **found.get((site, _BECAUSE), {"reason": "", "status": None}))
        for site, until in ends.items()
        if now < until <= now + LONGEST
    }


@cache
def _entered() -> Select[Any]:
    """What is asked at every look of three lanes: two names, and no list of them to be expanded."""
    name = site_facts.c.name
    return select(site_facts.c.site, name, site_facts.c.value).where(
        or_(name == _UNTIL, name == _BECAUSE)
    )


def lift(connection: Connection, site: str) -> None:
    """Let a site be called again."""
    connection.execute(
        delete(site_facts).where(
            site_facts.c.site == site, site_facts.c.name.in_([_UNTIL, _BECAUSE])
        )
    )


def _as_text(at: datetime) -> str:
    return json.dumps(at.astimezone(UTC).isoformat(timespec="microseconds"))
