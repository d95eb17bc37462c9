"""A contract's downtime ledger: what issues report, what people enter, what a month comes to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from config.configuration import Configuration
from config.settings import Settings
from sla.availability import Availability, Basis, Downtime, Found, downtimes_of
from sla.contract import Contract
from sla.known_sites import remembered_site
from sla.store import downtimes, issues
from sla.store.database import Database
from webhooks.databases import opened
from webhooks.questions import QuestionError, instant
from webhooks.serve import clock_from
from webhooks.service import DEFAULT_SITE
from webhooks.uptime import Report, entered_lines, facts_from, fee_from, report


@dataclass(frozen=True, slots=True)
class Month:
    """A question for `dueline uptime`; texts as they were typed."""

    month: str
    contract: str | None = None
    customer: str | None = None
    fee: str | None = None
    """None: the customer's own, from the configuration."""
    facts: Sequence[str] = ()
    down: Sequence[str] = ()
    """Downtimes for this question alone, `FROM/TO` each."""
    basis: Basis | None = None
    """Another reading of the month's minutes than the contract's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A downtime that somebody enters; texts as they were typed."""

    confirmed: str
    restored: str | None = None
    contract: str | None = None
    kind: str | None = None
    customers: Sequence[str] = ()
    note: str = ""


def uptime_of(settings: Settings, configuration: Configuration, asked: Month) -> Report:
    """A month's availability and credit.

    Raises:
        QuestionError: something asked for is not there, or does not read.
        StoreError: the database cannot be used.
        SlaError: an entry or a figure makes no sense.
    """
    # What is asked wrongly is told before a database is looked for.
    _with_availability(configuration, asked.contract, asked.customer)
    now = clock_from(os.environ).now()
    with opened(settings) as database:
        return uptime_in(database, configuration, asked, now)


def uptime_in(
    database: Database, configuration: Configuration, asked: Month, now: datetime
) -> Report:
    """The same from a database that is open already, at an instant.

    Raises:
        QuestionError: something asked for is not there, or does not read.
        SlaError: an entry or a figure makes no sense.
    """
    contract = _with_availability(configuration, asked.contract, asked.customer)
    availability = _promised(contract)
    if asked.basis:
        availability = replace(availability, basis=asked.basis)
    found = _reported(database, configuration, contract, now)
    entered = database.read(lambda c: downtimes.listed(c, DEFAULT_SITE, [contract.id]))
    ledger = [*found.downtimes, *(entry.downtime for entry in entered), *_typed(asked.down)]
    terms = availability.credit
    if asked.facts and terms is None:
        raise QuestionError(f"fact: {contract.id} gives no credit, so there is nothing to state")
    return report(
        availability,
        ledger,
        asked.month,
        asked.customer,
        now,
        fee=_fee(configuration, contract, asked),
        facts=facts_from(terms, asked.facts) if terms else None,
        problems=found.problems,
    )


def enter(settings: Settings, configuration: Configuration, entry: Entry) -> list[str]:
    """Enter a downtime by hand; a line that says what was entered."""
    contract = _with_availability(configuration, entry.contract, None)
    confirmed_at = instant("confirmed", entry.confirmed)
    restored_at = instant("restored", entry.restored) if entry.restored else None
    now = clock_from(os.environ).now()
    with opened(settings) as database:
        entered = database.write(
            lambda c: downtimes.add(
                c,
                DEFAULT_SITE,
                contract.id,
                confirmed_at=confirmed_at,
                now=now,
                restored_at=restored_at,
                kind=entry.kind,
                customers=entry.customers,
                note=entry.note,
            )
        )
    return list(entered_lines([entered]))


def close(settings: Settings, number: int, restored: str) -> list[str]:
    """Say when a service that was entered as down was restored."""
    restored_at = instant("restored", restored)
    with opened(settings) as database:
        entered = database.write(lambda c: downtimes.close(c, DEFAULT_SITE, number, restored_at))
    return list(entered_lines([entered]))


def remove(settings: Settings, number: int) -> list[str]:
    """Take an entry away."""
    with opened(settings) as database:
        entered = database.write(lambda c: downtimes.remove(c, DEFAULT_SITE, number))
    return [f"removed {line}" for line in entered_lines([entered])]


def listed(settings: Settings) -> list[str]:
    """Everything that was entered by hand."""
    with opened(settings) as database:
        return list(entered_lines(database.read(lambda c: downtimes.listed(c, DEFAULT_SITE))))


def _with_availability(
    configuration: Configuration, wanted: str | None, customer: str | None
) -> Contract:
    """The contract that is meant: the one named, or the only one that promises a percentage."""
    policy = configuration.policy
    there = {id_: each for id_, each in policy.contracts.items() if each.availability}
    measured = [id_ for id_, each in there.items() if _promised(each).commitment is not None]
    if wanted is None and len(measured) == 1:
        wanted = measured[0]
    if wanted is None or wanted not in there:
        raise QuestionError(
            f"contract: {wanted or 'none'} is not one that promises availability; name one of "
            f"{', '.join(there) or '(there is none)'}"
        )
    return policy.contract(wanted, customer)


def _promised(contract: Contract) -> Availability:
    if contract.availability is None:
        raise QuestionError(f"contract: {contract.id} promises no availability")
    return contract.availability


def _fee(configuration: Configuration, contract: Contract, asked: Month) -> Decimal | None:
    if asked.fee is not None:
        return fee_from(asked.fee)
    return configuration.fee(contract.id, contract.customer)


def _typed(texts: Iterable[str]) -> Iterator[Downtime]:
    for number, text in enumerate(texts, 1):
        start, slash, end = text.partition("/")
        if not slash:
            raise QuestionError(
                f"down {text!r}: expected FROM/TO, such as "
                "2026-10-10T14:05-05:00/2026-10-10T15:00-05:00"
            )
        yield Downtime(f"typed {number}", instant("down", start), instant("down", end))


def _reported(
    database: Database, configuration: Configuration, contract: Contract, now: datetime
) -> Found:
    """What issues of the configured type in the contract's projects report."""
    fields = configuration.downtime_fields(contract.id)
    site = remembered_site(database, DEFAULT_SITE)
    if fields is None or site is None:
        return Found((), ())
    policy = configuration.policy
    keys = [
        project.key
        for project in policy.projects.values()
        if any(rule.contract == contract.id for rule in project.contracts)
    ]
    names = site.names_for(policy)
    timelines = database.read(lambda c: list(issues.timelines(c, DEFAULT_SITE, keys, names)))
    return downtimes_of(timelines, fields, now)
