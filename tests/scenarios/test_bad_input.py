"""What nobody meant an issue to be, or did to one: each has an outcome that is defined."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connector.simulator import AGENT, CUSTOMER, LEAD, ROBOT
from connector.simulator.model import Option
from tests.scenarios.world import World, a_site, jira_time, utc, world
from webhooks.explaining import explain_issue

pytestmark = pytest.mark.one_database("sqlite")

ENTERPRISE = {"Support plan": "Enterprise"}
MINUTE = timedelta(minutes=1)
HIGH = jira_time("2024-07-10 19:30")


def state(place: World, key: str) -> tuple[object, object]:
    fields = place.fields(key)
    return fields["SLA state"], fields["First response due"]


def test_a_priority_that_no_rule_names_has_no_severity_until_it_gets_one(cloud: World) -> None:
    key = cloud.report("BTL", issuetype="Task", priority="High")
    assert set(cloud.fields(key).values()) == {None}
    assert cloud.said(key) == []
    assert "no severity rule of project BTL matches (type Task, priority High)" in "\n".join(
        explain_issue(cloud.settings, key)
    )
    cloud.jira.edit(key, issuetype="Bug", account=AGENT)
    cloud.settle()
    assert cloud.fields(key)["SLA severity"] == "High"
    # And back: what was shown and holds no longer is cleared.
    cloud.advance(MINUTE)
    cloud.jira.edit(key, issuetype="Task", account=AGENT)
    cloud.settle()
    assert set(cloud.fields(key).values()) == {None}


def test_a_tier_that_nobody_defined_has_no_promise_unless_a_rule_takes_the_rest(
    tmp_path: Path,
) -> None:
    named = {
        "contracts": [
            {"contract": "enterprise", "tier": "Enterprise", "fields": ENTERPRISE},
            {"contract": "standard", "tier": "Standard", "fields": {"Support plan": "Standard"}},
        ],
        "severities": [{"severity": "High"}],
    }
    config = a_site(tmp_path, projects={"HLP": named})
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as made:
        field = made.jira.field_named("Support plan")
        assert field
        field.options.append(Option("99999", "Platinum"))
        key = made.report("HLP", {"Support plan": "Platinum"})
        assert set(made.fields(key).values()) == {None}
        assert "no contract rule of project HLP matches" in "\n".join(
            explain_issue(made.settings, key)
        )
        made.advance(10 * MINUTE)
        made.jira.edit(key, ENTERPRISE, account=AGENT)
        made.settle()
        # Promised from then on: what nobody promised used up no time.
        assert state(made, key) == ("running", jira_time("2024-07-10 19:40"))


def test_the_tier_that_nobody_defined_falls_to_the_last_rule_of_the_example_site(
    cloud: World,
) -> None:
    field = cloud.jira.field_named("Support plan")
    assert field
    field.options.append(Option("99999", "Platinum"))
    key = cloud.report("HLP", {"Support plan": "Platinum"})
    assert cloud.fields(key)["SLA policy"] == "standard"


def test_nobody_an_app_and_the_reporter_do_not_answer(anywhere: World) -> None:
    """The reporter may be an agent: on an issue of one's own one asks and does not answer."""
    key = anywhere.report("HLP", ENTERPRISE, account=AGENT)
    # Data Center does not say that an account is an app's or a customer's.
    known = (None, AGENT, ROBOT, CUSTOMER) if anywhere.jira.cloud else (None, AGENT)
    for who in known:
        anywhere.advance(MINUTE)
        anywhere.jira.add_comment(key, "We are on it.", account=who)
        anywhere.settle()
        assert state(anywhere, key) == ("running", HIGH)
    anywhere.advance(utc("2024-07-10 19:10"))
    anywhere.jira.add_comment(key, "I am.", account=LEAD)
    anywhere.settle()
    assert anywhere.fields(key)["First responded"] == jira_time("2024-07-10 19:10")


def test_nobody_asks_for_an_escalation_either(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    cloud.jira.add_comment(key, "Please escalate.", account=None)
    cloud.settle()
    assert cloud.fields(key)["SLA escalation level"] == 0
    assert cloud.said(key) == []


def test_an_answer_that_was_deleted_was_given(anywhere: World) -> None:
    key = anywhere.report("BIT", priority="Low", issuetype="Task")
    anywhere.advance(MINUTE)
    answer = anywhere.jira.add_comment(key, "Is it still so?", account=AGENT)
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "met"
    anywhere.advance(MINUTE)
    anywhere.jira.delete_comment(key, answer.id, account=AGENT)
    anywhere.settle()
    assert anywhere.fields(key)["First responded"] == jira_time("2024-07-10 19:01")
    assert anywhere.states(key, "substantive_response") == ["met"]
    anywhere.advance(timedelta(days=7))
    assert len(anywhere.said(key)) == 1


def test_a_comment_of_the_team_that_becomes_public_answers_then(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    note = anywhere.jira.add_comment(key, "We are on it.", account=AGENT, internal=True)
    anywhere.advance(5 * MINUTE)
    assert state(anywhere, key) == ("running", HIGH)
    anywhere.jira.edit_comment(key, note.id, "We are on it.", account=AGENT, internal=False)
    anywhere.advance(MINUTE)
    assert anywhere.fields(key)["First responded"] == jira_time("2024-07-10 19:05")
    anywhere.jira.edit_comment(key, note.id, "Hush.", account=AGENT, internal=True)
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "met"


def test_moved_to_another_policy_used_time_stays_used(anywhere: World) -> None:
    key = anywhere.report("BIT", priority="Highest", issuetype="Task")
    anywhere.advance(10 * MINUTE)
    anywhere.jira.edit(key, ENTERPRISE, account=AGENT)
    anywhere.jira.move_issue(key, project="HLP", account=AGENT)
    anywhere.settle()
    moved = anywhere.jira.issue(key).key
    fields = anywhere.fields(moved)
    assert (fields["SLA policy"], fields["SLA severity"]) == ("enterprise", "High")
    assert state(anywhere, moved) == ("running", HIGH)
    assert anywhere.promised(moved) == [
        ("Severity 1", jira_time("2024-07-10 21:00")),
        ("High", HIGH),
    ]
    anywhere.advance(20 * MINUTE)
    assert f"first response to {moved} is overdue" in anywhere.said(moved)[-1]
    # It was acknowledged once, where it began.
    assert sum("We have received" in words for words in anywhere.said(moved)) == 1


def test_moved_where_nothing_is_promised_and_back(tmp_path: Path) -> None:
    config = a_site(tmp_path, projects={"BAL": None})
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as made:
        key = made.report("HLP", ENTERPRISE)
        made.advance(10 * MINUTE)
        made.jira.move_issue(key, project="BAL", account=AGENT)
        made.settle()
        away = made.jira.issue(key).key
        assert state(made, away) == ("cancelled", None)
        assert "project BAL is in no mapping" in "\n".join(explain_issue(made.settings, away))
        made.advance(timedelta(days=1))
        assert made.said(away) == []
        made.jira.move_issue(away, project="HLP", account=AGENT)
        made.settle()
        # Ten of its thirty minutes were used; none while it was away.
        back = made.jira.issue(key).key
        assert state(made, back) == ("running", jira_time("2024-07-11 19:30"))
        assert made.states(back, "first_response") == ["running"]


def test_opened_again_unanswered_the_clock_goes_on(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    for _ in range(2):
        anywhere.advance(10 * MINUTE)
        anywhere.jira.transition(key, "Done", account=AGENT)
        anywhere.settle()
        assert state(anywhere, key) == ("cancelled", None)
        anywhere.advance(timedelta(hours=5))
        anywhere.jira.transition(key, "To Do", account=AGENT)
        anywhere.settle()
    assert state(anywhere, key) == ("running", jira_time("2024-07-11 05:30"))
    anywhere.advance(8 * MINUTE)
    anywhere.jira.add_comment(key, "We are on it.", account=AGENT)
    anywhere.settle()
    anywhere.advance(MINUTE)
    anywhere.jira.transition(key, "Done", account=AGENT)
    anywhere.advance(MINUTE)
    anywhere.jira.transition(key, "To Do", account=AGENT)
    anywhere.settle()
    # Answered is answered, however often it is opened again; the warning was at 22.5 minutes.
    assert anywhere.fields(key)["SLA state"] == "met"
    assert len(anywhere.said(key)) == 1


def test_raised_and_lowered_twice_used_time_is_kept_and_each_promise_on_record(
    anywhere: World,
) -> None:
    key = anywhere.report("BIT", priority="Low", issuetype="Task")
    at = utc("2024-07-10 19:00")
    for priority in ("Highest", "Low", "Highest", "High"):
        at += 25 * MINUTE
        anywhere.advance(at)
        anywhere.jira.edit(key, priority=priority, account=AGENT)
        anywhere.settle()
    day, soon = jira_time("2024-07-11 19:00"), jira_time("2024-07-10 21:00")
    assert anywhere.promised(key) == [
        ("Severity 3", day),
        ("Severity 1", soon),
        ("Severity 3", day),
        ("Severity 1", soon),
        ("Severity 2", day),
    ]
    assert state(anywhere, key) == ("running", day)
    # Three quarters of two hours were over at 20:30, when it had Severity 1 for the second time.
    acknowledged, warned = anywhere.said(key)
    assert "Severity 3" in acknowledged
    assert "is due Wed 10 Jul 2024 17:00 EDT: 30 min of open time left" in warned


@pytest.mark.parametrize("old", ["1969-12-31 00:00", "2024-07-11 19:00"])
def test_a_report_that_cannot_have_been_counts_from_the_creation(cloud: World, old: str) -> None:
    key = cloud.report("HLP", ENTERPRISE | {"Reported at": utc(old)})
    assert state(cloud, key) == ("running", HIGH)


def test_a_customer_who_is_named_otherwise_has_no_order_form(cloud: World) -> None:
    field = cloud.jira.field_named("Customer")
    assert field
    field.options.append(Option("99998", "*Nobody* [~admin]"))
    key = cloud.report("BAL", {"Customer": "*Nobody* [~admin]"}, priority="High")
    assert state(cloud, key) == ("not promised", None)
    assert cloud.fields(key)["SLA severity"] == "Severity 2"
    assert not any("admin" in words for words in cloud.said(key))
