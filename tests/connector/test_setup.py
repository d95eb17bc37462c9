"""The SLA fields: found by name or id, made when missing, refused when ambiguous."""

from __future__ import annotations

import pytest

from connector.base import Field
from connector.errors import SetupError
from connector.setup import find_fields

FIELDS = (
    Field("summary", "Summary", custom=False, type="string"),
    Field("customfield_1", "SLA policy", custom=True, type="textfield"),
    Field("customfield_2", "Due", custom=True, type="datetime"),
    Field("customfield_3", "due", custom=True, type="datetime"),
    Field("customfield_4", "Severity", custom=True, type="select"),
    Field("customfield_5", "Prose", custom=True, type="textarea"),
)


def test_by_name_in_any_case_and_by_id() -> None:
    wanted = {"policy": "sla POLICY", "due": "customfield_3", "severity": "Severity"}
    found, missing = find_fields(FIELDS, wanted)
    assert {role: field.id for role, field in found.items()} == {
        "policy": "customfield_1",
        "due": "customfield_3",
        "severity": "customfield_4",
    }
    assert missing == ()


def test_what_is_missing_is_named() -> None:
    found, missing = find_fields(FIELDS, {"policy": "SLA policy", "level": "SLA level"})
    assert list(found) == ["policy"]
    assert missing == ("SLA level",)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"due": "Due"}, "customfield_2 and customfield_3 are all named 'Due'"),
        ({"state": "Prose"}, "is of type textarea; the state field must be of type textfield"),
        ({"level": "SLA policy"}, "must be of type float"),
        ({"policy": "summary"}, "is of type string"),
        ({"owner": "Owner"}, "'owner' is no role of a field"),
        (
            {"due": "customfield_2", "responded": "customfield_2"},
            "named for both due and responded",
        ),
    ],
)
def test_what_will_not_do_is_refused(wanted: dict[str, str], problem: str) -> None:
    with pytest.raises(SetupError, match=problem):
        find_fields(FIELDS, wanted)
