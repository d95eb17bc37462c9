"""An app's own webhooks end after thirty days: they are looked at daily, and refreshed in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connector.dynamic import DynamicRegistrations, refresh_dynamic_webhooks
from connector.errors import ConnectorError, SetupError
from connector.outlet import Judge, Outlet
from sla.store import sites
from sla.store.database import Database

_log = structlog.get_logger(__name__)
LOOKED_AT_EVERY = timedelta(days=1)
LOOKED_AGAIN = timedelta(hours=1)
"""How soon after Jira did not answer."""
_TURN, _SEEN = "dynamic_next_at", "dynamic_webhooks"
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
        """Look at those whose turn it is; of several processes one does it."""
        for site in self.judge.holds.open(self.outlets):
            client = self.outlets[site].client
            if isinstance(client, DynamicRegistrations) and self._turn(site):
                self._keep(site, client)

    def _keep(self, site: str, client: DynamicRegistrations) -> None:
        try:
            mine = refresh_dynamic_webhooks(client, self.now())
        except SetupError:
            # These credentials are not an app's: its webhooks are an administrator's, or none.
            return
        except ConnectorError as error:
            self.judge.judge(site, error, 0)
            again_at = self.now() + LOOKED_AGAIN
            self.database.write(lambda c: sites.learn(c, site, _TURN, again_at.isoformat()))
            return
        if mine:
            self.database.write(lambda c: sites.learn_once(c, site, _SEEN, True))
            self.troubles.pop(_TROUBLE, None)
        elif self.database.read(lambda c: sites.known(c, site, _SEEN)):
            _log.warning("webhooks have ended", site=site)
            self.troubles[_TROUBLE] = _GONE

    def _turn(self, site: str) -> bool:
        now = self.now()
        return self.database.write(lambda c: sites.take_turn(c, site, _TURN, now, LOOKED_AT_EVERY))
