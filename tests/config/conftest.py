"""What the tests of the configuration share."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.configuration import Configuration
from config.loader import load
from config.settings import SHIPPED
from tests.config.lints import sound as sound_directory

SMALLEST = """\
projects:
  BOT:
    contracts: [{ contract: botron }]
    severities: [{ severity: All }]
"""


@pytest.fixture(scope="session")
def shipped() -> Configuration:
    """The example site."""
    return load(SHIPPED)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with the least that a directory has to hold."""
    (tmp_path / "projects.yaml").write_text(SMALLEST, encoding="utf-8")
    return tmp_path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A small directory with nothing wrong in it."""
    sound_directory.write(tmp_path)
    return tmp_path
