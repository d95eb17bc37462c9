"""How Alembic reaches the database: on the connection it is handed, batch mode for SQLite."""

from __future__ import annotations

from alembic import context

from sla.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
