"""Whether searches are answered, and how much Jira lets itself be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connector.errors import JiraError
from connector.examination.finding import Finding, failed, failed_by, passed, unknown, unknown_by
from connector.examination.reaching import is_busy
from connector.examination.subject import Subject

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_SLOWER = (
    "Dueline waits as long as Jira asks. If it lasts, have its administrator raise the account's "
    "limit, or let DUELINE_RECONCILE_MINUTES be greater."
)


def search(subject: Subject) -> Iterator[Finding]:
    """Whether JQL finds the issues of the mapped projects."""
    found = 0
    for key in subject.visible:
        try:
            found += subject.latest(key) is not None
        except JiraError as error:
            yield _not_found(error)
            return
    if subject.visible:
        yield passed(f"Issues are found in {found} of {len(subject.visible)} projects.")
    else:
        yield unknown(
            "There is no project to search in.", "Look at the check of the projects first."
        )


def _not_found(error: JiraError) -> Finding:
    if error.status is None or is_busy(error):
        return unknown_by(error, "Run `dueline doctor` again when Jira is well.")
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


def _room(detail: str, headers: Mapping[str, str]) -> Finding:
    if headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true":
        return Finding("passed", f"{detail}, and says that the limit is near.", _SLOWER)
    return passed(f"{detail}.")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None
