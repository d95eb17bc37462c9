"""A receiver on a database of its own, without Jira and without lanes."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sla.store import inbox
from sla.store.database import Database
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database
from webhooks.receive import receiver

# "last" is the newest; each is good. Planted, so that a test can look for them.
SECRETS = ("planted-0ld", "planted-m1ddle", "planted-n€west")
PATH = "/webhooks/jira"


def signature(body: bytes, secret: str = SECRETS[-1], method: str = "sha256") -> str:
    """What Jira sends as `X-Hub-Signature`."""
    return f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"


@dataclass
class Door:
    """The receiver as Jira sees it, and what lies behind."""

    database: Database
    client: FlaskClient
    kicks: list[str] = field(default_factory=list)

    def post(
        self,
        body: bytes = b"{}",
        *,
        path: str = PATH,
        signed: str | None = None,
        identifier: str | None = None,
    ) -> TestResponse:
        """Post as Jira does; rightly signed unless said otherwise."""
        headers = {"X-Hub-Signature": signature(body) if signed is None else signed}
        if identifier is not None:
            headers["X-Atlassian-Webhook-Identifier"] = identifier
        return self.client.post(path, data=body, headers=headers)

    def kept(self) -> list[tuple[str, bytes]]:
        """The site and the body of each delivery that waits."""
        return [
            (each.site, each.body)
            for each in self.database.read(lambda c: inbox.waiting(c, ["default", "other"], 1000))
        ]

    def counted(self) -> dict[str, int]:
        return self.database.read(inbox.counted)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A receiver for two sites."""
    database = new_database(tmp_path)
    app = Flask("test")
    kicks: list[str] = []
    app.register_blueprint(
        receiver(
            database,
            secrets={"default": SECRETS, "other": ("other-secret",)},
            default_site="default",
            now=lambda: NINE,
            kick=lambda: kicks.append("inbox"),
        )
    )
    yield Door(database, app.test_client(), kicks)
    database.close()
