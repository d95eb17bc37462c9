"""Webhooks over REST: administrators', on the old path and on Data Center 10's, and apps' own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.simulator import registrations
from connector.simulator.errors import JiraError
from connector.simulator.model import Webhook
from connector.simulator.present import Json
from connector.simulator.registrations import Wanted
from connector.simulator.routes.call import CLOUD, DATACENTER, Answer, Call, Route
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
        return 200, [
            self.show(call.sim, webhook)
            for webhook in call.sim.webhooks.values()
            if webhook.expires_at is None
        ]

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
        if webhook is None or webhook.expires_at is not None:
            raise JiraError(
                404, body={"messages": [{"key": "The webhook does not exist.", "arguments": []}]}
            )
        return webhook


_ONLY_APPS = "The caller isn't an app: only Connect and OAuth 2.0 apps can use this operation."
_ONLY_CONNECT = "The caller is not a Connect app."


def _of_app(call: Call) -> list[Webhook]:
    if call.account.account_type != "app":
        raise JiraError(403, [_ONLY_APPS])
    return registrations.of_app(call.sim, call.sim.webhooks, call.account)


def _named(call: Call) -> list[Webhook]:
    mine, ids = _of_app(call), call.body.get("webhookIds")
    if not isinstance(ids, list) or not ids:
        raise JiraError(400, ["The list of webhook IDs is missing."])
    # Those of others are ignored.
    return [webhook for webhook in mine if int(webhook.id) in ids]


def get_dynamic(call: Call) -> Answer:
    """GET the webhooks of the calling app."""
    return 200, call.page([registrations.show_app(webhook) for webhook in _of_app(call)], 100)


def register_dynamic(call: Call) -> Answer:
    """POST webhooks of the calling app; each is made or refused by itself."""
    mine, url, wanted = _of_app(call), str(call.body.get("url") or ""), call.body.get("webhooks")
    if not url.startswith("https://") or not isinstance(wanted, list) or not wanted:
        raise JiraError(400, ["An https URL and a list of webhooks are required."])
    results: list[Json] = []
    for given in wanted:
        unknown = sorted(set(given.get("events") or [""]) - registrations.APP_EVENTS)
        if unknown:
            raise JiraError(400, [f"Unknown webhook events: {', '.join(unknown)}."])
        problems = list(registrations.app_problems(given, url, mine))
        if problems:
            results.append({"errors": problems})
            continue
        number = call.sim.next_number("webhook")
        made = registrations.app_registration(call.sim, str(number), given, url, call.account)
        mine.append(call.sim.webhooks.setdefault(made.id, made))
        results.append({"createdWebhookId": number})
    return 200, {"webhookRegistrationResult": results}


def refresh_dynamic(call: Call) -> Answer:
    """PUT webhooks of the calling app to another thirty days."""
    named = _named(call)
    for webhook in named:
        registrations.refresh(call.sim, webhook)
    return 200, {"expirationDate": max(map(registrations.expiry, named), default=0)}


def delete_dynamic(call: Call) -> Answer:
    """DELETE webhooks of the calling app."""
    for webhook in _named(call):
        del call.sim.webhooks[webhook.id]
    return 202, None


def failed_dynamic(_call: Call) -> Answer:
    """GET what could not be delivered, which only Connect apps may."""
    raise JiraError(403, [_ONLY_CONNECT])


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
    Route("GET", "/webhook", get_dynamic, CLOUD),
    Route("POST", "/webhook", register_dynamic, CLOUD),
    Route("DELETE", "/webhook", delete_dynamic, CLOUD),
    Route("PUT", "/webhook/refresh", refresh_dynamic, CLOUD),
    Route("GET", "/webhook/failed", failed_dynamic, CLOUD),
]
