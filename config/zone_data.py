"""What the clocks of time zones do by the zone data of this machine, kept to be held against.

A calendar's holidays are frozen when a version is published; when clocks change is the law of a
country, and comes with the machine's zone data. What it said is kept, so that another release of it
can be told by the days on which it differs.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from sla.zones import SECOND, from_micros, zone_clock

_YEARS_BEFORE, _YEARS_AHEAD = 3, 3


class Zone(msgspec.Struct, frozen=True):
    """When the clocks of a zone change."""

    ahead: int
    """Seconds east of UTC at the beginning."""
    changes: Sequence[tuple[datetime, int]]
    """Each with its instant, aware UTC, and the seconds east of UTC from then on."""


class Clocks(msgspec.Struct, frozen=True):
    """When the clocks of some zones change, within some years."""

    source: str
    """The release of the zone data, such as `tzdata 2025b`."""
    first_year: int
    last_year: int
    zones: Mapping[str, Zone]

    @property
    def first_day(self) -> date:
        """From which on they are known."""
        return date(self.first_year, 1, 1)


def clocks_here(zones: Iterable[str], now: datetime) -> Clocks:
    """What the clocks of some zones do around an instant, by the zone data of this machine."""
    first, last = now.year - _YEARS_BEFORE, now.year + _YEARS_AHEAD
    return Clocks(release(), first, last, {zone: _zone(zone, first, last) for zone in zones})


def compared(was: Clocks, zones: Iterable[str]) -> Clocks:
    """The same years and zones as were kept, by the zone data of this machine."""
    first, last = was.first_year, was.last_year
    here = {zone: _zone(zone, first, last) for zone in zones if zone in was.zones}
    return Clocks(release(), first, last, here)


def clock_days(clocks: Clocks, name: str) -> dict[date, str]:
    """What the clocks of a zone do on which local day, in words; on the first one how they go."""
    zone = clocks.zones[name]
    found = {clocks.first_day: f"clocks show {_shown(zone.ahead)}"}
    ahead = zone.ahead
    for at, then in zone.changes:
        local = at + timedelta(seconds=ahead)
        found[local.date()] = f"clocks go from {_shown(ahead)} to {_shown(then)} at {local:%H:%M}"
        ahead = then
    return found


def release() -> str:
    """Which release of the zone data this machine has."""
    for directory in zoneinfo.TZPATH:
        named = Path(directory, "tzdata.zi")
        if named.is_file():
            with named.open(encoding="utf-8") as file:
                return f"tzdata {file.readline().removeprefix('# version').strip()}"
    # Only a machine without zone data of its own is asked, and this import takes 15 ms.
    from importlib import metadata

    try:
        return f"tzdata {metadata.version('tzdata')}"
    except metadata.PackageNotFoundError:
        return "tzdata of an unknown release"


def _zone(name: str, first: int, last: int) -> Zone:
    clock = zone_clock(name, first, last)
    ahead, *then = [offset // SECOND for offset in clock.offsets]
    return Zone(ahead, list(zip(map(from_micros, clock.changes), then, strict=True)))


def _shown(ahead: int) -> str:
    minutes = abs(ahead) // 60
    return f"UTC{'-' if ahead < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
