"""Documents as text: faults at their lines, drafts, and nothing typed is ever lost."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace
from werkzeug.test import TestResponse

from config.settings import SHIPPED
from tests.webhooks.console.desk import Desk
from webhooks.console.access.people import Person
from webhooks.console.pages.documents import _even
from webhooks.console.questions.publishing import begin_preview

_ADA = Person("ada", "Ada", "administrator")
_BOTRON = "contracts/botron.yaml"


def _text(desk: Desk, path: str = _BOTRON) -> str:
    publishing = desk.standing.publishing
    return publishing.documents(publishing.in_force().id)[path]


def _typed(page: str) -> str:
    """What stands in the textarea of a page."""
    found = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1])


def _hidden(page: str) -> dict[str, str]:
    pairs = re.findall(r'<input type="hidden" name="(draft|revision|base)" value="(\d*)">', page)
    return dict(pairs)


def _send(desk: Desk, path: str, text: str, **more: Any) -> TestResponse:
    """Open a document and send another text for it, as its form would."""
    there = f"/documents/{path}"
    opened = f"{there}?draft={more['draft']}" if "draft" in more else there
    kept = _hidden(desk.get(opened).text)
    return desk.post(there, {**kept, "action": "save", "text": text, **more}, form=opened)


def _publish(desk: Desk, changes: dict[str, str | None]) -> None:
    standing = desk.standing
    draft = standing.publishing.begin(_ADA, "Other", changes)
    begin_preview(standing, draft.id, draft.revision)
    standing.previews.wait()
    standing.publishing.publish(_ADA, draft.id, draft.revision, "Because", recalculate=False)


def test_every_document_in_force_can_be_opened(desk: Desk) -> None:
    shown = desk.page("/documents")
    for path in desk.standing.publishing.documents(1):
        assert path in shown
        answer = desk.get(f"/documents/{path}")
        assert answer.status_code == 200
        assert _typed(answer.text) == _text(desk, path)


def test_a_fault_stands_at_its_line_and_the_field_points_at_it(desk: Desk) -> None:
    wrong = _text(desk).replace("title: Botron", "titel: Botron", 1)
    answer = _send(desk, _BOTRON, wrong, action="check")
    assert answer.status_code == 200
    line = 1 + wrong[: wrong.index("titel")].count("\n")
    assert f'href="#L{line}" data-line="{line}"' in answer.text
    assert f"{_BOTRON}:{line}:1" in answer.text
    assert "did you mean `title`?" in unescape(answer.text)
    assert f'<li id="L{line}"><code>titel: Botron' in answer.text
    assert re.search(
        r'<textarea id="text"[^>]*aria-invalid="true" aria-describedby="findings"', answer.text
    )
    assert _typed(answer.text) == wrong
    assert desk.standing.publishing.drafts() == []


def test_warnings_are_told_beside(desk: Desk) -> None:
    shown = desk.page(f"/documents/{_BOTRON}")
    assert "1 warning" in shown
    assert "Western European Time" in shown


def test_a_faulty_text_is_kept_in_a_draft_with_its_faults(desk: Desk) -> None:
    answer = _send(desk, _BOTRON, "contract: [", title="Broken")
    assert answer.status_code == 302
    assert answer.location == f"/documents/{_BOTRON}?draft=1"
    shown = desk.get(answer.location).text
    assert "Saved in draft 1, revision 1" in shown
    assert "fault" in shown
    assert _typed(shown) == "contract: [\n"
    assert desk.standing.publishing.draft(1).title == "Broken"
    # Another document of the same draft tells where the fault is.
    elsewhere = desk.get("/documents/site.yaml", draft="1").text
    assert f"{_BOTRON}?draft=1#L" in elsewhere


def test_saving_again_makes_the_next_revision_and_leads_to_its_preview(desk: Desk) -> None:
    text = _text(desk)
    _send(desk, _BOTRON, text.replace("1 business day", "2 business days"))
    answer = _send(desk, _BOTRON, text.replace("1 business day", "3 business days"), draft="1")
    assert answer.status_code == 302
    draft = desk.standing.publishing.draft(1)
    assert draft.revision == 2
    assert "3 business days" in (draft.documents[_BOTRON] or "")
    assert 'href="/drafts/1#preview"' in desk.get(answer.location).text
    assert "changed" in desk.page("/documents", draft="1")


def test_two_administrators_in_one_draft_lose_nothing(desk: Desk) -> None:
    text = _text(desk)
    _send(desk, _BOTRON, text + "# first\n")
    _send(desk, _BOTRON, text + "# theirs\n", draft="1")
    late = _send(desk, _BOTRON, text + "# mine\n", draft="1", revision="1")
    assert late.status_code == 409
    assert "# mine" in late.text
    assert "# theirs" in late.text
    assert "# theirs" in (desk.standing.publishing.draft(1).documents[_BOTRON] or "")
    # Who only checks what he typed has not seen what was saved meanwhile either.
    checked = _send(desk, _BOTRON, text + "# mine\n", draft="1", revision="1", action="check")
    assert _hidden(checked.text)["revision"] == "1"


def test_a_text_from_an_older_version_does_not_take_back_what_came_since(desk: Desk) -> None:
    text = _text(desk)
    theirs = text.replace("target: 1 business day", "target: 2 business days # theirs")
    _publish(desk, {_BOTRON: theirs})
    late = _send(desk, _BOTRON, text + "# mine\n", base="1")
    assert late.status_code == 409
    assert "Another version came into force meanwhile" in late.text
    assert "# theirs" in late.text
    assert _typed(late.text) == text + "# mine\n"
    assert desk.standing.publishing.drafts() == []
    # The form that was shown again saves over what is in force now.
    both = theirs + "# mine\n"
    sent = desk.post(
        f"/documents/{_BOTRON}", {**_hidden(late.text), "action": "save", "text": both},
        form=f"/documents/{_BOTRON}",
    )  # fmt: skip
    assert sent.status_code == 302
    assert _hidden(late.text)["base"] == "2"


def test_what_was_typed_for_a_draft_that_is_gone_is_shown_again(desk: Desk) -> None:
    text = _text(desk) + "# mine\n"
    _send(desk, _BOTRON, _text(desk) + "# first\n")
    desk.standing.publishing.discard(_ADA, 1, 1)
    answer = _send(desk, _BOTRON, text, draft="1", revision="1")
    assert answer.status_code == 409
    assert "discarded" in answer.text
    assert _typed(answer.text) == text


def test_what_cannot_be_a_document_is_refused_and_typed_text_stays(desk: Desk) -> None:
    for path in ("notes.txt", "contracts/%2e%2e/x.yaml", "contracts/a/b.yaml"):
        assert desk.get(f"/documents/{path}").status_code in (400, 404)
    answer = _send(desk, "contracts/long.yaml", "# x\n" * 150_000)
    assert answer.status_code == 400
    assert "600,000 characters" in answer.text
    assert "# x\n# x" in _typed(answer.text)
    for draft in ("one", "-1", "9" * 30):
        assert desk.get(f"/documents/{_BOTRON}", draft=draft).status_code == 400
    assert desk.get(f"/documents/{_BOTRON}", draft="77").status_code == 404


def test_a_shipped_document_becomes_ones_own(desk: Desk) -> None:
    projects = _text(desk, "projects.yaml")
    start, end = projects.index("  BAL:\n"), projects.index("# What the texts leave open")
    without = projects[:start] + projects[end:]
    _publish(desk, {"projects.yaml": without, "contracts/balto.yaml": None})
    assert "contracts/balto.yaml" not in desk.page("/documents")
    shown = desk.get("/documents/contracts/balto.yaml").text
    assert "It comes with Dueline; saved, it becomes your own." in shown
    assert _typed(shown) == (SHIPPED / "contracts/balto.yaml").read_text()
    _send(desk, "contracts/balto.yaml", _typed(shown))
    assert desk.standing.publishing.draft(2).documents == {"contracts/balto.yaml": _typed(shown)}


def test_a_document_can_be_removed_and_a_new_one_written(desk: Desk) -> None:
    assert desk.get("/documents?path=calendars/gold.yaml").status_code == 302
    assert "new" in desk.page("/documents/calendars/gold.yaml")
    text = 'time_zone: Europe/Berlin\nweekly: { mon: [["09:00", "17:00"]] }\n'
    assert _send(desk, "calendars/gold.yaml", text).status_code == 302
    assert desk.standing.publishing.draft(1).documents == {"calendars/gold.yaml": text}
    answer = _send(desk, "calendars/gold.yaml", text, draft="1", action="remove")
    assert answer.location == "/drafts/1"
    assert desk.standing.publishing.draft(1).documents == {}


def test_viewers_read_and_change_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Person, "may_change", property(lambda _: False))
    shown = desk.get(f"/documents/{_BOTRON}")
    assert shown.status_code == 200
    assert 'id="L1"' in shown.text
    assert "<textarea" not in shown.text
    sent = desk.post(f"/documents/{_BOTRON}", {"text": "x: 2"}, form="/board")
    assert sent.status_code == 403
    assert desk.standing.publishing.drafts() == []


def test_files_that_decide_are_checked_previewed_and_exported(outside: Desk) -> None:
    made = outside.world
    made.stop()
    made.settings = replace(made.settings, edits="files")
    made.start()
    desk = Desk(made)
    desk.sign_in()
    assert "kept in files" in desk.page("/documents")
    answer = _send(desk, _BOTRON, _text(desk) + "# mine\n")
    shown = desk.get(answer.location).text
    assert ">Preview</a>" in shown
    assert "Preview and publish" not in shown
    assert desk.get("/drafts/1.zip").status_code == 200


def test_markup_in_a_text_is_text(desk: Desk) -> None:
    text = '</textarea><script>alert("no")</script>: {{ x }}\n'
    answer = _send(desk, _BOTRON, text, action="check")
    assert "<script>alert" not in answer.text
    assert _typed(answer.text) == text


@given(text=some.text(alphabet=some.sampled_from("a\r\n "), max_size=30))
def test_line_ends_of_a_browser_are_those_of_files(text: str) -> None:
    assert "\r" not in _even(text)
    assert _even(text).splitlines() == text.splitlines()
