"""Administrators' webhooks over REST, on the old path and on Data Center 10's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.simulator import registrations
from connector.simulator.errors import JiraError
from connector.simulator.model import Webhook
from connector.simulator.present import Json
from connector.simulator.registrations import Wanted
from connector.simulator.routes.call import DATACENTER, Answer, Call, Route
from connector.simulator.world import World


class _Form:
    """One of the two forms, and the calls that speak it."""

    def __init__(
        self,
        read: Callable[[Mapping[str, Any]], Wanted],
        show: Callable[[World, Webhook], Json],
    ) -> None:
        self.read = read
        self.show = show

    def get_all(self, call: Call) -> Answer:
        """GET the registrations."""
        return 200, [self.show(call.sim, webhook) for webhook in call.sim.webhooks.values()]

    def create(self, call: Call) -> Answer:
        """POST a registration."""
        wanted = self.read(call.body)
        registrations.check(wanted)
        webhook_id = str(call.sim.next_number("webhook"))
        webhook = call.sim.keep_webhook(webhook_id, wanted, call.account.email)
        return 201, self.show(call.sim, webhook)

    def get(self, call: Call, webhook_id: str) -> Answer:
        """GET a registration."""
        return 200, self.show(call.sim, self._find(call, webhook_id))

    def put(self, call: Call, webhook_id: str) -> Answer:
        """PUT a registration."""
        before = self._find(call, webhook_id)
        wanted = registrations.merged(before, call.body, self.read(call.body))
        webhook = call.sim.keep_webhook(webhook_id, wanted, call.account.email)
        return 200, self.show(call.sim, webhook)

    def delete(self, call: Call, webhook_id: str) -> Answer:
        """DELETE a registration."""
        self._find(call, webhook_id)
        del call.sim.webhooks[webhook_id]
        return 204, None

    def _find(self, call: Call, webhook_id: str) -> Webhook:
        webhook = call.sim.webhooks.get(webhook_id)
        if webhook is None:
            raise JiraError(
                404, body={"messages": [{"key": "The webhook does not exist.", "arguments": []}]}
            )
        return webhook


_CLASSIC = _Form(registrations.read_classic, registrations.show_classic)
_CONFIGURED = _Form(registrations.read_configured, registrations.show_configured)
_OLD = "/webhooks/1.0/webhook"
_NEW = "/jira-webhook/1.0/webhooks"

ROUTES = [
    Route("GET", _OLD, _CLASSIC.get_all, admin=True, root=True),
    Route("POST", _OLD, _CLASSIC.create, admin=True, root=True),
    Route("GET", f"{_OLD}/<webhook_id>", _CLASSIC.get, admin=True, root=True),
    Route("PUT", f"{_OLD}/<webhook_id>", _CLASSIC.put, admin=True, root=True),
    Route("DELETE", f"{_OLD}/<webhook_id>", _CLASSIC.delete, admin=True, root=True),
    Route("GET", _NEW, _CONFIGURED.get_all, DATACENTER, admin=True, root=True),
    Route("POST", _NEW, _CONFIGURED.create, DATACENTER, admin=True, root=True),
    Route("GET", f"{_NEW}/<webhook_id>", _CONFIGURED.get, DATACENTER, admin=True, root=True),
    Route("PUT", f"{_NEW}/<webhook_id>", _CONFIGURED.put, DATACENTER, admin=True, root=True),
    Route("DELETE", f"{_NEW}/<webhook_id>", _CONFIGURED.delete, DATACENTER, admin=True, root=True),
]
