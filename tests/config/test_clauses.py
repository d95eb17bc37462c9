"""Each published text is carried out whole: no sentence of it is in no clause of its contract."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.settings import SHIPPED

TEXTS = Path(__file__).parents[3] / "shared" / "contracts"
CONTRACTS = SHIPPED / "contracts"
"""Where the clause lists are; a file of which only `clauses` is written will do for a trial."""

FILES = {
    "butlr": "000",
    "balto": "001",
    "botron": "002",
    "bitumio": "003",
    "standard": "004",
    "enterprise": "004",
}
OTHER_PLAN = {
    "standard": ("Enterprise Support", "Subscribe for product updates"),
    "enterprise": ("Standard Support", "Enterprise Support"),
}
"""One page, two contracts: from which line to before which line the page is not about this one."""

LONGEST = 600
"""Characters. No sentence is longer, so a longer span has found the wrong end."""

# What each row of the tables in clauses.md became: ids of the contract, or contracts, of that text.
ROWS: dict[tuple[str, int], tuple[str, ...]] = {
    ("000", 1): ("Intro: subscription",),
    ("000", 2): ("1: delivered products", "Intro: what support is"),
    ("000", 3): ("1.1: Issue", "1.1: Error", "1.2: priorities by kind"),
    ("000", 4): ("1.2: Urgent", "1.2: High", "1.2: Normal", "1.2: Low"),
    ("000", 5): ("1.2: priority", "1.2: priority confirmation", "1.2: disagreement"),
    ("000", 6): ("1.2: increase of priority",),
    ("000", 7): ("1.2: Response Time", "1.2: US Business Hours", "1.2: Table 2"),
    ("000", 8): ("1.2: no resolution timeframe",),
    ("000", 9): ("1.1: outside of the Support Portal", "1.1: Support Portal"),
    ("000", 10): ("1.1: English", "1.1: Support Contacts"),
    ("000", 11): ("1.3: phone call", "1.3: phone number"),
    ("000", 12): (
        "1.3: data and access",
        "1.3: backups",
        "1.3: no PII",
        "1.3: on-site help",
        "1.3: batteries",
    ),
    ("000", 13): ("1.1: Error support",),
    ("000", 14): (
        "1.4: grounds of escalation",
        "1.4: escalation ticket",
        "1.4: mobile phone number",
        "1.4: routing",
        "1.4: engagement",
    ),
    ("001", 1): ("Support Services: Support Hours",),
    ("001", 2): ("Support Services: response time",),
    ("001", 3): ("Support Services: response",),
    ("001", 4): ("Support Services: weekend emergencies",),
    ("001", 5): (
        "Severity 1: definition",
        "Severity 2: definition",
        "Severity 3: definition",
        "Severity 4: definition",
    ),
    ("001", 6): ("Support Services: proactive escalation",),
    ("001", 7): ("Support Services: error corrections",),
    ("001", 8): ("Business Hours: hours",),
    ("001", 9): ("Business Hours: maintenance",),
    ("001", 10): ("Downtime: start", "Downtime: end", "Downtime: Business Hours"),
    ("001", 11): (
        "Downtime: Permitted Downtime",
        "Downtime: third parties",
        "Downtime: slowness",
        "Downtime: pilots",
        "Downtime: outside of control",
        "Downtime: Balto Cloud",
        "Downtime: workflows",
        "Downtime: subset of customers",
    ),
    ("001", 12): (
        "Service Level Agreement: commitment",
        "Uptime Commitment: Uptime",
        "Uptime Commitment: 99.5%",
    ),
    ("001", 13): (
        "Service Credits: amount",
        "Service Credits: no cash",
        "Service Credits: cap",
        "Service Credits: invoices",
        "Service Credits: termination",
        "Service Credits: sole remedy",
        "Note: accounts",
    ),
    ("001", 14): ("Note: status page",),
    ("002", 1): (
        "Response time and SLA: first response",
        "Response time and SLA: assessment",
    ),
    ("002", 2): ("Response time and SLA: no resolution threshold",),
    ("002", 3): ("Response time and SLA: business days",),
    ("002", 4): ("Response time and SLA: business hours",),
    ("002", 5): ("Notifications: automatic reply",),
    ("002", 6): ("Notifications: progress",),
    ("002", 7): ("Support: access", "Case Management System", "Email"),
    ("002", 8): ("Case Management System: kinds",),
    ("002", 9): (
        "Required Information",
        "Required Information: subject",
        "Required Information: contact names",
        "Required Information: contact information",
        "Required Information: product",
        "Required Information: description",
        "Required Information: configuration",
        "Required Information: error messages",
        "Required Information: steps",
        "Required Information: changes",
    ),
    ("003", 1): ("1: fees",),
    ("003", 2): ("1: priority",),
    ("003", 3): ("4.1: Severity 1 response", "4.1: Severity 1 definition"),
    ("003", 4): ("4.1: Severity 1 efforts",),
    ("003", 5): ("4.1: Severity 1 notifications",),
    ("003", 6): ("4.1: Severity 2 response", "4.1: Severity 2 efforts"),
    ("003", 7): ("4.1: Severity 3 response", "4.1: Severity 3 substantive response"),
    ("003", 8): ("4.1: Severity 3 bug", "4.1: Severity 3 bug correction"),
    ("003", 9): ("3.2: business hours",),
    ("003", 10): ("3.2: contact",),
    ("003", 11): ("3.1: self-help", "3.2: asking for support"),
    ("003", 12): ("3.2: channels", "3.2: tickets"),
    ("003", 13): ("2.1: availability", "2.2: scheduled maintenance"),
    ("003", 14): ("2.3: unscheduled maintenance",),
    ("003", 15): (
        "4.2: limitations",
        "4.2: site visits",
        "4.2: third parties",
        "4.2: modifications not implemented",
    ),
    ("003", 16): ("5: training",),
    ("004", 1): ("Standard: plan", "Enterprise: plan"),
    ("004", 2): ("Standard: Support Hours",),
    ("004", 3): ("Standard: outside of hours",),
    ("004", 4): ("Standard: Response Time", "Standard: may vary"),
    ("004", 5): (
        "Enterprise: Support Hours",
        "Enterprise: Response Time",
        "Enterprise: may vary",
    ),
    ("004", 6): ("Standard: Support Priority", "Enterprise: Support Priority"),
    ("004", 7): ("Standard: Support Channels", "Enterprise: Support Channels"),
    ("004", 8): (
        "Standard: Support Exclusions",
        "Standard: third parties",
        "Standard: customer modifications",
        "Standard: unauthorized access",
        "Enterprise: Support Exclusions",
        "Enterprise: third parties",
        "Enterprise: customer modifications",
        "Enterprise: unauthorized access",
    ),
    ("004", 9): (
        "Enterprise: Support Escalation",
        "Enterprise: expected timeframe",
        "Enterprise: escalation levels",
    ),
    ("004", 10): ("Standard: Disclaimer", "Enterprise: Disclaimer"),
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not TEXTS.is_dir(), reason="the five policy texts are not here"),
]


@cache
def page(number: str) -> str:
    """A published text, a line each for what stands on a line, with single spaces in it."""
    (path,) = TEXTS.glob(f"{number}_*.txt")
    lines = (" ".join(line.split()) for line in path.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line)


@cache
def text_of(contract: str) -> str:
    """What of its page a contract answers for: all of it, less the other plan's section."""
    whole = page(FILES[contract])
    if contract not in OTHER_PLAN:
        return whole
    first, beyond = (f"\n{line}\n" for line in OTHER_PLAN[contract])
    begin = whole.index(first)
    return whole[:begin] + whole[whole.index(beyond, begin) :]


@cache
def clauses_of(contract: str) -> list[dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load(CONTRACTS / f"{contract}.yaml")
    clauses: list[dict[str, Any]] = document["clauses"]
    return clauses


def passages_of(contract: str) -> list[tuple[str, str]]:
    """Each passage with the clause that it belongs to."""
    return [
        (clause["id"], passage)
        for clause in clauses_of(contract)
        for passage in clause.get("passages", [])
    ]


def places(passage: str, text: str) -> list[tuple[int, int]]:
    """Where "first words … last words" stands, each time from the first words to the nearest last.

    What is a whole line somewhere, such as a heading, is meant there and nowhere else.
    """
    first, *rest = (
        r"\s".join(re.escape(word) for word in part.split()) for part in passage.split("…")
    )
    span = "".join([first, *(rf"(?:(?!{first}).)*?{last}" for last in rest)])
    found = re.finditer(rf"(?<!\w){span}(?!\w)", text, re.DOTALL)
    spans = [(match.start(), match.end()) for match in found]
    return [each for each in spans if is_line(*each, text)] or spans


def is_line(begin: int, end: int, text: str) -> bool:
    """Whether nothing but bullets and other marks stands on the same lines beside it."""
    before = text[text.rfind("\n", 0, begin) + 1 : begin]
    after = text[end:].partition("\n")[0]
    return not re.search(r"\w", before + after)


def uncovered(text: str, spans: list[tuple[int, int]]) -> str | None:
    """The first sentence with a word in no span, or nothing."""
    covered = bytearray(len(text))
    for begin, end in spans:
        covered[begin:end] = bytes([1]) * (end - begin)
    for word in re.finditer(r"\w+", text):
        if not all(covered[word.start() : word.end()]):
            return sentence_at(word.start(), text)
    return None


def sentence_at(position: int, text: str) -> str:
    """The sentence or list item around a position."""
    end = 0
    for sentence in re.split(r"(?<=[.!?])(?= )|(?<=\n)", text):
        end += len(sentence)
        if position < end:
            return sentence.strip()
    raise AssertionError


def rows() -> list[tuple[str, int]]:
    """The rows of the tables in clauses.md, by the number of the text and the row's own."""
    found = []
    number = ""
    for line in (TEXTS / "clauses.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (\S+)", line):
            number = heading[1]
        elif row := re.match(r"\| *(\d+) *\|", line):
            found.append((number, int(row[1])))
    return found


def test_each_text_has_its_contract() -> None:
    texts = {path.name[:3] for path in TEXTS.glob("*.txt")}
    assert texts == set(FILES.values())
    assert [each for each in FILES if not (CONTRACTS / f"{each}.yaml").is_file()] == []


@pytest.mark.parametrize("contract", FILES)
def test_each_clause_says_where_it_stands(contract: str) -> None:
    assert [each["id"] for each in clauses_of(contract) if not each.get("passages")] == []


@pytest.mark.parametrize("contract", FILES)
def test_each_passage_is_in_the_text(contract: str) -> None:
    text = text_of(contract)
    assert [each for each in passages_of(contract) if not places(each[1], text)] == []


@pytest.mark.parametrize("contract", FILES)
def test_no_passage_runs_beyond_a_sentence(contract: str) -> None:
    text = text_of(contract)
    too_long = [
        (clause, passage)
        for clause, passage in passages_of(contract)
        if any(end - begin > LONGEST for begin, end in places(passage, text))
    ]
    assert too_long == []


@pytest.mark.parametrize("contract", FILES)
def test_no_sentence_is_in_no_clause(contract: str) -> None:
    text = text_of(contract)
    spans = chain.from_iterable(places(passage, text) for _, passage in passages_of(contract))
    assert uncovered(text, list(spans)) is None


def test_the_two_plans_leave_nothing_of_their_page_to_the_other() -> None:
    lines = {*text_of("standard").splitlines(), *text_of("enterprise").splitlines()}
    assert lines == set(page("004").splitlines())


def test_the_reading_has_no_row_that_is_not_mapped() -> None:
    assert sorted(rows()) == sorted(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_each_row_of_the_reading_is_carried_by_clauses(row: tuple[str, int]) -> None:
    contracts = [contract for contract, number in FILES.items() if number == row[0]]
    ids = {clause["id"] for contract in contracts for clause in clauses_of(contract)}
    assert [each for each in ROWS[row] if each not in ids] == []
