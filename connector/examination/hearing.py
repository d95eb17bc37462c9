"""Whether Jira tells what happens: how its webhook is set up, and what came in by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from connector.base import Found
from connector.errors import ConnectorError, JiraRefused
from connector.examination.finding import Finding, State, failed, passed, unknown
from connector.examination.reaching import NEAR
from connector.examination.subject import Heard, Subject
from connector.registrations import Webhook, hidden_by
from connector.setup import EVENTS
from sla.words import utc

_RECEIVER = "/webhooks/jira"
_MORE_THAN_PROJECTS = re.compile(r"\b(and|or|not)\b|[<>~!]", re.IGNORECASE)
_BY_HAND = (
    "Have Jira's administrator look in Jira settings, System, WebHooks: the address, enabled, the "
    "secret, no filter that leaves a project out, and the events {events}."
)
_SET_UP = "Run `dueline setup --webhook-url {url}` with an account that administers Jira."
_IN_JIRA = "Change it in Jira settings, System, WebHooks."
_LATE = timedelta(minutes=5)
"""Until then a delivery may be on its way; Jira tries again for longer, but not each one."""
_SLACK = timedelta(minutes=1)
# So far two clocks that are right may be apart.
_CLOCKS = timedelta(seconds=10)
"""By how much Jira's clock may be ahead of the one here."""
_SIGN = (
    "Give the webhook the secret that DUELINE_WEBHOOK_SECRET has, in Jira settings, System, "
    "WebHooks; or run `dueline init`, which signs it anew."
)
_LOOK = (
    "Look at the checks of the webhook and of the address; Jira's administrator sees its "
    "deliveries in Jira settings, System, WebHooks. What was lost is found by `dueline reconcile`."
)


def webhook(subject: Subject) -> Iterator[Finding]:
    """Whether a webhook to this service is on, signed and whole, and leaves nothing out."""
    if not subject.by_webhook:
        yield passed("Deliveries come another way: by rules of Jira automation, or by Forge.")
        return
    events = EVENTS[subject.client.flavour]
    try:
        known = subject.client.webhooks()
    except JiraRefused as refused:
        why = (
            "Only those who administer Jira are shown its webhooks"
            if refused.status in (401, 403)
            else "This Jira does not list its webhooks"
        )
        by_hand = _BY_HAND.format(events=", ".join(events))
        yield unknown(f"{why}; it answered {refused.status}.", by_hand)
        return
    mine = [hook for hook in known if _is_ours(hook.url, subject.hook)]
    if not mine:
        yield _missing(known, subject.hook)
        return
    if subject.hook is None:
        yield _perhaps_ours(mine)
        return
    # Of several the best one counts: what one lacks another brings.
    yield min(
        (_set_up_as(hook, subject, events) for hook in mine),
        key=lambda finding: _BEST_FIRST.index(finding.state),
    )


_BEST_FIRST: tuple[State, ...] = ("passed", "unknown", "failed")


def _is_ours(url: str, wanted: str | None) -> bool:
    """Whether a webhook posts to this service; a token may follow, where Jira cannot sign."""
    address = url.rstrip("/")
    if wanted is None:
        return _RECEIVER in address
    return address == wanted or address.startswith(f"{wanted}/")


def _perhaps_ours(known: Sequence[Webhook]) -> Finding:
    there = ", ".join(sorted({_place(hook.url) for hook in known}))
    return unknown(
        f"There is a webhook to {there}, and it is not known which address is ours.",
        "Set DUELINE_PUBLIC_URL to it, such as https://dueline.example.com.",
    )


def _missing(known: Sequence[Webhook], wanted: str | None) -> Finding:
    remedy = _SET_UP.format(url=wanted or f"https://dueline.example.com{_RECEIVER}")
    others = sorted({_place(hook.url) for hook in known if _RECEIVER in hook.url})
    if others:
        return failed(
            f"No webhook of Jira posts to {wanted}; there is one to {', '.join(others)}.",
            f"Correct DUELINE_PUBLIC_URL, or the webhook's address. {_IN_JIRA}",
        )
    return failed(f"No webhook of Jira posts to {wanted or 'a Dueline'}.", remedy)


def _place(url: str) -> str:
    """An address without what may be a token in it."""
    before, found, _ = url.partition(_RECEIVER)
    return f"{before}{found}".rpartition("@")[2]


def _set_up_as(hook: Webhook, subject: Subject, events: Sequence[str]) -> Finding:
    problem = next(_problems(hook, subject, events), None)
    if problem:
        return problem
    if hook.signed is None:
        return unknown(
            "It is there, on, and hears all that it needs; Jira does not tell whether it is "
            "signed.",
            "Look whether it has a secret, or see with `dueline doctor --issue KEY` whether its "
            "deliveries are taken.",
        )
    return passed("It is there, on, signed, and hears all that it needs.")


def _problems(hook: Webhook, subject: Subject, events: Sequence[str]) -> Iterator[Finding]:
    named = f"The webhook “{hook.name}”"
    again = _SET_UP.format(url=subject.hook or _place(hook.url))
    if not hook.enabled:
        yield failed(f"{named} is switched off.", f"Switch it on. {_IN_JIRA}")
    local = (urlsplit(subject.url).hostname or "") in NEAR
    if subject.client.flavour == "cloud" and hook.url.startswith("http://") and not local:
        yield failed(
            f"{named} posts to an address without TLS, and Jira Cloud posts to https:// alone.",
            "Put a proxy with a trusted certificate before the service, and let DUELINE_PUBLIC_URL "
            "and the webhook begin with https://.",
        )
    if hook.bodiless:
        yield failed(f"{named} leaves the body out.", f"Have it send the body. {_IN_JIRA}")
    lacking = [event for event in events if event not in hook.events]
    if lacking:
        yield failed(f"{named} does not tell {', '.join(lacking)}.", again)
    if hook.signed is False and "/token/" not in hook.url:
        yield failed(
            f"{named} has no secret: its deliveries are not signed, and are refused.",
            f"Give it the secret that DUELINE_WEBHOOK_SECRET has. {_IN_JIRA}",
        )
    hidden = hidden_by(hook.jql, subject.keys)
    if hidden and _MORE_THAN_PROJECTS.search(hook.jql):
        yield unknown(
            f"{named} has a filter, and what it leaves out cannot be told: {hook.jql}",
            f"See to it that it lets through {', '.join(hidden)}. {_IN_JIRA}",
        )
    elif hidden:
        yield failed(
            f"{named} has a filter that leaves out {', '.join(hidden)}: {hook.jql}",
            f"Take these projects into it, or take it away. {_IN_JIRA}",
        )


def deliveries(subject: Subject) -> Iterator[Finding]:
    """Whether something came in since the mapped projects changed last."""
    heard = subject.heard()
    if heard is None:
        yield unknown("There is no inbox to look into.", "Look at the check of the database first.")
        return
    latest = _latest(subject)
    if latest is None or latest.updated_at is None:
        yield unknown(
            "No issue of the mapped projects is there to compare with.",
            "Make one in Jira, and run `dueline doctor` again.",
        )
        return
    yield _compared(latest.issue_key, latest.updated_at, heard, subject.now())


def _latest(subject: Subject) -> Found | None:
    found: list[Found] = []
    for key in subject.visible:
        try:
            issue = subject.latest(key)
        except ConnectorError:
            # The check of the search says why.
            continue
        if issue is not None and issue.updated_at is not None:
            found.append(issue)
    return max(found, key=_updated_at, default=None)


def _updated_at(issue: Found) -> float:
    return issue.updated_at.timestamp() if issue.updated_at else 0.0


def _compared(key: str, updated_at: datetime, heard: Heard, now: datetime) -> Finding:
    changed = f"Jira changed {key} at {_second(updated_at)}"
    strays = f" {heard.refused} others bore another secret or none, and were refused."
    strays = strays if heard.refused else ""
    # Some changes cause no delivery, such as a work log; none may follow one that was refused.
    slack = _CLOCKS if heard.refused else _LATE
    if heard.newest is not None and heard.newest >= updated_at - slack:
        return passed(
            f"{changed}, and the newest delivery came at {_second(heard.newest)}.{strays}"
        )
    began_later = heard.since is None or updated_at < heard.since
    if heard.refused and not began_later and now - updated_at > _SLACK:
        return failed(
            f"{changed}, and deliveries come and are refused ({heard.refused} so far): the "
            "webhook's secret is another one than DUELINE_WEBHOOK_SECRET, or it is not signed.",
            _SIGN,
        )
    if now - updated_at < _LATE:
        return unknown(f"{changed}; its delivery may still be on its way.", "Wait for 5 minutes.")
    if began_later:
        return unknown(
            f"{changed}, before this installation began; nothing came in since.",
            "Change an issue of a mapped project in Jira, and run `dueline doctor` again.",
        )
    if heard.newest is None:
        return failed(f"{changed}, and no delivery ever came.", _LOOK)
    return failed(f"{changed}, and the newest delivery came at {_second(heard.newest)}.", _LOOK)


def _second(at: datetime) -> str:
    return utc(at.replace(microsecond=0))
