"""What differs between two versions of the configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from config.changes import changes
from config.configuration import Configuration
from config.loader import load
from config.settings import SHIPPED


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


def test_order_forms_that_nobody_has_are_no_news() -> None:
    assert but(lambda plain: plain["order_forms"].pop("botron")) == []
