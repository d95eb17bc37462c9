"""Calendar questions line by line: `{"id", "result"}` or `{"id", "error"}`, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.calendar_questions import Calendars, answer_lines, read_calendars
from webhooks.questions import QuestionError

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
DOCUMENTS: dict[str, Any] = {
    "office": {"time_zone": "America/New_York", "weekly": WEEK, "holidays": ["2024-07-04"]},
    "always": {"time_zone": "UTC", "always_open": True},
    "never": {"time_zone": "UTC", "weekly": {}},
    "nowhere": {"time_zone": "Nowhere/Land", "weekly": WEEK},
    "text": "office",
}
# Wednesday 3 July 2024, 15:00 in New York; the next day is a holiday.
ASKED = {"id": "q1", "calendar": "office", "op": "due", "start": "2024-07-03T15:00:00-04:00"}
INSTANT = "is not an instant; expected ISO 8601 with an offset, such as 2024-07-10T19:00:00-04:00"
MISSING = "is missing; expected an instant such as 2024-07-10T19:00:00-04:00"
NAN = float("nan")


@pytest.fixture(scope="module")
def calendars() -> Calendars:
    return Calendars(DOCUMENTS)


def ask(calendars: Calendars, **members: Any) -> dict[str, Any]:
    [text] = answer_lines(calendars, [json.dumps(ASKED | members)])
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("members", "result"),
    [
        ({"seconds": 7200}, "2024-07-03T21:00:00Z"),
        ({"seconds": 7201}, "2024-07-05T13:00:01Z"),
        ({"seconds": 0}, "2024-07-03T19:00:00Z"),
        ({"seconds": -3600}, "2024-07-03T18:00:00Z"),
        ({"seconds": 0.5}, "2024-07-03T19:00:00.500000Z"),
        ({"seconds": 7200, "pauses": []}, "2024-07-03T21:00:00Z"),
        ({"seconds": 3600, "pauses": [["2024-07-03T19:30Z", "2024-07-03T20:00Z"]]},
         "2024-07-03T20:30:00Z"),
        # In another order, overlapping, and outside hours.
        ({"seconds": 3600, "pauses": [["2024-07-03T19:45Z", "2024-07-03T20:00Z"],
                                      ["2024-07-03T19:30Z", "2024-07-03T19:50Z"],
                                      ["2024-07-04T00:00Z", "2024-07-05T00:00Z"]]},
         "2024-07-03T20:30:00Z"),
        ({"seconds": 60, "calendar": "always"}, "2024-07-03T19:01:00Z"),
        ({"op": "elapsed", "end": "2024-07-05T10:00:00-04:00"}, 10_800),
        ({"op": "elapsed", "end": "2024-07-03T15:00:00.250000-04:00"}, 0.25),
        ({"op": "elapsed", "end": "2024-07-03T14:00:00-04:00"}, -3600),
        ({"op": "elapsed", "end": "2024-07-03T15:00:00-04:00"}, 0),
        ({"op": "elapsed", "end": "2024-07-03T16:00:00-04:00",
          "pauses": [["2024-07-03T19:30Z", "2024-07-03T19:45Z"]]}, 2700),
        ({"op": "business_days", "days": 1}, "2024-07-05T19:00:00Z"),
        ({"op": "business_days", "days": 1, "reading": "open_hours"}, "2024-07-05T19:00:00Z"),
        ({"op": "business_days", "days": 2, "reading": "same_clock"}, "2024-07-08T19:00:00Z"),
        ({"op": "business_days", "days": 1, "reading": "end_of_day"}, "2024-07-05T21:00:00Z"),
        ({"op": "business_days", "days": 0, "reading": "end_of_day"}, "2024-07-03T21:00:00Z"),
    ],
)  # fmt: skip
def test_answers(calendars: Calendars, members: dict[str, Any], result: object) -> None:
    found = ask(calendars, **members)
    assert found == {"id": "q1", "result": result}
    assert type(found["result"]) is type(result)


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"calendar": None}, "calendar: is missing; expected an id of the calendars file"),
        ({"calendar": "other"}, "calendar: there is no 'other' in the calendars file"),
        ({"calendar": ["office"]}, "calendar: there is no ['office'] in the calendars file"),
        ({"calendar": "text"}, "calendar text: expected an object with time_zone and weekly"),
        ({"calendar": "nowhere"},
         ("calendar nowhere: time_zone: is `Nowhere/Land`, which is no time zone; use an IANA "
          "name such as Europe/Berlin")),
        ({"calendar": "never", "seconds": 1},
         ("calendar 'never' has no weekly hours, and not enough extra days after 2024-07-03 "
          "19:00 UTC; give it weekly hours or extra days, or make it always open")),
        ({"start": None}, f"start: {MISSING}"),
        ({"start": "2024-07-03T15:00:00"}, f"start: '2024-07-03T15:00:00' {INSTANT}"),
        ({"start": "0001-01-01T00:00+14:00", "seconds": 1},
         "an instant before 1970 was asked for; calendars answer from 1970 to 2200"),
        ({"start": "9999-12-31T23:59-14:00", "seconds": 1},
         "an instant after 2200 was asked for; calendars answer from 1970 to 2200"),
        ({"op": None}, "op: None; expected due, elapsed, business_days"),
        ({"op": []}, "op: []; expected due, elapsed, business_days"),
        ({"op": "Due"}, "op: 'Due'; expected due, elapsed, business_days"),
        ({}, "seconds: None; expected a number of open seconds"),
        ({"seconds": True}, "seconds: True; expected a number of open seconds"),
        ({"seconds": "60"}, "seconds: '60'; expected a number of open seconds"),
        ({"seconds": NAN}, "seconds: nan is out of every calendar's range"),
        ({"seconds": float("inf")}, "seconds: inf is out of every calendar's range"),
        ({"seconds": 10**30}, f"seconds: {10**30} is out of every calendar's range"),
        ({"seconds": 10**11}, "calendar 'office': the answer would be after 2200"),
        ({"seconds": -(10**11)}, "calendar 'office': the answer would be before 1970"),
        ({"op": "elapsed"}, f"end: {MISSING}"),
        ({"op": "elapsed", "end": 5}, f"end: 5 {INSTANT}"),
        ({"op": "business_days"}, "days: None; expected a whole number of business days"),
        ({"op": "business_days", "days": 1.0},
         "days: 1.0; expected a whole number of business days"),
        ({"op": "business_days", "days": True},
         "days: True; expected a whole number of business days"),
        ({"op": "business_days", "days": 10**9},
         f"days: {10**9} is out of every calendar's range"),
        ({"op": "business_days", "days": 1, "reading": "calendar"},
         "reading: 'calendar'; expected open_hours, same_clock, end_of_day"),
        ({"op": "business_days", "days": 1, "reading": ["open_hours"]},
         "reading: ['open_hours']; expected open_hours, same_clock, end_of_day"),
        ({"op": "business_days", "days": -1, "reading": "end_of_day"},
         ("-1 business days with the reading end_of_day: the end of a past day is no promise; "
          "use 0 or more, or the reading same_clock or open_hours")),
        ({"pauses": "none"}, "pauses: expected a list of [from, to]"),
        ({"pauses": {"from": 1}}, "pauses: expected a list of [from, to]"),
        ({"pauses": ["2024-07-03T19:30Z"]}, "pauses[0]: expected [from, to], two instants"),
        ({"pauses": [["2024-07-03T19:30Z"]]}, "pauses[0]: expected [from, to], two instants"),
        ({"pauses": [["2024-07-03T19:30Z", "2024-07-03T19:40Z"], ["2024-07-03T19:30Z", None]]},
         "pauses[1]: while a pause lasts, no due instant is known"),
        ({"pauses": None}, "pauses: expected a list of [from, to]"),
        ({"pauses": [[5, "2024-07-03T19:29Z"]]}, f"pauses[0]: 5 {INSTANT}"),
        ({"second": 60},
         ("second: no such member; there are id, op, calendar, start, seconds, end, days, "
          "reading, pauses")),
        ({"pauses": [["2024-07-03T19:30Z", "2024-07-03T19:29Z"]]},
         "pauses[0]: ends before it starts"),
    ],
)  # fmt: skip
def test_questions_that_cannot_be_answered(
    calendars: Calendars, members: dict[str, Any], error: str
) -> None:
    assert ask(calendars, **members) == {"id": "q1", "error": error}


@pytest.mark.parametrize("name", [None, 0, 7, "x", "ü", ["a"], {"b": 1}, True])
def test_the_id_comes_back_as_it_was(calendars: Calendars, name: object) -> None:
    assert ask(calendars, id=name, seconds=0) == {"id": name, "result": "2024-07-03T19:00:00Z"}
    assert ask(calendars, id=name)["id"] == name


def test_a_question_without_id_has_none(calendars: Calendars) -> None:
    [text] = answer_lines(calendars, ['{"calendar": "office"}'])
    assert json.loads(text) == {"id": None, "error": f"start: {MISSING}"}


def test_lines_that_are_no_question_spoil_no_other(calendars: Calendars) -> None:
    good = json.dumps(ASKED | {"seconds": 0})
    lines = ["nonsense", "", "[1]", "   \n", "\ufeff{}", good]
    answers = [json.loads(line) for line in answer_lines(calendars, lines)]
    assert [answer["id"] for answer in answers] == [None, None, None, "q1"]
    assert answers[0]["error"] == "not JSON: Expecting value: line 1 column 1 (char 0)"
    assert answers[1]["error"] == "a question is a JSON object"
    assert answers[3]["result"] == "2024-07-03T19:00:00Z"


def test_a_line_nested_too_deeply(calendars: Calendars) -> None:
    deep = "[" * 100_000
    [text] = answer_lines(calendars, [f'{{"id": {deep}'])
    assert json.loads(text)["error"].startswith("not JSON: ")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["office", "always", "due", "elapsed", "business_days", "same_clock"])
    | st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
names = st.sampled_from(
    ["calendar", "op", "start", "end", "seconds", "days", "reading", "pauses", "id"]
)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.dictionaries(names, json_values, max_size=4))
def test_any_object_is_answered_with_one_line(members: dict[str, Any]) -> None:
    found = ask(Calendars(DOCUMENTS), **members)
    assert found.keys() in ({"id", "result"}, {"id", "error"})


def test_a_faulty_calendar_spoils_no_other(calendars: Calendars) -> None:
    assert "error" in ask(calendars, calendar="nowhere", seconds=0)
    assert "result" in ask(calendars, calendar="always", seconds=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nonsense", "not a JSON file: Expecting value"),
        (b"\xff", "not a JSON file: 'utf-8' codec can't decode"),
        (b"[" * 100_000, "not a JSON file: "),
        (b"[]", "expected an object that maps an id to a calendar"),
    ],
)
def test_a_file_that_holds_no_calendars(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "calendars.json"
    path.write_bytes(content)
    with pytest.raises(QuestionError, match=r"calendars\.json: " + message):
        read_calendars(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"not a JSON file: .*No such file"):
        read_calendars(tmp_path / "none.json")


def test_a_file_of_calendars(tmp_path: Path) -> None:
    path = tmp_path / "calendars.json"
    path.write_text(json.dumps(DOCUMENTS), encoding="utf-8")
    assert ask(read_calendars(path), seconds=0)["result"] == "2024-07-03T19:00:00Z"
