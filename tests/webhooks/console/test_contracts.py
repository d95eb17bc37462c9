"""The contracts' pages and API say what the policy says, and nothing else."""

from __future__ import annotations

from config.summary import carried_out
from tests.webhooks.console.desk import Desk
from webhooks.console.access.people import Person
from webhooks.console.questions.publishing import begin_preview


def test_every_contract_stands_in_the_list_with_what_it_waits_for(desk: Desk) -> None:
    answer = desk.json("/api/contracts")
    by_id = {each["id"]: each for each in answer["contracts"]}
    policy = desk.standing.configuration.policy
    assert {id_ for id_, each in by_id.items() if each["use"] == "in force"} == set(
        policy.contracts
    )
    assert by_id["bitumio"]["projects"] == ["BIT"]
    assert "us-business-hours" in by_id["butlr"]["open_parameters"]
    shown = desk.page("/contracts")
    for contract in policy.contracts.values():
        assert contract.title in shown
    # The list and a contract's own page tell the same of what is not set.
    for id_, each in by_id.items():
        number = len(each["open_parameters"])
        told = f"Parameters {number} not set" if number else "Parameters no promise waits for one"
        assert told in desk.page(f"/contracts/{id_}")


def test_a_contract_reads_like_its_policy(desk: Desk) -> None:
    configuration = desk.standing.configuration
    for id_, contract in configuration.policy.contracts.items():
        shown = desk.page(f"/contracts/{id_}")
        carried = carried_out(configuration, id_)
        for clause in contract.clauses:
            assert clause.gist in shown
            assert all(what in shown for what in carried.get(clause.id, []))
        for choice in contract.choices:
            assert all(meaning in shown for meaning in choice.readings.values())


def test_the_table_of_goals_is_what_the_contract_promises(desk: Desk) -> None:
    for id_, contract in desk.standing.configuration.policy.contracts.items():
        found = desk.json(f"/api/contracts/{id_}")["contract"]
        for row in found["goals"]:
            for metric, told in zip(contract.metrics, row["promises"], strict=True):
                goal = metric.promised(row["severity"], row["tier"], row["kind"])
                target = getattr(goal, "target", None)
                assert (told is None) == (goal is None)
                assert (told or {}).get("target") == (target.text if target else None)


def test_open_parameters_name_the_promises_that_wait_for_them(desk: Desk) -> None:
    found = desk.json("/api/contracts/butlr")["contract"]["parameters"]
    waiting = {each["name"]: each["waiting"] for each in found if not each["is_set"]}
    assert waiting["error-urgent"] == ["first response: Urgent, kind Error"]
    assert len(waiting["us-business-hours"]) == 6
    assert waiting["phone"] == []
    assert "Some promises are not in force" in desk.page("/contracts/butlr")
    holidays = desk.json("/api/contracts/standard")["contract"]["parameters"]
    assert [each["is_set"] for each in holidays] == [True]


def test_a_reading_is_worth_the_hours_between_the_two_instants(desk: Desk) -> None:
    found = desk.json("/api/contracts/botron", worked="true")["worked"]["business-day"]
    for example in found:
        worth = {each["reading"]: each for each in example["worth"]}
        assert worth["open_hours"]["later_seconds"] == 0
        assert {each["due_at"] for each in worth.values()} != {worth["open_hours"]["due_at"]}
    shown = desk.page("/contracts/botron", worked="1")
    assert "later" in shown or "earlier" in shown
    assert desk.json("/api/contracts/botron")["worked"] is None


def test_a_contract_that_no_project_uses_is_shown_as_it_would_hold(desk: Desk) -> None:
    publishing = desk.standing.publishing
    projects = publishing.documents(1)["projects.yaml"]
    start, end = projects.index("  BAL:\n"), projects.index("# What the texts leave open")
    ada = Person("ada", "Ada", "administrator")
    draft = publishing.begin(ada, "No Balto", {"projects.yaml": projects[:start] + projects[end:]})
    begin_preview(desk.standing, draft.id, draft.revision)
    desk.standing.previews.wait()
    publishing.publish(ada, draft.id, draft.revision, "They left", recalculate=False)
    by_id = {each["id"]: each for each in desk.json("/api/contracts")["contracts"]}
    assert by_id["balto"]["use"] == "not used"
    assert by_id["balto"]["severities"][0] == "Severity 1"
    shown = desk.page("/contracts/balto")
    assert "this is how it would hold" in shown
    assert "first response: Severity 1" in shown


def test_an_unknown_contract_is_told_with_those_that_there_are(desk: Desk) -> None:
    answer = desk.get("/contracts/botrn")
    assert answer.status_code == 404
    assert "did you mean `botron`?" in answer.text
    assert "botron" in desk.json("/api/contracts/botrn")["error"]


def test_nobody_reads_contracts_without_signing_in(outside: Desk) -> None:
    for path in ("/contracts", "/contracts/botron", "/calendars", "/documents"):
        assert outside.get(path).status_code == 302
    assert outside.get("/api/contracts").status_code == 401


def test_a_contract_is_shown_as_a_draft_would_have_it(desk: Desk) -> None:
    publishing = desk.standing.publishing
    path = "contracts/enterprise.yaml"
    text = publishing.documents(publishing.in_force().id)[path].replace("target: 30m", "target: 2h")
    draft = publishing.begin(Person("ada", "Ada", "administrator"), "Two hours", {path: text})
    shown = desk.page("/contracts/enterprise", draft=draft.id)
    assert f"As draft {draft.id}: Two hours would have it. Nothing is judged by it." in shown
    assert "2 h goal on" in shown
    assert "30 min goal on" not in shown
    assert "30 min goal on" in desk.page("/contracts/enterprise")
    assert f"/contracts/enterprise?draft={draft.id}" in desk.get(f"/drafts/{draft.id}").text
    worked = desk.get("/contracts/bitumio", draft=draft.id).text
    assert f"/contracts/bitumio?worked=1&amp;draft={draft.id}" in worked
    publishing.save(Person("ada", "Ada", "administrator"), draft.id, 1, {path: "title: ["})
    refused = desk.get("/contracts/enterprise", draft=draft.id)
    assert refused.status_code == 409
    assert "holds faults" in refused.text
    assert desk.get("/contracts/enterprise", draft=99).status_code == 404
    assert desk.get("/contracts/enterprise", draft="x").status_code == 400
