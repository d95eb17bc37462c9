"""What a Jira has and what it lets an account do, asked for before anything is set up in it.

Whatever a Jira does not offer, or not to this account, is left out and named: a look-alike that
knows half of the calls can be set up all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

from requests import Response

from connector import facts
from connector.base import JiraClient, ServerInfo, info_of
from connector.errors import Call, ConnectorError, JiraRefused
from connector.facts import Json
from connector.jira_library import Jira
from connector.rest import Client, Rest, Session
from connector.values import in_path

_CLOUD_HOSTS = (".atlassian.net", ".jira.com", ".jira-dev.com")
# Below these Jira shows pages of its own, so that its address ends before them.
_PAGES = frozenset(
    {
        "browse", "projects", "issues", "secure", "servicedesk", "plugins", "rest", "login",
        "login.jsp", "dashboards", "people", "software", "core", "your-work", "wiki", "si", "admin",
    }
)  # fmt: skip
_LOCAL = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(/|$)", re.IGNORECASE)
_AROUND = "<>\"' \t\r\n"
_GATEWAY = re.compile(r"https://api\.atlassian\.com/ex/jira/[^/]+")
_NOT_OFFERED = frozenset({400, 403, 404, 405, 410, 500, 501})
_MOST_PROJECTS = 2000
_T = TypeVar("_T")

RIGHTS: Mapping[str, str] = MappingProxyType({
    "BROWSE_PROJECTS": "Browse projects",
    "EDIT_ISSUES": "Edit issues",
    "ADD_COMMENTS": "Add comments",
    "EDIT_OWN_COMMENTS": "Edit own comments",
    "LINK_ISSUES": "Link issues",
    "ASSIGN_ISSUES": "Assign issues",
    "TRANSITION_ISSUES": "Transition issues",
    "ADMINISTER_PROJECTS": "Administer projects",
})  # fmt: skip
"""What Dueline may be allowed in a project, by Jira's key, as Jira's own pages call it."""
NEEDED = frozenset({"BROWSE_PROJECTS", "EDIT_ISSUES", "ADD_COMMENTS"})
"""Without which no deadline can be shown."""
ADMINISTER = "ADMINISTER"
"""Jira's key of the right to make fields and webhooks: *Administer Jira*."""


@dataclass(frozen=True, slots=True)
class ProjectSeen:
    """A project as a list of projects has it."""

    key: str
    name: str
    kind: str
    """`software`, `service_desk`, `business`; empty where Jira does not say."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a Jira has."""

    projects: tuple[ProjectSeen, ...]
    """In the order of their keys."""
    priorities: tuple[str, ...]
    """The most urgent first, as Jira orders them."""
    usual_priority: str | None
    """What an issue has when nobody chose; None where Jira does not say."""
    untold: tuple[str, ...]
    """What could not be found out, in a sentence each."""


@dataclass(frozen=True, slots=True)
class Makings:
    """What issues of one project are made of."""

    issue_types: tuple[str, ...]
    statuses: tuple[str, ...]
    untold: tuple[str, ...]


def addresses(text: str) -> tuple[str, ...]:
    """Where the Jira may be that somebody means, the likeliest first.

    Args:
        text: a site's name, an address with or without its scheme, or a link to a page of Jira.

    Raises:
        ConnectorError: it cannot be read as any of these.
    """
    address = _with_scheme(text.strip(_AROUND))
    try:
        parts = urlsplit(address)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or any(sign.isspace() for sign in address):
        raise ConnectorError(
            f"{_shown(text)} is no address of a Jira; https://example.atlassian.net would be one, "
            "and so would a link to one of its issues."
        )
    if "@" in parts.netloc:
        raise ConnectorError(
            f"The address of {parts.hostname} holds credentials; give the address alone, the "
            "account and its token are asked for."
        )
    gateway = _GATEWAY.match(address)
    if gateway:
        return (gateway[0],)
    root = f"{parts.scheme}://{parts.netloc.lower()}"
    if is_cloud_host(parts.hostname or ""):
        return (root,)
    segments = [segment for segment in parts.path.split("/") if segment]
    ends = [number for number, segment in enumerate(segments) if segment.lower() in _PAGES]
    kept = segments[: ends[0]] if ends else segments
    return tuple("/".join([root, *kept[:number]]) for number in range(len(kept), -1, -1))


def is_site_name(text: str) -> bool:
    """Whether somebody typed one bare word, which may name a site of Cloud, or a host of theirs."""
    word = text.strip(_AROUND)
    return bool(re.fullmatch(r"[A-Za-z0-9-]+", word)) and word.lower() != "localhost"


def is_cloud_host(host: str) -> bool:
    """Whether a host's name is one that Atlassian gives to sites on Cloud."""
    return host.lower().endswith(_CLOUD_HOSTS)


def look(url: str, *, timeout: int = 20) -> ServerInfo | None:
    """Ask a Jira which it is, without signing in.

    Args:
        url: one of `addresses`.
        timeout: seconds to wait for a connection, and again for an answer.

    Returns:
        None where it answers nobody who has not signed in.

    Raises:
        JiraRefused, JiraUnreachable: no Jira is there; the message says what is.
    """
    what, request = "finding out which Jira it is", "GET /rest/api/2/serverInfo"
    rest = Rest(lambda: Jira(url, session=Session(), timeout=timeout, advanced_mode=True))
    try:
        answer = rest.ask(what, None, _anonymously)
    except JiraRefused as refused:
        if refused.status in (401, 403):
            return None
        raise
    if not facts.member(answer, "version") and not facts.member(answer, "deploymentType"):
        raise JiraRefused(Call(what, None, request), "an answer that is not Jira's", status=200)
    return info_of(answer)


def survey(client: JiraClient) -> Survey:
    """Ask what a Jira has.

    Raises:
        JiraRefused: the credentials are not accepted, or Jira asks for patience.
        JiraUnreachable: it does not answer.
    """
    untold: list[str] = []
    projects = _projects(client)
    if projects is None:
        untold.append("Jira does not list its projects: name them by their keys")
    priorities = _priorities(client)
    if priorities is None:
        untold.append("Jira does not list its priorities: issues of every priority are taken alike")
    names = tuple(dict.fromkeys(filter(None, map(_name, priorities or ()))))
    usual = next((p for p in priorities or () if facts.member(p, "isDefault") is True), None)
    seen = {project.key: project for project in projects or ()}
    return Survey(tuple(seen[key] for key in sorted(seen)), names, _name(usual), tuple(untold))


def makings(client: JiraClient, project: str) -> Makings:
    """Ask which issue types and statuses a project's issues have.

    Raises:
        JiraRefused, JiraUnreachable: as `survey`.
    """
    untold: list[str] = []
    path, what = f"project/{in_path(project)}", f"reading the project {project}"
    found = _offered(lambda: client.ask(what, path))
    types = facts.items(facts.member(found, "issueTypes"))
    if not types:
        types = facts.items(_offered(lambda: client.ask("reading the issue types", "issuetype")))
    if not types:
        untold.append(f"Jira does not say which issue types {project} has")
    return Makings(_names(types), statuses_of(client, project), tuple(untold))


def statuses_of(client: JiraClient, project: str) -> tuple[str, ...]:
    """Ask in which statuses a project's issues can be; none where Jira does not say.

    Raises:
        JiraRefused, JiraUnreachable: as `survey`.
    """
    path, what = f"project/{in_path(project)}/statuses", f"reading the statuses of {project}"
    by_type = facts.items(_offered(lambda: client.ask(what, path)))
    return _names(each for kind in by_type for each in facts.items(facts.member(kind, "statuses")))


def rights(client: JiraClient, project: str | None) -> dict[str, bool | None]:
    """Ask what the account may do, by Jira's keys: in a project, or in Jira as a whole.

    Returns:
        None for what Jira does not say.

    Raises:
        JiraRefused, JiraUnreachable: as `survey`.
    """
    asked = list(RIGHTS) if project else [ADMINISTER]
    held = _offered(lambda: client.rights(asked, project)) or {}
    return {key: held.get(key) for key in asked}


def _projects(client: JiraClient) -> list[ProjectSeen] | None:
    what = "reading the projects"
    found = None
    if client.flavour == "cloud":
        found = _offered(lambda: _first(client.ask_pages(what, "project/search")))
    if found is None:
        listed = _offered(lambda: client.ask(what, "project"))
        found = listed if isinstance(listed, list) else None
    return None if found is None else [seen for seen in map(_project, found) if seen is not None]


def _priorities(client: JiraClient) -> list[Json] | None:
    what, found = "reading the priorities", None
    if client.flavour == "cloud":
        found = _offered(lambda: _first(client.ask_pages(what, "priority/search")))
    if not found:
        listed = _offered(lambda: client.ask(what, "priority"))
        found = listed if isinstance(listed, list) else None
    return found


def _first(found: Iterator[Json]) -> list[Json]:
    return [each for each, _ in zip(found, range(_MOST_PROJECTS), strict=False)]


def _project(answer: Json) -> ProjectSeen | None:
    key = facts.identifier(facts.member(answer, "key"))
    # Of a project in the archive no issue changes any more.
    if key is None or facts.member(answer, "archived") is True:
        return None
    kind = facts.identifier(facts.member(answer, "projectTypeKey"))
    return ProjectSeen(key, _name(answer) or key, kind or "")


def _names(answers: Iterable[Json]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(_name, answers))))


def _name(answer: Json) -> str | None:
    return facts.identifier(facts.member(answer, "name"))


def _offered(ask: Callable[[], _T]) -> _T | None:
    """The answer; None where this Jira has no such call, or not for this account."""
    try:
        return ask()
    except JiraRefused as refused:
        # 200: something answered, and it is nothing that Jira would say.
        if refused.status in _NOT_OFFERED or refused.status == 200:
            return None
        raise


def _anonymously(client: Client) -> object:
    answer = client.get("rest/api/2/serverInfo")
    if isinstance(answer, Response):
        # Nobody signed in, so that being told so is no refusal.
        for name in ("X-AUSERNAME", "X-Seraph-LoginReason"):
            answer.headers.pop(name, None)
    return answer


def _with_scheme(text: str) -> str:
    if "://" in text:
        scheme, _, rest = text.partition("://")
        return f"{scheme.lower()}://{rest}"
    if is_site_name(text):
        return f"https://{text.lower()}.atlassian.net"
    return f"http://{text}" if _LOCAL.match(text) else f"https://{text}"


def _shown(text: str) -> str:
    """What somebody typed, unless a password may stand in it."""
    return "This" if "@" in text else repr(text[:200])
