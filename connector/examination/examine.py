"""All checks that ask Jira, in the order in which they are made."""

from __future__ import annotations

from functools import partial

from connector.examination import calling, hearing, naming, reaching, rights, signing_in
from connector.examination.finding import Check
from connector.examination.subject import Subject


def checks(subject: Subject) -> tuple[Check, ...]:
    """The checks of one Jira.

    Args:
        subject: the Jira, and what is expected of it.
    """
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
        Check("rate_limit", "Rate limit", partial(calling.rate_limit, subject), signed_in),
        Check("projects", "Projects", partial(rights.projects, subject), configured),
        Check("permissions", "Permissions", partial(rights.permissions, subject), configured),
        Check("notify_users", "Edits without e-mails", partial(rights.notify_users, subject),
              configured),
        Check("names", "Issue types, priorities", partial(naming.names, subject), configured),
        Check("search", "Search", partial(calling.search, subject), configured),
        Check("fields", "Fields", partial(naming.fields, subject), configured),
        Check("contexts", "Contexts of fields", partial(naming.contexts, subject),
              (*configured, "fields")),
        Check("screens", "Screens", partial(naming.screens, subject), (*configured, "fields")),
        Check("internal_comments", "Internal comments", partial(rights.internal_comments, subject),
              configured),
        Check("webhook", "Webhook", partial(hearing.webhook, subject), configured),
        Check("deliveries", "Deliveries", partial(hearing.deliveries, subject), configured),
    )  # fmt: skip
