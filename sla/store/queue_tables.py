"""The queue's own tables, which procrastinate describes in SQL and Alembic knows nothing of."""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, select, text

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
    _keep_fetching_quick(connection)
    new = [{"name": script.name} for script in released if script.name not in applied]
    if new:
        connection.execute(insert(_applied), new)


def _keep_fetching_quick(connection: Connection) -> None:
    """Have jobs fetched along indexes, whatever the server's statistics say.

    A queue is empty whenever somebody counts it, and a plan for an empty table takes a third of a
    second a job when three thousand wait. Said each time, since a release may replace the function.
    """
    connection.execute(text(
        "CREATE INDEX IF NOT EXISTS dueline_jobs_lock ON procrastinate_jobs (lock)"
        " WHERE status IN ('todo', 'doing')"
    ))  # fmt: skip
    found = text(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'procrastinate_fetch_job%'"
    )
    for function in connection.execute(found).scalars().all():
        for way in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            connection.exec_driver_sql(f"ALTER FUNCTION {function} SET {way} = off")


def _run(connection: Connection, script: str) -> None:
    # Several statements, and percent signs that are no parameters: only the driver takes these.
    cursor = connection.connection.cursor()
    cursor.execute(script)
    cursor.close()
