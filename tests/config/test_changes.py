"""What differs between two versions of the configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from config.calendar_changes import library_releases
from config.changes import Unchanged, changes, unchanged
from config.configuration import Configuration
from config.loader import load
from config.settings import SHIPPED

NOBODY: dict[str, Any] = {"assignee": False, "users": [], "groups": []}


@cache
def shipped() -> Configuration:
    return load(SHIPPED)


def but(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is said when the shipped configuration is changed so."""
    plain = json.loads(shipped().text)
    change(plain)
    return [str(each) for each in changes(shipped(), Configuration.from_text(json.dumps(plain)))]


def test_the_same_differs_in_nothing() -> None:
    assert but(lambda _plain: None) == []


def test_what_was_changed_is_named_with_its_parts() -> None:
    def change(plain: dict[str, Any]) -> None:
        plain["contracts"]["botron"]["title"] = "Botron"
        plain["calendars"]["botron"]["zone"] = "Europe/Berlin"
        plain["site"]["remote_link"] = False

    assert but(change) == [
        "contract botron changed: title",
        "calendar botron changed: zone",
        "site changed: remote_link",
    ]


def test_what_came_and_what_went_is_named() -> None:
    def change(plain: dict[str, Any]) -> None:
        plain["projects"]["NEW"] = plain["projects"]["HLP"]
        del plain["projects"]["BAL"]

    assert but(change) == ["project BAL removed", "project NEW added"]


def test_what_no_project_uses_any_more_need_not_be_removed() -> None:
    """A version holds what its projects use: the documents may well be in the directory still."""
    plain = json.loads(shipped().text)
    del plain["projects"]["BOT"], plain["contracts"]["botron"], plain["calendars"]["botron"]
    fewer = Configuration.from_text(json.dumps(plain))
    told = [
        "contract botron no longer used by any project",
        "calendar botron no longer used by any project",
        "project BOT removed",
    ]
    assert list(map(str, changes(shipped(), fewer))) == told
    back = [
        "contract botron now used by a project",
        "calendar botron now used by a project",
        "project BOT added",
    ]
    assert list(map(str, changes(fewer, shipped()))) == back


def test_order_forms_that_nobody_has_are_no_news() -> None:
    assert but(lambda plain: plain["order_forms"].pop("botron")) == []


def alike(change: Callable[[dict[str, Any]], object]) -> Unchanged:
    """What stays alike when the shipped configuration is changed so."""
    plain = json.loads(shipped().text)
    change(plain)
    return unchanged(shipped(), Configuration.from_text(json.dumps(plain)))


def test_a_document_is_unchanged_where_all_that_it_names_is() -> None:
    """A goal touches its contract; so does a calendar; people and the site touch everything."""
    contracts, projects = {*shipped().policy.contracts}, {*shipped().policy.projects}

    def goal(plain: dict[str, Any]) -> None:
        plain["contracts"]["botron"]["metrics"]["first_response"]["goals"][0]["target"] = "99h"

    def calendar(plain: dict[str, Any]) -> None:
        plain["calendars"]["botron"]["zone"] = "Europe/Berlin"

    def words(plain: dict[str, Any]) -> None:
        plain["contracts"]["botron"]["title"] = "Botron"

    def rule(plain: dict[str, Any]) -> None:
        plain["projects"]["BIT"]["severities"].pop()

    def alerts(plain: dict[str, Any]) -> None:
        plain["alerts"]["default"]["warnings"].clear()

    def limit(plain: dict[str, Any]) -> None:
        plain["contracts"]["standard"]["coverage"].pop()

    others = contracts - {"botron"}
    assert tuple(alike(lambda _plain: None)) == (contracts, contracts, projects, True)
    assert tuple(alike(goal)) == (others, contracts, projects, True)
    assert tuple(alike(calendar)) == (others, contracts, projects, True)
    assert tuple(alike(words)) == (others, others, projects, True)
    assert tuple(alike(rule)) == (contracts, contracts, projects, False)
    assert not alike(limit).mapping
    told_by_default = {
        key
        for key, each in json.loads(shipped().text)["projects"].items()
        if each.get("alerts", "default") == "default"
    }
    assert told_by_default
    assert alike(alerts).alerts == projects - told_by_default
    assert alike(lambda plain: plain["site"].update(remote_link=False)) == Unchanged()
    assert alike(lambda plain: plain["roles"].update(Nobody=NOBODY)) == Unchanged()


def test_of_which_releases_a_version_is_frozen_is_told_by_its_calendars_alone() -> None:
    plain = json.loads(shipped().text)
    for number, calendar in enumerate(plain["calendars"].values()):
        calendar["holiday_source"] = f"python-holidays holidays 0.{number}: days of somewhere"
    # Words elsewhere are no source; and an older version may say nothing of it.
    plain["contracts"]["botron"]["title"] = "holidays 9.9: none"
    name, calendar = plain["calendars"].popitem()
    calendar.pop("holiday_source")
    plain["calendars"][name] = calendar
    found = library_releases(Configuration.from_text(json.dumps(plain)))
    assert found == {f"0.{number}" for number in range(len(plain["calendars"]) - 1)}
