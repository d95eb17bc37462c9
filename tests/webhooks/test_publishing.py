"""A faulty directory is refused whole, and the version in force stays in force."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import SHIPPED, Settings
from sla.store import sites
from sla.store.database import Database
from sla.store.migrate import migrate
from tests.scenarios.world import Clock, utc
from webhooks.app import create_app
from webhooks.publishing import configuration_in_force
from webhooks.service import DEFAULT_SITE, Service

NOW: datetime = utc("2024-07-10 19:00")


def settings_for(directory: Path) -> Settings:
    site = directory / "site"
    if not site.exists():
        site.mkdir()
        shutil.copy(SHIPPED / "projects.yaml", site)
    return Settings.from_environment({
        "DUELINE_JIRA_URL": "http://127.0.0.1:9",
        "DUELINE_JIRA_USER": "dueline@example.com",
        "DUELINE_JIRA_TOKEN": "planted",
        "DUELINE_JIRA_FLAVOUR": "cloud",
        "DUELINE_WEBHOOK_SECRET": "planted",
        "DUELINE_DATABASE_URL": f"sqlite:///{directory / 'dueline.sqlite3'}",
        "DUELINE_CONFIG": str(site),
    })  # fmt: skip


def test_a_good_directory_is_in_force(tmp_path: Path) -> None:
    in_force = configuration_in_force(settings_for(tmp_path), DEFAULT_SITE)
    assert in_force.refused is None
    assert set(in_force.configuration.policy.projects) == {
        "BOT", "BIT", "HLP", "BTL", "BAL",
    }  # fmt: skip


def test_a_faulty_directory_leaves_the_version_in_force(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    good = configuration_in_force(settings, DEFAULT_SITE)
    Service(settings, good, Clock(NOW)).close()
    (settings.config / "projects.yaml").write_text("projects: {BOT: {contract: x}}\n")
    in_force = configuration_in_force(settings, DEFAULT_SITE)
    assert in_force.configuration == good.configuration
    assert in_force.refused is not None
    assert "projects.yaml:1:18: projects.BOT.contract" in in_force.refused
    service = Service(settings, in_force, Clock(NOW))
    said = create_app(service).test_client().get("/readyz").get_json()
    service.close()
    assert said["troubles"]["configuration"] == in_force.refused
    assert said["policy_version"] == good.configuration.policy.version


def test_a_faulty_directory_with_nothing_in_force_is_refused(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    (settings.config / "projects.yaml").write_text("projects: {}\n")
    with pytest.raises(ConfigError, match=r"projects\.yaml"):
        configuration_in_force(settings, DEFAULT_SITE)


def test_a_version_once_published_stays(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    good = configuration_in_force(settings, DEFAULT_SITE)
    Service(settings, good, Clock(NOW)).close()
    database = Database(settings.database_url.reveal())
    migrate(database)
    version = good.configuration.policy.version
    assert database.read(lambda c: sites.published(c, version)) == good.configuration.text
    database.close()
