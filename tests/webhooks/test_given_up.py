"""What Jira does not have: shown with its reason, and put back by command."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from sla.contract import Audience
from sla.effects import Saying
from sla.store import holds, issues, outbox
from sla.store.database import Database
from sla.store.holds import Hold
from sla.store.migrate import migrate
from sla.store.outbox import Entered
from tests.sla.example import NINE, at
from webhooks.given_up import outbox_lines


def lines(settings: Settings, *, retry: bool = False, key: str | None = None) -> list[str]:
    return list(outbox_lines(settings, lambda: NINE, retry=retry, key=key))


def test_what_waits_and_what_was_given_up_is_shown_and_put_back(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"DUELINE_DATABASE_URL": f"sqlite:///{tmp_path / 'dueline.sqlite3'}"}
    )
    database = Database(settings.database_url.reveal())
    migrate(database)
    breach = Saying("first_response/1/breach", "breach", NINE, Audience(), None, {})
    hold = Hold(at(0.5), "Jira answered 429.", 429)
    database.write(lambda c: issues.hear_of(c, "default", "1", "HLP-1"))
    database.write(lambda c: issues.change(c, "default", "1", write_error="Jira answered 404."))
    entered = [Entered("1", [breach], NINE)]
    database.write(lambda c: outbox.put(c, "default", entered, at(0.01)))
    database.write(lambda c: holds.hold(c, "default", hold, NINE))
    database.close()
    assert lines(settings) == [
        "sayings: 1 pending",
        "fields: 1 given up",
        "history: none",
        "site default is left alone until 2024-07-10T13:30:00Z: Jira answered 429.",
        "HLP-1  fields  given up: Jira answered 404.",
        "HLP-1  first_response/1/breach of 2024-07-10T13:00:00Z  next at 2024-07-10T13:00:36Z",
    ]
    assert lines(settings, retry=True, key="HLP-2")[-1] == "0 to be tried again"
    assert lines(settings, retry=True, key="HLP-1")[-1] == "1 to be tried again"
    assert lines(settings)[1] == "fields: 1 pending"
