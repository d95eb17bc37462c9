"""Issues judged anew from their histories: what the board's rows and the issue's page both show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sla.cycle import Cycle
from sla.decide import Decision, Ledger, decide
from sla.mapping import Policy
from sla.recalculated import kept_of
from sla.store import issues
from sla.store.issues import IssueRow, named
from sla.timeline import Event, Timeline
from webhooks.console.standing import Standing


class Read(NamedTuple):
    """An issue as it is known, with what it is judged by."""

    row: IssueRow
    timeline: Timeline
    policy: Policy
    version: str
    """The policy's: the one under which the issue's first clock started, or the one in force."""
    over: tuple[Cycle, ...] = ()
    """What stays as versions before this one judged it: see `sla.recalculated`."""


class Folded(NamedTuple):
    """An issue as it stands at the instant of the question."""

    row: IssueRow
    timeline: Timeline
    policy: Policy
    decision: Decision
    version: str
    """The policy's: the one under which the issue's first clock started, or the one in force."""
    over: tuple[Cycle, ...] = ()
    """What stays as versions before this one judged it."""


def folded(standing: Standing, issue_id: str) -> Folded:
    """Judge an issue now, by the version that it has; says and saves nothing.

    Raises:
        LookupError: there is no such issue, or the version that it has is not in the database; the
            message says which.
    """
    read = read_all(standing, [issue_id])[issue_id]
    if isinstance(read, LookupError):
        raise read
    decision = decide(
        read.timeline, read.policy, Ledger(), standing.now(), issue_id=issue_id, over=read.over
    )
    return Folded(read.row, read.timeline, read.policy, decision, read.version, read.over)


def read_all(standing: Standing, issue_ids: Collection[str]) -> Mapping[str, Read | LookupError]:
    """Some issues, by their ids, or why each cannot be judged; two statements, however many."""
    site, facts = standing.site, standing.facts
    found = standing.database.read(lambda c: issues.several(c, site, issue_ids))
    in_force = standing.configuration.policy.version
    policies: dict[str, tuple[Policy, Mapping[str, str]] | LookupError] = {}
    answer: dict[str, Read | LookupError] = {}
    for issue_id in issue_ids:
        if issue_id not in found:
            told = f"nothing was heard of an issue with Jira's id {issue_id}"
            answer[issue_id] = LookupError(told)
            continue
        row, events = found[issue_id]
        version = row.policy_version or in_force
        if version not in policies:
            try:
                policy = standing.policy(version)
                policies[version] = policy, facts.names_for(policy) if facts else {}
            except LookupError as error:
                policies[version] = error
        judged_by = policies[version]
        if isinstance(judged_by, LookupError):
            answer[issue_id] = judged_by
            continue
        policy, names = judged_by
        timeline = Timeline.of(named(event, names) for event in events)
        over = _over(standing, row, events)
        answer[issue_id] = Read(row, timeline, policy, version, over)
    return answer


def _over(standing: Standing, row: IssueRow, events: Sequence[Event]) -> tuple[Cycle, ...]:
    """What stays as versions before the issue's own judged it."""
    facts = standing.facts if row.earlier else None

    def timeline_of(policy: Policy) -> Timeline:
        names = facts.names_for(policy) if facts else {}
        return Timeline.of(named(event, names) for event in events)

    return kept_of(row.earlier, row.policy_version, standing.policy, timeline_of)


__all__ = ["Folded", "Read", "folded", "read_all"]
