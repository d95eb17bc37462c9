"""How an issue stood at an instant: by what had happened then, and by what had been heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sla import recalculated
from sla.clock.run import cycles_of
from sla.cycle import Cycle
from sla.decide import Decision, Ledger, decide
from sla.known_sites import SiteFacts
from sla.mapping import Policy
from sla.proof import heard_at
from sla.store import issues, publications, sites
from sla.store.database import Database
from sla.store.issues import IssueRow, named
from sla.store.publications import Publication
from sla.timeline import Event, Timeline
from sla.words import local, utc
from webhooks.publishing import DEFAULT_SITE
from webhooks.questions import QuestionError
from webhooks.verifying import policies_of, read_events


class Then(NamedTuple):
    """An issue as of an instant."""

    version: str
    """By which it was judged then."""
    timeline: Timeline
    """What had happened, as Jira tells it."""
    heard: Mapping[str, datetime]
    """When each fact came first, by its identity, as far as deliveries are still kept."""
    told: Decision
    """What follows from all that had happened."""
    known: Decision
    """What followed from what had been heard; the same where nothing came late."""


def check_instant(at: datetime, timeline: Timeline, zone: str) -> None:
    """Refuse an instant at which there was no issue yet.

    Raises:
        QuestionError: it lies before the issue's creation, or that is not known.
    """
    created_at = timeline.created_at
    if created_at is None:
        raise QuestionError("The issue's creation is not known yet, so nothing can be judged.")
    if at < created_at:
        raise QuestionError(
            f"at: the issue was created {local(created_at, zone)} ({utc(created_at)}); ask for a "
            "later instant."
        )


def over_by(over: Sequence[Cycle], at: datetime) -> tuple[Cycle, ...]:
    """Those of the cycles that earlier versions judged for good that were over by an instant."""
    return tuple(each for each in over if each.ending and each.ending.at <= at)


def then(database: Database, row: IssueRow, facts: SiteFacts, at: datetime) -> Then:
    """An issue as of an instant, aware UTC; nothing is saved.

    Raises:
        QuestionError: there was no issue yet, or no version that could judge it.
    """
    _, events = database.read(lambda c: issues.several(c, DEFAULT_SITE, [row.issue_id]))[
        row.issue_id
    ]
    heard = database.read(lambda c: heard_at(c, DEFAULT_SITE, row.issue_id, read_events))
    version = version_at(database, row, at)
    policy_of = policies_of(database)
    earlier = [each for each in row.earlier if each.until_at <= at]

    def timeline_of(policy: Policy, some: Sequence[Event]) -> Timeline:
        names = facts.names_for(policy)
        return Timeline.of(named(event, names) for event in some)

    def judged(some: Sequence[Event]) -> Decision:
        def policy_for(version: str) -> Policy:
            return facts.applied_to(policy_of(version))

        def fold(version: str, until_at: datetime) -> Sequence[Cycle]:
            by = policy_for(version)
            return cycles_of(timeline_of(by, some), by, until_at)

        policy = policy_for(version)
        return decide(
            timeline_of(policy, some), policy, Ledger(), at, issue_id=row.issue_id,
            over=recalculated.kept(recalculated.leaving(earlier, version), fold),
            since=earlier[-1].until_at if earlier else None,
        )  # fmt: skip

    whole = timeline_of(facts.applied_to(policy_of(version)), events)
    check_instant(at, whole, "UTC")
    happened = Timeline.of(events).until(at).events
    # What is not known when it was heard is taken as heard when it happened.
    had_come = [event for event in happened if heard.get(event.identity, at) <= at]
    told = judged(happened)
    known = told if len(had_come) == len(happened) else judged(had_come)
    return Then(version, whole.until(at), heard, told, known)


def version_at(database: Database, row: IssueRow, at: datetime) -> str:
    """The version that judged an issue at an instant; while it had none, the one in force.

    Raises:
        QuestionError: none was in force yet.
    """
    first = _first_promise(database, row)
    if first is None or first["promised_at"] > at:
        return in_force_at(database, at)
    reached = _moves(database, row, first["promised_at"])
    before = [each.version for each in reached if each.published_at <= at]
    return before[-1] if before else str(first["policy_version"])


def recalculations(database: Database, row: IssueRow) -> Sequence[Publication]:
    """The publications for which an issue was judged anew, oldest first."""
    first = _first_promise(database, row)
    return _moves(database, row, first["promised_at"]) if first else ()


def _first_promise(database: Database, row: IssueRow) -> Mapping[str, Any] | None:
    promised = database.read(lambda c: issues.promises_of(c, DEFAULT_SITE, row.issue_id))
    return min(promised, key=itemgetter("promised_at"), default=None)


def _moves(database: Database, row: IssueRow, promised_at: datetime) -> Sequence[Publication]:
    moves = [
        each
        for each in database.read(lambda c: publications.since(c, DEFAULT_SITE, 0))
        if each.recalculated and each.published_at > promised_at
    ]
    # Once it was over it was moved no more: those up to the version that it has.
    mine = [nth for nth, each in enumerate(moves) if each.version == row.policy_version]
    return moves[: mine[-1] + 1] if mine else []


def in_force_at(database: Database, at: datetime) -> str:
    """The version that was in force at an instant; before the first one, the first.

    Raises:
        QuestionError: none was ever published.
    """
    listed = database.read(lambda c: publications.since(c, DEFAULT_SITE, 0))
    before = [each.version for each in listed if each.published_at <= at]
    known = database.read(lambda c: sites.known(c, DEFAULT_SITE, publications.IN_FORCE))
    found = before[-1] if before else listed[0].version if listed else known
    if found is None:
        raise QuestionError("No version was ever in force: Jira was never reached.")
    return str(found)
