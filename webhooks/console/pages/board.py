"""The board: what is open by the time that is left, its filters in the URL, and the wall screen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from sla.contract import in_words
from sla.words import DAYS, minute
from webhooks.console.questions import board, unpromised
from webhooks.console.questions.board import NOBODY, BoardQuery, Recorded, Row
from webhooks.console.questions.issue import found
from webhooks.console.standing import Standing, here
from webhooks.console.words import seconds

blueprint = Blueprint("board", __name__)
_ON_THE_WALL = 15
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+")
_FOR_BREACHED = 7
"""So many rows of the wall are for what is breached, however much runs."""
_WEEK = 7
_NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}
_Asked = TypeVar("_Asked", bound="PageQuery")


class PageQuery(BoardQuery, kw_only=True):
    """What the page's address can ask for beside what is listed."""

    every: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 10
    """Seconds between two looks at what is new."""
    wall: bool = False
    """Large type, no navigation, the first few rows."""
    theme: Literal["", "dark", "light"] = ""
    """Of the wall screen; empty: the browser's own."""
    filters: bool = False
    """Whether the filters are shown to choose from."""
    zone: str = ""
    """In which time zone all instants are told; empty: in that of the rows' calendars, if they
    share one, else in UTC."""

    @property
    def rows(self) -> int:
        """How many rows a page has."""
        return _ON_THE_WALL if self.wall else board.ROWS

    @property
    def off_the_wall(self) -> str:
        """The address of the same board as a page."""
        return "?".join(filter(None, ("/board", urlencode(self.narrowed_by()))))

    def in_theme(self, theme: str) -> str:
        """The address of the same wall screen in another theme."""
        kept = [(name, value) for name, value in self.kept() if name != "theme"]
        return f"/board?{urlencode([*self.narrowed_by(), *kept, ('theme', theme)])}"

    def kept(self) -> list[tuple[str, str]]:
        """What every address of the same board has, without filters and place."""
        told = [
            ("order", self.order), ("every", str(self.every)), ("theme", self.theme),
            ("zone", self.zone),
        ]  # fmt: skip
        usual = PageQuery()
        kept = [(name, value) for name, value in told if value != str(getattr(usual, name))]
        return [*kept, *([("wall", "1")] if self.wall else [])]

    def address(self, path: str = "/board", *, also: Iterable[tuple[str, str]] = ()) -> str:
        """The same board's address, with more in it."""
        asked = urlencode([*self.narrowed_by(), *self.kept(), *also])
        return f"{path}?{asked}" if asked else path

    def without(self, *named: tuple[str, str]) -> str:
        """The same board's address without some of its filters."""
        asked = [pair for pair in self.narrowed_by() if pair not in named]
        return "?".join(filter(None, ("/board", urlencode([*asked, *self.kept()]))))

    def by_state(self, state: str) -> str:
        """The same board's address with one state alone; with every state for an empty one."""
        asked = [pair for pair in self.narrowed_by() if pair[0] != "state"]
        states = [("state", state)] if state else []
        return "?".join(filter(None, ("/board", urlencode([*states, *asked, *self.kept()]))))


class LiveQuery(PageQuery, kw_only=True):
    """The same for what a page asks for while it stays open."""

    mark: str = ""
    """That of what the page shows."""


@blueprint.get("/")
def first() -> AnyResponse:
    """The first page is the board."""
    return redirect(url_for("board.page"))


@blueprint.get("/board")
def page() -> str | AnyResponse:
    """What is open, in the order of the time that is left."""
    standing, query = here(), _asked(PageQuery)
    if _KEY.fullmatch(query.key):
        row = found(standing, query.key)
        if row is not None:
            return redirect(f"/issues/{row.key or row.issue_id}")
    recorded = _recorded(standing, query)
    if not (recorded.counts.open or query.narrowed_by() or board.has_issues(standing)):
        return _for_somebody_new(standing)
    shown = _shown(standing, query, recorded)
    if query.wall:
        return render_template("board_wall.html", **shown)
    choices = board.choices(standing) if query.filters else []
    without = unpromised.number(standing, query.project)
    return render_template(
        "board.html", choices=choices, unpromised=without, most=unpromised.MOST, **shown
    )


@blueprint.get("/board/not-promised")
def not_promised() -> str:
    """The open issues that have a contract, and no promise: none is on the board."""
    projects = [each for each in request.args.getlist("project") if each]
    rows = unpromised.unpromised(here(), unpromised.UnpromisedQuery(project=projects))
    return render_template(
        "board_unpromised.html", rows=rows, projects=projects, most=unpromised.MOST
    )


@blueprint.get("/board/live")
def live() -> str | Response:
    """The part of the page that changes; nothing where it would be the same."""
    standing, query = here(), _asked(LiveQuery)
    recorded = _recorded(standing, query)
    if query.mark == recorded.mark:
        return make_response("", 204)
    return render_template("board_rows.html", **_shown(standing, query, recorded))


def _asked(kind: type[_Asked]) -> _Asked:
    try:
        query = board.understood(dict(request.args.lists()), kind, here())
    except board.NotUnderstood as error:
        raise BadRequest(str(error)) from None
    if query.zone and query.zone not in available_timezones():
        raise BadRequest("zone: there is no such time zone; one reads like Europe/Berlin.")
    return query


def _recorded(standing: Standing, query: PageQuery) -> Recorded:
    try:
        found = board.recorded(standing, query, query.rows)
        return _with_breached(standing, query, found) if query.wall else found
    except board.NotUnderstood as error:
        raise BadRequest(str(error)) from None


def _with_breached(standing: Standing, query: PageQuery, found: Recorded) -> Recorded:
    """The wall's rows; where what runs would take all of them, some are for what is breached."""
    places = min(_FOR_BREACHED, found.counts.breached)
    there = sum(each.due_at is not None and each.due_at <= found.now for each in found.rows)
    if query.order != "due" or query.state or there >= places:
        return found
    asked = msgspec.structs.replace(query, state=["breached"])
    breached = board.recorded(standing, asked, places).rows
    rows = [*found.rows[: query.rows - places], *breached]
    return msgspec.structs.replace(found, rows=rows)


def _shown(standing: Standing, query: PageQuery, recorded: Recorded) -> dict[str, Any]:
    """What the templates are given."""
    shown = board.shown(standing, recorded)
    return {
        "board": shown,
        "zone": _zone(query, shown.rows),
        "zones": _zones(standing),
        "query": query,
        "mark": recorded.mark,
        "total": recorded.counts.among(query.state),
        "states": board.STATES,
        "orders": board.ORDERS,
        "jira_url": standing.jira_url,
        "left": left,
        "due": due,
        "beside": beside,
        "titled": titled,
        "words_of": words_of,
    }


def _zone(query: PageQuery, rows: Iterable[Row]) -> str:
    zones = {row.time_zone for row in rows if not row.problem}
    return query.zone or (zones.pop() if len(zones) == 1 else "UTC")


def _zones(standing: Standing) -> list[tuple[str, str]]:
    """Those of the calendars, to choose from."""
    calendars = standing.configuration.calendars.values()
    known = sorted({"UTC", *(calendar.time_zone for calendar in calendars)})
    return [("", "the calendars' own, or UTC"), *((zone, zone) for zone in known)]


def _for_somebody_new(standing: Standing) -> str:
    """What to do next, where nothing was heard of any issue."""
    hook = f"{standing.settings.public_url.rstrip('/') or request.host_url.rstrip('/')}"
    projects = sorted(standing.configuration.policy.projects)
    return render_template(
        "board_new.html", hook=f"{hook}/webhooks/jira", projects=projects[:20],
        more=len(projects[20:]),
    )  # fmt: skip


def titled(words: str) -> str:
    """Words with a capital at their beginning; the rest stays as it is."""
    return f"{words[:1].upper()}{words[1:]}"


def words_of(name: str, value: str) -> str:
    """A filter's value for people."""
    if name == "state":
        return dict(board.STATES)[value]  # type: ignore[index]
    if value == NOBODY:
        return board.NONE.get(name, value)
    return in_words(value) if name == "metric" else value


def left(row: Row) -> str:
    """The open time that a promise has left, in words: `1 h 12 min of 4 h`."""
    if row.left_seconds is None or row.goal_seconds is None:
        return row.problem
    amount, goal = row.left_seconds, seconds(row.goal_seconds)
    if row.state != "breached":
        return f"{seconds(amount)} of {goal}"
    return f"late by {seconds(-amount)}" if amount else f"all of {goal} used up"


def beside(row: Row, now: datetime, zone: str) -> str:
    """What is to be known of the time left: the breached goal, or that nobody works now."""
    if row.problem or row.goal_seconds is None:
        return ""
    if row.state == "breached":
        return f"goal {seconds(row.goal_seconds)}"
    if row.open_now or row.state == "paused":
        return ""
    if row.opens_at is None:
        return "closed for good: the calendar has no opening ahead"
    return f"closed until {due(row.opens_at, zone, now)}"


def due(at: datetime, zone: str, now: datetime) -> str:
    """An instant near by as people say it, in a zone: `tomorrow 08:00 EST`, `Mon 08:00 EST`.

    What is further away, or past since longer than yesterday, has its date.
    """
    shown, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    away = (shown.date() - today).days
    day = _NEAR.get(away) or (DAYS[shown.weekday()] if 0 < away < _WEEK else "")
    return f"{day} {shown:%H:%M} {shown.tzname()}" if day else minute(at, zone)
