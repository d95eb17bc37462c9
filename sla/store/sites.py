"""What was learned of each Jira, and every version of the policy that was ever in force."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, String, bindparam, select

from sla.store.schema import policies, site_facts
from sla.store.upsert import insert, insert_for


def learn(connection: Connection, site: str, name: str, value: Any) -> None:
    """Remember a fact of a site, as JSON."""
    learned = {"site": site, "name": name, "value": json.dumps(value, sort_keys=True)}
    connection.execute(_learn(connection.dialect.name), learned)


@cache
def _learn(dialect: str) -> Any:
    new = insert_for(dialect, site_facts)
    return new.on_conflict_do_update(
        index_elements=["site", "name"], set_={"value": new.excluded.value}
    )


def learn_once(connection: Connection, site: str, name: str, value: Any) -> None:
    """Remember a fact that never changes again, such as when the service was installed."""
    connection.execute(
        insert(connection, site_facts)
        .values(site=site, name=name, value=json.dumps(value))
        .on_conflict_do_nothing()
    )


def known(connection: Connection, site: str, name: str) -> Any:
    """A remembered fact, or None."""
    text = connection.execute(_known(), {"site": site, "name": name}).scalar()
    return None if text is None else json.loads(text)


@cache
def _known() -> Select[Any]:
    """What every process asks several times a second: see `sla.store.outbox`."""
    return select(site_facts.c.value).where(
        site_facts.c.site == bindparam("site", type_=String),
        site_facts.c.name == bindparam("name", type_=String),
    )


def several(connection: Connection, site: str, names: Sequence[str]) -> dict[str, Any]:
    """What was remembered under each of some names, or None."""
    rows = connection.execute(
        select(site_facts.c.name, site_facts.c.value).where(
            site_facts.c.site == site, site_facts.c.name.in_(names)
        )
    )
    found = {name: json.loads(value) for name, value in rows}
    return {name: found.get(name) for name in names}


def publish(connection: Connection, version: str, text: str, now: datetime) -> bool:
    """Keep a version of the configuration for ever; False when it is known already."""
    new = insert(connection, policies).values(version=version, text=text, published_at=now)
    known = new.on_conflict_do_nothing().returning(policies.c.version)
    return connection.execute(known).first() is not None


def published_at(connection: Connection, version: str) -> datetime | None:
    """When a version of the policy was published; None where it never was."""
    found: datetime | None = connection.execute(
        select(policies.c.published_at).where(policies.c.version == version)
    ).scalar()
    return found


def published(connection: Connection, version: str) -> str | None:
    """The text of a version, or None."""
    return connection.execute(select(policies.c.text).where(policies.c.version == version)).scalar()


def take_turn(
    connection: Connection, site: str, name: str, now: datetime, every: timedelta
) -> bool:
    """Whether something that is done every so often is due, and this process is to do it.

    Of several that ask at once one is told so. A turn that lies further ahead than its period is
    from before the clock was set back.
    """
    next_at = known(connection, site, name)
    if next_at and now < datetime.fromisoformat(next_at) <= now + every:
        return False
    mine = insert(connection, site_facts).values(
        site=site, name=name, value=json.dumps((now + every).isoformat())
    )
    # Unless another process took it since it was looked at.
    taken = mine.on_conflict_do_update(
        index_elements=["site", "name"],
        set_={"value": mine.excluded.value},
        where=site_facts.c.value == json.dumps(next_at),
    ).returning(site_facts.c.name)
    return connection.execute(taken).first() is not None
