"""Webhooks that an administrator registers with Jira, in the two forms that Jira has for them.

Up to Data Center 9, and on Cloud, they are at `rest/webhooks/1.0/webhook`; Data Center 10 moved
them to `rest/jira-webhook/1.0/webhooks`, where secret and filter count only inside `configuration`
(JRASERVER-78733).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from connector import facts
from connector.errors import Call, JiraRefused
from connector.facts import Json

if TYPE_CHECKING:
    # Whoever only hears Jira makes no call, and needs not what makes them.
    from connector.rest import Rest

ISSUE_FILTER = "issue-related-events-section"
_PROJECTS = re.compile(
    r"""project \s* (?: = \s* (?P<one>{name}) | in \s* \( (?P<some> {name} (?: , {name} )* ) \) )
    """.replace("{name}", r"""\s* (?: "[^"\\]*" | '[^'\\]*' | [\w-]+ ) \s*"""),
    re.VERBOSE | re.IGNORECASE,
)
_SIGNED_SINCE = 10
"""The version of Data Center that has an interface of its own for webhooks."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as registered with Jira."""

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    enabled: bool
    jql: str = ""
    bodiless: bool = False
    """Whether its deliveries say nothing but that something happened."""
    signed: bool | None = None
    """None where Jira does not tell."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A webhook as it is to be."""

    name: str
    url: str
    events: tuple[str, ...]
    secret: str
    jql: str


@dataclass(frozen=True, slots=True)
class Form:
    """One of Jira's two interfaces for webhooks."""

    path: str
    body: Callable[[Wanted], dict[str, Json]]


def _classic_body(wanted: Wanted) -> dict[str, Json]:
    return {
        "name": wanted.name,
        "url": wanted.url,
        "events": list(wanted.events),
        "filters": {ISSUE_FILTER: wanted.jql},
        "excludeBody": False,
        "enabled": True,
        "secret": wanted.secret,
    }


def _configured_body(wanted: Wanted) -> dict[str, Json]:
    return {
        "name": wanted.name,
        "url": wanted.url,
        "events": list(wanted.events),
        "active": True,
        "scopeType": "global",
        "configuration": {
            "SECRET": wanted.secret,
            "EXCLUDE_BODY": "false",
            "FILTERS": wanted.jql,
        },
    }


CLASSIC = Form("rest/webhooks/1.0/webhook", _classic_body)
CONFIGURED = Form("rest/jira-webhook/1.0/webhooks", _configured_body)


def form_of_datacenter(major: int) -> Form:
    """The form that a version of Data Center has, by the version's first number."""
    return CONFIGURED if major >= _SIGNED_SINCE else CLASSIC


class Registrations(ABC):
    """The part of a client that is about webhooks of administrators."""

    _rest: Rest

    @abstractmethod
    def _webhook_form(self) -> Form:
        """The form that this Jira has."""

    def webhooks(self) -> tuple[Webhook, ...]:
        """Every webhook that an administrator has registered."""
        return tuple(map(webhook_of, self._listed(self._webhook_form().path)))

    def register_webhook(
        self, name: str, url: str, events: tuple[str, ...], secret: str, jql: str | None
    ) -> Webhook:
        """Have Jira post signed events to `url`: of the issues that `jql` finds, or of all."""
        form = self._webhook_form()
        data = form.body(Wanted(name, url, events, secret, jql or ""))
        made = self._rest.tell(
            "registering the webhook",
            None,
            lambda client: client.post(form.path, data),
            secret=secret,
        )
        return webhook_of(made)

    def renew_webhook(self, webhook: Webhook, events: tuple[str, ...], secret: str) -> Webhook:
        """Register a webhook anew under its id, with other events, signed with this secret.

        Its name, address and filter are as `webhook` has them; it is enabled, and has a body.
        """
        form = self._webhook_form()
        path = f"{form.path}/{quote(webhook.id, safe='')}"
        data = form.body(Wanted(webhook.name, webhook.url, events, secret, webhook.jql))
        # Data Center 10 wants the id in the body as well; elsewhere it says nothing new.
        data["id"] = int(webhook.id) if webhook.id.isdecimal() else webhook.id
        changed = self._rest.tell(
            "changing the webhook", None, lambda client: client.put(path, data), secret=secret
        )
        return webhook_of(changed)

    def _listed(self, path: str) -> Iterator[Json]:
        """Each webhook of a listing, which is a list, or a page of one."""
        what, known = "reading the webhooks", set[str]()

        def read(asked: dict[str, Json] | None) -> Json:
            return self._rest.ask(what, None, lambda client: client.get(path, params=asked))

        page = read(None)
        while True:
            found = page if isinstance(page, list) else facts.member(page, "values")
            if not isinstance(found, list):
                call = Call(what, None, f"GET /{path}")
                raise JiraRefused(call, "an answer that lists no webhooks", status=200)
            fresh = [each for each in found if webhook_of(each).id not in known]
            yield from fresh
            known |= {webhook_of(each).id for each in fresh}
            # Whoever takes no notice of `startAt` gives the same page again.
            if not fresh or isinstance(page, list) or _is_last(page, len(known)):
                return
            page = read({"startAt": len(known)})


def webhook_of(answer: Json) -> Webhook:
    """Read one webhook, in the form of Cloud and of Data Center before and since 10."""
    address = str(facts.member(answer, "self") or "")
    configuration = facts.member(answer, "configuration")
    filters = facts.member(answer, "filters")
    jql = facts.member(filters, ISSUE_FILTER) or facts.member(configuration, "FILTERS")
    enabled = (facts.member(answer, name) for name in ("enabled", "active"))
    bodiless = (facts.member(answer, "excludeBody"), facts.member(configuration, "EXCLUDE_BODY"))
    signed = facts.member(answer, "isSigned")
    return Webhook(
        facts.identifier(facts.member(answer, "id")) or address.rsplit("/", 1)[-1],
        str(facts.member(answer, "name") or ""),
        str(facts.member(answer, "url") or ""),
        tuple(str(event) for event in facts.items(facts.member(answer, "events"))),
        # What is not told is as Jira has it by itself.
        all(_flag(each) is not False for each in enabled),
        str(jql or ""),
        any(_flag(each) is True for each in bodiless),
        _flag(signed),
    )


def hidden_by(jql: str, projects: Collection[str]) -> tuple[str, ...]:
    """Which projects a webhook's filter keeps from being heard, or may keep.

    Args:
        jql: the filter; empty for none.
        projects: the keys of those that are to be heard.

    Returns:
        All of them where the filter is more than a list of projects: what it lets through nobody
        can tell without knowing all that may happen.
    """
    if not jql.strip():
        return ()
    listed = _PROJECTS.fullmatch(jql.strip())
    names = re.split(r"\s*,\s*", listed["one"] or listed["some"]) if listed else []
    named = {name.strip().strip("\"'").upper() for name in names}
    return tuple(project for project in sorted(projects) if project.upper() not in named)


def only(projects: Collection[str]) -> str:
    """A filter that lets through the issues of some projects."""
    return f"project in ({', '.join(map(_quoted, sorted(projects)))})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _flag(value: Json) -> bool | None:
    """A yes or no, which Data Center writes as a text here and there; None for anything else."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _is_last(page: Json, known: int) -> bool:
    total = facts.member(page, "total")
    if facts.member(page, "isLast") is True:
        return True
    return known >= total if isinstance(total, int) else facts.member(page, "isLast") is None
