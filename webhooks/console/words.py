"""How pages show instants, lengths, states and figures: the filters of the templates."""

from __future__ import annotations

from calendar import month_name
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from sla.contract import in_words
from sla.words import DAYS, MONTHS, length, local, utc

_DAY = timedelta(days=1)


def instant(at: datetime | None, zone: str = "UTC") -> Markup:
    """An instant as `<time>`: in a zone to read, in UTC for machines; a dash for none."""
    if at is None:
        return Markup('<span class="none">–</span>')
    return Markup('<time datetime="{}">{}</time>').format(utc(at), local(at, zone))


def ago(at: datetime | None, now: datetime) -> str:
    """How long before or after now: `3 min ago`, `in 2 h`, `in 3 days`; `never` for none."""
    if at is None:
        return "never"
    away = abs(at - now)
    if away < timedelta(seconds=1):
        return "now"
    if away >= 2 * _DAY:
        text = f"{away // _DAY} days"
    elif away >= timedelta(hours=1):
        text = f"{away // timedelta(hours=1)} h"
    elif away >= timedelta(minutes=1):
        text = f"{away // timedelta(minutes=1)} min"
    else:
        text = f"{away // timedelta(seconds=1)} s"
    return f"in {text}" if at > now else f"{text} ago"


def seconds(amount: float) -> str:
    """A length in seconds, for people: `1 h 30 min`."""
    return length(timedelta(seconds=round(amount)))


def number(value: float) -> str:
    """A figure with separators between thousands."""
    return f"{value:,}"


def day(of: date) -> str:
    """A date for people: `Thu 11 Jul 2024`."""
    return f"{DAYS[of.weekday()]} {of.day} {MONTHS[of.month - 1]} {of.year}"


def month(of: date) -> str:
    """The name of a date's month: `July`."""
    return month_name[of.month]


def wall(at: datetime, zone: str) -> str:
    """An instant as one types it: `2024-07-11T09:00`."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType({
    "ago": ago,
    "day": day,
    "in_words": in_words,
    "instant": instant,
    "length": length,
    "month": month,
    "number": number,
    "seconds": seconds,
    "utc": utc,
    "wall": wall,
})  # fmt: skip
