"""All checks that ask Jira, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from connector.examination import (
    calling,
    hearing,
    naming,
    reaching,
    rights,
    signing_in,
    statuses,
)
from connector.examination.finding import Check, Finding, unknown
from connector.examination.subject import Subject

_LONGEST = 60.0
"""Seconds after which a Jira is asked no more: monitoring waits for the end."""
_SLOW = "Look why Jira is slow, or the way to it, and run `dueline doctor` again."


def checks(subject: Subject) -> tuple[Check, ...]:
    """The checks of one Jira.

    Args:
        subject: the Jira, and what is expected of it. What of it is not looked at within a minute
            is left, and says so.
    """
    until = subject.monotonic() + _LONGEST
    return tuple(
        replace(check, look=partial(_in_time, subject, check, until)) for check in _all(subject)
    )


def _in_time(subject: Subject, check: Check, until: float) -> Iterator[Finding]:
    if subject.monotonic() >= until:
        yield unknown("Not looked at: it took too long already.", _SLOW)
        return
    for finding in check.look():
        yield finding
        if finding.project and subject.monotonic() >= until:
            if finding.project in subject.visible[:-1]:
                yield unknown(f"Not looked at after {finding.project}: it took too long.", _SLOW)
            return


def _all(subject: Subject) -> tuple[Check, ...]:
    set_ = ("settings",)
    there = ("settings", "address")
    signed_in = (*there, "account")
    configured = (*signed_in, "configuration")
    return (
        Check("certificate", "Certificate", partial(reaching.certificate, subject), set_),
        Check("address", "Address of Jira", partial(reaching.address, subject), set_),
        Check("account", "Account", partial(signing_in.account, subject), there),
        Check("base_url", "Address as Jira states it", partial(reaching.base_url, subject),
              signed_in),
        Check("token", "Token", partial(signing_in.token, subject), signed_in),
        Check("clock", "Clock", partial(reaching.clock, subject), signed_in),
        Check("projects", "Projects", partial(rights.projects, subject), configured),
        Check("permissions", "Permissions", partial(rights.permissions, subject), configured),
        Check("notify_users", "Edits without e-mails", partial(rights.notify_users, subject),
              configured),
        Check("names", "Issue types, priorities", partial(naming.names, subject), configured),
        Check("statuses", "Statuses", partial(statuses.statuses, subject), configured),
        Check("search", "Search", partial(calling.search, subject), configured),
        # After those that ask most: what they were told counts.
        Check("rate_limit", "Rate limit", partial(calling.rate_limit, subject), signed_in),
        Check("fields", "Fields", partial(naming.fields, subject), configured),
        Check("rule_fields", "Fields of rules", partial(naming.rule_fields, subject),
              (*configured, "fields")),
        Check("contexts", "Contexts of fields", partial(naming.contexts, subject),
              (*configured, "fields")),
        Check("screens", "Screens", partial(naming.screens, subject), (*configured, "fields")),
        Check("internal_comments", "Internal comments", partial(rights.internal_comments, subject),
              configured),
        Check("webhook", "Webhook", partial(hearing.webhook, subject), configured),
        Check("deliveries", "Deliveries", partial(hearing.deliveries, subject), configured),
    )  # fmt: skip
