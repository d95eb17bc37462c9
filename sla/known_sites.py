"""What is known of a site: what its Jira told of itself, and since when it is answered for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from sla.mapping import Policy
from sla.store import sites
from sla.store.database import Database
from sla.timeline import SYSTEM_FIELDS


class SiteFacts(msgspec.Struct, frozen=True):
    """What must be known of a Jira before its issues can be judged."""

    own_account: str
    """Dueline's own account: its comments never count."""
    field_names: Mapping[str, str]
    """Custom field ids and their names in Jira."""
    quiet_before: datetime
    """From this instant on this installation answers for the site; nothing older is announced."""

    def applied_to(self, policy: Policy) -> Policy:
        """The policy for this site: Dueline's own comments never count as a response."""
        return policy.never_counting(self.own_account)

    def names_for(self, policy: Policy) -> dict[str, str]:
        """Custom field ids and their names, spelt as the policy's rules spell them.

        A name that two fields have, or that Jira's own fields have, is nobody's: such a field goes
        by its id.
        """
        folded = Counter(name.casefold() for name in self.field_names.values())
        return {
            id_: policy.spelling(name)
            for id_, name in self.field_names.items()
            if folded[name.casefold()] == 1 and name.casefold() not in SYSTEM_FIELDS
        }


def remember_site(
    database: Database, site: str, own_account: str, field_names: Mapping[str, str]
) -> None:
    """Keep what a Jira told of itself, so that a later start does not depend on its being up."""

    def work(connection: Connection) -> None:
        sites.learn(connection, site, "own_account", own_account)
        sites.learn(connection, site, "field_names", dict(field_names))

    database.write(work)


def remember_installation(database: Database, site: str, now: datetime) -> None:
    """Keep from when on this installation answers for a site: its first start, for ever."""
    database.write(lambda c: sites.learn_once(c, site, "installed_at", now.isoformat()))


def remembered_site(database: Database, site: str) -> SiteFacts | None:
    """What is known of a site from an earlier contact; None before the first."""

    def work(connection: Connection) -> SiteFacts | None:
        own_account = sites.known(connection, site, "own_account")
        if own_account is None:
            return None
        return SiteFacts(
            own_account=own_account,
            field_names=sites.known(connection, site, "field_names") or {},
            quiet_before=datetime.fromisoformat(sites.known(connection, site, "installed_at")),
        )

    return database.read(work)
