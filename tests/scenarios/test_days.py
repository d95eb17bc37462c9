"""A day in the life of each project of the example site, played from the report to the end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.loader import load
from connector.simulator import AGENT, CUSTOMER, LEAD
from tests.scenarios.world import World, a_site, jira_time, utc, world
from webhooks.downtime import Entry, Month, enter, uptime_of
from webhooks.explaining import explain_issue

pytestmark = pytest.mark.one_database("sqlite")

ENTERPRISE = {"Support plan": "Enterprise"}
OFFICE = """\
time_zone: America/New_York
weekly: { mon: &day [["09:00", "17:00"]], tue: *day, wed: *day, thu: *day, fri: *day }
"""
SUPPORT_HOURS = """\
time_zone: America/Chicago
weekly: { mon: &day [["08:00", "18:00"]], tue: *day, wed: *day, thu: *day, fri: *day }
"""
BUTLR = {
    "us-business-hours": "office",
    "error-urgent": "1h",
    "error-high": "4h",
    "error-normal": "1 business day",
    "issue-normal": "6h",
    "phone": "555-0100",
}
SATURDAY = "2024-07-13 17:00"
"""At noon in Chicago."""


def shown(place: World, key: str) -> tuple[Any, ...]:
    """What is due, of what, and how the first response stands."""
    fields = place.fields(key)
    return fields["SLA next metric"], fields["SLA next due"], fields["SLA state"]


def comment(place: World, key: str, words: str, account: str = AGENT) -> str:
    """Somebody says something publicly, and Dueline hears of it; the comment's id."""
    made = place.jira.add_comment(key, words, account=account)
    place.settle()
    return made.id


def edit(place: World, key: str, fields: dict[str, Any] | None = None, **more: Any) -> None:
    place.jira.edit(key, fields, account=AGENT, **more)
    place.settle()


# --- BOT ------------------------------------------------------------------------------------------


def test_a_botron_inquiry_is_acknowledged_completed_taken_up_and_answered(anywhere: World) -> None:
    due = jira_time("2024-07-11 19:00")
    key = anywhere.report("BOT", {"summary": "It crashes", "description": "When I open a file."})
    acknowledged, asked = anywhere.read_by_customers(key)
    assert f"Its number is {key}." in acknowledged
    assert "First response: within 1 business day, by Thu 11 Jul 2024 19:00 GMT" in acknowledged
    assert "please add to its description or fields:" in asked
    wanted, there = asked.split("Already there:")
    assert ("license number" in wanted, "detailed description" in there) == (True, True)
    # Neither of the two is a response, and nothing waits for what is missing.
    assert shown(anywhere, key) == ("first response", due, "running")

    anywhere.advance(timedelta(minutes=10))
    edit(anywhere, key, {"Product version": "4.2", "Contact": "carl@example.com"})
    assert len(anywhere.said(key)) == 2
    wanted, there = anywhere.said(key)[1].split("Already there:")
    assert ("phone number" in wanted, "phone number" in there) == (False, True)
    rest = {"Company": "Acme", "Product license": "4711", "Steps to reproduce": "Open it."}
    words = "Build 77. An error message: E1. Nothing was changed."
    edit(anywhere, key, rest | {"description": words})
    acknowledged_still, completed = anywhere.read_by_customers(key)
    assert acknowledged_still == acknowledged
    assert completed == f"Thank you: everything that {key} needs is there."

    anywhere.advance(timedelta(minutes=10))
    anywhere.jira.transition(key, "In Progress", account=AGENT)
    anywhere.settle()
    notice = anywhere.read_by_customers(key)[2]
    assert "There is progress on your inquiry." in notice
    assert f"{key} is now In Progress" in notice
    assert anywhere.fields(key)["SLA state"] == "running"

    comment(anywhere, key, "Thank you, it is fixed in 4.3.")
    assert shown(anywhere, key) == (None, None, "met")
    assert anywhere.fields(key)["First responded"] == jira_time("2024-07-10 19:20")
    anywhere.advance(timedelta(minutes=10))
    anywhere.jira.transition(key, "Done", account=AGENT)
    anywhere.advance(timedelta(days=14))
    assert len(anywhere.read_by_customers(key)) == len(anywhere.said(key)) == 4


def test_a_botron_inquiry_that_lacks_nothing_is_asked_for_nothing(cloud: World) -> None:
    words = "License number 1, build 7, error message E1, no changes, phone 555, contact person Al."
    given = {"summary": "Tool 4.2", "description": words, "Steps to reproduce": "Open it."}
    key = cloud.report("BOT", given)
    assert len(cloud.said(key)) == 1


# --- BIT ------------------------------------------------------------------------------------------


def test_bitumio_severity_1_is_answered_and_then_kept_posted_every_hour(anywhere: World) -> None:
    key = anywhere.report("BIT", priority="Highest", issuetype="Task")
    (acknowledged,) = anywhere.read_by_customers(key)
    assert "First response: within 2h, by Wed 10 Jul 2024 17:00 EDT" in acknowledged
    assert "Periodic update: within 1h" in acknowledged
    assert "(801) 513-1113" in acknowledged

    anywhere.advance(utc("2024-07-10 19:30"))
    comment(anywhere, key, "We are on it.")
    assert shown(anywhere, key) == ("periodic update", jira_time("2024-07-10 20:30"), "met")
    # An internal word is no notice to the customer.
    anywhere.jira.add_comment(key, "Hm.", account=CUSTOMER)
    anywhere.advance(utc("2024-07-10 20:30"))
    warned, broken = anywhere.said(key)[1:]
    assert "periodic update" in warned
    assert f"The periodic update to {key} is overdue" in broken
    anywhere.advance(utc("2024-07-10 21:00"))
    assert "Level 1" in anywhere.said(key)[-1]
    assert anywhere.fields(key)["SLA escalation level"] == 1

    anywhere.advance(utc("2024-07-10 21:05"))
    comment(anywhere, key, "Still searching.")
    assert shown(anywhere, key)[:2] == ("periodic update", jira_time("2024-07-10 22:05"))
    anywhere.advance(utc("2024-07-10 21:40"))
    comment(anywhere, key, "Found the cause.")
    assert shown(anywhere, key)[:2] == ("periodic update", jira_time("2024-07-10 22:40"))
    assert len(anywhere.said(key)) == 4

    # The window closes at 20:00 in New York, and opens at 05:00 in Los Angeles.
    anywhere.advance(utc("2024-07-10 22:39"))
    comment(anywhere, key, "A correction is being tested.")
    anywhere.advance(utc("2024-07-10 23:38"))
    comment(anywhere, key, "It does not help.")
    following = jira_time("2024-07-11 12:38")
    assert shown(anywhere, key)[:2] == ("periodic update", following)
    anywhere.advance(utc("2024-07-11 12:20"))
    assert anywhere.states(key, "periodic_update") == [
        "breached", "met", "met", "met", "running",
    ]  # fmt: skip
    edit(anywhere, key, {"Work-around": "Use the old form."})
    assert shown(anywhere, key) == (None, None, "met")
    assert anywhere.states(key, "periodic_update")[-1] == "cancelled"
    said = len(anywhere.said(key))
    anywhere.advance(timedelta(days=3))
    comment(anywhere, key, "The correction is there.")
    anywhere.jira.transition(key, "Done", account=AGENT)
    anywhere.advance(timedelta(days=3))
    assert len(anywhere.said(key)) == said
    assert len(anywhere.states(key, "periodic_update")) == 5


def test_bitumio_severity_3_is_answered_and_then_answered_in_substance(anywhere: World) -> None:
    key = anywhere.report("BIT", priority="Low", issuetype="Task")
    anywhere.advance(utc("2024-07-10 20:00"))
    first = comment(anywhere, key, "We look into it.")
    # Three days of twelve hours from Wednesday 16:00: Monday 16:00.
    due = jira_time("2024-07-15 20:00")
    assert shown(anywhere, key) == ("substantive response", due, "met")
    comment(anywhere, key, "When will you know?", CUSTOMER)
    assert shown(anywhere, key) == ("substantive response", due, "met")
    anywhere.advance(utc("2024-07-11 20:00"))
    anywhere.jira.edit_comment(key, first, "Which browser do you use?", account=AGENT)
    anywhere.settle()
    assert shown(anywhere, key) == (None, None, "met")
    # Edited out of it again: what was read once was read.
    anywhere.advance(timedelta(minutes=1))
    anywhere.jira.edit_comment(key, first, "We look into it.", account=AGENT)
    anywhere.advance(timedelta(days=7))
    assert anywhere.states(key, "substantive_response") == ["met"]
    assert len(anywhere.said(key)) == 1

    edit(anywhere, key, {"Bug found": "Yes"})
    found = anywhere.said(key)[-1]
    assert "escalated to the department that corrects it" in found
    assert anywhere.assigned_to(LEAD) in found
    edit(anywhere, key, {"Bug found": None})
    edit(anywhere, key, {"Bug found": "Yes"}, issuetype="Bug")
    assert len(anywhere.said(key)) == 2


def test_a_label_or_a_phrase_makes_a_bitumio_reply_substantive(cloud: World) -> None:
    labelled, said, neither = (
        cloud.report("BIT", priority="Low", issuetype="Task") for _ in range(3)
    )
    cloud.advance(timedelta(minutes=5))
    for key in (labelled, said, neither):
        comment(cloud, key, "Press the other button.")
    edit(cloud, labelled, labels=["substantive"])
    comment(cloud, said, "This is our substantive  response: press the other button.")
    for key in (labelled, said):
        assert cloud.states(key, "substantive_response") == ["met"]
    cloud.advance(utc("2024-07-15 19:05"))
    assert cloud.states(neither, "substantive_response") == ["breached"]
    assert any(f"substantive response to {neither} is overdue" in w for w in cloud.said(neither))


# --- HLP ------------------------------------------------------------------------------------------


def test_an_enterprise_customer_asks_for_escalation_again_and_again(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE, priority="High")
    anywhere.advance(timedelta(minutes=10))
    comment(anywhere, key, "We are on it. Shall we escalate this?")
    assert (anywhere.said(key), anywhere.fields(key)["SLA escalation level"]) == ([], 0)
    told = []
    for words in ("Please escalate this.", "Escalation, please!", "I escalate again.", "Escalate!"):
        anywhere.advance(timedelta(minutes=10))
        comment(anywhere, key, words, CUSTOMER)
        told.append(anywhere.fields(key)["SLA escalation level"])
    assert told == [1, 2, 3, 3]
    names = ("Support team lead", "Department manager", "Executive management", "Executive manag")
    for words, name in zip(anywhere.said(key), names, strict=True):
        assert name in words
        assert "clause Enterprise: Support Escalation" in words
    assert anywhere.assigned_to(LEAD) in anywhere.said(key)[0]
    # Only the team reads them, and the promise is as it was.
    assert anywhere.read_by_customers(key) == []
    assert anywhere.fields(key)["SLA state"] == "met"


def test_a_standard_request_of_a_saturday_and_an_exclusion_found_later(tmp_path: Path) -> None:
    with world(tmp_path, utc(SATURDAY)) as made:
        key = made.report("HLP", priority="Low")
        due = jira_time("2024-07-15 22:00")
        assert shown(made, key) == ("first response", due, "running")
        made.advance(utc("2024-07-15 15:00"))
        edit(made, key, {"Not covered because": "Third party"})
        assert shown(made, key) == (None, None, "cancelled")
        explained = "\n".join(explain_issue(made.settings, key))
        assert "clause Standard: third parties" in explained
        assert "As promised, when it was promised:" in explained
        assert "first_response 1 within 1 business day (standard, Low, Standard)" in explained
        made.advance(timedelta(days=7))
        assert made.said(key) == []
        assert made.promised(key) == [("Low", due)]


# --- BTL ------------------------------------------------------------------------------------------


def test_without_butlrs_table_nothing_is_promised_and_nothing_invented(cloud: World) -> None:
    key = cloud.report("BTL", priority="Highest")
    fields = cloud.fields(key)
    assert (fields["SLA policy"], fields["SLA severity"]) == ("butlr", "Urgent")
    assert shown(cloud, key) == (None, None, "not promised")
    (acknowledged,) = cloud.read_by_customers(key)
    assert "within" not in acknowledged
    assert "by phone immediately" in acknowledged
    cloud.advance(timedelta(days=30))
    assert len(cloud.said(key)) == 1
    explained = "\n".join(explain_issue(cloud.settings, key))
    assert "the parameter `error-urgent` of butlr is not set" in explained
    comment(cloud, key, "We are on it.")
    assert cloud.fields(key)["SLA state"] == "not promised"


def test_a_butlr_urgent_error_waits_for_the_call_in_words_only(tmp_path: Path) -> None:
    config = a_site(tmp_path, calendars={"office": OFFICE}, parameters={"butlr": BUTLR})
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as made:
        key = made.report("BTL", priority="Highest")
        due = jira_time("2024-07-10 20:00")
        assert shown(made, key) == ("first response", due, "running")
        (acknowledged,) = made.read_by_customers(key)
        assert "within 1h, by Wed 10 Jul 2024 16:00 EDT" in acknowledged
        assert "provided that you do your part" in acknowledged
        assert "What we need you to do:" in acknowledged
        condition = "on condition (clause 1.3: phone call)"
        assert condition in "\n".join(explain_issue(made.settings, key))
        edit(made, key, {"Phone call": "Done"})
        assert condition not in "\n".join(explain_issue(made.settings, key))
        assert shown(made, key) == ("first response", due, "running")

        # However high its priority, a question is Normal; what is neither has no severity.
        question = made.report("BTL", priority="Highest", issuetype="Question")
        assert made.fields(question)["SLA severity"] == "Normal"
        assert shown(made, question)[1] == jira_time("2024-07-11 17:00")
        low = made.report("BTL", priority="Lowest")
        assert (made.fields(low)["SLA severity"], shown(made, low)[2]) == ("Low", "not promised")
        task = made.report("BTL", priority="Highest", issuetype="Task")
        assert set(made.fields(task).values()) == {None}

        # The customer asks for more, the team decides, and used time stays used.
        normal = made.report("BTL", priority="Medium")
        comment(made, normal, "Please raise the priority, we cannot work.", CUSTOMER)
        asked = made.said(normal)[-1]
        assert "The customer asks for a higher priority level" in asked
        assert made.assigned_to(AGENT) in asked
        comment(made, question, "Please raise the priority.", CUSTOMER)
        assert len(made.said(question)) == 1  # of an Issue it cannot be asked
        made.advance(timedelta(minutes=30))
        edit(made, normal, priority="High")
        assert made.promised(normal) == [
            ("Normal", jira_time("2024-07-11 19:00")),
            ("High", jira_time("2024-07-11 15:00")),
        ]


def test_the_phone_number_of_butlr_is_named_where_it_is_set(tmp_path: Path) -> None:
    config = a_site(tmp_path, calendars={"office": OFFICE}, parameters={"butlr": BUTLR})
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as made:
        key = made.report("BTL", priority="Highest")
        assert "555-0100" in made.said(key)[0]


def test_a_butlr_escalation_is_an_issue_that_refers_to_another(anywhere: World) -> None:
    old = anywhere.report("BTL", {"Deployment": "Production"}, priority="Highest")
    named = anywhere.report(
        "BTL",
        {"description": f"Nobody does anything about {old}! My mobile: +1 (555) 010-0199"},
        issuetype="Escalation",
    )
    routed, passed_on = sorted(anywhere.said(named), key=lambda words: "passed on" in words)
    assert passed_on == f"{named} was passed on as an escalation of {old}."
    assert passed_on in anywhere.read_by_customers(named)
    assert ("Support leadership" in routed, old in routed) == (True, True)
    assert named in anywhere.said(old)[-1]
    assert anywhere.fields(old)["SLA escalation level"] == 1
    assert anywhere.jira.issue(named).values["assignee"] == LEAD
    assert anywhere.jira.issue(old).values.get("assignee") is None

    # By a link, and not valid yet: neither production nor Urgent or High, nor even linked.
    other = anywhere.report("BTL", {"Deployment": "Staging"}, priority="Medium")
    linked = anywhere.report("BTL", issuetype="Escalation")
    assert "it refers to no issue that is known" in anywhere.said(linked)[0]
    anywhere.jira.link(linked, other)
    anywhere.settle()
    (missing,) = anywhere.read_by_customers(linked)
    assert f"only Urgent or High issues can be escalated, and {other} is none" in missing
    assert ("Production" in missing, "mobile phone number" in missing) == (True, True)
    assert len(anywhere.said(other)) == 1
    anywhere.advance(timedelta(minutes=5))
    edit(anywhere, linked, {"Deployment": "Production", "Mobile phone": "555-0199"})
    (missing,) = anywhere.read_by_customers(linked)
    assert ("Production" in missing, "mobile phone" in missing) == (False, False)
    edit(anywhere, other, priority="High")
    routed, repaired = sorted(anywhere.said(linked), key=lambda words: "passed on" in words)
    assert repaired == f"{linked} was passed on as an escalation of {other}."
    assert anywhere.jira.issue(linked).values["assignee"] == LEAD
    assert linked in anywhere.said(other)[-1]
    said = anywhere.said(other)
    # What happens afterwards does not undo it, and says nothing again.
    anywhere.advance(timedelta(minutes=5))
    edit(anywhere, other, priority="Low")
    edit(anywhere, linked, assignee=AGENT)
    anywhere.advance(timedelta(days=3))
    assert sorted(anywhere.said(linked)) == sorted([repaired, routed])
    assert anywhere.said(other) == said
    assert anywhere.jira.issue(linked).values["assignee"] == AGENT


# --- BAL ------------------------------------------------------------------------------------------


def order_form(severity_1: str, fee: str) -> dict[str, Any]:
    return {
        "balto": {
            "support-hours": "support-hours",
            "response-severity-1": severity_1,
            "response-severity-3": "8h",
            "monthly-fee": fee,
        }
    }


def bal_site(directory: Path) -> Path:
    forms = {"Acme": order_form("1h", "3000"), "Globex": order_form("4h", "500")}
    return a_site(directory, calendars={"support-hours": SUPPORT_HOURS}, customers=forms)


def test_balto_customers_have_their_own_order_forms_and_a_phone_on_weekends(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-09 15:00"), config=bal_site(tmp_path)) as made:
        phone = "855-462-2586"
        tuesday = made.report("BAL", {"Customer": "Acme"}, priority="Highest")
        assert shown(made, tuesday)[:2] == ("first response", jira_time("2024-07-09 16:00"))
        other = made.report("BAL", {"Customer": "Globex"}, priority="Highest")
        assert shown(made, other)[1] == jira_time("2024-07-09 19:00")
        nobody = made.report("BAL", {"Customer": "Initech"}, priority="Highest")
        assert shown(made, nobody) == (None, None, "not promised")
        for key in (tuesday, other, nobody):
            assert phone not in made.said(key)[0]
            comment(made, key, "We are on it.")
        # The order form was found: then it holds, from the report on.
        late = made.report("BAL", priority="Medium")
        assert made.fields(late)["SLA state"] == "not promised"
        edit(made, late, {"Customer": "Acme"})
        assert shown(made, late) == ("first response", jira_time("2024-07-09 23:00"), "running")

        made.advance(utc(SATURDAY))
        weekend = made.report("BAL", {"Customer": "Acme"}, priority="Highest")
        assert phone in made.read_by_customers(weekend)[0]
        assert shown(made, weekend)[1] == jira_time("2024-07-15 14:00")
        minor = made.report("BAL", {"Customer": "Acme"}, priority="Medium")
        assert phone not in made.said(minor)[0]


def test_balto_downtime_of_issues_and_of_people_becomes_uptime_and_credit(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-09 15:00"), config=bal_site(tmp_path)) as made:
        # Ten to half past twelve in Chicago, for Acme alone.
        outage = {
            "Affected customers": ["Acme"],
            "Confirmed at": utc("2024-07-10 15:00"),
            "Restored at": utc("2024-07-10 17:30"),
        }
        made.advance(utc("2024-07-10 18:00"))
        made.report("BAL", outage, issuetype="Outage", account=AGENT)
        slow = {
            "Downtime kind": "Slowness",
            "Confirmed at": utc("2024-07-11 15:00"),
            "Restored at": utc("2024-07-11 16:00"),
        }
        made.report("BAL", slow, issuetype="Outage", account=AGENT)
        # An hour of the evening, of which half was within Business Hours, for everybody.
        entry = Entry("2024-07-12T20:30-05:00", "2024-07-12T21:30-05:00")
        enter(made.settings, made.configuration, entry)

        def asked(customer: str) -> dict[str, Any]:
            month = Month("2024-07", customer=customer)
            return uptime_of(made.settings, made.configuration, month).as_dict()

        acme, globex = asked("Acme"), asked("Globex")
        # 31 days of 900 minutes; 27,900, of which 139.5 may be down.
        assert (acme["down_minutes"], globex["down_minutes"]) == ("180", "30")
        assert acme["credit"]["amount"] == "43.55"  # 10 * 3000 * 40.5 / 27900
        assert globex["credit"]["amount"] == "0.00"


# --- what changes between -------------------------------------------------------------------------


def test_an_issue_keeps_the_contract_under_which_its_clock_started(tmp_path: Path) -> None:
    config = a_site(tmp_path, calendars={"office": OFFICE}, parameters={"butlr": BUTLR})
    with world(tmp_path, utc("2024-07-10 13:00"), config=config) as made:
        old = made.report("BTL", priority="Highest")
        made.stop()
        quicker = BUTLR | {"error-urgent": "30m"}
        again = tmp_path / "again"
        made.configuration = load(
            a_site(again, calendars={"office": OFFICE}, parameters={"butlr": quicker})
        )
        made.start()
        made.advance(timedelta(minutes=5))
        edit(made, old, labels=["seen"])
        new = made.report("BTL", priority="Highest")
        assert made.promised(old) == [("Urgent", jira_time("2024-07-10 14:00"))]
        assert made.promised(new) == [("Urgent", jira_time("2024-07-10 13:35"))]


def test_reported_before_it_was_typed_in_and_written_down_later(cloud: World) -> None:
    key = cloud.report("BIT", priority="Highest")
    cloud.advance(timedelta(minutes=10))
    edit(cloud, key, {"Reported at": utc("2024-07-10 18:30")})
    assert shown(cloud, key)[:2] == ("first response", jira_time("2024-07-10 20:30"))
    # A time after the creation is no earlier report.
    edit(cloud, key, {"Reported at": utc("2024-07-10 19:05")})
    assert shown(cloud, key)[:2] == ("first response", jira_time("2024-07-10 21:00"))
