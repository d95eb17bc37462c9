"""The queue's own tables, which procrastinate describes in SQL and Alembic knows nothing of."""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, select

_applied = Table("dueline_queue_migrations", MetaData(), Column("name", Text, primary_key=True))


def upgrade(connection: Connection) -> None:
    """Make the tables, or bring them to the installed release of procrastinate.

    The release's whole schema holds all of its migrations; a database that has an earlier one gets
    those that came since, in the order of their names.
    """
    _applied.create(connection, checkfirst=True)
    applied = set(connection.execute(select(_applied.c.name)).scalars())
    scripts = resources.files("procrastinate") / "sql"
    released = sorted(
        (found for found in (scripts / "migrations").iterdir() if found.name.endswith(".sql")),
        key=lambda found: found.name,
    )
    if applied:
        for script in released:
            if script.name not in applied:
                _run(connection, script.read_text(encoding="utf-8"))
    else:
        _run(connection, (scripts / "schema.sql").read_text(encoding="utf-8"))
    new = [{"name": script.name} for script in released if script.name not in applied]
    if new:
        connection.execute(insert(_applied), new)


def _run(connection: Connection, script: str) -> None:
    # Several statements, and percent signs that are no parameters: only the driver takes these.
    cursor = connection.connection.cursor()
    cursor.execute(script)
    cursor.close()
