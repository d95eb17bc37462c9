"""What Atlassian's own servers answer, which one server plays here beside the site.

Below /ex/jira/<cloud id> is the gateway, where tokens with scopes are good; /oauth/token gives
access tokens to service accounts, and a Data Center gives its own.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, request

from connector.scopes import needed_for
from connector.simulator.auth import Caller
from connector.simulator.errors import JiraError
from connector.simulator.model import Token
from connector.simulator.simulator import Simulator

PREFIX = "/ex/jira/"
AT_GATEWAY = "connector.simulator.gateway"
"""In the environment of a request that came through the gateway."""
PATHS = ("/rest", PREFIX, "/oauth/", "/_edge/")
"""Below these something is asked of the API; the rest are pages for people."""
_DATA_CENTER_SCOPES = frozenset({"READ", "WRITE"})


def mount(app: Flask, sim: Simulator) -> None:
    """Add what is asked beside the REST API."""
    if sim.cloud:
        app.add_url_rule("/_edge/tenant_info", view_func=lambda: _json(200, _tenant(sim)))
        path = "/oauth/token"
    else:
        path = "/rest/oauth2/latest/token"
    app.add_url_rule(path, "token", lambda: _json(*_grant(sim, _given())), methods=["POST"])


def behind(sim: Simulator, path: str) -> str | None:
    """Return the site's own path to which the gateway passes one on; None when it knows no site."""
    cloud_id, slash, rest = path.removeprefix(PREFIX).partition("/")
    return f"{slash}{rest}" if sim.cloud and cloud_id == sim.cloud_id else None


def no_site(sim: Simulator, path: str) -> Response:
    """Return the gateway's 404 for a cloud id that is nobody's."""
    told = {
        "timestamp": sim.now().isoformat(),
        "status": 404,
        "error": "Not Found",
        "message": "No message available",
        "path": path,
    }
    return _json(404, told)


def refusal(caller: Caller | None, method: str, path: str) -> JiraError | None:
    """Return the gateway's 401 for a caller it does not know, or whose token lacks a scope."""
    if caller is None:
        return JiraError(401, body={"code": 401, "message": "Unauthorized"})
    needed = needed_for(method, path)
    if caller.scopes is None or needed is None or needed in caller.scopes:
        return None
    return JiraError(401, body={"code": 401, "message": "Unauthorized; scope does not match"})


def _tenant(sim: Simulator) -> dict[str, str]:
    return {"cloudId": sim.cloud_id}


def _given() -> Mapping[str, Any]:
    if request.is_json:
        given = request.get_json(silent=True)
        return given if isinstance(given, dict) else {}
    # The body as it came: the outermost layer has read it before Flask could.
    return dict(parse_qsl(request.get_data(as_text=True)))


def _grant(sim: Simulator, given: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    if given.get("grant_type") != "client_credentials":
        return 400, {"error": "unsupported_grant_type", "error_description": "Not supported."}
    client = sim.clients.get(str(given.get("client_id")))
    secret = str(given.get("client_secret")).encode()
    if client is None or not hmac.compare_digest(secret, client.client_secret.encode()):
        return 401, {"error": "access_denied", "error_description": "Unauthorized"}
    asked = set(str(given.get("scope", "")).split()) or client.scopes
    if not sim.cloud and not asked <= _DATA_CENTER_SCOPES:
        return 400, {"error": "invalid_scope", "error_description": "Unknown scope."}
    ends_at = sim.now() + client.lasting
    text = f"access-{client.client_id}-{sim.next_number('access token')}"
    sim.tokens.append(Token(text, client.email, frozenset(asked), ends_at))
    seconds = int(client.lasting.total_seconds())
    return 200, {
        "access_token": text,
        "expires_in": seconds,
        "token_type": "Bearer",
        "scope": " ".join(sorted(asked)),
    }


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")
