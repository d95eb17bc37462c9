"""An engine with a clock and a policy that the test sets, and deliveries by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace
from sqlalchemy import select

from sla.contract import Audience, Goal, Request, Scope, Step
from sla.engine import learning
from sla.engine.engine import Engine
from sla.known_sites import SiteFacts
from sla.lanes import Call, drain
from sla.mapping import Condition, Policy
from sla.store import inbox, issues, outbox, schema
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.timeline import CommentSeen, Event, Linked
from tests.sla.example import NINE, OWN, at, contract, made, office, policy, two_hours

SITE, ISSUE = "acme", "10000"

OTHER = "10001"


@dataclass(frozen=True)
class Said:
    """What a delivery says; the tests' own kind of payload is the name under which it lies here."""

    issue_id: str | None = ISSUE
    issue_key: str | None = "ACME-1"
    events: tuple[Event, ...] = ()
    not_understood: str | None = None
    complete: bool = False
    unclear: bool = False
    unmarked: tuple[CommentSeen, ...] = ()
    assignee: tuple[str, str] | None = None
    people: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)


def creation(*, issue: str = ISSUE, **fields: Any) -> Said:
    return Said(issue, f"ACME-{issue[-1]}", tuple(made(**fields)), complete=True)


def telling(*events: Event, issue: str = ISSUE, unclear: bool = False) -> Said:
    return Said(issue, f"ACME-{issue[-1]}", events, unclear=unclear)


@dataclass
class Desk:
    """An engine with a clock and a policy that the test sets, and deliveries by name."""

    database: Database
    now: datetime = NINE
    site: str = SITE
    heard: dict[bytes, Said] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)
    told: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policies = self.policies or {"v1": policy()}
        facts = SiteFacts(OWN.id, {"customfield_1": "Support plan"}, quiet_before=at(-1000))
        self.engine = Engine(
            self.database, lambda: self.now, self._read, self._policy, "v1",
            sites={self.site: facts}, after_commit=self.told.append,
        )  # fmt: skip

    def _read(self, body: bytes) -> Said:
        return self.heard[body]

    def _policy(self, version: str) -> Policy:
        self.asked_for.append(version)
        if version not in self.policies:
            raise LookupError(f"policy version {version} is not in the database")
        return self.policies[version]

    def keep(self, *said: Said, site: str | None = None) -> None:
        """Keep deliveries, in this order, without handling them."""
        for each in said:
            name = str(len(self.heard))
            self.heard[name.encode()] = each
            keep = partial(inbox.keep, site=site or self.site, delivery=name, body=name.encode())
            self.database.write(partial(keep, received_at=self.now))

    def hear(self, *said: Said) -> None:
        """Deliveries come in and are handled."""
        self.keep(*said)
        self.work()

    def learn(self, found: list[Event]) -> None:
        """The history is read, to the end."""
        row = self.database.read(lambda c: issues.get(c, SITE, ISSUE))
        asked = row.reads_asked if row else 0
        learning.learn_history(self.engine, SITE, ISSUE, "ACME-1", found, reads_asked=asked)

    def wake(self, now: datetime) -> int:
        """Time goes on, and what is due is decided; how many issues."""
        self.now = now
        return self.work()

    def work(self) -> int:
        """Decide for whatever is due; how many issues."""
        return drain(self.engine)

    def row(self, issue: str = ISSUE) -> IssueRow:
        found = self.database.read(lambda c: issues.get(c, self.site, issue))
        assert found is not None
        return found

    def fields(self, issue: str = ISSUE) -> dict[str, Any]:
        return dict(json.loads(self.row(issue).fields_wanted or "{}"))

    def wake_at(self, issue: str = ISSUE) -> datetime | None:
        where = (schema.issues.c.site == self.site, schema.issues.c.issue_id == issue)
        found: datetime | None = self._all(select(schema.issues.c.wake_at).where(*where))[0][0]
        return found

    def cycles(self) -> list[Any]:
        """What is held of every cycle, but for its site."""
        where = schema.cycles.c.site == self.site
        columns = [column for column in schema.cycles.c if column.name != "site"]
        return [tuple(row) for row in self._all(select(*columns).where(where))]

    def judgement(self) -> tuple[Any, ...]:
        """All that was concluded about the issue, apart from when it was."""
        row = self._all(
            select(
                schema.issues.c.covered,
                schema.issues.c.reason,
                schema.issues.c.policy_version,
                schema.issues.c.wake_at,
                schema.issues.c.read_at,
                schema.issues.c.fields_wanted,
            ).where(schema.issues.c.site == self.site)
        )
        return (*map(tuple, row), *self.cycles())

    def said(self, issue: str = ISSUE) -> dict[str, str]:
        """Every key in the ledger, with what is to become of it."""
        rows = self.database.read(lambda c: outbox.announced(c, self.site, issue))
        return {row["key"].removeprefix("first_response/1/"): row["state"] for row in rows}

    def states(self) -> list[str]:
        return [state for (state,) in self._all(select(schema.inbox.c.state))]

    def notes(self) -> list[str | None]:
        return [note for (note,) in self._all(select(schema.inbox.c.note))]

    def _all(self, query: Any) -> list[Any]:
        return self.database.read(lambda c: list(c.execute(query)))


def history(*events: Event, **fields: Any) -> list[Event]:
    return [*made(**fields), *events]


def waits(desk: Desk, issue: str | None, number: int) -> None:
    """A delivery is kept, and not handled."""
    desk.database.write(
        lambda c: inbox.keep(c, SITE, f"waits {number}", b"0", at(1), issue) and None
    )


def many(desk: Desk, number: int, first: int = 10000) -> list[str]:
    """So many issues with a clock each; their ids."""
    ids = [str(first + n) for n in range(number)]
    for id_ in ids:
        key = f"ACME-{id_}"
        learning.learn_history(desk.engine, desk.site, id_, key, made(key=key), reads_asked=0)
    return ids


def escalating() -> Policy:
    """Urgent issues may be escalated by an issue of type Escalation that refers to them."""
    request = Request(
        "leadership",
        "1.4",
        steps=(Step(1, "Leadership", Audience(groups=("leads",))),),
        by_issue=Condition({"issuetype": ("Escalation",)}),
        scope=Scope(("Urgent",)),
    )
    promised = replace(contract(Goal(two_hours(), office())), requests=(request,))
    return policy(promised)


def asking(**fields: Any) -> Said:
    values = {"issuetype": "Escalation", "priority": "Trivial", "key": "ACME-2"}
    return creation(issue=OTHER, **(values | fields))


def link() -> Said:
    """Jira tells of a link once, for both its ends."""
    ends = {OTHER: (Linked(at(1), "5", ISSUE),)}
    return Said(ISSUE, None, (Linked(at(1), "5", OTHER),), also=ends)
