"""By what the issues of a site are judged: the version of the policy, spelt for the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from sla import recalculated
from sla.cycle import Cycle
from sla.known_sites import SiteFacts
from sla.mapping import Policy
from sla.store import issues, publications, sites
from sla.store.issues import IssueRow
from sla.timeline import Event, Timeline


class Book(NamedTuple):
    """A version of the policy, as a site's issues are judged by it."""

    version: str
    policy: Policy
    names: Mapping[str, str]
    """Custom field ids and their names, spelt as its rules spell them."""

    def timeline(self, facts: Iterable[Event]) -> Timeline:
        """A timeline of facts whose fields have those names."""
        return Timeline.of(issues.named(event, self.names) for event in facts)


class Judge(NamedTuple):
    """What a site's issues are judged by."""

    site: str
    facts: SiteFacts
    policy: Callable[[str], Policy]
    """Gives a published version."""
    known_in_force: str
    """The version in force, as far as this process has looked."""
    is_shared: bool
    """Whether other processes may publish, too."""

    def in_force(self, connection: Connection) -> str:
        """The version for an issue without a clock.

        Where several processes share the database another one may have published since this one
        looked: an issue that starts by what was before would be passed over by a recalculation.
        """
        if not self.is_shared:
            return self.known_in_force
        return str(sites.known(connection, self.site, publications.IN_FORCE) or self.known_in_force)

    def book(self, version: str) -> Book:
        """A version, as this site has it."""
        policy = self.facts.applied_to(self.policy(version))
        return Book(version, policy, self.facts.names_for(policy))

    def over(self, row: IssueRow, facts: Sequence[Event]) -> tuple[Cycle, ...]:
        """What stays as the versions before the issue's own judged it."""

        def timeline_of(policy: Policy) -> Timeline:
            names = self.facts.names_for(policy)
            return Timeline.of(issues.named(event, names) for event in facts)

        return recalculated.kept_of(
            row.earlier,
            row.policy_version,
            lambda version: self.facts.applied_to(self.policy(version)),
            timeline_of,
        )
