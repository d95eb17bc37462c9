"""Links between issues over REST, and the kinds of links that there are."""

from __future__ import annotations

from connector.simulator import links
from connector.simulator.routes.call import Answer, Call, Route


def get_types(call: Call) -> Answer:
    """GET /issueLinkType."""
    return 200, {"issueLinkTypes": [call.show.link_type(t) for t in call.sim.site.link_types]}


def get_type(call: Call, type_id: str) -> Answer:
    """GET /issueLinkType/{id}."""
    return 200, call.show.link_type(links.find_type(call.sim, type_id))


def add_link(call: Call) -> Answer:
    """POST /issueLink: what it made is not told, it has to be read from an issue."""
    links.add(call.sim, call.body, account=call.account, documents=call.documents)
    return 201, None


def get_link(call: Call, link_id: str) -> Answer:
    """GET /issueLink/{id}."""
    return 200, call.show.link(links.find(call.sim, link_id, call.account))


def delete_link(call: Call, link_id: str) -> Answer:
    """DELETE /issueLink/{id}."""
    link = links.find(call.sim, link_id, call.account)
    links.remove(call.sim, link, account=call.account)
    return 204, None


ROUTES = [
    Route("GET", "/issueLinkType", get_types),
    Route("GET", "/issueLinkType/<type_id>", get_type),
    Route("POST", "/issueLink", add_link),
    Route("GET", "/issueLink/<link_id>", get_link),
    Route("DELETE", "/issueLink/<link_id>", delete_link),
]
