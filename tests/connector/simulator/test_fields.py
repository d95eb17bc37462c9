from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, JiraError, Simulator

Ask = Callable[..., requests.Response]
TYPES = "com.atlassian.jira.plugin.system.customfieldtypes"
DUE = {"name": "SLA due", "type": f"{TYPES}:datetime", "searcherKey": f"{TYPES}:datetimerange"}


def test_a_field_is_created_shown_and_set(ask: Ask, sim: Simulator) -> None:
    made = ask("POST", "/field", json=DUE)
    assert made.status_code == 201
    field_id = made.json()["id"]
    assert made.json()["schema"] == {
        "type": "datetime",
        "custom": f"{TYPES}:datetime",
        "customId": 10200,
    }
    assert field_id in [field["id"] for field in ask("GET", "/field").json()]
    added = ask("POST", f"/screens/addToDefault/{field_id}")
    assert added.status_code == (200 if sim.cloud else 204)
    again = ask("POST", f"/screens/addToDefault/{field_id}")
    assert again.status_code == (404 if sim.cloud else 400)
    key = sim.create_issue(project="BOT", summary="x").key
    fields = {field_id: "2026-11-21T12:00:00.000+0000"}
    assert ask("PUT", f"/issue/{key}", json={"fields": fields}).status_code == 204


def test_the_default_screen_is_not_every_screen(
    datacenter: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(datacenter)
    field_id = ask("POST", "/field", json=DUE).json()["id"]
    ask("POST", f"/screens/addToDefault/{field_id}")
    key = datacenter.create_issue(project="HLP", summary="x").key
    body = {"fields": {field_id: "2026-11-21T12:00:00.000+0000"}}
    assert ask("PUT", f"/issue/{key}", json=body).status_code == 400
    tab = ask("GET", "/screens/2/tabs").json()[0]["id"]
    added = ask("POST", f"/screens/2/tabs/{tab}/fields", json={"fieldId": field_id})
    assert added.json() == {"id": field_id, "name": "SLA due"}
    assert ask("PUT", f"/issue/{key}", json=body).status_code == 204
    assert ask("DELETE", f"/screens/2/tabs/{tab}/fields/{field_id}").status_code == 204
    assert ask("DELETE", f"/screens/2/tabs/{tab}/fields/{field_id}").status_code == 400


def test_screens_are_listed(ask: Ask, sim: Simulator) -> None:
    listed = ask("GET", "/screens").json()
    screens = listed["values"] if sim.cloud else listed
    assert [screen["name"] for screen in screens] == ["Default Screen", "HLP: Help Screen"]
    shown = ask("GET", "/screens/1/tabs/10000/fields").json()
    assert {"id": "customfield_10100", "name": "Support plan"} in shown
    for path in ("/screens/9/tabs", "/screens/1/tabs/9/fields"):
        assert ask("GET", path).status_code == (404 if sim.cloud else 400)
    made = ask("POST", "/screens/1/tabs", json={"name": "SLA"}).json()
    assert ask("GET", "/screens/1/tabs").json()[-1] == made
    unknown = ask("POST", "/screens/1/tabs/10000/fields", json={"fieldId": "nope"})
    assert unknown.status_code in {400, 404}


def test_a_new_field_applies_everywhere_by_its_default_context(
    cloud: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(cloud)
    field_id = ask("POST", "/field", json=DUE).json()["id"]
    (context,) = ask("GET", f"/field/{field_id}/context").json()["values"]
    assert context["isGlobalContext"]
    assert context["isAnyIssueType"]
    again = ask("POST", f"/field/{field_id}/context", json={"name": "Everywhere"})
    assert again.status_code == 409


def test_without_a_context_a_field_applies_nowhere(
    cloud: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(cloud)
    field_id = ask("POST", "/field", json=DUE).json()["id"]
    path = f"/field/{field_id}/context"
    (context,) = ask("GET", path).json()["values"]
    assert ask("DELETE", f"{path}/{context['id']}").status_code == 204
    bot = cloud.create_issue(project="BOT", summary="x").key
    body = {"fields": {field_id: "2026-11-21T12:00:00.000+0000"}}
    assert ask("PUT", f"/issue/{bot}", json=body).status_code == 400
    assert field_id not in ask("GET", f"/issue/{bot}").json()["fields"]
    only_bot = {"name": "Botron only", "projectIds": ["10000"], "issueTypeIds": []}
    made = ask("POST", path, json=only_bot)
    assert made.status_code == 201
    assert made.json()["projectIds"] == ["10000"]
    assert ask("PUT", f"/issue/{bot}", json=body).status_code == 204
    bit = cloud.create_issue(project="BIT", summary="x").key
    assert ask("PUT", f"/issue/{bit}", json=body).status_code == 400
    assert ask("GET", f"{path}?isGlobalContext=true").json()["values"] == []
    assert ask("POST", path, json={"projectIds": []}).status_code == 400
    assert ask("POST", path, json={"name": "x", "projectIds": ["9"]}).status_code == 404
    assert ask("GET", "/field/summary/context").status_code == 404


def test_data_center_takes_projects_at_creation(
    datacenter: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(datacenter)
    given = {**DUE, "projectIds": [10000], "issueTypeIds": ["-1"]}
    field_id = ask("POST", "/field", json=given).json()["id"]
    assert datacenter.site.fields[field_id].applies_to("10000")
    assert not datacenter.site.fields[field_id].applies_to("10001")
    assert ask("GET", f"/field/{field_id}/context").status_code == 404


def test_options_are_added_on_cloud(cloud: Simulator, serve: Callable[..., Ask]) -> None:
    ask = serve(cloud)
    given = {"name": "Severity", "type": f"{TYPES}:select"}
    field_id = ask("POST", "/field", json=given).json()["id"]
    (context,) = ask("GET", f"/field/{field_id}/context").json()["values"]
    path = f"/field/{field_id}/context/{context['id']}/option"
    made = ask("POST", path, json={"options": [{"value": "S1"}, {"value": "S2"}]})
    assert [option["value"] for option in made.json()["options"]] == ["S1", "S2"]
    assert [option["value"] for option in ask("GET", path).json()["values"]] == ["S1", "S2"]
    assert ask("POST", path, json={"options": [{"value": "S1"}]}).status_code == 400
    key = cloud.create_issue(project="BOT", summary="x").key
    body = {"fields": {field_id: {"value": "S1"}}}
    assert ask("PUT", f"/issue/{key}", json=body).status_code == 204


def test_only_administrators_set_up(ask: Ask, sim: Simulator) -> None:
    # The statuses are those of the documents.
    refused = {("POST", "/field"): (400, 403), ("GET", "/screens"): (403, 401)}
    for (method, path), statuses in refused.items():
        answer = ask(method, path, json=DUE if method == "POST" else None, account=AGENT)
        assert answer.status_code == statuses[0 if sim.cloud else 1]
        assert answer.json()["errorMessages"] == [
            "Only Jira administrators can access this resource."
        ]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"type": f"{TYPES}:datetime"}, "name"),
        ({"name": "x" * 256, "type": f"{TYPES}:datetime"}, "name"),
        ({"name": "x", "type": "com.example:teleport"}, "type"),
        ({**DUE, "searcherKey": f"{TYPES}:textsearcher"}, "searcherKey"),
    ],
)
def test_a_faulty_field_is_refused(ask: Ask, given: Any, named: str) -> None:
    answer = ask("POST", "/field", json=given)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {named}


@pytest.mark.parametrize(
    ("type_name", "given", "kept"),
    [
        ("float", 1.5, 1.5),
        ("float", 2, 2.0),
        ("textfield", "ok", "ok"),
        ("textfield", "", None),
        ("datepicker", "2026-11-21", "2026-11-21"),
        ("textarea", "*wiki*", "*wiki*"),
        ("labels", ["b", "a"], ["a", "b"]),
        ("userpicker", None, None),
    ],
)
def test_values_by_type(
    datacenter: Simulator, serve: Callable[..., Ask], type_name: str, given: Any, kept: Any
) -> None:
    ask = serve(datacenter)
    field = datacenter.create_field("A field", type_name)
    key = datacenter.create_issue(project="BOT", summary="x").key
    assert ask("PUT", f"/issue/{key}", json={"fields": {field.id: given}}).status_code == 204
    shown = ask("GET", f"/issue/{key}", params={"fields": field.id}).json()["fields"]
    assert shown == {field.id: kept}


@pytest.mark.parametrize(
    ("type_name", "given", "words"),
    [
        ("float", "1.5", "Operation value must be a number"),
        ("float", True, "Operation value must be a number"),
        ("textfield", 5, "Operation value must be a string"),
        ("textfield", "x" * 256, "The entered text is too long. It exceeds the allowed limit of "),
        ("datepicker", "2026-02-30", "Error parsing date string: 2026-02-30."),
        ("datetime", "2026-02-30T00:00:00.000+0000", "Error parsing time: 2026-02-30"),
        ("textarea", "x" * 32768, "The entered text is too long."),
        ("multiselect", {"value": "x"}, "data was not an array"),
        ("select", "x", "Specify a valid 'id' or 'name' for A field"),
        ("userpicker", {"name": "stranger"}, "User 'stranger' does not exist."),
        ("userpicker", "agent", "data was not an object"),
        ("userpicker", {}, "User does not exist or you do not have permission to see it."),
    ],
)
def test_faulty_values_by_type(
    datacenter: Simulator, serve: Callable[..., Ask], type_name: str, given: Any, words: str
) -> None:
    ask = serve(datacenter)
    field = datacenter.create_field("A field", type_name)
    key = datacenter.create_issue(project="BOT", summary="x").key
    answer = ask("PUT", f"/issue/{key}", json={"fields": {field.id: given}})
    assert answer.status_code == 400
    assert answer.json()["errors"][field.id].startswith(words)


EXAMPLES: list[tuple[str, Any, Any]] = [
    ("Deployment", "Staging", "Staging"),
    ("Channel", "E-mail", "E-mail"),
    ("Language", "French", "French"),
    ("Subscription", "Ended", "Ended"),
    ("Fees", "Overdue", "Overdue"),
    ("Not covered because", "Upgrade not applied", "Upgrade not applied"),
    ("Phone call", "Done", "Done"),
    ("Priority confirmed", "Yes", "Yes"),
    ("Assessment", "h1. Why", "h1. Why"),
    ("Work-around", "* restart", "* restart"),
    ("Bug found", "Yes", "Yes"),
    ("Escalation requested", "Yes", "Yes"),
    ("Mobile phone", "+1 555 0100", "+1 555 0100"),
    ("Customer", "Globex", "Globex"),
    ("Affected customers", ["Acme", "Initech"], ["Acme", "Initech"]),
    ("Confirmed at", datetime(2026, 11, 21, 9, tzinfo=UTC), "2026-11-21T09:00:00.000+0000"),
    ("Restored at", datetime(2026, 11, 21, 10, tzinfo=UTC), "2026-11-21T10:00:00.000+0000"),
    ("Downtime kind", "Few customers", "Few customers"),
    ("Product license", "L-1", "L-1"),
    ("Product version", "7.2", "7.2"),
    ("Contact", "Cora", "Cora"),
    ("Company", "Acme Inc.", "Acme Inc."),
    ("Steps to reproduce", "# one\n# two", "# one\n# two"),
    ("Error messages", "E42", "E42"),
]


def by_name(ask: Ask, path: str) -> dict[str, Any]:
    """Return an issue's custom fields by their names, choices by their values."""
    answer = ask("GET", f"{path}?expand=names").json()
    shown = {}
    for field_id, value in answer["fields"].items():
        if field_id.startswith("customfield_"):
            parts = value if isinstance(value, list) else [value]
            plain = [part["value"] if "value" in (part or {}) else part for part in parts]
            shown[answer["names"][field_id]] = plain if isinstance(value, list) else plain[0]
    return shown


@pytest.mark.parametrize("project", ["BOT", "BIT", "HLP", "BTL", "BAL"])
def test_every_project_has_the_fields_of_a_support_team(
    ask: Ask, sim: Simulator, project: str
) -> None:
    given = {name: value for name, value, _ in EXAMPLES}
    key = sim.create_issue(given, project=project, summary="x").key
    shown = by_name(ask, f"/rest/api/2/issue/{key}")
    assert {name: shown[name] for name in given} == {name: kept for name, _, kept in EXAMPLES}


def test_lists_offer_their_choices_and_no_other(ask: Ask, sim: Simulator) -> None:
    key = sim.create_issue(project="BTL", summary="x").key
    fields = ask("GET", f"/issue/{key}/editmeta").json()["fields"]
    offered = {
        field["name"]: [choice["value"] for choice in field["allowedValues"]]
        for field in fields.values()
        if "allowedValues" in field
    }
    assert len(offered) == 14
    assert offered["Fees"] == ["Paid", "Overdue"]
    assert len(offered["Not covered because"]) == len(offered["Downtime kind"]) == 9
    assert offered["Customer"] == offered["Affected customers"] == ["Acme", "Globex", "Initech"]
    for name, choices in offered.items():
        for choice in choices:
            sim.edit(key, {name: [choice] if name == "Affected customers" else choice})
        with pytest.raises(JiraError, match="is not valid"):
            sim.edit(key, {name: ["Nope"] if name == "Affected customers" else "Nope"})


def test_choices_are_added_and_removed_one_by_one(ask: Ask, sim: Simulator) -> None:
    key = sim.create_issue({"Affected customers": ["Acme"]}, project="BOT", summary="x").key
    field = sim.field_named("Affected customers")
    assert field is not None
    operations = [{"add": {"value": "Globex"}}, {"remove": {"value": "Acme"}}]
    answer = ask("PUT", f"/issue/{key}", json={"update": {field.id: operations}})
    assert answer.status_code == 204
    (shown,) = ask("GET", f"/issue/{key}").json()["fields"][field.id]
    assert (shown["value"], set(shown)) == ("Globex", {"self", "value", "id"})
    (change,) = sim.issue(key).history[-1].changes
    assert (change.old_text, change.new_text) == ("Acme", "Globex")
    assert change.new == f"[{shown['id']}]"


def test_long_texts_are_documents_in_v3_and_wiki_text_in_v2(
    cloud: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(cloud)
    key = cloud.create_issue({"Assessment": "h1. Why"}, project="BOT", summary="x").key
    field = cloud.field_named("Assessment")
    assert field is not None
    assert by_name(ask, f"/rest/api/2/issue/{key}")["Assessment"] == "h1. Why"
    document = ask("GET", f"/issue/{key}").json()["fields"][field.id]
    assert (document["type"], document["content"][0]["type"]) == ("doc", "heading")
    document["content"][0]["content"][0]["text"] = "Because"
    assert ask("PUT", f"/issue/{key}", json={"fields": {field.id: document}}).status_code == 204
    assert by_name(ask, f"/rest/api/2/issue/{key}")["Assessment"] == "h1. Because"
    answer = ask("PUT", f"/issue/{key}", json={"fields": {field.id: "plain"}})
    assert answer.json()["errors"][field.id].startswith("Operation value must be an Atlassian")
