"""Sites that are to be left alone: whoever says so, and however often the service starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import permutations

import pytest

from sla.store import holds
from sla.store.database import Database
from sla.store.holds import Hold
from tests.sla.example import NINE, at

SITE = "acme"


def hold(database: Database, until: datetime, reason: str = "503", now: datetime = NINE) -> None:
    new = Hold(until, reason, 503)
    database.write(lambda c: holds.hold(c, SITE, new, now))


def held(database: Database, now: datetime = NINE) -> Mapping[str, Hold]:
    return database.read(lambda c: holds.held(c, now))


def test_a_site_is_held_until_its_end(database: Database) -> None:
    assert held(database) == {}
    hold(database, at(1))
    assert held(database) == {SITE: Hold(at(1), "503", 503)}
    assert held(database, at(1)) == {}


@pytest.mark.parametrize("hours", list(permutations([0.25, 0.5, 1.0])))
def test_of_several_the_latest_end_wins(database: Database, hours: tuple[float, ...]) -> None:
    for hour in hours:
        hold(database, at(hour), str(hour))
    assert held(database)[SITE] == Hold(at(1), "1.0", 503)


def test_an_end_that_no_pause_explains_is_not_believed(database: Database) -> None:
    hold(database, at(48), "before the clock was set back", now=at(47))
    assert held(database) == {}
    hold(database, at(0.1), "503")
    assert held(database) == {SITE: Hold(at(0.1), "503", 503)}


def test_a_hold_can_be_lifted(database: Database) -> None:
    hold(database, at(1))
    database.write(lambda c: holds.lift(c, SITE))
    assert held(database) == {}
    hold(database, at(0.5))
    assert held(database)[SITE].until == at(0.5)
