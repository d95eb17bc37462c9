"""The calendars: their hours, a year at a glance, what is ahead, and a tester of due instants."""

from __future__ import annotations

from calendar import day_name
from itertools import zip_longest
from typing import cast, get_args
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest, NotFound

from config.errors import nearest
from sla.calendar import Reading
from webhooks.console.pages.numbers import asked_number
from webhooks.console.questions import calendars
from webhooks.console.questions.calendars import FIRST, LAST, DueAnswer, DueQuestion
from webhooks.console.questions.looked_at import LookedAt, looked_at
from webhooks.console.standing import here
from webhooks.questions import QuestionError

blueprint = Blueprint("calendars", __name__)
_READINGS = {
    "open_hours": "open hours: so many regular days of open time",
    "same_clock": "same clock: the same time on a later business day",
    "end_of_day": "end of day: when a later business day closes",
}
_WEEKDAYS = [(name[:2], name) for name in day_name]


@blueprint.get("/calendars")
def page() -> str:
    """Every calendar in short."""
    return render_template("calendars.html", calendars=calendars.listed(looked_at(here())))


@blueprint.get("/calendars/<path:id_>")
def one(id_: str) -> str | tuple[str, int]:
    """A year of a calendar, as a draft would have it with `draft`.

    With a start and a target also the due instant.
    """
    at = looked_at(here(), asked_number("draft"))
    standing = at.standing
    found = calendars.seen(at, id_, _year())
    if found is None:
        known = [each.id for each in calendars.listed(at)]
        raise NotFound(f"There is no calendar {id_}; {nearest(id_, known)}.")
    answer, refused = _tested(at, id_)
    shown = render_template(
        "calendar.html",
        calendar=found,
        first=FIRST,
        last=LAST,
        readings=_READINGS,
        answer=answer,
        refused=refused,
        asked=request.args,
        pauses=[*_pauses(), ("", "")],
        today=standing.now(),
        this_day=standing.now().astimezone(ZoneInfo(found.time_zone)).date(),
        weekdays=_WEEKDAYS,
        draft=at.draft,
    )
    return (shown, BadRequest.code) if refused else shown


def _tested(at: LookedAt, id_: str) -> tuple[DueAnswer | None, str]:
    """The answer to what was asked, or why there is none; neither where nothing was asked."""
    asked = request.args
    if not (asked.get("start") or asked.get("target")):
        return None, ""
    calendar = calendars.calendar_of(at, id_)
    reading = asked.get("reading", "open_hours")
    if reading not in get_args(Reading):
        return None, f"reading: expected one of {', '.join(get_args(Reading))}"
    question = DueQuestion(
        start=asked.get("start", ""),
        target=asked.get("target", ""),
        reading=cast("Reading", reading),
        pause=[f"{from_}/{to}" for from_, to in _pauses()],
    )
    try:
        return (calendars.when_due(calendar, id_, question) if calendar else None), ""
    except QuestionError as error:
        return None, str(error)


def _pauses() -> list[tuple[str, str]]:
    asked = request.args
    pairs = zip_longest(asked.getlist("from"), asked.getlist("to"), fillvalue="")
    return [(from_, to) for from_, to in pairs if from_.strip() or to.strip()]


def _year() -> int | None:
    given = request.args.get("year", "").strip()
    if not given:
        return None
    if given.isascii() and given.isdecimal() and len(given) == 4 and FIRST <= int(given) <= LAST:
        return int(given)
    raise BadRequest(f"year: expected one from {FIRST} to {LAST}, such as 2027.")
