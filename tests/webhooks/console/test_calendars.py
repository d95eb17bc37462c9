"""A calendar's year is its open time, and the tester answers as the calendar does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from config.calendars import calendar_from_document
from sla.calendar import Calendar
from tests.webhooks.console.desk import Desk, words
from webhooks.console.access.people import Person
from webhooks.console.questions import calendars
from webhooks.console.questions.calendars import DueQuestion, when_due
from webhooks.console.questions.publishing import begin_preview
from webhooks.questions import QuestionError

_NIGHTS = calendar_from_document("nights", {
    "time_zone": "America/New_York",
    "weekly": {
        "sat": [["22:00", "06:00"]], "sun": [["00:00", "24:00"]], "mon": [["09:00", "17:00"]],
    },
    "holidays": [{"date": "2026-01-05", "name": "Closed"}],
    "extra_days": {"2026-01-07": [["10:00", "12:00"]]},
})  # fmt: skip
_NEVER = calendar_from_document("never", {"time_zone": "Europe/Berlin"})
_ADA = Person("ada", "Ada", "administrator")
_PAGE_OF = "bitumio-business"


def _whole_year(calendar: Calendar, year: int) -> timedelta:
    zone = ZoneInfo(calendar.time_zone)
    return calendar.elapsed(
        datetime(year, 1, 1, tzinfo=zone), datetime(year + 1, 1, 1, tzinfo=zone)
    )


def _days(calendar: Calendar, year: int) -> Iterator[calendars.DaySeen]:
    return iter(calendars._days(calendar, year))


@given(year=some.integers(calendars.FIRST, calendars.LAST))
def test_the_days_of_a_year_hold_all_of_its_open_time(year: int) -> None:
    for calendar in (_NIGHTS, _NEVER):
        days = list(_days(calendar, year))
        assert [day.date for day in days] == sorted({day.date for day in days})
        assert days[0].date == date(year, 1, 1)
        assert days[-1].date == date(year, 12, 31)
        total = timedelta(seconds=sum(day.open_seconds for day in days))
        assert total == _whole_year(calendar, year)


def test_a_day_is_told_by_what_it_is() -> None:
    by_date = {day.date: day for day in _days(_NIGHTS, 2026)}
    assert by_date[date(2026, 1, 5)].kind == "holiday"
    assert by_date[date(2026, 1, 5)].name == "Closed"
    assert by_date[date(2026, 1, 7)].kind == "extra"
    assert by_date[date(2026, 1, 7)].open_seconds == 2 * 3600
    assert by_date[date(2026, 1, 9)].kind == "closed"
    # The hour that the clocks leave out is missing from the night that they change in.
    assert by_date[date(2026, 3, 8)].open_seconds == 23 * 3600
    assert "clocks go forward 1 h, from 02:00 to 03:00" in by_date[date(2026, 3, 8)].change


def test_a_change_of_the_clocks_says_what_it_does_to_the_hours() -> None:
    spring, autumn = calendars._changes(_NIGHTS, 2026)
    assert spring.effect == "23 h open, 1 h less than usual"
    assert autumn.effect == "25 h open, 1 h more than usual"
    assert autumn.words == "clocks go back 1 h, from 02:00 to 01:00"


def test_every_calendar_has_its_page_and_says_who_uses_it(desk: Desk) -> None:
    configuration = desk.standing.configuration
    for key, calendar in configuration.calendars.items():
        shown = desk.page(f"/calendars/{key}", year="2027")
        assert calendar.time_zone in shown
        assert "Nothing." not in shown
        found = desk.json(f"/api/calendars/{key}", year=2027)
        assert len(found["days"]) == 365
        assert {day["name"] for day in found["days"] if day["kind"] == "holiday"} == {
            name for day, name in calendar.holidays.items() if day.year == 2027
        }
    listed = desk.json("/api/calendars")["calendars"]
    assert {each["id"] for each in listed if each["is_used"]} == set(configuration.calendars)
    for each in listed:
        if not each["is_used"]:
            assert "not used" in desk.page(f"/calendars/{each['id']}")


def test_source_and_next_holidays_are_named(desk: Desk) -> None:
    shown = desk.page("/calendars/standard/standard")
    assert "Mon 2 Sep 2024 Labor Day" in shown
    assert "holidays 0." in shown
    assert "Sun 3 Nov 2024 clocks go back 1 h" in shown


def test_the_tester_gives_the_instant_and_its_steps(desk: Desk) -> None:
    asked = {"start": "2024-07-03T19:00", "target": "2h"}
    shown = desk.page(f"/calendars/{_PAGE_OF}", **asked)
    assert "Due Fri 5 Jul 2024 09:00 EDT" in shown
    assert "holiday, Independence Day" in shown
    answer = desk.json(f"/api/calendars/{_PAGE_OF}/due", **asked)
    assert answer["due_at"] == "2024-07-05T13:00:00Z"
    assert sum(step["used_seconds"] for step in answer["steps"]) == 2 * 3600


def test_a_pause_takes_its_open_time_away_on_page_and_api(desk: Desk) -> None:
    asked = {"start": "2024-07-10T10:00", "target": "2h"}
    pause = {"from": "2024-07-10T11:00", "to": "2024-07-10T12:30"}
    assert "Due Wed 10 Jul 2024 13:30 EDT" in desk.page(f"/calendars/{_PAGE_OF}", **asked, **pause)
    answer = desk.json(
        f"/api/calendars/{_PAGE_OF}/due", **asked, pause="2024-07-10T11:00/2024-07-10T12:30"
    )
    assert answer["due_at"] == "2024-07-10T17:30:00Z"


@given(
    hours=some.integers(0, 24 * 365 * 100),
    minutes=some.integers(1, 5000),
)
def test_the_steps_lead_from_the_start_to_the_due_instant(hours: int, minutes: int) -> None:
    start = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    question = DueQuestion(start=start.isoformat(), target=f"{minutes}m")
    answer = when_due(_NIGHTS, "nights", question)
    assert answer.due_at == _NIGHTS.due(start, timedelta(minutes=minutes))
    ends = [start, *(step.to_at for step in answer.steps)]
    assert [step.from_at for step in answer.steps] == ends[:-1]
    assert ends[-1] == answer.due_at


@pytest.mark.parametrize(
    ("start", "read", "said"),
    [
        ("2026-03-08T02:30", "2026-03-08T07:30+00:00", "does not exist"),
        ("2026-11-01T01:30", "2026-11-01T05:30+00:00", "happens twice"),
        ("2026-11-01T06:30:00Z", "2026-11-01T06:30+00:00", ""),
        ("2026-11-01T07:30 01:00", "2026-11-01T06:30+00:00", ""),
    ],
)
def test_local_times_that_do_not_exist_or_happen_twice_are_told(
    start: str, read: str, said: str
) -> None:
    answer = when_due(_NIGHTS, "nights", DueQuestion(start=start, target="1h"))
    assert answer.start_at == datetime.fromisoformat(read)
    told = [note for note in answer.notes if "exist" in note or "twice" in note]
    assert [said in note for note in told] == ([True] if said else [])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"start": "tomorrow", "target": "8h"}, "start: 'tomorrow' is no instant"),
        ({"start": "2024-07-10T10:00", "target": "soon"}, "target: is `soon`"),
        ({"start": "2024-07-10T10:00", "target": "8h", "reading": "x"}, "reading"),
        ({"start": "2024-07-10T10:00"}, "target: is missing"),
        ({"start": "9999-12-31T23:59", "target": "8h"}, "1970"),
        ({"start": "2024-07-10T10:00", "target": "8h", "from": "1", "to": "2"}, "pause"),
    ],
)
def test_nonsense_is_refused_in_words_and_stays_in_the_form(
    desk: Desk, asked: dict[str, str], message: str
) -> None:
    answer = desk.get(f"/calendars/{_PAGE_OF}", **asked)
    assert answer.status_code == 400
    assert message.replace("'", "&#39;") in answer.text
    assert f'value="{asked["start"]}"' in answer.text


@given(text=some.text(max_size=40), target=some.text(max_size=20), pause=some.text(max_size=30))
def test_whatever_is_typed_is_answered_or_refused(text: str, target: str, pause: str) -> None:
    question = DueQuestion(start=text, target=target, pause=[pause])
    with pytest.raises(QuestionError):
        when_due(_NIGHTS, "nights", question)


def test_a_calendar_without_an_opening_says_so_and_what_it_means(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(QuestionError, match="no promise on it has a due instant"):
        when_due(_NEVER, "never", DueQuestion(start="2026-01-01T00:00", target="1h"))
    # As an earlier release may have published it: by now such a document is refused.
    found = calendars._Found(_NEVER, {}, is_used=True)
    monkeypatch.setattr(calendars, "_found", lambda _standing, _key: found)
    shown = desk.page("/calendars/enterprise")
    assert "This calendar never opens" in shown
    assert "neither met nor breached" in shown
    assert "0 of 366 days have open time" in shown


def test_a_calendar_that_opens_no_more_says_so(desk: Desk) -> None:
    standing = desk.standing
    past = 'time_zone: Europe/Berlin\nextra_days: { 2020-01-01: [["09:00", "17:00"]] }\n'
    draft = standing.publishing.begin(_ADA, "Closed", {"calendars/enterprise.yaml": past})
    begin_preview(standing, draft.id, draft.revision)
    standing.previews.wait()
    standing.publishing.publish(_ADA, draft.id, draft.revision, "Try", recalculate=False)
    assert "does not open any more" in desk.page("/calendars/enterprise")
    asked = {"start": "2024-07-10T10:00", "target": "1h"}
    refused = desk.get("/calendars/enterprise", **asked)
    assert refused.status_code == 400
    assert "There is no such instant" in refused.text
    year = desk.json("/api/calendars/enterprise", year=2020)
    assert [day["date"] for day in year["days"] if day["open_seconds"]] == ["2020-01-01"]


@pytest.mark.parametrize("year", ["26", "1969", "2201", "next", "-2026"])
def test_a_year_that_is_none_is_refused(desk: Desk, year: str) -> None:
    assert desk.get(f"/calendars/{_PAGE_OF}", year=year).status_code == 400
    assert desk.get(f"/api/calendars/{_PAGE_OF}", year=year).status_code == 400


def test_an_unknown_calendar_is_told_with_those_that_there_are(desk: Desk) -> None:
    for path in (
        "/calendars/nope",
        "/calendars/../site",
        "/calendars/a/b/c",
        "/api/calendars/nope",
    ):
        assert desk.get(path).status_code == 404
    due = desk.get("/api/calendars/nope/due", start="2024-07-10T10:00", target="1h")
    assert due.status_code == 404
    assert "enterprise" in due.text


def test_a_calendar_is_shown_as_a_draft_would_have_it(desk: Desk) -> None:
    publishing = desk.standing.publishing
    path = "calendars/bitumio-business.yaml"
    before = publishing.documents(publishing.in_force().id)[path]
    text = before.replace('"20:00"', '"19:00"')
    draft = publishing.begin(_ADA, "", {path: text})
    asked = {"start": "2026-07-01T15:00", "target": "5h"}
    shown = desk.get(f"/calendars/{_PAGE_OF}", draft=draft.id, **asked)
    assert f'As <a href="/drafts/{draft.id}">' in shown.text
    assert "Due Thu 2 Jul 2026 09:00 EDT" in words(shown.text)
    assert f'name="draft" value="{draft.id}"' in shown.text
    in_force = desk.page(f"/calendars/{_PAGE_OF}", **asked)
    assert "Due Wed 1 Jul 2026 20:00 EDT" in in_force
    assert f"/calendars/{_PAGE_OF}?draft={draft.id}" in desk.get(f"/drafts/{draft.id}").text
