"""Deadlines asked for from the command line: one line of JSON in, one out, whatever comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.contract import BusinessDays, Goal, Scope
from sla.mapping import Policy
from tests.sla.example import contract, office, policy, two_hours
from webhooks.questions import Question, QuestionError, answer_lines, as_text

ASKED = {
    "project": "ACME",
    "type": "Bug",
    "priority": "Highest",
    "created": "2024-07-10T16:00:00-04:00",
}
REASON = (
    "project ACME: contract rule 1 (always) gives acme, severity rule 1 (priority Highest) gives "
    "Urgent"
)
METRIC = {
    "metric": "first_response",
    "target": "2h",
    "calendar": "office",
    "due_at": "2024-07-11T14:00:00Z",
}
MISSING = "is missing; expected an instant such as 2024-07-10T19:00:00-04:00"
INSTANT = "is not an instant; expected ISO 8601 with an offset, such as 2024-07-10T19:00:00-04:00"


def answer(line: str, under: Policy | None = None) -> dict[str, Any]:
    [text] = answer_lines(under or policy(), [line])
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def ask(**members: Any) -> dict[str, Any]:
    return answer(json.dumps(ASKED | members))


def test_the_answer_has_these_members_in_this_order() -> None:
    found = ask()
    assert found == {
        "project": "ACME",
        "contract": "acme",
        "tier": None,
        "severity": "Urgent",
        "covered": True,
        "reason": REASON,
        "metrics": [METRIC],
    }
    assert list(found) == [
        "project", "contract", "tier", "severity", "covered", "reason", "metrics",
    ]  # fmt: skip
    assert list(found["metrics"][0]) == ["metric", "target", "calendar", "due_at"]


def test_an_issue_that_no_rule_covers() -> None:
    assert ask(project="OTHER") == {
        "project": "OTHER",
        "contract": None,
        "tier": None,
        "severity": None,
        "covered": False,
        "reason": "project OTHER is in no mapping",
        "metrics": [],
    }


def test_what_is_covered_may_still_have_no_promise() -> None:
    only_urgent = policy(contract(Goal(two_hours(), office(), scope=Scope(("Urgent",)))))
    found = answer(json.dumps(ASKED | {"priority": "Low"}), only_urgent)
    assert (found["covered"], found["severity"], found["metrics"]) == (True, "Normal", [])


def test_a_reported_at_field_counts() -> None:
    phoned = policy(contract(Goal(two_hours(), office())), reported_at_field="Reported at")
    line = json.dumps(ASKED | {"fields": {"Reported at": "2024-07-10T09:00:00-04:00"}})
    assert answer(line, phoned)["metrics"][0]["due_at"] == "2024-07-10T15:00:00Z"


def test_type_priority_and_fields_may_be_left_out_or_null() -> None:
    found = answer('{"project": "ACME", "created": "2024-07-10T20:00Z", "type": null}')
    assert found["reason"] == "no severity rule of project ACME matches (type none, priority none)"


@pytest.mark.parametrize(
    ("value", "due"),
    [
        ("2024-07-10T20:00:00Z", "2024-07-11T14:00:00Z"),
        ("2024-07-11T01:45:00+05:45", "2024-07-11T14:00:00Z"),
        ("2024-07-10T20:00:00.000001Z", "2024-07-11T14:00:00.000001Z"),
        ("20240710T200000Z", "2024-07-11T14:00:00Z"),
    ],
)
def test_ways_of_writing_an_instant(value: str, due: str) -> None:
    assert ask(created=value)["metrics"][0]["due_at"] == due


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("nonsense", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        ('{"project": ', "not JSON: Expecting value: line 1 column 13 (char 12)"),
        ("[]", "a question is a JSON object"),
        ("null", "a question is a JSON object"),
        ("5", "a question is a JSON object"),
        ("{}", "project: is missing; expected text"),
    ],
)
def test_lines_that_are_no_question(line: str, error: str) -> None:
    assert answer(line) == {"error": error}


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"project": None}, "project: is missing; expected text"),
        ({"project": ""}, "project: expected text, not ''"),
        ({"project": ["ACME"]}, "project: expected text, not ['ACME']"),
        ({"type": 5}, "type: expected text, not 5"),
        ({"priority": {}}, "priority: expected text, not {}"),
        ({"created": None}, f"created: {MISSING}"),
        ({"created": 1720641600}, f"created: 1720641600 {INSTANT}"),
        ({"created": "tomorrow"}, f"created: 'tomorrow' {INSTANT}"),
        ({"created": "2024-07-10"}, f"created: '2024-07-10' {INSTANT}"),
        ({"created": "2024-07-10T20:00:00"}, f"created: '2024-07-10T20:00:00' {INSTANT}"),
        ({"created": "2024-02-30T20:00Z"}, f"created: '2024-02-30T20:00Z' {INSTANT}"),
        ({"created": "1900-01-01T00:00Z"},
         "an instant before 1970 was asked for; calendars answer from 1970 to 2200"),
        ({"created": "9999-12-31T23:00-14:00"},
         "an instant after 2200 was asked for; calendars answer from 1970 to 2200"),
        ({"fields": ["Support plan"]}, "fields: expected an object of names and values"),
        ({"fields": {"x": {"id": "10000"}}},
         "fields.x: expected text, a number, an option, or a list of texts"),
        ({"fields": {"x": [1]}},
         "fields.x: expected text, a number, an option, or a list of texts"),
        ({"isuetype": "Bug"},
         "isuetype: no such member; there are project, type, priority, created, fields"),
    ],
)  # fmt: skip
def test_questions_that_cannot_be_answered(members: dict[str, Any], error: str) -> None:
    assert ask(**members) == {"error": error}


def test_a_line_that_cannot_be_answered_spoils_no_other() -> None:
    lines = [json.dumps(ASKED), "", "nonsense", "   ", json.dumps(ASKED)]
    answers = [json.loads(line) for line in answer_lines(policy(), lines)]
    assert [next(iter(found)) for found in answers] == ["project", "error", "project"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
names = st.sampled_from(["project", "type", "priority", "created", "fields"])


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.dictionaries(names, json_values))
def test_any_object_is_answered_with_one_line(members: dict[str, Any]) -> None:
    found = answer(json.dumps(ASKED | members))
    assert found.keys() == {"error"} or set(found) >= {"project", "covered", "metrics"}


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.text(max_size=30).filter(str.strip))
def test_any_line_is_answered_with_one_line(line: str) -> None:
    assert "error" in answer(line)


def test_a_field_cannot_stand_in_for_project_type_or_priority() -> None:
    assert ask(fields={"project": "OTHER", "priority": "Low"})["severity"] == "Urgent"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Gold", "Gold"),
        (None, None),
        (True, "true"),
        (3, "3"),
        (2.5, "2.5"),
        (["a"], ("a",)),
        ({"value": "Gold"}, "Gold"),
        ({"name": "High", "id": "2"}, "High"),
    ],
)
def test_values_of_fields(value: Any, read: Any) -> None:
    question = Question.read(ASKED | {"fields": {"x": value}})
    assert question.fields["x"] == read


def test_in_words() -> None:
    days = policy(contract(Goal(BusinessDays(1, "open_hours"), office())))
    text = as_text(Question.read(ASKED).answer(days))
    assert "  due: Thu 11 Jul 2024 16:00 EDT = 2024-07-11T20:00:00Z" in text.splitlines()


def test_a_question_says_what_is_wrong() -> None:
    with pytest.raises(QuestionError, match="project: is missing"):
        Question.read({})
