"""Mounts the routes of one flavour: lets callers in, decodes bodies, words refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from connector.simulator import gateway
from connector.simulator.auth import Caller, caller_of
from connector.simulator.errors import (
    JiraError,
    no_bearer,
    no_passwords,
    no_route,
    not_admin,
    not_signed_in,
)
from connector.simulator.model import Account
from connector.simulator.routes import (
    catalogue,
    comments,
    fields,
    hooks,
    issues,
    links,
    people,
    search,
)
from connector.simulator.routes.call import Call, Route
from connector.simulator.simulator import Simulator

ROUTES: list[Route] = [
    *issues.ROUTES,
    *comments.ROUTES,
    *links.ROUTES,
    *search.ROUTES,
    *fields.ROUTES,
    *people.ROUTES,
    *catalogue.ROUTES,
    *hooks.ROUTES,
]

_NOBODY = Account("", "Anonymous", "", "", "", token="")


def mount(app: Flask, sim: Simulator) -> None:
    """Add the REST API of the simulator's flavour to the application."""
    versions = (2, 3) if sim.cloud else (2,)
    for route in ROUTES:
        if sim.flavour not in route.flavours:
            continue
        for version in (2,) if route.root else versions:
            prefix = "/rest" if route.root else f"/rest/api/{version}"
            path = prefix + route.path
            app.add_url_rule(
                path,
                endpoint=f"{route.method} {path}",
                view_func=_view(sim, route, version),
                methods=[route.method],
                provide_automatic_options=False,
            )
    app.register_error_handler(JiraError, lambda error: _refusal(sim, error))
    app.register_error_handler(HTTPException, lambda error: _http_error(sim, error))


def _view(sim: Simulator, route: Route, version: int) -> Callable[..., Response]:
    def view(**parts: Any) -> Response:
        account = _let_in(sim, route)
        call = Call(sim, version, account, request.args.to_dict(flat=False), _payload(sim))
        status, body = route.answer(call, **parts)
        return _named(sim, account, _json(status, body))

    return view


def _named(sim: Simulator, account: Account, answer: Response) -> Response:
    """Return an answer that says for whom it was taken."""
    if sim.cloud:
        answer.headers["X-AACCOUNTID"] = account.account_id
    else:
        answer.headers["X-AUSERNAME"] = account.name or "anonymous"
    return answer


def _let_in(sim: Simulator, route: Route) -> Account:
    signed = request.headers.get("Authorization")
    at_gateway = gateway.AT_GATEWAY in request.environ
    caller = caller_of(sim, signed, gateway=at_gateway)
    if at_gateway and (refusal := gateway.refusal(caller, request.method, request.path)):
        raise refusal
    if caller is None:
        refusal = _unknown(sim, signed or "")
        if route.anonymous and refusal.status == 401:
            return _NOBODY
        raise refusal
    g.account = caller.account
    if route.admin and not _administers(sim, caller):
        raise not_admin(route.refusals[sim.flavour])
    return caller.account


def _unknown(sim: Simulator, signed: str) -> JiraError:
    if sim.cloud and signed.startswith("Bearer "):
        return no_bearer()
    if signed.startswith("Basic ") and not (sim.cloud or sim.takes_passwords):
        return no_passwords()
    return not_signed_in(sim.flavour)


def _administers(sim: Simulator, caller: Caller) -> bool:
    # No scope of Data Center lets a service account administer anything.
    return sim.is_admin(caller.account) and (sim.cloud or caller.scopes is None)


def _payload(sim: Simulator) -> Any:
    if not request.data:
        return None
    if not request.is_json:
        raise JiraError(415, body={"message": "HTTP 415 Unsupported Media Type"})
    try:
        return json.loads(request.data)
    except ValueError as error:
        words = "There was an error parsing JSON. Check that your request body is valid."
        if not sim.cloud:
            words = f"Unexpected character in the request body: {error}"
        raise JiraError(400, body={"errorMessages": [words]}) from error


def _json(status: int, body: Any) -> Response:
    if body is None:
        return Response(status=status)
    answer = Response(
        json.dumps(body), status=status, content_type="application/json;charset=UTF-8"
    )
    answer.headers["Cache-Control"] = "no-cache, no-store, no-transform"
    return answer


def _refusal(sim: Simulator, error: JiraError) -> Response:
    answer = _json(error.status, error.body)
    if "account" in g:
        return _named(sim, g.account, answer)
    if error.status == 401 and gateway.AT_GATEWAY not in request.environ:
        answer.headers["WWW-Authenticate"] = "Basic realm=Jira"
        answer.headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
    return answer


def _http_error(sim: Simulator, error: HTTPException) -> Response:
    if error.code in {404, 405} and request.path.startswith("/rest"):
        return _refusal(sim, no_route(sim.flavour, request.method, request.path, request.url))
    return _json(error.code or 500, {"message": error.name, "status-code": error.code})
