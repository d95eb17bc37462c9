"""Finds which histories are to be read, where Jira knows of more than was heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from sla.engine.engine import Engine
from sla.engine.heard import Known
from sla.gaps import certain_until, is_behind
from sla.lanes import Call
from sla.store import issues


def look_again(
    engine: Engine, site: str, found: Iterable[Known], *, taken_over: bool = False
) -> int:
    """Have the histories read of those issues of which Jira knows more than was heard.

    An issue that was never heard of counts when its project is in the mapping.

    Args:
        engine: knows what was heard.
        site: the site.
        found: what Jira says of its issues.
        taken_over: only those that were never heard of, as from before this installation's
            time: what lies before now is shown, and not announced.

    Returns:
        How many are to be read.
    """
    listed, now = tuple(found), engine.now()
    projects = engine.projects

    def work(connection: Connection) -> list[Call]:
        known = issues.known(connection, site, [each.issue_id for each in listed])
        new = [
            each for each in listed if each.issue_id not in known and each.project_key in projects
        ]
        for each in new:
            issues.hear_of(connection, site, each.issue_id, each.issue_key)
            issues.ask_for_history(connection, site, each.issue_id, now)
            if taken_over:
                issues.change(connection, site, each.issue_id, quiet_before=now)
        changed = [] if taken_over else [each for each in listed if _is_news(each, known)]
        behind = _behind(engine, connection, site, changed, known)
        for each in behind:
            issues.ask_for_history(connection, site, each.issue_id, now, incomplete=False)
        return [Call("histories", (site, each.issue_id), now) for each in [*new, *behind]]

    calls = engine.database.write(work)
    engine.tell(calls)
    return len(calls)


def look_for(engine: Engine, site: str, missing: Iterable[str]) -> None:
    """Have the histories read of issues that should be open in Jira and were not found there.

    Args:
        engine: knows what was heard.
        site: the site.
        missing: their ids.
    """
    ids, now = tuple(missing), engine.now()

    def work(connection: Connection) -> list[Call]:
        for issue_id in ids:
            issues.ask_for_history(connection, site, issue_id, now, incomplete=False)
        return [Call("histories", (site, issue_id), now) for issue_id in ids]

    engine.tell(engine.database.write(work))


def _behind(
    engine: Engine,
    connection: Connection,
    site: str,
    changed: Sequence[Known],
    known: Mapping[str, issues.Checked],
) -> list[Known]:
    """Those of the changed issues of which something is missing; the others are noted so."""
    held = issues.held(connection, site, [each.issue_id for each in changed])
    own_account = engine.sites[site].own_account if site in engine.sites else ""
    behind, checked = [], {}
    for each in changed:
        before = known[each.issue_id]
        mine = held.get(each.issue_id)
        if (
            mine is None
            or not before.sound
            or is_behind(mine, each.shown, each.updated_at, before.until, own_account)
        ):
            behind.append(each)
        elif each.updated_at:
            checked[each.issue_id] = certain_until(each.updated_at, engine.now())
    issues.nothing_missing(connection, site, checked)
    return behind


def _is_news(each: Known, known: Mapping[str, issues.Checked]) -> bool:
    """Whether Jira's last update of a known issue is later than what it was checked for."""
    if each.issue_id not in known:
        return False
    until = known[each.issue_id].until
    return until is None or each.updated_at is None or each.updated_at > until
