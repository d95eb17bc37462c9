"""What was said is named for people, without the names of rules and keys."""

from __future__ import annotations

from typing import Any

import pytest

from webhooks.console.questions.sayings import name_of


@pytest.mark.parametrize(
    ("key", "facts", "name"),
    [
        ("acknowledgement", {}, "Acknowledgement"),
        ("required-information", {}, "Checklist"),
        ("first_response/1/warning-75%", {}, "Warning at 75% of the goal: first response"),
        ("first_response/2/warning-1h30m-left", {"metric": "first reply"},
         "Warning with 1 h 30 min left: first reply 2"),
        ("first_response/1/breach/again-1", {}, "Breach announced: first response"),
        ("resolution/1/correction", {}, "Breach taken back: resolution"),
        ("resolution/1/level-2", {"level": 2, "level_name": "Managers"},
         "Escalation to level 2, Managers: resolution"),
        ("notice/customer-data/2024-07-11T16:55:30+00:00", {}, "Notice: customer data"),
        ("notice/x", {"text": "y" * 90}, f"Notice: {'y' * 80}…"),
        ("escalation/raise/level-3/again-7", {}, "Escalation on request to level 3"),
        ("escalation/raise/routed", {"level": 1, "level_name": "Desk"},
         "Escalation on request to level 1, Desk"),
        ("escalation/raise/request", {}, "Asks for an escalation"),
    ],
)  # fmt: skip
def test_a_saying_is_named_for_people(key: str, facts: dict[str, Any], name: str) -> None:
    assert name_of(key, facts) == name
