"""Reads an instant as people type it: with an offset, or as a local time of a calendar's zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sla.words import local, utc
from sla.zones import FIRST_YEAR, LAST_YEAR
from webhooks.questions import QuestionError

# What a plus in an address comes to, where nobody wrote it as %2B.
_LOST_PLUS = re.compile(r"(?<=:\d\d) (?=\d\d:\d\d$)")
_LONGEST = 100


def typed(name: str, text: str, zone: str) -> tuple[datetime, list[str]]:
    """Read an instant.

    Args:
        name: of the field in which it was typed, for messages.
        text: ISO 8601, with an offset or without.
        zone: whose local time it is without one.

    Returns:
        The instant in UTC; and sentences on a local time that does not exist, or happens twice.

    Raises:
        QuestionError: it is none; the message says what would be right.
    """
    if not text.strip():
        raise QuestionError(f"{name}: is missing; {_expected(zone)}")
    try:
        at = datetime.fromisoformat(_LOST_PLUS.sub("+", text.strip()[:_LONGEST]))
        if at.tzinfo is None:
            return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), list(_noted(at, zone))
        return at.astimezone(UTC), []
    except ValueError:
        raise QuestionError(
            f"{name}: {text.strip()[:_LONGEST]!r} is no instant; {_expected(zone)}"
        ) from None
    except OverflowError:
        raise QuestionError(f"{name}: calendars answer from {FIRST_YEAR} to {LAST_YEAR}") from None


def _expected(zone: str) -> str:
    return f"write 2026-07-01T15:00 for a time in {zone}, or 2026-07-01T15:00:00Z"


def _noted(wall: datetime, zone: str) -> Iterator[str]:
    """That a local time does not exist or happens twice, and how it is read."""
    first, second = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return
    shown = f"{wall:%Y-%m-%d %H:%M}"
    read = local(first.astimezone(UTC), zone)
    if before < after:
        yield (
            f"{shown} does not exist in {zone}: the clocks go forward over it. It is read with the "
            f"offset before the change, as {read}."
        )
    else:
        yield (
            f"{shown} happens twice in {zone}: the clocks go back. The first is taken, {read}; for "
            f"the second write {utc(second.astimezone(UTC))}."
        )
