"""What was written to Jira, as the issue's page tells it."""

from __future__ import annotations

from pathlib import Path

from sla.store import issues
from tests.scenarios.world import utc, world
from webhooks.console.questions.records import fields_of


def test_a_link_that_jira_took_is_told_once_and_without_its_digest(tmp_path: Path) -> None:
    at = utc("2024-07-10 19:00")
    with world(tmp_path, at, DUELINE_PUBLIC_URL="https://dueline.test") as made:
        key = made.report("BIT")
        row = made.service.database.read(lambda c: issues.by_key(c, "default", key))
        assert row is not None
        told = {field.title: field for field in fields_of(row, made.configuration)}
        link = told["Link to the explanation"]
    assert link.state == "written"
    assert link.written == link.wanted
    assert link.wanted
