"""The mapping of each project: seen, changed in a draft, and never lost."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from config.mapping_edits import FILE, read
from tests.webhooks.console.desk import Desk, words
from webhooks.console.access.people import Person

ADA = Person("ada", "Ada", "administrator")


def form_of(html: str) -> MultiDict[str, str]:
    """What the form of a mapping would send if nothing in it were changed."""
    inner = html[html.index('class="mapping-form"') : html.rindex("</form>")]
    found: MultiDict[str, str] = MultiDict()
    for match in re.finditer(r"<(input|select|textarea)\b([^>]*)>", inner):
        kind, attributes = match[1], match[2]
        name = re.search(r'\bname="([^"]*)"', attributes)
        if not name:
            continue
        value = re.search(r'\bvalue="([^"]*)"', attributes)
        if kind == "input":
            if 'type="radio"' in attributes and " checked" not in attributes:
                continue
            text = value[1] if value else ""
        elif kind == "textarea":
            text = inner[match.end() : inner.index("</textarea>", match.end())].removeprefix("\n")
        else:
            body = inner[match.end() : inner.index("</select>", match.end())]
            options = re.findall(r"<option([^>]*)>([^<]*)", body)
            chosen = next((o for o in options if " selected" in o[0]), options[0])
            own = re.search(r'value="([^"]*)"', chosen[0])
            text = own[1] if own else chosen[1]
        found.add(unescape(name[1]), unescape(text))
    return found


def send(desk: Desk, path: str, form: MultiDict[str, str], **changed: Any) -> TestResponse:
    form = MultiDict(form)
    for name, value in changed.items():
        form[name.replace("__", "-")] = value
    form.setdefault("do", "save")
    return desk.client.post(path, data=form)


def told(answer: TestResponse) -> Any:
    return answer.json


def written(desk: Desk, draft: int) -> Any:
    publishing = desk.standing.publishing
    return read(publishing.whole(publishing.draft(draft))[FILE])


def cell(form: MultiDict[str, str], type_: str, priority: str) -> str:
    rows, columns = [*form.getlist("row"), ""], [*form.getlist("column"), ""]
    return f"cell-{rows.index(type_)}-{columns.index(priority)}"


# --- all projects ---------------------------------------------------------------------------------


def test_every_project_is_listed_with_what_it_is_promised(desk: Desk) -> None:
    desk.world.report("HLP", {"Support plan": "Enterprise"})
    said = desk.page("/mapping")
    for key in ("BOT", "BIT", "HLP", "BTL", "BAL"):
        assert key in said
    assert "enterprise, tier Enterprise (Support plan Enterprise) standard, tier Standard" in said
    assert "proactive" in said
    assert "BIT" not in desk.page("/mapping", q="standard").partition("5 mapped in all")[2]
    assert "No project fits" in desk.page("/mapping", q="nothing of this name")
    assert "No project fits" in desk.page("/mapping", state="gone")
    assert desk.get("/mapping", state="sideways").status_code == 400


def test_while_jira_is_silent_what_is_known_is_shown(desk: Desk) -> None:
    desk.world.jira.faults.drop("before", times=100)
    said = desk.page("/mapping")
    assert "Jira does not answer just now" in said
    assert "HLP" in said
    assert "Mapping of HLP" in desk.page("/mapping/HLP")


# --- one project ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["BOT", "BIT", "HLP", "BTL", "BAL"])
def test_a_form_that_nobody_changed_changes_nothing(desk: Desk, key: str) -> None:
    path = f"/mapping/{key}"
    answer = send(desk, path, form_of(desk.get(path).text))
    assert answer.status_code == 409
    assert "Nothing differs" in words(answer.text)
    assert not desk.standing.publishing.drafts()


def test_a_cell_becomes_the_fewest_rules_in_a_draft_that_can_be_published(desk: Desk) -> None:
    form = form_of(desk.get("/mapping/HLP").text)
    name = cell(form, "Task", "Highest")
    assert form[name] == '["High", null]'
    answer = send(desk, "/mapping/HLP", form, **{name: '["Low", null]'})
    assert answer.status_code == 302
    draft = desk.standing.publishing.drafts()[0]
    rules = written(desk, draft.id)["projects"]["HLP"]["severities"]
    assert len(rules) == 4
    assert {"type": "Task", "priority": "Highest", "severity": "Low"} in rules
    assert not desk.standing.publishing.checked(draft).problems
    text = desk.standing.publishing.whole(draft)[FILE]
    assert "# Which promise an issue has." in text
    said = desk.page("/mapping/HLP")
    assert f"Shown is draft {draft.id}: Mapping of HLP by" in said
    assert "changed in draft" in desk.page("/mapping")
    # The same person goes on in the same draft, with another project.
    again = form_of(desk.get("/mapping/BAL").text)
    assert send(desk, "/mapping/BAL", again, alerts="default").status_code == 302
    (only,) = desk.standing.publishing.drafts()
    assert (only.id, only.revision) == (draft.id, 2)
    (note,) = told(desk.get("/api/mapping"))["drafts"]
    assert note["projects"] == ["BAL", "HLP"]


def test_contract_rules_are_moved_added_and_removed_without_a_script(desk: Desk) -> None:
    path = "/mapping/HLP"
    form = form_of(send(desk, path, form_of(desk.get(path).text), do="up:1").text)
    assert (form["contract-0"], form["contract-1"]) == ("standard", "enterprise")
    form = form_of(send(desk, path, form, do="condition:0").text)
    form["contract-0-0-field"], form["contract-0-0-values"] = "Support plan", "Standard\r\nBasic"
    form = form_of(send(desk, path, form, do="contract").text)
    assert form["contracts"] == "3"
    form = form_of(send(desk, path, form, do="drop:2").text)
    assert not desk.standing.publishing.drafts()
    assert send(desk, path, form).status_code == 302
    rules = written(desk, 1)["projects"]["HLP"]["contracts"]
    assert rules == [
        {"contract": "standard", "tier": "Standard",
         "fields": {"Support plan": ["Standard", "Basic"]}},
        {"contract": "enterprise", "tier": "Enterprise", "fields": {"Support plan": "Enterprise"}},
    ]  # fmt: skip


def test_parameters_order_forms_and_choices_are_set_and_taken_back(desk: Desk) -> None:
    path = "/mapping/BAL"
    form = form_of(send(desk, path, form_of(desk.get(path).text), do="customer").text)
    form["customer-0"] = 'Acme "<b>" & Söhne'
    form["form-0:balto:monthly-fee"] = "1000 EUR"
    form["parameter:balto:response-severity-1"] = "1h"
    assert send(desk, path, form).status_code == 302
    said = written(desk, 1)
    assert said["customers"] == {'Acme "<b>" & Söhne': {"balto": {"monthly-fee": "1000 EUR"}}}
    assert said["parameters"]["balto"] == {"response-severity-1": "1h"}
    shown = desk.get(path).text
    assert "<b>" not in shown.replace("<b>D", "")
    form = form_of(shown)
    form["form-0:balto:monthly-fee"] = form["parameter:balto:response-severity-1"] = ""
    assert send(desk, path, form).status_code == 302
    assert "customers" not in written(desk, 1)
    assert "balto" not in written(desk, 1)["parameters"]


def test_a_choice_is_kept_with_who_and_when_and_holidays_are_checked(desk: Desk) -> None:
    form = form_of(desk.get("/mapping/BOT").text)
    name = next(name for name in form if name.startswith("choice:botron:"))
    assert send(desk, "/mapping/BOT", form, **{name: "end_of_day"}).status_code == 302
    (settled,) = written(desk, 1)["choices"]["botron"].values()
    assert settled == {"chosen": "end_of_day", "by": "Administrator", "on": "2024-07-10"}
    path = "/mapping/HLP"
    form = form_of(desk.get(path).text)
    bad = send(desk, path, form, **{"parameter:standard:holidays": "- {: [", "alerts": "proactive"})
    assert bad.status_code == 409
    assert "standard, holidays" in words(bad.text)
    # What was typed is there still.
    assert form_of(bad.text)["parameter:standard:holidays"] == "- {: ["
    assert form_of(bad.text)["alerts"] == "proactive"
    good = "- 2026-12-24\r\n- { library: { country: DE, categories: [public] } }"
    assert send(desk, path, form, **{"parameter:standard:holidays": good}).status_code == 302
    draft = desk.standing.publishing.drafts()[0]
    assert not desk.standing.publishing.checked(draft).problems


def test_a_new_project_is_mapped_by_a_proposal_and_taken_out_again(desk: Desk) -> None:
    publishing = desk.standing.publishing
    path = "/mapping/BOT"
    out = send(desk, path, form_of(desk.get(path).text), do="take-out")
    assert out.status_code == 302
    assert "BOT" not in written(desk, 1)["projects"]
    said = desk.get(path, draft=1)
    assert "Not mapped: nothing is promised" in words(said.text)
    refused = send(desk, path, form_of(said.text))
    assert "needs at least one contract rule" in words(refused.text)
    form = form_of(said.text)
    form["contract-0"] = "bitumio"
    form = form_of(send(desk, path, form, do="propose").text)
    assert form[cell(form, "Bug", "Highest")] == '["Severity 1", null]'
    assert send(desk, path, form).status_code == 302
    draft = publishing.draft(1)
    assert not publishing.checked(draft).problems
    assert written(desk, 1)["projects"]["BOT"]["contracts"] == [{"contract": "bitumio"}]


def test_what_no_rule_can_leave_out_is_refused_and_what_was_set_stays(desk: Desk) -> None:
    path = "/mapping/HLP"
    form = form_of(desk.get(path).text)
    name = cell(form, "Task", "Low")
    answer = send(desk, path, form, **{name: ""})
    assert answer.status_code == 409
    assert "Task with Low cannot be left out while any other type is covered" in words(answer.text)
    assert form_of(answer.text)[name] == ""
    assert send(desk, path, form, **{name: "[17"}).status_code == 400


def field(html: str, name: str) -> str:
    """The opening tag of a field."""
    found = re.search(rf'<(?:input|select|textarea)\b[^>]*\bname="{re.escape(name)}"[^>]*>', html)
    assert found
    return found[0]


def test_a_fault_is_told_at_its_field_and_the_summary_leads_there(desk: Desk) -> None:
    path = "/mapping/BTL"
    form = form_of(desk.get(path).text)
    hours, urgent = "parameter:butlr:us-business-hours", "parameter:butlr:error-urgent"
    assert "aria-invalid" not in desk.get(path).text
    sent = send(desk, path, form, **{hours: "nowhere", urgent: "banana"})
    shown = desk.get(sent.location).text
    for name, said in ((hours, "no calendar has that name"), (urgent, "banana")):
        assert 'aria-invalid="true"' in field(shown, name)
        assert f'aria-describedby="{name}-fault {name}-what"' in field(shown, name)
        assert f'href="#{name}"' in shown
        beside = shown[shown.index(f'id="{name}-fault"') :].partition("</span>")[0]
        assert said in unescape(beside)
    assert shown.count("aria-invalid") == 2
    assert shown.count(" autofocus") == 1
    # What no field of this project's form can mend is told with its line.
    other = desk.get("/mapping/HLP", draft=1).text
    assert "aria-invalid" not in other
    assert "projects.yaml:" in words(other)


def test_a_cell_and_a_choice_that_hold_a_fault_are_marked(desk: Desk) -> None:
    publishing = desk.standing.publishing
    path = "/mapping/BOT"
    form = form_of(desk.get(path).text)
    choice = next(name for name in form if name.startswith("choice:botron:"))
    send(desk, path, form, **{choice: "end_of_day"})
    text = publishing.whole(publishing.draft(1))[FILE]
    text = text.replace("chosen: end_of_day", "chosen: nonsense")
    text = text.replace("{ priority: Medium, severity: Medium }", "{ severity: Middling }")
    publishing.save(ADA, 1, 1, {FILE: text})
    shown = desk.get(path, draft=1).text
    group = f'role="radiogroup" id="{choice}" aria-invalid="true" aria-describedby="{choice}-fault'
    assert group in shown
    assert shown.count("aria-invalid") == 1
    shown = desk.get("/mapping/HLP", draft=1).text
    cells = re.findall(r'<select name="cell-[^>]*aria-invalid="true"[^>]*>', shown)
    assert cells
    assert len(cells) == shown.count("aria-invalid") < shown.count('<select name="cell-')
    assert all('aria-describedby="severities-fault"' in each for each in cells)
    assert 'id="severities-fault"' in shown


def test_what_the_form_itself_refuses_is_marked_too(desk: Desk) -> None:
    path = "/mapping/HLP"
    form = form_of(desk.get(path).text)
    holidays = "parameter:standard:holidays"
    for name, value in (
        ("contract-0", ""),
        ("contract-0-0-field", ""),
        ("contract-0-0-values", " "),
        (holidays, "- {: ["),
    ):
        shown = send(desk, path, form, **{name: value}).text
        assert 'aria-invalid="true"' in field(shown, name)
        assert shown.count("aria-invalid") == 1
        assert f'<a href="#{name}">' in shown
        assert " data-unsaved" in shown


# --- together with others -------------------------------------------------------------------------


def test_two_administrators_never_overwrite_each_other_in_silence(desk: Desk) -> None:
    publishing = desk.standing.publishing
    path = "/mapping/HLP"
    form = form_of(desk.get(path).text)
    assert send(desk, path, form, alerts="proactive").status_code == 302
    form = form_of(desk.get(path).text)
    theirs = written(desk, 1)
    text = publishing.whole(publishing.draft(1))[FILE].replace("  BOT:\n", "  BOT: # mine\n")
    publishing.save(ADA, 1, 1, {FILE: text})
    # A button that only changes the form leaves it the revision that was seen.
    pressed = form_of(send(desk, path, form, do="contract").text)
    assert (pressed["draft"], pressed["revision"]) == ("1", "1")
    late = send(desk, path, form, **{cell(form, "Task", "Low"): '["High", null]'})
    assert late.status_code == 409
    assert f"Ada changed {FILE} (projects.BOT)" in words(late.text)
    assert "saved meanwhile" in words(late.text)
    # Both are shown: what Ada saved stays, and what came late can be saved over it.
    assert "BOT: # mine" in late.text
    assert "type: Task" in unescape(late.text)
    assert written(desk, 1) == theirs


def test_what_came_into_force_meanwhile_is_shown_beside_what_was_typed(desk: Desk) -> None:
    publishing = desk.standing.publishing
    path = "/mapping/HLP?draft=in-force"
    form = form_of(desk.get(path).text)
    base = publishing.documents(1)[FILE]
    put_in_force(desk, base.replace("severity: Medium }", "severity: High }"))
    late = send(desk, path, form, alerts="proactive")
    assert late.status_code == 409
    assert "came into force since this page was made" in words(late.text)
    assert "- { priority: Medium, severity: High }" in unescape(late.text)
    again = form_of(late.text)
    assert (again["alerts"], again["base"]) == ("proactive", "2")
    assert send(desk, path, again).status_code == 302
    # What changes elsewhere in the mapping is no conflict with this project.
    form = form_of(desk.get("/mapping/BAL?draft=in-force").text)
    newer = publishing.documents(2)[FILE]
    put_in_force(
        desk,
        newer.replace(
            "{ priority: Highest, severity: Severity 1 }",
            "{ priority: Highest, severity: Severity 2 }",
            1,
        ),
    )
    rules = read(publishing.documents(3)[FILE])["projects"]
    assert rules["BIT"] != read(newer)["projects"]["BIT"]  # type: ignore[index, call-overload]
    assert send(desk, "/mapping/BAL?draft=in-force", form, alerts="default").status_code == 302
    saved = written(desk, publishing.drafts()[0].id)["projects"]
    assert saved["BIT"] == rules["BIT"]  # type: ignore[index, call-overload]


def put_in_force(desk: Desk, text: str) -> None:
    """Another mapping, as somebody else published it."""
    from sla.store import publications

    publishing = desk.standing.publishing
    draft = publishing.begin(ADA, "", {FILE: text})
    found = publishing.checked(draft)
    assert found.configuration, found.problems
    configuration = found.configuration
    desk.standing.database.write(
        lambda c: publications.add(
            c, "default", configuration.policy.version, configuration.text, found.documents,
            now=desk.world.clock.now(), author="Ada", reason="", source="console",
        )
    )  # fmt: skip
    publishing.discard(ADA, draft.id, draft.revision)


def test_a_viewer_sees_all_and_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    form = form_of(desk.get("/mapping/HLP").text)
    viewer = Person("v", "V", "viewer")
    monkeypatch.setattr("webhooks.console.access.asking.person", lambda: viewer)
    shown = desk.get("/mapping/HLP").text
    assert '<fieldset class="bare" disabled>' in shown
    assert "Save in" not in words(shown)
    assert send(desk, "/mapping/HLP", form, alerts="proactive").status_code == 403
    answer = desk.client.put(
        "/api/mapping/HLP", json={}, headers={"X-CSRFToken": form["csrf_token"]}
    )
    assert answer.status_code == 403
    assert not desk.standing.publishing.drafts()


# --- what does not fit ----------------------------------------------------------------------------


def test_rules_by_field_stay_before_and_behind_the_table(desk: Desk) -> None:
    publishing = desk.standing.publishing
    text = publishing.documents(1)[FILE].replace(
        "      - { priority: [Highest, High], severity: High }\n",
        "      - { fields: { Impact: Site down }, severity: High } # as agreed\n"
        "      - { priority: [Highest, High], severity: High }\n",
    )
    draft = publishing.begin(ADA, "", {FILE: text})
    path = f"/mapping/HLP?draft={draft.id}"
    assert "Impact Site down: High" in desk.page("/mapping/HLP", draft=draft.id)
    form = form_of(desk.get(path).text)
    changed = {cell(form, "Task", "Low"): '["High", null]'}
    assert send(desk, path, form, **changed).status_code == 302
    saved = publishing.whole(publishing.draft(draft.id))[FILE]
    assert "      - { fields: { Impact: Site down }, severity: High } # as agreed\n" in saved
    mixed = text.replace(
        "      - { priority: Medium, severity: Medium }",
        "      - { filled: [Impact], severity: Low }\n"
        "      - { priority: Medium, severity: Medium }",
    )
    second = publishing.begin(ADA, "", {FILE: mixed})
    said = desk.get("/mapping/HLP", draft=second.id)
    assert "no table can show them" in words(said.text)
    answer = send(desk, f"/mapping/HLP?draft={second.id}", form_of(said.text), alerts="proactive")
    assert answer.status_code == 302
    rules = written(desk, second.id)["projects"]["HLP"]["severities"]
    assert rules == read(mixed)["projects"]["HLP"]["severities"]  # type: ignore[index, call-overload]


def test_what_jira_does_not_have_any_more_is_shown_kept_and_told(desk: Desk) -> None:
    publishing = desk.standing.publishing
    text = publishing.documents(1)[FILE].replace(
        "type: Question, severity: Severity 3", "type: [Query, Question], severity: Severity 3"
    )
    text = text.replace("  BOT:\n", "  GONE:\n")
    draft = publishing.begin(ADA, "", {FILE: text})
    said = desk.page("/mapping/BIT", draft=draft.id)
    assert "Jira does not have: issue type Query" in said
    gone = desk.page("/mapping/GONE", draft=draft.id)
    assert "Jira has no project GONE any more" in gone
    assert "not in Jira" in desk.page("/mapping", draft=draft.id, state="gone")
    assert desk.get("/mapping/GONE", draft="in-force").status_code == 404
    assert desk.get("/mapping/<script>alert(1)").status_code == 404
    broken = publishing.begin(ADA, "", {FILE: "projects:\n  A: [\n"})
    answer = desk.get("/mapping/HLP", draft=broken.id)
    assert answer.status_code == 409
    assert "projects.yaml:" in words(answer.text)


@pytest.mark.parametrize(
    "text",
    [
        "projects: 3\n",
        "projects: [HLP]\n",
        "projects:\n  HLP: nothing\nalerts: [x]\n",
        "projects:\n  HLP:\n    contracts: 7\n    severities: [a, { severity: [b] }]\n",
        "projects:\n  HLP:\n    contracts:\n      - { contract: standard, fields: [x] }\n",
        "nothing: at all\n",
    ],
)
def test_a_mapping_of_any_shape_is_shown_and_can_be_mended(desk: Desk, text: str) -> None:
    draft = desk.standing.publishing.begin(ADA, "", {FILE: text})
    for path in ("/mapping", "/mapping/HLP", "/api/mapping", "/api/mapping/HLP"):
        assert desk.get(path, draft=draft.id).status_code == 200, path
    path = f"/mapping/HLP?draft={draft.id}"
    form = form_of(desk.get(path).text)
    form["contract-0"] = "standard"
    form["contract-0-tier"] = "Standard"
    form = form_of(send(desk, path, form, do="propose").text)
    assert send(desk, path, form).status_code == 302
    (rule,) = written(desk, draft.id)["projects"]["HLP"]["contracts"]
    assert rule["contract"] == "standard"


def test_where_files_are_kept_the_mapping_says_so_and_makes_drafts_still(desk: Desk) -> None:
    desk.world.settings = desk.standing.settings
    object.__setattr__(desk.standing.service, "settings", _kept_in_files(desk))
    said = desk.page("/mapping/HLP")
    assert "The mapping is kept in files" in said
    form = form_of(desk.get("/mapping/HLP").text)
    assert send(desk, "/mapping/HLP", form, alerts="proactive").status_code == 302


def _kept_in_files(desk: Desk) -> Any:
    from msgspec.structs import replace

    return replace(desk.standing.settings, edits="files")


# --- for programs ---------------------------------------------------------------------------------


def test_programs_see_and_save_the_same(desk: Desk) -> None:
    found = told(desk.get("/api/mapping/HLP"))
    assert found["contracts"][0] == {
        "contract": "enterprise", "tier": "Enterprise", "fields": {"Support plan": ["Enterprise"]},
    }  # fmt: skip
    assert {"type": "", "priority": "Low", "severity": "Low", "kind": None} in found["table"]
    assert desk.get("/api/mapping/NOPE").status_code == 404
    token = re.search(r'name="csrf_token" value="([^"]+)"', desk.get("/mapping/HLP").text)
    assert token
    headers = {"X-CSRFToken": token[1]}

    def put(key: str, **body: Any) -> TestResponse:
        return desk.client.put(f"/api/mapping/{key}", json=body, headers=headers)

    assert put("NOPE").status_code == 404
    assert put("HLP").status_code == 409
    odd = {"standard": {"holidays": [1.5]}}
    assert "YAML cannot hold" in told(put("HLP", parameters=odd))["error"]
    assert put("HLP", unheard_of=1).status_code == 400
    saved = put("HLP", severities=[{"severity": "Low"}], base=found["base"])
    assert saved.status_code == 200, saved.text
    assert told(saved) == {"draft": 1, "revision": 1, "faults": []}
    assert put("HLP", alerts="proactive", draft=1, revision=7).status_code == 409
    wrong = put("HLP", severities=[{"severity": "Unheard of"}], draft=1, revision=1)
    assert "does not define" in told(wrong)["faults"][0]


def test_a_draft_that_restores_a_version_takes_no_other_change(desk: Desk) -> None:
    publishing = desk.standing.publishing
    base = publishing.documents(1)[FILE]
    put_in_force(desk, base.replace("severity: Medium }", "severity: High }"))
    # By the one who looks: it is his own draft.
    restoring = publishing.restore(Person("token", "Administrator", "administrator"), 1)
    # Nobody goes on in it unasked; whoever asks for it reads it.
    shown = desk.get("/mapping/HLP").text
    assert "Save in a new draft" in shown
    asked = f"/mapping/HLP?draft={restoring.id}"
    assert "takes no other change" in desk.page("/mapping/HLP", draft=restoring.id)
    assert "Save in draft" not in desk.get(asked).text
    refused = send(desk, asked, form_of(shown), alerts="proactive", draft=str(restoring.id))
    assert refused.status_code == 409
    assert "takes nothing else" in words(refused.text)
    assert publishing.draft(restoring.id) == restoring
