"""One browser and one filled console for all tests of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import browser, chromium
from tests.browser.showcase import showcase, workshop
from tests.scenarios.world import World


@dataclass(frozen=True)
class Shown:
    """The filled world, and where its console is."""

    world: World
    url: str


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """Debian's Chromium; without it the tests are skipped, and fail where CI runs them."""
    if chromium() is None:
        reason = "chromium is not installed; try: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A console with something on every page; tests change nothing that others look at."""
    with showcase(tmp_path_factory.mktemp("showcase")) as (world, url):
        yield Shown(world, url)


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A small console that tests may change: none relies on what another one did or left."""
    with workshop(tmp_path_factory.mktemp("workshop")) as (world, url):
        yield Shown(world, url)
