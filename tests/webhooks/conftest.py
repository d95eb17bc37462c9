"""A receiver on a database of its own, without Jira and without lanes."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from sla.store import inbox
from sla.store.database import Database, _make_private
from sla.store.migrate import migrate
from sla.store.schema import inbox as inbox_table
from tests.sla.example import NINE
from tests.sla.store.conftest import migrated, new_database
from webhooks import databases, service
from webhooks.receive import receiver
from webhooks.refusals import Refusals

# "last" is the newest; each is good. Planted, so that a test can look for them.
SECRETS = ("planted-0ld", "planted-m1ddle", "planted-n€west")
TOKENS = ("planted-path-token-0123456789-older", "planted-path-token-0123456789-newer")
PATH = "/webhooks/jira"


@pytest.fixture(scope="module", autouse=True)
def tables_made_once() -> Iterator[None]:
    """Have a command that makes a file find the tables in it, which take it half a second."""

    def with_tables(database: Database) -> None:
        file = Path(database.engine.url.database or "")
        if not database.is_shared and file.parent.is_dir() and not file.exists():
            _make_private(file)
            with suppress(OSError):  # the database itself says what is wrong
                file.write_bytes(migrated())
        migrate(database)

    with pytest.MonkeyPatch.context() as patch:
        for module in (databases, service):
            patch.setattr(module, "migrate", with_tables)
        yield


def signature(body: bytes, secret: str = SECRETS[-1], method: str = "sha256") -> str:
    """What Jira sends as `X-Hub-Signature`."""
    return f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"


@dataclass
class Door:
    """The receiver as Jira sees it, and what lies behind."""

    database: Database
    client: FlaskClient
    kicks: list[str] = field(default_factory=list)
    at: datetime = NINE
    """What the receiver's clock shows."""

    def post(
        self,
        body: bytes = b"{}",
        *,
        path: str = PATH,
        signed: str | None = None,
        identifier: str | None = None,
        address: str = "192.0.2.1",
    ) -> TestResponse:
        """Post as Jira does; rightly signed unless said otherwise."""
        headers = {"X-Hub-Signature": signature(body) if signed is None else signed}
        if identifier is not None:
            headers["X-Atlassian-Webhook-Identifier"] = identifier
        environ = {"REMOTE_ADDR": address}
        return self.client.post(path, data=body, headers=headers, environ_base=environ)

    def kept(self) -> list[tuple[str, bytes]]:
        """The site and the body of each delivery that waits."""
        query = select(inbox_table.c.site, inbox_table.c.body).order_by(inbox_table.c.id)
        return self.database.read(lambda c: [(site, body) for site, body in c.execute(query)])

    def counted(self) -> dict[str, int]:
        return self.database.read(inbox.counted)


AnyDoor = TypeVar("AnyDoor", bound=Door)


@contextmanager
def opened(
    kind: type[AnyDoor], directory: Path, ways: Callable[[AnyDoor], Mapping[str, Any]]
) -> Iterator[AnyDoor]:
    """A receiver with these ways in, on a database of its own."""
    database = new_database(directory)
    app = Flask("test")
    made = kind(database, app.test_client())
    app.register_blueprint(
        receiver(
            database,
            **ways(made),
            default_site="default",
            now=lambda: made.at,
            heard=lambda site, _issue: made.kicks.append(site),
            refusals=Refusals(lambda: made.at),
        )
    )
    yield made
    database.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A receiver for two sites, of which one has path tokens."""
    ways = {
        "secrets": {"default": SECRETS, "other": ("other-secret",)},
        "tokens": {"default": TOKENS},
    }
    with opened(Door, tmp_path, lambda _door: ways) as made:
        yield made
