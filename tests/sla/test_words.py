"""Instants as machines and tables have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sla.words import iso, utc

ZONES = [UTC, timezone(timedelta(hours=-3)), ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")]
INSTANTS = st.datetimes(timezones=st.sampled_from(ZONES))


class Moment(datetime):
    """As a library may have its own."""


@given(INSTANTS | INSTANTS.map(lambda at: Moment.fromtimestamp(at.timestamp(), UTC)))
def test_the_short_way_to_write_an_instant_comes_to_the_same_as_the_long_one(at: datetime) -> None:
    assert iso(at) == at.isoformat()
    assert utc(at) == at.isoformat().replace("+00:00", "Z")
