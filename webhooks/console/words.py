"""How pages show instants, lengths, states and figures: the filters of the templates."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from markupsafe import Markup

from config import lengths
from sla.contract import in_words, severity_in_words
from sla.words import DAYS, MONTHS, length, local, many, utc, whole_minutes

_COMMENT = re.compile(r"\bcomment (\d+)\b")
_DAY = timedelta(days=1)


def instant(at: datetime | None, zone: str = "UTC") -> Markup:
    """An instant as `<time>`: in a zone to read, in UTC for machines; a dash for none."""
    if at is None:
        return Markup('<span class="none">–</span>')
    return Markup('<time datetime="{}">{}</time>').format(utc(at), local(at, zone))


def ago(at: datetime | None, now: datetime) -> str:
    """How long before or after now: `3 min ago`, `in 2 h 5 min`, `in 3 days`; `never` for none."""
    if at is None:
        return "never"
    away = abs(at - now)
    if away < timedelta(seconds=1):
        return "now"
    if away >= 2 * _DAY:
        text = f"{away // _DAY} days"
    elif away >= timedelta(minutes=1):
        text = at_a_glance(away)
    else:
        text = f"{away // timedelta(seconds=1)} s"
    return f"in {text}" if at > now else f"{text} ago"


def at_a_glance(amount: timedelta) -> str:
    """A length as every page tells it: in whole minutes, and never broken at the end of a line."""
    return _unbroken(whole_minutes(amount))


def seconds(amount: float) -> str:
    """The same of a number of seconds: `1 h 30 min`."""
    return at_a_glance(timedelta(seconds=round(amount)))


def exact(amount: float) -> str:
    """A number of seconds as it is, for steps that have to add up: `1 h 30 min 12 s`."""
    return _unbroken(length(timedelta(seconds=round(amount))))


def goal(written: str) -> str:
    """A goal, of what its contract writes: `30 min` of `30m`, `1 business day`."""
    return _unbroken(lengths.in_words(written))


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def number(value: float) -> str:
    """A figure with separators between thousands."""
    return f"{value:,}"


def with_comments(text: str, jira: str, key: str | None) -> Markup:
    """A sentence in which each comment that is named leads to it in Jira.

    Args:
        text: such as `met in time: public comment 10001 by a responder`.
        jira: its address, without a slash at its end; empty: nothing leads there.
        key: the issue's.
    """
    pieces = _COMMENT.split(text)
    if not (jira and key) or len(pieces) == 1:
        return Markup("{}").format(text)
    there = f"{jira}/browse/{quote(key)}?focusedCommentId="
    link = Markup('<a href="{}{}" rel="noreferrer">comment {}</a>')
    return Markup("").join(
        link.format(there, piece, piece) if nth % 2 else piece for nth, piece in enumerate(pieces)
    )


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
    "exact": exact,
    "goal": goal,
    "in_words": in_words,
    "instant": instant,
    "month": month,
    "number": number,
    "many": many,
    "seconds": seconds,
    "severity": severity_in_words,
    "utc": utc,
    "wall": wall,
    "with_comments": with_comments,
})  # fmt: skip
