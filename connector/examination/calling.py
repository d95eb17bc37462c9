"""Whether searches are answered, and how much Jira lets itself be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from connector.errors import JiraError
from connector.examination.finding import Finding, failed, failed_by, passed, unknown
from connector.examination.reaching import is_busy
from connector.examination.subject import Subject
from sla.words import length

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_SLOWER = (
    "Dueline waits as long as Jira asks. If it lasts, have its administrator raise the account's "
    "limit, or let DUELINE_RECONCILE_MINUTES be greater."
)


def search(subject: Subject) -> Iterator[Finding]:
    """Whether JQL finds the issues of the mapped projects."""
    found = 0
    asked = _searched(subject)
    for key in asked:
        try:
            found += subject.latest(key) is not None
        except JiraError as error:
            yield _not_found(error)
            return
    if asked:
        yield passed(f"Issues are found in {found} of {len(asked)} projects.")
    else:
        yield unknown(
            "There is no project to search in.", "Look at the check of the projects first."
        )


def _searched(subject: Subject) -> list[str]:
    """The projects of which Jira does not say that they are not there."""
    return [key for key in subject.keys if subject.project(key).status not in (401, 403, 404)]


def _not_found(error: JiraError) -> Finding:
    if error.status != 501 and (error.status is None or is_busy(error)):
        return failed_by(
            error,
            "What webhooks lose is not found until it is well: look why Jira is slow or fails, and "
            "run `dueline doctor` again.",
        )
    if error.status == 410:
        return failed(
            f"Jira no longer offers the search that was asked: {error.sentence or error.status}.",
            "Take DUELINE_JIRA_FLAVOUR away or correct it: Cloud and Data Center search by "
            "different calls; else use a newer version of Dueline.",
        )
    return failed_by(
        error,
        "Without it what webhooks lose is not found: have the interface for searches let through "
        "by proxies, and give the token the scope read:jira-work.",
    )


def rate_limit(subject: Subject) -> Iterator[Finding]:
    """How much room Jira leaves for further calls."""
    refusals = list(_refusals(subject))
    if refusals:
        longest = max(refusals)
        wait = f", and wants to be left alone for {length(longest)}" if longest else ""
        yield failed(f"Jira refuses further calls at present (429){wait}.", _SLOWER)
        return
    headers = subject.myself.headers
    remaining = _number(headers, "X-RateLimit-Remaining")
    limit = _number(headers, "X-RateLimit-Limit")
    if _number(headers, "X-RateLimit-FillRate") == 0 and limit is not None:
        yield failed(
            "Jira refuses this account further calls: its limit fills up no more.",
            "Have Jira's administrator allow it in the settings of rate limiting.",
        )
    elif remaining is None:
        yield passed("Jira's answers name no limit, as long as none is near.")
    elif remaining == 0:
        yield failed("Jira has no room for further calls at present.", _SLOWER)
    else:
        of = f" of {limit}" if limit is not None else ""
        yield _room(f"Jira has room for {remaining}{of} further calls", headers)


def _refusals(subject: Subject) -> Iterator[timedelta]:
    """For how long Jira wants to be left alone, by each 429 to what was asked of projects."""
    for key in subject.keys:
        shown = subject.project(key)
        if shown.status == 429:
            yield timedelta(seconds=_number(shown.headers, "Retry-After") or 0)
    for key in _searched(subject):
        try:
            subject.latest(key)
        except JiraError as error:
            if error.status == 429:
                yield error.retry_after or timedelta(0)
            return


def _room(detail: str, headers: Mapping[str, str]) -> Finding:
    if headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true":
        return Finding("passed", f"{detail}, and says that the limit is near.", _SLOWER)
    return passed(f"{detail}.")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None
