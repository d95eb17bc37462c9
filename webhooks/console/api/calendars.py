"""Calendars for programs: a year of each, what is ahead, and due instants worked out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from werkzeug.exceptions import BadRequest, NotFound

from config.errors import nearest
from webhooks.console.api.described import Part
from webhooks.console.questions import calendars
from webhooks.console.questions.calendars import (
    CalendarInShort,
    CalendarSeen,
    DueAnswer,
    DueQuestion,
)
from webhooks.console.questions.looked_at import looked_at
from webhooks.console.standing import here
from webhooks.questions import QuestionError

blueprint = Part("calendars", __name__)
_UNKNOWN = {404: "There is no calendar of that name."}


class Calendars(msgspec.Struct, frozen=True):
    """All calendars."""

    version: str
    """Of the configuration that is in force."""
    calendars: Sequence[CalendarInShort]


class WhichYear(msgspec.Struct, frozen=True):
    """Which year is wanted."""

    year: Annotated[int, msgspec.Meta(ge=calendars.FIRST, le=calendars.LAST)] | None = None
    """Left out: the present one."""


@blueprint.answers("GET", "/calendars", summary="The calendars", answer=Calendars)
def all_calendars() -> Calendars:
    """Those that something uses, then the others, the shipped ones among them."""
    standing = here()
    return Calendars(standing.configuration.policy.version, calendars.listed(looked_at(standing)))


@blueprint.answers(
    "GET", "/calendars/<path:calendar>/due", summary="When a target is used up",
    query=DueQuestion, answer=DueAnswer, refusals=_UNKNOWN,
)  # fmt: skip
def calendar_due(calendar: str, query: DueQuestion) -> DueAnswer:
    """The due instant of a start and a target, and each step to it.

    A local time that does not exist is read with the offset before the change, of one that happens
    twice the first is taken; `notes` says so.
    """
    found = calendars.calendar_of(looked_at(here()), calendar)
    if found is None:
        raise _unknown(calendar)
    try:
        return calendars.when_due(found, calendar, query)
    except QuestionError as error:
        raise BadRequest(str(error)) from None


@blueprint.answers(
    "GET", "/calendars/<path:calendar>", summary="A calendar and a year of it",
    query=WhichYear, answer=CalendarSeen, refusals=_UNKNOWN,
)  # fmt: skip
def calendar_year(calendar: str, query: WhichYear) -> CalendarSeen:
    """Its hours, every day of the year, the next holidays and clock changes, and what uses it.

    The name of a calendar whose holidays a contract sets has a slash: `contract/id`.
    """
    found = calendars.seen(looked_at(here()), calendar, query.year)
    if found is None:
        raise _unknown(calendar)
    return found


def _unknown(calendar: str) -> NotFound:
    known = [each.id for each in calendars.listed(looked_at(here()))]
    return NotFound(f"{calendar}: no such calendar; {nearest(calendar, known)}")
