"""Time zones that may not be the ones meant: by what texts call them, or fixed all year round."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from config.lints.checked import Checked, Finding
from config.lints.said import texts_of
from sla.calendar import Calendar

_OFFSETS = {
    "GMT": 0, "UTC": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Hours east of UTC; as used in Europe and North America."""
_HALVES = (
    ("GMT", "BST"), ("WET", "WEST"), ("CET", "CEST"), ("EET", "EEST"), ("EST", "EDT"),
    ("CST", "CDT"), ("MST", "MDT"), ("PST", "PDT"),
)  # fmt: skip
_OTHER_HALF = {a: b for pair in _HALVES for a, b in (pair, pair[::-1])}
_ABBREVIATION = re.compile(rf"(?<![A-Za-z])({'|'.join(_OFFSETS)})(?![A-Za-z+-])")
_REGION = re.compile(
    r"\b(?:(?:Western|Central|Eastern) European|Eastern|Central|Mountain|Pacific) Time\b"
)
_FIXED = re.compile(r"EST|MST|Etc/GMT[+-]\d+")
_PLACES = {
    -9: "America/Anchorage", -8: "America/Los_Angeles", -7: "America/Denver",
    -6: "America/Chicago", -5: "America/New_York", -4: "America/Halifax", 1: "Europe/Berlin",
    2: "Europe/Athens", 10: "Australia/Sydney", 12: "Pacific/Auckland",
}  # fmt: skip
"""By hours east of UTC in winter, somewhere where the clocks change."""


def names_in_texts(checked: Checked) -> Iterator[Finding]:
    """“GMT”, “EST” and the like where the clocks change, and names of regions where they do not."""
    for used, calendar in checked.calendars:
        if calendar.always_open:
            continue
        zones = [_Zone.read(name, checked.today.year) for name in _zones_of(calendar)]
        for said in texts_of(used, checked):
            doubts = [*_doubts(said.text, zones)]
            if doubts:
                yield said.finding(checked, f"{'; '.join(doubts)} (calendar {used.key})")
                # The calendar's own words would say the same once more.
                break


@dataclass(frozen=True, slots=True)
class _Zone:
    """What a zone's clocks show in winter and in summer."""

    name: str
    offsets: tuple[timedelta, timedelta]
    """East of UTC, in January and July."""
    shown: tuple[str, str]

    @classmethod
    def read(cls, name: str, year: int) -> _Zone:
        january, july = (datetime(year, month, 15, tzinfo=ZoneInfo(name)) for month in (1, 7))
        offsets = january.utcoffset() or timedelta(0), july.utcoffset() or timedelta(0)
        return cls(name, offsets, (january.tzname() or "", july.tzname() or ""))

    @property
    def changes(self) -> bool:
        return self.offsets[0] != self.offsets[1]


def _zones_of(calendar: Calendar) -> list[str]:
    openings = [
        each for day in (*calendar.weekly.values(), *calendar.extra_days.values()) for each in day
    ]
    named = [end.zone for each in openings for end in (each.opens, each.closes) if end.zone]
    return list(dict.fromkeys([calendar.time_zone, *named]))


def _doubts(text: str, zones: Sequence[_Zone]) -> Iterator[str]:
    words = dict.fromkeys(_ABBREVIATION.findall(text))
    for word in words:
        # Whoever names both halves of the year knows that the clocks change.
        if _OTHER_HALF.get(word) not in words:
            yield from _doubt(word, timedelta(hours=_OFFSETS[word]), zones)
    region = _REGION.search(text)
    if region and not any(zone.changes for zone in zones):
        yield (
            f"says “{region[0]}”, whose clocks change, and {zones[0].name} never does; name a "
            "place, such as Europe/Lisbon or America/New_York, if the clocks there are meant"
        )


def _doubt(word: str, offset: timedelta, zones: Sequence[_Zone]) -> Iterator[str]:
    if any(zone.offsets == (offset, offset) for zone in zones):
        return
    near = next((zone for zone in zones if offset in zone.offsets), None)
    fixed = _fixed_name(offset)
    if near:
        yield (
            f"says {word}, and {near.name} shows {near.shown[0]} in January and {near.shown[1]} in "
            f"July; use {fixed} if {word} is meant all year round"
        )
    else:
        found = " and ".join(zone.name for zone in zones)
        yield f"says {word}, and {found} never shows that; use {fixed}, or the place that is meant"


def _fixed_name(offset: timedelta) -> str:
    """The zone without clock changes; in its name the sign counts the other way."""
    hours = int(offset / timedelta(hours=1))
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/UTC"


def fixed_offsets(checked: Checked) -> Iterator[Finding]:
    """Zones named by their offset, which keep it in summer."""
    for used, calendar in checked.calendars:
        for name in _zones_of(calendar) if not calendar.always_open else ():
            hours = int(_Zone.read(name, checked.today.year).offsets[0] / timedelta(hours=1))
            if not _FIXED.fullmatch(name) or not hours:
                continue
            where = "behind" if hours < 0 else "ahead of"
            place = _PLACES.get(hours)
            there = f"by the clocks of {place}" if place else "by clocks that are put forward"
            yield used.finding(
                ("time_zone",) if name == calendar.time_zone else ("weekly",),
                f"is {name}, {abs(hours)} h {where} UTC all year round: in summer these hours are "
                f"an hour later {there}; name a place"
                f"{f' such as {place}' if place else ''} unless that is meant",
            )
