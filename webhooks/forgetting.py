"""Forgetting a person, and telling what was done and what could not be."""

from __future__ import annotations

from collections.abc import Iterator

from config.settings import Settings
from sla.store.database import StoreError
from sla.store.forgetting import Forgotten, forget
from webhooks.databases import opened


def forget_account(settings: Settings, account: str) -> Iterator[str]:
    """Remove an account from what is stored; what was done, a line each.

    Raises:
        StoreError: the text is no account, a delivery that names it still waits, it is Dueline's
            own, or the database cannot be used.
    """
    if not account.strip() or account != account.strip():
        raise StoreError("give the account as Jira names it: its accountId, or its user key")
    with opened(settings) as database:
        done = forget(database, account)
    yield from _told(account, done)


def _told(account: str, done: Forgotten) -> Iterator[str]:
    if done.is_nothing:
        yield f"nothing names {account}"
        return
    for table, number in sorted(done.changed.items()):
        yield f"{table}: another name stands in {number} rows"
    for state, number in sorted(done.deleted.items()):
        yield f"inbox: {number} deliveries deleted that were {state}"
    if done.signed_out:
        yield f"console: {done.signed_out} sessions ended"
    if done.published:
        yield (
            f"the configuration still names {account} in versions {', '.join(done.published)}, "
            "which never change: take it out of the configuration and restart the service; issues "
            "under those versions go on being judged by them"
        )
    if done.drafts:
        yield (
            f"drafts {', '.join(map(str, done.drafts))} of the console still name {account}: take "
            "it out of those that are open"
        )
    if done.audited:
        yield (
            f"the audit log names {account} in {done.audited} rows, which never change: they say "
            "who did what"
        )
    yield (
        f"backups made before still name {account}; and if Jira goes on naming it, what happens "
        "from now on is stored under it: have it removed there first"
    )
