"""Has the open issues hear of a version that came into force: those that it is to judge, too.

A publication only notes that this is to be done; here it is done, a hundred issues in a
transaction, so that neither a delivery nor what falls due waits for a hundred thousand of them: a
hundred are moved and decided in a tenth of a second, where one by one they took a whole one.
Whoever is killed in between finds the note and the place that was reached at its next start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.exc import OperationalError

from sla import recalculated
from sla.engine.engine import Engine
from sla.errors import UnreadableRowError
from sla.lanes import Call
from sla.store import issues as stored
from sla.store import open_issues, publications, sites
from sla.store.database import Database
from sla.store.open_issues import Range
from sla.store.schema import cycles, issues
from webhooks.publishing import MOVING

_log = structlog.get_logger(__name__)
AT_ONCE = 100
"""How many issues are looked at in one step; while as many wait to be decided, none is taken."""


class Job(msgspec.Struct, frozen=True):
    """What is left to do for a publication."""

    publication: int
    version: str
    recalculate: bool
    at: datetime
    """When it came into force."""
    after: str | None = None
    """The last issue that was looked at."""
    everything: bool = False
    """Whether open issues that have a version are decided, too: an older release noted less."""


def left(database: Database, site: str) -> Sequence[Job]:
    """The publications of which not every open issue has heard yet, oldest first."""
    return database.read(lambda c: _jobs(c, site))


def step(
    database: Database,
    site: str,
    now: datetime,
    at_once: int = AT_ONCE,
    *,
    engine: Engine | None = None,
) -> bool:
    """Have the next open issues hear of the oldest publication that is not done.

    Args:
        database: where they are.
        site: the site.
        now: the present instant.
        at_once: how many issues are looked at.
        engine: decides for them in the same transaction, if the site was reached by now. None: they
            are woken, for whoever decides. So they are where one of them cannot be decided: a fault
            is then that issue's alone.

    Returns:
        Whether there is more to do now.
    """
    jobs = left(database, site)
    if not jobs:
        return False
    job = jobs[0]
    if database.read(lambda c: _waiting(c, now, at_once)) >= at_once:
        return True
    within = database.read(lambda c: _next(c, site, job.after, at_once))
    found = database.read(lambda c: open_issues.not_over(c, site, within)) if within else ()

    def wake(connection: Connection, ids: Collection[str]) -> list[Call]:
        stored.wake(connection, site, ids, now)
        return []

    def work(decide: _Decide, connection: Connection) -> tuple[bool, list[Call]]:
        publications.lock(connection, site)
        mine = _jobs(connection, site)
        if mine[:1] != [job]:
            # Another process was faster.
            return bool(mine), []
        moved = {id_ for id_, version in found if job.everything or version is None}
        if job.recalculate:
            moved |= _move(connection, site, job, [id_ for id_, _ in found])
        calls = decide(connection, moved) if moved else []
        rest = [replace(job, after=within.last), *mine[1:]] if within else mine[1:]
        sites.learn(connection, site, MOVING, msgspec.to_builtins(rest))
        return bool(rest), calls

    if engine is None or site not in engine.sites:
        return database.write(partial(work, wake))[0]
    try:
        engine.before_waking()
        goes_on, calls = database.write(
            partial(work, lambda c, ids: engine.decide_together(c, site, ids))
        )
    except OperationalError:
        raise
    except Exception:  # noqa: BLE001 - logged; each is decided by itself, which tells whose it is
        _log.exception("issues failed together", site=site, after=job.after)
        return database.write(partial(work, wake))[0]
    engine.tell(calls)
    return goes_on


_Decide = Callable[[Connection, Collection[str]], list[Call]]


def _jobs(connection: Connection, site: str) -> list[Job]:
    return msgspec.convert(sites.known(connection, site, MOVING) or [], list[Job])


def _waiting(connection: Connection, now: datetime, most: int) -> int:
    """How many issues wait to be decided; no more than `most` are counted."""
    due = select(issues.c.wake_at).where(issues.c.wake_at <= now).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(due)).scalar_one()


def _next(connection: Connection, site: str, after: str | None, at_once: int) -> Range | None:
    """The issues after one; None where there are no more."""
    ids = (
        Range(after)
        .limit(select(issues.c.issue_id).where(issues.c.site == site), issues.c.issue_id)
        .order_by(issues.c.issue_id)
        .limit(at_once)
    )
    found = connection.execute(ids).scalars().all()
    return Range(after, found[-1]) if found else None


def _move(connection: Connection, site: str, job: Job, ids: Collection[str]) -> set[str]:
    """Have those of the issues judged by a version that are judged by another; which were moved."""
    if not ids:
        return set()
    # Whoever decides just now may give an issue its first version: all are waited for, and what
    # each has is looked at afterwards. A server would pass over rows that lacked one before.
    locked = connection.execute(
        select(issues.c.issue_id, issues.c.policy_version, issues.c.earlier_versions)
        .where(issues.c.site == site, issues.c.issue_id.in_(ids))
        .order_by(issues.c.issue_id)
        .with_for_update()
    ).all()
    rows = [row for row in locked if row[1] not in (None, job.version)]
    over = _over(connection, site, ids, job.at)
    alike: dict[str, list[str]] = {}
    for issue_id, version, text in rows:
        something_over = issue_id in over
        try:
            earlier = stored.earlier_of(issue_id, text) if something_over else ()
        except UnreadableRowError as error:
            # All others are moved. What was altered by hand is for a person to mend.
            _log.error("issue stays as it was judged", site=site, issue_id=issue_id, why=str(error))
            continue
        kept = recalculated.moved(
            earlier, version, job.version, job.at, something_over=something_over
        )
        alike.setdefault(recalculated.written(kept), []).append(issue_id)
    for text, its in alike.items():
        connection.execute(
            update(issues)
            .where(issues.c.site == site, issues.c.issue_id.in_(its))
            .values(policy_version=job.version, earlier_versions=text)
        )
    return {issue_id for its in alike.values() for issue_id in its}


def _over(connection: Connection, site: str, ids: Collection[str], at: datetime) -> frozenset[str]:
    """Those of the issues of which something was over or broken by an instant."""
    found = (
        select(cycles.c.issue_id)
        .where(
            cycles.c.site == site,
            cycles.c.issue_id.in_(ids),
            or_(cycles.c.ended_at.is_not(None), cycles.c.due_at <= at),
        )
        .distinct()
    )
    return frozenset(connection.execute(found).scalars())
