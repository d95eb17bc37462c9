"""Issues over REST: create, read, edit, delete, assign, move, history, properties, links."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connector.simulator import comments, issues
from connector.simulator.comments import read_properties
from connector.simulator.errors import JiraError, not_silent
from connector.simulator.model import Issue
from connector.simulator.present import Json
from connector.simulator.routes.call import CLOUD, Answer, Call, Route

_LISTS = {"labels", "options"}
_SHOWN_BY_AN_ISSUE = 100
_ISSUE = ("fields", "update", "properties", "transition", "historyMetadata")


def create_issue(call: Call) -> Answer:
    """POST /issue."""
    body = call.only(*_ISSUE, open_on_cloud=True)
    properties = read_properties(body)
    issue = issues.create(
        call.sim,
        call.part("fields"),
        account=call.account,
        documents=call.documents,
        update=call.part("update"),
    )
    issue.properties.update(properties)
    return 201, {"id": issue.id, "key": issue.key, "self": call.show.url(f"issue/{issue.id}")}


def get_issue(call: Call, key: str) -> Answer:
    """GET /issue/{key}."""
    issue = issues.visible(call.sim, key, call.account)
    shown = show_issue(call, issue, call.listed("fields") or ["*all"], call.listed("expand"))
    return 200, shown


def edit_issue(call: Call, key: str) -> Answer:
    """PUT /issue/{key}; the override flags change nothing here.

    To notify nobody takes an administrator: Cloud overlooks what others wish, Data Center refuses.
    """
    issue = issues.visible(call.sim, key, call.account)
    body = call.only(*_ISSUE, open_on_cloud=True)
    properties = read_properties(body)
    silent = call.arg("notifyUsers") == "false"
    if silent and not call.sim.cloud and not call.sim.is_admin(call.account):
        raise not_silent()
    issues.edit(
        call.sim,
        issue,
        call.part("fields"),
        call.part("update"),
        account=call.account,
        documents=call.documents,
    )
    issue.properties.update(properties)
    if call.arg("returnIssue") == "true" and call.sim.cloud:
        return 200, show_issue(call, issue, ["*all"], call.listed("expand"))
    return 204, None


def delete_issue(call: Call, key: str) -> Answer:
    """DELETE /issue/{key}."""
    issue = issues.visible(call.sim, key, call.account)
    issues.delete(call.sim, issue, account=call.account)
    return 204, None


def assign_issue(call: Call, key: str) -> Answer:
    """PUT /issue/{key}/assignee."""
    issue = issues.visible(call.sim, key, call.account)
    issues.assign(call.sim, issue, call.body, account=call.account)
    return 204, None


def get_transitions(call: Call, key: str) -> Answer:
    """GET /issue/{key}/transitions."""
    issue = issues.visible(call.sim, key, call.account)
    wanted = call.arg("transitionId")
    shown = [
        call.show.transition(status)
        for status in issues.transitions(call.sim, issue, call.account)
        if wanted in {"", status.transition_id}
    ]
    return 200, {"expand": "transitions", "transitions": shown}


def do_transition(call: Call, key: str) -> Answer:
    """POST /issue/{key}/transitions."""
    issue = issues.visible(call.sim, key, call.account)
    asked = call.only(*_ISSUE, open_on_cloud=True).get("transition")
    if not isinstance(asked, dict) or "id" not in asked:
        raise JiraError(400, ["Missing 'transition' identifier"])
    issues.transition(
        call.sim,
        issue,
        str(asked["id"]),
        call.part("fields"),
        call.part("update"),
        account=call.account,
        documents=call.documents,
    )
    return 204, None


def get_changelog(call: Call, key: str) -> Answer:
    """GET /issue/{key}/changelog: oldest first, on Cloud only."""
    issue = issues.visible(call.sim, key, call.account)
    page = call.page(issue.history, 100)
    page["values"] = [call.show.history(entry) for entry in page["values"]]
    page["self"] = call.show.url(f"issue/{issue.id}/changelog")
    if not page["isLast"]:
        after = page["startAt"] + page["maxResults"]
        page["nextPage"] = f"{page['self']}?startAt={after}&maxResults={page['maxResults']}"
    return 200, page


def get_properties(call: Call, key: str) -> Answer:
    """GET /issue/{key}/properties."""
    issue = issues.visible(call.sim, key, call.account)
    address = call.show.url(f"issue/{issue.id}/properties")
    names = sorted(issue.properties)
    return 200, {"keys": [{"self": f"{address}/{name}", "key": name} for name in names]}


def get_property(call: Call, key: str, name: str) -> Answer:
    """GET /issue/{key}/properties/{name}."""
    issue = issues.visible(call.sim, key, call.account)
    if name not in issue.properties:
        raise JiraError(404, [f"The property with key '{name}' does not exist."])
    return 200, {"key": name, "value": issue.properties[name]}


def put_property(call: Call, key: str, name: str) -> Answer:
    """PUT /issue/{key}/properties/{name}."""
    issue = issues.visible(call.sim, key, call.account)
    known = name in issue.properties
    issue.properties[name] = call.payload
    return (200 if known else 201), {}


def delete_property(call: Call, key: str, name: str) -> Answer:
    """DELETE /issue/{key}/properties/{name}."""
    get_property(call, key, name)
    del issues.visible(call.sim, key, call.account).properties[name]
    return 204, None


def get_remote_links(call: Call, key: str) -> Answer:
    """GET /issue/{key}/remotelink."""
    issue = issues.visible(call.sim, key, call.account)
    wanted = call.arg("globalId")
    links = [link for link in issue.remote_links if wanted in {"", link.get("globalId")}]
    if wanted and not links:
        raise JiraError(404, ["No remote link with that global id."])
    return 200, links[0] if wanted else links


def put_remote_link(call: Call, key: str) -> Answer:
    """POST /issue/{key}/remotelink: the same `globalId` updates the link it made before."""
    issue = issues.visible(call.sim, key, call.account)
    if not call.sim.allows(call.account, "LINK_ISSUES"):
        raise JiraError(403, ["No Link Issue Permission for issue '" + issue.key + "'"])
    body = call.only("globalId", "application", "relationship", "object", open_on_cloud=True)
    target = body.get("object")
    if not isinstance(target, dict) or not target.get("url") or not target.get("title"):
        raise JiraError(400, errors={"object": "'title' and 'url' are required."})
    given = body.get("globalId")
    for link in issue.remote_links:
        if given and link.get("globalId") == given:
            kept = {name: link[name] for name in ("id", "self")}
            # What a change leaves out is emptied.
            link.clear()
            link.update(body, **kept)
            return 200, {"id": link["id"], "self": link["self"]}
    number = call.sim.next_number("remote link")
    address = call.show.url(f"issue/{issue.id}/remotelink/{number}")
    issue.remote_links.append({"id": number, "self": address, **body})
    return 201, {"id": number, "self": address}


def show_issue(call: Call, issue: Issue, names: list[str], expand: Iterable[str]) -> Json:
    """Return an issue with the fields and the expansions that were asked for."""
    readable = comments.visible(call.sim, issue, call.account)
    shown = call.show.issue(issue, readable, wanted_fields(call, names))
    for part in expand:
        if part in _EXPANSIONS:
            shown[part] = _EXPANSIONS[part](call, issue, shown)
    return shown


def wanted_fields(call: Call, names: list[str]) -> Callable[[str], bool]:
    """Return what a `fields` parameter lets through: names, `*all`, `*navigable`, `-name`."""
    taken = {name.removeprefix("-") for name in names if name.startswith("-")}
    named = {name for name in names if not name.startswith("-")}
    everything = "*all" in named or not named
    navigable = "*navigable" in named
    for field in call.sim.site.fields.values():
        if field.custom and field.name in named:
            named.add(field.id)

    def wanted(name: str) -> bool:
        if name in taken:
            return False
        return everything or name in named or (navigable and name not in {"comment", "worklog"})

    return wanted


def _changelog(call: Call, issue: Issue, _shown: Json) -> Any:
    entries = [call.show.history(entry) for entry in issue.history]
    total = len(entries)
    if call.sim.cloud:
        # Inside an issue Cloud lists the newest first, and a hundred of them; its own resource
        # lists the oldest first.
        entries = entries[::-1][:_SHOWN_BY_AN_ISSUE]
    return {
        "startAt": 0,
        "maxResults": len(entries),
        "total": total,
        "histories": entries,
    }


def _names(call: Call, _issue: Issue, shown: Json) -> Any:
    known = call.sim.site.fields
    return {name: known[name].name for name in shown["fields"] if name in known}


def _schema(call: Call, _issue: Issue, shown: Json) -> Any:
    known = call.sim.site.fields
    return {name: dict(known[name].schema) for name in shown["fields"] if name in known}


def _transitions(call: Call, issue: Issue, _shown: Json) -> Any:
    open_to = issues.transitions(call.sim, issue, call.account)
    return [call.show.transition(status) for status in open_to]


def _editmeta(call: Call, issue: Issue, _shown: Json) -> Any:
    fields = {}
    screen = call.sim.screen(issue.project.screen_id)
    for field in call.sim.site.fields.values():
        # Cloud names what is on the screen too, though it takes edits of more than that.
        if screen.shows(field.id) and issues.settable(call.sim, issue.project, field.id):
            fields[field.id] = {
                "required": field.id in {"summary", "issuetype"},
                "schema": dict(field.schema),
                "name": field.name,
                "key": field.id,
                "operations": ["add", "set", "remove"] if field.kind in _LISTS else ["set"],
            }
            if field.options:
                options = [call.show.option(option) for option in field.options]
                fields[field.id]["allowedValues"] = options
    links = call.sim.site.fields["issuelinks"]
    fields[links.id] = {
        "required": False,
        "schema": dict(links.schema),
        "name": links.name,
        "key": links.id,
        "operations": ["add"],
    }
    return {"fields": fields}


def get_editmeta(call: Call, key: str) -> Answer:
    """GET /issue/{key}/editmeta."""
    return 200, _editmeta(call, issues.visible(call.sim, key, call.account), {})


_EXPANSIONS: dict[str, Callable[[Call, Issue, Json], Any]] = {
    "changelog": _changelog,
    "names": _names,
    "schema": _schema,
    "transitions": _transitions,
    "editmeta": _editmeta,
}

ROUTES = [
    Route("POST", "/issue", create_issue),
    Route("GET", "/issue/<key>", get_issue),
    Route("PUT", "/issue/<key>", edit_issue),
    Route("DELETE", "/issue/<key>", delete_issue),
    Route("PUT", "/issue/<key>/assignee", assign_issue),
    Route("GET", "/issue/<key>/editmeta", get_editmeta),
    Route("GET", "/issue/<key>/transitions", get_transitions),
    Route("POST", "/issue/<key>/transitions", do_transition),
    Route("GET", "/issue/<key>/changelog", get_changelog, CLOUD),
    Route("GET", "/issue/<key>/properties", get_properties),
    Route("GET", "/issue/<key>/properties/<name>", get_property),
    Route("PUT", "/issue/<key>/properties/<name>", put_property),
    Route("DELETE", "/issue/<key>/properties/<name>", delete_property),
    Route("GET", "/issue/<key>/remotelink", get_remote_links),
    Route("POST", "/issue/<key>/remotelink", put_remote_link),
]
