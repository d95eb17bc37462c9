"""Downtime entered by hand: kept exactly, closed once, called by a number that stays its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sla.availability import Downtime, DowntimeError
from sla.store import downtimes
from sla.store.database import Database
from sla.store.downtimes import Entered
from tests.sla.example import NINE, at


def add(
    database: Database,
    when: datetime = NINE,
    *,
    site: str = "acme",
    scope: str = "balto",
    **more: Any,
) -> Entered:
    return database.write(
        lambda c: downtimes.add(c, site, scope, confirmed_at=when, now=at(10), **more)
    )


def close(database: Database, number: int, when: datetime, site: str = "acme") -> Entered:
    return database.write(lambda c: downtimes.close(c, site, number, when))


def remove(database: Database, number: int, site: str = "acme") -> Entered:
    return database.write(lambda c: downtimes.remove(c, site, number))


def numbers(database: Database, *scopes: str, site: str = "acme") -> list[int]:
    entries = database.read(lambda c: downtimes.listed(c, site, scopes or None))
    return [entry.id for entry in entries]


def test_an_entry_is_kept_as_it_was_made(database: Database) -> None:
    made = add(
        database,
        restored_at=at(1) + timedelta(microseconds=1),
        kind="Pilot",
        customers=("Acme", 'Søren "S" & Co'),
        note="a\nnote",
    )
    assert made == Entered(
        1,
        "balto",
        Downtime(
            "entered 1",
            NINE,
            at(1) + timedelta(microseconds=1),
            "Pilot",
            ("Acme", 'Søren "S" & Co'),
            "a\nnote",
        ),
        at(10),
    )
    assert database.read(lambda c: downtimes.listed(c, "acme")) == [made]


def test_only_the_confirmation_is_needed(database: Database) -> None:
    assert add(database).downtime == Downtime("entered 1", NINE)


def test_any_zone_is_kept_as_utc(database: Database) -> None:
    made = add(database, NINE.astimezone(timezone(timedelta(hours=-5))))
    assert made.downtime.confirmed_at == NINE
    assert made.downtime.confirmed_at.tzinfo is UTC


def test_what_makes_no_sense_is_not_kept(database: Database) -> None:
    with pytest.raises(DowntimeError, match=r"this entry: restored at .* before it was confirmed"):
        add(database, restored_at=at(-1))
    with pytest.raises(DowntimeError, match=r"this entry: confirmed_at: .* has no time zone"):
        add(database, datetime(2026, 6, 10))  # noqa: DTZ001
    assert numbers(database) == []


def test_they_are_listed_by_confirmation_for_a_site_and_scope(database: Database) -> None:
    add(database, at(2))
    add(database, at(1))
    add(database, at(1), scope="BIT")
    add(database, at(0), site="other")
    assert numbers(database) == [2, 3, 1]
    assert numbers(database, "balto") == [2, 1]
    assert numbers(database, "balto", "BIT") == [2, 3, 1]
    assert numbers(database, "nothing") == []
    assert numbers(database, site="other") == [4]


def test_closing_says_when_the_service_was_restored(database: Database) -> None:
    made = add(database, kind="Pilot", customers=("Acme",), note="why")
    closed = close(database, 1, at(3))
    assert closed.downtime == Downtime("entered 1", NINE, at(3), "Pilot", ("Acme",), "why")
    assert closed.entered_at == made.entered_at
    assert database.read(lambda c: downtimes.get(c, "acme", 1)) == closed


def test_what_is_closed_stays_as_it_is(database: Database) -> None:
    add(database, restored_at=at(1))
    with pytest.raises(DowntimeError, match="entered 1: was closed already, as restored at 2024"):
        close(database, 1, at(3))
    assert database.read(lambda c: downtimes.get(c, "acme", 1)).downtime.restored_at == at(1)


def test_it_cannot_be_restored_before_it_was_confirmed(database: Database) -> None:
    add(database)
    with pytest.raises(DowntimeError, match=r"entered 1: restored at .* before it was confirmed"):
        close(database, 1, at(-1))
    assert database.read(lambda c: downtimes.get(c, "acme", 1)).downtime.restored_at is None


def test_a_removed_entry_is_gone_and_its_number_is_not_given_again(database: Database) -> None:
    made = add(database)
    assert remove(database, 1) == made
    assert numbers(database) == []
    assert add(database).id == 2


@pytest.mark.parametrize("act", [remove, lambda d, n, **s: close(d, n, at(1), **s)])
def test_there_is_no_such_entry(database: Database, act: Any) -> None:
    add(database)
    for number, site in ((7, "acme"), (1, "other")):
        with pytest.raises(DowntimeError, match=f"entered {number}: there is no such entry"):
            act(database, number, site=site)
    assert numbers(database) == [1]
