"""An app's own webhooks end after thirty days: they are looked at daily, and refreshed in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from connector.dynamic import DynamicRegistrations, refresh_dynamic_webhooks
from connector.errors import ConnectorError, SetupError
from connector.outlet import Judge, Outlet
from sla.store import sites
from sla.store.database import Database

_log = structlog.get_logger(__name__)
LOOKED_AT_EVERY = timedelta(days=1)
LOOKED_AGAIN = timedelta(hours=1)
"""How soon after Jira did not answer."""
_TURN, _SEEN, _ENDED = "dynamic_next_at", "dynamic_webhooks", "dynamic_ended"
_TROUBLE = "webhook"
_GONE = (
    "the app's webhooks have ended, so that Jira tells nothing: "
    "run `dueline setup --webhook-kind dynamic`"
)


@dataclass
class WebhookKeeper:
    """Keeps apps' webhooks alive.

    Attributes:
        outlets: for each site that was reached.
        judge: what is done after a failed call.
        troubles: where it is said that they have ended all the same.
    """

    database: Database
    now: Callable[[], datetime]
    outlets: dict[str, Outlet]
    judge: Judge
    troubles: dict[str, str]

    def run(self) -> None:
        """Look at those whose turn it is; of several processes one does it, and all tell."""
        for site in self.judge.holds.open(self.outlets):
            client = self.outlets[site].client
            if isinstance(client, DynamicRegistrations) and self._turn(site):
                self._keep(site, client)
        if any(self._known(site, _ENDED) for site in tuple(self.outlets)):
            self.troubles[_TROUBLE] = _GONE
        else:
            self.troubles.pop(_TROUBLE, None)

    def _keep(self, site: str, client: DynamicRegistrations) -> None:
        try:
            mine = refresh_dynamic_webhooks(client, self.now())
        except SetupError:
            # These credentials are not an app's: its webhooks are an administrator's, or none.
            self._learn(site, _ENDED, False)
            return
        except ConnectorError as error:
            self.judge.judge(site, error, 0)
            self._learn(site, _TURN, (self.now() + LOOKED_AGAIN).isoformat())
            return
        if mine:
            self._learn(site, _SEEN, True)
        ended = not mine and bool(self._known(site, _SEEN))
        if ended:
            _log.warning("webhooks have ended", site=site)
        self._learn(site, _ENDED, ended)

    def _known(self, site: str, name: str) -> Any:
        return self.database.read(lambda c: sites.known(c, site, name))

    def _learn(self, site: str, name: str, value: object) -> None:
        self.database.write(lambda c: sites.learn(c, site, name, value))

    def _turn(self, site: str) -> bool:
        now = self.now()
        return self.database.write(lambda c: sites.take_turn(c, site, _TURN, now, LOOKED_AT_EVERY))


def look_anew(connection: Connection, site: str) -> None:
    """Have an app's webhooks looked at at once: what was found of them holds no longer."""
    sites.learn(connection, site, _ENDED, False)
    sites.learn(connection, site, _TURN, None)
