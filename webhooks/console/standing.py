"""What every page and every answer of the API stands on: the service, its data, and the instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import cast

from flask import current_app

from config.configuration import Configuration
from config.settings import Settings
from connector.catalogue import Catalogue
from sla.known_sites import SiteFacts, remembered_site
from sla.mapping import Policy
from sla.store import holds
from sla.store.database import Database
from webhooks.drafting import Publishing
from webhooks.jira import client_for
from webhooks.previews import Previews
from webhooks.service import DEFAULT_SITE, Service

_NAME = "dueline"
_PATIENCE_SECONDS = 5


@dataclass(frozen=True)
class Standing:
    """One console: of one service, for one site.

    Args:
        service: the running service, for what only it knows: its health, and whom to wake.
    """

    service: Service
    site: str = DEFAULT_SITE

    @property
    def settings(self) -> Settings:
        """The environment, read."""
        return self.service.settings

    @property
    def database(self) -> Database:
        """Where everything is kept; each question reads it anew."""
        return self.service.database

    @property
    def configuration(self) -> Configuration:
        """The version in force."""
        return self.service.configuration

    def now(self) -> datetime:
        """The instant of the question, aware UTC."""
        return self.service.clock.now()

    def real_now(self) -> datetime:
        """The same instant by the machine's own clock, which no demo makes faster."""
        return self.service.clock.real_time(self.now())

    def policy(self, version: str) -> Policy:
        """A published version as it decides for this Jira.

        Raises:
            LookupError: nothing was published under that name.
        """
        policy = self.service.engine.policy(version)
        facts = self.facts
        return facts.applied_to(policy) if facts else policy

    @property
    def facts(self) -> SiteFacts | None:
        """What was learned of Jira; None while it was never reached."""
        return self.service.engine.sites.get(self.site) or remembered_site(self.database, self.site)

    @property
    def publishing(self) -> Publishing:
        """The drafts and publications of the configuration."""
        service = self.service
        return Publishing(
            self.database, self.site, self.now, self.settings.edits, service.follow_publications
        )

    @cached_property
    def previews(self) -> Previews:
        """Works out what drafts would change."""
        clock = self.service.clock
        url = self.settings.database_url.reveal()
        return Previews(
            self.database, self.site, url, clock.now, lambda: clock.real_time(clock.now())
        )

    @cached_property
    def catalogue(self) -> Catalogue:
        """The projects, issue types and priorities of Jira."""
        access, now = self.service.access, self.service.clock.now

        def resting() -> str:
            held = self.database.read(lambda c: holds.held(c, now())).get(self.site)
            return f"Jira is left alone for now: {held.reason}" if held else ""

        # Somebody waits for the page.
        return Catalogue(lambda: client_for(access, timeout=_PATIENCE_SECONDS), now, resting)

    @property
    def jira_url(self) -> str:
        """Where people open issues in Jira, without a slash at its end."""
        return self.settings.jira_url.rstrip("/")


def here() -> Standing:
    """That of the console which answers this request."""
    return cast("Standing", current_app.extensions[_NAME])


def put_here(standing: Standing) -> dict[str, object]:
    """As an application keeps it among its extensions."""
    return {_NAME: standing}
