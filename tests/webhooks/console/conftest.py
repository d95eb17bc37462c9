"""The desks at which the tests of the console sit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from sla.store import sites
from tests.scenarios.world import utc, world
from tests.webhooks.console.desk import TOKEN, Desk
from webhooks.publishing import DEFAULT_SITE


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """To compile the templates anew for each desk would take a quarter of its time."""
    kept = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": kept})
        yield


@pytest.fixture(scope="session", autouse=True)
def token_hashed_once() -> Iterator[None]:
    """The hash of the administrator's token is slow on purpose; each desk has the same token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "scrypt", cache(hashlib.scrypt))
        yield


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Desk]:
    """Wednesday 10 July 2024, 15:00 in New York, on Jira Cloud; nobody signed in."""
    at = utc("2024-07-10 19:00")
    with world(tmp_path, at, DUELINE_CONSOLE_TOKEN=TOKEN, DUELINE_EDITS="console") as made:
        # The same at each desk, so that the token is hashed once.
        made.service.database.write(
            lambda c: sites.learn_once(c, DEFAULT_SITE, "console_key", "the same at each desk")
        )
        yield Desk(made)


@pytest.fixture
def desk(outside: Desk) -> Desk:
    """The same with an administrator signed in."""
    answer = outside.sign_in()
    assert answer.status_code == 302, answer.text
    return outside
