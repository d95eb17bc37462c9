"""The shipped contracts quote their texts: definitions and phrases are in them word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from config.configuration import Configuration
from config.settings import SHIPPED

TEXTS = Path(__file__).parents[3] / "shared" / "contracts"
FILES = {
    "butlr": "000",
    "balto": "001",
    "botron": "002",
    "bitumio": "003",
    "standard": "004",
    "enterprise": "004",
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not TEXTS.is_dir(), reason="the five policy texts are not here"),
]


def text_of(contract: str) -> str:
    (path,) = TEXTS.glob(f"{FILES[contract]}_*.txt")
    return re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("contract", ["butlr", "balto", "bitumio", "standard", "enterprise"])
def test_severities_are_defined_in_the_words_of_the_text(
    shipped: Configuration, contract: str
) -> None:
    definitions = shipped.policy.contracts[contract].severities
    text = text_of(contract)
    for name, definition in definitions.items():
        assert name in text
        assert definition.strip() in text


def test_the_kinds_of_work_are_defined_in_the_words_of_the_text() -> None:
    document = YAML(typ="safe", pure=True).load(SHIPPED / "contracts" / "butlr.yaml")
    text = text_of("butlr")
    for name, kind in document["kinds"].items():
        assert f"“{name}”" in text
        assert kind["text"] in text


def test_permitted_downtime_is_excluded_in_the_words_of_the_text(shipped: Configuration) -> None:
    availability = shipped.policy.contracts["balto"].availability
    assert availability is not None
    text = text_of("balto")
    assert len(availability.excluded) == 7
    assert [each for each in availability.excluded.values() if each not in text] == []


def test_the_text_defines_no_severity_1(shipped: Configuration) -> None:
    assert shipped.policy.contracts["bitumio"].severities["Severity 1"] == ""


@pytest.mark.parametrize(
    ("contract", "phrase"),
    [
        ("butlr", "[Table 2] Initial Response Time"),
        ("butlr", "(Urgent, High, Normal or Low for Errors, and Normal or Low for Issues)"),
        ("butlr", "initial response in US Business Hours"),
        ("balto", "based on the response time noted on the Order Form"),
        ("balto", "Severity 1 & 2 Tickets on weekends, Support Services can be reached at 855-462"),
        ("balto", "6:00am to 9:00pm Central Time, seven days a week"),
        ("balto", "maintain at least 99.5% Uptime, calculated as follows:"),
        ("balto", "capped at a maximum of 30% of paid service"),
        ("botron", "the first response and assessment of the issue is done in 1 business day"),
        ("botron", "December 25th (Christmas), January 1st (New Year), March 3rd"),
        ("botron", "Thanksgiving Day (last Thursday of November)"),
        ("botron", "from 6,00am to 10,00pm Western European Time (GMT)"),
        ("bitumio", "Within 2 hours (between 5AM PST and 8PM EST) of initial notification"),
        ("bitumio", "Monday – Friday 8:00 a.m. to 8:00 p.m. Eastern Time, excluding U.S. federal"),
        ("bitumio", "Hourly notifications to Customer of progress."),
        ("bitumio", "Within 3 business days of the initial response, Bitumio shall provide a"),
        ("bitumio", "such as on weekends or during the week between midnight and 8:00AM (ET)"),
        ("standard", "Monday through Friday, 8:00 AM to 5:00 PM Central Time, excluding holidays"),
        ("standard", "respond to all support requests within one business day"),
        ("enterprise", "available 24x7, including holidays"),
        ("enterprise", "respond to all support requests within 30 minutes"),
    ],
)
def test_the_text_still_says_so(contract: str, phrase: str) -> None:
    assert phrase in text_of(contract)
