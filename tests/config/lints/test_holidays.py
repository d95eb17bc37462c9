"""Days on which a calendar is closed are listed for long enough, and are those that are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.lints.sound import HOURS, SITE, assert_found


@pytest.mark.parametrize(
    ("file", "changes", "where", "said"),
    [
        pytest.param(
            HOURS, ("  tue: *day\n  wed: *day\n  thu: *day\n  fri: *day\n", "",
                    "  - { parameter", "  - 2026-11-23\n  - 2026-11-30\n  - { parameter"),
            "calendars/hours.yaml: weekly", "has no opening in the 14 days from 2026-11-22",
            id="a calendar that stays closed",
        ),
        pytest.param(
            SITE, ("days: [{ month: 5, weekday: mon, nth: -1 }]",
                   "days: [2027-01-01, 2027-02-20, 2026-12-26]"),
            "projects.yaml: parameters.acme.days[1]", "the list ends with 2027-02-20",
            id="a list that ends in 90 days",
        ),
        pytest.param(
            SITE, ("days: [{ month: 5, weekday: mon, nth: -1 }]", "days: [2027-02-21]"),
            "", "", id="a list that ends in 91 days",
        ),
        pytest.param(
            HOURS, ("- { parameter: days }", "- 2026-01-01\n  - { parameter: days }"),
            "", "", id="a date beside rules",
        ),
        pytest.param(
            HOURS, ("- { parameter: days }", "- { icalendar: days.ics }\n  - { parameter: days }"),
            "calendars/hours.yaml: holidays[1]", "the list ended with 2026-06-01",
            id="a file that ended",
        ),
        pytest.param(
            HOURS, ("month: 12, day: 25", "month: 11, weekday: thu, nth: -1"),
            "calendars/hours.yaml: holidays[0]",
            "the last Thursday of November, which is not the fourth in 2028, 2029, 2034 and 2035",
            id="Thanksgiving",
        ),
        pytest.param(
            HOURS, ("month: 12, day: 25", "month: 2, weekday: mon, nth: 5"),
            "calendars/hours.yaml: holidays[0]",
            "is a fifth weekday, which the month does not",
            id="a fifth Monday",
        ),
        pytest.param(
            HOURS, ("title: Hours of Acme", "note: Closed on the last Thursday of November.",
                    "month: 12, day: 25", "month: 11, weekday: thu, nth: 4"),
            "calendars/hours.yaml: note",
            "the calendar acme/hours is closed on the fourth one in 2028, 2029, 2034 and 2035",
            id="the last, as the text says",
        ),
    ],
)  # fmt: skip
def test_what_is_found(
    sound: Path, file: str, changes: tuple[str, ...], where: str, said: str
) -> None:
    assert_found(sound, file, changes, where, said)
