"""The six shipped contracts run as they are written: instants worked out by hand from the texts.

Where a text leaves a figure open, the figures here are made up: Butlr with hours from 09:00 to
17:00 in New York, and an Order Form of Balto's for 08:00 to 18:00 in Chicago.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ruamel.yaml import YAML

from config.choices import readings_used
from config.configuration import Configuration
from config.loader import load
from config.positions import read
from config.settings import SHIPPED
from sla.availability import Availability, Downtime, uptime
from sla.credits import credit
from sla.cycle import Cycle
from sla.decide import Decision, Ledger, decide
from sla.mapping import cover
from sla.notices import Relative
from sla.timeline import (
    CREATION,
    Account,
    Changed,
    CommentSeen,
    Created,
    Event,
    FieldValue,
    Linked,
    Seen,
    Timeline,
)

CONTRACTS = ("butlr", "balto", "botron", "bitumio", "standard", "enterprise")
NEW_YORK, CHICAGO, GMT = map(ZoneInfo, ("America/New_York", "America/Chicago", "Etc/UTC"))

NOT_DRIVEN = {
    "butlr": {"subscription-ends", "increase-effective", "major-incident"},
    "balto": {"automatic-reply", "severity-overlap", "significant-subset"},
    "botron": set(),
    "bitumio": set(),
    "standard": {"plan", "outside-of-hours"},
    "enterprise": {"expected-timeframe"},
}
"""Choices whose readings no value of the contract depends on: people carry them out."""

HOUSE = """\
time_zone: America/New_York
weekly: { mon: &day [["09:00", "17:00"]], tue: *day, wed: *day, thu: *day, fri: *day }
holidays: [{ parameter: holidays }]
"""
ORDER_FORM = """\
time_zone: America/Chicago
weekly: { mon: &day [["08:00", "18:00"]], tue: *day, wed: *day, thu: *day, fri: *day }
"""
BUTLR: dict[str, Any] = {
    "us-business-hours": "house",
    "holidays": [{"date": "2024-07-04", "name": "Independence Day"}],
    "error-urgent": "1h",
    "error-high": "4h",
    "error-normal": "1 business day",
    "error-low": "2 business days",
    "issue-normal": "8h",
    "issue-low": "3 business days",
    "phone": "555-0100",
}
BALTO = {
    "support-hours": "order-form",
    "weekend-support-hours": "balto",
    "response-severity-1": "1h",
    "response-severity-2": "4h",
    "response-severity-3": "8h",
    "response-severity-4": "1 business day",
    "monthly-fee": "3000",
}


@cache
def shipped_projects() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(SHIPPED / "projects.yaml")
    return document


Site = Callable[..., Configuration]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The example site with every parameter set, and some choices settled otherwise."""

    @cache
    def build(*settled: tuple[str, str, str]) -> Configuration:
        directory = tmp_path_factory.mktemp("site")
        (directory / "calendars").mkdir()
        for name, text in (("house", HOUSE), ("order-form", ORDER_FORM)):
            (directory / "calendars" / f"{name}.yaml").write_text(text, encoding="utf-8")
        write_projects(directory, settled)
        return load(directory)

    return build


def write_projects(directory: Path, settled: tuple[tuple[str, str, str], ...]) -> None:
    choices: dict[str, dict[str, Any]] = {}
    for contract, choice, reading in settled:
        decided = {"chosen": reading, "by": "A test", "on": "2026-11-22"}
        choices.setdefault(contract, {})[choice] = decided
    projects = shipped_projects()
    whole = {
        **projects,
        "parameters": {**projects["parameters"], "butlr": BUTLR},
        "customers": {"Acme": {"balto": BALTO}},
        "choices": choices,
    }
    # JSON is YAML.
    (directory / "projects.yaml").write_text(json.dumps(whole), encoding="utf-8")
    site = (SHIPPED / "site.yaml").read_text(encoding="utf-8")
    (directory / "site.yaml").write_text(site, encoding="utf-8")


# --- issues -------------------------------------------------------------------------------------

AGENT, CUSTOMER = Account("agent"), Account("carl", "customer")


def at(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def reply(when: datetime, text: str = "We are on it.", author: Account = AGENT) -> Event:
    return CommentSeen(when, f"c{when:%d%H%M}", when, author, True, text)


def change(when: datetime, name: str, after: FieldValue, before: FieldValue = None) -> Event:
    return Changed(when, f"{when:%d%H%M%S}", name, before, after)


def issue(project: str, created: datetime, *more: Event, **fields: FieldValue) -> Timeline:
    known: dict[str, FieldValue] = {
        "project": project,
        "key": f"{project}-1",
        "reporter": CUSTOMER.id,
        "issuetype": "Bug",
        "priority": "Medium",
        "resolution": None,
        "status": "To Do",
        **{name.replace("_", " "): value for name, value in fields.items()},
    }
    return Timeline.of([Created(created), Seen(created, known, CREATION), *more])


def judged(
    site: Configuration, timeline: Timeline, now: datetime, relatives: tuple[Relative, ...] = ()
) -> Decision:
    return decide(timeline, site.policy, Ledger(), now, issue_id="10001", relatives=relatives)


def cycles(site: Configuration, timeline: Timeline, metric: str, now: datetime) -> list[Cycle]:
    return [each for each in judged(site, timeline, now).cycles if each.metric == metric]


def due(site: Configuration, timeline: Timeline) -> datetime:
    created = timeline.created_at
    assert created is not None
    (cycle,) = cycles(site, timeline, "first_response", created)
    return cycle.promise.due_at


def reason(site: Configuration, project: str, **fields: FieldValue) -> str:
    names = {name.replace("_", " "): value for name, value in fields.items()}
    return cover(site.policy, {"project": project, "issuetype": "Bug", **names}).reason


# --- documents ----------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_rule_is_carried_out_or_says_by_what(contract: str) -> None:
    """Beside the check of the loader: that a choice speaks of a clause does not carry it out."""
    document = YAML(typ="safe", pure=True).load(SHIPPED / "contracts" / f"{contract}.yaml")
    parts = {k: v for k, v in document.items() if k not in ("clauses", "choices", "parameters")}
    cited = set(clauses_in(parts))
    rules = [each for each in document["clauses"] if "rule" in each["became"]]
    assert [each["id"] for each in rules if each["id"] not in cited and "by" not in each] == []


def clauses_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("clause"), str):
            yield value["clause"]
        for each in value.values():
            yield from clauses_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from clauses_in(each)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_ambiguity_has_its_choice_and_every_choice_a_worked_example(
    shipped: Configuration, contract: str
) -> None:
    found = shipped.policy.contracts[contract]
    ambiguous = {clause.id for clause in found.clauses if "ambiguity" in clause.kinds}
    assert ambiguous == {choice.clause for choice in found.choices} | (
        {"4.1: Severity 3 substantive response"} if contract == "bitumio" else set()
    )
    for choice in found.choices:
        assert choice.chosen in choice.readings
        assert choice.decided_by == "The authors of Dueline"
        assert choice.decided_on == "2026-11-21"
        assert "hour" in choice.example or "minutes" in choice.example


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_choice_drives_a_value_or_is_for_people(contract: str) -> None:
    path = SHIPPED / "contracts" / f"{contract}.yaml"
    document = read(path, path.name)
    known = {str(each["id"]) for each in listed(document.data["choices"])}
    assert known - set(readings_used(document)) == NOT_DRIVEN[contract]


def listed(value: Any) -> list[dict[str, Any]]:
    assert isinstance(value, list)
    return value


def other_readings() -> Iterator[tuple[str, str, str]]:
    for contract in CONTRACTS:
        document = YAML(typ="safe", pure=True).load(SHIPPED / "contracts" / f"{contract}.yaml")
        for choice in document["choices"]:
            others = [name for name in choice["readings"] if name != choice["chosen"]]
            yield from ((contract, choice["id"], name) for name in others)


@pytest.mark.parametrize("settled", list(other_readings()), ids="/".join)
def test_every_other_reading_of_every_choice_can_be_settled_on(
    filled: Site, settled: tuple[str, str, str]
) -> None:
    contract, choice, reading = settled
    found = filled(settled).policy.contracts[contract]
    assert {each.id: each.chosen for each in found.choices}[choice] == reading


@pytest.mark.parametrize("contract", CONTRACTS)
def test_nothing_is_promised_without_its_figures(shipped: Configuration, contract: str) -> None:
    """The example site sets no parameter but the holidays of `standard`."""
    refused = {
        name: [goal.clause for goal in metric.goals if hasattr(goal, "missing")]
        for metric in shipped.policy.contracts[contract].metrics
        for name in [metric.name]
    }
    assert {name: len(found) for name, found in refused.items() if found} == {
        "butlr": {"first_response": 6},
        "balto": {"first_response": 4},
    }.get(contract, {})


@pytest.mark.parametrize("contract", ["butlr", "balto"])
def test_the_example_site_shows_how_to_set_each_parameter_and_sets_none(contract: str) -> None:
    text = (SHIPPED / "projects.yaml").read_text(encoding="utf-8")
    shown = set(re.findall(r"^# +([\w-]+): *[\"[]?\.\.\.", text, re.MULTILINE))
    document = YAML(typ="safe", pure=True).load(SHIPPED / "contracts" / f"{contract}.yaml")
    # The reading that holds has no need of it.
    assert set(document["parameters"]) - shown <= {"weekend-support-hours"}
    assert set(shipped_projects()["parameters"]) == {"standard"}
    assert "customers" not in shipped_projects()


# --- Butlr --------------------------------------------------------------------------------------

BY_PRIORITY = {
    ("Bug", "Highest"): ("Error", "Urgent"),
    ("Bug", "High"): ("Error", "High"),
    ("Bug", "Medium"): ("Error", "Normal"),
    ("Bug", "Low"): ("Error", "Low"),
    ("Bug", "Lowest"): ("Error", "Low"),
    ("Question", "Highest"): ("Issue", "Normal"),
    ("Question", "High"): ("Issue", "Normal"),
    ("Question", "Medium"): ("Issue", "Normal"),
    ("Question", "Low"): ("Issue", "Low"),
    ("Question", "Lowest"): ("Issue", "Low"),
}
TYPES = ("Bug", "Question", "Escalation", "Task")
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")


@pytest.mark.parametrize(("kind", "priority"), list(product(TYPES, PRIORITIES)))
def test_butlr_tells_errors_from_issues(shipped: Configuration, kind: str, priority: str) -> None:
    found = cover(shipped.policy, {"project": "BTL", "issuetype": kind, "priority": priority})
    assert (found.kind, found.severity) == BY_PRIORITY.get((kind, priority), (None, None))
    assert found.contract is not None


@pytest.mark.parametrize("kind", ["Bug", "Question"])
def test_butlr_knows_what_has_a_priority_of_the_sites_own(
    shipped: Configuration, kind: str
) -> None:
    found = cover(shipped.policy, {"project": "BTL", "issuetype": kind, "priority": "Blocker"})
    assert found.severity == "Normal"


def test_butlr_refuses_by_name_what_nobody_set(shipped: Configuration) -> None:
    fields = {"project": "BTL", "issuetype": "Bug", "priority": "Highest"}
    why = cover(shipped.policy, fields).why_not("first_response")
    assert "the parameter `error-urgent` of butlr is not set" in why
    assert "the parameter `us-business-hours` of butlr is not set" in why
    assert "error-high" not in why


@pytest.mark.parametrize(
    ("kind", "priority", "reported", "expected"),
    [
        ("Bug", "Highest", "2024-07-09 10:00", "2024-07-09 11:00"),
        # Friday 16:30: half an hour, the other on Monday.
        ("Bug", "Highest", "2024-07-12 16:30", "2024-07-15 09:30"),
        # The 4th of July, a Thursday, is a holiday: 2 hours on Wednesday, 2 on Friday.
        ("Bug", "High", "2024-07-03 15:00", "2024-07-05 11:00"),
        # A business day has 8 hours; the clocks go back on Sunday 2024-11-03.
        ("Bug", "Medium", "2024-11-01 12:00", "2024-11-04 12:00"),
        ("Bug", "Low", "2024-07-09 10:00", "2024-07-11 10:00"),
        ("Question", "Highest", "2024-07-09 10:00", "2024-07-10 10:00"),
        ("Question", "Lowest", "2024-07-13 12:00", "2024-07-17 17:00"),
    ],
)
def test_butlr_responds_in_us_business_hours(
    filled: Site, kind: str, priority: str, reported: str, expected: str
) -> None:
    made = issue("BTL", at(reported), issuetype=kind, priority=priority)
    assert due(filled(), made) == at(expected)


@pytest.mark.parametrize(
    ("name", "value", "clause"),
    [
        ("Subscription", "Ended", "Intro: subscription"),
        ("Language", "German", "1.1: English"),
        ("labels", ("no-support-contact",), "1.1: Support Contacts"),
        ("Not covered because", "Training", "Intro: what support is"),
        ("Not covered because", "Other product", "1: delivered products"),
        ("Not covered because", "Third party", "1.1: other hardware and software"),
    ],
)
def test_butlr_does_not_cover(
    shipped: Configuration, name: str, value: FieldValue, clause: str
) -> None:
    found = cover(
        shipped.policy, {"project": "BTL", "issuetype": "Bug", "priority": "High", name: value}
    )
    assert not found.covered
    assert f"(clause {clause})" in found.reason


def test_outside_of_the_portal_only_the_response_times_are_gone(filled: Site) -> None:
    fields = {"project": "BTL", "issuetype": "Bug", "priority": "High"}
    by_mail = cover(filled().policy, {**fields, "Channel": "E-mail"})
    assert by_mail.covered
    assert by_mail.goal("first_response") is None
    assert "1.1: outside of the Support Portal" in by_mail.why_not("first_response")
    for channel in (None, "Portal"):
        assert cover(filled().policy, {**fields, "Channel": channel}).goal("first_response")


@pytest.mark.parametrize(
    ("reading", "expected", "conditional"),
    [
        ("from_ticket", "2024-07-09 11:00", ["phone-call"]),
        ("from_call", None, []),
        ("unconditional", "2024-07-09 11:00", []),
    ],
)
def test_the_phone_call_for_an_urgent_ticket(
    filled: Site, reading: str, expected: str | None, conditional: list[str]
) -> None:
    site = filled(("butlr", "phone-condition", reading))
    made = issue("BTL", at("2024-07-09 10:00"), priority="Highest")
    (cycle,) = cycles(site, made, "first_response", at("2024-07-09 10:30"))
    assert cycle.due_at == (at(expected) if expected else None)
    assert [duty.id for duty in cycle.conditional_on] == conditional

    call = change(at("2024-07-09 10:40"), "Phone call", "Done")
    called = issue("BTL", at("2024-07-09 10:00"), call, priority="Highest")
    (cycle,) = cycles(site, called, "first_response", at("2024-07-09 10:50"))
    assert cycle.due_at == at("2024-07-09 11:40" if reading == "from_call" else "2024-07-09 11:00")
    assert cycle.conditional_on == ()


def test_the_customer_is_told_to_phone_and_where(filled: Site) -> None:
    told = {
        priority: said.facts["duties"]
        for priority in ("Highest", "High")
        for said in judged(
            filled(),
            issue("BTL", at("2024-07-09 10:00"), priority=priority),
            at("2024-07-09 10:00"),
        ).sayings
        if said.occasion == "acknowledgement"
    }
    assert told["High"] == []
    assert isinstance(told["Highest"], list)
    (duty,) = told["Highest"]
    assert duty.endswith("Telephone: 555-0100.")


@pytest.mark.parametrize(
    ("reading", "expected"),
    [("from_report", "2024-07-09 14:00"), ("from_confirmed_priority", "2024-07-09 15:30")],
)
def test_the_start_of_the_response_time(filled: Site, reading: str, expected: str) -> None:
    confirmed = change(at("2024-07-09 11:30"), "Priority confirmed", "Yes")
    made = issue("BTL", at("2024-07-09 10:00"), confirmed, priority="High")
    site = filled(("butlr", "response-time", reading))
    (cycle,) = cycles(site, made, "first_response", at("2024-07-09 12:00"))
    assert cycle.due_at == at(expected)


@pytest.mark.parametrize(
    ("reading", "expected"), [("no_pause", "2024-07-09 14:00"), ("pause", "2024-07-09 16:00")]
)
def test_waiting_for_the_customers_data(filled: Site, reading: str, expected: str) -> None:
    asked = change(at("2024-07-09 10:30"), "status", "Waiting for customer", "To Do")
    came = change(at("2024-07-09 12:30"), "status", "In Progress", "Waiting for customer")
    made = issue("BTL", at("2024-07-09 10:00"), asked, came, priority="High")
    site = filled(("butlr", "customer-data", reading))
    (cycle,) = cycles(site, made, "first_response", at("2024-07-09 13:00"))
    assert cycle.due_at == at(expected)


@pytest.mark.parametrize(
    ("kind", "words", "asked"),
    [
        ("Bug", "Please increase the priority, nobody can work.", True),
        ("Bug", "Could the priority be raised?", True),
        ("Bug", "Is there any news?", False),
        # An Issue has no such right.
        ("Question", "Please increase the priority.", False),
    ],
)
def test_a_request_for_a_higher_priority(
    shipped: Configuration, kind: str, words: str, asked: bool
) -> None:
    said = reply(at("2024-07-09 11:00"), words, CUSTOMER)
    made = issue("BTL", at("2024-07-09 10:00"), said, issuetype=kind)
    sayings = judged(shipped, made, at("2024-07-09 12:00")).sayings
    found = [each for each in sayings if "increase-requested" in each.key]
    assert [each.audience.groups for each in found] == ([("support",)] if asked else [])


def escalation(*more: Event, **fields: FieldValue) -> Timeline:
    return issue(
        "BTL",
        at("2024-07-09 12:00"),
        Linked(at("2024-07-09 12:00"), "1", "10001"),
        *more,
        issuetype="Escalation",
        key="BTL-2",
        **fields,
    )


@pytest.mark.parametrize(
    ("old", "new", "reading", "routed"),
    [
        ({"priority": "High", "Deployment": "Production"}, {}, "wanted", True),
        ({"priority": "High"}, {"Deployment": "Production"}, "wanted", True),
        ({"priority": "High", "Deployment": "Staging"}, {}, "wanted", False),
        ({"priority": "Medium", "Deployment": "Production"}, {}, "wanted", False),
        ({"priority": "High", "Deployment": "Production"}, {}, "required", False),
        (
            {"priority": "High", "Deployment": "Production"},
            {"Mobile phone": "555-0101"},
            "required",
            True,
        ),
    ],
)
def test_escalation_by_a_new_issue(
    filled: Site,
    old: Mapping[str, str],
    new: Mapping[str, str],
    reading: str,
    routed: bool,
) -> None:
    site = filled(("butlr", "mobile-number", reading))
    first = issue("BTL", at("2024-07-09 10:00"), **old)
    second = escalation(**new)
    now = at("2024-07-09 13:00")
    heard = judged(site, first, now, (Relative("10002", second),)).sayings
    assert [each.audience.groups for each in heard if each.occasion == "request"] == (
        [("support-leads", "managers")] if routed else []
    )
    decision = decide(
        second,
        site.policy,
        Ledger(),
        now,
        issue_id="10002",
        relatives=[Relative("10001", first)],
    )
    assert not decision.coverage.covered
    assert [each.assign for each in decision.sayings if each.occasion == "request"] == (
        [True] if routed else []
    )


# --- Balto --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "reported", "expected"),
    [
        ("Highest", "2024-07-09 10:00", "2024-07-09 11:00"),
        # Saturday waits for Monday: the Support Hours are those of the Order Form.
        ("Highest", "2024-07-13 12:00", "2024-07-15 09:00"),
        ("High", "2024-07-12 16:00", "2024-07-15 10:00"),
        ("Medium", "2024-07-09 17:00", "2024-07-10 15:00"),
        # A business day of 10 hours.
        ("Low", "2024-07-12 10:00", "2024-07-15 10:00"),
        ("Lowest", "2024-07-12 10:00", "2024-07-15 10:00"),
    ],
)
def test_balto_responds_as_the_order_form_says(
    filled: Site, priority: str, reported: str, expected: str
) -> None:
    made = issue("BAL", at(reported, CHICAGO), priority=priority, Customer="Acme")
    assert due(filled(), made) == at(expected, CHICAGO)


def test_balto_may_be_read_to_respond_on_weekends(filled: Site) -> None:
    site = filled(("balto", "weekend-clock", "weekends_too"))
    saturday = at("2024-07-13 12:00", CHICAGO)
    highest, medium = (
        due(site, issue("BAL", saturday, priority=each, Customer="Acme"))
        for each in ("Highest", "Medium")
    )
    assert highest == at("2024-07-13 13:00", CHICAGO)
    assert medium == at("2024-07-15 16:00", CHICAGO)


@pytest.mark.parametrize("customer", [None, "Globex"])
def test_balto_refuses_by_name_where_there_is_no_order_form(
    filled: Site, customer: str | None
) -> None:
    fields = {"project": "BAL", "issuetype": "Bug", "priority": "Low", "Customer": customer}
    why = cover(filled().policy, fields).why_not("first_response")
    assert "the parameter `response-severity-4` of balto is not set" in why
    assert "the parameter `support-hours` of balto is not set" in why


@pytest.mark.parametrize(
    ("priority", "reported", "shown"),
    [
        ("Highest", "2024-07-13 12:00", True),
        ("High", "2024-07-14 23:59", True),
        ("Medium", "2024-07-13 12:00", False),
        ("Highest", "2024-07-15 00:00", False),
        # Friday evening in Chicago is Saturday in UTC.
        ("Highest", "2024-07-12 20:00", False),
    ],
)
def test_the_weekend_telephone_is_for_emergencies_on_weekends(
    shipped: Configuration, priority: str, reported: str, shown: bool
) -> None:
    created = at(reported, CHICAGO)
    sayings = judged(shipped, issue("BAL", created, priority=priority), created).sayings
    (said,) = [each for each in sayings if each.occasion == "acknowledgement"]
    contacts = str(said.facts["contacts"])
    assert said.public
    assert "support@balto.ai" in contacts
    assert ("855-462-2586" in contacts) == shown


def availability(site: Configuration, contract: str = "balto") -> Availability:
    found = site.policy.contract(contract, "Acme").availability
    assert found is not None
    return found


def down(text: str, minutes: int, kind: str | None = None, zone: ZoneInfo = CHICAGO) -> Downtime:
    begins = at(text, zone)
    return Downtime("BAL-9", begins, begins + timedelta(minutes=minutes), kind)


LATER = at("2026-08-01 00:00")


@pytest.mark.parametrize(("basis", "amount"), [("business", "223.33"), ("all", "83.33")])
def test_the_example_of_the_credit(filled: Site, basis: str, amount: str) -> None:
    promised = availability(filled(("balto", "uptime-minutes", basis)))
    found = uptime(promised, [down("2026-04-08 10:00", 336)], (2026, 4), "Acme", LATER)
    assert promised.credit is not None
    settled = {"invoices": True, "contract": True}
    assert credit(found, Decimal(3000), promised.credit, settled).amount == Decimal(amount)


def test_the_credit_is_capped_and_has_conditions(filled: Site) -> None:
    promised = availability(filled())
    days = [down(f"2026-04-{day:02} 06:00", 900) for day in (8, 9)]
    found = uptime(promised, days, (2026, 4), "Acme", LATER)
    assert promised.credit is not None
    paid = {"invoices": True, "contract": True}
    assert credit(found, Decimal(3000), promised.credit, paid).amount == Decimal(900)
    late = {"invoices": False, "contract": True}
    assert credit(found, Decimal(3000), promised.credit, late).amount == 0


@pytest.mark.parametrize(
    ("text", "minutes", "kind", "counted"),
    [
        # Only Business Hours count, on every day of the week.
        ("2026-04-08 20:30", 630, None, 90),
        ("2026-12-25 20:00", 120, "Downtime", 60),
        # At least 99.5 %: 135 minutes of the 27,000 of a 30-day month keep it.
        ("2026-04-08 10:00", 135, None, 135),
        *(
            ("2026-04-08 10:00", 200, kind, 0)
            for kind in (
                "External app",
                "Slowness",
                "Beta feature",
                "Equipment",
                "Reporting",
                "Non-critical",
                "Few customers",
            )
        ),
        # Maintenance is none of the seven: after Business Hours it does not count, within it does.
        ("2026-04-08 21:00", 540, "Scheduled maintenance", 0),
        ("2026-04-09 05:30", 60, "Scheduled maintenance", 30),
    ],
)
def test_balto_counts_downtime(
    filled: Site, text: str, minutes: int, kind: str | None, counted: int
) -> None:
    month = (2026, int(text[5:7]))
    later = at("2027-02-01 00:00")
    found = uptime(availability(filled()), [down(text, minutes, kind)], month, "Acme", later)
    assert found.down == timedelta(minutes=counted)
    assert found.met


def test_maintenance_may_be_read_as_permitted(filled: Site) -> None:
    promised = availability(filled(("balto", "maintenance-downtime", "permitted")))
    work = down("2026-04-09 05:30", 60, "Scheduled maintenance")
    assert uptime(promised, [work], (2026, 4), "Acme", LATER).down == timedelta(0)


# --- Botron -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settled", "reported", "expected"),
    [
        ((), "2024-07-12 21:00", "2024-07-15 21:00"),
        (("business-day", "same_clock"), "2024-07-13 12:00", "2024-07-16 06:00"),
        (("business-day", "end_of_day"), "2024-07-09 10:00", "2024-07-10 22:00"),
        ((), "2024-07-09 05:30", "2024-07-09 22:00"),
        (("time-zone", "western_european"), "2024-07-09 05:30", "2024-07-10 05:30"),
        (("time-zone", "western_european"), "2024-07-09 21:30", "2024-07-10 21:00"),
        # In winter Lisbon has GMT.
        (("time-zone", "western_european"), "2024-01-09 05:30", "2024-01-09 22:00"),
        ((), "2028-11-22 12:00", "2028-11-23 12:00"),
        ((), "2028-11-29 12:00", "2028-12-01 12:00"),
        (("thanksgiving", "fourth_thursday"), "2028-11-22 12:00", "2028-11-24 12:00"),
        (("thanksgiving", "fourth_thursday"), "2028-11-29 12:00", "2028-11-30 12:00"),
        # A Saturday's Christmas has no day instead.
        ((), "2027-12-24 12:00", "2027-12-27 12:00"),
    ],
)
def test_botron(filled: Site, settled: tuple[str, ...], reported: str, expected: str) -> None:
    site = filled(("botron", settled[0], settled[1])) if settled else filled()
    assert due(site, issue("BOT", at(reported, GMT))) == at(expected, GMT)


@pytest.mark.parametrize(
    ("reading", "met"), [("with_response", "2024-07-09 12:00"), ("separate", "2024-07-11 11:00")]
)
def test_botron_may_have_to_assess_as_well(filled: Site, reading: str, met: str) -> None:
    made = issue(
        "BOT",
        at("2024-07-09 10:00", GMT),
        reply(at("2024-07-09 12:00", GMT), "Please send a log file."),
        change(at("2024-07-11 11:00", GMT), "Assessment", "A defect of the editor."),
    )
    site = filled(("botron", "assessment", reading))
    (cycle,) = cycles(site, made, "first_response", at("2024-07-12 10:00", GMT))
    assert cycle.stopped_at == at(met, GMT)
    assert cycle.state == ("met" if reading == "with_response" else "breached")


def test_botron_tells_of_each_progress(shipped: Configuration) -> None:
    made = issue(
        "BOT",
        at("2024-07-09 10:00", GMT),
        change(at("2024-07-09 11:00", GMT), "status", "In Progress", "To Do"),
        change(at("2024-07-09 12:00", GMT), "status", "Done", "In Progress"),
    )
    sayings = judged(shipped, made, at("2024-07-09 13:00", GMT)).sayings
    told = [(each.at, each.public) for each in sayings if each.occasion == "notice"]
    assert told == [(at("2024-07-09 11:00", GMT), True), (at("2024-07-09 12:00", GMT), True)]
    (received,) = [each for each in sayings if each.occasion == "acknowledgement"]
    assert received.at == at("2024-07-09 10:00", GMT)


COMPLETE = """\
Version 2.3 crashes when a file is saved. It does so since we updated the server.
Contact persons: Jane and Joe. E-mail: jane@example.com. License number 4711. Build 88.
Error message: Out of cheese. Steps to reproduce: save a file.
Company name: Example.
"""


@pytest.mark.parametrize(("description", "missing"), [(None, 9), ("It crashes.", 8), (COMPLETE, 0)])
def test_botron_asks_for_nine_items(
    shipped: Configuration, description: str | None, missing: int
) -> None:
    created = at("2024-07-09 10:00", GMT)
    made = issue("BOT", created, summary="Help", description=description)
    lists = [
        each.facts["missing"]
        for each in judged(shipped, made, created).sayings
        if each.occasion == "checklist"
    ]
    assert [len(each) for each in lists if isinstance(each, list)] == ([missing] if missing else [])
    (cycle,) = cycles(shipped, made, "first_response", created)
    assert cycle.state == "running"


BOTRON_FIELDS = (
    "Product license",
    "Product version",
    "Contact",
    "Company",
    "Steps to reproduce",
    "Error messages",
)


def test_botron_takes_the_items_from_fields(shipped: Configuration) -> None:
    created = at("2024-07-09 10:00", GMT)
    made = issue(
        "BOT",
        created,
        summary="Help",
        description="The configuration is the default one. No changes.",
        **dict.fromkeys(BOTRON_FIELDS, "given"),
    )
    sayings = judged(shipped, made, created).sayings
    assert [each for each in sayings if each.occasion == "checklist"] == []


# --- Bitumio ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "settled", "reported", "expected"),
    [
        ("Highest", (), "2024-07-13 12:00", "2024-07-15 10:00"),
        ("Highest", (("severity-1-days", "daily"),), "2024-07-13 12:00", "2024-07-13 14:00"),
        ("Highest", (), "2024-07-10 19:00", "2024-07-11 09:00"),
        (
            "Highest",
            (("severity-1-zones", "fixed_offsets"),),
            "2024-07-10 19:00",
            "2024-07-10 21:00",
        ),
        (
            "Highest",
            (("severity-1-zones", "fixed_offsets"),),
            "2024-07-10 08:00",
            "2024-07-10 11:00",
        ),
        # In winter the fixed offsets are those of the clocks.
        (
            "Highest",
            (("severity-1-zones", "fixed_offsets"),),
            "2024-01-10 19:00",
            "2024-01-11 09:00",
        ),
        # Independence Day, whatever its day.
        (
            "Highest",
            (("severity-1-zones", "fixed_offsets"), ("severity-1-days", "daily")),
            "2024-07-04 08:00",
            "2024-07-04 11:00",
        ),
        ("High", (), "2026-07-02 15:00", "2026-07-06 15:00"),
        ("High", (("observed-holidays", "as_dated"),), "2026-07-02 15:00", "2026-07-03 15:00"),
        ("Highest", (("observed-holidays", "as_dated"),), "2026-07-03 09:00", "2026-07-03 11:00"),
        ("Highest", (), "2026-07-03 09:00", "2026-07-06 10:00"),
        ("High", (("business-day", "same_clock"),), "2024-07-13 12:00", "2024-07-16 08:00"),
        ("Low", (("business-day", "end_of_day"),), "2024-07-09 10:00", "2024-07-10 20:00"),
    ],
)
def test_bitumio(
    filled: Site,
    priority: str,
    settled: tuple[tuple[str, str], ...],
    reported: str,
    expected: str,
) -> None:
    site = filled(*(("bitumio", *each) for each in settled))
    assert due(site, issue("BIT", at(reported), priority=priority)) == at(expected)


def updates(site: Configuration, now: str, *more: Event) -> list[datetime | None]:
    """When each of the updates of an issue of Severity 1 is or was due."""
    made = issue("BIT", at("2024-07-10 09:30"), *more, priority="Highest")
    found = cycles(site, made, "periodic_update", at(now))
    return [each.promise.due_at for each in found]


def test_hourly_notifications_each_from_the_reply_before(shipped: Configuration) -> None:
    answered, told = (reply(at(f"2024-07-10 {each}")) for each in ("10:00", "10:40"))
    assert updates(shipped, "2024-07-10 09:45") == []
    assert updates(shipped, "2024-07-10 10:10", answered) == [at("2024-07-10 11:00")]
    assert updates(shipped, "2024-07-10 10:45", answered, told) == [
        at("2024-07-10 11:00"),
        at("2024-07-10 11:40"),
    ]


@pytest.mark.parametrize(
    ("choice", "reading", "expected"),
    [
        ("update-hours", "in_window", "2024-07-11 08:30"),
        ("update-hours", "round_the_clock", "2024-07-10 20:30"),
    ],
)
def test_hourly_notifications_inside_the_window(
    filled: Site, choice: str, reading: str, expected: str
) -> None:
    site = filled(("bitumio", choice, reading))
    found = updates(site, "2024-07-10 19:45", reply(at("2024-07-10 19:30")))
    assert found == [at(expected)]


def test_hourly_notifications_on_a_grid(filled: Site) -> None:
    site = filled(("bitumio", "update-rhythm", "grid"))
    said = [reply(at(f"2024-07-10 {each}")) for each in ("10:00", "10:40")]
    assert updates(site, "2024-07-10 11:10", *said)[-1] == at("2024-07-10 12:00")


def test_hourly_notifications_from_the_notification_on(filled: Site) -> None:
    site = filled(("bitumio", "update-start", "notification"))
    assert updates(site, "2024-07-10 09:45") == [at("2024-07-10 10:30")]


@pytest.mark.parametrize(
    ("reading", "state"), [("with_efforts", "cancelled"), ("until_resolved", "breached")]
)
def test_hourly_notifications_until_a_work_around(filled: Site, reading: str, state: str) -> None:
    site = filled(("bitumio", "update-end", reading))
    made = issue(
        "BIT",
        at("2024-07-10 09:30"),
        reply(at("2024-07-10 11:00")),
        change(at("2024-07-10 11:30"), "Work-around", "Use the other browser."),
        priority="Highest",
    )
    (cycle,) = cycles(site, made, "periodic_update", at("2024-07-10 13:00"))
    assert cycle.state == state


@pytest.mark.parametrize(
    ("answer", "met"),
    [
        (reply(at("2024-07-11 11:00"), "Which browser do you use?"), True),
        (reply(at("2024-07-11 11:00"), "Substantive response: clear the cache."), True),
        (reply(at("2024-07-11 11:00"), "We are still looking."), False),
    ],
)
def test_the_substantive_response(shipped: Configuration, answer: Event, met: bool) -> None:
    first = reply(at("2024-07-10 16:00"), "Thank you, we will look into it.")
    made = issue("BIT", at("2024-07-10 15:00"), first, answer, priority="Low")
    (cycle,) = cycles(shipped, made, "substantive_response", at("2024-07-12 10:00"))
    # 3 business days of 12 hours: Thursday, Friday and Monday until 16:00.
    assert cycle.promise.due_at == at("2024-07-15 16:00")
    assert cycle.state == ("met" if met else "running")


def test_a_label_marks_the_reply_before_it_as_substantive(shipped: Configuration) -> None:
    first = reply(at("2024-07-10 16:00"), "Clear the cache.")
    marked = change(at("2024-07-10 17:00"), "labels", ("substantive",), ())
    made = issue("BIT", at("2024-07-10 15:00"), first, marked, priority="Low")
    (cycle,) = cycles(shipped, made, "substantive_response", at("2024-07-12 10:00"))
    assert cycle.stopped_at == at("2024-07-10 16:00")


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("once", ["2024-07-15 16:00"]),
        ("after_each_answer", ["2024-07-15 16:00", "2024-07-17 10:00"]),
    ],
)
def test_an_answer_to_the_question(filled: Site, reading: str, expected: list[str]) -> None:
    made = issue(
        "BIT",
        at("2024-07-10 15:00"),
        reply(at("2024-07-10 16:00"), "Thank you."),
        reply(at("2024-07-11 11:00"), "Which browser do you use?"),
        reply(at("2024-07-12 10:00"), "The usual one.", CUSTOMER),
        priority="Low",
    )
    site = filled(("bitumio", "substantive-again", reading))
    found = cycles(site, made, "substantive_response", at("2024-07-12 11:00"))
    assert [each.promise.due_at for each in found] == [at(each) for each in expected]


@pytest.mark.parametrize(("reading", "promised"), [("severity_3", False), ("all", True)])
def test_the_substantive_response_to_severity_2(filled: Site, reading: str, promised: bool) -> None:
    made = issue("BIT", at("2024-07-10 15:00"), reply(at("2024-07-10 16:00")))
    site = filled(("bitumio", "substantive-severities", reading))
    found = cycles(site, made, "substantive_response", at("2024-07-11 11:00"))
    assert [each.due_at for each in found] == ([at("2024-07-15 16:00")] if promised else [])


def test_a_bug_that_is_found_goes_to_the_department(shipped: Configuration) -> None:
    found = change(at("2024-07-10 17:00"), "Bug found", "Yes")
    for kind, told in (("Question", [("support-leads",)]), ("Task", [])):
        made = issue("BIT", at("2024-07-10 15:00"), found, issuetype=kind)
        sayings = judged(shipped, made, at("2024-07-10 18:00")).sayings
        assert [each.audience.groups for each in sayings if each.occasion == "notice"] == told


@pytest.mark.parametrize(
    ("name", "value", "clause"),
    [
        ("Fees", "Overdue", "1: fees"),
        ("Not covered because", "Site visit", "4.2: site visits"),
        ("Not covered because", "Third party", "4.2: third parties"),
        ("Not covered because", "Customization", "5: other services"),
        ("Not covered because", "Upgrade not applied", None),
    ],
)
def test_bitumio_does_not_cover(
    shipped: Configuration, name: str, value: str, clause: str | None
) -> None:
    found = cover(shipped.policy, {"project": "BIT", "priority": "High", name: value})
    assert found.covered == (clause is None)
    assert clause is None or f"(clause {clause})" in found.reason


def test_an_upgrade_not_applied_may_be_read_as_not_covered(filled: Site) -> None:
    site = filled(("bitumio", "upgrade-not-implemented", "not_covered"))
    why = reason(site, "BIT", priority="High", Not_covered_because="Upgrade not applied")
    assert "(clause 4.2: modifications not implemented)" in why


@pytest.mark.parametrize(
    ("text", "off_hours", "named_only"),
    [
        ("2024-07-13 12:00", 0, 0),  # a Saturday
        ("2024-07-09 06:00", 0, 0),
        ("2024-07-09 07:00", 60, 60),
        ("2024-07-09 21:00", 0, 120),
        ("2024-07-09 12:00", 120, 120),
    ],
)
def test_scheduled_maintenance(filled: Site, text: str, off_hours: int, named_only: int) -> None:
    work = down(text, 120, "Scheduled maintenance", NEW_YORK)
    found = []
    for reading in ("off_hours", "named_only"):
        promised = availability(filled(("bitumio", "maintenance-windows", reading)), "bitumio")
        found.append(uptime(promised, [work], (2024, 7), None, LATER))
    assert [each.down for each in found] == [
        timedelta(minutes=off_hours),
        timedelta(minutes=named_only),
    ]
    # The text has no percentage to judge it by.
    assert [each.met for each in found] == [None, None]
    assert found[0].total == timedelta(days=31)


# --- Standard and Enterprise ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settled", "reported", "expected"),
    [
        # Outside of the hours: addressed on the next business day, by its close.
        ((), "2024-07-13 12:00", "2024-07-15 17:00"),
        ((), "2024-07-09 18:00", "2024-07-10 17:00"),
        ((), "2024-07-09 06:00", "2024-07-09 17:00"),
        (("business-day", "same_clock"), "2024-07-13 12:00", "2024-07-16 08:00"),
        (("business-day", "end_of_day"), "2024-07-09 10:00", "2024-07-10 17:00"),
    ],
)
def test_standard(filled: Site, settled: tuple[str, ...], reported: str, expected: str) -> None:
    site = filled(("standard", settled[0], settled[1])) if settled else filled()
    assert due(site, issue("HLP", at(reported, CHICAGO))) == at(expected, CHICAGO)


@pytest.mark.parametrize("plan", ["Standard", "Enterprise"])
def test_both_plans_are_goals(shipped: Configuration, plan: str) -> None:
    created = at("2024-07-09 03:10", CHICAGO)
    made = issue("HLP", created, Support_plan=plan)
    (cycle,) = cycles(shipped, made, "first_response", created)
    assert cycle.promise.goal.binding == "goal"


@pytest.mark.parametrize(
    ("reading", "expected"),
    [("issue", ["2024-07-09 03:40"]), ("message", ["2024-07-09 03:40", "2024-07-09 04:30"])],
)
def test_each_message_may_be_a_request(filled: Site, reading: str, expected: list[str]) -> None:
    made = issue(
        "HLP",
        at("2024-07-09 03:10", CHICAGO),
        reply(at("2024-07-09 03:25", CHICAGO)),
        reply(at("2024-07-09 04:00", CHICAGO), "And now?", CUSTOMER),
        Support_plan="Enterprise",
    )
    site = filled(("enterprise", "support-request", reading))
    found = cycles(site, made, "first_response", at("2024-07-09 04:10", CHICAGO))
    assert [each.promise.due_at for each in found] == [at(each, CHICAGO) for each in expected]


@pytest.mark.parametrize("plan", ["Standard", "Enterprise"])
@pytest.mark.parametrize("cause", ["Third party", "Customer modification", "Unauthorized access"])
def test_exclusions_found_out_later_keep_what_was(
    shipped: Configuration, plan: str, cause: str
) -> None:
    found = change(at("2024-07-11 12:00", CHICAGO), "Not covered because", cause)
    made = issue("HLP", at("2024-07-09 10:00", CHICAGO), found, Support_plan=plan)
    (cycle,) = cycles(shipped, made, "first_response", at("2024-07-12 10:00", CHICAGO))
    assert cycle.state == "breached"
    assert cycle.ending is not None
    assert f"not covered by {plan.lower()}" in cycle.ending.reason


@pytest.mark.parametrize("plan", ["Standard", "Enterprise"])
def test_another_channel_may_be_read_as_not_covered(filled: Site, plan: str) -> None:
    fields: dict[str, FieldValue] = {
        "project": "HLP", "priority": "Low", "Support plan": plan, "Channel": "Phone",
    }  # fmt: skip
    assert cover(filled().policy, fields).covered
    site = filled((plan.lower(), "channel", "email_only"))
    assert not cover(site.policy, fields).covered
    assert cover(site.policy, {**fields, "Channel": "E-mail"}).covered


def test_each_request_for_escalation_climbs_a_level(shipped: Configuration) -> None:
    asked = [
        reply(at(f"2024-07-09 {hour}:00"), "Please escalate this.", CUSTOMER)
        for hour in (10, 12, 14)
    ]
    for plan, levels in (("Enterprise", [1, 2, 3]), ("Standard", [])):
        made = issue("HLP", at("2024-07-09 09:00"), *asked, Support_plan=plan)
        sayings = judged(shipped, made, at("2024-07-09 15:00")).sayings
        found = [each for each in sayings if each.occasion == "request"]
        assert [each.facts["level"] for each in found] == levels


def test_a_field_asks_for_an_escalation_too(shipped: Configuration) -> None:
    asked = change(at("2024-07-09 10:00"), "Escalation requested", "Yes")
    made = issue("HLP", at("2024-07-09 09:00"), asked, Support_plan="Enterprise")
    sayings = judged(shipped, made, at("2024-07-09 15:00")).sayings
    assert [each.audience.groups for each in sayings if each.occasion == "request"] == [
        ("support-leads",)
    ]
