"""The shipped contracts quote their texts: definitions and phrases are in them word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.configuration import Configuration

TEXTS = Path(__file__).parents[3] / "shared" / "contracts"
FILES = {"botron": "002", "bitumio": "003", "standard": "004", "enterprise": "004"}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not TEXTS.is_dir(), reason="the five policy texts are not here"),
]


def text_of(contract: str) -> str:
    (path,) = TEXTS.glob(f"{FILES[contract]}_*.txt")
    return re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("contract", ["bitumio", "standard", "enterprise"])
def test_severities_are_defined_in_the_words_of_the_text(
    shipped: Configuration, contract: str
) -> None:
    definitions = shipped.policy.contracts[contract].severities
    text = text_of(contract)
    for name, definition in definitions.items():
        assert name in text
        assert definition.strip() in text


def test_the_text_defines_no_severity_1(shipped: Configuration) -> None:
    assert shipped.policy.contracts["bitumio"].severities["Severity 1"] == ""


@pytest.mark.parametrize(
    ("contract", "phrase"),
    [
        ("botron", "the first response and assessment of the issue is done in 1 business day"),
        ("botron", "December 25th (Christmas), January 1st (New Year), March 3rd"),
        ("botron", "Thanksgiving Day (last Thursday of November)"),
        ("botron", "from 6,00am to 10,00pm Western European Time (GMT)"),
        ("bitumio", "Within 2 hours (between 5AM PST and 8PM EST) of initial notification"),
        ("bitumio", "Monday – Friday 8:00 a.m. to 8:00 p.m. Eastern Time, excluding U.S. federal"),
        ("standard", "Monday through Friday, 8:00 AM to 5:00 PM Central Time, excluding holidays"),
        ("standard", "respond to all support requests within one business day"),
        ("enterprise", "available 24x7, including holidays"),
        ("enterprise", "respond to all support requests within 30 minutes"),
    ],
)
def test_the_text_still_says_so(contract: str, phrase: str) -> None:
    assert phrase in text_of(contract)
