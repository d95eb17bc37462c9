"""Lengths, business days and shares as people write them: `1h 30m`, `1 business day`, `75%`."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from sla import words as sla_words

_LENGTH = re.compile(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+)\s*s)?")
_BUSINESS_DAYS = re.compile(r"(\d+)\s+business\s+days?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LONGEST = timedelta(days=366)
_MOST_DAYS = 366


class NoLengthError(ValueError):
    """The text does not look like a length at all."""


def delay(text: str) -> timedelta:
    """Read `2h`, `1h 30m`, `45m`, `90s`, or `0m` for at once.

    Raises:
        ValueError: it is none of these, or longer than a year.
    """
    found = _LENGTH.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise NoLengthError(
            f"is `{text}`, which is no length; write it like 2h, 1h 30m, 45m or 90s"
        )
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = (hours * 60 + minutes) * 60 + seconds
    if total > _LONGEST.total_seconds():
        raise ValueError(f"is `{text}`, longer than a year; give less, such as 2h")
    return timedelta(seconds=total)


def length(text: str) -> timedelta:
    """Read the same, but more than nothing.

    Raises:
        ValueError: as `delay`, or it is zero.
    """
    amount = delay(text)
    if not amount:
        raise ValueError(f"is `{text}`, no time at all; give more than zero, such as 30m")
    return amount


def business_days(text: str) -> int | None:
    """Read `1 business day` or `3 business days`; None for a text that is about something else.

    Raises:
        ValueError: it is about business days, but of none or of too many.
    """
    found = _BUSINESS_DAYS.fullmatch(text.strip())
    if found is None:
        return None
    days = int(found[1])
    if not 1 <= days <= _MOST_DAYS:
        raise ValueError(f"is `{text}`; give 1 to {_MOST_DAYS} business days")
    return days


def target(text: str) -> timedelta | int:
    """Read a goal: a length of open time, or a number of business days.

    Raises:
        ValueError: it is neither.
    """
    days = business_days(text)
    if days is not None:
        return days
    try:
        return length(text)
    except NoLengthError:
        message = f"is `{text}`, which is no target; write it like 2h, 45m or 1 business day"
        raise ValueError(message) from None


def share(text: str) -> float:
    """Read `75%` as 0.75.

    Raises:
        ValueError: it is no percentage between 0% and 100%, both excluded.
    """
    found = _SHARE.fullmatch(text.strip())
    if found is None or not 0 < float(found[1]) < 100:
        raise ValueError(f"is `{text}`; write a share of the goal between 0% and 100%, such as 75%")
    return float(found[1]) / 100


def percentage(text: str) -> Decimal:
    """Read `99.5%` exactly.

    Raises:
        ValueError: it is no percentage from 0% to 100%.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if found is None or Decimal(found[1]) > 100:
        raise ValueError(f"is `{text}`; write a percentage up to 100%, such as 99.5%")
    return Decimal(found[1])


def short(amount: timedelta) -> str:
    """A length in the one way that identifiers use: `1h30m`."""
    minutes, seconds = divmod(int(amount.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def in_words(written: str) -> str:
    """A goal as people read it, of what a contract writes: `30 min` of `30m`.

    What is no goal stays as it is: a contract of an earlier release may have written it.
    """
    try:
        read = target(written)
    except ValueError:
        return written
    return sla_words.length(read) if isinstance(read, timedelta) else written
