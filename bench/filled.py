"""A database as it stands with many open issues in it; what grows with them is measured on it.

    .venv/bin/python -m bench.filled --issues 100000 sqlite:////tmp/filled.sqlite3

A few stories are told in a simulated Jira. What was heard of them is moved to other instants and
decided by the engine itself, some hundred times; the rows of those issues are copied with other ids
and keys until there are enough. Handled deliveries are not among them: a service forgets these.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Table, delete, func, select, text, update

from config.settings import SHIPPED
from connector.simulator import AGENT, CUSTOMER
from sla.engine import learning
from sla.engine.engine import Engine
from sla.store import issues
from sla.store.database import Database
from sla.store.migrate import migrate
from sla.store.schema import inbox, issue_keys, metadata, sayings
from sla.store.schema import issues as issues_table
from sla.timeline import Event
from tests.scenarios import world as worlds
from tests.scenarios.world import World, world
from webhooks.clock import SystemClock

SITE = "default"
SEEDS = 300
"""How many issues are decided; the others are their copies."""
FIRST_ID = 1_000_000
"""Issues are numbered from here, far from those that a simulator makes."""
QUIET = timedelta(hours=1)
"""For so long nothing falls due by itself."""
# Over a weekend and a working day: some clocks stand still, and some goals are used up already.
_SPREAD = timedelta(days=4)
_TOLD_BEFORE = timedelta(days=60)
# Each with whether an agent has answered.
_ISSUES: tuple[tuple[dict[str, str], bool], ...] = (
    ({"project": "HLP", "priority": "Highest"}, False),
    ({"project": "BTL", "priority": "Low"}, False),
    ({"project": "HLP", "priority": "Low", "Support plan": "Enterprise"}, False),
    ({"project": "BAL", "priority": "Medium"}, True),
    ({"project": "BIT", "priority": "Low", "issuetype": "Task"}, True),
    ({"project": "BOT", "priority": "Medium"}, False),
    ({"project": "HLP", "priority": "Medium"}, False),
    ({"project": "BIT", "priority": "Medium"}, True),
)


@dataclass(frozen=True)
class Story:
    """What was heard of one issue, from its making on."""

    key: str
    facts: tuple[Event, ...]

    def as_of(self, key: str, began_at: datetime) -> list[Event]:
        """The same of another issue, that was made at another instant."""
        by = began_at - min(event.at for event in self.facts)
        return [_moved(_renamed(event, self.key, key), by) for event in self.facts]


def fill(url: str, number: int, *, at: datetime, config: Path = SHIPPED) -> None:
    """Fill an empty database with open issues, all of them decided and written to Jira.

    Args:
        url: the database's address, as in `DUELINE_DATABASE_URL`.
        number: how many issues.
        at: the present instant, aware; nothing falls due within `QUIET` of it.
        config: the configuration's directory; its projects are those that are shipped.
    """
    with closing(Database(url)) as empty:
        migrate(empty)
    with (
        tempfile.TemporaryDirectory() as directory,
        patch.object(worlds, "database_in", lambda _directory: url),
        world(Path(directory), at - _TOLD_BEFORE, config=config) as made,
    ):
        stories = _stories(made)
        made.clock.at = at
        # So that the next start finds nothing to ask Jira for.
        made.service.reconciler.run()
        made.settle()
        seeds = _decided(made.service.engine, stories, min(SEEDS, number), at)
        database = made.service.database
        database.write(lambda c: _copy(c, seeds, number))
        database.write(_as_written)


def _stories(made: World) -> list[Story]:
    """Issues with some history, none of which is resolved; they are taken away again."""
    keys = []
    for fields, answered in _ISSUES:
        keys.append(made.report(fields["project"], fields))
        _go_on(made, keys[-1], answered=answered)
    found = [_heard(made.service.database, made.jira.issue(key).id, key) for key in keys]
    for key in keys:
        made.jira.delete_issue(key)
    made.settle()
    made.service.database.write(_empty)
    return found


def _go_on(made: World, key: str, *, answered: bool) -> None:
    made.advance(timedelta(minutes=5))
    if answered:
        made.jira.add_comment(key, "We look into it.", account=AGENT)
    else:
        made.jira.assign(key, AGENT)
    made.advance(timedelta(minutes=4))
    made.jira.add_comment(key, "When will you know?", account=CUSTOMER)
    made.settle()


def _heard(database: Database, issue_id: str, key: str) -> Story:
    timeline = database.read(lambda c: issues.timeline_of(c, SITE, issue_id, {}))
    return Story(key, timeline.events)


def _moved(event: Event, by: timedelta) -> Event:
    instants = {
        name: getattr(event, name) + by for name in ("at", "version_at") if hasattr(event, name)
    }
    return replace(event, **instants)


def _renamed(event: Event, old: str, new: str) -> Event:
    told = msgspec.json.encode(event).replace(f'"{old}"'.encode(), f'"{new}"'.encode())
    return msgspec.json.decode(told, type=type(event))


def _of_issues() -> list[Table]:
    return [t for t in metadata.sorted_tables if "issue_id" in t.c and t is not inbox]


def _empty(connection: Connection) -> None:
    for table in [*_of_issues(), inbox]:
        connection.execute(delete(table))


def _decided(
    engine: Engine, stories: Sequence[Story], number: int, at: datetime
) -> list[tuple[str, str]]:
    """The ids and keys of so many issues that the engine decided, and that are quiet for a while.

    Raises:
        ValueError: no story has such an issue to give.
    """
    found: list[tuple[str, str]] = []
    for nth, (story, began_at) in enumerate(_beginnings(stories, at)):
        if len(found) == number:
            return found
        if nth >= 20 * number:
            break
        issue_id = str(FIRST_ID + len(found))
        key = f"{story.key.partition('-')[0]}-{issue_id}"
        facts = [event for event in story.as_of(key, began_at) if event.at <= at]
        learning.learn_history(
            engine, SITE, issue_id, key, facts, reads_asked=0, updated_at=facts[-1].at
        )
        if _is_quiet(engine.database, issue_id, at + QUIET):
            found.append((issue_id, key))
        else:
            engine.database.write(lambda c, id_=issue_id: _forget(c, id_))  # type: ignore[misc]
    raise ValueError(f"only {len(found)} of {number} issues are quiet for {QUIET}")


def _beginnings(stories: Sequence[Story], at: datetime) -> Iterator[tuple[Story, datetime]]:
    """The stories in turn, each time with another beginning."""
    step = _SPREAD / 1009  # a prime: no beginning comes again soon
    for nth, story in enumerate(cycle(stories)):
        yield story, at - step * (nth * 397 % 1009)


def _is_quiet(database: Database, issue_id: str, until: datetime) -> bool:
    query = select(issues_table.c.wake_at).where(issues_table.c.issue_id == issue_id)
    wake_at = database.read(lambda c: c.execute(query).scalar())
    return wake_at is not None and wake_at > until


def _forget(connection: Connection, issue_id: str) -> None:
    for table in _of_issues():
        connection.execute(delete(table).where(table.c.issue_id == issue_id))


def _copy(connection: Connection, seeds: Sequence[tuple[str, str]], number: int) -> None:
    """Copy the rows of some issues until there are so many issues."""
    ids = range(FIRST_ID + len(seeds), FIRST_ID + number)
    copies = [
        {"seed_id": seed_id, "seed_key": key, "id": str(id_), "key": f"{key.split('-')[0]}-{id_}"}
        for id_, (seed_id, key) in zip(ids, cycle(seeds), strict=False)
    ]
    if not copies:
        return
    connection.execute(
        text("CREATE TEMPORARY TABLE copies (seed_id TEXT, seed_key TEXT, id TEXT, key TEXT)")
    )
    connection.execute(text("INSERT INTO copies VALUES (:seed_id, :seed_key, :id, :key)"), copies)
    connection.execute(text("CREATE INDEX ix_copies ON copies (seed_id)"))
    for table in _of_issues():
        columns = [column.name for column in table.c if column.name != "id"]
        values = ", ".join(_copied(table, name, connection.dialect.name) for name in columns)
        connection.execute(
            text(
                f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {values} "  # noqa: S608
                f"FROM copies JOIN {table.name} ON {table.name}.issue_id = copies.seed_id"
            )
        )
    connection.execute(text("DROP TABLE copies"))


def _copied(table: Table, name: str, dialect: str) -> str:
    """A column of a copied row, in SQL."""
    if name == "issue_id":
        return "copies.id"
    if name == "key" and table in (issues_table, issue_keys):
        return "copies.key"
    column = f"{table.name}.{name}"
    if name not in ("data", "saying"):
        return column
    # JSON in bytes, in which the key stands in quotes.
    in_text = (
        f"convert_from({column}, 'UTF8')" if dialect == "postgresql" else f"CAST({column} AS TEXT)"
    )
    told = f"""replace({in_text}, '"' || copies.seed_key || '"', '"' || copies.key || '"')"""
    return f"convert_to({told}, 'UTF8')" if dialect == "postgresql" else f"CAST({told} AS BLOB)"


def _as_written(connection: Connection) -> None:
    """Have it look as though Jira had taken everything."""
    connection.execute(
        update(issues_table).values(
            fields_written=issues_table.c.fields_wanted, write_at=None, write_attempts=0
        )
    )
    connection.execute(
        update(sayings).where(sayings.c.state == "pending").values(state="sent", try_at=None)
    )


def _counts(database: Database) -> dict[str, int]:
    tables = _of_issues()

    def work(connection: Connection) -> dict[str, int]:
        return {
            t.name: connection.execute(select(func.count()).select_from(t)).scalar_one()
            for t in tables
        }

    return database.read(work)


def main() -> None:
    """Fill a database, and say what is in it."""
    parser = argparse.ArgumentParser(description="Fill an empty database with open issues.")
    parser.add_argument("url", help="its address, such as sqlite:////tmp/filled.sqlite3")
    parser.add_argument("--issues", type=int, default=100_000)
    asked = parser.parse_args()
    fill(asked.url, asked.issues, at=SystemClock().now())
    database = Database(asked.url)
    print(", ".join(f"{number:,} {name}" for name, number in _counts(database).items()))  # noqa: T201
    database.close()


if __name__ == "__main__":
    main()
